"""What every text of the repository owes its reader: live links, and no leftovers of one machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import checkout

MAX_ADR_LINES = 40
# Written in pieces, so that this file does not contain what it looks for.
_HOSTS = (
    "python" + "hosted.org",
    "py" + "pi.org",
    "registry." + "npmjs",
    "deb." + "debian.org",
    "crates" + ".io",
)
_FOLDERS = ("work", "root", "farm", "tmp/dev")
FORBIDDEN = re.compile(
    "|".join(re.escape(host) for host in _HOSTS) + r"|(?<![A-Za-z0-9_.~/-])/(?:" + "|".join(_FOLDERS) + r")/"
)
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X{3}|Not" + r"ImplementedError)\b")
LINK = re.compile(r"(?<!\\)\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)


def forbidden(root: Path) -> Iterator[str]:
    """Addresses of package registries and paths of one machine, anywhere in the repository."""
    for path in checkout.tracked(root):
        text = path.read_bytes().decode("utf-8", "replace")
        for hit in FORBIDDEN.finditer(text):
            number = text.count("\n", 0, hit.start()) + 1
            name = path.relative_to(root).as_posix()
            yield f"{name}:{number}: {hit[0]!r} must not stand in the repository"


def unfinished(root: Path) -> Iterator[str]:
    """Marks of unfinished work in shipped code."""
    for path in checkout.shipped_sources(root):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if hit := UNFINISHED.search(line):
                yield f"{path.relative_to(root).as_posix()}:{number}: {hit[0]} in shipped code"


def broken_links(root: Path) -> Iterator[str]:
    """Relative links of Markdown files whose file, or heading, does not exist."""
    for path in checkout.files(root, "**/*.md"):
        text = FENCE.sub("", path.read_text("utf-8"))
        for target in LINK.findall(text):
            if not re.match(r"[a-z][a-z0-9+.-]*:", target) and not _leads_somewhere(path, target):
                yield f"{path.relative_to(root).as_posix()}: the link {target} leads nowhere"


def _leads_somewhere(page: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    file = page.parent / name if name else page
    if not file.exists():
        return False
    return not anchor or file.suffix != ".md" or anchor in headings(file.read_text("utf-8"))


def headings(text: str) -> set[str]:
    """Anchors of the headings of a Markdown text, as the usual web views make them."""
    lines = re.findall(r"^#+\s+(.*?)\s*$", FENCE.sub("", text), re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line).lower() for line in lines]
    return {re.sub(r"[^\w\- ]", "", line).replace(" ", "-") for line in plain}


def long_records(root: Path) -> Iterator[str]:
    """Decision records of more than 40 lines."""
    for path in checkout.files(root, "spec/adr/*.md"):
        lines = len(path.read_text("utf-8").splitlines())
        if path.name != "README.md" and lines > MAX_ADR_LINES:
            yield f"spec/adr/{path.name}: {lines} lines, a decision record has at most {MAX_ADR_LINES}"


def unlisted_records(root: Path) -> Iterator[str]:
    """Decision records that the index in `spec/adr/README.md` does not link."""
    index = root / "spec/adr/README.md"
    listed = set(LINK.findall(index.read_text("utf-8"))) if index.exists() else set()
    for path in checkout.files(root, "spec/adr/[0-9]*.md"):
        if path.name not in listed:
            yield f"spec/adr/README.md: does not list {path.name}"


def changelog(root: Path) -> Iterator[str]:
    """Each version of the changelog names the wire version that it speaks."""
    path = root / "CHANGELOG.md"
    sections = re.split(r"^## ", path.read_text("utf-8"), flags=re.MULTILINE)[1:] if path.exists() else []
    for section in sections:
        if not re.search(r"^Wire version: \d+\.?$", section, re.MULTILINE):
            yield f"CHANGELOG.md: {section.splitlines()[0]!r} does not state its wire version"


def problems(root: Path) -> list[str]:
    """All that is wrong with the repository's texts."""
    checks = (forbidden, unfinished, broken_links, long_records, unlisted_records, changelog)
    return [problem for check in checks for problem in check(root)]
