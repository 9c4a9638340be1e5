"""What a contact or a stranger may put into our store and connections, whatever it sends (SES-34, SES-35)."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from e2ee_client.engine.own_mailbox import Mailbox
from e2ee_client.engine.peers import Given
from e2ee_client.engine.turn import Turn
from e2ee_client.events import Churn, IdentityAlarm, MessageRejected
from e2ee_relay.protocol import Message, PrekeysBundle, encode_frames
from engine_world import RELAY_URL, Node, World, acquainted
from parties import bundle_of
from relay_scenes import active_of, intercepting, lose, push, second_contact, the_peer
from struck_off import heedless

from e2ee import identity, prekeys
from e2ee.constants import CLOCK_TOLERANCE_MS, MAX_LIST_RECORDS, MAX_OTHER_SESSIONS, PREKEY_LIFE_MS
from e2ee.content import AddressOnly, Content, Nothing, SignedList, WayBack
from e2ee.errors import Expired, ListFork
from e2ee.identity import DeviceKind, DeviceRecord, OurDevice
from e2ee.ids import ContentId
from e2ee.pair import Pair, Wanted
from e2ee.prekeys import CompactBundle, PrekeyKind
from e2ee.session import initiate, seal
from e2ee.wire import cbor

MINUTE_MS = 60_000
DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS


def strangers() -> tuple[World, Node, Node, bytes]:
    """A company, and somebody who has written to it and is not accepted."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    stranger = world.node("Fremd")
    stranger.start()
    praxis = stranger.add(company.engine.card())
    stranger.send(praxis, "Hallo")
    world.advance(10_000)
    return world, company, stranger, praxis


def start_anew(world: World, node: Node) -> None:
    """Let a node start another session with the only device that it knows, without regard to budgets."""
    peer, context = the_peer(node), node.engine._context
    turn, gone = Turn(world.now_ms), tuple(one.id for one in peer.pair.sessions)
    pair = Pair(wanted=Wanted(world.now_ms), given=peer.pair.given, known=peer.pair.known)
    context.renewal.set_pair(turn, peer, pair, gone)
    context.timers.clock_put_back(0)
    context.renewal.try_start(turn, peer)
    node.carry_out(turn.effects())
    world.settle()


def test_prekeys_of_flights_that_nobody_answers_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """SES-34, STO-08: a stranger's row grew with each flight until the store could not be opened."""
    world, company, stranger, praxis = strangers()
    device = stranger.engine._state.own.device

    def full(*_: object) -> CompactBundle:
        ends_ms = world.now_ms + PREKEY_LIFE_MS
        spk, pqk = prekeys.new_signed_pair(
            device, int.from_bytes(os.urandom(3), "big") + 1, world.now_ms, os.urandom
        )
        kinds = (PrekeyKind.OPK, PrekeyKind.PQK_ONE_TIME)
        opks, pqks = (
            [
                prekeys.compact(prekeys.new_prekey(device, kind, number, ends_ms, os.urandom).prekey)
                for number in range(1, 9)
            ]
            for kind in kinds
        )
        return CompactBundle(prekeys.compact(spk.prekey), prekeys.compact(pqk.prekey), opks, pqks)

    monkeypatch.setattr(stranger.engine._context.renewal, "_our_bundle", full)
    for _ in range(2):
        for _ in range(8):
            start_anew(world, stranger)
        world.advance(DAY_MS + 1)
    (row,) = company.rows.tables["peer"].values()
    assert len(the_peer(company).given) <= MAX_OTHER_SESSIONS + 3
    assert len(row) < 131_072
    company.crash()
    assert praxis


def test_a_company_may_accept_thousands_of_contacts() -> None:
    """STO-08: each has a token of its own in the row of the mailbox."""
    tokens = {os.urandom(32): (os.urandom(32), True) for _ in range(10_000)}
    mailbox = Mailbox(bytes(16), RELAY_URL, bytes(32), b"", True, tokens)
    assert Mailbox.decode(mailbox.id, mailbox.put().value) == mailbox


def test_addresses_that_a_contact_has_left_are_not_connected_to() -> None:
    """CON-06: each relay that a contact had named was connected to for ever."""
    world, company, customer, praxis = acquainted()
    state, sending = customer.engine._state, customer.engine._context.sending
    contact = state.contacts[praxis]
    for number in range(10):
        way = sending.way_back(contact)
        peer = the_peer(customer)
        turn = Turn(world.now_ms)
        session = customer.engine._context.renewal.session_for(turn, peer)
        assert session is not None
        named = WayBack(way.mailbox, way.token, f"wss://host{number}.example/")
        sending.send_control(turn, peer, session, AddressOnly(), way_back=named)
        customer.carry_out(turn.effects())
        customer.send(praxis, f"Text {number}")
        world.advance(2_000)
    named_ones = [one for one in company.engine._context.links.by_channel if "host" in one.relay_url]
    assert [one.relay_url for one in named_ones] == ["wss://host9.example/"]
    assert len(company.texts()) == 11


def redated(world: World, device: OurDevice) -> OurDevice:
    record = identity.redated(device.record, world.now_ms, world.now_ms + YEAR_MS)
    return replace(device, record=record)


def another(world: World, device: OurDevice) -> OurDevice:
    account_id, now_ms = device.record.account_id, world.now_ms
    return identity.new_device(account_id, DeviceKind.PERSON, 0, now_ms, now_ms + YEAR_MS, os.urandom)


@pytest.mark.parametrize(("device_of", "most"), [(redated, 8), (another, MAX_LIST_RECORDS)])
def test_a_new_list_with_each_flight_gives_no_new_budget(device_of: object, most: int) -> None:
    """SES-35, ID-28: a record of another date, or another device each time."""
    world, company, stranger, _ = strangers()
    own = stranger.engine._state.own
    assert own.account_key is not None
    for _ in range(most + 6):
        world.advance(1_000)
        own.device = device_of(world, own.device)  # type: ignore[operator]  # one of the two above
        unsigned = identity.next_list(
            own.account_id, own.device_list, [own.device.record], None, world.now_ms
        )
        own.device_list = identity.sign_list(own.account_key, unsigned)
        start_anew(world, stranger)
    assert len(company.rows.tables["replay"]) == most
    assert len(company.rows.tables["peer"]) <= MAX_LIST_RECORDS
    assert company.of(Churn)


def test_devices_that_were_struck_off_are_forgotten_in_time() -> None:
    """SES-35: what one of them sent can arrive for 44 days; then its rows go."""
    world, company, stranger, _ = strangers()
    own = stranger.engine._state.own
    assert own.account_key is not None
    own.device = another(world, own.device)
    unsigned = identity.next_list(own.account_id, own.device_list, [own.device.record], None, world.now_ms)
    own.device_list = identity.sign_list(own.account_key, unsigned)
    start_anew(world, stranger)
    stranger.stop()
    assert len(company.rows.tables["peer"]) == 2
    world.wakes = 0
    world.advance(46 * DAY_MS)
    # A gap of a stranger, of whom nothing can be asked (SES-25), wakes nobody: the look of each hour does.
    assert world.wakes <= 46 * 30
    (left,) = company.rows.tables["peer"]
    assert left.endswith(own.device.record.device_id)
    assert len(company.rows.tables["pair"]) == 1
    company.crash()


def test_prekeys_that_a_wrong_clock_has_dated_are_not_kept_in_place_of_good_ones() -> None:
    """SES-34, ID-16: those of a year ahead end later than all that follow; they are refused."""
    world, company, customer, _ = acquainted()
    device = customer.engine._state.own.device
    peer, renewal = the_peer(customer), customer.engine._context.renewal
    active = peer.pair.active
    assert active is not None

    def give(made_ms: int) -> bytes:
        spk, pqk = prekeys.new_signed_pair(device, made_ms // DAY_MS, made_ms, os.urandom)
        bundle = CompactBundle(prekeys.compact(spk.prekey), prekeys.compact(pqk.prekey), [], [])
        turn = Turn(world.now_ms)
        session = customer.engine._state.sessions[active.id]
        renewal._send_ask(turn, peer, session, bundle=bundle)
        customer.carry_out(turn.effects())
        world.settle()
        return spk.prekey.key

    give(world.now_ms + YEAR_MS)
    assert "remote.expired" in {one.code for one in company.of(MessageRejected)}
    key = give(world.now_ms + 1_000)
    given = the_peer(company).given[active.id]
    assert Given.of(prekeys.verify_compact(device.record, given.bundle)).bundle.spk[2] == key  # type: ignore[index]  # an array


def test_a_prekey_that_ends_later_than_one_of_now_is_refused() -> None:
    """ID-16: 14 days and a day of clock."""
    world, company, _, _ = acquainted()
    device = company.engine._state.own.device
    spk, pqk = prekeys.new_signed_pair(device, 7, world.now_ms, os.urandom)
    given = prekeys.PeerPrekeys(spk.prekey, pqk.prekey, (), ())
    given.check_ahead(world.now_ms - DAY_MS)
    with pytest.raises(Expired):
        given.check_ahead(world.now_ms - DAY_MS - 1)


def forked_flight(
    world: World, sender: Node, receiver: Node, owner: bytes, other: OurDevice | None = None
) -> bytes:
    """A flight of `sender` with another list for the number that its list has, sealed for the prekeys that
    `receiver` keeps for `owner`; by another device that this list alone names.
    """
    own, state = sender.engine._state.own, receiver.engine._state
    assert own.account_key is not None
    device = own.device if other is None else other
    named = list(dict.fromkeys((own.device.record, device.record)))
    unsigned = identity.next_list(own.account_id, None, named, None, world.now_ms, ttl_ms=DAY_MS)
    device_list = identity.sign_list(own.account_key, unsigned)
    current = receiver.engine._context.upkeep.current(owner)
    assert current is not None
    spk, pqk = (one.pair.prekey for one in current)
    bundle = prekeys.bundle_from_peer(
        state.own.device.record, state.own.device_list, spk, None, pqk, world.now_ms
    )
    session = initiate(
        device,
        device_list,
        bundle,
        world.now_ms // 60_000,
        world.now_ms,
        os.urandom,
        sender.ports.encapsulate,
    )
    way = WayBack(bytes(16), bytes(32), RELAY_URL)
    content = Content(ContentId(os.urandom(16)), world.now_ms, Nothing(), way_back=way)
    return seal(session, content, world.now_ms, os.urandom, sender.ports.encapsulate).envelope


def test_a_flight_of_a_device_that_only_a_settled_list_names_is_refused() -> None:
    """ID-52, ID-28: the list in force has struck it off, whoever has verified the account since."""
    world, company, customer, praxis = acquainted()
    record = company.engine._state.own.device.record
    lives = (world.now_ms, world.now_ms + YEAR_MS, os.urandom)
    laptop = identity.new_device(record.account_id, DeviceKind.AGENT, 0, *lives)
    flight = forked_flight(world, company, customer, praxis, laptop)
    pinned = customer.engine._state.contacts[praxis].head
    push(customer, flight)
    assert customer.of(IdentityAlarm) == [IdentityAlarm(praxis, "remote.list_fork")]
    customer.carry_out(customer.engine.set_verified(praxis, True, world.now_ms))
    customer.events.clear()
    push(customer, flight)
    world.advance(MINUTE_MS)
    assert not customer.of(IdentityAlarm)
    assert customer.engine._state.contacts[praxis].head == pinned
    assert the_peer(customer).record == record


def test_another_list_of_the_pinned_number_is_an_alarm_inside_a_session_too() -> None:
    """CON-10, ID-07: nothing that comes with it is pinned."""
    world, company, customer, _ = acquainted()
    own, peer, turn = customer.engine._state.own, the_peer(customer), Turn(world.now_ms)
    assert own.account_key is not None
    contact = company.engine._state.contacts[own.account_id]
    pinned, records = contact.device_list(), [own.device.record]
    assert pinned is not None
    unsigned = identity.next_list(own.account_id, None, records, None, world.now_ms, least_seq=pinned.seq)
    other = identity.sign_list(own.account_key, unsigned)
    assert (other.seq, other.hash != pinned.hash) == (pinned.seq, True)
    signed = SignedList(other.signed)
    customer.engine._context.sending.send_control(turn, peer, active_of(customer), signed)
    customer.carry_out(turn.effects())
    world.settle()
    assert company.of(IdentityAlarm) == [IdentityAlarm(own.account_id, "remote.list_fork")]
    assert contact.head == pinned.head


def test_a_fork_of_one_contact_in_the_mailbox_of_another_shows_nothing() -> None:
    """LKG-07, ID-11: two contacts that work together learn nothing of each other by an alarm."""
    world, _company, customer, praxis = acquainted()
    laboratory, _ = second_contact(world, customer)
    mailbox = customer.engine._state.mailbox_for(praxis)
    push(customer, forked_flight(world, laboratory, customer, praxis), mailbox=mailbox.id)
    assert customer.of(IdentityAlarm) == []
    assert not any(one.alarm for one in customer.engine.contacts())
    assert customer.of(MessageRejected)[-1].code == "remote.identity"


@pytest.mark.parametrize("at_the_front_door", [False, True])
def test_a_flight_with_another_list_is_an_alarm_until_that_is_settled(*, at_the_front_door: bool) -> None:
    """ID-11, ID-52: also where all contacts share one mailbox, by a device that goes by the other list."""
    world, company, customer, praxis = acquainted()
    kundin = customer.engine.account_id
    sender, receiver, account_id, owner = company, customer, praxis, praxis
    if at_the_front_door:
        sender, receiver, account_id, owner = customer, company, kundin, b""
    alarms = [IdentityAlarm(account_id, "remote.list_fork")]
    push(receiver, forked_flight(world, sender, receiver, owner))
    assert receiver.of(IdentityAlarm) == alarms
    receiver.carry_out(receiver.engine.set_verified(account_id, True, world.now_ms))
    receiver.events.clear()
    push(receiver, forked_flight(world, sender, receiver, owner))
    world.advance(MINUTE_MS)
    assert not receiver.of(IdentityAlarm)
    assert "remote.list_fork" not in {one.code for one in receiver.of(MessageRejected)}


def test_another_list_of_our_own_account_stops_no_colleague() -> None:
    """ID-51: nobody could verify our own account to ourselves; it is no contact."""
    world, company, _, _ = acquainted()
    own, turn = company.engine._state.own, Turn(world.now_ms)
    error = ListFork("two lists", signed=own.device_list.signed)
    company.engine._context.forks.alarm(turn, company.engine._state.colleagues, error)
    company.carry_out(turn.effects())
    assert company.of(MessageRejected)[-1].code == "remote.list_fork"
    assert not company.engine._state.colleagues.alarm
    assert own.account_id not in company.rows.tables["contact"]


def test_what_is_held_is_shown_also_where_the_list_comes_in_the_same_step() -> None:
    """ID-36, SES-11: text and list in one message of the relay."""
    world, company, customer, _ = acquainted()
    key = company.engine.export_account_key()
    company.carry_out(company.engine.remove_account_key(world.now_ms))
    end_ms = company.engine._state.own.device_list.expires_ms + CLOCK_TOLERANCE_MS
    world.advance(end_ms - world.now_ms + 3_600_000)
    bodies: list[bytes] = []
    company.outgoing = intercepting(bodies)
    heedless(company)
    company.send(customer.engine.account_id, "spät")
    signed = identity.sign_list(key, company.engine.renewal_request(world.now_ms)).signed
    company.carry_out(company.engine.install_list(signed, world.now_ms))
    world.settle()
    mailbox = next(iter(customer.engine._state.mailboxes))
    channel = next(one for one in customer.connections if one.mailbox == mailbox)
    frames = [Message(0, mailbox, 9, os.urandom(16), body, 0) for body in bodies]
    assert len(frames) >= 2
    customer.carry_out(customer.engine.received(channel, encode_frames(frames), world.now_ms))
    assert customer.texts() == ["spät"]
    assert not customer.rows.tables.get("held")


def test_a_held_text_is_shown_though_its_session_has_gone() -> None:
    """ID-36, SES-32: the relay does not have it any more, and it was authentic."""
    world, company, customer, _ = acquainted()
    key = company.engine.export_account_key()
    company.carry_out(company.engine.remove_account_key(world.now_ms))
    end_ms = company.engine._state.own.device_list.expires_ms + CLOCK_TOLERANCE_MS
    world.advance(end_ms - world.now_ms + 3_600_000)
    heedless(company)
    company.send(customer.engine.account_id, "spät")
    world.advance(60_000)
    assert len(customer.rows.tables["held"]) == 1
    company.stop()
    lose(customer)
    signed = identity.sign_list(key, company.engine.renewal_request(world.now_ms)).signed
    contact = customer.engine._state.contacts[company.engine.account_id]
    turn = Turn(world.now_ms)
    customer.engine._context.contents._list(turn, contact, signed)
    customer.carry_out(turn.effects())
    assert customer.texts() == ["spät"]


def test_a_held_text_of_a_device_that_the_next_list_leaves_out_is_not_shown() -> None:
    """ID-36, ID-28: of a device that was stolen while the list was late."""
    world, company, customer, praxis = acquainted()
    key, own = company.engine.export_account_key(), company.engine._state.own
    company.carry_out(company.engine.remove_account_key(world.now_ms))
    world.advance(own.device_list.expires_ms + CLOCK_TOLERANCE_MS - world.now_ms + 3_600_000)
    heedless(company)
    company.send(customer.engine.account_id, "gestohlen")
    world.advance(60_000)
    assert len(customer.rows.tables["held"]) == 1
    records = [another(world, own.device).record]
    unsigned = identity.next_list(own.account_id, own.device_list, records, None, world.now_ms)
    contact, turn = customer.engine._state.contacts[praxis], Turn(world.now_ms)
    customer.engine._context.contents._list(turn, contact, identity.sign_list(key, unsigned).signed)
    customer.carry_out(turn.effects())
    assert customer.texts() == []
    assert customer.of(MessageRejected)[-1].code == "remote.identity"
    assert not customer.rows.tables.get("held")


def test_a_bundle_of_other_keys_under_a_known_name_starts_nothing() -> None:
    """ID-27: a directory that has the account's key gives them with the prekeys, not with the list."""
    world, company, customer, _ = acquainted()
    own, known = company.engine._state.own, the_peer(customer)
    assert own.account_key is not None
    device = identity.new_device(
        own.account_id, DeviceKind.PERSON, 0, world.now_ms, world.now_ms + YEAR_MS, os.urandom
    )
    fields = cbor.decode(device.record.encoded)
    assert isinstance(fields, dict)
    record = DeviceRecord.decode(cbor.encode({**fields, 4: known.device_id}))
    device = replace(device, record=record)
    unsigned = identity.next_list(own.account_id, own.device_list, [record], None, world.now_ms)
    signed = identity.sign_list(own.account_key, unsigned).signed
    spk, pqk = (one.prekey for one in prekeys.new_signed_pair(device, 9, world.now_ms, os.urandom))
    bundle = bundle_of(record, signed, spk, None, pqk)
    turn, directory = Turn(world.now_ms), customer.engine._context.directory
    sessions = set(customer.engine._state.sessions)
    directory._fetching[known.account_id] = {known.key}
    directory._bundle(known, turn, PrekeysBundle(1, bundle, False, False))
    customer.carry_out(turn.effects())
    assert set(customer.engine._state.sessions) == sessions
    assert customer.of(MessageRejected)[-1].code == "remote.identity"


def test_the_token_that_a_contact_was_told_stands_in_no_repr() -> None:
    """STO-21: who has it can write to the mailbox."""
    _, company, customer, _ = acquainted()
    (peer,) = company.engine._state.peers_of(customer.engine.account_id)
    token = peer.told[2]
    assert token
    assert repr(token)[2:-1] not in repr(peer)
