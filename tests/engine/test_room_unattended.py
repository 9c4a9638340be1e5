"""Who may give a room to others is told where nobody in it can be reached, and not who was there when."""

from __future__ import annotations

import pytest
from e2ee_client.events import Unreachable
from engine_world import Node, World
from rooms_world import accept, act, add, rooms_of, write
from team_world import colleague, founded, this

from e2ee.rooms.entry import RoomId

MINUTE_MS, DAY_MS = 60_000, 86_400_000


def scene(*members: str) -> tuple[World, Node, list[Node], Node, RoomId]:
    """A world with the founder, clerks, and a customer's room in which these clerks are."""
    world = World()
    company = founded(world)
    clerks = [colleague(company, name) for name in ("Anna", "Bert")]
    person = world.node("Kundin")
    person.start()
    room_id = accept(person, company)
    world.advance(MINUTE_MS)
    add(company, room_id, *(one for one in clerks if one.name in members))
    world.advance(DAY_MS)
    return world, company, clerks, person, room_id


def unattended(node: Node) -> list[RoomId]:
    """The rooms of which a node's people are told."""
    return rooms_of(node).queries.unattended(node.now_ms)


def off(node: Node) -> None:
    node.stop()
    node.alive = False


def back(world: World, node: Node) -> None:
    node.alive = True
    node.start()
    world.advance(MINUTE_MS)


@pytest.mark.audit_only
def test_a_steward_is_told_of_a_room_whose_only_member_is_off_and_gives_it_to_another() -> None:
    """ROOM-80, SES-43: after days, until it is back; the steward is in no room and has sent it nothing."""
    world, company, (anna, bert), person, room_id = scene("Anna")
    world.advance(8 * DAY_MS)
    assert unattended(company) == []
    off(anna)
    write(person, room_id, "Ist da wer?")
    world.advance(3 * DAY_MS)
    assert unattended(company) == []
    world.advance(3 * DAY_MS)
    assert unattended(company) == [room_id]
    assert unattended(bert) == [], "who may give no room away is told of none"
    assert not company.of(Unreachable)
    back(world, anna)
    assert unattended(company) == []
    off(anna)
    world.advance(7 * DAY_MS)
    assert unattended(company) == [room_id]
    act(company, lambda turn, rooms: rooms.acting.assign(turn, room_id, this(bert)))
    world.advance(MINUTE_MS)
    assert unattended(company) == []
    assert rooms_of(bert).index[room_id].assigned == this(bert)


@pytest.mark.audit_only
def test_a_room_of_two_is_attended_while_one_of_them_is_there() -> None:
    """ROOM-80: where nobody is assigned each member counts."""
    world, company, (anna, bert), _, room_id = scene("Anna", "Bert")
    off(anna)
    world.advance(8 * DAY_MS)
    assert unattended(company) == []
    off(bert)
    world.advance(8 * DAY_MS)
    assert unattended(company) == [room_id]


@pytest.mark.parametrize("is_member", [False, True])
def test_a_colleague_in_no_room_of_others_is_never_asked(
    monkeypatch: pytest.MonkeyPatch, *, is_member: bool
) -> None:
    """ROOM-80: whoever is in no room that the steward is not in is not looked after."""
    world, company, (anna, _), _, room_id = scene(*(["Anna"] if is_member else []))
    if is_member:
        add(company, room_id, company)
    off(anna)
    asked = list[bytes]()
    monkeypatch.setattr(
        company.engine._context.renewal, "ask_daily", lambda _, peer: asked.append(peer.device_id)
    )
    world.advance(3 * DAY_MS)
    assert asked == []
    assert unattended(company) == []


@pytest.mark.audit_only
def test_it_is_told_after_each_new_start_and_by_nobody_who_is_not_connected() -> None:
    """ROOM-80: by what is stored, also where the last prekeys of a device that is off have ended."""
    world, company, (anna, _), _, room_id = scene("Anna")
    off(anna)
    for _ in range(4):
        world.advance(15 * DAY_MS)
        assert unattended(company) == [room_id]
        company.crash()
        assert unattended(company) == []
        company.start()
        world.advance(MINUTE_MS)
        assert unattended(company) == [room_id]


@pytest.mark.audit_only
def test_a_clock_that_was_a_month_ahead_hides_nobody_who_is_away_later() -> None:
    """ROOM-80: when a device was heard last is no time of a month to come."""
    world, company, (anna, _), _, room_id = scene("Anna")
    company.ahead_ms = 31 * DAY_MS
    world.advance(2 * DAY_MS)
    assert unattended(company) == []
    off(anna)
    company.ahead_ms = 0
    world.advance(2 * DAY_MS)
    assert unattended(company) == []
    world.advance(6 * DAY_MS)
    assert unattended(company) == [room_id]


@pytest.mark.audit_only
def test_a_desk_that_never_met_the_member_is_told_too() -> None:
    """ROOM-80, ROOM-81: it has joined while the member was off, and is the only steward that is on."""
    world, company, (anna, _), _, room_id = scene("Anna")
    off(anna)
    late = colleague(company, "Frau Spät", front_desk=True)
    world.advance(2 * 60 * MINUTE_MS)
    assert room_id in rooms_of(late).index
    off(company)
    world.advance(2 * DAY_MS)
    assert unattended(late) == []
    world.advance(3 * DAY_MS)
    assert unattended(late) == [room_id]
    back(world, anna)
    world.advance(DAY_MS)
    assert unattended(late) == []


@pytest.mark.audit_only
def test_a_steward_that_was_off_itself_takes_nobody_for_away() -> None:
    """ROOM-80: its own search began before; the answers have waited at the relay."""
    world, company, (anna, _), _, room_id = scene("Anna")
    off(anna)
    world.advance(4 * DAY_MS)
    off(company)
    back(world, anna)
    world.advance(9 * DAY_MS)
    back(world, company)
    assert unattended(company) == []
    assert rooms_of(company).index[room_id].members == (this(anna),)
