"""RLY-131: what a database adds depends on the room of its disk and of its own free pages."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from e2ee_relay.store.changes import (
    DropMessages,
    MailboxRow,
    MessageRow,
    PutMailbox,
    PutMessages,
    ReadBodies,
    StoreFailure,
)
from e2ee_relay.store.room import DEFAULT_RESERVE_B, Room, journal_limit_b
from e2ee_relay.store.sqlite import SqliteStore

MIB = 1 << 20


class Disk:
    """The free room of a disk, set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free_b = 1000 * MIB
        monkeypatch.setattr(os, "statvfs", self._look)

    def _look(self, _folder: Path) -> SimpleNamespace:
        return SimpleNamespace(f_bavail=self.free_b // 4096, f_frsize=4096)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.mark.parametrize(
    ("free_b", "journal_b", "free_pages_b", "is_left"),
    [
        (60 * MIB, 0, 0, True),
        (59 * MIB, 0, 0, True),
        (37 * MIB, 0, 0, False),
        (38 * MIB, 0, 0, True),
        (30 * MIB, 0, 7 * MIB, False),
        (30 * MIB, 0, 8 * MIB, True),
        (29 * MIB, 0, 500 * MIB, False),
        (20 * MIB, 10 * MIB, 8 * MIB, True),
        # A journal beyond its limit is not room: what it holds has yet to go into the database.
        (20 * MIB, 100 * MIB, 0, False),
        (0, 100 * MIB, 500 * MIB, False),
    ],
)
def test_room(
    tmp_path: Path, disk: Disk, free_b: int, journal_b: int, free_pages_b: int, is_left: bool
) -> None:
    """A reserve of 30 MiB, a journal of at most 10."""
    disk.free_b = free_b
    if journal_b:
        with (tmp_path / "relay.db-wal").open("wb") as journal:
            journal.truncate(journal_b)
    assert Room(tmp_path / "relay.db", 30 * MIB, lambda: free_pages_b).is_left() == is_left


def test_the_journal_takes_a_third_of_the_reserve() -> None:
    assert journal_limit_b(DEFAULT_RESERVE_B) == 64 * MIB
    assert journal_limit_b(30 * MIB) == 10 * MIB
    assert journal_limit_b(0) == 64 * MIB


def test_without_room_what_adds_is_refused_and_the_rest_is_done(tmp_path: Path, disk: Disk) -> None:
    """Results keep their places; with room again nothing is left of it."""
    store = SqliteStore(tmp_path / "relay.db", os.urandom(16))
    store.load()
    mailbox = PutMailbox(MailboxRow(1, bytes(16), bytes(32), 0))
    rows = [MessageRow(no, 1, no, bytes([no]) * 16, 1 << 50, 0, b"body") for no in (1, 2)]
    assert store.execute([mailbox, PutMessages((rows[0],))]) == [None, None]
    assert not _is_full(store)
    disk.free_b = 10 * MIB
    results = store.execute([PutMessages((rows[1],)), ReadBodies((1,)), mailbox])
    assert [isinstance(one, StoreFailure) for one in results] == [True, False, True]
    assert results[1] == {1: b"body"}
    assert store.execute([DropMessages((1,), ())]) == [None]
    assert _is_full(store)
    assert isinstance(store.execute([mailbox])[0], StoreFailure)
    disk.free_b = 1000 * MIB
    assert store.execute([PutMessages((rows[1],)), ReadBodies((1, 2))])[1] == {2: b"body"}
    assert not _is_full(store)
    store.close()


def _is_full(store: SqliteStore) -> bool:
    """It changes with each group."""
    return store.is_full
