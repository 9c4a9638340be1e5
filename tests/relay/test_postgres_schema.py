"""The shared database: what is refused, migrations, copies that were put back, commands."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from e2ee_relay import cli
from e2ee_relay.limits import Policy
from e2ee_relay.protocol import (
    Ack,
    ErrorCode,
    Send,
    SendItem,
    TtlClass,
    token_hash,
)
from e2ee_relay.store import postgres_schema as schema
from e2ee_relay.store import postgres_upkeep as upkeep
from e2ee_relay.store.api import (
    Op,
    SchemaTooNew,
    StoreError,
)
from e2ee_relay.store.postgres import PostgresStore
from e2ee_relay.store.postgres_manifest import POSTGRES_MANIFEST
from e2ee_relay.store.postgres_session import Identity, connect
from postgres_nodes import (
    OWNER,
    TOKEN,
    Node,
    WordsHere,
    days_of,
    fetch,
    item,
    make_mailbox,
    published,
    rows,
    send,
    seqs,
)
from postgres_server import PostgresServer
from psycopg import sql
from relay_actors import DAY_MS, HOUR_MS, START_MS, Clock
from relay_backends import SharedDatabase
from view_in_memory import Asker

OK, DENIED, QUOTA = ErrorCode.OK, ErrorCode.DENIED, ErrorCode.QUOTA


def find_seq_floor(db: psycopg.Connection) -> int:
    """The number above which the operator's word, or another database, has new ones."""
    row = db.execute("SELECT value FROM meta WHERE name = 'seq_floor'").fetchone()
    return 0 if row is None else int(row[0])


def now_ms() -> int:
    return START_MS


# --- what is refused ---


def test_commits_that_may_be_lost_are_refused(url: str) -> None:
    """RLY-100: a database that answers before it has written is none for a relay."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("ALTER ROLE sealroom SET synchronous_commit = off")
    try:
        with pytest.raises(StoreError, match="synchronous_commit"):
            PostgresStore(url, Policy(), now_ms)
    finally:
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("ALTER ROLE sealroom RESET synchronous_commit")
    PostgresStore(url, Policy(), now_ms, has_threads=False).stop(1)


def test_commits_that_may_be_lost_from_now_on_are_refused(url: str, make_node: Callable[..., Node]) -> None:
    """RLY-197, RLY-100: a server that runs reads its settings again, for connections that stand too."""
    node = make_node()
    address, _ = make_mailbox(node)
    writer = node.store._writer.link.connection()
    assert writer is not None
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("ALTER ROLE sealroom SET synchronous_commit = off")
    try:
        writer.execute("SET synchronous_commit = off")
        failed = Op(Asker(), Send(1, (item(address),)))
        node.store.submit(failed)
        node.store.settle()
        assert node.listening.failed == [failed]
    finally:
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("ALTER ROLE sealroom RESET synchronous_commit")
    node.listening.failed.clear()
    time.sleep(0.5)
    assert send(node, item(address)) == [OK]


def test_a_server_without_fsync_is_refused() -> None:
    """RLY-100: fsync and full_page_writes hold for the whole server."""
    server = PostgresServer("fsync=off", "full_page_writes=off").start()
    try:
        with pytest.raises(StoreError, match="fsync, full_page_writes"):
            PostgresStore(server.make_database(), Policy(), now_ms)
    finally:
        server.remove()


def test_a_database_that_is_not_there_is_a_typed_error(tmp_path: Path) -> None:
    """RLY-109: nothing of the address stands in the text."""
    with pytest.raises(StoreError) as raised:
        PostgresStore(f"postgresql://who:secret@/nothing?host={tmp_path}", Policy(), now_ms)
    assert "secret" not in str(raised.value)
    assert str(tmp_path) not in str(raised.value)


def test_a_machine_with_a_wrong_clock_is_refused(shared_database: SharedDatabase) -> None:
    """RLY-113: it would drop days of all nodes; and it has changed nothing."""
    fresh = shared_database.server().make_database()
    with pytest.raises(StoreError, match="clocks"):
        PostgresStore(fresh, Policy(), now_ms, wall_ms=START_MS + 10 * 365 * DAY_MS)
    with psycopg.connect(fresh) as db:
        assert schema.schema_version(db) == 0


@pytest.mark.parametrize("command", ["expire-now", "restored"])
def test_a_command_on_a_machine_with_a_wrong_clock_does_nothing(
    url: str, make_node: Callable[..., Node], db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], command: str,
) -> None:  # fmt: skip
    """RLY-113: no message of a month expires because a machine thinks that it is ten years later."""
    node = make_node()
    address, _ = make_mailbox(node)
    assert send(node, item(address)) == [OK]
    before = find_seq_floor(db)
    later_ns = time.time_ns() + 10 * 365 * DAY_MS * 1_000_000
    monkeypatch.setattr(time, "time_ns", lambda: later_ns)
    assert run(url, capsys, command)[0] == 1
    assert rows(db, "message") == 1
    assert find_seq_floor(db) == before


# --- schema ---


def test_a_newer_schema_is_refused_and_left_alone(url: str, make_node: Callable[..., Node]) -> None:
    """RLY-101: not a row of it is changed."""
    make_node()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("UPDATE sealroom.meta SET value = '99' WHERE name = 'schema'")
        with pytest.raises(SchemaTooNew):
            PostgresStore(url, Policy(), now_ms)
        assert db.execute("SELECT value FROM sealroom.meta WHERE name = 'schema'").fetchone() == ("99",)
        db.execute("UPDATE sealroom.meta SET value = %s WHERE name = 'schema'", [str(schema.SCHEMA_VERSION)])


def test_a_newer_schema_is_refused_on_connections_that_stand(
    make_node: Callable[..., Node], db: psycopg.Connection
) -> None:
    """RLY-197, RLY-101: a node of a release before writes nothing beside tables that it does not know."""
    node = make_node()
    address, _ = make_mailbox(node)
    db.execute("UPDATE meta SET value = '99' WHERE name = 'schema'")
    failed = Op(Asker(), Send(1, (item(address),)))
    for _ in range(2):
        node.store.submit(failed)
        node.store.settle()
    assert node.listening.failed == [failed] * 2
    assert rows(db, "message") == 0
    db.execute("UPDATE meta SET value = %b WHERE name = 'schema'", [str(schema.SCHEMA_VERSION)])
    time.sleep(0.5)
    node.listening.failed.clear()
    assert send(node, item(address)) == [OK]


def test_a_migration_that_fails_leaves_nothing(shared_database: SharedDatabase) -> None:
    """RLY-101: each is one transaction; those before it stand."""
    fresh = shared_database.server().make_database()
    broken: schema.Migrations = (
        *schema.MIGRATIONS,
        ("CREATE TABLE half (a int)", "CREATE TABLE half (b int)"),
    )
    with connect(fresh, "test") as db:
        with pytest.raises(psycopg.errors.DuplicateTable):
            schema.migrate(db, broken)
        assert schema.schema_version(db) == len(schema.MIGRATIONS)
        assert db.execute("SELECT to_regclass('half')").fetchone() == (None,)
        schema.migrate(db, (*schema.MIGRATIONS, ("CREATE TABLE whole (a int)",)))
        assert schema.schema_version(db) == len(schema.MIGRATIONS) + 1


def test_a_migration_takes_as_long_as_it_needs(shared_database: SharedDatabase) -> None:
    """RLY-101: on a large table it is longer than any other statement; a rehearsal keeps nobody waiting."""
    fresh = shared_database.server().make_database()
    slow: schema.Migrations = (*schema.MIGRATIONS, ("SELECT pg_sleep(0.5)",))
    with connect(fresh, "test") as db:
        schema.migrate(db)
        db.execute("SET statement_timeout = 200")
        with pytest.raises(StoreError, match="QueryCanceled"):
            schema.rehearse(db, slow)
        schema.migrate(db, slow)
        assert schema.schema_version(db) == len(slow)
        with pytest.raises(psycopg.errors.QueryCanceled):
            db.execute("SELECT pg_sleep(0.5)")


def test_many_nodes_start_at_once(shared_database: SharedDatabase) -> None:
    """RLY-101: one migrates, the others wait for it."""
    fresh = shared_database.server().make_database()
    failures: list[BaseException] = []

    def start() -> None:
        try:
            PostgresStore(fresh, Policy(), now_ms, has_threads=False).stop(1)
        except (StoreError, psycopg.Error) as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_schema_of_something_else_is_refused(shared_database: SharedDatabase) -> None:
    """RLY-101: tables that are not a relay's are not touched."""
    fresh = shared_database.server().make_database()
    with psycopg.connect(fresh, autocommit=True) as db:
        db.execute("CREATE SCHEMA sealroom")
        db.execute("CREATE TABLE sealroom.theirs (a int)")
        with pytest.raises(StoreError, match="not a relay's"):
            PostgresStore(fresh, Policy(), now_ms)
        assert db.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'sealroom'").fetchone() == (1,)


def test_every_table_can_be_spread_over_servers(
    make_node: Callable[..., Node], db: psycopg.Connection
) -> None:
    """RLY-102: the id comes first in each primary key; no foreign key, no other unique index."""
    make_node()
    keys: dict[str, str] = dict(
        db.execute(
            "SELECT relname::text, (SELECT attname::text FROM pg_attribute"
            "  WHERE attrelid = indrelid AND attnum = indkey[0])"
            " FROM pg_index JOIN pg_class ON pg_class.oid = indrelid"
            " WHERE relnamespace = 'sealroom'::regnamespace AND NOT relispartition AND indisunique"
        ).fetchall()
    )
    by_id = {name: column for name, column in keys.items() if name not in ("meta", "blocked")}
    assert set(by_id.values()) == {"mailbox", "account_id", "record_hash", "blob"}
    # What is remembered has no key at all: an id may be there twice.
    assert by_id.keys() == POSTGRES_MANIFEST.keys() - {"meta", "blocked", "seen"}
    assert db.execute("SELECT count(*) FROM pg_constraint WHERE contype = 'f'").fetchone() == (0,)


def test_the_manifest_lists_every_column(make_node: Callable[..., Node], db: psycopg.Connection) -> None:
    """RLY-78: exactly what is stored."""
    make_node()
    found: dict[str, set[str]] = {}
    for table, column in db.execute(
        "SELECT table_name::text, column_name::text FROM information_schema.columns JOIN pg_class"
        " ON relname = table_name AND relnamespace = 'sealroom'::regnamespace"
        " WHERE table_schema = 'sealroom' AND NOT relispartition"
    ):
        found.setdefault(table, set()).add(column)
    assert found == {table: set(columns) for table, columns in POSTGRES_MANIFEST.items()}


def test_messages_of_an_older_release_are_kept(shared_database: SharedDatabase, words: WordsHere) -> None:
    """RLY-151: held messages, their order and ids, and what was remembered; new numbers are above them."""
    fresh = shared_database.server().make_database()
    address, clock = os.urandom(16), Clock()
    old_seq, day, hour = clock.now_ms << 16, clock.now_ms // DAY_MS + 30, clock.now_ms // HOUR_MS
    with connect(fresh, "test") as db:
        schema.migrate(db, schema.MIGRATIONS[:1])
        for table, number in (("message", 0), ("message", day), ("remembered", hour + 2)):
            query = sql.SQL("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})")
            own = sql.Identifier(f"{table}_{number}")
            db.execute(query.format(own, sql.Identifier(table), number, number + 1))
        values = [address, OWNER, old_seq + 3, clock.now_ms]
        db.execute("INSERT INTO mailbox VALUES (%b, %b, 20833, %b, 3, 3, %b, NULL)", values)
        db.execute("INSERT INTO token VALUES (%b, %b, 1)", [address, token_hash(TOKEN)])
        ids = [os.urandom(16) for _ in range(4)]
        received_ms = hour * HOUR_MS
        for number, expires_day in ((1, day), (2, 0), (3, day)):
            expires_ms = day * DAY_MS if expires_day else clock.now_ms + 60_000
            db.execute(
                "INSERT INTO message VALUES (%b, %b, %b, %b, %b, %b, %b)",
                [address, old_seq + number, expires_day, ids[number], expires_ms, received_ms, b"x"],
            )
            db.execute("INSERT INTO held_id VALUES (%b, %b, %b)", [address, ids[number], expires_day])
        db.execute("INSERT INTO remembered VALUES (%b, %b, %b)", [address, ids[0], hour + 2])
        db.execute("INSERT INTO device_list VALUES (%b, 1, 'list')", [b"a" * 32])
        schema.migrate(db)
        (entry,) = db.execute(
            "SELECT account_id, due_day - 400 - (current_date - date '1970-01-01') FROM entry"
        )
        assert entry in ((b"a" * 32, 0), (b"a" * 32, 1))
        db.execute("DELETE FROM entry")
    node = Node(fresh, words, clock, Policy(), 1)
    try:
        assert seqs(node, address) == [old_seq + 1, old_seq + 2, old_seq + 3]
        repeated = [SendItem(address, TOKEN, one, TtlClass.RETENTION, b"", b"x") for one in ids]
        assert send(node, *repeated, item(address)) == [OK] * 5
        assert len(seqs(node, address)) == 4
        assert seqs(node, address)[-1] > old_seq + 3
        clock.forward(61_000)
        node.sweep(clock.now_ms)
        assert seqs(node, address)[:2] == [old_seq + 1, old_seq + 3]
        owner = Asker(owned={address: OWNER})
        (op,) = node.apply(Ack(1, address, (old_seq + 1,)), peer=owner)
        assert op.count == 1
        clock.forward(40 * DAY_MS)
        node.sweep(clock.now_ms)
        with connect(fresh, "test") as db:
            assert 0 not in days_of(db)
    finally:
        node.store.stop(1)


# --- a database that is another than before ---


def test_another_database_burns_one_time_keys(
    make_node: Callable[..., Node], db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-103: after a copy was put back or a standby took over; numbers begin above all earlier ones."""
    node = make_node()
    address, _ = make_mailbox(node)
    send(node, item(address))
    db.execute("INSERT INTO prekey SELECT %b, 1, n, 1, 'k' FROM generate_series(1, 8) AS n", [b"d" * 32])
    assert make_node().store.burned is None
    ours = Identity.of(db)
    monkeypatch.setattr(Identity, "of", lambda _db: ours._replace(timeline=ours.timeline + 1))
    again = make_node()
    assert again.store.burned == 8
    assert make_node().store.burned is None
    send(again, item(address))
    before, after = seqs(again, address)
    assert after > upkeep.seq_floor_at(START_MS) >= before - 1
    assert rows(db, "prekey") == 0


def test_a_copy_of_the_schema_that_is_put_back_burns_too(
    make_node: Callable[..., Node], db: psycopg.Connection
) -> None:
    """RLY-103: twice into the same server, as pg_restore does it: the table is not the one noted."""
    make_node()
    db.execute("INSERT INTO prekey SELECT %b, 1, n, 1, 'k' FROM generate_series(1, 8) AS n", [b"d" * 32])
    db.execute("CREATE TEMPORARY TABLE dumped AS SELECT * FROM prekey")
    db.execute("CREATE TEMPORARY TABLE dumped_meta AS SELECT * FROM meta")
    for _ in range(2):
        db.execute("CREATE TABLE fresh (LIKE prekey INCLUDING ALL)")
        db.execute("DROP TABLE prekey")
        db.execute("ALTER TABLE fresh RENAME TO prekey")
        db.execute("INSERT INTO prekey SELECT * FROM dumped")
        db.execute(
            "UPDATE meta SET value = dumped_meta.value FROM dumped_meta WHERE meta.name = dumped_meta.name"
        )
        assert make_node().store.burned == 8
        assert make_node().store.burned is None


def test_another_database_under_a_running_node_is_not_served(
    make_node: Callable[..., Node], shared_database: SharedDatabase, words: WordsHere
) -> None:
    """RLY-176: an empty one, or that of another relay; the one of before is served again."""
    fresh = shared_database.server().make_database()
    node = Node(fresh, words, Clock(), Policy(), 7)
    try:
        address, _ = make_mailbox(node)
        with psycopg.connect(fresh, autocommit=True) as db:
            db.execute("ALTER SCHEMA sealroom RENAME TO away")
            failed = Op(Asker(), Send(1, (item(address),)))
            for _ in range(2):
                node.store.submit(failed)
                node.store.settle()
                time.sleep(0.2)
            assert node.listening.failed == [failed] * 2
            assert node.store.found_another
            db.execute("ALTER SCHEMA away RENAME TO sealroom")
        time.sleep(0.5)
        node.listening.failed.clear()
        assert send(node, item(address)) == [OK]
        assert not node.store.found_another
    finally:
        node.store.stop(1)


def test_tables_of_another_relay_under_a_standing_connection_are_not_served(
    shared_database: SharedDatabase, words: WordsHere
) -> None:
    """RLY-197, RLY-176: they take the place of its own in one transaction, so that no query fails."""
    fresh = shared_database.server().make_database()
    node = Node(fresh, words, Clock(), Policy(), 7)
    try:
        address, _ = make_mailbox(node)
        with psycopg.connect(fresh, autocommit=True, options="-c search_path=sealroom") as db:
            with db.transaction():
                db.execute("ALTER SCHEMA sealroom RENAME TO away")
                schema.migrate(db)
                upkeep.make_partitions(db, START_MS, 3600)
                upkeep.lineage_of(db)
            failed = Op(Asker(), Send(1, (item(address),)))
            node.store.submit(failed)
            node.store.settle()
            assert node.listening.failed == [failed]
            assert node.store.found_another
    finally:
        node.store.stop(1)


def test_a_copy_that_is_put_back_under_a_standing_connection_burns_too(
    make_node: Callable[..., Node], db: psycopg.Connection
) -> None:
    """RLY-197, RLY-103: no one-time key comes again, and numbers begin above all earlier ones."""
    node = make_node()
    company = published(node, 2, 2)
    assert node.apply(fetch(company))[0].result.one_time_x25519
    with db.transaction():
        db.execute("CREATE TABLE fresh (LIKE prekey INCLUDING ALL)")
        db.execute("INSERT INTO fresh SELECT * FROM prekey")
        db.execute("INSERT INTO fresh SELECT record_hash, key_type, 1, not_after_ms, 'given' FROM prekey")
        db.execute("DROP TABLE prekey")
        db.execute("ALTER TABLE fresh RENAME TO prekey")
    (again,) = node.apply(fetch(company))
    assert not again.result.one_time_x25519
    assert rows(db, "prekey") == 0
    assert node.store.burned == 4


# --- the operator's commands ---


def test_a_node_that_runs_heeds_what_the_operator_declares(
    url: str, make_node: Callable[..., Node], db: psycopg.Connection, clock: Clock,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """RLY-112, RLY-103: its next number is above all that a database of before can have given."""
    clock.now_ms = time.time_ns() // 1_000_000
    node = make_node()
    address, _ = make_mailbox(node)
    assert send(node, item(address)) == [OK]
    assert run(url, capsys, "restored")[0] == 0
    assert send(node, item(address)) == [OK]
    last = db.execute("SELECT max(seq) FROM message").fetchone()
    assert last is not None
    assert last[0] > find_seq_floor(db) > 0


def run(url: str, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = cli.main([words[0], "--set", f"store={url}", *words[1:]])
    return status, capsys.readouterr().out


def test_commands_work_beside_running_nodes(
    url: str, make_node: Callable[..., Node], db: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    """RLY-112, RLY-77, RLY-85, RLY-86: inspect, purge, block, stats, expire, restored."""
    node = make_node()
    company = published(node, 2, 2)
    address, _ = make_mailbox(node)
    assert send(node, item(address, b"sealed")) == [OK]
    subject = ("--mailbox", address.hex())
    held: dict[str, Any] = json.loads(run(url, capsys, "inspect", "--json", *subject)[1])
    assert held["message"][0]["body"] == b"sealed".hex()
    assert held["token"][0]["token_hash"] == token_hash(TOKEN).hex()
    stats = json.loads(run(url, capsys, "stats", "--json")[1])
    assert (stats["mailboxes"], stats["held_messages"], stats["one_time_kem"]) == (2, 1, 2)
    assert (stats["accounts"], stats["devices"], stats["remembered_ids"]) == (1, 1, 1)
    assert address.hex() not in json.dumps(stats)
    assert re.search(r"^held messages +1$", run(url, capsys, "stats")[1], re.MULTILINE)
    assert f"    token_hash: {token_hash(TOKEN).hex()}\n" in run(url, capsys, "inspect", *subject)[1]
    assert run(url, capsys, "block", *subject) == (0, "mailbox blocked\n")
    assert run(url, capsys, "block", *subject)[1] == "the mailbox was blocked already\n"
    assert db.execute("SELECT subject FROM blocked").fetchall() == [(address,)]
    assert run(url, capsys, "unblock", *subject)[0] == 0
    assert run(url, capsys, "unblock", *subject)[0] == 1
    assert run(url, capsys, "expire-now") == (0, "expired messages deleted: 0\n")
    assert run(url, capsys, "purge", *subject)[0] == 2
    assert rows(db, "mailbox") == 2
    status, told = run(url, capsys, "purge", *subject, "--yes")
    assert (status, f"  removed: mailbox {address.hex()}\n" in told, "  left: 0 rows\n" in told) == (
        0,
        True,
        True,
    )
    assert "  message: 1\n" in told
    assert run(url, capsys, "purge", *subject, "--yes") == (1, "nothing found about this mailbox\n")
    held = json.loads(run(url, capsys, "inspect", "--json", *subject)[1])
    assert not any(held.values())
    held = json.loads(run(url, capsys, "inspect", "--json", "--mailbox", company.owner.mailbox.hex())[1])
    assert [len(held[one]) for one in ("device", "prekey", "reusable_prekey", "prekey_mark")] == [1, 4, 2, 2]
    account = ("--account", company.account_id.hex())
    assert run(url, capsys, "purge", *account, "--yes")[0] == 0
    assert [rows(db, one) for one in ("device_list", "device", "prekey", "prekey_mark")] == [0] * 4
    assert rows(db, "mailbox") == 1
    other = published(node, 2, 2)
    assert run(url, capsys, "restored")[1] == "declared as restored; one-time keys burned: 4\n"
    (op,) = node.apply(fetch(other))
    assert (op.result.one_time_x25519, op.result.one_time_kem) == (False, False)
    assert json.loads(run(url, capsys, "restore-check")[1])["another_database"] is False
    assert run(url, capsys, "backup", "copy")[0] == 1
    assert not Path("copy").exists()


def test_ended_prekeys_go_some_at_a_time_by_an_index(
    shared_database: SharedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-270, RLY-101: also in a database of a release without it, whose keys are kept."""
    monkeypatch.setattr(upkeep, "_ENDED_AT_ONCE", 10)
    monkeypatch.setattr(upkeep, "_PARTS_OF_ENDED", 2)
    fresh = shared_database.server().make_database()
    with connect(fresh, "test") as db:
        schema.migrate(db, schema.MIGRATIONS[:5])
        for ended, count in ((1, 25), (9, 3)):
            numbers = "FROM generate_series(1, %b) AS n"
            db.execute(
                "INSERT INTO prekey SELECT %b, 1, n, %b, 'k' " + numbers, [bytes([ended]), ended, count]
            )
        schema.migrate(db)
        left = list[int]()
        for _ in range(2):
            upkeep.drop_ended(db, 1)
            left.append(rows(db, "prekey"))
        assert left == [8, 3]
        db.execute("SET enable_seqscan = off")
        for statement, table in zip(upkeep._ENDED, ("prekey", "reusable_prekey"), strict=True):
            plan = db.execute("EXPLAIN " + statement, [1, 10]).fetchall()
            assert f"using {table}_end " in str(plan)
