"""Keys under which the bodies of entries stand in the rows of one room (STO-50 to STO-52).

entry_key  room | first segment 4 -> month 4 | key 32; of the entries of one month, in at most 16 segments
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from e2ee.constants import KEY_B
from e2ee.errors import AuthenticationError
from e2ee.labels import LABEL_B
from e2ee.ports import Rng
from e2ee.primitives import aead
from e2ee.primitives.kdf import prf
from e2ee.rooms.entry import RoomId
from e2ee_client.engine.ports import RowReader
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import StoreCorrupt
from e2ee_client.rows import Put

KEYS: Final = "entry_key"
KEY_SEGMENTS: Final = 16
MONTH_MS: Final = 30 * 86_400_000
_STALE: Final = 2**32 - 1
_ROW: Final = struct.Struct(f">I{KEY_B}s")
_LABEL: Final = b"SR1-store-body".ljust(LABEL_B, b"\0")


class MonthKey(NamedTuple):
    """A key of a room and month; it seals a body of each content id once."""

    month: int
    key: bytes

    def __repr__(self) -> str:
        return f"<MonthKey {self.month}>"

    @property
    def is_stale(self) -> bool:
        """Whether a store that was set back has had it before (STO-52)."""
        return self.month == _STALE

    def seal(self, room_id: RoomId, content_id: bytes, body: bytes) -> bytes:
        """Return a body as it stands in a row."""
        return aead.seal(prf(self.key, _LABEL, KEY_B, data=content_id), body, room_id + content_id)

    def open_(self, room_id: RoomId, content_id: bytes, sealed: bytes) -> bytes:
        """Return a body.

        Raises:
            StoreCorrupt: it does not open.
        """
        try:
            return aead.open_(prf(self.key, _LABEL, KEY_B, data=content_id), sealed, room_id + content_id)
        except AuthenticationError:
            raise StoreCorrupt("a body does not open under the key of its month") from None


class EntryKeys:
    """The keys of one room by number: that of the first segment which has it."""

    def __init__(self, rows: RowReader, room_id: RoomId, rng: Rng) -> None:
        self._rows = rows
        self._room_id = room_id
        self._rng = rng

    def get(self, turn: Turn, number: int) -> MonthKey | None:
        """Return a key; None where it was destroyed."""
        row = turn.read(self._rows, KEYS, self._key(number))
        if row is None:
            return None
        if len(row) != _ROW.size:
            raise StoreCorrupt("a stored row has another shape")
        return MonthKey._make(_ROW.unpack(row))

    def number_for(self, turn: Turn, segment: int, before: int | None) -> int:
        """Return the number of the key of a new segment: that of the segment before it, or a new one."""
        is_near = before is not None and segment - before < KEY_SEGMENTS
        if before is not None and is_near and self.is_of_now(turn, before):
            return before
        self.make(turn, segment)
        return segment

    def is_of_now(self, turn: Turn, number: int) -> bool:
        """Whether a key takes what comes now: it is here, and of this month."""
        known = self.get(turn, number)
        return known is not None and known.month == month_of(turn.now_ms)

    def is_stale(self, turn: Turn, number: int) -> bool:
        """Whether a key is here that a store which was set back has had before (STO-52)."""
        known = self.get(turn, number)
        return known is not None and known.is_stale

    def make(self, turn: Turn, number: int) -> MonthKey:
        """Put a fresh key in the place of what stood there: what was sealed under that opens no more."""
        known = self.get(turn, number)
        month = month_of(turn.now_ms) if known is None or known.is_stale else known.month
        made = MonthKey(month, self._rng(KEY_B))
        turn.put(Put(KEYS, self._key(number), _ROW.pack(*made)))
        return made

    def destroy(self, turn: Turn, number: int) -> None:
        """Destroy a key that no body needs any more."""
        turn.delete(KEYS, self._key(number))

    def _key(self, number: int) -> bytes:
        return self._room_id + number.to_bytes(4)


def as_stale(key: bytes, row: bytes) -> Put:
    """Return the row of a key as it stands after the store was set back: of no month (STO-52).

    Raises:
        StoreCorrupt: it is none.
    """
    if len(row) != _ROW.size:
        raise StoreCorrupt("a stored row has another shape")
    return Put(KEYS, key, _ROW.pack(_STALE, _ROW.unpack(row)[1]))


def month_of(now_ms: int) -> int:
    """Return the number of a month of 30 days since 1970."""
    return max(now_ms, 0) // MONTH_MS
