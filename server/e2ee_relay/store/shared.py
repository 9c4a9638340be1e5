"""The vocabulary of a store that several relay nodes share: everything that matters is judged in there.

The embedded store keeps what one process has decided (`changes.py`). Here a node knows next to nothing: a
change says what is asked for, and the result what the database made of it, in one transaction. What concerns
accounts and prekeys only (ReadLists, PutPrekeys, ReadStock, TakePrekeys, DropAccount) is common to both.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, TypeAlias

from .changes import DeviceRow, ListRow, Stock

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


# --- mailboxes ---


@dataclass(frozen=True, slots=True)
class FindMailboxes:
    """Result: dict of address to MailboxStanding; what does not exist is missing."""

    addresses: tuple[bytes, ...]


class MailboxStanding(NamedTuple):
    owner_pub: bytes
    used_day: int
    last_seq: int
    subscription_no: int


@dataclass(frozen=True, slots=True)
class CreateMailbox:
    """Result: bytes, the owner key that the mailbox has now."""

    address: bytes
    owner_pub: bytes
    now_ms: int


@dataclass(frozen=True, slots=True)
class UseMailbox:
    """Note the day of use. Result: None."""

    address: bytes
    used_day: int


@dataclass(frozen=True, slots=True)
class EraseMailbox:
    """Remove a mailbox with all that hangs on it (RLY-27); without owner on the operator's word.

    Result: None or Gone.
    """

    address: bytes
    owner_pub: bytes | None


@dataclass(frozen=True, slots=True)
class AddTokens:
    """Result: None, Gone, or TokensFull beyond `most` tokens."""

    address: bytes
    owner_pub: bytes
    token_hashes: tuple[bytes, ...]
    token_class: int
    most: int


@dataclass(frozen=True, slots=True)
class RevokeTokens:
    """Result: None or Gone."""

    address: bytes
    owner_pub: bytes
    token_hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class FindTokens:
    """Result: list of TokenStanding, one for each pair of mailbox and token hash."""

    pairs: tuple[tuple[bytes, bytes], ...]


class TokenStanding(NamedTuple):
    token_class: int  # 0: no such token
    subscriber: bytes | None  # the node that delivers this mailbox


# --- messages ---


class Incoming(NamedTuple):
    """A message for a mailbox; the token is proved in the transaction that stores it."""

    mailbox: bytes
    token_hash: bytes
    msg_id: bytes
    expires_ms: int
    expires_day: int  # the day on whose end its partition is dropped; 0: short-lived
    received_ms: int
    body: bytes


@dataclass(frozen=True, slots=True)
class StoreMessages:
    """Result: list of Outcome, one for each item."""

    items: tuple[Incoming, ...]
    quota_messages: int
    quota_b: int
    now_ms: int


class Verdict(IntEnum):
    STORED = 0
    KNOWN = 1  # held, or acknowledged a short while ago (RLY-32)
    NO_RIGHT = 2
    OVER_QUOTA = 3


class Outcome(NamedTuple):
    verdict: Verdict
    token_class: int = 0
    seq: int = 0
    subscriber: bytes | None = None


@dataclass(frozen=True, slots=True)
class FindKnown:
    """Result: set of those pairs of mailbox and message id that are held or remembered (RLY-32)."""

    pairs: tuple[tuple[bytes, bytes], ...]
    now_ms: int


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Delete messages and remember their ids; `seqs` are pairs of seq and expires_day, -1 for an unknown one.

    Result: Acknowledged or Gone.
    """

    address: bytes
    owner_pub: bytes
    seqs: tuple[tuple[int, int], ...]
    until_hour: int
    now_ms: int


class Acknowledged(NamedTuple):
    deleted: int


# --- delivery ---


@dataclass(frozen=True, slots=True)
class OpenSubscriptions:
    """Begin delivery of all named mailboxes on this node, or of none. Result: list of Opened, or Gone."""

    owned: tuple[tuple[bytes, bytes], ...]  # address and owner key
    node: bytes


class Opened(NamedTuple):
    address: bytes
    no: int  # the newest subscription has the highest number
    last_seq: int
    earlier_node: bytes | None


@dataclass(frozen=True, slots=True)
class CloseSubscription:
    """Result: None; a newer subscription stays."""

    address: bytes
    no: int


@dataclass(frozen=True, slots=True)
class ReadQueue:
    """Take the oldest rows of a mailbox that are not in flight here. Result: Queue or Gone."""

    address: bytes
    no: int
    in_flight: tuple[int, ...]
    most: int
    most_b: int
    now_ms: int


class QueueRow(NamedTuple):
    seq: int
    expires_day: int
    msg_id: bytes
    expires_ms: int
    received_ms: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Queue:
    rows: tuple[QueueRow, ...]  # ascending
    last_seq: int  # the highest seq given so far
    is_displaced: bool
    is_drained: bool


# --- directory ---


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """Result: HeldEntry."""

    account_id: bytes


@dataclass(frozen=True, slots=True)
class HeldEntry:
    version: int  # 0: there is none
    head: ListRow | None
    devices: tuple[DeviceRow, ...]


@dataclass(frozen=True, slots=True)
class ReplaceEntry:
    """Put an entry in the place of the version that was checked. Result: None, or Outdated."""

    account_id: bytes
    version: int
    lists: tuple[ListRow, ...]
    devices: tuple[tuple[DeviceRow, bytes | None], ...]  # with the mailbox that its address names


@dataclass(frozen=True, slots=True)
class ReadDevices:
    """Result: list of DeviceStock, of the devices that are reached by these mailboxes."""

    mailboxes: tuple[bytes, ...]


class DeviceStock(NamedTuple):
    mailbox: bytes
    account_id: bytes
    record_hash: bytes
    stock: Stock


# --- upkeep ---


@dataclass(frozen=True, slots=True)
class ReadBlocked:
    """Result: frozenset of blocked ids."""


@dataclass(frozen=True, slots=True)
class KeepUp:
    """Make partitions ahead, drop those that are over, sweep; one node at a time does it. Result: Kept."""

    now_ms: int
    retention_s: int
    remembered_s: int
    abandoned_day: int


@dataclass(frozen=True, slots=True)
class ExpireShortLived:
    """Delete what lived for a minute. Result: Kept."""

    now_ms: int


class Kept(NamedTuple):
    expired: int


# --- answers that are no data ---


@dataclass(frozen=True, slots=True)
class Gone:
    """The mailbox does not exist, or has another owner."""


@dataclass(frozen=True, slots=True)
class TokensFull:
    """The mailbox would have too many tokens; nothing was added."""


@dataclass(frozen=True, slots=True)
class Outdated:
    """Another publication came first."""


SharedChange: TypeAlias = (
    FindMailboxes
    | CreateMailbox
    | UseMailbox
    | EraseMailbox
    | AddTokens
    | RevokeTokens
    | FindTokens
    | StoreMessages
    | FindKnown
    | Acknowledge
    | OpenSubscriptions
    | CloseSubscription
    | ReadQueue
    | ReadEntry
    | ReplaceEntry
    | ReadDevices
    | ReadBlocked
    | KeepUp
    | ExpireShortLived
)
SharedResult: TypeAlias = (
    dict[bytes, MailboxStanding]
    | bytes
    | list[TokenStanding]
    | list[Outcome]
    | set[tuple[bytes, bytes]]
    | Acknowledged
    | list[Opened]
    | Queue
    | HeldEntry
    | list[DeviceStock]
    | frozenset[bytes]
    | Kept
    | Gone
    | TokensFull
    | Outdated
)
