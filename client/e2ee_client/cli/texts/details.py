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
    "a text is Unicode without lone surrogates": "ein Text ist Unicode ohne einzelne Surrogate",
    "a passphrase has 1 to 1024 bytes": "eine Passphrase hat 1 bis 1024 Byte",
    "a passphrase is Unicode text without lone surrogates": "eine Passphrase ist Unicode-Text",
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
