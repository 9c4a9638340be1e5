"""What stands in the files, and what no longer does: byte scans of database, log and all side files."""

from __future__ import annotations

import base64
import os
import random
from pathlib import Path

import pytest
from e2ee_client.store import Delete, Put, Store, StoreOptions
from store_probe import RAW_KEY, all_bytes, boxes, keyless

PIECE_B = 12


def _pieces(box: bytes) -> list[bytes]:
    """Start, middle and end of a box: any of them left in a file is a row left in a file."""
    middle = len(box) // 2
    return [box[:PIECE_B], box[middle : middle + PIECE_B], box[-PIECE_B:]]


def _left(files: bytes, gone: list[bytes]) -> int:
    return sum(any(piece in files for piece in _pieces(box)) for box in gone)


def _sealed_now(path: Path) -> list[bytes]:
    """The boxes of the open store as they stand in database and log, read by way of a copy."""
    copy = path.with_name("copy")
    for ending in ("", "-wal"):
        source = path.with_name(path.name + ending)
        if source.exists():
            copy.with_name(copy.name + ending).write_bytes(source.read_bytes())
    found = list(boxes(copy).values())
    for file in path.parent.glob("copy*"):
        file.unlink()
    return found


def test_no_canary_in_any_form_in_any_file(tmp_path: Path) -> None:
    """STO-06: table names, keys and values, raw and encoded, while open and when closed."""
    canaries = [os.urandom(16).hex().encode() for _ in range(6)]
    store = Store.create(tmp_path / "db", RAW_KEY)
    store.commit([Put("message", canaries[0], canaries[1] * 9), Put("skipped", canaries[2], canaries[3])])
    store.commit([Put("message", canaries[0], canaries[4]), Delete("skipped", canaries[2])])
    for state in ("open", "closed"):
        files = all_bytes(tmp_path)
        for canary in canaries:
            text = canary.decode()
            forms = [canary, canary.hex().encode(), text.encode("utf-16-le"), text.encode("utf-16-be")]
            forms += [base64.b64encode(bytes(shift) + canary)[4:-4] for shift in range(3)]
            for form in forms:
                assert form not in files, state
        for table in (b"message", b"skipped"):
            assert table not in files, state
        store.close()


def test_the_scan_finds_what_is_there(tmp_path: Path) -> None:
    """STO-12: the control: before the bound is reached, the old box does stand in the log."""
    path = tmp_path / "db"
    with Store.create(path, RAW_KEY) as store:
        store.commit([Put("session", b"k", b"old")])
        gone = _sealed_now(path)
        store.commit([Put("session", b"k", b"new")])
        assert _left(all_bytes(tmp_path), gone) == 1
        store.erase()
        assert _left(all_bytes(tmp_path), gone) == 0


@pytest.mark.parametrize(
    ("options", "erase_every"),
    [(StoreOptions(erase_every=1), 1), (StoreOptions(erase_every=7), 7), (StoreOptions(), 32)],
)
def test_old_bytes_are_gone_within_the_stated_bound(
    tmp_path: Path, options: StoreOptions, erase_every: int
) -> None:
    """STO-12: counted from the commit that overwrote or deleted them; without a setting it is the 32nd."""
    path = tmp_path / "db"
    with Store.create(path, RAW_KEY, options=options) as store:
        store.commit(
            [
                Put("session", b"replaced", b"1"),
                Put("skipped", b"deleted", b"2"),
                Put("session", b"grown", b"3"),
            ]
        )
        gone = _sealed_now(path)
        store.commit(
            [
                Put("session", b"replaced", b"4"),
                Delete("skipped", b"deleted"),
                Put("session", b"grown", b"5" * 999),
            ]
        )
        for number in range(erase_every - 1):
            store.commit([Put("meta", b"count", b"%d" % number)])
        assert _left(all_bytes(tmp_path), gone) == 0


def test_old_bytes_are_gone_after_close_and_after_open(tmp_path: Path) -> None:
    """STO-12: also when the last run ended without closing."""
    path = tmp_path / "db"
    store = Store.create(path, RAW_KEY)
    store.commit([Put("session", b"k", b"old")])
    gone = _sealed_now(path)
    store.commit([Put("session", b"k", b"new")])
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for name in ("db", "db-wal", "db.anchor"):
        (crashed / name).write_bytes((tmp_path / name).read_bytes())
    store.close()
    assert _left((path).read_bytes(), gone) == 0
    assert not (tmp_path / "db-wal").exists()
    assert _left(all_bytes(crashed), gone) == 1
    with Store.open(crashed / "db", RAW_KEY) as reopened:
        assert reopened.get("session", b"k") == b"new"
        assert _left(all_bytes(crashed), gone) == 0


@pytest.mark.parametrize("sizes_b", [(40,), (10, 90, 200, 700), (1500, 3000, 9000)], ids=str)
def test_nothing_is_left_behind_by_moving_rows(tmp_path: Path, sizes_b: tuple[int, ...]) -> None:
    """STO-12: 2000 random changes; rows in a plain B-tree left copies behind in a like run (ADR 0010)."""
    choice = random.Random(4)
    path = tmp_path / "db"
    live: dict[bytes, bytes] = {}
    gone: list[bytes] = []
    with Store.create(path, RAW_KEY, options=StoreOptions(erase_every=1000)) as store:
        for _ in range(20):
            before = set(_sealed_now(path))
            changes: list[Put | Delete] = []
            for _ in range(100):
                key = choice.choice(list(live)) if live and choice.random() < 0.5 else choice.randbytes(8)
                if key in live and choice.random() < 0.5:
                    del live[key]
                    changes.append(Delete("skipped", key))
                else:
                    live[key] = choice.randbytes(choice.choice(sizes_b))
                    changes.append(Put("skipped", key, live[key]))
            for start in range(0, 100, 10):
                store.commit(changes[start : start + 10])
            store.erase()
            gone += before - set(_sealed_now(path))
        assert len(gone) > 300
        assert _left(all_bytes(tmp_path), gone) == 0
        assert dict(store.items("skipped")) == live


def test_free_slots_are_used_again_and_given_back(tmp_path: Path) -> None:
    """STO-12: the file does not grow with turnover, and shrinks at the opening after a great deletion."""
    path = tmp_path / "db"
    with Store.create(path, RAW_KEY) as store:
        for _ in range(5):
            store.commit([Put("message", b"%d" % number, bytes(60_000)) for number in range(100)])
            store.commit([Delete("message", b"%d" % number) for number in range(100)])
        store.commit([Put("message", b"kept", b"value")])
        store.erase()
        grown_b = path.stat().st_size
        assert grown_b < 2 * 100 * 65_536
    with Store.open(path, RAW_KEY) as store:
        store.erase()
        assert path.stat().st_size < grown_b // 20
        assert store.get("message", b"kept") == b"value"
        store.commit([Put("message", b"more", bytes(60_000))])
    with Store.open(path, RAW_KEY) as store:
        assert [key for key, _ in store.items("message")] == [b"kept", b"more"]


def test_freed_slots_hold_zeros(tmp_path: Path) -> None:
    """STO-12: in the database itself, not only hidden from queries."""
    path = tmp_path / "db"
    with Store.create(path, RAW_KEY) as store:
        store.commit([Put("session", b"a", b"x" * 50), Put("session", b"b", b"y" * 50)])
        store.commit([Delete("session", b"a")])
    with keyless(path) as connection:
        free = connection.execute("SELECT box FROM slot WHERE n = 1").fetchone()[0]
    assert free == bytes(128)
