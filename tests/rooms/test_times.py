"""When an entry was written, as people are shown it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from conversations import until, until_read
from e2ee_client.engine.rooms import writing
from e2ee_client.rooms import CompanyRoom, Customer, Entry
from e2ee_client.testing import FakeClock
from practice import ORIGIN, Practice

from e2ee.rooms.entry import Header, RoomId, make_header
from e2ee.rooms.kinds import Kind

HOUR_MS = 3_600_000
MONTHS_MS = 120 * 24 * HOUR_MS
QUESTION = "Haben Sie morgen einen Termin frei?"


async def entry_of(room: CompanyRoom, text: str) -> Entry | None:
    return next((one for one in await room.texts() if one.text == text), None)


async def has_text(room: CompanyRoom, text: str) -> bool:
    return await entry_of(room, text) is not None


async def test_what_is_handed_over_is_shown_with_the_time_at_which_it_was_written(praxis: Practice) -> None:
    """TRN-49: not with that at which it reached who takes the room hours later."""
    clock = praxis.network.clock
    assert isinstance(clock, FakeClock)
    agent = await praxis.agent("Frau Sommer")
    room = await praxis.opened(await praxis.customer())
    sent = await room.send(QUESTION)
    await until(lambda: any(one.unread == 1 for one in praxis.company.rooms()))
    at_company = praxis.company.room(room.room_id)
    clock.advance(3 * HOUR_MS)
    ours = await anext(agent.waiting())
    await ours.claim(600)
    await until(lambda: at_company.assigned is not None)
    assert await at_company.hand_over(agent.me().device_id) == 1
    await until_read(lambda: has_text(ours, QUESTION), True)
    shown = await entry_of(ours, QUESTION)
    assert shown is not None
    assert shown.received_ms - sent.sent_ms >= 3 * HOUR_MS
    assert shown.written_ms == sent.sent_ms


async def test_a_clock_that_is_ahead_writes_nothing_in_the_future(praxis: Practice) -> None:
    """TRN-49: nothing is shown as written after it came."""
    ahead = FakeClock(praxis.network.clock.now_ms() + HOUR_MS, speed=20)
    runtime = replace(praxis.network.runtime(), clock=ahead)
    async with Customer.open(None, company=ORIGIN, fetch=praxis.fetch, runtime=runtime) as me:
        room = await me.accept(await me.notice())
        await room.send("Von morgen")
        await until(lambda: any(one.unread == 1 for one in praxis.company.rooms()))
        shown = await entry_of(praxis.company.room(room.room_id), "Von morgen")
        assert shown is not None
        assert shown.written_ms == shown.received_ms < shown.sent_ms


async def test_nobody_sets_a_date_before_that_of_what_it_answers(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TRN-49: it is shown as written right after what its author had seen."""

    def backdated(room_id: RoomId, kind: int, n: int, sent_ms: int, **more: Any) -> Header:
        return make_header(room_id, kind, n, sent_ms - MONTHS_MS * (kind == Kind.TEXT), **more)

    room = await praxis.opened(await praxis.customer())
    await room.send(QUESTION)
    await until(lambda: any(one.unread == 1 for one in praxis.company.rooms()))
    theirs = praxis.company.room(room.room_id)
    question = await theirs.send("Bis zum 1. Oktober")
    await until(lambda: room.unread == 1)
    monkeypatch.setattr(writing, "make_header", backdated)
    await room.send("Fristgerecht")
    await until_read(lambda: has_text(theirs, "Fristgerecht"), True)
    shown = await entry_of(theirs, "Fristgerecht")
    assert shown is not None
    assert shown.sent_ms < shown.received_ms - MONTHS_MS / 2
    assert question.written_ms < shown.written_ms <= shown.received_ms


@pytest.mark.parametrize("off_ms", [-MONTHS_MS, MONTHS_MS])
async def test_nobody_dates_an_edit_before_its_text_or_into_the_future(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch, off_ms: int
) -> None:
    """TRN-49: a wording of today is not shown as that of last summer, nor of next year."""

    def misdated(room_id: RoomId, kind: int, n: int, sent_ms: int, **more: Any) -> Header:
        return make_header(room_id, kind, n, sent_ms + off_ms * (kind == Kind.EDIT), **more)

    room = await praxis.opened(await praxis.customer())
    mine = await room.send("Bis zum 1. Oktober")
    await until(lambda: any(one.unread == 1 for one in praxis.company.rooms()))
    monkeypatch.setattr(writing, "make_header", misdated)
    said = await room.edit(mine, "Bis zum 1. November")
    theirs = praxis.company.room(room.room_id)
    await until_read(lambda: has_text(theirs, "Bis zum 1. November"), True)
    shown = await entry_of(theirs, "Bis zum 1. November")
    assert shown is not None
    assert shown.edited_ms is not None
    assert abs(said.sent_ms - mine.sent_ms) > MONTHS_MS / 2
    (edit,) = await theirs.wordings(shown)
    assert shown.written_ms <= shown.edited_ms <= edit.received_ms
