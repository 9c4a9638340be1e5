"""One relay process between its connections and a store: requests in, operations out, answers when committed.

How to read it. A shell opens a connection with `connect` and gives each decoded frame to `receive`. What is
charged to a connection or an address is judged here; all else the rules decide, where the store carries the
operation out. When it is committed, or could not be, the store calls `committed`: the request is answered.
Nothing here outlives the process.

Of one connection SEND, ACK, PING and BLOB_PUT overlap. Any other request is finished before what follows it
begins.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias, cast, get_args

from .delivery import Delivery
from .entry import signature_is_valid
from .limits import Policy, SendLimits, SharedLimits
from .protocol import (
    MAX_PART_B,
    OPERATIONS,
    PROTOCOL_VERSION,
    Ack,
    Auth,
    AuthResult,
    BlobGet,
    BlobOpen,
    BlobPut,
    CreateMailbox,
    DeleteMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    Frame,
    GoAway,
    Hello,
    Lookup,
    Ping,
    PrekeysBundle,
    PrekeysFetch,
    Request,
    Send,
    SendResult,
    SendResults,
    Subscribe,
    TokenAdd,
    UnknownRequest,
    auth_payload,
)
from .rules import SEND_UNAVAILABLE
from .session import Kind, Outlet, Session
from .stock_warnings import StockWarnings
from .store.api import (
    MAILBOX,
    UNAVAILABLE,
    Close,
    Find,
    Found,
    HandedOut,
    Op,
    Open,
    Opened,
    Read,
    Refusal,
    Remove,
    Stocks,
    Store,
)

_FORGET_EVERY_MS: Final = 600_000
# Parts of blobs that wait for the disk: of a connection, and 64 MiB in all (RLY-248).
_PARTS_OF_ONE: Final = 8
_PARTS: Final = 1024
# So many clients are asked to come back at a time, and the next ones so much later (RLY-70).
_BACK_AT_ONCE: Final = 50
_APART_MS: Final = 50

_REQUESTS: Final = frozenset(get_args(Request))
# Charged to buckets of these names, of the connection and of the client address.
_QUESTIONS: Final[dict[type[Any], Kind]] = {
    Lookup: "lookups",
    PrekeysFetch: "fetches",
    BlobOpen: "blob_opens",
}

_Begin: TypeAlias = Callable[[Session, Any, int], None]


class Node:
    """Sessions, subscriptions and buckets of one process. One thread. Implements `Listener`."""

    def __init__(self, policy: Policy, store: Store, now_ms: Callable[[], int]) -> None:
        self.policy = policy
        self.now_ms = now_ms
        self.store = store
        self.sessions: dict[Session, None] = {}
        self.counters: Counter[str] = Counter()
        self.refusals: Counter[ErrorCode] = Counter()
        self.limits = SendLimits(policy, self.counters)
        self.shared = SharedLimits(policy, now_ms())
        self.is_draining = False
        self.admits_mailboxes: Callable[[], bool] = lambda: True  # whether there is room for new ones
        self.blocked: frozenset[bytes] = frozenset()
        self.delivery = Delivery(store, policy, now_ms, self.counters)
        self._warnings = StockWarnings(self.delivery, self.shared, policy, now_ms, self.counters)
        self._next_forget_ms = 0
        self._parts = 0  # of blobs, submitted and not answered
        self._begin: dict[type[Any], _Begin] = {
            Auth: self._auth,
            Subscribe: self._subscribe,
            BlobPut: self._put_part,
            BlobGet: self._get_parts,
            **dict.fromkeys(_QUESTIONS, self._question),
        }
        self._finish: dict[type[Any], Callable[[Op], None]] = {
            Find: self._found,
            Open: self._opened,
            PrekeysFetch: self._fetched,
            CreateMailbox: self._created,
            DeleteMailbox: self._deleted,
        }

    # --- what the shell calls ---

    def connect(
        self,
        outlet: Outlet,
        nonce: bytes,
        visitor: bytes = b"",
        answered: Callable[[int], None] | None = None,
    ) -> Session:
        """Open a connection with a fresh nonce of 32 bytes, and greet it (RLY-10).

        `visitor` stands for the client's address (RLY-144); `answered` hears of each answered request.
        """
        session = Session(outlet, nonce, visitor, self, answered)
        self.sessions[session] = None
        policy = self.policy
        session.put(Hello(0, PROTOCOL_VERSION, policy.relay_name, nonce, policy.announced(), OPERATIONS))
        return session

    def disconnect(self, session: Session) -> None:
        """Forget a connection; what it had not acknowledged stays held."""
        del self.sessions[session]
        session.end()
        self.delivery.end_all(session)

    def receive(self, session: Session, frame: Frame) -> None:
        """Begin one request, or have it wait for those before it; each is answered (RLY-07)."""
        kind = type(frame)
        if kind not in _REQUESTS:
            unknown = isinstance(frame, UnknownRequest)
            code = ErrorCode.UNKNOWN_OPERATION if unknown else ErrorCode.BAD_REQUEST
            self._refuse(session, frame.request_id, Refusal(code))
            return
        amount = len(frame.items) if type(frame) is Send else 1
        wait_ms = session.take("requests", self.policy, amount, self.now_ms())
        if wait_ms:
            self._refuse(session, frame.request_id, Refusal(ErrorCode.RATE_LIMITED, wait_ms))
        elif session.is_busy:
            if session.waiting is None:
                session.waiting = deque()
            session.waiting.append(cast("Request", frame))
        else:
            self._carry_on(session, cast("Request", frame))

    def tick(self, now_ms: int) -> None:
        """Bring time forward: expiry, forgotten buckets, waiting deliveries; call it about once a second."""
        self.shared.forget_visitors(now_ms)
        self.limits.forget_visitors(now_ms)
        self.store.sweep(now_ms)
        for session in [one for one in self.sessions if one.postponed]:
            self.delivery.pump_postponed(session)
        for mailbox in self._warnings.due():
            self.low_stock(mailbox, is_held_back=False)
        if now_ms >= self._next_forget_ms:
            self._next_forget_ms = now_ms + _FORGET_EVERY_MS
            self.limits.forget_full(now_ms)
            self.shared.forget_full(now_ms)

    def drain(self, retry_after_ms: int) -> None:
        """Tell every client that the relay is about to close (RLY-70).

        A relay that starts again greets about a thousand clients a second; all at once would be turned away.
        """
        self.is_draining = True
        for place, session in enumerate(self.sessions):
            session.put(GoAway(0, retry_after_ms + place // _BACK_AT_ONCE * _APART_MS))

    def replace_registration_secret(self, secret: bytes | None) -> None:
        """Admit new mailboxes with this secret from now on (RLY-21)."""
        self.policy = replace(self.policy, registration_secret=secret)

    def block(self, blocked: frozenset[bytes]) -> None:
        """Serve these mailboxes and accounts no longer, and again those that are not among them (RLY-86)."""
        for mailbox in blocked - self.blocked:
            self.dropped(mailbox)
        self.blocked = blocked
        self.store.block(blocked)

    def gauges(self) -> dict[str, tuple[str, int]]:
        """Return figures of this moment for the metrics (RLY-72)."""
        subscriptions = ("Mailboxes with a subscriber", len(self.delivery.subscriptions))
        return {"subscriptions": subscriptions, **self.store.gauges()}

    # --- requests ---

    def _carry_on(self, session: Session, frame: Request) -> None:
        kind = type(frame)
        if kind is Send:
            self._send(session, cast("Send", frame))
        elif kind is Ack:
            self._ack(session, cast("Ack", frame))
        elif kind is Ping:
            session.put(Done(frame.request_id))
        else:
            self._begin.get(kind, self._submit)(session, frame, self.now_ms())

    def _send(self, session: Session, frame: Send) -> None:
        if len(frame.items) > self.policy.max_send_items:
            self._refuse(session, frame.request_id, Refusal(ErrorCode.TOO_LARGE))
        else:
            self.store.submit(Op(session, frame, frame.request_id))

    def _ack(self, session: Session, frame: Ack) -> None:
        op = Op(session, frame, frame.request_id)
        self.store.submit(op)
        if self.store.overlaps and session.owned:
            op.kept = self.delivery.acknowledged(session, frame)

    def _submit(self, session: Session, frame: Any, _now_ms: int) -> None:
        """Carry out a request of a kind for which nothing is charged but the request."""
        self._submit_as(session, frame, frame.request_id)

    def _submit_as(self, session: Session, request: Any, request_id: int) -> None:
        """Submit what has to be finished before the connection's next request begins."""
        session.is_busy = True
        self.store.submit(Op(session, request, request_id))

    def _auth(self, session: Session, frame: Auth, now_ms: int) -> None:
        policy, refusal = self.policy, None
        wait_ms = session.take("auths", policy, 1, now_ms)
        if wait_ms:
            refusal = Refusal(ErrorCode.RATE_LIMITED, wait_ms)
        elif len(session.owned.keys() | set(frame.mailboxes)) > policy.max_mailboxes:
            refusal = Refusal(ErrorCode.TOO_LARGE)
        else:
            signed = auth_payload(policy.relay_name, session.nonce, frame.mailboxes)
            if not signature_is_valid(frame.owner_pub, signed, frame.signature):
                refusal = Refusal(ErrorCode.AUTH_FAILED)
        if refusal is None:
            self._submit_as(session, Find(frame.mailboxes, frame.owner_pub), frame.request_id)
        else:
            self._refuse(session, frame.request_id, refusal)

    def _subscribe(self, session: Session, frame: Subscribe, now_ms: int) -> None:
        wait_ms = session.take("subscriptions", self.policy, len(frame.mailboxes), now_ms)
        if wait_ms:
            self._refuse(session, frame.request_id, Refusal(ErrorCode.RATE_LIMITED, wait_ms))
            return
        named = tuple(one for one in frame.mailboxes if one not in session.delivering)
        self._submit_as(session, Open(named), frame.request_id)

    def _question(self, session: Session, frame: Lookup | PrekeysFetch | BlobOpen, now_ms: int) -> None:
        """Charge a question to connection and client address (RLY-56, RLY-248)."""
        kind = _QUESTIONS[type(frame)]
        wait_ms = session.take(kind, self.policy, 1, now_ms)
        self._ask(session, frame, wait_ms or self.shared.take(kind, session.visitor, now_ms))

    def _ask(self, session: Session, frame: Lookup | PrekeysFetch | BlobOpen | BlobGet, wait_ms: int) -> None:
        if wait_ms:
            self._refuse(session, frame.request_id, Refusal(ErrorCode.RATE_LIMITED, wait_ms))
        else:
            self._submit_as(session, frame, frame.request_id)

    def _put_part(self, session: Session, frame: BlobPut, now_ms: int) -> None:
        if session.parts >= _PARTS_OF_ONE or self._parts >= _PARTS:
            self._refuse(session, frame.request_id, UNAVAILABLE)
            return
        wait_ms = session.take("blob_parts_b", self.policy, len(frame.part), now_ms)
        if wait_ms:
            self._refuse(session, frame.request_id, Refusal(ErrorCode.RATE_LIMITED, wait_ms))
        else:
            session.parts += 1
            self._parts += 1
            self.store.submit(Op(session, frame, frame.request_id))

    def _get_parts(self, session: Session, frame: BlobGet, now_ms: int) -> None:
        wait_ms = session.take("blob_parts_b", self.policy, frame.count * MAX_PART_B, now_ms)
        self._ask(session, frame, wait_ms)

    # --- what the store calls ---

    def delivers(self, mailbox: bytes) -> bool:
        return mailbox in self.delivery.subscriptions

    def decided(self, op: Op) -> None:
        """Deliver while the commit is under way (RLY-90)."""
        op.told = True
        for fresh in op.fresh or ():
            self.delivery.arrived(fresh)

    def committed(self, ops: Sequence[Op], *, failed: bool) -> None:
        """Answer what is on the disk, or could not be put there."""
        for op in ops:
            kind = type(op.request)
            if kind is Send:
                self._sent(op, failed=failed)
            elif kind is Ack:
                self._acknowledged(op, failed=failed)
            elif kind is Read:
                self.delivery.was_read(op, failed=failed)
            elif kind is Remove:
                self._removed(op.request, failed=failed)
            elif kind is Stocks:
                self._warnings.looked_at(op, failed=failed)
            elif kind is not Close:
                self._answer(op, failed=failed)

    def wake(self, mailbox: bytes) -> None:
        subscription = self.delivery.subscriptions.get(mailbox)
        if subscription is not None:
            self.delivery.wake(subscription)

    def displaced(self, mailbox: bytes, no: int) -> None:
        self.delivery.displaced(mailbox, no)

    def passing(self, mailbox: bytes, msg_id: bytes, body: bytes) -> None:
        self.delivery.passing(mailbox, msg_id, body)

    def low_stock(self, mailbox: bytes, *, is_held_back: bool) -> None:
        subscription = self.delivery.subscriptions.get(mailbox)
        if subscription is not None:
            self._look_at_stocks(subscription.session, Stocks(mailbox, is_held_back))

    def dropped(self, mailbox: bytes) -> None:
        subscription = self.delivery.subscriptions.get(mailbox)
        if subscription is not None:
            self.delivery.end(subscription)

    # --- answers ---

    def _sent(self, op: Op, *, failed: bool) -> None:
        results: list[SendResult] = [SEND_UNAVAILABLE] * len(op.request.items) if failed else op.result
        for result in results:
            if result.code is not ErrorCode.OK:
                self.refusals[result.code] += 1
        if not failed and op.fresh is not None:
            stored = [len(fresh.body) for fresh in op.fresh if fresh.seq]
            self.counters["accepted"] += len(stored)
            self.counters["accepted_bytes"] += sum(stored)
            for fresh in () if op.told else op.fresh:
                self.delivery.arrived(fresh)
        op.peer.put(SendResults(op.request_id, tuple(results)))

    def _acknowledged(self, op: Op, *, failed: bool) -> None:
        session, ack = op.peer, op.request
        refusal = UNAVAILABLE if failed else op.result
        if refusal is not None:
            if op.kept:
                self.delivery.not_deleted(session, ack, op.kept)
            self._refuse(session, op.request_id, refusal)
            return
        self.counters["acknowledged"] += op.count
        if not self.store.overlaps:
            # Not before: a read behind it would find the row again.
            self.delivery.acknowledged(session, ack)
        session.put(Done(op.request_id), can_wait=True)

    def _answer(self, op: Op, *, failed: bool) -> None:
        """Answer a request, and begin those that waited for it."""
        session: Session = op.peer
        if type(op.request) is BlobPut:
            session.parts -= 1
            self._parts -= 1
        else:
            session.is_busy = False
        refusal = UNAVAILABLE if failed else op.result
        if type(op.request) is TokenAdd:
            session.tokens_answered(are_added=refusal is None)
        if isinstance(refusal, Refusal):
            self._refuse(session, op.request_id, refusal)
        else:
            finish = self._finish.get(type(op.request))
            if finish is None:
                session.put(op.result or Done(op.request_id))
            else:
                finish(op)
        while session.waiting and not session.is_busy:
            self._carry_on(session, session.waiting.popleft())

    def _refuse(self, session: Session, request_id: int, refusal: Refusal) -> None:
        """Answer a request with an error (RLY-07)."""
        self.refusals[refusal.code] += 1
        session.put(ErrorReply(request_id, refusal.code, refusal.retry_after_ms))

    def _found(self, op: Op) -> None:
        found: Found = op.result
        op.peer.owned.update(dict.fromkeys(found.owned, op.request.owner_pub))
        op.peer.put(AuthResult(op.request_id, found.refused))

    def _created(self, op: Op) -> None:
        self.counters["mailboxes_created"] += op.count
        op.peer.put(Done(op.request_id))

    def _deleted(self, op: Op) -> None:
        self.dropped(op.request.mailbox)
        op.peer.put(Done(op.request_id))

    def _removed(self, remove: Remove, *, failed: bool) -> None:
        if remove.kind == MAILBOX and not failed:
            self.dropped(remove.subject)

    def _opened(self, op: Op) -> None:
        opened: tuple[Opened, ...] = op.result
        op.peer.put(Done(op.request_id))
        for one in opened:
            self.delivery.begin(op.peer, one)
            self._look_at_stocks(op.peer, Stocks(one.mailbox))

    def _look_at_stocks(self, session: Session, asked: Stocks) -> None:
        """Have the stocks behind a mailbox looked at, in its owner's turn (RLY-67, RLY-267)."""
        if self._warnings.may_look(asked):
            self.store.submit(Op(session, asked))

    def _fetched(self, op: Op) -> None:
        given: HandedOut = op.result
        self.counters["bundles"] += 1
        self.counters["bundles_last_resort"] += not given.one_time_kem
        op.peer.put(PrekeysBundle(op.request_id, given.bundle, given.one_time_x25519, given.one_time_kem))
        self._warnings.handed_out(given)
