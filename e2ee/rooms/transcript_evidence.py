"""What the entries of a transcript are judged by: lists, records, rosters, cards (EXP-06, EXP-08).

Each structure is verified up to the company's account, or the customer's, as it comes; rosters are worked out
when the first entry asks.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

from e2ee.constants import CLOCK_TOLERANCE_MS
from e2ee.errors import IdentityMismatch, ListGap, RemoteError, TooMany
from e2ee.identity import DeviceList, DeviceRecord, ListHead
from e2ee.ids import AccountId, DeviceId, DhPublic, RecordHash, SignPublic

from .agent_card import AgentCard
from .entry import Author, DeviceTag, device_tag
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


class _Step(NamedTuple):
    """A roster in the order of their times. `view` is None where it cannot be judged by; `ends_ms` is the end
    of roster, mandate and list; `suspended` are those whom it or one before it of its mandate suspends.
    `counts` are the rosters of the highest number of all issued up to it, `barred` who is suspended by then
    under their mandate.
    """

    roster: Roster
    view: TeamView | None
    ends_ms: int
    suspended: frozenset[DeviceId]
    counts: tuple[int, ...]
    barred: frozenset[DeviceId]


class EvidenceSet:
    """The evidence of one file."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self._count = 0
        self._lists: dict[ListHead, DeviceList] = {}
        self._listed: dict[AccountId, set[RecordHash]] = {head.company: set(), head.customer: set()}
        self._records: dict[RecordHash, DeviceRecord] = {}
        self._keys: dict[Author, tuple[SignPublic, DhPublic]] = {}
        self._mandates: dict[bytes, Mandate] = {}
        self._slots: dict[tuple[bytes, RosterRef], tuple[Mandate, Roster]] = {}
        self._names: dict[DeviceId, dict[str, None]] = {}
        self._tags: dict[DeviceTag, Author] = {}
        self._named: set[tuple[DeviceId, bytes]] = set()
        self._steps: list[_Step] | None = None
        self._found_later: dict[tuple[DeviceId, int, int], bool] = {}
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
                self._slots[mandate.hash, roster.ref] = mandate, roster
                self._named.update((one.device_id, one.card_hash) for one in roster.named)
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
        publics = record.sign_public, record.dh_public
        if self._keys.setdefault(author, publics) != publics:
            raise IdentityMismatch("two pairs of keys under one device id")
        self._records[record.hash] = record
        if author.account_id == self._head.company:
            self._tags.setdefault(device_tag(self._head.room, author.device_id), author)

    def _add_card(self, card: AgentCard) -> None:
        """Keep a card that a roster names (ACC-14)."""
        is_named = (card.device_id, card.hash) in self._named
        if card.account_id != self._head.company or not is_named:
            raise IdentityMismatch("not the card of a device of the company")
        self._names.setdefault(card.device_id, {})[card.name] = None

    # --- what is asked ---

    def signer(self, author: Author) -> SignPublic | None:
        """Return the signing key of a device by a listed record; None for one that no list names."""
        found = self._keys.get(author)
        return None if found is None else found[0]

    def is_of_another(self, author: Author, tag: DeviceTag) -> bool:
        """Whether a listed device of the company has the tag of another device (EXP-17)."""
        return self._tags.get(tag, author) != author

    def names(self) -> dict[DeviceId, tuple[str, ...]]:
        """Return the names on all cards of listed devices, in the order of the file (EXP-25)."""
        company, names = self._head.company, self._names
        return {one: tuple(names[one]) for one in names if Author(company, one) in self._keys}

    def in_force(self, device_id: DeviceId, at_ms: int) -> InForce:
        """Say whether a device was in force at a time (EXP-08, EXP-16)."""
        steps = self._rosters()
        end = bisect.bisect_right(steps, at_ms, key=_issued_ms)
        counts = [steps[one] for one in steps[end - 1].counts] if end else []
        found = InForce.UNKNOWN
        if counts and at_ms <= min(one.ends_ms for one in counts) + CLOCK_TOLERANCE_MS:
            is_barred = device_id in steps[end - 1].barred
            is_in = not is_barred and all(_is_named(one, device_id, at_ms) for one in counts)
            found = InForce.YES if is_in else InForce.NO
        if found is not InForce.YES and self._is_soon(device_id, at_ms, end):
            return InForce.YES
        return found

    def _is_soon(self, device_id: DeviceId, at_ms: int, end: int) -> bool:
        """Whether a device is in force by a roster issued later by no more than the clock tolerance, of at
        least the number that counts.
        """
        steps = self._rosters()
        later = bisect.bisect_right(steps, at_ms + CLOCK_TOLERANCE_MS, key=_issued_ms)
        key = device_id, end, later
        if key not in self._found_later:
            counts = steps[end - 1].counts if end else ()
            number = steps[counts[0]].roster.ref[:2] if counts else (0, 0)
            self._found_later[key] = any(
                one.roster.ref[:2] >= number
                and device_id not in one.suspended
                and _is_named(one, device_id, one.roster.issued_ms)
                for one in steps[end:later]
            )
        return self._found_later[key]

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

    def _rosters(self) -> list[_Step]:
        if self._steps is None:
            self._steps = []
            slots = sorted(self._slots.values(), key=lambda one: (one[1].issued_ms, one[1].ref.hash))
            suspended: dict[int, frozenset[DeviceId]] = {}
            for mandate, roster in slots:
                known = suspended.get(mandate.seq, frozenset()) | {*mandate.suspended, *roster.suspended}
                suspended[mandate.seq] = known
                self._add_step(mandate, roster, suspended)
        return self._steps

    def _add_step(
        self, mandate: Mandate, roster: Roster, suspended: Mapping[int, frozenset[DeviceId]]
    ) -> None:
        """Put a roster behind those that were issued before it; of all of them the highest number counts."""
        steps, view = self._rosters(), self._view(mandate, roster)
        counts = steps[-1].counts if steps else ()
        ends_ms = min(roster.expires_ms, mandate.expires_ms)
        if view is not None:
            ends_ms = min(ends_ms, self._lists[roster.list_head].expires_ms)
            self._ranks[roster.ref] = view.ranks()
            number = steps[counts[0]].roster.ref[:2] if counts else (0, 0)
            if roster.ref[:2] >= number:
                counts = (*(counts if roster.ref[:2] == number else ()), len(steps))
        first = roster if not counts or counts[0] == len(steps) else steps[counts[0]].roster
        barred = suspended[first.ref.mandate_seq]
        steps.append(_Step(roster, view, ends_ms, suspended[mandate.seq], counts, barred))

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


def _issued_ms(step: _Step) -> int:
    return step.roster.issued_ms


def _is_named(step: _Step, device_id: DeviceId, at_ms: int) -> bool:
    """Whether a device is in force by a roster, and neither its time nor its record's has ended (EXP-16)."""
    member = None if step.view is None else step.view.members.get(device_id)
    if member is None:
        return False
    ends_ms = next(one.not_after_ms for one in step.roster.named if one.device_id == device_id)
    return at_ms <= min(ends_ms, member.record.expires_ms) + CLOCK_TOLERANCE_MS
