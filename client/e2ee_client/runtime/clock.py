"""Time from outside: the shell's only clock, so that a test can move it."""

from __future__ import annotations

import asyncio
import time
from typing import Final, Protocol

_LONGEST_SLEEP_S: Final = 30.0


class Clock(Protocol):
    """Unix time in milliseconds, and a way to wait for it."""

    def now_ms(self) -> int:
        """Return the time now."""
        ...

    async def wait_until(self, deadline_ms: int) -> None:
        """Return when `now_ms` has reached the deadline, at once if it has passed."""
        ...


class SystemClock:
    """The time of the operating system."""

    def now_ms(self) -> int:
        """Return the time now."""
        return time.time_ns() // 1_000_000

    async def wait_until(self, deadline_ms: int) -> None:
        """Sleep in parts: after a suspend or a corrected clock the deadline is noticed within half a
        minute.
        """
        left_ms = deadline_ms - self.now_ms()
        while left_ms > 0:
            await asyncio.sleep(min(left_ms / 1000, _LONGEST_SLEEP_S))
            left_ms = deadline_ms - self.now_ms()
