"""Pages on which the entries of one room stand in order (TRN-16).

entry_page   room | page 4 -> up to 128 of: k 8 | hash 32 | unread 1; page 2^32 - 1: where each page begins,
                           in order: k 8 | hash 32 | page 4
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import Final, NamedTuple

from e2ee.constants import HASH_B
from e2ee.rooms.entry import EntryHash, RoomId
from e2ee_client.engine.ports import RowReader
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import StoreCorrupt
from e2ee_client.rows import Put

ORDER: Final = "entry_page"
PAGE_ENTRIES: Final = 64
_DIRECTORY: Final = b"\xff\xff\xff\xff"
_K_B: Final = 8
_NUMBER_B: Final = 4
_PLACE_B: Final = _K_B + HASH_B
_ITEM_B: Final = _PLACE_B + 1
_BEGIN_B: Final = _PLACE_B + _NUMBER_B


class Sorted(NamedTuple):
    """Where an entry stands."""

    k: int
    hash: EntryHash


class EntryPages:
    """The order of one room; in memory is only where its pages begin, as it is stored."""

    def __init__(self, rows: RowReader, room_id: RoomId) -> None:
        self._rows = rows
        self._room_id = room_id
        self._begins: bytes | None = None

    def walk(self, turn: Turn, first: Sorted | None) -> Iterator[tuple[Sorted, bool]]:
        """Yield the places from `first` on, in order, and whether each is unread."""
        start = 0 if first is None else self.page_of(turn, first)
        for number in [self._number(turn, at) for at in range(start, self.count(turn))]:
            for place, is_unread in self._items(turn, number):
                if first is None or place >= first:
                    yield place, is_unread

    def insert(self, turn: Turn, place: Sorted, *, is_unread: bool) -> None:
        """Put an entry into the order; at its end that touches one page."""
        count = self.count(turn)
        if not count:
            self._new_page(turn, 0, [(place, is_unread)])
            return
        at = self.page_of(turn, place)
        items = self.items(turn, at)
        index = bisect.bisect(items, (place, False))
        is_last = at == count - 1 and index == len(items)
        if is_last and len(items) >= PAGE_ENTRIES:
            self._new_page(turn, at + 1, [(place, is_unread)])
            return
        items.insert(index, (place, is_unread))
        if len(items) > 2 * PAGE_ENTRIES:
            self._new_page(turn, at + 1, items[PAGE_ENTRIES:])
            items = items[:PAGE_ENTRIES]
        self.put_page(turn, at, items)

    def remove(self, turn: Turn, place: Sorted) -> bool:
        """Take an entry out of the order; whether it was unread."""
        at = self.page_of(turn, place)
        before = self.items(turn, at)
        items = [one for one in before if one[0] != place]
        if items:
            self.put_page(turn, at, items)
        else:
            turn.delete(ORDER, self._page_key(self._number(turn, at)))
            self._replace(turn, at, at + 1, b"")
        return (place, True) in before

    def count(self, turn: Turn) -> int:
        """Return how many pages there are."""
        return len(self._directory(turn)) // _BEGIN_B

    def page_of(self, turn: Turn, place: Sorted) -> int:
        """Return which page a place stands on, or would stand on."""
        begins, sought = self._directory(turn), _encode(place)
        places = range(0, len(begins), _BEGIN_B)
        return max(0, bisect.bisect(places, sought, key=lambda at: begins[at : at + _PLACE_B]) - 1)

    def items(self, turn: Turn, at: int) -> list[tuple[Sorted, bool]]:
        """Return what stands on a page, and whether it is unread."""
        return self._items(turn, self._number(turn, at))

    def put_page(self, turn: Turn, at: int, items: list[tuple[Sorted, bool]]) -> None:
        """Store a page, and where it begins if that has changed."""
        number, begins = self._number(turn, at), _encode(items[0][0])
        self._put(turn, number, items)
        if not self._directory(turn).startswith(begins, at * _BEGIN_B):
            self._replace(turn, at, at + 1, begins + number.to_bytes(_NUMBER_B))

    def _items(self, turn: Turn, number: int) -> list[tuple[Sorted, bool]]:
        row = turn.read(self._rows, ORDER, self._page_key(number)) or b""
        if len(row) % _ITEM_B:
            raise StoreCorrupt("a stored row has another shape")
        parts = [row[at : at + _ITEM_B] for at in range(0, len(row), _ITEM_B)]
        return [(_place(one), one[-1] != 0) for one in parts]

    def _put(self, turn: Turn, number: int, items: list[tuple[Sorted, bool]]) -> None:
        value = b"".join(_encode(place) + bytes((is_unread,)) for place, is_unread in items)
        turn.put(Put(ORDER, self._page_key(number), value))

    def _new_page(self, turn: Turn, at: int, items: list[tuple[Sorted, bool]]) -> None:
        numbers = (self._number(turn, one) for one in range(self.count(turn)))
        number = max(numbers, default=-1) + 1
        self._put(turn, number, items)
        self._replace(turn, at, at, _encode(items[0][0]) + number.to_bytes(_NUMBER_B))

    # --- where the pages begin ---

    def _directory(self, turn: Turn) -> bytes:
        if self._begins is None:
            row = turn.read(self._rows, ORDER, self._room_id + _DIRECTORY) or b""
            if len(row) % _BEGIN_B:
                raise StoreCorrupt("a stored row has another shape")
            self._begins = row
        return self._begins

    def _number(self, turn: Turn, at: int) -> int:
        end = (at + 1) * _BEGIN_B
        return int.from_bytes(self._directory(turn)[end - _NUMBER_B : end])

    def _replace(self, turn: Turn, start: int, end: int, begins: bytes) -> None:
        before = self._directory(turn)
        self._begins = before[: start * _BEGIN_B] + begins + before[end * _BEGIN_B :]
        turn.put(Put(ORDER, self._room_id + _DIRECTORY, self._begins))

    def _page_key(self, number: int) -> bytes:
        return self._room_id + number.to_bytes(_NUMBER_B)


def _place(part: bytes) -> Sorted:
    return Sorted(int.from_bytes(part[:_K_B], "big"), EntryHash(part[_K_B : _K_B + HASH_B]))


def _encode(place: Sorted) -> bytes:
    """Return a place as bytes, which stand in the order of places."""
    return place.k.to_bytes(_K_B, "big") + place.hash
