"""Real engines in a world with rooms: a company with its team, people who accept, what each of them sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from company import TEXTS
from e2ee_client.engine.rooms.consenting import Acceptance
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.rooms.views import EntryView
from e2ee_client.engine.turn import Turn
from engine_world import Node, World
from team_world import company_of, founded, this

from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.payloads import EntryPayload, RoomText

R = TypeVar("R")
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
PURPOSES = 0b01


def rooms_of(node: Node) -> Rooms:
    """The part of a node's engine that has its rooms."""
    rooms = node.engine._context.rooms
    assert isinstance(rooms, Rooms)
    return rooms


def act(node: Node, step: Callable[[Turn, Rooms], R]) -> R:
    """Carry out what a person does in rooms; what it sends is on its way, and nothing has arrived."""
    result, effects = node.engine.of_rooms(step, node.now_ms)
    node.carry_out(effects)
    return result


def acceptance(company: Node) -> Acceptance:
    """What a person accepts who was shown the newest notice of a company in German."""
    door = company_of(company).door_parts(Turn(company.now_ms))
    texts = {"de": TEXTS["de"]}
    return Acceptance(company.engine.card(), door.mandate, door.notice, texts, "de", PURPOSES)


def accept(customer: Node, company: Node) -> RoomId:
    """Let a person accept: there is a room, whose `open` is on its way."""
    room_id, effects = customer.engine.accept_notice(acceptance(company), customer.now_ms)
    customer.carry_out(effects)
    return RoomId(room_id)


def opened(world: World | None = None, name: str = "Kundin") -> tuple[World, Node, Node, RoomId]:
    """A company, a customer who has accepted, and their room, at rest."""
    world = world or World()
    company = founded(world)
    customer = world.node(name)
    customer.start()
    room_id = accept(customer, company)
    world.advance(5 * MINUTE_MS)
    return world, company, customer, room_id


def write(node: Node, room_id: RoomId, payload: EntryPayload | str) -> EntryHash:
    """Write an entry, or a text."""
    said = RoomText(payload) if isinstance(payload, str) else payload
    return act(node, lambda turn, rooms: rooms.write(turn, room_id, said))


def change(node: Node, room_id: RoomId, wanted: Change) -> EntryHash:
    """Write a state, as a steward."""
    return act(node, lambda turn, rooms: rooms.acting.change(turn, room_id, wanted))


def add(steward: Node, room_id: RoomId, *members: Node) -> EntryHash:
    """Let colleagues read and write."""
    return change(steward, room_id, Change(add=tuple(sorted(this(one) for one in members))))


def page(node: Node, room_id: RoomId, limit: int = 1_000) -> list[EntryView]:
    """The entries of a room as an application sees them."""
    return rooms_of(node).queries.page(room_id, None, limit, node.now_ms)


def texts(node: Node, room_id: RoomId) -> list[str]:
    """The texts of a room in its order."""
    payloads = (one.payload for one in page(node, room_id))
    return [one.text for one in payloads if isinstance(one, RoomText)]


def order(node: Node, room_id: RoomId) -> list[EntryHash]:
    """The hashes of all entries in order."""
    turn = Turn(node.now_ms)
    return [one.hash for one in rooms_of(node).room(turn, room_id).log.all_of(turn)]


def head(node: Node, room_id: RoomId) -> EntryHash | None:
    """The state in force."""
    found = rooms_of(node).room(Turn(node.now_ms), room_id).states.room.head
    return None if found is None else found.hash
