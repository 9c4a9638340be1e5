"""What a reader knows of a company's team, and who of it is in force (chapter 15).

slots of the directory, contents of type 12 -> `learn` -> Standing
Standing, newest device list, records of it -> `view` -> TeamView: who may act now, with which rank
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import NamedTuple

from e2ee.constants import CLOCK_TOLERANCE_MS
from e2ee.errors import (
    IdentityMismatch,
    ListGap,
    MandateInvalid,
    NotInForce,
    RosterExpired,
)
from e2ee.identity import DeviceKind, DeviceList, DeviceRecord
from e2ee.ids import DeviceId

from .agent_card import AgentCard
from .mandate import Mandate
from .roster import Named, OlderNotice, Roster, RosterRef

# --- what is known ---


class Finding(Enum):
    """What two signatures show; the person is told, nothing stops."""

    MANDATE_FORK = "mandate_fork"
    ROSTER_FORK = "roster_fork"


@dataclass(frozen=True, slots=True)
class Standing:
    """The mandate that counts, its roster that counts, and all whom any known roster of it, or the mandate
    itself, suspends (ACC-05, ACC-09).
    """

    mandate: Mandate
    roster: Roster | None
    suspended: frozenset[DeviceId]


class Learned(NamedTuple):
    """What is known after a step, what was found, and the codes of what was refused."""

    standing: Standing | None
    findings: frozenset[Finding] = frozenset()
    refused: tuple[str, ...] = ()


def learn(known: Standing | None, mandate: Mandate, roster: Roster | None, now_ms: int) -> Learned:
    """Take a mandate and a roster of it; what is known after several does not depend on their order (ACC-05,
    ACC-09). Of one that is issued ahead of the clock tolerance only the code is kept, and its mandate counts
    (ACC-04).

    Raises:
        MandateInvalid: issued ahead of the clock tolerance.
        IdentityMismatch: of another account.
    """
    if mandate.issued_ms > now_ms + CLOCK_TOLERANCE_MS:
        raise MandateInvalid("a mandate of a time to come")
    if roster is not None and roster.issued_ms > now_ms + CLOCK_TOLERANCE_MS:
        return learn(known, mandate, None, now_ms)._replace(refused=(RosterExpired.code,))
    if known is None:
        return _with_roster(_begun(mandate), roster)
    if mandate.account_id != known.mandate.account_id:
        raise IdentityMismatch("a mandate of another account")
    if mandate.hash == known.mandate.hash:
        return _with_roster(known, roster)
    is_fork = mandate.seq == known.mandate.seq
    findings = frozenset({Finding.MANDATE_FORK}) if is_fork else frozenset[Finding]()
    if not known.mandate.precedes(mandate):
        return Learned(known, findings)
    return _with_roster(_begun(mandate), roster)._replace(findings=findings)


def _begun(mandate: Mandate) -> Standing:
    return Standing(mandate, None, frozenset(mandate.suspended))


def _with_roster(known: Standing, roster: Roster | None) -> Learned:
    if roster is None:
        return Learned(known)
    suspended, before = known.suspended | frozenset(roster.suspended), known.roster
    newest = roster if before is None or before.precedes(roster) else before
    is_fork = before is not None and before.ref.seq == roster.ref.seq and before.ref != roster.ref
    findings = frozenset({Finding.ROSTER_FORK}) if is_fork else frozenset[Finding]()
    return Learned(Standing(known.mandate, newest, suspended), findings)


# --- who is in force ---


class Rank(IntEnum):
    """What a device of a company may do, by what its account has signed alone (ACC-10)."""

    BOT = 0
    AGENT = 1
    DESK = 2
    SUPERVISOR = 3


class Member(NamedTuple):
    """A device in force: its newest record, its rank, its card's hash, and whether it is cleared for what is
    marked as sensitive.
    """

    record: DeviceRecord
    rank: Rank
    card_hash: bytes
    is_cleared: bool

    @property
    def kind(self) -> DeviceKind:
        """How it is shown: a bot is a bot at any rank (ACC-10)."""
        return self.record.kind

    def check_card(self, card: AgentCard) -> None:
        """Refuse a card that is not the one of the roster (ACC-14).

        Raises:
            IdentityMismatch.
        """
        owner = card.account_id, card.device_id, card.hash
        if owner != (self.record.account_id, self.record.device_id, self.card_hash):
            raise IdentityMismatch("not the card of this device")


@dataclass(frozen=True, slots=True)
class TeamView:
    """Who of a company is in force at a moment, and by which roster (ACC-09)."""

    roster: RosterRef
    notice_hash: bytes
    older_notices: tuple[OlderNotice, ...]
    members: Mapping[DeviceId, Member]

    def member(self, device_id: DeviceId) -> Member:
        """Return a device in force.

        Raises:
            NotInForce.
        """
        found = self.members.get(device_id)
        if found is None:
            raise NotInForce("the device is not in force")
        return found

    def ranks(self) -> dict[DeviceId, int]:
        """Return the rank of each device in force."""
        return {device_id: int(one.rank) for device_id, one in self.members.items()}


def view(
    standing: Standing, device_list: DeviceList, records: Iterable[DeviceRecord], now_ms: int
) -> TeamView:
    """Say who is in force: the accepted list, the records that are known of it, mandate and roster together
    (ACC-09).

    Raises:
        MandateInvalid, RosterExpired, ListExpired: one of them is not valid at this time.
        ListGap: the roster goes by a newer list than the accepted one, which is to be looked up.
        IdentityMismatch: list and roster are of two histories, or one device id has two pairs of keys.
    """
    standing.mandate.check_time(now_ms)
    roster = standing.roster
    if roster is None:
        raise RosterExpired("no roster of this mandate is known")
    roster.check_time(now_ms)
    device_list.check_time(now_ms, CLOCK_TOLERANCE_MS)
    _check_lists(standing.mandate, roster, device_list)
    listed = _listed(device_list, records)
    members = {
        one.device_id: _member(standing.mandate, one, found)
        for one in roster.named
        if one.device_id not in standing.suspended and one.not_after_ms + CLOCK_TOLERANCE_MS >= now_ms
        for found in _valid(listed.get(one.device_id, ()), now_ms)[-1:]
    }
    return TeamView(roster.ref, roster.notice_hash, roster.older_notices, members)


def view_by(
    mandate: Mandate, roster: Roster, device_list: DeviceList, records: Iterable[DeviceRecord]
) -> TeamView:
    """Say who was in force by one roster when it was made, by the device list that it states (ACC-21).

    Raises:
        ListGap: another list, or a record of it is not here; whoever judges waits.
        As `view`, which judges by that list and at that time.
    """
    given = list(records)
    if device_list.head != roster.list_head or not {one.hash for one in given} >= set(
        device_list.record_hashes
    ):
        raise ListGap("the list that the roster states, or a record of it, is not here")
    suspended = frozenset(mandate.suspended) | frozenset(roster.suspended)
    return view(Standing(mandate, roster, suspended), device_list, given, roster.issued_ms)


class Condition(Enum):
    """What a company's device is to itself (ACC-15)."""

    ACTIVE = "active"
    LOCKED = "locked"
    """A roster suspends it: its rooms stay on it, closed to everybody."""
    DROPPED = "dropped"
    """Its account has left it out of a list, or suspends it in a mandate: its rooms are erased."""


def condition(standing: Standing, device_list: DeviceList, record: DeviceRecord) -> Condition:
    """Say what a device does with its rooms; only the account has them erased (ACC-15)."""
    if record.hash not in device_list.record_hashes or record.device_id in standing.mandate.suspended:
        return Condition.DROPPED
    return Condition.LOCKED if record.device_id in standing.suspended else Condition.ACTIVE


def _check_lists(mandate: Mandate, roster: Roster, device_list: DeviceList) -> None:
    head = roster.list_head
    if device_list.account_id != mandate.account_id:
        raise IdentityMismatch("a device list of another account")
    if head.seq > device_list.seq:
        raise ListGap("the roster goes by a newer device list")
    if head.seq == device_list.seq and head.hash != device_list.hash:
        raise IdentityMismatch("the roster goes by another device list of this number")


def _listed(device_list: DeviceList, records: Iterable[DeviceRecord]) -> dict[DeviceId, list[DeviceRecord]]:
    """Return the listed records by device; one device has one pair of keys in all of them (ID-27)."""
    found: dict[DeviceId, list[DeviceRecord]] = {}
    for record in records:
        if record.account_id == device_list.account_id and record.hash in device_list.record_hashes:
            found.setdefault(record.device_id, []).append(record)
    for same in found.values():
        if len({(one.sign_public, one.dh_public) for one in same}) > 1:
            raise IdentityMismatch("two pairs of keys under one device id")
    return found


def _valid(records: Sequence[DeviceRecord], now_ms: int) -> list[DeviceRecord]:
    """Return the company's records that are valid now (ID-04), the newest last."""
    valid = [
        one
        for one in records
        if one.kind is not DeviceKind.PERSON
        and one.created_ms - CLOCK_TOLERANCE_MS <= now_ms <= one.expires_ms
    ]
    return sorted(valid, key=lambda one: (one.created_ms, one.hash))


def _member(mandate: Mandate, named: Named, record: DeviceRecord) -> Member:
    if named.device_id in mandate.supervisors:
        rank = Rank.SUPERVISOR
    elif record.front_desk:
        rank = Rank.DESK
    else:
        rank = Rank.BOT if record.kind is DeviceKind.BOT else Rank.AGENT
    return Member(record, rank, named.card_hash, named.device_id in mandate.cleared)
