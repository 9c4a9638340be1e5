"""Accounts, device records, signed hash-chained device lists, addresses and successors (chapter 05)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from . import labels
from .constants import (
    ACCOUNT_ID_B,
    CLOCK_TOLERANCE_MS,
    DEVICE_ID_B,
    HASH_B,
    KEY_B,
    LIST_TTL_MS,
    MAILBOX_B,
    MAX_LIST_RECORDS,
    PREKEY_LIFE_MS,
    RELAY_RETENTION_MS,
    SUITE,
    TOKEN_B,
    VERSION,
)
from .errors import (
    DecodeError,
    Expired,
    IdentityMismatch,
    InvalidArgument,
    ListExpired,
    ListFork,
    ListGap,
    ListRollback,
    UnsupportedVersion,
)
from .ids import AccountId, DeviceId, DhPublic, ListHash, RecordHash, SignPublic
from .ports import Rng
from .primitives import dh, kdf, sign
from .secret import AccountKey, DhPrivateKey, HedgeSecret, RecoveryKey, Secret, SigningKey
from .wire import cbor
from .wire.fields import KEYS, MAX_U64, Fields, array, bstr, decode_map, decode_signed, uint

RECORD_MAX_B: Final = 256
LIST_MAX_B: Final = 1024
ADDRESS_MAX_B: Final = 512
MAX_SEQ: Final = 2**31 - 1
RECOVERED_FROM: Final = 2**30
"""Every list with a higher number is one of an account that was recovered (ACC-63)."""

FLAG_FRONT_DESK: Final = 1
_KNOWN_FLAGS: Final = FLAG_FRONT_DESK


class DeviceKind(IntEnum):
    """Who acts through a device; shown to the other side."""

    PERSON = 0
    AGENT = 1
    BOT = 2


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """Public description of a device, as decoded from exactly `encoded` (ID-02, ID-03)."""

    encoded: bytes
    account_id: AccountId
    device_id: DeviceId
    sign_public: SignPublic
    dh_public: DhPublic
    kind: DeviceKind
    flags: int
    created_ms: int
    expires_ms: int
    hash: RecordHash

    @classmethod
    def decode(cls, encoded: bytes) -> DeviceRecord:
        """Read a device record; its values are checked in ascending order of their keys (ID-29).

        Raises:
            DecodeError, UnsupportedVersion, InvalidKey: as ID-03 says.
        """
        fields = decode_map(encoded, RECORD_MAX_B, KEYS[10])
        check_version(fields)
        check_suite(fields.array(2, 1, 1)[0])
        record = cls(
            encoded,
            AccountId(fields.bstr(3, ACCOUNT_ID_B)),
            DeviceId(fields.bstr(4, DEVICE_ID_B)),
            SignPublic(fields.bstr(5, KEY_B)),
            dh.public_key(fields.bstr(6, KEY_B)),
            DeviceKind(fields.uint(7, max(DeviceKind))),
            fields.uint(8, _KNOWN_FLAGS),
            fields.time_ms(9),
            fields.time_ms(10),
            RecordHash(kdf.hash_(labels.RECORD, encoded)),
        )
        if record.expires_ms <= record.created_ms:
            raise DecodeError("a record that ends before it begins")
        return record

    @property
    def front_desk(self) -> bool:
        """Whether the device answers first contacts."""
        return bool(self.flags & FLAG_FRONT_DESK)

    def check_time(self, now_ms: int, grace_ms: int = 0) -> None:
        """Refuse a record outside its life (ID-04).

        Raises:
            Expired: not begun (beyond the clock tolerance) or past `expires_ms` plus `grace_ms`.
        """
        if now_ms < self.created_ms - CLOCK_TOLERANCE_MS or now_ms > self.expires_ms + grace_ms:
            raise Expired("the device record is not valid at this time")


@dataclass(frozen=True, slots=True)
class OurDevice:
    """A device of ours with its private keys and its hedge secret (ID-02, HS-13)."""

    record: DeviceRecord
    signing_key: SigningKey = field(repr=False)
    dh_key: DhPrivateKey = field(repr=False)
    hedge: HedgeSecret = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListHead:
    """Newest accepted device list of an account: what a client pins (ID-07)."""

    seq: int
    hash: ListHash


@dataclass(frozen=True, slots=True)
class DeviceList:
    """A device list whose signature has been verified; `signed` is the whole structure (ID-05, ID-06)."""

    signed: bytes
    account_id: AccountId
    seq: int
    prev_hash: ListHash | None
    issued_ms: int
    expires_ms: int
    recovery_public: SignPublic | None
    record_hashes: tuple[RecordHash, ...]
    hash: ListHash

    @classmethod
    def verify(cls, account_id: AccountId, signed: bytes) -> DeviceList:
        """Verify the signature of a device list of a given account, then decode it (ID-29).

        Raises:
            BadSignature: not signed by the account key (ID-05).
            DecodeError, UnsupportedVersion: not a device list (ID-06).
            IdentityMismatch: the account signed a list of another account.
        """
        encoded, fields = verified(account_id, labels.SIG_LIST, signed, LIST_MAX_B, KEYS[8])
        check_version(fields)
        if fields.bstr(2, ACCOUNT_ID_B) != account_id:
            raise IdentityMismatch("a device list of another account")
        seq = fields.uint(3, MAX_SEQ, 1)
        prev_hash = fields.bstr_or_null(4, HASH_B)
        if (prev_hash is None) != (seq == 1):
            raise DecodeError("prev_hash is null exactly in the first list")
        issued_ms, expires_ms = fields.time_ms(5), fields.time_ms(6)
        if not issued_ms < expires_ms <= issued_ms + LIST_TTL_MS:
            raise DecodeError("a device list lives at most 30 days")
        recovery = fields.bstr_or_null(7, KEY_B)
        hashes = [bstr(item, HASH_B) for item in fields.array(8, 0, MAX_LIST_RECORDS)]
        if any(left >= right for left, right in itertools.pairwise(hashes)):
            raise DecodeError("record hashes are not ascending")
        return cls(
            signed,
            account_id,
            seq,
            None if prev_hash is None else ListHash(prev_hash),
            issued_ms,
            expires_ms,
            None if recovery is None else SignPublic(recovery),
            tuple(RecordHash(item) for item in hashes),
            ListHash(kdf.hash_(labels.LIST, encoded)),
        )

    @property
    def head(self) -> ListHead:
        """What to pin once the list is accepted."""
        return ListHead(self.seq, self.hash)

    def is_in_time(self, now_ms: int, grace_ms: int = 0) -> bool:
        """Whether the list is neither from the future nor past its end plus `grace_ms` (ID-08)."""
        return self.issued_ms - CLOCK_TOLERANCE_MS <= now_ms <= self.expires_ms + grace_ms

    def check_time(self, now_ms: int, grace_ms: int = 0) -> None:
        """Refuse a list that has expired, or that claims to be from the future (ID-08).

        Raises:
            ListExpired: outside its life; `grace_ms` is added to its end.
        """
        if not self.is_in_time(now_ms, grace_ms):
            raise ListExpired("the device list is not valid at this time")

    def check_record(self, record: DeviceRecord) -> None:
        """Refuse a record that is not in this list (ID-09).

        Raises:
            IdentityMismatch: another account's, or not listed.
        """
        if record.account_id != self.account_id or record.hash not in self.record_hashes:
            raise IdentityMismatch("the device is not in the account's list")


@dataclass(frozen=True, slots=True)
class Address:
    """A verified entry of a published device: where to send a first flight (ID-20)."""

    record_hash: RecordHash
    mailbox: bytes
    token: bytes = field(repr=False)
    issued_ms: int = 0


@dataclass(frozen=True, slots=True)
class Successor:
    """A verified successor statement (ID-13)."""

    old_account_id: AccountId
    new_account_id: AccountId
    issued_ms: int


def new_account(rng: Rng) -> AccountKey:
    """Make an account key."""
    return AccountKey(rng(KEY_B))


def account_id_of(key: AccountKey) -> AccountId:
    """Return the self-certifying id of an account (ID-01)."""
    return AccountId(sign.derive_public(key.expose()))


def recovery_public_of(key: RecoveryKey) -> SignPublic:
    """Return the public half that a device list names."""
    return sign.derive_public(key.expose())


def new_device(
    account_id: AccountId,
    kind: DeviceKind,
    flags: int,
    created_ms: int,
    expires_ms: int,
    rng: Rng,
    *,
    device_id: DeviceId | None = None,
) -> OurDevice:
    """Make a device with keys and a hedge secret (ID-02, HS-13); an id not given is random (ACC-32)."""
    signing_key, dh_key = SigningKey(rng(KEY_B)), DhPrivateKey(rng(KEY_B))
    names = account_id, device_id or rng(DEVICE_ID_B)
    publics = sign.derive_public(signing_key.expose()), dh.derive_public(dh_key.expose())
    encoded = encode_map(VERSION, [SUITE], *names, *publics, int(kind), flags, created_ms, expires_ms)
    return OurDevice(DeviceRecord.decode(encoded), signing_key, dh_key, HedgeSecret(rng(KEY_B)))


def redated(record: DeviceRecord, created_ms: int, expires_ms: int) -> DeviceRecord:
    """Return the record of the same device, with the same keys, for another time (ID-39)."""
    names, publics = (record.account_id, record.device_id), (record.sign_public, record.dh_public)
    kind, flags = int(record.kind), record.flags
    encoded = encode_map(VERSION, [SUITE], *names, *publics, kind, flags, created_ms, expires_ms)
    return DeviceRecord.decode(encoded)


def next_list(
    account_id: AccountId,
    previous: DeviceList | None,
    records: Sequence[DeviceRecord],
    recovery_public: SignPublic | None,
    now_ms: int,
    ttl_ms: int = LIST_TTL_MS,
    *,
    least_seq: int = 1,
) -> bytes:
    """Return the unsigned bytes of the account's next device list, for an account key to sign (ID-12).

    `least_seq` leaves out numbers that lists which are not known may have (SES-40). `previous` is the list
    before, or for an account without a directory entry its first one (ID-45).

    Raises:
        InvalidArgument: more than 16 records, one of another account, or a life over 30 days.
    """
    if len(records) > MAX_LIST_RECORDS or not 0 < ttl_ms <= LIST_TTL_MS:
        raise InvalidArgument("a device list has at most 16 records and lives at most 30 days")
    if any(record.account_id != account_id for record in records):
        raise InvalidArgument("a record of another account")
    seq, prev_hash = (1, None) if previous is None else (previous.seq + 1, previous.hash)
    hashes = sorted({record.hash for record in records})
    times = now_ms, now_ms + ttl_ms
    return encode_map(VERSION, account_id, max(seq, least_seq), prev_hash, *times, recovery_public, hashes)


def sign_list(key: AccountKey, unsigned: bytes) -> DeviceList:
    """Sign the bytes of a device list, where the account key is kept (ID-05, ID-12).

    Raises:
        DecodeError, IdentityMismatch: not a device list of this account.
    """
    return DeviceList.verify(account_id_of(key), signed_bytes(key, labels.SIG_LIST, unsigned))


def verify_chain(
    account_id: AccountId, pinned: ListHead | None, links: Sequence[bytes], now_ms: int
) -> DeviceList:
    """Accept the newest of `links`, ascending signed device lists, from a pinned head (ID-07, ID-08).

    Without a pinned head only the newest link must hold; earlier ones must still link to it.

    Raises:
        ListRollback, ListFork, ListGap: as ID-07 says. ListExpired: ID-08.
        DecodeError, BadSignature, IdentityMismatch: a link is not a list of the account.
    """
    if not links:
        raise ListGap("no device list was given")
    lists = [DeviceList.verify(account_id, link) for link in links]
    for previous, following in itertools.pairwise(lists):
        check_link(previous.head, following)
    if pinned is not None:
        _check_from_head(pinned, lists)
    lists[-1].check_time(now_ms)
    return lists[-1]


def _check_from_head(pinned: ListHead, lists: Sequence[DeviceList]) -> None:
    """Compare from the head on: links before it are not needed, only such are a rollback (ID-07)."""
    check_link(pinned, next((one for one in lists if one.seq >= pinned.seq), lists[-1]))


def check_link(head: ListHead, following: DeviceList) -> None:
    """Check that a list is that of a head or follows it; before one above 2^30 numbers may be left out
    (ID-07, ACC-63).

    Raises:
        ListRollback, ListFork, ListGap.
    """
    if following.seq < head.seq:
        raise ListRollback("an older device list than the pinned one")
    follows = following.prev_hash == head.hash
    if following.seq == head.seq:
        if following.hash != head.hash:
            raise ListFork("two device lists with one sequence number", signed=following.signed)
    elif following.seq > head.seq + 1 and not (follows and following.seq > RECOVERED_FROM):
        raise ListGap("a link between two device lists is missing")
    elif not follows:
        raise ListFork("the device list does not follow the one before", signed=following.signed)


def check_flight_identity(
    record: DeviceRecord, signed_list: bytes, pinned: DeviceList | None, now_ms: int
) -> DeviceList:
    """Check the list inside a sealed identity, and the record beside it by that (HS-07, ID-10, ID-11, ID-29);
    return the list in force, the newer of the given and the pinned one.

    Under a pinned list that is dated ahead or ended long ago, the given one has to be of now: its account was
    set back to before its clock was ahead (ID-40).

    Raises:
        RemoteError: any of ID-04 to ID-06 and ID-09. ListFork, ListExpired.
    """
    given = DeviceList.verify(record.account_id, signed_list)
    device_list = _newer(given, pinned)
    grace_ms = PREKEY_LIFE_MS + RELAY_RETENTION_MS + CLOCK_TOLERANCE_MS
    if not device_list.is_in_time(now_ms, grace_ms):
        given.check_time(now_ms, CLOCK_TOLERANCE_MS)
    device_list.check_record(record)
    record.check_time(now_ms, grace_ms)
    return device_list


def _newer(given: DeviceList, pinned: DeviceList | None) -> DeviceList:
    """Return the list in force: the given one if it is newer; links between them may be missing (ID-11)."""
    if pinned is None or given.seq > pinned.seq + 1:
        return given
    if given.seq < pinned.seq:
        return pinned
    check_link(pinned.head, given)
    return given


def sign_address(device: OurDevice, mailbox: bytes, token: bytes, now_ms: int) -> bytes:
    """Return the signed address that a published device hands to its relay (ID-20)."""
    unsigned = encode_map(VERSION, device.record.hash, mailbox, token, now_ms)
    return signed_bytes(device.signing_key, labels.SIG_ADDRESS, unsigned)


def verify_address(record: DeviceRecord, signed: bytes) -> Address:
    """Verify a signed address against the record of its device (ID-20).

    Raises:
        DecodeError, BadSignature, IdentityMismatch.
    """
    _, fields = verified(record.sign_public, labels.SIG_ADDRESS, signed, ADDRESS_MAX_B, KEYS[5])
    check_version(fields)
    if fields.bstr(2, HASH_B) != record.hash:
        raise IdentityMismatch("an address of another device")
    return Address(record.hash, fields.bstr(3, MAILBOX_B), fields.bstr(4, TOKEN_B), fields.time_ms(5))


def sign_successor(
    key: RecoveryKey, old_account_id: AccountId, new_account_id: AccountId, now_ms: int
) -> bytes:
    """Sign a successor statement with the recovery key of the old account (ID-13)."""
    unsigned = encode_map(VERSION, old_account_id, new_account_id, now_ms)
    return signed_bytes(key, labels.SIG_SUCCESSOR, unsigned)


def verify_successor(pinned: DeviceList, signed: bytes) -> Successor:
    """Verify a successor statement against the old account's pinned list; the caller then asks (ID-13).

    Raises:
        DecodeError, BadSignature: not such a statement.
        IdentityMismatch: the list names no recovery key, or the statement is about another account, or names
            that as its own successor.
    """
    encoded, signature = decode_signed(signed, ADDRESS_MAX_B)
    if pinned.recovery_public is None:
        raise IdentityMismatch("the account named no recovery key")
    sign.verify(pinned.recovery_public, labels.SIG_SUCCESSOR + encoded, signature)
    fields = decode_map(encoded, ADDRESS_MAX_B, KEYS[4])
    check_version(fields)
    if fields.bstr(2, ACCOUNT_ID_B) != pinned.account_id:
        raise IdentityMismatch("a successor of another account")
    new_account_id = AccountId(fields.bstr(3, ACCOUNT_ID_B))
    if new_account_id == pinned.account_id:
        raise IdentityMismatch("an account that follows itself")
    return Successor(pinned.account_id, new_account_id, fields.time_ms(4))


def encode_map(*values: cbor.Value) -> bytes:
    """Return the bytes of the map that has these values under the keys 1, 2, 3, ..."""
    return cbor.encode(dict(enumerate(values, start=1)))


def signed_bytes(key: Secret, label: bytes, unsigned: bytes) -> bytes:
    """Return the signed structure: the bytes of a map, and their signature under a label."""
    return cbor.encode([unsigned, sign.sign(key.expose(), label + unsigned)])


def verified(
    public: bytes, label: bytes, signed: bytes, max_b: int, keys: frozenset[int]
) -> tuple[bytes, Fields]:
    """Return the bytes of the map in a signed structure, and its fields: all of `keys` (ID-29).

    Raises:
        DecodeError, BadSignature.
    """
    encoded, signature = decode_signed(signed, max_b)
    sign.verify(public, label + encoded, signature)
    return encoded, decode_map(encoded, max_b, keys)


def check_version(fields: Fields) -> None:
    """Refuse every version but 1, which stands under key 1 (ID-03).

    Raises:
        UnsupportedVersion: another number. DecodeError: not an unsigned integer.
    """
    if fields.uint(1, MAX_U64) != VERSION:
        raise UnsupportedVersion("unknown version of a structure")


def check_suite(value: cbor.Value) -> None:
    """Refuse every suite but SR1 (ID-03).

    Raises:
        UnsupportedVersion: another number. DecodeError: not an unsigned integer.
    """
    if uint(value, MAX_U64) != SUITE:
        raise UnsupportedVersion("unknown suite")


def encode_identity(record: DeviceRecord, device_list: DeviceList) -> bytes:
    """Return the plaintext of a sealed identity before padding (WIRE-15)."""
    return cbor.encode([record.encoded, device_list.signed])


def decode_identity(encoded: bytes) -> tuple[bytes, bytes]:
    """Read [device record, signed device list] (WIRE-15)."""
    items = array(cbor.decode(encoded, LIST_MAX_B), 2, 2)
    return bstr(items[0], 1, RECORD_MAX_B), bstr(items[1], 1, LIST_MAX_B)
