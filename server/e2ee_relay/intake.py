"""SEND: who may write, how much, and the answer after the commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from .delivery import Delivery
from .mailbox import Connection, HeldMessage, Mailbox, Token
from .protocol import (
    ErrorCode,
    Message,
    Send,
    SendItem,
    SendResult,
    SendResults,
    TokenClass,
    TtlClass,
    hour_of,
    pow_context_send,
    pow_is_enough,
    token_hash,
)
from .state import RelayState
from .store.changes import MessageRow, PutMessages, Result, StoreFailure

_OK: Final = SendResult(ErrorCode.OK)
_HOUR_MS: Final = 3_600_000
_RETRY_QUOTA_MS: Final = 60_000
_RETRY_UNAVAILABLE_MS: Final = 2_000


class _Waiting(NamedTuple):
    """An item whose result hangs on a commit: its own row, or one that is already on its way."""

    mailbox: Mailbox
    msg_id: bytes
    row: MessageRow | None


class Intake:
    """Takes messages in."""

    def __init__(self, state: RelayState, delivery: Delivery) -> None:
        self._state = state
        self._delivery = delivery

    def send(self, connection: Connection, frame: Send, now_ms: int) -> None:
        """Judge each item by itself; answer all of them after one commit (RLY-30)."""
        if len(frame.items) > self._state.policy.max_send_items:
            self._state.refuse(connection, frame.request_id, ErrorCode.TOO_LARGE)
            return
        verdicts = [self._judge(item, now_ms) for item in frame.items]
        rows: list[MessageRow] = []
        fresh: dict[Mailbox, dict[int, bytes]] = {}
        is_waiting = False
        for one in verdicts:
            if type(one) is _Waiting:
                is_waiting = True
                row = one.row
                if row is not None:
                    rows.append(row)
                    bodies = fresh.get(one.mailbox)
                    if bodies is None:
                        bodies = fresh[one.mailbox] = {}
                    bodies[row.seq] = row.body
        if not is_waiting:
            self._answer(
                connection, frame.request_id, [one for one in verdicts if isinstance(one, SendResult)]
            )
            return
        self._state.submit(PutMessages(tuple(rows)), self._settle(connection, frame.request_id, verdicts))
        # Delivery overlaps the commit; the answer waits for it (RLY-30, RLY-90).
        for mailbox, bodies in fresh.items():
            self._delivery.arrived(mailbox, bodies, now_ms)

    def _settle(
        self, connection: Connection, request_id: int, verdicts: list[SendResult | _Waiting]
    ) -> Callable[[Result, int], None]:
        def then(result: Result, now_ms: int) -> None:
            committed = not isinstance(result, StoreFailure)
            for one in verdicts:
                if type(one) is _Waiting and one.row is not None:
                    self._record(one.mailbox, one.row, committed)
            results = [
                one if isinstance(one, SendResult) else self._outcome(one, committed, now_ms)
                for one in verdicts
            ]
            self._answer(connection, request_id, results)

        return then

    def _record(self, mailbox: Mailbox, row: MessageRow, committed: bool) -> None:
        if not committed:
            mailbox.abandon(row.msg_id)
            return
        mailbox.settle(row.msg_id)
        self._state.counters["accepted"] += 1
        self._state.counters["accepted_bytes"] += len(row.body)

    def _outcome(self, one: _Waiting, committed: bool, now_ms: int) -> SendResult:
        if committed and one.row is not None:
            return _OK
        # Another item with this id was committed, or the owner has acknowledged what was not (RLY-30). One
        # that came after a failure and is on its way itself says nothing yet.
        mailbox, msg_id = one.mailbox, one.msg_id
        is_on_disk = msg_id in mailbox.seq_of and msg_id not in mailbox.pending
        if is_on_disk or self._state.remembered.knows(mailbox.no, msg_id, now_ms):
            return _OK
        if one.mailbox.is_closing:
            return SendResult(ErrorCode.DENIED)
        return SendResult(ErrorCode.UNAVAILABLE, _RETRY_UNAVAILABLE_MS)

    def _answer(self, connection: Connection, request_id: int, results: list[SendResult]) -> None:
        for result in results:
            if result.code is not ErrorCode.OK:
                self._state.refusals[result.code] += 1
        self._state.transmit(connection, SendResults(request_id, tuple(results)))

    def _judge(self, item: SendItem, now_ms: int) -> SendResult | _Waiting:
        # No way out before the token: an unknown mailbox costs what an unknown token does (RLY-31).
        hashed = token_hash(item.token)
        mailbox, is_open = self._state.addressed(item.mailbox)
        token = mailbox.tokens.get(hashed)
        if token is None or not is_open:
            return SendResult(ErrorCode.DENIED)
        if len(item.body) > self._state.policy.max_body_b:
            return SendResult(ErrorCode.TOO_LARGE)
        if item.msg_id in mailbox.pending:
            return _Waiting(mailbox, item.msg_id, None)
        if item.msg_id in mailbox.seq_of or self._state.remembered.knows(mailbox.no, item.msg_id, now_ms):
            return _OK
        refused = self._afford(mailbox, token, item, now_ms)
        if refused is not None:
            return refused
        return (
            self._push_now(mailbox, item, now_ms)
            if item.ttl is TtlClass.EPHEMERAL
            else self._row(mailbox, item, now_ms)
        )

    def _afford(self, mailbox: Mailbox, token: Token, item: SendItem, now_ms: int) -> SendResult | None:
        policy = self._state.policy
        if token.token_class is TokenClass.FRONT_DOOR and not pow_is_enough(
            pow_context_send(item.mailbox, item.msg_id), item.pow, policy.pow_bits_send
        ):
            return SendResult(ErrorCode.POW_REQUIRED)
        size_b = len(item.body)
        if mailbox.message_count >= policy.quota_messages or mailbox.held_b + size_b > policy.quota_b:
            return SendResult(ErrorCode.QUOTA, _RETRY_QUOTA_MS)
        wait_ms = self._state.charge(token, item.mailbox, size_b, now_ms)
        return SendResult(ErrorCode.RATE_LIMITED, wait_ms) if wait_ms else None

    def _push_now(self, mailbox: Mailbox, item: SendItem, now_ms: int) -> SendResult:
        # The answer is OK in any case: it must not tell whether the owner is there (RLY-40).
        subscription = mailbox.subscription
        if subscription is not None and subscription.has_room(len(item.body), self._state.policy):
            frame = Message(0, mailbox.address, 0, item.msg_id, item.body, self._state.told_hour_ms(now_ms))
            self._state.transmit(subscription.connection, frame)
        return _OK

    def _row(self, mailbox: Mailbox, item: SendItem, now_ms: int) -> _Waiting:
        state = self._state
        state.last_row_id += 1
        row_id, seq, size_b = state.last_row_id, mailbox.next_seq(), len(item.body)
        expires_ms, received_ms = self._expiry(item.ttl, now_ms), state.told_hour_ms(now_ms)
        row = MessageRow(row_id, mailbox.no, seq, item.msg_id, expires_ms, received_ms, item.body)
        mailbox.take_in(seq, HeldMessage(row_id, item.msg_id, size_b, expires_ms, received_ms))
        if item.ttl is TtlClass.MINUTE:
            state.short_lived.append((row.expires_ms, mailbox, row.seq))
        return _Waiting(mailbox, item.msg_id, row)

    def _expiry(self, ttl: TtlClass, now_ms: int) -> int:
        if ttl is TtlClass.MINUTE:
            return now_ms + self._state.policy.minute_s * 1000
        # Counted from the end of the hour: the time of expiry tells no more than the time of arrival does
        # (RLY-34).
        return hour_of(now_ms) + _HOUR_MS + self._state.policy.retention_s * 1000
