"""Texts of the commands on transcripts, in both languages."""

from __future__ import annotations

from typing import Final

ENGLISH_TRANSCRIPTS: Final = {
    "help.room.export": "write a room to a file that anybody can verify, or as a page to read",
    "help.format": "json, to verify, or html, a page without scripts to read ({default})",
    "help.verify-transcript": "verify a transcript offline: what is signed, acknowledged, claimed, missing",
    "help.transcript": "the transcript file",
    "help.company_account": "the account of the company: 64 hexadecimal digits, or its contact card",
    "help.html": "also write a page to read to this new file",
    "help.all_verdicts": "show each entry, not only what does not hold",
    "transcript.of": "{file}: {count} entries",
    "transcript.of.one": "{file}: {count} entry",
    "transcript.limits": "No transcript proves to a third person what the customer wrote. Entries may be"
    " missing at the end.",
    "transcript.partial": "This device does not have all that was said in the room. Export it where the room"
    " is answered, or at the customer's.",
    "error.transcript.invalid": "the file is no transcript of this company, or larger than one may be",
    "hint.transcript.invalid": "compare the company's account with its card; ask for the file again",
    "help.company.archive": "write a transcript of each room that has changed to a folder",
    "help.verify-archive": "verify all transcripts of an archive offline",
    "help.archive_folder": "the folder of the archive",
    "archive.done": "Archive: {written} rooms written, {unchanged} as they were.",
    "archive.done.one": "Archive: {written} room written, {unchanged} as they were.",
    "archive.refused": "room {room} was not written ({code})",
    "archive.fault": "{file} does not hold: {why}",
    "archive.verified": "{good} of {count} files hold; bodies that were erased or withheld: {withheld}",
    "archive.verified.one": "{good} of {count} file holds; bodies that were erased or withheld: {withheld}",
    "error.archive.full": "16 earlier files of a room are kept in this archive",
    "hint.archive.full": "move the earlier files of this room elsewhere, and archive into a new folder",
    "error.archive.old": "what was erased in a room since the backup is not known yet",
    "hint.archive.old": "the room is written once a device of its customer has answered",
}
GERMAN_TRANSCRIPTS: Final = {
    "help.room.export": "einen Raum in eine Datei schreiben, die jeder prüfen kann, oder als Seite zum Lesen",
    "help.format": "json, zum Prüfen, oder html, eine Seite ohne Skripte zum Lesen ({default})",
    "help.verify-transcript": "ein Protokoll offline prüfen: was unterschrieben, bestätigt, nur behauptet"
    " ist, was fehlt",
    "help.transcript": "die Protokolldatei",
    "help.company_account": "das Konto des Unternehmens: 64 hexadezimale Ziffern, oder seine Kontaktkarte",
    "help.html": "auch eine Seite zum Lesen in diese neue Datei schreiben",
    "help.all_verdicts": "jeden Eintrag zeigen, nicht nur, was nicht hält",
    "transcript.of": "{file}: {count} Einträge",
    "transcript.of.one": "{file}: {count} Eintrag",
    "transcript.limits": "Kein Protokoll beweist einem Dritten, was der Kunde geschrieben hat. Am Ende"
    " können Einträge fehlen.",
    "transcript.partial": "Dieses Gerät hat nicht alles, was im Raum gesagt wurde. Führen Sie ihn dort aus,"
    " wo geantwortet wird, oder beim Kunden.",
    "error.transcript.invalid": "die Datei ist kein Protokoll dieses Unternehmens, oder größer als erlaubt",
    "hint.transcript.invalid": "das Konto mit der Karte des Unternehmens vergleichen; die Datei noch einmal"
    " anfordern",
    "help.company.archive": "von jedem Raum, der sich geändert hat, ein Protokoll in einen Ordner schreiben",
    "help.verify-archive": "alle Protokolle eines Archivs offline prüfen",
    "help.archive_folder": "der Ordner des Archivs",
    "archive.done": "Archiv: {written} Räume geschrieben, {unchanged} unverändert.",
    "archive.done.one": "Archiv: {written} Raum geschrieben, {unchanged} unverändert.",
    "archive.refused": "Raum {room} wurde nicht geschrieben ({code})",
    "archive.fault": "{file} hält nicht: {why}",
    "archive.verified": "{good} von {count} Dateien halten; gelöschte oder verborgene Inhalte: {withheld}",
    "archive.verified.one": "{good} von {count} Datei hält; gelöschte oder verborgene Inhalte: {withheld}",
    "error.archive.full": "von einem Raum liegen schon 16 frühere Dateien in diesem Archiv",
    "hint.archive.full": "frühere Dateien anderswo aufbewahren und in einen neuen Ordner archivieren",
    "error.archive.old": "was in einem Raum seit der Sicherung gelöscht wurde, ist noch nicht bekannt",
    "hint.archive.old": "der Raum wird geschrieben, sobald ein Gerät seines Kunden geantwortet hat",
}
