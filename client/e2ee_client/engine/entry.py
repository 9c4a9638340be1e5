"""Our entry in the directory, and the relay's stock of our prekeys (RLY-50 to RLY-67).

PUBLISH --(STALE_ENTRY: LOOKUP of our own entry)--> PREKEYS_COUNT --> PREKEYS_UPLOAD --> published
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from e2ee_relay.protocol import (
    Done,
    ErrorCode,
    ErrorReply,
    Lookup,
    LookupResult,
    LowPrekeys,
    PrekeysCount,
    PrekeysStock,
    PrekeysUpload,
    Publish,
    Response,
)

from e2ee import identity
from e2ee.errors import E2eeError, IdentityMismatch, ListFork, ListRollback
from e2ee.identity import DeviceList, DeviceRecord
from e2ee.prekeys import PrekeyKind
from e2ee_client.events import ConnectionChanged, ConnectionState, PrekeysLow

from .delivery import MAX_RETRY_AFTER_MS
from .entry_waits import REFUSED_RETRY_MS, EntryWaits
from .link import Answered, Link, LinkState
from .mailboxes import refused
from .own_entry import brings_back, own_records, records_of, shown_addresses
from .own_mailbox import Mailbox
from .part import Part
from .records import NextList, OwnPrekey, UploadedPrekeys
from .refused_upload import RefusedUpload, signed_of
from .turn import Turn
from .upkeep import PUBLISHED, REFILL_BELOW, STOCK

if TYPE_CHECKING:
    from .context import Context

_REFILL_JITTER_MS: Final = 30_000
_CHECK_APART_MS: Final = 3_600_000
_COMPARE_APART_MS: Final = 86_400_000
_MAX_LISTS: Final = 64
_MAX_SHOWN: Final = 64 * _MAX_LISTS
_MAX_CONTRADICTIONS: Final = 3
_FRONT_DOOR: Final = b""


class Entry(Part):
    """What a published account has at its relay."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._low_told: int | None = None  # how few keys the application was told of since the last upload
        self.published = False
        row = self._state.rows.get(UploadedPrekeys.TABLE, UploadedPrekeys.PREFIX)
        self._stocked = None if row is None else UploadedPrekeys.decode(UploadedPrekeys.PREFIX, row)
        self._compared_ms: int | None = None
        self.has_looked = False  # seen our entry since the store was opened
        self._is_fresh = False  # compared just now, and nothing was sent since
        self._is_beside = False  # what the directory has does not go on from our lists
        self._lacks_address = False
        self.list_beside: DeviceList | None = None  # what the directory shows in the place of our list
        self._followed = b""  # the hash of the list that a person takes for ours (ID-55)
        self._least_issued_ms = 0
        self._checked_ms = 0
        self._contradictions = 0
        self.waits = EntryWaits(context)
        self._refused = RefusedUpload(self._state)

    def publish(self, turn: Turn, link: Link, mailbox: Mailbox) -> None:
        """Bring our directory entry up to date, then our prekeys (RLY-50 to RLY-54). Once in each opening
        of the store it is compared first: a store that was set back must not sign on from an old list
        (ID-40). So it is before a list is signed behind one that is over (ID-47), and right before each
        change where others publish it as well (ID-41). A device that was replaced publishes nothing (ACC-67).
        """
        own = self._state.own
        if self._state.is_stopped:
            return
        if self.waits.has_entry(turn):
            self._count_meanwhile(turn, link)
            return
        is_behind = own.published_seq != own.device_list.seq
        is_due = self._context.upkeep.has_next(turn)
        is_signing = self._context.company.is_due(turn)
        is_changing = is_behind or is_due or self._lacks_address or is_signing or self._context.team.owes_slot
        is_unseen = is_signing and not self.has_looked and not is_behind
        is_over = is_due and own.device_list.expires_ms <= turn.now_ms
        is_unseen |= self._is_beside or (is_behind and is_over and not self._is_fresh)
        is_unseen |= not self._is_fresh and self._context.upkeep.is_in_doubt(turn)
        if is_unseen or self._is_to_compare(turn, is_behind=is_behind, is_changing=is_changing):
            self._find_head(turn, link, mailbox, max(own.published_seq - 1, 0))
        elif is_behind and not is_over:
            self._publish_after(turn, link, mailbox, own.published_seq)
        elif is_due and (following := self._following(turn)) is not None:
            answered = partial(self._renewed, link, mailbox, following)
            links = (*self._signed_after(own.published_seq), following.device_list.signed)
            self._send_entry(turn, link, mailbox, links, following, answered)
        elif self._owes_entry(turn):
            self._publish_after(turn, link, mailbox, own.published_seq - 1)
        else:
            self._is_fresh = False
            self.waits.entry_over(turn, link)
            self._context.mailboxes.entry_over(turn, link, mailbox)
            self.count(turn, link)

    def _following(self, turn: Turn) -> NextList | None:
        """Return our next list: one that was signed elsewhere (ID-12), else as it is signed here (ID-42)."""
        key = self._state.own.account_key
        if key is None:
            return self._context.upkeep.pending(turn)
        return self._context.upkeep.next_list(turn, key) if self._context.devices.knows_all else None

    @property
    def is_reached(self) -> bool:
        """Whether who is told of this device can write to it: the relay has said that it has its prekeys, in
        an earlier run, too (ID-60).
        """
        return self._stocked is not None and self._stocked.record_hash == self._state.own.device.record.hash

    @property
    def refusal(self) -> str:
        """The code by which the relay has refused what has to be there before anybody reaches this device."""
        return "" if self.is_reached else self.waits.refusal

    @property
    def was_seen(self) -> bool:
        """Whether the directory has shown, or taken, our entry since the store was opened (ID-40)."""
        return self._compared_ms is not None

    def _owes_entry(self, turn: Turn) -> bool:
        """Whether the entry lacks our address or our slot, once a roster that is due has been signed: by the
        list that the directory has, after what it shows was seen (ACC-07, ACC-24).
        """
        self._context.company.sign_due(turn)
        return self._lacks_address or self._context.team.owes_slot

    def _is_to_compare(self, turn: Turn, *, is_behind: bool, is_changing: bool) -> bool:
        if not self._context.devices.are_others:
            return self._compared_ms is None and not is_behind
        if is_changing or self._compared_ms is None:
            return not self._is_fresh
        return not self._compared_ms <= turn.now_ms <= self._compared_ms + _COMPARE_APART_MS

    def compare_daily(self, turn: Turn) -> None:
        """Compare our entry once a day where other devices publish it, too (ID-41)."""
        if self._is_to_compare(turn, is_behind=False, is_changing=False):
            self.refill(turn)

    def compare_again(self, turn: Turn) -> None:
        """Compare our entry now: it shows also who may act of our company (ACC-13)."""
        self.look_anew()
        self.refill(turn)

    def look_anew(self) -> None:
        """Have our entry compared when it is looked after next, within the hour."""
        self._compared_ms, self._is_fresh = None, False

    def follow(self, turn: Turn, list_hash: bytes) -> None:
        """Take this list, if the entry has it at the next look, though it parts from ours (ID-55)."""
        self._followed = list_hash
        self.compare_again(turn)

    def _publish_after(self, turn: Turn, link: Link, mailbox: Mailbox, seq: int) -> None:
        own = self._state.own
        links = self._signed_after(min(seq, own.device_list.seq - 1))
        entry = NextList(own.device.record, own.older_record, own.device_list)
        answered = partial(self._published, link, mailbox, entry.device_list)
        self._send_entry(turn, link, mailbox, links, entry, answered)

    def _signed_after(self, seq: int) -> tuple[bytes, ...]:
        """Return our lists with a higher number, as far back from the newest as each follows the one before
        (ID-55); one that was taken in this very step is not stored yet.
        """
        own = self._state.own
        rows = sorted(self._state.rows.items("list"))
        stored = [row for key, row in rows if seq < int.from_bytes(key, "big") < own.device_list.seq]
        links = [own.device_list] if own.device_list.seq > seq else []
        for row in reversed(stored[-_MAX_LISTS:]):
            before = DeviceList.verify(own.account_id, row)
            if before.hash != links[-1].prev_hash:
                break
            links.append(before)
        return tuple(one.signed for one in reversed(links))

    def _send_entry(
        self,
        turn: Turn,
        link: Link,
        mailbox: Mailbox,
        links: tuple[bytes, ...],
        entry: NextList,
        answered: Answered,
    ) -> None:
        own, devices = self._state.own, self._context.devices
        self._is_fresh = False
        if self.waits.has_entry(turn):
            return
        self.waits.budget.use()
        device = replace(own.device, record=entry.record)
        issued_ms = max(turn.now_ms, self._least_issued_ms)
        address = identity.sign_address(device, mailbox.id, mailbox.tokens[_FRONT_DOOR][0], issued_ms)
        known = dict.fromkeys(entry.records()) | {entry.record: address}
        known |= {one: devices.address_of(one) for one in devices.named(entry.device_list)}
        named = sorted(known, key=lambda one: one.hash)
        records_b = tuple(one.encoded for one in named)
        addresses = tuple(known[one] for one in named)
        slot = self._context.team.slot()
        lists = links[-_MAX_LISTS:]
        publish = Publish(link.new_id(), own.account_id, lists, records_b, addresses, slot)
        link.request(turn, publish, partial(self._taken, slot, answered))

    def _taken(self, slot: bytes | None, answered: Answered, turn: Turn, frame: Response) -> None:
        if isinstance(frame, Done) and slot is not None:
            self._context.team.slot_published(turn, slot)
        answered(turn, frame)

    def _renewed(
        self, link: Link, mailbox: Mailbox, following: NextList, turn: Turn, frame: Response
    ) -> None:
        """The directory has taken our next list: now it is ours, and contacts are told; unless it has been
        taken into use since (ID-47).
        """
        pending = self._context.upkeep.pending(turn)
        if isinstance(frame, Done) and pending is not None and pending.device_list == following.device_list:
            self._context.telling.list_renewed(turn, following)
        self._published(link, mailbox, following.device_list, turn, frame)

    def _published(self, link: Link, mailbox: Mailbox, sent: DeviceList, turn: Turn, frame: Response) -> None:
        if isinstance(frame, Done):
            self._compared(turn, sent)
            self._lacks_address = False
            self.publish(turn, link, mailbox)
        elif isinstance(frame, ErrorReply) and frame.code is ErrorCode.STALE_ENTRY:
            if not self._is_contradicted(turn, link, frame):
                self._find_head(turn, link, mailbox, 0)
        elif self.waits.holds_entry(turn, link, frame):
            self._count_meanwhile(turn, link)
        else:
            refused(turn, link, frame)

    def _count_meanwhile(self, turn: Turn, link: Link) -> None:
        """The prekeys of an entry that is at the relay do not wait with it (ID-57)."""
        if self._state.own.published_seq > 0:
            self.count(turn, link)

    def _find_head(
        self, turn: Turn, link: Link, mailbox: Mailbox, after_seq: int, shown: tuple[bytes, ...] = ()
    ) -> None:
        lookup = Lookup(link.new_id(), self._state.own.account_id, after_seq)
        link.request(turn, lookup, partial(self._found_head, link, mailbox, after_seq, shown))

    def _found_head(
        self,
        link: Link,
        mailbox: Mailbox,
        after_seq: int,
        shown: tuple[bytes, ...],
        turn: Turn,
        frame: Response,
    ) -> None:
        """The relay's entry is not what we thought: an old backup there, or here. The lists of the pages
        before are `shown`; all are judged together (ID-54).
        """
        own = self._state.own
        if isinstance(frame, ErrorReply) and frame.code is ErrorCode.NOT_FOUND:
            self._compared_ms, self._is_fresh, self.has_looked = turn.now_ms, True, True
            self._is_beside = False
            self._publish_anew(turn, link, frame)
            return
        if self.waits.holds_entry(turn, link, frame):
            self._count_meanwhile(turn, link)
            return
        if not isinstance(frame, LookupResult):
            refused(turn, link, frame)
            return
        if not frame.lists:
            self._is_shown_none(turn, link, mailbox, frame, is_first=after_seq > 0 and not shown)
            return
        lists = (*shown, *frame.lists)
        try:
            held = DeviceList.verify(own.account_id, frame.lists[-1])
            is_last = not frame.more or held.seq <= after_seq or len(lists) >= _MAX_SHOWN
            if not is_last:
                self._find_head(turn, link, mailbox, held.seq, lists)
                return
            if held.seq < own.device_list.seq or held.head == own.device_list.head:
                self._context.devices.note_entry(turn, held, frame)
            if held.head == own.device_list.head:
                self._take_records(held, frame)
            self._note_address(frame)
        except E2eeError:
            refused(turn, link, frame)
            return
        self._is_fresh, self.has_looked, self._is_beside = True, True, False
        self._compare_with(turn, link, mailbox, held, replace(frame, lists=lists))

    def _is_shown_none(
        self, turn: Turn, link: Link, mailbox: Mailbox, frame: LookupResult, *, is_first: bool
    ) -> None:
        """There is no list behind the number from which we have asked: the relay was put back (ID-54)."""
        if is_first:
            self._find_head(turn, link, mailbox, 0)
        else:
            refused(turn, link, frame)

    def _compare_with(
        self, turn: Turn, link: Link, mailbox: Mailbox, held: DeviceList, frame: LookupResult
    ) -> None:
        own, pending = self._state.own, self._context.upkeep.pending(turn)
        if held.seq < own.device_list.seq:
            if self._context.copies.is_beside(held):
                if held.hash == self._followed:
                    self._adopt_newer(turn, link, mailbox, frame)
                else:
                    self._not_followed(turn, link, frame, ListFork.code)
                return
            own.published_seq = held.seq
            turn.put(own.put())
        elif held.head == own.device_list.head:
            self._compared(turn, held)
            self._context.team.note_entry(turn, own.account_id, frame)
        elif pending is not None and held.head == pending.device_list.head:
            self._context.telling.list_renewed(turn, pending)
            self._compared(turn, held)
        else:
            self._adopt_newer(turn, link, mailbox, frame)
            return
        self.publish(turn, link, mailbox)

    def _compared(self, turn: Turn, device_list: DeviceList) -> None:
        """The directory has this list as ours."""
        self._state.own.published_seq, self._compared_ms = device_list.seq, turn.now_ms
        self._followed, self.list_beside = b"", None
        turn.put(self._state.own.put())

    def _note_address(self, frame: LookupResult) -> None:
        """The relay takes no address older than the one it holds (RLY-54), which a wrong clock may have dated
        ahead of now: the next one is not older (ID-39). None at all is published again (ID-41).
        """
        shown = shown_addresses(self._state.own.device.record, frame)
        self._lacks_address = None in shown
        self._least_issued_ms = next((ms for ms in shown if ms is not None), self._least_issued_ms)

    def _adopt_newer(self, turn: Turn, link: Link, mailbox: Mailbox, frame: LookupResult) -> None:
        """Our store is older than the directory: follow our own published chain (ID-07), and take the records
        that this device had then.
        """
        own, told, is_beside = self._state.own, self._context.recovering.told, False
        try:
            newest = self._verified(turn, frame)
            is_beside = self._is_signed_beside(newest, frame)
            is_named = self._take_records(newest, frame)
        except E2eeError as error:
            if not isinstance(error, IdentityMismatch) and told(turn, frame.lists[-1]):
                link.drop(turn, MAX_RETRY_AFTER_MS)
                return
            self._not_followed(turn, link, frame, error.code)
            return
        if is_beside or not is_named:
            link.drop(turn, MAX_RETRY_AFTER_MS)
            self._context.recovering.replaced(turn, newest)
            return
        links = [DeviceList.verify(own.account_id, one) for one in frame.lists]
        self._context.recovering.note_listed(turn, links)
        self._context.upkeep.keep_links(turn, frame.lists)
        self._context.upkeep.store_list(turn, newest)
        self._context.devices.settle(turn, newest, adopted=True)
        self._context.devices.note_entry(turn, newest, frame)
        self._compared(turn, newest)
        self._context.team.note_entry(turn, own.account_id, frame)
        self.publish(turn, link, mailbox)

    def _is_signed_beside(self, newest: DeviceList, frame: LookupResult) -> bool:
        """Whether a newer list names a device that is not ours, and that is shown (ACC-75).

        Raises:
            IdentityMismatch: a record is withheld, so that it cannot be told whose it is.
        """
        strangers = self._context.recovering.strangers(newest, records_of(self._state.own, frame))
        shown = {DeviceRecord.decode(one).hash for one in frame.records}
        if strangers and not strangers & shown:
            raise IdentityMismatch("not all records that our list names are shown")
        return bool(strangers) or self._was_signed_beside(frame)

    def _was_signed_beside(self, frame: LookupResult) -> bool:
        """Whether a list before the newest names a device that is not ours, and may be struck off by now."""
        own, upkeep, strangers = self._state.own, self._context.upkeep, self._context.recovering.strangers
        links = [DeviceList.verify(own.account_id, one) for one in frame.lists]
        ours = records_of(own, frame) | {
            record.hash for one in links for record in upkeep.records_at(one.issued_ms)
        }
        return any(strangers(one, ours) for one in links if not ours.issuperset(one.record_hashes))

    def _not_followed(self, turn: Turn, link: Link, frame: LookupResult, code: str) -> None:
        """What the directory shows does not go on from our lists (ID-48, ID-51)."""
        self._is_beside = True
        if self._context.copies.note_entry(turn, frame):
            return
        if code == ListFork.code:
            self.list_beside = DeviceList.verify(self._state.own.account_id, frame.lists[-1])
        link.drop(turn, REFUSED_RETRY_MS)
        turn.notify(ConnectionChanged(ConnectionState.OFFLINE, link.channel.relay_url, code))

    def _verified(self, turn: Turn, frame: LookupResult) -> DeviceList:
        own = self._state.own
        verify = partial(identity.verify_chain, own.account_id)
        try:
            return verify(own.device_list.head, frame.lists, turn.now_ms)
        except (ListFork, ListRollback):
            if not self._followed:
                raise
            newest = verify(None, frame.lists, turn.now_ms)
            if newest.hash != self._followed or brings_back(self._state, newest, frame):
                raise
            return newest

    def _take_records(self, held: DeviceList, frame: LookupResult) -> bool:
        """Go on under the record of this device that a newer list has in use, the one with its address, and
        keep the other one named: the keys are the same. False if the list names none (ID-42).

        Raises:
            IdentityMismatch: the relay withholds a record, so that this cannot be told.
        """
        own = self._state.own
        known = own_records(own, self._state.own_devices.keys(), held, frame)
        if known and held.head != own.device_list.head:
            own.device = replace(own.device, record=known[-1])
        others = [one for one in known if one != own.device.record]
        own.older_record = others[-1] if others else None
        return bool(known)

    def check(self, turn: Turn) -> None:
        """A contact knows a newer list of ours: ask the directory, once an hour; what is claimed sooner is
        looked into then (CON-13).
        """
        self._checked_ms = min(self._checked_ms, turn.now_ms)
        due_ms = self._checked_ms + _CHECK_APART_MS
        if self._checked_ms and turn.now_ms < due_ms:
            self._context.timers.set("check entry", due_ms, self.check)
            return
        if self.compare(turn):
            self._checked_ms = turn.now_ms

    def compare(self, turn: Turn) -> bool:
        """Ask the directory for our own entry, if we have one there."""
        own = self._state.own
        if not own.publish or not own.published_seq:
            return False
        self.compare_again(turn)
        return True

    def count(self, turn: Turn, link: Link) -> None:
        """Ask for the relay's stock of our prekeys and fill it up, once it takes that again (ID-57)."""
        own = self._state.own
        if self.waits.has_stock(turn):
            return
        count = PrekeysCount(link.new_id(), own.account_id, own.device.record.hash)
        link.request(turn, count, partial(self._stock, link))

    def low(self, turn: Turn, link: Link, frame: LowPrekeys) -> None:
        """Tell of it, and refill soon, not at once: that would tell when we are online (pitfall 17). Only
        the relay of our own entry has a stock of ours.
        """
        mailbox = self._state.mailboxes.get(link.channel.mailbox)
        is_ours = self._state.own.publish and mailbox is not None and not mailbox.contact
        if not is_ours or link.state is not LinkState.READY:
            return
        self._tell_shortage(turn, frame.one_time_x25519, frame.one_time_kem)
        due_ms = self._context.timers.at_ms("refill")
        if due_ms is None or due_ms > turn.now_ms + _REFILL_JITTER_MS:
            jitter_ms = int.from_bytes(self._state.ports.rng(4), "big") % _REFILL_JITTER_MS
            self.waits.refill_by(turn.now_ms + jitter_ms)

    def _tell_shortage(self, turn: Turn, one_time_x25519: int, one_time_kem: int) -> None:
        """Tell of a stock that runs low, once, and again when a kind runs out (RLY-157)."""
        left = min(one_time_x25519, one_time_kem)
        if left < REFILL_BELOW and (self._low_told is None or (self._low_told and not left)):
            self._low_told = left
            turn.notify(PrekeysLow(one_time_x25519, one_time_kem))

    def refill(self, turn: Turn) -> None:
        """Carry out a refill that is due, or the upload after a rotation."""
        self._context.timers.drop("refill")
        for mailbox in self._state.mailboxes.values():
            link = self._context.links.link(turn, self._context.mailboxes.channel(mailbox))
            if not mailbox.contact and link.state is LinkState.READY and self._state.own.publish:
                self.publish(turn, link, mailbox)

    def _stock(self, link: Link, turn: Turn, frame: Response) -> None:
        own = self._state.own
        if not isinstance(frame, PrekeysStock):
            self._has_no_stock(turn, link, frame)
            return
        self._context.upkeep.rotate(turn, PUBLISHED)
        current = self._context.upkeep.current(PUBLISHED)
        if current is None:
            return
        spk, pqk = (item.pair.prekey for item in current)
        stale = frame.signed_prekey_id != spk.id or frame.last_resort_id != pqk.id
        opks = self._missing(turn, PrekeyKind.OPK, frame.one_time_x25519, frame.highest_x25519_id)
        pqks = self._missing(turn, PrekeyKind.PQK_ONE_TIME, frame.one_time_kem, frame.highest_kem_id)
        if stale or opks or pqks:
            device = own.account_id, own.device.record.hash
            one_time = signed_of(opks), signed_of(pqks)
            upload = PrekeysUpload(link.new_id(), *device, spk.signed, pqk.signed, *one_time)
            self._refused.sent(turn)
            link.request(turn, upload, partial(self._uploaded, link, (*opks, *pqks)))
        else:
            self._is_published(turn, link)

    def _has_no_stock(self, turn: Turn, link: Link, frame: Response) -> None:
        is_published = self._state.own.published_seq > 0
        if isinstance(frame, ErrorReply) and frame.code is ErrorCode.NOT_AUTHENTICATED and is_published:
            # The relay does not have our entry: an old backup was put back there.
            self._publish_anew(turn, link, frame)
        elif not self.waits.holds_stock(turn, link, frame):
            refused(turn, link, frame)

    def _publish_anew(self, turn: Turn, link: Link, frame: ErrorReply) -> None:
        own = self._state.own
        if not self._is_contradicted(turn, link, frame):
            own.published_seq = 0
            turn.put(own.put())
            self._stocked = None
            turn.delete(UploadedPrekeys.TABLE, UploadedPrekeys.PREFIX)
            self.publish(turn, link, self._state.mailboxes[link.channel.mailbox])

    def _is_contradicted(self, turn: Turn, link: Link, frame: ErrorReply) -> bool:
        """Whether the relay has denied our entry again and again, whatever its directory shows: then the
        connection ends, so that its answers cannot keep us busy without end (SES-35).
        """
        self._contradictions += 1
        if self._contradictions <= _MAX_CONTRADICTIONS:
            return False
        self._contradictions = 0
        refused(turn, link, frame)
        return True

    def _uploaded(self, link: Link, keys: tuple[OwnPrekey, ...], turn: Turn, frame: Response) -> None:
        if isinstance(frame, PrekeysStock):
            self._low_told = None
            self._is_published(turn, link)
            return
        if isinstance(frame, ErrorReply):
            self._refused.refused(turn, keys)
        if not self.waits.holds_stock(turn, link, frame):
            refused(turn, link, frame)

    def _is_published(self, turn: Turn, link: Link) -> None:
        """Entry and prekeys are at the relay: whoever has our card can write to us."""
        link.refusals, self._contradictions = 0, 0
        self.waits.refusal = ""
        if not self.is_reached:
            self._stocked = UploadedPrekeys(self._state.own.device.record.hash)
            turn.put(self._stocked.put())
        if not self.published:
            self.published = True
            turn.notify(ConnectionChanged(ConnectionState.ONLINE, link.channel.relay_url))

    def _missing(self, turn: Turn, kind: PrekeyKind, held: int, highest_id: int) -> tuple[OwnPrekey, ...]:
        if held >= REFILL_BELOW:
            return ()
        again = self._refused.again(turn, kind, highest_id, STOCK - held)
        made = self._context.upkeep.make_one_time(turn, kind, STOCK - held - len(again), PUBLISHED)
        return (*again, *made)
