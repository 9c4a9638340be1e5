"""The view of the embedded store: mailboxes, rights, message numbers and ids in memory.

It belongs to the event loop's thread, which decides on it at once; `taken` collects what an operation has to
write. The writer's thread decides operations of the directory on it, whose tables it asks, and changes of
tokens, which it writes itself; of all else that is in memory it reads single values.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from e2ee_relay.limits import Policy

from .api import Box, Close, Fresh, HeldMessage, Op, Opened, Page, Read
from .sqlite_blobs import SqlBlobs
from .sqlite_directory import drop_mailbox
from .sqlite_file import DatabaseFile
from .sqlite_writes import Writes

# A seq is generation | counter: no start of the relay ever gives a number that an earlier one gave (RLY-35).
SEQ_COUNTER_BITS: Final = 32
_NO_BITS: Final = 64
# Ids are forgotten in parts of so many of the most that are remembered.
_PARTS: Final = 8


class Row(NamedTuple):
    """What memory has of a held message."""

    row_id: int
    size_b: int
    expires_ms: int
    received_ms: int


class _Kept:
    """What this store keeps with a mailbox."""

    __slots__ = ("first_id", "key", "last_id", "no", "rows", "tokens")

    def __init__(self, no: int) -> None:
        self.first_id = self.last_id = 0  # between these rows stand its remembered ids; 0: it has none
        self.no = no
        self.key = no.to_bytes(_NO_BITS // 8, "big")
        self.tokens: dict[bytes, int] = {}
        self.rows: dict[int, Row] = {}  # by seq, ascending


def _note_id(kept: _Kept, row_id: int) -> None:
    kept.first_id = kept.first_id or row_id
    kept.last_id = row_id


class _Part(NamedTuple):
    """Ids that are forgotten together."""

    until_hour: int
    ids: set[bytes]
    last_row: list[int]  # one number: the last row of these ids


class Seen:
    """Ids of messages that have come, oldest first: so many, and less than two parts more (RLY-32)."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._part_most = max(1, most // _PARTS)
        self._parts: deque[_Part] = deque()
        self.forgotten_row = 0  # rows up to this one may be deleted

    def __len__(self) -> int:
        return sum(len(part.ids) for part in self._parts)

    def __contains__(self, key: bytes) -> bool:
        for part in self._parts:  # noqa: SIM110 - a generator costs as much again, for each message
            if key in part.ids:
                return True
        return False

    def add(self, key: bytes, until_hour: int, row_id: int) -> None:
        """Know an id until the end of an hour; the oldest part goes when there are too many."""
        last = self._parts[-1] if self._parts else None
        if last is None or last.until_hour != until_hour or len(last.ids) >= self._part_most:
            last = _Part(until_hour, set(), [row_id])
            self._parts.append(last)
            while len(self) - len(self._parts[0].ids) >= self._most:
                self._forget_first()
        last.ids.add(key)
        last.last_row[0] = row_id

    def forget(self, hour: int) -> None:
        """Forget those whose hour is over."""
        while self._parts and self._parts[0].until_hour <= hour:
            self._forget_first()

    def _forget_first(self) -> None:
        self.forgotten_row = self._parts.popleft().last_row[0]


class SqliteView(SqlBlobs):
    """Implements `View`."""

    def __init__(self, file: DatabaseFile) -> None:
        super().__init__(file)
        self.blocked: frozenset[bytes] = frozenset()
        self.has_room = True
        self.is_stopped = True  # no generation has been begun: nothing may be changed
        self.is_loaded = False  # memory lacks what the database has: nothing may be answered from it
        self.first_seq = 0
        self.by_no: dict[int, Box] = {}
        self.holding: dict[int, Box] = {}  # those with messages, by number
        self.seen = Seen(0)
        self.now_ms = 0  # the time by which the operation under way is decided
        self.minute_ms = 0  # what expires within it is expired to the second
        self.short_lived: deque[tuple[int, Box, int]] = deque()  # (expires_ms, box, seq)
        self.last_row = 0
        # Mailboxes whose rows are not gone yet, and keys of blobs that they held.
        self.dropped: set[bytes] = set()
        self._last_no = 0
        self._nobody = Box(bytes(16), bytes(32), 0)
        self._nobody.mine = _Kept(0)
        self._last_hour_ms = self._last_expiry_ms = 0

    # --- loading ---

    def load(self, policy: Policy, now_ms: int) -> None:
        """Take over what the database has, and change nothing until `begin`."""
        self.is_stopped, self.is_loaded = True, False
        self.now_ms, self.minute_ms = now_ms, policy.minute_s * 1000
        self.boxes.clear()
        self.by_no.clear()
        self.holding.clear()
        self.short_lived.clear()
        self.dropped.clear()
        self.seen = Seen(policy.remembered_max)
        rows = self._db.execute
        for no, address, owner_pub, used_day in rows("SELECT no, mailbox, owner_pub, used_day FROM mailbox"):
            box = self.boxes[address] = self.by_no[no] = Box(address, owner_pub, used_day, self.first_seq)
            box.mine = _Kept(no)
        for no, hashed, token_class in rows("SELECT mailbox_no, token_hash, token_class FROM token"):
            if no in self.by_no:
                self.by_no[no].mine.tokens[hashed] = token_class
        self._load_messages()
        found = rows("SELECT row_id, mailbox_no, msg_id, until_hour FROM seen ORDER BY row_id")
        for row_id, no, msg_id, until_hour in found:
            self.seen.add(no.to_bytes(_NO_BITS // 8, "big") + msg_id, until_hour, row_id)
            if no in self.by_no:
                _note_id(self.by_no[no].mine, row_id)
        self._last_no = max(self.by_no, default=0)
        self.last_row = max(
            rows(f"SELECT coalesce(max(row_id), 0) FROM {table}").fetchone()[0]  # noqa: S608 - fixed names
            for table in ("message", "seen")
        )
        (self.accounts,) = rows("SELECT count(DISTINCT account_id) FROM device_list").fetchone()
        named = rows("SELECT DISTINCT mailbox FROM device WHERE mailbox IS NOT NULL")
        self.published = {bytes(mailbox) for (mailbox,) in named}
        self.load_blobs()
        self._find_short_lived()
        self.is_loaded = True

    def _load_messages(self) -> None:
        found = self._db.execute(
            "SELECT row_id, mailbox_no, seq, length(body), expires_ms, received_ms FROM message"
            " ORDER BY row_id"
        )
        for row_id, no, seq, size_b, expires_ms, received_ms in found:
            box = self.by_no.get(no)
            if box is not None:
                box.mine.rows[seq] = self._row(row_id, size_b, expires_ms, received_ms)
                box.held += 1
                box.held_b += size_b
                self.holding[no] = box

    def _find_short_lived(self) -> None:
        until_ms = self.now_ms + self.minute_ms
        short = [
            (row.expires_ms, box, seq)
            for box in self.holding.values()
            for seq, row in box.mine.rows.items()
            if row.expires_ms <= until_ms
        ]
        self.short_lived.extend(sorted(short, key=lambda one: one[0]))

    def _row(self, row_id: int, size_b: int, expires_ms: int, received_ms: int) -> Row:
        # Nearly all of an hour's messages have the same two times: one object each, not one a message.
        if received_ms == self._last_hour_ms:
            received_ms = self._last_hour_ms
        if expires_ms == self._last_expiry_ms:
            expires_ms = self._last_expiry_ms
        self._last_hour_ms, self._last_expiry_ms = received_ms, expires_ms
        return Row(row_id, size_b, expires_ms, received_ms)

    def begin(self, generation: int) -> None:
        """Give numbers of a generation, and take changes."""
        self.first_seq = generation << SEQ_COUNTER_BITS
        for box in self.boxes.values():
            box.last_seq = self.first_seq
        self.is_stopped = False

    def take_writes(self) -> Writes:
        """Return what was to be written since the last call."""
        taken, self.taken = self.taken, Writes()
        return taken

    # --- mailboxes and tokens ---

    def box(self, address: bytes) -> Box | None:
        return self.boxes.get(address)

    def right(self, address: bytes, hashed: bytes) -> int:
        """Return a token's class, or 0, at the same price (RLY-31).

        Most of that price is the first look at a mailbox, which is not in the processor's cache. So where
        there is none another one is looked at, which the address chooses.
        """
        chosen = int.from_bytes(address[:6], "big") % (self._last_no + 1)
        box = self.boxes.get(address, self.by_no.get(chosen, self._nobody))
        found: int = box.mine.tokens.get(hashed, 0)
        return found if box.address == address else 0

    def create(self, box: Box) -> None:
        self._last_no += 1
        no = self._last_no
        box.mine, box.last_seq = _Kept(no), self.first_seq
        self.boxes[box.address] = self.by_no[no] = box
        row = (no, box.address, box.owner_pub, box.used_day)
        self._write_later("INSERT INTO mailbox VALUES (?, ?, ?, ?)", [row])

    def count_tokens(self, box: Box, hashes: tuple[bytes, ...]) -> tuple[int, int]:
        tokens = box.mine.tokens
        return len(tokens), sum(one not in tokens for one in set(hashes))

    def grant(self, box: Box, hashes: tuple[bytes, ...], token_class: int) -> None:
        """Add tokens; in the writer's thread."""
        box.mine.tokens.update(dict.fromkeys(hashes, token_class))
        rows = [(box.mine.no, one, token_class) for one in hashes]
        self._write("INSERT OR REPLACE INTO token VALUES (?, ?, ?)", rows)

    def revoke(self, box: Box, hashes: tuple[bytes, ...]) -> None:
        """Remove tokens; in the writer's thread."""
        for one in hashes:
            box.mine.tokens.pop(one, None)
        rows = [(box.mine.no, one) for one in hashes]
        self._write("DELETE FROM token WHERE mailbox_no = ? AND token_hash = ?", rows)

    def touch(self, box: Box, day: int) -> None:
        """Note a day of use; while nothing can be written it is noted at another time."""
        if not self.is_stopped:
            box.used_day = day
            self._write_later("UPDATE mailbox SET used_day = ? WHERE no = ?", [(day, box.mine.no)])

    def drop(self, box: Box) -> None:
        """Remove a mailbox with all that belongs to it; its messages by their row ids (RLY-153)."""
        del self.boxes[box.address]
        del self.by_no[box.mine.no]
        self.holding.pop(box.mine.no, None)
        self.forget_blobs_of(box.address)
        self.dropped.update(self.taken.gone_blobs)
        self.taken.gone.extend([row.row_id for row in box.mine.rows.values()])
        no, address = box.mine.no, box.address
        self.dropped.add(address)
        ids = range(box.mine.first_id, box.mine.last_id + 1) if box.mine.last_id else range(0)
        self.taken.later(lambda: self._drop(no, address, ids))

    def _drop(self, no: int, address: bytes, ids: range) -> None:
        drop_mailbox(self._db, no, address, ids)
        self.published.discard(address)
        self.dropped.discard(address)

    def _write_later(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self.taken.later(lambda: self._write(statement, rows))

    def _write(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self._db.executemany(statement, rows)

    # --- messages ---

    def knows(self, address: bytes, msg_id: bytes) -> bool:
        box = self.boxes.get(address)
        return box is not None and box.mine.key + msg_id in self.seen

    def put(self, fresh: Fresh, until_hour: int) -> None:
        self.last_row += 1
        row_id, (box, seq, msg_id, body, received_ms, expires_ms) = self.last_row, fresh
        kept: _Kept = box.mine
        kept.rows[seq] = self._row(row_id, len(body), expires_ms, received_ms)
        self.holding[kept.no] = box
        _note_id(kept, row_id)
        self.seen.add(kept.key + msg_id, until_hour, row_id)
        self.taken.puts.append((row_id, kept.no, seq, msg_id, expires_ms, received_ms, body))
        self.taken.seen.append((row_id, kept.no, msg_id, until_hour))
        if expires_ms <= self.now_ms + self.minute_ms:
            self.short_lived.append((expires_ms, box, seq))

    def take(self, box: Box, seq: int) -> int:
        row: Row | None = box.mine.rows.pop(seq, None)
        if row is None:
            return 0
        if not box.mine.rows:
            self.holding.pop(box.mine.no, None)
        self.taken.gone.append(row.row_id)
        return row.size_b

    # --- delivery: one process delivers everything ---

    def open(self, box: Box) -> Opened:
        """Return the highest number that is held."""
        return Opened(box.address, next(reversed(box.mine.rows), 0), 0)

    def close(self, close: Close) -> None:
        """Nothing is noted of subscriptions."""

    def read(self, op: Op, read: Read, now_ms: int) -> None:
        """Choose now what is read; the writer reads the bodies."""
        box = self.boxes.get(read.mailbox)
        in_flight = frozenset(read.in_flight)
        wanted: list[tuple[int, Row]] = []
        size_b, is_drained = 0, True
        for seq, row in box.mine.rows.items() if box is not None else ():
            if seq in in_flight or row.expires_ms <= now_ms:
                continue
            if wanted and (len(wanted) >= read.most or size_b + row.size_b > read.most_b):
                is_drained = False
                break
            wanted.append((seq, row))
            size_b += row.size_b
        op.result = Page([], is_drained=is_drained)
        if wanted:
            self.taken.tasks.append(lambda: self._read(op, wanted, is_drained=is_drained))

    def _read(self, op: Op, wanted: list[tuple[int, Row]], *, is_drained: bool) -> None:
        named = json.dumps([row.row_id for _, row in wanted])
        found = {
            row_id: (msg_id, body)
            for row_id, msg_id, body in self._db.execute(
                "SELECT row_id, msg_id, body FROM message WHERE row_id IN (SELECT value FROM json_each(?))",
                (named,),
            )
        }
        op.result = Page(
            [
                HeldMessage(seq, *found[row.row_id], row.received_ms, row.expires_ms)
                for seq, row in wanted
                if row.row_id in found
            ],
            is_drained=is_drained,
        )
