"""A relay without a plan: whatever Hypothesis makes it do, nothing wrong is ever shown.

Every delivery may be lost, repeated, kept for later, damaged, led to another mailbox or joined by an old one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import Enum

import pytest
from attack_evidence import Book, Verdict
from attack_world import STORES, AttackWorld, Victim
from e2ee_client.engine.contents import Contents
from e2ee_client.events import MessageReceived
from e2ee_client.rows import Continuity
from e2ee_relay.protocol import KnownFrame, Message
from evil_relay import Strategy
from hypothesis import given, settings
from hypothesis import strategies as st
from patched_copy import switch_off

from e2ee import session as sessions
from e2ee.constants import MAX_JUMP
from e2ee.errors import ReplayError
from e2ee.session import Opened, Session
from e2ee.wire.envelope import RawEnvelope


class Whim(Enum):
    """What happens to one delivery."""

    PASS = "pass"
    LOSE = "lose"
    REPEAT = "repeat"
    KEEP = "keep"
    DAMAGE = "damage"
    LEAD_ASTRAY = "lead astray"
    JOIN_OLD = "join an old one"


class Step(Enum):
    """What the people, or their machines, do meanwhile."""

    CUSTOMER_WRITES = "customer"
    COMPANY_WRITES = "company"
    ACCOMPLICE_WRITES = "accomplice"
    CUSTOMER_CRASHES = "crash"
    CUSTOMER_ROLLS_BACK = "rollback"
    TIME_PASSES = "time"


WHIMS = st.lists(st.tuples(st.sampled_from(Whim), st.integers(0, 5000)), max_size=30)
STEPS = st.lists(st.sampled_from(Step), min_size=3, max_size=12)


class Whimsical(Strategy):
    """Follows a list of whims, one for each delivery, and is honest once it has ended."""

    def __init__(self, whims: list[tuple[Whim, int]]) -> None:
        self.whims = list(whims)
        self.old: list[Message] = []
        self.kept: list[Message] = []
        self.begun = False

    def push(self, connection: int, frame: KnownFrame) -> Iterable[KnownFrame]:
        if not isinstance(frame, Message) or not self.begun:
            return (frame,)
        self.old.append(frame)
        whim, number = self.whims.pop(0) if self.whims else (Whim.PASS, 0)
        self.did(whim.value)
        return self._followed(whim, number, frame)

    def _followed(self, whim: Whim, number: int, frame: Message) -> tuple[Message, ...]:
        match whim:
            case Whim.LOSE:
                return ()
            case Whim.REPEAT:
                self.relay.slip(frame.mailbox, frame.body)  # under an id of its own
                return frame, frame
            case Whim.KEEP:
                self.kept.append(frame)
                return tuple(self.kept.pop(0) for _ in range(len(self.kept) - 2))
            case Whim.DAMAGE:
                at = number % len(frame.body)
                body = frame.body[:at] + bytes((frame.body[at] ^ 1,)) + frame.body[at + 1 :]
                return (Message(0, frame.mailbox, frame.seq, frame.msg_id, body, frame.received_ms),)
            case Whim.LEAD_ASTRAY:
                mailboxes = self.relay.mailboxes()
                self.relay.slip(mailboxes[number % len(mailboxes)], frame.body)
                return (frame,)
            case Whim.JOIN_OLD:
                self.relay.slip(frame.mailbox, self.old[number % len(self.old)].body)
                return (frame,)
            case Whim.PASS:
                return (frame,)


class Play:
    """A company, its customer and an accomplice of the relay's, who write while it does what it likes."""

    def __init__(self, whims: list[tuple[Whim, int]]) -> None:
        self.strategy = Whimsical(whims)
        self.world = AttackWorld.acquainted(self.strategy)
        self.accomplice = self.world.victim("Mallory")
        self.accomplice.start()
        self.accomplice.add(self.world.company.engine.card())
        self.world.say(self.accomplice, self.world.praxis, "Hier Mallory")
        self.older = self.world.customer.rows.copy()
        self.sent: dict[str, set[str]] = {"Kundin": {"Guten Tag"}, "Mallory": {"Hier Mallory"}}
        self.sent["Praxis"] = {"Was kann ich tun?"}
        self.count = 0
        self.rolled_back = False
        self.strategy.begun = True

    def play(self, steps: list[Step]) -> None:
        """Carry out the steps; check after each."""
        for step in steps:
            self._step(step)
            self.check()
        self.strategy.whims.clear()
        self.world.advance(90_000)
        self.check()

    def _step(self, step: Step) -> None:
        world, customer = self.world, self.world.customer
        match step:
            case Step.CUSTOMER_WRITES:
                self._write(customer, world.praxis)
            case Step.ACCOMPLICE_WRITES:
                self._write(self.accomplice, world.praxis)
            case Step.COMPANY_WRITES:
                self._write(world.company, world.kundin)
            case Step.CUSTOMER_CRASHES:
                customer.crash()
                customer.start()
            case Step.CUSTOMER_ROLLS_BACK:
                self.rolled_back = True
                customer.crash(self.older.copy(), Continuity.ROLLED_BACK)
                customer.start()
            case Step.TIME_PASSES:
                world.advance(20_000)

    def _write(self, sender: Victim, account_id: bytes) -> None:
        self.count += 1
        text = f"Text {self.count} von {sender.name}"
        self.sent[sender.name].add(text)
        self.world.written.append(text)
        sender.attempt(account_id, text)
        self.world.settle()

    def check(self) -> None:
        """Fail where something was shown that nobody sent, to somebody else, or twice."""
        world = self.world
        self._shown(world.customer, {world.praxis: "Praxis"}, once=not self.rolled_back)
        self._shown(self.accomplice, {world.praxis: "Praxis"})
        assert self.accomplice.texts() == [], "the company has written to its customer only"
        known = {world.kundin: "Kundin", self.accomplice.account_id: "Mallory"}
        self._shown(world.company, known)
        seen = world.seen_by_relay()
        assert not any(text.encode() in seen for text in world.written)

    def _shown(self, victim: Victim, names: dict[bytes, str], *, once: bool = True) -> None:
        events = [event for event in victim.events if isinstance(event, MessageReceived)]
        for event in events:
            assert event.text in self.sent[names[event.account_id]], "a text that its sender never wrote"
        # A disk that went back has forgotten what it showed; everybody else shows a text once.
        if once:
            assert max(Counter(event.text for event in events).values(), default=0) <= 1, "shown twice"


def played(whims: list[tuple[Whim, int]], steps: list[Step]) -> AttackWorld:
    """Play, and close what was opened for it."""
    play = Play(whims)
    try:
        play.play(steps)
    finally:
        play.world.relay.close()
        while STORES:
            STORES.pop().close()
    return play.world


@settings(max_examples=25)
@given(whims=WHIMS, steps=STEPS)
def test_b8_whatever_it_does(whims: list[tuple[Whim, int]], steps: list[Step]) -> None:
    """DR-12, DR-18, SES-11: only what was sent is shown, as its sender's, once; the relay reads nothing."""
    played(whims, steps)


EVERYTHING = [(whim, 1000 + number) for number, whim in enumerate([*Whim, *Whim])]
WRITING = [Step.CUSTOMER_WRITES, Step.COMPANY_WRITES, Step.ACCOMPLICE_WRITES] * 4


def test_b8_everything_at_once(book: Book) -> None:
    """SES-11: one fixed script with every whim, kept as evidence."""
    world = played(EVERYTHING, WRITING)
    book.attack("B8", world, Verdict.REFUSED, "beside it 25 scripts are drawn in each run")


def test_b8_control_the_checks_see_a_repetition(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of DR-12 and SES-11: a client that takes a message twice is caught by the same script."""
    opened: dict[bytes, Opened] = {}

    def forgetful(session: Session, raw: RawEnvelope, now_ms: int, max_skip: int = MAX_JUMP) -> Opened:
        try:
            opened[raw.salt] = opening(session, raw, now_ms, max_skip)
        except ReplayError:
            return opened[raw.salt]._replace(session=session)
        return opened[raw.salt]

    opening = sessions.open_
    monkeypatch.setattr(sessions, "open_", forgetful)
    switch_off(monkeypatch, Contents, "_text", "if message is not None:", "if False:")
    with pytest.raises(AssertionError, match="shown twice"):
        played(EVERYTHING, WRITING)
    book.control("B8", "replay and repetition of content ids", "a text was shown twice; the script saw it")
