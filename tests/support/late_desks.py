"""Real engines with a customer whose login counts, and desks that join later."""

from __future__ import annotations

from e2ee_client.engine.rooms.surroundings import Policy
from e2ee_client.engine.turn import Turn
from engine_world import Node, World
from rooms_world import HOUR_MS, MINUTE_MS, accept, act, rooms_of
from team_world import colleague, company_of, do, founded

from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.login import LOGIN_LIFE_MS, Person, sign_login
from e2ee.rooms.state import Retention, RetentionClass

WEEK_S = 7 * 86_400


def has_body(node: Node, room_id: RoomId, entry_hash: EntryHash) -> bool:
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
    assert has_body(company, room_id, login)
    return world, company, person, room_id, login


def joins(company: Node, room_id: RoomId, name: str) -> Node:
    """A desk that joins, and is given the room."""
    found = colleague(company, name, front_desk=True)
    company.world.advance(2 * HOUR_MS)
    assert room_id in rooms_of(found).index
    return found
