"""A node over the SQLite store, with a connection and a mailbox, whose commits come when a test says so."""

from __future__ import annotations

import os
import sqlite3
from typing import TypeVar
from unittest.mock import patch

from e2ee_relay.limits import Policy
from e2ee_relay.node import Node
from e2ee_relay.protocol import (
    Auth,
    CreateMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    KnownFrame,
    Request,
    SendItem,
    SendResults,
    TokenAdd,
    TokenClass,
    TtlClass,
    auth_payload,
    token_hash,
)
from e2ee_relay.session import Session
from e2ee_relay.store.api import Box
from e2ee_relay.store.sqlite import SqliteStore, Submitted
from e2ee_relay.store.sqlite_file import DatabaseFile
from e2ee_relay.store.sqlite_group import SqliteGroup
from nacl.signing import SigningKey
from relay_actors import Clock

F = TypeVar("F")


class PlayedStore(SqliteStore):
    """The store with its writer played by the test."""

    @property
    def queue(self) -> list[Submitted]:
        """What waits for a commit; upkeep with nothing to write is left out."""
        return [one for one in self._waiting if one.op is not None or _has_something(one)]

    def _commit_waiting(self) -> None:
        """The test says when."""

    def commit(self, count: int = 1, *, fails: bool = False) -> None:
        """Commit the first so many of what waits in one transaction, or have it fail."""
        group = [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]
        if not fails:
            self._commit_here(group)
            return
        with patch.object(SqliteGroup, "commit", _no_room):
            self._commit_here(group)

    def commit_silently(self, count: int) -> None:
        """Commit so many, and let nobody hear of it: the process is about to end."""
        self._carry_out([self._waiting.popleft() for _ in range(min(count, len(self._waiting)))])


def _has_something(one: Submitted) -> bool:
    return one.writes is not None and bool(one.writes.puts or one.writes.gone or one.writes.tasks)


def _no_room(*_arguments: object) -> None:
    raise sqlite3.OperationalError("no room")


class Recorder:
    """The outlet of one connection: frames in their order."""

    def __init__(self, sent: list[KnownFrame], waits: dict[int, bool]) -> None:
        self._sent = sent
        self._waits = waits

    def put(self, frame: KnownFrame, *, can_wait: bool = False) -> None:
        self._sent.append(frame)
        self._waits[frame.request_id] = can_wait


class Bench:
    """A node whose commits happen, or fail, when the test says so."""

    def __init__(self, policy: Policy | None = None, file: DatabaseFile | None = None) -> None:
        self.file = file or DatabaseFile(None, bytes(16))
        self.store = PlayedStore(self.file)
        self.clock = Clock()
        self.node = Node(policy or Policy(), self.store, self.clock)
        self.store.load(self.node)
        self.sent: list[KnownFrame] = []
        self.waits: dict[int, bool] = {}
        self.session = self.connect()
        self.sent.clear()

    def connect(self) -> Session:
        """Open a connection, whose frames go with those of all."""
        return self.node.connect(Recorder(self.sent, self.waits), bytes(32))

    def with_mailbox(self) -> Bench:
        """Make the mailbox, prove it and admit its contact."""
        self.ask(Done, CREATE)
        self.receive(AUTH)
        self.commit()
        self.sent.clear()
        self.ask(Done, ADD)
        return self

    @property
    def box(self) -> Box:
        """The mailbox as the store's memory has it."""
        return self.store.view.boxes[MAILBOX]

    def held(self) -> list[int]:
        """The seqs that are held."""
        return list(self.box.mine.rows)

    def receive(self, frame: Request) -> None:
        self.node.receive(self.session, frame)

    def commit(self, *, fails: bool = False) -> None:
        """Carry out everything that waits, what it brings about included; or have what waits now fail."""
        if fails:
            self.store.commit(fails=True)
        while self.store._waiting:
            self.store.commit()

    def commit_at_once(self) -> None:
        """Carry out what waits in one transaction."""
        self.store.commit(len(self.store._waiting))

    def ask(self, kind: type[F], frame: Request, *, fails: bool = False) -> F:
        self.receive(frame)
        self.commit(fails=fails)
        answer = next(one for one in self.sent if one.request_id == frame.request_id)
        self.sent.remove(answer)
        assert isinstance(answer, kind), answer
        return answer

    def fails(self, frame: Request) -> None:
        """The request must be answered UNAVAILABLE, with a time."""
        answer = self.ask(ErrorReply, frame, fails=True)
        assert answer.code is ErrorCode.UNAVAILABLE
        assert answer.retry_after_ms > 0

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Ask the database."""
        return list(self.file.connection.execute(query))

    def held_rows(self) -> int:
        """Count the messages on disk."""
        (count,) = self.file.connection.execute("SELECT count(*) FROM message").fetchone()
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
