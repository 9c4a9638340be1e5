"""A desk's store with many rooms: how long it takes to open, to show a page and to search, and its memory.

    python bench/desk_store.py --make desk.store --rooms 1000 --entries 100
    python bench/desk_store.py --measure desk.store

The rows are those that engines write: accounts, devices, lists and entries are genuine and signed; pairs and
sessions are copies of one under other ids. `--measure` opens the store in this process, by its raw key.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / part) for part in ("", "client", "server", "tests/support")]

from e2ee_client import opening  # noqa: E402 - after the path
from e2ee_client.engine.peers import Peer  # noqa: E402
from e2ee_client.engine.records import Contact  # noqa: E402
from e2ee_client.engine.rooms.entry_log import EntryLog, new_stored  # noqa: E402
from e2ee_client.engine.rooms.queries import RoomQueries  # noqa: E402
from e2ee_client.engine.rooms.records import LiveRoom, RoomIndex  # noqa: E402
from e2ee_client.engine.turn import Turn  # noqa: E402
from e2ee_client.opening import Runtime  # noqa: E402
from e2ee_client.rows import Put  # noqa: E402
from e2ee_client.store import RawKey, Store  # noqa: E402
from e2ee_client.testing import FakeClock  # noqa: E402
from engine_world import Node, SeededRng  # noqa: E402
from rooms_world import opened  # noqa: E402

from e2ee import identity  # noqa: E402
from e2ee.identity import DeviceKind, DeviceRecord  # noqa: E402
from e2ee.ids import AccountId  # noqa: E402
from e2ee.rooms.entry import Author, EntryHash, RoomId, make_header, write_entry  # noqa: E402
from e2ee.rooms.kinds import Kind  # noqa: E402
from e2ee.rooms.room import room_id  # noqa: E402

KEY = RawKey(bytes(32))
DEVICES, LIFE_MS, APART_MS, PAGE, BATCH = 4, 400 * 86_400_000, 60_000, 50, 500
NOW_MS = 1_764_000_000_000 + 3_600_000
WORDS = [
    "termin",
    "befund",
    "rezept",
    "bitte",
    "danke",
    "montag",
    "praxis",
    "morgen",
    "nachmittag",
    "rueckruf",
]


class Pattern(NamedTuple):
    """What one real desk with one real room has: the rows that are copied."""

    desk: Node
    contact: Contact
    peer: Peer
    live: LiveRoom
    listed: RoomIndex


def pattern() -> Pattern:
    """Let a real company answer a real customer."""
    _, desk, _, room = opened()
    (contact,) = desk.engine._state.contacts.values()
    (peer,) = desk.engine._state.peers.values()
    rows = desk.rows.tables
    live = LiveRoom.decode(room, rows[LiveRoom.TABLE][room])
    return Pattern(desk, contact, peer, live, RoomIndex.decode(room, rows[RoomIndex.TABLE][room]))


class Customer(NamedTuple):
    """One of many customers."""

    account_id: AccountId
    records: list[DeviceRecord]
    room_id: RoomId


def customer_rows(made: Pattern, number: int, devices_of_one: int = DEVICES) -> tuple[Customer, list[Put]]:
    """A customer with so many devices, a pair and a session with each of them."""
    rng = SeededRng(f"customer {number}")
    key = identity.new_account(rng)
    account_id = identity.account_id_of(key)
    devices = [
        identity.new_device(account_id, DeviceKind.PERSON, 0, NOW_MS, NOW_MS + LIFE_MS, rng)
        for _ in range(devices_of_one)
    ]
    records = [one.record for one in devices]
    signed = identity.sign_list(key, identity.next_list(account_id, None, records, None, NOW_MS))
    contact = replace(made.contact, account_id=account_id)
    contact.pin(signed)
    puts, tables = [contact.put()], made.desk.rows.tables
    old = made.peer.pair.sessions[0].id
    session, pair = tables["session"][old], tables["pair"][made.peer.key]
    for record in records:
        new = rng(len(old))
        given = dict.fromkeys((new,), next(iter(made.peer.given.values())))
        peer = replace(
            made.peer, account_id=account_id, device_id=record.device_id, record=record, given=given
        )
        peer.given_in = new
        puts += [
            peer.put(),
            Put("pair", peer.key, pair.replace(old, new)),
            Put("session", new, session.replace(old, new)),
        ]
    return Customer(
        account_id, records, room_id(AccountId(made.desk.engine.account_id), account_id, rng(16))
    ), puts


def room_rows(made: Pattern, about: Customer, entries: int) -> Iterator[Put]:
    """A room in which a device of the customer and the desk write in turn."""
    own = made.desk.engine._state.own
    ours = Author(own.account_id, own.device.record.device_id)
    theirs = Author(about.account_id, about.records[0].device_id)
    rows, turn = SeededRng(about.room_id.hex()), Turn(NOW_MS)
    log = EntryLog(made.desk.rows, about.room_id, rows)
    prev: dict[Author, EntryHash] = {}
    root: EntryHash | None = None
    for at in range(entries):
        by, key = (ours, own.device.signing_key) if at % 2 else (theirs, None)
        sent_ms = NOW_MS + at * APART_MS
        header = make_header(about.room_id, int(Kind.TEXT), at // 2, sent_ms, prev=prev.get(by))
        said = " ".join(WORDS[(at * 7 + place * 3) % len(WORDS)] for place in range(12)) + f" {at}"
        entry = write_entry(by, header, {1: said}, rows(16), key)
        root, prev[by] = root or entry.hash, entry.hash
        log.place(turn, entry)
        log.add(turn, entry, new_stored(entry, sent_ms), root, is_unread=False)
    live = replace(made.live, room_id=about.room_id, customer=about.account_id, root=root, root_content=root)
    live.acts, live.consents, live.named, live.informed = (), (), None, ()
    index = replace(made.listed, room_id=about.room_id, customer=about.account_id, wake_ms=None)
    index.last_ms = NOW_MS + entries * APART_MS
    yield from _puts(turn)
    yield from (live.put(), index.put())


def _puts(turn: Turn) -> Iterator[Put]:
    for effect in turn.effects():
        yield from (one for one in getattr(effect, "changes", ()) if isinstance(one, Put))


def make(path: Path, rooms: int, entries: int) -> None:
    """Write the store."""
    made, store = pattern(), Store.create(path, KEY)
    kept = ("account", "list", "mailbox", "prekey", "team")
    store.commit(
        [Put(table, key, row) for table in kept for key, row in made.desk.rows.tables[table].items()]
    )
    for number in range(rooms):
        about, puts = customer_rows(made, number)
        store.commit([*puts, *room_rows(made, about, entries)])
    store.close()


def measure(path: Path) -> dict[str, float]:
    """Open the store; return seconds of the processor, and MiB."""
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun_s = time.process_time()
    loaded = opening.open_(path, KEY, Runtime(clock=FakeClock(NOW_MS)))
    open_s = time.process_time() - begun_s
    opened_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rooms = loaded.engine.rooms
    ids = [RoomId(one.room_id) for one in rooms.all()]
    pages_s = [_timed(lambda room=room: rooms.page(room, None, PAGE, NOW_MS)) for room in ids[:20]]  # type: ignore[misc]
    search_s = _timed(lambda: [_search(rooms, room, ["nirgends"]) for room in ids])
    ended_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    loaded.give_back()
    return {
        "rooms": len(ids),
        "open_s": round(open_s, 3),
        "open_mib": round((opened_kb - before_kb) / 1024, 1),
        "process_mib": round(opened_kb / 1024, 1),
        "page_ms": round(sorted(pages_s)[len(pages_s) // 2] * 1_000, 2),
        "first_page_ms": round(pages_s[0] * 1_000, 2),
        "search_s": round(search_s, 3),
        "process_after_search_mib": round(ended_kb / 1024, 1),
    }


def _timed(work: Callable[[], object]) -> float:
    begun_s = time.process_time()
    work()
    return time.process_time() - begun_s


def _search(rooms: RoomQueries, room: RoomId, words: list[str]) -> int:
    """All of a room, as an application's search goes through it."""
    before, found = None, 0
    while True:
        page = rooms.search(room, words, before, BATCH, NOW_MS)
        found, before = found + len(page.found), page.next
        if before is None:
            return found


def main() -> None:
    """Make or measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--make", type=Path)
    parser.add_argument("--measure", type=Path)
    parser.add_argument("--rooms", type=int, default=1_000)
    parser.add_argument("--entries", type=int, default=100)
    chosen = parser.parse_args()
    if chosen.make:
        make(chosen.make, chosen.rooms, chosen.entries)
    if chosen.measure:
        sys.stdout.write(json.dumps(measure(chosen.measure)) + "\n")


if __name__ == "__main__":
    main()
