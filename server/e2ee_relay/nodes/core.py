"""The logic of a node, with the same face as RelayCore: requests in, effects out.

A request is a generator that yields changes and gets their results; `NodeState.begin` runs it. Requests of
one connection begin in their order: one that asks the database more than once is finished before the next
begins, only messages and acknowledgements overlap. Steps never wait, so one thread suffices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeAlias, cast

from e2ee_relay.bus import BadWord, Ended, HeldBack, Passing, Wake, Word, decode_word
from e2ee_relay.entry import signature_is_valid
from e2ee_relay.limits import Policy
from e2ee_relay.protocol import (
    OPERATIONS,
    PROTOCOL_VERSION,
    Ack,
    Auth,
    AuthResult,
    CreateMailbox,
    DeleteMailbox,
    Done,
    ErrorCode,
    Frame,
    Hello,
    InvalidRequest,
    Lookup,
    Ping,
    PrekeysCount,
    PrekeysFetch,
    PrekeysUpload,
    Publish,
    Request,
    Send,
    Subscribe,
    TokenAdd,
    TokenRevoke,
    UnknownRequest,
    auth_payload,
)
from e2ee_relay.store.changes import StoreFailure
from e2ee_relay.store.shared import (
    DAY_MS,
    AddTokens,
    CloseSubscription,
    EraseMailbox,
    FindMailboxes,
    Gone,
    RevokeTokens,
    TokensFull,
    UseMailbox,
)
from e2ee_relay.store.shared import (
    CreateMailbox as CreateInStore,
)

from .answering import Effect, go_away
from .delivering import NodeDelivery
from .entries import NodeDirectory
from .sending import NodeIntake
from .state import Delivering, NodeConnection, NodeState, Steps
from .upkeep import NodeUpkeep

# A mailbox's day of use is written when it is this old: enough to find abandoned ones, no diary of its owner.
_TOUCH_AFTER_DAYS: Final = 7

_Handler: TypeAlias = Callable[[NodeConnection, Any], Steps]


class NodeCore:
    """One node's logic. One thread; every method returns the effects that the shell has to carry out."""

    def __init__(self, policy: Policy, node: bytes, now_ms: int, poll_s: int = 10) -> None:
        self.state = NodeState(policy, node, now_ms)
        self._delivery = NodeDelivery(self.state)
        self._intake = NodeIntake(self.state, self._delivery)
        self._directory = NodeDirectory(self.state, self._delivery)
        self._upkeep = NodeUpkeep(self.state, self._delivery, self.block, poll_s)
        self._last_connection = 0
        self._table: dict[type[Any], _Handler] = {
            CreateMailbox: self._create,
            Auth: self._auth,
            TokenAdd: self._token_add,
            TokenRevoke: self._token_revoke,
            Send: self._intake.send,
            Subscribe: self._delivery.subscribe,
            Ack: self._delivery.acknowledge,
            Publish: self._directory.publish,
            Lookup: self._directory.lookup,
            PrekeysUpload: self._directory.upload,
            PrekeysCount: self._directory.count,
            PrekeysFetch: self._directory.fetch,
            DeleteMailbox: self._delete,
            Ping: self._ping,
        }

    @property
    def answered_ms(self) -> int:
        """When the database last answered."""
        return self._upkeep.answered_ms

    # --- what the shell calls ---

    def connect(self, nonce: bytes, visitor: bytes = b"") -> tuple[int, list[Effect]]:
        """Open a connection with a fresh nonce of 32 bytes; return its number and the Hello (RLY-10).

        `visitor` stands for the client's address (RLY-144).
        """
        self._last_connection += 1
        connection = NodeConnection(self._last_connection, nonce, visitor)
        self.state.connections[connection.no] = connection
        policy = self.state.policy
        hello = Hello(0, PROTOCOL_VERSION, policy.relay_name, nonce, policy.announced(), OPERATIONS)
        self.state.transmit(connection, hello)
        return connection.no, self.state.collect()

    def receive(self, connection_no: int, frame: Frame, now_ms: int) -> list[Effect]:
        """Begin one request, or have it wait for those before it; each is answered (RLY-07)."""
        self.state.now_ms = now_ms
        connection = cast("NodeConnection", self.state.connections[connection_no])
        if isinstance(frame, UnknownRequest):
            self.state.refuse(connection, frame.request_id, ErrorCode.UNKNOWN_OPERATION)
        elif isinstance(frame, InvalidRequest):
            self.state.refuse(connection, frame.request_id, ErrorCode.BAD_REQUEST)
        else:
            self._admit(connection, cast("Request", frame), now_ms)
        return self.state.collect()

    def _admit(self, connection: NodeConnection, request: Request, now_ms: int) -> None:
        amount = len(request.items) if isinstance(request, Send) else 1
        wait_ms = connection.take("requests", self.state.policy, amount, now_ms)
        if wait_ms:
            self.state.refuse(connection, request.request_id, ErrorCode.RATE_LIMITED, wait_ms)
            return
        connection.waiting.append(request)
        if not connection.is_busy:
            self._begin_waiting(connection)

    def _begin_waiting(self, connection: NodeConnection) -> None:
        connection.is_beginning = True
        while connection.waiting and not connection.is_busy:
            request = connection.waiting.popleft()
            steps = self._table[type(request)](connection, request)
            if self._may_overlap(request):
                self.state.begin(steps, connection.no)
            else:
                connection.is_busy = True
                self.state.begin(steps, connection.no, lambda: self._finished(connection))
        connection.is_beginning = False

    def _may_overlap(self, request: Request) -> bool:
        return isinstance(request, Ack | Ping) or (
            isinstance(request, Send) and self._intake.knows_all(request)
        )

    def _finished(self, connection: NodeConnection) -> None:
        connection.is_busy = False
        if not connection.is_beginning:
            self._begin_waiting(connection)

    def complete(self, then: Callable[[Any, int], None], result: object, now_ms: int) -> list[Effect]:
        """Go on after a commit, or after its failure."""
        self.state.now_ms = now_ms
        then(result, now_ms)
        return self.state.collect()

    def heard(self, data: bytes, now_ms: int) -> list[Effect]:
        """Take a word from another node; what is no word is passed over."""
        self.state.now_ms = now_ms
        try:
            word = decode_word(data)
        except BadWord:
            self.state.counters["bad_words"] += 1
            return []
        self.state.counters["words_heard"] += 1
        for mark in word.marks if isinstance(word, Wake) else (word.mark,):
            delivering = self.state.by_mark(mark)
            if delivering is None:
                continue
            self._heed(word, delivering)
        return self.state.collect()

    def _heed(self, word: Word, delivering: Delivering) -> None:
        if isinstance(word, Wake):
            self._delivery.wake(delivering)
        elif isinstance(word, Ended):
            self._delivery.displace(delivering, word.no)
        elif isinstance(word, Passing):
            self._delivery.pass_on(delivering, word.msg_id, word.body)
        elif isinstance(word, HeldBack):
            self.state.begin(self._delivery.warn_of_held_back(delivering.address), delivering.connection.no)
        else:
            self.state.begin(self._delivery.warn_if_low((delivering.address,)), delivering.connection.no)

    def disconnect(self, connection_no: int) -> None:
        """Forget a connection; what it had not acknowledged stays held. The tick tells the database."""
        connection = cast("NodeConnection", self.state.connections.pop(connection_no))
        connection.is_open = False
        connection.waiting.clear()
        for delivering in list(connection.delivering.values()):
            self.state.leave(delivering)
            self._upkeep.closed.append(CloseSubscription(delivering.address, delivering.no))

    def tick(self, now_ms: int) -> list[Effect]:
        """Bring time forward; call it about once a second."""
        self.state.now_ms = now_ms
        self._upkeep.tick(now_ms)
        return self.state.collect()

    def drain(self, retry_after_ms: int) -> list[Effect]:
        """Tell every client that this node is about to close, some of them later than others (RLY-70)."""
        go_away(self.state, retry_after_ms)
        return self.state.collect()

    def replace_registration_secret(self, secret: bytes | None) -> None:
        """Admit new mailboxes with this secret from now on (RLY-21)."""
        self.state.policy = replace(self.state.policy, registration_secret=secret)

    def block(self, blocked: frozenset[bytes]) -> None:
        """Serve these mailboxes and accounts no longer, and again those that are not among them (RLY-86)."""
        for address in blocked - self.state.blocked:
            delivering = self.state.delivering.get(address)
            if delivering is not None:
                self.state.leave(delivering)
        self.state.blocked = blocked

    # --- mailboxes ---

    def _create(self, connection: NodeConnection, frame: CreateMailbox) -> Steps:
        state, request_id = self.state, frame.request_id
        if frame.mailbox in state.blocked:
            state.refuse(connection, request_id, ErrorCode.DENIED)
            return
        found = yield FindMailboxes((frame.mailbox,))
        if isinstance(found, StoreFailure):
            state.unavailable(connection, request_id)
            return
        existing = found.get(frame.mailbox)
        if existing is not None and existing.owner_pub == frame.owner_pub:
            state.transmit(connection, Done(request_id))
            return
        code, wait_ms = state.may_create(connection, frame, state.now_ms)
        if code is ErrorCode.OK and existing is not None:
            code = ErrorCode.DENIED
        if code is not ErrorCode.OK:
            state.refuse(connection, request_id, code, wait_ms)
            return
        owner_pub = yield CreateInStore(frame.mailbox, frame.owner_pub, state.now_ms)
        if owner_pub == frame.owner_pub:
            state.counters["mailboxes_created"] += 1
            state.transmit(connection, Done(request_id))
        elif isinstance(owner_pub, StoreFailure):
            state.unavailable(connection, request_id)
        else:
            state.refuse(connection, request_id, ErrorCode.DENIED)

    def _auth(self, connection: NodeConnection, frame: Auth) -> Steps:
        state, policy, request_id = self.state, self.state.policy, frame.request_id
        wait_ms = connection.take("auths", policy, 1, state.now_ms)
        if wait_ms:
            state.refuse(connection, request_id, ErrorCode.RATE_LIMITED, wait_ms)
            return
        if len(set(connection.keys) | set(frame.mailboxes)) > policy.max_mailboxes:
            state.refuse(connection, request_id, ErrorCode.TOO_LARGE)
            return
        signed = auth_payload(policy.relay_name, connection.nonce, frame.mailboxes)
        if not signature_is_valid(frame.owner_pub, signed, frame.signature):
            state.refuse(connection, request_id, ErrorCode.AUTH_FAILED)
            return
        found = yield FindMailboxes(frame.mailboxes)
        if isinstance(found, StoreFailure):
            state.unavailable(connection, request_id)
            return
        refused: list[bytes] = []
        for address in frame.mailboxes:
            standing = None if address in state.blocked else found.get(address)
            if standing is None or standing.owner_pub != frame.owner_pub:
                refused.append(address)
                continue
            connection.keys[address] = frame.owner_pub
            today = state.now_ms // DAY_MS
            if today - standing.used_day >= _TOUCH_AFTER_DAYS:
                state.ask(UseMailbox(address, today), connection.no, _nothing_more)
        state.transmit(connection, AuthResult(request_id, tuple(refused)))

    def _token_add(self, connection: NodeConnection, frame: TokenAdd) -> Steps:
        key = self.state.key_of(connection, frame.mailbox)
        result: object = Gone()
        if key is not None:
            most = self.state.policy.max_tokens
            result = yield AddTokens(frame.mailbox, key, frame.token_hashes, int(frame.token_class), most)
        self._answer_owner(connection, frame.request_id, result)

    def _token_revoke(self, connection: NodeConnection, frame: TokenRevoke) -> Steps:
        key = self.state.key_of(connection, frame.mailbox)
        result: object = Gone()
        if key is not None:
            result = yield RevokeTokens(frame.mailbox, key, frame.token_hashes)
            for one in frame.token_hashes:
                self.state.tokens.pop((frame.mailbox, one), None)
        self._answer_owner(connection, frame.request_id, result)

    def _delete(self, connection: NodeConnection, frame: DeleteMailbox) -> Steps:
        key = self.state.key_of(connection, frame.mailbox)
        result: object = Gone()
        if key is not None:
            result = yield EraseMailbox(frame.mailbox, key)
            delivering = self.state.delivering.get(frame.mailbox)
            if result is None and delivering is not None:
                self.state.leave(delivering)
        self._answer_owner(connection, frame.request_id, result)

    def _answer_owner(self, connection: NodeConnection, request_id: int, result: object) -> None:
        if isinstance(result, Gone):
            self.state.refuse(connection, request_id, ErrorCode.NOT_AUTHENTICATED)
        elif isinstance(result, TokensFull):
            self.state.refuse(connection, request_id, ErrorCode.QUOTA)
        elif isinstance(result, StoreFailure):
            self.state.unavailable(connection, request_id)
        else:
            self.state.transmit(connection, Done(request_id))

    def _ping(self, connection: NodeConnection, frame: Ping) -> Steps:
        self.state.transmit(connection, Done(frame.request_id))
        yield from ()


def _nothing_more(_result: object, _now_ms: int) -> None:
    """A day of use that could not be written is written at another time."""
