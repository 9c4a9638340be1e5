"""Details that libraries and the client word in English, in German."""

from __future__ import annotations

import re
from typing import Final

DETAILS_GERMAN: Final[dict[str, str]] = {
    "a relay is wss://host, or ws:// on this machine": "ein Relay ist wss://Rechner, oder ws:// auf diesem "
    "Gerät",
    "a name has 1 to 64 printable characters": "ein Name hat 1 bis 64 druckbare Zeichen",
    "this contact card is your own": "diese Kontaktkarte ist Ihre eigene",
    "the signed list is installed already": "die unterschriebene Liste ist schon eingerichtet",
    "the text is not a safety number": "der Text ist keine Sicherheitsnummer",
    "a recovery key has 64 digits, 0 to 9 and A to F": "ein Wiederherstellungsschlüssel hat 64 Ziffern, "
    "0 bis 9 und A bis F",
    "the account that is lost is this one": "das verlorene Konto ist dieses",
    "rooms with an account do not go on with another one": "Räume mit einem Konto gehen nicht mit einem "
    "anderen weiter",
    "not a successor statement": "keine Nachfolgeerklärung",
    "the successor statement is damaged": "die Nachfolgeerklärung ist beschädigt",
    "not signed by the recovery key of the list that is known": "nicht mit dem Schlüssel der bekannten Liste "
    "unterschrieben",
    "the account named no recovery key": "das Konto hat keinen Wiederherstellungsschlüssel genannt",
    "an account that follows itself": "ein Konto, das sich selbst nachfolgt",
    "the contact card is of another account than the statement": "Karte und Erklärung nennen verschiedene "
    "Konten",
    "a text is Unicode without lone surrogates": "ein Text ist Unicode ohne einzelne Surrogate",
    "a text of a room has 1 to 16384 bytes in UTF-8": "ein Text eines Raums hat 1 bis 16384 Byte in UTF-8",
    "a passphrase has 1 to 1024 bytes": "eine Passphrase hat 1 bis 1024 Byte",
    "a passphrase is Unicode text without lone surrogates": "eine Passphrase ist Unicode-Text",
    # What a device may not do in a room.
    "nobody erases proofs, or what the other side wrote": "Nachweise, und was die andere Seite geschrieben "
    "hat, löscht niemand",
    "a steward alone refuses a login or a request": "nur ein Empfang lehnt eine Anmeldung oder Bitte ab",
    "the customer alone erases the room": "nur der Kunde löscht den Raum",
    "not an entry that may be marked": "dieser Eintrag lässt sich nicht kennzeichnen",
    "only the device that wrote a text words it anew": "nur das Gerät, das einen Text geschrieben hat, "
    "fasst ihn neu",
    "a text that was erased is not worded anew": "ein gelöschter Text wird nicht neu gefasst",
    "a room of notes is not exported": "Notizen werden nicht ausgeführt",
    "a sensitive room is exported by a supervisor, while it is on hold": "einen sensiblen Raum führt die "
    "Aufsicht aus, solange er gesperrt ist",
    "more entries than may be handed over at a time": "mehr Einträge, als auf einmal übergeben werden",
    "a steward, or who gives the room to a colleague, hands history over": "ein Empfang, oder wer den Raum "
    "abgibt, übergibt den Verlauf",
    "history is handed over to a colleague who is in the room": "der Verlauf geht an jemanden, "
    "der im Raum ist",
    "a customer gives history to its own device": "Kunden geben den Verlauf an ein eigenes Gerät",
    "history is given to another device of the account": "der Verlauf geht an ein anderes Gerät des Kontos",
    "nobody has objected in this room": "in diesem Raum hat niemand widersprochen",
    "a supervisor decides an objection": "über einen Widerspruch entscheidet die Aufsicht",
    "only the company's devices ask for this": "darum bitten nur Geräte des Unternehmens",
    "no request of this id waits": "keine solche Anfrage wartet",
    "somebody else is assigned": "jemand anderes hat den Raum",
    "nobody waits for a team where somebody is assigned": "auf ein Team wartet niemand, "
    "wo schon jemand den Raum hat",
    "no desk is in force that could grant this": "kein Empfang ist in Kraft, der das gewähren könnte",
    # Faults of a notice.
    'must be "notice", "consent" or "explicit"': 'muss "notice", "consent" oder "explicit" sein',
    "must be a text of 1 to 240 characters without hidden ones": "muss ein Text von 1 bis 240 Zeichen ohne "
    "versteckte sein",
    "must be an address of e-mail": "muss eine E-Mail-Adresse sein",
    "must be the wss address of the relay, of at most 56 bytes": "muss die wss-Adresse des Relays sein, "
    "höchstens 56 Byte",
    "must be a list of at most 32 texts, empty if there are no other recipients": "muss eine Liste von "
    "höchstens 32 Texten sein, leer ohne weitere Empfänger",
    "must be a list of at most 32 texts, empty if there is no transfer": "muss eine Liste von höchstens 32 "
    "Texten sein, leer ohne Übermittlung",
    "must be the https address of a page": "muss die https-Adresse einer Seite sein",
    "must be true or false: do bots answer?": "muss true oder false sein: antworten Bots?",
    "must be a number from 0 to 150": "muss eine Zahl von 0 bis 150 sein",
    "must be true or false: is anything decided by automated means alone?": "muss true oder false sein: wird "
    "etwas allein automatisiert entschieden?",
    "must be the locale of one of the texts": "muss die Sprache eines der Texte sein",
    "must be a number from 1 to 32": "muss eine Zahl von 1 bis 32 sein",
    "must be a text of 1 to 240 characters without hidden ones: the legal basis": "muss ein Text von 1 bis "
    "240 Zeichen ohne versteckte sein: die Rechtsgrundlage",
    "must be true or false": "muss true oder false sein",
    "must be filled in: a placeholder is left": "ist auszufüllen: ein Platzhalter steht noch da",
    "must not be empty": "darf nicht leer sein",
}

# Places of arguments; what is not here is the same.
PLACES_GERMAN: Final[dict[str, str]] = {
    "CARD": "KARTE",
    "COMMAND": "BEFEHL",
    "CONTACT": "KONTAKT",
    "DAYS": "TAGE",
    "DEVICE": "GERÄT",
    "ENTRY": "EINTRAG",
    "FILE": "DATEI",
    "FOLDER": "ORDNER",
    "FORM": "FORMULAR",
    "ID": "KENNUNG",
    "KEY": "SCHLÜSSEL",
    "MINUTES": "MINUTEN",
    "PATH": "PFAD",
    "REQUEST": "ANFRAGE",
    "ROOM": "RAUM",
    "STARS": "STERNE",
    "STATEMENT": "ERKLÄRUNG",
    "TITLE": "TITEL",
    "VALUE": "WERT",
    "WORDS": "WÖRTER",
}

# What the parser of arguments says. The first group of each pattern is kept.
_PARSER_GERMAN: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"the following arguments are required: (.*)"), r"es fehlt: \1"),
    (re.compile(r"unrecognized arguments: (.*)"), r"unbekannte Angabe: \1"),
    (
        re.compile(r"argument (.*): invalid choice: (.*) \(choose from (.*)\)"),
        r"\1: \2 gibt es nicht; möglich sind \3",
    ),
    (re.compile(r"argument (.*): expected one argument"), r"\1: der Wert fehlt"),
    (re.compile(r"argument (.*): invalid .* value: (.*)"), r"\1: \2 ist kein gültiger Wert"),
    (re.compile(r"argument (.*): not allowed with argument (.*)"), r"\1 geht nicht zusammen mit \2"),
    (re.compile(r"one of the arguments (.*) is required"), r"eines davon fehlt: \1"),
    (re.compile(r"argument (.*): ignored explicit argument (.*)"), r"\1 hat keinen Wert"),
    (re.compile(r"ambiguous option: (.*) could match (.*)"), r"\1 ist nicht eindeutig: \2"),
)


def parser_german(message: str) -> str:
    """Return what the parser of arguments found, in German."""
    for pattern, german in _PARSER_GERMAN:
        if match := pattern.fullmatch(message):
            return match.expand(german)
    return message
