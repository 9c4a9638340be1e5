"""Files on their way in: parts to disk, known to be right, held; in the clear only for a person.

fetch: parts in order --> all of it is right --> its own name --> told to writer and payer
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from pathlib import Path
from typing import Final

from e2ee.errors import E2eeError, FileCorrupt, FileTypeRefused
from e2ee.files import sealed_size
from e2ee.ids import AccountId
from e2ee.rooms.entry import EntryHash, RoomId
from e2ee_client.engine.rooms.file_rows import FileIn, FileTicket
from e2ee_client.engine.rooms.files import Files
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import (
    BlobRefused,
    ClientClosed,
    FileExpired,
    FileMissing,
    FileUnusable,
    RelayUnavailable,
    SealroomError,
)
from e2ee_client.room_events import FileFailed

from . import file_folder
from .file_folder import Arriving, held_name, part_name
from .file_work import GONE, FileWork, Told, to_its_end
from .transfer import parts_of

MOST_HELD_B: Final = 1 << 30
"""What a device of a company gets by itself, all its files together (FIL-13)."""
RESERVE_B: Final = 1 << 28
"""What is left free on the disk (FIL-13)."""
_AGAIN_MS: Final = 60_000
_LOG: Final = logging.getLogger("sealroom")


class FileFetching:
    """Fetches what is asked for, and what a company's device gets by itself."""

    def __init__(self, work: FileWork) -> None:
        self._work = work
        self._tasks: dict[bytes, asyncio.Task[Path | None]] = {}
        self._wanted = asyncio.Event()

    async def start(self) -> None:
        """Delete what belongs to no entry, and fetch by itself from now on."""
        await self._settle()
        self._work.begin(self._fetch_wanted())
        self.look()

    def look(self) -> None:
        """A file was announced, or history handed over (FIL-23): look what is wanted."""
        self._wanted.set()

    def forget(self, entry_hash: bytes) -> None:
        """Delete what is here of a file whose entry was destroyed; there may be room for others then."""
        self._remove(entry_hash)
        task = self._tasks.get(entry_hash)
        if task is not None:
            task.cancel()
            task.add_done_callback(lambda _: self._remove(entry_hash))
        self.look()

    def _remove(self, entry_hash: bytes) -> None:
        for name in (held_name(entry_hash), part_name(entry_hash)):
            self._work.folder.remove(name)

    async def _settle(self) -> None:
        """Delete what has no entry any more, and say of what is whole that it is held (FIL-19)."""
        rows = await self._work.ask(lambda files: files.incoming(Turn(0)))
        known = {name for one in rows for name in (held_name(one.entry), part_name(one.entry))}
        for name in self._work.folder.names():
            if name.startswith("in-") and name not in known:
                self._work.folder.remove(name)
        for row in rows:
            if not row.is_held and self.is_here(row.entry):
                self._work.begin(self._have(row.entry))

    # --- for a person ---

    async def save(self, room_id: RoomId, entry_hash: EntryHash, folder: Path) -> Path:
        """Write the file of an entry in the clear to a folder; it is fetched first if it is not here.

        Raises:
            FileMissing, FileExpired. FileCorrupt, FileTypeRefused: it is not what was announced.
            RelayUnavailable, BlobRefused: not now; what came is kept. FileUnusable: folder or disk.
        """
        ticket = await self._work.ask(lambda files: files.ticket(room_id, entry_hash))
        if not self.is_here(entry_hash) and entry_hash not in self._tasks:
            path = await self.fetch(ticket, folder)
            if path is not None:
                return path
        elif not self.is_here(entry_hash):
            await self.fetch(ticket)
        try:
            return await self._open_to(ticket, folder)
        except FileCorrupt:
            # It was right when it came: the disk has damaged it.
            self._work.folder.remove(held_name(entry_hash))
        await self.fetch(ticket)
        return await self._open_to(ticket, folder)

    async def _open_to(self, ticket: FileTicket, folder: Path) -> Path:
        place = self._work.folder.place(held_name(ticket.entry))
        return await self._work.threads.run(folder, partial(file_folder.open_to, place, ticket, folder))

    def is_here(self, entry_hash: bytes) -> bool:
        """Whether this device holds the file of an entry."""
        return self._work.folder.has(held_name(entry_hash))

    async def fetch(self, ticket: FileTicket, folder: Path | None = None) -> Path | None:
        """Fetch a file, together with whoever fetches it already; who begins may have it in the clear in a
        folder at once. Raises what `save` raises.
        """
        if not self._work.is_online:
            raise RelayUnavailable("the client is offline")
        task = self._tasks.get(ticket.entry)
        if task is None:
            task = self._tasks[ticket.entry] = self._work.begin(self._fetch(ticket, folder))
            task.add_done_callback(lambda _: self._tasks.pop(ticket.entry, None))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled() and self._work.is_online:
                raise FileMissing("the file was erased") from None
            raise

    async def _fetch(self, ticket: FileTicket, folder: Path | None) -> Path | None:
        part, path = part_name(ticket.entry), None
        if not self.is_here(ticket.entry):
            was_begun = self._work.folder.has(part)
            try:
                path = await self._bring(ticket, part, folder)
            except FileCorrupt:
                if not was_begun:
                    raise
                # A loss of power leaves a length without its bytes: once more, from the beginning.
                path = await self._bring(ticket, part, folder)
        await self._have(ticket.entry)
        return path

    async def _have(self, entry_hash: EntryHash) -> None:
        await self._work.step(lambda turn, files: files.have(turn, entry_hash))

    async def _bring(self, ticket: FileTicket, part: str, folder: Path | None) -> Path | None:
        """Get a file, and give it its name if it is right; what will never be whole is not kept."""
        place = self._work.folder.place(part)
        try:
            await self._get(ticket, place)
            path, _ = await asyncio.gather(
                to_its_end(self._look(place, ticket, folder)),
                to_its_end(asyncio.to_thread(file_folder.flush, place)),
            )
        except (FileCorrupt, FileExpired):
            self._work.folder.remove(part)
            raise
        held = self._work.folder.place(held_name(ticket.entry))
        await to_its_end(asyncio.to_thread(file_folder.keep, place, held))
        return path

    async def _get(self, ticket: FileTicket, place: Path) -> None:
        if ticket.expires_ms <= self._work.clock.now_ms():
            raise FileExpired("the file is past its end at the relay")
        company = await self._work.ask(lambda files: files.company(ticket.room_id))
        async with self._work.slot(company):
            try:
                await self._get_at(company, ticket, place)
            except BlobRefused as error:
                if error.reason == GONE:
                    raise FileExpired("the relay does not have the file any more") from None
                raise

    async def _look(self, part: Path, ticket: FileTicket, folder: Path | None) -> Path | None:
        """Look whether a file is right, and write it in the clear meanwhile; one that is right, but cannot be
        written there, is held all the same.
        """
        if folder is not None:
            try:
                write = partial(file_folder.open_to, part, ticket, folder)
                return await self._work.threads.run(folder, write)
            except (FileTypeRefused, FileUnusable):
                pass
        await asyncio.to_thread(file_folder.verify, part, ticket.file_key, ticket.announced)
        return None

    async def _get_at(self, company: AccountId, ticket: FileTicket, place: Path) -> None:
        transfer, size_b = self._work.transfer(company), ticket.sealed_b
        told = Told(self._work, ticket.room_id, ticket.entry, parts_of(size_b), is_upload=False)
        arriving = Arriving(place, size_b)

        def write(index: int, part: bytes) -> None:
            arriving.write(part)
            told.at(index + 1, size_b)

        try:
            await transfer.get(ticket.blob, size_b, write, first=arriving.next)
        finally:
            arriving.close()

    # --- by itself ---

    async def _fetch_wanted(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if not await self._fetch_all():
                await self._work.clock.wait_until(self._work.clock.now_ms() + _AGAIN_MS)
                self._wanted.set()

    async def _fetch_all(self) -> bool:
        """Fetch what is wanted; False: some of it is to be tried again, whatever hindered it."""
        try:
            rows = await self._work.ask(Files.wanted)
            return all([await self._fetch_one(one) for one in rows])
        except ClientClosed:
            raise
        except (SealroomError, E2eeError) as error:
            _LOG.warning("files.fetch %s", error.code)
            return False

    async def _fetch_one(self, row: FileIn) -> bool:
        """Fetch a file; False: it is to be tried again."""
        if not await self._has_room(row):
            return True
        try:
            await self.fetch(await self._work.ask(lambda files: files.ticket(row.room_id, row.entry)))
        except ClientClosed:
            raise
        except (FileCorrupt, FileExpired, FileMissing) as error:
            if await self._work.step(lambda turn, files: files.refuse(turn, row.entry)):
                self._work.tell(FileFailed(row.room_id, row.entry, error.code))
            else:
                self.look()
        except (SealroomError, E2eeError) as error:
            _LOG.warning("files.fetch %s", error.code)
            return False
        return True

    async def _has_room(self, row: FileIn) -> bool:
        folder, size_b = self._work.folder, sealed_size(row.size_b)
        held_b = await self._work.ask(lambda files: files.held_b()) + folder.parts_b(part_name(row.entry))
        return held_b + size_b <= MOST_HELD_B and folder.free_b() - size_b >= RESERVE_B
