"""Small steps with the rooms of a simulated world."""

from __future__ import annotations

from typing import Any

from e2ee_client.engine.rooms.stewarding import Change
from room_world import World, ground

from e2ee.ids import DeviceId
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
