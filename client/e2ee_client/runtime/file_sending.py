"""Files on their way out: sealed to disk, put at the relay, announced; dropped when all hold them.

begin: FileOut --> seal --its hash--> the entry --> the sealed copy is held
                      `--parts--> put the blob ---^
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from e2ee.constants import KEY_B
from e2ee.errors import E2eeError, FileCorrupt, FileNameRefused, RemoteError
from e2ee.files import Announced, padded_size, sealed_size
from e2ee.grammar import is_file_name
from e2ee.ids import AccountId, DeviceId
from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.payloads import FILE_NAME_B
from e2ee.secret import FileKey
from e2ee_client.engine.rooms.file_rows import SECRET_B, FileOut, Payer
from e2ee_client.errors import (
    BlobRefused,
    ClientClosed,
    FileCancelled,
    FileQuota,
    FileUnusable,
    RelayUnavailable,
    SealroomError,
    StoreError,
)
from e2ee_client.room_events import FileFailed

from . import file_folder
from .file_folder import Measured
from .file_work import DENIED, GONE, FileWork, Slot, Told
from .sealed_copy import SealedCopy
from .transfer import Upload, parts_of

MOST_WAITING: Final = 256
_AGAIN_S: Final = 60
_DENIED_AGAIN: Final = 2
_FULL: Final = frozenset({"QUOTA", "TOO_LARGE"})


class FileSending:
    """A task for each file that is on its way."""

    def __init__(self, work: FileWork) -> None:
        self._work = work
        self._jobs: dict[bytes, asyncio.Task[EntryHash]] = {}
        self._sealing: dict[bytes, asyncio.Task[None]] = {}
        self._dropping: set[bytes] = set()

    # --- life ---

    async def start(self) -> None:
        """Go on with what was under way; delete what belongs to nothing."""
        rows = await self._work.ask(lambda files: files.outgoing())
        for one in rows:
            self._keep(one)
        under_way = [one for one in rows if one.entry is None and not one.is_over]
        kept = {_place(one.id) for one in under_way}
        for name in self._work.folder.names():
            if name.startswith("out-") and name not in kept:
                self._work.folder.remove(name)
        for row in under_way:
            self._work.begin(self._go_on(row))
        await self.drop_all()

    @property
    def is_idle(self) -> bool:
        """Whether no file is on its way."""
        return not self._jobs

    async def drop_all(self) -> None:
        """Have the relay drop the blobs that are over."""
        for row in await self._work.ask(lambda files: files.outgoing()):
            if row.is_over:
                self._begin_drop(row)

    async def _go_on(self, row: FileOut) -> None:
        """Go on with a sealed copy that a stop has left, if it is whole: never without a hash (FIL-24)."""
        place, said = self._work.folder.place(_place(row.id)), Announced(row.size_b, row.padded_b, row.hash)
        try:
            await asyncio.to_thread(file_folder.verify, place, row.file_key, said)
        except (FileCorrupt, FileUnusable):
            await self._give_up(row, FileUnusable.code)
        else:
            self._send(row, SealedCopy(place, row.size_b, is_whole=True))

    # --- a file ---

    async def begin(
        self, room_id: RoomId, file_id: bytes, source: Path, name: str, *, strip: bool
    ) -> asyncio.Task[EntryHash]:
        """Seal a file and put it on its way under an id of its own; return the task that ends with its entry.

        Raises:
            FileNameRefused, FileTooLarge, FileTypeRefused, MetadataKept, FileUnusable: it is not sent.
            RelayUnavailable: the client is offline. What `Files.check` raises.
        """
        await self._check(room_id, name)
        measure = partial(file_folder.measure, source, name, strip=strip)
        measured = await self._work.threads.run(source, measure)
        row = self._drawn(room_id, file_id, name, measured.size_b)
        copy = SealedCopy(self._work.folder.place(_place(row.id)), row.size_b, is_whole=False)
        await self._work.step(lambda turn, files: files.begin(turn, row))
        sealing = self._sealing[row.id] = asyncio.create_task(self._seal(row, copy, source, measured))
        sealing.add_done_callback(lambda _: self._sealing.pop(row.id, None))
        job = self._send(row, copy)
        try:
            await asyncio.shield(sealing)
        except BaseException as error:
            if sealing.cancelled():
                return job  # It was given up, and says why.
            await self._end(row.id, getattr(error, "code", FileCancelled.code))
            raise
        return job

    async def _check(self, room_id: RoomId, name: str) -> None:
        if not is_file_name(name) or len(name.encode()) > FILE_NAME_B:
            raise FileNameRefused("the name cannot be that of a file of a room")
        if not self._work.is_online:
            raise RelayUnavailable("the client is offline")
        if len(self._jobs) >= MOST_WAITING:
            raise FileUnusable("too many files wait to be sent")
        await self._work.step(lambda turn, files: files.check(turn, room_id))

    def _drawn(self, room_id: RoomId, file_id: bytes, name: str, size_b: int) -> FileOut:
        """A file with what nothing was sealed with or put under; without a hash, until it is sealed."""
        rng = self._work.rng
        return FileOut(
            *(file_id, room_id, name, "", size_b, padded_size(size_b), b""),
            *(FileKey(rng(KEY_B)), rng(SECRET_B), rng(SECRET_B)),
        )

    async def _seal(self, row: FileOut, copy: SealedCopy, source: Path, measured: Measured) -> None:
        """Seal a file to disk, and keep its type and hash: from then on it goes on after a stop (FIL-07)."""
        place, key = copy.place, row.file_key
        seal = partial(file_folder.seal, source, measured, place, key, row.name, copy.written)
        sealed = await self._work.threads.run(source, seal)
        row.media_type, row.hash = sealed.media_type, sealed.announced.hash
        await self._work.step(lambda turn, files: files.go_on(turn, row))
        copy.has(copy.parts)

    async def cancel(self, file_id: bytes) -> None:
        """Give a file up; one that is announced already stays."""
        await self._end(file_id, FileCancelled.code)

    async def left(self, room_id: RoomId) -> None:
        """End what the engine has given up with its room (FIL-29)."""
        rows = await self._work.ask(lambda files: files.outgoing())
        gone = [one.id for one in rows if one.room_id == room_id and one.entry is None and one.is_over]
        await asyncio.gather(*(self._end(one, FileCancelled.code) for one in gone))

    async def _end(self, file_id: bytes, code: str) -> None:
        job = self._jobs.get(file_id)
        if job is None or job.done():
            return
        job.cancel()
        await asyncio.wait([job])
        for row in await self._work.ask(lambda files: files.outgoing()):
            if row.id == file_id and row.entry is None:
                await self._give_up(row, code)
            elif row.id == file_id:
                self._keep(row)

    def _send(self, row: FileOut, copy: SealedCopy) -> asyncio.Task[EntryHash]:
        job = self._jobs[row.id] = self._work.begin(self._sending(row, copy))
        job.add_done_callback(lambda _: self._jobs.pop(row.id, None))
        return job

    async def _sending(self, row: FileOut, copy: SealedCopy) -> EntryHash:
        await copy.reaches(0)
        try:
            company = await self._work.ask(lambda files: files.company(row.room_id))
            expires_ms = await self._work.patiently(company, partial(self._put, row, copy))
            # A relay may say that it has all before all was there to be sent.
            await copy.reaches(copy.parts - 1)
            entry_hash = await self._work.step(lambda turn, files: files.announce(turn, row, expires_ms))
        except (ClientClosed, StoreError):
            # What is stored goes on with the next start.
            raise
        except (SealroomError, E2eeError) as error:
            await self._give_up(row, error.code)
            raise
        self._keep(row)
        return entry_hash

    def _keep(self, row: FileOut) -> None:
        """The sealed copy of a file that is announced is one that this device holds."""
        if row.entry is not None:
            self._work.folder.rename(_place(row.id), file_folder.held_name(row.entry))

    async def _give_up(self, row: FileOut, code: str) -> None:
        sealing = self._sealing.get(row.id)
        if sealing is not None:
            # Nothing of it is stored afterwards, and no further block is sealed (FIL-28).
            sealing.cancel()
            await asyncio.wait([sealing])
        await self._work.step(lambda turn, files: files.over(turn, row))
        self._work.folder.remove(_place(row.id))
        self._work.tell(FileFailed(row.room_id, row.id, code))
        self._begin_drop(row)

    async def put_again(self, room_id: RoomId, to: DeviceId, count: int) -> None:
        """Put the files of the newest entries again, as far as they are held here and the relay takes them,
        for a device which these entries are handed over to (FIL-22); it waits for at most a minute.

        Raises:
            NoRight, RoomFrozen, ConsentWithdrawn, RoomErased: nothing is handed over.
        """
        rows = await self._work.step(lambda turn, files: files.handed(turn, room_id, to, count))
        if not self._work.is_online:
            return
        jobs = [self._work.begin(self._put_one_again(row)) for row in rows]
        with suppress(TimeoutError):
            async with asyncio.timeout(_AGAIN_S):
                await asyncio.gather(*jobs)

    async def put_for_taker(self, room_id: RoomId) -> None:
        """Put the files of a room again that this device gives to a colleague, if it does (ROOM-57)."""
        found = await self._work.step(lambda turn, files: files.passed_on(turn, room_id))
        if found is not None:
            with suppress(RemoteError):
                await self.put_again(room_id, *found)

    async def _put_one_again(self, row: FileOut) -> None:
        """Put the file of an entry again; one that the relay has still is left to who has put it."""
        company = await self._work.ask(lambda files: files.company(row.room_id))
        place = self._work.folder.place(file_folder.held_name(row.entry or b""))
        copy, is_ours = SealedCopy(place, row.size_b, is_whole=True), row.payer is not None
        try:
            if not await self._is_there(company, row):
                put = partial(self._put, row, copy)
                await self._work.patiently(company, put, denied=_DENIED_AGAIN)
        except (BlobRefused, FileCancelled, FileCorrupt, FileQuota, FileUnusable, RelayUnavailable):
            if not is_ours:
                await self._work.step(lambda turn, files: files.forget(turn, row.id))

    async def _is_there(self, company: AccountId, row: FileOut) -> bool:
        """Whether the relay has the last part of a blob."""
        transfer, size_b = self._work.transfer(company), sealed_size(row.size_b)
        try:
            async with self._work.slot(company):
                await transfer.get(row.blob, size_b, lambda *_: None, first=parts_of(size_b) - 1)
        except BlobRefused as error:
            if error.reason != GONE:
                raise
            return False
        return True

    # --- its blob ---

    async def _put(self, row: FileOut, copy: SealedCopy, slot: Slot) -> int:
        """Put the blob at the cost of the first recipient that takes it (FIL-11)."""
        refusals = set[str]()
        for payer in await self._payers(row):
            try:
                return await self._put_at(row, payer, copy, slot)
            except BlobRefused as error:
                if error.reason != DENIED and error.reason not in _FULL:
                    raise
                refusals.add(error.reason)
        if refusals & _FULL:
            raise FileQuota("no mailbox of the room has room for the file")
        raise BlobRefused("nobody in the room takes a file yet", reason=DENIED)

    async def _payers(self, row: FileOut) -> list[Payer]:
        """Return who may pay, first whoever does already."""
        found = await self._work.step(lambda turn, files: files.payers(turn, row.room_id))
        return sorted(found, key=lambda one: not _pays(row, one))

    async def _put_at(self, row: FileOut, payer: Payer, copy: SealedCopy, slot: Slot) -> int:
        company = await self._work.ask(lambda files: files.company(row.room_id))
        transfer = self._work.transfer(company)
        if not _pays(row, payer):
            if row.payer is not None:
                # One blob has one payer: what another one has begun is given up.
                await transfer.drop(row.blob, row.secret)
            await self._work.step(lambda turn, files: files.paid_by(turn, row, payer))
        told = Told(self._work, row.room_id, row.id, copy.parts, is_upload=True)
        upload = Upload(row.mailbox, row.token, row.blob, row.secret, copy.size_b)
        with copy.opened() as part:

            async def read(index: int) -> bytes:
                told.at(index, copy.size_b)
                if not copy.has_part(index):
                    await slot.without(copy.reaches(index))
                return part(index)

            try:
                expires_ms = await transfer.put(upload, read)
            finally:
                self._work.parts_sent += transfer.parts_sent
        told.at(copy.parts, copy.size_b)
        return expires_ms

    def _begin_drop(self, row: FileOut) -> None:
        if row.id not in self._dropping:
            self._dropping.add(row.id)
            self._work.begin(self._drop(row)).add_done_callback(lambda _: self._dropping.discard(row.id))

    async def _drop(self, row: FileOut) -> None:
        """Have the relay drop a blob; then its row goes, also where the blob is not ours (FIL-26)."""
        if row.mailbox:
            company = await self._work.ask(lambda files: files.company(row.room_id))
            transfer = self._work.transfer(company)
            try:
                await self._work.patiently(company, lambda _: transfer.drop(row.blob, row.secret), denied=0)
            except BlobRefused as error:
                if error.reason != DENIED:
                    raise
        await self._work.step(lambda turn, files: files.forget(turn, row.id))


def _place(file_id: bytes) -> str:
    return f"out-{file_id.hex()}"


def _pays(row: FileOut, payer: Payer) -> bool:
    return (row.mailbox, row.token) == (payer.mailbox, payer.token)
