"""A company's engine takes nothing without a receipt that counts, on each way in (CNS-13 to 15, CNS-28)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from e2ee_client.engine import Channel
from e2ee_client.engine.company import Founding
from e2ee_client.engine.records import RefusedId, TakenId
from e2ee_client.engine.rooms.admission import Admission
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.events import MessageRejected
from e2ee_client.room_events import EntryRefused
from e2ee_client.rows import Continuity
from e2ee_relay.protocol import Lookup, Role, Send, Subscribe, decode_frames
from engine_world import Node, World
from gate_contents import bad_opens, entry, every_content, opening, room_of, seal, signing_key
from relay_scenes import losing, push
from rooms_world import DAY_MS, MINUTE_MS, accept, change, opened, rooms_of, texts, write
from team_world import company_of, do, founded, online, publish_notice, set_card, this

from e2ee.content import Content
from e2ee.rooms.chain import Chain
from e2ee.rooms.consent import sign_withdrawal
from e2ee.rooms.entry import RoomId, device_tag
from e2ee.rooms.kinds import Kind
from e2ee.rooms.state import Phase

Tables = dict[str, dict[bytes, bytes]]
REQUIRED = "room.consent_required"
OF_ROOMS = tuple(f"type {n}" for n in (8, 9, 10))


def tables(node: Node) -> Tables:
    """All rows but the remembered ids of the relay."""
    found = {table: dict(rows) for table, rows in node.rows.tables.items() if rows}
    meta = found.get("meta", {})
    found["meta"] = {
        key: row for key, row in meta.items() if not key.startswith((TakenId.PREFIX, RefusedId.PREFIX))
    }
    return found


def meeting(world: World, company: Node) -> Node:
    """A person who has begun a session with a company, and asks it outside of rooms."""
    customer = world.node("Kundin")
    customer.start()
    customer.send(customer.add(company.engine.card()), "Guten Tag")
    world.settle()
    return customer


def stranger() -> tuple[Node, Node]:
    """A company that has heard nothing of a customer but what it refused."""
    world = World()
    company = founded(world)
    return company, meeting(world, company)


def acquainted() -> tuple[Node, Node]:
    """A company that had a session with a customer before it had rooms, and has no receipt of it."""
    world = World()
    company = online(world)
    customer = meeting(world, company)
    company.carry_out(company.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(60_000)
    do(company, lambda turn: company_of(company).found(turn, Founding()))
    set_card(company, company, "Frau Braun")
    publish_notice(company)
    world.advance(60_000)
    return company, customer


def refused(company: Node, customer: Node, content: Content) -> tuple[str, Tables, Tables]:
    """Bring a content to a company; return the code, and its rows before and afterwards."""
    body = seal(customer, company, content)
    company.events.clear()
    before, sent = tables(company), len(company.sent)
    push(company, body)
    rejected = [one.code for one in company.events if isinstance(one, MessageRejected)]
    assert len(company.events) == len(rejected) == 1, company.events
    assert len(company.sent) - sent <= 1  # it is acknowledged at the relay, and answered by nothing
    return rejected[0], before, tables(company)


def codes(
    company: Node,
    customer: Node,
    contents: Iterable[tuple[str, Content]],
    check: Callable[[Tables, Tables], None],
) -> dict[str, str]:
    """Bring contents to a company one by one; return how each was refused."""
    found = {}
    for name, content in contents:
        found[name], before, after = refused(company, customer, content)
        check(before, after)
    return found


def nothing(before: Tables, after: Tables) -> None:
    """All rows are what they were."""
    assert before == after


def session_alone(before: Tables, after: Tables) -> None:
    """All rows are what they were but that of the session."""
    assert before.pop("session").keys() == after.pop("session").keys()
    assert before == after


@pytest.mark.parametrize(
    ("ways_in", "check"),
    [(stranger, nothing), (acquainted, session_alone)],
    ids=["by first flight", "by known session"],
)
def test_no_content_without_a_receipt_changes_a_row(
    ways_in: Callable[[], tuple[Node, Node]], check: Callable[[Tables, Tables], None]
) -> None:
    """CNS-13 to CNS-15, CNS-28: types 1 to 13, each kind of entry, each receipt that does not count; at the
    end an `open` that counts is taken on the same way.
    """
    company, customer = ways_in()
    is_known = bool(company.engine._state.sessions)
    assert is_known == (check is session_alone)
    found = codes(company, customer, every_content(customer, company), check)
    assert {name.split(",")[0] for name in found} == {f"type {n}" for n in range(1, 14)}
    assert set(found.values()) == {REQUIRED, "remote.signature"}
    assert [name for name, code in found.items() if code != REQUIRED] == [f"type 8, kind {Kind.WITHDRAW:d}"]
    opens = codes(company, customer, bad_opens(customer, company), check)
    assert len(opens) == 11
    assert set(opens.values()) == {REQUIRED, "remote.signature", "remote.content", "remote.decode"}
    push(company, seal(customer, company, opening(customer, company)))
    assert set(rooms_of(company).index) == {room_of(customer, company)}
    assert company.rows.tables["entry_segment"]


def test_a_flight_with_what_the_phase_refuses_leaves_a_session_and_a_place() -> None:
    """CNS-41, TRN-10: a text into a closed room, of somebody whose receipt is known; it is shown nowhere and
    not confirmed, no gap is left, and the session serves what comes later.
    """
    world, company, customer, room_id = opened()
    change(company, room_id, Change(phase=Phase.CLOSED))
    world.advance(MINUTE_MS)
    customer.outgoing = without_sends
    customer.crash(continuity=Continuity.ROLLED_BACK)
    customer.start()
    world.advance(MINUTE_MS)
    n = 1 + max(one.last for one in chain_of(company, customer, room_id).intervals)
    late = entry(customer, room_id, Kind.TEXT, {1: "zu spät"}, n)
    sessions = set(company.engine._state.sessions)
    company.events.clear()
    push(company, seal(customer, company, late))
    assert [one.code for one in company.of(EntryRefused)] == ["room.closed"]
    assert len(set(company.engine._state.sessions) - sessions) == 1
    assert chain_of(company, customer, room_id).intervals[-1].last == n
    assert texts(company, room_id) == []


def without_sends(_channel: Channel, data: bytes) -> list[bytes]:
    """Lose all envelopes."""
    return [] if any(isinstance(one, Send) for one in decode_frames(data, Role.RELAY)) else [data]


def chain_of(node: Node, by: Node, room_id: RoomId) -> Chain:
    """What a node knows of the entries of another one's device."""
    room = rooms_of(node).room(Turn(node.now_ms), room_id)
    return room.live.view.chain(device_tag(room_id, this(by)))


def test_consent_to_one_room_lets_nothing_of_another_pass() -> None:
    """CNS-13, ROOM-01: neither of a room that was never opened, nor of another customer's."""
    world, company, customer, room_id = opened()
    other = world.node("Andere")
    other.start()
    other.send(other.add(company.engine.card()), "Guten Tag")
    world.settle()
    of_rooms = [one for one in every_content(customer, company) if one[0].startswith(OF_ROOMS)]
    assert set(codes(company, customer, of_rooms, session_alone).values()) == {REQUIRED, "remote.signature"}
    theirs = entry(other, room_id, Kind.TEXT, {1: "in einem fremden Raum"})
    assert refused(company, other, theirs)[0] == REQUIRED
    assert len(rooms_of(company).index) == 1
    assert rooms_of(company).index[RoomId(room_id)].unread == 0


def test_a_withdrawal_alone_leaves_a_tombstone_and_no_entry() -> None:
    """CNS-10: what a person takes back ahead of its `open` counts; nothing of what it says is content."""
    company, customer = stranger()
    room = room_of(customer, company)
    signed = sign_withdrawal(signing_key(customer), b"h" * 32, room, customer.now_ms, 2_000)
    push(company, seal(customer, company, entry(customer, room, Kind.WITHDRAW, signed)))
    found = tables(company)
    kept = ("entry_segment", "entry_index", "entry_chain", "room", "room_live")
    assert not any(found.get(table) for table in kept)
    text = refused(company, customer, entry(customer, room, Kind.TEXT, {1: "danach"}, 2))
    assert text[0] == REQUIRED
    push(company, seal(customer, company, opening(customer, company)))
    late = seal(customer, company, entry(customer, room, Kind.TEXT, {1: "danach"}, 2))
    company.events.clear()
    push(company, late)
    assert [one.code for one in company.of(EntryRefused)] == ["room.consent_withdrawn"], company.events
    index = company.rows.tables["entry_index"]
    assert {key[len(room) :]: len(row) for key, row in index.items()} == {b"": 16 + 4, b"\xff": 4}


@pytest.mark.parametrize("fault", ["_check_upkeep", "_check_known", "_open", "_entry"])
def test_the_control_notices_a_gate_with_a_hole(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with one part of the gate left out, something of the above stays."""
    monkeypatch.setattr(Admission, fault, lambda *_: None)
    with pytest.raises(AssertionError):
        test_no_content_without_a_receipt_changes_a_row(stranger, nothing)


@pytest.mark.parametrize("count", [9, 16])
def test_what_a_customer_began_while_no_desk_was_on_is_taken_when_one_is_back(count: int) -> None:
    """ACC-81: the customer is not on again; its `open` and its text are all that there is."""
    world = World()
    company = founded(world)
    world.advance(DAY_MS)
    company.stop()
    customer = world.node("Kundin")
    customer.start()
    room_id = accept(customer, company)
    world.settle()
    write(customer, room_id, "Guten Tag")
    world.advance(MINUTE_MS)
    customer.stop()
    for _ in range(count):
        world.advance(DAY_MS)
    company.crash()
    company.start()
    world.advance(MINUTE_MS)
    assert texts(company, room_id) == ["Guten Tag"]
    assert not company.of(MessageRejected)


def test_a_desk_whose_entry_is_not_shown_reads_its_mailbox_ten_minutes_later() -> None:
    """ACC-81: it has rooms, whoever is in force."""
    world = World()
    company = founded(world)
    company.stop()
    for _ in range(9):
        world.advance(DAY_MS)
    reads: list[Subscribe] = []
    lose = losing(Lookup)

    def outgoing(channel: Channel, data: bytes) -> list[bytes]:
        reads.extend(one for one in decode_frames(data, Role.RELAY) if isinstance(one, Subscribe))
        return lose(channel, data)

    company.crash()
    company.outgoing = outgoing
    company.start()
    world.advance(9 * MINUTE_MS)
    assert not reads
    world.advance(2 * MINUTE_MS)
    assert reads


def test_a_desk_whose_computer_sleeps_twice_signs_each_time_before_it_reads_its_mailbox() -> None:
    """ACC-81: in one run of its program, whose connection stood in between."""
    world = World()
    company = founded(world)
    for name in ("Anna", "Berta"):
        world.advance(DAY_MS)
        company.alive = False
        customer = world.node(name)
        customer.start()
        room_id = accept(customer, company)
        world.settle()
        write(customer, room_id, "Guten Tag")
        world.advance(MINUTE_MS)
        customer.alive = False
        for _ in range(9):
            world.advance(DAY_MS)
        company.alive = True
        company.break_connections()
        world.advance(MINUTE_MS)
        assert texts(company, room_id) == ["Guten Tag"]
    assert not company.of(MessageRejected)
