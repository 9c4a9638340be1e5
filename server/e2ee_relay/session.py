"""One client connection as the node keeps it: what it has proved, its buckets, and its subscriptions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from .limits import Bucket, Policy, Publishing, Rate, take_from_all
from .protocol import (
    CreateMailbox,
    Done,
    ErrorCode,
    KnownFrame,
    Request,
    pow_context_create,
    pow_is_enough,
)
from .store.api import Refusal

if TYPE_CHECKING:
    from .delivery import Subscription
    from .node import Node

_RETRY_CREATION_MS: Final = 60_000
# So many tokens of a mailbox cost its owner's address nothing. With the rate at which an address makes
# mailboxes (two a second) these are hardly more than it may add anyhow.
FREE_TOKENS: Final = 16

# What a connection is charged for; the rate of each stands in the policy under its name.
Kind: TypeAlias = Literal[
    "requests",
    "creations",
    "auths",
    "lookups",
    "fetches",
    "subscriptions",
    "blob_opens",
    "blob_parts_b",
    "tokens",
]


class Outlet(Protocol):
    """What takes frames for one client."""

    def put(self, frame: KnownFrame, *, can_wait: bool = False) -> None:
        """Take a frame; `can_wait`: it may leave with others, since nobody waits for it (RLY-161)."""
        ...


@dataclass(slots=True, eq=False, repr=False)
class Session:
    """One connection."""

    outlet: Outlet | None  # None once the connection has ended
    nonce: bytes
    visitor: bytes  # stands for the client's address; empty where that is not known
    _node: Node
    # Hears of each request that is answered, also when nobody is there any more.
    _answered: Callable[[int], None] | None = None
    owned: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])  # owner key by mailbox
    delivering: dict[bytes, Subscription] = field(default_factory=dict[bytes, "Subscription"])  # by mailbox
    # Delivery waits for room, or for the store.
    postponed: set[Subscription] = field(default_factory=set["Subscription"])
    unacked_b: int = 0
    parts: int = 0  # of blobs, on their way to the disk
    waiting: deque[Request] | None = None  # behind a request that has to be finished before them
    is_busy: bool = False
    _buckets: dict[Kind, Bucket] = field(default_factory=dict[Kind, Bucket])
    # By the one TOKEN_ADD that is not answered yet.
    _tokens_charged: list[tuple[Bucket, float]] = field(default_factory=list[tuple[Bucket, float]])

    def put(self, frame: KnownFrame, *, can_wait: bool = False) -> None:
        """Give a frame to the connection, if it is still there."""
        if frame.request_id and self._answered is not None:
            self._answered(frame.request_id)
        if self.outlet is not None:
            self.outlet.put(frame, can_wait=can_wait)

    def end(self) -> None:
        """Forget the connection, and the requests that are not begun: they are answered to nobody."""
        waiting, self.outlet, self.waiting = self.waiting, None, None
        for request in waiting or ():
            self.put(Done(request.request_id))

    def take(self, kind: Kind, policy: Policy, amount: float, now_ms: int) -> int:
        """Charge this connection's bucket of that kind; return 0 or the wait in milliseconds."""
        return self._bucket(kind, policy, now_ms).take(amount, now_ms)

    def _bucket(self, kind: Kind, policy: Policy, now_ms: int) -> Bucket:
        bucket = self._buckets.get(kind)
        if bucket is None:
            rate: Rate = getattr(policy, kind)
            bucket = self._buckets[kind] = Bucket(rate, now_ms)
        return bucket

    def admit(self, frame: CreateMailbox, now_ms: int) -> Refusal | None:
        """Judge the creation of a mailbox that does not exist (RLY-21, RLY-24, RLY-158)."""
        policy = self._node.policy
        if not policy.admits_registration(frame.registration_secret):
            return Refusal(ErrorCode.REGISTRATION_REFUSED)
        context = pow_context_create(self.nonce, frame.mailbox, frame.owner_pub)
        if not pow_is_enough(context, frame.pow, policy.pow_bits_create):
            return Refusal(ErrorCode.POW_REQUIRED)
        if not self._node.admits_mailboxes():
            return Refusal(ErrorCode.UNAVAILABLE, _RETRY_CREATION_MS)
        own = self._bucket("creations", policy, now_ms)
        buckets = (own, *self._node.shared.of("creations", self.visitor, now_ms))
        wait_ms = take_from_all([(one, 1) for one in buckets], now_ms)
        return Refusal(ErrorCode.RATE_LIMITED, wait_ms) if wait_ms else None

    def charge_entry(self, publishing: Publishing, now_ms: int) -> int:
        """Charge what a PUBLISH writes; return 0 or the wait (RLY-258, RLY-260, RLY-264)."""
        return self._node.shared.charge_entry(publishing, self.visitor, now_ms)

    def charge_prekeys(self, mailbox: bytes, size_b: int, now_ms: int) -> int:
        """Charge prekeys that are stored; return 0 or the wait (RLY-263)."""
        return self._node.shared.charge_prekeys(mailbox, size_b, now_ms)

    def charge_tokens(self, held: int, fresh: int, now_ms: int) -> int:
        """Charge delivery tokens that are new beside those held; return 0 or the wait (RLY-269)."""
        if not fresh:
            return 0
        charged: list[tuple[Bucket, float]] = [(self._bucket("tokens", self._node.policy, now_ms), fresh)]
        beyond = held + fresh - max(held, FREE_TOKENS)
        if beyond > 0:
            shared = self._node.shared.of_address("tokens", self.visitor, now_ms)
            charged += [(one, beyond) for one in shared]
        wait_ms = take_from_all(charged, now_ms)
        self._tokens_charged = [] if wait_ms else charged
        return wait_ms

    def tokens_answered(self, *, are_added: bool) -> None:
        """Give back what was charged for tokens that were not added after all (RLY-269)."""
        charged, self._tokens_charged = self._tokens_charged, []
        for bucket, amount in () if are_added else charged:
            bucket.give_back(amount)
