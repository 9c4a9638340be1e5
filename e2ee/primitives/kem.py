"""ML-KEM-768 with the 64-byte seed as private form (PRM-04, PRM-05)."""

from __future__ import annotations

from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey

from e2ee.constants import KEM_CIPHERTEXT_B, KEM_KEY_B, KEM_SEED_B
from e2ee.errors import AuthenticationError, InvalidKey
from e2ee.ids import KemPublic
from e2ee.secret import Secret


class DecapsulationKey(Secret):
    """A private key: its seed, and once it was used the library's expanded form, about three times faster
    (PRM-05, HS-12).
    """

    __slots__ = ("_expanded",)
    SIZE_B: ClassVar[int] = KEM_SEED_B

    def __init__(self, seed: bytes) -> None:
        super().__init__(seed)
        self._expanded: MLKEM768PrivateKey | None = None

    @property
    def public(self) -> KemPublic:
        """The encapsulation key, 1184 bytes; worked out at each call: to decapsulate nobody needs it."""
        return KemPublic(self._key().public_key().public_bytes_raw())

    def decapsulate(self, ciphertext: bytes) -> bytes:
        """Return the 32-byte secret; for a wrong ciphertext a pseudo-random one (PRM-05).

        Raises:
            AuthenticationError: the ciphertext is not 1088 bytes.
        """
        if len(ciphertext) != KEM_CIPHERTEXT_B:
            raise AuthenticationError
        return self._key().decapsulate(ciphertext)

    def _key(self) -> MLKEM768PrivateKey:
        if self._expanded is None:
            self._expanded = MLKEM768PrivateKey.from_seed_bytes(self.expose())
        return self._expanded


def encapsulation_key(encoded: bytes) -> KemPublic:
    """Check an encoded encapsulation key of 1184 bytes, modulus included (PRM-04).

    Raises:
        InvalidKey: wrong size, or a coefficient that is not reduced.
    """
    _load(encoded)
    return KemPublic(encoded)


def derive_public(seed: bytes) -> KemPublic:
    """Return the encapsulation key of a 64-byte seed."""
    return DecapsulationKey(seed).public


def encapsulate(encoded: bytes) -> tuple[bytes, bytes]:
    """Return (ciphertext 1088, secret 32) for a checked key, with the library's own randomness (PRM-09).

    Raises:
        InvalidKey: as `encapsulation_key`.
    """
    secret, ciphertext = _load(encoded).encapsulate()
    return ciphertext, secret


def _load(encoded: bytes) -> MLKEM768PublicKey:
    if len(encoded) != KEM_KEY_B:
        raise InvalidKey("not an ML-KEM-768 encapsulation key")
    try:
        return MLKEM768PublicKey.from_public_bytes(encoded)
    except ValueError:
        raise InvalidKey("not an ML-KEM-768 encapsulation key") from None
