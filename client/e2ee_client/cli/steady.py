"""Text as it is drawn on a full screen: every terminal gives it the same number of cells.

A terminal that draws a family of emoji in two cells where the program counted six leaves the other four
behind when the text goes. So what joins, colours or selects pictures is left out of what is drawn (never of
what is sent), flags are drawn as their letters, and what remains is counted character by character.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

from prompt_toolkit.utils import get_cwidth

from .neutral import MAX_MARKS, sign

_JOINER: Final = "\u200d"
_FLAG_A: Final = 0x1F1E6
_FLAG_Z: Final = 0x1F1FF
# Variation selectors, the keycap, colours of skin, and the tags behind a black flag.
_PICTURE_PARTS: Final = (
    range(0xFE00, 0xFE10),
    range(0x20E3, 0x20E4),
    range(0x1F3FB, 0x1F400),
    range(0xE0020, 0xE0080),
    range(0xE0100, 0xE01F0),
)
_LETTER_OR_MARK: Final = ("L", "M")


def drawn(text: str) -> list[str]:
    """Return what is drawn for each character of one line; it may be empty, or several characters."""
    parts: list[str] = []
    marks = 0
    for place, char in enumerate(text):
        is_mark = unicodedata.category(char) in ("Mn", "Me")
        marks = marks + 1 if is_mark else 0
        parts.append("" if marks > MAX_MARKS else _drawn(char, text, place))
    return parts


def steady(text: str) -> str:
    """Return one line as it is drawn."""
    return text if text.isascii() and text.isprintable() else "".join(drawn(text))


def is_plain(text: str) -> bool:
    """Whether terminals are known to agree: one cell each, left to right, nothing combined."""
    return text.isascii() or all(
        char == "\n" or (get_cwidth(char) == 1 and unicodedata.bidirectional(char) not in ("R", "AL", "AN"))
        for char in text
    )


def clusters(text: str) -> Iterator[str]:
    """Yield what a person takes for one character each: the cursor moves over it, and it goes as a whole."""
    begin = 0
    for place in range(1, len(text)):
        if not _continues(text, begin, place):
            yield text[begin:place]
            begin = place
    if text:
        yield text[begin:]


def _drawn(char: str, text: str, place: int) -> str:
    code = ord(char)
    if char.isascii() and char.isprintable():
        return char
    if _is_part(code):
        return ""
    if char == _JOINER:
        return (
            char if _is_written(text[place - 1 : place]) and _is_written(text[place + 1 : place + 2]) else ""
        )
    if _FLAG_A <= code <= _FLAG_Z:
        return chr(ord("A") + code - _FLAG_A)
    return sign(char, joiners=True)


def _is_part(code: int) -> bool:
    return any(code in part for part in _PICTURE_PARTS)


def _is_written(char: str) -> bool:
    """Whether it belongs to a script in which a joiner changes the shape of letters."""
    return bool(char) and unicodedata.category(char)[0] in _LETTER_OR_MARK and not char.isascii()


def _continues(text: str, begin: int, place: int) -> bool:
    char, before = text[place], text[place - 1]
    if char == "\n" or before == "\n":
        return False
    if char == _JOINER or before == _JOINER or _is_part(ord(char)):
        return True
    if _FLAG_A <= ord(char) <= _FLAG_Z and _FLAG_A <= ord(before) <= _FLAG_Z:
        return (place - begin) % 2 == 1
    return unicodedata.category(char)[0] == "M"
