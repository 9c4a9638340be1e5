"""One request of HTTP and its answer: bounded in size and time, and nothing else.

The bytes are read first, by the limits, and only then parsed. No redirect is followed, no cookie or name of a
program is sent, no proxy of the environment is used.
"""

from __future__ import annotations

import asyncio
import http.client
import io
import re
import socket
import ssl
from typing import Final, cast
from urllib.parse import urlsplit

HEAD_MAX_B: Final = 65_536
_PART_B: Final = 65_536
_LOCAL: Final = re.compile(r"http://(?:localhost|127\.0\.0\.1|\[::1\])(?::[1-9][0-9]{0,4})?")


def is_on_this_machine(origin: str) -> bool:
    """Whether an origin is one without TLS, which only this machine may have."""
    return _LOCAL.fullmatch(origin) is not None


async def exchange(
    origin: str, request: bytes, max_b: int, time_limit_s: float, ssl_context: ssl.SSLContext | None
) -> bytes:
    """Send a request and read until the other side closes, or has sent more than head and `max_b`.

    Raises:
        OSError, UnicodeError: it cannot be reached; `ssl.SSLError` and `TimeoutError` among them.
    """
    parts = urlsplit(origin)
    secure = parts.scheme == "https"
    context = (ssl_context or ssl.create_default_context()) if secure else None
    port = parts.port or (443 if secure else 80)
    async with asyncio.timeout(time_limit_s):
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
        try:
            writer.write(request)
            answer = bytearray()
            while len(answer) <= HEAD_MAX_B + max_b and (part := await reader.read(_PART_B)):
                answer += part
            return bytes(answer)
        finally:
            writer.transport.abort()


def encode_request(method: str, origin: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    """Return a request; path and headers are ours, and hold no line end."""
    host = urlsplit(origin).netloc
    lines = (f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, "Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + body


class _Received:
    """Bytes that are here, in the place of a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:
        """Return the bytes as a file."""
        return io.BytesIO(self._data)


def read_answer(answer: bytes, method: str) -> http.client.HTTPResponse:
    """Return the answer, whose head has been read.

    Raises:
        http.client.HTTPException, ValueError: it is not HTTP.
    """
    # Only `makefile` is asked of the socket.
    response = http.client.HTTPResponse(cast(socket.socket, _Received(answer)), method=method)
    response.begin()
    return response
