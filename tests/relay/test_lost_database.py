"""A database that goes away under a running relay, a mark without its database, and a disk without room."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from conversations import until
from disk_run import small_disk
from e2ee_relay import serving
from e2ee_relay.cli import main
from e2ee_relay.datadir import DataDirectory
from e2ee_relay.protocol import Ack, Done, ErrorCode, ErrorReply, Message
from e2ee_relay.store.api import StoreError
from e2ee_relay.store.open_files import OpenFiles
from e2ee_relay.store.spare import SpareRoom
from psycopg import sql
from relay_actors import Owner, sent_again
from relay_backends import SharedDatabase
from relay_process import RelayProcess
from relay_run import GONE, filled, free_b, peer_of, readiness, send

MIB = 1 << 20


def deleted(data_dir: Path) -> None:
    for path in data_dir.glob("relay.db*"):
        path.unlink()


def replaced_by_a_copy(data_dir: Path) -> None:
    shutil.copy(data_dir / "relay.db", data_dir / "copy")
    (data_dir / "copy").replace(data_dir / "relay.db")


def replaced_by_an_empty_file(data_dir: Path) -> None:
    (data_dir / "relay.db").unlink()
    (data_dir / "relay.db").touch()


def without_its_journal(data_dir: Path) -> None:
    (data_dir / "relay.db-wal").unlink()


def moved_away(data_dir: Path) -> None:
    data_dir.rename(data_dir.with_name("elsewhere"))


@pytest.mark.processes
@pytest.mark.parametrize(
    "loss", [deleted, replaced_by_a_copy, replaced_by_an_empty_file, without_its_journal, moved_away]
)
async def test_a_lost_database_confirms_nothing(tmp_path: Path, loss: Callable[[Path], None]) -> None:
    """RLY-173: from that moment no OK; within a second not ready, and a line in the log."""
    with RelayProcess(tmp_path / "relay") as relay:
        peer, owner = await peer_of(relay), Owner()
        await owner.set_up(peer)
        assert (await send(peer, owner)).code is ErrorCode.OK
        assert GONE not in readiness(relay)
        loss(relay.data_dir)
        result = await send(peer, owner)
        assert (result.code, result.retry_after_ms > 0) == (ErrorCode.UNAVAILABLE, True)
        assert GONE in readiness(relay)
        assert "sealroom_relay_ready 0" in relay.figures()
        await until(lambda: "database_gone" in relay.log())
        assert relay.get("/livez")[0] == 200
        assert relay.stop() == 0


def test_the_files_are_looked_at_twice_a_second() -> None:
    """RLY-173: the log says within a second that they are gone, where the machine lets the relay run."""
    assert serving._WATCH_S <= 0.5


@pytest.mark.processes
async def test_with_its_files_back_the_relay_goes_on(tmp_path: Path) -> None:
    """RLY-173: all that was confirmed is there, and more is taken, without a restart."""
    with RelayProcess(tmp_path / "relay") as relay:
        peer, owner = await peer_of(relay), Owner()
        await owner.set_up(peer)
        assert (await send(peer, owner)).code is ErrorCode.OK
        away = tmp_path / "elsewhere"
        relay.data_dir.rename(away)
        assert (await send(peer, owner)).code is ErrorCode.UNAVAILABLE
        await until(lambda: "database_gone" in relay.log())
        away.rename(relay.data_dir)
        await sent_again(peer, owner)
        await until(lambda: "database_back" in relay.log())
        await until(lambda: readiness(relay) == "ready\n")
        relay.restart()
        again = await peer_of(relay)
        await owner.prove(again)
        await owner.subscribe(again)
        assert len([await again.push(Message) for _ in range(2)]) == 2


@contextmanager
def hidden_by_a_mount(folder: Path) -> Iterator[Path]:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64M", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


KILLED = """
import os, pathlib, sys
from e2ee_relay.datadir import DataDirectory
DataDirectory.claim(pathlib.Path(sys.argv[1])).open_store().begin_generation()
os._exit(9)
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sqlite3 cannot be told")
def test_a_relay_that_ends_leaves_the_journal_of_another_disk(tmp_path: Path) -> None:
    """RLY-173, RLY-130: a disk of the same layout, mounted over ours, whose relay was killed before."""
    (tmp_path / "disk").mkdir()
    with hidden_by_a_mount(tmp_path / "disk") as folder:
        directory = DataDirectory.claim(folder)
        file = directory.open_store()
        ours = os.stat(folder / "relay.db").st_ino
        with hidden_by_a_mount(folder):
            subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=False)
            assert os.stat(folder / "relay.db").st_ino == ours
            file.close()
            assert (folder / "relay.db-wal").exists()
            with closing(sqlite3.connect(folder / "relay.db")) as db:
                found = db.execute("SELECT value FROM meta WHERE name = 'generation'").fetchone()
            assert found == (1,)
        directory.release()
        del file
        gc.collect()  # its other descriptors


@pytest.mark.processes
async def test_a_mount_over_the_data_directory_is_noticed(tmp_path: Path) -> None:
    """RLY-173: nothing is confirmed, nothing is written into the wrong disk; without it the relay goes on."""
    with RelayProcess(tmp_path / "relay") as relay:
        peer, owner = await peer_of(relay), Owner()
        await owner.set_up(peer)
        with hidden_by_a_mount(relay.data_dir):
            assert (await send(peer, owner)).code is ErrorCode.UNAVAILABLE
            await until(lambda: "database_gone" in relay.log())
            assert [one.name for one in relay.data_dir.iterdir() if one.name != "relay.spare"] == []
        await sent_again(peer, owner)


@pytest.mark.processes
@pytest.mark.parametrize("loss", [deleted, replaced_by_an_empty_file])
def test_a_mark_without_its_database_is_not_served(
    tmp_path: Path, loss: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """RLY-175: no empty database is made beside it; with the word of the operator one is."""
    relay = RelayProcess(tmp_path / "relay").start()
    assert main(["backup", str(tmp_path / "copy"), "--data-dir", str(relay.data_dir)]) == 0
    relay.stop()
    loss(relay.data_dir)
    for command in (["backup", str(tmp_path / "another")], ["migrate", "--dry-run"], ["migrate", "--check"]):
        assert main([*command, "--data-dir", str(relay.data_dir)]) == 1
        assert "there is no database" in capsys.readouterr().err
    assert not (tmp_path / "another").exists()
    with pytest.raises(RuntimeError, match=f"{relay.data_dir} has a mark"), relay:
        pass
    database = relay.data_dir / "relay.db"
    assert not database.exists() or database.stat().st_size == 0
    assert main(["restore", str(tmp_path / "copy"), "--data-dir", str(relay.data_dir)]) == 0
    relay.start()
    relay.stop()
    deleted(relay.data_dir)
    (relay.data_dir / "relay.mark").unlink()
    relay.start()
    assert relay.stop() == 0


def test_a_damaged_mark_alone_does_not_keep_a_relay_from_its_first_start(tmp_path: Path) -> None:
    """RLY-175: what cannot be read marks nothing (RLY-76)."""
    (tmp_path / "relay.mark").write_bytes(b"torn")
    directory = DataDirectory.claim(tmp_path)
    directory.open_store().close()
    directory.release()


def test_files_are_compared_by_what_they_are(tmp_path: Path) -> None:
    """RLY-173: same name and content are not the same file; what was not there is not missed."""
    one, none = tmp_path / "one", tmp_path / "none"
    one.write_text("x")
    files = OpenFiles(one, none)
    with one.open():
        assert files.are_in_place()
        none.touch()
        assert files.are_in_place()
        one.unlink()
        assert not files.are_in_place()
        one.write_text("x")
        assert not files.are_in_place()


# --- several nodes ---


@pytest.mark.processes
@pytest.mark.parametrize("made_by_another", [False, True])
async def test_a_database_made_anew_under_a_node(
    tmp_path: Path, shared_database: SharedDatabase, made_by_another: bool
) -> None:
    """RLY-176: empty, or with the tables of a node that was started over it: the old node serves neither."""
    server = shared_database.server()
    url = server.make_database()
    name = sql.Identifier(psycopg.conninfo.conninfo_to_dict(url)["dbname"])  # type: ignore[arg-type]  # set
    with RelayProcess(tmp_path / "node", f"store={url}") as node:
        peer, owner = await peer_of(node), Owner()
        await owner.set_up(peer)
        assert (await send(peer, owner)).code is ErrorCode.OK
        with psycopg.connect(server.url(), autocommit=True) as db:
            db.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
            db.execute(sql.SQL("CREATE DATABASE {}").format(name))
        if made_by_another:
            with RelayProcess(tmp_path / "other", f"store={url}"):
                pass
        assert (await send(peer, owner)).code is ErrorCode.UNAVAILABLE
        await until(lambda: GONE in readiness(node))
        await until(lambda: "database_gone" in node.log())
        assert (await send(peer, owner)).code is ErrorCode.UNAVAILABLE


# --- a disk without room ---


def size_b(path: Path) -> int | None:
    return path.stat().st_size if path.exists() else None


@pytest.mark.processes
async def test_a_relay_starts_on_a_full_disk_to_read_and_delete(tmp_path: Path) -> None:
    """RLY-174: its spare room is given back for that; nothing is added; with room again the spare is kept."""
    try:
        with small_disk(tmp_path / "disk") as disk:
            relay = RelayProcess(disk / "relay", f"disk_reserve_b={6 * MIB}")
            relay.log_path = tmp_path / "log"
            spare = disk / "relay" / "relay.spare"
            with relay:
                owner = await through_a_full_disk(relay, disk / "filler", spare)
            spare.unlink()
            filled(disk / "filler")
            with relay:
                await without_any_room(relay, owner)
    except PermissionError:
        pytest.skip("mounting is not allowed here")


async def without_any_room(relay: RelayProcess, owner: Owner) -> None:
    """What is held is delivered, and nothing is changed (RLY-195)."""
    peer = await peer_of(relay)
    await owner.prove(peer)
    await owner.subscribe(peer)
    one = await peer.push(Message)
    refused = await peer.ask(Ack(peer.next_id(), owner.mailbox, (one.seq,)))
    assert isinstance(refused, ErrorReply)
    assert refused.code is ErrorCode.UNAVAILABLE
    assert relay.get("/readyz")[0] == 503


async def through_a_full_disk(relay: RelayProcess, filler: Path, spare: Path) -> Owner:
    peer, owner = await peer_of(relay), Owner()
    await owner.set_up(peer)
    for _ in range(40):
        assert (await peer.send(owner.item(os.urandom(50_000))))[0].code is ErrorCode.OK
    await until(spare.exists)
    assert await asyncio.to_thread(size_b, spare) == MIB
    relay.stop()
    filled(filler)
    assert free_b(filler.parent) == 0
    relay.start()
    assert await asyncio.to_thread(size_b, spare) is None
    peer = await peer_of(relay)
    assert (await send(peer, owner)).code is ErrorCode.UNAVAILABLE
    await owner.prove(peer)
    await owner.subscribe(peer)
    for _ in range(40):
        one = await peer.push(Message)
        assert isinstance(await peer.ask(Ack(peer.next_id(), owner.mailbox, (one.seq,))), Done)
    await asyncio.to_thread(filler.unlink)
    await until(spare.exists)
    await sent_again(peer, owner)
    return owner


def test_spare_room_is_taken_and_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-174: beyond twice the reserve it is made, below a quarter of its size it goes, once."""
    free = {"b": 0}

    def look(_folder: Path) -> os.statvfs_result:
        return os.statvfs_result((1, 1, 0, 0, free["b"], 0, 0, 0, 0, 255))

    monkeypatch.setattr(os, "statvfs", look)
    path = tmp_path / "relay.spare"
    spare = SpareRoom(path, 6000)
    for free_now_b, is_there in ((12_999, False), (13_000, True), (250, True), (249, False), (0, False)):
        free["b"] = free_now_b
        spare.keep()
        assert path.exists() is is_there
    free["b"] = 1 << 30
    SpareRoom(path, 0).keep()
    assert not path.exists()


@pytest.mark.parametrize(("number", "asked"), [(errno.EOPNOTSUPP, 1), (errno.ENOSPC, 2)])
def test_a_file_system_that_promises_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, asked: int
) -> None:
    """RLY-174: the relay runs there as without it; where there was no room it is tried again."""
    asked_for: list[int] = []

    def refuse(_descriptor: int, _offset: int, size_b: int) -> None:
        asked_for.append(size_b)
        raise OSError(number, "not here")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    directory = DataDirectory.claim(tmp_path)
    spare = directory.spare(6000)
    spare.keep()
    spare.keep()
    assert asked_for == [1000] * asked
    assert not (tmp_path / "relay.spare").exists()
    with pytest.raises(StoreError, match="another process"):
        DataDirectory.claim(tmp_path)
    directory.release()


def test_a_spare_of_another_size_is_made_anew(tmp_path: Path) -> None:
    """RLY-174: after a change of the reserve, or a start that was killed in between."""
    path = tmp_path / "relay.spare"
    for reserve_b, now_b in ((6000, 1000), (60_000, 10_000), (6000, 1000), (0, None)):
        SpareRoom(path, reserve_b).keep()
        assert size_b(path) == now_b
    path.touch()
    SpareRoom(path, 6000).keep()
    assert size_b(path) == 1000


@pytest.mark.processes
async def test_a_directory_that_cannot_be_looked_up_is_told(tmp_path: Path) -> None:
    """RLY-74, RLY-173: whatever the system's reason is (here: what should be a directory is a file)."""
    (tmp_path / "mounted").mkdir()
    with RelayProcess(tmp_path / "mounted" / "relay") as relay:
        relay.log_path = tmp_path / "elsewhere" / "relay.log"
        (tmp_path / "mounted").rename(tmp_path / "elsewhere")
        (tmp_path / "mounted").touch()
        status, text = relay.get("/readyz")
        assert (status, GONE in text) == (503, True)
        assert "sealroom_relay_ready 0" in relay.figures()
        await until(lambda: "database_gone" in relay.log())
        assert "internal_error" not in relay.log()
