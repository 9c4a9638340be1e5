"""The operator's look at a database, and what can be asked of a relay beside the purge (RLY-85)."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from .blocklist import ACCOUNT_B, MAILBOX_B, BlockList, replace_file
from .config import Config
from .inspection import open_current, remove_with_messages
from .reports import COUNTED, DEVICES_BELOW, JsonValue
from .settings import ConfigError
from .store.api import HOUR_MS
from .store.sqlite_directory import sweep_tables
from .store.sqlite_file import DatabaseFile
from .store.sqlite_schema import schema_version

_COUNTED: Final = {
    **COUNTED,
    "blobs_not_whole": "SELECT count(*) FROM blob WHERE NOT is_whole",
    "requests_waiting": "SELECT count(*) FROM purge_request",
}
_SECRET_B: Final = 24


def statistics(config: Config) -> dict[str, JsonValue]:
    """Count what is stored, beside a running relay too; no id among it.

    Raises:
        StoreError: there is no database, or the list of blocked ids is damaged.
        SchemaTooOld: the database has not been migrated yet (RLY-152).
    """
    with closing(open_current(config.database_path)) as db:
        found = _counted(db, config)
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
    found["devices_low_on_keys"] = db.execute(DEVICES_BELOW + "?", (config.policy.low_prekeys,)).fetchone()[0]
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
