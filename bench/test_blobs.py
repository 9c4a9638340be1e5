"""A file sealed, put at a real relay in parts, got again and opened, on one machine.

The floor is the bare work: each chunk sealed and opened by one AEAD, and one copy of the sealed bytes written
and flushed. Both wait for the disk, and the relay is a process of its own, so this row is in wall time.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from e2ee_client.runtime.transfer import Transfer, Upload
from e2ee_client.runtime.transport import WebSocketTransport
from e2ee_relay.protocol import BlobDrop, Done, TokenClass
from relay_actors import Owner, Peer, SocketLink
from relay_process import RelayProcess
from websockets.asyncio.client import connect

from bench.paired import Row
from e2ee import files
from e2ee.files import CHUNK_B, PART_B
from e2ee.secret import FileKey

SIZE_B = (64 << 20) - 1
# Neither of them is to wait for a bucket here.
SETTINGS = ("blob_parts_b=100000000000/100000000000",)


class Sender:
    """A mailbox that pays, and a file on its way."""

    def __init__(self, relay: RelayProcess, size_b: int) -> None:
        self.relay, self.owner = relay, Owner()
        self.plain = os.urandom(size_b)
        asyncio.run(self._set_up())

    async def _set_up(self) -> None:
        async with connect(self.relay.url, compression=None) as socket:
            peer = await Peer(SocketLink(socket)).greet()
            await self.owner.create(peer)
            await self.owner.prove(peer)
            await self.owner.admit(peer, self.owner.token, TokenClass.TRUSTED)

    def run(self) -> None:
        """Seal, put, get and open the file."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        key, blob, secret = FileKey(os.urandom(32)), os.urandom(32), os.urandom(32)
        sealing = files.Sealing(key, len(self.plain))
        parts = list(sealing.parts(_blocks(self.plain)))
        upload = Upload(self.owner.mailbox, self.owner.token, blob, secret, sum(map(len, parts)))
        transfer = Transfer(WebSocketTransport(proxy=None), self.relay.url)

        async def read(index: int) -> bytes:
            return parts[index]

        await transfer.put(upload, read)
        got: list[bytes] = []
        await transfer.get(blob, upload.size_b, lambda _index, part: got.append(part))
        if sum(map(len, files.open_(key, sealing.announced, got))) != len(self.plain):
            raise RuntimeError("not the file that was put")
        async with connect(self.relay.url, compression=None) as socket:
            peer = await Peer(SocketLink(socket)).greet()
            await peer.expect(Done, BlobDrop(peer.next_id(), blob, secret))


def _blocks(plain: bytes) -> Iterator[bytes]:
    return (plain[at : at + CHUNK_B] for at in range(0, len(plain), CHUNK_B))


def _bare(plain: bytes, folder: Path) -> None:
    nonce = bytes(12)
    sealed: list[bytes] = []
    for at in range(0, len(plain), CHUNK_B):
        aead = ChaCha20Poly1305(at.to_bytes(32, "big"))
        part = aead.encrypt(nonce, plain[at : at + CHUNK_B], None)
        aead.decrypt(nonce, part, None)
        sealed.append(part)
    path = folder / "copy"
    with path.open("wb", buffering=PART_B) as file:
        file.writelines(sealed)
        file.flush()
        os.fsync(file.fileno())
    path.unlink()


def test_a_file_of_64_mib_there_and_back(row: Row, tmp_path: Path) -> None:
    relay = RelayProcess(tmp_path / "r", *SETTINGS).start()
    try:
        sender = Sender(relay, row.size(SIZE_B, 1 << 20))
        row.note(size_b=len(sender.plain), relays="one process")
        row(sender.run, lambda: _bare(sender.plain, tmp_path), 1, rounds=5, target=4.0, unit="file")
    finally:
        relay.stop()
