"""Opening hours: weekly spans in a time zone, holidays, changes of the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from e2ee_client.errors import ConfigError
from e2ee_client.rooms.hours import Hours, easter_sunday, german_holidays
from hypothesis import given
from hypothesis import strategies as st

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = {"mon": ["08:00-12:30", "14:00-18:00"], "fri": ["08:00-12:00"]}
PRACTICE = Hours.of({"zone": "Europe/Berlin", "week": WEEK, "holidays": [date(2026, 12, 7)]})
ALL_DAYS = {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


def at(text: str, fold: int = 0) -> int:
    """A time in Berlin, in milliseconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        ("2026-11-30 07:59:59", False),
        ("2026-11-30 08:00", True),
        ("2026-11-30 12:29:59", True),
        ("2026-11-30 12:30", False),
        ("2026-11-30 14:00", True),
        ("2026-12-01 09:00", False),
        ("2026-12-07 09:00", False),
        ("2026-07-06 08:00", True),
    ],
)
def test_somebody_is_there_in_the_spans_of_the_day_but_not_on_holidays(now: str, is_open: bool) -> None:
    assert PRACTICE.is_open(at(now)) is is_open


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-30 03:00", "2026-11-30 08:00"),
        ("2026-11-30 09:15", "2026-11-30 09:15"),
        ("2026-11-30 13:00", "2026-11-30 14:00"),
        ("2026-11-30 18:00", "2026-12-04 08:00"),
        ("2026-12-04 12:00", "2026-12-11 08:00"),
    ],
)
def test_the_next_opening_is_found_past_nights_weekends_and_holidays(now: str, opens: str) -> None:
    assert PRACTICE.next_opening(at(now)) == at(opens)


def test_hours_keep_to_the_clock_on_the_wall_when_it_changes() -> None:
    """Opening at 8 is 7 UTC in winter and 6 UTC in summer; at night a span may be missing or come twice."""
    night = Hours.of({"zone": "Europe/Berlin", "week": {"sun": ["02:15-02:45"]}})
    spring, autumn = at("2026-03-29 00:00"), at("2026-10-25 00:00")
    assert night.next_opening(spring) == at("2026-04-05 02:15")
    assert night.next_opening(autumn) == at("2026-10-25 02:15")
    assert night.is_open(at("2026-10-25 02:30", fold=1))
    assert datetime.fromtimestamp((PRACTICE.next_opening(at("2026-07-06 01:00")) or 0) / 1000, UTC).hour == 6


def test_who_never_opens_has_no_next_opening() -> None:
    assert Hours.of({"zone": "UTC", "week": {}}).next_opening(at("2026-11-30 08:00")) is None
    always = Hours.of({"zone": "UTC", "week": ALL_DAYS})
    assert always.next_opening(at("2026-11-30 23:59:59")) == at("2026-11-30 23:59:59")


@given(now_ms=st.integers(at("2024-01-01 00:00"), at("2032-01-01 00:00")))
def test_the_next_opening_is_open_and_nothing_opens_before_it(now_ms: int) -> None:
    opens_ms = PRACTICE.next_opening(now_ms)
    assert opens_ms is not None
    assert PRACTICE.is_open(opens_ms)
    between = range(now_ms, opens_ms, 600_000)
    assert not any(PRACTICE.is_open(one) for one in between)


@pytest.mark.parametrize(
    ("year", "easter"),
    [
        (2024, date(2024, 3, 31)),
        (2025, date(2025, 4, 20)),
        (2026, date(2026, 4, 5)),
        (2038, date(2038, 4, 25)),
    ],
)
def test_german_holidays_follow_easter(year: int, easter: date) -> None:
    assert easter_sunday(year) == easter
    days = german_holidays(year)
    assert len(days) == 9 or year == 2008
    assert {easter - timedelta(2), easter + timedelta(1), date(year, 10, 3)} <= days


def test_german_holidays_close_where_they_are_switched_on() -> None:
    off = Hours.of({"zone": "Europe/Berlin", "week": ALL_DAYS, "german_holidays": True})
    assert not off.is_open(at("2026-10-03 10:00"))
    assert off.next_opening(at("2026-12-25 10:00")) == at("2026-12-27 00:00")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"zone": "Europe/Nowhere"}, "zone"),
        ({"zone": "../etc/passwd"}, "zone"),
        ({"zone": 1}, "zone"),
        ({"week": []}, "week"),
        ({"week": {"monday": []}}, "week.monday"),
        ({"week": {"mon": ["8-12"]}}, "week.mon"),
        ({"week": {"mon": ["12:00-08:00"]}}, "week.mon"),
        ({"week": {"mon": ["08:00-12:00", "11:00-13:00"]}}, "week.mon"),
        ({"week": {"mon": ["08:00-08:01"] * 9}}, "week.mon"),
        ({"week": {"mon": "08:00-12:00"}}, "week.mon"),
        ({"holidays": ["2026-12-24"]}, "holidays"),
        ({"holidays": [datetime(2026, 12, 24)]}, "holidays"),
        ({"german_holidays": 1}, "german_holidays"),
        ({"open": True}, "open"),
    ],
)
def test_what_is_wrong_with_hours_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=f"- {named}:"):
        Hours.of({"zone": "UTC", "week": WEEK, **changes})


def test_hours_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "hours.toml"
    path.write_text(
        'zone = "Europe/Berlin"\nholidays = [2026-12-07]\n[week]\n'
        'mon = ["08:00-12:30", "14:00-18:00"]\nfri = ["08:00-12:00"]\n',
        "utf-8",
    )
    assert Hours.load(path) == PRACTICE
    for data in (b"\xff", b"zone =", b"#" * 300_000):
        path.write_bytes(data)
        with pytest.raises(ConfigError):
            Hours.load(path)
    with pytest.raises(ConfigError):
        Hours.load(tmp_path / "none.toml")
