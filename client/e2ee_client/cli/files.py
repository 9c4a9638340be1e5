"""Files that the command line reads and writes; what it writes is for its owner only."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from .failures import Refused

MAX_BACKUP_B: Final = 4 * 1024**3
MAX_SMALL_B: Final = 64 * 1024
_MAX_INPUT_B: Final = 1024 * 1024


def check_writable(path: Path, *, force: bool) -> None:
    """Refuse before any work is done.

    Raises:
        Refused: file.exists, or file.failed for a folder that is absent.
    """
    if path.exists() and not force:
        raise Refused("file.exists", path=path)
    if not path.parent.is_dir():
        raise Refused("file.failed", path=path.parent, reason=os.strerror(2))


def write_private(path: Path, data: bytes, *, force: bool) -> None:
    """Write a whole file, readable for its owner only, or leave what was there.

    Raises:
        Refused: file.exists, file.failed.
    """
    _write(path, data, 0o600, force=force)


def write_public(path: Path, data: bytes, *, force: bool) -> None:
    """Write a whole file that a web server may read, or leave what was there.

    Raises:
        Refused: file.exists, file.failed.
    """
    _write(path, data, 0o644, force=force)


def _write(path: Path, data: bytes, mode: int, *, force: bool) -> None:
    check_writable(path, force=force)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise Refused("file.failed", path=path, reason=error.strerror) from None


def read_file(path: Path, max_size_b: int) -> bytes:
    """Read a file.

    Raises:
        Refused: file.failed, file.large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_size_b + 1)
    except OSError as error:
        raise Refused("file.failed", path=path, reason=error.strerror) from None
    if len(data) > max_size_b:
        raise Refused("file.large", path=path)
    return data


def given_or_input(text: str) -> str:
    """Return the text, or the whole input for `-`, without the line end at its end.

    Raises:
        Refused: input.encoding.
    """
    if text != "-":
        return text
    # Unbuffered, after a passphrase that came through the same descriptor.
    data = bytearray()
    while len(data) <= _MAX_INPUT_B and (chunk := os.read(sys.stdin.fileno(), 65536)):
        data += chunk
    try:
        return data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise Refused("input.encoding") from None
