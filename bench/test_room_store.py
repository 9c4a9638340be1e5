"""Rooms in a store: an entry to eight devices beside eight texts; a long room opened beside a short one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2ee_client.engine.effects import Commit, Effect
from e2ee_client.engine.rooms.entry_log import EntryLog, new_stored
from e2ee_client.engine.turn import Turn
from e2ee_client.rows import Put
from e2ee_client.store import RawKey, Store
from engine_world import Node, acquainted
from room_people import ROOM, Person
from rooms_world import MINUTE_MS, add, opened, rooms_of
from team_world import colleague

from bench.paired import PROCESSOR_TIME, Row
from e2ee.ids import AccountId
from e2ee.rooms.entry import RoomId
from e2ee.rooms.payloads import RoomText

pytestmark = PROCESSOR_TIME

DEVICES, JOINERS, WORDS = 8, 2, "x" * 1_024
ENTRIES, SHORT, PAGE, BATCH = 10_000, 100, 50, 500
KEY = RawKey(bytes(32))


class Kept:
    """An engine whose steps are committed to a real store as well; nothing leaves it."""

    def __init__(self, node: Node, path: Path) -> None:
        self.node, self.store = node, Store.create(path, KEY)
        tables = node.rows.tables.items()
        self.store.commit([Put(table, key, value) for table, rows in tables for key, value in rows.items()])

    def commit(self, effects: list[Effect]) -> None:
        """Carry out what a step wants stored."""
        for one in effects:
            if isinstance(one, Commit):
                self.store.commit(one.changes)
                self.node.rows.commit(one.changes)


@pytest.fixture
def writers(row: Row, tmp_path: Path) -> Iterator[tuple[Kept, RoomId, Kept, AccountId]]:
    """A customer in a room with so many devices of a company, and one that writes texts to a single one."""
    world, company, customer, room_id = opened()
    agents = [colleague(company, f"Agent {at}") for at in range(row.size(DEVICES, 2))]
    for at in range(0, len(agents), JOINERS):
        add(company, room_id, *agents[at : at + JOINERS])
        world.advance(MINUTE_MS)
    world.advance(10 * MINUTE_MS)
    _, _, other, praxis = acquainted()
    posts, texts = Kept(customer, tmp_path / "room"), Kept(other, tmp_path / "texts")
    yield posts, room_id, texts, AccountId(praxis)
    posts.store.close()
    texts.store.close()


def test_post_to_eight(row: Row, writers: tuple[Kept, RoomId, Kept, AccountId]) -> None:
    """Written, sealed to each and stored by one step; beside it as many texts, each by a step of its own."""
    posts, room_id, texts, praxis = writers
    count = row.size(DEVICES, 2)

    def ours() -> None:
        said = RoomText(WORDS)
        _, effects = posts.node.engine.of_rooms(
            lambda turn, rooms: rooms.write(turn, room_id, said), posts.node.now_ms
        )
        posts.commit(effects)

    def floor() -> None:
        for _ in range(count):
            _, effects = texts.node.engine.send_texts(praxis, [WORDS], texts.node.now_ms)
            texts.commit(effects)

    ours()
    log = rooms_of(posts.node).log(room_id)
    (newest,) = log.newest(Turn(0), 1)
    assert len(newest.waiting_for) == count
    row(
        *(ours, floor, 1),
        rounds=row.size(20, 1),
        unit=f"entry to {count}, stored",
        beside=f"{count} stored texts",
        target=1.0,
    )


def _filled(path: Path, count: int) -> Store:
    """A store with a room of so many entries of one device."""
    author, store = Person("customer", False), Store.create(path, KEY)
    log, root = EntryLog(store, ROOM, os.urandom), None
    for start in range(0, count, BATCH):
        turn = Turn(0)
        for at in range(start, min(start + BATCH, count)):
            entry = author.write(at)
            root = root or entry.hash
            log.place(turn, entry)
            log.add(turn, entry, new_stored(entry, at), root, is_unread=False)
        for effect in turn.effects():
            if isinstance(effect, Commit):
                store.commit(effect.changes)
    return store


def test_long_room_opened(row: Row, tmp_path: Path) -> None:
    """The newest page of a room that nobody has looked at yet; beside it a room of 100 entries."""
    long, short = _filled(tmp_path / "long", row.size(ENTRIES, 60)), _filled(tmp_path / "short", SHORT)

    def ours() -> None:
        EntryLog(long, ROOM, os.urandom).newest(Turn(0), PAGE)

    def floor() -> None:
        EntryLog(short, ROOM, os.urandom).newest(Turn(0), PAGE)

    assert len(EntryLog(long, ROOM, os.urandom).newest(Turn(0), PAGE)) == PAGE
    row(ours, floor, 1, unit="page of a long room", beside="a room of 100 entries", rounds=row.size(50, 1))
    long.close()
    short.close()
