"""Whose structures the fuzz targets read, and the signing of an input so that its decoder is reached."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import fuzz_seeds
from vector_files import unhex

from e2ee.errors import DecodeError
from e2ee.identity import DeviceRecord
from e2ee.ids import AccountId
from e2ee.primitives import sign
from e2ee.wire import cbor
from e2ee.wire.fields import decode_signed


def time_ms() -> int:
    """Return the time at which the vectors are valid."""
    now_ms: int = fuzz_seeds.vectors("identity")["now_ms"]
    return now_ms


@cache
def account_seed() -> bytes:
    """Return the private key of the account."""
    return unhex(fuzz_seeds.vectors("identity")["account"]["seed"])


@cache
def account() -> AccountId:
    """Return the account that lists, prekeys and bundles are of."""
    return AccountId(unhex(fuzz_seeds.vectors("identity")["account"]["account_id"]))


@cache
def record() -> DeviceRecord:
    """Return the record of its device."""
    return DeviceRecord.decode(unhex(fuzz_seeds.vectors("identity")["records"][0]["record"]))


@cache
def device_seed() -> bytes:
    """Return the signing key of that device."""
    return unhex(fuzz_seeds.vectors("identity")["records"][0]["signing_seed"])


def sign_as(seed: bytes, label: bytes, unsigned: bytes) -> bytes:
    """Return a signed structure around an input (ID-05)."""
    return cbor.encode([unsigned, sign.sign(seed, label + unsigned)])


def part_of(signed: bytes) -> Iterator[bytes]:
    """Yield what a signed structure signs; nothing if it is none."""
    try:
        yield decode_signed(signed, 8192)[0]
    except DecodeError:
        return
