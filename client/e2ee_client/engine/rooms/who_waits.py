"""Which customers wait for somebody, as stewards say it; it outlives the program (ROOM-23, ROOM-40)."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import ClassVar, Final

from e2ee.rooms.desk import TAKEN, WAITS_MS
from e2ee.rooms.entry import ROOM_ID_B, RoomId
from e2ee.rooms.signals import Waiting
from e2ee_client.engine.ports import RowReader
from e2ee_client.engine.row_codec import Row
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import RequestAnswered, RoomChanged, RoomEvent, WaitingChanged

MAX_WAITING: Final = 1_024


@dataclass(slots=True)
class WaitingRow(Row):
    """Who waits, and when a steward has said so last."""

    TABLE: ClassVar[str] = "desk"
    PREFIX: ClassVar[bytes] = b"wait"
    KEY: ClassVar = (("room_id", ROOM_ID_B),)
    room_id: RoomId
    waiting: Waiting
    heard_ms: int


class WhoWaits:
    """Rooms of ours and of others; of all rooms at most 1024, the newest ones."""

    def __init__(self, rows: RowReader) -> None:
        found = [
            WaitingRow.decode(key, row)
            for key, row in rows.items(WaitingRow.TABLE)
            if key.startswith(WaitingRow.PREFIX)
        ]
        found.sort(key=lambda one: one.heard_ms)
        self.now: dict[RoomId, Waiting] = {one.room_id: one.waiting for one in found}
        self._heard_ms = {one.room_id: one.heard_ms for one in found}

    def old(self, now_ms: int, ours: Container[RoomId]) -> list[RoomId]:
        """Return the rooms of others of which nobody has said for a day that they wait."""
        said = self._heard_ms.items()
        return [one for one, heard_ms in said if one not in ours and now_ms - heard_ms >= WAITS_MS]

    def heard(self, turn: Turn, event: RoomEvent) -> None:
        """Note who waits, and who waits no longer: somebody else has it, too."""
        room_id = RoomId(event.room_id)
        match event:
            case WaitingChanged(team=None) | RoomChanged(assigned=bytes()):
                self._drop(turn, room_id)
            case RequestAnswered(code=code) if code == TAKEN:
                self._drop(turn, room_id)
            case WaitingChanged(team=str(team)):
                self._put(turn, room_id, Waiting(team, event.language or "", event.since_ms))
            case _:
                pass

    def _put(self, turn: Turn, room_id: RoomId, waiting: Waiting) -> None:
        self.now.pop(room_id, None)
        self.now[room_id], self._heard_ms[room_id] = waiting, turn.now_ms
        turn.put(WaitingRow(room_id, waiting, turn.now_ms).put())
        while len(self.now) > MAX_WAITING:
            self._drop(turn, next(iter(self.now)))

    def _drop(self, turn: Turn, room_id: RoomId) -> None:
        self.now.pop(room_id, None)
        if self._heard_ms.pop(room_id, None) is not None:
            turn.delete(WaitingRow.TABLE, WaitingRow.key_of(room_id))
