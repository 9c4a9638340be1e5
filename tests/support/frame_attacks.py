"""What an ill-behaved client can do to a relay at the level of bytes and frames, and how that must end.

Each attack is a coroutine of a port and a scale, 1 for a short run; it returns a sentence about what was
wrong, or None. It looks at its own connection only; that everybody else is served meanwhile is for whoever
runs the attacks to see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import cbor2
from e2ee_relay.protocol import Done, Ping, Role, decode_frames, encode_frames
from raw_websocket import BINARY, CLOSE, CONTINUATION, GONE, PING, PONG, TEXT, RawWebSocket, frame, noise

Attack = Callable[[int, int], Awaitable[str | None]]
_SOON_S: Final = 20.0
_MAX_MESSAGE_B: Final = 1 << 20
_REQUEST_ID: Final = 7
_PING_MESSAGE: Final = encode_frames([Ping(_REQUEST_ID)])


async def closes(port: int, data: bytes, *codes: int) -> str | None:
    """Send bytes after the handshake; the relay must close with one of these codes."""
    socket = await RawWebSocket.greet(port)
    await socket.write(data)
    heard = await socket.listen(_SOON_S)
    socket.abort()
    return None if heard.code in codes else f"closed with {heard.code} instead of {codes}"


def closing(code: int, data: bytes) -> Attack:
    async def attack(port: int, _scale: int) -> str | None:
        return await closes(port, data, code)

    return attack


MALFORMED: Final[dict[str, Attack]] = {
    "noise in a message": closing(1002, frame(BINARY, b"\xff" + noise(200))),
    "an empty message": closing(1002, frame(BINARY)),
    "a text message": closing(1002, frame(TEXT, b"hello")),
    "text that is not UTF-8": closing(1007, frame(TEXT, b"\xff\xfe")),
    "no frames in the message": closing(1002, frame(BINARY, cbor2.dumps([]))),
    "513 requests in a message": closing(1002, frame(BINARY, b"\x99\x02\x01" + _PING_MESSAGE[1:] * 513)),
    "a CBOR array of 2^31 items": closing(1002, frame(BINARY, b"\x9a\x80\x00\x00\x00")),
    "a CBOR string of 2^63 bytes": closing(1002, frame(BINARY, b"\x81\x5b\x80" + bytes(7))),
    "arrays nested a thousand deep": closing(1002, frame(BINARY, b"\x81" * 1000 + b"\x00")),
    "32 768 items": closing(1002, frame(BINARY, b"\x99\x80\x00" + bytes(0x8000))),
    "a frame of 1 MiB and a byte": closing(1009, frame(BINARY, claimed_b=_MAX_MESSAGE_B + 1)),
    "a frame of 2^31 bytes": closing(1009, frame(BINARY, claimed_b=1 << 31)),
    "a frame of 2^63 - 1 bytes": closing(1009, frame(BINARY, claimed_b=(1 << 63) - 1)),
    "fragments of more than 1 MiB": closing(
        1009, frame(BINARY, noise(600_000), fin=False) + frame(CONTINUATION, noise(600_000))
    ),
    "endless empty fragments": closing(
        1009, frame(BINARY, b"\x81", fin=False) + frame(CONTINUATION, fin=False) * 100_000
    ),
    "a continuation of nothing": closing(1002, frame(CONTINUATION, b"x")),
    "a message within a message": closing(1002, frame(BINARY, b"x", fin=False) + frame(BINARY, b"y")),
    "an unmasked frame": closing(1002, frame(BINARY, _PING_MESSAGE, masked=False)),
    "reserved bits": closing(1002, frame(BINARY, _PING_MESSAGE, reserved=4)),
    "a length of 2 bytes where 7 bits do": closing(1002, frame(BINARY, _PING_MESSAGE, length_b=2)),
    "a length of 8 bytes where 2 do": closing(1002, frame(BINARY, noise(300), length_b=8)),
    "a ping with a length of 8 bytes": closing(1002, frame(PING, b"x", length_b=8)),
    "a reserved opcode": closing(1002, frame(3, b"x")),
    "a ping of 126 bytes": closing(1002, frame(PING, bytes(126))),
    "a fragmented ping": closing(1002, frame(PING, b"x", fin=False)),
    "a close of one byte": closing(1002, frame(CLOSE, b"\x03")),
    "a close with a code that does not exist": closing(1002, frame(CLOSE, (999).to_bytes(2, "big"))),
    "a proper close": closing(1000, frame(CLOSE, (1000).to_bytes(2, "big"))),
}


async def http(port: int, data: bytes, *statuses: bytes) -> str | None:
    """Send bytes in place of a handshake; the relay must answer with one of these, or end the connection."""
    socket = await RawWebSocket.connect(port)
    await socket.write(data)
    try:
        answer = await asyncio.wait_for(socket.reader.read(64), _SOON_S)
    except TimeoutError:
        return "no answer and no end"
    except ConnectionError:
        answer = b""
    finally:
        socket.abort()
    return None if not answer or answer.split(b" ")[1:2] in [[one] for one in statuses] else repr(answer[:20])


def answering(data: bytes, *statuses: bytes) -> Attack:
    async def attack(port: int, _scale: int) -> str | None:
        return await http(port, data, *statuses)

    return attack


HANDSHAKES: Final[dict[str, Attack]] = {
    "noise instead of a handshake": answering(noise(300) + b"\r\n\r\n", b"400"),
    "a request line of 1 MiB": answering(b"GET /" + b"a" * _MAX_MESSAGE_B, b"414"),
    "ten thousand headers": answering(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10_000, b"431"),
    "a header of 1 MiB": answering(b"GET / HTTP/1.1\r\nA: " + b"a" * _MAX_MESSAGE_B, b"431"),
    "no upgrade": answering(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"426"),
    "a POST": answering(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2147483648\r\n\r\n", b"400", b"405"),
    "a handshake that does not end": answering(b"GET / HTTP/1.1\r\nHost:"),
}


async def vanish_after_half_a_frame(port: int, scale: int) -> str | None:
    """Nothing to be answered; many times, so that something would be left."""
    for size_b in range(1, 20 * scale):
        socket = await RawWebSocket.greet(port)
        await socket.write(frame(BINARY, noise(300))[:size_b])
        socket.abort()
    return None


async def connect_and_vanish(port: int, scale: int) -> str | None:
    for _ in range(50 * scale):
        (await RawWebSocket.connect(port)).abort()
    return None


async def byte_by_byte(port: int, _scale: int) -> str | None:
    """Every byte in a fragment of its own, with pings in between: slow, and quite allowed."""
    socket = await RawWebSocket.greet(port)
    for place in range(len(_PING_MESSAGE)):
        first, last = place == 0, place == len(_PING_MESSAGE) - 1
        part = _PING_MESSAGE[place : place + 1]
        await socket.write(frame(BINARY if first else CONTINUATION, part, fin=last) + frame(PING, b"x"))
        await asyncio.sleep(0.01)
    heard = await socket.listen(_SOON_S, messages=2)
    socket.abort()
    answers = [one for data in heard.messages for one in decode_frames(data, Role.CLIENT)]
    return None if Done(_REQUEST_ID) in answers else "a fragmented request was not answered"


async def trickle(port: int, scale: int) -> str | None:
    """A frame of 1 MiB of which one byte comes now and then: it waits for a while (RLY-181)."""
    socket = await RawWebSocket.greet(port)
    await socket.write(frame(BINARY, claimed_b=_MAX_MESSAGE_B))
    for _ in range(40 * min(scale, 3)):
        if not await socket.write(b"\x00"):
            break
        await asyncio.sleep(0.1)
    heard = await socket.listen(0.1)
    socket.abort()
    return None if heard.code is None else f"a slow sender was closed with {heard.code}"


async def silent(port: int, _scale: int) -> str | None:
    """Never answer a ping of the relay's: it ends the connection within two periods of 25 seconds."""
    socket = await RawWebSocket.greet(port)
    socket.answers_pings = False
    heard = await socket.listen(70.0)
    socket.abort()
    return None if heard.code in (1011, GONE) else f"a dead connection is kept ({heard.code})"


async def flood_of_pings(port: int, scale: int) -> str | None:
    """Read what comes back: each ping is answered."""
    socket = await RawWebSocket.greet(port)
    count = 2_000 * scale
    reading = asyncio.create_task(_until_pongs(socket, count))
    await socket.write(frame(PING, b"p" * 125) * count)
    answered = await reading
    socket.abort()
    return None if answered == count else f"{answered} of {count} pings answered"


async def _until_pongs(socket: RawWebSocket, count: int) -> int:
    for _ in range(int(_SOON_S / 0.2)):
        heard = await socket.listen(0.2)
        if heard.pongs >= count or heard.code is not None:
            break
    return socket.heard.pongs


async def flood_of_pongs(port: int, scale: int) -> str | None:
    socket = await RawWebSocket.greet(port)
    await socket.write(frame(PONG, b"p" * 125) * 2_000 * scale + frame(BINARY, _PING_MESSAGE))
    heard = await socket.listen(_SOON_S, messages=2)
    socket.abort()
    return None if len(heard.messages) == 2 else "no answer after a flood of pongs"


async def _never_read(port: int, chunk: bytes, seconds: float) -> bool:
    """Write and never read for so long; tell whether the relay has given the connection up."""
    socket = await RawWebSocket.greet(port)
    socket.stop_reading()
    try:
        async with asyncio.timeout(seconds):
            while await socket.write(chunk):
                pass
    except TimeoutError:
        return False
    finally:
        socket.abort()
    return True


async def pings_without_reading(port: int, scale: int) -> str | None:
    """RLY-71 for what the library answers by itself: in the end the connection is dropped."""
    dropped = await _never_read(port, frame(PING, b"p" * 125) * 1_000, _SOON_S * 12 * scale)
    return None if dropped else "a client that sends pings and never reads is kept"


async def requests_without_reading(port: int, scale: int) -> str | None:
    """RLY-71 for answers of the relay. They are small: it may take long until the connection is dropped."""
    message = encode_frames([Ping(number + 1) for number in range(512)])
    await _never_read(port, frame(BINARY, message) * 10, 1.5 * scale)
    return None


FLOODS: Final[dict[str, Attack]] = {
    "half frames": vanish_after_half_a_frame,
    "connections that vanish": connect_and_vanish,
    "a message byte by byte": byte_by_byte,
    "a trickle": trickle,
    "pings": flood_of_pings,
    "pongs": flood_of_pongs,
    "requests without reading": requests_without_reading,
}
ALL: Final = {**MALFORMED, **HANDSHAKES, **FLOODS}
LONG: Final = {"never a pong": silent, "pings without reading": pings_without_reading}
"""Those that last for two periods in which the relay asks whether a client is there."""
