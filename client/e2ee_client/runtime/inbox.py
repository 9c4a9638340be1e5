"""What waits for the shell's consumer, and how much of it."""

from __future__ import annotations

import asyncio
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
        self._queue: asyncio.Queue[Input] = asyncio.Queue()
        self._room = asyncio.Semaphore(MAX_UNREAD)
        self._back: Input | None = None

    def put(self, item: Input) -> None:
        """Queue anything but network data."""
        self._queue.put_nowait(item)

    async def put_data(self, item: Received) -> None:
        """Queue network data, when there is room."""
        await self._room.acquire()
        self._queue.put_nowait(item)

    async def get(self) -> Input:
        """Wait for the next input."""
        if (item := self._taken_back()) is not None:
            return item
        return self._taken(await self._queue.get())

    def at_once(self) -> Input | None:
        """Return the next input if it is there already."""
        if (item := self._taken_back()) is not None:
            return item
        return None if self._queue.empty() else self._taken(self._queue.get_nowait())

    def put_back(self, item: Input) -> None:
        """Make this, which was taken last, the next input again."""
        self._back = item

    def rest(self) -> list[Input]:
        """Take out what is left."""
        back = self._taken_back()
        waiting = [self._queue.get_nowait() for _ in range(self._queue.qsize())]
        return waiting if back is None else [back, *waiting]

    def _taken(self, item: Input) -> Input:
        if isinstance(item, Received):
            self._room.release()
        return item

    def _taken_back(self) -> Input | None:
        item, self._back = self._back, None
        return item
