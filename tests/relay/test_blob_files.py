"""Parts of blobs in files: what a crash, a full disk, a restore and the operator do to them."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from blob_actors import Upload, greeted, refused
from e2ee_relay.cli import main
from e2ee_relay.limits import Policy
from e2ee_relay.memory import MemoryRelay
from e2ee_relay.protocol import (
    MAX_PART_B,
    BlobData,
    BlobDrop,
    BlobState,
    Done,
    ErrorCode,
    TokenClass,
    blob_hash,
)
from e2ee_relay.store.mark import MarkFile
from e2ee_relay.store.open_files import OpenDatabase
from e2ee_relay.store.sqlite_file import DatabaseFile
from relay_actors import DAY_MS, START_MS, Clock, Owner, Peer
from store_bench import RunningStore, until

RECORD_B = MAX_PART_B + 4


@contextmanager
def relay_in(folder: Path, clock: Clock | None = None) -> Iterator[MemoryRelay]:
    relay = MemoryRelay(clock or Clock(), os.urandom, Policy(), folder / "relay.db")
    yield relay
    relay.close()


def file_of(folder: Path, upload: Upload) -> Path:
    return folder / "relay.blobs" / blob_hash(upload.blob).hex()


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("relay.blobs/*"))


async def begun(relay: MemoryRelay, parts: int, size_b: int = 5 * MAX_PART_B) -> tuple[Peer, Upload]:
    """Put some parts of a blob of a fresh mailbox."""
    peer, owner = await greeted(relay), Owner()
    await owner.create(peer)
    await owner.prove(peer)
    await owner.admit(peer, owner.token, TokenClass.TRUSTED)
    upload = Upload(owner, os.urandom(size_b))
    await upload.begin(peer)
    if parts:
        await upload.go_on(peer, 0, parts)
    return peer, upload


@pytest.mark.parametrize(
    ("damage", "left"),
    [
        (lambda octets: octets[: 2 * RECORD_B + 100], 2),
        (lambda octets: octets[: 2 * RECORD_B] + bytes(RECORD_B), 2),
        (lambda octets: bytes(len(octets)), 0),
        (lambda octets: octets[:RECORD_B] + octets[:RECORD_B] + octets[2 * RECORD_B :], 1),
        (lambda octets: octets[: 3 * RECORD_B - 1] + b"x", 2),
        (lambda octets: octets + bytes(2 * RECORD_B), 3),
    ],
    ids=["cut", "zeros behind", "zeros", "a part in another's place", "torn", "longer"],
)
async def test_a_loss_of_power_may_shorten_what_is_not_whole(
    tmp_path: Path, damage: Callable[[bytes], bytes], left: int
) -> None:
    """RLY-249: what the disk has of a part that was not flushed is no part; the upload goes on before it."""
    with relay_in(tmp_path) as relay:
        _, upload = await begun(relay, 3)
    path = file_of(tmp_path, upload)
    path.write_bytes(damage(path.read_bytes()))
    with relay_in(tmp_path) as relay:
        peer = await greeted(relay)
        assert (await upload.begin(peer)).next == left
        await upload.go_on(peer, left)
        assert await upload.load(peer) == upload.octets


async def test_a_part_that_cannot_be_written_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-250: refused with a code, by itself; nothing of it is left, and the upload goes on."""
    with relay_in(tmp_path) as relay:
        peer, upload = await begun(relay, 1)
        written = os.pwrite

        def full(file: int, octets: bytes, place: int) -> int:
            if place % RECORD_B:
                raise OSError(errno.ENOSPC, "no room")
            return written(file, octets[:1000], place)

        monkeypatch.setattr(os, "pwrite", full)
        assert await refused(peer, upload.put(peer, 1)) is ErrorCode.UNAVAILABLE
        assert (await peer.send(upload.owner.item(b"a message")))[0].code is ErrorCode.OK
        assert (await upload.begin(peer)).next == 1
        monkeypatch.setattr(os, "pwrite", written)
        assert (await upload.go_on(peer, 1)).next == 5
        assert await upload.load(peer) == upload.octets


async def test_parts_of_one_pass_are_written_together_and_ahead_of_a_drop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-243, RLY-246: one change of threads for all of them; what is dropped behind them leaves no file."""
    file = DatabaseFile(tmp_path / "relay.db", os.urandom(16), MarkFile(tmp_path / "mark"))
    async with RunningStore(file) as running:
        upload = Upload(running.owner, os.urandom(6 * MAX_PART_B))
        await running.ask(upload.open(running))  # type: ignore[arg-type]  # it gives the id
        jobs, submit = list[object](), running.store._blobs.submit

        def noted(job: Callable[[], None]) -> None:
            jobs.append(job)
            submit(job)

        monkeypatch.setattr(running.store._blobs, "submit", noted)
        puts = [upload.put(running, index) for index in range(5)]  # type: ignore[arg-type]
        drop = BlobDrop(running.next_id(), upload.blob, upload.secret)
        for part in puts:
            running.node.receive(running._session, part)
        running.node.receive(running._session, drop)
        await until(lambda: drop.request_id in running._answers and running.store.is_idle)
        answers = [running._answers[one.request_id] for one in puts]
        assert [one.next for one in answers if isinstance(one, BlobState)] == [1, 2, 3, 4, 5]
        assert len(jobs) == 2
        assert files_in(tmp_path) == []


async def test_a_file_that_cannot_be_closed_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-250: as where a disk in the network tells of its quota late."""
    closed = os.close

    def failing(file: int) -> None:
        is_blob = stat.S_ISREG(os.fstat(file).st_mode)
        closed(file)
        if is_blob:
            raise OSError(errno.EDQUOT, "no quota left")

    with relay_in(tmp_path) as relay:
        peer, upload = await begun(relay, 1)
        with monkeypatch.context() as patched:
            patched.setattr("e2ee_relay.store.blobs.os.close", failing)
            assert (await upload.go_on(peer, 1)).next == 5
        assert await upload.load(peer) == upload.octets


async def test_a_disk_that_fills_takes_no_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-250: blobs stop first; what is there is got and dropped, messages and mailboxes go on."""
    with relay_in(tmp_path) as relay:
        peer, whole = await begun(relay, 5)
        half = Upload(whole.owner, os.urandom(100_000))
        await half.begin(peer)
        monkeypatch.setattr(DatabaseFile, "has_room_for_blobs", lambda _self: False)
        for request in (half.put(peer, 0), Upload(whole.owner, b"x").open(peer)):
            assert await refused(peer, request) is ErrorCode.UNAVAILABLE
        assert (await half.begin(peer)).next == 0
        await Owner().set_up(peer)
        assert (await peer.send(whole.owner.item(b"a message")))[0].code is ErrorCode.OK
        assert await whole.load(peer) == whole.octets
        await peer.expect(Done, BlobDrop(peer.next_id(), whole.blob, whole.secret))


def test_how_much_room_is_left_for_blobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-250: four times the reserve."""
    free_b = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    for reserve_b, has_room in ((0, True), (free_b // 5, True), (free_b // 3, False)):
        file = DatabaseFile(tmp_path / "relay.db", bytes(16), reserve_b=reserve_b)
        assert file.has_room_for_blobs() is has_room
        file.close()


async def test_the_last_part_counts_with_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-249: whole is what the database says; where it could not, the last part comes again."""
    with relay_in(tmp_path) as relay:
        peer, upload = await begun(relay, 4)

        def failing(_file: DatabaseFile) -> None:
            raise sqlite3.OperationalError

        with monkeypatch.context() as patched:
            patched.setattr(DatabaseFile, "transaction", failing)
            assert await refused(peer, upload.put(peer, 4)) is ErrorCode.UNAVAILABLE
        assert await refused(peer, upload.get(peer)) is ErrorCode.NOT_FOUND
        relay.tick()
        assert (await upload.begin(peer)).next == 4
        assert (await upload.go_on(peer, 4)).next == 5
    with relay_in(tmp_path) as relay:
        assert await upload.load(await greeted(relay)) == upload.octets


async def test_files_go_with_their_rows(tmp_path: Path, clock: Clock) -> None:
    """RLY-251: dropped, expired, or with the mailbox; a file that a crash has left goes at the next start."""
    with relay_in(tmp_path, clock) as relay:
        peer, dropped = await begun(relay, 2)
        uploads = [Upload(dropped.owner, os.urandom(10)) for _ in range(2)]
        for upload in uploads:
            await upload.store(peer)
        await peer.expect(Done, BlobDrop(peer.next_id(), dropped.blob, dropped.secret))
        assert files_in(tmp_path) == sorted(file_of(tmp_path, one) for one in uploads)
        clock.forward(31 * DAY_MS)
        relay.tick()
        assert not files_in(tmp_path)
    (tmp_path / "relay.blobs" / ("ab" * 32)).write_bytes(b"left behind")
    with relay_in(tmp_path, clock):
        assert not files_in(tmp_path)


async def test_a_restored_database_has_whole_blobs_or_none(tmp_path: Path) -> None:
    """RLY-251: a copy without parts, or with parts of another time."""
    with relay_in(tmp_path) as relay:
        peer, kept = await begun(relay, 5)
        lost, short, later = (Upload(kept.owner, os.urandom(100_000)) for _ in range(3))
        await lost.store(peer)
        await short.store(peer)
        await later.begin(peer)
        await later.go_on(peer, 0, 1)
    file_of(tmp_path, lost).unlink()
    os.truncate(file_of(tmp_path, short), 70_000)
    with relay_in(tmp_path) as relay:
        peer = await greeted(relay)
        assert await kept.load(peer) == kept.octets
        for upload in (lost, short):
            assert await refused(peer, upload.get(peer)) is ErrorCode.NOT_FOUND
            assert (await upload.store(peer)).next == 2
            assert await upload.load(peer) == upload.octets
        assert (await later.begin(peer)).next == 1


async def test_a_directory_that_vanishes(tmp_path: Path) -> None:
    """RLY-249, RLY-251: what was in it is not found; what is put again is."""
    with relay_in(tmp_path) as relay:
        peer, whole = await begun(relay, 5)
        half = Upload(whole.owner, os.urandom(100_000))
        await half.begin(peer)
        await half.go_on(peer, 0, 1)
        for path in files_in(tmp_path):
            path.unlink()
        (tmp_path / "relay.blobs").rmdir()
        assert await refused(peer, whole.get(peer)) is ErrorCode.NOT_FOUND
        assert await refused(peer, half.put(peer, 1)) is ErrorCode.UNAVAILABLE
        assert (await half.begin(peer)).next == 0
        await half.go_on(peer, 0)
        assert await half.load(peer) == half.octets


async def test_a_file_that_is_cut_is_not_handed_out_in_part(tmp_path: Path) -> None:
    """RLY-244: whoever opens parts checks their bytes; the relay only that they are there."""
    with relay_in(tmp_path) as relay:
        peer, upload = await begun(relay, 5)
        os.truncate(file_of(tmp_path, upload), 3 * RECORD_B)
        assert await refused(peer, upload.get(peer)) is ErrorCode.UNAVAILABLE
        assert len((await peer.expect(BlobData, upload.get(peer, 0, 3))).parts) == 3


async def test_a_data_directory_that_is_hidden_takes_no_blob(tmp_path: Path) -> None:
    """RLY-173: no directory is made in what lies over it."""
    (tmp_path / "r").mkdir()
    with relay_in(tmp_path / "r") as relay:
        relay._file.files = OpenDatabase(tmp_path / "r" / "relay.db", tmp_path / "r" / "relay.db")
        peer, upload = await begun(relay, 0)
        (tmp_path / "r").rename(tmp_path / "elsewhere")
        (tmp_path / "r").mkdir()
        assert await refused(peer, upload.put(peer, 0)) is ErrorCode.UNAVAILABLE
        assert not list((tmp_path / "r").iterdir())
        (tmp_path / "r").rmdir()
        (tmp_path / "elsewhere").rename(tmp_path / "r")
        await upload.go_on(peer, 0)
        assert await upload.load(peer) == upload.octets


# --- the operator ---


def run(folder: Path, *arguments: str) -> int:
    return main([arguments[0], "--data-dir", str(folder), *arguments[1:]])


async def test_what_the_operator_sees_and_removes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RLY-77, RLY-85: rows and counts; a purge takes the files too."""
    with relay_in(tmp_path) as relay:
        peer, upload = await begun(relay, 5)
        await Upload(upload.owner, bytes(10)).begin(peer)
    assert run(tmp_path, "stats", "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["blobs"], figures["blobs_not_whole"]) == (2, 1)
    assert figures["blob_bytes"] == 5 * MAX_PART_B + 10
    mailbox = upload.owner.mailbox.hex()
    assert run(tmp_path, "inspect", "--mailbox", mailbox, "--json") == 0
    found = json.loads(capsys.readouterr().out)["blob"]
    assert {row["key"] for row in found} >= {blob_hash(upload.blob).hex()}
    assert run(tmp_path, "purge", "--mailbox", mailbox, "--yes") == 0
    assert "blob 2" in capsys.readouterr().out
    assert not files_in(tmp_path)


async def test_expiry_of_a_stopped_relay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RLY-85: `expire-now` goes by the machine's clock, and takes the files too."""
    with relay_in(tmp_path, Clock(START_MS - 2000 * DAY_MS)) as relay:
        await begun(relay, 5)
    assert len(files_in(tmp_path)) == 1
    assert run(tmp_path, "expire-now") == 0
    assert not files_in(tmp_path)


async def test_a_backup_says_what_it_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RLY-251: the parts are in none; the rows are with the messages."""
    with relay_in(tmp_path) as relay:
        _, upload = await begun(relay, 5)
    for flags, rows in (((), 0), (("--with-messages",), 1)):
        copy = tmp_path / f"copy{rows}.db"
        assert run(tmp_path, "backup", str(copy), *flags) == 0
        told = capsys.readouterr().err
        assert "1 blobs are not in the backup" in told
        assert str(tmp_path / "relay.blobs") in told
        db = sqlite3.connect(copy)
        assert db.execute("SELECT count(*) FROM blob").fetchone() == (rows,)
        db.close()
        assert upload.octets[:100] not in copy.read_bytes()
