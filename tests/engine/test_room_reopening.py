"""Who comes back after a room was closed can write to its company again (ROOM-18)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms.stewarding import Change
from rooms_world import DAY_MS, HOUR_MS, MINUTE_MS, accept, change, opened, rooms_of, texts, write

from e2ee.rooms.state import Phase


@pytest.mark.parametrize(("days", "is_same"), [(1, True), (95, False)])
def test_who_comes_back_writes_in_the_room_again_or_after_90_days_in_a_new_one(
    days: int, *, is_same: bool
) -> None:
    """ROOM-18: of a room that no steward would open again none is asked for."""
    world, desk, customer, room_id = opened()
    write(customer, room_id, "erste Frage")
    change(desk, room_id, Change(phase=Phase.CLOSED))
    world.advance(5 * MINUTE_MS)
    assert rooms_of(customer).index[room_id].phase == Phase.CLOSED
    for node in (customer, desk):
        node.stop()
    world.advance(days * DAY_MS)
    for node in (desk, customer):
        node.start()
        world.advance(HOUR_MS)
    again = accept(customer, desk)
    world.advance(HOUR_MS)
    assert (again == room_id) is is_same
    write(customer, again, "zweite Frage")
    world.advance(DAY_MS)
    assert texts(desk, again)[-1] == "zweite Frage"
