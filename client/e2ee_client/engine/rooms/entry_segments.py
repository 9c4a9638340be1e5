"""Entries of one room as they came, several to a row, and the pages that say where each stands (STO-30).

entry_segment  room | segment 4 -> up to 16 of: content id 16 | record size 4 | body size 4 | record | body
entry_index    room | page 4    -> up to 128 of: content id 16 | segment 4
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from e2ee.constants import CONTENT_ID_B
from e2ee.rooms.entry import RoomId
from e2ee_client.engine.ports import RowReader
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import StoreCorrupt
from e2ee_client.rows import Put

SEGMENTS: Final = "entry_segment"
INDEX: Final = "entry_index"
SEGMENT_ENTRIES: Final = 16
SEGMENT_B: Final = 8_192
"""A segment that has grown to this takes no other entry: to add one, all of it is sealed anew."""
INDEX_ENTRIES: Final = 128
_HELD_AT_ONCE: Final = 64
_HEAD: Final = struct.Struct(f">{CONTENT_ID_B}sII")
_ITEM_B: Final = CONTENT_ID_B + 4


class Kept(NamedTuple):
    """One entry of a segment: its record, and its body where that is here."""

    content_id: bytes
    record: bytes
    body: bytes | None


class EntrySegments:
    """The entries of one room by content id; in memory is only the index."""

    def __init__(self, rows: RowReader, room_id: RoomId) -> None:
        self._rows = rows
        self._room_id = room_id
        self._pages: list[bytes] | None = None

    def find(self, turn: Turn, content_id: bytes) -> Kept | None:
        """Return an entry; None if it is not here."""
        number = self._segment_of(turn, content_id)
        return None if number is None else _one_of(self._read(turn, number), content_id)

    def each(self, turn: Turn, content_ids: Iterable[bytes]) -> Iterator[Kept | None]:
        """Yield entries in this order; a segment is read once for all of its entries that are near. Nothing
        may be changed meanwhile.
        """
        seen: dict[int, dict[bytes, Kept]] = {}
        for content_id in content_ids:
            number = self._segment_of(turn, content_id)
            if number is None:
                yield None
                continue
            if number not in seen:
                if len(seen) >= _HELD_AT_ONCE:
                    seen.clear()
                seen[number] = self._read(turn, number)
            yield _one_of(seen[number], content_id)

    def put(self, turn: Turn, content_id: bytes, record: bytes) -> None:
        """Store the record of an entry that is here already; its body stays as it is."""
        number, segment = self._of(turn, content_id)
        segment[content_id] = _one_of(segment, content_id)._replace(record=record)
        self._write(turn, number, segment)

    def put_body(self, turn: Turn, content_id: bytes, body: bytes | None) -> None:
        """Store the body of an entry that is here already, or erase it: no row holds it then (TRN-04)."""
        number, segment = self._of(turn, content_id)
        segment[content_id] = _one_of(segment, content_id)._replace(body=body)
        self._write(turn, number, segment)

    def add(self, turn: Turn, kept: Kept) -> None:
        """Store an entry behind those that came before it."""
        number = self._newest(turn)
        segment = {} if number is None else self._read(turn, number)
        if number is None or len(segment) >= SEGMENT_ENTRIES or _size_b(segment) >= SEGMENT_B:
            number, segment = 0 if number is None else number + 1, {}
        segment[kept.content_id] = kept
        self._write(turn, number, segment)
        self._note(turn, kept.content_id, number)

    # --- index ---

    def _index(self, turn: Turn) -> list[bytes]:
        """Return the pages of the index. They are few: a page has room for 128 entries."""
        if self._pages is None:
            pages: list[bytes] = []
            while row := turn.read(self._rows, INDEX, self._key(len(pages))):
                if len(row) % _ITEM_B:
                    raise StoreCorrupt("a stored row has another shape")
                pages.append(row)
            self._pages = pages
        return self._pages

    def _segment_of(self, turn: Turn, content_id: bytes) -> int | None:
        for page in reversed(self._index(turn)):
            at = page.find(content_id)
            while at >= 0:
                if at % _ITEM_B == 0:
                    return int.from_bytes(page[at + CONTENT_ID_B : at + _ITEM_B])
                at = page.find(content_id, at + 1)
        return None

    def _newest(self, turn: Turn) -> int | None:
        pages = self._index(turn)
        return int.from_bytes(pages[-1][-4:]) if pages else None

    def _note(self, turn: Turn, content_id: bytes, number: int) -> None:
        pages = self._index(turn)
        if not pages or len(pages[-1]) >= INDEX_ENTRIES * _ITEM_B:
            pages.append(b"")
        pages[-1] += content_id + number.to_bytes(4)
        turn.put(Put(INDEX, self._key(len(pages) - 1), pages[-1]))

    # --- segments ---

    def _of(self, turn: Turn, content_id: bytes) -> tuple[int, dict[bytes, Kept]]:
        number = self._segment_of(turn, content_id)
        if number is None:
            raise StoreCorrupt("an entry is missing")
        return number, self._read(turn, number)

    def _read(self, turn: Turn, number: int) -> dict[bytes, Kept]:
        row = turn.read(self._rows, SEGMENTS, self._key(number))
        if row is None:
            raise StoreCorrupt("a segment of entries is missing")
        return {one.content_id: one for one in decode_segment(row)}

    def _write(self, turn: Turn, number: int, segment: dict[bytes, Kept]) -> None:
        turn.put(Put(SEGMENTS, self._key(number), b"".join(map(_encoded, segment.values()))))

    def _key(self, number: int) -> bytes:
        return self._room_id + number.to_bytes(4)


def _one_of(segment: dict[bytes, Kept], content_id: bytes) -> Kept:
    found = segment.get(content_id)
    if found is None:
        raise StoreCorrupt("an entry is missing")
    return found


def _encoded(one: Kept) -> bytes:
    body = one.body or b""
    return _HEAD.pack(one.content_id, len(one.record), len(body)) + one.record + body


def decode_segment(row: bytes) -> Iterator[Kept]:
    """Yield the entries of a segment.

    Raises:
        StoreCorrupt: not a segment.
    """
    at = 0
    while at < len(row):
        if at + _HEAD.size > len(row):
            raise StoreCorrupt("a stored row has another shape")
        content_id, record_b, body_b = _HEAD.unpack_from(row, at)
        body_at = at + _HEAD.size + record_b
        at = body_at + body_b
        if at > len(row):
            raise StoreCorrupt("a stored row has another shape")
        yield Kept(content_id, row[body_at - record_b : body_at], row[body_at:at] or None)


def _size_b(segment: dict[bytes, Kept]) -> int:
    return sum(_HEAD.size + len(one.record) + len(one.body or b"") for one in segment.values())
