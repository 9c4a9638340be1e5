"""Files in rooms under lies, damage and stops at a bad moment (FIL-05 to FIL-16)."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from conversations import next_of, until
from e2ee_client.engine.rooms.dropping import Dropping
from e2ee_client.engine.rooms.file_rows import FileOut, FileTicket, Payer
from e2ee_client.errors import FileExpired, FileMissing, FileUnusable, RelayUnavailable
from e2ee_client.rooms import Entry, FileFailed, FileHeld
from e2ee_client.runtime import file_folder
from e2ee_client.runtime.file_folder import held_name, part_name
from e2ee_client.runtime.file_service import FileService
from e2ee_client.runtime.transfer import Transfer
from e2ee_client.testing import FakeClock, MemoryNetwork
from file_scene import TEXT, Scene, blobs, file, files_of, scene_of, the_file
from practice import Practice, practice

from e2ee.files import PART_B, Announced, padded_size
from e2ee.ids import AccountId, DeviceId
from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.payloads import File
from e2ee.secret import FileKey


@pytest.fixture
def network() -> Iterator[MemoryNetwork]:
    made = MemoryNetwork(clock=FakeClock(speed=20))
    yield made
    made.relay.close()


@pytest.fixture
async def praxis(network: MemoryNetwork) -> AsyncIterator[Practice]:
    async with practice(network) as made:
        yield made


async def begun_anew(files: FileService) -> None:
    """As when the program ends and begins again: nothing is kept but rows and files."""
    await files._work.end()
    await files.start()


def place(files: FileService, name: str) -> Path:
    return files._work.folder.place(name)


async def sent_to_the_customer(scene: Scene, folder: Path) -> Entry:
    await scene.at_agent.send_file(file(folder))
    return await the_file(scene.room)


# --- stops ---


async def test_a_stop_between_the_name_and_the_row_is_made_good(praxis: Practice, tmp_path: Path) -> None:
    """FIL-14, FIL-19: what is whole on the disk is held, and told, when the program begins again."""
    scene = await scene_of(praxis)
    got = await sent_to_the_customer(scene, tmp_path)
    files = scene.me.client.files

    async def stops(*_args: object) -> None:
        raise RelayUnavailable("the program ends here")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files._work, "step", stops)
        with pytest.raises(RelayUnavailable):
            await got.save(tmp_path)
    assert files.fetching.is_here(got.hash)
    events = scene.me.events()
    await begun_anew(files)
    assert (await next_of(events, FileHeld)).entry_hash == got.hash
    await until(lambda: not blobs(scene))


async def test_files_of_no_entry_go_with_the_next_start(praxis: Practice, tmp_path: Path) -> None:
    """FIL-19: an erasure whose end the disk did not see; what belongs to an entry stays, ours too."""
    scene = await scene_of(praxis)
    own = await scene.at_agent.send_file(file(tmp_path))
    await (await the_file(scene.room)).save(tmp_path)
    await until(lambda: not blobs(scene))
    for files in (scene.agent.client.files, scene.me.client.files):
        for name in (held_name(os.urandom(32)), part_name(os.urandom(32)), "out-" + "0" * 32):
            place(files, name).write_bytes(b"sealed")
        await begun_anew(files)
        assert files.names == [held_name(own.hash)]


async def test_an_erasure_wins_over_a_file_that_gets_its_name(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-16: the thread that gives the name ends after the erasure, and nothing of the file is left."""
    scene = await scene_of(praxis)
    got = await sent_to_the_customer(scene, tmp_path)
    files, begun, goes_on, named = scene.me.client.files, *(threading.Event() for _ in range(3))
    keep, remove = file_folder.keep, files._work.folder.remove

    def slowly(part: Path, held: Path) -> None:
        begun.set()
        goes_on.wait(60)
        keep(part, held)
        named.set()

    def and_lets_go_on(name: str) -> None:
        remove(name)
        goes_on.set()
        named.wait(60)

    monkeypatch.setattr(file_folder, "keep", slowly)
    monkeypatch.setattr(files._work.folder, "remove", and_lets_go_on)
    saving = asyncio.create_task(got.save(tmp_path))
    await asyncio.to_thread(begun.wait, 60)
    files.fetching.forget(got.hash)
    with pytest.raises(FileMissing):
        await saving
    assert files.names == []


async def test_a_device_that_is_struck_off_keeps_no_file(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ACC-15, FIL-19: neither what it holds, nor what was on its way, nor a row of it."""
    scene = await scene_of(praxis)
    await scene.room.send_file(file(tmp_path))
    files = scene.agent.client.files
    await until(lambda: files.names != [])

    async def not_now(*_args: object) -> int:
        raise RelayUnavailable("the relay is away for blobs")

    monkeypatch.setattr(Transfer, "put", not_now)
    await scene.at_agent.start_file(file(tmp_path))
    monkeypatch.setattr(Dropping, "is_struck_off", lambda _self: True)
    await scene.at_agent._do(lambda turn, rooms: rooms.dropping.look(turn))
    await until(lambda: files.names == [])
    monkeypatch.undo()
    await until(lambda: files.sending.is_idle)
    rows = files._work.shell.machine.files._state.rows
    assert list(rows.items(FileOut.TABLE)) == []


# --- damage ---


async def test_parts_that_a_loss_of_power_emptied_come_again(praxis: Practice, tmp_path: Path) -> None:
    """FIL-18"""
    scene = await scene_of(praxis)
    got = await sent_to_the_customer(scene, tmp_path)
    place(scene.me.client.files, part_name(got.hash)).write_bytes(bytes(3 * PART_B))
    assert (await got.save(tmp_path / "..")).read_bytes() == TEXT


async def test_a_held_file_that_the_disk_damaged_comes_again(praxis: Practice, tmp_path: Path) -> None:
    """FIL-18"""
    scene = await scene_of(praxis)
    got = await sent_to_the_customer(scene, tmp_path)
    place(scene.me.client.files, held_name(got.hash)).write_bytes(bytes(PART_B))
    assert (await got.save(tmp_path)).read_bytes() == TEXT
    await until(lambda: not blobs(scene))
    place(scene.me.client.files, held_name(got.hash)).write_bytes(bytes(PART_B))
    with pytest.raises(FileExpired):
        await got.save(tmp_path)


async def test_fetching_outlives_a_disk_that_cannot_be_used(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-13: what hinders once does not end it."""
    scene = await scene_of(praxis)
    folder = scene.agent.client.files._work.folder
    asked = list[int]()

    def fails() -> int:
        asked.append(1)
        if len(asked) == 1:
            raise FileUnusable("the file cannot be used: read-only")
        return 1 << 40

    monkeypatch.setattr(folder, "free_b", fails)
    theirs = scene.agent.events()
    sent = await scene.room.send_file(file(tmp_path))
    assert (await next_of(theirs, FileHeld)).entry_hash == sent.hash


# --- lies ---


async def test_a_file_that_goes_meanwhile_leaves_nothing(praxis: Practice, tmp_path: Path) -> None:
    """FIL-18: else whoever drops blobs half-way fills a disk over the bound of FIL-13."""
    scene = await scene_of(praxis)
    got = await sent_to_the_customer(scene, tmp_path)
    files = scene.me.client.files
    place(files, part_name(got.hash)).write_bytes(bytes(3 * PART_B))
    assert files._work.folder.parts_b("another") == 3 * PART_B
    assert files._work.folder.parts_b(part_name(got.hash)) == 0
    sending = scene.agent.client.files.sending
    for row in await sending._work.ask(lambda at: at.outgoing()):
        await sending._drop(row)
    with pytest.raises(FileExpired):
        await got.save(tmp_path)
    assert files.names == []


async def test_a_size_that_was_lied_about_is_asked_for_once(praxis: Practice, tmp_path: Path) -> None:
    """FIL-05: an entry of more than its blob has is corrupt, and no reason to ask for ever."""
    scene = await scene_of(praxis)
    await scene.at_agent.send_file(file(tmp_path))
    await the_file(scene.room)
    payload = (await files_of(scene.room))[0].payload
    assert isinstance(payload, File)
    size_b = payload.size_b - PART_B
    theirs = scene.agent.events()
    lie = File(
        *(payload.blob, payload.key, padded_size(size_b), payload.hash, size_b, "a.txt", "text/plain"),
        *(payload.expires_ms, payload.payer),
    )
    entry = await scene.room.write(lie)
    failed = await next_of(theirs, FileFailed)
    assert (failed.file_id, failed.code) == (entry.hash, "file.corrupt")
    assert scene.agent.client.shell.machine.files.wanted() == []


async def test_an_end_that_no_entry_can_have_is_cut(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-12, FIL-15: a relay that tells 2^60 makes no entry that everybody refuses."""
    scene = await scene_of(praxis)
    put = Transfer.put

    async def lies(*args: object) -> int:
        await put(*args)  # type: ignore[arg-type]  # what it is called with
        return 1 << 60

    monkeypatch.setattr(Transfer, "put", lies)
    sent = await scene.room.send_file(file(tmp_path))
    assert (await the_file(scene.at_agent)).hash == sent.hash


async def test_a_blob_is_dropped_by_one_task(praxis: Practice, tmp_path: Path) -> None:
    """However many events say that something is over while the relay is away."""
    scene = await scene_of(praxis)
    sent = await scene.at_agent.send_file(file(tmp_path))
    scene.praxis.network.faults.refuse = True
    await scene.at_agent.erase([sent])
    files = scene.agent.client.files
    await until(lambda: files.sending._dropping != set())
    before = len(files._work._tasks)
    for _ in range(20):
        await files.sending.drop_all()
    assert len(files._work._tasks) <= before
    scene.praxis.network.mend()
    await until(lambda: not blobs(scene))


async def test_each_relay_has_its_own_transfers(praxis: Practice) -> None:
    """One that drips holds up no file that goes to another."""
    scene = await scene_of(praxis)
    work, company = scene.me.client.files._work, AccountId(praxis.company.client.account_id)
    free = work.slot(company)._free
    assert work.slot(company)._free is free
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work.shell.machine.files, "relay_url", lambda _company: "wss://another.test")
        assert work.slot(company)._free is not free


def test_no_token_and_no_name_is_told() -> None:
    ticket = FileTicket(
        *(EntryHash(bytes(32)), RoomId(bytes(16)), "Befund.pdf", "application/pdf", FileKey(b"k" * 32)),
        *(Announced(1, 65_536, bytes(32)), b"b" * 32, 1, False),
    )
    said = repr(ticket) + repr(Payer(DeviceId(bytes(16)), b"m" * 16, b"t" * 32))
    for secret in ("Befund", "pdf", "kkk", "bbb", "mmm", "ttt"):
        assert secret not in said
