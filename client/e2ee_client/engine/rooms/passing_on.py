"""A room is given to a colleague, and who had it hands over what was said, then leaves."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from e2ee.errors import ConsentWithdrawn, NoRight, RemoteError, RoomErased, TooMany
from e2ee.ids import DeviceId
from e2ee.rooms.desk import TURN_MS
from e2ee.rooms.entry import EntryHash
from e2ee.rooms.kinds import Kind, Side
from e2ee.rooms.passing import Passing, ended, passings
from e2ee.rooms.signals import RequestKind
from e2ee.rooms.state import DESK, Phase, WrittenState
from e2ee_client.engine.turn import Turn

from .entry_log import StoredEntry
from .erasing import kind_of
from .requests import Giving
from .room_part import RoomPart
from .stewarding import Change

PAUSE_MS: Final = 5_000
"""Pause after the state: it comes from another device, and has to reach the taker before the hand-over."""
FILES_MS: Final = 60_000
"""Files among the entries are put at the relay again meanwhile (FIL-22)."""
STAYS_MS: Final = 86_400_000
_AGAIN_MS: Final = 60_000


class PassingOn(RoomPart):
    """What the giver does by itself, and what a steward does about one that is off."""

    _head: WrittenState | None = None
    _found: tuple[Passing, ...] = ()
    _ended: tuple[Passing, ...] = ()
    _next_ms = 0

    def all(self) -> tuple[Passing, ...]:
        """Return what lasts by the state in force (ROOM-56)."""
        self._look()
        return self._found

    def ended(self) -> tuple[Passing, ...]:
        """Return what ended as the giver left (TRN-51)."""
        self._look()
        return self._ended

    def _look(self) -> None:
        head, path = self._room.states.room.head, self._room.states.path
        if head is not self._head:
            self._head, self._found, self._ended = head, tuple(passings(path)), tuple(ended(path))

    def to_hand_over(self, turn: Turn) -> Passing | None:
        """Return what this device has still to hand over."""
        ours = self._ours(turn)
        return None if ours is None or ours[1].is_over else ours[0]

    def taker(self, giver: DeviceId) -> DeviceId | None:
        """Return to whom a device has given the room last."""
        return next((one.taker for one in reversed(self.all()) if one.giver == giver), None)

    def due_ms(self, turn: Turn) -> int | None:
        """Return when the giver goes on, or a steward removes it."""
        if not self.all() or not self._room.writing.can_write(turn):
            return None
        ours, due = self._ours(turn), [due_ms for _, due_ms in self._overdue(turn)]
        if ours is not None and not ours[1].is_over:
            due.append(self._giving_ms(turn, ours[0]))
        elif ours is not None and self._may_leave(*ours) and not self._leaving(turn):
            due.append(turn.now_ms)
        # By a clock that was put back the pause is over.
        next_ms = self._next_ms if self._next_ms <= turn.now_ms + _AGAIN_MS else 0
        return max(min(due), next_ms) if due else None

    def tick(self, turn: Turn) -> None:
        """Do what is due."""
        due_ms = self.due_ms(turn)
        if due_ms is None or due_ms > turn.now_ms:
            return
        self._next_ms = turn.now_ms + _AGAIN_MS
        ours = self._ours(turn)
        if ours is not None and not ours[1].is_over and self._giving_ms(turn, ours[0]) <= turn.now_ms:
            self._hand_over(turn, *ours)
        self._leave(turn)
        for one, due_ms in self._overdue(turn):
            if due_ms <= turn.now_ms:
                self._remove(turn, one)

    def head_moved(self, turn: Turn) -> None:
        """Drop our request to leave where the room is assigned to us again."""
        state, us = self._room.states.state, self._around.us.device_id
        if state is not None and state.assigned == us:
            for one in self._leaving(turn):
                self._room.requests.drop(turn, one)

    def confirmed(self, turn: Turn, stored: StoredEntry, device_id: DeviceId) -> None:
        """A device has an entry of ours: if it is the log entry, the giver may leave."""
        ours = self._ours(turn) if kind_of(stored) == Kind.ACCESS else None
        if ours is None or ours[1].log != stored.hash:
            return
        giving = ours[1]
        giving.is_taken = giving.is_taken or device_id == giving.taker
        giving.is_seen = giving.is_seen or device_id in self._room.states.customers()
        turn.put(giving.put())
        self._leave(turn)

    # --- the giver ---

    def _ours(self, turn: Turn) -> tuple[Passing, Giving] | None:
        """Return what a state grants that this device has asked for, and how far it is."""
        us = self._around.us.device_id
        if all(one.giver != us for one in self.all()):
            return None
        row = turn.read(self._around.rows, Giving.TABLE, Giving.key_of(self._live.room_id))
        if row is None:
            return None
        giving = Giving.decode(Giving.key_of(self._live.room_id), row)
        asked = us, giving.request, giving.taker
        found = (one for one in self.all() if (one.giver, one.request, one.taker) == asked)
        return next(((one, giving) for one in found), None)

    def _giving_ms(self, turn: Turn, passing: Passing) -> int:
        """Return when a hand-over begins: at once where the clock was set back since."""
        stored = self._room.log.find(turn, passing.state)
        if stored is None or not 0 <= turn.now_ms - stored.received_ms < FILES_MS:
            return turn.now_ms
        newest = self._room.forwarding.newest(turn, passing.most)
        found = self._room.log.several(turn, newest)
        has_files = any(kind_of(one) == Kind.FILE for one in found)
        return stored.received_ms + (FILES_MS if has_files else PAUSE_MS)

    def _hand_over(self, turn: Turn, passing: Passing, giving: Giving) -> None:
        """Hand over once; what cannot be now is tried again, as after a freeze, or to a taker who is not in
        force now (ROOM-57).
        """
        ranks = self._room.states.ranks(turn.now_ms)
        if not ranks or (passing.most and passing.taker not in ranks):
            return
        newest = self._room.forwarding.newest(turn, passing.most)
        try:
            giving.log, _ = self._room.forwarding.give(turn, passing.taker, newest)
        except (NoRight, ConsentWithdrawn, RoomErased):
            giving.is_taken = giving.is_seen = True
        except RemoteError:
            return
        turn.put(giving.put())

    def _may_leave(self, passing: Passing, giving: Giving) -> bool:
        """Whether taker and customer have the log entry: they take none of who is out (ROOM-59)."""
        is_seen = giving.is_seen or not self._room.states.customers()
        return giving.is_over and is_seen and (giving.is_taken or not passing.most)

    def _leave(self, turn: Turn) -> None:
        ours = self._ours(turn)
        if ours is not None and self._may_leave(*ours) and not self._leaving(turn):
            with suppress(TooMany):
                self._room.ask(turn, RequestKind.LEAVE, ours[0].taker)

    def _leaving(self, turn: Turn) -> list[bytes]:
        """Return requests of ours to leave this room because another device has it."""
        own = (one for one in self._room.requests.all(turn) if one.room_id == self._live.room_id)
        return [
            one.id
            for one in own
            if one.request.what is RequestKind.LEAVE and one.request.device_id is not None
        ]

    # --- a steward ---

    def _overdue(self, turn: Turn) -> list[tuple[Passing, int]]:
        """Return whose giver this steward removes, and when; none while the room is frozen (ROOM-59)."""
        place, us = self._room.stewarding.place(turn), self._around.us.device_id
        is_frozen = self._room.states.condition().phase is Phase.FROZEN
        if place is None or is_frozen or self._around.side is Side.CUSTOMER:
            return []
        ranks = self._room.states.ranks(turn.now_ms)
        ours, after_ms = ranks.get(us, DESK), STAYS_MS + TURN_MS * place
        lower = [one for one in self.all() if ranks.get(one.giver, -1) < ours]
        return [(one, self._since_ms(turn, one.since, after_ms)) for one in lower]

    def _since_ms(self, turn: Turn, state: EntryHash, after_ms: int) -> int:
        """Return the time `after_ms` after a state came; now, where it came at a time ahead of the clock."""
        stored = self._room.log.find(turn, state)
        if stored is None or stored.received_ms > turn.now_ms:
            return turn.now_ms
        return stored.received_ms + after_ms

    def _remove(self, turn: Turn, passing: Passing) -> None:
        """Remove a giver that is still a member; a time ahead of the clock is counted anew from now."""
        stored = self._room.log.find(turn, passing.since)
        if stored is not None and stored.received_ms > turn.now_ms:
            stored.received_ms = turn.now_ms
            self._room.log.put(turn, stored)
            return
        with suppress(RemoteError):  # It is tried again.
            self._room.stewarding.change(turn, Change(remove=(passing.giver,)))
