"""Stored rows as CBOR arrays that begin with their version (STO-08).

Rows are authenticated by the store, so a row that does not decode is a fault of the store or of a newer
program: `StoreCorrupt`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, cast

from e2ee.errors import E2eeError
from e2ee.wire import cbor
from e2ee_client.errors import StoreCorrupt

FORMAT: Final = 2
_ROW_MAX_B: Final = 4 * 1024 * 1024
"""What a store takes (STO-08): a mailbox has 70 bytes for each contact that has a token of its own."""


def pack(*values: cbor.Value) -> bytes:
    """Return the row of these values."""
    return cbor.encode([FORMAT, *values])


def unpack(row: bytes, length: int) -> Sequence[cbor.Value]:
    """Return the values of a row that has `length` of them.

    Raises:
        StoreCorrupt: another version or length.
    """
    try:
        value = cbor.decode(row, _ROW_MAX_B)
    except E2eeError:
        raise StoreCorrupt("a stored row does not decode") from None
    if not isinstance(value, list) or len(value) != length + 1 or value[0] != FORMAT:
        raise StoreCorrupt("a stored row has another version")
    return value[1:]


def octets(value: cbor.Value) -> bytes:
    """Return a byte string."""
    if not isinstance(value, bytes):
        raise StoreCorrupt("a stored row has another shape")
    return value


def number(value: cbor.Value) -> int:
    """Return an integer."""
    if not isinstance(value, int):
        raise StoreCorrupt("a stored row has another shape")
    return value


def maybe_octets(value: cbor.Value) -> bytes | None:
    """Return a byte string or None."""
    return None if value is None else octets(value)


def text(value: cbor.Value) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise StoreCorrupt("a stored row has another shape")
    return value


def maybe_text(value: cbor.Value) -> str | None:
    """Return a text or None."""
    return None if value is None else text(value)


def items(value: cbor.Value, length: int | None = None) -> Sequence[cbor.Value]:
    """Return an array, of this length if one is given."""
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise StoreCorrupt("a stored row has another shape")
    return cast("Sequence[cbor.Value]", value)


def place(key: bytes, size_b: int) -> bytes:
    """Check the size of a row's key: keys of a backup come from a file (STO-26)."""
    if len(key) != size_b:
        raise StoreCorrupt("a stored row has another place")
    return key


@contextmanager
def stored_parts() -> Iterator[None]:
    """Report whatever the core refuses in a part of a row as a fault of the store, not of a peer."""
    try:
        yield
    except E2eeError:
        raise StoreCorrupt("a part of a stored row does not fit") from None
