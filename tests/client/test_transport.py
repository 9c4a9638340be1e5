"""WebSocket connections: what is refused, what ends them, and that nothing waits without an end or logs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest
from e2ee_client import WebSocketTransport
from e2ee_client.errors import RelayUnavailable
from e2ee_relay.protocol import MAX_MESSAGE_B
from websockets.asyncio.server import ServerConnection, serve

Handler = Callable[[ServerConnection], Awaitable[None]]
FAST = WebSocketTransport(open_timeout_s=1, close_timeout_s=0.2)


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


async def test_closing_does_not_wait_for_a_silent_peer() -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A handshake by hand, then silence."""
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(
            line.split(": ")[1]
            for line in request.splitlines()
            if line.lower().startswith("sec-websocket-key")
        )
        from websockets.utils import accept_key

        writer.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n".encode()
        )
        await asyncio.sleep(5)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    connection = await FAST.open(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with asyncio.timeout(2):
        await connection.close()
    server.close()


async def test_a_peer_that_does_not_greet_is_given_up() -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2)
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    transport = WebSocketTransport(open_timeout_s=0.1)
    with pytest.raises(RelayUnavailable):
        await transport.open(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    server.close()


async def test_a_silent_peer_is_noticed_by_pings() -> None:
    async def deaf(connection: ServerConnection) -> None:
        connection.transport.pause_reading()  # type: ignore[attr-defined]  # a TCP transport
        await asyncio.sleep(3)

    async def test(url: str) -> None:
        transport = WebSocketTransport(ping_interval_s=0.05, ping_timeout_s=0.05, close_timeout_s=0.1)
        connection = await transport.open(url)
        async with asyncio.timeout(2):
            with pytest.raises(RelayUnavailable):
                await connection.receive()

    async with serve(deaf, "127.0.0.1", 0, close_timeout=0.1) as server:
        await test(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        server.close(close_connections=True)


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
