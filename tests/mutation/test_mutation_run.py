"""The list of survivors is well formed, and what a run counts is what it shows."""

from __future__ import annotations

from pathlib import Path

import checkout
import mutation_report
import mutation_tree
import pytest
from mutation_report import OPEN, Outcome, Survivor

ROWS = [
    {"file": "e2ee/a.py", "function": "f", "change": ["-return 1", "+return 2"], "verdict": "killed"},
    {"file": "e2ee/a.py", "function": "f", "change": ["-x = 1", "+x = None"], "verdict": "survived"},
    {"file": "e2ee/b.py", "function": "C.g", "change": ["-y <= 1", "+y < 1"], "verdict": "no test"},
    {"file": "e2ee/b.py", "function": "C.g", "change": ["-while y", "+while True"], "verdict": "timeout"},
]


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty list of survivors."""
    path = tmp_path / "survivors.md"
    monkeypatch.setattr(mutation_report, "LIST", path)
    return path


def _outcome() -> Outcome:
    return Outcome.of({"mutants": ROWS, "left out": [], "tests": 3}, [])


def test_a_mutant_without_a_test_survives_and_one_that_runs_on_does_not() -> None:
    outcome = _outcome()
    assert [one.title for one in outcome.survivors] == ["e2ee/a.py, f", "e2ee/b.py, C.g"]
    assert outcome.score == 0.5
    assert not outcome.is_good
    assert outcome.by_file == {"e2ee/a.py": (1, 2), "e2ee/b.py": (1, 2)}


def test_a_test_that_fails_without_a_mutant_spoils_a_run() -> None:
    perfect = {"mutants": ROWS[:1], "left out": ["tests/spec/test_x.py::test_y"], "tests": 3}
    assert not Outcome.of(perfect, []).is_good
    assert Outcome.of({**perfect, "left out": sorted(mutation_report.READS_SOURCES)}, []).is_good


def test_reasons_are_found_again_after_the_list_was_written(listed: Path) -> None:
    survivors = _outcome().survivors
    mutation_report.write_survivors(survivors, ["e2ee/a.py", "e2ee/b.py"])
    assert mutation_report.without_reason(survivors) == list(survivors)
    listed.write_text(
        listed.read_text("utf-8").replace(OPEN, "No input tells it from the original."), "utf-8"
    )
    assert mutation_report.without_reason(survivors) == []
    changed = Survivor("e2ee/a.py", "f", ("-x = 1", "+x = 3"))
    assert mutation_report.without_reason([*survivors, changed]) == [changed]
    mutation_report.write_survivors([changed], ["e2ee/a.py"])
    assert mutation_report.without_reason(survivors) == [survivors[0]]


def test_what_survives_without_a_reason_is_named_for_a_second_look(listed: Path) -> None:
    rows = [{**row, "name": str(number)} for number, row in enumerate(ROWS)]
    assert mutation_report.unexplained(rows) == ["1", "2"]
    mutation_report.write_survivors(_outcome().survivors[:1], ["e2ee/a.py"])
    assert mutation_report.unexplained(rows) == ["1", "2"]
    listed.write_text(
        listed.read_text("utf-8").replace(OPEN, "No input tells it from the original."), "utf-8"
    )
    assert mutation_report.unexplained(rows) == ["2"]


def test_every_survivor_has_a_reason_and_a_function_that_is_there() -> None:
    """The committed list speaks of the code as it is."""
    reasons = mutation_report._reasons()
    assert reasons
    for (title, *change), reason in reasons.items():
        file, _, function = title.partition(", ")
        source = (checkout.ROOT / file).read_text("utf-8")
        assert f"def {function.rpartition('.')[2]}(" in source
        assert len(reason) > 10
        assert reason != OPEN
        for line in change:
            assert line.startswith("+") or line.removeprefix("-") in source


def test_decorated_functions_are_found_and_hold_little() -> None:
    """Logic is kept out of what the tool leaves alone."""
    found = mutation_tree.unmutated(checkout.ROOT)
    assert ("e2ee/session.py", "id", 1) in found
    assert max(lines for _, _, lines in found) <= 3
