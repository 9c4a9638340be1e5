"""What time brings in the shared database: partitions made and dropped, sweeps, restored copies."""

from __future__ import annotations

import secrets
from typing import Final

import psycopg
from psycopg import sql

from e2ee_relay.store.shared import DAY_MS, HOUR_MS, EraseMailbox, ExpireShortLived, KeepUp, Kept

from .mailboxes import erase_mailbox
from .schema import UPKEEP_LOCK
from .session import Identity

# A day and some hours ahead: a node whose clock is early, or an upkeep that is late, finds its partition.
_DAYS_AHEAD: Final = 2
_HOURS_AHEAD: Final = 26
_ERASE_AT_ONCE: Final = 200
# Inline up to 8 KB of a page; a queue is vacuumed at full speed, from the first rows on.
_OPTIONS: Final = sql.SQL(
    "toast_tuple_target = 8160, autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_scale_factor = 0.05"
)
_SEQ_PER_MS_BITS: Final = 16


def keep_up(db: psycopg.Connection, change: KeepUp) -> Kept:
    """Do what is due, unless another node is at it."""
    row = db.execute("SELECT pg_try_advisory_lock(%b)", [UPKEEP_LOCK]).fetchone()
    if row is None or not row[0]:
        return Kept(0)
    try:
        make_partitions(db, change.now_ms, change.retention_s, change.remembered_s)
        expired = drop_partitions(db, change.now_ms)
        db.execute("DELETE FROM prekey WHERE not_after_ms <= %b", [change.now_ms])
        db.execute("DELETE FROM reusable_prekey WHERE not_after_ms <= %b", [change.now_ms])
        _erase_abandoned(db, change.abandoned_day)
    finally:
        if not db.closed:
            db.execute("SELECT pg_advisory_unlock(%b)", [UPKEEP_LOCK])
    return Kept(expired)


def make_partitions(db: psycopg.Connection, now_ms: int, retention_s: int, remembered_s: int) -> None:
    """Make the partitions of all days on which a message of now may expire, and of the hours of ids."""
    today, hour = now_ms // DAY_MS, now_ms // HOUR_MS
    last_day = (now_ms + retention_s * 1000) // DAY_MS + _DAYS_AHEAD
    last_hour = hour + remembered_s // 3600 + _HOURS_AHEAD
    make_missing(db, {0, *range(today - 1, last_day + 1)}, set(range(hour - 1, last_hour + 1)))


def make_missing(db: psycopg.Connection, days: set[int], hours: set[int]) -> None:
    """Make the partitions of these days and hours, where they are missing."""
    for day in sorted(days - _partitions(db, "message")):
        _make(db, "message", day, _OPTIONS)
    for hour in sorted(hours - _partitions(db, "remembered")):
        _make(db, "remembered", hour, None)


def drop_partitions(db: psycopg.Connection, now_ms: int) -> int:
    """Drop the days and hours that are over; return how many messages went with them (RLY-108)."""
    expired = 0
    for day in sorted(_partitions(db, "message")):
        if 0 < day < now_ms // DAY_MS:
            expired += _drop_day(db, day)
    for hour in sorted(_partitions(db, "remembered")):
        if hour < now_ms // HOUR_MS:
            db.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(_name("remembered", hour)))
    return expired


def _drop_day(db: psycopg.Connection, day: int) -> int:
    with db.transaction():
        # What expired is forgotten with its message: its id may be sent again (RLY-32).
        gone = db.execute("DELETE FROM held_id WHERE expires_day = %b", [day]).rowcount
        db.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(_name("message", day)))
    return gone


def expire_short_lived(db: psycopg.Connection, change: ExpireShortLived) -> Kept:
    """Delete the messages whose minute is over, and their ids (RLY-41)."""
    row = db.execute(
        "WITH gone AS ("
        "  DELETE FROM message WHERE expires_day = 0 AND expires_ms <= %b RETURNING mailbox, msg_id),"
        " ids AS (DELETE FROM held_id USING gone"
        "  WHERE held_id.mailbox = gone.mailbox AND held_id.msg_id = gone.msg_id)"
        " SELECT count(*) FROM gone",
        [change.now_ms],
    ).fetchone()
    return Kept(0 if row is None else int(row[0]))


def expire_now(db: psycopg.Connection, now_ms: int) -> int:
    """Delete what has expired on a day that is not over; return how many messages."""
    row = db.execute(
        "WITH gone AS (DELETE FROM message WHERE expires_ms <= %b RETURNING mailbox, msg_id),"
        " ids AS (DELETE FROM held_id USING gone"
        "  WHERE held_id.mailbox = gone.mailbox AND held_id.msg_id = gone.msg_id)"
        " SELECT count(*) FROM gone",
        [now_ms],
    ).fetchone()
    return 0 if row is None else int(row[0])


def _erase_abandoned(db: psycopg.Connection, abandoned_day: int) -> None:
    rows = db.execute(
        "SELECT mailbox FROM mailbox WHERE used_day < %b ORDER BY mailbox LIMIT %b",
        [abandoned_day, _ERASE_AT_ONCE],
    ).fetchall()
    for row in rows:
        erase_mailbox(db, EraseMailbox(bytes(row[0]), None))


# --- a database that is another than before ---


def find_identity(db: psycopg.Connection) -> Identity | None:
    """Return the identity that the relay has noted, None before its first start."""
    rows: dict[str, str] = dict(
        db.execute("SELECT name, value FROM meta WHERE name IN ('system', 'timeline', 'table')").fetchall()
    )
    if not rows.keys() >= {"system", "timeline"}:
        return None
    return Identity(rows["system"], int(rows["timeline"]), int(rows.get("table", "0")))


def note_identity(db: psycopg.Connection, now_ms: int, *, declared: bool = False) -> int | None:
    """Note which database this is; burn one-time keys if it is another, or on the operator's word.

    A copy that was put back may hand keys out again, and numbers, which from then on begin above the present
    time (RLY-103). Return how many keys were burned, None where nothing had changed.
    """
    with db.transaction():
        db.execute("LOCK TABLE meta IN SHARE ROW EXCLUSIVE MODE")
        ours, noted = Identity.of(db), find_identity(db)
        if noted == ours and not declared:
            return None
        _put(db, "system", ours.system)
        _put(db, "timeline", str(ours.timeline))
        _put(db, "table", str(ours.table))
        if noted is None and not declared:
            return None
        _put(db, "seq_floor", str(now_ms << _SEQ_PER_MS_BITS))
        return db.execute("DELETE FROM prekey").rowcount


def lineage(db: psycopg.Connection) -> str:
    """Return the random name that the tables got when they were made, and that every copy of them has."""
    drawn = secrets.token_hex(16)
    db.execute("INSERT INTO meta VALUES ('lineage', %b) ON CONFLICT (name) DO NOTHING", [drawn])
    row = db.execute("SELECT value FROM meta WHERE name = 'lineage'").fetchone()
    return "" if row is None else str(row[0])


def seq_floor(db: psycopg.Connection) -> int:
    """Return the number above which all new ones are."""
    row = db.execute("SELECT value FROM meta WHERE name = 'seq_floor'").fetchone()
    return 0 if row is None else int(row[0])


def _put(db: psycopg.Connection, name: str, value: str) -> None:
    db.execute(
        "INSERT INTO meta VALUES (%b, %b) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [name, value],
    )


# --- partitions ---


def _partitions(db: psycopg.Connection, table: str) -> set[int]:
    rows = db.execute(
        "SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid"
        " WHERE inhparent = to_regclass(%s)",
        [table],
    )
    return {int(str(row[0]).rpartition("_")[2]) for row in rows}


def _name(table: str, number: int) -> sql.Identifier:
    return sql.Identifier(f"{table}_{number}")


def _make(db: psycopg.Connection, table: str, number: int, options: sql.SQL | None) -> None:
    """Make a table and attach it: unlike one that is made as a partition, it holds up no writer."""
    name = _name(table, number)
    with db.transaction():
        query = sql.SQL("CREATE TABLE IF NOT EXISTS {} (LIKE {} INCLUDING DEFAULTS INCLUDING STORAGE)")
        db.execute(query.format(name, sql.Identifier(table)))
        if options is not None:
            db.execute(sql.SQL("ALTER TABLE {} SET ({})").format(name, options))
        query = sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})")
        db.execute(query.format(sql.Identifier(table), name, sql.Literal(number), sql.Literal(number + 1)))
