"""Files under a relay that lies and a sender that lies (FIL-04 to FIL-06, FIL-08 to FIL-10, FIL-16)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conversations import next_of, until
from e2ee_client.errors import ConfigError
from e2ee_client.rooms import CompanyRoom, CustomerRoom, Entry, FileFailed, FileHeld, Room
from e2ee_client.runtime.transport import Connection
from e2ee_client.testing import FakeClock, MemoryNetwork
from e2ee_relay.protocol import BlobData, Frame, Role, decode_frames, encode_frames
from practice import Practice, practice

from e2ee.errors import FileCorrupt, FileTypeRefused
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import EntryPayload, File
from e2ee.secret import FileKey

TEXT = b"Laborwerte im Anhang.\n" * 12_000
Change = Callable[[BlobData], Frame | None]


class LyingNetwork(MemoryNetwork):
    """A relay in memory that hands out parts as `lie` says."""

    lie: Change | None = None

    async def open(self, url: str, *, foreign: bool = False) -> Connection:
        return LyingConnection(await super().open(url, foreign=foreign), self)


class LyingConnection:
    """One connection to it."""

    def __init__(self, inner: Connection, network: LyingNetwork) -> None:
        self._inner, self._network = inner, network

    async def send(self, data: bytes) -> None:
        await self._inner.send(data)

    async def receive(self) -> bytes:
        data = await self._inner.receive()
        if self._network.lie is None:
            return data
        frames = [
            self._network.lie(one) if isinstance(one, BlobData) else one
            for one in decode_frames(data, Role.CLIENT)
        ]
        return encode_frames([one for one in frames if one is not None])  # type: ignore[misc]  # known ones

    async def close(self) -> None:
        await self._inner.close()


@asynccontextmanager
async def scene() -> AsyncIterator[tuple[LyingNetwork, Practice, CustomerRoom, CompanyRoom]]:
    """A customer and the desk, which is in the room because nobody else is."""
    network = LyingNetwork(clock=FakeClock(speed=20))
    try:
        async with practice(network) as praxis:
            room = await praxis.opened(await praxis.customer())
            await until(lambda: len(praxis.company.rooms()) == 1)
            at_desk = praxis.company.rooms()[0]
            await at_desk.claim(600)
            await until(lambda: room.assigned is not None)
            yield network, praxis, room, at_desk
    finally:
        network.relay.close()


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


async def newest_file(room: Room, beside: set[bytes]) -> Entry:
    while True:
        for one in await room.history():
            if one.kind == Kind.FILE and one.hash not in beside:
                return one
        await room._client.progress.wait()


def _swapped(data: BlobData) -> BlobData:
    return BlobData(data.request_id, (*data.parts[1:], data.parts[0]) if len(data.parts) > 1 else data.parts)


def _changed(data: BlobData) -> BlobData:
    first = data.parts[0]
    return BlobData(data.request_id, (first[:-1] + bytes((first[-1] ^ 1,)), *data.parts[1:]))


def _zeros(data: BlobData) -> BlobData:
    return BlobData(data.request_id, tuple(bytes(len(one)) for one in data.parts))


def _short(data: BlobData) -> BlobData:
    return BlobData(data.request_id, (data.parts[0][:-1], *data.parts[1:]))


async def test_a_relay_that_lies_about_a_file(tmp_path: Path) -> None:
    """FIL-05, FIL-06, FIL-16: swapped, changed, of another blob, too short: nothing of it is ever in the
    folder, nothing of it is held, and an honest answer later is taken.
    """
    async with scene() as (network, _, room, at_desk):
        source = tmp_path / "a.txt"
        source.write_bytes(TEXT)
        sent = await at_desk.send_file(source)
        got = await newest_file(room, set())
        folder = tmp_path / "saved"
        folder.mkdir()
        for lie in (_swapped, _changed, _zeros, _short):
            network.lie = lie
            with pytest.raises(FileCorrupt):
                await got.save(folder)
            assert names(folder) == []
            assert room._client.files.names == []
        await _another_blob(network, at_desk, room, got, source, folder)
        network.lie = None
        assert (await got.save(folder)).read_bytes() == TEXT
        assert sent.hash == got.hash


async def _another_blob(
    network: LyingNetwork, at_desk: CompanyRoom, room: Room, got: Entry, source: Path, folder: Path
) -> None:
    """The relay answers with the parts of another file of the same size and sender."""
    parts: list[bytes] = []

    def keep(data: BlobData) -> BlobData:
        parts.extend(data.parts)
        return data

    network.lie = keep
    await at_desk.send_file(source)
    other = await newest_file(room, {got.hash})
    await other.save(folder)
    assert len(parts) > 4

    def replay(data: BlobData) -> BlobData:
        sizes = [len(one) for one in data.parts]
        return BlobData(data.request_id, tuple(next(p for p in parts if len(p) == size) for size in sizes))

    network.lie = replay
    before = names(folder)
    with pytest.raises(FileCorrupt):
        await got.save(folder)
    assert names(folder) == before


async def test_a_relay_that_cuts_keeps_what_came(tmp_path: Path) -> None:
    """FIL-16: it goes on behind the parts that are on disk."""
    async with scene() as (network, _, room, at_desk):
        source = tmp_path / "a.txt"
        source.write_bytes(TEXT)
        await at_desk.send_file(source)
        got = await newest_file(room, set())
        answers = 0

        def cut(data: BlobData) -> BlobData:
            nonlocal answers
            answers += 1
            if answers == 2:
                network.break_connections()
            return data

        network.lie = cut
        assert (await got.save(tmp_path)).read_bytes() == TEXT
        assert answers == 3


async def test_a_sender_that_lies_about_a_file(tmp_path: Path) -> None:
    """FIL-05, FIL-09, FIL-10: another hash, key, size, type or ending than that of the blob."""
    async with scene() as (_, praxis, room, at_desk):
        source = tmp_path / "a.txt"
        source.write_bytes(TEXT)
        events = praxis.company.events()
        lies: list[dict[str, Any]] = [
            {"hash": bytes(32)},
            {"key": FileKey(bytes(32))},
            {"size_b": len(TEXT) - 1},
        ]
        for change in lies:
            with lying(room, change):
                sent = await room.send_file(source)
            failed = await next_of(events, FileFailed)
            assert (failed.file_id, failed.code) == (sent.hash, "file.corrupt")
            with pytest.raises(FileCorrupt):
                await (await at_desk.entry(sent.hash)).save(tmp_path)
        for change in (
            *({"media_type": "image/png"}, {"name": "a.png"}, {"name": "a.exe"}),
            {"media_type": "text/html", "name": "a.html"},
        ):
            with lying(room, change):
                sent = await room.send_file(source)
            assert (await next_of(events, FileHeld)).entry_hash == sent.hash
            with pytest.raises(FileTypeRefused):
                await (await at_desk.entry(sent.hash)).save(tmp_path)
        assert names(tmp_path) == ["a.txt"]


@contextmanager
def lying(room: Room, change: Any) -> Iterator[None]:
    """What this device announces of a file is another one than it has put."""
    rooms = room._client.shell.machine._context.rooms
    honest = rooms.write

    def changed(payload: EntryPayload) -> EntryPayload:
        assert isinstance(payload, File)
        return replace(payload, **change)

    rooms.write = lambda turn, room_id, payload: honest(turn, room_id, changed(payload))  # type: ignore[method-assign]
    try:
        yield
    finally:
        del rooms.write


async def test_names_that_lead_elsewhere_are_not_even_written(tmp_path: Path) -> None:
    """FIL-08: refused before anything is sealed, and by every reader (`negative/payload-file-name-*`)."""
    async with scene() as (_, _, room, _):
        source = tmp_path / "a.txt"
        source.write_bytes(TEXT)
        sent = await room.send_file(source)
        assert isinstance(sent.payload, File)
        for name in (
            "../../.ssh/authorized_keys",
            "/etc/passwd",
            "a\\b",
            "x\u202etxt.exe",
            ".bashrc",
            "NUL.txt",
        ):
            with pytest.raises(ConfigError):
                await room.write(replace(sent.payload, name=name))
