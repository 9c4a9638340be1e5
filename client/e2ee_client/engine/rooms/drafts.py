"""What people of a company have written in rooms and not sent: rows of this device alone (ROOM-74)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from e2ee.errors import RoomErased
from e2ee.rooms.entry import ROOM_ID_B, RoomId
from e2ee.rooms.state import Phase
from e2ee_client.engine.row_codec import Row
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import UnknownRoom
from e2ee_client.room_events import RoomChanged

from .room_part import RoomsPart

MAX_DRAFT_B: Final = 65_536
MAX_DRAFTS: Final = 256
_ENDED: Final = frozenset({Phase.WITHDRAWN, Phase.ERASED})


@dataclass(slots=True)
class DraftRow(Row):
    """The draft of a room, or of the notes beside one, by the id of either."""

    TABLE: ClassVar[str] = "desk"
    PREFIX: ClassVar[bytes] = b"drft"
    KEY: ClassVar = (("room_id", ROOM_ID_B),)
    room_id: RoomId
    text: str = field(repr=False)
    kept_ms: int


class Drafts(RoomsPart):
    """Read from the store when they are asked for; nothing of them is in memory."""

    def text(self, turn: Turn, room_id: RoomId, *, in_notes: bool) -> str:
        """Return the draft of a room, or of its notes; "" for none.

        Raises:
            RoomsLocked.
        """
        self._rooms.check_active()
        found = self._row(turn, self._rooms.notes_of(room_id) if in_notes else room_id)
        return "" if found is None else found.text

    def keep(self, turn: Turn, room_id: RoomId, text: str, *, in_notes: bool) -> None:
        """Keep a draft of at most `MAX_DRAFT_B` bytes in place of the one before; one of spaces is none.

        Raises:
            UnknownRoom, RoomsLocked. RoomErased: the room has ended.
        """
        self._rooms.check_active()
        room = self._rooms.index.get(room_id)
        if room is None:
            raise UnknownRoom("no such room")
        if room.phase in _ENDED:
            raise RoomErased("nothing is kept of a room that has ended")
        self._put(turn, self._rooms.notes_of(room_id) if in_notes else room_id, text)

    def sent(self, turn: Turn, room_id: RoomId, text: str) -> None:
        """Drop of a draft what has been written as a text: all of it, or its beginning."""
        found = self._row(turn, room_id)
        if found is None:
            return
        draft = found.text.strip()
        if draft.startswith(text):
            self._put(turn, room_id, draft.removeprefix(text).lstrip())
        elif text.startswith(draft):
            self._drop(turn, room_id)

    def heard(self, turn: Turn, event: RoomChanged) -> None:
        """Drop what is of a room that ends, and of its notes."""
        if event.phase in _ENDED:
            for one in (RoomId(event.room_id), self._rooms.notes_of(RoomId(event.room_id))):
                self._drop(turn, one)

    def tick(self, turn: Turn) -> None:
        """Drop, once an hour, what is of rooms whose time is over by their class (ROOM-41); a time ahead of
        the clock counts as now, and from now on.
        """
        for one in self._all(turn) if self._rooms.is_active() else ():
            if one.kept_ms > turn.now_ms:
                one.kept_ms = turn.now_ms
                turn.put(one.put())
            room_id = self._rooms.index.beside(one.room_id) or one.room_id
            is_here = room_id in self._rooms.index
            until_ms = self._rooms.room(turn, room_id).retaining.over_ms(turn) if is_here else turn.now_ms
            if until_ms is not None and one.kept_ms <= until_ms:
                self._drop(turn, one.room_id)

    def _put(self, turn: Turn, room_id: RoomId, text: str) -> None:
        if not text.strip():
            self._drop(turn, room_id)
            return
        if self._row(turn, room_id) is None:
            self._make_place(turn)
        turn.put(DraftRow(room_id, text, turn.now_ms).put())

    def _make_place(self, turn: Turn) -> None:
        """Drop the oldest where there are as many as are kept."""
        kept = self._all(turn)
        for one in sorted(kept, key=lambda one: one.kept_ms)[: max(0, len(kept) + 1 - MAX_DRAFTS)]:
            self._drop(turn, one.room_id)

    def _all(self, turn: Turn) -> list[DraftRow]:
        rows = turn.items(self._state.rows, DraftRow.TABLE)
        return [DraftRow.decode(key, row) for key, row in rows if key.startswith(DraftRow.PREFIX)]

    def _drop(self, turn: Turn, room_id: RoomId) -> None:
        key = DraftRow.key_of(room_id)
        if turn.read(self._state.rows, DraftRow.TABLE, key) is not None:
            turn.delete(DraftRow.TABLE, key)

    def _row(self, turn: Turn, room_id: RoomId) -> DraftRow | None:
        key = DraftRow.key_of(room_id)
        row = turn.read(self._state.rows, DraftRow.TABLE, key)
        return None if row is None else DraftRow.decode(key, row)
