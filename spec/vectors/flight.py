"""The handshake of chapter 06, step by step, with every value in between."""

from __future__ import annotations

from dataclasses import dataclass

from spec.vectors.parties import Device, Prekey
from spec.vectors.suite import IDENTITY_B, aead, cbor, dh, dh_public, hash_, hkdf, label, pad, prf, u32


@dataclass(frozen=True)
class Offer:
    """What B has published and A has verified: the prekeys of one bundle."""

    spk: Prekey
    opk: Prekey | None
    pqk: Prekey

    @property
    def device(self) -> Device:
        return self.spk.device


@dataclass(frozen=True)
class Flight:
    """Everything that a handshake computes, in the order of chapter 06; `dh3` is None without an OPK."""

    offer: Offer
    initiator: Device
    fresh: bytes
    ephemeral_private: bytes
    ciphertext: bytes
    kem_secret: bytes
    dh1: bytes
    dh2: bytes
    dh3: bytes | None
    dh4: bytes
    dh5: bytes
    t0_input: bytes
    identity_plain: bytes

    @property
    def ephemeral(self) -> bytes:
        return dh_public(self.ephemeral_private)

    @property
    def t0(self) -> bytes:
        return hash_("SR1-hs-t0", self.t0_input)

    @property
    def k0_ikm(self) -> bytes:
        return self.dh2 + self.dh1 + (self.dh3 or b"") + self.kem_secret

    @property
    def k0(self) -> bytes:
        return hkdf(self.t0, self.k0_ikm, label("SR1-hs-id"), 32)

    @property
    def sealed_identity(self) -> bytes:
        return aead(self.k0, self.identity_plain, self.t0)

    @property
    def t1(self) -> bytes:
        return hash_("SR1-hs-t1", self.t0 + self.initiator.record)

    @property
    def keys_ikm(self) -> bytes:
        return self.k0_ikm + self.dh4 + self.dh5

    @property
    def expansion(self) -> bytes:
        return hkdf(self.t1, self.keys_ikm, label("SR1-hs-keys"), 128)

    @property
    def prefix(self) -> bytes:
        opk_id = 0 if self.offer.opk is None else self.offer.opk.id
        ids = u32(self.offer.spk.id, opk_id, self.offer.pqk.id)
        return self.ephemeral + ids + self.ciphertext + self.sealed_identity


def fly(
    initiator: Device,
    signed_list: bytes,
    offer: Offer,
    fresh: bytes,
    encapsulated: tuple[bytes, bytes],
    record: bytes | None = None,
) -> Flight:
    """A handshake of `initiator` against `offer`; `record` replaces the record that it claims.

    `fresh` are the 32 random bytes from which EK is hedged (HS-13).
    """
    ciphertext, kem_secret = encapsulated
    responder, spk, opk = offer.device, offer.spk, offer.opk
    claimed = initiator.record if record is None else record
    opk_signed = None if opk is None else opk.signed
    identity_plain = pad(cbor([claimed, signed_list]), IDENTITY_B)
    data = fresh + responder.record + spk.signed + (opk_signed or b"") + offer.pqk.signed + identity_plain
    ephemeral_private = prf(initiator.hedge, "SR1-ephemeral", 32, data=data)
    t0_input = cbor(
        [
            1,
            responder.record,
            spk.signed,
            opk_signed,
            offer.pqk.signed,
            ciphertext,
            dh_public(ephemeral_private),
        ]
    )
    return Flight(
        offer,
        initiator,
        fresh,
        ephemeral_private,
        ciphertext,
        kem_secret,
        dh(ephemeral_private, spk.key),
        dh(ephemeral_private, responder.dh_public),
        None if opk is None else dh(ephemeral_private, opk.key),
        dh(initiator.dh_private, spk.key),
        dh(initiator.dh_private, responder.dh_public),
        t0_input,
        identity_plain,
    )
