"""A thread with a connection of its own: it takes what has collected while it was busy, as one group."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

import psycopg

from .postgres_group import Interrupted, Replaced
from .postgres_session import Link
from .turns import Turns

# Messages, mailboxes or keys in one transaction: bounds the time for which the others wait.
_MOST_AT_ONCE: Final = 1024
_ATTEMPTS: Final = 3
# Two nodes met in a deadlock after all, the server gave up a transaction, or another node came first.
_AGAIN: Final = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure, Interrupted)

T = TypeVar("T")
R = TypeVar("R")


class Worker(Generic[T, R]):
    """Carries out items, those for one client in their order, many in one transaction."""

    def __init__(
        self,
        link: Link,
        carry_out: Callable[[psycopg.Connection, list[T]], R],
        deliver: Callable[[list[T], R | None, float], None],
    ) -> None:
        """`deliver` gets a group, what `carry_out` made of it (None: nothing was done), and the seconds."""
        self.link = link
        self._carry_out = carry_out
        self._deliver = deliver
        self._turns: Turns[T] = Turns()
        self._thread = threading.Thread(target=self._run, name="postgres", daemon=True)
        self._is_busy = False
        self._is_severable = False  # what failed may go through one by one
        self.full_s: float | None = None  # when the database last had no room, by the monotonic clock

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def submit(self, item: T, whose: Hashable = None, weight: int = 1) -> None:
        """Take an item; never waits."""
        self._turns.put(item, whose, weight)

    @property
    def backlog(self) -> int:
        """Items that wait, and one for the group that is being carried out."""
        return len(self._turns) + self._is_busy

    @property
    def crowd(self) -> int:
        """The same, but so many of each client."""
        return self._turns.crowd + self._is_busy

    @property
    def is_alive(self) -> bool:
        """Tell whether the thread runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End after what was submitted."""
        self._turns.close()

    def give_up(self, can_go: Callable[[T], bool]) -> None:
        """Forget what waits for its turn and can go."""
        for item in self._turns.clear():
            if not can_go(item):
                self._turns.put(item)

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; tell whether it came in time."""
        if self._thread.ident is None:
            self.link.close()
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while group := self._turns.take(_MOST_AT_ONCE, None):
            self._is_busy = True
            self.carry_out(group)
            self._is_busy = False
        self.link.close()

    def settle(self) -> bool:
        """Carry out what waits in the caller's thread, instead of its own; tell whether something waited."""
        group = self._turns.take(_MOST_AT_ONCE)
        if group:
            self.carry_out(group)
        return bool(group)

    def carry_out(self, group: list[T]) -> None:
        """Carry out a group and deliver it; one item that cannot be committed must not refuse the others."""
        begun_s = time.monotonic()
        result = self._attempt(group)
        if result is None and len(group) > 1 and self._is_severable:
            for item in group:
                self._deliver([item], self._attempt([item]), time.monotonic() - begun_s)
        else:
            self._deliver(group, result, time.monotonic() - begun_s)

    def _attempt(self, group: list[T]) -> R | None:
        self._is_severable = False
        for _ in range(_ATTEMPTS):
            db = self.link.connection()
            if db is None:
                return None
            try:
                return self._carry_out(db, group)
            except _AGAIN:
                self._is_severable = True
            except (psycopg.errors.UndefinedTable, Replaced):
                # The next connection tells whose database this is (RLY-176).
                self.link.close()
            except psycopg.Error as error:
                self.link.look_after(db)
                self.full_s = time.monotonic() if isinstance(error, psycopg.errors.DiskFull) else self.full_s
                # Not where time or room ran out: each alone would wait as long.
                self._is_severable = not isinstance(error, psycopg.OperationalError)
                if self.link.is_connected:
                    return None
                # Lost while nobody looked, or in the commit: what is repeated is known by its ids.
        return None
