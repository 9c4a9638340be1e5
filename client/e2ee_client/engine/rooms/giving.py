"""Rooms on their way to stewards in force that lack them: a few at a time (ROOM-81, ROOM-82)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from e2ee.content import ContentType, OfRooms
from e2ee.ids import DeviceId
from e2ee.rooms.entry import Author, RoomId
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import RoomsLocked, UnknownRoom

from .admission import room_of
from .room_engine import RoomEngine
from .room_part import RoomsPart

if TYPE_CHECKING:
    from e2ee_client.engine.context import Context

    from .rooms import Rooms

_TIMER: Final = "giving"
_AT_ONCE: Final = 2
"""Rooms for one steward in a step."""
_APART_MS: Final = 250
_SOON_MS: Final = 86_400_000
"""What is due later than that was noted by a clock that was ahead."""
_BEHIND_MS: Final = 60_000
"""A steward that has not confirmed what it was given is looked at so often; and so long is what waited in our
mailboxes here before we give anything.
"""
_MAX_UNDER_WAY: Final = 64
"""Contents to a steward that it has not confirmed, but for those that are kept for it (ROOM-73)."""


class Giving(RoomsPart):
    """A steward is given a further room when it has confirmed most of what it was given before: nothing piles
    up for one that is off. What is due stands in each room, and is found again after a restart.
    """

    def __init__(self, context: Context, rooms: Rooms) -> None:
        super().__init__(context, rooms)
        self._due: dict[DeviceId, dict[RoomId, int]] = {}

    def follow(self, turn: Turn, room: RoomEngine) -> None:
        """Note to whom a room is to be given, and when."""
        room_id, due = room.live.room_id, room.forwarding.gives_at_ms(turn)
        for device_id, rooms in self._due.items():
            if device_id not in due:
                rooms.pop(room_id, None)
        for device_id, at_ms in due.items():
            self._due.setdefault(device_id, {})[room_id] = at_ms
            self._wake(turn, at_ms)

    def _wake(self, turn: Turn, at_ms: int) -> None:
        at_ms, known_ms = max(at_ms, turn.now_ms + _APART_MS), self._context.timers.at_ms(_TIMER)
        if known_ms is None or at_ms < known_ms:
            self._context.timers.set(_TIMER, at_ms, self._tick)

    def _tick(self, turn: Turn) -> None:
        if not self._rooms.is_active():
            return
        if not self._has_read(turn):
            self._wake(turn, turn.now_ms + _BEHIND_MS)
            return
        for device_id in list(self._due):
            if self._is_behind(device_id):
                self._wake(turn, turn.now_ms + _BEHIND_MS)
                continue
            rooms = self._due[device_id]
            soon_ms = turn.now_ms + _SOON_MS
            due = [one for one, at_ms in rooms.items() if not turn.now_ms < at_ms <= soon_ms]
            for room_id in due[:_AT_ONCE]:
                del rooms[room_id]
                self._give(turn, room_id, device_id)
            if rooms:
                self._wake(turn, min(rooms.values()))
            else:
                del self._due[device_id]

    def _has_read(self, turn: Turn) -> bool:
        """Whether we know what our mailboxes said: in one a withdrawal or an erasure may have waited."""
        since_ms = self._rooms.around.has_all_since_ms
        return since_ms is not None and not 0 <= turn.now_ms - since_ms < _BEHIND_MS

    def _is_behind(self, device_id: DeviceId) -> bool:
        lane = self._state.outbox.lane(self._rooms.around.us.account_id, device_id)
        return sum(not one.lasts for one in lane.all()) >= _MAX_UNDER_WAY

    def _give(self, turn: Turn, room_id: RoomId, device_id: DeviceId) -> None:
        """Give a room, if that is still due, and its notes behind it."""
        notes_id = self._rooms.notes_of(room_id)
        try:
            is_given = self._rooms.do(turn, room_id, partial(_give_due, turn, device_id))
            if is_given and notes_id in self._rooms.index:
                self._rooms.do(turn, notes_id, partial(_give_room, turn, device_id))
        except (RoomsLocked, UnknownRoom):
            return

    def lost(self, turn: Turn, device: Author, content_id: bytes) -> None:
        """What was forwarded to a colleague is lost: a steward is given the room again (ROOM-83)."""
        posted = self._context.posting.find(turn, content_id)
        us = self._rooms.around.us.account_id
        if posted is None or posted.type is not ContentType.FORWARD or device.account_id != us:
            return
        room_id = room_of(OfRooms(posted.type, posted.payload))
        for one in (room_id, self._rooms.index.beside(room_id)):
            if one is not None and one in self._rooms.index and self._rooms.is_active():
                self._rooms.given_in_vain(turn, one, device.device_id)


def _give_due(turn: Turn, device_id: DeviceId, room: RoomEngine) -> bool:
    room.forwarding.note_lacking(turn)
    at_ms = room.forwarding.gives_at_ms(turn).get(device_id)
    is_due = at_ms is not None and at_ms <= turn.now_ms
    if is_due:
        _give_room(turn, device_id, room)
    return is_due


def _give_room(turn: Turn, device_id: DeviceId, room: RoomEngine) -> None:
    room.forwarding.give_room(turn, device_id)
