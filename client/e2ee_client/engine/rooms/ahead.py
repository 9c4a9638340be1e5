"""What came ahead of what lets it in: a room, its hand-over, who is in force (ROOM-31, ROOM-72, TRN-51)."""

from __future__ import annotations

from typing import Final, NamedTuple

from e2ee.content import Content, ContentType, OfRooms
from e2ee.ids import ContentId
from e2ee.rooms.entry import Author, RoomId

MAX_AHEAD: Final = 64
MAX_UNDECIDED: Final = 256
"""Contents of which nothing is decided while it is not known who is in force (ROOM-72)."""


class Kept(NamedTuple):
    """A content that was not confirmed."""

    room_id: RoomId
    by: Author
    content: Content

    @property
    def has_lines(self) -> bool:
        """Whether it is a forward."""
        payload = self.content.payload
        return isinstance(payload, OfRooms) and payload.type is ContentType.FORWARD


class Ahead:
    """In memory only: a device that ends is sent again what it has not confirmed (SES-37)."""

    def __init__(self, most: int = MAX_AHEAD) -> None:
        self._most = most
        self._kept: dict[ContentId, Kept] = {}

    def keep(self, one: Kept) -> None:
        """Keep a content; of more than there is room for the oldest goes."""
        self._kept[one.content.id] = one
        while len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]

    def rooms(self) -> set[RoomId]:
        """Return the rooms of which something is kept."""
        return {one.room_id for one in self._kept.values()}

    def of(self, room_id: RoomId) -> list[Kept]:
        """Return what is kept of a room; lines last, as all else may let them in."""
        found = (one for one in self._kept.values() if one.room_id == room_id)
        return sorted(found, key=lambda one: one.has_lines)

    def take(self, room_id: RoomId) -> list[Kept]:
        """Return what is kept of a room, and keep it no more."""
        found = self.of(room_id)
        for one in found:
            self.drop(one)
        return found

    def drop(self, one: Kept) -> None:
        """Keep a content no more."""
        del self._kept[one.content.id]
