"""Edges of records, lists and prekeys that other tests pass by: each of these ends a mutant."""

from __future__ import annotations

import pytest
from parties import NOW_MS, Party

from e2ee import identity, labels, prekeys
from e2ee.errors import DecodeError, UnsupportedVersion
from e2ee.identity import DeviceList, DeviceRecord
from e2ee.prekeys import PrekeyKind, SignedPrekey
from e2ee.primitives import sign
from e2ee.wire import cbor
from e2ee.wire.fields import decode_signed

PARTY = Party.make("edges")


def _record_with(key: int, value: cbor.Value) -> bytes:
    entries = cbor.decode(PARTY.device.record.encoded)
    assert isinstance(entries, dict)
    return cbor.encode({**entries, key: value})


@pytest.mark.parametrize("suite", [0, 2, 33, 2**16, 2**64 - 1])
def test_a_suite_that_is_not_ours_is_another_version(suite: int) -> None:
    """ID-03: any number of a suite may stand there."""
    with pytest.raises(UnsupportedVersion):
        DeviceRecord.decode(_record_with(2, [suite]))


@pytest.mark.parametrize("suites", [[], [2, 1], [1, 1], [-1], [None]])
def test_other_suites_than_one_number_are_no_record(suites: list[cbor.Value]) -> None:
    """ID-03: exactly one unsigned number."""
    with pytest.raises(DecodeError):
        DeviceRecord.decode(_record_with(2, suites))


def test_versions_are_large_numbers_too() -> None:
    """ID-03, ID-14: a version beyond 32 bit is another version, not a broken structure."""
    with pytest.raises(UnsupportedVersion):
        DeviceRecord.decode(_record_with(1, 2**32))
    with pytest.raises(UnsupportedVersion):
        DeviceRecord.decode(_record_with(1, 2**64 - 1))
    entries = cbor.decode(decode_signed(PARTY.spk.prekey.signed, 2048)[0])
    assert isinstance(entries, dict)
    unsigned = cbor.encode({**entries, 1: 2**32})
    signature = sign.sign(PARTY.device.signing_key.expose(), labels.SIG_PREKEY + unsigned)
    with pytest.raises(UnsupportedVersion):
        SignedPrekey.verify(PARTY.device.record, cbor.encode([unsigned, signature]), [PrekeyKind.SPK])


def test_a_list_of_seq_0_with_a_predecessor_is_none() -> None:
    """ID-06: numbers begin with 1."""
    unsigned = identity.next_list(PARTY.account_id, PARTY.device_list, [PARTY.device.record], None, NOW_MS)
    entries = cbor.decode(unsigned)
    assert isinstance(entries, dict)
    bad = cbor.encode({**entries, 3: 0})
    signature = sign.sign(PARTY.account_key.expose(), labels.SIG_LIST + bad)
    with pytest.raises(DecodeError):
        DeviceList.verify(PARTY.account_id, cbor.encode([bad, signature]))


def test_a_list_may_live_one_millisecond() -> None:
    """ID-12."""
    unsigned = identity.next_list(PARTY.account_id, None, [], None, NOW_MS, ttl_ms=1)
    assert identity.sign_list(PARTY.account_key, unsigned).expires_ms == NOW_MS + 1


def test_an_identity_beyond_1024_bytes_is_not_read() -> None:
    """WIRE-15."""
    with pytest.raises(DecodeError):
        identity.decode_identity(cbor.encode([bytes(200), bytes(1000)]))


def test_prekeys_of_a_session_make_a_bundle_with_its_one_time_key() -> None:
    """ID-19: the one-time key that was given is in it."""
    bundle = prekeys.bundle_from_peer(
        PARTY.device.record,
        PARTY.device_list,
        PARTY.spk.prekey,
        PARTY.opk.prekey,
        PARTY.pqk.prekey,
        NOW_MS,
    )
    assert bundle.opk is PARTY.opk.prekey
    assert bundle.one_time.x25519
