"""A relay with so many mailboxes, tokens or messages; its database is not synchronised."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import count as numbers
from pathlib import Path
from typing import Any

from e2ee_relay.limits import Policy, Rate
from e2ee_relay.node import Node
from e2ee_relay.protocol import (
    Ack,
    Auth,
    CreateMailbox,
    DeleteMailbox,
    KnownFrame,
    Message,
    Send,
    Subscribe,
    TokenAdd,
    TokenClass,
    auth_payload,
    token_hash,
)
from e2ee_relay.store.sqlite import SqliteStore
from e2ee_relay.store.sqlite_file import DatabaseFile
from relay_actors import START_MS, Owner

from bench.growth.subject import Operation, Subject

ROUNDS, BODY_B, DAY_MS, HOUR_MS = 30, 1_024, 86_400_000, 3_600_000
_FREE = Rate(1e12, 1e12)
_RATES = "contact_messages contact_b mailbox_messages mailbox_b requests auths"
_MAKING = "creations creations_global directory_b directory_b_global"
_NONE: dict[str, Any] = dict.fromkeys([*_RATES.split(), *_MAKING.split()], _FREE)
POLICY = Policy(max_tokens=10**9, quota_messages=10**9, quota_b=10**15, remembered_max=10**7, **_NONE)


class Relay:
    """A node in this process with one connection, whose owner has a mailbox beside all others."""

    def __init__(self, folder: Path) -> None:
        self.out: list[KnownFrame] = []
        self.now_ms = START_MS
        self.path = folder / "relay.db"
        self.file = DatabaseFile(self.path, bytes(16))
        self.file.connection.execute("PRAGMA synchronous = OFF")
        self.owner, self.ids = Owner(), numbers(10)

    def begin(self) -> None:
        """Load what the database has."""
        self.store = SqliteStore(self.file)
        self.node = Node(POLICY, self.store, lambda: self.now_ms)
        self.store.load(self.node)
        self.session = self.node.connect(self, bytes(32))

    def put(self, frame: KnownFrame, *, can_wait: bool = False) -> None:
        """Take a frame that goes out."""
        self.out.append(frame)

    def ask(self, *frames: Any) -> list[KnownFrame]:
        """Hand in requests; return what goes out."""
        self.out = []
        for frame in frames:
            self.node.receive(self.session, frame)
        return self.out

    def set_up(self) -> None:
        """Make the owner's mailbox."""
        owner = self.owner
        self.ask(CreateMailbox(1, owner.mailbox, owner.owner_pub))
        self.prove()
        self.ask(TokenAdd(3, owner.mailbox, (token_hash(owner.token),), TokenClass.CONTACT))

    def prove(self) -> None:
        """Prove it on this connection."""
        owner = self.owner
        signed = auth_payload(POLICY.relay_name, bytes(32), (owner.mailbox,))
        self.ask(Auth(2, (owner.mailbox,), owner.owner_pub, owner.key.sign(signed).signature))

    def fill(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Write rows past the relay."""
        self.file.connection.execute("BEGIN")
        self.file.connection.executemany(statement, rows)
        self.file.connection.execute("COMMIT")

    def send(self) -> list[KnownFrame]:
        """One message of 1 KiB for the owner."""
        return self.ask(Send(next(self.ids), (self.owner.item(os.urandom(BODY_B)),)))

    def acknowledge(self, out: Iterable[KnownFrame]) -> int:
        """Acknowledge what was pushed."""
        seqs = tuple(one.seq for one in out if isinstance(one, Message))
        if seqs:
            self.ask(Ack(next(self.ids), self.owner.mailbox, seqs))
        return len(seqs)

    def drain(self) -> None:
        """Take and acknowledge all that is held for the owner."""
        out = self.ask(Subscribe(next(self.ids), (self.owner.mailbox,)))
        while pushed := [one for one in out if isinstance(one, Message)]:
            out = self.ask(Ack(next(self.ids), self.owner.mailbox, tuple(one.seq for one in pushed)))

    def sweep(self) -> None:
        """A whole sweep, tick by tick."""
        self.now_ms += 600_001
        self.node.tick(self.now_ms)
        while self.store._sweep._is_walking:
            self.node.tick(self.now_ms)

    def subject(self, operations: dict[str, Operation]) -> Subject:
        """What is measured of it."""
        return Subject(operations, self.file.close, self.path.stat().st_size, [self])


def _mailboxes(count: int) -> Iterator[tuple[Any, ...]]:
    for no in range(10, count + 10):
        yield no, os.urandom(16), os.urandom(32), START_MS // DAY_MS


def mailboxes(count: int, folder: Path) -> Subject:
    """So many mailboxes with a token and a remembered id each, one in ten with a message."""
    relay = Relay(folder)
    relay.fill("INSERT INTO mailbox VALUES (?, ?, ?, ?)", _mailboxes(count))
    places = range(10, count + 10)
    relay.fill("INSERT INTO token VALUES (?, ?, 1)", ((no, os.urandom(32)) for no in places))
    hour = START_MS // HOUR_MS
    relay.fill("INSERT INTO seen VALUES (?, ?, ?, ?)", ((no, no, os.urandom(16), hour + 2) for no in places))
    relay.fill(
        "INSERT INTO message VALUES (?, ?, 1, ?, ?, ?, ?)",
        ((no, no, os.urandom(16), START_MS + DAY_MS, START_MS, bytes(100)) for no in places[::10]),
    )
    relay.begin()
    relay.set_up()
    relay.ask(Subscribe(4, (relay.owner.mailbox,)))
    made: list[Owner] = []

    def make() -> None:
        made.append(Owner())
        relay.ask(CreateMailbox(next(relay.ids), made[-1].mailbox, made[-1].owner_pub))

    def prove() -> None:
        one = made[-1]
        signed = auth_payload(POLICY.relay_name, bytes(32), (one.mailbox,))
        relay.ask(Auth(next(relay.ids), (one.mailbox,), one.owner_pub, one.key.sign(signed).signature))

    def delete() -> None:
        relay.ask(DeleteMailbox(next(relay.ids), made.pop().mailbox))

    return relay.subject(
        {
            "send, deliver, acknowledge": Operation(lambda: relay.acknowledge(relay.send()), rounds=ROUNDS),
            "make a mailbox": Operation(make, rounds=10),
            "delete a mailbox": Operation(delete, rounds=5, prepare=prove),
            "tick": Operation(lambda: relay.node.tick(relay.now_ms), rounds=ROUNDS, prepare=relay.sweep),
            "sweep, a mailbox": Operation(relay.sweep, count, rounds=2),
            "figures": Operation(lambda: len(relay.node.gauges()), rounds=3),
            "start, a mailbox": Operation(relay.begin, count, rounds=1),
        }
    )


def messages(count: int, folder: Path) -> Subject:
    """One mailbox in which so many messages wait."""
    relay = Relay(folder)
    relay.begin()
    relay.set_up()
    (no,) = (box.mine.no for box in relay.store.view.boxes.values())
    expires_ms = START_MS + 2 * HOUR_MS
    rows = ((n, no, n, os.urandom(16), expires_ms, START_MS, bytes(BODY_B)) for n in range(1, count + 1))
    relay.fill("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    relay.begin()
    relay.prove()

    def first_page() -> None:
        relay.session = relay.node.connect(relay, bytes(32))
        relay.prove()
        relay.ask(Subscribe(next(relay.ids), (relay.owner.mailbox,)))

    def load() -> None:
        relay.begin()
        relay.prove()

    def expire() -> None:
        relay.now_ms = expires_ms
        relay.sweep()

    reload = Operation(load, count, rounds=1)
    return relay.subject(
        {
            "send": Operation(relay.send, rounds=ROUNDS),
            "prove, subscribe, first window": Operation(first_page, rounds=5),
            "start, a message": reload,
            "deliver and acknowledge all, a message": Operation(relay.drain, count, rounds=1),
            "expire all, a message": Operation(
                expire, count, rounds=1, prepare=lambda: _refill(relay, no, count)
            ),
        }
    )


def _refill(relay: Relay, no: int, count: int) -> None:
    relay.file.connection.execute("DELETE FROM message")
    rows = (
        (n, no, n, os.urandom(16), START_MS + 2 * HOUR_MS, START_MS, bytes(100)) for n in range(1, count + 1)
    )
    relay.fill("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    relay.begin()


def tokens(count: int, folder: Path) -> Subject:
    """One mailbox with so many tokens, as a company's has."""
    relay = Relay(folder)
    relay.begin()
    relay.set_up()
    (no,) = (box.mine.no for box in relay.store.view.boxes.values())
    relay.fill("INSERT INTO token VALUES (?, ?, 1)", ((no, os.urandom(32)) for _ in range(count)))
    relay.begin()
    relay.prove()
    relay.ask(Subscribe(4, (relay.owner.mailbox,)))

    def add() -> None:
        relay.ask(
            TokenAdd(next(relay.ids), relay.owner.mailbox, (token_hash(os.urandom(32)),), TokenClass.CONTACT)
        )

    return relay.subject(
        {
            "add a token": Operation(add, rounds=ROUNDS),
            "send, deliver, acknowledge": Operation(lambda: relay.acknowledge(relay.send()), rounds=ROUNDS),
            "start, a token": Operation(relay.begin, count, rounds=1),
        }
    )
