"""The envelope: what a relay carries, split into its fixed parts (WIRE-06 to WIRE-09)."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from e2ee.constants import (
    AEAD_TAG_B,
    KEM_CIPHERTEXT_B,
    KEY_B,
    KIND_FIRST_FLIGHT,
    KIND_MESSAGE,
    MAX_COUNTER,
    MAX_ENVELOPE_B,
    PREFIX_B,
    SALT_B,
    SEALED_HEADER_B,
    SEALED_IDENTITY_B,
    TAG_B,
    VERSION,
)
from e2ee.errors import AuthenticationError, DecodeError, UnsupportedVersion
from e2ee.ids import DhPublic, Tag
from e2ee.primitives import dh

from . import padding

LEAD: Final = bytes((VERSION, KIND_MESSAGE))
FIRST_LEAD: Final = bytes((VERSION, KIND_FIRST_FLIGHT))

_LEAD_B: Final = 2
_IDS: Final = struct.Struct(">III")
_PREFIX: Final = struct.Struct(f">{KEY_B}sIII{KEM_CIPHERTEXT_B}s{SEALED_IDENTITY_B}s")
_FIXED: Final = struct.Struct(f"{TAG_B}s{SALT_B}s{SEALED_HEADER_B}s")
_HEADER: Final = struct.Struct(">32sIIII")
_NO_FLAGS: Final = 0


class RawEnvelope(NamedTuple):
    """Parts of an envelope that nobody has authenticated yet.

    `ahead` is every byte before the sealed body; `prefix` is empty for kind 1.
    """

    prefix: bytes
    tag: Tag
    salt: bytes
    sealed_header: bytes
    sealed_body: bytes
    ahead: bytes


class Prefix(NamedTuple):
    """The handshake prefix of a first flight. `opk_id` is 0 if no one-time X25519 prekey was used."""

    ephemeral: DhPublic
    spk_id: int
    opk_id: int
    pqk_id: int
    ciphertext: bytes
    sealed_identity: bytes


class Header(NamedTuple):
    """What a sealed header holds."""

    ratchet_key: DhPublic
    previous_length: int
    number: int
    pq_epoch: int


def decode(encoded: bytes) -> RawEnvelope:
    """Split an envelope.

    Raises:
        UnsupportedVersion: another version or kind (WIRE-06).
        DecodeError: a size that no envelope has (WIRE-07).
    """
    if len(encoded) > MAX_ENVELOPE_B:
        raise DecodeError("not the size of an envelope")
    first = encoded.startswith(FIRST_LEAD)
    if not first and not encoded.startswith(LEAD):
        raise UnsupportedVersion("unknown version or kind of envelope")
    start = _LEAD_B + PREFIX_B if first else _LEAD_B
    body = start + _FIXED.size
    body_b = len(encoded) - body - AEAD_TAG_B
    if body_b != padding.body_class(body_b, first=first):
        raise DecodeError("not the size of an envelope")
    tag, salt, sealed_header = _FIXED.unpack_from(encoded, start)
    return RawEnvelope(encoded[_LEAD_B:start], tag, salt, sealed_header, encoded[body:], encoded[:body])


def encode_prefix(prefix: Prefix) -> bytes:
    """Return the 2108 bytes of a prefix."""
    ids = _IDS.pack(prefix.spk_id, prefix.opk_id, prefix.pqk_id)
    return prefix.ephemeral + ids + prefix.ciphertext + prefix.sealed_identity


def decode_prefix(encoded: bytes) -> Prefix:
    """Read the 2108 bytes of a prefix.

    Raises:
        DecodeError: not that size, or an SPK or PQK id of 0 (WIRE-08).
        InvalidKey: EK is not canonical (PRM-01).
    """
    if len(encoded) != PREFIX_B:
        raise DecodeError("not a handshake prefix")
    prefix = Prefix(*_PREFIX.unpack(encoded))
    if not prefix.spk_id or not prefix.pqk_id:
        raise DecodeError("a prekey id of zero")
    dh.public_key(prefix.ephemeral)
    return prefix


def encode_header(ratchet_key: DhPublic, previous_length: int, number: int, pq_epoch: int) -> bytes:
    """Return the 48 bytes of a header."""
    return _HEADER.pack(ratchet_key, previous_length, number, pq_epoch, _NO_FLAGS)


def decode_header(plain: bytes) -> Header:
    """Read 48 authenticated bytes; the key is checked by whoever uses it (PRM-01, DR-14, DR-15).

    Raises:
        AuthenticationError: a flag or counter that WIRE-09 refuses.
    """
    key, previous_length, number, pq_epoch, flags = _HEADER.unpack(plain)
    if flags != _NO_FLAGS or (previous_length | number | pq_epoch) >= MAX_COUNTER:
        raise AuthenticationError
    return Header(DhPublic(key), previous_length, number, pq_epoch)
