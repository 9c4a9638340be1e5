"""Windows of a customer that play a scene, for tests: `from web_windows import pages, show, site`."""

from __future__ import annotations

from typing import Protocol

import browsers
import pytest
import pytest_asyncio
import web_pictures
from playwright.async_api import Page


@pytest.fixture(scope="session")
def pages(web_libraries: None) -> dict[str, bytes | browsers.Answer]:
    """The scripted pages, built once."""
    return web_pictures.build_pages()


@pytest.fixture
def site(pages: dict[str, bytes | browsers.Answer], serve_files: browsers.ServeFiles) -> browsers.Site:
    return serve_files(pages, web_pictures.headers_of(pages))


class Show(Protocol):
    async def __call__(self, scene: str, language: str = "de") -> Page: ...


@pytest_asyncio.fixture(loop_scope="session")
async def show(new_visitor: browsers.NewVisitor, site: browsers.Site) -> Show:
    """Plays a scene in a window of 390 pixels."""

    async def one(scene: str, language: str = "de") -> Page:
        visitor = await new_visitor(viewport={"width": 390, "height": 700}, reduced_motion="reduce")
        page = await visitor.context.new_page()
        await web_pictures.show(page, site, scene, language)
        return page

    return one
