"""A folder for one file in the clear, in memory where there is such a place (FIL-16)."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from e2ee_client.runtime.file_folder import as_unusable

if sys.platform != "win32":
    import fcntl

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a file system in memory, where there is one; the folder is ours
_PREFIX: Final = "sealroom-clear-"


@contextmanager
def clear_folder() -> Iterator[Path]:
    """Make a folder that only this user reads, and that is gone at the end; its lock says that we still run.

    Raises:
        FileUnusable: there is no place for it.
    """
    with as_unusable():
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_place()))
    try:
        with _locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if sys.platform == "win32":  # folders have no locks there

    def remove_left() -> None:
        """Leave what is there, as it may be in use."""

    @contextmanager
    def _locked(_folder: Path) -> Iterator[None]:
        yield

else:

    def remove_left() -> None:
        """Remove this user's folders that a stopped process has left; one that runs has its lock."""
        for folder in _place().glob(f"{_PREFIX}*"):
            with suppress(OSError):
                _remove_unlocked(folder)

    @contextmanager
    def _locked(folder: Path) -> Iterator[None]:
        with as_unusable():
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield
        finally:
            os.close(lock)

    def _remove_unlocked(folder: Path) -> None:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if os.fstat(lock).st_uid == os.getuid():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
        finally:
            os.close(lock)


def _place() -> Path:
    return MEMORY if MEMORY.is_dir() else Path(tempfile.gettempdir())
