"""handshake.json: chapter 06 with and without one-time keys."""

from __future__ import annotations

from typing import Any, Final

from spec.vectors import parties
from spec.vectors.document import render
from spec.vectors.encapsulations import Encapsulations
from spec.vectors.flight import Flight, Offer, fly
from spec.vectors.parties import Device, Prekey
from spec.vectors.suite import NOW_MS, cbor, draw

CASES: Final = (
    ("one-time X25519 and one-time KEM", True, True),
    ("one-time X25519 and last-resort KEM", True, False),
    ("no one-time X25519 and one-time KEM", False, True),
    ("no one-time X25519 and last-resort KEM", False, False),
)


def handshakes(kem: Encapsulations) -> str:
    """Four handshakes between the same two devices."""
    initiator, responder = parties.device("handshake A"), parties.device("handshake B", kind=1)
    return render(
        "Handshakes of A with B, one for each way in which one-time keys are there or not. dh3 is null"
        " without a one-time X25519 key. `t0_input` is the CBOR array that T0 hashes after its label;"
        " `expansion` is root key, header key of A's first chain, header key of B's first chain, session id.",
        "HS-01 HS-02 HS-03 HS-06 HS-07 HS-12 HS-13 WIRE-08 WIRE-15 PRM-13",
        {
            "now_ms": NOW_MS,
            "initiator": device(initiator),
            "responder": device(responder),
            "cases": [_case(kem, initiator, responder, *case) for case in CASES],
        },
    )


def device(owner: Device) -> dict[str, Any]:
    """A device with its private keys and its account's first list."""
    return {
        "account_seed": owner.account_seed,
        "signing_seed": owner.sign_seed,
        "dh_private": owner.dh_private,
        "hedge": owner.hedge,
        "record": owner.record,
        "signed_list": parties.sign_list(owner, parties.first_list(owner)),
    }


def prekey(item: Prekey | None) -> dict[str, Any] | None:
    """A prekey with its private key."""
    return None if item is None else {"private": item.private, "signed": item.signed}


def offer_of(responder: Device, *, one_time_x25519: bool, one_time_kem: bool) -> Offer:
    """The prekeys of one bundle."""
    return Offer(
        parties.prekey(responder, parties.SPK, 3),
        parties.prekey(responder, parties.OPK, 41) if one_time_x25519 else None,
        parties.prekey(responder, parties.PQK_ONE_TIME, 17)
        if one_time_kem
        else parties.prekey(responder, parties.PQK_LAST_RESORT, 3),
    )


def bundle_of(offer: Offer) -> bytes:
    """The bundle that a relay hands out."""
    owner = offer.device
    signed_list = parties.sign_list(owner, parties.first_list(owner))
    return cbor(parties.bundle_entries(owner, signed_list, offer.spk, offer.opk, offer.pqk))


def _case(
    kem: Encapsulations, initiator: Device, responder: Device, name: str, opk: bool, one_time_kem: bool
) -> dict[str, Any]:
    offer = offer_of(responder, one_time_x25519=opk, one_time_kem=one_time_kem)
    signed_list = parties.sign_list(initiator, parties.first_list(initiator))
    fresh = draw(f"handshake {name} EK", 32)
    flight = fly(initiator, signed_list, offer, fresh, kem.to_prekey(f"handshake, {name}", offer.pqk))
    return {"name": name, **_inputs(offer, flight), **steps(flight)}


def _inputs(offer: Offer, flight: Flight) -> dict[str, Any]:
    return {
        "bundle": bundle_of(offer),
        "spk": prekey(offer.spk),
        "opk": prekey(offer.opk),
        "pqk": prekey(offer.pqk),
        "fresh": flight.fresh,
        "ephemeral_private": flight.ephemeral_private,
        "ciphertext": flight.ciphertext,
    }


def steps(flight: Flight) -> dict[str, Any]:
    """Everything that a handshake derives."""
    expansion = flight.expansion
    return {
        "ephemeral": flight.ephemeral,
        "kem_secret": flight.kem_secret,
        "dh1": flight.dh1,
        "dh2": flight.dh2,
        "dh3": flight.dh3,
        "dh4": flight.dh4,
        "dh5": flight.dh5,
        "t0_input": flight.t0_input,
        "t0": flight.t0,
        "k0_ikm": flight.k0_ikm,
        "k0": flight.k0,
        "identity_plain": flight.identity_plain,
        "sealed_identity": flight.sealed_identity,
        "t1": flight.t1,
        "keys_ikm": flight.keys_ikm,
        "expansion": expansion,
        "root_key": expansion[:32],
        "initiator_header_key": expansion[32:64],
        "responder_header_key": expansion[64:96],
        "session_id": expansion[96:],
        "prefix": flight.prefix,
    }
