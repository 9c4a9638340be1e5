"""What time brings on a node: the slow poll, blocked ids, upkeep of the database, forgotten buckets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from e2ee_relay.store.shared import (
    DAY_MS,
    CloseSubscription,
    ExpireShortLived,
    FindMailboxes,
    KeepUp,
    Kept,
    ReadBlocked,
)

from .delivering import NodeDelivery
from .state import Delivering, NodeConnection, NodeState

_SHORT_LIVED_EVERY_MS: Final = 10_000
_KEEP_UP_EVERY_MS: Final = 60_000
_FORGET_EVERY_MS: Final = 600_000
_CLOSE_AT_ONCE: Final = 500
_LANE: Final = 0


class NodeUpkeep:
    """Runs on the shell's tick."""

    def __init__(
        self, state: NodeState, delivery: NodeDelivery, block: Callable[[frozenset[bytes]], None], poll_s: int
    ) -> None:
        self._state = state
        self._delivery = delivery
        self._block = block
        self._poll_s = poll_s
        self._to_poll: list[Delivering] = []
        self._due_ms = {_SHORT_LIVED_EVERY_MS: 0, _KEEP_UP_EVERY_MS: 0, _FORGET_EVERY_MS: 0}
        self.closed: list[CloseSubscription] = []
        self.answered_ms = state.now_ms  # when the database last answered

    def tick(self, now_ms: int) -> None:
        """Do what is due."""
        self._state.forget_visitors(now_ms)
        self._state.ask(ReadBlocked(), _LANE, self._read_blocked)
        closed, self.closed = self.closed[:_CLOSE_AT_ONCE], self.closed[_CLOSE_AT_ONCE:]
        for one in closed:
            self._state.ask(one, _LANE, _nothing_more)
        for connection in list(self._state.connections.values()):
            if isinstance(connection, NodeConnection) and connection.postponed:
                self._delivery.pump_postponed(connection)
        self._poll()
        if self._is_due(_SHORT_LIVED_EVERY_MS, now_ms):
            self._state.ask(ExpireShortLived(now_ms), _LANE, self._kept)
        if self._is_due(_KEEP_UP_EVERY_MS, now_ms):
            policy = self._state.policy
            abandoned_day = (now_ms - policy.abandoned_s * 1000) // DAY_MS
            change = KeepUp(now_ms, policy.retention_s, policy.remembered_s, abandoned_day)
            self._state.ask(change, _LANE, self._kept)
        if self._is_due(_FORGET_EVERY_MS, now_ms):
            self._forget(now_ms)

    def _is_due(self, every_ms: int, now_ms: int) -> bool:
        if now_ms < self._due_ms[every_ms]:
            return False
        self._due_ms[every_ms] = now_ms + every_ms
        return True

    def _read_blocked(self, result: object, now_ms: int) -> None:
        if isinstance(result, frozenset):
            self.answered_ms = now_ms
            if result != self._state.blocked:
                self._block(result)

    def _kept(self, result: object, _now_ms: int) -> None:
        if isinstance(result, Kept):
            self._state.counters["expired"] += result.expired

    # --- the slow poll: what a lost word would have told of (RLY-105) ---

    def _poll(self) -> None:
        """Look at a part of the subscriptions, so that each has been looked at after `poll_s` ticks."""
        if not self._to_poll:
            self._to_poll = list(self._state.delivering.values())
        most = -(-len(self._state.delivering) // self._poll_s)
        part, self._to_poll = self._to_poll[:most], self._to_poll[most:]
        if part:
            change = FindMailboxes(tuple(one.address for one in part))
            self._state.ask(change, _LANE, lambda found, _now_ms: self._polled(part, found))

    def _polled(self, part: list[Delivering], found: object) -> None:
        if not isinstance(found, dict):
            return
        for one in part:
            if self._state.delivering.get(one.address) is not one:
                continue
            standing = found.get(one.address)
            if standing is None or standing.owner_pub != one.owner_pub:
                self._state.leave(one)
            elif standing.subscription_no != one.no:
                self._delivery.displace(one, standing.subscription_no)
            elif standing.last_seq >= one.expected and not one.is_due and not one.is_reading:
                self._state.counters["found_by_poll"] += 1
                self._delivery.wake(one)

    def _forget(self, now_ms: int) -> None:
        for pair, token in list(self._state.tokens.items()):
            token.forget_full(now_ms)
            if token.is_idle:
                del self._state.tokens[pair]
        self._state.forget_full(now_ms)


def _nothing_more(_result: object, _now_ms: int) -> None:
    """A subscription that could not be closed leads words to nobody."""
