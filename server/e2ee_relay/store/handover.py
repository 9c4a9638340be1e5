"""From a store's thread to the node: what was committed is answered in slices between others' turns."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from .api import Observer, Op

_QUANTUM_S: Final = 0.002


class Answering(Protocol):
    """What answers operations: the node, or a store on the way there."""

    def committed(self, ops: Sequence[Op], *, failed: bool) -> None: ...


class Handover:
    """Gives groups of operations to the node, in order, in the event loop's thread (RLY-149)."""

    def __init__(self, node: Answering, loop: asyncio.AbstractEventLoop, observer: Observer) -> None:
        self._node = node
        self._loop = loop
        self._observer = observer
        self._groups: deque[tuple[deque[Op], bool]] = deque()
        self._is_answering = False
        self.completed_at = time.monotonic()

    def give(self, ops: Sequence[Op], *, failed: bool, seconds: float) -> None:
        """Hand over a group that was committed, or was not; called in the store's thread."""
        self._loop.call_soon_threadsafe(self._take, ops, failed, seconds)

    @property
    def is_empty(self) -> bool:
        """Tell whether all is answered."""
        return not self._groups

    def _take(self, ops: Sequence[Op], failed: bool, seconds: float) -> None:
        self.completed_at = time.monotonic()
        self._observer(seconds, len(ops), failed)
        self._groups.append((deque(ops), failed))
        if not self._is_answering:
            self._answer()

    def _answer(self) -> None:
        """Answer some, and the others in the next pass. A mistake of ours with one is reported by the event
        loop, and they have their answers all the same.
        """
        until_s = time.monotonic() + _QUANTUM_S
        try:
            while self._groups and time.monotonic() < until_s:
                ops, failed = self._groups[0]
                if not ops:
                    self._groups.popleft()
                    continue
                self._node.committed((ops.popleft(),), failed=failed)
        finally:
            self._is_answering = bool(self._groups)
            if self._is_answering:
                self._loop.call_soon(self._answer)
