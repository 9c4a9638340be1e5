"""Which segment each entry of one room stands in: pages by the first digits of content ids (STO-30, STO-56).

entry_index  room | digits  -> up to 128 of: content id 16 | segment 4; empty where the page was split
             room | 0xff    -> newest segment 4

Content ids are hashes, so that pages fill evenly, and an entry is found in as many steps as it has digits in
common with more than 128 others.
"""

from __future__ import annotations

from typing import Final

from e2ee.constants import CONTENT_ID_B
from e2ee.rooms.entry import RoomId
from e2ee_client.engine.ports import RowReader
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import StoreCorrupt
from e2ee_client.rows import Put

INDEX: Final = "entry_index"
INDEX_ENTRIES: Final = 128
_NUMBER_B: Final = 4
_ITEM_B: Final = CONTENT_ID_B + _NUMBER_B
_NEWEST: Final = b"\xff"


class EntryIndex:
    """Content id to segment; in memory is what was read."""

    def __init__(self, rows: RowReader, room_id: RoomId) -> None:
        self._rows = rows
        self._room_id = room_id
        self._pages: dict[str, bytes | None] = {}
        self._newest: int | None = None

    def find(self, turn: Turn, content_id: bytes) -> int | None:
        """Return the segment of an entry; None if it is not here."""
        _, page = self._page_of(turn, content_id)
        at = page.find(content_id)
        while at % _ITEM_B and at >= 0:
            at = page.find(content_id, at + 1)
        return None if at < 0 else int.from_bytes(page[at + CONTENT_ID_B : at + _ITEM_B])

    def newest(self, turn: Turn) -> int | None:
        """Return the newest segment; None where nothing is here."""
        if self._newest is None:
            row = turn.read(self._rows, INDEX, self._room_id + _NEWEST)
            if row is not None and len(row) != _NUMBER_B:
                raise StoreCorrupt("a stored row has another shape")
            self._newest = None if row is None else int.from_bytes(row)
        return self._newest

    def add(self, turn: Turn, content_id: bytes, segment: int) -> None:
        """Note where an entry stands that was not here; its segment is the newest."""
        digits, page = self._page_of(turn, content_id)
        number = segment.to_bytes(_NUMBER_B)
        self._put(turn, digits, page + content_id + number)
        if segment != self.newest(turn):
            self._newest = segment
            turn.put(Put(INDEX, self._room_id + _NEWEST, number))

    def _page_of(self, turn: Turn, content_id: bytes) -> tuple[str, bytes]:
        """Return the page on which an entry stands, or would stand: the first that was not split."""
        digits = content_id.hex()
        for length in range(len(digits)):
            page = self._page(turn, digits[:length])
            if page != b"":
                return digits[:length], page or b""
        raise StoreCorrupt("a page of the index was split behind its last digit")

    def _page(self, turn: Turn, digits: str) -> bytes | None:
        if digits not in self._pages:
            row = turn.read(self._rows, INDEX, self._key(digits))
            if row is not None and len(row) % _ITEM_B:
                raise StoreCorrupt("a stored row has another shape")
            self._pages[digits] = row
        return self._pages[digits]

    def _put(self, turn: Turn, digits: str, page: bytes) -> None:
        """Store a page; one that is full is split by the next digit, and left empty."""
        parts = dict[str, bytes]()
        if len(page) > INDEX_ENTRIES * _ITEM_B:
            for at in range(0, len(page), _ITEM_B):
                item = page[at : at + _ITEM_B]
                longer = item.hex()[: len(digits) + 1]
                parts[longer] = parts.get(longer, b"") + item
            page = b""
        self._pages[digits] = page
        turn.put(Put(INDEX, self._key(digits), page))
        for longer, part in parts.items():
            self._put(turn, longer, part)

    def _key(self, digits: str) -> bytes:
        return self._room_id + digits.encode("ascii")
