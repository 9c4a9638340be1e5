"""Between clients and relay: sees what the network sees, delivers twice or out of order when asked to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from e2ee_relay.protocol import (
    Frame,
    KnownFrame,
    Message,
    Role,
    Send,
    SendItem,
    decode_frames,
    encode_frames,
)
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

_MAX_MESSAGE_B: Final = 1 << 20
_HOLD_S: Final = 5.0


class Proxy:
    """A WebSocket proxy on a port of its own. `seen` is called with each envelope on its way to the relay."""

    def __init__(self, relay_url: Callable[[], str], seen: Callable[[SendItem], None]) -> None:
        self._relay_url = relay_url
        self._seen = seen
        self._server: Server | None = None
        self.port = 0
        self.duplicate = 0
        self.reorder = 0
        self.connections = 0
        """So many have been made."""
        self._held: list[tuple[ServerConnection, Message]] = []

    async def start(self) -> str:
        """Listen; return the URL for the clients."""
        server = await serve(self._pass_on, "127.0.0.1", 0, max_size=_MAX_MESSAGE_B, compression=None)
        self._server = server
        self.port = next(iter(server.sockets)).getsockname()[1]
        return f"ws://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _pass_on(self, client: ServerConnection) -> None:
        self.connections += 1
        try:
            async with connect(self._relay_url(), max_size=_MAX_MESSAGE_B, compression=None) as relay:
                up = asyncio.create_task(self._up(client, relay))
                down = asyncio.create_task(self._down(client, relay))
                _, waiting = await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
                for task in waiting:
                    task.cancel()
                await asyncio.gather(up, down, return_exceptions=True)
        except (OSError, ConnectionClosed, TimeoutError):
            pass
        await client.close()

    async def _up(self, client: ServerConnection, relay: ClientConnection) -> None:
        async for data in client:
            if isinstance(data, bytes):
                for frame in decode_frames(data, Role.RELAY):
                    for item in frame.items if isinstance(frame, Send) else ():
                        self._seen(item)
            await relay.send(data)

    async def _down(self, client: ServerConnection, relay: ClientConnection) -> None:
        async for data in relay:
            if not isinstance(data, bytes):
                continue
            for frame in decode_frames(data, Role.CLIENT):
                await self._deliver(client, frame)

    async def _deliver(self, client: ServerConnection, frame: Frame) -> None:
        if not isinstance(frame, KnownFrame):
            return
        if isinstance(frame, Message) and self.reorder:
            self._held.append((client, frame))
            if len(self._held) < 2:
                asyncio.get_running_loop().call_later(_HOLD_S, self._give_up_holding)
                return
            self.reorder = 0
            await self._release()
            return
        await client.send(encode_frames([frame]))
        if isinstance(frame, Message) and self.duplicate:
            self.duplicate -= 1
            await client.send(encode_frames([frame]))

    async def _release(self) -> None:
        held, self._held = self._held[::-1], []
        for client, frame in held:
            await client.send(encode_frames([frame]))

    def _give_up_holding(self) -> None:
        if self._held:
            self.reorder = 0
            self._release_task = asyncio.create_task(self._release())
