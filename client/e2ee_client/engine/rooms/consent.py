"""Consent of one room on this device: receipts, withdrawals, the gate's column; tombstones (chapter 18)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from e2ee.constants import ACCOUNT_ID_B
from e2ee.errors import ConsentRequired, IdentityMismatch
from e2ee.ids import AccountId, SignPublic
from e2ee.rooms import gate
from e2ee.rooms.acts import What
from e2ee.rooms.consent import Receipt, RoomConsent, Withdrawal, opened, sign_receipt, sign_withdrawal
from e2ee.rooms.customer import Given
from e2ee.rooms.entry import ROOM_ID_B, Author, Entry, EntryHash, Header, RoomId
from e2ee.rooms.gate import Column
from e2ee.rooms.kinds import Kind, Side
from e2ee.rooms.payloads import Act, ActKind, EntryPayload, Open, read_payload
from e2ee.rooms.room import check_open
from e2ee.rooms.signed_payloads import Consent
from e2ee.rooms.signed_payloads import Withdrawal as WithdrawalPayload
from e2ee_client.engine.row_codec import Row
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import ConsentChanged

from .proving import KeptConsent
from .room_part import RoomPart
from .surroundings import Surroundings


class RoomConsents(RoomPart):
    """Receipts and withdrawals, of either side's device; which counts does not depend on their order."""

    # --- what comes ---

    def check(self, entry: Entry, payload: EntryPayload) -> None:
        """Refuse a receipt or withdrawal that does not verify or does not count here (CNS-07, CNS-08).

        Raises:
            RemoteError.
        """
        if isinstance(payload, Open | Consent | WithdrawalPayload):
            self._with(entry.author, payload)

    def take(self, turn: Turn, entry: Entry, payload: EntryPayload) -> None:
        """Take a receipt or withdrawal that was checked; the highest number counts (CNS-09)."""
        if isinstance(payload, Open | Consent | WithdrawalPayload):
            self._set(turn, entry, payload, self._with(entry.author, payload))

    def counts(self, payload: WithdrawalPayload) -> bool:
        """Whether a withdrawal is the one that counts (CNS-09)."""
        known = self._live.consent
        return (
            known.is_withdrawn and known.withdrawal is not None and known.withdrawal.signed == payload.signed
        )

    def is_here(self, turn: Turn, payload: WithdrawalPayload) -> bool:
        """Whether a device of the customer itself has brought a withdrawal: its place is known (CNS-45)."""
        own = [one.hash for one in self._room.states.room.acts if one.what is What.WITHDRAW]
        return any(self.signed_in(turn, one) == payload.signed for one in own)

    def is_ended_by(self, turn: Turn, entry: Entry, payload: WithdrawalPayload) -> bool:
        """Whether a withdrawal is not below the receipt, and none is that the customer has brought (ROOM-29).

        Raises:
            RemoteError: it does not verify.
        """
        known = self._live.consent
        seq = Withdrawal.verify(self._public(entry.author), payload.signed, self._live.room_id).seq
        counts = known.withdrawal if known.is_withdrawn else None
        is_ended = counts is not None and self.is_here(turn, WithdrawalPayload(counts.signed))
        return not is_ended and (known.receipt is None or seq >= known.receipt.seq)

    def signed_in(self, turn: Turn, entry_hash: EntryHash) -> bytes | None:
        """Return the signed withdrawal that an entry carries; None of another entry."""
        stored = self._room.log.find(turn, entry_hash)
        if stored is None or Header.decode(stored.header).kind != Kind.WITHDRAW:
            return None
        payload = read_payload(self._room.log.entry(turn, stored))
        return payload.signed if isinstance(payload, WithdrawalPayload) else None

    @property
    def language(self) -> str:
        """The language of the notice that the customer accepted."""
        receipt = self._live.consent.receipt
        return "de" if receipt is None else receipt.terms.locale

    def _set(self, turn: Turn, entry: Entry, payload: EntryPayload, consent: RoomConsent) -> None:
        if consent != self._live.consent:
            self._keep(turn, entry, consent)
            self._live.consent = consent
            self._live.consents = (entry.hash, *self._live.consents)[:2]
            self._room.index.is_consented = consent.receipt is not None
            event = ConsentChanged(self._live.room_id, consent.seq, consent.is_withdrawn)
            self._around.tell(turn, event)
            if isinstance(payload, WithdrawalPayload):
                self._room.forwarding.share_withdrawal(turn, entry.hash)

    def _keep(self, turn: Turn, entry: Entry, consent: RoomConsent) -> None:
        """Keep what a proof of the new receipt or withdrawal needs, as it is now (CNS-30)."""
        live = self._live
        papers = self._around.papers(entry.author, live.company)
        is_new = consent.receipt is not live.consent.receipt
        newest = consent.receipt if is_new else consent.withdrawal
        if papers is not None and newest is not None:
            turn.put(KeptConsent.of(live.room_id, newest, entry.hash, papers).put())

    def _with(self, author: Author, payload: Open | Consent | WithdrawalPayload) -> RoomConsent:
        live, known = self._live, self._live.consent
        public = self._public(author)
        if isinstance(payload, WithdrawalPayload):
            return known.with_withdrawal(Withdrawal.verify(public, payload.signed, live.room_id))
        if isinstance(payload, Open):
            if live.customer is None:
                raise IdentityMismatch("nobody opens a room of notes")
            check_open(live.room_id, live.company, live.customer, payload)
            receipt = Receipt.verify(public, payload.receipt)
            if self._around.side is Side.CUSTOMER:
                return known.with_receipt(receipt)
            notice = self._around.notice(live.company, receipt.terms.notice_hash)
            return opened(known, receipt, live.room_id, notice, is_desk=True)
        receipt = Receipt.verify(public, payload.signed)
        if self._around.side is Side.COMPANY:
            receipt.check(live.room_id, self._around.notice(live.company, receipt.terms.notice_hash))
        return known.with_receipt(receipt)

    def _public(self, author: Author) -> SignPublic:
        public = self._around.signer(author)
        if public is None or author.account_id != self._live.customer:
            raise IdentityMismatch("consent of a device that is not known")
        return public

    # --- the gate ---

    def column(self, now_ms: int) -> Column:
        """Return the column of the gate's table; a roster that is not known leaves no consent stale (CNS-13).

        Raises:
            MandateInvalid, RosterExpired, ListExpired, ListGap: the team is not known.
        """
        phase = self._room.states.condition().phase
        team = self._around.team(self._live.company, now_ms)
        may_reopen = self._room.states.may_reopen(now_ms)
        return gate.column(self._live.consent, int(phase or 1), team, now_ms, may_reopen=may_reopen)

    # --- what we write, on the customer's side ---

    def receipt(self, given: Given) -> bytes:
        """Sign a receipt for this room (CNS-06)."""
        return sign_receipt(self._around.key, given.terms, given.accepted_ms, self._live.room_id, given.seq)

    def give(self, turn: Turn, given: Given, *, reopens: bool) -> EntryHash:
        """Give a further receipt for this room, and ask for the room to be opened again (CNS-17)."""
        found = self._room.writing.write(turn, Consent(self.receipt(given)))
        if reopens:
            self._room.writing.write(turn, Act(ActKind.REOPEN))
        return found

    def withdraw(self, turn: Turn, seq: int) -> EntryHash:
        """Withdraw the consent of this room (CNS-08).

        Raises:
            ConsentRequired: none was given.
        """
        receipt = self._live.consent.receipt
        if receipt is None:
            raise ConsentRequired("no consent of this room was given")
        signed = sign_withdrawal(self._around.key, receipt.hash, self._live.room_id, turn.now_ms, seq)
        return self._room.writing.write(turn, WithdrawalPayload(signed))


@dataclass(slots=True)
class Tombstone(Row):
    """A withdrawal of a room that is not known (CNS-10)."""

    TABLE: ClassVar[str] = "tombstone"
    KEY: ClassVar = (("account_id", ACCOUNT_ID_B), ("room_id", ROOM_ID_B))
    account_id: AccountId
    room_id: RoomId
    withdrawal: Withdrawal
    kept_ms: int


class Tombstones:
    """Withdrawals that overtook their `open`, or came for a room that is gone."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def of(self, turn: Turn, account_id: AccountId, room_id: RoomId) -> RoomConsent:
        """Return what is known of a room's consent before the room is."""
        key = Tombstone.key_of(account_id, room_id)
        row = turn.read(self._around.rows, Tombstone.TABLE, key)
        return RoomConsent() if row is None else RoomConsent(None, Tombstone.decode(key, row).withdrawal)

    def check(self, turn: Turn, account_id: AccountId, withdrawal: Withdrawal) -> Tombstone | None:
        """Return which tombstone a withdrawal of a room that is not known takes the place of (CNS-10).

        Raises:
            ConsentRequired: too many are kept.
        """
        if self.of(turn, account_id, RoomId(withdrawal.room)).withdrawal is not None:
            return None
        kept = [Tombstone.decode(*one) for one in turn.items(self._around.rows, Tombstone.TABLE)]
        of_account = sum(one.account_id == account_id for one in kept)
        oldest = gate.check_tombstones(of_account, [one.kept_ms for one in kept], turn.now_ms)
        return None if oldest is None else kept[oldest]

    def keep(self, turn: Turn, account_id: AccountId, withdrawal: Withdrawal) -> None:
        """Keep a withdrawal of a room that is not known (CNS-10).

        Raises:
            ConsentRequired: too many are kept.
        """
        room_id = RoomId(withdrawal.room)
        oldest = self.check(turn, account_id, withdrawal)
        if oldest is not None:
            turn.delete(Tombstone.TABLE, oldest.key)
        newest = self.of(turn, account_id, room_id).with_withdrawal(withdrawal).withdrawal
        if newest is not None:
            turn.put(Tombstone(account_id, room_id, newest, turn.now_ms).put())

    def drop(self, turn: Turn, account_id: AccountId, room_id: RoomId) -> None:
        """Forget a tombstone: the room itself knows now."""
        turn.delete(Tombstone.TABLE, Tombstone.key_of(account_id, room_id))
