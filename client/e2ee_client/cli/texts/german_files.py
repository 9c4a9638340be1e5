"""What the command line says of files in rooms, in German. The keys are those in English."""

from __future__ import annotations

from typing import Final

GERMAN_FILES: Final[dict[str, str]] = {
    "help.room.send-file": "eine Datei von höchstens 64 MiB senden",
    "help.room.save": "die Datei eines Eintrags in einem Ordner speichern",
    "help.sent_file": "die Datei, die gesendet wird",
    "help.file_name": "ihr Name im Raum, anstelle dessen auf dem Datenträger",
    "help.strip": "entfernen, was ein Bild über Ort, Zeit und Kamera sagt",
    "help.file_entry": "der Anfang der Kennung, wie der Verlauf sie zeigt, oder - für die neueste Datei",
    "help.save_folder": "der Ordner, in dem sie gespeichert wird (dieser)",
    "file.sent": "Gesendet: {file} ({entry}).",
    "file.saved": "Gespeichert unter {path}",
    "entry.file": "{name}: Datei {file} ({size}, {entry})",
    "event.file_failed": "[{room}] eine Datei kam nicht an oder ging nicht ab: {why}",
    "event.file_expiring": "[{room}] Datei {entry} ist nicht gespeichert; das Relay löscht sie am {when}",
    "event.file_expired": "[{room}] Datei {entry} wurde nie gespeichert; das Relay hat sie nicht mehr",
    "error.send.file_kept": "die Datei ist nicht rechtzeitig ganz übertragen; es geht später weiter",
    "hint.send.file_kept": "es geht mit dem nächsten Befehl weiter, oder mit sealroom room listen",
    "error.file.quota": "kein Postfach des Raums hat Platz für die Datei; nichts wurde gesendet",
    "hint.file.quota": "senden Sie eine kleinere Datei, oder warten Sie, bis frühere abgeholt sind",
    "error.file.expired": "das Relay hat die Datei nicht mehr",
    "hint.file.expired": "bitten Sie darum, dass sie noch einmal gesendet wird",
    "error.file.cancelled": "die Datei wurde aufgegeben",
    "error.file.metadata": "die Metadaten dieser Datei lassen sich nicht entfernen",
    "hint.file.metadata": "machen Sie ein JPEG oder PNG daraus, oder senden Sie sie ohne --strip-metadata",
    "error.file.type": "diese Art von Datei wird nicht gesendet, oder ihr Name sagt eine andere Art",
    "hint.file.type": "gesendet werden Bilder, Ton, Film, PDF, Text und Office-Dokumente ohne Makros",
    "error.file.corrupt": "die Datei ist nicht die angekündigte; nichts davon wurde gespeichert",
    "hint.file.corrupt": "bitten Sie darum, dass sie noch einmal gesendet wird",
    "error.local.file": "eine solche Datei gibt es im Raum nicht",
    "error.local.file_unusable": "eine Datei oder ein Ordner dieses Geräts ist nicht brauchbar: {detail}",
    "error.local.file_stalled": "das Laufwerk dieser Datei oder dieses Ordners antwortet nicht",
    "hint.local.file_stalled": "sehen Sie nach, ob es verbunden ist, oder nehmen Sie eine Kopie von anderswo",
    "error.local.file_name": "so kann eine Datei im Raum nicht heißen",
    "hint.local.file_name": "geben Sie ihr mit --name einen anderen Namen",
    "error.local.file_too_large": "eine Datei hat höchstens 64 MiB",
}
