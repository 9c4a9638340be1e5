"""Rows of what is known of a company: what counts, and what it was judged by before (ACC-22, ACC-23)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from e2ee.constants import DEVICE_ID_B, HASH_B
from e2ee.identity import DeviceList, DeviceRecord, ListHead
from e2ee.ids import AccountId, DeviceId
from e2ee.rooms.agent_card import AgentCard
from e2ee.rooms.mandate import Mandate
from e2ee.rooms.roster import Roster, RosterRef
from e2ee.rooms.team import Standing

from .row_codec import Row, stored_parts


class KnownRoster(NamedTuple):
    """A roster that is kept: by which mandate and list it goes, since when, and whether a state names it."""

    ref: RosterRef
    mandate_hash: bytes
    list_head: ListHead
    learned_ms: int
    named: bool


class KnownList(NamedTuple):
    """A device list that is kept, and since when."""

    head: ListHead
    learned_ms: int


class KnownNotice(NamedTuple):
    """A notice that is kept."""

    version: int
    hash: bytes


@dataclass(slots=True)
class Known(Row):
    """What counts of a company, as signed, and the index of what is kept (ACC-22).

    `slot_hash` is that of the slot that the directory has of this device, where it is our own company.
    """

    TABLE = "team"
    PREFIX = b"known:"
    KEY = (("account_id", HASH_B),)
    account_id: AccountId
    mandate: bytes | None = None
    roster: bytes | None = None
    suspended: list[DeviceId] = field(default_factory=list)
    rosters: list[KnownRoster] = field(default_factory=list)
    lists: list[KnownList] = field(default_factory=list)
    notices: list[KnownNotice] = field(default_factory=list)
    slot_hash: bytes | None = None
    _standing: Standing | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def standing(self) -> Standing | None:
        """What counts; the signatures are verified once for each opening of the store."""
        if self._standing is None and self.mandate is not None:
            with stored_parts():
                mandate = Mandate.verify(self.account_id, self.mandate)
                roster = None if self.roster is None else Roster.verify(mandate, self.roster)
            self._standing = Standing(mandate, roster, frozenset(self.suspended))
        return self._standing

    def set_standing(self, standing: Standing) -> None:
        """Take what counts now."""
        self.mandate = standing.mandate.signed
        self.roster = None if standing.roster is None else standing.roster.signed
        self.suspended = sorted(standing.suspended)
        self._standing = standing


@dataclass(slots=True)
class _SignedRow(Row):
    """A signed structure of a company that is kept, by its hash."""

    TABLE = "team"
    KEY = (("account_id", HASH_B), ("hash", HASH_B))
    account_id: AccountId
    hash: bytes
    signed: bytes


@dataclass(slots=True)
class MandateRow(_SignedRow):
    """A mandate that a kept roster belongs to."""

    PREFIX = b"mandate:"


@dataclass(slots=True)
class RosterRow(_SignedRow):
    """A roster that is kept."""

    PREFIX = b"roster:"


@dataclass(slots=True)
class ListRow(Row):
    """A device list that is kept, with those of its records that are known."""

    TABLE = "team"
    PREFIX = b"list:"
    KEY = (("account_id", HASH_B), ("hash", HASH_B))
    account_id: AccountId
    hash: bytes
    device_list: DeviceList
    records: list[DeviceRecord]


@dataclass(slots=True)
class NoticeRow(_SignedRow):
    """A notice of a company (CNS-01)."""

    PREFIX = b"notice:"


@dataclass(slots=True)
class CardRow(Row):
    """The card of a device, ours or another company's (ACC-14)."""

    TABLE = "team"
    PREFIX = b"card:"
    KEY = (("account_id", HASH_B), ("device_id", DEVICE_ID_B))
    account_id: AccountId
    device_id: DeviceId
    encoded: bytes = field(repr=False)

    @property
    def card(self) -> AgentCard:
        """The card."""
        with stored_parts():
            return AgentCard.decode(self.encoded)
