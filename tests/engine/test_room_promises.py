"""What a company promised stays with the customer, and what colleagues noted never comes to it."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms import erasing
from e2ee_client.engine.turn import Turn
from engine_world import Node
from room_rooms import MINUTE_MS, do, opened, say
from room_world import World
from rooms_world import act, rooms_of, texts, write
from rooms_world import opened as on_engines
from team_world import account

from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.payloads import Erase, RoomText, read_payload

HOUR_MS = 60 * MINUTE_MS
PROMISE = "Wir zahlen alles"
NOTE = "zahlt nie"


def promised() -> tuple[World, EntryHash]:
    """A desk has promised something, and had its own word erased."""
    world = opened("desk")
    said = say(world, "desk", PROMISE)
    world.run(MINUTE_MS)
    do(world, "desk", lambda room, turn: room.write(turn, Erase((said,))))
    world.run(26 * HOUR_MS)
    return world, said


def read(world: World, name: str, entry_hash: EntryHash) -> str | None:
    """A text as a device shows it."""
    room = world.devices[name].room
    assert room is not None
    turn = Turn(world.now_ms)
    stored = room.log.find(turn, entry_hash)
    entry = None if stored is None or stored.is_hidden else room.log.entry(turn, stored)
    payload = None if entry is None or entry.body is None else read_payload(entry)
    return payload.text if isinstance(payload, RoomText) else None


def test_a13_a_promise_that_the_company_erases_stays_with_the_customer() -> None:
    """ROOM-26, attack 13."""
    world, said = promised()
    assert read(world, "desk", said) is None
    assert read(world, "phone", said) == PROMISE


def test_a13_control_an_order_of_the_company_that_binds_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack 13, without the countermeasure: the promise is gone at the customer, too."""
    monkeypatch.setattr(erasing, "binds", lambda by, side: True)
    world, said = promised()
    assert read(world, "phone", said) is None


def posted_to(node: Node, person: Node) -> set[bytes]:
    """The contents that a node has on their way to a person, sealed or not."""
    lanes = node.engine._state.outbox.of(account(person))
    return {item.content_id for _, lane in lanes for item in lane.all()}


def noted(company: Node, room_id: RoomId) -> EntryHash:
    """A colleague notes something."""
    return act(company, lambda turn, rooms: rooms.acting.note(turn, room_id, NOTE))


def test_a21_no_note_is_sealed_to_the_customer() -> None:
    """ROOM-02, attack 21: neither a note nor a state of the room of notes."""
    world, company, person, room_id = on_engines()
    person.stop()
    before = posted_to(company, person)
    noted(company, room_id)
    assert posted_to(company, person) == before
    said = write(company, room_id, PROMISE)
    assert posted_to(company, person) == before | {said[:16]}
    person.start()
    world.advance(5 * MINUTE_MS)
    assert rooms_of(company).notes_of(room_id) not in rooms_of(person).index
    assert texts(person, room_id) == [PROMISE]


def test_a21_control_a_room_of_notes_with_a_customer_in_it() -> None:
    """Attack 21, without the countermeasure: who is in a room decides alone where its entries go."""
    _, company, person, room_id = on_engines()
    person.stop()
    noted(company, room_id)
    notes = rooms_of(company).room(Turn(company.now_ms), rooms_of(company).notes_of(room_id))
    notes.live.customer = account(person)
    assert noted(company, room_id)[:16] in posted_to(company, person)
