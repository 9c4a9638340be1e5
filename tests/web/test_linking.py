"""Further devices on the screens of the room: a browser takes Python in, and the other way round."""

from __future__ import annotations

import asyncio
from typing import Final

import browsers
import pytest
from conversations import until, until_read
from e2ee_client.rooms import Company, Customer, EntryProgress
from playwright.async_api import FrameLocator
from web_release import company, opened, proxy, relay, site, visitor, written

__all__ = ["company", "proxy", "relay", "site", "visitor"]
pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.processes,
    pytest.mark.parametrize("browser_name", ["chromium"], indirect=True),
]
ORIGIN: Final = "https://praxis.example"
ELSEWHERE: Final = "Ich schreibe schon auf einem anderen Gerät"


@pytest.fixture
def linkable(site: browsers.Site) -> browsers.Site:
    """Rooms that may have further devices, as their own page says (CNS-84)."""
    room = site.files["/room.html"]
    assert isinstance(room, browsers.Answer)
    own = b'<body data-storage="recoverable" data-linkable="yes"'
    body = room.body.replace(b'<body data-storage="device" data-linkable="no"', own)
    site.files["/room.html"] = browsers.Answer(body, room.headers)
    return site


async def shown_digits(room: FrameLocator) -> str:
    """The six digits on the screen."""
    await room.locator(".digits").wait_for()
    return "".join(one for one in await room.locator(".digits").inner_text() if one.isdigit())


async def texts_of(room: object) -> list[str | None]:
    """What was said, for a device in Python."""
    return [one.text for one in await room.texts()]  # type: ignore[attr-defined]  # a room of either side


async def test_a_browser_takes_a_device_in_python_in(
    visitor: browsers.Visitor, linkable: browsers.Site, company: Company
) -> None:
    """ACC-50, ACC-52: code and digits on the screen, and what was said before on the new device."""
    _, room = await opened(visitor, linkable)
    await room.get_by_role("button", name="Einverstanden, weiter").click()
    await written(room, "Aus dem Browser")
    await room.get_by_text("Angekommen").wait_for()
    await room.get_by_role("button", name="Mehr").click()
    await room.get_by_role("menuitem", name="Ihre Geräte").click()
    await room.get_by_role("button", name="Weiteres Gerät").click()
    text = await room.get_by_role("textbox", name="Der Code als Text").input_value()
    await until_read(room.get_by_role("img", name="Der Code als Bild").count, 1)
    seen: list[str] = []

    async def fetch(_: str) -> bytes:
        return await company.door()

    async def join() -> Customer:
        return await Customer.join(
            None, text, company=ORIGIN, is_own=lambda _: True, show_digits=seen.append, fetch=fetch
        )

    coming = asyncio.create_task(join())
    assert await shown_digits(room) == (await until_seen(seen))
    await room.get_by_role("button", name="Ja, dieselbe Zahl").click()
    await room.get_by_text("Das Gerät gehört jetzt dazu.").wait_for()
    async with await coming as phone:
        await until(lambda: len(phone.rooms()) == 1)
        (there,) = phone.rooms()
        await until_read(lambda: texts_of(there), ["Aus dem Browser"])
        await there.send("Vom Telefon")
        await room.get_by_role("log").get_by_text("Vom Telefon").wait_for()


async def until_seen(seen: list[str]) -> str:
    """Wait until digits were shown."""
    await until(lambda: seen != [])
    return seen[-1]


async def test_a_browser_becomes_a_further_device_of_python(
    visitor: browsers.Visitor, linkable: browsers.Site, company: Company
) -> None:
    """ACC-51: the person is asked first, a wrong code is said, and the room with all that was said comes."""

    async def fetch(_: str) -> bytes:
        return await company.door()

    async with Customer.open(None, company=ORIGIN, fetch=fetch, linkable=True) as phone:
        mine = await phone.accept(await phone.notice())
        await (await mine.send("Vom Telefon")).wait_for(EntryProgress.DELIVERED, 60)
        _, room = await opened(visitor, linkable)
        await room.get_by_role("button", name=ELSEWHERE).click()
        field = room.get_by_role("textbox", name="Code vom anderen Gerät")
        await field.fill("falsch")
        await room.get_by_role("button", name="Weiter", exact=True).click()
        await room.get_by_text("Dieser Code passt nicht").wait_for()
        await room.get_by_role("button", name="Noch einmal").click()
        async with await phone.link() as link:
            await field.fill(link.text)
            await room.get_by_role("button", name="Weiter", exact=True).click()
            await room.get_by_role("button", name="Ja, es ist meins").click()
            assert await shown_digits(room) == await link.digits(60)
            await link.confirm(120)
        await room.get_by_text("Dieses Gerät gehört jetzt dazu.").wait_for()
        await room.get_by_role("button", name="Fertig").click()
        await room.get_by_role("log").get_by_text("Vom Telefon").wait_for()
        await written(room, "Aus dem Browser")
        await until_read(lambda: texts_of(mine), ["Vom Telefon", "Aus dem Browser"])
