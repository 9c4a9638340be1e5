"""A room goes from one agent to another, and what was said meanwhile goes with it (ROOM-56, ROOM-57)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.rooms.surroundings import Policy
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryRefused, HistoryHandedOver
from room_rooms import MINUTE_MS, bodies, change, dev, do, opened, say, shown
from room_world import World, ground

from e2ee.content import Content, ContentType, OfRooms
from e2ee.errors import NoRight, Unlogged
from e2ee.ids import ContentId
from e2ee.rooms.entry import Entry, EntryHash
from e2ee.rooms.forward import encode_forward
from e2ee.rooms.payloads import Access, AccessKind, Act, ActKind, Erase, Sensitive
from e2ee.rooms.signals import RequestKind

HOUR_MS = 60 * MINUTE_MS
SAID = ("one", "two")


def answered() -> tuple[World, list[EntryHash]]:
    """A room of the customer and an agent, in which the desk is not; another agent has nothing of it."""
    world = opened("desk", "agent", "agent2")
    change(world, "desk", Change(add=(dev("agent"),), assign=dev("agent")))
    world.run(2 * MINUTE_MS)
    said = [say(world, "phone", SAID[0]), say(world, "agent", SAID[1])]
    world.run(2 * MINUTE_MS)
    return world, said


def transfer(world: World, by: str = "agent", to: str = "agent2") -> None:
    """Ask for a transfer; return as soon as a desk has granted it."""
    do(world, by, lambda room, turn: room.ask(turn, RequestKind.TRANSFER, dev(to)))
    desk = world.devices["desk"].room
    assert desk is not None
    while desk.index.assigned != dev(to):
        world.run(100)


def members(world: World, name: str = "phone") -> set[str]:
    """The company's devices that are in the room."""
    room = world.devices[name].room
    assert room is not None
    return {one for one in ("agent", "agent2", "desk") if dev(one) in room.index.members}


def entries(world: World, name: str, hashes: list[EntryHash]) -> list[Entry]:
    """Entries as they are at a device."""
    room, turn = world.devices[name].room, Turn(world.now_ms)
    assert room is not None
    found = [room.log.find(turn, one) for one in hashes]
    return [room.log.entry(turn, one) for one in found if one is not None]


def given(world: World, by: str, to: str, lines: list[Entry]) -> object:
    """What a device answers to lines that another gives it."""
    payload = OfRooms(ContentType.FORWARD, encode_forward(world.room_id, lines))
    content = Content(ContentId(bytes(16)), world.now_ms, payload)
    return do(world, to, lambda room, turn: room.take(turn, ground().author(by), content))


def test_who_takes_a_room_from_an_agent_is_handed_what_was_said_and_the_agent_leaves() -> None:
    """ROOM-56, ROOM-57, TRN-18: though no steward has it; everybody is told."""
    world, _ = answered()
    transfer(world)
    world.run(3 * MINUTE_MS)
    assert [text for text, _ in shown(world, "agent2")] == list(SAID)
    assert members(world) == {"agent2"}
    for name in ("phone", "agent", "agent2"):
        told = world.devices[name].told(HistoryHandedOver)
        assert [(one.device_id, one.to) for one in told] == [(dev("agent"), dev("agent2"))]
    assert not isinstance(say(world, "agent2", "three"), Exception)


def test_a_desk_that_takes_a_room_from_an_agent_is_handed_what_was_said() -> None:
    """ROOM-56: where the other clerk is the desk."""
    world, _ = answered()
    transfer(world, to="desk")
    world.run(3 * MINUTE_MS)
    assert members(world) == {"desk"}
    assert [text for text, _ in shown(world, "desk")][-2:] == list(SAID)


def test_a_desk_that_hands_nothing_over_lets_an_agent_leave_at_once() -> None:
    """ROOM-56."""
    world, _ = answered()
    world.devices["desk"].policy = Policy(history=0)
    transfer(world)
    world.run(3 * MINUTE_MS)
    assert members(world) == {"agent2"}
    assert shown(world, "agent2") == []


def test_no_more_is_handed_over_than_the_state_says() -> None:
    """ROOM-56: by the giver; and the taker does not take a hand-over of more."""
    world, said = answered()
    said += [say(world, "phone", text) for text in ("three", "four")]
    world.run(2 * MINUTE_MS)
    world.devices["desk"].policy = Policy(history=1)
    world.blocked.add(("agent2", "agent"))  # Who gives the room stays.
    transfer(world)
    world.run(2 * MINUTE_MS)
    log = Access(AccessKind.HANDOVER, dev("agent2"), 2, (said[0], said[1]))
    do(world, "agent", lambda room, turn: room.write(turn, log))
    world.run(2 * MINUTE_MS)
    assert [text for text, _ in shown(world, "agent2")] == ["four"]
    assert isinstance(given(world, "agent", "agent2", entries(world, "agent", said[:2])), Unlogged)
    found = do(world, "agent", lambda room, turn: room.hand_over(turn, dev("agent2"), said))
    assert isinstance(found, NoRight)


def test_what_was_erased_or_is_marked_goes_as_its_commitment() -> None:
    """TRN-34."""
    world, said = answered()
    more = say(world, "phone", "three")
    do(world, "phone", lambda room, turn: room.write(turn, Erase((said[0],))))
    do(world, "phone", lambda room, turn: room.write(turn, Sensitive((more,))))
    world.run(MINUTE_MS)
    transfer(world)
    world.run(3 * MINUTE_MS)
    assert bodies(world, "agent2", [*said, more]) == [said[1]]


def test_an_agent_that_is_off_is_removed_after_a_day_and_hands_nothing_over_then() -> None:
    """ROOM-57: by a steward; the taker has the room at once."""
    world, said = answered()
    transfer(world)
    agent = world.devices["agent"]
    parted = {("desk", "agent"), ("phone", "agent"), ("agent2", "agent")}
    world.blocked |= parted | {(to, by) for by, to in parted}
    world.run(23 * HOUR_MS)
    assert members(world) == {"agent", "agent2"}
    assert world.devices["agent2"].room is not None
    world.run(2 * HOUR_MS)
    assert members(world) == {"agent2"}
    world.blocked.clear()
    log = Access(AccessKind.HANDOVER, dev("agent2"), 2, (said[0], said[1]))
    agent.step(lambda turn: agent.room and agent.room.write(turn, log))
    world.run(2 * MINUTE_MS)
    assert ("agent2", "room.not_member") in refusals(world, "agent2")
    assert isinstance(given(world, "agent", "agent2", entries(world, "agent", said)), Unlogged)
    assert shown(world, "agent2") == []


def refusals(world: World, name: str) -> list[tuple[str, str]]:
    """What a device has refused."""
    return [(name, one.code) for one in world.devices[name].told(EntryRefused)]


def test_a_taker_that_is_off_is_waited_for() -> None:
    """ROOM-57: who gives the room stays until the taker has the log entry, within the day."""
    world, _ = answered()
    others = ("desk", "phone", "agent")
    world.blocked |= {(one, "agent2") for one in others}
    transfer(world)
    world.run(HOUR_MS)
    assert members(world) == {"agent", "agent2"}
    assert len(world.devices["phone"].told(HistoryHandedOver)) == 1


def test_who_gives_a_room_stays_until_the_relays_have_the_log_entry() -> None:
    """ROOM-57: else the customer would refuse it as of nobody in the room."""
    world, _ = answered()
    world.devices["agent"].is_handed_over = False
    transfer(world)
    world.run(3 * MINUTE_MS)
    assert members(world) == {"agent", "agent2"}
    world.devices["agent"].is_handed_over = True
    world.run(5 * MINUTE_MS)
    assert members(world) == {"agent2"}


def test_a_room_that_comes_back_at_once_stays_with_who_has_it() -> None:
    """ROOM-56, ROOM-57: who is assigned again does not leave."""
    world, _ = answered()
    transfer(world)
    world.run(MINUTE_MS // 3)
    transfer(world, "agent2", "agent")
    world.run(5 * MINUTE_MS)
    assert members(world) == {"agent"}
    late = do(
        world,
        "agent",
        lambda room, turn: room.requests.ask(
            turn, world.room_id, [dev("desk")], RequestKind.LEAVE, device_id=dev("agent2")
        ),
    )
    assert isinstance(late, bytes)
    world.run(2 * MINUTE_MS)
    assert members(world) == {"agent"}


def test_a_room_that_goes_on_and_on_leaves_nobody_behind() -> None:
    """ROOM-56: each giver hands over what it has."""
    world, _ = answered()
    world.add("bot")
    transfer(world)
    world.run(2 * MINUTE_MS)
    transfer(world, "agent2", "bot")
    world.run(3 * MINUTE_MS)
    assert members(world) == set()
    assert [text for text, _ in shown(world, "bot")] == list(SAID)


def test_a_room_that_goes_on_before_it_was_handed_over_leaves_nobody_behind() -> None:
    """ROOM-56, ROOM-57: who has given it leaves, though its taker is out already."""
    world, _ = answered()
    world.add("bot")
    world.blocked |= {("agent2", "agent")}
    transfer(world)
    world.run(MINUTE_MS)
    transfer(world, "agent2", "bot")
    world.run(10 * MINUTE_MS)
    room = world.devices["phone"].room
    assert room is not None
    assert room.index.members == (dev("bot"),)


def test_an_agent_whose_room_a_desk_gives_to_another_hands_over_and_stays() -> None:
    """ROOM-56, ROOM-57: also after a day."""
    world, _ = answered()
    given = Change(add=(dev("agent2"),), assign=dev("agent2"), reason=64)
    change(world, "desk", given)
    world.run(5 * MINUTE_MS)
    assert [text for text, _ in shown(world, "agent2")] == list(SAID)
    world.run(26 * HOUR_MS)
    assert members(world) == {"agent", "agent2"}
    giver = world.devices["agent"].room
    assert giver is not None
    assert giver.passing.due_ms(Turn(world.now_ms)) is None


def test_an_agent_that_no_transfer_names_hands_nothing_over() -> None:
    """TRN-18: neither to whom a steward has added, nor once it was suspended."""
    world, said = answered()
    change(world, "desk", Change(add=(dev("agent2"),)))
    world.run(2 * MINUTE_MS)
    found = do(world, "agent", lambda room, turn: room.hand_over(turn, dev("agent2"), said))
    assert isinstance(found, NoRight)
    assert not world.devices["agent2"].told(HistoryHandedOver)


def test_a_frozen_room_is_handed_over_when_the_freeze_is_decided() -> None:
    """TRN-34, ROOM-57."""
    world, _ = answered()
    world.add("chief")
    transfer(world)
    world.run(3_000)
    do(world, "phone", lambda room, turn: room.write(turn, Act(ActKind.FREEZE)))
    world.run(10 * MINUTE_MS)
    assert not world.devices["phone"].told(HistoryHandedOver)
    do(world, "phone", lambda room, turn: room.write(turn, Act(ActKind.UNFREEZE)))
    world.run(10 * MINUTE_MS)
    assert [text for text, _ in shown(world, "agent2")] == list(SAID)
    assert members(world) == {"agent2"}


def test_a_withdrawn_room_is_left_without_a_hand_over() -> None:
    """TRN-34, ROOM-57."""
    world, _ = answered()
    transfer(world)
    world.run(3_000)
    do(world, "phone", lambda room, turn: room.withdraw(turn, 9))
    world.run(10 * MINUTE_MS)
    assert members(world) == {"agent2"}
    assert shown(world, "agent2") == []


def test_an_agent_that_is_suspended_while_it_gives_the_room_hands_nothing_over() -> None:
    """ROOM-16, ROOM-57."""
    world, said = answered()
    transfer(world)
    world.blocked |= {("desk", "agent"), ("phone", "agent"), ("agent2", "agent")}
    world.new_roster(("desk", "agent2"), suspended=("agent",))
    world.devices["agent"].known_rosters = 1
    for name in ("desk", "agent2", "phone"):
        world.learn_roster(world.devices[name])
    log = Access(AccessKind.HANDOVER, dev("agent2"), 2, (said[0], said[1]))
    do(world, "agent", lambda room, turn: room.write(turn, log))
    world.run(2 * MINUTE_MS)
    assert ("agent2", "room.suspended") in refusals(world, "agent2")
    assert shown(world, "agent2") == []


@pytest.mark.parametrize("seed", [0, 1, 5, 6, 10])
def test_a_transfer_over_a_lossy_network_ends_alike(seed: int) -> None:
    """ROOM-57, TRN-18: also where the log entry comes before the state by which the giver may write it."""
    world, _ = answered()
    world.rnd.seed(seed)
    world.loss = 0.3
    transfer(world)
    world.run(2 * HOUR_MS)
    assert members(world) == {"agent2"}
    assert [text for text, _ in shown(world, "agent2")] == list(SAID)
