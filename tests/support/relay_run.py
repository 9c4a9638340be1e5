"""Steps with a relay process that several test files share: greet, send, and fill its disk."""

from __future__ import annotations

import os
from pathlib import Path

from e2ee_relay.protocol import SendResult
from relay_actors import Owner, Peer, SocketLink
from relay_process import RelayProcess
from websockets.asyncio.client import connect

GONE = "the database is not the one that was opened"


def readiness(relay: RelayProcess) -> str:
    """Return the text of /readyz."""
    return relay.get("/readyz")[1]


async def peer_of(relay: RelayProcess) -> Peer:
    """Connect and greet."""
    return await Peer(SocketLink(await connect(relay.url, compression=None)), timeout_s=30).greet()


async def send(peer: Peer, owner: Owner) -> SendResult:
    """Send 50 random bytes to the owner's mailbox."""
    return (await peer.send(owner.item(os.urandom(50))))[0]


def filled(path: Path) -> None:
    """Write until the disk has no room."""
    with path.open("wb", buffering=0) as filler:
        for size_b in (1 << 20, 1 << 12, 1):
            try:
                while filler.write(bytes(size_b)) == size_b:
                    pass
            except OSError:
                continue


def free_b(folder: Path) -> int:
    """Return what is free on the disk of a folder."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize
