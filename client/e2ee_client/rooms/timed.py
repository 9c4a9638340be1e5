"""What is to be done at a time, by a name of which it is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from e2ee_client.runtime.clock import Clock
from e2ee_client.runtime.first_of import first_of


class Timed:
    """Names with a time each; whoever waits is told of the one that is due first."""

    def __init__(self, clock: Clock, ready: Callable[[], Awaitable[None]]) -> None:
        """Nothing is told before `ready` returns, whatever is due."""
        self._clock, self._ready = clock, ready
        self._due: dict[bytes, int] = {}
        self._told: set[bytes] = set()
        self._changed = asyncio.Event()

    def add(self, name: bytes, at_ms: int) -> None:
        """Have something done at a time; what is timed already stays as it is."""
        if not self.has(name):
            self._due[name] = at_ms
            self._changed.set()

    def has(self, name: bytes) -> bool:
        """Whether something is to be done, or was told to be and not dropped yet."""
        return name in self._due or name in self._told

    def drop(self, name: bytes) -> bool:
        """Have it done no more; whether it was to be done."""
        was_there = self.has(name)
        self._due.pop(name, None)
        self._told.discard(name)
        return was_there

    async def next(self) -> bytes:
        """Wait for what is due; each is told once, and is there until it is dropped."""
        while True:
            await self._ready()
            self._changed.clear()
            name = min(self._due, key=self._due.__getitem__, default=None)
            if name is not None and self._due[name] <= self._clock.now_ms():
                del self._due[name]
                self._told.add(name)
                return name
            await self._wait(None if name is None else self._due[name])

    async def _wait(self, at_ms: int | None) -> None:
        timer = () if at_ms is None else (self._clock.wait_until(at_ms),)
        await first_of(self._changed.wait(), *timer)
