"""What every device of the company has lost, and what of it goes again (ROOM-64)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from e2ee_client.engine import Channel
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryProgress, ErasureUnanswered
from e2ee_relay.protocol import ErrorCode, Role, Send, SendResult, SendResults, decode_frames
from engine_world import Node, World
from rooms_world import DAY_MS, HOUR_MS, MINUTE_MS, accept, act, opened, rooms_of, texts, write
from struck_off import backup_of, restored
from team_world import colleague, company_of, do, founded, publish_notice, signing_of, this

from e2ee.ids import DeviceId
from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.payloads import Act, ActKind, Erase
from e2ee.rooms.state import Phase


def refuse(node: Node, sent: list[int], channel: Channel, data: bytes) -> list[bytes]:
    """Refuse envelopes for good in place of the relay."""
    sends = [one for one in decode_frames(data, Role.RELAY) if isinstance(one, Send)]
    for one in sends:
        sent.append(len(one.items))
        results = tuple(SendResult(ErrorCode.BAD_REQUEST, 0) for _ in one.items)
        node.connections[channel].put(SendResults(one.request_id, results))
    return [] if sends else [data]


def cut_off(node: Node) -> list[int]:
    """Let a relay refuse what a node sends; returns the sizes of what it has given to it."""
    sent = list[int]()
    node.outgoing = partial(refuse, node, sent)
    return sent


def progress(node: Node, room_id: RoomId, entry_hash: EntryHash) -> EntryProgress | None:
    """How far an entry has come."""
    return rooms_of(node).queries.progress(room_id, entry_hash, node.now_ms)


def root(node: Node, room_id: RoomId) -> EntryHash:
    """The `open` of a room."""
    found = rooms_of(node).room(Turn(node.now_ms), room_id).live.root
    assert found is not None
    return found


@pytest.mark.parametrize("restarts", [False, True])
def test_a_room_whose_open_was_refused_lives_within_an_hour_or_with_the_next_start(*, restarts: bool) -> None:
    """ROOM-64, ROOM-21: nobody can press a button for an `open`; a text waits for its person."""
    world = World()
    company, person = founded(world), world.node("Kundin")
    person.start()
    sent = cut_off(person)
    room_id = accept(person, company)
    said = write(person, room_id, "Guten Tag")
    world.advance(MINUTE_MS)
    opening = root(person, room_id)
    assert progress(person, room_id, opening) is EntryProgress.WAITING
    assert progress(person, room_id, said) is EntryProgress.FAILED
    assert sum(sent) < 8
    person.outgoing = lambda _, data: [data]
    if restarts:
        person.crash()
        person.start()
        world.advance(5 * MINUTE_MS)
    else:
        world.advance(HOUR_MS + MINUTE_MS)
    assert progress(person, room_id, opening) is EntryProgress.DELIVERED
    write(person, room_id, "Ist da wer?")
    world.advance(MINUTE_MS)
    assert texts(company, room_id) == ["Ist da wer?"]


def test_a_text_that_is_written_meanwhile_goes_behind_the_open() -> None:
    """ROOM-64, ROOM-52."""
    world = World()
    company, person = founded(world), world.node("Kundin")
    person.start()
    cut_off(person)
    room_id = accept(person, company)
    world.advance(MINUTE_MS)
    person.outgoing = lambda _, data: [data]
    write(person, room_id, "Guten Tag")
    world.advance(5 * MINUTE_MS)
    assert texts(company, room_id) == ["Guten Tag"]


def test_a_relay_that_refuses_is_not_asked_without_end() -> None:
    """ROOM-64: once an hour, and when the person does something."""
    world = World()
    company, person = founded(world), world.node("Kundin")
    person.start()
    sent = cut_off(person)
    accept(person, company)
    world.advance(MINUTE_MS)
    at_once = len(sent)
    world.advance(DAY_MS)
    assert len(sent) - at_once <= 3 * 24


def test_what_the_company_writes_has_nothing_sent_again() -> None:
    """ROOM-64: what was refused goes an hour after that, or with what its person writes."""
    world, company, person, room_id = opened()
    said = [write(person, room_id, f"{n}") for n in range(5)]
    world.advance(MINUTE_MS)
    sent = cut_off(person)
    orders = [write(person, room_id, Erase((one,))) for one in said]
    world.advance(MINUTE_MS)
    assert {progress(person, room_id, one) for one in orders} == {EntryProgress.WAITING}
    before = sum(sent)
    for n in range(10):
        write(company, room_id, f"{n}")
        world.advance(MINUTE_MS)
    assert sum(sent) - before == 10, "the receipts"
    before = sum(sent)
    write(person, room_id, "Ist da wer?")
    world.advance(MINUTE_MS)
    assert sum(sent) > before + len(orders)
    person.outgoing = lambda _, data: [data]
    world.advance(HOUR_MS)
    assert {progress(person, room_id, one) for one in orders} == {EntryProgress.DELIVERED}


def test_a_withdrawal_and_an_erasure_that_were_refused_are_carried_out() -> None:
    """ROOM-64, CNS-45, ROOM-26: on the company's side, too."""
    world, company, person, room_id = opened()
    write(person, room_id, "Mein Befund")
    world.advance(MINUTE_MS)
    assert texts(company, room_id) == ["Mein Befund"]
    cut_off(person)
    act(person, lambda turn, rooms: rooms.consenting.withdraw(turn, room_id))
    order = write(person, room_id, Erase(None))
    world.advance(MINUTE_MS)
    assert progress(person, room_id, order) is EntryProgress.WAITING
    person.outgoing = lambda _, data: [data]
    world.advance(2 * DAY_MS)
    assert progress(person, room_id, order) is EntryProgress.DELIVERED
    assert rooms_of(company).room(Turn(company.now_ms), room_id).states.condition().phase is not Phase.OPEN
    assert texts(company, room_id) == []


@pytest.mark.audit_only
def test_a_relay_that_refuses_an_erasure_puts_off_nobody_who_owes_an_answer() -> None:
    """ROOM-45: told once, after seven days, however often it goes again."""
    world, company, person, room_id = opened()
    said = write(person, room_id, "Mein Befund")
    world.advance(MINUTE_MS)
    cut_off(person)
    write(person, room_id, Erase((said,)))
    world.advance(6 * DAY_MS)
    assert person.of(ErasureUnanswered) == []
    world.advance(34 * DAY_MS)
    assert [one.devices for one in person.of(ErasureUnanswered)] == [(this(company),)]


def test_a_mark_that_is_written_by_itself_sends_nothing_again() -> None:
    """ROOM-64: else a company's device has what was lost sent again by what it writes."""
    world, company, person, room_id = opened()
    said = [write(person, room_id, f"{n}") for n in range(20)]
    world.advance(MINUTE_MS)
    sent = cut_off(person)
    for one in said:
        write(person, room_id, Erase((one,)))
    world.advance(MINUTE_MS)
    before = sum(sent)
    for n in range(45):
        write(company, room_id, f"{n}")
        world.advance(20_000)
    assert sum(sent) - before < 60


def _signs(node: Node) -> None:
    """A person confirms the numbers of a desk that was restored (ACC-28)."""
    highest = signing_of(node).own
    do(node, lambda turn: company_of(node).confirm_signing(turn, highest))
    node.world.advance(HOUR_MS)


def test_a_desk_from_a_backup_gets_what_customers_write_in_rooms_that_it_does_not_have() -> None:
    """ROOM-75: all that the room's `open` has named are struck off; its customer accepts nothing again."""
    world, company, person, room_id = opened()
    write(person, room_id, "vorher")
    world.advance(MINUTE_MS)
    again = _replaced(world, company)
    said = write(person, room_id, "Ist da wer?")
    world.advance(2 * HOUR_MS)  # it learned of the list at once, and of the roster by ACC-13
    assert texts(again, room_id)[-1] == "Ist da wer?"
    assert progress(person, room_id, said) is EntryProgress.DELIVERED
    write(again, room_id, "Ja")
    world.advance(MINUTE_MS)
    assert texts(person, room_id) == ["vorher", "Ist da wer?", "Ja"]
    write(person, room_id, Act(ActKind.CLOSE))
    world.advance(5 * MINUTE_MS)
    assert rooms_of(again).index[room_id].phase == rooms_of(person).index[room_id].phase == Phase.CLOSED


def _replaced(world: World, company: Node) -> Node:
    """The company's only desk is replaced by one from a backup."""
    saved = backup_of(company)
    company.stop()
    again = restored(world, saved, "Praxis neu")
    again.start()
    world.advance(MINUTE_MS)
    _signs(again)
    return again


def _goes_on(world: World, company: Node) -> Node:
    """The same, and the customer has heard of it."""
    again = _replaced(world, company)
    world.advance(2 * HOUR_MS)
    return again


def _withdraw(person: Node, room_id: RoomId) -> None:
    act(person, lambda turn, rooms: rooms.consenting.withdraw(turn, room_id))


_ENDS: dict[Phase, Callable[[Node, RoomId], object]] = {
    Phase.CLOSED: lambda person, room_id: write(person, room_id, Act(ActKind.CLOSE)),
    Phase.WITHDRAWN: _withdraw,
    Phase.ERASED: lambda person, room_id: write(person, room_id, Erase(None)),
}


@pytest.mark.parametrize("phase", _ENDS)
def test_a_company_that_replaces_its_desks_opens_no_room_that_has_ended(phase: Phase) -> None:
    """ROOM-75, ROOM-13: neither is the room given to the new desk, nor is it open again at the customer."""
    world, company, person, room_id = opened()
    write(person, room_id, "vorher")
    _ENDS[phase](person, room_id)
    world.advance(HOUR_MS)
    assert rooms_of(company).index[room_id].phase == phase
    again = _goes_on(world, company)
    world.advance(DAY_MS)
    assert rooms_of(person).index[room_id].phase == phase
    assert room_id not in rooms_of(again).index


def test_a_person_who_comes_back_to_a_room_is_heard_by_the_desk_that_has_replaced_all() -> None:
    """ROOM-75: the `open` goes ahead of a consent; what was said before the withdrawal is not given."""
    world, company, person, room_id = opened()
    write(person, room_id, "vorher")
    _withdraw(person, room_id)
    world.advance(HOUR_MS)
    again = _goes_on(world, company)
    assert accept(person, again) == room_id
    world.advance(10 * MINUTE_MS)
    write(person, room_id, "wieder da")
    world.advance(HOUR_MS)
    assert rooms_of(person).index[room_id].phase == rooms_of(again).index[room_id].phase == Phase.OPEN
    assert texts(again, room_id) == ["wieder da"]


def test_a_desk_that_has_replaced_all_learns_of_an_objection() -> None:
    """ROOM-75, ROOM-14: acts go behind the `open`, also those that the desk which is gone has answered."""
    world, company, person, room_id = opened()
    write(person, room_id, Act(ActKind.FREEZE))
    world.advance(HOUR_MS)
    assert rooms_of(company).index[room_id].phase == Phase.FROZEN
    again = _goes_on(world, company)
    assert rooms_of(person).index[room_id].phase == rooms_of(again).index[room_id].phase == Phase.FROZEN


def test_a_desk_from_a_backup_takes_rooms_that_were_opened_under_an_older_notice() -> None:
    """ROOM-75, ACC-28: the `open` has the receipt of then, and the consent that counts goes behind it."""
    world, company, person, room_id = opened()
    publish_notice(company, 2, until_ms=world.now_ms + DAY_MS)
    world.advance(12 * HOUR_MS)
    assert accept(person, company) == room_id
    world.advance(2 * DAY_MS)
    again = _goes_on(world, company)
    write(person, room_id, "Ist da wer?")
    world.advance(HOUR_MS)
    assert texts(again, room_id) == ["Ist da wer?"]


def _suspends(node: Node, device_id: DeviceId, turn: Turn) -> None:
    """What a thief of the roster key does, who suspends the desk that has it, too."""
    signer = company_of(node)
    signer._own_signing().suspended = [device_id]
    signer._save(turn)


def test_who_suspends_all_desks_is_given_no_room_that_it_does_not_have() -> None:
    """ROOM-75: a roster strikes nobody off, and its key may be stolen."""
    world, company, person, room_id = opened()
    write(person, room_id, "vorher")
    second = colleague(company, "Frau Zwei", front_desk=True)
    world.advance(DAY_MS)
    ranks = rooms_of(person).room(Turn(person.now_ms), room_id).states.ranks(person.now_ms)
    assert {this(company), this(second)} <= set(ranks)
    do(company, partial(_suspends, company, this(company)))
    world.advance(DAY_MS)
    said = write(person, room_id, "Ist da wer?")
    world.advance(DAY_MS)
    ranks = rooms_of(person).room(Turn(person.now_ms), room_id).states.ranks(person.now_ms)
    assert set(ranks) == {this(second)}
    assert progress(person, room_id, said) is EntryProgress.WAITING
    known = rooms_of(person).room(Turn(person.now_ms), room_id).states.room.known()
    assert this(second) not in known
