"""Attacks on the messages of a conversation: deleted, reordered, reflected."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from attack_evidence import Book, Verdict
from attack_world import AttackWorld
from e2ee_client.events import GapDetected, MessageState, MessageStateChanged
from e2ee_relay.protocol import KnownFrame, Message
from evil_relay import Strategy

from e2ee import session as sessions
from e2ee.session import Opened, Session
from e2ee.wire.envelope import RawEnvelope

# --- A7 ---


class Keeper(Strategy):
    """Keeps what is for one mailbox, and delivers of it what it likes, in the order that it likes."""

    def __init__(self) -> None:
        self.mailbox = b""
        self.kept: list[Message] = []

    def push(self, connection: int, frame: KnownFrame) -> Iterable[KnownFrame]:
        if not isinstance(frame, Message) or frame.mailbox != self.mailbox:
            return (frame,)
        self.kept.append(frame)
        return ()

    def release(self, *numbers: int) -> None:
        """Deliver kept messages by their numbers; the others stay away for good."""
        for number in numbers:
            self.relay.slip(self.mailbox, self.kept[number].body)


def kept_texts(strategy: Keeper, *texts: str) -> tuple[AttackWorld, list[bytes]]:
    """Let the customer send texts that the relay keeps; return the world and the message ids."""
    world = AttackWorld.acquainted(strategy)
    world.company.events.clear()
    strategy.mailbox = world.company.mailbox()
    return world, [world.say(world.customer, world.praxis, text) for text in texts]


def test_a7_a_message_is_deleted(book: Book) -> None:
    """DR-13, DR-16: the next message shows the gap; the sender's text is never called delivered."""
    strategy = Keeper()
    world, ids = kept_texts(strategy, "Bitte absagen", "Nein, doch nicht absagen", "Danke")
    strategy.did("confirmed three messages to their sender and delivered the first and the third")
    strategy.release(0, 2)
    world.settle()
    assert world.company.texts() == ["Bitte absagen", "Danke"]
    assert world.company.of(GapDetected) == [GapDetected(world.kundin, 1, 0)]
    strategy.mailbox = b""
    world.advance(10_000)
    assert delivered(world, ids) == [True, False, True]
    book.attack("A7", world, Verdict.GAP, "numbers stand in the sealed header of each message")


def test_a7_messages_arrive_in_another_order(book: Book) -> None:
    """DR-12, DR-13: any order gives each text once; what is ahead shows as a gap that then closes."""
    strategy = Keeper()
    world, ids = kept_texts(strategy, "eins", "zwei", "drei")
    strategy.did("delivered three messages backwards, and the last one twice")
    strategy.release(2, 1, 0, 2)
    world.settle()
    assert world.company.texts() == ["drei", "zwei", "eins"]
    assert world.company.of(GapDetected) == [GapDetected(world.kundin, 2, 0)]
    assert world.company.refusals == ["remote.replay"]
    strategy.mailbox = b""
    world.advance(10_000)
    assert delivered(world, ids) == [True, True, True]
    book.attack("A7", world, Verdict.GAP, "each number opens once, whenever it comes")


def test_a7_control_nobody_counts(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of DR-13: where numbers ahead are not reported, a text goes missing and nobody is told."""

    def uncounted(session: Session, raw: RawEnvelope, now_ms: int) -> Opened:
        return opening(session, raw, now_ms)._replace(missing=0, dropped=0)

    opening = sessions.open_
    monkeypatch.setattr(sessions, "open_", uncounted)
    strategy = Keeper()
    world, _ = kept_texts(strategy, "Bitte absagen", "Nein, doch nicht absagen", "Danke")
    strategy.release(0, 2)
    world.settle()
    assert world.company.texts() == ["Bitte absagen", "Danke"]
    assert world.company.of(GapDetected) == []
    book.control("A7", "the count of numbers ahead", "a text was missing and the receiver was told nothing")


def delivered(world: AttackWorld, ids: list[bytes]) -> list[bool]:
    """Whether the customer was told of each message that it is with the company."""
    return [
        MessageStateChanged(world.praxis, one, MessageState.DELIVERED) in world.customer.events for one in ids
    ]
