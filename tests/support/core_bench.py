"""A core without a shell, with one connection and one mailbox, whose commits come when a test says so."""

from __future__ import annotations

import os
from typing import TypeVar

from e2ee_relay.limits import Policy
from e2ee_relay.protocol import (
    Auth,
    CreateMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    KnownFrame,
    SendItem,
    SendResults,
    TokenAdd,
    TokenClass,
    TtlClass,
    auth_payload,
    token_hash,
)
from e2ee_relay.relay import RelayCore
from e2ee_relay.state import Submit, Transmit
from e2ee_relay.store.changes import StoreFailure
from e2ee_relay.store.sqlite import SqliteStore
from nacl.signing import SigningKey
from relay_actors import START_MS

F = TypeVar("F")


class Bench:
    """A core whose commits happen, or fail, when the test says so."""

    def __init__(self, policy: Policy | None = None, store: SqliteStore | None = None) -> None:
        self.store = store or SqliteStore(None, bytes(16))
        self.core = RelayCore(policy or Policy(), self.store.load(), START_MS)
        self.number, effects = self.core.connect(bytes(32))
        self.sent: list[KnownFrame] = []
        self.queue: list[Submit] = []
        self.take(effects)
        self.sent.clear()

    def with_mailbox(self) -> Bench:
        """Make the mailbox, prove it and admit its contact."""
        self.ask(Done, CREATE)
        self.receive(AUTH)
        self.sent.clear()
        self.ask(Done, ADD)
        return self

    def take(self, effects: list[Transmit | Submit]) -> None:
        for effect in effects:
            if isinstance(effect, Transmit):
                self.sent.append(effect.frame)
            else:
                self.queue.append(effect)

    def receive(self, frame: KnownFrame) -> None:
        self.take(self.core.receive(self.number, frame, START_MS))

    def commit(self, *, fails: bool = False) -> None:
        """Carry out everything that waits, what it brings about included."""
        while self.queue:
            submit = self.queue.pop(0)
            result = StoreFailure("test") if fails else self.store.execute([submit.change])[0]
            self.take(self.core.complete(submit.then, result, START_MS))

    def commit_at_once(self) -> None:
        """Carry out what waits in one transaction."""
        group, self.queue = self.queue, []
        results = self.store.execute([one.change for one in group])
        for submit, result in zip(group, results, strict=True):
            self.take(self.core.complete(submit.then, result, START_MS))

    def ask(self, kind: type[F], frame: KnownFrame, *, fails: bool = False) -> F:
        self.receive(frame)
        self.commit(fails=fails)
        answer = next(one for one in self.sent if one.request_id == frame.request_id)
        self.sent.remove(answer)
        assert isinstance(answer, kind), answer
        return answer

    def fails(self, frame: KnownFrame) -> None:
        """The request must be answered UNAVAILABLE, with a time."""
        answer = self.ask(ErrorReply, frame, fails=True)
        assert answer.code is ErrorCode.UNAVAILABLE
        assert answer.retry_after_ms > 0

    def held_rows(self) -> int:
        """Count the fresh messages on disk."""
        (count,) = self.store.connection.execute("SELECT count(*) FROM message").fetchone()
        return int(count)

    def pushes(self, kind: type[F]) -> list[F]:
        return [frame for frame in self.sent if isinstance(frame, kind)]


KEY = SigningKey(b"k" * 32)
MAILBOX, TOKEN = b"m" * 16, b"t" * 32
CREATE = CreateMailbox(1, MAILBOX, bytes(KEY.verify_key))
SIGNATURE = KEY.sign(auth_payload("localhost", bytes(32), (MAILBOX,))).signature
AUTH = Auth(2, (MAILBOX,), bytes(KEY.verify_key), SIGNATURE)
ADD = TokenAdd(3, MAILBOX, (token_hash(TOKEN),), TokenClass.CONTACT)


def item(body: bytes = b"body", msg_id: bytes | None = None) -> SendItem:
    return SendItem(MAILBOX, TOKEN, msg_id or os.urandom(16), TtlClass.RETENTION, b"", body)


def codes_of(bench: Bench) -> list[ErrorCode]:
    """What was said to senders so far."""
    return [result.code for answer in bench.pushes(SendResults) for result in answer.results]
