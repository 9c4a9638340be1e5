"""What a connection leaves behind when it ends: nothing for the garbage collector, which stops everybody."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from e2ee_relay.connection import BoundedConnection
from e2ee_relay.door import Doorman
from e2ee_relay.inlet import Inlet
from e2ee_relay.protocol import Ping, encode_frames
from raw_websocket import BINARY, PING, RawWebSocket, frame
from relay_here import relay_here
from websockets.server import ServerProtocol

OURS = (BoundedConnection, Doorman, Inlet, ServerProtocol)


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


async def test_answers_that_nobody_reads_are_one_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-71, RLY-140: counting thousands of little ones would take the relay's time; none is lost."""
    flood, answer = frame(PING, b"p" * 125) * 2_000, b"\x8a\x7d" + b"p" * 125
    made: list[BoundedConnection] = []
    begin = BoundedConnection.connection_made

    def noted(connection: BoundedConnection, transport: asyncio.BaseTransport) -> None:
        made.append(connection)
        begin(connection, transport)

    monkeypatch.setattr(BoundedConnection, "connection_made", noted)
    async with relay_here(tmp_path) as server:
        socket = await RawWebSocket.greet(server.port)
        assert (await socket.listen(5, messages=1)).messages
        (connection,) = made
        socket.stop_reading()
        sent = 0
        async with asyncio.timeout(60):
            while not connection._unsent:
                assert await socket.write(flood)
                sent += 2_000
                await asyncio.sleep(0.05)
            assert len(vars(connection.transport)["_buffer"]) < 2_000
            socket.writer.transport.resume_reading()  # type: ignore[attr-defined]  # a Transport
            assert await socket.reader.readexactly(len(answer) * sent) == answer * sent
        assert not connection._unsent
        socket.abort()
