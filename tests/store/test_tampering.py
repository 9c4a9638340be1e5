"""An attacker who can write to the closed file, and has no key."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from e2ee_client.errors import StoreCorrupt, StoreError, StoreWrongKey
from e2ee_client.store import Delete, Put, Store
from e2ee_client.store.keys import DataKey, StoreKeys
from e2ee_client.store.sealing import Place, RowSealer
from e2ee_client.store.state import StateSealer, first_state
from store_probe import RAW_KEY, boxes, flipped, keyless, overwrite_slot


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed store with two sessions and an outbox row, all of one size class."""
    place = tmp_path / "store"
    with Store.create(place, RAW_KEY) as store:
        store.commit(
            [Put("session", b"a", b"one"), Put("session", b"b", b"two"), Put("outbox", b"a", b"three")]
        )
    return place


def _rng(size_b: int) -> bytes:
    return bytes(range(size_b))


def test_every_byte_of_a_box_and_of_its_place_counts() -> None:
    """STO-02: any changed byte of box, id, table tag, sequence number or store id."""
    keys = StoreKeys(DataKey(bytes(32)))
    rows = RowSealer(keys, bytes(16), _rng)
    place = Place(rows.row_id("session", b"k"), rows.table_tag("session"), 7)
    box = rows.seal(place, b"k", b"value")
    assert rows.open_(place, box) == (b"k", b"value")
    for position in range(len(box)):
        with pytest.raises(StoreCorrupt):
            rows.open_(place, flipped(box, position))
    elsewhere = [Place(flipped(place.row_id, n), place.table_tag, place.seq) for n in range(32)]
    elsewhere += [Place(place.row_id, flipped(place.table_tag, n), place.seq) for n in range(8)]
    elsewhere += [Place(place.row_id, place.table_tag, place.seq ^ 1 << n) for n in range(63)]
    for other in elsewhere:
        with pytest.raises(StoreCorrupt):
            rows.open_(other, box)
    for other_store in (RowSealer(keys, flipped(bytes(16), n), _rng) for n in range(16)):
        with pytest.raises(StoreCorrupt):
            other_store.open_(place, box)


@pytest.mark.parametrize("size_b", [0, 1, 24, 39, 40, 127])
def test_a_shortened_box_does_not_open(size_b: int) -> None:
    """STO-02."""
    rows = RowSealer(StoreKeys(DataKey(bytes(32))), bytes(16), _rng)
    place = Place(rows.row_id("session", b"k"), rows.table_tag("session"), 1)
    with pytest.raises(StoreCorrupt):
        rows.open_(place, rows.seal(place, b"k", b"value")[:size_b])


def test_every_byte_of_the_state_counts() -> None:
    """STO-20, STO-02."""
    states = StateSealer(StoreKeys(DataKey(bytes(32))), bytes(16), _rng)
    box = states.seal(first_state(bytes(16)))
    assert len(box) == 256
    assert states.open_(box) == first_state(bytes(16))
    for position in range(len(box)):
        with pytest.raises(StoreCorrupt):
            states.open_(flipped(box, position))


def test_every_byte_of_a_row_in_the_file_counts(path: Path) -> None:
    """STO-02, STO-10: the opening or the reading fails, and no other value ever comes back."""
    slot, box = next(iter(boxes(path).items()))
    for position in range(len(box)):
        overwrite_slot(path, slot, flipped(box, position))
        with pytest.raises(StoreCorrupt), Store.open(path, RAW_KEY) as store:
            store.get("session", b"a")
    overwrite_slot(path, slot, box)
    with Store.open(path, RAW_KEY) as store:
        assert store.get("session", b"a") == b"one"


def _swap_boxes(path: Path, first: int, second: int) -> None:
    found = boxes(path)
    slots = list(found)
    overwrite_slot(path, slots[first], found[slots[second]])
    overwrite_slot(path, slots[second], found[slots[first]])


def _sql(path: Path, *statements: str) -> None:
    with keyless(path) as connection:
        for statement in statements:
            connection.execute(statement)


ATTACKS: dict[str, Callable[[Path], None]] = {
    "rows of one table swapped": lambda path: _swap_boxes(path, 0, 1),
    "rows of two tables swapped": lambda path: _swap_boxes(path, 0, 2),
    "a row copied over another": lambda path: overwrite_slot(
        path, list(boxes(path))[1], next(iter(boxes(path).values()))
    ),
    "slots exchanged": lambda path: _sql(
        path, "UPDATE place SET slot = CASE slot WHEN 1 THEN 2 WHEN 2 THEN 1 ELSE slot END"
    ),
    "two places share a slot": lambda path: _sql(path, "UPDATE place SET slot = 1"),
    "a row removed": lambda path: _sql(path, "DELETE FROM place WHERE slot = 1"),
    "a row and its slot removed": lambda path: _sql(
        path, "DELETE FROM place WHERE slot = 1", "DELETE FROM slot WHERE n = 1"
    ),
    "a row hidden from its table": lambda path: _sql(
        path, "UPDATE place SET tag = zeroblob(8) WHERE slot = 1"
    ),
    "the order of two rows changed": lambda path: _sql(
        path, "UPDATE place SET seq = 9 WHERE slot = 1", "UPDATE place SET seq = 1 WHERE slot = 2"
    ),
    "a sequence number below zero": lambda path: _sql(path, "UPDATE place SET seq = -1 WHERE slot = 1"),
    "a sequence number that is text": lambda path: _sql(path, "UPDATE place SET seq = 'x' WHERE slot = 1"),
    "an id that is text": lambda path: _sql(path, "UPDATE place SET id = 'x' WHERE slot = 1"),
    "a tag that is a number": lambda path: _sql(path, "UPDATE place SET tag = 1 WHERE slot = 1"),
    "a box that is text": lambda path: _sql(path, "UPDATE slot SET box = 'text' WHERE n = 1"),
    "a box that is empty": lambda path: _sql(path, "UPDATE slot SET box = zeroblob(0) WHERE n = 1"),
    "the state removed": lambda path: _sql(path, "DELETE FROM slot WHERE n = 0"),
    "a state that is text": lambda path: _sql(path, "UPDATE slot SET box = 'text' WHERE n = 0"),
    "a slot too many": lambda path: _sql(path, "INSERT INTO place VALUES (x'00', x'00', 99, 99)"),
    "the header removed": lambda path: _sql(path, "DELETE FROM header"),
    "a header that is text": lambda path: _sql(path, "UPDATE header SET box = 'text'"),
    "a header cut short": lambda path: _sql(path, "UPDATE header SET box = substr(box, 1, 50)"),
    "a trigger that keeps deleted rows": lambda path: _sql(
        path,
        "CREATE TABLE kept (box BLOB)",
        "CREATE TRIGGER keep BEFORE UPDATE ON slot BEGIN INSERT INTO kept VALUES (old.box); END",
    ),
    "a trigger alone": lambda path: _sql(
        path, "CREATE TRIGGER undo AFTER UPDATE ON slot BEGIN DELETE FROM slot WHERE n = 1; END"
    ),
    "an index removed": lambda path: _sql(path, "DROP INDEX place_order"),
    "another program's file": lambda path: _sql(path, "PRAGMA application_id = 1"),
    "a schema number taken back": lambda path: _sql(path, "PRAGMA user_version = 0"),
    "no database at all": lambda path: overwrite_file(path, b"text " * 4000),
    "an empty file": lambda path: overwrite_file(path, b""),
    "cut off in the middle": lambda path: overwrite_file(path, path.read_bytes()[:9000]),
}


def overwrite_file(path: Path, data: bytes) -> None:
    path.write_bytes(data)


@pytest.mark.parametrize("attack", list(ATTACKS.values()), ids=list(ATTACKS))
def test_a_changed_database_is_refused(path: Path, attack: Callable[[Path], None]) -> None:
    """STO-02, STO-10: nothing is opened, so nothing wrong is ever read."""
    attack(path)
    with pytest.raises(StoreCorrupt):
        Store.open(path, RAW_KEY)


def test_an_older_version_of_one_row_is_refused(path: Path) -> None:
    """STO-10: a box that was genuine once, put back at its own place."""
    older = boxes(path)
    with Store.open(path, RAW_KEY) as store:
        store.commit([Put("session", b"a", b"newer")])
    slot = next(iter(older))
    overwrite_slot(path, slot, older[slot])
    with pytest.raises(StoreCorrupt):
        Store.open(path, RAW_KEY)


def test_a_deleted_row_put_back_is_refused(path: Path, tmp_path: Path) -> None:
    """STO-10: box and place together, as they were."""
    before = tmp_path / "before"
    shutil.copy(path, before)
    with Store.open(path, RAW_KEY) as store:
        store.commit([Delete("session", b"a")])
    with keyless(path) as connection:
        connection.execute("ATTACH ? AS old", (str(before),))
        connection.execute("INSERT INTO place SELECT * FROM old.place WHERE slot = 1")
        connection.execute("UPDATE slot SET box = (SELECT box FROM old.slot WHERE n = 1) WHERE n = 1")
    with pytest.raises(StoreCorrupt):
        Store.open(path, RAW_KEY)


def test_rows_of_another_store_are_refused(path: Path, tmp_path: Path) -> None:
    """STO-02: under the same raw key the two stores have different data keys."""
    other = tmp_path / "other"
    with Store.create(other, RAW_KEY) as store:
        store.commit(
            [Put("session", b"a", b"one"), Put("session", b"b", b"two"), Put("outbox", b"a", b"three")]
        )
    with keyless(path) as connection:
        connection.execute("ATTACH ? AS o", (str(other),))
        connection.execute("UPDATE slot SET box = (SELECT box FROM o.slot WHERE o.slot.n = slot.n)")
    with pytest.raises(StoreCorrupt):
        Store.open(path, RAW_KEY)


def test_the_header_of_another_store_does_not_help(path: Path, tmp_path: Path) -> None:
    """STO-05: the data key that it holds opens nothing here."""
    other = tmp_path / "other"
    Store.create(other, RAW_KEY).close()
    with keyless(path) as connection:
        connection.execute("ATTACH ? AS o", (str(other),))
        connection.execute("UPDATE header SET box = (SELECT box FROM o.header)")
    with pytest.raises(StoreCorrupt):
        Store.open(path, RAW_KEY)


def test_any_flipped_byte_of_the_file_is_refused_or_harmless(path: Path) -> None:
    """STO-02, STO-10: what comes back is the right value or a typed error."""
    original = path.read_bytes()
    refused = 0
    others = set()
    for position in range(0, len(original), 97):
        path.write_bytes(flipped(original, position))
        try:
            with Store.open(path, RAW_KEY) as store:
                rows = {table: list(store.items(table)) for table in ("session", "outbox")}
            assert rows == {"session": [(b"a", b"one"), (b"b", b"two")], "outbox": [(b"a", b"three")]}
        except (StoreCorrupt, StoreWrongKey):
            refused += 1
        except StoreError as error:
            others.add(error.code)
            refused += 1
    assert refused > 5
    assert others <= {"store.unavailable", "store.too_new"}


def _exchange_first_cells(path: Path, tree: str) -> None:
    """Exchange two entries of a B-tree's only page, which no SQL statement would do."""
    with keyless(path) as connection:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
        page = connection.execute(query, (tree,)).fetchone()[0] - 1
    data = bytearray(path.read_bytes())
    first = page * 4096 + 8
    data[first : first + 4] = data[first + 2 : first + 4] + data[first : first + 2]
    path.write_bytes(data)


@pytest.mark.parametrize("tree", ["slot", "place"])
def test_a_tree_out_of_order_is_refused(path: Path, tree: str) -> None:
    """STO-10: searching it would miss rows that are there."""
    _exchange_first_cells(path, tree)
    with pytest.raises(StoreCorrupt):
        Store.open(path, RAW_KEY)


@pytest.mark.parametrize("table", ["session", "outbox"], ids=["in one table", "of two tables"])
def test_rows_out_of_order_are_refused(tmp_path: Path, table: str) -> None:
    """STO-10: pages of a table would leave rows out."""
    path = tmp_path / "store"
    with Store.create(path, RAW_KEY) as store:
        store.commit([Put("session", b"a", b"one"), Put(table, b"b", b"two")])
    _exchange_first_cells(path, "place_order")
    with pytest.raises(StoreCorrupt):
        Store.open(path, RAW_KEY)


def test_a_lost_free_slot_is_refused_when_it_is_used(path: Path) -> None:
    """STO-09: a write that reached no slot must not pass for a commit."""
    with Store.open(path, RAW_KEY) as store:
        store.commit([Delete("session", b"a")])
        run = store._run
        if run is None:
            raise TypeError
        run.connection.execute("DELETE FROM slot WHERE n = 1")
        with pytest.raises(StoreCorrupt):
            store.commit([Put("session", b"c", b"lost")])
    with Store.open(path, RAW_KEY) as store:
        assert store.count("session") == 1


def test_two_rows_under_one_id_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """STO-02: the key in the box decides, should two blinded ids ever collide."""
    monkeypatch.setattr(RowSealer, "row_id", lambda *_: bytes(32))
    with Store.in_memory() as store:
        store.commit([Put("session", b"a", b"one")])
        with pytest.raises(StoreCorrupt):
            store.get("session", b"b")
