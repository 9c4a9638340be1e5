"""The relay's store in one SQLite database: WAL, synchronous=FULL, secure_delete, one transaction a group."""

from __future__ import annotations

import hashlib
import sqlite3
import weakref
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from . import prekeys
from .changes import (
    Change,
    Chill,
    DeviceRow,
    DropAccount,
    DropMailbox,
    DropMessages,
    DropPurge,
    DropTokens,
    Held,
    HeldRow,
    ListRow,
    MailboxRow,
    PurgeRequest,
    PutEntry,
    PutMailbox,
    PutMessages,
    PutPrekeys,
    PutTokens,
    ReadBodies,
    ReadLists,
    ReadPurges,
    ReadStock,
    RememberedRow,
    Result,
    StoreError,
    StoreFailure,
    Sweep,
    TakenPrekeys,
    TakePrekeys,
    TokenRow,
    TouchMailbox,
)
from .mark import Mark, MarkFile
from .messages import LOAD_HELD, OF_MESSAGES, MessageTables
from .open_files import OpenFiles
from .room import DEFAULT_RESERVE_B, Room, journal_limit_b
from .schema import migrate

_PAGE_B: Final = 4096
_PIECE: Final = 8  # messages; half a mebibyte at most
_INSTANCE_B: Final = 16
_HOUR_MS: Final = 3_600_000
# A start after a declared restore must be above every generation that the lost database can have had.
_DECLARED_RESTORE_STEP: Final = 1 << 20


class SqliteStore:
    """All that the relay keeps on disk. Not thread-safe: one thread uses it at a time."""

    def __init__(
        self,
        path: Path | None,
        instance: bytes,
        mark_file: MarkFile | None = None,
        reserve_b: int = DEFAULT_RESERVE_B,
    ) -> None:
        """Open or create the database; `path` None keeps it in memory, `instance` is random (16 B).

        `reserve_b`: below so much room on the disk nothing is added (RLY-131); 0 adds until it is full.

        Raises:
            SchemaTooNew: the database was written by a newer release (RLY-75).
            StoreError: the file cannot be opened, or is not a relay's database.
        """
        self._mark_file = mark_file
        self._instance = instance
        self.is_full = False
        self.files = OpenFiles()
        self._room = Room(path, reserve_b, self._free_pages_b) if path is not None and reserve_b else None
        try:
            self._db = _open(path, journal_limit_b(reserve_b))
            # Whoever lets go of a store without closing it leaves no open file behind.
            self._let_go = weakref.finalize(self, self._db.close)
            migrate(self._db)
        except sqlite3.Error as error:
            raise StoreError(f"the database cannot be opened: {error}") from None
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('instance', ?)", (instance,))
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('previous_instance', ?)", (instance,))
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('generation', 0)")
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('handed_out', 0)")
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('clock', 0)")
        self._messages = MessageTables(self._db)

    def load(self) -> Held:
        """Begin a generation, burn a restored copy's one-time keys, return what is kept in memory."""
        generation = self._begin_generation(step=1, declared=False)
        rows = self._db.execute
        return Held(
            generation=generation,
            mailboxes=[
                MailboxRow(*row) for row in rows("SELECT no, mailbox, owner_pub, used_day FROM mailbox")
            ],
            tokens=[TokenRow(*row) for row in rows("SELECT mailbox_no, token_hash, token_class FROM token")],
            messages=[HeldRow(*row) for row in rows(LOAD_HELD)],
            remembered=[
                RememberedRow(*row)
                for row in rows("SELECT mailbox_no, msg_id, until_ms FROM remembered ORDER BY row_id")
            ],
            heads=[
                ListRow(*row)
                for row in rows(
                    "SELECT account_id, max(seq), signed_list FROM device_list GROUP BY account_id"
                )
            ],
            devices=[
                DeviceRow(*row)
                for row in rows(
                    "SELECT account_id, record_hash, position, record, address FROM device"
                    " ORDER BY account_id, position"
                )
            ],
            clock_ms=self.clock_ms(),
        )

    def clock_ms(self) -> int:
        """Return the full hour of the relay's last sweep, 0 if there was none (RLY-132, RLY-150)."""
        (value,) = self._db.execute("SELECT value FROM meta WHERE name = 'clock'").fetchone()
        return int(value)

    def declare_restored(self) -> int:
        """Burn all one-time keys on the operator's word; return how many (RLY-76)."""
        held = int(self._db.execute("SELECT count(*) FROM prekey").fetchone()[0])
        self._begin_generation(step=_DECLARED_RESTORE_STEP, declared=True)
        return held

    def is_restored(self) -> bool:
        """Tell whether the mark beside the database contradicts it (RLY-76)."""
        ours, theirs = self._mark(), None if self._mark_file is None else self._mark_file.read()
        if self._mark_file is None or ours.generation == 0:
            return False
        known = (ours.instance, self._previous_instance())
        return theirs is None or theirs.instance not in known or theirs.handed_out > ours.handed_out

    def execute(self, changes: Sequence[Change]) -> list[Result]:
        """Carry out a group in one durable transaction; if that fails, each change in its own (RLY-30).

        Without room, what adds fails, and the rest of the group is carried out (RLY-131). While the files are
        not under their names nothing is carried out, and nothing is confirmed that was (RLY-173).
        """
        results = self._execute_with_room(changes) if self.is_in_place() else None
        if results is None or not self.is_in_place():
            return [StoreFailure("the files of the database are gone or hidden")] * len(changes)
        return results

    def is_in_place(self) -> bool:
        """Tell whether the names of database and journal lead to the files that are open (RLY-173)."""
        return self.files.are_in_place()

    def _execute_with_room(self, changes: Sequence[Change]) -> list[Result]:
        self.is_full = self._room is not None and not self._room.is_left()
        if not self.is_full or not any(isinstance(change, _ADDING) for change in changes):
            return self._execute(changes)
        done = iter(self._execute([change for change in changes if not isinstance(change, _ADDING)]))
        full = StoreFailure("the disk has no room for more")
        return [full if isinstance(change, _ADDING) else next(done) for change in changes]

    def _execute(self, changes: Sequence[Change]) -> list[Result]:
        if not changes:
            return []
        results = self._attempt(changes)
        if results is None and self.is_full and self.tidy():
            # The journal of the deletions before had taken the last room (RLY-174).
            results = self._attempt(changes)
        if results is not None:
            return results
        if len(changes) == 1:
            return [self._in_pieces(changes[0])]
        # One change that cannot be committed must not refuse the others of its group.
        return [self._execute([change])[0] for change in changes]

    def _in_pieces(self, change: Change) -> Result:
        """Remove a mailbox, for which there is no room as a whole, some messages at a time (RLY-192)."""
        if isinstance(change, DropMailbox):
            named = "SELECT row_id FROM {} WHERE mailbox_no = ? LIMIT ?"
            for table in ("message", "cold_message"):
                while rows := self._db.execute(named.format(table), (change.no, _PIECE)).fetchall():
                    if self._attempt([DropMessages(tuple(row[0] for row in rows))]) is None:
                        break
                    self.tidy()
            results = self._attempt([change])
            if results is not None:
                return results[0]
        return StoreFailure("the change could not be committed")

    def _attempt(self, changes: Sequence[Change]) -> list[Result] | None:
        try:
            with self._transaction():
                others = [self._carry_out(change) for change in self._messages.carry_out(changes)]
                handed_out = sum(isinstance(result, TakenPrekeys) for result in others)
                left = iter(others)
                results = [None if type(change) in OF_MESSAGES else next(left) for change in changes]
                if handed_out:
                    self._set_meta("handed_out", self._mark().handed_out + handed_out)
        except sqlite3.Error:
            return None
        return self._behind_mark(results) if handed_out else results

    def _carry_out(self, change: Change) -> Result:
        if isinstance(change, ReadBodies):
            return self._messages.read_bodies(change)
        if isinstance(change, Chill):
            self._messages.chill(change)
            return None
        if isinstance(change, DropMailbox):
            self._messages.drop_mailbox(change)
        return _CARRY_OUT[type(change)](self._db, change)

    def _behind_mark(self, results: list[Result]) -> list[Result]:
        # The keys are gone from the database; without the mark a restored copy could give them again: keep
        # them back.
        try:
            self._write_mark()
        except OSError:
            lost = StoreFailure("the mark cannot be written")
            return [lost if isinstance(result, TakenPrekeys) else result for result in results]
        return results

    def _free_pages_b(self) -> int:
        (count,) = self._db.execute("PRAGMA freelist_count").fetchone()
        return int(count) * _PAGE_B

    def tidy(self) -> bool:
        """Empty the journal into the database, so that deleted bytes are gone from both files (RLY-43).

        Returns False while a reader (a backup, an inspection) or a fault stands in the way: try again.
        """
        if not self.is_in_place():
            return False
        try:
            (busy, _, _) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error:
            return False
        # Looked at now, what comes after the checkpoint is told from what it wrote.
        return self.is_in_place() and not busy

    def close(self) -> None:
        """Tidy and close."""
        self.tidy()
        self._db.close()

    @property
    def connection(self) -> sqlite3.Connection:
        """The open connection, for inspection by the operator's commands."""
        return self._db

    @contextmanager
    def _transaction(self) -> Generator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _begin_generation(self, step: int, *, declared: bool) -> int:
        mark = None if self._mark_file is None else self._mark_file.read()
        ours = self._mark()
        noted = ours if mark is None else mark
        generation = max(ours.generation, noted.generation) + step
        burn = declared or self.is_restored()
        with self._transaction():
            if burn:
                prekeys.burn_one_time_keys(self._db)
            self._set_meta("generation", generation)
            self._set_meta("handed_out", max(ours.handed_out, noted.handed_out))
            # Until the mark is written it names that one; nothing is handed out meanwhile.
            self._set_meta("previous_instance", noted.instance)
            self._set_meta("instance", self._instance_of(generation))
        self._write_mark()
        return generation

    def _instance_of(self, generation: int) -> bytes:
        """Return a name that no other start has, also of this object."""
        drawn = self._instance + generation.to_bytes(8, "big")
        return hashlib.blake2b(drawn, digest_size=_INSTANCE_B).digest()

    def _previous_instance(self) -> bytes:
        row = self._db.execute("SELECT value FROM meta WHERE name = 'previous_instance'").fetchone()
        return bytes(row[0])

    def _mark(self) -> Mark:
        values = dict(self._db.execute("SELECT name, value FROM meta"))
        return Mark(bytes(values["instance"]), int(values["generation"]), int(values["handed_out"]))

    def _set_meta(self, name: str, value: int | bytes) -> None:
        self._db.execute("UPDATE meta SET value = ? WHERE name = ?", (value, name))

    def _write_mark(self) -> None:
        if self._mark_file is not None:
            self._mark_file.write(self._mark())


def _open(path: Path | None, journal_b: int) -> sqlite3.Connection:
    db = sqlite3.connect(
        ":memory:" if path is None else path, isolation_level=None, check_same_thread=False, timeout=5.0
    )
    try:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "secure_delete = ON",
            "temp_store = MEMORY",
            # A checkpoint blocks the writer; while it is busy the journal may grow to this size.
            f"wal_autocheckpoint = {journal_b // _PAGE_B}",
        ):
            db.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        db.close()
        raise
    if path is not None:
        path.chmod(0o600)
    return db


# --- changes ---


def _put_mailbox(db: sqlite3.Connection, change: PutMailbox) -> None:
    db.execute("INSERT INTO mailbox VALUES (?, ?, ?, ?)", change.row)


def _touch_mailbox(db: sqlite3.Connection, change: TouchMailbox) -> None:
    db.execute("UPDATE mailbox SET used_day = ? WHERE no = ?", (change.used_day, change.no))


def _drop_mailbox(db: sqlite3.Connection, change: DropMailbox) -> None:
    for table in ("token", "remembered"):
        db.execute(f"DELETE FROM {table} WHERE mailbox_no = ?", (change.no,))  # noqa: S608 - fixed names
    db.execute("DELETE FROM mailbox WHERE no = ?", (change.no,))
    for record_hash in change.record_hashes:
        db.execute("UPDATE device SET address = NULL WHERE record_hash = ?", (record_hash,))
        prekeys.drop_device_prekeys(db, record_hash)


def _put_tokens(db: sqlite3.Connection, change: PutTokens) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO token VALUES (?, ?, ?)",
        change.rows,
    )


def _drop_tokens(db: sqlite3.Connection, change: DropTokens) -> None:
    db.executemany(
        "DELETE FROM token WHERE mailbox_no = ? AND token_hash = ?",
        [(change.mailbox_no, token_hash) for token_hash in change.token_hashes],
    )


def _put_entry(db: sqlite3.Connection, change: PutEntry) -> None:
    db.executemany(
        "INSERT INTO device_list VALUES (?, ?, ?)",
        change.lists,
    )
    kept = {row.record_hash for row in change.devices}
    for (record_hash,) in db.execute(
        "SELECT record_hash FROM device WHERE account_id = ?", (change.account_id,)
    ).fetchall():
        if record_hash not in kept:
            prekeys.drop_device_prekeys(db, record_hash)
    db.execute("DELETE FROM device WHERE account_id = ?", (change.account_id,))
    db.executemany(
        "INSERT INTO device VALUES (?, ?, ?, ?, ?)",
        [(row.record_hash, row.account_id, row.position, row.record, row.address) for row in change.devices],
    )


def _drop_account(db: sqlite3.Connection, change: DropAccount) -> None:
    devices = db.execute(
        "SELECT record_hash FROM device WHERE account_id = ?", (change.account_id,)
    ).fetchall()
    for (record_hash,) in devices:
        prekeys.drop_device_prekeys(db, record_hash)
    db.execute("DELETE FROM device WHERE account_id = ?", (change.account_id,))
    db.execute("DELETE FROM device_list WHERE account_id = ?", (change.account_id,))


def _read_lists(db: sqlite3.Connection, change: ReadLists) -> list[bytes]:
    return [
        bytes(signed_list)
        for (signed_list,) in db.execute(
            "SELECT signed_list FROM device_list WHERE account_id = ? AND seq > ? ORDER BY seq LIMIT ?",
            (change.account_id, change.after_seq, change.limit),
        )
    ]


def _read_stock(db: sqlite3.Connection, change: ReadStock) -> Result:
    return prekeys.read_stock(db, change.record_hash)


def _sweep(db: sqlite3.Connection, change: Sweep) -> None:
    # The full hour: it tells no more than the hours of arrival do, and never goes back (RLY-150).
    hour_ms = change.now_ms // _HOUR_MS * _HOUR_MS
    db.execute("UPDATE meta SET value = :hour WHERE name = 'clock' AND value < :hour", {"hour": hour_ms})
    db.execute("DELETE FROM remembered WHERE until_ms <= ?", (change.now_ms,))
    prekeys.drop_expired(db, change.now_ms)


def _read_purges(db: sqlite3.Connection, _change: ReadPurges) -> list[PurgeRequest]:
    return [PurgeRequest(*row) for row in db.execute("SELECT kind, subject FROM purge_request")]


def _drop_purge(db: sqlite3.Connection, change: DropPurge) -> None:
    db.execute("DELETE FROM purge_request WHERE subject = ?", (change.subject,))


# A move writes its rows anew before it frees the old ones (RLY-154).
_ADDING: Final = (PutMailbox, PutTokens, PutMessages, PutEntry, PutPrekeys, Chill)
_CARRY_OUT: Final[dict[type[Change], Callable[..., Result]]] = {
    PutMailbox: _put_mailbox,
    TouchMailbox: _touch_mailbox,
    DropMailbox: _drop_mailbox,
    PutTokens: _put_tokens,
    DropTokens: _drop_tokens,
    PutEntry: _put_entry,
    DropAccount: _drop_account,
    ReadLists: _read_lists,
    PutPrekeys: prekeys.put_prekeys,
    ReadStock: _read_stock,
    TakePrekeys: prekeys.take_prekeys,
    Sweep: _sweep,
    ReadPurges: _read_purges,
    DropPurge: _drop_purge,
}
