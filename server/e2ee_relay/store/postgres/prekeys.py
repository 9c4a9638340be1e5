"""Prekeys in the shared database: upload, stock, and each one-time key handed out once over all nodes.

Whoever takes or adds keys of a device first locks its marks; marks are locked in the order of devices. The
keys are deleted in the same transaction, and leave the node only after its commit (RLY-63).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import psycopg

from e2ee_relay.store.api import ML_KEM_768, X25519
from e2ee_relay.store.changes import (
    NoPrekeys,
    PrekeyRow,
    PutPrekeys,
    ReadStock,
    Stock,
    StockFull,
    TakenPrekeys,
    TakePrekeys,
)

_LOCK: Final = (
    "SELECT record_hash, key_type, highest_id FROM prekey_mark WHERE record_hash = ANY(%b::bytea[])"
    " ORDER BY record_hash, key_type FOR UPDATE"
)
_REUSABLE: Final = (
    "SELECT record_hash, key_type, signed_prekey, not_after_ms FROM reusable_prekey"
    " WHERE record_hash = ANY(%b::bytea[])"
)
_TAKE: Final = (
    "DELETE FROM prekey USING (SELECT oldest.* FROM"
    " unnest(%b::bytea[], %b::smallint[], %b::int[], %b::bigint[])"
    " AS asked(record_hash, key_type, most, now_ms)"
    " CROSS JOIN LATERAL (SELECT record_hash, key_type, key_id FROM prekey"
    "  WHERE prekey.record_hash = asked.record_hash AND prekey.key_type = asked.key_type"
    "  AND not_after_ms > asked.now_ms ORDER BY key_id LIMIT asked.most) AS oldest) AS taken"
    " WHERE prekey.record_hash = taken.record_hash AND prekey.key_type = taken.key_type"
    " AND prekey.key_id = taken.key_id"
    " RETURNING prekey.record_hash, prekey.key_type, prekey.key_id, prekey.signed_prekey"
)
_LEFT: Final = (
    "SELECT record_hash, key_type, count(*) FROM prekey WHERE record_hash = ANY(%b::bytea[])"
    " GROUP BY record_hash, key_type"
)
_TYPES: Final = (X25519, ML_KEM_768)


def take_prekeys(db: psycopg.Connection, changes: Sequence[TakePrekeys]) -> list[TakenPrekeys | NoPrekeys]:
    """Take one key of each kind for every change, in one transaction.

    Raises:
        psycopg.Error: no key was taken.
    """
    devices = sorted({change.record_hash for change in changes})
    with db.pipeline(), db.transaction():
        db.execute(_LOCK, [devices])
        reusable = db.execute(_REUSABLE, [devices], binary=True)
        held = {(bytes(row[0]), int(row[1])): (bytes(row[2]), int(row[3])) for row in reusable.fetchall()}
        served = [change for change in changes if _is_in_force(held, change)]
        taken = _take(db, served)
        left = {
            (bytes(row[0]), int(row[1])): int(row[2]) for row in db.execute(_LEFT, [devices], binary=True)
        }
    results: list[TakenPrekeys | NoPrekeys] = []
    for change in changes:
        device = change.record_hash
        if not _is_in_force(held, change):
            results.append(NoPrekeys())
            continue
        x25519 = _next(taken, device, X25519) if change.with_one_time else None
        kem = _next(taken, device, ML_KEM_768) if change.with_one_time else None
        results.append(
            TakenPrekeys(
                signed_prekey=held[device, X25519][0],
                one_time_x25519=x25519,
                kem=held[device, ML_KEM_768][0] if kem is None else kem,
                kem_is_one_time=kem is not None,
                left_x25519=left.get((device, X25519), 0) + len(taken[device, X25519]),
                left_kem=left.get((device, ML_KEM_768), 0) + len(taken[device, ML_KEM_768]),
            )
        )
    return results


def _is_in_force(held: dict[tuple[bytes, int], tuple[bytes, int]], change: TakePrekeys) -> bool:
    ends_ms = [held.get((change.record_hash, key_type), (b"", 0))[1] for key_type in _TYPES]
    return min(ends_ms) > change.now_ms


def _take(db: psycopg.Connection, changes: Sequence[TakePrekeys]) -> dict[tuple[bytes, int], list[bytes]]:
    """Delete the oldest keys, as many of a device as it is asked for; return them ascending."""
    wanted: dict[bytes, int] = defaultdict(int)
    now_ms = max((change.now_ms for change in changes), default=0)
    for change in changes:
        wanted[change.record_hash] += change.with_one_time
    taken: dict[tuple[bytes, int], list[bytes]] = defaultdict(list)
    if wanted:
        asked = [(device, key_type, most) for device, most in wanted.items() for key_type in _TYPES]
        columns: list[object] = [list(column) for column in zip(*asked, strict=True)]
        rows = db.execute(_TAKE, [*columns, [now_ms] * len(asked)], binary=True).fetchall()
        for device, key_type, _, key in sorted(rows, key=lambda row: (row[0], row[1], row[2])):
            taken[bytes(device), int(key_type)].append(bytes(key))
    return taken


def _next(taken: dict[tuple[bytes, int], list[bytes]], device: bytes, key_type: int) -> bytes | None:
    keys = taken[device, key_type]
    return keys.pop(0) if keys else None


def put_prekeys(db: psycopg.Connection, change: PutPrekeys) -> Stock | StockFull:
    """Store the reusable keys and those one-time keys whose ids are new (RLY-62)."""
    with db.transaction():
        marks = _lock_marks(db, change.record_hash)
        fresh = [row for row in change.one_time if row.key_id > marks[row.key_type]]
        stock = read_stock(db, ReadStock(change.record_hash))
        held = {X25519: stock.one_time_x25519, ML_KEM_768: stock.one_time_kem}
        for key_type in _TYPES:
            added = sum(row.key_type == key_type for row in fresh)
            if added and held[key_type] + added > change.max_one_time:
                return StockFull()
        for row in change.reusable:
            db.execute(
                "INSERT INTO reusable_prekey VALUES (%b, %b, %b, %b, %b) ON CONFLICT (record_hash, key_type)"
                " DO UPDATE SET key_id = excluded.key_id, not_after_ms = excluded.not_after_ms,"
                " signed_prekey = excluded.signed_prekey",
                [change.record_hash, *row],
            )
        _insert(db, change.record_hash, fresh)
        return read_stock(db, ReadStock(change.record_hash))


def _lock_marks(db: psycopg.Connection, record_hash: bytes) -> dict[int, int]:
    db.execute(
        "INSERT INTO prekey_mark SELECT %b, key_type, 0 FROM unnest(%b::smallint[]) AS key_type"
        " ON CONFLICT (record_hash, key_type) DO NOTHING",
        [record_hash, list(_TYPES)],
    )
    return {int(row[1]): int(row[2]) for row in db.execute(_LOCK, [[record_hash]])}


def _insert(db: psycopg.Connection, record_hash: bytes, fresh: Sequence[PrekeyRow]) -> None:
    if not fresh:
        return
    columns: list[object] = [list(column) for column in zip(*fresh, strict=True)]
    db.execute(
        "INSERT INTO prekey (record_hash, key_type, key_id, not_after_ms, signed_prekey) SELECT %b, one.*"
        " FROM unnest(%b::smallint[], %b::bigint[], %b::bigint[], %b::bytea[]) AS one",
        [record_hash, *columns],
    )
    db.execute(
        "UPDATE prekey_mark SET highest_id = new.highest FROM (SELECT key_type, max(key_id) AS highest"
        " FROM unnest(%b::smallint[], %b::bigint[]) AS one(key_type, key_id) GROUP BY key_type) AS new"
        " WHERE record_hash = %b AND prekey_mark.key_type = new.key_type",
        [columns[0], columns[1], record_hash],
    )


def read_stock(db: psycopg.Connection, change: ReadStock) -> Stock:
    """Return what is held for a device."""
    device = change.record_hash
    counts = {int(row[1]): int(row[2]) for row in db.execute(_LEFT, [[device]])}
    marks: dict[int, int] = dict(
        db.execute("SELECT key_type, highest_id FROM prekey_mark WHERE record_hash = %b", [device]).fetchall()
    )
    reusable: dict[int, int] = dict(
        db.execute("SELECT key_type, key_id FROM reusable_prekey WHERE record_hash = %b", [device]).fetchall()
    )
    return Stock(
        one_time_x25519=counts.get(X25519, 0),
        one_time_kem=counts.get(ML_KEM_768, 0),
        highest_x25519_id=marks.get(X25519, 0),
        highest_kem_id=marks.get(ML_KEM_768, 0),
        signed_prekey_id=reusable.get(X25519),
        last_resort_id=reusable.get(ML_KEM_768),
    )


def drop_prekeys_of(db: psycopg.Connection, devices: Sequence[bytes]) -> None:
    """Remove everything held for devices, the marks included; inside the caller's transaction."""
    hashes = sorted(devices)
    db.execute(_LOCK, [hashes])
    db.execute("DELETE FROM prekey WHERE record_hash = ANY(%b::bytea[])", [hashes])
    db.execute("DELETE FROM reusable_prekey WHERE record_hash = ANY(%b::bytea[])", [hashes])
    db.execute("DELETE FROM prekey_mark WHERE record_hash = ANY(%b::bytea[])", [hashes])
