"""Small steps with the rooms of a simulated world."""

from __future__ import annotations

from typing import Any

from e2ee_client.engine.rooms.about import payload_of
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from room_world import World, ground

from e2ee.ids import DeviceId
from e2ee.rooms.entry import EntryHash
from e2ee.rooms.payloads import RoomText

MINUTE_MS = 60_000


def dev(name: str) -> DeviceId:
    """The id of a device."""
    return ground().author(name).device_id


def do(world: World, name: str, what: Any) -> Any:
    """One step of a device with its room; an error is returned."""
    device = world.devices[name]
    room = device.room
    assert room is not None
    return device.step(lambda turn: what(room, turn))


def say(world: World, name: str, text: str) -> Any:
    """Write a text."""
    return do(world, name, lambda room, turn: room.write(turn, RoomText(text)))


def change(world: World, name: str, changed: Change) -> Any:
    """Write a state."""
    return do(world, name, lambda room, turn: room.change(turn, changed))


def opened(*names: str) -> World:
    """An opened room with its first state."""
    world = World(7)
    world.add("phone", *names)
    world.open()
    world.run(3 * MINUTE_MS)
    return world


def shown(world: World, name: str) -> list[tuple[str | None, bool]]:
    """The texts of a room at a device, in order, and whether each is forwarded; None is one without body."""
    room = world.devices[name].room
    assert room is not None
    turn = Turn(world.now_ms)
    here = [one for one in room.log.all_of(turn) if one.body is not None and not one.is_hidden]
    found = [(payload_of(one), one.forwarded_by is not None) for one in here]
    return [(one.text, by) for one, by in found if isinstance(one, RoomText)]


def bodies(world: World, name: str, hashes: list[EntryHash]) -> list[EntryHash]:
    """Those of these entries whose bodies are at a device."""
    room, turn = world.devices[name].room, Turn(world.now_ms)
    assert room is not None
    found = [room.log.find(turn, one) for one in hashes]
    return [one.hash for one in found if one is not None and one.body is not None]
