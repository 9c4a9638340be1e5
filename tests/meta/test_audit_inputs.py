"""An outcome of the audit is kept as long as nothing that it depends on has changed."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from audit import ROOT, inputs, runner, steps
from audit import __main__ as audit_run
from audit.steps import Step

FILES = {
    "pyproject.toml": "",
    "core/__init__.py": "",
    "core/a.py": "from . import b\n",
    "core/b.py": "",
    "core/c.py": "",
    "client/shell/__init__.py": "import core.a\n",
    "tests/support/helper.py": "def later():\n    from core.c import thing\n",
    "tests/run.py": "import json, shell\nimport helper\n",
    "tests/other.py": "",
    "reports/run.json": "{}",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small repository whose test imports code of three roots."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    inputs._imported.cache_clear()
    return tmp_path


def test_what_a_file_imports_is_found_however_far_down(checkout: Path) -> None:
    found = inputs.closure(["tests/run.py"], checkout)
    assert found == set(FILES) - {"pyproject.toml", "tests/other.py", "reports/run.json"}


@pytest.mark.parametrize(
    ("changed", "holds"),
    [
        ("tests/other.py", True),
        ("reports/run.json", True),
        ("core/b.py", False),
        ("core/c.py", False),
        ("tests/run.py", False),
        ("pyproject.toml", False),
    ],
)
def test_a_digest_holds_until_an_input_changes(checkout: Path, changed: str, holds: bool) -> None:
    before = inputs.digest(["tests/run.py"], checkout)
    whole = inputs.digest([], checkout)
    (checkout / changed).write_text("# another\n")
    inputs._imported.cache_clear()
    assert (inputs.digest(["tests/run.py"], checkout) == before) is holds
    assert (inputs.digest([], checkout) == whole) is changed.startswith("reports")


def test_a_new_file_of_a_folder_counts(checkout: Path) -> None:
    before = inputs.digest(["core"], checkout)
    (checkout / "core/d.py").write_text("")
    assert inputs.digest(["core"], checkout) != before


def test_every_step_reads_what_is_there() -> None:
    for step in steps.STEPS:
        for place in step.reads:
            assert inputs.tracked(ROOT, [place]), (step.name, place)
    fuzzed = next(step for step in steps.STEPS if step.name == "fuzz")
    # One of its modules: to read all that they import takes seconds.
    target = "tests/support/fuzz_relay.py"
    assert target in inputs.tracked(ROOT, fuzzed.reads)
    found = inputs.closure([target], ROOT)
    assert {"e2ee/wire/cbor.py", "server/e2ee_relay/protocol.py"} <= found


def test_an_earlier_outcome_is_kept_only_with_its_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "RAW", tmp_path)
    monkeypatch.setattr(audit_run, "STATE", tmp_path / "state.json")
    step = Step("s", "something", ("true",), ("echo", "short"), reads=("audit/rows.py",))
    monkeypatch.setattr(steps, "STEPS", (step,))
    good = runner.run(step, quick=False)
    audit_run.STATE.write_text(json.dumps([asdict(good)]))
    assert audit_run.kept(quick=False) == {"s": good}
    assert audit_run.kept(quick=True) == {"s": good}
    short = runner.run(step, quick=True)
    audit_run.STATE.write_text(json.dumps([asdict(short)]))
    assert audit_run.kept(quick=True) == {"s": short}
    assert audit_run.kept(quick=False) == {}
    for spoiled in (asdict(good) | {"state": "fail"}, asdict(good) | {"inputs": "of another day"}):
        audit_run.STATE.write_text(json.dumps([spoiled]))
        assert audit_run.kept(quick=False) == {}
