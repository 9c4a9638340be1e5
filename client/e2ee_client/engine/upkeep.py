"""Our account, device list and prekeys: made once, renewed in time (ID-10, ID-12, ID-18, ID-38)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from e2ee import identity, prekeys, recovery
from e2ee.constants import (
    CLOCK_TOLERANCE_MS,
    DEVICE_LIFE_MS,
    KEY_B,
    LIST_TTL_MS,
    PREKEY_LIFE_MS,
    PREKEY_ROTATION_MS,
    RELAY_RETENTION_MS,
    TOKEN_B,
)
from e2ee.errors import E2eeError, NoListNumber
from e2ee.handshake import ResponderKeys
from e2ee.identity import FLAG_FRONT_DESK, MAX_SEQ, DeviceList, DeviceRecord
from e2ee.pair import DAY_MS
from e2ee.ports import Rng
from e2ee.prekeys import CompactBundle, PrekeyKind
from e2ee.secret import AccountKey, RecoveryKey
from e2ee.session import expire_skipped
from e2ee.wire.envelope import Prefix
from e2ee.wire.fields import MAX_U32
from e2ee_client.errors import AccountKeyHere, ConfigError, DeviceListOver, ListOutdated
from e2ee_client.events import DeviceListExpiring
from e2ee_client.rows import Put

from .own_lists import check_unlisted, minute_of, next_seq, unlisted_request
from .own_mailbox import Mailbox
from .part import Part
from .peers import Peer
from .ports import Ports, Recovery, Setup
from .records import (
    AskedDevice,
    NextList,
    Own,
    OwnPrekey,
    TakenFlight,
    named_records,
    prekey_place,
)
from .turn import Turn

if TYPE_CHECKING:
    from .context import Context

STOCK: Final = 100
REFILL_BELOW: Final = 50
COMPACT_ONE_TIME: Final = 4
MAX_STOCK_A_DAY: Final = 400
STOCK_FOR_EACH_NAMED: Final = 4
PUBLISHED: Final = b""
_RENEW_BEFORE_MS: Final = LIST_TTL_MS // 2
_REMIND_BEFORE_MS: Final = 12 * DAY_MS
_MAILBOX_B: Final = 16
_SEED_B: Final = 32


def new_account(setup: Setup, ports: Ports, now_ms: int) -> tuple[Own, RecoveryKey]:
    """Make account, device and first device list (ID-01, ID-02, ID-06).

    Raises:
        NoListNumber: an account that is recovered gets no number for it (ACC-70).
    """
    rng = ports.rng
    by, recovery_key = setup.recovery, RecoveryKey(rng(KEY_B))
    account_key = identity.new_account(rng) if by is None else by.code.account_key()
    account_id = identity.account_id_of(account_key)
    flags = FLAG_FRONT_DESK if setup.front_desk else 0
    device = identity.new_device(account_id, setup.kind, flags, now_ms, now_ms + DEVICE_LIFE_MS, rng)
    own = Own(
        account_id=account_id,
        account_key=account_key,
        device=device,
        device_list=_first_list(account_key, device.record, recovery_key, by, now_ms, rng),
        relay_url=setup.relay_url,
        name=setup.name,
        publish=setup.publish,
        read_receipts=setup.read_receipts,
        registration_secret=setup.registration_secret,
    )
    return own, recovery_key


def _first_list(
    key: AccountKey,
    record: DeviceRecord,
    successor: RecoveryKey,
    by: Recovery | None,
    now_ms: int,
    rng: Rng,
) -> DeviceList:
    """Sign the first list of an account; of one that is recovered it is not the first (ACC-63)."""
    if by is not None and by.is_typed:
        return recovery.first_list(key, record, by.shown, now_ms, rng)
    recovery_public = identity.recovery_public_of(successor)
    return identity.sign_list(
        key, identity.next_list(record.account_id, None, [record], recovery_public, now_ms)
    )


def new_mailbox(relay_url: str, contact: bytes, rng: Rng) -> Mailbox:
    """Make a mailbox for one contact, or with an empty `contact` the published one."""
    return Mailbox(rng(_MAILBOX_B), relay_url, rng(_SEED_B), contact, False, {contact: (rng(TOKEN_B), False)})


def _is_sendable(pending: NextList, now_ms: int) -> bool:
    device_list = pending.device_list
    return device_list.issued_ms <= now_ms + CLOCK_TOLERANCE_MS and now_ms <= device_list.expires_ms


class Upkeep(Part):
    """What has to be renewed, and the prekeys that answer first flights.

    A published account has one set of prekeys; any other account one for each contact, so that ids do not
    join its mailboxes (ID-38). `owner` is the contact, or empty for the published set.
    """

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._reminded_ms: int | None = None  # when it was told last that our list ends
        self._reminds_of: tuple[int, int] | None = None  # which end is to be told next, and since when

    # --- prekeys ---

    def owners(self) -> list[bytes]:
        """Return for whom we have prekeys."""
        if self._state.own.publish:
            return [PUBLISHED]
        return [one.contact for one in self._state.mailboxes.values()]

    def current(self, owner: bytes) -> tuple[OwnPrekey, OwnPrekey] | None:
        """Return the newest SPK and last-resort PQK, or None before the first rotation."""
        spks = self._state.prekeys_of(PrekeyKind.SPK, owner)
        pqks = self._state.prekeys_of(PrekeyKind.PQK_LAST_RESORT, owner)
        return (spks[-1], pqks[-1]) if spks and pqks else None

    def rotate(self, turn: Turn, owner: bytes, *, at_once: bool = False) -> bool:
        """Make new reusable prekeys once a week, or where their time was given by a wrong clock (ID-18)."""
        current = self.current(owner)
        if current is not None and not at_once and not self._is_due(turn, current[0]):
            return False
        device, ports = self._state.own.device, self._state.ports
        key_id = self._new_id()
        for pair in prekeys.new_signed_pair(device, key_id, turn.now_ms, ports.rng):
            self._keep(turn, OwnPrekey(pair, device.record, owner))
        return True

    def lost(self, turn: Turn) -> None:
        """Make prekeys anew after a noticed loss: some may be used, or unknown here (SES-32)."""
        own = self._state.own
        for owner in self.owners():
            self.rotate(turn, owner, at_once=True)
        own.record_anew = own.publish
        turn.put(own.put())

    def _is_due(self, turn: Turn, spk: OwnPrekey) -> bool:
        made_ms = spk.pair.prekey.not_after_ms - PREKEY_LIFE_MS
        is_other = spk.record != self._state.own.device.record
        return is_other or made_ms > turn.now_ms or turn.now_ms >= made_ms + PREKEY_ROTATION_MS

    def make_one_time(self, turn: Turn, kind: PrekeyKind, count: int, owner: bytes) -> list[OwnPrekey]:
        """Make one-time prekeys, as many as the budget of the day has left (SES-35)."""
        device, not_after_ms = self._state.own.device, turn.now_ms + PREKEY_LIFE_MS
        made: list[OwnPrekey] = []
        for _ in range(min(count, self._stock_left(turn))):
            key_id = self._new_stock_id(turn) if owner == PUBLISHED else self._new_id()
            pair = prekeys.new_prekey(device, kind, key_id, not_after_ms, self._state.ports.rng)
            made.append(OwnPrekey(pair, device.record, owner))
            self._keep(turn, made[-1])
        if made:
            self._state.own.stock_made += len(made)
            turn.put(self._state.own.put())
        return made

    def _stock_left(self, turn: Turn) -> int:
        own = self._state.own
        if not own.stock_since_ms <= turn.now_ms < own.stock_since_ms + DAY_MS:
            own.stock_since_ms, own.stock_made, own.stock_named = turn.now_ms, 0, 0
        return max(MAX_STOCK_A_DAY, STOCK_FOR_EACH_NAMED * own.stock_named) - own.stock_made

    def used(self, turn: Turn, one_time: list[OwnPrekey]) -> None:
        """Delete one-time keys that a flight has named (HS-08)."""
        for item in one_time:
            self._delete(turn, item)
        if one_time:
            self._state.own.stock_named += len(one_time)
            turn.put(self._state.own.put())

    def compact(self, turn: Turn, owner: bytes, *, one_time: bool) -> CompactBundle:
        """Return a compact bundle for a contact (ID-19, CON-07)."""
        self.rotate(turn, owner)
        current = self.current(owner)
        if current is None:
            raise ConfigError("a device without prekeys")
        spk, pqk = current
        count = COMPACT_ONE_TIME if one_time else 0
        opks = self.make_one_time(turn, PrekeyKind.OPK, count, owner)
        pqks = self.make_one_time(turn, PrekeyKind.PQK_ONE_TIME, count, owner)
        return CompactBundle(
            prekeys.compact(spk.pair.prekey),
            prekeys.compact(pqk.pair.prekey),
            [prekeys.compact(item.pair.prekey) for item in opks],
            [prekeys.compact(item.pair.prekey) for item in pqks],
        )

    def responder_keys(self, prefix: Prefix, owner: bytes) -> tuple[ResponderKeys, list[OwnPrekey]] | None:
        """Return the keys that a prefix names and the one-time ones among them, or None (HS-06).

        Keys that were given to another contact are not found (ID-38).
        """
        spk = self._find(PrekeyKind.SPK, prefix.spk_id, owner)
        opk = self._find(PrekeyKind.OPK, prefix.opk_id, owner) if prefix.opk_id else None
        one_time_pqk = self._find(PrekeyKind.PQK_ONE_TIME, prefix.pqk_id, owner)
        pqk = one_time_pqk or self._find(PrekeyKind.PQK_LAST_RESORT, prefix.pqk_id, owner)
        if spk is None or pqk is None or (prefix.opk_id and opk is None):
            return None
        keys = ResponderKeys(
            self._state.own.device,
            spk.record,
            spk.pair,
            None if opk is None else opk.pair,
            pqk.pair,
        )
        return keys, [item for item in (opk, one_time_pqk) if item is not None]

    def has_signed_prekey(self, prefix: Prefix, owner: bytes) -> bool:
        """Whether the SPK that a prefix names was given to this contact, or published (ID-38)."""
        return self._find(PrekeyKind.SPK, prefix.spk_id, owner) is not None

    def _find(self, kind: PrekeyKind, key_id: int, owner: bytes) -> OwnPrekey | None:
        found = self._state.prekeys.get(prekey_place(kind, key_id))
        return found if found is not None and found.contact == owner else None

    def _keep(self, turn: Turn, item: OwnPrekey) -> None:
        self._state.prekeys[item.key] = item
        turn.put(item.put())

    def _delete(self, turn: Turn, item: OwnPrekey) -> None:
        self._state.prekeys.pop(item.key, None)
        turn.delete("prekey", item.key)

    def _new_id(self) -> int:
        return prekeys.new_prekey_id(self._state.ports.rng, self._state.prekeys.ids)

    def _new_stock_id(self, turn: Turn) -> int:
        """Return an id for the stock at the relay, which takes only ascending ones (RLY-62): from the
        clock, so that an older copy of the store goes on above what was uploaded, and never from what the
        relay says.
        """
        own = self._state.own
        own.stock_id = min(max(own.stock_id + 1, turn.now_ms // 1000), MAX_U32)
        return own.stock_id

    def forget(self, turn: Turn, owner: bytes) -> None:
        """Delete the prekeys that were made for a contact."""
        for item in self._state.prekeys.of(owner) if owner else ():
            self._delete(turn, item)

    # --- device list ---

    def store_list(self, turn: Turn, device_list: DeviceList) -> None:
        """Take a list of ours as the newest; every link is kept, since others ask for them (ID-07)."""
        self._state.own.device_list = device_list
        turn.put(Put("list", device_list.seq.to_bytes(8, "big"), device_list.signed))
        turn.put(self._state.own.put())
        self._context.team.note_list(turn, device_list.account_id)
        self._context.renewal.listed(turn)

    def keep_links(self, turn: Turn, links: Iterable[bytes]) -> None:
        """Keep the links up to a list that the directory has taught us, in place of any others (ID-56)."""
        for signed in links:
            seq = DeviceList.verify(self._state.own.account_id, signed).seq
            turn.put(Put("list", seq.to_bytes(8, "big"), signed))

    def take_back(self, turn: Turn, signed: bytes, *, is_shown: bool = False) -> bool:
        """Go on from a newer list of ours that names this device: a contact gives it back, since our store
        was set back. With a directory entry that is followed instead (ID-40), as one of ours that waits is.
        One that `is_shown` names what our list in use names, or ends a device with the code (ACC-78). False
        if it is not ours.
        """
        own = self._state.own
        try:
            device_list = DeviceList.verify(own.account_id, signed)
            ours = self.records_at(device_list.issued_ms)
        except E2eeError:
            return False
        pending, recovering = self.pending(turn), self._context.recovering
        if pending is not None and device_list.head == pending.device_list.head:
            return True
        named = next((one for one in ours if one.hash in device_list.record_hashes), None)
        is_other = is_shown and device_list.record_hashes != own.device_list.record_hashes
        strangers = recovering.strangers(device_list, [one.hash for one in ours])
        if strangers or (is_other and recovering.is_not_ours(device_list)):
            recovering.replaced(turn, device_list)
        elif named is None:
            recovering.told(turn, signed)
        elif device_list.seq > own.device_list.seq and not own.publish:
            if named != own.device.record:
                own.device, own.older_record = replace(own.device, record=named), own.device.record
            self.store_list(turn, device_list)
        if is_shown:
            recovering.note_listed(turn, [device_list])
        return True

    def records_at(self, issued_ms: int) -> tuple[DeviceRecord, DeviceRecord]:
        """Return the record of this device, and that as it is made anew for a list of a time, which our store
        does not know if it was set back (ID-39, ID-45).
        """
        record = self._state.own.device.record
        return record, identity.redated(record, issued_ms, issued_ms + DEVICE_LIFE_MS)

    def names_us(self, device_list: DeviceList) -> bool:
        """Whether a list of our account names this device, by any record of it that is known (ID-39)."""
        own = self._state.own
        records = [
            *named_records(own.device.record, own.older_record),
            *self.records_at(device_list.issued_ms),
        ]
        return any(one.hash in device_list.record_hashes for one in records)

    def renewal_request(self, now_ms: int) -> bytes:
        """Return the unsigned bytes of our next list (ID-12).

        Raises:
            DeviceReplacedError, SecondCopyError: this device does not go on.
            AccountKeyHere: this device signs its lists itself.
            ConfigError: not all devices are known yet.
        """
        if self._state.own.account_key is not None:
            raise AccountKeyHere("the account key is on this device")
        return self._request(Turn(now_ms))

    def device_request(self, turn: Turn, asked: AskedDevice) -> bytes:
        """Return the unsigned bytes of our next list, which names one more device (ACC-42)."""
        self._context.devices.ask_for(turn, asked)
        return self._request(turn, (asked.record,))

    def _request(self, turn: Turn, added: tuple[DeviceRecord, ...] = ()) -> bytes:
        """Ask for no list that would leave out a device whose record is not known (ID-42), nor where another
        device has taken our place (ID-41).
        """
        self._state.check_goes_on()
        if self._state.own.publish and not self._context.devices.knows_all:
            raise ConfigError("not all devices that our list names are known yet: go online first")
        own, over = self._state.own, self._over(turn)
        if over is None:
            self.check_none_waits(turn)
        self._check_over(over)
        before = own.device_list if over is None else over.device_list
        return self._unsigned(before, own.device.record, own.older_record, turn.now_ms, added)

    def install_list(self, turn: Turn, signed: bytes) -> None:
        """Install a list that the account key signed elsewhere (ID-12). With a directory entry it is in use,
        and told to contacts, when the directory has taken it (ID-40).

        Raises:
            ListOutdated: our list is a later one than it follows. ConfigError: it does not follow our list
                otherwise, or does not name our device.
        """
        own, over = self._state.own, self._over(turn)
        if self._is_installed(turn, signed):
            raise ConfigError("the signed list is installed already")
        try:
            device_list = DeviceList.verify(own.account_id, signed)
            if own.publish and device_list.seq <= own.device_list.seq:
                raise ListOutdated("the signed list was asked for before the list that is in use now")
            self._check_follows(own.device_list if over is None else over.device_list, device_list)
            device_list.check_record(own.device.record)
            device_list.check_time(turn.now_ms)
        except E2eeError as error:
            raise ConfigError(f"the signed list does not fit: {error.code}") from None
        self._check_signed_elsewhere(turn, device_list)
        self._check_over(over)
        self._context.devices.take_asked(turn, device_list)
        if over is not None:
            self.take_list(turn, over)
        following = NextList(own.device.record, own.older_record, device_list)
        if own.publish:
            turn.put(following.put())
        else:
            self._context.telling.list_renewed(turn, following)

    def _over(self, turn: Turn) -> NextList | None:
        """Return the list that was signed for the directory and has ended unconfirmed: the next one comes
        behind it (ID-47).
        """
        pending = self.pending(turn)
        return None if pending is None or _is_sendable(pending, turn.now_ms) else pending

    def check_none_waits(self, turn: Turn) -> None:
        """Refuse while a list that was signed waits for the directory (ID-47).

        Raises:
            ConfigError.
        """
        if self.pending(turn) is not None:
            raise ConfigError("a signed list waits for the directory: go online first")

    def _check_over(self, over: NextList | None) -> None:
        """Let no list follow one that is over and unconfirmed before the directory has shown that it has no
        other one of its number (ID-47).
        """
        if over is not None and not self._context.entry.has_looked:
            raise ConfigError("a signed list is over that the directory may have: go online first")

    def install_asked(self, turn: Turn, signed: bytes) -> AskedDevice:
        """Install the list that names the device which was asked for, unless it is installed (ACC-42).

        Raises:
            ConfigError: no device was asked for, or as `install_list`, or the list does not name it.
        """
        asked = self._context.devices.asked_for(turn)
        try:
            DeviceList.verify(self._state.own.account_id, signed).check_record(asked.record)
        except E2eeError as error:
            raise ConfigError(f"not the list of the device that was asked for: {error.code}") from None
        if not self._is_named(turn, asked):
            self.install_list(turn, signed)
        return asked

    def _is_named(self, turn: Turn, asked: AskedDevice) -> bool:
        """Whether our list names a device that was asked for, or one does that waits for the directory."""
        pending = self.pending(turn)
        lists = [self._state.own.device_list, *([] if pending is None else [pending.device_list])]
        return any(asked.record.hash in one.record_hashes for one in lists)

    def _is_installed(self, turn: Turn, signed: bytes) -> bool:
        pending = self.pending(turn)
        is_waiting = pending is not None and pending.device_list.signed == signed
        return is_waiting or self._state.own.device_list.signed == signed

    def list_due(self, turn: Turn) -> bool:
        """Whether our next list is to be signed: half of its life is over, other devices are to stand in it,
        one waits to be confirmed (ID-47), or a wrong clock has dated list or record ahead of now (ID-39).
        Reminds of it if the key is elsewhere, or there is no number for it (ID-46).
        """
        own, is_ahead = self._state.own, self.is_ahead(turn)
        left_ms = own.device_list.expires_ms - turn.now_ms
        pending = self.pending(turn)
        is_changed = own.record_anew or self._context.devices.owes_list or pending is not None
        if left_ms > _RENEW_BEFORE_MS and not is_ahead and not is_changed:
            return False
        is_signed_here = own.account_key is not None and self._has_number(turn)
        is_waiting = pending is not None and _is_sendable(pending, turn.now_ms)
        if not is_signed_here and not is_waiting and (left_ms <= _REMIND_BEFORE_MS or is_ahead):
            self.remind(turn)
        return is_signed_here

    def remind(self, turn: Turn) -> None:
        """Tell that our list ends, and that nothing renews it here, at most once in 24 hours: once our entry
        was looked at since that is due, or a day later (ID-65).
        """
        told_ms, now_ms, expires_ms = self._reminded_ms, turn.now_ms, self._state.own.device_list.expires_ms
        if told_ms is not None and told_ms <= now_ms < told_ms + DAY_MS:
            return
        if self._reminds_of is None or self._reminds_of[0] != expires_ms:
            self._reminds_of = expires_ms, now_ms
            self._context.entry.look_anew()
        is_late = not self._reminds_of[1] <= now_ms < self._reminds_of[1] + DAY_MS
        if is_late or not self._state.own.publish or self._context.entry.was_seen:
            self._reminded_ms, self._reminds_of = now_ms if is_late else self._reminds_of[1], None
            turn.notify(DeviceListExpiring(expires_ms))

    def check_listed(self, turn: Turn) -> None:
        """Refuse to write where our list has ended, and no device has signed the next one (ID-65).

        Raises:
            DeviceListOver.
        """
        own, pending = self._state.own, self.pending(turn)
        ends_ms = (own.device_list if pending is None else pending.device_list).expires_ms
        if own.account_key is None and turn.now_ms > ends_ms:
            raise DeviceListOver("our device list has ended, and the account key is not here")

    def _has_number(self, turn: Turn) -> bool:
        own = self._state.own
        try:
            return own.device_list.seq < MAX_SEQ if own.publish else next_seq(self.lists(), turn.now_ms) > 0
        except NoListNumber:
            return False

    def has_next(self, turn: Turn) -> bool:
        """Whether a list is to go to the directory: one that is due here, or was signed elsewhere (ID-12)."""
        if self._state.own.account_key is not None:
            return self.list_due(turn)
        return self.pending(turn) is not None and not self.is_in_doubt(turn)

    def next_list(self, turn: Turn, key: AccountKey) -> NextList:
        """Sign our next list, behind one that was signed and is not of now (ID-47). It names a record of now,
        with the same keys, where the one in use is of a time to come, which everybody refuses (ID-04), or was
        published by a state that is lost or in a time to come, whose one-time keys are gone: the relay's
        stock goes with it (SES-32). The older record stays named, the one of before a list that was never
        confirmed: sessions were made under it (ID-28).
        """
        pending = self.pending(turn)
        if pending is not None and _is_sendable(pending, turn.now_ms):
            return pending
        own = self._state.own
        before = own.device.record
        if pending is not None:
            if pending.record != before and pending.older_record is not None:
                before = pending.older_record
            self.take_list(turn, pending)
        record, older = own.device.record, own.older_record
        if self._needs_record(turn):
            now_ms = turn.now_ms if own.publish else minute_of(turn.now_ms)
            created_ms = now_ms - (now_ms == record.created_ms)
            older, record = before, identity.redated(record, created_ms, now_ms + DEVICE_LIFE_MS)
        unsigned = self._unsigned(own.device_list, record, older, turn.now_ms)
        following = NextList(record, older, identity.sign_list(key, unsigned))
        if own.publish:
            turn.put(following.put())
        return following

    def is_in_doubt(self, turn: Turn) -> bool:
        """Whether a list was signed that is not of now: the directory may have it, or another (ID-47)."""
        return self._over(turn) is not None

    def pending(self, turn: Turn) -> NextList | None:
        """Return the next list that was signed for the directory and that it has not confirmed. It is sent
        as it is until then: a second one under its number would be evidence against us (ID-07, ID-47).
        """
        own, row = self._state.own, turn.read(self._state.rows, NextList.TABLE, NextList.PREFIX)
        if row is None:
            return None
        following = NextList.decode(NextList.PREFIX, row)
        device_list = following.device_list
        follows = device_list.seq == own.device_list.seq + 1 and device_list.prev_hash == own.device_list.hash
        return following if follows else None

    def _needs_record(self, turn: Turn) -> bool:
        own = self._state.own
        published_ahead = own.publish and own.device_list.issued_ms > turn.now_ms
        return own.device.record.created_ms > turn.now_ms or own.record_anew or published_ahead

    def take_list(self, turn: Turn, following: NextList) -> None:
        """Take a list that was signed here as the newest."""
        own = self._state.own
        own.record_anew = own.record_anew and following.record == own.device.record
        own.device, own.older_record = replace(own.device, record=following.record), following.older_record
        turn.delete(following.TABLE, following.key)
        self.store_list(turn, following.device_list)
        self._context.devices.settle(turn, following.device_list)

    def _unsigned(
        self,
        before: DeviceList,
        record: DeviceRecord,
        older: DeviceRecord | None,
        now_ms: int,
        added: tuple[DeviceRecord, ...] = (),
    ) -> bytes:
        own = self._state.own
        records = [*named_records(record, older), *self._context.devices.wanted(), *added]
        if not own.publish:
            return unlisted_request(self.lists(), records, now_ms)
        return identity.next_list(own.account_id, before, records, before.recovery_public, now_ms)

    def lists(self) -> list[DeviceList]:
        """Return all lists of ours; one that was signed in this very step is not in the store yet."""
        own = self._state.own
        stored = [DeviceList.verify(own.account_id, row) for _, row in self._state.rows.items("list")]
        return [*stored, own.device_list]

    def _check_follows(self, before: DeviceList, following: DeviceList) -> None:
        if self._state.own.publish:
            identity.check_link(before.head, following)
        else:
            check_unlisted(self.lists(), following)

    def _check_signed_elsewhere(self, turn: Turn, device_list: DeviceList) -> None:
        """Refuse another list than the one that this device has signed for the number (ID-47), and one that
        names a record which is not known here: an older request was signed, not the newest (ACC-42).
        """
        own, pending = self._state.own, self.pending(turn)
        is_taken = pending is not None and pending.device_list.seq == device_list.seq
        if pending is not None and is_taken and pending.device_list.head != device_list.head:
            raise ConfigError("a list that was signed here waits for the directory: try again when it has it")
        known = named_records(own.device.record, own.older_record)
        known += [*self._context.devices.named(device_list), *self._context.devices.asked(turn)]
        if not {one.hash for one in known} >= set(device_list.record_hashes):
            raise ConfigError("the list names a device that is not known here: sign the newest request")

    def is_ahead(self, turn: Turn) -> bool:
        """Whether our list or record was dated by a clock ahead of now."""
        own = self._state.own
        return max(own.device_list.issued_ms, own.device.record.created_ms) > turn.now_ms

    def remove_account_key(self, turn: Turn) -> None:
        """Forget the account key on this device; it has to be kept elsewhere (ID-12). Not while a list that
        was signed waits for the directory, which may have another one of its number (ID-47).

        Raises:
            ConfigError: one waits.
        """
        self.check_none_waits(turn)
        self._state.own.account_key = None
        turn.put(self._state.own.put())
        self._context.recovering.forget_code(turn)

    # --- what ends by itself ---

    def sweep(self, turn: Turn) -> None:
        """Let prekeys and replay entries go at their time (ID-18, HS-09)."""
        for item in self._state.prekeys.ended(turn.now_ms - RELAY_RETENTION_MS):
            self._delete(turn, item)
        for key, row in self._state.rows.items("replay"):
            if turn.now_ms > TakenFlight.decode(key, row).ends_ms:
                turn.delete("replay", key)
        self._context.contents.review_held(turn)
        self._context.devices.sweep_asked(turn)

    def expire_skipped(self, turn: Turn, peer: Peer) -> None:
        """Let skipped keys of a device's sessions go at their time (DR-16)."""
        for one in peer.pair.sessions:
            if not self._state.sessions.has_skipped(one.id):
                continue
            session = self._state.sessions[one.id]
            kept, dropped = expire_skipped(session, turn.now_ms)
            if dropped:
                self._state.store_session(turn, peer, session, kept)
