"""A row at rest: a sealed box of one of few sizes, bound to its place.

    box       = nonce 24 || XChaCha20-Poly1305(row key, nonce, plaintext, associated data)
    plaintext = key length 1 || value length 4 || key || value || zeros, up to the size of its class (STO-07)
    associated data = label 16 || format 2 || store id 16 || table tag 8 || row id 32 || sequence number 8
    row id    = PRF(blinding key, label, table length 1 || table || key), 32 bytes
    table tag = PRF(blinding key, label, table), 8 bytes

The database sees row ids and table tags only; the key itself stands inside the box.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from e2ee.ports import Rng
from e2ee.primitives.kdf import prf
from e2ee_client.errors import StoreCorrupt, StoreMisuse
from e2ee_client.rows import TABLES

from . import sodium
from .header import FORMAT
from .keys import StoreKeys
from .labels import BLIND, ROW, SUM

MIN_BOX_B: Final = 128
_COARSE_B: Final = 1024
MAX_KEY_B: Final = 255
MAX_VALUE_B: Final = 4 * 1024 * 1024 - 1024
ROW_ID_B: Final = 32
TABLE_TAG_B: Final = 8
SUM_B: Final = 32
MARK_B: Final = sodium.NONCE_B + sodium.TAG_B
_LENGTHS_B: Final = 5


class Place(NamedTuple):
    """Where a row stands: its blinded id, its table's tag and its sequence number."""

    row_id: bytes
    table_tag: bytes
    seq: int

    def encode(self) -> bytes:
        """Return tag, id and sequence number, 48 bytes."""
        return self.table_tag + self.row_id + self.seq.to_bytes(8)


class RowSealer:
    """Seals and opens rows, and names their places, under the subkeys of one store."""

    __slots__ = ("_keys", "_prefix", "_rng", "_tags")

    def __init__(self, keys: StoreKeys, store_id: bytes, rng: Rng) -> None:
        self._keys = keys
        self._rng = rng
        self._prefix = ROW + FORMAT.to_bytes(2) + store_id
        blind = keys.blind.expose()
        self._tags = {table: prf(blind, BLIND, TABLE_TAG_B, data=table.encode()) for table in TABLES}

    def __repr__(self) -> str:
        return "<RowSealer>"

    def table_tag(self, table: str) -> bytes:
        """Return the 8-byte tag of a table.

        Raises:
            StoreMisuse: no such table (STO-08).
        """
        tag = self._tags.get(table)
        if tag is None:
            raise StoreMisuse("no such table")
        return tag

    def row_id(self, table: str, key: bytes) -> bytes:
        """Return the blinded id of a row, 32 bytes (STO-06).

        Raises:
            StoreMisuse: no such table, or a key of more than 255 bytes (STO-08).
        """
        if table not in self._tags:
            raise StoreMisuse("no such table")
        if len(key) > MAX_KEY_B:
            raise StoreMisuse(f"a row's key has at most {MAX_KEY_B} bytes")
        name = table.encode()
        return prf(self._keys.blind.expose(), BLIND, ROW_ID_B, data=bytes((len(name),)) + name + key)

    def seal(self, place: Place, key: bytes, value: bytes) -> bytes:
        """Return the box: a size of its class, with a fresh random nonce (STO-01, STO-07).

        Raises:
            StoreMisuse: the value is too long (STO-08).
        """
        if len(value) > MAX_VALUE_B:
            raise StoreMisuse(f"a row's value has at most {MAX_VALUE_B} bytes")
        content = bytes((len(key),)) + len(value).to_bytes(4) + key + value
        plaintext = content.ljust(_box_size(len(content)) - MARK_B, b"\0")
        nonce = self._rng(sodium.NONCE_B)
        return nonce + sodium.seal(self._keys.row.expose(), nonce, plaintext, self._prefix + place.encode())

    def open_(self, place: Place, box: bytes) -> tuple[bytes, bytes]:
        """Return key and value of a row (STO-02).

        Raises:
            StoreCorrupt: the box was changed, or does not belong at this place of this store.
        """
        nonce, ciphertext = box[: sodium.NONCE_B], box[sodium.NONCE_B :]
        try:
            plaintext = sodium.open_(
                self._keys.row.expose(), nonce, ciphertext, self._prefix + place.encode()
            )
        except sodium.DoesNotOpen:
            raise StoreCorrupt("a row does not open at its place") from None
        key_end = _LENGTHS_B + plaintext[0]
        value_end = key_end + int.from_bytes(plaintext[1:_LENGTHS_B])
        return plaintext[_LENGTHS_B:key_end], plaintext[key_end:value_end]

    def digest(self, place: Place, mark: bytes) -> int:
        """Return the row's share of the sum over all rows, from the box's nonce and tag (STO-10)."""
        return int.from_bytes(prf(self._keys.sum.expose(), SUM, SUM_B, data=place.encode() + mark))


def _box_size(content_b: int) -> int:
    """The smallest size of a box that holds the content, nonce and tag (STO-07)."""
    size_b = content_b + MARK_B
    power_b = 1 << (size_b - 1).bit_length()
    if power_b <= _COARSE_B:
        return max(MIN_BOX_B, power_b)
    return -(-size_b // (power_b // 8)) * (power_b // 8)
