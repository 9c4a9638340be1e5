"""A backup file: one passphrase, one payload, 64 KiB chunks, and no way to cut it short unnoticed.

    offset  size  field
         0     8  magic "SR1bkup" and a line feed
         8     2  format, 1
        10     4  Argon2id passes
        14     8  Argon2id memory in bytes
        22    16  salt
        38    24  header of the stream
        62    32  check = PRF(head key, label, bytes 0 to 61)
        94     -  chunks of 64 KiB, the last one shorter or equal, each 17 bytes longer;
                  bytes 0 to 93 are their associated data

It holds account key, recovery key, contacts and history; never ratchet state and never prekeys (STO-26).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from e2ee.ports import Rng
from e2ee.primitives.kdf import equal, prf
from e2ee_client.errors import BackupCorrupt, BackupTooNew, BackupWrongKey, StoreMisuse

from . import sodium
from .keys import MODERATE, KdfProfile, Passphrase, WrappingKey, stretch
from .labels import BACKUP_BODY, BACKUP_HEAD

MAGIC: Final = b"SR1bkup\n"
FORMAT: Final = 1
CHUNK_B: Final = 64 * 1024
MAX_PAYLOAD_B: Final = 1024 * 1024 * 1024
_FIXED: Final = struct.Struct(f">{len(MAGIC)}sHIQ{sodium.SALT_B}s")
_CHECK_B: Final = 32
_SIGNED_B: Final = _FIXED.size + sodium.STREAM_HEADER_B
HEADER_B: Final = _SIGNED_B + _CHECK_B
_SEALED_CHUNK_B: Final = CHUNK_B + sodium.STREAM_EXTRA_B


def seal(passphrase: Passphrase, payload: bytes, rng: Rng, kdf_profile: KdfProfile = MODERATE) -> bytes:
    """Return the backup file (STO-24, STO-25).

    Raises:
        StoreMisuse: the payload has more than 1 GiB.
        StoreUnavailable: too little memory for the derivation.
    """
    if len(payload) > MAX_PAYLOAD_B:
        raise StoreMisuse("the payload is too large for one backup")
    salt = rng(sodium.SALT_B)
    key = WrappingKey(stretch(passphrase, salt, kdf_profile))
    stream = sodium.PushStream(_body_key(key))
    fixed = _FIXED.pack(MAGIC, FORMAT, kdf_profile.passes, kdf_profile.memory_b, salt)
    head = fixed + stream.header
    head += _check(key, head)
    chunks = _chunks(payload, CHUNK_B) or [b""]
    sealed = [stream.push(chunk, head, last=False) for chunk in chunks[:-1]]
    return b"".join((head, *sealed, stream.push(chunks[-1], head, last=True)))


def open_(passphrase: Passphrase, data: bytes) -> bytes:
    """Return the payload.

    Raises:
        BackupWrongKey: the passphrase does not fit the header (STO-24).
        BackupTooNew: the format is newer.
        BackupCorrupt: no backup, parameters out of bounds, or chunks changed, missing, reordered or added
        (STO-25).
        StoreUnavailable: too little memory for the derivation.
    """
    salt, profile = _read_fixed(data)
    key = WrappingKey(stretch(passphrase, salt, profile))
    head = data[:HEADER_B]
    if not equal(head[_SIGNED_B:], _check(key, head[:_SIGNED_B])):
        raise BackupWrongKey("the backup does not open with this passphrase")
    return b"".join(_open_chunks(key, head, data[HEADER_B:]))


def _read_fixed(data: bytes) -> tuple[bytes, KdfProfile]:
    if len(data) < HEADER_B or data[: len(MAGIC)] != MAGIC:
        raise BackupCorrupt("the file is not a backup")
    _, format_, passes, memory_b, salt = _FIXED.unpack_from(data)
    if format_ > FORMAT:
        raise BackupTooNew("the backup has a newer format")
    if format_ != FORMAT:
        raise BackupCorrupt("the backup's header is damaged")
    try:
        return salt, KdfProfile(passes, memory_b)
    except StoreMisuse:
        raise BackupCorrupt("the backup asks for a derivation out of bounds") from None


def _open_chunks(key: WrappingKey, head: bytes, body: bytes) -> Iterator[bytes]:
    stream_header = head[_FIXED.size : _SIGNED_B]
    chunks = iter(_chunks(body, _SEALED_CHUNK_B))
    try:
        yield from sodium.pull_all(_body_key(key), stream_header, chunks, head)
    except sodium.DoesNotOpen:
        raise BackupCorrupt("the backup is damaged or cut short") from None


def _chunks(data: bytes, size_b: int) -> list[bytes]:
    return [data[start : start + size_b] for start in range(0, len(data), size_b)]


def _body_key(key: WrappingKey) -> bytes:
    return prf(key.expose(), BACKUP_BODY, sodium.KEY_B)


def _check(key: WrappingKey, signed: bytes) -> bytes:
    return prf(key.expose(), BACKUP_HEAD, _CHECK_B, data=signed)
