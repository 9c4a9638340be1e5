"""Files as an application sees them: what an entry says of one, and one that is on its way."""

from __future__ import annotations

import asyncio
import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from e2ee.rooms.entry import EntryHash
from e2ee_client.errors import ClientClosed, FileCancelled
from e2ee_client.runtime.file_service import FileService

if TYPE_CHECKING:
    from .entry import Entry
    from .room import Room


class FileInfo(NamedTuple):
    """What an entry says of its file. `expires_ms` is when the relay loses it; with `is_here` it is on this
    device's disk, sealed.
    """

    name: str
    media_type: str
    size_b: int
    expires_ms: int
    is_here: bool


class SentFile:
    """A file on its way into a room. It goes on by itself, also after the program was begun again."""

    def __init__(
        self, room: Room, service: FileService, file_id: bytes, job: asyncio.Task[EntryHash]
    ) -> None:
        """Not for callers: use `Room.start_file`."""
        self.room = room
        """The room that it goes to."""
        self.file_id = file_id
        """By which the store knows it."""
        self._service = service
        self._job = job

    async def wait(self) -> Entry:
        """Wait until the room has the file; who gives up waiting does not give up the file.

        Raises:
            FileQuota: no mailbox of the room has room for it; nothing was sent.
            FileCancelled: it was given up.
            ClientClosed: it goes on when the client is opened again.
            StoreFull, StoreUnavailable: likewise; do not send it again. As `Room.send`, if the room changed
                meanwhile.
        """
        try:
            entry_hash = await asyncio.shield(self._job)
        except asyncio.CancelledError:
            if not self._job.cancelled():
                raise
            if self._service.is_online:
                raise FileCancelled("the file was given up") from None
            raise ClientClosed("the client was closed; the file goes on when it is opened") from None
        return await self.room.entry(entry_hash)

    async def cancel(self) -> None:
        """Give the file up; nothing of it was said to anybody. One that the room has stays."""
        await self._service.sending.cancel(self.file_id)

    def __repr__(self) -> str:
        return f"<SentFile {self.file_id.hex()[:8]}>"


async def start(
    room: Room,
    service: FileService,
    path: str | os.PathLike[str],
    name: str | None,
    file_id: bytes | None = None,
    *,
    strip_metadata: bool,
) -> SentFile:
    """Seal a file and put it on its way, under an id that was drawn for it or a new one; as
    `Room.start_file`.
    """
    source = Path(path)
    given = unicodedata.normalize("NFC", source.name if name is None else name)
    drawn = service.new_id() if file_id is None else file_id
    job = await service.sending.begin(room.room_id, drawn, source, given, strip=strip_metadata)
    return SentFile(room, service, drawn, job)
