"""Rooms whose agent has left the company, and desks that are off (ROOM-07, ROOM-23)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.rooms.surroundings import Policy
from e2ee_client.room_events import RequestAsked, RoomChanged, WaitingChanged
from engine_world import World
from rooms_world import DAY_MS, HOUR_MS, MINUTE_MS, acceptance, act, change, head, opened, rooms_of
from team_thief import suspend
from team_world import colleague, do, founded, this

from e2ee.errors import NoRight
from e2ee.rooms.entry import RoomId
from e2ee.rooms.state import Phase


def test_a_room_whose_agent_is_not_in_force_any_more_waits_and_is_claimed() -> None:
    """ROOM-23."""
    world, desk, _, room_id = opened()
    agent, other = colleague(desk, "Frau Anders"), colleague(desk, "Herr Berg")
    world.advance(5 * MINUTE_MS)
    do(desk, lambda turn: rooms_of(desk).set_policy(turn, Policy(team="Empfang")))
    change(desk, room_id, Change(add=(this(agent),), assign=this(agent)))
    world.advance(5 * MINUTE_MS)
    agent.stop()
    suspend(desk, agent)
    world.advance(HOUR_MS)
    assert rooms_of(desk).index[room_id].assigned is None
    assert any(one.team == "Empfang" for one in other.of(WaitingChanged))
    act(other, lambda turn, rooms: rooms.acting.claim(turn, room_id))
    world.advance(HOUR_MS)
    assert rooms_of(desk).index[room_id].assigned == this(other)


@pytest.mark.parametrize("leaves", [False, True])
def test_a_room_that_was_routed_waits_for_anybody_once_its_agent_is_gone(leaves: bool) -> None:
    """ROOM-23: nobody routes it again, as only the first text of a room is."""
    world, desk, _, room_id = opened()
    agent, other = colleague(desk, "Frau Anders"), colleague(desk, "Herr Berg")
    world.advance(5 * MINUTE_MS)
    do(desk, lambda turn: rooms_of(desk).set_policy(turn, Policy(team=None)))
    assert room_id not in rooms_of(other).waiting
    change(desk, room_id, Change(add=(this(agent),), assign=this(agent)))
    world.advance(5 * MINUTE_MS)
    other.events.clear()
    if leaves:
        act(agent, lambda turn, rooms: rooms.acting.leave(turn, room_id))
    else:
        agent.stop()
        suspend(desk, agent)
    world.advance(MINUTE_MS)
    assert {one.team for one in other.of(WaitingChanged)} == {"*"}
    act(other, lambda turn, rooms: rooms.acting.claim(turn, room_id))
    world.advance(MINUTE_MS)
    assert rooms_of(desk).index[room_id].assigned == this(other)


def test_a_closed_room_whose_agent_leaves_stays_as_it_is() -> None:
    """ROOM-23: nothing is written into it, and its customer is told of nothing."""
    world, desk, customer, room_id = opened()
    agent = colleague(desk, "Frau Anders")
    world.advance(5 * MINUTE_MS)
    do(desk, lambda turn: rooms_of(desk).set_policy(turn, Policy(team="Empfang")))
    change(desk, room_id, Change(add=(this(agent),), assign=this(agent)))
    world.advance(5 * MINUTE_MS)
    change(desk, room_id, Change(phase=Phase.CLOSED))
    world.advance(HOUR_MS)
    before, told = head(desk, room_id), len(customer.of(RoomChanged))
    agent.stop()
    suspend(desk, agent)
    world.advance(DAY_MS)
    assert head(desk, room_id) == before
    assert len(customer.of(RoomChanged)) == told


def test_a_room_is_not_given_to_a_colleague_who_has_left() -> None:
    """ROOM-07: neither by a person who grants a transfer nor directly; who has it keeps it."""
    world, desk, _, room_id = opened()
    do(desk, lambda turn: rooms_of(desk).set_policy(turn, Policy(team=None, grants=frozenset())))
    agent, other = colleague(desk, "Frau Anders"), colleague(desk, "Herr Berg")
    world.advance(5 * MINUTE_MS)
    change(desk, room_id, Change(add=(this(agent),), assign=this(agent)))
    world.advance(5 * MINUTE_MS)
    act(agent, lambda turn, rooms: rooms.acting.assign(turn, room_id, this(other)))
    world.advance(5 * MINUTE_MS)
    (asked,) = desk.of(RequestAsked)
    suspend(desk, other)
    world.advance(DAY_MS)
    with pytest.raises(NoRight):
        act(desk, lambda turn, rooms: rooms.acting.decide(turn, room_id, asked.request_id, grant=True))
    with pytest.raises(NoRight):
        act(desk, lambda turn, rooms: rooms.acting.assign(turn, room_id, this(other)))
    for node in (desk, agent):
        one = rooms_of(node).index[room_id]
        assert (one.members, one.assigned) == ((this(agent),), this(agent))


def test_agents_hear_who_waits_where_the_first_desk_is_off() -> None:
    """ROOM-23: whoever has opened the room says so."""
    world = World()
    desk = founded(world)
    desk2, agent = colleague(desk, "Zweite", front_desk=True), colleague(desk, "Frau Anders")
    world.advance(10 * MINUTE_MS)
    for one in (desk, desk2):
        act(one, lambda turn, rooms: rooms.set_policy(turn, Policy(team="Empfang")))
    first, second = sorted((desk, desk2), key=this)
    customer = world.node("Kundin")
    customer.start()
    given = acceptance(desk)
    first.stop()
    found, effects = customer.engine.accept_notice(given, customer.now_ms)
    customer.carry_out(effects)
    room_id = RoomId(found)
    world.advance(10 * MINUTE_MS)
    assert room_id in rooms_of(second).waiting
    assert room_id in rooms_of(agent).waiting


def test_nobody_is_shown_to_wait_in_a_room_that_is_not_open() -> None:
    """ROOM-40: it waits again when it is opened again."""
    world, desk, _, room_id = opened()
    world.advance(HOUR_MS)
    for phase, team in ((Phase.CLOSED, None), (Phase.OPEN, "*")):
        change(desk, room_id, Change(phase=phase))
        world.advance(HOUR_MS)
        view = rooms_of(desk).queries.view(room_id)
        assert view is not None
        assert (view.waits_for, view.waits_ms is None) == (team, team is None)
        assert [one.waits_for for one in rooms_of(desk).queries.all()] == [team]


def test_of_a_withdrawn_room_nobody_hears_that_it_waits() -> None:
    """ROOM-40: who was told of it before forgets it, and says so, also while it runs."""
    world, desk, customer, room_id = opened()
    agent = colleague(desk, "Frau Anders")
    world.advance(DAY_MS)
    assert room_id in rooms_of(agent).waiting
    act(customer, lambda turn, rooms: rooms.consenting.withdraw(turn, room_id))
    agent.events.clear()
    world.advance(2 * DAY_MS)
    assert room_id not in rooms_of(agent).waiting
    assert [(one.room_id, one.team) for one in agent.of(WaitingChanged)] == [(room_id, None)]
