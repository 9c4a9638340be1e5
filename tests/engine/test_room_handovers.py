"""A steward gives who joins a room what was said before: logged, shown as forwarded, and nothing else."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from e2ee_client.engine.rooms.forwarding import MAX_HANDED_OVER
from e2ee_client.engine.rooms.queries import written_ms
from e2ee_client.engine.rooms.room_engine import RoomEngine
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryAdded, EntryRefused, HistoryHandedOver
from room_rooms import MINUTE_MS, bodies, change, dev, do, opened, say, shown
from room_world import World, ground

from e2ee.content import Content, ContentType, OfRooms
from e2ee.errors import ConsentWithdrawn, NoRight, RoomFrozen, Unlogged
from e2ee.ids import ContentId
from e2ee.pair import DAY_MS
from e2ee.rooms.entry import BLIND_B, EntryHash, make_header, write_entry
from e2ee.rooms.forward import encode_forward
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import (
    Access,
    AccessKind,
    Act,
    ActKind,
    Erase,
    Sensitive,
    encode_payload,
)
from e2ee.rooms.signed_payloads import Consent


def joined(*before: str) -> tuple[World, list[EntryHash]]:
    """A room in which a customer has written so much before an agent joined; the desk is no member."""
    world = opened("desk", "agent")
    said = [say(world, "phone", text) for text in before]
    world.run(MINUTE_MS)
    change(world, "desk", Change(add=(dev("agent"),), assign=dev("agent")))
    world.run(2 * MINUTE_MS)
    return world, said


def hand_over(world: World, count: int = 64, by: str = "desk", to: str = "agent") -> Any:
    """Hand the newest entries over."""

    def step(room: Any, turn: Turn) -> int:
        found: int = room.hand_over(turn, dev(to), room.forwarding.newest(turn, count))
        return found

    found = do(world, by, step)
    world.run(2 * MINUTE_MS)
    return found


def unread(world: World, name: str) -> int:
    """How much is unread at a device."""
    room = world.devices[name].room
    assert room is not None
    return room.index.unread


def test_a_desk_outside_the_room_gives_what_was_said_before() -> None:
    """TRN-18, TRN-34, ROOM-16: in its place, by the desk's word, not unread; the customer is told."""
    world, said = joined("one", "two")
    assert shown(world, "agent") == []
    assert hand_over(world) == 2
    assert shown(world, "agent") == [("one", True), ("two", True)]
    assert unread(world, "agent") == 0
    told = world.devices["phone"].told(HistoryHandedOver)
    assert [(one.device_id, one.to, one.count) for one in told] == [(dev("desk"), dev("agent"), 2)]
    added = [one for one in world.devices["agent"].told(EntryAdded) if one.entry_hash in said]
    assert [one.is_history for one in added] == [True, True]


def test_what_was_handed_over_is_the_customers_own_once_it_writes_on() -> None:
    """TRN-17: its next entry names the one before by its hash, and that the one before it."""
    world, said = joined("one", "two")
    hand_over(world)
    say(world, "phone", "three")
    world.run(MINUTE_MS)
    assert shown(world, "agent") == [("one", False), ("two", False), ("three", False)]
    assert unread(world, "agent") == 1
    again = [one for one in world.devices["agent"].told(EntryAdded) if one.entry_hash in said]
    assert [(one.is_history, one.forwarded_by is None) for one in again[2:]] == [(True, True)] * 2


def test_what_was_erased_or_is_marked_is_given_as_its_commitment() -> None:
    """TRN-34."""
    world = opened("desk", "agent")
    said = [say(world, "phone", text) for text in ("one", "two", "three")]
    do(world, "phone", lambda room, turn: room.write(turn, Erase((said[0],))))
    do(world, "phone", lambda room, turn: room.write(turn, Sensitive((said[1],))))
    world.run(MINUTE_MS)
    change(world, "desk", Change(add=(dev("agent"),)))
    world.run(2 * MINUTE_MS)
    assert hand_over(world) == 5
    assert shown(world, "agent") == [("three", True)]
    assert bodies(world, "agent", said) == [said[2]]
    assert said[0] in world.devices["agent"].order()


def test_a_second_hand_over_goes_further_back() -> None:
    """TRN-18: lines that are here already count as given, so that what follows is not taken for another."""
    world, _ = joined(*(f"text {count:03}" for count in range(100)))
    assert hand_over(world, 3) == 3
    assert hand_over(world, 101) == 101  # The log of the first one is among them.
    assert [one for one, _ in shown(world, "agent")] == [f"text {count:03}" for count in range(100)]
    world, said = joined(*(f"text {count:03}" for count in range(70)))
    for known in (said[:64], said):
        do(world, "desk", partial(give, known))
        world.run(2 * MINUTE_MS)
    assert [one for one, _ in shown(world, "agent")] == [f"text {count:03}" for count in range(70)]
    assert unread(world, "agent") == 0


def give(hashes: list[EntryHash], room: RoomEngine, turn: Turn) -> int:
    """Hand these entries over to the agent."""
    return room.hand_over(turn, dev("agent"), hashes)


def test_history_goes_to_a_colleague_in_the_room_only() -> None:
    """TRN-34: neither to a customer's device nor to who is no member, nor to the steward itself."""
    world, said = joined("one")
    world.add("agent2")
    for name in ("agent2", "phone", "desk"):
        assert isinstance(hand_over(world, to=name), NoRight)
    assert isinstance(do(world, "desk", lambda room, turn: room.hand_over(turn, dev("agent"), [])), NoRight)
    many = said * (MAX_HANDED_OVER + 1)
    assert isinstance(do(world, "desk", lambda room, turn: room.hand_over(turn, dev("agent"), many)), NoRight)


def test_no_history_of_a_frozen_or_withdrawn_room_is_given() -> None:
    """TRN-34."""
    world, _ = joined("one")
    do(world, "phone", lambda room, turn: room.write(turn, Act(ActKind.FREEZE)))
    world.run(MINUTE_MS)
    assert isinstance(hand_over(world), RoomFrozen)
    do(world, "phone", lambda room, turn: room.withdraw(turn, 9))
    world.run(MINUTE_MS)
    assert isinstance(hand_over(world), ConsentWithdrawn)


def test_an_agents_log_lets_no_history_pass() -> None:
    """TRN-18: of a steward; else two agents would pass on what a room had said before one of them joined."""
    world, _ = joined("one")
    said = say(world, "agent", "two")
    world.run(MINUTE_MS)
    world.add("agent2")
    change(world, "desk", Change(add=(dev("agent2"),)))
    world.run(2 * MINUTE_MS)
    log = Access(AccessKind.HANDOVER, dev("agent2"), 1, (said, said))
    do(world, "agent", lambda room, turn: room.write(turn, log))
    world.run(MINUTE_MS)
    agent = world.devices["agent"].room
    assert agent is not None
    stored = agent.log.find(Turn(world.now_ms), said)
    assert stored is not None
    lines = encode_forward(world.room_id, [agent.log.entry(Turn(world.now_ms), stored)])
    content = Content(ContentId(bytes(16)), world.now_ms, OfRooms(ContentType.FORWARD, lines))
    found = do(world, "agent2", lambda room, turn: room.take(turn, ground().author("agent"), content))
    assert isinstance(found, Unlogged)
    assert not world.devices["agent2"].told(HistoryHandedOver)


def test_an_erased_room_leaves_nothing_of_what_was_handed_over() -> None:
    """ROOM-26: what another device vouches for is erased like the rest."""
    world, said = joined("one", "two")
    hand_over(world)
    assert bodies(world, "agent", said) == said
    do(world, "phone", lambda room, turn: room.write(turn, Erase(None)))
    world.run(26 * 60 * MINUTE_MS)
    assert bodies(world, "agent", said) == []


def test_a_person_gives_its_other_device_what_is_there() -> None:
    """TRN-19: to a device of its own account, and to no other."""
    world, said = joined("one", "two")
    do(world, "phone", lambda room, turn: room.write(turn, Erase((said[0],))))
    world.run(MINUTE_MS)
    world.customer_lists = 2
    world.add("tablet")
    world.devices["phone"].known_lists = 2

    def give(to: str) -> Any:
        return do(world, "phone", lambda room, turn: room.forwarding.give_own_device(turn, dev(to)))

    assert isinstance(give("desk"), NoRight)
    assert isinstance(give("phone"), NoRight)
    give("tablet")
    world.run(MINUTE_MS)
    assert shown(world, "tablet") == [("two", False)]


def test_a_consent_of_another_own_device_that_does_not_verify_is_refused() -> None:
    """TRN-46: in a line; the consent of the room stays, also after a start."""
    world, _ = joined("one")
    world.customer_lists = 2
    world.add("tablet")
    world.devices["phone"].known_lists = 2
    phone, tablet = world.devices["phone"], ground().author("tablet")
    room = phone.room
    assert room is not None
    consent, name = room.live.consent, room.live.room_id
    head = make_header(name, int(Kind.CONSENT), 0, world.now_ms)
    forged = write_entry(tablet, head, encode_payload(Consent(b"x" * 200)), bytes(BLIND_B), None)
    lines = OfRooms(ContentType.FORWARD, encode_forward(name, [forged]))
    forward = Content(ContentId(bytes(16)), world.now_ms, lines)
    assert do(world, "phone", lambda room, turn: room.take(turn, tablet, forward)) is True
    refused = [one.code for one in phone.events if isinstance(one, EntryRefused)]
    assert refused == ["remote.decode"]
    assert bodies(world, "phone", [forged.hash]) == []
    phone.restart()
    assert phone.room is not None
    assert phone.room.live.consent == consent


@pytest.mark.parametrize(
    ("sent_ms", "k", "received_ms", "shown_ms"),
    [
        (50, 50, 60, 50),
        (5, 50, 60, 50),  # before what it follows: its author's clock is behind, or its author lies
        (70, 70, 60, 60),  # ahead
        (
            50 * DAY_MS,
            6,
            80 * DAY_MS,
            50 * DAY_MS,
        ),  # after a pause that the order takes no leap over (TRN-16)
        (50, 0, 60, 50),  # without a place
    ],
)
def test_an_entry_is_shown_as_written_after_what_it_follows_and_before_it_came(
    sent_ms: int, k: int, received_ms: int, shown_ms: int
) -> None:
    """TRN-49"""
    assert written_ms(sent_ms, k, received_ms) == shown_ms
