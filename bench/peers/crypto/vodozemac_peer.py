"""vodozemac: Olm in Rust, by its bindings for Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, Final

import vodozemac as vz

from .peer import TEXT_B, Work

_TEXT: Final = b"x" * TEXT_B
_PICKLE_KEY: Final = bytes(32)


class _End:
    def __init__(self, session: Any) -> None:
        self.session = session

    def encrypt(self, text: bytes) -> tuple[int, bytes]:
        sealed: tuple[int, bytes] = self.session.encrypt(text).to_parts()
        return sealed

    def decrypt(self, message: tuple[int, bytes]) -> Any:
        return self.session.decrypt(vz.AnyOlmMessage.from_parts(*message))

    def settle(self) -> None:
        """Each message is stored by itself."""


class _Pickled(_End):
    def __init__(self, session: Any) -> None:
        super().__init__(session)
        self.stored = ""

    def encrypt(self, text: bytes) -> tuple[int, bytes]:
        sealed = super().encrypt(text)
        self.stored = self.session.pickle(_PICKLE_KEY)
        return sealed

    def decrypt(self, message: tuple[int, bytes]) -> Any:
        text = super().decrypt(message)
        self.stored = self.session.pickle(_PICKLE_KEY)
        return text


class Vodozemac:
    """Olm sessions between two accounts."""

    name = "vodozemac"
    version = version("vodozemac")
    features: Final = {
        "header": "in the clear",
        "padding": "none",
        "post-quantum": "none",
        "handshake": "3DH (X25519)",
        "stored": "pickled and encrypted in memory after every message",
    }

    def text(self) -> bytes:
        """1 KiB."""
        return _TEXT

    def pair(self, *, stored: bool) -> tuple[_End, _End]:
        """Two ends after a first flight and an answer; the initiator sends."""
        (one,), respond = self.initiations(1)
        sender, flight = one()
        receiver = respond((sender, flight))
        sender.decrypt(vz.AnyOlmMessage.from_parts(*receiver.encrypt(b"x").to_parts()))
        ends = _Pickled if stored else _End
        first, second = ends(sender), ends(receiver)
        second.decrypt(first.encrypt(_TEXT))
        return first, second

    def initiations(self, count: int) -> tuple[Sequence[Callable[[], Any]], Callable[[Any], Any]]:
        """Outbound sessions to `count` one-time keys, and the inbound session of a flight."""
        alice, bob = vz.Account(), vz.Account()
        bob.generate_one_time_keys(count)
        ours, theirs = alice.curve25519_key, bob.curve25519_key

        def initiate(one_time_key: Any) -> tuple[Any, tuple[int, bytes]]:
            session = alice.create_outbound_session(theirs, one_time_key)
            return session, session.encrypt(_TEXT).to_parts()

        def respond(made: tuple[Any, tuple[int, bytes]]) -> Any:
            flight = vz.AnyOlmMessage.from_parts(*made[1]).to_pre_key()
            return bob.create_inbound_session(ours, flight)[0]

        keys = list(bob.one_time_keys.values())
        return [lambda key=key: initiate(key) for key in keys], respond

    def verification(self) -> Work:
        """The two signatures of Matrix: over the device's keys and over the one-time key."""
        bob = vz.Account()
        signed = [(text, bob.sign(text)) for text in (b"k" * 300, b"k" * 100)]
        return lambda: [bob.ed25519_key.verify_signature(*one) for one in signed]

    def state_b(self) -> int:
        """Size of the pickle."""
        return len(self.pair(stored=False)[1].session.pickle(_PICKLE_KEY))
