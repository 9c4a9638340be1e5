"""A relay in memory: the same core and the same SQLite store, without sockets, threads and files.

For applications' tests, through `e2ee_client.testing`. Every step runs at once in the caller's event loop.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from .limits import Policy
from .node import Node
from .protocol import FrameError, KnownFrame, Role, decode_frames, encode_frames
from .session import Session
from .store.sqlite import SqliteStore
from .store.sqlite_file import DatabaseFile


class ConnectionClosed(Exception):
    """This end of the connection, or the relay, has closed it."""


class Host(Protocol):
    """What a connection in memory leads to: MemoryRelay, or another with sessions of its own kind."""

    def open_session(self, connection: MemoryConnection, visitor: bytes, /) -> Any: ...
    def take(self, connection: MemoryConnection, session: Any, message: bytes, /) -> None: ...
    def forget(self, connection: MemoryConnection, session: Any, /) -> None: ...


class MemoryConnection:
    """One client's connection; made by MemoryRelay.connect."""

    def __init__(self, relay: Host, visitor: bytes) -> None:
        self._relay = relay
        self._incoming: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._is_open = True
        self.session: Any = relay.open_session(self, visitor)

    async def send_bytes(self, message: bytes) -> None:
        """Send one message.

        Raises:
            ConnectionClosed: the connection has been closed.
            FrameError: these are not frames; the relay has closed the connection (RLY-03).
        """
        if not self._is_open:
            raise ConnectionClosed
        try:
            self._relay.take(self, self.session, message)
        except FrameError:
            self.drop()
            raise

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
            self._relay.forget(self, self.session)
            self._incoming.put_nowait(None)

    def put(self, frame: KnownFrame, *, can_wait: bool = False) -> None:
        """Queue a frame of the relay as a message; called by its node."""
        self._incoming.put_nowait(encode_frames([frame]))


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
        self._file = DatabaseFile(path, rng(16))
        # A test may let go of the relay without closing it; its database is closed with it.
        self._closing = weakref.finalize(self, self._file.close)
        self._connections: dict[MemoryConnection, None] = {}
        self.node = self._begin()

    def _begin(self) -> Node:
        self.store = SqliteStore(self._file)
        node = Node(self._policy, self.store, self._clock_ms)
        self.store.load(node)
        return node

    def connect(self, visitor: bytes = b"") -> MemoryConnection:
        """Open a connection; the Hello is the first message on it. `visitor` stands for a client address."""
        connection = MemoryConnection(self, visitor)
        self._connections[connection] = None
        return connection

    def restart(self) -> None:
        """Close all connections and begin anew from the store, as after a crash of the process."""
        for connection in list(self._connections):
            connection.drop()
        self.node = self._begin()

    def tick(self) -> None:
        """Let time pass: expiry and what else is due by `clock_ms`."""
        self.node.tick(self._clock_ms())

    def close(self) -> None:
        """Close all connections and the store."""
        for connection in list(self._connections):
            connection.drop()
        self._closing()

    def open_session(self, connection: MemoryConnection, visitor: bytes) -> Session:
        """Begin the session of a connection; called by MemoryConnection."""
        return self.node.connect(connection, self._rng(32), visitor)

    def take(self, connection: MemoryConnection, session: Session, message: bytes) -> None:
        """Take one message of a client; called by MemoryConnection.

        Raises:
            FrameError: these are not frames.
        """
        for frame in decode_frames(message, Role.RELAY):
            self.node.receive(session, frame)

    def forget(self, connection: MemoryConnection, session: Session) -> None:
        """Forget a closed connection; called by MemoryConnection."""
        del self._connections[connection]
        self.node.disconnect(session)
