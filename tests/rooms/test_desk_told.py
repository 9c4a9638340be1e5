"""What a desk tells a receiver and offers to handlers, whatever a handler does and when the program ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from conversations import until, until_read
from desk_runs import HOOK, Receiver, running, settled
from e2ee_client.rooms import CompanyRoom, CustomerRoom, Entry, Service, attending, choice, lanes, webhooks
from e2ee_client.rooms.attending import Attending
from e2ee_client.testing import FakeClock, MemoryNetwork
from practice import Practice

SERVICE = Service(webhook=HOOK)


@pytest.fixture
def network() -> Iterator[MemoryNetwork]:
    """A network whose time the tests move."""
    made = MemoryNetwork(clock=FakeClock(speed=1))
    yield made
    made.relay.close()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """What the desk of a test sends its events to."""
    made = Receiver()
    made.is_up = True
    monkeypatch.setattr(attending, "Webhooks", partial(webhooks.Webhooks, send=made))
    return made


async def asked(praxis: Practice) -> tuple[CustomerRoom, Entry]:
    """A room whose customer has a form to answer."""
    room = await praxis.opened(await praxis.customer())
    await until(lambda: any(one.phase for one in praxis.company.rooms()))
    await praxis.company.room(room.room_id).ask("Termin", choice("Wann?", "Montag", "Dienstag"))
    await until(lambda: room.unread == 1)
    (form,) = await room.unread_entries()
    return room, form


async def rating_of(room: CompanyRoom) -> bytes | None:
    found = await room.rating()
    return None if found is None else found.hash


async def test_an_answer_and_a_rating_are_told_while_a_handler_hangs(
    praxis: Practice, receiver: Receiver
) -> None:
    """CNS-89: they were told when it had ended, and never where the program ended first."""

    @praxis.company.on_message()
    async def hang(room: object, entry: object) -> None:
        await asyncio.Event().wait()

    room, form = await asked(praxis)
    async with running(praxis.company, SERVICE):
        await room.send("Frage")
        await room.answer(form, "Montag")
        await room.rate(5)
        # In any order: the look at ratings of a start may see this one before the answer is told.
        await until(lambda: set(receiver.texts) == {"Frage", "Wann?: Montag", "5"})


async def test_an_answer_is_offered_at_each_start_until_its_handlers_have_ended(praxis: Practice) -> None:
    """CNS-80: it was not; one that was handled is read, and comes no more."""
    company, handled, is_done = praxis.company, list[str](), asyncio.Event()

    @company.on_answer
    async def fail(room: CompanyRoom, entry: Entry) -> None:
        handled.append("first")
        if len(handled) == 1:
            raise LookupError

    @company.on_answer
    async def hang(room: CompanyRoom, entry: Entry) -> None:
        handled.append("second")
        if len(handled) == 4:
            await asyncio.Event().wait()
        if len(handled) == 6:
            is_done.set()

    room, form = await asked(praxis)
    async with running(company, Service()):
        await room.answer(form, "Montag")
        await until(lambda: len(handled) == 2)
        await settled(praxis, company)
    async with running(company, Service()):
        await until(lambda: len(handled) == 4)
    async with running(company, Service()):
        await is_done.wait()
        await until(lambda: company.room(room.room_id).unread == 0)
    async with running(company, Service()):
        await settled(praxis, company)
    assert handled == ["first", "second"] * 3


async def test_a_rating_that_no_event_is_kept_of_is_told_at_the_next_start(
    praxis: Practice, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CNS-89, CNS-72: once; a queue that is full is counted. Those from before a receiver are not told."""
    company = praxis.company
    rooms = [await praxis.opened(await praxis.customer()) for _ in range(3)]

    await until(lambda: len(company.rooms()) == 3)

    async def rate(at: int) -> None:
        rating = await rooms[at].rate(at + 1)
        here = company.room(rooms[at].room_id)
        await until_read(lambda: rating_of(here), rating.hash)

    await rate(0)
    with monkeypatch.context() as full:
        full.setattr(webhooks, "CAPACITY", 0)
        async with running(company, SERVICE):
            await settled(praxis, company)
            failed = company.failed
            await rate(1)
            await until(lambda: company.failed == failed + 1)
    await rate(2)
    for _ in range(2):
        async with running(company, SERVICE):
            await until(lambda: len(receiver.texts) == 2)
            await settled(praxis, company)
            assert sorted(receiver.texts) == ["2", "3"]
    await rooms[1].withdraw()
    async with running(company, SERVICE):
        await until(lambda: "room.ended" in receiver.kinds)


async def test_what_has_no_place_to_be_told_is_told_afterwards(
    praxis: Practice, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CNS-79, CNS-89: texts and a rating that come faster than they are told."""
    monkeypatch.setattr(lanes, "MAX_WAITING", 1)
    company, goes_on, usual = praxis.company, asyncio.Event(), Attending._told

    async def told(self: Attending, *what: Any) -> None:
        await goes_on.wait()
        await usual(self, *what)

    monkeypatch.setattr(Attending, "_told", told)
    room = await praxis.opened(await praxis.customer())
    async with running(company, SERVICE):
        texts = [f"text {at}" for at in range(4)]
        for text in texts:
            await room.send(text)
        await until(lambda: [one.unread for one in company.rooms()] == [4])
        rating = await room.rate(5)
        await until_read(lambda: rating_of(company.room(room.room_id)), rating.hash)
        goes_on.set()
        await until(lambda: sorted(receiver.texts) == ["5", *texts])
