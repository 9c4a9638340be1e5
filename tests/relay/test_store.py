"""The SQLite store: durability, deletion from the files, migrations, restored copies."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from e2ee_relay.datadir import DATABASE, MARK, DataDirectory
from e2ee_relay.store import schema
from e2ee_relay.store.backup import back_up
from e2ee_relay.store.changes import (
    Change,
    DropMailbox,
    DropMessages,
    MailboxRow,
    MessageRow,
    NoPrekeys,
    PrekeyRow,
    PutMailbox,
    PutMessages,
    PutPrekeys,
    PutTokens,
    ReadBodies,
    ReadStock,
    RememberedRow,
    Result,
    SchemaTooNew,
    Stock,
    StoreError,
    StoreFailure,
    StoreInUse,
    Sweep,
    TakenPrekeys,
    TakePrekeys,
    TokenRow,
)
from e2ee_relay.store.manifest import MANIFEST, columns_of_schema, render_manifest
from e2ee_relay.store.mark import Mark, MarkFile
from e2ee_relay.store.sqlite import SqliteStore
from e2ee_relay.store.writer import Completed, Writer

DEVICE = b"d" * 32
FAR_MS = 1 << 50


def open_store(folder: Path) -> SqliteStore:
    folder.mkdir(exist_ok=True)
    return SqliteStore(folder / DATABASE, os.urandom(16), MarkFile(folder / MARK))


def prekeys(count: int, first: int = 1) -> PutPrekeys:
    reusable = (PrekeyRow(1, 1, FAR_MS, b"spk"), PrekeyRow(2, 1, FAR_MS, b"last resort"))
    one_time = [
        PrekeyRow(kind, first + n, FAR_MS, b"%d-%d" % (kind, first + n))
        for kind in (1, 2)
        for n in range(count)
    ]
    return PutPrekeys(DEVICE, reusable, tuple(one_time), 1000)


def message(row_id: int, body: bytes, mailbox_no: int = 1) -> MessageRow:
    return MessageRow(row_id, mailbox_no, row_id, os.urandom(16), FAR_MS, 0, body)


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def do(store: SqliteStore, change: Change) -> Result:
    return store.execute([change])[0]


# --- deletion ---


def test_deleted_bytes_leave_all_files(tmp_path: Path) -> None:
    """RLY-43: bodies, tokens, ids and prekeys are in no file once deleted and tidied; before, they are."""
    store = open_store(tmp_path / "r")
    canaries = [os.urandom(24) for _ in range(40)]
    row_ids = range(1, 41)
    sizes = [100, 3000, 9000, 60_000]
    rows = [message(number, os.urandom(sizes[number % 4]) + canaries[number - 1]) for number in row_ids]
    token, key, spk = os.urandom(32), os.urandom(40), os.urandom(40)
    store.execute([PutMailbox(MailboxRow(1, b"m" * 16, b"o" * 32, 0)), PutTokens((TokenRow(1, token, 1),))])
    store.execute([PutMessages(tuple(rows))])
    do(store, PutPrekeys(DEVICE, (PrekeyRow(1, 1, FAR_MS, spk),), (PrekeyRow(1, 1, FAR_MS, key),), 10))
    held = bytes_of(tmp_path / "r")
    assert all(canary in held for canary in [*canaries, token, key, spk])
    store.tidy()
    store.execute([DropMessages(tuple(range(1, 31)))])
    store.execute([DropMailbox(1, (DEVICE,))])
    store.tidy()
    left = bytes_of(tmp_path / "r")
    assert [canary for canary in [*canaries, token, key, spk] if canary in left] == []
    assert [row.msg_id for row in rows if row.msg_id in left] == []
    store.close()


def test_the_writer_tidies_when_idle_and_under_load(tmp_path: Path) -> None:
    """RLY-43: after idle_s without changes, and after busy_s of continuous ones."""
    for busy in (False, True):
        folder = tmp_path / str(busy)
        store = open_store(folder)
        results: list[Result] = []
        done = threading.Event()

        def deliver(completed: Completed, _seconds: float, results: list[Result] = results) -> None:
            results.extend(result for _, result in completed)

        writer = Writer(
            store, deliver, time.monotonic, idle_s=0.05 if not busy else 30, busy_s=0.3 if busy else 30
        )
        writer.start()
        canary = os.urandom(32)
        writer.submit(PutMessages((message(1, canary),)), _ignore)
        writer.submit(DropMessages((1,)), _ignore)
        deadline = time.monotonic() + 60
        while writer.figures.checkpoints == 0 and time.monotonic() < deadline:
            if busy:
                writer.submit(ReadStock(DEVICE), _ignore)
            time.sleep(0.01)
        done.set()
        assert writer.figures.checkpoints >= 1
        assert canary not in bytes_of(folder)
        assert writer.stop(60)
        assert not writer.is_alive


def _ignore(_result: Result, _now_ms: int) -> None:
    """The results are looked at in `deliver`."""


def test_a_reader_in_the_way_postpones_tidying(tmp_path: Path) -> None:
    """RLY-43: tidying says that it could not finish, and finishes later."""
    store = open_store(tmp_path / "r")
    store.connection.execute("PRAGMA busy_timeout = 10")
    do(store, PutMessages((message(1, b"x"),)))
    reader = sqlite3.connect(tmp_path / "r" / DATABASE, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM message").fetchall()
    do(store, DropMessages((1,)))
    assert not store.tidy()
    reader.execute("COMMIT")
    assert store.tidy()
    reader.close()
    store.close()


# --- groups ---


def test_one_bad_change_does_not_refuse_its_group(tmp_path: Path) -> None:
    """RLY-30: the others of the group are committed, the bad one is a StoreFailure."""
    store = open_store(tmp_path / "r")
    results = store.execute(
        [PutMessages((message(1, b"a"),)), PutMessages((message(1, b"b"),)), PutMessages((message(2, b"c"),))]
    )
    assert [type(result) for result in results] == [type(None), StoreFailure, type(None)]
    assert do(store, ReadBodies((1, 2, 3))) == {1: b"a", 2: b"c"}
    store.close()


def test_a_full_disk_is_a_failure_and_not_a_loss(tmp_path: Path) -> None:
    """RLY-30: nothing of the group is there, and the store goes on when there is room."""
    store = open_store(tmp_path / "r")
    pages = store.connection.execute("PRAGMA page_count").fetchone()[0]
    store.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    assert isinstance(do(store, PutMessages((message(1, bytes(100_000)),))), StoreFailure)
    assert do(store, ReadBodies((1,))) == {}
    store.connection.execute("PRAGMA max_page_count = 100000")
    assert do(store, PutMessages((message(1, bytes(100_000)),))) is None
    store.close()


def test_many_bodies_are_read_at_once(tmp_path: Path) -> None:
    store = open_store(tmp_path / "r")
    do(store, PutMessages(tuple(message(number, b"%d" % number) for number in range(1, 1201))))
    bodies = do(store, ReadBodies(tuple(range(1, 1300))))
    assert isinstance(bodies, dict)
    assert len(bodies) == 1200
    store.close()


def test_a_group_collects_while_a_commit_runs() -> None:
    """RLY-30: a lone change is committed at once; what arrives during a commit shares the next one."""
    groups: list[int] = []
    gate = threading.Event()

    class SlowStore(SqliteStore):
        def execute(self, changes: list[Change] | object) -> list[Result]:
            assert isinstance(changes, list)
            groups.append(len(changes))
            gate.wait(60)
            return [None] * len(changes)

    seen: list[Result] = []
    writer = Writer(
        SlowStore(None, bytes(16)), lambda done, _s: seen.extend(r for _, r in done), time.monotonic
    )
    writer.start()
    writer.submit(ReadStock(DEVICE), _ignore)
    while not groups:
        time.sleep(0.001)
    for _ in range(50):
        writer.submit(ReadStock(DEVICE), _ignore)
    gate.set()
    assert writer.stop(60)
    assert groups == [1, 50]
    assert len(seen) == 51


@pytest.mark.parametrize(
    ("changes", "took_ms", "comes", "pauses"),
    [
        (7, 1.0, True, []),
        (8, 1.0, True, [1.0, 1.0, 1.0]),
        (8, 1.0, False, [1.0]),
        (100, 3.5, True, [0.5]),
        (100, 4.0, True, []),
    ],
)
def test_commits_under_a_load_keep_a_distance(
    changes: int, took_ms: float, comes: bool, pauses: list[float]
) -> None:
    """RLY-163: 4 ms from begin to begin where eight or more shared one, while more comes; none at the end."""
    groups, now_ms, slept, gate = list[int](), [0.0], list[float](), threading.Event()

    class TimedStore(SqliteStore):
        def execute(self, changes: Sequence[Change]) -> list[Result]:
            groups.append(len(changes))
            gate.wait(60)
            now_ms[0] += took_ms
            return [None] * len(changes)

    def sleep(seconds: float) -> None:
        slept.append(round(1000 * seconds, 3))
        now_ms[0] += 1000 * seconds
        if comes:
            writer.submit(ReadStock(DEVICE), _ignore)

    writer = Writer(
        TimedStore(None, bytes(16)), lambda _done, _s: None, lambda: now_ms[0] / 1000, sleep=sleep
    )
    for _ in range(changes):
        writer.submit(ReadStock(DEVICE), _ignore)
    writer.start()
    while not groups:
        time.sleep(0.001)
    for _ in range(changes):
        writer.submit(ReadStock(DEVICE), _ignore)
    assert not writer.stop(0)
    gate.set()
    assert writer.stop(60)
    assert (groups, slept) == ([changes, changes], pauses)


# --- prekeys ---


def test_each_key_is_taken_once_under_concurrency(tmp_path: Path) -> None:
    """RLY-63: many takers through one writer, no key twice, none lost."""
    store = open_store(tmp_path / "r")
    do(store, prekeys(300))
    taken: list[Result] = []
    writer = Writer(store, lambda done, _s: taken.extend(result for _, result in done), time.monotonic)
    writer.start()

    def take() -> None:
        for _ in range(100):
            writer.submit(TakePrekeys(DEVICE, 0), _ignore)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.stop(60)
    keys = [one.one_time_x25519 for one in taken if isinstance(one, TakenPrekeys)]
    assert len(keys) == 400
    found = [key for key in keys if key is not None]
    assert sorted(found) == sorted({b"1-%d" % (number + 1) for number in range(300)})
    assert keys[300:] == [None] * 100


def test_without_a_mark_no_key_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-63, RLY-76: without a written mark the keys are kept back; the rest of the group stands."""
    store = open_store(tmp_path / "r")
    do(store, prekeys(2))

    def full(_self: MarkFile, _mark: Mark) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(MarkFile, "write", full)
    results = store.execute([TakePrekeys(DEVICE, 0), PutMessages((message(1, b"a"),))])
    assert isinstance(results[0], StoreFailure)
    assert results[1] is None
    stock = do(store, ReadStock(DEVICE))
    assert isinstance(stock, Stock)
    assert stock.one_time_x25519 == 1
    store.close()


def test_sweeping_drops_what_is_over(tmp_path: Path) -> None:
    """RLY-32, RLY-68: remembered ids and keys past their time."""
    store = open_store(tmp_path / "r")
    early = PrekeyRow(1, 5, 100, b"early")
    do(store, PutPrekeys(DEVICE, (PrekeyRow(1, 1, 100, b"spk"),), (early,), 10))
    do(store, DropMessages((), (RememberedRow(1, b"i" * 16, 100), RememberedRow(1, b"j" * 16, 101))))
    do(store, Sweep(100))
    assert store.connection.execute("SELECT msg_id FROM remembered").fetchall() == [(b"j" * 16,)]
    assert do(store, ReadStock(DEVICE)) == Stock(0, 0, 5, 0, None, None)
    assert do(store, TakePrekeys(DEVICE, 0)) == NoPrekeys()
    store.close()


# --- restored copies ---


def stock_after_start(folder: Path) -> int:
    store = open_store(folder)
    store.load()
    stock = do(store, ReadStock(DEVICE))
    store.close()
    assert isinstance(stock, Stock)
    return stock.one_time_x25519


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
    generation = store.load().generation
    do(store, prekeys(5))
    copy_database(folder, tmp_path / "copy")
    do(store, TakePrekeys(DEVICE, 0))
    store.close()
    assert stock_after_start(folder) == 4
    put_back(tmp_path / "copy", folder)
    restored = open_store(folder)
    assert restored.is_restored()
    assert restored.load().generation > generation + 1
    stock = do(restored, ReadStock(DEVICE))
    assert stock == Stock(0, 0, 5, 5, 1, 1)
    assert not restored.is_restored()
    restored.close()


def test_a_copy_that_lost_nothing_burns_nothing(tmp_path: Path) -> None:
    """RLY-76: no key was handed out in between."""
    folder = tmp_path / "r"
    store = open_store(folder)
    store.load()
    do(store, prekeys(5))
    do(store, TakePrekeys(DEVICE, 0))
    copy_database(folder, tmp_path / "copy")
    do(store, PutMessages((message(1, b"x"),)))
    store.close()
    put_back(tmp_path / "copy", folder)
    assert stock_after_start(folder) == 4


def handed_out(store: SqliteStore, count: int) -> list[bytes | None]:
    taken = [do(store, TakePrekeys(DEVICE, 0)) for _ in range(count)]
    return [one.one_time_x25519 for one in taken if isinstance(one, TakenPrekeys) and one.one_time_x25519]


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
    store.load()
    do(store, prekeys(6))
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
        store.load()
        do(store, prekeys(2, first=10 * (place + 1)))
        for _ in range(2):
            seen += handed_out(store, takes[place > 0])
            store.close()
            store = open_store(folder)
            store.load()
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
    store.load()
    do(store, prekeys(5))
    store.close()

    def crash(_self: MarkFile, _mark: Mark) -> None:
        raise OSError("the process ends here")

    for _ in range(crashes):
        store = open_store(folder)
        with monkeypatch.context() as patch:
            patch.setattr(MarkFile, "write", crash)
            with pytest.raises(OSError, match="ends here"):
                store.load()
        store.close()
    assert stock_after_start(folder) == 5


@pytest.mark.parametrize("damage", ["missing", "torn", "foreign"])
def test_a_mark_that_says_nothing_burns_too(tmp_path: Path, damage: str) -> None:
    """RLY-76: missing, damaged, or of another database."""
    folder = tmp_path / "r"
    store = open_store(folder)
    store.load()
    do(store, prekeys(5))
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
    do(store, prekeys(3, first=10))
    store.close()
    assert stock_after_start(folder) == 3


def test_a_crash_between_database_and_mark_proves_nothing(tmp_path: Path) -> None:
    """RLY-76: a database ahead of its mark is its own newer self."""
    folder = tmp_path / "r"
    store = open_store(folder)
    store.load()
    do(store, prekeys(5))
    before = (folder / MARK).read_bytes()
    do(store, TakePrekeys(DEVICE, 0))
    store.close()
    (folder / MARK).write_bytes(before)
    assert stock_after_start(folder) == 4


def test_the_operator_can_declare_a_restore(tmp_path: Path) -> None:
    """RLY-76: database and mark of one backup look consistent; the command burns, and jumps ahead."""
    folder = tmp_path / "r"
    store = open_store(folder)
    generation = store.load().generation
    do(store, prekeys(5))
    assert store.declare_restored() == 10
    store.close()
    store = open_store(folder)
    assert store.load().generation > generation + 1_000_000
    assert do(store, TakePrekeys(DEVICE, 0)) == TakenPrekeys(b"spk", None, b"last resort", False, 0, 0)
    store.close()


def test_a_backup_has_messages_only_when_asked(tmp_path: Path) -> None:
    """RLY-78: a copy without messages has none of their bytes."""
    store = open_store(tmp_path / "r")
    canary = os.urandom(32)
    do(store, PutMessages((message(1, canary),)))
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
    do(store, PutMessages((message(1, b"kept"),)))
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
    assert do(store, ReadBodies((1,))) == {1: b"kept"}
    assert "colour" in [row[1] for row in store.connection.execute("PRAGMA table_info(mailbox)")]
    store.close()


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    """RLY-75: whatever it is, it is not overwritten."""
    other = sqlite3.connect(tmp_path / DATABASE)
    other.execute("CREATE TABLE diary (entry TEXT)")
    other.commit()
    other.close()
    with pytest.raises(StoreError, match="not a relay's"):
        SqliteStore(tmp_path / DATABASE, bytes(16))
    (tmp_path / "noise").write_bytes(os.urandom(8192))
    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteStore(tmp_path / "noise", bytes(16))


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
