"""What hangs on a mailbox, an account or a device of the shared database, and its removal as a whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, LiteralString

import psycopg

from .api import LOOK_AGAIN_DAYS
from .directory import DirectoryTables, put_in_place

# Whoever replaces an entry or takes prekeys holds these locks until its transaction ends: a number each for
# the accounts and devices, in ascending order.
_LOCK: Final = "SELECT pg_advisory_xact_lock(name) FROM unnest(%b::bigint[]) AS name"
OF_MAILBOX: Final[tuple[LiteralString, ...]] = ("message", "short_lived", "seen", "token", "blob", "mailbox")
# Columns of entries and prekeys; the others hold bytes.
_TYPES: Final = {
    "seq": "bigint",
    "position": "smallint",
    "key_type": "smallint",
    "key_id": "bigint",
    "not_after_ms": "bigint",
    "highest_id": "bigint",
}

_OVER: Final = "SELECT blob FROM blob WHERE expires_ms <= %b ORDER BY blob LIMIT 200 FOR UPDATE SKIP LOCKED"

_TAKE_OLDEST: Final = (
    "DELETE FROM prekey WHERE record_hash = ? AND key_type = ? AND key_id = (SELECT min(key_id) FROM prekey"
    " WHERE record_hash = ? AND key_type = ? AND not_after_ms > ?) RETURNING signed_prekey"
)
# Entries that are removed or put off in one job of upkeep: some tenths of a second.
DUE_AT_ONCE: Final = 200
_DUE: Final = "SELECT account_id FROM entry WHERE due_day <= %b ORDER BY due_day LIMIT %b"
_IS_DUE: Final = "UPDATE entry SET due_day = %b WHERE account_id = %b AND due_day <= %b"
_IS_HELD: Final = (
    "SELECT FROM mailbox WHERE mailbox = ANY(ARRAY(SELECT mailbox FROM device WHERE account_id = %b)) LIMIT 1"
)


def lock_directory(db: psycopg.Connection, ids: Iterable[bytes]) -> None:
    """Lock accounts and devices until the transaction's end; two that share a number wait for each other."""
    names = {int.from_bytes(one[:8], "big", signed=True) for one in ids}
    if names:
        db.execute(_LOCK, [sorted(names)])


class PostgresDirectory(DirectoryTables):
    """Entries and prekeys, inside the caller's transaction. What is removed is locked before (RLY-104)."""

    def __init__(self, db: psycopg.Connection) -> None:
        self.db = db

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self.db.cursor(binary=True).execute(_bound(statement), values).fetchall()

    def run(self, statement: str, *values: object) -> None:
        self.db.execute(_bound(statement), values)

    def insert(
        self, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]], key: str = ""
    ) -> None:
        lists = ", ".join(f"?::{_TYPES.get(name, 'bytea')}[]" for name in columns)
        statement = f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({lists})"  # noqa: S608 - fixed names
        if rows:
            self.run(statement + put_in_place(columns, key), *map(list, zip(*rows, strict=True)))

    def pop_one_time(self, record_hash: bytes, key_type: int, wall_ms: int) -> bytes | None:
        taken = self.rows(_TAKE_OLDEST, record_hash, key_type, record_hash, key_type, wall_ms)
        return taken[0][0] if taken else None

    def drop_account(self, account_id: bytes) -> None:
        lock_directory(self.db, [account_id])
        super().drop_account(account_id)

    def forget_mailbox(self, mailbox: bytes) -> None:
        lock_directory(self.db, [one for named in self.devices_of(mailbox) for one in named])
        super().forget_mailbox(mailbox)

    def drop_prekeys(self, devices: Collection[bytes]) -> None:
        lock_directory(self.db, devices)
        super().drop_prekeys(devices)


def _bound(statement: str) -> bytes:
    return statement.replace("?", "%b").encode()


def erase_mailbox(db: psycopg.Connection, mailbox: bytes) -> None:
    """Remove a mailbox with its rows, and address and prekeys of devices that named it (RLY-27).

    Inside the caller's transaction. Its row is locked first, as every group does.
    """
    db.execute("SELECT FROM mailbox WHERE mailbox = %b FOR UPDATE", [mailbox])
    PostgresDirectory(db).forget_mailbox(mailbox)
    query = "SELECT blob FROM blob WHERE mailbox = %b ORDER BY blob FOR UPDATE"
    drop_blobs(db, [bytes(row[0]) for row in db.execute(query, [mailbox]).fetchall()])
    for table in OF_MAILBOX:
        db.execute(f"DELETE FROM {table} WHERE mailbox = %b", [mailbox])  # noqa: S608 - fixed names


def erase_due_entries(db: psycopg.Connection, today: int) -> None:
    """Remove some entries that are due and name no mailbox that is held, each for itself (RLY-262)."""
    for (account_id,) in db.execute(_DUE, [today, DUE_AT_ONCE]).fetchall():
        with db.transaction():
            lock_directory(db, [account_id])
            is_held = db.execute(_IS_HELD, [account_id]).fetchone()
            # It may have been published since it was found.
            is_due = db.execute(_IS_DUE, [today + LOOK_AGAIN_DAYS, account_id, today]).rowcount
            if is_due and is_held is None:
                PostgresDirectory(db).drop_account(account_id)


def drop_blobs(db: psycopg.Connection, keys: list[bytes]) -> None:
    """Remove blobs and their parts, inside the caller's transaction."""
    for table in ("blob_part", "blob"):
        db.execute(f"DELETE FROM {table} WHERE blob = ANY(%b::bytea[])", [keys])  # noqa: S608 - fixed names


def expire_blobs(db: psycopg.Connection, now_ms: int) -> None:
    """Drop what has expired."""
    while True:
        with db.transaction():
            keys = [row[0] for row in db.execute(_OVER, [now_ms]).fetchall()]
            drop_blobs(db, keys)
        if not keys:
            return
