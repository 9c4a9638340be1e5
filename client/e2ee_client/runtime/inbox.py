"""What waits for the shell's consumer, and how much of it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from e2ee_client.engine import Effect

from .channels import ChannelTask, Connected, Disconnected, Received

MAX_UNREAD: Final = 32


@dataclass(frozen=True, slots=True)
class Command:
    """A step that the application asked for, and where its outcome is awaited."""

    step: Callable[[Any, int], tuple[Any, list[Effect]]]
    answer: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class Worked:
    """Proof of work has been found for a connection."""

    task: ChannelTask
    number: int
    work: bytes


class Wake:
    """The time that the machine waits for may have come."""


class Stop:
    """No input follows."""


Input: TypeAlias = Connected | Received | Disconnected | Worked | Command | Wake | Stop


class Inbox:
    """What waits for the consumer, in order; messages from the network only as many as it can soon take."""

    def __init__(self) -> None:
        self._items: deque[Input] = deque()
        self._filled = asyncio.Event()
        self._room = asyncio.Semaphore(MAX_UNREAD)

    def put(self, item: Input) -> None:
        """Queue anything but network data."""
        self._items.append(item)
        self._filled.set()

    async def put_data(self, item: Received) -> None:
        """Queue network data, when there is room."""
        await self._room.acquire()
        self.put(item)

    async def get(self) -> Input:
        """Wait for the next input."""
        while (item := self.at_once()) is None:
            self._filled.clear()
            await self._filled.wait()
        return item

    def at_once(self) -> Input | None:
        """Return the next input if it is there already."""
        item = self._items.popleft() if self._items else None
        if isinstance(item, Received):
            self._room.release()
        return item

    def put_back(self, item: Input) -> None:
        """Make this, which was taken last and is no network data, the next input again."""
        self._items.appendleft(item)

    def rest(self) -> list[Input]:
        """Take out what is left."""
        rest = list(self._items)
        self._items.clear()
        return rest
