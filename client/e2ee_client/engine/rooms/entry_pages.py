"""Pages on which the entries of one room stand in order (TRN-16).

entry_page   room | page 4 -> up to 128 of: k 8 | hash 32 | unread 1; page 2^32 - 1: where each page begins
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
_ITEM_B: Final = _K_B + HASH_B + 1


class Sorted(NamedTuple):
    """Where an entry stands."""

    k: int
    hash: EntryHash


class EntryPages:
    """The order of one room; in memory is only where its pages begin."""

    def __init__(self, rows: RowReader, room_id: RoomId) -> None:
        self._rows = rows
        self._room_id = room_id
        self._pages: list[tuple[Sorted, int]] | None = None

    def walk(self, turn: Turn, first: Sorted | None) -> Iterator[tuple[Sorted, bool]]:
        """Yield the places from `first` on, in order, and whether each is unread."""
        pages = self.directory(turn)
        start = 0 if first is None else self.page_of(turn, first)
        for _, number in list(pages[start:]):
            for place, is_unread in self.items(turn, number):
                if first is None or place >= first:
                    yield place, is_unread

    def insert(self, turn: Turn, place: Sorted, *, is_unread: bool) -> None:
        """Put an entry into the order; at its end that touches one page."""
        pages = self.directory(turn)
        if not pages:
            pages.append((place, 0))
            self._put_directory(turn)
            self.put_page(turn, 0, [(place, is_unread)])
            return
        at = self.page_of(turn, place)
        number, items = pages[at][1], self.items(turn, pages[at][1])
        index = bisect.bisect(items, (place, False))
        is_last = at == len(pages) - 1 and index == len(items)
        if is_last and len(items) >= PAGE_ENTRIES:
            self._new_page(turn, at + 1, [(place, is_unread)])
            return
        items.insert(index, (place, is_unread))
        if len(items) > 2 * PAGE_ENTRIES:
            self._new_page(turn, at + 1, items[PAGE_ENTRIES:])
            items = items[:PAGE_ENTRIES]
        self.put_page(turn, number, items)
        self._begin(turn, at, items[0][0])

    def remove(self, turn: Turn, place: Sorted) -> bool:
        """Take an entry out of the order; whether it was unread."""
        pages = self.directory(turn)
        at = self.page_of(turn, place)
        before = self.items(turn, pages[at][1])
        items = [one for one in before if one[0] != place]
        if items:
            self.put_page(turn, pages[at][1], items)
            self._begin(turn, at, items[0][0])
        else:
            turn.delete(ORDER, self._page_key(pages[at][1]))
            del pages[at]
            self._put_directory(turn)
        return (place, True) in before

    def page_of(self, turn: Turn, place: Sorted) -> int:
        """Return the index of the page on which a place stands, or would stand."""
        firsts = self.directory(turn)
        return max(0, bisect.bisect(firsts, place, key=lambda one: one[0]) - 1)

    def directory(self, turn: Turn) -> list[tuple[Sorted, int]]:
        """Return where the pages begin, and their numbers, in order."""
        if self._pages is None:
            row = turn.read(self._rows, ORDER, self._room_id + _DIRECTORY) or b""
            size_b = _K_B + HASH_B + 4
            parts = [row[at : at + size_b] for at in range(0, len(row), size_b)]
            self._pages = [(_place(one), int.from_bytes(one[-4:], "big")) for one in parts]
        return self._pages

    def items(self, turn: Turn, number: int) -> list[tuple[Sorted, bool]]:
        """Return what stands on a page, and whether it is unread."""
        row = turn.read(self._rows, ORDER, self._page_key(number)) or b""
        if len(row) % _ITEM_B:
            raise StoreCorrupt("a stored row has another shape")
        parts = [row[at : at + _ITEM_B] for at in range(0, len(row), _ITEM_B)]
        return [(_place(one), one[-1] != 0) for one in parts]

    def put_page(self, turn: Turn, number: int, items: list[tuple[Sorted, bool]]) -> None:
        """Store a page."""
        value = b"".join(_encode(place) + bytes((is_unread,)) for place, is_unread in items)
        turn.put(Put(ORDER, self._page_key(number), value))

    def _begin(self, turn: Turn, at: int, first: Sorted) -> None:
        pages = self.directory(turn)
        if pages[at][0] != first:
            pages[at] = first, pages[at][1]
            self._put_directory(turn)

    def _new_page(self, turn: Turn, at: int, items: list[tuple[Sorted, bool]]) -> None:
        pages = self.directory(turn)
        number = max(one for _, one in pages) + 1
        pages.insert(at, (items[0][0], number))
        self.put_page(turn, number, items)
        self._put_directory(turn)

    def _put_directory(self, turn: Turn) -> None:
        key = self._room_id + _DIRECTORY
        turn.put_at_end(ORDER, key, lambda: Put(ORDER, key, self._encoded_directory()))

    def _encoded_directory(self) -> bytes:
        return b"".join(_encode(place) + number.to_bytes(4, "big") for place, number in self._pages or ())

    def _page_key(self, number: int) -> bytes:
        return self._room_id + number.to_bytes(4, "big")


def _place(part: bytes) -> Sorted:
    return Sorted(int.from_bytes(part[:_K_B], "big"), EntryHash(part[_K_B : _K_B + HASH_B]))


def _encode(place: Sorted) -> bytes:
    return place.k.to_bytes(_K_B, "big") + place.hash
