"""The database's schema as numbered migrations; a schema newer than this release is refused (RLY-75)."""

from __future__ import annotations

import json
import sqlite3
from typing import Final

from e2ee_relay.entry import mailbox_of

from .api import SchemaTooNew, SchemaTooOld, StoreError

# "SEAL": tells a relay's database from any other SQLite file.
APPLICATION_ID: Final = 0x5345414C

# Append only: a migration that has been released is never edited. Purpose and period of each column stand in
# manifest.py. `message` and `seen` have no secondary index on purpose: the relay keeps the index by mailbox
# in memory, and an append-only table stays fast with any backlog.
MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """
        CREATE TABLE meta (
            name TEXT PRIMARY KEY,
            value BLOB NOT NULL
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE mailbox (
            no INTEGER PRIMARY KEY,
            mailbox BLOB NOT NULL,
            owner_pub BLOB NOT NULL,
            used_day INTEGER NOT NULL
        )
        """,
        """
        CREATE TABLE token (
            mailbox_no INTEGER NOT NULL,
            token_hash BLOB NOT NULL,
            token_class INTEGER NOT NULL,
            PRIMARY KEY (mailbox_no, token_hash)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE message (
            row_id INTEGER PRIMARY KEY,
            mailbox_no INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            msg_id BLOB NOT NULL,
            expires_ms INTEGER NOT NULL,
            received_ms INTEGER NOT NULL,
            body BLOB NOT NULL
        )
        """,
        """
        CREATE TABLE remembered (
            row_id INTEGER PRIMARY KEY,
            mailbox_no INTEGER NOT NULL,
            msg_id BLOB NOT NULL,
            until_ms INTEGER NOT NULL
        )
        """,
        """
        CREATE TABLE device_list (
            account_id BLOB NOT NULL,
            seq INTEGER NOT NULL,
            signed_list BLOB NOT NULL,
            PRIMARY KEY (account_id, seq)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE device (
            record_hash BLOB PRIMARY KEY,
            account_id BLOB NOT NULL,
            position INTEGER NOT NULL,
            record BLOB NOT NULL,
            address BLOB
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE prekey (
            record_hash BLOB NOT NULL,
            key_type INTEGER NOT NULL,
            key_id INTEGER NOT NULL,
            not_after_ms INTEGER NOT NULL,
            signed_prekey BLOB NOT NULL,
            PRIMARY KEY (record_hash, key_type, key_id)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE reusable_prekey (
            record_hash BLOB NOT NULL,
            key_type INTEGER NOT NULL,
            key_id INTEGER NOT NULL,
            not_after_ms INTEGER NOT NULL,
            signed_prekey BLOB NOT NULL,
            PRIMARY KEY (record_hash, key_type)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE prekey_mark (
            record_hash BLOB NOT NULL,
            key_type INTEGER NOT NULL,
            highest_id INTEGER NOT NULL,
            PRIMARY KEY (record_hash, key_type)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE purge_request (
            subject BLOB PRIMARY KEY,
            kind TEXT NOT NULL
        ) WITHOUT ROWID
        """,
    ),
    (
        """
        CREATE TABLE cold_message (
            row_id INTEGER NOT NULL,
            mailbox_no INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            msg_id BLOB NOT NULL,
            expires_ms INTEGER NOT NULL,
            received_ms INTEGER NOT NULL,
            body BLOB NOT NULL
        )
        """,
        "CREATE UNIQUE INDEX cold_message_by_row ON cold_message (row_id)",
        "CREATE INDEX cold_message_by_mailbox ON cold_message (mailbox_no)",
    ),
    (
        # One table of messages again: an old backlog is read by row ids, which memory has.
        "INSERT INTO message SELECT * FROM cold_message ORDER BY row_id",
        "DROP TABLE cold_message",
        # An id is written with its message, and forgotten by the hour in which it was sent.
        """
        CREATE TABLE seen (
            row_id INTEGER PRIMARY KEY,
            mailbox_no INTEGER NOT NULL,
            msg_id BLOB NOT NULL,
            until_hour INTEGER NOT NULL
        )
        """,
        "INSERT INTO seen (mailbox_no, msg_id, until_hour)"
        " SELECT mailbox_no, msg_id, until_ms / 3600000 FROM remembered ORDER BY until_ms, row_id",
        "INSERT INTO seen (mailbox_no, msg_id, until_hour)"
        " SELECT mailbox_no, msg_id, received_ms / 3600000 + 2 FROM message"
        " WHERE received_ms >= (SELECT max(received_ms) FROM message) - 7200000",
        "DROP TABLE remembered",
        # Entries are read when they are asked for, by account or by mailbox.
        "ALTER TABLE device ADD COLUMN mailbox BLOB",
        "UPDATE device SET mailbox = mailbox_of(address) WHERE address IS NOT NULL",
        "CREATE INDEX device_by_account ON device (account_id)",
        "CREATE INDEX device_by_mailbox ON device (mailbox) WHERE mailbox IS NOT NULL",
    ),
    ("ALTER TABLE device ADD COLUMN slot BLOB",),
    (
        """
        CREATE TABLE blob (
            key BLOB PRIMARY KEY,
            writer BLOB NOT NULL,
            mailbox_no INTEGER NOT NULL,
            token_hash BLOB NOT NULL,
            is_trusted INTEGER NOT NULL,
            size_b INTEGER NOT NULL,
            expires_ms INTEGER NOT NULL,
            is_whole INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
        "CREATE INDEX blob_by_mailbox ON blob (mailbox_no)",
    ),
    # Entries of before have the whole time from the last sweep on.
    (
        "CREATE TABLE entry (account_id BLOB PRIMARY KEY, due_day INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE INDEX entry_by_due_day ON entry (due_day)",
        "INSERT INTO entry SELECT DISTINCT account_id, 401 + max(strftime('%s', 'now') * 1000,"
        " coalesce((SELECT value FROM meta WHERE name = 'clock'), 0)) / 86400000 FROM device_list",
    ),
    # What has ended is found without a look at all keys that are held.
    (
        "CREATE INDEX prekey_by_end ON prekey (not_after_ms)",
        "CREATE INDEX reusable_prekey_by_end ON reusable_prekey (not_after_ms)",
    ),
)
SCHEMA_VERSION: Final = len(MIGRATIONS)


def schema_version(db: sqlite3.Connection) -> int:
    """Return the number of the last migration that ran on this database."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def migrate(db: sqlite3.Connection) -> None:
    """Bring the database to SCHEMA_VERSION, each migration in a transaction of its own.

    Raises:
        SchemaTooNew: the database was written by a newer release (RLY-75).
        StoreError: the file is a database of something else.
    """
    refuse_newer(schema_version(db))
    _refuse_foreign(db)
    if not db.execute("PRAGMA application_id").fetchone()[0]:
        # Only in a new file: a start on a full disk writes nothing (RLY-131).
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    for number in range(schema_version(db), SCHEMA_VERSION):
        db.execute("BEGIN IMMEDIATE")
        try:
            _run(db, number)
        except sqlite3.Error:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")


def rehearse(db: sqlite3.Connection) -> None:
    """Carry out what `migrate` would, and take it all back (RLY-151).

    Raises:
        SchemaTooNew: the database was written by a newer release.
        StoreError: the file is a database of something else, or a migration fails.
    """
    version = number = schema_version(db)
    refuse_newer(version)
    _refuse_foreign(db)
    db.execute("BEGIN IMMEDIATE")
    try:
        for number in range(version, SCHEMA_VERSION):
            _run(db, number)
    except sqlite3.Error as error:
        raise StoreError(f"the migration to schema {number + 1} fails: {error}") from None
    finally:
        db.execute("ROLLBACK")


def _run(db: sqlite3.Connection, number: int) -> None:
    db.create_function("mailbox_of", 1, mailbox_of, deterministic=True)
    for statement in MIGRATIONS[number]:
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {number + 1}")


def describe(version: int, known: int = SCHEMA_VERSION) -> str:
    """Tell as JSON which schema a database has, and how many migrations it lacks."""
    return json.dumps({"schema": version, "schema_known": known, "pending": known - version}, indent=2)


def refuse_newer(version: int) -> None:
    """Refuse a schema that this release does not know.

    Raises:
        SchemaTooNew: the database was written by a newer release (RLY-75).
    """
    if version > SCHEMA_VERSION:
        raise SchemaTooNew(f"schema {version} is newer than {SCHEMA_VERSION}, which this release knows")


def refuse_older(version: int) -> None:
    """Refuse a schema that has tables missing which this release reads.

    Raises:
        SchemaTooOld: the database has not been migrated yet (RLY-152).
    """
    if version < SCHEMA_VERSION:
        raise SchemaTooOld(
            f"the database has schema {version}, this release reads {SCHEMA_VERSION}: stop the relay and run"
            " `sealroom-relay migrate`, or start it with this release"
        )


def _refuse_foreign(db: sqlite3.Connection) -> None:
    found = int(db.execute("PRAGMA application_id").fetchone()[0])
    tables = int(db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])
    if found != APPLICATION_ID and (found or schema_version(db) or tables):
        raise StoreError("the file is not a relay's database")
