"""Files in rooms, as developers send and save them, over a relay in memory (FIL-11 to FIL-16)."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from conversations import next_of, until
from e2ee_client.errors import (
    FileCancelled,
    FileExpired,
    FileMissing,
    FileQuota,
    FileUnusable,
    MetadataKept,
    RelayUnavailable,
)
from e2ee_client.rooms import (
    FileDropped,
    FileExpiring,
    FileFailed,
    FileHeld,
    FileProgress,
)
from e2ee_client.runtime import file_fetching
from e2ee_client.runtime.transport import Connection
from e2ee_client.testing import FakeClock, MemoryNetwork
from file_scene import TEXT, Scene, blobs, file, files_of, scene_of, the_file
from practice import Practice, practice

from e2ee.errors import FileNameRefused, FileTooLarge, FileTypeRefused, RoomClosed
from e2ee.rooms.state import Phase


@pytest.fixture
def network() -> Iterator[MemoryNetwork]:
    made = MemoryNetwork(clock=FakeClock(speed=20))
    yield made
    made.relay.close()


@pytest.fixture
async def praxis(network: MemoryNetwork) -> AsyncIterator[Practice]:
    async with practice(network) as made:
        yield made


async def test_no_file_is_fetched_after_a_withdrawal(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-13: what the company's device has not got by itself until then, it does not get any more."""
    monkeypatch.setattr(file_fetching, "MOST_HELD_B", 0)
    scene = await scene_of(praxis)
    await scene.room.send_file(file(tmp_path))
    await the_file(scene.at_agent)
    wanted = scene.agent.client.shell.machine.files.wanted
    assert [one.is_held for one in wanted()] == [False]
    await scene.room.withdraw()
    await until(lambda: scene.at_agent.phase is Phase.WITHDRAWN)
    assert wanted() == []


async def test_a_customer_sends_a_file_that_the_agent_saves(praxis: Practice, tmp_path: Path) -> None:
    """FIL-11 to FIL-14: the entry comes when the relay has all of it; an agent's device gets it."""
    scene = await scene_of(praxis)
    theirs, ours = scene.agent.events(), scene.me.events()
    sent = await scene.room.send_file(file(tmp_path))
    assert sent.file is not None
    assert (sent.file.name, sent.file.media_type, sent.file.size_b) == (
        "Befund 1.txt",
        "text/plain",
        len(TEXT),
    )
    got = await the_file(scene.at_agent)
    held = await next_of(theirs, FileHeld)
    assert held.entry_hash == got.hash == sent.hash
    assert got.file is not None
    assert got.file.is_here
    folder = tmp_path / "saved"
    folder.mkdir()
    saved = await got.save(folder)
    assert saved == folder / "Befund 1.txt"
    assert saved.read_bytes() == TEXT
    assert saved.stat().st_mode & 0o777 == 0o600
    told = await next_of(ours, FileProgress)
    assert told.is_upload
    assert told.room_id == scene.room.room_id
    assert told.done_b < told.size_b
    assert [one.name for one in folder.iterdir()] == ["Befund 1.txt"]


async def test_an_agent_sends_a_file_that_the_customer_saves_when_asked(
    praxis: Practice, tmp_path: Path
) -> None:
    """FIL-13: a person's device fetches nothing by itself."""
    scene = await scene_of(praxis)
    sent = await scene.at_agent.send_file(file(tmp_path), name="Rezept.txt")
    got = await the_file(scene.room)
    assert got.file is not None
    assert not got.file.is_here
    assert got.file.name == "Rezept.txt"
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "Rezept.txt").write_text("was there before")
    assert (await scene.room.save_file(got, folder)).name == "Rezept (2).txt"
    assert (folder / "Rezept.txt").read_text() == "was there before"
    assert (folder / "Rezept (2).txt").read_bytes() == TEXT
    assert (await scene.room.entry(got.hash)).file.is_here  # type: ignore[union-attr]
    own = await sent.save(folder)
    assert own.name == "Rezept (3).txt"


async def test_what_all_hold_goes_from_the_relay(praxis: Practice, tmp_path: Path) -> None:
    """FIL-14: first when the last recipient has it; who gets it later is told that it is gone."""
    scene = await scene_of(praxis)
    await scene.room.send_file(file(tmp_path))
    got = await the_file(scene.at_agent)
    assert got.file is not None
    events = scene.me.events()
    dropped = await next_of(events, FileDropped)
    assert dropped.entry_hash == got.hash
    await until(lambda: not blobs(scene))
    events = scene.agent.events()
    sent = await scene.at_agent.send_file(file(tmp_path))
    assert len(blobs(scene)) == 1
    await (await the_file(scene.room, 2)).save(tmp_path)
    assert (await next_of(events, FileDropped)).entry_hash == sent.hash
    await until(lambda: not blobs(scene))


async def test_files_that_are_not_sent(praxis: Practice, tmp_path: Path) -> None:
    """FIL-01, FIL-08 to FIL-10, FIL-17: nothing leaves, and nothing is left of them."""
    scene = await scene_of(praxis)
    for name in ("nul.txt", ".profile", "a.txt "):
        with pytest.raises(FileNameRefused):
            await scene.room.send_file(file(tmp_path), name=name)
    for name, content in (
        ("a.txt", b"MZ\x90\0"),
        ("a.txt", b"<html>"),
        ("a.pdf", TEXT),
        ("a.exe", TEXT),
        ("a.png", b"\xff\xd8\xff"),
    ):
        with pytest.raises(FileTypeRefused):
            await scene.room.send_file(file(tmp_path, name, content))
    with pytest.raises(MetadataKept):
        await scene.room.send_file(file(tmp_path, "a.pdf", b"%PDF-1.7"), strip_metadata=True)
    with (tmp_path / "large.txt").open("wb") as large:
        large.truncate((64 << 20) + 1)
    with pytest.raises(FileTooLarge):
        await scene.room.send_file(tmp_path / "large.txt")
    os.mkfifo(tmp_path / "pipe.txt")
    for name in ("none.txt", "pipe.txt", "."):
        with pytest.raises(FileUnusable):
            await scene.room.send_file(tmp_path / name, name="a.txt")
    assert scene.me.client.files.sending.is_idle
    assert await files_of(scene.room) == []
    assert not blobs(scene)
    assert scene.me.client.files.names == []


class Away:
    """A transport without a network."""

    async def open(self, url: str, *, foreign: bool = False) -> Connection:
        raise RelayUnavailable("refused by the test")


async def test_a_room_that_takes_no_content_takes_no_file(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-12: neither before, nor where the room is closed meanwhile; the blob goes."""
    scene = await scene_of(praxis)
    # The room is closed while the file alone finds no connection.
    with monkeypatch.context() as patched:
        patched.setattr(scene.agent.client.files._work, "_transport", Away())
        sent = await scene.at_agent.start_file(file(tmp_path))
        await scene.praxis.company.room(scene.room.room_id).close()
        await until(lambda: scene.at_agent.phase is Phase.CLOSED)
    with pytest.raises(RoomClosed):
        await sent.wait()
    with pytest.raises(RoomClosed):
        await scene.at_agent.send_file(file(tmp_path))
    await until(lambda: not blobs(scene))
    assert await files_of(scene.at_agent) == []
    await until(lambda: scene.agent.client.files.names == [])


async def test_a_file_that_is_given_up_leaves_nothing(praxis: Practice, tmp_path: Path) -> None:
    """FIL-12"""
    scene = await scene_of(praxis)
    scene.praxis.network.cut()
    events = scene.me.events()
    sent = await scene.room.start_file(file(tmp_path))
    await sent.cancel()
    with pytest.raises(FileCancelled):
        await sent.wait()
    failed = await next_of(events, FileFailed)
    assert (failed.file_id, failed.code) == (sent.file_id, "file.cancelled")
    await sent.cancel()
    scene.praxis.network.mend()
    assert scene.me.client.files.names == []
    assert await files_of(scene.room) == []
    assert not blobs(scene)


async def test_quota_is_told_before_a_part_leaves(praxis: Practice, tmp_path: Path) -> None:
    """FIL-11, RLY-242: a stranger's token pays for 8 MiB; more when somebody there says who it is."""
    scene = await scene_of(praxis)
    large = file(tmp_path, content=b"0123456789abcde\n" * (9 << 16))
    with pytest.raises(FileQuota):
        await scene.room.send_file(large)
    assert scene.me.client.files.parts_sent == 0
    assert not blobs(scene)
    await scene.at_agent.allow_large_files()
    await until(lambda: scene.agent.client.shell.machine.is_settled)
    await scene.room.send_file(large)
    got = await the_file(scene.at_agent)
    assert (await got.save(tmp_path)).read_bytes() == large.read_bytes()


async def test_an_erased_file_goes_everywhere(praxis: Practice, tmp_path: Path) -> None:
    """FIL-14, FIL-16, ROOM-26: from the relay at once, from disks with the body of its entry."""
    scene = await scene_of(praxis)
    sent = await scene.at_agent.send_file(file(tmp_path))
    assert len(blobs(scene)) == 1
    await scene.at_agent.erase([sent])
    await until(lambda: not blobs(scene))
    got = await the_file(scene.at_agent)
    assert got.file is None
    with pytest.raises(FileMissing):
        await got.save(tmp_path)
    with pytest.raises(FileMissing):
        await (await scene.room.history())[0].save(tmp_path)


async def test_nothing_moves_offline(praxis: Practice, tmp_path: Path) -> None:
    scene = await scene_of(praxis)
    await scene.me.client.files.stop()
    with pytest.raises(RelayUnavailable):
        await scene.room.send_file(file(tmp_path))
    await scene.at_agent.send_file(file(tmp_path))
    with pytest.raises(RelayUnavailable):
        await (await the_file(scene.room)).save(tmp_path)


async def test_the_end_of_a_file_is_told_before_and_at_it(praxis: Practice, tmp_path: Path) -> None:
    """FIL-15"""
    scene = await scene_of(praxis)
    await scene.at_agent.send_file(file(tmp_path))
    got = await the_file(scene.room)
    assert got.file is not None
    events = scene.me.events()
    _pass(scene, got.file.expires_ms - 2 * 86_400_000)
    soon = await next_of(events, FileExpiring)
    assert (soon.entry_hash, soon.is_over) == (got.hash, False)
    _pass(scene, got.file.expires_ms + 1)
    assert (await next_of(events, FileExpiring)).is_over
    with pytest.raises(FileExpired):
        await got.save(tmp_path)


def _pass(scene: Scene, until_ms: int) -> None:
    clock = scene.praxis.network.clock
    assert isinstance(clock, FakeClock)
    clock.advance(until_ms - clock.now_ms())
