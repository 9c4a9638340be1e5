"""A data directory as a loss of power may leave it: only what was synchronised is sure to be there.

Between two synchronisations of a file each of its writes may have reached the disk or not, whole or some of
its sectors only, and in any order; a new or removed name is sure only when its directory was synchronised.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from power_trace import SYNCS, UNLINKS, Step

SECTOR_B: Final = 512
BLOCK_B: Final = 4096
KINDS: Final = ("dropped", "kept", "in order", "sectors in any order", "blocks in any order", "garbage")
_NOT_MODELLED: Final = frozenset(
    {
        "write", "writev", "pwritev", "pwritev2", "fallocate", "copy_file_range", "sendfile",
        "truncate", "rename", "renameat", "renameat2",
    }
)  # fmt: skip
_PASSING: Final = ("-shm", ".lock", ".spare")


class Write(NamedTuple):
    """Bytes at an offset; `no` orders everything that waits on this disk."""

    no: int
    offset: int
    data: bytes


class Cut(NamedTuple):
    """A new size."""

    no: int
    size: int


class Naming(NamedTuple):
    """A name gets a file, or none."""

    no: int
    name: str
    file: File | None


@dataclass(eq=False)
class File:
    """What is on disk, and what waits."""

    durable: bytearray = field(default_factory=bytearray)
    waiting: list[Write | Cut] = field(default_factory=list)
    # What a synchronisation that is under way will make durable.
    syncing: int = 0


class UnknownChangeError(Exception):
    """The relay changes its files in a way that this model does not know: a verdict would say nothing."""


# What of a change has reached the disk: pieces of a write, or the change itself, or nothing.
Survival = Callable[[Write], list[tuple[int, bytes]]]


class Disk:
    """Follows the calls of a relay on one data directory, which is made by it."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._parent = str(folder.parent)
        self._durable: dict[str, File] = {}
        self._names: dict[str, File] = {}
        self._namings: list[Naming] = []
        self._namings_syncing = 0
        self._is_made = False
        self._is_durable = False
        self._no = 0
        self.writes = self.syncs = self.written_b = 0

    def follow(self, step: Step) -> bool:
        """Take one step; tell whether something was made durable by it."""
        call = step.call
        if call.place == self._parent and call.name in SYNCS:
            self._is_durable = self._is_durable or (self._is_made and step.is_end)
            return step.is_end
        if call.name == "mkdir" and call.place == self._folder:
            self._is_made = True
            return False
        if call.place == self._folder:
            return call.name in SYNCS and self._sync_names(step)
        name = call.place.removeprefix(self._folder + "/").removesuffix(" (deleted)")
        if not call.place.startswith(self._folder + "/") or name.endswith(_PASSING):
            return False
        return self._change(name, step)

    def _change(self, name: str, step: Step) -> bool:
        call = step.call
        if call.name in _NOT_MODELLED:
            raise UnknownChangeError(f"{call.name} of {name}")
        if call.name in SYNCS:
            return self._sync(self._file(name), step)
        # A new file is there when the call has ended; all else may be done as soon as it begins.
        if call.name == "openat" and step.is_end:
            self._open(name, call.flags)
        elif call.name in UNLINKS and not step.is_end:
            self._name(name, None)
        elif call.name in ("pwrite64", "ftruncate") and not step.is_end:
            self._write(self._file(name), step)
        return False

    def _file(self, name: str) -> File:
        if name not in self._names:
            raise UnknownChangeError(f"a change of {name}, which was not opened")
        return self._names[name]

    def _write(self, file: File, step: Step) -> None:
        call = step.call
        if call.name == "pwrite64":
            data = call.texts[0][: call.result]
            file.waiting.append(Write(self._next(), call.numbers[-1], data))
            self.writes += 1
            self.written_b += len(data)
        else:
            file.waiting.append(Cut(self._next(), call.numbers[-1]))

    def _next(self) -> int:
        self._no += 1
        return self._no

    def _open(self, name: str, flags: str) -> None:
        if "O_CREAT" in flags and name not in self._names:
            self._name(name, File())
        if "O_TRUNC" in flags:
            self._names[name].waiting.append(Cut(self._next(), 0))

    def _name(self, name: str, file: File | None) -> None:
        self._namings.append(Naming(self._next(), name, file))
        if file is None:
            self._names.pop(name, None)
        else:
            self._names[name] = file

    def _sync(self, file: File, step: Step) -> bool:
        if not step.is_end:
            file.syncing = len(file.waiting)
            return False
        for change in file.waiting[: file.syncing]:
            apply(file.durable, change)
        del file.waiting[: file.syncing]
        self.syncs += 1
        return True

    def _sync_names(self, step: Step) -> bool:
        if not step.is_end:
            self._namings_syncing = len(self._namings)
            return False
        for _, name, file in self._namings[: self._namings_syncing]:
            if file is None:
                self._durable.pop(name, None)
            else:
                self._durable[name] = file
        del self._namings[: self._namings_syncing]
        return True

    # --- what may be left ---

    def left(self, kind: str, chance: random.Random) -> dict[str, bytes]:
        """The files after a loss of power now; `kind` is one of KINDS."""
        if kind == "kept":
            return self._left(lambda one: [(one.offset, one.data)], lambda _: True)
        # Without the directory's own name in its parent, nothing can be found.
        if kind == "dropped":
            return self._left(lambda _: [], lambda _: False) if self._is_durable else {}
        if kind == "in order":
            end = chance.randint(0, self._no + 1)
            return self._left(lambda one: _until(one, end, chance), lambda one: one.no < end)
        if not self._is_durable and chance.random() < 0.5:
            return {}
        size = BLOCK_B if kind == "blocks in any order" else SECTOR_B
        spoil = chance.random if kind == "garbage" else lambda: 1.0

        def some(one: Write) -> list[tuple[int, bytes]]:
            pieces = list(sectors(one, size))
            kept = [piece for piece in pieces if chance.random() < 0.5]
            # What was being written when the power went may be neither old nor new.
            kept += [(at, chance.randbytes(len(piece))) for at, piece in pieces if spoil() < 0.05]
            return kept

        return self._left(some, lambda _: chance.random() < 0.5)

    def _left(self, of_write: Survival, of_change: Callable[[Cut | Naming], bool]) -> dict[str, bytes]:
        names = dict(self._durable)
        for naming in self._namings:
            if not of_change(naming):
                continue
            if naming.file is None:
                names.pop(naming.name, None)
            else:
                names[naming.name] = naming.file
        return {name: _content(file, of_write, of_change) for name, file in names.items()}


def _content(file: File, of_write: Survival, of_change: Callable[[Cut | Naming], bool]) -> bytes:
    content = bytearray(file.durable)
    for change in file.waiting:
        if isinstance(change, Write):
            for offset, data in of_write(change):
                apply(content, Write(0, offset, data))
        elif of_change(change):
            apply(content, change)
    return bytes(content)


def apply(content: bytearray, change: Write | Cut) -> None:
    """Carry out one change; what lies between the old end and the new bytes is zero."""
    if isinstance(change, Cut):
        del content[change.size :]
        content.extend(bytes(max(0, change.size - len(content))))
        return
    if len(content) < change.offset:
        content.extend(bytes(change.offset - len(content)))
    content[change.offset : change.offset + len(change.data)] = change.data


def sectors(write: Write, size: int) -> Iterator[tuple[int, bytes]]:
    """The pieces of a write, cut where sectors of the disk end."""
    at = write.offset
    end = at + len(write.data)
    while at < end:
        until = min(end, (at // size + 1) * size)
        yield at, write.data[at - write.offset : until - write.offset]
        at = until


def _until(write: Write, end: int, chance: random.Random) -> list[tuple[int, bytes]]:
    """Whole before the end, its first sectors at the end, nothing behind it."""
    if write.no == end:
        pieces = list(sectors(write, SECTOR_B))
        return pieces[: chance.randint(0, len(pieces))]
    return [(write.offset, write.data)] if write.no < end else []
