"""Where a conversation can be interrupted: the system calls of one that was not, and faults at them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from crash_relay import OFFSET
from traced_process import Fault, calls_by_thread

SYNCS: Final = ("fsync", "fdatasync")
WRITE: Final = "pwrite64"
_HITS: Final = 3


@dataclass(slots=True)
class Points:
    """Numbers of calls, counted as strace does: for each thread, and each call by itself."""

    syncs: dict[str, set[int]] = field(default_factory=lambda: {call: set() for call in SYNCS})
    writes: set[int] = field(default_factory=set)
    first_of_run: set[int] = field(default_factory=set)

    @classmethod
    def of_log(cls, log: Path, who: str) -> Points:
        """Read them from a log; what the relay's writer spends to be numbered apart is none."""
        points = cls()
        for calls in calls_by_thread(log).values():
            spent = OFFSET if who == "relay" and calls.count(SYNCS[0]) > OFFSET else 0
            points._take_thread(calls, spent)
        return points

    def _take_thread(self, calls: list[str], spent: int) -> None:
        numbers = dict.fromkeys((*SYNCS, WRITE), 0)
        after_sync = True
        for call in calls:
            if call not in numbers:
                continue
            numbers[call] += 1
            if numbers[call] <= spent:
                continue
            if call == WRITE:
                self.writes.add(numbers[call])
                self.first_of_run.update([numbers[call]] if after_sync else [])
            else:
                self.syncs[call].add(numbers[call])
            after_sync = call != WRITE

    @property
    def first_writes(self) -> list[int]:
        """The first write after each synchronisation: before it, nothing of a commit is there."""
        return sorted(self.first_of_run)

    def __str__(self) -> str:
        syncs = ", ".join(f"{len(found)} {call}" for call, found in self.syncs.items())
        return f"{syncs}, {len(self.writes)} {WRITE} in {len(self.first_of_run)} runs"


def planned(
    points: Mapping[tuple[str, int], Points], *, every_write: bool = False
) -> Iterator[tuple[str, Fault]]:
    """Yield the kind of each fault, and the fault."""
    for (who, life), found in points.items():
        for call in SYNCS:
            for number in sorted(found.syncs[call]):
                yield f"kill at {call}", Fault(who, life, call, number)
        for number in sorted(found.writes if every_write else found.first_of_run):
            yield "kill at a write", Fault(who, life, WRITE, number)
        yield from _of_the_disk(who, life, WRITE, sorted(found.writes), "ENOSPC")
        yield from _of_the_disk(who, life, "fdatasync", sorted(found.syncs["fdatasync"]), "EIO")


def _of_the_disk(
    who: str, life: int, call: str, numbers: list[int], error: str
) -> Iterator[tuple[str, Fault]]:
    """Spread trials over the numbers, each with hits far apart: a long commit must fit in between."""
    stride = -(-len(numbers) // _HITS)
    for first in numbers[:stride]:
        last = first + (_HITS - 1) * stride
        yield f"{error} at {call}", Fault(who, life, call, first, last, stride, error)
