"""X25519, with canonical public keys and no all-zero output (PRM-01, PRM-02)."""

from __future__ import annotations

from typing import Final

from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base
from nacl.exceptions import CryptoError

from e2ee.constants import KEY_B
from e2ee.errors import InvalidArgument, InvalidKey
from e2ee.ids import DhPublic

from ._select import native

_P: Final = 2**255 - 19


def public_key(encoded: bytes) -> DhPublic:
    """Check an encoded u-coordinate of 32 bytes (PRM-01).

    Raises:
        InvalidKey: not 32 bytes, or not canonical (high bit set, or value not below 2^255 - 19).
    """
    if len(encoded) != KEY_B or int.from_bytes(encoded, "little") >= _P:
        raise InvalidKey("not a canonical X25519 public key")
    return DhPublic(encoded)


def derive_public(private: bytes) -> DhPublic:
    """Return the public key of a 32-byte private key.

    Raises:
        InvalidArgument: `private` is not 32 bytes.
    """
    _check_private(private)
    return DhPublic(crypto_scalarmult_base(private))


@native("dh_exchange")
def exchange(private: bytes, public: bytes) -> bytes:
    """Return the 32-byte shared secret of a private and a public key.

    Raises:
        InvalidArgument: `private` is not 32 bytes.
        InvalidKey: `public` is not canonical (PRM-01) or the output is all zero (PRM-02).
    """
    _check_private(private)
    point = public_key(public)
    try:
        shared = crypto_scalarmult(private, point)
    except (CryptoError, RuntimeError):
        # libsodium itself refuses an all-zero output; the message must not tell more.
        raise InvalidKey("X25519 public key of low order") from None
    if not any(shared):
        raise InvalidKey("X25519 public key of low order")
    return shared


def _check_private(private: bytes) -> None:
    if len(private) != KEY_B:
        raise InvalidArgument("an X25519 private key has 32 bytes")
