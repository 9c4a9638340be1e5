"""One look at a text with everything that is asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, islice, takewhile
from typing import Final

from e2ee_client.errors import ConfigError

from . import neighbours
from .finding import Finding, Kind, Why
from .folding import Folded, fold
from .lexicon import ENOUGH, Hit
from .numbers import Match, numbers
from .others import Others
from .packs import lexicon
from .shapes import shapes
from .somebody import Somebody

MOST_CHARS: Final = 1_000_000
"""A longer text is refused, not looked at in part."""
DEFAULT_KINDS: Final = frozenset(
    {Kind.IBAN, Kind.CARD, Kind.TAX_ID, Kind.HEALTH_INSURANCE, Kind.PENSION_INSURANCE}
)
"""Numbers with check digits."""
ALL_KINDS: Final = DEFAULT_KINDS | {Kind.PHONE, Kind.EMAIL, Kind.BIRTH_DATE}
"""With those that go by shape alone."""
PACKS: Final = ("finance", "health", "legal")
LANGUAGES: Final = ("de", "en")


_NEAR: Final = 30
"""So many words of a text make up what is close by."""


def find(
    text: str,
    *,
    packs: Iterable[str] = (),
    languages: Iterable[str] = LANGUAGES,
    kinds: Iterable[Kind] = DEFAULT_KINDS,
) -> tuple[Finding, ...]:
    """Return what in a text is worth a second look, from left to right; numbers do not overlap each other.

    `packs` are of `PACKS`, `languages` those of their words, `kinds` which numbers are looked for.

    Raises:
        ConfigError: no such pack, language or kind of number, or more than `MOST_CHARS` characters.
    """
    sectors, tongues, wanted = tuple(packs), tuple(languages), frozenset(kinds)
    if not (set(sectors) <= set(PACKS) and set(tongues) <= set(LANGUAGES) and wanted <= ALL_KINDS):
        raise ConfigError("a pack, language or kind that the guard does not know")
    if len(text) > MOST_CHARS:
        raise ConfigError(f"the guard looks at texts of at most {MOST_CHARS} characters")
    folded = fold(text)
    matches = tuple(numbers(folded, wanted))
    found = [*_numbers(folded, wanted, matches)]
    naming = frozenset(_naming(folded, matches))
    somebody = Somebody(text, folded)
    others = Others(folded, somebody)
    for sector in dict.fromkeys(sectors):
        lists = (lexicon(sector, tongue) for tongue in dict.fromkeys(tongues))
        hits = sorted(chain(*(one.hits(folded.tokens) for one in lists)), key=lambda hit: hit.first)
        said = [hit for hit in hits if naming.isdisjoint(range(hit.first, hit.last + 1))]
        found += _words(folded, somebody, sector, others.without(sector, said))
    return tuple(sorted(found, key=lambda one: (one.start, one.end, one.kind.value)))


def _naming(folded: Folded, matches: Iterable[Match]) -> Iterator[int]:
    """Yield the words that say what a number is: "on my health card" before one says nothing of health."""
    for one in matches:
        yield from neighbours.naming(folded, one.kind, folded.token_at(one.start))


def _numbers(folded: Folded, kinds: frozenset[Kind], matches: Iterable[Match]) -> Iterator[Finding]:
    taken: list[tuple[int, int]] = []
    for one in matches:
        taken.append((one.start, one.end))
        yield Finding(one.kind, *folded.span(one.start, one.end), one.why)
    free = 0
    for kind, start, end in sorted(shapes(folded, kinds), key=lambda one: (one[1], -one[2])):
        if start >= free and not _overlaps(taken, start, end):
            free = end
            yield Finding(kind, *folded.span(start, end), Why.SHAPE)


def _overlaps(taken: list[tuple[int, int]], start: int, end: int) -> bool:
    """Whether one of these parts, which stand in order, has something of another."""
    place = bisect_right(taken, start, key=lambda one: one[1])
    return place < len(taken) and taken[place][0] < end


def _words(folded: Folded, somebody: Somebody, sector: str, hits: list[Hit]) -> Iterator[Finding]:
    places = {(hit.first, hit.last): Why.WORDS for hit in _together(folded, somebody, hits)}
    places.update({(hit.first, hit.last): Why.WORD for hit in hits if hit.entry.is_strong})
    for (first, last), why in places.items():
        start, end = folded.tokens[first].start, folded.tokens[last].end
        yield Finding(Kind(sector), *folded.span(start, end), why)


def _is_near(hit: Hit, other: Hit) -> bool:
    return other.first - hit.first < _NEAR


def _together(folded: Folded, somebody: Somebody, hits: list[Hit]) -> Iterator[Hit]:
    """Yield words that are enough with others, and with somebody, close by; the same word counts once."""
    for number, hit in enumerate(hits):
        near = list(takewhile(partial(_is_near, hit), islice(hits, number, None)))
        points: dict[str, int] = {}
        for one in near:
            word = folded.tokens[one.first].text
            points[word] = max(points.get(word, 0), one.entry.points)
        if sum(points.values()) + somebody.points(hit.first) >= ENOUGH:
            yield from near
