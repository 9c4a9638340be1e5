"""Rooms on real engines: what is refused leaves nothing, what is asked changes nothing (CNS-28, ACC-15)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from e2ee_client.engine.posted import Posted
from e2ee_client.engine.rooms import admission, noting, room_list, stewarding
from e2ee_client.engine.rooms.records import RoomIndex
from e2ee_client.engine.rooms.room_engine import RoomEngine
from e2ee_client.engine.rooms.room_list import RoomList
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import RoomsLocked
from e2ee_client.events import DeviceRemoved, MessageRejected, SecondCopy
from e2ee_client.room_events import EntryProgress, EntryState
from engine_world import Node, World
from rooms_world import DAY_MS, HOUR_MS, MINUTE_MS, accept, acceptance, act, opened, rooms_of, texts, write
from team_world import account, colleague, company_of, do, founded, this

from e2ee.content import Content, ContentType, OfRooms
from e2ee.errors import InvalidArgument, ListFork, NoRight, RemoteError
from e2ee.identity import DeviceList, next_list, redated, sign_list
from e2ee.ids import AccountId, ContentId, DeviceId
from e2ee.rooms.entry import Author, EntryHash, RoomId, carrier, device_tag
from e2ee.rooms.forward import encode_forward
from e2ee.rooms.payloads import RoomText
from e2ee.rooms.room import notes_id
from e2ee.rooms.signals import NoLongerWaiting, Typing, Want, encode_dossier, encode_signal
from e2ee.rooms.state import Phase
from e2ee.wire import cbor

ROOM_TABLES = (
    "room",
    "room_live",
    "room_states",
    "entry_segment",
    "entry_index",
    "entry_chain",
    "entry_page",
    "entry_about",
    "entry_named",
    "posted",
    "desk",
)


def test_what_comes_to_a_suspended_desk_is_refused_and_ends_nothing() -> None:
    """ACC-15: its rooms are locked at once; what the customer sends is not confirmed by it."""
    world = World()
    company = founded(world)
    second = colleague(company, "Herr Zwei", front_desk=True)
    world.advance(MINUTE_MS)
    person = world.node("Kundin")
    person.start()
    room_id = accept(person, company)
    world.advance(5 * MINUTE_MS)
    assert room_id in rooms_of(second).index
    person.stop()
    do(company, lambda turn: company_of(company).suspend(turn, this(second)))
    world.advance(MINUTE_MS)
    assert not rooms_of(second).is_active()
    entry = write(person, room_id, "Guten Tag")
    person.start()
    world.advance(MINUTE_MS)
    assert texts(company, room_id) == ["Guten Tag"]
    assert not any(entry[:16] in row for row in second.rows.tables["entry_index"].values())
    assert any(entry[:16] in row for row in person.rows.tables["entry_index"].values())


def test_a_look_at_a_room_changes_nothing() -> None:
    """STO-09: what a room has to do when a roster was learned of is done by a step, which is stored."""
    _, company, person, room_id = opened()
    person.crash()
    do(person, lambda turn: rooms_of(person).devices_changed(turn, account(company)))
    changed, unstarted = set(rooms_of(person)._changed), set(rooms_of(person)._unstarted)
    assert changed == unstarted == {room_id}
    turn = rooms_of(person).around.turn
    found = person.engine.rooms.page(room_id, None, 50, person.now_ms)
    person.engine.rooms.search(room_id, ["x"], None, 50, person.now_ms)
    person.engine.rooms.progress(room_id, EntryHash(found[0].hash), person.now_ms)
    person.engine.rooms.consent(room_id, person.now_ms)
    assert (rooms_of(person)._changed, rooms_of(person)._unstarted) == (changed, unstarted)
    assert not rooms_of(person)._loaded
    assert rooms_of(person).around.turn is turn


def test_what_is_refused_leaves_what_is_still_to_be_looked_at() -> None:
    """CON-08: a room that was told of another roster by the step that was refused is told of it again."""
    _, company, _, room_id = opened()
    do(company, lambda turn: rooms_of(company).devices_changed(turn, account(company)))
    assert rooms_of(company)._changed == {room_id}
    with pytest.raises(NoRight):
        act(company, lambda turn, parts: parts.do(turn, room_id, _refused))
    assert rooms_of(company)._changed == {room_id}


def _refused(room: RoomEngine) -> None:
    raise NoRight("as the room says")


def test_a_command_that_is_refused_half_way_is_known_to_have_begun() -> None:
    """STO-09: the engine is ahead of its store after it, and not after one that had changed nothing."""
    _, company, _, room_id = opened()
    with pytest.raises(NoRight):
        act(company, lambda turn, parts: parts.do(turn, room_id, _refused))
    assert not company.engine.is_ahead

    def half(turn: Turn, parts: Rooms) -> None:
        parts.write(turn, room_id, RoomText("eins"))
        raise NoRight("the second half")

    with pytest.raises(NoRight):
        act(company, half)
    assert company.engine.is_ahead


def test_what_is_refused_gives_no_further_questions() -> None:
    """TRN-15: 8 wants of a device in a minute, whatever it sends between them."""
    _, company, person, room_id = opened()
    by = Author(account(person), this(person))
    want = encode_signal(room_id, Want(((device_tag(room_id, this(company)), 0, 9),)))
    content = Content(ContentId(bytes(16)), company.now_ms, OfRooms(ContentType.SIGNAL, want))
    peer = company.engine._state.peers[by.account_id + by.device_id]
    codes = []
    for _ in range(24):
        try:
            do(company, lambda turn: rooms_of(company).take(turn, peer, content))
        except RemoteError as error:
            codes.append(error.code)
    assert codes == ["remote.budget"] * 16


def test_a_notice_that_is_accepted_in_no_way_it_allows_leaves_nothing() -> None:
    """CNS-18: no contact, no room, no row."""
    world = World()
    company, person = founded(world), world.node("Kundin")
    person.start()
    before = person.rows.copy().tables
    with pytest.raises(InvalidArgument):
        person.engine.accept_notice(acceptance(company)._replace(purposes=0), person.now_ms)
    world.advance(MINUTE_MS)
    assert person.engine.contacts() == []
    assert person.rows.tables == before


def test_what_is_asked_for_each_content_goes_through_the_rooms_of_its_account_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """CNS-14, CNS-15, TRN-30: a desk has a thousand rooms, and none of them is looked at."""
    world, company, person, room_id = opened()
    other = world.node("Andere")
    other.start()
    accept(other, company)
    world.advance(5 * MINUTE_MS)

    def scanned(self: object) -> Iterator[RoomId]:
        raise AssertionError("all rooms were looked at")

    monkeypatch.setattr(type(rooms_of(company).index), "__iter__", scanned)
    ours, theirs = rooms_of(company), rooms_of(person)
    assert ours.has_consent(account(person))
    assert not ours.has_consent(account(company))
    assert theirs.are_with(account(company))
    assert not ours.are_with(account(person))
    assert theirs.first_of(Turn(person.now_ms), account(company), this(company)) is None
    assert write(person, room_id, "Guten Tag")
    world.advance(MINUTE_MS)
    assert texts(company, room_id) == ["Guten Tag"]
    assert not ours.queries.person(Author(account(company), this(company)), company.now_ms).is_bot


def test_a_list_of_rooms_knows_whose_they_are_until_they_are_gone() -> None:
    """CNS-14"""
    company, customer = AccountId(bytes(32)), AccountId(b"c" * 32)
    one, two = (
        RoomIndex(RoomId(bytes(15) + bytes([n])), company, who) for n, who in ((1, customer), (2, None))
    )
    rooms = RoomList([one, two])
    assert (len(rooms), rooms.of(company), rooms.of(customer)) == (2, [one, two], [one])
    assert rooms.has_company(company)
    assert rooms.has_customer(customer)
    assert not rooms.has_customer(company)
    del rooms[one.room_id]
    assert (rooms.of(customer), rooms.of(company), rooms.has_customer(customer)) == ([], [two], False)
    rooms.clear()
    assert not rooms.has_company(company)


def test_a_list_of_rooms_makes_out_once_beside_which_room_notes_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """ROOM-31: each event of a room of notes asks for it, also where the room is not here."""
    hashed: list[RoomId] = []

    def counted(company: AccountId, room_id: RoomId, nonce: bytes) -> RoomId:
        hashed.append(room_id)
        return notes_id(company, room_id, nonce)

    monkeypatch.setattr(room_list, "notes_id", counted)
    company, customer = AccountId(bytes(32)), AccountId(b"c" * 32)
    one, two = (RoomIndex(RoomId(bytes(15) + bytes([n])), company, customer) for n in (1, 2))
    notes, other = (notes_id(company, each.room_id, room_list.NOTES_NONCE) for each in (one, two))
    rooms = RoomList([one, RoomIndex(notes, company, None)])
    for _ in range(9):
        assert (rooms.beside(notes), rooms.beside(other), rooms.beside(one.room_id)) == (
            one.room_id,
            None,
            None,
        )
    rooms[two.room_id], rooms[one.room_id] = two, one
    assert (rooms.beside(notes), rooms.beside(other)) == (one.room_id, two.room_id)
    assert hashed == [one.room_id, two.room_id]
    del rooms[one.room_id]
    assert (rooms.beside(notes), rooms.beside(other)) == (None, two.room_id)


def team_of_two() -> tuple[World, Node, Node, Node, RoomId]:
    """A company with two desks, and a customer's room that both have."""
    world = World()
    company = founded(world)
    second = colleague(company, "Herr Zwei", front_desk=True)
    world.advance(MINUTE_MS)
    person = world.node("Kundin")
    person.start()
    room_id = accept(person, company)
    world.advance(5 * MINUTE_MS)
    return world, company, second, person, room_id


def content_of(node: Node, kind: ContentType, value: cbor.Value) -> Content:
    """A content as a device makes it that sends what it likes."""
    return Content(ContentId(node.rng(16)), node.now_ms, OfRooms(kind, value))


def refusal(node: Node, by: Node, content: Content) -> str:
    """The code by which a node refuses a content of another one."""
    peer = node.engine._state.peers[account(by) + this(by)]
    before = node.rows.copy().tables
    with pytest.raises(RemoteError) as caught:
        do(node, lambda turn: rooms_of(node).take(turn, peer, content))
    assert node.rows.tables == before
    return caught.value.code


def test_notes_of_a_chain_that_a_person_has_to_look_at_stop_nothing() -> None:
    """TRN-07, ROOM-32: who joins is brought into the notes later; a customer's text ends no client."""
    world, company, second, person, room_id = team_of_two()
    act(company, lambda turn, rooms: rooms.acting.note(turn, room_id, "Rechnung 4711"))
    world.advance(MINUTE_MS)
    notes = rooms_of(company).room(Turn(company.now_ms), rooms_of(company).notes_of(room_id))
    notes.live.restarts, notes.live.restarted_ms = True, company.now_ms
    act(company, lambda turn, rooms: rooms.acting.add(turn, room_id, this(second)))
    write(person, room_id, "Guten Tag")
    world.advance(MINUTE_MS)
    assert texts(company, room_id) == ["Guten Tag"]
    assert this(second) in rooms_of(company).index[room_id].members


def dossier_at(company: Node, person: Node, url: str) -> Content:
    """A dossier of a customer that states another relay."""
    found = company.engine._context.dossiers.of(account(person))
    assert found is not None
    away = [replace(one, way_back=replace(one.way_back, relay_url=url)) for one in found.contacts]
    return content_of(company, ContentType.DOSSIER, encode_dossier(replace(found, contacts=tuple(away))))


def test_a_dossier_sends_nobody_to_services_of_its_machine() -> None:
    """CON-06, ROOM-25: a colleague's word for where a customer is."""
    _, company, second, person, _ = team_of_two()
    peer = second.engine._state.peers[account(company) + this(company)]
    elsewhere = dossier_at(company, person, "wss://elsewhere.example/")
    assert do(second, lambda turn: rooms_of(second).take(turn, peer, elsewhere))
    here = dossier_at(company, person, "ws://127.0.0.1:8080/")
    assert refusal(second, company, here) == "remote.content"


def test_a_dossier_with_another_history_of_the_list_is_an_alarm() -> None:
    """ID-07, ROOM-25: a customer that signs two lists of one number shows each desk another one."""
    _, company, second, person, _ = team_of_two()
    own = person.engine._state.own
    assert own.account_key is not None
    lists: list[DeviceList] = []
    for ttl_ms in (DAY_MS, 2 * DAY_MS):
        following = lists[-1] if lists else None
        unsigned = next_list(own.account_id, following, [own.device.record], None, person.now_ms, ttl_ms)
        lists.append(sign_list(own.account_key, unsigned))
    found = company.engine._context.dossiers.of(account(person))
    assert found is not None
    value = encode_dossier(replace(found, signed_list=lists[-1].signed))
    content = content_of(company, ContentType.DOSSIER, value)
    contact = second.engine._state.contacts[account(person)]
    head, peer = contact.head, second.engine._state.peers[account(company) + this(company)]
    with pytest.raises(ListFork):
        second.engine._context.rooms.take(Turn(second.now_ms), peer, content)
    assert contact.head == head
    assert contact.alarm == "remote.list_fork"


def test_a_record_that_a_dossier_brings_with_its_list_strikes_nobody_off() -> None:
    """ROOM-25, ID-28: the customer's device has made its record anew, with the keys that are known."""
    _, company, second, person, _ = team_of_two()
    own, now_ms = person.engine._state.own, person.now_ms + MINUTE_MS
    assert own.account_key is not None
    anew = redated(own.device.record, now_ms, now_ms + 30 * DAY_MS)
    newest = sign_list(own.account_key, next_list(own.account_id, own.device_list, [anew], None, now_ms))
    found = company.engine._context.dossiers.of(account(person))
    assert found is not None
    itself = replace(found.contacts[0], record=anew.encoded, bundle=None)
    value = encode_dossier(replace(found, signed_list=newest.signed, contacts=(itself,)))
    by = second.engine._state.peers[account(company) + this(company)]
    known = second.engine._state.peers[account(person) + this(person)]
    sessions = known.pair.sessions
    assert sessions
    content = content_of(company, ContentType.DOSSIER, value)
    assert do(second, lambda turn: rooms_of(second).take(turn, by, content))
    assert known.record == anew
    assert known.pair.sessions == sessions
    assert not second.of(DeviceRemoved)


def test_a_customer_has_so_many_rooms_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """CNS-15: each of them is in memory; one that was erased does not count."""
    assert admission.MAX_ROOMS_OF_ACCOUNT == 64
    monkeypatch.setattr(admission, "MAX_ROOMS_OF_ACCOUNT", 1)
    world, company, person, room_id = opened()
    theirs, ours = rooms_of(company).index, rooms_of(person).index
    ours[room_id] = replace(ours[room_id], phase=int(Phase.ERASED))
    further = accept(person, company)
    world.advance(MINUTE_MS)
    assert further not in theirs
    assert "room.too_many" in [one.code for one in company.of(MessageRejected)]
    ours[further] = replace(ours[further], phase=int(Phase.ERASED))
    theirs[room_id] = replace(theirs[room_id], phase=int(Phase.ERASED))
    further = accept(person, company)
    world.settle()
    assert further in theirs


def test_a_suspended_colleague_gives_no_room_and_asks_for_none() -> None:
    """ROOM-16, ACC-15: forwards and signals of it are refused like its entries."""
    world, company, second, _, room_id = team_of_two()
    turn = Turn(company.now_ms)
    room = rooms_of(company).room(turn, room_id)
    assert room.live.root is not None
    stored = room.log.find(turn, room.live.root)
    assert stored is not None
    lines = encode_forward(room_id, [room.log.entry(turn, stored)])
    third = colleague(company, "Frau Drei")
    world.advance(MINUTE_MS)
    do(company, lambda turn: company_of(company).suspend(turn, this(second)))
    world.advance(MINUTE_MS)
    assert refusal(third, second, content_of(second, ContentType.FORWARD, lines)) == "room.suspended"
    want = encode_signal(room_id, Want(((device_tag(room_id, this(company)), 0, 9),)))
    assert refusal(company, second, content_of(second, ContentType.SIGNAL, want)) == "room.suspended"


def test_typing_of_a_customer_is_content_as_the_table_of_the_gate_says() -> None:
    """CNS-13, TRN-25: it passes in an open room."""
    _, company, person, room_id = opened()
    peer = company.engine._state.peers[account(person) + this(person)]
    typing = content_of(person, ContentType.SIGNAL, encode_signal(room_id, Typing()))
    assert not do(company, lambda turn: rooms_of(company).take(turn, peer, typing))
    waiting = content_of(person, ContentType.SIGNAL, encode_signal(room_id, NoLongerWaiting()))
    assert refusal(company, person, waiting) == "room.right"


def room_rows(node: Node) -> dict[str, int]:
    """How many rows of rooms a node stores."""
    tables = node.rows.tables.items()
    return {name: len(rows) for name, rows in tables if name in ROOM_TABLES and rows}


def test_a_device_that_is_struck_off_erases_its_rooms_and_a_suspended_one_keeps_them() -> None:
    """ACC-15: also where it was stopped while it erased them."""
    world, company, second, person, room_id = team_of_two()
    write(person, room_id, "Guten Tag")
    world.advance(MINUTE_MS)
    do(company, lambda turn: company_of(company).suspend(turn, this(second)))
    world.advance(MINUTE_MS)
    assert room_rows(second)["room"] == 1
    with pytest.raises(RoomsLocked):
        second.engine.rooms.page(room_id, None, 9, second.now_ms)
    queries = second.engine.rooms
    assert (queries.all(), queries.view(room_id), queries.members(room_id, second.now_ms)) == ([], None, ())
    company.carry_out(company.engine.remove_device(this(second), company.now_ms))
    world.advance(25 * HOUR_MS)
    assert not second.of(SecondCopy)
    assert room_rows(second) == {}
    assert second.engine.rooms.all() == []
    assert texts(company, room_id) == ["Guten Tag"]
    second.rows.tables["entry_segment"] = {b"b" * 20: b"left by a stop"}
    second.rows.tables["desk"] = {b"hook" + b"b" * 16: b"what was to be sent"}
    second.crash()
    second.start()
    world.advance(MINUTE_MS)
    assert room_rows(second) == {}


def test_an_entry_posted_to_a_device_that_is_gone_is_told_as_failed() -> None:
    """TRN-29: also where it waits for nobody else, so that no row of what is posted names its room."""
    world, company, second, _, room_id = team_of_two()
    act(company, lambda turn, rooms: rooms.acting.claim(turn, room_id))
    act(company, lambda turn, rooms: rooms.acting.add(turn, room_id, this(second)))
    said = write(company, room_id, "Guten Tag")
    write(company, room_id, "Auf Wiedersehen")
    world.advance(MINUTE_MS)
    company.carry_out(company.engine.remove_device(this(second), company.now_ms))
    world.advance(MINUTE_MS)
    log, turn = rooms_of(company).log(room_id), Turn(company.now_ms)
    stored = log.find(turn, said)
    assert stored is not None
    content = carrier(stored.entry())
    assert isinstance(content.payload, OfRooms)
    posted = Posted(content.id, content.sent_ms, content.payload.type, content.payload.payload)
    company.events.clear()
    stored.is_delivered = False
    do(company, lambda turn: log.put(turn, stored))
    to = [(account(company), this(second))]
    do(company, lambda turn: company.engine._context.posting.post(turn, posted, to))
    (told,) = company.of(EntryState)
    assert (told.entry_hash, told.progress) == (said, EntryProgress.FAILED)
    assert told.device_id == this(second)


def test_an_entry_that_has_not_left_for_a_device_that_is_struck_off_goes_to_those_in_force() -> None:
    """ID-28: nothing is told as failed; it waits, and who is in force gets it."""
    world, company, second, person, room_id = team_of_two()
    act(company, lambda turn, rooms: rooms.acting.add(turn, room_id, this(second)))
    act(company, lambda turn, rooms: rooms.acting.change(turn, room_id, Change(remove=(this(company),))))
    world.advance(MINUTE_MS)
    person.stop()
    said = write(person, room_id, "Guten Tag")
    company.carry_out(company.engine.remove_device(this(second), company.now_ms))
    world.advance(MINUTE_MS)
    person.events.clear()
    do(person, lambda turn: pin_newest(person, company, turn))
    assert rooms_of(person).queries.progress(room_id, said, person.now_ms) is EntryProgress.WAITING
    person.crash()
    person.start()
    world.advance(MINUTE_MS)
    assert texts(company, room_id) == ["Guten Tag"]
    told = [one.progress for one in person.of(EntryState) if one.entry_hash == said]
    assert told == [EntryProgress.WAITING, EntryProgress.SENT, EntryProgress.DELIVERED]


def test_an_entry_of_the_company_that_has_not_left_for_its_last_device_is_told_as_failed() -> None:
    """ID-28: nobody on the company's side waits for a recipient (ROOM-15)."""
    world, company, second, _, room_id = team_of_two()
    act(company, lambda turn, rooms: rooms.acting.claim(turn, room_id))
    act(company, lambda turn, rooms: rooms.acting.add(turn, room_id, this(second)))
    world.advance(MINUTE_MS)
    said = write(company, room_id, "Guten Tag")
    world.advance(MINUTE_MS)

    def not_sent(turn: Turn, *others: DeviceId) -> None:
        room = rooms_of(company).room(turn, room_id)
        stored = room.log.find(turn, said)
        assert stored is not None
        stored.waiting_for, stored.is_delivered = (this(second), *others), False
        room.log.put(turn, stored)
        room.not_sent(turn, said[:16], this(second))

    company.events.clear()
    do(company, lambda turn: not_sent(turn, DeviceId(b"?" * 16)))
    assert company.of(EntryState) == []
    do(company, not_sent)
    assert [one.progress for one in company.of(EntryState)] == [EntryProgress.FAILED]


def pin_newest(node: Node, company: Node, turn: Turn) -> None:
    """Let a node learn of a company's list before anything of its own leaves."""
    contact = node.engine._state.contacts[account(company)]
    node.engine._context.contents.pin(turn, contact, company.engine._state.own.device_list)


def test_who_had_left_the_notes_writes_one_again() -> None:
    """ROOM-32: nobody hands notes over to itself, which would end the client with a customer's next text."""
    world, company, second, person, room_id = team_of_two()
    act(company, lambda turn, rooms: rooms.acting.claim(turn, room_id))
    act(company, lambda turn, rooms: rooms.acting.note(turn, room_id, "Rechnung 4711"))
    act(company, lambda turn, rooms: rooms.acting.add(turn, room_id, this(second)))
    world.advance(MINUTE_MS)
    notes_id, gone = rooms_of(company).notes_of(room_id), Change(remove=(this(company),))
    act(company, lambda turn, rooms: rooms.do(turn, notes_id, lambda room: room.change(turn, gone)))
    write(person, room_id, "Guten Tag")
    world.advance(MINUTE_MS)
    act(company, lambda turn, rooms: rooms.acting.note(turn, room_id, "Rechnung 4712"))
    world.advance(MINUTE_MS)
    assert texts(second, notes_id) == ["Rechnung 4711", "Rechnung 4712"]


def test_more_joiners_than_a_state_has_cards_of_read_the_notes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ROOM-04, ROOM-32: in as many states as it takes."""
    world, company, second, _, room_id = team_of_two()
    third = colleague(company, "Frau Drei")
    world.advance(MINUTE_MS)
    act(company, lambda turn, rooms: rooms.acting.add(turn, room_id, this(second)))
    act(company, lambda turn, rooms: rooms.acting.add(turn, room_id, this(third)))
    monkeypatch.setattr(noting, "MAX_CARDS", 1)
    monkeypatch.setattr(stewarding, "MAX_CARDS", 1)
    act(company, lambda turn, rooms: rooms.acting.note(turn, room_id, "Rechnung 4711"))
    members = rooms_of(company).index[rooms_of(company).notes_of(room_id)].members
    assert set(members) == {this(company), this(second), this(third)}
