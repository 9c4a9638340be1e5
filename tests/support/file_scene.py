"""A customer in a room with an agent, and files that go between them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from conversations import until
from e2ee_client.rooms import Agent, CompanyRoom, Customer, CustomerRoom, Entry, Room
from practice import Practice

from e2ee.rooms.kinds import Kind

TEXT = b"Befund: alles in Ordnung.\n" * 20_000


class Scene:
    """A customer in a room with an agent who answers."""

    def __init__(
        self, praxis: Practice, me: Customer, room: CustomerRoom, agent: Agent, at: CompanyRoom
    ) -> None:
        self.praxis, self.me, self.room, self.agent, self.at_agent = praxis, me, room, agent, at
        self.relay = praxis.network.relay


async def scene_of(praxis: Practice) -> Scene:
    agent = await praxis.agent("Agent A")
    me = await praxis.customer()
    room = await praxis.opened(me)
    await room.send("Guten Tag")
    at_agent = await anext(agent.waiting())
    await at_agent.claim(600)
    await until(lambda: room.assigned is not None)
    return Scene(praxis, me, room, agent, at_agent)


def file(folder: Path, name: str = "Befund 1.txt", content: bytes = TEXT) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


async def files_of(room: Room) -> list[Entry]:
    return [one for one in await room.history() if one.kind == Kind.FILE]


async def the_file(room: Room, count: int = 1) -> Entry:
    """Wait for the newest file of a room."""
    while len(found := await files_of(room)) < count:  # noqa: ASYNC110 - no event follows what came meanwhile
        await asyncio.sleep(0.01)
    return found[-1]


def blobs(scene: Scene) -> list[object]:
    """What the relay holds."""
    return scene.relay._file.connection.execute("SELECT key FROM blob").fetchall()
