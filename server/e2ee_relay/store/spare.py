"""Room on the disk that is given back when there is none left, so that a full disk can be emptied (RLY-174).

A deletion has to write before it frees anything, and so has a start. On a disk without any room neither can
run. A file of no content holds some room for them while the disk is ample; without it no database could be
opened once other programs have taken the reserve of `room.py`.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

# Of the reserve; the journal of deletions fits, and is emptied before it needs more.
_SHARE: Final = 6
_NEEDED_SHARE: Final = 4
# Of a file system that cannot promise room.
_IMPOSSIBLE: Final = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


class SpareRoom:
    """A file that holds room for deletions; none with a reserve of 0."""

    def __init__(self, path: Path, reserve_b: int) -> None:
        self._path = path
        self._reserve_b = reserve_b
        self._size_b = reserve_b // _SHARE
        self._is_possible = True

    def keep(self) -> None:
        """Take the room while the disk is ample, give it back when the disk has next to none.

        A file of another size, of another reserve or of a start that was killed, is made anew.
        """
        held_b = self._held_b()
        if self.give_back() or held_b == (self._size_b or None):
            return
        if not self._size_b:
            self._path.unlink(missing_ok=True)
        elif self._is_possible and self._free_b() + (held_b or 0) >= 2 * self._reserve_b + self._size_b:
            self._path.unlink(missing_ok=True)
            self._take()

    def give_back(self) -> bool:
        """Delete the file if the disk has next to no room; tell whether that was so."""
        is_short = self._free_b() < self._size_b // _NEEDED_SHARE
        if is_short:
            self._path.unlink(missing_ok=True)
        return is_short

    def _held_b(self) -> int | None:
        return self._path.stat().st_size if self._path.exists() else None

    def _free_b(self) -> int:
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize

    def _take(self) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._size_b)
        except OSError as error:
            # What is not held whole is not kept. A file system that cannot promise room is not asked again.
            self._path.unlink()
            self._is_possible = error.errno not in _IMPOSSIBLE
        finally:
            os.close(descriptor)
