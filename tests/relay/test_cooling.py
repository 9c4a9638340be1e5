"""Messages that stay move to a table of their own; nobody notices but the operator."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from e2ee_relay.limits import Policy
from e2ee_relay.relay import RelayCore
from e2ee_relay.state import Submit
from e2ee_relay.store.changes import (
    Chill,
    DropMailbox,
    DropMessages,
    MailboxRow,
    MessageRow,
    PutMailbox,
    PutMessages,
    ReadBodies,
    RememberedRow,
    StoreFailure,
)
from e2ee_relay.store.sqlite import SqliteStore
from relay_actors import START_MS

MINUTE_MS = 60_000
FAR_MS = START_MS + 30 * 86_400_000


def row(row_id: int, mailbox_no: int) -> MessageRow:
    return MessageRow(
        row_id, mailbox_no, row_id, row_id.to_bytes(16, "big"), FAR_MS, START_MS, b"%d" % row_id
    )


def filled(path: Path | None, mailboxes: int = 3, messages: int = 9) -> SqliteStore:
    """A store with messages of several mailboxes in turn."""
    store = SqliteStore(path, bytes(16))
    for no in range(1, mailboxes + 1):
        store.execute([PutMailbox(MailboxRow(no, bytes([no]) * 16, bytes(32), START_MS // 86_400_000))])
    store.execute([PutMessages(tuple(row(n, 1 + n % mailboxes) for n in range(1, messages + 1)))])
    return store


def ids(store: SqliteStore, table: str) -> list[int]:
    return [one for (one,) in store.connection.execute(f"SELECT row_id FROM {table} ORDER BY rowid")]  # noqa: S608 - fixed names


def let_minutes_pass(
    core: RelayCore, store: SqliteStore, minutes: int, *, fails: bool = False, first: int = 0
) -> int:
    """Tick a minute at a time and commit; return how many moves were asked for."""
    moves = 0
    for minute in range(first, first + minutes):
        waiting = core.tick(START_MS + minute * MINUTE_MS)
        while waiting:
            submit = waiting.pop(0)
            assert isinstance(submit, Submit)
            moves += isinstance(submit.change, Chill)
            fail = fails and isinstance(submit.change, Chill)
            result = StoreFailure("test") if fail else store.execute([submit.change])[0]
            waiting += core.complete(submit.then, result, START_MS + minute * MINUTE_MS)
    return moves


def test_what_stays_for_minutes_moves_in_the_order_of_mailboxes() -> None:
    """RLY-91: not before five minutes; once; the rows of a mailbox lie together."""
    store = filled(None)
    core = RelayCore(Policy(), store.load(), START_MS)
    assert let_minutes_pass(core, store, 5) == 0
    assert ids(store, "message") == list(range(1, 10))
    assert let_minutes_pass(core, store, 7) == 1
    assert ids(store, "message") == []
    assert ids(store, "cold_message") == [3, 6, 9, 1, 4, 7, 2, 5, 8]
    assert let_minutes_pass(core, store, 20) == 0
    store.close()


def test_a_move_takes_a_bounded_number_and_goes_on() -> None:
    """RLY-91: what one commit carries is bounded, also within one mailbox."""
    store = filled(None, mailboxes=1, messages=600)
    core = RelayCore(Policy(), store.load(), START_MS)
    assert let_minutes_pass(core, store, 7) == 3
    assert ids(store, "cold_message") == list(range(1, 601))
    store.close()


def test_a_move_that_fails_is_tried_again_and_loses_nothing() -> None:
    """RLY-91: the rows stay where they are until a walk a minute later, also when nothing new has come."""
    store = filled(None)
    core = RelayCore(Policy(), store.load(), START_MS)
    assert let_minutes_pass(core, store, 8, fails=True) == 3
    assert ids(store, "message") == list(range(1, 10))
    assert let_minutes_pass(core, store, 4, first=8) == 1
    assert ids(store, "message") == []
    assert len(ids(store, "cold_message")) == 9
    store.close()


def test_everything_holds_in_either_table() -> None:
    """RLY-37, RLY-91: read, deleted and remembered wherever they lie; a group may name both."""
    store = filled(None)
    store.execute([Chill((1, 2, 3, 77))])
    assert store.execute([ReadBodies((1, 2, 8, 77))])[0] == {1: b"1", 2: b"2", 8: b"8"}
    gone = RememberedRow(2, b"i" * 16, FAR_MS)
    store.execute([DropMessages((1, 8), (gone,)), PutMessages((row(10, 1), row(11, 1))), DropMessages((10,))])
    assert ids(store, "message") == [4, 5, 6, 7, 9, 11]
    assert ids(store, "cold_message") == [2, 3]
    assert [one.row_id for one in store.load().messages] == [2, 3, 4, 5, 6, 7, 9, 11]
    store.execute([DropMailbox(3, ())])
    assert ids(store, "cold_message") == [3]
    store.close()


def test_a_start_knows_what_has_moved(tmp_path: Path) -> None:
    """RLY-91: deletion finds a cold row after a start too, and it is not moved again."""
    store = filled(tmp_path / "relay.db")
    store.execute([Chill((3, 6, 9))])
    store.close()
    store = SqliteStore(tmp_path / "relay.db", bytes(16))
    core = RelayCore(Policy(), store.load(), START_MS)
    store.execute([DropMessages((6,))])
    assert ids(store, "cold_message") == [3, 9]
    let_minutes_pass(core, store, 7)
    assert ids(store, "cold_message") == [3, 9, 1, 4, 7, 2, 5, 8]
    store.close()


@pytest.mark.parametrize("statement", ["INSERT ON cold_message", "DELETE ON message"])
def test_a_move_happens_whole_or_not_at_all(statement: str) -> None:
    """RLY-91: a fault at either half leaves each message in exactly one table."""
    store = filled(None)
    fault = f"CREATE TRIGGER fail BEFORE {statement} BEGIN SELECT raise(ABORT, 'test'); END"
    store.connection.execute(fault)
    assert isinstance(store.execute([Chill((1, 2))])[0], StoreFailure)
    assert (len(ids(store, "message")), ids(store, "cold_message")) == (9, [])
    store.close()


def test_a_crash_within_a_move_leaves_each_message_once(tmp_path: Path) -> None:
    """RLY-91: files taken between the two halves, as a crash would leave them, open with every row hot."""
    store = filled(tmp_path / "relay.db")
    db = store.connection
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO cold_message SELECT * FROM message WHERE row_id < 4")
    image = tmp_path / "image.db"
    for suffix in ("", "-wal"):
        image.with_name(image.name + suffix).write_bytes((tmp_path / f"relay.db{suffix}").read_bytes())
    db.execute("ROLLBACK")
    store.close()
    after = sqlite3.connect(image)
    assert after.execute("SELECT count(*) FROM message").fetchone() == (9,)
    assert after.execute("SELECT count(*) FROM cold_message").fetchone() == (0,)
    after.close()
