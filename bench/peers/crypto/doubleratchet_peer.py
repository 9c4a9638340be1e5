"""doubleratchet: the Double Ratchet in Python, with the parts that it recommends."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Sequence
from importlib.metadata import version
from typing import Any, Final

import doubleratchet
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from doubleratchet.recommended import HashFunction, aead_aes_hmac, kdf_hkdf, kdf_separate_hmacs
from doubleratchet.recommended import diffie_hellman_ratchet_curve25519 as curve25519

from .peer import TEXT_B, NotOffered, Work

_TEXT: Final = b"x" * TEXT_B
_ASSOCIATED: Final = b"a" * 64


class _RootKdf(kdf_hkdf.KDF):
    @staticmethod
    def _get_hash_function() -> HashFunction:
        return HashFunction.SHA_256

    @staticmethod
    def _get_info() -> bytes:
        return b"root"


class _ChainKdf(kdf_separate_hmacs.KDF):
    @staticmethod
    def _get_hash_function() -> HashFunction:
        return HashFunction.SHA_256


class _Aead(aead_aes_hmac.AEAD):
    @staticmethod
    def _get_hash_function() -> HashFunction:
        return HashFunction.SHA_256

    @staticmethod
    def _get_info() -> bytes:
        return b"message"


class _Ratchet(doubleratchet.DoubleRatchet):
    @staticmethod
    def _build_associated_data(associated_data: bytes, header: doubleratchet.Header) -> bytes:
        counters: tuple[int, int] = (header.sending_chain_length, header.previous_sending_chain_length)
        public: bytes = header.ratchet_pub
        return associated_data + public + b"".join(one.to_bytes(8, "big") for one in counters)


_OPTIONS: Final[dict[str, Any]] = {
    "diffie_hellman_ratchet_class": curve25519.DiffieHellmanRatchet,
    "root_chain_kdf": _RootKdf,
    "message_chain_kdf": _ChainKdf,
    "message_chain_constant": b"\x01\x02",
    "dos_protection_threshold": 1000,
    "max_num_skipped_message_keys": 1000,
    "aead": _Aead,
}


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    """Nothing in it ever waits, so it needs no event loop."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("the ratchet waits for something")


class _End:
    def __init__(self, ratchet: Any) -> None:
        self.ratchet = ratchet

    def encrypt(self, text: bytes) -> Any:
        return _run(self.ratchet.encrypt_message(text, _ASSOCIATED))

    def decrypt(self, message: Any) -> Any:
        return _run(self.ratchet.decrypt_message(message, _ASSOCIATED))

    def settle(self) -> None:
        """Each message is stored by itself."""


class _AsJson(_End):
    def encrypt(self, text: bytes) -> Any:
        sealed = super().encrypt(text)
        self.stored = json.dumps(self.ratchet.json)
        return sealed

    def decrypt(self, message: Any) -> Any:
        text = super().decrypt(message)
        self.stored = json.dumps(self.ratchet.json)
        return text


class DoubleRatchet:
    """Two ratchets that share a secret; the handshake is another library's."""

    name = "doubleratchet"
    version = version("DoubleRatchet")
    features: Final = {
        "header": "in the clear",
        "padding": "AES-CBC's",
        "post-quantum": "none",
        "handshake": "none of its own",
        "stored": "as JSON, not encrypted, in memory after every message",
    }

    def text(self) -> bytes:
        """1 KiB."""
        return _TEXT

    def pair(self, *, stored: bool) -> tuple[_End, _End]:
        """Two ends after a message each; the first one sends."""
        private = b"p" * 32
        public = X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
        secret = {"shared_secret": b"s" * 32, "associated_data": _ASSOCIATED, **_OPTIONS}
        sender, first_message = _run(
            _Ratchet.encrypt_initial_message(recipient_ratchet_pub=public, message=b"x", **secret)
        )
        receiver, _ = _run(
            _Ratchet.decrypt_initial_message(own_ratchet_priv=private, message=first_message, **secret)
        )
        ends = _AsJson if stored else _End
        first, second = ends(sender), ends(receiver)
        first.decrypt(second.encrypt(b"x"))
        second.decrypt(first.encrypt(_TEXT))
        return first, second

    def initiations(self, count: int) -> tuple[Sequence[Callable[[], Any]], Callable[[Any], Any]]:
        """There is none."""
        raise NotOffered("no handshake")

    def verification(self) -> Work:
        """There is none."""
        raise NotOffered("no bundle")

    def state_b(self) -> int:
        """Size as JSON."""
        return len(json.dumps(self.pair(stored=False)[1].ratchet.json))
