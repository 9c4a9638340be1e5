"""Room on the disk that is given back when there is none left, so that a full disk can be emptied (RLY-174).

A deletion has to write before it frees anything, and so has a start. On a disk without any room neither can
run. A file of no content holds some room for them while the disk is ample; without it no database could be
opened once other programs have taken the reserve of `room.py`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

# Of the reserve; the journal of deletions fits, and is emptied before it needs more.
_SHARE: Final = 6
_NEEDED_SHARE: Final = 4


class SpareRoom:
    """A file that holds room for deletions; none with a reserve of 0."""

    def __init__(self, path: Path, reserve_b: int) -> None:
        self._path = path
        self._reserve_b = reserve_b
        self._size_b = reserve_b // _SHARE

    def keep(self) -> None:
        """Take the room while the disk is ample, give it back when the disk has next to none."""
        if not self.give_back() and self._free_b() >= 2 * self._reserve_b + self._size_b:
            self._take()

    def give_back(self) -> bool:
        """Delete the file if the disk has next to no room; tell whether that was so."""
        is_short = self._free_b() < self._size_b // _NEEDED_SHARE
        if is_short:
            self._path.unlink(missing_ok=True)
        return is_short

    def _free_b(self) -> int:
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize

    def _take(self) -> None:
        if not self._size_b or self._path.exists():
            return
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            # Where the file system cannot promise room there is none to be had.
            with suppress(OSError):
                os.posix_fallocate(descriptor, 0, self._size_b)
        finally:
            os.close(descriptor)
