"""What one node keeps in memory, and the steps of its requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias, cast

from e2ee_relay.bus import Word, mark_of
from e2ee_relay.limits import Policy
from e2ee_relay.protocol import Request
from e2ee_relay.store.changes import Change

from .answering import Answering, Connection, Submit, Then, Token


class Asked(NamedTuple):
    """A change, and the connection on whose behalf it is made: what one asks for is carried out in order."""

    lane: int
    change: Any


class Told(NamedTuple):
    """Not a change: a word for another node."""

    node: bytes
    word: Word


# A request in steps: what it yields goes to the store, and the result comes back.
Steps: TypeAlias = Generator[Any, Any, Any]


class InFlight(NamedTuple):
    size_b: int
    expires_day: int
    expires_ms: int


@dataclass(slots=True, eq=False)
class Delivering:
    """Push delivery of one mailbox to one connection of this node."""

    connection: NodeConnection
    address: bytes
    owner_pub: bytes
    no: int
    marker: int | None  # the highest number when the subscription began; None once QueueEmpty was sent
    expected: int  # the number that follows all that is known of here
    is_due: bool = True  # there may be rows that are not in flight here
    is_reading: bool = False
    in_flight: dict[int, InFlight] = field(default_factory=dict[int, InFlight])  # by seq, not acknowledged
    leaving: set[int] = field(default_factory=set[int])  # acknowledged, the deletion is on its way
    in_flight_b: int = 0
    needs_b: int = 1  # the size of the next message, where it did not fit

    def room_b(self, policy: Policy) -> int:
        """Return how many bytes the windows admit; one message always fits (RLY-36)."""
        if not self.in_flight:
            return policy.window_b
        if len(self.in_flight) >= policy.window_messages:
            return 0
        return max(
            0,
            min(policy.window_b - self.in_flight_b, policy.connection_window_b - self.connection.unacked_b),
        )

    def reserve(self, seq: int, message: InFlight) -> None:
        """Count a message as delivered."""
        self.in_flight[seq] = message
        self.in_flight_b += message.size_b
        self.connection.unacked_b += message.size_b

    def release(self, seq: int) -> InFlight | None:
        """Count it no longer."""
        message = self.in_flight.pop(seq, None)
        if message is not None:
            self.in_flight_b -= message.size_b
            self.connection.unacked_b -= message.size_b
        return message


class NodeConnection(Connection):
    """One client connection: keys that it has proved, what it is subscribed to, requests that wait."""

    __slots__ = ("delivering", "is_beginning", "is_busy", "keys", "postponed", "waiting")

    def __init__(self, no: int, nonce: bytes, visitor: bytes = b"") -> None:
        super().__init__(no, nonce, visitor)
        self.keys: dict[bytes, bytes] = {}  # owner key by mailbox
        self.delivering: dict[bytes, Delivering] = {}
        self.postponed: set[Delivering] = set()  # delivery waits for room or for the store
        self.waiting: deque[Request] = deque()
        self.is_busy = False
        self.is_beginning = False


class NodeState(Answering):
    """One node's connections, subscriptions and buckets."""

    def __init__(self, policy: Policy, node: bytes, now_ms: int) -> None:
        super().__init__(policy, now_ms)
        self.node = node
        self.now_ms = now_ms
        self.delivering: dict[bytes, Delivering] = {}  # by mailbox
        self.address_of: dict[bytes, bytes] = {}  # of subscribed mailboxes, by mark
        self.tokens: dict[tuple[bytes, bytes], Token] = {}  # known from the database, with their buckets
        self.gauges_of_store: Callable[[], dict[str, tuple[str, int]]] = dict

    def gauges(self, _now_ms: int) -> dict[str, tuple[str, int]]:
        """Return what this node has in hand; what is stored, `sealroom-relay stats` counts."""
        delivering = self.delivering.values()
        return {
            "subscriptions": ("Mailboxes with a subscriber on this node", len(delivering)),
            "in_flight_messages": (
                "Messages delivered by this node and not acknowledged",
                sum(len(one.in_flight) for one in delivering),
            ),
            "cached_tokens": ("Delivery tokens known to this node", len(self.tokens)),
            **self.gauges_of_store(),
        }

    def begin(self, steps: Steps, lane: int, done: Callable[[], None] | None = None) -> None:
        """Run a request to its first change, and after each result to the next."""
        self._go_on(steps, lane, None, done)

    def _go_on(self, steps: Steps, lane: int, result: object, done: Callable[[], None] | None) -> None:
        try:
            change = steps.send(result)
        except StopIteration:
            if done is not None:
                done()
            return

        def then(result: object, now_ms: int) -> None:
            self.now_ms = now_ms
            self._go_on(steps, lane, result, done)

        self.ask(change, lane, then)

    def ask(self, change: object, lane: int, then: Callable[[Any, int], None]) -> None:
        """Leave a change for the store."""
        self._effects.append(Submit(cast("Change", Asked(lane, change)), cast("Then", then)))

    def tell(self, node: bytes, word: Word) -> None:
        """Leave a word for another node."""
        self._effects.append(Submit(cast("Change", Told(node, word)), _nothing_more))

    # --- subscriptions of this node ---

    def key_of(self, connection: NodeConnection, address: bytes) -> bytes | None:
        """Return the owner key by which this connection has authenticated a mailbox that is not blocked."""
        return None if address in self.blocked else connection.keys.get(address)

    def enter(self, delivering: Delivering) -> None:
        """Make a subscription known."""
        self.delivering[delivering.address] = delivering
        self.address_of[mark_of(delivering.address)] = delivering.address
        delivering.connection.delivering[delivering.address] = delivering

    def leave(self, delivering: Delivering) -> None:
        """Forget a subscription; what was not acknowledged stays in the database."""
        if self.delivering.get(delivering.address) is delivering:
            del self.delivering[delivering.address]
            self.address_of.pop(mark_of(delivering.address), None)
        delivering.connection.delivering.pop(delivering.address, None)
        delivering.connection.postponed.discard(delivering)
        delivering.connection.unacked_b -= delivering.in_flight_b

    def by_mark(self, mark: bytes) -> Delivering | None:
        """Return the subscription that a word from another node is about."""
        return self.delivering.get(self.address_of.get(mark, b""))


def _nothing_more(_result: object, _now_ms: int) -> None:
    """A word is sent or lost."""
