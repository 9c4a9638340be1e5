"""Chapter 05 recomputed by the core: every value of identity.json, card.json and safety.json."""

from __future__ import annotations

import json
from typing import Any

import pytest
from parties import bundle_of
from vector_files import hexed, load, scripted, unhex

from e2ee import card, fingerprint, grammar, identity, labels, prekeys
from e2ee.errors import Expired
from e2ee.identity import DeviceKind, DeviceList, DeviceRecord, OurDevice
from e2ee.ids import AccountId
from e2ee.prekeys import CompactBundle, PrekeyKind, PrekeyPair, VerifiedBundle
from e2ee.primitives import kdf, sign
from e2ee.secret import AccountKey, RecoveryKey
from e2ee.wire import cbor
from e2ee.wire.fields import decode_signed

FILE = load("identity.json")
NOW_MS = FILE["now_ms"]
ACCOUNT_KEY = AccountKey(unhex(FILE["account"]["seed"]))
ACCOUNT_ID = identity.account_id_of(ACCOUNT_KEY)
RECOVERY_KEY = RecoveryKey(unhex(FILE["recovery"]["seed"]))


def _device(case: dict[str, Any]) -> OurDevice:
    rng = scripted(case["signing_seed"], case["dh_private"], case["device_id"], bytes(32).hex())
    kind = DeviceKind(case["kind"])
    return identity.new_device(ACCOUNT_ID, kind, case["flags"], case["created_ms"], case["expires_ms"], rng)


DESK, PHONE = (_device(case) for case in FILE["records"])


def _lists() -> list[DeviceList]:
    recovery = identity.recovery_public_of(RECOVERY_KEY)
    made: list[DeviceList] = []
    for case, records, key in zip(
        FILE["lists"], ([DESK], [PHONE, DESK], [DESK]), (None, recovery, recovery), strict=True
    ):
        unsigned = identity.next_list(
            ACCOUNT_ID,
            made[-1] if made else None,
            [device.record for device in records],
            key,
            case["issued_ms"],
            case["expires_ms"] - case["issued_ms"],
        )
        made.append(identity.sign_list(ACCOUNT_KEY, unsigned))
    return made


def _prekeys() -> dict[str, PrekeyPair]:
    return {
        case["kind"]: prekeys.new_prekey(
            DESK, PrekeyKind[case["kind"]], case["id"], case["not_after_ms"], scripted(case["private"])
        )
        for case in FILE["prekeys"]
    }


def test_account_and_recovery_key() -> None:
    """ID-01."""
    assert FILE["account"] == {"seed": ACCOUNT_KEY.expose().hex(), "account_id": ACCOUNT_ID.hex()}
    assert identity.recovery_public_of(RECOVERY_KEY).hex() == FILE["recovery"]["public"]


@pytest.mark.parametrize("at", range(len(FILE["records"])))
def test_records(at: int) -> None:
    """ID-02, ID-03."""
    device = (DESK, PHONE)[at]
    record = DeviceRecord.decode(device.record.encoded)
    assert record == device.record
    assert FILE["records"][at] == hexed(
        {
            "signing_seed": device.signing_key.expose(),
            "sign_public": record.sign_public,
            "dh_private": device.dh_key.expose(),
            "dh_public": record.dh_public,
            "device_id": record.device_id,
            "kind": int(record.kind),
            "flags": record.flags,
            "created_ms": record.created_ms,
            "expires_ms": record.expires_ms,
            "record": record.encoded,
            "record_hash": record.hash,
        }
    )


@pytest.mark.parametrize("at", range(len(FILE["lists"])))
def test_lists(at: int) -> None:
    """ID-05, ID-06."""
    device_list = _lists()[at]
    encoded, signature = decode_signed(device_list.signed, 1024)
    assert FILE["lists"][at] == hexed(
        {
            "seq": device_list.seq,
            "prev_hash": device_list.prev_hash,
            "issued_ms": device_list.issued_ms,
            "expires_ms": device_list.expires_ms,
            "recovery_public": device_list.recovery_public,
            "record_hashes": device_list.record_hashes,
            "list": encoded,
            "list_hash": kdf.hash_(labels.LIST, encoded),
            "signature": signature,
            "signed": device_list.signed,
        }
    )
    assert device_list.hash.hex() == FILE["lists"][at]["list_hash"]


def test_the_chain_is_accepted_from_every_head() -> None:
    """ID-07, ID-08."""
    links = [unhex(case["signed"]) for case in FILE["lists"]]
    lists = _lists()
    for pinned in (None, *(item.head for item in lists)):
        assert identity.verify_chain(ACCOUNT_ID, pinned, links, NOW_MS) == lists[-1]
    assert identity.verify_chain(ACCOUNT_ID, lists[1].head, links[2:], NOW_MS) == lists[2]


@pytest.mark.parametrize("case", FILE["prekeys"], ids=lambda case: case["kind"])
def test_prekeys(case: dict[str, Any]) -> None:
    """ID-14, ID-15."""
    pair = _prekeys()[case["kind"]]
    encoded, signature = decode_signed(pair.prekey.signed, 1536)
    key_type, usage = pair.prekey.kind.value
    assert case == hexed(
        {
            "kind": pair.prekey.kind.name,
            "type": key_type,
            "usage": usage,
            "id": pair.prekey.id,
            "not_after_ms": pair.prekey.not_after_ms,
            "private": pair.private.expose(),
            "key": pair.prekey.key,
            "prekey": encoded,
            "signature": signature,
            "signed": pair.prekey.signed,
            "compact": cbor.encode(prekeys.compact(pair.prekey)),
        }
    )


@pytest.mark.parametrize("case", FILE["bundles"])
def test_bundles(case: dict[str, Any]) -> None:
    """ID-16, ID-17."""
    pairs, newest = _prekeys(), _lists()[-1]
    opk = pairs["OPK"].prekey if case["one_time_x25519"] else None
    pqk = pairs["PQK_ONE_TIME" if case["one_time_kem"] else "PQK_LAST_RESORT"].prekey
    encoded = bundle_of(DESK.record, newest.signed, pairs["SPK"].prekey, opk, pqk)
    assert encoded.hex() == case["bundle"]
    verified = prekeys.verify_bundle(ACCOUNT_ID, newest.head, [], encoded, NOW_MS)
    assert verified.one_time == (case["one_time_x25519"], case["one_time_kem"])
    assert (verified.record, verified.device_list) == (DESK.record, newest)
    assert (verified.spk, verified.opk, verified.pqk) == (pairs["SPK"].prekey, opk, pqk)


@pytest.mark.parametrize("case", FILE["times"])
def test_the_last_moments_of_a_bundle(case: dict[str, Any]) -> None:
    """ID-16, ID-31."""

    def verify() -> VerifiedBundle:
        return prekeys.verify_bundle(
            ACCOUNT_ID, None, [], unhex(case["bundle"]), case["now_ms"], grace_ms=case["grace_ms"]
        )

    if case["accepted"]:
        assert verify().record == DESK.record
    else:
        with pytest.raises(Expired):
            verify()


def test_compact_bundle() -> None:
    """ID-19."""
    pairs = _prekeys()
    given = {name: prekeys.compact(pair.prekey) for name, pair in pairs.items()}
    bundle = CompactBundle(given["SPK"], given["PQK_LAST_RESORT"], [given["OPK"]], [given["PQK_ONE_TIME"]])
    encoded = cbor.encode(prekeys.encode_compact(bundle))
    assert encoded.hex() == FILE["compact_bundle"]
    verified = prekeys.verify_compact(DESK.record, prekeys.decode_compact(cbor.decode(encoded)))
    assert (verified.spk, verified.pqk) == (pairs["SPK"].prekey, pairs["PQK_LAST_RESORT"].prekey)
    assert verified.opks == (pairs["OPK"].prekey,)
    assert verified.one_time_pqks == (pairs["PQK_ONE_TIME"].prekey,)


def test_address() -> None:
    """ID-20."""
    case = FILE["address"]
    signed = identity.sign_address(DESK, unhex(case["mailbox"]), unhex(case["token"]), case["issued_ms"])
    address = identity.verify_address(DESK.record, signed)
    encoded, _ = decode_signed(signed, 512)
    assert case == hexed(
        {
            "mailbox": address.mailbox,
            "token": address.token,
            "issued_ms": address.issued_ms,
            "address": encoded,
            "signed": signed,
        }
    )
    assert address.record_hash == DESK.record.hash


def test_successor() -> None:
    """ID-13."""
    case, newest = FILE["successor"], _lists()[-1]
    new_id = AccountId(unhex(case["new_account_id"]))
    signed = identity.sign_successor(RECOVERY_KEY, ACCOUNT_ID, new_id, case["issued_ms"])
    successor = identity.verify_successor(newest, signed)
    encoded, _ = decode_signed(signed, 512)
    assert case == hexed(
        {
            "new_account_id": successor.new_account_id,
            "issued_ms": successor.issued_ms,
            "successor": encoded,
            "signed": signed,
        }
    )
    assert successor.old_account_id == ACCOUNT_ID


@pytest.mark.parametrize("case", load("card.json")["cases"])
def test_cards(case: dict[str, Any]) -> None:
    """ID-21, ID-22, ID-23, ID-33 to ID-35."""
    made = card.ContactCard(AccountId(unhex(case["account_id"])), case["relay_url"], case["name"])
    assert all(card.parse(text) == made for text in (case["uri"], case["json"], *case["also"]))
    uri, members = made.to_uri(), json.loads(made.to_json())
    assert case == {
        "account_id": made.account_id.hex(),
        "relay_url": made.relay_url,
        "name": made.name,
        "checked": cbor.encode([made.account_id, made.relay_url, made.name]).hex(),
        "checksum": kdf.hash_(labels.CARD, unhex(case["checked"]))[:4].hex(),
        "account": members["account"],
        "uri": uri,
        "json": made.to_json(),
        "also": case["also"],
    }


@pytest.mark.parametrize("case", load("grammar.json")["relay_urls"], ids=lambda case: repr(case["url"][:40]))
def test_relay_urls(case: dict[str, Any]) -> None:
    """ID-23."""
    assert grammar.is_relay_url(case["url"]) is case["accepted"]


@pytest.mark.parametrize("case", load("grammar.json")["names"], ids=lambda case: case["about"])
def test_names(case: dict[str, Any]) -> None:
    """ID-33."""
    assert grammar.is_name("".join(map(chr, case["code_points"]))) is case["accepted"]


@pytest.mark.parametrize("case", load("grammar.json")["plain_texts"], ids=lambda case: case["about"])
def test_plain_texts(case: dict[str, Any]) -> None:
    """ACC-20."""
    text = case["text"]
    assert (text != "" and grammar.is_plain_text(text)) is case["accepted"]


def test_the_grammars_have_forty_cases_each() -> None:
    """ID-23, ID-33."""
    for cases in (load("grammar.json")["relay_urls"], load("grammar.json")["names"]):
        assert all(sum(case["accepted"] is kind for case in cases) >= 25 for kind in (True, False))


@pytest.mark.parametrize("case", load("safety.json")["cases"])
def test_safety_numbers(case: dict[str, Any]) -> None:
    """ID-24, ID-25, ID-26."""
    one, two = (AccountId(unhex(account)) for account in case["accounts"])
    for ours, theirs in ((one, two), (two, one)):
        assert case == hexed(
            {
                "accounts": [one, two],
                "fingerprints": [fingerprint.fingerprint(one), fingerprint.fingerprint(two)],
                "safety_number": fingerprint.safety_number(ours, theirs),
                "qr": fingerprint.qr_payload(ours, theirs),
            }
        )
        assert fingerprint.compare_qr(ours, theirs, case["qr"])


def test_signatures_are_over_label_and_map() -> None:
    """PRM-11: nothing but the padded label and the recorded bytes is signed."""
    signed: list[tuple[bytes, bytes, str, str]] = [
        (labels.SIG_LIST, ACCOUNT_ID, case["list"], case["signature"]) for case in FILE["lists"]
    ]
    device = DESK.record.sign_public
    signed += [(labels.SIG_PREKEY, device, case["prekey"], case["signature"]) for case in FILE["prekeys"]]
    for label, public, encoded, signature in signed:
        sign.verify(public, label + unhex(encoded), unhex(signature))
