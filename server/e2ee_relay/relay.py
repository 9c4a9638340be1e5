"""The relay without sockets, clock, disk and randomness: requests in, effects out.

How to read it. A shell opens a connection with `connect` and gives each decoded frame to `receive`. What is
to be done comes back as effects: frames to transmit, and changes for the store. When a change has been
committed (or could not be), the shell calls `complete` with the change's continuation and its result, which
gives effects again: this is where OK is said. `tick` brings time forward. Steps never wait, so one thread
suffices; the order of effects is the order of things on each connection.

The parts: Intake (SEND), Delivery (SUBSCRIBE, ACK), Directory (PUBLISH, LOOKUP, prekeys), Upkeep (time).
They share one RelayState. This module has the table of operations, and those about mailboxes themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from .delivery import Delivery
from .directory import Directory
from .entry import signature_is_valid
from .intake import Intake
from .limits import Policy
from .mailbox import Connection, Mailbox, Token
from .protocol import (
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
    GoAway,
    Hello,
    Lookup,
    Ping,
    PrekeysCount,
    PrekeysFetch,
    PrekeysUpload,
    Publish,
    Send,
    Subscribe,
    TokenAdd,
    TokenRevoke,
    UnknownRequest,
    auth_payload,
)
from .state import Answering, Effect, RelayState, Then
from .store.changes import (
    DropTokens,
    Held,
    MailboxRow,
    PutMailbox,
    PutTokens,
    Result,
    StoreFailure,
    TokenRow,
    TouchMailbox,
)
from .upkeep import Upkeep

_DAY_MS: Final = 86_400_000
# So many clients are asked to come back at a time, and the next ones so much later (RLY-70).
_BACK_AT_ONCE: Final = 50
_APART_MS: Final = 50
# A mailbox's day of use is written when it is this old: enough to find abandoned ones, no diary of its owner.
_TOUCH_AFTER_DAYS: Final = 7


class RelayCore:
    """The relay's logic. One thread; every method returns the effects that the shell has to carry out."""

    def __init__(self, policy: Policy, held: Held, now_ms: int) -> None:
        self.state = RelayState(policy, held, now_ms)
        self._delivery = Delivery(self.state)
        self._intake = Intake(self.state, self._delivery)
        self._directory = Directory(self.state)
        self._upkeep = Upkeep(self.state, self._delivery, self._directory)
        self._last_connection = 0
        self._table: dict[type[Frame], Callable[..., object]] = {
            CreateMailbox: self._create,
            Auth: self._auth,
            TokenAdd: self._token_add,
            TokenRevoke: self._token_revoke,
            Send: self._intake.send,
            Subscribe: self._subscribe,
            Ack: self._delivery.acknowledge,
            Publish: self._directory.publish,
            Lookup: self._directory.lookup,
            PrekeysUpload: self._directory.upload,
            PrekeysCount: self._directory.count,
            PrekeysFetch: self._directory.fetch,
            DeleteMailbox: self._delete,
            Ping: self._ping,
        }

    # --- what the shell calls ---

    def connect(self, nonce: bytes, visitor: bytes = b"") -> tuple[int, list[Effect]]:
        """Open a connection with a fresh nonce of 32 bytes; return its number and the Hello (RLY-10).

        `visitor` stands for the client's address (RLY-144).
        """
        self._last_connection += 1
        connection = Connection(self._last_connection, nonce, visitor)
        self.state.connections[connection.no] = connection
        policy = self.state.policy
        hello = Hello(0, PROTOCOL_VERSION, policy.relay_name, nonce, policy.announced(), OPERATIONS)
        self.state.transmit(connection, hello)
        return connection.no, self.state.collect()

    def receive(self, connection_no: int, frame: Frame, now_ms: int) -> list[Effect]:
        """Carry out one request; every request is answered, now or after its commit (RLY-07)."""
        connection = self.state.connections[connection_no]
        handle = self._table.get(type(frame))
        if handle is not None:
            amount = len(frame.items) if type(frame) is Send else 1
            wait_ms = connection.take("requests", self.state.policy, amount, now_ms)
            if wait_ms:
                self.state.refuse(connection, frame.request_id, ErrorCode.RATE_LIMITED, wait_ms)
            else:
                handle(connection, frame, now_ms)
        else:
            unknown = isinstance(frame, UnknownRequest)
            code = ErrorCode.UNKNOWN_OPERATION if unknown else ErrorCode.BAD_REQUEST
            self.state.refuse(connection, frame.request_id, code)
        return self.state.collect()

    def complete(self, then: Then, result: Result, now_ms: int) -> list[Effect]:
        """Go on after a commit, or after its failure."""
        then(result, now_ms)
        return self.state.collect()

    def disconnect(self, connection_no: int) -> None:
        """Forget a connection; what it had not acknowledged stays held."""
        connection = self.state.connections.pop(connection_no)
        connection.is_open = False
        for mailbox in connection.owned.values():
            if mailbox.subscription is not None and mailbox.subscription.connection is connection:
                self._delivery.end(mailbox)

    def tick(self, now_ms: int) -> list[Effect]:
        """Bring time forward: expiry, forgotten buckets, purges; call it about once a second."""
        self._upkeep.tick(now_ms)
        return self.state.collect()

    def drain(self, retry_after_ms: int) -> list[Effect]:
        """Tell every client that the relay is about to close, some of them later than others."""
        go_away(self.state, retry_after_ms)
        return self.state.collect()

    def replace_registration_secret(self, secret: bytes | None) -> None:
        """Admit new mailboxes with this secret from now on (RLY-21)."""
        self.state.policy = replace(self.state.policy, registration_secret=secret)

    def block(self, blocked: frozenset[bytes]) -> None:
        """Serve these mailboxes and accounts no longer, and again those that are not among them (RLY-86)."""
        for address in blocked - self.state.blocked:
            mailbox = self.state.mailboxes.get(address)
            if mailbox is not None:
                self._delivery.end(mailbox)
        self.state.blocked = blocked

    # --- mailboxes ---

    def _create(self, connection: Connection, frame: CreateMailbox, now_ms: int) -> None:
        if frame.mailbox in self.state.blocked:
            self.state.refuse(connection, frame.request_id, ErrorCode.DENIED)
            return
        existing = self.state.mailboxes.get(frame.mailbox)
        if existing is not None and existing.owner_pub == frame.owner_pub and not existing.is_closing:
            self.state.transmit(connection, Done(frame.request_id))
            return
        code, wait_ms = self.state.may_create(connection, frame, now_ms)
        if code is ErrorCode.OK and existing is not None:
            code = ErrorCode.DENIED
        if code is not ErrorCode.OK:
            self.state.refuse(connection, frame.request_id, code, wait_ms)
            return
        self.state.last_mailbox_no += 1
        mailbox = Mailbox(
            self.state.last_mailbox_no,
            frame.mailbox,
            frame.owner_pub,
            now_ms // _DAY_MS,
            self.state.generation,
        )
        row = MailboxRow(mailbox.no, mailbox.address, mailbox.owner_pub, mailbox.used_day)
        self.state.add_mailbox(mailbox)
        self.state.counters["mailboxes_created"] += 1
        self.state.submit(PutMailbox(row), self._created(connection, frame.request_id, mailbox))

    def _created(self, connection: Connection, request_id: int, mailbox: Mailbox) -> Then:
        def then(result: Result, _now_ms: int) -> None:
            if isinstance(result, StoreFailure):
                self.state.drop_mailbox(mailbox)
            self.state.answer_done(connection, request_id, result)

        return then

    def _auth(self, connection: Connection, frame: Auth, now_ms: int) -> None:
        wait_ms = connection.take("auths", self.state.policy, 1, now_ms)
        if wait_ms:
            self.state.refuse(connection, frame.request_id, ErrorCode.RATE_LIMITED, wait_ms)
            return
        if len(set(connection.owned) | set(frame.mailboxes)) > self.state.policy.max_mailboxes:
            self.state.refuse(connection, frame.request_id, ErrorCode.TOO_LARGE)
            return
        signed = auth_payload(self.state.policy.relay_name, connection.nonce, frame.mailboxes)
        if not signature_is_valid(frame.owner_pub, signed, frame.signature):
            self.state.refuse(connection, frame.request_id, ErrorCode.AUTH_FAILED)
            return
        refused = [
            address
            for address in frame.mailboxes
            if not self._adopt(connection, address, frame.owner_pub, now_ms)
        ]
        self.state.transmit(connection, AuthResult(frame.request_id, tuple(refused)))

    def _adopt(self, connection: Connection, address: bytes, owner_pub: bytes, now_ms: int) -> bool:
        mailbox = None if address in self.state.blocked else self.state.mailboxes.get(address)
        if mailbox is None or mailbox.owner_pub != owner_pub:
            return False
        connection.owned[address] = mailbox
        today = now_ms // _DAY_MS
        if today - mailbox.used_day >= _TOUCH_AFTER_DAYS:
            mailbox.used_day = today
            self.state.submit(TouchMailbox(mailbox.no, today), _nothing_more)
        return True

    def _subscribe(self, connection: Connection, frame: Subscribe, now_ms: int) -> None:
        for mailbox in self._delivery.subscribe(connection, frame, now_ms):
            self._directory.warn_if_low(mailbox)

    def _token_add(self, connection: Connection, frame: TokenAdd, _now_ms: int) -> None:
        mailbox = self.state.owned(connection, frame.mailbox)
        if mailbox is None:
            self.state.refuse(connection, frame.request_id, ErrorCode.NOT_AUTHENTICATED)
            return
        if len(mailbox.tokens.keys() | set(frame.token_hashes)) > self.state.policy.max_tokens:
            self.state.refuse(connection, frame.request_id, ErrorCode.QUOTA)
            return
        rows = tuple(TokenRow(mailbox.no, one, int(frame.token_class)) for one in frame.token_hashes)

        def committed() -> None:
            mailbox.tokens.update({one: Token(frame.token_class) for one in frame.token_hashes})

        self.state.submit_and_answer(connection, frame.request_id, PutTokens(rows), committed)

    def _token_revoke(self, connection: Connection, frame: TokenRevoke, _now_ms: int) -> None:
        mailbox = self.state.owned(connection, frame.mailbox)
        if mailbox is None:
            self.state.refuse(connection, frame.request_id, ErrorCode.NOT_AUTHENTICATED)
            return

        def committed() -> None:
            for one in frame.token_hashes:
                mailbox.tokens.pop(one, None)

        change = DropTokens(mailbox.no, frame.token_hashes)
        self.state.submit_and_answer(connection, frame.request_id, change, committed)

    def _delete(self, connection: Connection, frame: DeleteMailbox, _now_ms: int) -> None:
        mailbox = self.state.owned(connection, frame.mailbox)
        if mailbox is None:
            self.state.refuse(connection, frame.request_id, ErrorCode.NOT_AUTHENTICATED)
            return
        mailbox.is_closing = True
        self._delivery.end(mailbox)
        change = self._directory.removal_of(mailbox)
        self.state.submit(change, self._deleted(connection, frame.request_id, mailbox))

    def _deleted(self, connection: Connection, request_id: int, mailbox: Mailbox) -> Then:
        def then(result: Result, _now_ms: int) -> None:
            if isinstance(result, StoreFailure):
                mailbox.is_closing = False
            else:
                self._directory.forget_mailbox(mailbox.address)
                self.state.drop_mailbox(mailbox)
            self.state.answer_done(connection, request_id, result)

        return then

    def _ping(self, connection: Connection, frame: Ping, _now_ms: int) -> None:
        self.state.transmit(connection, Done(frame.request_id))


def go_away(state: Answering, retry_after_ms: int) -> None:
    """Send everybody away (RLY-70).

    A relay that starts again greets about a thousand clients a second; all at once would be turned away.
    """
    state.is_draining = True
    for place, connection in enumerate(state.connections.values()):
        state.transmit(connection, GoAway(0, retry_after_ms + place // _BACK_AT_ONCE * _APART_MS))


def _nothing_more(_result: Result, _now_ms: int) -> None:
    """A day of use that could not be written is written at another time."""
