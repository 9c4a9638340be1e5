"""Builds the core's objects from the devices and prekeys of a vector file."""

from __future__ import annotations

from typing import Any

from vector_files import unhex

from e2ee.constants import KEM_SEED_B
from e2ee.handshake import ResponderKeys
from e2ee.identity import DeviceList, DeviceRecord, OurDevice
from e2ee.prekeys import PrekeyKind, PrekeyPair, SignedPrekey
from e2ee.primitives.kem import DecapsulationKey
from e2ee.secret import DhPrivateKey, HedgeSecret, SigningKey

KEM_KINDS = (PrekeyKind.PQK_ONE_TIME, PrekeyKind.PQK_LAST_RESORT)


def our_device(case: dict[str, Any]) -> OurDevice:
    """A device with its private keys."""
    return OurDevice(
        DeviceRecord.decode(unhex(case["record"])),
        SigningKey(unhex(case["signing_seed"])),
        DhPrivateKey(unhex(case["dh_private"])),
        HedgeSecret(unhex(case["hedge"])),
    )


def list_of(case: dict[str, Any]) -> DeviceList:
    """The device list that stands with a device."""
    record = DeviceRecord.decode(unhex(case["record"]))
    return DeviceList.verify(record.account_id, unhex(case["signed_list"]))


def prekey_pair(record: DeviceRecord, case: dict[str, str], *kinds: PrekeyKind) -> PrekeyPair:
    """A prekey with its private key."""
    private = unhex(case["private"])
    key = (DecapsulationKey if len(private) == KEM_SEED_B else DhPrivateKey)(private)
    return PrekeyPair(SignedPrekey.verify(record, unhex(case["signed"]), kinds), key)


def responder_keys(device: dict[str, Any], case: dict[str, Any]) -> ResponderKeys:
    """The private side of a bundle: `spk`, `opk` (perhaps null) and `pqk` of a case."""
    ours = our_device(device)
    return ResponderKeys(
        ours,
        ours.record,
        prekey_pair(ours.record, case["spk"], PrekeyKind.SPK),
        None if case["opk"] is None else prekey_pair(ours.record, case["opk"], PrekeyKind.OPK),
        prekey_pair(ours.record, case["pqk"], *KEM_KINDS),
    )
