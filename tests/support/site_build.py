"""Builds the site of docs/ into build/docs, and refuses one that warns or that loads anything from elsewhere.

python tests/support/site_build.py
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
SITE: Final = "build/docs"
POLICY: Final = "default-src 'self'"
# What a browser loads by itself; a link of the text is followed by a person only.
LOADING: Final = frozenset({"src", "srcset", "poster", "data", "action", "formaction"})
_ELSEWHERE: Final = re.compile(r"^\s*(?:[a-z][a-z0-9+.-]*:)?//|^\s*(?:https?|wss?):", re.IGNORECASE)
_CSS_ELSEWHERE: Final = re.compile(
    r"@import\s+(?:url\()?[\"']?\s*(?:https?:)?//[^\"')\s]*|url\([\"']?\s*(?:https?:)?//[^\"')\s]*"
    r"|@font-face",
    re.IGNORECASE,
)


class _Page(HTMLParser):
    """Collects what a page loads from elsewhere, and whether its policy forbids to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.has_policy = False
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        values = {name: value or "" for name, value in attrs}
        if values.get("http-equiv", "").lower() == "content-security-policy":
            self.has_policy |= values.get("content", "").startswith(POLICY)
        loading = LOADING | {"href"} if tag in {"link", "base", "use", "image"} else LOADING
        for name, value in values.items():
            if name in loading and any(_ELSEWHERE.match(part) for part in value.split(",")):
                self.found.append(f"<{tag} {name}={value}>")
        self.found += _CSS_ELSEWHERE.findall(values.get("style", ""))

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.found += _CSS_ELSEWHERE.findall(data)


def faults(site: Path) -> Iterator[str]:
    """What in a built site would be loaded from elsewhere, and pages without the policy that forbids it."""
    pages = sorted(site.rglob("*.html"))
    if not pages:
        yield f"{site.name}: no pages"
    for path in pages:
        page = _Page()
        page.feed(path.read_text("utf-8"))
        yield from (f"{path.relative_to(site)}: {one}" for one in page.found)
        if not page.has_policy:
            yield f"{path.relative_to(site)}: no policy against parts from elsewhere"
    for path in sorted(site.rglob("*.css")):
        for one in _CSS_ELSEWHERE.findall(path.read_text("utf-8")):
            yield f"{path.relative_to(site)}: {one}"


def warnings(printed: str) -> list[str]:
    """The lines in which the reader of docstrings complains, which the builder does not count."""
    return [line for line in printed.splitlines() if re.match(r"(griffe|mkdocstrings|WARNING)\b", line)]


def main() -> int:
    shutil.rmtree(ROOT / SITE, ignore_errors=True)
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--clean", "--strict"]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    wrong = warnings(done.stdout)
    if done.returncode != 0 or wrong:
        print(done.stdout, end="", file=sys.stderr)
        return 1
    found = list(faults(ROOT / SITE))
    for one in found:
        print(one, file=sys.stderr)
    print(f"==> {SITE}/index.html")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
