"""A file of 64 MiB in a room: sealed, put, announced; got, known to be right, and in the clear again.

The floor is the bare work on one side: each chunk through one AEAD, and one copy of it written and flushed.
Both wait for the disk, and the relay is a process of its own, so these rows are in wall time. `memory_b` is
how much more the process of both sides took at most, over all rounds.
"""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from e2ee_client.rooms import Company, Customer, Entry
from e2ee_client.rooms.notices import EXAMPLE, Notice
from relay_process import RelayProcess

from bench.paired import Row
from e2ee.files import CHUNK_B

T = TypeVar("T")
SIZE_B = 64 << 20
KEY = b"k" * 32
ORIGIN = "https://praxis.example"
# What is waited for may happen while it is asked for, and no event follows it.
_LOOK_S: Final = 0.001
# Neither of them is to wait for a bucket here, nor does the quota of a mailbox end the rounds.
SETTINGS = ("blob_parts_b=100000000000/100000000000", "blob_quota_b=100000000000")


class Room:
    """A desk and a customer on disk, over a relay in a process of its own."""

    def __init__(self, folder: Path, size_b: int) -> None:
        self.folder = folder
        self.source = folder / "large.txt"
        self.source.write_bytes(b"0123456789abcde\n" * (size_b // 16))
        self.relay = RelayProcess(folder / "relay", *SETTINGS).start()
        self._runner = asyncio.Runner()
        self._run(self._begin())
        self.entry: Entry | None = None

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    async def _begin(self) -> None:
        self.desk = await Company.create(
            self.folder / "desk.db", key=KEY, relay=self.relay.url, name="Praxis", origins=[ORIGIN]
        )
        facts = {**EXAMPLE, "relay_url": self.desk.client.card().relay_url}
        await self.desk.publish(Notice.draft("health", "consent", facts, is_reviewed=True))
        await self.desk.wait_ready(60)
        door = await self.desk.door()

        async def fetch(_: str) -> bytes:
            return door

        self.customer = await Customer.open(self.folder / "customer.db", company=ORIGIN, key=KEY, fetch=fetch)
        room = await self.customer.accept(await self.customer.notice())
        while not self.desk.rooms():
            await self.desk.client.progress.wait()
        await self.desk.rooms()[0].claim(60)
        while room.assigned is None:
            await self.customer.client.progress.wait()

    def upload(self) -> None:
        """Give up the file before, then seal, put and announce one: a token pays for one of this size."""
        self._run(self._upload())

    async def _upload(self) -> None:
        at_desk = self.desk.rooms()[0]
        if self.entry is not None:
            await at_desk.erase([self.entry])
        while await self.desk.client.shell.ask(lambda engine: engine.files.outgoing()):  # noqa: ASYNC110 - above
            await asyncio.sleep(_LOOK_S)
        self.entry = await at_desk.send_file(self.source)

    def download(self) -> None:
        """Get a file, and write it in the clear; the copy that was held before is forgotten."""
        if self.entry is None:
            raise RuntimeError("no file was announced")
        held = self.folder / "customer.db.files" / f"in-{self.entry.hash.hex()}"
        held.unlink(missing_ok=True)
        self._run(self._download(self.entry.hash)).unlink()

    async def _download(self, entry_hash: bytes) -> Path:
        return await (await self.customer.rooms()[0].entry(entry_hash)).save(self.folder)

    def keep_blob(self) -> None:
        """Have the customer say nothing of what it holds, so that the blob can be got again."""
        self.customer.client.shell.machine.files.have = lambda *_: None  # type: ignore[method-assign]
        self._run(self._arrived())

    async def _arrived(self) -> None:
        room = self.customer.rooms()[0]
        while self.entry is None or (await room.history())[-1].hash != self.entry.hash:  # noqa: ASYNC110 - above
            await asyncio.sleep(_LOOK_S)

    def close(self) -> None:
        """End everything."""
        self._run(self.desk.close())
        self._run(self.customer.close())
        self.relay.stop()
        self._runner.close()


@pytest.fixture
def room(row: Row, tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path, row.size(SIZE_B, 1 << 20))
    row.note(size_b=made.source.stat().st_size, relays="one process")
    yield made
    made.close()


def _bare(source: Path) -> None:
    """One AEAD and one flushed copy."""
    nonce, path = bytes(12), source.with_name("copy")
    with source.open("rb", buffering=0) as plain, path.open("wb", buffering=CHUNK_B) as file:
        at = 0
        while chunk := plain.read(CHUNK_B):
            file.write(ChaCha20Poly1305(at.to_bytes(32, "big")).encrypt(nonce, chunk, None))
            at += 1
        file.flush()
        os.fsync(file.fileno())
    path.unlink()


def test_a_file_of_64_mib_is_sent(row: Row, room: Room) -> None:
    row(room.upload, lambda: _bare(room.source), 1, rounds=row.size(4, 1), target=4.0, unit="file")


def test_a_file_of_64_mib_is_saved(row: Row, room: Room) -> None:
    room.upload()
    room.keep_blob()
    before_b = _most_b()
    row(room.download, lambda: _bare(room.source), 1, rounds=row.size(4, 1), target=4.0, unit="file")
    row.note(memory_b=_most_b() - before_b)


def _most_b() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
