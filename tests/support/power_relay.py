"""The control of the power-loss runs: a relay that does not wait for its disk.

`power_relay.py OFF|NORMAL serve ...`: with NORMAL, SQLite synchronises at checkpoints only, with OFF never.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

from e2ee_relay import cli
from e2ee_relay.store import sqlite_file


def relax(level: str) -> None:
    """Open databases with less than FULL."""
    opened = sqlite_file._open

    def relaxed(path: Path | None, journal_b: int) -> sqlite3.Connection:
        db = opened(path, journal_b)
        db.execute(f"PRAGMA synchronous = {level}")
        return db

    sqlite_file._open = relaxed


if __name__ == "__main__":
    relax(sys.argv[1])
    sys.exit(cli.main(sys.argv[2:]))
