"""The story of `make room` in a browser, and its pictures: a customer on a phone, a clerk at the desk.

    python tests/support/room_pictures.py

writes `docs/images/customer.png` and `docs/images/desk.png`.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

import browsers
import checkout
from e2ee_client.desk import Served
from playwright.async_api import Browser, FrameLocator, Page, async_playwright

from demo.web_room import rooms

PICTURES: Final = checkout.ROOT / "docs/images"
PHONE: Final = {"viewport": {"width": 390, "height": 780}, "device_scale_factor": 2, "locale": "de-DE"}
DESK: Final = {"viewport": {"width": 1280, "height": 800}, "locale": "de-DE"}
QUESTION: Final = "Guten Tag, ich brauche ein Folgerezept für Ramipril 5 mg."
ANSWER: Final = "Guten Tag, hier ist Sommer. Das Rezept liegt ab 14 Uhr bereit."
THANKS: Final = "Vielen Dank, das ging schnell."


class Story:
    """What both sides see; `complaints` are errors and violations of policies on either page."""

    def __init__(self, customer: browsers.Visitor, clerk: browsers.Visitor) -> None:
        self._customer, self._clerk = customer, clerk

    @property
    def complaints(self) -> list[str]:
        """What the pages complained of."""
        return [*self._customer.take_complaints(), *self._clerk.take_complaints()]

    async def play(self, address: str, desk: Served, folder: Path) -> None:
        """A question, an answer at the desk, thanks; a picture of each side goes into the folder."""
        page, room = await self._accepted(address)
        await self._write(room, QUESTION)
        clerk = await self._clerk.open(desk.address())
        await self._answered(clerk)
        await room.get_by_role("log").get_by_text(ANSWER).wait_for()
        await self._write(room, THANKS)
        await clerk.locator("seal-messages .bubble").get_by_text(THANKS).wait_for()
        await room.get_by_text("Angekommen").last.wait_for()
        await clerk.locator(".item .count").wait_for(state="detached")
        await page.screenshot(path=folder / "customer.png")
        await clerk.screenshot(path=folder / "desk.png")

    async def _accepted(self, address: str) -> tuple[Page, FrameLocator]:
        page = await self._customer.open(address)
        await page.get_by_role("button", name="Nachricht schreiben").click()
        room = page.frame_locator("seal-room iframe")
        await room.get_by_role("button", name="Einverstanden, weiter").click()
        await room.get_by_text("Was können wir für Sie tun?").wait_for()
        return page, room

    @staticmethod
    async def _write(room: FrameLocator, text: str) -> None:
        field = room.get_by_role("textbox", name="Nachricht")
        await field.fill(text)
        await field.press("Enter")
        await room.get_by_role("log").get_by_text(text).wait_for()

    @staticmethod
    async def _answered(clerk: Page) -> None:
        warning = clerk.get_by_role("button", name="Verstanden")
        item = clerk.locator(".item").get_by_text("wartet")
        await warning.or_(item).first.wait_for()
        if await warning.is_visible():
            await warning.click()
        await item.wait_for()
        await clerk.keyboard.press("n")
        await clerk.get_by_text("Sie kümmern sich darum.").wait_for()
        await clerk.locator("seal-messages .bubble").get_by_text(QUESTION).wait_for()
        await clerk.get_by_role("textbox", name="Nachricht").fill(ANSWER)
        await clerk.keyboard.press("Enter")


async def take(browser: Browser, work: Path, folder: Path) -> list[str]:
    """Start everything below `work`, play, and write both pictures into `folder`; return the complaints."""
    async with (
        rooms(work) as stage,
        browsers.visiting(browser, **PHONE) as customer,
        browsers.visiting(browser, **DESK) as clerk,
    ):
        story = Story(customer, clerk)
        await story.play(stage.page, stage.desks[0][1], folder)
        return story.complaints


async def _main() -> int:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        async with async_playwright() as playwright, browsers.started(playwright, "chromium") as browser:
            complaints = await take(browser, Path(work), PICTURES)
    print("\n".join(complaints))
    return int(bool(complaints))


if __name__ == "__main__":
    sys.path.insert(0, str(checkout.ROOT))
    sys.exit(asyncio.run(_main()))
