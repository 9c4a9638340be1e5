"""Hash, HKDF-SHA-256 and the keyed BLAKE2b of symmetric chains (PRM-11, PRM-12, PRM-13)."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ._select import native

_NO_SALT: Final = bytes(16)


def hash_(label: bytes, data: bytes) -> bytes:
    """SHA-256 over the 16-byte label and the data (PRM-11)."""
    return hashlib.sha256(label + data).digest()


def sha256(data: bytes) -> bytes:
    """SHA-256 over data of a fixed length (PQ-03)."""
    return hashlib.sha256(data).digest()


@native("kdf_prf")
def prf(key: bytes, label: bytes, size_b: int, salt: bytes = _NO_SALT, data: bytes = b"") -> bytes:
    """Keyed BLAKE2b with `person` = label and a 16-byte `salt` (PRM-12)."""
    return hashlib.blake2b(data, digest_size=size_b, key=key, salt=salt, person=label).digest()


def hkdf(salt: bytes, ikm: bytes, info: bytes, length_b: int) -> bytes:
    """HKDF-SHA-256, extract then expand; `length_b` is at most 8160 (PRM-13)."""
    return HKDF(SHA256(), length_b, salt, info).derive(ikm)


def equal(left: bytes, right: bytes) -> bool:
    """Compare in constant time (PRM-10)."""
    return hmac.compare_digest(left, right)
