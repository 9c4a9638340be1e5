"""What time brings: expiry, forgotten buckets and ids, abandoned mailboxes, the operator's purges."""

from __future__ import annotations

from typing import Final

from .cooling import Cooling
from .delivery import Delivery
from .directory import Directory
from .mailbox import Mailbox
from .state import RelayState, Then
from .store.changes import (
    EXPIRE,
    DropAccount,
    DropPurge,
    PurgeRequest,
    ReadPurges,
    Result,
    StoreFailure,
    Sweep,
)

_DAY_MS: Final = 86_400_000
_SWEEP_EVERY_MS: Final = 600_000
_PURGES_EVERY_MS: Final = 3_000
_DROP_AT_ONCE: Final = 500


class Upkeep:
    """Runs on the shell's tick."""

    def __init__(self, state: RelayState, delivery: Delivery, directory: Directory) -> None:
        self._state = state
        self._delivery = delivery
        self._directory = directory
        self._cooling = Cooling(state)
        self._next_sweep_ms = 0
        self._next_purges_ms = 0

    def tick(self, now_ms: int) -> None:
        """Do what is due."""
        self._state.forget_visitors(now_ms)
        self._expire_short_lived(now_ms)
        self._cooling.tick(now_ms)
        for connection in list(self._state.connections.values()):
            if connection.blocked:
                self._delivery.pump_blocked(connection, now_ms)
        if now_ms >= self._next_sweep_ms:
            self._next_sweep_ms = now_ms + _SWEEP_EVERY_MS
            self._sweep(now_ms)
        if now_ms >= self._next_purges_ms:
            self._next_purges_ms = now_ms + _PURGES_EVERY_MS
            self._state.submit(ReadPurges(), self._purge)

    def _expire_short_lived(self, now_ms: int) -> None:
        queue = self._state.short_lived
        while queue and queue[0][0] <= now_ms:
            _, mailbox, seq = queue.popleft()
            if seq in mailbox.held:
                self._delivery.expire(mailbox, [seq])

    def _sweep(self, now_ms: int) -> None:
        abandoned_day = (now_ms - self._state.policy.abandoned_s * 1000) // _DAY_MS
        for mailbox in list(self._state.mailboxes.values()):
            if mailbox.used_day < abandoned_day and mailbox.subscription is None:
                self._drop_mailbox(mailbox)
            elif mailbox.held:
                self._expire_front(mailbox, now_ms)
            for token in mailbox.tokens.values():
                token.forget_full(now_ms)
        self._state.remembered.forget_expired(now_ms)
        self._state.forget_full(now_ms)
        self._state.submit(Sweep(now_ms), _nothing_more)

    def _expire_front(self, mailbox: Mailbox, now_ms: int) -> None:
        # Held messages are in the order of arrival, and all but the short-lived ones live equally long.
        over: list[int] = []
        for seq, message in mailbox.held.items():
            if message.expires_ms > now_ms:
                break
            over.append(seq)
        for start in range(0, len(over), _DROP_AT_ONCE):
            self._delivery.expire(mailbox, over[start : start + _DROP_AT_ONCE])

    def _drop_mailbox(self, mailbox: Mailbox, request: PurgeRequest | None = None) -> None:
        mailbox.is_closing = True
        self._delivery.end(mailbox)
        self._state.submit(self._directory.removal_of(mailbox), self._dropped(mailbox, request))

    def _dropped(self, mailbox: Mailbox, request: PurgeRequest | None) -> Then:
        def then(result: Result, _now_ms: int) -> None:
            if isinstance(result, StoreFailure):
                mailbox.is_closing = False
                return
            self._directory.forget_mailbox(mailbox.address)
            self._state.drop_mailbox(mailbox)
            if request is not None:
                self._fulfilled(request)

        return then

    # --- what the commands `purge` and `expire-now` have left in the database for a running relay ---

    def _purge(self, result: Result, now_ms: int) -> None:
        for request in result if isinstance(result, list) else []:
            if isinstance(request, PurgeRequest):
                self._purge_one(request, now_ms)

    def _purge_one(self, request: PurgeRequest, now_ms: int) -> None:
        if request.kind == EXPIRE:
            self._sweep(now_ms)
        mailbox = self._state.mailboxes.get(request.subject) if request.kind == "mailbox" else None
        if mailbox is not None:
            if not mailbox.is_closing:
                self._drop_mailbox(mailbox, request)
        elif request.kind == "account" and request.subject in self._state.entries:
            self._state.submit(DropAccount(request.subject), self._account_dropped(request))
        else:
            self._fulfilled(request)

    def _fulfilled(self, request: PurgeRequest) -> None:
        """Have the request gone; one that could not be done stays, and is read again (RLY-192)."""
        self._state.submit(DropPurge(request.subject), _nothing_more)

    def _account_dropped(self, request: PurgeRequest) -> Then:
        def then(result: Result, _now_ms: int) -> None:
            if not isinstance(result, StoreFailure):
                self._state.entries.remove(request.subject)
                self._fulfilled(request)

        return then


def _nothing_more(_result: Result, _now_ms: int) -> None:
    """What could not be swept is swept the next time."""
