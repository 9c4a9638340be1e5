"""What tests of the web workspace share: its libraries, the two browsers and their visitors, sites."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import browsers
import pytest
import pytest_asyncio
import web_packages
from playwright.async_api import Browser, Playwright, async_playwright
from small_stock import small_stock

__all__ = ["small_stock"]


@pytest.fixture(scope="session")
def web_libraries() -> None:
    """Install them once; where npm's registry cannot be reached, CI fails and others skip."""
    try:
        web_packages.install()
    except web_packages.NotInstalled as problem:
        browsers.need(str(problem))


@pytest.fixture(scope="session")
def built(web_libraries: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A release, built once from the workspace: its files by name."""
    return web_packages.built(tmp_path_factory.mktemp("built") / "release")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def driver() -> AsyncIterator[Playwright]:
    """Playwright, in the loop of the session; its synchronous half would keep others from running theirs."""
    async with async_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session", params=browsers.NAMES)
def browser_name(request: pytest.FixtureRequest) -> str:
    """Each of the two browsers in turn; where one is missing, CI fails and others skip."""
    name = str(request.param)
    browsers.need(browsers.missing(name))
    return name


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(driver: Playwright, browser_name: str) -> AsyncIterator[Browser]:
    """One of the two browsers, started once for all tests in it."""
    async with browsers.started(driver, browser_name) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def new_visitor(browser: Browser) -> AsyncIterator[browsers.NewVisitor]:
    """Makes visitors. A test fails for complaints of their pages that it has not taken."""
    made: list[browsers.Visitor] = []
    async with AsyncExitStack() as stack:

        async def new(**options: Any) -> browsers.Visitor:
            made.append(await stack.enter_async_context(browsers.visiting(browser, **options)))
            return made[-1]

        yield new
    complaints = [complaint for visitor in made for complaint in visitor.take_complaints()]
    assert complaints == []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def one_window(browser: Browser) -> AsyncIterator[browsers.Visitor]:
    """One page of one profile in each browser, whose tests store nothing, or have an origin each."""
    async with browsers.visiting(browser) as visiting:
        visiting.has_one_page = True
        yield visiting


@pytest_asyncio.fixture(loop_scope="session")
async def one_page(one_window: browsers.Visitor) -> AsyncIterator[browsers.Visitor]:
    """That page, without what was requested before. A test fails for complaints that it has not taken."""
    for page in one_window.context.pages:
        await page.goto("about:blank")
        await page.mouse.move(0, 0)
    one_window.take_complaints()
    one_window.requests.clear()
    yield one_window
    assert one_window.take_complaints() == []


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(new_visitor: browsers.NewVisitor) -> browsers.Visitor:
    """One visitor."""
    return await new_visitor()


@pytest.fixture
def serve_files() -> Iterator[browsers.ServeFiles]:
    """Serves files from memory until the test ends: `serve_files({"/": b"..."}, {"Header": "value"})`."""
    with ExitStack() as stack:

        def serve(
            files: Mapping[str, bytes | browsers.Answer], headers: Mapping[str, str] | None = None
        ) -> browsers.Site:
            return stack.enter_context(browsers.Site(files, headers))

        yield serve
