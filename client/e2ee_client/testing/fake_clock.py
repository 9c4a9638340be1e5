"""A clock that the test moves, or that runs many times faster than time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

START_MS: Final = 1_800_000_000_000


class FakeClock:
    """Begins at `now_ms` and stands still, or runs `speed` times as fast as time. For one event loop."""

    def __init__(self, now_ms: int = START_MS, speed: float = 0.0) -> None:
        self._base_ms = now_ms
        self._since_s = time.monotonic()
        self._speed = speed
        self._moved = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []

    def now_ms(self) -> int:
        """Return the time now."""
        return self._base_ms + int((time.monotonic() - self._since_s) * 1000 * self._speed)

    def advance(self, ms: int) -> None:
        """Let so much time pass at once; whoever waits for a time that has come goes on soon after."""
        self._base_ms += ms
        for listener in self._listeners:
            listener()
        self._moved.set()
        self._moved = asyncio.Event()

    def on_advance(self, listener: Callable[[], None]) -> None:
        """Call `listener` at each `advance`, before those who wait go on."""
        self._listeners.append(listener)

    async def wait_until(self, deadline_ms: int) -> None:
        """Return when `now_ms` has reached the deadline."""
        left_ms = deadline_ms - self.now_ms()
        while left_ms > 0:
            limit_s = left_ms / 1000 / self._speed if self._speed else None
            with suppress(TimeoutError):
                async with asyncio.timeout(limit_s):
                    await self._moved.wait()
            left_ms = deadline_ms - self.now_ms()
