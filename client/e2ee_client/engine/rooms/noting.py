"""The rooms of notes beside rooms: who begins them, who reads them (ROOM-02, ROOM-31, ROOM-32, ROOM-34)."""

from __future__ import annotations

from functools import partial
from typing import Final

from e2ee.content import Content, ContentType, OfRooms
from e2ee.errors import NoRight, RemoteError
from e2ee.ids import DeviceId
from e2ee.rooms.entry import Author, EntryHash, RoomId, decode_entry
from e2ee.rooms.forward import GROUND, decode_forward
from e2ee.rooms.kinds import Kind, Side
from e2ee.rooms.payloads import RoomText
from e2ee.rooms.state import DESK, MAX_CARDS
from e2ee_client.engine.turn import Turn

from .room_engine import RoomEngine
from .room_part import RoomsPart
from .stewarding import Change

HANDED_OVER: Final = 64
"""So many of the newest notes are handed over to who joins (ROOM-32)."""


class Noting(RoomsPart):
    """A room of notes has no customer, and its members are those of the room beside it."""

    # --- what we do ---

    def note(self, turn: Turn, room_id: RoomId, text: str, *, begins: bool) -> EntryHash:
        """Write a note that the customer never gets; `begins` says that we are a steward (ROOM-02).

        Raises:
            NoRight: there is no room of notes yet, and we are no steward.
        """
        notes_id = self._rooms.notes_of(room_id)
        room = self._rooms.room(turn, room_id)
        if notes_id not in self._rooms.index:
            if not begins:
                raise NoRight("a steward begins the room of notes")
            self._rooms.begin(turn, notes_id, self._rooms.around.us.account_id, None).open_notes(turn)
        if begins:
            self._bring_in_line(turn, room, self._rooms.around.us.device_id)
        written = self._rooms.do(turn, notes_id, lambda notes: notes.writing.write(turn, RoomText(text)))
        self._rooms.drafts.sent(turn, notes_id, text)
        return written

    def follow(self, turn: Turn, room: RoomEngine) -> None:
        """Let who joined a room by our state read its notes, and who left it no more (ROOM-32, ROOM-34)."""
        self._sweep(turn, room)
        head, us = room.states.room.head, self._rooms.around.us.device_id
        if self._rooms.around.side is Side.CUSTOMER or head is None or head.author != us:
            return
        notes_id = self._rooms.notes_of(room.live.room_id)
        if room.live.customer is None:
            return
        writers: tuple[DeviceId, ...] = ()
        if notes_id not in self._rooms.index:
            if all(room.states.ranks(turn.now_ms).get(one, -1) >= DESK for one in room.index.members):
                return
            self._rooms.begin(turn, notes_id, self._rooms.around.us.account_id, None)
            writers = (us,)
        if not self._rooms.room(turn, notes_id).writing.can_write(turn):
            return  # A person has to look first (TRN-07).
        try:
            self._bring_in_line(turn, room, *writers)
        except RemoteError:
            return  # The change of the room stands; the next one tries again.

    def _sweep(self, turn: Turn, room: RoomEngine) -> None:
        """Let notes go with what they are about (ROOM-43)."""
        until_ms, room.sweeps_ms = room.sweeps_ms, None
        notes_id = self._rooms.notes_of(room.live.room_id)
        if until_ms is not None and room.live.customer is not None and notes_id in self._rooms.index:
            self._rooms.do(turn, notes_id, lambda notes: notes.retaining.sweep(turn, until_ms))

    def _bring_in_line(self, turn: Turn, room: RoomEngine, *writers: DeviceId) -> None:
        notes_id = self._rooms.notes_of(room.live.room_id)
        ranks = room.states.ranks(turn.now_ms)
        wanted, before = {*room.index.members, *writers}, set(self._rooms.index[notes_id].members)
        added = tuple(sorted(one for one in wanted - before if one in ranks))
        removed = tuple(sorted(one for one in before - wanted if ranks.get(one, -1) < DESK))
        joining = [added[at : at + MAX_CARDS] for at in range(0, len(added), MAX_CARDS)]
        for part in joining or ([()] if removed else []):
            self._rooms.do(turn, notes_id, partial(_change, turn, Change(add=part, remove=removed)))
            removed = ()

    # --- what comes ---

    def begins(self, content: Content, payload: OfRooms, by: Author) -> bool:
        """Whether a content of a colleague begins a room of notes here: its first state, or states that
        another gives to who joins it.
        """
        if payload.type is ContentType.FORWARD:
            _, lines = decode_forward(payload.payload)
            first = lines[0]
            return isinstance(first, list) and first[:1] == [self._rooms.around.us.account_id]
        entry = decode_entry(content, by, self._rooms.around.signer(by))
        return entry.header.kind == Kind.STATE and entry.header.prev is None


def _change(turn: Turn, change: Change, notes: RoomEngine) -> None:
    hashes = _newest(turn, notes)
    notes.change(turn, change)
    for joined in change.add if hashes else ():
        if joined != notes.around.us.device_id:
            notes.hand_over(turn, joined, hashes)


def _newest(turn: Turn, notes: RoomEngine) -> list[EntryHash]:
    log = notes.log
    found = [
        log.entry(turn, one) for one in log.newest(turn, HANDED_OVER) if not (one.is_hidden or one.is_marked)
    ]
    no_history = GROUND | {Kind.MARK}
    return [one.hash for one in found if one.header.kind not in no_history and one.body is not None]
