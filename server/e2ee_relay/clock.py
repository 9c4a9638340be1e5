"""The relay's own time, which a wrong or corrected clock of the machine cannot make jump (RLY-132, RLY-133).

Everything that deletes, refills or comes due goes by it. What is told to people, or compared with dates that
others have signed, goes by the machine's clock: a jump shows there until the clock is right again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

_HOUR_MS: Final = 3_600_000
_MS: Final = 1_000_000
# What is kept is the full hour of the last sweep, so up to an hour before it; and a stop may take an hour
# before the machine's time is doubted. With less, short-lived messages outlive a restart across the hour.
_TRUSTED_MS: Final = 2 * _HOUR_MS
_JUMP_MS: Final = _HOUR_MS


def resumed_ms(kept_ms: int, wall_ms: int) -> int:
    """Return the time at a start (RLY-132): the machine's, not before what was kept nor two hours beyond it.

    `kept_ms` 0: nothing was kept, and the machine is believed.
    """
    return max(kept_ms, min(wall_ms, kept_ms + _TRUSTED_MS)) if kept_ms else wall_ms


class SteadyClock:
    """Runs with the monotonic clock; at twice its pace while the machine's is ahead. Never goes back.

    The threads of a store ask it too.
    """

    def __init__(
        self,
        start_ms: int,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._now_ns = start_ms * _MS
        self._read_ns = monotonic_ns()
        self._was_apart = False
        self._lock = threading.Lock()

    def __call__(self) -> int:
        """Return the relay's time in milliseconds."""
        with self._lock:
            # The machine's time first: a pause between the two readings would else look like a machine ahead.
            wall_ns, read_ns = self._wall_ns(), self._monotonic_ns()
            elapsed_ns = read_ns - self._read_ns
            self._read_ns = read_ns
            behind_ns = wall_ns - (self._now_ns + elapsed_ns)
            self._now_ns += elapsed_ns + min(elapsed_ns, max(0, behind_ns))
            return self._now_ns // _MS

    def skew_ms(self) -> int:
        """Return by how much the machine's clock is ahead; negative: behind."""
        return self._wall_ns() // _MS - self()

    def has_jumped(self) -> bool:
        """Tell once of each time that the two come to be more than an hour apart."""
        was_apart, self._was_apart = self._was_apart, abs(self.skew_ms()) > _JUMP_MS
        return self._was_apart and not was_apart
