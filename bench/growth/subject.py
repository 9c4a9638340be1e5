"""What is measured at one size: operations, and what they are measured beside."""

from __future__ import annotations

import gc
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

Clock = Callable[[], float]
_PAGE_B: Final = os.sysconf("SC_PAGE_SIZE")


class Operation(NamedTuple):
    """`run` does `times` operations; it is called `rounds` times, and the fastest counts.

    `prepare` comes before each run and is not measured. Where an operation goes through all that there is,
    `times` is their number, so that the cost is that of one of them.
    """

    run: Callable[[], object]
    times: int = 1
    rounds: int = 5
    prepare: Callable[[], object] = lambda: None


@dataclass
class Subject:
    """Something with so many items in it; `size_b` is its size on the disk, if it has one."""

    operations: dict[str, Operation]
    close: Callable[[], object] = lambda: None
    size_b: int = 0
    keeps: list[object] = field(default_factory=list)


Make = Callable[[int, Path], Subject]


class Axis(NamedTuple):
    """What grows; `make` makes it with so many items in an empty folder."""

    item: str
    sizes: tuple[int, ...]
    make: Make


def seconds(operation: Operation, clock: Clock) -> float:
    """Return the time of one operation in the fastest round."""
    best = float("inf")
    for _ in range(operation.rounds):
        operation.prepare()
        begun = clock()
        operation.run()
        best = min(best, clock() - begun)
    return best / operation.times


def resident_b() -> int:
    """Return the memory of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_B


def measure(make: Make, size: int, folder: Path, clock: Clock) -> dict[str, object]:
    """Make it at one size; return seconds of each operation, and bytes of one item."""
    gc.collect()
    before_b = resident_b()
    subject = make(size, folder)
    gc.collect()
    memory_b = max(1, resident_b() - before_b)
    found = {name: seconds(one, clock) for name, one in subject.operations.items()}
    subject.close()
    return {
        "seconds": found,
        "floor": {name: seconds(one, clock) for name, one in floors(size, folder).items()},
        "memory_b": memory_b / size,
        "disk_b": subject.size_b / size,
    }


def floors(size: int, folder: Path) -> dict[str, Operation]:
    """A dict and a bare SQLite table of as many rows of 256 bytes: read and write one, go through all.

    The table has no durability (`synchronous` is off): it is the lookup that is looked at.
    """
    keys = [os.urandom(16) for _ in range(size)]
    some = keys[:: max(1, size // 1000)]
    held = dict.fromkeys(keys, bytes(256))
    db = sqlite3.connect(folder / "floor.db", isolation_level=None)
    for pragma in ("journal_mode = OFF", "synchronous = OFF"):
        db.execute(f"PRAGMA {pragma}")
    db.execute("CREATE TABLE floor (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")
    db.execute("BEGIN")
    db.executemany("INSERT INTO floor VALUES (?, ?)", ((key, bytes(256)) for key in sorted(keys)))

    def of_dict() -> None:
        for key in some:
            held[key] = held[key]

    def of_sqlite() -> None:
        for key in some:
            (value,) = db.execute("SELECT value FROM floor WHERE key = ?", (key,)).fetchone()
            db.execute("UPDATE floor SET value = ? WHERE key = ?", (value, key))

    return {"a dict": Operation(of_dict, len(some)), "a SQLite table": Operation(of_sqlite, len(some))}
