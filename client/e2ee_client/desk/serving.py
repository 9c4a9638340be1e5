"""The server of the page: on the loopback address alone, in the event loop of the client."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
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
    """Serve the page of a hub as long as this lasts.

    Raises:
        ConfigError: the page is not built, or the port is taken.
    """
    page = await asyncio.to_thread(assets.load)
    listening = _listen(port)
    port = listening.getsockname()[1]
    host = f"{LOOPBACK}:{port}"
    access = Access(hub.agent.client.runtime.rng, hub.now_ms, f"/{port}")
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
    tasks = [asyncio.create_task(hub.run()), asyncio.create_task(server.serve([listening]))]
    try:
        yield Served(f"http://{host}", access)
    finally:
        server.should_exit = True
        tasks[0].cancel()
        await asyncio.wait(tasks)
        listening.close()


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise ConfigError(f"port {port} of this machine cannot be used: {error.strerror}") from None
