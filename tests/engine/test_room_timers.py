"""Timers of retention classes: each device by its own clock, none in hold or freeze (ROOM-41 to ROOM-43)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.records import StoppedCopy
from e2ee_client.engine.rooms.retaining import Retaining
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.rooms.surroundings import DEFAULT_RETENTION, Policy
from e2ee_client.engine.turn import Turn
from engine_world import Node, World
from rooms_world import DAY_MS, HOUR_MS, MINUTE_MS, accept, act, change, rooms_of, write
from team_world import founded, publish_notice

from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.payloads import Access, AccessKind, Act, ActKind
from e2ee.rooms.state import Phase, Retention, RetentionClass

WEEK_S = 7 * 86_400


def begun(kind: RetentionClass, ttl_s: int = WEEK_S) -> tuple[World, Node, Node, RoomId]:
    """A company whose new rooms are of a class, and a customer's room with it."""
    world = World()
    desk = founded(world)
    act(desk, lambda turn, rooms: rooms.set_policy(turn, Policy(Retention(kind, ttl_s))))
    customer = world.node("Kundin")
    customer.start()
    room_id = accept(customer, desk)
    world.advance(5 * MINUTE_MS)
    return world, desk, customer, room_id


def has(node: Node, room_id: RoomId, entry_hash: EntryHash) -> bool:
    """Whether a device has the body of an entry."""
    stored = rooms_of(node).log(room_id).find(Turn(node.now_ms), entry_hash)
    return stored is not None and stored.body is not None


def mark_read(node: Node, room_id: RoomId, entry_hash: EntryHash) -> None:
    """Let a person read an entry."""
    act(node, lambda turn, rooms: rooms.do(turn, room_id, lambda room: room.mark_read(turn, [entry_hash])))


def dated(node: Node, room_id: RoomId, ahead_ms: int) -> EntryHash:
    """Write a text that states another time than it is."""
    node.ahead_ms = ahead_ms
    said = write(node, room_id, "Text")
    node.ahead_ms = 0
    write(node, room_id, "ein weiterer")
    return said


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ([(2, WEEK_S), (4, 9)], Retention(RetentionClass.DEFAULT, WEEK_S)),
        ([(1, WEEK_S), (3, 9)], Retention(RetentionClass.EPHEMERAL, WEEK_S)),
        ([(2, 100 * 86_400)], DEFAULT_RETENTION),
    ],
)
def test_a_room_begins_with_the_policy_as_far_as_its_notice_tells(
    told: list[tuple[int, int]], kept: Retention
) -> None:
    """CNS-46: a desk whose policy was set under another notice, or never."""
    world = World()
    desk = founded(world)
    publish_notice(desk, 2, retention=told)
    customer = world.node("Kundin")
    customer.start()
    room_id = accept(customer, desk)
    world.advance(5 * MINUTE_MS)
    change(desk, room_id, Change(phase=Phase.CLOSED))
    state = rooms_of(desk).room(Turn(desk.now_ms), room_id).states.state
    assert state is not None
    assert (state.epoch, state.retention) == (2, kept)


@pytest.mark.audit_only
def test_an_ephemeral_text_goes_a_week_after_it_was_read_and_the_customer_keeps_it() -> None:
    """ROOM-41, ROOM-42: unread it stays 30 days; what the company wrote goes a week after it was written."""
    world, desk, customer, room_id = begun(RetentionClass.EPHEMERAL)
    read, unread = write(customer, room_id, "gelesen"), write(customer, room_id, "ungelesen")
    ours = write(desk, room_id, "Antwort")
    world.advance(MINUTE_MS)
    mark_read(desk, room_id, read)
    world.advance(7 * DAY_MS - HOUR_MS)
    assert has(desk, room_id, read)
    assert has(desk, room_id, ours)
    world.advance(2 * HOUR_MS)
    assert not has(desk, room_id, read)
    assert not has(desk, room_id, ours)
    assert has(desk, room_id, unread)
    world.advance(23 * DAY_MS)
    assert not has(desk, room_id, unread)
    assert all(has(customer, room_id, one) for one in (read, unread, ours))
    assert rooms_of(desk).index[room_id].unread == 0


def test_a_timer_of_a_room_runs_in_a_stopped_copy_of_a_store_too() -> None:
    """ROOM-42, ID-48: it has no connections any more."""
    world, desk, customer, room_id = begun(RetentionClass.EPHEMERAL)
    early, late = write(customer, room_id, "gelesen"), write(customer, room_id, "später gelesen")
    world.advance(MINUTE_MS)
    mark_read(desk, room_id, early)
    world.advance(DAY_MS)
    mark_read(desk, room_id, late)
    desk.stop()
    desk.rows.commit((StoppedCopy(world.now_ms).put(),))
    world.now_ms += 6 * DAY_MS + HOUR_MS
    desk.crash(desk.rows)
    desk.start()
    world.advance(HOUR_MS)
    assert not has(desk, room_id, early)
    assert has(desk, room_id, late)
    world.advance(DAY_MS)
    assert not has(desk, room_id, late)
    assert not desk.connections


def test_what_a_timer_destroys_is_sent_no_more() -> None:
    """ROOM-44, ROOM-41: a text of ours that waits for a customer who is off."""
    world, desk, customer, room_id = begun(RetentionClass.EPHEMERAL)
    customer.stop()
    world.advance(HOUR_MS)
    said = write(desk, room_id, "Befund")
    mark_read(desk, room_id, said)
    world.advance(6 * DAY_MS)
    assert desk.engine._context.posting.is_waiting(said[:16])
    world.advance(2 * DAY_MS)
    assert not has(desk, room_id, said)
    assert not desk.engine._context.posting.is_waiting(said[:16])


def test_a_closed_room_goes_after_its_time_with_its_notes_and_one_that_is_opened_again_stays() -> None:
    """ROOM-41, ROOM-43: counted from the last closing."""
    world, desk, customer, room_id = begun(RetentionClass.DEFAULT)
    said = write(customer, room_id, "Text")
    noted = act(desk, lambda turn, rooms: rooms.acting.note(turn, room_id, "Notiz"))
    notes_id = rooms_of(desk).notes_of(room_id)
    world.advance(MINUTE_MS)
    change(desk, room_id, Change(phase=Phase.CLOSED))
    world.advance(6 * DAY_MS)
    change(desk, room_id, Change(phase=Phase.OPEN))
    world.advance(2 * DAY_MS)
    change(desk, room_id, Change(phase=Phase.CLOSED))
    world.advance(7 * DAY_MS - HOUR_MS)
    assert has(desk, room_id, said)
    assert has(desk, notes_id, noted)
    world.advance(2 * HOUR_MS)
    assert not has(desk, room_id, said)
    assert not has(desk, notes_id, noted)
    assert has(customer, room_id, said)


def test_a_hold_and_a_freeze_stop_every_timer_and_it_goes_on_after_them() -> None:
    """ROOM-41: a hold that stays keeps for good; when it is cleared, what is over goes at once."""
    world, desk, customer, room_id = begun(RetentionClass.EPHEMERAL)
    said = write(customer, room_id, "Text")
    world.advance(MINUTE_MS)
    mark_read(desk, room_id, said)
    change(desk, room_id, Change(hold=True, text="Streit"))
    world.advance(10 * DAY_MS)
    assert has(desk, room_id, said)
    write(customer, room_id, Act(ActKind.FREEZE))
    world.advance(MINUTE_MS)
    change(desk, room_id, Change(hold=False, text="erledigt"))
    world.advance(2 * DAY_MS)
    assert has(desk, room_id, said)
    write(customer, room_id, Act(ActKind.UNFREEZE))
    world.advance(HOUR_MS)
    assert not has(desk, room_id, said)


def test_a_statutory_record_goes_only_after_it_was_exported() -> None:
    """ROOM-41: after the closing; an export of before does not count."""
    world, desk, customer, room_id = begun(RetentionClass.STATUTORY)
    said = write(customer, room_id, "Rechnung")
    world.advance(MINUTE_MS)
    export = Access(AccessKind.EXPORT, None, 1, (said, said))
    write(desk, room_id, export)
    world.advance(MINUTE_MS)
    change(desk, room_id, Change(phase=Phase.CLOSED))
    world.advance(8 * DAY_MS)
    assert has(desk, room_id, said)
    write(desk, room_id, export)
    world.advance(7 * DAY_MS + HOUR_MS)
    assert not has(desk, room_id, said)


@pytest.mark.parametrize("ahead_ms", [400 * DAY_MS, -400 * DAY_MS])
def test_the_clock_of_a_peer_moves_no_timer(ahead_ms: int) -> None:
    """ROOM-41, attack: the customer's clock is a year off, in either direction."""
    world, desk, customer, room_id = begun(RetentionClass.EPHEMERAL)
    said = dated(customer, room_id, ahead_ms)
    world.advance(MINUTE_MS)
    assert has(desk, room_id, said)
    mark_read(desk, room_id, said)
    world.advance(7 * DAY_MS - HOUR_MS)
    assert has(desk, room_id, said)
    world.advance(2 * HOUR_MS)
    assert not has(desk, room_id, said)


def test_control_timers_that_believed_a_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    """ROOM-41, attack, without the countermeasure: a text that its author dates back goes at once."""
    until_ms = Retaining._until_ms

    def believing(self: Retaining, turn: Turn, stored) -> int | None:  # type: ignore[no-untyped-def]  # a stored entry
        stored.received_ms = stored.read_ms = stored.entry().header.sent_ms
        return until_ms(self, turn, stored)

    monkeypatch.setattr(Retaining, "_until_ms", believing)
    world, desk, customer, room_id = begun(RetentionClass.EPHEMERAL)
    said = dated(customer, room_id, -40 * DAY_MS)
    world.advance(HOUR_MS)
    assert not has(desk, room_id, said)


def test_a_clock_that_was_ahead_keeps_nothing_for_longer() -> None:
    """ROOM-41: a stored time ahead of the clock counts as now, once the clock is right again."""
    world, desk, customer, room_id = begun(RetentionClass.EPHEMERAL)
    desk.set_clock(DAY_MS)
    said = write(customer, room_id, "Text")
    world.advance(MINUTE_MS)
    mark_read(desk, room_id, said)
    desk.set_clock(0)
    world.advance(2 * HOUR_MS)
    assert has(desk, room_id, said)
    world.advance(7 * DAY_MS + 2 * HOUR_MS)
    assert not has(desk, room_id, said)


def test_a_device_that_was_off_for_weeks_destroys_when_it_starts() -> None:
    """ROOM-42."""
    world, desk, customer, room_id = begun(RetentionClass.EPHEMERAL)
    said = write(customer, room_id, "Text")
    world.advance(MINUTE_MS)
    mark_read(desk, room_id, said)
    desk.stop()
    desk.alive = customer.alive = False
    world.advance(40 * DAY_MS)
    assert has(desk, room_id, said)
    desk.alive = True
    desk.crash()
    desk.start()
    world.advance(MINUTE_MS)
    assert not has(desk, room_id, said)
