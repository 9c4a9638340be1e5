"""One connection to the shared database: how it is opened, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

import psycopg

from .api import StoreError

# A link that is cut must not keep rows locked for the others, nor a node waiting: seconds and milliseconds.
_CONNECT_S: Final = 5
_OPTIONS: Final = (
    "-c search_path=sealroom -c idle_in_transaction_session_timeout=10000 -c statement_timeout=30000"
    " -c lock_timeout=10000"
    # Statements find their rows by an index, whatever a fresh table's statistics say; a plan is made once.
    " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off"
    " -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"
)
_KEEP_ALIVE: Final = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
# Commits that a crash of the database's machine takes back are no commits (RLY-30).
_NOT_DURABLE: Final = (
    "SELECT name FROM pg_settings"
    " WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'"
)
_MOST_APART_MS: Final = 3_600_000
_LEAST_VERSION: Final = 150_000


class Identity(NamedTuple):
    """Which database this is: one that was put back from a copy, or that takes over, has another one.

    A copy of the schema that is put back into the same server (pg_restore) has other tables, by their number.
    """

    system: str
    timeline: int
    table: int

    @classmethod
    def of(cls, db: psycopg.Connection) -> Identity:
        """Ask the database."""
        # The control file names a promoted standby's timeline only after its next checkpoint: too late.
        row = db.execute(
            "SELECT system_identifier::text, left(pg_walfile_name(pg_current_wal_lsn()), 8),"
            " to_regclass('prekey')::oid::bigint FROM pg_control_system()"
        ).fetchone()
        if row is None:
            raise StoreError("the database does not tell its identity")
        return cls(str(row[0]), int(row[1], 16), int(row[2] or 0))


def connect(url: str, purpose: str) -> psycopg.Connection:
    """Open a connection that commits statement by statement unless told otherwise; `purpose` names it.

    Raises:
        psycopg.Error: the database cannot be reached.
    """
    db = psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=_CONNECT_S,
        options=_OPTIONS,
        application_name=f"sealroom-relay {purpose}",
        **_KEEP_ALIVE,  # type: ignore[arg-type]  # settings of libpq, numbers among them
    )
    # Statements repeat: planned once, they are sent by name from the second time on.
    db.prepare_threshold = 1
    return db


def refuse_unfit(db: psycopg.Connection) -> None:
    """Refuse a database that is too old, or whose commits are not durable (RLY-100).

    Raises:
        StoreError: it must not be used.
    """
    if db.info.server_version < _LEAST_VERSION:
        raise StoreError("PostgreSQL 15 or newer is needed")
    settings = [str(row[0]) for row in db.execute(_NOT_DURABLE)]
    if settings:
        raise StoreError(f"commits of this database are not durable: {', '.join(sorted(settings))} is off")


def refuse_other_time(db: psycopg.Connection, wall_ms: int) -> None:
    """Refuse a machine whose clock would drop days of all nodes, or number messages by it (RLY-113).

    Raises:
        StoreError: it is more than an hour away from the database's.
    """
    row = db.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").fetchone()
    if row is None or abs(int(row[0]) - wall_ms) > _MOST_APART_MS:
        raise StoreError("the clocks of this machine and of the database are more than an hour apart")


class Link:
    """A connection that is made anew after it was lost: at once, then less and less often. For one thread."""

    _MOST_S: Final = 2.0

    def __init__(self, url: str, purpose: str, check: Callable[[psycopg.Connection], None]) -> None:
        """`check` looks at each connection before it is used, and raises what connecting may raise."""
        self._url = url
        self._purpose = purpose
        self._check = check
        self._db: psycopg.Connection | None = None
        self._wait_s = 0.0
        self._not_before_s = 0.0
        self._connects = 0

    @property
    def is_connected(self) -> bool:
        """Tell whether the last attempt reached the database."""
        return self._db is not None and not self._db.closed

    @property
    def reconnects(self) -> int:
        """Return how many times the connection was made anew."""
        return max(0, self._connects - 1)

    def open(self) -> psycopg.Connection:
        """Connect and check.

        Raises:
            psycopg.Error: the database cannot be reached.
            StoreError: it must not be used.
        """
        db = connect(self._url, self._purpose)
        try:
            self._check(db)
        except (psycopg.Error, StoreError):
            db.close()
            raise
        self._db = db
        self._connects += 1
        return db

    def connection(self) -> psycopg.Connection | None:
        """Return the connection, made anew where it is time for another attempt; else None."""
        if self._db is not None and not self._db.closed:
            return self._db
        if time.monotonic() < self._not_before_s:
            return None
        try:
            db = self.open()
        except (psycopg.Error, StoreError):
            self._wait_s = min(self._MOST_S, max(0.1, self._wait_s * 2))
            self._not_before_s = time.monotonic() + self._wait_s
            return None
        self._wait_s = self._not_before_s = 0.0
        return db

    def look_after(self, db: psycopg.Connection) -> None:
        """Let go of a connection that is of no more use after an error."""
        if db.closed or db.broken or db.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            db.close()
            self._db = None

    def close(self) -> None:
        """Close the connection."""
        if self._db is not None:
            self._db.close()
            self._db = None
