"""Who puts and gets blobs, for tests of the relay."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from e2ee_relay.protocol import (
    MAX_PART_B,
    BlobData,
    BlobGet,
    BlobOpen,
    BlobPut,
    BlobState,
    ErrorCode,
    ErrorReply,
    KnownFrame,
    blob_hash,
)
from relay_actors import Owner, Peer
from relay_backends import AnyRelay


@dataclass
class Upload:
    """A blob on its way, with the owner of the mailbox that pays."""

    owner: Owner
    octets: bytes
    blob: bytes = field(default_factory=lambda: os.urandom(32))
    secret: bytes = field(default_factory=lambda: os.urandom(32))

    def open(self, peer: Peer, **changes: object) -> BlobOpen:
        writer, size_b = blob_hash(self.secret), len(self.octets)
        request = BlobOpen(peer.next_id(), self.owner.mailbox, self.owner.token, self.blob, writer, size_b)
        return replace(request, **changes)  # type: ignore[arg-type]  # the tests name the fields

    @property
    def parts(self) -> list[bytes]:
        return [self.octets[at : at + MAX_PART_B] for at in range(0, len(self.octets), MAX_PART_B)]

    def put(self, peer: Peer, index: int, **changes: object) -> BlobPut:
        request = BlobPut(peer.next_id(), self.blob, self.secret, index, self.parts[index])
        return replace(request, **changes)  # type: ignore[arg-type]

    async def begin(self, peer: Peer) -> BlobState:
        return await peer.expect(BlobState, self.open(peer))

    async def go_on(self, peer: Peer, first: int, end: int | None = None) -> BlobState:
        """Put parts one after the other."""
        state = None
        for index in range(first, len(self.parts) if end is None else end):
            state = await peer.expect(BlobState, self.put(peer, index))
        assert state is not None
        return state

    async def store(self, peer: Peer) -> BlobState:
        await self.begin(peer)
        return await self.go_on(peer, 0)

    async def load(self, peer: Peer, count: int = 8) -> bytes:
        """Get all parts."""
        got: list[bytes] = []
        while len(got) < len(self.parts):
            got += (await peer.expect(BlobData, self.get(peer, len(got), count))).parts
        return b"".join(got)

    def get(self, peer: Peer, index: int = 0, count: int = 8) -> BlobGet:
        return BlobGet(peer.next_id(), self.blob, index, count)


async def refused(peer: Peer, request: KnownFrame) -> ErrorCode:
    return (await peer.expect(ErrorReply, request)).code


async def greeted(relay: AnyRelay) -> Peer:
    return await Peer(relay.connect()).greet()
