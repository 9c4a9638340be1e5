"""Opening hours of a desk: weekly intervals in a time zone, and days on which nobody is there.

The zones are those of the system; where it has none (Windows), the package `tzdata` has them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .settings import check, read_toml

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_SPANS: Final = 8
MAX_HOLIDAYS: Final = 400
SEARCH_DAYS: Final = 400
_SPAN: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9]) ?[-–] ?(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)")
_DAY_MIN: Final = 24 * 60
_KEYS: Final = frozenset({"zone", "holidays", "german_holidays", "week"})


class Span(NamedTuple):
    """Minutes of a day from which, and before which, somebody is there."""

    begin_min: int
    end_min: int


@dataclass(frozen=True, slots=True)
class Hours:
    """When somebody is there; `week` begins with Monday."""

    zone: tzinfo
    week: tuple[tuple[Span, ...], ...]
    holidays: frozenset[date]
    german_holidays: bool = False

    @classmethod
    def load(cls, path: str | Path) -> Hours:
        """Read the hours from a file of TOML.

        Raises:
            ConfigError: with all that is wrong.
        """
        return cls.of(read_toml(path, "the hours"))

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Hours:
        """Read the hours from values: zone, week, and perhaps holidays and german_holidays.

        Raises:
            ConfigError: with all that is wrong.
        """
        faults = [f"{name}: no setting of hours" for name in data if name not in _KEYS]
        zone, week = _zone(data.get("zone"), faults), _week(data.get("week"), faults)
        holidays = _holidays(data.get("holidays", []), faults)
        german = data.get("german_holidays", False)
        if not isinstance(german, bool):
            faults.append("german_holidays: true or false")
        check("the hours", faults)
        return cls(zone, week, holidays, german)

    def is_open(self, now_ms: int) -> bool:
        """Whether somebody is there now."""
        now = datetime.fromtimestamp(now_ms / 1000, self.zone)
        minute = now.hour * 60 + now.minute
        return any(span.begin_min <= minute < span.end_min for span in self._spans(now.date()))

    def next_opening(self, now_ms: int) -> int | None:
        """Return the next time when somebody is there, now if somebody is; None if nobody comes within 400
        days.
        """
        if self.is_open(now_ms):
            return now_ms
        today = datetime.fromtimestamp(now_ms / 1000, self.zone).date()
        for day in (today + timedelta(days) for days in range(SEARCH_DAYS)):
            for span in self._spans(day):
                opens_ms = self._at_ms(day, span.begin_min)
                # A time that the clock jumps over opens nothing.
                if opens_ms > now_ms and self.is_open(opens_ms):
                    return opens_ms
        return None

    def _spans(self, day: date) -> tuple[Span, ...]:
        is_off = day in self.holidays or (self.german_holidays and day in german_holidays(day.year))
        return () if is_off else self.week[day.weekday()]

    def _at_ms(self, day: date, minute: int) -> int:
        local = datetime.combine(day, time(minute // 60, minute % 60), self.zone)
        return int(local.astimezone(UTC).timestamp() * 1000)


def german_holidays(year: int) -> frozenset[date]:
    """Return the nine days that are holidays in all of Germany."""
    easter = easter_sunday(year)
    fixed = {date(year, 1, 1), date(year, 5, 1), date(year, 10, 3), date(year, 12, 25), date(year, 12, 26)}
    return frozenset(fixed | {easter + timedelta(days) for days in (-2, 1, 39, 50)})


def easter_sunday(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar, by the anonymous algorithm."""
    century, of_century = divmod(year, 100)
    cycle = year % 19
    leap, rest = divmod(century, 4)
    shift = (century + 8) // 25
    epact = (19 * cycle + century - leap - (century - shift + 1) // 3 + 15) % 30
    weekday = (32 + 2 * rest + 2 * (of_century // 4) - epact - of_century % 4) % 7
    late = (cycle + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _zone(name: Any, faults: list[str]) -> tzinfo:
    try:
        if isinstance(name, str):
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    faults.append('zone: a time zone such as "Europe/Berlin"')
    return UTC


def _week(table: Any, faults: list[str]) -> tuple[tuple[Span, ...], ...]:
    if not isinstance(table, dict):
        faults.append(f"week: a table with some of {', '.join(DAYS)}")
        return ()
    faults += [f"week.{name}: no day; days are {', '.join(DAYS)}" for name in table if name not in DAYS]
    return tuple(_day(name, table.get(name, []), faults) for name in DAYS)


def _day(name: str, items: Any, faults: list[str]) -> tuple[Span, ...]:
    spans = sorted(_read_spans(items)) if isinstance(items, list) and len(items) <= MAX_SPANS else None
    if spans is None or len(spans) != len(items):
        faults.append(f'week.{name}: at most {MAX_SPANS} spans such as "08:00-12:30", each within the day')
        return ()
    if any(before.end_min > after.begin_min for before, after in itertools.pairwise(spans)):
        faults.append(f"week.{name}: spans that overlap")
    return tuple(spans)


def _read_spans(items: list[Any]) -> Iterator[Span]:
    for item in items:
        match = _SPAN.fullmatch(item) if isinstance(item, str) else None
        if match is not None:
            begin = int(match[1]) * 60 + int(match[2])
            end = _DAY_MIN if match[3] is None else int(match[3]) * 60 + int(match[4])
            if begin < end:
                yield Span(begin, end)


def _holidays(items: Any, faults: list[str]) -> frozenset[date]:
    if (
        not isinstance(items, list)
        or len(items) > MAX_HOLIDAYS
        or not all(type(one) is date for one in items)
    ):
        faults.append(f"holidays: at most {MAX_HOLIDAYS} dates such as 2026-12-24, without quotes")
        return frozenset()
    return frozenset(items)
