"""What is to be done at a time, by a name of which it is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from e2ee_client.runtime.clock import Clock
from e2ee_client.runtime.first_of import first_of


class Timed:
    """Names with a time each; whoever waits is told of the one that is due first."""

    def __init__(self, clock: Clock, ready: Callable[[], Awaitable[None]], longest_ms: int) -> None:
        """Nothing is taken out before `ready` returns, whatever is due. What is farther off than the longest
        time was noted by a clock that was ahead, and is due at once.
        """
        self._clock, self._ready, self._longest_ms = clock, ready, longest_ms
        self._due: dict[bytes, int] = {}
        self._changed = asyncio.Event()

    def add(self, name: bytes, at_ms: int) -> bool:
        """Have something done at a time; whether it was not timed, or for later: what is sooner stays."""
        is_sooner = at_ms < self._due.get(name, at_ms + 1)
        if is_sooner:
            self._due[name] = at_ms
            self._changed.set()
        return is_sooner

    def has(self, name: bytes) -> bool:
        """Whether something is to be done."""
        return name in self._due

    def drop(self, name: bytes) -> bool:
        """Have it done no more; whether it was to be done."""
        return self._due.pop(name, None) is not None

    async def next(self) -> bytes:
        """Wait for what is due, and take it out."""
        while True:
            await self._ready()
            self._changed.clear()
            now_ms = self._clock.now_ms()
            due = [one for one, at_ms in self._due.items() if not now_ms < at_ms <= now_ms + self._longest_ms]
            if due:
                name = min(due, key=self._due.__getitem__)
                del self._due[name]
                return name
            await self._wait(min(self._due.values(), default=None))

    async def _wait(self, at_ms: int | None) -> None:
        timer = () if at_ms is None else (self._clock.wait_until(at_ms),)
        await first_of(self._changed.wait(), *timer)
