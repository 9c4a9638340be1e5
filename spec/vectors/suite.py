"""Suite SR1 a second time: chapters 03 and 04 with other libraries than the core's wherever there are two.

The core takes X25519 and Ed25519 from libsodium and ChaCha20-Poly1305 from OpenSSL; here it is the other way
round, HKDF is a library's instead of our own, and CBOR is encoded by hand. ML-KEM-768 has one library only.
Nothing of `e2ee` is imported in this folder: vectors and core agree only if both follow the chapters.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl.bindings import crypto_aead_chacha20poly1305_ietf_encrypt as chacha20_poly1305

Value: TypeAlias = "int | bytes | str | bool | Sequence[Value] | Mapping[int, Value] | None"

NOW_MS: Final = 1_764_000_000_000
DAY_MS: Final = 86_400_000
BODY_CLASSES_B: Final = (512, 1024, 2048, 4096)
FIRST_BODY_B: Final = 1882
FRAGMENT_B: Final = 272
IDENTITY_B: Final = 960


def draw(name: str, size_b: int) -> bytes:
    """Scripted randomness: SHAKE-256 of a name, so that every value stays when another one is added."""
    return hashlib.shake_256(b"sealroom vectors / " + name.encode()).digest(size_b)


def label(name: str) -> bytes:
    """A label, zero-padded to 16 bytes (PRM-06)."""
    return name.encode("ascii").ljust(16, b"\0")


def hash_(name: str, data: bytes) -> bytes:
    """hash(label, data) (PRM-11)."""
    return hashlib.sha256(label(name) + data).digest()


def prf(key: bytes, name: str, size_b: int, salt: bytes = bytes(16), data: bytes = b"") -> bytes:
    """prf(key, label, salt, data, size) (PRM-12)."""
    return hashlib.blake2b(data, digest_size=size_b, key=key, salt=salt, person=label(name)).digest()


def hkdf(salt: bytes, ikm: bytes, info: bytes, size_b: int) -> bytes:
    """HKDF(salt, ikm, info, length) (PRM-13)."""
    return HKDF(SHA256(), size_b, salt, info).derive(ikm)


def dh_public(private: bytes) -> bytes:
    """The X25519 public key of a private key."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def dh(private: bytes, public: bytes) -> bytes:
    """DH(private, public)."""
    return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))


def sign_public(seed: bytes) -> bytes:
    """The Ed25519 public key of a seed."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(seed: bytes, name: str, data: bytes) -> bytes:
    """sign(label, data) (PRM-11)."""
    return Ed25519PrivateKey.from_private_bytes(seed).sign(label(name) + data)


def kem_public(seed: bytes) -> bytes:
    """The ML-KEM-768 encapsulation key of a 64-byte seed."""
    return MLKEM768PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw()


def kem_decapsulate(seed: bytes, ciphertext: bytes) -> bytes:
    """decapsulate(seed, ciphertext)."""
    return MLKEM768PrivateKey.from_seed_bytes(seed).decapsulate(ciphertext)


def kem_encapsulate(seed: bytes) -> bytes:
    """A fresh ciphertext; the library takes no randomness (PRM-09)."""
    return MLKEM768PrivateKey.from_seed_bytes(seed).public_key().encapsulate()[1]


def aead(key: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """ChaCha20-Poly1305 with the zero nonce (PRM-07)."""
    return bytes(chacha20_poly1305(plaintext, associated, bytes(12), key))


def cbor(value: Value) -> bytes:
    """The deterministic encoding (WIRE-01, WIRE-02); map keys must come in order."""
    match value:
        case None:
            return b"\xf6"
        case bool():
            return b"\xf5" if value else b"\xf4"
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case bytes():
            return _head(2, len(value)) + value
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case Mapping():
            return _head(5, len(value)) + b"".join(cbor(key) + cbor(item) for key, item in value.items())
        case _:
            return _head(4, len(value)) + b"".join(cbor(item) for item in value)


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes((major << 5 | argument,))
    size = next(power for power in range(4) if argument < 1 << (8 << power))
    return bytes((major << 5 | 24 + size,)) + argument.to_bytes(1 << size, "big")


def u32(*values: int) -> bytes:
    """Unsigned integers of 32 bit, big-endian."""
    return struct.pack(f">{len(values)}I", *values)


def signed(name: str, seed: bytes, entries: Mapping[int, Value]) -> bytes:
    """A signed structure: [bytes of the map, signature]."""
    encoded = cbor(entries)
    return cbor([encoded, sign(seed, name, encoded)])


def padme(length_b: int) -> int:
    """The PADME size of a length, by the formula of WIRE-11."""
    exponent = length_b.bit_length() - 1
    kept = exponent.bit_length()
    step = 1 << (exponent - kept)
    return -(-length_b // step) * step


def body_size(length_b: int, *, first: bool) -> int:
    """The padded size of a body whose content, mark included, has this length (WIRE-11, WIRE-12)."""
    if first and length_b <= FIRST_BODY_B:
        return FIRST_BODY_B
    return next((size for size in BODY_CLASSES_B if length_b <= size), None) or padme(length_b)


def pad(plain: bytes, size_b: int) -> bytes:
    """0x80 and zero bytes up to a size."""
    return plain + b"\x80" + bytes(size_b - len(plain) - 1)
