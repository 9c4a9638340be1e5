"""What is unread where the commitment of a text comes before its body (TRN-52)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryAdded
from room_rooms import MINUTE_MS, do, opened, say
from room_world import World, ground

from e2ee.rooms.entry import Entry, carrier
from e2ee.rooms.payloads import Erase

Step = Callable[[World, Entry], None]


def missed(by: str = "phone") -> tuple[World, Entry]:
    """A text that the desk has not got, as its author wrote it."""
    world = opened("desk", "chief")
    world.blocked.add((by, "desk"))
    said = say(world, by, "dringend")
    room: Any = world.devices[by].room
    turn = Turn(world.now_ms)
    entry: Entry = room.log.entry(turn, room.log.find(turn, said))
    return world, entry


def unread(world: World) -> int:
    """How many are unread at the desk: as it counts them, and as they stand in its order."""
    room: Any = world.devices["desk"].room
    count: int = room.index.unread
    assert len(room.log.unread(Turn(world.now_ms), 9)) == count
    return count


def line(world: World, entry: Entry, by: str = "chief", *, history: bool = False) -> None:
    def step(room: Any, turn: Turn) -> None:
        room.taking.line(turn, entry, ground().author(by), history=history)
        room.settle(turn)

    do(world, "desk", step)


def commitment(world: World, entry: Entry) -> None:
    line(world, replace(entry, body=None), "phone")


def heard_commitment(world: World, entry: Entry) -> None:
    line(world, replace(entry, body=None))


def handed_commitment(world: World, entry: Entry) -> None:
    line(world, replace(entry, body=None), history=True)


def message(world: World, entry: Entry) -> None:
    do(world, "desk", lambda room, turn: room.take(turn, entry.author, carrier(entry)))


def own_line(world: World, entry: Entry) -> None:
    line(world, entry, "phone")


def wanted(world: World, entry: Entry) -> None:
    line(world, entry)


def handed(world: World, entry: Entry) -> None:
    line(world, entry, history=True)


def read(world: World, entry: Entry) -> None:
    do(world, "desk", lambda room, turn: room.mark_read(turn, [entry.hash]))


@pytest.mark.parametrize("first", [commitment, heard_commitment, handed_commitment])
@pytest.mark.parametrize("is_read", [False, True])
@pytest.mark.parametrize("then", [message, own_line, wanted])
def test_a_body_that_comes_after_its_commitment_is_unread_once(
    first: Step, then: Step, *, is_read: bool
) -> None:
    """TRN-52: also where somebody read the room meanwhile, after a restart, and when it is given again."""
    world, entry = missed()
    first(world, entry)
    if is_read:
        read(world, entry)
    world.devices["desk"].restart()
    world.devices["desk"].events.clear()
    then(world, entry)
    assert unread(world) == 1
    assert [one.is_history for one in world.devices["desk"].told(EntryAdded)] == [False]
    world.devices["desk"].restart()
    for again in (message, wanted, handed):
        again(world, entry)
        assert unread(world) == 1
    read(world, entry)
    for again in (message, wanted, handed):
        again(world, entry)
        assert unread(world) == 0


def test_what_was_handed_over_with_its_body_is_not_unread_when_it_comes_again() -> None:
    """TRN-34, TRN-52: nor is a body that comes with a hand-over after its commitment."""
    for first in (handed, handed_commitment):
        world, entry = missed()
        first(world, entry)
        for then in (handed, message, wanted):
            then(world, entry)
            assert unread(world) == 0


def test_what_is_ours_or_was_erased_is_not_unread_when_its_body_comes() -> None:
    """TRN-52: a text of a colleague is one of ours."""
    world, entry = missed("chief")
    heard_commitment(world, entry)
    message(world, entry)
    assert unread(world) == 0
    world, entry = missed()
    handed_commitment(world, entry)
    world.blocked.clear()
    do(world, "phone", lambda room, turn: room.write(turn, Erase((entry.hash,))))
    world.run(MINUTE_MS)
    message(world, entry)
    assert unread(world) == 0
