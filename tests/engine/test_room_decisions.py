"""What a person has to decide: an objection within 30 days, a login from a device that is new."""

from __future__ import annotations

from typing import Any

import pytest
from e2ee_client.engine.rooms import identifying
from e2ee_client.engine.rooms.identifying import MAX_WAITING, waiting_logins
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import FreezeUndecided, IdentifyAnswered, IdentifyAsked
from parties import DAY_MS
from room_rooms import MINUTE_MS, change, dev, do, opened
from room_world import World, ground

from e2ee.errors import NoRight, RoomFrozen
from e2ee.rooms.entry import EntryHash
from e2ee.rooms.payloads import Act, ActKind
from e2ee.rooms.signed_payloads import Identify
from e2ee.rooms.state import Phase


def act(world: World, what: ActKind) -> None:
    """The customer does something."""
    do(world, "phone", lambda room, turn: room.write(turn, Act(what)))
    world.run(3 * MINUTE_MS)


def decide(world: World, by: str, *, closes: bool) -> Any:
    """Decide an objection."""

    def step(room: Any, turn: Turn) -> EntryHash:
        found: EntryHash = room.freezing.decide(turn, "geprüft", closes=closes)
        room.settle(turn)
        return found

    found = do(world, by, step)
    world.run(2 * MINUTE_MS)
    return found


def phase(world: World, name: str = "phone") -> Phase | None:
    """The phase of the room at a device."""
    room = world.devices[name].room
    assert room is not None
    found: Phase | None = room.states.condition().phase
    return found


@pytest.mark.parametrize(("closes", "after"), [(False, Phase.OPEN), (True, Phase.CLOSED)])
def test_a_supervisor_decides_an_objection_and_nobody_else(closes: bool, after: Phase) -> None:
    """ROOM-14, ROOM-18."""
    world = opened("desk", "chief")
    act(world, ActKind.FREEZE)
    assert phase(world) is Phase.FROZEN
    assert isinstance(decide(world, "desk", closes=closes), NoRight)
    decide(world, "chief", closes=closes)
    assert {phase(world, name) for name in world.devices} == {after}
    assert isinstance(decide(world, "chief", closes=closes), NoRight)


def test_what_nobody_decides_is_closed_after_30_days_and_people_are_told_before() -> None:
    """ROOM-37: by the steward's clock, from the oldest objection that lasts; once, also after a restart."""
    world = opened("desk", "chief")
    act(world, ActKind.FREEZE)
    world.run(20 * DAY_MS)
    act(world, ActKind.FREEZE)
    assert not world.devices["desk"].told(FreezeUndecided)
    world.run(4 * DAY_MS)
    for name in ("desk", "chief"):
        assert len(world.devices[name].told(FreezeUndecided)) == 1
    assert not world.devices["phone"].told(FreezeUndecided)
    world.devices["chief"].restart()
    world.run(5 * DAY_MS)
    assert phase(world) is Phase.FROZEN
    world.run(2 * DAY_MS)
    assert {phase(world, name) for name in world.devices} == {Phase.CLOSED}
    assert len(world.devices["chief"].told(FreezeUndecided)) == 1
    state = world.devices["phone"].room
    assert state is not None
    assert state.states.state is not None
    assert state.states.state.text == "In 30 Tagen nicht entschieden: geschlossen"


def test_without_a_supervisor_an_objection_stands() -> None:
    """ROOM-14, ROOM-37: a desk decides none, and turns in no circle about it."""
    world = opened("desk")
    act(world, ActKind.FREEZE)
    world.run(40 * DAY_MS)
    assert phase(world) is Phase.FROZEN
    assert len(world.devices["desk"].told(FreezeUndecided)) == 1


def test_an_objection_that_was_taken_back_or_decided_does_not_count_for_the_next() -> None:
    """ROOM-37."""
    world = opened("chief")
    act(world, ActKind.FREEZE)
    world.run(20 * DAY_MS)
    act(world, ActKind.UNFREEZE)
    act(world, ActKind.FREEZE)
    world.run(15 * DAY_MS)
    assert phase(world) is Phase.FROZEN
    decide(world, "chief", closes=False)
    act(world, ActKind.FREEZE)
    world.run(29 * DAY_MS)
    assert phase(world) is Phase.FROZEN
    world.run(2 * DAY_MS)
    assert phase(world) is Phase.CLOSED


def test_who_joined_a_frozen_room_counts_from_its_first_frozen_state() -> None:
    """ROOM-37: it knows no act from before."""
    world = opened("desk", "chief")
    act(world, ActKind.FREEZE)
    do(world, "chief", forget_acts)
    world.devices["chief"].restart()
    world.run(10 * DAY_MS)
    change(world, "desk", Change(reason=1))
    world.run(19 * DAY_MS)
    chief = world.devices["chief"].room
    assert chief is not None
    assert chief.states.room.acts == ()
    assert phase(world) is Phase.FROZEN
    world.run(2 * DAY_MS)
    assert phase(world, "chief") is Phase.CLOSED


def forget_acts(room: Any, turn: Turn) -> None:
    """Make a device one that joined later."""
    room.live.acts = ()
    room.settle(turn)


# --- logins ---


def log_in(world: World) -> EntryHash:
    """The customer gives a login token of the company's web server."""
    found: EntryHash = do(world, "phone", lambda room, turn: room.write(turn, Identify(b"token")))
    world.run(2 * MINUTE_MS)
    return found


def answer(world: World, by: str, login: EntryHash, *, grant: bool) -> Any:
    """Decide a login."""

    def step(room: Any, turn: Turn) -> None:
        room.identifying.decide(turn, login, grant=grant)
        room.settle(turn)

    found = do(world, by, step)
    world.run(2 * MINUTE_MS)
    return found


def waits(world: World, name: str) -> list[IdentifyAsked]:
    """The logins that wait at a device."""
    device = world.devices[name]
    listed = device.devices(ground().customer)
    return waiting_logins(Turn(world.now_ms), device.rows, world.room_id, listed)


def test_a_login_waits_for_a_steward_in_the_room_or_not_and_is_granted_once_for_its_devices() -> None:
    """CNS-16, CNS-42: a device that was confirmed does not wait again, one that is new does."""
    world = opened("desk", "agent")
    change(world, "desk", Change(add=(dev("agent"),)))
    world.run(2 * MINUTE_MS)
    login = log_in(world)
    for name in ("desk", "agent"):
        asked = IdentifyAsked(world.room_id, login, (dev("phone"),))
        assert world.devices[name].told(IdentifyAsked) == [asked]
        assert waits(world, name) == [asked]
    assert isinstance(answer(world, "agent", login, grant=True), NoRight)
    answer(world, "desk", login, grant=True)
    for name in ("desk", "agent", "phone"):
        assert world.devices[name].told(IdentifyAnswered) == [IdentifyAnswered(world.room_id, login)]
        assert waits(world, name) == []
    again = log_in(world)
    assert world.devices["desk"].told(IdentifyAnswered)[-1].entry_hash == again
    assert len(world.devices["desk"].told(IdentifyAsked)) == 1
    for name in ("desk", "agent"):
        world.devices[name].known_lists = 2
    log_in(world)
    assert world.devices["desk"].told(IdentifyAsked)[-1].devices == (dev("tablet"),)


def test_a_login_is_refused_by_an_entry_that_names_it() -> None:
    """CNS-42."""
    world = opened("desk")
    login = log_in(world)
    answer(world, "desk", login, grant=False)
    for name in ("desk", "phone"):
        told = world.devices[name].told(IdentifyAnswered)
        assert told == [IdentifyAnswered(world.room_id, login, "room.right")]
    assert isinstance(answer(world, "desk", login, grant=True), NoRight)
    log_in(world)
    assert len(world.devices["desk"].told(IdentifyAsked)) == 2


def test_a23_control_without_a_wait_the_thief_is_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack 23, without the countermeasure: nobody is shown a device that is new, and the login counts."""
    monkeypatch.setattr(identifying, "identify_waits", lambda devices, confirmed: False)
    world = opened("desk")
    world.devices["desk"].known_lists = 2
    login = log_in(world)
    assert world.devices["desk"].told(IdentifyAsked) == []
    assert world.devices["desk"].told(IdentifyAnswered) == [IdentifyAnswered(world.room_id, login)]


def test_logins_without_end_fill_no_store() -> None:
    """CNS-42."""
    world = opened("desk")
    logins = [log_in(world) for _ in range(MAX_WAITING + 1)]
    assert [one.entry_hash for one in waits(world, "desk")] == logins[1:]
    assert isinstance(answer(world, "desk", logins[0], grant=True), NoRight)


def test_no_login_in_a_frozen_room() -> None:
    """ROOM-19, CNS-13: it is content."""
    world = opened("desk")
    act(world, ActKind.FREEZE)
    assert isinstance(log_in(world), RoomFrozen)
    assert not world.devices["desk"].told(IdentifyAsked)
