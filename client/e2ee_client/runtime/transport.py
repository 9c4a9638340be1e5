"""How the shell reaches a relay: a connection that carries whole binary messages (RLY-01, RLY-02).

Nothing here waits without an end: opening and closing have a time limit, and a peer that has gone silent
is noticed by WebSocket pings. Nothing here logs; the library beneath gets a logger that drops everything,
since its debug lines quote what is sent.
"""

from __future__ import annotations

import logging
import ssl
from typing import Final, Protocol

from e2ee_relay.protocol import MAX_MESSAGE_B
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from e2ee_client.errors import RelayUnavailable

_PROTOCOL_ERROR: Final = 1002
# An own object outside the tree of loggers: no configuration of the host application can switch it on.
_SILENT: Final = logging.Logger("sealroom.websocket", logging.CRITICAL + 1)


class Connection(Protocol):
    """An open connection. `send` and `receive` may run at the same time, each once at a time."""

    async def send(self, data: bytes) -> None:
        """Hand over one message.

        Raises:
            RelayUnavailable: the connection is gone.
        """
        ...

    async def receive(self) -> bytes:
        """Wait for one message.

        Raises:
            RelayUnavailable: the connection is gone.
        """
        ...

    async def close(self) -> None:
        """Close; never raises, and closing twice is allowed."""
        ...


class Transport(Protocol):
    """Opens connections."""

    async def open(self, url: str) -> Connection:
        """Connect to the relay at `url`, `wss://` or, on this machine, `ws://`.

        Raises:
            RelayUnavailable: it cannot be reached in time.
        """
        ...


class WebSocketTransport:
    """Connections by the `websockets` library: no compression, messages of at most 1 MiB.

    `ssl_context` replaces the default one for `wss://`, for example to pin the operator's own authority;
    `proxy` is the address of a proxy, True to use what the environment names, None for none.
    """

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | bool | None = True,
        open_timeout_s: float = 15.0,
        close_timeout_s: float = 5.0,
        ping_interval_s: float = 30.0,
        ping_timeout_s: float = 20.0,
    ) -> None:
        self._ssl_context = ssl_context
        self._proxy = proxy
        self._open_timeout_s = open_timeout_s
        self._close_timeout_s = close_timeout_s
        self._ping_interval_s = ping_interval_s
        self._ping_timeout_s = ping_timeout_s

    async def open(self, url: str) -> Connection:
        """Connect (RLY-01).

        Raises:
            RelayUnavailable: refused, unreachable, no valid certificate, or too slow.
        """
        secure = url.startswith("wss:")
        try:
            connection = await connect(
                url,
                ssl=(self._ssl_context or ssl.create_default_context()) if secure else None,
                proxy=True if self._proxy is True else self._proxy or None,
                compression=None,
                max_size=MAX_MESSAGE_B,
                user_agent_header=None,
                open_timeout=self._open_timeout_s,
                close_timeout=self._close_timeout_s,
                ping_interval=self._ping_interval_s,
                ping_timeout=self._ping_timeout_s,
                logger=_SILENT,
            )
        except (OSError, TimeoutError, ValueError, WebSocketException) as error:
            raise RelayUnavailable(f"the relay cannot be reached ({type(error).__name__})") from None
        return WebSocketConnection(connection)


class WebSocketConnection:
    """One WebSocket; made by `WebSocketTransport.open`."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, data: bytes) -> None:
        """Send one binary message."""
        try:
            await self._connection.send(data)
        except ConnectionClosed:
            raise RelayUnavailable("the connection to the relay is gone") from None

    async def receive(self) -> bytes:
        """Wait for one binary message; a text message ends the connection (RLY-03)."""
        try:
            data = await self._connection.recv()
        except ConnectionClosed:
            raise RelayUnavailable("the connection to the relay is gone") from None
        if not isinstance(data, bytes):
            await self._connection.close(_PROTOCOL_ERROR)
            raise RelayUnavailable("the relay sent text, which this protocol does not know")
        return data

    async def close(self) -> None:
        """Close with a handshake, or after the time limit without one."""
        await self._connection.close()
