"""What a device of the company has missed reaches it in every phase, and no content (CNS-92, ROOM-72)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms.ahead import MAX_UNDECIDED, Ahead, Kept
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryProgress, EntryRefused
from room_rooms import MINUTE_MS, change, dev, do, say
from room_withdrawals import HOUR_MS, give, has_body, phase_of, send, staffed, withdraw
from room_world import World, ground
from rooms_world import DAY_MS, add, opened, rooms_of, write
from rooms_world import change as engine_change
from team_world import colleague

from e2ee.content import Content, ContentType, OfRooms
from e2ee.ids import ContentId
from e2ee.rooms.entry import BLIND_B, Entry, EntryHash, RoomId, make_header, write_entry
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import Act, ActKind, EntryPayload, Erase, Mark, Reach, RoomText, encode_payload
from e2ee.rooms.state import Phase

CLOSED, FROZEN, WITHDRAWN, ERASED = Phase.CLOSED, Phase.FROZEN, Phase.WITHDRAWN, Phase.ERASED


def reach(world: World, phase: Phase) -> None:
    """The room comes into a phase."""
    match phase:
        case Phase.WITHDRAWN:
            withdraw(world)
        case Phase.ERASED:
            do(world, "phone", lambda room, turn: room.write(turn, Erase(None)))
        case Phase.FROZEN:
            do(world, "phone", lambda room, turn: room.write(turn, Act(ActKind.FREEZE)))
        case _:
            change(world, "desk", Change(phase=phase))
    world.run(30 * MINUTE_MS)


def away(world: World) -> None:
    """The agent gets nothing: all that is sent to it is lost."""
    world.blocked |= {(name, "agent") for name in world.devices}


def back(world: World, *without: str) -> None:
    """The agent is there again. It is given the newest state, and hears by the next mark of the desk of what
    else it has missed.
    """
    world.blocked = {(name, "agent") for name in without}
    world.blocked |= {("agent", name) for name in without}
    desk, turn = world.devices["desk"].room, Turn(world.now_ms)
    assert desk is not None
    assert desk.states.room.head is not None
    stored = desk.log.find(turn, desk.states.room.head.hash)
    assert stored is not None
    give(world, "desk", "agent", desk.log.entry(turn, stored))
    do(world, "desk", lambda room, turn: room.writing.write_quietly(turn, Mark()))


@pytest.mark.parametrize("phase", [Phase.OPEN, CLOSED, FROZEN, WITHDRAWN, ERASED])
@pytest.mark.parametrize("is_before", [True, False])
def test_an_erasure_that_a_device_has_missed_is_carried_out_in_every_phase(
    phase: Phase, *, is_before: bool
) -> None:
    """CNS-92, ROOM-26: whether the room was closed before or after it."""
    world, said = staffed()
    away(world)
    if is_before:
        reach(world, phase)
    do(world, "phone", lambda room, turn: room.write(turn, Erase((said,))))
    world.run(HOUR_MS)
    if not is_before:
        reach(world, phase)
    world.run(2 * DAY_MS)
    assert has_body(world, "agent", said)
    assert not has_body(world, "desk", said)
    back(world)
    world.run(27 * HOUR_MS)
    assert phase_of(world, "agent") is phase
    assert not has_body(world, "agent", said)


@pytest.mark.parametrize("phase", [CLOSED, FROZEN, WITHDRAWN, ERASED])
def test_the_customer_alone_brings_it(phase: Phase) -> None:
    """CNS-92: no colleague is there; the customer's device gives what it is asked for."""
    world, said = staffed()
    away(world)
    do(world, "phone", lambda room, turn: room.write(turn, Erase((said,))))
    reach(world, phase)
    world.run(2 * DAY_MS)
    back(world, "desk")
    do(world, "phone", lambda room, turn: room.writing.write_quietly(turn, Mark()))
    world.run(27 * HOUR_MS)
    assert not has_body(world, "agent", said)
    agent = world.devices["agent"].room
    assert agent is not None
    assert agent.asking.due_ms() is None


MANY = pytest.param(70, 20, marks=pytest.mark.audit_only)


@pytest.mark.parametrize(("count", "size_b"), [(6, 16_000), MANY])
def test_it_is_reached_behind_more_content_than_one_answer_has(count: int, size_b: int) -> None:
    """CNS-93, TRN-15: six texts fill an answer, 70 a question; none of them is taken of the customer."""
    world, said = staffed()
    away(world)
    do(world, "phone", lambda room, turn: room.write(turn, Erase((said,))))
    for _ in range(count):
        say(world, "phone", "x" * size_b)
    reach(world, CLOSED)
    world.run(2 * DAY_MS)
    back(world, "desk")
    do(world, "phone", lambda room, turn: room.writing.write_quietly(turn, Mark()))
    world.run(3 * DAY_MS)
    assert not has_body(world, "agent", said)


# --- and nothing else ---


def follows(
    world: World, before: EntryHash | None, n: int, payload: EntryPayload, by: str = "phone"
) -> Entry:
    """An entry of a device under a number, after another one, as a changed program writes it."""
    header = make_header(world.room_id, int(payload.kind), n, world.now_ms, prev=before)
    key = ground().company.devices[by].signing_key if by in ground().company.devices else None
    return write_entry(ground().author(by), header, encode_payload(payload), bytes([n % 256]) * BLIND_B, key)


def smuggled(world: World, payload: EntryPayload, by: str = "phone") -> tuple[Entry, int]:
    """An entry under the next number of a device, which the one after it names and the agent asks for, and
    how many of its events are from before.
    """
    room = world.devices[by].room
    agent = world.devices["agent"]
    assert room is not None
    assert agent.room is not None
    author = ground().author(by)
    own = [one for one in room.log.all_of(Turn(world.now_ms)) if one.author == author]
    n = len(own)
    entry = follows(world, own[-1].hash, n, payload, by)
    mark = follows(world, entry.hash, n + 1, Mark(), by)
    send(world, by, "agent", mark)
    world.run(2 * MINUTE_MS)
    return entry, len(agent.events)


def codes(world: World, entry: Entry, since: int) -> list[str]:
    """With which codes the agent has refused an entry since then."""
    events = world.devices["agent"].events[since:]
    return [one.code for one in events if isinstance(one, EntryRefused) and one.entry_hash == entry.hash]


def is_here(world: World, entry: Entry) -> bool:
    """Whether the agent has anything of an entry."""
    agent = world.devices["agent"].room
    assert agent is not None
    turn = Turn(world.now_ms)
    return agent.log.find(turn, entry.hash) is not None


PHASES = {
    CLOSED: "room.closed",
    FROZEN: "room.frozen",
    WITHDRAWN: "room.consent_withdrawn",
    ERASED: "room.erased",
}


@pytest.mark.parametrize(("phase", "code"), PHASES.items())
def test_no_text_comes_in_as_what_was_missed(phase: Phase, code: str) -> None:
    """CNS-92: a customer writes a text into a room that takes none, has it asked for, and gives it: as a
    line, and after its commitment once more, as a line and in a session.
    """
    world, _ = staffed()
    reach(world, phase)
    entry, since = smuggled(world, RoomText("hello"))
    give(world, "phone", "agent", entry)
    assert codes(world, entry, since) == [code]
    assert not is_here(world, entry)
    give(world, "phone", "agent", entry.redacted())
    assert is_here(world, entry)
    give(world, "phone", "agent", entry)
    assert set(codes(world, entry, since)) == {code}
    send(world, "phone", "agent", entry)
    assert not has_body(world, "agent", entry.hash)


def test_what_a_colleague_gave_as_a_commitment_the_customer_does_not_complete() -> None:
    """CNS-92, TRN-17: a colleague gives the commitment alone, and the room takes no content by then."""
    world, _ = staffed()
    reach(world, CLOSED)
    entry, since = smuggled(world, RoomText("hello"))
    give(world, "desk", "agent", entry.redacted())
    assert is_here(world, entry)
    give(world, "phone", "agent", entry)
    assert codes(world, entry, since) == ["room.closed"]
    assert not has_body(world, "agent", entry.hash)


def test_no_text_of_a_colleague_comes_in_by_the_customer() -> None:
    """CNS-92: a colleague who is out, or a thief of its keys, has signed one; a state of the team passes."""
    world, _ = staffed()
    reach(world, CLOSED)
    entry, since = smuggled(world, RoomText("pay elsewhere"), "desk")
    give(world, "phone", "agent", entry)
    assert codes(world, entry, since) == ["room.closed"]
    assert not is_here(world, entry)
    away(world)
    state = change(world, "desk", Change(add=(dev("agent2"),)))
    world.run(MINUTE_MS)
    stated = world.devices["desk"].room
    assert stated is not None
    stored = stated.log.find(Turn(world.now_ms), state)
    assert stored is not None
    give(world, "phone", "agent", stated.log.entry(Turn(world.now_ms), stored))
    agent = world.devices["agent"].room
    assert agent is not None
    assert state in agent.states.room.states


def test_an_address_that_is_taken_back_passes_and_a_new_one_does_not() -> None:
    """CNS-92, CNS-11: an address is content; what is none at all is refused as in an open room."""
    world, _ = staffed()
    reach(world, CLOSED)
    entry, since = smuggled(world, Reach("anna@example.org"))
    give(world, "phone", "agent", entry)
    assert codes(world, entry, since) == ["room.closed"]
    assert not is_here(world, entry)
    entry, since = smuggled(world, Reach(None))
    give(world, "phone", "agent", entry)
    assert codes(world, entry, since) == []
    assert is_here(world, entry)
    header = make_header(world.room_id, int(Kind.REACH), 900, world.now_ms)
    broken = write_entry(ground().author("phone"), header, "nothing", BLIND_B * b"\x07", None)
    send(world, "phone", "agent", follows(world, broken.hash, 901, Mark()))
    world.run(2 * MINUTE_MS)
    give(world, "phone", "agent", broken)
    assert codes(world, broken, since) == ["room.closed"]


def test_nothing_comes_that_nobody_asked_for() -> None:
    """TRN-19: no erasure either."""
    world, said = staffed()
    reach(world, CLOSED)
    unasked = follows(world, None, 800, Erase((said,)))
    refused = len(world.refused)
    give(world, "phone", "agent", unasked)
    assert world.refused[refused:] == [("agent", "room.unlogged")]
    assert not is_here(world, unasked)


def test_what_was_said_before_comes_from_a_colleague() -> None:
    """CNS-92, TRN-17: the customer's erasure behind it is taken of the customer itself, and covers it; so
    what a colleague gives is no hearsay, and nothing is a gap.
    """
    world, said = staffed()
    away(world)
    later = say(world, "phone", "a question")
    do(world, "phone", lambda room, turn: room.write(turn, Erase((said,))))
    world.run(HOUR_MS)
    reach(world, CLOSED)
    back(world)
    world.run(27 * HOUR_MS)
    assert (has_body(world, "agent", said), has_body(world, "agent", later)) == (False, True)
    agent = world.devices["agent"].room
    assert agent is not None
    stored = agent.log.find(Turn(world.now_ms), later)
    assert stored is not None
    assert stored.forwarded_by is None
    assert agent.asking.due_ms() is None


def test_a_device_that_was_away_over_the_closing_destroys_what_was_erased() -> None:
    """CNS-92: on real engines; what was sent to it is older than what is sent again, it learns of the closing
    before the customer is there, and the customer says nothing more.
    """
    world, desk, customer, room_id = opened()
    agent = colleague(desk, "Frau Anders")
    world.advance(5 * MINUTE_MS)
    add(desk, room_id, desk, agent)
    world.advance(MINUTE_MS)
    said = write(customer, room_id, "Kanarienvogel")
    world.advance(10 * MINUTE_MS)
    agent.stop()
    engine_change(desk, room_id, Change(phase=CLOSED))
    world.advance(MINUTE_MS)
    write(customer, room_id, Erase((said,)))
    world.advance(DAY_MS + HOUR_MS)
    for node in (desk, customer):
        node.stop()
    world.now_ms += 40 * DAY_MS
    for node in (desk, customer, agent):
        node.start()
    world.advance(HOUR_MS)
    customer.stop()
    engine_change(desk, room_id, Change(sensitive=True))
    world.advance(HOUR_MS)
    assert rooms_of(agent).index[room_id].phase == CLOSED
    customer.start()
    world.advance(2 * HOUR_MS)

    def here() -> tuple[bool, bool]:
        stored = rooms_of(agent).log(room_id).find(Turn(agent.now_ms), said)
        assert stored is not None
        return stored.is_hidden, stored.body is not None

    assert here() == (True, True)
    world.advance(DAY_MS)
    assert here() == (True, False)


def test_what_waited_at_the_relay_for_weeks_is_taken_once_it_is_known_who_is_in_force() -> None:
    """ROOM-72: the roster that the device knows has ended, nobody sends again what is so old, and nobody says
    anything more.
    """
    world, desk, customer, room_id = opened()
    agent = colleague(desk, "Frau Anders")
    world.advance(5 * MINUTE_MS)
    add(desk, room_id, desk, agent)
    world.advance(MINUTE_MS)
    said = write(customer, room_id, "Kanarienvogel")
    world.advance(10 * MINUTE_MS)
    agent.stop()
    engine_change(desk, room_id, Change(phase=CLOSED))
    write(customer, room_id, Erase((said,)))
    world.advance(DAY_MS + HOUR_MS)
    for node in (desk, customer):
        node.stop()
    world.now_ms += 20 * DAY_MS
    for node in (desk, customer, agent):
        node.start()
    world.advance(MINUTE_MS)
    assert rooms_of(agent).index[room_id].phase == CLOSED
    world.advance(DAY_MS + MINUTE_MS)
    stored = rooms_of(agent).log(room_id).find(Turn(agent.now_ms), said)
    assert stored is not None
    assert stored.body is None
    assert not rooms_of(agent)._undecided.rooms()


@pytest.mark.parametrize("is_customer", [False, pytest.param(True, marks=pytest.mark.audit_only)])
def test_who_was_off_for_longer_than_the_relay_keeps_messages_learns_of_closing_and_erasure(
    *, is_customer: bool
) -> None:
    """ROOM-73: nobody writes any more, and all others are there all the time."""
    world, desk, customer, room_id = opened()
    agent = colleague(desk, "Frau Anders")
    world.advance(5 * MINUTE_MS)
    add(desk, room_id, desk, agent)
    world.advance(MINUTE_MS)
    author, away = (desk, customer) if is_customer else (customer, agent)
    said = write(author, room_id, "Kanarienvogel")
    world.advance(10 * MINUTE_MS)
    away.stop()
    engine_change(desk, room_id, Change(phase=CLOSED))
    order = write(author, room_id, Erase((said,)))
    for _ in range(40):
        world.advance(DAY_MS)
    assert rooms_of(author).queries.progress(room_id, order, author.now_ms) is not EntryProgress.FAILED
    away.start()
    world.advance(2 * HOUR_MS)
    assert rooms_of(away).index[room_id].phase == CLOSED
    assert rooms_of(author).queries.progress(room_id, order, author.now_ms) is EntryProgress.DELIVERED
    world.advance(DAY_MS)
    stored = rooms_of(away).log(room_id).find(Turn(away.now_ms), said)
    assert stored is not None
    assert (stored.body is None) is not is_customer, (
        "what the company erases a customer keeps, marked (ROOM-26)"
    )


@pytest.mark.audit_only
def test_who_was_off_for_weeks_asks_those_who_send_no_weekly_ask() -> None:
    """ROOM-79: a colleague was off, too, and says nothing more."""
    world, desk, _, room_id = opened()
    agent = colleague(desk, "Frau Anders")
    world.advance(5 * MINUTE_MS)
    add(desk, room_id, desk, agent)
    said = write(desk, room_id, "Kanarienvogel")
    world.advance(10 * MINUTE_MS)
    agent.stop()
    order = write(desk, room_id, Erase((said,)))
    world.advance(DAY_MS + HOUR_MS)
    desk.stop()
    for _ in range(40):
        world.advance(DAY_MS)
    for node in (desk, agent):
        node.start()
    world.advance(2 * HOUR_MS)
    assert rooms_of(agent).log(room_id).find(Turn(agent.now_ms), order) is not None


def test_of_what_waits_to_be_decided_the_newest_is_kept() -> None:
    """ROOM-72, ROOM-31: 256 contents in all, and 64 of rooms that are not known."""
    for kept, most in ((Ahead(), 64), (Ahead(MAX_UNDECIDED), 256)):
        for n in range(most + 3):
            content = Content(ContentId(n.to_bytes(16)), n, OfRooms(ContentType.SIGNAL, n))
            kept.keep(Kept(RoomId(bytes([n % 2]) * 16), ground().author("desk"), content))
        assert kept.rooms() == {RoomId(bytes(16)), RoomId(b"\x01" * 16)}
        found = [one.content.sent_ms for n in range(2) for one in kept.take(RoomId(bytes([n]) * 16))]
        assert sorted(found) == list(range(3, most + 3))
        assert not kept.rooms()
