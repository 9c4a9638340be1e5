"""Messages that are whole in one frame are cut here, all others by the library: together they are one stream
(RLY-84).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from e2ee_relay.outbox import Outbox
from e2ee_relay.protocol import MAX_MESSAGE_B, Done, Frame, Ping, Role, decode_frames, encode_frames
from e2ee_relay.relay import RelayCore
from e2ee_relay.state import Effect
from raw_websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, RawWebSocket, frame
from relay_here import relay_here
from websockets.asyncio.server import ServerConnection

NORMAL = (1000).to_bytes(2, "big")


@asynccontextmanager
async def client_of(folder: Path) -> AsyncIterator[RawWebSocket]:
    """A client of a relay in this event loop."""
    async with relay_here(folder) as server:
        client = await RawWebSocket.greet(server.port)
        try:
            yield client
        finally:
            client.writer.close()


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
            heard = await client.listen(10, messages=1)
            assert heard.messages, heard
            for data in heard.messages:
                answers += [
                    one.request_id for one in decode_frames(data, Role.CLIENT) if isinstance(one, Done)
                ]
            heard.messages.clear()
        assert answers == list(range(1, number + 1))


async def test_the_usual_message_does_not_take_the_librarys_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the short way would be for nothing, and nobody would notice."""
    fed: list[bytes] = []
    feed = ServerConnection.data_received

    def noted(connection: ServerConnection, data: bytes) -> None:
        fed.append(data)
        feed(connection, data)

    monkeypatch.setattr(ServerConnection, "data_received", noted)
    async with client_of(tmp_path) as client:
        await client.listen(5, messages=1)
        before = len(fed)
        for number in range(1, 20):
            await client.write(frame(BINARY, encode_frames([Ping(number)])))
            await client.listen(5, messages=number + 1)
        assert len(client.heard.messages) == 20
        assert len(fed) == before


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
    ],
)
async def test_what_is_forbidden_is_refused_all_the_same(tmp_path: Path, data: bytes, code: int) -> None:
    """RLY-84, RLY-03: the usual message before it is answered."""
    async with client_of(tmp_path) as client:
        await client.write(frame(BINARY, encode_frames([Ping(7)])))
        await client.listen(5, messages=2)
        await client.write(data)
        heard = await client.listen(10)
        assert decode_frames(heard.messages[1], Role.CLIENT) == [Done(7)]
        assert (len(heard.messages), heard.code) == (2, code)


async def test_nothing_is_carried_out_behind_a_close(tmp_path: Path) -> None:
    """RLY-84: who has said goodbye has said all."""
    async with client_of(tmp_path) as client:
        await client.listen(5, messages=1)
        await client.write(frame(CLOSE, NORMAL))
        for number in (1, 2, 3):
            await client.write(frame(BINARY, encode_frames([Ping(number)])))
        heard = await client.listen(10)
        assert (len(heard.messages), heard.code) == (1, 1000)


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (frame(CLOSE, NORMAL), 1000),
        (frame(BINARY, b"no frames"), 1002),
        (frame(BINARY, b"", reserved=4), 1002),
    ],
)
async def test_answers_that_wait_go_before_the_goodbye(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: bytes, code: int
) -> None:
    """RLY-07, RLY-161: whoever ends the connection, and why."""
    put = Outbox.put
    monkeypatch.setattr(Outbox, "put", lambda outbox, one, **_: put(outbox, one, can_wait=True))
    async with client_of(tmp_path) as client:
        await client.listen(5, messages=1)
        await client.write(frame(BINARY, encode_frames([Ping(7)])))
        await asyncio.sleep(0.01)
        await client.write(end)
        heard = await client.listen(10)
        assert [decode_frames(one, Role.CLIENT) for one in heard.messages[1:]] == [[Done(7)]]
        assert heard.code == code


@pytest.mark.parametrize("end", [frame(CLOSE, NORMAL), b""])
async def test_requests_before_the_end_are_carried_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: bytes
) -> None:
    """RLY-140: a message of many requests takes several turns, and the end waits for them."""
    carried_out: list[int] = []
    receive = RelayCore.receive

    def slow(core: RelayCore, number: int, one: Frame, now_ms: int) -> list[Effect]:
        if isinstance(one, Ping):
            carried_out.append(one.request_id)
            time.sleep(0.0002)
        return receive(core, number, one, now_ms)

    monkeypatch.setattr(RelayCore, "receive", slow)
    async with client_of(tmp_path) as client:
        await client.listen(5, messages=1)
        requests = encode_frames([Ping(number) for number in range(1, 101)])
        await client.write(frame(BINARY, requests) + end)
        if not end:
            client.writer.write_eof()
        await client.listen(10)
        client.writer.close()
        async with asyncio.timeout(10):
            while len(carried_out) < 100:  # noqa: ASYNC110  # there is no event for it
                await asyncio.sleep(0.01)
        assert carried_out == list(range(1, 101))
