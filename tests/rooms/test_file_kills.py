"""A file over real sockets, while relay, sender and receiver end in the middle (FIL-07, FIL-12, FIL-16)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from conversations import until
from e2ee_client import EventIterator
from e2ee_client.rooms import Company, Customer, Entry, FileProgress, Room
from e2ee_client.rooms.notices import EXAMPLE, Notice
from e2ee_client.runtime.transfer import IN_FLIGHT, parts_of
from practice import ORIGIN
from relay_process import RelayProcess

from e2ee.files import sealed_size
from e2ee.rooms.kinds import Kind

pytestmark = pytest.mark.processes
KEY = b"k" * 32
SIZE_B = 4 << 20
PARTS = parts_of(sealed_size(SIZE_B))


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
    async with AsyncExitStack() as stack:
        relay = stack.enter_context(RelayProcess(folder / "relay"))
        scene = Scene(folder, stack, relay)
        await scene.begin()
        try:
            yield scene
        finally:
            await scene.close()


def large_file(folder: Path) -> Path:
    path = folder / "large.txt"
    path.write_bytes(b"0123456789abcde\n" * (SIZE_B // 16 - 1))
    return path


async def reaches(events: EventIterator, share: float) -> None:
    """Wait until a file has come so far."""
    while True:
        event = await events.next(60)
        if isinstance(event, FileProgress) and event.done_b >= share * event.size_b:
            return


async def the_file(room: Room) -> Entry:
    while not (found := [one for one in await room.history() if one.kind == Kind.FILE]):
        await room._client.progress.wait()
    return found[-1]


async def test_a_relay_that_is_killed_twice_each_way(tmp_path: Path) -> None:
    """RLY-249, FIL-07: the file is whole, and each kill costs at most the parts that were on their way."""
    async with scene_of(tmp_path) as scene:
        path, events = large_file(tmp_path), scene.desk.events()
        sent = await scene.desk.rooms()[0].start_file(path)
        for share in (0.3, 0.6):
            await reaches(events, share)
            await asyncio.to_thread(scene.relay.restart)
        await sent.wait()
        assert PARTS <= scene.desk.client.files.parts_sent <= PARTS + 2 * IN_FLIGHT
        got, events = await the_file(scene.customer.rooms()[0]), scene.customer.events()
        saving = asyncio.create_task(got.save(tmp_path))
        for share in (0.3, 0.6):
            await reaches(events, share)
            await asyncio.to_thread(scene.relay.restart)
        assert (await saving).read_bytes() == path.read_bytes()


async def test_a_sender_that_ends_goes_on_when_it_is_opened(tmp_path: Path) -> None:
    """FIL-07, FIL-12: nobody waits for it any more, and the room has the file, once; no part is sent twice
    but those on their way.
    """
    async with scene_of(tmp_path) as scene:
        path, events = large_file(tmp_path), scene.desk.events()
        await scene.desk.rooms()[0].start_file(path)
        await reaches(events, 0.5)
        before = scene.desk.client.files
        await scene.desk_again()
        path.unlink()
        got = await the_file(scene.customer.rooms()[0])
        assert before.parts_sent + scene.desk.client.files.parts_sent <= PARTS + IN_FLIGHT
        assert (await got.save(tmp_path)).stat().st_size == SIZE_B - 16
        files = [one for one in await scene.desk.rooms()[0].history() if one.kind == Kind.FILE]
        assert len(files) == 1


async def test_a_receiver_that_ends_goes_on_where_it_was(tmp_path: Path) -> None:
    """FIL-16: parts that are on disk are not asked for again."""
    async with scene_of(tmp_path) as scene:
        path = large_file(tmp_path)
        await scene.desk.rooms()[0].send_file(path)
        got, events = await the_file(scene.customer.rooms()[0]), scene.customer.events()
        saving = asyncio.create_task(got.save(tmp_path))
        await reaches(events, 0.5)
        saving.cancel()
        await scene.customer_again()
        events = scene.customer.events()
        again = await the_file(scene.customer.rooms()[0])
        assert (await again.save(tmp_path)).read_bytes() == path.read_bytes()
        first = await events.next(60)
        while not isinstance(first, FileProgress):
            first = await events.next(60)
        assert first.done_b >= 0.5 * first.size_b
