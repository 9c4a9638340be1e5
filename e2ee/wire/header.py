"""The 48-byte header of a ratchet message (WIRE-09)."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from e2ee.constants import MAX_COUNTER
from e2ee.errors import AuthenticationError
from e2ee.ids import DhPublic

_LAYOUT: Final = struct.Struct(">32sIIII")
_NO_FLAGS: Final = 0


class Header(NamedTuple):
    """What a sealed header holds."""

    ratchet_key: DhPublic
    previous_length: int
    number: int
    pq_epoch: int


def encode(ratchet_key: DhPublic, previous_length: int, number: int, pq_epoch: int) -> bytes:
    """Return the 48 bytes of a header."""
    return _LAYOUT.pack(ratchet_key, previous_length, number, pq_epoch, _NO_FLAGS)


def decode(plain: bytes) -> Header:
    """Read 48 authenticated bytes; the key is checked by whoever uses it (PRM-01, DR-14, DR-15).

    Raises:
        AuthenticationError: a flag or counter that WIRE-09 refuses.
    """
    key, previous_length, number, pq_epoch, flags = _LAYOUT.unpack(plain)
    if flags != _NO_FLAGS or (previous_length | number | pq_epoch) >= MAX_COUNTER:
        raise AuthenticationError
    return Header(DhPublic(key), previous_length, number, pq_epoch)
