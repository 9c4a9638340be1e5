"""How an attacker or a crash sees a store: its files as bytes, and its database without the keys."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from e2ee_client.store import KdfProfile, RawKey

RAW_KEY = RawKey(bytes(range(32)))
CHEAP = KdfProfile(passes=1, memory_b=8 * 1024 * 1024)


def all_bytes(folder: Path) -> bytes:
    """Everything that stands in the folder's files, one after the other."""
    return b"\n".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


@contextmanager
def keyless(path: Path) -> Iterator[sqlite3.Connection]:
    """The closed store's database, opened without any key; changes are committed at the end."""
    with closing(sqlite3.connect(path)) as connection:
        yield connection
        connection.commit()


def boxes(path: Path) -> dict[int, bytes]:
    """Slot number -> box of all rows, in the order of their sequence numbers."""
    with keyless(path) as connection:
        return dict(
            connection.execute("SELECT s.n, s.box FROM place p JOIN slot s ON s.n = p.slot ORDER BY p.seq")
        )


def overwrite_slot(path: Path, slot: int, box: bytes) -> None:
    """Put a box into a slot."""
    with keyless(path) as connection:
        connection.execute("UPDATE slot SET box = ? WHERE n = ?", (box, slot))


def flipped(data: bytes, position: int) -> bytes:
    """The data with one bit of one byte changed."""
    return data[:position] + bytes((data[position] ^ 1,)) + data[position + 1 :]


def put_back_in_place(source: Path, target: Path) -> None:
    """Restore a file the way that keeps the target's file number."""
    with target.open("r+b") as file:
        file.write(source.read_bytes())
        file.truncate()


def copy_store(path: Path, folder: Path) -> Path:
    """Copy a closed store with all its files, as a backup program would."""
    folder.mkdir()
    for source in path.parent.glob(path.name + "*"):
        shutil.copy2(source, folder / source.name)
    return folder / path.name


def child_environment() -> dict[str, str]:
    """The environment of a child process that imports what this process can."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
