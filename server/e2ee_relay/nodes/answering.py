"""Policy, connections, buckets and effects of a node's core."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

import cbor2

from e2ee_relay.entry import Device, Entry
from e2ee_relay.limits import Allowance, Bucket, Buckets, MailboxAllowances, Policy, Rate
from e2ee_relay.protocol import (
    CreateMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    GoAway,
    KnownFrame,
    PrekeysBundle,
    PrekeysStock,
    TokenClass,
    pow_context_create,
    pow_is_enough,
)
from e2ee_relay.rules import told_hour_ms
from e2ee_relay.session import Kind
from e2ee_relay.store.api import Stock
from e2ee_relay.store.changes import Change, Result, StoreFailure, TakenPrekeys

_RETRY_UNAVAILABLE_MS = 2_000
_RETRY_CREATION_MS = 60_000
# An owner is told once a minute that one-time keys are held back (RLY-165).
_HELD_BACK_TOLD = Rate(1, 1 / 60)


class Transmit(NamedTuple):
    """Effect: put a frame into a connection's outgoing buffer."""

    connection: int
    frame: KnownFrame
    can_wait: bool = False  # for others to go with, since nobody waits for it


class Submit(NamedTuple):
    """Effect: give a change to the store; after the commit call RelayCore.complete with `then`."""

    change: Change
    then: Then


Then: TypeAlias = Callable[[Result, int], None]
Effect: TypeAlias = Transmit | Submit


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


class Connection:
    """One client connection: what it has proved, and its buckets."""

    __slots__ = ("_buckets", "is_open", "no", "nonce", "unacked_b", "visitor")

    def __init__(self, no: int, nonce: bytes, visitor: bytes = b"") -> None:
        """`visitor` stands for the client's address; empty where that is not known."""
        self.no = no
        self.nonce = nonce
        self.visitor = visitor
        self.is_open = True
        self.unacked_b = 0
        self._buckets: dict[Kind, Bucket] = {}

    def take(self, kind: Kind, policy: Policy, amount: float, now_ms: int) -> int:
        """Charge this connection's bucket of that kind; return 0 or the wait in milliseconds."""
        bucket = self._buckets.get(kind)
        if bucket is None:
            rate: Rate = getattr(policy, kind)
            bucket = self._buckets[kind] = Bucket(rate, now_ms)
        return bucket.take(amount, now_ms)


class Answering:
    """Policy, connections and counters of any core, and the effects that it leaves."""

    def __init__(self, policy: Policy, now_ms: int) -> None:
        self.policy = policy
        self.connections: dict[int, Connection] = {}
        self.creations = Bucket(policy.creations_global, now_ms)
        self._by_address = {
            "lookups": Buckets(policy.lookups_per_address),
            "fetches": Buckets(policy.fetches_per_address),
        }
        self._fetches_per_device = Buckets(policy.fetches_per_device)
        self._held_back_told = Buckets(_HELD_BACK_TOLD)
        self.mailbox_allowances = MailboxAllowances()
        self.counters: Counter[str] = Counter()
        self.refusals: Counter[ErrorCode] = Counter()
        self.started_ms = now_ms
        self.skew_ms = 0  # how far the machine's clock is ahead of the relay's time
        self.is_draining = False
        self.admits_mailboxes: Callable[[], bool] = lambda: True  # whether there is room for new ones
        self.blocked: frozenset[bytes] = frozenset()  # mailboxes and accounts, on the operator's word
        self._effects: list[Effect] = []

    def at_start(self) -> dict[str, int]:
        """Return counts for the log."""
        return {}

    def gauges(self, _now_ms: int) -> dict[str, tuple[str, int]]:
        """Return figures of this moment for the metrics, each with its explanation (RLY-72)."""
        return {}

    def wall_ms(self, now_ms: int) -> int:
        """Return the machine's time, for dates that others have signed (RLY-133)."""
        return now_ms + self.skew_ms

    def told_hour_ms(self, now_ms: int) -> int:
        """Return the hour that is told of an arrival (RLY-34).

        Whole hours apart from the relay's own: it tells no more than the time of expiry does.
        """
        return told_hour_ms(now_ms, self.skew_ms)

    def charge(self, token: Token, mailbox: bytes, size_b: int, now_ms: int) -> int:
        """Charge a message to token and mailbox, or to neither; return 0 or the wait (RLY-42, RLY-155)."""
        wait_ms = token.charge(size_b, self.policy, now_ms)
        if wait_ms:
            return wait_ms
        wait_ms = self.mailbox_allowances.take(mailbox, size_b, self.policy, now_ms)
        if wait_ms:
            token.give_back(size_b)
            self.counters["limited_by_mailbox"] += 1
        return wait_ms

    def charge_question(
        self, connection: Connection, kind: Literal["lookups", "fetches"], now_ms: int
    ) -> int:
        """Charge LOOKUP or PREKEYS_FETCH to connection and client address; return 0 or the wait (RLY-56)."""
        wait_ms = connection.take(kind, self.policy, 1, now_ms)
        if wait_ms or not connection.visitor:
            return wait_ms
        return self._by_address[kind].of(connection.visitor, now_ms).take(1, now_ms)

    @property
    def known_visitors(self) -> int:
        """Return of how many client addresses there are buckets."""
        return len(frozenset[bytes]().union(*(one.keys() for one in self._by_address.values())))

    def grants_one_time_keys(self, record_hash: bytes, now_ms: int) -> bool:
        """Tell whether this fetch gets one-time keys, and charge it to the device if so (RLY-164)."""
        granted = not self._fetches_per_device.of(record_hash, now_ms).take(1, now_ms)
        self.counters["bundles_held_back"] += not granted
        return granted

    def may_tell_held_back(self, record_hash: bytes, now_ms: int) -> bool:
        """Tell whether the owner is to hear now that one-time keys are held back (RLY-165)."""
        return not self._held_back_told.of(record_hash, now_ms).take(1, now_ms)

    def forget_full(self, now_ms: int) -> None:
        """Drop buckets of accounts, devices and mailboxes that are full again."""
        self._fetches_per_device.forget_full(now_ms)
        self._held_back_told.forget_full(now_ms)
        self.mailbox_allowances.forget_full(now_ms)

    def forget_visitors(self, now_ms: int) -> None:
        """Drop full buckets of client addresses, soon: no address is kept for long (RLY-144)."""
        for buckets in self._by_address.values():
            buckets.forget_full(now_ms)

    def may_create(self, connection: Connection, frame: CreateMailbox, now_ms: int) -> tuple[ErrorCode, int]:
        """Judge the creation of a mailbox that does not exist; return OK, or the refusal and the wait."""
        if not self.policy.admits_registration(frame.registration_secret):
            return ErrorCode.REGISTRATION_REFUSED, 0
        context = pow_context_create(connection.nonce, frame.mailbox, frame.owner_pub)
        if not pow_is_enough(context, frame.pow, self.policy.pow_bits_create):
            return ErrorCode.POW_REQUIRED, 0
        if not self.admits_mailboxes():
            return ErrorCode.UNAVAILABLE, _RETRY_CREATION_MS
        wait_ms = connection.take("creations", self.policy, 1, now_ms) or self.creations.take(1, now_ms)
        return (ErrorCode.RATE_LIMITED, wait_ms) if wait_ms else (ErrorCode.OK, 0)

    # --- effects ---

    def transmit(self, connection: Connection, frame: KnownFrame, *, can_wait: bool = False) -> None:
        """Leave a frame for a connection that is still there."""
        if connection.is_open:
            self._effects.append(Transmit(connection.no, frame, can_wait))

    def refuse(
        self, connection: Connection, request_id: int, code: ErrorCode, retry_after_ms: int = 0
    ) -> None:
        """Answer a request with an error (RLY-07)."""
        self.refusals[code] += 1
        self.transmit(connection, ErrorReply(request_id, code, retry_after_ms))

    def submit(self, change: Change, then: Then) -> None:
        """Leave a change for the store."""
        self._effects.append(Submit(change, then))

    def submit_and_answer(
        self,
        connection: Connection,
        request_id: int,
        change: Change,
        committed: Callable[[], None] | None = None,
    ) -> None:
        """Leave a change whose request is answered Done after the commit, else UNAVAILABLE."""

        def then(result: Result, _now_ms: int) -> None:
            if committed is not None and not isinstance(result, StoreFailure):
                committed()
            self.answer_done(connection, request_id, result)

        self.submit(change, then)

    def answer_done(
        self, connection: Connection, request_id: int, result: Result, *, can_wait: bool = False
    ) -> None:
        """Answer Done after a commit, or UNAVAILABLE after its failure; Done may be of no hurry (RLY-161)."""
        if isinstance(result, StoreFailure):
            self.unavailable(connection, request_id)
        else:
            self.transmit(connection, Done(request_id), can_wait=can_wait)

    def unavailable(self, connection: Connection, request_id: int) -> None:
        """Answer that the store could not commit."""
        self.refuse(connection, request_id, ErrorCode.UNAVAILABLE, _RETRY_UNAVAILABLE_MS)

    def collect(self) -> list[Effect]:
        """Return the effects of this step and begin a new one."""
        effects, self._effects = self._effects, []
        return effects


def go_away(state: Answering, retry_after_ms: int) -> None:
    """Send everybody away (RLY-70).

    A relay that starts again greets about a thousand clients a second; all at once would be turned away.
    """
    state.is_draining = True
    for place, connection in enumerate(state.connections.values()):
        state.transmit(connection, GoAway(0, retry_after_ms + place // 50 * 50))


def stock_frame(request_id: int, stock: Stock) -> PrekeysStock:
    return PrekeysStock(
        request_id,
        one_time_x25519=stock.one_time_x25519,
        one_time_kem=stock.one_time_kem,
        highest_x25519_id=stock.highest_x25519_id,
        highest_kem_id=stock.highest_kem_id,
        signed_prekey_id=stock.signed_prekey_id,
        last_resort_id=stock.last_resort_id,
    )


def bundle_frame(request_id: int, entry: Entry, device: Device, taken: TakenPrekeys) -> PrekeysBundle:
    bundle = {
        1: device.record,
        2: entry.head.encoded,
        3: taken.signed_prekey,
        4: taken.one_time_x25519,
        5: taken.kem,
    }
    return PrekeysBundle(
        request_id,
        bundle=cbor2.dumps(bundle),
        one_time_x25519=taken.one_time_x25519 is not None,
        one_time_kem=taken.kem_is_one_time,
    )
