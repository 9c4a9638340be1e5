"""The client's only calls into libsodium: AEAD with a 24-byte nonce, Argon2id, and the chunked stream of
backups.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nacl import bindings
from nacl.exceptions import CryptoError

from e2ee.errors import AuthenticationError
from e2ee.primitives import xaead

KEY_B: Final = 32
NONCE_B: Final = 24
TAG_B: Final = 16
SALT_B: Final = 16
STREAM_HEADER_B: Final = 24
STREAM_EXTRA_B: Final = 17

_LAST: Final = bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL
_MORE: Final = bindings.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE


class DoesNotOpen(Exception):
    """Key, ciphertext and associated data do not fit; callers turn it into their own typed error."""


class NoMemory(Exception):
    """Argon2id did not get the memory that its parameters ask for."""


def seal(key: bytes, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """Return XChaCha20-Poly1305 ciphertext, 16 bytes longer than `plaintext` (STO-01)."""
    return xaead.seal(key, nonce, plaintext, associated)


def open_(key: bytes, nonce: bytes, ciphertext: bytes, associated: bytes) -> bytes:
    """Return the plaintext (STO-01).

    Raises:
        DoesNotOpen: key, nonce, ciphertext and associated data do not fit.
    """
    if len(nonce) != NONCE_B:
        raise DoesNotOpen
    try:
        return xaead.open_(key, nonce, ciphertext, associated)
    except AuthenticationError:
        raise DoesNotOpen from None


def argon2id(passphrase: bytes, salt: bytes, passes: int, memory_b: int) -> bytes:
    """Return 32 bytes of Argon2id version 1.3, one lane, with a 16-byte salt (STO-04).

    Raises:
        NoMemory: the machine has less than `memory_b` bytes to give.
    """
    try:
        return bindings.crypto_pwhash_alg(
            KEY_B, passphrase, salt, passes, memory_b, bindings.crypto_pwhash_ALG_ARGON2ID13
        )
    except CryptoError:
        raise NoMemory from None


class PushStream:
    """The sending side of a secretstream under a 32-byte key (STO-25).

    libsodium draws the stream's header itself, so the caller hands in a key that is used for this stream
    only.
    """

    __slots__ = ("_state", "header")

    def __init__(self, key: bytes) -> None:
        self._state = bindings.crypto_secretstream_xchacha20poly1305_state()
        self.header: bytes = bindings.crypto_secretstream_xchacha20poly1305_init_push(self._state, key)

    def push(self, chunk: bytes, associated: bytes, *, last: bool) -> bytes:
        """Return the sealed chunk, 17 bytes longer."""
        tag = _LAST if last else _MORE
        return bindings.crypto_secretstream_xchacha20poly1305_push(self._state, chunk, associated, tag)


def pull_all(key: bytes, header: bytes, chunks: Iterator[bytes], associated: bytes) -> Iterator[bytes]:
    """Yield the opened chunks; exactly the last one carries the final tag (STO-25).

    Raises:
        DoesNotOpen: a chunk is changed, missing, out of order or repeated, or the final tag is not at the
        end.
    """
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key)
    tag = _MORE
    for chunk in chunks:
        if tag == _LAST:
            raise DoesNotOpen
        try:
            opened, tag = bindings.crypto_secretstream_xchacha20poly1305_pull(state, chunk, associated)
        except CryptoError:
            raise DoesNotOpen from None
        yield opened
    if tag != _LAST:
        raise DoesNotOpen
