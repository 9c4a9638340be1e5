"""Push delivery on one node: in order, at least once, within windows.

A subscription is `behind` while the store may hold messages that were not delivered here. Then it reads them,
one read at a time, in the turn of its client address, and what comes meanwhile is read too. One that is not
behind gets what comes at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from .limits import Policy
from .protocol import Ack, Displaced, Message, QueueEmpty
from .rules import told_hour_ms
from .session import Session
from .store.api import Close, Fresh, HeldMessage, Op, Opened, Page, Read, Refusal, Store
from .store.turns import Turns, line_of

# One read from the store: enough for a steady stream, small enough not to hold up a commit.
_READ_MESSAGES: Final = 64
_READ_B: Final = 256 << 10
# Pages that are on their way from the store at a time: 16 MiB (RLY-268).
_PAGES: Final = 64


class InFlight(NamedTuple):
    """A message that was delivered and not acknowledged."""

    size_b: int
    expires_ms: int


@dataclass(slots=True, eq=False, repr=False)
class Subscription:
    """Push delivery of one mailbox to one connection."""

    session: Session
    mailbox: bytes
    # The last number that was given before the subscription began; None once QUEUE_EMPTY was said.
    marker: int | None
    expected: int  # the number behind all that is known of here
    no: int
    unacked: dict[int, InFlight] = field(default_factory=dict[int, InFlight])
    unacked_b: int = 0
    needs_b: int = 1  # the size of the next message, where it did not fit
    is_behind: bool = True
    is_reading: bool = False  # or waits for its turn to read

    def has_room(self, size_b: int, policy: Policy) -> bool:
        """Tell whether the windows of mailbox and connection admit one more; one always fits (RLY-36)."""
        return not self.unacked or (
            len(self.unacked) < policy.window_messages
            and self.unacked_b + size_b <= policy.window_b
            and self.session.unacked_b + size_b <= policy.connection_window_b
        )

    def reserve(self, seq: int, message: InFlight) -> None:
        """Count a message as delivered."""
        self.unacked[seq] = message
        self.unacked_b += message.size_b
        self.session.unacked_b += message.size_b

    def release(self, seq: int) -> InFlight | None:
        """Count a message as delivered no longer; return it, None if it was not."""
        message = self.unacked.pop(seq, None)
        if message is not None:
            self.unacked_b -= message.size_b
            self.session.unacked_b -= message.size_b
        return message

    def forget_expired(self, now_ms: int) -> None:
        """Release what has expired."""
        for seq in [seq for seq, one in self.unacked.items() if one.expires_ms <= now_ms]:
            self.release(seq)


class Delivery:
    """All subscriptions of a node."""

    def __init__(
        self, store: Store, policy: Policy, now_ms: Callable[[], int], counters: Counter[str]
    ) -> None:
        self._store = store
        self._policy = policy
        self._now_ms = now_ms
        self._counters = counters
        self.subscriptions: dict[bytes, Subscription] = {}  # by mailbox
        self._to_read: Turns[Subscription] = Turns()
        self._reads = 0  # submitted and not answered

    # --- beginning and end ---

    def begin(self, session: Session, opened: Opened) -> None:
        """Begin delivery; an older subscription here is told that it ends (RLY-39)."""
        older = self.subscriptions.get(opened.mailbox)
        if older is not None:
            older.session.put(Displaced(0, opened.mailbox))
            self.end(older)
        if session.outlet is None:
            self._store.submit(Op(session, Close(opened.mailbox, opened.no)))
            return
        last_seq = opened.last_seq
        subscription = Subscription(session, opened.mailbox, last_seq, last_seq + 1, opened.no)
        self.subscriptions[opened.mailbox] = session.delivering[opened.mailbox] = subscription
        self.pump(subscription)

    def end(self, subscription: Subscription) -> None:
        """End delivery; what was not acknowledged stays held."""
        session = subscription.session
        if self.subscriptions.get(subscription.mailbox) is subscription:
            del self.subscriptions[subscription.mailbox]
        session.delivering.pop(subscription.mailbox, None)
        session.postponed.discard(subscription)
        session.unacked_b -= subscription.unacked_b

    def end_all(self, session: Session) -> None:
        """End what a connection was subscribed to, which is gone."""
        for subscription in list(session.delivering.values()):
            self.end(subscription)
            self._store.submit(Op(session, Close(subscription.mailbox, subscription.no)))

    def displaced(self, mailbox: bytes, no: int) -> None:
        """End a subscription that has a lower number than the newest one."""
        subscription = self.subscriptions.get(mailbox)
        if subscription is not None and subscription.no < no:
            subscription.session.put(Displaced(0, mailbox))
            self.end(subscription)

    # --- what comes ---

    def arrived(self, fresh: Fresh) -> None:
        """Deliver what was stored here, without reading it back where order and window allow."""
        subscription = self.subscriptions.get(fresh.box.address)
        if subscription is None:
            return
        if not fresh.seq:
            self.pass_on(subscription, fresh.msg_id, fresh.body, fresh.received_ms)
            return
        # Where others store too, a gap in the numbers is theirs, and comes first (RLY-104).
        is_next = self._store.overlaps or fresh.seq == subscription.expected
        is_idle = not subscription.is_behind and not subscription.is_reading
        if is_next and is_idle and subscription.has_room(len(fresh.body), self._policy):
            self._push(subscription, fresh)
        elif fresh.seq >= subscription.expected:
            self.wake(subscription)

    def pass_on(self, subscription: Subscription, msg_id: bytes, body: bytes, received_ms: int) -> None:
        """Push an ephemeral message, if there is room (RLY-40)."""
        if subscription.has_room(len(body), self._policy):
            frame = Message(0, subscription.mailbox, 0, msg_id, body, received_ms)
            subscription.session.put(frame)

    def passing(self, mailbox: bytes, msg_id: bytes, body: bytes) -> None:
        """Push an ephemeral message that another node has taken."""
        subscription = self.subscriptions.get(mailbox)
        if subscription is not None:
            received_ms = told_hour_ms(self._now_ms(), self._store.skew_ms)
            self.pass_on(subscription, msg_id, body, received_ms)

    def wake(self, subscription: Subscription) -> None:
        """Look for messages that are not in flight here."""
        subscription.is_behind = True
        self.pump(subscription)

    # --- reading ---

    def pump(self, subscription: Subscription) -> None:
        """Read as far as the window goes (RLY-35, RLY-36)."""
        if subscription.is_reading or not subscription.is_behind:
            return
        if not subscription.has_room(subscription.needs_b, self._policy):
            subscription.session.postponed.add(subscription)
            return
        subscription.is_reading = True
        self._to_read.put(subscription, line_of(subscription.session))
        self._read_on()

    def _read_on(self) -> None:
        """Read for those whose turn it is, but not for a subscription that has ended meanwhile (RLY-268)."""
        while self._reads < _PAGES and (taken := self._to_read.take(1)):
            (subscription,) = taken
            if self.subscriptions.get(subscription.mailbox) is subscription:
                self._read(subscription)

    def _read(self, subscription: Subscription) -> None:
        subscription.is_behind = False
        most = min(_READ_MESSAGES, max(1, self._policy.window_messages - len(subscription.unacked)))
        read = Read(subscription.mailbox, tuple(subscription.unacked), most, _READ_B)
        op = Op(subscription.session, read)
        op.kept = subscription
        self._reads += 1
        self._store.submit(op)

    def was_read(self, op: Op, *, failed: bool) -> None:
        """Deliver what was read, and read for those who wait."""
        self._reads -= 1
        self._take_page(op.kept, op, failed=failed)
        self._read_on()

    def _take_page(self, subscription: Subscription, op: Op, *, failed: bool) -> None:
        """Deliver what was read, as far as it fits."""
        subscription.is_reading = False
        if self.subscriptions.get(subscription.mailbox) is not subscription:
            return
        if failed or isinstance(op.result, Refusal):
            subscription.is_behind = True
            subscription.session.postponed.add(subscription)
            return
        page: Page = op.result
        fits = self._deliver(subscription, page.messages)
        subscription.is_behind = subscription.is_behind or not page.is_drained or not fits
        if page.is_drained and fits:
            self._say_empty(subscription)
        if fits:
            self.pump(subscription)
        else:
            subscription.session.postponed.add(subscription)

    def _deliver(self, subscription: Subscription, messages: Sequence[HeldMessage]) -> bool:
        """Push what fits; tell whether all did."""
        for message in messages:
            if message.seq in subscription.unacked:
                continue
            fits = subscription.has_room(len(message.body), self._policy)
            subscription.needs_b = 1 if fits else len(message.body)
            if not fits:
                return False
            if subscription.marker is not None and message.seq > subscription.marker:
                self._say_empty(subscription)
            self._push(subscription, message)
        return True

    def _push(self, subscription: Subscription, message: Fresh | HeldMessage) -> None:
        seq, size_b = message.seq, len(message.body)
        subscription.reserve(seq, InFlight(size_b, message.expires_ms))
        if seq >= subscription.expected:
            subscription.expected = seq + 1
        self._counters["delivered"] += 1
        subscription.session.put(
            Message(0, subscription.mailbox, seq, message.msg_id, message.body, message.received_ms)
        )

    def _say_empty(self, subscription: Subscription) -> None:
        """Tell once that all has been delivered that was held at first (RLY-38)."""
        if subscription.marker is not None:
            subscription.marker = None
            subscription.session.put(QueueEmpty(0, subscription.mailbox))

    # --- acknowledgement and time ---

    def acknowledged(self, session: Session, ack: Ack) -> dict[int, InFlight]:
        """Open the windows for what follows; return what is delivered no longer."""
        released: dict[int, InFlight] = {}
        subscription = session.delivering.get(ack.mailbox)
        if subscription is not None:
            for seq in ack.seqs:
                message = subscription.release(seq)
                if message is not None:
                    released[seq] = message
            self.pump(subscription)
        if session.postponed:
            self.pump_postponed(session)
        return released

    def not_deleted(self, session: Session, ack: Ack, released: dict[int, InFlight]) -> None:
        """Count as delivered again what could not be deleted: its owner has it, and acknowledges it again."""
        subscription = session.delivering.get(ack.mailbox)
        if subscription is not None:
            for seq, message in released.items():
                if seq not in subscription.unacked:  # it may have been delivered again meanwhile
                    subscription.reserve(seq, message)

    def pump_postponed(self, session: Session) -> None:
        """Try again where delivery waited for room on this connection, or for the store."""
        postponed, session.postponed = session.postponed, set()
        for subscription in postponed:
            if not subscription.has_room(subscription.needs_b, self._policy):
                subscription.forget_expired(self._now_ms())
            self.pump(subscription)
