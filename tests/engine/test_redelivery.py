"""What a relay delivers again, and what a session takes with it when it goes: no reset without a loss, and no
receipt that never comes.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from e2ee_client.engine import Channel
from e2ee_client.engine.gone_tags import MAX_GONE_TAGS, GoneTags
from e2ee_client.engine.records import decode_gone_tags, gone_tags_row
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import StoreCorrupt
from e2ee_client.events import MessageRejected, MessageState, MessageStateChanged, SessionReset
from e2ee_client.rows import Continuity
from e2ee_relay.protocol import Ack, Message, Role, Send, decode_frames, encode_frames
from engine_world import Node, World, acquainted

from e2ee.ids import Tag

UNKNOWN = "remote.unknown_session"


def losing(kind: type[Ack | Send]) -> Callable[[Channel, bytes], list[bytes]]:
    """Return a hook that loses a node's frames of one kind on their way to the relay."""

    def outgoing(_: Channel, data: bytes) -> list[bytes]:
        return [] if any(isinstance(one, kind) for one in decode_frames(data, Role.RELAY)) else [data]

    return outgoing


def lossless(_: Channel, data: bytes) -> list[bytes]:
    """A hook that loses nothing."""
    return [data]


def push(node: Node, body: bytes) -> None:
    """Let a body arrive in the node's only mailbox."""
    (mailbox,) = node.engine._state.mailboxes
    channel = next(one for one in node.connections if one.mailbox == mailbox)
    frame = Message(0, mailbox, 0, os.urandom(16), body, 0)
    node.carry_out(node.engine.received(channel, encode_frames([frame]), node.world.now_ms))


def delivered(node: Node) -> set[bytes]:
    """Return the texts of a node that the other side has confirmed."""
    return {one.message_id for one in node.of(MessageStateChanged) if one.state is MessageState.DELIVERED}


def strange() -> bytes:
    """Return a body that no session knows."""
    return bytes((1, 1)) + os.urandom(8 + 16 + 64 + 512 + 16)


def talk(world: World, company: Node, customer: Node, praxis: bytes, turns: int) -> None:
    """Let both write in turn, so that chains end on both sides."""
    for number in range(turns):
        company.send(customer.engine.account_id, f"her {number}")
        world.settle()
        customer.send(praxis, f"hin {number}")
        world.settle()


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
    """SES-18, SES-19: what was under way on it is reported, and again when it is delivered again."""
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
    assert [one.code for one in customer.of(MessageRejected)] == [UNKNOWN] * 2
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


def test_the_oldest_tags_are_forgotten() -> None:
    """SES-18: 64 of each contact, in memory as in the store."""
    known, turn = GoneTags(), Turn(0)
    tags = [Tag(number.to_bytes(8, "big")) for number in range(MAX_GONE_TAGS + 2)]
    known.add(turn, b"a" * 32, tags[:2], ended=False)
    known.add(turn, b"b" * 32, [Tag(b"another.")], ended=False)
    known.add(turn, b"a" * 32, tags[2:], ended=True)
    assert [known.has_ended(tag) for tag in tags] == [None, None] + [True] * MAX_GONE_TAGS
    assert known.has_ended(Tag(b"another.")) is False
    known.forget(turn, b"a" * 32)
    assert {known.has_ended(tag) for tag in tags} == {None}
    assert known.has_ended(Tag(b"another.")) is False


def test_the_row_of_tags_is_read_as_it_was_written() -> None:
    """SES-18, STO-16: and what is no row of tags is refused."""
    tags = {Tag(b"ended..."): True, Tag(b"dropped."): False}
    row = gone_tags_row(b"a" * 32, tags).value
    assert list(decode_gone_tags(row).items()) == list(tags.items())
    with pytest.raises(StoreCorrupt):
        decode_gone_tags(row.replace(b"\xf5", b"\x01"))
