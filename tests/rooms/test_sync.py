"""Rooms without an event loop: the same names, and a practice from several threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import both_halves
import pytest
from e2ee_client import rooms
from e2ee_client.blocking import same, waiting
from e2ee_client.errors import ClientClosed, ConfigError, NotAccepted, UnknownRoom
from e2ee_client.room_events import EntryAdded, EntryProgress, RequestAsked
from e2ee_client.rooms import Policy, Service, sync
from e2ee_client.rooms.notices import EXAMPLE, Notice
from e2ee_client.testing import MemoryNetwork

from e2ee.rooms.state import Phase

ORIGIN = "https://praxis.example"
KEY = b"k" * 32
LONG_S = 60.0
NAMES = (
    "Agent",
    "Company",
    "CompanyRoom",
    "Customer",
    "CustomerRoom",
    "Desk",
    "Entry",
    "Invite",
    "Link",
    "Room",
    "SentFile",
)
# What an asynchronous handle has as plain attributes.
ATTRIBUTES = {"room_id", "room", "file_id"}
PAIRS = [(getattr(rooms, name), getattr(sync, name)) for name in NAMES]


@pytest.mark.parametrize(("asynchronous", "synchronous"), PAIRS)
def test_both_have_the_same_names_and_arguments(asynchronous: type, synchronous: type) -> None:
    assert not both_halves.faults(asynchronous, synchronous, set(), ATTRIBUTES)
    assert not both_halves.wrong_types(asynchronous, synchronous, set())


def test_each_class_with_something_to_wait_for_has_its_half() -> None:
    named = [getattr(rooms, name) for name in rooms.__all__]
    classes = [one for one in named if isinstance(one, type)]
    waited = {one.__name__ for one in classes if any(map(_is_waited_for, both_halves.public(one).values()))}
    assert waited == set(NAMES) == set(sync.__all__) - {"AnyRoom"}


def _is_waited_for(member: object) -> bool:
    flags = getattr(getattr(member, "__code__", None), "co_flags", 0)
    return bool(flags & 0x0080)


class Faulty:
    """A half that does everything wrong that can be."""

    def __init__(self) -> None:
        """Nothing."""

    edit = sync.Room.edit
    notes = waiting(rooms.CompanyRoom.notes, same)
    unread = sync.CompanyRoom.send

    def claim(self) -> None:
        pass

    def more(self) -> None:
        """Do what no asynchronous room does."""


def test_what_a_half_does_wrong_is_named() -> None:
    present = {name for name in both_halves.public(rooms.CompanyRoom) if hasattr(Faulty, name)}
    absent = both_halves.public(rooms.CompanyRoom).keys() - present
    assert both_halves.faults(rooms.CompanyRoom, Faulty, absent, ATTRIBUTES) == [
        "more is of nothing",
        "claim takes other arguments",
        "claim is not documented",
        "notes gives an asynchronous handle away",
        "unread is no attribute",
    ]
    assert "claim is missing" in both_halves.faults(rooms.CompanyRoom, sync.Room, set(), ATTRIBUTES)


class Practice:
    """A company whose notice is published, in threads."""

    def __init__(self, network: MemoryNetwork, stack: ExitStack) -> None:
        self.network, self.stack = network, stack
        self.company = stack.enter_context(
            sync.Company.create(
                None, relay=network.url, name="Praxis", origins=[ORIGIN], runtime=network.runtime()
            )
        )
        facts = {**EXAMPLE, "relay_url": self.company.client.card().relay_url}
        self.company.publish(Notice.draft("health", "consent", facts, is_reviewed=True))
        self.company.wait_ready(LONG_S)
        self.door = self.company.door()

    async def fetch(self, origin: str) -> bytes:
        """Return the door, as the page of the practice does."""
        return self.door

    def customer(self) -> sync.Customer:
        """A person who has accepted nothing yet."""
        return self.stack.enter_context(
            sync.Customer.open(None, company=ORIGIN, fetch=self.fetch, runtime=self.network.runtime())
        )


@contextmanager
def practice(network: MemoryNetwork) -> Iterator[Practice]:
    with ExitStack() as stack:
        yield Practice(network, stack)


def _heard(room: sync.AnyRoom, events: Iterable[object], text: str) -> sync.Entry:
    """Wait for a text, by the events of entries: that of its edit where it was worded anew."""
    for event in events:
        found = [one for one in room.texts() if one.text == text] if isinstance(event, EntryAdded) else []
        if found:
            return found[0]
    raise AssertionError("the client was closed")


def test_a_customer_and_an_agent_talk_without_an_event_loop(network: MemoryNetwork, tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    with practice(network) as praxis:
        invite = praxis.company.invite("Agent A", teams=["abrechnung"])
        with sync.Agent.join(path, invite, key=KEY, runtime=network.runtime()) as agent:
            seen = agent.events()
            agent.wait_ready(LONG_S)
            assert (agent.me().name, agent.is_for_us("abrechnung")) == ("Agent A", True)
            me = praxis.customer()
            assert (me.has_accepted, me.rooms()) == (False, [])
            with pytest.raises(NotAccepted):
                _ = me.client
            room = me.accept(me.notice())
            assert isinstance(room, sync.CustomerRoom)
            first = room.send("Meine Rechnung stimmt nicht")
            first.wait_for(EntryProgress.DELIVERED, LONG_S)
            assert isinstance(first.room, sync.CustomerRoom)
            ours = next(iter(agent.waiting()))
            assert ours == agent.room(room.room_id) == agent.rooms()[0]
            ours.claim(LONG_S)
            events = me.events()
            hello = ours.send("Guten Tag, hier ist A")
            ours.edit(hello, "Guten Tag, hier ist Agent A")
            greeting = _heard(room, events, "Guten Tag, hier ist Agent A")
            assert (greeting.author.name, greeting.first_wording) == ("Agent A", hello.text)
            room.send("Die Rechnung 4711", reply_to=greeting)
            heard = _heard(ours, seen, "Die Rechnung 4711")
            assert ours.unread_entries() == [heard]
            ours.mark_read([heard])
            assert [one.text for one in ours.search("4711")] == [heard.text]
            assert list(agent.search("rechnung")) == [(ours, heard.hash)]
            assert ours.texts(before=heard) == [hello]
            assert (ours.phase, ours.unread, ours.assigned) == (Phase.OPEN, 0, agent.me())
            ours.note("Rechnung 4711")
            assert [one.text for one in ours.notes().texts()] == ["Rechnung 4711"]
            with pytest.raises(UnknownRoom):
                agent.room(bytes(16))
            agent.wait_handed_over(LONG_S)
            room.withdraw()
        with sync.Agent.open(path, key=KEY, online=False, runtime=network.runtime()) as again:
            assert again.room(room.room_id).history()


def test_a_desk_runs_plain_functions_in_threads(network: MemoryNetwork) -> None:
    """A handler may call what is here, and one that fails is counted and ends nothing."""
    asked: list[RequestAsked] = []
    opened, requested, threads = threading.Event(), threading.Event(), set[str]()
    with practice(network) as praxis:
        company = praxis.company

        @company.on_opened
        def greet(room: sync.CompanyRoom) -> None:
            threads.add(threading.current_thread().name)
            room.send("Guten Tag", by_machine=True)
            opened.set()

        @company.on_message(pattern="rezept")
        def fail(room: sync.CompanyRoom, entry: sync.Entry) -> None:
            raise ValueError(entry.text)

        @company.on_message()
        def answer(room: sync.CompanyRoom, entry: sync.Entry) -> None:
            room.send(f"Gelesen: {entry.text}", reply_to=entry)

        @company.on_request
        def request(room: sync.CompanyRoom, what: RequestAsked) -> None:
            asked.append(what)
            requested.set()

        with pytest.raises(ConfigError):
            company.on_message(pattern="(")(answer)
        company.set_policy(Policy(grants=frozenset()))

        def serve() -> None:
            # Closing the company may reach it while it takes up its next work.
            with suppress(ClientClosed):
                company.run(Service())

        runner = threading.Thread(target=serve, daemon=True)
        runner.start()
        invite = company.invite("Agent A")
        agent = praxis.stack.enter_context(sync.Agent.join(None, invite, runtime=network.runtime()))
        agent.wait_ready(LONG_S)
        me = praxis.customer()
        room = me.accept(me.notice())
        assert opened.wait(LONG_S)
        events = me.events()
        room.send("ein rezept")
        room.send("Hallo")
        _heard(room, events, "Gelesen: Hallo")
        assert company.failed == 1
        ours = next(iter(agent.waiting()))
        ours.claim(LONG_S)
        ours.transfer(team="empfang")
        assert requested.wait(LONG_S)
        assert company.room(asked[0].room_id).requests() == asked
        company.room(asked[0].room_id).decide(asked[0], grant=True)
        company.close()
        runner.join(LONG_S)
        assert not runner.is_alive()
        assert all(name.startswith("sealroom-handler") for name in threads)


def test_a_desk_goes_on_after_a_close_that_was_refused(
    network: MemoryNetwork,
) -> None:
    company = sync.Company.create(None, relay=network.url, name="Praxis", runtime=network.runtime())

    async def refused() -> None:
        with pytest.raises(ConfigError):
            company.close()

    async def again() -> None:
        company.close()

    asyncio.run(refused())
    assert company._threads.submit(int).result(LONG_S) == 0
    company.close()
    with pytest.raises(RuntimeError):
        company._threads.submit(int)
    asyncio.run(again())


def test_the_client_underneath_closes_with_its_device(network: MemoryNetwork) -> None:
    """Whichever of the two is closed, the thread is let go once."""
    created = sync.Company.create(None, relay=network.url, name="Praxis", runtime=network.runtime())
    other = sync.Company.create(None, relay=network.url, name="Laden", runtime=network.runtime())
    assert created.client.recovery_key is not None
    created.client.close()
    created.close()
    with pytest.raises(ClientClosed):
        created.rooms()
    other.client.card()
    waiting: list[sync.CompanyRoom] = []
    runner = threading.Thread(target=lambda: waiting.extend(other.waiting()), daemon=True)
    runner.start()
    other.close()
    runner.join(LONG_S)
    assert not runner.is_alive()
    assert not any(one.name == "sealroom-sync" for one in threading.enumerate())
