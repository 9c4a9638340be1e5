"""A login that a desk was given late is kept there no longer than where it came first (ROOM-87)."""

from __future__ import annotations

import pytest
from late_desks import has_body, joins, known
from rooms_world import DAY_MS, HOUR_MS, write

from e2ee.rooms.payloads import Access, AccessKind, Act, ActKind
from e2ee.rooms.state import RetentionClass


@pytest.mark.audit_only
def test_an_unread_login_goes_thirty_days_after_it_was_issued_from_who_was_given_it() -> None:
    """ROOM-87, ROOM-41: in class 1, however many desks have given it to each other."""
    world, company, _, room_id, login = known(RetentionClass.EPHEMERAL)
    world.advance(20 * DAY_MS)
    second = joins(company, room_id, "Frau Zwei")
    assert has_body(second, room_id, login)
    world.advance(10 * DAY_MS)
    assert [has_body(one, room_id, login) for one in (company, second)] == [False, False]


@pytest.mark.parametrize("kind", [RetentionClass.DEFAULT, RetentionClass.STATUTORY])
def test_a_login_of_a_closed_room_goes_by_when_that_was_closed(kind: RetentionClass) -> None:
    """ROOM-87: not by when a desk was given the room, which keeps no record of it."""
    world, company, person, room_id, login = known(kind)
    write(person, room_id, Act(ActKind.CLOSE))
    world.advance(6 * DAY_MS)
    second = joins(company, room_id, "Frau Zwei")
    assert has_body(second, room_id, login)
    world.advance(DAY_MS)
    assert has_body(company, room_id, login) is (kind is RetentionClass.STATUTORY)
    assert not has_body(second, room_id, login)


def test_a_desk_that_came_before_the_closing_keeps_no_record_of_what_was_said_to_others() -> None:
    """ROOM-87: it is told of the closing, and of no export."""
    world, company, person, room_id, login = known(RetentionClass.STATUTORY)
    second = joins(company, room_id, "Frau Zwei")
    world.advance(DAY_MS)
    write(person, room_id, Act(ActKind.CLOSE))
    world.advance(DAY_MS)
    write(company, room_id, Access(AccessKind.EXPORT, None, 0, None))
    world.advance(5 * DAY_MS)
    assert [has_body(one, room_id, login) for one in (company, second)] == [True, True]
    world.advance(DAY_MS + 2 * HOUR_MS)
    assert [has_body(one, room_id, login) for one in (company, second)] == [True, False]
    world.advance(DAY_MS)
    assert [has_body(one, room_id, login) for one in (company, second)] == [False, False]
