"""The sealed copy of a file on its way out, whose parts leave while later ones are sealed (FIL-24).

seal, in a thread --written(count)--> has(count) --> a part that was waited for --> the relay
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from e2ee.files import PART_B, sealed_size
from e2ee_client.errors import FileUnusable

from .file_folder import as_unusable
from .transfer import part_b, parts_of


class SealedCopy:
    """Parts on disk, as far as they are there; all of them, of a copy that is whole."""

    def __init__(self, place: Path, size_b: int, *, is_whole: bool) -> None:
        """`size_b`: of the file in the clear."""
        self.place = place
        self.size_b = sealed_size(size_b)
        self._loop = asyncio.get_running_loop()
        self._grows = asyncio.Event()
        self._count = self.parts if is_whole else 0

    @property
    def parts(self) -> int:
        """How many parts it has when it is whole."""
        return parts_of(self.size_b)

    def has(self, count: int) -> None:
        """So many parts may leave."""
        self._count = count
        self._grows.set()

    def written(self, count: int) -> None:
        """So many are written, told by another thread; the last one leaves when the file's hash is stored."""
        self._loop.call_soon_threadsafe(self.has, min(count, self.parts - 1))

    def has_part(self, index: int) -> bool:
        """Whether a part may leave."""
        return index < self._count

    async def reaches(self, index: int) -> None:
        """Wait until a part may leave; who waits for one that never will is cancelled."""
        while not self.has_part(index):
            self._grows.clear()
            await self._grows.wait()

    @contextmanager
    def opened(self) -> Iterator[Callable[[int], bytes]]:
        """Read parts that may leave.

        Raises:
            FileUnusable: the copy is not there any more.
        """
        with as_unusable():
            file = FileIO(self.place)
        with file:
            yield lambda index: self._part(file, index)

    def _part(self, file: FileIO, index: int) -> bytes:
        with as_unusable():
            file.seek(index * PART_B)
            part = file.read(PART_B) or b""
        if len(part) != part_b(self.size_b, index):
            raise FileUnusable("the sealed copy is gone")
        return part
