"""Mailboxes and accounts that the operator has blocked: a file of ids beside the database (RLY-86).

One id a line in hex: 16 bytes name a mailbox, 32 an account; what follows a # is the operator's note. The
running relay looks at the file every second.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from .store.api import StoreError
from .store.mark import flush_directory

BLOCKED: Final = "relay.blocked"
MAILBOX_B, ACCOUNT_B = 16, 32
_NOTHING: Final = (0, 0, 0)  # the standing of no file


class BlockList:
    """The list in one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / BLOCKED
        self._seen: tuple[int, int, int] | None = None

    def read(self) -> frozenset[bytes]:
        """Return the blocked ids; none without a file.

        Raises:
            StoreError: a line is no id.
        """
        return frozenset(one for line in self._lines() if (one := _id_of(line)) is not None)

    def has_changed(self) -> bool:
        """Tell whether the file is another than at the last call."""
        before, self._seen = self._seen, self._standing()
        return before != self._seen

    def forget(self) -> None:
        """Have the next call of `has_changed` say that it has."""
        self._seen = _NOTHING

    def add(self, subject: bytes) -> bool:
        """Block an id; tell whether it was not blocked before.

        Raises:
            StoreError: the file is damaged.
            OSError: the file cannot be written.
        """
        if subject in self.read():
            return False
        self._write([*self._lines(), subject.hex()])
        return True

    def remove(self, subject: bytes) -> bool:
        """Unblock an id; tell whether it was blocked.

        Raises:
            StoreError: the file is damaged.
            OSError: the file cannot be written.
        """
        if subject not in self.read():
            return False
        self._write([line for line in self._lines() if _id_of(line) != subject])
        return True

    def _lines(self) -> list[str]:
        return self._path.read_text("utf-8", "replace").splitlines() if self._path.exists() else []

    def _standing(self) -> tuple[int, int, int] | None:
        if not self._path.exists():
            return None
        standing = self._path.stat()
        return standing.st_ino, standing.st_size, standing.st_mtime_ns

    def _write(self, lines: list[str]) -> None:
        replace_file(self._path, "".join(f"{line}\n" for line in lines).encode())


def replace_file(path: Path, content: bytes) -> None:
    """Exchange a small file as a whole, durably; a new one is its owner's alone, an old one keeps its rights.

    Raises:
        OSError: it cannot be written.
    """
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        # Beside a relay under a user of its own, root's commands must leave it readable for that user.
        like = path.stat() if path.exists() else path.parent.stat()
        if os.geteuid() == 0:
            os.fchown(descriptor, like.st_uid, like.st_gid)
        if path.exists():
            os.fchmod(descriptor, like.st_mode & 0o777)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)
    flush_directory(path.parent)


def _id_of(line: str) -> bytes | None:
    text = line.partition("#")[0].strip()
    if not text:
        return None
    try:
        found = bytes.fromhex(text)
    except ValueError:
        raise StoreError("a line of relay.blocked is no id in hex") from None
    if len(found) not in (MAILBOX_B, ACCOUNT_B):
        raise StoreError("an id in relay.blocked has neither 16 nor 32 bytes")
    return found
