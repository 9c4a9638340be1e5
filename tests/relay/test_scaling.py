"""What a request costs does not grow with what others have at the relay (RLY-153)."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

import pytest
from core_bench import MAILBOX, Bench, item
from e2ee_relay.protocol import DeleteMailbox, Done, Send, SendResults
from e2ee_relay.store import sqlite_sweep
from e2ee_relay.store.sqlite_directory import SqlDirectory, sweep_tables

FAR_MS = 1 << 50
SHOP, OTHER = b"s" * 16, b"o" * 16


def steps_of(bench: Bench, work: Callable[[], object]) -> int:
    """Do something; return how many steps the database took."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    bench.file.connection.set_progress_handler(step, 1)
    work()
    bench.file.connection.set_progress_handler(None, 1)
    return steps


def add_devices(bench: Bench, mailboxes: list[bytes | None]) -> None:
    rows = [
        (os.urandom(32), b"account %d" % place, 0, b"", b"", mailbox)
        for place, mailbox in enumerate(mailboxes)
    ]
    bench.file.connection.executemany("INSERT INTO device VALUES (?, ?, ?, ?, ?, ?, NULL)", rows)


def test_the_devices_behind_a_mailbox_are_found_without_a_search() -> None:
    """RLY-153: a thousand accounts of others cost hardly a step more."""
    bench = Bench()
    directory = SqlDirectory(bench.file.connection)
    add_devices(bench, [SHOP, None, SHOP])
    few = steps_of(bench, lambda: directory.devices_of(SHOP))
    add_devices(bench, [number.to_bytes(16, "big") for number in range(1000)])
    many = steps_of(bench, lambda: directory.devices_of(SHOP))
    assert len(directory.devices_of(SHOP)) == 2
    assert many <= few + 5
    assert steps_of(bench, lambda: bench.rows("SELECT * FROM device WHERE record = x'01'")) > 10 * many


@pytest.mark.parametrize("remembered", [True, False])
def test_deleting_a_mailbox_looks_at_its_own_messages(remembered: bool) -> None:
    """RLY-153, RLY-27: many messages and remembered ids of others cost no step more."""
    costs: list[int] = []
    for of_others in (50, 5_000):
        bench = Bench().with_mailbox()
        rows = [
            (row_id, 99, row_id, os.urandom(16), FAR_MS, 0, b"body") for row_id in range(1, of_others + 1)
        ]
        bench.file.connection.executemany("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        if remembered:
            ids = [(row_id, 99, os.urandom(16), 1 << 40) for row_id in range(1, of_others + 1)]
            bench.file.connection.executemany("INSERT INTO seen VALUES (?, ?, ?, ?)", ids)
        bench.store.view.last_row = of_others
        bench.ask(SendResults, Send(4, tuple(item(b"own") for _ in range(10))))
        costs.append(steps_of(bench, lambda bench=bench: bench.ask(Done, DeleteMailbox(5, MAILBOX))))  # type: ignore[misc]  # the loop's own
        assert bench.held_rows() == of_others
        assert bench.rows("SELECT DISTINCT mailbox_no FROM message") == [(99,)]
        assert bench.rows("SELECT token_hash FROM token") == []
    few, many = costs
    assert many <= few + 10


def test_ended_prekeys_are_removed_without_a_look_at_those_that_are_held() -> None:
    """RLY-270: some in each transaction, and the same work beside ten times as many keys."""
    steps = list[int]()
    for held in (400, 4_000):
        bench = Bench()
        db = bench.file.connection
        rows = [(b"%032d" % no, 1, no, FAR_MS, b"held") for no in range(held)]
        rows += [(b"%032d" % no, 2, no, 1, b"over") for no in range(25)]
        db.executemany("INSERT INTO prekey VALUES (?, ?, ?, ?, ?)", rows)
        db.executemany("INSERT INTO reusable_prekey VALUES (?, ?, ?, ?, ?)", rows)
        steps.append(steps_of(bench, partial(sweep_tables, db, 1, 10)))
        assert sweep_tables(db, 1, 10)
        assert not sweep_tables(db, 1, 10)
        for table in ("prekey", "reusable_prekey"):
            counted = f"SELECT count(*), min(not_after_ms) FROM {table}"  # noqa: S608 - fixed names
            assert db.execute(counted).fetchone() == (held, FAR_MS)
        bench.file.close()
    assert steps[1] < 1.1 * steps[0]


def test_each_tick_removes_ended_prekeys_until_none_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-270."""
    monkeypatch.setattr(sqlite_sweep, "_ROWS_AT_ONCE", 10)
    bench = Bench()
    rows = [(b"%032d" % no, 1, no, 1, b"over") for no in range(25)]
    bench.file.connection.executemany("INSERT INTO prekey VALUES (?, ?, ?, ?, ?)", rows)
    left = list[int]()
    for _ in range(4):
        bench.node.tick(bench.clock.now_ms)
        bench.commit()
        left += bench.file.connection.execute("SELECT count(*) FROM prekey").fetchone()
    assert left == [15, 5, 0, 0]
