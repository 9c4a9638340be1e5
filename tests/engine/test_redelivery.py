"""What a relay delivers again, and receipts that were under way: nothing twice, and no receipt that never
comes.
"""

from __future__ import annotations

import os

import pytest
from e2ee_client.engine import Channel, Engine
from e2ee_client.engine.effects import Commit, Effect
from e2ee_client.engine.outbox import Outgoing
from e2ee_client.engine.records import DueReceipts, TakenId
from e2ee_client.engine.seen_ids import MAX_TAKEN, SeenIds
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import StoreCorrupt
from e2ee_client.events import Doubt, MessageReceived, MessageRejected, SessionProven, SessionStarted
from e2ee_client.rows import Delete, Put
from e2ee_relay.protocol import Ack, Lookup, Message, Role, Send, decode_frames, encode_frames
from engine_world import World, acquainted
from relay_scenes import (
    UNKNOWN,
    bodies_in,
    copying,
    delivered,
    intercepting,
    lose,
    losing,
    lossless,
    once,
    push,
    second_contact,
    strange,
    talk,
    the_peer,
    well,
)

from e2ee.content import Content, Receipt, Text
from e2ee.ids import ContentId

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


@pytest.mark.parametrize("crash", [False, True], ids=["break", "crash"])
@pytest.mark.parametrize("forgetful", ["Praxis", "Kundin"])
def test_a_chain_that_ended_is_no_doubt_when_it_is_delivered_again(forgetful: str, crash: bool) -> None:
    """SES-18, SES-11: what was not heard to be acknowledged comes again, without any event."""
    world, company, customer, praxis = acquainted()
    node = {"Praxis": company, "Kundin": customer}[forgetful]
    node.outgoing = losing(Ack)
    talk(world, company, customer, praxis, 5)
    node.outgoing = lossless
    if crash:
        node.crash()
        node.start()
    else:
        node.break_connections()
    world.advance(MINUTE_MS)
    for one in (company, customer):
        assert one.of(Doubt) == []
        assert one.of(MessageRejected) == []
    assert company.texts()[1:] == [f"hin {number}" for number in range(5)]
    assert customer.texts() == [f"her {number}" for number in range(5)]


def test_what_a_relay_is_given_while_another_session_takes_over_comes_again() -> None:
    """SES-37: it was not with the relay yet, and comes at once, not with a later text or after a day."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 1)
    held: list[bytes] = []

    def late(_: Channel, data: bytes) -> list[bytes]:
        if held or not bodies_in(data):
            return [data]
        held.append(data)
        return []

    company.outgoing = late
    sent = company.send(customer.engine.account_id, "unterwegs")
    lane = company.engine._state.outbox.lane(customer.engine.account_id, the_peer(company).device_id)
    ((_, channel),) = lane.flying.values()
    lose(customer)
    world.settle()
    assert len(customer.of(SessionProven)) > 1
    company.outgoing = lossless
    company._transmit(channel, *held)
    world.settle()
    assert customer.texts().count("unterwegs") == 1
    world.advance(MINUTE_MS)
    assert sent in delivered(company)
    assert once(customer)
    well(world, company, customer, praxis)


def test_what_was_under_way_on_a_lost_session_is_told_and_comes_again() -> None:
    """SES-32, SES-37, SES-41: it does not open, and goes again on the session that takes over."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 1)
    customer.stop()
    sent = company.send(customer.engine.account_id, "unterwegs")
    world.settle()
    lose(customer)
    world.advance(MINUTE_MS)
    assert UNKNOWN in [one.code for one in customer.of(MessageRejected)]
    assert customer.texts().count("unterwegs") == 1
    assert sent in delivered(company)
    well(world, company, customer, praxis)


def test_a_receipt_under_way_on_a_lost_session_comes_again() -> None:
    """SES-37, SES-42: the text goes again on the session that takes over, and is confirmed once more."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 1)
    sent = customer.send(praxis, "angekommen?")
    world.settle()
    customer.stop()
    world.advance(5_000)
    lose(customer)
    world.advance(MINUTE_MS)
    assert sent in delivered(customer)
    assert company.texts().count("angekommen?") == 1


def test_receipts_that_find_no_session_wait_for_the_next_one() -> None:
    """CON-04: their moment comes while the relay is away and there is no session to put them in."""
    world, company, customer, _ = acquainted()
    sent = [company.send(customer.engine.account_id, f"Befund {number}") for number in range(25)]
    world.settle()
    assert customer.engine._state.receipts
    world.cut()
    lose(customer)
    world.advance(10_000)
    assert customer.engine._state.receipts
    world.mend()
    world.advance(2 * MINUTE_MS)
    assert set(sent) <= delivered(company)


def test_receipts_that_were_due_at_a_crash_go_out_after_it() -> None:
    """STO-09, CON-04."""
    world, company, customer, _ = acquainted()
    sent = company.send(customer.engine.account_id, "Befund")
    world.settle()
    customer.crash()
    customer.start()
    world.advance(5_000)
    assert sent in delivered(company)


def test_receipts_that_went_out_are_not_sent_again_after_a_restart() -> None:
    """CON-04."""
    world, company, customer, _ = acquainted()
    company.send(customer.engine.account_id, "Befund")
    world.advance(10_000)
    assert not any(key.startswith(DueReceipts.PREFIX) for key in customer.rows.tables["meta"])
    customer.crash()
    assert customer.engine._state.receipts == {}


def test_many_receipts_are_several_contents(monkeypatch: pytest.MonkeyPatch) -> None:
    """CON-04: at most 64 ids in each."""
    world, _, customer, _ = acquainted()
    customer.outgoing = losing(Send)
    ids = [number.to_bytes(16, "big") for number in range(130)]
    receipts, sizes = customer.engine._context.receipts, []
    receipts.due(Turn(world.now_ms), the_peer(customer), ids)
    control = customer.engine._context.sending.send_control

    def noted(turn: Turn, peer: object, session: object, payload: object) -> None:
        assert isinstance(payload, Receipt)
        sizes.append(len(payload.ids))
        control(turn, peer, session, payload)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(customer.engine._context.sending, "send_control", noted)
    receipts.send(Turn(world.now_ms))
    assert sizes == [64, 64, 2]


def test_receipts_that_wait_are_bounded() -> None:
    """CON-04: whoever is never accepted does not fill the store."""
    _, company, _, _ = acquainted()
    ids = [number.to_bytes(16, "big") for number in range(1030)]
    for one in ids:
        company.engine._context.receipts.due(Turn(0), the_peer(company), [one])
    assert company.engine._state.receipts[the_peer(company).key] == ids[-1024:]


def test_a_repeated_text_is_confirmed_three_times_and_shown_once() -> None:
    """SES-42, SES-11: an accepted contact repeats one content id on and on (a thousand times is as ten)."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 1)
    sent = customer.send(praxis, "wieder")
    world.advance(10_000)
    message = customer.engine._state.history.message(praxis, sent, True)
    content = Content(ContentId(sent), message.sent_ms, Text(message.text))
    before = len(company.sent)
    for _ in range(10):
        turn = Turn(world.now_ms)
        peer, contact = the_peer(customer), customer.engine._state.contacts[praxis]
        session = customer.engine._context.renewal.session_for(turn, peer)
        assert session is not None
        place = customer.engine._state.outbox.new_place()
        item = Outgoing(place, contact.account_id, peer.device_id, sent, True, world.now_ms)
        customer.engine._context.sending.seal_counted(turn, peer, session, item, content)
        customer.engine._context.sending.pump(turn, contact)
        customer.carry_out(turn.effects())
        world.advance(10_000)
    assert company.texts().count("wieder") == 1
    sends = [
        one
        for data in company.sent[before:]
        for one in decode_frames(data, Role.RELAY)
        if isinstance(one, Send)
    ]
    assert len(sends) == 2
    assert len(company.of(MessageReceived)) == len(company.texts())


def test_the_id_for_the_relay_is_drawn_when_a_text_is_sealed() -> None:
    """RLY-32, SES-18: an older copy of the store does not seal under an id that has been taken already."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    customer = world.node("Kundin")
    customer.start()
    world.cut()
    praxis = customer.add(company.engine.card())
    customer.send(praxis, "später")
    copy = customer.rows.copy()
    (waiting,) = (Outgoing.decode(*row) for row in copy.items("outbox"))
    assert (waiting.msg_id, waiting.envelope) == (b"", b"")
    world.mend()
    world.advance(MINUTE_MS)
    assert company.texts() == ["später"]
    company.carry_out(company.engine.accept_contact(customer.engine.account_id, world.now_ms))
    talk(world, company, customer, praxis, 2)
    lose(customer, copy)
    world.advance(2 * HOUR_MS)
    assert company.texts().count("später") == 1
    assert len(the_peer(company).pair.sessions) >= 2, "the flight was looked at"
    well(world, company, customer, praxis)


def test_a_forgotten_contact_leaves_no_id_behind() -> None:
    """SES-18, STO-12."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 3)
    push(customer, strange())
    meta = customer.rows.tables["meta"]
    assert any(key.startswith(TakenId.PREFIX) for key in meta)
    customer.carry_out(customer.engine.forget_contact(praxis, world.now_ms))
    assert not meta


def test_a_mailbox_of_one_contact_asks_its_sessions_only() -> None:
    """LKG-07: an envelope put into another mailbox opens nothing, whoever it was for."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 1)
    (mailbox,) = customer.engine._state.mailboxes.values()
    mailbox.contact = b"x" * 32
    company.send(customer.engine.account_id, "verschoben")
    world.advance(5_000)
    assert {one.code for one in customer.of(MessageRejected)} == {UNKNOWN}
    assert customer.texts() == ["her 0"]


def test_a_first_flight_again_says_nothing_while_its_session_lives() -> None:
    """HS-09, SES-41: under another of the relay's ids, long after the session has moved on; it is taken at
    once, since it comes from the peer.
    """
    world, company, customer, praxis = acquainted()
    bodies: list[bytes] = []
    company.outgoing = copying(bodies)
    talk(world, company, customer, praxis, 1)
    lose(company)
    world.advance(MINUTE_MS)
    company.outgoing = lossless
    flight = next(one for one in bodies if one[1] == 2)
    talk(world, company, customer, praxis, 3)
    world.advance(MINUTE_MS)
    events = len(customer.events)
    customer.sent.clear()
    push(customer, flight)
    frames = [one for data in customer.sent for one in decode_frames(data, Role.RELAY)]
    assert [one.seqs for one in frames if isinstance(one, Ack)] == [(1,)]
    world.advance(MINUTE_MS)
    assert customer.events[events:] == []


def test_a_flight_that_stands_twice_in_one_message_is_taken_once() -> None:
    """HS-09: the cache says so also within the step that takes the first."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 1)
    bodies: list[bytes] = []
    company.outgoing = intercepting(bodies)
    lose(company)
    world.settle()
    flight = next(one for one in bodies if one[1] == 2)
    (mailbox,) = customer.engine._state.mailboxes
    channel = next(one for one in customer.connections if one.mailbox == mailbox)
    parts = [flight, strange(), flight]
    frames = [Message(0, mailbox, 1 + place, os.urandom(16), body, 0) for place, body in enumerate(parts)]
    events = len(customer.events)
    customer.carry_out(customer.engine.received(channel, encode_frames(frames), world.now_ms))
    started = [one for one in customer.events[events:] if isinstance(one, SessionStarted)]
    assert [one.by_us for one in started].count(False) == 1


def test_a_flight_whose_session_is_gone_is_told() -> None:
    """HS-09: in the mailbox of a company too, so that nothing that somebody writes disappears silently."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    stranger = world.node("Fremd")
    stranger.start()
    praxis = stranger.add(company.engine.card())
    stranger.send(praxis, "eins")
    world.advance(MINUTE_MS)
    peer, turn = the_peer(company), Turn(world.now_ms)
    gone = tuple(one.id for one in peer.pair.sessions)
    company.engine._context.renewal.set_pair(turn, peer, type(peer.pair)(), gone)
    company.carry_out(turn.effects())
    stranger.send(praxis, "zwei")
    world.settle()
    assert [one.code for one in company.of(MessageRejected)] == [UNKNOWN]


def test_a_text_that_comes_twice_in_one_message_of_the_relay_is_told_once() -> None:
    """SES-11: on the old session and on the next one, before anything of it is in the store."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 1)
    bodies: list[bytes] = []
    customer.outgoing = copying(bodies)
    company.outgoing = losing(Send)
    customer.send(praxis, "doppelt")
    world.settle()
    company.outgoing = lossless
    lose(customer)
    world.advance(MINUTE_MS)
    assert company.texts().count("doppelt") == 1
    assert once(company)
    company.crash()
    company.start()
    for body in dict.fromkeys(bodies):
        push(company, body)
    assert company.texts().count("doppelt") == 1


def test_the_oldest_ids_are_forgotten() -> None:
    """SES-18: 1024 of each mailbox, in memory as in the store."""
    known, turn = SeenIds.taken(), Turn(0)
    ids = [number.to_bytes(16, "big") for number in range(MAX_TAKEN + 2)]
    other = b"another of sixteen"[:16]
    known.add(turn, b"b" * 16, other)
    for one in ids:
        known.add(turn, b"a" * 16, one)
    assert [known.knows(b"a" * 16, one) for one in ids] == [False, False] + [True] * MAX_TAKEN
    (commit,) = turn.effects()
    assert isinstance(commit, Commit)
    rows = [(one.key, one.value) for one in commit.changes if isinstance(one, Put)]
    expected = [TakenId(b"b" * 16, other), *(TakenId(b"a" * 16, one) for one in ids[2:])]
    assert [TakenId.decode(*row) for row in rows] == expected
    loaded, turn = SeenIds.taken(), Turn(0)
    for row in rows:
        loaded.load(*row)
    loaded.add(turn, b"a" * 16, ids[0])
    assert not loaded.knows(b"a" * 16, ids[2])
    loaded.forget(turn, b"a" * 16)
    assert not any(loaded.knows(b"a" * 16, one) for one in ids)
    assert loaded.knows(b"b" * 16, other)
    (commit,) = turn.effects()
    assert isinstance(commit, Commit)
    gone = {one.key for one in commit.changes if isinstance(one, Delete)}
    assert gone == {TakenId.key_of(b"a" * 16, one) for one in [*ids[2:], ids[0]]}


def test_what_is_no_row_of_an_id_is_refused() -> None:
    """SES-18, STO-16, STO-26."""
    row = TakenId(b"a" * 16, b"m" * 16).put()
    assert TakenId.decode(row.key, row.value) == TakenId(b"a" * 16, b"m" * 16)
    with pytest.raises(StoreCorrupt):
        TakenId.decode(row.key[:-1], row.value)


def test_what_comes_again_long_after_its_confirmation_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """SES-18: a relay that lost the deletion, with a node or by a backup put back, tells of no loss."""
    world, company, customer, praxis = acquainted()
    heard: list[bytes] = []
    received = Engine.received

    def hear(engine: Engine, channel: Channel, data: bytes, now_ms: int) -> list[Effect]:
        heard.extend([data] if engine is customer.engine and channel.mailbox else [])
        return received(engine, channel, data, now_ms)

    monkeypatch.setattr(Engine, "received", hear)
    talk(world, company, customer, praxis, 5)
    world.advance(60_000)
    frames = [one for data in heard for one in decode_frames(data, Role.CLIENT) if isinstance(one, Message)]
    assert len(frames) >= 5
    customer.crash()
    customer.start()
    events = len(customer.events)
    customer.sent.clear()
    for frame in frames:
        push(customer, frame.body, frame)
    world.settle()
    again = [one for data in customer.sent for one in decode_frames(data, Role.RELAY) if isinstance(one, Ack)]
    assert [seq for one in again for seq in one.seqs] == [frame.seq for frame in frames]
    assert [one for one in customer.events[events:] if isinstance(one, MessageRejected | Doubt)] == []
    assert customer.texts() == [f"her {number}" for number in range(5)]


def test_a_flight_moved_to_another_mailbox_is_as_one_of_anybody() -> None:
    """LKG-07, ID-38: a relay that asks whether two mailboxes are one person's sees what it sees with a flight
    of nobody: unknown prekeys, no session, no key used up.
    """
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 1)
    _, labor = second_contact(world, customer)
    world.advance(DAY_MS)
    flights: list[bytes] = []
    company.outgoing = copying(flights)
    lose(company)
    world.advance(MINUTE_MS)
    flight = next(one for one in flights if one[1] == 2)
    other = next(one.id for one in customer.engine._state.mailboxes.values() if one.contact == labor)
    prekeys, sessions = dict(customer.rows.tables["prekey"]), set(customer.engine._state.sessions)
    customer.events.clear()
    push(customer, flight, mailbox=other)
    assert [one.code for one in customer.of(MessageRejected)] == ["remote.unknown_prekey"]
    assert customer.rows.tables["prekey"] == prekeys
    assert set(customer.engine._state.sessions) == sessions
    customer.events.clear()
    push(customer, flight[:34] + os.urandom(len(flight) - 34), mailbox=other)
    assert [one.code for one in customer.of(MessageRejected)] == ["remote.unknown_prekey"]


def test_a_search_ends_with_its_contact() -> None:
    """A contact that was forgotten while it was looked up is found when it is added again."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    customer = world.node("Kundin")
    customer.start()
    praxis = customer.add(company.engine.card())
    late: list[tuple[Channel, bytes]] = []

    def delayed(channel: Channel, data: bytes) -> list[bytes]:
        is_lookup = any(isinstance(one, Lookup) for one in decode_frames(data, Role.RELAY))
        late.extend([(channel, data)] if is_lookup else [])
        return [] if is_lookup else [data]

    customer.outgoing = delayed
    customer.send(praxis, "a")
    world.settle()
    customer.outgoing = lossless
    customer.carry_out(customer.engine.forget_contact(praxis, world.now_ms))
    for channel, data in late:
        customer._transmit(channel, data)
    world.settle()
    assert customer.add(company.engine.card()) == praxis
    customer.send(praxis, "b")
    world.advance(MINUTE_MS)
    assert company.texts() == ["b"]
