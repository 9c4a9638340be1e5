"""Two views of a relay side by side: what differs beyond values that say nothing (LKG-03).

A value of a random form is replaced by its size and the number of its first appearance in its own view. So
two views agree if the same things happened in the same order, all plain values are equal, and the same
values come again in the same places; which values they are plays no part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from leakage_declaration import Row
from relay_view import DELETED, STORED, Seen, all_fields, plain
from seen_fields import Field


def undeclared(view: Sequence[Seen], declared: Mapping[str, Row]) -> list[str]:
    """Paths that the relay saw and that no row of the declaration names."""
    return sorted({one.path for _, one in all_fields(list(view)) if one.path not in declared})


class Numbering:
    """Numbers the values of each row of the declaration in the order of their first appearance."""

    def __init__(self, declared: Mapping[str, Row], *, with_time: bool) -> None:
        self._declared = declared
        self._with_time = with_time
        self._numbers: dict[tuple[str, object], int] = {}

    def lines(self, view: Sequence[Seen]) -> Iterator[str]:
        """One line for each event and for each field of it."""
        for (at_ms, what, connection), events in groupby(
            view, lambda one: (one.at_ms, one.what, one.connection)
        ):
            head = f"{at_ms if self._with_time else ''} {what} {connection}"
            for one in self._ordered(what, list(events)):
                yield head
                yield from (f"{head}: {field.path} {self._shown(field)}" for field in one.fields)

    def _ordered(self, what: str, events: list[Seen]) -> list[Seen]:
        """Rows have no order of their own: those of one commit are put into one that both views share."""
        return sorted(events, key=self._rank) if what in (STORED, DELETED) else events

    def _rank(self, seen: Seen) -> tuple[list[str], list[int]]:
        shape = [f"{one.path} {self._shape(one)}" for one in seen.fields]
        known = [self._numbers.get(self._key(one), len(self._numbers)) for one in seen.fields]
        return shape, known

    def _key(self, field: Field) -> tuple[str, object]:
        row = self._declared.get(field.path)
        return (field.path if row is None else row.what), field.value

    def _shape(self, field: Field) -> str:
        row = self._declared.get(field.path)
        if row is None or row.form in ("plain", "time"):
            masked = row is not None and row.form == "time" and not self._with_time
            return "a time" if masked else repr(field.value)
        return row.form if row.form == "local" else plain(field.value)

    def _shown(self, field: Field) -> str:
        row = self._declared.get(field.path)
        shape = self._shape(field)
        if row is None or not row.is_random or not isinstance(field.value, bytes):
            return shape
        return f"{shape} #{self._numbers.setdefault(self._key(field), len(self._numbers))}"


def differences(
    first: Sequence[Seen], second: Sequence[Seen], declared: Mapping[str, Row], *, with_time: bool = True
) -> list[str]:
    """The first places where two views differ; empty if they have the same leakage."""
    one = list(Numbering(declared, with_time=with_time).lines(first))
    other = list(Numbering(declared, with_time=with_time).lines(second))
    found = [f"{a}  |  {b}" for a, b in zip(one, other, strict=False) if a != b]
    if len(one) != len(other):
        found.append(f"{len(one)} lines  |  {len(other)} lines")
    return found[:20]
