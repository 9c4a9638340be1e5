"""Pictures of the customer's window: every state, width, theme and language, to be looked at.

As a program: `web_pictures.py [--out FOLDER] [--scenes a,b] [--widths 320,390] [--looks light,dark,forced]
[--languages de,en,xx]`; `xx` is a made-up language from right to left. What a page complained of is an error.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import browsers
import checkout
import web_packages
from playwright.async_api import Browser, Frame, Page, ViewportSize, async_playwright

OUT = checkout.ROOT / "build/pictures"
HEIGHTS = {320: 568, 390: 844, 768: 1024, 1280: 800}
LOOKS = ("light", "dark", "forced")
LANGUAGES = ("de", "en", "xx")
_NUMBERS: Final = itertools.count()

_BARRIERS: Final = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"], preload: false,
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
  const found = violations.flatMap((one) => one.nodes.map((node) => `${one.id} ${node.html.slice(0, 200)}`));
  const wide = [];
  const look = (root) => { for (const element of root.querySelectorAll("*")) {
    if (element.shadowRoot) look(element.shadowRoot);
    const box = element.getBoundingClientRect();
    const isOut = box.width > 1 && (box.right > innerWidth + 1 || box.left < -1);
    if (isOut) wide.push(`wide ${element.outerHTML.slice(0, 160)}`);
  } };
  look(document);
  return [...found, ...wide];
}"""


class NotBuilt(Exception):
    """The pages could not be built."""


def build_pages() -> dict[str, bytes | browsers.Answer]:
    """Pages with scripted backends, by the path under which they are served; with the headers of a release.

    Raises NotBuilt with what the build said.
    """
    with tempfile.TemporaryDirectory() as folder:
        done = web_packages.run("build.ts", "--tests", f"--out={folder}")
        if done.returncode != 0:
            raise NotBuilt(done.stdout + done.stderr)
        return {f"/{path.name}": path.read_bytes() for path in sorted(Path(folder).iterdir())}


def headers_of(files: dict[str, bytes | browsers.Answer], pages: str = "'self'") -> dict[str, str]:
    """What a host of the room sends, with these pages around it and no relay."""
    listed = files["/headers.json"]
    named: dict[str, str] = json.loads(listed if isinstance(listed, bytes) else listed.body)
    return {name: value.replace("{pages}", pages).replace(" {relay}", "") for name, value in named.items()}


def scenes() -> list[str]:
    """The names of all scenes, from their source."""
    source = (web_packages.WORKSPACE / "packages/ui/tests/scenes.ts").read_text(encoding="utf-8")
    table = source.partition("SCENES:")[2].partition("\n};")[0]
    return re.findall(r"^ {2}(\w+):", table, re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture."""

    scene: str
    width: int
    look: str
    language: str

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.scene}-{self.width}-{self.look}-{self.language}.png"


@asynccontextmanager
async def window(browser: Browser, site: browsers.Site, width: int, look: str) -> AsyncIterator[Page]:
    """A page of this width and look; complaints raise AssertionError at the end."""
    size: ViewportSize = {"width": width, "height": HEIGHTS[width]}
    async with browsers.visiting(
        browser,
        viewport=size,
        color_scheme="dark" if look == "dark" else "light",
        forced_colors="active" if look == "forced" else "none",
        locale="de-DE",
        timezone_id="Europe/Berlin",
        reduced_motion="reduce",
    ) as visitor:
        page = await visitor.open(site.url("/window.html"))
        yield page
        complaints = visitor.take_complaints()
        if complaints:
            raise AssertionError(complaints)


async def show(page: Page, site: browsers.Site, scene: str, language: str) -> None:
    """Play a scene, and wait until its window is drawn; the number has the page loaded anew."""
    await page.goto(site.url(f"/window.html?{next(_NUMBERS)}#scene={scene}&lang={language}&framed"))
    await page.wait_for_function(
        """() => window.room && new Promise((done) =>
          requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"""
    )


async def barriers(page: Page | Frame) -> list[str]:
    """What axe finds in a page, and what is wider than its window."""
    axe = web_packages.WORKSPACE / "node_modules/axe-core/axe.min.js"
    await page.evaluate(axe.read_text(encoding="utf-8"))
    found: list[str] = await page.evaluate(_BARRIERS)
    return found


async def take(folder: Path, shots: Sequence[Shot], look_for_barriers: bool) -> list[str]:
    """Take these pictures with Chromium; what barriers were found."""
    found: list[str] = []
    files = build_pages()
    kinds = sorted({(shot.width, shot.look) for shot in shots})
    async with async_playwright() as playwright, browsers.started(playwright, "chromium") as browser:
        with browsers.Site(files, headers_of(files)) as site:
            for width, look in kinds:
                async with window(browser, site, width, look) as page:
                    for shot in shots:
                        if (shot.width, shot.look) == (width, look):
                            await show(page, site, shot.scene, shot.language)
                            await page.screenshot(path=folder / shot.name)
                            if look_for_barriers:
                                found += [f"{shot.name}: {one}" for one in await barriers(page)]
    return found


def main(arguments: Sequence[str]) -> int:
    """Take the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--scenes", default=",".join(scenes()))
    parser.add_argument("--widths", default=",".join(map(str, HEIGHTS)))
    parser.add_argument("--looks", default=",".join(LOOKS))
    parser.add_argument("--languages", default=",".join(LANGUAGES))
    parser.add_argument("--barriers", action="store_true", help="let axe look, too")
    options = parser.parse_args(arguments)
    web_packages.install()
    shots = [
        Shot(scene, int(width), look, language)
        for width in options.widths.split(",")
        for look in options.looks.split(",")
        for language in options.languages.split(",")
        for scene in options.scenes.split(",")
    ]
    options.out.mkdir(parents=True, exist_ok=True)
    found = asyncio.run(take(options.out, shots, options.barriers))
    print("\n".join([*found, f"{len(shots)} pictures in {options.out}"]))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
