"""Rooms are loaded when they are touched; of a step that is refused nothing stays in them (CON-08)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from e2ee.errors import E2eeError, RemoteError
from e2ee.ids import AccountId
from e2ee.rooms.entry import Author, RoomId
from e2ee.rooms.forward import Asked
from e2ee.rooms.kinds import Side
from e2ee.rooms.team import Condition
from e2ee_client.engine.part import Part
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import RoomsLocked, SealroomError, StoreCorrupt, UnknownRoom

from .engine_surroundings import EngineSurroundings
from .entry_log import EntryLog
from .records import LiveRoom, RoomIndex
from .requests import Requests
from .room_engine import RoomEngine
from .room_list import RoomList

if TYPE_CHECKING:
    from e2ee_client.engine.context import Context

MAX_LOADED: Final = 64
MAX_ASKED_ROOMS: Final = 1_024


class LoadedRooms(Part):
    """The list of rooms is in memory, and the rooms that were touched last."""

    def __init__(self, context: Context, around: EngineSurroundings) -> None:
        super().__init__(context)
        self.around = around
        self.requests = Requests(around)
        rows = self._state.rows.items(RoomIndex.TABLE)
        self.index = RoomList(RoomIndex.decode(key, row) for key, row in rows)
        self._loaded: dict[RoomId, RoomEngine] = {}
        self._asked: dict[RoomId, dict[Author, Asked]] = {}
        self._touched: set[RoomId] = set()
        self._unstarted = set(self.index)
        self._changed: set[RoomId] = set()
        self._caught_up: list[tuple[set[RoomId], RoomId]] = []  # by the step that goes on

    def room(self, turn: Turn, room_id: RoomId) -> RoomEngine:
        """Return a room, brought up to what is known of lists and rosters.

        Raises:
            UnknownRoom: there is none. RoomsLocked: a roster suspends this device (ACC-15).
        """
        room = self.as_it_was(turn, room_id)
        self._catch_up(turn, room)
        return room

    def as_it_was(self, turn: Turn, room_id: RoomId) -> RoomEngine:
        """Return a room without bringing it up to date: nothing is posted, in the middle of whatever asks."""
        if room_id not in self.index:
            raise UnknownRoom("no such room")
        self.check_active()
        self.around.turn = turn
        room = self._loaded.pop(room_id, None)
        if room is None:
            room = RoomEngine.load(self.around, self.requests, turn, room_id)
            self.index[room_id] = room.index
        self.keep(room)
        return room

    def stored(self, turn: Turn, room_id: RoomId) -> tuple[LiveRoom, EntryLog]:
        """Return what is stored of a room, to be read: no room is loaded, and nothing changes.

        Raises:
            UnknownRoom, RoomsLocked. StoreCorrupt: it is not there.
        """
        log = self.log(room_id)
        row = turn.read(self._state.rows, LiveRoom.TABLE, room_id)
        if row is None:
            raise StoreCorrupt("a room is missing")
        return LiveRoom.decode(room_id, row), log

    def log(self, room_id: RoomId) -> EntryLog:
        """Return the entries of a room, to be read.

        Raises:
            UnknownRoom, RoomsLocked.
        """
        if room_id not in self.index:
            raise UnknownRoom("no such room")
        self.check_active()
        return EntryLog(self._state.rows, room_id, self._state.ports.rng)

    def keep(self, room: RoomEngine) -> None:
        room_id = room.live.room_id
        self._touched.add(room_id)
        self._loaded[room_id] = room
        while len(self._loaded) > MAX_LOADED:
            del self._loaded[next(iter(self._loaded))]
        room.asked_by = self._asked[room_id] = self._asked.pop(room_id, room.asked_by)
        while len(self._asked) > MAX_ASKED_ROOMS:
            del self._asked[next(iter(self._asked))]

    def _catch_up(self, turn: Turn, room: RoomEngine) -> None:
        room_id = room.live.room_id
        if room_id in self._unstarted:
            self._unstarted.discard(room_id)
            self._caught_up.append((self._unstarted, room_id))
            room.start(turn, is_continuous=True)
        if room_id in self._changed:
            self._changed.discard(room_id)
            self._caught_up.append((self._changed, room_id))
            room.team_changed(turn)

    def check_active(self) -> None:
        """Refuse to open rooms on a device that its company has suspended or struck off (ACC-15).

        Raises:
            RoomsLocked.
        """
        if not self.is_active():
            raise RoomsLocked("the company has taken this device out")

    def is_active(self) -> bool:
        """Whether this device is a customer's, or one that its company has not taken out (ACC-15)."""
        return self.around.side is Side.CUSTOMER or self._context.team.condition() is Condition.ACTIVE

    def shows_marked(self, turn: Turn, company: AccountId) -> bool:
        """Whether this device shows what is marked: a customer's, a cleared one, and any of a company that
        has cleared none; where that is not known, none of a company (ROOM-17).
        """
        if self.around.side is Side.CUSTOMER:
            return True
        try:
            members = self._context.team.view(turn, company).members
        except RemoteError:
            return False
        cleared = {device_id for device_id, one in members.items() if one.is_cleared}
        return not cleared or self.around.us.device_id in cleared

    @contextmanager
    def step(self, turn: Turn, room_id: RoomId) -> Iterator[None]:
        """Of what is refused nothing stays: rows go back, and the rooms that it touched are loaded again when
        they are needed. What had changed around them is still to be looked at; what was asked of us counts.
        """
        self.around.turn = turn
        saved, posted = turn.save(), self.around.posted
        self._touched, self._caught_up = {room_id}, []
        try:
            yield
        except (E2eeError, SealroomError):
            if self.around.posted == posted:
                turn.restore(saved)
                for one in self._touched:
                    self._loaded.pop(one, None)
                    self._restore_index(turn, one)
                for waiting, one in self._caught_up:
                    waiting.add(one)
            raise

    def _restore_index(self, turn: Turn, room_id: RoomId) -> None:
        row = turn.read(self._state.rows, RoomIndex.TABLE, room_id)
        if row is None:
            self.index.pop(room_id, None)
        else:
            self.index[room_id] = RoomIndex.decode(room_id, row)
        known = self.index.get(room_id)
        self.around.wake(turn, room_id, None if known is None else known.wake_ms)

    def forget_all(self) -> None:
        """Have no rooms any more; their rows are erased by the caller."""
        for room_id in self.index:
            self._context.timers.drop(("room", room_id))
        for kept in (self.index, self._loaded, self._asked, self._changed, self._unstarted):
            kept.clear()
