"""A copy of the database while the relay runs."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from .changes import StoreError


def back_up(source: Path, destination: Path, *, with_messages: bool) -> None:
    """Write a consistent copy; messages and remembered ids are left out unless asked for.

    Raises:
        StoreError: there is no database, or the destination exists.
    """
    if not source.exists():
        raise StoreError("there is no database in the data directory")
    if destination.exists():
        raise StoreError("the destination exists")
    destination.touch(mode=0o600)
    origin = sqlite3.connect(source, isolation_level=None, timeout=10.0)
    copy = sqlite3.connect(destination, isolation_level=None)
    origin.backup(copy)
    origin.close()
    # A copy in WAL mode would need its side files; a single file is what one wants to carry away.
    copy.execute("PRAGMA journal_mode = DELETE")
    copy.execute("PRAGMA secure_delete = ON")
    if not with_messages:
        copy.execute("DELETE FROM message")
        copy.execute("DELETE FROM remembered")
        copy.execute("VACUUM")
    copy.close()
