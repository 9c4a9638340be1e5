"""What a browser's page does with relays: connections, signs of life, work, doors; and what it tells them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import browsers
import leakage_declaration
import pytest
import pytest_asyncio
from e2ee_relay.protocol import find_pow
from forked_relay import ForkedRelay
from playwright.async_api import Browser, Page
from relay_process import RelayProcess
from websockets.asyncio.server import ServerConnection, serve

pytestmark = pytest.mark.asyncio(loop_scope="session")
POLICY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; worker-src 'none';"
    " connect-src 'self' ws: http://localhost:1; require-trusted-types-for 'script'; trusted-types 'none'"
}
PING = bytes.fromhex("81a2000e011affffffff")
DOOR = "/.well-known/sealroom-door"
COMPANY = "marked-company.localhost"
Handler = Callable[[ServerConnection], Awaitable[None]]


@pytest.fixture(scope="module")
def site(web_libraries: None) -> Iterator[browsers.Site]:
    page = b"<!doctype html><title>links</title><script type=module src=/links.js></script>"
    script = browsers.bundled("packages/client/tests/pages/links.ts")
    with browsers.Site({"/": page, "/links.js": script}, POLICY) as serving:
        yield serving


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def visitor(browser: Browser) -> AsyncIterator[browsers.Visitor]:
    async with browsers.visiting(browser) as visiting:
        visiting.has_one_page = True
        yield visiting


@pytest_asyncio.fixture(loop_scope="session")
async def page(visitor: browsers.Visitor, site: browsers.Site) -> AsyncIterator[Page]:
    """The page, anew, which breaks no rule of its policy; a connection that fails is an error to consoles."""
    opened = await visitor.open(site.url())
    yield opened
    await opened.goto("about:blank")
    assert visitor.violations == []


async def does(page: Page, step: str, *arguments: object) -> Any:
    """Do a step of the page."""
    return await page.evaluate("([step, given]) => globalThis.page[step](...given)", [step, list(arguments)])


async def sees(page: Page, *events: str) -> None:
    """Wait until the newest link has come so far."""
    await browsers.until(page, "(count) => globalThis.page.seen().length >= count", len(events))
    assert await does(page, "seen") == list(events)


@asynccontextmanager
async def strange_relay(handler: Handler, **options: Any) -> AsyncIterator[str]:
    """The address of a relay that does as `handler` does."""
    async with serve(handler, "127.0.0.1", 0, compression=options.get("compression")) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def test_a_relay_that_was_killed_is_lost_and_found_again(page: Page, tmp_path: Path) -> None:
    """RLY-252, RLY-254: what is heard first is HELLO; a request is answered; no extension is in use."""
    with RelayProcess(tmp_path / "relay") as relay:
        for _ in range(2):
            await does(page, "connect", f"{relay.url}/")
            await browsers.until(page, "() => globalThis.page.seen().length === 3")
            connecting, opened, hello = await does(page, "seen")
            assert (connecting, opened) == ("connecting", "opened")
            assert hello.startswith("received ")
            assert " 81" in hello
            await does(page, "send", PING.hex())
            await browsers.until(page, "() => globalThis.page.seen().length === 4")
            # [{0: 64 (DONE), 1: 2^32 - 1}]
            assert (await does(page, "seen"))[3] == "received 11 81a2001840011aff"
            await asyncio.to_thread(relay.kill)
            await browsers.until(page, "() => globalThis.page.seen().length === 5")
            assert (await does(page, "seen"))[4] == "closed relay.unavailable"
            await asyncio.to_thread(relay.restart)


@pytest.mark.parametrize("what", ["a text", "too much", "compression"])
async def test_what_a_hostile_relay_may_not_do_ends_its_link(page: Page, what: str) -> None:
    """RLY-254"""

    async def handler(connection: ServerConnection) -> None:
        if what != "compression":
            await connection.send("text" if what == "a text" else bytes((1 << 20) + 1))
            await connection.send(b"more")
        await connection.wait_closed()

    compression = "deflate" if what == "compression" else None
    async with strange_relay(handler, compression=compression) as url:
        await does(page, "connect", url)
        opened = [] if compression else ["opened"]
        await sees(page, "connecting", *opened, "closed relay.not_a_relay")


async def test_a_link_that_is_quiet_is_asked_and_then_lost(page: Page) -> None:
    """RLY-255"""
    asked: asyncio.Queue[ServerConnection] = asyncio.Queue()

    async def handler(connection: ServerConnection) -> None:
        async for message in connection:
            assert message == PING
            await asked.put(connection)

    async with strange_relay(handler) as url:
        await does(page, "connect", url)
        await sees(page, "connecting", "opened")
        await does(page, "pass", 30_000)
        connection = await asked.get()
        await does(page, "pass", 19_999)
        await connection.send(b"here")
        await sees(page, "connecting", "opened", "received 4 68657265")
        await does(page, "pass", 20_000)
        await does(page, "probe")
        await asked.get()
        await does(page, "pass", 4_999)
        assert len(await does(page, "seen")) == 3
        await does(page, "pass", 1)
        assert (await does(page, "seen"))[3:] == ["closed relay.timeout"]


async def test_a_link_without_a_network_is_dropped_and_a_page_is_told_to_try_again(page: Page) -> None:
    """RLY-255"""

    async def handler(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with strange_relay(handler) as url:
        await does(page, "connect", url)
        await sees(page, "connecting", "opened")
        await does(page, "tell", "offline")
        await sees(page, "connecting", "opened", "closed relay.unavailable")
        before = await does(page, "backs")
        await does(page, "tell", "online")
        assert await does(page, "backs") == before + 1
        await does(page, "connect", url)
        await sees(page, "connecting", "opened")
        await does(page, "close")
        assert await does(page, "seen") == ["connecting", "opened"]


async def test_a_relay_that_does_not_answer_is_given_up(page: Page) -> None:
    """RLY-255: a browser itself would wait for minutes."""
    came, over = asyncio.Event(), asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        await over.wait()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await does(page, "connect", f"ws://127.0.0.1:{port}/")
        await came.wait()
        await does(page, "pass", 15_000)
        await sees(page, "connecting", "closed relay.timeout")
        over.set()


async def test_a_page_over_tls_connects_by_tls_and_not_to_its_visitors_network(page: Page) -> None:
    """RLY-256"""
    names = (
        "localhost",
        "a.localhost",
        "[::1]",
        "127.0.0.1",
        "10.1.2.3",
        "192.168.1.1",
        "172.20.0.1",
        "0.0.0.1",
    )
    for url in ("ws://localhost/", "http://relay.example/", *(f"wss://{name}/" for name in names)):
        assert await does(page, "mayConnect", url, "https:") is False, url
    for url in (
        "wss://relay.example/",
        "wss://relay.example:8444/a",
        "wss://172.32.0.1/",
        "wss://93.184.216.34/",
    ):
        assert await does(page, "mayConnect", url, "https:") is True, url
    assert await does(page, "mayConnect", "ws://localhost:1/", "http:") is True
    await does(page, "connect", "ws://relay.example/")
    await sees(page, "connecting", "closed relay.not_followed")


async def test_work_finds_what_python_finds(page: Page) -> None:
    """RLY-24, RLY-142: 17 bits are refused, and what is given up is in nobody's way."""
    rng = random.Random(5)
    for bits in (1, 7, 9, 12):
        context = rng.randbytes(48 + bits)
        assert await does(page, "work", context.hex(), bits) == find_pow(context, bits).hex()
    assert await does(page, "work", "00", 0) == ""
    assert await does(page, "work", "00", 17) == "LocalError"
    context = rng.randbytes(32)
    assert await does(page, "giveUp", context.hex()) == ["AbortError", find_pow(context, 4).hex()]


async def test_a_page_that_works_does_what_else_waits_between_slices(page: Page) -> None:
    """RLY-142: at least once in 2 048 attempts, however fast the machine is."""
    rng = random.Random(6)
    contexts = [rng.randbytes(48) for _ in range(8)]
    found, context = max((find_pow(one, 14), one) for one in contexts)
    work, done = await does(page, "doneBeside", context.hex(), 14)
    assert work == found.hex()
    assert done >= int.from_bytes(found) // 2_048


async def test_a_timer_is_never_early(page: Page) -> None:
    assert await does(page, "wakes", 20) is True


async def test_who_waits_is_woken_where_the_clock_was_put_back(page: Page) -> None:
    """STO-60"""
    await page.clock.install()
    await page.evaluate("() => { globalThis.woken = globalThis.page.wakes(3_600_000) }")
    await page.clock.set_system_time(0)
    await page.clock.run_for(31_000)
    assert await page.evaluate("globalThis.woken") is False


async def test_a_door_is_got_whole_or_the_reason_is_said(page: Page, site: browsers.Site) -> None:
    """CNS-26: no redirect is followed, and no more is read than a door may have."""
    elsewhere = {"Location": site.url("/other", host="hostile.localhost")}
    for answer, said in (
        (browsers.Answer(bytes(262_144)), 262_144),
        (browsers.Answer(bytes(262_145)), "door.too_large"),
        (browsers.Answer(b"", elsewhere, 302), "door.elsewhere"),
        (browsers.Answer(b"", {}, 404), "door.missing"),
        (browsers.Answer(b"", {}, 429), "door.refused"),
        (browsers.Answer(b"", {}, 503), "door.refused"),
    ):
        site.files[DOOR] = answer
        assert await does(page, "door", site.origin()) == said
    assert "GET /other" not in site.requests
    assert await does(page, "door", "http://localhost:1") == "door.unreachable"


async def test_the_upgrade_of_a_browser_holds_declared_headers_only(page: Page, repo_root: Path) -> None:
    """LKG-01: company, browser and language are rows of their own; a browser names nothing else."""
    heads: asyncio.Queue[bytes] = asyncio.Queue()

    async def reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        await heads.put(head)

    async with await asyncio.start_server(reads, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await does(page, "connect", f"ws://127.0.0.1:{port}/")
        lines = (await heads.get()).decode().split("\r\n")[1:-2]
    names = {line.partition(":")[0].lower() for line in lines}
    paths = {
        path for path in leakage_declaration.by_path(repo_root) if path.startswith(("http.", "browser."))
    }
    assert names - {path.partition(".")[2] for path in paths} == set()
    assert names >= {"origin", "user-agent", "accept-language"}


async def test_what_a_browser_adds_is_kept_by_nothing_of_a_relay(
    browser: Browser, site: browsers.Site, tmp_path: Path
) -> None:
    """LKG-09, RLY-252: neither database nor log nor figures have company, browser or language."""
    marks = {"user_agent": "Mozilla/5.0 (marked-system) Marked/7", "locale": "gsw-LI"}
    with ForkedRelay(tmp_path / "relay", "log_level=debug") as relay:
        async with browsers.visiting(browser, **marks) as marked:
            page = await marked.open(site.url(host=COMPANY))
            assert await page.evaluate("navigator.userAgent") == marks["user_agent"]
            await does(page, "connect", f"{relay.url}/")
            await browsers.until(page, "() => globalThis.page.seen().length === 3")
            await does(page, "send", PING.hex())
            await browsers.until(page, "() => globalThis.page.seen().length === 4")
            figures = await asyncio.to_thread(relay.figures)
        await asyncio.to_thread(relay.stop)
        kept = [path.read_bytes() for path in (tmp_path / "relay").rglob("*") if path.is_file()]
        everything = b"\n".join([figures.encode(), relay.log().encode(), *kept]).lower()
    assert b"connections" in everything
    for mark in ("marked", "gsw", COMPANY):
        assert mark.encode() not in everything
