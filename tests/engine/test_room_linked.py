"""A device that was linked, and what is lost on the way to it (TRN-48)."""

from __future__ import annotations

from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from parties import DAY_MS
from room_rooms import MINUTE_MS, change, dev, do, say
from room_withdrawals import has_body
from room_world import World


def test_a_linked_device_gets_what_was_lost_though_no_state_has_its_list() -> None:
    """TRN-48: the desk has written and posted it to the tablet, and the phone is off."""
    world = World(7)
    world.add("phone", "desk")
    world.open()
    world.run(3 * MINUTE_MS)
    change(world, "desk", Change(add=(dev("desk"),)))
    world.run(3 * MINUTE_MS)
    world.customer_lists = 2
    world.add("tablet")
    for one in world.devices.values():
        one.known_lists = 2
    do(world, "phone", lambda room, turn: room.forwarding.give_own_device(turn, dev("tablet")))
    world.run(5 * MINUTE_MS)
    world.blocked |= {("phone", one) for one in ("desk", "tablet")} | {("desk", "phone"), ("tablet", "phone")}
    world.blocked.add(("desk", "tablet"))
    lost = say(world, "desk", "Your appointment is on Monday")
    world.run(20_000)
    world.blocked.discard(("desk", "tablet"))
    tablet = world.devices["tablet"].room
    assert tablet is not None
    assert tablet.log.find(Turn(world.now_ms), lost) is None
    say(world, "desk", "Please come without breakfast")
    world.run(DAY_MS)
    assert has_body(world, "tablet", lost)
