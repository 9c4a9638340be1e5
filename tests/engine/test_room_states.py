"""States of a room on its devices: bounds, who is given what, restrictive acts (chapter 16)."""

from __future__ import annotations

from e2ee_client.engine.rooms.room_engine import RoomEngine
from e2ee_client.engine.rooms.states import DAY_STATES, MAX_UNANSWERED
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from room_rooms import MINUTE_MS, change, dev, do, opened, say

from e2ee.errors import TooMany
from e2ee.rooms.acts import What
from e2ee.rooms.payloads import Act, ActKind
from e2ee.rooms.state import Phase


def unchecked(room: RoomEngine, turn: Turn, changed: Change) -> None:
    """Write a state as a device does that does not keep to the bounds."""
    steward = room.stewarding
    team = room.around.team(room.live.company, turn.now_ms)
    room.writing.write(turn, steward._next(turn, team, room.states.state, changed, []))
    room.settle(turn)


def test_a_device_that_floods_a_room_with_states_is_stopped_and_others_go_on() -> None:
    """ROOM-29."""
    world = opened("chief", "desk")
    for count in range(DAY_STATES + 3):
        do(world, "desk", lambda room, turn, count=count: unchecked(room, turn, Change(reason=count)))
        world.run(25_000)
    room = world.devices["phone"].room
    assert room is not None
    own = [one for one in room.states.room.states.values() if one.author == dev("desk")]
    assert len(own) == DAY_STATES
    assert ("phone", "room.too_many") in world.refused
    assert not isinstance(change(world, "chief", Change(reason=9)), Exception)


def test_a_steward_does_not_write_more_states_than_others_take() -> None:
    """ROOM-29."""
    world = opened("desk")
    for _ in range(DAY_STATES - 1):
        assert not isinstance(change(world, "desk", Change(reason=1)), Exception)
    assert isinstance(change(world, "desk", Change(reason=2)), TooMany)


def test_a_customer_that_floods_a_room_with_acts_is_stopped_but_may_withdraw() -> None:
    """ROOM-29."""
    world = opened("desk")
    world.blocked.add(("desk", "phone"))
    world.devices["desk"].wakes.clear()
    desk = world.devices["desk"].room
    assert desk is not None
    desk.live.retry_ms = world.now_ms + 90 * MINUTE_MS
    for _ in range(MAX_UNANSWERED + 3):
        do(world, "phone", lambda room, turn: room.writing.write(turn, Act(ActKind.CLOSE)))
        world.run(1_000)
    assert len(desk.states.condition().unanswered) == MAX_UNANSWERED
    assert not isinstance(do(world, "phone", lambda room, turn: room.withdraw(turn, 99)), Exception)
    world.run(1_000)
    assert What.WITHDRAW in {one.what for one in desk.states.room.acts}
    assert desk.states.condition().phase is Phase.WITHDRAWN


def test_a_customer_that_floods_a_room_with_withdrawals_is_stopped() -> None:
    """ROOM-29: the first counts, and what follows has the bound of all acts."""
    world = opened("desk")
    world.blocked.add(("desk", "phone"))
    desk = world.devices["desk"].room
    assert desk is not None
    desk.live.retry_ms = world.now_ms + 90 * MINUTE_MS
    for _ in range(MAX_UNANSWERED + 3):
        do(world, "phone", lambda room, turn: room.withdraw(turn, 99))
        world.run(1_000)
    assert desk.states.condition().phase is Phase.WITHDRAWN
    assert len(desk.states.condition().unanswered) == len(desk.live.orders) == MAX_UNANSWERED
    assert ("desk", "room.too_many") in world.refused


def test_who_joins_is_given_states_beside_the_head_too() -> None:
    """ROOM-25, ROOM-30: it judges as all others do."""
    world = opened("chief", "desk", "agent")
    world.blocked |= {("chief", "desk"), ("desk", "chief")}
    change(world, "desk", Change(reason=1))
    change(world, "chief", Change(reason=2))
    world.run(MINUTE_MS)
    world.blocked.clear()
    say(world, "phone", "links both")
    world.run(3 * MINUTE_MS)
    change(world, "chief", Change(add=(dev("agent"),), assign=dev("agent")))
    world.run(30 * MINUTE_MS)
    heads = {one.head() for one in world.devices.values()}
    assert len(heads) == 1
    agent = world.devices["agent"].room
    assert agent is not None
    assert len(agent.states.room.states) == 4


def test_an_outvoted_desk_tells_those_whom_its_state_named() -> None:
    """ROOM-30."""
    world = opened("chief", "desk", "agent")
    world.blocked |= {("chief", "desk"), ("desk", "chief"), ("desk", "phone")}
    change(world, "desk", Change(add=(dev("agent"),)))
    change(world, "chief", Change(reason=2))
    world.run(MINUTE_MS)
    assert world.devices["agent"].room is not None
    world.blocked.clear()
    change(world, "chief", Change(reason=3))
    world.run(30 * MINUTE_MS)
    assert world.devices["agent"].head() == world.devices["chief"].head()
