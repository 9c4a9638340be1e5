"""RLY-191: a `restore` that is killed loses nothing of the database that it replaces."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from e2ee_relay.cli import main
from e2ee_relay.datadir import DataDirectory

# At the n-th flush of a directory its power goes.
KILLED = """
import os, sys
from e2ee_relay.store import backup
from e2ee_relay.cli import main
left = int(sys.argv.pop(1))
real = backup.flush_directory
def flush(path):
    global left
    left -= 1
    if not left:
        os._exit(9)
    real(path)
backup.flush_directory = flush
sys.exit(main(sys.argv[1:]))
"""


def stocked(data_dir: Path) -> None:
    directory = DataDirectory.claim(data_dir)
    directory.open_store().close()
    directory.release()


def with_a_journal(source: Path, data_dir: Path) -> None:
    """Copy a data directory as a crash leaves it: a change of 50 rows is in the journal only."""
    with closing(sqlite3.connect(source / "relay.db", isolation_level=None)) as db:
        db.executemany(
            "INSERT INTO purge_request VALUES (?, 'mailbox')", [(os.urandom(16),) for _ in range(50)]
        )
        shutil.copytree(source, data_dir)


def rows_of(database: Path) -> int:
    with closing(sqlite3.connect(database)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        return int(db.execute("SELECT count(*) FROM purge_request").fetchone()[0])


@pytest.mark.parametrize("flushes", [1, 2])
def test_a_killed_restore_loses_nothing(tmp_path: Path, flushes: int) -> None:
    """Both databases are whole at each moment, and a second restore deletes none that is kept."""
    source, data_dir, copy = tmp_path / "source", tmp_path / "relay", tmp_path / "copy"
    stocked(source)
    assert main(["backup", str(copy), "--data-dir", str(source)]) == 0
    with_a_journal(source, data_dir)
    command = [sys.executable, "-c", KILLED, str(flushes), "restore", str(copy), "--data-dir", str(data_dir)]
    assert subprocess.run(command, check=False).returncode == 9
    assert rows_of(data_dir / "relay.db.old") == 50
    assert rows_of(data_dir / "relay.db") == (50 if flushes == 1 else 0)
    assert main(["restore", str(copy), "--data-dir", str(data_dir)]) == 0
    assert (rows_of(data_dir / "relay.db"), rows_of(data_dir / "relay.db.old")) == (0, 50)


def test_a_damaged_database_is_kept_with_its_journal(tmp_path: Path) -> None:
    source, data_dir, copy = tmp_path / "source", tmp_path / "relay", tmp_path / "copy"
    stocked(source)
    assert main(["backup", str(copy), "--data-dir", str(source)]) == 0
    data_dir.mkdir()
    for round_no, name in enumerate(("relay.db.old", "relay.db.old.2")):
        (data_dir / "relay.db").write_bytes(b"damaged %d" % round_no * 1000)
        (data_dir / "relay.db-wal").write_bytes(b"journal %d" % round_no)
        assert main(["restore", str(copy), "--data-dir", str(data_dir)]) == 0
        assert (data_dir / name).read_bytes().startswith(b"damaged %d" % round_no)
        assert (data_dir / f"{name}-wal").read_bytes() == b"journal %d" % round_no
        assert rows_of(data_dir / "relay.db") == 0
