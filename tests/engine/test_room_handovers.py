"""A steward gives who joins a room what was said before: logged, shown as forwarded, and nothing else."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from e2ee_client.engine.rooms import forwarding, writing
from e2ee_client.engine.rooms.about import payload_of
from e2ee_client.engine.rooms.forwarding import MAX_HANDED_OVER, Forwarding
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
from e2ee.rooms.consent import Terms
from e2ee.rooms.customer import Given
from e2ee.rooms.entry import BLIND_B, EntryHash, Header, RoomId, make_header, write_entry
from e2ee.rooms.forward import encode_forward
from e2ee.rooms.kinds import Kind
from e2ee.rooms.notice import Mode
from e2ee.rooms.payloads import (
    Access,
    AccessKind,
    Act,
    ActKind,
    Erase,
    Mark,
    RoomText,
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
    """TRN-34; the erasure, which the agent has as well, names the last text by its hash (ROOM-61, TRN-17)."""
    world = opened("desk", "agent")
    said = [say(world, "phone", text) for text in ("one", "two", "three")]
    do(world, "phone", lambda room, turn: room.write(turn, Erase((said[0],))))
    do(world, "phone", lambda room, turn: room.write(turn, Sensitive((said[1],))))
    world.run(MINUTE_MS)
    change(world, "desk", Change(add=(dev("agent"),)))
    world.run(2 * MINUTE_MS)
    assert hand_over(world) == 5
    assert shown(world, "agent") == [("three", False)]
    assert bodies(world, "agent", said) == [said[2]]
    assert said[0] in world.devices["agent"].order()


@pytest.mark.audit_only
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
    found = do(world, "desk", lambda room, turn: room.hand_over(turn, dev("agent"), []))
    assert isinstance(found, NoRight)
    assert "of the newest 4096 entries here none" in str(found)
    many = said * (MAX_HANDED_OVER + 1)
    found = do(world, "desk", lambda room, turn: room.hand_over(turn, dev("agent"), many))
    assert isinstance(found, NoRight)
    assert "more entries than may" in str(found)


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


HOUR_MS = 60 * MINUTE_MS


def places(world: World, name: str) -> list[tuple[str, int]]:
    """The texts of a room at a device in order, each with the time that a person is shown (TRN-49)."""
    room, found = world.devices[name].room, list[tuple[str, int]]()
    assert room is not None
    for one in room.log.all_of(Turn(world.now_ms)):
        payload = payload_of(one)
        if isinstance(payload, RoomText):
            found.append((payload.text, max(Header.decode(one.header).sent_ms, one.k)))
    return found


def dated(
    monkeypatch: pytest.MonkeyPatch, by_ms: int, kinds: frozenset[Kind] = frozenset({Kind.TEXT})
) -> None:
    """From now on whoever writes sets another date."""

    def wrong(room_id: RoomId, kind: int, n: int, sent_ms: int, **more: Any) -> Header:
        return make_header(room_id, kind, n, sent_ms + by_ms * (kind in kinds), **more)

    monkeypatch.setattr(writing, "make_header", wrong)


def test_who_takes_over_sees_an_early_date_where_who_hands_over_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """TRN-50: the customer's answer names a mark, by which it comes after what the desk wrote before it."""
    world = opened("desk", "agent")
    say(world, "phone", "Bis wann?")
    world.run(24 * HOUR_MS)
    say(world, "desk", "Die Frist war gestern")
    world.run(2 * HOUR_MS)
    with monkeypatch.context() as patch:
        dated(patch, -25 * HOUR_MS)
        say(world, "phone", "Fristgerecht")
    world.run(HOUR_MS)
    joins(world)
    assert hand_over(world) == 3
    assert [one for one, _ in places(world, "agent")] == [
        "Bis wann?",
        "Die Frist war gestern",
        "Fristgerecht",
    ]
    assert places(world, "agent") == places(world, "desk")


def test_consents_between_let_no_early_date_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """TRN-50: the customer consents again and again, and a joiner knows the newest consent alone."""
    world = opened("desk", "agent")
    say(world, "phone", "Bis wann?")
    world.run(24 * HOUR_MS)
    say(world, "desk", "Die Frist war gestern")
    world.run(2 * HOUR_MS)
    with monkeypatch.context() as patch:
        dated(patch, -25 * HOUR_MS, frozenset({Kind.TEXT, Kind.CONSENT}))
        for seq in range(5, 9):
            terms = Given(Terms(ground().notice.hash, "de", Mode.CONSENT, 0b11), world.now_ms, seq)
            do(world, "phone", lambda room, turn, terms=terms: room.give(turn, terms, reopens=False))
        say(world, "phone", "Fristgerecht")
    world.run(HOUR_MS)
    joins(world)
    assert hand_over(world) == 3
    assert [one for one, _ in places(world, "agent")] == [
        "Bis wann?",
        "Die Frist war gestern",
        "Fristgerecht",
    ]
    assert places(world, "agent") == places(world, "desk")


def joins(world: World) -> None:
    """The agent joins."""
    change(world, "desk", Change(add=(dev("agent"),), assign=dev("agent")))
    world.run(2 * MINUTE_MS)


def test_who_takes_over_sees_the_order_that_a_clock_ahead_has_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """TRN-50: all that follows an entry of the future stands in the order in which it was written."""
    world = opened("desk", "agent")
    with monkeypatch.context() as patch:
        dated(patch, 20 * DAY_MS)
        say(world, "phone", "Uhr falsch")
    for count in range(4):
        world.run(24 * HOUR_MS)
        say(world, "desk", f"Antwort {count}")
        world.run(HOUR_MS)
        say(world, "phone", f"Danke {count}")
    world.run(24 * HOUR_MS)
    joins(world)
    assert hand_over(world) == 9
    said = [f"{what} {count}" for count in range(4) for what in ("Antwort", "Danke")]
    assert [one for one, _ in places(world, "agent")] == ["Uhr falsch", *said]
    assert places(world, "agent") == places(world, "desk")


def test_marks_push_nothing_out_of_a_hand_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """TRN-34, TRN-50: of a customer that writes marks alone; they are not counted, and have a bound."""
    monkeypatch.setattr(forwarding, "MAX_HANDED_OVER", 8)
    monkeypatch.setattr(forwarding, "MAX_MARKS", 16)
    world = opened("desk", "agent")
    say(world, "phone", "one")
    for _ in range(40):
        do(world, "phone", lambda room, turn: room.write(turn, Mark()))
    say(world, "phone", "two")
    world.run(HOUR_MS)
    joins(world)
    assert hand_over(world) == 2
    assert [one for one, _ in places(world, "agent")] == ["one", "two"]
    assert len(marks_at(world, "agent") & marks_at(world, "desk")) == 16


def marks_at(world: World, name: str) -> set[EntryHash]:
    """The marks that a device has."""
    room = world.devices[name].room
    assert room is not None
    found = room.log.all_of(Turn(world.now_ms))
    return {one.hash for one in found if Header.decode(one.header).kind == Kind.MARK}


def test_marks_are_taken_of_who_hands_over_alone_and_late_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """TRN-50: the log entry lets them pass, also when all lines are here; of nobody else."""
    world = opened("desk", "agent")
    say(world, "desk", "one")
    world.run(HOUR_MS)
    joins(world)
    missing = marks_at(world, "desk") - marks_at(world, "agent")
    assert missing
    assert isinstance(give_marks(world, missing, "desk"), Unlogged)
    monkeypatch.setattr(Forwarding, "_marks", lambda *_: [])
    hand_over(world)
    assert missing.isdisjoint(marks_at(world, "agent"))
    assert isinstance(give_marks(world, missing, "chief"), Unlogged)
    assert give_marks(world, missing, "desk") is True
    assert missing <= marks_at(world, "agent")


def test_marks_have_a_bound_for_each_announcement_and_are_taken_of_nobody_who_is_suspended() -> None:
    """TRN-50: who has handed something over once may not fill a store for ever."""
    world, said = joined("one")
    hand_over(world)
    assert [forged(world, start) for start in range(5)] == [True] * 4 + [False]
    do(world, "desk", partial(give, said))
    world.run(MINUTE_MS)
    assert [forged(world, start) for start in range(5, 8)] == [True] * 3
    world.new_roster(("agent",), suspended=("desk",))
    world.run(5 * MINUTE_MS)
    assert not forged(world, 9)


def forged(world: World, start: int) -> bool:
    """Whether the agent takes 64 marks that the desk has made for the customer."""
    author, rng = ground().author("phone"), world.devices["desk"].rng
    places = range(5_000 + 64 * start, 5_064 + 64 * start)
    headers = [make_header(world.room_id, int(Kind.MARK), n, world.now_ms) for n in places]
    lines = [write_entry(author, one, encode_payload(Mark()), rng(BLIND_B), None) for one in headers]
    payload = OfRooms(ContentType.FORWARD, encode_forward(world.room_id, lines))
    content = Content(ContentId(bytes(16)), world.now_ms, payload)
    return do(world, "agent", lambda room, turn: room.take(turn, ground().author("desk"), content)) is True


def give_marks(world: World, marks: set[EntryHash], by: str) -> Any:
    """Let the agent take marks of a device, as the desk has them."""
    at_desk, now = world.devices["desk"].room, Turn(world.now_ms)
    assert at_desk is not None
    lines = [at_desk.log.entry(now, one) for one in at_desk.log.several(now, sorted(marks))]
    payload = OfRooms(ContentType.FORWARD, encode_forward(world.room_id, lines))
    content = Content(ContentId(bytes(16)), world.now_ms, payload)
    return do(world, "agent", lambda room, turn: room.take(turn, ground().author(by), content))


def test_a_hand_over_whose_lines_are_late_is_remembered_before_those_that_are_here() -> None:
    """TRN-18, TRN-50: eight are remembered."""
    world, said = joined("one", "two")
    at_desk, at_agent = world.devices["desk"].room, world.devices["agent"].room
    assert at_desk is not None
    assert at_agent is not None
    log = Access(AccessKind.HANDOVER, dev("agent"), 1, (said[0], said[0]))
    do(world, "desk", lambda room, turn: room.write(turn, log))
    world.run(MINUTE_MS)
    for _ in range(9):
        do(world, "desk", partial(give, said[1:]))
        world.run(MINUTE_MS)
    remembered = at_agent.live.handovers
    assert (len(remembered), remembered[0].first, remembered[0].left) == (8, said[0], 1)
    lines = OfRooms(
        ContentType.FORWARD, encode_forward(world.room_id, at_desk.forwarding._entries(Turn(0), said[:1]))
    )
    content = Content(ContentId(bytes(16)), world.now_ms, lines)
    assert do(world, "agent", lambda room, turn: room.take(turn, ground().author("desk"), content)) is True
    assert [one for one, _ in shown(world, "agent")] == ["one", "two"]
