"""Chromium and Firefox ESR through Playwright, and visitors who note what a page complains of.

Tests of pages are asynchronous and share the loop of their session, in which the browsers live:
`pytestmark = pytest.mark.asyncio(loop_scope="session")`.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import pytest
import web_packages
from playwright.async_api import (
    Browser,
    BrowserContext,
    BrowserType,
    ConsoleMessage,
    Frame,
    Page,
    Playwright,
    Request,
    WebError,
)

from demo.web_site import Answer
from demo.web_site import WebSite as Site

__all__ = [
    "COUNT_URLS", "NAMES", "PNG", "PROGRAMS", "QUIET", "Answer", "NewVisitor", "ServeFiles", "Site",
    "Visitor", "bundled", "missing", "png", "started", "until", "visiting",
]  # fmt: skip

PROGRAMS: Final = {"chromium": "/usr/bin/chromium", "firefox": "/usr/bin/firefox-esr"}
NAMES: Final = tuple(PROGRAMS)
QUIET: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The last such list counts: what the driver's own has for tests, no process for a page that may come, and
    # no lists below an address bar that nobody sees, for which each window had two processes.
    "--disable-features=AimEnabled,AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,"
    "HttpsUpgrades,LensOverlay,MediaRouter,NetworkTimeServiceQuerying,OptimizationHints,PaintHolding,"
    "SpareRendererForSitePerProcess,ThirdPartyStoragePartitioning,Translate,WebUIOmniboxAimPopup,"
    "WebUIOmniboxFullPopup,WebUIOmniboxPopup",
)
# Each page has a process; none is started for a page that may come.
_CALM: Final[dict[str, str | float | bool]] = {"dom.ipc.processPrelaunch.enabled": False}
firefox_in_audit = pytest.mark.parametrize(
    "browser_name",
    ["chromium", pytest.param("firefox", marks=pytest.mark.audit_only)],
    indirect=True,
    scope="session",
)
"""For a story whose parts other tests see in both browsers: in Firefox the audit plays it alone."""
# What a page may not do by its policy is told by an event, in frames and shadow trees too.
_WATCH: Final = """addEventListener("securitypolicyviolation", (event) =>
  globalThis.__tellViolation(`${event.effectiveDirective} ${event.blockedURI}`), true)"""


def png(width: int, height: int) -> bytes:
    """An image whose header says so many pixels; those of one are there."""
    begins = b"\x89PNG\r\n\x1a\n"
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((1, 0, 0, 0, 0))
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b""))
    return begins + b"".join(
        len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
        for kind, body in chunks
    )


PNG: Final = png(1, 1)
"""An image of one pixel."""


COUNT_URLS: Final = """() => {
  const make = URL.createObjectURL;
  globalThis.made = 0;
  URL.createObjectURL = (blob) => { globalThis.made += 1; return make.call(URL, blob); };
}"""
"""Has a frame count the addresses of blobs that it makes, in `made`."""


def need(problem: str | None) -> None:
    """Go on where nothing is missing; else CI fails, and others skip."""
    if problem is None:
        return
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(problem)
    pytest.skip(problem)


def missing(name: str) -> str | None:
    """Say why a browser cannot be driven; None where it can."""
    path = PROGRAMS[name]
    return (
        None
        if os.access(path, os.X_OK)
        else f"{name} is not there: {path} (Debian: {os.path.basename(path)})"
    )


@asynccontextmanager
async def started(playwright: Playwright, name: str, **settings: float) -> AsyncIterator[Browser]:
    """One of the two browsers, without a window; `settings` are more of those of Firefox."""
    browser = await _launch(playwright, name, settings)
    try:
        yield browser
    finally:
        await browser.close()


async def _launch(playwright: Playwright, name: str, settings: Mapping[str, float]) -> Browser:
    kind: BrowserType = getattr(playwright, name)
    if name == "firefox":
        prefs = {**_CALM, **settings}
        return await kind.launch(
            channel="moz-firefox", executable_path=PROGRAMS[name], firefox_user_prefs=prefs
        )
    return await kind.launch(executable_path=PROGRAMS[name], args=list(QUIET))


@dataclass  # Playwright keeps a note of its own at the methods that it calls
class Visitor:
    """A profile of its own: storage that its pages share, what they requested, what they complained of.

    `violations` are those of the page's policy (CSP), `errors` what no code caught and what the console calls
    an error. `has_one_page`: it opens each address in the same page: Firefox works a second for a window.
    """

    context: BrowserContext
    has_one_page: bool = False
    violations: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    async def open(self, url: str) -> Page:
        """A page of its own at an address, or the one that is open, when it has loaded."""
        open_pages = self.context.pages if self.has_one_page else []
        page = open_pages[0] if open_pages else await self.context.new_page()
        await page.goto(url)
        return page

    def take_complaints(self) -> list[str]:
        """All complaints so far, which a test has expected: they are forgotten."""
        taken = [*self.violations, *self.errors]
        self.violations.clear()
        self.errors.clear()
        return taken

    def heard(self, message: ConsoleMessage) -> None:
        """Note what a console calls an error."""
        self.erred(message.text if message.type == "error" else "")

    def erred(self, text: str) -> None:
        """Note an error. That a policy keeps the browser from its own search for an icon is none."""
        if text and "/favicon.ico" not in text:
            self.errors.append(text)

    def violated(self, _source: Mapping[str, Any], text: str) -> None:
        """Note a violation of a page's policy."""
        if not text.endswith("/favicon.ico"):
            self.violations.append(text)


@asynccontextmanager
async def visiting(browser: Browser, **options: Any) -> AsyncIterator[Visitor]:
    """A visitor with a fresh profile; `options` are those of Playwright's `new_context`."""
    context = await browser.new_context(**options)
    visitor = Visitor(context)
    try:
        await context.expose_binding("__tellViolation", visitor.violated)
        await context.add_init_script(_WATCH)

        def failed(error: WebError) -> None:
            visitor.erred(str(error.error))

        def requested(request: Request) -> None:
            visitor.requests.append(f"{request.method} {request.url}")

        context.on("weberror", failed)
        context.on("console", visitor.heard)
        context.on("request", requested)
        yield visitor
    finally:
        await context.close()


async def until(page: Page | Frame, condition: str, given: Any = None) -> None:
    """Wait until a function of the page's script gives something true.

    Playwright's `wait_for_function` evaluates a text in the page, which a policy of ours forbids.
    """
    await page.evaluate(
        f"(given) => new Promise((done) => {{ const look = () =>"
        f" ({condition})(given) ? done() : setTimeout(look, 10); look() }})",
        given,
    )


def bundled(entry: str, *options: str) -> bytes:
    """One module of a source of the workspace and what it imports, by esbuild; `entry` from `client/web` on.

    Raises AssertionError with what esbuild said.
    """
    done = web_packages.run(
        "node_modules/esbuild/bin/esbuild", entry, "--bundle", "--format=esm", "--log-level=warning", *options
    )
    if done.returncode != 0 or done.stderr:
        raise AssertionError(done.stderr)
    return done.stdout.encode("utf-8")


class NewVisitor(Protocol):
    """Makes visitors, each with a fresh profile."""

    async def __call__(self, **options: Any) -> Visitor:
        """Return one; `options` are those of Playwright's `new_context`."""
        ...


class ServeFiles(Protocol):
    """Serves files from memory until the test ends."""

    def __call__(self, files: Mapping[str, bytes | Answer], headers: Mapping[str, str] | None = None) -> Site:
        """Return the site."""
        ...
