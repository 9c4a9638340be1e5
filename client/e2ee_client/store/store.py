"""The encrypted store: sealed rows in one SQLite file, opened by one process at a time (spec/12-storage.md).

Theory of operation. `create` builds the whole file under another name and renames it, so that a store exists
completely or not at all. `open` takes the lock, unwraps the data key, checks the sum over all rows,
compares the
database with its anchor (`continuity`), and writes a new generation: first into the database, then into
the anchor.
`commit` is one durable transaction. What it overwrote is gone from the files after the next `erase`, which
happens
by itself every `erase_every` commits, at `close`, and whenever the owner calls it, for example when idle.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self
from weakref import WeakSet

from e2ee.ports import Rng
from e2ee_client.errors import StoreClosed, StoreError, StoreFull, StoreMisuse, StoreUnavailable
from e2ee_client.forking import in_child, keep
from e2ee_client.rows import DESTROYED_AT_ONCE, Change, Continuity

from . import database, files, header, opening
from .anchor import FileAnchor, GenerationAnchor, MemoryAnchor
from .keys import MODERATE, KdfProfile, Unlock
from .ledger import PAGE_ROWS
from .opening import Run, StoreOptions

DEFAULT_OPTIONS: Final = StoreOptions()


class Store:
    """An open store. Its methods may be called from any thread of the process that opened it, one at a
    time.
    """

    __slots__ = (
        "__weakref__",
        "_mutex",
        "_options",
        "_process_id",
        "_rng",
        "_run",
        "_since_anchor",
        "_since_erase",
        "_usable",
    )

    def __init__(self, run: Run, rng: Rng, options: StoreOptions) -> None:
        """Not for callers: use `create`, `open` or `in_memory`."""
        self._run: Run | None = run
        self._rng = rng
        self._options = options
        self._mutex = threading.Lock()
        self._process_id = os.getpid()
        self._since_erase = 0
        self._since_anchor = 0
        self._usable = True
        _OPEN.add(self)

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        unlock: Unlock,
        *,
        rng: Rng = os.urandom,
        kdf_profile: KdfProfile = MODERATE,
        anchor: GenerationAnchor | None = None,
        options: StoreOptions = DEFAULT_OPTIONS,
    ) -> Self:
        """Create a store and open it (STO-16).

        Raises:
            StoreExists, StoreLocked, StoreFull, StoreUnavailable.
        """
        place = Path(path).resolve()
        return cls(
            opening.create(place, unlock, rng, kdf_profile, _anchor_for(place, anchor), options), rng, options
        )

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        unlock: Unlock,
        *,
        rng: Rng = os.urandom,
        anchor: GenerationAnchor | None = None,
        options: StoreOptions = DEFAULT_OPTIONS,
    ) -> Self:
        """Open a store; `continuity` then tells whether its sessions may go on (STO-14).

        Raises:
            StoreMissing, StoreLocked, StoreWrongKey, StoreCorrupt, StoreTooNew, StoreTooOld,
            StoreFull, StoreUnavailable.
        """
        place = Path(path).resolve()
        return cls(opening.open_(place, unlock, rng, _anchor_for(place, anchor), options), rng, options)

    @classmethod
    def in_memory(cls, rng: Rng = os.urandom) -> Self:
        """A store that ends with the object."""
        return cls(opening.in_memory(rng, MemoryAnchor()), rng, DEFAULT_OPTIONS)

    @property
    def path(self) -> Path | None:
        """Where the store is; None for one in memory."""
        with self._opened() as run:
            return run.path

    @property
    def continuity(self) -> Continuity:
        """Whether the rows continue the last run; unless it `keeps_sessions`, all sessions are lost
        (STO-15).
        """
        with self._opened() as run:
            return run.continuity

    def get(self, table: str, key: bytes) -> bytes | None:
        """Return the value of the row (table, key), or None.

        Raises:
            StoreCorrupt: the row was changed on disk (STO-02).
            StoreMisuse: no such table, or a key that is too long (STO-08).
        """
        with self._opened() as run:
            return run.ledger.get(table, key)

    def items(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) in the order in which the rows were first put (STO-11).

        Commits during the iteration are allowed; it may or may not see rows that they put.

        Raises:
            StoreCorrupt: a row was changed on disk (STO-02).
            StoreMisuse: no such table (STO-08).
        """
        after_seq = 0
        while True:
            with self._opened() as run:
                page = run.ledger.page(table, after_seq)
            for seq, key, value in page:
                after_seq = seq
                yield key, value
            if len(page) < PAGE_ROWS:
                return

    def count(self, table: str) -> int:
        """Return the number of rows of a table.

        Raises:
            StoreMisuse: no such table (STO-08).
        """
        with self._opened() as run:
            return run.ledger.count(table)

    def commit(self, changes: Sequence[Change], *, settle_continuity: bool = False) -> None:
        """Apply the changes, in order, in one transaction that is on disk when this returns (STO-09).

        `settle_continuity` records with the same transaction that the engine has marked its sessions;
        until then
        each further `open` reports the verdict again (STO-15).

        Raises:
            StoreFull: no room; nothing changed, and the store stays usable.
            StoreMisuse: unknown table, or key or value too long; nothing changed (STO-08).
            StoreCorrupt, StoreUnavailable: nothing changed or, after a crash, everything; open the store
            again.
        """
        if not changes and not settle_continuity:
            return
        with self._opened() as run:
            self._usable = False
            try:
                run.ledger.commit(changes, settle=settle_continuity)
            except (StoreFull, StoreMisuse):
                self._usable = True
                raise
            self._usable = True
            if any(change.table in DESTROYED_AT_ONCE for change in changes):
                self._since_erase = self._options.erase_every
            self._after_commit(run)

    def erase(self) -> None:
        """Make everything that was overwritten or deleted so far disappear from the files (STO-12).

        Raises:
            StoreFull: no room to finish; it is tried again after the next commit.
            StoreUnavailable: the disk failed.
        """
        with self._opened() as run:
            self._erase(run)

    def check_unlock(self, unlock: Unlock) -> None:
        """Check that a passphrase or raw key opens this store, which stays as it is (STO-05).

        Takes about a second for a passphrase; others use the store meanwhile.

        Raises:
            StoreWrongKey: it does not. StoreUnavailable: too little memory for the derivation.
        """
        with self._opened() as run:
            current = header.decode(database.read_header(run.connection))
        header.unwrap(unlock, current)

    def change_passphrase(self, old: Unlock, new: Unlock, *, kdf_profile: KdfProfile = MODERATE) -> None:
        """Wrap the data key anew; the rows stay as they are, and the old wrap is gone from the files
        (STO-19).

        Raises:
            StoreWrongKey: `old` does not open the store.
            StoreFull: no room; if it was met while erasing, the new key already holds.
        """
        with self._opened() as run:
            current = header.decode(database.read_header(run.connection))
            data_key = header.unwrap(old, current)
            renewed = header.wrap(new, data_key, current.store_id, kdf_profile, self._rng)
            database.write_header(run.connection, header.encode(renewed))
            self._erase(run)

    def close(self) -> None:
        """Erase, let the anchor know, and give the lock back. Closing twice is allowed.

        A full disk does not keep a store open: what could not be erased is erased when it is opened again
        (STO-12).
        """
        run = self._detach()
        if run is None:
            return
        try:
            if self._usable:
                with suppress(StoreFull, StoreUnavailable):
                    self._erase(run)
                    run.save_anchor()
        finally:
            run.connection.close()
            if run.lock is not None:
                run.lock.release()

    def destroy(self) -> None:
        """Overwrite the wrapped data key, then remove all files: nothing that is left of them can be
        opened (STO-17).

        Raises:
            StoreUnavailable: a file could not be removed.
        """
        run = self._detach()
        if run is None:
            raise StoreClosed("the store is not open in this process")
        try:
            with suppress(StoreError):
                # Removing the files is worth doing even where overwriting fails.
                database.write_header(run.connection, bytes(header.HEADER_B))
                self._erase(run)
        finally:
            run.connection.close()
            if run.path is not None and run.lock is not None:
                with files.translated_os_errors("removing the store"):
                    files.remove_all(opening.database_files(run.path))
                    run.anchor.clear()
                    run.lock.release(remove=True)
                    files.synchronise_directory(run.path.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Store {'closed' if self._run is None else 'open'}>"

    @contextmanager
    def _opened(self) -> Iterator[Run]:
        with self._mutex:
            if self._run is None or os.getpid() != self._process_id:
                raise StoreClosed("the store is not open in this process")
            if not self._usable:
                raise StoreUnavailable("an earlier operation failed half-way; open the store again")
            yield self._run

    def _detach(self) -> Run | None:
        """Take the run out of the object; a forked child only forgets it: it is the parent's (STO-22)."""
        with self._mutex:
            run, self._run = self._run, None
        return run if os.getpid() == self._process_id else None

    def leave(self) -> None:
        """Forget, in a forked child, what is its parent's, whose threads are not here (STO-22, STO-58)."""
        self._mutex = threading.Lock()
        run, self._run = self._run, None
        if run is not None:
            keep(run.connection)

    def _after_commit(self, run: Run) -> None:
        """Erase and renew the anchor when due. The commit is on disk: nothing here may make it look
        failed.
        """
        self._since_erase += 1
        self._since_anchor += 1
        if self._since_erase >= self._options.erase_every:
            try:
                self._erase(run)
            except StoreFull:
                pass
            except StoreUnavailable:
                self._usable = False
        if self._since_anchor >= self._options.anchor_every:
            with suppress(StoreFull, StoreUnavailable):
                run.save_anchor()
                self._since_anchor = 0

    def _erase(self, run: Run) -> None:
        if run.path is not None:
            database.empty_log(run.connection)
        self._since_erase = 0


def _anchor_for(path: Path, anchor: GenerationAnchor | None) -> GenerationAnchor:
    return FileAnchor(opening.sibling(path, ".anchor")) if anchor is None else anchor


_OPEN: Final[WeakSet[Store]] = WeakSet()


def _leave_all() -> None:
    for store in _OPEN:
        store.leave()


in_child(_leave_all)
