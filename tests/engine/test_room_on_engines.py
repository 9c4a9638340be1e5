"""A room that changes hands, and one of two devices of a customer, on real engines (ROOM-35, ROOM-38)."""

from __future__ import annotations

from functools import partial

import pytest
from e2ee_client.engine import Channel, Setup
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.events import MessageRejected
from e2ee_relay.protocol import ErrorCode, Role, Send, SendResult, SendResults, decode_frames
from engine_world import RELAY_URL, Node, World
from own_devices import joined
from rooms_world import HOUR_MS, MINUTE_MS, accept, act, change, head, rooms_of, texts, write
from team_world import colleague, do, founded, this

from e2ee.identity import DeviceKind
from e2ee.rooms.state import MAX_MEMBERS


def lose(node: Node, channel: Channel, data: bytes) -> list[bytes]:
    """Confirm envelopes in place of the relay, and lose them."""
    sends = [one for one in decode_frames(data, Role.RELAY) if isinstance(one, Send)]
    for one in sends:
        results = tuple(SendResult(ErrorCode.OK, 0) for _ in one.items)
        node.connections[channel].put(SendResults(one.request_id, results))
    return [] if sends else [data]


def test_a_text_that_crosses_a_transfer_reaches_the_agent_who_has_the_room_now() -> None:
    """ROOM-35, TRN-33: the state that gives the room away is lost on its way to all; the customer writes to
    who has left, and seals the text again when it hears of the state. What was said before stays history.
    """
    world = World()
    company = founded(world)
    first, second = (colleague(company, name) for name in ("Herr Eins", "Frau Zwei"))
    world.advance(MINUTE_MS)
    person = world.node("Kundin")
    person.start()
    room_id = accept(person, company)
    world.advance(5 * MINUTE_MS)
    to_first = Change(add=(this(first),), remove=(this(company),), assign=this(first))
    change(company, room_id, to_first)
    world.advance(10 * MINUTE_MS)
    write(person, room_id, "vorher")
    world.advance(5 * MINUTE_MS)
    company.outgoing = partial(lose, company)
    change(company, room_id, Change(add=(this(second),), remove=(this(first),), assign=this(second)))
    world.advance(1_000)
    company.outgoing = lambda _, data: [data]
    write(person, room_id, "kreuzt")
    world.advance(MINUTE_MS)
    assert texts(first, room_id) == ["vorher", "kreuzt"]
    world.advance(HOUR_MS)
    assert head(person, room_id) == head(company, room_id) == head(second, room_id)
    assert texts(second, room_id) == ["kreuzt"]


@pytest.mark.audit_only
def test_a_full_room_whose_member_was_struck_off_is_given_away_with_what_was_said() -> None:
    """ROOM-56: the state that gives it away drops who is not in force: giver and taker have a place."""
    world = World()
    company = founded(world)
    first, *others = (colleague(company, f"Herr {name}") for name in "ABCDEFGHIJK")
    person = world.node("Kundin")
    person.start()
    room_id = accept(person, company)
    world.advance(5 * MINUTE_MS)
    for one in (company, *others, first):
        change(company, room_id, Change(add=(this(one),), assign=this(one)))
    world.advance(5 * MINUTE_MS)
    write(person, room_id, "vorher")
    world.advance(5 * MINUTE_MS)
    do(company, lambda turn: company.engine._context.devices.remove(turn, this(others[-1])))
    world.advance(HOUR_MS)
    assert len(rooms_of(company).index[room_id].members) == MAX_MEMBERS
    taker = colleague(company, "Frau Neu")
    world.advance(HOUR_MS)
    act(first, lambda turn, rooms: rooms.acting.assign(turn, room_id, this(taker)))
    world.advance(HOUR_MS)
    assert texts(taker, room_id) == ["vorher"]
    there = {this(one) for one in (company, *others[:-1], taker)}
    assert set(rooms_of(person).index[room_id].members) == there


def test_a_second_device_of_a_customer_has_the_room_that_the_first_one_opened() -> None:
    """ROOM-38"""
    world = World()
    company = founded(world)
    phone = world.node("Kundin", publish=True)
    phone.start()
    world.advance(MINUTE_MS)
    tablet = joined(world, phone, "Tablet", front_desk=False, kind=DeviceKind.PERSON)
    world.advance(26 * HOUR_MS)
    unknown = accept(phone, founded(world, "Andere Praxis"))
    world.advance(5 * MINUTE_MS)
    assert unknown not in rooms_of(tablet).index
    assert {one.code for one in tablet.of(MessageRejected)} == {"remote.content"}
    tablet.add(company.engine.card())
    world.advance(MINUTE_MS)
    room_id = accept(phone, company)
    world.advance(5 * MINUTE_MS)
    write(phone, room_id, "vom Telefon")
    world.advance(5 * MINUTE_MS)
    assert texts(tablet, room_id) == ["vom Telefon"]
    assert rooms_of(tablet).index[room_id].is_consented


def test_an_agent_reaches_a_customer_with_a_directory_entry_who_has_not_written_to_it() -> None:
    """ROOM-25: of such a customer a colleague has no prekeys to give, and the agent looks them up."""
    world = World()
    company = founded(world)
    agent = colleague(company, "Frau Anders")
    person = Node(world, "Kundin", Setup(RELAY_URL, name="Kundin", publish=True))
    world.nodes.append(person)
    person.start()
    room_id = accept(person, company)
    world.advance(MINUTE_MS)
    change(company, room_id, Change(add=(this(agent),), assign=this(agent)))
    world.advance(MINUTE_MS)
    write(agent, room_id, "Antwort")
    world.advance(MINUTE_MS)
    assert texts(person, room_id) == ["Antwort"]


@pytest.mark.parametrize("since", ["just told", "days later"])
def test_a_device_that_has_just_been_told_of_a_company_gets_what_it_answers(since: str) -> None:
    """ROOM-85: the `open` of the phone came before the tablet knew a mandate. It named no desk there: what
    the tablet wrote waited for ever, and no desk ever heard of the tablet.
    """
    world = World()
    desk, phone = founded(world), world.node("Kundin", publish=True)
    phone.start()
    world.advance(MINUTE_MS)
    tablet = joined(world, phone, "Tablet", front_desk=False, kind=DeviceKind.PERSON)
    world.advance(26 * HOUR_MS)
    if since == "just told":
        tablet.add(desk.engine.card())
    room_id = accept(phone, desk)
    for _ in range(3):
        world.advance(24 * HOUR_MS)
    if since == "days later":
        tablet.add(desk.engine.card())
        world.advance(25 * HOUR_MS)
    write(desk, room_id, "Ihr Termin ist am Montag")
    world.advance(MINUTE_MS)
    assert texts(tablet, room_id) == ["Ihr Termin ist am Montag"]
    write(tablet, room_id, "Danke")
    world.advance(MINUTE_MS)
    assert texts(desk, room_id)[-1] == texts(phone, room_id)[-1] == "Danke"
