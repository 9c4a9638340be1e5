"""SUBSCRIBE and ACK on a node: push delivery in order, at least once, within a window."""

from __future__ import annotations

from typing import Final

from e2ee_relay.bus import Ended, HeldBack, Stock, mark_of
from e2ee_relay.protocol import (
    Ack,
    Displaced,
    ErrorCode,
    LowPrekeys,
    Message,
    QueueEmpty,
    Subscribe,
    hour_of,
)
from e2ee_relay.store.changes import Stock as KeyStock
from e2ee_relay.store.changes import StoreFailure
from e2ee_relay.store.postgres.messages import ANY_DAY
from e2ee_relay.store.shared import (
    HOUR_MS,
    Acknowledge,
    Acknowledged,
    CloseSubscription,
    FindTokens,
    Gone,
    Incoming,
    Opened,
    OpenSubscriptions,
    Queue,
    QueueRow,
    ReadDevices,
    ReadQueue,
)

from .state import Delivering, InFlight, NodeConnection, NodeState, Steps

# One read from the store: enough for a steady stream, small enough not to hold up a commit.
_READ_MESSAGES: Final = 64
_READ_B: Final = 256 << 10


class NodeDelivery:
    """Hands messages out."""

    def __init__(self, state: NodeState) -> None:
        self._state = state

    # --- subscriptions ---

    def subscribe(self, connection: NodeConnection, frame: Subscribe) -> Steps:
        """Begin delivery of all named mailboxes, or of none (RLY-39)."""
        state = self._state
        wait_ms = connection.take("subscriptions", state.policy, len(frame.mailboxes), state.now_ms)
        if wait_ms:
            state.refuse(connection, frame.request_id, ErrorCode.RATE_LIMITED, wait_ms)
            return
        keys = {one: state.key_of(connection, one) for one in frame.mailboxes}
        owned = tuple((address, key) for address, key in keys.items() if key is not None)
        if len(owned) != len(keys):
            state.refuse(connection, frame.request_id, ErrorCode.NOT_AUTHENTICATED)
            return
        fresh = tuple(pair for pair in owned if pair[0] not in connection.delivering)
        opened = (yield OpenSubscriptions(fresh, state.node)) if fresh else []
        if isinstance(opened, Gone):
            state.refuse(connection, frame.request_id, ErrorCode.NOT_AUTHENTICATED)
            return
        state.answer_done(connection, frame.request_id, opened)
        if isinstance(opened, StoreFailure):
            return
        for one in opened:
            yield from self._begin(connection, one, dict(fresh)[one.address])
        if opened and connection.is_open:
            yield from self.warn_if_low(tuple(one.address for one in opened))

    def _begin(self, connection: NodeConnection, opened: Opened, owner_pub: bytes) -> Steps:
        state = self._state
        older = state.delivering.get(opened.address)
        if older is not None:
            self.displace(older, opened.no)
        if opened.earlier_node not in (None, state.node):
            state.tell(opened.earlier_node, Ended(mark_of(opened.address), opened.no))
        if not connection.is_open:
            yield CloseSubscription(opened.address, opened.no)
            return
        delivering = Delivering(
            connection, opened.address, owner_pub, opened.no, opened.last_seq, opened.last_seq + 1
        )
        state.enter(delivering)
        self.pump(delivering)

    def displace(self, delivering: Delivering, no: int) -> None:
        """End a subscription that an own newer one, or one on another node, has replaced."""
        if delivering.no < no:
            self._state.transmit(delivering.connection, Displaced(0, delivering.address))
            self._state.leave(delivering)

    # --- delivery ---

    def arrived(self, address: bytes, seq: int, item: Incoming) -> None:
        """Deliver what this node has just stored, without reading it back where it is the next one."""
        delivering = self._state.delivering.get(address)
        if delivering is None:
            return
        is_next = seq == delivering.expected and not delivering.is_due and not delivering.is_reading
        if is_next and delivering.room_b(self._state.policy) >= len(item.body):
            delivering.expected = seq + 1
            row = QueueRow(seq, item.expires_day, item.msg_id, item.expires_ms, item.received_ms, item.body)
            self._push(delivering, row)
        elif seq >= delivering.expected:
            self.wake(delivering)

    def wake(self, delivering: Delivering) -> None:
        """Look for rows that are not in flight here."""
        delivering.is_due = True
        self.pump(delivering)

    def pump(self, delivering: Delivering) -> None:
        """Read as far as the window goes; one read at a time (RLY-35, RLY-36, RLY-105)."""
        if delivering.is_reading or not delivering.is_due:
            return
        policy = self._state.policy
        room_b = delivering.room_b(policy)
        most = min(_READ_MESSAGES, policy.window_messages - len(delivering.in_flight))
        if (delivering.in_flight and room_b < delivering.needs_b) or most <= 0:
            delivering.connection.postponed.add(delivering)
            return
        delivering.is_reading, delivering.is_due = True, False
        self._state.begin(self._read(delivering, most, min(room_b, _READ_B)), delivering.connection.no)

    def _read(self, delivering: Delivering, most: int, most_b: int) -> Steps:
        state = self._state
        skip = (*delivering.in_flight, *delivering.leaving)
        queue = yield ReadQueue(delivering.address, delivering.no, skip, most, most_b, state.now_ms)
        if state.delivering.get(delivering.address) is not delivering:
            return
        delivering.is_reading = False
        if not isinstance(queue, Queue):
            self._could_not_read(delivering, queue)
            return
        if queue.is_displaced:
            self.displace(delivering, delivering.no + 1)
            return
        if self._deliver(delivering, queue):
            self.pump(delivering)
        else:
            # Acknowledgements and the tick look after it.
            delivering.connection.postponed.add(delivering)

    def _could_not_read(self, delivering: Delivering, reason: object) -> None:
        delivering.is_due = True
        if isinstance(reason, Gone):
            self._state.leave(delivering)
        else:
            delivering.connection.postponed.add(delivering)

    def _deliver(self, delivering: Delivering, queue: Queue) -> bool:
        """Push what fits; tell whether all did."""
        delivering.expected = max(delivering.expected, queue.last_seq + 1)
        delivering.is_due = delivering.is_due or not queue.is_drained
        for row in queue.rows:
            if row.seq in delivering.in_flight or row.seq in delivering.leaving:
                continue
            fits = delivering.room_b(self._state.policy) >= len(row.body) or not delivering.in_flight
            delivering.needs_b = 1 if fits else len(row.body)
            if not fits:
                delivering.is_due = True
                return False
            self._push(delivering, row)
            if row.seq > (delivering.marker or row.seq):
                self._announce_empty(delivering)
        if not delivering.is_due:
            self._announce_empty(delivering)
        return True

    def _announce_empty(self, delivering: Delivering) -> None:
        if delivering.marker is not None:
            delivering.marker = None
            self._state.transmit(delivering.connection, QueueEmpty(0, delivering.address))

    def _push(self, delivering: Delivering, row: QueueRow) -> None:
        self._state.counters["delivered"] += 1
        delivering.reserve(row.seq, InFlight(len(row.body), row.expires_day, row.expires_ms))
        frame = Message(0, delivering.address, row.seq, row.msg_id, row.body, row.received_ms)
        self._state.transmit(delivering.connection, frame)

    def pump_postponed(self, connection: NodeConnection) -> None:
        """Try again where delivery waited for room on this connection, or for the store."""
        postponed, connection.postponed = connection.postponed, set()
        for delivering in postponed:
            self._forget_expired(delivering)
            self.pump(delivering)

    def _forget_expired(self, delivering: Delivering) -> None:
        over = [seq for seq, one in delivering.in_flight.items() if one.expires_ms <= self._state.now_ms]
        for seq in over:
            delivering.release(seq)

    # --- acknowledgement ---

    def acknowledge(self, connection: NodeConnection, frame: Ack) -> Steps:
        """Delete what the owner has safe; answer after the commit (RLY-37)."""
        state = self._state
        owner_pub = state.key_of(connection, frame.mailbox)
        if owner_pub is None:
            state.refuse(connection, frame.request_id, ErrorCode.NOT_AUTHENTICATED)
            return
        delivering = state.delivering.get(frame.mailbox)
        seqs = tuple((seq, self._let_go(delivering, seq)) for seq in dict.fromkeys(frame.seqs))
        until_hour = hour_of(state.now_ms) // HOUR_MS + 1 + -(-state.policy.remembered_s // 3600)
        change = Acknowledge(frame.mailbox, owner_pub, seqs, until_hour, state.now_ms)
        if delivering is not None:
            self.pump(delivering)
            self.pump_postponed(delivering.connection)
        result = yield change
        if delivering is not None:
            delivering.leaving.difference_update(seq for seq, _ in seqs)
        if isinstance(result, Acknowledged):
            state.counters["acknowledged"] += result.deleted
            state.answer_done(connection, frame.request_id, None, can_wait=True)
        elif isinstance(result, Gone):
            state.refuse(connection, frame.request_id, ErrorCode.NOT_AUTHENTICATED)
        else:
            state.unavailable(connection, frame.request_id)
            if delivering is not None and state.delivering.get(frame.mailbox) is delivering:
                self.wake(delivering)

    def _let_go(self, delivering: Delivering | None, seq: int) -> int:
        """Take a message out of the window; return the day of its partition."""
        message = None if delivering is None else delivering.release(seq)
        if delivering is None or message is None:
            return ANY_DAY
        delivering.leaving.add(seq)
        return message.expires_day

    # --- what is not stored, and what owners are told ---

    def pass_on(self, delivering: Delivering | None, msg_id: bytes, body: bytes) -> None:
        """Push an ephemeral message if there is a subscriber with room (RLY-40)."""
        state = self._state
        if delivering is not None and delivering.room_b(state.policy) >= len(body):
            frame = Message(0, delivering.address, 0, msg_id, body, state.told_hour_ms(state.now_ms))
            state.transmit(delivering.connection, frame)

    def warn_if_low(self, addresses: tuple[bytes, ...]) -> Steps:
        """Tell the owners on this node of stocks that run low (RLY-67)."""
        found = yield ReadDevices(addresses)
        for one in found if isinstance(found, list) else []:
            self.warn(one.mailbox, one.account_id, one.record_hash, one.stock)

    def warn_of_held_back(self, address: bytes) -> Steps:
        """Tell the owner on this node that no one-time key may be handed out at the moment (RLY-165)."""
        found = yield ReadDevices((address,))
        for one in found if isinstance(found, list) else []:
            self._tell(one.mailbox, one.account_id, one.record_hash, 0, 0)

    def warn(self, address: bytes, account_id: bytes, record_hash: bytes, stock: KeyStock) -> None:
        """Push LOW_PREKEYS if the stock is low and the owner is here."""
        x25519, kem = stock.one_time_x25519, stock.one_time_kem
        if min(x25519, kem) < self._state.policy.low_prekeys:
            self._tell(address, account_id, record_hash, x25519, kem)

    def _tell(self, address: bytes, account_id: bytes, record_hash: bytes, x25519: int, kem: int) -> None:
        delivering = self._state.delivering.get(address)
        if delivering is not None:
            self._state.counters["low_prekeys"] += 1
            frame = LowPrekeys(0, account_id, record_hash, x25519, kem)
            self._state.transmit(delivering.connection, frame)

    def warn_elsewhere(self, address: bytes, token_hash: bytes, *, held_back: bool) -> Steps:
        """Have the node where the owner is look at the stock, or tell that keys are held back."""
        found = yield FindTokens(((address, token_hash),))
        subscriber = found[0].subscriber if isinstance(found, list) else None
        if subscriber == self._state.node:
            yield from self.warn_of_held_back(address) if held_back else self.warn_if_low((address,))
        elif subscriber is not None:
            mark = mark_of(address)
            self._state.tell(subscriber, HeldBack(mark) if held_back else Stock(mark))
