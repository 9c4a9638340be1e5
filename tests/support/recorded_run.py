"""A conversation with everything recorded that a thief could have.

The envelopes are what anybody on the network has. The states are copied for a theft. `Broken` answers for a
thief who can break Diffie-Hellman or ML-KEM, and is the only way to a secret that was not stolen.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from parties import NOW_MS, Party, ScriptedRng, open_

from e2ee import session as sessions
from e2ee.constants import IDENTITY_B
from e2ee.handshake import hedged_ephemeral
from e2ee.identity import encode_identity
from e2ee.prekeys import VerifiedBundle
from e2ee.primitives import dh, kem
from e2ee.ratchet.kem_ratchet import Answering, Offering
from e2ee.ratchet.state import Sending
from e2ee.secret import DhPrivateKey
from e2ee.session import Sealed, Session
from e2ee.wire import padding

Pattern: TypeAlias = Sequence[tuple[str, int]]
"""Who sends how many messages, over and over."""

_RETURN: Final = 0.5
"""Chance that a message that was held back arrives after the next one."""

PING_PONG: Pattern = (("A", 1), ("B", 1))
BURSTS: Pattern = (("A", 5), ("B", 5))
ONE_SIDED: Pattern = (("A", 20), ("B", 1))


@dataclass
class Broken:
    """Every private key that was ever drawn, by public key, and every encapsulated secret, by ciphertext."""

    dh: dict[bytes, bytes] = field(default_factory=dict)
    kem: dict[bytes, bytes] = field(default_factory=dict)

    def note(self, drawn: bytes) -> bytes:
        """Remember a draw of 32 bytes as a private key."""
        if len(drawn) == 32:
            self.dh[dh.derive_public(drawn)] = drawn
        return drawn

    def encapsulate(self, key: bytes) -> tuple[bytes, bytes]:
        """Encapsulate and remember the secret."""
        ciphertext, secret = kem.encapsulate(key)
        self.kem[ciphertext] = secret
        return ciphertext, secret


@dataclass(frozen=True)
class Sent:
    """One message: who sent it, its envelope, and its place in the sender's ratchet."""

    sender: str
    envelope: bytes
    chain: bytes
    number: int
    pq_epoch: int


@dataclass(frozen=True)
class Moment:
    """Both sides right after message `at` of the run, and the messages that each has opened."""

    at: int
    sides: dict[str, Session]
    received: dict[str, frozenset[int]]


class Run:
    """Two parties who talk after a pattern, over a network that loses a share of the messages."""

    def __init__(self, pattern: Pattern, loss: float = 0.0, seed: int = 0, late: float = 0.0) -> None:
        self.pattern, self.loss, self.late = pattern, loss, late
        self.broken = Broken()
        self.sent: list[Sent] = []
        self.carrying = 0
        """How many messages carried a piece (PQ-05)."""
        self.moments: list[Moment] = []
        self._random = random.Random(seed)
        self._rng = ScriptedRng(f"run {seed}")
        self.alice, self.bob = Party.make("alice"), Party.make("bob")
        self._delayed: list[tuple[str, int]] = []
        self._received: dict[str, set[int]] = {"A": set(), "B": {0}}
        self._meet()

    def rng(self, size_b: int) -> bytes:
        """Draw, and let the breaker of Diffie-Hellman know."""
        return self.broken.note(self._rng(size_b))

    def _meet(self) -> None:
        for party in (self.alice, self.bob):
            for pair in (party.spk, party.opk):
                if isinstance(pair.private, DhPrivateKey):
                    self.broken.note(pair.private.expose())
            self.broken.note(party.device.dh_key.expose())
        verified = self.bob.verified()
        fresh: list[bytes] = []

        def rng(size_b: int) -> bytes:
            fresh.append(self.rng(size_b))
            return fresh[-1]

        a = sessions.initiate(
            self.alice.device, self.alice.device_list, verified, 1, NOW_MS, rng, self.broken.encapsulate
        )
        self._note_ephemeral(fresh[0], verified)
        flight = sessions.seal(a, self.alice.text("hello"), NOW_MS, self.rng, self.broken.encapsulate)
        self._record("A", flight)
        self.sides = {"A": flight.session, "B": self.bob.accept(flight.envelope).opened.session}
        self._send("B", lossless=True)

    def _note_ephemeral(self, fresh: bytes, verified: VerifiedBundle) -> None:
        """EK is hedged and therefore no draw: make its private half again (HS-13)."""
        device = self.alice.device
        identity = padding.pad(encode_identity(device.record, self.alice.device_list), IDENTITY_B)
        self.broken.note(hedged_ephemeral(device.hedge, fresh, verified, identity))

    def _record(self, sender: str, sealed: Sealed) -> None:
        ratchet = sealed.session.ratchet
        sending = ratchet.sending
        if not isinstance(sending, Sending):
            raise TypeError("a session that has just sent is not sending")
        one = Sent(sender, sealed.envelope, sending.public_key, sending.number - 1, ratchet.pq_epoch)
        self.sent.append(one)

    def talk(self, count: int) -> Run:
        """Send `count` messages after the pattern."""
        end = len(self.sent) + count
        while len(self.sent) < end:
            for sender, burst in self.pattern:
                for _ in range(burst):
                    self._send(sender)
        return self

    def _send(self, sender: str, *, lossless: bool = False) -> None:
        party = self.alice if sender == "A" else self.bob
        content = party.text(f"{len(self.sent)}", way_back=None)
        sealed = sessions.seal(self.sides[sender], content, NOW_MS, self.rng, self.broken.encapsulate)
        before = self.sides[sender].ratchet.kem
        self.sides[sender] = sealed.session
        self.carrying += sealed.session.ratchet.kem != before and isinstance(
            sealed.session.ratchet.kem, Offering | Answering
        )
        self._record(sender, sealed)
        receiver, at = "B" if sender == "A" else "A", len(self.sent) - 1
        if lossless or self._random.random() >= self.loss:
            if not lossless and self._random.random() < self.late:
                self._delayed.append((receiver, at))
            else:
                self._deliver(receiver, at)
        if self._delayed and self._random.random() < _RETURN:
            self._deliver(*self._delayed.pop(self._random.randrange(len(self._delayed))))
        received = {name: frozenset(places) for name, places in self._received.items()}
        self.moments.append(Moment(at, dict(self.sides), received))

    def _deliver(self, receiver: str, at: int) -> None:
        self.sides[receiver] = open_(self.sides[receiver], self.sent[at].envelope).session
        self._received[receiver].add(at)
