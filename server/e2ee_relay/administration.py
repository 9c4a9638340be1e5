"""The operator's look at a database, and what can be asked of a relay beside the purge (RLY-85)."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from pathlib import Path
from typing import Final

from .blocklist import ACCOUNT_B, MAILBOX_B, BlockList, replace_file
from .config import Config
from .inspection import open_current
from .reports import JsonValue
from .settings import ConfigError
from .store.changes import DropMessages, StoreError, StoreFailure, Sweep
from .store.schema import schema_version
from .store.sqlite import SqliteStore

_MESSAGES: Final = "(SELECT * FROM message UNION ALL SELECT * FROM cold_message)"
_COUNTED: Final = {
    "mailboxes": "SELECT count(*) FROM mailbox",
    "tokens": "SELECT count(*) FROM token",
    "held_messages": f"SELECT count(*) FROM {_MESSAGES}",  # noqa: S608 - fixed text
    "held_bytes": f"SELECT coalesce(sum(length(body)), 0) FROM {_MESSAGES}",  # noqa: S608 - fixed text
    "oldest_held_ms": f"SELECT min(received_ms) FROM {_MESSAGES}",  # noqa: S608 - fixed text
    "remembered_ids": "SELECT count(*) FROM remembered",
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
_EXPIRE_AT_ONCE: Final = 500
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


def expire_stored(store: SqliteStore, now_ms: int) -> int:
    """Delete what has expired from the database of a relay that does not run; return how many messages.

    Raises:
        StoreError: it could not be committed.
    """
    found = store.connection.execute(
        f"SELECT row_id FROM {_MESSAGES} WHERE expires_ms <= ?",  # noqa: S608 - fixed text
        (now_ms,),
    ).fetchall()
    row_ids = [int(row[0]) for row in found]
    groups = [row_ids[start : start + _EXPIRE_AT_ONCE] for start in range(0, len(row_ids), _EXPIRE_AT_ONCE)]
    results = store.execute([*[DropMessages(tuple(group), ()) for group in groups], Sweep(now_ms)])
    if any(isinstance(result, StoreFailure) for result in results):
        raise StoreError("the removal could not be committed")
    return len(row_ids)


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
