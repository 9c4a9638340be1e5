"""Bytes that do not authenticate: garbage, replays, damaged deliveries. They change nothing but doubt."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import pytest
from e2ee_client.engine import Channel, Engine
from e2ee_client.engine.effects import Effect
from e2ee_client.events import Doubt, Gap, GapFilled, MessageRejected, MessageState, SessionStarted
from e2ee_relay.protocol import (
    Ack,
    ErrorCode,
    Message,
    Role,
    Send,
    SendResult,
    SendResults,
    decode_frames,
    encode_frames,
)
from engine_world import Node, World
from relay_scenes import (
    UNKNOWN,
    active_of,
    copying,
    delivered,
    intercepting,
    losing,
    lossless,
    push,
    share_one_session,
    strange,
    talk,
    talking,
    the_peer,
    well,
    withholding,
)

from e2ee import session as sessions
from e2ee.content import Content
from e2ee.session import Proven

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
TABLES = ("session", "skipped", "pair", "peer", "prekey", "contact", "message", "timeline", "replay")


def kept_rows(node: Node) -> dict[str, dict[bytes, bytes]]:
    """The rows that nobody may change from outside."""
    return {table: dict(node.rows.tables.get(table, {})) for table in TABLES}


def quiet(node: Node) -> None:
    """Let a node believe that it asked a moment ago, so that no ask of its own changes a row."""
    peer = the_peer(node)
    peer.pair = replace(peer.pair, asked_ms=node.world.now_ms)
    node.rows.commit((peer.put_pair(),))


def old_chain(world: World, company: Node, customer: Node, praxis: bytes) -> bytes:
    """A message of the company that has been opened, on a chain that has ended since."""
    bodies: list[bytes] = []
    company.outgoing = copying(bodies)
    talk(world, company, customer, praxis, 3)
    company.outgoing = lossless
    return bodies[0]


def flipped(body: bytes, place: int) -> bytes:
    return body[:place] + bytes((body[place] ^ 1,)) + body[place + 1 :]


@pytest.mark.parametrize("size_b", [0, 1, 50, 682, 5_000])
def test_garbage_in_a_customers_mailbox_changes_no_row(size_b: int) -> None:
    """SES-23: 682 bytes look like a message; a session, a prekey or a text is not touched by any."""
    _, _, customer, _ = talking()
    quiet(customer)
    before = kept_rows(customer)
    push(customer, bytes((1, 1)) + os.urandom(size_b))
    assert kept_rows(customer) == before
    assert len(customer.of(MessageRejected)) == 1


@pytest.mark.parametrize("part", ["header", "body", "whole"])
def test_a_replay_or_a_changed_copy_changes_no_row(part: str) -> None:
    """SES-23, DR-12: a message of an ended chain, and a true header with another body."""
    world, company, customer, praxis = talking()
    body = old_chain(world, company, customer, praxis)
    newest: list[bytes] = []
    company.outgoing = intercepting(newest)
    company.send(customer.engine.account_id, "unterwegs")
    world.settle()
    quiet(customer)
    before, events = kept_rows(customer), len(customer.events)
    changed = {
        "whole": body,
        "header": flipped(newest[0], 30),
        "body": flipped(newest[0], len(newest[0]) - 5),
    }
    push(customer, changed[part])
    assert kept_rows(customer) == before
    assert [type(one) for one in customer.events[events:]] == [MessageRejected]
    push(customer, newest[0])
    assert customer.texts()[-1] == "unterwegs"


@pytest.mark.parametrize("place", [-1, -200])
def test_a_spoiled_flight_uses_no_prekey_up(place: int) -> None:
    """HS-07, HS-08: a relay that keeps the prefix and spoils the message; the true flight still counts."""
    world = World()
    company, customer = world.node("Praxis", publish=True), world.node("Kundin")
    company.start()
    customer.start()
    world.settle()
    flights: list[bytes] = []
    customer.outgoing = intercepting(flights)
    customer.send(customer.add(company.engine.card()), "Guten Tag")
    world.settle()
    before = kept_rows(company)
    push(company, flipped(flights[0], len(flights[0]) + place))
    assert company.of(MessageRejected)
    assert kept_rows(company) == before
    for flight in flights:
        push(company, flight)
    assert company.texts() == ["Guten Tag"]
    assert len(company.rows.tables["prekey"]) < len(before["prekey"])


def test_a_doubt_is_one_ask_and_the_session_stays() -> None:
    """SES-25, SES-24: the company tells where it stands on the session of the ask; both go on with it."""
    world, company, customer, praxis = talking()
    session, chain = active_of(customer).id, active_of(customer).ratchet.session_id
    for _ in range(5):
        push(customer, strange())
    world.advance(MINUTE_MS)
    assert len(customer.of(Doubt)) == 1
    assert (active_of(customer).id, active_of(company).id) == (session, chain)
    assert the_peer(customer).pair.ask is None
    assert customer.of(SessionStarted) == company.of(SessionStarted) == []
    well(world, company, customer, praxis)


def test_nothing_is_sent_again_before_an_authenticated_answer() -> None:
    """SES-37: the company has unconfirmed texts; garbage, silence and a candidate bring none of them out."""
    world, company, customer, praxis = talking()
    kept, end = withholding(company)
    sent = [company.send(customer.engine.account_id, f"Befund {number}") for number in range(3)]
    world.settle()
    assert len(kept) == 3
    for _ in range(3):
        push(customer, strange())
    customer.outgoing = losing(Send)
    world.advance(2 * HOUR_MS)
    customer.outgoing = lossless
    lane = company.engine._state.outbox.lane(customer.engine.account_id, the_peer(company).device_id)
    assert {one.sendings for one in lane.unconfirmed.values()} == {1}
    end()
    world.advance(2 * HOUR_MS)
    assert set(sent) <= delivered(company)
    assert [customer.texts().count(f"Befund {number}") for number in range(3)] == [1, 1, 1]
    well(world, company, customer, praxis)


@pytest.mark.parametrize("minutes", [0, 90])
def test_each_second_sending_is_sealed_on_a_proven_session(
    monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    """SES-37, SES-22: in a met pair no text goes on an unproven session, whatever is lost and replayed."""
    world, company, customer, praxis = talking()
    body = old_chain(world, company, customer, praxis)
    seal = sessions.seal
    sealed: list[type] = []

    def noted(session: sessions.Session, content: Content, *more: object) -> sessions.Sealed:
        if content.number is not None:
            sealed.append(type(session.phase))
        return seal(session, content, *more)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr("e2ee.session.seal", noted)
    kept, end = withholding(company)
    company.send(customer.engine.account_id, "Befund")
    push(customer, body)
    push(customer, strange())
    world.advance(minutes * MINUTE_MS)
    end()
    for late in kept:
        push(customer, late)
    world.advance(HOUR_MS)
    push(customer, body)
    world.advance(12 * HOUR_MS)
    assert customer.texts().count("Befund") == 1
    assert set(sealed) == {Proven}
    well(world, company, customer, praxis)


def test_a_candidate_goes_when_the_session_lives_and_its_answers_come_too_late() -> None:
    """SES-26, SES-27: garbage, 90 minutes in which a relay keeps back every answer, then the talk goes
    on. What it releases afterwards proves nothing: the healed session stays.
    """
    world, company, customer, praxis = talking()
    session = active_of(customer).id
    kept, end = withholding(company)
    push(customer, strange())
    world.advance(90 * MINUTE_MS)
    assert the_peer(customer).pair.candidate is not None
    end()
    talk(world, company, customer, praxis, 3)
    world.advance(MINUTE_MS)
    assert the_peer(customer).pair.candidate is None
    for body in kept:
        push(customer, body)
    world.advance(HOUR_MS)
    assert active_of(customer).id == active_of(company).id == session
    well(world, company, customer, praxis)


def test_answers_that_come_after_90_minutes_leave_one_session() -> None:
    """SES-22: a relay that keeps back all answers on the old session, but not the candidate, forces a switch
    (declared); both sides agree all the same.
    """
    world, company, customer, praxis = talking()
    kept, end = withholding(company)
    push(customer, strange())
    world.advance(90 * MINUTE_MS)
    for body in kept:
        push(customer, body)
    end()
    world.advance(HOUR_MS)
    assert share_one_session(company, customer)
    well(world, company, customer, praxis)


# --- a damaged delivery (SES-41) ---


def damaging(monkeypatch: pytest.MonkeyPatch, node: Node, spoil: Callable[[Message], bool]) -> None:
    """Let the network damage deliveries to a node."""
    received = Engine.received

    def hear(engine: Engine, channel: Channel, data: bytes, now_ms: int) -> list[Effect]:
        if engine is node.engine and channel.mailbox:
            frames = [
                Message(0, one.mailbox, one.seq, one.msg_id, flipped(one.body, -9), one.received_ms)
                if isinstance(one, Message) and spoil(one)
                else one
                for one in decode_frames(data, Role.CLIENT)
            ]
            data = encode_frames(frames)  # type: ignore[arg-type]  # what was decoded
        return received(engine, channel, data, now_ms)

    monkeypatch.setattr(Engine, "received", hear)


def acknowledged(node: Node) -> list[int]:
    frames = [one for data in node.sent for one in decode_frames(data, Role.RELAY)]
    return [seq for one in frames if isinstance(one, Ack) for seq in one.seqs]


def test_a_damaged_delivery_comes_again_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """SES-41: it is not acknowledged at first sight, so that the relay still has what it holds whole."""
    world, company, customer, praxis = talking()
    with monkeypatch.context() as patch:
        damaging(patch, customer, lambda _: True)
        sent = [company.send(customer.engine.account_id, f"Befund {number}") for number in range(5)]
        customer.sent.clear()
        world.settle()
        assert acknowledged(customer) == []
    customer.break_connections()
    world.advance(MINUTE_MS)
    assert customer.texts() == [f"Befund {number}" for number in range(5)]
    assert set(sent) <= delivered(company)
    well(world, company, customer, praxis)


def test_what_stays_damaged_is_acknowledged_and_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """SES-41, SES-30, SES-37: the relay's own copy is spoiled. The text comes again end to end."""
    world, company, customer, praxis = talking()
    with monkeypatch.context() as patch:
        damaging(patch, customer, lambda _: True)
        sent = company.send(customer.engine.account_id, "verdorben")
        world.settle()
        customer.break_connections()
        customer.sent.clear()
        world.advance(20_000)
        assert acknowledged(customer)
    company.send(customer.engine.account_id, "heil")
    world.advance(2 * HOUR_MS)
    assert sorted(customer.texts()) == ["heil", "verdorben"]
    assert sent in delivered(company)
    assert customer.of(Gap)
    assert customer.of(GapFilled)
    well(world, company, customer, praxis)


def test_no_more_than_64_deliveries_are_left_at_the_relay() -> None:
    """SES-41: whoever knows the address of a mailbox does not fill it with what is never taken."""
    _, _, customer, _ = talking()
    customer.sent.clear()
    (mailbox,) = customer.engine._state.mailboxes
    for number in range(70):
        push(customer, b"", Message(0, mailbox, 1_000 + number, os.urandom(16), strange(), 0))
    assert acknowledged(customer) == list(range(1_064, 1_070))


def test_what_the_relay_does_not_keep_is_neither_remembered_nor_acknowledged() -> None:
    """SES-18, RLY-34: a message without a number may come twice, and each is looked at."""
    world, _, customer, _ = talking()
    customer.sent.clear()
    (mailbox,) = customer.engine._state.mailboxes
    frame = Message(0, mailbox, 0, os.urandom(16), strange(), 0)
    before = dict(customer.rows.tables["meta"])
    for _ in range(2):
        push(customer, frame.body, frame)
    assert [one.code for one in customer.of(MessageRejected)] == [UNKNOWN] * 2
    assert dict(customer.rows.tables["meta"]) == before
    assert acknowledged(customer) == []
    world.settle()


def test_a_relay_that_says_ok_and_stores_nothing_is_found_out() -> None:
    """SES-25, SES-37: the text is unconfirmed for a day; the sender asks, and the text goes again."""
    world, company, customer, praxis = talking()
    _, end = withholding(customer)
    sent = customer.send(praxis, "verschluckt")
    world.settle()
    end()
    world.advance(23 * HOUR_MS)
    assert sent not in delivered(customer)
    world.advance(5 * HOUR_MS)
    assert sent in delivered(customer)
    assert company.texts().count("verschluckt") == 1
    well(world, company, customer, praxis)


def test_a_receipt_undoes_a_failure() -> None:
    """SES-42: a relay refuses a text for good that it has delivered."""
    world, company, customer, praxis = talking()

    def lying(channel: Channel, data: bytes) -> list[bytes]:
        for one in decode_frames(data, Role.RELAY):
            if isinstance(one, Send):
                results = (SendResult(ErrorCode.TOO_LARGE, 0),) * len(one.items)
                customer.connections[channel].put(SendResults(one.request_id, results))
        return [data]

    customer.outgoing = lying
    sent = customer.send(praxis, "da")
    world.settle()
    customer.outgoing = lossless
    assert customer.engine.message(praxis, sent).state is MessageState.FAILED
    world.advance(10_000)
    assert customer.engine.message(praxis, sent).state is MessageState.DELIVERED
    assert company.texts()[-1] == "da"
