"""Attacks on the messages of a conversation: deleted, reordered, reflected, numbered without end."""

from __future__ import annotations

import pytest
from attack_evidence import Book, Verdict
from attack_world import AttackWorld
from e2ee_client.events import Gap, GapFilled, MessageRejected, MessageState, MessageStateChanged
from evil_relay import Keeper
from forgery import body, header, prepared, sealed

from e2ee import content as contents
from e2ee import session as sessions
from e2ee.constants import MAX_JUMP, MAX_SKIPPED_KEYS
from e2ee.content import Content, Text
from e2ee.ids import ContentId, Tag
from e2ee.numbers import Number, Received
from e2ee.pair import HOUR_MS, MINUTE_MS
from e2ee.primitives import aead
from e2ee.ratchet import chain, step
from e2ee.ratchet.state import Sending
from e2ee.session import Opened, Session
from e2ee.wire.envelope import RawEnvelope

# --- A7 ---


def kept_texts(strategy: Keeper, *texts: str) -> tuple[AttackWorld, list[bytes]]:
    """Let the customer send texts that the relay keeps; return the world and the message ids."""
    world = AttackWorld.acquainted(strategy)
    world.company.events.clear()
    strategy.mailboxes = {world.company.mailbox()}
    return world, [world.say(world.customer, world.praxis, text) for text in texts]


def test_a7_a_message_is_deleted(book: Book) -> None:
    """DR-13, DR-16: the next message shows the gap; the sender's text is never called delivered."""
    strategy = Keeper()
    world, ids = kept_texts(strategy, "Bitte absagen", "Nein, doch nicht absagen", "Danke")
    strategy.did("confirmed three messages to their sender and delivered the first and the third")
    strategy.release(0, 2)
    world.settle()
    assert world.company.texts() == ["Bitte absagen", "Danke"]
    assert world.company.of(Gap) == [Gap(world.kundin)]
    strategy.mailboxes.clear()
    world.advance(10_000)
    assert delivered(world, ids) == [True, False, True]
    book.attack("A7", world, Verdict.GAP, "each text has a number; what is missing is asked for")
    world.advance(HOUR_MS + MINUTE_MS)
    assert world.company.texts()[-1] == "Nein, doch nicht absagen"
    assert world.company.of(GapFilled) == [GapFilled(world.kundin)]
    assert delivered(world, ids) == [True, True, True]


def test_a7_messages_arrive_in_another_order(book: Book) -> None:
    """DR-12, DR-13: any order gives each text once; what is ahead shows as a gap that then closes."""
    strategy = Keeper()
    world, ids = kept_texts(strategy, "erstens", "zweitens", "drittens")
    strategy.did("delivered three messages backwards, and the last one twice")
    strategy.release(2, 1, 0, 2)
    world.settle()
    assert world.company.texts() == ["drittens", "zweitens", "erstens"]
    assert world.company.of(Gap) == [Gap(world.kundin)]
    assert world.company.of(GapFilled) == [GapFilled(world.kundin)]
    assert world.company.refusals == ["remote.replay"]
    strategy.mailboxes.clear()
    world.advance(10_000)
    assert delivered(world, ids) == [True, True, True]
    book.attack("A7", world, Verdict.GAP, "each number opens once, whenever it comes")


def test_a7_control_nobody_counts(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of SES-30: where numbers are not compared, a text goes missing for good and nobody is told."""
    monkeypatch.setattr(Received, "take", lambda self, number: (self._replace(highest=number.n), []))
    monkeypatch.setattr(Received, "told", lambda self, _newest: (self, []))
    strategy = Keeper()
    world, _ = kept_texts(strategy, "Bitte absagen", "Nein, doch nicht absagen", "Danke")
    strategy.release(0, 2)
    strategy.mailboxes.clear()
    world.advance(HOUR_MS + MINUTE_MS)
    assert world.company.texts() == ["Bitte absagen", "Danke"]
    assert world.company.of(Gap) == []
    book.control("A7", "the numbers of texts", "a text was missing and the receiver was told nothing")


def delivered(world: AttackWorld, ids: list[bytes]) -> list[bool]:
    """Whether the customer was told of each message that it is with the company."""
    return [
        MessageStateChanged(world.praxis, one, MessageState.DELIVERED) in world.customer.events for one in ids
    ]


# --- A8 ---


def reflected() -> AttackWorld:
    """Let the relay give a customer's own messages back to it, a first flight and a later one."""
    world = AttackWorld.acquainted()
    world.customer.events.clear()
    world.say(world.customer, world.praxis, "Sagen Sie bitte ab")
    bodies = world.relay.bodies(world.company.mailbox())
    world.relay.deeds.append("delivered a customer's own messages to the customer")
    for own in (bodies[0], bodies[-1]):
        world.relay.slip(world.customer.mailbox(), own)
    world.settle()
    return world


def test_a8_reflection(book: Book) -> None:
    """HS-06, SES-23: nothing of our own opens as the other side's; the client says so, asks, and goes on."""
    before = AttackWorld.acquainted().customer.engine._state.sessions
    world = reflected()
    assert world.customer.texts() == []
    assert world.customer.refusals == ["remote.unknown_prekey", "remote.unknown_session"]
    assert MessageRejected(world.praxis, "remote.unknown_session") in world.customer.events
    assert len(world.customer.engine._state.sessions) == len(before)
    world.say(world.company, world.kundin, "Gern geschehen")
    world.advance(10_000)
    assert world.customer.texts() == ["Gern geschehen"]
    book.attack("A8", world, Verdict.REFUSED, "each direction has header keys and chains of its own")


def test_a8_control_one_key_for_both_directions(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: where a side also opens with its sending keys, its own text comes back as the company's."""
    keys: dict[bytes, bytes] = {}

    def noted(message_key: bytes, salt: bytes) -> bytes:
        keys[salt] = body_key(message_key, salt)
        return keys[salt]

    def both_ways(session: Session, raw: RawEnvelope, now_ms: int, max_skip: int = MAX_JUMP) -> Opened:
        sending = session.ratchet.sending
        if not isinstance(sending, Sending) or sending.tag != raw.tag or raw.prefix:
            return opening(session, raw, now_ms, max_skip)
        body = aead.open_(keys[raw.salt], raw.sealed_body, raw.ahead + session.id)
        return Opened(session, sessions._content_of(raw, body), 0, 0, None)

    def all_tags(session: Session) -> tuple[Tag, ...]:
        sending = session.ratchet.sending
        return (*tags(session), *((sending.tag,) if isinstance(sending, Sending) else ()))

    body_key, opening, tags = chain.body_key, sessions.open_, Session.tags
    monkeypatch.setattr(chain, "body_key", noted)
    monkeypatch.setattr(sessions, "open_", both_ways)
    monkeypatch.setattr(Session, "tags", all_tags)
    world = reflected()
    assert world.customer.texts() == ["Sagen Sie bitte ab"]
    book.control("A8", "separate keys for the directions", "a customer saw its own text as the company's")


# --- A11 ---


class Steps:
    """Counts the chain keys that are derived."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._step = chain.step
        monkeypatch.setattr(chain, "step", self)

    def __call__(self, chain_key: bytes) -> tuple[bytes, bytes]:
        self.count += 1
        return self._step(chain_key)


def far_ahead(world: AttackWorld, number: int) -> bytes:
    """Seal a message of the customer's, who is with the relay, under a number of its choice."""
    session = prepared(world.customer.session_with(world.praxis))
    sending = session.ratchet.sending
    assert isinstance(sending, Sending)
    plain = header(sending, number=number, pq_epoch=session.ratchet.pq_epoch)
    return sealed(session, plain, body(b""))


def test_a11_numbers_far_ahead(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """DR-13, WIRE-09: a number beyond the limit costs its receiver no derivation and no memory."""
    world = AttackWorld.acquainted()
    world.relay.deeds.append("had a customer of its own send numbers far ahead, and damaged headers itself")
    mailbox, steps = world.company.mailbox(), Steps(monkeypatch)
    good = world.relay.bodies(mailbox)[-1]
    for at in range(26, 90):
        world.relay.slip(mailbox, good[:at] + bytes((good[at] ^ 1,)) + good[at + 1 :])
    world.relay.slip(mailbox, far_ahead(world, 2**32 - 1))
    steps.count = 0
    world.company.step_all()
    assert steps.count == 0
    assert world.company.refusals == ["remote.authentication"] * 65
    world.relay.slip(mailbox, far_ahead(world, 2**31 - 1))
    steps.count = 0
    world.company.step_all()
    assert world.company.refusals[65:] == ["remote.skip_limit"]
    assert steps.count <= 2, "sealing the ask that the doubt leads to"
    book.attack("A11", world, Verdict.REFUSED, "numbers are sealed; what they may cost is bounded")


def test_a11_the_largest_jump_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """DR-13, DR-16: the largest jump that is taken costs 1001 derivations and keeps 1000 keys."""
    world = AttackWorld.acquainted()
    steps = Steps(monkeypatch)
    content = contents.encode(
        Content(ContentId(bytes(16)), world.now_ms, Text("weit voraus"), number=Number(2, bytes(4), 2))
    )
    session = prepared(world.customer.session_with(world.praxis))
    sending = session.ratchet.sending
    assert isinstance(sending, Sending)
    number = sending.number + MAX_JUMP
    plain = header(sending, number=number, pq_epoch=session.ratchet.pq_epoch)
    world.relay.slip(world.company.mailbox(), sealed(session, plain, body(content), ahead_keys=MAX_JUMP))
    steps.count = 0
    world.company.step_all()
    assert world.company.texts()[-1] == "weit voraus"
    assert steps.count == MAX_JUMP + 1
    assert len(list(world.company.rows.items("skipped"))) == MAX_SKIPPED_KEYS


def test_a11_control_no_limit(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of DR-13: without the limit one message makes its receiver derive fifty thousand keys."""
    world = AttackWorld.acquainted()
    monkeypatch.setattr(step, "_check_skip", lambda _count, _max_skip: None)
    world.relay.slip(world.company.mailbox(), far_ahead(world, 50_000))
    steps = Steps(monkeypatch)
    world.company.step_all()
    assert steps.count >= 50_000
    book.control("A11", "the limit of a jump", f"one message cost {steps.count} derivations")
