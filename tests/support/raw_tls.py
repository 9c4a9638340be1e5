"""A TLS client whose every record is written and read by hand, so that it can leave off anywhere."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from raw_websocket import REQUEST

_CHUNK_B = 1 << 16


class RawTls:
    """A WebSocket over TLS on a socket of its own."""

    def __init__(self, receive_b: int = 0) -> None:
        """`receive_b` is what the kernel takes in for one that does not read; 0: as much as it likes."""
        self.socket = socket.socket()
        if receive_b:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_b)
        self.socket.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._tls = context.wrap_bio(self._incoming, self._outgoing)

    @asynccontextmanager
    async def greeted(self, port: int) -> AsyncIterator[RawTls]:
        """Do both handshakes; cut TCP off at the end."""
        with self.socket:
            await self.connect(port)
            await self.shake_hands(REQUEST)
            await self._hear_upgrade()
            yield self

    async def connect(self, port: int, header: bytes = b"") -> None:
        """Connect, and say what stands before TLS."""
        await self._loop.sock_connect(self.socket, ("127.0.0.1", port))
        await self._loop.sock_sendall(self.socket, header)

    async def shake_hands(self, early: bytes) -> None:
        """Do the handshake; its end and the first words go out in one piece."""
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._flush()
                self._incoming.write(await self._loop.sock_recv(self.socket, _CHUNK_B))
        if early:
            self._tls.write(early)
        await self._flush()

    async def _hear_upgrade(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += await self.read()
        if b" 101 " not in head:
            raise ConnectionError("no WebSocket")

    async def write(self, data: bytes) -> None:
        """Write."""
        self._tls.write(data)
        await self._flush()

    async def read(self) -> bytes:
        """Read some bytes; none at the end.

        Raises:
            TimeoutError: nothing came for ten seconds.
        """
        while True:
            try:
                return self._tls.read(_CHUNK_B)
            except ssl.SSLWantReadError:
                async with asyncio.timeout(10):
                    data = await self._loop.sock_recv(self.socket, _CHUNK_B)
                if not data:
                    return b""
                self._incoming.write(data)

    async def close_notify(self) -> None:
        """Say that nothing more comes, and leave TCP as it is."""
        # It says so first, and then complains of what it has not read.
        with suppress(ssl.SSLError):
            self._tls.unwrap()
        await self._flush()

    async def _flush(self) -> None:
        if data := self._outgoing.read():
            await self._loop.sock_sendall(self.socket, data)
