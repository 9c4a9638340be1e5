"""The room as it is released, in a company's page, with a real relay and a real company, in browsers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import browsers
import pytest
import pytest_asyncio
from e2ee_client.rooms import Company
from e2ee_client.rooms.notices import EXAMPLE, Notice
from playwright.async_api import FrameLocator, Page
from relay_process import RelayProcess
from tcp_proxy import CuttingProxy

WWW: Final = "www.praxis.localhost"
CHAT: Final = "chat.praxis.localhost"
DOOR: Final = "/.well-known/sealroom-door"


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[RelayProcess]:
    """A relay on this machine."""
    started = RelayProcess(tmp_path / "relay").start()
    try:
        yield started
    finally:
        started.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(relay: RelayProcess) -> AsyncIterator[CuttingProxy]:
    """What stands before the relay; it is passed unless a test cuts it."""
    async with CuttingProxy(relay.port) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def company(proxy: CuttingProxy) -> AsyncIterator[Company]:
    """A practice whose notice is published."""
    origins = ["https://praxis.example"]
    async with Company.create(None, relay=proxy.url, name="Praxis", origins=origins) as made:
        facts = {**EXAMPLE, "relay_url": proxy.url}
        await made.publish(Notice.draft("health", "consent", facts, is_reviewed=True))
        await made.wait_ready(60)
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def site(
    built: dict[str, bytes], company: Company, proxy: CuttingProxy, serve_files: browsers.ServeFiles
) -> browsers.Site:
    """The company's page and the room's host with the headers of the release."""
    manifest = json.loads(built["manifest.json"])
    made = serve_files({f"/{name}": data for name, data in built.items()})
    policy = manifest["headers"]["Content-Security-Policy"]
    headers = {
        **manifest["headers"],
        "Content-Security-Policy": policy.replace("{pages}", made.origin(WWW)).replace("{relay}", proxy.url),
    }
    made.files["/room.html"] = browsers.Answer(built["room.html"], headers)
    made.files[DOOR] = await company.door()
    made.files["/index.html"] = f"""<!doctype html><html lang="de"><title>Praxis</title>
<link rel="icon" href="data:,"><script type="module" src="/{manifest["launcher"]}"></script>
<seal-room src="{made.origin(CHAT)}/room.html" lang="de"></seal-room>""".encode()
    return made


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(site: browsers.Site, new_visitor: browsers.NewVisitor) -> browsers.Visitor:
    """One visitor, whose pages are closed before the relay is."""
    return await new_visitor()


async def opened(visitor: browsers.Visitor, site: browsers.Site) -> tuple[Page, FrameLocator]:
    """Open the company's page, and the room in it."""
    page = await visitor.open(site.url("/index.html", WWW))
    await page.get_by_role("button", name="Nachricht schreiben").click()
    return page, page.frame_locator("seal-room iframe")


async def written(room: FrameLocator, text: str) -> None:
    """Write a text, and wait until it stands in the conversation."""
    field = room.get_by_role("textbox", name="Nachricht")
    await field.fill(text)
    await field.press("Enter")
    await room.get_by_role("log").get_by_text(text).wait_for()
