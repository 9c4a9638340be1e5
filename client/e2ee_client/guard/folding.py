"""Text made even: letters without case and marks, digits and spaces as ASCII, each with its place."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_TOKEN: Final = re.compile(r"[0-9]+|[^\W\d_]+")
_DROPPED: Final = frozenset({"Mn", "Me", "Cf"})
_DASH: Final = "Pd"
_SPACES: Final = frozenset({"Zs"})
_KNOWN_CHARS: Final = 4096


@dataclass(frozen=True, slots=True)
class Token:
    """A run of letters or of digits in the folded text."""

    start: int
    end: int
    text: str

    @property
    def is_number(self) -> bool:
        """Whether it is of digits."""
        return "0" <= self.text[0] <= "9"


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text, its tokens, and for each of its characters the place of the one that it was."""

    text: str
    places: tuple[int, ...]
    tokens: tuple[Token, ...]

    def gap(self, index: int) -> str:
        """Return what stands between a token and the one before it; for the first all before it."""
        before = self.tokens[index - 1].end if index else 0
        return self.text[before : self.tokens[index].start]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where a part of the folded text stands in the text."""
        return self.places[start], self.places[end - 1] + 1

    def token_at(self, place: int) -> int:
        """Return the number of the first token that begins at a place of the folded text or behind it."""
        return bisect_left(self.tokens, place, key=lambda one: one.start)


def fold(text: str) -> Folded:
    """Return a text without case, accents, invisible characters and forms of the same digit or space."""
    chars: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        for folded in char.lower() if char.isascii() else _fold_char(char):
            chars.append(folded)
            places.append(place)
    even = "".join(chars)
    tokens = tuple(Token(one.start(), one.end(), one.group()) for one in _TOKEN.finditer(even))
    return Folded(even, tuple(places), tokens)


@lru_cache(_KNOWN_CHARS)
def _fold_char(char: str) -> str:
    return "".join(map(_plain, unicodedata.normalize("NFKD", char).casefold()))


def _plain(char: str) -> str:
    category = unicodedata.category(char)
    if category in _DROPPED:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category in _SPACES:
        return " "
    return "-" if category == _DASH else char
