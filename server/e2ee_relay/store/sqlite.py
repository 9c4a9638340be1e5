"""The embedded store: truth in memory while the process runs, on the disk by group commit in a thread.

`submit` decides at once, on memory, and queues what is to be written. The writer takes what has collected
into one transaction of few statements: a lone operation is committed at once, a thousand that arrive during a
commit share the next one. Operations on entries and prekeys are decided by the writer, whose tables they ask,
and changes of tokens, in their turn.

A commit that fails leaves memory ahead of the disk. All that was decided on top of it is answered
UNAVAILABLE, memory is loaded anew under a new generation, and until that one is committed nothing is changed.
So no number comes twice, and no operation needs an undo.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple

from e2ee_relay.protocol import (
    BlobOpen,
    CreateMailbox,
    DeleteMailbox,
    Send,
    TokenAdd,
    TokenRevoke,
    blob_hash,
)
from e2ee_relay.rules import SEND_UNAVAILABLE, decide

from .api import (
    ACCOUNT,
    EXPIRE,
    OF_DIRECTORY,
    READING,
    UNAVAILABLE,
    Find,
    HandedOut,
    Listener,
    Observer,
    Op,
    Remove,
    StoreError,
)
from .blobs import BlobThread
from .handover import Handover
from .sqlite_blobs import PartJob
from .sqlite_file import DatabaseFile
from .sqlite_group import SqliteGroup
from .sqlite_sweep import SqliteSweep
from .sqlite_view import SEQ_COUNTER_BITS, SqliteView
from .sqlite_writes import Writes
from .turns import Turns, weight_of, whose

# How many operations one transaction takes at most: bounds the time for which the others wait.
_MOST_GROUP: Final = 4096
# The same for what the writer decides, in signed lists and keys: some 10 ms.
_MOST_DECIDED: Final = 64
# That has its turn (RLY-221): changes of tokens too, which are up to 256 rows each.
_IN_TURN: Final = (*OF_DIRECTORY, TokenAdd, TokenRevoke)
# So many operations in one commit are a load; then commits begin at this distance, unless nothing more comes.
# A commit of ten costs the machine little less than one of forty, and what goes in the group that it came in
# is never written.
_LOAD: Final = 8
_DISTANCE_S: Final = 0.004
_PATIENCE_S: Final = 0.001
_IDLE_S: Final = 1.0
_BUSY_S: Final = 60.0
_PROBE_S: Final = 0.25
# So many parts of blobs go to their thread together, and their answers come back together.
_MOST_PARTS: Final = 8


class Submitted(NamedTuple):
    """An operation with what it has to write; `op` None: upkeep."""

    op: Op | None
    writes: Writes | None  # None: the writer decides it


def _name_of(request: object) -> bytes | None:
    """Return what a request may make that is still to be removed."""
    if type(request) is CreateMailbox:
        return request.mailbox
    return blob_hash(request.blob) if type(request) is BlobOpen else None


# Wakes the writer.
_NOTHING: Final = Submitted(None, Writes())


class SqliteStore:
    """Implements `Store` over one database file."""

    overlaps = True  # no number is given twice, so delivery need not wait for the commit (RLY-90)

    def __init__(self, file: DatabaseFile) -> None:
        self.file = file
        self.view = SqliteView(file)
        self._group = SqliteGroup(file)
        self._sweep = SqliteSweep(self.view, file, self._submit_upkeep, self._remove)
        self._queue: queue.SimpleQueue[Submitted | None] = queue.SimpleQueue()
        self._undecided: Turns[Submitted] = Turns()
        self._thread: threading.Thread | None = None
        self._blobs = BlobThread()
        self._parts: list[tuple[Op, PartJob]] = []  # that have come in this pass of the event loop
        self._waiting: deque[Submitted] = deque()  # where no thread commits
        self._is_committing = False
        self.is_full = False
        self._next_probe = 0.0
        self.checkpoints = 0
        self.reloads = 0

    # --- life ---

    def load(self, node: Listener) -> None:
        """Take over what the database has, and begin a generation if that can be committed.

        Raises:
            sqlite3.Error: it cannot be read.
            StoreError: the directory of blobs cannot be used.
        """
        self._node = node
        self.view.limits = node.limits
        self.view.load(node.policy, node.now_ms())
        self._look_at_room()
        try:
            self.view.keep_only_whole()
        except OSError:
            raise StoreError("the directory of blobs cannot be used") from None
        self._begin_generation()

    def start(self, node: Listener, observer: Observer) -> None:
        """Load, and commit in a thread from now on. In a running event loop."""
        self.load(node)
        self._loop = asyncio.get_running_loop()
        self.handover = Handover(node, self._loop, observer)
        self._thread = threading.Thread(target=self._run, name="relay-writer")
        self._thread.start()
        self._blobs.start()

    def stop(self, timeout_s: float) -> bool:
        if self._thread is None:
            self.file.close()
            return True
        self._hand_over_parts()
        self._blobs.stop(timeout_s)
        self._queue.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def give_up(self) -> None:
        self._undecided.clear()

    @property
    def is_alive(self) -> bool:
        """Tell whether the threads run; the relay is not ready without them."""
        return self._thread is not None and self._thread.is_alive() and self._blobs.is_alive

    @property
    def backlog(self) -> int:
        return self._queue.qsize() + len(self._undecided)

    @property
    def crowd(self) -> int:
        """The same, but of what waits for its turn so many of each client address (RLY-158)."""
        return self._queue.qsize() + self._undecided.crowd

    @property
    def is_idle(self) -> bool:
        return not self.backlog and self.handover.is_empty and not self._parts and self._blobs.is_idle

    @property
    def completed_at(self) -> float:
        return self.handover.completed_at

    @property
    def skew_ms(self) -> int:
        return self.view.skew_ms

    @skew_ms.setter
    def skew_ms(self, skew_ms: int) -> None:
        self.view.skew_ms = skew_ms

    def block(self, blocked: frozenset[bytes]) -> None:
        self.view.blocked = blocked

    @property
    def generation(self) -> int:
        """The number of this start, or of the last reload."""
        return self.view.first_seq >> SEQ_COUNTER_BITS

    def complaints(self) -> dict[str, bool]:
        """No room for more: deletions and deliveries go on (RLY-131)."""
        return {"the disk has no room for more": self.is_full, "the store fails": self.view.is_stopped}

    def gauges(self) -> dict[str, tuple[str, int]]:
        return self._sweep.gauges(self._node.now_ms())

    # --- in the event loop's thread ---

    def submit(self, op: Op) -> None:
        """Decide an operation, or have the writer do it, and queue what it has to write."""
        view, request = self.view, op.request
        kind = type(request)
        if view.is_stopped and not (view.is_loaded and (kind in READING or kind is Find)):
            self._refuse(op)
            self._queue_up(Submitted(op, Writes()))
        elif view.dropped and _name_of(request) in view.dropped:
            self._refuse(op)  # the rows of the one before are still there, or its file
            self._queue_up(Submitted(op, Writes()))
        elif kind in _IN_TURN or (isinstance(request, Remove) and request.kind == ACCOUNT):
            self._queue_up(Submitted(op, None))
        else:
            view.now_ms = self._node.now_ms()
            decide(view, op, self._node.policy, view.now_ms)
            writes = view.take_writes()
            if writes.gone_blobs:
                self._hand_over_parts()  # they are removed behind the parts that came before
            if writes.part_job is None:
                self._queue_up(Submitted(op, writes))
            else:
                self._take_part(op, writes.part_job)
            if op.fresh is not None:
                self._node.decided(op)
        self._commit_waiting()

    def _take_part(self, op: Op, part_job: PartJob) -> None:
        """Have parts that come in one pass of the event loop read or written together.

        Each change of threads costs more than a part takes, most of all on a machine that is busy.
        """
        self._parts.append((op, part_job))
        if self._thread is None or len(self._parts) >= _MOST_PARTS:
            self._hand_over_parts()
        elif len(self._parts) == 1:
            self._loop.call_soon(self._hand_over_parts)

    def _hand_over_parts(self) -> None:
        if self._parts:
            parts, self._parts = self._parts, []
            self._blobs.submit(partial(self._after_parts, parts))

    def _after_parts(self, parts: Sequence[tuple[Op, PartJob]]) -> None:
        """Read or write parts, in their thread; then answer, behind a commit where a row is to be written."""
        answered: list[Op] = []
        for op, part_job in parts:
            writes = part_job()
            if writes is None:
                answered.append(op)
            else:
                self._queue_up(Submitted(op, writes))
        self.view.parts.let_go()
        if self._thread is not None:
            self._loop.call_soon_threadsafe(partial(self._node.committed, answered, failed=False))
        else:
            self._node.committed(answered, failed=False)

    def sweep(self, now_ms: int) -> None:
        """Do what time brings (RLY-41, RLY-79)."""
        self.view.now_ms = now_ms
        if self.view.is_stopped and self._thread is None:
            if not self.view.is_loaded:
                self._reload()
            self._begin_generation()
        self._sweep.tick(self._node, now_ms)

    def _submit_upkeep(self) -> None:
        self._hand_over_parts()
        self._queue_up(Submitted(None, self.view.take_writes()))
        self._commit_waiting()

    def _remove(self, remove: Remove) -> None:
        """Do what the operator asked for; called where groups are committed."""
        if self._thread is None:
            self._requested(remove)
        else:
            self._loop.call_soon_threadsafe(self._requested, remove)

    def _requested(self, remove: Remove) -> None:
        if self.view.is_stopped:
            return  # it is asked again
        if remove.kind != EXPIRE:
            self.submit(Op(None, remove))
        self._sweep.requested(self._node, remove, self._node.now_ms())

    def _refuse(self, op: Op) -> None:
        request = op.request
        op.fresh = None
        op.result = [SEND_UNAVAILABLE] * len(request.items) if isinstance(request, Send) else UNAVAILABLE

    def _queue_up(self, submitted: Submitted) -> None:
        op = submitted.op
        if self._thread is None:
            self._waiting.append(submitted)
        elif submitted.writes is None and op is not None:
            self._undecided.put(submitted, whose(op), weight_of(op))
            self._queue.put(_NOTHING)
        else:
            self._queue.put(submitted)

    def _commit_waiting(self) -> None:
        """Commit in the caller's thread where there is no other."""
        if self._waiting and not self._is_committing:
            self._is_committing = True
            try:
                while self._waiting:
                    self._commit_here([self._waiting.popleft()])
            finally:
                self._is_committing = False

    def _commit_here(self, group: list[Submitted]) -> None:
        """Commit in the caller's thread."""
        committed = self._carry_out(group)
        if committed:
            self._remove_files(group)
        else:
            group += self._waiting
            self._waiting.clear()
            self._reload()
        self._node.committed([one.op for one in group if one.op is not None], failed=not committed)
        if not committed:
            self._begin_generation()

    # --- after a failure ---

    def _reload(self) -> None:
        """Forget what was decided and not committed; the event loop waits, as at a start.

        What cannot be read now is read at the next attempt; until then nothing is answered from it.
        """
        self.reloads += 1
        self.view.take_writes()
        with suppress(sqlite3.Error):
            self.view.load(self._node.policy, self._node.now_ms())

    def _recover(self, done: threading.Event) -> None:
        """Refuse what was decided on top of a failed commit, and load memory anew, in the loop's thread."""
        lost = [one.op for one in self._undecided.clear() if one.op is not None]
        try:
            while (one := self._queue.get_nowait()) is not None:
                lost += [] if one.op is None else [one.op]
            self._queue.put(None)
        except queue.Empty:
            pass
        try:
            self._reload()  # before anybody is told: those may ask again at once
            self._node.committed(lost, failed=True)
        finally:
            done.set()

    def _begin_generation(self) -> bool:
        """Begin a generation; without one nothing is changed. Tell whether it was committed."""
        if not self.view.is_loaded:
            return False
        try:
            generation = self.file.begin_generation()
        except (sqlite3.Error, OSError):
            return False
        self.view.begin(generation)
        return True

    # --- in the writer's thread ---

    def _run(self) -> None:
        dirty_since: float | None = None
        stopping = False
        while not stopping or self._undecided:
            group, is_end = self._collect(self._wait_s(is_dirty=dirty_since is not None))
            stopping = stopping or is_end
            if group:
                self._commit(group, is_last=stopping)
                dirty_since = time.monotonic() if dirty_since is None else dirty_since
            self._try_to_go_on()
            due = dirty_since is not None and (not group or time.monotonic() - dirty_since >= _BUSY_S)
            if due and self.file.tidy():
                self.checkpoints += 1
                dirty_since = None
        self.file.close()

    def _wait_s(self, *, is_dirty: bool) -> float | None:
        if self.view.is_stopped:
            return _PROBE_S
        return _IDLE_S if is_dirty else None

    def _try_to_go_on(self) -> None:
        """While nothing is changed, look now and then whether a generation can be committed."""
        if self.view.is_stopped and time.monotonic() >= self._next_probe:
            self._next_probe = time.monotonic() + _PROBE_S
            if not self.view.is_loaded:
                self._have_recovered()
            self._begin_generation()

    def _have_recovered(self) -> None:
        done = threading.Event()
        self._loop.call_soon_threadsafe(self._recover, done)
        done.wait()

    def _collect(self, wait_s: float | None) -> tuple[list[Submitted], bool]:
        """Wait for one operation, then take what else has collected; tell whether the end was among it.

        Empty: the time was idle.
        """
        group: list[Submitted] = []
        is_end = False
        try:
            while not (group or is_end or self._undecided):
                is_end = self._add(group, self._queue.get(timeout=wait_s))
            while not is_end and len(group) < _MOST_GROUP:
                is_end = self._add(group, self._queue.get_nowait())
        except queue.Empty:
            pass
        return group + self._undecided.take(_MOST_DECIDED), is_end

    def _add(self, group: list[Submitted], item: Submitted | None) -> bool:
        """Add what is more than a word to wake up; tell whether this was the end.

        A mailbox is removed in its turn (RLY-221), behind all that was queued before for its rows.
        """
        if item is None:
            return True
        op = item.op
        if op is not None and type(op.request) is DeleteMailbox:
            self._undecided.put(item, whose(op), weight_of(op))
        elif item is not _NOTHING:
            group.append(item)
        return False

    def _commit(self, group: Sequence[Submitted], *, is_last: bool) -> None:
        begun = time.monotonic()
        committed = self._carry_out(group)
        if committed:
            self._remove_files(group)
        ops = [one.op for one in group if one.op is not None]
        self.handover.give(ops, failed=not committed, seconds=time.monotonic() - begun)
        if not committed and not is_last:
            self._have_recovered()
        elif len(group) >= _LOAD and not is_last:
            self._keep_distance(begun)

    def _remove_files(self, group: Sequence[Submitted]) -> None:
        """Have the files of dropped blobs removed, ahead of what comes next for the same ids."""
        for one in group:
            for key in () if one.writes is None else one.writes.gone_blobs:
                self._blobs.submit(partial(self.view.parts.remove, key))
                self.view.dropped.discard(key)

    def _keep_distance(self, begun: float) -> None:
        """Let more share the next commit, while more comes (RLY-163)."""
        waiting = self.backlog
        while (left_s := begun + _DISTANCE_S - time.monotonic()) > 0:
            time.sleep(min(left_s, _PATIENCE_S))
            before, waiting = waiting, self.backlog
            if waiting == before:
                return

    def _carry_out(self, group: Sequence[Submitted]) -> bool:
        """Commit a group; tell whether all of it is on the disk."""
        self._look_at_room()
        # Where the journal of deletions before had taken the last room, a second attempt has some (RLY-174).
        if self._attempt(group) or (self.is_full and self.file.tidy() and self._attempt(group)):
            return True
        return self.is_full and self._in_pieces(group)

    def _in_pieces(self, group: Sequence[Submitted]) -> bool:
        """Delete what a group deletes some messages at a time, where there is no room for all (RLY-192)."""
        gone = [row_id for one in group if one.writes is not None for row_id in one.writes.gone]
        try:
            self._group.delete_in_pieces(gone)
        except sqlite3.Error:
            return False
        return bool(gone) and self._attempt(group)

    def _attempt(self, group: Sequence[Submitted]) -> bool:
        handed_out: list[Op] = []
        try:
            self._group.commit([self._writes_of(one, handed_out) for one in group], handed_out)
        except sqlite3.Error:
            return False
        if handed_out:
            self._behind_mark(handed_out)
        return True

    def _writes_of(self, one: Submitted, handed_out: list[Op]) -> Writes:
        if one.writes is not None:
            return one.writes
        op, writes = one.op, Writes()
        if op is not None:
            writes.tasks.append(self._deciding(op, handed_out))
            writes.is_writing = not isinstance(op.request, READING)  # it may
        return writes

    def _deciding(self, op: Op, handed_out: list[Op]) -> Callable[[], None]:
        def task() -> None:
            decide(self.view, op, self._node.policy, self._node.now_ms())
            if isinstance(op.result, HandedOut):
                handed_out.append(op)

        return task

    def _behind_mark(self, handed_out: list[Op]) -> None:
        # The keys are gone from the database; without the mark a restored copy could give them again: keep
        # them back.
        try:
            self.file.write_mark()
        except OSError:
            for op in handed_out:
                op.result = UNAVAILABLE

    def _look_at_room(self) -> None:
        self.is_full = not self.file.has_room()
        self.view.has_room = not self.is_full
