"""The store of a browser: rows that outlive the page, that nobody has changed, and that can be forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import browsers
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

pytestmark = pytest.mark.asyncio(loop_scope="session")
TEXT = "Guten Tag, hier ist Ihre Praxis"
MINUTE_MS = 60_000
POLICY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
}
HOW = ("a byte changed", "a row removed", "two rows exchanged", "another number", "no row at all")


@pytest.fixture(scope="module")
def site(web_libraries: None) -> Iterator[browsers.Site]:
    page = b"<!doctype html><title>store</title><script type=module src=/store.js></script>"
    script = browsers.bundled("packages/client/tests/pages/store.ts")
    with browsers.Site({"/": page, "/store.js": script}, POLICY) as serving:
        yield serving


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def two(browser: Browser, site: browsers.Site) -> AsyncIterator[tuple[Page, Page]]:
    """Two pages of one profile, which all tests of this module use."""
    async with browsers.visiting(browser) as visitor:
        yield await visitor.open(site.url()), await visitor.context.new_page()
        assert visitor.take_complaints() == []


@pytest_asyncio.fixture(loop_scope="session")
async def page(two: tuple[Page, Page]) -> Page:
    """The first of them, anew, in a profile that holds nothing."""
    await two[0].reload()
    await does(two[0], "forget")
    return two[0]


@pytest_asyncio.fixture(loop_scope="session")
async def other(two: tuple[Page, Page], page: Page, site: browsers.Site) -> AsyncIterator[Page]:
    """The second of them, which is at the store while a test uses it."""
    await two[1].goto(site.url())
    yield two[1]
    await two[1].goto("about:blank")


async def does(page: Page, step: str, *arguments: object) -> Any:
    """Do a step of the page that holds the store."""
    return await page.evaluate("([step, given]) => globalThis.page[step](...given)", [step, list(arguments)])


async def filled(page: Page) -> None:
    """A store with two commits."""
    await does(page, "create")
    assert await does(page, "put", "room", ["b", TEXT], ["a", "zweite"]) == 1
    assert await does(page, "put", "entry", ["c", "dritte"]) == 2


async def test_rows_outlive_a_reload_in_the_order_of_their_first_insertion(page: Page) -> None:
    """STO-32, STO-11, STO-20: another page of the origin finds each row and the number of commits."""
    assert await does(page, "open") is False
    await filled(page)
    await does(page, "put", "room", ["b", "geändert"], ["d", "vierte"])
    await page.reload()
    assert await does(page, "open") is True
    assert await does(page, "texts", "room") == [["b", "geändert"], ["a", "zweite"], ["d", "vierte"]]
    assert await does(page, "text", "entry", "c") == "dritte"
    assert await does(page, "text", "entry", "a") is None
    assert await does(page, "version") == 3
    assert await does(page, "isContinuous") is True
    await does(page, "put", "room", ["b", None])
    assert await does(page, "texts", "room") == [["a", "zweite"], ["d", "vierte"]]


async def test_nothing_is_stored_before_a_store_is_made(page: Page) -> None:
    """STO-32: to look for a store leaves none behind."""
    assert await does(page, "open") is False
    assert await does(page, "databases") == []
    assert await page.evaluate("localStorage.length") == 0


async def test_a_database_tells_neither_texts_nor_keys_nor_tables(page: Page) -> None:
    """STO-06, STO-32: what stands in the database is sealed, and its keys cannot be taken out."""
    await filled(page)
    dump = await does(page, "dump")
    assert len(dump) > 1000
    for word in (TEXT, "zweite", '"room"', '"entry"'):
        assert word not in dump
    assert await does(page, "exported") == 0


async def test_rows_that_were_changed_while_the_store_was_closed_are_refused(page: Page) -> None:
    """STO-02, STO-10"""
    for how in HOW:
        await filled(page)
        await does(page, "close")
        await does(page, "meddle", how)
        opened = await does(page, "open")
        answers = (
            [await does(page, "texts", kind) for kind in ("room", "entry")] if opened is True else [opened]
        )
        assert "store.corrupt" in answers, how
        await does(page, "forget")


async def test_rows_that_are_changed_while_the_store_is_open_are_refused(page: Page, other: Page) -> None:
    """STO-02, STO-34: and the store refuses every call from then on (STO-09)."""
    for how in HOW:
        await does(page, "create")
        await does(page, "put", "room", ["a", TEXT], ["b", "zweite"])
        await does(other, "meddle", how)
        assert await does(page, "texts", "room") == "store.corrupt", how
        assert await does(page, "put", "room", ["e", "x"]) == "store.corrupt"
        await does(page, "forget")


async def test_a_row_that_is_put_back_to_an_older_version_is_refused(page: Page, other: Page) -> None:
    """STO-34: while the store is open by what the page knows of it, later by the sum over all rows."""
    await does(page, "create")
    await does(page, "put", "room", ["a", "alt"])
    await does(other, "takeCopy")
    await does(page, "put", "room", ["a", "neu"])
    await does(other, "putBack")
    assert await does(page, "text", "room", "a") == "store.corrupt"


async def test_an_older_copy_of_the_database_is_noticed(page: Page) -> None:
    """STO-34: by the anchor, until a commit has settled it (STO-15)."""
    await filled(page)
    await does(page, "takeCopy")
    await does(page, "put", "room", ["a", "neu"])
    await does(page, "close")
    await does(page, "putBack")
    for _ in range(2):
        assert await does(page, "open") is True
        assert await does(page, "isContinuous") is False
        await does(page, "close")
    await does(page, "open")
    await does(page, "put", "room", ["a", "neu"])
    await does(page, "close")
    await does(page, "open")
    assert await does(page, "isContinuous") is True


async def test_a_store_without_its_anchor_is_not_trusted_to_go_on(page: Page) -> None:
    """STO-34, STO-14"""
    await filled(page)
    await does(page, "close")
    await page.evaluate("localStorage.clear()")
    assert await does(page, "open") is True
    assert await does(page, "isContinuous") is False


async def test_of_two_writers_one_is_refused_and_writes_no_row(page: Page, other: Page) -> None:
    """STO-33: a page that holds an older state cannot write over a newer one."""
    first, second = page, other
    await filled(first)
    assert await does(second, "open") is True
    assert await does(first, "put", "room", ["a", "von der ersten"]) == 3
    assert await does(second, "put", "room", ["a", "von der zweiten"], ["n", "neu"]) == "store.conflict"
    assert await does(second, "texts", "room") == "store.conflict"
    assert await does(first, "texts", "room") == [["b", TEXT], ["a", "von der ersten"]]
    assert await does(first, "putAt", 2, "room", "a", "zu alt") == "store.conflict"


async def test_what_is_out_of_range_changes_nothing(page: Page) -> None:
    """STO-08: and the store goes on (STO-09)."""
    await filled(page)
    assert await does(page, "put", "unknown", ["a", "x"]) == "store.misuse"
    assert await does(page, "put", "room", ["k" * 256, "x"]) == "store.misuse"
    assert await does(page, "putLarge", 4 * 1024 * 1024) == "store.misuse"
    assert await does(page, "putLarge", 200_000) == 3


async def test_to_forget_leaves_nothing_that_can_be_read(page: Page, other: Page) -> None:
    """STO-37: rows, keys, database and anchor are gone; other pages' stores end."""
    await filled(page)
    assert await does(other, "open") is True
    await does(page, "destroy")
    assert await does(other, "texts", "room") == "store.closed"
    assert await does(other, "ended") == ["store.closed"]
    assert await does(page, "databases") == []
    assert await page.evaluate("localStorage.length") == 0
    assert await does(page, "texts", "room") == "store.closed"
    assert await does(page, "open") is False


async def test_what_cannot_be_opened_can_be_forgotten(page: Page) -> None:
    """STO-37: also a damaged store, and one of a newer page."""
    await filled(page)
    await does(page, "close")
    await does(page, "upgrade", 99)
    assert await does(page, "open") == "store.too_new"
    await does(page, "forget")
    assert await does(page, "databases") == []


async def test_a_page_that_does_not_let_go_holds_nothing_forgotten(page: Page, other: Page) -> None:
    """STO-37: keys and rows go before the database, which goes when the last page lets go of it."""
    await filled(page)
    assert await does(other, "seenByHolder") == 5
    await does(page, "destroy")
    assert await does(other, "seenByHolder") == 0
    await does(other, "letGo")
    assert await does(page, "open") is False
    assert await does(page, "databases") == []


async def test_a_newer_page_is_given_way(page: Page, other: Page) -> None:
    """STO-36: the older one lets go, refuses every call and says that it asks for a reload."""
    await filled(page)
    await does(other, "upgrade", 3)
    assert await does(page, "put", "room", ["a", "x"]) == "store.too_new"
    assert await does(page, "ended") == ["store.too_new"]


async def test_a_store_whose_time_is_over_is_erased(page: Page) -> None:
    """STO-35: the time counts from the last commit; a clock that went back ends nothing."""
    await filled(page)
    await does(page, "setNow", 1_000_000 + MINUTE_MS - 1)
    assert await does(page, "put", "room", ["a", "x"]) == 3
    assert await does(page, "untilMs") == 1_000_000 + 2 * MINUTE_MS - 1
    await does(page, "close")
    await does(page, "setNow", 0)
    assert await does(page, "open") is True
    await does(page, "close")
    await does(page, "setNow", 1_000_000 + 2 * MINUTE_MS - 1)
    assert await does(page, "open") == "store.missing"
    assert await does(page, "databases") == []
    assert await does(page, "open") is False


async def test_a_database_that_was_evicted_is_missed(page: Page) -> None:
    """STO-35: a person is told once that something was here, and goes on."""
    await filled(page)
    await does(page, "close")
    await page.evaluate(
        "new Promise((done) => { indexedDB.deleteDatabase('sealroom-test').onsuccess = done })"
    )
    assert await does(page, "open") == "store.missing"
    assert await does(page, "open") is False
    assert await does(page, "create") is None
    assert await does(page, "open") is True


async def test_a_recoverable_store_has_no_end(page: Page) -> None:
    """STO-35"""
    await does(page, "create", "recoverable")
    assert await does(page, "untilMs") is None
    assert await does(page, "put", "room", ["a", TEXT]) == 1
    await does(page, "close")
    await does(page, "setNow", 1_000_000 + 10_000_000 * MINUTE_MS)
    assert await does(page, "open", "recoverable") is True
    assert await does(page, "texts", "room") == [["a", TEXT]]


async def test_a_session_leaves_nothing_in_the_browser(page: Page) -> None:
    """STO-35"""
    await does(page, "create", "session")
    assert await does(page, "put", "room", ["a", TEXT]) == 1
    assert await does(page, "texts", "room") == [["a", TEXT]]
    assert await does(page, "databases") == []
    assert await page.evaluate("localStorage.length") == 0
    await page.reload()
    assert await does(page, "open", "session") is False


async def test_a_session_erases_what_was_kept_before_when_its_time_is_over(page: Page) -> None:
    """STO-35: a site may keep less later; what it kept stays as long as it was to stay, and no longer."""
    await filled(page)
    await does(page, "close")
    await does(page, "setNow", 1_000_000 + MINUTE_MS - 1)
    assert await does(page, "open", "session") is False
    assert await does(page, "open") is True
    await does(page, "close")
    await does(page, "setNow", 1_000_000 + 2 * MINUTE_MS)
    assert await does(page, "open", "session") is False
    async with asyncio.timeout(60):
        while await does(page, "databases") != []:  # noqa: ASYNC110  # a database signals nothing
            await asyncio.sleep(0.05)
    assert await does(page, "open") is False


async def test_storage_that_is_refused_is_said(visitor: browsers.Visitor, site: browsers.Site) -> None:
    """STO-32: a frame without an origin of its own gets no storage, and what asks for it a code."""
    site.files["/outer/"] = browsers.Answer(
        b"<!doctype html><title>outer</title><iframe sandbox=allow-scripts src=/opaque/></iframe>",
        {"Content-Security-Policy": "default-src 'none'; frame-src 'self'"},
    )
    script = site.files["/store.js"]
    assert isinstance(script, bytes)
    site.files["/opaque.js"] = browsers.Answer(script, {"Access-Control-Allow-Origin": "*"})
    site.files["/opaque/"] = browsers.Answer(
        b"<!doctype html><title>opaque</title><script type=module src=/opaque.js></script>",
        {"Content-Security-Policy": "default-src 'none'; script-src http:"},
    )
    outer = await visitor.open(site.url("/outer/"))
    frame = outer.frames[1]
    for step in ("open", "create", "forget"):
        answer = await frame.evaluate("(step) => globalThis.page[step]()", step)
        assert answer == "store.unavailable", step
