"""Parts of a page that are fetched after it: when they are asked for, by the hashes that the page names."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from typing import Final

import browsers
import pytest
from playwright.async_api import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'",
    "Cache-Control": "public, max-age=31536000, immutable",
}
_NUMBERS: Final = itertools.count()
PART: Final = b'globalThis.ran = (globalThis.ran ?? 0) + 1; export const said = "here";'
MAIN: Final = b"""import { fetchRest, part } from "./part.js";
globalThis.rest = fetchRest;
const load = (name) => import(`./${name}.js`);
globalThis.take = (name) => part(name, () => load(name)).then(({ said }) => said, ({ code }) => code);"""


def _page(**parts: bytes) -> bytes:
    links = [
        f'<link rel="part" data-part="{name}" href="{name}.js" integrity="sha384-{_digest(data)}">'
        for name, data in parts.items()
    ]
    return f"""<!doctype html><title>parts</title>{"".join(links)}
<script type="module" src="main.js"></script>""".encode()


def _digest(data: bytes) -> str:
    return base64.b64encode(hashlib.sha384(data).digest()).decode()


def _with_list(**parts: bytes) -> tuple[bytes, bytes]:
    """A page that names a list alone, and the list of these parts."""
    files = [[f"{name}.js", f"sha384-{_digest(data)}", [name]] for name, data in parts.items()]
    listed = f"export const PARTS={json.dumps(files)}".encode()
    return _page(parts=listed), listed


@pytest.fixture
def site(web_libraries: None, serve_files: browsers.ServeFiles) -> browsers.Site:
    """A page with two parts, both with the hash of the one."""
    script = browsers.bundled("packages/ui/src/part.ts")
    files = {"/": _page(good=PART, other=PART), "/main.js": MAIN, "/part.js": script, "/good.js": PART}
    return serve_files(files, HEADERS)


@pytest.fixture
def visitor(one_page: browsers.Visitor) -> browsers.Visitor:
    """The page of all these tests: each is at an origin of its own, of which a browser has kept no part."""
    return one_page


async def _opened(visitor: browsers.Visitor, site: browsers.Site) -> Page:
    page = await visitor.open(site.url(host=f"parts{next(_NUMBERS)}.localhost"))
    await browsers.until(page, "() => globalThis.take !== undefined")
    return page


async def test_a_part_is_fetched_when_it_is_asked_for_and_run_once(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    page = await _opened(visitor, site)
    assert "GET /good.js" not in site.requests
    said = await page.evaluate("() => Promise.all([take('good'), take('good')])")
    assert said == ["here", "here"]
    assert await page.evaluate("() => globalThis.ran") == 1
    assert site.requests.count("GET /good.js") == 1


async def test_what_was_fetched_ahead_is_run_without_the_network_and_nothing_before(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    page = await _opened(visitor, site)
    await page.evaluate("() => rest(['other'])")
    assert "GET /other.js" not in site.requests
    del site.files["/good.js"]
    assert await page.evaluate("() => globalThis.ran") is None
    assert await page.evaluate("() => take('good')") == "here"


async def test_a_part_with_another_hash_is_not_run_however_often_it_is_asked_for(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    site.files["/other.js"] = PART + b"//"
    page = await _opened(visitor, site)
    assert await page.evaluate("() => take('other')") == "local.part"
    assert await page.evaluate("() => take('other')") == "local.part"
    assert await page.evaluate("() => globalThis.ran") is None
    assert visitor.take_complaints() != []


async def test_a_part_that_did_not_come_is_asked_for_again_in_the_same_page(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    page = await _opened(visitor, site)
    part = site.files.pop("/good.js")
    assert await page.evaluate("() => take('good')") == "local.part"
    assert await page.evaluate("() => rest([]).then(() => take('good'))") == "local.part"
    site.files["/good.js"] = part
    assert await page.evaluate("() => take('good')") == "here"
    assert visitor.take_complaints() != []


async def test_a_part_of_the_list_is_fetched_by_the_hash_that_the_list_says(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    site.files["/"], site.files["/parts.js"] = _with_list(good=PART, other=PART)
    site.files["/other.js"] = PART + b"//"
    page = await _opened(visitor, site)
    assert "GET /parts.js" not in site.requests
    assert await page.evaluate("() => Promise.all([take('good'), take('other')])") == ["here", "local.part"]
    assert await page.evaluate("() => rest([]).then(() => take('good'))") == "here"
    assert site.requests.count("GET /parts.js") == 1
    assert visitor.take_complaints() != []


async def test_a_list_that_did_not_come_is_asked_for_again_and_another_one_is_not_taken(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    site.files["/"], listed = _with_list(good=PART)
    page = await _opened(visitor, site)
    assert await page.evaluate("() => take('good')") == "local.part"
    site.files["/parts.js"] = listed + b"//"
    assert await page.evaluate("() => rest([]).then(() => take('good'))") == "local.part"
    site.files["/parts.js"] = listed
    assert await page.evaluate("() => take('good')") == "here"
    assert visitor.take_complaints() != []
