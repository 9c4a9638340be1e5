"""The room as it is released, in a company's page, with a real relay and a real company, in browsers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Final

import browsers
import pytest_asyncio
from e2ee_client.rooms import Company
from playwright.async_api import FrameLocator, Page
from relay_process import RelayProcess
from tcp_proxy import CuttingProxy
from web_companies import founded, relay

__all__ = ["company", "keeping", "opened", "proxy", "put_release", "relay", "site", "visitor", "written"]
WWW: Final = "www.praxis.localhost"
CHAT: Final = "chat.praxis.localhost"
DOOR: Final = "/.well-known/sealroom-door"


def put_release(site: browsers.Site, built: Mapping[str, bytes], door: bytes, relay_url: str) -> None:
    """Serve the company's page and the room's host with the headers of the release."""
    manifest = json.loads(built["manifest.json"])
    policy = manifest["headers"]["Content-Security-Policy"]
    headers = {
        **manifest["headers"],
        "Content-Security-Policy": policy.replace("{pages}", site.origin(WWW)).replace("{relay}", relay_url),
    }
    site.files.update({f"/{name}": data for name, data in built.items()})
    site.files["/room.html"] = browsers.Answer(built["room.html"], headers)
    site.files[DOOR] = door
    site.files["/index.html"] = f"""<!doctype html><html lang="de"><title>Praxis</title>
<link rel="icon" href="data:,"><script type="module" src="/{manifest["launcher"]}"></script>
<seal-room src="{site.origin(CHAT)}/room.html" lang="de"></seal-room>""".encode()


def keeping(site: browsers.Site, storage: str) -> browsers.Answer:
    """The page of the room as it is served, with another storage (CNS-84)."""
    room = site.files["/room.html"]
    assert isinstance(room, browsers.Answer)
    assert room.body.count(b'data-storage="device"') == 1
    body = room.body.replace(b'data-storage="device"', f'data-storage="{storage}"'.encode())
    return browsers.Answer(body, room.headers)


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(relay: RelayProcess) -> AsyncIterator[CuttingProxy]:
    """What stands before the relay; it is passed unless a test cuts it."""
    async with CuttingProxy(relay.port) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def company(proxy: CuttingProxy) -> AsyncIterator[Company]:
    """A practice whose notice is published."""
    async with founded(proxy.url) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def site(
    built: dict[str, bytes], company: Company, proxy: CuttingProxy, serve_files: browsers.ServeFiles
) -> browsers.Site:
    """The company's page and the room's host."""
    made = serve_files({})
    put_release(made, built, await company.door(), proxy.url)
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


async def written(room: FrameLocator | Page, text: str) -> None:
    """Write a text, and wait until it stands in the conversation."""
    field = room.get_by_role("textbox", name="Nachricht")
    await field.fill(text)
    await field.press("Enter")
    await room.get_by_role("log").get_by_text(text).wait_for()
