"""What the parts of a room have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .records import LiveRoom
    from .room_engine import RoomEngine
    from .surroundings import Surroundings


class RoomPart:
    """A part of a room: it calls the others through the room and keeps no reference of its own."""

    def __init__(self, room: RoomEngine) -> None:
        self._room = room

    @property
    def _live(self) -> LiveRoom:
        return self._room.live

    @property
    def _around(self) -> Surroundings:
        return self._room.around
