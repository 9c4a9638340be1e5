"""Values that end with their row: what copies of database and key file open, what crashes leave (STO-53)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from e2ee_client.errors import (
    StoreCorrupt,
    StoreExists,
    StoreFull,
    StoreMisuse,
    StoreTooNew,
    StoreUnavailable,
)
from e2ee_client.store import Continuity, Delete, Put, Store, StoreOptions, files
from e2ee_client.store.key_file import MAX_VALUE_B, SLOT_B, KeyFile
from e2ee_client.store.keyed_rows import KeyedRows
from store_probe import RAW_KEY, copy_store, flipped

TABLE = "entry_key"
A, B, C = (letter * 36 for letter in (b"a", b"b", b"c"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed store with two values in its key file."""
    place = tmp_path / "now" / "db"
    place.parent.mkdir()
    with Store.create(place, RAW_KEY) as store:
        store.commit([Put(TABLE, b"1", A), Put("session", b"k", b"v"), Put(TABLE, b"2", B)])
    return place


def _keys(path: Path) -> Path:
    return path.with_name("db.keys")


def _slots(path: Path) -> list[bytes]:
    """The slots that are not free."""
    octets = _keys(path).read_bytes()
    found = [octets[at : at + SLOT_B] for at in range(SLOT_B, len(octets), SLOT_B)]
    return [one for one in found if one != bytes(SLOT_B)]


def _values(path: Path, options: StoreOptions | None = None) -> dict[bytes, bytes]:
    with Store.open(path, RAW_KEY, options=options or StoreOptions()) as store:
        return dict(store.items(TABLE))


def _end_first(path: Path) -> None:
    with Store.open(path, RAW_KEY) as store:
        store.commit([Put(TABLE, b"1", C)])


def test_values_are_read_as_they_were_put(path: Path) -> None:
    """STO-53: by key and in order, while open and after."""
    with Store.open(path, RAW_KEY) as store:
        assert store.continuity is Continuity.CONTINUOUS
        assert (store.get(TABLE, b"1"), store.get(TABLE, b"3")) == (A, None)
        store.commit([Put(TABLE, b"3", C), Put(TABLE, b"1", B), Delete(TABLE, b"2")])
        assert list(store.items(TABLE)) == [(b"1", B), (b"3", C)]
        assert store.count(TABLE) == 2
    assert list(_values(path).items()) == [(b"1", B), (b"3", C)]
    assert len(_slots(path)) == 2


def test_a_store_without_such_rows_has_no_key_file(tmp_path: Path) -> None:
    """STO-56."""
    with Store.create(tmp_path / "db", RAW_KEY) as store:
        store.commit([Put("session", b"k", b"v")])
    assert not _keys(tmp_path / "db").exists()


def test_a_slot_is_gone_when_the_commit_returns(path: Path) -> None:
    """STO-51, STO-54: replaced, deleted, and put twice in one commit; slots are used again."""
    with Store.open(path, RAW_KEY) as store:
        before = _slots(path)
        store.commit([Put(TABLE, b"1", C)])
        replaced = _slots(path)
        assert len(set(before) - set(replaced)) == 1
        store.commit([Put(TABLE, b"1", A), Put(TABLE, b"1", B), Delete(TABLE, b"2")])
        assert len(_slots(path)) == 1
        assert not set(_slots(path)) & {*before, *replaced}
        size_b = _keys(path).stat().st_size
        for _ in range(20):
            store.commit([Put(TABLE, b"1", C)])
        assert _keys(path).stat().st_size == size_b


def test_a_copy_of_the_database_alone_opens_no_value(path: Path, tmp_path: Path) -> None:
    """STO-53."""
    copy = copy_store(path, tmp_path / "copy")
    _keys(copy).unlink()
    copy.with_name("db.anchor").unlink()
    with Store.open(copy, RAW_KEY) as store:
        assert store.continuity is Continuity.UNKNOWN
        assert (list(store.items(TABLE)), store.get(TABLE, b"1")) == ([], None)
        assert store.get("session", b"k") == b"v"
        store.commit([Put(TABLE, b"1", C)], settle_continuity=True)
    assert _values(copy) == {b"1": C}


def test_a_copy_beside_the_key_file_opens_what_did_not_end_since(path: Path, tmp_path: Path) -> None:
    """STO-53; the control is the copy of both."""
    copy = copy_store(path, tmp_path / "copy")
    _end_first(path)
    assert _values(copy) == {b"1": A, b"2": B}
    shutil.copy(_keys(path), _keys(copy))
    copy.with_name("db.anchor").unlink()
    assert _values(copy) == {b"2": B}


def test_what_a_set_back_store_does_not_name_stays_until_the_verdict_is_settled(
    path: Path, tmp_path: Path
) -> None:
    """STO-55: so the newer database can be put back; afterwards it is gone."""
    copy = copy_store(path, tmp_path / "copy")
    _end_first(path)
    newer = copy_store(path, tmp_path / "newer")
    shutil.copy(copy, path)
    for _ in range(2):
        with Store.open(path, RAW_KEY) as store:
            assert store.continuity is Continuity.ROLLED_BACK
            assert dict(store.items(TABLE)) == {b"2": B}
    assert sorted(_slots(path)) == sorted(_slots(newer))
    with Store.open(path, RAW_KEY) as store:
        store.commit([Put("session", b"k", b"w")], settle_continuity=True)
        assert len(_slots(path)) == 1
        assert store.count(TABLE) == 1
    assert _values(path) == {b"2": B}


def test_a_store_that_continues_without_its_key_file_is_refused(path: Path) -> None:
    """STO-55: and goes on when the file is back."""
    kept = _keys(path).read_bytes()
    _keys(path).unlink()
    for _ in range(2):
        with pytest.raises(StoreCorrupt, match="key file"):
            Store.open(path, RAW_KEY)
    _keys(path).write_bytes(kept)
    assert _values(path) == {b"1": A, b"2": B}


@pytest.mark.parametrize("at", [SLOT_B, SLOT_B + 30, 2 * SLOT_B + 127])
def test_a_changed_slot_is_noticed(path: Path, at: int) -> None:
    """STO-55."""
    _keys(path).write_bytes(flipped(_keys(path).read_bytes(), at))
    with pytest.raises(StoreCorrupt, match="key file"):
        Store.open(path, RAW_KEY)


def test_a_key_file_that_was_put_back_brings_nothing_that_ended(path: Path) -> None:
    """STO-55: the store is refused, and the file stays as it is."""
    older = _keys(path).read_bytes()
    _end_first(path)
    _keys(path).write_bytes(older)
    with pytest.raises(StoreCorrupt, match="key file"):
        Store.open(path, RAW_KEY)
    assert _keys(path).read_bytes() == older


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda octets: b"another file of this name", StoreCorrupt),
        (lambda octets: b"", StoreCorrupt),
        (lambda octets: flipped(octets, 12), StoreCorrupt),
        (lambda octets: octets[:8] + b"\0\2" + octets[10:], StoreTooNew),
    ],
)
def test_another_file_is_refused_and_left_alone(
    path: Path, change: Callable[[bytes], bytes], error: type[Exception]
) -> None:
    """STO-56."""
    other = change(_keys(path).read_bytes())
    _keys(path).write_bytes(other)
    with pytest.raises(error):
        Store.open(path, RAW_KEY)
    assert _keys(path).read_bytes() == other


def test_slots_that_a_crash_has_left_are_overwritten_by_the_next_opening(path: Path) -> None:
    """STO-54, STO-55: a half slot, one that no row names, and one that stands twice."""
    octets, named = _keys(path).read_bytes(), _slots(path)
    orphan = path.with_name("orphan")
    shutil.copy(_keys(path), orphan)
    with Store.open(path, RAW_KEY) as store:
        store.commit([Put(TABLE, b"3", C)])
        made = _slots(path)[2]
        store.commit([Delete(TABLE, b"3")])
    _keys(path).write_bytes(octets + made + named[0] + made[:50])
    assert _values(path) == {b"1": A, b"2": B}
    assert sorted(_slots(path)) == sorted(named)


def test_a_database_that_fails_leaves_no_slot(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STO-54: a full disk behind the key file, and a change that cannot be."""
    with Store.open(path, RAW_KEY) as store:
        before = _slots(path)
        for failure in (StoreFull("no room"), StoreMisuse("no such table")):

            def fail(*_: object, _failure: Exception = failure, **__: object) -> None:
                raise _failure

            with monkeypatch.context() as patch:
                patch.setattr(type(store._run.ledger), "commit", fail)  # type: ignore[union-attr]  # it is open
                with pytest.raises(type(failure)):
                    store.commit([Put(TABLE, b"1", C)])
            assert _slots(path) == before
            assert store.get(TABLE, b"1") == A


def test_a_key_file_without_room_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STO-09, STO-54: and the store goes on."""
    with Store.open(path, RAW_KEY) as store:
        with monkeypatch.context() as patch:
            patch.setattr(files, "overwrite", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
            with pytest.raises(StoreFull):
                store.commit([Put(TABLE, b"1", C), Put("session", b"k", b"w")])
        assert (store.get(TABLE, b"1"), store.get("session", b"k")) == (A, b"v")
        store.commit([Put(TABLE, b"1", C)])
    assert _values(path) == {b"1": C, b"2": B}
    assert len(_slots(path)) == 2


def test_zeros_that_cannot_be_written_are_written_later(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STO-54: the commit stands; a disk without room is tried again, one that fails ends the run."""
    with Store.open(path, RAW_KEY) as store:
        for number, lasts in ((28, True), (5, False)):
            with monkeypatch.context() as patch:
                patch.setattr(KeyedRows, "end_values", _failing(number))
                store.commit([Put(TABLE, b"1", C if lasts else A)])
            if lasts:
                store.commit([Put("session", b"k", b"w")])
                assert len(_slots(path)) == 2
        with pytest.raises(StoreUnavailable):
            store.get(TABLE, b"1")
    assert _values(path) == {b"1": A, b"2": B}
    assert len(_slots(path)) == 2


def _failing(number: int) -> Callable[[KeyedRows], None]:
    def fail(_: KeyedRows) -> None:
        with files.translated_os_errors("writing the key file"):
            raise OSError(number, "no")

    return fail


def test_a_value_that_is_too_long_for_a_slot_changes_nothing(path: Path) -> None:
    """STO-08."""
    with Store.open(path, RAW_KEY) as store:
        store.commit([Put(TABLE, b"1", bytes(MAX_VALUE_B))])
        with pytest.raises(StoreMisuse):
            store.commit([Put(TABLE, b"1", bytes(MAX_VALUE_B + 1))])
        assert store.get(TABLE, b"1") == bytes(MAX_VALUE_B)


def test_the_host_says_where_the_key_file_is(tmp_path: Path) -> None:
    """STO-56: what stands there already belongs to another store, and is neither used nor removed."""
    options = StoreOptions(key_file=tmp_path / "elsewhere" / "keys")
    (tmp_path / "elsewhere").mkdir()
    with Store.create(tmp_path / "db", RAW_KEY, options=options) as store:
        store.commit([Put(TABLE, b"1", A)])
    assert not _keys(tmp_path / "db").exists()
    assert _values(tmp_path / "db", options) == {b"1": A}
    with pytest.raises(StoreExists):
        Store.create(tmp_path / "other", RAW_KEY, options=options)
    Store.create(tmp_path / "other", RAW_KEY).close()
    with pytest.raises(StoreCorrupt):
        Store.open(tmp_path / "other", RAW_KEY, options=options)
    assert _values(tmp_path / "db", options) == {b"1": A}


def test_a_new_store_begins_without_what_an_older_one_left(path: Path) -> None:
    """STO-16."""
    path.unlink()
    path.with_name("db.anchor").unlink()
    with Store.create(path, RAW_KEY) as store:
        store.commit([Put(TABLE, b"1", C)])
    assert _values(path) == {b"1": C}


def test_destroying_a_store_removes_its_key_file(path: Path) -> None:
    """STO-17: overwritten first, as a second name of the file shows."""
    twin = path.with_name("twin")
    twin.hardlink_to(_keys(path))
    Store.open(path, RAW_KEY).destroy()
    assert {one.name for one in path.parent.iterdir()} == {"twin"}
    assert not any(twin.read_bytes())


def test_a_store_from_before_the_key_file_moves_its_values(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """STO-57: at its first opening, and no old box is left."""
    with Store.open(path, RAW_KEY) as store:
        ledger = store._run.ledger  # type: ignore[union-attr]  # it is open
        ledger.commit([Put(TABLE, b"1", A), Put(TABLE, b"2", B)], settle=False)
    _keys(path).unlink()
    with monkeypatch.context() as patch:
        patch.setattr(files, "overwrite", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(StoreFull):
            Store.open(path, RAW_KEY)
    for _ in range(2):
        with Store.open(path, RAW_KEY) as store:
            assert store.continuity is Continuity.CONTINUOUS
            assert dict(store.items(TABLE)) == {b"1": A, b"2": B}
            stored = store._run.ledger.page(TABLE, 0)  # type: ignore[union-attr]  # it is open
            assert all(len(value) == 16 for _, _, value in stored)
    assert len(_slots(path)) == 2


def test_a_store_in_memory_keeps_its_values_there() -> None:
    """STO-53."""
    with Store.in_memory() as store:
        store.commit([Put(TABLE, b"1", A)])
        store.commit([Put(TABLE, b"1", B)])
        assert store.get(TABLE, b"1") == B


def test_no_value_stands_in_a_repr(path: Path) -> None:
    """STO-21."""
    with Store.open(path, RAW_KEY) as store:
        rows = store._run.rows  # type: ignore[union-attr]  # it is open
        assert repr(rows._keys) == "<KeyFile of 2>"
        assert isinstance(rows._keys, KeyFile)
        assert A.decode() not in repr([*rows._keys._kept.values()])
