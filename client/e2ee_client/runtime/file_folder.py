"""Sealed files beside the store, and how a file in the clear becomes one and comes back (FIL-16).

    out-<id>         sealed, on its way to the relay
    in-<entry>.part  parts that have come, in order: its length tells where to go on
    in-<entry>       whole, and known to be right

All of it runs in threads, in constant memory: a block of the file and two chunks.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final

from e2ee import file_types, files
from e2ee.constants import MAX_FILE_B
from e2ee.errors import FileTooLarge, InvalidArgument
from e2ee.files import PART_B, Announced
from e2ee.secret import FileKey
from e2ee_client.engine.rooms.file_rows import FileTicket
from e2ee_client.errors import FileUnusable

from . import image_metadata
from .drafts import Draft, draft
from .file_threads import Step

READ_B: Final = 262_144
# A file of less than this leaves when its type is known; of a larger one each 1 MiB that is sealed (FIL-24).
_TOLD_PARTS: Final = 16
_SAME_NAMES: Final = 1_000
_PRIVATE: Final = 0o600
PART: Final = ".part"


def held_name(entry_hash: bytes) -> str:
    """Return under which name a device holds the file of an entry."""
    return f"in-{entry_hash.hex()}"


def part_name(entry_hash: bytes) -> str:
    """Return under which name a file comes."""
    return f"{held_name(entry_hash)}{PART}"


@dataclass(frozen=True, slots=True)
class Measured:
    """How large a file is that is to be sealed, and of which type one whose metadata go."""

    size_b: int
    media_type: str | None


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file that was sealed to disk."""

    media_type: str
    announced: Announced


class FileFolder:
    """A folder that is made with its first file; for a store in memory one that ends with the object."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._is_temporary = path is None

    def place(self, name: str) -> Path:
        """Return where a file of the folder is.

        Raises:
            FileUnusable: the folder cannot be made.
        """
        with as_unusable():
            if self._path is None:
                self._path = Path(tempfile.mkdtemp(prefix="sealroom-"))
            if not self._path.is_dir():
                self._path.mkdir(mode=0o700, exist_ok=True)
                _flush(self._path.parent)
        return self._path / name

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return self._path is not None and (self._path / name).is_file()

    def names(self) -> list[str]:
        """Return all files."""
        if self._path is None or not self._path.is_dir():
            return []
        return sorted(one.name for one in self._path.iterdir())

    def remove(self, name: str) -> None:
        """Delete a file; one that is not there is no fault."""
        if self._path is not None:
            with suppress(OSError):
                (self._path / name).unlink()

    def rename(self, name: str, new: str) -> None:
        """Give a file another name; one that is not there is no fault."""
        if self._path is not None:
            with suppress(OSError):
                (self._path / name).replace(self._path / new)

    def free_b(self) -> int:
        """Return how much room the disk has."""
        with as_unusable():
            return shutil.disk_usage(self.place("").parent).free

    def parts_b(self, but: str) -> int:
        """Return how much has come of files that are not whole, all but one."""
        return sum(self._size_b(one) for one in self.names() if one.endswith(PART) and one != but)

    def _size_b(self, name: str) -> int:
        with suppress(OSError):
            return self.place(name).stat().st_size
        return 0

    def close(self) -> None:
        """Delete the folder of a store in memory."""
        if self._is_temporary and self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)


class as_unusable:  # noqa: N801  # reads as a statement
    """What the system says of a file is `FileUnusable`; neither name nor path goes into it."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise FileUnusable(f"the file cannot be used: {error.strerror or 'input or output'}") from None


# --- from a file in the clear ---


def measure(source: Path, name: str, step: Step, *, strip: bool) -> Measured:
    """Look how large a file is; without its metadata that depends on its type, which is told first. `step` is
    called before each block (FIL-28).

    Raises:
        FileTooLarge. FileTypeRefused, MetadataKept: of a file whose metadata are to go.
        FileUnusable: not a file that can be read.
    """
    with as_unusable(), _opened(source) as file:
        if not strip:
            return Measured(os.fstat(file.fileno()).st_size, None)
        media_type = _type_of(file, step)
        file_types.check_name(name, media_type)
        return Measured(sum(map(len, _stripped(file, media_type, step))), media_type)


def seal(
    source: Path,
    measured: Measured,
    target: Path,
    key: FileKey,
    name: str,
    written: Callable[[int], None],
    step: Step,
) -> Sealed:
    """Seal a file to disk under a key that nothing was sealed with (FIL-07, FIL-10, FIL-17).

    `written(count)` is told now and then how many parts are in the system's hands, in the caller's thread;
    `step` is called before each block (FIL-28).

    Raises:
        FileTypeRefused: its content, or its name, is of no type that is sent. MetadataKept.
        FileUnusable: it cannot be read, or it changes meanwhile.
    """
    with as_unusable(), _opened(source) as file:
        sealing = files.Sealing(key, measured.size_b)
        try:
            if measured.media_type is not None:
                _write(target, sealing.parts(_stripped(file, measured.media_type, step)), written)
                return Sealed(measured.media_type, sealing.announced)
            seen = file_types.Content()
            _write(target, sealing.parts(_looked_at(_read(file, step), seen)), written)
            media_type = seen.media_type()
        except InvalidArgument:
            raise FileUnusable("the file changes while it is read") from None
    file_types.check_name(name, media_type)
    return Sealed(media_type, sealing.announced)


def _looked_at(blocks: Iterable[bytes], seen: file_types.Content) -> Iterator[bytes]:
    """Yield blocks as they are; in the same thread, since two of them wait for each other at each block."""
    for block in blocks:
        seen.take(block)
        yield block


def _opened(source: Path) -> FileIO:
    """Open a file; neither a device nor a pipe, which might never end."""
    file = FileIO(os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode):
        file.close()
        raise FileUnusable("not a file")
    if found.st_size > MAX_FILE_B:
        file.close()
        raise FileTooLarge("a file has at most 64 MiB")
    return file


def _type_of(file: FileIO, step: Step) -> str:
    seen = file_types.Content()
    for block in _read(file, step):
        seen.take(block)
    return seen.media_type()


def _stripped(file: FileIO, media_type: str, step: Step) -> Iterator[bytes]:
    return image_metadata.stripped(lambda: _read(file, step), media_type)


def _read(file: FileIO, step: Step) -> Iterator[bytes]:
    file.seek(0)
    while block := file.read(READ_B):
        step()
        yield block


def _write(target: Path, parts: Iterable[bytes], written: Callable[[int], None]) -> None:
    # Not on the disk yet: who goes on with it after a start looks whether it is whole (`verify`).
    with target.open("wb") as file:
        os.fchmod(file.fileno(), _PRIVATE)
        for count, part in enumerate(parts, 1):
            file.write(part)
            if count % _TOLD_PARTS == 0:
                file.flush()
                written(count)


# --- parts that come ---


class Arriving:
    """Appends parts to a file; what a stop has left in part is cut off."""

    def __init__(self, place: Path, sealed_b: int) -> None:
        """Go on where the file ends.

        Raises:
            FileUnusable.
        """
        with as_unusable():
            self._file = place.open("ab")
            os.fchmod(self._file.fileno(), _PRIVATE)
            size_b = self._file.tell()
            self.next = min(size_b // PART_B, max(0, -(-sealed_b // PART_B) - 1))
            self._file.truncate(self.next * PART_B)

    def write(self, part: bytes) -> None:
        """Append the next part."""
        with as_unusable():
            self._file.write(part)
        self.next += 1

    def close(self) -> None:
        """Close it; what was written is in the system's hands."""
        with as_unusable():
            self._file.close()


def read_parts(place: Path) -> Iterator[bytes]:
    """Yield the parts of a sealed file."""
    with place.open("rb") as file:
        while part := file.read(PART_B):
            yield part


def verify(place: Path, key: FileKey, announced: Announced) -> None:
    """Look whether a sealed file is the one that was announced.

    Raises:
        FileCorrupt. FileUnusable.
    """
    with as_unusable():
        for _ in files.open_(key, announced, read_parts(place)):
            pass


def keep(part: Path, held: Path) -> None:
    """Give a file that is known to be right, and flushed, its name; it is there over any loss of power then.

    Raises:
        FileUnusable.
    """
    with as_unusable():
        part.replace(held)
    flush(held.parent)


def flush(place: Path) -> None:
    """Have a file or folder on the disk.

    Raises:
        FileUnusable.
    """
    with as_unusable():
        _flush(place)


def _flush(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# --- to a file in the clear ---


def open_to(place: Path, ticket: FileTicket, folder: Path, step: Step) -> Path:
    """Write a sealed file in the clear to a folder, under its name or that with a number (FIL-16); `step` is
    called before each block (FIL-28).

    Raises:
        FileCorrupt, FileTypeRefused: nothing is left of it. FileUnusable: the folder, or the disk.
    """
    file_types.check_name(ticket.name, ticket.media_type)
    with as_unusable(), draft(folder) as made:
        seen = file_types.Content()
        opened = files.open_(ticket.file_key, ticket.announced, read_parts(place))
        for block in _looked_at(opened, seen):
            step()
            made.file.write(block)
        file_types.check(ticket.name, ticket.media_type, seen)
        step()
        return _named(made, folder, ticket.name)


def _named(made: Draft, folder: Path, name: str) -> Path:
    """Give a draft its name in one step; what stands there already stays."""
    stem, dot, ending = name.rpartition(".")
    for number in range(1, _SAME_NAMES):
        final = folder / (name if number == 1 else f"{stem} ({number}){dot}{ending}")
        try:
            made.keep(final)
        except FileExistsError:
            continue
        return final
    raise FileUnusable("too many files of this name")
