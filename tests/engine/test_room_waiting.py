"""Who waits while a room is not open, and claims that cross a freeze (ROOM-67)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import RequestRefused
from e2ee_client.room_events import RequestAnswered, RequestAsked, WaitingChanged
from engine_world import Node, World
from rooms_world import DAY_MS, HOUR_MS, MINUTE_MS, accept, act, change, opened, rooms_of, write
from team_thief import suspend
from team_world import colleague, founded, this

from e2ee.errors import NoRight, NotMember
from e2ee.rooms.entry import RoomId
from e2ee.rooms.payloads import Act, ActKind, Erase
from e2ee.rooms.signals import RequestKind
from e2ee.rooms.state import Phase

SECOND_MS = 1_000


def freeze(desk: Node, customer: Node, room_id: RoomId) -> None:
    write(customer, room_id, Act(ActKind.FREEZE))


def close(desk: Node, customer: Node, room_id: RoomId) -> None:
    change(desk, room_id, Change(phase=Phase.CLOSED))


def withdraw(desk: Node, customer: Node, room_id: RoomId) -> None:
    act(customer, lambda turn, rooms: rooms.consenting.withdraw(turn, room_id))


def erase(desk: Node, customer: Node, room_id: RoomId) -> None:
    write(customer, room_id, Erase(None))


def unfreeze(desk: Node, customer: Node, room_id: RoomId) -> None:
    write(customer, room_id, Act(ActKind.UNFREEZE))


def reopen(desk: Node, customer: Node, room_id: RoomId) -> None:
    write(customer, room_id, Act(ActKind.REOPEN))


Step = Callable[[Node, Node, RoomId], None]
both_ways = pytest.mark.parametrize(("ends", "goes_on"), [(freeze, unfreeze), (close, reopen)])


def waiting() -> tuple[World, Node, Node, Node, RoomId]:
    """A room that an agent has heard of, whose customer waits."""
    world, desk, customer, room_id = opened()
    agent = colleague(desk, "Frau Anders")
    world.advance(HOUR_MS)
    assert room_id in rooms_of(agent).waiting
    agent.events.clear()
    return world, desk, customer, agent, room_id


def claim(agent: Node, room_id: RoomId) -> None:
    act(agent, lambda turn, rooms: rooms.acting.claim(turn, room_id))


def leave(agent: Node, room_id: RoomId) -> None:
    act(agent, lambda turn, rooms: rooms.acting.leave(turn, room_id))


def requested(agent: Node) -> list[RequestKind]:
    """What an agent goes on asking for."""
    return [one.request.what for one in rooms_of(agent).requests.all(Turn(agent.now_ms)) if one.times]


def answers(agent: Node) -> list[str]:
    """The codes that an agent was answered by."""
    return [one.code for one in agent.of(RequestAnswered)]


@pytest.mark.parametrize("crosses", [False, True])
@pytest.mark.parametrize("ends", [freeze, close, withdraw, erase])
def test_a_room_that_is_not_open_any_more_waits_for_nobody_and_a_claim_of_it_ends(
    ends: Step, crosses: bool
) -> None:
    """ROOM-67, ROOM-68: who has not the room is told once, and no claim stays that nobody would answer."""
    world, desk, customer, agent, room_id = waiting()
    ends(desk, customer, room_id)
    if crosses:
        claim(agent, room_id)
        world.advance(MINUTE_MS)
        assert [one.code for one in agent.of(RequestAnswered)] == ["room.nobody_waits"]
    else:
        world.advance(MINUTE_MS)
        assert (len(agent.of(WaitingChanged)), room_id in rooms_of(agent).waiting) == (1, False)
        with pytest.raises(RequestRefused, match="nobody_waits"):
            claim(agent, room_id)
    assert requested(agent) == []
    assert (rooms_of(desk).index[room_id].members, room_id in rooms_of(agent).waiting) == ((), False)


@both_ways
def test_a_room_that_is_open_again_is_claimed_anew(ends: Step, goes_on: Step) -> None:
    """ROOM-67: what was claimed while it was not open is not granted then."""
    world, desk, customer, agent, room_id = waiting()
    ends(desk, customer, room_id)
    claim(agent, room_id)
    world.advance(HOUR_MS)
    goes_on(desk, customer, room_id)
    world.advance(MINUTE_MS)
    assert rooms_of(desk).index[room_id].assigned is None
    assert room_id in rooms_of(agent).waiting
    claim(agent, room_id)
    world.advance(MINUTE_MS)
    assert rooms_of(desk).index[room_id].assigned == this(agent)
    assert [one.code for one in agent.of(RequestAnswered)] == ["room.nobody_waits", ""]


def test_no_second_steward_asks_a_person_whether_a_frozen_room_is_given_away() -> None:
    """ROOM-67: also one that has the room, but has not said that it waits."""
    world = World()
    desk = founded(world)
    desk2, agent = colleague(desk, "Zweite", front_desk=True), colleague(desk, "Frau Anders")
    customer = world.node("Kundin")
    customer.start()
    room_id = accept(customer, desk)
    world.advance(HOUR_MS)
    assert room_id in rooms_of(agent).waiting
    assert all(room_id in rooms_of(one).index for one in (desk, desk2))
    write(customer, room_id, Act(ActKind.FREEZE))
    claim(agent, room_id)
    world.advance(HOUR_MS)
    assert [one.of(RequestAsked) for one in (desk, desk2)] == [[], []]
    assert [one.code for one in agent.of(RequestAnswered)] == ["room.nobody_waits"]


@pytest.mark.audit_only
def test_a_customer_that_closes_and_reopens_its_room_tells_agents_once_a_minute() -> None:
    """ROOM-67: and in the end they know that it waits."""
    world, _, customer, agent, room_id = waiting()
    for _ in range(20):
        for what in (ActKind.CLOSE, ActKind.REOPEN):
            write(customer, room_id, Act(what))
            world.advance(SECOND_MS // 10)
    assert len(agent.of(WaitingChanged)) <= 3
    world.advance(MINUTE_MS)
    assert room_id in rooms_of(agent).waiting
    assert len(agent.of(WaitingChanged)) <= 4


@both_ways
def test_who_waits_is_said_while_the_room_is_open_and_again_when_it_is_reopened(
    ends: Step, goes_on: Step
) -> None:
    """ROOM-67, ROOM-40: an agent without the room forgets it after a day, and is told when it waits again."""
    world, desk, customer, agent, room_id = waiting()
    since_ms = rooms_of(agent).waiting[room_id].since_ms
    ends(desk, customer, room_id)
    world.advance(DAY_MS + HOUR_MS)
    assert room_id not in rooms_of(agent).waiting
    assert {one.team for one in agent.of(WaitingChanged)} == {None}
    desk.crash()
    desk.start()
    goes_on(desk, customer, room_id)
    world.advance(SECOND_MS)
    assert rooms_of(agent).waiting[room_id].since_ms == since_ms
    agent.events.clear()
    world.advance(MINUTE_MS)
    assert len(agent.of(WaitingChanged)) == 1


def test_a_room_that_is_made_to_wait_while_it_is_frozen_waits_when_that_is_over() -> None:
    """ROOM-67: for the team that was named meanwhile."""
    world, desk, customer, agent, room_id = waiting()
    freeze(desk, customer, room_id)
    world.settle()
    act(desk, lambda turn, rooms: rooms.acting.wait_for(turn, room_id, "Empfang"))
    world.advance(2 * DAY_MS)
    assert "Empfang" not in {one.team for one in agent.of(WaitingChanged)}
    unfreeze(desk, customer, room_id)
    world.advance(SECOND_MS)
    assert "Empfang" in {one.team for one in agent.of(WaitingChanged)}


# --- what cannot be had (ROOM-68, ROOM-69) ---


@both_ways
def test_who_had_left_a_room_that_is_not_open_is_refused_at_once(ends: Step, goes_on: Step) -> None:
    """ROOM-68: it went on asking for a week, and had the room that was opened again in between."""
    world, desk, customer, agent, room_id = waiting()
    claim(agent, room_id)
    world.advance(MINUTE_MS)
    leave(agent, room_id)
    world.advance(MINUTE_MS)
    assert answers(agent) == ["", ""]
    ends(desk, customer, room_id)
    world.advance(2 * HOUR_MS)
    with pytest.raises(RequestRefused, match="nobody_waits"):
        claim(agent, room_id)
    assert requested(agent) == []
    goes_on(desk, customer, room_id)
    world.advance(8 * HOUR_MS)
    assert rooms_of(desk).index[room_id].assigned is None
    claim(agent, room_id)
    world.advance(MINUTE_MS)
    assert rooms_of(desk).index[room_id].assigned == this(agent)


@both_ways
def test_who_left_a_room_while_it_was_not_open_claims_it_when_it_waits_again(
    ends: Step, goes_on: Step
) -> None:
    """ROOM-68, ROOM-40: by what stewards say; its own copy goes on saying that the room is not open."""
    world, desk, customer, agent, room_id = waiting()
    claim(agent, room_id)
    world.advance(MINUTE_MS)
    ends(desk, customer, room_id)
    world.advance(MINUTE_MS)
    leave(agent, room_id)
    world.advance(MINUTE_MS)
    with pytest.raises(RequestRefused, match="nobody_waits"):
        claim(agent, room_id)
    goes_on(desk, customer, room_id)
    world.advance(2 * MINUTE_MS)
    view = rooms_of(agent).queries.view(room_id)
    assert view is not None
    assert (view.waits_ms is None, view.assigned) == (False, None)
    claim(agent, room_id)
    world.advance(5 * MINUTE_MS)
    assert rooms_of(desk).index[room_id].assigned == this(agent)


@pytest.mark.parametrize("ahead_ms", [0, pytest.param(30 * DAY_MS, marks=pytest.mark.audit_only)])
@both_ways
def test_a_claim_that_nobody_answers_ends_when_the_room_waits_no_longer(
    ends: Step, goes_on: Step, ahead_ms: int
) -> None:
    """ROOM-68: the desk that has said it is off, the other one has not, and grants nothing weeks later."""
    world = World()
    desk = founded(world)
    desk2, agent = colleague(desk, "Zweite", front_desk=True), colleague(desk, "Frau Anders")
    customer = world.node("Kundin")
    customer.start()
    room_id = accept(customer, desk)
    world.advance(HOUR_MS)
    desks = [desk, desk2]
    desks.sort(key=lambda one: rooms_of(one).room(Turn(one.now_ms), room_id).live.board.waiting is None)
    said, other = desks
    said.stop()
    ends(other, customer, room_id)
    world.advance(MINUTE_MS)
    assert room_id in rooms_of(agent).waiting
    claim(agent, room_id)
    world.advance(HOUR_MS)
    assert (answers(agent), requested(agent)) == ([], [RequestKind.ADD])
    agent.set_clock(ahead_ms)
    world.advance(DAY_MS + 8 * HOUR_MS)
    code = "room.unanswered" if ahead_ms else "room.nobody_waits"
    assert (answers(agent), requested(agent)) == ([code], [])
    goes_on(other, customer, room_id)
    world.advance(2 * DAY_MS)
    assert rooms_of(other).index[room_id].assigned is None
    said.start()
    world.advance(DAY_MS)
    assert rooms_of(other).index[room_id].assigned is None
    assert answers(agent) == [code]


def test_who_is_suspended_while_its_claim_is_under_way_is_not_given_the_room() -> None:
    """ROOM-68: nothing that it had asked for is granted behind it."""
    world, desk, _, agent, room_id = waiting()
    desk.stop()
    claim(agent, room_id)
    world.advance(MINUTE_MS)
    desk.start()
    suspend(desk, agent)
    world.advance(2 * DAY_MS)
    assert rooms_of(desk).index[room_id].assigned is None


def test_who_is_in_no_room_asks_nobody_to_leave_it() -> None:
    """ROOM-68: also of a room that waits, and of one that it was in."""
    world, _, _, agent, room_id = waiting()
    with pytest.raises(NotMember):
        leave(agent, room_id)
    claim(agent, room_id)
    world.advance(MINUTE_MS)
    leave(agent, room_id)
    world.advance(MINUTE_MS)
    for step in (leave, lambda one, of: act(one, lambda turn, rooms: rooms.acting.close(turn, of, None))):
        with pytest.raises(NotMember):
            step(agent, room_id)
    assert requested(agent) == []


def test_who_is_removed_while_it_asks_to_leave_has_left() -> None:
    """ROOM-68: nobody says to it that nobody waits, which ended a claim of its and hid who waits."""
    world, desk, _, agent, room_id = waiting()
    claim(agent, room_id)
    world.advance(MINUTE_MS)
    agent.events.clear()
    change(desk, room_id, Change(unassign=True, remove=(this(agent),)))
    leave(agent, room_id)
    act(agent, lambda turn, rooms: rooms.acting.close(turn, room_id, None))
    world.advance(30_000)
    assert room_id in rooms_of(agent).waiting
    claim(agent, room_id)
    world.advance(5 * MINUTE_MS)
    assert requested(agent) == []
    assert rooms_of(desk).index[room_id].assigned == this(agent)
    assert sorted(answers(agent)) == ["", "", "room.not_member"]


def test_nobody_waits_for_a_team_where_somebody_is_assigned() -> None:
    """ROOM-69: other agents were told, and each claim of theirs was refused."""
    world, desk, _, agent, room_id = waiting()
    other = colleague(desk, "Herr Berg")
    claim(agent, room_id)
    world.advance(MINUTE_MS)
    other.events.clear()
    with pytest.raises(NoRight):
        act(desk, lambda turn, rooms: rooms.acting.wait_for(turn, room_id, "Empfang"))
    world.advance(DAY_MS)
    assert other.of(WaitingChanged) == []
    change(desk, room_id, Change(unassign=True))
    act(desk, lambda turn, rooms: rooms.acting.wait_for(turn, room_id, "Empfang"))
    world.advance(MINUTE_MS)
    assert other.of(WaitingChanged)[-1].team == "Empfang"
