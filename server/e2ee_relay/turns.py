"""Whose turn it is: the event loop's time, shared out so that busy clients do not hold up the others.

Start-time fair queueing (RLY-140). Work that finds the loop idle is done at once. When the work of one pass
through the loop has taken its quantum, the rest waits for the next passes, those first who have used least:
every share has a point on a virtual clock up to which it has used its part, and the clock is where the one
being served stands. Whoever comes new, or comes seldom, is served next; nobody starves, since those who are
served move on. A pass begins with what the network and the disk have brought, so whoever has just come is in
the queue before it is worked off.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

# How long the work of clients may take in one pass through the event loop, in seconds; one piece of work may
# exceed it by its own length, which is why pieces are small.
QUANTUM_S: Final = 0.002
# After so long a piece of work stops, if it can, and waits for its next turn.
PIECE_S: Final = 0.0005
# So many connections in the queue are a line; fewer are what one pass brings.
_LINE: Final = 8


class Share:
    """One connection's part: up to where on the virtual clock it has used the loop, and what waits."""

    __slots__ = ("is_queued", "used_s", "waiting")

    def __init__(self) -> None:
        self.used_s = 0.0
        self.is_queued = False
        self.waiting: deque[Callable[[], None]] | None = None  # None: nothing; an empty one takes 760 bytes

    def next_of(self) -> Callable[[], None]:
        """Return what has waited longest, and let it wait no more.

        Raises:
            IndexError: nothing waits.
        """
        waiting = self.waiting or deque()
        go = waiting.popleft()
        self.waiting = waiting or None
        return go


class Turns:
    """The queue of those who wait for the event loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float] = time.perf_counter,
        meter: Callable[[], float] = time.thread_time,
    ) -> None:
        self._loop = loop
        self.clock = clock
        # What a share is charged: nobody pays for the time in which the machine did something else.
        self.meter = meter
        self._left_s = QUANTUM_S
        self._virtual_s = 0.0
        self._furthest_s = 0.0
        self._waiting: list[tuple[float, float, int, Share]] = []
        self._number = 0
        self._is_scheduled = False
        self._queue_since_s = 0.0

    @property
    def is_free(self) -> bool:
        """Tell whether work may be done at once."""
        return self._left_s > 0 and not self._waiting

    def behind_s(self) -> float:
        """Return for how long there has been a queue, if it is a line of many; else 0."""
        return self.clock() - self._queue_since_s if len(self._waiting) > _LINE else 0.0

    def enqueue(self, share: Share, go: Callable[[], None]) -> None:
        """Call `go` when it is this share's turn; it charges what it uses.

        A share stands in the queue once, however many wait in it: a crowd of newcomers is one.
        """
        if share.waiting is None:
            share.waiting = deque()
        share.waiting.append(go)
        self._stand_in_line(share)
        self._schedule()

    def _stand_in_line(self, share: Share) -> None:
        if not share.is_queued:
            share.is_queued = True
            if not self._waiting:
                self._queue_since_s = self.clock()
            self._number += 1
            begins_s = max(share.used_s, self._virtual_s)
            heapq.heappush(self._waiting, (begins_s, share.used_s, self._number, share))

    async def run(self, share: Share, pieces: Iterator[None]) -> None:
        """Do work that comes in pieces, at this share's turns.

        An error of it ends the task that waits, and is reported by the event loop.
        """
        if self.is_free and self._go_on(share, pieces):
            return
        done: asyncio.Future[None] = self._loop.create_future()

        def turn() -> None:
            if done.done():
                return
            try:
                is_done = self._go_on(share, pieces)
            except BaseException:
                done.cancel()
                raise
            if is_done:
                done.set_result(None)
            else:
                self.enqueue(share, turn)

        self.enqueue(share, turn)
        await done

    def _go_on(self, share: Share, pieces: Iterator[None]) -> bool:
        """Work for about PIECE_S; tell whether that was the end."""
        begun, meter = self.clock(), self.meter()
        is_over = True
        for _ in pieces:
            if self.clock() - begun >= PIECE_S:
                is_over = False
                break
        self.charge(share, self.meter() - meter, self.clock() - begun)
        return is_over

    def charge(self, share: Share, used_s: float, took_s: float | None = None) -> None:
        """Count processor time that this share has used, and how long that took, if longer."""
        took_s = used_s if took_s is None else took_s
        share.used_s = max(share.used_s, self._virtual_s) + used_s
        self._furthest_s = max(self._furthest_s, share.used_s)
        # Behind a piece that was not short there is more of its kind: then passes are short, as others wait
        # for some of them, one after the other (RLY-149).
        self._left_s = self._left_s - took_s if took_s < PIECE_S / 2 else 0.0
        self._schedule()

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            # Not call_soon, whose callbacks come before what the network has brought.
            self._loop.call_at(self._loop.time(), self._next_pass)

    def _next_pass(self) -> None:
        self._is_scheduled = False
        self._left_s = QUANTUM_S
        if not self._waiting:
            # Nobody had to wait: what was used before is nobody's loss.
            self._virtual_s = self._furthest_s
        try:
            while self._waiting and self._left_s > 0:
                self._virtual_s, _, _, share = heapq.heappop(self._waiting)
                share.is_queued = False
                try:
                    share.next_of()()
                finally:
                    if share.waiting is not None:
                        self._stand_in_line(share)
        finally:
            if self._waiting:
                self._schedule()
