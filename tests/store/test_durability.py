"""Crashes, full disks and failing disks, with real processes where it matters."""

from __future__ import annotations

import errno
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
import store_writer
from e2ee_client.errors import StoreFull, StoreLocked, StoreUnavailable
from e2ee_client.store import Continuity, Delete, FileAnchor, Put, Store, StoreOptions, database, files
from run_counts import count
from store_probe import RAW_KEY, child_environment

WRITER = str(Path(store_writer.__file__))


def _start(
    path: Path, first: int, *, prefix: tuple[str, ...] = (), count: int | None = None
) -> subprocess.Popen[str]:
    arguments = [*prefix, sys.executable, WRITER, str(path), str(first)]
    arguments += [] if count is None else [str(count)]
    return subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=child_environment()
    )


def _last_confirmed(output: str, before: int) -> int:
    complete = [int(line) for line in output.split("\n")[:-1]]
    return complete[-1] if complete else before


def _check_rows(store: Store, confirmed: int) -> int:
    """The rows are those after exactly one commit, which is the confirmed one or the one after it."""
    found = store.get("meta", b"number")
    number = 0 if found is None else int.from_bytes(found)
    assert number in (confirmed, confirmed + 1)
    skipped = [int.from_bytes(key) for key, _ in store.items("skipped")]
    assert skipped == list(range(max(1, number - store_writer.KEPT + 1), number + 1))
    for n in range(max(1, number - 6), number + 1):
        assert store.get("session", bytes((n % 7,))) == store_writer.session_value(n)
    return number


@pytest.mark.processes
def test_killed_at_random_points(tmp_path: Path) -> None:
    """STO-09, STO-14: nothing confirmed is lost, nothing half done is there, and no false alarm."""
    path = tmp_path / "db"
    Store.create(path, RAW_KEY).close()
    choice = random.Random(9)
    number = 0
    for _ in range(count(4, 8)):
        process = _start(path, number + 1)
        if process.stdout is None:
            raise TypeError
        first = process.stdout.readline()
        time.sleep(choice.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        output = first + process.communicate()[0]
        confirmed = _last_confirmed(output, number)
        assert confirmed > number
        with Store.open(path, RAW_KEY) as store:
            assert store.continuity is Continuity.CONTINUOUS
            number = _check_rows(store, confirmed)


needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


@needs_strace
@pytest.mark.processes
def test_killed_at_each_synchronisation(tmp_path: Path) -> None:
    """STO-09, STO-14: the process dies at the N-th fsync, for every N of opening, six commits and closing in
    the audit, for every third one here.
    """
    pristine = tmp_path / "pristine"
    Store.create(pristine, RAW_KEY).close()
    killed, code = 0, None
    for nth in range(1, 60, count(3, 1)):
        path = tmp_path / f"db{nth}"
        shutil.copy(pristine, path)
        inject = f"inject=fsync,fdatasync:signal=SIGKILL:when={nth}"
        process = _start(
            path,
            1,
            count=6,
            prefix=("strace", "-f", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", inject),
        )
        output = process.communicate()[0]
        with Store.open(path, RAW_KEY) as store:
            assert store.continuity in (Continuity.CONTINUOUS, Continuity.FRESH)
            _check_rows(store, _last_confirmed(output, 0))
        code = process.returncode
        if code == 0:
            break
        killed += 1
    assert killed > count(5, 15)
    assert code == 0


@needs_strace
@pytest.mark.processes
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync"])
def test_the_disk_fails_once(tmp_path: Path, call: str) -> None:
    """STO-09: a failing disk ends the run with a typed error; what was confirmed is there after it."""
    pristine = tmp_path / "pristine"
    Store.create(pristine, RAW_KEY).close()
    code = "ENOSPC" if call == "pwrite64" else "EIO"
    refused = 0
    for nth in (3, 8, 13, 21, 34)[:: count(2, 1)]:
        path = tmp_path / f"db{nth}"
        shutil.copy(pristine, path)
        inject = f"inject={call}:error={code}:when={nth}"
        process = _start(
            path, 1, count=12, prefix=("strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject)
        )
        output, errors = process.communicate()
        if process.returncode != 0:
            assert "e2ee_client.errors.Store" in errors.strip().split("\n")[-1]
            refused += 1
        with Store.open(path, RAW_KEY) as store:
            _check_rows(store, _last_confirmed(output, 0))
    assert refused > 0


def test_a_full_store_refuses_and_goes_on(tmp_path: Path) -> None:
    """STO-09: nothing of the refused commit is there, now or later, and smaller commits still fit."""
    path = tmp_path / "db"
    with Store.create(path, RAW_KEY, options=StoreOptions(max_size_b=200_000)) as store:
        store.commit([Put("session", b"k", b"old"), Put("message", b"m", bytes(40_000))])
        for _ in range(3):
            with pytest.raises(StoreFull) as caught:
                store.commit([Put("session", b"k", b"new"), Put("message", b"large", bytes(300_000))])
            assert caught.value.retryable
        assert store.get("session", b"k") == b"old"
        assert store.count("message") == 1
        store.commit([Put("session", b"k", b"newer")])
    with Store.open(path, RAW_KEY) as store:
        assert (store.get("session", b"k"), store.count("message")) == (b"newer", 1)
        store.commit([Put("message", b"large", bytes(300_000))])
        assert store.continuity is Continuity.CONTINUOUS


def test_free_slots_survive_a_refused_commit(tmp_path: Path) -> None:
    """STO-09, STO-12: the slots that it had taken are free again; there is no room for another one."""
    with Store.create(tmp_path / "db", RAW_KEY, options=StoreOptions(max_size_b=120_000)) as store:
        store.commit([Put("message", b"a", bytes(60_000))])
        store.commit([Delete("message", b"a")])
        with pytest.raises(StoreFull):
            store.commit([Put("message", b"b", bytes(60_000)), Put("message", b"c", bytes(300_000))])
        for _ in range(3):
            store.commit([Put("message", b"d", bytes(60_000))])
        assert store.get("message", b"d") == bytes(60_000)


@contextmanager
def _files_limited_to(size_b: int) -> Iterator[None]:
    """No file of this process grows beyond the size, as under a quota."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_b, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_that_must_not_grow(tmp_path: Path) -> None:
    """STO-09: the system refuses a write in the middle of a commit; opened again, the store is as before."""
    path = tmp_path / "db"
    store = Store.create(path, RAW_KEY)
    store.commit([Put("session", b"k", b"old")])
    with _files_limited_to(100_000), pytest.raises((StoreFull, StoreUnavailable)):
        store.commit([Put("session", b"k", b"new"), Put("message", b"m", bytes(500_000))])
    store.close()
    with Store.open(path, RAW_KEY) as store:
        assert store.continuity is Continuity.CONTINUOUS
        assert (store.get("session", b"k"), store.count("message")) == (b"old", 0)


def test_after_a_failure_half_way_every_call_is_refused(tmp_path: Path) -> None:
    """STO-09: until the store is opened again; a planted trigger stands for any failure."""
    path = tmp_path / "db"
    store = Store.create(path, RAW_KEY)
    store.commit([Put("session", b"k", b"old")])
    run = store._run
    if run is None:
        raise TypeError
    run.connection.execute(
        "CREATE TEMP TRIGGER fail BEFORE UPDATE ON main.slot BEGIN SELECT RAISE(ABORT, 'x'); END"
    )
    with pytest.raises(StoreUnavailable):
        store.commit([Put("session", b"k", b"new")])
    run.connection.execute("DROP TRIGGER fail")
    with pytest.raises(StoreUnavailable):
        store.get("session", b"k")
    with pytest.raises(StoreUnavailable):
        store.commit([Put("session", b"k", b"newer")])
    with pytest.raises(StoreUnavailable):
        store.erase()
    store.close()
    with Store.open(path, RAW_KEY) as again:
        assert again.get("session", b"k") == b"old"


def test_no_room_for_the_erasure_does_not_undo_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """STO-12: the commit is on disk in the log; the erasure comes with the next commit that finds room."""
    with Store.create(tmp_path / "db", RAW_KEY, options=StoreOptions(erase_every=2)) as store:

        def no_room(_: object) -> None:
            raise StoreFull("no room")

        with monkeypatch.context() as full:
            full.setattr(database, "empty_log", no_room)
            for number in range(5):
                store.commit([Put("session", b"k", b"%d" % number)])
            with pytest.raises(StoreFull):
                store.erase()
        assert (tmp_path / "db-wal").stat().st_size > 0
        store.commit([Put("session", b"k", b"last")])
        assert (tmp_path / "db-wal").stat().st_size == 0
        assert store.get("session", b"k") == b"last"


def test_a_disk_that_fails_while_erasing_does_not_undo_the_commit(tmp_path: Path) -> None:
    """STO-09: the commit returns, since it is on disk; the next call says to open the store again."""
    path = tmp_path / "db"
    store = Store.create(path, RAW_KEY, options=StoreOptions(erase_every=1))
    store.commit([Put("message", b"first", bytes(60_000))])
    with _files_limited_to(path.stat().st_size + 8_192):
        store.commit([Put("message", b"second", bytes(30_000))])
        with pytest.raises(StoreUnavailable):
            store.commit([Put("message", b"third", b"")])
    store.close()
    with Store.open(path, RAW_KEY) as again:
        assert again.get("message", b"second") == bytes(30_000)
        assert again.count("message") == 2


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS])
def test_the_anchor_file_fails_with_the_store_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """STO-09: opening reports it, closing does not, and the old record stays."""
    anchor = FileAnchor(tmp_path / "anchor")
    anchor.save(b"old")

    def fail(*_: object) -> None:
        raise OSError(number, "refused")

    monkeypatch.setattr(files, "write_private", fail)
    with pytest.raises(StoreUnavailable if number in (errno.EIO, errno.EROFS) else StoreFull):
        anchor.save(b"new")
    assert anchor.load() == b"old"


def test_randomness_that_fails_in_the_middle_of_a_commit(tmp_path: Path) -> None:
    """STO-09: any exception from outside ends the run, so that memory and disk cannot drift apart."""
    failing: list[bool] = []

    def rng(size_b: int) -> bytes:
        if failing and len(failing) > 2:
            raise InterruptedError
        failing.extend([True] * bool(failing))
        return os.urandom(size_b)

    path = tmp_path / "db"
    store = Store.create(path, RAW_KEY, rng=rng)
    store.commit([Put("session", b"k", b"old")])
    failing.append(True)
    with pytest.raises(InterruptedError):
        store.commit([Put("session", bytes((n,)), b"new") for n in range(9)])
    with pytest.raises(StoreUnavailable):
        store.get("session", b"k")
    store.close()
    with Store.open(path, RAW_KEY) as again:
        assert list(again.items("session")) == [(b"k", b"old")]


class Answer:
    """A connection that answers every statement with one row."""

    def __init__(self, *row: object) -> None:
        self.row = row

    def execute(self, _: str) -> Answer:
        return self

    def fetchone(self) -> tuple[object, ...]:
        return self.row


def test_a_file_system_without_the_journal_is_refused() -> None:
    """STO-09: SQLite answers with another mode instead of an error."""
    with pytest.raises(StoreUnavailable):
        database.use_write_ahead_log(cast("sqlite3.Connection", Answer("delete")))


def test_a_log_that_is_read_by_others_does_not_count_as_emptied() -> None:
    """STO-12: SQLite answers "busy" instead of raising an error."""
    with pytest.raises(StoreLocked):
        database.empty_log(cast("sqlite3.Connection", Answer(1, 5, 5)))
    database.empty_log(cast("sqlite3.Connection", Answer(0, 0, 0)))
