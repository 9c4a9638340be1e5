"""Rooms of real engines: a company that has founded itself, customers who accept its notice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from company import TEXTS
from e2ee_client.engine.rooms.consenting import Acceptance
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.turn import Turn
from engine_world import Node, World
from team_world import account, do, standing

from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.payloads import RoomText

R = TypeVar("R")
MINUTE_MS = 60_000


def rooms(node: Node) -> Rooms:
    """The part of a node's engine that has its rooms."""
    return node.engine._context.rooms


def customer(world: World, name: str = "Kundin") -> Node:
    """A person who has accepted nothing yet."""
    node = world.node(name)
    node.start()
    return node


def given(company: Node, purposes: int = 0b11) -> Acceptance:
    """What a person accepts of a company."""
    notices = do(company, lambda turn: company.engine._context.notices.stated(turn, account(company)))
    mandate = standing(company, company).mandate
    return Acceptance(company.engine.card(), mandate, notices[0], TEXTS, "de", purposes)


def accept(node: Node, company: Node) -> RoomId:
    """Let a person accept, and the room be opened."""
    room_id, effects = node.engine.accept_notice(given(company), node.now_ms)
    node.carry_out(effects)
    node.world.advance(3 * MINUTE_MS)
    return RoomId(room_id)


def command(node: Node, step: Callable[[Turn, Rooms], R]) -> R:
    """What a person does in rooms."""
    found, effects = node.engine.of_rooms(step, node.now_ms)
    node.carry_out(effects)
    node.world.settle()
    return found


def write(node: Node, room_id: RoomId, text: str) -> EntryHash:
    """Write a text."""
    return command(node, lambda turn, rooms: rooms.write(turn, room_id, RoomText(text)))


def texts(node: Node, room_id: RoomId) -> list[str]:
    """The texts of a room, in order."""
    page = node.engine.rooms.page(room_id, None, 50, node.now_ms)
    return [one.payload.text for one in page if isinstance(one.payload, RoomText)]
