"""Who closes a room in which nobody has written for 30 days, and who cannot know that (ROOM-24)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.rooms.surroundings import Policy
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import RequestAsked
from engine_world import Node, World
from parties import DAY_MS
from rooms_world import HOUR_MS, MINUTE_MS, act, change, opened, rooms_of, texts, write
from team_world import colleague, this

from e2ee.rooms.entry import RoomId
from e2ee.rooms.state import Phase


def with_agent(*names: str) -> tuple[World, Node, list[Node], Node, RoomId]:
    """A room of agents, the first of whom is assigned; the desk is none of its members."""
    world, desk, customer, room_id = opened()
    agents = [colleague(desk, name) for name in names or ("Frau Klein",)]
    world.advance(MINUTE_MS)
    joiners = tuple(sorted(this(one) for one in agents))
    change(desk, room_id, Change(add=joiners, assign=this(agents[0])))
    world.advance(5 * MINUTE_MS)
    assert list(rooms_of(desk).index[room_id].members) == list(joiners)
    return world, desk, agents, customer, room_id


def phases(room_id: RoomId, *nodes: Node) -> set[Phase]:
    """The phases that devices know a room in."""
    return {Phase(rooms_of(one).index[room_id].phase) for one in nodes}


def off(node: Node) -> None:
    """Switch a device off."""
    node.stop()
    node.alive = False


def on(node: Node) -> None:
    """Switch a device on again."""
    node.alive = True
    node.crash()
    node.start()


@pytest.mark.audit_only
def test_a_room_in_which_an_agent_and_a_customer_talk_stays_open() -> None:
    """ROOM-24: the desk, which gets none of what is written, does not take that for silence."""
    world, desk, (agent,), customer, room_id = with_agent()
    for day in range(4):
        write(customer if day % 2 else agent, room_id, f"Tag {day}")
        world.advance(10 * DAY_MS)
    assert phases(room_id, desk, agent, customer) == {Phase.OPEN}


@pytest.mark.audit_only
@pytest.mark.parametrize("names", [("Frau Klein",), ("Frau Klein", "Herr Groß")])
def test_a_silent_room_of_agents_is_closed_as_one_of_them_asks(names: tuple[str, ...]) -> None:
    """ROOM-24, ROOM-22: 30 days after the last text, not after the last state; one state closes it."""
    world, desk, agents, customer, room_id = with_agent(*names)
    world.advance(10 * DAY_MS)
    write(customer, room_id, "zuletzt")
    world.advance(29 * DAY_MS)
    assert phases(room_id, desk, *agents, customer) == {Phase.OPEN}

    world.advance(2 * DAY_MS)
    assert phases(room_id, desk, *agents, customer) == {Phase.CLOSED}


@pytest.mark.audit_only
def test_a_person_who_keeps_a_silent_room_open_is_asked_again_after_30_days() -> None:
    """ROOM-24, ROOM-22: where the policy grants no closing by itself."""
    world, desk, (agent,), _, room_id = with_agent()
    act(desk, lambda turn, rooms: rooms.set_policy(turn, Policy(grants=frozenset())))
    world.advance(31 * DAY_MS)
    (asked,) = desk.of(RequestAsked)
    act(desk, lambda turn, rooms: rooms.acting.decide(turn, room_id, asked.request_id, grant=False))
    world.advance(29 * DAY_MS)
    assert len(desk.of(RequestAsked)) == 1
    world.advance(3 * DAY_MS)
    assert len(desk.of(RequestAsked)) == 2
    assert phases(room_id, desk, agent) == {Phase.OPEN}


@pytest.mark.audit_only
def test_a_person_who_does_not_answer_has_one_question_and_not_one_a_week() -> None:
    """ROOM-24, ROOM-22: what is asked anew takes the place of what was asked, and may be granted."""
    world, desk, (agent,), _, room_id = with_agent()
    act(desk, lambda turn, rooms: rooms.set_policy(turn, Policy(grants=frozenset())))
    world.advance(31 * DAY_MS + 15 * DAY_MS)
    (asked,) = rooms_of(desk).queries.asked(room_id, desk.now_ms)
    assert asked == desk.of(RequestAsked)[-1]
    act(desk, lambda turn, rooms: rooms.acting.decide(turn, room_id, asked.request_id, grant=True))
    world.advance(DAY_MS)
    assert phases(room_id, desk, agent) == {Phase.CLOSED}
    assert not rooms_of(agent).requests.of(Turn(agent.now_ms), room_id)


@pytest.mark.audit_only
def test_an_agent_whom_nobody_answers_asks_again() -> None:
    """ROOM-24, ROOM-60: the desk is off for weeks; the room is closed when it is there."""
    world, desk, (agent,), customer, room_id = with_agent()
    world.advance(29 * DAY_MS)
    off(desk)
    world.advance(20 * DAY_MS)
    on(desk)
    world.advance(8 * DAY_MS)
    assert phases(room_id, desk, agent, customer) == {Phase.CLOSED}


@pytest.mark.audit_only
def test_a_desk_that_was_off_takes_what_waits_before_it_calls_a_room_silent() -> None:
    """ROOM-24: the relay has a text that the desk does not know when it starts."""
    world, desk, customer, room_id = opened()
    off(desk)
    world.advance(20 * DAY_MS)
    write(customer, room_id, "in den Ferien")
    world.advance(11 * DAY_MS)
    on(desk)
    world.advance(DAY_MS)
    assert texts(desk, room_id) == ["in den Ferien"]
    assert phases(room_id, desk, customer) == {Phase.OPEN}
    world.advance(31 * DAY_MS)
    assert phases(room_id, desk, customer) == {Phase.CLOSED}


@pytest.mark.parametrize("ahead_days", [pytest.param(31, marks=pytest.mark.audit_only), 400])
def test_a_desk_whose_clock_leaps_ahead_closes_no_room(ahead_days: int) -> None:
    """ROOM-24: the room in which a customer wrote yesterday is open on both sides, meanwhile and after it."""
    world, desk, customer, room_id = opened()
    world.advance(16 * DAY_MS)
    write(customer, room_id, "gestern")
    world.advance(DAY_MS)
    desk.set_clock(ahead_days * DAY_MS)
    world.advance(2 * HOUR_MS)
    off(desk)
    on(desk)
    world.advance(2 * DAY_MS)
    assert phases(room_id, desk, customer) == {Phase.OPEN}
    desk.set_clock(0)
    write(customer, room_id, "noch da?")
    world.advance(DAY_MS)
    assert phases(room_id, desk, customer) == {Phase.OPEN}
    assert texts(desk, room_id) == ["gestern", "noch da?"]
