"""The SQLite store: durability, deletion from the files, migrations, restored copies."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock, patch

import cbor2
import pytest
from core_bench import Bench, item
from e2ee_relay.datadir import DATABASE, MARK, DataDirectory
from e2ee_relay.protocol import ErrorCode, Send, SendResults
from e2ee_relay.store import sqlite
from e2ee_relay.store import sqlite_schema as schema
from e2ee_relay.store.api import (
    Op,
    PrekeyRow,
    SchemaTooNew,
    Stock,
    StoreError,
    StoreInUse,
)
from e2ee_relay.store.backup import back_up
from e2ee_relay.store.manifest import MANIFEST, render_manifest
from e2ee_relay.store.mark import Mark, MarkFile
from e2ee_relay.store.sqlite import SqliteStore, Submitted
from e2ee_relay.store.sqlite_directory import SqlDirectory, drop_mailbox, sweep_tables
from e2ee_relay.store.sqlite_file import DatabaseFile
from e2ee_relay.store.sqlite_group import SqliteGroup
from e2ee_relay.store.sqlite_view import SqliteView
from e2ee_relay.store.sqlite_writes import Writes
from relay_actors import HOUR_MS
from sqlite_columns import columns_of_schema
from store_bench import RunningStore, until

DEVICE = b"d" * 32
FAR_MS = 1 << 50


def open_store(folder: Path) -> DatabaseFile:
    folder.mkdir(exist_ok=True)
    return DatabaseFile(folder / DATABASE, os.urandom(16), MarkFile(folder / MARK))


def add_prekeys(file: DatabaseFile, count: int, first: int = 1) -> None:
    reusable = (PrekeyRow(1, 1, FAR_MS, b"spk"), PrekeyRow(2, 1, FAR_MS, b"last resort"))
    one_time = [
        PrekeyRow(kind, first + n, FAR_MS, b"%d-%d" % (kind, first + n))
        for kind in (1, 2)
        for n in range(count)
    ]
    with file.transaction():
        SqlDirectory(file.connection).add_prekeys(DEVICE, reusable, tuple(one_time))


def hand_out(file: DatabaseFile) -> bytes | None:
    """Take a key of each kind as the store does: database first, then the mark."""
    directory = SqlDirectory(file.connection)
    with file.transaction():
        taken = directory.pop_one_time(DEVICE, 1, 0)
        directory.pop_one_time(DEVICE, 2, 0)
        file.set_figure("handed_out", file.mark().handed_out + 1)
    file.write_mark()
    return taken


def stock(file: DatabaseFile) -> Stock:
    return SqlDirectory(file.connection).stock(DEVICE)


def add_message(file: DatabaseFile, row_id: int, body: bytes) -> bytes:
    msg_id = os.urandom(16)
    row = (row_id, 1, row_id, msg_id, FAR_MS, 0, body)
    with file.transaction():
        file.connection.execute("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        file.connection.execute("INSERT INTO seen VALUES (?, 1, ?, ?)", (row_id, msg_id, FAR_MS))
    return msg_id


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_a_one_time_key_is_taken_by_statements_that_older_libraries_know(tmp_path: Path) -> None:
    """RLY-63: SQLite knows RETURNING from 3.35 on; systems with Python 3.11 or newer have 3.34."""
    file = open_store(tmp_path / "r")
    add_prekeys(file, 2)
    said: list[str] = []
    file.connection.set_trace_callback(said.append)
    assert [hand_out(file) for _ in range(3)] == [b"1-1", b"1-2", None]
    assert any(one.startswith("DELETE FROM prekey ") for one in said)
    assert [one for one in said if "RETURNING" in one] == []
    file.close()


# --- deletion ---


def test_deleted_bytes_leave_all_files(tmp_path: Path) -> None:
    """RLY-43: bodies, tokens, ids and prekeys are in no file once deleted and tidied; before, they are."""
    file = open_store(tmp_path / "r")
    canaries = [os.urandom(24) for _ in range(40)]
    sizes = [100, 3000, 9000, 60_000]
    token, key, spk = os.urandom(32), os.urandom(40), os.urandom(40)
    ask = file.connection.execute
    ask("INSERT INTO mailbox VALUES (1, ?, ?, 0)", (b"m" * 16, b"o" * 32))
    ask("INSERT INTO token VALUES (1, ?, 1)", (token,))
    ids = [
        add_message(file, row_id, os.urandom(sizes[row_id % 4]) + canary)
        for row_id, canary in enumerate(canaries, start=1)
    ]
    ask("INSERT INTO device VALUES (?, ?, 0, x'', x'', ?, NULL)", (DEVICE, b"a" * 32, b"m" * 16))
    with file.transaction():
        directory = SqlDirectory(file.connection)
        directory.add_prekeys(DEVICE, (PrekeyRow(1, 1, FAR_MS, spk),), (PrekeyRow(1, 1, FAR_MS, key),))
    held = bytes_of(tmp_path / "r")
    assert all(canary in held for canary in [*canaries, *ids, token, key, spk])
    file.tidy()
    with file.transaction():
        ask("DELETE FROM message WHERE row_id <= 30")
    with file.transaction():
        ask("DELETE FROM message")
        drop_mailbox(file.connection, 1, b"m" * 16)
    file.tidy()
    left = bytes_of(tmp_path / "r")
    assert [canary for canary in [*canaries, *ids, token, key, spk] if canary in left] == []
    file.close()


@pytest.mark.parametrize("busy", [False, True])
async def test_the_writer_tidies_when_idle_and_under_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, busy: bool
) -> None:
    """RLY-43: after a second without changes, and after a minute of continuous ones."""
    monkeypatch.setattr(sqlite, "_IDLE_S", 30 if busy else 0.05)
    monkeypatch.setattr(sqlite, "_BUSY_S", 0.3 if busy else 30)
    async with RunningStore(open_store(tmp_path / "r")) as running:
        canary = os.urandom(32)
        await running.send(canary)
        await running.acknowledge_all()
        before, deadline = running.store.checkpoints, time.monotonic() + 60
        while running.store.checkpoints == before and time.monotonic() < deadline:
            if busy:
                await running.send(b"other")
            await asyncio.sleep(0.01)
        assert running.store.checkpoints > before
        assert canary not in bytes_of(tmp_path / "r")


def test_a_reader_in_the_way_postpones_tidying(tmp_path: Path) -> None:
    """RLY-43: tidying says that it could not finish, and finishes later."""
    file = open_store(tmp_path / "r")
    file.connection.execute("PRAGMA busy_timeout = 10")
    add_message(file, 1, b"x")
    reader = sqlite3.connect(tmp_path / "r" / DATABASE, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM message").fetchall()
    file.connection.execute("DELETE FROM message")
    assert not file.tidy()
    reader.execute("COMMIT")
    assert file.tidy()
    reader.close()
    file.close()


# --- groups ---


async def test_a_full_disk_is_a_failure_and_not_a_loss(tmp_path: Path) -> None:
    """RLY-30: nothing of the group is there, and the store goes on when there is room."""
    file = open_store(tmp_path / "r")
    async with RunningStore(file) as running:
        pages = file.connection.execute("PRAGMA page_count").fetchone()[0]
        file.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        assert await running.send(bytes(90_000)) is ErrorCode.UNAVAILABLE
        assert file.connection.execute("SELECT * FROM message").fetchall() == []
        file.connection.execute("PRAGMA max_page_count = 100000")
        await until(lambda: running.store.reloads == 1 and not running.store.view.is_stopped)
        assert await running.send(bytes(90_000)) is ErrorCode.OK
        assert (running.store.reloads, len(file.connection.execute("SELECT * FROM message").fetchall())) == (
            1,
            1,
        )


async def test_after_a_failed_commit_numbers_go_on_above_all(tmp_path: Path) -> None:
    """RLY-195, RLY-35, RLY-90: what was pushed and is lost took its number with it; all else stands."""
    file = open_store(tmp_path / "r")
    async with RunningStore(file) as running:
        assert await running.send(b"first") is ErrorCode.OK
        with patch.object(SqliteGroup, "commit", side_effect=sqlite3.OperationalError("disk I/O error")):
            assert await running.send(b"lost") is ErrorCode.UNAVAILABLE
        await until(lambda: not running.store.view.is_stopped)
        assert await running.send(b"second") is ErrorCode.OK
        seqs = {message.body: message.seq for message in running.messages}
        assert seqs[b"first"] < seqs[b"lost"] < seqs[b"second"]
        await running.acknowledge_all()
        assert file.connection.execute("SELECT * FROM message").fetchall() == []


async def test_memory_is_loaded_as_soon_as_the_disk_can_be_read(tmp_path: Path) -> None:
    """RLY-195: by the writer's own attempts, and nothing is lost or unknown meanwhile."""
    async with RunningStore(open_store(tmp_path / "r")) as running:
        assert await running.send(b"first") is ErrorCode.OK
        fault = sqlite3.OperationalError("disk I/O error")
        with (
            patch.object(SqliteView, "_load_messages", side_effect=fault),
            patch.object(SqliteGroup, "commit", side_effect=fault),
        ):
            assert await running.send(b"lost") is ErrorCode.UNAVAILABLE
            await until(lambda: running.store.reloads > 2)
            assert await running.send(b"lost") is ErrorCode.UNAVAILABLE
        await until(lambda: not running.store.view.is_stopped)
        assert await running.send(b"second") is ErrorCode.OK


async def test_a_group_collects_while_a_commit_runs(tmp_path: Path) -> None:
    """RLY-30: a lone operation is committed at once; what arrives during a commit shares the next one."""
    groups: list[int] = []
    gate = threading.Event()
    commit = SqliteGroup.commit

    def slow(self: SqliteGroup, group: Sequence[Writes], handed_out: list[Op]) -> None:
        groups.append(len(group))
        gate.wait(60)
        commit(self, group, handed_out)

    async with RunningStore(open_store(tmp_path / "r")) as running:
        with patch.object(SqliteGroup, "commit", slow):
            sending = [running.begin(b"%d" % number) for number in range(1)]
            await until(lambda: bool(groups))
            sending += [running.begin(b"%d" % number) for number in range(50)]
            gate.set()
            for one in sending:
                assert await running.answer(one) is ErrorCode.OK
        # The store's own upkeep may stand beside either.
        assert groups[0] < 50 <= groups[1]


@pytest.mark.parametrize(
    ("operations", "took_ms", "comes", "pauses"),
    [
        (7, 1.0, True, []),
        (8, 1.0, True, [1.0, 1.0, 1.0]),
        (8, 1.0, False, [1.0]),
        (100, 3.5, True, [0.5]),
        (100, 4.0, True, []),
    ],
)
def test_commits_under_a_load_keep_a_distance(
    monkeypatch: pytest.MonkeyPatch, operations: int, took_ms: float, comes: bool, pauses: list[float]
) -> None:
    """RLY-163: 4 ms from begin to begin where eight or more shared one, while more comes; none at the end."""
    now_ms, slept = [0.0], list[float]()
    store = SqliteStore(DatabaseFile(None, bytes(16)))

    def sleep(seconds: float) -> None:
        slept.append(round(1000 * seconds, 3))
        now_ms[0] += 1000 * seconds
        if comes:
            store._queue.put(Submitted(None, Writes()))

    def carry_out(_self: SqliteStore, _group: Sequence[Submitted]) -> bool:
        now_ms[0] += took_ms
        return True

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: now_ms[0] / 1000)
    monkeypatch.setattr(SqliteStore, "_carry_out", carry_out)
    store.handover = SimpleNamespace(give=lambda *_a, **_k: None)  # type: ignore[assignment]  # nobody hears
    group = [Submitted(None, Writes())] * operations
    store._commit(group, is_last=False)
    assert slept == pauses
    store._commit(group, is_last=True)
    assert slept == pauses


# --- prekeys ---


async def test_each_key_is_taken_once_under_concurrency(tmp_path: Path) -> None:
    """RLY-63: many fetches in groups through one writer, no key twice, none lost."""
    file = open_store(tmp_path / "r")
    async with RunningStore(file) as running:
        await running.publish(150)
        given = await running.fetch(200)
    keys = [cbor2.loads(one.bundle)[4] for one in given]
    found = [key for key in keys if key is not None]
    assert (len(keys), len(found), len(set(found))) == (200, 150, 150)
    assert keys[150:] == [None] * 50


async def test_without_a_mark_no_key_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-63, RLY-76: without a written mark the keys are kept back; the rest of the group stands."""

    def full(_self: MarkFile, _mark: Mark) -> None:
        raise OSError(28, "No space left on device")

    file = open_store(tmp_path / "r")
    async with RunningStore(file) as running:
        record_hash = await running.publish(2)
        monkeypatch.setattr(MarkFile, "write", full)
        assert await running.fetch(1) == []
        assert await running.send(b"x") is ErrorCode.OK
        assert SqlDirectory(file.connection).stock(record_hash).one_time_x25519 == 1


def test_sweeping_drops_what_is_over(tmp_path: Path) -> None:
    """RLY-68: keys past their time; the highest id stays."""
    file = open_store(tmp_path / "r")
    early = PrekeyRow(1, 5, 100, b"early")
    SqlDirectory(file.connection).add_prekeys(DEVICE, (PrekeyRow(1, 1, 100, b"spk"),), (early,))
    sweep_tables(file.connection, 100)
    assert stock(file) == Stock(0, 0, 5, 0, None, None)
    file.close()


def test_forgotten_ids_leave_the_disk(tmp_path: Path) -> None:
    """RLY-32: an id goes one to two hours after it came, held or not, and no earlier."""
    bench = Bench(file=open_store(tmp_path / "r")).with_mailbox()
    bench.ask(SendResults, Send(4, (item(b"x", b"i" * 16),)))
    bench.clock.forward(2 * HOUR_MS - 1 - bench.clock.now_ms % HOUR_MS)
    bench.node.tick(bench.clock.now_ms)
    bench.commit()
    assert bench.rows("SELECT msg_id FROM seen") == [(b"i" * 16,)]
    bench.clock.forward(1)
    bench.node.tick(bench.clock.now_ms + 600_000)
    bench.commit()
    assert bench.rows("SELECT msg_id FROM seen") == []
    assert bench.held_rows() == 1
    bench.file.close()


# --- restored copies ---


def stock_after_start(folder: Path) -> int:
    file = open_store(folder)
    file.begin_generation()
    held = stock(file)
    file.close()
    return held.one_time_x25519


def copy_database(folder: Path, destination: Path) -> None:
    back_up(folder / DATABASE, destination, with_messages=True)


def put_back(copy: Path, folder: Path) -> None:
    for path in folder.glob(DATABASE + "*"):
        path.unlink()
    shutil.copy(copy, folder / DATABASE)


def test_a_restored_copy_burns_its_one_time_keys(tmp_path: Path) -> None:
    """RLY-76: keys were handed out after the copy was made; numbers go on above the lost ones."""
    folder = tmp_path / "r"
    store = open_store(folder)
    generation = store.begin_generation()
    add_prekeys(store, 5)
    copy_database(folder, tmp_path / "copy")
    hand_out(store)
    store.close()
    assert stock_after_start(folder) == 4
    put_back(tmp_path / "copy", folder)
    restored = open_store(folder)
    assert restored.is_restored()
    assert restored.begin_generation() > generation + 1
    assert stock(restored) == Stock(0, 0, 5, 5, 1, 1)
    assert not restored.is_restored()
    restored.close()


def test_a_copy_that_lost_nothing_burns_nothing(tmp_path: Path) -> None:
    """RLY-76: no key was handed out in between."""
    folder = tmp_path / "r"
    store = open_store(folder)
    store.begin_generation()
    add_prekeys(store, 5)
    hand_out(store)
    copy_database(folder, tmp_path / "copy")
    add_message(store, 1, b"x")
    store.close()
    put_back(tmp_path / "copy", folder)
    assert stock_after_start(folder) == 4


def handed_out(file: DatabaseFile, count: int) -> list[bytes]:
    taken = [hand_out(file) for _ in range(count)]
    return [one for one in taken if one is not None]


@pytest.mark.parametrize(
    "order", ["AA", "BB", "AB", "BA", "ABA", "BAB", "AAB", "ABB", "BBA"], ids=lambda order: f"copies-{order}"
)
@pytest.mark.parametrize("lost", ["", "first", "each time"], ids=lambda lost: f"mark-lost-{lost or 'never'}")
@pytest.mark.parametrize("takes", [(0, 2), (1, 1), (2, 2)], ids=lambda takes: f"{takes[0]}-then-{takes[1]}")
def test_no_key_comes_again_whatever_is_put_back(
    tmp_path: Path, order: str, lost: str, takes: tuple[int, int]
) -> None:
    """RLY-76, RLY-166: an older copy and a newer one, twice or in turn, with the mark and without it."""
    folder = tmp_path / "r"
    store = open_store(folder)
    store.begin_generation()
    add_prekeys(store, 6)
    seen = handed_out(store, 1)
    copy_database(folder, tmp_path / "A")
    seen += handed_out(store, 2)
    copy_database(folder, tmp_path / "B")
    seen += handed_out(store, 1)
    store.close()
    for place, name in enumerate(order):
        if lost == "each time" or (lost == "first" and place == 0):
            (folder / MARK).unlink()
        put_back(tmp_path / name, folder)
        store = open_store(folder)
        store.begin_generation()
        add_prekeys(store, 2, first=10 * (place + 1))
        for _ in range(2):
            seen += handed_out(store, takes[place > 0])
            store.close()
            store = open_store(folder)
            store.begin_generation()
        store.close()
    assert len(seen) == 4 + len(order) * 2 - 2 * (takes[0] == 0)
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("crashes", [1, 3])
def test_starts_that_end_before_the_mark_is_written_burn_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crashes: int
) -> None:
    """RLY-166: the database knows the start that the mark still names."""
    folder = tmp_path / "r"
    store = open_store(folder)
    store.begin_generation()
    add_prekeys(store, 5)
    store.close()

    def crash(_self: MarkFile, _mark: Mark) -> None:
        raise OSError("the process ends here")

    for _ in range(crashes):
        store = open_store(folder)
        with monkeypatch.context() as patch:
            patch.setattr(MarkFile, "write", crash)
            with pytest.raises(OSError, match="ends here"):
                store.begin_generation()
        store.close()
    assert stock_after_start(folder) == 5


@pytest.mark.parametrize("damage", ["missing", "torn", "foreign"])
def test_a_mark_that_says_nothing_burns_too(tmp_path: Path, damage: str) -> None:
    """RLY-76: missing, damaged, or of another database."""
    folder = tmp_path / "r"
    store = open_store(folder)
    store.begin_generation()
    add_prekeys(store, 5)
    store.close()
    mark = folder / MARK
    if damage == "missing":
        mark.unlink()
    elif damage == "torn":
        whole = mark.read_bytes()
        mark.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    else:
        MarkFile(mark).write(Mark(b"x" * 16, 1, 0))
    assert stock_after_start(folder) == 0
    store = open_store(folder)
    add_prekeys(store, 3, first=10)
    store.close()
    assert stock_after_start(folder) == 3


def test_a_copy_without_its_mark_gives_no_number_of_the_lost_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-35, RLY-76: as on a new machine that has the backup alone; it jumps once, not at each attempt."""
    folder, copy = tmp_path / "r", tmp_path / "copy.db"
    store = open_store(folder)
    store.begin_generation()
    copy_database(folder, copy)
    lost = [store.begin_generation() for _ in range(5)]
    store.close()
    put_back(copy, folder)
    (folder / MARK).unlink()
    store = open_store(folder)
    with monkeypatch.context() as patch:
        patch.setattr(MarkFile, "write", Mock(side_effect=OSError("no room")))
        with pytest.raises(OSError, match="no room"):
            store.begin_generation()
    assert max(lost) < store.begin_generation() < 1 << 21
    store.close()


def test_a_crash_between_database_and_mark_proves_nothing(tmp_path: Path) -> None:
    """RLY-76: a database ahead of its mark is its own newer self."""
    folder = tmp_path / "r"
    store = open_store(folder)
    store.begin_generation()
    add_prekeys(store, 5)
    before = (folder / MARK).read_bytes()
    hand_out(store)
    store.close()
    (folder / MARK).write_bytes(before)
    assert stock_after_start(folder) == 4


def test_the_operator_can_declare_a_restore(tmp_path: Path) -> None:
    """RLY-76: database and mark of one backup look consistent; the command burns, and jumps ahead."""
    folder = tmp_path / "r"
    store = open_store(folder)
    generation = store.begin_generation()
    add_prekeys(store, 5)
    assert store.declare_restored() == 10
    store.close()
    store = open_store(folder)
    assert store.begin_generation() > generation + 1_000_000
    assert stock(store) == Stock(0, 0, 5, 5, 1, 1)
    store.close()


def test_a_backup_has_messages_only_when_asked(tmp_path: Path) -> None:
    """RLY-78: a copy without messages has none of their bytes."""
    store = open_store(tmp_path / "r")
    canary = os.urandom(32)
    add_message(store, 1, canary)
    back_up(tmp_path / "r" / DATABASE, tmp_path / "without", with_messages=False)
    back_up(tmp_path / "r" / DATABASE, tmp_path / "with", with_messages=True)
    assert canary not in (tmp_path / "without").read_bytes()
    assert canary in (tmp_path / "with").read_bytes()
    assert (tmp_path / "with").stat().st_mode & 0o777 == 0o600
    with pytest.raises(StoreError):
        back_up(tmp_path / "r" / DATABASE, tmp_path / "with", with_messages=True)
    with pytest.raises(StoreError):
        back_up(tmp_path / "nothing", tmp_path / "other", with_messages=True)
    store.close()


# --- schema ---


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    """RLY-75: not a byte of it is changed."""
    folder = tmp_path / "r"
    open_store(folder).close()
    db = sqlite3.connect(folder / DATABASE, isolation_level=None)
    db.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    before = (folder / DATABASE).read_bytes()
    with pytest.raises(SchemaTooNew):
        open_store(folder)
    assert (folder / DATABASE).read_bytes() == before


def test_migrations_run_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-75: an older database is brought up to date with its rows; a failed step leaves the version."""
    folder = tmp_path / "r"
    store = open_store(folder)
    add_message(store, 1, b"kept")
    store.close()
    known = schema.MIGRATIONS
    step = ("ALTER TABLE mailbox ADD COLUMN colour TEXT", "no SQL")
    monkeypatch.setattr(schema, "MIGRATIONS", (*known, step))
    monkeypatch.setattr(schema, "SCHEMA_VERSION", len(known) + 1)
    with pytest.raises(StoreError):
        open_store(folder)
    monkeypatch.setattr(schema, "MIGRATIONS", (*known, step[:1]))
    store = open_store(folder)
    assert schema.schema_version(store.connection) == len(known) + 1
    assert store.connection.execute("SELECT body FROM message").fetchall() == [(b"kept",)]
    assert "colour" in [row[1] for row in store.connection.execute("PRAGMA table_info(mailbox)")]
    store.close()


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    """RLY-75: whatever it is, it is not overwritten."""
    other = sqlite3.connect(tmp_path / DATABASE)
    other.execute("CREATE TABLE diary (entry TEXT)")
    other.commit()
    other.close()
    with pytest.raises(StoreError, match="not a relay's"):
        DatabaseFile(tmp_path / DATABASE, bytes(16))
    (tmp_path / "noise").write_bytes(os.urandom(8192))
    with pytest.raises(StoreError, match="cannot be opened"):
        DatabaseFile(tmp_path / "noise", bytes(16))


def test_the_manifest_is_the_schema(repo_root: Path) -> None:
    """RLY-78: every column is explained, nothing else is, and the document is current."""
    assert {table: list(columns) for table, columns in MANIFEST.items()} == columns_of_schema()
    assert (repo_root / "server" / "STORAGE.md").read_text() == render_manifest()
    for columns in MANIFEST.values():
        assert all(one.what and one.why and one.how_long for one in columns.values())


def test_the_data_directory_is_private_and_for_one_process(tmp_path: Path) -> None:
    directory = DataDirectory.claim(tmp_path / "r")
    directory.open_store().close()
    assert (tmp_path / "r").stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "r").iterdir())
    with pytest.raises(StoreInUse):
        DataDirectory.claim(tmp_path / "r")
    directory.release()
    DataDirectory.claim(tmp_path / "r").release()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        DataDirectory.claim(tmp_path / "file" / "below")
