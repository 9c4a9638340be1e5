"""The table of all errors is made from their classes and is current."""

from __future__ import annotations

import re
from pathlib import Path

import error_table
import pytest
from e2ee_client import errors
from e2ee_client.cli.texts.english import ENGLISH
from e2ee_client.cli.texts.german import GERMAN
from e2ee_client.desk.errors import DeskBusy, InputRefused, TooMany
from e2ee_client.engine.rooms.requests import UNANSWERED

from e2ee import errors as core
from e2ee.rooms.desk import NOBODY_WAITS


def test_the_page_is_current(repo_root: Path) -> None:
    assert (repo_root / error_table.PAGE).read_text("utf-8") == error_table.page(), "make spec"


def test_every_code_stands_there_once_with_its_hint() -> None:
    lines = [line.split(" | ") for line in error_table.page().splitlines() if line.startswith("| `")]
    codes = [line[0] for line in lines]
    # A notice can lack something to the core and to who loads it from a file.
    codes.remove("| `config.notice`")
    assert len(codes) == len(set(codes)) > 40
    assert all(line[4].rstrip(" |") for line in lines if len(line) == 5)


def test_what_calls_raise_says_what_to_do(repo_root: Path) -> None:
    """The codes of the core that docstrings of the client and of rooms name have a hint."""
    raised: set[str] = set()
    for place in (
        "client.py",
        "contacts.py",
        "rooms/room.py",
        "rooms/company_room.py",
        "rooms/customer_room.py",
    ):
        source = (repo_root / "client/e2ee_client" / place).read_text("utf-8")
        raised.update(
            *(re.findall(r"[A-Z]\w+", text) for text in re.findall(r"Raises:(.*?)\"\"\"", source, re.DOTALL))
        )
    every = [one for one in vars(core).values() if isinstance(one, type) and issubclass(one, core.E2eeError)]
    named = [one for one in every if one.__name__ in raised]
    groups = {core.LocalError, core.RemoteError, core.E2eeError, core.DecodeError, core.BadSignature}
    assert len(named) > 12
    assert [one.__name__ for one in named if not one.hint and one not in groups] == []


@pytest.mark.parametrize("lost", [errors.StoreCorrupt, errors.StoreTooOld])
def test_who_lost_a_store_is_told_what_a_backup_does_not_bring(lost: type[errors.StoreError]) -> None:
    """STO-26."""
    assert "no rooms" in lost.hint
    for texts in (ENGLISH, GERMAN):
        assert re.search("no rooms|Räume nicht", texts[f"hint.{lost.code}"])


def test_a_hint_is_of_its_class_alone() -> None:
    class Narrower(core.RoomClosed, code="room.narrower"):
        """One of which nothing is said."""

    assert core.RoomClosed.hint
    assert not Narrower.hint
    assert not core.AuthenticationError.hint


def test_the_desk_words_codes_that_exist(repo_root: Path) -> None:
    faults = (repo_root / "client/web/packages/desk/src/faults.ts").read_text("utf-8")
    worded = set(re.findall(r'^  "([a-z_.]+)":', faults, re.MULTILINE))
    stated = set(re.findall(r"^\| `([a-z_.]+)`", error_table.page(), re.MULTILINE))
    of_the_page = {"local.desk_lost", DeskBusy.code, InputRefused.code, TooMany.code}
    of_requests = {"room.assigned", NOBODY_WAITS, UNANSWERED}
    assert worded - of_the_page - of_requests <= stated
    assert len(worded) > 15


def test_a_new_error_makes_the_page_stale(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Added(errors.SealroomError):
        """Something new."""

        code = "added.now"
        __module__ = errors.__name__

    monkeypatch.setattr(errors, "Added", Added, raising=False)
    assert (repo_root / error_table.PAGE).read_text("utf-8") != error_table.page()
