"""What the parts of a room, and those of all rooms, have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2ee_client.engine.part import Part

if TYPE_CHECKING:
    from e2ee_client.engine.context import Context

    from .records import LiveRoom
    from .room_engine import RoomEngine
    from .rooms import Rooms
    from .surroundings import Surroundings


class RoomsPart(Part):
    """A part of the engine that is about rooms: it reaches them through their list."""

    def __init__(self, context: Context, rooms: Rooms) -> None:
        super().__init__(context)
        self._rooms = rooms


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
