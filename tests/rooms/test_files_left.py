"""Files on their way out of a room that is erased, or withdrawn from (FIL-29)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from conversations import until
from e2ee_client.engine.rooms.file_rows import FileOut
from e2ee_client.errors import FileCancelled, RelayUnavailable
from e2ee_client.rooms import Agent, Customer, Room
from e2ee_client.runtime.transfer import Transfer, Upload
from file_scene import Scene, blobs, file, files_of, scene_of
from practice import Practice

from e2ee.rooms.state import Phase

WAYS = {"withdrawn": Phase.WITHDRAWN, "erased": Phase.ERASED}


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Files find no relay; set when the first one has asked."""
    asked = asyncio.Event()

    async def away(_self: Transfer, _upload: Upload, _read: object) -> int:
        asked.set()
        raise RelayUnavailable("the relay is away")

    monkeypatch.setattr(Transfer, "put", away)
    return asked


async def leave(scene: Scene, way: str) -> None:
    if way == "erased":
        await scene.room.erase_all()
    else:
        await scene.room.withdraw()


def on_their_way(one: Customer | Agent) -> list[FileOut]:
    return [row for row in one.client.shell.machine.files.outgoing() if not row.is_over]


async def start_at(one: Customer, at_ms: int) -> None:
    """What a start of the engine does about files, at a time."""
    await one.client.shell.call(
        lambda engine, _: engine.of_rooms(lambda turn, rooms: rooms.files.start(turn), at_ms)
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("of", ["customer", "company"])
async def test_a_file_that_waits_for_its_relay_goes_with_its_room(
    praxis: Practice, tmp_path: Path, begun: asyncio.Event, way: str, of: str
) -> None:
    """FIL-29: also that of the other side, when it learns of it."""
    scene = await scene_of(praxis)
    at: Customer | Agent = scene.me if of == "customer" else scene.agent
    room: Room = scene.room if of == "customer" else scene.at_agent
    sent = await room.start_file(file(tmp_path))
    await begun.wait()
    assert on_their_way(at) != []
    await leave(scene, way)
    await until(lambda: room.phase is WAYS[way])
    assert on_their_way(at) == []
    with pytest.raises(FileCancelled):
        await asyncio.wait_for(sent.wait(), 30)
    await until(lambda: at.client.files.names == [])


async def test_a_file_that_the_relay_has_at_that_moment_is_not_announced(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-29: nobody is told of it, and its blob is dropped, also where the room is open again by then."""
    scene = await scene_of(praxis)
    put = Transfer.put

    async def left_meanwhile(self: Transfer, upload: Upload, read: Callable[..., object]) -> int:
        expires_ms = await put(self, upload, read)  # type: ignore[arg-type]  # as it was given
        (row,) = on_their_way(scene.me)
        await scene.me.client.shell.call(
            lambda engine, now_ms: engine.of_rooms(lambda turn, rooms: rooms.files.over(turn, row), now_ms)
        )
        return expires_ms

    monkeypatch.setattr(Transfer, "put", left_meanwhile)
    sent = await scene.room.start_file(file(tmp_path))
    with pytest.raises(FileCancelled):
        await sent.wait()
    await until(lambda: not blobs(scene))
    assert await files_of(scene.room) == []


async def test_a_start_gives_up_what_waits_in_rooms_that_were_left(
    praxis: Practice, tmp_path: Path, begun: asyncio.Event
) -> None:
    """FIL-29: what a device has kept over the end of its room goes with its next start."""
    scene = await scene_of(praxis)
    sent = await scene.room.start_file(file(tmp_path))
    await begun.wait()
    (row,) = on_their_way(scene.me)
    await scene.room.withdraw()
    with pytest.raises(FileCancelled):
        await asyncio.wait_for(sent.wait(), 30)
    call = scene.me.client.shell.call
    await call(lambda engine, now_ms: engine.of_rooms(lambda turn, _: turn.put(row.put()), now_ms))
    assert on_their_way(scene.me) != []
    await start_at(scene.me, scene.me.client.shell.now_ms)
    assert on_their_way(scene.me) == []


async def test_what_is_over_keeps_no_key_while_its_relay_is_away(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-30: given up by hand, and held by all; a start forgets it a day after its blob has ended."""
    scene, asked, dropping = await scene_of(praxis), asyncio.Event(), asyncio.Event()
    files, drop = scene.me.client.shell.machine.files, Transfer.drop

    async def away(*_: object) -> None:
        asked.set()
        raise RelayUnavailable("the relay is away")

    async def away_for_what_is_over(self: Transfer, blob: bytes, secret: bytes) -> None:
        if not any(one.is_over and one.blob == blob for one in files.outgoing()):
            # What a payer has refused is dropped before another one, or its newer token, is asked (FIL-11).
            await drop(self, blob, secret)
            return
        dropping.set()
        raise RelayUnavailable("the relay is away")

    monkeypatch.setattr(Transfer, "drop", away_for_what_is_over)
    held = await scene.room.send_file(file(tmp_path))
    await asyncio.wait_for(dropping.wait(), 60)
    monkeypatch.setattr(Transfer, "put", away)
    sent = await scene.room.start_file(file(tmp_path, "Befund 2.txt"))
    await asyncio.wait_for(asked.wait(), 60)
    await asyncio.wait_for(sent.cancel(), 60)
    rows = files.outgoing()
    assert {one.entry for one in rows} == {held.hash, None}
    assert {(one.name, one.media_type, one.hash, one.is_over) for one in rows} == {("", "", b"", True)}
    assert [one.file_key.expose() for one in rows] == [bytes(32)] * 2
    (given_up,) = [one for one in rows if one.entry is None]
    forgotten_ms = given_up.expires_ms + 86_400_000
    await start_at(scene.me, forgotten_ms)
    assert given_up.id in [one.id for one in files.outgoing()]
    await start_at(scene.me, forgotten_ms + 1)
    assert given_up.id not in [one.id for one in files.outgoing()]
