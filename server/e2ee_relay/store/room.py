"""How much room a database has, on its disk and in its own free pages (RLY-131).

A deletion writes before it frees anything, and it frees pages of the database, not of the disk. So what adds
is refused while the disk still has a reserve: room for the journal to grow to its limit, for the database to
take in what such a journal holds, and as much again for a group of changes under way.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

DEFAULT_RESERVE_B: Final = 192 << 20
_MOST_JOURNAL_B: Final = 64 << 20


def journal_limit_b(reserve_b: int) -> int:
    """Return the size from which SQLite moves the journal into the database by itself."""
    return min(_MOST_JOURNAL_B, reserve_b // 3) if reserve_b else _MOST_JOURNAL_B


def is_ample(folder: Path, reserve_b: int) -> bool:
    """Tell whether the disk has twice the reserve; not, where it cannot be asked (RLY-158)."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize >= 2 * reserve_b


class Room:
    """Looks at the disk of one database; `free_pages_b` asks the database."""

    def __init__(self, path: Path, reserve_b: int, free_pages_b: Callable[[], int]) -> None:
        self._folder = path.parent
        self._journal = path.with_name(path.name + "-wal")
        self._reserve_b = reserve_b
        self._free_pages_b = free_pages_b

    def is_left(self) -> bool:
        """Tell whether something may be added; not, where the disk cannot be asked.

        Two things are needed: the reserve, of which the journal has taken its part already; and a quarter
        more, in free pages or on the disk, for the database to grow into.
        """
        try:
            disk = os.statvfs(self._folder)
            journal_b = self._journal.stat().st_size if self._journal.exists() else 0
        except OSError:  # the directory has just gone (RLY-173)
            return False
        free_b = disk.f_bavail * disk.f_frsize
        if free_b >= 2 * self._reserve_b:
            return True
        free_b += min(journal_b, journal_limit_b(self._reserve_b))
        return free_b >= self._reserve_b and free_b + self._free_pages_b() >= self._reserve_b * 5 // 4
