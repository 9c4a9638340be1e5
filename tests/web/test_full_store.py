"""A room whose device has no room: what a person sees, and that nothing is lost either way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import browsers
import pytest
from conversations import until_read
from e2ee_client.rooms import Company
from playwright.async_api import FilePayload, FrameLocator, Page
from web_release import CHAT, company, opened, proxy, relay, site, visitor, written

__all__ = ["company", "proxy", "relay", "site", "visitor"]
pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.processes,
    # Only here can the quota of an origin be set while it is open.
    pytest.mark.parametrize("browser_name", ["chromium"], indirect=True),
]
SMALL: FilePayload = {"name": "Befund.txt", "mimeType": "text/plain", "buffer": b"Guten Tag"}
# A few bytes beside the room's own: refused by the same quota.
WRITE = """() => new Promise((done) => {
  const opening = indexedDB.open("beside", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("all", { autoIncrement: true });
  opening.onerror = () => done(false);
  opening.onsuccess = () => {
    const writing = opening.result.transaction("all", "readwrite", { durability: "strict" });
    writing.objectStore("all").put(new Uint8Array(65_536));
    const end = (isIn) => () => { opening.result.close(); done(isIn); };
    writing.oncomplete = end(true); writing.onabort = end(false);
  };
})"""


@asynccontextmanager
async def without_room(page: Page, site: browsers.Site) -> AsyncIterator[None]:
    """Leave the room's origin one byte, until the block ends."""
    devtools = await page.context.new_cdp_session(page)
    wanted = {"origin": site.origin(CHAT), "quotaSize": 1}
    await devtools.send("Storage.overrideQuotaForOrigin", wanted)

    async def is_written() -> bool:
        return bool(await page.frames[1].evaluate(WRITE))

    await until_read(is_written, False)
    yield
    await devtools.detach()
    await until_read(is_written, True)


async def texts_of(room: FrameLocator) -> list[str]:
    return await room.get_by_role("log").locator(".text").all_inner_texts()


@pytest.mark.audit_only
async def test_what_does_not_fit_stays_with_who_wrote_it_and_comes_when_there_is_room(
    visitor: browsers.Visitor, site: browsers.Site, company: Company
) -> None:
    """STO-09, STO-41: a text stays in its field, a file stays chosen, what comes waits at the relay."""
    page, room = await opened(visitor, site)
    await room.get_by_role("button", name="Einverstanden, weiter").click()
    await written(room, "Guten Tag")
    await room.get_by_text("Angekommen").wait_for()
    (theirs,) = company.rooms()
    await theirs.claim(60)
    async with without_room(page, site):
        field = room.get_by_role("textbox", name="Nachricht")
        await field.fill("Passt nicht")
        await field.press("Enter")
        await room.get_by_text("Das ließ sich hier nicht speichern.").wait_for()
        assert await field.input_value() == "Passt nicht"
        await field.fill("")
        await room.locator("seal-composer input[type=file]").set_input_files([SMALL])
        await room.get_by_role("button", name="Senden", exact=True).click()
        await room.get_by_role("alert").get_by_text("Auf diesem Gerät ist kein Platz dafür.").wait_for()
        await room.get_by_role("button", name="Befund.txt").click()
        answer = await theirs.send("Kommt später")
        await room.get_by_text("Auf diesem Gerät ist kein Platz mehr.").wait_for()
        assert await texts_of(room) == ["Guten Tag"]
        assert (await theirs.entry(answer.hash)).progress == answer.progress
    await room.get_by_role("log").get_by_text("Kommt später").wait_for()
    await room.get_by_text("Auf diesem Gerät ist kein Platz mehr.").wait_for(state="detached")
    await written(room, "Passt wieder")

    async def heard() -> list[str | None]:
        return [one.text for one in await theirs.texts()]

    await until_read(heard, ["Guten Tag", "Kommt später", "Passt wieder"])
    assert await texts_of(room) == ["Guten Tag", "Kommt später", "Passt wieder"]
