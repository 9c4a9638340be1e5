"""Rows go in and come out as chapter 12 says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from e2ee_client.errors import StoreClosed, StoreMisuse
from e2ee_client.rows import Change
from e2ee_client.store import TABLES, Delete, Put, Store
from e2ee_client.store.sealing import MAX_VALUE_B
from store_probe import RAW_KEY, boxes


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.in_memory() as opened:
        yield opened


def test_put_get_replace_and_delete(store: Store) -> None:
    store.commit([Put("session", b"a", b"1"), Put("session", b"b", b"")])
    assert (store.get("session", b"a"), store.get("session", b"b")) == (b"1", b"")
    store.commit([Put("session", b"a", b"2"), Delete("session", b"b"), Delete("session", b"never")])
    assert (store.get("session", b"a"), store.get("session", b"b")) == (b"2", None)
    assert store.count("session") == 1


def test_tables_are_apart(store: Store) -> None:
    store.commit([Put(table, b"key", table.encode()) for table in sorted(TABLES)])
    for table in TABLES:
        assert list(store.items(table)) == [(b"key", table.encode())]


def test_changes_of_one_commit_apply_in_order(store: Store) -> None:
    store.commit(
        [
            Put("outbox", b"k", b"1"),
            Delete("outbox", b"k"),
            Put("outbox", b"k", b"2"),
            Put("outbox", b"k", b"3" * 999),
        ]
    )
    assert list(store.items("outbox")) == [(b"k", b"3" * 999)]
    store.commit([Put("outbox", b"k", b"4"), Delete("outbox", b"k")])
    assert list(store.items("outbox")) == []


def test_items_come_in_the_order_of_their_first_put(store: Store) -> None:
    """STO-11: a replaced row keeps its place, whatever its size; a deleted and new one goes to the end."""
    keys = [b"%d" % number for number in (5, 3, 9, 1)]
    store.commit([Put("outbox", key, b"x") for key in keys])
    store.commit([Put("outbox", b"3", b"y" * 5000), Delete("outbox", b"9"), Put("outbox", b"9", b"z")])
    assert [key for key, _ in store.items("outbox")] == [b"5", b"3", b"1", b"9"]


def test_the_order_survives_closing_and_numbers_are_never_given_again(tmp_path: Path) -> None:
    """STO-11."""
    path = tmp_path / "store"
    with Store.create(path, RAW_KEY) as store:
        store.commit([Put("outbox", b"first", b""), Put("outbox", b"last", b"")])
        store.commit([Delete("outbox", b"last")])
    with Store.open(path, RAW_KEY) as store:
        store.commit([Put("outbox", b"new", b""), Put("outbox", b"first", b"changed")])
        assert [key for key, _ in store.items("outbox")] == [b"first", b"new"]


def test_items_reads_more_than_one_page_and_allows_commits_meanwhile(store: Store) -> None:
    store.commit([Put("message", number.to_bytes(2), b"%d" % number) for number in range(600)])
    seen = []
    for key, value in store.items("message"):
        seen.append((key, value))
        store.commit([Delete("message", key)])
    assert seen == [(number.to_bytes(2), b"%d" % number) for number in range(600)]
    assert store.count("message") == 0


@pytest.mark.parametrize(
    "change",
    [
        Put("nowhere", b"k", b"v"),
        Delete("nowhere", b"k"),
        Put("session", bytes(256), b"v"),
        Put("session", b"k", bytes(MAX_VALUE_B + 1)),
    ],
    ids=["unknown table", "delete from unknown table", "key too long", "value too long"],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(store: Store, change: Put | Delete) -> None:
    """STO-08: the whole commit is refused, and the store stays usable."""
    store.commit([Put("session", b"k", b"old")])
    with pytest.raises(StoreMisuse):
        store.commit([Put("session", b"k", b"new"), Put("session", b"other", b"new"), change])
    assert list(store.items("session")) == [(b"k", b"old")]
    store.commit([Put("session", b"k", b"later")])
    assert store.get("session", b"k") == b"later"


def test_the_largest_key_and_value_fit(store: Store) -> None:
    """STO-08."""
    store.commit([Put("message", bytes(255), bytes(MAX_VALUE_B))])
    assert store.get("message", bytes(255)) == bytes(MAX_VALUE_B)


@pytest.mark.parametrize("table", ["nowhere", "", "SESSION"])
def test_reading_an_unknown_table_is_refused(store: Store, table: str) -> None:
    """STO-08."""
    with pytest.raises(StoreMisuse):
        store.get(table, b"k")
    with pytest.raises(StoreMisuse):
        list(store.items(table))
    with pytest.raises(StoreMisuse):
        store.count(table)


def test_two_writes_of_one_value_share_no_bytes(tmp_path: Path) -> None:
    """STO-01: not even the nonce, and not across rows or over time."""
    path = tmp_path / "store"
    seen: set[bytes] = set()
    for _ in range(3):
        with Store.open(path, RAW_KEY) if path.exists() else Store.create(path, RAW_KEY) as store:
            store.commit([Put("session", b"a", b"value" * 20), Put("session", b"b", b"value" * 20)])
        for box in boxes(path).values():
            pieces = {box[start : start + 8] for start in range(0, len(box), 8)}
            assert not pieces & seen
            seen |= pieces


SIZES_B = {0: 128, 82: 128, 83: 256, 210: 256, 211: 512, 978: 1024, 979: 1280, 1234: 1280}
LARGE_SIZES_B = {1235: 1536, 4050: 4096, 4051: 5120, 7122: 7168, 7123: 8192}


@pytest.mark.parametrize(
    ("value_b", "box_b"),
    {**SIZES_B, **LARGE_SIZES_B}.items(),
)
def test_a_box_shows_the_size_class_only(tmp_path: Path, value_b: int, box_b: int) -> None:
    """STO-07: 40 bytes of nonce and tag, 5 of lengths, 1 of key."""
    path = tmp_path / "store"
    with Store.create(path, RAW_KEY) as store:
        store.commit([Put("session", b"k", bytes(value_b))])
    assert [len(box) for box in boxes(path).values()] == [box_b]


def test_one_commit_of_many_rows_does_what_its_changes_do_one_after_the_other(tmp_path: Path) -> None:
    """STO-09, STO-11: rows that are new, replaced, gone, and several of these in turn."""
    path = tmp_path / "store"
    names = [n.to_bytes(2) for n in range(200)]
    with Store.create(path, RAW_KEY) as store:
        store.commit([Put("message", name, b"old" * (n % 90)) for n, name in enumerate(names[:100])])
        changes: list[Change] = [Put("message", name, b"new" * (n % 80)) for n, name in enumerate(names)]
        changes += [Delete("message", name) for name in names[::3]]
        changes += [Put("message", name, b"again") for name in names[::9]]
        changes += [Delete("message", b"never there")]
        store.commit(changes)
        expected = {name: b"new" * (n % 80) for n, name in enumerate(names) if n % 3}
        expected |= dict.fromkeys(names[::9], b"again")
        assert list(store.items("message")) == list(expected.items())
    with Store.open(path, RAW_KEY) as store:
        assert list(store.items("message")) == list(expected.items())
        assert store.count("message") == len(expected)


def test_a_closed_store_refuses_and_may_be_closed_again(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store", RAW_KEY)
    rows = store.items("session")
    store.close()
    store.close()
    for use in (
        lambda: store.get("session", b"k"),
        lambda: store.commit([Put("session", b"k", b"v")]),
        lambda: next(rows),
        store.erase,
        store.destroy,
        lambda: store.continuity,
    ):
        with pytest.raises(StoreClosed):
            use()


def test_an_empty_commit_writes_nothing(tmp_path: Path) -> None:
    with Store.create(tmp_path / "store", RAW_KEY) as store:
        before = (tmp_path / "store-wal").read_bytes()
        store.commit([])
        assert (tmp_path / "store-wal").read_bytes() == before
