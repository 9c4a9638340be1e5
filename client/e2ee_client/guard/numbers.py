"""Numbers with check digits: where one may begin, how its groups may stand, what the words beside it say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from . import checks
from .finding import Kind, Why
from .folding import Folded
from .neighbours import is_named, is_refused

_JOINT: Final = re.compile(r"[ \t\n./-]{0,3}")
_BETWEEN_DIGITS: Final = re.compile(r"[ \u00b7./-]{1,2}")
_CARD_GROUPS: Final = frozenset({(4, 6, 5), (4, 6, 4), (8, 8), (6, 10), (6, 13)})
_TAX_GROUPS: Final = frozenset(
    {(11,), (2, 3, 3, 3), (3, 3, 3, 2), (2, 9), (5, 6), (4, 4, 3), (3, 4, 4), (3, 8)}
)
_HEALTH_GROUPS: Final = frozenset({(9,), (3, 3, 3), (8, 1), (4, 5), (5, 4), (2, 3, 4), (3, 6), (6, 3)})
_OLD_CARD_DIGITS: Final = 13
_MOST_CARD_DIGITS: Final = 19
_PREFIX: Final = "iban"


@dataclass(frozen=True, slots=True)
class Match:
    """A number by its first and its last token; `start` and `end` are places in the folded text."""

    kind: Kind
    start: int
    end: int
    last: int
    why: Why


def numbers(folded: Folded, kinds: frozenset[Kind]) -> Iterator[Match]:
    """Yield numbers from left to right; where two fit, the one that is checked best."""
    index, wanted = 0, [(kind, find) for kind, find in _FINDERS if kind in kinds]
    while index < len(folded.tokens):
        found = next((hit for _, find in wanted if (hit := find(folded, index)) is not None), None)
        if found is not None:
            yield found
        index = index + 1 if found is None else found.last + 1


def _iban(folded: Folded, first: int) -> Match | None:
    token = folded.tokens[first]
    if token.is_number:
        return None
    cut = len(_PREFIX) if token.text.startswith(_PREFIX) else 0
    length = checks.IBAN_LENGTHS.get(token.text[cut : cut + 2])
    taken = _take(folded, first, cut, length) if length else None
    if taken is None:
        return None
    value, last, end = taken
    if not checks.is_iban(value):
        return None
    return Match(Kind.IBAN, token.start + cut, end, last, _why(folded, Kind.IBAN, first, last))


def _take(folded: Folded, first: int, cut: int, length: int) -> tuple[str, int, int] | None:
    """Return so many characters from a token on, with the last token and the place behind it."""
    value = ""
    for index in range(first, min(first + length, len(folded.tokens))):
        if index > first and _JOINT.fullmatch(folded.gap(index)) is None:
            return None
        token = folded.tokens[index]
        value += token.text[cut:] if index == first else token.text
        if len(value) >= length:
            return (value, index, token.end) if len(value) == length else None
    return None


def _pension_insurance(folded: Folded, first: int) -> Match | None:
    if not folded.tokens[first].is_number or _is_glued(folded, first):
        return None
    taken = _take(folded, first, 0, 12)
    if taken is None or not checks.is_pension_insurance(taken[0]) or _is_glued(folded, taken[1] + 1):
        return None
    return _checked(folded, Kind.PENSION_INSURANCE, first, taken[1])


def _card(folded: Folded, first: int) -> Match | None:
    for last, groups, value in _digit_runs(folded, first, _MOST_CARD_DIGITS):
        if not _is_card_grouping(groups) or not checks.is_card(value) or _is_longer(folded, first, last):
            continue
        if len(value) == _OLD_CARD_DIGITS and not is_named(folded, Kind.CARD, first, last):
            continue
        return _checked(folded, Kind.CARD, first, last)
    return None


def _is_card_grouping(groups: tuple[int, ...]) -> bool:
    fours = all(size == 4 for size in groups[:-1]) and groups[-1] <= 4
    return len(groups) == 1 or fours or groups in _CARD_GROUPS


def _is_longer(folded: Folded, first: int, last: int) -> bool:
    """Whether a number of one token is a part of a longer run of letters and digits."""
    return _is_glued(folded, first) or _is_glued(folded, last + 1)


def _tax_id(folded: Folded, first: int) -> Match | None:
    for last, groups, value in _digit_runs(folded, first, 11):
        if groups in _TAX_GROUPS and checks.is_tax_id(value) and not _is_longer(folded, first, last):
            return _checked(folded, Kind.TAX_ID, first, last)
    return None


def _health_insurance(folded: Folded, first: int) -> Match | None:
    token = folded.tokens[first]
    if token.is_number or len(token.text) != 1 or first + 1 >= len(folded.tokens) or _is_glued(folded, first):
        return None
    if re.fullmatch(r"[ -]?", folded.gap(first + 1)) is None:
        return None
    for last, groups, value in _digit_runs(folded, first + 1, 9):
        is_whole = groups in _HEALTH_GROUPS and not _is_glued(folded, last + 1)
        if is_whole and checks.is_health_insurance(token.text + value):
            return _checked(folded, Kind.HEALTH_INSURANCE, first, last)
    return None


def _digit_runs(folded: Folded, first: int, most: int) -> Iterator[tuple[int, tuple[int, ...], str]]:
    """Yield runs of groups of digits that begin with a token: its last token, the sizes, the digits."""
    value = ""
    groups: tuple[int, ...] = ()
    for index in range(first, min(first + most, len(folded.tokens))):
        token = folded.tokens[index]
        if not token.is_number or (index > first and not _BETWEEN_DIGITS.fullmatch(folded.gap(index))):
            return
        value, groups = value + token.text, (*groups, len(token.text))
        if len(value) > most:
            return
        yield index, groups, value


def _is_glued(folded: Folded, index: int) -> bool:
    """Whether a token follows the one before without anything between, or as the part behind a comma."""
    if not 0 < index < len(folded.tokens):
        return False
    before = folded.tokens[index - 1]
    gap = folded.gap(index)
    both = before.is_number and folded.tokens[index].is_number
    return gap == "" or (both and gap in (",", ":"))


def _checked(folded: Folded, kind: Kind, first: int, last: int) -> Match | None:
    start, end = folded.tokens[first].start, folded.tokens[last].end
    if kind is not Kind.PENSION_INSURANCE and is_refused(folded, first):
        return None
    return Match(kind, start, end, last, _why(folded, kind, first, last))


def _why(folded: Folded, kind: Kind, first: int, last: int) -> Why:
    return Why.NAMED if is_named(folded, kind, first, last) else Why.CHECKED


_Finder = Callable[[Folded, int], Match | None]
_FINDERS: Final[tuple[tuple[Kind, _Finder], ...]] = (
    (Kind.IBAN, _iban),
    (Kind.PENSION_INSURANCE, _pension_insurance),
    (Kind.CARD, _card),
    (Kind.TAX_ID, _tax_id),
    (Kind.HEALTH_INSURANCE, _health_insurance),
)
