"""The relay's door: who may come in, before TLS and WebSocket cost anything (RLY-143 to RLY-148, RLY-159).

A Doorman is the first protocol of each connection. It counts, reads what a trusted balancer says of the
client, has TLS begun, and hands the connection over. Whoever may not come in is cut off without a word. All
newcomers together are as one client to the event loop, from the accept to the relay's first word (RLY-140).
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Any, Final, cast

from websockets.asyncio.server import Server
from websockets.http11 import Request
from websockets.server import ServerProtocol

from .config import ClientAddress, Config
from .connection import BoundedConnection
from .entrance import Entrance, bind, is_gone
from .proxy_header import Address, ProxyHeaderError, client_of, missing_b
from .tls_turns import TlsTurns
from .turns import Share, Turns
from .visitors import Visitors, forwarded_for, is_within

HANDSHAKE_S: Final = 10.0
# asyncio accepts as many connections in one pass through its loop as it is told to let wait in the kernel.
ACCEPTS_A_PASS: Final = 4
_IN_LINE: Final = 4
_SHUTDOWN_S: Final = 4.0
_EARLY_B: Final = 1 << 16
# What a new connection costs in objects and handshake, TLS apart, in seconds: about so much is charged ahead;
# and one that has hung up meanwhile.
HANDSHAKE_COST_S: Final = 0.0005
GONE_COST_S: Final = 0.00002


class Reason(StrEnum):
    """Why a connection was not let in."""

    HANDSHAKES = "handshakes"
    ADDRESS = "address"
    PROXY = "proxy"
    FULL = "full"


class Door:
    """Counts who is on the way in, and who is in, by address."""

    def __init__(
        self,
        config: Config,
        turns: Turns,
        tls: ssl.SSLContext | None,
        key: bytes,
        clock_ms: Callable[[], int],
    ) -> None:
        self._config = config
        self._turns = turns
        self._clock_ms = clock_ms
        self.tls = tls
        self.share = Share()
        self.visitors = Visitors(key, config.max_connections_per_address, config.connects_per_address)
        self.refusals: Counter[Reason] = Counter()
        self._on_the_way: set[Doorman] = set()
        self._in_line = 0

    @property
    def expects_header(self) -> bool:
        """Tell whether each connection begins with a header of the PROXY protocol."""
        return self._config.client_address is ClientAddress.PROXY_PROTOCOL

    @property
    def counts_peers(self) -> bool:
        """Tell whether the other end of a connection is the client."""
        return self._config.client_address is ClientAddress.CONNECTION

    def is_trusted(self, address: Address | None) -> bool:
        """Tell whether this is one of our proxies."""
        return address is not None and is_within(address, self._config.trusted_proxies)

    def make(self, protocol: ServerProtocol, server: Server, **options: Any) -> Doorman:
        """Return the first protocol of a new connection; the arguments are the library's."""
        make = partial(BoundedConnection, self._turns, self.share, protocol, server, **options)
        return Doorman(self, make, asyncio.get_running_loop())

    async def open(self, host: str, port: int) -> list[Entrance]:
        """Bind sockets that let in whom the relay has time for (RLY-146).

        Raises:
            OSError: the address cannot be bound.
        """
        return [
            Entrance(one, lambda: self._in_line < _IN_LINE, lambda: self.charge(GONE_COST_S))
            for one in await bind(host, port)
        ]

    def queue(self, go: Callable[[], None]) -> None:
        """Lead somebody in when it is the newcomers' turn: all together are as one client (RLY-140)."""

        def lead() -> None:
            self._in_line -= 1
            go()

        self._in_line += 1
        self._turns.enqueue(self.share, lead)

    def charge(self, seconds: float) -> None:
        """Count time that newcomers have used."""
        self._turns.charge(self.share, seconds)

    def gate(self, transport: asyncio.Transport) -> TlsTurns:
        """Have a TLS handshake go on at the newcomers' turns (RLY-147)."""
        return TlsTurns(self._turns, self.share, transport)

    def begin(self, doorman: Doorman) -> bool:
        """Count somebody on the way in; tell whether there was room."""
        if len(self._on_the_way) >= self._config.max_handshakes:
            self.refusals[Reason.HANDSHAKES] += 1
            return False
        self._on_the_way.add(doorman)
        return True

    def end(self, doorman: Doorman) -> None:
        """Count somebody no longer on the way in: arrived, or gone."""
        self._on_the_way.discard(doorman)

    def admit(self, connection: BoundedConnection, address: Address | None) -> bool:
        """Count a connection for its address; loopback is a proxy of which no more is known."""
        if connection.is_gone:
            # Nobody would count it off again.
            return False
        if address is None or address.is_loopback:
            return True
        ticket = self.visitors.enter(address, self._clock_ms())
        if ticket is None:
            self.refusals[Reason.ADDRESS] += 1
            return False
        connection.visitor = ticket
        connection.when_lost.append(lambda: self.visitors.leave(ticket))
        return True

    def admit_forwarded(self, connection: BoundedConnection, request: Request) -> bool:
        """Count a connection for the address that a proxy names in its request (X-Forwarded-For)."""
        if self._config.client_address is not ClientAddress.FORWARDED_FOR:
            return True
        address = peer_of(connection.transport)
        if self.is_trusted(address):
            try:
                address = forwarded_for(
                    request.headers.get_all("X-Forwarded-For"), self._config.trusted_proxies
                )
            except ValueError:
                self.refusals[Reason.PROXY] += 1
                return False
        return self.admit(connection, address)

    def cut_off(self) -> None:
        """End all who are on the way in: the relay closes."""
        for doorman in list(self._on_the_way):
            doorman.abort()


class Doorman(asyncio.BufferedProtocol):
    """Leads one connection in."""

    def __init__(
        self, door: Door, make: Callable[[], BoundedConnection], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._door = door
        self._make = make
        self._connection: BoundedConnection | None = None
        self._loop = loop
        self._header = b""
        self._early: list[bytes] = []
        self._is_over = False
        self._tls: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is at the door."""
        self._transport = cast("asyncio.Transport", transport)
        if self._door.begin(self):
            self._transport.pause_reading()
            self._door.queue(self._first)
        else:
            self.abort()

    def _first(self) -> None:
        if self._transport is None:
            return
        if self._is_over or is_gone(self._transport.get_extra_info("socket")):
            self._door.charge(GONE_COST_S)
            self.abort()
            return
        self._door.charge(HANDSHAKE_COST_S)
        self._connection = self._make()
        self._connection.when_greeted = lambda: self._door.end(self)
        self._connection.when_lost.append(self._connection.when_greeted)
        self._transport.resume_reading()
        peer = peer_of(self._transport)
        if not self._door.expects_header:
            self._come_in(peer if self._door.counts_peers else None)
        elif self._door.is_trusted(peer):
            self._timer = self._loop.call_later(HANDSHAKE_S, self._refuse_header)
        else:
            self._refuse_header()

    def get_buffer(self, sizehint: int) -> bytearray:
        """Offer room: for the header exactly what it lacks, so that what follows stays where it is."""
        reads_header = self._timer is not None
        self._buffer = bytearray(missing_b(self._header) if reads_header else _EARLY_B)
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has come: a part of the header, or the first bytes within TLS."""
        data = bytes(self._buffer[:nbytes])
        if self._timer is None:
            self._early.append(data)
            return
        self._header += data
        try:
            if missing_b(self._header) == 0:
                address = client_of(self._header)
                self._timer.cancel()
                self._timer = None
                self._come_in(address)
        except ProxyHeaderError:
            self._refuse_header()

    def eof_received(self) -> None:
        """They have hung up."""
        self._is_over = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone before they were in."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        self._door.end(self)
        if self._connection is not None:
            self._connection.let_go()

    def abort(self) -> None:
        """Cut them off."""
        self._is_over = True
        if self._transport is not None:
            self._transport.abort()

    def _refuse_header(self) -> None:
        self._door.refusals[Reason.PROXY] += 1
        self.abort()

    def _come_in(self, address: Address | None) -> None:
        if self._transport is None or self._connection is None:
            return
        if not self._door.admit(self._connection, address):
            self.abort()
        elif self._door.tls is None:
            self._hand_over(self._transport)
        else:
            # What comes now is for TLS, which reads when it is in place.
            self._transport.pause_reading()
            self._tls = self._loop.create_task(self._begin_tls(self._transport, self._door.tls))

    async def _begin_tls(self, transport: asyncio.Transport, context: ssl.SSLContext) -> None:
        handshake = self._loop.create_task(
            self._loop.start_tls(
                transport,
                self,
                context,
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_S,
                ssl_shutdown_timeout=_SHUTDOWN_S,
            )
        )
        # Its first step puts asyncio's protocol for TLS in place, and reads nothing yet.
        await asyncio.sleep(0)
        gate = self._door.gate(transport)
        try:
            inner = await handshake
        except (OSError, EOFError):  # of which TLS errors and timeouts are kinds
            inner = None
        gate.leave()
        # Of an end that came in one go with the last of the handshake, TLS tells its first protocol only.
        if inner is None or self._is_over or transport.is_closing():
            transport.abort()
            self.connection_lost(None)
            return
        if self._connection is not None:
            self._connection.below = transport
        self._hand_over(inner)

    def _hand_over(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        connection = self._connection
        if connection is None:
            return
        # It knows this doorman until it is greeted: not the other way round as well.
        self._connection = None
        transport.set_protocol(connection)
        connection.connection_made(transport)
        if self._early:
            connection.data_received(b"".join(self._early))
            self._early.clear()


def peer_of(transport: asyncio.BaseTransport) -> Address | None:
    """Return the other end's address; None where it has none."""
    name = transport.get_extra_info("peername")
    if not isinstance(name, tuple):
        return None
    try:
        return ipaddress.ip_address(name[0].partition("%")[0])
    except ValueError:
        return None
