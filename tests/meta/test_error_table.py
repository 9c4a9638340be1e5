"""The table of all errors is made from their classes and is current."""

from __future__ import annotations

import re
from pathlib import Path

import error_table
import pytest
from e2ee_client import errors
from e2ee_client.desk.errors import DeskBusy, InputRefused, TooMany


def test_the_page_is_current(repo_root: Path) -> None:
    assert (repo_root / error_table.PAGE).read_text("utf-8") == error_table.page(), "make spec"


def test_every_code_stands_there_once_with_its_hint() -> None:
    lines = [line.split(" | ") for line in error_table.page().splitlines() if line.startswith("| `")]
    codes = [line[0] for line in lines]
    # A notice can lack something to the core and to who loads it from a file.
    codes.remove("| `config.notice`")
    assert len(codes) == len(set(codes)) > 40
    assert all(line[4].rstrip(" |") for line in lines if len(line) == 5)


def test_the_desk_words_codes_that_exist(repo_root: Path) -> None:
    faults = (repo_root / "client/web/packages/desk/src/faults.ts").read_text("utf-8")
    worded = set(re.findall(r'^  "([a-z_.]+)":', faults, re.MULTILINE))
    stated = set(re.findall(r"^\| `([a-z_.]+)`", error_table.page(), re.MULTILINE))
    of_the_page = {"local.desk_lost", DeskBusy.code, InputRefused.code, TooMany.code}
    assert worded - of_the_page <= stated
    assert len(worded) > 15


def test_a_new_error_makes_the_page_stale(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Added(errors.SealroomError):
        """Something new."""

        code = "added.now"
        __module__ = errors.__name__

    monkeypatch.setattr(errors, "Added", Added, raising=False)
    assert (repo_root / error_table.PAGE).read_text("utf-8") != error_table.page()
