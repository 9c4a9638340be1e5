"""SEND on a node: what is judged here before the transaction that stores, and the answer after its commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from e2ee_relay.bus import Passing, Wake, mark_of
from e2ee_relay.protocol import (
    ErrorCode,
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
from e2ee_relay.store.changes import StoreFailure
from e2ee_relay.store.shared import (
    DAY_MS,
    HOUR_MS,
    FindKnown,
    FindTokens,
    Incoming,
    Outcome,
    StoreMessages,
    Verdict,
)

from .answering import Token
from .delivering import NodeDelivery
from .state import NodeConnection, NodeState, Steps

_OK: Final = SendResult(ErrorCode.OK)
_DENIED: Final = SendResult(ErrorCode.DENIED)
_RETRY_QUOTA_MS: Final = 60_000
_RETRY_UNAVAILABLE_MS: Final = 2_000


class NodeIntake:
    """Takes messages in."""

    def __init__(self, state: NodeState, delivery: NodeDelivery) -> None:
        self._state = state
        self._delivery = delivery

    def knows_all(self, frame: Send) -> bool:
        """Tell whether one question suffices: all tokens have been seen, nothing is ephemeral."""
        return all(
            item.ttl is not TtlClass.EPHEMERAL
            and (item.mailbox, token_hash(item.token)) in self._state.tokens
            for item in frame.items
        )

    def send(self, connection: NodeConnection, frame: Send) -> Steps:
        """Judge each item by itself; answer all of them after one commit (RLY-30, RLY-31)."""
        state = self._state
        if len(frame.items) > state.policy.max_send_items:
            state.refuse(connection, frame.request_id, ErrorCode.TOO_LARGE)
            return
        pairs = [(item.mailbox, token_hash(item.token)) for item in frame.items]
        subscribers = yield from self._look_up(frame.items, pairs)
        if subscribers is None:
            unavailable = SendResult(ErrorCode.UNAVAILABLE, _RETRY_UNAVAILABLE_MS)
            self._answer(connection, frame.request_id, [unavailable] * len(pairs))
            return
        results: list[SendResult | None] = []
        rows: list[Incoming] = []
        for item, pair in zip(frame.items, pairs, strict=True):
            refused = self._judge(item, pair)
            if refused is None and item.ttl is TtlClass.EPHEMERAL:
                self._pass_on(item, subscribers.get(pair))
                refused = _OK
            elif refused is None:
                rows.append(self._row(item, pair[1]))
            results.append(refused)
        outcomes = iter((yield from self._store(rows)) if rows else ())
        settled = [next(outcomes) if one is None else one for one in results]
        yield from self._admit_repetitions(frame.items, settled)
        self._answer(connection, frame.request_id, settled)

    def _look_up(self, items: Sequence[SendItem], pairs: list[tuple[bytes, bytes]]) -> Steps:
        """Ask for tokens not known here, and for who is there; return subscribers, None on failure."""
        state = self._state
        asked = tuple(
            pair
            for item, pair in zip(items, pairs, strict=True)
            if pair not in state.tokens or item.ttl is TtlClass.EPHEMERAL
        )
        found = (yield FindTokens(asked)) if asked else []
        if isinstance(found, StoreFailure):
            return None
        for pair, standing in zip(asked, found, strict=True):
            if standing.token_class:
                self._learn(pair, standing.token_class)
            else:
                state.tokens.pop(pair, None)
        return {pair: standing.subscriber for pair, standing in zip(asked, found, strict=True)}

    def _admit_repetitions(self, items: Sequence[SendItem], results: list[SendResult]) -> Steps:
        """Whoever missed an answer may ask as often as it needs: what is known is answered OK (RLY-32)."""
        limited: dict[tuple[bytes, bytes], list[int]] = {}
        for place, (item, result) in enumerate(zip(items, results, strict=True)):
            if result.code is ErrorCode.RATE_LIMITED:
                limited.setdefault((item.mailbox, item.msg_id), []).append(place)
        known = (yield FindKnown(tuple(limited), self._state.now_ms)) if limited else set()
        for pair in known if isinstance(known, set) else ():
            for place in limited[pair]:
                results[place] = _OK

    def _learn(self, pair: tuple[bytes, bytes], token_class: int) -> None:
        known = self._state.tokens.get(pair)
        if known is None or known.token_class != token_class:
            self._state.tokens[pair] = Token(TokenClass(token_class))

    def _judge(self, item: SendItem, pair: tuple[bytes, bytes]) -> SendResult | None:
        state = self._state
        token = state.tokens.get(pair)
        if token is None or item.mailbox in state.blocked:
            return _DENIED
        if len(item.body) > state.policy.max_body_b:
            return SendResult(ErrorCode.TOO_LARGE)
        if token.token_class is TokenClass.FRONT_DOOR and not pow_is_enough(
            pow_context_send(item.mailbox, item.msg_id), item.pow, state.policy.pow_bits_send
        ):
            return SendResult(ErrorCode.POW_REQUIRED)
        wait_ms = state.charge(token, item.mailbox, len(item.body), state.now_ms)
        return SendResult(ErrorCode.RATE_LIMITED, wait_ms) if wait_ms else None

    def _row(self, item: SendItem, hashed: bytes) -> Incoming:
        state = self._state
        if item.ttl is TtlClass.MINUTE:
            expires_ms, expires_day = state.now_ms + state.policy.minute_s * 1000, 0
        else:
            # Counted from the end of the hour: it tells no more than the time of arrival does (RLY-34).
            expires_ms = hour_of(state.now_ms) + HOUR_MS + state.policy.retention_s * 1000
            expires_day = expires_ms // DAY_MS
        received_ms = state.told_hour_ms(state.now_ms)
        return Incoming(item.mailbox, hashed, item.msg_id, expires_ms, expires_day, received_ms, item.body)

    def _store(self, rows: list[Incoming]) -> Steps:
        state = self._state
        policy = state.policy
        outcomes = yield StoreMessages(tuple(rows), policy.quota_messages, policy.quota_b, state.now_ms)
        if isinstance(outcomes, StoreFailure):
            for row in rows:
                self._give_back(row)
            return [SendResult(ErrorCode.UNAVAILABLE, _RETRY_UNAVAILABLE_MS)] * len(rows)
        woken: dict[bytes, dict[bytes, None]] = {}
        for row, outcome in zip(rows, outcomes, strict=True):
            if outcome.verdict is Verdict.STORED:
                state.counters["accepted"] += 1
                state.counters["accepted_bytes"] += len(row.body)
                if outcome.subscriber == state.node:
                    self._delivery.arrived(row.mailbox, outcome.seq, row)
                elif outcome.subscriber is not None:
                    woken.setdefault(outcome.subscriber, {})[mark_of(row.mailbox)] = None
        for node, marks in woken.items():
            state.tell(node, Wake(tuple(marks)))
        return [self._result(row, outcome) for row, outcome in zip(rows, outcomes, strict=True)]

    def _result(self, row: Incoming, outcome: Outcome) -> SendResult:
        if outcome.verdict is Verdict.STORED:
            return _OK
        self._give_back(row)
        if outcome.verdict is Verdict.KNOWN:
            return _OK
        if outcome.verdict is Verdict.OVER_QUOTA:
            return SendResult(ErrorCode.QUOTA, _RETRY_QUOTA_MS)
        self._state.tokens.pop((row.mailbox, row.token_hash), None)
        return _DENIED

    def _give_back(self, row: Incoming) -> None:
        token = self._state.tokens.get((row.mailbox, row.token_hash))
        if token is not None:
            token.give_back(len(row.body))
        self._state.mailbox_allowances.give_back(row.mailbox, len(row.body))

    def _pass_on(self, item: SendItem, subscriber: bytes | None) -> None:
        # The answer is OK in any case: it must not tell whether the owner is there (RLY-40).
        state = self._state
        if subscriber == state.node:
            self._delivery.pass_on(state.delivering.get(item.mailbox), item.msg_id, item.body)
        elif subscriber is not None:
            state.tell(subscriber, Passing(mark_of(item.mailbox), item.msg_id, item.body))

    def _answer(self, connection: NodeConnection, request_id: int, results: list[SendResult]) -> None:
        for result in results:
            if result.code is not ErrorCode.OK:
                self._state.refusals[result.code] += 1
        self._state.transmit(connection, SendResults(request_id, tuple(results)))
