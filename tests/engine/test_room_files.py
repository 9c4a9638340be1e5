"""Files of rooms whose blobs have ended, on devices that run on."""

from __future__ import annotations

from e2ee_client.engine.rooms.file_rows import FileOut
from engine_world import Node
from rooms_world import DAY_MS, HOUR_MS, act, opened, write

from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.payloads import Erase
from e2ee.secret import FileKey

NAME = "Befund 1.txt"


def announced(node: Node, room_id: RoomId, days: int) -> EntryHash:
    """Announce a file that the relay has for so many days."""
    rng = node.rng
    row = FileOut(
        *(rng(16), room_id, NAME, "text/plain", 100, 65_536, rng(32), FileKey(rng(32)), rng(32), rng(32))
    )
    act(node, lambda turn, rooms: rooms.files.begin(turn, row))
    (payer, *_) = act(node, lambda turn, rooms: rooms.files.payers(turn, room_id))
    act(node, lambda turn, rooms: rooms.files.paid_by(turn, row, payer))
    end_ms = node.now_ms + days * DAY_MS
    return act(node, lambda turn, rooms: rooms.files.announce(turn, row, end_ms))


def out(node: Node) -> int:
    """How many files a device keeps the keys of blobs of."""
    return len(node.rows.tables["file_out"])


def test_a_device_that_runs_on_keeps_no_key_of_a_blob_that_has_ended() -> None:
    """FIL-30: before, names and keys of what nobody had fetched stayed until a restart."""
    world, _, customer, room_id = opened()
    announced(customer, room_id, 3)
    announced(customer, room_id, 5)
    erased = announced(customer, room_id, 7)
    write(customer, room_id, Erase((erased,)))
    world.advance(4 * DAY_MS - HOUR_MS)
    assert out(customer) == 3
    world.advance(2 * HOUR_MS)
    assert out(customer) == 2
    world.advance(2 * DAY_MS)
    assert out(customer) == 1
    world.advance(2 * DAY_MS)
    assert out(customer) == 0
    names = [row for rows in customer.rows.tables.values() for row in rows.values() if NAME.encode() in row]
    assert names == []
