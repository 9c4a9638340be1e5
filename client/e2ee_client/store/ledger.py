"""Rows in slots: reads, one transaction per commit, and the check over all rows when a store is opened.

Everything here happens under the store's lock. State in memory changes only after the transaction is on disk.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from e2ee_client.errors import StoreCorrupt, StoreFull, StoreMisuse
from e2ee_client.rows import Change, Put

from .database import transaction, translated
from .sealing import Place, RowSealer
from .sodium import NONCE_B, TAG_B
from .state import StateSealer, StoreState

STATE_SLOT: Final = 0
# The mark of a box, which stands for it in the sum over all rows: its nonce and its tag.
_FIND: Final = (
    "SELECT p.id, p.tag, p.seq, p.slot, length(s.box), substr(s.box, 1, 24), substr(s.box, -16) "
    "FROM place p JOIN slot s ON s.n = p.slot WHERE p.id IN ({})"
)
_FOUND_AT_ONCE: Final = 64
_FIND_MANY: Final = _FIND.format(", ".join("?" * _FOUND_AT_ONCE))
_FIND_ONE: Final = _FIND.format("?")
_READ: Final = "SELECT p.tag, p.seq, s.box FROM place p JOIN slot s ON s.n = p.slot WHERE p.id = ?"
_PAGE: Final = (
    "SELECT p.id, p.seq, s.box FROM place p JOIN slot s ON s.n = p.slot WHERE p.tag = ? AND p.seq > ? "
    "ORDER BY p.seq LIMIT ?"
)
# Through the index that pages are read by, then to place and slot as reads go: a damaged tree is met here.
_ALL: Final = (
    "SELECT p.id, p.tag, p.seq, substr(s.box, 1, 24), substr(s.box, -16) "
    "FROM place p INDEXED BY place_order CROSS JOIN slot s ON s.n = p.slot"
)
_FREE: Final = "SELECT n, length(box) FROM slot WHERE n <> ? AND n NOT IN (SELECT slot FROM place)"
_DROP_FREE: Final = "DELETE FROM slot WHERE n <> ? AND n NOT IN (SELECT slot FROM place)"
_NEXT_SLOT: Final = "SELECT coalesce(max(n), 0) + 1 FROM slot"
PAGE_ROWS: Final = 256


@dataclass(frozen=True, slots=True)
class _Found:
    """A row that stands in the database."""

    place: Place
    slot: int
    size_b: int
    mark: bytes = field(repr=False)


def _check_columns(row_id: object, tag: object, seq: object, nonce: object, box_tag: object) -> None:
    """The columns of a row that somebody may have written by hand: any type may stand in any column."""
    if not (type(row_id) is bytes and type(tag) is bytes and type(nonce) is bytes and type(box_tag) is bytes):
        raise StoreCorrupt("a row has columns of the wrong kind")
    if type(seq) is not int or seq < 1:
        raise StoreCorrupt("a row has a sequence number out of range")


@dataclass(slots=True)
class _Draft:
    """What a transaction will have changed once it is on disk."""

    next_seq: int
    total: int
    next_slot: int
    found: dict[bytes, _Found | None]
    new_slots: list[tuple[int, bytes]] = field(default_factory=list)
    new_places: list[tuple[bytes, bytes, int, int]] = field(default_factory=list)
    taken: list[tuple[int, int]] = field(default_factory=list)
    released: list[tuple[int, int]] = field(default_factory=list)


class Ledger:
    """The rows of one open database."""

    __slots__ = ("_connection", "_free", "_rows", "_states", "state")

    def __init__(self, connection: sqlite3.Connection, rows: RowSealer, states: StateSealer) -> None:
        """Read the state.

        Raises:
            StoreCorrupt: it is missing or does not open.
        """
        self._connection = connection
        self._rows = rows
        self._states = states
        self._free: defaultdict[int, list[int]] = defaultdict(list)
        with translated():
            found = connection.execute("SELECT box FROM slot WHERE n = ?", (STATE_SLOT,)).fetchone()
        if found is None or not isinstance(found[0], bytes):
            raise StoreCorrupt("the state of the store is missing")
        self.state: StoreState = states.open_(found[0])

    def check(self) -> None:
        """Compare all rows with the sum that the last commit sealed, and collect the free slots (STO-10).

        Raises:
            StoreCorrupt: rows were removed, added, or put back to an older version while the store was
            closed.
        """
        with translated():
            total = self._recomputed_total()
            places = self._connection.execute("SELECT count(*) FROM place").fetchone()[0]
            free = self._connection.execute(_FREE, (STATE_SLOT,)).fetchall()
            slots = self._connection.execute("SELECT count(*) FROM slot").fetchone()[0]
        if total != self.state.total or places + len(free) + 1 != slots:
            raise StoreCorrupt("rows were changed while the store was closed")
        for slot, size_b in free:
            self._free[size_b].append(slot)

    def _recomputed_total(self) -> int:
        total, before_tag, before_seq = 0, b"", 0
        for row_id, tag, seq, nonce, box_tag in self._connection.execute(_ALL):
            _check_columns(row_id, tag, seq, nonce, box_tag)
            if tag < before_tag or (tag == before_tag and seq <= before_seq):
                raise StoreCorrupt("rows stand out of order")
            before_tag, before_seq = tag, seq
            total ^= self._rows.digest(Place(row_id, tag, seq), nonce + box_tag)
        return total

    def get(self, table: str, key: bytes) -> bytes | None:
        """Return the row's value, or None."""
        row_id = self._rows.row_id(table, key)
        with translated():
            found = self._connection.execute(_READ, (row_id,)).fetchone()
        if found is None:
            return None
        stored_key, value = self._rows.open_(Place(row_id, found[0], found[1]), found[2])
        if stored_key != key:
            raise StoreCorrupt("a row stands under another row's id")
        return value

    def page(self, table: str, after_seq: int) -> list[tuple[int, bytes, bytes]]:
        """Return up to 256 rows (sequence number, key, value) of a table behind `after_seq`, in order
        (STO-11).
        """
        tag = self._rows.table_tag(table)
        with translated():
            found = self._connection.execute(_PAGE, (tag, after_seq, PAGE_ROWS)).fetchall()
        return [(seq, *self._rows.open_(Place(row_id, tag, seq), box)) for row_id, seq, box in found]

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""
        tag = self._rows.table_tag(table)
        with translated():
            found = self._connection.execute("SELECT count(*) FROM place WHERE tag = ?", (tag,)).fetchone()
        return int(found[0])

    def commit(self, changes: Iterable[Change], *, settle: bool) -> None:
        """Apply the changes in one transaction; on any error, none of them (STO-09).

        Raises:
            StoreFull, StoreUnavailable, StoreCorrupt, StoreMisuse.
        """
        ordered = [(self._rows.row_id(change.table, change.key), change) for change in changes]
        draft = _Draft(self.state.next_seq, self.state.total, 0, {})
        try:
            with transaction(self._connection):
                draft.next_slot = self._connection.execute(_NEXT_SLOT).fetchone()[0]
                draft.found = self._find({row_id: None for row_id, _ in ordered})
                for row_id, change in ordered:
                    self._apply(row_id, change, draft)
                self._insert(draft)
                state = self._advanced(draft, settle=settle)
                self.write_state(state)
        except (StoreFull, StoreMisuse):
            # After anything else the store is opened again, which collects the free slots anew.
            self._offer(draft.taken)
            raise
        self.state = state
        self._offer(draft.released)

    def write_state(self, state: StoreState) -> None:
        """Overwrite the state's slot, within the caller's transaction."""
        box = self._states.seal(state)
        self._overwrite(STATE_SLOT, box)

    def adopt(self, state: StoreState) -> None:
        """Make a new state last."""
        with transaction(self._connection):
            self.write_state(state)
        self.state = state

    def free_size_b(self) -> int:
        """Return the bytes in free slots."""
        return sum(size_b * len(slots) for size_b, slots in self._free.items())

    def compact(self) -> None:
        """Give free slots back to the file system. They hold zeros only, so moving their neighbours leaves
        nothing.
        """
        with transaction(self._connection):
            self._connection.execute(_DROP_FREE, (STATE_SLOT,))
        self._free.clear()
        with translated():
            self._connection.execute("VACUUM")

    def _advanced(self, draft: _Draft, *, settle: bool) -> StoreState:
        return replace(
            self.state,
            commits=self.state.commits + 1,
            next_seq=draft.next_seq,
            total=draft.total,
            unsettled=None if settle else self.state.unsettled,
        )

    def _offer(self, slots: Iterable[tuple[int, int]]) -> None:
        for size_b, slot in slots:
            self._free[size_b].append(slot)

    def _apply(self, row_id: bytes, change: Change, draft: _Draft) -> None:
        if row_id not in draft.found:
            # An earlier change of this commit was to the same row.
            self._insert(draft)
            draft.found.update(self._find({row_id: None}))
        found = draft.found.pop(row_id)
        if isinstance(change, Put):
            self._put(change, row_id, found, draft)
        elif found is not None:
            self._connection.execute("DELETE FROM place WHERE id = ?", (row_id,))
            draft.total ^= self._rows.digest(found.place, found.mark)
            self._blank(found, draft)

    def _find(self, found: dict[bytes, _Found | None]) -> dict[bytes, _Found | None]:
        """Look up all rows of the dictionary, many at a time."""
        ids = list(found)
        for start in range(0, len(ids), _FOUND_AT_ONCE):
            part = ids[start : start + _FOUND_AT_ONCE]
            whole = len(part) == _FOUND_AT_ONCE
            queries = [(_FIND_MANY, part)] if whole else [(_FIND_ONE, [row_id]) for row_id in part]
            for query, wanted in queries:
                for row_id, tag, seq, slot, size_b, nonce, box_tag in self._connection.execute(query, wanted):
                    found[row_id] = _Found(Place(row_id, tag, seq), slot, size_b, nonce + box_tag)
        return found

    def _insert(self, draft: _Draft) -> None:
        """Write what is new so far."""
        if draft.new_slots:
            self._connection.executemany("INSERT INTO slot VALUES (?, ?)", draft.new_slots)
            draft.new_slots.clear()
        if draft.new_places:
            self._connection.executemany("INSERT INTO place VALUES (?, ?, ?, ?)", draft.new_places)
            draft.new_places.clear()

    def _put(self, change: Put, row_id: bytes, found: _Found | None, draft: _Draft) -> None:
        if found is None:
            place = Place(row_id, self._rows.table_tag(change.table), draft.next_seq)
            box = self._rows.seal(place, change.key, change.value)
            draft.new_places.append((row_id, place.table_tag, place.seq, self._store(box, draft)))
            draft.next_seq += 1
        else:
            place = found.place
            box = self._rows.seal(place, change.key, change.value)
            self._replace(found, box, draft)
            draft.total ^= self._rows.digest(place, found.mark)
        draft.total ^= self._rows.digest(place, box[:NONCE_B] + box[-TAG_B:])

    def _replace(self, found: _Found, box: bytes, draft: _Draft) -> None:
        if len(box) == found.size_b:
            self._overwrite(found.slot, box)
            return
        slot = self._store(box, draft)
        self._connection.execute("UPDATE place SET slot = ? WHERE id = ?", (slot, found.place.row_id))
        self._blank(found, draft)

    def _store(self, box: bytes, draft: _Draft) -> int:
        """Put the box into a free slot of its size, or behind the last slot; neither moves another box
        (STO-12).
        """
        free = self._free[len(box)]
        if free:
            slot = free.pop()
            draft.taken.append((len(box), slot))
            self._overwrite(slot, box)
            return slot
        slot = draft.next_slot
        draft.new_slots.append((slot, box))
        draft.next_slot += 1
        return slot

    def _overwrite(self, slot: int, box: bytes) -> None:
        changed = self._connection.execute("UPDATE slot SET box = ? WHERE n = ?", (box, slot)).rowcount
        if changed != 1:
            raise StoreCorrupt("a slot is missing")

    def _blank(self, found: _Found, draft: _Draft) -> None:
        self._overwrite(found.slot, bytes(found.size_b))
        draft.released.append((found.size_b, found.slot))
