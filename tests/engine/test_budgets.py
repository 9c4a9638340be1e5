"""What a relay or a contact may cost us: keys, rows, outgoing messages, waiting time (SES-35)."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from e2ee_client.engine.effects import Channel
from e2ee_client.engine.refused_upload import RefusedUpload
from e2ee_client.engine.turn import Turn
from e2ee_client.events import Churn, IdentityAlarm, MessageRejected, PrekeysLow, SessionStarted
from e2ee_relay.protocol import (
    ErrorCode,
    ErrorReply,
    GoAway,
    LookupResult,
    LowPrekeys,
    PrekeysStock,
    PrekeysUpload,
    Role,
    Send,
    decode_frames,
    encode_frames,
)
from engine_world import Node, World
from relay_scenes import (
    active_of,
    copying,
    lose,
    lossless,
    push,
    second_contact,
    share_one_session,
    talking,
    the_peer,
    well,
    withholding,
)

from e2ee import pair as pairs
from e2ee.constants import HASH_B
from e2ee.content import Content, Heads, Nothing
from e2ee.identity import ListHead, next_list, sign_list
from e2ee.ids import ContentId, ListHash
from e2ee.pair import Budget
from e2ee.prekeys import PrekeyKind
from e2ee.session import seal

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


def say(node: Node, frame: object) -> None:
    """Let the relay say something on the connection of a node's first mailbox."""
    channel = next(one for one in node.connections if one.mailbox)
    data = encode_frames([frame])  # type: ignore[list-item]  # any frame of the relay
    node.carry_out(node.engine.received(channel, data, node.now_ms))


def uploads(node: Node) -> list[PrekeysUpload]:
    frames = [one for data in node.sent for one in decode_frames(data, Role.RELAY)]
    return [one for one in frames if isinstance(one, PrekeysUpload)]


def sends(node: Node) -> int:
    frames = [one for data in node.sent for one in decode_frames(data, Role.RELAY)]
    return sum(len(one.items) for one in frames if isinstance(one, Send))


# --- keys ---


@pytest.mark.parametrize("highest", [2**32 - 1, 2**32, 0])
def test_the_relays_word_for_the_highest_id_is_not_believed(highest: int) -> None:
    """ID-30: a stock with highest id 2^32 - 1 was stored, and rotation and each later start failed."""
    world, company, customer, praxis = talking()
    own = company.engine._state.own
    link = next(one for channel, one in company.engine._context.links.by_channel.items() if channel.mailbox)
    turn = Turn(world.now_ms)
    company.engine._context.entry.count(turn, link)
    request_id = max(link.pending)
    say(company, PrekeysStock(request_id, 0, 0, highest, highest, None, None))
    world.settle()
    company.crash()
    company.start()
    world.advance(8 * DAY_MS)
    assert own.stock_id < 2**32 - 1
    newcomer = world.node("Neue")
    newcomer.start()
    newcomer.send(newcomer.add(company.engine.card()), "Guten Tag")
    world.advance(MINUTE_MS)
    assert company.texts()[-1] == "Guten Tag"
    customer.send(praxis, "auch das")
    world.advance(MINUTE_MS)
    assert company.texts()[-1] == "auch das"


def test_a_relay_that_always_says_low_draws_400_keys_a_day() -> None:
    """SES-35, RLY-157: 297 600 private keys a day before; each kind counts."""
    world, company, _, _ = talking()
    own = company.engine._state.own
    for _ in range(200):
        say(company, LowPrekeys(0, own.account_id, own.device.record.hash, 0, 0))
        world.advance(MINUTE_MS)
        link = next(
            one for channel, one in company.engine._context.links.by_channel.items() if channel.mailbox
        )
        turn = Turn(world.now_ms)
        company.engine._context.entry.count(turn, link)
        say(company, PrekeysStock(max(link.pending), 0, 0, 0, 0, None, None))
    made = [
        one
        for kind in (PrekeyKind.OPK, PrekeyKind.PQK_ONE_TIME)
        for one in company.engine._state.prekeys_of(kind, b"")
    ]
    assert len(made) <= 400 + 200


def refusing(node: Node, times: int) -> list[PrekeysUpload]:
    """Have uploads refused so many times, as by a relay whose disk is full; return those that are sent."""
    asked: list[PrekeysUpload] = []

    def outgoing(channel: Channel, data: bytes) -> list[bytes]:
        sent = [one for one in decode_frames(data, Role.RELAY) if isinstance(one, PrekeysUpload)]
        asked.extend(sent)
        if not sent or len(asked) > times:
            return [data]
        answer = ErrorReply(sent[0].request_id, ErrorCode.UNAVAILABLE, 2_000)
        node.connections[channel]._incoming.put_nowait(encode_frames([answer]))
        return []

    node.outgoing = outgoing
    return asked


def test_keys_of_an_upload_that_was_refused_go_again() -> None:
    """ID-50, SES-35: two refusals used up the keys of a day, and newcomers had none until it was over."""
    world = World()
    company = world.node("Praxis", publish=True)
    asked = refusing(company, times=4)
    company.start()
    world.advance(HOUR_MS)
    assert len(asked) == 5
    assert {(len(one.one_time_x25519), len(one.one_time_kem)) for one in asked} == {(100, 100)}
    assert {one.one_time_x25519 for one in asked} == {asked[0].one_time_x25519}
    assert {one.one_time_kem for one in asked} == {asked[0].one_time_kem}
    assert company.engine._state.own.stock_made == 200
    # What was taken does not go again.
    world.advance(MINUTE_MS)
    company.engine._context.entry.refill(Turn(world.now_ms))
    assert len(asked) == 5


def test_keys_of_a_refused_upload_go_again_after_a_restart() -> None:
    """ID-50, STO-09: a client that is started again and again while the disk of its relay is full."""
    world = World()
    company = world.node("Praxis", publish=True)
    asked = refusing(company, times=4)
    company.start()
    for _ in range(4):
        world.advance(1_000)
        company.crash(company.rows)
        company.start()
    world.advance(HOUR_MS)
    assert len(asked) == 5
    assert {one.one_time_x25519 for one in asked} == {asked[0].one_time_x25519}
    assert {one.one_time_kem for one in asked} == {asked[0].one_time_kem}
    assert company.engine._state.own.stock_made == 200


def test_only_keys_that_no_relay_has_had_go_again() -> None:
    """ID-50, RLY-63: not those below the relay's highest id, used, of another record, or of another day, nor
    those of an upload that was not answered.
    """
    world, company, _, _ = talking()
    state, upkeep, turn = company.engine._state, company.engine._context.upkeep, Turn(world.now_ms)
    upload = RefusedUpload(state)
    upkeep.make_one_time(turn, PrekeyKind.OPK, 1, b"")
    one, two, three = made = tuple(upkeep.make_one_time(turn, PrekeyKind.OPK, 3, b""))
    assert upload.again(turn, PrekeyKind.OPK, 0, 9) == ()
    upload.refused(turn, ())
    assert upload.again(turn, PrekeyKind.OPK, 0, 9) == ()
    upload.refused(turn, made)
    assert upload.again(turn, PrekeyKind.PQK_ONE_TIME, 0, 9) == ()
    assert upload.again(turn, PrekeyKind.OPK, 0, 2) == (one, two)
    assert upload.again(turn, PrekeyKind.OPK, one.pair.prekey.id, 9) == (two, three)
    upkeep.used(turn, [two])
    assert upload.again(turn, PrekeyKind.OPK, 0, 9) == (one, three)
    for other_ms in (turn.now_ms - 1, turn.now_ms + DAY_MS):
        later = Turn(other_ms)
        upload.refused(later, made)
        assert upload.again(later, PrekeyKind.OPK, 0, 9) == ()
    state.prekeys[one.key] = replace(one, record=replace(one.record, created_ms=1))
    assert upload.again(turn, PrekeyKind.OPK, 0, 9) == (three,)
    upload.sent(turn)
    assert upload.again(turn, PrekeyKind.OPK, 0, 9) == ()


def test_low_prekeys_are_heard_from_our_own_relay_only() -> None:
    """SES-35, RLY-157: on a connection for sending anybody may say so."""
    _, company, customer, _ = talking()
    own = company.engine._state.own
    channel = next(one for one in company.connections if not one.mailbox)
    frame = LowPrekeys(0, own.account_id, own.device.record.hash, 0, 0)
    company.carry_out(company.engine.received(channel, encode_frames([frame]), company.now_ms))
    assert company.of(PrekeysLow) == []
    assert company.engine._context.timers.at_ms("refill") is None
    theirs = customer.engine._state.own
    say(customer, LowPrekeys(0, theirs.account_id, theirs.device.record.hash, 0, 0))
    assert customer.of(PrekeysLow) == []


# --- time ---


@pytest.mark.parametrize("retry_after_ms", [2**62, 2**40, 3_600_001])
def test_a_relay_sends_nobody_away_for_more_than_an_hour(retry_after_ms: int) -> None:
    """SES-35: GO_AWAY of 2^62 ms closed a client for ever."""
    world, company, customer, praxis = talking()
    say(customer, GoAway(0, retry_after_ms))
    world.advance(HOUR_MS + MINUTE_MS)
    well(world, company, customer, praxis)


# --- work ---


def numbered(node: Node, count: int) -> bytes:
    """The last of so many messages on a node's active session, of which the others never leave."""
    session, envelope = active_of(node), b""
    for _ in range(count):
        content = Content(ContentId(os.urandom(16)), node.now_ms, Nothing())
        session, envelope = seal(session, content, node.now_ms, os.urandom, node.ports.encapsulate)[:2]
    return envelope


def test_skipped_keys_are_bounded_per_day() -> None:
    """SES-35, DR-13: 1000 a step, 2000 a day; beyond that nothing is computed, and the session stays."""
    world, company, customer, praxis = talking()
    session = active_of(customer).id
    push(customer, numbered(company, 900))
    assert the_peer(customer).pair.budget.skips == 899
    push(customer, numbered(company, 1_700))
    assert the_peer(customer).pair.budget.skips == 899 + 799
    kept = tuple(active_of(customer).ratchet.skipped)
    push(customer, numbered(company, 2_600))
    assert tuple(active_of(customer).ratchet.skipped) == kept
    assert "remote.skip_limit" in {one.code for one in customer.of(MessageRejected)}
    assert the_peer(customer).pair.budget.skips <= 2_000
    assert active_of(customer).id == session
    assert praxis
    assert world.nodes


def test_a_stranger_skips_64() -> None:
    """SES-38: nobody has accepted them."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    stranger = world.node("Fremd")
    stranger.start()
    stranger.send(stranger.add(company.engine.card()), "eins")
    world.advance(MINUTE_MS)
    (standing,) = the_peer(stranger).pair.sessions
    session = stranger.engine._state.sessions[standing.id]
    way = stranger.engine._context.sending.way_back(next(iter(stranger.engine._state.contacts.values())))
    envelope = b""
    for _ in range(70):
        content = Content(ContentId(os.urandom(16)), world.now_ms, Nothing(), way_back=way)
        session, envelope = seal(session, content, world.now_ms, os.urandom, stranger.ports.encapsulate)[:2]
    push(company, envelope)
    assert [one.code for one in company.of(MessageRejected)] == ["remote.skip_limit"]


def test_flights_beyond_eight_a_day_are_refused_before_any_work() -> None:
    """SES-35: a customer that loses its state on and on, as a clone does; told once, and heard next day."""
    world, company, customer, praxis = talking()
    for _ in range(12):
        lose(customer)
        world.advance(MINUTE_MS)
        peer = the_peer(customer)
        peer.pair = replace(peer.pair, budget=Budget())
        customer.rows.commit((peer.put_pair(),))
    budget = the_peer(company).pair.budget
    assert budget.flights == 8
    assert budget.tells <= 48
    assert len([one for one in company.of(SessionStarted) if not one.by_us]) == 8 - 1, "and first contact"
    assert len(company.of(Churn)) == 1
    lose(customer)
    world.advance(2 * DAY_MS)
    well(world, company, customer, praxis)


def test_an_old_head_draws_one_list_a_day() -> None:
    """CON-05, SES-35: a contact that states our first head with each text cost 16 rows each time."""
    world, company, customer, praxis = talking()
    own = company.engine._state.own
    assert own.account_key is not None
    unsigned = next_list(
        own.account_id, own.device_list, [own.device.record], own.device_list.recovery_public, world.now_ms
    )
    old = own.device_list.head
    company.carry_out(company.engine.install_list(sign_list(own.account_key, unsigned).signed, world.now_ms))
    world.advance(MINUTE_MS)
    sending = customer.engine._context.sending
    dressed = sending._dressed

    def stating(*more: object) -> Content:
        heads = Heads(customer.engine._state.own.device_list.head, old)
        return dressed(*more)._replace(heads=heads)  # type: ignore[arg-type]  # as it was called

    sending._dressed = stating  # type: ignore[assignment]  # a contact that lies
    company.sent.clear()
    for number in range(10):
        customer.send(praxis, f"Text {number}")
        world.settle()
    world.advance(10_000)
    assert the_peer(company).pair.budget.lists == 1
    assert sends(company) <= 1 + 10


def test_no_more_than_48_asks_of_a_contact_are_answered_in_a_day() -> None:
    """SES-35: of one that asks without a budget of its own."""
    world, company, customer, _ = talking()
    left = pairs.left(the_peer(company).pair, "tells", world.now_ms)
    answers: list[bytes] = []
    company.outgoing = copying(answers)
    for _ in range(left + 6):
        peer, turn = the_peer(customer), Turn(world.now_ms)
        peer.pair = replace(peer.pair, ask=None, asked_ms=0, budget=Budget())
        customer.engine._context.renewal.doubt(turn, peer)
        customer.carry_out(turn.effects())
        world.advance(1_000)
    assert len(answers) == left > pairs.MAX_ASKS


def test_a_head_that_nobody_signed_is_told_and_stops_nothing() -> None:
    """CON-05: equal number, another hash, from a contact: no alarm without two signed lists."""
    world, company, customer, praxis = talking()
    sending = customer.engine._context.sending
    dressed = sending._dressed

    def stating(*more: object) -> Content:
        seq = company.engine._state.own.device_list.seq
        heads = Heads(customer.engine._state.own.device_list.head, ListHead(seq, ListHash(b"x" * HASH_B)))
        return dressed(*more)._replace(heads=heads)  # type: ignore[arg-type]  # as it was called

    sending._dressed = stating  # type: ignore[assignment]  # a contact that lies
    customer.send(praxis, "gelogen")
    world.advance(10_000)
    assert company.texts()[-1] == "gelogen"
    assert "remote.list_fork" in {one.code for one in company.of(MessageRejected)}
    assert company.of(IdentityAlarm) == []
    sending._dressed = dressed  # type: ignore[method-assign]
    well(world, company, customer, praxis)


def test_a_stranger_raises_no_alarm() -> None:
    """SES-38, CON-05: heads of a stranger are not read, and two lists of its own are its own affair."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    stranger = world.node("Fremd")
    stranger.start()
    praxis = stranger.add(company.engine.card())
    sending = stranger.engine._context.sending
    dressed = sending._dressed

    def stating(*more: object) -> Content:
        heads = Heads(stranger.engine._state.own.device_list.head, ListHead(99, ListHash(b"\7" * HASH_B)))
        return dressed(*more)._replace(heads=heads)  # type: ignore[arg-type]  # as it was called

    sending._dressed = stating  # type: ignore[assignment]  # a stranger that lies
    stranger.send(praxis, "Hallo")
    world.advance(MINUTE_MS)
    assert company.texts() == ["Hallo"]
    own = stranger.engine._state.own
    assert own.account_key is not None
    for ttl_ms in (DAY_MS, 2 * DAY_MS):
        unsigned = next_list(own.account_id, own.device_list, [own.device.record], None, world.now_ms, ttl_ms)
        signed = sign_list(own.account_key, unsigned).signed
        turn = Turn(world.now_ms)
        contact = company.engine._state.contacts[own.account_id]
        company.engine._context.contents._list(turn, contact, signed)
        company.carry_out(turn.effects())
    assert company.of(IdentityAlarm) == []


# --- what comes late or twice ---


def test_an_old_flight_replaces_nothing() -> None:
    """SES-23, SES-34: kept back for days, of a lower epoch: heard, never proven; session and prekeys stay."""
    world, company, customer, praxis = talking()
    kept, end = withholding(customer)
    lose(customer)
    world.advance(MINUTE_MS)
    end()
    lose(customer)
    world.advance(MINUTE_MS)
    assert share_one_session(company, customer)
    world.advance(12 * DAY_MS)
    session, prekeys = active_of(company).id, the_peer(company).prekeys()
    for body in kept:
        push(company, body)
    assert active_of(company).id == session
    assert the_peer(company).prekeys() == prekeys
    sent = company.send(customer.engine.account_id, "weiter wie zuvor")
    world.advance(MINUTE_MS)
    assert customer.texts()[-1] == "weiter wie zuvor"
    assert sent
    well(world, company, customer, praxis)


def test_expired_one_time_keys_of_a_customer_stall_nothing() -> None:
    """ID-32, SES-34: three weeks without the customer; the company loses its state and starts at once."""
    world, company, customer, praxis = talking()
    world.advance(8 * DAY_MS)
    customer.stop()
    world.advance(15 * DAY_MS)
    given = the_peer(company).prekeys()
    assert given is not None
    assert given.bundle.opks
    customer.start()
    customer.outgoing = lambda _channel, data: [] if data == b"" else [data]
    lose(company)
    world.advance(MINUTE_MS)
    assert share_one_session(company, customer)
    customer.outgoing = lossless
    well(world, company, customer, praxis)


def test_an_equal_list_twice_is_no_fork() -> None:
    """ID-07: LOOKUP answered with [L, L] was an alarm for good."""
    world, company, customer, praxis = talking()
    customer.engine._state.contacts[praxis].looked_up_ms = 0
    contact = customer.engine._state.contacts[praxis]
    turn = Turn(world.now_ms)
    customer.engine._context.directory.look_up(turn, contact)
    link = customer.engine._context.links.by_channel[customer.engine._context.delivery.channel(contact)]
    signed, own = company.engine._state.own.device_list.signed, company.engine._state.own
    frame = LookupResult(max(link.pending), (signed, signed), (own.device.record.encoded,), (None,), False)
    customer.carry_out(customer.engine.received(link.channel, encode_frames([frame]), world.now_ms))
    assert customer.of(IdentityAlarm) == []
    assert contact.alarm == ""
    well(world, company, customer, praxis)


def test_a_copied_flight_of_another_contact_costs_no_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    """ID-38: the private keys of one contact are not tried in the mailbox of another one."""
    world, company, customer, praxis = talking()
    _, labor = second_contact(world, customer)
    flights: list[bytes] = []
    company.outgoing = copying(flights)
    lose(company)
    world.advance(MINUTE_MS)
    flight = next(one for one in flights if one[1] == 2)
    tried: list[object] = []
    monkeypatch.setattr("e2ee.session.respond", lambda *more: tried.append(more))
    other = next(one.id for one in customer.engine._state.mailboxes.values() if one.contact == labor)
    push(customer, flight, mailbox=other)
    assert tried == []
    assert praxis
