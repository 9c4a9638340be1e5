"""What is meant for a joiner gets there, whichever of its first entries is lost (TRN-11, TRN-32)."""

from __future__ import annotations

from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.room_events import GapShown
from room_rooms import MINUTE_MS, change, dev, opened, say
from room_world import World

from e2ee.rooms.entry import device_tag

DAY_MS = 24 * 60 * MINUTE_MS


def joined() -> World:
    """A room whose desk has just added an agent, who has heard of it."""
    world = opened("desk", "agent")
    change(world, "desk", Change(add=(dev("agent"), dev("desk"))))
    world.run(MINUTE_MS)
    assert world.devices["agent"].room is not None
    return world


def lose(world: World, sender: str, text: str) -> bytes:
    """An entry whose copy for the agent is lost for good."""
    world.blocked.add((sender, "agent"))
    lost: bytes = say(world, sender, text)
    world.run(1_000)
    world.blocked.clear()
    return lost


def test_what_a_steward_writes_after_it_has_added_somebody_is_missed_there() -> None:
    """TRN-11: the chain of who adds a member begins with that state, though no entry names it."""
    world = joined()
    lost = lose(world, "desk", "für Anna")
    say(world, "desk", "noch etwas")
    change(world, "desk", Change(reason=1))
    say(world, "desk", "und noch etwas")
    world.run(3 * MINUTE_MS)
    agent = world.devices["agent"]
    assert lost in agent.order()
    assert agent.room is not None
    assert agent.room.live.view.chain(device_tag(world.room_id, dev("desk"))).floor is not None


def test_the_first_entry_for_a_joiner_comes_though_a_later_one_named_another_state() -> None:
    """TRN-32: what stands below the entry that begins a chain is asked for, without alarm, for a day."""
    world = joined()
    lost = lose(world, "phone", "die erste für Anna")
    change(world, "desk", Change(reason=1))
    world.run(1_000)
    say(world, "phone", "die zweite")
    world.run(3 * MINUTE_MS)
    agent = world.devices["agent"]
    assert lost in agent.order()
    assert agent.told(GapShown) == []
    assert agent.room is not None
    assert agent.room.live.asking.ranges == ()


def test_a_joiner_that_can_have_missed_nothing_asks_for_nothing() -> None:
    """TRN-32: no other state with it is known that the author may have followed before."""
    world = joined()
    for name in ("phone", "desk"):
        say(world, name, f"von {name}")
    world.run(MINUTE_MS)
    agent = world.devices["agent"]
    assert agent.room is not None
    assert agent.room.live.asking.due_ms is None


def test_after_a_day_a_joiner_no_longer_asks_below_a_beginning() -> None:
    """TRN-32: nobody answers, as nothing there was meant for it."""
    world = joined()
    say(world, "phone", "vorher")
    change(world, "desk", Change(reason=1))
    world.run(1_000)
    change(world, "desk", Change(reason=2))
    world.run(1_000)
    agent = world.devices["agent"]
    assert agent.room is not None
    room = agent.room
    before = say(world, "phone", "nachher")
    world.run(MINUTE_MS)
    assert before in agent.order()
    asked = {tag for tag, _, _ in room.live.asking.ranges}
    assert asked <= {device_tag(room.live.room_id, dev("phone"))}
    world.run(DAY_MS)
    assert room.live.asking.due_ms is None
