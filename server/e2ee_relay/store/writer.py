"""One writer thread with natural group commit: while a commit runs, changes collect; then all are committed.

A lone change is committed at once, a thousand that arrive during a commit share the next one. Under a load
commits keep a distance, so that more changes share one (RLY-163). Results come back in order, one call per
group.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from .changes import Change, Result, Store

Then: TypeAlias = Callable[[Result, int], None]
Completed: TypeAlias = list[tuple[Then, Result]]
# How many changes one transaction takes at most: bounds the time for which the others wait.
_MAX_GROUP: Final = 4096
# So many changes in one commit are a load; then commits begin at this distance, unless nothing more comes.
# A commit of ten costs the machine little less than one of forty, and what goes in the group that it came in
# is never written.
_LOAD: Final = 8
_DISTANCE_S: Final = 0.004
_PATIENCE_S: Final = 0.001


@dataclass(slots=True)
class WriterFigures:
    """What the writer did so far, for the metrics; written by its thread only."""

    commits: int = 0
    changes: int = 0
    checkpoints: int = 0


class Writer:
    """Owns the store in a thread of its own; `deliver` is called there with the results of each group."""

    def __init__(
        self,
        store: Store,
        deliver: Callable[[Completed, float], None],
        monotonic: Callable[[], float],
        *,
        sleep: Callable[[float], None] = time.sleep,
        idle_s: float = 1.0,
        busy_s: float = 60.0,
    ) -> None:
        self._store = store
        self._deliver = deliver
        self._monotonic = monotonic
        self._sleep = sleep
        self._idle_s = idle_s
        self._busy_s = busy_s
        self._queue: queue.SimpleQueue[tuple[Change, Then] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="relay-writer")
        self.figures = WriterFigures()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, change: Change, then: Then) -> None:
        """Queue a change; `then` goes to `deliver` with its result after the commit."""
        self._queue.put((change, then))

    def stop(self, timeout_s: float) -> bool:
        """Commit what is queued, tidy, close the store; tell whether this was done in time."""
        self._queue.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def is_alive(self) -> bool:
        """Tell whether the thread still runs; the relay is not ready without it."""
        return self._thread.is_alive()

    @property
    def backlog(self) -> int:
        """Changes that wait for a commit."""
        return self._queue.qsize()

    def _run(self) -> None:
        dirty_since: float | None = None
        stopping = False
        while not stopping:
            group, stopping = self._collect(self._wait_s(dirty_since))
            if group:
                self._commit(group, is_last=stopping)
                dirty_since = self._monotonic() if dirty_since is None else dirty_since
            due = dirty_since is not None and (not group or self._monotonic() - dirty_since >= self._busy_s)
            if due and self._store.tidy():
                self.figures.checkpoints += 1
                dirty_since = None
        self._store.close()

    def _wait_s(self, dirty_since: float | None) -> float | None:
        return None if dirty_since is None else self._idle_s

    def _collect(self, wait_s: float | None) -> tuple[list[tuple[Change, Then]], bool]:
        """Wait for one change, then take what else has collected; empty: the time was idle."""
        group: list[tuple[Change, Then]] = []
        try:
            item = self._queue.get(timeout=wait_s)
            while item is not None:
                group.append(item)
                if len(group) >= _MAX_GROUP:
                    return group, False
                item = self._queue.get_nowait()
        except queue.Empty:
            return group, False
        return group, True

    def _commit(self, group: Sequence[tuple[Change, Then]], *, is_last: bool) -> None:
        begun = self._monotonic()
        results = self._store.execute([change for change, _ in group])
        self.figures.commits += 1
        self.figures.changes += len(group)
        completed = [(then, result) for (_, then), result in zip(group, results, strict=True)]
        self._deliver(completed, self._monotonic() - begun)
        if len(group) >= _LOAD and not is_last:
            self._keep_distance(begun)

    def _keep_distance(self, begun: float) -> None:
        """Let more share the next commit, while more comes (RLY-163)."""
        waiting = self.backlog
        while (left_s := begun + _DISTANCE_S - self._monotonic()) > 0:
            self._sleep(min(left_s, _PATIENCE_S))
            before, waiting = waiting, self.backlog
            if waiting == before:
                return
