"""How the shell reaches a relay: a connection that carries whole binary messages (RLY-01, RLY-02).

Nothing here waits without an end: opening and closing have a time limit, and a peer that has gone silent
is noticed by WebSocket pings. Nothing here logs; the library beneath gets a logger that drops everything,
since its debug lines quote what is sent.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import socket
import ssl
from typing import Any, Final, Protocol

from e2ee_relay.protocol import MAX_MESSAGE_B
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.proxy import get_proxy
from websockets.uri import WebSocketURI, parse_uri

from e2ee_client.errors import ConfigError, RelayNotFollowed, RelayUnavailable
from e2ee_client.forking import connected_in

from . import reasons

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

    async def open(self, url: str, *, foreign: bool = False) -> Connection:
        """Connect to the relay at `url`, `wss://` or, on this machine, `ws://`; `foreign` marks one that a
        contact has named and that holds no mailbox of ours.

        Raises:
            RelayUnavailable: it cannot be reached in time; the class, and its `code`, says why.
        """
        ...


class WebSocketTransport:
    """Connections by the `websockets` library: no compression, messages of at most 1 MiB, no redirects.

    `ca_file` names a PEM file with the authorities that sign the relays' certificates, instead of the
    system's; `ssl_context` replaces all settings of TLS. `proxy` is the address of a proxy, True to use what
    the environment names, None for none.

    A foreign relay is followed only with `wss` and only to a global address, so that no contact makes us
    connect into our own network; where our own relay has none, its addresses need not be global either, and
    where our own is on this machine without TLS, it needs none (RLY-170). Through a proxy the address is not
    seen here: `foreign_by_proxy` leaves the choice to the proxy.
    """

    def __init__(
        self,
        *,
        ca_file: str | os.PathLike[str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | bool | None = True,
        foreign_by_proxy: bool = False,
        open_timeout_s: float = 15.0,
        close_timeout_s: float = 5.0,
        ping_interval_s: float = 30.0,
        ping_timeout_s: float = 20.0,
    ) -> None:
        """Take the settings.

        Raises:
            ConfigError: `ca_file` cannot be read, or is given beside `ssl_context`.
        """
        self._ssl_context = ssl_context if ca_file is None else trusting(ca_file, ssl_context)
        self._proxy = proxy
        self._foreign_by_proxy = foreign_by_proxy
        self._open_timeout_s = open_timeout_s
        self._close_timeout_s = close_timeout_s
        self._ping_interval_s = ping_interval_s
        self._ping_timeout_s = ping_timeout_s
        self._may_be_local = False
        self._may_be_plain = False

    async def open(self, url: str, *, foreign: bool = False) -> Connection:
        """Connect (RLY-01).

        Raises:
            RelayUnavailable: it cannot be reached in time; the class, and its `code`, says why.
        """
        connected_in(asyncio.get_running_loop())
        try:
            async with asyncio.timeout(self._open_timeout_s):
                return WebSocketConnection(await self._open(url, foreign=foreign))
        except (OSError, ValueError, WebSocketException) as error:
            raise reasons.of(error) from None

    async def _open(self, url: str, *, foreign: bool) -> ClientConnection:
        uri = parse_uri(url)
        proxy = get_proxy(uri) if self._proxy is True else self._proxy or None
        if foreign and not (uri.secure or self._may_be_plain):
            raise RelayNotFollowed("a contact named a relay without TLS")
        if foreign and proxy and not self._foreign_by_proxy:
            raise RelayNotFollowed("the address of a contact's relay is not seen through a proxy")
        if uri.secure and self._ssl_context is None:
            self._ssl_context = ssl.create_default_context()
        return await _Connect(
            url,
            sock=None if proxy else await self._connect(uri, foreign=foreign),
            ssl=self._ssl_context if uri.secure else None,
            proxy=proxy,
            compression=None,
            max_size=MAX_MESSAGE_B,
            user_agent_header=None,
            open_timeout=None,
            close_timeout=self._close_timeout_s,
            ping_interval=self._ping_interval_s,
            ping_timeout=self._ping_timeout_s,
            logger=_SILENT,
        )

    async def _connect(self, uri: WebSocketURI, *, foreign: bool) -> socket.socket:
        """Connect to the first address that takes it. What is connected to is what was judged: the name is
        not resolved a second time.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(uri.host, uri.port, type=socket.SOCK_STREAM)
        failure: OSError | RelayUnavailable = RelayNotFollowed("a contact's relay has no global address")
        for family, kind, number, _, address in found:
            is_local = not _is_global(str(address[0]))
            if foreign and is_local and not self._may_be_local:
                continue
            try:
                sock = await _connected(socket.socket(family, kind, number), address)
            except OSError as error:
                failure = error
                continue
            if not foreign:
                self._may_be_local, self._may_be_plain = is_local, is_local and not uri.secure
            return sock
        raise failure


async def _connected(sock: socket.socket, address: Any) -> socket.socket:
    """Connect a socket; it is closed if that fails."""
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


class _Connect(connect):
    """Follows no redirect: it would lead past the checks of the address."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Return what the relay answered as the failure."""
        return exc


def _is_global(address: str) -> bool:
    found = ipaddress.ip_address(address)
    return found.is_global and not found.is_multicast


def trusting(ca_file: str | os.PathLike[str], ssl_context: ssl.SSLContext | None) -> ssl.SSLContext:
    """Return settings of TLS that trust the authorities in a PEM file alone.

    Raises:
        ConfigError: the file cannot be read, or settings are given beside it.
    """
    if ssl_context is not None:
        raise ConfigError("give either ca_file or ssl_context")
    try:
        return ssl.create_default_context(cafile=os.fspath(ca_file))
    except OSError as error:
        raise ConfigError(f"the file of authorities cannot be used: {error.strerror or 'no PEM'}") from None


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
