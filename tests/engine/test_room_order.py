"""One order for all who have the same entries; that of a long room is not made anew for an entry that names
one which nobody has (TRN-16).
"""

from __future__ import annotations

import os
import random

import pytest
from e2ee_client.engine.rooms.entry_log import EntryLog, StoredEntry, new_stored
from e2ee_client.engine.rooms.entry_pages import EntryPages
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from engine_world import Node
from late_contents import Late
from room_people import NOW_MS, ROOM, Person
from room_world import Rows
from rooms_world import HOUR_MS, MINUTE_MS, act, change, opened, page, rooms_of, texts, write
from team_world import colleague, this

from e2ee.rooms.entry import Entry, EntryHash, Link, RoomId
from e2ee.rooms.order import order
from e2ee.rooms.payloads import Edit


class Book:
    """The entries of one room, in a store."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.log = EntryLog(self.rows, ROOM, os.urandom)
        self.entries: dict[EntryHash, Entry] = {}
        self.root: EntryHash | None = None

    def add(self, *entries: Entry) -> None:
        """Put entries into the order one by one, each in a step of its own."""
        for entry in entries:
            turn = Turn(NOW_MS)
            self.root = self.root or entry.hash
            stored: StoredEntry = new_stored(entry, NOW_MS)
            self.log.add(turn, entry, stored, self.root, is_unread=False)
            self.rows.commit(turn)
            self.entries[entry.hash] = entry

    def check(self) -> None:
        """The order is the one that all entries together have."""
        shown = [one.hash for one in self.log.all_of(Turn(NOW_MS))]
        assert shown == order({one: entry.header for one, entry in self.entries.items()}, self.root)


def chain(person: Person, count: int, sent_ms: int, prev: EntryHash | None = None, n: int = 0) -> list[Entry]:
    """Entries of one device, each of which names the one before."""
    found: list[Entry] = []
    for at in range(count):
        found.append(person.make(n + at, prev, sent_ms + at))
        prev = found[-1].hash
    return found


def test_an_entry_that_names_an_unsent_one_moves_alone_when_that_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TRN-16: it claims to be old, stands at the beginning, and is pulled to the end; nobody names it."""
    book, agent, liar = Book(), Person("a"), Person("customer", is_company=False)
    book.add(*chain(agent, 200, NOW_MS))
    unsent = liar.make(1, None, NOW_MS + 10_000)
    naming = liar.make(2, unsent.hash, 1)
    book.add(naming)
    assert [one.hash for one in book.log.all_of(Turn(NOW_MS))].index(naming.hash) < 5

    def walked(*_: object) -> None:
        raise AssertionError("the whole room was looked at")

    with monkeypatch.context() as only:
        only.setattr(EntryPages, "walk", walked)
        book.add(unsent)
    book.check()
    assert not book.rows.tables.get("entry_named")


def test_what_names_an_entry_that_moves_moves_with_it() -> None:
    """TRN-16: also over several, and where the one that was missing misses one itself."""
    book, agent, liar = Book(), Person("a"), Person("customer", is_company=False)
    book.add(*chain(agent, 20, NOW_MS))
    lies = chain(liar, 6, 5, n=1)
    late = liar.make(7, lies[-1].hash, NOW_MS + 50_000)
    ends = chain(liar, 3, 9, late.hash, 8)
    for one in (*ends, lies[3], lies[1], late, lies[5], lies[0], lies[4], lies[2]):
        book.add(one)
        book.check()


@pytest.mark.parametrize("seed", range(12))
def test_in_any_order_of_arrival_the_order_is_the_one_of_all_entries(seed: int) -> None:
    """TRN-16"""
    rnd, people = random.Random(seed), [Person(name) for name in ("a", "b", "c")]
    made: list[Entry] = []
    last: dict[str, Entry] = {}
    for n in range(24):
        person = rnd.choice(people)
        before = last.get(person.name)
        others = [one for one in people if one is not person and one.name in last and rnd.random() < 0.4]
        named = [(one.tag, last[one.name]) for one in others]
        seen = tuple(sorted(Link(tag, entry.header.n, entry.hash) for tag, entry in named))
        at_ms = rnd.choice((1, NOW_MS + n, NOW_MS + 100 * rnd.randint(0, 9)))
        number = 0 if before is None else before.header.n + 1
        entry = person.make(number, None if before is None else before.hash, at_ms, seen=seen)
        last[person.name] = entry
        made.append(entry)
    first, rest = made[0], made[1:]
    rnd.shuffle(rest)
    book = Book()
    book.add(first)
    for one in rest:
        book.add(one)
        book.check()


def test_notes_have_one_order_on_all_devices() -> None:
    """TRN-16: the order of a room of notes begins with its first state, whoever wrote that."""
    world, desk, _, room_id = opened()
    agent = colleague(desk, "Frau Anders")
    world.advance(10 * MINUTE_MS)
    change(desk, room_id, Change(add=(this(agent),), assign=this(agent)))
    world.advance(10 * MINUTE_MS)
    noted(desk, room_id, "zero")
    world.advance(10 * MINUTE_MS)
    world.cut()
    for count in range(4):
        noted(desk, room_id, f"desk {count}")
        world.advance(MINUTE_MS)
    noted(agent, room_id, "agent")
    world.advance(MINUTE_MS)
    noted(desk, room_id, "desk 4")
    world.mend()
    world.advance(HOUR_MS)
    notes = rooms_of(desk).notes_of(room_id)
    expected = ["zero", "desk 0", "desk 1", "desk 2", "desk 3", "agent", "desk 4"]
    assert texts(desk, notes) == texts(agent, notes) == expected


def noted(node: Node, room_id: RoomId, text: str) -> None:
    """A colleague notes something."""
    act(node, lambda turn, rooms: rooms.acting.note(turn, room_id, text))


def test_an_edit_that_came_before_its_text_has_the_time_of_that() -> None:
    """TRN-49: by a clock that is ahead the text is shown as written when it came."""
    world, company, customer, room_id = opened()
    customer.set_clock(HOUR_MS)
    late = Late(company, customer)
    text = write(customer, room_id, "von morgen")
    edit = write(customer, room_id, Edit(text, "von heute"))
    world.advance(1_000)
    late.let(1)
    world.advance(MINUTE_MS)
    late.end()
    (shown,) = (one for one in page(company, room_id) if one.wording is not None)
    came = rooms_of(company).log(room_id).find(Turn(company.now_ms), edit)
    assert came is not None
    assert shown.wording == "von heute"
    assert came.received_ms < shown.received_ms == shown.written_ms == shown.edited_ms
