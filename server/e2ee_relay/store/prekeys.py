"""Prekeys in SQLite: upload, stock, and taking a one-time key exactly once."""

from __future__ import annotations

import sqlite3
from typing import Final

from .changes import NoPrekeys, PrekeyRow, PutPrekeys, Stock, StockFull, TakenPrekeys, TakePrekeys

X25519: Final = 1
ML_KEM_768: Final = 2


def put_prekeys(db: sqlite3.Connection, change: PutPrekeys) -> Stock | StockFull:
    """Store the reusable keys and those one-time keys whose ids are new (RLY-62)."""
    fresh = [row for row in change.one_time if row.key_id > _highest(db, change.record_hash, row.key_type)]
    for key_type in (X25519, ML_KEM_768):
        added = sum(row.key_type == key_type for row in fresh)
        if added and _count(db, change.record_hash, key_type) + added > change.max_one_time:
            return StockFull()
    for row in change.reusable:
        db.execute(
            "INSERT OR REPLACE INTO reusable_prekey VALUES (?, ?, ?, ?, ?)", _values(change.record_hash, row)
        )
    for row in fresh:
        db.execute("INSERT INTO prekey VALUES (?, ?, ?, ?, ?)", _values(change.record_hash, row))
        db.execute(
            "INSERT OR REPLACE INTO prekey_mark VALUES (?, ?, ?)",
            (change.record_hash, row.key_type, row.key_id),
        )
    return read_stock(db, change.record_hash)


def read_stock(db: sqlite3.Connection, record_hash: bytes) -> Stock:
    """Return what is held for a device."""
    return Stock(
        one_time_x25519=_count(db, record_hash, X25519),
        one_time_kem=_count(db, record_hash, ML_KEM_768),
        highest_x25519_id=_highest(db, record_hash, X25519),
        highest_kem_id=_highest(db, record_hash, ML_KEM_768),
        signed_prekey_id=_reusable_id(db, record_hash, X25519),
        last_resort_id=_reusable_id(db, record_hash, ML_KEM_768),
    )


def take_prekeys(db: sqlite3.Connection, change: TakePrekeys) -> TakenPrekeys | NoPrekeys:
    """Take the oldest unexpired key of each type; the caller commits before anybody sees it (RLY-63)."""
    signed_prekey = _reusable(db, change, X25519)
    last_resort = _reusable(db, change, ML_KEM_768)
    if signed_prekey is None or last_resort is None:
        return NoPrekeys()
    one_time_kem = _pop(db, change, ML_KEM_768) if change.with_one_time else None
    return TakenPrekeys(
        signed_prekey=signed_prekey,
        one_time_x25519=_pop(db, change, X25519) if change.with_one_time else None,
        kem=last_resort if one_time_kem is None else one_time_kem,
        kem_is_one_time=one_time_kem is not None,
        left_x25519=_count(db, change.record_hash, X25519),
        left_kem=_count(db, change.record_hash, ML_KEM_768),
    )


def drop_expired(db: sqlite3.Connection, now_ms: int) -> None:
    """Remove the prekeys whose time is over (RLY-68)."""
    db.execute("DELETE FROM prekey WHERE not_after_ms <= ?", (now_ms,))
    db.execute("DELETE FROM reusable_prekey WHERE not_after_ms <= ?", (now_ms,))


def drop_device_prekeys(db: sqlite3.Connection, record_hash: bytes) -> None:
    """Remove everything held for a device, the marks included."""
    for table in ("prekey", "reusable_prekey", "prekey_mark"):
        db.execute(f"DELETE FROM {table} WHERE record_hash = ?", (record_hash,))  # noqa: S608 - fixed names


def burn_one_time_keys(db: sqlite3.Connection) -> int:
    """Remove all one-time keys, return how many: a restored copy may have handed them out (RLY-76)."""
    return db.execute("DELETE FROM prekey").rowcount


def _values(record_hash: bytes, row: PrekeyRow) -> tuple[bytes | int, ...]:
    return record_hash, *row


def _count(db: sqlite3.Connection, record_hash: bytes, key_type: int) -> int:
    found = db.execute(
        "SELECT count(*) FROM prekey WHERE record_hash = ? AND key_type = ?", (record_hash, key_type)
    ).fetchone()
    return int(found[0])


def _highest(db: sqlite3.Connection, record_hash: bytes, key_type: int) -> int:
    found = db.execute(
        "SELECT highest_id FROM prekey_mark WHERE record_hash = ? AND key_type = ?", (record_hash, key_type)
    ).fetchone()
    return 0 if found is None else int(found[0])


def _reusable_id(db: sqlite3.Connection, record_hash: bytes, key_type: int) -> int | None:
    found = db.execute(
        "SELECT key_id FROM reusable_prekey WHERE record_hash = ? AND key_type = ?", (record_hash, key_type)
    ).fetchone()
    return None if found is None else int(found[0])


def _reusable(db: sqlite3.Connection, change: TakePrekeys, key_type: int) -> bytes | None:
    found = db.execute(
        "SELECT signed_prekey FROM reusable_prekey"
        " WHERE record_hash = ? AND key_type = ? AND not_after_ms > ?",
        (change.record_hash, key_type, change.now_ms),
    ).fetchone()
    return None if found is None else bytes(found[0])


def _pop(db: sqlite3.Connection, change: TakePrekeys, key_type: int) -> bytes | None:
    found = db.execute(
        "SELECT key_id, signed_prekey FROM prekey WHERE record_hash = ? AND key_type = ? AND not_after_ms > ?"
        " ORDER BY key_id LIMIT 1",
        (change.record_hash, key_type, change.now_ms),
    ).fetchone()
    if found is None:
        return None
    db.execute(
        "DELETE FROM prekey WHERE record_hash = ? AND key_type = ? AND key_id = ?",
        (change.record_hash, key_type, found[0]),
    )
    return bytes(found[1])
