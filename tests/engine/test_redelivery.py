"""What a relay delivers again, and what a session takes with it when it goes: no reset without a loss, and no
receipt that never comes.
"""

from __future__ import annotations

import pytest
from e2ee_client.engine import Channel, Engine
from e2ee_client.engine.effects import Commit, Effect
from e2ee_client.engine.records import Message as StoredMessage
from e2ee_client.engine.records import decode_taken, taken_row
from e2ee_client.engine.taken import MAX_TAKEN, Taken
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import StoreCorrupt
from e2ee_client.events import (
    MessageRejected,
    MessageState,
    MessageStateChanged,
    SessionReset,
    SessionStarted,
)
from e2ee_client.rows import Continuity, Delete, Put
from e2ee_relay.protocol import Ack, Message, Role, Send, decode_frames
from engine_world import acquainted
from relay_scenes import (
    UNKNOWN,
    delivered,
    intercepting,
    losing,
    lossless,
    push,
    second_contact,
    strange,
    talk,
)

from e2ee.ids import AccountId


@pytest.mark.parametrize("crash", [False, True], ids=["break", "crash"])
@pytest.mark.parametrize("forgetful", ["Praxis", "Kundin"])
def test_a_chain_that_ended_is_no_loss_when_it_is_delivered_again(forgetful: str, crash: bool) -> None:
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
    world.advance(60_000)
    for one in (company, customer):
        assert one.of(SessionReset) == []
        assert one.of(MessageRejected) == []
    assert company.texts()[1:] == [f"hin {number}" for number in range(5)]
    assert customer.texts() == [f"her {number}" for number in range(5)]


def test_a_session_that_was_dropped_is_lost_once() -> None:
    """SES-18, SES-19: what was under way on it is reported once, and asks for no second reset."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 1)
    world.advance(5_000)
    (mailbox,) = customer.engine._state.mailboxes
    customer.stop()
    company.send(customer.engine.account_id, "unterwegs")
    world.settle()
    customer.outgoing = losing(Ack)
    customer.crash(continuity=Continuity.ROLLED_BACK)
    customer.start()
    world.advance(10_000)
    assert [one.code for one in customer.of(MessageRejected)] == [UNKNOWN]
    customer.outgoing = lossless
    customer.break_connections()
    world.advance(60_000)
    assert [one.code for one in customer.of(MessageRejected)] == [UNKNOWN]
    assert len(company.of(SessionReset)) == 1
    assert customer.texts()[-1] == "unterwegs"
    assert customer.engine._state.mailboxes[mailbox].contact == praxis


def test_several_unknown_messages_are_one_loss() -> None:
    """SES-19: as long as the answer to the first is on its way, the others say nothing new."""
    world, company, customer, praxis = acquainted()
    for _ in range(3):
        push(customer, strange())
    world.advance(60_000)
    assert len(customer.of(MessageRejected)) == 3
    assert len(company.of(SessionReset)) == 1
    assert len(customer.of(SessionReset)) == 2, "the loss, and its answer"
    talk(world, company, customer, praxis, 2)
    assert company.texts()[1:] == ["hin 0", "hin 1"]
    assert customer.texts() == ["her 0", "her 1"]


def test_a_receipt_under_way_on_a_lost_session_comes_again() -> None:
    """SES-20: the peer of a loss confirms once more what it had confirmed on the session that went."""
    world, company, customer, praxis = acquainted()
    sent = customer.send(praxis, "angekommen?")
    world.settle()
    customer.stop()
    world.advance(5_000)
    assert company.engine._state.outbox == {}
    customer.crash(continuity=Continuity.CLONED)
    customer.start()
    world.advance(60_000)
    assert UNKNOWN in [one.code for one in customer.of(MessageRejected)]
    assert MessageStateChanged(praxis, sent, MessageState.DELIVERED) in customer.events
    assert company.texts().count("angekommen?") == 1


def test_a_receipt_that_is_taken_back_with_its_session_comes_again() -> None:
    """SES-20: sealed, not confirmed by the relay, and dropped with the session."""
    world, company, customer, _ = acquainted()
    sent = [company.send(customer.engine.account_id, f"Befund {number}") for number in range(25)]
    world.settle()
    customer.outgoing = losing(Send)
    world.advance(2_000)
    assert [item.shown for item in customer.engine._state.outbox.values()] == [False]
    customer.outgoing = lossless
    customer.crash(continuity=Continuity.CLONED)
    customer.start()
    world.advance(60_000)
    states = {
        one.message_id for one in company.of(MessageStateChanged) if one.state is MessageState.DELIVERED
    }
    assert states >= set(sent)


def test_receipts_that_find_no_session_wait_for_the_next_one() -> None:
    """SES-20: their moment comes while the relay is away and there is no session to put them in."""
    world, company, customer, _ = acquainted()
    sent = [company.send(customer.engine.account_id, f"Befund {number}") for number in range(25)]
    world.settle()
    assert customer.engine._state.receipts
    world.cut()
    customer.crash(continuity=Continuity.CLONED)
    customer.start()
    world.advance(10_000)
    assert customer.engine._state.receipts
    world.mend()
    world.advance(120_000)
    states = {
        one.message_id for one in company.of(MessageStateChanged) if one.state is MessageState.DELIVERED
    }
    assert states >= set(sent)


def test_receipts_wait_also_for_a_session_that_nobody_answers() -> None:
    """SES-20: beyond the resets of a day there is a session only when there is a text for it."""
    world, company, customer, praxis = acquainted()
    for _ in range(3):
        customer.crash(continuity=Continuity.CLONED)
        customer.start()
        world.advance(60_000)
    sent = company.send(customer.engine.account_id, "Befund")
    world.settle()
    customer.crash(continuity=Continuity.CLONED)
    customer.start()
    world.advance(60_000)
    assert sent not in delivered(company)
    customer.send(praxis, "noch etwas")
    world.advance(60_000)
    assert sent in delivered(company)


def test_receipts_that_were_due_at_a_crash_go_out_after_it() -> None:
    """STO-09, CON-04."""
    world, company, customer, _ = acquainted()
    sent = company.send(customer.engine.account_id, "Befund")
    world.settle()
    customer.crash()
    customer.start()
    world.advance(5_000)
    assert sent in delivered(company)


def test_no_session_of_an_older_copy_is_used_however_often_it_happens() -> None:
    """STO-15, SES-07: beyond three resets a day nothing is said, but sessions are dropped all the same."""
    world, company, customer, praxis = acquainted()
    for _ in range(5):
        old = {one.id for peer in customer.engine._state.peers.values() for one in peer.pair.sessions()}
        customer.crash(continuity=Continuity.ROLLED_BACK)
        assert [one.pair.sessions() for one in customer.engine._state.peers.values()] == [()]
        assert not old & customer.rows.tables["session"].keys()
        customer.start()
        world.advance(60_000)
        customer.send(praxis, "noch da")
        world.advance(60_000)
    assert len(company.of(SessionReset)) == 3
    assert company.texts()[1:] == ["noch da"] * 5


def test_nothing_is_dropped_for_junk_beyond_the_limit() -> None:
    """SES-19, SES-07: a relay cannot take sound sessions away with more than three resets a day."""
    world, company, customer, praxis = acquainted()
    for _ in range(5):
        push(customer, strange())
        world.advance(660_000)
    assert len(company.of(SessionReset)) == 3
    talk(world, company, customer, praxis, 1)
    (peer,) = customer.engine._state.peers.values()
    sound = {one.id for one in peer.pair.sessions()}
    push(customer, strange())
    world.advance(5_000)
    assert {one.id for one in peer.pair.sessions()} == sound
    assert not peer.lost


def test_a_loss_that_got_no_answer_is_told_again() -> None:
    """SES-19: ten minutes later what still comes under unknown tags asks once more."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 1)
    customer.outgoing = losing(Send)
    push(customer, strange())
    world.advance(60_000)
    customer.engine._state.outbox.clear()
    customer.outgoing = lossless
    company.send(customer.engine.account_id, "ungehört")
    world.advance(60_000)
    assert "ungehört" not in customer.texts()
    world.advance(600_000)
    company.send(customer.engine.account_id, "gehört")
    world.advance(60_000)
    assert customer.texts()[-2:] == ["ungehört", "gehört"]


def test_a_mailbox_of_one_contact_asks_its_sessions_only() -> None:
    """SES-19, LKG-07: an envelope put into another mailbox opens nothing, whoever it was for."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 1)
    (mailbox,) = customer.engine._state.mailboxes.values()
    mailbox.contact = b"x" * 32
    company.send(customer.engine.account_id, "verschoben")
    world.advance(5_000)
    assert {one.code for one in customer.of(MessageRejected)} == {UNKNOWN}
    assert customer.texts() == ["her 0"]


@pytest.mark.parametrize("count", [10, 70])
def test_only_what_the_contact_wrote_in_the_last_day_is_confirmed_again(count: int) -> None:
    """SES-20: its newest 64 texts, no id of anybody else, and none of a time to come, when the clock was
    wrong.
    """
    world, company, customer, _ = acquainted()
    world.advance(5_000)
    account_id = customer.engine.account_id
    now_ms, day_ms = world.now_ms, 86_400_000

    def put(account: bytes, number: int, *, outgoing: bool, received_ms: int) -> bytes:
        message_id = number.to_bytes(16, "big")
        row = StoredMessage(
            AccountId(account), message_id, outgoing, "x", 0, received_ms, MessageState.DELIVERED, b""
        ).put()
        company.rows.tables["message"][row.key] = row.value
        return message_id

    company.rows.tables["message"].clear()
    fresh = [
        put(account_id, number, outgoing=False, received_ms=now_ms - 100 + number) for number in range(count)
    ]
    edge = put(account_id, 100, outgoing=False, received_ms=now_ms - day_ms + 1)
    put(account_id, 101, outgoing=False, received_ms=now_ms - day_ms)
    put(account_id, 104, outgoing=False, received_ms=now_ms + 1)
    put(account_id, 102, outgoing=True, received_ms=now_ms)
    put(b"o" * 32, 103, outgoing=False, received_ms=now_ms)
    state = company.engine._state
    company.engine._receipts.forget(Turn(now_ms), account_id)
    company.engine._receipts.again(Turn(now_ms), state.contacts[account_id])
    assert state.receipts == {account_id: [edge, *fresh][-64:]}


def test_receipts_that_wait_are_bounded() -> None:
    """SES-20: whoever is never accepted does not fill the store."""
    _, company, customer, _ = acquainted()
    state, account_id = company.engine._state, customer.engine.account_id
    ids = [number.to_bytes(16, "big") for number in range(1030)]
    for one in ids:
        company.engine._receipts.due(Turn(0), account_id, [one])
    assert state.receipts[account_id] == ids[-1024:]


def test_the_oldest_ids_are_forgotten() -> None:
    """SES-18: 1024 of each mailbox, in memory as in the store."""
    known, turn = Taken(), Turn(0)
    ids = [number.to_bytes(16, "big") for number in range(MAX_TAKEN + 2)]
    known.add(turn, b"b" * 16, b"another of sixteen"[:16])
    for one in ids:
        known.add(turn, b"a" * 16, one)
    assert [known.knows(b"a" * 16, one) for one in ids] == [False, False] + [True] * MAX_TAKEN
    (commit,) = turn.effects()
    assert isinstance(commit, Commit)
    rows = [decode_taken(one.key) for one in commit.changes if isinstance(one, Put)]
    assert rows == [(b"b" * 16, b"another of sixteen"[:16]), *((b"a" * 16, one) for one in ids[2:])]
    loaded, turn = Taken(), Turn(0)
    for place in rows:
        loaded.load(*place)
    loaded.add(turn, b"a" * 16, ids[0])
    assert not loaded.knows(b"a" * 16, ids[2])
    loaded.forget(turn, b"a" * 16)
    assert not any(loaded.knows(b"a" * 16, one) for one in ids)
    assert loaded.knows(b"b" * 16, b"another of sixteen"[:16])
    (commit,) = turn.effects()
    assert isinstance(commit, Commit)
    gone = {decode_taken(one.key) for one in commit.changes if isinstance(one, Delete)}
    assert gone == {(b"a" * 16, one) for one in [*ids[2:], ids[0]]}


def test_what_is_no_row_of_an_id_is_refused() -> None:
    """SES-18, STO-16, STO-26."""
    row = taken_row(b"a" * 16, b"m" * 16)
    assert decode_taken(row.key) == (b"a" * 16, b"m" * 16)
    with pytest.raises(StoreCorrupt):
        decode_taken(row.key[:-1])


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
    assert [one for one in customer.events[events:] if isinstance(one, MessageRejected | SessionReset)] == []
    assert customer.texts() == [f"her {number}" for number in range(5)]


@pytest.mark.parametrize("ahead_ms", [1, 86_400_000 * 365])
def test_a_reset_of_a_time_to_come_does_not_hold_up_others(ahead_ms: int) -> None:
    """SES-19, SES-07: a clock that was wrong for a while leaves no pair broken for years."""
    world, company, customer, praxis = acquainted()
    (peer,) = customer.engine._state.peers.values()
    peer.resets_ms = [world.now_ms + 60_000 + ahead_ms] * 3
    push(customer, strange())
    world.advance(60_000)
    assert len(company.of(SessionReset)) == 1
    assert all(at_ms <= world.now_ms for at_ms in peer.resets_ms)
    talk(world, company, customer, praxis, 1)
    assert customer.texts() == ["her 0"]


def test_a_first_flight_of_somebody_else_is_refused_in_a_mailbox_of_one_contact() -> None:
    """SES-19, LKG-07: whom the relay moves there begins no session, and uses up no prekey."""
    world, _, customer, _ = acquainted()
    laboratory, labor = second_contact(world, customer)
    turn = Turn(world.now_ms)
    customer.engine._outgoings.send_bundle(turn, customer.engine._state.contacts[labor])
    customer.carry_out(turn.effects())
    world.advance(10_000)
    flights: list[bytes] = []
    laboratory.outgoing = intercepting(flights)
    laboratory.crash(continuity=Continuity.CLONED)
    laboratory.start()
    before = {table: dict(rows) for table, rows in customer.rows.tables.items() if table != "meta"}
    push(customer, flights[0])
    assert customer.of(MessageRejected)[-1].code == "remote.identity"
    assert {table: rows for table, rows in customer.rows.tables.items() if table != "meta"} == before
    own = next(one.id for one in customer.engine._state.mailboxes.values() if one.contact == labor)
    push(customer, flights[0], mailbox=own)
    world.advance(60_000)
    taken = customer.of(SessionStarted)[-2]
    assert (taken.by_us, taken.one_time_x25519, taken.one_time_kem) == (False, True, True)
    assert len(customer.of(MessageRejected)) == 1
