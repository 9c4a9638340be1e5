"""An archive: a folder of transcripts, each written anew where its room has changed (EXP-20, EXP-21)."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from e2ee.errors import E2eeError
from e2ee.ids import AccountId
from e2ee_client.errors import ConfigError, FileStalled, SealroomError
from e2ee_client.runtime.clock import Clock
from e2ee_client.runtime.file_threads import FileThreads
from e2ee_client.store.files import synchronise_directory

from .archive_index import INDEX_MAX_B, INDEX_NAME, MAX_KEPT, Archived, Index, decode_index, encode_index
from .company_room import CompanyRoom, Outline
from .errors import AppLocked, ArchiveFull, ArchiveOld, TranscriptInvalid
from .transcripts import verify_file

T = TypeVar("T")
_LOG: Final = logging.getLogger("sealroom")
_LEFT: Final = re.compile(r"\.{1,2}[0-9a-f]{32}\.part|\.sealroom-.*")
"""What an interrupted run has left; drafts too, where a file has a name from its beginning (FIL-16)."""


class Refused(NamedTuple):
    """A room that was not written, and the code of why."""

    room_id: bytes
    code: str


class ArchiveReport(NamedTuple):
    """What one run has done."""

    written: tuple[bytes, ...]
    unchanged: int
    refused: tuple[Refused, ...]


class Archive:
    """A folder of transcripts of one company; nobody else writes into it meanwhile."""

    def __init__(self, folder: str | os.PathLike[str], company: bytes) -> None:
        self.folder, self._company, self._threads = Path(folder), AccountId(company), FileThreads()

    async def update(self, rooms: Iterable[CompanyRoom], now_ms: int) -> ArchiveReport:
        """Write the rooms that have changed. Each is whole and named before the next one begins, so that a
        run that was interrupted goes on where it was.

        Raises:
            ConfigError: the folder is not there, it or its index cannot be used, or it is another company's
                (EXP-26).
            FileStalled: its disk does not answer.
        """
        index = await self._do(self._begin)
        written, unchanged, refused = list[bytes](), 0, list[Refused]()
        for room in rooms:
            known, outline = index.rooms.get(room.room_id), None
            try:
                if room.view.customer is None:
                    continue
                outline = await room.outline()
                if outline.is_old:
                    raise ArchiveOld("what is here may have been erased since")
                after = await self._room(room, known, outline, now_ms)
            except (E2eeError, SealroomError) as error:
                refused.append(Refused(room.room_id, error.code))
                if known is not None and outline is not None and _goes(outline, known):
                    index = index.without_room(room.room_id)
                    await self._do(partial(self._remove, known, index))
                continue
            if after is None:
                unchanged += 1
                continue
            index = index.with_room(room.room_id, after)
            await self._do(partial(self._write_index, index))
            written.append(room.room_id)
        return ArchiveReport(tuple(written), unchanged, tuple(refused))

    async def run(self, rooms: Callable[[], Iterable[CompanyRoom]], clock: Clock, every_s: int) -> None:
        """Write what has changed now, and then once in a time; a folder that fails is tried again then."""
        while True:
            now_ms = clock.now_ms()
            try:
                report = await self.update(rooms(), now_ms)
            except (ConfigError, FileStalled, AppLocked) as error:
                _LOG.warning("the archive was not written (%s)", error.code)
            else:
                _LOG.info("archive: %d written, %d refused", len(report.written), len(report.refused))
            await clock.wait_until(now_ms + every_s * 1000)

    async def _room(
        self, room: CompanyRoom, known: Archived | None, outline: Outline, now_ms: int
    ) -> Archived | None:
        """Write a room; None if it is there as it is."""
        is_same = known is not None and known.state == outline.state
        if is_same and known is not None and await self._do((self.folder / known.file).is_file):
            return None
        keeps = known is not None and outline.is_record and outline.withheld > known.withheld
        if keeps and known is not None and len(known.kept) >= MAX_KEPT:
            raise ArchiveFull("16 earlier files of this room are kept")
        part = self.folder / f".{room.room_id.hex()}.part"
        report = await room.archive(part)
        kept = () if known is None else known.kept
        if keeps and known is not None:
            kept = (*kept, *await self._do(partial(self._keep, known)))
        name = _name(room.room_id, now_ms) if known is None else known.file
        digest = await self._do(partial(self._place, part, name))
        return Archived(name, digest, len(report.entries), outline.withheld, outline.state, now_ms, kept)

    async def _do(self, work: Callable[[], T]) -> T:
        """Do something with the folder, which may stand on a disk that never answers (FIL-27)."""
        return await self._threads.run(self.folder, lambda _: work())

    # --- the folder ---

    def _begin(self) -> Index:
        with _told():
            if not self.folder.is_dir():
                raise ConfigError("the folder of the archive is not there: make it, or connect its disk")
            for left in self.folder.iterdir():
                if _LEFT.fullmatch(left.name):
                    left.unlink()
        index = read_index(self.folder)
        if index is None:
            return Index(self._company, {})
        if index.company != self._company:
            raise ConfigError("the folder is the archive of another company")
        return index

    def _keep(self, known: Archived) -> Iterator[tuple[str, bytes]]:
        """Put a file aside under the time of its writing; one that an interrupted run has put there stays."""
        name = known.file.removesuffix(".json") + f".{known.at_ms}.json"
        before, aside = self.folder / known.file, self.folder / name
        with _told():
            if not aside.exists() and before.exists():
                before.replace(aside)
            return iter([(name, known.sha256)] if aside.exists() else [])

    def _remove(self, known: Archived, index: Index) -> None:
        """Remove a file, then its line: where that is interrupted, the next run goes on."""
        with _told():
            (self.folder / known.file).unlink(missing_ok=True)
            if (self.folder / known.file).parent.is_dir():
                synchronise_directory((self.folder / known.file).parent)
        self._write_index(index)

    def _place(self, part: Path, name: str) -> bytes:
        target = self.folder / name
        with _told():
            target.parent.mkdir(mode=0o700, exist_ok=True)
            with part.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").digest()
            part.replace(target)
            synchronise_directory(target.parent)
            return digest

    def _write_index(self, index: Index) -> None:
        path = self.folder / f".{INDEX_NAME}"
        with _told():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(encode_index(index))
                file.flush()
                os.fsync(file.fileno())
            path.replace(self.folder / INDEX_NAME)
            synchronise_directory(self.folder)


def _goes(outline: Outline, known: Archived) -> bool:
    """Whether the file of a room that is not written has to go: it has what was erased or marked since, and
    neither hold nor record keeps it (EXP-21).
    """
    return not outline.is_kept and outline.withheld > known.withheld


def _name(room_id: bytes, now_ms: int) -> str:
    return f"{datetime.fromtimestamp(now_ms / 1000, UTC):%Y-%m}/{room_id.hex()}.json"


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"the archive cannot be used: {error.strerror}") from None


def read_index(folder: Path) -> Index | None:
    """Return the index of an archive; None for a folder that is none yet.

    Raises:
        ConfigError: it cannot be read, or is no index.
    """
    path = folder / INDEX_NAME
    with _told():
        if not path.is_symlink() and not path.exists():
            return None
        if path.is_symlink() or not path.is_file():
            raise ConfigError("the index of the archive is no file")
        with path.open("rb") as file:
            return decode_index(file.read(INDEX_MAX_B + 1))


# --- verifying ---


class Checked(NamedTuple):
    """A file of an archive: whether it holds, how many bodies it withholds, and what is wrong with it:
    `missing`, `changed`, `room`, `verdict`, `unnamed`, or a code.
    """

    file: str
    room_id: bytes | None
    holds: bool
    is_stale: bool = False
    entries: int = 0
    withheld: int = 0
    fault: str = ""


def verify_archive(folder: str | os.PathLike[str], company: bytes) -> list[Checked]:
    """Verify all files of an archive by the company's account, offline (EXP-22).

    Raises:
        ConfigError: the folder has no index, or one that cannot be read, or of another company.
    """
    place = Path(folder)
    index = read_index(place)
    if index is None or index.company != company:
        raise ConfigError("the folder is no archive of this company")
    found = [_checked(place, file, room_id, index.company) for room_id, file in _named(index)]
    named = {one.file for one in found}
    with _told():
        left = (one for one in place.iterdir() if _LEFT.fullmatch(one.name))
        others = sorted(one.relative_to(place).as_posix() for one in (*place.glob("*/*"), *left))
    return [*found, *(Checked(one, None, holds=False, fault="unnamed") for one in others if one not in named)]


class _Named(NamedTuple):
    name: str
    sha256: bytes
    withheld: int


def _named(index: Index) -> Iterator[tuple[bytes, _Named]]:
    for room_id, one in index.rooms.items():
        yield room_id, _Named(one.file, one.sha256, one.withheld)
        yield from ((room_id, _Named(name, digest, 0)) for name, digest in one.kept)


def _checked(folder: Path, file: _Named, room_id: bytes, company: AccountId) -> Checked:
    path = folder / file.name
    if path.is_symlink() or path.parent.is_symlink() or not path.is_file():
        return Checked(file.name, room_id, holds=False, fault="missing")
    try:
        report, digest = verify_file(path, company)
    except (TranscriptInvalid, ConfigError) as error:
        code = error.reason if isinstance(error, TranscriptInvalid) else error.code
        return Checked(file.name, room_id, holds=False, fault=code)
    faults = {
        "changed": digest != file.sha256,
        "room": report.head.room != room_id,
        "verdict": not report.holds,
    }
    fault = next((name for name, is_so in faults.items() if is_so), "")
    return Checked(file.name, room_id, not fault, report.is_stale, len(report.entries), file.withheld, fault)
