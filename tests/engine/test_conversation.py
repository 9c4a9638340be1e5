"""Two engines talk through the real relay core: first contact, replies, receipts, crashes, losses."""

from __future__ import annotations

import pytest
from e2ee_client.engine.records import OwnPrekey
from e2ee_client.engine.turn import Turn
from e2ee_client.engine.upkeep import PUBLISHED
from e2ee_client.errors import AccountKeyAbsent, ConfigError
from e2ee_client.events import (
    ContactAdded,
    DeviceListExpiring,
    IdentityAlarm,
    MessageRejected,
    MessageState,
    MessageStateChanged,
)
from e2ee_relay.protocol import Ack, Role, Send, SendItem, TtlClass, decode_frames, encode_frames
from engine_world import World, acquainted

from e2ee.constants import PREKEY_ROTATION_MS, RELAY_RETENTION_MS
from e2ee.content import AddressOnly, WayBack
from e2ee.identity import sign_list
from e2ee.prekeys import PrekeyKind

HOUR_MS, DAY_MS = 3_600_000, 86_400_000


def sent_items(message: bytes) -> list[SendItem]:
    """Items of all sends in a message to the relay."""
    frames = decode_frames(message, Role.RELAY)
    return [item for frame in frames if isinstance(frame, Send) for item in frame.items]


def is_ack(message: bytes) -> bool:
    """Whether a message to the relay acknowledges something."""
    return any(isinstance(frame, Ack) for frame in decode_frames(message, Role.RELAY))


def test_first_contact_while_the_company_is_away_and_a_reply() -> None:
    """HS-05, SES-22: a customer writes first, the company answers later, both see every text once."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    company.stop()
    customer = world.node("Kundin")
    customer.start()
    praxis = customer.add(company.engine.card())
    first = customer.send(praxis, "Guten Tag, ich brauche einen Termin.")
    world.settle()
    assert MessageStateChanged(praxis, first, MessageState.SENT) in customer.events
    company.start()
    assert company.texts() == ["Guten Tag, ich brauche einen Termin."]
    company.send(customer.engine.account_id, "Gern: Dienstag um neun?")
    world.advance(5_000)
    assert customer.texts() == ["Gern: Dienstag um neun?"]
    assert MessageStateChanged(praxis, first, MessageState.DELIVERED) in customer.events


def test_a_long_text_follows_its_first_flight() -> None:
    """WIRE-12, HS-05: a text of any length travels under the prefix."""
    _world, company, _customer, _praxis = acquainted(first="x" * 40_000)
    assert company.texts() == ["x" * 40_000]
    assert len([event for event in company.events if isinstance(event, ContactAdded)]) == 1


def test_a_company_that_is_not_there_yet_is_found_later() -> None:
    """Sending waits until the directory entry appears; nothing is lost."""
    world = World()
    company = world.node("Praxis", publish=True)
    customer = world.node("Kundin")
    customer.start()
    praxis = customer.add(company.engine.card())
    customer.send(praxis, "Hallo?")
    world.advance(20_000)
    assert company.texts() == []
    company.start()
    world.advance(60_000)
    assert company.texts() == ["Hallo?"]


def test_offline_texts_leave_in_their_order() -> None:
    """Texts written while the relay is away are sealed, kept and sent in order."""
    world, company, customer, praxis = acquainted()
    world.cut()
    for number in range(10):
        customer.send(praxis, f"Nachricht {number}")
    world.advance(5_000)
    world.mend()
    world.advance(120_000)
    assert company.texts()[1:] == [f"Nachricht {number}" for number in range(10)]


def test_an_envelope_is_sent_again_byte_by_byte() -> None:
    """RLY-32: when the answer to a send is lost, the same bytes go out under the same message id."""
    world, company, customer, praxis = acquainted()
    customer.sent.clear()
    customer.send(praxis, "einmal")
    customer.break_connections()
    world.advance(60_000)
    sends = [item for message in customer.sent for item in sent_items(message)]
    assert len(sends) >= 2
    assert len({(item.msg_id, item.body) for item in sends}) == 1
    assert company.texts()[1:] == ["einmal"]


def test_crashes_of_both_sides_lose_and_repeat_nothing() -> None:
    """STO-09: after any commit the process may die; what was stored goes on, what was not has not left."""
    world, company, customer, praxis = acquainted()
    for number in range(12):
        customer.send(praxis, f"hin {number}")
        if number % 3 == 0:
            customer.crash()
            customer.start()
        company.send(customer.engine.account_id, f"her {number}")
        if number % 4 == 0:
            company.crash()
            company.start()
        if number % 5 == 0:
            world.mend()
            customer.break_connections()
            company.break_connections()
    world.advance(120_000)
    assert sorted(company.texts()[1:]) == sorted(f"hin {number}" for number in range(12))
    assert sorted(customer.texts()) == sorted(f"her {number}" for number in range(12))


def test_a_crash_between_delivery_and_acknowledgement_repeats_nothing() -> None:
    """SES-11: a message that is delivered again after a crash is given to the application once."""
    world, company, customer, praxis = acquainted()
    company.outgoing = lambda channel, data: [] if is_ack(data) else [data]
    customer.send(praxis, "nur einmal")
    world.settle()
    assert company.texts()[1:] == ["nur einmal"]
    company.outgoing = lambda channel, data: [data]
    company.crash()
    company.start()
    world.settle()
    assert company.texts()[1:] == ["nur einmal"]


def test_nothing_goes_back_to_somebody_who_is_not_accepted() -> None:
    """CON-04, SES-38: no receipt, answer or proof tells a stranger that we are there."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    customer = world.node("Unbekannt")
    customer.start()
    praxis = customer.add(company.engine.card())
    message_id = customer.send(praxis, "Sind Sie da?")
    world.advance(600_000)
    assert MessageStateChanged(praxis, message_id, MessageState.DELIVERED) not in customer.events
    assert company.texts() == ["Sind Sie da?"]
    assert not [item for data in company.sent for item in sent_items(data)]
    company.carry_out(company.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(60_000)
    assert MessageStateChanged(praxis, message_id, MessageState.DELIVERED) in customer.events


def test_an_accepted_contact_gets_a_token_of_its_own() -> None:
    """Chapter 2 of the relay's semantics: one revocable delivery token for each contact."""
    world, company, customer, praxis = acquainted()
    front_door = next(iter(company.engine._state.mailboxes.values())).tokens[b""][0]
    peer = next(iter(customer.engine._state.peers.values()))
    assert peer.way_back is not None
    assert peer.way_back.token != front_door
    customer.send(praxis, "mit eigenem Schluessel")
    world.settle()
    assert company.texts()[-1] == "mit eigenem Schluessel"


def test_a_forgotten_contact_leaves_no_row_and_cannot_write() -> None:
    """Forgetting deletes sessions, keys, texts and the address here and at the relay."""
    world, company, customer, praxis = acquainted()
    company.carry_out(company.engine.forget_contact(customer.engine.account_id, world.now_ms))
    world.settle()
    for table in ("contact", "peer", "pair", "session", "skipped", "message", "timeline", "outbox", "held"):
        assert not company.rows.tables.get(table), table
    customer.carry_out(customer.engine.forget_contact(praxis, world.now_ms))
    world.settle()
    for table in (
        "contact",
        "peer",
        "pair",
        "session",
        "skipped",
        "message",
        "timeline",
        "outbox",
        "prekey",
        "mailbox",
    ):
        assert not customer.rows.tables.get(table), table


def test_prekeys_are_refilled_and_rotated() -> None:
    """ID-18: the stock is 100, refilled below 50; SPK and last-resort key change weekly."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    before = company.engine._context.upkeep.current(PUBLISHED)
    assert before is not None
    assert len(company.engine._state.prekeys_of(PrekeyKind.OPK, PUBLISHED)) == 100
    world.advance(PREKEY_ROTATION_MS + 3_700_000)
    after = company.engine._context.upkeep.current(PUBLISHED)
    assert after is not None
    assert after[0].pair.prekey.id != before[0].pair.prekey.id
    customer = world.node("Kundin")
    customer.start()
    customer.send(customer.add(company.engine.card()), "nach der Rotation")
    world.settle()
    assert company.texts() == ["nach der Rotation"]


def test_private_prekeys_go_when_nothing_under_them_can_come_any_more() -> None:
    """ID-18: from the first ones on, one after another, each at its time."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    prekeys = [OwnPrekey.decode(key, row) for key, row in company.rows.items("prekey")]
    ends_ms = {one.key: one.pair.prekey.not_after_ms for one in prekeys}
    first_ms, last_ms = min(ends_ms.values()), max(ends_ms.values())
    for at_ms in (first_ms, first_ms + HOUR_MS, last_ms + HOUR_MS):
        world.advance(at_ms + RELAY_RETENTION_MS - world.now_ms)
        held = ends_ms.keys() & company.rows.tables["prekey"].keys()
        assert held >= {one for one, end_ms in ends_ms.items() if end_ms >= at_ms}
        assert held <= {one for one, end_ms in ends_ms.items() if end_ms >= at_ms - HOUR_MS}


def test_lists_are_renewed_and_told() -> None:
    """CON-10, ID-07: a renewed list is published, told to contacts and followed link by link."""
    world, company, customer, praxis = acquainted()
    world.advance(17 * DAY_MS)
    assert company.engine._state.own.device_list.seq >= 2
    assert customer.engine._state.contacts[praxis].head == company.engine._state.own.device_list.head
    assert company.engine._state.own.published_seq == company.engine._state.own.device_list.seq
    customer.send(praxis, "nach siebzehn Tagen")
    world.advance(60_000)
    assert company.texts()[-1] == "nach siebzehn Tagen"
    assert not company.of(IdentityAlarm)
    assert not customer.of(IdentityAlarm)


def test_an_account_key_kept_offline_renews_by_request() -> None:
    """ID-12: without the key the device reminds; a list signed elsewhere is installed and told."""
    world, company, customer, praxis = acquainted()
    key = company.engine.export_account_key()
    company.carry_out(company.engine.remove_account_key(world.now_ms))
    with pytest.raises(AccountKeyAbsent):
        company.engine.export_account_key()
    world.advance(24 * DAY_MS)
    assert company.of(DeviceListExpiring)
    before = company.engine._state.own.device_list
    signed = sign_list(key, company.engine.renewal_request(world.now_ms)).signed
    company.carry_out(company.engine.install_list(signed, world.now_ms))
    world.advance(60_000)
    assert customer.engine._state.contacts[praxis].head == company.engine._state.own.device_list.head
    for old in (before.signed, signed):
        with pytest.raises(ConfigError):
            company.engine.install_list(old, world.now_ms)


def test_garbage_from_a_relay_breaks_the_connection_and_nothing_else() -> None:
    """RLY-03: bytes that are no message end the connection; the client comes back by itself."""
    world, company, customer, praxis = acquainted()
    for channel in list(customer.connections):
        customer.carry_out(customer.engine.received(channel, b"\xff garbage", world.now_ms))
    world.advance(120_000)
    customer.send(praxis, "trotzdem")
    world.advance(10_000)
    assert company.texts()[-1] == "trotzdem"


def test_a_body_of_garbage_is_dropped_and_reported() -> None:
    """Whatever a stranger posts into a mailbox is refused with a code and acknowledged."""
    world, company, customer, praxis = acquainted()
    mailbox = next(iter(company.engine._state.mailboxes.values()))
    stranger = world.relay.connect()
    item = SendItem(mailbox.id, mailbox.tokens[b""][0], bytes(16), TtlClass.RETENTION, b"", b"garbage" * 90)
    world.relay.take(stranger, stranger.session, encode_frames([Send(1, (item,))]))
    world.settle()
    assert MessageRejected(b"", "remote.version") in company.events
    customer.send(praxis, "geht weiter")
    world.settle()
    assert company.texts()[-1] == "geht weiter"


def test_two_customers_share_no_connection_and_no_mailbox() -> None:
    """Declared leakage: each contact of a person has a mailbox and a sending connection of its own."""
    world = World()
    one, other = world.node("Praxis", publish=True), world.node("Bank", publish=True)
    one.start()
    other.start()
    customer = world.node("Kundin")
    customer.start()
    for company in (one, other):
        customer.send(customer.add(company.engine.card()), "Hallo")
    world.settle()
    assert len(customer.engine._state.mailboxes) == 2
    assert len(customer.connections) == 4
    assert one.texts() == other.texts() == ["Hallo"]


def test_an_address_sends_nobody_to_services_of_the_own_machine() -> None:
    """CON-06: a peer's ws:// address is not followed by a client whose own relay is reached by wss://."""
    world, company, customer, _ = acquainted()
    peer = next(iter(company.engine._state.peers.values()))
    before = peer.way_back
    turn = Turn(world.now_ms)
    elsewhere = WayBack(bytes(16), bytes(32), "ws://127.0.0.1:6379")
    (to,) = customer.engine._state.peers.values()
    session = customer.engine._context.renewal.session_for(turn, to)
    assert session is not None
    customer.engine._context.sending.send_control(turn, to, session, AddressOnly(), way_back=elsewhere)
    customer.carry_out(turn.effects())
    world.advance(5_000)
    assert company.of(MessageRejected)
    assert peer.way_back == before


def test_the_connection_of_a_forgotten_contact_ends() -> None:
    """After forgetting, a broken connection of the contact's own mailbox is not opened again."""
    world, _company, customer, praxis = acquainted()
    customer.carry_out(customer.engine.forget_contact(praxis, world.now_ms))
    world.settle()
    customer.break_connections()
    world.advance(120_000)
    assert not [channel for channel in customer.connections if channel.mailbox]
