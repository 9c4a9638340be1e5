"""Tests that share what is dear to make are handed to one process, and no others are; few are traced."""

from __future__ import annotations

import sys
from pathlib import Path

import coverage
import pytest
from together import TOGETHER, Scheduling


def test_what_stands_together_exists(repo_root: Path) -> None:
    assert [place for place in TOGETHER if not (repo_root / place).exists()] == []


def test_no_test_asks_for_a_group_by_a_mark(repo_root: Path) -> None:
    """It has no effect: pytest-xdist 3.8 puts the group into a name that pytest 9.2 does not read."""
    mark = "mark." + "xdist_group"
    files = (repo_root / "tests").rglob("*.py")
    assert [path.name for path in files if mark in path.read_text("utf-8")] == []


@pytest.mark.parametrize(
    ("nodeid", "part"),
    [
        ("tests/web/test_room.py::test_a[firefox]", "tests/web/"),
        ("tests/interop/test_misreadings.py::test_a[0]", "tests/interop/test_misreadings.py"),
        ("tests/interop/test_reader.py::test_a[0]", "tests/interop/test_reader.py::test_a[0]"),
    ],
)
def test_all_else_is_handed_out_by_itself(nodeid: str, part: str) -> None:
    assert Scheduling._split_scope(Scheduling.__new__(Scheduling), nodeid) == part


def test_no_lines_are_counted_here() -> None:
    """In tests but those of chapters and vectors: it took twice to three times as long."""
    assert coverage.Coverage.current() is None
    assert sys.gettrace() is None
