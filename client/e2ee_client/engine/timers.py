"""What is to be done at a time: by name, each at most once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from .turn import Turn

Name: TypeAlias = str | tuple[str, bytes]


class Timers:
    """Nothing here is stored: what a fresh engine has to do, it finds out by itself."""

    def __init__(self) -> None:
        self._due: dict[Name, tuple[int, Callable[[Turn], None]]] = {}

    def set(self, name: Name, at_ms: int, do: Callable[[Turn], None]) -> None:
        """Do this at a time, in place of what was to be done under the name."""
        self._due[name] = at_ms, do

    def drop(self, name: Name) -> None:
        """Do nothing under a name."""
        self._due.pop(name, None)

    def at_ms(self, name: Name) -> int | None:
        """Return when something is due; None if nothing is to be done under the name."""
        return self._due[name][0] if name in self._due else None

    def is_waiting(self, name: Name, now_ms: int) -> bool:
        """Whether something is to be done later than now."""
        return name in self._due and now_ms < self._due[name][0]

    def wake_ms(self) -> int | None:
        """Return when the first one is due."""
        return min((at_ms for at_ms, _ in self._due.values()), default=None)

    def clock_put_back(self, now_ms: int) -> None:
        """What a clock ahead of now has put off is due now."""
        self._due = {name: (min(at_ms, now_ms), do) for name, (at_ms, do) in self._due.items()}

    def run(self, turn: Turn) -> None:
        """Do what is due."""
        for name, (at_ms, do) in list(self._due.items()):
            if turn.now_ms >= at_ms and self._due.get(name) == (at_ms, do):
                del self._due[name]
                do(turn)
