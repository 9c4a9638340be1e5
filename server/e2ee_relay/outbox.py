"""A connection's way out: frames collect, and leave as one message.

Each message costs the relay a system call and its client another, both much dearer than the frames in it. So
frames collect during a turn of the event loop, and some wait longer for others to go with: answers that
nobody waits for (RLY-161), and, while a line of clients waits for the relay's time and much is written,
whatever goes to those who were written to a moment ago (RLY-160). Then answers are late by the line anyhow,
and it gets shorter.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from .connection import BoundedConnection
from .fast_frames import encode
from .protocol import MAX_FRAMES, MAX_MESSAGE_B, KnownFrame, array_head
from .turns import Turns

# An array head is at most three bytes.
_ROOM_B: Final = MAX_MESSAGE_B - 3
# How long frames wait for others at most: while there is a line, and where nobody waits for them.
MOMENT_S: Final = 0.02
COMPANY_S: Final = 0.045
# So many messages within MOMENT_S are a load that waiting makes lighter: a line has other causes too, such as
# floods of requests, in which nobody is helped by it.
MANY: Final = 80
# More would make a pass of the event loop long (RLY-149).
_AT_ONCE: Final = 128


class Departures:
    """Decides when outboxes leave."""

    def __init__(self, loop: asyncio.AbstractEventLoop, turns: Turns) -> None:
        self._loop = loop
        self._turns = turns
        self._now: deque[Outbox] = deque()
        self._later: list[Outbox] = []
        self._until_s = 0.0
        self._idle: deque[Outbox] = deque()
        self._is_scheduled = False
        self._written = 0
        self._counted_s = 0.0
        self._are_many = False

    def add(self, outbox: Outbox, written_s: float) -> None:
        """Let an outbox leave that was written to at this time before.

        It waits for as long as the line has, at most for MOMENT_S, and no longer than there is a line; who
        has heard nothing for so long waits for nothing.
        """
        now_s = self._loop.time()
        is_load = self._are_many and now_s - self._counted_s < 2 * MOMENT_S
        moment_s = min(self._turns.behind_s(), MOMENT_S) if is_load else 0.0
        if now_s - written_s >= moment_s:
            self._now.append(outbox)
        else:
            if not self._later:
                self._until_s = now_s + moment_s
            self._later.append(outbox)
        if not self._is_scheduled:
            self._schedule()

    def add_idle(self, outbox: Outbox) -> None:
        """Let an outbox leave within COMPANY_S: nobody waits for what is in it."""
        if not self._idle:
            self._loop.call_later(COMPANY_S, self._leave_idle)
        self._idle.append(outbox)

    def _schedule(self) -> None:
        self._is_scheduled = True
        self._loop.call_soon(self._leave)

    def _leave(self) -> None:
        self._is_scheduled = False
        now_s = self._loop.time()
        leaving, self._now = self._now, deque()
        if self._later and (now_s >= self._until_s or not self._turns.behind_s()):
            leaving += self._later
            self._later = []
        if self._later:
            self._schedule()
        self._write(leaving, Outbox.flush)

    def _leave_idle(self) -> None:
        leaving, self._idle = self._idle, deque()
        self._write(leaving, Outbox.flush_idle)

    def _write(self, leaving: deque[Outbox], flush: Callable[[Outbox], None]) -> None:
        """Write some, the others in the next pass.

        A mistake of ours with one is reported by the event loop, and the others leave too.
        """
        try:
            for _ in range(min(len(leaving), _AT_ONCE)):
                flush(leaving.popleft())
        finally:
            if leaving:
                self._loop.call_soon(self._write, leaving, flush)

    def count(self) -> float:
        """Count a message that leaves; return the event loop's time."""
        now_s = self._loop.time()
        if now_s - self._counted_s >= MOMENT_S:
            self._are_many = self._written >= MANY and now_s - self._counted_s < 2 * MOMENT_S
            self._written, self._counted_s = 0, now_s
        self._written += 1
        return now_s


class Outbox:
    """Coalesces the frames of one connection."""

    __slots__ = ("_departures", "_frames", "_is_idle", "_is_leaving", "_size_b", "_socket", "_written_s")

    def __init__(self, socket: BoundedConnection, departures: Departures) -> None:
        self._socket = socket
        self._departures = departures
        self._frames: list[bytes] = []
        self._size_b = 0
        self._is_leaving = False
        self._is_idle = False
        self._written_s = 0.0

    def put(self, frame: KnownFrame, *, can_wait: bool = False) -> None:
        """Queue a frame; it leaves soon, or with one that does."""
        encoded = encode(frame)
        size_b = self._size_b + len(encoded)
        if size_b > _ROOM_B or len(self._frames) >= MAX_FRAMES:
            self._write()
            size_b = len(encoded)
        self._frames.append(encoded)
        self._size_b = size_b
        if not can_wait and not self._is_leaving:
            self._is_leaving = True
            self._departures.add(self, self._written_s)
        elif can_wait and not self._is_idle:
            self._is_idle = True
            self._departures.add_idle(self)

    def flush(self) -> None:
        """Write what has collected."""
        self._is_leaving = False
        self._write()

    def flush_idle(self) -> None:
        """Write what has not found company."""
        self._is_idle = False
        self._write()

    def _write(self) -> None:
        frames, self._frames, self._size_b = self._frames, [], 0
        if frames:
            self._written_s = self._departures.count()
            self._socket.write_message([array_head(len(frames)), *frames])
