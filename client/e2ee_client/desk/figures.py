"""Figures of a desk, computed on this device from what it has; nothing of them is kept or leaves it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from statistics import median_low
from typing import Final

from e2ee.rooms.kinds import Kind
from e2ee_client.people import Role
from e2ee_client.rooms import Agent, Entry

from .schema import DayRow, Figured

DAY_MS: Final = 86_400_000
_PAGE: Final = 200
_MOST_ROOMS: Final = 2_000
_SPOKEN: Final = frozenset({Kind.TEXT, Kind.FILE})


async def figured(agent: Agent, ask: int, days: int) -> Figured:
    """Return figures of the last days; of a room at most its newest 200 entries are looked at."""
    now_ms = agent.client.runtime.clock.now_ms()
    since_ms = now_ms - days * DAY_MS
    counts: Counter[tuple[str, str]] = Counter()
    answers: list[int] = []
    waits: list[int] = []
    for room in agent.rooms()[:_MOST_ROOMS]:
        view = room.view
        if view.waits_ms is not None and view.assigned is None:
            waits.append(max(0, now_ms - view.waits_ms))
        if view.phase is None or view.last_ms < since_ms:
            continue
        entries = await room.history(limit=_PAGE)
        count(entries, since_ms, counts)
        answered = first_answer(entries)
        answers += [] if answered is None else [answered]
    named = [day_of(now_ms - back * DAY_MS) for back in reversed(range(days))]
    rows = tuple(DayRow(day, *(counts[day, what] for what in ("opened", "customer", "us"))) for day in named)
    longest, middle = max(waits, default=None), median_low(answers) if answers else None
    return Figured(ask, rows, len(waits), longest, middle, len(answers))


def count(entries: Iterable[Entry], since_ms: int, counts: Counter[tuple[str, str]]) -> None:
    """Count what was opened and said since then, day by day, at the times of this device."""
    for one in entries:
        if one.received_ms < since_ms:
            continue
        day = day_of(one.received_ms)
        if one.kind == Kind.OPEN:
            counts[day, "opened"] += 1
        elif one.kind in _SPOKEN:
            counts[day, "customer" if one.author.role is Role.CUSTOMER else "us"] += 1


def first_answer(entries: Iterable[Entry]) -> int | None:
    """Return how long the customer of a room waited for the first word of a person; None while it waits."""
    asked_ms: int | None = None
    for one in entries:
        if one.kind not in _SPOKEN:
            continue
        if one.author.role is Role.CUSTOMER:
            asked_ms = one.received_ms if asked_ms is None else asked_ms
        elif asked_ms is not None and not one.author.is_bot:
            return max(0, one.received_ms - asked_ms)
    return None


def day_of(time_ms: int) -> str:
    """Return the day of a time here."""
    return time.strftime("%Y-%m-%d", time.localtime(time_ms / 1000))
