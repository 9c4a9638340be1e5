"""Windows of a customer that play a scene, for tests: `from web_windows import pages, show, site, window`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import browsers
import pytest
import pytest_asyncio
import web_pictures
from playwright.async_api import Browser, Page


@pytest.fixture(scope="session")
def pages(web_libraries: None) -> dict[str, bytes | browsers.Answer]:
    """The scripted pages, built once."""
    return web_pictures.build_pages()


@pytest.fixture
def site(pages: dict[str, bytes | browsers.Answer], serve_files: browsers.ServeFiles) -> browsers.Site:
    return serve_files(pages, web_pictures.headers_of(pages))


class Show(Protocol):
    async def __call__(self, scene: str, language: str = "de") -> Page: ...


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def window(browser: Browser) -> AsyncIterator[browsers.Visitor]:
    """One window of 390 pixels for all scenes: they store nothing, and opening one takes a second."""
    size = {"width": 390, "height": 700}
    async with browsers.visiting(browser, viewport=size, reduced_motion="reduce") as visitor:
        yield visitor


@pytest_asyncio.fixture(loop_scope="session")
async def show(window: browsers.Visitor, site: browsers.Site) -> AsyncIterator[Show]:
    """Plays a scene in the window, anew. A test fails for complaints that it has not taken."""
    window.take_complaints()

    async def one(scene: str, language: str = "de") -> Page:
        open_pages = window.context.pages
        page = open_pages[0] if open_pages else await window.context.new_page()
        await page.mouse.move(0, 0)
        await web_pictures.show(page, site, scene, language)
        return page

    yield one
    assert window.take_complaints() == []
