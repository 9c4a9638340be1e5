"""What is handed over comes ahead of the state that lets it in (TRN-51)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms.ahead import MAX_AHEAD
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.events import MessageRejected
from e2ee_client.room_events import HistoryHandedOver
from engine_world import Node, World
from late_contents import Late
from rooms_world import DAY_MS, HOUR_MS, MINUTE_MS, act, add, change, opened, page, rooms_of, texts, write
from team_world import account, colleague, this

from e2ee.rooms.entry import Author, EntryHash, RoomId
from e2ee.rooms.payloads import Access, AccessKind, RoomText

SAID = ["one", "two"]


def agents(*, is_known: bool) -> tuple[World, Node, Node, Node, RoomId]:
    """A room of the customer and an agent, in which something was said; another agent has been in it before,
    or has not.
    """
    world, desk, customer, room_id = opened()
    agent, other = colleague(desk, "Frau Eins"), colleague(desk, "Herr Zwei")
    world.advance(30 * MINUTE_MS)
    add(desk, room_id, agent, *([other] if is_known else []))
    world.advance(MINUTE_MS)
    change(desk, room_id, Change(assign=this(agent), remove=(this(desk), this(other))))
    world.advance(5 * MINUTE_MS)
    write(customer, room_id, SAID[0])
    world.advance(MINUTE_MS)
    write(agent, room_id, SAID[1])
    world.advance(20 * MINUTE_MS)
    return world, desk, agent, other, room_id


@pytest.mark.parametrize("is_known", [False, True])
def test_lines_that_come_before_the_state_that_lets_them_in_are_taken_with_it(is_known: bool) -> None:
    """TRN-51, ROOM-31: who has not the room yet is told of nothing."""
    world, desk, agent, other, room_id = agents(is_known=is_known)
    late = Late(other, desk)
    act(agent, lambda turn, rooms: rooms.acting.assign(turn, room_id, this(other)))
    world.advance(MINUTE_MS)
    assert texts(agent, room_id) == SAID
    late.end()
    world.advance(HOUR_MS)
    assert texts(other, room_id) == SAID
    assert bool(other.of(MessageRejected)) is is_known
    assert len(other.of(HistoryHandedOver)) == 1
    assert rooms_of(desk).index[room_id].members == (this(other),)


def test_lines_that_the_taker_has_lost_come_again_after_a_day_though_the_giver_is_out() -> None:
    """TRN-51, SES-37: the taker ends before the state comes that would have let them in."""
    world, desk, agent, other, room_id = agents(is_known=True)
    late = Late(other, desk)
    act(agent, lambda turn, rooms: rooms.acting.assign(turn, room_id, this(other)))
    world.advance(MINUTE_MS)
    other.crash()
    other.start()
    late.again()
    world.advance(HOUR_MS)
    assert rooms_of(desk).index[room_id].members == (this(other),)
    assert texts(other, room_id) == []
    world.advance(DAY_MS)
    assert texts(other, room_id) == SAID


def lines(node: Node, room_id: RoomId, to: Node, what: list[EntryHash]) -> None:
    """Give lines by no log entry."""

    def give(turn: Turn, rooms: Rooms) -> None:
        room = rooms.room(turn, room_id)
        found = [room.log.find(turn, one) for one in what]
        entries = [room.log.entry(turn, one) for one in found if one is not None]
        room.forwarding.forward(turn, entries, Author(account(node), this(to)))

    act(node, give)


def test_lines_that_nothing_lets_in_are_refused_and_not_shown_whatever_comes() -> None:
    """TRN-51, TRN-18: of 65 contents 64 are kept."""
    world, desk, agent, other, room_id = agents(is_known=True)
    add(desk, room_id, other)
    world.advance(MINUTE_MS)
    said = [one.hash for one in page(agent, room_id) if isinstance(one.payload, RoomText)]
    for _ in range(MAX_AHEAD + 1):
        lines(agent, room_id, other, said)
        world.advance(1_000)
    assert [one.code for one in other.of(MessageRejected)] == ["room.unlogged"] * (MAX_AHEAD + 1)
    assert len(rooms_of(other)._ahead.of(room_id)) == MAX_AHEAD
    add(desk, room_id, desk)
    world.advance(MINUTE_MS)
    assert texts(other, room_id) == []
    assert len(other.of(MessageRejected)) == MAX_AHEAD + 1
    assert len(rooms_of(other)._ahead.of(room_id)) == MAX_AHEAD


def test_lines_that_come_before_their_log_entry_are_taken_with_it() -> None:
    """TRN-51: an entry that was lost comes by `want`."""
    world, desk, agent, other, room_id = agents(is_known=True)
    add(desk, room_id, desk)
    world.advance(MINUTE_MS)
    write(agent, room_id, "three")
    add(desk, room_id, other)
    world.advance(MINUTE_MS)
    said = [one.hash for one in page(desk, room_id) if isinstance(one.payload, RoomText)]
    lines(desk, room_id, other, said)
    world.advance(MINUTE_MS)
    assert texts(other, room_id) == []
    access = Access(AccessKind.HANDOVER, this(other), len(said), (said[0], said[-1]), None)
    write(desk, room_id, access)
    world.advance(MINUTE_MS)
    assert texts(other, room_id) == ["three"]
