"""A second signal while the relay drains (RLY-70)."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from pathlib import Path

import pytest
from e2ee_relay.protocol import ErrorCode, GoAway, Message, Send, SendResults
from relay_actors import Owner, Peer, SocketLink
from relay_process import RelayProcess
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_the_relay_at_once(tmp_path: Path, second: signal.Signals) -> None:
    """RLY-70: in the midst of a drain that waits for a commit; what was confirmed is there."""
    with RelayProcess(tmp_path / "relay", "drain_s=600") as relay:
        async with connect(relay.url, compression=None) as socket:
            owner, peer = Owner(), await Peer(SocketLink(socket)).greet()
            await owner.set_up(peer)
            confirmed, late = owner.item(b"confirmed"), owner.item(b"late")
            assert [one.code for one in await peer.send(confirmed)] == [ErrorCode.OK]
            # Whoever holds the write lock keeps the drain from its end.
            holder = sqlite3.connect(tmp_path / "relay" / "relay.db", isolation_level=None)
            holder.execute("BEGIN IMMEDIATE")
            request = Send(peer.next_id(), (late,))
            await peer.begin(request)
            relay.terminate()
            await peer.push(GoAway)
            os.kill(relay.pid, second)
            assert await asyncio.to_thread(relay.wait) == -second
            holder.execute("ROLLBACK")
            holder.close()
            with pytest.raises(ConnectionClosed):
                await peer.answer(request.request_id)
        relay.start()
        async with connect(relay.url, compression=None) as socket:
            peer = await Peer(SocketLink(socket)).greet()
            answer = await peer.expect(SendResults, Send(peer.next_id(), (confirmed, late)))
            assert [one.code for one in answer.results] == [ErrorCode.OK] * 2
            await owner.prove(peer)
            await owner.subscribe(peer)
            assert [(await peer.push(Message)).body for _ in range(2)] == [b"confirmed", b"late"]
