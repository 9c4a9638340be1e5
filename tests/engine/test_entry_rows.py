"""How entries of a room stand in the store: segments, index and chains; nothing else is read or written."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2ee_client.engine.rooms.entry_chains import PAGE_NUMBERS
from e2ee_client.engine.rooms.entry_index import INDEX, INDEX_ENTRIES, EntryIndex
from e2ee_client.engine.rooms.entry_keys import KEY_SEGMENTS, MONTH_MS, EntryKeys, as_stale
from e2ee_client.engine.rooms.entry_log import TABLES, EntryLog, StoredEntry, new_stored
from e2ee_client.engine.rooms.entry_pages import ORDER, PAGE_ENTRIES, EntryPages, Sorted
from e2ee_client.engine.rooms.entry_search import holding
from e2ee_client.engine.rooms.entry_segments import SEGMENT_B, SEGMENT_ENTRIES, decode_segment
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import StoreCorrupt
from e2ee_client.store import Store
from engine_world import Rows
from store_probe import RAW_KEY, boxes, keyless, overwrite_slot

from e2ee.errors import ContentError
from e2ee.ids import AccountId, DeviceId
from e2ee.rooms.entry import Author, Entry, EntryHash, RoomId, device_tag, make_header, write_entry
from e2ee.rooms.kinds import Kind
from e2ee.rooms.transcript import Held

ROOM, OTHER = RoomId(b"r" * 16), RoomId(b"o" * 16)
ANNA = Author(AccountId(b"a" * 32), DeviceId(b"d" * 16))
TAG = device_tag(ROOM, ANNA.device_id)
CHANGED_AT_MOST = 7


class CountedRows(Rows):
    """Rows that count what is read and changed."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[tuple[str, bytes]] = []

    def get(self, table: str, key: bytes) -> bytes | None:
        self.reads.append((table, key))
        return super().get(table, key)

    def items(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        raise AssertionError("no table of a room is read as a whole")


@pytest.fixture
def rows() -> CountedRows:
    return CountedRows()


def chain(count: int, text: str = "text", room_id: RoomId = ROOM) -> list[Entry]:
    """Entries of one device, each behind the one before."""
    found: list[Entry] = []
    for n in range(count):
        prev = found[-1].hash if found else None
        header = make_header(room_id, int(Kind.TEXT), n, 1_000 + n, prev=prev)
        found.append(write_entry(ANNA, header, {1: f"{text} {n}"}, n.to_bytes(16), None))
    return found


def commit(turn: Turn, rows: Rows | Store) -> int:
    """Store a step; return how many rows it changed."""
    (effect,) = turn.effects()
    rows.commit(effect.changes)  # type: ignore[union-attr]  # a step of these tests has only a commit
    return len(effect.changes)  # type: ignore[union-attr]  # as above


def add(log: EntryLog, rows: Rows | Store, entry: Entry, root: Entry) -> int:
    """Take one entry in a step of its own."""
    turn = Turn(0)
    log.check_new(turn, entry)
    log.place(turn, entry)
    log.add(turn, entry, new_stored(entry, 5), root.hash, is_unread=True)
    return commit(turn, rows)


def filled(rows: Rows | Store, entries: list[Entry], room_id: RoomId = ROOM) -> EntryLog:
    """A room with these entries."""
    log = EntryLog(rows, room_id, os.urandom)
    for entry in entries:
        add(log, rows, entry, entries[0])
    return log


def test_what_is_stored_is_read_again_by_hash_place_and_order(rows: CountedRows) -> None:
    """STO-30, TRN-10: across the borders of segments and pages, by who loads the room anew."""
    entries = chain(2 * INDEX_ENTRIES + 3)
    filled(rows, entries)
    log, turn = EntryLog(rows, ROOM, os.urandom), Turn(0)
    assert [one.entry() for one in log.all_of(turn)] == entries
    assert [log.entry(turn, one) for one in log.newest(turn, 40)] == entries[-40:]
    assert [one.hash for one in log.newest(turn, 9, entries[70].hash)] == [one.hash for one in entries[61:70]]
    for n, one in enumerate(entries):
        assert log.held(turn, TAG, n) == Held(one.hash, one.header.prev, False)
        assert log.by_content(turn, one.content_id) == log.find(turn, one.hash)
    assert log.held(turn, TAG, len(entries)) is log.held(turn, TAG, -1) is None
    assert log.find(turn, EntryHash(entries[3].hash[:16] + bytes(16))) is None
    assert EntryLog(rows, OTHER, os.urandom).find(turn, entries[3].hash) is None


def test_an_entry_more_costs_the_same_in_a_long_room_as_in_a_short_one(rows: CountedRows) -> None:
    """STO-30: adding, reading the newest and marking touch a number of rows that does not grow."""
    entries = chain(INDEX_ENTRIES + 60)
    log = EntryLog(rows, ROOM, os.urandom)
    changed = [add(log, rows, one, entries[0]) for one in entries]
    *most, of_split = sorted(changed)
    assert max(most) <= CHANGED_AT_MOST
    assert of_split <= CHANGED_AT_MOST + 16
    segments = rows.tables["entry_segment"]
    assert len(segments) == -(-len(entries) // SEGMENT_ENTRIES)
    assert len(rows.tables["entry_chain"]) == -(-len(entries) // PAGE_NUMBERS)
    rows.reads.clear()
    turn = Turn(0)
    (stored,) = log.newest(turn, 1)
    stored.is_delivered = True
    log.put(turn, stored)
    assert commit(turn, rows) == 1
    assert len(rows.reads) <= CHANGED_AT_MOST


def test_the_next_entry_reads_as_little_in_a_long_room_as_in_a_short_one(rows: CountedRows) -> None:
    """STO-56: by who loads the room anew, as a desk with many rooms does for most texts."""
    entries = chain(20 * INDEX_ENTRIES)
    filled(rows, entries[:-1])
    rows.reads.clear()
    add(EntryLog(rows, ROOM, os.urandom), rows, entries[-1], entries[0])
    read = [key for table, key in rows.reads if table == INDEX]
    new, before, root = (entries[at].content_id for at in (-1, -2, 0))
    assert len(read) <= 1 + sum(beginnings(one, entries) for one in (new, before, root))
    rows.reads.clear()
    assert [one.hash for one in EntryLog(rows, ROOM, os.urandom).newest(Turn(0), 50)] == [
        one.hash for one in entries[-50:]
    ]
    segments = -(-50 // SEGMENT_ENTRIES) + 1
    assert sum(table == INDEX for table, _ in rows.reads) <= 3 * segments


def beginnings(content_id: bytes, entries: list[Entry]) -> int:
    """How many pages of the index say where an entry stands."""
    return pages_of(content_id, [one.content_id for one in entries])


def pages_of(content_id: bytes, here: list[bytes]) -> int:
    """How many beginnings of an id more than 128 of these have, and one more."""
    count, digits = 1, content_id.hex()
    found = [one.hex() for one in here]
    while len(found := [one for one in found if one.startswith(digits[: count - 1])]) > INDEX_ENTRIES:
        count += 1
    return count


@pytest.mark.parametrize("common", [b"", b"\x5a" * 7])
def test_where_an_entry_stands_is_found_in_few_pages(rows: CountedRows, common: bytes) -> None:
    """STO-56: also of many that somebody has chosen to begin alike; an id that is not here is not found."""
    source = random.Random(30)
    ids = [source.randbytes(16) for _ in range(5_000)]
    ids += [common + source.randbytes(16 - len(common)) for _ in range(500)]
    index = EntryIndex(rows, ROOM)
    for at, one in enumerate(ids):
        turn = Turn(0)
        index.add(turn, one, at // SEGMENT_ENTRIES)
        commit(turn, rows)
    assert all(len(row) <= INDEX_ENTRIES * 20 for row in rows.tables[INDEX].values())
    absent = [source.randbytes(16), common + source.randbytes(16 - len(common))]
    for one in (*ids[::500], *ids[-3:], *absent):
        rows.reads.clear()
        found = EntryIndex(rows, ROOM).find(Turn(0), one)
        assert found == (None if one in absent else ids.index(one) // SEGMENT_ENTRIES)
        assert len(rows.reads) == pages_of(one, ids)
    assert EntryIndex(rows, ROOM).newest(Turn(0)) == (len(ids) - 1) // SEGMENT_ENTRIES


def test_pages_hold_any_order(rows: CountedRows) -> None:
    """STO-30, TRN-16: whatever comes and goes at whatever place, also by who loads the room anew."""
    source, pages, placed = random.Random(16), EntryPages(rows, ROOM), dict[Sorted, bool]()
    for step in range(12 * PAGE_ENTRIES):
        place, turn = Sorted(source.randrange(300), EntryHash(source.randbytes(32))), Turn(0)
        placed[place] = step % 3 == 0
        pages.insert(turn, place, is_unread=placed[place])
        if step % 2:
            gone = source.choice(sorted(placed))
            assert pages.remove(turn, gone) == placed.pop(gone)
        commit(turn, rows)
    for one in (pages, EntryPages(rows, ROOM)):
        assert dict(one.walk(Turn(0), None)) == placed
        assert [place for place, _ in one.walk(Turn(0), None)] == sorted(placed)
    for place in list(placed):
        turn = Turn(0)
        pages.remove(turn, place)
        commit(turn, rows)
    assert pages.count(Turn(0)) == EntryPages(rows, ROOM).count(Turn(0)) == 0


def test_where_pages_begin_is_refused_in_another_shape(rows: CountedRows) -> None:
    """STO-30."""
    entries = chain(2)
    filled(rows, entries)
    rows.tables[ORDER][max(rows.tables[ORDER])] += b"x"
    with pytest.raises(StoreCorrupt):
        EntryLog(rows, ROOM, os.urandom).newest(Turn(0), 1)


DIGITS = bytes(16).hex()


@pytest.mark.parametrize(
    "damage", [{ROOM + b"\xff": b"abc"}, {ROOM + DIGITS[:length].encode(): b"" for length in range(32)}]
)
def test_a_damaged_index_is_refused(rows: CountedRows, damage: dict[bytes, bytes]) -> None:
    """STO-56: a newest segment of another shape, and pages that were split without end."""
    rows.tables[INDEX] = damage
    with pytest.raises(StoreCorrupt):
        EntryIndex(rows, ROOM).add(Turn(0), bytes(16), 1)


def test_a_segment_of_long_entries_holds_fewer(rows: CountedRows) -> None:
    """STO-30: no segment grows by more than one entry beyond its bound."""
    entries = chain(20, "x" * 3_000)
    filled(rows, entries)
    sizes = [len(one) for one in rows.tables["entry_segment"].values()]
    assert len(sizes) > len(entries) // SEGMENT_ENTRIES + 1
    assert max(sizes) < SEGMENT_B + 4_000


def test_a_page_reads_each_segment_once(rows: CountedRows) -> None:
    """STO-30: also a search."""
    entries = chain(64)
    filled(rows, entries)
    log, turn = EntryLog(rows, ROOM, os.urandom), Turn(0)
    rows.reads.clear()
    assert [one.hash for one in holding(log, turn, [one.hash for one in entries], ["text 7"])] == [
        entries[7].hash
    ]
    log.newest(turn, 50)
    read = [key for table, key in rows.reads if table == "entry_segment"]
    assert len(read) == len(set(read)) + 4 == 4 + 4


def test_an_erased_body_is_in_no_row_and_does_not_come_back(rows: CountedRows) -> None:
    """STO-31, TRN-04: nor with a mark that somebody sets who read the entry before."""
    entries = chain(5, "geheim")
    log, turn = filled(rows, entries), Turn(0)
    before = log.find(turn, entries[2].hash)
    assert before is not None
    assert before.body == entries[2].body
    log.erase(turn, [before.hash])
    before.is_hidden = True
    log.put(turn, before)
    assert log.entry(turn, before).body is None
    commit(turn, rows)
    values = [row for table in TABLES for row in rows.tables.get(table, {}).values()]
    assert not any(b"geheim" in one for one in values)
    found = EntryLog(rows, ROOM, os.urandom).find(Turn(0), entries[2].hash)
    assert found is not None
    assert found.is_hidden
    assert found.entry() == entries[2].redacted()
    assert not holding(log, Turn(0), [entries[2].hash], ["geheim"])


def test_an_erasure_puts_a_fresh_key_in_the_place_of_that_of_the_body(rows: CountedRows) -> None:
    """STO-50, STO-51: what was sealed beside it opens under the fresh one; what nothing needs is deleted."""
    entries = chain(3 * SEGMENT_ENTRIES, "geheim")
    log, before = filled(rows, entries), dict(rows.tables["entry_key"])
    assert list(before) == [ROOM + bytes(4)]
    old = {key: decode_segment(value) for key, value in rows.tables["entry_segment"].items()}
    turn = Turn(0)
    log.erase(turn, [entries[20].hash])
    commit(turn, rows)
    after = EntryKeys(rows, ROOM, os.urandom).get(Turn(0), 0)
    assert after is not None
    assert rows.tables["entry_key"] != before
    for segment in old.values():
        for one in segment.entries.values():
            with pytest.raises(StoreCorrupt):
                after.open_(ROOM, one.content_id, one.body or b"")
    left = [one.body for one in EntryLog(rows, ROOM, os.urandom).all_of(Turn(0))]
    assert left == [None if n == 20 else one.body for n, one in enumerate(entries)]
    turn = Turn(0)
    log.erase(turn, [one.hash for one in entries])
    commit(turn, rows)
    assert not rows.tables["entry_key"]


def test_a_key_is_of_one_month_and_of_16_segments_at_most(rows: CountedRows) -> None:
    """STO-50: by the clock at arrival; a clock that is set back begins a new segment, too."""
    entries = chain(KEY_SEGMENTS * SEGMENT_ENTRIES + 3)
    log = EntryLog(rows, ROOM, os.urandom)
    for entry in entries[:-2]:
        add(log, rows, entry, entries[0])
    numbers = {int.from_bytes(key[16:]) for key in rows.tables["entry_key"]}
    assert numbers == {0, KEY_SEGMENTS}
    for at, now_ms in enumerate((MONTH_MS, MONTH_MS - 1)):
        turn, entry = Turn(now_ms), entries[at - 2]
        log.add(turn, entry, new_stored(entry, 5), entries[0].hash, is_unread=True)
        commit(turn, rows)
    assert len(rows.tables["entry_key"]) == 4
    assert len(rows.tables["entry_segment"]) == KEY_SEGMENTS + 3
    assert [one.entry() for one in log.all_of(Turn(0))] == entries


def test_each_key_that_is_stale_is_replaced_whichever_is_the_newest(rows: CountedRows) -> None:
    """STO-52: also behind a newer key; to look for them reads one segment of each key."""
    entries = chain(2 * KEY_SEGMENTS * SEGMENT_ENTRIES + 3)
    filled(rows, entries)
    before = dict(rows.tables["entry_key"])
    assert len(before) == 3
    for key in sorted(before)[:2]:
        rows.commit((as_stale(key, before[key]),))
    turn = Turn(7 * MONTH_MS)
    EntryLog(rows, ROOM, os.urandom).renew_stale(turn)
    commit(turn, rows)
    after = rows.tables["entry_key"]
    assert [after[key] == before[key] for key in sorted(before)] == [False, False, True]
    assert [int.from_bytes(after[key][:4]) for key in sorted(before)] == [7, 7, 0]
    log, turn = EntryLog(rows, ROOM, os.urandom), Turn(0)
    rows.reads.clear()
    log.renew_stale(turn)
    assert sum(table == "entry_segment" for table, _ in rows.reads) == len(before)
    assert [one.entry() for one in log.all_of(Turn(0))] == entries


def test_a_segment_with_the_key_of_a_later_one_is_refused(rows: CountedRows) -> None:
    """STO-50: a key has the number of the first segment that has it."""
    filled(rows, chain(1))
    table = rows.tables["entry_segment"]
    key = min(table)
    table[key] = (1).to_bytes(4) + table[key][4:]
    with pytest.raises(StoreCorrupt):
        EntryLog(rows, ROOM, os.urandom).renew_stale(Turn(0))


def test_a_body_that_does_not_open_is_gone_with_a_stale_key_alone(rows: CountedRows) -> None:
    """STO-52: a key that is not stale is not replaced over it, as an erasure would have to."""
    entries = chain(3)
    filled(rows, entries)
    key = ROOM + bytes(4)
    rows.tables["entry_segment"][key] = rows.tables["entry_segment"][key][:-1] + b"x"
    with pytest.raises(StoreCorrupt):
        EntryLog(rows, ROOM, os.urandom).erase(Turn(0), [entries[0].hash])
    rows.commit((as_stale(key, rows.tables["entry_key"][key]),))
    turn = Turn(0)
    EntryLog(rows, ROOM, os.urandom).renew_stale(turn)
    commit(turn, rows)
    left = [one.body for one in EntryLog(rows, ROOM, os.urandom).all_of(Turn(0))]
    assert left == [entries[0].body, entries[1].body, None]


def test_a_key_or_body_that_was_changed_is_refused(rows: CountedRows) -> None:
    """STO-50: a key of another size, and a body that its key does not open."""
    entries = chain(1)
    filled(rows, entries)
    key = ROOM + bytes(4)
    whole_key, segment = rows.tables["entry_key"][key], rows.tables["entry_segment"][key]
    for table, value in (("entry_key", whole_key[:-1]), ("entry_segment", segment[:-1] + b"x")):
        rows.tables[table][key] = value
        with pytest.raises(StoreCorrupt):
            EntryLog(rows, ROOM, os.urandom).find(Turn(0), entries[0].hash)
        rows.tables["entry_key"][key], rows.tables["entry_segment"][key] = whole_key, segment
    assert whole_key[4:].hex() not in repr(EntryKeys(rows, ROOM, os.urandom).get(Turn(0), 0))


def test_a_body_that_comes_later_is_kept(rows: CountedRows) -> None:
    """TRN-17: what was here without a body is completed, and stays where it stands."""
    entries = chain(3)
    log = filled(rows, [one.redacted() if n == 1 else one for n, one in enumerate(entries)])
    turn = Turn(0)
    stored = log.find(turn, entries[1].hash)
    assert stored is not None
    assert stored.body is None
    log.complete(turn, stored, entries[1].body or b"")
    commit(turn, rows)
    assert [one.entry() for one in EntryLog(rows, ROOM, os.urandom).all_of(Turn(0))] == entries
    turn = Turn(0)
    log.put_aside(turn, entries[1].redacted(), stored)
    assert log.entry(turn, stored) == entries[1]


def test_two_entries_under_one_content_id_are_refused(rows: CountedRows) -> None:
    """TRN-05: the second one, which has the first 16 bytes of the hash in common."""
    entries = chain(1)
    log, turn = filled(rows, entries), Turn(0)
    one = entries[0]
    other = Entry(
        one.author, one.header, one.commitment, one.body, None, EntryHash(one.hash[:16] + b"x" * 16)
    )
    log.check_new(turn, one)
    with pytest.raises(ContentError):
        log.check_new(turn, other)


def test_an_id_is_not_found_across_two_places_of_the_index(rows: CountedRows) -> None:
    """STO-30: bytes that stand in the index, but not as an id, name no entry."""
    entries = chain(3)
    log = filled(rows, entries)
    page = rows.tables[INDEX][ROOM]
    for at in range(1, 20):
        assert log.by_content(Turn(0), page[at : at + 16]) is None


def whole(log: EntryLog) -> None:
    """Read a room one by one."""
    log.held(Turn(0), TAG, 0)
    for one in log.all_of(Turn(0)):
        log.entry(Turn(0), one)


def newest(log: EntryLog) -> None:
    """Read a page."""
    log.held(Turn(0), TAG, 1)
    log.newest(Turn(0), 9)


def found(log: EntryLog) -> None:
    """Search."""
    log.held(Turn(0), TAG, 2)
    holding(log, Turn(0), log.newest_hashes(Turn(0), 9), ["text"])


@pytest.mark.parametrize(
    ("table", "damage"),
    [
        ("entry_index", lambda row: row[:-1]),
        ("entry_index", lambda row: row[:16] + b"\xff\xff\xff\xff" + row[20:]),
        ("entry_index", lambda row: b"x" * 16 + row[16:]),
        ("entry_segment", lambda row: row[:-1]),
        ("entry_segment", lambda row: row[:20]),
        ("entry_segment", lambda row: b"x" * 16 + row[16:]),
        ("entry_chain", lambda row: row[:-1]),
        ("entry_page", lambda row: row[:-1]),
    ],
)
def test_a_row_of_another_shape_is_refused(rows: CountedRows, table: str, damage) -> None:  # type: ignore[no-untyped-def]  # a table of functions
    """STO-30: by a typed error, whatever is read."""
    entries = chain(2)
    filled(rows, entries)
    key = min(rows.tables[table])
    rows.tables[table][key] = damage(rows.tables[table][key])
    for reading in (whole, newest, found):
        with pytest.raises(StoreCorrupt):
            reading(EntryLog(rows, ROOM, os.urandom))


# --- an attacker who can write to the closed file, and has no key ---


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed store with two rooms of two segments each, of one size class."""
    place = tmp_path / "store"
    with Store.create(place, RAW_KEY) as store:
        for room_id in (ROOM, OTHER):
            filled(store, chain(20, room_id=room_id), room_id)
    return place


def read_all(path: Path) -> None:
    """Read both rooms whole."""
    with Store.open(path, RAW_KEY) as store:
        for room_id in (ROOM, OTHER):
            log, turn = EntryLog(store, room_id, os.urandom), Turn(0)
            assert [one.entry() for one in log.all_of(turn)] == chain(20, room_id=room_id)


def alike(path: Path) -> list[int]:
    """The slots of the four largest boxes."""
    found = boxes(path)
    return sorted(found, key=lambda slot: -len(found[slot]))[:4]


def test_segments_are_read_from_a_real_store(path: Path) -> None:
    """STO-30."""
    read_all(path)


@pytest.mark.parametrize(("first", "second"), [(0, 1), (0, 2), (1, 3), (2, 3)])
def test_segments_exchanged_within_a_room_or_between_two_are_refused(
    path: Path, first: int, second: int
) -> None:
    """STO-02, STO-10."""
    found, slots = boxes(path), alike(path)
    overwrite_slot(path, slots[first], found[slots[second]])
    overwrite_slot(path, slots[second], found[slots[first]])
    with pytest.raises(StoreCorrupt):
        read_all(path)


def test_every_row_of_a_room_cut_off_is_noticed(path: Path) -> None:
    """STO-10: segments, pages of index, chains and order, each alone."""
    with keyless(path) as connection:
        slots = [slot for (slot,) in connection.execute("SELECT slot FROM place ORDER BY seq")]
    assert len(slots) >= 2 * 5
    for slot in slots:
        copy = path.with_name(f"cut {slot}")
        shutil.copy(path, copy)
        with keyless(copy) as connection:
            connection.execute("DELETE FROM place WHERE slot = ?", (slot,))
        with pytest.raises(StoreCorrupt):
            read_all(copy)


def test_every_row_of_a_room_put_back_to_an_older_version_is_noticed(path: Path, tmp_path: Path) -> None:
    """STO-10: each row that a later entry has changed, alone; the older box opens by itself at its place."""
    old = tmp_path / "old"
    shutil.copy(path, old)
    before = dict(_placed(old))
    with Store.open(path, RAW_KEY) as store:
        entries = chain(21)
        add(EntryLog(store, ROOM, os.urandom), store, entries[-1], entries[0])
    after = dict(_placed(path))
    changed = [row_id for row_id, (_, box) in after.items() if before.get(row_id, (0, box))[1] != box]
    assert len(changed) >= 4
    for number, row_id in enumerate(changed):
        copy = path.with_name(f"replayed {number}")
        shutil.copy(path, copy)
        overwrite_slot(copy, after[row_id][0], before[row_id][1])
        with pytest.raises(StoreCorrupt):
            read_all(copy)


def test_a_segment_of_another_store_is_refused(path: Path, tmp_path: Path) -> None:
    """STO-02: even of one that was made with the same key and the same rooms."""
    other = tmp_path / "other"
    with Store.create(other, RAW_KEY) as store:
        for room_id in (ROOM, OTHER):
            filled(store, chain(20, room_id=room_id), room_id)
    overwrite_slot(path, alike(path)[0], boxes(other)[alike(other)[0]])
    with pytest.raises(StoreCorrupt):
        read_all(path)


def _placed(path: Path) -> list[tuple[bytes, tuple[int, bytes]]]:
    with keyless(path) as connection:
        query = "SELECT p.id, s.n, s.box FROM place p JOIN slot s ON s.n = p.slot"
        return [(row_id, (slot, box)) for row_id, slot, box in connection.execute(query)]


def test_a_record_keeps_what_is_known_of_an_entry() -> None:
    """STO-30: all fields but the body, which stands beside it."""
    entry = chain(1)[0]
    stored = new_stored(entry, 7, entry.hash)
    stored.waiting_for, stored.edited_by, stored.is_marked = (ANNA.device_id,), entry.hash, True
    rows = Rows()
    log, turn = EntryLog(rows, ROOM, os.urandom), Turn(0)
    log.put_aside(turn, entry, stored)
    found = log.find(turn, entry.hash)
    assert isinstance(found, StoredEntry)
    assert found == stored
    assert (found.author, found.tag, found.content_id) == (ANNA, TAG, entry.content_id)
