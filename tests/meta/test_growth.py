"""How cost grows is told by what was planted, and by counted calls at small sizes; no time is measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.growth import fit, people, relay, rooms, subject
from bench.growth.subject import Make, Operation, Subject

SIZES = (8, 64)  # of more than five that were lost a tick starts five


class Calls:
    """A clock that shows how many functions have been called, those of C too."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self) -> float:
        return float(self._count)

    def __enter__(self) -> Calls:
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, _frame: object, event: str, _argument: object) -> None:
        self._count += event in ("call", "c_call")


def work(steps: int) -> Callable[[], object]:
    """Work of so many calls."""
    return lambda: [None for _ in range(steps) if len("")]


def slopes(make: Make, folder: Path, sizes: tuple[int, ...] = SIZES) -> dict[str, fit.Slopes]:
    """The slopes of each operation by its calls; each operation runs once."""
    costs: dict[str, dict[int, float]] = {}
    for size in sizes:
        (folder / str(size)).mkdir()
        made = make(size, folder / str(size))
        for name, one in made.operations.items():
            with Calls() as calls:
                cost = subject.seconds(one._replace(rounds=1), calls)
            costs.setdefault(name, {})[size] = cost
        made.close()
    return {name: fit.slopes(found) for name, found in costs.items()}


def planted(size: int, _folder: Path) -> Subject:
    """Operations whose growth is known."""
    return Subject(
        {
            "the same": Operation(work(500)),
            "all, linear in total": Operation(work(100 * size), size),
            "one, linear": Operation(work(100 * size)),
            "all, quadratic in total": Operation(work(100 * size * size), size),
            "little by little": Operation(work(4_000 + 100 * size)),
        }
    )


def test_a_planted_quadratic_is_recognised_and_what_is_linear_in_total_is_not(tmp_path: Path) -> None:
    found = slopes(planted, tmp_path, (1, 10, 100))
    assert {name for name, one in found.items() if one.grows} == {
        "one, linear",
        "all, quadratic in total",
        "little by little",
    }
    assert found["one, linear"].whole == pytest.approx(1, abs=0.1)
    assert found["all, quadratic in total"].end == pytest.approx(1, abs=0.1)
    assert found["the same"].whole == pytest.approx(0, abs=0.05)


def test_the_exponent_of_a_power_law_is_found() -> None:
    assert fit.slope({10: 3e-6, 100: 3e-5, 1000: 3e-4}) == pytest.approx(1)
    assert fit.slope({10: 2.0, 1000: 20.0}) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="two sizes"):
        fit.slope({10: 1.0})


EXPLAINED: dict[Make, set[str]] = {
    people.company: set[str](),
    people.person: set[str](),
    rooms.desk: {"start all, a room"},
    relay.mailboxes: {"figures"},
    relay.messages: {"prove, subscribe, first window"},  # up to a window of 256
    relay.tokens: set[str](),
}


@pytest.mark.parametrize(
    "make", EXPLAINED, ids=["company", "person", "desk", "mailboxes", "messages", "tokens"]
)
def test_one_more_costs_what_the_others_did(make: Make, tmp_path: Path) -> None:
    """Eight times as many of them mean no more work for one more."""
    found = slopes(make, tmp_path)
    assert {name for name, one in found.items() if one.grows} <= EXPLAINED[make]


@pytest.mark.audit_only
def test_the_command_writes_its_files(repo_root: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "bench.growth",
        "--only",
        "tokens",
        "--most",
        "10",
        "--results",
        str(tmp_path),
    ]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    run = subprocess.run(
        command,
        check=False,
        cwd=repo_root,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert run.returncode == 0, run.stderr
    assert {one.name for one in tmp_path.iterdir()} == {"growth.json", "growth.md", "growth.png"}
    kept = json.loads((tmp_path / "growth.json").read_text(encoding="utf-8"))
    (axis,) = kept["axes"].values()
    assert {row["name"] for row in axis["rows"]} > {"add a token"}
    assert all(len(row["us"]) == 2 for row in (*axis["rows"], *axis["floors"]))


def test_kept_results_name_no_machine_and_what_grows_is_explained(repo_root: Path) -> None:
    kept = json.loads((repo_root / "bench/results/growth.json").read_text(encoding="utf-8"))
    assert set(kept) == {"date", "python", "clock", "axes"}
    readme = (repo_root / "bench/README.md").read_text(encoding="utf-8")
    explained = readme[readme.index("## How cost grows") :]
    for axis in kept["axes"].values():
        assert axis["floors"]
        for row in axis["rows"]:
            assert not row["grows"] or f"`{row['name']}`" in explained
