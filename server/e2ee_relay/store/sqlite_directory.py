"""Entries and prekeys in SQLite: read and written within the transaction of the writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Container
from typing import Final

from e2ee_relay.entry import Entry, entry_from_rows

from .api import HOUR_MS, LOOK_AGAIN_DAYS, DeviceRow, ListRow, PrekeyRow, Stock

_ALL_ROWS: Final = range(2**63 - 1)
# By type: how many one-time keys, the highest id ever uploaded, the id of the reusable key.
_STOCK: Final = (
    "SELECT key_type, count(*) FROM prekey WHERE record_hash = ? GROUP BY key_type",
    "SELECT key_type, highest_id FROM prekey_mark WHERE record_hash = ?",
    "SELECT key_type, key_id FROM reusable_prekey WHERE record_hash = ?",
)
# A list that was taken before may end later (RLY-265).
_PUT_DUE: Final = (
    "INSERT INTO entry VALUES (?, ?) ON CONFLICT (account_id) DO UPDATE"
    " SET due_day = max(due_day, excluded.due_day)"
)
# All but the newest ones (RLY-259).
_FORGET_LISTS: Final = (
    "DELETE FROM device_list WHERE account_id = ? AND seq <= (SELECT seq FROM device_list"
    " WHERE account_id = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)"
)


class SqlDirectory:
    """The part of a view that asks the database (`api.DirectoryView`)."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.accounts = 0  # entries that are held
        self.published: set[bytes] = set()  # mailboxes that their addresses name; changed by the writer alone

    # --- entries ---

    def entry(self, account_id: bytes) -> Entry | None:
        """Return an account's head with its devices."""
        head = self._db.execute(
            "SELECT account_id, seq, signed_list FROM device_list WHERE account_id = ?"
            " ORDER BY seq DESC LIMIT 1",
            (account_id,),
        ).fetchone()
        if head is None:
            return None
        rows = self._db.execute(
            "SELECT account_id, record_hash, position, record, address, slot FROM device"
            " WHERE account_id = ? ORDER BY position",
            (account_id,),
        )
        return entry_from_rows(ListRow(*head), [DeviceRow(*row) for row in rows])

    def replace(self, entry: Entry, lists: tuple[ListRow, ...], most: int, due_day: int) -> None:
        """Append lists and keep the newest ones, replace devices; those that are gone lose their prekeys."""
        account_id = entry.head.account_id
        self.accounts += self._is_new(account_id)
        self._db.executemany("INSERT INTO device_list VALUES (?, ?, ?)", lists)
        self._db.execute(_FORGET_LISTS, (account_id, account_id, most))
        self._db.execute(_PUT_DUE, (account_id, due_day))
        kept = {device.record_hash for device in entry.devices}
        for record_hash in self._devices(account_id):
            if record_hash not in kept:
                drop_device_prekeys(self._db, record_hash)
        before = self._mailboxes(account_id)
        self._db.execute("DELETE FROM device WHERE account_id = ?", (account_id,))
        self._db.executemany(
            "INSERT INTO device (record_hash, account_id, position, record, address, mailbox, slot)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (one.record_hash, account_id, position, one.record, one.address, one.mailbox, one.slot)
                for position, one in enumerate(entry.devices)
            ],
        )
        self._look_at_published(before | entry.mailboxes())

    def _is_new(self, account_id: bytes) -> bool:
        asked = "SELECT 1 FROM device_list WHERE account_id = ? LIMIT 1"
        return self._db.execute(asked, (account_id,)).fetchone() is None

    def _devices(self, account_id: bytes) -> list[bytes]:
        rows = self._db.execute("SELECT record_hash FROM device WHERE account_id = ?", (account_id,))
        return [bytes(record_hash) for (record_hash,) in rows]

    def _mailboxes(self, account_id: bytes) -> set[bytes]:
        rows = self._db.execute("SELECT mailbox FROM device WHERE account_id = ?", (account_id,))
        return {bytes(mailbox) for (mailbox,) in rows if mailbox is not None}

    def _look_at_published(self, mailboxes: set[bytes]) -> None:
        for mailbox in mailboxes:
            (self.published.add if self.devices_of(mailbox) else self.published.discard)(mailbox)

    def is_published(self, address: bytes) -> bool:
        """Tell whether an entry names this mailbox; any thread."""
        return address in self.published

    def lists(self, account_id: bytes, after_seq: int, most: int) -> list[bytes]:
        rows = self._db.execute(
            "SELECT signed_list FROM device_list WHERE account_id = ? AND seq > ? ORDER BY seq LIMIT ?",
            (account_id, after_seq, most),
        )
        return [bytes(signed_list) for (signed_list,) in rows]

    def devices_of(self, mailbox: bytes) -> list[tuple[bytes, bytes]]:
        rows = self._db.execute("SELECT account_id, record_hash FROM device WHERE mailbox = ?", (mailbox,))
        return [(bytes(account_id), bytes(record_hash)) for account_id, record_hash in rows]

    def drop_account(self, account_id: bytes) -> None:
        self.accounts -= not self._is_new(account_id)
        before = self._mailboxes(account_id)
        drop_account(self._db, account_id)
        self._look_at_published(before)

    def drop_unless_held(self, account_id: bytes, boxes: Container[bytes], today: int) -> None:
        """Remove a due entry, unless a mailbox that it names is held: then it is due later (RLY-262)."""
        if any(mailbox in boxes for mailbox in self._mailboxes(account_id)):
            later = (today + LOOK_AGAIN_DAYS, account_id)
            self._db.execute("UPDATE entry SET due_day = ? WHERE account_id = ?", later)
        else:
            self.drop_account(account_id)

    # --- prekeys ---

    def stock(self, record_hash: bytes) -> Stock:
        """Return what is held for a device."""
        return Stock.of(*(dict(self._db.execute(query, (record_hash,))) for query in _STOCK))

    def add_prekeys(
        self, record_hash: bytes, reusable: tuple[PrekeyRow, ...], one_time: tuple[PrekeyRow, ...]
    ) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO reusable_prekey VALUES (?, ?, ?, ?, ?)",
            [(record_hash, *row) for row in reusable],
        )
        self._db.executemany(
            "INSERT INTO prekey VALUES (?, ?, ?, ?, ?)", [(record_hash, *row) for row in one_time]
        )
        self._db.executemany(
            "INSERT OR REPLACE INTO prekey_mark VALUES (?, ?, ?)",
            [(record_hash, row.key_type, row.key_id) for row in one_time],
        )

    def reusable(self, record_hash: bytes, key_type: int, wall_ms: int) -> bytes | None:
        found = self._db.execute(
            "SELECT signed_prekey FROM reusable_prekey"
            " WHERE record_hash = ? AND key_type = ? AND not_after_ms > ?",
            (record_hash, key_type, wall_ms),
        ).fetchone()
        return None if found is None else bytes(found[0])

    def pop_one_time(self, record_hash: bytes, key_type: int, wall_ms: int) -> bytes | None:
        found = self._db.execute(
            "SELECT key_id, signed_prekey FROM prekey"
            " WHERE record_hash = ? AND key_type = ? AND not_after_ms > ? ORDER BY key_id LIMIT 1",
            (record_hash, key_type, wall_ms),
        ).fetchone()
        if found is None:
            return None
        self._db.execute(
            "DELETE FROM prekey WHERE record_hash = ? AND key_type = ? AND key_id = ?",
            (record_hash, key_type, found[0]),
        )
        return bytes(found[1])


_ALL_ENDED: Final = -1
_DROP_ENDED: Final = (
    "DELETE FROM prekey WHERE (record_hash, key_type, key_id) IN"
    " (SELECT record_hash, key_type, key_id FROM prekey WHERE not_after_ms <= ? LIMIT ?)",
    "DELETE FROM reusable_prekey WHERE (record_hash, key_type) IN"
    " (SELECT record_hash, key_type FROM reusable_prekey WHERE not_after_ms <= ? LIMIT ?)",
)


def drop_account(db: sqlite3.Connection, account_id: bytes) -> None:
    """Remove an entry with its lists, devices and their prekeys."""
    devices = db.execute("SELECT record_hash FROM device WHERE account_id = ?", (account_id,)).fetchall()
    for (record_hash,) in devices:
        drop_device_prekeys(db, record_hash)
    db.execute("DELETE FROM device WHERE account_id = ?", (account_id,))
    db.execute("DELETE FROM device_list WHERE account_id = ?", (account_id,))
    db.execute("DELETE FROM entry WHERE account_id = ?", (account_id,))


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
    for (record_hash,) in db.execute(
        "SELECT record_hash FROM device WHERE mailbox = ?", (mailbox,)
    ).fetchall():
        db.execute(
            "UPDATE device SET address = NULL, mailbox = NULL, slot = NULL WHERE record_hash = ?",
            (record_hash,),
        )
        drop_device_prekeys(db, record_hash)


def drop_device_prekeys(db: sqlite3.Connection, record_hash: bytes) -> None:
    """Remove all prekeys of a device, the highest ids included."""
    for table in ("prekey", "reusable_prekey", "prekey_mark"):
        db.execute(f"DELETE FROM {table} WHERE record_hash = ?", (record_hash,))  # noqa: S608 - fixed names


def sweep_tables(db: sqlite3.Connection, now_ms: int, most: int = _ALL_ENDED) -> bool:
    """Note the hour, and remove so many ended prekeys; tell whether more may be left (RLY-270)."""
    # The full hour: it tells no more than the hours of arrival do, and never goes back (RLY-150).
    hour = {"hour": now_ms // HOUR_MS * HOUR_MS}
    db.execute("UPDATE meta SET value = :hour WHERE name = 'clock' AND value < :hour", hour)
    return most in [db.execute(statement, (now_ms, most)).rowcount for statement in _DROP_ENDED]
