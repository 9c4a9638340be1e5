"""One look at a text with everything that is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from e2ee_client.errors import ConfigError

from .finding import Finding, Kind, Why
from .folding import Folded, fold
from .lexicon import Hit
from .numbers import numbers
from .packs import LEXICONS
from .shapes import shapes

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
    found = [*_numbers(folded, wanted)]
    for sector in dict.fromkeys(sectors):
        found += _words(folded, sector, tongues)
    return tuple(sorted(found, key=lambda one: (one.start, one.end, one.kind.value)))


def _numbers(folded: Folded, kinds: frozenset[Kind]) -> Iterator[Finding]:
    taken: list[tuple[int, int]] = []
    for one in numbers(folded, kinds):
        taken.append((one.start, one.end))
        yield Finding(one.kind, *folded.span(one.start, one.end), one.why)
    place = 0
    for kind, start, end in sorted(shapes(folded, kinds), key=lambda one: (one[1], -one[2])):
        while place < len(taken) and taken[place][1] <= start:
            place += 1
        if place == len(taken) or end <= taken[place][0]:
            yield Finding(kind, *folded.span(start, end), Why.SHAPE)


def _words(folded: Folded, sector: str, languages: tuple[str, ...]) -> Iterator[Finding]:
    hits = [hit for language in languages for hit in LEXICONS[sector, language].hits(folded.tokens)]
    strong = [hit for hit in hits if not hit.entry.is_weak]
    weak = [hit for hit in hits if hit.entry.is_weak]
    places = _places(strong, Why.WORD)
    if strong or len({folded.tokens[hit.first].text for hit in weak}) > 2:
        places = {**_places(weak, Why.WORDS), **places}
    for (first, last), why in places.items():
        start, end = folded.tokens[first].start, folded.tokens[last].end
        yield Finding(Kind(sector), *folded.span(start, end), why)


def _places(hits: list[Hit], why: Why) -> dict[tuple[int, int], Why]:
    return {(hit.first, hit.last): why for hit in hits}
