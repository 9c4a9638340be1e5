"""RLY-131: what a database adds depends on the room of its disk and of its own free pages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from core_bench import MAILBOX, Bench, codes_of, item
from e2ee_relay.limits import Policy
from e2ee_relay.protocol import Ack, Done, ErrorCode, Message, Send, SendResults, Subscribe
from e2ee_relay.relay import RelayCore
from e2ee_relay.state import Submit
from e2ee_relay.store.changes import (
    Chill,
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
from relay_actors import DAY_MS, START_MS

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


def test_without_room_nothing_is_moved(tmp_path: Path, disk: Disk) -> None:
    """RLY-154: of 4 MB not a byte is written anew; with room the next minute moves them, new mail or not."""
    store = SqliteStore(tmp_path / "relay.db", os.urandom(16))
    store.execute([PutMailbox(MailboxRow(1, bytes(16), bytes(32), START_MS // DAY_MS))])
    rows = [
        MessageRow(no, 1, no, no.to_bytes(16, "big"), START_MS + 30 * DAY_MS, 0, os.urandom(8_000))
        for no in range(1, 501)
    ]
    store.execute([PutMessages(tuple(rows))])
    core = RelayCore(Policy(), store.load(), START_MS)
    store.tidy()
    size_b = _size_b(tmp_path)
    disk.free_b = 100 * MIB
    assert _moves(core, store, range(8)) == [False] * 3
    assert (len(_cold(store)), core.state.mailboxes[bytes(16)].cold_to) == (0, 0)
    # The sweep of the first tick writes its hour: a page or two, and not again.
    assert _size_b(tmp_path) - size_b < 64 << 10
    disk.free_b = 1000 * MIB
    assert _moves(core, store, range(8, 10)) == [True] * 4
    assert _cold(store) == list(range(1, 501))
    store.close()


def _moves(core: RelayCore, store: SqliteStore, minutes: range) -> list[bool]:
    """Let minutes pass; return of each move that was asked for whether it was made."""
    made: list[bool] = []
    for minute in minutes:
        now_ms = START_MS + minute * 60_000
        waiting = core.tick(now_ms)
        while waiting:
            submit = waiting.pop(0)
            assert isinstance(submit, Submit)
            result = store.execute([submit.change])[0]
            if isinstance(submit.change, Chill):
                made.append(result is None)
            waiting += core.complete(submit.then, result, now_ms)
    return made


def _cold(store: SqliteStore) -> list[int]:
    rows = store.connection.execute("SELECT row_id FROM cold_message ORDER BY rowid")
    return [int(row_id) for (row_id,) in rows]


def _size_b(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


# --- delivery that overlaps a commit for which there is no room ---


@pytest.fixture
def bench(tmp_path: Path, disk: Disk) -> Iterator[Bench]:
    """A core over a file, with a subscriber, on a disk that has come to its reserve."""
    store = SqliteStore(tmp_path / "relay.db", os.urandom(16))
    made = Bench(store=store).with_mailbox()
    made.ask(Done, Subscribe(4, (MAILBOX,)))
    disk.free_b = 10 * MIB
    yield made
    store.close()


def test_what_was_delivered_and_found_no_room_is_not_confirmed(bench: Bench, disk: Disk) -> None:
    """RLY-90, RLY-131: the recipient has it, the sender is asked to repeat it; then it is held."""
    message = item(b"sealed", b"i" * 16)
    bench.receive(Send(5, (message,)))
    assert [one.body for one in bench.pushes(Message)] == [b"sealed"]
    bench.commit()
    assert codes_of(bench) == [ErrorCode.UNAVAILABLE]
    mailbox = bench.core.state.mailboxes[MAILBOX]
    assert (mailbox.message_count, mailbox.held_b, bench.held_rows()) == (0, 0, 0)
    (pushed,) = bench.pushes(Message)
    bench.ask(Done, Ack(6, MAILBOX, (pushed.seq,)))
    disk.free_b = 1000 * MIB
    bench.sent.clear()
    bench.receive(Send(7, (message,)))
    bench.commit()
    assert codes_of(bench) == [ErrorCode.OK]
    assert [one.msg_id for one in bench.pushes(Message)] == [b"i" * 16]
    assert bench.held_rows() == 1


@pytest.mark.parametrize("in_one_group", [True, False])
def test_what_its_recipient_has_safe_needs_no_room(bench: Bench, in_one_group: bool) -> None:
    """RLY-90, RLY-131: acknowledged before the put was refused: confirmed, remembered, never stored."""
    bench.receive(Send(5, (item(b"sealed", b"i" * 16),)))
    (pushed,) = bench.pushes(Message)
    bench.receive(Ack(6, MAILBOX, (pushed.seq,)))
    if in_one_group:
        bench.commit_at_once()
    else:
        bench.commit()
    assert Done(6) in bench.sent
    assert codes_of(bench) == [ErrorCode.OK]
    assert bench.held_rows() == 0
    assert bench.ask(SendResults, Send(7, (item(b"sealed", b"i" * 16),))).results[0].code is ErrorCode.OK
    assert len(bench.pushes(Message)) == 1
