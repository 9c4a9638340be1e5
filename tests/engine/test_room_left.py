"""What a device destroys of a room that it was a member of (ROOM-15, ROOM-26, ROOM-41)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from e2ee_client.engine.rooms.erasing import kind_of
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryRefused, ErasureAnswered, ErasureUnanswered, GapShown
from engine_world import Node, World
from rooms_world import DAY_MS, HOUR_MS, MINUTE_MS, act, add, change, opened, rooms_of, texts, write
from team_world import colleague, company_of, do, this

from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import Erase, Erased, Outcome, Reach
from e2ee.rooms.state import Phase, Retention, RetentionClass

SAID = "im dritten Wirbel"
TTL_S = 86_400


def left(retention: Retention | None = None) -> tuple[World, Node, Node, Node, RoomId, EntryHash]:
    """A room whose customer wrote to a desk and an agent; then a colleague has it, and both are out."""
    world, desk, customer, room_id = opened()
    agent, taker = colleague(desk, "Frau Anders"), colleague(desk, "Herr Brandt")
    world.advance(5 * MINUTE_MS)
    add(desk, room_id, desk, agent)
    if retention is not None:
        change(desk, room_id, Change(retention=retention))
    world.advance(5 * MINUTE_MS)
    said = write(customer, room_id, SAID)
    world.advance(10 * MINUTE_MS)
    change(desk, room_id, Change(add=(this(taker),), remove=(this(agent),)))
    world.advance(10 * MINUTE_MS)
    change(desk, room_id, Change(add=(), remove=(this(desk),)))
    world.advance(10 * MINUTE_MS)
    assert body(agent, room_id, said) is not None
    return world, desk, agent, customer, room_id, said


def body(node: Node, room_id: RoomId, said: EntryHash) -> bytes | None:
    """What a device has of a text."""
    stored = rooms_of(node).room(Turn(node.now_ms), room_id).log.find(Turn(node.now_ms), said)
    return None if stored is None else stored.body


def numbers(node: Node, room_id: RoomId) -> int:
    """How many answers of the company a device has."""
    room = rooms_of(node).room(Turn(node.now_ms), room_id)
    return sum(kind_of(one) == Kind.ERASED for one in room.log.all_of(Turn(node.now_ms)))


def withdraws(_: Node, customer: Node, room_id: RoomId) -> None:
    act(customer, lambda turn, rooms: rooms.consenting.withdraw(turn, room_id))


def erases(_: Node, customer: Node, room_id: RoomId) -> None:
    write(customer, room_id, Erase(None))


def closes(desk: Node, _: Node, room_id: RoomId) -> None:
    change(desk, room_id, Change(phase=Phase.CLOSED))


@pytest.mark.audit_only
def test_an_erasure_reaches_who_has_left_and_is_answered_by_it() -> None:
    """ROOM-26, ROOM-45: it is asked for an answer like all that may have the text."""
    world, _, agent, customer, room_id, said = left()
    order = write(customer, room_id, Erase((said,)))
    world.advance(MINUTE_MS)
    assert texts(agent, room_id) == []
    world.advance(2 * DAY_MS)
    assert body(agent, room_id, said) is None
    answered = [one.device_id for one in customer.of(ErasureAnswered) if one.entry_hash == order]
    assert this(agent) in answered
    world.advance(8 * DAY_MS)
    assert customer.of(ErasureUnanswered) == []


@pytest.mark.audit_only
def test_who_was_sent_an_erasure_and_is_no_member_knows_who_has_answered_it() -> None:
    """ROOM-15, ROOM-45: neither who has left, nor a desk, is told that a member has not said what it said."""
    world, desk, agent, customer, room_id, said = left()
    taker = next(one for one in world.nodes if one.name == "Herr Brandt")
    later = colleague(desk, "Frau Zwei", front_desk=True)  # of whom none is due: she was never named
    world.advance(5 * MINUTE_MS)
    write(customer, room_id, Erase((said,)))
    world.advance(8 * DAY_MS)
    answered = {this(one) for one in (desk, agent, taker, later)}
    for node in (desk, agent, taker, customer):
        assert node.of(ErasureUnanswered) == []
        assert {one.device_id for one in node.of(ErasureAnswered)} == answered
        assert node.of(GapShown) == []


@pytest.mark.audit_only
def test_a_desk_that_got_an_address_alone_answers_for_it() -> None:
    """ROOM-45, ROOM-81: nobody believes that an address is gone which a desk still has that is off."""
    world, desk, _, customer, room_id, _ = left()
    late = colleague(desk, "Frau Zwei", front_desk=True)
    world.advance(2 * HOUR_MS)
    said = write(customer, room_id, Reach("kundin@example.org"))
    world.advance(MINUTE_MS)
    late.stop()
    write(customer, room_id, Erase((said,)))
    world.advance(8 * DAY_MS)
    assert [one.devices for one in customer.of(ErasureUnanswered)] == [(this(late),)]
    late.start()
    world.advance(26 * HOUR_MS)
    assert this(late) in {one.device_id for one in customer.of(ErasureAnswered)}


@pytest.mark.audit_only
def test_who_has_left_and_is_off_is_told_as_unanswered() -> None:
    """ROOM-45: nobody believes that a text is gone which a device still has."""
    world, _, agent, customer, room_id, said = left()
    agent.stop()
    order = write(customer, room_id, Erase((said,)))
    world.advance(8 * DAY_MS)
    told = [one.devices for one in customer.of(ErasureUnanswered) if one.entry_hash == order]
    assert told == [(this(agent),)]
    agent.start()
    world.advance(2 * DAY_MS)
    assert body(agent, room_id, said) is None


@pytest.mark.audit_only
def test_who_has_left_writes_no_answers_that_nobody_waits_for() -> None:
    """ROOM-16, ROOM-45: not of orders that never were, and of each that was one, and one that says done."""
    world, _, agent, customer, room_id, said = left()
    before = numbers(customer, room_id)
    for n in range(100):
        write(agent, room_id, Erased((EntryHash(bytes([n]) * 32),), Outcome.HOLD))
    world.advance(5 * MINUTE_MS)
    assert numbers(customer, room_id) == before
    assert {one.code for one in customer.of(EntryRefused)} == {"room.not_member"}
    write(customer, room_id, Erase((said,)))
    world.advance(5 * MINUTE_MS)
    for until_ms in range(10):
        write(agent, room_id, Erased((said,), Outcome.HOLD, until_ms))
    world.advance(2 * DAY_MS)
    told = [one for one in customer.of(ErasureAnswered) if one.device_id == this(agent)]
    assert [(one.outcome, one.until_ms) for one in told] == [("hold", 0), ("done", None)]


@pytest.mark.parametrize("ends", [withdraws, erases, closes])
def test_what_ends_a_room_ends_it_for_who_has_left(ends: Callable[[Node, Node, RoomId], None]) -> None:
    """CNS-45, ROOM-43, ROOM-41: a timer that begins with the closing as well."""
    world, desk, agent, customer, room_id, said = left(Retention(RetentionClass.DEFAULT, TTL_S))
    ends(desk, customer, room_id)
    world.advance(3 * DAY_MS)
    assert body(agent, room_id, said) is None
    assert texts(agent, room_id) == []


@pytest.mark.parametrize("ends", [withdraws, erases, closes])
def test_who_has_left_and_was_suspended_meanwhile_hears_of_it(
    ends: Callable[[Node, Node, RoomId], None],
) -> None:
    """ROOM-65: a day after it is in force again nothing is left; an answer to an erasure is due of it."""
    world, desk, agent, customer, room_id, said = left(Retention(RetentionClass.DEFAULT, TTL_S))
    do(desk, lambda turn: company_of(desk).suspend(turn, this(agent)))
    world.advance(HOUR_MS)
    ends(desk, customer, room_id)
    world.advance(10 * MINUTE_MS)
    do(desk, lambda turn: company_of(desk).reinstate(turn, this(agent)))
    world.advance(3 * DAY_MS)
    assert body(agent, room_id, said) is None
    assert texts(agent, room_id) == []
    live = rooms_of(customer).room(Turn(customer.now_ms), room_id).live
    assert not any(one.missing for one in live.erasures)


@pytest.mark.audit_only
def test_a_hold_of_which_it_was_not_told_keeps_what_who_was_suspended_has() -> None:
    """ROOM-65, ROOM-26: the state comes ahead of the order."""
    world, desk, agent, customer, room_id, said = left()
    do(desk, lambda turn: company_of(desk).suspend(turn, this(agent)))
    world.advance(HOUR_MS)
    change(desk, room_id, Change(hold=True, text="Klage"))
    world.advance(MINUTE_MS)
    write(customer, room_id, Erase((said,)))
    world.advance(10 * MINUTE_MS)
    do(desk, lambda turn: company_of(desk).reinstate(turn, this(agent)))
    world.advance(10 * DAY_MS)
    assert body(agent, room_id, said) is not None


@pytest.mark.audit_only
def test_a_hold_that_came_later_keeps_what_who_has_left_has() -> None:
    """ROOM-26: hold stands above an order, for all that have the text."""
    world, desk, agent, customer, room_id, said = left()
    change(desk, room_id, Change(hold=True, text="Klage"))
    world.advance(10 * MINUTE_MS)
    write(customer, room_id, Erase((said,)))
    world.advance(10 * DAY_MS)
    assert body(agent, room_id, said) is not None


def test_who_has_left_gets_nothing_of_what_is_said_and_misses_nothing() -> None:
    """ROOM-15: the numbers between two orders are no gap for it."""
    world, desk, agent, customer, room_id, said = left()
    agent.sent.clear()
    for n in range(5):
        write(customer, room_id, f"Nachtrag {n}")
        world.advance(MINUTE_MS)
    write(customer, room_id, Erase((said,)))
    change(desk, room_id, Change(phase=Phase.CLOSED))
    world.advance(3 * DAY_MS)
    assert texts(agent, room_id) == []
    assert agent.of(GapShown) == []
