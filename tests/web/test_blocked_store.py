"""A browser whose person lets no page keep anything: what the room says, and that there is a way on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import browsers
import pytest
from conversations import until
from playwright.async_api import BrowserContext, Playwright
from web_release import CHAT, WWW, put_release

pytestmark = pytest.mark.asyncio(loop_scope="session")
BLOCK: Final = 2
RELAY: Final = "ws://127.0.0.1:9"


@asynccontextmanager
async def blocking(driver: Playwright, name: str, profile: Path) -> AsyncIterator[BrowserContext]:
    """A browser that keeps nothing of any site, by its own setting."""
    if name == "firefox":
        async with browsers.started(driver, name, **{"network.cookie.cookieBehavior": BLOCK}) as browser:
            yield await browser.new_context()
        return
    (profile / "Default").mkdir(parents=True)
    sites = {"profile": {"default_content_setting_values": {"cookies": BLOCK}}}
    (profile / "Default/Preferences").write_text(json.dumps(sites), "utf-8")
    context = await driver.chromium.launch_persistent_context(
        profile, executable_path=browsers.PROGRAMS[name], args=list(browsers.QUIET)
    )
    try:
        yield context
    finally:
        await context.close()


@browsers.firefox_in_audit
async def test_a_room_says_that_the_browser_stores_nothing_and_begins_anew(
    driver: Playwright,
    browser_name: str,
    built: dict[str, bytes],
    serve_files: browsers.ServeFiles,
    tmp_path: Path,
) -> None:
    """STO-61: the one refuses a lock, the other a channel."""
    site = serve_files({})
    put_release(site, built, b"", RELAY)
    async with blocking(driver, browser_name, tmp_path / "profile") as context:
        page = await context.new_page()
        await page.goto(site.url("/index.html", WWW))
        await page.get_by_role("button", name="Nachricht schreiben").click()
        room = page.frame_locator("seal-room iframe")
        says = room.get_by_role("heading", name="Der Browser speichert hier nichts")
        await says.wait_for()
        assert page.frames[1].url.startswith(site.origin(CHAT))
        await room.get_by_role("button", name="Noch einmal versuchen").click()
        await until(lambda: site.requests.count("GET /room.html") == 2)
        await says.wait_for()


# Its database is never opened, and 20 seconds are over at once.
SILENT: Final = """if (location.host.startsWith("chat.")) {
  const { setTimeout } = window;
  const isOver = (ms) => ms === 20000 && IDBFactory.prototype.open !== opens;
  window.opens = IDBFactory.prototype.open;
  window.setTimeout = (act, ms, ...rest) => setTimeout(act, isOver(ms) ? 0 : ms, ...rest);
  IDBFactory.prototype.open = () => new EventTarget();
}"""


@browsers.firefox_in_audit
@pytest.mark.parametrize(
    ("lang", "title", "again"),
    [
        ("de", "Der Speicher ist gerade nicht offen", "Noch einmal versuchen"),
        ("en", "The storage is not open now", "Try again"),
    ],
)
async def test_a_database_that_is_never_opened_is_told_with_a_way_on(
    visitor: browsers.Visitor,
    built: dict[str, bytes],
    serve_files: browsers.ServeFiles,
    lang: str,
    title: str,
    again: str,
) -> None:
    """STO-62: the room goes on where the browser opens it then; here as far as its page has no details."""
    site = serve_files({})
    put_release(site, built, b"", RELAY)
    start = site.files["/index.html"]
    assert isinstance(start, bytes)
    site.files["/index.html"] = start.replace(b' lang="de">', f' lang="{lang}">'.encode())
    await visitor.context.add_init_script(SILENT)
    page = await visitor.open(site.url("/index.html", WWW))
    await page.locator("seal-room button").first.click()
    room = page.frame_locator("seal-room iframe")
    says = room.get_by_role("heading", name=title)
    await says.wait_for()
    await room.get_by_role("button", name=again).click()
    await says.wait_for()
    await page.frames[1].evaluate("() => { IDBFactory.prototype.open = window.opens; }")
    await room.get_by_role("button", name=again).click()
    await says.wait_for(state="detached")
    await room.get_by_role("heading", level=2).wait_for()
