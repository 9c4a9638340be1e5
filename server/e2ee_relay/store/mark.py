"""The high-water mark: a small file beside the database that a restored database contradicts (RLY-76).

It holds the random name of the last start, its number (generation) and the count of handed-out one-time
prekeys. The database commits first, then the mark is written, then the answer leaves. So a database knows
the start that its mark names: as its last one, or, after a crash between the two writes, as the one before,
which it notes for that. One that does not, or whose count is behind the mark's, is a copy from another time,
which may hand a one-time key out again. Counts alone do not tell: after a lost mark the copy begins a count
of its own, which says nothing about that of any other copy.
"""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LAYOUT: Final = struct.Struct(">8s16sQQ")
_MAGIC: Final = b"SRMARK\0\1"
_CHECK_B: Final = 8


@dataclass(frozen=True, slots=True)
class Mark:
    instance: bytes  # 16 B, random, drawn at each start
    generation: int
    handed_out: int


class MarkFile:
    """The mark on disk: one write of less than a sector, flushed; a torn one reads as missing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Mark | None:
        """Return the mark, or None if the file is missing or damaged."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        if len(data) != _LAYOUT.size + _CHECK_B or _check(data[: _LAYOUT.size]) != data[_LAYOUT.size :]:
            return None
        magic, instance, generation, handed_out = _LAYOUT.unpack(data[: _LAYOUT.size])
        return Mark(instance, generation, handed_out) if magic == _MAGIC else None

    def write(self, mark: Mark) -> None:
        """Make the mark durable.

        Raises:
            OSError: the file cannot be written.
        """
        packed = _LAYOUT.pack(_MAGIC, mark.instance, mark.generation, mark.handed_out)
        created = not self._path.exists()
        descriptor = open_own(self._path, os.O_WRONLY | os.O_CREAT)
        try:
            os.pwrite(descriptor, packed + _check(packed), 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if created:
            flush_directory(self._path.parent)


def flush_directory(directory: Path) -> None:
    """Make a new directory entry durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_own(path: Path, flags: int) -> int:
    """Open a file in the data directory, private to who has that; return its descriptor.

    Raises:
        OSError: it cannot be opened, or is a symbolic link, which may lead to a file of root (RLY-274).
    """
    descriptor = os.open(path, flags | os.O_NOFOLLOW, 0o600)
    try:
        give_to_owner(descriptor, path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def give_to_owner(descriptor: int, path: Path) -> None:
    """Let an open file of root belong to who has its folder, as the relay's user does (RLY-274).

    Who has the folder can put a link there: what it leads to keeps its owner.
    """
    ours, theirs = os.fstat(descriptor), path.parent.stat()
    owner = (theirs.st_uid, theirs.st_gid)
    is_linked = ours.st_nlink > 1 or not os.path.samestat(ours, path.lstat())
    if os.geteuid() == 0 and not is_linked and (ours.st_uid, ours.st_gid) != owner:
        os.fchown(descriptor, *owner)


def _check(packed: bytes) -> bytes:
    return hashlib.blake2b(packed, digest_size=_CHECK_B).digest()
