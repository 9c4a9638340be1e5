"""The SQLite file under the store: how it is opened, what stands in it, and what its errors mean.

    header (id = 1, box)              the wrapped data key, 119 bytes
    slot   (n, box)                   boxes; never deleted, only overwritten in the same size (STO-12)
    place  (id, tag, seq, slot)       row id, table tag and sequence number of the row in a slot

Why slots: SQLite's secure_delete zeroes what a deletion frees, yet rebalancing a B-tree leaves copies of
moved rows
in the free space of their former pages. A box that is overwritten where it stands was never moved.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from e2ee_client.errors import (
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreTooNew,
    StoreTooOld,
    StoreUnavailable,
)

APPLICATION_ID: Final = 0x53523173
PAGE_B: Final = 4096
Migration = Callable[[sqlite3.Connection], None]

_SETTINGS: Final = (
    "locking_mode = EXCLUSIVE",  # without it a -shm file appears beside the database
    "secure_delete = ON",
    "synchronous = FULL",
    "fullfsync = ON",  # macOS: otherwise the drive's cache holds what a commit promised
    "checkpoint_fullfsync = ON",
    "temp_store = MEMORY",  # nothing of the store in a temporary directory
    "cell_size_check = ON",
    "trusted_schema = OFF",
    "mmap_size = 0",  # a failing disk would end the process instead of raising
    "busy_timeout = 0",
)

OLDEST: Final = 5
"""The first schema that a program brings up to date. Those before it kept rooms as no later program reads
them (STO-56, STO-57).
"""

_TABLES: Final = (
    "CREATE TABLE header (id INTEGER PRIMARY KEY CHECK (id = 1), box BLOB NOT NULL)",
    "CREATE TABLE slot (n INTEGER PRIMARY KEY, box BLOB NOT NULL)",
    "CREATE TABLE place (id BLOB PRIMARY KEY, tag BLOB NOT NULL, seq INTEGER NOT NULL, "
    "slot INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE UNIQUE INDEX place_order ON place (tag, seq)",
)


def _create_tables(connection: sqlite3.Connection) -> None:
    for statement in _TABLES:
        connection.execute(statement)


MIGRATIONS: Final[tuple[Migration, ...]] = ()
"""Migration k leads from schema OLDEST + k to the next; each runs in a transaction of its own (STO-18)."""

SCHEMA: Final = frozenset(_TABLES)
"""All statements of the newest schema. Anything else in the file, say a trigger, was put there by somebody
(STO-10).
"""


@contextmanager
def translated() -> Iterator[None]:
    """Turn SQLite's errors into the store's."""
    try:
        yield
    except sqlite3.Error as error:
        # Without the chain: SQLite quotes the bytes that it could not read.
        raise _store_error(error) from None


def _store_error(error: sqlite3.Error) -> StoreError:
    match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return StoreFull("the disk or the store's size limit has no room")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_FORMAT:
            return StoreCorrupt("the database is damaged")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreLocked("the database is in use")
        case _:
            name = getattr(error, "sqlite_errorname", type(error).__name__)
            return StoreUnavailable(f"the database refused an operation ({name})")


def connect(path: Path | None) -> sqlite3.Connection:
    """Open an existing file with the store's settings, or a database in memory.

    Raises:
        StoreCorrupt: this is no database.
        StoreLocked: another program has it open.
        StoreUnavailable: it cannot be opened.
    """
    target = ":memory:" if path is None else path.as_uri() + "?mode=rw"
    with translated():
        connection = sqlite3.connect(
            target, uri=path is not None, isolation_level=None, check_same_thread=False, cached_statements=32
        )
        try:
            for setting in _SETTINGS:
                connection.execute(f"PRAGMA {setting}")
        except sqlite3.Error:
            connection.close()
            raise
    return connection


def read_header(connection: sqlite3.Connection) -> bytes:
    """Return the header's bytes.

    Raises:
        StoreCorrupt: there is none.
    """
    with translated():
        found = connection.execute("SELECT box FROM header").fetchone()
    if found is None or not isinstance(found[0], bytes):
        raise StoreCorrupt("the header is missing")
    return found[0]


def write_header(connection: sqlite3.Connection, box: bytes) -> None:
    """Overwrite the header where it stands: it always has the same size (STO-19)."""
    with transaction(connection):
        connection.execute("UPDATE header SET box = ?", (box,))


def use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log, and decide ourselves when it is emptied (STO-12).

    Raises:
        StoreUnavailable: the file system does not carry it.
    """
    with translated():
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        connection.execute("PRAGMA wal_autocheckpoint = 0")
    if mode != "wal":
        raise StoreUnavailable("the file system does not support the store's journal")


def limit_size(connection: sqlite3.Connection, max_size_b: int) -> None:
    """Let the file grow to `max_size_b` at most; a commit beyond that raises `StoreFull` (STO-09)."""
    with translated():
        connection.execute(f"PRAGMA max_page_count = {max(1, max_size_b // PAGE_B)}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction: everything is on disk when the block ends, or nothing is (STO-09)."""
    with translated():
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        finally:
            # After a commit there is nothing to undo, and some errors make SQLite roll back by itself.
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def migrate(connection: sqlite3.Connection, *, new: bool = False) -> None:
    """Bring the schema to the newest number, one migration after the other (STO-18); `new` allows to start
    from nothing.

    Raises:
        StoreTooNew, StoreTooOld: the schema is none that this program knows; nothing was written.
        StoreCorrupt: this is no store, or something stands in the schema that is not of the store.
    """
    with translated():
        number = _check_identity(connection)
    if number == 0 and not new:
        raise StoreCorrupt("the file is not a store")
    steps = MIGRATIONS[number - OLDEST :] if number else (_create_tables, *MIGRATIONS)
    for following, step in enumerate(steps, start=number + 1 if number else OLDEST):
        with transaction(connection):
            step(connection)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {following}")
    with translated():
        found = {row[0] for row in connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")}
    if found != SCHEMA:
        raise StoreCorrupt("the database's schema is not the store's")


def _check_identity(connection: sqlite3.Connection) -> int:
    number = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    if application_id != (APPLICATION_ID if number else 0):
        raise StoreCorrupt("the file is not a store")
    newest = OLDEST + len(MIGRATIONS)
    if number > newest:
        raise StoreTooNew(f"the store has schema {number}, this program reads up to {newest}")
    if number and number < OLDEST:
        raise StoreTooOld(f"the store has schema {number}, this program reads from {OLDEST} on")
    return number


def empty_log(connection: sqlite3.Connection) -> None:
    """Move the write-ahead log into the database and cut it to no length (STO-12).

    Raises:
        StoreFull: the database has no room to grow; the log stays, and with it what was overwritten.
    """
    with translated():
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise StoreLocked("another program reads the database")
