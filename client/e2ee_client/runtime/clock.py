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
        """Return when `now_ms` has reached the deadline, at once if it has passed; or when the clock was
        put back, since what is due then is for the caller to say.
        """
        ...


class SystemClock:
    """The time of the operating system."""

    def now_ms(self) -> int:
        """Return the time now."""
        return time.time_ns() // 1_000_000

    async def wait_until(self, deadline_ms: int) -> None:
        """Sleep in parts, so that a suspend or a corrected clock is noticed within half a minute."""
        latest_ms = now_ms = self.now_ms()
        while latest_ms <= now_ms < deadline_ms:
            await asyncio.sleep(min((deadline_ms - now_ms) / 1000, _LONGEST_SLEEP_S))
            latest_ms, now_ms = now_ms, self.now_ms()
