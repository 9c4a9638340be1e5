"""The data directory: database, mark and lock, private to the relay's user, for one process at a time.

Its own name, too, has to survive a loss of power (RLY-130): what is synchronised inside cannot be found
without it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from .settings import reason_of
from .store.api import StoreError, StoreInUse
from .store.backup import forget_unfinished
from .store.mark import MarkFile, flush_directory, open_own
from .store.open_files import OpenDatabase
from .store.room import DEFAULT_RESERVE_B
from .store.spare import SpareRoom
from .store.sqlite_file import DatabaseFile

DATABASE = "relay.db"
MARK = "relay.mark"
LOCK = "relay.lock"
SPARE = "relay.spare"
_NO_DATABASE = (
    "{path} has a mark (relay.mark) and no database, or an empty one: it was deleted, or another disk is"
    " mounted there. Put the database back (mount the disk, or `sealroom-relay restore`), or delete"
    " relay.mark to begin with nothing"
)


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """A locked data directory; keep it until the process ends, or for a `with`."""

    path: Path
    lock: int

    @classmethod
    def claim(cls, path: Path) -> DataDirectory:
        """Create the directory if needed and lock it.

        Raises:
            StoreInUse: another process has it.
            StoreError: it cannot be created or written.
        """
        try:
            _make_durably(path, 0o700)
            lock = open_own(path / LOCK, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise StoreError(f"the data directory {path} cannot be used: {reason_of(error)}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise StoreInUse(f"another process has the data directory {path}: stop the relay first") from None
        return cls(path, lock)

    def open_store(self, reserve_b: int = DEFAULT_RESERVE_B) -> DatabaseFile:
        """Open the database, to which a store adds nothing below so much room on the disk (RLY-131).

        Raises:
            SchemaTooNew: the database was written by a newer release.
            StoreError: the database cannot be opened, or is missing beside its mark (RLY-175).
        """
        mark_file = MarkFile(self.path / MARK)
        database = self.path / DATABASE
        if mark_file.read() is not None and not (database.exists() and database.stat().st_size):
            raise StoreError(_NO_DATABASE.format(path=self.path))
        forget_unfinished(database.resolve())
        self.spare(reserve_b).give_back()
        file = DatabaseFile(database.resolve(), secrets.token_bytes(16), mark_file, reserve_b)
        file.files = OpenDatabase(database, self.path / LOCK)
        return file

    def spare(self, reserve_b: int) -> SpareRoom:
        """Return the room that is kept for deletions on a full disk (RLY-174)."""
        # A database that is a symbolic link has its disk elsewhere.
        return SpareRoom((self.path / DATABASE).resolve().with_name(SPARE), reserve_b)

    def release(self) -> None:
        """Let another process have it."""
        os.close(self.lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()


@contextmanager
def stands_still(database: Path, ours: Path) -> Generator[None]:
    """Keep relays from starting on another data directory than `ours`, that of a database (RLY-277).

    Raises:
        StoreInUse: a relay runs there: a copy of its files would be of several moments.
    """
    with ExitStack() as open_files:
        for folder in {database.parent.resolve(), database.resolve().parent} - {ours.resolve()}:
            with suppress(FileNotFoundError):
                lock = open_files.enter_context((folder / LOCK).open("rb"))
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise StoreInUse(
                        f"a relay runs on {folder}: stop it, or take a copy with `sealroom-relay backup`"
                    ) from None
        yield


def _make_durably(path: Path, mode: int) -> None:
    """Make the directory and those above it that are missing, each with its name on disk."""
    if path.is_dir():
        return
    _make_durably(path.parent, 0o777)
    path.mkdir(mode, exist_ok=True)
    flush_directory(path.parent)
