"""RLY-191, RLY-272, RLY-273: what a `restore` or `backup` that fails or is killed leaves, and takes along."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

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


def test_a_copy_of_files_is_put_back_with_its_journal(tmp_path: Path) -> None:
    """RLY-273: what a crash left in the journal only comes along, also of the database in its own place."""
    source, data_dir = tmp_path / "source", tmp_path / "relay"
    stocked(source)
    with_a_journal(source, tmp_path / "crashed")
    before = (tmp_path / "crashed/relay.db-wal").read_bytes()
    assert main(["restore", str(tmp_path / "crashed/relay.db"), "--data-dir", str(data_dir)]) == 0
    assert (rows_of(data_dir / "relay.db"), before) == (50, (tmp_path / "crashed/relay.db-wal").read_bytes())
    assert sorted(path.name for path in data_dir.iterdir()) == ["relay.db", "relay.lock"]
    assert main(["restore", str(tmp_path / "crashed/relay.db"), "--data-dir", str(tmp_path / "crashed")]) == 0
    assert rows_of(tmp_path / "crashed/relay.db") == 50


def test_the_database_of_a_relay_that_runs_is_no_copy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """RLY-277: its files would be of several moments; nothing is changed, also where a link leads to it."""
    source, data_dir, link = tmp_path / "source", tmp_path / "relay", tmp_path / "link"
    stocked(source)
    link.symlink_to(source / "relay.db")
    running = DataDirectory.claim(source)
    for name in (source / "relay.db", link):
        assert main(["restore", str(name), "--data-dir", str(data_dir)]) == 1
        assert f"a relay runs on {source}" in capsys.readouterr().err
    assert not (data_dir / "relay.db").exists()
    running.release()
    assert main(["restore", str(link), "--data-dir", str(data_dir)]) == 0


def test_a_journal_beside_a_backup_is_not_its_own(tmp_path: Path) -> None:
    """RLY-273: a backup is whole without one; a file that lies there under the name is not taken."""
    source, data_dir, copy = tmp_path / "source", tmp_path / "relay", tmp_path / "copy"
    stocked(source)
    assert main(["backup", str(copy), "--data-dir", str(source)]) == 0
    with_a_journal(source, tmp_path / "crashed")
    shutil.copy(tmp_path / "crashed/relay.db-wal", tmp_path / "copy-wal")
    assert main(["restore", str(copy), "--data-dir", str(data_dir)]) == 0
    assert rows_of(data_dir / "relay.db") == 0


class DiskFull(OSError):
    """No room is left."""


def test_a_restore_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-273: half a copy would fill the disk of the relay that runs again beside it."""
    source, copy = tmp_path / "source", tmp_path / "copy"
    stocked(source)
    assert main(["backup", str(copy), "--data-dir", str(source)]) == 0
    before = {path.name: path.read_bytes() for path in source.iterdir()}
    seen: list[int] = []

    def copied(_content: object, file: BinaryIO, _size_b: int) -> None:
        file.write(b"half")
        file.flush()
        seen.append((source / "relay.db.new").stat().st_mode & 0o777)
        raise DiskFull("no room")

    monkeypatch.setattr(shutil, "copyfileobj", copied)
    assert main(["restore", str(copy), "--data-dir", str(source)]) == 1
    assert {path.name: path.read_bytes() for path in source.iterdir()} == before
    assert seen == [0o600]


def test_a_start_deletes_what_a_killed_restore_left(tmp_path: Path) -> None:
    """RLY-273: and `restore` does not take it for a backup and delete it."""
    stocked(tmp_path)
    left = tmp_path / "relay.db.new"
    left.write_bytes(b"half of a copy")
    assert main(["restore", str(left), "--data-dir", str(tmp_path)]) == 1
    assert left.exists()
    stocked(tmp_path)
    assert not left.exists()


class Canaries:
    """A data directory with a message, and the places where its bytes are looked for."""

    def __init__(self, data_dir: Path) -> None:
        stocked(data_dir)
        self.data_dir = data_dir
        self.body = os.urandom(5000)
        with closing(sqlite3.connect(data_dir / "relay.db", isolation_level=None)) as db:
            db.execute("INSERT INTO message VALUES (1, 1, 1, ?, 0, 0, ?)", (bytes(16), self.body))
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def are_in(self, folder: Path) -> bool:
        return any(self.body[:64] in path.read_bytes() for path in folder.iterdir())


def test_a_backup_has_its_name_when_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-272: one that fails leaves nothing, and at its last moment there was no message in it."""
    canaries, folder = Canaries(tmp_path / "relay"), tmp_path / "backups"
    folder.mkdir()
    command = ["backup", str(folder / "copy"), "--data-dir", str(canaries.data_dir)]
    real = os.fsync
    seen: list[tuple[list[str], bool]] = []

    def full(descriptor: int) -> None:
        seen.append((sorted(path.name for path in folder.iterdir()), canaries.are_in(folder)))
        raise DiskFull("no room")

    monkeypatch.setattr(os, "fsync", full)
    assert main(command) == 1
    assert list(folder.iterdir()) == []
    assert main([*command, "--with-messages"]) == 1
    assert list(folder.iterdir()) == []
    assert seen == [(["copy.part"], False), (["copy.part"], True)]
    monkeypatch.setattr(os, "fsync", real)
    assert main(command) == 0
    assert [path.name for path in folder.iterdir()] == ["copy"]


# As `Canaries`, at each step of SQLite in a backup: what is written at this moment?
WATCHED = """
import sqlite3, sys
from pathlib import Path
from e2ee_relay.cli import main
from e2ee_relay.store import backup
folder, canary, real = Path(sys.argv.pop(1)), bytes.fromhex(sys.argv.pop(1)), sqlite3.connect
def connect(*given, **named):
    db = real(*given, **named)
    def look():
        for path in folder.iterdir():
            if canary in path.read_bytes():
                print("a message in", path.name)
    db.set_progress_handler(look, 1)
    return db
backup.sqlite3.connect = connect
sys.exit(main(sys.argv[1:]))
"""


def test_a_backup_without_messages_never_writes_one(tmp_path: Path) -> None:
    """RLY-272: its medium may be another's, and a kill leaves what was written by then."""
    canaries, folder = Canaries(tmp_path / "relay"), tmp_path / "backups"
    folder.mkdir()
    command = ["backup", str(folder / "copy"), "--data-dir", str(canaries.data_dir)]
    watched = [sys.executable, "-c", WATCHED, str(folder), canaries.body[:64].hex()]
    done = subprocess.run([*watched, *command], check=True, capture_output=True, text=True)
    assert done.stdout == ""
    (folder / "copy").unlink()
    done = subprocess.run([*watched, *command, "--with-messages"], check=True, capture_output=True, text=True)
    assert "a message in copy" in done.stdout


def test_a_database_with_statistics_is_backed_up(tmp_path: Path) -> None:
    """RLY-272: what an operator's ANALYZE or VACUUM made in a database keeps no backup away."""
    stocked(tmp_path / "relay")
    with closing(sqlite3.connect(tmp_path / "relay/relay.db", isolation_level=None)) as db:
        db.execute("INSERT INTO purge_request VALUES (x'00', 'mailbox')")
        db.execute("ANALYZE")
        db.execute("VACUUM")
    assert main(["backup", str(tmp_path / "copy"), "--data-dir", str(tmp_path / "relay")]) == 0
    assert rows_of(tmp_path / "copy") == 1
    assert main(["restore", str(tmp_path / "copy"), "--data-dir", str(tmp_path / "relay")]) == 0


def test_a_backup_to_a_name_that_is_being_written_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """RLY-272: a part that a kill has left says so, and is not overwritten."""
    stocked(tmp_path / "relay")
    part = tmp_path / "copy.part"
    part.write_bytes(b"of another run")
    assert main(["backup", str(tmp_path / "copy"), "--data-dir", str(tmp_path / "relay")]) == 1
    assert str(part) in capsys.readouterr().err
    assert (part.read_bytes(), (tmp_path / "copy").exists()) == (b"of another run", False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files that belong to others")
def test_what_root_makes_belongs_to_who_has_the_directory(tmp_path: Path) -> None:
    """RLY-274: else a relay under a user of its own could not start after `restore` or `restored`."""
    stocked(tmp_path / "source")
    assert main(["backup", str(tmp_path / "copy"), "--data-dir", str(tmp_path / "source")]) == 0
    data_dir = tmp_path / "relay"
    data_dir.mkdir()
    os.chown(data_dir, 12345, 23456)
    for command in (["restore", str(tmp_path / "copy")], ["restored"], ["restore-check"]):
        assert main([*command, "--data-dir", str(data_dir)]) == 0
    found = {path.name: (path.stat().st_uid, path.stat().st_gid) for path in data_dir.iterdir()}
    assert found.keys() >= {"relay.db", "relay.lock", "relay.mark"}
    assert set(found.values()) == {(12345, 23456)}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
@pytest.mark.parametrize("name", ["relay.lock", "relay.mark"])
def test_root_gives_nothing_away_that_a_link_leads_to(
    tmp_path: Path, name: str, link: Callable[[Path, Path], None]
) -> None:
    """RLY-274: else who took over the relay's user waits for a command of root to own any file."""
    stocked(tmp_path / "source")
    assert main(["backup", str(tmp_path / "copy"), "--data-dir", str(tmp_path / "source")]) == 0
    data_dir, elsewhere = tmp_path / "relay", tmp_path / "shadow"
    data_dir.mkdir()
    os.chown(data_dir, 12345, 23456)
    elsewhere.write_bytes(b"")
    link(data_dir / name, elsewhere)
    is_followed = link is Path.hardlink_to
    for command in (["restore", str(tmp_path / "copy")], ["restored"], ["restore-check"]):
        done = main([*command, "--data-dir", str(data_dir)]) == 0
        assert done is (is_followed or (name == "relay.mark" and command != ["restored"]))
    assert (elsewhere.stat().st_uid, elsewhere.stat().st_gid) == (0, os.getegid())
    assert is_followed or elsewhere.read_bytes() == b""
    assert name == "relay.lock" or (data_dir / "relay.db").stat().st_uid == 12345


@pytest.mark.parametrize("name", ["relay.lock", "relay.mark"])
def test_a_link_that_leads_to_nothing_makes_nothing(tmp_path: Path, name: str) -> None:
    """RLY-274: a new file of root at a place of somebody's choice may do harm by its name alone."""
    data_dir, elsewhere = tmp_path / "relay", tmp_path / "nologin"
    stocked(data_dir)
    (data_dir / name).unlink(missing_ok=True)
    (data_dir / name).symlink_to(elsewhere)
    assert main(["restored", "--data-dir", str(data_dir)]) == 1
    assert not elsewhere.exists()
