"""The header of a store: how to get from passphrase or raw key to the wrapped data key.

    offset  size  field
         0     2  format, 1
         2     1  source: 0 raw key, 1 passphrase
         3     4  Argon2id passes (0 for a raw key)
         7     8  Argon2id memory in bytes (0 for a raw key)
        15    16  salt (zero for a raw key)
        31    16  store id
        47    24  nonce
        71    48  data key, sealed under the wrapping key with bytes 0 to 46 as associated data

All integers are big-endian. Parameters are bounded before a single byte of memory is spent on them (STO-04).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from e2ee.ports import Rng
from e2ee_client.errors import StoreCorrupt, StoreMisuse, StoreTooNew, StoreWrongKey

from . import sodium
from .keys import DataKey, KdfProfile, Passphrase, RawKey, Unlock, WrappingKey, stretch
from .labels import WRAP

FORMAT: Final = 1
STORE_ID_B: Final = 16
_FIXED: Final = struct.Struct(">HBIQ16s16s")
_WRAPPED_B: Final = sodium.KEY_B + sodium.TAG_B
HEADER_B: Final = _FIXED.size + sodium.NONCE_B + _WRAPPED_B
_RAW: Final = 0
_PASSPHRASE: Final = 1


@dataclass(frozen=True, slots=True)
class Header:
    """A store's header; `profile` is None for a raw key."""

    profile: KdfProfile | None
    salt: bytes
    store_id: bytes
    nonce: bytes
    wrapped: bytes


def wrap(unlock: Unlock, data_key: DataKey, store_id: bytes, profile: KdfProfile, rng: Rng) -> Header:
    """Seal the data key under a fresh salt and nonce (STO-05)."""
    raw = isinstance(unlock, RawKey)
    salt = bytes(sodium.SALT_B) if raw else rng(sodium.SALT_B)
    blank = Header(None if raw else profile, salt, store_id, rng(sodium.NONCE_B), b"")
    key = _wrapping_key(unlock, blank)
    sealed = sodium.seal(key.expose(), blank.nonce, data_key.expose(), _associated(blank))
    return Header(blank.profile, blank.salt, blank.store_id, blank.nonce, sealed)


def unwrap(unlock: Unlock, header: Header) -> DataKey:
    """Return the data key (STO-05).

    Raises:
        StoreWrongKey: passphrase or raw key does not fit, or the header is damaged; the two look the same.
        StoreUnavailable: too little memory for the derivation.
    """
    if isinstance(unlock, RawKey) != (header.profile is None):
        kind = "a raw key" if header.profile is None else "a passphrase"
        raise StoreWrongKey(f"this store is opened by {kind}")
    key = _wrapping_key(unlock, header)
    try:
        return DataKey(sodium.open_(key.expose(), header.nonce, header.wrapped, _associated(header)))
    except sodium.DoesNotOpen:
        raise StoreWrongKey("the store does not open with this key") from None


def encode(header: Header) -> bytes:
    """Return the 119 bytes of the header."""
    return _fixed(header) + header.nonce + header.wrapped


def decode(data: bytes) -> Header:
    """Read a header (STO-04, STO-18).

    Raises:
        StoreTooNew: the format is newer.
        StoreCorrupt: wrong length, unknown source, or parameters out of bounds.
    """
    if int.from_bytes(data[:2]) > FORMAT and len(data) >= 2:
        raise StoreTooNew("the store has a newer format")
    if len(data) != HEADER_B or int.from_bytes(data[:2]) != FORMAT:
        raise StoreCorrupt("the header is damaged")
    _, source, passes, memory_b, salt, store_id = _FIXED.unpack_from(data)
    nonce_end = _FIXED.size + sodium.NONCE_B
    profile = _profile(source, passes, memory_b, salt)
    return Header(profile, salt, store_id, data[_FIXED.size : nonce_end], data[nonce_end:])


def _profile(source: int, passes: int, memory_b: int, salt: bytes) -> KdfProfile | None:
    if source == _RAW and passes == 0 and memory_b == 0 and not any(salt):
        return None
    if source != _PASSPHRASE:
        raise StoreCorrupt("the header is damaged")
    try:
        return KdfProfile(passes, memory_b)
    except StoreMisuse:
        raise StoreCorrupt("the header asks for a derivation out of bounds") from None


def _wrapping_key(unlock: Unlock, header: Header) -> WrappingKey:
    if isinstance(unlock, Passphrase) and header.profile is not None:
        return WrappingKey(stretch(unlock, header.salt, header.profile))
    return WrappingKey(unlock.expose())


def _fixed(header: Header) -> bytes:
    profile = header.profile
    source, passes, memory_b = (
        (_RAW, 0, 0) if profile is None else (_PASSPHRASE, profile.passes, profile.memory_b)
    )
    return _FIXED.pack(FORMAT, source, passes, memory_b, header.salt, header.store_id)


def _associated(header: Header) -> bytes:
    return WRAP + _fixed(header)
