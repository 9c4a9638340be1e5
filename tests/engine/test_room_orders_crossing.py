"""An order to erase, or a mark, that crosses the giving of a room reaches who has it then (ROOM-61)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryRefused, ErasureAnswered, ErasureUnanswered
from room_rooms import MINUTE_MS, bodies, change, dev, do, opened, say, shown
from room_world import Post, World

from e2ee.rooms.entry import EntryHash
from e2ee.rooms.payloads import Erase, Sensitive
from e2ee.rooms.signals import RequestKind

HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
CROSSES_MS = 90_000
"""Until a giver has handed over (ROOM-57)."""


def answered(*names: str) -> tuple[World, list[EntryHash]]:
    """A room of the customer and an agent, with a text of each; of the others nobody is in it."""
    world = opened("desk", "agent", "agent2", *names)
    change(world, "desk", Change(add=(dev("agent"),), assign=dev("agent")))
    world.run(2 * MINUTE_MS)
    said = [say(world, "phone", "one"), say(world, "agent", "two")]
    world.run(2 * MINUTE_MS)
    return world, said


def cut_off(world: World, name: str, for_ms: int) -> None:
    """What a device sends and is sent waits for so long; what it sends has the recipients that it knew."""
    until, usual = world.now_ms + for_ms, world.post

    def posted(post: Post) -> None:
        if name in (post.sender, post.to) and world.now_ms < until:
            world.later(until - world.now_ms + 1, lambda: usual(post))
        else:
            usual(post)

    world.post = posted  # type: ignore[method-assign]


def is_deaf(world: World, name: str) -> None:
    """A device sends, and is there no more for what others send."""
    usual = world.post

    def posted(post: Post) -> None:
        if post.to != name:
            usual(post)

    world.post = posted  # type: ignore[method-assign]


def transfers(world: World, to: str = "agent2") -> None:
    """Give the room in passing."""
    do(world, "agent", lambda room, turn: room.ask(turn, RequestKind.TRANSFER, dev(to)))
    desk = world.devices["desk"].room
    assert desk is not None
    while desk.index.assigned != dev(to):
        world.run(100)
    world.run(CROSSES_MS)


def gives(world: World, by: str, to: str) -> None:
    """Hand the newest entries over."""
    do(world, by, lambda room, turn: room.hand_over(turn, dev(to), room.forwarding.newest(turn, 64)))


def has_order(world: World, name: str, order: EntryHash) -> bool:
    """Whether an order is at a device."""
    room = world.devices[name].room
    return room is not None and room.log.find(Turn(world.now_ms), order) is not None


def missing(world: World, name: str) -> set[bytes]:
    """Who has not said that the newest order is carried out, as a device shows it."""
    room = world.devices[name].room
    assert room is not None
    return set(room.live.erasures[-1].missing)


def unanswered(world: World, name: str = "phone") -> list[set[bytes]]:
    """Of whom an application is told that they have not said done."""
    return [set(one.devices) for one in world.devices[name].told(ErasureUnanswered)]


def texts(world: World, name: str) -> list[str | None]:
    return [text for text, _ in shown(world, name)]


@pytest.mark.parametrize("what", ["first", "room"])
def test_an_erasure_that_crosses_a_transfer_reaches_who_takes_the_room(what: str) -> None:
    """ROOM-61, ROOM-26: the taker was handed what the customer erased before it heard of the taker."""
    world, said = answered()
    cut_off(world, "phone", 10 * MINUTE_MS)
    transfers(world)
    assert texts(world, "agent2") == ["one", "two"]
    order = do(
        world, "phone", lambda room, turn: room.write(turn, Erase((said[0],) if what == "first" else None))
    )
    world.run(12 * MINUTE_MS)
    assert has_order(world, "agent2", order)
    assert texts(world, "agent2") == (["two"] if what == "first" else [])
    assert (dev("agent2") in missing(world, "phone")) is (what == "first")
    world.run(DAY_MS + HOUR_MS)
    assert dev("agent2") not in missing(world, "phone")
    assert bodies(world, "agent2", said) == ([said[1]] if what == "first" else [])
    told = world.devices["phone"].told(ErasureAnswered)
    assert {one.device_id for one in told if one.outcome == "done"} >= {dev("desk"), dev("agent2")}


def test_a_taker_that_is_off_is_told_as_unanswered() -> None:
    """ROOM-61, ROOM-45: nobody believes that an entry is gone which the taker still has."""
    world, said = answered()
    cut_off(world, "phone", 10 * MINUTE_MS)
    transfers(world)
    do(world, "phone", lambda room, turn: room.write(turn, Erase((said[0],))))
    cut_off(world, "agent2", 9 * DAY_MS)
    world.run(8 * DAY_MS)
    assert [dev("agent2") in one for one in unanswered(world)] == [True]
    assert bodies(world, "agent2", said) == said
    world.run(3 * DAY_MS)
    assert bodies(world, "agent2", said) == said[1:]


def test_who_joins_puts_off_nothing_that_is_due() -> None:
    """ROOM-61, ROOM-45: who has not answered is told after a week, and with a later newcomer once more."""
    world, said = answered("chief", "desk2", "bot")
    is_deaf(world, "agent")
    do(world, "phone", lambda room, turn: room.write(turn, Erase((said[0],))))
    world.run(5 * DAY_MS)
    change(world, "desk", Change(add=(dev("agent2"),)))
    world.run(2 * DAY_MS + HOUR_MS)
    assert unanswered(world) == [{dev("agent")}]
    is_deaf(world, "bot")
    change(world, "desk", Change(add=(dev("bot"),)))
    world.run(6 * DAY_MS)
    assert len(unanswered(world)) == 1
    world.run(DAY_MS + HOUR_MS)
    assert unanswered(world)[1:] == [{dev("agent"), dev("bot")}]


def test_a_mark_that_crosses_a_transfer_reaches_who_takes_the_room() -> None:
    """ROOM-61, ROOM-17."""
    world, said = answered()
    cut_off(world, "phone", 10 * MINUTE_MS)
    transfers(world)
    do(world, "phone", lambda room, turn: room.write(turn, Sensitive((said[0],))))
    world.run(12 * MINUTE_MS)
    room = world.devices["agent2"].room
    assert room is not None
    stored = room.log.find(Turn(world.now_ms), said[0])
    assert stored is not None
    assert stored.is_marked


def test_an_erasure_that_crosses_a_claim_reaches_whom_the_desk_hands_over_to() -> None:
    """ROOM-61: a desk has taken the room for an agent, and hands over by hand."""
    world = opened("desk", "agent")
    said = say(world, "phone", "one")
    world.run(2 * MINUTE_MS)
    cut_off(world, "phone", 10 * MINUTE_MS)
    change(world, "desk", Change(add=(dev("agent"),), assign=dev("agent")))
    world.run(MINUTE_MS)
    gives(world, "desk", "agent")
    world.run(MINUTE_MS)
    assert texts(world, "agent") == ["one"]
    do(world, "phone", lambda room, turn: room.write(turn, Erase((said,))))
    world.run(12 * MINUTE_MS)
    assert texts(world, "agent") == []


def test_an_erasure_that_crosses_a_transfer_to_a_team_reaches_who_claims_the_room() -> None:
    """ROOM-61, ROOM-33: the desk is in the room as well, and hands over to who claims it."""
    world, said = answered()
    change(world, "desk", Change(add=(dev("desk"),), assign=dev("agent")))
    world.run(2 * MINUTE_MS)
    said.append(say(world, "phone", "three"))
    world.run(2 * MINUTE_MS)
    cut_off(world, "phone", 20 * MINUTE_MS)
    do(world, "agent", lambda room, turn: room.ask(turn, RequestKind.TRANSFER, team="sales"))
    world.run(2 * MINUTE_MS)
    change(world, "desk", Change(add=(dev("agent2"),), assign=dev("agent2")))
    world.run(MINUTE_MS)
    gives(world, "desk", "agent2")
    world.run(MINUTE_MS)
    assert "three" in texts(world, "agent2")
    do(world, "phone", lambda room, turn: room.write(turn, Erase((said[2],))))
    world.run(30 * MINUTE_MS)
    assert "three" not in texts(world, "agent2")


def test_an_erasure_by_a_clerk_that_crosses_a_colleague_reaches_that_one() -> None:
    """ROOM-61: of the company's own text, by who is a member; a desk that has it handed it over."""
    world, _ = answered()
    change(world, "desk", Change(add=(dev("desk"),), assign=dev("agent")))
    world.run(2 * MINUTE_MS)
    own = say(world, "agent", "four")
    world.run(2 * MINUTE_MS)
    cut_off(world, "agent", 10 * MINUTE_MS)
    change(world, "desk", Change(add=(dev("agent2"),)))
    world.run(MINUTE_MS)
    gives(world, "desk", "agent2")
    world.run(MINUTE_MS)
    assert "four" in texts(world, "agent2")
    do(world, "agent", lambda room, turn: room.write(turn, Erase((own,))))
    world.run(12 * MINUTE_MS)
    assert texts(world, "agent2") == []
    assert world.devices["agent2"].told(EntryRefused) == []
    world.run(2 * DAY_MS)
    assert bodies(world, "agent2", [own]) == []
    told = world.devices["agent"].told(ErasureAnswered)
    assert dev("agent2") in {one.device_id for one in told}


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_withdrawal_that_crosses_a_transfer_reaches_who_takes_the_room(comes_back: bool) -> None:
    """CNS-45: who has written the state answers it, also to a person who has left."""
    world, said = answered()
    if comes_back:
        cut_off(world, "phone", 10 * MINUTE_MS)
    else:
        is_deaf(world, "phone")
    transfers(world)
    do(world, "phone", lambda room, turn: room.withdraw(turn, 9))
    world.run(12 * MINUTE_MS)
    assert texts(world, "agent2") == []
    world.run(2 * DAY_MS)
    assert bodies(world, "agent2", said) == []


@pytest.mark.parametrize(("days", "goes"), [(30, True), (32, False)])
def test_an_order_goes_to_who_joins_for_a_month(days: int, goes: bool) -> None:
    """ROOM-61: then nobody is left who could hand over without knowing of it; who has nothing answers."""
    world, said = answered()
    order = do(world, "phone", lambda room, turn: room.write(turn, Erase((said[0],))))
    world.run(days * DAY_MS)
    change(world, "desk", Change(add=(dev("agent2"),), assign=dev("agent2")))
    world.run(10 * MINUTE_MS)
    assert has_order(world, "agent2", order) is goes
    world.run(8 * DAY_MS)
    assert not [one for one in unanswered(world) if dev("agent2") in one]


def test_an_order_goes_to_nobody_again_for_whom_it_was_meant() -> None:
    """ROOM-61: who leaves and comes back has it, and is not asked for another answer."""
    world, said = answered()
    change(world, "desk", Change(add=(dev("agent2"),)))
    world.run(2 * MINUTE_MS)
    order = do(world, "phone", lambda room, turn: room.write(turn, Erase((said[0],))))
    world.run(2 * DAY_MS)
    sent: list[Post] = []
    usual = world.post

    def posted(post: Post) -> None:
        sent.append(post)
        usual(post)

    world.post = posted  # type: ignore[method-assign]
    change(world, "desk", Change(remove=(dev("agent2"),)))
    world.run(MINUTE_MS)
    change(world, "desk", Change(add=(dev("agent2"),)))
    world.run(HOUR_MS)
    ids = [one.content.id for one in sent if (one.sender, one.to) == ("phone", "agent2")]
    assert order[:16] not in ids


@pytest.mark.parametrize("texts_after", [0, 70])
def test_an_order_that_its_author_has_carried_out_by_then_reaches_a_member_of_days(texts_after: int) -> None:
    """ROOM-61: who was away for two days, however much it wrote meanwhile."""
    world, said = answered()
    cut_off(world, "phone", 2 * DAY_MS)
    transfers(world)
    do(world, "phone", lambda room, turn: room.write(turn, Erase((said[0],))))
    for number in range(texts_after):
        say(world, "phone", f"text {number}")
    world.run(2 * DAY_MS + HOUR_MS)
    assert bodies(world, "phone", said) == said[1:]
    assert "one" not in texts(world, "agent2")
    assert dev("agent2") not in {one for told in unanswered(world) for one in told}
