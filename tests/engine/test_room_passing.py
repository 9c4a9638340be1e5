"""A room goes from one agent to another, and what was said meanwhile goes with it (ROOM-56, ROOM-57)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.rooms.surroundings import Policy
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryRefused, HistoryHandedOver, RequestAnswered, RequestAsked
from room_rooms import MINUTE_MS, bodies, change, dev, do, opened, say, shown
from room_world import Post, World, ground

from e2ee.content import Content, ContentType, OfRooms
from e2ee.errors import NoRight, Unlogged
from e2ee.ids import ContentId
from e2ee.rooms.entry import Entry, EntryHash
from e2ee.rooms.forward import encode_forward
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import Access, AccessKind, Act, ActKind, Erase, Sensitive
from e2ee.rooms.signals import RequestKind

HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
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


def asked_for(world: World, days: int, to: str = "agent2") -> bytes:
    """Ask for a transfer that a person has to grant, and let days pass; returns the id of the request."""
    world.devices["desk"].policy = Policy(grants=frozenset())
    asked: bytes = do(world, "agent", lambda room, turn: room.ask(turn, RequestKind.TRANSFER, dev(to)))
    world.run(MINUTE_MS + days * DAY_MS)
    assert world.devices["desk"].told(RequestAsked)[0].request_id == asked
    return asked


def grant(world: World, request_id: bytes) -> None:
    """A person grants a request."""
    do(world, "desk", lambda room, turn: room.decide(turn, request_id, grant=True))


def late(world: World, sender: str, to: str, after_ms: int) -> None:
    """What one device posts to another comes later."""
    usual = world.post

    def posted(post: Post) -> None:
        if (post.sender, post.to) == (sender, to):
            world.later(after_ms, lambda: usual(post))
        else:
            usual(post)

    world.post = posted  # type: ignore[method-assign]


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
    """ROOM-59: who gives the room stays until the taker has the log entry, within the day."""
    world, _ = answered()
    others = ("desk", "phone", "agent")
    world.blocked |= {(one, "agent2") for one in others}
    transfer(world)
    world.run(HOUR_MS)
    assert members(world) == {"agent", "agent2"}
    assert len(world.devices["phone"].told(HistoryHandedOver)) == 1


def test_who_gives_a_room_stays_until_the_customer_has_the_log_entry() -> None:
    """ROOM-59: who was out by then would be refused, and nobody would ask for it again (ROOM-16)."""
    world, _ = answered()
    late(world, "agent", "phone", 2 * MINUTE_MS)
    transfer(world)
    world.run(MINUTE_MS)
    assert members(world, "desk") == {"agent", "agent2"}
    world.run(10 * MINUTE_MS)
    assert members(world) == {"agent2"}
    assert len(world.devices["phone"].told(HistoryHandedOver)) == 1
    assert not refusals(world, "phone")


def test_a_customer_that_learns_of_the_colleague_later_is_told_all_the_same() -> None:
    """ROOM-59."""
    world, _ = answered()
    late(world, "desk", "phone", MINUTE_MS // 2)
    transfer(world)
    world.run(10 * MINUTE_MS)
    assert members(world) == {"agent2"}
    assert len(world.devices["phone"].told(HistoryHandedOver)) == 1


def test_a_copy_that_fails_is_none_that_has_come() -> None:
    """ROOM-59: the giver stays for the day."""
    world, _ = answered()
    parted = {("agent", "agent2")}
    world.blocked |= parted
    transfer(world)
    world.run(MINUTE_MS // 2)
    giver = world.devices["agent"].room
    assert giver is not None
    log = giver.writing.own_newest(Turn(world.now_ms), {Kind.ACCESS})[-1]
    do(world, "agent", lambda room, turn: room.failed(turn, log.content_id, dev("agent2"), "session.lost"))
    world.run(5 * MINUTE_MS)
    assert members(world) == {"agent", "agent2"}


def test_a_room_that_comes_back_at_once_stays_with_who_has_it() -> None:
    """ROOM-56, ROOM-59: who is assigned again does not leave."""
    world, _ = answered()
    transfer(world)
    world.run(MINUTE_MS // 3)
    transfer(world, "agent2", "agent")
    world.run(5 * MINUTE_MS)
    assert members(world) == {"agent"}
    asked = do(
        world,
        "agent",
        lambda room, turn: room.requests.ask(
            turn, world.room_id, [dev("desk")], RequestKind.LEAVE, device_id=dev("agent2")
        ),
    )
    assert isinstance(asked, bytes)
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
    """ROOM-56, ROOM-59: who has given it leaves, though its taker is out already."""
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


@pytest.mark.parametrize("request_id", [None, bytes(8)])
@pytest.mark.parametrize("to", ["agent2", "desk"])
def test_who_has_asked_for_no_transfer_hands_nothing_over(to: str, request_id: bytes | None) -> None:
    """ROOM-57: a stolen desk is not handed what it has no part in, whatever state it writes."""
    world, _ = answered()
    change(world, "desk", Change(add=(dev(to),), assign=dev(to), reason=256, request=request_id))
    world.run(HOUR_MS)
    assert not world.devices["phone"].told(HistoryHandedOver)
    assert not {text for text, _ in shown(world, to)} & set(SAID)


def test_a_request_for_one_colleague_hands_nothing_over_to_another() -> None:
    """ROOM-57: though a state names it."""
    world, _ = answered()
    world.devices["desk"].policy = Policy(grants=frozenset())
    do(world, "agent", lambda room, turn: room.ask(turn, RequestKind.TRANSFER, dev("agent2")))
    world.run(MINUTE_MS)
    (asked,) = world.devices["agent"].requests.all(Turn(world.now_ms))
    change(world, "desk", Change(add=(dev("desk"),), assign=dev("desk"), reason=256, request=asked.id))
    world.run(HOUR_MS)
    assert not world.devices["phone"].told(HistoryHandedOver)


def test_who_is_started_again_goes_on_and_hands_over_once() -> None:
    """ROOM-57: also where its chain begins anew, and the taker is off."""
    world, _ = answered()
    transfer(world)
    agent = world.devices["agent"]
    while agent.room is None or dev("agent2") not in agent.room.index.members:
        world.run(100)
    agent.restart()
    say(world, "agent", "three")
    world.blocked |= {("agent2", "agent"), ("agent", "agent2")}
    do(world, "agent", lambda room, turn: room.start(turn, is_continuous=False))
    world.run(HOUR_MS)
    assert len(world.devices["phone"].told(HistoryHandedOver)) == 1
    agent.restart()
    world.run(HOUR_MS)
    assert len(world.devices["phone"].told(HistoryHandedOver)) == 1
    world.blocked.clear()
    world.run(26 * HOUR_MS)
    assert members(world) == {"agent2"}


def test_who_corrects_a_transfer_is_told_that_another_has_the_room() -> None:
    """ROOM-56: the first one has it, with what was said, and can give it on."""
    world, _ = answered()
    world.add("bot")
    transfer(world)
    do(world, "agent", lambda room, turn: room.ask(turn, RequestKind.TRANSFER, dev("bot")))
    world.run(5 * MINUTE_MS)
    assert [one.code for one in world.devices["agent"].told(RequestAnswered)] == ["", "room.assigned", ""]
    assert members(world) == {"agent2"}
    assert [text for text, _ in shown(world, "agent2")] == list(SAID)


def test_an_agent_that_no_transfer_names_hands_nothing_over() -> None:
    """TRN-18: neither to whom a steward has added, nor once it was suspended."""
    world, said = answered()
    change(world, "desk", Change(add=(dev("agent2"),)))
    world.run(2 * MINUTE_MS)
    found = do(world, "agent", lambda room, turn: room.hand_over(turn, dev("agent2"), said))
    assert isinstance(found, NoRight)
    assert not world.devices["agent2"].told(HistoryHandedOver)


def test_who_gives_a_room_to_a_colleague_hands_nothing_over_to_a_desk_that_comes_in() -> None:
    """TRN-18, ROOM-57: the colleague alone gets it."""
    world, said = answered()
    change(world, "desk", Change(add=(dev("desk"),)))
    world.run(2 * MINUTE_MS)
    transfer(world)
    world.run(10_000)
    found = do(world, "agent", lambda room, turn: room.hand_over(turn, dev("desk"), said))
    assert isinstance(found, NoRight)
    found = do(world, "agent", lambda room, turn: room.hand_over(turn, dev("agent2"), said))
    assert not isinstance(found, Exception)


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


def test_a_taker_that_is_not_in_force_for_a_while_is_handed_over_to_afterwards() -> None:
    """ROOM-57: the giver does not leave with the only copy."""
    world, _ = answered()
    transfer(world)
    world.new_roster(("desk", "agent"))
    world.learn_roster(world.devices["agent"])
    world.run(10 * MINUTE_MS)
    assert "agent" in members(world, "agent")
    world.new_roster(("desk", "agent", "agent2"))
    for device in world.devices.values():
        world.learn_roster(device)
    world.run(10 * MINUTE_MS)
    assert [text for text, _ in shown(world, "agent2")] == list(SAID)
    assert members(world) == {"agent2"}


@pytest.mark.audit_only
def test_a_freeze_of_days_is_not_counted() -> None:
    """ROOM-59: who gives the room still has a day when it is over."""
    world, _ = answered()
    world.add("chief")
    transfer(world)
    world.run(3_000)
    do(world, "phone", lambda room, turn: room.write(turn, Act(ActKind.FREEZE)))
    world.run(50 * HOUR_MS)
    assert members(world) == {"agent", "agent2"}
    do(world, "phone", lambda room, turn: room.write(turn, Act(ActKind.UNFREEZE)))
    world.run(10 * MINUTE_MS)
    assert [text for text, _ in shown(world, "agent2")] == list(SAID)
    assert members(world) == {"agent2"}


def test_who_has_the_room_again_asks_no_more_to_leave() -> None:
    """ROOM-59: nor is it taken out when it gives the room to a third."""
    world, _ = answered()
    world.add("bot")
    transfer(world)
    agent, signal = world.devices["agent"], world.signal

    def kept_back(post: Post) -> None:
        if post.sender != "agent" or not leaving(world):
            signal(post)

    world.signal = kept_back  # type: ignore[method-assign]
    while not leaving(world):
        world.run(100)
    transfer(world, "agent2", "agent")
    while agent.room is None or agent.room.index.assigned != agent.us.device_id:
        world.run(100)
    assert not leaving(world)
    world.signal = signal  # type: ignore[method-assign]
    transfer(world, "agent", "bot")
    world.run(5 * MINUTE_MS)
    assert [text for text, _ in shown(world, "bot")] == list(SAID)


def leaving(world: World) -> list[bytes]:
    """The requests of the agent to leave."""
    found = world.devices["agent"].requests.all(Turn(world.now_ms))
    return [one.id for one in found if one.request.what is RequestKind.LEAVE]


def test_a_clock_that_was_set_back_keeps_nobody_waiting() -> None:
    """ROOM-57: the giver hands over at once."""
    world, _ = answered()
    agent = world.devices["agent"]
    agent.clock_ms = 3 * HOUR_MS
    transfer(world)
    while agent.room is None or dev("agent2") not in agent.room.index.members:
        world.run(100)
    agent.clock_ms = 0
    do(world, "agent", lambda room, turn: room.start(turn, is_continuous=True))
    world.run(5 * MINUTE_MS)
    assert members(world) == {"agent2"}
    assert [text for text, _ in shown(world, "agent2")] == list(SAID)


def test_a_steward_whose_clock_was_set_back_counts_the_day_anew() -> None:
    """ROOM-59"""
    world, _ = answered()
    desk = world.devices["desk"]
    desk.clock_ms = 20 * 24 * HOUR_MS
    world.blocked |= {("agent", "phone"), ("agent", "agent2")}
    transfer(world)
    world.blocked |= {("agent", "desk"), ("desk", "agent")}
    desk.clock_ms = 0
    do(world, "desk", lambda room, turn: room.start(turn, is_continuous=True))
    world.run(23 * HOUR_MS)
    assert members(world) == {"agent", "agent2"}
    world.run(2 * HOUR_MS)
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


@pytest.mark.parametrize("seed", [0, 1, 5, 6, 10, 82])
def test_a_transfer_over_a_lossy_network_ends_alike(seed: int) -> None:
    """ROOM-57, TRN-18, TRN-51: also where the log entry comes before the state by which the giver may write
    it, and its lines after that by which the giver is out.
    """
    world, _ = answered()
    world.rnd.seed(seed)
    world.loss = 0.3
    transfer(world)
    world.run(2 * HOUR_MS)
    assert members(world) == {"agent2"}
    assert [text for text, _ in shown(world, "agent2")] == list(SAID)


def test_a_pause_that_a_wrong_clock_has_begun_ends_with_it() -> None:
    """ROOM-57: the giver's clock was ahead when the room was frozen, and is right when that ends."""
    world, _ = answered()
    agent = world.devices["agent"]
    agent.clock_ms = 30 * HOUR_MS
    transfer(world)
    world.run(3_000)
    do(world, "phone", lambda room, turn: room.write(turn, Act(ActKind.FREEZE)))
    world.run(5 * MINUTE_MS)
    agent.clock_ms = 0
    do(world, "agent", lambda room, turn: room.start(turn, is_continuous=True))
    do(world, "phone", lambda room, turn: room.write(turn, Act(ActKind.UNFREEZE)))
    world.run(20 * MINUTE_MS)
    assert [text for text, _ in shown(world, "agent2")] == list(SAID)


def test_what_a_person_grants_after_a_week_is_handed_over() -> None:
    """ROOM-60, ROOM-57: also where the giver was started again; it is told that its request ended, and that
    it was granted.
    """
    world, _ = answered()
    asked = asked_for(world, 8)
    agent = world.devices["agent"]
    assert [one.code for one in agent.told(RequestAnswered)] == ["room.unanswered"]
    agent.restart()
    do(world, "agent", lambda room, turn: room.start(turn, is_continuous=True))
    grant(world, asked)
    world.run(10 * MINUTE_MS)
    assert [text for text, _ in shown(world, "agent2")] == list(SAID)
    assert members(world) == {"agent2"}
    assert [one.code for one in agent.told(RequestAnswered)][:2] == ["room.unanswered", ""]


def test_what_ended_unanswered_keeps_nobody_from_asking_and_is_forgotten() -> None:
    """ROOM-60: the last 64 are kept for 30 days, and no other request than a transfer to a colleague."""
    world, _ = answered()
    world.blocked.add(("agent", "desk"))
    agent, kept = world.devices["agent"], list[bytes]()

    def ask(what: RequestKind, to: str | None = None, team: str | None = None) -> None:
        about = None if to is None else dev(to)
        kept.append(do(world, "agent", lambda room, turn: room.ask(turn, what, about, team=team)))

    for _ in range(2):
        for _ in range(33):
            ask(RequestKind.TRANSFER, "agent2")
        world.run(8 * DAY_MS)
    ask(RequestKind.TRANSFER, team="support")
    ask(RequestKind.LEAVE, "agent2")
    ask(RequestKind.CLOSE)
    world.run(8 * DAY_MS)
    found = {one.id for one in agent.requests.all(Turn(world.now_ms))}
    assert len(found) == 64
    assert set(kept[33:66]) < found < set(kept[:66])
    say(world, "phone", "still here")
    world.run(15 * DAY_MS)
    assert not agent.requests.all(Turn(world.now_ms))
    assert len(agent.told(RequestAnswered)) == len(kept)


def test_what_was_asked_for_a_month_ago_hands_nothing_over() -> None:
    """ROOM-60."""
    world, _ = answered()
    asked = asked_for(world, 31)
    assert asked not in {one.id for one in world.devices["agent"].requests.all(Turn(world.now_ms))}
    grant(world, asked)
    world.run(10 * MINUTE_MS)
    assert not world.devices["phone"].told(HistoryHandedOver)


@pytest.mark.parametrize("days", [-31, 365])
def test_a_clock_that_is_wrong_for_a_moment_ends_no_request(days: int) -> None:
    """ROOM-60, ROOM-57: as after a machine was asleep."""
    world, _ = answered()
    world.devices["desk"].policy = Policy(grants=frozenset())
    agent = world.devices["agent"]
    asked = do(world, "agent", lambda room, turn: room.ask(turn, RequestKind.TRANSFER, dev("agent2")))
    world.run(DAY_MS)
    agent.clock_ms = days * DAY_MS
    agent.step(agent.requests.start)
    agent.clock_ms = 0
    world.run(10 * MINUTE_MS)
    assert not agent.told(RequestAnswered)
    grant(world, asked)
    world.run(10 * MINUTE_MS)
    assert [text for text, _ in shown(world, "agent2")] == list(SAID)


def test_a_late_answer_hands_over_to_nobody_but_whom_the_giver_has_named() -> None:
    """ROOM-60, ROOM-57: a stolen desk gains nothing by a request that ended unanswered."""
    world, _ = answered()
    asked = asked_for(world, 8)
    change(world, "desk", Change(add=(dev("desk"),), assign=dev("desk"), reason=256, request=asked))
    world.run(HOUR_MS)
    assert not world.devices["phone"].told(HistoryHandedOver)


def test_a_transfer_that_was_refused_late_hands_nothing_over() -> None:
    """ROOM-57."""
    world, _ = answered()
    asked = asked_for(world, 8)
    do(world, "desk", lambda room, turn: room.decide(turn, asked, grant=False))
    world.run(MINUTE_MS)
    change(world, "desk", Change(add=(dev("agent2"),), assign=dev("agent2"), reason=256, request=asked))
    world.run(HOUR_MS)
    assert not world.devices["phone"].told(HistoryHandedOver)


@pytest.mark.parametrize("is_late", [False, True])
def test_lines_of_who_is_out_are_taken_only_by_a_log_entry_that_came_before_it_was(is_late: bool) -> None:
    """TRN-51: one that comes later, as an answer to a `want`, is refused by who is in the room (ROOM-16)."""
    world = opened("desk", "agent", "agent2")
    change(world, "desk", Change(add=(dev("agent"), dev("agent2")), assign=dev("agent")))
    world.run(2 * MINUTE_MS)
    change(world, "desk", Change(remove=(dev("agent2"),)))
    world.run(2 * MINUTE_MS)
    said = [say(world, "phone", SAID[0]), say(world, "agent", SAID[1])]
    world.run(2 * MINUTE_MS)
    late(world, "desk", "agent2", 10 * MINUTE_MS)
    lose_lines(world, "agent", "agent2")
    transfer(world)
    world.run(5 * MINUTE_MS)
    room = world.devices["agent2"].room
    assert room is not None
    (log,) = room.log.several(Turn(world.now_ms), [newest_access(world, "agent")])
    world.run(30 * MINUTE_MS)
    if is_late:
        log.received_ms = world.now_ms
        do(world, "agent2", lambda room, turn: room.log.put(turn, log))
    assert members(world, "agent2") == {"agent2"}
    found = given(world, "agent", "agent2", entries(world, "agent", said))
    assert isinstance(found, Unlogged) is is_late
    assert [text for text, _ in shown(world, "agent2")] == ([] if is_late else list(SAID))


def lose_lines(world: World, sender: str, to: str) -> None:
    """No forward of one device reaches another."""
    usual = world.post

    def posted(post: Post) -> None:
        payload = post.content.payload
        is_forward = isinstance(payload, OfRooms) and payload.type is ContentType.FORWARD
        if not (is_forward and (post.sender, post.to) == (sender, to)):
            usual(post)

    world.post = posted  # type: ignore[method-assign]


def newest_access(world: World, name: str) -> EntryHash:
    """The log entry that a device has written last."""
    room = world.devices[name].room
    assert room is not None
    return room.writing.own_newest(Turn(world.now_ms), {Kind.ACCESS})[-1].hash
