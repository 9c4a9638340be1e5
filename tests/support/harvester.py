"""Somebody who has recorded all traffic from the first flight on, and has or later gets more.

It redoes the responder's side of chapter 06 from the public bundle, the prefix and whatever private keys it
has: stolen long-term keys, or keys behind public ones if it can break the primitive.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from recorded_run import Run
from thief import Line, Powers, Thief, hkdf, opened, sorted_traffic

from e2ee.primitives import dh, kem
from e2ee.wire import cbor


@dataclass(frozen=True)
class Loot:
    """Private X25519 keys by public key, and ML-KEM seeds by public key, that were stolen."""

    dh: Mapping[bytes, bytes] = field(default_factory=dict)
    kem: Mapping[bytes, bytes] = field(default_factory=dict)


def harvest(run: Run, powers: Powers, loot: Loot | None = None) -> set[int]:
    """Return the places of all messages that open."""
    keys = _handshake(run, powers, loot or Loot())
    if keys is None:
        return set()
    root_key, first, second, session_id = keys
    thief = Thief(session_id, sorted_traffic(run.sent), powers)
    spk = run.bob.spk.prekey.key
    private = (loot or Loot()).dh.get(spk) or (None if powers.dh is None else powers.dh.dh[spk])
    thief.follow(Line(root_key, spk, private, first, second, 0))
    return thief.opened


def _handshake(run: Run, powers: Powers, loot: Loot) -> tuple[bytes, bytes, bytes, bytes] | None:
    """Redo the handshake; None if a secret is missing."""
    prefix, bob = run.sent[0].envelope[2:2110], run.bob
    ephemeral, ciphertext, sealed = prefix[:32], prefix[44:1132], prefix[1132:]
    spk_id, opk_id, pqk_id = struct.unpack(">III", prefix[32:44])
    if (spk_id, opk_id, pqk_id) != (bob.spk.prekey.id, bob.opk.prekey.id, bob.pqk.prekey.id):
        raise LookupError("the flight names other prekeys than the bundle")
    kem_secret = _kem(bob.pqk.prekey.key, ciphertext, powers, loot)
    publics = (bob.device.record.dh_public, bob.spk.prekey.key, bob.opk.prekey.key)
    shares = [_dh(ephemeral, public, powers, loot) for public in publics]
    record = bob.device.record.encoded
    parts: list[cbor.Value] = [1, record, *(p.prekey.signed for p in (bob.spk, bob.opk, bob.pqk))]
    t0 = _hash(b"SR1-hs-t0", cbor.encode([*parts, ciphertext, ephemeral]))
    if kem_secret is None or any(share is None for share in shares):
        return None
    ikm = b"".join(share for share in shares if share is not None) + kem_secret
    identity = opened(hkdf(t0, ikm, b"SR1-hs-id".ljust(16, b"\0"), 32), sealed, t0)
    if identity is None:
        raise AssertionError("a redone handshake does not open the identity")
    return _keys(run, powers, loot, t0, ikm)


def _keys(
    run: Run, powers: Powers, loot: Loot, t0: bytes, ikm: bytes
) -> tuple[bytes, bytes, bytes, bytes] | None:
    theirs = run.alice.device.record
    for public in (run.bob.spk.prekey.key, run.bob.device.record.dh_public):
        share = _dh(theirs.dh_public, public, powers, loot)
        if share is None:
            return None
        ikm += share
    output = hkdf(_hash(b"SR1-hs-t1", t0 + theirs.encoded), ikm, b"SR1-hs-keys".ljust(16, b"\0"), 128)
    return output[:32], output[32:64], output[64:96], output[96:]


def _dh(one: bytes, other: bytes, powers: Powers, loot: Loot) -> bytes | None:
    """The output of two public keys, if a private half can be had."""
    for mine, theirs in ((one, other), (other, one)):
        private = loot.dh.get(mine) or (None if powers.dh is None else powers.dh.dh.get(mine))
        if private is not None:
            return dh.exchange(private, theirs)
    return None


def _kem(public: bytes, ciphertext: bytes, powers: Powers, loot: Loot) -> bytes | None:
    if public in loot.kem:
        return kem.DecapsulationKey(loot.kem[public]).decapsulate(ciphertext)
    return None if powers.kem is None else powers.kem.kem[ciphertext]


def _hash(label: bytes, data: bytes) -> bytes:
    return hashlib.sha256(label.ljust(16, b"\0") + data).digest()
