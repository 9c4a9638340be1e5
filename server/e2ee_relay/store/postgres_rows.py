"""What hangs on a mailbox, an account or a device of the shared database, and its removal as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, LiteralString

import psycopg

from .api import LOOK_AGAIN_DAYS

# Whoever replaces an entry or takes prekeys holds these locks until its transaction ends: a number each for
# the accounts and devices, in ascending order.
_LOCK: Final = "SELECT pg_advisory_xact_lock(name) FROM unnest(%b::bigint[]) AS name"
OF_MAILBOX: Final[tuple[LiteralString, ...]] = ("message", "short_lived", "seen", "token", "blob", "mailbox")
OF_ACCOUNT: Final[tuple[LiteralString, ...]] = ("device_list", "entry", "device")
OF_DEVICE: Final[tuple[LiteralString, ...]] = ("prekey", "reusable_prekey", "prekey_mark")

_OVER: Final = "SELECT blob FROM blob WHERE expires_ms <= %b ORDER BY blob LIMIT 200 FOR UPDATE SKIP LOCKED"

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


def erase_mailbox(db: psycopg.Connection, mailbox: bytes) -> None:
    """Remove a mailbox with its rows, and address and prekeys of devices that named it (RLY-27).

    Inside the caller's transaction. Its row is locked first, as every group does.
    """
    db.execute("SELECT FROM mailbox WHERE mailbox = %b FOR UPDATE", [mailbox])
    query = "SELECT account_id, record_hash FROM device WHERE mailbox = %b"
    named = db.execute(query, [mailbox]).fetchall()
    lock_directory(db, [bytes(one) for row in named for one in row])
    db.execute("UPDATE device SET address = NULL, mailbox = NULL, slot = NULL WHERE mailbox = %b", [mailbox])
    drop_prekeys_of(db, [bytes(row[1]) for row in named])
    query = "SELECT blob FROM blob WHERE mailbox = %b ORDER BY blob FOR UPDATE"
    drop_blobs(db, [bytes(row[0]) for row in db.execute(query, [mailbox]).fetchall()])
    for table in OF_MAILBOX:
        db.execute(f"DELETE FROM {table} WHERE mailbox = %b", [mailbox])  # noqa: S608 - fixed names


def erase_account(db: psycopg.Connection, account_id: bytes) -> None:
    """Remove an account with its lists, devices and prekeys; inside the caller's transaction."""
    lock_directory(db, [account_id])
    query = "SELECT record_hash FROM device WHERE account_id = %b"
    devices = [bytes(row[0]) for row in db.execute(query, [account_id]).fetchall()]
    lock_directory(db, devices)
    drop_prekeys_of(db, devices)
    for table in OF_ACCOUNT:
        db.execute(f"DELETE FROM {table} WHERE account_id = %b", [account_id])  # noqa: S608 - fixed names


def erase_due_entries(db: psycopg.Connection, today: int) -> None:
    """Remove some entries that are due and name no mailbox that is held, each for itself (RLY-262)."""
    for (account_id,) in db.execute(_DUE, [today, DUE_AT_ONCE]).fetchall():
        with db.transaction():
            lock_directory(db, [account_id])
            is_held = db.execute(_IS_HELD, [account_id]).fetchone()
            # It may have been published since it was found.
            is_due = db.execute(_IS_DUE, [today + LOOK_AGAIN_DAYS, account_id, today]).rowcount
            if is_due and is_held is None:
                erase_account(db, account_id)


def drop_prekeys_of(db: psycopg.Connection, devices: Iterable[bytes]) -> None:
    """Remove everything held for devices, the marks included; inside the caller's transaction."""
    hashes = sorted(devices)
    for table in OF_DEVICE if hashes else ():
        db.execute(f"DELETE FROM {table} WHERE record_hash = ANY(%b::bytea[])", [hashes])  # noqa: S608 - fixed names


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
