"""The tables and columns that the migrations of the embedded store make."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from e2ee_relay.store.sqlite_schema import migrate


def columns_of_schema() -> dict[str, list[str]]:
    """Return the columns of each table."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        migrate(db)
        tables = [str(row[0]) for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {table: [str(row[1]) for row in db.execute(f"PRAGMA table_info({table})")] for table in tables}
