"""Entries of a customer that wait until somebody of the company is in force (ROOM-15)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms import writing
from e2ee_client.room_events import EntryProgress, EntryState
from room_rooms import do, opened, say


def test_each_entry_that_no_longer_waits_because_too_many_do_is_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ROOM-15: the oldest have failed, one for each that came beyond the bound; `open` waits on."""
    monkeypatch.setattr(writing, "MAX_UNSENT", 4)
    world = opened("desk")
    phone = world.devices["phone"]
    world.new_roster([])
    world.learn_roster(phone)
    root = do(world, "phone", lambda room, _: room.live.root)
    do(world, "phone", lambda room, _: setattr(room.live, "unsent", (root,)))
    said = [say(world, "phone", str(number)) for number in range(5)]
    told = [one for one in phone.told(EntryState) if one.progress is EntryProgress.FAILED]
    assert [(one.entry_hash, one.code) for one in told] == [(one, "room.too_many") for one in said[:2]]
    assert do(world, "phone", lambda room, _: room.live.unsent) == (root, *said[2:])
