"""The room as it is built, in WebKitGTK, which stands for Safari."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import browsers
import pytest
import pytest_asyncio
import webkit
from conversations import until
from e2ee_client.rooms import Company, CompanyRoom, Entry
from relay_process import RelayProcess
from web_release import WWW, company, proxy, relay, site

from e2ee.rooms.kinds import Kind

__all__ = ["company", "proxy", "relay", "site"]
pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.processes,
]
FRAME: Final = "iframe"
BUTTON: Final = "button"
ENTER: Final = "\ue007"
MESSAGE: Final = "[role=log] [role=listitem]"


@pytest_asyncio.fixture(loop_scope="session")
async def browser(site: browsers.Site, tmp_path: Path) -> AsyncIterator[webkit.WebKit]:
    """A window; what its page's policy forbids is reported to the site."""
    browsers.need(webkit.missing())
    room = site.files["/room.html"]
    assert isinstance(room, browsers.Answer)
    policy = f"{room.headers['Content-Security-Policy']}; report-uri /reports"
    headers = {**room.headers, "Content-Security-Policy": policy}
    site.files["/room.html"] = browsers.Answer(room.body, headers)
    (tmp_path / "profile").mkdir()
    async with webkit.started(tmp_path / "profile") as started:
        yield started


async def written(page: webkit.WebKit, text: str) -> None:
    """Write a text, and wait until it stands in the conversation."""
    await page.find("textarea")
    await page.press(text + ENTER)
    await page.find(MESSAGE, text)


async def first_file(room: CompanyRoom) -> Entry:
    """Wait until the company has a file."""
    while True:
        found = [one for one in await room.history() if one.kind == Kind.FILE]
        if found:
            return found[0]
        await room._client.progress.wait()


async def test_consent_text_file_reload_and_a_relay_that_restarts(
    browser: webkit.WebKit, site: browsers.Site, company: Company, relay: RelayProcess, tmp_path: Path
) -> None:
    await browser.open(site.url("/index.html", WWW))
    await browser.click(BUTTON, "Nachricht schreiben")
    await browser.enter(FRAME)
    await browser.find("h1, h2", "Bevor Sie schreiben")
    await browser.click(BUTTON, "Einverstanden, weiter")
    await written(browser, "Guten Tag")
    await browser.find("*", "Angekommen")
    await until(lambda: len(company.rooms()) == 1)
    (theirs,) = company.rooms()
    await theirs.claim(60)
    await theirs.send("Gern, bis morgen.")
    await browser.find(MESSAGE, "Gern, bis morgen.")

    (tmp_path / "Befund.txt").write_bytes(b"alles in Ordnung\n" * 10_000)
    await browser.choose("input[type=file]", tmp_path / "Befund.txt")
    await browser.click(BUTTON, "Senden")
    await browser.find(MESSAGE, "Befund.txt")
    (tmp_path / "theirs").mkdir()
    file = await first_file(theirs)
    saved = await file.save(tmp_path / "theirs")
    assert saved.read_bytes() == (tmp_path / "Befund.txt").read_bytes()

    await browser.reload()
    await browser.click(BUTTON, "Nachricht schreiben")
    await browser.enter(FRAME)
    for text in ("Guten Tag", "Gern, bis morgen.", "Befund.txt"):
        await browser.find(MESSAGE, text)

    await asyncio.to_thread(relay.kill)
    await written(browser, "Sind Sie noch da?")
    await asyncio.to_thread(relay.start)
    await until(lambda: theirs.unread >= 1)
    await browser.find("*", "Angekommen")
    assert site.reports == []
