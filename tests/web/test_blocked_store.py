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
