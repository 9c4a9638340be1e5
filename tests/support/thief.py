"""A thief of a session's state who has all traffic: derives what chapters 07 and 09 let it derive.

Nothing of the code under test is used but the reading of the stolen state's fields. A root step is a link in
one line: each chain's header key is known two links ahead, so the thief finds the chain by its tag, opens a
header, and goes on if the Diffie-Hellman output and, where the epoch rises, the epoch secret can be had.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from recorded_run import Broken, Sent

from e2ee.primitives import dh, kem
from e2ee.ratchet.kem_ratchet import (
    Answering,
    CiphertextDue,
    Collecting,
    KemState,
    Offering,
    Pieces,
    SecretHeld,
)
from e2ee.ratchet.state import Listening, Receiving, Sending
from e2ee.session import Session

_PREFIX_B = 2108
_HEADER_END = 8 + 16 + 64


@dataclass(frozen=True)
class Powers:
    """What a thief can break."""

    dh: Broken | None = None
    kem: Broken | None = None


@dataclass(frozen=True)
class Seen:
    """An envelope taken apart."""

    at: int
    ahead: bytes
    lead: bytes
    tag: bytes
    salt: bytes
    header: bytes
    body: bytes

    @classmethod
    def of(cls, at: int, envelope: bytes) -> Seen:
        """Cut an envelope."""
        start = 2 + (_PREFIX_B if envelope[1] == 2 else 0)
        end = start + _HEADER_END
        return cls(
            at,
            envelope[:end],
            envelope[:2],
            envelope[start : start + 8],
            envelope[start + 8 : start + 24],
            envelope[start + 24 : end],
            envelope[end:],
        )


@dataclass
class Line:
    """Where the thief stands on the line of root steps: the newest step, the next two header keys."""

    root_key: bytes
    newest_public: bytes
    newest_private: bytes | None
    next_header_key: bytes
    after_header_key: bytes
    pq_epoch: int


@dataclass
class Thief:
    """Works through the traffic; `opened` are the places in the run of the messages that it reads."""

    session_id: bytes
    traffic: Mapping[bytes, Sequence[Seen]]
    powers: Powers
    opened: set[int] = field(default_factory=set)
    seeds: dict[bytes, bytes] = field(default_factory=dict)
    secrets: dict[int, bytes] = field(default_factory=dict)
    came: dict[tuple[int, int], dict[bytes, dict[int, bytes]]] = field(default_factory=dict)

    # --- chains ---

    def read_chain(self, header_key: bytes, chain_key: bytes, first: int) -> None:
        """Read every message of a chain from number `first` on."""
        numbered = {}
        for seen in self.traffic.get(prf(header_key, b"SR1-tag", 8), ()):
            plain = self.header(header_key, seen)
            if plain is not None:
                numbered[struct.unpack(">I", plain[36:40])[0]] = seen
        for number in range(first, max(numbered, default=-1) + 1):
            output = prf(chain_key, b"SR1-chain", 64)
            chain_key, message_key = output[:32], output[32:]
            if number in numbered:
                self.read(message_key, numbered[number])

    def read(self, message_key: bytes, seen: Seen) -> None:
        """Read one message, and the fragment in it."""
        key = prf(message_key, b"SR1-body-key", 32, seen.salt)
        body = opened(key, seen.body, seen.ahead + self.session_id)
        if body is None:
            raise AssertionError("a derived key does not open its message")
        self.opened.add(seen.at)
        if seen.lead[1] == 1:
            self.collect(body[:272])

    def header(self, header_key: bytes, seen: Seen) -> bytes | None:
        """Open a header."""
        key = prf(header_key, b"SR1-header-key", 32, seen.salt)
        return opened(key, seen.header, seen.lead + seen.tag + seen.salt + self.session_id)

    # --- root steps ---

    def follow(self, line: Line) -> None:
        """Take root steps as far as they go."""
        while True:
            found = self.traffic.get(prf(line.next_header_key, b"SR1-tag", 8), ())
            headers = [plain for seen in found if (plain := self.header(line.next_header_key, seen))]
            if not headers:
                return
            public, epoch = headers[0][:32], struct.unpack(">I", headers[0][40:44])[0]
            shared = self.shared(line, public)
            secret = b"" if epoch == line.pq_epoch else self.epoch_secret(epoch)
            if shared is None or secret is None:
                return
            info = b"SR1-root".ljust(16, b"\0") + struct.pack(">I", epoch)
            output = hkdf(line.root_key, shared + secret, info, 96)
            self.read_chain(line.next_header_key, output[32:64], 0)
            line.root_key, line.newest_public, line.newest_private = output[:32], public, None
            line.next_header_key, line.after_header_key = line.after_header_key, output[64:]
            line.pq_epoch = epoch

    def shared(self, line: Line, public: bytes) -> bytes | None:
        """The Diffie-Hellman output of two ratchet keys: with a stolen private key, or broken."""
        if line.newest_private is not None:
            return dh.exchange(line.newest_private, public)
        broken = self.powers.dh
        return None if broken is None else dh.exchange(broken.dh[public], line.newest_public)

    # --- epochs ---

    def take(self, state: KemState, pq_epoch: int) -> None:
        """Take what a stolen state of the KEM ratchet holds."""
        match state:
            case Offering():
                self.seeds[state.pair.public] = state.pair.expose()
                self.keep(1, pq_epoch + 1, state.key_id, dict(enumerate(pieces(state.pair.public))))
                self.keep_pieces(2, pq_epoch + 1, state.received)
            case SecretHeld() | Answering():
                self.secrets[pq_epoch + 1] = state.secret.expose()
            case Collecting():
                self.keep_pieces(1, pq_epoch + 1, state.received)
            case CiphertextDue():
                self.keep(1, pq_epoch + 1, state.key_id, dict(enumerate(pieces(state.key))))
            case _:
                pass

    def keep_pieces(self, kind: int, epoch: int, received: Pieces | None) -> None:
        """Keep what a state had collected."""
        if received is not None:
            there = {at: one for at, one in enumerate(received.data) if one is not None}
            self.keep(kind, epoch, received.id, there)

    def collect(self, block: bytes) -> None:
        """Keep the piece of an opened message."""
        if block[0]:
            epoch = struct.unpack(">I", block[4:8])[0]
            self.keep(block[0], epoch, block[8:16], {block[1]: block[16:]})

    def keep(self, kind: int, epoch: int, name: bytes, there: dict[int, bytes]) -> None:
        """Keep pieces by kind, epoch and name."""
        self.came.setdefault((kind, epoch), {}).setdefault(name, {}).update(there)

    def epoch_secret(self, epoch: int) -> bytes | None:
        """The secret of an epoch: stolen, made with a stolen seed, or broken."""
        if epoch in self.secrets:
            return self.secrets[epoch]
        for name, ciphertext in self.whole(2, epoch, 1088):
            secret = self._decapsulated(epoch, name, ciphertext)
            if secret is not None:
                return secret
        return None

    def whole(self, kind: int, epoch: int, size_b: int) -> Iterator[tuple[bytes, bytes]]:
        """Everything of an epoch that came completely, by name."""
        for name, there in self.came.get((kind, epoch), {}).items():
            if len(there) == 5:
                yield name, b"".join(there[at].ljust(256, b"\0") for at in range(5))[:size_b]

    def _decapsulated(self, epoch: int, name: bytes, ciphertext: bytes) -> bytes | None:
        for key_name, key in self.whole(1, epoch, 1184):
            if key_name[:4] == name[:4]:
                shared = self._kem_secret(key, ciphertext)
                if shared is not None:
                    bound = hashlib.sha256(key + ciphertext).digest()
                    info = b"SR1-kem-epoch".ljust(16, b"\0") + struct.pack(">I", epoch) + bound
                    return hkdf(self.session_id, shared, info, 64)[:32]
        return None

    def _kem_secret(self, key: bytes, ciphertext: bytes) -> bytes | None:
        if key in self.seeds:
            return kem.DecapsulationKey(self.seeds[key]).decapsulate(ciphertext)
        return None if self.powers.kem is None else self.powers.kem.kem.get(ciphertext)


def steal(victim: Session, traffic: Mapping[bytes, Sequence[Seen]], powers: Powers) -> set[int]:
    """Return the places of all messages that a thief of the victim's state reads."""
    ratchet = victim.ratchet
    thief = Thief(victim.id, traffic, powers)
    thief.take(ratchet.kem, ratchet.pq_epoch)
    for row in ratchet.skipped:
        for seen in thief.traffic.get(row.tag, ()):
            plain = thief.header(row.header_key.expose(), seen)
            if plain is not None and struct.unpack(">I", plain[36:40])[0] == row.number:
                thief.read(row.message_key.expose(), seen)
    if isinstance(ratchet.receiving, Receiving):
        receiving = ratchet.receiving
        thief.read_chain(receiving.header_key.expose(), receiving.chain_key.expose(), receiving.number)
    sending = ratchet.sending
    root_key, epoch = ratchet.root_key.expose(), ratchet.pq_epoch
    theirs, ours = ratchet.next_receive.header_key.expose(), sending.next_header_key.expose()
    match sending:
        case Sending():
            thief.read_chain(sending.header_key.expose(), sending.chain_key.expose(), sending.number)
            private = sending.private_key.expose()
            thief.follow(Line(root_key, sending.public_key, private, theirs, ours, epoch))
        case Listening():
            private = sending.private_key.expose()
            thief.follow(Line(root_key, dh.derive_public(private), private, theirs, ours, epoch))
        case _:
            thief.follow(Line(root_key, sending.their_key, None, ours, theirs, epoch))
    return thief.opened


def sorted_traffic(sent: Iterable[Sent]) -> dict[bytes, list[Seen]]:
    """All envelopes by tag."""
    by_tag: dict[bytes, list[Seen]] = defaultdict(list)
    for at, one in enumerate(sent):
        seen = Seen.of(at, one.envelope)
        by_tag[seen.tag].append(seen)
    return by_tag


def pieces(whole: bytes) -> list[bytes]:
    """Cut into pieces of 256 bytes."""
    return [whole[at : at + 256] for at in range(0, len(whole), 256)]


def prf(key: bytes, label: bytes, size_b: int, salt: bytes = bytes(16)) -> bytes:
    """Keyed BLAKE2b as chapter 03 says."""
    return hashlib.blake2b(digest_size=size_b, key=key, salt=salt, person=label.ljust(16, b"\0")).digest()


def hkdf(salt: bytes, ikm: bytes, info: bytes, size_b: int) -> bytes:
    """HKDF-SHA-256."""
    extracted, block, output = hmac.digest(salt, ikm, "sha256"), b"", b""
    while len(output) < size_b:
        block = hmac.digest(extracted, block + info + bytes((len(output) // 32 + 1,)), "sha256")
        output += block
    return output[:size_b]


def opened(key: bytes, sealed: bytes, associated: bytes) -> bytes | None:
    """Open with the zero nonce of chapter 03."""
    try:
        return ChaCha20Poly1305(key).decrypt(bytes(12), sealed, associated)
    except InvalidTag:
        return None
