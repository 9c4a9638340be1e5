"""What is learned of a company, and from where (ACC-05, ACC-11, ACC-12, ACC-22)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from e2ee_relay.protocol import LookupResult

from e2ee import identity
from e2ee.errors import ContentError, ListGap, RemoteError
from e2ee.identity import DeviceList, DeviceRecord, ListHead
from e2ee.ids import AccountId
from e2ee.primitives import kdf
from e2ee.rooms import team
from e2ee.rooms.mandate import Mandate
from e2ee.rooms.notice import Notice
from e2ee.rooms.roster import Roster
from e2ee.rooms.slots import RosterContent, open_slot
from e2ee.rooms.team import Standing
from e2ee.wire import cbor
from e2ee_client.events import CompanyFork, MessageRejected

from .part import Part
from .peers import Peer
from .records import named_records
from .team_rows import Known
from .turn import Turn

if TYPE_CHECKING:
    from .context import Context

MAX_UNLISTED: Final = 64
_MAX_LINKS: Final = 16
_MAX_TOLD: Final = 64


class TeamLearning(Part):
    """One row of what counts for each company; none for accounts that have shown no mandate."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._known: dict[bytes, Known] = {}
        self._told: dict[tuple[bytes, object], None] = {}

    @abstractmethod
    def _changed(self, turn: Turn, account_id: AccountId) -> None:
        """Who is in force may be others now."""

    @abstractmethod
    def learn_card(self, turn: Turn, account_id: AccountId, card_b: bytes) -> None:
        """Keep the card of a device that is in force."""

    @abstractmethod
    def _review(self, turn: Turn, account_id: AccountId) -> None:
        """Look whether it is known who is in force."""

    # --- what is learned ---

    def learn(
        self, turn: Turn, account_id: AccountId, signed_mandate: bytes, signed_roster: bytes | None
    ) -> None:
        """Learn a mandate, and a roster of it (ACC-05).

        Raises:
            RemoteError: one of them does not hold; nothing has changed.
        """
        mandate = Mandate.verify(account_id, signed_mandate)
        roster = None if signed_roster is None else Roster.verify(mandate, signed_roster)
        self.learn_verified(turn, mandate, roster)

    def learn_verified(self, turn: Turn, mandate: Mandate, roster: Roster | None) -> None:
        """Learn a mandate and a roster that were verified; of a roster that is issued ahead of the clock
        tolerance only its mandate (ACC-04).

        Raises:
            MandateInvalid: issued ahead of the clock tolerance.
        """
        account_id = mandate.account_id
        known = self.known(account_id) or Known(account_id)
        before = known.standing
        learned = team.learn(before, mandate, roster, turn.now_ms)
        if roster is not None and learned.refused:
            self._tell_once(turn, account_id, roster.ref, MessageRejected(account_id, learned.refused[0]))
            roster = None
        self._known[account_id] = known
        if learned.standing is not None and learned.standing != before:
            known.set_standing(self._bounded(turn, learned.standing))
            self._put(turn, known)
        if account_id == self._state.own.account_id:
            self._note_suspension(turn, roster)
        for finding in learned.findings:
            ref: object = mandate.hash if roster is None else roster.ref
            self._tell_once(turn, account_id, ref, CompanyFork(account_id, finding.value))
        if roster is not None:
            self._context.team_archive.add_roster(turn, known, mandate, roster)
        self._add_list(turn, known)
        if known.standing != before:
            self._changed(turn, account_id)

    def _note_suspension(self, turn: Turn, roster: Roster | None) -> None:
        if roster is not None:
            self._context.rooms.hearing.note(turn, roster)
        self._context.rooms.hearing.look(turn)

    def _bounded(self, turn: Turn, standing: Standing) -> Standing:
        """Keep of the suspended those of the mandate and of listed devices, and of all others the 64 smallest
        ids, whatever the order in which they came (ACC-22).
        """
        account_id = standing.mandate.account_id
        listed = {one.device_id for one in self.known_records(account_id)}
        listed |= {one.device_id for one in self._listed(turn, account_id)} | set(standing.mandate.suspended)
        others = sorted(standing.suspended - listed)[:MAX_UNLISTED]
        suspended = (standing.suspended & listed) | frozenset(others)
        return Standing(standing.mandate, standing.roster, frozenset(suspended))

    def learn_content(self, turn: Turn, peer: Peer, payload: cbor.Value) -> None:
        """Take a content of type 12 of a device of the same company (ACC-12).

        Raises:
            ContentError: not of this form. Other RemoteError: lists, mandate or roster do not hold.
        """
        content, account_id = RosterContent.decode(payload), peer.account_id
        mandate = Mandate.verify(account_id, content.mandate)
        roster = Roster.verify(mandate, content.roster)
        lists = [DeviceList.verify(account_id, one) for one in content.lists]
        records = [DeviceRecord.decode(one) for one in content.records]
        if any(one.account_id != account_id for one in records):
            raise ContentError("a record of another account")
        self._take_lists(turn, peer, lists)
        known = self.known(account_id)
        was_known = known is not None and self._context.team_archive.judges_by(turn, known, roster.ref)
        self.learn_verified(turn, mandate, roster)
        known = self.known(account_id)
        if known is not None:
            self._keep_lists(turn, known, lists, records)
            self._take_extras(turn, known, content)
            if not was_known and self._context.team_archive.judges_by(turn, known, roster.ref):
                # What is held for an older roster is judged now, whatever counts since (ROOM-10).
                self._changed(turn, account_id)

    def _take_extras(self, turn: Turn, known: Known, content: RosterContent) -> None:
        """Take notices and cards that hold by themselves; cards are for devices of the company (ACC-12)."""
        for signed in content.notices:
            with suppress(RemoteError):
                self.learn_notice(turn, known.account_id, signed)
        is_ours = known.account_id == self._state.own.account_id
        for card_b in content.cards if is_ours else ():
            with suppress(RemoteError):
                self.learn_card(turn, known.account_id, card_b)

    def learn_notice(self, turn: Turn, account_id: AccountId, signed: bytes) -> None:
        """Keep a notice of a company of which something is known.

        Raises:
            RemoteError: it does not hold.
        """
        notice, known = Notice.verify(account_id, signed), self.known(account_id)
        if known is not None:
            self._context.team_archive.add_notice(turn, known, notice)

    def _take_lists(self, turn: Turn, peer: Peer, lists: list[DeviceList]) -> None:
        """Follow newer lists of a contact as from a directory (ID-07); our own are followed there."""
        pinned = self._accepted(peer.account_id)
        newer = [one for one in lists if pinned is None or one.seq > pinned.seq]
        if not newer:
            return
        if peer.account_id == self._state.own.account_id:
            self._context.entry.check(turn)
            return
        links = [one.signed for one in newer]

        def verified(pinned: DeviceList | None) -> DeviceList:
            head = None if pinned is None else pinned.head
            return identity.verify_chain(peer.account_id, head, links, turn.now_ms)

        try:
            found = self._context.forks.from_pinned(turn, peer.contact, verified)
        except ListGap:
            self._context.directory.catch_up(turn, peer.contact)
        else:
            self._context.contents.pin(turn, peer.contact, found)

    def note_entry(self, turn: Turn, account_id: AccountId, frame: LookupResult) -> None:
        """Learn from a directory entry whose lists and records have been checked: from each slot that holds
        (ACC-11).
        """
        for slot in frame.slots:
            try:
                self.learn_verified(turn, *open_slot(account_id, slot))
            except RemoteError as error:
                self._tell_once(turn, account_id, slot, MessageRejected(account_id, error.code))
        known = self.known(account_id)
        if known is not None:
            lists = [DeviceList.verify(account_id, one) for one in frame.lists[-_MAX_LINKS:]]
            self._keep_lists(turn, known, lists, [DeviceRecord.decode(one) for one in frame.records])
            hashes = {kdf.sha256(one) for one in frame.slots}
            if known.slot_hash is not None and known.slot_hash not in hashes:
                known.slot_hash = None
                self._put(turn, known)
            self._review(turn, account_id)

    def note_list(self, turn: Turn, account_id: AccountId) -> None:
        """Another list of a company is the accepted one."""
        known = self.known(account_id)
        if known is not None:
            self._add_list(turn, known)
            self._changed(turn, account_id)

    def _keep_lists(
        self, turn: Turn, known: Known, lists: Iterable[DeviceList], records: list[DeviceRecord]
    ) -> None:
        for one in lists:
            self._context.team_archive.add_list(turn, known, one, records)
        self._add_list(turn, known, records)

    def _add_list(self, turn: Turn, known: Known, records: Iterable[DeviceRecord] = ()) -> None:
        """Keep the accepted list too, and throw away what nobody needs."""
        device_list = self._accepted(known.account_id)
        if device_list is not None:
            self._context.team_archive.add_list(turn, known, device_list, records)
        self._context.team_archive.prune(turn, known)

    # --- what is known ---

    def known(self, account_id: AccountId) -> Known | None:
        """Return what is known of a company, from its row where that was not needed yet."""
        if account_id not in self._known:
            row = self._state.rows.get(Known.TABLE, Known.key_of(account_id))
            if row is None:
                return None
            self._known[account_id] = Known.decode(Known.key_of(account_id), row)
        return self._known[account_id]

    def known_records(self, account_id: AccountId) -> list[DeviceRecord]:
        """Return the records of a company that are known beside its kept lists."""
        own = self._state.own
        if account_id != own.account_id:
            return [one.record for one in self._state.peers_of(account_id)]
        others = [one.record for one in self._state.own_devices.values()]
        return [*named_records(own.device.record, own.older_record), *others]

    def _put(self, turn: Turn, known: Known) -> None:
        turn.put_at_end(known.TABLE, known.key, known.put)

    def head_of(self, account_id: AccountId) -> ListHead | None:
        """Return the head of the accepted list."""
        device_list = self._accepted(account_id)
        return None if device_list is None else device_list.head

    def _accepted(self, account_id: AccountId) -> DeviceList | None:
        if account_id == self._state.own.account_id:
            return self._state.own.device_list
        contact = self._state.contacts.get(account_id)
        return None if contact is None else contact.device_list()

    def _listed(self, turn: Turn, account_id: AccountId) -> list[DeviceRecord]:
        known, head = self.known(account_id), self.head_of(account_id)
        if known is None or head is None:
            return []
        return self._context.team_archive.records(turn, known, head)

    # --- what is told ---

    def _tell_once(
        self, turn: Turn, account_id: AccountId, what: object, event: CompanyFork | MessageRejected
    ) -> None:
        if (account_id, what) in self._told:
            return
        while len(self._told) >= _MAX_TOLD:
            del self._told[next(iter(self._told))]
        self._told[account_id, what] = None
        turn.notify(event)
