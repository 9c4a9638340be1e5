"""Who was away: states of that time are judged by their rosters, however late (ROOM-10, ROOM-30, ROOM-51)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from e2ee_client.engine.rooms.asking import MAX_VOUCHED
from e2ee_client.engine.rooms.forwarding import Forwarding
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.rooms.writing import Writing
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryRefused
from engine_world import Node, World
from rooms_world import DAY_MS, HOUR_MS, MINUTE_MS, act, change, opened, rooms_of, texts, write
from team_world import colleague, this

from e2ee.rooms.entry import Author, RoomId
from e2ee.rooms.state import Phase, State, Verdict


def verdicts(node: Node, room_id: RoomId) -> list[Verdict]:
    """What a device says of the states of a room, in the order in which they came."""
    room = rooms_of(node).room(Turn(node.now_ms), room_id).states.room
    return [room.verdicts[one] for one in room.states]


def days(world: World, count: int) -> None:
    """A roster is signed each day."""
    for _ in range(count):
        world.advance(DAY_MS)


def given_away() -> tuple[World, Node, Node, Node, RoomId]:
    """The customer is away since its question; on the third day an agent takes the room and answers."""
    world, desk, customer, room_id = opened()
    agent = colleague(desk, "Frau Anders")
    world.advance(5 * MINUTE_MS)
    write(customer, room_id, "a question")
    world.advance(5 * MINUTE_MS)
    customer.stop()
    days(world, 3)
    change(desk, room_id, Change(add=(this(agent),), assign=this(agent)))
    world.advance(5 * MINUTE_MS)
    write(agent, room_id, "the answer")
    days(world, 3)
    return world, desk, agent, customer, room_id


def test_who_was_away_when_the_room_was_taken_gets_the_answer_and_is_heard() -> None:
    """ROOM-51: the state brings its own roster, though the directory serves a later one alone."""
    world, _, agent, customer, room_id = given_away()
    customer.start()
    world.advance(MINUTE_MS)
    assert texts(customer, room_id) == ["a question", "the answer"]
    assert rooms_of(customer).index[room_id].assigned == this(agent)
    write(customer, room_id, "thanks")
    world.advance(MINUTE_MS)
    assert texts(agent, room_id)[-1] == "thanks"


def test_an_agent_who_was_away_finds_the_room_assigned_to_it() -> None:
    """ROOM-51: so it is among colleagues."""
    world, desk, _, room_id = opened()
    agent = colleague(desk, "Frau Anders")
    world.advance(5 * MINUTE_MS)
    change(desk, room_id, Change(add=(this(agent),)))
    world.advance(5 * MINUTE_MS)
    agent.stop()
    days(world, 3)
    change(desk, room_id, Change(assign=this(agent)))
    days(world, 3)
    agent.start()
    world.advance(MINUTE_MS)
    assert rooms_of(agent).index[room_id].assigned == this(agent)


def test_a_state_brings_its_roster_only_where_the_one_before_names_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ROOM-51: states of one day bring one roster, however many there are."""
    world, desk, _, room_id = opened()
    agent = colleague(desk, "Frau Anders")
    days(world, 2)
    brought: list[int] = []
    vouch = Forwarding.vouch

    def counted(room: Forwarding, turn: Turn, states: list[State], to: Author) -> None:
        brought.append(len(states))
        vouch(room, turn, states, to)

    monkeypatch.setattr(Forwarding, "vouch", counted)
    change(desk, room_id, Change(add=(this(agent),)))
    first = len(brought)
    assert first >= 1
    change(desk, room_id, Change(assign=this(agent)))
    change(desk, room_id, Change(sensitive=True))
    assert len(brought) == first


def test_a_state_that_is_held_since_long_is_judged_after_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """ROOM-51: stores from before a state brought its roster: the answer to the want brings it."""
    with monkeypatch.context() as patch:
        patch.setattr(Writing, "_vouch", lambda *_: None)
        world, _, agent, customer, room_id = given_away()
    customer.start()
    world.advance(30_000)
    assert verdicts(customer, room_id) == [Verdict.VALID, Verdict.HELD]
    world.advance(HOUR_MS)
    assert verdicts(customer, room_id) == [Verdict.VALID, Verdict.VALID]
    assert rooms_of(customer).index[room_id].assigned == this(agent)
    assert texts(customer, room_id) == ["a question", "the answer"]


def false_state(node: Node, room_id: RoomId, number: int) -> None:
    """A member writes a state that names a roster that never was."""

    def step(turn: Turn, rooms: Rooms) -> None:
        room = rooms.room(turn, room_id)
        head = room.states.room.head
        assert head is not None
        roster = head.state.roster
        never = roster._replace(seq=roster.seq + 1 + number, hash=bytes([number]) * 32)
        false = replace(head.state, epoch=head.state.epoch + 1, parent=head.hash, roster=never)
        room.writing.write(turn, replace(false, cards=(), answers=(), request=None, reason=number))
        room.settle(turn)

    act(node, step)


@pytest.mark.audit_only
def test_rosters_that_never_were_keep_no_true_one_out_of_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """ROOM-51: the states of members name as many of them as an answer brings."""
    world, desk, customer, room_id = opened()
    agents = [colleague(desk, f"Agent {one}") for one in range(MAX_VOUCHED)]
    agent = agents[0]
    world.advance(5 * MINUTE_MS)
    change(desk, room_id, Change(add=tuple(this(one) for one in agents)))
    world.advance(5 * MINUTE_MS)
    for number, one in enumerate(agents):
        false_state(one, room_id, number)
    world.advance(5 * MINUTE_MS)
    customer.stop()
    days(world, 3)
    with monkeypatch.context() as patch:
        patch.setattr(Writing, "_vouch", lambda *_: None)
        change(desk, room_id, Change(assign=this(agent)))
        world.advance(5 * MINUTE_MS)
    days(world, 3)
    customer.start()
    world.advance(DAY_MS)
    assert rooms_of(customer).index[room_id].assigned == this(agent)


def test_who_writes_into_a_room_that_was_closed_meanwhile_learns_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ROOM-30: what the phase refuses brings its author the states up to the head and their rosters."""
    world, desk, customer, room_id = opened()
    customer.stop()
    days(world, 3)
    with monkeypatch.context() as patch:
        patch.setattr(Writing, "_vouch", lambda *_: None)
        change(desk, room_id, Change(phase=Phase.CLOSED))
    days(world, 3)
    customer.start()
    world.advance(10_000)
    assert Phase(rooms_of(customer).index[room_id].phase) is Phase.OPEN
    write(customer, room_id, "is anybody there?")
    write(customer, room_id, "hello?")
    world.advance(20_000)
    assert [one.code for one in desk.of(EntryRefused)] == ["room.closed"] * 2
    assert Phase(rooms_of(customer).index[room_id].phase) is Phase.CLOSED
