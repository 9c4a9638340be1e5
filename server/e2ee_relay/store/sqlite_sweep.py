"""What time brings to the embedded store: expiry, forgotten ids, abandoned mailboxes, operator's requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from e2ee_relay.rules import release

from .api import DAY_MS, EXPIRE, HOUR_MS, Box, Listener, Remove
from .sqlite_directory import sweep_tables
from .sqlite_file import DatabaseFile
from .sqlite_view import SqliteView

_SWEEP_EVERY_MS: Final = 600_000
_REQUESTS_EVERY_MS: Final = 3_000
# Mailboxes and messages that one tick looks at: some milliseconds of the event loop.
_LOOKS: Final = 20_000
_FORGET_AT_ONCE: Final = 20_000
# Due entries that one tick looks at, and rows after which it leaves the others to the next one.
_ENTRIES_AT_ONCE: Final = 500
_ROWS_AT_ONCE: Final = 2_000


class SqliteSweep:
    """Runs on the node's tick, in the event loop's thread; what it leaves is committed with a group."""

    def __init__(
        self,
        view: SqliteView,
        file: DatabaseFile,
        commit: Callable[[], None],
        remove: Callable[[Remove], None],
    ) -> None:
        self._view = view
        self._file = file
        self._db = file.connection
        self._commit = commit
        self._remove = remove
        self._walk: Iterator[Box] = iter(())
        self._is_walking = False
        self._next_sweep_ms = 0
        self._next_requests_ms = 0
        self._forgotten_row = 0
        self._today = 0
        self._are_due = False
        self._swept_ms = 0
        self._are_ended = False  # prekeys whose time was over by then may be left

    def tick(self, node: Listener, now_ms: int) -> None:
        """Do what is due."""
        if self._view.is_stopped:
            return
        if now_ms >= self._next_sweep_ms:
            self._next_sweep_ms = now_ms + _SWEEP_EVERY_MS
            self._begin_sweep(now_ms)
        self._expire_short_lived(node, now_ms)
        self._go_on(node, now_ms, _LOOKS)
        if self._view.seen.forgotten_row > self._forgotten_row:
            self._view.taken.later(self._forget_ids)
        if self._are_due:
            self._view.taken.later(self._drop_entries)
        if self._are_ended:
            self._view.taken.later(self._drop_ended)
        if now_ms >= self._next_requests_ms:
            self._next_requests_ms = now_ms + _REQUESTS_EVERY_MS
            self._view.taken.tasks.append(self._read_requests)
        self._commit()

    # --- messages and mailboxes ---

    def requested(self, node: Listener, remove: Remove, now_ms: int) -> None:
        """Note that a request of the operator is being carried out; it is gone when that is committed."""
        if remove.kind == EXPIRE:
            self._begin_sweep(now_ms)
            while self._is_walking:
                self._go_on(node, now_ms, _LOOKS)
            self._view.taken.later(lambda: self._drop_all_ended(now_ms))
        asked = "DELETE FROM purge_request WHERE subject = ?"
        self._view.taken.later(lambda: self._delete(asked, remove.subject))
        self._commit()

    def _delete(self, statement: str, subject: bytes) -> None:
        self._db.execute(statement, (subject,))

    def _expire_short_lived(self, node: Listener, now_ms: int) -> None:
        queue = self._view.short_lived
        while queue and queue[0][0] <= now_ms:
            _, box, seq = queue.popleft()
            if self._view.box(box.address) is box:
                node.counters["expired"] += release(self._view, box, seq)

    def _begin_sweep(self, now_ms: int) -> None:
        self._walk = iter(list(self._view.boxes.values()))
        self._is_walking = True
        self._view.seen.forget(now_ms // HOUR_MS)
        self._swept_ms, self._are_ended = now_ms, True
        self._view.expire_blobs(now_ms)
        self._today, self._are_due = now_ms // DAY_MS, True

    def _go_on(self, node: Listener, now_ms: int, looks: int) -> None:
        """Look at the next mailboxes of the walk (RLY-79)."""
        abandoned_day = (now_ms - node.policy.abandoned_s * 1000) // DAY_MS
        while self._is_walking and looks > 0:
            box = next(self._walk, None)
            if box is None:
                self._is_walking = False
                return
            looks -= 1
            if self._view.box(box.address) is not box:
                continue
            if box.used_day < abandoned_day and not node.delivers(box.address):
                self._view.drop(box)
                node.dropped(box.address)
            else:
                looks -= len(box.mine.rows)
                self._expire(node, box, now_ms)

    def _expire(self, node: Listener, box: Box, now_ms: int) -> None:
        """Drop what has expired; a message may have longer to live than those behind it."""
        for seq in [seq for seq, row in box.mine.rows.items() if row.expires_ms <= now_ms]:
            node.counters["expired"] += release(self._view, box, seq)

    # --- entries ---

    def _drop_entries(self) -> None:
        """Look at some entries that are due, in the writer's thread (RLY-262)."""
        query = "SELECT account_id FROM entry WHERE due_day <= ? ORDER BY due_day LIMIT ?"
        due = self._db.execute(query, (self._today, _ENTRIES_AT_ONCE)).fetchall()
        until = self._db.total_changes + _ROWS_AT_ONCE
        for (account_id,) in due:
            if self._db.total_changes > until:
                return
            self._view.drop_unless_held(bytes(account_id), self._view.boxes, self._today)
        self._are_due = len(due) == _ENTRIES_AT_ONCE

    # --- prekeys, in the writer's thread ---

    def _drop_ended(self) -> None:
        """Note the hour, and remove some prekeys whose time is over (RLY-270)."""
        self._are_ended = sweep_tables(self._db, self._swept_ms, _ROWS_AT_ONCE)

    def _drop_all_ended(self, now_ms: int) -> None:
        sweep_tables(self._db, now_ms)

    # --- ids ---

    def _forget_ids(self) -> None:
        """Delete some rows of forgotten ids, in the writer's thread."""
        last = self._view.seen.forgotten_row
        found = self._db.execute(
            "SELECT row_id FROM seen WHERE row_id <= ? ORDER BY row_id LIMIT 1 OFFSET ?",
            (last, _FORGET_AT_ONCE),
        ).fetchone()
        self._forgotten_row = last if found is None else int(found[0])
        self._db.execute("DELETE FROM seen WHERE row_id <= ?", (self._forgotten_row,))

    # --- what the commands `purge` and `expire-now` have left in the database for a running relay ---

    def _read_requests(self) -> None:
        for kind, subject in self._db.execute("SELECT kind, subject FROM purge_request").fetchall():
            self._remove(Remove(kind, bytes(subject)))

    # --- figures ---

    def gauges(self, now_ms: int) -> dict[str, tuple[str, int]]:
        """Return what is held at this moment."""
        boxes, blobs = list(self._view.holding.values()), list(self._view.blobs.values())
        firsts = [next(iter(box.mine.rows.values())).received_ms for box in boxes if box.mine.rows]
        wall_ms = now_ms + self._view.skew_ms
        oldest_s = max(0, wall_ms - min(firsts)) // 1000 if firsts else 0
        return {
            "mailboxes": ("Mailboxes", len(self._view.boxes)),
            "held_messages": ("Messages held", sum(box.held for box in boxes)),
            "held_bytes": ("Bytes of messages held", sum(box.held_b for box in boxes)),
            "remembered_ids": ("Message ids that are remembered", len(self._view.seen)),
            "accounts": ("Directory entries", self._view.accounts),
            "blobs": ("Blobs", len(blobs)),
            "blob_bytes": ("Bytes of blobs when they are whole", sum(one.size_b for one in blobs)),
            "oldest_held_seconds": ("Age of the oldest message held, to the hour", oldest_s),
        }
