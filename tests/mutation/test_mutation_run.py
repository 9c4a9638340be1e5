"""The list of survivors is well formed, and what a run counts is what it shows."""

from __future__ import annotations

import importlib.util
import json
import runpy
from collections import Counter
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

REFERENCES = {
    ("e2ee/primitives/aead.py", "seal"),
    ("e2ee/primitives/aead.py", "open_"),
    ("e2ee/primitives/dh.py", "exchange"),
    ("e2ee/primitives/kdf.py", "prf"),
    ("e2ee/primitives/xaead.py", "seal"),
    ("e2ee/primitives/xaead.py", "open_"),
    ("e2ee/ratchet/message.py", "seal"),
    ("e2ee/ratchet/message.py", "open_header"),
    ("e2ee/ratchet/message.py", "open_next"),
    ("e2ee/ratchet/message.py", "open_skipped"),
}
HAS_TOOL = importlib.util.find_spec("mutmut") is not None


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


def test_the_kept_report_says_what_it_lacks(
    repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each module whose rows stand there in vain is named; a whole run names none."""
    kept = json.loads((repo_root / "reports/mutation.json").read_text("utf-8"))["figures"]
    gone = {one for one in kept["killed by file"] if not (repo_root / one).exists()}
    named = set(kept.get("modules that are gone since this run", []))
    assert gone == named, "python tests/mutation/run.py --drift"

    report = tmp_path / "mutation.json"
    monkeypatch.setattr(mutation_report, "REPORT", report)
    rows = {"e2ee/card.py": "1 of 1", "e2ee/gone.py": "1 of 1"}
    report.write_text(json.dumps({"date": "today", "figures": {"killed by file": rows}}))
    said = mutation_report.drift(["e2ee/card.py", "e2ee/content.py", "e2ee/__init__.py"])
    assert said.endswith("since this run: e2ee/gone.py; modules that this run did not have: e2ee/content.py")
    report.write_text(
        json.dumps({"date": "today", "figures": {"killed by file": {"e2ee/card.py": "1 of 1"}}})
    )
    assert mutation_report.drift(["e2ee/card.py"]).endswith("it has all modules")
    assert json.loads(report.read_text("utf-8"))["figures"].keys() == {"killed by file"}


def test_decorated_functions_are_found_and_hold_little() -> None:
    """Logic is kept out of what the tool leaves alone; references under `@native` are not among that."""
    found = mutation_tree.unmutated(checkout.ROOT)
    assert ("e2ee/session.py", "id", 1) in found
    assert max(lines for _, _, lines in found) <= 3
    assert not REFERENCES & {(file, function) for file, function, _ in found}


def test_references_are_mutated_without_the_decorator_that_names_the_extension() -> None:
    """All of them, as all that the decorator names; lines stay where they are."""
    found: set[tuple[str, str]] = set()
    for file in mutation_tree.sources(checkout.ROOT):
        source = (checkout.ROOT / file).read_text("utf-8")
        bare = mutation_tree.bare(source)
        found |= {(file, name) for name in mutation_tree.references(source)}
        assert not mutation_tree.references(bare)
        pairs = list(zip(source.splitlines(), bare.splitlines(), strict=True))
        assert all(
            after == before or (not after and before.startswith("@native(")) for before, after in pairs
        )
        assert sum(before != after for before, after in pairs) == source.count("\n@native(")
    assert found == REFERENCES


def test_only_the_decorator_of_the_reference_is_taken_away() -> None:
    """Another one is still what makes the tool leave a function alone."""
    source = '@native(\n    "a"\n)\ndef f():\n    return 1\n\n@cache("a")\ndef g():\n    return 2\n'
    assert mutation_tree.references(source) == ["f"]
    assert mutation_tree.bare(source) == "\n" * 3 + source.partition(")\n")[2]


@pytest.mark.slow
@pytest.mark.skipif(not HAS_TOOL, reason="mutmut is not installed: it comes with the tools of the audit")
def test_mutants_of_a_reference_are_made_and_killed(repo_root: Path) -> None:
    """A whole session, with few tests, for what is sealed and opened under `@native`."""
    run = runpy.run_path(str(repo_root / "tests/mutation/run.py"))
    tests = ["tests/spec/test_03_faster.py"]
    rows = run["run_session"](["e2ee/ratchet/message.py"], 2, tests=tests)["mutants"]
    killed = Counter(row["function"] for row in rows if row["verdict"] == "killed")
    assert killed.keys() >= {"seal", "open_header", "open_next", "open_skipped"}
    assert "-salt = chain.hedged_salt(message_key, fresh, header, body)" in {
        row["change"][0] for row in rows if row["verdict"] == "killed"
    }
