"""Ed25519, with libsodium's set of accepted signatures (PRM-03)."""

from __future__ import annotations

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import CryptoError

from e2ee.constants import KEY_B, SIGNATURE_B
from e2ee.errors import BadSignature, InvalidArgument
from e2ee.ids import SignPublic


def derive_public(seed: bytes) -> SignPublic:
    """Return the public key of a 32-byte seed."""
    return SignPublic(_key_pair(seed)[0])


def sign(seed: bytes, message: bytes) -> bytes:
    """Return the 64-byte signature over `message`, which starts with a label (PRM-11)."""
    return crypto_sign(message, _key_pair(seed)[1])[:SIGNATURE_B]


def verify(public: bytes, message: bytes, signature: bytes) -> None:
    """Return if the signature verifies.

    Raises:
        BadSignature: wrong size, or not in the set that libsodium accepts.
    """
    if len(public) != KEY_B or len(signature) != SIGNATURE_B:
        raise BadSignature("the signature does not verify")
    try:
        crypto_sign_open(signature + message, public)
    except CryptoError:
        raise BadSignature("the signature does not verify") from None


def _key_pair(seed: bytes) -> tuple[bytes, bytes]:
    if len(seed) != KEY_B:
        raise InvalidArgument("an Ed25519 seed has 32 bytes")
    return crypto_sign_seed_keypair(seed)
