"""Where the newest position of a store is kept outside its database, so that an older copy is recognised
(STO-14).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from . import files


class GenerationAnchor(Protocol):
    """Keeps one record of 88 bytes. `save` returns when the record lasts; a cleared anchor loads None."""

    def load(self) -> bytes | None:
        """Return the record, or None if there is none."""
        ...

    def save(self, record: bytes) -> None:
        """Replace the record as a whole.

        Raises:
            StoreFull: no room.
            StoreUnavailable: it cannot be kept.
        """
        ...

    def clear(self) -> None:
        """Forget the record."""
        ...


class FileAnchor:
    """The default: a small file beside the database.

    Recognises a database that was put back alone, and by the file mark most copies of both files; not a
    disk image of both.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> bytes | None:
        """Return the file's content, or None if there is no file."""
        with files.translated_os_errors("reading the anchor"):
            return self._path.read_bytes() if self._path.exists() else None

    def save(self, record: bytes) -> None:
        """Replace the file; after a crash the old or the new record stands there."""
        with files.translated_os_errors("writing the anchor"):
            files.write_private(self._path, record)

    def clear(self) -> None:
        """Remove the file."""
        with files.translated_os_errors("removing the anchor"):
            self._path.unlink(missing_ok=True)


class MemoryAnchor:
    """Lasts as long as the object: for stores in memory, and for tests."""

    def __init__(self) -> None:
        self._record: bytes | None = None

    def load(self) -> bytes | None:
        """Return the record."""
        return self._record

    def save(self, record: bytes) -> None:
        """Replace the record."""
        self._record = record

    def clear(self) -> None:
        """Forget the record."""
        self._record = None


class HostAnchor:
    """Kept by the host application, for example in a keyring or by a server: the only kind that a disk
    image cannot
    put back together with the database.

    `save(b"")` asks to forget the record. Both functions raise `StoreUnavailable` when they cannot do
    their work.
    """

    def __init__(self, load: Callable[[], bytes | None], save: Callable[[bytes], None]) -> None:
        self._load = load
        self._save = save

    def load(self) -> bytes | None:
        """Ask the host for the record."""
        return self._load() or None

    def save(self, record: bytes) -> None:
        """Hand the record to the host."""
        self._save(record)

    def clear(self) -> None:
        """Ask the host to forget the record."""
        self._save(b"")
