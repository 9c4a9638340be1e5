"""The server of the page: on the loopback addresses alone, in the event loop of the client.

Another program may have served a page at a port of one's own before, whose service worker a browser keeps.
So the page has another name at each start then, below `localhost`, which browsers take for this machine
without asking anybody. They may ask `::1` first: nobody else may listen there.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final, NamedTuple

import uvicorn

from e2ee_client.errors import ConfigError

from . import assets
from .access import Access
from .application import application
from .codec import MESSAGE_MAX_B
from .hub import Hub

LOOPBACK: Final = "127.0.0.1"
LOOPBACK_6: Final = "::1"
_NAME_B: Final = 16
_NO_ADDRESS: Final = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
_MAX_REQUESTS: Final = 64
_END_S: Final = 2


class Served(NamedTuple):
    """Where the page is."""

    origin: str
    access: Access

    def address(self) -> str:
        """Return an address that opens the page once, within ten minutes; the one before is void."""
        return f"{self.origin}/#{self.access.new_token()}"


class _Server(uvicorn.Server):
    """Signals are of whoever runs the event loop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serve(hub: Hub, port: int = 0) -> AsyncIterator[Served]:
    """Serve the page of a hub as long as this lasts, at a port of one's own under a name of its own.

    Raises:
        ConfigError: the page is not built, or the port is taken.
        StoreUnavailable, StoreCorrupt.
        RoomsLocked: the company has struck this device off.
    """
    page = await asyncio.to_thread(assets.load)
    await hub.local.load()
    rng = hub.agent.client.runtime.rng
    name = f"{rng(_NAME_B).hex()}.localhost" if port else LOOPBACK
    listening = _listen(port)
    port = listening[0].getsockname()[1]
    host = f"{name}:{port}"
    access = Access(rng, hub.now_ms, f"/{port}")
    config = uvicorn.Config(
        application(hub, access, page, host),
        ws="websockets-sansio",
        ws_max_size=MESSAGE_MAX_B,
        ws_per_message_deflate=False,
        lifespan="off",
        interface="asgi3",
        server_header=False,
        date_header=False,
        access_log=False,
        log_config=None,
        proxy_headers=False,
        limit_concurrency=_MAX_REQUESTS,
        timeout_graceful_shutdown=_END_S,
    )
    server = _Server(config)
    tasks = [asyncio.create_task(hub.run()), asyncio.create_task(server.serve(list(listening)))]
    try:
        yield Served(f"http://{host}", access)
    finally:
        server.should_exit = True
        tasks[0].cancel()
        await asyncio.wait(tasks)
        for one in listening:
            one.close()


def _listen(port: int) -> Sequence[socket.socket]:
    """Listen at a free port of one address, or at a port of both, as far as this machine has them."""
    try:
        found = [socket.create_server((LOOPBACK, port))]
    except OSError as error:
        raise _unusable(port, error) from None
    if port:
        try:
            found.append(socket.create_server((LOOPBACK_6, port), family=socket.AF_INET6))
        except OSError as error:
            if error.errno not in _NO_ADDRESS:
                found[0].close()
                raise _unusable(port, error) from None
    return found


def _unusable(port: int, error: OSError) -> ConfigError:
    return ConfigError(f"port {port} of this machine cannot be used: {error.strerror}")
