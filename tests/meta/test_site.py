"""The site: its blocks run, its generated pages are current, what it names exists, and it loads nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import e2ee_client
import pytest
import reference_pages
import site_build
from e2ee_client import events, room_events, rooms
from fenced_blocks import PageRun, page_run

NAMING = ("operate.md", "audit.md", "guard.md")
RUN = {"index.md": 10, "embed.md": 9, "operate.md": 6, "rooms.md": 1, "guard.md": 1}
# The first steps of the start page are those of the README, which are run in `make test`.
PAGES = [pytest.param(name, marks=pytest.mark.audit_only if name == "index.md" else ()) for name in RUN]
FOLDERS = ("audit", "client", "docs", "e2ee", "reports", "requirements", "server", "spec", "tests")


@pytest.fixture
def reader(tmp_path: Path, repo_root: Path) -> PageRun:
    """A reader's empty folder, home and programs."""
    return page_run(tmp_path, repo_root)


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize("name", PAGES)
def test_every_block_of_a_page_runs(reader: PageRun, repo_root: Path, name: str) -> None:
    with reader:
        assert reader.run((repo_root / "docs" / name).read_text("utf-8")) >= RUN[name]


@pytest.mark.parametrize("name", NAMING)
def test_what_a_page_names_in_the_repository_exists(repo_root: Path, name: str) -> None:
    named = list(_named((repo_root / "docs" / name).read_text("utf-8")))
    assert named
    targets = re.findall(r"^([a-z-]+):", (repo_root / "Makefile").read_text("utf-8"), re.MULTILINE)
    missing = [one for one in named if one.startswith("make ") and one.removeprefix("make ") not in targets]
    missing += [one for one in named if not one.startswith("make ") and not (repo_root / one).exists()]
    assert not missing


def _named(page: str) -> Iterator[str]:
    """Make targets, and paths of the repository, in what a page shows as code."""
    for code in re.findall(r"`([^`\n]+)`|^([^`\n]+)$", page, re.MULTILINE):
        text = code[0] or code[1]
        yield from re.findall(r"\bmake [a-z-]+", code[0])
        for word in re.findall(rf"(?<![\w./-])(?:(?:{'|'.join(FOLDERS)})/|[A-Z]+\.md)[\w./-]*", text):
            yield word.rstrip(".")


def test_generated_pages_are_current(repo_root: Path) -> None:
    for name, make in reference_pages.PAGES.items():
        assert (repo_root / name).read_text("utf-8") == make(), "make spec"


def test_each_event_stands_in_the_table_once_and_no_other_does() -> None:
    defined = {
        name
        for module in (events, room_events)
        for name, one in vars(module).items()
        if isinstance(one, type) and one.__module__ == module.__name__ and hasattr(one, "__match_args__")
    } - {"OfContact", "OfRoom"}
    listed = [one.__name__ for one in reference_pages.events()]
    assert len(listed) == len(set(listed))
    assert defined | {"EventsMissed", "StoreTrouble"} == set(listed) == set(reference_pages.WHAT_TO_DO)


def test_each_public_name_has_its_place_in_the_reference(repo_root: Path) -> None:
    pages = "".join(path.read_text("utf-8") for path in sorted((repo_root / "docs/reference").glob("*.md")))
    shown = set(re.findall(r"^::: e2ee_client\.(\w+)$", pages, re.MULTILINE))
    elsewhere = {"ClientEvent", "SealroomError", "__version__"}
    assert set(e2ee_client.__all__) - shown == elsewhere
    assert shown - {"guard", "sync", "testing"} < set(e2ee_client.__all__)
    of_rooms = set(re.findall(r"^::: e2ee_client\.rooms\.(\w+)$", pages, re.MULTILINE))
    assert of_rooms - {"sync", "proof", "archive"} == set(rooms.__all__)


POLICY = '<meta http-equiv="Content-Security-Policy" content="default-src \'self\'; img-src data:">'
SOUND = f"""<html><head>{POLICY}<link rel="stylesheet" href="assets/a.css">
<style>a {{ color: red }}</style></head>
<body><a href="https://example.org/">a link</a><script src="../b.js"></script>
<img src="data:image/png;base64,AA"></body></html>"""


def test_a_site_that_loads_only_its_own_parts_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(SOUND)
    (tmp_path / "a.css").write_text("a { background: url(b.svg) } b { mask: url('data:image/svg+xml;x') }")
    assert list(site_build.faults(tmp_path)) == []


@pytest.mark.parametrize(
    ("part", "by"),
    [
        ('href="assets/a.css"', 'href="https://example.org/a.css"'),
        ('href="assets/a.css"', 'href="//example.org/a.css"'),
        ('src="../b.js"', 'src="http://example.org/b.js"'),
        ('src="../b.js"', 'src=" HTTPS://example.org/b.js"'),
        ("data:image/png;base64,AA", "https://example.org/a.png"),
        ('<img src="data:image/png;base64,AA"', '<img srcset="a.png 1x, https://example.org/a.png 2x"'),
        ("a { color: red }", "@import 'https://example.org/a.css';"),
        ("a { color: red }", "a { background: url(//example.org/a.png) }"),
        ("a { color: red }", "@font-face { src: url(a.woff2) }"),
        ("<body>", '<body style="background: url(https://example.org/a.png)">'),
        (POLICY, ""),
        ("default-src 'self'", "default-src *"),
    ],
)
def test_a_page_with_a_part_from_elsewhere_is_refused(tmp_path: Path, part: str, by: str) -> None:
    assert part in SOUND
    (tmp_path / "index.html").write_text(SOUND.replace(part, by))
    assert len(list(site_build.faults(tmp_path))) == 1


def test_a_style_sheet_with_a_part_from_elsewhere_and_an_empty_site_are_refused(tmp_path: Path) -> None:
    assert list(site_build.faults(tmp_path)) == [f"{tmp_path.name}: no pages"]
    (tmp_path / "index.html").write_text(SOUND)
    (tmp_path / "a.css").write_text('@font-face { src: url("https://example.org/a.woff2") }')
    assert len(list(site_build.faults(tmp_path))) == 2


def test_what_the_reader_of_docstrings_says_counts_as_a_warning() -> None:
    said = "Build started\ngriffe: client/a.py:1: Failed to get a pair\nNo issues found\n"
    assert site_build.warnings(said) == ["griffe: client/a.py:1: Failed to get a pair"]
