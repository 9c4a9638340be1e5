"""The interface of a store: operations, the view on which the rules decide them, and what a store offers.

A node makes an `Op` of each request and submits it. The store gives `rules.decide` a `View`: mailboxes,
rights, ids, entries and prekeys as one transaction sees them. What the rules change on the view is written by
the store, many operations in one transaction, and then the node hears of it (`Listener.committed`).

Two stores implement it: SQLite (one process) and PostgreSQL (several nodes). An operation may be decided more
than once, when a transaction has to be repeated: the rules set every result anew, and change only the view
and buckets, these once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeAlias

from e2ee_relay.protocol import (
    MAX_PART_B,
    Ack,
    BlobData,
    BlobDrop,
    BlobGet,
    BlobOpen,
    BlobPut,
    BlobState,
    CreateMailbox,
    DeleteMailbox,
    ErrorCode,
    Lookup,
    LookupResult,
    PrekeysCount,
    PrekeysFetch,
    PrekeysStock,
    PrekeysUpload,
    Publish,
    Send,
    SendResult,
    TokenAdd,
    TokenRevoke,
)

if TYPE_CHECKING:
    from e2ee_relay.entry import Entry, SignedList
    from e2ee_relay.limits import Policy, SendLimits

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
# A due entry that names a mailbox which is held is looked at again after so many days (RLY-262).
LOOK_AGAIN_DAYS: Final = 30
RETRY_UNAVAILABLE_MS: Final = 2_000

# Types of prekeys, as the format of chapter 06 numbers them.
X25519: Final = 1
ML_KEM_768: Final = 2

# Kinds of what an operator has removed.
MAILBOX: Final = "mailbox"
ACCOUNT: Final = "account"
EXPIRE: Final = "expire"  # not one to remove: what has expired, at once


class StoreError(Exception):
    """The store cannot do what was asked; the text names no stored value."""


class SchemaTooNew(StoreError):
    """The database was written by a newer release; this one does not touch it (RLY-75)."""


class SchemaTooOld(StoreError):
    """The database was written by an older release and has not been migrated (RLY-152)."""


class StoreInUse(StoreError):
    """Another relay process holds this data directory."""


# --- what is stored ---


@dataclass(slots=True, eq=False, repr=False)
class Box:
    """A mailbox's row; `mine` belongs to the store."""

    address: bytes
    owner_pub: bytes
    used_day: int
    last_seq: int = 0
    held: int = 0  # messages
    held_b: int = 0  # their bytes
    subscriber: str = ""  # the node that delivers; empty where there is one process, or nobody subscribed
    mine: Any = None


class Fresh(NamedTuple):
    """A message that is committed with the operation that brought it; seq 0: it is delivered, not stored."""

    box: Box
    seq: int
    msg_id: bytes
    body: bytes
    received_ms: int
    expires_ms: int


class HeldMessage(NamedTuple):
    """A held message as it is read for delivery."""

    seq: int
    msg_id: bytes
    body: bytes
    received_ms: int
    expires_ms: int


class PrekeyRow(NamedTuple):
    """One prekey of a device; the order is that of the columns behind `record_hash`."""

    key_type: int
    key_id: int
    not_after_ms: int
    signed_prekey: bytes


@dataclass(slots=True)
class Blob:
    """A blob's row; its parts are the store's. `mine` belongs to the store."""

    key: bytes  # hash of its id
    writer: bytes  # hash of the secret
    mailbox: bytes  # pays
    hashed: bytes  # the token with which it was opened
    is_trusted: bool  # that token's class was TRUSTED
    size_b: int
    expires_ms: int
    is_whole: bool = False
    mine: Any = None

    @property
    def paid_b(self) -> int:
        """What counts for the quotas (RLY-242)."""
        return max(self.size_b, MAX_PART_B)

    @property
    def parts(self) -> int:
        """How many it has when it is whole."""
        return -(-self.size_b // MAX_PART_B)

    def part_b(self, index: int) -> int:
        """Return the size of a part, 0 behind the last one."""
        return max(0, min(MAX_PART_B, self.size_b - index * MAX_PART_B))


class Paid(NamedTuple):
    """Bytes of blobs that a mailbox pays for: with one token, with those of class 1 that stand, in all."""

    by_token: int
    untrusted: int
    total: int


class Stock(NamedTuple):
    """What is held of a device's prekeys."""

    one_time_x25519: int = 0
    one_time_kem: int = 0
    highest_x25519_id: int = 0
    highest_kem_id: int = 0
    signed_prekey_id: int | None = None
    last_resort_id: int | None = None


# --- requests that are no frames ---


class Find(NamedTuple):
    """AUTH: which of these mailboxes have this owner key? Result: Found."""

    mailboxes: tuple[bytes, ...]
    owner_pub: bytes


class Open(NamedTuple):
    """SUBSCRIBE: this node delivers these mailboxes from now on. Result: tuple of Opened, or Refusal."""

    mailboxes: tuple[bytes, ...]


class Close(NamedTuple):
    """This node delivers a mailbox no longer; a newer subscription (another `no`) is left alone."""

    mailbox: bytes
    no: int


class Read(NamedTuple):
    """The oldest messages of a mailbox without those in flight. Result: Page."""

    mailbox: bytes
    in_flight: tuple[int, ...]
    most: int
    most_b: int


class Stocks(NamedTuple):
    """The prekeys of the devices that are reached by a mailbox. Result: list of DeviceStock."""

    mailbox: bytes
    are_held_back: bool = False  # this is what the owner is to be told


class Remove(NamedTuple):
    """The operator removes a mailbox or an account (RLY-77)."""

    kind: str
    subject: bytes


Request: TypeAlias = (
    Send
    | Ack
    | CreateMailbox
    | TokenAdd
    | TokenRevoke
    | DeleteMailbox
    | Publish
    | Lookup
    | PrekeysUpload
    | PrekeysCount
    | PrekeysFetch
    | BlobOpen
    | BlobPut
    | BlobGet
    | BlobDrop
    | Find
    | Open
    | Close
    | Read
    | Stocks
    | Remove
)
# Decided on entries and prekeys; all others on mailboxes, rights and messages alone.
OF_DIRECTORY: Final = (Publish, Lookup, PrekeysUpload, PrekeysCount, PrekeysFetch, Stocks)
# These change nothing, and are carried out by a store that cannot commit.
READING: Final = (Open, Close, Read, Stocks, Lookup, PrekeysCount, BlobGet)


# --- results; None is DONE, a frame is itself the answer ---


class Refusal(NamedTuple):
    """The request is answered by an error."""

    code: ErrorCode
    retry_after_ms: int = 0


class Found(NamedTuple):
    """Which mailboxes are the owner's, and which do not exist or are another's (RLY-23)."""

    owned: tuple[bytes, ...]
    refused: tuple[bytes, ...]


class Opened(NamedTuple):
    """A subscription: the last number before it, and its own number."""

    mailbox: bytes
    last_seq: int
    no: int


class Page(NamedTuple):
    """Messages in ascending order; `is_drained`: nothing else is held beside what is in flight."""

    messages: Sequence[HeldMessage]
    is_drained: bool


class DeviceStock(NamedTuple):
    """The stock of a device that is reached by a mailbox."""

    mailbox: bytes
    account_id: bytes
    record_hash: bytes
    stock: Stock


class HandedOut(NamedTuple):
    """The answer to PREKEYS_FETCH, and whose stock it was taken from."""

    bundle: bytes
    one_time_x25519: bool
    one_time_kem: bool
    box: Box
    account_id: bytes
    record_hash: bytes
    is_held_back: bool  # the device's bucket was empty (RLY-164)
    left_x25519: int
    left_kem: int


Result: TypeAlias = (
    Refusal
    | list[SendResult]
    | Found
    | tuple[Opened, ...]
    | Page
    | list[DeviceStock]
    | HandedOut
    | LookupResult
    | PrekeysStock
    | BlobState
    | BlobData
    | None
)
UNAVAILABLE: Final = Refusal(ErrorCode.UNAVAILABLE, RETRY_UNAVAILABLE_MS)


class Op:
    """One operation on its way: what is asked, by whom, and what came of it."""

    __slots__ = ("count", "fresh", "kept", "paid", "peer", "request", "request_id", "result", "told")

    def __init__(self, peer: Any, request: Request, request_id: int = 0) -> None:
        self.peer = peer  # a Session, where the rules look at it
        self.request: Any = request
        self.request_id = request_id  # 0: nobody waits for an answer
        self.result: Any = None  # a Result, set by the rules
        self.fresh: list[Fresh] | None = None  # the messages that it brought
        self.count = 0  # the messages that it deleted
        self.kept: Any = None  # what the node keeps with it
        self.told = False  # its messages were delivered before the commit
        self.paid: set[int] | None = None

    def has_paid(self, item: int = 0) -> bool:
        """Tell whether an item, by its place, was charged to buckets when it was decided before."""
        return self.paid is not None and item in self.paid

    def charge(self, charge: Callable[[], int]) -> Refusal | None:
        """Have the whole of it charged, unless it was before; return the refusal where it has to wait."""
        wait_ms = 0 if self.has_paid() else charge()
        if wait_ms:
            return Refusal(ErrorCode.RATE_LIMITED, wait_ms)
        self.pay()
        return None

    def pay(self, item: int = 0) -> None:
        """Note that an item was charged: it is once, however often its transaction is repeated (RLY-196)."""
        if self.paid is None:
            self.paid = set()
        self.paid.add(item)


class MailboxView(Protocol):
    """Mailboxes, rights and messages as one transaction sees them, and what it is to write."""

    @property
    def limits(self) -> SendLimits: ...
    @property
    def blocked(self) -> frozenset[bytes]:
        """Mailboxes and accounts that the operator has blocked (RLY-86)."""
        ...

    @property
    def skew_ms(self) -> int:
        """How far the machine's clock is ahead of the relay's time (RLY-133)."""
        ...

    @property
    def has_room(self) -> bool:
        """Whether anything may be added (RLY-131)."""
        ...

    def box(self, address: bytes) -> Box | None: ...
    def right(self, address: bytes, hashed: bytes) -> int:
        """Return the class of a token by its hash; 0: no such token, or no such mailbox."""
        ...

    def knows(self, address: bytes, msg_id: bytes) -> bool:
        """Tell whether a message with this id has come lately (RLY-32)."""
        ...

    def is_published(self, address: bytes) -> bool:
        """Tell whether an address of a directory entry names this mailbox (RLY-203)."""
        ...

    def put(self, fresh: Fresh, until_hour: int) -> None:
        """Store a message, and its id until the end of an hour (RLY-32).

        The rules have counted it in its box, `last_seq` included.
        """
        ...

    def take(self, box: Box, seq: int) -> int:
        """Delete a message; return its size, 0: it is not held. The rules count."""
        ...

    def create(self, box: Box) -> None:
        """Store a new mailbox and set where its numbers begin (`last_seq`)."""
        ...

    def count_tokens(self, box: Box, hashes: tuple[bytes, ...]) -> tuple[int, int]:
        """Return how many tokens a mailbox has, and how many of these are new."""
        ...

    def grant(self, box: Box, hashes: tuple[bytes, ...], token_class: int) -> None:
        """Add tokens; one that is there gets this class."""
        ...

    def revoke(self, box: Box, hashes: tuple[bytes, ...]) -> None: ...
    def drop(self, box: Box) -> None:
        """Remove a mailbox, its tokens, messages and ids; address and prekeys of its devices (RLY-27)."""
        ...

    def touch(self, box: Box, day: int) -> None:
        """Note that the owner has authenticated on this day."""
        ...

    def open(self, box: Box) -> Opened:
        """Have this node deliver a mailbox."""
        ...

    def close(self, close: Close) -> None: ...
    def read(self, op: Op, read: Read, now_ms: int) -> None:
        """Set the result of a Read to a Page, by the time of the commit; expired messages are left out."""
        ...


class BlobView(MailboxView, Protocol):
    """Blobs beside them. What is about parts sets the result of its operation by the time of the answer."""

    @property
    def has_room_for_blobs(self) -> bool:
        """Whether parts may be added: they stop before anything else does (RLY-250)."""
        ...

    def blob(self, key: bytes) -> Blob | None: ...
    def paid(self, box: Box, hashed: bytes) -> Paid: ...
    def add_blob(self, blob: Blob) -> None:
        """Store a new blob, without parts."""
        ...

    def drop_blob(self, blob: Blob) -> None:
        """Remove a blob and its parts."""
        ...

    def look_at(self, op: Op, blob: Blob) -> None:
        """Set the result to the BlobState of a blob."""
        ...

    def put_part(self, op: Op, blob: Blob, frame: BlobPut, whole_until_ms: int) -> None:
        """Append a part whose index is the next one, or change nothing; set the result to the BlobState.

        With the last part the blob is whole, and its end another. UNAVAILABLE: it cannot be written.
        """
        ...

    def get_parts(self, op: Op, blob: Blob, frame: BlobGet) -> None:
        """Set the result to the BlobData of a whole blob, as far as there are; there is one at least."""
        ...


class DirectoryView(MailboxView, Protocol):
    """Entries and prekeys beside them."""

    def entry(self, account_id: bytes) -> Entry | None:
        """Return an account's entry; the same until the commit, if this transaction replaces it."""
        ...

    def replace(self, entry: Entry, lists: Sequence[SignedList], most: int, due_day: int) -> None:
        """Append lists and keep the newest ones, replace devices; those that are gone lose their prekeys.

        From `due_day` on, or the day of before where that is later, the entry is dropped where no mailbox
        that it names is held (RLY-262, RLY-265).
        """
        ...

    def lists(self, account_id: bytes, after_seq: int, most: int) -> list[bytes]:
        """Return the signed lists behind a number, ascending."""
        ...

    def devices_of(self, mailbox: bytes) -> list[tuple[bytes, bytes]]:
        """Return account and record hash of the devices whose address names this mailbox."""
        ...

    def drop_account(self, account_id: bytes) -> None:
        """Remove an entry with its lists, devices and their prekeys."""
        ...

    def stock(self, record_hash: bytes) -> Stock:
        """Return what is held for a device."""
        ...

    def stocks_of(self, mailbox: bytes) -> list[DeviceStock]:
        """Return it of the devices whose address names this mailbox."""
        ...

    def add_prekeys(
        self, record_hash: bytes, reusable: Sequence[PrekeyRow], one_time: Sequence[PrekeyRow]
    ) -> None:
        """Replace reusable keys, add one-time keys, and note their highest ids."""
        ...

    def reusable(self, record_hash: bytes, key_type: int, wall_ms: int) -> bytes | None:
        """Return the signed prekey or last-resort key, if it is in force."""
        ...

    def pop_one_time(self, record_hash: bytes, key_type: int, wall_ms: int) -> bytes | None:
        """Take the oldest one-time key in force for good (RLY-63, RLY-68)."""
        ...


class View(BlobView, DirectoryView, Protocol):
    """All that the rules decide on."""


class Listener(Protocol):
    """The node as a store sees it. All is called in the event loop's thread where nothing else is said."""

    @property
    def limits(self) -> SendLimits: ...

    @property
    def policy(self) -> Policy:
        """What the relay grants now; another object after a reload. Any thread."""
        ...

    def now_ms(self) -> int:
        """Return the relay's time (RLY-132). Any thread."""
        ...

    @property
    def counters(self) -> Counter[str]:
        """Counts for the metrics; a store counts `expired`."""
        ...

    def delivers(self, mailbox: bytes) -> bool:
        """Tell whether a mailbox is subscribed here."""
        ...

    def decided(self, op: Op) -> None:
        """Hear of an operation that is decided and not yet committed; only of a store that `overlaps`."""
        ...

    def committed(self, ops: Sequence[Op], *, failed: bool) -> None:
        """Answer operations: they are on the disk, or nothing of them is."""
        ...

    def wake(self, mailbox: bytes) -> None:
        """Look for messages of a mailbox that is delivered here: another node has stored some."""
        ...

    def displaced(self, mailbox: bytes, no: int) -> None:
        """End a subscription of a lower number: there is a newer one on another node (RLY-107)."""
        ...

    def passing(self, mailbox: bytes, msg_id: bytes, body: bytes) -> None:
        """Deliver an ephemeral message that another node has taken (RLY-40)."""
        ...

    def low_stock(self, mailbox: bytes, *, is_held_back: bool) -> None:
        """Tell the owner here of prekeys that another node has handed out, or held back (RLY-67, RLY-165)."""
        ...

    def dropped(self, mailbox: bytes) -> None:
        """End what there is of a mailbox that was removed."""
        ...


# Hears of each commit, in the event loop's thread: seconds, operations, and whether it failed.
Observer: TypeAlias = Callable[[float, int, bool], None]


class Store(Protocol):
    """Mailboxes, entries and prekeys, durably. All methods are called in the event loop's thread."""

    # No number is ever given twice, committed or not: so delivery need not wait for the commit (RLY-90).
    @property
    def overlaps(self) -> bool: ...

    @property
    def skew_ms(self) -> int:
        """How far the machine's clock is ahead of the relay's time (RLY-133)."""
        ...

    @skew_ms.setter
    def skew_ms(self, skew_ms: int) -> None: ...

    def start(self, node: Listener, observer: Observer) -> None:
        """Begin to carry out operations, in a running event loop.

        Raises:
            StoreError: the database cannot be used.
        """
        ...

    def submit(self, op: Op) -> None:
        """Take an operation; those of one connection are carried out in order. Never waits."""
        ...

    def sweep(self, now_ms: int) -> None:
        """Do what time brings: expiry, forgotten ids, abandoned mailboxes. Called about once a second."""
        ...

    def block(self, blocked: frozenset[bytes]) -> None:
        """Serve these mailboxes and accounts no longer (RLY-86)."""
        ...

    def give_up(self) -> None:
        """Carry out no more requests that wait for their turn: those who asked are gone (RLY-70)."""
        ...

    def stop(self, timeout_s: float) -> bool:
        """Commit what was submitted and close; tell whether this was done in time."""
        ...

    @property
    def is_alive(self) -> bool:
        """Tell whether its threads run."""
        ...

    @property
    def backlog(self) -> int:
        """Operations that wait for a commit."""
        ...

    @property
    def crowd(self) -> int:
        """The same, but of one client address counted so far only (RLY-158)."""
        ...

    @property
    def is_idle(self) -> bool:
        """Tell whether all that was submitted is committed and answered."""
        ...

    @property
    def completed_at(self) -> float:
        """When a commit was last heard of, by the monotonic clock in seconds."""
        ...

    def complaints(self) -> dict[str, bool]:
        """Return what may keep the store from taking traffic, in fixed words, and whether it does."""
        ...

    def gauges(self) -> dict[str, tuple[str, int]]:
        """Return figures of this moment for the metrics, each with its explanation (RLY-72)."""
        ...
