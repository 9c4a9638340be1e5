"""A person's further device while the first one, which alone renews the list of devices, is not opened."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conversations import until, until_read
from e2ee_client.errors import DeviceListOver
from e2ee_client.opening import Opening
from e2ee_client.rooms import CompanyRoom, Customer, CustomerRoom, Entry, EntryProgress
from e2ee_client.runtime.transfer import Transfer
from e2ee_client.testing import FakeClock, MemoryNetwork
from file_scene import file
from practice import ORIGIN, Practice, practice

from e2ee.rooms.kinds import Kind

pytestmark = pytest.mark.asyncio
DAY_MS = 86_400_000
KEY = b"k" * 32


def opening(made: Practice, path: Path) -> Opening[Customer]:
    runtime = made.network.runtime()
    return Customer.open(path, key=KEY, company=ORIGIN, fetch=made.fetch, runtime=runtime, linkable=True)


async def days(clock: FakeClock, count: int) -> None:
    for _ in range(count):
        clock.advance(DAY_MS)
        await asyncio.sleep(0.1)


async def until_texts(room: CustomerRoom | CompanyRoom, wanted: list[str]) -> None:
    """Wait until a room shows these texts."""

    async def texts() -> list[str | None]:
        return [one.text for one in await room.texts()]

    await until_read(texts, wanted)


async def until_accepted(room: CustomerRoom, text: str, clock: FakeClock) -> Entry:
    """Send as soon as the device has its next list: what the company sent by that list may come before it."""
    async with asyncio.timeout(60):
        while True:
            with suppress(DeviceListOver):
                return await room.send(text)
            clock.advance(60_000)
            await asyncio.sleep(0.05)


async def linked(made: Practice, phone: Customer) -> Customer:
    """Let a second device in."""
    shown: list[str] = []
    async with await phone.link() as link:
        joining = Customer.join(
            None,
            link.text,
            company=ORIGIN,
            is_own=lambda _: True,
            show_digits=shown.append,
            fetch=made.fetch,
            runtime=made.network.runtime(),
        )
        coming = asyncio.ensure_future(joining)
        assert await link.digits(60)
        await link.confirm(120)
    return await coming


async def with_tablet(made: Practice, path: Path) -> tuple[Customer, CustomerRoom]:
    """Let a person link a device, and close the first one for good."""
    async with opening(made, path) as phone:
        room = await made.opened(phone)
        await (await room.send("vorher")).wait_for(EntryProgress.DELIVERED, 60)
        await phone.wait_settled(60)
        tablet = await linked(made, phone)
        await until(lambda: [one.room_id for one in tablet.rooms()] == [room.room_id])
        there = tablet.room(room.room_id)
        await until_texts(there, ["vorher"])
    return tablet, there


async def test_nothing_is_accepted_after_the_end_and_all_goes_on_with_the_first_device(
    tmp_path: Path,
) -> None:
    """ID-65, ID-36: no text is shown as sent that nobody takes, and what came meanwhile comes."""
    clock = FakeClock(speed=1.0)
    async with practice(MemoryNetwork(clock=clock)) as made:
        tablet, there = await with_tablet(made, tmp_path / "phone")
        async with tablet:
            await days(clock, 29)
            await (await there.send("am 29. Tag")).wait_for(EntryProgress.DELIVERED, 60)
            await days(clock, 3)
            with pytest.raises(DeviceListOver):
                await there.send("nie")
            theirs = made.company.room(there.room_id)
            await theirs.send("wartet")
            await days(clock, 5)
            seen = ["vorher", "am 29. Tag"]
            await until_texts(there, seen)
            async with opening(made, tmp_path / "phone") as phone:
                await phone.client.wait_online(60)

                async def texts() -> list[str]:
                    clock.advance(60_000)
                    return [one.text or "" for one in await there.texts()]

                await until_read(texts, [*seen, "wartet"])
                again = await until_accepted(there, "wieder da", clock)
                await again.wait_for(EntryProgress.DELIVERED, 60)
                await until_texts(theirs, [*seen, "wartet", "wieder da"])


async def test_what_was_under_way_at_the_end_does_not_stay_sent(tmp_path: Path) -> None:
    """ID-65, SES-37: where the company was away, and the first device is lost, it has failed in the end."""
    clock = FakeClock(speed=1.0)
    async with practice(MemoryNetwork(clock=clock)) as made:
        tablet, there = await with_tablet(made, tmp_path / "phone")
        async with tablet:
            await days(clock, 29)
            await made.company.close()
            entry = await there.send("unterwegs")
            await asyncio.sleep(0.5)
            assert (await there.entry(entry.hash)).progress is EntryProgress.SENT
            await days(clock, 20)
            await asyncio.sleep(1)
            assert (await there.entry(entry.hash)).progress is EntryProgress.FAILED


async def test_a_file_that_was_accepted_before_the_end_is_announced_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ID-65: its copy was destroyed though the relay had all of it; none is accepted after the end."""
    clock, asked, goes_on = FakeClock(speed=1.0), asyncio.Event(), asyncio.Event()
    put = Transfer.put

    async def slow(self: Transfer, *given: Any) -> Any:
        asked.set()
        await goes_on.wait()
        return await put(self, *given)

    monkeypatch.setattr(Transfer, "put", slow)
    async with practice(MemoryNetwork(clock=clock)) as made:
        tablet, there = await with_tablet(made, tmp_path / "phone")
        async with tablet:
            await days(clock, 28)
            await (await there.send("am 28. Tag")).wait_for(EntryProgress.DELIVERED, 60)
            await days(clock, 1)
            sent = await there.start_file(file(tmp_path))
            await asyncio.wait_for(asked.wait(), 30)
            await days(clock, 3)
            goes_on.set()
            entry = await asyncio.wait_for(sent.wait(), 30)
            assert entry.kind == Kind.FILE
            with pytest.raises(DeviceListOver):
                await there.start_file(file(tmp_path))
