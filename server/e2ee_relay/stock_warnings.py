"""Owners are told of prekeys that run low, or are held back (RLY-67, RLY-165)."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Final

from .delivery import Delivery
from .limits import Policy, SharedLimits
from .protocol import LowPrekeys
from .store.api import DeviceStock, HandedOut, Op, Refusal, Stocks

_LATER_MS: Final = 60_000


class StockWarnings:
    """Pushes LOW_PREKEYS to those who are subscribed on this node."""

    def __init__(
        self,
        delivery: Delivery,
        shared: SharedLimits,
        policy: Policy,
        now_ms: Callable[[], int],
        counters: Counter[str],
    ) -> None:
        self._delivery = delivery
        self._shared = shared
        self._policy = policy
        self._now_ms = now_ms
        self._counters = counters
        self._later: OrderedDict[bytes, int] = OrderedDict()  # mailboxes to be looked at, and when

    def may_look(self, asked: Stocks) -> bool:
        """Tell whether stocks are to be looked at now; else they are a minute later (RLY-267)."""
        now_ms, mailbox = self._now_ms(), asked.mailbox
        may = self._shared.may_look_at_stocks(mailbox, now_ms, are_held_back=asked.are_held_back)
        if asked.are_held_back:
            return may
        if may:
            self._later.pop(mailbox, None)
        else:
            self._later.setdefault(mailbox, now_ms + _LATER_MS)
        return may

    def due(self) -> list[bytes]:
        """Take out the mailboxes whose stocks were to be looked at later, by now."""
        now_ms, due = self._now_ms(), list[bytes]()
        while self._later and next(iter(self._later.values())) <= now_ms:
            due.append(self._later.popitem(last=False)[0])
        return due

    def handed_out(self, given: HandedOut) -> None:
        """Look at what a fetch has left, or whether it was beyond the device's bucket."""
        mailbox = given.box.address
        if not given.is_held_back:
            left = (given.left_x25519, given.left_kem)
            self._warn(mailbox, given.account_id, given.record_hash, left)
        elif self._shared.may_tell_held_back(given.record_hash, self._now_ms()):
            self._warn(mailbox, given.account_id, given.record_hash, (0, 0))

    def looked_at(self, op: Op, *, failed: bool) -> None:
        """Look at stocks that were asked for."""
        found: list[DeviceStock] = [] if failed or isinstance(op.result, Refusal) else op.result
        for one in found:
            is_held_back = op.request.are_held_back
            left = (0, 0) if is_held_back else (one.stock.one_time_x25519, one.stock.one_time_kem)
            if is_held_back and not self._shared.may_tell_held_back(one.record_hash, self._now_ms()):
                continue
            self._warn(one.mailbox, one.account_id, one.record_hash, left)

    def _warn(self, mailbox: bytes, account_id: bytes, record_hash: bytes, left: tuple[int, int]) -> None:
        subscription = self._delivery.subscriptions.get(mailbox)
        if subscription is not None and (min(left) < self._policy.low_prekeys or left == (0, 0)):
            self._counters["low_prekeys"] += 1
            subscription.session.put(LowPrekeys(0, account_id, record_hash, *left))
