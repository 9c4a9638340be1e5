"""The store that several nodes share: all is in PostgreSQL, and a group of operations is one transaction.

Five threads have a connection each: one for mailboxes and messages, one for entries and prekeys, one for
blobs, one that reads, one for upkeep. Operations of one connection that depend on each other wait for each
other in the node. Two more connections carry words between nodes: a poll finds what a lost one told of
(RLY-105).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import psycopg

from e2ee_relay import rules
from e2ee_relay.limits import Policy
from e2ee_relay.protocol import (
    BlobDrop,
    BlobGet,
    BlobOpen,
    BlobPut,
    Lookup,
    PrekeysCount,
    PrekeysFetch,
    PrekeysUpload,
    Publish,
)

from .api import Find, Listener, Observer, Op, Read, Stocks, StoreError
from .handover import Handover
from .postgres_blobs import BlobGroup
from .postgres_group import Aftermath, Context, Interrupted, Replaced
from .postgres_schema import migrate, refuse_newer, schema_version
from .postgres_session import Link, connect, refuse_other_time, refuse_unfit
from .postgres_upkeep import (
    ask_tables,
    expire_short_lived,
    keep_up,
    lineage_of,
    make_missing,
    make_partitions,
    note_identity,
    touch,
)
from .postgres_wakes import Wakes, ask_standing
from .postgres_words import NODE_B, Notifications, Words
from .postgres_worker import Worker
from .turns import weight_of, whose

_READING: Final = (Read, Find, Lookup, PrekeysCount, Stocks)
_OF_DIRECTORY: Final = (Publish, PrekeysUpload, PrekeysFetch)
_OF_BLOBS: Final = (BlobOpen, BlobPut, BlobGet, BlobDrop)
# Without an answer for so long the database counts as away.
_AWAY_S: Final = 5.0
# So long after it had no room it is said to have none: as long as that a commit has failed.
_FULL_S: Final = 10.0
_SHORT_LIVED_EVERY_MS: Final = 10_000
_KEEP_UP_EVERY_MS: Final = 60_000


class _Job(NamedTuple):
    """Something that time brings, and what is done with its outcome in the event loop."""

    run: Callable[[psycopg.Connection], Any]
    done: Callable[[Any], None]


_OpWorker: TypeAlias = Worker[Op, Aftermath]


class PostgresStore:
    """One node's part of the shared store. Implements `Store`."""

    overlaps = False  # a number whose commit fails is given again

    def __init__(
        self,
        url: str,
        policy: Policy,
        clock: Callable[[], int],
        *,
        poll_s: int = 10,
        words: Words | None = None,
        wall_ms: int | None = None,
        has_threads: bool = True,
        name: str = "",
    ) -> None:
        """Open the database and bring its schema up to date.

        `wall_ms` is the machine's time, to be compared with the database's (RLY-113). Without threads
        operations are carried out by `settle`, for tests, all by one connection.

        Raises:
            SchemaTooNew: the database was written by a newer release (RLY-101).
            StoreError: it cannot be reached, or must not be used (RLY-100).
        """
        self.skew_ms = 0
        self.name = name or secrets.token_bytes(NODE_B).hex()
        self.burned: int | None = None  # one-time keys of a database that was put back (RLY-103)
        self.found_another = False  # an attempt met another relay's database, or an empty one (RLY-176)
        self._lineage = ""
        self._tables: tuple[Any, ...] | None = None  # those that a connection was checked for
        self._url = url
        self._policy = policy
        self._clock = clock
        self._poll_s = poll_s
        self._words = words if words is not None else Notifications(url)
        self._has_threads = has_threads
        self._blocked: frozenset[bytes] = frozenset()
        self._node: Listener | None = None
        self._wakes: Wakes | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handover: Handover | None = None
        self._open = 0  # operations that were submitted and are not answered
        self._jobs = 0
        self._due_ms = {_SHORT_LIVED_EVERY_MS: 0, _KEEP_UP_EVERY_MS: 0}
        self._answered_s = time.monotonic()
        self._only = None if has_threads else Link(url, "all", self._check)
        self._writer = self._worker("writer", self._write)
        self._directory = self._worker("directory", self._write)
        self._blobs = self._worker("blobs", self._write)
        self._reader = self._worker("reader", self._read)
        self._upkeep: Worker[_Job, list[Any]] = Worker(
            self._link("upkeep"), self._run_jobs, self._hand_over_jobs
        )
        self._workers: tuple[Worker[Any, Any], ...] = (
            self._writer, self._directory, self._blobs, self._reader, self._upkeep,
        )  # fmt: skip
        try:
            self._begin(wall_ms)
        except psycopg.Error as error:
            raise StoreError(unusable(error)) from None

    def _worker(
        self, purpose: str, carry_out: Callable[[psycopg.Connection, list[Op]], Aftermath]
    ) -> _OpWorker:
        return Worker(self._link(purpose), carry_out, self._hand_over)

    def _link(self, purpose: str) -> Link:
        return self._only or Link(self._url, purpose, self._check)

    # --- connections ---

    def _begin(self, wall_ms: int | None) -> None:
        with connect(self._url, "start") as db:
            refuse_unfit(db)
            if wall_ms is not None:
                refuse_other_time(db, wall_ms)
            migrate(db)
            make_partitions(db, self._clock(), self._policy.remembered_s)
            self._blocked = _read_blocked(db)
        for link in dict.fromkeys(worker.link for worker in self._workers):
            link.open()

    def _check(self, db: psycopg.Connection) -> None:
        """Refuse a database that must not be used, and note which one it is (RLY-100 to RLY-103, RLY-176)."""
        refuse_unfit(db)
        version = schema_version(db)
        refuse_newer(version)
        lineage = lineage_of(db) if version else ""
        self.found_another = self._lineage not in ("", lineage)
        if self.found_another:
            raise StoreError("this is not the database of before")
        self._lineage = lineage
        burned = note_identity(db, self._clock())
        self.burned = burned if burned is not None else self.burned
        self._tables = ask_tables(db).fetchone()

    # --- operations: in the threads of the workers ---

    def _write(self, db: psycopg.Connection, ops: list[Op]) -> Aftermath:
        group = BlobGroup(db, ops, self._context(), locks=True)
        try:
            with db.pipeline(), db.transaction():
                self._decide(db, group)
        except psycopg.errors.CheckViolation:
            # No partition for a row: an upkeep that is late, or a clock that went ahead.
            make_missing(db, *group.partitions())
            raise Interrupted from None
        return group.aftermath

    def _read(self, db: psycopg.Connection, ops: list[Op]) -> Aftermath:
        group = BlobGroup(db, ops, self._context(), locks=False)
        with db.pipeline(), db.transaction():
            db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            self._decide(db, group)
        return group.aftermath

    def _context(self) -> Context:
        tables = self._tables or (None,)
        return Context(
            tables=tables,
            policy=self._policy,
            limits=self._listener.limits,
            node=self.name,
            now_ms=self._clock(),
            skew_ms=self.skew_ms,
            seq_floor=tables[-1] or 0,
            blocked=self._blocked,
        )

    def _decide(self, db: psycopg.Connection, group: BlobGroup) -> None:
        tables = ask_tables(db)
        group.read_ahead()
        _refuse_replaced(tables, group.context.tables)
        for op in group.ops:
            rules.decide(group, op, self._policy, group.context.now_ms)
        group.write()

    def _hand_over(self, ops: list[Op], aftermath: Aftermath | None, seconds: float) -> None:
        failed = aftermath is None
        if self._loop is None or self._handover is None:
            self.committed(ops, failed=failed)
            self._follow_up(ops, aftermath)
        else:
            self._handover.give(ops, failed=failed, seconds=seconds)
            self._loop.call_soon_threadsafe(self._follow_up, ops, aftermath)

    def _run_jobs(self, db: psycopg.Connection, jobs: list[_Job]) -> list[Any]:
        _refuse_replaced(ask_tables(db), self._tables)
        return [job.run(db) for job in jobs]

    def _hand_over_jobs(self, jobs: list[_Job], results: list[Any] | None, _seconds: float) -> None:
        if self._loop is None:
            self._ran(jobs, results)
        else:
            self._loop.call_soon_threadsafe(self._ran, jobs, results)

    # --- after a commit: in the event loop ---

    def committed(self, ops: Sequence[Op], *, failed: bool) -> None:
        """Have the node answer operations; called in order, in slices."""
        self._open -= len(ops)
        self._listener.committed(ops, failed=failed)

    def _follow_up(self, ops: list[Op], aftermath: Aftermath | None) -> None:
        if aftermath is None or self._wakes is None:
            return
        self._wakes.note(ops)
        self._wakes.tell_of(ops, aftermath.displaced)
        if aftermath.touched:
            self._do(lambda db: touch(db, aftermath.touched), _ignore)

    # --- the store's face ---

    @property
    def _listener(self) -> Listener:
        if self._node is None:
            raise StoreError("the store has not been started")
        return self._node

    def start(self, node: Listener, observer: Observer) -> None:
        """Begin to carry out operations, and to listen to other nodes."""
        self._node = node
        self._wakes = Wakes(self.name, self._words, node, self._policy.low_prekeys)
        if self._has_threads:
            self._loop = asyncio.get_running_loop()
            self._handover = Handover(self, self._loop, observer)
            for worker in self._workers:
                worker.start()
        self._words.start(self.name, self._wakes.heard)

    def submit(self, op: Op) -> None:
        self._open += 1
        if isinstance(op.request, _READING):
            worker = self._reader
        elif isinstance(op.request, _OF_BLOBS):
            worker = self._blobs
        else:
            worker = self._directory if isinstance(op.request, _OF_DIRECTORY) else self._writer
        worker.submit(op, whose(op), weight_of(op))

    def settle(self) -> None:
        """Carry out what was submitted, where there are no threads."""
        while sum(worker.settle() for worker in self._workers):
            pass

    def block(self, blocked: frozenset[bytes]) -> None:
        """Serve these mailboxes and accounts no longer (RLY-86); what the database says replaces it."""
        fresh, self._blocked = blocked - self._blocked, blocked
        if self._wakes is not None:
            for mailbox in fresh:
                self._wakes.drop(mailbox)

    def give_up(self) -> None:
        """Carry out no more of what somebody asked for and waits for its turn."""
        for worker in (self._writer, self._directory, self._blobs, self._reader):
            worker.give_up(lambda op: op.request_id > 0)

    def stop(self, timeout_s: float) -> bool:
        """Let go of the words, carry out what was submitted, close all. Not called in the loop's thread."""
        deadline = time.monotonic() + timeout_s
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._words.stop(), self._loop).result(timeout_s)
        for worker in self._workers:
            worker.stop()
        ended = [worker.join(max(0.0, deadline - time.monotonic())) for worker in self._workers]
        return all(ended)

    @property
    def is_alive(self) -> bool:
        return all(worker.is_alive for worker in self._workers)

    @property
    def backlog(self) -> int:
        return sum(one.backlog for one in (self._writer, self._directory, self._blobs, self._reader))

    @property
    def crowd(self) -> int:
        return sum(worker.crowd for worker in (self._writer, self._directory, self._blobs, self._reader))

    @property
    def is_idle(self) -> bool:
        return self._open == 0

    @property
    def completed_at(self) -> float:
        return self._answered_s if self._handover is None else self._handover.completed_at

    def complaints(self) -> dict[str, bool]:
        """Say whether the database answers (RLY-109), and has room (RLY-278)."""
        now_s = time.monotonic()
        full_s = [worker.full_s for worker in self._workers if worker.full_s is not None]
        return {
            "the database is away": now_s - self._answered_s > _AWAY_S,
            "the database has no room": any(now_s - one < _FULL_S for one in full_s),
        }

    def gauges(self) -> dict[str, tuple[str, int]]:
        """Return figures of the connections; what is stored, `sealroom-relay stats` counts."""
        links = [worker.link for worker in self._workers]
        return {
            "database_connected": (
                "Connections to the database that stand",
                sum(link.is_connected for link in links),
            ),
            "database_reconnects": (
                "Times that a connection to the database was made anew",
                sum(link.reconnects for link in links),
            ),
            "words_connected": ("1 if words from other nodes arrive", int(self._words.is_connected)),
        }

    # --- what time brings ---

    def sweep(self, now_ms: int) -> None:
        """Read the blocked ids, poll a part of the subscriptions, and do what is due, one after the other."""
        if self._jobs or self._wakes is None:
            return
        self._do(_read_blocked, self._take_blocked)
        wakes = self._wakes
        part = wakes.next_part(self._poll_s)
        if part:
            self._do(lambda db: ask_standing(db, part), lambda rows: wakes.polled(part, rows))
        if self._is_due(_SHORT_LIVED_EVERY_MS, now_ms):
            self._do(lambda db: expire_short_lived(db, now_ms), self._count_expired)
        if self._is_due(_KEEP_UP_EVERY_MS, now_ms):
            self._do(lambda db: keep_up(db, now_ms, self._policy), self._count_expired)

    def _is_due(self, every_ms: int, now_ms: int) -> bool:
        if now_ms < self._due_ms[every_ms]:
            return False
        self._due_ms[every_ms] = now_ms + every_ms
        return True

    def _do(self, run: Callable[[psycopg.Connection], Any], done: Callable[[Any], None]) -> None:
        self._jobs += 1
        self._upkeep.submit(_Job(run, done))

    def _ran(self, jobs: list[_Job], results: list[Any] | None) -> None:
        self._jobs -= len(jobs)
        if results is None:
            return
        self._answered_s = time.monotonic()
        for job, result in zip(jobs, results, strict=True):
            job.done(result)

    def _take_blocked(self, blocked: frozenset[bytes]) -> None:
        if blocked != self._blocked:
            self.block(blocked)

    def _count_expired(self, expired: int) -> None:
        self._listener.counters["expired"] += expired


def _refuse_replaced(found: psycopg.Cursor[tuple[Any, ...]], tables: tuple[Any, ...] | None) -> None:
    """Have the connection checked anew where the tables are others (RLY-197).

    Raises:
        Replaced: they are.
    """
    if found.fetchone() != tables:
        raise Replaced


def _ignore(_result: object) -> None:
    """A day of use that could not be written is written at another time."""


def _read_blocked(db: psycopg.Connection) -> frozenset[bytes]:
    return frozenset(bytes(row[0]) for row in db.execute("SELECT subject FROM blocked"))


def unusable(error: psycopg.Error) -> str:
    """Return what is told of an error by its class: its text could quote the address or a stored value."""
    name = f"{type(error).__name__} {error.sqlstate or ''}".strip()
    return f"the database cannot be used: {name}; psql with the same address says more"
