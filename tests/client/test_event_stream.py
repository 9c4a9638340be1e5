"""Iterators over events: nothing lost from the start, several at a time, none without bounds."""

from __future__ import annotations

import asyncio
import gc

import pytest
from e2ee_client.errors import StoreCorrupt, WaitTimeout
from e2ee_client.events import ContactAdded
from e2ee_client.runtime.event_stream import ClientEvent, EventLog, EventsMissed


def event(n: int) -> ContactAdded:
    return ContactAdded(n.to_bytes(32, "big"))


async def test_the_first_iteration_begins_at_the_opening_the_next_ones_at_their_own() -> None:
    log = EventLog()
    log.put(event(1))
    first = log.iterate()
    log.put(event(2))
    second = log.iterate()
    log.put(event(3))
    log.end()
    assert [one async for one in first] == [event(1), event(2), event(3)]
    assert [one async for one in second] == [event(3)]


async def test_an_iteration_waits_for_what_comes() -> None:
    log = EventLog()
    events = log.iterate()
    asyncio.get_running_loop().call_later(0.01, log.put, event(1))
    assert await events.next(1) == event(1)


async def test_who_falls_behind_loses_the_oldest_and_is_told() -> None:
    log = EventLog(limit=3)
    slow, fast = log.iterate(), log.iterate()
    for n in range(5):
        log.put(event(n))
        if n >= 0:
            assert await fast.next(1) == event(n)
    log.end()
    seen: list[ClientEvent] = [one async for one in slow]
    assert seen == [EventsMissed(2), event(2), event(3), event(4)]


async def test_what_waits_for_the_first_iteration_is_bounded_too() -> None:
    log = EventLog(limit=2)
    for n in range(5):
        log.put(event(n))
    log.end()
    assert [one async for one in log.iterate()] == [EventsMissed(3), event(3), event(4)]


async def test_a_time_limit_loses_nothing() -> None:
    log = EventLog()
    events = log.iterate()
    with pytest.raises(WaitTimeout) as raised:
        await events.next(0.01)
    assert isinstance(raised.value, TimeoutError)
    assert raised.value.retryable
    log.put(event(1))
    assert await events.next(0.01) == event(1)


async def test_a_failure_comes_after_the_events_before_it() -> None:
    log = EventLog()
    events = log.iterate()
    log.put(event(1))
    log.end(StoreCorrupt("damaged"))
    assert await events.next(1) == event(1)
    with pytest.raises(StoreCorrupt):
        await events.next(1)
    with pytest.raises(StoreCorrupt):
        await log.iterate().next(1)


async def test_a_closed_iteration_ends_and_an_abandoned_one_is_forgotten() -> None:
    log = EventLog()
    async with log.iterate() as closed:
        log.put(event(1))
    assert [one async for one in closed] == []
    log.put(event(2))
    log.iterate()
    gc.collect()
    assert len(log._iterators) <= 1
