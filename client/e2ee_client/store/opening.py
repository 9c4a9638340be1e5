"""How a store comes into being and how a run begins: files, lock, keys, checks, continuity (STO-13,
STO-14, STO-16).
"""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from e2ee.ports import Rng
from e2ee_client.errors import StoreExists, StoreFull, StoreMissing, StoreMisuse
from e2ee_client.rows import Continuity

from . import database, files, header
from .anchor import GenerationAnchor
from .keys import MODERATE, DataKey, KdfProfile, RawKey, StoreKeys, Unlock
from .ledger import STATE_SLOT, Ledger
from .sealing import RowSealer
from .state import INSTANCE_B, StateSealer, crashed_while_opening, first_state, judge

_SIDE_FILES: Final = ("-wal", "-shm", "-journal")
_COMPACT_FROM_B: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """How a store behaves while it is open.

    `erase_every`: commits after which overwritten and deleted bytes are gone from the files at the latest
    (STO-12).
    `anchor_every`: commits after which the anchor is renewed at the latest (STO-14).
    `max_size_b`: the database grows to this size at most (STO-09).
    `detect_copies`: tell a copied file from the original by its file number; off where the file system
    changes it.
    """

    erase_every: int = 32
    anchor_every: int = 32
    max_size_b: int | None = None
    detect_copies: bool = True

    def __post_init__(self) -> None:
        if (
            self.erase_every < 1
            or self.anchor_every < 1
            or (self.max_size_b is not None and self.max_size_b < 1)
        ):
            raise StoreMisuse("a store's options are positive numbers")


@dataclass(frozen=True, slots=True, repr=False)
class Run:
    """Everything that one run of a store holds; `lock` and `path` are None for a store in memory."""

    connection: sqlite3.Connection
    ledger: Ledger
    states: StateSealer
    anchor: GenerationAnchor
    file_mark: int
    continuity: Continuity
    lock: files.ProcessLock | None
    path: Path | None

    def save_anchor(self) -> None:
        """Let the anchor know the newest position (STO-14)."""
        self.anchor.save(self.states.encode_anchor(self.ledger.state, self.file_mark))


def sibling(path: Path, ending: str) -> Path:
    """Return the path of a file beside the database."""
    return path.with_name(path.name + ending)


def database_files(path: Path) -> list[Path]:
    """Return the database and the files that SQLite may put beside it."""
    return [path, *(sibling(path, ending) for ending in _SIDE_FILES)]


def create(
    path: Path, unlock: Unlock, rng: Rng, profile: KdfProfile, anchor: GenerationAnchor, options: StoreOptions
) -> Run:
    """Build the whole store under another name, rename it, and begin its first run (STO-16)."""
    with ExitStack() as undo:
        lock = files.ProcessLock(sibling(path, ".lock"))
        undo.callback(lock.release)
        if path.exists():
            raise StoreExists("a file stands at the path of the new store")
        data_key = DataKey(rng(DataKey.SIZE_B))
        draft = sibling(path, ".creating")
        with files.translated_os_errors("creating the store"):
            files.remove_all(database_files(draft))
            files.create_private(draft)
            undo.callback(files.remove_all, database_files(draft))
            _build(draft, unlock, data_key, rng, profile)
            draft.replace(path)
            undo.callback(files.remove_all, database_files(path))
            files.synchronise_directory(path.parent)
        run = _begin(path, lock, data_key, rng, anchor, options)
        undo.pop_all()
    return run


def open_(path: Path, unlock: Unlock, rng: Rng, anchor: GenerationAnchor, options: StoreOptions) -> Run:
    """Take the lock, unwrap the data key, check all rows, and begin a run (STO-13, STO-14)."""
    if not path.exists():
        raise StoreMissing("no store stands at this path")
    with ExitStack() as undo:
        lock = files.ProcessLock(sibling(path, ".lock"))
        undo.callback(lock.release)
        run = _begin(path, lock, unlock, rng, anchor, options)
        undo.pop_all()
    return run


def in_memory(rng: Rng, anchor: GenerationAnchor) -> Run:
    """A store without files; its rows are sealed all the same."""
    connection = database.connect(None)
    data_key = DataKey(rng(DataKey.SIZE_B))
    _fill(connection, RawKey(rng(RawKey.SIZE_B)), data_key, rng, MODERATE)
    return _begin_with(connection, data_key, rng, anchor, file_mark=0, lock=None, path=None)


def _build(path: Path, unlock: Unlock, data_key: DataKey, rng: Rng, profile: KdfProfile) -> None:
    connection = database.connect(path)
    try:
        _fill(connection, unlock, data_key, rng, profile)
    finally:
        connection.close()


def _fill(
    connection: sqlite3.Connection, unlock: Unlock, data_key: DataKey, rng: Rng, profile: KdfProfile
) -> None:
    store_id = rng(header.STORE_ID_B)
    wrapped = header.encode(header.wrap(unlock, data_key, store_id, profile, rng))
    state = StateSealer(StoreKeys(data_key), store_id, rng).seal(first_state(rng(INSTANCE_B)))
    database.migrate(connection, new=True)
    with database.transaction(connection):
        connection.execute("INSERT INTO header VALUES (1, ?)", (wrapped,))
        connection.execute("INSERT INTO slot VALUES (?, ?)", (STATE_SLOT, state))


def _begin(
    path: Path,
    lock: files.ProcessLock,
    key: Unlock | DataKey,
    rng: Rng,
    anchor: GenerationAnchor,
    options: StoreOptions,
) -> Run:
    with ExitStack() as undo:
        connection = database.connect(path)
        undo.callback(connection.close)
        database.migrate(connection)
        with files.translated_os_errors("opening the store"):
            # Not before it is known to be a store: the path may name somebody else's file by mistake.
            for file in database_files(path):
                files.make_private(file)
        data_key = key
        if not isinstance(data_key, DataKey):
            data_key = header.unwrap(data_key, header.decode(database.read_header(connection)))
        database.use_write_ahead_log(connection)
        if options.max_size_b is not None:
            database.limit_size(connection, options.max_size_b)
        mark = path.stat().st_ino % 2**64 if options.detect_copies else 0
        run = _begin_with(connection, data_key, rng, anchor, file_mark=mark, lock=lock, path=path)
        _tidy(run, path)
        undo.pop_all()
    return run


def _begin_with(
    connection: sqlite3.Connection,
    data_key: DataKey,
    rng: Rng,
    anchor: GenerationAnchor,
    *,
    file_mark: int,
    lock: files.ProcessLock | None,
    path: Path | None,
) -> Run:
    store_id = header.decode(database.read_header(connection)).store_id
    keys = StoreKeys(data_key)
    states = StateSealer(keys, store_id, rng)
    ledger = Ledger(connection, RowSealer(keys, store_id, rng), states)
    ledger.check()
    continuity = _continue(ledger, states, anchor, file_mark, rng)
    run = Run(connection, ledger, states, anchor, file_mark, continuity, lock, path)
    run.save_anchor()
    return run


def _continue(
    ledger: Ledger, states: StateSealer, anchor: GenerationAnchor, file_mark: int, rng: Rng
) -> Continuity:
    """Judge, then write the new generation into the database; the caller writes the anchor (STO-14)."""
    state = ledger.state
    record = states.decode_anchor(anchor.load())
    verdict = judge(state, record, file_mark)
    if state.unsettled is not None and verdict.keeps_sessions:
        verdict = state.unsettled
    if crashed_while_opening(state, record):
        # The anchor must not fall two generations behind, whatever happens next.
        anchor.save(states.encode_anchor(state, file_mark if record is None else record.file_mark))
    newest = max(state.generation, 0 if record is None else record.generation)
    unsettled = None if verdict.keeps_sessions else verdict
    ledger.adopt(state.opened(newest + 1, rng(INSTANCE_B), unsettled))
    return verdict


def _tidy(run: Run, path: Path) -> None:
    """Finish what a crash left in the log, and give space back; a full disk leaves both for later."""
    with suppress(StoreFull):
        database.empty_log(run.connection)
        if run.ledger.free_size_b() > max(_COMPACT_FROM_B, path.stat().st_size // 2):
            run.ledger.compact()
            database.empty_log(run.connection)
