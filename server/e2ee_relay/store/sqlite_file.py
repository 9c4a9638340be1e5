"""The relay's database file: opening, the figures in `meta`, generations, and the mark beside it."""

from __future__ import annotations

import hashlib
import sqlite3
import sys
import weakref
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from .api import StoreError
from .blobs import BlobFiles, BlobMemory, blob_folder
from .mark import Mark, MarkFile
from .open_files import OpenFiles
from .room import DEFAULT_RESERVE_B, Room, is_ample, journal_limit_b
from .sqlite_schema import migrate

_PAGE_B: Final = 4096
_INSTANCE_B: Final = 16
# Times what mailboxes stop at (RLY-158).
_BLOBS_STOP_AT: Final = 2
# A start after a declared restore, or without a mark, must be above every generation that the lost database
# can have had.
_DECLARED_RESTORE_STEP: Final = 1 << 20


class FilesLost(sqlite3.OperationalError):
    """The names of the files lead to others, or to none."""


class DatabaseFile:
    """One open database: WAL, synchronous=FULL, secure_delete. One thread uses it at a time."""

    def __init__(
        self,
        path: Path | None,
        instance: bytes,
        mark_file: MarkFile | None = None,
        reserve_b: int = DEFAULT_RESERVE_B,
    ) -> None:
        """Open or create the database; `path` None keeps it in memory, `instance` is random (16 B).

        `reserve_b`: below so much room on the disk nothing is added (RLY-131); 0 adds until it is full.

        Raises:
            SchemaTooNew: the database was written by a newer release (RLY-75).
            StoreError: the file cannot be opened, or is not a relay's database.
        """
        self._mark_file = mark_file
        self._instance = instance
        self._has_jumped = False  # to numbers above those of a database that was lost
        self.files = OpenFiles()
        self._path, self._reserve_b = path, reserve_b
        self.blobs = BlobMemory() if path is None else BlobFiles(blob_folder(path))
        self._room = Room(path, reserve_b, self._free_pages_b) if path is not None and reserve_b else None
        try:
            self.connection = _open(path, journal_limit_b(reserve_b))
            # Whoever lets go of a store without closing it leaves no open file behind.
            self._let_go = weakref.finalize(self, self.connection.close)
            migrate(self.connection)
            self._begin_figures()
        except sqlite3.Error as error:
            raise StoreError(f"the database cannot be opened: {error}") from None

    def _begin_figures(self) -> None:
        """Write the figures of a new database; those of an old one are there, and nothing is written."""
        held = {name for (name,) in self.connection.execute("SELECT name FROM meta")}
        first = {"instance": self._instance, "previous_instance": self._instance}
        for name, value in {**first, "generation": 0, "handed_out": 0, "clock": 0}.items():
            if name not in held:
                self.connection.execute("INSERT INTO meta VALUES (?, ?)", (name, value))

    # --- figures ---

    def clock_ms(self) -> int:
        """Return the full hour of the relay's last sweep, 0 if there was none (RLY-132, RLY-150)."""
        (value,) = self.connection.execute("SELECT value FROM meta WHERE name = 'clock'").fetchone()
        return int(value)

    def set_figure(self, name: str, value: int | bytes) -> None:
        """Write a figure, within the transaction of the caller."""
        self.connection.execute("UPDATE meta SET value = ? WHERE name = ?", (value, name))

    def mark(self) -> Mark:
        """Return what the mark beside this database should say."""
        values = dict(self.connection.execute("SELECT name, value FROM meta"))
        return Mark(bytes(values["instance"]), int(values["generation"]), int(values["handed_out"]))

    def write_mark(self) -> None:
        """Have the mark say what the database says.

        Raises:
            OSError: it cannot be written.
        """
        if self._mark_file is not None:
            self._mark_file.write(self.mark())

    # --- generations, and copies that were put back ---

    def begin_generation(self) -> int:
        """Begin to give numbers above all earlier ones, and burn a restored copy's one-time keys (RLY-76).

        Raises:
            sqlite3.Error, OSError: it could not be committed; nothing may be added or handed out.
        """
        return self._begin_generation(step=1, declared=False)

    def declare_restored(self) -> int:
        """Burn all one-time keys on the operator's word; return how many (RLY-76)."""
        held = int(self.connection.execute("SELECT count(*) FROM prekey").fetchone()[0])
        self._begin_generation(step=_DECLARED_RESTORE_STEP, declared=True)
        return held

    def is_restored(self) -> bool:
        """Tell whether the mark beside the database contradicts it (RLY-76)."""
        ours, theirs = self.mark(), None if self._mark_file is None else self._mark_file.read()
        if self._mark_file is None or ours.generation == 0:
            return False
        known = (ours.instance, self._previous_instance())
        return theirs is None or theirs.instance not in known or theirs.handed_out > ours.handed_out

    def _begin_generation(self, step: int, *, declared: bool) -> int:
        mark = None if self._mark_file is None else self._mark_file.read()
        ours = self.mark()
        noted = ours if mark is None else mark
        # Without its mark a database may be a copy of one that has gone on. Once: each attempt would jump.
        jumps = self._mark_file is not None and mark is None and ours.generation > 0 and not self._has_jumped
        step = _DECLARED_RESTORE_STEP if jumps else step
        generation = max(ours.generation, noted.generation) + step
        burn = declared or self.is_restored()
        with self.transaction():
            if burn:
                self.connection.execute("DELETE FROM prekey")
            self.set_figure("generation", generation)
            self.set_figure("handed_out", max(ours.handed_out, noted.handed_out))
            # Until the mark is written it names that one; nothing is handed out meanwhile.
            self.set_figure("previous_instance", noted.instance)
            self.set_figure("instance", self._instance_of(generation))
        self._has_jumped = self._has_jumped or jumps
        self.write_mark()
        return generation

    def _instance_of(self, generation: int) -> bytes:
        """Return a name that no other start has, also of this object."""
        drawn = self._instance + generation.to_bytes(8, "big")
        return hashlib.blake2b(drawn, digest_size=_INSTANCE_B).digest()

    def _previous_instance(self) -> bytes:
        row = self.connection.execute("SELECT value FROM meta WHERE name = 'previous_instance'").fetchone()
        return bytes(row[0])

    # --- transactions, room, end ---

    def is_in_place(self) -> bool:
        """Tell whether the names of database and journal lead to the files that are open (RLY-173)."""
        return self.files.are_in_place()

    def _refuse_lost_files(self) -> None:
        if not self.is_in_place():
            raise FilesLost("the files of the database are gone or hidden")

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Commit what is done within, durably, or nothing of it.

        While the files are not under their names nothing is done, and what was is not confirmed (RLY-173).

        Raises:
            FilesLost: they are not. sqlite3.Error: it could not be committed.
        """
        self._refuse_lost_files()
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        finally:
            if self.connection.in_transaction:
                with suppress(sqlite3.Error):  # the fault that led here is the one to be told
                    self.connection.execute("ROLLBACK")
        self._refuse_lost_files()

    def has_room(self) -> bool:
        """Tell whether anything may be added (RLY-131); not, where the disk cannot be asked."""
        try:
            return self._room is None or self._room.is_left()
        except OSError:
            return False

    def has_room_for_blobs(self) -> bool:
        """Tell whether parts of blobs may be added: they stop before mailboxes do (RLY-250)."""
        return self._path is None or is_ample(self._path.parent, _BLOBS_STOP_AT * self._reserve_b)

    def _free_pages_b(self) -> int:
        (count,) = self.connection.execute("PRAGMA freelist_count").fetchone()
        return int(count) * _PAGE_B

    def tidy(self) -> bool:
        """Empty the journal into the database, so that deleted bytes are gone from both files (RLY-43).

        Returns False while a reader (a backup, an inspection) or a fault stands in the way: try again.
        """
        if not self.is_in_place():
            return False
        try:
            (busy, _, _) = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error:
            return False
        # Looked at now, what comes after the checkpoint is told from what it wrote.
        return self.is_in_place() and not busy

    def close(self) -> None:
        """Tidy and close."""
        # Else SQLite deletes what is under the journal's name: that of another disk, with its confirmed
        # messages, where the database there has the number (inode) of ours.
        if not self.tidy() and not self.is_in_place() and sys.version_info >= (3, 12):
            self.connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE)
        self.connection.close()


def _open(path: Path | None, journal_b: int) -> sqlite3.Connection:
    name = ":memory:" if path is None else path
    db = sqlite3.connect(name, isolation_level=None, check_same_thread=False, timeout=5.0)
    try:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "secure_delete = ON",
            "temp_store = MEMORY",
            # A checkpoint blocks the writer; while it is busy the journal may grow to this size.
            f"wal_autocheckpoint = {journal_b // _PAGE_B}",
        ):
            db.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        db.close()
        raise
    if path is not None:
        path.chmod(0o600)
    return db
