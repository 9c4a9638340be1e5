"""What is told of an entry that some device has lost: nothing, while one of the other side has it."""

from __future__ import annotations

import pytest
from e2ee_client.room_events import EntryProgress, EntryState
from engine_world import Node, World
from own_devices import joined
from rooms_world import accept, add, texts, write
from team_world import colleague, founded

from e2ee.identity import DeviceKind
from e2ee.rooms.entry import EntryHash, RoomId

MINUTE_MS, DAY_MS = 60_000, 86_400_000


def off(*nodes: Node) -> None:
    """These are off from now on."""
    for node in nodes:
        node.stop()
        node.alive = False


def told(node: Node, entry_hash: EntryHash) -> list[EntryProgress]:
    """How far a node was told that an entry has come, without what came before the last call."""
    found = [one.progress for one in node.of(EntryState) if one.entry_hash == entry_hash]
    node.events.clear()
    return found


def team() -> tuple[World, Node, Node, Node, Node, RoomId]:
    """A world with the founder, two clerks and a customer's device, all in one room."""
    world = World()
    company = founded(world)
    anna, bert = colleague(company, "Anna"), colleague(company, "Bert")
    person = world.node("Kundin", publish=True)
    person.start()
    world.advance(MINUTE_MS)
    room_id = accept(person, company)
    world.advance(MINUTE_MS)
    add(company, room_id, anna, bert)
    world.advance(MINUTE_MS)
    return world, company, anna, bert, person, room_id


@pytest.mark.audit_only
def test_what_one_device_of_the_company_has_lost_others_have() -> None:
    """TRN-57: one member of the room is off for weeks; neither its colleagues nor the customer are told a
    failure of each text.
    """
    world, _, anna, bert, person, room_id = team()
    off(anna)
    asked, said = write(person, room_id, "Guten Tag"), write(bert, room_id, "Guten Morgen")
    world.advance(20 * DAY_MS)
    assert texts(bert, room_id) == texts(person, room_id) == ["Guten Tag", "Guten Morgen"]
    for node, entry_hash in ((person, asked), (bert, said)):
        progress = told(node, entry_hash)
        assert EntryProgress.DELIVERED in progress
        assert EntryProgress.FAILED not in progress


@pytest.mark.audit_only
def test_what_no_device_of_the_customer_has_is_told_also_where_colleagues_have_it() -> None:
    """TRN-57: once, when the last of two has lost it; not while the other one may get it."""
    world, _, _, bert, person, room_id = team()
    second = joined(world, person, "Tablet", front_desk=False, kind=DeviceKind.PERSON)
    world.advance(DAY_MS)
    both = write(bert, room_id, "an beide")
    world.advance(MINUTE_MS)
    off(second)
    one = write(bert, room_id, "an eines")
    world.advance(MINUTE_MS)
    off(person)
    none = write(bert, room_id, "an keines")
    world.advance(20 * DAY_MS)
    failed = [it.entry_hash for it in bert.of(EntryState) if it.progress is EntryProgress.FAILED]
    assert failed == [none]
    assert EntryProgress.DELIVERED in told(bert, both)
    assert one != none


@pytest.mark.audit_only
def test_what_every_device_of_the_company_has_lost_is_told_to_the_customer_once() -> None:
    """TRN-57"""
    world, company, anna, bert, person, room_id = team()
    off(company, anna, bert)
    said = write(person, room_id, "Hallo?")
    world.advance(20 * DAY_MS)
    assert told(person, said) == [EntryProgress.SENT, EntryProgress.FAILED]
