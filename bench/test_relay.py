"""The relay's path in one process, without sockets: frames in, commit, push, acknowledgement, deletion.

The floor is the bare work of the disk: the same rows inserted and deleted in the same number of transactions.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import pytest
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.node import Node
from e2ee_relay.protocol import (
    Ack,
    Auth,
    CreateMailbox,
    KnownFrame,
    Message,
    Role,
    Send,
    Subscribe,
    TokenAdd,
    TokenClass,
    auth_payload,
    decode_frames,
    encode_frames,
    token_hash,
)
from e2ee_relay.store.sqlite import SqliteStore
from e2ee_relay.store.sqlite_file import DatabaseFile
from pytest_benchmark.fixture import BenchmarkFixture
from relay_actors import START_MS, Owner

BODY_B = 1024
UNBOUNDED = Rate(1e12, 1e12)
POLICY = Policy(
    contact_messages=UNBOUNDED,
    contact_b=UNBOUNDED,
    mailbox_messages=UNBOUNDED,
    mailbox_b=UNBOUNDED,
    requests=UNBOUNDED,
    remembered_max=10_000,
)


class InProcess:
    """One owner and one sender on a node with a store on disk; each SEND and each ACK is one commit."""

    def __init__(self, folder: Path) -> None:
        self._out: list[KnownFrame] = []
        self.file = DatabaseFile(folder / "relay.db", bytes(16))
        store = SqliteStore(self.file)
        self.node = Node(POLICY, store, lambda: START_MS)
        store.load(self.node)
        self.session = self.node.connect(self, bytes(32))
        self.owner = Owner()
        self._set_up()

    def put(self, frame: KnownFrame, *, can_wait: bool = False) -> None:
        """Take a frame that goes out."""
        self._out.append(frame)

    def _set_up(self) -> None:
        owner = self.owner
        signed = auth_payload(POLICY.relay_name, bytes(32), (owner.mailbox,))
        for frame in (
            CreateMailbox(1, owner.mailbox, owner.owner_pub),
            Auth(2, (owner.mailbox,), owner.owner_pub, owner.key.sign(signed).signature),
            TokenAdd(3, owner.mailbox, (token_hash(owner.token),), TokenClass.CONTACT),
            Subscribe(4, (owner.mailbox,)),
        ):
            self.message(encode_frames([frame]))

    def message(self, data: bytes) -> list[KnownFrame]:
        """Take one message; return the frames that go out after its commit."""
        self._out = []
        for frame in decode_frames(data, Role.RELAY):
            self.node.receive(self.session, frame)
        return self._out

    def pass_through(self, message: bytes) -> int:
        """One batch: in, committed, out, acknowledged, deleted."""
        out = self.message(message)
        seqs = tuple(frame.seq for frame in out if isinstance(frame, Message))
        encode_frames(out)
        self.message(encode_frames([Ack(9, self.owner.mailbox, seqs)]))
        return len(seqs)


def floor_seconds(folder: Path, batch: int, rounds: int) -> float:
    """Return the best time for the same rows by bare SQLite with the same settings."""
    db = sqlite3.connect(folder / "floor.db", isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
        db.execute(f"PRAGMA {pragma}")
    db.execute("CREATE TABLE message (row_id INTEGER PRIMARY KEY, no, seq, msg_id, expires, received, body)")
    best = float("inf")
    for number in range(rounds):
        first = number * batch
        rows = [(first + n, 1, first + n, os.urandom(16), 1, 1, os.urandom(BODY_B)) for n in range(batch)]
        begun = time.perf_counter()
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        db.execute("COMMIT")
        db.execute("BEGIN IMMEDIATE")
        db.executemany("DELETE FROM message WHERE row_id = ?", [(row[0],) for row in rows])
        db.execute("COMMIT")
        best = min(best, time.perf_counter() - begun)
    db.close()
    return best


@pytest.mark.parametrize("batch", [1, 16, 64])
def test_send_persist_deliver_acknowledge_delete(
    benchmark: BenchmarkFixture, tmp_path: Path, batch: int
) -> None:
    """1 KiB messages in groups of one, 16 and 64."""
    relay = InProcess(tmp_path)

    def fresh_batch() -> tuple[tuple[bytes], dict[str, object]]:
        items = tuple(relay.owner.item(os.urandom(BODY_B)) for _ in range(batch))
        return (encode_frames([Send(8, items)]),), {}

    delivered = benchmark.pedantic(  # type: ignore[no-untyped-call]  # the plugin ships no types
        relay.pass_through, setup=fresh_batch, rounds=60, warmup_rounds=3
    )
    assert delivered == batch
    relay.file.close()
    floor = floor_seconds(tmp_path, batch, 60)
    benchmark.extra_info["messages"] = batch
    benchmark.extra_info["floor_seconds"] = floor
    if benchmark.stats is not None:
        benchmark.extra_info["floor_ratio"] = min(benchmark.stats.stats.data) / floor
