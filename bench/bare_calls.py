"""The floor of a longer path: records the library calls that it makes, and makes just those again.

A call whose outcome was known already is no floor work and is left out: the same key loaded twice, or the
`dumps` by which the strict decoder checks what it has just loaded.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any, TypeAlias
from unittest.mock import patch

import cbor2
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bench.paired import Block
from e2ee.primitives import aead, dh, kdf, kem, sign
from e2ee.wire import cbor

Call = Callable[[], object]


class BareCalls:
    """Library calls in their order, each with the arguments that it had."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._seen: set[object] = set()

    def add(self, name: str, call: Call, known_by: object) -> None:
        """Keep a call unless one of the same name and arguments is kept."""
        if (name, known_by) not in self._seen:
            self._seen.add((name, known_by))
            self.calls.append(call)

    def block(self, times: int) -> Block:
        """Return all calls, `times` over."""
        calls = list(self.calls) * times

        def block() -> None:
            for call in calls:
                call()

        return block

    def forget(self) -> None:
        """Begin anew."""
        self.calls.clear()

    def taken(self) -> tuple[Call, ...]:
        """Return the calls since the last time, and begin anew."""
        taken = tuple(self.calls)
        self.forget()
        return taken

    def rng(self, size_b: int) -> bytes:
        """Draw random bytes, recording: they are never known already."""
        self.calls.append(partial(os.urandom, size_b))
        return os.urandom(size_b)

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, recording."""

        def recording(*args: Any, **kwargs: Any) -> Any:
            self.add(name, partial(function, *args, **kwargs), (args, tuple(sorted(kwargs.items()))))
            return function(*args, **kwargs)

        return recording


class _Hash:
    """A hash object is made and finished by one call."""

    def __init__(self, bare: BareCalls, name: str, make: Callable[..., Any]) -> None:
        self._bare, self._name, self._make = bare, name, make

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._bare.add(
            self._name, lambda: self._make(*args, **kwargs).digest(), (args, tuple(sorted(kwargs.items())))
        )
        return self._make(*args, **kwargs)


class _Hkdf:
    def __init__(self, bare: BareCalls, *args: Any) -> None:
        self._bare, self._args = bare, args

    def derive(self, secret: bytes) -> bytes:
        self._bare.add("HKDF", lambda: HKDF(*self._args).derive(secret), (self._args[1:], secret))
        return HKDF(*self._args).derive(secret)


class _Cipher:
    def __init__(self, bare: BareCalls, key: bytes) -> None:
        self._bare, self._key = bare, key

    def encrypt(self, *args: Any) -> bytes:
        self._bare.add("encrypt", lambda: ChaCha20Poly1305(self._key).encrypt(*args), (self._key, args))
        return ChaCha20Poly1305(self._key).encrypt(*args)

    def decrypt(self, *args: Any) -> bytes:
        self._bare.add("decrypt", lambda: ChaCha20Poly1305(self._key).decrypt(*args), (self._key, args))
        return ChaCha20Poly1305(self._key).decrypt(*args)


class _Cbor:
    """Stands in for the module: `dumps` of what was loaded before is a check of ours, no floor work."""

    CBORError = cbor2.CBORError
    CBORDecodeError = cbor2.CBORDecodeError

    def __init__(self, bare: BareCalls) -> None:
        self._bare = bare
        self._loaded: set[bytes] = set()

    def loads(self, encoded: bytes, **strict: Any) -> Any:
        self._loaded.add(encoded)
        self._bare.add("loads", partial(cbor2.loads, encoded), encoded)
        return cbor2.loads(encoded, **strict)

    def dumps(self, value: Any, **form: Any) -> bytes:
        encoded = cbor2.dumps(value, **form)
        if encoded not in self._loaded:
            self._bare.add("dumps", partial(cbor2.dumps, value, **form), encoded)
        return encoded


class _KemPublic:
    def __init__(self, bare: BareCalls, encoded: bytes) -> None:
        bare.add("KEM load", partial(MLKEM768PublicKey.from_public_bytes, encoded), encoded)
        self._bare, self._key = bare, MLKEM768PublicKey.from_public_bytes(encoded)

    def encapsulate(self) -> tuple[bytes, bytes]:
        self._bare.calls.append(self._key.encapsulate)
        return self._key.encapsulate()


class _KemPrivate:
    def __init__(self, bare: BareCalls, seed: bytes) -> None:
        bare.add("KEM seed", partial(MLKEM768PrivateKey.from_seed_bytes, seed), seed)
        self._bare, self._key, self._seed = bare, MLKEM768PrivateKey.from_seed_bytes(seed), seed

    def public_key(self) -> MLKEM768PublicKey:
        self._bare.add("KEM public", self._key.public_key, self._seed)
        return self._key.public_key()

    def decapsulate(self, ciphertext: bytes) -> bytes:
        self._bare.add("decapsulate", partial(self._key.decapsulate, ciphertext), ciphertext)
        return self._key.decapsulate(ciphertext)


_Replacements: TypeAlias = list[tuple[object, str, object]]


def _kem_replacements(bare: BareCalls) -> _Replacements:
    """Module, name and recording twin of what the core calls of ML-KEM."""
    return [
        (kem, "MLKEM768PublicKey", SimpleNamespace(from_public_bytes=partial(_KemPublic, bare))),
        (kem, "MLKEM768PrivateKey", SimpleNamespace(from_seed_bytes=partial(_KemPrivate, bare))),
    ]


def _replacements(bare: BareCalls) -> _Replacements:
    """The same for everything that the core calls."""
    plain = [
        (dh, "crypto_scalarmult"),
        (dh, "crypto_scalarmult_base"),
        (sign, "crypto_sign"),
        (sign, "crypto_sign_open"),
        (sign, "crypto_sign_seed_keypair"),
    ]
    hashes = {name: _Hash(bare, name, getattr(hashlib, name)) for name in ("sha256", "blake2b")}
    return [
        *((module, name, bare.wrap(name, getattr(module, name))) for module, name in plain),
        (kdf, "hashlib", SimpleNamespace(**hashes)),
        (kdf, "HKDF", partial(_Hkdf, bare)),
        (aead, "ChaCha20Poly1305", partial(_Cipher, bare)),
        (cbor, "cbor2", _Cbor(bare)),
        *_kem_replacements(bare),
    ]


@contextmanager
def _recording(make: Callable[[BareCalls], _Replacements]) -> Iterator[BareCalls]:
    bare = BareCalls()
    with ExitStack() as stack:
        for module, name, twin in make(bare):
            stack.enter_context(patch.object(module, name, twin))
        yield bare


def recorded() -> AbstractContextManager[BareCalls]:
    """Record every library call that the core makes inside the block."""
    return _recording(_replacements)


def recorded_kem() -> AbstractContextManager[BareCalls]:
    """Record the calls of ML-KEM only."""
    return _recording(_kem_replacements)
