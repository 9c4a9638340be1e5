"""RLY-190: files that are changed in their place; symbolic links, and the list of blocked ids."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from conversations import until
from e2ee_relay.blocklist import BlockList
from e2ee_relay.protocol import AuthResult, ErrorCode
from e2ee_relay.reports import receipt
from e2ee_relay.store.open_files import OpenDatabase
from e2ee_relay.store.room import Room
from relay_actors import Owner
from relay_process import RelayProcess
from relay_run import GONE, peer_of, readiness, send


def journal_of(database: Path) -> Path:
    return database.with_name(database.name + "-wal")


def index_of(database: Path) -> Path:
    return database.with_name(database.name + "-shm")


# --- a relay ---


def an_older_copy_over_it(data_dir: Path) -> None:
    shutil.copyfile(data_dir.with_name("older"), data_dir / "relay.db")


def cut_to_nothing(data_dir: Path) -> None:
    os.truncate(data_dir / "relay.db", 0)


def journal_cut_to_nothing(data_dir: Path) -> None:
    os.truncate(data_dir / "relay.db-wal", 0)


def another_index(data_dir: Path) -> None:
    (data_dir / "relay.db-shm").unlink()
    with closing(sqlite3.connect(data_dir / "relay.db")) as db:
        db.execute("SELECT count(*) FROM mailbox").fetchone()


@pytest.mark.processes
@pytest.mark.parametrize(
    "loss", [an_older_copy_over_it, cut_to_nothing, journal_cut_to_nothing, another_index]
)
@pytest.mark.parametrize("is_idle", [True, False])
async def test_a_database_lost_in_its_place_confirms_nothing(
    tmp_path: Path, loss: Callable[[Path], None], is_idle: bool
) -> None:
    """RLY-190: the names still lead to the files that are open."""
    with RelayProcess(tmp_path / "relay") as relay:
        peer, owner = await peer_of(relay), Owner()
        await owner.set_up(peer)
        await until(lambda: not (relay.data_dir / "relay.db-wal").stat().st_size)
        shutil.copyfile(relay.data_dir / "relay.db", tmp_path / "older")
        for _ in range(20):
            assert (await send(peer, owner)).code is ErrorCode.OK
        if is_idle and loss is not journal_cut_to_nothing:
            await until(lambda: not (relay.data_dir / "relay.db-wal").stat().st_size)
        assert GONE not in readiness(relay)
        loss(relay.data_dir)
        for _ in range(3):
            assert (await send(peer, owner)).code is ErrorCode.UNAVAILABLE
        assert GONE in readiness(relay)
        await until(lambda: "database_gone" in relay.log())


@pytest.mark.processes
async def test_commands_beside_it_and_its_own_checkpoints_are_no_loss(tmp_path: Path) -> None:
    """RLY-190: reading, copying, asking for a purge, and another program's checkpoint."""
    with RelayProcess(tmp_path / "relay") as relay:
        peer, owner = await peer_of(relay), Owner()
        await owner.set_up(peer)
        other = Owner()
        await other.set_up(peer)
        for command in ("stats", "backup", "inspect", "purge", "expire-now"):
            options = {
                "backup": [str(tmp_path / "copy")],
                "inspect": ["--mailbox", owner.mailbox.hex()],
                "purge": ["--mailbox", other.mailbox.hex(), "--yes"],
            }
            await run_command(relay, command, *options.get(command, []))
            assert (await send(peer, owner)).code is ErrorCode.OK
        with closing(sqlite3.connect(relay.data_dir / "relay.db")) as db:
            for mode in ("PASSIVE", "TRUNCATE", "RESTART"):
                db.execute(f"PRAGMA wal_checkpoint({mode})")
                assert (await send(peer, owner)).code is ErrorCode.OK
        assert "database_gone" not in relay.log()


async def run_command(relay: RelayProcess, *command: str) -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "e2ee_relay", *command, "--data-dir", str(relay.data_dir)),
        stdout=subprocess.DEVNULL,
    )
    assert await program.wait() == 0


# --- a connection ---


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """An open database in WAL mode with a table `kept`."""
    db = sqlite3.connect(tmp_path / "relay.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE kept (body BLOB)")
    yield db
    db.close()


def test_whatever_sqlite_writes_is_in_place(tmp_path: Path, database: sqlite3.Connection) -> None:
    """RLY-190: commits, what is taken back, checkpoints of every kind, a journal begun anew."""
    files = OpenDatabase(tmp_path / "relay.db")
    assert files.are_in_place()
    with closing(sqlite3.connect(tmp_path / "relay.db", isolation_level=None)) as other:
        for round_no in range(30):
            db = (database, other)[round_no % 2]
            db.execute("INSERT INTO kept VALUES (randomblob(?))", (round_no * 3000,))
            assert files.are_in_place()
            db.execute("BEGIN")
            db.execute("DELETE FROM kept")
            assert files.are_in_place()
            db.execute("ROLLBACK")
            db.execute(f"PRAGMA wal_checkpoint({('PASSIVE', 'FULL', 'RESTART', 'TRUNCATE')[round_no % 4]})")
            assert files.are_in_place()
    database.execute("VACUUM")
    database.execute("PRAGMA wal_checkpoint")
    assert files.are_in_place()


def test_a_journal_of_another_time_is_not_in_place(tmp_path: Path, database: sqlite3.Connection) -> None:
    """RLY-190: as long as it has to be, with another salt; once seen, no later commit hides it."""
    path = tmp_path / "relay.db"
    database.execute("INSERT INTO kept VALUES (zeroblob(40000))")
    older = journal_of(path).read_bytes()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.execute("INSERT INTO kept VALUES ('x')")
    files = OpenDatabase(path)
    assert files.are_in_place()
    newer = journal_of(path).read_bytes()
    journal_of(path).write_bytes(older)
    assert not files.are_in_place()
    journal_of(path).write_bytes(newer)
    assert not files.are_in_place()


def test_the_last_frame_is_missed(tmp_path: Path, database: sqlite3.Connection) -> None:
    """RLY-190: the journal may be longer than what is committed, and not a byte shorter."""
    database.execute("INSERT INTO kept VALUES ('x')")
    path = tmp_path / "relay.db"
    files = OpenDatabase(path)
    with journal_of(path).open("ab") as journal:
        journal.write(b"torn")
    assert files.are_in_place()
    os.truncate(journal_of(path), journal_of(path).stat().st_size - 5)
    assert not files.are_in_place()


def test_an_index_without_end_to_its_changes(tmp_path: Path, database: sqlite3.Connection) -> None:
    """RLY-190: what cannot be read is not taken for in place."""
    path = tmp_path / "relay.db"
    database.execute("INSERT INTO kept VALUES ('x')")
    files = OpenDatabase(path)
    with index_of(path).open("r+b") as index:
        os.pwrite(index.fileno(), b"\xff", 32)
    assert not files.are_in_place()


# --- symbolic links ---


@pytest.mark.processes
async def test_a_database_behind_a_link_is_watched_where_it_is(tmp_path: Path) -> None:
    """RLY-173: SQLite has its journal beside the file that the link leads to."""
    data_dir, disk = tmp_path / "relay", tmp_path / "disk"
    data_dir.mkdir(mode=0o700)
    disk.mkdir()
    with RelayProcess(data_dir) as relay:
        peer, owner = await peer_of(relay), Owner()
        await owner.set_up(peer)
        relay.stop()
        (data_dir / "relay.db").replace(disk / "relay.db")
        (data_dir / "relay.db").symlink_to(disk / "relay.db")
        relay.start()
        peer = await peer_of(relay)
        assert (await send(peer, owner)).code is ErrorCode.OK
        await until((disk / "relay.spare").exists)
        (disk / "relay.db-wal").unlink()
        assert (await send(peer, owner)).code is ErrorCode.UNAVAILABLE
        assert GONE in readiness(relay)


# --- the list of blocked ids ---


@pytest.mark.processes
async def test_who_is_blocked_stays_so_while_the_directory_is_away(tmp_path: Path) -> None:
    """RLY-86: no list is not an empty one; with the directory back, changes count again."""
    with RelayProcess(tmp_path / "relay") as relay:
        peer, owner = await peer_of(relay), Owner()
        await owner.set_up(peer)
        blocked = BlockList(relay.data_dir)
        blocked.add(owner.mailbox)
        await until_refused(relay, owner, refused=True)
        away = tmp_path / "away"
        relay.data_dir.rename(away)
        await asyncio.sleep(2.5)
        assert await is_refused(relay, owner)
        away.rename(relay.data_dir)
        await asyncio.sleep(1.5)
        assert await is_refused(relay, owner)
        blocked.remove(owner.mailbox)
        await until_refused(relay, owner, refused=False)


async def is_refused(relay: RelayProcess, owner: Owner) -> bool:
    peer = await peer_of(relay)
    answer = await peer.ask(owner.auth(peer))
    assert isinstance(answer, AuthResult)
    return bool(answer.refused)


async def until_refused(relay: RelayProcess, owner: Owner, *, refused: bool) -> None:
    for _ in range(300):
        if await is_refused(relay, owner) is refused:
            return
        await asyncio.sleep(0.2)
    pytest.fail("the list was not looked at")


def test_a_disk_that_cannot_be_asked_has_no_room(tmp_path: Path) -> None:
    """RLY-131, RLY-173: the directory may go between the look at its files and the look at its disk."""
    assert not Room(tmp_path / "gone" / "relay.db", 1, lambda: 1 << 40).is_left()


@pytest.mark.parametrize(("left", "title"), [(0, "  removed: "), (3, "  not removed: ")])
def test_a_receipt_says_removed_where_nothing_is_left(left: int, title: str) -> None:
    """RLY-172: rows that are left are no removal."""
    text = receipt("mailbox", bytes(16), {"message": [{}] * 3}, {"message": [{}] * left}, now_s=0, by="x")
    assert text.splitlines()[1].startswith(title)
