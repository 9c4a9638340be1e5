"""The other devices of our account: which our list names, which it is to name, and where they are reached.

The device with the account key adds and removes them (ACC-35); each device learns of the others from the
account's own directory entry, which any of them publishes for all (ID-41).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from e2ee_relay.protocol import LookupResult

from e2ee import identity
from e2ee.constants import CLOCK_TOLERANCE_MS, MAX_TEAM
from e2ee.errors import NoRight
from e2ee.identity import DeviceKind, DeviceList, DeviceRecord
from e2ee.ids import DeviceId
from e2ee.rooms.room import MAX_CUSTOMER_DEVICES
from e2ee_client.errors import ConfigError, TooManyDevices, UnknownDevice
from e2ee_client.events import OwnDeviceAdded, OwnDeviceRemoved

from .part import Part
from .records import AskedDevice, OwnDevice, account_key_of, named_records
from .turn import Turn

ASKED_LIFE_MS: Final = 2 * 86_400_000
"""How long a device is kept that was asked for: it waits for a day (ACC-42, ACC-43)."""


class DeviceView(NamedTuple):
    """A device of our account. `reachable`: the directory says where it takes messages, so it has been online
    since it was added; `leaving`: it is struck off with the next list.
    """

    device_id: bytes
    kind: DeviceKind
    front_desk: bool
    created_ms: int
    is_this: bool
    reachable: bool
    leaving: bool


class Devices(Part):
    """Rows of the other devices' records; a device with two records that are listed has two."""

    @property
    def _others(self) -> list[OwnDevice]:
        return list(self._state.own_devices.values())

    @property
    def are_others(self) -> bool:
        """Whether the account has other devices, known or not, or is to have some."""
        return bool(self._state.own_devices) or not self.knows_all

    @property
    def owes_list(self) -> bool:
        """Whether the next list is to name other devices than the one in use."""
        return any(one.listed == one.leaving for one in self._others)

    @property
    def knows_all(self) -> bool:
        """Whether we have each record that our list names, so that the next leaves nobody out (ID-42)."""
        own = self._state.own
        known = {one.hash for one in named_records(own.device.record, own.older_record)}
        return known | self._state.own_devices.keys() >= set(own.device_list.record_hashes)

    def wanted(self) -> list[DeviceRecord]:
        """Return the records of other devices that the next list names."""
        return [one.record for one in self._others if not one.leaving]

    def named(self, device_list: DeviceList) -> list[DeviceRecord]:
        """Return the records of other devices that a list of ours names."""
        return [one.record for one in self._others if one.record_hash in device_list.record_hashes]

    def address_of(self, record: DeviceRecord) -> bytes | None:
        """Return the signed address of another device, as the entry shows it."""
        return self._state.own_devices[record.hash].address

    def views(self) -> list[DeviceView]:
        """Return all devices, this one first."""
        own = self._state.own.device.record
        this = DeviceView(
            own.device_id,
            own.kind,
            own.front_desk,
            own.created_ms,
            True,
            self._context.entry.published,
            False,
        )
        newest: dict[bytes, OwnDevice] = {}
        for one in sorted(self._others, key=lambda one: one.record.created_ms):
            newest[one.record.device_id] = one
        return [this, *(_view(one) for one in newest.values())]

    # --- by a person ---

    def add(self, turn: Turn, record: DeviceRecord) -> None:
        """Let the next list name a device (ACC-35); a person's is owed our rooms (ACC-52).

        Raises:
            AccountKeyAbsent, DeviceReplacedError: this device cannot sign.
            ConfigError: no directory entry, or the id of a device that is known.
            TooManyDevices: there is no room for another one.
        """
        account_key_of(self._state.own)
        self._check_new(record)
        self._put(turn, OwnDevice(record.hash, record, owed=record.kind is DeviceKind.PERSON))
        self._context.entry.refill(turn)

    def owe_rooms(self, turn: Turn, device_id: bytes) -> None:
        """Give our rooms to another device of the person, at once or when it can be reached (ACC-52).

        Raises:
            UnknownDevice: the account has no other one of this id.
            NoRight: it is being struck off.
        """
        found = self._of_id(device_id)
        if any(one.leaving for one in found):
            raise NoRight("a device that is being struck off is given nothing")
        for one in found:
            self._put(turn, replace(one, owed=True))
        self._context.colleagues.look(turn)

    def owes_rooms(self, device_id: bytes) -> bool:
        """Whether a device has still to be given our rooms.

        Raises:
            UnknownDevice: the account has no other one of this id.
        """
        return any(one.owed for one in self._of_id(device_id))

    def ask_for(self, turn: Turn, asked: AskedDevice) -> None:
        """Keep a device whose list is signed elsewhere, in the place of one asked for before (ACC-42).
        Not in that of one that is listed and does not know it (ACC-45).

        Raises:
            DeviceReplacedError, ConfigError, TooManyDevices: as `add`.
            ConfigError: the list of the one before is installed, and it has not been told.
        """
        self._check_new(asked.record)
        before = self.asked_or_none(turn)
        if before is not None and before.record.hash in self._state.own_devices:
            raise ConfigError(
                "the device before is listed and was not told: install its list again, or cancel it"
            )
        turn.put(asked.put())

    def ask_no_more(self, turn: Turn, asked: AskedDevice, before: AskedDevice | None) -> None:
        """Put back what was asked for before a device that could not be held (ACC-45)."""
        if asked.record not in self.asked(turn):
            return
        if before is None:
            self.forget_asked(turn)
        else:
            turn.put(before.put())

    def asked_for(self, turn: Turn) -> AskedDevice:
        """Return the device that was asked for.

        Raises:
            ConfigError: none was, or it has been told.
        """
        asked = self.asked_or_none(turn)
        if asked is None:
            raise ConfigError("no device waits for a list: ask for one first")
        return asked

    def take_asked(self, turn: Turn, device_list: DeviceList) -> None:
        """Know the device that was asked for where a list that was signed elsewhere names it (ACC-42)."""
        for record in self.asked(turn):
            if record.hash in device_list.record_hashes and record.hash not in self._state.own_devices:
                self._put(turn, OwnDevice(record.hash, record))

    def asked(self, turn: Turn) -> list[DeviceRecord]:
        """Return the record of the device that was asked for, if one was (ACC-42)."""
        asked = self.asked_or_none(turn)
        return [] if asked is None else [asked.record]

    def asked_or_none(self, turn: Turn) -> AskedDevice | None:
        """Return the device that was asked for, if one was."""
        row = turn.read(self._state.rows, AskedDevice.TABLE, AskedDevice.PREFIX)
        return None if row is None else AskedDevice.decode(AskedDevice.PREFIX, row)

    def forget_asked(self, turn: Turn) -> None:
        """Nothing more is to be told to the device that was asked for."""
        turn.delete(AskedDevice.TABLE, AskedDevice.PREFIX)

    def sweep_asked(self, turn: Turn) -> None:
        """Forget a device that was asked for two days ago, or by a clock ahead: it waits no more (ACC-42)."""
        asked = self.asked_or_none(turn)
        if asked is not None and not -CLOCK_TOLERANCE_MS <= turn.now_ms - asked.asked_ms <= ASKED_LIFE_MS:
            self.forget_asked(turn)

    def _check_new(self, record: DeviceRecord) -> None:
        self.check_room(record.kind)
        if record.device_id in self._ids():
            raise ConfigError("a device of this id is known")

    def check_room(self, kind: DeviceKind) -> None:
        """Refuse what `add` would refuse of any device of a kind (ACC-36, ACC-50), wherever the key is."""
        own = self._state.own
        self._state.check_goes_on()
        if not own.publish:
            raise ConfigError("an account without a directory entry has one device")
        most = MAX_CUSTOMER_DEVICES if kind is DeviceKind.PERSON else MAX_TEAM
        if len(self._ids()) >= most:
            raise TooManyDevices(f"an account has at most {most} devices")

    def remove(self, turn: Turn, device_id: bytes) -> None:
        """Let the next list leave a device out (ID-28).

        Raises:
            AccountKeyAbsent: this device cannot sign.
            ConfigError: it is this device.
            UnknownDevice: the account has none of this id.
        """
        account_key_of(self._state.own)
        if device_id == self._state.own.device.record.device_id:
            raise ConfigError("this device cannot strike off itself")
        for one in self._of_id(device_id):
            one.leaving = True
            turn.put(one.put())
        self._context.entry.refill(turn)

    def _of_id(self, device_id: bytes) -> list[OwnDevice]:
        found = [one for one in self._others if one.record.device_id == device_id]
        if not found:
            raise UnknownDevice("the account has no such device")
        return found

    def _ids(self) -> set[DeviceId]:
        others = {one.record.device_id for one in self._others}
        return others | {self._state.own.device.record.device_id}

    # --- by lists and entries ---

    def note_entry(self, turn: Turn, held: DeviceList, frame: LookupResult) -> None:
        """Take records and addresses of the other devices from our entry, whose list is `held` (ID-41).

        Raises:
            RemoteError: a record or an address does not hold; nothing has changed.
        """
        own = self._state.own
        found: list[tuple[DeviceRecord, bytes | None]] = []
        for record_b, signed in zip(frame.records, frame.addresses, strict=False):
            record = DeviceRecord.decode(record_b)
            held.check_record(record)
            if signed is not None:
                identity.verify_address(record, signed)
            if record.device_id != own.device.record.device_id:
                found.append((record, signed))
        for record, signed in found:
            known = self._state.own_devices.get(record.hash)
            if known is None and held.head == own.device_list.head:
                self._added(turn, record, invited_here=False)
                self._put(turn, OwnDevice(record.hash, record, signed, listed=True))
            elif known is not None and _replaces(known, signed, found):
                known.address = signed
                turn.put(known.put())
        self._context.colleagues.follow(turn)

    def settle(self, turn: Turn, device_list: DeviceList, *, adopted: bool = False) -> None:
        """A list has come into use: whom it does not name is gone. One that the directory has taught us ends
        also what was to be added: our store was set back, and does not know who was struck off since.
        """
        for one in self._others:
            is_named = one.record_hash in device_list.record_hashes
            if not is_named and (one.listed or adopted):
                del self._state.own_devices[one.record_hash]
                turn.delete(one.TABLE, one.key)
                if one.listed and one.record.device_id not in self._ids():
                    turn.notify(OwnDeviceRemoved(one.record.device_id))
            elif is_named and not one.listed:
                one.listed = True
                turn.put(one.put())
                self._added(turn, one.record, invited_here=True)
        self._context.colleagues.follow(turn)

    def _added(self, turn: Turn, record: DeviceRecord, *, invited_here: bool) -> None:
        listed = {one.record.device_id for one in self._others if one.listed and one.record != record}
        if record.device_id not in listed:
            turn.notify(OwnDeviceAdded(record.device_id, invited_here))

    def _put(self, turn: Turn, device: OwnDevice) -> None:
        self._state.own_devices[device.record_hash] = device
        turn.put(device.put())


def _replaces(
    known: OwnDevice, signed: bytes | None, found: Iterable[tuple[DeviceRecord, bytes | None]]
) -> bool:
    """Whether the entry shows an address that is not older than the known one, or that the device is reached
    under another record of its own since (ID-20, ID-39).
    """
    if known.address is None:
        return signed is not None
    at_ms = identity.verify_address(known.record, known.address).issued_ms
    if signed is not None:
        return identity.verify_address(known.record, signed).issued_ms >= at_ms
    elsewhere = [
        identity.verify_address(record, other).issued_ms
        for record, other in found
        if other is not None and record.device_id == known.record.device_id
    ]
    return any(ms >= at_ms for ms in elsewhere)


def _view(one: OwnDevice) -> DeviceView:
    record, is_reachable = one.record, one.listed and one.address is not None
    return DeviceView(
        record.device_id,
        record.kind,
        record.front_desk,
        record.created_ms,
        False,
        is_reachable,
        one.leaving,
    )
