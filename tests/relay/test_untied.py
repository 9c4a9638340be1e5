"""What a connection leaves behind when it ends: nothing for the garbage collector, which stops everybody."""

from __future__ import annotations

import asyncio
import gc
import io
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from e2ee_relay.config import load
from e2ee_relay.connection import BoundedConnection
from e2ee_relay.datadir import DataDirectory
from e2ee_relay.door import Doorman
from e2ee_relay.engine import EmbeddedEngine
from e2ee_relay.inlet import Inlet
from e2ee_relay.logs import EventLog
from e2ee_relay.protocol import Ping, encode_frames
from e2ee_relay.server import RelayServer
from raw_websocket import BINARY, RawWebSocket, frame
from websockets.server import ServerProtocol

OURS = (BoundedConnection, Doorman, Inlet, ServerProtocol)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def say_nothing(port: int) -> None:
    """Connect, and leave."""
    (await RawWebSocket.connect(port)).abort()


async def break_off(port: int) -> None:
    """Leave in the middle of the opening handshake."""
    socket = await RawWebSocket.connect(port)
    await socket.write(b"GET / HTTP/1.1\r\nHost: ")
    socket.abort()


async def talk(port: int) -> None:
    """Hear the Hello, have a request answered, and leave in the middle of a frame."""
    socket = await RawWebSocket.greet(port)
    await socket.write(frame(BINARY, encode_frames([Ping(1)])))
    assert len((await socket.listen(5, messages=2)).messages) == 2
    await socket.write(frame(BINARY, claimed_b=1000))
    socket.abort()


async def send_nonsense(port: int) -> None:
    """Be refused."""
    socket = await RawWebSocket.greet(port)
    await socket.write(frame(BINARY, b"\xff"))
    await socket.listen(5)
    socket.abort()


@contextmanager
def nothing_collected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def left() -> list[object]:
    return [one for one in gc.get_objects() if isinstance(one, OURS)]


@pytest.mark.parametrize("visit", [say_nothing, break_off, talk, send_nonsense], ids=lambda one: one.__name__)
async def test_a_connection_that_ends_is_gone(
    tmp_path: Path, visit: Callable[[int], Awaitable[None]]
) -> None:
    """RLY-140: thirty connections end, and go without the garbage collector."""
    config = load(None, {}, {"listen": "127.0.0.1:0", "data_dir": str(tmp_path / "relay")})
    directory = DataDirectory.claim(config.data_dir)
    engine = EmbeddedEngine(config, directory.open_store(config.disk_reserve_b), now_ms())
    server = RelayServer(config, engine, EventLog(io.StringIO(), config.log_level, now_ms))
    await server.start()
    with nothing_collected():
        before = len(left())
        for _ in range(30):
            await visit(server.port)
        for _ in range(200):
            if len(left()) == before:
                break
            await asyncio.sleep(0.05)
        after = len(left())
    assert await server.stop()
    directory.release()
    assert after == before
