"""Two engines with their stores on disk and a relay in memory: from "send" to "delivered", all of it durable.

The floor is the bare work of the disk: the same rows of the same sizes, each sealed by one AEAD, in the same
number of transactions by SQLite with the same settings. Both wait for the disk, so this row is in wall time.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from e2ee_client.engine import Channel, Commit, Effect, Setup
from e2ee_client.rows import Change, Put
from e2ee_client.runtime.group import Group, Uncommitted
from e2ee_client.store import RawKey, Store
from engine_world import RELAY_URL, Node, Rows, World

from bench.paired import Block, Row

SETTINGS = ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL", "secure_delete = ON")
Changes = tuple[Change, ...]


class DiskRows(Rows):
    """A store on disk in the place of the test's own rows; it keeps what it was given to commit.

    What waits for a commit is read as if it were there already, as the shell does.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.store = Store.create(path, RawKey(os.urandom(32)))
        self.waiting = Uncommitted(self.store)
        self.record: list[Changes] = []

    def get(self, table: str, key: bytes) -> bytes | None:
        return self.waiting.get(table, key)

    def items(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        return self.waiting.items(table)

    def commit(self, changes: Changes) -> None:
        self.commits += 1
        self.record.append(changes)
        self.store.commit(changes)


class DiskNode(Node):
    """An engine that takes what has come in groups, each under one commit, as the shell does (STO-27)."""

    def step(self) -> bool:
        """Carry out what waits: a connection, or all that one has brought."""
        for channel, connection in list(self.connections.items()):
            if not self.waiting and not connection._incoming.empty():
                self._together(channel)
                return True
        return super().step()

    def _together(self, channel: Channel) -> None:
        rows, incoming = cast(DiskRows, self.rows), self.connections[channel]._incoming
        group, apart = Group(rows.waiting), list[Effect]()
        while group.takes_more and not apart and not incoming.empty():
            message = incoming.get_nowait()
            if message is None:
                self.connections.pop(channel)
                effects = self.engine.disconnected(channel, self.now_ms)
            else:
                effects = self.engine.received(channel, message, self.now_ms)
            apart = [] if group.joins(effects) else effects
        changes = rows.waiting.changes
        self.carry_out([Commit(changes)] if changes else [])
        rows.waiting.clear()
        self.carry_out([*group.after, *apart])


class Conversation:
    """A company and a customer who know each other, at rest."""

    def __init__(self, folder: Path) -> None:
        self.world = World()
        company = self._node("company", folder, publish=True)
        self.customer = self._node("customer", folder)
        self.peer = self.customer.add(company.engine.card())
        self.nodes = (company, self.customer)
        self.send(1)
        company.carry_out(company.engine.accept_contact(self.customer.engine.account_id, self.world.now_ms))
        self.world.advance(10_000)

    def _node(self, name: str, folder: Path, *, publish: bool = False) -> Node:
        setup = Setup(RELAY_URL, name=name, publish=publish, front_desk=publish)
        node = DiskNode(self.world, name, setup, rows=DiskRows(folder / f"{name}.db"))
        self.world.nodes.append(node)
        node.start()
        return node

    def send(self, count: int) -> None:
        """Send texts of 1 KiB, one each second of the world's clock, with the receipts that are due."""
        for _ in range(count):
            self.customer.send(self.peer, "x" * 1024)
            self.world.advance(1_000)

    def burst(self, count: int) -> None:
        """Send texts of 1 KiB at once, with the receipts that are due."""
        texts = ["x" * 1024] * count
        _, effects = self.customer.engine.send_texts(self.peer, texts, self.world.now_ms)
        self.customer.carry_out(effects)
        self.world.advance(10_000)

    def record(self, send: Callable[[int], None], count: int) -> list[Changes]:
        """Return what both stores commit for so many texts."""
        stores = [node.rows for node in self.nodes if isinstance(node.rows, DiskRows)]
        for rows in stores:
            rows.record.clear()
        send(count)
        return [changes for rows in stores for changes in rows.record]

    def close(self) -> None:
        """Close both stores."""
        for node in self.nodes:
            if isinstance(node.rows, DiskRows):
                node.rows.store.close()


def _floor(path: Path, commits: list[Changes]) -> tuple[sqlite3.Connection, Block]:
    """Return the bare commits of the same rows."""
    database = sqlite3.connect(path, isolation_level=None)
    for setting in SETTINGS:
        database.execute(f"PRAGMA {setting}")
    database.execute("CREATE TABLE place (key BLOB PRIMARY KEY, box BLOB) WITHOUT ROWID")
    cipher = ChaCha20Poly1305(os.urandom(32))

    def block() -> None:
        for changes in commits:
            database.execute("BEGIN IMMEDIATE")
            for change in changes:
                key = change.table.encode() + change.key
                if isinstance(change, Put):
                    box = cipher.encrypt(os.urandom(12), change.value, key)
                    database.execute("INSERT OR REPLACE INTO place VALUES (?, ?)", (key, box))
                else:
                    database.execute("DELETE FROM place WHERE key = ?", (key,))
            database.execute("COMMIT")

    return database, block


@pytest.fixture
def conversation(tmp_path: Path) -> Iterator[Conversation]:
    """Two acquainted parties whose stores are on disk."""
    made = Conversation(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("how", ["one by one", "a burst"])
def test_send_and_receive(row: Row, conversation: Conversation, tmp_path: Path, how: str) -> None:
    send, count = (
        (conversation.send, row.size(10, 2))
        if how == "one by one"
        else (conversation.burst, row.size(100, 2))
    )
    commits = conversation.record(send, count)
    database, floor = _floor(tmp_path / "floor.db", commits)
    row.note(commits_per_message=round(len(commits) / count, 1))
    row(lambda: send(count), floor, count, rounds=20)
    database.close()
