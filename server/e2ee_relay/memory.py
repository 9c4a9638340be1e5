"""A relay in memory: the same core and the same SQLite store, without sockets, threads and files.

For applications' tests, through `e2ee_client.testing`. Every step runs at once in the caller's event loop.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path

from .limits import Policy
from .protocol import KnownFrame, Role, decode_frames, encode_frames
from .relay import RelayCore
from .state import Effect, Submit, Transmit
from .store.sqlite import SqliteStore


class ConnectionClosed(Exception):
    """This end of the connection, or the relay, has closed it."""


class MemoryConnection:
    """One client's connection; made by MemoryRelay.connect."""

    def __init__(self, relay: MemoryRelay, number: int) -> None:
        self._relay = relay
        self._number = number
        self._incoming: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._is_open = True

    async def send_bytes(self, message: bytes) -> None:
        """Send one message.

        Raises:
            ConnectionClosed: the connection has been closed.
            FrameError: these are not frames; the relay has closed the connection (RLY-03).
        """
        if not self._is_open:
            raise ConnectionClosed
        self._relay.take(self, self._number, message)

    async def receive_bytes(self) -> bytes:
        """Wait for one message of the relay.

        Raises:
            ConnectionClosed: the connection has been closed.
        """
        message = await self._incoming.get() if self._is_open or not self._incoming.empty() else None
        if message is None:
            raise ConnectionClosed
        return message

    async def close(self) -> None:
        """Close the connection; closing it again does nothing."""
        self.drop()

    def drop(self) -> None:
        """Close the connection at once, as when the network fails."""
        if self._is_open:
            self._is_open = False
            self._relay.forget(self._number)
            self._incoming.put_nowait(None)

    def put(self, message: bytes) -> None:
        """Queue a message of the relay; called by it."""
        self._incoming.put_nowait(message)


class MemoryRelay:
    """The whole relay in memory. `clock_ms` gives the time, `rng(n)` gives n random bytes."""

    def __init__(
        self,
        clock_ms: Callable[[], int],
        rng: Callable[[int], bytes],
        policy: Policy | None = None,
        path: Path | None = None,
    ) -> None:
        """`path` puts the database into a file."""
        self._clock_ms = clock_ms
        self._rng = rng
        self._policy = policy or Policy()
        self._store = SqliteStore(path, rng(16))
        # A test may let go of the relay without closing it; its database is closed with it.
        self._closing = weakref.finalize(self, self._store.close)
        self._connections: dict[int, MemoryConnection] = {}
        self._core = self._begin()

    def _begin(self) -> RelayCore:
        return RelayCore(self._policy, self._store.load(), self._clock_ms())

    def connect(self, visitor: bytes = b"") -> MemoryConnection:
        """Open a connection; the Hello is the first message on it. `visitor` stands for a client address."""
        number, effects = self._core.connect(self._rng(32), visitor)
        connection = self._connections[number] = MemoryConnection(self, number)
        self._carry_out(effects)
        return connection

    def restart(self) -> None:
        """Close all connections and begin anew from the store, as after a crash of the process."""
        for connection in list(self._connections.values()):
            connection.drop()
        self._core = self._begin()

    def tick(self) -> None:
        """Let time pass: expiry and what else is due by `clock_ms`."""
        self._carry_out(self._core.tick(self._clock_ms()))

    def close(self) -> None:
        """Close all connections and the store."""
        for connection in list(self._connections.values()):
            connection.drop()
        self._closing()

    def take(self, connection: MemoryConnection, number: int, message: bytes) -> None:
        """Take one message of a client; called by MemoryConnection.

        Raises:
            FrameError: these are not frames; the connection is closed (RLY-03).
        """
        try:
            frames = decode_frames(message, Role.RELAY)
        except ValueError:
            connection.drop()
            raise
        for frame in frames:
            self._carry_out(self._core.receive(number, frame, self._clock_ms()))

    def forget(self, number: int) -> None:
        """Forget a closed connection; called by MemoryConnection."""
        del self._connections[number]
        self._core.disconnect(number)

    def _carry_out(self, effects: list[Effect]) -> None:
        waiting = deque(effects)
        outgoing: dict[int, list[KnownFrame]] = {}
        while waiting:
            effect = waiting.popleft()
            if isinstance(effect, Transmit):
                outgoing.setdefault(effect.connection, []).append(effect.frame)
            else:
                waiting.extend(self._commit(effect))
        for number, frames in outgoing.items():
            self._transmit(number, frames)

    def _commit(self, effect: Submit) -> list[Effect]:
        result = self._store.execute([effect.change])[0]
        return self._core.complete(effect.then, result, self._clock_ms())

    def _transmit(self, number: int, frames: list[KnownFrame]) -> None:
        connection = self._connections.get(number)
        for frame in frames if connection is not None else []:
            if connection is not None:
                connection.put(encode_frames([frame]))
