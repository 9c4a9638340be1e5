"""The bus on PostgreSQL's NOTIFY, with connections of its own.

Not inside the transaction that stores: a commit with a notification holds a lock that lets no other such
commit through until it is on the disk. A notification alone writes nothing to the disk and holds it for
microseconds (ADR 0014).
"""

from __future__ import annotations

import asyncio
import base64
import itertools
from contextlib import suppress
from typing import Final

import psycopg
from psycopg import sql

from e2ee_relay.bus import Heard

# A notification has less than 8000 characters; base64 makes 4 of 3 bytes.
_PART_B: Final = 5_400
_MOST_WAITING: Final = 10_000
_AGAIN_S: Final = 0.5
_CONNECT_S: Final = 5
# A listener hears nothing of a connection that is cut: it asks for itself as often.
_LOOK_S: Final = 5.0


class NotifyBus:
    """One connection that listens and one that tells."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue(_MOST_WAITING)
        self._parts: dict[str, list[str]] = {}
        self._numbers = itertools.count()
        self._node = b""
        self.is_connected = False

    def start(self, node: bytes, heard: Heard) -> None:
        """Begin to listen for words to `node`, and to reconnect for ever."""
        self._node = node
        self._tasks = [asyncio.create_task(self._listen(heard)), asyncio.create_task(self._tell())]

    def tell(self, node: bytes, word: bytes) -> None:
        """Send a word, or lose it when too many wait."""
        with suppress(asyncio.QueueFull):
            self._waiting.put_nowait((node, word))

    async def stop(self) -> None:
        """Let go of both connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connect(self) -> psycopg.AsyncConnection:
        return await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, connect_timeout=_CONNECT_S, application_name="sealroom-relay bus"
        )

    async def _listen(self, heard: Heard) -> None:
        while True:
            with suppress(psycopg.Error, OSError):
                async with await self._connect() as db:
                    await db.execute(sql.SQL("LISTEN {}").format(sql.Identifier(_channel(self._node))))
                    self.is_connected = True
                    while True:
                        async for note in db.notifies(timeout=_LOOK_S):
                            self._take(note.payload, heard)
                        await asyncio.wait_for(db.execute("SELECT 1"), _CONNECT_S)
            self.is_connected = False
            await asyncio.sleep(_AGAIN_S)

    def _take(self, payload: str, heard: Heard) -> None:
        """Put the parts of a word together: of one sender they come in order, or are lost."""
        name, place, last, text = payload.split(" ", 3)
        parts = self._parts.setdefault(name, [])
        if len(parts) != int(place):
            self._parts.pop(name)
            return
        parts.append(text)
        if place == last:
            del self._parts[name]
            heard(base64.b64decode("".join(parts)))

    async def _tell(self) -> None:
        while True:
            with suppress(psycopg.Error, OSError):
                async with await self._connect() as db:
                    while True:
                        node, word = await self._waiting.get()
                        await self._notify(db, node, word)
            await asyncio.sleep(_AGAIN_S)

    async def _notify(self, db: psycopg.AsyncConnection, node: bytes, word: bytes) -> None:
        name = f"{self._node.hex()}.{next(self._numbers)}"
        parts = [word[place : place + _PART_B] for place in range(0, len(word), _PART_B)]
        payloads = [
            f"{name} {place} {len(parts) - 1} {base64.b64encode(part).decode()}"
            for place, part in enumerate(parts)
        ]
        # One statement, one transaction: all parts or none.
        await asyncio.wait_for(
            db.execute(
                "SELECT pg_notify(%s, part) FROM unnest(%s::text[]) AS part", [_channel(node), payloads]
            ),
            _CONNECT_S,
        )


def _channel(node: bytes) -> str:
    return f"sealroom_{node.hex()}"
