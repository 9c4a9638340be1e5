"""Several tabs of one browser: one leads, the others ask it, and its end hands over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import browsers
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

pytestmark = pytest.mark.asyncio(loop_scope="session")
CALLS = 20


@pytest.fixture(scope="module")
def site(web_libraries: None) -> Iterator[browsers.Site]:
    page = b"<!doctype html><title>tab</title><script type=module src=/tabs.js></script>"
    script = browsers.bundled("packages/client/tests/pages/tabs.ts")
    blank = browsers.Answer(b"<!doctype html><title>elsewhere</title>")
    with browsers.Site({"/": page, "/tabs.js": script, "/elsewhere/": blank}) as serving:
        yield serving


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(browser: Browser) -> AsyncIterator[browsers.Visitor]:
    async with browsers.visiting(browser) as visiting:
        yield visiting
        assert visiting.take_complaints() == []


async def does(page: Page, step: str, *arguments: object) -> Any:
    """Do a step of a tab."""
    return await page.evaluate("([step, given]) => globalThis.tab[step](...given)", [step, list(arguments)])


async def joined(visitor: browsers.Visitor, url: str) -> Page:
    """A tab that knows who leads."""
    page = await visitor.open(url)
    await does(page, "join")
    await browsers.until(page, "() => globalThis.tab.led().length > 0")
    return page


async def test_one_of_two_tabs_leads_and_both_hear_and_ask(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    """STO-38, STO-39: also for what carries a blob; a code of a refusal comes back, and no noise disturbs."""
    first, second = await joined(visitor, site.url()), await joined(visitor, site.url())
    assert [await does(page, "isLeader") for page in (first, second)] == [True, False]
    await does(second, "noise")
    assert await does(second, "write", "eins") == "written"
    assert await does(first, "write", "zwei") == "written"
    for page in (first, second):
        await browsers.until(page, "() => globalThis.tab.heard().length === 2")
        assert await does(page, "heard") == ["eins", "zwei"]
        assert await does(page, "read") == ["eins", "zwei"]
        assert await does(page, "refused") == "store.misuse"
        assert await does(page, "size") == "4"
        assert await does(page, "tooLarge") == "tabs.too_large"
        assert await does(page, "led") == [page is first]


async def test_a_leader_that_is_closed_hands_over_and_no_row_is_written_twice(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    """STO-38, STO-39: the next leader is asked for what the old one had not begun, and for nothing else."""
    first, second = await joined(visitor, site.url()), await joined(visitor, site.url())
    texts = [f"Nachricht {number}" for number in range(CALLS)]
    begun = "(texts) => { globalThis.done = Promise.all(texts.map((text) => globalThis.tab.write(text))) }"
    await second.evaluate(begun, texts)
    await first.close()
    answers = await second.evaluate("globalThis.done")
    await browsers.until(second, "() => globalThis.tab.isLeader()")
    assert await does(second, "led") == [False, True]
    assert await does(second, "write", "danach") == "written"
    rows = await does(second, "read")
    assert len(rows) == len(set(rows))
    assert {text for text, answer in zip(texts, answers, strict=True) if answer == "written"} <= set(rows)
    assert set(answers) <= {"written", "tabs.unsure"}
    assert rows[-1] == "danach"


async def test_a_tab_that_leaves_the_page_hands_over_and_stands_again_when_it_returns(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    """STO-38: by a link and the button back, and when it parts by itself."""
    first, second = await joined(visitor, site.url()), await joined(visitor, site.url())
    await first.goto(site.url("/elsewhere/"))
    await browsers.until(second, "() => globalThis.tab.isLeader()")
    await first.go_back()
    if not await first.evaluate("globalThis.tab.led().length"):
        await does(first, "join")
    await browsers.until(first, "() => globalThis.tab.led().at(-1) === false")
    assert await does(first, "write", "zurück") == "written"
    await does(second, "leave")
    await browsers.until(first, "() => globalThis.tab.isLeader()")
    assert await does(first, "read") == ["zurück"]
    assert await does(second, "write", "zu spät") == "tabs.left"


async def test_a_leader_that_does_not_answer_is_deposed_and_cannot_write(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    """STO-38, STO-33: a tab that was suspended with the lock in hand wakes to a store that is not its own."""
    first, second = await joined(visitor, site.url()), await joined(visitor, site.url())
    await does(first, "sleep")
    await browsers.until(second, "() => globalThis.tab.isLeader()")
    assert await does(second, "write", "von der zweiten") == "written"
    assert await does(first, "writeStraight") in {"store.conflict", "store.closed"}
    await browsers.until(first, "() => !globalThis.tab.isLeader()")
    assert await does(second, "read") == ["von der zweiten"]


async def test_a_page_of_another_origin_neither_hears_nor_leads(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    """STO-38: lock, channel and database are those of one origin."""
    ours = await joined(visitor, site.url(host="chat.practice.localhost"))
    theirs = await joined(visitor, site.url(host="hostile.localhost"))
    assert [await does(page, "isLeader") for page in (ours, theirs)] == [True, True]
    await does(theirs, "noise")
    assert await does(ours, "write", "vertraulich") == "written"
    assert await does(theirs, "heard") == []
    assert await does(theirs, "read") == []
