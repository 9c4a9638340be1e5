"""A withdrawal erases a room on each device of the company, whichever way and whenever it comes (CNS-45)."""

from __future__ import annotations

from e2ee_client.engine.rooms.states import MAX_UNANSWERED
from parties import DAY_MS
from room_rooms import MINUTE_MS, do, opened, say
from room_withdrawals import (
    HOUR_MS,
    consent_again,
    has_body,
    of_tablet,
    phase_of,
    send,
    staffed,
    withdraw,
)

from e2ee.rooms.state import Phase


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


def test_a_customer_that_floods_a_room_with_withdrawals_of_an_old_number_is_stopped() -> None:
    """ROOM-29: none of them counts, and each is an act that wants an answer."""
    world = opened("desk")
    consent_again(world)
    world.run(MINUTE_MS)
    world.blocked.add(("desk", "phone"))
    desk = world.devices["desk"].room
    assert desk is not None
    desk.live.retry_ms = world.now_ms + 90 * MINUTE_MS
    for _ in range(MAX_UNANSWERED + 3):
        do(world, "phone", lambda room, turn: room.withdraw(turn, 3))
        world.run(1_000)
    assert not desk.live.consent.is_withdrawn
    assert len(desk.states.condition().unanswered) == MAX_UNANSWERED
    assert len(desk.live.orders) <= MAX_UNANSWERED
    assert ("desk", "room.too_many") in world.refused


def test_withdrawals_on_a_chain_that_names_nothing_are_bounded_and_one_that_counts_is_taken() -> None:
    """ROOM-29: they stand before the consent that was answered, so that the room stays open."""
    world, _ = staffed("tablet")
    consent_again(world, 100)
    world.run(5 * MINUTE_MS)
    desk = world.devices["desk"].room
    assert desk is not None
    before = len(world.refused)
    for n in range(MAX_UNANSWERED + 3):
        send(world, "tablet", "desk", of_tablet(world, 3, 500 + n, -HOUR_MS))
    assert phase_of(world, "desk") is Phase.OPEN
    assert len(desk.states.condition().unanswered) == MAX_UNANSWERED
    assert len(desk.live.orders) == MAX_UNANSWERED
    for seq in (101, 102, 103):
        send(world, "tablet", "desk", of_tablet(world, seq, 600 + seq, -HOUR_MS))
    assert world.refused[before:] == [("desk", "room.too_many")] * 5
    assert desk.live.consent.is_withdrawn
    assert desk.live.consent.seq == 101


def test_a_withdrawal_that_comes_when_the_next_consent_was_answered_locks_nobody_out() -> None:
    """ROOM-54: the next state names it, and the room stays open."""
    world, said = staffed("tablet")
    first = of_tablet(world, 9)
    world.run(10 * MINUTE_MS)
    consent_again(world, 11)
    world.run(HOUR_MS)
    for to in ("desk", "agent", "phone"):
        send(world, "tablet", to, first)
    world.run(2 * DAY_MS)
    later = say(world, "phone", "Guten Tag wieder")
    world.run(MINUTE_MS)
    for name in ("desk", "agent", "phone"):
        room = world.devices[name].room
        assert room is not None
        assert room.states.state is not None
        assert first.hash in room.states.state.answers
        assert phase_of(world, name) is Phase.OPEN
    assert has_body(world, "desk", later)
    assert not has_body(world, "desk", said)
