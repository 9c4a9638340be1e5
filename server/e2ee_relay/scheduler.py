"""The event loop's time, shared among connections by deficit round robin with new flows first.

The queue of FQ-CoDel (RFC 8290, section 4.2) with time in the place of bytes (RLY-140). A flow that was quiet
is served before those that have been busy; each is served for a quantum of processor time, and what it takes
beyond that it waits for. A pass through the event loop begins with what network and disk have brought, so
that whoever has just sent something is in the queue before it is worked off (RLY-149).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from time import perf_counter, thread_time
from typing import Final

QUANTUM_S: Final = 0.0005
PASS_S: Final = 0.002


class Flow(ABC):
    """Work that comes in steps."""

    __slots__ = ("credit_s", "is_queued")

    def __init__(self) -> None:
        self.credit_s = 0.0
        self.is_queued = False

    @abstractmethod
    def step(self, until_s: float) -> bool:
        """Work until about a moment of the scheduler's clock; tell whether more is left."""


class Scheduler:
    """Serves the flows that have work."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float] = perf_counter,
        meter: Callable[[], float] = thread_time,
    ) -> None:
        """`clock` bounds steps and passes; a flow is charged by `meter`, which counts processor time."""
        self._loop = loop
        self.clock = clock
        self._meter = meter
        self._new: deque[Flow] = deque()
        self._old: deque[Flow] = deque()
        self._is_scheduled = False

    @property
    def is_idle(self) -> bool:
        """Tell whether no flow waits."""
        return not self._new and not self._old

    def serve(self, flow: Flow) -> None:
        """Let a flow that has got work do it at once, if nobody waits, or in its turn."""
        if flow.is_queued:
            return
        if not self.is_idle or flow.step(self.clock() + QUANTUM_S):
            self.add(flow)

    def add(self, flow: Flow) -> None:
        """Put a flow behind the other new ones."""
        if not flow.is_queued:
            flow.is_queued = True
            flow.credit_s = QUANTUM_S
            self._new.append(flow)
            self._schedule()

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            # Callbacks of call_soon come before what the network has brought.
            self._loop.call_at(self._loop.time(), self._pass)

    def _pass(self) -> None:
        self._is_scheduled = False
        now_s = self.clock()
        end_s = now_s + PASS_S
        try:
            while now_s < end_s and (line := self._new or self._old):
                flow = line.popleft()
                if flow.credit_s <= 0:
                    flow.credit_s += QUANTUM_S
                    self._old.append(flow)
                    continue
                begun_s = now_s
                has_more = self._serve(flow, now_s, line is self._new)
                now_s = self.clock()
                if has_more and now_s - begun_s > QUANTUM_S / 2:
                    # Behind a long step there is more of its kind: look at the network first.
                    break
        finally:
            if not self.is_idle:
                self._schedule()

    def _serve(self, flow: Flow, now_s: float, is_new: bool) -> bool:
        before_s = self._meter()
        has_more = False
        try:
            has_more = flow.step(now_s + min(flow.credit_s, QUANTUM_S))
        finally:
            # A mistake in a step is reported by the event loop; the flow that made it has ended itself.
            flow.credit_s -= self._meter() - before_s
            if has_more:
                (self._new if is_new and flow.credit_s > 0 else self._old).append(flow)
            elif is_new and self._old:
                # Once behind the others: else it could come back as a new one each time.
                self._old.append(flow)
            else:
                flow.is_queued = False
        return has_more
