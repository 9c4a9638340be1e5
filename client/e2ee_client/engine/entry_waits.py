"""For how long our entry and prekeys wait for their relay (ID-43, ID-57), and that it is told (ID-59)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from e2ee_relay.protocol import ErrorCode, ErrorReply, Response

from e2ee_client.events import ConnectionChanged, ConnectionState

from .delivery import MAX_RETRY_AFTER_MS
from .link import Link
from .own_entry import PublishBudget
from .part import Part
from .records import HeldEntry
from .turn import Turn

if TYPE_CHECKING:
    from .context import Context

REFUSED_RETRY_MS: Final = 60_000
_TELL_AFTER_MS: Final = 3_600_000
_TELL_APART_MS: Final = 86_400_000


class EntryWaits(Part):
    """The entry waits by itself, prekeys by themselves; each goes on with a refill."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.budget = PublishBudget()
        row = self._state.rows.get(HeldEntry.TABLE, HeldEntry.PREFIX)
        self.told = None if row is None else HeldEntry.decode(HeldEntry.PREFIX, row)
        self._stock_held_ms = 0
        self._is_stock_told = False
        self.refusal = ""  # the code by which the relay refused last, until it has all of it

    def has_entry(self, turn: Turn) -> bool:
        """Whether the entry may not be published yet: it goes on later (ID-43, ID-57)."""
        free_ms = self.budget.free_ms(turn.now_ms)
        if free_ms > turn.now_ms:
            self.refill_by(free_ms)
        return free_ms > turn.now_ms

    def has_stock(self, turn: Turn) -> bool:
        """The same of prekeys."""
        is_held = turn.now_ms < self._stock_held_ms <= turn.now_ms + MAX_RETRY_AFTER_MS
        if is_held:
            self.refill_by(self._stock_held_ms)
        return is_held

    def refill_by(self, at_ms: int) -> None:
        """Have a refill not later than this."""
        due_ms = self._context.timers.at_ms("refill")
        if due_ms is None or due_ms > at_ms:
            self._context.timers.set("refill", at_ms, self._context.entry.refill)

    def holds_entry(self, turn: Turn, link: Link, frame: Response) -> bool:
        """Whether the relay has no room for the entry now: it goes on later, over this connection (ID-57)."""
        wait_ms = self._asked_wait_ms(frame)
        if wait_ms is None:
            return False
        self.budget.held_ms = turn.now_ms + wait_ms
        self._tell(turn, link)
        return self.has_entry(turn)

    def holds_stock(self, turn: Turn, link: Link, frame: Response) -> bool:
        """The same of prekeys; the entry does not wait with them. Of the first ones it is told at once, since
        nobody reaches this device without (ID-60).
        """
        wait_ms = self._asked_wait_ms(frame)
        if wait_ms is None:
            return False
        if not self._context.entry.is_reached and not self._is_stock_told:
            self._is_stock_told = True
            turn.notify(ConnectionChanged(ConnectionState.CONNECTING, link.channel.relay_url, self.refusal))
        self._stock_held_ms = turn.now_ms + wait_ms
        self.refill_by(self._stock_held_ms)
        return True

    def _asked_wait_ms(self, frame: Response) -> int | None:
        """For how long a relay without room is not asked again (ID-57); None: it says something else."""
        if isinstance(frame, ErrorReply):
            self.refusal = f"relay.{frame.code.name.lower()}"
        if not isinstance(frame, ErrorReply) or frame.code is not ErrorCode.RATE_LIMITED:
            return None
        return min(max(frame.retry_after_ms, REFUSED_RETRY_MS), MAX_RETRY_AFTER_MS)

    def _tell(self, turn: Turn, link: Link) -> None:
        """Say that our entry waits, after an hour and once a day: lists and rosters have an end (ID-59)."""
        self.told = told = self.told or HeldEntry(turn.now_ms)
        told.since_ms = min(told.since_ms, turn.now_ms)
        is_due = turn.now_ms >= told.since_ms + _TELL_AFTER_MS or not self._state.own.published_seq
        if is_due and (told.told_ms is None or not 0 <= turn.now_ms - told.told_ms < _TELL_APART_MS):
            told.told_ms = turn.now_ms
            is_online = self._context.entry.published
            state = ConnectionState.ONLINE if is_online else ConnectionState.CONNECTING
            turn.notify(ConnectionChanged(state, link.channel.relay_url, "relay.rate_limited"))
        turn.put(told.put())

    def entry_over(self, turn: Turn, link: Link) -> None:
        """Nothing of our entry waits any more."""
        told, self.told = self.told, None
        if told is not None:
            turn.delete(HeldEntry.TABLE, HeldEntry.PREFIX)
            if told.told_ms is not None and self._context.entry.published:
                turn.notify(ConnectionChanged(ConnectionState.ONLINE, link.channel.relay_url))

    @property
    def is_told(self) -> bool:
        """Whether the application was told that our entry waits, in an earlier run too (ID-59)."""
        return self.told is not None and self.told.told_ms is not None and not self._state.is_stopped
