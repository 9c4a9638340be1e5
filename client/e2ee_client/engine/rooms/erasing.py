"""What entries do about others: new wordings, erasures, marks (TRN-23, TRN-24, ROOM-17, ROOM-26, ROOM-44)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final, TypeAlias

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
    check_refusal,
    destroyed_at_ms,
    is_content,
    mark_destroys_at_ms,
)
from e2ee.rooms.kinds import Kind, Side
from e2ee.rooms.payloads import Edit, EntryPayload, Erase, Sensitive
from e2ee.rooms.signed_payloads import Withdrawal
from e2ee.rooms.state import Phase
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryErased

from .about import SIGNED_OUT, text_in, text_of
from .entry_log import StoredEntry
from .records import Gone, Order
from .room_part import RoomPart

Goes: TypeAlias = Callable[[StoredEntry], bool]
MAX_ORDERS: Final = 64
"""Orders to erase of one side that are not carried out yet, and marks of one side (ROOM-63)."""
_ORDERS: Final = (Kind.ERASE, Kind.SENSITIVE, Kind.WITHDRAW)
MAX_LINKED: Final = 256
"""Pairs of devices: 12 of the company, each with up to 16 others."""
MAX_GONE: Final = 256
"""Entries that were to be erased by orders of one side and have not come (ROOM-44)."""
TOLD_FOR_MS: Final = 31 * 86_400_000
"""So long an order goes to who joins: what crossed it was handed over without knowing of it."""
SEGMENTS_AT_ONCE: Final = 32
"""So much of a room is erased in one step; the rest follows in the next ones."""


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
            case Withdrawal() if not self._room.consent.is_ended_by(turn, entry, payload):
                pass
            case _:
                return
        is_mark = isinstance(payload, Sensitive)
        if not isinstance(payload, Edit) and self.is_full(turn, actor.side, is_mark=is_mark):
            raise TooMany("too many orders to erase that are not carried out")

    def check_refusal(self, turn: Turn, entry: Entry) -> None:
        """Refuse what who is no steward answers in a steward's place.

        Raises:
            NoRight: as ROOM-70 says.
        """
        check_refusal(self._actor(turn, entry))

    def is_full(self, turn: Turn, side: Side, *, is_mark: bool = False) -> bool:
        """Whether no more erasures, or marks, of a side are taken now (ROOM-63)."""
        same = [one for one in self._live.orders if one.is_mark == is_mark]
        if len(same) < MAX_ORDERS:
            return False
        of_side = self._of_side(turn, same, side)
        return sum(not self._is_idle(turn, one) for one in of_side) >= MAX_ORDERS

    def _of_side(self, turn: Turn, orders: Sequence[Order], side: Side | None) -> list[Order]:
        """Return the orders of a side."""
        ordered = self._room.log.several(turn, [one.by for one in orders])
        theirs = {one.hash for one in ordered if self._room.taking.side_of(one.author) is side}
        return [one for one in orders if one.by in theirs]

    def _side(self, turn: Turn, by: EntryHash) -> Side | None:
        """Whose an order is."""
        ordered = self._room.log.find(turn, by)
        return None if ordered is None else self._room.taking.side_of(ordered.author)

    def _is_idle(self, turn: Turn, order: Order) -> bool:
        """Whether it is a mark by which nothing is to be destroyed now, and all that it names is here."""
        if not order.is_mark or self._at_ms(turn, order) is not None:
            return False
        return all(self._room.log.find(turn, one) is not None for one in order.hashes)

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
        return Target(self._room.taking.side_of(stored.author), stored.device_id, kind_of(stored))

    def take(self, turn: Turn, entry: Entry, payload: EntryPayload) -> None:
        """Hide what an order names, and remember the order until it is carried out; what our side has erased
        or withdrawn leaves no more (ROOM-66).
        """
        order = self._order_of(turn, entry, payload)
        if order is None:
            if isinstance(payload, Withdrawal) and self._live.consent.is_withdrawn:
                order = Order(entry.hash, (), turn.now_ms, is_mark=False)
                self._room.erasures.asked(turn, order)
                self._take_back(turn, self._stored(turn, order), is_erased=False)
            return
        self._add(turn, order)
        hidden = self._hide_all(turn, order)
        if not order.is_mark and self._room.taking.side_of(entry.author) is self._around.side:
            self._take_back(turn, hidden)

    def _take_back(self, turn: Turn, entries: list[StoredEntry], *, is_erased: bool = True) -> None:
        """Let what has not left stay here (ROOM-66)."""
        hashes = frozenset(one.hash for one in entries)
        self._around.take_back(turn, self._live.room_id, hashes, is_erased=is_erased)

    def _add(self, turn: Turn, order: Order) -> None:
        """Remember an order, unless it is here from a line that brought it first."""
        if not any(one.by == order.by for one in self._live.orders):
            if order.is_mark:
                self._drop_idle(turn, self._side(turn, order.by))
            self._live.orders = (*self._live.orders, order)
        if not order.is_mark:
            self._room.erasures.asked(turn, order)

    def _drop_idle(self, turn: Turn, side: Side | None) -> None:
        """Make place for a mark of a side: of those of it that are idle the newest are kept (ROOM-63)."""
        orders = self._live.orders
        if sum(one.is_mark for one in orders) >= MAX_ORDERS:
            of_side = self._of_side(turn, orders, side)
            idle = [one for one in of_side if self._is_idle(turn, one)]
            dropped = idle[: max(0, len(idle) + 1 - MAX_ORDERS)]
            self._live.orders = tuple(one for one in orders if one not in dropped)

    def own_orders(self, turn: Turn) -> list[StoredEntry]:
        """Return our orders that a device which joins now may have to hear of (ROOM-61)."""
        own = [one for one in self._own(turn) if one.received_ms > turn.now_ms - TOLD_FOR_MS]
        newest = [[one for one in own if kind_of(one) == kind][-MAX_ORDERS:] for kind in _ORDERS]
        return [one for one in own if any(one in some for some in newest)]

    def own_newest(self, turn: Turn) -> list[StoredEntry]:
        """Return the newest address and the newest sign-out of ours, if they were not erased (ROOM-65)."""
        addresses = [one for one in self._own(turn) if kind_of(one) == Kind.REACH]
        said = [one for one in self._room.abouts.of(turn, SIGNED_OUT) if one.author == self._around.us]
        newest = (*addresses[-1:], *sorted(said, key=lambda one: (one.k, one.hash))[-1:])
        return [one for one in newest if not one.is_hidden]

    def _own(self, turn: Turn) -> list[StoredEntry]:
        kept = (one for _, some in self._room.log.kept_from(turn, 0) for one in some)
        return [one for one in kept if one.author == self._around.us]

    def hear(self, turn: Turn, entry: Entry, payload: Withdrawal) -> None:
        """Hide what stands before a withdrawal that another device brings, by one order however often it is
        brought; nothing where it does not count, or where its own device has said its place (CNS-45).
        """
        consent, orders = self._room.consent, self._live.orders
        if self._around.side is Side.CUSTOMER:
            self.take(turn, entry, payload)
            return
        if not consent.counts(payload) or consent.is_here(turn, payload):
            return
        order = Order(entry.hash, (), turn.now_ms, is_mark=False)
        if not any(consent.signed_in(turn, one.by) == payload.signed for one in orders):
            if self.is_full(turn, Side.CUSTOMER):
                return
            self._add(turn, order)
        self._hide_all(turn, order)

    def _hide_all(self, turn: Turn, order: Order) -> list[StoredEntry]:
        found = self._stored(turn, order)
        for stored in found:
            self._hide(turn, stored, order)
            self._room.log.put(turn, stored)
            if order.hashes:
                self._room.about.settle(turn, text_of(stored))
        return found

    def _order_of(self, turn: Turn, entry: Entry, payload: EntryPayload) -> Order | None:
        """Say what an entry orders here; for the company a withdrawal erases all before it, whenever it comes
        (CNS-45).
        """
        is_company = self._around.side is Side.COMPANY
        match payload:
            case Erase(hashes=named) if binds(self._room.taking.side_of(entry.author), self._around.side):
                return Order(entry.hash, named or (), turn.now_ms, is_mark=False)
            case Withdrawal() if is_company:
                return Order(entry.hash, (), turn.now_ms, is_mark=False)
            case Sensitive(hashes=named):
                return Order(entry.hash, named, turn.now_ms, is_mark=True)
            case _:
                return None

    def apply_earlier(self, turn: Turn, entry: Entry, stored: StoredEntry) -> None:
        """An order that came before what it names, or before a new wording of that, holds for it too, if its
        author may (ROOM-44).
        """
        named = {entry.hash, text_in(entry)}
        for order in self._live.orders:
            if named.intersection(order.hashes) and self._may(turn, order.by, stored, is_mark=order.is_mark):
                self._hide(turn, stored, order)

    def _may(self, turn: Turn, by: EntryHash, stored: StoredEntry, *, is_mark: bool) -> bool:
        ordered = self._room.log.find(turn, by)
        if ordered is None:
            return False
        actor = self._actor(turn, self._room.log.entry(turn, ordered))
        try:
            (check_mark if is_mark else check_erase)(actor, self._target(stored))
        except RemoteError:
            return False
        return True

    def added(self, turn: Turn, stored: StoredEntry) -> None:
        """Destroy what comes after it was to be erased, or its text, whoever brings it (ROOM-44)."""
        is_emptied = is_content(kind_of(stored)) and self._is_of_the_emptied(turn, stored)
        if is_emptied or self._was_named(turn, stored):
            self.destroy(turn, [stored])

    def is_erased(self, turn: Turn, stored: StoredEntry) -> bool:
        """Whether an entry was to be erased, also before it came."""
        return stored.is_hidden or self._is_of_the_emptied(turn, stored) or self._was_named(turn, stored)

    def _was_named(self, turn: Turn, stored: StoredEntry) -> bool:
        """Whether an order that was carried out is about an entry that comes later."""
        names = (stored.hash, text_of(stored))
        named = [one for one in self._live.gone if one.hash in names]
        return any(self._may(turn, one.by, stored, is_mark=False) for one in named)

    def _is_of_the_emptied(self, turn: Turn, stored: StoredEntry) -> bool:
        """Whether the room was emptied by an order that comes after this entry."""
        emptied = self._live.emptied
        return emptied is not None and self._is_before(turn, stored, emptied)

    def _is_before(self, turn: Turn, stored: StoredEntry, by: EntryHash) -> bool:
        """Whether an entry is of what an order for the whole room is about: all before it, and in a room that
        is erased all there is.
        """
        ordered = self._room.log.find(turn, by)
        is_over = self._room.states.condition().phase is Phase.ERASED
        return ordered is None or is_over or (stored.k, stored.hash) < (ordered.k, ordered.hash)

    def _hide(self, turn: Turn, stored: StoredEntry, order: Order) -> None:
        if order.is_mark:
            stored.is_marked = True
        else:
            stored.is_hidden = True
            event = EntryErased(stored.room_id, stored.hash, kind_of(stored), is_destroyed=False)
            self._around.tell(turn, event)

    def _stored(self, turn: Turn, order: Order) -> list[StoredEntry]:
        """The entries of an order that are here: of the whole room its contents from before, else those that
        it names with all new wordings of them.
        """
        log = self._room.log
        if not order.hashes:
            everything = (one for _, some in log.kept_from(turn, 0) for one in some)
            contents = (one for one in everything if is_content(kind_of(one)))
            return [one for one in contents if self._is_before(turn, one, order.by)]
        found = [one for one in (log.find(turn, one) for one in order.hashes) if one is not None]
        return found + self._wordings(turn, order)

    def _wordings(self, turn: Turn, order: Order) -> list[StoredEntry]:
        """Return the new wordings of what an order names: of the author of a text that is here, and of one
        that never came those that the order may be about.
        """
        named = {one: self._room.log.find(turn, one) for one in order.hashes}
        texts = {key: one for key, one in named.items() if one is None or kind_of(one) == Kind.TEXT}
        everything = self._room.log.kept_from(turn, 0) if texts else ()
        edits = [one for _, some in everything for one in some if kind_of(one) == Kind.EDIT]
        pairs = [(one, texts[text_of(one)]) for one in edits if text_of(one) in texts]
        may = partial(self._may, turn, order.by, is_mark=order.is_mark)
        return [one for one, text in pairs if (may(one) if text is None else text.author == one.author)]

    def _hidden(self, turn: Turn, order: Order) -> list[StoredEntry]:
        """Those of them that it was allowed to hide: what it names may have come later (TRN-24, ROOM-17)."""
        found = self._stored(turn, order)
        return [one for one in found if (one.is_marked if order.is_mark else one.is_hidden)]

    # --- what goes ---

    def due_ms(self, turn: Turn) -> int | None:
        """Return when the next order is carried out."""
        due = [self._at_ms(turn, order) for order in self._live.orders]
        return min((one for one in due if one is not None), default=None)

    def _at_ms(self, turn: Turn, order: Order) -> int | None:
        """Return when an order is carried out; a time ahead of the clock counts as now (TRN-13)."""
        keeps, since_ms = self._room.states.condition().keeps, min(order.since_ms, turn.now_ms)
        if not order.is_mark:
            is_answered = any(order.by in one.state.answers for one in self._room.states.path)
            return destroyed_at_ms(since_ms, keeps=keeps, is_answered=is_answered)
        is_cleared = self._room.states.is_cleared(turn.now_ms)
        # Whoever keeps them all looks for none of them.
        seen = not keeps and not is_cleared and self._are_acknowledged(turn, order.hashes)
        return mark_destroys_at_ms(since_ms, keeps=keeps, cleared_has_it=seen, cleared=is_cleared)

    def _are_acknowledged(self, turn: Turn, named: Iterable[EntryHash]) -> bool:
        cleared = self._room.states.cleared(turn.now_ms)
        return all(self._is_acknowledged(turn, one, cleared) for one in named)

    def _is_acknowledged(self, turn: Turn, named: EntryHash, cleared: frozenset[bytes]) -> bool:
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
        self._live.orders = tuple(
            one._replace(since_ms=min(one.since_ms, turn.now_ms)) for one in self._live.orders
        )
        for order in self._live.orders:
            at_ms = self._at_ms(turn, order)
            if at_ms is not None and at_ms <= turn.now_ms and self._carry_out(turn, order):
                self._live.orders = tuple(one for one in self._live.orders if one != order)

    def _carry_out(self, turn: Turn, order: Order) -> bool:
        """Destroy what an order has hidden, of a long room a part; whether nothing of it is left."""
        if order.hashes:
            self.destroy(turn, self._hidden(turn, order))
            if not order.is_mark:
                self._note_gone(turn, order)
            return True
        if self._is_hearsay(turn, order):
            self._room.sweeps_ms = order.since_ms
            return self.destroy_some(turn, lambda one: one.is_hidden) is None
        if self._is_last(turn, order):
            self._live.emptied = order.by
        self._room.sweeps_ms = turn.now_ms
        return self.destroy_some(turn, lambda one: self._is_before(turn, one, order.by)) is None

    def _note_gone(self, turn: Turn, order: Order) -> None:
        """Remember what an erasure names and is not here; of each side the newest (ROOM-44)."""
        absent = [one for one in order.hashes if self._room.log.find(turn, one) is None]
        gone = (*self._live.gone, *(Gone(order.by, one) for one in absent))
        if len(gone) > MAX_GONE:
            side = self._side(turn, order.by)
            dropped = {*[one for one in gone if self._side(turn, one.by) is side][:-MAX_GONE]}
            gone = tuple(one for one in gone if one not in dropped)
        self._live.gone = gone

    def _is_hearsay(self, turn: Turn, order: Order) -> bool:
        """Whether the place of an order is what another device says: it takes what it has hidden (CNS-45)."""
        ordered = self._room.log.find(turn, order.by)
        return ordered is not None and ordered.forwarded_by is not None

    def _is_last(self, turn: Turn, order: Order) -> bool:
        """Whether no order for the whole room that comes later was carried out before this one (ROOM-43)."""
        emptied = self._live.emptied
        known = None if emptied is None else self._room.log.find(turn, emptied)
        return known is None or self._is_before(turn, known, order.by)

    def destroy_some(self, turn: Turn, goes: Goes, first: int = 0) -> int | None:
        """Destroy contents from a segment on, some at a time; returns where to go on, None at the end."""
        found, count = list[StoredEntry](), 0
        for number, some in self._room.log.kept_from(turn, first):
            if count >= SEGMENTS_AT_ONCE:
                self.destroy(turn, found)
                return number
            going = [one for one in some if is_content(kind_of(one)) and goes(one)]
            found, count = found + going, count + bool(going)
        self.destroy(turn, found)
        return None

    def destroy(self, turn: Turn, entries: Iterable[StoredEntry]) -> None:
        """Erase bodies, their keys, and every other place where they stand: what is posted, what is early
        (ROOM-44). Header and commitment stay.
        """
        found = [one for one in entries if not (one.is_hidden and one.body is None)]
        if not found:
            return
        for one in found:
            one.is_hidden = True
            self._room.log.put(turn, one)
        hashes, texts = frozenset(one.hash for one in found), {text_of(one) for one in found}
        self._room.log.erase(turn, hashes)
        self._live.early = tuple(one for one in self._live.early if one.hash not in hashes)
        self._live.unsent = tuple(one for one in self._live.unsent if one not in hashes)
        self._room.index.unread -= self._room.log.mark_read(turn, list(hashes))
        self._around.take_back(turn, self._live.room_id, hashes)
        for one in found:
            self._around.tell(turn, EntryErased(one.room_id, one.hash, kind_of(one), is_destroyed=True))
            if kind_of(one) == Kind.IDENTIFY and not one.is_marked:
                self._room.identifying.destroyed(turn, one.hash)
        for named in sorted(texts):
            self._room.about.settle(turn, named)


def kind_of(stored: StoredEntry) -> int:
    """Return the kind of a stored entry."""
    return Header.decode(stored.header).kind
