"""What is meant for a joiner gets there, whichever of its first entries is lost (TRN-11, TRN-32)."""

from __future__ import annotations

from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import GapShown
from room_rooms import MINUTE_MS, change, dev, do, opened, say
from room_world import World

from e2ee.rooms.entry import EntryHash, Header, device_tag
from e2ee.rooms.forms import Rating
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import Erase
from e2ee.rooms.state import Phase

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


# --- what is under way at a transfer ---


def with_agent() -> World:
    """A room of an agent, to whom its customer has said something."""
    world = opened("desk", "agent", "agent2")
    change(world, "desk", Change(add=(dev("agent"),), assign=dev("agent")))
    world.run(MINUTE_MS)
    say(world, "phone", "was vorher war")
    world.run(MINUTE_MS)
    return world


def hand_on(world: World) -> None:
    """The desk gives the room to another agent; the state does not reach the customer."""
    world.blocked.add(("desk", "phone"))
    to = Change(add=(dev("agent2"),), remove=(dev("agent"),), assign=dev("agent2"))
    change(world, "desk", to)
    world.run(2_000)


def test_a_text_that_crosses_a_transfer_reaches_who_has_the_room_now() -> None:
    """ROOM-35: who has left confirmed it; it stands after the state, which the customer learns of, as an
    entry that it holds early names it (TRN-33).
    """
    world = with_agent()
    before = set(world.devices["phone"].order())
    hand_on(world)
    crossing = say(world, "phone", "kreuzt")
    world.run(MINUTE_MS)
    assert world.devices["agent2"].room is not None
    assert crossing not in world.devices["agent2"].order()
    world.blocked.clear()
    world.run(20 * MINUTE_MS)
    agent = world.devices["agent2"]
    assert crossing in agent.order()
    assert not [one for one in agent.order() if one in before and one in texts_of(world)]


def texts_of(world: World) -> set[bytes]:
    """The customer's texts."""
    room = world.devices["phone"].room
    assert room is not None
    turn = Turn(world.now_ms)
    return {one.hash for one in room.log.all_of(turn) if Header.decode(one.header).kind == Kind.TEXT}


def test_a_text_that_nobody_has_confirmed_reaches_who_has_the_room_now() -> None:
    """ROOM-35: though it was written before the state."""
    world = with_agent()
    world.blocked.add(("phone", "agent"))
    lost = say(world, "phone", "liest niemand")
    world.run(MINUTE_MS)
    change(world, "desk", Change(add=(dev("agent2"),), remove=(dev("agent"),), assign=dev("agent2")))
    world.run(3 * MINUTE_MS)
    assert lost in world.devices["agent2"].order()
    room = world.devices["phone"].room
    assert room is not None
    stored = room.log.find(Turn(world.now_ms), EntryHash(lost))
    assert stored is not None
    assert stored.is_delivered
    assert dev("agent2") not in stored.waiting_for


def test_what_was_read_before_a_transfer_is_not_given_without_a_log() -> None:
    """ROOM-35, TRN-18: nor what is hidden or erased, nor anything where the room is closed."""
    world = with_agent()
    world.blocked.add(("phone", "agent"))
    erased = say(world, "phone", "doch nicht")
    do(world, "phone", lambda room, turn: room.write(turn, Erase((erased,))))
    world.run(MINUTE_MS)
    to = Change(add=(dev("agent2"),), remove=(dev("agent"),), assign=dev("agent2"))
    change(world, "desk", to)
    world.run(3 * MINUTE_MS)
    assert not set(world.devices["agent2"].order()) & texts_of(world)
    assert erased not in world.devices["agent2"].order()


def test_into_a_closed_room_nothing_but_a_rating_is_posted_again() -> None:
    """ROOM-35, ROOM-19"""
    world = with_agent()
    world.blocked.add(("phone", "agent"))
    lost = say(world, "phone", "zu spät")
    given = do(world, "phone", lambda room, turn: room.write(turn, Rating(5)))
    change(world, "desk", Change(add=(dev("agent2"),), phase=Phase.CLOSED))
    world.run(3 * MINUTE_MS)
    assert lost not in world.devices["agent2"].order()
    assert given in world.devices["agent2"].order()
