"""A person's further device: code, digits, rooms, and what a stranger's or a photographed code does."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from conversations import until, until_read
from e2ee_client import inviting
from e2ee_client.errors import (
    ConfigError,
    InviteClock,
    InviteExpired,
    InviteInvalid,
    InviteLeft,
    InviteShared,
    TooManyDevices,
    UnknownDevice,
)
from e2ee_client.events import DeviceRemoved, NewDevice
from e2ee_client.opening import Runtime
from e2ee_client.rooms import Customer, CustomerRoom, EntryProgress
from e2ee_client.rooms.errors import LinkRefused
from e2ee_client.rooms.linking import Link, LinkOffer
from e2ee_client.runtime.clock import Clock
from e2ee_client.testing import FakeClock, MemoryNetwork
from practice import ORIGIN, Practice, practice

from e2ee.card import parse
from e2ee.errors import NoRight
from e2ee.identity import DeviceKind
from e2ee.rooms.invite import Welcome, new_invite

pytestmark = pytest.mark.asyncio
DAY_MS = 86_400_000


class Screen:
    """What the new device shows, and what its person says."""

    def __init__(self, *, is_own: bool = True) -> None:
        self.digits = ""
        self.offers: list[LinkOffer] = []
        self._is_own = is_own

    def show(self, digits: str) -> None:
        """Show six digits."""
        self.digits = digits

    def is_own(self, offer: LinkOffer) -> bool:
        """Answer whether the other device is the person's own."""
        self.offers.append(offer)
        return self._is_own


@asynccontextmanager
async def person(made: Practice) -> AsyncIterator[tuple[Customer, CustomerRoom]]:
    """Somebody who may link devices, and has written."""
    runtime = made.network.runtime()
    opening = Customer.open(None, company=ORIGIN, fetch=made.fetch, runtime=runtime, linkable=True)
    async with opening as phone:
        room = await made.opened(phone)
        await (await room.send("vorher")).wait_for(EntryProgress.DELIVERED, 60)
        await phone.wait_settled(60)
        yield phone, room


async def join(made: Practice, text: str, screen: Screen, runtime: Runtime | None = None) -> Customer:
    """Come as the new device."""
    return await Customer.join(
        None,
        text,
        company=ORIGIN,
        is_own=screen.is_own,
        show_digits=screen.show,
        fetch=made.fetch,
        runtime=runtime or made.network.runtime(),
    )


async def linked(made: Practice, phone: Customer) -> tuple[Customer, bytes]:
    """Let a second device in, as the person would do."""
    screen = Screen()
    async with await phone.link() as link:
        joining = asyncio.create_task(join(made, link.text, screen))
        digits = await link.digits(60)
        await until(lambda: screen.digits != "")
        assert digits == screen.digits
        device_id = await link.confirm(120)
    tablet = await joining
    assert [one.origin for one in screen.offers] == [ORIGIN]
    return tablet, device_id


async def test_a_second_device_has_the_rooms_and_the_company_sees_it() -> None:
    """ACC-50 to ACC-52, ROOM-38: history comes, both write, the company is told; it is struck off."""
    async with practice(MemoryNetwork()) as made, person(made) as (phone, room):
        events = made.company.client.events()
        tablet, device_id = await linked(made, phone)
        async with tablet:
            await until(lambda: [one.room_id for one in tablet.rooms()] == [room.room_id])
            there = tablet.room(room.room_id)
            async for event in events:
                if isinstance(event, NewDevice):
                    assert event.device_id == device_id
                    break
            await until_texts(there, ["vorher"])
            await (await there.send("vom Tablet")).wait_for(EntryProgress.DELIVERED, 60)
            await until_texts(made.company.room(room.room_id), ["vorher", "vom Tablet"])
            await until_texts(room, ["vorher", "vom Tablet"])
            assert {one.device_id for one in phone.devices()} == {one.device_id for one in tablet.devices()}
            await phone.remove_device(device_id)
            async for event in events:
                if isinstance(event, DeviceRemoved):
                    assert event.device_id == device_id
                    break
            with pytest.raises(UnknownDevice):
                await phone.give_rooms(bytes(16), 1)


async def test_a_device_that_is_being_struck_off_is_given_nothing_more() -> None:
    """ACC-52: neither what is written nor the rooms, as long as the directory still names it."""
    async with practice(MemoryNetwork()) as made, person(made) as (phone, room):
        tablet, device_id = await linked(made, phone)
        async with tablet:
            await until(lambda: [one.room_id for one in tablet.rooms()] == [room.room_id])
            machine = room._client.shell.machine
            states = machine._context.rooms._loaded[room.room_id].states
            us = machine._state.own.device.record.device_id
            assert {us, device_id} == set(states.customers()) == set(states.receiving())
            for one in machine._state.own_devices.values():
                one.leaving = True
            assert [us] == states.receiving()
            assert states.authors(()) == []
            assert device_id in states.customers()
            await (await room.send("danach")).wait_for(EntryProgress.DELIVERED, 60)
            with pytest.raises(NoRight):
                await phone.give_rooms(device_id, 60)


async def until_texts(room: object, wanted: list[str]) -> None:
    """Wait until a room shows these texts."""

    async def texts() -> list[str]:
        return [one.text for one in await room.texts()]  # type: ignore[attr-defined]  # a room of either side

    await until_read(texts, wanted)


async def test_a_photographed_code_used_second_ends_the_link_and_is_shown_on_both() -> None:
    """ACC-34, ACC-53: whoever comes second ends it; nobody was added, and each screen says so."""
    async with practice(MemoryNetwork()) as made, person(made) as (phone, _):
        first, second = Screen(), Screen()
        async with await phone.link() as link:
            own = asyncio.create_task(join(made, link.text, first))
            await link.digits(60)
            thief = asyncio.create_task(join(made, link.text, second))
            with pytest.raises(InviteShared):
                await _second_has_come(link)
            with pytest.raises(InviteShared):
                await link.confirm(60)
        for one in (own, thief):
            with pytest.raises(InviteInvalid):
                await one
        assert len(phone.devices()) == 1


async def _second_has_come(link: Link) -> None:
    for _ in range(600):
        await link.digits(60)
        await asyncio.sleep(0.05)


async def test_nobody_is_confirmed_while_two_devices_are_being_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """ACC-34: the link has ended before anybody is told, and both are told though it is closed meanwhile."""
    async with practice(MemoryNetwork()) as made, person(made) as (phone, _):
        ended, go = asyncio.Event(), asyncio.Event()
        really = inviting.Invitation._tell_end

        async def tell(invitation: inviting.Invitation, message: bytes) -> None:
            ended.set()
            await go.wait()
            await really(invitation, message)

        monkeypatch.setattr(inviting.Invitation, "_tell_end", tell)
        async with await phone.link() as link:
            own = asyncio.create_task(join(made, link.text, Screen()))
            await link.digits(60)
            thief = asyncio.create_task(join(made, link.text, Screen()))
            await ended.wait()
            with pytest.raises(InviteShared):
                await link.confirm(60)
            asyncio.get_running_loop().call_later(0.1, go.set)
        for one in (own, thief):
            with pytest.raises(InviteInvalid):
                await one
        assert len(phone.devices()) == 1


async def test_a_device_that_left_before_it_was_told_is_struck_off_again() -> None:
    """ACC-54: it is said so, once more as well, and the account goes on with the devices that it had."""
    async with practice(MemoryNetwork()) as made, person(made) as (phone, _):
        screen = Screen()
        async with await phone.link() as link:
            leaving = asyncio.create_task(join(made, link.text, screen))
            await link.digits(60)
            await until(lambda: screen.digits != "")
            leaving.cancel()
            await asyncio.wait([leaving])
            for _ in range(2):
                with pytest.raises(InviteLeft):
                    await link.confirm(60)
        await until(lambda: len(phone.devices()) == 1)
        tablet, _ = await linked(made, phone)
        await tablet.close()


class OtherClock:
    """A clock that goes as another one does, by so much ahead of it."""

    def __init__(self, clock: Clock, ahead_ms: int) -> None:
        self._clock = clock
        self._ahead_ms = ahead_ms

    def now_ms(self) -> int:
        """Return the Unix time."""
        return self._clock.now_ms() + self._ahead_ms

    async def wait_until(self, deadline_ms: int) -> None:
        """Wait for a time."""
        await self._clock.wait_until(deadline_ms - self._ahead_ms)


@pytest.mark.parametrize("days", [-2, 2])
async def test_a_new_device_of_another_date_is_refused_and_both_are_told(
    days: int, caplog: pytest.LogCaptureFixture
) -> None:
    """ACC-35, ACC-53: as a matter of clocks, of no second device; and in no log."""
    clock = FakeClock(speed=1.0)
    async with practice(MemoryNetwork(clock=clock)) as made, person(made) as (phone, _):
        clock.advance(3 * DAY_MS)
        theirs = replace(made.network.runtime(), clock=OtherClock(clock, days * DAY_MS))
        async with await phone.link() as link:
            joining = asyncio.create_task(join(made, link.text, Screen(), theirs))
            for step in (link.digits, link.confirm):
                with pytest.raises(InviteClock):
                    await step(60)
        with pytest.raises(InviteInvalid):
            await joining
        assert len(phone.devices()) == 1
        del link, step
        gc.collect()
    assert "never retrieved" not in caplog.text


async def test_a_code_used_after_the_link_was_confirmed_leads_nowhere() -> None:
    """ACC-32: the place is gone with the link."""
    async with practice(MemoryNetwork()) as made, person(made) as (phone, _):
        screen = Screen()
        async with await phone.link() as link:
            text = link.text
            joining = asyncio.create_task(join(made, text, screen))
            await link.digits(60)
            await link.confirm(120)
        async with await joining:
            with pytest.raises(InviteExpired):
                await join(made, text, Screen())
            assert len(phone.devices()) == 2


async def test_a_code_used_while_the_confirmed_device_is_let_in_is_told_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ACC-34, ACC-53: the second device alone; the one that a person has confirmed is in."""
    async with practice(MemoryNetwork()) as made, person(made) as (phone, _):
        async with await phone.link() as link:
            text, really = link.text, inviting.Invitation._tell_in

            async def tell_in(
                invitation: inviting.Invitation, welcome: Welcome, timeout_s: float | None
            ) -> None:
                with pytest.raises(InviteInvalid):
                    await asyncio.wait_for(join(made, text, Screen()), 20)
                await really(invitation, welcome, timeout_s)

            monkeypatch.setattr(inviting.Invitation, "_tell_in", tell_in)
            joining = asyncio.create_task(join(made, text, Screen()))
            await link.digits(60)
            await link.confirm(120)
        async with await joining:
            assert len(phone.devices()) == 2


async def test_a_strangers_code_is_refused_before_anything_leaves() -> None:
    """ACC-51: the person says that the other device is not its own, or the code is about another company."""
    network = MemoryNetwork()
    async with (
        practice(network) as made,
        practice(network, "https://andere.example") as other,
        person(made) as (stranger, _),
    ):
        async with await stranger.link() as link:
            refusing = Screen(is_own=False)
            with pytest.raises(LinkRefused):
                await asyncio.wait_for(join(made, link.text, refusing), 30)
            assert [one.origin for one in refusing.offers] == [ORIGIN]
            with pytest.raises(InviteInvalid):
                await Customer.join(
                    None,
                    link.text,
                    company="https://andere.example",
                    is_own=Screen().is_own,
                    show_digits=Screen().show,
                    fetch=lambda _: _door(other),
                    runtime=network.runtime(),
                )
        for text in ("", "a b c", link_of_a_company(made), link_text_cut(link)):
            with pytest.raises(InviteInvalid):
                await join(made, text, Screen())
        assert len(stranger.devices()) == 1


async def _door(made: Practice) -> bytes:
    return made.door


async def test_a_code_that_leads_to_another_relay_is_refused_before_anything_leaves() -> None:
    """ACC-51: somebody else's text about this company, whose account is at a relay of their own."""
    async with practice(MemoryNetwork()) as made, person(made) as (phone, _), await phone.link() as link:
        account, code, card = link.text.split()
        moved = replace(parse(account), relay_url="wss://andere.example").to_uri()
        opened, screen = made.network.opened, Screen(is_own=False)
        with pytest.raises(InviteInvalid):
            await join(made, f"{moved} {code} {card}", screen)
        assert (made.network.opened, screen.offers) == (opened, [])


@pytest.mark.parametrize(("kind", "front_desk"), [(DeviceKind.AGENT, False), (DeviceKind.PERSON, True)])
async def test_a_code_for_a_companys_device_is_refused_before_anything_leaves(
    kind: DeviceKind, front_desk: bool
) -> None:
    """ACC-51: of another kind, or with a flag."""
    async with practice(MemoryNetwork()) as made, person(made) as (phone, _), await phone.link() as link:
        account, _, card = link.text.split()
        other, _ = new_invite(parse(account).account_id, kind, front_desk=front_desk, rng=os.urandom)
        opened, screen = made.network.opened, Screen(is_own=False)
        with pytest.raises(InviteInvalid):
            await join(made, f"{account} {other.code} {card}", screen)
        assert (made.network.opened, screen.offers) == (opened, [])


def link_of_a_company(made: Practice) -> str:
    """The card of a company in the place of each part."""
    card = made.company.client.card().to_uri()
    return f"{card} {card} {card}"


def link_text_cut(link: Link) -> str:
    """A text that was cut."""
    return link.text.rsplit(" ", 1)[0]


async def test_a_fifth_device_is_refused_before_a_code_is_shown() -> None:
    """ACC-50, ROOM-03: four have the room; a code that was shown before the fourth came takes in no fifth."""
    async with practice(MemoryNetwork()) as made, person(made) as (phone, room):
        tablets = [(await linked(made, phone))[0] for _ in range(2)]
        screen = Screen()
        async with await phone.link() as early:
            joining = asyncio.create_task(join(made, early.text, screen))
            await early.digits(60)
            tablets.append((await linked(made, phone))[0])
            with pytest.raises(TooManyDevices):
                await early.confirm(60)
            with pytest.raises(TooManyDevices):
                await phone.link()
        joining.cancel()
        for one in tablets:
            await until(lambda: [found.room_id for found in one.rooms()] == [room.room_id])  # noqa: B023
            await one.close()
        assert len(phone.devices()) == 4


async def test_an_account_without_a_directory_entry_links_nothing() -> None:
    """ACC-50: it was not made for further devices."""
    async with practice(MemoryNetwork()) as made:
        customer = await made.customer()
        await made.opened(customer)
        with pytest.raises(ConfigError):
            await customer.link()
