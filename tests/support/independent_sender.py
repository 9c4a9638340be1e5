"""The sending half of the reader written from the chapters alone: what a device computes and refuses.

A state to send from is a `Chain` or a `Due` beside the reader's state; chance comes in from outside.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

import independent_reader as reader
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from independent_reader import Kem, need

MAX_CONTENT_B, LAST_COUNTER = 65_536, 2**31 - 1


def public_of(private: bytes) -> bytes:
    """The X25519 public key of a private key."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def seal_with(key: bytes, plain: bytes, associated: bytes) -> bytes:
    """ChaCha20-Poly1305 with the zero nonce (PRM-07)."""
    return ChaCha20Poly1305(key).encrypt(bytes(12), plain, associated)


def padded_to(plain: bytes, size: int) -> bytes:
    """0x80 and zero bytes up to a size (WIRE-13, WIRE-15)."""
    return (plain + b"\x80").ljust(size, b"\0")


def body_of(content: bytes, block: bytes, *, under_prefix: bool) -> bytes:
    """A padded body (WIRE-10 to WIRE-14)."""
    need(len(content) <= MAX_CONTENT_B, "local.content_too_large")
    plain = content if under_prefix else block + content
    return padded_to(plain, reader.padded_size(len(plain) + 1, under_prefix=under_prefix))


# --- chapter 06 ---


@dataclass(frozen=True)
class Initiator:
    """A device that starts a session."""

    dh_private: bytes
    hedge: bytes
    record: bytes
    signed_list: bytes


@dataclass(frozen=True)
class Offered:
    """A verified bundle of B."""

    record: bytes
    dh_public: bytes
    spk: reader.Prekey
    opk: reader.Prekey | None
    pqk: reader.Prekey


@dataclass(frozen=True)
class Begun:
    """The prefix of a session and its keys."""

    prefix: bytes
    root_key: bytes
    session_id: bytes
    header_keys: tuple[bytes, bytes]


def hedged(me: Initiator, bundle: Offered, fresh: bytes, plain: bytes) -> bytes:
    """EK's private key (HS-13)."""
    opk = b"" if bundle.opk is None else bundle.opk.signed
    data = fresh + bundle.record + bundle.spk.signed + opk + bundle.pqk.signed + plain
    return reader.prf(me.hedge, "SR1-ephemeral", 32, data)


def initiate(me: Initiator, bundle: Offered, fresh: bytes, kem: tuple[bytes, bytes]) -> Begun:
    """The sender's side of the handshake, from fresh bytes and an encapsulation (chapter 06)."""
    pair = reader.head_bytes(4, 2)
    for part in (me.record, me.signed_list):
        pair += reader.head_bytes(2, len(part)) + part
    plain = padded_to(pair, 960)
    private, (ciphertext, secret) = hedged(me, bundle, fresh, plain), kem
    ek, spk, opk = public_of(private), bundle.spk, bundle.opk
    opk_signed = None if opk is None else opk.signed
    parts = [bundle.record, spk.signed, opk_signed, bundle.pqk.signed, ciphertext, ek]
    t0 = reader.digest("SR1-hs-t0", reader.transcript(parts))
    shared = reader.exchange(private, bundle.dh_public) + reader.exchange(private, spk.key)
    shared += b"" if opk is None else reader.exchange(private, opk.key)
    shared += secret
    sealed = seal_with(reader.hkdf(t0, shared, "SR1-hs-id", 32), plain, t0)
    shared += reader.exchange(me.dh_private, spk.key) + reader.exchange(me.dh_private, bundle.dh_public)
    keys = reader.hkdf(reader.digest("SR1-hs-t1", t0 + me.record), shared, "SR1-hs-keys", 128)
    ids = struct.pack(">III", spk.id, 0 if opk is None else opk.id, bundle.pqk.id)
    return Begun(ek + ids + ciphertext + sealed, keys[:32], keys[96:], (keys[32:64], keys[64:96]))


def may_repeat(not_after_ms: int, number: int, now_ms: int) -> None:
    """Whether a session that was never answered may still send (HS-04, SES-09)."""
    need(now_ms <= not_after_ms and number <= 1000, "local.session_expired")


def next_epoch(known: int, now_ms: int) -> int:
    """The epoch of the next session (SES-21)."""
    epoch = max(known + 1, now_ms // 60_000)
    need(epoch < 2**32, "local.counter_exhausted")
    return epoch


# --- chapter 07 ---


@dataclass(frozen=True)
class Due:
    """A sending step is due."""

    their_key: bytes
    next_header_key: bytes
    previous: int


@dataclass(frozen=True)
class Chain:
    """A sending chain."""

    private: bytes
    header_key: bytes
    chain_key: bytes
    number: int
    previous: int
    next_header_key: bytes


@dataclass(frozen=True)
class Draws:
    """What chance gives: a ratchet key, the seed of a KEM key, an encapsulation, 16 bytes."""

    private: bytes = b""
    seed: bytes = b""
    kem: tuple[bytes, bytes] = (b"", b"")
    fresh: bytes = b""


@dataclass(frozen=True)
class Sealed:
    """What a sender has after a message."""

    root_key: bytes
    chain: Chain
    pq_epoch: int
    kem: Kem
    envelope: bytes


def step(root_key: bytes, due: Due, private: bytes, pq_epoch: int, kem: Kem) -> tuple[bytes, Chain, int, Kem]:
    """The sending step, with the epoch that it mixes (DR-06, PQ-06, PQ-14)."""
    secret = reader.exchange(private, due.their_key)
    if kem.name == "SecretHeld":
        secret, pq_epoch, kem = secret + kem.secret, pq_epoch + 1, Kem("Collecting")
    keys = reader.hkdf(root_key, secret, "SR1-root", 96, struct.pack(">I", pq_epoch))
    chain = Chain(private, due.next_header_key, keys[32:64], 0, due.previous, keys[64:])
    return keys[:32], chain, pq_epoch, kem


def seal(
    state: reader.State, sending: Due | Chain, prefix: bytes, content: bytes, draws: Draws, now_ms: int
) -> Sealed:
    """Seal a content (DR-03 to DR-09, PQ-04, PQ-05)."""
    root_key, pq_epoch, kem, block = state.root_key, state.pq_epoch, state.kem, b""
    if isinstance(sending, Due):
        root_key, chain, pq_epoch, kem = step(root_key, sending, draws.private, pq_epoch, kem)
        used = 0
    else:
        chain, used = sending, sending.number
    need(max(chain.number, chain.previous) <= LAST_COUNTER, "local.counter_exhausted")
    if not prefix:
        received = 0 if state.receiving is None else state.receiving.number
        made = now_ms, state.finished + used + received
        kem, block = fragment(prepared(kem, pq_epoch, state.session_id, made, draws), pq_epoch)
    body = body_of(content, block, under_prefix=bool(prefix))
    header = struct.pack(">32sIIII", public_of(chain.private), chain.previous, chain.number, pq_epoch, 0)
    both = reader.prf(chain.chain_key, "SR1-chain", 64)
    lead = b"\1\2" + prefix if prefix else b"\1\1"
    envelope = message(lead, state.session_id, chain.header_key, both[32:], draws.fresh, header, body)
    chain = replace(chain, chain_key=both[:32], number=chain.number + 1)
    return Sealed(root_key, chain, pq_epoch, kem, envelope)


def message(
    lead: bytes, session_id: bytes, chain_key: bytes, key: bytes, fresh: bytes, header: bytes, body: bytes
) -> bytes:
    """An envelope from the keys of its message (DR-05, DR-07, DR-08)."""
    salt = reader.prf(key, "SR1-salt", 16, fresh + header + body)
    tag = reader.tag_of(chain_key)
    header_key = reader.prf(chain_key, "SR1-header-key", 32, salt=salt)
    ahead = lead + tag + salt + seal_with(header_key, header, lead[:2] + tag + salt + session_id)
    return ahead + seal_with(reader.prf(key, "SR1-body-key", 32, salt=salt), body, ahead + session_id)


# --- chapter 12 ---


def to_send(data: bytes) -> tuple[Due | Chain, bytes, int]:
    """Of a stored session the sending half, the prefix that it repeats, and until when (SES-14)."""
    row = reader.items(reader.decode(data), 19, 19)
    side = reader.items(row[11], 4, 8)
    prefix, end_ms = (b"", 0) if isinstance(row[6], bool) else reader.items(row[6], 2, 2)
    repeated = reader.octets(prefix), reader.uint(end_ms)
    if side[0] == 2:
        their_key, next_header_key = (reader.octets(one) for one in side[1:3])
        return Due(their_key, next_header_key, reader.uint(side[3])), *repeated
    private, _, header_key, chain_key = (reader.octets(one) for one in side[1:5])
    numbers = reader.uint(side[5]), reader.uint(side[6])
    return Chain(private, header_key, chain_key, *numbers, reader.octets(side[7])), *repeated


def seal_stored(
    state: reader.State, epoch: int, data: bytes, content: bytes, draws: Draws, now_ms: int
) -> Sealed:
    """Seal a content on a stored session; under a prefix it gets the epoch (HS-04, HS-05)."""
    sending, prefix, end_ms = to_send(data)
    if prefix:
        may_repeat(end_ms, sending.number if isinstance(sending, Chain) else 0, now_ms)
        at = content.index(b"\7\xa3")
        number = reader.head_bytes(0, epoch)
        content = bytes((content[0] + 1,)) + content[1:at] + b"\6" + number + content[at:]
    return seal(state, sending, prefix, content, draws, now_ms)


# --- chapter 09 ---


def prepared(kem: Kem, pq_epoch: int, session_id: bytes, made: tuple[int, int], draws: Draws) -> Kem:
    """What a message of kind 1 makes before it is sealed (PQ-04, PQ-15)."""
    epoch = pq_epoch + 1
    if kem.name == "KeyDue" and epoch <= LAST_COUNTER:
        key_id = reader.key_id_of(reader.kem_public(draws.seed))
        return Kem("Offering", draws.seed, key_id, made=made)
    if kem.name != "CiphertextDue":
        return kem
    text, shared = draws.kem
    secret, confirmation = reader.epoch_keys(session_id, epoch, shared, kem.message, text)
    return Kem("Answering", b"", kem.key_id, text + confirmation, secret, made)


def index_after(mark: bytes, sent: int) -> int:
    """The piece that follows after so many (PQ-05)."""
    rounds, place = divmod(sent, 5)
    if rounds == 0:
        return place
    byte = mark[rounds % 8]
    return (byte + place * (1 + byte // 5 % 4)) % 5


def fragment(kem: Kem, pq_epoch: int) -> tuple[Kem, bytes]:
    """The block of a message of kind 1, and the state after it (PQ-02, PQ-05)."""
    if kem.name == "Offering" and not kem.pieces:
        kind, whole, mark = 1, reader.kem_public(kem.seed), kem.key_id
    elif kem.name == "Answering":
        kind, whole = 2, kem.message
        mark = kem.key_id[:4] + reader.digest("SR1-kem-text", whole)[:4]
    else:
        return kem, bytes(reader.FRAGMENT_B)
    index = index_after(mark, kem.sent)
    piece = whole[256 * index : 256 * (index + 1)].ljust(256, b"\0")
    block = struct.pack(">BBHI8s", kind, index, 0, pq_epoch + 1, mark) + piece
    return replace(kem, sent=kem.sent + 1), block
