"""A file in a room over real sockets: desk and customer with stores on disk, a relay that can be killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from conversations import until
from e2ee_client import EventIterator
from e2ee_client.rooms import Company, Customer, Entry, FileProgress, Room
from e2ee_client.rooms.notices import EXAMPLE, Notice
from practice import ORIGIN
from relay_process import RelayProcess

from e2ee.rooms.kinds import Kind

KEY = b"k" * 32
KILLED_AT = (0.3, 0.6)


class Scene:
    """A desk and a customer, each with a store on disk, and a relay in a process of its own."""

    def __init__(self, folder: Path, stack: AsyncExitStack, relay: RelayProcess) -> None:
        self.folder, self.stack, self.relay = folder, stack, relay
        self.door = b""

    async def begin(self) -> None:
        """Found the company, and let the customer accept."""
        self.desk = await Company.create(
            self.folder / "desk.db", key=KEY, relay=self.relay.url, name="Praxis", origins=[ORIGIN]
        )
        facts = {**EXAMPLE, "relay_url": self.desk.client.card().relay_url}
        await self.desk.publish(Notice.draft("health", "consent", facts, is_reviewed=True))
        await self.desk.wait_ready(60)
        self.door = await self.desk.door()
        self.customer = await self._customer()
        room = await self.customer.accept(await self.customer.notice())
        await until(lambda: len(self.desk.rooms()) == 1)
        await self.desk.rooms()[0].claim(60)
        await until(lambda: room.assigned is not None)

    async def _customer(self) -> Customer:
        return await Customer.open(self.folder / "customer.db", company=ORIGIN, key=KEY, fetch=self._fetch)

    async def _fetch(self, _: str) -> bytes:
        return self.door

    async def desk_again(self) -> None:
        """The desk's program ends in the middle of what it does, and begins again."""
        await self.desk.close()
        self.desk = await Company.open(self.folder / "desk.db", key=KEY)

    async def customer_again(self) -> None:
        """The same for the customer's."""
        await self.customer.close()
        self.customer = await self._customer()

    async def close(self) -> None:
        """End everything."""
        await self.desk.close()
        await self.customer.close()


@asynccontextmanager
async def scene_of(folder: Path) -> AsyncIterator[Scene]:
    """A scene that has begun."""
    async with AsyncExitStack() as stack:
        relay = stack.enter_context(RelayProcess(folder / "relay"))
        scene = Scene(folder, stack, relay)
        await scene.begin()
        try:
            yield scene
        finally:
            await scene.close()


def large_file(folder: Path, size_b: int) -> Path:
    """A text of 16 bytes less than `size_b`."""
    path = folder / "large.txt"
    path.write_bytes(b"0123456789abcde\n" * (size_b // 16 - 1))
    return path


async def reaches(events: EventIterator, share: float) -> None:
    """Wait until a file has come so far."""
    while True:
        event = await events.next(60)
        if isinstance(event, FileProgress) and event.done_b >= share * event.size_b:
            return


async def the_file(room: Room, entry_hash: bytes | None = None) -> Entry:
    """Wait for a file of a room, or for this one."""
    while True:
        for one in await room.history():
            if one.kind == Kind.FILE and entry_hash in (None, one.hash):
                return one
        await asyncio.sleep(0.01)  # no event follows what came meanwhile


async def sent_over_kills(scene: Scene, path: Path) -> int:
    """Send a file while the relay is killed twice; return how many parts left."""
    events = scene.desk.events()
    sent = await scene.desk.rooms()[0].start_file(path)
    for share in KILLED_AT:
        await reaches(events, share)
        await asyncio.to_thread(scene.relay.restart)
    await sent.wait()
    return scene.desk.client.files.parts_sent


async def saved_over_kills(scene: Scene, folder: Path) -> Path:
    """Save it likewise; return where it is."""
    got, events = await the_file(scene.customer.rooms()[0]), scene.customer.events()
    saving = asyncio.create_task(got.save(folder))
    for share in KILLED_AT:
        await reaches(events, share)
        await asyncio.to_thread(scene.relay.restart)
    return await saving
