"""The bus on NATS core, for sites with so many nodes that notifications would load the database."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from e2ee_relay.bus import Heard

_MOST_WAITING: Final = 10_000
_AGAIN_S: Final = 0.5
_CONNECT_S: Final = 5


class NatsBus:
    """One connection, on which the library itself reconnects."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._task: asyncio.Task[None] | None = None
        self._waiting: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue(_MOST_WAITING)
        self._client: Client | None = None

    @property
    def is_connected(self) -> bool:
        """Tell whether words can come and go."""
        return self._client is not None and self._client.is_connected

    def start(self, node: bytes, heard: Heard) -> None:
        """Begin to listen for words to `node`, and to reconnect for ever."""
        self._task = asyncio.create_task(self._run(node, heard))

    def tell(self, node: bytes, word: bytes) -> None:
        """Send a word, or lose it when too many wait."""
        with suppress(asyncio.QueueFull):
            self._waiting.put_nowait((node, word))

    async def stop(self) -> None:
        """Let go of the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, node: bytes, heard: Heard) -> None:
        async def take(message: Msg) -> None:
            heard(message.data)

        while True:
            with suppress(nats.errors.Error, OSError):
                self._client = await nats.connect(
                    self._url,
                    name="sealroom-relay bus",
                    connect_timeout=_CONNECT_S,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=_AGAIN_S,
                    error_cb=_ignore,
                )
                try:
                    await self._client.subscribe(_subject(node), cb=take)
                    await self._tell(self._client)
                finally:
                    await self._client.close()
            await asyncio.sleep(_AGAIN_S)

    async def _tell(self, client: Client) -> None:
        while True:
            node, word = await self._waiting.get()
            # While it reconnects words are lost: they would come too late to be of use.
            if client.is_connected:
                await client.publish(_subject(node), word)


def _subject(node: bytes) -> str:
    return f"sealroom.node.{node.hex()}"


async def _ignore(_error: Exception) -> None:
    """The state of the connection is looked at where it matters."""
