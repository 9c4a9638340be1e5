"""What our own entry in the directory shows of us, and how often it is published."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from e2ee_relay.protocol import LookupResult

from e2ee import identity
from e2ee.errors import IdentityMismatch
from e2ee.identity import DeviceList, DeviceRecord
from e2ee.ids import RecordHash

from .records import Own, is_same_device, named_records
from .state import State

MAX_PUBLISHED: Final = 64
"""How often an entry is published in an hour (ID-43)."""
_WINDOW_MS: Final = 3_600_000


@dataclass(slots=True)
class PublishBudget:
    """Counts in windows that begin with the first use (ID-43), and waits when the relay says so (ID-57)."""

    begun_ms: int = 0
    used: int = 0
    held_ms: int = 0

    def free_ms(self, now_ms: int) -> int:
        """Return from when on an entry may be published; now, where it may be at once."""
        if not self.begun_ms <= now_ms < self.begun_ms + _WINDOW_MS:
            self.begun_ms, self.used = now_ms, 0
        free_ms = now_ms if self.used < MAX_PUBLISHED else self.begun_ms + _WINDOW_MS
        # After a clock that was put back, nothing is waited for longer than a relay may ask.
        return max(free_ms, self.held_ms) if self.held_ms <= now_ms + _WINDOW_MS else free_ms

    def use(self) -> None:
        """An entry is published."""
        self.used += 1


def own_records(
    own: Own, others: Collection[bytes], held: DeviceList, frame: LookupResult
) -> list[DeviceRecord]:
    """Return our records that a list names; the one with an address comes last (ID-42).

    Raises:
        IdentityMismatch: the relay withholds a record, so that this cannot be told.
    """
    given = [DeviceRecord.decode(one) for one in frame.records]
    reached = {one.hash for one, address in zip(given, frame.addresses, strict=False) if address is not None}
    records = [*named_records(own.device.record, own.older_record), *given]
    named = {one.hash: one for one in records if one.hash in held.record_hashes}
    known = [one for one in named.values() if is_same_device(own.device.record, one)]
    if not known and set(held.record_hashes) - named.keys() - set(others):
        raise IdentityMismatch("not all records that our list names are known")
    return sorted(known, key=lambda one: (one.hash in reached, one.created_ms))


def brings_back(state: State, newest: DeviceList, frame: LookupResult) -> bool:
    """Whether a list names a record that our list in use has left out, of no device that this one names
    (ID-55). Of one that the relay withholds that cannot be told: then it does.

    Raises:
        RemoteError: a record has no form.
    """
    own = state.own
    before = [DeviceList.verify(own.account_id, row) for _, row in state.rows.items("list")]
    left = {one for older in before for one in older.record_hashes} - set(own.device_list.record_hashes)
    others = [one.record for one in state.own_devices.values() if one.listed]
    named = {one.device_id for one in (own.device.record, *others)}
    given = [DeviceRecord.decode(one) for one in frame.records]
    known = (*named_records(own.device.record, own.older_record), *given)
    renewed = {one.hash for one in known if one.device_id in named}
    return bool(left & set(newest.record_hashes) - renewed)


def records_of(own: Own, frame: LookupResult) -> set[RecordHash]:
    """Return the hashes of our records, with those that an entry shows.

    Raises:
        RemoteError: one has no form.
    """
    given = [DeviceRecord.decode(one) for one in frame.records]
    records = [*named_records(own.device.record, own.older_record), *given]
    return {one.hash for one in records if is_same_device(own.device.record, one)}


def shown_addresses(record: DeviceRecord, frame: LookupResult) -> list[int | None]:
    """Return when the addresses were issued that an entry shows for a record; None for one without.

    Raises:
        RemoteError: an address does not hold.
    """
    shown = zip(frame.records, frame.addresses, strict=False)
    signed = [one for record_b, one in shown if record_b == record.encoded]
    return [None if one is None else identity.verify_address(record, one).issued_ms for one in signed]
