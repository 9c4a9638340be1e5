"""The logic of a node with sessions in the place of effects, as the relay's shell sees any core."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from e2ee_relay.protocol import ErrorCode, Frame
from e2ee_relay.scheduler import PASS_S
from e2ee_relay.session import Outlet
from e2ee_relay.store.api import Observer
from e2ee_relay.store.changes import StoreFailure
from e2ee_relay.store.writer import Completed, Then

from .answering import Effect, Transmit
from .core import NodeCore


class SessionCore:
    """Carries the effects of a NodeCore out."""

    def __init__(self, core: NodeCore, now_ms: Callable[[], int]) -> None:
        self._core = core
        self._now_ms = now_ms
        self._outlets: dict[int, Outlet] = {}
        self.submit: Callable[[Any, Then], None] | None = None

    @property
    def skew_ms(self) -> int:
        """How far the machine's clock is ahead."""
        return self._core.state.skew_ms

    @skew_ms.setter
    def skew_ms(self, skew_ms: int) -> None:
        self._core.state.skew_ms = skew_ms

    @property
    def is_draining(self) -> bool:
        """Tell whether clients have been sent away."""
        return self._core.state.is_draining

    @property
    def counters(self) -> Counter[str]:
        """Return counts for the metrics."""
        return self._core.state.counters

    @property
    def refusals(self) -> Counter[ErrorCode]:
        """Return how often each code was answered."""
        return self._core.state.refusals

    @property
    def admits_mailboxes(self) -> Callable[[], bool]:
        """Return what tells whether mailboxes are made."""
        return self._core.state.admits_mailboxes

    def gauges(self, now_ms: int, /) -> dict[str, tuple[str, int]]:
        """Return figures of this moment."""
        return self._core.state.gauges(now_ms)

    def connect(self, outlet: Outlet, nonce: bytes, visitor: bytes = b"", /) -> int:
        """Open a connection; return its number."""
        number, effects = self._core.connect(nonce, visitor)
        self._outlets[number] = outlet
        self.carry_out(effects)
        return number

    def receive(self, session: int, frame: Frame, /) -> None:
        """Begin one request."""
        self.carry_out(self._core.receive(session, frame, self._now_ms()))

    def disconnect(self, session: int, /) -> None:
        """Forget a connection."""
        del self._outlets[session]
        self._core.disconnect(session)

    def tick(self, now_ms: int, /) -> None:
        """Bring time forward."""
        self.carry_out(self._core.tick(now_ms))

    def drain(self, retry_after_ms: int, /) -> None:
        """Send every client away."""
        self.carry_out(self._core.drain(retry_after_ms))

    def replace_registration_secret(self, secret: bytes | None, /) -> None:
        """Admit new mailboxes with this secret from now on."""
        self._core.replace_registration_secret(secret)

    def block(self, blocked: frozenset[bytes], /) -> None:
        """Serve these mailboxes and accounts no longer."""
        self._core.block(blocked)

    def heard(self, word: bytes) -> None:
        """Take a word from another node."""
        self.carry_out(self._core.heard(word, self._now_ms()))

    def complete(self, then: Then, result: Any) -> None:
        """Go on after a commit, or after its failure."""
        self.carry_out(self._core.complete(then, result, self._now_ms()))

    def carry_out(self, effects: list[Effect]) -> None:
        """Give frames to their connections, and changes to the store."""
        for effect in effects:
            if isinstance(effect, Transmit):
                outlet = self._outlets.get(effect.connection)
                if outlet is not None:
                    outlet.put(effect.frame, can_wait=effect.can_wait)
            elif self.submit is not None:
                self.submit(effect.change, effect.then)


class Completions:
    """Takes results from the store's threads to the core, in slices (RLY-149)."""

    def __init__(self, core: SessionCore, loop: asyncio.AbstractEventLoop, observer: Observer) -> None:
        self._core = core
        self._loop = loop
        self._observer = observer
        self._committed: deque[tuple[Then, Any]] = deque()
        self._is_answering = False
        self.completed_at = time.monotonic()

    @property
    def is_empty(self) -> bool:
        """Tell whether all is answered."""
        return not self._committed

    def give(self, completed: Completed, seconds: float) -> None:
        """Take the results of a group; any thread."""
        self._loop.call_soon_threadsafe(self._take, completed, seconds)

    def _take(self, completed: Completed, seconds: float) -> None:
        failures = sum(isinstance(result, StoreFailure) for _, result in completed)
        self._observer(seconds, len(completed), failures > 0)
        self.completed_at = time.monotonic()
        self._committed.extend(completed)
        if not self._is_answering:
            self._answer()

    def _answer(self) -> None:
        until_s = self._loop.time() + PASS_S
        try:
            while self._committed and self._loop.time() < until_s:
                self._core.complete(*self._committed.popleft())
        finally:
            self._is_answering = bool(self._committed)
            if self._is_answering:
                self._loop.call_soon(self._answer)
