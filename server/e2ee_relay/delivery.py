"""SUBSCRIBE and ACK: push delivery in order, at least once, within a window."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from .mailbox import Connection, HeldMessage, Mailbox, Subscription
from .protocol import Ack, Displaced, Done, ErrorCode, Message, QueueEmpty, Subscribe, hour_of
from .state import RelayState
from .store.changes import DropMessages, ReadBodies, RememberedRow, Result, StoreFailure

_HOUR_MS: Final = 3_600_000
# One read from the store: enough for a steady stream, small enough not to hold up a commit.
_READ_MESSAGES: Final = 64
_READ_B: Final = 256 << 10


class Delivery:
    """Hands messages out."""

    def __init__(self, state: RelayState) -> None:
        self._state = state

    # --- subscriptions ---

    def subscribe(self, connection: Connection, frame: Subscribe, now_ms: int) -> list[Mailbox]:
        """Begin delivery of all named mailboxes, or of none; return those that are newly subscribed."""
        wait_ms = connection.take("subscriptions", self._state.policy, len(frame.mailboxes), now_ms)
        if wait_ms:
            self._state.refuse(connection, frame.request_id, ErrorCode.RATE_LIMITED, wait_ms)
            return []
        mailboxes = [self._state.owned(connection, address) for address in frame.mailboxes]
        found = [mailbox for mailbox in mailboxes if mailbox is not None]
        if len(found) != len(mailboxes):
            self._state.refuse(connection, frame.request_id, ErrorCode.NOT_AUTHENTICATED)
            return []
        self._state.transmit(connection, Done(frame.request_id))
        fresh = [one for one in dict.fromkeys(found) if not self._is_subscribed(one, connection)]
        for mailbox in fresh:
            self._displace(mailbox)
            self._begin(mailbox, connection)
            self.pump(mailbox, now_ms)
        return fresh

    def _is_subscribed(self, mailbox: Mailbox, connection: Connection) -> bool:
        return mailbox.subscription is not None and mailbox.subscription.connection is connection

    def _displace(self, mailbox: Mailbox) -> None:
        older = mailbox.subscription
        if older is not None:
            self._state.transmit(older.connection, Displaced(0, mailbox.address))
            self.end(mailbox)

    def _begin(self, mailbox: Mailbox, connection: Connection) -> None:
        marker = next(reversed(mailbox.held), 0)
        mailbox.subscription = Subscription(connection, deque(mailbox.held) or None, marker, {})

    def end(self, mailbox: Mailbox) -> None:
        """End delivery; what was not acknowledged stays held."""
        subscription = mailbox.subscription
        if subscription is not None:
            subscription.connection.unacked_b -= subscription.unacked_b
            subscription.connection.blocked.discard(mailbox)
            mailbox.subscription = None

    # --- delivery ---

    def arrived(self, mailbox: Mailbox, bodies: Mapping[int, bytes], now_ms: int) -> None:
        """Deliver what has just come in, without reading it back where order and window allow (RLY-90)."""
        subscription = mailbox.subscription
        if subscription is None:
            return
        if len(bodies) == 1 and subscription.is_idle():
            # Nearly always: nothing waits before it.
            ((seq, body),) = bodies.items()
            if subscription.has_room(len(body), self._state.policy):
                subscription.reserve(seq, len(body))
                self._push(mailbox, subscription, seq, mailbox.held[seq], body)
                return
        subscription.queue(bodies)
        self.pump(mailbox, now_ms, bodies)

    def pump(self, mailbox: Mailbox, now_ms: int, bodies: Mapping[int, bytes] | None = None) -> None:
        """Deliver as far as the window goes; read from the store what is not in `bodies` (RLY-35, RLY-36)."""
        subscription = mailbox.subscription
        if subscription is None or subscription.is_reading:
            return
        if subscription.is_idle():
            return
        to_read = self._advance(mailbox, subscription, now_ms, bodies or {})
        if to_read:
            subscription.is_reading = True
            row_ids = tuple(message.row_id for _, message in to_read)
            self._state.submit(ReadBodies(row_ids), self._deliver_read(mailbox, subscription, to_read))
        self._announce_empty(mailbox, subscription)

    def _advance(
        self, mailbox: Mailbox, subscription: Subscription, now_ms: int, bodies: Mapping[int, bytes]
    ) -> list[tuple[int, HeldMessage]]:
        """Push what is at hand, in order, up to the first message that must be read; return what to read."""
        to_read: list[tuple[int, HeldMessage]] = []
        reading_b = 0
        backlog = subscription.backlog
        while backlog and len(to_read) < _READ_MESSAGES and reading_b < _READ_B:
            seq = backlog[0]
            message = mailbox.held.get(seq)
            if message is None or message.expires_ms <= now_ms:
                backlog.popleft()
                continue
            if not subscription.has_room(message.size_b, self._state.policy):
                subscription.connection.blocked.add(mailbox)
                break
            body = bodies.get(seq)
            if body is not None and to_read:
                break
            backlog.popleft()
            subscription.reserve(seq, message.size_b)
            if body is None:
                to_read.append((seq, message))
                reading_b += message.size_b
            else:
                self._push(mailbox, subscription, seq, message, body)
        subscription.backlog = backlog or None
        return to_read

    def _push(
        self, mailbox: Mailbox, subscription: Subscription, seq: int, message: HeldMessage, body: bytes
    ) -> None:
        self._state.counters["delivered"] += 1
        frame = Message(0, mailbox.address, seq, message.msg_id, body, message.received_ms)
        self._state.transmit(subscription.connection, frame)

    def _deliver_read(
        self, mailbox: Mailbox, subscription: Subscription, wanted: list[tuple[int, HeldMessage]]
    ) -> Callable[[Result, int], None]:
        def then(result: Result, now_ms: int) -> None:
            if mailbox.subscription is not subscription:
                return
            subscription.is_reading = False
            if isinstance(result, StoreFailure):
                self._postpone(mailbox, subscription, [seq for seq, _ in wanted])
                return
            bodies = result if isinstance(result, dict) else {}
            for seq, message in wanted:
                body = bodies.get(message.row_id)
                if body is not None and seq in mailbox.held:
                    self._push(mailbox, subscription, seq, message, body)
            self.pump(mailbox, now_ms)

        return then

    def _postpone(self, mailbox: Mailbox, subscription: Subscription, seqs: list[int]) -> None:
        for seq in seqs:
            subscription.release(seq)
        subscription.requeue(seqs)
        subscription.connection.blocked.add(mailbox)

    def _announce_empty(self, mailbox: Mailbox, subscription: Subscription) -> None:
        if subscription.marker is None or subscription.is_reading:
            return
        if not subscription.backlog or subscription.backlog[0] > subscription.marker:
            subscription.marker = None
            self._state.transmit(subscription.connection, QueueEmpty(0, mailbox.address))

    def pump_blocked(self, connection: Connection, now_ms: int) -> None:
        """Try again where delivery waited for room on this connection, or for the store."""
        blocked, connection.blocked = connection.blocked, set()
        for mailbox in blocked:
            self.pump(mailbox, now_ms)

    # --- acknowledgement and expiry ---

    def acknowledge(self, connection: Connection, frame: Ack, now_ms: int) -> None:
        """Delete what the owner has safe; answer after the commit (RLY-37)."""
        mailbox = self._state.owned(connection, frame.mailbox)
        if mailbox is None:
            self._state.refuse(connection, frame.request_id, ErrorCode.NOT_AUTHENTICATED)
            return
        gone: list[tuple[int, HeldMessage]] = []
        for seq in dict.fromkeys(frame.seqs):
            message = mailbox.begin_deletion(seq)
            if message is not None:
                gone.append((seq, message))
        if not gone:
            # Nothing to delete, nothing to wait for: a flood of such costs the disk nothing.
            self._state.transmit(connection, Done(frame.request_id))
            return
        change = self._deletion(mailbox, gone, now_ms)
        self._state.submit(change, self._after_deletion(connection, frame.request_id, mailbox, gone))
        self.pump(mailbox, now_ms)
        if connection.blocked:
            self.pump_blocked(connection, now_ms)

    def _deletion(self, mailbox: Mailbox, gone: list[tuple[int, HeldMessage]], now_ms: int) -> DropMessages:
        until_ms = hour_of(now_ms) + _HOUR_MS + self._state.policy.remembered_s * 1000
        row_ids: list[int] = []
        remember: list[RememberedRow] = []
        for _, message in gone:
            row = RememberedRow(mailbox.no, message.msg_id, until_ms)
            self._state.remembered.add(row)
            row_ids.append(message.row_id)
            remember.append(row)
        return DropMessages(tuple(row_ids), tuple(remember))

    def _after_deletion(
        self, connection: Connection, request_id: int, mailbox: Mailbox, gone: list[tuple[int, HeldMessage]]
    ) -> Callable[[Result, int], None]:
        def then(result: Result, _now_ms: int) -> None:
            failed = isinstance(result, StoreFailure)
            for seq, _ in gone:
                if failed:
                    mailbox.take_back(seq)
                else:
                    self._state.counters["acknowledged"] += mailbox.end_deletion(seq)
            self._state.answer_done(connection, request_id, result, can_wait=True)

        return then

    def expire(self, mailbox: Mailbox, seqs: list[int]) -> None:
        """Drop expired messages of a mailbox (RLY-41)."""
        removed = [mailbox.remove(seq) for seq in seqs]
        gone = [message for message in removed if message is not None]
        if gone:
            self._state.counters["expired"] += len(gone)
            row_ids = tuple(message.row_id for message in gone)
            mailbox.overdue.update(row_ids)
            self._state.submit(DropMessages(row_ids), self._after_expiry(mailbox, row_ids))

    def _after_expiry(self, mailbox: Mailbox, row_ids: tuple[int, ...]) -> Callable[[Result, int], None]:
        def then(result: Result, _now_ms: int) -> None:
            # What could not be deleted goes with its mailbox, or is found again at the next start.
            if not isinstance(result, StoreFailure):
                mailbox.overdue.difference_update(row_ids)

        return then
