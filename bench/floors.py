"""Floors: the bare library calls that nobody can leave out, on the bytes of real envelopes.

A floor has its arguments ready. It slices, concatenates, checks and keeps nothing; each call stands in the
loop itself. It calls what chapter 07 demands for a message, and one CBOR `dumps` or `loads`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

import cbor2
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base

from bench.bare_calls import Call
from bench.paired import Block
from e2ee import labels
from e2ee.constants import FRAGMENT_B, KEY_B, SALT_B, TAG_B
from e2ee.primitives import aead
from e2ee.ratchet import chain
from e2ee.wire import envelope as envelopes
from e2ee.wire import padding

_NONCE: Final = bytes(12)
_SHA256: Final = SHA256()
_INFO: Final = labels.ROOT + bytes(4)
_CHAIN: Final = labels.CHAIN
_SALT: Final = labels.SALT
_HEADER_KEY: Final = labels.HEADER_KEY
_BODY_KEY: Final = labels.BODY_KEY


class Message(NamedTuple):
    """Everything that goes into and comes out of the primitives for one message."""

    chain_key: bytes
    message_key: bytes
    salt: bytes
    hedged: bytes
    chain_header_key: bytes
    header_key: bytes
    header: bytes
    sealed_header: bytes
    header_associated: bytes
    body_key: bytes
    body: bytes
    sealed_body: bytes
    body_associated: bytes
    encoded: bytes
    value: Any


class Turn(NamedTuple):
    """A message that begins a chain, with the keys of both sides' Diffie-Hellman step.

    `kem_sealing` and `kem_opening` are the calls of ML-KEM that fall to it, none for most messages.
    """

    message: Message
    sender_private: bytes
    sender_public: bytes
    receiver_private: bytes
    receiver_public: bytes
    root_key: bytes
    shared: bytes
    kem_sealing: tuple[Call, ...]
    kem_opening: tuple[Call, ...]


def messages(
    session_id: bytes, header_key: bytes, chain_key: bytes, sealed: Sequence[bytes]
) -> list[Message]:
    """Open consecutive envelopes of one chain, without prefix, down to the arguments of each call."""
    found: list[Message] = []
    for one in sealed:
        next_chain_key, message_key = chain.step(chain_key)
        found.append(_message(session_id, header_key, chain_key, message_key, one))
        chain_key = next_chain_key
    return found


def _message(
    session_id: bytes, chain_header_key: bytes, chain_key: bytes, key: bytes, sealed: bytes
) -> Message:
    raw = envelopes.decode(sealed)
    header_associated = raw.ahead[:2] + raw.tag + raw.salt + session_id
    body_associated = raw.ahead + session_id
    header_key = chain.header_key(chain_header_key, raw.salt)
    body_key = chain.body_key(key, raw.salt)
    header = aead.open_(header_key, raw.sealed_header, header_associated)
    body = aead.open_(body_key, raw.sealed_body, body_associated)
    encoded = padding.unpad(body, FRAGMENT_B)
    return Message(
        chain_key,
        key,
        raw.salt,
        os.urandom(SALT_B) + header + body,
        chain_header_key,
        header_key,
        header,
        raw.sealed_header,
        header_associated,
        body_key,
        body,
        raw.sealed_body,
        body_associated,
        encoded,
        cbor2.loads(encoded),
    )


def _arguments(work: Sequence[Message], names: str) -> list[tuple[Any, ...]]:
    """Return plain tuples, which a loop takes apart for less than the price of one attribute."""
    return [attrgetter(*names.split())(one) for one in work]


def seal(work: Sequence[Message]) -> Block:
    """Return the floor of sealing: `dumps`, 16 random bytes, four BLAKE2b, two AEADs for each message."""
    names = (
        "value chain_key message_key hedged salt chain_header_key "
        "header_key header header_associated body_key body body_associated"
    )
    arguments = _arguments(work, names)

    def block() -> None:
        dumps, urandom, prf, cipher, nonce = (
            cbor2.dumps,
            os.urandom,
            hashlib.blake2b,
            ChaCha20Poly1305,
            _NONCE,
        )
        for value, ck, mk, hedged, salt, chk, hk, header, header_ad, bk, body, body_ad in arguments:
            dumps(value)
            urandom(16)
            prf(key=ck, digest_size=64, person=_CHAIN).digest()
            prf(hedged, key=mk, digest_size=16, person=_SALT).digest()
            prf(key=chk, digest_size=32, salt=salt, person=_HEADER_KEY).digest()
            cipher(hk).encrypt(nonce, header, header_ad)
            prf(key=mk, digest_size=32, salt=salt, person=_BODY_KEY).digest()
            cipher(bk).encrypt(nonce, body, body_ad)

    return block


def open_(work: Sequence[Message]) -> Block:
    """Return the floor of opening: three BLAKE2b, two AEADs and `loads` for each message."""
    names = (
        "chain_key message_key salt chain_header_key header_key sealed_header header_associated "
        "body_key sealed_body body_associated encoded"
    )
    arguments = _arguments(work, names)

    def block() -> None:
        loads, prf, cipher, nonce = cbor2.loads, hashlib.blake2b, ChaCha20Poly1305, _NONCE
        for ck, mk, salt, chk, hk, header, header_ad, bk, body, body_ad, encoded in arguments:
            prf(key=chk, digest_size=32, salt=salt, person=_HEADER_KEY).digest()
            cipher(hk).decrypt(nonce, header, header_ad)
            prf(key=ck, digest_size=64, person=_CHAIN).digest()
            prf(key=mk, digest_size=32, salt=salt, person=_BODY_KEY).digest()
            cipher(bk).decrypt(nonce, body, body_ad)
            loads(encoded)

    return block


def turns(work: Sequence[Turn]) -> Block:
    """Return the floor of messages that each begin a chain.

    All calls stand in the order of the real work, as the caches see it. Beside sealing and opening, either
    side has one scalar multiplication, HKDF with three blocks and a tag; the sender also draws a key and
    derives its public one. Of an epoch of the post-quantum ratchet the calls of ML-KEM count, but not their
    hashes.
    """
    steps = [(one, seal([one.message]), open_([one.message])) for one in work]

    def block() -> None:
        for one, sealing, opening in steps:
            os.urandom(KEY_B)
            crypto_scalarmult(one.sender_private, one.receiver_public)
            crypto_scalarmult_base(one.sender_private)
            _root_step(one)
            for call in one.kem_sealing:
                call()
            sealing()
            crypto_scalarmult(one.receiver_private, one.sender_public)
            _root_step(one)
            opening()
            for call in one.kem_opening:
                call()

    return block


def _root_step(one: Turn) -> None:
    HKDF(_SHA256, 3 * KEY_B, one.root_key, _INFO).derive(one.shared)
    hashlib.blake2b(key=one.message.chain_header_key, digest_size=TAG_B, person=labels.TAG).digest()
