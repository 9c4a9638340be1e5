"""Which rating of a room the receiver of a desk was told of last, in the desk's store (CNS-89).

A rating is never unread, so that at a start nothing else says that it was not told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from e2ee.constants import HASH_B
from e2ee.rooms.entry import ROOM_ID_B, RoomId
from e2ee_client.engine import Engine
from e2ee_client.engine.row_codec import Row
from e2ee_client.runtime.shell import Shell

from .desk_rows import DeskRows

_NO_ROOM: Final = bytes(ROOM_ID_B)
"""The row that says that a receiver was there before."""


@dataclass(slots=True)
class Rated(Row):
    """The rating of a room that was told last."""

    TABLE: ClassVar[str] = "desk"
    PREFIX: ClassVar[bytes] = b"rated"
    KEY: ClassVar = (("room_id", ROOM_ID_B),)
    room_id: bytes
    rating: bytes


class Ratings:
    """Rows of the ratings that were told last, in memory as well."""

    def __init__(self, shell: Shell[Engine]) -> None:
        self._shell, self._rows = shell, DeskRows(shell)
        self._told: dict[bytes, bytes] = {}

    async def load(self) -> None:
        """Read what was told. Where no receiver was before, what stands in rooms by now counts as told."""
        self._told = {one.room_id: one.rating for one in await self._rows.load(Rated)}
        if _NO_ROOM in self._told:
            return
        for room_id in self.rooms():
            rating = self.untold(room_id)
            if rating is not None:
                await self.note(room_id, rating)
        await self.note(_NO_ROOM, bytes(HASH_B))

    def rooms(self) -> list[bytes]:
        """Return the rooms that are open to us."""
        return [one.room_id for one in self._shell.machine.rooms.all() if one.phase]

    def untold(self, room_id: bytes) -> bytes | None:
        """Return the rating of a room that counts, if it was not told; hearsay is nothing new."""
        rating = self._shell.machine.rooms.rating(RoomId(room_id), self._shell.now_ms)
        if rating is None or rating.forwarded_by is not None or rating.hash == self._told.get(room_id):
            return None
        return rating.hash

    async def note(self, room_id: bytes, rating: bytes) -> None:
        """A rating is in the store to be told."""
        await self._rows.put(Rated(room_id, rating))
        self._told[room_id] = rating

    async def forget(self, room_id: bytes) -> None:
        """A room has ended."""
        if self._told.pop(room_id, None) is not None:
            await self._rows.drop(Rated, room_id)
