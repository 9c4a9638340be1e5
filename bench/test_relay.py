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
from e2ee_relay.relay import RelayCore
from e2ee_relay.state import Effect, Submit
from e2ee_relay.store.sqlite import SqliteStore
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
    """One owner and one sender on a core with a store on disk; each group is one commit."""

    def __init__(self, folder: Path) -> None:
        self.store = SqliteStore(folder / "relay.db", bytes(16))
        self.core = RelayCore(POLICY, self.store.load(), START_MS)
        self.number, _ = self.core.connect(bytes(32))
        self.owner = Owner()
        self._set_up()

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
        out: list[KnownFrame] = []
        for frame in decode_frames(data, Role.RELAY):
            self._carry_out(self.core.receive(self.number, frame, START_MS), out)
        return out

    def _carry_out(self, effects: list[Effect], out: list[KnownFrame]) -> None:
        submits = [effect for effect in effects if isinstance(effect, Submit)]
        out += [effect.frame for effect in effects if not isinstance(effect, Submit)]
        results = self.store.execute([submit.change for submit in submits]) if submits else []
        for submit, result in zip(submits, results, strict=True):
            self._carry_out(self.core.complete(submit.then, result, START_MS), out)

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
    relay.store.close()
    floor = floor_seconds(tmp_path, batch, 60)
    benchmark.extra_info["messages"] = batch
    benchmark.extra_info["floor_seconds"] = floor
    if benchmark.stats is not None:
        benchmark.extra_info["floor_ratio"] = min(benchmark.stats.stats.data) / floor
