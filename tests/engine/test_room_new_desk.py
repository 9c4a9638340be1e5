"""A desk that joins after a room was opened is given it, and acts for its customer (ROOM-81, ROOM-82)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms import giving
from e2ee_client.engine.rooms.records import LiveRoom
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.events import MessageRejected
from e2ee_client.room_events import GapShown
from e2ee_client.rows import Continuity
from engine_world import Node, World
from rooms_world import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    accept,
    act,
    change,
    head,
    opened,
    rooms_of,
    texts,
    write,
)
from team_world import account, colleague, company_of, do, founded, this

from e2ee.content import ContentType
from e2ee.rooms.entry import RoomId
from e2ee.rooms.payloads import Act, ActKind, Erase
from e2ee.rooms.state import Phase, Verdict


def has(node: Node, room_id: RoomId) -> bool:
    """Whether a device knows a room."""
    return room_id in rooms_of(node).index


def phases(room_id: RoomId, *nodes: Node) -> set[Phase]:
    """What each of these sees the room as."""
    return {Phase(rooms_of(one).index[room_id].phase) for one in nodes}


def states(node: Node, room_id: RoomId) -> int:
    """How many valid states of a room a device has."""
    found = rooms_of(node).room(Turn(node.now_ms), room_id).states.room
    return sum(one is Verdict.VALID for one in found.verdicts.values())


def live(node: Node, room_id: RoomId) -> LiveRoom:
    """What a device has stored of a room."""
    return rooms_of(node).room(Turn(node.now_ms), room_id).live


def off(node: Node) -> None:
    """Take a device off; its clock goes on."""
    node.alive = False
    node.break_connections()
    node.connections.clear()


def on(node: Node) -> None:
    """Start a device again."""
    node.alive = True
    node.crash()
    node.start()
    node.world.settle()


def with_agent() -> tuple[World, Node, Node, Node, RoomId]:
    """A room of an agent, which its only desk has opened."""
    world, company, person, room_id = opened()
    anna = colleague(company, "Frau Anna")
    change(company, room_id, Change(add=(this(anna),), assign=this(anna)))
    world.advance(HOUR_MS)
    return world, company, anna, person, room_id


def suspend(company: Node, node: Node) -> None:
    """Sign a roster that suspends a device."""
    do(company, lambda turn: company_of(company).suspend(turn, this(node)))


# --- what it can do then ---


@pytest.mark.parametrize("by", ["desk", "agent"])
def test_a_desk_that_joined_later_answers_the_customer_where_the_first_is_off(by: str) -> None:
    """ROOM-81: the author of the head gives the room at once, its other members an hour later; then the
    customer's acts are answered, though the desk that it opened the room to never comes back.
    """
    world, company, anna, person, room_id = with_agent()
    act(anna, lambda turn, rooms: rooms.noting.note(turn, room_id, "Notiz", begins=False))
    write(person, room_id, "vorher")
    world.advance(HOUR_MS)
    second = colleague(company, "Frau Zwei", front_desk=True)
    if by == "desk":
        world.advance(MINUTE_MS)
        assert has(second, room_id)
    off(company)
    world.advance(50 * MINUTE_MS)
    assert has(second, room_id) == (by == "desk")
    world.advance(20 * MINUTE_MS)
    assert head(second, room_id) == head(anna, room_id)
    assert rooms_of(second).waiting == {}
    for kind, phase in ((ActKind.CLOSE, Phase.CLOSED), (ActKind.REOPEN, Phase.OPEN)):
        write(person, room_id, Act(kind))
        world.advance(5 * MINUTE_MS)
        assert phases(room_id, second, anna, person) == {phase}
    write(person, room_id, "nachher")
    world.advance(HOUR_MS)
    # Nothing of what was said, or is said to others, is given with it; and it misses nothing.
    assert (texts(second, room_id), texts(anna, room_id)) == ([], ["vorher", "nachher"])
    assert second.of(GapShown) == []
    assert second.of(MessageRejected) == []
    notes = rooms_of(anna).notes_of(room_id)
    assert (states(second, notes), states(anna, notes)) == (1, 1)
    # It may come into the room as any steward, and reads what is said from then on.
    change(second, room_id, Change(add=(this(second),)))
    world.advance(5 * MINUTE_MS)
    write(person, room_id, "an beide")
    world.advance(5 * MINUTE_MS)
    assert texts(second, room_id) == ["an beide"]
    assert states(second, room_id) == states(person, room_id) == 5


def test_a_freeze_its_end_and_an_erasure_are_answered_by_the_new_desk() -> None:
    """ROOM-81, ROOM-18: while the first desk is off."""
    world, company, anna, person, room_id = with_agent()
    second = colleague(company, "Frau Zwei", front_desk=True)
    world.advance(MINUTE_MS)
    off(company)
    for kind, phase in ((ActKind.FREEZE, Phase.FROZEN), (ActKind.UNFREEZE, Phase.OPEN)):
        write(person, room_id, Act(kind))
        world.advance(5 * MINUTE_MS)
        assert phases(room_id, second, anna, person) == {phase}
    before = states(second, room_id)
    write(person, room_id, Erase(None))
    world.advance(5 * MINUTE_MS)
    assert phases(room_id, second, anna, person) == {Phase.ERASED}
    assert states(person, room_id) == before + 1


def test_two_desks_that_both_have_the_room_answer_an_act_once() -> None:
    """ROOM-82: all stewards in force have one order, whoever has named them and whoever lacks the room."""
    world, company, _, person, room_id = with_agent()
    new = [colleague(company, f"Frau {at}", front_desk=True) for at in range(3)]
    world.advance(5 * MINUTE_MS)
    assert all(has(one, room_id) for one in new)
    assert any(this(one) < this(company) for one in new)
    before = states(company, room_id)
    write(person, room_id, Act(ActKind.CLOSE))
    world.advance(10 * MINUTE_MS)
    assert phases(room_id, company, *new, person) == {Phase.CLOSED}
    assert states(company, room_id) == before + 1
    off(company)
    write(person, room_id, Act(ActKind.REOPEN))
    world.advance(10 * MINUTE_MS)
    assert phases(room_id, *new, person) == {Phase.OPEN}
    assert states(new[0], room_id) == before + 2


def test_a_new_desk_closes_no_room_in_which_others_write() -> None:
    """ROOM-82, ROOM-24: without a member what is written goes to the desks that were named, and only they
    see whether a room is silent.
    """
    world, company, person, room_id = opened()
    second = colleague(company, "Frau Zwei", front_desk=True)
    world.advance(5 * MINUTE_MS)
    due = []
    for node in (company, second):
        room, turn = rooms_of(node).room(Turn(node.now_ms), room_id), Turn(node.now_ms)
        room.index.last_ms = node.now_ms - 31 * DAY_MS
        due.append(room.stewarding.silence_due_ms(turn))
    assert due[0] is not None
    assert due[1] is None
    write(person, room_id, "nicht an sie")
    world.advance(HOUR_MS)
    assert texts(second, room_id) == []
    assert second.of(GapShown) == []


def test_a_desk_to_which_the_customer_opens_a_known_room_anew_is_named_by_that() -> None:
    """ROOM-75, ROOM-83: the states that it was given go on, and what is written comes to it."""
    world, company, person, room_id = opened()
    second = colleague(company, "Frau Zwei", front_desk=True)
    world.advance(HOUR_MS)
    assert this(second) not in live(second, room_id).opened_to
    epoch = states(second, room_id)
    off(company)
    root = live(person, room_id).root
    assert root is not None
    act(person, lambda turn, rooms: rooms.room(turn, room_id)._opened(turn, root))
    act(person, lambda turn, rooms: rooms.do(turn, room_id, lambda room: room.writing.post(turn, root)))
    world.advance(MINUTE_MS)
    assert this(second) in live(second, room_id).opened_to
    write(person, room_id, "an die neue")
    write(person, room_id, Act(ActKind.CLOSE))
    world.advance(5 * MINUTE_MS)
    assert texts(second, room_id) == ["an die neue"]
    assert phases(room_id, second, person) == {Phase.CLOSED}
    assert states(second, room_id) == epoch + 1


# --- what is not given ---


def test_a_room_that_is_withdrawn_or_erased_is_given_to_nobody() -> None:
    """ROOM-83: until its customer consents again."""
    world, company, person, room_id = opened()
    other = world.node("Andere")
    other.start()
    erased = accept(other, company)
    world.advance(5 * MINUTE_MS)
    write(other, erased, Erase(None))
    act(person, lambda turn, rooms: rooms.consenting.withdraw(turn, room_id))
    world.advance(HOUR_MS)
    second = colleague(company, "Frau Zwei", front_desk=True)
    world.advance(DAY_MS)
    assert not has(second, room_id)
    assert not has(second, erased)
    assert live(company, room_id).lacking == live(company, erased).lacking == ()
    assert accept(person, company) == room_id
    world.advance(HOUR_MS)
    assert has(second, room_id)
    assert not has(second, erased)
    assert phases(room_id, company, second, person) == {Phase.OPEN}


def test_a_desk_that_is_suspended_meanwhile_is_given_nothing_until_it_is_in_force_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ROOM-83, ROOM-36: what waits unsealed is taken back, and given again."""
    world, company, _, _, room_id = with_agent()
    second = colleague(company, "Frau Zwei", front_desk=True)
    with monkeypatch.context() as patch:
        patch.setattr(company.engine._context.sending, "seal_counted", lambda *_, **__: False)
        world.advance(MINUTE_MS)
        assert forwards(company, second) == 2
        suspend(company, second)
        world.advance(MINUTE_MS)
        assert forwards(company, second) == 0
    world.advance(HOUR_MS)
    assert not has(second, room_id)
    assert live(company, room_id).lacking == ()
    do(company, lambda turn: company_of(company).reinstate(turn, this(second)))
    world.advance(30 * MINUTE_MS)
    assert has(second, room_id)


# --- on the way ---


def forwards(company: Node, node: Node) -> int:
    """How many forwards wait for a device of the company, unsealed."""
    lane, turn = company.engine._state.outbox.lane(account(company), this(node)), Turn(company.now_ms)
    found = [company.engine._context.posting.find(turn, one.content_id) for one in lane.waiting]
    return sum(one is not None and one.type is ContentType.FORWARD for one in found)


def many(count: int) -> tuple[World, Node, list[RoomId]]:
    """A company with several rooms."""
    world, company, _, room_id = opened()
    rooms = [room_id]
    for at in range(1, count):
        person = world.node(f"Kundin {at}")
        person.start()
        rooms.append(accept(person, company))
        world.settle()
    world.advance(5 * MINUTE_MS)
    for node in world.nodes:
        if node is not company:
            off(node)
    return world, company, rooms


def lacking(company: Node, rooms: list[RoomId]) -> list[RoomId]:
    """The rooms that a device has still to give to somebody."""
    return [one for one in rooms if live(company, one).lacking]


def waiting_for(company: Node, node: Node) -> int:
    """How many contents wait for a device of the company."""
    return len(company.engine._state.outbox.lane(account(company), this(node)).all())


@pytest.mark.audit_only
def test_nothing_piles_up_for_a_desk_that_is_off_and_a_restart_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ROOM-82: few contents wait, 64 in a program, and who gives goes on in the middle after a restart; what
    was lost while the desk was off for weeks is given again.
    """
    monkeypatch.setattr(giving, "_MAX_UNDER_WAY", 4)
    world, company, rooms = many(4)
    second = colleague(company, "Frau Zwei", front_desk=True)
    off(second)
    world.advance(HOUR_MS)
    assert 0 < len(lacking(company, rooms)) < len(rooms)
    assert waiting_for(company, second) < 8
    on(company)
    world.advance(15 * DAY_MS)
    assert len(lacking(company, rooms)) > 0
    assert waiting_for(company, second) < 8
    on(second)
    world.advance(5 * MINUTE_MS)
    on(company)
    world.advance(DAY_MS)
    assert [one for one in rooms if not has(second, one)] == []
    assert waiting_for(company, second) == 0
    assert {states(second, one) for one in rooms} == {1}


@pytest.mark.audit_only
def test_a_desk_that_was_off_reads_its_mailbox_before_it_gives_a_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ROOM-81, ROOM-82: it knows who has joined before it knows who has withdrawn (ACC-81)."""
    world = World()
    company = founded(world)
    first = colleague(company, "Frau Erste", front_desk=True)
    world.advance(HOUR_MS)
    people = [world.node(name) for name in ("Kundin", "Andere")]
    rooms = []
    for one in people:
        one.start()
        rooms.append(accept(one, company))
        world.settle()
    world.advance(5 * MINUTE_MS)
    for room_id in rooms:
        change(first, room_id, Change(add=(this(first),)))
    world.advance(HOUR_MS)
    off(first)
    for at in range(20):
        write(people[1], rooms[1], f"Zeile {at}")
    act(people[0], lambda turn, of: of.consenting.withdraw(turn, rooms[0]))
    world.advance(HOUR_MS)
    last = colleague(company, "Frau Letzte", front_desk=True)
    world.advance(9 * DAY_MS)
    read, left = first.step, 0

    def slowly() -> bool:
        nonlocal left
        left -= 1
        return left >= 0 and read()

    with monkeypatch.context() as patch:
        patch.setattr(first, "step", slowly)
        first.alive = True
        first.crash()
        first.start()
        for _ in range(60):
            left = 3
            world.advance(1_000)
    assert phases(rooms[0], first) == {Phase.WITHDRAWN}
    world.advance(5 * MINUTE_MS)
    assert [has(last, one) for one in rooms] == [False, True]
    assert live(first, rooms[1]).lacking == ()


@pytest.mark.audit_only
def test_a_desk_that_goes_on_from_a_backup_gives_no_room_that_others_know_better() -> None:
    """ROOM-84, ROOM-86: its copy is older than a withdrawal, which it asks for."""
    world, company, _, person, room_id = with_agent()
    first = colleague(company, "Frau Erste", front_desk=True)
    world.advance(5 * MINUTE_MS)
    change(first, room_id, Change(add=(this(first),)))
    world.advance(5 * MINUTE_MS)
    backup = first.rows.copy()
    act(person, lambda turn, rooms: rooms.consenting.withdraw(turn, room_id))
    world.advance(HOUR_MS)
    first.crash(backup, Continuity.ROLLED_BACK)
    first.start()
    world.advance(5 * MINUTE_MS)
    last = colleague(company, "Frau Letzte", front_desk=True)
    world.advance(DAY_MS)
    assert phases(room_id, first) == {Phase.WITHDRAWN}
    assert not has(last, room_id)


def test_the_only_desk_that_has_a_room_gives_it_though_it_goes_on_from_a_backup() -> None:
    """ROOM-84: nobody else can; an hour after its customer has answered."""
    world, company, _, room_id = opened()
    second = colleague(company, "Frau Zwei", front_desk=True)
    assert not has(second, room_id)
    company.crash(company.rows.copy(), Continuity.ROLLED_BACK)
    company.start()
    assert live(company, room_id).behind is not None
    world.advance(5 * MINUTE_MS)
    assert live(company, room_id).behind is None
    assert not has(second, room_id)
    world.advance(HOUR_MS)
    assert has(second, room_id)


def test_a_desk_that_was_given_a_room_gives_it_to_those_that_came_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ROOM-81: the first desk is off for good when only one of two new ones has it."""
    world, company, person, room_id = opened()
    second, third = [colleague(company, name, front_desk=True) for name in ("Frau Zwei", "Frau Drei")]
    with monkeypatch.context() as patch:
        patch.setattr(rooms_of(company).giving, "_is_behind", lambda one: one == this(third))
        world.advance(5 * MINUTE_MS)
    assert (has(second, room_id), has(third, room_id)) == (True, False)
    off(company)
    world.advance(2 * HOUR_MS)
    assert has(third, room_id)
    off(second)
    write(person, room_id, Act(ActKind.CLOSE))
    world.advance(5 * MINUTE_MS)
    assert phases(room_id, third, person) == {Phase.CLOSED}
