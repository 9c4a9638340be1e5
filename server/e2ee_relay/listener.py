"""Who is let in: one connection a pass of the event loop, counted by address before anything is made for it.

accept --> (PROXY header) --> (TLS) --> opening handshake --HELLO--> in
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, suppress
from enum import StrEnum
from functools import partial
from typing import Any, Final

from websockets.http11 import Request

from .address_limits import NO_TICKET, AddressLimits, Shares, forwarded_for, is_within, plain
from .config import ClientAddress, Config
from .proxy_header import Address, ProxyHeaderError, client_of, missing_b
from .websocket import GOODBYE_S, HANDSHAKE_S, Connection

# So many wait in the kernel while the relay is busy (RLY-146).
_BACKLOG: Final = 1024
# So many that have hung up are cleared away in one pass (RLY-159).
_GONE_A_PASS: Final = 8
_TCP_ESTABLISHED: Final = 1
# Of the places for handshakes (RLY-143).
_SHARE_OF_ONE: Final = 10
# Without a descriptor for one more, or with a broken network, there is nothing to do but wait.
_RETRY_S: Final = 0.1


class Reason(StrEnum):
    """Why a connection was not let in."""

    HANDSHAKES = "handshakes"
    ADDRESS = "address"
    PROXY = "proxy"
    FULL = "full"


class Admission:
    """Counts connections on their way in and those that are in, by client address."""

    def __init__(self, config: Config, key: bytes, clock_ms: Callable[[], int]) -> None:
        self._config = config
        self._clock_ms = clock_ms
        # Those on their way in, too.
        most = config.max_connections + config.max_handshakes
        places = Shares(config.max_connections_per_address, most)
        self.limits = AddressLimits(key, places, config.connects_per_address)
        self.handshakes = Shares(max(1, config.max_handshakes // _SHARE_OF_ONE), config.max_handshakes)
        self.refusals: Counter[Reason] = Counter()
        self._shaking: dict[Connection, bytes] = {}

    @property
    def expects_header(self) -> bool:
        """Tell whether each connection begins with a header of the PROXY protocol."""
        return self._config.client_address is ClientAddress.PROXY_PROTOCOL

    def ticket(self, address: Address | None) -> bytes:
        """Return what an address is counted under; loopback is a proxy of which no more is known."""
        return NO_TICKET if address is None or plain(address).is_loopback else self.limits.ticket(address)

    def ticket_of_peer(self, peer: Address | None) -> bytes:
        """Return what the other end of a connection is counted under, where it is the client."""
        return self.ticket(peer) if self._config.client_address is ClientAddress.CONNECTION else NO_TICKET

    def is_trusted(self, address: Address | None) -> bool:
        """Tell whether this is one of our proxies."""
        return address is not None and is_within(address, self._config.trusted_proxies)

    def begin(self, ticket: bytes) -> bool:
        """Count somebody on the way in; False: there is no place for one more (RLY-143)."""
        has_place = self.handshakes.take(ticket)
        self.refusals[Reason.HANDSHAKES] += not has_place
        return has_place

    def enter(self, ticket: bytes) -> bool:
        """Count a connection for its address; False: it has too many (RLY-144)."""
        may_enter = not ticket or self.limits.enter(ticket, self._clock_ms())
        self.refusals[Reason.ADDRESS] += not may_enter
        return may_enter

    def track(self, connection: Connection) -> None:
        """Take over the place of a connection that begins; `greeted` and `left` give it back."""
        self._shaking[connection] = connection.ticket

    def name(self, connection: Connection, address: Address | None) -> bool:
        """Count a connection on its way in for an address that has just been told; False: it has too many."""
        self.greeted(connection)
        ticket = self.ticket(address)
        if not self.begin(ticket):
            return False
        self._shaking[connection] = ticket
        if not self.enter(ticket):
            return False
        connection.ticket = ticket
        return True

    def greeted(self, connection: Connection) -> None:
        """Count a connection no longer as on its way in."""
        ticket = self._shaking.pop(connection, None)
        if ticket is not None:
            self.handshakes.give_back(ticket)

    def left(self, connection: Connection) -> None:
        """Count a connection no longer."""
        self.greeted(connection)
        if connection.ticket:
            self.limits.leave(connection.ticket)
            connection.ticket = NO_TICKET

    def admit_forwarded(self, connection: Connection, request: Request) -> bool:
        """Count a connection for the address that a proxy names in its request (X-Forwarded-For)."""
        if self._config.client_address is not ClientAddress.FORWARDED_FOR or connection.transport is None:
            return True
        address = address_of(connection.transport.get_extra_info("peername"))
        if self.is_trusted(address):
            try:
                address = forwarded_for(
                    request.headers.get_all("X-Forwarded-For"), self._config.trusted_proxies
                )
            except ValueError:
                self.refusals[Reason.PROXY] += 1
                return False
        ticket = self.ticket(address)
        if not self.enter(ticket):
            return False
        connection.ticket = ticket
        return True

    def cut_off(self) -> None:
        """End all that are on the way in: the relay closes."""
        for connection in list(self._shaking):
            connection.abort()


class Listener:
    """Accepts connections of one address that is listened on."""

    def __init__(
        self,
        bound: list[socket.socket],
        admission: Admission,
        make: Callable[[bytes, float], Connection],
        tls: ssl.SSLContext | None,
    ) -> None:
        """`make` returns a connection for a ticket and the end of its time for the handshake."""
        self._loop = asyncio.get_running_loop()
        self._sockets = bound
        self._admission = admission
        self._make = make
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        for one in bound:
            one.setblocking(False)
            self._begin(self._accept_all(one)).add_done_callback(partial(self._accept_again, one))

    def cut_off(self) -> None:
        """End all that are in their opening handshake."""
        self._admission.cut_off()

    async def close(self) -> None:
        """Accept no more, and give up whoever has not got as far as the opening handshake."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for one in self._sockets:
            one.close()

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _accept_again(self, listening: socket.socket, task: asyncio.Task[None]) -> None:
        """Go on behind a mistake of ours, which was reported."""
        if not task.cancelled():
            self._begin(self._accept_all(listening)).add_done_callback(partial(self._accept_again, listening))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._loop.call_exception_handler({"message": "a connection was not let in", "exception": error})

    async def _accept_all(self, listening: socket.socket) -> None:
        gone = 0
        while True:
            try:
                accepted, name = await self._loop.sock_accept(listening)
            except ConnectionAbortedError:
                continue
            except OSError:
                await asyncio.sleep(_RETRY_S)
                continue
            if is_gone(accepted):
                accepted.close()
                gone += 1
                if gone < _GONE_A_PASS:
                    continue
            else:
                with ExitStack() as otherwise:
                    otherwise.callback(accepted.close)
                    await self._lead_in(accepted, address_of(name))
                    otherwise.pop_all()
            gone = 0
            # `sock_accept` does not give way where somebody waits already.
            await asyncio.sleep(0)

    async def _lead_in(self, accepted: socket.socket, peer: Address | None) -> None:
        """Let in whoever has a place; in a task of its own where that takes more than a moment."""
        admission = self._admission
        ticket = admission.ticket_of_peer(peer)
        if not admission.begin(ticket):
            accepted.close()
            return
        if not admission.enter(ticket):
            admission.handshakes.give_back(ticket)
            accepted.close()
            return
        # asyncio sets it only where the socket names TCP, and accepted ones do not: answers would wait 40 ms.
        with suppress(OSError):
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        until_s = self._loop.time() + HANDSHAKE_S
        connection = self._make(ticket, until_s)
        admission.track(connection)
        connecting = self._connect(connection, accepted, peer, until_s)
        if self._tls is None and not admission.expects_header:
            await connecting
        else:
            self._begin(connecting)

    async def _connect(
        self, connection: Connection, accepted: socket.socket, peer: Address | None, until_s: float
    ) -> None:
        """Read the balancer's header, shake hands for TLS, and begin the connection."""
        is_connected = False
        try:
            if self._admission.expects_header and not await self._is_named(
                connection, accepted, peer, until_s
            ):
                return
            seconds = None if self._tls is None else max(0.1, until_s - self._loop.time())
            await self._loop.connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=self._tls,
                ssl_handshake_timeout=seconds,
                ssl_shutdown_timeout=None if self._tls is None else GOODBYE_S,
            )
            is_connected = True
        except (OSError, EOFError):
            # It has hung up, or wants another TLS: of OSError errors of TLS and timeouts are kinds.
            return
        finally:
            if not is_connected:
                accepted.close()
                self._admission.left(connection)

    async def _is_named(
        self, connection: Connection, accepted: socket.socket, peer: Address | None, until_s: float
    ) -> bool:
        """Read what a trusted balancer says of the client, ahead of all else (RLY-145)."""
        admission = self._admission
        try:
            if not admission.is_trusted(peer):
                raise ProxyHeaderError("not from a proxy of ours")
            async with asyncio.timeout_at(until_s):
                address = await self._read_header(accepted)
        except (ProxyHeaderError, TimeoutError):
            admission.refusals[Reason.PROXY] += 1
            return False
        return admission.name(connection, address)

    async def _read_header(self, accepted: socket.socket) -> Address | None:
        """Read exactly the header, so that what follows stays where TLS will read it."""
        header = b""
        while wanted_b := missing_b(header):
            data = await self._loop.sock_recv(accepted, wanted_b)
            if not data:
                raise ProxyHeaderError("the stream ends")
            header += data
        return client_of(header)


async def bind(host: str, port: int) -> list[socket.socket]:
    """Bind a socket at each address of a name, and listen: of two processes that are bound to one port at a
    time only one may.

    Raises:
        OSError: the name has no address, or one cannot be listened on.
    """
    loop = asyncio.get_running_loop()
    try:
        binder = await loop.create_server(asyncio.Protocol, host, port, start_serving=False)
    except socket.gaierror as error:
        raise OSError(f"{host}:{port} cannot be listened on: {error.strerror}") from None
    found = [one.dup() for one in binder.sockets]
    binder.close()
    try:
        for one in found:
            one.listen(_BACKLOG)
    except OSError:
        for one in found:
            one.close()
        raise
    return found


def is_gone(connection: socket.socket) -> bool:
    """Tell whether the other end has hung up, where the system says so; nothing is read for it (RLY-159)."""
    if sys.platform != "linux":
        return False
    try:
        state = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    except OSError:
        return True
    return bool(state[0] != _TCP_ESTABLISHED)


def address_of(name: object) -> Address | None:
    """Return the address in a socket's name; None where it has none."""
    if not isinstance(name, tuple):
        return None
    try:
        return ipaddress.ip_address(name[0].partition("%")[0])
    except ValueError:
        return None
