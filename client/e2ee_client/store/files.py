"""The store's files: created for their owner only, locked against a second opener, written so that they
last.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from e2ee_client.errors import StoreFull, StoreLocked, StoreUnavailable
from e2ee_client.forking import in_child

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

OWNER_ONLY: Final = 0o600
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# Windows has neither flag; there, handles are not inherited unless asked for.
_GUARDED: Final[int] = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


@contextmanager
def translated_os_errors(doing: str) -> Iterator[None]:
    """Turn the operating system's errors into the store's; `doing` goes into the message, no path does."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StoreFull(f"no room while {doing}") from error
        raise StoreUnavailable(f"the operating system failed while {doing} ({error.strerror})") from error


def create_private(path: Path) -> None:
    """Create an empty file that its owner alone may read and write; it must not exist (STO-16)."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _GUARDED, OWNER_ONLY))


def make_private(path: Path) -> None:
    """Take the file, if there is one, away from group and others (STO-16)."""
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & ~OWNER_ONLY:
        path.chmod(OWNER_ONLY)


def write_private(path: Path, data: bytes) -> None:
    """Replace a file's content as a whole: after a crash the old or the new content stands there (STO-14)."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    create_private(draft)
    with draft.open("r+b") as file:
        file.write(data)
        file.flush()
        _synchronise(file.fileno())
    draft.replace(path)
    synchronise_directory(path.parent)


def remove_all(paths: Iterable[Path]) -> None:
    """Remove the files that exist."""
    for path in paths:
        path.unlink(missing_ok=True)


def synchronise_directory(path: Path) -> None:
    """Make created, renamed and removed names in a directory last; Windows needs and offers no such call."""
    if sys.platform == "win32":
        return
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _synchronise(handle: int) -> None:
    if sys.platform == "darwin":
        # There, fsync leaves the data in the drive's cache.
        fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
    else:
        os.fsync(handle)


class ProcessLock:
    """An exclusive lock on a file beside the database (STO-13).

    Not on the database itself: POSIX record locks vanish as soon as any part of the process closes another
    handle
    of the same file. The lock file stays where it is; removing it would let two openers lock two files of
    one name.
    """

    __slots__ = ("_handle", "_path")

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises:
            StoreLocked: somebody else holds it.
            StoreUnavailable: the lock file cannot be created.
        """
        self._path = path
        self._handle = -1
        _HELD.add(self)
        try:
            self._acquire()
        except BaseException:
            _HELD.discard(self)
            raise

    def release(self, *, remove: bool = False) -> None:
        """Give the lock back; with `remove`, take the lock file away while still holding it."""
        if self._handle < 0:
            return
        if remove:
            self._path.unlink(missing_ok=True)
        _unlock(self._handle)
        self.drop()
        _HELD.discard(self)

    def drop(self) -> None:
        """Close our handle; a forked child's goes alone, and the lock stays its parent's (STO-58)."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def _acquire(self) -> None:
        while True:
            with translated_os_errors("opening the lock file"):
                self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | _GUARDED, OWNER_ONLY)
            try:
                _lock(self._handle)
            except OSError:
                self.drop()
                raise StoreLocked("the store is in use") from None
            if self._is_current():
                return
            # The holder before us removed the file between our opening and our locking it.
            self.drop()

    def _is_current(self) -> bool:
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(self._handle), self._path.stat())
        return False


_HELD: Final[set[ProcessLock]] = set()


def _drop_all() -> None:
    for lock in _HELD:
        lock.drop()
    _HELD.clear()


in_child(_drop_all)


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _unlock(handle: int) -> None:
    """End the lock at once: a process that is being started may still have a copy of the handle (STO-13)."""
    if sys.platform != "win32":
        fcntl.flock(handle, fcntl.LOCK_UN)
