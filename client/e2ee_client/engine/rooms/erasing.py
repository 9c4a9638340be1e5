"""What entries do about others: new wordings, erasures, marks (TRN-23, TRN-24, ROOM-17, ROOM-26)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from e2ee.errors import RemoteError, TooMany
from e2ee.rooms.entry import Entry, EntryHash, Header
from e2ee.rooms.erasure import (
    Actor,
    Target,
    binds,
    check_edit,
    check_erase,
    check_erase_room,
    check_mark,
    destroyed_at_ms,
    mark_destroys_at_ms,
)
from e2ee.rooms.kinds import ERASABLE, Side
from e2ee.rooms.payloads import Edit, EntryPayload, Erase, Sensitive
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryErased

from .about import text_of
from .entry_log import StoredEntry
from .records import Order
from .room_part import RoomPart

MAX_ORDERS: Final = 64
"""Orders to erase and marks that are not carried out yet."""
MAX_LINKED: Final = 256
"""Pairs of devices: 12 of the company, each with up to 16 others."""


class Erasing(RoomPart):
    """Orders hide at once; bodies go when the rules say so, header and commitment stay."""

    # --- what comes ---

    def check(self, turn: Turn, entry: Entry, payload: EntryPayload) -> None:
        """Refuse what its author may not do about others; of what is not here that shows later.

        Raises:
            NoRight, TooMany.
        """
        actor = self._actor(turn, entry)
        match payload:
            case Edit(hash=named):
                for target in self._targets(turn, (named,)):
                    check_edit(actor, target)
            case Erase(hashes=None):
                check_erase_room(actor)
            case Erase(hashes=named) if named is not None:
                for target in self._targets(turn, named):
                    check_erase(actor, target)
            case Sensitive(hashes=named):
                for target in self._targets(turn, named):
                    check_mark(actor, target)
            case _:
                return
        if not isinstance(payload, Edit) and len(self._live.orders) >= MAX_ORDERS:
            raise TooMany("too many orders to erase that are not carried out")

    def _actor(self, turn: Turn, entry: Entry) -> Actor:
        side = self._room.taking.side_of(entry.author)
        ranks = self._room.states.ranks(turn.now_ms) if side is Side.COMPANY else {}
        return Actor(side, entry.author.device_id, ranks.get(entry.author.device_id, -1))

    def _targets(self, turn: Turn, hashes: tuple[EntryHash, ...]) -> Iterator[Target]:
        for one in hashes:
            stored = self._room.log.find(turn, one)
            if stored is not None:
                yield self._target(stored)

    def _target(self, stored: StoredEntry) -> Target:
        kind = Header.decode(stored.header).kind
        return Target(self._room.taking.side_of(stored.author), stored.device_id, kind)

    def take(self, turn: Turn, entry: Entry, payload: EntryPayload) -> None:
        """Hide what an order names, and remember the order until it is carried out."""
        match payload:
            case Erase(hashes=named) if binds(self._room.taking.side_of(entry.author), self._around.side):
                order = Order(entry.hash, named or (), turn.now_ms, is_mark=False)
            case Sensitive(hashes=named):
                order = Order(entry.hash, named, turn.now_ms, is_mark=True)
            case _:
                return
        self._live.orders = (*self._live.orders, order)
        for stored in self._stored(turn, order):
            self._hide(turn, stored, order)
            self._room.log.put(turn, stored)
            if order.hashes:
                self._room.about.settle(turn, text_of(stored))

    def apply_earlier(self, turn: Turn, entry: Entry, stored: StoredEntry) -> None:
        """An order that came before what it names holds for that too, if its author may."""
        for order in self._live.orders:
            by = self._room.log.find(turn, order.by)
            if entry.hash not in order.hashes or by is None:
                continue
            actor = self._actor(turn, self._room.log.entry(turn, by))
            try:
                (check_mark if order.is_mark else check_erase)(actor, self._target(stored))
            except RemoteError:
                continue
            self._hide(turn, stored, order)

    def _hide(self, turn: Turn, stored: StoredEntry, order: Order) -> None:
        if order.is_mark:
            stored.is_marked = True
        else:
            stored.is_hidden = True
            self._around.tell(turn, EntryErased(stored.room_id, stored.hash, is_destroyed=False))

    def _stored(self, turn: Turn, order: Order) -> list[StoredEntry]:
        """The entries of an order that are here; of the whole room all that can be erased."""
        log = self._room.log
        if not order.hashes:
            everything = log.all_of(turn)
            return [one for one in everything if Header.decode(one.header).kind in ERASABLE]
        found = [log.find(turn, one) for one in order.hashes]
        return [one for one in found if one is not None]

    def _hidden(self, turn: Turn, order: Order) -> list[StoredEntry]:
        """Those of them that it was allowed to hide: what it names may have come later (TRN-24, ROOM-17)."""
        found = self._stored(turn, order)
        if not order.hashes:
            return found
        return [one for one in found if (one.is_marked if order.is_mark else one.is_hidden)]

    # --- what goes ---

    def due_ms(self, turn: Turn) -> int | None:
        """Return when the next order is carried out."""
        due = [self._at_ms(turn, order) for order in self._live.orders]
        return min((one for one in due if one is not None), default=None)

    def _at_ms(self, turn: Turn, order: Order) -> int | None:
        keeps = self._room.states.condition().keeps
        if not order.is_mark:
            is_answered = any(order.by in one.state.answers for one in self._room.states.path)
            return destroyed_at_ms(order.since_ms, keeps=keeps, is_answered=is_answered)
        cleared = self._cleared(turn)
        is_cleared = self._around.side is Side.CUSTOMER or self._around.us.device_id in cleared
        seen = all(self._is_acknowledged(turn, one, cleared) for one in order.hashes)
        return mark_destroys_at_ms(order.since_ms, keeps=keeps, cleared_has_it=seen, cleared=is_cleared)

    def _cleared(self, turn: Turn) -> set[bytes]:
        try:
            team = self._around.team(self._live.company, turn.now_ms)
        except RemoteError:
            return set()
        return {device_id for device_id, one in team.members.items() if one.is_cleared}

    def _is_acknowledged(self, turn: Turn, named: EntryHash, cleared: set[bytes]) -> bool:
        """Whether a cleared device wrote an entry, or has linked it or a later one of its device."""
        stored = self._room.log.find(turn, named)
        if stored is None:
            return True
        n = Header.decode(stored.header).n
        return stored.device_id in cleared or any(
            device in cleared and tag == stored.tag and linked >= n
            for device, tag, linked in self._live.linked
        )

    def note_links(self, turn: Turn, entry: Entry) -> None:
        """Remember up to where each device of the company has said that it has another's entries; what it
        names is here, so that nobody fills this with names of nothing.
        """
        if self._room.taking.side_of(entry.author) is not Side.COMPANY or not entry.header.seen:
            return
        device = entry.author.device_id
        known = {(one, tag): n for one, tag, n in self._live.linked}
        here = [one for one in entry.header.seen if self._room.log.find(turn, one.hash) is not None]
        for link in here:
            known[device, link.tag] = max(link.n, known.get((device, link.tag), -1))
        self._live.linked = tuple((one, tag, n) for (one, tag), n in known.items())[-MAX_LINKED:]

    def tick(self, turn: Turn) -> None:
        """Destroy what is due; whoever asks for it later gets the commitment."""
        done = [
            one
            for one in self._live.orders
            if (at := self._at_ms(turn, one)) is not None and at <= turn.now_ms
        ]
        for order in done:
            for stored in self._hidden(turn, order):
                self._room.log.drop_body(turn, stored)
                self._around.tell(turn, EntryErased(stored.room_id, stored.hash, is_destroyed=True))
                self._room.about.settle(turn, stored.hash)
        self._live.orders = tuple(one for one in self._live.orders if one not in done)
        for order in done:
            self._room.stewarding.erased(turn, order)
