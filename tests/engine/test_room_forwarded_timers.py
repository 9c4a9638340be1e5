"""Timers and orders hold for what comes again, and for two entries under one number (ROOM-46)."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import pytest
from e2ee_client.engine.rooms.entry_log import StoredEntry
from e2ee_client.engine.rooms.room_engine import RoomEngine
from e2ee_client.engine.rooms.surroundings import Policy
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryAdded
from room_rooms import MINUTE_MS, do, say
from room_world import World

from e2ee.content import Content
from e2ee.rooms.entry import Entry, EntryHash, carrier
from e2ee.rooms.payloads import Edit, Erase
from e2ee.rooms.state import Retention, RetentionClass

DAY_MS = 86_400_000
TTL_MS = 2 * DAY_MS


def stored(world: World, entry_hash: EntryHash) -> StoredEntry:
    """An entry as the desk has it."""
    room = world.devices["desk"].room
    assert room is not None
    found = room.log.find(Turn(world.now_ms), entry_hash)
    assert found is not None
    return found


def ephemeral() -> World:
    """An opened room of a class that counts from when a text was read."""
    world = World(7)
    world.add("phone", "desk", "chief")
    for device in world.devices.values():
        device.policy = Policy(Retention(RetentionClass.EPHEMERAL, TTL_MS // 1_000))
    world.open()
    world.run(3 * MINUTE_MS)
    return world


def read(world: World, said: EntryHash) -> None:
    """Let a person at the desk read a text."""

    def marked(room: RoomEngine, turn: Turn) -> None:
        room.mark_read(turn, [said])
        room.settle(turn)

    do(world, "desk", marked)


def heard() -> tuple[World, EntryHash]:
    """A text in an ephemeral room that the desk has by a colleague's word, and has read."""
    world = ephemeral()
    world.blocked.add(("phone", "desk"))
    said = say(world, "phone", "Kanarienvogel")
    world.run(MINUTE_MS)
    say(world, "chief", "has it")
    world.run(30 * MINUTE_MS)
    assert stored(world, said).forwarded_by is not None
    assert stored(world, said).body is not None
    read(world, said)
    return world, said


def sends_it(world: World, said: EntryHash) -> None:
    """Its device is asked for it once more, and gives it."""
    world.blocked.clear()
    desk, tag = world.devices["desk"].us, stored(world, said).tag
    n = stored(world, said).entry().header.n
    do(world, "phone", lambda room, turn: room.asking.answer(turn, desk, ((tag, n, n),)))
    world.run(MINUTE_MS)


def covers_it(world: World, said: EntryHash) -> None:
    """Its device says something else, which names it as the entry before."""
    world.blocked.clear()
    say(world, "phone", "more")
    world.run(MINUTE_MS)


WAYS = pytest.mark.parametrize("brings", [sends_it, covers_it])


@WAYS
def test_a_text_that_its_device_brings_later_keeps_the_time_at_which_it_came_and_was_read(
    brings: Callable[[World, EntryHash], None],
) -> None:
    """ROOM-46: the ttl counts from when it was read, and does not begin anew."""
    world, said = heard()
    before = stored(world, said)
    world.run(DAY_MS)
    brings(world, said)
    after = stored(world, said)
    assert after.forwarded_by is None
    assert (after.received_ms, after.read_ms) == (before.received_ms, before.read_ms)
    assert after.body is not None
    world.run(DAY_MS + 60 * MINUTE_MS)
    assert stored(world, said).body is None


@WAYS
def test_a_text_that_was_destroyed_stays_so_when_its_device_brings_it(
    brings: Callable[[World, EntryHash], None],
) -> None:
    """ROOM-44, ROOM-46: its timer has destroyed it before its own device is heard of again."""
    world, said = heard()
    world.run(TTL_MS + 60 * MINUTE_MS)
    assert stored(world, said).body is None
    brings(world, said)
    after = stored(world, said)
    assert after.forwarded_by is None
    assert after.body is None
    assert after.is_hidden
    assert len([one for one in world.devices["desk"].told(EntryAdded) if one.entry_hash == said]) == 2
    sends_it(world, said)
    assert stored(world, said).body is None


def forked(world: World, text: str) -> tuple[EntryHash, Content]:
    """What the customer's phone writes that goes on from an older store; none of it has arrived."""
    phone = world.devices["phone"]
    world.blocked.add(("phone", "desk"))
    said = say(world, "phone", text)
    assert phone.room is not None
    turn = Turn(world.now_ms)
    found = phone.room.log.find(turn, said)
    assert found is not None
    content = carrier(phone.room.log.entry(turn, found))
    world.blocked.clear()
    return said, content


def test_a_text_under_the_number_of_another_one_has_its_time_as_well() -> None:
    """ROOM-46: it is looked at in time, also where nothing else is here that the timer is for."""
    world = ephemeral()
    phone, desk = world.devices["phone"], world.devices["desk"]
    older = deepcopy(phone.rows.tables)
    first = say(world, "phone", "before")
    world.run(MINUTE_MS)
    read(world, first)
    world.run(TTL_MS + 60 * MINUTE_MS)
    assert stored(world, first).body is None
    phone.rows.tables = older
    phone.restart(commit=False)
    said, content = forked(world, "Kanarienvogel")
    desk.take(phone.us, content)
    assert stored(world, said).is_aside
    assert stored(world, said).body is not None
    assert desk.room is not None
    assert desk.room.retaining.due_ms(Turn(world.now_ms)) == world.now_ms + 30 * DAY_MS
    world.run(30 * DAY_MS + 60 * MINUTE_MS)
    assert stored(world, said).body is None


@pytest.mark.parametrize("after_ms", [MINUTE_MS, 2 * DAY_MS])
def test_an_order_holds_for_a_text_under_the_number_of_another_one_that_comes_after_it(after_ms: int) -> None:
    """ROOM-44, ROOM-46: while the order waits for its day, and when it was carried out."""
    world = World(7)
    world.add("phone", "desk")
    world.open()
    world.run(3 * MINUTE_MS)
    phone, desk = world.devices["phone"], world.devices["desk"]
    older = deepcopy(phone.rows.tables)
    say(world, "phone", "before")
    world.run(MINUTE_MS)
    phone.rows.tables = older
    phone.restart(commit=False)
    said, content = forked(world, "Kanarienvogel")
    do(world, "phone", lambda room, turn: room.write(turn, Erase((said,))))
    world.run(after_ms)
    desk.take(phone.us, content)
    assert stored(world, said).is_aside
    world.run(2 * DAY_MS)
    assert stored(world, said).body is None


WORDING, ORDER, DAYS, COMMITMENT, BODY = "wording", "order", "days", "commitment", "body"


def given(world: World, entry: Entry) -> None:
    """The desk takes a line of an entry from a colleague."""
    chief = world.devices["chief"].us
    do(world, "desk", lambda room, turn: room.taking.line(turn, entry, chief, history=False))


@pytest.mark.parametrize(
    "comes",
    [
        (WORDING, ORDER, DAYS),
        (ORDER, WORDING, DAYS),
        (ORDER, DAYS, WORDING),
        (COMMITMENT, ORDER, BODY, DAYS),
        (COMMITMENT, ORDER, DAYS, BODY),
    ],
)
def test_a_new_wording_goes_with_its_text_where_that_never_comes(comes: tuple[str, ...]) -> None:
    """ROOM-44: it is hidden with the order and destroyed after its day, and one of another text stays."""
    world = World(7)
    world.add("phone", "desk", "chief")
    world.open()
    world.run(3 * MINUTE_MS)
    phone, desk = world.devices["phone"], world.devices["desk"]
    assert phone.room is not None
    world.blocked.update({("phone", "desk"), ("phone", "chief")})
    lost, kept = say(world, "phone", "eins"), say(world, "phone", "zwei")
    payloads = Edit(lost, "Kanarienvogel"), Edit(kept, "drei"), Erase((lost,))
    wording, other, order = (
        do(world, "phone", lambda room, turn, one=one: room.write(turn, one)) for one in payloads
    )
    found = [phone.room.log.find(Turn(world.now_ms), one) for one in (wording, other, order)]
    entries = [one.entry() for one in found if one is not None]
    assert desk.take(phone.us, carrier(entries[1]))
    bare = replace(entries[0], body=None)
    steps: dict[str, Callable[[], object]] = {
        WORDING: lambda: desk.take(phone.us, carrier(entries[0])),
        COMMITMENT: lambda: given(world, bare),
        BODY: lambda: given(world, entries[0]),
        ORDER: lambda: desk.take(phone.us, carrier(entries[2])),
        DAYS: lambda: world.run(2 * DAY_MS),
    }
    for what in comes[:-1]:
        steps[what]()
    assert comes[-1] != DAYS or stored(world, wording).is_hidden
    steps[comes[-1]]()
    assert stored(world, wording).is_hidden
    assert stored(world, wording).body is None
    assert stored(world, other).body is not None
