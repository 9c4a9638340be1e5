"""A connection's way out: what waits for a client that reads slowly, or not at all, and how it ends."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from conversations import until
from e2ee_relay import connection as connections
from e2ee_relay.connection import BoundedConnection
from e2ee_relay.protocol import Ping, Send, SendResults, encode_frames
from e2ee_relay.relay import RelayCore
from e2ee_relay.server import RelayServer
from frame_sessions import peer_of
from raw_tls import RawTls
from raw_websocket import BINARY, CLOSE, PING, RawWebSocket, frame
from relay_actors import Owner
from relay_here import relay_here
from service_certificate import write_pair

ANSWER = b"\x8a\x7d" + b"p" * 125
LATE = b"\x8a\x04late"
PINGS = frame(PING, b"p" * 125) * 2_000
PONGS_B = len(ANSWER) * 2_000


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[BoundedConnection]:
    """The connections of a relay, in the order in which they begin."""
    found: list[BoundedConnection] = []
    begin = BoundedConnection.connection_made

    def noted(connection: BoundedConnection, transport: asyncio.BaseTransport) -> None:
        found.append(connection)
        begin(connection, transport)

    monkeypatch.setattr(BoundedConnection, "connection_made", noted)
    return found


@asynccontextmanager
async def tls_relay(folder: Path) -> AsyncIterator[RelayServer]:
    """A relay with TLS in this event loop, which reports no error."""
    chain, key = write_pair(folder, 1)
    reported: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    async with relay_here(folder, tls_cert=str(chain), tls_key=str(key)) as server:
        yield server
    loop.set_exception_handler(None)
    assert reported == []


def below_tls(connection: BoundedConnection) -> asyncio.Transport:
    """Return TCP's transport, whose kernel is made to take little in."""
    raw: asyncio.Transport = vars(connection.transport)["_ssl_protocol"]._transport
    raw.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    return raw


async def test_answers_that_nobody_reads_are_one_piece(tmp_path: Path, made: list[BoundedConnection]) -> None:
    """RLY-71, RLY-140: counting thousands of little ones would take the relay's time; none is lost."""
    async with relay_here(tmp_path) as server:
        client = await RawWebSocket.greet(server.port)
        assert (await client.listen(5, messages=1)).messages
        (connection,) = made
        client.stop_reading()
        sent = 0
        async with asyncio.timeout(60):
            while not connection._unsent:
                assert await client.write(PINGS)
                sent += 2_000
                await asyncio.sleep(0.05)
            assert len(vars(connection.transport)["_buffer"]) < 2_000
            client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # a Transport
            assert await client.reader.readexactly(len(ANSWER) * sent) == ANSWER * sent
        assert not connection._unsent
        client.abort()


async def test_nothing_is_lost_behind_what_waits(tmp_path: Path, made: list[BoundedConnection]) -> None:
    """RLY-71: megabytes that waited come whole and in order, and what is said meanwhile comes after them."""
    async with tls_relay(tmp_path) as server, RawTls(4096).greeted(server.port) as client:
        (connection,) = made
        below_tls(connection)
        for _ in range(20):
            await client.write(PINGS)
        await until(lambda: connection._unsent is not None and len(connection._unsent) > 3 << 20)
        got = bytearray()
        while len(got) < PONGS_B:
            got += await client.read()
        assert connection._unsent
        await client.write(frame(PING, b"late"))
        while not got.endswith(LATE):
            got += await client.read()
        start = bytes(got).index(ANSWER)
        assert bytes(got[start:]) == ANSWER * 40_000 + LATE


async def test_what_waits_below_tls_counts(tmp_path: Path, made: list[BoundedConnection]) -> None:
    """RLY-71: what TLS was given is bounded too; reading a little now and then is no way round."""
    async with tls_relay(tmp_path) as server, RawTls(4096).greeted(server.port) as client:
        (connection,) = made
        raw = below_tls(connection)
        most_b = 0
        for _ in range(20):
            await client.write(PINGS)
        await until(lambda: connection._unsent is not None and len(connection._unsent) > 3 << 20)
        for _ in range(200):
            await client.read()
            most_b = max(most_b, raw.get_write_buffer_size())
        assert 0 < most_b < 1 << 20


async def test_over_tls_the_end_is_said_once(tmp_path: Path, made: list[BoundedConnection]) -> None:
    """RLY-84, RLY-70: a second end would leave asyncio with a transport that nobody can close."""
    async with tls_relay(tmp_path) as server, RawTls().greeted(server.port) as client:
        await client.write(frame(3) + b"x" * 4_000)
        await until(made[0].connection_lost_waiter.done)


async def test_over_tls_a_connection_can_be_cut_off(tmp_path: Path, made: list[BoundedConnection]) -> None:
    """RLY-70: also one that has said goodbye, and reads nothing of what waits below TLS."""
    async with tls_relay(tmp_path) as server, RawTls(4096).greeted(server.port) as client:
        (connection,) = made
        raw = below_tls(connection)
        while raw.get_write_buffer_size() < 8_000:
            await client.write(frame(PING, b"p" * 125) * 20)
            await asyncio.sleep(0.01)
        assert not connection.paused
        await client.write(frame(CLOSE, b"\x03\xe8"))
        await asyncio.sleep(0.1)
        await client.close_notify()
        await asyncio.sleep(0.1)
        connection.transport.abort()
        await until(connection.connection_lost_waiter.done)


async def test_who_reads_nothing_is_dropped_in_time(
    tmp_path: Path, made: list[BoundedConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-71: far below the bound no ping gets out to notice it; who reads a little stays."""
    monkeypatch.setattr(connections, "STALLED_S", 2.0)
    async with relay_here(tmp_path) as server:
        dead, slow = await RawWebSocket.greet(server.port), await RawWebSocket.greet(server.port)
        for one, connection in zip((dead, slow), made, strict=True):
            await fill(one, connection)
            assert len(connection._unsent or b"") < 4 << 20
        reading = asyncio.create_task(read_slowly(slow))
        await until(made[0].connection_lost_waiter.done)
        assert made[0].was_slow
        assert not made[1].was_slow
        assert not made[1].connection_lost_waiter.done()
        reading.cancel()
        slow.abort()
        dead.abort()


async def test_over_tls_who_reads_slowly_stays(
    tmp_path: Path, made: list[BoundedConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-71: TLS has nothing new for TCP while a great message is under way; bytes go out all the time."""
    monkeypatch.setattr(connections, "STALLED_S", 1.0)
    async with tls_relay(tmp_path) as server, RawTls(4096).greeted(server.port) as client:
        (connection,) = made
        below_tls(connection)
        for size_b in (1 << 20, 1 << 16):
            connection.protocol.send_binary(bytes(size_b))
            connection.send_data()
        assert connection.paused
        loop, got_b, began = asyncio.get_running_loop(), 0, time.monotonic()
        while got_b < (1 << 20) + (1 << 16):
            data = await loop.sock_recv(client.socket, 4096)
            assert data, "dropped"
            got_b += len(data)
            await asyncio.sleep(0.012)
        assert time.monotonic() - began > 3 * 1.0
        assert not connection.was_slow


async def fill(client: RawWebSocket, connection: BoundedConnection) -> int:
    """Read nothing more, and ping until the answers wait; return how many there are."""
    client.stop_reading()
    sent = 0
    while not connection.paused or not connection._unsent:
        await client.write(PINGS)
        sent += 2_000
        await asyncio.sleep(0.01)
    return sent


async def test_who_ends_the_stream_has_all_that_waited(tmp_path: Path, made: list[BoundedConnection]) -> None:
    """RLY-07, RLY-71: what the transport has no room for is not forgotten at a FIN."""
    async with relay_here(tmp_path) as server:
        client = await RawWebSocket.greet(server.port)
        sent = await fill(client, made[0])
        while len(made[0]._unsent or b"") < 2 << 20:
            await client.write(PINGS)
            sent += 2_000
            await asyncio.sleep(0.01)
        client.writer.write_eof()
        await until(lambda: made[0]._has_heard_end)
        # All at once would take the others' time (RLY-149).
        assert made[0].transport.get_write_buffer_size() < 512 << 10
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # a Transport
        assert (await client.reader.read()).count(ANSWER) == sent
        client.writer.close()


async def test_an_end_that_waits_for_room_is_no_error(
    tmp_path: Path, made: list[BoundedConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-83: nor is the end of a connection that the library cuts off, to be sure, once it has ended."""
    async with relay_here(tmp_path) as server:
        write_error = Mock()
        monkeypatch.setattr(server._log, "write_error", write_error)
        for _ in range(5):
            client = await RawWebSocket.greet(server.port)
            below = made[-1].transport
            below.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
            client.stop_reading()
            while not below.get_write_buffer_size():
                await client.write(frame(PING, b"p" * 125) * 200)
                await asyncio.sleep(0.01)
            client.writer.write_eof()
            await until(lambda: made[-1]._has_heard_end)
            client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # a Transport
            assert ANSWER in await client.reader.read()
            client.writer.close()
        await until(lambda: server._standing == 0)
        write_error.assert_not_called()


async def test_who_is_refused_and_reads_nothing_has_no_place_for_long(
    tmp_path: Path, made: list[BoundedConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-162: the close frame waits for room that never comes."""
    monkeypatch.setattr("e2ee_relay.server._GOODBYE_S", 0.2)
    monkeypatch.setattr(connections, "STALLED_S", 600.0)
    async with relay_here(tmp_path) as server:
        client = await RawWebSocket.greet(server.port)
        await fill(client, made[0])
        await client.write(frame(BINARY, b"no frames"))
        await until(lambda: server._standing == 0, 10)
        client.abort()


async def test_a_flood_does_not_hold_up_the_drain(tmp_path: Path) -> None:
    """RLY-70: what was read when it begins is carried out; who goes on sending is not waited for."""
    async with relay_here(tmp_path) as server:
        client = await RawWebSocket.greet(server.port)

        async def flood() -> None:
            while await client.write(PINGS):
                await client.listen(0.001)

        flooding = asyncio.create_task(flood())
        await asyncio.sleep(0.2)
        async with asyncio.timeout(30):
            await server._settle(600)
        flooding.cancel()
        client.abort()


async def test_what_has_not_begun_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-70: of a hundred requests in one message one at a time is under way: no flood holds up a drain."""
    under_way: list[int] = []
    async with relay_here(tmp_path) as server:
        client = await RawWebSocket.greet(server.port)
        receive = server._core.receive

        def noted(*arguments: Any) -> Any:
            under_way.extend(one.outstanding for one in server._clients.values())
            return receive(*arguments)

        monkeypatch.setattr(server._core, "receive", noted)
        await client.write(frame(BINARY, encode_frames([Ping(number) for number in range(1, 101)])))
        await until(lambda: len(under_way) == 100)
        assert set(under_way) == {1}
        client.abort()


async def read_slowly(client: RawWebSocket) -> None:
    """Take 100 kB ten times a second."""
    client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # a Transport
    while True:
        await client.reader.readexactly(100_000)
        await asyncio.sleep(0.1)


async def test_a_fault_with_one_answer_costs_the_others_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-83: of a group that was committed, each has its answer, whatever goes wrong with one of them."""
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    async with relay_here(tmp_path) as server:
        peer, owner = await peer_of(server.port), Owner()
        await owner.set_up(peer)
        answer = RelayCore.complete
        failed: list[object] = []

        def once_wrong(relay: RelayCore, then: Any, result: Any, now_ms: int) -> Any:
            if not failed:
                failed.append(then)
                raise RuntimeError("a mistake of ours")
            return answer(relay, then, result, now_ms)

        monkeypatch.setattr(RelayCore, "complete", once_wrong)
        numbers = [peer.next_id() for _ in range(5)]
        sends = [Send(number, (owner.item(os.urandom(8)),)) for number in numbers]
        await peer.link.send_bytes(encode_frames(sends))
        for number in numbers[1:]:
            assert isinstance(await peer.answer(number), SendResults)
        await peer.link.close()
    assert [type(one["exception"]) for one in reported] == [RuntimeError]
