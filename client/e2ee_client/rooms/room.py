"""A room as an application holds it: what it shows, texts, search, what both sides can do."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from e2ee.errors import InvalidArgument
from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.payloads import MAX_TEXT_B, Edit, EntryPayload, Erase, RoomText, Sensitive
from e2ee.rooms.state import Phase
from e2ee.rooms.transcript_report import TranscriptReport
from e2ee_client.contacts import checked_text, wait_until
from e2ee_client.engine import Engine
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.rooms.views import EntryView, ErasureView, FoundPage, RoomView
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import ConfigError, EntryFailed, UnknownEntry, UnknownRoom
from e2ee_client.guard import Finding, find
from e2ee_client.people import LoggedIn, Person
from e2ee_client.room_events import EntryProgress
from e2ee_client.runtime.file_service import FileService

from . import files, screen_lock
from .entry import AnyEntry, Entry
from .files import SentFile
from .proof import proof_of
from .transcripts import RoomSource, export_room

if TYPE_CHECKING:
    from e2ee_client.client import Client
    from e2ee_client.runtime.shell import Shell

T = TypeVar("T")
_SEARCHED_AT_ONCE: Final = 200


class Room:
    """A room, by its id. Two handles of the same room are equal."""

    def __init__(self, client: Client, room_id: bytes) -> None:
        """Not for callers: use `rooms` or `room` of the device."""
        self._client = client
        self.room_id = RoomId(room_id)
        """Its id, as events name it."""

    @property
    def _shell(self) -> Shell[Engine]:
        """What answers for the room; every question passes here.

        Raises:
            AppLocked: the application is locked, and shows nothing.
        """
        screen_lock.check(self._client)
        return self._client.shell

    # --- what it shows ---

    @property
    def view(self) -> RoomView:
        """Everything below at once.

        Raises:
            UnknownRoom: it is gone.
        """
        found = self._shell.machine.rooms.view(self.room_id)
        if found is None:
            raise UnknownRoom("no such room")
        return found

    @property
    def phase(self) -> Phase | None:
        """Open, closed, frozen, withdrawn or erased; None before the customer's `open` is here."""
        return self.view.phase

    @property
    def unread(self) -> int:
        """How many contents of the other side were not marked as read."""
        return self.view.unread

    @property
    def members(self) -> tuple[Person, ...]:
        """The company's devices that read and write here."""
        return self._shell.machine.rooms.members(self.room_id, self._shell.now_ms)

    @property
    def assigned(self) -> Person | None:
        """Who answers, if somebody does."""
        return next((one for one in self.members if one.device_id == self.view.assigned), None)

    async def person(self, entry_hash: bytes | None = None) -> LoggedIn | None:
        """Return who the customer is by the company's web server, as a steward has granted it; None for
        nobody known (CNS-56). With `entry_hash`, of an `IdentifyAsked`, whom that login names.
        """
        wanted, now_ms = None if entry_hash is None else EntryHash(entry_hash), self._shell.now_ms
        return await self._shell.ask(lambda engine: engine.rooms.logged_in(self.room_id, wanted, now_ms))

    # --- texts ---

    @staticmethod
    def check(text: str, *, packs: Iterable[str] = ()) -> tuple[Finding, ...]:
        """Return what in a text is worth a second look before `send`: on this device alone, nothing is kept.

        Raises:
            ConfigError: no such pack, or more than a million characters.
        """
        return find(text, packs=packs)

    async def send(
        self,
        text: str,
        *,
        reply_to: AnyEntry | None = None,
        language: str | None = None,
        by_machine: bool = False,
    ) -> Entry:
        """Write a text. When this returns, it is in the store, and goes out also after a crash.

        Raises:
            ConfigError: not a text of 1 to 16 384 bytes. UnknownEntry: what it answers is not here.
            RoomClosed, RoomFrozen, ConsentWithdrawn, RoomErased: the phase lets no text pass (ROOM-19).
            NoConsent: a customer's consent does not count (CNS-20).
            NotMember: others of the company are in the room, and this device is not (ROOM-58).
            StoreFull: no room in the store; nothing is sent.
        """
        reply = None if reply_to is None else EntryHash(reply_to.hash)
        return await self.write(RoomText(_fitting(text), reply, language, True if by_machine else None))

    async def write(self, payload: EntryPayload) -> Entry:
        """Write an entry of any kind that this side may write (TRN-20).

        Raises:
            ConfigError: a value outside chapter 17, or an answer that does not fit its form. As `send`.
        """
        try:
            return await self._written(lambda turn, rooms: rooms.write(turn, self.room_id, payload))
        except InvalidArgument as error:
            raise ConfigError(str(error)) from None

    async def edit(self, entry: AnyEntry, text: str) -> Entry:
        """Word a text of this device anew, as often as the room lets texts pass; the earlier wordings stay
        visible (TRN-23, TRN-40). Returns the entry that says so; `entry` read again has the new text.

        Raises:
            NoRight: another device wrote it, it is no text, or it was erased. UnknownEntry: it is not here.
                As `send`.
        """
        return await self.write(Edit(EntryHash(entry.hash), _fitting(text)))

    async def wordings(self, entry: AnyEntry) -> list[Entry]:
        """Return the entries that have worded a text anew, the oldest first; each has its text as payload."""
        text, now_ms = EntryHash(entry.hash), self._shell.now_ms
        found = await self._shell.ask(lambda engine: engine.rooms.wordings(self.room_id, text, now_ms))
        return [self._entry(one) for one in found]

    async def answer_to(self, entry: AnyEntry) -> Entry | None:
        """Return the answer to a form that counts, of several the last one (TRN-44); None without one.

        Raises:
            UnknownEntry: it is not here.
        """
        counts = (await self.entry(entry.hash)).answered_by
        return None if counts is None else await self.entry(counts)

    async def rating(self) -> Entry | None:
        """Return the customer's rating of the conversation: of several the last one (TRN-44)."""
        now_ms = self._shell.now_ms
        found = await self._shell.ask(lambda engine: engine.rooms.rating(self.room_id, now_ms))
        return None if found is None else self._entry(found)

    async def erase(self, entries: Iterable[AnyEntry]) -> Entry:
        """Have entries of our side erased: hidden at once, destroyed after 24 hours (ROOM-26).

        Raises:
            NoRight: not ours to erase, or nothing that is erased (TRN-24).
        """
        return await self.write(Erase(_hashes(entries)))

    async def erasures(self) -> list[ErasureView]:
        """Return the newest 64 orders to erase that bind this device, each with what the company's devices
        have answered, signed, and with those that have not said that it is done (ROOM-45).
        """
        now_ms = self._shell.now_ms
        return await self._shell.ask(lambda engine: engine.rooms.erasures(self.room_id, now_ms))

    async def mark_sensitive(self, entries: Iterable[AnyEntry]) -> Entry:
        """Hide entries from who is not cleared for what is sensitive (ROOM-17).

        Raises:
            NoRight: an agent marks only what the customer wrote.
        """
        return await self.write(Sensitive(_hashes(entries)))

    # --- files ---

    def _entry(self, view: EntryView) -> Entry:
        return Entry(self, view, self._file_service().fetching)

    def _file_service(self) -> FileService:
        screen_lock.check(self._client)
        return self._client.files

    async def send_file(
        self, path: str | os.PathLike[str], *, name: str | None = None, strip_metadata: bool = False
    ) -> Entry:
        """Send a file of at most 64 MiB, and wait until the room has it; `FileProgress` tells how far it is.

        Its type is told by what it holds; `name` is its name in place of that on the disk. `strip_metadata`
        removes what a JPEG, PNG or WebP says of place, time and camera (FIL-17).

        Raises:
            FileNameRefused, FileTooLarge, MetadataKept: nothing was sent.
            FileTypeRefused: nothing is left of it; parts of a large file may have been at the relay (FIL-24).
            FileQuota: no mailbox of the room has room for it; nothing was sent.
            FileUnusable: it cannot be read, or changes. FileStalled: its disk does not answer.
            RelayUnavailable: the client is offline. As `send`, but for a store without room: a file that was
                on its way goes on when the client is opened again. `start_file` tells both apart.
        """
        return await (await self.start_file(path, name=name, strip_metadata=strip_metadata)).wait()

    async def start_file(
        self, path: str | os.PathLike[str], *, name: str | None = None, strip_metadata: bool = False
    ) -> SentFile:
        """Put a file on its way: when this returns, it is sealed beside the store, and goes on after the
        program was ended, in whatever way. A loss of power may damage the copy: `FileFailed` tells of it.

        Raises what `send_file` raises, but for FileQuota.
        """
        return await files.start(self, self._file_service(), path, name, strip_metadata=strip_metadata)

    async def save_file(self, entry: AnyEntry, folder: str | os.PathLike[str]) -> Path:
        """Write the file of an entry to a folder, and return where; it is fetched first if it is not here.

        It gets its name when all of it is there and right; what stands there already stays, and the new file
        has a number behind its name.

        Raises:
            FileMissing: the entry has none. FileExpired: the relay has it no longer.
            FileCorrupt, FileTypeRefused: it is not what was announced; nothing is left of it.
            FileUnusable: the folder or the disk. FileStalled: it does not answer.
            RelayUnavailable, BlobRefused: not now; what came is kept.
        """
        return await self._file_service().fetching.save(self.room_id, EntryHash(entry.hash), Path(folder))

    # --- what is there ---

    async def entry(self, entry_hash: bytes) -> Entry:
        """Return an entry by its hash, as events name it.

        Raises:
            UnknownEntry: it is not here.
        """
        wanted, now_ms = EntryHash(entry_hash), self._shell.now_ms
        found = await self._shell.ask(lambda engine: engine.rooms.entry(self.room_id, wanted, now_ms))
        return self._entry(_known(found))

    async def history(self, before: AnyEntry | None = None, limit: int = 50) -> list[Entry]:
        """Return the newest entries, at most `limit`, in the order of the transcript; with `before` the
        newest of those that stand before it.

        Raises:
            ConfigError: `limit` is less than 1.
        """
        if limit < 1:
            raise ConfigError("a page of the history has at least one entry")
        first = None if before is None else EntryHash(before.hash)
        now_ms = self._shell.now_ms
        found = await self._shell.ask(lambda engine: engine.rooms.page(self.room_id, first, limit, now_ms))
        return [self._entry(one) for one in found]

    async def texts(self, before: AnyEntry | None = None, limit: int = 50) -> list[Entry]:
        """Return the texts among a page of the history."""
        return [one for one in await self.history(before, limit) if one.text is not None]

    async def unread_entries(self, limit: int = 50) -> list[Entry]:
        """Return the newest contents of the other side that were not marked as read, at most `limit`, in the
        order of the transcript.

        Raises:
            ConfigError: `limit` is less than 1.
        """
        if limit < 1:
            raise ConfigError("a page of the history has at least one entry")
        now_ms = self._shell.now_ms
        found = await self._shell.ask(lambda engine: engine.rooms.unread(self.room_id, limit, now_ms))
        return [self._entry(one) for one in found]

    async def search(self, words: str, limit: int = 50) -> AsyncIterator[Entry]:
        """Yield texts that hold all of these words, in any case, the newest first; leaving the loop ends it.

        Raises:
            ConfigError: nothing to look for.
        """
        sought = words.casefold().split()
        if not sought:
            raise ConfigError("words to look for are missing")
        before: EntryHash | None = None
        while True:
            page = await self._shell.ask(partial(_search, self.room_id, sought, before, self._shell.now_ms))
            for one in page.found[:limit]:
                yield self._entry(one)
            limit -= len(page.found)
            before = page.next
            if before is None or limit <= 0:
                return

    async def mark_read(self, entries: Iterable[AnyEntry]) -> None:
        """Note that a person has seen these; nobody is told."""
        hashes = _hashes(entries)
        await self._do(
            lambda turn, rooms: rooms.do(turn, self.room_id, lambda room: room.mark_read(turn, list(hashes)))
        )

    async def wait_for(
        self, entry: AnyEntry, progress: EntryProgress, timeout_s: float | None = None
    ) -> None:
        """Wait until an entry of ours has come at least so far.

        Raises:
            EntryFailed: it will not. WaitTimeout: not in time. ClientClosed: closed meanwhile.
        """
        await wait_until(
            lambda: self._has_reached(entry.hash, progress),
            self._client.progress,
            timeout_s,
            f"state {progress.value}",
        )

    async def _proof(self) -> bytes:
        now_ms = self._shell.now_ms
        return proof_of(await self._shell.ask(lambda engine: engine.rooms.evidence(self.room_id, now_ms)))

    def _has_reached(self, entry_hash: bytes, progress: EntryProgress) -> bool:
        found = self._shell.machine.rooms.progress(self.room_id, EntryHash(entry_hash), self._shell.now_ms)
        if found is EntryProgress.FAILED and progress is not found:
            raise EntryFailed("the entry reached nobody")
        return found is not None and _RANK[found] >= _RANK[progress]

    async def export(
        self,
        path: str | Path,
        *,
        format: str = "json",  # noqa: A002 - the word that everybody looks for
        language: str = "de",
    ) -> TranscriptReport:
        """Write all that is here to a new file, and return what it shows: `json`, which anybody verifies
        offline by the company's account, or `html`, a page for people in German or English. What is hidden
        goes as its commitment. A company's device logs it for all to see before (EXP-03, EXP-04).

        Raises:
            ConfigError: not a format or language, or the file is there or cannot be written.
            FileStalled: its disk does not answer.
            NoRight: a sensitive room, or one of notes. NotMember: this device is not in the room.
        """
        threads = self._file_service().threads
        return await export_room(self._source(with_marked=True), path, format, language, threads)

    def _source(self, *, with_marked: bool) -> RoomSource:
        """Where a file of this room comes from; what is marked goes with it only where it may (EXP-04)."""
        return RoomSource(
            lambda: self._do(lambda turn, rooms: rooms.exporting.begin(turn, self.room_id)),
            lambda export, hashes: self._do(
                lambda turn, rooms: rooms.exporting.entries(
                    turn, self.room_id, hashes, has_marked=with_marked and export.has_marked
                )
            ),
        )

    async def _written(self, write: Callable[[Turn, Rooms], EntryHash]) -> Entry:
        """Write an entry; it is read in the same step, since to read it later may fail while it goes out."""

        def step(turn: Turn, rooms: Rooms) -> EntryView:
            return _known(rooms.queries.entry_in(turn, self.room_id, write(turn, rooms)))

        return self._entry(await self._do(step))

    async def _do(self, do: Callable[[Turn, Rooms], T]) -> T:
        return await self._shell.call(lambda engine, now_ms: engine.of_rooms(do, now_ms))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Room):
            return NotImplemented
        return self._client is other._client and self.room_id == other.room_id

    def __hash__(self) -> int:
        return hash(self.room_id)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.room_id.hex()[:8]}>"


_RANK: Final = {
    EntryProgress.WAITING: 0,
    EntryProgress.SENT: 1,
    EntryProgress.DELIVERED: 2,
    EntryProgress.FAILED: 3,
}


def _hashes(entries: Iterable[AnyEntry]) -> tuple[EntryHash, ...]:
    return tuple(EntryHash(one.hash) for one in entries)


def _known(found: EntryView | None) -> EntryView:
    if found is None:
        raise UnknownEntry("no such entry in this room")
    return found


def _search(
    room_id: RoomId, words: Sequence[str], before: EntryHash | None, now_ms: int, engine: Engine
) -> FoundPage:
    return engine.rooms.search(room_id, words, before, _SEARCHED_AT_ONCE, now_ms)


def _fitting(text: object) -> str:
    checked = checked_text(text)
    if not 1 <= len(checked.encode()) <= MAX_TEXT_B:
        raise ConfigError(f"a text of a room has 1 to {MAX_TEXT_B} bytes in UTF-8")
    return checked
