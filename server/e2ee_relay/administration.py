"""The operator's look at a database, and what can be asked of a relay beside the purge (RLY-85)."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from pathlib import Path
from typing import Final

from .blocklist import ACCOUNT_B, MAILBOX_B, BlockList, replace_file
from .config import Config
from .inspection import open_current, remove_with_messages
from .reports import JsonValue
from .settings import ConfigError
from .store.api import HOUR_MS
from .store.sqlite_directory import sweep_tables
from .store.sqlite_file import DatabaseFile
from .store.sqlite_schema import schema_version

_COUNTED: Final = {
    "mailboxes": "SELECT count(*) FROM mailbox",
    "tokens": "SELECT count(*) FROM token",
    "held_messages": "SELECT count(*) FROM message",
    "held_bytes": "SELECT coalesce(sum(length(body)), 0) FROM message",
    "oldest_held_ms": "SELECT min(received_ms) FROM message",
    "remembered_ids": "SELECT count(*) FROM seen",
    "blobs": "SELECT count(*) FROM blob",
    "blobs_not_whole": "SELECT count(*) FROM blob WHERE NOT is_whole",
    "blob_bytes": "SELECT coalesce(sum(size_b), 0) FROM blob",
    "accounts": "SELECT count(DISTINCT account_id) FROM device_list",
    "devices": "SELECT count(*) FROM device",
    "one_time_x25519": "SELECT count(*) FROM prekey WHERE key_type = 1",
    "one_time_kem": "SELECT count(*) FROM prekey WHERE key_type = 2",
    "requests_waiting": "SELECT count(*) FROM purge_request",
}
# A device that has ever uploaded, and has fewer keys of a kind than the owner is warned at.
_LOW: Final = (
    "SELECT count(DISTINCT record_hash) FROM prekey_mark AS mark WHERE (SELECT count(*) FROM prekey"
    " WHERE prekey.record_hash = mark.record_hash AND prekey.key_type = mark.key_type) < ?"
)
_SECRET_B: Final = 24


def statistics(config: Config) -> dict[str, JsonValue]:
    """Count what is stored, beside a running relay too; no id among it.

    Raises:
        StoreError: there is no database, or the list of blocked ids is damaged.
        SchemaTooOld: the database has not been migrated yet (RLY-152).
    """
    db = open_current(config.database_path)
    try:
        found = _counted(db, config)
    finally:
        db.close()
    blocked = BlockList(config.data_dir).read()
    found["blocked_mailboxes"] = sum(len(one) == MAILBOX_B for one in blocked)
    found["blocked_accounts"] = sum(len(one) == ACCOUNT_B for one in blocked)
    found["database_bytes"] = _size_b(config.database_path)
    found["journal_bytes"] = _size_b(config.database_path.with_name(config.database_path.name + "-wal"))
    found["disk_free_bytes"] = shutil.disk_usage(config.database_path.parent).free
    return found


def _counted(db: sqlite3.Connection, config: Config) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {"schema": schema_version(db)}
    found.update({name: db.execute(query).fetchone()[0] for name, query in _COUNTED.items()})
    found["devices_low_on_keys"] = db.execute(_LOW, (config.policy.low_prekeys,)).fetchone()[0]
    return found


def _size_b(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def expire_stored(file: DatabaseFile, now_ms: int) -> int:
    """Delete what has expired from the database of a relay that does not run; return how many messages.

    Raises:
        StoreError: it could not be committed.
    """

    def sweep() -> None:
        file.connection.execute("DELETE FROM seen WHERE until_hour <= ?", (now_ms // HOUR_MS,))
        file.connection.execute("DELETE FROM blob WHERE expires_ms <= ?", (now_ms,))
        sweep_tables(file.connection, now_ms)

    return remove_with_messages(file, "SELECT row_id FROM message WHERE expires_ms <= ?", now_ms, sweep)


def rotate_registration_secret(config: Config) -> str:
    """Put a new registration secret into its file and return it; a running relay takes it at SIGHUP.

    Raises:
        ConfigError: the secret does not come from a file.
        OSError: the file cannot be written.
    """
    if config.secret_file is None:
        raise ConfigError("registration_secret_file", "set it: only a secret in a file can be exchanged")
    secret = secrets.token_urlsafe(_SECRET_B)
    replace_file(config.secret_file, secret.encode() + b"\n")
    return secret
