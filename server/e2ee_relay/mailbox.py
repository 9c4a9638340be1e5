"""Mailboxes, delivery tokens and connections as the relay keeps them in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from .limits import Allowance, Bucket, Policy, Rate
from .protocol import TokenClass

# A seq is generation | counter: no start of the relay ever gives a number that an earlier one gave (RLY-35).
SEQ_COUNTER_BITS = 32

# What a connection is charged for; the rate of each stands in the policy under its name.
Kind: TypeAlias = Literal["requests", "creations", "auths", "lookups", "fetches", "subscriptions"]


class HeldMessage(NamedTuple):
    """A message that is committed or about to be, without its body."""

    row_id: int
    msg_id: bytes
    size_b: int
    expires_ms: int
    received_ms: int


class Token(Allowance):
    """The right to write of one delivery token, with its two buckets (RLY-42)."""

    __slots__ = ("token_class",)

    def __init__(self, token_class: TokenClass) -> None:
        super().__init__()
        self.token_class = token_class

    def charge(self, size_b: int, policy: Policy, now_ms: int) -> int:
        """Charge one message and return 0, or charge nothing and return the wait in milliseconds."""
        if self.token_class is TokenClass.FRONT_DOOR:
            return self.take(size_b, policy.front_door_messages, policy.front_door_b, now_ms)
        return self.take(size_b, policy.contact_messages, policy.contact_b, now_ms)


@dataclass(slots=True, eq=False)
class Subscription:
    """Push delivery of one mailbox to one connection."""

    connection: Connection
    backlog: deque[int] | None  # seqs to deliver, ascending; None: none, since an empty deque takes 760 bytes
    marker: (
        int | None
    )  # the last seq that was held when the subscription began; None once QueueEmpty was sent
    unacked: dict[int, int]  # seq to size
    unacked_b: int = 0
    is_reading: bool = False

    def is_idle(self) -> bool:
        """Tell whether nothing waits before what comes now."""
        return not self.backlog and not self.is_reading and self.marker is None

    def has_room(self, size_b: int, policy: Policy) -> bool:
        """Tell whether the windows of mailbox and connection admit one more; one always fits (RLY-36)."""
        if not self.unacked:
            return True
        return (
            len(self.unacked) < policy.window_messages
            and self.unacked_b + size_b <= policy.window_b
            and self.connection.unacked_b + size_b <= policy.connection_window_b
        )

    def queue(self, seqs: Iterable[int]) -> None:
        """Deliver these after what waits already."""
        if self.backlog is None:
            self.backlog = deque(seqs)
        else:
            self.backlog.extend(seqs)

    def requeue(self, seqs: Sequence[int]) -> None:
        """Deliver these again, before what waits."""
        self.backlog = deque((*seqs, *(self.backlog or ())))

    def reserve(self, seq: int, size_b: int) -> None:
        """Count a message as delivered."""
        self.unacked[seq] = size_b
        self.unacked_b += size_b
        self.connection.unacked_b += size_b

    def release(self, seq: int) -> None:
        """Count it no longer: acknowledged, expired, or not delivered after all."""
        size_b = self.unacked.pop(seq, 0)
        self.unacked_b -= size_b
        self.connection.unacked_b -= size_b


class Mailbox:
    """One mailbox: owner key, tokens, what is held, and who is subscribed."""

    __slots__ = (
        "_counter",
        "address",
        "cold_to",
        "held",
        "held_b",
        "is_closing",
        "leaving",
        "no",
        "overdue",
        "owner_pub",
        "pending",
        "seq_of",
        "subscription",
        "tokens",
        "used_day",
    )

    def __init__(self, no: int, address: bytes, owner_pub: bytes, used_day: int, generation: int) -> None:
        self.no = no
        self.address = address
        self.owner_pub = owner_pub
        self.used_day = used_day
        self.tokens: dict[bytes, Token] = {}
        self.held: dict[int, HeldMessage] = {}  # by seq, ascending; uncommitted ones too
        self.seq_of: dict[bytes, int] = {}  # msg_id to seq, of held ones
        self.pending: dict[bytes, int] = {}  # msg_id to seq, not yet committed
        self.leaving: dict[int, HeldMessage] = {}  # by seq, deletion on its way to the disk
        self.overdue: set[int] = set()  # row ids of expired ones, until their deletion is on the disk
        self.held_b = 0
        self.cold_to = 0  # held ones up to this seq are out of the way of fresh ones
        self.subscription: Subscription | None = None
        self.is_closing = False
        self._counter = generation << SEQ_COUNTER_BITS

    @property
    def message_count(self) -> int:
        """Messages that count for the quota, uncommitted ones included."""
        return len(self.held)

    def next_seq(self) -> int:
        """Return the next number of this mailbox."""
        self._counter += 1
        return self._counter

    def take_in(self, seq: int, message: HeldMessage) -> None:
        """Hold a message that is on its way to the disk."""
        self.pending[message.msg_id] = seq
        self.hold(seq, message)

    def settle(self, msg_id: bytes) -> None:
        """Count a message as committed."""
        self.pending.pop(msg_id)

    def abandon(self, msg_id: bytes) -> None:
        """Hold it no longer: it could not be committed. Its deletion, if on its way, brings nothing back."""
        seq = self.pending.pop(msg_id)
        self.remove(seq)
        self.leaving.pop(seq, None)

    def rows(self) -> Iterator[int]:
        """Return the row ids of all that is on the disk, or on its way there or away."""
        yield from (message.row_id for message in self.held.values())
        yield from (message.row_id for message in self.leaving.values())
        yield from self.overdue

    def begin_deletion(self, seq: int) -> HeldMessage | None:
        """Hold a message no longer and return it, also if another deletion of it is on its way; else None."""
        message = self.remove(seq)
        if message is not None:
            self.leaving[seq] = message
        return self.leaving.get(seq)

    def end_deletion(self, seq: int) -> bool:
        """Forget a message whose deletion was committed; tell whether this was the first to say so."""
        # An earlier deletion of the same message may have failed and put it back.
        taken_back = seq in self.held and self.remove(seq) is not None
        return self.leaving.pop(seq, None) is not None or taken_back

    def take_back(self, seq: int) -> None:
        """Hold a message again whose deletion was not committed, unless another deletion of it was."""
        message = self.leaving.pop(seq, None)
        if message is None:
            return
        self.held_b += message.size_b
        self._insert(seq, message)
        self.held = dict(sorted(self.held.items()))

    def hold(self, seq: int, message: HeldMessage) -> None:
        """Hold a message with the highest seq so far."""
        self.held_b += message.size_b
        self._insert(seq, message)

    def _insert(self, seq: int, message: HeldMessage) -> None:
        self.held[seq] = message
        self.seq_of[message.msg_id] = seq

    def remove(self, seq: int) -> HeldMessage | None:
        """Hold a message no longer; return it, or None if it was not held."""
        message = self.held.pop(seq, None)
        if message is not None:
            # Where an expired message could not be deleted and its id was sent again, two copies are held.
            if self.seq_of.get(message.msg_id) == seq:
                del self.seq_of[message.msg_id]
            self.held_b -= message.size_b
        if self.subscription is not None:
            self.subscription.release(seq)
        return message


class Connection:
    """One client connection: what it has proved, and its buckets."""

    __slots__ = ("_buckets", "blocked", "is_open", "no", "nonce", "owned", "unacked_b", "visitor")

    def __init__(self, no: int, nonce: bytes, visitor: bytes = b"") -> None:
        """`visitor` stands for the client's address; empty where that is not known."""
        self.no = no
        self.nonce = nonce
        self.visitor = visitor
        self.is_open = True
        self.owned: dict[bytes, Mailbox] = {}  # authenticated mailboxes by id
        self.blocked: set[Mailbox] = set()  # delivery waits for room or for the store
        self.unacked_b = 0
        self._buckets: dict[Kind, Bucket] = {}

    def take(self, kind: Kind, policy: Policy, amount: float, now_ms: int) -> int:
        """Charge this connection's bucket of that kind; return 0 or the wait in milliseconds."""
        bucket = self._buckets.get(kind)
        if bucket is None:
            rate: Rate = getattr(policy, kind)
            bucket = self._buckets[kind] = Bucket(rate, now_ms)
        return bucket.take(amount, now_ms)
