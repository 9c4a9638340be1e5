"""What stands under the numbers of the devices of one room, refused entries too (TRN-10).

entry_chain  room | tag 8 | page 8 -> up to 32 of: n 8 | signed 1 | hash 32 | prev 32; page = n / 32
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from e2ee.constants import HASH_B
from e2ee.rooms.entry import DeviceTag, EntryHash, RoomId
from e2ee.rooms.transcript import Held
from e2ee_client.engine.ports import RowReader
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import StoreCorrupt
from e2ee_client.rows import Put

CHAINS: Final = "entry_chain"
PAGE_NUMBERS: Final = 32
_ITEM: Final = struct.Struct(f">QB{HASH_B}s{HASH_B}s")
_NO_PREV: Final = bytes(HASH_B)
_SIGNED, _FOLLOWS = 1, 2


class _Item(NamedTuple):
    n: int
    flags: int
    hash: EntryHash
    prev: EntryHash


class EntryChains:
    """(device, n) to hash, hash before it, and whether it is signed."""

    def __init__(self, rows: RowReader, room_id: RoomId) -> None:
        self._rows = rows
        self._room_id = room_id

    def held(self, turn: Turn, tag: DeviceTag, n: int) -> Held | None:
        """Return what stands under a number of a device."""
        if n < 0:
            return None
        for one in self._page(turn, self._key(tag, n)):
            if one.n == n:
                prev = one.prev if one.flags & _FOLLOWS else None
                return Held(one.hash, prev, bool(one.flags & _SIGNED))
        return None

    def put(self, turn: Turn, tag: DeviceTag, n: int, held: Held) -> None:
        """Store what stands under a number; what stood there before is replaced."""
        key = self._key(tag, n)
        flags = (_SIGNED if held.signed else 0) | (0 if held.prev is None else _FOLLOWS)
        items = [one for one in self._page(turn, key) if one.n != n]
        items.append(_Item(n, flags, held.hash, EntryHash(held.prev or _NO_PREV)))
        turn.put(Put(CHAINS, key, b"".join(_ITEM.pack(*one) for one in items)))

    def _page(self, turn: Turn, key: bytes) -> list[_Item]:
        row = turn.read(self._rows, CHAINS, key) or b""
        if len(row) % _ITEM.size:
            raise StoreCorrupt("a stored row has another shape")
        return [_Item._make(one) for one in _ITEM.iter_unpack(row)]

    def _key(self, tag: DeviceTag, n: int) -> bytes:
        return self._room_id + tag + (n // PAGE_NUMBERS).to_bytes(8)
