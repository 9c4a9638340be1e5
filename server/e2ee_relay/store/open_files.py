"""The files of an open database, looked up again under their names (RLY-173).

A process that holds a file open can go on writing to it after the file was deleted or replaced, or a mount
has hidden it. What it commits then is not found by the next start. So each commit and each look at readiness
compares the files under the names with those that are open: two `stat` calls, some microseconds.
"""

from __future__ import annotations

import os
from pathlib import Path


class OpenFiles:
    """Some paths with the files that they named when this object was made.

    A file that is held open keeps its number (inode), so no other file can have it meanwhile.
    """

    def __init__(self, *paths: Path) -> None:
        self._numbers = {path: number for path in paths if (number := _number(path)) is not None}

    def are_in_place(self) -> bool:
        """Tell whether every name still leads to the file that is open."""
        return all(_number(path) == number for path, number in self._numbers.items())


def _number(path: Path) -> tuple[int, int] | None:
    """Return file system and inode; None where there is no such file, or it cannot be looked up."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
