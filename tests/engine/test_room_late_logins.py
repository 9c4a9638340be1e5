"""A login that a desk was given late is kept there no longer than where it came first (ROOM-87)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms.surroundings import Policy
from e2ee_client.engine.turn import Turn
from engine_world import Node, World
from rooms_world import DAY_MS, HOUR_MS, MINUTE_MS, accept, act, rooms_of, write
from team_world import colleague, company_of, do, founded

from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.login import LOGIN_LIFE_MS, Person, sign_login
from e2ee.rooms.payloads import Access, AccessKind, Act, ActKind
from e2ee.rooms.state import Retention, RetentionClass

WEEK_S = 7 * 86_400


def has(node: Node, room_id: RoomId, entry_hash: EntryHash) -> bool:
    """Whether a device has the body of an entry."""
    rooms = rooms_of(node)
    stored = rooms.log(room_id).find(Turn(node.now_ms), entry_hash) if room_id in rooms.index else None
    return stored is not None and stored.body is not None


def known(kind: RetentionClass) -> tuple[World, Node, Node, RoomId, EntryHash]:
    """A company whose new rooms are of a class, kept for a week; a customer with a login that counts."""
    world = World()
    company = founded(world, login=True)
    act(company, lambda turn, rooms: rooms.set_policy(turn, Policy(Retention(kind, WEEK_S))))
    person = world.node("Kundin")
    person.start()
    room_id = accept(person, company)
    world.advance(5 * MINUTE_MS)
    issuing = do(company, lambda turn: company_of(company).issuing_key())
    assert issuing is not None
    asked = act(person, lambda turn, rooms: rooms.identify(turn, room_id, lambda one: one.ask(turn)))
    subject = Person("4711", "Erika Muster")
    token = sign_login(issuing.key, issuing.mandate_seq, asked, subject, world.now_ms, LOGIN_LIFE_MS)
    login = act(
        person, lambda turn, rooms: rooms.identify(turn, room_id, lambda one: one.hand_in(turn, token))
    )
    world.advance(5 * MINUTE_MS)
    assert has(company, room_id, login)
    return world, company, person, room_id, login


def joins(company: Node, room_id: RoomId, name: str) -> Node:
    """A desk that joins, and is given the room."""
    found = colleague(company, name, front_desk=True)
    company.world.advance(2 * HOUR_MS)
    assert room_id in rooms_of(found).index
    return found


def test_an_unread_login_goes_thirty_days_after_it_was_issued_from_who_was_given_it() -> None:
    """ROOM-87, ROOM-41: in class 1, however many desks have given it to each other."""
    world, company, _, room_id, login = known(RetentionClass.EPHEMERAL)
    world.advance(20 * DAY_MS)
    second = joins(company, room_id, "Frau Zwei")
    assert has(second, room_id, login)
    world.advance(10 * DAY_MS)
    assert [has(one, room_id, login) for one in (company, second)] == [False, False]


@pytest.mark.parametrize("kind", [RetentionClass.DEFAULT, RetentionClass.STATUTORY])
def test_a_login_of_a_closed_room_goes_by_when_that_was_closed(kind: RetentionClass) -> None:
    """ROOM-87: not by when a desk was given the room, which keeps no record of it."""
    world, company, person, room_id, login = known(kind)
    write(person, room_id, Act(ActKind.CLOSE))
    world.advance(6 * DAY_MS)
    second = joins(company, room_id, "Frau Zwei")
    assert has(second, room_id, login)
    world.advance(DAY_MS)
    assert has(company, room_id, login) is (kind is RetentionClass.STATUTORY)
    assert not has(second, room_id, login)


def test_a_desk_that_came_before_the_closing_keeps_no_record_of_what_was_said_to_others() -> None:
    """ROOM-87: it is told of the closing, and of no export."""
    world, company, person, room_id, login = known(RetentionClass.STATUTORY)
    second = joins(company, room_id, "Frau Zwei")
    world.advance(DAY_MS)
    write(person, room_id, Act(ActKind.CLOSE))
    world.advance(DAY_MS)
    write(company, room_id, Access(AccessKind.EXPORT, None, 0, None))
    world.advance(5 * DAY_MS)
    assert [has(one, room_id, login) for one in (company, second)] == [True, True]
    world.advance(DAY_MS + 2 * HOUR_MS)
    assert [has(one, room_id, login) for one in (company, second)] == [True, False]
    world.advance(DAY_MS)
    assert [has(one, room_id, login) for one in (company, second)] == [False, False]
