"""Texts whose handler has failed, and when those of a room are handled again (CNS-80)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

from e2ee_client.runtime.clock import Clock

from .timed import Timed

FIRST_MS: Final = 60_000
LONGEST_MS: Final = 3_600_000
MAX_FAILED: Final = 64
"""Of a room; what has failed before these is handled when the desk runs the next time."""


class Again:
    """Of each room in which a handler has failed its texts, and the pause, which grows while that goes on."""

    def __init__(self, clock: Clock, ready: Callable[[], Awaitable[None]]) -> None:
        self._clock = clock
        self._timed = Timed(clock, ready, LONGEST_MS)
        self._failed: dict[bytes, dict[bytes, None]] = {}
        self._pauses: dict[bytes, int] = {}

    def add(self, room_id: bytes, entry_hash: bytes) -> None:
        """The handler of a text has failed."""
        failed = self._failed.setdefault(room_id, {})
        failed.setdefault(entry_hash)
        if len(failed) > MAX_FAILED:
            del failed[next(iter(failed))]
        self._time(room_id)

    async def next(self) -> bytes:
        """Wait for a room whose texts are due."""
        return await self._timed.next()

    def begin(self, room_id: bytes) -> Collection[bytes]:
        """Return the texts of a room that are handled now; without `end` they are due again."""
        self._pauses[room_id] = min(2 * self._pauses.get(room_id, FIRST_MS), LONGEST_MS)
        self._time(room_id)
        return tuple(self._failed.get(room_id, ()))

    def end(self, room_id: bytes, failed: Sequence[bytes]) -> None:
        """Of these texts the handler has failed again; without any the next failure is the first one."""
        if failed:
            self._failed[room_id] = dict.fromkeys(failed)
        else:
            self.drop(room_id)

    def drop(self, room_id: bytes) -> None:
        """Forget a room."""
        self._failed.pop(room_id, None)
        self._pauses.pop(room_id, None)
        self._timed.drop(room_id)

    def _time(self, room_id: bytes) -> None:
        self._timed.add(room_id, self._clock.now_ms() + self._pauses.get(room_id, FIRST_MS))
