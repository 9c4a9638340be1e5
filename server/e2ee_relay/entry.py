"""Directory entries and prekeys as far as an honest relay checks them; clients check them all over again.

The formats are those of spec chapters 04 and 05. The relay verifies Ed25519 here and for Auth, nowhere
else: these requests are rare, messages are not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final, cast

from nacl.exceptions import BadSignatureError
from nacl.exceptions import ValueError as NaclValueError
from nacl.signing import VerifyKey

from .protocol import FrameError, decode_item
from .store.api import PrekeyRow

_LABEL_RECORD: Final = b"SR1-record".ljust(16, b"\0")
_LABEL_LIST: Final = b"SR1-list".ljust(16, b"\0")
_LABEL_SIG_LIST: Final = b"SR1-sig-list".ljust(16, b"\0")
_LABEL_SIG_ADDRESS: Final = b"SR1-sig-address".ljust(16, b"\0")
_MAX_LIST_DAYS_MS: Final = 30 * 86_400_000
_MAX_ITEM_B: Final = 2048

USAGE_ONE_TIME: Final = 1
USAGE_REUSABLE: Final = 2


class EntryError(ValueError):
    """The entry is not valid by itself: format, signature, expiry, or parts that do not belong together."""


class StaleEntry(ValueError):
    """The entry is valid but does not follow the one that the relay holds."""


@dataclass(frozen=True, slots=True)
class SignedList:
    encoded: bytes
    list_hash: bytes
    account_id: bytes
    seq: int
    prev_hash: bytes | None
    expires_ms: int
    record_hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Device:
    """A device of an entry: its record, and its address if it wants to be reached."""

    record_hash: bytes
    record: bytes
    address: bytes | None
    mailbox: bytes | None
    issued_ms: int
    slot: bytes | None = None  # not read (RLY-200)


@dataclass(frozen=True, slots=True)
class Entry:
    """The head of an account's chain of lists, with its devices."""

    head: SignedList
    devices: tuple[Device, ...]

    def device(self, record_hash: bytes) -> Device | None:
        """Return the device with this record, or None."""
        return next((one for one in self.devices if one.record_hash == record_hash), None)

    def mailboxes(self) -> set[bytes]:
        """Return the mailboxes that its addresses name."""
        return {one.mailbox for one in self.devices if one.mailbox is not None}

    def newly_named(self, held: Entry | None) -> set[bytes]:
        """Return the mailboxes of the addresses that the entry held does not have."""
        known = set[bytes | None]() if held is None else {one.address for one in held.devices}
        return {one.mailbox for one in self.devices if one.mailbox is not None and one.address not in known}

    def with_slots(self, held: Entry | None, fresh: bytes | None, own: Set[bytes]) -> Entry:
        """Return it with the slots of the devices held, and a fresh one behind own mailboxes (RLY-200)."""
        slots = {} if held is None else {one.record_hash: one.slot for one in held.devices}
        if fresh is not None:
            slots.update({one.record_hash: fresh for one in self.devices if one.mailbox in own})
        return Entry(self.head, tuple(replace(one, slot=slots.get(one.record_hash)) for one in self.devices))

    def devices_b(self) -> int:
        """Return the bytes of records, addresses and slots, which each PUBLISH writes (RLY-258)."""
        return sum(len(part) for one in self.devices for part in (one.record, one.address, one.slot) if part)


def signature_is_valid(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether an Ed25519 signature is valid by libsodium's rules."""
    try:
        VerifyKey(public).verify(message, signature)
    except (BadSignatureError, NaclValueError):
        return False
    return True


def record_hash(record: bytes) -> bytes:
    """Return the hash by which lists and prekeys name a device record."""
    return hashlib.sha256(_LABEL_RECORD + record).digest()


def check_lists(
    account_id: bytes, encoded: tuple[bytes, ...], held: Entry | None, now_ms: int
) -> list[SignedList]:
    """Return the lists that are new, ascending; none if the held head was published again.

    Raises:
        EntryError: a list is malformed, not this account's, not signed by it, or the new head has expired
        (RLY-51, RLY-52). StaleEntry: the lists do not follow the held head (RLY-51).
    """
    lists = [parse_list(one) for one in encoded]
    if any(one.account_id != account_id for one in lists):
        raise EntryError("a list of another account")
    if lists[-1].expires_ms <= now_ms:
        raise EntryError("the new head has expired")
    if held is not None and len(lists) == 1 and lists[0].encoded == held.head.encoded:
        return []
    previous = None if held is None else held.head
    for one in lists:
        _check_link(previous, one)
        previous = one
    for one in lists:
        if not signature_is_valid(
            account_id, _LABEL_SIG_LIST + _signed_part(one.encoded)[0], _signed_part(one.encoded)[1]
        ):
            raise EntryError("a list without a valid signature")
    return lists


def _check_link(previous: SignedList | None, one: SignedList) -> None:
    """A chain begins with any list where no entry is held: who has a head of before checks from there."""
    if previous is not None and (one.seq <= previous.seq or one.prev_hash != previous.list_hash):
        raise StaleEntry("a list that does not follow its predecessor")


def check_devices(
    head: SignedList,
    records: tuple[bytes, ...],
    addresses: tuple[bytes | None, ...],
    held: Entry | None,
) -> tuple[Device, ...]:
    """Return the devices of the head, in its order.

    Raises:
        EntryError: records are not those that the head names, or an address is not its device's (RLY-53).
        StaleEntry: an address was issued before the one held (RLY-54).
    """
    if tuple(record_hash(record) for record in records) != head.record_hashes or len(addresses) != len(
        records
    ):
        raise EntryError("records are not those of the list")
    devices = tuple(_parse_device(head, *pair) for pair in zip(records, addresses, strict=True))
    for device in devices:
        before = None if held is None else held.device(device.record_hash)
        if before is not None and device.address is not None and device.issued_ms < before.issued_ms:
            raise StaleEntry("an address older than the one held")
    return devices


def _parse_device(head: SignedList, record: bytes, address: bytes | None) -> Device:
    fields = _map(record, 10)
    sign_pub = _octets(fields[5], 32)
    if _uint(fields[1]) != 1 or _octets(fields[3], 32) != head.account_id:
        raise EntryError("a record of another account")
    name = record_hash(record)
    if address is None:
        return Device(name, record, None, None, 0)
    mailbox, issued_ms = _parse_address(address, name, sign_pub)
    return Device(name, record, address, mailbox, issued_ms)


def _parse_address(address: bytes, record: bytes, sign_pub: bytes) -> tuple[bytes, int]:
    signed, signature = _signed_part(address)
    fields = _map(signed, 5)
    if _uint(fields[1]) != 1 or _octets(fields[2], 32) != record:
        raise EntryError("an address of another record")
    if not signature_is_valid(sign_pub, _LABEL_SIG_ADDRESS + signed, signature):
        raise EntryError("an address without a valid signature")
    _octets(fields[4], 32)
    return _octets(fields[3], 16), _uint(fields[5])


def parse_list(encoded: bytes) -> SignedList:
    """Parse a signed list without verifying its signature.

    Raises:
        EntryError: it is not in the format of chapter 05.
    """
    signed, _ = _signed_part(encoded)
    fields = _map(signed, 8)
    hashes = tuple(_octets(one, 32) for one in _array(fields[8]))
    seq, issued_ms, expires_ms = _uint(fields[3]), _uint(fields[5]), _uint(fields[6])
    if _uint(fields[1]) != 1 or seq < 1 or len(hashes) > 16 or any(a >= b for a, b in pairwise(hashes)):
        raise EntryError("not a device list")
    if not issued_ms < expires_ms <= issued_ms + _MAX_LIST_DAYS_MS:
        raise EntryError("a list that is valid for too long")
    return SignedList(
        encoded=encoded,
        list_hash=hashlib.sha256(_LABEL_LIST + signed).digest(),
        account_id=_octets(fields[2], 32),
        seq=seq,
        prev_hash=None if fields[4] is None else _octets(fields[4], 32),
        expires_ms=expires_ms,
        record_hashes=hashes,
    )


def parse_prekey(
    encoded: bytes, account_id: bytes, record: bytes, key_type: int, usage: int, now_ms: int
) -> PrekeyRow:
    """Parse a signed prekey for the place that it was uploaded for; its signature is left to those who fetch.

    Raises:
        EntryError: another account, record, type or usage, expired, or not in the format (RLY-61).
    """
    signed, _ = _signed_part(encoded)
    fields = _map(signed, 8)
    key_id, not_after_ms = _uint(fields[6]), _uint(fields[7])
    place = (_uint(fields[1]), fields[2], fields[3], _uint(fields[4]), _uint(fields[5]))
    if place != (1, account_id, record, key_type, usage) or not 1 <= key_id <= 0xFFFF_FFFF:
        raise EntryError("a prekey for another place")
    if not now_ms < not_after_ms < 1 << 63:
        raise EntryError("an expired prekey")
    if type(fields[8]) is not bytes:
        raise EntryError("a prekey without a key")
    return PrekeyRow(key_type, key_id, not_after_ms, encoded)


def entry_from_rows(head: bytes, devices: Iterable[tuple[Any, ...]]) -> Entry:
    """Build an entry from what the store kept; it was verified when it was published.

    `head` is the signed list; a device is its record's hash, record, signed address and slot, in its order.
    """
    return Entry(parse_list(head), tuple(_device_from_row(*row) for row in devices))


def _device_from_row(name: bytes, record: bytes, address: bytes | None, slot: bytes | None) -> Device:
    if address is None:
        return Device(name, record, None, None, 0, slot)
    fields = _map(_signed_part(address)[0], 5)
    return Device(name, record, address, _octets(fields[3], 16), _uint(fields[5]), slot)


def mailbox_of(address: bytes) -> bytes:
    """Return the mailbox that a signed address names; it was verified when it was published."""
    return _octets(_map(_signed_part(address)[0], 5)[3], 16)


# --- pieces of the formats ---


def _decode(data: bytes) -> object:
    try:
        return decode_item(data, _MAX_ITEM_B)
    except FrameError:
        raise EntryError("not deterministic CBOR") from None


def _signed_part(encoded: bytes) -> tuple[bytes, bytes]:
    parts = _array(_decode(encoded))
    if len(parts) != 2 or type(parts[0]) is not bytes:
        raise EntryError("not a signed structure")
    return parts[0], _octets(parts[1], 64)


def _map(data: bytes, last_key: int) -> dict[int, object]:
    value = _decode(data)
    if type(value) is not dict or list(cast("dict[int, object]", value)) != list(range(1, last_key + 1)):
        raise EntryError("not a map with the keys of its format")
    return cast("dict[int, object]", value)


def _array(value: object) -> list[object]:
    if type(value) is not list:
        raise EntryError("not an array")
    return cast("list[object]", value)


def _octets(value: object, size_b: int) -> bytes:
    if type(value) is not bytes or len(value) != size_b:
        raise EntryError("byte string of the wrong type or size")
    return value


def _uint(value: object) -> int:
    """Return an integer; `true` equals 1 in Python, and is none (RLY-51)."""
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise EntryError("integer of the wrong type or range")
    return value
