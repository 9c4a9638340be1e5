"""One connection's way out: frames collect during a turn of the event loop and leave as one message."""

from __future__ import annotations

import asyncio
from typing import Final

from websockets.asyncio.server import ServerConnection
from websockets.protocol import State

from .protocol import MAX_FRAMES, MAX_MESSAGE_B, KnownFrame, encode_frame, join_frames

# An array head is at most three bytes.
_ROOM_B: Final = MAX_MESSAGE_B - 3


class Outbox:
    """Coalesces frames."""

    __slots__ = ("_frames", "_is_scheduled", "_loop", "_size_b", "_socket")

    def __init__(self, socket: ServerConnection, loop: asyncio.AbstractEventLoop) -> None:
        self._socket = socket
        self._loop = loop
        self._frames: list[bytes] = []
        self._size_b = 0
        self._is_scheduled = False

    def put(self, frame: KnownFrame) -> None:
        """Queue a frame; it leaves when the event loop's turn ends."""
        encoded = encode_frame(frame)
        if self._size_b + len(encoded) > _ROOM_B or len(self._frames) >= MAX_FRAMES:
            self._write()
        self._frames.append(encoded)
        self._size_b += len(encoded)
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what has collected."""
        self._is_scheduled = False
        self._write()

    def _write(self) -> None:
        # The library's own send() is a coroutine with a lock and a context for each message. These two
        # calls are what it does inside; the bound on the buffer takes the place of its waiting.
        frames, self._frames, self._size_b = self._frames, [], 0
        if frames and self._socket.protocol.state is State.OPEN:
            self._socket.protocol.send_binary(join_frames(frames))
            self._socket.send_data()
