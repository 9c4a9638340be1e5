"""What a person waits for in a browser: a first contact, a key press, a scroll, a desk that opens.

    make bench-web [ARGS="--only typing --rounds 30"]

Everything runs on this machine over loopback, in both browsers without a window and a graphics card. With
`--keep` the result goes to `bench/results/web.json`, with the load of the machine. Times are wall time: on a
busy machine they are worth little.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import browsers
import web_packages
import web_pictures
from desk_page import served
from e2ee_client.rooms import Agent, Company
from e2ee_client.testing import FakeClock, MemoryNetwork
from playwright.async_api import Browser, Page, async_playwright
from relay_process import RelayProcess
from web_companies import founded
from web_release import CHAT, put_release

from bench import desk_store

RESULTS: Final = Path(__file__).resolve().parent / "results/web.json"
BITS: Final = (0, 14)
KEYS: Final = 120
ROOMS: Final = 1_000
ENTRIES: Final = 20
WARNED: Final = """if (location.protocol === "http:")
  localStorage.setItem("sealroom-desk-settings", JSON.stringify({ language: "de", isWarned: true }))"""
# The clock of a page and ours are one.
CLICKED: Final = """() => addEventListener("click", (event) => {
  window.clickedMs ??= performance.timeOrigin + event.timeStamp }, { capture: true })"""
FIELD: Final = "document.querySelector('seal-room-view').shadowRoot.querySelector('seal-composer').shadowRoot"
# From the moment of the key to the end of the frame that shows it.
KEYS_PAINTED: Final = f"""() => {{ window.paintedMs = []; const field = {FIELD}.querySelector("textarea");
  const {{ port1, port2 }} = new MessageChannel(); let at = 0;
  port1.onmessage = () => paintedMs.push(performance.now() - at);
  field.addEventListener("keydown", (event) => {{ at = event.timeStamp;
    requestAnimationFrame(() => port2.postMessage(0)) }}); }}"""
SCROLLED: Final = """async () => { const list = document.querySelector("seal-room-view").shadowRoot
  .querySelector("seal-messages").shadowRoot.querySelector(".scroll");
  const frame = () => new Promise(requestAnimationFrame);
  const times = []; let before = await frame();
  for (let i = 0; i < 400; i += 1) { list.scrollTop += i < 300 ? -180 : 90;
    const now = await frame(); times.push(now - before); before = now; }
  return times; }"""

Figures = dict[str, list[float]]
Measure = Callable[[Browser, str, int], Awaitable[Figures]]


@asynccontextmanager
async def practice(folder: Path, bits: int) -> AsyncIterator[tuple[browsers.Site, Company]]:
    """A relay process that asks for so many bits of work, a company, and the room as it is built."""
    settings = [f"pow_bits_{kind}={bits}" for kind in ("create", "send", "fetch")]
    relay = RelayProcess(folder / f"relay-{time.monotonic_ns()}", *settings).start()
    try:
        async with AsyncExitStack() as stack:
            company = await stack.enter_async_context(founded(relay.url))
            site = stack.enter_context(browsers.Site({}))
            put_release(site, web_packages.built(folder / "release"), await company.door(), relay.url)
            yield site, company
    finally:
        relay.stop()


async def first_contact(browser: Browser, name: str, rounds: int) -> Figures:
    """From the click on "I agree" to the company's device that shows the room; each time a fresh profile."""
    found: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for bits in BITS:
            async with practice(Path(folder), bits) as (site, company):
                times = [await _contact(browser, site, company) for _ in range(rounds)]
            found[f"first contact, {bits} bits, {name}"] = times
    return found


async def _contact(browser: Browser, site: browsers.Site, company: Company) -> float:
    known = len(company.rooms())
    async with browsers.visiting(browser, locale="de-DE") as visitor:
        page = await visitor.open(site.url("/room.html?lang=de", CHAT))
        agree = page.get_by_role("button", name="Einverstanden, weiter")
        await agree.wait_for()
        await page.evaluate(CLICKED)
        shown = asyncio.create_task(_shown_ms(company, known))
        await agree.click()
        shown_ms = await shown
        clicked_ms: float = await page.evaluate("() => window.clickedMs")
        await page.close()
        return shown_ms - clicked_ms


async def _shown_ms(company: Company, known: int) -> float:
    async for _ in company.events():
        if len(company.rooms()) > known:
            break
    return time.time() * 1_000


@asynccontextmanager
async def long_room(browser: Browser) -> AsyncIterator[Page]:
    """A room of 10 000 messages with a scripted backend, drawn."""
    with browsers.Site(web_pictures.build_pages()) as site:
        async with browsers.visiting(browser, viewport={"width": 400, "height": 680}) as visitor:
            page = await visitor.open(site.url("/window.html#scene=many&lang=de"))
            await page.locator("seal-messages .row").first.wait_for()
            yield page


async def typing(browser: Browser, name: str, rounds: int) -> Figures:
    """From a key press to the paint of its letter, in a room of 10 000 messages."""
    async with long_room(browser) as page:
        await page.locator("textarea").click()
        await page.evaluate(KEYS_PAINTED)
        for at in range(max(KEYS, rounds)):
            await page.keyboard.press("abcdefghij"[at % 10])
        await browsers.until(page, "(count) => paintedMs.length >= count", max(KEYS, rounds))
        times: list[float] = await page.evaluate("() => paintedMs")
    return {f"key press to paint, {name}": times}


async def scroll(browser: Browser, name: str, rounds: int) -> Figures:
    """Frames of a scripted scroll through a room of 10 000 messages."""
    async with long_room(browser) as page:
        times: list[float] = []
        for _ in range(max(1, rounds // 5)):
            times += await page.evaluate(SCROLLED)
    return {f"frame of a scroll, {name}": times}


async def desk(browser: Browser, name: str, rounds: int) -> Figures:
    """From the address of a desk with 1 000 rooms to the list of them all; the store is open already."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "desk.store"
        await asyncio.to_thread(desk_store.make, store, ROOMS, ENTRIES)
        network = MemoryNetwork(clock=FakeClock(desk_store.NOW_MS))
        begun_s = time.perf_counter()
        runtime = network.runtime()
        async with (
            Agent.open(store, key=bytes(32), online=False, runtime=runtime) as agent,
            served(agent) as (at, _),
        ):
            opened_ms = (time.perf_counter() - begun_s) * 1_000
            times = [await _desk_page(browser, at.address) for _ in range(rounds)]
        network.relay.close()
    return {f"store of a desk with {ROOMS} rooms": [opened_ms], f"desk of {ROOMS} rooms, {name}": times}


async def _desk_page(browser: Browser, address: Callable[[], str]) -> float:
    async with browsers.visiting(browser, viewport={"width": 1280, "height": 800}) as visitor:
        await visitor.context.add_init_script(WARNED)
        page = await visitor.context.new_page()
        begun_s = time.perf_counter()
        await page.goto(address())
        await page.get_by_role("button", name="Alle offenen zeigen").click()
        await page.locator(".item").first.wait_for()
        took_ms = (time.perf_counter() - begun_s) * 1_000
        await page.close()
        return took_ms


PARTS: Final[dict[str, Measure]] = {"first": first_contact, "typing": typing, "scroll": scroll, "desk": desk}
# What each may take at most: of first contact and desk the median, of the others the 95th percentile.
LINES: Final = {"first contact": 1_500, "key press": 100, "frame": 20, "desk": 1_500}


def summary(times: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and count."""
    high = statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
    return {"median_ms": round(statistics.median(times), 1), "p95_ms": round(high, 1), "count": len(times)}


async def measure(parts: Sequence[str], names: Sequence[str], rounds: int) -> dict[str, dict[str, float]]:
    """All figures of these parts in these browsers."""
    found: dict[str, dict[str, float]] = {}
    async with async_playwright() as playwright:
        for name in names:
            async with browsers.started(playwright, name) as browser:
                for part in parts:
                    for row, times in (
                        await PARTS[part](browser, f"{name} {browser.version}", rounds)
                    ).items():
                        found[row] = summary(times)
                        print(f"{row}: {found[row]}", flush=True)
    return found


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--browser", choices=browsers.NAMES, action="append")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--keep", action="store_true", help="write bench/results/web.json")
    options = parser.parse_args()
    before = os.getloadavg()[0]
    rows = asyncio.run(
        measure(options.only or list(PARTS), options.browser or browsers.NAMES, options.rounds)
    )
    load = {"before": round(before, 1), "after": round(os.getloadavg()[0], 1), "cores": os.cpu_count()}
    lines = {"lines_ms": LINES, "load": load, "rows": rows}
    print(json.dumps(load))
    if options.keep:
        RESULTS.write_text(json.dumps(lines, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
