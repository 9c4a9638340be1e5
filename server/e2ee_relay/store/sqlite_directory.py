"""Entries and prekeys in SQLite, and what hangs on a mailbox beside them."""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Sequence
from typing import Any, Final

from e2ee_relay.entry import Entry, SignedList

from .api import HOUR_MS, LOOK_AGAIN_DAYS
from .directory import DirectoryTables, put_in_place

_ALL_ROWS: Final = range(2**63 - 1)
# Deleted by a statement of its own: SQLite knows RETURNING from 3.35 on only.
_OLDEST: Final = (
    "SELECT key_id, signed_prekey FROM prekey WHERE record_hash = ? AND key_type = ? AND not_after_ms > ?"
    " ORDER BY key_id LIMIT 1"
)
_TAKE: Final = "DELETE FROM prekey WHERE record_hash = ? AND key_type = ? AND key_id = ?"


class SqlDirectory(DirectoryTables):
    """Asks within the transaction of the writer."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.accounts = 0  # entries that are held
        self.published: set[bytes] = set()  # mailboxes that their addresses name; changed by the writer alone

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self._db.execute(statement, values).fetchall()

    def run(self, statement: str, *values: object) -> None:
        self._db.execute(statement, values)

    def insert(
        self, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]], key: str = ""
    ) -> None:
        places = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - fixed names
        self._db.executemany(statement + put_in_place(columns, key), rows)

    def replace(self, entry: Entry, lists: Sequence[SignedList], most: int, due_day: int) -> None:
        account_id = entry.head.account_id
        before = self._mailboxes(account_id)
        self.accounts += self._is_new(account_id)
        super().replace(entry, lists, most, due_day)
        self._look_at_published(before | entry.mailboxes())

    def _is_new(self, account_id: bytes) -> bool:
        return not self.rows("SELECT 1 FROM device_list WHERE account_id = ? LIMIT 1", account_id)

    def _mailboxes(self, account_id: bytes) -> set[bytes]:
        rows = self.rows("SELECT mailbox FROM device WHERE account_id = ?", account_id)
        return {mailbox for (mailbox,) in rows if mailbox is not None}

    def _look_at_published(self, mailboxes: set[bytes]) -> None:
        for mailbox in mailboxes:
            (self.published.add if self.devices_of(mailbox) else self.published.discard)(mailbox)

    def is_published(self, address: bytes) -> bool:
        """Tell whether an entry names this mailbox; any thread."""
        return address in self.published

    def pop_one_time(self, record_hash: bytes, key_type: int, wall_ms: int) -> bytes | None:
        for key_id, signed_prekey in self.rows(_OLDEST, record_hash, key_type, wall_ms):
            self.run(_TAKE, record_hash, key_type, key_id)
            return bytes(signed_prekey)
        return None

    def drop_account(self, account_id: bytes) -> None:
        before = self._mailboxes(account_id)
        self.accounts -= not self._is_new(account_id)
        super().drop_account(account_id)
        self._look_at_published(before)

    def drop_unless_held(self, account_id: bytes, boxes: Container[bytes], today: int) -> None:
        """Remove a due entry, unless a mailbox that it names is held: then it is due later (RLY-262)."""
        if any(mailbox in boxes for mailbox in self._mailboxes(account_id)):
            later = today + LOOK_AGAIN_DAYS
            self.run("UPDATE entry SET due_day = ? WHERE account_id = ?", later, account_id)
        else:
            self.drop_account(account_id)


_ALL_ENDED: Final = -1
_DROP_ENDED: Final = (
    "DELETE FROM prekey WHERE (record_hash, key_type, key_id) IN"
    " (SELECT record_hash, key_type, key_id FROM prekey WHERE not_after_ms <= ? LIMIT ?)",
    "DELETE FROM reusable_prekey WHERE (record_hash, key_type) IN"
    " (SELECT record_hash, key_type FROM reusable_prekey WHERE not_after_ms <= ? LIMIT ?)",
)


def drop_mailbox(db: sqlite3.Connection, number: int, mailbox: bytes, ids: range = _ALL_ROWS) -> None:
    """Remove a mailbox with tokens and ids, address and prekeys of its devices; not its messages (RLY-27).

    `ids` are the rows among which its ids stand: each message would pay for an index by mailbox.
    """
    db.execute("DELETE FROM token WHERE mailbox_no = ?", (number,))
    if ids:
        named = (ids[0], ids[-1], number)
        db.execute("DELETE FROM seen WHERE row_id BETWEEN ? AND ? AND mailbox_no = ?", named)
    db.execute("DELETE FROM blob WHERE mailbox_no = ?", (number,))
    db.execute("DELETE FROM mailbox WHERE no = ?", (number,))
    SqlDirectory(db).forget_mailbox(mailbox)


def sweep_tables(db: sqlite3.Connection, now_ms: int, most: int = _ALL_ENDED) -> bool:
    """Note the hour, and remove so many ended prekeys; tell whether more may be left (RLY-270)."""
    # The full hour: it tells no more than the hours of arrival do, and never goes back (RLY-150).
    hour = {"hour": now_ms // HOUR_MS * HOUR_MS}
    db.execute("UPDATE meta SET value = :hour WHERE name = 'clock' AND value < :hour", hour)
    return most in [db.execute(statement, (now_ms, most)).rowcount for statement in _DROP_ENDED]
