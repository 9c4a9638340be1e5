"""Files that a page hands over: streamed to a folder in memory, sealed beside the store, and gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import BinaryIO, Final, NamedTuple

from e2ee_client.engine.rooms.file_rows import FILE_ID_B
from e2ee_client.errors import FileUnusable
from e2ee_client.rooms import Agent, files
from e2ee_client.runtime.drafts import draft

from .clear_folder import clear_folder

MAX_TICKETS: Final = 16
BLOCK_S: Final = 60.0
"""So long a page may send nothing of a file for which others wait (FIL-28)."""
_TICKET_B: Final = 24


class Offered(NamedTuple):
    """A file that a page is about to hand over, and its id on its way out."""

    file_id: bytes
    room_id: bytes
    name: str
    size_b: int
    strips: bool


class Uploads:
    """By tickets, each of which works once; the oldest goes when there are too many."""

    def __init__(self, agent: Agent, rng: Callable[[int], bytes]) -> None:
        self._agent, self._rng = agent, rng
        self._offered: dict[str, Offered] = {}
        # One at a time: what stands in the clear is one file.
        self._receiving = asyncio.Lock()

    def add(self, room_id: bytes, name: str, size_b: int, *, strips: bool) -> tuple[bytes, str]:
        """Return the id of a file, and a ticket for it."""
        file_id, ticket = self._rng(FILE_ID_B), self._rng(_TICKET_B).hex()
        self._offered[ticket] = Offered(file_id, room_id, name, size_b, strips)
        while len(self._offered) > MAX_TICKETS:
            del self._offered[next(iter(self._offered))]
        return file_id, ticket

    def clear(self) -> None:
        """Take no file that was offered before."""
        self._offered.clear()

    def take(self, ticket: str) -> Offered | None:
        """Return what a ticket is for, once."""
        return self._offered.pop(ticket, None)

    async def receive(self, offered: Offered, blocks: AsyncIterator[bytes]) -> None:
        """Put a file on its way; nothing in the clear is left.

        Raises:
            FileUnusable: it has another size than was said, or the page stops. As `Room.start_file`.
        """
        async with self._receiving:
            with clear_folder() as folder, draft(folder) as made:
                await _write(made.file, offered.size_b, blocks)
                room, given = self._agent.room(offered.room_id), (offered.name, offered.file_id)
                await files.start(
                    room, self._agent.client.files, made.path, *given, strip_metadata=offered.strips
                )

    async def cancel(self, file_id: bytes) -> None:
        """Give a file up; one that is announced already stays."""
        await self._agent.client.files.sending.cancel(file_id)

    def name_of(self, file_id: bytes) -> str | None:
        """Return the name of a file on its way out; None for any other, or put again (FIL-22)."""
        rows = self._agent.client.shell.machine.files.outgoing()
        return next((one.name for one in rows if one.id == file_id and one.entry is None and one.name), None)


async def _in_time(blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield blocks as they come.

    Raises:
        FileUnusable: for a while none has come.
    """
    block: bytes | None = b""
    while block is not None:
        yield block
        try:
            async with asyncio.timeout(BLOCK_S):
                block = await anext(blocks, None)
        except TimeoutError:
            raise FileUnusable("the page sends no more of the file") from None


async def _write(file: BinaryIO, size_b: int, blocks: AsyncIterator[bytes]) -> None:
    """Write exactly so many bytes; a block more ends it."""
    left_b = size_b
    async for block in _in_time(blocks):
        left_b -= len(block)
        if left_b < 0:
            break
        await asyncio.to_thread(file.write, block)
    await asyncio.to_thread(file.flush)
    if left_b != 0:
        raise FileUnusable("the file has another size than was said")
