"""Signed prekeys of all four kinds, bundles and their verification (ID-14 to ID-19)."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from . import labels
from .constants import (
    ACCOUNT_ID_B,
    CLOCK_TOLERANCE_MS,
    HASH_B,
    KEM_KEY_B,
    KEM_SEED_B,
    KEY_B,
    PREKEY_LIFE_MS,
    SIGNATURE_B,
    SUITE,
)
from .errors import DecodeError, Expired, IdentityMismatch
from .identity import (
    LIST_MAX_B,
    RECORD_MAX_B,
    DeviceList,
    DeviceRecord,
    ListHead,
    OurDevice,
    check_suite,
    encode_map,
    signed_bytes,
    verified,
    verify_chain,
)
from .ids import AccountId, DhPublic, KemPublic, RecordHash
from .ports import Rng
from .primitives import dh, kem
from .secret import DhPrivateKey
from .wire import cbor
from .wire.fields import KEYS, MAX_MS, MAX_U32, Fields, array, bstr, decode_map, decode_signed, uint

PREKEY_MAX_B: Final = 1536
BUNDLE_MAX_B: Final = 8192
COMPACT_ONE_TIME_MAX: Final = 8
_PREKEY_ID_B: Final = 4


class PrekeyKind(Enum):
    """The four kinds; the value is (type, usage) (ID-15)."""

    SPK = (1, 2)
    OPK = (1, 1)
    PQK_ONE_TIME = (2, 1)
    PQK_LAST_RESORT = (2, 2)

    @property
    def is_kem(self) -> bool:
        """Whether the key is an ML-KEM-768 encapsulation key."""
        return self in (PrekeyKind.PQK_ONE_TIME, PrekeyKind.PQK_LAST_RESORT)

    @property
    def is_one_time(self) -> bool:
        """Whether the key is used for one handshake only."""
        return self in (PrekeyKind.OPK, PrekeyKind.PQK_ONE_TIME)


@dataclass(frozen=True, slots=True)
class SignedPrekey:
    """A prekey that was signed here or verified; `signed` is the whole signed structure (ID-14)."""

    signed: bytes = field(repr=False)
    kind: PrekeyKind
    record_hash: RecordHash
    id: int
    not_after_ms: int
    key: bytes = field(repr=False)

    @classmethod
    def verify(cls, record: DeviceRecord, signed: bytes, kinds: Sequence[PrekeyKind]) -> SignedPrekey:
        """Verify a signed prekey of a device, for a place that takes `kinds`.

        Raises:
            DecodeError: not a prekey, or of a kind that does not belong there (ID-15).
            BadSignature, IdentityMismatch, InvalidKey, UnsupportedVersion.
        """
        _, fields = verified(record.sign_public, labels.SIG_PREKEY, signed, PREKEY_MAX_B, KEYS[8])
        check_suite(fields.value(1))
        if fields.bstr(2, ACCOUNT_ID_B) != record.account_id:
            raise IdentityMismatch("a prekey of another account")
        if fields.bstr(3, HASH_B) != record.hash:
            raise IdentityMismatch("a prekey of another device")
        named = fields.uint(4), fields.uint(5)
        kind = next((one for one in kinds if one.value == named), None)
        if kind is None:
            raise DecodeError("a prekey of a kind that does not belong here")
        return cls(
            signed, kind, record.hash, fields.uint(6, MAX_U32, 1), fields.time_ms(7), _key_of(fields, kind)
        )

    def check_time(self, now_ms: int, grace_ms: int = 0) -> None:
        """Refuse a prekey that is past its end; `grace_ms` is for reusable ones only (ID-16, ID-31).

        Raises:
            Expired.
        """
        if now_ms > self.not_after_ms + (0 if self.kind.is_one_time else grace_ms):
            raise Expired("the prekey is past its end")


@dataclass(frozen=True, slots=True)
class PrekeyPair:
    """A prekey of ours with its private key; what a responder needs of it (HS-06)."""

    prekey: SignedPrekey
    private: DhPrivateKey | kem.DecapsulationKey = field(repr=False)


class OneTimeState(NamedTuple):
    """Whether a handshake had its one-time keys (ID-17)."""

    x25519: bool
    kem: bool


@dataclass(frozen=True, slots=True)
class VerifiedBundle:
    """A bundle verified up to a pinned account: the only thing that starts a handshake (ID-16)."""

    record: DeviceRecord
    device_list: DeviceList
    spk: SignedPrekey
    opk: SignedPrekey | None
    pqk: SignedPrekey

    @property
    def prekeys(self) -> tuple[SignedPrekey, ...]:
        """SPK, OPK if there is one, PQK."""
        return (self.spk, self.pqk) if self.opk is None else (self.spk, self.opk, self.pqk)

    @property
    def one_time(self) -> OneTimeState:
        """Which one-time keys were given."""
        return OneTimeState(self.opk is not None, self.pqk.kind.is_one_time)


class CompactBundle(NamedTuple):
    """Prekeys as they travel inside a session: unverified until `verify_compact` (ID-19)."""

    spk: cbor.Value
    pqk: cbor.Value
    opks: Sequence[cbor.Value]
    one_time_pqks: Sequence[cbor.Value]


@dataclass(frozen=True, slots=True)
class PeerPrekeys:
    """Verified prekeys that a peer gave us inside a session (CON-07)."""

    spk: SignedPrekey
    pqk: SignedPrekey
    opks: tuple[SignedPrekey, ...]
    one_time_pqks: tuple[SignedPrekey, ...]

    def check_ahead(self, now_ms: int) -> None:
        """Refuse prekeys of which one ends later than a new one: a wrong clock has dated it, and they would
        be kept in place of good ones (SES-34).

        Raises:
            Expired.
        """
        latest_ms = now_ms + PREKEY_LIFE_MS + CLOCK_TOLERANCE_MS
        prekeys = (self.spk, self.pqk, *self.opks, *self.one_time_pqks)
        if any(prekey.not_after_ms > latest_ms for prekey in prekeys):
            raise Expired("a prekey is of a time to come")

    def take(self, now_ms: int) -> tuple[SignedPrekey | None, SignedPrekey | None, PeerPrekeys]:
        """Return the first OPK and one-time PQK that have not expired, and what is left: neither these nor
        any that has (ID-32).
        """
        opks = [prekey for prekey in self.opks if now_ms <= prekey.not_after_ms]
        pqks = [prekey for prekey in self.one_time_pqks if now_ms <= prekey.not_after_ms]
        rest = PeerPrekeys(self.spk, self.pqk, tuple(opks[1:]), tuple(pqks[1:]))
        return opks[0] if opks else None, pqks[0] if pqks else None, rest

    def compact(self) -> CompactBundle:
        """Return them as they came (ID-19)."""
        return CompactBundle(
            compact(self.spk),
            compact(self.pqk),
            [compact(prekey) for prekey in self.opks],
            [compact(prekey) for prekey in self.one_time_pqks],
        )


def new_prekey_id(rng: Rng, kept: Container[int]) -> int:
    """Draw the id of a new prekey: 1 to 2^32 - 1, and none of those in `kept` (ID-30)."""
    while True:
        key_id = int.from_bytes(rng(_PREKEY_ID_B), "big")
        if key_id and key_id not in kept:
            return key_id


def new_prekey(device: OurDevice, kind: PrekeyKind, key_id: int, not_after_ms: int, rng: Rng) -> PrekeyPair:
    """Make and sign a prekey; `key_id` is one of `new_prekey_id` (ID-14, ID-30)."""
    private: DhPrivateKey | kem.DecapsulationKey
    public: DhPublic | KemPublic
    if kind.is_kem:
        private = kem.DecapsulationKey(rng(KEM_SEED_B))
        public = kem.derive_public(private.expose())
    else:
        private = DhPrivateKey(rng(KEY_B))
        public = dh.derive_public(private.expose())
    unsigned = _unsigned(device.record, kind, key_id, not_after_ms, public)
    signed = signed_bytes(device.signing_key, labels.SIG_PREKEY, unsigned)
    return PrekeyPair(SignedPrekey(signed, kind, device.record.hash, key_id, not_after_ms, public), private)


def new_signed_pair(device: OurDevice, key_id: int, now_ms: int, rng: Rng) -> tuple[PrekeyPair, PrekeyPair]:
    """Make SPK and last-resort PQK together, under one id, valid for 14 days (ID-18)."""
    not_after_ms = now_ms + PREKEY_LIFE_MS
    return (
        new_prekey(device, PrekeyKind.SPK, key_id, not_after_ms, rng),
        new_prekey(device, PrekeyKind.PQK_LAST_RESORT, key_id, not_after_ms, rng),
    )


def verify_bundle(
    account_id: AccountId,
    pinned: ListHead | None,
    links: Sequence[bytes],
    bundle: bytes,
    now_ms: int,
    *,
    grace_ms: int = 0,
) -> VerifiedBundle:
    """Verify a bundle up to a pinned account, in the order of ID-16.

    `links` are the signed device lists between the pinned head and the bundle's own list, which may be
    among them. `grace_ms` prolongs SPK and last-resort PQK (ID-31).

    Raises:
        RemoteError: any of ID-03 to ID-09 and ID-14 to ID-16.
    """
    fields = decode_map(bundle, BUNDLE_MAX_B, KEYS[5])
    record_b, own_list = fields.bstr(1, 1, RECORD_MAX_B), fields.bstr(2, 1, LIST_MAX_B)
    spk_b, pqk_b = fields.bstr(3, 1, PREKEY_MAX_B), fields.bstr(5, 1, PREKEY_MAX_B)
    opk_b = fields.bstr_or_null(4, 1, PREKEY_MAX_B)
    chain = list(links) if own_list in links else [*links, own_list]
    device_list = verify_chain(account_id, pinned, chain, now_ms)
    record = DeviceRecord.decode(record_b)
    device_list.check_record(record)
    record.check_time(now_ms)
    spk = SignedPrekey.verify(record, spk_b, (PrekeyKind.SPK,))
    opk = None if opk_b is None else SignedPrekey.verify(record, opk_b, (PrekeyKind.OPK,))
    pqk = SignedPrekey.verify(record, pqk_b, (PrekeyKind.PQK_ONE_TIME, PrekeyKind.PQK_LAST_RESORT))
    return bundle_from_peer(record, device_list, spk, opk, pqk, now_ms, grace_ms=grace_ms)


def bundle_from_peer(
    record: DeviceRecord,
    device_list: DeviceList,
    spk: SignedPrekey,
    opk: SignedPrekey | None,
    pqk: SignedPrekey,
    now_ms: int,
    *,
    grace_ms: int = 0,
) -> VerifiedBundle:
    """Build a bundle from prekeys that a peer gave inside a session; checked like a fetched one (ID-19).

    `grace_ms` prolongs SPK and last-resort PQK (ID-31).

    Raises:
        Expired, ListExpired, IdentityMismatch.
    """
    device_list.check_time(now_ms)
    device_list.check_record(record)
    record.check_time(now_ms)
    bundle = VerifiedBundle(record, device_list, spk, opk, pqk)
    if any(prekey.record_hash != record.hash for prekey in bundle.prekeys):
        raise IdentityMismatch("a prekey of another device")
    for prekey in bundle.prekeys:
        prekey.check_time(now_ms, grace_ms)
    return bundle


def compact(prekey: SignedPrekey) -> cbor.Value:
    """Return [id, not_after_ms, key, signature]: what cannot be told from the session (ID-19)."""
    _, signature = decode_signed(prekey.signed, PREKEY_MAX_B)
    return [prekey.id, prekey.not_after_ms, prekey.key, signature]


def verify_compact(record: DeviceRecord, bundle: CompactBundle) -> PeerPrekeys:
    """Expand and verify the prekeys of a compact bundle against the record of the session's peer (ID-19).

    Raises:
        RemoteError: any of ID-14 and ID-15.
    """
    return PeerPrekeys(
        _expand(record, PrekeyKind.SPK, bundle.spk),
        _expand(record, PrekeyKind.PQK_LAST_RESORT, bundle.pqk),
        tuple(_expand(record, PrekeyKind.OPK, item) for item in bundle.opks),
        tuple(_expand(record, PrekeyKind.PQK_ONE_TIME, item) for item in bundle.one_time_pqks),
    )


def encode_compact(bundle: CompactBundle) -> cbor.Value:
    """Return the map of a compact bundle (chapter 05)."""
    return {1: bundle.spk, 2: bundle.pqk, 3: list(bundle.opks), 4: list(bundle.one_time_pqks)}


def decode_compact(value: cbor.Value) -> CompactBundle:
    """Read the map of a compact bundle; the prekeys in it are checked by `verify_compact`."""
    fields = Fields(value, KEYS[4])
    return CompactBundle(
        fields.value(1),
        fields.value(2),
        fields.array(3, 0, COMPACT_ONE_TIME_MAX),
        fields.array(4, 0, COMPACT_ONE_TIME_MAX),
    )


def _expand(record: DeviceRecord, kind: PrekeyKind, value: cbor.Value) -> SignedPrekey:
    items = array(value, 4, 4)
    unsigned = _unsigned(
        record, kind, uint(items[0], MAX_U32, 1), uint(items[1], MAX_MS), bstr(items[2], KEY_B, KEM_KEY_B)
    )
    signed = cbor.encode([unsigned, bstr(items[3], SIGNATURE_B)])
    return SignedPrekey.verify(record, signed, (kind,))


def _unsigned(record: DeviceRecord, kind: PrekeyKind, key_id: int, not_after_ms: int, key: bytes) -> bytes:
    return encode_map(SUITE, record.account_id, record.hash, *kind.value, key_id, not_after_ms, key)


def _key_of(fields: Fields, kind: PrekeyKind) -> DhPublic | KemPublic:
    if kind.is_kem:
        return kem.encapsulation_key(fields.bstr(8, KEM_KEY_B))
    return dh.public_key(fields.bstr(8, KEY_B))
