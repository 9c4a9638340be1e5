"""Files whose first parts leave while later ones are sealed, and what becomes of those that never are."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from conversations import next_of, until
from e2ee_client.engine.rooms.file_rows import FileOut
from e2ee_client.errors import ClientClosed, FileCancelled, FileStalled, FileUnusable, SealroomError
from e2ee_client.rooms import FileFailed, FileProgress
from e2ee_client.runtime import file_folder, file_threads, transfer
from e2ee_client.runtime.file_service import FileService
from e2ee_client.runtime.file_threads import Step
from e2ee_client.runtime.transfer import parts_of
from e2ee_client.testing import FakeClock, MemoryNetwork
from file_kill_scene import large_file, the_file
from file_kill_scene import scene_of as scene_on_disk
from file_scene import Scene, blobs, file, files_of, scene_of
from practice import practice

from e2ee.errors import E2eeError, FileTypeRefused
from e2ee.files import CHUNK_B, PART_B, sealed_size
from e2ee.ids import AccountId

SIZE_B = 3 << 20
SEALED_B = 2 << 20
"""So much is read before the source waits."""


class Source:
    """A file whose reading waits in the middle until it may go on."""

    def __init__(self, folder: Path) -> None:
        self.path = large_file(folder, SIZE_B)
        self.goes_on = threading.Event()
        self.is_full = False
        self.hangs = True
        self._read = file_folder._read

    def read(self, file: FileIO, step: Step) -> Iterator[bytes]:
        if not self.hangs:
            yield from self._read(file, step)
            return
        file.seek(0)
        step()
        yield file.read(SEALED_B) or b""
        self.goes_on.wait(600)
        if self.is_full:
            raise OSError(errno.ENOSPC, "no space left on device")
        while block := file.read(file_folder.READ_B):
            step()
            yield block


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    network = MemoryNetwork(clock=FakeClock(speed=20))
    async with practice(network) as praxis:
        yield await scene_of(praxis)
    network.relay.close()


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    made = Source(tmp_path)
    monkeypatch.setattr(file_folder, "_read", made.read)
    yield made
    made.goes_on.set()


def rows_of(files: FileService) -> list[FileOut]:
    return files._work.shell.machine.files.outgoing()


def parts_at(scene: Scene) -> list[int]:
    """How many parts the relay has of each blob."""
    held: dict[bytes, list[bytes]] = scene.relay._file.blobs._parts  # type: ignore[attr-defined]  # in memory
    return [len(parts) for parts in held.values()]


async def half_sent(scene: Scene, source: Source) -> asyncio.Task[Any]:
    """Begin to send a file, and wait until of what was sealed all has left."""
    sending = asyncio.create_task(scene.at_agent.send_file(source.path))
    await until(lambda: parts_at(scene) == [SEALED_B // CHUNK_B])
    return sending


async def is_given_up(scene: Scene) -> None:
    """Nothing is left of a file, here or at the relay, and nobody has heard of it."""
    files = scene.agent.client.files
    await until(lambda: not blobs(scene) and not rows_of(files))
    await until(lambda: files.names == [] and files.sending.is_idle)
    assert await files_of(scene.at_agent) == []


async def test_parts_leave_while_later_ones_are_sealed(scene: Scene, source: Source, tmp_path: Path) -> None:
    """FIL-24: those that are in the sealed copy, under what is on disk; the entry follows the last one."""
    events = scene.agent.events()
    sending = await half_sent(scene, source)
    (row,) = rows_of(scene.agent.client.files)
    assert (row.hash, row.entry) == (b"", None)
    copy = scene.agent.client.files._work.folder.place(f"out-{row.id.hex()}")
    assert copy.stat().st_size == SEALED_B // CHUNK_B * PART_B
    assert await files_of(scene.at_agent) == []
    source.goes_on.set()
    sent = await sending
    folder = tmp_path / "saved"
    folder.mkdir()
    got = await the_file(scene.room, sent.hash)
    assert (await got.save(folder)).read_bytes() == source.path.read_bytes()
    assert scene.agent.client.files.parts_sent == parts_of(sealed_size(source.path.stat().st_size))
    done = await progress(events)
    assert done == sorted(done)


async def test_sources_that_hang_hold_up_no_other_file(scene: Scene, source: Source, tmp_path: Path) -> None:
    """FIL-24: what waits to be sealed has none of the places of those that move, before and after."""
    hanging = [asyncio.create_task(scene.at_agent.send_file(source.path)) for _ in range(2)]
    await until(lambda: parts_at(scene) == [SEALED_B // CHUNK_B] * 2)
    source.hangs = False
    await asyncio.wait_for(scene.at_agent.send_file(source.path), 30)
    sent = await scene.room.send_file(file(tmp_path))
    files = scene.agent.client.files
    await until(lambda: files.fetching.is_here(sent.hash))
    source.goes_on.set()
    await asyncio.gather(*hanging)
    company = AccountId(scene.praxis.company.client.account_id)
    assert files._work.slot(company)._free._value == 2


async def test_sources_that_hang_hold_up_nothing_else(
    scene: Scene, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-27: neither other work in threads, nor the end of the client."""
    monkeypatch.setattr(file_threads, "END_S", 0.1)
    loop, files = asyncio.get_running_loop(), scene.agent.client.files
    loop.set_default_executor(ThreadPoolExecutor(1))
    hanging = [asyncio.create_task(scene.at_agent.send_file(source.path)) for _ in range(6)]
    await until(lambda: len(rows_of(files)) == 6)
    assert await asyncio.wait_for(loop.getaddrinfo("127.0.0.1", 1), 60)
    async with asyncio.timeout(60):
        await scene.agent.close()
        ends = await asyncio.gather(*hanging, return_exceptions=True)
    assert {type(one) for one in ends} <= {ClientClosed, asyncio.CancelledError}


async def test_a_source_that_never_answers_is_given_up(
    scene: Scene, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-28: its sender is told, the relay drops what it has, and nine of them stop no other file."""
    monkeypatch.setattr(file_threads, "LOOK_S", 0.05)
    events, files = scene.agent.events(), scene.agent.client.files
    copies = [tmp_path / f"{one}.txt" for one in range(file_threads.AT_ONCE + 1)]
    for one in copies:
        one.write_bytes(source.path.read_bytes())
    hanging = [asyncio.create_task(scene.at_agent.send_file(one)) for one in copies]
    async with asyncio.timeout(60):
        ends = await asyncio.gather(*hanging, return_exceptions=True)
        assert {type(one) for one in ends} == {FileStalled}
        assert (await next_of(events, FileFailed)).code == FileStalled.code
        await is_given_up(scene)
        with pytest.raises(FileStalled):
            await scene.at_agent.send_file(copies[0])
        monkeypatch.setattr(file_threads, "LOOK_S", 10.0)
        source.hangs = False
        await scene.at_agent.send_file(source.path)
    source.goes_on.set()
    await until(lambda: not files._work.threads._hanging)


async def test_a_relay_that_says_too_early_that_it_has_all_is_not_believed(
    scene: Scene, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-24: the entry needs the hash, which is there when all is sealed; who gives up says why."""
    state = transfer._Putting._state

    async def lie(self: Any, line: Any) -> Any:
        got = await state(self, line)
        self.done = parts_of(self._upload.size_b)
        return dataclasses.replace(got, next=self.done)

    monkeypatch.setattr(transfer._Putting, "_state", lie)
    events, files = scene.agent.events(), scene.agent.client.files
    sending = asyncio.create_task(scene.at_agent.send_file(source.path))
    await progress(events)
    await asyncio.wait([sending], timeout=0.2)
    assert await files_of(scene.at_agent) == []
    source.goes_on.set()
    sent = await sending
    (row,) = [one for one in rows_of(files) if one.entry == sent.hash]
    assert (await the_file(scene.at_agent)).payload.hash == row.hash != b""  # type: ignore[union-attr]


async def progress(events: Any) -> list[int]:
    """What is told of a file until all of it has gone."""
    done: list[int] = []
    while True:
        one = await next_of(events, FileProgress)
        done.append(one.done_b)
        if one.done_b == one.size_b:
            return done


@pytest.mark.parametrize("change", ["grows", "shrinks", "of no type", "full disk"])
async def test_what_cannot_be_sealed_to_its_end_is_given_up(
    scene: Scene, source: Source, change: str
) -> None:
    """FIL-24, FIL-12, FIL-10: the relay drops what it has, and the sender says why."""
    events = scene.agent.events()
    sending = await half_sent(scene, source)
    source.is_full = change == "full disk"
    with source.path.open("r+b") as file:
        match change:
            case "grows":
                file.seek(0, 2)
                file.write(b"more")
            case "shrinks":
                file.truncate(SIZE_B - 100)
            case "of no type":
                file.seek(SIZE_B - 100)
                file.write(b"\x01")
            case _:
                pass  # the disk is full
    source.goes_on.set()
    expected: type[E2eeError | SealroomError] = FileTypeRefused if change == "of no type" else FileUnusable
    with pytest.raises(expected):
        await sending
    assert (await next_of(events, FileFailed)).code == expected.code
    await is_given_up(scene)


async def test_who_stops_waiting_gives_it_up(scene: Scene, source: Source) -> None:
    """FIL-24, FIL-12"""
    sending = await half_sent(scene, source)
    sending.cancel()
    source.goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await is_given_up(scene)


async def test_it_is_cancelled_by_what_progress_names(scene: Scene, source: Source) -> None:
    """FIL-24, FIL-12: before it is sealed, too; not before nothing more is written or stored of it."""
    events = scene.agent.events()
    sending = await half_sent(scene, source)
    file_id = (await next_of(events, FileProgress)).file_id
    cancelling = asyncio.create_task(scene.agent.client.files.sending.cancel(file_id))
    done, _ = await asyncio.wait([cancelling], timeout=0.5)
    assert not done
    source.goes_on.set()
    await cancelling
    with pytest.raises(FileCancelled):
        await sending
    await is_given_up(scene)


@pytest.mark.processes
async def test_a_sender_that_ends_while_it_seals_gives_the_file_up(source: Source, tmp_path: Path) -> None:
    """FIL-24: what has left is dropped; the file is sealed anew only when a person sends it again."""
    async with scene_on_disk(tmp_path) as scene:
        events = scene.desk.events()
        sending = asyncio.create_task(scene.desk.rooms()[0].send_file(source.path))
        progressed = await next_of(events, FileProgress)
        (before,) = rows_of(scene.desk.client.files)
        await scene.desk_again()
        source.goes_on.set()
        with pytest.raises(ClientClosed):
            await sending
        files = scene.desk.client.files
        await until(lambda: not rows_of(files))
        assert files.names == []
        sent = await scene.desk.rooms()[0].send_file(source.path)
        got = await the_file(scene.customer.rooms()[0])
        payload = got.payload
        assert got.hash == sent.hash
        assert payload.blob != before.blob  # type: ignore[union-attr]  # of a file
        assert payload.key.expose() != before.file_key.expose()  # type: ignore[union-attr]
        assert progressed.file_id == before.id
