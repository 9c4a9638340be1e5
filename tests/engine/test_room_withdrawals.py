"""A withdrawal erases a room on each device of the company, whichever way and whenever it comes (CNS-45)."""

from __future__ import annotations

from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from parties import DAY_MS
from room_rooms import MINUTE_MS, change, dev, do, opened, say
from room_world import World, ground

from e2ee.rooms.consent import Terms
from e2ee.rooms.customer import Given
from e2ee.rooms.entry import EntryHash
from e2ee.rooms.notice import Mode
from e2ee.rooms.state import Phase

HOUR_MS = 60 * MINUTE_MS


def staffed() -> tuple[World, EntryHash]:
    """A desk and an agent in a room, and what its customer said there."""
    world = opened("desk", "agent")
    change(world, "desk", Change(add=(dev("desk"), dev("agent"))))
    world.run(3 * MINUTE_MS)
    said = say(world, "phone", "Kanarienvogel")
    world.run(30 * MINUTE_MS)
    assert has_body(world, "desk", said)
    assert has_body(world, "agent", said)
    return world, said


def has_body(world: World, name: str, entry_hash: EntryHash) -> bool:
    """Whether a device still has what was said."""
    room = world.devices[name].room
    assert room is not None
    stored = room.log.find(Turn(world.now_ms), entry_hash)
    assert stored is not None
    return stored.body is not None


def withdraw(world: World) -> None:
    """The customer withdraws."""
    do(world, "phone", lambda room, turn: room.withdraw(turn, 9))


def consent_again(world: World) -> None:
    """The customer agrees again, which opens the room."""
    given = Given(Terms(ground().notice.hash, "de", Mode.CONSENT, 0b11), world.now_ms, 10)
    do(world, "phone", lambda room, turn: room.give(turn, given, reopens=True))


def phase_of(world: World, name: str) -> Phase | None:
    """The phase of the room for a device."""
    room = world.devices[name].room
    assert room is not None
    return room.states.condition().phase


def test_a_withdrawal_that_only_a_colleague_brings_erases() -> None:
    """CNS-45, TRN-17: a relay that keeps it from one device gains nothing: its signature is enough."""
    world, said = staffed()
    world.blocked.add(("phone", "agent"))
    withdraw(world)
    world.run(27 * HOUR_MS)
    assert phase_of(world, "agent") is Phase.WITHDRAWN
    assert not has_body(world, "desk", said)
    assert not has_body(world, "agent", said)


def test_a_withdrawal_that_comes_after_the_next_consent_erases() -> None:
    """CNS-45: it was lost on its way, and comes when the customer has agreed again."""
    world, said = staffed()
    world.blocked.add(("phone", "agent"))
    withdraw(world)
    world.blocked.clear()
    consent_again(world)
    world.run(3 * MINUTE_MS)
    later = say(world, "phone", "Guten Tag wieder")
    world.run(30 * HOUR_MS)
    assert phase_of(world, "agent") is Phase.OPEN
    assert not has_body(world, "desk", said)
    assert not has_body(world, "agent", said)
    assert has_body(world, "desk", later)
    assert has_body(world, "agent", later)


def test_a_withdrawal_that_was_hearsay_is_carried_out_once() -> None:
    """CNS-45: its line comes later, after the room was used again, and takes nothing of that."""
    world, said = staffed()
    world.blocked.add(("phone", "agent"))
    withdraw(world)
    world.run(27 * HOUR_MS)
    consent_again(world)
    world.run(HOUR_MS)
    later = say(world, "phone", "Guten Tag wieder")
    world.blocked.clear()
    world.run(2 * DAY_MS)
    agent = world.devices["agent"].room
    assert agent is not None
    assert not has_body(world, "agent", said)
    assert has_body(world, "agent", later)
    assert agent.live.orders == ()
