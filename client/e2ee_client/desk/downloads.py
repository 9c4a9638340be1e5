"""Files that a page asked for: fetched, held in memory for one download, and gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from e2ee_client.errors import FileMissing
from e2ee_client.rooms import Entry

from .clear_folder import clear_folder

MAX_HELD: Final = 4
_TICKET_B: Final = 24


class Download(NamedTuple):
    """A file in the clear."""

    name: str
    media_type: str
    data: bytes
    entry_hash: bytes


class Downloads:
    """By tickets, each of which works once; the oldest goes when there are too many."""

    def __init__(self, rng: Callable[[int], bytes]) -> None:
        self._rng = rng
        self._held: dict[str, Download] = {}
        self._fetching = asyncio.Lock()

    async def add(self, entry: Entry) -> tuple[str, str]:
        """Fetch the file of an entry, and return a ticket for it and its name.

        Raises:
            FileMissing, FileExpired, FileCorrupt, FileTypeRefused, FileUnusable, RelayUnavailable.
        """
        async with self._fetching:
            with clear_folder() as folder:
                path = await entry.save(folder)
                data = await asyncio.to_thread(path.read_bytes)
        file = (await entry.room.entry(entry.hash)).file
        if file is None:
            raise FileMissing("it was erased while it was fetched")
        ticket = self._rng(_TICKET_B).hex()
        self._held[ticket] = Download(file.name, file.media_type, data, entry.hash)
        while len(self._held) > MAX_HELD:
            del self._held[next(iter(self._held))]
        return ticket, file.name

    def take(self, ticket: str) -> Download | None:
        """Return a file, once."""
        return self._held.pop(ticket, None)

    def drop(self, entry_hash: bytes) -> None:
        """Drop the file of an entry that was erased."""
        self._held = {key: one for key, one in self._held.items() if one.entry_hash != entry_hash}

    def clear(self) -> None:
        """Drop all files."""
        self._held.clear()
