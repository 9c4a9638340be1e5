"""Migrations ahead of a start, and databases that have not had theirs: of one process and of nodes."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from e2ee_relay.cli import main
from e2ee_relay.datadir import DataDirectory
from e2ee_relay.memory import MemoryRelay
from e2ee_relay.protocol import ErrorCode, LowPrekeys, Message, token_hash
from e2ee_relay.store import postgres_schema as shared
from e2ee_relay.store import sqlite_schema as schema
from e2ee_relay.store.api import StoreError
from e2ee_relay.store.postgres_session import connect
from e2ee_relay.store.sqlite_schema import SCHEMA_VERSION, schema_version
from relay_actors import HOUR_MS, START_MS, Clock, Company, Owner, Peer
from relay_backends import SharedDatabase

MAILBOX = bytes(range(16))
OLD = 2  # with messages in two tables


def run(data_dir: Path, *arguments: str) -> int:
    return main([arguments[0], "--data-dir", str(data_dir), *arguments[1:]])


def fill(data_dir: Path) -> None:
    """Make a database with one mailbox and two messages."""
    directory = DataDirectory.claim(data_dir)
    file = directory.open_store()
    put_rows(file.connection)
    file.close()
    directory.release()


def put_rows(db: sqlite3.Connection) -> None:
    rows = [(no, 1, no, no.to_bytes(16, "big"), 1 << 60, 0, b"12345") for no in (1, 2)]
    db.execute("INSERT INTO mailbox VALUES (1, ?, ?, 20000)", (MAILBOX, bytes(32)))
    db.executemany("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def age(data_dir: Path, version: int = OLD) -> None:
    """Make the database again as a release with that schema would have."""
    (data_dir / "relay.db").unlink()
    db = sqlite3.connect(data_dir / "relay.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    for number in range(version):
        schema._run(db, number)
    put_rows(db)
    db.close()


def rows_of(data_dir: Path, table: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(data_dir / "relay.db")) as db:
        return db.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - a fixed name


def schema_of(data_dir: Path) -> tuple[int, set[str]]:
    db = sqlite3.connect(data_dir / "relay.db")
    tables = {str(name) for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    version = schema_version(db)
    db.close()
    return version, tables


def test_an_older_database_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RLY-152: no figure of half the tables; the answer says what to do, and does nothing itself."""
    fill(tmp_path)
    age(tmp_path)
    for command in (("stats",), ("inspect", "--mailbox", MAILBOX.hex())):
        assert run(tmp_path, *command) == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert "sealroom-relay migrate" in told.err
    assert schema_of(tmp_path)[0] == OLD


@pytest.mark.parametrize("with_messages", [False, True])
def test_an_older_database_is_backed_up_as_it_is(tmp_path: Path, with_messages: bool) -> None:
    """RLY-152: before an upgrade is when a copy is wanted."""
    fill(tmp_path / "r")
    age(tmp_path / "r")
    copy = tmp_path / "relay.db"
    assert run(tmp_path / "r", "backup", str(copy), *(["--with-messages"] if with_messages else [])) == 0
    db = sqlite3.connect(copy)
    assert db.execute("SELECT count(*) FROM message").fetchone() == (2 if with_messages else 0,)
    db.close()
    assert schema_of(tmp_path) == schema_of(tmp_path / "r")


def test_a_newer_database_is_not_copied_halfway(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RLY-152: a newer release may keep messages where this one does not look."""
    fill(tmp_path)
    db = sqlite3.connect(tmp_path / "relay.db", isolation_level=None)
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    db.close()
    for command in (("backup", str(tmp_path / "copy.db")), ("stats",), ("migrate",), ("migrate", "--check")):
        assert run(tmp_path, *command) == 1
        assert "newer" in capsys.readouterr().err
    assert not (tmp_path / "copy.db").exists()


def test_a_migration_ahead_of_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RLY-151: told, tried and done; only the last of them changes the database."""
    fill(tmp_path)
    age(tmp_path)
    before = schema_of(tmp_path)
    pending = {"schema": OLD, "schema_known": SCHEMA_VERSION, "pending": SCHEMA_VERSION - OLD}
    for flag, status in (("--check", 1), ("--dry-run", 0)):
        assert run(tmp_path, "migrate", flag) == status
        assert json.loads(capsys.readouterr().out) == pending
        assert schema_of(tmp_path) == before
    for arguments in ((), ("--check",)):
        assert run(tmp_path, "migrate", *arguments) == 0
        assert json.loads(capsys.readouterr().out)["pending"] == 0
    assert schema_of(tmp_path) == (
        SCHEMA_VERSION,
        before[1] - {"cold_message", "remembered"} | {"seen", "blob", "entry"},
    )
    assert run(tmp_path, "stats") == 0


async def test_what_an_older_relay_kept_is_served(tmp_path: Path) -> None:
    """RLY-151, RLY-262, RLY-32, RLY-67: messages of both tables, remembered ids, each device's mailbox."""
    fill(tmp_path)
    age(tmp_path)
    owner = Owner(mailbox=MAILBOX)
    company = Company(owner, START_MS)
    (tmp_path / "relay.mark").unlink(missing_ok=True)
    db = sqlite3.connect(tmp_path / "relay.db", isolation_level=None)
    db.execute("UPDATE mailbox SET owner_pub = ?", (owner.owner_pub,))
    db.execute("INSERT INTO token VALUES (1, ?, 1)", (token_hash(owner.token),))
    db.execute("DELETE FROM message WHERE row_id = 1")
    old = (1, 1, 1, b"c" * 16, 1 << 60, START_MS - 5 * HOUR_MS, b"cold")
    db.execute("INSERT INTO cold_message VALUES (?, ?, ?, ?, ?, ?, ?)", old)
    db.execute("INSERT INTO remembered VALUES (7, 1, ?, ?)", (b"r" * 16, START_MS + HOUR_MS))
    signed_list = company.make_list([company.record])
    db.execute("INSERT INTO device_list VALUES (?, 1, ?)", (company.account_id, signed_list))
    row = (company.record_hash, company.account_id, company.record, company.make_address())
    db.execute("INSERT INTO device VALUES (?, ?, 0, ?, ?)", row)
    db.execute("INSERT INTO prekey_mark VALUES (?, 1, 5)", (company.record_hash,))
    db.close()
    relay = MemoryRelay(Clock(), os.urandom, None, tmp_path / "relay.db")
    ((account_id, due_day),) = rows_of(tmp_path, "entry")
    assert (account_id, due_day - time.time() // 86_400 >= 400) == (company.account_id, True)
    peer = await Peer(relay.connect()).greet()
    await owner.prove(peer)
    await owner.subscribe(peer)
    assert [(await peer.push(Message)).body for _ in range(2)] == [b"cold", b"12345"]
    low = await peer.push(LowPrekeys)
    assert (low.account_id, low.record_hash) == (company.account_id, company.record_hash)
    assert (await peer.send(owner.item(b"again", msg_id=b"r" * 16)))[0].code is ErrorCode.OK
    assert not any(isinstance(push, Message) for push in peer.pushes)
    relay.close()


def test_a_migration_that_would_fail_is_found_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-151: the dry run names the one that fails, and takes back those before it."""
    fill(tmp_path)
    before = schema_of(tmp_path)
    steps = (("ALTER TABLE mailbox ADD COLUMN colour TEXT",), ("CREATE TABLE mailbox (no INTEGER)",))
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, *steps))
    monkeypatch.setattr(schema, "SCHEMA_VERSION", SCHEMA_VERSION + 2)
    assert run(tmp_path, "migrate", "--dry-run") == 1
    assert f"the migration to schema {SCHEMA_VERSION + 2} fails" in capsys.readouterr().err
    assert schema_of(tmp_path) == before


def test_migrating_wants_a_stopped_relay_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """RLY-151: beside a running one only `--check`; and no database is made, no stranger's touched."""
    assert run(tmp_path / "none", "migrate") == 1
    assert not (tmp_path / "none").exists()
    fill(tmp_path)
    running = DataDirectory.claim(tmp_path)
    for flags, status in (((), 1), (("--dry-run",), 1), (("--check",), 0)):
        assert run(tmp_path, "migrate", *flags) == status
    running.release()
    other = tmp_path / "other"
    other.mkdir()
    diary = sqlite3.connect(other / "relay.db")
    diary.execute("CREATE TABLE diary (entry TEXT)")
    diary.commit()
    diary.close()
    for flags in ((), ("--dry-run",)):
        capsys.readouterr()
        assert run(other, "migrate", *flags) == 1
        assert "not a relay's" in capsys.readouterr().err
    assert schema_of(other) == (0, {"diary"})


# --- a shared database ---


def on_shared(url: str, *flags: str) -> int:
    return main(["migrate", "--set", f"store={url}", *flags])


def test_a_shared_database_is_migrated_ahead_of_its_nodes(
    shared_database: SharedDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    """RLY-151: told and tried on an empty database, which stays empty; then made; a newer one is refused."""
    url = shared_database.server().make_database()
    pending = {"schema": 0, "schema_known": shared.SCHEMA_VERSION, "pending": shared.SCHEMA_VERSION}
    for flag, status in (("--check", 1), ("--dry-run", 0)):
        assert on_shared(url, flag) == status
        assert json.loads(capsys.readouterr().out) == pending
    with psycopg.connect(url, autocommit=True) as db:
        assert db.execute("SELECT to_regnamespace('sealroom')").fetchone() == (None,)
        for flags in ((), ("--check",), ("--dry-run",)):
            assert on_shared(url, *flags) == 0
            assert json.loads(capsys.readouterr().out)["pending"] == 0
        db.execute("UPDATE sealroom.meta SET value = '99' WHERE name = 'schema'")
        for flags in ((), ("--check",), ("--dry-run",)):
            assert on_shared(url, *flags) == 1
            assert "newer" in capsys.readouterr().err


def test_a_migration_that_would_fail_on_nodes_is_found_before(shared_database: SharedDatabase) -> None:
    """RLY-151: also one that waits for a lock which somebody has; nothing of it is there afterwards."""
    url = shared_database.server().make_database()
    good: shared.Migrations = (*shared.MIGRATIONS, ("ALTER TABLE meta ADD COLUMN colour text",))
    with connect(url, "test") as db, psycopg.connect(url) as other:
        shared.migrate(db)
        with pytest.raises(StoreError, match=f"schema {len(good) + 1} fails: DuplicateTable"):
            shared.rehearse(db, (*good, ("CREATE TABLE mailbox (a int)",)))
        shared.rehearse(db, good)
        other.execute("LOCK TABLE sealroom.meta IN ACCESS SHARE MODE")
        with pytest.raises(StoreError, match=f"schema {len(good)} fails: LockNotAvailable"):
            shared.rehearse(db, good)
        assert shared.schema_version(db) == len(shared.MIGRATIONS)


def test_a_database_without_indexes_of_ended_prekeys_gets_them(tmp_path: Path) -> None:
    """RLY-270, RLY-151: and keeps its keys."""
    fill(tmp_path)
    age(tmp_path, 6)
    key = (bytes(32), 1, 5, 1 << 60, b"signed")
    with closing(sqlite3.connect(tmp_path / "relay.db", isolation_level=None)) as db:
        db.execute("INSERT INTO prekey VALUES (?, ?, ?, ?, ?)", key)
    (tmp_path / "relay.mark").unlink(missing_ok=True)
    MemoryRelay(Clock(), os.urandom, None, tmp_path / "relay.db").close()
    assert rows_of(tmp_path, "prekey") == [key]
    with closing(sqlite3.connect(tmp_path / "relay.db")) as db:
        plan = db.execute("EXPLAIN QUERY PLAN SELECT key_id FROM prekey WHERE not_after_ms <= 1").fetchall()
    assert "prekey_by_end" in str(plan)
