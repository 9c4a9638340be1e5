"""A stream of frames, however it is cut: requests, answers and ends in their order (RLY-84)."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from conversations import until
from e2ee_relay.node import Node
from e2ee_relay.outgoing import Outgoing
from e2ee_relay.protocol import (
    MAX_MESSAGE_B,
    Done,
    Frame,
    Ping,
    Role,
    Send,
    SendItem,
    SendResults,
    TtlClass,
    decode_frames,
    encode_frames,
)
from e2ee_relay.scheduler import Scheduler
from e2ee_relay.server import RelayServer
from e2ee_relay.session import Session
from raw_websocket import BINARY, CLOSE, CONTINUATION, GONE, PING, PONG, REQUEST, TEXT, RawWebSocket, frame
from relay_here import relay_here
from websockets.server import ServerProtocol

NORMAL = (1000).to_bytes(2, "big")


@asynccontextmanager
async def client_of(folder: Path) -> AsyncIterator[RawWebSocket]:
    """A client of a relay in this event loop."""
    async with relay_here(folder) as server, client_at(server) as client:
        yield client


@asynccontextmanager
async def client_at(server: RelayServer) -> AsyncIterator[RawWebSocket]:
    client = await RawWebSocket.greet(server.port)
    try:
        yield client
    finally:
        client.writer.close()


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What the library is given to parse."""
    parts: list[bytes] = []
    feed = ServerProtocol.receive_data

    def noted(protocol: ServerProtocol, data: bytes) -> None:
        parts.append(data)
        feed(protocol, data)

    monkeypatch.setattr(ServerProtocol, "receive_data", noted)
    return parts


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay that does not cut off those who owe it their goodbye."""
    monkeypatch.setattr("e2ee_relay.websocket.GOODBYE_S", 600.0)


def count(messages: list[bytes], kind: type[Done] | type[SendResults]) -> int:
    """Count frames of a kind; answers may share a message."""
    return sum(isinstance(one, kind) for data in messages for one in decode_frames(data, Role.CLIENT))


def answered(messages: list[bytes]) -> list[int]:
    """Return the requests that were answered with Done."""
    frames = [one for data in messages for one in decode_frames(data, Role.CLIENT)]
    return [one.request_id for one in frames if isinstance(one, Done)]


def masked(plain: bytes, chance: random.Random) -> bytes:
    """Mask a frame that was built with a mask of zeros."""
    size_b = plain[1] & 0x7F
    start = 2 + (0 if size_b < 126 else 2 if size_b == 126 else 8)
    key = chance.randbytes(4)
    payload = bytes(octet ^ key[place % 4] for place, octet in enumerate(plain[start + 4 :]))
    return plain[:start] + key + payload


def in_frames(message: bytes, chance: random.Random) -> list[bytes]:
    """Return a message as one frame or as several, perhaps with others between."""
    if chance.random() < 0.6:
        return [frame(BINARY, message)]
    cuts = sorted(chance.randrange(len(message) + 1) for _ in range(chance.randrange(1, 4)))
    parts = [message[start:end] for start, end in zip([0, *cuts], [*cuts, len(message)], strict=True)]
    frames: list[bytes] = []
    for place, part in enumerate(parts):
        frames.append(frame(CONTINUATION if place else BINARY, part, fin=place == len(parts) - 1))
        if chance.random() < 0.3:
            frames.append(frame(chance.choice((PING, PONG)), b"between"))
    return frames


@pytest.mark.parametrize("seed", range(12))
async def test_requests_are_answered_in_order_however_they_are_cut(tmp_path: Path, seed: int) -> None:
    """RLY-84, RLY-07: whole frames, fragments and pings, in pieces of any size."""
    chance = random.Random(seed)
    number, stream = 0, bytearray()
    for _ in range(60):
        count = chance.choice((1, 1, 2, 40, 300))
        message = encode_frames([Ping(number + place + 1) for place in range(count)])
        number += count
        for one in in_frames(message, chance):
            stream += masked(one, chance)
    async with client_of(tmp_path) as client:
        position = 0
        while position < len(stream):
            piece_b = chance.choice((1, 3, 7, 200, 2_000, 20_000))
            await client.write(bytes(stream[position : position + piece_b]))
            position += piece_b
            if chance.random() < 0.3:
                await client.listen(0.002)
        answers: list[int] = []
        while len(answers) < number:
            heard = await client.listen(60, messages=1)
            assert heard.messages, heard
            answers += answered(heard.messages)
            heard.messages.clear()
        assert answers == list(range(1, number + 1))


async def test_the_library_is_given_a_little_at_a_time(tmp_path: Path, fed: list[bytes]) -> None:
    """RLY-140: it parses all that it is given in one go, and ten thousand pings take it 25 ms."""
    async with client_of(tmp_path) as client:
        await client.listen(60, messages=1)
        big = frame(BINARY, encode_frames([Ping(number) for number in range(1, 501)]))
        pings = frame(PING, b"1") + frame(PING, b"23") * 5_000
        before = len(fed)
        await client.write(big + pings + big[:-1])
        while client.heard.pongs < 5_001:
            assert (await client.listen(0.01)).code is None
        await client.write(big[-1:] + frame(BINARY, encode_frames([Ping(501)])))
        while len(answered(client.heard.messages)) < 1_001:
            assert (await client.listen(0.01)).code is None
        assert max(map(len, fed[before:])) <= 1 << 14
        assert b"".join(fed[before:]).startswith(big + pings + big)


async def test_a_great_frame_is_given_as_it_comes(tmp_path: Path, fed: list[bytes]) -> None:
    """RLY-140: it is one message however long; what stands behind it is given little by little."""
    async with client_of(tmp_path) as client:
        await client.listen(60, messages=1)
        items = (SendItem(bytes(16), bytes(32), bytes(16), TtlClass.RETENTION, b"", bytes(90_000)),) * 3
        great = frame(BINARY, encode_frames([Send(1, items)]))
        pings = frame(PING, b"23") * 5_000
        before = len(fed)
        await client.write(great + great + pings)
        while client.heard.pongs < 5_000 or count(client.heard.messages, SendResults) < 2:
            assert (await client.listen(0.01)).code is None
        ends = [sum(map(len, fed[before : place + 1])) for place in range(before, len(fed))]
        great_ends = [end for end, one in zip(ends, fed[before:], strict=True) if len(one) > 1 << 14]
        assert great_ends
        assert max(great_ends) <= 2 * len(great)
        assert len(great) in ends


async def test_what_begins_beside_the_end_of_a_great_frame_is_none(tmp_path: Path, fed: list[bytes]) -> None:
    """RLY-140: the length of a frame that is over says nothing of the next ones."""
    async with client_of(tmp_path) as client:
        await client.listen(60, messages=1)
        great, ping = frame(BINARY, bytes(400_000), fin=False), frame(PING, b"23")
        before = len(fed)
        for written, size_b in ((great[:-10], len(great) - 10), (great[-10:] + ping[:3], len(great) + 3)):
            await client.write(written)
            while sum(map(len, fed[before:])) < size_b:
                assert (await client.listen(0.01)).code is None
        after = len(fed)
        await client.write(ping[3:] + ping * 30_000)
        while client.heard.pongs < 30_001:
            assert (await client.listen(0.01)).code is None
        assert max(map(len, fed[after:])) <= 1 << 14


async def test_slices_adapt_to_what_they_cost(
    tmp_path: Path, fed: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-140: what is dear to parse comes in ever smaller slices, what is cheap in greater ones."""
    async with client_of(tmp_path) as client:
        await client.listen(60, messages=1)
        feed = ServerProtocol.receive_data

        def slow(protocol: ServerProtocol, data: bytes) -> None:
            time.sleep(0.0005)
            feed(protocol, data)

        with monkeypatch.context() as dear:
            dear.setattr(ServerProtocol, "receive_data", slow)
            await client.write(frame(BINARY, encode_frames([Ping(number) for number in range(1, 301)])))
            while len(answered(client.heard.messages)) < 300:
                assert (await client.listen(0.01)).code is None
        assert 128 in map(len, fed)
        await client.write(frame(PONG, bytes(100)) * 5_000 + frame(PING))
        while not client.heard.pongs:
            assert (await client.listen(0.01)).code is None
        # On a busy machine a step may look dear that is not.
        assert max(map(len, fed)) > 1 << 10


@pytest.mark.parametrize("cut", [1, len(REQUEST) - 2, len(REQUEST) - 1, len(REQUEST), len(REQUEST) + 1, -1])
async def test_what_comes_with_the_handshake_is_carried_out_after_it(tmp_path: Path, cut: int) -> None:
    """RLY-84: wherever its end is cut."""
    requests = [frame(BINARY, encode_frames([Ping(number)])) for number in (1, 2, 3)]
    data = REQUEST + frame(PING) + b"".join(requests)
    async with relay_here(tmp_path) as server:
        client = await RawWebSocket.connect(server.port)
        await client.write(data[:cut])
        await asyncio.sleep(0.01)
        await client.write(data[cut:])
        await client.reader.readuntil(b"\r\n\r\n")
        while len(answered(client.heard.messages)) < 3:
            assert (await client.listen(0.01)).code is None
        assert answered(client.heard.messages) == [1, 2, 3]
        assert client.heard.pongs == 1
        client.writer.close()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(BINARY, b"x", masked=False), 1002),
        (frame(BINARY, b"x", reserved=4), 1002),
        (frame(BINARY, encode_frames([Ping(1)]), fin=False) + frame(BINARY, encode_frames([Ping(2)])), 1002),
        (frame(CONTINUATION, encode_frames([Ping(1)])), 1002),
        (frame(BINARY, b"", claimed_b=MAX_MESSAGE_B + 1), 1009),
        (frame(BINARY, bytes(MAX_MESSAGE_B + 1)), 1009),
        (frame(BINARY, b""), 1002),
        (frame(BINARY, encode_frames([Ping(1)]), length_b=2), 1002),
        (frame(BINARY, encode_frames([Ping(1)]), length_b=8), 1002),
        (frame(BINARY, bytes((1 << 16) - 1), length_b=8), 1002),
        (frame(PING, b"x", length_b=2), 1002),
    ],
)
async def test_what_is_forbidden_is_refused_all_the_same(tmp_path: Path, data: bytes, code: int) -> None:
    """RLY-84, RLY-03: the usual message before it is answered."""
    async with client_of(tmp_path) as client:
        await client.write(frame(BINARY, encode_frames([Ping(7)])))
        await client.listen(60, messages=2)
        await client.write(data)
        heard = await client.listen(60)
        assert decode_frames(heard.messages[1], Role.CLIENT) == [Done(7)]
        assert (len(heard.messages), heard.code) == (2, code)


async def test_nothing_is_carried_out_behind_a_close(tmp_path: Path) -> None:
    """RLY-84: who has said goodbye has said all."""
    async with client_of(tmp_path) as client:
        await client.listen(60, messages=1)
        await client.write(frame(CLOSE, NORMAL))
        for number in (1, 2, 3):
            await client.write(frame(BINARY, encode_frames([Ping(number)])))
        heard = await client.listen(60)
        assert (len(heard.messages), heard.code) == (1, 1000)


ENDS = [
    (frame(CLOSE, NORMAL), 1000),
    (frame(BINARY, b"no frames"), 1002),
    (frame(BINARY, b"", reserved=4), 1002),
    (frame(TEXT, b"text"), 1002),
    (frame(BINARY, b"x", masked=False), 1002),
    (frame(BINARY, b"", claimed_b=MAX_MESSAGE_B + 1), 1009),
    (frame(BINARY, encode_frames([Ping(4)]), length_b=2), 1002),
    (frame(BINARY, b"no frames") + frame(CLOSE, NORMAL), 1002),
    (frame(TEXT, b"text") + frame(CLOSE, NORMAL), 1002),
    (b"", GONE),
]


@pytest.mark.parametrize(("end", "code"), ENDS)
@pytest.mark.parametrize("cut", [0, 3])
async def test_requests_are_answered_before_the_goodbye(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: bytes, code: int, cut: int
) -> None:
    """RLY-07, RLY-161: whoever ends the connection, and why; all came at once, or the first frame in two."""
    put = Outgoing.put
    monkeypatch.setattr(Outgoing, "put", lambda outgoing, one, **_: put(outgoing, one, can_wait=True))
    async with client_of(tmp_path) as client:
        await client.listen(60, messages=1)
        data = b"".join(frame(BINARY, encode_frames([Ping(number)])) for number in (1, 2, 3)) + end
        await client.write(data[:cut])
        await asyncio.sleep(0.01)
        await client.write(data[cut:])
        if not end:
            client.writer.write_eof()
        heard = await client.listen(60)
        assert (answered(heard.messages), heard.code) == ([1, 2, 3], code)


@pytest.mark.parametrize("end", [frame(CLOSE, NORMAL), frame(BINARY, b"", reserved=4), frame(BINARY, b"bad")])
async def test_who_has_ended_is_served_no_longer(tmp_path: Path, end: bytes) -> None:
    """RLY-162: not even while their connection still stands, which it does for four seconds at most."""
    async with relay_here(tmp_path) as server, client_at(server) as client:
        await client.listen(60, messages=1)
        assert len(server._clients) == 1
        await client.write(end)
        assert (await client.listen(60)).code in (1000, 1002)
        assert not server._clients
        assert len(server._standing) == 1
        await until(lambda: not server._standing)


@pytest.mark.parametrize("end", [frame(CLOSE, NORMAL), b""])
async def test_requests_before_the_end_are_carried_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: bytes
) -> None:
    """RLY-183: a message of many requests takes several steps, and the end waits for them."""
    carried_out: list[int] = []
    receive = Node.receive

    def slow(node: Node, session: Session, one: Frame) -> None:
        if isinstance(one, Ping):
            carried_out.append(one.request_id)
            time.sleep(0.0002)
        receive(node, session, one)

    monkeypatch.setattr(Node, "receive", slow)
    async with client_of(tmp_path) as client:
        await client.listen(60, messages=1)
        requests = encode_frames([Ping(number) for number in range(1, 101)])
        await client.write(frame(BINARY, requests) + end)
        if not end:
            client.writer.write_eof()
        await client.listen(60)
        client.writer.close()
        async with asyncio.timeout(60):
            while len(carried_out) < 100:  # noqa: ASYNC110  # there is no event for it
                await asyncio.sleep(0.01)
        assert carried_out == list(range(1, 101))


async def test_those_who_wait_for_their_end_count(tmp_path: Path, patient: None) -> None:
    """RLY-162: else the sum of connections would have no bound."""
    async with relay_here(tmp_path, max_connections="1") as server:
        async with client_at(server) as client:
            await client.write(frame(CLOSE, NORMAL))
            await client.listen(60)
            assert "relay_connections 1.0\n" in server.figures()
            another = await RawWebSocket.connect(server.port)
            with pytest.raises(ConnectionError):
                await another.upgrade()
            another.writer.close()
        await until(lambda: not server._standing)
        async with client_at(server) as client:
            assert len((await client.listen(60, messages=1)).messages) == 1


@pytest.mark.parametrize("behind", [b"\r\n", b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_who_asks_for_a_page_and_more_has_the_page_and_is_let_go(
    tmp_path: Path, patient: None, behind: bytes
) -> None:
    """RLY-84: as soon as the client ends its side."""
    async with relay_here(tmp_path) as server:
        client = await RawWebSocket.connect(server.port)
        await client.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" + behind)
        assert b" 200 " in await client.reader.read()
        client.writer.close()
        await until(lambda: not server._admission._shaking)


@pytest.mark.parametrize("held", [False, True])
async def test_the_clients_goodbye_is_read_though_much_lay_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patient: None, held: bool
) -> None:
    """RLY-70, RLY-84: a relay that closes reads to the end of the stream."""
    async with relay_here(tmp_path) as server:
        client = await RawWebSocket.greet(server.port)
        await client.listen(60, messages=1)
        [connection] = server._standing
        big = frame(BINARY, encode_frames([Ping(1)]) + bytes(range(256)) * 80)
        monkeypatch.setattr(Scheduler, "is_idle", property(lambda _: False))
        await client.write(big[:9_000])
        await asyncio.sleep(0.01)
        if held:
            connection._hold()
        connection.close(1001)
        assert not server._clients
        await client.write(big[9_000:] + frame(CLOSE, (1001).to_bytes(2, "big")))
        assert (await client.listen(60)).code == 1001
        ws = connection._ws
        client.writer.close()
        await until(lambda: not server._standing)
        assert ws is not None
        assert ws.close_rcvd is not None


async def test_what_waits_for_its_turn_is_carried_out_though_the_end_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-183: where the relay has others to serve, the end of the stream does not overtake what was sent."""
    async with client_of(tmp_path) as client:
        await client.listen(60, messages=1)
        monkeypatch.setattr(Scheduler, "is_idle", property(lambda _: False))
        await client.write(b"".join(frame(BINARY, encode_frames([Ping(number)])) for number in range(1, 200)))
        client.writer.write_eof()
        heard = await client.listen(60)
        assert answered(heard.messages) == list(range(1, 200))
