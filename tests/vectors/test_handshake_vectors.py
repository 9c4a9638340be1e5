"""Chapter 06 recomputed by the core: every value of handshake.json."""

from __future__ import annotations

from typing import Any

import pytest
from negative_operations import pinned_lists
from vector_devices import list_of, our_device, responder_keys
from vector_files import hexed, load, recorded, scripted, unhex

from e2ee import handshake, identity, labels, prekeys, session
from e2ee.handshake import HandshakeKeys, ResponderKeys
from e2ee.identity import OurDevice
from e2ee.primitives import aead, dh, kdf, kem
from e2ee.secret import AccountKey, DhPrivateKey
from e2ee.wire import cbor, envelope, padding

FILE, LISTS = load("handshake.json"), load("flight_lists.json")
A, B = our_device(FILE["initiator"]), our_device(FILE["responder"])
A_LIST = list_of(FILE["initiator"])
CASES = pytest.mark.parametrize("case", FILE["cases"], ids=lambda case: case["name"])


@pytest.mark.parametrize(("device", "case"), [(A, FILE["initiator"]), (B, FILE["responder"])], ids="AB")
def test_devices(device: OurDevice, case: dict[str, str]) -> None:
    """The recorded private keys belong to the records (ID-02)."""
    assert DhPrivateKey(unhex(case["dh_private"])) == device.dh_key
    assert dh.derive_public(device.dh_key.expose()) == device.record.dh_public
    account = AccountKey(unhex(case["account_seed"]))
    assert identity.account_id_of(account) == device.record.account_id
    unsigned = identity.next_list(device.record.account_id, None, [device.record], None, FILE["now_ms"])
    assert identity.sign_list(account, unsigned).signed.hex() == case["signed_list"]


def _keys(keys: HandshakeKeys) -> dict[str, Any]:
    return {
        "root_key": keys.root_key.expose(),
        "initiator_header_key": keys.initiator_header_key.expose(),
        "responder_header_key": keys.responder_header_key.expose(),
        "session_id": keys.session_id,
    }


def _ephemeral(case: dict[str, Any], ours: ResponderKeys) -> bytes:
    """The hedged private key of EK (HS-13)."""
    signed = [pair.prekey.signed for pair in (ours.spk, ours.opk, ours.pqk) if pair is not None]
    plain = padding.pad(identity.encode_identity(A.record, A_LIST), 960)
    data = unhex(case["fresh"]) + ours.record.encoded + b"".join(signed) + plain
    return kdf.prf(A.hedge.expose(), labels.EPHEMERAL, 32, data=data)


def _steps(case: dict[str, Any], ours: ResponderKeys) -> dict[str, Any]:
    """What the responder can compute, by the core's own functions (HS-02, HS-07)."""
    ephemeral_private = _ephemeral(case, ours)
    ephemeral = dh.derive_public(ephemeral_private)
    spk, identity_key = ours.spk.private.expose(), ours.device.dh_key.expose()
    opk = None if ours.opk is None else ours.opk.prekey.signed
    ciphertext = unhex(case["ciphertext"])
    t0 = handshake.transcript0(
        ours.record.encoded, ours.spk.prekey.signed, opk, ours.pqk.prekey.signed, ciphertext, ephemeral
    )
    dh1, dh2 = dh.exchange(spk, ephemeral), dh.exchange(identity_key, ephemeral)
    dh3 = None if ours.opk is None else dh.exchange(ours.opk.private.expose(), ephemeral)
    dh4, dh5 = (dh.exchange(key, A.record.dh_public) for key in (spk, identity_key))
    secret = kem.DecapsulationKey(ours.pqk.private.expose()).decapsulate(ciphertext)
    k0_ikm = dh2 + dh1 + (dh3 or b"") + secret
    k0 = kdf.hkdf(t0, k0_ikm, labels.HANDSHAKE_IDENTITY, 32)
    plain = padding.pad(identity.encode_identity(A.record, A_LIST), 960)
    t1 = handshake.transcript1(t0, A.record.encoded)
    expansion = kdf.hkdf(t1, k0_ikm + dh4 + dh5, labels.HANDSHAKE_KEYS, 128)
    t0_input: cbor.Value = [
        1,
        ours.record.encoded,
        ours.spk.prekey.signed,
        opk,
        ours.pqk.prekey.signed,
        ciphertext,
        ephemeral,
    ]
    return {
        "ephemeral_private": ephemeral_private,
        "ephemeral": ephemeral,
        "kem_secret": secret,
        "dh1": dh1,
        "dh2": dh2,
        "dh3": dh3,
        "dh4": dh4,
        "dh5": dh5,
        "t0_input": cbor.encode(t0_input),
        "t0": t0,
        "k0_ikm": k0_ikm,
        "k0": k0,
        "identity_plain": plain,
        "sealed_identity": aead.seal(k0, plain, t0),
        "t1": t1,
        "keys_ikm": k0_ikm + dh4 + dh5,
        "expansion": expansion,
        **_keys(handshake.derive_keys(t1, k0_ikm + dh4 + dh5)),
    }


@CASES
def test_initiator(case: dict[str, Any]) -> None:
    """HS-01, HS-02, HS-03, HS-13: from bundle and recorded randomness to the recorded keys."""
    bundle = prekeys.verify_bundle(B.record.account_id, None, [], unhex(case["bundle"]), FILE["now_ms"])
    keys, prefix = handshake.initiate(
        A,
        A_LIST,
        bundle,
        scripted(case["fresh"]),
        recorded(case["ciphertext"], case["kem_secret"]),
    )
    made = hexed({**_keys(keys), "prefix": prefix})
    assert made == {name: case[name] for name in made}
    assert len(prefix) == 2108


@pytest.mark.parametrize("case", LISTS["cases"], ids=lambda case: case["name"])
def test_lists_of_flights(case: dict[str, Any]) -> None:
    """ID-10, ID-11: the list in force afterwards."""
    keys = responder_keys(LISTS["responder"], LISTS)
    pinned = pinned_lists(case["pinned"])
    accepted = session.respond(envelope.decode(unhex(case["envelope"])), keys, pinned.get, case["now_ms"])
    assert accepted.device_list.hash.hex() == case["in_force"]


@CASES
def test_responder(case: dict[str, Any]) -> None:
    """HS-06, HS-07, HS-12, WIRE-15: every recorded value from the responder's side."""
    ours = responder_keys(FILE["responder"], case)
    made = hexed({**_steps(case, ours), "prefix": unhex(case["prefix"])})
    inputs = ("name", "bundle", "spk", "opk", "pqk", "fresh", "ciphertext")
    assert made == {name: value for name, value in case.items() if name not in inputs}
    prefix = envelope.decode_prefix(unhex(case["prefix"]))
    response = handshake.respond(prefix, ours, lambda _: None, FILE["now_ms"])
    assert hexed(_keys(response.keys)) == {name: case[name] for name in _keys(response.keys)}
    assert response.record == A.record
    assert response.device_list == A_LIST


@CASES
def test_a_kept_key_object_gives_the_same(case: dict[str, Any]) -> None:
    """HS-12."""
    held = responder_keys(FILE["responder"], case)
    prefix = envelope.decode_prefix(unhex(case["prefix"]))
    one, other = (handshake.respond(prefix, held, lambda _: None, FILE["now_ms"]) for _ in range(2))
    assert one == other


@CASES
def test_prefix_layout(case: dict[str, Any]) -> None:
    """WIRE-08."""
    ours = responder_keys(FILE["responder"], case)
    prefix = envelope.decode_prefix(unhex(case["prefix"]))
    assert envelope.encode_prefix(prefix).hex() == case["prefix"]
    opk_id = 0 if ours.opk is None else ours.opk.prekey.id
    assert (prefix.spk_id, prefix.opk_id, prefix.pqk_id) == (ours.spk.prekey.id, opk_id, ours.pqk.prekey.id)
    assert hexed([prefix.ephemeral, prefix.ciphertext, prefix.sealed_identity]) == [
        case["ephemeral"],
        case["ciphertext"],
        case["sealed_identity"],
    ]
