"""Defects of chapter 05: records, lists, chains, prekeys, bundles, addresses and successors.

Signatures are valid wherever the signature is not the defect.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spec.vectors import parties
from spec.vectors.defects import Negative, flipped
from spec.vectors.parties import Device, Prekey
from spec.vectors.suite import DAY_MS, NOW_MS, Value, cbor, draw, sign, sign_public, signed

LOW_ORDER = b"\x01" + bytes(31)


def _us() -> Device:
    return parties.device("negative device")


def records() -> Iterator[Negative]:
    """Device records."""
    entries = _us().entries
    cases: dict[str, tuple[dict[int, Value], str]] = {
        "version-2": ({**entries, 1: 2}, "remote.version"),
        "suite-missing": ({**entries, 2: [2]}, "remote.version"),
        "suite-added": ({**entries, 2: [1, 2]}, "remote.decode"),
        "suites-empty": ({**entries, 2: []}, "remote.decode"),
        "account-short": ({**entries, 3: bytes(31)}, "remote.decode"),
        "device-id-long": ({**entries, 4: bytes(17)}, "remote.decode"),
        "dh-key-not-canonical": ({**entries, 6: b"\xff" * 32}, "remote.key"),
        "kind-3": ({**entries, 7: 3}, "remote.decode"),
        "flag-unknown": ({**entries, 8: 2}, "remote.decode"),
        "flag-true": ({**entries, 8: True}, "remote.decode"),
        "ends-before-it-begins": ({**entries, 10: NOW_MS}, "remote.decode"),
        "key-missing": ({key: entries[key] for key in range(1, 10)}, "remote.decode"),
        "key-added": ({**entries, 11: 0}, "remote.decode"),
        "time-beyond-2-to-53": ({**entries, 10: 2**53}, "remote.decode"),
        "version-2-to-64-less-1": ({**entries, 1: 2**64 - 1}, "remote.version"),
        "suite-2-to-64-less-1": ({**entries, 2: [2**64 - 1]}, "remote.version"),
        "suites-2-and-3": ({**entries, 2: [2, 3]}, "remote.decode"),
        "version-2-and-suite-missing": ({**entries, 1: 2, 2: []}, "remote.version"),
        "version-2-and-key-added": ({**entries, 1: 2, 11: 0}, "remote.decode"),
        "suite-2-and-account-short": ({**entries, 2: [2], 3: bytes(31)}, "remote.version"),
        "account-short-and-dh-key-not-canonical": (
            {**entries, 3: bytes(31), 6: b"\xff" * 32},
            "remote.decode",
        ),
        "dh-key-not-canonical-and-kind-3": ({**entries, 6: b"\xff" * 32, 7: 3}, "remote.key"),
        "version-2-and-over-256-bytes": ({**entries, 1: 2, 4: bytes(256)}, "remote.decode"),
        "dh-key-not-canonical-and-ended": ({**entries, 6: b"\xff" * 32, 10: NOW_MS}, "remote.key"),
    }
    for name, (changed, error) in cases.items():
        yield _negative("record", name, "ID-03 WIRE-05", "record.decode", {"record": cbor(changed)}, error)
    times = {"not-begun": NOW_MS - DAY_MS - 1, "expired": NOW_MS + parties.RECORD_LIFE_MS + 1}
    for name, now_ms in times.items():
        given = {"record": _us().record, "now_ms": now_ms}
        yield _negative("record", name, "ID-04", "record.check_time", given, "remote.expired")


def lists() -> Iterator[Negative]:
    """Single lists."""
    us, other = _us(), parties.device("negative other")
    entries = parties.first_list(us)
    two: list[Value] = [*sorted((us.record_hash, other.record_hash))]
    cases: dict[str, tuple[dict[int, Value], str, str]] = {
        "version-2": ({**entries, 1: 2}, "remote.version", "ID-06"),
        "seq-0": ({**entries, 3: 0}, "remote.decode", "ID-06"),
        "first-with-prev-hash": ({**entries, 4: bytes(32)}, "remote.decode", "ID-06"),
        "second-without-prev-hash": ({**entries, 3: 2}, "remote.decode", "ID-06"),
        "lives-too-long": ({**entries, 6: NOW_MS + 30 * DAY_MS + 1}, "remote.decode", "ID-06"),
        "ends-when-issued": ({**entries, 6: NOW_MS}, "remote.decode", "ID-06"),
        "hashes-descending": ({**entries, 8: two[::-1]}, "remote.decode", "ID-06"),
        "hash-doubled": ({**entries, 8: [two[0], two[0]]}, "remote.decode", "ID-06"),
        "hashes-17": ({**entries, 8: [bytes((n,)) * 32 for n in range(17)]}, "remote.decode", "ID-06"),
        "recovery-short": ({**entries, 7: bytes(31)}, "remote.decode", "ID-06"),
        "of-another-account": ({**entries, 2: other.account_id}, "remote.identity", "ID-05"),
        "of-another-version-and-account": (
            {**entries, 1: 2, 2: other.account_id},
            "remote.version",
            "ID-05 ID-29",
        ),
        "of-another-account-with-seq-0": (
            {**entries, 2: other.account_id, 3: 0},
            "remote.identity",
            "ID-05 ID-29",
        ),
        "version-2-to-64-less-1": ({**entries, 1: 2**64 - 1}, "remote.version", "ID-03"),
        "seq-2-to-31": ({**entries, 3: 2**31, 4: bytes(32)}, "remote.decode", "ID-06"),
        "version-2-and-over-1024-bytes": (
            _of_size({**entries, 1: 2}, 7, 1000),
            "remote.decode",
            "WIRE-03",
        ),
    }
    for name, (changed, error, rules) in cases.items():
        yield _list(name, us, parties.sign_list(us, changed), error, rules)
    encoded = cbor(entries)
    good = sign(us.account_seed, "SR1-sig-list", encoded)
    signatures = {
        "by-the-device": sign(us.sign_seed, "SR1-sig-list", encoded),
        "label-of-prekeys": sign(us.account_seed, "SR1-sig-prekey", encoded),
        "label-of-the-hash": sign(us.account_seed, "SR1-list", encoded),
        "without-label": _bare(us.account_seed, encoded),
        "bit-flipped": flipped(good, 40),
        "by-another-account": sign(other.account_seed, "SR1-sig-list", encoded),
    }
    for name, signature in signatures.items():
        given = cbor([encoded, signature])
        yield _list(f"signed-{name}", us, given, "remote.signature", "ID-05 PRM-11")
    theirs = parties.sign_list(other, parties.first_list(other))
    yield _list("signed-by-and-of-another-account", us, theirs, "remote.signature", "ID-05 ID-29")
    for name, changed in (("version-2", {**entries, 1: 2}), ("hashes-descending", {**entries, 8: two[::-1]})):
        forged = cbor([cbor(changed), good])
        yield _list(f"{name}-and-unsigned", us, forged, "remote.signature", "ID-05 ID-29")
    yield _list("signature-short", us, cbor([encoded, good[:63]]), "remote.decode", "ID-05")
    yield _list("signed-with-three-items", us, cbor([encoded, good, 0]), "remote.decode", "ID-05")


def _of_size(entries: dict[int, Value], key: int, size_b: int) -> dict[int, Value]:
    """A map with a byte string so long that its encoding has this size; signed, it is 70 bytes longer."""
    bare_b = len(cbor({**entries, key: bytes(256)})) - 256
    return {**entries, key: bytes(size_b - bare_b)}


def _bare(seed: bytes, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed).sign(data)


def _list(name: str, owner: Device, given: bytes, error: str, rules: str) -> Negative:
    whole = {"account_id": owner.account_id, "signed": given}
    return _negative("list", name, rules, "list.verify", whole, error)


def chains() -> Iterator[Negative]:
    """Chains from a pinned head."""
    us = _us()
    one = parties.first_list(us)
    chain = [one]
    for seq in (2, 3, 4):
        chain.append(parties.list_entries(us, seq, parties.list_hash(chain[-1]), [us.record_hash]))
    forked = parties.list_entries(us, 2, parties.list_hash(one), [])
    astray = parties.list_entries(us, 3, parties.list_hash(forked), [us.record_hash])
    crossed = parties.list_entries(us, 4, parties.list_hash(astray), [us.record_hash])
    late = NOW_MS + 30 * DAY_MS + 1
    left_out = parties.list_entries(us, 2**30, parties.list_hash(one), [us.record_hash])
    recovered = parties.list_entries(us, 2**30 + 2, bytes(32), [us.record_hash])
    cases: dict[str, tuple[list[dict[int, Value]], dict[int, Value] | None, int, str, str]] = {
        "no-link": ([], chain[0], NOW_MS, "remote.list_gap", "ID-07"),
        "rollback": ([chain[0]], chain[1], NOW_MS, "remote.list_rollback", "ID-07"),
        "fork-of-the-head": ([forked], chain[1], NOW_MS, "remote.list_fork", "ID-07"),
        "fork-behind-the-head": ([one, forked, astray], chain[1], NOW_MS, "remote.list_fork", "ID-07"),
        "wrong-predecessor": ([chain[1], astray], chain[1], NOW_MS, "remote.list_fork", "ID-07"),
        "gap-after-the-head": ([chain[2]], chain[0], NOW_MS, "remote.list_gap", "ID-07"),
        "gap-between-links": ([chain[1], chain[3]], chain[0], NOW_MS, "remote.list_gap", "ID-07"),
        "gap-after-the-head-and-fork-between-links": (
            *([chain[2], crossed], chain[0], NOW_MS),
            *("remote.list_fork", "ID-07"),
        ),
        "fork-of-the-head-and-gap-between-links": (
            *([forked, chain[3]], chain[1], NOW_MS),
            *("remote.list_gap", "ID-07"),
        ),
        "numbers-left-out-up-to-2-to-30": ([left_out], chain[0], NOW_MS, "remote.list_gap", "ID-07"),
        "recovered-without-the-head": ([recovered], chain[0], NOW_MS, "remote.list_gap", "ID-07"),
        "descending": ([chain[1], chain[0]], None, NOW_MS, "remote.list_rollback", "ID-07"),
        "doubled-and-forked": ([chain[1], chain[1], forked], None, NOW_MS, "remote.list_fork", "ID-07"),
        "expired": ([chain[1]], chain[0], late, "remote.list_expired", "ID-08"),
        "from-the-future": ([chain[1]], chain[0], NOW_MS - DAY_MS - 1, "remote.list_expired", "ID-08"),
    }
    for name, (links, pinned, now_ms, error, rules) in cases.items():
        given = {
            "account_id": us.account_id,
            "pinned": None if pinned is None else {"seq": pinned[3], "hash": parties.list_hash(pinned)},
            "links": [parties.sign_list(us, link) for link in links],
            "now_ms": now_ms,
        }
        yield _negative("chain", name, rules, "chain.verify", given, error)


def prekeys() -> Iterator[Negative]:
    """Signed prekeys given to a place."""
    us, other = _us(), parties.device("negative other")
    spk, opk = parties.prekey(us, parties.SPK, 1), parties.prekey(us, parties.OPK, 2)
    one_time = parties.prekey(us, parties.PQK_ONE_TIME, 3)
    last_resort = parties.prekey(us, parties.PQK_LAST_RESORT, 1)
    entries = spk.entries
    resigned: dict[str, tuple[dict[int, Value], str, str]] = {
        "suite-2": ({**entries, 1: 2}, "remote.version", "ID-14"),
        "of-another-account": ({**entries, 2: other.account_id}, "remote.identity", "ID-14 ID-16"),
        "of-another-record": ({**entries, 3: other.record_hash}, "remote.identity", "ID-14 ID-16"),
        "id-0": ({**entries, 6: 0}, "remote.decode", "WIRE-08"),
        "id-2-to-32": ({**entries, 6: 2**32}, "remote.decode", "WIRE-08"),
        "key-not-canonical": ({**entries, 8: b"\xff" * 32}, "remote.key", "PRM-01"),
        "key-of-kem-size": ({**entries, 8: one_time.key}, "remote.decode", "ID-15"),
        "type-3": ({**entries, 4: 3}, "remote.decode", "ID-15"),
        "key-added": ({**entries, 9: 0}, "remote.decode", "WIRE-05"),
        "suite-2-and-of-another-record": (
            {**entries, 1: 2, 3: other.record_hash},
            "remote.version",
            "ID-14 ID-29",
        ),
        "of-another-account-as-opk": (
            {**entries, 2: other.account_id, 5: 1},
            "remote.identity",
            "ID-14 ID-29",
        ),
        "of-another-record-with-a-bad-key": (
            {**entries, 3: other.record_hash, 8: b"\xff" * 32},
            "remote.identity",
            "ID-14 ID-29",
        ),
        "opk-with-a-bad-key": ({**entries, 5: 1, 8: b"\xff" * 32}, "remote.decode", "ID-15 ID-29"),
        "suite-2-and-over-1536-bytes": (
            _of_size({**entries, 1: 2}, 8, 1500),
            "remote.decode",
            "WIRE-03",
        ),
        "id-0-with-a-bad-key": ({**entries, 6: 0, 8: b"\xff" * 32}, "remote.decode", "ID-15 ID-29"),
    }
    for name, (changed, error, rules) in resigned.items():
        yield _prekey(name, us, signed("SR1-sig-prekey", us.sign_seed, changed), ["SPK"], error, rules)
    unsigned: dict[str, tuple[Prekey, dict[int, Value], list[str]]] = {
        "suite-2-and-unsigned": (spk, {1: 2}, ["SPK"]),
        "of-another-account-and-unsigned": (spk, {2: other.account_id}, ["SPK"]),
        "in-another-place-and-unsigned": (spk, {6: 9}, ["OPK"]),
        "with-a-bad-key-and-unsigned": (spk, {8: b"\xff" * 32}, ["SPK"]),
        "usage-flipped-to-one-time": (spk, {5: 1}, ["OPK"]),
        "usage-flipped-to-last-resort": (one_time, {5: 2}, ["PQK_LAST_RESORT"]),
        "id-changed": (spk, {6: 9}, ["SPK"]),
        "end-changed": (spk, {7: NOW_MS + 400 * DAY_MS}, ["SPK"]),
    }
    for name, (item, change, kinds) in unsigned.items():
        forged = cbor([cbor({**item.entries, **change}), item.signature])
        yield _prekey(name, us, forged, kinds, "remote.signature", "ID-14")
    places = {
        "opk-as-spk": (opk, "SPK"),
        "spk-as-opk": (spk, "OPK"),
        "spk-as-pqk": (spk, "PQK_ONE_TIME"),
        "one-time-pqk-as-last-resort": (one_time, "PQK_LAST_RESORT"),
        "last-resort-pqk-as-one-time": (last_resort, "PQK_ONE_TIME"),
    }
    for name, (item, kind) in places.items():
        yield _prekey(name, us, item.signed, [kind], "remote.decode", "ID-15")
    confused = {
        "label-of-lists": sign(us.sign_seed, "SR1-sig-list", spk.encoded),
        "label-of-addresses": sign(us.sign_seed, "SR1-sig-address", spk.encoded),
        "account-key": sign(us.account_seed, "SR1-sig-prekey", spk.encoded),
        "another-device": sign(other.sign_seed, "SR1-sig-prekey", spk.encoded),
    }
    for name, signature in confused.items():
        given = cbor([spk.encoded, signature])
        yield _prekey(f"signed-by-{name}", us, given, ["SPK"], "remote.signature", "ID-14 PRM-11")


def _prekey(name: str, owner: Device, given: bytes, kinds: list[str], error: str, rules: str) -> Negative:
    whole = {"record": owner.record, "signed": given, "kinds": kinds}
    return _negative("prekey", name, rules, "prekey.verify", whole, error)


def bundles() -> Iterator[Negative]:
    """Bundles, compact ones too."""
    us, other = _us(), parties.device("negative other")
    spk, opk = parties.prekey(us, parties.SPK, 1), parties.prekey(us, parties.OPK, 2)
    pqk = parties.prekey(us, parties.PQK_LAST_RESORT, 1)
    entries = parties.bundle_entries(us, parties.sign_list(us, parties.first_list(us)), spk, opk, pqk)
    old = parties.prekey(us, parties.OPK, 3, NOW_MS - 1)
    without_us = parties.sign_list(us, parties.list_entries(us, 1, None, [other.record_hash]))
    cases: dict[str, tuple[dict[int, Value], str, str]] = {
        "record-of-another-account": ({**entries, 1: other.record}, "remote.identity", "ID-09 ID-16"),
        "record-not-listed": ({**entries, 2: without_us}, "remote.identity", "ID-09 ID-16"),
        "list-of-another-account": (
            {**entries, 2: parties.sign_list(other, parties.first_list(other))},
            "remote.signature",
            "ID-05 ID-16",
        ),
        "opk-in-place-of-spk": ({**entries, 3: opk.signed}, "remote.decode", "ID-15"),
        "spk-in-place-of-pqk": ({**entries, 5: spk.signed}, "remote.decode", "ID-15"),
        "spk-null": ({**entries, 3: None}, "remote.decode", "ID-16"),
        "pqk-null": ({**entries, 5: None}, "remote.decode", "ID-16"),
        "opk-expired": ({**entries, 4: old.signed}, "remote.expired", "ID-16"),
        "key-added": ({**entries, 6: None}, "remote.decode", "WIRE-05"),
    }
    for name, (changed, error, rules) in cases.items():
        yield _bundle(name, us, changed, error, rules)
    yield from _bundle_pairs(us, other, entries)
    yield from _compact(us, other, spk, opk, pqk)


def _bundle(
    name: str, owner: Device, entries: dict[int, Value], error: str, rules: str, **other: Any
) -> Negative:
    whole = {
        "account_id": owner.account_id,
        "pinned": other.get("pinned"),
        "links": [],
        "now_ms": other.get("now_ms", NOW_MS),
        "grace_ms": other.get("grace_ms", 0),
        "bundle": cbor(entries),
    }
    return _negative("bundle", name, rules, "bundle.verify", whole, error)


def _bundle_pairs(us: Device, other: Device, entries: dict[int, Value]) -> Iterator[Negative]:
    """Two defects at once, each pair of neighbours in the order of ID-16: the first one names the code."""
    first = parties.first_list(us)
    empty = parties.list_entries(us, 1, None, [])
    spk = parties.prekey(us, parties.SPK, 1)
    one_time = parties.prekey(us, parties.PQK_ONE_TIME, 3)
    ended = {**us.entries, 10: NOW_MS + 1}
    ended_device = Device(us.name, us.account_seed, us.sign_seed, us.dh_private, ended)
    listed = parties.sign_list(us, parties.first_list(ended_device))
    version_2 = cbor({**us.entries, 1: 2})
    old_list = parties.sign_list(us, parties.first_list(us, issued_ms=NOW_MS - 30 * DAY_MS - 1))
    beside = {"seq": 1, "hash": bytes(32)}
    old_spk = parties.prekey(us, parties.SPK, 1, NOW_MS - 1)
    old_opk = parties.prekey(us, parties.OPK, 3, NOW_MS - 1)
    forged = cbor([spk.encoded, bytes(64)])
    theirs = parties.prekey(ended_device, parties.SPK, 1)
    bad_key = signed("SR1-sig-prekey", us.sign_seed, {**old_opk.entries, 8: b"\xff" * 32})
    life = parties.PREKEY_LIFE_MS
    cases: dict[str, tuple[dict[int, Value], str, dict[str, Any]]] = {
        "spk-null-and-list-unsigned": ({**entries, 2: cbor([cbor(first), bytes(64)]), 3: None}, "decode", {}),
        "list-unsigned-and-forked": (
            {**entries, 2: cbor([cbor(first), bytes(64)])},
            "signature",
            {"pinned": beside},
        ),
        "list-forked-and-expired": ({**entries, 2: old_list}, "list_fork", {"pinned": beside}),
        "list-expired-and-record-version-2": ({**entries, 1: version_2, 2: old_list}, "list_expired", {}),
        "record-version-2-and-not-listed": (
            {**entries, 1: version_2, 2: parties.sign_list(us, empty)},
            "version",
            {},
        ),
        "record-not-listed-and-ended": (
            {**entries, 1: ended_device.record},
            "identity",
            {"now_ms": NOW_MS + 2},
        ),
        "record-ended-and-spk-unsigned": (
            {**entries, 1: ended_device.record, 2: listed, 3: forged},
            "expired",
            {"now_ms": NOW_MS + 2},
        ),
        "record-not-listed-and-spk-unsigned": (
            {**entries, 2: parties.sign_list(us, empty), 3: forged},
            "identity",
            {},
        ),
        "spk-unsigned-and-opk-in-its-place": (
            {**entries, 3: entries[4], 4: cbor([spk.encoded, bytes(64)])},
            "decode",
            {},
        ),
        "spk-of-another-record-and-opk-unsigned": ({**entries, 3: theirs.signed, 4: forged}, "identity", {}),
        "spk-ended-and-opk-unsigned": ({**entries, 3: old_spk.signed, 4: forged}, "signature", {}),
        "opk-with-a-bad-key-and-ended": ({**entries, 4: bad_key}, "key", {}),
        "opk-ended-and-pqk-in-another-place": (
            {**entries, 4: old_opk.signed, 5: spk.signed},
            "decode",
            {},
        ),
        "spk-past-its-grace": (
            {**entries, 4: None},
            "expired",
            {"now_ms": NOW_MS + 2 * life + 1, "grace_ms": life},
        ),
        "one-time-pqk-ended-within-the-grace": (
            {**entries, 4: None, 5: one_time.signed},
            "expired",
            {"now_ms": NOW_MS + life + 1, "grace_ms": life},
        ),
    }
    for name, (changed, error, also) in cases.items():
        yield _bundle(name, us, changed, f"remote.{error}", "ID-16 ID-29 ID-31", **also)


def _compact(us: Device, other: Device, spk: Prekey, opk: Prekey, pqk: Prekey) -> Iterator[Negative]:
    entries = parties.compact_entries(spk, pqk, [opk], [])
    cases: dict[str, tuple[Device, dict[int, Value], str]] = {
        "of-another-device": (other, entries, "remote.signature"),
        "opk-as-spk": (us, {**entries, 1: opk.compact}, "remote.signature"),
        "last-resort-as-one-time": (us, {**entries, 4: [pqk.compact]}, "remote.signature"),
        "spk-with-three-items": (us, {**entries, 1: spk.compact[:3]}, "remote.decode"),
        "spk-id-0": (us, {**entries, 1: [0, *spk.compact[1:]]}, "remote.decode"),
        "nine-opks": (us, {**entries, 3: [opk.compact] * 9}, "remote.decode"),
        "nine-opks-of-another-device": (other, {**entries, 3: [opk.compact] * 9}, "remote.decode"),
        "spk-id-0-of-another-device": (other, {**entries, 1: [0, *spk.compact[1:]]}, "remote.decode"),
        "of-another-device-with-a-pqk-of-three-items": (
            other,
            {**entries, 2: pqk.compact[:3]},
            "remote.signature",
        ),
        "pqk-of-three-items-and-spk-as-opk": (
            us,
            {**entries, 2: pqk.compact[:3], 3: [spk.compact]},
            "remote.decode",
        ),
        "spk-as-opk-and-one-time-pqk-of-three-items": (
            us,
            {**entries, 3: [spk.compact], 4: [pqk.compact[:3]]},
            "remote.signature",
        ),
    }
    for name, (owner, changed, error) in cases.items():
        given = {"record": owner.record, "compact_bundle": cbor(changed)}
        yield _negative("compact", name, "ID-19", "compact.verify", given, error)


def statements() -> Iterator[Negative]:
    """Addresses and successors."""
    us, other = _us(), parties.device("negative other")
    entries = parties.address_entries(us)
    addresses = {
        "version-2": (signed("SR1-sig-address", us.sign_seed, {**entries, 1: 2}), "remote.version"),
        "of-another-device": (
            signed("SR1-sig-address", us.sign_seed, {**entries, 2: other.record_hash}),
            "remote.identity",
        ),
        "mailbox-short": (
            signed("SR1-sig-address", us.sign_seed, {**entries, 3: bytes(15)}),
            "remote.decode",
        ),
        "label-of-prekeys": (signed("SR1-sig-prekey", us.sign_seed, entries), "remote.signature"),
        "version-2-and-over-512-bytes": (
            signed("SR1-sig-address", us.sign_seed, {**entries, 1: 2, 4: bytes(512)}),
            "remote.decode",
        ),
        "by-the-account": (signed("SR1-sig-address", us.account_seed, entries), "remote.signature"),
        "version-2-by-the-account": (
            signed("SR1-sig-address", us.account_seed, {**entries, 1: 2}),
            "remote.signature",
        ),
        "version-2-of-another-device": (
            signed("SR1-sig-address", us.sign_seed, {**entries, 1: 2, 2: other.record_hash}),
            "remote.version",
        ),
        "of-another-device-with-a-short-mailbox": (
            signed("SR1-sig-address", us.sign_seed, {**entries, 2: other.record_hash, 3: bytes(15)}),
            "remote.identity",
        ),
    }
    for name, (given, error) in addresses.items():
        whole = {"record": us.record, "signed": given}
        yield _negative("address", name, "ID-20 ID-29", "address.verify", whole, error)
    yield from _successors(us, other)


def _successors(us: Device, other: Device) -> Iterator[Negative]:
    recovery = draw("negative recovery", 32)
    head = parties.first_list(us, recovery=sign_public(recovery))
    named, unnamed = parties.sign_list(us, head), parties.sign_list(us, parties.first_list(us))
    entries: dict[int, Value] = {
        1: 1,
        2: us.account_id,
        3: other.account_id,
        4: NOW_MS,
    }
    cases = {
        "no-recovery-key-named": (unnamed, signed("SR1-sig-succ", recovery, entries), "remote.identity"),
        "by-the-account": (named, signed("SR1-sig-succ", us.account_seed, entries), "remote.signature"),
        "label-of-lists": (named, signed("SR1-sig-list", recovery, entries), "remote.signature"),
        "of-another-account": (
            named,
            signed("SR1-sig-succ", recovery, {**entries, 2: other.account_id}),
            "remote.identity",
        ),
        "of-itself": (
            named,
            signed("SR1-sig-succ", recovery, {**entries, 3: us.account_id}),
            "remote.identity",
        ),
        "version-2-by-the-account": (
            named,
            signed("SR1-sig-succ", us.account_seed, {**entries, 1: 2}),
            "remote.signature",
        ),
        "version-2-of-another-account": (
            named,
            signed("SR1-sig-succ", recovery, {**entries, 1: 2, 2: other.account_id}),
            "remote.version",
        ),
        "of-another-account-with-a-short-new-one": (
            named,
            signed("SR1-sig-succ", recovery, {**entries, 2: other.account_id, 3: bytes(31)}),
            "remote.identity",
        ),
        "new-account-short": (
            named,
            signed("SR1-sig-succ", recovery, {**entries, 3: bytes(31)}),
            "remote.decode",
        ),
        "of-itself-without-a-time": (
            named,
            signed("SR1-sig-succ", recovery, {**entries, 3: us.account_id, 4: None}),
            "remote.identity",
        ),
    }
    for name, (pinned, given, error) in cases.items():
        whole = {"account_id": us.account_id, "list": pinned, "signed": given}
        yield _negative("successor", name, "ID-13 ID-29", "successor.verify", whole, error)


def _negative(
    kind: str, name: str, rules: str, operation: str, given: dict[str, Any], error: str
) -> Negative:
    about = f"A {kind}: {name.replace('-', ' ')}."
    return Negative(f"{kind}-{name}", about, rules, operation, given, error)


def all_identity() -> Iterator[Negative]:
    """Everything here."""
    for part in (records, lists, chains, prekeys, bundles, statements):
        yield from part()
