"""Rooms on real engines: what is refused leaves nothing, what is asked changes nothing (CNS-28, ACC-15)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms.room_engine import RoomEngine
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.turn import Turn
from engine_world import Node, World
from rooms_glue import MINUTE_MS, accept, command, customer, given, rooms, texts, write
from team_world import account, colleague, company_of, do, founded, this

from e2ee.content import Content, ContentType, OfRooms
from e2ee.errors import InvalidArgument, NoRight, RemoteError
from e2ee.ids import ContentId
from e2ee.rooms.entry import Author, EntryHash, RoomId, device_tag
from e2ee.rooms.payloads import RoomText
from e2ee.rooms.signals import Want, encode_signal


def practice() -> tuple[World, Node, Node, RoomId]:
    """A company, a customer, and their room."""
    world = World()
    company, person = founded(world), customer(world)
    room_id = accept(person, company)
    return world, company, person, room_id


def test_a_customer_writes_and_the_company_reads() -> None:
    world, company, person, room_id = practice()
    write(person, room_id, "Guten Tag")
    world.advance(MINUTE_MS)
    assert texts(company, room_id) == ["Guten Tag"]


def test_what_comes_to_a_suspended_desk_is_refused_and_ends_nothing() -> None:
    """ACC-15: its rooms are locked at once; what the customer sends is not confirmed by it."""
    world = World()
    company = founded(world)
    second = colleague(company, "Herr Zwei", front_desk=True)
    world.advance(MINUTE_MS)
    person = customer(world)
    room_id = accept(person, company)
    assert room_id in rooms(second).index
    person.stop()
    do(company, lambda turn: company_of(company).suspend(turn, this(second)))
    world.advance(MINUTE_MS)
    assert not rooms(second).is_active()
    entry = write(person, room_id, "Guten Tag")
    person.start()
    world.advance(MINUTE_MS)
    assert texts(company, room_id) == ["Guten Tag"]
    assert entry[:16] not in second.rows.tables["entry"]
    assert person.rows.tables["entry"][entry[:16]]


def test_a_look_at_a_room_changes_nothing() -> None:
    """STO-09: what a room has to do when a roster was learned of is done by a step, which is stored."""
    _, company, person, room_id = practice()
    person.crash()
    do(person, lambda turn: rooms(person).devices_changed(turn, account(company)))
    changed, unstarted = set(rooms(person)._changed), set(rooms(person)._unstarted)
    assert changed == unstarted == {room_id}
    turn = rooms(person).around.turn
    found = person.engine.rooms.page(room_id, None, 50, person.now_ms)
    person.engine.rooms.search(room_id, ["x"], None, 50, person.now_ms)
    person.engine.rooms.progress(room_id, EntryHash(found[0].hash), person.now_ms)
    person.engine.rooms.consent(room_id, person.now_ms)
    assert (rooms(person)._changed, rooms(person)._unstarted) == (changed, unstarted)
    assert not rooms(person)._loaded
    assert rooms(person).around.turn is turn


def test_what_is_refused_leaves_what_is_still_to_be_looked_at() -> None:
    """CON-08: a room that was told of another roster by the step that was refused is told of it again."""
    _, company, _, room_id = practice()
    do(company, lambda turn: rooms(company).devices_changed(turn, account(company)))
    assert rooms(company)._changed == {room_id}
    with pytest.raises(NoRight):
        command(company, lambda turn, parts: parts.do(turn, room_id, _refused))
    assert rooms(company)._changed == {room_id}


def _refused(room: RoomEngine) -> None:
    raise NoRight("as the room says")


def test_a_command_that_is_refused_half_way_is_known_to_have_begun() -> None:
    """STO-09: the engine is ahead of its store after it, and not after one that had changed nothing."""
    _, company, _, room_id = practice()
    with pytest.raises(NoRight):
        command(company, lambda turn, parts: parts.do(turn, room_id, _refused))
    assert not company.engine.is_ahead

    def half(turn: Turn, parts: Rooms) -> None:
        parts.write(turn, room_id, RoomText("eins"))
        raise NoRight("the second half")

    with pytest.raises(NoRight):
        command(company, half)
    assert company.engine.is_ahead


def test_what_is_refused_gives_no_further_questions() -> None:
    """TRN-15: 8 wants of a device in a minute, whatever it sends between them."""
    _, company, person, room_id = practice()
    by = Author(account(person), this(person))
    want = encode_signal(room_id, Want(((device_tag(room_id, this(company)), 0, 9),)))
    content = Content(ContentId(bytes(16)), company.now_ms, OfRooms(ContentType.SIGNAL, want))
    peer = company.engine._state.peers[by.account_id + by.device_id]
    codes = []
    for _ in range(24):
        try:
            do(company, lambda turn: rooms(company).take(turn, peer, content))
        except RemoteError as error:
            codes.append(error.code)
    assert codes == ["remote.budget"] * 16


def test_a_notice_that_is_accepted_in_no_way_it_allows_leaves_nothing() -> None:
    """CNS-18: no contact, no room, no row."""
    world = World()
    company, person = founded(world), customer(world)
    before = person.rows.copy().tables
    with pytest.raises(InvalidArgument):
        person.engine.accept_notice(given(company, purposes=0), person.now_ms)
    world.advance(MINUTE_MS)
    assert person.engine.contacts() == []
    assert person.rows.tables == before
