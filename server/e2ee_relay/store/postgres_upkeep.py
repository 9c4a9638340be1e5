"""Upkeep of the shared database: partitions made and dropped, expiry, copies that were put back."""

from __future__ import annotations

import secrets
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from e2ee_relay.limits import Policy

from .api import DAY_MS, HOUR_MS
from .postgres_rows import erase_due_entries, erase_mailbox, expire_blobs
from .postgres_schema import PARTITION_LOCK, UPKEEP_LOCK
from .postgres_session import Identity

# A number has its day in the upper bits: above all numbers of earlier releases, which began at a time in
# milliseconds times 2^16, and with room for 2^43 messages of a mailbox a day.
_DAY_BITS: Final = 43
_SEQ_PER_MS_BITS: Final = 16
# Nodes with a clock that is early, or an upkeep that is late, find their partitions.
_DAYS_AHEAD: Final = 2
_HOURS_AHEAD: Final = 3
_ERASE_AT_ONCE: Final = 200
_ENDED_AT_ONCE: Final = 2_000
_PARTS_OF_ENDED: Final = 20
# Bodies stay in the row up to 8 KB of a page; a queue is vacuumed at full speed, from the first rows on.
_OPTIONS: Final = sql.SQL(
    "toast_tuple_target = 8160, autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_scale_factor = 0.05"
)


# --- numbers ---


def seq_floor_at(now_ms: int) -> int:
    """Return a number above all that were given before this moment, and in its day (RLY-35, RLY-103)."""
    return day_floor(now_ms) + (now_ms % DAY_MS << _SEQ_PER_MS_BITS)


def day_floor(now_ms: int) -> int:
    """Return the number below the first one of this day."""
    return now_ms // DAY_MS << _DAY_BITS


def day_of_seq(seq: int) -> int:
    """Return the day whose partition has this number."""
    return seq >> _DAY_BITS


# --- what is due ---


def keep_up(db: psycopg.Connection, now_ms: int, policy: Policy) -> int:
    """Do what is due each minute, unless another node is at it; return how many messages expired."""
    row = db.execute("SELECT pg_try_advisory_lock(%b)", [UPKEEP_LOCK]).fetchone()
    if row is None or not row[0]:
        return 0
    try:
        make_partitions(db, now_ms, policy.remembered_s)
        expired = drop_partitions(db, now_ms, policy.retention_s)
        drop_ended(db, now_ms)
        expire_blobs(db, now_ms)
        _erase_abandoned(db, (now_ms - policy.abandoned_s * 1000) // DAY_MS)
        erase_due_entries(db, now_ms // DAY_MS)
    finally:
        if not db.closed:
            db.execute("SELECT pg_advisory_unlock(%b)", [UPKEEP_LOCK])
    return expired


_ENDED: Final[tuple[LiteralString, ...]] = (
    "DELETE FROM prekey USING (SELECT record_hash, key_type, key_id FROM prekey WHERE not_after_ms <= %b"
    "  LIMIT %b FOR UPDATE SKIP LOCKED) AS ended WHERE prekey.record_hash = ended.record_hash"
    " AND prekey.key_type = ended.key_type AND prekey.key_id = ended.key_id",
    "DELETE FROM reusable_prekey USING (SELECT record_hash, key_type FROM reusable_prekey"
    "  WHERE not_after_ms <= %b LIMIT %b FOR UPDATE SKIP LOCKED) AS ended"
    " WHERE reusable_prekey.record_hash = ended.record_hash AND reusable_prekey.key_type = ended.key_type",
)


def drop_ended(db: psycopg.Connection, now_ms: int) -> None:
    """Remove prekeys whose time is over, some in each transaction, and so many in all (RLY-270)."""
    for statement in _ENDED:
        for _ in range(_PARTS_OF_ENDED):
            if db.execute(statement, [now_ms, _ENDED_AT_ONCE]).rowcount < _ENDED_AT_ONCE:
                break


def make_partitions(db: psycopg.Connection, now_ms: int, remembered_s: int) -> None:
    """Make the partitions of the days and hours in which messages and ids of now are stored."""
    today, hour = now_ms // DAY_MS, now_ms // HOUR_MS
    last_hour = hour + -(-remembered_s // 3600) + _HOURS_AHEAD
    make_missing(db, set(range(today - 1, today + _DAYS_AHEAD + 1)), set(range(hour, last_hour + 1)))


def make_missing(db: psycopg.Connection, days: set[int], hours: set[int]) -> None:
    """Make the partitions of these days and hours, where they are missing."""
    if days <= partitions_of(db, "message").keys() and hours <= partitions_of(db, "seen").keys():
        return
    with db.transaction():
        db.execute("SELECT pg_advisory_xact_lock(%b)", [PARTITION_LOCK])
        for day in sorted(days - partitions_of(db, "message").keys()):
            _make(db, "message", day, (day << _DAY_BITS, day + 1 << _DAY_BITS), _OPTIONS)
        for hour in sorted(hours - partitions_of(db, "seen").keys()):
            _make(db, "seen", hour, (hour, hour + 1), None)


def drop_partitions(db: psycopg.Connection, now_ms: int, retention_s: int) -> int:
    """Drop the days of which everything has expired, and the hours that are over (RLY-108).

    A message of a day expires at the latest so long after the hour that follows it; where `retention_s` was
    longer before, its day stays until its last message has expired. Return how many messages went.
    """
    expired = 0
    last_day = (now_ms - HOUR_MS - retention_s * 1000) // DAY_MS - 1
    for day, table in sorted(partitions_of(db, "message").items()):
        if day <= last_day and not _exists(db, table, now_ms):
            with db.transaction():
                row = db.execute(sql.SQL("SELECT count(*) FROM {}").format(table)).fetchone()
                db.execute(sql.SQL("DROP TABLE {}").format(table))
            expired += 0 if row is None else int(row[0])
    for hour, table in partitions_of(db, "seen").items():
        if hour < now_ms // HOUR_MS:
            db.execute(sql.SQL("DROP TABLE {}").format(table))
    return expired


def _exists(db: psycopg.Connection, table: sql.Identifier, now_ms: int) -> bool:
    query = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE expires_ms > {})").format(table, sql.Literal(now_ms))
    row = db.execute(query).fetchone()
    return row is not None and bool(row[0])


_SHORT_LIVED: Final = "SELECT DISTINCT mailbox FROM short_lived WHERE expires_ms <= %b"
_EXPIRED: Final = "SELECT DISTINCT mailbox FROM message WHERE expires_ms <= %b"
_LOCK: Final = "SELECT FROM mailbox WHERE mailbox = ANY(%b::bytea[]) ORDER BY mailbox FOR NO KEY UPDATE"
_DELETE_EXPIRED: Final = (
    "WITH gone AS (DELETE FROM message WHERE mailbox = ANY(%b::bytea[]) AND expires_ms <= %b"
    "  RETURNING mailbox, octet_length(body) AS size_b),"
    " counted AS (UPDATE mailbox SET held = greatest(0, held - n), held_b = greatest(0, held_b - b)"
    "  FROM (SELECT mailbox, count(*) AS n, sum(size_b) AS b FROM gone GROUP BY mailbox) AS less"
    "  WHERE mailbox.mailbox = less.mailbox)"
    " SELECT count(*) FROM gone"
)


def expire_short_lived(db: psycopg.Connection, now_ms: int) -> int:
    """Delete the messages whose minute is over; return how many (RLY-41)."""
    return _expire(db, now_ms, _SHORT_LIVED)


def expire_now(db: psycopg.Connection, now_ms: int) -> int:
    """Delete what has expired on days that are not over; return how many messages."""
    return _expire(db, now_ms, _EXPIRED)


def _expire(db: psycopg.Connection, now_ms: int, whose: LiteralString) -> int:
    with db.transaction():
        mailboxes = [row[0] for row in db.execute(whose, [now_ms])]
        if not mailboxes:
            return 0
        db.execute(_LOCK, [mailboxes])
        row = db.execute(_DELETE_EXPIRED, [mailboxes, now_ms]).fetchone()
        db.execute("DELETE FROM short_lived WHERE expires_ms <= %b", [now_ms])
    return 0 if row is None else int(row[0])


# Its owner may have come back since it was found.
_ABANDONED: Final = "SELECT 1 FROM mailbox WHERE mailbox = %b AND used_day < %b FOR UPDATE"


def _erase_abandoned(db: psycopg.Connection, abandoned_day: int) -> None:
    rows = db.execute(
        "SELECT mailbox FROM mailbox WHERE used_day < %b ORDER BY mailbox LIMIT %b",
        [abandoned_day, _ERASE_AT_ONCE],
    ).fetchall()
    for row in rows:
        with db.transaction():
            if db.execute(_ABANDONED, [bytes(row[0]), abandoned_day]).fetchone() is not None:
                erase_mailbox(db, bytes(row[0]))


_TOUCH: Final = (
    "UPDATE mailbox SET used_day = now.used_day FROM (SELECT mailbox, asked.used_day FROM mailbox"
    " JOIN unnest(%b::bytea[], %b::int[]) AS asked(mailbox, used_day) USING (mailbox) ORDER BY mailbox"
    " FOR NO KEY UPDATE OF mailbox) AS now WHERE mailbox.mailbox = now.mailbox"
)


def touch(db: psycopg.Connection, touched: dict[bytes, int]) -> None:
    """Note the day of use of mailboxes (RLY-79)."""
    db.execute(_TOUCH, [list(touched), list(touched.values())])


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
        _put(db, "seq_floor", str(seq_floor_at(now_ms)))
        return db.execute("DELETE FROM prekey").rowcount


def lineage_of(db: psycopg.Connection) -> str:
    """Return the random name that the tables got when they were made, and that every copy of them has."""
    drawn = secrets.token_hex(16)
    db.execute("INSERT INTO meta VALUES ('lineage', %b) ON CONFLICT (name) DO NOTHING", [drawn])
    row = db.execute("SELECT value FROM meta WHERE name = 'lineage'").fetchone()
    return "" if row is None else str(row[0])


def ask_tables(db: psycopg.Connection) -> psycopg.Cursor[tuple[Any, ...]]:
    """Ask for the name of the tables and their numbers: other ones were made anew or put back (RLY-197).

    Within a transaction they stay until its end. Beside them, what makes its commit durable (RLY-100), the
    number of the schema (RLY-101), and the number above which new ones are: the operator may have raised it
    (RLY-112).
    """
    return db.execute(
        "SELECT value, tableoid::bigint, to_regclass('prekey')::oid::bigint, current_setting('fsync'),"
        " current_setting('full_page_writes'), current_setting('synchronous_commit'),"
        " (SELECT value FROM meta WHERE name = 'schema'),"
        " (SELECT value::bigint FROM meta WHERE name = 'seq_floor')"
        " FROM meta WHERE name = 'lineage'"
    )


def _put(db: psycopg.Connection, name: str, value: str) -> None:
    db.execute(
        "INSERT INTO meta VALUES (%b, %b) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [name, value],
    )


# --- partitions ---


def partitions_of(db: psycopg.Connection, table: str) -> dict[int, sql.Identifier]:
    """Return the partitions of a table by the number in their name: a day, or an hour."""
    rows = db.execute(
        "SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid"
        " WHERE inhparent = to_regclass(%s)",
        [table],
    )
    return {int(str(row[0]).rpartition("_")[2]): sql.Identifier(str(row[0])) for row in rows}


def _make(
    db: psycopg.Connection, table: str, number: int, bounds: tuple[int, int], options: sql.SQL | None
) -> None:
    """Make a table and attach it: unlike one that is made as a partition, it holds up no writer."""
    name, parent = sql.Identifier(f"{table}_{number}"), sql.Identifier(table)
    query = sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING STORAGE)")
    db.execute(query.format(name, parent))
    if options is not None:
        db.execute(sql.SQL("ALTER TABLE {} SET ({})").format(name, options))
    query = sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})")
    db.execute(query.format(parent, name, *map(sql.Literal, bounds)))
