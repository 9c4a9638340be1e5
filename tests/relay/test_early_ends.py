"""Connections that end between their acceptance and HELLO: nothing of them stays."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import Mock

import pytest
from conversations import until
from e2ee_relay.scheduler import Scheduler
from e2ee_relay.server import RelayServer
from raw_tls import RawTls
from raw_websocket import REQUEST, RawWebSocket, end_by_reset
from relay_here import relay_here
from service_certificate import write_pair

FORWARDED = REQUEST[:-2] + b"X-Forwarded-For: 203.0.113.9\r\n\r\n"


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is read waits for its turn."""
    monkeypatch.setattr(Scheduler, "is_idle", property(lambda _: False))


@asynccontextmanager
async def empty_in_the_end(folder: Path, **settings: str) -> AsyncIterator[RelayServer]:
    """A relay in which nothing of its visitors is left at the end."""
    async with relay_here(folder, **settings) as server:
        yield server
        await until(lambda: not any(left_of(server)))


def left_of(server: RelayServer) -> tuple[object, ...]:
    admission = server._admission
    return server._standing, admission.limits._places.total, admission._shaking, admission.handshakes.total


@pytest.mark.parametrize("early", [b"", REQUEST], ids=["alone", "with the request"])
async def test_who_resets_behind_their_tls_handshake_is_counted_no_longer(
    tmp_path: Path, early: bytes
) -> None:
    """RLY-144, RLY-162: TLS had told nobody of the loss; 19 of 20 kept their address's place for good."""
    chain, key = write_pair(tmp_path, 1)
    settings = {"client_address": "proxy-protocol", "trusted_proxies": "127.0.0.1/32"}
    async with empty_in_the_end(tmp_path, tls_cert=str(chain), tls_key=str(key), **settings) as server:
        for _ in range(20):
            client = RawTls()
            await client.connect(server.port, b"PROXY TCP4 203.0.113.5 127.0.0.1 1000 2000\r\n")
            await client.shake_hands(early)
            end_by_reset(client.socket)
            client.socket.close()
            await asyncio.sleep(0.01)
        assert server._admission.limits._buckets._by_key.keys()


async def test_who_resets_behind_a_request_that_waits_is_counted_no_longer(
    tmp_path: Path, busy: None
) -> None:
    """RLY-144: the request is read in the pass in which the loss is heard, and judged after it."""
    settings = {"client_address": "forwarded-for", "trusted_proxies": "127.0.0.1/32"}
    async with empty_in_the_end(tmp_path, **settings) as server:
        for _ in range(20):
            client = await RawWebSocket.connect(server.port)
            await asyncio.sleep(0.02)
            await client.write(FORWARDED)
            client.reset()
            await asyncio.sleep(0.01)


async def test_there_are_no_more_places_than_there_are(tmp_path: Path, busy: None) -> None:
    """RLY-143: who waits for the first word has one already; thirty come at once for three."""
    async with empty_in_the_end(tmp_path, max_connections="3") as server:
        clients = [await RawWebSocket.connect(server.port) for _ in range(30)]
        await asyncio.gather(*[one.write(REQUEST) for one in clients])
        heads = Counter([(await one.reader.readline()).split()[1] for one in clients])
        assert heads == {b"101": 3, b"503": 27}
        for one in clients:
            one.abort()


async def test_who_has_left_before_the_request_is_read_is_not_served(
    tmp_path: Path, busy: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-140: a Hello, and all that a client has in the core, would cost the others time."""
    async with empty_in_the_end(tmp_path) as server:
        connect = Mock(wraps=server._core.connect)
        monkeypatch.setattr(server._core, "connect", connect)
        for _ in range(10):
            client = await RawWebSocket.connect(server.port)
            await client.write(REQUEST[:-1])
            client.reset()
        stays = await RawWebSocket.greet(server.port)
        assert (await stays.listen(60, messages=1)).messages
        assert connect.call_count == 1
        stays.abort()


async def test_who_asks_as_the_relay_stops_is_sent_away(tmp_path: Path) -> None:
    """RLY-70: 503 in place of a Hello that no GO_AWAY follows."""
    async with empty_in_the_end(tmp_path) as server:
        client = await RawWebSocket.connect(server.port)
        await client.write(REQUEST[:-1])
        await until(lambda: bool(server._admission._shaking))
        server._core.drain(2_000)
        await client.write(REQUEST[-1:])
        assert (await client.reader.readline()).split()[1] == b"503"
        client.abort()


async def test_who_breaks_off_the_header_is_counted_no_longer(tmp_path: Path) -> None:
    """RLY-145, RLY-143: within a header of the PROXY protocol, behind it, and within TLS."""
    chain, key = write_pair(tmp_path, 1)
    settings = {"client_address": "proxy-protocol", "trusted_proxies": "127.0.0.1/32"}
    header = b"PROXY TCP4 203.0.113.5 127.0.0.1 1000 2000\r\n"
    async with empty_in_the_end(tmp_path, tls_cert=str(chain), tls_key=str(key), **settings) as server:
        for early in (b"", header[:20], header, header + b"\x16\x03\x01", header + b"no TLS at all"):
            for _ in range(5):
                client = await RawWebSocket.connect(server.port)
                await client.write(early)
                await asyncio.sleep(0.01)
                client.abort()
