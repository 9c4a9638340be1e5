"""Times by name, each name at most once: the first one is found without going through all of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_STALE_LEAST: Final = 64


class Deadlines(Generic[K]):
    """A heap in which what was moved or dropped stays for a while: an entry counts while it is the newest of
    its name. Of equal times the lower `rank` comes first, then what was set first.
    """

    def __init__(self) -> None:
        self._newest: dict[K, tuple[int, int, int]] = {}
        self._heap: list[tuple[int, int, int, K]] = []
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._newest)

    def __contains__(self, name: object) -> bool:
        return name in self._newest

    def __iter__(self) -> Iterator[K]:
        return iter(self._newest)

    def at_ms(self, name: K) -> int | None:
        """Return the time of a name."""
        found = self._newest.get(name)
        return None if found is None else found[0]

    def set(self, name: K, at_ms: int, rank: int = 0) -> None:
        """Give a name a time, in place of the one that it had."""
        known = self._newest.get(name)
        if known is not None and known[:2] == (at_ms, rank):
            return
        self._newest[name] = entry = (at_ms, rank, next(self._numbers))
        heappush(self._heap, (*entry, name))
        if len(self._heap) > 2 * len(self._newest) + _STALE_LEAST:
            self._order_anew()

    def drop(self, name: K) -> None:
        """Forget a name."""
        self._newest.pop(name, None)

    def clear(self) -> None:
        """Forget all."""
        self._newest.clear()
        self._heap.clear()

    def first_ms(self) -> int | None:
        """Return the earliest time."""
        return self._heap[0][0] if self._first() is not None else None

    def pop(self, now_ms: int) -> K | None:
        """Take out the earliest name whose time has come; None if there is none."""
        name = self._first()
        if name is None or self._heap[0][0] > now_ms:
            return None
        del self._newest[name]
        return name

    def pop_all(self, now_ms: int) -> dict[K, int]:
        """Take out all names whose time has come, with their times, the earliest first."""
        due: dict[K, int] = {}
        while (name := self._first()) is not None and self._heap[0][0] <= now_ms:
            due[name] = self._heap[0][0]
            del self._newest[name]
        return due

    def at_the_latest(self, at_ms: int) -> None:
        """Let nothing be later than this, as after a clock that was put back."""
        self._newest = {
            name: (min(old_ms, at_ms), rank, number) for name, (old_ms, rank, number) in self._newest.items()
        }
        self._order_anew()

    def _first(self) -> K | None:
        while self._heap:
            *entry, name = self._heap[0]
            if self._newest.get(name) == tuple(entry):
                return name
            heappop(self._heap)
        return None

    def _order_anew(self) -> None:
        self._heap = [(*entry, name) for name, entry in self._newest.items()]
        heapify(self._heap)
