"""A desk with so many rooms, a room with so many entries or states. Rows in dicts: no disk is measured."""

from __future__ import annotations

import os
from itertools import count as numbers
from pathlib import Path

from e2ee_client.engine import Engine
from e2ee_client.engine.rooms.entry_log import EntryLog, new_stored
from e2ee_client.engine.rooms.records import RoomIndex
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.rows import Continuity, Put
from e2ee_client.store import RawKey, Store, StoreOptions
from engine_world import Rows
from room_people import ROOM, Person
from rooms_world import DAY_MS, change, opened, rooms_of, write

from bench import desk_store
from bench.growth.people import ROUNDS, commit
from bench.growth.subject import Operation, Subject
from e2ee.rooms.entry import EntryHash, RoomId

_ENTRIES, _PAGE, _BATCH = 2, 50, 500


def desk(count: int, _folder: Path) -> Subject:
    """A desk with a room of two entries for each of its customers."""
    made = desk_store.pattern()
    node, (own,) = made.desk, made.desk.rows.items(RoomIndex.TABLE)
    for number in range(count - 1):
        about, puts = desk_store.customer_rows(made, number, 1)
        node.rows.commit((*puts, *desk_store.room_rows(made, about, _ENTRIES)))
    node.crash()
    node.carry_out(node.engine.start(node.now_ms))
    room_id, rooms = RoomId(own[0]), node.engine.rooms

    def load() -> None:
        Engine.load(node.rows, Continuity.CONTINUOUS, node.ports, node.now_ms)

    def until_all_started() -> None:
        now_ms = node.now_ms
        while rooms_of(node)._unstarted:
            now_ms = max(now_ms + 1, node.engine.next_wake_ms or 0)
            commit(node, node.engine.tick(now_ms))

    def write_text() -> None:
        write(node, room_id, "Guten Tag")
        _ = node.engine.next_wake_ms

    return Subject(
        {
            "start all, a room": Operation(until_all_started, count, rounds=1),
            "write": Operation(write_text, rounds=ROUNDS),
            "tick with nothing due": Operation(lambda: node.engine.tick(node.now_ms), rounds=ROUNDS),
            "page of a room": Operation(lambda: rooms.page(room_id, None, _PAGE, node.now_ms), rounds=ROUNDS),
            "one room of the list": Operation(lambda: rooms.view(room_id), rounds=ROUNDS),
            "list, a room": Operation(rooms.all, count, rounds=3),
            "open, a room": Operation(load, count, rounds=1),
        }
    )


def room(count: int, _folder: Path) -> Subject:
    """A room with so many entries of one device."""
    author, rows = Person("customer", False), Rows()
    log, turn = EntryLog(rows, ROOM, os.urandom), Turn(0)
    root: EntryHash | None = None
    at = numbers(0)

    def add(turn: Turn) -> EntryHash:
        nonlocal root
        number = next(at)
        entry = author.write(number)
        root = entry.hash if root is None else root
        log.place(turn, entry)
        log.add(turn, entry, new_stored(entry, number), root, is_unread=False)
        return entry.hash

    middle = b""
    while count > 0 and (number := next(at)) < count:
        at = numbers(number)
        named = add(turn)
        middle = named if number == count // 2 else middle or named
        if number % _BATCH == _BATCH - 1 or number == count - 1:
            commit_to(rows, turn)
            turn = Turn(0)

    def add_one() -> None:
        turn = Turn(0)
        add(turn)
        commit_to(rows, turn)

    def add_anew() -> None:
        nonlocal log
        log = EntryLog(rows, ROOM, os.urandom)
        add_one()

    def read_one() -> None:
        EntryLog(rows, ROOM, os.urandom).find(Turn(0), before)

    def newest() -> None:
        EntryLog(rows, ROOM, os.urandom).newest(Turn(0), _PAGE)

    before = EntryHash(middle)

    def from_the_middle() -> None:
        EntryLog(rows, ROOM, os.urandom).newest(Turn(0), _PAGE, before)

    return Subject(
        {
            "add an entry at the head": Operation(add_one, rounds=ROUNDS),
            "add one to a room that was not touched": Operation(add_anew, rounds=ROUNDS),
            "read an entry of it": Operation(read_one, rounds=ROUNDS),
            "newest page": Operation(newest, rounds=ROUNDS),
            "page in the middle": Operation(from_the_middle, rounds=ROUNDS),
            "go through all, an entry": Operation(
                lambda: sum(1 for _ in EntryLog(rows, ROOM, os.urandom).all_of(Turn(0))), count, rounds=1
            ),
        }
    )


def states(count: int, _folder: Path) -> Subject:
    """A room in which a desk has written so many states. Not more than 60 a day: a device takes no more."""
    world, desk, customer, room_id = opened()
    for number in range(1, count):
        change(desk, room_id, Change(sensitive=number % 2 == 1))
        world.advance(DAY_MS // 60)

    def write_text() -> None:
        write(customer, room_id, "Guten Tag")

    def write_untouched() -> None:
        rooms_of(customer)._loaded.clear()
        write_text()

    return Subject(
        {
            "write": Operation(write_text, rounds=ROUNDS, prepare=world.settle),
            "write in one not touched": Operation(write_untouched, rounds=ROUNDS, prepare=world.settle),
            "take a text": Operation(world.settle, rounds=ROUNDS, prepare=write_text),
        }
    )


def commit_to(rows: Rows, turn: Turn) -> None:
    """Keep what a step changes."""
    for effect in turn.effects():
        rows.commit(getattr(effect, "changes", ()))


def store(count: int, folder: Path) -> Subject:
    """A client's store with so many rows of 300 bytes, in memory: what is committed is not synchronised."""
    path = folder / "client.store"
    kept = Store.create(path, RawKey(bytes(32)), options=StoreOptions(erase_every=10**9))
    keys = [os.urandom(48) for _ in range(count)]
    for start in range(0, count, 1_000):
        kept.commit([Put("message", key, os.urandom(300)) for key in keys[start : start + 1_000]])
    some = keys[:: max(1, count // 200)]

    def read() -> None:
        for key in some:
            kept.get("message", key)

    def write_rows() -> None:
        kept.commit([Put("message", key, os.urandom(300)) for key in some])

    def open_again() -> None:
        nonlocal kept
        kept = Store.open(path, RawKey(bytes(32)))

    def close() -> None:
        kept.close()

    return Subject(
        {
            "read a row": Operation(read, len(some)),
            "write a row": Operation(write_rows, len(some)),
            "open, a row": Operation(open_again, count, rounds=1, prepare=close),
        },
        close=close,
        size_b=path.stat().st_size,
    )
