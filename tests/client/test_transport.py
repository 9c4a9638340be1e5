"""WebSocket connections: what is refused, what ends them, and that nothing waits without an end or logs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from e2ee_client import WebSocketTransport
from e2ee_client.errors import RelayUnavailable
from e2ee_relay.protocol import MAX_MESSAGE_B
from websockets.asyncio.server import ServerConnection, serve
from websockets.utils import accept_key

Handler = Callable[[ServerConnection], Awaitable[None]]
FAST = WebSocketTransport(open_timeout_s=30, close_timeout_s=0.2)
# The library by itself waits 10 seconds for a greeting or a farewell, and 20 for the answer to a ping.
LESS_THAN_BY_DEFAULT_S = 9.0


async def with_server(handler: Handler, test: Callable[[str], Awaitable[None]]) -> None:
    async with serve(handler, "127.0.0.1", 0, max_size=MAX_MESSAGE_B + 10) as server:
        await test(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def test_whole_binary_messages_of_up_to_a_mebibyte_go_both_ways() -> None:
    """RLY-02."""

    async def test(url: str) -> None:
        connection = await FAST.open(url)
        for data in (b"", b"x", bytes(MAX_MESSAGE_B)):
            await connection.send(data)
            assert await connection.receive() == data
        await connection.close()
        await connection.close()

    await with_server(echo, test)


@pytest.mark.parametrize("message", ["text", bytes(MAX_MESSAGE_B + 1)], ids=["text", "too large"])
async def test_text_and_what_is_too_large_end_the_connection(message: str | bytes) -> None:
    """RLY-02, RLY-03."""

    async def say(connection: ServerConnection) -> None:
        await connection.send(message)
        await connection.wait_closed()

    async def test(url: str) -> None:
        connection = await FAST.open(url)
        with pytest.raises(RelayUnavailable) as raised:
            await connection.receive()
        assert raised.value.retryable
        with pytest.raises(RelayUnavailable):
            await connection.send(b"x")
        await connection.close()

    await with_server(say, test)


async def test_the_end_of_the_other_side_is_typed() -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.close()

    async def test(url: str) -> None:
        connection = await FAST.open(url)
        with pytest.raises(RelayUnavailable):
            await connection.receive()
        await connection.close()

    await with_server(leave, test)


class RawServer:
    """A server that upgrades or not, and then says nothing."""

    def __init__(self, *, upgrades: bool) -> None:
        self._upgrades = upgrades
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        if self._upgrades:
            headers = dict(line.split(": ", 1) for line in request.splitlines()[1:] if line)
            proof = accept_key(headers["Sec-WebSocket-Key"])
            writer.write(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Accept: {proof}\r\n\r\n".encode()
            )


async def test_closing_does_not_wait_for_a_silent_peer() -> None:
    async with RawServer(upgrades=True) as url:
        connection = await FAST.open(url)
        async with asyncio.timeout(LESS_THAN_BY_DEFAULT_S):
            await connection.close()


async def test_a_peer_that_does_not_greet_is_given_up() -> None:
    async with RawServer(upgrades=False) as url, asyncio.timeout(LESS_THAN_BY_DEFAULT_S):
        with pytest.raises(RelayUnavailable):
            await WebSocketTransport(open_timeout_s=0.1).open(url)


async def test_a_silent_peer_is_noticed_by_pings() -> None:
    async with RawServer(upgrades=True) as url, asyncio.timeout(LESS_THAN_BY_DEFAULT_S):
        transport = WebSocketTransport(ping_interval_s=0.05, ping_timeout_s=0.05, close_timeout_s=0.1)
        connection = await transport.open(url)
        with pytest.raises(RelayUnavailable):
            await connection.receive()


@pytest.mark.parametrize(
    "url", ["ws://127.0.0.1:9", "wss://relay.invalid", "nonsense", "ws://127.0.0.1:99999"]
)
async def test_what_cannot_be_reached_is_typed(url: str) -> None:
    with pytest.raises(RelayUnavailable):
        await FAST.open(url)


async def test_nothing_is_logged_even_if_everything_is_switched_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("websockets.server").setLevel(logging.CRITICAL)

    async def test(url: str) -> None:
        connection = await FAST.open(url)
        await connection.send(b"canary-7f3a")
        await connection.receive()
        await connection.close()

    await with_server(echo, test)
    assert [one for one in caplog.records if one.name != "asyncio"] == []


async def test_no_compression_and_no_name_of_the_library_is_offered() -> None:
    """RLY-01: compression would leak what is sealed; the library's version is nobody's business."""
    seen: list[dict[str, str]] = []

    async def look(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append({name.lower(): value for name, value in connection.request.headers.raw_items()})

    async def test(url: str) -> None:
        connection = await FAST.open(url)
        with pytest.raises(RelayUnavailable):
            await connection.receive()
        await connection.close()

    await with_server(look, test)
    assert "sec-websocket-extensions" not in seen[0]
    assert "user-agent" not in seen[0]
