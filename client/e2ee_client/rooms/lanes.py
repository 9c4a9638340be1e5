"""Work of rooms: one piece at a time for a room, in order; what fails is reported and ends nothing."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from e2ee.errors import TooMany

MAX_WAITING: Final = 256
"""Of a room; what comes while so many wait has no place (CNS-79)."""
_LOG: Final = logging.getLogger("sealroom")

Work = Callable[[], Coroutine[Any, Any, None]]


class Lanes:
    """A lane for each room in which something is to be done; `failed` counts what ended with an error
    (CNS-72).
    """

    def __init__(self) -> None:
        self._waiting: dict[bytes, deque[Work]] = {}
        self._last: dict[bytes, Work] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._kept: set[asyncio.Task[None]] = set()
        self.failed = 0

    def add(self, room_id: bytes, work: Work, instead: Work | None = None) -> None:
        """Do something after what waits for the room. Of all that has no place `instead` is done, once, when
        nothing waits any more; without that it is counted as failed (CNS-79).
        """
        lane = self._waiting.get(room_id)
        if lane is None:
            self._waiting[room_id] = deque([work])
            self._start(self._run(room_id))
        elif len(lane) < MAX_WAITING:
            lane.append(work)
        elif instead is not None:
            self._last[room_id] = instead
        else:
            self.report(TooMany("too much waits in a room"))

    def keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that belongs to no room and goes on until `end`."""
        task = asyncio.create_task(work, name="sealroom-desk")
        self._kept.add(task)
        task.add_done_callback(self._report)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name="sealroom-desk")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, room_id: bytes) -> None:
        lane = self._waiting[room_id]
        while lane or room_id in self._last:
            await self.attempt(lane.popleft() if lane else self._last.pop(room_id))
        del self._waiting[room_id]

    async def attempt(self, work: Work) -> bool:
        """Do something whose error is counted and said, and ends nothing (CNS-72); whether it was done."""
        task = self._start(work())
        await asyncio.wait([task])
        return self._report(task)

    def _report(self, task: asyncio.Task[None]) -> bool:
        """Say that something failed, by the name of the error's type alone; whether it was done."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.report(error)
        return error is None and not task.cancelled()

    def report(self, error: BaseException) -> None:
        """Count an error that ends nothing, and say its name."""
        self.failed += 1
        _LOG.error("desk.failed %s", type(error).__name__)

    async def done(self) -> None:
        """Wait until nothing waits."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    async def end(self) -> None:
        """Stop everything."""
        tasks = [*self._kept, *self._tasks]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
