"""Sentences that have words of a pack and speak of something else: a film, an animal, a price, a job."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import Final

from .folding import Folded
from .lexicon import Hit, Lexicon
from .packs import others
from .somebody import Somebody

_BREAK: Final = frozenset("!?;\n")
_QUOTE: Final = re.compile(r'["„“”«»][^"„“”«»\n]{1,60}["“”«»]')
_WHO_ACTS: Final = 3


@cache
def _lexicon(name: str) -> Lexicon:
    return Lexicon(others.WORDS[name])


class Others:
    """Where a text speaks of something else, sentence by sentence."""

    def __init__(self, folded: Folded, somebody: Somebody) -> None:
        self._tokens = folded.tokens
        self._sentence: Final = list(
            accumulate(int(_begins(folded, place)) for place in range(len(folded.tokens)))
        )
        self._persons = somebody.persons
        self._quoted = set(_quoted(folded))
        self._of_all = _lexicon("somebody").hits(folded.tokens)

    def without(self, sector: str, hits: Sequence[Hit]) -> list[Hit]:
        """Return the words of a sector that are in none of these sentences."""
        other = self._unless_somebody(sector) | self._whoever(sector)
        return [
            hit for hit in hits if self._sentence[hit.first] not in other and hit.first not in self._quoted
        ]

    def _unless_somebody(self, sector: str) -> set[int]:
        hits = [*self._of_all, *_lexicon(f"somebody {sector}").hits(self._tokens)]
        taken = {place for hit in hits for place in _taken(hit)}
        spoken_of = {self._sentence[place] for place in self._persons if place not in taken}
        return {self._sentence[hit.first] for hit in hits if hit.entry.points != _WHO_ACTS} - spoken_of

    def _whoever(self, sector: str) -> set[int]:
        hits = _lexicon(sector).hits(self._tokens)
        lifted = {self._sentence[hit.first] for hit in hits if not hit.entry.is_strong}
        return {self._sentence[hit.first] for hit in hits} - lifted


def _quoted(folded: Folded) -> Iterator[int]:
    """Yield the words of titles and quotations: few, between quotation marks."""
    for quote in _QUOTE.finditer(folded.text):
        yield from range(folded.token_at(quote.start()), folded.token_at(quote.end()))


def _begins(folded: Folded, place: int) -> bool:
    gap = folded.gap(place)
    return place > 0 and (not _BREAK.isdisjoint(gap) or ". " in gap)


def _taken(hit: Hit) -> range:
    """Return the places where a word for somebody belongs to these words: "my dog", "I am looking for"."""
    if hit.entry.points == _WHO_ACTS:
        return range(hit.first - 3, hit.last + 2)
    return range(hit.first - 2 if hit.entry.is_strong else hit.last + 1, hit.last + 1)
