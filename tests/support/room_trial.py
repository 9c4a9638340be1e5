"""A whole conversation over `make room` in real browsers: consent, text, file, reload, second tab, a relay
that is killed and comes back, another agent, withdrawal, erased on both sides.

    python tests/support/room_trial.py FOLDER

plays it in Chromium and in Firefox, leaves a picture of each side after each step in FOLDER, prints what the
pages complained of and what axe finds, and ends with 1 where that is anything.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

import browsers
import checkout
import web_pictures
from interop_ends import CAPTURE
from playwright.async_api import Browser, FrameLocator, Page, async_playwright

from demo.web_room import Stage, rooms

PHONE: Final = {"viewport": {"width": 390, "height": 780}, "locale": "de-DE"}
DESK: Final = {"viewport": {"width": 1280, "height": 800}, "locale": "de-DE"}
_REPORT: Final = b"Befund: alles in Ordnung.\n" * 1_000
_GONE: Final = "Diese Nachricht wurde gelöscht."


class Trial:
    """One customer on a phone and the desks of two agents; `found` is what was wrong."""

    def __init__(self, browser: Browser, stage: Stage, folder: Path) -> None:
        self._browser, self._stage, self._folder = browser, stage, folder
        self._visitors: dict[str, browsers.Visitor] = {}
        self._pages: dict[str, Page] = {}
        self._steps = 0
        self.found: list[str] = []

    async def play(self) -> list[str]:
        """Do all of it; return what the pages complained of and what axe finds."""
        new = [browsers.visiting(self._browser, **size) for size in (PHONE, DESK, DESK)]
        async with new[0] as customer, new[1] as sommer, new[2] as winter:
            self._visitors = {"customer": customer, "Sommer": sommer, "Winter": winter}
            await self._story(customer, sommer, winter)
            return self.found

    async def _story(
        self, customer: browsers.Visitor, sommer: browsers.Visitor, winter: browsers.Visitor
    ) -> None:
        page, room = await self._accepted(customer)
        desk = await self._answered(sommer, room)
        await self._file_is_sent(room, desk)
        room = await self._page_is_loaded_anew(page)
        room = await self._second_tab(customer, page, room)
        await self._relay_is_killed(room, desk)
        other = await self._handed_over(winter, desk, room)
        await self._withdrawn_and_erased(room, other)

    def _hear(self, expected: str = "\n") -> None:
        """Note what pages have complained of, but for what says `expected`."""
        for name, visitor in self._visitors.items():
            self.found += [f"{name}: {one}" for one in visitor.take_complaints() if expected not in one]

    async def _look(self, step: str) -> None:
        """Take a picture of each page; axe looks at it. What a page says of axe is no complaint."""
        self._hear()
        self._steps += 1
        begins = f"{self._browser.browser_type.name}-{self._steps:02}-{step}"
        for name, page in self._pages.items():
            await page.screenshot(path=self._folder / f"{begins}-{name}.png", caret="initial")
            for frame in page.frames:
                self.found += [f"{step}, {name}: {one}" for one in await web_pictures.barriers(frame)]
        for visitor in self._visitors.values():
            visitor.take_complaints()

    async def _accepted(self, customer: browsers.Visitor) -> tuple[Page, FrameLocator]:
        page = self._pages["customer"] = await self._opened(customer)
        room = page.frame_locator("seal-room iframe")
        await room.get_by_role("heading", name="Bevor Sie schreiben").wait_for()
        await self._look("notice")
        await room.get_by_role("button", name="Einverstanden, weiter").click()
        await room.get_by_text("Was können wir für Sie tun?").wait_for()
        await _written(room, "Guten Tag, ich brauche ein Rezept.")
        await room.get_by_text("Angekommen").last.wait_for()
        await self._look("accepted")
        return page, room

    async def _opened(self, customer: browsers.Visitor) -> Page:
        page = await customer.open(self._stage.page)
        await page.emulate_media(reduced_motion="reduce")  # what is just coming has little contrast
        await page.get_by_role("button", name="Nachricht schreiben").click()
        return page

    async def _desk(self, visitor: browsers.Visitor, number: int) -> Page:
        desk = await visitor.open(self._stage.desks[number][1].address())
        await desk.emulate_media(reduced_motion="reduce")
        await desk.locator(".queue").wait_for()
        warning = desk.get_by_role("button", name="Verstanden")
        await warning.or_(desk.locator(".item").first).first.wait_for()
        if await warning.is_visible():
            await warning.click()
        return desk

    async def _answered(self, visitor: browsers.Visitor, room: FrameLocator) -> Page:
        desk = self._pages["Sommer"] = await self._desk(visitor, 0)
        await desk.locator(".item").get_by_text("wartet").wait_for()
        await desk.keyboard.press("n")
        await desk.get_by_text("Sie kümmern sich darum.").wait_for()
        await _written(desk, "Gern, für welches Mittel?")
        await room.get_by_role("log").get_by_text("Gern, für welches Mittel?").wait_for()
        await self._look("answered")
        return desk

    async def _file_is_sent(self, room: FrameLocator, desk: Page) -> None:
        files = room.locator("seal-composer input[type=file]")
        await files.set_input_files({"name": "Befund.txt", "mimeType": "text/plain", "buffer": _REPORT})
        await room.get_by_role("list", name="Gewählte Dateien").get_by_text("Befund.txt").wait_for()
        await room.get_by_role("button", name="Senden", exact=True).click()
        file = desk.locator("seal-messages .file").filter(has_text="Befund.txt")
        await desk.evaluate(CAPTURE)
        await file.get_by_role("button", name="Speichern").click()
        if await desk.evaluate("() => offered") != _REPORT.decode():
            self.found.append("the file that the desk saved is another one")
        await self._look("file")

    async def _page_is_loaded_anew(self, page: Page) -> FrameLocator:
        await page.reload()
        await page.get_by_role("button", name="Nachricht schreiben").click()
        room = page.frame_locator("seal-room iframe")
        for text in ("Guten Tag, ich brauche ein Rezept.", "Gern, für welches Mittel?", "Befund.txt"):
            await room.get_by_role("log").get_by_text(text).wait_for()
        await self._look("reloaded")
        return room

    async def _second_tab(self, customer: browsers.Visitor, page: Page, room: FrameLocator) -> FrameLocator:
        second = self._pages["customer"] = await self._opened(customer)
        other = second.frame_locator("seal-room iframe")
        await other.get_by_role("log").get_by_text("Gern, für welches Mittel?").wait_for()
        await _written(other, "Ramipril 5 mg, aus dem zweiten Fenster.")
        await room.get_by_role("log").get_by_text("aus dem zweiten Fenster").wait_for()
        await page.close()
        await other.get_by_text("Angekommen").last.wait_for()
        await self._look("second-tab")
        return other

    async def _relay_is_killed(self, room: FrameLocator, desk: Page) -> None:
        await self._stage.relay.kill()
        await _written(room, "Kommt das trotzdem an?")
        await room.get_by_text("Keine Verbindung").first.wait_for()
        self._hear(expected=self._stage.relay.url)
        await self._look("relay-is-down")
        await self._stage.relay.start()
        # Each side tries again within a minute; Firefox delays who has failed before by as much.
        await (
            desk.locator("seal-messages .bubble")
            .get_by_text("Kommt das trotzdem an?")
            .wait_for(timeout=240_000)
        )
        await _written(desk, "Ja, es ist da.")
        await room.get_by_role("log").get_by_text("Ja, es ist da.").wait_for()
        # That a WebSocket was refused a browser says in the console by itself.
        self._hear(expected=self._stage.relay.url)
        await self._look("relay-is-back")

    async def _handed_over(self, visitor: browsers.Visitor, desk: Page, room: FrameLocator) -> Page:
        await desk.get_by_role("button", name="Übergeben", exact=True).click()
        await desk.get_by_label("An wen").select_option(label="Herr Winter (Team)")
        await desk.get_by_label("Notiz für das Team").fill("Bitte das Rezept ausstellen")
        await desk.get_by_role("dialog").get_by_role("button", name="Übergeben").click()
        await desk.locator(".toast").get_by_text("Das Gespräch ist übergeben.").wait_for()
        other = self._pages["Winter"] = await self._desk(visitor, 1)
        await other.locator(".item").click()
        # What was said before comes after a minute, since a file is among it (ROOM-57).
        before = other.locator("seal-messages .bubble").get_by_text("Kommt das trotzdem an?")
        await before.wait_for(timeout=150_000)
        await _written(other, "Winter hier: Das Rezept ist fertig.")
        await room.get_by_role("log").get_by_text("Das Rezept ist fertig").wait_for()
        await self._look("handed-over")
        return other

    async def _withdrawn_and_erased(self, room: FrameLocator, desk: Page) -> None:
        await room.get_by_role("button", name="Mehr").click()
        await room.get_by_role("menuitem", name="Einwilligung widerrufen").click()
        await room.get_by_role("dialog").get_by_role("button", name="Widerrufen").click()
        await room.get_by_text("hat die Löschung bestätigt").wait_for()
        await room.get_by_text(_GONE).first.wait_for()
        await (
            desk.get_by_role("main")
            .get_by_text("Einwilligung widerrufen")
            .or_(desk.get_by_text("Das Gespräch ist gelöscht."))
            .first.wait_for()
        )
        await self._look("withdrawn")
        for name, page in self._pages.items():
            for frame in page.frames:
                shown = await frame.evaluate("() => document.body.innerText")
                left = [one for one in ("Ramipril", "Befund.txt") if one in shown]
                self.found += [f"{name} still shows {one}" for one in left]


async def _written(room: FrameLocator | Page, text: str) -> None:
    field = room.get_by_role("textbox", name="Nachricht")
    await field.fill(text)
    await field.press("Enter")
    await room.locator("seal-messages .bubble").get_by_text(text).wait_for()


async def played(browser: Browser, work: Path, folder: Path) -> list[str]:
    """Start everything below `work` and play; pictures go into `folder`; return what was wrong."""
    async with rooms(work) as stage:
        return await Trial(browser, stage, folder).play()


async def _main(folder: Path) -> int:
    found: list[str] = []
    async with async_playwright() as playwright:
        for name in browsers.NAMES:
            with tempfile.TemporaryDirectory() as work:
                async with browsers.started(playwright, name) as browser:
                    found += [f"{name}: {one}" for one in await played(browser, Path(work), folder)]
            print(f"{name} played", flush=True)
    print("\n".join(found))
    return int(bool(found))


if __name__ == "__main__":
    sys.path.insert(0, str(checkout.ROOT))
    Path(sys.argv[1]).mkdir(exist_ok=True)
    sys.exit(asyncio.run(_main(Path(sys.argv[1]))))
