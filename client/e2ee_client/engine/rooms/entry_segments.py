"""Entries of one room as they came, several to a row (STO-30); where each stands is in `entry_index.py`.

entry_segment  room | segment 4 -> key 4, then up to 16 of: content id 16 | record size 4 | body size 4 |
               record | body

A body is sealed under the key of the room and month that its segment names (`entry_keys.py`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from e2ee.constants import CONTENT_ID_B
from e2ee.ports import Rng
from e2ee.rooms.entry import RoomId
from e2ee_client.engine.ports import RowReader
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import StoreCorrupt
from e2ee_client.rows import Put

from .entry_index import EntryIndex
from .entry_keys import KEY_SEGMENTS, EntryKeys, MonthKey

SEGMENTS: Final = "entry_segment"
SEGMENT_ENTRIES: Final = 16
SEGMENT_B: Final = 8_192
"""A segment that has grown to this takes no other entry: to add one, all of it is sealed anew."""
_HELD_AT_ONCE: Final = 64 * SEGMENT_ENTRIES
_KEY_B: Final = 4
_HEAD: Final = struct.Struct(f">{CONTENT_ID_B}sII")


class Kept(NamedTuple):
    """One entry of a segment: its record, and its body where that is here."""

    content_id: bytes
    record: bytes
    body: bytes | None


class Sealed(NamedTuple):
    """One entry as it stands in a row: its body is sealed."""

    content_id: bytes
    record: bytes
    body: bytes | None


class Segment(NamedTuple):
    """A segment: the number of its key, and its entries by content id."""

    key: int
    entries: dict[bytes, Sealed]

    def one(self, content_id: bytes) -> Sealed:
        """Return an entry.

        Raises:
            StoreCorrupt: it is missing.
        """
        found = self.entries.get(content_id)
        if found is None:
            raise StoreCorrupt("an entry is missing")
        return found

    @property
    def size_b(self) -> int:
        """Its size in its row."""
        return sum(_HEAD.size + len(one.record) + len(one.body or b"") for one in self.entries.values())


class EntrySegments:
    """The entries of one room by content id; in memory is only what was read of the index."""

    def __init__(self, rows: RowReader, room_id: RoomId, rng: Rng) -> None:
        self._rows = rows
        self._room_id = room_id
        self._keys = EntryKeys(rows, room_id, rng)
        self._index = EntryIndex(rows, room_id)

    def find(self, turn: Turn, content_id: bytes) -> Kept | None:
        """Return an entry; None if it is not here."""
        number = self._index.find(turn, content_id)
        if number is None:
            return None
        row = self._row(turn, number)
        place = next((one for one in _places(row) if one[0] == content_id), None)
        if place is None:
            raise StoreCorrupt("an entry is missing")
        return self._opened(_sealed(row, *place), self._keys.get(turn, _key_of(row)))

    def each(self, turn: Turn, content_ids: Iterable[bytes]) -> Iterator[Kept | None]:
        """Yield entries in this order; a segment is read once for all of its entries that are near, and the
        index is asked for the first of them. Nothing may be changed meanwhile.
        """
        near: dict[bytes, tuple[Segment, MonthKey | None]] = {}
        for content_id in content_ids:
            found = near.get(content_id)
            if found is None:
                number = self._index.find(turn, content_id)
                if number is None:
                    yield None
                    continue
                if len(near) >= _HELD_AT_ONCE:
                    near.clear()
                segment = self._read(turn, number)
                found = segment, self._keys.get(turn, segment.key)
                near.update(dict.fromkeys(segment.entries, found))
            segment, key = found
            yield self._opened(segment.one(content_id), key)

    def put(self, turn: Turn, content_id: bytes, record: bytes) -> None:
        """Store the record of an entry that is here already; its body stays as it is."""
        number, segment = self._of(turn, content_id)
        segment.entries[content_id] = segment.one(content_id)._replace(record=record)
        self._write(turn, number, segment)

    def put_body(self, turn: Turn, content_id: bytes, body: bytes) -> None:
        """Store the body of an entry that is here already."""
        number, segment = self._of(turn, content_id)
        key = self._keys.get(turn, segment.key) or self._keys.make(turn, segment.key)
        sealed = key.seal(self._room_id, content_id, body)
        segment.entries[content_id] = segment.one(content_id)._replace(body=sealed)
        self._write(turn, number, segment)

    def add(self, turn: Turn, kept: Kept) -> None:
        """Store an entry behind those that came before it."""
        number = self._index.newest(turn)
        segment = None if number is None else self._read(turn, number)
        if number is None or segment is None or self._is_full(turn, segment):
            before = None if segment is None else segment.key
            number = 0 if number is None else number + 1
            segment = Segment(self._keys.number_for(turn, number, before), {})
        key, body = self._keys.get(turn, segment.key), kept.body
        if key is None and body is not None:
            key = self._keys.make(turn, segment.key)
        sealed = None if key is None or body is None else key.seal(self._room_id, kept.content_id, body)
        segment.entries[kept.content_id] = Sealed(kept.content_id, kept.record, sealed)
        self._write(turn, number, segment)
        self._index.add(turn, kept.content_id, number)

    def _is_full(self, turn: Turn, segment: Segment) -> bool:
        is_long = len(segment.entries) >= SEGMENT_ENTRIES or segment.size_b >= SEGMENT_B
        return is_long or not self._keys.is_of_now(turn, segment.key)

    # --- erasing ---

    def erase(self, turn: Turn, content_ids: Iterable[bytes]) -> None:
        """Erase bodies: no row holds them, and the keys that they were sealed under are no more (STO-51)."""
        gone = frozenset(content_ids)
        segments = {self._index.find(turn, one) for one in gone}
        numbers = {self._read(turn, one).key for one in segments if one is not None}
        for number in sorted(numbers):
            self._renew(turn, number, gone)

    def renew_stale(self, turn: Turn) -> None:
        """Put fresh keys in the place of all that a store which was set back has had before (STO-52)."""
        for number in self._key_numbers(turn):
            if self._keys.is_stale(turn, number):
                self._renew(turn, number, frozenset())

    def _key_numbers(self, turn: Turn) -> list[int]:
        """Return the numbers of all keys, the newest first; of each one segment is read, the last."""
        found, newest = list[int](), self._index.newest(turn)
        at = -1 if newest is None else newest
        while at >= 0:
            number = self._read(turn, at).key
            if number > at:
                raise StoreCorrupt("a segment of entries has the key of a later one")
            found.append(number)
            at = number - 1
        return found

    def _renew(self, turn: Turn, number: int, gone: frozenset[bytes]) -> None:
        """Seal what stays under a fresh key in the place of one; without anything to seal there is none."""
        before = self._keys.get(turn, number)
        segments = self._under(turn, number)
        stays = {
            content_id: self._body(one, before)
            for _, segment in segments
            for content_id, one in segment.entries.items()
            if content_id not in gone
        }
        after = self._keys.make(turn, number)
        for at, segment in segments:
            for content_id, one in segment.entries.items():
                body = stays.get(content_id)
                sealed = None if body is None else after.seal(self._room_id, content_id, body)
                segment.entries[content_id] = one._replace(body=sealed)
            self._write(turn, at, segment)
        if not any(one is not None for one in stays.values()):
            self._keys.destroy(turn, number)

    def _body(self, one: Sealed, key: MonthKey | None) -> bytes | None:
        """Return a body; one that a stale key does not open is gone with that key (STO-52)."""
        try:
            return self._opened(one, key).body
        except StoreCorrupt:
            if key is None or not key.is_stale:
                raise
            return None

    def _under(self, turn: Turn, number: int) -> list[tuple[int, Segment]]:
        """Return the segments of a key."""
        found: list[tuple[int, Segment]] = []
        for at in range(number, number + KEY_SEGMENTS):
            row = turn.read(self._rows, SEGMENTS, self._key(at))
            segment = None if row is None else decode_segment(row)
            if segment is None or segment.key != number:
                break
            found.append((at, segment))
        return found

    def bodies_from(self, turn: Turn, first: int) -> Iterator[tuple[int, list[Kept]]]:
        """Yield the segments from one on, each with its entries that have a body."""
        newest = self._index.newest(turn)
        for number in range(first, 0 if newest is None else newest + 1):
            segment = self._read(turn, number)
            key = self._keys.get(turn, segment.key)
            opened = [self._opened(one, key) for one in segment.entries.values()]
            yield number, [one for one in opened if one.body is not None]

    # --- segments ---

    def _of(self, turn: Turn, content_id: bytes) -> tuple[int, Segment]:
        number = self._index.find(turn, content_id)
        if number is None:
            raise StoreCorrupt("an entry is missing")
        return number, self._read(turn, number)

    def _read(self, turn: Turn, number: int) -> Segment:
        return decode_segment(self._row(turn, number))

    def _row(self, turn: Turn, number: int) -> bytes:
        row = turn.read(self._rows, SEGMENTS, self._key(number))
        if row is None:
            raise StoreCorrupt("a segment of entries is missing")
        return row

    def _write(self, turn: Turn, number: int, segment: Segment) -> None:
        items = (_encoded(one) for one in segment.entries.values())
        turn.put(Put(SEGMENTS, self._key(number), segment.key.to_bytes(4) + b"".join(items)))

    def _opened(self, one: Sealed, key: MonthKey | None) -> Kept:
        """Return an entry with its body, if the key of its month is here."""
        body = None if one.body is None or key is None else key.open_(self._room_id, one.content_id, one.body)
        return Kept(one.content_id, one.record, body)

    def _key(self, number: int) -> bytes:
        return self._room_id + number.to_bytes(4)


def _encoded(one: Sealed) -> bytes:
    body = one.body or b""
    return _HEAD.pack(one.content_id, len(one.record), len(body)) + one.record + body


def decode_segment(row: bytes) -> Segment:
    """Return a segment.

    Raises:
        StoreCorrupt: not a segment.
    """
    return Segment(_key_of(row), {place[0]: _sealed(row, *place) for place in _places(row)})


def _key_of(row: bytes) -> int:
    return int.from_bytes(row[:_KEY_B])


def _places(row: bytes) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield of each entry its content id, where its record begins, where its body does, and where that ends.

    Raises:
        StoreCorrupt: not a segment.
    """
    end = _KEY_B
    while end < len(row):
        record_at = end + _HEAD.size
        if record_at > len(row):
            raise StoreCorrupt("a stored row has another shape")
        content_id, record_b, body_b = _HEAD.unpack_from(row, end)
        body_at = record_at + record_b
        end = body_at + body_b
        if end > len(row):
            raise StoreCorrupt("a stored row has another shape")
        yield content_id, record_at, body_at, end


def _sealed(row: bytes, content_id: bytes, record_at: int, body_at: int, end: int) -> Sealed:
    return Sealed(content_id, row[record_at:body_at], row[body_at:end] or None)
