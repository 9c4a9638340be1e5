"""python-olm: libolm in C, by cffi."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, Final

import olm

from .peer import TEXT_B, Work

_TEXT: Final = "x" * TEXT_B


class _End:
    def __init__(self, session: Any) -> None:
        self.session = session

    def encrypt(self, text: str) -> Any:
        return self.session.encrypt(text)

    def decrypt(self, message: Any) -> Any:
        return self.session.decrypt(message)

    def settle(self) -> None:
        """Each message is stored by itself."""


class _Pickled(_End):
    def encrypt(self, text: str) -> Any:
        sealed = super().encrypt(text)
        self.stored = self.session.pickle()
        return sealed

    def decrypt(self, message: Any) -> Any:
        text = super().decrypt(message)
        self.stored = self.session.pickle()
        return text


class Olm:
    """Olm sessions between two accounts."""

    name = "python-olm"
    version = version("python-olm")
    features: Final = {
        "header": "in the clear",
        "padding": "none",
        "post-quantum": "none",
        "handshake": "3DH (X25519)",
        "stored": "pickled in memory after every message",
    }

    def text(self) -> str:
        """1 KiB."""
        return _TEXT

    def pair(self, *, stored: bool) -> tuple[_End, _End]:
        """Two ends after a first flight and an answer; the initiator sends."""
        (one,), respond = self.initiations(1)
        sender, flight = one()
        receiver = respond((sender, flight))
        sender.decrypt(receiver.encrypt("x"))
        ends = _Pickled if stored else _End
        first, second = ends(sender), ends(receiver)
        second.decrypt(first.encrypt(_TEXT))
        return first, second

    def initiations(self, count: int) -> tuple[Sequence[Callable[[], Any]], Callable[[Any], Any]]:
        """Outbound sessions to `count` one-time keys, and the inbound session of a flight."""
        alice, bob = olm.Account(), olm.Account()
        bob.generate_one_time_keys(count)
        ours, theirs = alice.identity_keys["curve25519"], bob.identity_keys["curve25519"]

        def initiate(one_time_key: str) -> tuple[Any, Any]:
            session = olm.OutboundSession(alice, theirs, one_time_key)
            return session, session.encrypt(_TEXT)

        def respond(made: tuple[Any, Any]) -> Any:
            session = olm.InboundSession(bob, made[1], ours)
            bob.remove_one_time_keys(session)
            session.decrypt(made[1])
            return session

        keys = list(bob.one_time_keys["curve25519"].values())
        return [lambda key=key: initiate(key) for key in keys], respond

    def verification(self) -> Work:
        """The two signatures of Matrix: over the device's keys and over the one-time key."""
        bob = olm.Account()
        key = bob.identity_keys["ed25519"]
        signed = [(text, bob.sign(text)) for text in ("k" * 300, "k" * 100)]
        return lambda: [olm.ed25519_verify(key, *one) for one in signed]

    def state_b(self) -> int:
        """Size of the pickle."""
        return len(self.pair(stored=False)[1].session.pickle())
