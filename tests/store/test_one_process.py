"""One opener at a time."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import store_writer
from e2ee_client.errors import StoreClosed, StoreLocked
from e2ee_client.store import Put, Store, files
from forked_child import FORKING, in_child
from store_probe import RAW_KEY, child_environment

WRITER = str(Path(store_writer.__file__))


def test_a_second_opener_of_this_process_is_refused(tmp_path: Path) -> None:
    """STO-13: also by another name of the file, and until the first one closes."""
    path = tmp_path / "db"
    (tmp_path / "link").symlink_to(path)
    with Store.create(path, RAW_KEY) as store:
        store.commit([Put("session", b"k", b"v")])
        for name in (path, tmp_path / "link", tmp_path / "." / "db"):
            with pytest.raises(StoreLocked) as caught:
                Store.open(name, RAW_KEY)
            assert caught.value.retryable
        with pytest.raises(StoreLocked):
            Store.create(path, RAW_KEY)
        # Reading the file by other means must not give the lock away, as it would with POSIX record locks.
        path.read_bytes()
        (tmp_path / "db.lock").read_bytes()
        with pytest.raises(StoreLocked):
            Store.open(path, RAW_KEY)
        assert store.get("session", b"k") == b"v"
    Store.open(tmp_path / "link", RAW_KEY).close()


@pytest.mark.processes
def test_another_process_is_refused_and_takes_over_after_a_kill(tmp_path: Path) -> None:
    """STO-13: the lock ends with its process."""
    path = tmp_path / "db"
    Store.create(path, RAW_KEY).close()
    holder = subprocess.Popen(
        [sys.executable, WRITER, str(path), "1"], stdout=subprocess.PIPE, env=child_environment()
    )
    if holder.stdout is None:
        raise TypeError
    holder.stdout.readline()
    with pytest.raises(StoreLocked):
        Store.open(path, RAW_KEY)
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    Store.open(path, RAW_KEY).close()


@FORKING
def test_a_forked_child_is_refused(tmp_path: Path) -> None:
    """STO-22: and its leaving does not close the parent's store."""
    with Store.create(tmp_path / "db", RAW_KEY) as store:
        store.commit([Put("session", b"k", b"v")])
        child = os.fork()
        if child == 0:
            try:
                store.commit([Put("session", b"k", b"from the child")])
                os._exit(1)
            except StoreClosed:
                store.close()
                os._exit(7)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert store.get("session", b"k") == b"v"
        store.commit([Put("session", b"k", b"w")])
        with pytest.raises(StoreLocked):
            Store.open(tmp_path / "db", RAW_KEY)


@FORKING
def test_a_forked_child_does_not_end_the_database(tmp_path: Path) -> None:
    """STO-58: with its connection SQLite would remove the log that the parent goes on writing to."""
    log = tmp_path / "db-wal"
    with Store.create(tmp_path / "db", RAW_KEY) as store:
        store.commit([Put("session", b"k", b"v")])
        before = log.stat()

        def work() -> bool:
            store.close()
            gc.collect()
            return True

        assert in_child(work)
        store.commit([Put("session", b"l", b"w")])
        assert log.stat().st_ino == before.st_ino
        assert log.stat().st_size > before.st_size


@FORKING
def test_a_forked_child_does_not_hold_the_lock(tmp_path: Path) -> None:
    """STO-13, STO-58: the lock goes with its holder while a child lives on; the child's leaving keeps it."""
    store = Store.create(tmp_path / "db", RAW_KEY)
    heard, said = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(said)
        os.read(heard, 1)
        os._exit(0)
    store.close()
    Store.open(tmp_path / "db", RAW_KEY).close()
    os.close(said)
    os.waitpid(child, 0)
    os.close(heard)


@FORKING
def test_the_lock_ends_with_its_holder_while_a_process_is_being_started(tmp_path: Path) -> None:
    """STO-13: until it runs its program, such a process has a copy of the handle."""
    lock = files.ProcessLock(tmp_path / "lock")
    copy = os.dup(lock._handle)
    lock.release()
    files.ProcessLock(tmp_path / "lock").release()
    os.close(copy)


@FORKING
def test_a_forked_child_waits_for_no_thread_of_its_parent(tmp_path: Path) -> None:
    """STO-22: also where a thread was at work when it was forked."""
    with Store.create(tmp_path / "db", RAW_KEY) as store:

        def work() -> bool:
            with pytest.raises(StoreClosed):
                store.count("session")
            return True

        with store._mutex:
            assert in_child(work)


def test_a_failed_opening_gives_the_lock_back(tmp_path: Path) -> None:
    """STO-13."""
    path = tmp_path / "db"
    path.write_bytes(b"no database, " * 1000)
    for _ in range(2):
        with pytest.raises(Exception, match="damaged"):
            Store.open(path, RAW_KEY)


def test_a_lock_file_removed_by_its_holder_is_not_taken_for_the_lock(tmp_path: Path) -> None:
    """STO-13: whoever opened the old file just before must lock the new one."""
    path = tmp_path / "lock"
    first = files.ProcessLock(path)
    first.release(remove=True)
    first.release()
    second = files.ProcessLock(path)
    with pytest.raises(StoreLocked):
        files.ProcessLock(path)
    second.release()
    files.ProcessLock(path).release()


def test_a_stale_handle_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STO-13: the file is replaced between opening and locking it, which only a second attempt survives."""
    path = tmp_path / "lock"
    real = files._lock
    replaced: list[bool] = []

    def slow_lock(handle: int) -> None:
        if not replaced:
            path.unlink()
            path.touch()
            replaced.append(True)
        real(handle)

    monkeypatch.setattr(files, "_lock", slow_lock)
    lock = files.ProcessLock(path)
    monkeypatch.undo()
    with pytest.raises(StoreLocked):
        files.ProcessLock(path)
    lock.release()
