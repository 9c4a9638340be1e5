"""Keys of bodies that a store had before it was set back are replaced, whatever comes between (STO-52)."""

from __future__ import annotations

from e2ee_client.engine.rooms.entry_keys import KEYS
from e2ee_client.engine.rooms.entry_segments import SEGMENTS
from e2ee_client.rows import Continuity
from engine_world import Node, Rows, World
from rooms_world import HOUR_MS, MINUTE_MS, accept, opened, texts, write
from team_world import colleague, company_of, do, founded, this

from e2ee.rooms.entry import RoomId


def keys(rows: Rows) -> set[bytes]:
    """The keys of bodies in the rows, without their months."""
    return {row[4:] for row in rows.tables[KEYS].values()}


def team_with_a_text() -> tuple[World, Node, Node, Node, RoomId]:
    """A company with two desks, and a customer's room with a text that both have."""
    world = World()
    company = founded(world)
    second = colleague(company, "Herr Zwei", front_desk=True)
    world.advance(MINUTE_MS)
    person = world.node("Kundin")
    person.start()
    room_id = accept(person, company)
    world.advance(5 * MINUTE_MS)
    write(person, room_id, "eins")
    world.advance(MINUTE_MS)
    return world, company, second, person, room_id


def test_a_device_that_is_suspended_after_a_set_back_replaces_its_keys_when_it_is_reinstated() -> None:
    """STO-52, ACC-15: its closed rooms wait; they are not counted as started."""
    world, company, second, person, room_id = team_with_a_text()
    do(company, lambda turn: company_of(company).suspend(turn, this(second)))
    world.advance(MINUTE_MS)
    copied = keys(second.rows)
    second.crash(second.rows.copy(), Continuity.ROLLED_BACK)
    second.start()
    world.advance(HOUR_MS)
    assert keys(second.rows) == copied
    do(company, lambda turn: company_of(company).reinstate(turn, this(second)))
    world.advance(MINUTE_MS)
    assert copied
    assert not keys(second.rows) & copied
    write(person, room_id, "zwei")
    world.advance(MINUTE_MS)
    assert texts(second, room_id) == ["eins", "zwei"]


def test_a_body_that_does_not_open_stops_no_device_after_a_set_back() -> None:
    """STO-52: it is gone with the key that does not open it; what stands beside it stays."""
    world, company, person, room_id = opened()
    for text in ("eins", "zwei"):
        write(person, room_id, text)
    world.advance(MINUTE_MS)
    rows, copied = company.rows.copy(), keys(company.rows)
    table = rows.tables[SEGMENTS]
    last = max(table, key=lambda key: (key[:16] == room_id, key))
    table[last] = table[last][:-1] + bytes([table[last][-1] ^ 1])
    company.crash(rows, Continuity.ROLLED_BACK)
    company.start()
    world.advance(MINUTE_MS)
    assert not keys(company.rows) & copied
    company.crash()
    company.start()
    write(person, room_id, "drei")
    world.advance(MINUTE_MS)
    assert {"eins", "drei"} <= set(texts(company, room_id))
