"""Fuzz targets of chapters 05 and 06: records, lists, prekeys, addresses, cards, safety numbers.

Where a signature hides the decoder, the target signs the input: the decoder behind it sees every byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

import fuzz_seeds
from fuzz_signed import account, account_seed, device_seed, part_of, record, sign_as, time_ms
from fuzz_target import Shape, Target, require
from vector_files import unhex

from e2ee import identity, labels
from e2ee.errors import (
    BadSignature,
    DecodeError,
    Expired,
    IdentityMismatch,
    InvalidKey,
    ListExpired,
    ListFork,
    UnsupportedVersion,
)
from e2ee.identity import Address, DeviceList, DeviceRecord, Successor
from e2ee.ids import AccountId
from e2ee.wire import cbor
from e2ee.wire.fields import decode_signed

_FORMAT: Final = frozenset({DecodeError, UnsupportedVersion})
_OF_ANOTHER: Final = _FORMAT | {IdentityMismatch}


# --- records and lists ---


def _record_holds(data: bytes, record: DeviceRecord) -> None:
    again: dict[int, cbor.Value] = {
        1: 1,
        2: [1],
        3: record.account_id,
        4: record.device_id,
        5: record.sign_public,
        6: record.dh_public,
        7: int(record.kind),
        8: record.flags,
        9: record.created_ms,
        10: record.expires_ms,
    }
    require(cbor.encode(again) == data == record.encoded, "a record has one encoding (ID-02, ID-03)")


def _record_seeds() -> Iterator[bytes]:
    yield from (unhex(case["record"]) for case in fuzz_seeds.vectors("identity")["records"])
    yield from fuzz_seeds.negative("record.decode", "record")


def _signed_holds(data: bytes, parts: tuple[bytes, bytes]) -> None:
    require(cbor.encode(list(parts)) == data, "a signed structure has one encoding (ID-05)")


def _signed_seeds() -> Iterator[bytes]:
    yield from (unhex(one["signed"]) for one in fuzz_seeds.vectors("identity")["lists"])
    yield from fuzz_seeds.negative("list.verify", "signed")


def _list_holds(data: bytes, device_list: DeviceList) -> None:
    again: dict[int, cbor.Value] = {
        1: 1,
        2: device_list.account_id,
        3: device_list.seq,
        4: device_list.prev_hash,
        5: device_list.issued_ms,
        6: device_list.expires_ms,
        7: device_list.recovery_public,
        8: list(device_list.record_hashes),
    }
    require(cbor.encode(again) == data, "a device list has one encoding (ID-05, ID-06)")
    require(
        list(device_list.record_hashes) == sorted(set(device_list.record_hashes)), "hashes ascend (ID-06)"
    )


def _list_seeds() -> Iterator[bytes]:
    for signed in _signed_seeds():
        yield from part_of(signed)


def _decode_list(data: bytes) -> DeviceList:
    return DeviceList.verify(account(), sign_as(account_seed(), labels.SIG_LIST, data))


# --- identity of a first flight ---


def _flight_identity(data: bytes) -> tuple[DeviceRecord, DeviceList]:
    """The input is [record, unsigned list]: what a sealed identity holds, before it was signed."""
    record_b, unsigned = identity.decode_identity(data)
    record = DeviceRecord.decode(record_b)
    signed_list = sign_as(account_seed(), labels.SIG_LIST, unsigned)
    lists = fuzz_seeds.vectors("identity")["lists"]
    pinned = DeviceList.verify(account(), unhex(lists[0]["signed"])) if len(data) % 2 else None
    return record, identity.check_flight_identity(record, signed_list, pinned, time_ms())


def _flight_identity_holds(data: bytes, found: tuple[DeviceRecord, DeviceList]) -> None:
    (record, device_list), parts = found, cbor.decode(data)
    require(isinstance(parts, list) and parts[0] == record.encoded, "the record is the one that was sent")
    require(record.hash in device_list.record_hashes, "the list names the record (ID-09)")
    require(record.account_id == device_list.account_id, "one account (ID-09)")
    _record_holds(record.encoded, record)


def _flight_identity_seeds() -> Iterator[bytes]:
    records = [unhex(case["record"]) for case in fuzz_seeds.vectors("identity")["records"]]
    for record_b in records:
        yield from (cbor.encode([record_b, unsigned]) for unsigned in _list_seeds())


# --- addresses and successors ---


def _decode_address(data: bytes) -> Address:
    return identity.verify_address(record(), sign_as(device_seed(), labels.SIG_ADDRESS, data))


def _address_holds(data: bytes, address: Address) -> None:
    again: dict[int, cbor.Value] = {
        1: 1,
        2: address.record_hash,
        3: address.mailbox,
        4: address.token,
        5: address.issued_ms,
    }
    require(cbor.encode(again) == data, "an address has one encoding (ID-20)")


def _address_seeds() -> Iterator[bytes]:
    yield unhex(fuzz_seeds.vectors("identity")["address"]["address"])
    for signed in fuzz_seeds.negative("address.verify", "signed"):
        yield from part_of(signed)


@cache
def _recoverable() -> DeviceList:
    lists = [unhex(one["signed"]) for one in fuzz_seeds.vectors("identity")["lists"]]
    verified = [DeviceList.verify(account(), signed) for signed in lists]
    return next(one for one in verified if one.recovery_public is not None)


def _decode_successor(data: bytes) -> Successor:
    seed = unhex(fuzz_seeds.vectors("identity")["recovery"]["seed"])
    return identity.verify_successor(_recoverable(), sign_as(seed, labels.SIG_SUCCESSOR, data))


def _successor_holds(data: bytes, found: Successor) -> None:
    again: dict[int, cbor.Value] = {
        1: 1,
        2: found.old_account_id,
        3: found.new_account_id,
        4: found.issued_ms,
    }
    require(cbor.encode(again) == data, "a successor statement has one encoding (ID-13)")


def _successor_seeds() -> Iterator[bytes]:
    new, now_ms = AccountId(bytes(32)), time_ms()
    yield cbor.encode({1: 1, 2: account(), 3: new, 4: now_ms})
    yield unhex(fuzz_seeds.vectors("identity")["successor"]["successor"])


TARGETS: Final = (
    Target(
        "device_record",
        DeviceRecord.decode,
        _record_holds,
        _FORMAT | {InvalidKey},
        _record_seeds,
        Shape.CBOR,
        512,
    ),
    Target(
        "signed_structure",
        lambda data: decode_signed(data, identity.LIST_MAX_B),
        _signed_holds,
        frozenset({DecodeError}),
        _signed_seeds,
        Shape.CBOR,
        2048,
    ),
    Target("device_list", _decode_list, _list_holds, _OF_ANOTHER, _list_seeds, Shape.CBOR, 1200),
    Target(
        "flight_identity",
        _flight_identity,
        _flight_identity_holds,
        _OF_ANOTHER | {BadSignature, InvalidKey, Expired, ListExpired, ListFork},
        _flight_identity_seeds,
        Shape.CBOR,
        1200,
    ),
    Target("address", _decode_address, _address_holds, _OF_ANOTHER, _address_seeds, Shape.CBOR, 600),
    Target("successor", _decode_successor, _successor_holds, _OF_ANOTHER, _successor_seeds, Shape.CBOR, 600),
)
