"""A text costs the same rows, however long its room is and however many rooms a desk has (STO-30, STO-56)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryErased
from e2ee_client.rows import Delete, Put
from engine_world import Node, Rows, World
from rooms_world import HOUR_MS, change, opened, rooms_of, write

from e2ee.rooms.entry import RoomId
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import Erase

TEXTS, LATER, SECOND_MS = 64, 448, 1_000
INDEX_PAGES = 12
"""What a text of a room that was not touched looks up: a few ids, each on one page more in a longer room."""


class CountedRows(Rows):
    """Rows that count what is read and changed."""

    def __init__(self, before: Rows) -> None:
        super().__init__()
        self.tables = before.tables
        self.read: Counter[str] = Counter()
        self.read_keys: list[tuple[str, bytes]] = []
        self.listed: Counter[str] = Counter()
        self.changed: Counter[str] = Counter()
        self.written_b: Counter[str] = Counter()

    def get(self, table: str, key: bytes) -> bytes | None:
        self.read[table] += 1
        self.read_keys.append((table, key))
        return super().get(table, key)

    def items(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        self.listed[table] += 1
        return iter(list(super().items(table)))

    def commit(self, changes: tuple[Put | Delete, ...]) -> None:
        self.changed.update(one.table for one in changes)
        for one in changes:
            self.written_b[one.table] += len(one.value) if isinstance(one, Put) else 0
        super().commit(changes)


def counted(node: Node) -> CountedRows:
    """Let a node go on, with rows that count."""
    found = CountedRows(node.rows)
    node.crash(found)
    node.start()
    return found


class Scene(NamedTuple):
    """A desk and a customer who write in turn."""

    world: World
    people: tuple[Node, Node]
    room: RoomId
    rows: tuple[CountedRows, CountedRows]

    def talk(self, texts: int, *, is_cold: bool = False) -> list[Counter[str]]:
        """Write and take so many texts; return what was read and changed on both sides."""
        for rows in self.rows:
            rows.read.clear()
            rows.changed.clear()
        for number in range(texts):
            if is_cold:
                for node in self.people:
                    rooms_of(node)._loaded.clear()
            write(self.people[number % 2], self.room, "Guten Tag")
            self.world.now_ms += SECOND_MS
            self.world.settle()
        return [Counter(one) for rows in self.rows for one in (rows.read, rows.changed)]


def scene() -> Scene:
    """A room in which nobody has written."""
    world, desk, customer, room = opened()
    rows = counted(desk), counted(customer)
    world.advance(60 * SECOND_MS)
    return Scene(world, (desk, customer), room, rows)


@pytest.mark.parametrize("is_cold", [False, pytest.param(True, marks=pytest.mark.audit_only)])
def test_a_text_costs_as_many_rows_late_as_early(is_cold: bool) -> None:
    """STO-30, STO-56: by who writes and who takes it, also where the room was not touched for long."""
    made = scene()
    made.talk(TEXTS)
    early = made.talk(TEXTS, is_cold=is_cold)
    made.talk(LATER - TEXTS)
    late = made.talk(TEXTS, is_cold=is_cold)
    for before, after in zip(early, late, strict=True):
        more = {table: after[table] - before[table] for table in after}
        assert more.pop("entry_index", 0) <= INDEX_PAGES * TEXTS
        assert sum(more.values()) <= TEXTS // 8, more


def test_a_room_with_many_states_reads_each_segment_once() -> None:
    """STO-56: also where half of its entries are states, which are read when it is touched."""
    made = scene()
    desk, rows = made.people[0], made.rows[0]
    for number in range(40):
        change(desk, made.room, Change(sensitive=number % 2 == 0))
        made.talk(1)
    rooms_of(desk)._loaded.clear()
    rows.read_keys.clear()
    room = rooms_of(desk).as_it_was(Turn(desk.now_ms), made.room)
    read = [key for table, key in rows.read_keys if table == "entry_segment"]
    assert len(room.states.path) == 41
    assert len(read) == len(set(read)) == 6


def test_a_text_writes_as_many_bytes_in_a_room_of_many_states() -> None:
    """STO-57: all verdicts were written with each, 36 bytes a state; a state writes its page alone."""
    made, few, many = scene(), 4, 54
    found: list[Counter[str]] = []
    for states in (few, many - few):
        for number in range(states):
            change(made.people[0], made.room, Change(sensitive=number % 2 == 0))
            made.world.now_ms += SECOND_MS
            made.world.settle()
        made.talk(2)
        for rows in made.rows:
            rows.written_b.clear()
        made.talk(2)
        found += [rows.written_b.copy() for rows in made.rows]
    for before, after in zip(found[:2], found[2:], strict=True):
        assert "room_states" not in after
        assert before["room_live"] > 500
        assert abs(after["room_live"] - before["room_live"]) <= 64
    pages = [dict(rows.items("room_states")) for rows in made.rows]
    assert [[len(one) for one in page.values()] for page in pages] == [[(many + 1) * 33]] * 2


def test_an_erasure_looks_through_no_files_for_what_is_none() -> None:
    """ROOM-26: of many texts that are erased none is searched for among the files that were sent, which are
    looked through once when the room is erased (FIL-29).
    """
    made = scene()
    made.talk(40)
    rows = made.rows[0]
    rows.listed.clear()
    write(made.people[1], made.room, Erase(None))
    made.world.advance(26 * HOUR_MS)
    desk = made.people[0]
    assert sum(one.is_destroyed for one in desk.of(EntryErased)) == 40
    assert {one.kind for one in desk.of(EntryErased)} == {Kind.TEXT}
    assert rows.listed["file_out"] <= 1
