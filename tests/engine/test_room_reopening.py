"""Who comes back after a room was closed can write to its company again (ROOM-18)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from rooms_world import DAY_MS, HOUR_MS, MINUTE_MS, accept, act, change, opened, rooms_of, texts, write

from e2ee.errors import RoomClosed
from e2ee.rooms.acts import What
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


def test_who_hears_of_the_closing_when_it_is_long_past_gets_a_new_room() -> None:
    """ROOM-18: the 90 days are those since it was closed, not since that was heard of."""
    world, desk, customer, room_id = opened()
    write(customer, room_id, "erste Frage")
    world.advance(5 * MINUTE_MS)
    customer.stop()
    change(desk, room_id, Change(phase=Phase.CLOSED))
    world.advance(MINUTE_MS)
    desk.stop()
    world.advance(95 * DAY_MS)
    for node in (desk, customer):
        node.start()
        world.advance(HOUR_MS)
    with pytest.raises(RoomClosed):
        write(customer, room_id, "noch eine Frage")
    assert rooms_of(customer).index[room_id].phase == Phase.CLOSED
    assert accept(customer, desk) != room_id


def test_who_accepts_in_a_room_that_an_older_number_left_withdrawn_opens_it_by_one_consent() -> None:
    """CNS-17, CNS-09: the consent counts, and another device's withdrawal stands after it."""
    world, desk, customer, room_id = opened()
    act(customer, lambda turn, rooms: rooms.consenting.withdraw(turn, room_id))
    world.advance(MINUTE_MS)
    accept(customer, desk)
    world.advance(5 * MINUTE_MS)
    act(
        customer,
        lambda turn, rooms: rooms.do(turn, room_id, lambda room: room.consent.withdraw(turn, 1)),
    )
    world.advance(5 * MINUTE_MS)
    room = rooms_of(customer).index[room_id]
    assert room.phase == Phase.WITHDRAWN
    for _ in range(2):
        assert accept(customer, desk) == room_id
    acts = rooms_of(customer).room(Turn(customer.now_ms), room_id).states.room.acts
    assert [one.what for one in acts].count(What.CONSENT) == 2
    world.advance(5 * MINUTE_MS)
    assert room.phase == Phase.OPEN
    write(customer, room_id, "wieder da")
    world.advance(MINUTE_MS)
    assert texts(desk, room_id)[-1] == "wieder da"
