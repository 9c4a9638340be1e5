"""A desk at a port that another program had before, in the same browser."""

from __future__ import annotations

import browsers
import pytest
from conversations import until
from desk_page import served
from e2ee_client.testing import FakeClock, MemoryNetwork
from held_port import HeldPort
from practice import practice

pytestmark = pytest.mark.asyncio(loop_scope="session")
WORKER = b"""addEventListener("fetch", (event) =>
  event.respondWith(new Response("left behind", { headers: { "content-type": "text/html" } })))"""
PAGE = b"""<!doctype html><script>
navigator.serviceWorker.register("/worker.js").then(() => navigator.serviceWorker.ready)
  .then(() => { document.title = "left" })</script>"""
FILES = {"/": PAGE, "/worker.js": WORKER}


async def test_what_another_program_left_at_the_port_does_not_answer(
    new_visitor: browsers.NewVisitor, web_libraries: None
) -> None:
    """A service worker answers for its origin also when its program has ended, and never for the desk."""
    visitor, network, held = await new_visitor(), MemoryNetwork(clock=FakeClock(speed=20)), HeldPort()
    port = held.number
    with browsers.Site(FILES, port=port) as site:
        page = await visitor.open(site.url(host="127.0.0.1"))
        await page.wait_for_function("document.title === 'left'")
    async with practice(network) as praxis, served(praxis.company, port=port) as (at, _):
        before = await visitor.open(f"http://127.0.0.1:{port}/")
        assert await before.text_content("body") == "left behind"
        shown = await visitor.open(at.address())
        await shown.locator(".queue").wait_for()
        assert await shown.evaluate("isSecureContext")
        await until(lambda: ".localhost:" in shown.url and "#" not in shown.url)
        await shown.close()
    network.relay.close()
