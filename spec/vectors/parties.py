"""Accounts, devices, lists and prekeys of the vectors, built from chapter 05 with `suite` alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from spec.vectors.suite import (
    DAY_MS,
    NOW_MS,
    Value,
    cbor,
    dh_public,
    draw,
    hash_,
    kem_public,
    sign,
    sign_public,
    signed,
)

LIST_LIFE_MS: Final = 30 * DAY_MS
PREKEY_LIFE_MS: Final = 14 * DAY_MS
RECORD_LIFE_MS: Final = 400 * DAY_MS

SPK: Final = (1, 2)
OPK: Final = (1, 1)
PQK_ONE_TIME: Final = (2, 1)
PQK_LAST_RESORT: Final = (2, 2)


@dataclass(frozen=True)
class Device:
    """A device with its account's key; `entries` is the map of its record."""

    name: str
    account_seed: bytes
    sign_seed: bytes
    dh_private: bytes
    entries: dict[int, Value]

    @property
    def account_id(self) -> bytes:
        return sign_public(self.account_seed)

    @property
    def record(self) -> bytes:
        return cbor(self.entries)

    @property
    def record_hash(self) -> bytes:
        return hash_("SR1-record", self.record)

    @property
    def device_id(self) -> bytes:
        return draw(f"{self.name} device id", 16)

    @property
    def hedge(self) -> bytes:
        return draw(f"{self.name} hedge secret", 32)

    @property
    def dh_public(self) -> bytes:
        return dh_public(self.dh_private)


@dataclass(frozen=True)
class Prekey:
    """A prekey of a device: the map, its private key, and the signed structure."""

    device: Device
    private: bytes
    entries: dict[int, Value]

    @property
    def encoded(self) -> bytes:
        return cbor(self.entries)

    @property
    def key(self) -> bytes:
        return bytes_of(self.entries[8])

    @property
    def id(self) -> int:
        return int_of(self.entries[6])

    @property
    def signature(self) -> bytes:
        return sign(self.device.sign_seed, "SR1-sig-prekey", self.encoded)

    @property
    def signed(self) -> bytes:
        return cbor([self.encoded, self.signature])

    @property
    def compact(self) -> list[Value]:
        return [self.id, self.entries[7], self.key, self.signature]


def bytes_of(value: Value) -> bytes:
    """A value that is known to be a byte string."""
    if not isinstance(value, bytes):
        raise TypeError("not a byte string")
    return value


def int_of(value: Value) -> int:
    """A value that is known to be an integer."""
    if not isinstance(value, int):
        raise TypeError("not an integer")
    return value


def device(name: str, kind: int = 0, flags: int = 0, account: str | None = None) -> Device:
    """A device of the account of that name, or of a named other one."""
    account_seed = draw(f"{account or name} account seed", 32)
    sign_seed, dh_private = draw(f"{name} signing seed", 32), draw(f"{name} identity key", 32)
    entries: dict[int, Value] = {
        1: 1,
        2: [1],
        3: sign_public(account_seed),
        4: draw(f"{name} device id", 16),
        5: sign_public(sign_seed),
        6: dh_public(dh_private),
        7: kind,
        8: flags,
        9: NOW_MS,
        10: NOW_MS + RECORD_LIFE_MS,
    }
    return Device(name, account_seed, sign_seed, dh_private, entries)


def list_entries(
    owner: Device, seq: int, prev_hash: bytes | None, hashes: list[bytes], **other: Value
) -> dict[int, Value]:
    """The map of a device list; `issued_ms`, `expires_ms` and `recovery` may be given."""
    issued_ms = int_of(other.get("issued_ms", NOW_MS))
    return {
        1: 1,
        2: owner.account_id,
        3: seq,
        4: prev_hash,
        5: issued_ms,
        6: other.get("expires_ms", issued_ms + LIST_LIFE_MS),
        7: other.get("recovery"),
        8: sorted(hashes),
    }


def sign_list(owner: Device, entries: dict[int, Value]) -> bytes:
    """A signed device list."""
    return signed("SR1-sig-list", owner.account_seed, entries)


def list_hash(entries: dict[int, Value]) -> bytes:
    """The hash of a device list, over the map without the signature."""
    return hash_("SR1-list", cbor(entries))


def first_list(owner: Device, **other: Value) -> dict[int, Value]:
    """The map of the first list of an account with one device."""
    return list_entries(owner, 1, None, [owner.record_hash], **other)


def prekey_entries(
    owner: Device, kind: tuple[int, int], key_id: int, key: bytes, not_after_ms: int
) -> dict[int, Value]:
    """The map of a prekey."""
    key_type, usage = kind
    return {
        1: 1,
        2: owner.account_id,
        3: owner.record_hash,
        4: key_type,
        5: usage,
        6: key_id,
        7: not_after_ms,
        8: key,
    }


def prekey(owner: Device, kind: tuple[int, int], key_id: int, not_after_ms: int | None = None) -> Prekey:
    """A prekey of one of the four kinds, made at NOW_MS."""
    name = f"{owner.name} prekey {kind} {key_id}"
    private = draw(name, 64 if kind[0] == 2 else 32)
    key = kem_public(private) if kind[0] == 2 else dh_public(private)
    end_ms = NOW_MS + PREKEY_LIFE_MS if not_after_ms is None else not_after_ms
    return Prekey(owner, private, prekey_entries(owner, kind, key_id, key, end_ms))


def bundle_entries(
    owner: Device, signed_list: bytes, spk: Prekey, opk: Prekey | None, pqk: Prekey
) -> dict[int, Value]:
    """The map of a bundle."""
    return {
        1: owner.record,
        2: signed_list,
        3: spk.signed,
        4: None if opk is None else opk.signed,
        5: pqk.signed,
    }


def compact_entries(spk: Prekey, pqk: Prekey, opks: list[Prekey], one_time: list[Prekey]) -> dict[int, Value]:
    """The map of a compact bundle."""
    return {
        1: spk.compact,
        2: pqk.compact,
        3: [item.compact for item in opks],
        4: [item.compact for item in one_time],
    }


def address_entries(owner: Device) -> dict[int, Value]:
    """The map of an address."""
    return {
        1: 1,
        2: owner.record_hash,
        3: draw(f"{owner.name} mailbox", 16),
        4: draw(f"{owner.name} token", 32),
        5: NOW_MS,
    }


def way_back(owner: Device) -> dict[int, Value]:
    """The map of an address in a content (chapter 10, key 7)."""
    return {
        1: draw(f"{owner.name} mailbox", 16),
        2: draw(f"{owner.name} token", 32),
        3: "wss://relay.example/",
    }
