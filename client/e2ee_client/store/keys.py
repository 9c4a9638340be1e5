"""What opens a store, and the keys behind it: passphrase or raw key -> wrapping key -> data key -> subkeys.

All keys are `Secret`s: redacted, neither copied nor pickled. Python cannot promise to wipe them from memory.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final, TypeAlias

from e2ee.primitives.kdf import prf
from e2ee.secret import Secret
from e2ee_client.errors import StoreMisuse, StoreUnavailable

from . import sodium
from .labels import ANCHOR, BLIND, ROW, STATE, SUM

MIB: Final = 1024 * 1024
MAX_PASSPHRASE_B: Final = 1024
MIN_PASSES: Final = 1
MAX_PASSES: Final = 16
MIN_MEMORY_B: Final = 8 * MIB
MAX_MEMORY_B: Final = 1024 * MIB


class RawKey(Secret):
    """A 32-byte key that the host application keeps, for example in the keyring of the operating system."""

    def __init__(self, value: bytes) -> None:
        if len(value) != self.SIZE_B:
            raise StoreMisuse(f"a raw key has {self.SIZE_B} bytes")
        super().__init__(value)


class Passphrase(Secret):
    """A passphrase, 1 to 1024 bytes as UTF-8 of its Unicode form NFC (STO-04)."""

    def __init__(self, text: str) -> None:
        try:
            value = unicodedata.normalize("NFC", text).encode()
        except UnicodeEncodeError:
            raise StoreMisuse("a passphrase is Unicode text without lone surrogates") from None
        if not 1 <= len(value) <= MAX_PASSPHRASE_B:
            raise StoreMisuse(f"a passphrase has 1 to {MAX_PASSPHRASE_B} bytes")
        self._value = value


Unlock: TypeAlias = Passphrase | RawKey


class WrappingKey(Secret):
    """Seals nothing but data keys."""


class DataKey(Secret):
    """The random root of a store's subkeys; it stays the same for the life of the store."""


class Subkey(Secret):
    """One purpose's key, derived from the data key by its label (STO-03)."""


@dataclass(frozen=True, slots=True)
class KdfProfile:
    """Argon2id's cost: 1 to 16 passes over 8 MiB to 1 GiB of memory (STO-04)."""

    passes: int
    memory_b: int

    def __post_init__(self) -> None:
        if not MIN_PASSES <= self.passes <= MAX_PASSES or not MIN_MEMORY_B <= self.memory_b <= MAX_MEMORY_B:
            raise StoreMisuse("the cost of the passphrase's derivation is out of bounds")


INTERACTIVE: Final = KdfProfile(2, 64 * MIB)
"""About 0.1 s."""
MODERATE: Final = KdfProfile(3, 256 * MIB)
"""About 1 s: for a passphrase that a person chose."""


def stretch(passphrase: Passphrase, salt: bytes, profile: KdfProfile) -> bytes:
    """Return 32 bytes of Argon2id over the passphrase (STO-04).

    Raises:
        StoreUnavailable: the machine has too little memory for the profile.
    """
    try:
        return sodium.argon2id(passphrase.expose(), salt, profile.passes, profile.memory_b)
    except sodium.NoMemory:
        raise StoreUnavailable("too little memory for the derivation of the passphrase") from None


class StoreKeys:
    """The subkeys of one data key, each by keyed BLAKE2b with its own label (STO-03)."""

    __slots__ = ("anchor", "blind", "row", "state", "sum")

    def __init__(self, data_key: DataKey) -> None:
        self.row = _subkey(data_key, ROW)
        self.blind = _subkey(data_key, BLIND)
        self.sum = _subkey(data_key, SUM)
        self.state = _subkey(data_key, STATE)
        self.anchor = _subkey(data_key, ANCHOR)

    def __repr__(self) -> str:
        return "<StoreKeys>"


def _subkey(data_key: DataKey, label: bytes) -> Subkey:
    return Subkey(prf(data_key.expose(), label, Subkey.SIZE_B))
