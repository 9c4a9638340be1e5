"""The operator's commands on a shared database: it is the truth, so they need no running node (RLY-112)."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from e2ee_relay.config import Config
from e2ee_relay.consent import EXIT_FAILED, EXIT_OK, remove, say, warn
from e2ee_relay.reports import (
    COUNTED,
    DEVICES_BELOW,
    JsonValue,
    as_row,
    print_held,
    print_statistics,
)

from .api import MAILBOX, StoreError
from .directory import OF_ACCOUNT, OF_DEVICE
from .postgres import unusable
from .postgres_rows import OF_MAILBOX, PostgresDirectory, erase_mailbox, expire_blobs
from .postgres_schema import SCHEMA_VERSION, migrate, refuse_newer, rehearse, schema_version
from .postgres_session import Identity, connect, refuse_other_time, refuse_unfit
from .postgres_upkeep import drop_partitions, expire_now, find_identity, note_identity
from .sqlite_schema import describe

_COUNTED: Final[dict[str, LiteralString]] = {
    **COUNTED,
    "subscribed_mailboxes": "SELECT count(*) FROM mailbox WHERE subscriber IS NOT NULL",
    "blocked_mailboxes": "SELECT count(*) FROM blocked WHERE octet_length(subject) = 16",
    "blocked_accounts": "SELECT count(*) FROM blocked WHERE octet_length(subject) = 32",
    "database_bytes": "SELECT pg_database_size(current_database())",
}


class Call(NamedTuple):
    """A command, and what it is about: kind and id are empty where it is about none."""

    db: psycopg.Connection
    config: Config
    options: argparse.Namespace
    kind: str
    subject: bytes


def run(config: Config, options: argparse.Namespace, kind: str, subject: bytes) -> int:
    """Carry out a command; `kind` and `subject` are empty where it is about no id.

    Raises:
        StoreError: the database cannot be used, or the command is none for it.
    """
    command = _COMMANDS.get(options.command)
    if command is None and options.command != "migrate":
        raise StoreError(f"{options.command}: the database's own tools do this; see OPERATING.md")
    try:
        with connect(config.store, "command") as db:
            refuse_unfit(db)
            version = schema_version(db)
            refuse_newer(version)
            if command is None:
                return _migrate(db, version, options)
            if version == 0:
                raise StoreError("there is no relay in this database")
            migrate(db)
            return command(Call(db, config, options, kind, subject))
    except psycopg.Error as error:
        raise StoreError(unusable(error)) from None


def _migrate(db: psycopg.Connection, version: int, options: argparse.Namespace) -> int:
    """Bring the schema up to date, an empty database too; or try it, or only tell (RLY-151)."""
    if options.check:
        say(describe(version, SCHEMA_VERSION))
        return EXIT_OK if version == SCHEMA_VERSION else EXIT_FAILED
    if options.dry_run:
        rehearse(db)
        return say(describe(version, SCHEMA_VERSION))
    migrate(db)
    return say(describe(SCHEMA_VERSION, SCHEMA_VERSION))


def held_about(db: psycopg.Connection, kind: str, subject: bytes) -> dict[str, list[dict[str, JsonValue]]]:
    """Return every row about a mailbox or account, by table; byte strings as hex (RLY-77)."""
    if kind == MAILBOX:
        found = {table: _rows(db, table, "mailbox", subject) for table in (*OF_MAILBOX, "device")}
    else:
        found = {table: _rows(db, table, "account_id", subject) for table in OF_ACCOUNT}
    devices = [bytes.fromhex(str(row["record_hash"])) for row in found["device"]]
    for table in OF_DEVICE:
        found[table] = [row for device in devices for row in _rows(db, table, "record_hash", device)]
    return found


def _rows(db: psycopg.Connection, table: str, column: str, value: bytes) -> list[dict[str, JsonValue]]:
    query = sql.SQL("SELECT * FROM {} WHERE {} = %b").format(sql.Identifier(table), sql.Identifier(column))
    cursor = db.execute(query, [value])
    names = [one.name for one in cursor.description or ()]
    return [as_row(names, row) for row in cursor]


def _inspect(call: Call) -> int:
    print_held(held_about(call.db, call.kind, call.subject), call.kind, as_json=call.options.json)
    return EXIT_OK


def _purge(call: Call) -> int:
    db, _, options, kind, subject = call

    def purge() -> int:
        with db.transaction():
            if kind == MAILBOX:
                erase_mailbox(db, subject)
            else:
                PostgresDirectory(db).drop_account(subject)
        return EXIT_OK

    look = partial(held_about, db, kind, subject)
    return remove(look, purge, kind, subject, assumed=options.yes, by="this command")


def _expire(call: Call) -> int:
    db, now_ms = call.db, _now_ms(call.db)
    expire_blobs(db, now_ms)
    gone = expire_now(db, now_ms) + drop_partitions(db, now_ms, call.config.policy.retention_s)
    return say(f"expired messages deleted: {gone}")


def _now_ms(db: psycopg.Connection) -> int:
    """Return the machine's time, if it is near the database's: this deletes, and numbers, by it (RLY-113)."""
    now_ms = time.time_ns() // 1_000_000
    refuse_other_time(db, now_ms)
    return now_ms


def _stats(call: Call) -> int:
    figures = statistics(call.db, call.config.policy.low_prekeys)
    print_statistics(figures, as_json=call.options.json)
    return EXIT_OK


def statistics(db: psycopg.Connection, low_prekeys: int) -> Mapping[str, JsonValue]:
    """Count what is stored; no id among it."""
    found: dict[str, JsonValue] = {"schema": schema_version(db)}
    found.update({name: _one(db.execute(query)) for name, query in _COUNTED.items()})
    found["devices_low_on_keys"] = _one(db.execute(DEVICES_BELOW + "%s", [low_prekeys]))
    return found


def _one(cursor: psycopg.Cursor[tuple[Any, ...]]) -> JsonValue:
    row = cursor.fetchone()
    value: JsonValue = None if row is None else row[0]
    return value


def _block(call: Call) -> int:
    done = call.db.execute("INSERT INTO blocked VALUES (%b) ON CONFLICT DO NOTHING", [call.subject]).rowcount
    return say(f"{call.kind} blocked" if done else f"the {call.kind} was blocked already")


def _unblock(call: Call) -> int:
    if not call.db.execute("DELETE FROM blocked WHERE subject = %b", [call.subject]).rowcount:
        return warn(f"the {call.kind} is not blocked")
    return say(f"{call.kind} unblocked")


def _restore_check(call: Call) -> int:
    is_other = find_identity(call.db) not in (None, Identity.of(call.db))
    report = {
        "schema": schema_version(call.db),
        "schema_known": SCHEMA_VERSION,
        "another_database": is_other,
        "one_time_keys_burn_at_start": is_other,
    }
    return say(json.dumps(report, indent=2))


def _restored(call: Call) -> int:
    burned = note_identity(call.db, _now_ms(call.db), declared=True)
    return say(f"declared as restored; one-time keys burned: {burned}")


_COMMANDS: Final[dict[str, Callable[[Call], int]]] = {
    "inspect": _inspect,
    "purge": _purge,
    "expire-now": _expire,
    "stats": _stats,
    "block": _block,
    "unblock": _unblock,
    "restore-check": _restore_check,
    "restored": _restored,
}
