"""The files of an open database, looked at again under their names (RLY-173).

A process that holds a file open can go on writing to it after the file was deleted or replaced, or a mount
has hidden it. What it commits then is not found by the next start. So each commit and each look at readiness
compares the files under the names with those that are open.

A file can also be lost in its place (RLY-190): `cp` and `truncate` keep it and change what is in it. SQLite
writes the database only in checkpoints, and its index of the journal (`relay.db-shm`, "WAL-Index Format" in
https://www.sqlite.org/walformat.html) tells how far they have come and what the journal holds. So a database
that was written without a checkpoint, and a journal that is shorter than that, or of another salt, is not
SQLite's. All of it is some `stat` calls and three short reads, about 20 microseconds.
"""

from __future__ import annotations

import os
import struct
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Of each of two copies: page size, frames of the journal that are committed, salt.
_COPY: Final = struct.Struct("=14xHI12x8s8x")
# Behind them: frames that are in the database, read marks, locks, frames that a checkpoint has begun with.
_CHECKPOINT: Final = struct.Struct("=I28xI")
_INDEX_B: Final = 2 * _COPY.size + _CHECKPOINT.size
_JOURNAL_HEADER_B: Final = 32
_SALT: Final = slice(16, 24)
_FRAME_HEADER_B: Final = 24
# A page of 65 536 bytes is written as 1.
_LARGEST_PAGE: Final = 1
_LARGEST_PAGE_B: Final = 65_536
# A writer in another process changes the index within microseconds; so often it is read again.
_MOST_READS: Final = 100


class OpenFiles:
    """Some paths with the files that they named when this object was made.

    A file that is held open keeps its number (inode), so no other file can have it meanwhile.
    """

    def __init__(self, *paths: Path) -> None:
        self._numbers = {path: number for path in paths if (number := _number(path)) is not None}

    def are_in_place(self) -> bool:
        """Tell whether every name still leads to the file that is open."""
        return all(_number(path) == number for path, number in self._numbers.items())


@dataclass(frozen=True, slots=True)
class _Index:
    """What the index of the journal says."""

    page_b: int
    frames: int
    salt: bytes
    in_database: int
    begun: int

    @property
    def journal_b(self) -> int:
        """The least size of the journal."""
        return _JOURNAL_HEADER_B + self.frames * (_FRAME_HEADER_B + self.page_b) if self.frames else 0

    @property
    def checkpoints(self) -> tuple[bytes, int]:
        """What each checkpoint that writes the database changes."""
        return self.salt, self.in_database


class OpenDatabase(OpenFiles):
    """Database, journal and index of a connection in WAL mode, and further files.

    Make it while the connection is open. Nothing else may read the index with a descriptor of its own: to
    close one takes SQLite's locks from it.
    """

    def __init__(self, database: Path, *others: Path) -> None:
        """`database` may be a symbolic link; journal and index are beside the file that it leads to.

        Raises:
            OSError: there are no such files.
        """
        target = database.resolve()
        journal, index = (target.with_name(target.name + end) for end in ("-wal", "-shm"))
        super().__init__(database, journal, index, *others)
        self._database = database
        self._journal = _opened(self, journal)
        self._index = _opened(self, index)
        self._looking = threading.Lock()
        self._seen: tuple[tuple[bytes, int], tuple[int, int]] | None = None
        self._is_overwritten = False
        self.are_in_place()

    def are_in_place(self) -> bool:
        """Tell whether every name leads to the file that is open, and SQLite alone has written there."""
        with self._looking:
            if self._is_overwritten or not super().are_in_place():
                return False
            try:
                self._is_overwritten = not self._is_as_written()
            except OSError:  # the names have just gone
                return False
            return not self._is_overwritten

    def _is_as_written(self) -> bool:
        for _ in range(_MOST_READS):
            before = self._read_index()
            written, is_whole = self._last_written(), self._has_journal(before)
            if before is not None and before == self._read_index():
                return is_whole and self._is_by_checkpoint(before, written)
        return False

    def _read_index(self) -> _Index | None:
        """Read the index; None while it is being changed."""
        found = os.pread(self._index, _INDEX_B, 0)
        copy, other = found[: _COPY.size], found[_COPY.size : 2 * _COPY.size]
        if len(found) != _INDEX_B or copy != other:
            return None
        page_b, frames, salt = _COPY.unpack(copy)
        in_database, begun = _CHECKPOINT.unpack(found[2 * _COPY.size :])
        return _Index(
            _LARGEST_PAGE_B if page_b == _LARGEST_PAGE else page_b, frames, salt, in_database, begun
        )

    def _has_journal(self, index: _Index | None) -> bool:
        """Tell whether the journal has all that is committed, and is the one that the index is about."""
        if index is None or not index.frames:
            return True
        header = os.pread(self._journal, _JOURNAL_HEADER_B, 0)
        return header[_SALT] == index.salt and os.fstat(self._journal).st_size >= index.journal_b

    def _last_written(self) -> tuple[int, int]:
        found = os.stat(self._database)
        return found.st_size, found.st_mtime_ns

    def _is_by_checkpoint(self, index: _Index, written: tuple[int, int]) -> bool:
        """Tell whether a checkpoint explains how the database was written since the last look."""
        if index.in_database < index.begun:
            return True  # one is under way, or broke off: the next one tells
        before, self._seen = self._seen, (index.checkpoints, written)
        return before is None or before == self._seen or before[0] != index.checkpoints


def _opened(owner: object, path: Path) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    weakref.finalize(owner, os.close, descriptor)
    return descriptor


def _number(path: Path) -> tuple[int, int] | None:
    """Return file system and inode; None where there is no such file, or it cannot be looked up."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
