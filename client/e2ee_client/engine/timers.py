"""What is to be done at a time: by name, each at most once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from .deadlines import Deadlines
from .turn import Turn

Name: TypeAlias = str | tuple[str, bytes]


class Timers:
    """Nothing here is stored: what a fresh engine has to do, it finds out by itself."""

    def __init__(self) -> None:
        self._times: Deadlines[Name] = Deadlines()
        self._work: dict[Name, Callable[[Turn], None]] = {}
        self._due: dict[Name, int] = {}  # what the run that goes on has still to do

    def set(self, name: Name, at_ms: int, do: Callable[[Turn], None]) -> None:
        """Do this at a time, in place of what was to be done under the name."""
        self._work[name] = do
        self._due.pop(name, None)
        self._times.set(name, at_ms)

    def drop(self, name: Name) -> None:
        """Do nothing under a name."""
        self._work.pop(name, None)
        self._due.pop(name, None)
        self._times.drop(name)

    def clear(self) -> None:
        """Do nothing of all that was to be done."""
        self._work.clear()
        self._due.clear()
        self._times.clear()

    def at_ms(self, name: Name) -> int | None:
        """Return when something is due; None if nothing is to be done under the name."""
        return self._due.get(name, self._times.at_ms(name))

    def is_waiting(self, name: Name, now_ms: int) -> bool:
        """Whether something is to be done later than now."""
        at_ms = self._times.at_ms(name)
        return at_ms is not None and now_ms < at_ms

    def wake_ms(self) -> int | None:
        """Return when the first one is due."""
        return self._times.first_ms()

    def clock_put_back(self, now_ms: int) -> None:
        """What a clock ahead of now has put off is due now."""
        self._times.at_the_latest(now_ms)

    def run(self, turn: Turn) -> None:
        """Do what is due; what becomes due by that is done at the next time, and what one that raises an
        error leaves undone.
        """
        self._due = self._times.pop_all(turn.now_ms)
        try:
            for name in list(self._due):
                if self._due.pop(name, None) is not None:
                    self._work.pop(name)(turn)
        finally:
            for name, at_ms in self._due.items():
                self._times.set(name, at_ms)
            self._due = {}
