"""Everything held about a mailbox or an account, for a data-subject request; and its removal (RLY-77)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from .reports import JsonValue, as_row
from .store.api import ACCOUNT, StoreError
from .store.backup import refuse_missing
from .store.directory import OF_ACCOUNT, OF_DEVICE
from .store.sqlite_directory import SqlDirectory, drop_mailbox
from .store.sqlite_file import DatabaseFile
from .store.sqlite_group import SqliteGroup
from .store.sqlite_schema import refuse_newer, refuse_older, schema_version

_OF_MAILBOX: Final = ("token", "message", "seen", "blob")


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open the database of a relay that may be running, without changing it.

    Raises:
        StoreError: there is no database, or an empty file in its place (RLY-175).
    """
    refuse_missing(path)
    db = sqlite3.connect(path, isolation_level=None, timeout=5.0)
    db.execute("PRAGMA query_only = ON")
    return db


def open_current(path: Path) -> sqlite3.Connection:
    """Open read-only a database that has the schema of this release.

    Raises:
        SchemaTooOld: it has not been migrated yet (RLY-152).
        SchemaTooNew: it was written by a newer release.
        StoreError: there is no database.
    """
    db = open_read_only(path)
    try:
        version = schema_version(db)
        refuse_newer(version)
        refuse_older(version)
    except (StoreError, sqlite3.Error):
        db.close()
        raise
    return db


def held_about_mailbox(db: sqlite3.Connection, mailbox: bytes) -> dict[str, list[dict[str, JsonValue]]]:
    """Return every row about a mailbox, by table, and about the devices that name it; byte strings as hex."""
    rows = _rows(db, "mailbox", "mailbox", mailbox)
    found = {"mailbox": rows}
    for row in rows:
        for table in _OF_MAILBOX:
            found[table] = _rows(db, table, "mailbox_no", row["no"])
        found |= _held_about_devices(db, _rows(db, "device", "mailbox", mailbox))
    return found


def held_about_account(db: sqlite3.Connection, account_id: bytes) -> dict[str, list[dict[str, JsonValue]]]:
    """Return every row about an account and its devices, by table; byte strings as hex."""
    found = {table: _rows(db, table, "account_id", account_id) for table in OF_ACCOUNT}
    return found | _held_about_devices(db, found["device"])


def _held_about_devices(
    db: sqlite3.Connection, devices: list[dict[str, JsonValue]]
) -> dict[str, list[dict[str, JsonValue]]]:
    hashes = [bytes.fromhex(str(device["record_hash"])) for device in devices]
    held = {
        table: [row for one in hashes for row in _rows(db, table, "record_hash", one)] for table in OF_DEVICE
    }
    return {"device": devices} | held


def purge_now(file: DatabaseFile, kind: str, subject: bytes) -> None:
    """Remove everything about a mailbox or account from the database of a relay that does not run.

    Raises:
        StoreError: it could not be committed.
    """
    query = "SELECT row_id FROM message WHERE mailbox_no IN (SELECT no FROM mailbox WHERE mailbox = ?)"
    remove_with_messages(file, query, subject, lambda: _remove(file.connection, kind, subject))


def _remove(db: sqlite3.Connection, kind: str, subject: bytes) -> None:
    if kind == ACCOUNT:
        SqlDirectory(db).drop_account(subject)
    for (number,) in db.execute("SELECT no FROM mailbox WHERE mailbox = ?", (subject,)).fetchall():
        drop_mailbox(db, number, subject)


def remove_with_messages(
    file: DatabaseFile, query: str, value: object, remove_the_rest: Callable[[], None]
) -> int:
    """Delete the messages that a query finds and the rest, in pieces where there is no room (RLY-192).

    Return how many messages. `query` has a place for one value.

    Raises:
        StoreError: it could not be committed.
    """
    group = SqliteGroup(file)

    def remove(row_ids: list[int]) -> None:
        with file.transaction():
            group.delete(row_ids)
            remove_the_rest()

    try:
        found = [int(row_id) for (row_id,) in file.connection.execute(query, (value,))]
        try:
            remove(found)
        except sqlite3.Error:
            file.tidy()
            group.delete_in_pieces(found)
            remove([])
    except sqlite3.Error:
        raise StoreError("the removal could not be committed") from None
    _remove_parts(file)
    return len(found)


def _remove_parts(file: DatabaseFile) -> None:
    """Delete the files of blobs whose rows are gone (RLY-251)."""
    kept = {bytes(key) for (key,) in file.connection.execute("SELECT key FROM blob")}
    try:
        file.blobs.remove_others(kept)
    except OSError:
        raise StoreError("files of blobs are left in relay.blobs; the next start deletes them") from None


def ask_running_relay(path: Path, kind: str, subject: bytes) -> None:
    """Leave a request for the relay that holds the database; it takes it up within seconds."""
    db = sqlite3.connect(path, isolation_level=None, timeout=10.0)
    db.execute("INSERT OR REPLACE INTO purge_request VALUES (?, ?)", (subject, kind))
    db.close()


def is_asked(db: sqlite3.Connection, subject: bytes) -> bool:
    """Tell whether a request still waits for the running relay."""
    return db.execute("SELECT 1 FROM purge_request WHERE subject = ?", (subject,)).fetchone() is not None


def _rows(
    db: sqlite3.Connection, table: str, column: str, value: JsonValue | bytes
) -> list[dict[str, JsonValue]]:
    cursor = db.execute(f"SELECT * FROM {table} WHERE {column} = ?", (value,))  # noqa: S608 - fixed names
    names = [column[0] for column in cursor.description]
    return [as_row(names, row) for row in cursor]
