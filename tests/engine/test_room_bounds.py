"""Bounds on what a peer drives in a room (ROOM-29, TRN-28)."""

from __future__ import annotations

from e2ee_client.engine.turn import Turn
from room_rooms import MINUTE_MS, opened, say

from e2ee.rooms.entry import DeviceTag, EntryHash, Link


def test_links_to_what_is_not_here_fill_nothing() -> None:
    """ROOM-17: who has acknowledged what is noted for entries that are here."""
    world = opened("desk", "chief")
    said = say(world, "phone", "hello")
    world.run(MINUTE_MS)
    say(world, "desk", "links it")
    world.run(MINUTE_MS)
    room = world.devices["chief"].room
    assert room is not None
    before = room.live.linked
    assert any(tag == world.devices["phone"].room.live.view.us for _, tag, _ in before)  # type: ignore[union-attr]  # the room is open
    turn = Turn(world.now_ms)
    stored = room.log.find(turn, room.states.room.head.hash)  # type: ignore[union-attr]  # a state is in force
    assert stored is not None
    entry = room.log.entry(turn, stored)
    made_up = tuple(Link(DeviceTag(bytes([n]) * 8), n, EntryHash(bytes([n]) * 32)) for n in range(15))
    header = type(entry.header)(entry.header.encoded, world.room_id, 3, 9, None, made_up, None, 1)
    linking = type(entry)(entry.author, header, entry.commitment, None, entry.signature, entry.hash)
    room.erasing.note_links(turn, linking)
    assert room.live.linked == before
    assert said in world.devices["chief"].order()
