"""A transfer over a real relay that is killed on the way (RLY-249)."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from e2ee_client.runtime.transfer import IN_FLIGHT, Transfer, Upload
from e2ee_client.runtime.transport import WebSocketTransport
from e2ee_relay.protocol import MAX_PART_B, TokenClass, blob_hash
from relay_actors import Owner, Peer, SocketLink
from relay_process import RelayProcess
from websockets.asyncio.client import connect

PARTS = 120
KILLS = 2


async def payer(relay: RelayProcess) -> Owner:
    """A mailbox with a contact that is trusted."""
    owner = Owner()
    async with connect(relay.url, compression=None) as socket:
        peer = await Peer(SocketLink(socket)).greet()
        await owner.create(peer)
        await owner.prove(peer)
        await owner.admit(peer, owner.token, TokenClass.TRUSTED)
    return owner


@pytest.mark.parametrize("seed", range(3))
async def test_two_kills_lose_nothing(tmp_path: Path, seed: int) -> None:
    """RLY-241, RLY-243, RLY-249: at most the parts that were on their way are sent again for each kill."""
    octets = os.urandom(PARTS * MAX_PART_B - 5)
    relay = RelayProcess(tmp_path / "r").start()
    try:
        owner = await payer(relay)
        upload = Upload(owner.mailbox, owner.token, os.urandom(32), os.urandom(32), len(octets))
        transfer = Transfer(WebSocketTransport(proxy=None), relay.url, sleep=_soon)
        kills: list[asyncio.Task[None]] = []
        places = [20 + seed, 70 + seed]

        async def read(index: int) -> bytes:
            if places and index >= places[0]:
                places.pop(0)
                kills.append(asyncio.create_task(asyncio.to_thread(_restart, relay)))
            return octets[index * MAX_PART_B : (index + 1) * MAX_PART_B]

        await transfer.put(upload, read)
        await asyncio.gather(*kills)
        assert len(kills) == KILLS
        assert PARTS <= transfer.parts_sent <= PARTS + KILLS * IN_FLIGHT
        got: list[bytes] = []
        places[:] = [30, 80]

        def write(index: int, part: bytes) -> None:
            if places and index >= places[0]:
                places.pop(0)
                kills.append(asyncio.create_task(asyncio.to_thread(_restart, relay)))
            got.append(part)

        await transfer.get(upload.blob, upload.size_b, write)
        await asyncio.gather(*kills)
        assert len(kills) == 2 * KILLS
        assert b"".join(got) == octets
        assert (tmp_path / "r" / "relay.blobs" / blob_hash(upload.blob).hex()).stat().st_size > len(octets)
    finally:
        relay.stop()


def _restart(relay: RelayProcess) -> None:
    relay.restart()


async def _soon(seconds: float) -> None:
    await asyncio.sleep(min(seconds, 3.0))
