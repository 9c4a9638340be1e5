"""How long a company's devices keep contents: by the room's class and their own clocks (ROOM-41, ROOM-43)."""

from __future__ import annotations

from typing import Final

from e2ee.rooms.entry import Entry
from e2ee.rooms.erasure import EPHEMERAL_MAX_MS, Times, is_content, kept_until_ms
from e2ee.rooms.kinds import CONTENT, Side
from e2ee.rooms.payloads import Access, AccessKind, EntryPayload
from e2ee.rooms.state import Phase, Retention, RetentionClass
from e2ee_client.engine.turn import Turn

from .entry_log import StoredEntry
from .erasing import kind_of
from .records import Look
from .room_part import RoomPart

LOOK_APART_MS: Final = 3_600_000
"""A timer of a class that counts from each entry looks at most so often."""


class Retaining(RoomPart):
    """What a peer says of the time is not used: when an entry came and was read, and when the room was closed
    and exported, are times of this device. A time ahead of the clock counts as now.
    """

    def added(self, turn: Turn, stored: StoredEntry) -> None:
        """Look at what has come, also into a room whose time is over."""
        if not self._terms() or not is_content(kind_of(stored)):
            return
        look = self._live.look
        due = [one for one in (look.at_ms, self._until_ms(turn, stored)) if one is not None]
        newest_ms = max(look.newest_ms, turn.now_ms)
        self._live.look = look._replace(at_ms=min(due, default=None), newest_ms=newest_ms)

    def as_heard(self, turn: Turn, entry: Entry, stored: StoredEntry) -> Entry:
        """Let a content that came by another's word first keep its times and marks when it comes again; one
        that was destroyed meanwhile comes without its body (ROOM-46).
        """
        known = self._room.log.find(turn, entry.hash)
        if known is None or not is_content(entry.header.kind):
            return entry
        stored.received_ms, stored.read_ms, stored.gaps = known.received_ms, known.read_ms, known.gaps
        stored.is_hidden, stored.is_marked = known.is_hidden, known.is_marked
        return entry.redacted() if known.is_hidden and known.body is None else entry

    def added_at_any_place(self, turn: Turn, stored: StoredEntry) -> None:
        """Look at a body that has come for an entry which was here without it."""
        self._live.look = self._live.look._replace(segment=0)
        self.added(turn, stored)

    def sweep(self, turn: Turn, until_ms: int) -> None:
        """Destroy what came until then: of notes beside a room whose contents were destroyed (ROOM-43)."""
        self._live.sweep_ms = max(self._live.sweep_ms or 0, until_ms)

    def taken(self, turn: Turn, entry: Entry, payload: EntryPayload) -> None:
        """Note an export, from which a statutory record counts."""
        is_export = isinstance(payload, Access) and payload.what is AccessKind.EXPORT
        if is_export and self._room.taking.side_of(entry.author) is Side.COMPANY:
            self._live.exported_ms = turn.now_ms

    def due_ms(self, turn: Turn) -> int | None:
        """Return when the timers look next."""
        terms = self._terms()
        look = self._live.look
        if terms != look.terms or self._sweeps() or (terms and turn.now_ms < look.newest_ms):
            return turn.now_ms
        return look.at_ms if terms else None

    def tick(self, turn: Turn) -> None:
        """Destroy what has been kept long enough, and say when to look again."""
        due_ms, look = self.due_ms(turn), self._live.look
        if due_ms is None or due_ms > turn.now_ms:
            return
        self._sweep(turn)
        if look.terms != self._terms():
            look = Look(self._terms())
        self._live.closed_ms = min(self._live.closed_ms, turn.now_ms)
        self._live.look = look._replace(at_ms=None, newest_ms=turn.now_ms)
        if look.terms:
            self._destroy(turn, look.segment)

    def _sweeps(self) -> bool:
        return self._live.sweep_ms is not None and not self._room.states.condition().keeps

    def _sweep(self, turn: Turn) -> None:
        until_ms = self._live.sweep_ms
        if until_ms is not None and self._sweeps():
            more = self._room.erasing.destroy_some(turn, lambda one: one.received_ms <= until_ms)
            self._live.sweep_ms = None if more is None else until_ms

    def _destroy(self, turn: Turn, first: int) -> None:
        """Destroy contents whose time is over, from the first segment on that may have some."""
        next_ms, kept_at = None, None
        room, log = self._room, self._room.log
        self._stamp(turn, first)
        more = room.erasing.destroy_some(turn, lambda one: self._is_over(turn, one), first)
        for number, some in log.kept_from(turn, first):
            for one in some:
                until_ms = self._until_ms(turn, one) if is_content(kind_of(one)) else None
                if until_ms is not None:
                    kept_at = number if kept_at is None else kept_at
                    next_ms = until_ms if next_ms is None else min(next_ms, until_ms)
        if more is not None:
            next_ms = turn.now_ms
        elif next_ms is not None:
            next_ms = max(next_ms, turn.now_ms + (LOOK_APART_MS if self._is_ephemeral() else 0))
        self._live.look = self._live.look._replace(at_ms=next_ms, segment=kept_at or 0)
        self._sweep_notes(turn)

    def _stamp(self, turn: Turn, first: int) -> None:
        """A stored time ahead of the clock counts as now, and from now on."""
        for _, some in self._room.log.kept_from(turn, first) if self._is_ephemeral() else ():
            for one in some:
                if max(one.received_ms, one.read_ms or 0) > turn.now_ms:
                    one.received_ms = min(one.received_ms, turn.now_ms)
                    one.read_ms = None if one.read_ms is None else min(one.read_ms, turn.now_ms)
                    self._room.log.put(turn, one)

    def _sweep_notes(self, turn: Turn) -> None:
        """Notes of colleagues go with what they are about (ROOM-43)."""
        until_ms = self.over_ms(turn)
        if until_ms is not None:
            self._room.sweeps_ms = until_ms

    def over_ms(self, turn: Turn) -> int | None:
        """Return until when what stands beside contents of this room is over by now (ROOM-43, ROOM-74)."""
        if self._terms()[:1] == (int(RetentionClass.EPHEMERAL),):
            return turn.now_ms - EPHEMERAL_MAX_MS
        until_ms = self._kept(0, None)
        return turn.now_ms if until_ms is not None and until_ms <= turn.now_ms else None

    # --- by what ---

    def _terms(self) -> tuple[int, ...]:
        """What the timers go by; () where none runs: at the customer's, without a state, in a frozen room,
        and while a hold stands.
        """
        state, condition = self._room.states.state, self._room.states.condition()
        if self._around.side is Side.CUSTOMER or state is None or condition.phase is Phase.FROZEN:
            return ()
        kind, ttl_s = state.retention
        is_statutory = kind is RetentionClass.STATUTORY
        if condition.on_hold or (condition.keeps and not is_statutory):
            return ()
        if self._around.us.device_id not in self._room.states.room.known():
            # It is told of no export and, of before it came, of no erasure; it has logins and addresses
            # alone: no record (ROOM-87).
            if condition.phase is Phase.ERASED:
                kind = RetentionClass.PROOF
            elif is_statutory:
                kind = RetentionClass.DEFAULT
        phase = int(condition.phase or 0)
        return int(kind), ttl_s, phase, int(condition.is_sensitive), self._live.exported_ms or 0

    def _is_ephemeral(self) -> bool:
        return self._live.look.terms[:1] == (int(RetentionClass.EPHEMERAL),)

    def _times(self) -> Times:
        is_closed = self._room.states.condition().phase not in (None, Phase.OPEN, Phase.FROZEN)
        return Times(self._live.closed_ms if is_closed else None, self._live.exported_ms)

    def _until_ms(self, turn: Turn, stored: StoredEntry) -> int | None:
        """Return when a content is destroyed; what is ours, or not to be read, counts as read at once."""
        arrived_ms = min(stored.received_ms, turn.now_ms)
        is_theirs = stored.account_id != self._around.us.account_id and kind_of(stored) in CONTENT
        read_ms = stored.read_ms if is_theirs else arrived_ms
        return self._kept(arrived_ms, None if read_ms is None else min(read_ms, turn.now_ms))

    def _kept(self, arrived_ms: int, read_ms: int | None) -> int | None:
        terms = self._terms()
        if not terms:
            return None
        retention = Retention(RetentionClass(terms[0]), terms[1])
        return kept_until_ms(retention, self._times(), arrived_ms, read_ms, is_sensitive=bool(terms[3]))

    def _is_over(self, turn: Turn, stored: StoredEntry) -> bool:
        until_ms = self._until_ms(turn, stored)
        return until_ms is not None and until_ms <= turn.now_ms
