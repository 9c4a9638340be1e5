"""RLY-131: what a database adds depends on the room of its disk and of its own free pages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from core_bench import MAILBOX, Bench, item
from e2ee_relay.protocol import (
    Ack,
    CreateMailbox,
    DeleteMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    Message,
    Send,
    SendResults,
    Subscribe,
    TokenAdd,
    TokenClass,
)
from e2ee_relay.store.room import DEFAULT_RESERVE_B, Room, journal_limit_b
from e2ee_relay.store.sqlite_file import DatabaseFile
from relay_actors import START_MS

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


# --- delivery that overlaps a commit for which there is no room ---


@pytest.fixture
def bench(tmp_path: Path, disk: Disk) -> Iterator[Bench]:
    """A node over a file, with a subscriber, on a disk that has come to its reserve."""
    file = DatabaseFile(tmp_path / "relay.db", os.urandom(16))
    made = Bench(file=file).with_mailbox()
    made.ask(Done, Subscribe(4, (MAILBOX,)))
    disk.free_b = 10 * MIB
    made.node.tick(START_MS)
    made.commit()
    yield made
    file.close()


def test_what_finds_no_room_is_neither_delivered_nor_confirmed(bench: Bench, disk: Disk) -> None:
    """RLY-90, RLY-131: the sender is asked to repeat it; with room again it is held and delivered."""
    message = item(b"sealed", b"i" * 16)
    assert bench.ask(SendResults, Send(5, (message,))).results[0].code is ErrorCode.UNAVAILABLE
    assert bench.pushes(Message) == []
    assert (bench.box.held, bench.box.held_b, bench.held_rows()) == (0, 0, 0)
    assert bench.store.complaints()["the disk has no room for more"]
    disk.free_b = 1000 * MIB
    bench.node.tick(START_MS + 3_000)
    bench.commit()
    assert bench.ask(SendResults, Send(7, (message,))).results[0].code is ErrorCode.OK
    assert [one.msg_id for one in bench.pushes(Message)] == [b"i" * 16]
    assert bench.held_rows() == 1
    assert not bench.store.complaints()["the disk has no room for more"]


def test_without_room_what_adds_is_refused_and_the_rest_is_done(bench: Bench, disk: Disk) -> None:
    """RLY-131: what is held can be read, acknowledged and deleted."""
    disk.free_b = 1000 * MIB
    bench.node.tick(START_MS + 3_000)
    bench.commit()
    bench.ask(SendResults, Send(5, (item(b"held"),)))
    disk.free_b = 10 * MIB
    bench.node.tick(START_MS + 6_000)
    bench.commit()
    for request in (
        CreateMailbox(6, b"n" * 16, bytes(32)),
        TokenAdd(7, MAILBOX, (bytes(32),), TokenClass.CONTACT),
    ):
        assert bench.ask(ErrorReply, request).code is ErrorCode.UNAVAILABLE
    (pushed,) = bench.pushes(Message)
    bench.ask(Done, Ack(8, MAILBOX, (pushed.seq,)))
    assert bench.held_rows() == 0
    bench.ask(Done, DeleteMailbox(9, MAILBOX))
    assert bench.rows("SELECT * FROM mailbox") == []
