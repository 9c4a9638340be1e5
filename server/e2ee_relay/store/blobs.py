"""Parts of blobs in files of their own beside the database, and the thread that reads and writes them.

    relay.blobs/<hash of the id, in hex>: [checksum u32 | part] ...     all parts of 65 552 bytes but the last

What the answer to a part says is written: it survives the end of the process, whatever ends it. With the last
part the whole file is flushed before the row says that the blob is whole, and before the answer. So a loss of
power may shorten a blob that is not whole: the first part whose checksum does not fit is next.
The rows are the database's; a file without a row, or a whole blob without its file, goes at the next start.
"""

from __future__ import annotations

import os
import queue
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from e2ee_relay.protocol import MAX_PART_B

from .api import Blob
from .mark import flush_directory

_SUM_B: Final = 4
_RECORD_B: Final = _SUM_B + MAX_PART_B


def blob_folder(database: Path) -> Path:
    """Return the directory of the parts, beside a database."""
    return database.with_name(database.stem + ".blobs")


class BlobsUnusable(OSError):
    """A part cannot be written or read."""


class BlobFiles:
    """One file a blob. One thread uses it at a time, apart from `keep_only` before that."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._next: dict[bytes, int] = {}  # parts of blobs that are not whole, as far as they were looked at
        self._writing: tuple[bytes, int] | None = None  # a blob, and its file that parts are written to

    def next_of(self, blob: Blob) -> int:
        """Return how many parts a blob has.

        Raises:
            OSError: they cannot be read.
        """
        if blob.is_whole:
            return blob.parts
        if blob.key not in self._next:
            self._next[blob.key] = self._count(blob)
        return self._next[blob.key]

    def _count(self, blob: Blob) -> int:
        """Count the leading parts whose checksums fit, after a start.

        Not the last one: the row does not say yet that the blob is whole.
        """
        count = 0
        with suppress(FileNotFoundError), self._opened(blob.key, os.O_RDONLY) as file:
            while count < blob.parts - 1 and _is_good(_read(file, count, 1), blob, count):
                count += 1
        return count

    def put(self, blob: Blob, index: int, part: bytes) -> None:
        """Append a part; with the last one the file is flushed, and its row has to say that it is whole.

        Raises:
            OSError: it cannot be written; the blob is as before, or what there was of it is lost.
        """
        is_last = index + 1 == blob.parts
        if index == 0:
            self._make_folder()
        try:
            file = self._writable(blob.key, begins=index == 0)
            _write(file, _sum(part, index) + part, index * _RECORD_B)
            if is_last:
                os.fsync(file)
        except FileNotFoundError:
            self._next.pop(blob.key, None)
            raise
        if is_last:
            flush_directory(self.folder)
            self._next.pop(blob.key, None)
        else:
            self._next[blob.key] = index + 1

    def _writable(self, key: bytes, *, begins: bool) -> int:
        """Return the file of a blob; it stays open until `let_go`, for the parts that follow."""
        if begins or self._writing is None or self._writing[0] != key:
            self.let_go()
            flags = os.O_WRONLY | (os.O_CREAT if begins else 0)
            self._writing = key, os.open(self._path(key), flags, 0o600)
        return self._writing[1]

    def let_go(self) -> None:
        """Close what parts were written to.

        An error here is of parts that were answered: the last one was flushed, and what the others lost their
        checksums tell.
        """
        writing, self._writing = self._writing, None
        if writing is not None:
            with suppress(OSError):
                os.close(writing[1])

    def _make_folder(self) -> None:
        if not self.folder.exists():
            self.folder.mkdir(mode=0o700)
            flush_directory(self.folder.parent)

    def get(self, blob: Blob, index: int, count: int) -> tuple[bytes, ...]:
        """Return parts of a whole blob; whoever opens them checks what they are.

        Raises:
            OSError: they cannot be read.
        """
        last = min(index + count, blob.parts)
        with self._opened(blob.key, os.O_RDONLY) as file:
            octets = _read(file, index, last - index)
        records = [octets[place * _RECORD_B : (place + 1) * _RECORD_B] for place in range(last - index)]
        if any(len(one) != _SUM_B + blob.part_b(index + place) for place, one in enumerate(records)):
            raise BlobsUnusable
        return tuple([record[_SUM_B:] for record in records])

    def remove(self, key: bytes) -> None:
        """Delete a blob's file, where there is one."""
        self._next.pop(key, None)
        self.let_go()
        with suppress(OSError):
            self._path(key).unlink()

    def remove_others(self, keys: Set[bytes]) -> dict[bytes, int]:
        """Delete files of no row; return the sizes of those that are left, by key.

        Raises:
            OSError: the directory cannot be used.
        """
        sizes: dict[bytes, int] = {}
        names = {key.hex(): key for key in keys}
        with suppress(FileNotFoundError):
            for file in list(os.scandir(self.folder)):
                if file.name in names:
                    sizes[names[file.name]] = file.stat().st_size
                else:
                    Path(file.path).unlink()
        return sizes

    def keep_only(self, blobs: Mapping[bytes, Blob]) -> list[Blob]:
        """Delete files of no row; return whole blobs whose file is missing or short. At a start (RLY-251).

        Raises:
            OSError: the directory cannot be used.
        """
        sizes = self.remove_others(blobs.keys())
        return [
            blob
            for key, blob in blobs.items()
            if blob.is_whole and sizes.get(key, 0) < blob.size_b + _SUM_B * blob.parts
        ]

    def _path(self, key: bytes) -> Path:
        return self.folder / key.hex()

    @contextmanager
    def _opened(self, key: bytes, flags: int) -> Iterator[int]:
        file = os.open(self._path(key), flags, 0o600)
        try:
            yield file
        finally:
            os.close(file)


class BlobMemory(BlobFiles):
    """The same without files, for a database in memory."""

    def __init__(self) -> None:
        super().__init__(Path())
        self._parts: dict[bytes, list[bytes]] = {}

    def _count(self, blob: Blob) -> int:
        return len(self._parts.get(blob.key, ())[: blob.parts - 1])

    def put(self, blob: Blob, index: int, part: bytes) -> None:
        """Append a part."""
        parts = self._parts.setdefault(blob.key, [])
        parts[index:] = [part]
        self._next.pop(blob.key, None)

    def get(self, blob: Blob, index: int, count: int) -> tuple[bytes, ...]:
        """Return parts of a whole blob."""
        return tuple(self._parts[blob.key][index : index + count])

    def remove(self, key: bytes) -> None:
        """Forget a blob."""
        self._next.pop(key, None)
        self._parts.pop(key, None)

    def remove_others(self, keys: Set[bytes]) -> dict[bytes, int]:
        """There are no files."""
        return {}

    def keep_only(self, blobs: Mapping[bytes, Blob]) -> list[Blob]:
        """Nothing is lost."""
        return []


def _sum(part: bytes, index: int) -> bytes:
    return zlib.crc32(part, index + 1).to_bytes(_SUM_B, "big")


def _is_good(record: bytes, blob: Blob, index: int) -> bool:
    part = record[_SUM_B:]
    return len(part) == blob.part_b(index) and record[:_SUM_B] == _sum(part, index)


def _read(file: int, index: int, count: int) -> bytes:
    return os.pread(file, count * _RECORD_B, index * _RECORD_B)


def _write(file: int, octets: bytes, place: int) -> None:
    view = memoryview(octets)
    while view:
        written = os.pwrite(file, view, place)
        view, place = view[written:], place + written


class BlobThread:
    """Carries out jobs in their order; without having been started, in the caller's thread."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._counting = threading.Lock()
        self._unfinished = 0

    def start(self) -> None:
        """Begin a thread."""
        self._thread = threading.Thread(target=self._run, name="relay-blobs")
        self._thread.start()

    def submit(self, job: Callable[[], None]) -> None:
        """Take a job, which catches what may go wrong."""
        if self._thread is None:
            job()
        else:
            self._count(1)
            self._queue.put(job)

    @property
    def is_alive(self) -> bool:
        """Tell whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def is_idle(self) -> bool:
        """Tell whether all that was submitted is done."""
        return not self._unfinished

    def stop(self, timeout_s: float) -> None:
        """End after what was submitted."""
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            job()
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._counting:
            self._unfinished += more
