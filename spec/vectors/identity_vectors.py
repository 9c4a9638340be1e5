"""identity.json, card.json and safety.json: chapter 05."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from urllib.parse import quote

from spec.vectors import parties
from spec.vectors.document import render
from spec.vectors.parties import Device, Prekey
from spec.vectors.suite import DAY_MS, NOW_MS, Value, cbor, draw, hash_, label, sign, sign_public, signed

KIND_NAMES: dict[tuple[int, int], str] = {
    parties.SPK: "SPK",
    parties.OPK: "OPK",
    parties.PQK_ONE_TIME: "PQK_ONE_TIME",
    parties.PQK_LAST_RESORT: "PQK_LAST_RESORT",
}


def identity() -> str:
    """An account with two devices, linked lists, prekeys of four kinds, bundles, address and successor."""
    first = parties.device("identity desk", kind=1, flags=1, account="identity")
    second = parties.device("identity phone", account="identity")
    kinds = [
        (parties.SPK, 1),
        (parties.OPK, 7),
        (parties.PQK_ONE_TIME, 2**32 - 1),
        (parties.PQK_LAST_RESORT, 1),
    ]
    prekeys = [parties.prekey(first, kind, key_id) for kind, key_id in kinds]
    lists = _lists(first, second)
    return render(
        "One account: records of two devices, three linked device lists (one device, two, none left but one,"
        " with a recovery key), prekeys of the four kinds, bundles with and without one-time keys, the last"
        " moments of one (`times`, `remote.expired` where it is not accepted), a compact bundle, an address,"
        " and a successor statement. Each signature is over the padded label and the encoded map.",
        "ID-01 ID-02 ID-03 ID-05 ID-06 ID-07 ID-08 ID-09 ID-13 ID-14 ID-15 ID-16 ID-17 ID-19 ID-20 ID-31",
        {
            "now_ms": NOW_MS,
            "account": {"seed": first.account_seed, "account_id": first.account_id},
            "recovery": {"seed": _recovery(), "public": sign_public(_recovery())},
            "records": [_record(first), _record(second)],
            "lists": [_list(first, entries) for entries in lists],
            "prekeys": [_prekey(item) for item in prekeys],
            "bundles": _bundles(first, parties.sign_list(first, lists[-1]), prekeys),
            "times": _times(first, parties.sign_list(first, lists[-1]), prekeys),
            "compact_bundle": cbor(
                parties.compact_entries(prekeys[0], prekeys[3], [prekeys[1]], [prekeys[2]])
            ),
            "address": _address(first),
            "successor": _successor(first),
        },
    )


def _recovery() -> bytes:
    return draw("identity recovery", 32)


def _record(device: Device) -> dict[str, Any]:
    return {
        "signing_seed": device.sign_seed,
        "sign_public": device.entries[5],
        "dh_private": device.dh_private,
        "dh_public": device.entries[6],
        "device_id": device.device_id,
        "kind": device.entries[7],
        "flags": device.entries[8],
        "created_ms": device.entries[9],
        "expires_ms": device.entries[10],
        "record": device.record,
        "record_hash": device.record_hash,
    }


def _lists(first: Device, second: Device) -> list[dict[int, Value]]:
    recovery = sign_public(_recovery())
    one = parties.list_entries(first, 1, None, [first.record_hash], issued_ms=NOW_MS - 2 * DAY_MS)
    both = [first.record_hash, second.record_hash]
    two = parties.list_entries(
        first, 2, parties.list_hash(one), both, issued_ms=NOW_MS - DAY_MS, recovery=recovery
    )
    three = parties.list_entries(first, 3, parties.list_hash(two), [first.record_hash], recovery=recovery)
    return [one, two, three]


def _list(owner: Device, entries: dict[int, Value]) -> dict[str, Any]:
    encoded = cbor(entries)
    return {
        "seq": entries[3],
        "prev_hash": entries[4],
        "issued_ms": entries[5],
        "expires_ms": entries[6],
        "recovery_public": entries[7],
        "record_hashes": entries[8],
        "list": encoded,
        "list_hash": parties.list_hash(entries),
        "signature": sign(owner.account_seed, "SR1-sig-list", encoded),
        "signed": parties.sign_list(owner, entries),
    }


def _prekey(prekey: Prekey) -> dict[str, Any]:
    key_type, usage = parties.int_of(prekey.entries[4]), parties.int_of(prekey.entries[5])
    return {
        "kind": KIND_NAMES[(key_type, usage)],
        "type": key_type,
        "usage": usage,
        "id": prekey.id,
        "not_after_ms": prekey.entries[7],
        "private": prekey.private,
        "key": prekey.key,
        "prekey": prekey.encoded,
        "signature": prekey.signature,
        "signed": prekey.signed,
        "compact": cbor(prekey.compact),
    }


def _bundles(owner: Device, signed_list: bytes, prekeys: list[Prekey]) -> list[dict[str, Any]]:
    spk, opk, one_time, last_resort = prekeys
    return [
        {
            "one_time_x25519": given is not None,
            "one_time_kem": pqk is one_time,
            "bundle": cbor(parties.bundle_entries(owner, signed_list, spk, given, pqk)),
        }
        for given in (opk, None)
        for pqk in (one_time, last_resort)
    ]


def _times(owner: Device, signed_list: bytes, prekeys: list[Prekey]) -> list[dict[str, Any]]:
    """A bundle without one-time keys at the last moments of its SPK and last-resort PQK."""
    spk, _, _, last_resort = prekeys
    bundle = cbor(parties.bundle_entries(owner, signed_list, spk, None, last_resort))
    grace_ms = parties.PREKEY_LIFE_MS
    end_ms = parties.int_of(spk.entries[7])
    return [
        {"bundle": bundle, "now_ms": now_ms, "grace_ms": grace, "accepted": accepted}
        for now_ms, grace, accepted in (
            (end_ms, 0, True),
            (end_ms + 1, 0, False),
            (end_ms + 1, grace_ms, True),
            (end_ms + grace_ms, grace_ms, True),
            (end_ms + grace_ms + 1, grace_ms, False),
        )
    ]


def _address(owner: Device) -> dict[str, Any]:
    entries = parties.address_entries(owner)
    return {
        "mailbox": entries[3],
        "token": entries[4],
        "issued_ms": entries[5],
        "address": cbor(entries),
        "signed": signed("SR1-sig-address", owner.sign_seed, entries),
    }


def _successor(old: Device) -> dict[str, Any]:
    new_account_id = sign_public(draw("identity successor account", 32))
    entries: dict[int, Value] = {1: 1, 2: old.account_id, 3: new_account_id, 4: NOW_MS}
    return {
        "new_account_id": new_account_id,
        "issued_ms": NOW_MS,
        "successor": cbor(entries),
        "signed": signed("SR1-sig-succ", _recovery(), entries),
    }


def cards() -> str:
    """Contact cards with and without a name, with a port and a path, on a loopback address."""
    given = [
        ("card one", "wss://relay.example/", None),
        ("card two", "wss://relay.example:8443/a-b", "Praxis Dr. Müller & Söhne"),
        ("card three", "ws://127.0.0.1:8080/", "= + % 漢"),
        ("card four", "wss://[::1]/~a_b", "!*'();:@&=+$,/?#[]%20"),
        ("card five", "wss://relay.example", "\U0001f468\u200d\U0001f469 \u2764\ufe0f -._~"),
    ]
    return render(
        "Contact cards as URI and as JSON; `also` are other texts of the same card. `checked` is what the"
        " four check bytes are made from, `account` the text with them.",
        "ID-21 ID-22 ID-23 ID-33 ID-34 ID-35",
        {"cases": [_card(sign_public(draw(name, 32)), relay, title) for name, relay, title in given]},
    )


def checked(account_id: bytes, relay: str, name: str | None) -> bytes:
    """What the check bytes of a card are made from (ID-34)."""
    return cbor([account_id, relay, name])


def account_text(account_id: bytes, relay: str, name: str | None = None) -> str:
    """Account id and check bytes in base64url (ID-34)."""
    check = hash_("SR1-card", checked(account_id, relay, name))[:4]
    return base64.urlsafe_b64encode(account_id + check).decode()


def card_uri(account: str, relay: str, name: str | None = None) -> str:
    """The URI of a card."""
    uri = f"sealroom:contact?v=1&a={account}&r={quote(relay, safe='')}"
    return uri if name is None else f"{uri}&n={quote(name, safe='')}"


def _card(account_id: bytes, relay: str, name: str | None) -> dict[str, Any]:
    account = account_text(account_id, relay, name)
    members = {"sealroom": 1, "account": account, "relay": relay} | ({} if name is None else {"name": name})
    return {
        "account_id": account_id,
        "relay_url": relay,
        "name": name,
        "checked": checked(account_id, relay, name),
        "checksum": hash_("SR1-card", checked(account_id, relay, name))[:4],
        "account": account,
        "uri": card_uri(account, relay, name),
        "json": json.dumps(members, ensure_ascii=False),
        "also": [
            f" \r\n\t{card_uri(account, relay, name)}\n",
            json.dumps(members).replace("/", "\\/"),
            "\n" + json.dumps(dict(reversed(members.items())), indent=1, ensure_ascii=False) + "\r\n ",
            json.dumps(members, ensure_ascii=False, separators=(",", "\t:\n")),
        ],
    }


def fingerprint(account_id: bytes) -> bytes:
    """The fingerprint of an account (ID-24)."""
    h = hashlib.sha512(label("SR1-safety") + account_id).digest()
    for _ in range(5199):
        h = hashlib.sha512(h + account_id).digest()
    return h[:32]


def digits(print_: bytes) -> str:
    """Six groups of five digits (ID-25)."""
    groups = [int.from_bytes(print_[5 * i : 5 * i + 5], "big") % 100_000 for i in range(6)]
    return " ".join(f"{group:05}" for group in groups)


def safety() -> str:
    """Safety numbers of two pairs of accounts."""
    ids = [sign_public(draw(f"safety {name}", 32)) for name in ("one", "two", "three")]
    pairs = [(ids[0], ids[1]), (ids[2], ids[0])]
    return render(
        "Fingerprints, digits and QR payload; the same with the two accounts exchanged.",
        "ID-24 ID-25 ID-26",
        {"cases": [_safety(*pair) for pair in pairs]},
    )


def _safety(one: bytes, two: bytes) -> dict[str, Any]:
    ordered = sorted((fingerprint(one), fingerprint(two)))
    return {
        "accounts": [one, two],
        "fingerprints": [fingerprint(one), fingerprint(two)],
        "safety_number": " ".join(digits(item) for item in ordered),
        "qr": "SEALROOM:1:" + "".join(item.hex().upper() for item in ordered),
    }
