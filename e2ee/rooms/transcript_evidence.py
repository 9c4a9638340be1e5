"""What the entries of a transcript are judged by: lists, records, rosters, cards (EXP-06, EXP-08).

Each structure is verified up to the company's account, or the customer's, as it comes; rosters are worked out
when the first entry asks.
"""

from __future__ import annotations

import bisect
from enum import Enum
from typing import Final, NamedTuple

from e2ee.constants import CLOCK_TOLERANCE_MS
from e2ee.errors import IdentityMismatch, ListGap, RemoteError, TooMany
from e2ee.identity import DeviceList, DeviceRecord, ListHead
from e2ee.ids import AccountId, DeviceId, RecordHash, SignPublic

from .agent_card import AgentCard
from .entry import Author
from .head import Team
from .mandate import Mandate
from .roster import Roster, RosterRef
from .slots import open_slot
from .state import Ranks
from .team import TeamView, view_by
from .transcript_file import Evidence, Head, Part

MAX_EVIDENCE: Final = 4_096


class InForce(Enum):
    """Whether a device of the company was in force at a time, by the rosters of a file."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    """No roster of that time is in the file: the newest before it had ended."""


class _Judged(NamedTuple):
    """A roster with who was in force by it; `newest` is the one that counts of all issued up to it."""

    roster: Roster
    view: TeamView
    newest: int


class EvidenceSet:
    """The evidence of one file."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self._count = 0
        self._lists: dict[ListHead, DeviceList] = {}
        self._listed: dict[AccountId, set[RecordHash]] = {head.company: set(), head.customer: set()}
        self._records: dict[RecordHash, DeviceRecord] = {}
        self._keys: dict[Author, SignPublic] = {}
        self._mandates: dict[bytes, Mandate] = {}
        self._slots: dict[RosterRef, tuple[Mandate, Roster]] = {}
        self._cards: dict[DeviceId, AgentCard] = {}
        self._judged: list[_Judged] | None = None
        self._ranks: dict[RosterRef, Ranks] = {}

    # --- what comes ---

    def add(self, given: Evidence) -> None:
        """Verify a structure and keep it (EXP-06).

        Raises:
            TooMany: more than 4096. Another RemoteError: it does not hold, and is left out.
        """
        self._count += 1
        if self._count > MAX_EVIDENCE:
            raise TooMany("too many structures for one transcript")
        match given.part:
            case Part.COMPANY_LIST:
                self._add_list(self._head.company, given.data)
            case Part.CUSTOMER_LIST:
                self._add_list(self._head.customer, given.data)
            case Part.RECORD:
                self._add_record(DeviceRecord.decode(given.data))
            case Part.SLOT:
                mandate, roster = open_slot(self._head.company, given.data)
                self._mandates[mandate.hash] = mandate
                self._slots[roster.ref] = mandate, roster
            case _:
                self._add_card(AgentCard.decode(given.data))

    def _add_list(self, account_id: AccountId, signed: bytes) -> None:
        found = DeviceList.verify(account_id, signed)
        if account_id == self._head.company:
            self._lists[found.head] = found
        self._listed[account_id].update(found.record_hashes)

    def _add_record(self, record: DeviceRecord) -> None:
        if record.hash not in self._listed.get(record.account_id, ()):
            raise IdentityMismatch("a record that no list of the file names")
        author = Author(record.account_id, record.device_id)
        if self._keys.setdefault(author, record.sign_public) != record.sign_public:
            raise IdentityMismatch("two pairs of keys under one device id")
        self._records[record.hash] = record

    def _add_card(self, card: AgentCard) -> None:
        """Keep a card that a roster names (ACC-14)."""
        is_named = any(
            one.device_id == card.device_id and one.card_hash == card.hash
            for _, roster in self._slots.values()
            for one in roster.named
        )
        if card.account_id != self._head.company or not is_named:
            raise IdentityMismatch("not the card of a device of the company")
        self._cards[card.device_id] = card

    # --- what is asked ---

    def signer(self, author: Author) -> SignPublic | None:
        """Return the signing key of a device by a listed record; None for one that no list names."""
        return self._keys.get(author)

    def names(self) -> dict[DeviceId, str]:
        """Return the names on the cards."""
        return {device_id: card.name for device_id, card in self._cards.items()}

    def in_force(self, device_id: DeviceId, at_ms: int) -> InForce:
        """Say whether a device was in force at a time (EXP-08)."""
        judged = self._rosters()
        end = bisect.bisect_right(judged, at_ms, key=lambda one: one.roster.issued_ms)
        found = InForce.UNKNOWN
        if end:
            counts = judged[judged[end - 1].newest]
            if at_ms <= counts.roster.expires_ms + CLOCK_TOLERANCE_MS:
                found = InForce.YES if device_id in counts.view.members else InForce.NO
        later = bisect.bisect_right(judged, at_ms + CLOCK_TOLERANCE_MS, key=lambda one: one.roster.issued_ms)
        if found is not InForce.YES and any(device_id in one.view.members for one in judged[end:later]):
            return InForce.YES
        return found

    def team(self) -> Team:
        """Return by whom states are judged: each roster of the file, and who is suspended (ROOM-28)."""
        self._rosters()
        newest = min(self._mandates.values(), key=lambda one: (-one.seq, one.hash), default=None)
        suspended = set() if newest is None else set(newest.suspended)
        for mandate, roster in self._slots.values():
            if mandate == newest:
                suspended |= set(roster.suspended)
        return Team(self._ranks.get, frozenset(suspended))

    # --- rosters ---

    def _rosters(self) -> list[_Judged]:
        if self._judged is None:
            self._judged = []
            slots = sorted(self._slots.values(), key=lambda one: (one[1].issued_ms, one[1].ref.hash))
            for mandate, roster in slots:
                view = self._view(mandate, roster)
                if view is not None:
                    self._ranks[roster.ref] = view.ranks()
                    self._judge(roster, view)
        return self._judged

    def _judge(self, roster: Roster, view: TeamView) -> None:
        """Put a roster behind those that were issued before it; the highest number of them counts."""
        judged = self._rosters()
        at = len(judged)
        before = judged[judged[-1].newest].roster.ref if judged else None
        is_newest = before is None or roster.ref[:2] >= before[:2]
        judged.append(_Judged(roster, view, at if is_newest else judged[-1].newest))

    def _view(self, mandate: Mandate, roster: Roster) -> TeamView | None:
        """Say who was in force by a roster; None where its list, or a record of it, is not here (ACC-21)."""
        device_list = self._lists.get(roster.list_head)
        if device_list is None:
            return None
        records = [self._records[one] for one in device_list.record_hashes if one in self._records]
        try:
            return view_by(mandate, roster, device_list, records)
        except ListGap:
            return None
        except RemoteError:
            # Mandate, list and roster were not valid together: nobody was in force.
            return TeamView(roster.ref, roster.notice_hash, roster.older_notices, {})
