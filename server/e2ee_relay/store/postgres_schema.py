"""The shared database's schema as numbered migrations; a newer schema is refused (RLY-101).

Each table's distribution column (mailbox, account or device record) comes first in its primary key, there is
no foreign key and no other unique index: Citus can spread the tables over servers as they are (RLY-102).
Purpose and period of each column stand in `manifest.py`.
"""

from __future__ import annotations

from typing import Final, LiteralString, TypeAlias

import psycopg

from .api import SchemaTooNew, StoreError

SCHEMA: Final = "sealroom"
# One process at a time migrates, keeps up, makes partitions: keys of advisory locks, "SEAL" and a number.
MIGRATION_LOCK: Final = 0x5345414C_0001
UPKEEP_LOCK: Final = 0x5345414C_0002
PARTITION_LOCK: Final = 0x5345414C_0003

Migrations: TypeAlias = tuple[tuple[LiteralString, ...], ...]
# Append only: a migration that has been released is never edited. Rows of a mailbox change with every group
# of messages, in their place: room in each page spares the index. Ciphertext does not compress, and bodies of
# the usual size stay in the row. Vacuum at its default pace does not keep up with a queue.
MIGRATIONS: Final[Migrations] = (
    (
        "CREATE TABLE meta (name text PRIMARY KEY, value text NOT NULL)",
        """
        CREATE TABLE mailbox (
            mailbox bytea PRIMARY KEY,
            owner_pub bytea NOT NULL,
            used_day integer NOT NULL,
            last_seq bigint NOT NULL,
            held integer NOT NULL DEFAULT 0,
            held_b bigint NOT NULL DEFAULT 0,
            subscription_no bigint NOT NULL,
            subscriber bytea
        ) WITH (fillfactor = 50, autovacuum_vacuum_cost_delay = 0)
        """,
        """
        CREATE TABLE token (
            mailbox bytea NOT NULL,
            token_hash bytea NOT NULL,
            token_class smallint NOT NULL,
            PRIMARY KEY (mailbox, token_hash)
        )
        """,
        """
        CREATE TABLE message (
            mailbox bytea NOT NULL,
            seq bigint NOT NULL,
            expires_day integer NOT NULL,
            msg_id bytea NOT NULL,
            expires_ms bigint NOT NULL,
            received_ms bigint NOT NULL,
            body bytea NOT NULL,
            PRIMARY KEY (mailbox, seq, expires_day)
        ) PARTITION BY RANGE (expires_day)
        """,
        "ALTER TABLE message ALTER body SET STORAGE EXTERNAL",
        """
        CREATE TABLE held_id (
            mailbox bytea NOT NULL,
            msg_id bytea NOT NULL,
            expires_day integer NOT NULL,
            PRIMARY KEY (mailbox, msg_id)
        ) WITH (autovacuum_vacuum_cost_delay = 0)
        """,
        """
        CREATE TABLE remembered (
            mailbox bytea NOT NULL,
            msg_id bytea NOT NULL,
            until_hour integer NOT NULL
        ) PARTITION BY RANGE (until_hour)
        """,
        "CREATE INDEX remembered_mailbox ON remembered (mailbox, msg_id)",
        "CREATE TABLE account (account_id bytea PRIMARY KEY, version bigint NOT NULL)",
        """
        CREATE TABLE device_list (
            account_id bytea NOT NULL,
            seq bigint NOT NULL,
            signed_list bytea NOT NULL,
            PRIMARY KEY (account_id, seq)
        )
        """,
        """
        CREATE TABLE device (
            account_id bytea NOT NULL,
            record_hash bytea NOT NULL,
            position smallint NOT NULL,
            record bytea NOT NULL,
            address bytea,
            mailbox bytea,
            PRIMARY KEY (account_id, record_hash)
        )
        """,
        "CREATE INDEX device_mailbox ON device (mailbox)",
        """
        CREATE TABLE prekey (
            record_hash bytea NOT NULL,
            key_type smallint NOT NULL,
            key_id bigint NOT NULL,
            not_after_ms bigint NOT NULL,
            signed_prekey bytea NOT NULL,
            PRIMARY KEY (record_hash, key_type, key_id)
        ) WITH (autovacuum_vacuum_cost_delay = 0)
        """,
        "ALTER TABLE prekey ALTER signed_prekey SET STORAGE EXTERNAL",
        """
        CREATE TABLE reusable_prekey (
            record_hash bytea NOT NULL,
            key_type smallint NOT NULL,
            key_id bigint NOT NULL,
            not_after_ms bigint NOT NULL,
            signed_prekey bytea NOT NULL,
            PRIMARY KEY (record_hash, key_type)
        )
        """,
        """
        CREATE TABLE prekey_mark (
            record_hash bytea NOT NULL,
            key_type smallint NOT NULL,
            highest_id bigint NOT NULL,
            PRIMARY KEY (record_hash, key_type)
        )
        """,
        "CREATE TABLE blocked (subject bytea PRIMARY KEY)",
    ),
    # Messages by the day of their number, which an acknowledgement names: a delete looks into one partition.
    # Numbers of before are all below the first day's. Ids are kept from the sending on, and once.
    (
        "ALTER TABLE IF EXISTS message_0 RENAME TO message_short_lived",
        "ALTER TABLE message RENAME TO message_by_expiry",
        "ALTER INDEX message_pkey RENAME TO message_by_expiry_pkey",
        """
        CREATE TABLE message (
            mailbox bytea NOT NULL,
            seq bigint NOT NULL,
            msg_id bytea NOT NULL,
            expires_ms bigint NOT NULL,
            received_ms bigint NOT NULL,
            body bytea NOT NULL,
            PRIMARY KEY (mailbox, seq)
        ) PARTITION BY RANGE (seq)
        """,
        "ALTER TABLE message ALTER body SET STORAGE EXTERNAL",
        "CREATE TABLE message_0 PARTITION OF message FOR VALUES FROM (0) TO (175921860444160000)",
        "INSERT INTO message SELECT mailbox, seq, msg_id, expires_ms, received_ms, body"
        " FROM message_by_expiry",
        """
        CREATE TABLE short_lived (
            mailbox bytea NOT NULL,
            seq bigint NOT NULL,
            expires_ms bigint NOT NULL,
            PRIMARY KEY (mailbox, seq)
        ) WITH (autovacuum_vacuum_cost_delay = 0)
        """,
        "INSERT INTO short_lived SELECT mailbox, seq, expires_ms FROM message_by_expiry"
        " WHERE expires_day = 0",
        "DROP TABLE message_by_expiry",
        "INSERT INTO remembered SELECT mailbox, msg_id, received_ms / 3600000 + 2 FROM message"
        " WHERE to_regclass('remembered_' || received_ms / 3600000 + 2) IS NOT NULL",
        "DROP TABLE held_id",
        "ALTER TABLE remembered RENAME TO seen",
        "ALTER INDEX remembered_mailbox RENAME TO seen_mailbox",
        "ALTER TABLE mailbox ADD cleared_seq bigint NOT NULL DEFAULT 0",
        "DROP TABLE account",
    ),
    ("ALTER TABLE device ADD slot bytea",),
    (
        """
        CREATE TABLE blob (
            blob bytea PRIMARY KEY,
            writer bytea NOT NULL,
            mailbox bytea NOT NULL,
            token_hash bytea NOT NULL,
            is_trusted boolean NOT NULL,
            size_b bigint NOT NULL,
            expires_ms bigint NOT NULL,
            next integer NOT NULL
        ) WITH (autovacuum_vacuum_cost_delay = 0)
        """,
        "CREATE INDEX blob_mailbox ON blob (mailbox)",
        """
        CREATE TABLE blob_part (
            blob bytea NOT NULL,
            index integer NOT NULL,
            part bytea NOT NULL,
            PRIMARY KEY (blob, index)
        ) WITH (autovacuum_vacuum_cost_delay = 0)
        """,
        "ALTER TABLE blob_part ALTER part SET STORAGE EXTERNAL",
    ),
    # Entries of before have the whole time from now on.
    (
        "CREATE TABLE entry (account_id bytea PRIMARY KEY, due_day integer NOT NULL)",
        "CREATE INDEX entry_due ON entry (due_day)",
        "INSERT INTO entry SELECT DISTINCT account_id, extract(epoch FROM now())::bigint / 86400 + 401"
        " FROM device_list",
    ),
    # What has ended is found without a look at all keys that are held.
    (
        "CREATE INDEX prekey_end ON prekey (not_after_ms)",
        "CREATE INDEX reusable_prekey_end ON reusable_prekey (not_after_ms)",
    ),
)
SCHEMA_VERSION: Final = len(MIGRATIONS)


def schema_version(db: psycopg.Connection) -> int:
    """Return the number of the last migration that ran here; 0 before the first."""
    # Asked of the catalogue itself: a session that has not found a name before may not look again.
    found = db.execute(
        "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'sealroom' AND tablename = 'meta')"
    ).fetchone()
    if found is None or not found[0]:
        return 0
    row = db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    return 0 if row is None else int(row[0])


def migrate(db: psycopg.Connection, migrations: Migrations = MIGRATIONS) -> None:
    """Bring the database to the last migration, each in a transaction of its own, one process at a time.

    A statement may take as long as it needs: an index reads a whole table.

    Raises:
        SchemaTooNew: the database was written by a newer release (RLY-101).
        StoreError: the schema `sealroom` belongs to something else.
        psycopg.Error: a migration failed; nothing of it was done.
    """
    refuse_newer(schema_version(db), len(migrations))
    if schema_version(db) == len(migrations):
        return
    db.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
    try:
        db.execute("CREATE SCHEMA IF NOT EXISTS sealroom")
        for number in range(schema_version(db), len(migrations)):
            with db.transaction():
                db.execute("SET LOCAL statement_timeout = 0")
                _run(db, number, migrations[number])
    finally:
        if not db.closed:
            db.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def rehearse(db: psycopg.Connection, migrations: Migrations = MIGRATIONS) -> None:
    """Carry out in one transaction what `migrate` would, and take it all back (RLY-151).

    Beside running nodes it waits two seconds for a lock, and no statement takes longer than others may: the
    nodes would wait behind it.

    Raises:
        SchemaTooNew: the database was written by a newer release.
        StoreError: the schema `sealroom` belongs to something else, or a migration fails.
    """
    version = schema_version(db)
    refuse_newer(version, len(migrations))
    if version == len(migrations):
        return
    number = version
    try:
        with db.transaction(force_rollback=True):
            db.execute("SET LOCAL lock_timeout = '2s'")
            db.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
            db.execute("CREATE SCHEMA IF NOT EXISTS sealroom")
            for number in range(version, len(migrations)):
                _run(db, number, migrations[number])
    except psycopg.Error as error:
        raise StoreError(f"the migration to schema {number + 1} fails: {type(error).__name__}") from None


def _run(db: psycopg.Connection, number: int, statements: tuple[LiteralString, ...]) -> None:
    _refuse_foreign(db, number)
    for statement in statements:
        db.execute(statement)
    db.execute(
        "INSERT INTO meta VALUES ('schema', %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [str(number + 1)],
    )


def refuse_newer(version: int, known: int = SCHEMA_VERSION) -> None:
    """Refuse a schema that this release does not know.

    Raises:
        SchemaTooNew: the database was written by a newer release (RLY-101).
    """
    if version > known:
        raise SchemaTooNew(f"schema {version} is newer than {known}, which this release knows")


def _refuse_foreign(db: psycopg.Connection, version: int) -> None:
    row = db.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'sealroom'::regnamespace").fetchone()
    if version == 0 and row is not None and row[0]:
        raise StoreError("the schema sealroom in this database is not a relay's")
