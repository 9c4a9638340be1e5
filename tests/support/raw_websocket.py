"""A WebSocket client that keeps to no rule: it writes bytes, and tells how the other side takes it."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GONE: Final = 0
"""The connection ended without a close frame."""
REQUEST: Final = (
    b"GET / HTTP/1.1\r\nHost: relay.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, claimed_b: int | None = None, masked: bool = True,
    reserved: int = 0, length_b: int = 0,
) -> bytes:  # fmt: skip
    """Build a frame; `claimed_b` is the length that it claims to have, `reserved` the three reserved bits,
    `length_b` how many bytes more its length has at least: 0, 2 or 8.
    """
    size_b = len(payload) if claimed_b is None else claimed_b
    first, mark = (fin << 7) | (reserved << 4) | opcode, masked << 7
    if size_b < 126 and not length_b:
        head = struct.pack(">BB", first, mark | size_b)
    elif size_b < 1 << 16 and length_b <= 2:
        head = struct.pack(">BBH", first, mark | 126, size_b)
    else:
        head = struct.pack(">BBQ", first, mark | 127, size_b)
    # A mask of zeros leaves the payload as it is.
    return head + (bytes(4) if masked else b"") + payload


@dataclass(slots=True)
class Heard:
    """What came back: data messages, pongs, and the close code once the connection has ended."""

    messages: list[bytes] = field(default_factory=list)
    pongs: int = 0
    code: int | None = None


class RawWebSocket:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.heard = Heard()
        self.answers_pings = True
        self._buffer = b""

    @classmethod
    async def connect(cls, port: int) -> RawWebSocket:
        """Connect without a handshake."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    @classmethod
    async def greet(cls, port: int) -> RawWebSocket:
        """Connect with a proper handshake."""
        return await (await cls.connect(port)).upgrade()

    async def upgrade(self) -> RawWebSocket:
        """Do the handshake on a connection that stands."""
        await self.write(REQUEST)
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 15)
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            raise ConnectionError("no WebSocket")
        return self

    async def write(self, data: bytes) -> bool:
        """Write; tell whether the other side still takes it."""
        try:
            self.writer.write(data)
            await self.writer.drain()
        except ConnectionError:
            return False
        return True

    async def listen(self, seconds: float, *, messages: int = 1 << 30) -> Heard:
        """Listen until the connection ends, so many messages have come, or the time is over."""
        try:
            async with asyncio.timeout(seconds):
                while self.heard.code is None and len(self.heard.messages) < messages:
                    await self._more()
        except TimeoutError:
            pass
        return self.heard

    async def _more(self) -> None:
        try:
            data = await self.reader.read(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            self.heard.code = GONE
            return
        self._buffer += data
        for opcode, payload in self._frames():
            if opcode == CLOSE:
                self.heard.code = int.from_bytes(payload[:2], "big") if payload else 1005
            elif opcode == PONG:
                self.heard.pongs += 1
            elif opcode == PING and self.answers_pings:
                self.writer.write(frame(PONG, payload))
            elif opcode in (TEXT, BINARY):
                self.heard.messages.append(payload)

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        """Take whole frames out of the buffer; a server does not mask, and the relay does not fragment."""
        while len(self._buffer) >= 2:
            size_b, start = self._buffer[1] & 0x7F, 2
            if size_b > 125:
                start = 4 if size_b == 126 else 10
                size_b = int.from_bytes(self._buffer[2:start], "big")
            if len(self._buffer) < start + size_b:
                return
            whole, self._buffer = self._buffer[: start + size_b], self._buffer[start + size_b :]
            yield whole[0] & 0x0F, whole[start:]

    def stop_reading(self) -> None:
        """Let everything that comes back pile up in the system and at the other side."""
        transport = self.writer.transport
        if not isinstance(transport, asyncio.Transport):
            raise TypeError
        transport.pause_reading()

    def abort(self) -> None:
        """Vanish."""
        self.writer.transport.abort()

    def reset(self) -> None:
        """Vanish with an RST."""
        end_by_reset(self.writer.get_extra_info("socket"))
        self.abort()


def end_by_reset(one: socket.socket) -> None:
    """Let the end of a connection be an RST."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def noise(size_b: int) -> bytes:
    return os.urandom(size_b)
