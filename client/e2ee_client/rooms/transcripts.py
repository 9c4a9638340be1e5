"""Transcripts as files on disk: written from a room, verified offline, line by line (chapter 19)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Final, NamedTuple, Protocol, TypeAlias, TypeVar

from e2ee.errors import ContentError, RemoteError
from e2ee.ids import AccountId
from e2ee.rooms.entry import EntryHash
from e2ee.rooms.transcript_file import BEGIN, CLOSE, LINE_MAX_B, encode_end
from e2ee.rooms.transcript_report import TranscriptReport
from e2ee.rooms.transcript_verifier import TranscriptVerifier
from e2ee_client.engine.rooms.exporting import Export
from e2ee_client.errors import ConfigError
from e2ee_client.runtime.drafts import Draft, draft
from e2ee_client.runtime.file_threads import FileThreads, Step

from .errors import TranscriptInvalid
from .transcript_page import LANGUAGES, write_page

T = TypeVar("T")
Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many bytes of how many have been read."""
FORMATS: Final = ("json", "html")
FILE_MAX_B: Final = 4 * 1024**3
_AT_ONCE: Final = 256
_TAKEN: Final = "something stands at the place of the new file"
_TOLD_EVERY: Final = 1_024


class Hash(Protocol):
    """A hash that bytes go into."""

    def update(self, data: bytes, /) -> None:
        """Take further bytes."""


class Verified(NamedTuple):
    """What a file shows, and its SHA-256."""

    report: TranscriptReport
    digest: bytes


# --- reading ---


def verify_transcript(
    path: str | Path, company: AccountId, progress: Progress | None = None
) -> TranscriptReport:
    """Verify a transcript file by the company's account, which the reader has from its card. Memory is
    bounded by the number of entries, whatever the file holds.

    Raises:
        ConfigError: the file cannot be read. TranscriptInvalid: it is no transcript of this company.
    """
    return verify_file(Path(path), company, progress).report


def verify_file(path: Path, company: AccountId, progress: Progress | None = None) -> Verified:
    """Verify a file as `verify_transcript`, with its SHA-256."""
    verifier, digest = TranscriptVerifier(company), hashlib.sha256()
    with _reading(), path.open("rb") as file:
        size_b = os.fstat(file.fileno()).st_size
        for count, line in enumerate(_lines(file, digest), start=1):
            verifier.take(line)
            if progress is not None and count % _TOLD_EVERY == 0:
                progress(file.tell(), size_b)
        return Verified(verifier.finish(), digest.digest())


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"the transcript cannot be read: {error.strerror}") from None
    except RemoteError as error:
        message = f"the file is no transcript of this company: {error} ({error.code})"
        raise TranscriptInvalid(message, reason=error.code) from None


def _lines(file: IO[bytes], digest: Hash) -> Iterator[bytes]:
    """Yield the lines of a file without their line ends, of one that is too long a part that is, too; all
    that is read goes into the digest.

    Raises:
        TranscriptInvalid: beyond four gigabytes.
    """
    left_b, is_rest = FILE_MAX_B, False
    while piece := file.readline(LINE_MAX_B + 2):
        digest.update(piece)
        left_b -= len(piece)
        if left_b < 0:
            raise TranscriptInvalid("a transcript of more than 4 GB", reason="room.too_many")
        if not is_rest:
            yield piece.removesuffix(b"\n")
        is_rest = not piece.endswith(b"\n")


def write_transcript_page(
    source: str | Path, target: str | Path, company: AccountId, language: str = "de"
) -> TranscriptReport:
    """Make a page for people from a transcript file: HTML without scripts, in German or English (EXP-15).

    Raises:
        ConfigError: not a language of pages, the file cannot be read, or something stands at `target`.
        TranscriptInvalid: it is no transcript of this company.
    """
    if language not in LANGUAGES:
        raise ConfigError("a page is written in de or en")
    with _new_file(Path(target)) as made:
        return _write_page(Path(source), made.file, company, language, lambda: None, stays=True)


def _write_page(
    source: Path, file: IO[bytes], company: AccountId, language: str, step: Step, *, stays: bool
) -> TranscriptReport:
    """Verify a file and write its page, which names the file if that stays; it is read twice, and must be the
    same both times.
    """
    verified, digest = verify_file(source, company, lambda *_: step()), hashlib.sha256()

    def lines() -> Iterator[bytes]:
        for line in _lines(again, digest):
            step()
            yield line

    with _reading(), source.open("rb") as again:
        write_page(file, verified.report, verified.digest if stays else None, lines(), language)
    if digest.digest() != verified.digest:
        raise TranscriptInvalid("the file has changed meanwhile", reason=ContentError.code)
    return verified.report


# --- writing ---


class RoomSource(NamedTuple):
    """How a room is read: its beginning, which logs the export, then lines of entries."""

    begin: Callable[[], Awaitable[Export]]
    entries: Callable[[Export, Sequence[EntryHash]], Awaitable[list[bytes]]]


class _Disk(NamedTuple):
    """Where a file of a room is written; it may never answer (FIL-27, FIL-28)."""

    threads: FileThreads
    target: Path

    async def do(self, work: Callable[[Step], T]) -> T:
        """Do something in the folder, outside the event loop."""
        return await self.threads.run(self.target.parent, work)

    @asynccontextmanager
    async def opened(self, made: AbstractContextManager[Draft]) -> AsyncIterator[Draft]:
        """Open and end a file in threads, also where its folder hangs: the event loop never ends it."""
        opened = await self.do(lambda _: made.__enter__())
        try:
            yield opened
        except BaseException as error:
            await self._end(made, error)
            raise
        await self._end(made, None)

    async def _end(self, made: AbstractContextManager[Draft], error: BaseException | None) -> None:
        kind = None if error is None else type(error)
        await self.threads.run(self.target, lambda _: made.__exit__(kind, error, None))


async def export_room(
    room: RoomSource, path: str | Path, form: str, language: str, threads: FileThreads
) -> TranscriptReport:
    """Write a room to a new file, as `Room.export`."""
    if form not in FORMATS or language not in LANGUAGES:
        raise ConfigError("a room is exported as json or html, in de or en")
    disk = _Disk(threads, Path(path))
    async with disk.opened(_new_file(disk.target)) as made:
        if form == "json":
            company = await _write_lines(room, disk, made.file)
            verified = await disk.do(lambda step: verify_file(made.path, company, lambda *_: step()))
            return verified.report
        async with disk.opened(_draft(disk.target)) as lines:
            company = await _write_lines(room, disk, lines.file)
            write = partial(_write_page, lines.path, made.file, company, language, stays=False)
            return await disk.do(write)


async def _write_lines(room: RoomSource, disk: _Disk, file: IO[bytes]) -> AccountId:
    """Write a transcript, some entries at a time, so that neither memory nor the event loop is filled."""
    export = await room.begin()
    await _write(disk, file, [BEGIN, *(one + b"," for one in export.lines)])
    count = 0
    for at in range(0, len(export.hashes), _AT_ONCE):
        lines = await room.entries(export, export.hashes[at : at + _AT_ONCE])
        count += len(lines)
        await _write(disk, file, [one + b"," for one in lines])
    await _write(disk, file, [encode_end(count), CLOSE])
    return export.head.company


async def _write(disk: _Disk, file: IO[bytes], lines: Sequence[bytes]) -> None:
    def write(_: Step) -> None:
        file.write(b"".join(one + b"\n" for one in lines))
        file.flush()

    with _told():
        await disk.do(write)


@contextmanager
def _new_file(path: Path) -> Iterator[Draft]:
    """Open a file for its owner only, and put it in its place when it is whole.

    Raises:
        ConfigError: something is there, or it cannot be written; nothing stays.
    """
    if path.exists():
        raise ConfigError(_TAKEN)
    with _draft(path) as made:
        yield made
        with _told():
            try:
                made.keep(path)
            except FileExistsError:
                raise ConfigError(_TAKEN) from None


@contextmanager
def _draft(path: Path) -> Iterator[Draft]:
    """Open a file in the folder of a place, which is gone at the end, also where the program is stopped."""
    with ExitStack() as stack:
        with _told():
            made = stack.enter_context(draft(path.parent))
        yield made


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"the file cannot be written: {error.strerror}") from None
