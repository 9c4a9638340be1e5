"""One node's connection to the shared database, behind the store's interface: groups in, results out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, cast

import psycopg

from e2ee_relay.store.changes import (
    DropAccount,
    PutPrekeys,
    ReadLists,
    ReadStock,
    Result,
    StoreError,
    StoreFailure,
    TakePrekeys,
)
from e2ee_relay.store.shared import (
    Acknowledge,
    AddTokens,
    CloseSubscription,
    CreateMailbox,
    EraseMailbox,
    ExpireShortLived,
    FindKnown,
    FindMailboxes,
    FindTokens,
    KeepUp,
    OpenSubscriptions,
    ReadBlocked,
    ReadDevices,
    ReadEntry,
    ReadQueue,
    ReplaceEntry,
    RevokeTokens,
    SharedChange,
    SharedResult,
    StoreMessages,
    UseMailbox,
)

from . import entries, mailboxes, prekeys, queue, upkeep
from .messages import carry_out_group, find_known
from .schema import migrate, refuse_newer, schema_version
from .session import Patience, connect, refuse_unfit

AnyChange: TypeAlias = SharedChange | TakePrekeys | PutPrekeys | ReadStock | ReadLists | DropAccount
AnyResult: TypeAlias = SharedResult | Result

# Two nodes that met in a deadlock after all, or a transaction that the server gave up.
_AGAIN: Final = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
_ATTEMPTS: Final = 3

_ONE_BY_ONE: Final[dict[type[Any], Callable[..., AnyResult]]] = {
    FindMailboxes: mailboxes.find_mailboxes,
    CreateMailbox: mailboxes.create_mailbox,
    UseMailbox: mailboxes.use_mailbox,
    EraseMailbox: mailboxes.erase_mailbox,
    AddTokens: mailboxes.add_tokens,
    RevokeTokens: mailboxes.revoke_tokens,
    FindTokens: mailboxes.find_tokens,
    FindKnown: find_known,
    ReadBlocked: mailboxes.read_blocked,
    OpenSubscriptions: queue.open_subscriptions,
    CloseSubscription: queue.close_subscription,
    ReadEntry: entries.read_entry,
    ReplaceEntry: entries.replace_entry,
    ReadDevices: entries.read_devices,
    DropAccount: entries.drop_account,
    ReadLists: entries.read_lists,
    PutPrekeys: prekeys.put_prekeys,
    ReadStock: prekeys.read_stock,
    KeepUp: upkeep.keep_up,
    ExpireShortLived: upkeep.expire_short_lived,
}


class PostgresStore:
    """One connection, made anew after it was lost. Not thread-safe: one thread uses it at a time."""

    def __init__(self, url: str, now_ms: Callable[[], int]) -> None:
        """Open the database and bring its schema up to date.

        Raises:
            SchemaTooNew: the database was written by a newer release (RLY-101).
            StoreError: it cannot be reached, or must not be used (RLY-100).
        """
        self._url = url
        self._now_ms = now_ms
        self._patience = Patience()
        self._seq_floor = 0
        self._lineage = ""
        self.found_another = False  # the last attempt met another relay's database, or an empty one (RLY-176)
        self.reconnects = 0
        self.burned: int | None = None  # one-time keys of a database that was put back (RLY-103)
        try:
            self._db: psycopg.Connection | None = self._open(may_migrate=True)
        except psycopg.Error as error:
            raise StoreError(f"the database cannot be used: {_words(error)}") from None

    def _open(self, *, may_migrate: bool) -> psycopg.Connection:
        db = connect(self._url, "store")
        try:
            refuse_unfit(db)
            if may_migrate:
                migrate(db)
            refuse_newer(schema_version(db))
            self._refuse_another(db)
            burned = upkeep.note_identity(db, self._now_ms())
            self.burned = burned if burned is not None else self.burned
            self._seq_floor = upkeep.seq_floor(db)
        except (psycopg.Error, StoreError):
            db.close()
            raise
        return db

    def _refuse_another(self, db: psycopg.Connection) -> None:
        """Refuse a database that was made anew under a running node (RLY-176)."""
        lineage = upkeep.lineage(db) if schema_version(db) else ""
        self.found_another = self._lineage not in ("", lineage)
        if self.found_another:
            raise StoreError("this is not the database of before")
        self._lineage = lineage

    @property
    def is_connected(self) -> bool:
        """Tell whether the last attempt reached the database."""
        return self._db is not None and not self._db.closed

    @property
    def connection(self) -> psycopg.Connection:
        """The open connection, for the operator's commands.

        Raises:
            StoreError: there is none.
        """
        if self._db is None:
            raise StoreError("the database is away")
        return self._db

    def execute(self, changes: Sequence[AnyChange]) -> list[AnyResult]:
        """Carry out a group: messages in one transaction, taken keys in one, reads at once, the rest singly.

        While the database is away every change fails at once; nothing of a failed one was done, or its commit
        was not heard of: whoever asked repeats it, and message ids make that harmless (RLY-109).
        """
        if not self._has_connection():
            return [StoreFailure("the database is away")] * len(changes)
        results: list[AnyResult] = [StoreFailure("not carried out")] * len(changes)
        for places, carry_out in self._in_runs(changes):
            found = self._safely([changes[place] for place in places], carry_out)
            for place, result in zip(places, found, strict=True):
                results[place] = result
        return results

    def _in_runs(self, changes: Sequence[AnyChange]) -> list[tuple[list[int], _Run]]:
        hot = [place for place, one in enumerate(changes) if isinstance(one, StoreMessages | Acknowledge)]
        taking = [place for place, one in enumerate(changes) if isinstance(one, TakePrekeys)]
        reading = [place for place, one in enumerate(changes) if isinstance(one, ReadQueue)]
        together = {*hot, *taking, *reading}
        runs: list[tuple[list[int], _Run]] = [
            (hot, self._messages),
            (taking, cast("_Run", prekeys.take_prekeys)),
            *[([place], _singly) for place in range(len(changes)) if place not in together],
            (reading, cast("_Run", queue.read_queues)),
        ]
        return [run for run in runs if run[0]]

    def _messages(self, db: psycopg.Connection, changes: Sequence[AnyChange]) -> list[AnyResult]:
        hot = [one for one in changes if isinstance(one, StoreMessages | Acknowledge)]
        return [*carry_out_group(db, hot, self._seq_floor)]

    def _safely(self, changes: list[AnyChange], carry_out: _Run) -> list[AnyResult]:
        """Carry out a run; one change that cannot be committed must not refuse the others."""
        results = self._attempt(changes, carry_out)
        if results is not None:
            return results
        if len(changes) == 1 or not self.is_connected:
            return [StoreFailure("the change could not be committed")] * len(changes)
        return [self._safely([change], carry_out)[0] for change in changes]

    def _attempt(self, changes: list[AnyChange], carry_out: _Run) -> list[AnyResult] | None:
        for _ in range(_ATTEMPTS):
            db = self._db
            if db is None or db.closed:
                return None
            try:
                return carry_out(db, changes)
            except _AGAIN:
                continue
            except psycopg.errors.CheckViolation:
                # No partition for a row: an upkeep that is late, or a clock that went ahead.
                if not self._make_room(db, changes):
                    return None
            except psycopg.errors.UndefinedTable:
                # The next connection tells whose database this is.
                db.close()
                return None
            except psycopg.Error:
                self._look_after(db)
                return None
        return None

    def _make_room(self, db: psycopg.Connection, changes: Sequence[AnyChange]) -> bool:
        items = [item for one in changes if isinstance(one, StoreMessages) for item in one.items]
        acks = [one for one in changes if isinstance(one, Acknowledge)]
        try:
            upkeep.make_missing(db, {item.expires_day for item in items}, {one.until_hour for one in acks})
        except psycopg.Error:
            self._look_after(db)
            return False
        return True

    def _has_connection(self) -> bool:
        if self.is_connected:
            return True
        if not self._patience.may_try():
            return False
        try:
            self._db = self._open(may_migrate=False)
        except (psycopg.Error, StoreError):
            self._patience.failed()
            return False
        self._patience.succeeded()
        self.reconnects += 1
        return True

    def _look_after(self, db: psycopg.Connection) -> None:
        """Let go of a connection that is of no more use."""
        if db.closed or db.broken or db.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            db.close()
            self._db = None

    def tidy(self) -> bool:
        """Nothing to do: the server has its own checkpoints."""
        return True

    def close(self) -> None:
        """Close the connection."""
        if self._db is not None:
            self._db.close()
            self._db = None


_Run: TypeAlias = Callable[[psycopg.Connection, Sequence[AnyChange]], list[AnyResult]]


def _singly(db: psycopg.Connection, changes: Sequence[AnyChange]) -> list[AnyResult]:
    return [_ONE_BY_ONE[type(change)](db, change) for change in changes]


def _words(error: psycopg.Error) -> str:
    """Return the class of an error: its text could quote the address or a stored value."""
    return f"{type(error).__name__} {error.sqlstate or ''}".strip()
