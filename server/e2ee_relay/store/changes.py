"""The store's interface: changes that the relay asks for, results, and what it reads at its start.

A change is a value, so that the relay's logic stays free of input and output, and so that a writer can put
the changes of many connections into one transaction. Changes take effect in the order of their submission.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeAlias

from . import api

# Shared with the interface that replaces this one.
DeviceRow = api.DeviceRow
ListRow = api.ListRow
PrekeyRow = api.PrekeyRow
SchemaTooNew = api.SchemaTooNew
SchemaTooOld = api.SchemaTooOld
Stock = api.Stock
StoreError = api.StoreError
StoreInUse = api.StoreInUse


@dataclass(frozen=True, slots=True)
class StoreFailure:
    """The result of a change that was not committed; nothing of it was done."""

    reason: str


# --- rows: named tuples in the order of their table's columns ---


class MailboxRow(NamedTuple):
    no: int
    mailbox: bytes
    owner_pub: bytes
    used_day: int


class TokenRow(NamedTuple):
    mailbox_no: int
    token_hash: bytes
    token_class: int


class MessageRow(NamedTuple):
    row_id: int
    mailbox_no: int
    seq: int
    msg_id: bytes
    expires_ms: int
    received_ms: int
    body: bytes


class HeldRow(NamedTuple):
    """A stored message without its body: what the index in memory needs."""

    row_id: int
    mailbox_no: int
    seq: int
    msg_id: bytes
    expires_ms: int
    received_ms: int
    size_b: int
    is_cold: int = 0  # it has been moved out of the way of fresh ones


class RememberedRow(NamedTuple):
    """The id of a message that is gone: it is not stored a second time before `until_ms`."""

    mailbox_no: int
    msg_id: bytes
    until_ms: int


# --- changes ---


@dataclass(frozen=True, slots=True)
class PutMailbox:
    row: MailboxRow


@dataclass(frozen=True, slots=True)
class TouchMailbox:
    no: int
    used_day: int


@dataclass(frozen=True, slots=True)
class DropMailbox:
    """Remove a mailbox with messages, tokens and remembered ids, and address and prekeys of its devices.

    `row_ids` are all of its messages, which are not sought then; None: whatever is there.
    """

    no: int
    record_hashes: tuple[bytes, ...]
    row_ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class PutTokens:
    rows: tuple[TokenRow, ...]


@dataclass(frozen=True, slots=True)
class DropTokens:
    mailbox_no: int
    token_hashes: tuple[bytes, ...]


# These two are made for every message; frozen ones are three times as dear.
@dataclass(slots=True)
class PutMessages:
    rows: tuple[MessageRow, ...]


@dataclass(slots=True)
class DropMessages:
    row_ids: tuple[int, ...]
    remember: tuple[RememberedRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Chill:
    """Move messages that stay to where they are out of the way of fresh ones; what is gone is left out."""

    row_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReadBodies:
    """Result: dict of row id to body; what is gone is missing."""

    row_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PutEntry:
    """Append lists and replace the devices of an account; devices that are gone lose their prekeys."""

    account_id: bytes
    lists: tuple[ListRow, ...]
    devices: tuple[DeviceRow, ...]


@dataclass(frozen=True, slots=True)
class DropAccount:
    account_id: bytes


@dataclass(frozen=True, slots=True)
class ReadLists:
    """Result: list of signed lists, ascending, at most `limit`."""

    account_id: bytes
    after_seq: int
    limit: int


@dataclass(frozen=True, slots=True)
class PutPrekeys:
    """Result: Stock, or StockFull when one type would exceed `max_one_time`."""

    record_hash: bytes
    reusable: tuple[PrekeyRow, ...]
    one_time: tuple[PrekeyRow, ...]
    max_one_time: int


@dataclass(frozen=True, slots=True)
class ReadStock:
    """Result: Stock."""

    record_hash: bytes


@dataclass(frozen=True, slots=True)
class TakePrekeys:
    """Take one key of each kind for good. Result: TakenPrekeys, or NoPrekeys.

    Not `with_one_time`: only the reusable ones, and nothing is taken (RLY-164).
    """

    record_hash: bytes
    now_ms: int
    with_one_time: bool = True


@dataclass(frozen=True, slots=True)
class Sweep:
    """Drop remembered ids and one-time keys whose time is over."""

    now_ms: int


@dataclass(frozen=True, slots=True)
class ReadPurges:
    """Result: list of PurgeRequest that the operator left for a running relay."""


@dataclass(frozen=True, slots=True)
class DropPurge:
    subject: bytes


# --- results ---


@dataclass(frozen=True, slots=True)
class StockFull:
    """The upload would exceed the stock; nothing of it was stored."""


@dataclass(frozen=True, slots=True)
class NoPrekeys:
    """The device has no signed prekey and last-resort key in force."""


@dataclass(frozen=True, slots=True)
class TakenPrekeys:
    signed_prekey: bytes
    one_time_x25519: bytes | None
    kem: bytes
    kem_is_one_time: bool
    left_x25519: int
    left_kem: int


# The kind of a request to delete at once what has expired; its subject is the kind in ASCII.
EXPIRE: Final = "expire"


@dataclass(frozen=True, slots=True)
class PurgeRequest:
    kind: str  # "mailbox", "account" or EXPIRE
    subject: bytes


Change: TypeAlias = (
    PutMailbox
    | TouchMailbox
    | DropMailbox
    | PutTokens
    | DropTokens
    | PutMessages
    | DropMessages
    | Chill
    | ReadBodies
    | PutEntry
    | DropAccount
    | ReadLists
    | PutPrekeys
    | ReadStock
    | TakePrekeys
    | Sweep
    | ReadPurges
    | DropPurge
)
Result: TypeAlias = (
    StoreFailure
    | dict[int, bytes]
    | list[bytes]
    | Stock
    | StockFull
    | TakenPrekeys
    | NoPrekeys
    | list[PurgeRequest]
    | None
)


@dataclass(frozen=True, slots=True)
class Held:
    """Everything that the relay keeps in memory of what is on disk; bodies, old lists and prekeys are not."""

    generation: int  # rises with each start; the upper half of every seq
    mailboxes: list[MailboxRow]
    tokens: list[TokenRow]
    messages: list[HeldRow]  # ascending row ids
    remembered: list[RememberedRow]
    heads: list[ListRow]
    devices: list[DeviceRow]
    clock_ms: int = 0  # the full hour of the relay's last sweep; 0: unknown


class Store(Protocol):
    """Ordered, durable changes. One thread at a time, which alone sets `is_full`."""

    is_full: bool  # the last group found no room to add anything

    def is_in_place(self) -> bool:
        """Tell whether the names of the database's files lead to those that are open (RLY-173)."""
        ...

    def load(self) -> Held:
        """Begin a new generation and return what the relay keeps in memory."""
        ...

    def execute(self, changes: Sequence[Change]) -> list[Result]:
        """Carry out a group of changes in one durable transaction; one result each (RLY-30, RLY-63)."""
        ...

    def tidy(self) -> bool:
        """Move the journal into the database and empty it, so that deleted bytes are gone (RLY-43)."""
        ...

    def close(self) -> None:
        """Tidy and close."""
        ...
