"""What a desk does in a room where more happens than it gets done, and times that a wrong clock has noted."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from conversations import until
from desk_runs import HOOK, Receiver, running, waiting
from e2ee_client.rooms import CompanyRoom, Entry, Room, Service, attending, lanes, offered, webhooks
from e2ee_client.rooms.attending import Attending
from e2ee_client.rooms.lanes import Lanes
from e2ee_client.rooms.offered import Offered
from e2ee_client.rooms.timed import Timed
from e2ee_client.testing import FakeClock
from parties import DAY_MS, NOW_MS
from practice import Practice

from e2ee.rooms.state import Phase


async def test_what_has_no_place_while_a_handler_works_is_told_and_handled_afterwards(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CNS-79: texts and wordings, each once, also after one that failed; a rating is told (CNS-89)."""
    monkeypatch.setattr(lanes, "MAX_WAITING", 3)
    receiver, company = Receiver(), praxis.company
    receiver.is_up = True
    monkeypatch.setattr(attending, "Webhooks", partial(webhooks.Webhooks, send=receiver))
    goes_on, handled = asyncio.Event(), list[str]()

    @company.on_message()
    async def slow(at: Room, entry: Entry) -> None:
        await goes_on.wait()
        handled.append(str(entry.text))
        if entry.text == "text 7":
            raise LookupError

    room = await praxis.opened(await praxis.customer())
    async with running(company, Service(webhook=HOOK)):
        first = await room.send("text 0")
        await until(lambda: any(one.room_id == room.room_id for one in company.rooms()))
        await until(lambda: company.room(room.room_id).unread == 1)
        texts = [f"text {at}" for at in range(1, 12)]
        for text in texts:
            await room.send(text)
        await room.edit(first, "worded anew")
        await until(lambda: company.room(room.room_id).unread == 13)
        await room.rate(5)
        await until(lambda: len(receiver.texts) == 14)
        goes_on.set()
        assert company._attending is not None
        await company._attending.lanes.done()
        assert sorted(receiver.texts) == sorted(["text 0", *texts, "worded anew", "5"])
        assert sorted(handled) == sorted(["text 0", *texts])
        assert company.failed == 1


async def test_what_has_no_place_in_several_rooms_is_told_and_handled_once(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CNS-79: more are unread together than are looked through in one; they were offered without end."""
    for module, name, value in (
        (lanes, "MAX_WAITING", 2),
        (attending, "LOOKED_AT", 8),
        (offered, "_REMEMBERED", 16),
    ):
        monkeypatch.setattr(module, name, value)
    goes_on, handled, company = asyncio.Event(), list[str](), praxis.company
    usual = Attending._route

    async def route(self: Attending, at: CompanyRoom, entry: Entry, text: str) -> None:
        await goes_on.wait()
        handled.append(text)
        await usual(self, at, entry, text)

    monkeypatch.setattr(Attending, "_route", route)
    async with running(company, Service()):
        rooms = [await praxis.opened(await praxis.customer()) for _ in range(3)]
        await until(lambda: len(company.rooms()) == 3)
        texts = [f"text {at} of {room}" for at in range(7) for room in range(3)]
        for at, text in enumerate(texts):
            await rooms[at % 3].send(text)
        await until(lambda: all(one.unread == 7 for one in company.rooms()))
        goes_on.set()
        assert company._attending is not None
        await asyncio.wait_for(company._attending.lanes.done(), 30)
        assert sorted(handled) == sorted(texts)
        assert company.failed == 0


async def test_what_has_no_place_when_a_room_is_closed_is_told_once(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CNS-79: before, the closing made the desk forget what it had told of, and it told of that again."""
    monkeypatch.setattr(lanes, "MAX_WAITING", 3)
    receiver, company, goes_on = Receiver(), praxis.company, asyncio.Event()
    receiver.is_up = True
    monkeypatch.setattr(attending, "Webhooks", partial(webhooks.Webhooks, send=receiver))
    usual = Attending._route

    async def route(self: Attending, at: CompanyRoom, entry: Entry, text: str) -> None:
        await goes_on.wait()
        await usual(self, at, entry, text)

    monkeypatch.setattr(Attending, "_route", route)
    room = await praxis.opened(await praxis.customer())
    async with running(company, Service(webhook=HOOK)):
        texts = [f"text {at}" for at in range(9)]
        for text in texts:
            await room.send(text)
        await until(lambda: [one.unread for one in company.rooms()] == [9])
        await until(lambda: len(receiver.texts) == len(texts))
        run = company._attending
        assert run is not None
        await room.close()
        await until(lambda: run._phases[room.room_id] == Phase.CLOSED)
        goes_on.set()
        await run.lanes.done()
        await until(lambda: waiting(company) == 0)
        assert sorted(receiver.texts) == sorted(texts)


def test_what_was_offered_is_known_until_its_room_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """CNS-79: of a room the newest ones, and what is looked for stays."""
    monkeypatch.setattr(offered, "_REMEMBERED", 2)
    made = Offered()
    assert [made.add(b"room", one) for one in (b"1", b"2", b"1")] == [True, True, False]
    assert made.has(b"room", b"2")
    assert made.add(b"room", b"3")
    assert [made.has(b"room", one) for one in (b"1", b"2", b"3")] == [False, True, True]
    assert not made.has(b"other", b"2")
    made.drop(b"room")
    made.drop(b"other")
    assert not made.has(b"room", b"2")


async def test_what_has_no_place_and_stands_nowhere_else_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    """CNS-79, CNS-72"""
    goes_on, done = asyncio.Event(), list[int]()

    async def work(at: int) -> None:
        await goes_on.wait()
        done.append(at)

    made = Lanes()
    made.add(b"room", partial(work, 0))
    await asyncio.sleep(0)
    for at in range(1, 259):
        made.add(b"room", partial(work, at))
    assert made.failed == 2
    assert {one.getMessage() for one in caplog.records} == {"desk.failed TooMany"}
    for at in (300, 301):
        made.add(b"room", partial(work, 0), partial(work, at))
    goes_on.set()
    await made.done()
    assert (done, made.failed) == ([*range(257), 301], 2)


async def test_a_time_that_was_noted_by_a_clock_ahead_is_due_when_the_clock_is_right() -> None:
    """CNS-78: it would be looked at after weeks."""

    async def ready() -> None:
        pass

    clock = FakeClock(NOW_MS)
    timed = Timed(clock, ready, DAY_MS)
    timed.add(b"later", NOW_MS + DAY_MS)
    timed.add(b"ahead", NOW_MS + 20 * DAY_MS)
    assert await asyncio.wait_for(timed.next(), 10) == b"ahead"
    clock.advance(DAY_MS)
    assert await asyncio.wait_for(timed.next(), 10) == b"later"
