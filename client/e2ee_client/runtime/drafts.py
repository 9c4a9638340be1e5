"""Files in the clear that are not whole yet: without a name where the system has such files, so that a stop
leaves none of them; elsewhere under a name that begins with `.sealroom-`.
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

_PRIVATE: Final = 0o600
_NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})
_OPEN_FILES: Final = Path("/proc/self/fd")


class Draft:
    """A file that is written; `path` is where it can be read meanwhile."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.path = file, path

    def keep(self, final: Path) -> None:
        """Give it a name in one step, in the place of nothing, when it is on the disk.

        Raises:
            FileExistsError: something has the name. OSError.
        """
        self.file.flush()
        os.fsync(self.file.fileno())
        is_nameless = self.path.parent == _OPEN_FILES
        folder = os.open(final.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # A path of /proc names the open file only where the link behind it is followed.
            os.link(self.path, final, src_dir_fd=folder, follow_symlinks=is_nameless)
        except OSError as error:
            if is_nameless or error.errno not in _NO_LINKS:
                raise
            self._rename(final)
        finally:
            os.close(folder)

    def _rename(self, final: Path) -> None:
        """The next best where a disk knows one name for a file: nobody may take the name in between."""
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        self.path.rename(final)


@contextmanager
def draft(folder: Path) -> Iterator[Draft]:
    """Open a file for its owner only, that is gone at the end unless it was given a name.

    Raises:
        OSError.
    """
    handle = _nameless(folder)
    if handle is not None:
        with open(handle, "wb") as file:  # it has no path
            yield Draft(file, _OPEN_FILES / str(handle))
        return
    named, name = tempfile.mkstemp(prefix=".sealroom-", dir=folder)
    try:
        with open(named, "wb") as file:  # it is open already
            yield Draft(file, Path(name))
    finally:
        Path(name).unlink(missing_ok=True)


def _nameless(folder: Path) -> int | None:
    """Open a file without a name; None where the system, or its disk, has none."""
    if sys.platform != "linux" or not _OPEN_FILES.is_dir():
        return None
    try:
        return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, _PRIVATE)
    except OSError:
        # What is wrong with the folder itself is told where a name is made.
        return None
