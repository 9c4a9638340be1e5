"""What a client may leave unfinished, and for how long (RLY-180, RLY-181, RLY-182)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from conversations import until
from e2ee_relay import messages as unfinished
from e2ee_relay import server as servers
from e2ee_relay import websocket
from e2ee_relay.protocol import (
    Done,
    Ping,
    PrekeysUpload,
    Role,
    Send,
    SendItem,
    TtlClass,
    decode_frames,
    encode_frames,
)
from e2ee_relay.server import RelayServer
from e2ee_relay.store.api import Op
from raw_websocket import BINARY, CONTINUATION, PING, REQUEST, RawWebSocket, frame
from relay_here import relay_here

MIB = 1 << 20
BEHIND_PROXY = {"client_address": "proxy-protocol", "trusted_proxies": "127.0.0.1/32"}
BIG = frame(BINARY, bytes(MIB))


@asynccontextmanager
async def relay(folder: Path) -> AsyncIterator[RelayServer]:
    """A relay that holds nothing unfinished in the end."""
    async with relay_here(folder, **BEHIND_PROXY) as server:
        yield server
        endpoints = [one._endpoint for one in server._standing]
        await until(lambda: not server._standing)
        for one in endpoints:
            assert (one.unfinished.total, one.silent.total) == (0, 0)


async def client_of(server: RelayServer, address: str = "192.0.2.7") -> RawWebSocket:
    client = await RawWebSocket.connect(server.port)
    await client.write(f"PROXY TCP4 {address} {address} 40000 443\r\n".encode())
    await client.upgrade()
    assert (await client.listen(60, messages=1)).messages
    return client


async def code_of(client: RawWebSocket, seconds: float = 0.2) -> int | None:
    return (await client.listen(seconds)).code


async def codes_of(crowd: list[RawWebSocket], count: int) -> list[int | None]:
    """Wait until so many are sent away, and return how each connection has ended."""
    codes = list[int | None]()
    async with asyncio.timeout(60):
        while codes.count(1013) < count:
            codes = [await code_of(one, 0.1) for one in crowd]
    return codes


async def is_served(client: RawWebSocket) -> bool:
    client.heard.messages.clear()
    await client.write(frame(BINARY, encode_frames([Ping(9)])))
    heard = await client.listen(60, messages=1)
    return [decode_frames(one, Role.CLIENT) for one in heard.messages] == [[Done(9)]]


@pytest.mark.parametrize("in_fragments", [False, True])
async def test_unfinished_messages_of_an_address_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_fragments: bool
) -> None:
    """RLY-180: a thousand connections would hold a GiB; others are served, what has ended is free again."""
    monkeypatch.setattr(servers, "_UNFINISHED_OF_ONE_B", 3 * MIB)
    part = frame(BINARY, bytes(1000), fin=False) + frame(CONTINUATION, bytes(1000), fin=False) * 900
    most = part if in_fragments else BIG[: 9 * MIB // 10]
    async with relay(tmp_path) as server:
        crowd = [await client_of(server) for _ in range(8)]
        other = await client_of(server, "192.0.2.8")
        for one in crowd:
            await one.write(most)
        codes = await codes_of(crowd, 5)
        assert codes.count(None) == 3
        unfinished = crowd[codes.index(None)]
        (endpoint,) = {id(one._endpoint): one._endpoint for one in server._standing}.values()
        await until(lambda: endpoint.unfinished.total > 2 * MIB)
        assert endpoint.unfinished.total <= 3 * MIB
        await other.write(most)
        await until(lambda: endpoint.unfinished.total > 3 * MIB)
        assert await code_of(other) is None
        unfinished.abort()
        await until(lambda: endpoint.unfinished.total <= 3 * MIB)
        late = await client_of(server)
        await late.write(most)
        await until(lambda: endpoint.unfinished.total > 3 * MIB)
        assert await code_of(late) is None
        for one in (*crowd, other, late):
            one.abort()


async def test_unfinished_messages_of_all_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-180: also where every one comes from another address."""
    monkeypatch.setattr(servers, "_UNFINISHED_B", 2 * MIB)
    async with relay(tmp_path) as server:
        crowd = [await client_of(server, f"192.0.2.{number}") for number in range(4)]
        for one in crowd:
            await one.write(BIG[: 9 * MIB // 10])
        assert (await codes_of(crowd, 2)).count(None) == 2
        for one in crowd:
            one.abort()


async def test_small_messages_are_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-180: whoever sends 16 KiB at a time needs no share."""
    monkeypatch.setattr(servers, "_UNFINISHED_B", 0)
    async with relay(tmp_path) as server:
        client = await client_of(server)
        await client.write(frame(BINARY, bytes(20_000))[:16_000])
        assert await code_of(client) is None
        client.abort()


async def test_a_great_message_counts_until_it_is_carried_out(tmp_path: Path) -> None:
    """RLY-180: and no longer than it is answered; the connection goes on."""
    async with relay(tmp_path) as server:
        client = await client_of(server)
        (connection,) = server._standing
        message = frame(BINARY, encode_frames([Ping(number) for number in range(1, 513)]))
        padded = frame(BINARY, encode_frames([Ping(1)]))
        for _ in range(20):
            await client.write(message + padded + frame(PING))
        while client.heard.pongs < 20:
            assert await code_of(client, 0.05) is None
        messages = connection._messages
        assert messages is not None
        await until(lambda: messages._coming_b == messages._message_b == 0)
        assert connection._endpoint.unfinished.total == 0
        client.abort()


@pytest.mark.parametrize("behind", [Ping(9), PrekeysUpload(9, bytes(32), bytes(32), None, None, (), ())])
async def test_what_waits_for_a_commit_counts_also_behind_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behind: Ping | PrekeysUpload
) -> None:
    """RLY-180: a quick request of the same id frees nothing, nor does the end; the answer does."""
    monkeypatch.setattr(servers, "_UNFINISHED_OF_ONE_B", 3 * MIB)
    item = SendItem(bytes(16), bytes(32), bytes(16), TtlClass.RETENTION, b"", bytes(90_000))
    message = frame(BINARY, encode_frames([Send(9, (item,) * 10)]))
    async with relay(tmp_path) as server:
        store, held = server._core.store, list[Op]()
        submit = store.submit
        monkeypatch.setattr(store, "submit", held.append)
        crowd = [await client_of(server) for _ in range(4)]
        (endpoint,) = {id(one._endpoint): one._endpoint for one in server._standing}.values()
        for one in crowd[:3]:
            await one.write(message + frame(BINARY, encode_frames([behind])) * 3)
        await until(lambda: sum(isinstance(op.request, Send) for op in held) == 3)
        if isinstance(behind, Ping):
            await until(lambda: all(not one.is_busy and one.outstanding < 2 for one in server._standing))
        assert 2.5 * MIB < endpoint.unfinished.total <= 3 * MIB
        await crowd[3].write(message)
        assert (await codes_of([crowd[3]], 1)) == [1013]
        for one in crowd:
            one.abort()
        await until(lambda: not server._standing)
        assert endpoint.unfinished.total > 2 * MIB
        for op in held:
            submit(op)
        await until(lambda: endpoint.unfinished.total == 0)


async def test_a_frame_that_was_cut_off_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-180: also where the message ahead of it is answered behind the end of the connection."""
    item = SendItem(bytes(16), bytes(32), bytes(16), TtlClass.RETENTION, b"", bytes(90_000))
    message = frame(BINARY, encode_frames([Send(9, (item,))]))
    async with relay(tmp_path) as server:
        store, held = server._core.store, list[Op]()
        submit = store.submit
        monkeypatch.setattr(store, "submit", held.append)
        client = await client_of(server)
        (connection,) = server._standing
        unfinished = connection._endpoint.unfinished
        await client.write(message + BIG[: 9 * MIB // 10])
        await until(lambda: bool(held) and unfinished.total > 9 * MIB // 10)
        client.abort()
        await until(lambda: not server._standing)
        assert unfinished.total == len(message) - 8 - 6
        for op in held:
            submit(op)
        await until(lambda: unfinished.total == 0)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay that looks five times a second, and waits for a message for a second."""
    monkeypatch.setattr(unfinished, "UNFINISHED_S", 1.0)
    monkeypatch.setattr(websocket, "_CHECK_S", 0.2)
    monkeypatch.setattr(websocket, "SILENT_S", 0.2)


@pytest.mark.parametrize("start", [frame(BINARY, claimed_b=MIB), frame(BINARY, b"\x81", fin=False)])
async def test_who_dribbles_a_message_is_dropped(
    tmp_path: Path, hasty: None, start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-181: a byte now and then does not keep it; pings between fragments do not either."""
    # The first look may be over when the message begins: the next one is when a ping is due.
    monkeypatch.setattr(websocket, "PING_S", 1.5)
    async with relay(tmp_path) as server:
        client = await client_of(server)
        await client.write(start)
        more = b"x" if len(start) == 14 else frame(PING, b"x")
        async with asyncio.timeout(60):
            while (code := await code_of(client, 0.1)) is None:
                await client.write(more)
        assert code == 1008
        client.abort()


async def test_who_sends_slowly_but_steadily_stays(
    tmp_path: Path, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-181: a message that comes at the least rate is waited for; so is a stream of many small ones."""
    monkeypatch.setattr(unfinished, "UNFINISHED_S", 2.0)
    monkeypatch.setattr(unfinished, "LEAST_RATE_B", 1 << 10)
    async with relay(tmp_path) as server:
        client, busy = await client_of(server), await client_of(server)
        stream = frame(BINARY, encode_frames([Ping(5)])) * 400
        for place in range(30):
            await client.write(BIG[place * 4096 : (place + 1) * 4096])
            await busy.write(stream[place * 100 : (place + 1) * 100])
            await asyncio.sleep(0.1)
        assert await code_of(client) is None
        assert await code_of(busy) is None
        for one in (client, busy):
            one.abort()


async def test_who_asks_for_nothing_may_have_to_go(
    tmp_path: Path, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-182: so many of an address may be silent, others are sent away in time; who has asked may wait."""
    monkeypatch.setattr(servers, "_SILENT_OF_ONE", 3)
    async with relay(tmp_path) as server:
        asked = list[RawWebSocket]()
        for _ in range(4):
            asked.append(await client_of(server))
            assert await is_served(asked[-1])
        silent = [await client_of(server) for _ in range(8)]
        other = await client_of(server, "192.0.2.8")
        codes = await codes_of(silent, 5)
        assert (codes.count(1013), codes.count(None)) == (5, 3)
        assert [await code_of(one, 0.1) for one in (*asked, other)] == [None] * 5
        tolerated = silent[codes.index(None)]
        assert await is_served(tolerated)
        (endpoint,) = {id(one._endpoint): one._endpoint for one in server._standing}.values()
        await until(lambda: endpoint.silent.total == 3)
        late = await client_of(server)
        await until(lambda: endpoint.silent.total == 4)
        assert await code_of(late) is None
        for one in (*asked, *silent, other, late):
            one.abort()


async def test_who_answers_no_ping_is_dropped(
    tmp_path: Path, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-84: and who answers stays."""
    monkeypatch.setattr(websocket, "PING_S", 1.5)
    async with relay(tmp_path) as server:
        dead, alive = await client_of(server), await client_of(server)
        dead.answers_pings = False
        staying = asyncio.create_task(alive.listen(60))
        assert await code_of(dead, 60) == 1011
        await asyncio.sleep(1.5)
        assert alive.heard.code is None
        staying.cancel()
        for one in (dead, alive):
            one.abort()


async def test_a_request_has_at_most_16_kib(tmp_path: Path) -> None:
    """RLY-84: the library would take 128 headers of 8 KiB each, from every connection on its way in."""
    header = b"A: " + b"a" * 8_000 + b"\r\n"
    async with relay_here(tmp_path) as server:
        client = await RawWebSocket.connect(server.port)
        await client.write(REQUEST[:-2] + header * 3)
        assert (await client.reader.readline()).split()[1] == b"431"
        client.abort()


async def test_compression_is_not_agreed_and_not_taken(tmp_path: Path) -> None:
    """RLY-01: 1 KiB of it could be 1 MiB."""
    offer = b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    async with relay_here(tmp_path) as server:
        client = await RawWebSocket.connect(server.port)
        await client.write(REQUEST[:-2] + offer)
        assert b"xtension" not in await client.reader.readuntil(b"\r\n\r\n")
        await client.write(frame(BINARY, b"x", reserved=4))
        assert (await client.listen(60)).code == 1002
        client.abort()
