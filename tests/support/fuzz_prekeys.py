"""Fuzz targets of chapter 05: prekeys, bundles and compact bundles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import fuzz_seeds
from fuzz_signed import account, device_seed, part_of, record, sign_as, time_ms
from fuzz_target import Shape, Target, require
from parties import bundle_of
from vector_files import unhex

from e2ee import labels, prekeys
from e2ee.errors import (
    BadSignature,
    DecodeError,
    Expired,
    IdentityMismatch,
    InvalidKey,
    ListExpired,
    UnsupportedVersion,
)
from e2ee.prekeys import PeerPrekeys, PrekeyKind, SignedPrekey, VerifiedBundle
from e2ee.wire import cbor

_OF_ANOTHER: Final = frozenset({DecodeError, UnsupportedVersion, IdentityMismatch})


# --- prekeys and bundles ---


def _decode_prekey(data: bytes) -> SignedPrekey:
    signed = sign_as(device_seed(), labels.SIG_PREKEY, data)
    return SignedPrekey.verify(record(), signed, tuple(PrekeyKind))


def _prekey_holds(data: bytes, prekey: SignedPrekey) -> None:
    key_type, usage = prekey.kind.value
    again: dict[int, cbor.Value] = {
        1: 1,
        2: record().account_id,
        3: prekey.record_hash,
        4: key_type,
        5: usage,
        6: prekey.id,
        7: prekey.not_after_ms,
        8: prekey.key,
    }
    require(cbor.encode(again) == data, "a prekey has one encoding (ID-14)")
    require(len(prekey.key) == (1184 if prekey.kind.is_kem else 32), "a key has the size of its kind (ID-15)")


def _prekey_seeds() -> Iterator[bytes]:
    yield from (unhex(case["prekey"]) for case in fuzz_seeds.vectors("identity")["prekeys"])
    for signed in fuzz_seeds.negative("prekey.verify", "signed"):
        yield from part_of(signed)


def _decode_compact(data: bytes) -> PeerPrekeys:
    return prekeys.verify_compact(record(), prekeys.decode_compact(cbor.decode(data)))


def _compact_holds(data: bytes, found: PeerPrekeys) -> None:
    spk, pqk = prekeys.compact(found.spk), prekeys.compact(found.pqk)
    opks = [prekeys.compact(one) for one in found.opks]
    pqks = [prekeys.compact(one) for one in found.one_time_pqks]
    require(
        cbor.encode({1: spk, 2: pqk, 3: opks, 4: pqks}) == data, "a compact bundle has one encoding (ID-19)"
    )


def _compact_seeds() -> Iterator[bytes]:
    yield unhex(fuzz_seeds.vectors("identity")["compact_bundle"])
    yield from fuzz_seeds.negative("compact.verify", "compact_bundle")


def _decode_bundle(data: bytes) -> VerifiedBundle:
    return prekeys.verify_bundle(account(), None, [], data, time_ms())


def _bundle_holds(data: bytes, found: VerifiedBundle) -> None:
    signed_list = found.device_list.signed
    again = bundle_of(found.record, signed_list, found.spk, found.opk, found.pqk)
    require(again == data, "a bundle has one encoding (ID-16)")


def _bundle_seeds() -> Iterator[bytes]:
    yield from (unhex(case["bundle"]) for case in fuzz_seeds.vectors("identity")["bundles"])
    yield from fuzz_seeds.negative("bundle.verify", "bundle")


TARGETS: Final = (
    Target(
        "prekey", _decode_prekey, _prekey_holds, _OF_ANOTHER | {InvalidKey}, _prekey_seeds, Shape.CBOR, 1700
    ),
    Target(
        "compact_bundle",
        _decode_compact,
        _compact_holds,
        _OF_ANOTHER | {InvalidKey, BadSignature},
        _compact_seeds,
        Shape.CBOR,
        8192,
    ),
    Target(
        "bundle",
        _decode_bundle,
        _bundle_holds,
        _OF_ANOTHER | {InvalidKey, BadSignature, Expired, ListExpired},
        _bundle_seeds,
        Shape.CBOR,
        8300,
    ),
)
