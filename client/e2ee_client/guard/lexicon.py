"""Lists of words, and the search for them.

Entries with commas between them: words in their order, `word*` for one that begins so, `*word` for a
longer one that ends so, `*` for any word and `#` for a number. `&`, `+`, `~`, `?` in front: says less alone,
it counts 5, 4, 3 or 2 of the 6 that it takes; somebody of whom the text speaks close by counts 1, and 2 in
"he has a". `-` in front: the words mean something else here. `!stem` or `!*end` behind: not where a word of
the text begins or ends so. Umlauts match with and without their dots, and as two letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .folding import Token

ENOUGH: Final = 6
_POINTS: Final = {"&": 5, "+": 4, "~": 3, "?": 2, "-": 0}
_NUMBER: Final = "#"
_LEAST_STEM: Final = 3
_MOST_STEM: Final = 24
_UMLAUTS: Final = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss"})
_AS_TWO: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One of a list."""

    words: tuple[str, ...]
    unless: tuple[str, ...]
    points: int

    @property
    def is_other(self) -> bool:
        """Whether the words here do not mean what the pack is about."""
        return self.points == 0

    @property
    def is_strong(self) -> bool:
        """Whether the words are enough alone."""
        return self.points >= ENOUGH

    def matches(self, tokens: Sequence[Token], first: int) -> bool:
        """Whether the words stand from a token on."""
        if first + len(self.words) > len(tokens):
            return False
        return all(_fits(word, tokens[first + place]) for place, word in enumerate(self.words))


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry, and the tokens where it stands."""

    entry: Entry
    first: int
    last: int


def _fits(pattern: str, token: Token) -> bool:
    if pattern == _NUMBER:
        return token.is_number
    word = token.text
    if pattern.endswith("*"):
        return word.startswith(pattern[:-1])
    if pattern.startswith("*"):
        return len(word) >= len(pattern) and word.endswith(pattern[1:])
    return pattern == word


class Lexicon:
    """A list in a form in which each word of a text costs the same, however long list and text are."""

    def __init__(self, lines: str) -> None:
        self._whole: dict[str, list[Entry]] = {}
        self._begins: dict[str, list[Entry]] = {}
        self._ends: dict[str, list[Entry]] = {}
        for line in lines.split(","):
            for entry in _entries(" ".join(line.split())):
                self._place(entry.words[0]).setdefault(entry.words[0].strip("*"), []).append(entry)

    def _place(self, pattern: str) -> dict[str, list[Entry]]:
        if pattern.endswith("*"):
            return self._begins
        return self._ends if pattern.startswith("*") else self._whole

    def hits(self, tokens: Sequence[Token]) -> list[Hit]:
        """Return what stands in a text, without what means something else there."""
        found = [hit for index in range(len(tokens)) for hit in self._at(tokens, index)]
        other = {place for hit in found if hit.entry.is_other for place in range(hit.first, hit.last + 1)}
        words = {token.text for token in tokens}
        excepted = {unless: _is_excepted(unless, words) for unless in {hit.entry.unless for hit in found}}
        return [
            hit
            for hit in found
            if other.isdisjoint(range(hit.first, hit.last + 1)) and not excepted[hit.entry.unless]
        ]

    def _at(self, tokens: Sequence[Token], index: int) -> Iterator[Hit]:
        for entry in self._beginning_with(tokens[index]):
            if entry.matches(tokens, index):
                yield Hit(entry, index, index + len(entry.words) - 1)

    def _beginning_with(self, token: Token) -> list[Entry]:
        """Return the entries whose first word fits: one look for the word, two for each length of stem."""
        word = _NUMBER if token.is_number else token.text
        found = list(self._whole.get(word, ()))
        for size in range(_LEAST_STEM, min(len(word), _MOST_STEM) + 1):
            found += self._begins.get(word[:size], ())
            if size < len(word):
                found += self._ends.get(word[-size:], ())
        return found


def _is_excepted(unless: tuple[str, ...], words: Iterable[str]) -> bool:
    begins = tuple(part for part in unless if part[0] != "*")
    ends = tuple(part[1:] for part in unless if part[0] == "*")
    return any(word.startswith(begins) or word.endswith(ends) for word in words)


def _entries(line: str) -> Iterator[Entry]:
    if not line:
        return
    for spelling in dict.fromkeys((line.translate(_UMLAUTS), line.translate(_AS_TWO))):
        points = _POINTS.get(line[0], ENOUGH)
        parts = spelling.lstrip("&+~?-").split()
        words = tuple(part for part in parts if part[0] != "!")
        unless = tuple(part[1:] for part in parts if part[0] == "!")
        yield Entry(words, unless, points)
