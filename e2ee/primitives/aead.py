"""ChaCha20-Poly1305 with the all-zero nonce: a key seals one message only (PRM-07)."""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from e2ee.errors import AuthenticationError

from ._select import native

_NONCE: Final = bytes(12)


@native("aead_seal")
def seal(key: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """Return the ciphertext, 16 bytes longer than `plaintext`. `key` is 32 bytes and never used again."""
    return ChaCha20Poly1305(key).encrypt(_NONCE, plaintext, associated)


@native("aead_open")
def open_(key: bytes, ciphertext: bytes, associated: bytes) -> bytes:
    """Return the plaintext.

    Raises:
        AuthenticationError: key, ciphertext and associated data do not fit.
    """
    try:
        return ChaCha20Poly1305(key).decrypt(_NONCE, ciphertext, associated)
    except InvalidTag:
        raise AuthenticationError from None
