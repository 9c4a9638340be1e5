"""XChaCha20-Poly1305 with a nonce of 24 bytes: what a store seals its rows with (STO-01)."""

from __future__ import annotations

from typing import Final

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from e2ee.constants import AEAD_TAG_B, KEY_B
from e2ee.errors import AuthenticationError, InvalidArgument

from ._select import native

NONCE_B: Final = 24


@native("xaead_seal")
def seal(key: bytes, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """Return the ciphertext, 16 bytes longer than `plaintext`. A nonce is used once with a key.

    Raises:
        InvalidArgument: the key is not 32 bytes, or the nonce not 24.
    """
    _check(key, nonce)
    return crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, associated, nonce, key)


@native("xaead_open")
def open_(key: bytes, nonce: bytes, ciphertext: bytes, associated: bytes) -> bytes:
    """Return the plaintext.

    Raises:
        InvalidArgument: the key is not 32 bytes, or the nonce not 24.
        AuthenticationError: key, nonce, ciphertext and associated data do not fit.
    """
    _check(key, nonce)
    if len(ciphertext) < AEAD_TAG_B:
        raise AuthenticationError
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, associated, nonce, key)
    except CryptoError:
        raise AuthenticationError from None


def _check(key: bytes, nonce: bytes) -> None:
    if len(key) != KEY_B or len(nonce) != NONCE_B:
        raise InvalidArgument("a key has 32 bytes, a nonce 24")
