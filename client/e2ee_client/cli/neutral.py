"""Text from outside made harmless for a terminal: nothing in it moves the cursor, hides, or turns around.

Control characters would let a sender write escape sequences, and bidirectional controls would let one
show a text that it did not write. Both become visible signs; what joins emoji and scripts stays.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_JOINERS: Final = frozenset("\u200c\u200d")
_PICTURES: Final = 0x2400
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters carry a handful of marks; hundreds would draw over the lines above and below.
MAX_MARKS: Final = 8
_MAX_NAME: Final = 64


def neutral(text: str, *, joiners: bool = True) -> str:
    """Return one line without any character that a terminal acts on; line ends become a visible sign."""
    if text.isascii() and text.isprintable():
        return text
    parts: list[str] = []
    marks = 0
    for char in text.replace("\r\n", "\n"):
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if marks <= MAX_MARKS:
            parts.append(sign(char, joiners=joiners))
    return "".join(parts)


def neutral_lines(text: str) -> list[str]:
    """Return the lines of a text, each neutral; no line is left out."""
    return [neutral(line) for line in text.replace("\r\n", "\n").split("\n")]


def neutral_name(name: str) -> str:
    """Return a name, neutral, without joiners, at most as long as names on cards are."""
    return neutral(name[:_MAX_NAME], joiners=False)


def sign(char: str, *, joiners: bool) -> str:
    """Return one character, or what stands for it if a terminal would act on it."""
    if char == "\t":
        return "    "
    if char == "\n":
        return "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}"
    if joiners and char in _JOINERS:
        return char
    if unicodedata.category(char) not in _HIDDEN:
        return char
    code = ord(char)
    return chr(_PICTURES + code) if code < 0x20 else f"<U+{code:04X}>"
