"""A file over real sockets, while relay, sender and receiver end in the middle (FIL-07, FIL-12, FIL-16)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from e2ee_client.rooms import FileProgress
from e2ee_client.runtime.transfer import IN_FLIGHT, parts_of
from file_kill_scene import large_file, reaches, saved_over_kills, scene_of, sent_over_kills, the_file

from e2ee.files import sealed_size
from e2ee.rooms.kinds import Kind

pytestmark = pytest.mark.processes
SIZE_B = 4 << 20
PARTS = parts_of(sealed_size(SIZE_B))


async def test_a_relay_that_is_killed_twice_each_way(tmp_path: Path) -> None:
    """RLY-249, FIL-07: the file is whole, and each kill costs at most the parts that were on their way."""
    async with scene_of(tmp_path) as scene:
        path = large_file(tmp_path, SIZE_B)
        assert PARTS <= await sent_over_kills(scene, path) <= PARTS + 2 * IN_FLIGHT
        assert (await saved_over_kills(scene, tmp_path)).read_bytes() == path.read_bytes()


async def test_a_sender_that_ends_goes_on_when_it_is_opened(tmp_path: Path) -> None:
    """FIL-07, FIL-12: nobody waits for it any more, and the room has the file, once; no part is sent twice
    but those on their way.
    """
    async with scene_of(tmp_path) as scene:
        path, events = large_file(tmp_path, SIZE_B), scene.desk.events()
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
        path = large_file(tmp_path, SIZE_B)
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
