"""What runs TLC: values are read as printed, configurations say what they expect, no tool is no success."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import model_traces
import pytest

from spec.models.tla import make_traces, run, tla_values, tlc


@pytest.mark.parametrize(
    ("printed", "value"),
    [
        ("-3", -3),
        ('"two words"', "two words"),
        ("TRUE", True),
        ("<<>>", []),
        ("<<1, <<2>>>>", [1, [2]]),
        ("{3, 1}", [1, 3]),
        ("{}", []),
        ('[a |-> {[b |-> 1]}, c |-> "x"]', {"a": [{"b": 1}], "c": "x"}),
        ("(1 :> FALSE @@ 2 :> [d |-> 0])", [False, {"d": 0}]),
        ("(2 :> 7)", {"2": 7}),
    ],
)
def test_a_value_is_read_as_tlc_prints_it(printed: str, value: object) -> None:
    assert tla_values.parse(printed) == value


def test_states_are_read_from_both_kinds_of_trace() -> None:
    block = "/\\ x = 1\n/\\ y = [ a |-> 2,\n  b |-> {} ]\n\n"
    expected = [{"x": 1, "y": {"a": 2, "b": []}}] * 2
    assert tla_values.states(f"head\nSTATE_1 == \n{block}STATE_2 == \n{block}") == expected
    assert (
        tla_values.states(f"State 1: <Initial predicate>\n{block}State 2: <Next>\n{block}5 states")
        == expected
    )


def test_a_damaged_value_is_refused() -> None:
    with pytest.raises(ValueError, match="no"):
        tla_values.parse("[a : 1]")


def test_every_configuration_names_what_its_module_has() -> None:
    """And each module has both: configurations that hold and controls that are refuted."""
    kinds: dict[str, set[bool]] = {}
    for config in run.configurations():
        expected = tlc.expected_of(config)
        module = tlc.module_of(config)
        kinds.setdefault(module, set()).add(expected == tlc.HOLDS)
        defined = (tlc.FOLDER / f"{module}.tla").read_text("utf-8")
        checked = (tlc.FOLDER / f"{config}.cfg").read_text("utf-8").split("CONSTANTS")[1]
        assert expected == tlc.HOLDS or (f"\n{expected} ==" in defined and f" {expected}" in checked)
    assert all(kind == {True, False} for kind in kinds.values())
    # Real entries under all these rules are in tests/property/test_rooms.py, real files that are cut off in
    # tests/rooms/test_file_kills.py and tests/reliability/large_files.py.
    assert kinds.keys() == {*model_traces.MODELS, "Transcript", "Blob"}


def test_few_traces_with_many_effects_are_kept() -> None:
    """The second trace shows nothing that the first one does not."""

    def trace(*ends: int) -> make_traces.Trace:
        states: make_traces.Trace = [{"x": 0, "step": {"op": "a"}}]
        for end in ends:
            states.append({"x": end, "step": {"op": "b" * end}})
        return states

    assert make_traces.chosen([trace(1), trace(1, 2), trace(3)]) == [trace(1, 2), trace(3)]


def test_no_run_shares_a_folder_in_which_tlc_removes_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two at a time took each other's modules: "source file 'FiniteSets.tla' has apparently been deleted"."""
    commands: list[list[str]] = []

    def noted(command: list[str], _folder: Path) -> str:
        commands.append(command)
        return "No error has been found"

    monkeypatch.setattr(tlc, "_output", noted)
    for config in ("Blob", "Blob_ends"):
        assert tlc.run(tmp_path / "none.jar", tmp_path, "Blob", config).verdict == tlc.HOLDS
    folders = [one.partition("tmpdir=")[2] for command in commands for one in command if "tmpdir=" in one]
    assert len(set(folders)) == 2
    assert all(Path(folder).is_dir() for folder in folders)


def test_without_the_jar_nothing_is_proved(tmp_path: Path) -> None:
    environment = {**os.environ, "SEALROOM_TLA_JAR": str(tmp_path / "none.jar")}
    command = [sys.executable, str(tlc.FOLDER / "run.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "SEALROOM_TLA_JAR" in done.stderr or "Java" in done.stderr
