"""What a connection leaves behind when it ends: nothing for the garbage collector, which stops everybody."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from e2ee_relay.outgoing import Outgoing
from e2ee_relay.protocol import Ping, encode_frames
from e2ee_relay.websocket import Connection
from raw_websocket import BINARY, RawWebSocket, frame
from relay_here import relay_here
from websockets.server import ServerProtocol

OURS = (Connection, Outgoing, ServerProtocol)


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
    assert len((await socket.listen(60, messages=2)).messages) == 2
    await socket.write(frame(BINARY, claimed_b=1000))
    socket.abort()


async def send_nonsense(port: int) -> None:
    """Be refused."""
    socket = await RawWebSocket.greet(port)
    await socket.write(frame(BINARY, b"\xff"))
    await socket.listen(60)
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
    async with relay_here(tmp_path) as server:
        with nothing_collected():
            before = len(left())
            for _ in range(30):
                await visit(server.port)
            for _ in range(200):
                if len(left()) == before:
                    break
                await asyncio.sleep(0.05)
            after = len(left())
    assert after == before
