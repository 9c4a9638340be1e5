"""On which days this device was on, by its own clock; one that leaps passes one (ROOM-24, ROOM-79)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Final

from e2ee_client.engine.ports import RowReader
from e2ee_client.engine.row_codec import Row
from e2ee_client.engine.turn import Turn

DAYS: Final = 14
DAY_MS: Final = 86_400_000


@dataclass(slots=True)
class OnDays(Row):
    """The last 14 of these days, ascending, each counted from 1970-01-01 UTC."""

    TABLE: ClassVar[str] = "desk"
    PREFIX: ClassVar[bytes] = b"days"
    days: tuple[int, ...]


def note_day(turn: Turn, rows: RowReader) -> bool:
    """Note that our device is on; days ahead of the clock were none. Returns whether it was off for 14 days
    until now (ROOM-79).
    """
    today = turn.now_ms // DAY_MS
    known = _days(turn, rows)
    days = (*(one for one in known if one < today), today)[-DAYS:]
    if days != known:
        turn.put(OnDays(days).put())
    return today not in known and any(after == today for after in _after_gaps(days))


def on_since_ms(turn: Turn, rows: RowReader) -> int | None:
    """Return when the first of the last 14 days on which our device was on began; None: it was on fewer."""
    days = _days(turn, rows)
    return days[0] * DAY_MS if len(days) == DAYS else None


def back_since_ms(turn: Turn, rows: RowReader) -> int | None:
    """Return when the last day began on which our device was on again after 14 days off; None: none is known
    (ROOM-79).
    """
    found = _after_gaps(_days(turn, rows))
    return found[-1] * DAY_MS if found else None


def _after_gaps(days: tuple[int, ...]) -> list[int]:
    return [day for before, day in pairwise(days) if day - before > DAYS]


def _days(turn: Turn, rows: RowReader) -> tuple[int, ...]:
    row = turn.read(rows, OnDays.TABLE, OnDays.PREFIX)
    return () if row is None else OnDays.decode(OnDays.PREFIX, row).days
