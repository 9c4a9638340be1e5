"""Creation, permissions, versions and the end of a store."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from e2ee_client import errors
from e2ee_client.errors import (
    StoreExists,
    StoreMissing,
    StoreMisuse,
    StoreTooNew,
    StoreTooOld,
    StoreUnavailable,
    StoreWrongKey,
)
from e2ee_client.store import Continuity, MemoryAnchor, Passphrase, Put, RawKey, Store, StoreOptions, database
from store_probe import CHEAP, RAW_KEY, all_bytes, keyless

NEWEST = database.OLDEST + len(database.MIGRATIONS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed store with a row."""
    place = tmp_path / "db"
    with Store.create(place, RAW_KEY) as store:
        store.commit([Put("session", b"k", b"v")])
    return place


def _modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_only_the_owner_may_read(tmp_path: Path) -> None:
    """STO-16: whatever the umask says, and for a file that somebody had opened to others."""
    before = os.umask(0)
    try:
        store = Store.create(tmp_path / "db", RAW_KEY)
        store.commit([Put("session", b"k", b"v")])
        assert set(_modes(tmp_path)) == {"db", "db-wal", "db.anchor", "db.lock"}
        assert set(_modes(tmp_path).values()) == {0o600}
        store.close()
        (tmp_path / "db").chmod(0o644)
        with Store.open(tmp_path / "db", RAW_KEY):
            assert set(_modes(tmp_path).values()) == {0o600}
    finally:
        os.umask(before)


def test_nothing_but_the_files_of_the_chapter(path: Path) -> None:
    """STO-16: a closed store is database, anchor and lock."""
    assert {file.name for file in path.parent.iterdir()} == {"db", "db.anchor", "db.lock"}


def test_an_existing_file_is_never_replaced(path: Path) -> None:
    """STO-16."""
    before = path.read_bytes()
    with pytest.raises(StoreExists):
        Store.create(path, RAW_KEY)
    assert path.read_bytes() == before
    Store.open(path, RAW_KEY).close()


def test_a_missing_store_is_not_made(tmp_path: Path) -> None:
    """STO-16."""
    with pytest.raises(StoreMissing):
        Store.open(tmp_path / "db", RAW_KEY)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    """STO-16."""
    with pytest.raises(StoreUnavailable):
        Store.create(tmp_path / "nowhere" / "db", RAW_KEY)


def test_a_draft_of_a_crash_is_replaced(tmp_path: Path) -> None:
    """STO-16: a store exists completely or not at all."""
    (tmp_path / "db.creating").write_bytes(b"half a store")
    (tmp_path / "db.creating-journal").write_bytes(b"its journal")
    (tmp_path / "db.anchor.new").write_bytes(b"half an anchor")
    Store.create(tmp_path / "db", RAW_KEY).close()
    assert {file.name for file in tmp_path.iterdir()} == {"db", "db.anchor", "db.lock"}


class FullAnchor(MemoryAnchor):
    """Never keeps anything."""

    def save(self, record: bytes) -> None:
        raise errors.StoreFull("no room")


def test_a_failed_creation_leaves_no_store(tmp_path: Path) -> None:
    """STO-16: so that it can be tried again."""
    with pytest.raises(errors.StoreFull):
        Store.create(tmp_path / "db", RAW_KEY, anchor=FullAnchor())
    assert {file.name for file in tmp_path.iterdir()} == {"db.lock"}
    Store.create(tmp_path / "db", RAW_KEY).close()


@pytest.mark.parametrize(
    ("number", "refusal", "told"),
    [
        (6, StoreTooNew, "the store has schema 6, this program reads up to 5"),
        *(
            (old, StoreTooOld, f"the store has schema {old}, this program reads from 5 on")
            for old in (1, 2, 3, 4)
        ),
    ],
)
def test_another_schema_is_refused_and_left_alone(
    path: Path, number: int, refusal: type[errors.StoreError], told: str
) -> None:
    """STO-18: a newer one, and those that kept rooms in ways that are not read any more."""
    with keyless(path) as connection:
        connection.execute(f"PRAGMA user_version = {number}")
    path.chmod(0o644)
    before = {file.name: (file.read_bytes(), file.stat().st_mode) for file in path.parent.iterdir()}
    with pytest.raises(refusal, match=f"^{told}$"):
        Store.open(path, RAW_KEY)
    assert {file.name: (file.read_bytes(), file.stat().st_mode) for file in path.parent.iterdir()} == before


def test_an_older_store_that_a_crash_left_with_its_log_keeps_its_rows(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """STO-18: the program that wrote it goes on with what its last commits had stored."""
    crashed = tmp_path / "crashed"
    with Store.open(path, RAW_KEY) as store:
        store.commit([Put("session", b"k", b"newest")])
        for ending in ("", "-wal"):
            shutil.copyfile(f"{path}{ending}", f"{crashed}{ending}")
    assert Path(f"{crashed}-wal").stat().st_size > 0
    with monkeypatch.context() as newer:
        newer.setattr(database, "OLDEST", NEWEST + 1)
        with pytest.raises(StoreTooOld):
            Store.open(crashed, RAW_KEY)
    with Store.open(crashed, RAW_KEY) as store:
        assert store.get("session", b"k") == b"newest"


def test_migrations_run_from_the_stored_number_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STO-18: two later migrations reach an old file, each once and in order."""
    ran = []

    def first(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE later (id INTEGER PRIMARY KEY)")
        ran.append(1)

    def second(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE later")
        ran.append(2)

    number = NEWEST + 2
    monkeypatch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, first, second))
    for _ in range(2):
        with Store.open(path, RAW_KEY) as store:
            assert store.get("session", b"k") == b"v"
    assert ran == [1, 2]
    with keyless(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (number,)


def test_a_failed_migration_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STO-18: its transaction is undone, and the former program still opens the file."""

    def failing(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (id INTEGER PRIMARY KEY)")
        connection.execute("CREATE TABLE half (id INTEGER PRIMARY KEY)")

    with monkeypatch.context() as newer:
        newer.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, failing))
        with pytest.raises(StoreUnavailable):
            Store.open(path, RAW_KEY)
    with Store.open(path, RAW_KEY) as store:
        assert store.get("session", b"k") == b"v"


def test_the_settings_that_the_promises_rest_on(path: Path) -> None:
    """STO-09, STO-12: as SQLite reports them, not as we asked for them."""
    with Store.open(path, RAW_KEY) as store:
        run = store._run
        if run is None:
            raise TypeError
        read = {
            name: run.connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in (
                "synchronous",
                "secure_delete",
                "locking_mode",
                "journal_mode",
                "temp_store",
                "mmap_size",
            )
        }
    assert read == {
        "synchronous": 2,
        "secure_delete": 1,
        "locking_mode": "exclusive",
        "journal_mode": "wal",
        "temp_store": 2,
        "mmap_size": 0,
    }


def test_a_destroyed_store_is_gone(tmp_path: Path) -> None:
    """STO-17: every file, and before that the wrapped key, so that undeleting a file does not help."""
    place = tmp_path / "db"
    phrase = Passphrase("phrase")
    store = Store.create(place, phrase, kdf_profile=CHEAP)
    store.commit([Put("session", b"k", b"v")])
    (tmp_path / "second name").hardlink_to(place)
    store.destroy()
    assert {file.name for file in tmp_path.iterdir()} == {"second name"}
    with pytest.raises((StoreWrongKey, errors.StoreCorrupt)):
        Store.open(tmp_path / "second name", phrase)
    with keyless(tmp_path / "second name") as connection:
        assert connection.execute("SELECT box FROM header").fetchone()[0] == bytes(119)
    with pytest.raises(errors.StoreClosed):
        store.destroy()


def test_destroying_goes_on_where_overwriting_fails(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STO-17."""
    store = Store.open(path, RAW_KEY)

    def fail(*_: object) -> None:
        raise StoreUnavailable("the disk failed")

    monkeypatch.setattr(database, "write_header", fail)
    store.destroy()
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("options", [{"erase_every": 0}, {"anchor_every": 0}, {"max_size_b": 0}], ids=str)
def test_options_out_of_range_are_refused(options: dict[str, int]) -> None:
    """STO-08."""
    with pytest.raises(StoreMisuse):
        StoreOptions(**options)  # type: ignore[arg-type]  # the names are given as data


def test_two_stores_of_one_key_share_no_bytes(tmp_path: Path) -> None:
    """STO-03, STO-06: the data key is random, so even row ids differ."""
    ids = set()
    for name in ("a", "b"):
        with Store.create(tmp_path / name, RAW_KEY) as store:
            store.commit([Put("session", b"k", b"v")])
        with keyless(tmp_path / name) as connection:
            ids.update(connection.execute("SELECT id, tag FROM place").fetchall()[0])
    assert len(ids) == 4


def test_the_store_says_nothing_about_itself(tmp_path: Path) -> None:
    """STO-21."""
    with Store.create(tmp_path / "db", RawKey(b"\xab" * 32)) as store:
        assert repr(store) == "<Store open>"
        assert b"\xab" * 8 not in all_bytes(tmp_path)
    assert repr(store) == "<Store closed>"


def test_error_codes_are_those_of_the_chapter(repo_root: Path) -> None:
    """STO-09: stable, unique, each with a hint; retryable exactly where the chapter says so. Of those that
    only a browser has this half has none.
    """
    text = (repo_root / "spec" / "12-storage.md").read_text("utf-8")
    lines = [line for line in text.splitlines() if line.startswith(("| `store.", "| `backup."))]
    rows = [line.split("|") for line in lines if "browsers alone" not in line]
    listed = {code.strip(" `"): row[2].strip() == "yes" for row in rows for code in row[1].split(",")}
    classes = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type)
        and issubclass(kind, errors.StoreError | errors.BackupError)
        and "." in kind.code
    ]
    assert {kind.code: kind.retryable for kind in classes} == listed
    assert len({kind.code for kind in classes}) == len(classes)
    assert all(kind.hint for kind in classes)


@pytest.mark.parametrize("content", [b"somebody's notes", b""], ids=["text", "empty"])
def test_a_file_that_is_no_store_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    """STO-16: not even its permissions change."""
    place = tmp_path / "notes"
    place.write_bytes(content)
    place.chmod(0o644)
    with pytest.raises(errors.StoreCorrupt):
        Store.open(place, RAW_KEY)
    assert (place.read_bytes(), _modes(tmp_path)["notes"]) == (content, 0o644)


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    """STO-16."""
    (tmp_path / "folder").mkdir()
    before = stat.S_IMODE((tmp_path / "folder").stat().st_mode)
    with pytest.raises(StoreUnavailable):
        Store.open(tmp_path / "folder", RAW_KEY)
    assert _modes(tmp_path)["folder"] == before


def test_a_path_with_every_special_character_of_a_link(tmp_path: Path) -> None:
    """STO-16: SQLite is given the path as a link, so it must not be read as one."""
    place = tmp_path / "a b?mode=ro#c%41&d"
    for _ in range(2):
        with Store.open(place, RAW_KEY) if place.exists() else Store.create(place, RAW_KEY) as store:
            store.commit([Put("session", b"k", b"v")])
    assert {file.name for file in tmp_path.iterdir()} == {
        place.name,
        place.name + ".anchor",
        place.name + ".lock",
    }


def test_another_program_that_writes_the_database_is_noticed(path: Path) -> None:
    """STO-13: SQLite's own lock, where a program does not know of ours."""
    with keyless(path) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(errors.StoreLocked):
            Store.open(path, RAW_KEY)
    Store.open(path, RAW_KEY).close()


def test_an_anchor_in_memory_is_cleared_as_well(tmp_path: Path) -> None:
    """STO-17."""
    anchor = MemoryAnchor()
    store = Store.create(tmp_path / "db", RAW_KEY, anchor=anchor)
    assert anchor.load() is not None
    store.destroy()
    assert anchor.load() is None


def test_threads_take_turns(tmp_path: Path) -> None:
    """STO-09: commits of four threads, each whole, and one order for all."""
    with Store.create(tmp_path / "db", RAW_KEY) as store:

        def work(name: int) -> None:
            for number in range(25):
                store.commit([Put("outbox", bytes((name, number, part)), b"x") for part in (0, 1)])

        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        keys = [key for key, _ in store.items("outbox")]
    assert len(keys) == 200
    assert all(keys[n][:2] == keys[n + 1][:2] for n in range(0, 200, 2))
    with Store.open(tmp_path / "db", RAW_KEY) as store:
        assert store.continuity is Continuity.CONTINUOUS
        assert [key for key, _ in store.items("outbox")] == keys
