"""Accounts that are recovered by a code: what is kept of it, and who is told (ACC-60 to ACC-68)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from e2ee import recovery
from e2ee.constants import DEVICE_LIFE_MS
from e2ee.content import SignedList
from e2ee.errors import E2eeError
from e2ee.identity import DeviceKind, DeviceList, redated
from e2ee.ids import RecordHash
from e2ee.primitives import kdf
from e2ee.recovery import RecoveryCode
from e2ee.rooms.invite import fingerprint
from e2ee.secret import RecoverySecret
from e2ee_client.errors import ConfigError
from e2ee_client.events import DeviceReplaced, OwnDeviceListed

from .part import Part
from .peers import Peer
from .ports import Recovery, RowReader
from .records import named_records
from .row_codec import Row
from .turn import Turn

if TYPE_CHECKING:
    from .context import Context

_MAX_TOLD: Final = 16
LEAST_TYPED = 2
"""How many groups of a code a person types back (ACC-68)."""


@dataclass(slots=True)
class RecoveryRow(Row):
    """The r of our code, and whether the person has shown that it has the code (ACC-60, ACC-68)."""

    TABLE = "meta"
    PREFIX = b"recovery"
    secret: RecoverySecret = field(repr=False)
    entry: bool
    is_kept: bool = False

    @classmethod
    def of(cls, made: Recovery) -> RecoveryRow:
        """Return the row of an account that is made or recovered: who has typed a code has it."""
        return cls(made.code.secret, made.code.entry, made.is_typed)

    @property
    def code(self) -> RecoveryCode:
        """The code."""
        return RecoveryCode(self.secret, self.entry)


def recovery_row(rows: RowReader) -> RecoveryRow | None:
    """Return what is kept of our code; None where this device has none."""
    row = rows.get(RecoveryRow.TABLE, RecoveryRow.PREFIX)
    return None if row is None else RecoveryRow.decode(RecoveryRow.PREFIX, row)


class Recovering(Part):
    """The person's code on one side, devices that are replaced on both."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._told_of: set[RecordHash] = set()

    # --- the code ---

    def typed_back(self, turn: Turn, typed: Mapping[int, str]) -> int | None:
        """The person has typed groups of the code, by their numbers from 1 on (ACC-68). Returns the first
        that is another one; None where all are right.

        Raises:
            ConfigError: fewer than two groups, numbers of none, or this device has no code.
        """
        row = recovery_row(self._state.rows)
        groups = () if row is None else row.code.groups
        if row is None or len(typed) < LEAST_TYPED or not all(0 < one <= len(groups) for one in typed):
            raise ConfigError("two groups of the code are typed back, or more")
        for number, text in sorted(typed.items()):
            given = recovery.read_group(text).encode(errors="replace")
            if not kdf.equal(given, groups[number - 1].encode()):
                return number
        row.is_kept = True
        turn.put(row.put())
        return None

    def forget_code(self, turn: Turn) -> None:
        """Without the account key here nothing that it follows from stays (ACC-60)."""
        if recovery_row(self._state.rows) is not None:
            turn.delete(RecoveryRow.TABLE, RecoveryRow.PREFIX)

    # --- who is replaced ---

    @property
    def has_code(self) -> bool:
        """Whether our code is here, so that all lists of the account are signed here (ACC-60)."""
        return recovery_row(self._state.rows) is not None

    def told(self, turn: Turn, signed: bytes) -> bool:
        """Look at a list of our account that does not name this device: another one may have the account now.
        With a directory entry and without the code that is told by one of a recovery alone, and else by the
        entry (ACC-67).
        """
        own = self._state.own
        try:
            found = DeviceList.verify(own.account_id, signed)
        except E2eeError:
            return False
        records = [one.hash for one in named_records(own.device.record, own.older_record)]
        if self.has_code:
            is_out = self.is_not_ours(found) and set(records).isdisjoint(found.record_hashes)
        else:
            is_out = recovery.has_replaced(found, own.device_list, records)
        if not is_out:
            return False
        if own.publish and not self.has_code and not recovery.is_recovered(found):
            self._context.entry.check(turn)
            return False
        self.replaced(turn, found)
        return True

    def strangers(self, found: DeviceList, records: Iterable[RecordHash]) -> set[RecordHash]:
        """Return what a list of our account names and this device has not taken in, though all lists are
        signed here; else nothing. `records` are ours, beside those that are known (ACC-75).
        """
        own = self._state.own
        ours = [one.hash for one in named_records(own.device.record, own.older_record)]
        known = {*own.device_list.record_hashes, *ours, *records, *self._state.own_devices}
        unknown = set(found.record_hashes) - known
        return unknown if unknown and self.is_not_ours(found) else set()

    def is_not_ours(self, found: DeviceList) -> bool:
        """Whether somebody else with the code has signed a list: its number is that of our first list or a
        higher one, also below that of the newest, which may leave its device out again (ACC-75).
        """
        upkeep, lists = self._context.upkeep, self._context.upkeep.lists()
        if not self.has_code and not (self._is_restored and upkeep.names_us(found)):
            return False
        first = min((one.seq for one in lists if upkeep.names_us(one)), default=found.seq)
        return found.seq >= first and found.hash not in {one.hash for one in lists}

    def note_listed(self, turn: Turn, given: Iterable[DeviceList]) -> None:
        """Tell of each device that lists of our account have named for a while and that is not known here,
        once while the store is open. They are shown us, or lead to our newest one (ACC-80).
        """
        own, kept = self._state.own, self._context.upkeep.lists()
        every = sorted({one.hash: one for one in (*given, *kept)}.values(), key=lambda one: one.seq)
        if own.replaced or own.device.record.kind is not DeviceKind.PERSON:
            return
        least_seq, known = min(one.seq for one in kept), {*every[-1].record_hashes, *self._told_of}
        known.update(*(one.record_hashes for one in kept))
        new = [one for one in every if one.seq >= least_seq and not known.issuperset(one.record_hashes)]
        known |= self._hashes_at(one.issued_ms for one in new)
        unknown = {record for one in new for record in one.record_hashes} - known
        for record in sorted(unknown)[: _MAX_TOLD - len(self._told_of)]:
            self._told_of.add(record)
            times = [at for at, one in enumerate(every) if record in one.record_hashes]
            first, after = every[times[0]], every[times[-1] + 1]
            turn.notify(OwnDeviceListed(fingerprint(record), first.issued_ms, after.issued_ms))

    def _hashes_at(self, times_ms: Iterable[int]) -> set[RecordHash]:
        """Return the hashes of our devices' records, also as they are made anew at these times (ID-39)."""
        own = self._state.own
        others = [one.record for one in self._state.own_devices.values()]
        records = [*named_records(own.device.record, own.older_record), *others]
        anew = [redated(one, ms, ms + DEVICE_LIFE_MS).hash for ms in times_ms for one in records]
        return {*anew, *(one.hash for one in records)}

    @property
    def _is_restored(self) -> bool:
        """Whether a person's account was restored here with its key: what names this device since was signed
        by it; a list from before, also one that nobody has installed, does not name it (ACC-79).
        """
        own, upkeep = self._state.own, self._context.upkeep
        is_signed_here = own.account_key is not None and own.device.record.kind is DeviceKind.PERSON
        return is_signed_here and not upkeep.names_us(min(upkeep.lists(), key=lambda one: one.seq))

    def replaced(self, turn: Turn, device_list: DeviceList) -> None:
        """This list of our account says that another device has it now (SES-40, ACC-67)."""
        own = self._state.own
        if own.replaced:
            return
        own.replaced = True
        turn.put(own.put())
        turn.notify(DeviceReplaced(self._is_by_code(device_list)))
        self._context.team.note_list(turn, own.account_id)

    def _is_by_code(self, device_list: DeviceList) -> bool:
        """Whether it was by the code that another device has the account now (ACC-74)."""
        own = self._state.own
        was_recovered = own.account_key is None and recovery.is_recovered(own.device_list)
        is_beside = self.has_code or self._context.upkeep.names_us(device_list)
        return is_beside or (recovery.is_recovered(device_list) and not was_recovered)

    def last_words(self, turn: Turn, peer: Peer) -> set[bytes]:
        """Send a device that is struck off the list that does so, on the session that it still has (ACC-66).
        Returns the ids of what still goes to it; of one that was struck off before that is what is on its
        way.
        """
        contact, device_list = peer.contact, peer.contact.device_list()
        if not peer.pair.sessions:
            lane = self._state.outbox.lane(peer.account_id, peer.device_id)
            return {one.content_id for one in lane.all() if one.envelope and not one.shown}
        if device_list is None or not contact.accepted:
            return set()
        session = self._context.renewal.session_for(turn, peer)
        if session is None:
            return set()
        return {self._context.sending.send_control(turn, peer, session, SignedList(device_list.signed))}
