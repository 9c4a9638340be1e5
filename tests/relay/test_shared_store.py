"""The shared database by itself: refusals, migrations, groups of several nodes, partitions, commands."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from e2ee_relay import cli
from e2ee_relay.store.changes import (
    NoPrekeys,
    PrekeyRow,
    PutPrekeys,
    SchemaTooNew,
    Stock,
    StockFull,
    StoreError,
    StoreFailure,
    TakenPrekeys,
    TakePrekeys,
)
from e2ee_relay.store.postgres import schema, upkeep
from e2ee_relay.store.postgres.messages import ANY_DAY
from e2ee_relay.store.postgres.session import Identity, connect
from e2ee_relay.store.postgres.store import AnyChange, AnyResult, PostgresStore
from e2ee_relay.store.shared import (
    DAY_MS,
    HOUR_MS,
    Acknowledge,
    Acknowledged,
    AddTokens,
    CreateMailbox,
    FindMailboxes,
    Incoming,
    KeepUp,
    Outcome,
    Queue,
    ReadQueue,
    StoreMessages,
    Verdict,
)
from e2ee_relay.store.shared_manifest import SHARED_MANIFEST
from postgres_server import PostgresServer
from relay_actors import START_MS
from relay_backends import SharedDatabase

OWNER = b"o" * 32
TOKEN = b"t" * 32
DEVICE = b"d" * 32
FAR_MS = 1 << 50
MANY = 1_000_000


def now_ms() -> int:
    return START_MS


@pytest.fixture
def url(shared_database: SharedDatabase) -> str:
    return shared_database.empty()


@pytest.fixture
def open_store(url: str) -> Iterator[Callable[[], PostgresStore]]:
    """Open connections as several nodes have them."""
    opened: list[PostgresStore] = []

    def one() -> PostgresStore:
        opened.append(PostgresStore(url, now_ms))
        return opened[-1]

    yield one
    for store in opened:
        store.close()


def do(store: PostgresStore, change: AnyChange) -> AnyResult:
    return store.execute([change])[0]


def make_mailbox(store: PostgresStore) -> bytes:
    address = os.urandom(16)
    assert do(store, CreateMailbox(address, OWNER, START_MS)) == OWNER
    assert do(store, AddTokens(address, OWNER, (TOKEN,), 1, 10)) is None
    return address


def incoming(address: bytes, body: bytes = b"x", *, now: int = START_MS, days: int = 30) -> Incoming:
    expires_ms = now + days * DAY_MS
    return Incoming(address, TOKEN, os.urandom(16), expires_ms, expires_ms // DAY_MS, now, body)


def sending(*items: Incoming, quota: int = MANY, now: int = START_MS) -> StoreMessages:
    return StoreMessages(items, quota, MANY, now)


def outcomes(result: AnyResult) -> list[Outcome]:
    assert isinstance(result, list), result
    return [one for one in result if isinstance(one, Outcome)]


def read(store: PostgresStore, address: bytes, *skip: int, most: int = 1000, now: int = START_MS) -> Queue:
    queue = do(store, ReadQueue(address, 0, skip, most, MANY, now))
    assert isinstance(queue, Queue)
    return queue


# --- what is refused ---


def test_commits_that_may_be_lost_are_refused(url: str) -> None:
    """RLY-100: a database that answers before it has written is none for a relay."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("ALTER ROLE sealroom SET synchronous_commit = off")
    try:
        with pytest.raises(StoreError, match="synchronous_commit"):
            PostgresStore(url, now_ms)
    finally:
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("ALTER ROLE sealroom RESET synchronous_commit")
    PostgresStore(url, now_ms).close()


def test_a_server_without_fsync_is_refused() -> None:
    """RLY-100: fsync and full_page_writes hold for the whole server."""
    server = PostgresServer("fsync=off", "full_page_writes=off").start()
    try:
        with pytest.raises(StoreError, match="fsync, full_page_writes"):
            PostgresStore(server.make_database(), now_ms)
    finally:
        server.remove()


def test_a_database_that_is_not_there_is_a_typed_error(tmp_path: Path) -> None:
    """RLY-109: nothing of the address stands in the text."""
    with pytest.raises(StoreError) as raised:
        PostgresStore(f"postgresql://who:secret@/nothing?host={tmp_path}", now_ms)
    assert "secret" not in str(raised.value)
    assert str(tmp_path) not in str(raised.value)


# --- schema ---


def test_a_newer_schema_is_refused_and_left_alone(url: str) -> None:
    """RLY-101: not a row of it is changed."""
    PostgresStore(url, now_ms).close()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("UPDATE sealroom.meta SET value = '99' WHERE name = 'schema'")
        with pytest.raises(SchemaTooNew):
            PostgresStore(url, now_ms)
        assert db.execute("SELECT value FROM sealroom.meta WHERE name = 'schema'").fetchone() == ("99",)
        db.execute("UPDATE sealroom.meta SET value = %s WHERE name = 'schema'", [str(schema.SCHEMA_VERSION)])


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


def test_many_nodes_start_at_once(shared_database: SharedDatabase) -> None:
    """RLY-101: one migrates, the others wait for it."""
    fresh = shared_database.server().make_database()
    failures: list[BaseException] = []

    def start() -> None:
        try:
            PostgresStore(fresh, now_ms).close()
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
            PostgresStore(fresh, now_ms)
        assert db.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'sealroom'").fetchone() == (1,)


def test_every_table_can_be_spread_over_servers(open_store: Callable[[], PostgresStore]) -> None:
    """RLY-102: the id comes first in each primary key; no foreign key, no other unique index."""
    db = open_store().connection
    keys: dict[str, str] = dict(
        db.execute(
            "SELECT relname::text, (SELECT attname::text FROM pg_attribute"
            "  WHERE attrelid = indrelid AND attnum = indkey[0])"
            " FROM pg_index JOIN pg_class ON pg_class.oid = indrelid"
            " WHERE relnamespace = 'sealroom'::regnamespace AND NOT relispartition AND indisunique"
        ).fetchall()
    )
    by_id = {name: column for name, column in keys.items() if name not in ("meta", "blocked")}
    assert set(by_id.values()) == {"mailbox", "account_id", "record_hash"}
    # What is remembered has no key at all: an id may be there twice.
    assert by_id.keys() == SHARED_MANIFEST.keys() - {"meta", "blocked", "remembered"}
    assert db.execute("SELECT count(*) FROM pg_constraint WHERE contype = 'f'").fetchone() == (0,)


def test_the_manifest_lists_every_column(open_store: Callable[[], PostgresStore]) -> None:
    """RLY-78: exactly what is stored."""
    found: dict[str, set[str]] = {}
    for table, column in open_store().connection.execute(
        "SELECT table_name::text, column_name::text FROM information_schema.columns JOIN pg_class"
        " ON relname = table_name AND relnamespace = 'sealroom'::regnamespace"
        " WHERE table_schema = 'sealroom' AND NOT relispartition"
    ):
        found.setdefault(table, set()).add(column)
    assert found == {table: set(columns) for table, columns in SHARED_MANIFEST.items()}


# --- messages of several nodes ---


def test_numbers_ascend_over_all_nodes_and_no_group_waits_for_ever(
    open_store: Callable[[], PostgresStore],
) -> None:
    """RLY-104: four nodes write into the same mailboxes in any order; numbers are dense, none is double."""
    first = open_store()
    mailboxes = [make_mailbox(first) for _ in range(8)]
    stores = [open_store() for _ in range(4)]
    given: list[list[tuple[bytes, int]]] = [[] for _ in stores]

    def write(place: int) -> None:
        for turn in range(25):
            order = mailboxes[turn % 8 :] + mailboxes[: turn % 8]
            if (turn + place) % 2:
                order.reverse()
            results = stores[place].execute([sending(incoming(one), incoming(one)) for one in order])
            for address, result in zip(order, results, strict=True):
                given[place] += [(address, one.seq) for one in outcomes(result)]

    threads = [threading.Thread(target=write, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for address in mailboxes:
        seqs = sorted(seq for part in given for one, seq in part if one == address)
        assert seqs == list(range(seqs[0], seqs[0] + 200))
        assert [row.seq for row in read(first, address).rows] == seqs
        for part in given:
            own = [seq for one, seq in part if one == address]
            assert own == sorted(own)


def test_a_reader_takes_what_is_not_in_flight(open_store: Callable[[], PostgresStore]) -> None:
    """RLY-105: rows below a delivered one are found as long as they are there and not under way."""
    store = open_store()
    address = make_mailbox(store)
    seqs = [one.seq for one in outcomes(do(store, sending(*[incoming(address) for _ in range(5)])))]
    queue = read(store, address, seqs[1], seqs[3])
    assert [row.seq for row in queue.rows] == [seqs[0], seqs[2], seqs[4]]
    assert queue.is_drained
    few = read(store, address, most=2)
    assert ([row.seq for row in few.rows], few.is_drained) == (seqs[:2], False)


def test_a_read_is_bounded_in_bytes_but_gives_one(open_store: Callable[[], PostgresStore]) -> None:
    """RLY-36: rows that begin before the bound."""
    store = open_store()
    address = make_mailbox(store)
    do(store, sending(*[incoming(address, bytes(1000)) for _ in range(4)]))
    queue = do(store, ReadQueue(address, 0, (), 10, 1500, START_MS))
    assert isinstance(queue, Queue)
    assert (len(queue.rows), queue.is_drained) == (2, False)
    queue = do(store, ReadQueue(address, 0, (), 10, 1, START_MS))
    assert isinstance(queue, Queue)
    assert len(queue.rows) == 1


def test_one_bad_change_does_not_refuse_its_group(open_store: Callable[[], PostgresStore]) -> None:
    """RLY-30: nothing of it is there, the others are."""
    store = open_store()
    address = make_mailbox(store)
    bad = incoming(address)._replace(received_ms=1 << 70)
    results = store.execute([sending(incoming(address)), sending(bad), sending(incoming(address))])
    assert isinstance(results[1], StoreFailure)
    assert [outcomes(results[place])[0].verdict for place in (0, 2)] == [Verdict.STORED] * 2
    assert len(read(store, address).rows) == 2


def test_quota_counts_what_is_there(open_store: Callable[[], PostgresStore]) -> None:
    """RLY-33, RLY-106: also within a group, after an acknowledgement, and after a day was dropped."""
    store, other = open_store(), open_store()
    address = make_mailbox(store)
    results = store.execute([sending(*[incoming(address, days=1) for _ in range(3)], quota=2)])
    verdicts = [one.verdict for one in outcomes(results[0])]
    assert verdicts == [Verdict.STORED, Verdict.STORED, Verdict.OVER_QUOTA]
    (first, second) = [row.seq for row in read(other, address).rows]
    change = Acknowledge(address, OWNER, ((first, ANY_DAY),), START_MS // HOUR_MS + 2, START_MS)
    assert do(other, change) == Acknowledged(1)
    assert do(other, change) == Acknowledged(0)
    assert outcomes(do(other, sending(incoming(address), quota=2)))[0].verdict is Verdict.STORED
    later = START_MS + 2 * DAY_MS
    do(store, KeepUp(later, 30 * 86_400, 3600, 0))
    assert (
        outcomes(do(store, sending(incoming(address, now=later), quota=2, now=later)))[0].verdict
        is Verdict.STORED
    )
    assert second not in [row.seq for row in read(store, address, now=later).rows]


def test_a_repeated_id_is_known_on_every_node(open_store: Callable[[], PostgresStore]) -> None:
    """RLY-32, RLY-106: held, remembered, forgotten."""
    store, other = open_store(), open_store()
    address = make_mailbox(store)
    item = incoming(address)
    verdicts = [one.verdict for one in outcomes(do(store, sending(item, item)))]
    assert verdicts == [Verdict.STORED, Verdict.KNOWN]
    assert outcomes(do(other, sending(item)))[0].verdict is Verdict.KNOWN
    (row,) = read(store, address).rows
    until_hour = START_MS // HOUR_MS + 2
    do(other, Acknowledge(address, OWNER, ((row.seq, row.expires_day),), until_hour, START_MS))
    assert outcomes(do(store, sending(item)))[0].verdict is Verdict.KNOWN
    later = START_MS + 2 * HOUR_MS
    assert outcomes(do(store, sending(item, now=later)))[0].verdict is Verdict.STORED


# --- prekeys ---


def prekeys(count: int) -> PutPrekeys:
    reusable = (PrekeyRow(1, 1, FAR_MS, b"spk"), PrekeyRow(2, 1, FAR_MS, b"last resort"))
    one_time = [
        PrekeyRow(kind, number, FAR_MS, b"%d-%d" % (kind, number))
        for kind in (1, 2)
        for number in range(1, count + 1)
    ]
    return PutPrekeys(DEVICE, reusable, tuple(one_time), 1000)


def test_each_key_is_taken_once_over_all_nodes(open_store: Callable[[], PostgresStore]) -> None:
    """RLY-63: four nodes take in groups; no key twice, none lost, then the last resort."""
    assert isinstance(do(open_store(), prekeys(150)), Stock)
    stores = [open_store() for _ in range(4)]
    taken: list[list[AnyResult]] = [[] for _ in stores]

    def take(place: int) -> None:
        for size in (1, 2, 3, 4) * 5:
            taken[place] += stores[place].execute([TakePrekeys(DEVICE, 0)] * size)

    threads = [threading.Thread(target=take, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [one for part in taken for one in part if isinstance(one, TakenPrekeys)]
    assert len(found) == 200
    kems = [one.kem for one in found if one.kem_is_one_time]
    assert sorted(kems) == sorted({b"2-%d" % number for number in range(1, 151)})
    assert sum(one.one_time_x25519 is None for one in found) == 50
    for part in taken:
        own = [
            int(one.kem.split(b"-")[1])
            for one in part
            if isinstance(one, TakenPrekeys) and one.kem_is_one_time
        ]
        assert own == sorted(own)


def test_stock_and_limits_of_prekeys(open_store: Callable[[], PostgresStore]) -> None:
    """RLY-62, RLY-66, RLY-68: repeated ids, a full stock, expired keys."""
    store = open_store()
    assert do(store, TakePrekeys(DEVICE, 0)) == NoPrekeys()
    assert do(store, prekeys(3)) == Stock(3, 3, 3, 3, 1, 1)
    assert do(store, prekeys(3)) == Stock(3, 3, 3, 3, 1, 1)
    assert do(store, PutPrekeys(DEVICE, (), (PrekeyRow(1, 9, FAR_MS, b"k"),), 3)) == StockFull()
    assert do(store, TakePrekeys(DEVICE, FAR_MS)) == NoPrekeys()
    results = store.execute([TakePrekeys(DEVICE, 0)] * 2)
    assert [one.left_kem for one in results if isinstance(one, TakenPrekeys)] == [2, 1]


# --- a database that is another than before ---


def test_another_database_burns_one_time_keys(
    open_store: Callable[[], PostgresStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-103: after a copy was put back or a standby took over; numbers begin above all earlier ones."""
    store = open_store()
    address = make_mailbox(store)
    before = outcomes(do(store, sending(incoming(address))))[0].seq
    do(store, prekeys(4))
    assert open_store().burned is None
    ours = Identity.of(store.connection)
    monkeypatch.setattr(Identity, "of", lambda _db: ours._replace(timeline=ours.timeline + 1))
    again = open_store()
    assert again.burned == 8
    assert open_store().burned is None
    after = outcomes(do(again, sending(incoming(address))))[0].seq
    assert after >= START_MS << 16 > 0
    assert after > before
    assert do(again, TakePrekeys(DEVICE, 0)) == TakenPrekeys(b"spk", None, b"last resort", False, 0, 0)


def test_a_copy_of_the_schema_that_is_put_back_burns_too(open_store: Callable[[], PostgresStore]) -> None:
    """RLY-103: twice into the same server, as pg_restore does it: the table is not the one noted."""
    store = open_store()
    do(store, prekeys(4))
    db = store.connection
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
        assert open_store().burned == 8
        assert open_store().burned is None


# --- partitions ---


def partitions(store: PostgresStore, table: str) -> list[int]:
    return sorted(upkeep._partitions(store.connection, table))


def test_days_are_made_ahead_and_dropped_when_over(open_store: Callable[[], PostgresStore]) -> None:
    """RLY-108: what expired goes with its day, what has not stays; one upkeep at a time."""
    store, other = open_store(), open_store()
    address = make_mailbox(store)
    today = START_MS // DAY_MS
    do(store, KeepUp(START_MS, 30 * 86_400, 3600, 0))
    assert set(range(today, today + 33)) <= set(partitions(store, "message"))
    do(store, sending(incoming(address, days=1), incoming(address, days=5)))
    later = START_MS + 2 * DAY_MS
    assert len(read(store, address, now=later).rows) == 1
    other.connection.execute("SELECT pg_advisory_lock(%s)", [schema.UPKEEP_LOCK])
    do(store, KeepUp(later, 30 * 86_400, 3600, 0))
    assert today + 1 in partitions(store, "message")
    other.connection.execute("SELECT pg_advisory_unlock(%s)", [schema.UPKEEP_LOCK])
    do(store, KeepUp(later, 30 * 86_400, 3600, 0))
    assert today + 1 not in partitions(store, "message")
    assert store.connection.execute("SELECT count(*) FROM message").fetchone() == (1,)
    assert store.connection.execute("SELECT count(*) FROM held_id").fetchone() == (1,)
    assert min(partitions(store, "remembered")) >= later // HOUR_MS - 1


def test_a_missing_day_is_made_when_it_is_needed(open_store: Callable[[], PostgresStore]) -> None:
    """RLY-109: an upkeep that is late, or a clock that is early, refuses nobody."""
    store = open_store()
    address = make_mailbox(store)
    far = START_MS + 400 * DAY_MS
    result = do(store, sending(incoming(address, now=far), now=far))
    assert outcomes(result)[0].verdict is Verdict.STORED


# --- the operator's commands ---


def run(url: str, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = cli.main([words[0], "--set", f"store={url}", *words[1:]])
    return status, capsys.readouterr().out


def test_commands_work_beside_running_nodes(
    url: str, open_store: Callable[[], PostgresStore], capsys: pytest.CaptureFixture[str]
) -> None:
    """RLY-112, RLY-77, RLY-85, RLY-86: inspect, purge, block, stats, expire, restored."""
    store = open_store()
    address = make_mailbox(store)
    do(store, sending(incoming(address, b"sealed")))
    do(store, prekeys(2))
    subject = ("--mailbox", address.hex())
    held: dict[str, Any] = json.loads(run(url, capsys, "inspect", "--json", *subject)[1])
    assert held["message"][0]["body"] == b"sealed".hex()
    assert held["token"][0]["token_hash"] == TOKEN.hex()
    stats = json.loads(run(url, capsys, "stats", "--json")[1])
    assert (stats["mailboxes"], stats["held_messages"], stats["one_time_kem"]) == (1, 1, 2)
    assert address.hex() not in json.dumps(stats)
    assert re.search(r"^held messages +1$", run(url, capsys, "stats")[1], re.MULTILINE)
    assert f"    token_hash: {TOKEN.hex()}\n" in run(url, capsys, "inspect", *subject)[1]
    assert run(url, capsys, "block", *subject) == (0, "mailbox blocked\n")
    assert run(url, capsys, "block", *subject)[1] == "the mailbox was blocked already\n"
    assert store.connection.execute("SELECT subject FROM blocked").fetchall() == [(address,)]
    assert run(url, capsys, "unblock", *subject)[0] == 0
    assert run(url, capsys, "unblock", *subject)[0] == 1
    assert run(url, capsys, "expire-now") == (0, "expired messages deleted: 0\n")
    assert run(url, capsys, "purge", *subject)[0] == 2
    assert do(store, FindMailboxes((address,))) != {}
    status, told = run(url, capsys, "purge", *subject, "--yes")
    assert (status, f"  removed: mailbox {address.hex()}\n" in told, "  left: 0 rows\n" in told) == (
        0,
        True,
        True,
    )
    assert "  message: 1\n" in told
    assert run(url, capsys, "purge", *subject, "--yes") == (1, "nothing found about this mailbox\n")
    assert do(store, FindMailboxes((address,))) == {}
    held = json.loads(run(url, capsys, "inspect", "--json", *subject)[1])
    assert not any(held.values())
    assert run(url, capsys, "restored")[1] == "declared as restored; one-time keys burned: 4\n"
    assert json.loads(run(url, capsys, "restore-check")[1])["another_database"] is False
    assert run(url, capsys, "backup", "copy")[0] == 1
    assert not Path("copy").exists()
