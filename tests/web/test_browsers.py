"""The browsers are driven, and what a page complains of is heard."""

from __future__ import annotations

import browsers
import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")
POLICY = {"Content-Security-Policy": "default-src 'none'; script-src 'self'; report-uri /reports"}
PAGE = b"<!doctype html><title>page</title><script src=/page.js></script>"


@pytest.fixture
def site(serve_files: browsers.ServeFiles) -> browsers.Site:
    return serve_files({"/": PAGE, "/page.js": b"document.title = 'ran'"}, POLICY)


async def test_a_page_runs_where_the_browser_offers_what_needs_a_secure_origin(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    page = await visitor.open(site.url(host="chat.practice.localhost"))
    assert await page.title() == "ran"
    assert await page.evaluate("isSecureContext && !!navigator.locks && !!crypto.subtle")
    assert site.requests[:2] == ["GET /", "GET /page.js"]


async def test_errors_and_violations_of_the_policy_are_heard(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    site.files["/"] = PAGE + b"<script>document.title = 'inline'</script>"
    site.files["/page.js"] = b"setTimeout(() => { document.title = 'threw'; throw new Error('thrown') })"
    page = await visitor.open(site.url())
    await browsers.until(page, "() => document.title === 'threw'")
    assert visitor.violations == ["script-src-elem inline"]
    complaints = visitor.take_complaints()
    assert [text for text in complaints if "thrown" in text]
    assert visitor.take_complaints() == []


async def test_two_profiles_share_no_storage(new_visitor: browsers.NewVisitor, site: browsers.Site) -> None:
    first, second = await new_visitor(), await new_visitor()
    page = await first.open(site.url())
    await page.evaluate("localStorage.setItem('a', '1')")
    again, other = await first.open(site.url()), await second.open(site.url())
    assert await again.evaluate("localStorage.getItem('a')") == "1"
    assert await other.evaluate("localStorage.getItem('a')") is None
