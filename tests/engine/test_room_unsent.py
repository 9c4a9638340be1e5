"""What waits for a recipient (ROOM-52)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms.writing import MAX_UNSENT
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryProgress, EntryState
from room_rooms import MINUTE_MS, dev, do, opened, say
from room_world import World

from e2ee.rooms.entry import EntryHash
from e2ee.rooms.kinds import Kind


def test_a_withdrawal_that_waited_goes_to_a_steward_who_was_never_in_the_room() -> None:
    """ROOM-52, ROOM-45: a text goes to who knows the room, an act to every steward."""
    world = World(7)
    world.add("phone", "desk")
    world.new_roster(["desk"])
    world.run(2 * MINUTE_MS)
    world.open()
    world.run(3 * MINUTE_MS)
    phone, room = world.devices["phone"], world.devices["phone"].room
    assert room is not None
    world.new_roster([])
    world.learn_roster(phone)
    text = say(world, "phone", "anybody?")
    do(world, "phone", lambda room, turn: room.withdraw(turn, 9))
    withdrawal = room.live.unsent[-1]
    assert room.live.unsent == (text, withdrawal)
    assert not room.live.erasures[-1].due_from
    world.new_roster(["chief"])
    world.learn_roster(phone)
    world.run(MINUTE_MS)
    sent = [one.entry_hash for one in phone.told(EntryState) if one.progress is EntryProgress.SENT]
    assert withdrawal in sent
    assert text not in sent
    assert room.live.erasures[-1].due_from == (dev("chief"),)


def test_of_too_many_that_wait_the_oldest_text_has_failed_and_no_open_or_withdrawal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ROOM-52: after the texts the oldest act."""
    world = opened("desk")
    phone, room = world.devices["phone"], world.devices["phone"].room
    assert room is not None
    assert room.live.root is not None
    world.new_roster([])
    world.learn_roster(phone)
    acts = [EntryHash(one.to_bytes(32)) for one in range(MAX_UNSENT)]
    text, withdrawal = EntryHash(b"t" * 32), EntryHash(b"w" * 32)
    kinds = {room.live.root: Kind.OPEN, withdrawal: Kind.WITHDRAW, text: Kind.TEXT}
    monkeypatch.setattr(room.writing, "_kind", lambda _, one: kinds.get(one, Kind.ACT))
    room.live.unsent = (room.live.root, withdrawal, acts[0], text, *acts[1:-3])
    assert len(room.live.unsent) == MAX_UNSENT
    for one in acts[-2:]:
        room.writing._wait(Turn(world.now_ms), one)
    assert room.live.unsent == (room.live.root, withdrawal, *acts[1:-3], *acts[-2:])
    failed = [one for one in phone.told(EntryState) if one.progress is EntryProgress.FAILED]
    assert [(one.entry_hash, one.code) for one in failed] == [
        (one, "room.too_many") for one in (text, acts[0])
    ]
