"""Tests that share what is dear to make are handed to one process, and no others are; few are traced."""

from __future__ import annotations

import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import coverage
import pytest
from brief_reports import LONG, is_told
from together import SHORT, TOGETHER, Places, Scheduling, part_of, rank


def test_what_stands_together_exists(repo_root: Path) -> None:
    assert [place for place in TOGETHER + SHORT if not (repo_root / place).exists()] == []


def test_no_test_asks_for_a_group_by_a_mark(repo_root: Path) -> None:
    """It has no effect: pytest-xdist 3.8 puts the group into a name that pytest 9.2 does not read."""
    mark = "mark." + "xdist_group"
    files = (repo_root / "tests").rglob("*.py")
    assert [path.name for path in files if mark in path.read_text("utf-8")] == []


@pytest.mark.parametrize(
    ("nodeid", "part"),
    [
        ("tests/web/test_room.py::test_a[firefox]", "tests/web/ firefox"),
        ("tests/web/test_links.py::test_a[chromium-a text]", "tests/web/ chromium"),
        ("tests/web/test_core.py::test_the_core_runs_in_chromium", "tests/web/"),
        ("tests/interop/test_misreadings.py::test_a[0]", "tests/interop/test_misreadings.py"),
        ("tests/interop/test_reader.py::test_a[0]", "tests/interop/test_reader.py"),
        ("tests/store/test_rows.py::test_a[0]", "tests/store/test_rows.py::test_a[0]"),
        ("tests/negative/test_negative.py::test_a[0]", "tests/negative/test_negative.py"),
    ],
)
def test_all_else_is_handed_out_by_itself(nodeid: str, part: str) -> None:
    assert part_of(nodeid) == part


def test_what_stands_together_begins_and_the_short_tests_end() -> None:
    begin = ["tests/web/test_room.py::test_a[firefox]", "tests/leakage/test_scan.py::test_a"]
    end = ["tests/relay/test_core.py::test_a", "tests/negative/test_negative.py::test_a"]
    assert sorted([*end, *begin], key=rank) == begin + end


def test_what_is_done_is_forgotten() -> None:
    """Else each test that ends costs more than the one before."""
    given: list[list[int]] = []

    class Node:
        send_runtest_some = staticmethod(given.append)

    node: Any = Node()
    parts = Scheduling.__new__(Scheduling)
    parts.registered_collections = {node: ["a", "b", "c"]}
    parts.assigned_work = {node: {"a": {"a": True}, "b": {"b": False}}}
    parts.workqueue = OrderedDict({"c": {"c": False}})
    parts._assign_work_unit(node)
    assert parts.assigned_work == {node: {"b": {"b": False}, "c": {"c": False}}}
    assert given == [[2]]


def test_a_name_is_found_at_its_place() -> None:
    """It is looked up: to compare all names before it took 3 seconds of a whole run."""
    names = Places(["a", "b", "c"])
    assert names == ["a", "b", "c"]
    assert [names.index(name) for name in names] == [0, 1, 2]


@pytest.mark.parametrize(
    ("when", "outcome", "sections", "seconds", "told"),
    [
        ("setup", "passed", [], 0, False),
        ("call", "passed", [], 0, True),
        ("teardown", "passed", [], 0, False),
        ("setup", "skipped", [], 0, True),
        ("setup", "failed", [], 0, True),
        ("teardown", "failed", [], 0, True),
        ("teardown", "passed", [("Captured stdout teardown", "a")], 0, True),
        ("setup", "passed", [], 2 * LONG, True),
    ],
)
def test_of_what_passed_the_result_alone_is_told(
    when: Any, outcome: Any, sections: list[tuple[str, str]], seconds: float, told: bool
) -> None:
    about: tuple[Any, ...] = ("a::b", ("a", 0, "b"), {}, outcome, None, when, sections, seconds)
    assert is_told(pytest.TestReport(*about)) is told


def test_no_lines_are_counted_here() -> None:
    """In tests but those of chapters and vectors: it took twice to three times as long."""
    assert coverage.Coverage.current() is None
    assert sys.gettrace() is None
