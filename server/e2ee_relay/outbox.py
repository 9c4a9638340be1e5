"""One connection's way out: frames collect during a turn of the event loop and leave as one message; and a
bound on what waits to be written, whoever wrote it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

from websockets.asyncio.server import Server, ServerConnection
from websockets.protocol import State
from websockets.server import ServerProtocol

from .inlet import Inlet
from .protocol import MAX_FRAMES, MAX_MESSAGE_B, KnownFrame, encode_frame, join_frames
from .turns import Share, Turns

# More than both windows of a connection together: whoever lets so much pile up does not read.
_MAX_BUFFERED_B: Final = 8 << 20
_READ_B: Final = 64 << 10
# An array head is at most three bytes.
_ROOM_B: Final = MAX_MESSAGE_B - 3


class BoundedConnection(ServerConnection):
    """Shares the event loop with the others, and drops itself when its client does not read (RLY-71).

    What the client had not acknowledged stays held. The bound stands here and not in the outbox, since the
    library answers pings by itself: a client that sends pings and never reads would make answers pile up.
    """

    was_slow = False

    def __init__(
        self, turns: Turns, newcomers: Share, protocol: ServerProtocol, server: Server, **options: Any
    ) -> None:
        """`options` are the library's; until it is greeted, it uses the time of all newcomers."""
        super().__init__(protocol, server, **options)
        self.share = newcomers
        self._turns = turns
        self._inlet: Inlet | None = None
        self.when_greeted: Callable[[], None] = _nothing
        self.when_lost: list[Callable[[], None]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read, through an inlet that shares the event loop with the others (RLY-140)."""
        super().connection_made(transport)
        # asyncio's own 256 KiB are mapped and unmapped by the kernel at each read.
        vars(transport)["max_size"] = _READ_B
        inlet = Inlet(
            self._turns, lambda: self.share, cast("asyncio.Transport", transport), super().data_received
        )
        self.recv_messages.pause, self.recv_messages.resume = inlet.hold, inlet.release
        self._inlet = inlet

    def data_received(self, data: bytes) -> None:
        """Take what the transport has read."""
        if self._inlet is not None:
            self._inlet.put(data)

    def eof_received(self) -> None:
        """End of what the client has to say; what was read and not parsed is as if lost on its way."""
        if self._inlet is not None:
            self._inlet.clear()
        super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if self._inlet is not None:
            self._inlet.clear()
        super().connection_lost(exc)
        self.let_go()

    def let_go(self) -> None:
        """Tell those who count connections that this one is gone."""
        gone, self.when_lost = self.when_lost, []
        for tell in gone:
            tell()

    def send_data(self) -> None:
        """Write what the protocol has to say; drop the connection when too much waits in its transport."""
        super().send_data()
        transport = cast("asyncio.WriteTransport", self.transport)
        if transport.get_write_buffer_size() > _MAX_BUFFERED_B:
            self.was_slow = True
            transport.abort()


def _nothing() -> None:
    """Nobody counts this connection."""


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
