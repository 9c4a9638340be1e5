"""A room is given to a colleague, and who had it hands over what was said, then leaves (ROOM-56, ROOM-57)."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from e2ee.errors import ConsentWithdrawn, NoRight, RemoteError, RoomErased, TooMany
from e2ee.ids import DeviceId
from e2ee.rooms.desk import TURN_MS
from e2ee.rooms.entry import EntryHash
from e2ee.rooms.kinds import Kind, Side
from e2ee.rooms.passing import Passing, passings
from e2ee.rooms.payloads import Access, AccessKind
from e2ee.rooms.signals import RequestKind
from e2ee.rooms.state import DESK, WrittenState
from e2ee_client.engine.turn import Turn

from .about import payload_of
from .entry_log import StoredEntry
from .erasing import kind_of
from .room_part import RoomPart
from .stewarding import Change

PAUSE_MS: Final = 5_000
"""After the state, so that it reaches the taker before the hand-over, by another device, does."""
FILES_MS: Final = 60_000
"""Files among the entries are put at the relay again meanwhile (FIL-22)."""
STAYS_MS: Final = 86_400_000
_AGAIN_MS: Final = 60_000


class PassingOn(RoomPart):
    """What the giver does by itself, and what a steward does about one that is off."""

    _head: WrittenState | None = None
    _found: tuple[Passing, ...] = ()
    _done: EntryHash | None = None
    _next_ms = 0

    def all(self) -> tuple[Passing, ...]:
        """Return what lasts by the state in force (ROOM-56)."""
        head = self._room.states.room.head
        if head is not self._head:
            self._head, self._found = head, tuple(passings(self._room.states.path))
        return self._found

    def ours(self) -> Passing | None:
        """Return the newest in which we are the giver."""
        us = self._around.us.device_id
        return next((one for one in reversed(self.all()) if one.giver == us), None)

    def due_ms(self, turn: Turn) -> int | None:
        """Return when the giver goes on, or a steward removes it."""
        if not self.all() or not self._room.writing.can_write(turn):
            return None
        ours = self.ours()
        due = [] if ours is None or ours.state == self._done else [self._giving_ms(turn, ours)]
        due += [self._begun_ms(turn, one) + after_ms for one, after_ms in self._overdue(turn)]
        return max(min(due), self._next_ms) if due else None

    def tick(self, turn: Turn) -> None:
        """Do what is due."""
        due_ms = self.due_ms(turn)
        if due_ms is None or due_ms > turn.now_ms:
            return
        self._next_ms = turn.now_ms + _AGAIN_MS
        ours = self.ours()
        if ours is not None and ours.state != self._done and self._giving_ms(turn, ours) <= turn.now_ms:
            self._go_on(turn, ours)
        for one, after_ms in self._overdue(turn):
            if self._begun_ms(turn, one) + after_ms <= turn.now_ms:
                self._remove(turn, one.giver)

    def confirmed(self, turn: Turn, stored: StoredEntry) -> None:
        """A device has an entry of ours: if it is the log entry, the giver may leave."""
        ours = self.ours()
        if ours is not None and kind_of(stored) == Kind.ACCESS:
            log = self._logged(turn, ours)
            if log is not None and ours.leaves:
                self._leave(turn, ours, log)

    # --- the giver ---

    def _giving_ms(self, turn: Turn, passing: Passing) -> int:
        begun_ms = self._begun_ms(turn, passing)
        if turn.now_ms >= begun_ms + FILES_MS:
            return begun_ms + FILES_MS
        newest = self._room.forwarding.newest(turn, passing.most)
        found = self._room.log.several(turn, newest)
        has_files = any(kind_of(one) == Kind.FILE for one in found)
        return begun_ms + (FILES_MS if has_files else PAUSE_MS)

    def _go_on(self, turn: Turn, passing: Passing) -> None:
        log = self._logged(turn, passing)
        if log is None and self._hand_over(turn, passing):
            return
        if passing.leaves:
            self._leave(turn, passing, log)
        else:
            self._done = passing.state

    def _leave(self, turn: Turn, passing: Passing, log: StoredEntry | None) -> None:
        """Ask to leave when the taker has the log entry, and the relays have it for all others."""
        is_there = log is None or passing.taker not in log.waiting_for
        if is_there and self._around.is_handed_over and not self._is_leaving(turn):
            with suppress(TooMany):
                self._room.ask(turn, RequestKind.LEAVE, passing.taker)

    def _hand_over(self, turn: Turn, passing: Passing) -> bool:
        """Whether something was handed over, or will be."""
        newest = self._room.forwarding.newest(turn, passing.most)
        try:
            self._room.forwarding.hand_over(turn, passing.taker, newest)
        except (NoRight, ConsentWithdrawn, RoomErased):
            return False
        except RemoteError:
            return True  # A freeze ends, and a roster comes.
        return True

    def _logged(self, turn: Turn, passing: Passing) -> StoredEntry | None:
        """Return our log entry of the hand-over, once it is written."""
        path = [one.hash for one in self._room.states.path]
        since = path[path.index(passing.state) :]
        for stored in self._room.writing.own_newest(turn, {Kind.ACCESS}):
            match payload_of(stored):
                case Access(AccessKind.HANDOVER, to) if to == passing.taker and stored.followed in since:
                    return stored
        return None

    def _is_leaving(self, turn: Turn) -> bool:
        own = self._room.requests.all(turn)
        return any(one.room_id == self._live.room_id and one.request.what is RequestKind.LEAVE for one in own)

    # --- a steward ---

    def _overdue(self, turn: Turn) -> list[tuple[Passing, int]]:
        """What ends by us, and how long after it began."""
        place, us = self._room.stewarding.place(turn), self._around.us.device_id
        if place is None or self._around.side is Side.CUSTOMER:
            return []
        ranks = self._room.states.ranks(turn.now_ms)
        ours, after_ms = ranks.get(us, DESK), STAYS_MS + TURN_MS * place
        return [(one, after_ms) for one in self.all() if one.leaves and ranks.get(one.giver, -1) < ours]

    def _remove(self, turn: Turn, giver: DeviceId) -> None:
        with suppress(RemoteError):  # It is tried again.
            self._room.stewarding.change(turn, Change(remove=(giver,)))

    def _begun_ms(self, turn: Turn, passing: Passing) -> int:
        stored = self._room.log.find(turn, passing.state)
        return turn.now_ms if stored is None else min(stored.received_ms, turn.now_ms)
