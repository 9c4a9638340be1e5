"""What waits for a client that reads slowly, or not at all, and how its connection ends."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from conversations import until
from e2ee_relay import outgoing, websocket
from e2ee_relay import server as servers
from e2ee_relay.node import Node
from e2ee_relay.protocol import Frame, Message, Ping, Role, Send, SendResults, decode_frames, encode_frames
from e2ee_relay.server import RelayServer
from e2ee_relay.store.api import Op
from e2ee_relay.websocket import Connection
from frame_sessions import peer_of
from raw_tls import RawTls
from raw_websocket import BINARY, CLOSE, PING, REQUEST, RawWebSocket, frame
from relay_actors import Owner
from relay_here import relay_here
from service_certificate import write_pair

ANSWER = b"\x8a\x7d" + b"p" * 125
PINGS = frame(PING, b"p" * 125) * 2_000
BODY_B = 90_000


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """The connections of a relay, in the order in which they begin."""
    found: list[Connection] = []
    begin = Connection.connection_made

    def noted(connection: Connection, transport: asyncio.BaseTransport) -> None:
        found.append(connection)
        begin(connection, transport)

    monkeypatch.setattr(Connection, "connection_made", noted)
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


def below_tls(connection: Connection) -> asyncio.Transport:
    """Return TCP's transport, whose kernel is made to take little in."""
    raw: asyncio.Transport = vars(connection.transport)["_ssl_protocol"]._transport
    take_little(raw)
    return raw


def take_little(transport: asyncio.BaseTransport) -> None:
    """Let the kernel take little in for this side."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)


def pushed(number: int) -> Message:
    """A message for whoever does not read."""
    return Message(0, bytes(16), number, bytes(16), bytes(BODY_B), 0)


def is_full(connection: Connection) -> bool:
    return connection.outgoing is not None and connection.outgoing.is_full


async def test_who_does_not_read_is_read_from_no_longer(tmp_path: Path, made: list[Connection]) -> None:
    """RLY-71: answers to pings pile up no further than the transport is full; none is lost."""
    async with relay_here(tmp_path) as server:
        client = await RawWebSocket.greet(server.port)
        assert (await client.listen(60, messages=1)).messages
        (connection,) = made
        client.stop_reading()
        writing = asyncio.create_task(client.write(PINGS * 50))
        await until(lambda: is_full(connection))
        await asyncio.sleep(0.3)
        assert not writing.done()
        assert connection.outgoing is not None
        assert connection.outgoing.waiting_b < 1 << 20
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # a Transport
        assert await client.reader.readexactly(len(ANSWER) * 100_000) == ANSWER * 100_000
        assert await writing
        client.abort()


@pytest.mark.parametrize("tls", [False, True])
async def test_pushes_that_waited_come_whole_and_in_order(
    tmp_path: Path, made: list[Connection], tls: bool
) -> None:
    """RLY-71: what is said meanwhile comes after them; TLS and TCP are given a little at a time."""
    async with (
        tls_relay(tmp_path) if tls else relay_here(tmp_path) as server,
        reading_client(server, tls=tls) as (write, read),
    ):
        (connection,) = made
        assert connection.transport is not None
        raw = below_tls(connection) if tls else connection.transport
        take_little(raw)
        for number in range(40):
            connection.put(pushed(number))
            await asyncio.sleep(0)
        assert is_full(connection)
        await write(frame(PING, b"late"))
        got, most_b = bytearray(), 0
        while not got.endswith(b"\x8a\x04late"):
            got += await read()
            most_b = max(most_b, raw.get_write_buffer_size())
        numbers = [one.seq for one in pushes(bytes(got)) if isinstance(one, Message)]
        assert numbers == list(range(40))
        assert 0 < most_b < 1 << 20


async def test_who_lets_pushes_pile_up_is_dropped(tmp_path: Path, made: list[Connection]) -> None:
    """RLY-71: beyond 8 MiB, and the figures say so."""
    async with relay_here(tmp_path) as server:
        client = await RawWebSocket.greet(server.port)
        await client.listen(60, messages=1)
        client.stop_reading()
        for number in range(75):
            made[0].put(pushed(number))
        assert not made[0].was_slow
        for number in range(75):
            made[0].put(pushed(number))
        await until(lambda: not server._standing)
        assert "relay_slow_clients_total 1.0\n" in server.figures()
        client.abort()


async def test_what_waits_counts_for_the_address(
    tmp_path: Path, made: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-184: a thousand connections that read nothing hold no more than an address may."""
    monkeypatch.setattr(servers, "_UNREAD_OF_ONE_B", 3 << 20)
    async with relay_here(tmp_path, client_address="forwarded-for", trusted_proxies="127.0.0.1/32") as server:
        clients: list[RawWebSocket] = []
        for address in (b"192.0.2.7", b"192.0.2.7", b"192.0.2.8"):
            client = await RawWebSocket.connect(server.port)
            await client.write(REQUEST[:-2] + b"X-Forwarded-For: " + address + b"\r\n\r\n")
            await client.reader.readuntil(b"\r\n\r\n")
            assert (await client.listen(60, messages=1)).messages
            clients.append(client)
        for client, connection in zip(clients, made, strict=True):
            fill(client, connection, 2 << 20)
        await until(lambda: made[1].transport is None)
        assert [one.was_slow for one in made] == [False, True, False]
        unread = made[0]._endpoint.unread
        assert 3 << 20 < unread.total < 6 << 20
        clients[0].writer.transport.resume_reading()  # type: ignore[attr-defined]  # a Transport
        reading = asyncio.create_task(clients[0].reader.read(8 << 20))
        await until(lambda: not is_full(made[0]) or reading.done())
        for client in clients:
            client.abort()
        await until(lambda: not server._standing)
        assert unread.total == 0
        reading.cancel()


def pushes(stream: bytes) -> list[Frame]:
    """Return the frames in a stream of WebSocket messages."""
    found: list[Frame] = []
    place = stream.index(b"\x82")
    while place < len(stream):
        size_b, start = stream[place + 1], place + 2
        if size_b > 125:
            start += 2 if size_b == 126 else 8
            size_b = int.from_bytes(stream[place + 2 : start], "big")
        if stream[place] == 0x82:
            found += decode_frames(stream[start : start + size_b], Role.CLIENT)
        place = start + size_b
    return found


@asynccontextmanager
async def reading_client(
    server: RelayServer, *, tls: bool
) -> AsyncIterator[tuple[Callable[[bytes], Awaitable[object]], Callable[[], Awaitable[bytes]]]]:
    """A client that reads when it is told to; the kernel takes little in for it."""
    if tls:
        async with RawTls(4096).greeted(server.port) as client:
            yield client.write, client.read
    else:
        plain = await RawWebSocket.greet(server.port)
        yield plain.write, lambda: plain.reader.read(1 << 16)
        plain.abort()


async def test_over_tls_the_end_is_said_once(tmp_path: Path, made: list[Connection]) -> None:
    """RLY-84, RLY-70: a second end would leave asyncio with a transport that nobody can close."""
    async with tls_relay(tmp_path) as server, RawTls().greeted(server.port) as client:
        await client.write(frame(3) + b"x" * 4_000)
        await until(lambda: not server._standing)


async def test_over_tls_a_connection_can_be_cut_off(tmp_path: Path, made: list[Connection]) -> None:
    """RLY-70: also one that has said goodbye, and reads nothing of what waits below TLS."""
    async with tls_relay(tmp_path) as server, RawTls(4096).greeted(server.port) as client:
        (connection,) = made
        raw = below_tls(connection)
        while raw.get_write_buffer_size() < 8_000:
            await client.write(frame(PING, b"p" * 125) * 20)
            await asyncio.sleep(0.01)
        assert not is_full(connection)
        await client.write(frame(CLOSE, b"\x03\xe8"))
        await asyncio.sleep(0.1)
        await client.close_notify()
        await asyncio.sleep(0.1)
        connection.abort()
        await until(lambda: not server._standing)


async def test_who_reads_nothing_is_dropped_in_time(
    tmp_path: Path, made: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-71: far below the bound no ping gets out to notice it; who reads a little stays."""
    monkeypatch.setattr(outgoing, "STALLED_S", 2.0)
    monkeypatch.setattr(websocket, "_CHECK_S", 0.2)
    monkeypatch.setattr(websocket, "SILENT_S", 0.2)
    async with relay_here(tmp_path) as server:
        dead, slow = await RawWebSocket.greet(server.port), await RawWebSocket.greet(server.port)
        for one, connection in zip((dead, slow), made, strict=True):
            fill(one, connection, 4 << 20)
        reading = asyncio.create_task(read_slowly(slow))
        await until(lambda: made[0].transport is None)
        assert made[0].was_slow
        assert not made[1].was_slow
        assert made[1].is_open
        reading.cancel()
        slow.abort()
        dead.abort()


async def test_over_tls_who_reads_slowly_stays(
    tmp_path: Path, made: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-71: TLS has nothing new for TCP while a great message is under way; bytes go out all the time."""
    monkeypatch.setattr(outgoing, "STALLED_S", 2.0)
    monkeypatch.setattr(websocket, "_CHECK_S", 0.2)
    monkeypatch.setattr(websocket, "SILENT_S", 0.2)
    async with tls_relay(tmp_path) as server, RawTls(4096).greeted(server.port) as client:
        (connection,) = made
        below_tls(connection)
        assert connection.outgoing is not None
        connection.outgoing.write(bytes((1 << 20) + (1 << 16)))
        assert is_full(connection)
        loop, got_b, began = asyncio.get_running_loop(), 0, time.monotonic()
        while got_b < (1 << 20) + (1 << 16):
            data = await loop.sock_recv(client.socket, 4096)
            assert data, "dropped"
            got_b += len(data)
            await asyncio.sleep(0.012)
        assert time.monotonic() - began > 1.5 * 2.0
        assert not connection.was_slow


def fill(client: RawWebSocket, connection: Connection, size_b: int) -> int:
    """Read nothing more, and let so much wait; return how many messages there are."""
    client.stop_reading()
    assert connection.transport is not None
    take_little(connection.transport)
    count = size_b // BODY_B
    for number in range(count):
        connection.put(pushed(number))
    assert is_full(connection)
    return count


async def test_who_ends_the_stream_has_all_that_waited(tmp_path: Path, made: list[Connection]) -> None:
    """RLY-07, RLY-71: what the transport has no room for is not forgotten at a FIN."""
    async with relay_here(tmp_path) as server:
        client = await RawWebSocket.greet(server.port)
        await client.listen(60, messages=1)
        sent = fill(client, made[0], 4 << 20)
        client.writer.write_eof()
        await asyncio.sleep(0.1)
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # a Transport
        assert len(pushes(await client.reader.read())) == sent
        client.writer.close()


async def test_an_end_that_waits_for_room_is_no_error(
    tmp_path: Path, made: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-83: nor is the end of a connection that the library cuts off, to be sure, once it has ended."""
    async with relay_here(tmp_path) as server:
        write_error = Mock()
        monkeypatch.setattr(server._log, "write_error", write_error)
        for _ in range(5):
            client = await RawWebSocket.greet(server.port)
            below = made[-1].transport
            assert below is not None
            take_little(below)
            client.stop_reading()
            while not below.get_write_buffer_size():
                await client.write(frame(PING, b"p" * 125) * 200)
                await asyncio.sleep(0.01)
            client.writer.write_eof()
            await asyncio.sleep(0.05)
            client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # a Transport
            assert ANSWER in await client.reader.read()
            client.writer.close()
        await until(lambda: not server._standing)
        write_error.assert_not_called()


async def test_who_is_sent_away_and_reads_nothing_has_no_place_for_long(
    tmp_path: Path, made: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-162: the close frame waits for room that never comes."""
    monkeypatch.setattr(websocket, "GOODBYE_S", 0.2)
    async with relay_here(tmp_path) as server:
        client = await RawWebSocket.greet(server.port)
        fill(client, made[0], 4 << 20)
        made[0].close(1001)
        assert not server._clients
        await until(lambda: not server._standing)
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
            under_way.extend(one.outstanding for one in server._clients)
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
        answer = Node._sent
        wrong: list[Op] = []

        def once_wrong(node: Node, op: Op, *, failed: bool) -> None:
            if not wrong:
                wrong.append(op)
                raise RuntimeError("a mistake of ours")
            answer(node, op, failed=failed)

        monkeypatch.setattr(Node, "_sent", once_wrong)
        numbers = [peer.next_id() for _ in range(5)]
        sends = [Send(number, (owner.item(os.urandom(8)),)) for number in numbers]
        await peer.link.send_bytes(encode_frames(sends))
        for number in numbers[1:]:
            assert isinstance(await peer.answer(number), SendResults)
        await peer.link.close()
    assert [type(one["exception"]) for one in reported] == [RuntimeError]
