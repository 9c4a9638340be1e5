"""What a person has to know of rooms until it is over, or hidden: in memory, but for what the store shows."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from e2ee.rooms.entry import RoomId
from e2ee.rooms.state import Phase
from e2ee_client.engine.rooms.freezing import TOLD_BEFORE_MS
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import RoomsLocked
from e2ee_client.room_events import ChainRestarted, Differ, Equivocation, FreezeUndecided, OfRoom
from e2ee_client.rooms import Agent
from e2ee_client.rooms.desk_rows import of_desk

from .schema import AlarmName, AlarmRow


class Alarms:
    """Those of all rooms, the oldest first; of a room one for each cause."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._open: dict[tuple[bytes, AlarmName], int | None] = {}
        self._hidden: dict[bytes, int | None] = {}
        self._hidden_unattended: set[bytes] = set()

    def rows(self) -> tuple[AlarmRow, ...]:
        """Return the alarms of the rooms that are here."""
        return tuple(
            AlarmRow(room_id.hex(), code, until_ms)
            for (room_id, code), until_ms in self._open.items()
            if self._phase(room_id) is not None
        )

    async def look(self) -> None:
        """Find the objections that wait for a person, but those that were hidden, and no other (ROOM-37): one
        room at a time, so that nothing else waits for all of them.
        """
        rooms = self._agent.client.shell.machine.rooms
        if rooms.is_open:
            for room_id, code in list(self._open):
                if code == "objection":
                    self._drop_ended(room_id)
            # Not by `Agent.rooms`, which shows nothing behind a lock of the application.
            for room_id in [one.room_id for one in rooms.all()]:
                if self._phase(room_id) != Phase.FROZEN:
                    continue
                until_ms = None
                with suppress(RoomsLocked):  # struck off meanwhile
                    until_ms = await of_desk(self._agent.client.shell, partial(_undecided, RoomId(room_id)))
                if until_ms is not None and self._hidden.get(room_id) != until_ms:
                    self._open[room_id, "objection"] = until_ms

    def look_for_members(self, now_ms: int) -> bool:
        """Find the rooms of which no member can be reached (ROOM-80); whether the alarms are others now."""
        before, rooms = dict(self._open), self._agent.client.shell.machine.rooms
        found = set[bytes](rooms.unattended(now_ms) if rooms.is_open else ())
        self._hidden_unattended &= found
        for room_id, code in before:
            if code == "unattended" and room_id not in found:
                del self._open[room_id, code]
        for room_id in sorted(found - self._hidden_unattended):
            self._open[room_id, "unattended"] = None
        return self._open != before

    async def until_ms(self, room_id: RoomId) -> int | None:
        """Return when the objection of a room has to be decided; None where there is none for us."""
        if self._phase(room_id) != Phase.FROZEN:
            return None
        return await of_desk(
            self._agent.client.shell, lambda turn, rooms: rooms.room(turn, room_id).freezing.ends_ms(turn)
        )

    def take(self, room_id: bytes, event: OfRoom) -> bool:
        """Note what happened in a room; whether the alarms are others now."""
        before = dict(self._open)
        match event:
            case Equivocation() | Differ():
                self._open[room_id, "two_histories"] = None
            case ChainRestarted(needs_person=True):
                self._open[room_id, "restarted_twice"] = None
            case FreezeUndecided(ends_ms=ends_ms):
                self._open[room_id, "objection"] = ends_ms
            case _:
                self._drop_ended(room_id)
        return self._open != before

    def hide(self, room_id: bytes, code: AlarmName) -> None:
        """Show an alarm no more, until it happens again; another page may have hidden it."""
        if (room_id, code) not in self._open:
            return
        until_ms = self._open.pop((room_id, code))
        if code == "unattended":
            self._hidden_unattended.add(room_id)
        if code == "objection":
            self._hidden[room_id] = until_ms

    def _drop_ended(self, room_id: bytes) -> None:
        if self._phase(room_id) != Phase.FROZEN:
            self._open.pop((room_id, "objection"), None)

    def _phase(self, room_id: bytes) -> int | None:
        view = self._agent.client.shell.machine.rooms.view(room_id)
        return None if view is None else view.phase or 0


def _undecided(room_id: RoomId, turn: Turn, rooms: Rooms) -> int | None:
    """Until when the objection of a room has to be decided, if people are told of it by now."""
    if room_id not in rooms.index or not rooms.is_active():
        return None
    ends_ms = rooms.room(turn, room_id).freezing.ends_ms(turn)
    return ends_ms if ends_ms is not None and ends_ms - TOLD_BEFORE_MS <= turn.now_ms else None
