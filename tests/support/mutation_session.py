"""Runs the tests against each mutant, inside a copy of the checkout: `python mutation_session.py ORDER.json`.

One process collects the tests once and runs them all without a mutant, noting which function each of them
calls and how long it takes. Each mutant then gets a process forked from that one, in which the tests that
call its function run until one fails: first those that killed a neighbour, then those that were written for
mutants, then the quick ones that call little else, for so long; so a survivor may be one that the rest of the
tests would have killed. A thorough order lets every test that calls the function run. A test that takes far
longer than it did counts as failed: the mutant made it run on.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import mutation_tree
import pytest
from mutation_tree import Mutant

KILLED: Final = "killed"
SURVIVED: Final = "survived"
TIMEOUT: Final = "timeout"
UNTESTED: Final = "no test"
_SWITCH: Final = "MUTANT_UNDER_TEST"
# Nobody reads why a mutant failed, and saying it nicely takes longer than finding out.
_OPTIONS: Final = (
    "-p", "no:cacheprovider", "-q", "--assert=plain", "--tb=native", "--hypothesis-seed=0",
    "--hypothesis-profile=quick",
)  # fmt: skip
_EDGES: Final = "tests/mutation/"
_MOST_TESTS: Final = 300
_MOST_S: Final = 20.0
_SPECIFIC: Final = 5
_PATIENCE: Final = 10.0
_LEAST_S: Final = 3.0
_PROGRESS_S: Final = 15.0


@dataclass(slots=True)
class _Child:
    mutant: Mutant
    items: list[int]
    pipe: int


class MutantLoop:
    """A plugin whose test loop is: everything once, then each mutant."""

    def __init__(self, mutants: list[Mutant], jobs: int, thorough: bool) -> None:
        self._mutants = mutants
        self._jobs = jobs
        self._most_s = math.inf if thorough else _MOST_S
        self._most_tests = None if thorough else _MOST_TESTS
        self._items: list[pytest.Item] = []
        self._seconds: list[float] = []
        self._breadth: list[int] = []
        self._callers: defaultdict[str, set[int]] = defaultdict(set)
        self._kills: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._children: dict[int, _Child] = {}
        self._at_import: set[str] = set()
        self._failed = False
        self.verdicts: dict[str, str] = {}
        self.killers: dict[str, str] = {}
        self.left_out: list[str] = []

    # --- the tests without a mutant ---

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take the place of pytest's own loop."""
        self._items = session.items
        hits: set[str] = _hits()
        self._at_import = set(hits)
        hits.clear()
        for at, item in enumerate(self._items):
            started = time.perf_counter()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=self._next(at))
            self._seconds.append(time.perf_counter() - started)
            if self._failed:
                self.left_out.append(item.nodeid)
            else:
                for name in hits:
                    self._callers[name].add(at)
            self._failed = False
            self._breadth.append(len(hits))
            hits.clear()
        _switch("")
        took_s = sum(self._seconds)
        text = f"\n{self.tests} tests pass without a mutant in {took_s:.0f} s, {len(self.left_out)} do not"
        print(text, file=sys.stderr, flush=True)
        self._run_mutants()
        return True

    def _next(self, at: int) -> pytest.Item | None:
        return self._items[at + 1] if at + 1 < len(self._items) else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure."""
        self._failed = self._failed or report.failed

    @property
    def tests(self) -> int:
        """How many tests there are to kill a mutant."""
        return len(self._items) - len(self.left_out)

    # --- each mutant ---

    def _run_mutants(self) -> None:
        gc.collect()
        gc.freeze()
        told = time.monotonic()
        for number, mutant in enumerate(self._mutants):
            items = self._order(mutant)
            if not items:
                only_imported = mutant.group in self._at_import
                self.verdicts[mutant.name] = _in_fresh_process(mutant) if only_imported else UNTESTED
            else:
                while len(self._children) >= self._jobs:
                    self._reap()
                self._start(mutant, items)
            if time.monotonic() > told + _PROGRESS_S:
                told = time.monotonic()
                survivors = sum(verdict in (SURVIVED, UNTESTED) for verdict in self.verdicts.values())
                text = f"{number + 1} of {len(self._mutants)} mutants, {survivors} survive"
                print(text, file=sys.stderr, flush=True)
        while self._children:
            self._reap()

    def _order(self, mutant: Mutant) -> list[int]:
        def rank(at: int) -> tuple[int, bool, float]:
            general = not self._items[at].nodeid.startswith(_EDGES)
            cost = self._seconds[at] * (_SPECIFIC + self._breadth[at])
            return -self._kills[mutant.group, at], general, cost

        chosen: list[int] = []
        left_s = self._most_s
        for at in sorted(self._callers[mutant.group], key=rank)[: self._most_tests]:
            left_s -= self._seconds[at]
            if left_s < 0 and chosen:
                break
            chosen.append(at)
        return chosen

    def _start(self, mutant: Mutant, items: list[int]) -> None:
        ours, theirs = os.pipe()
        process = os.fork()
        if process == 0:
            self._be_child(mutant, items, theirs)
        os.close(theirs)
        self._children[process] = _Child(mutant, items, ours)

    def _be_child(self, mutant: Mutant, items: list[int], pipe: int) -> NoReturn:
        """Exit with 1 at the first test that fails, with 0 if none does."""
        reporter: Any = self._items[0].config.pluginmanager.get_plugin("terminalreporter")
        reporter._tw._file = io.StringIO()
        self._failed = False
        _switch(mutant.name)
        for position, at in enumerate(items):
            os.write(pipe, position.to_bytes(4, "big"))
            signal.setitimer(signal.ITIMER_REAL, _LEAST_S + _PATIENCE * self._seconds[at])
            following = self._items[items[position + 1]] if position + 1 < len(items) else None
            item = self._items[at]
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._failed:
                os._exit(1)
        os._exit(0)

    def _reap(self) -> None:
        process, status = os.wait()
        child = self._children.pop(process)
        told = _all_of(child.pipe)
        last = child.items[int.from_bytes(told[-4:], "big")] if told else child.items[0]
        verdict = SURVIVED if status == 0 else TIMEOUT if os.WIFSIGNALED(status) else KILLED
        self.verdicts[child.mutant.name] = verdict
        if verdict != SURVIVED:
            self._kills[child.mutant.group, last] += 1
            self.killers[child.mutant.name] = self._items[last].nodeid


def _hits() -> set[str]:
    state: Any = importlib.import_module("mutmut.state")
    hits: set[str] = state.state()._stats
    return hits


def _switch(name: str) -> None:
    trampoline: Any = importlib.import_module("mutmut.mutation.trampoline")
    trampoline.set_mutant_under_test(name)


def _all_of(pipe: int) -> bytes:
    with os.fdopen(pipe, "rb") as stream:
        return stream.read()


def _in_fresh_process(mutant: Mutant) -> str:
    """Judge a mutant of what runs while modules are imported: it needs an interpreter of its own."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/spec/test_03_primitives.py",
    ]
    environment = {**os.environ, _SWITCH: mutant.name}
    ended = subprocess.run(command, env=environment, capture_output=True, check=False).returncode
    return SURVIVED if ended == 0 else KILLED


def main() -> int:
    """Make the mutants, run the tests, write the verdicts."""
    order = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    mutants = mutation_tree.mutate(order["files"])
    if order["names"]:
        mutants = [one for one in mutants if one.name in order["names"]]
    print(f"{len(mutants)} mutants in {len(order['files'])} files", file=sys.stderr, flush=True)
    os.environ[_SWITCH] = "stats"
    loop = MutantLoop(mutants, order["jobs"], order["thorough"])
    options = [*_OPTIONS, *order["tests"]]
    code = int(pytest.main(options, plugins=[loop]))
    rows = [
        {
            "name": one.name,
            "file": one.file,
            "function": one.function,
            "change": list(one.change),
            "verdict": loop.verdicts.get(one.name, "not run"),
            "killer": loop.killers.get(one.name, ""),
        }
        for one in mutants
    ]
    result = {"mutants": rows, "left out": loop.left_out, "tests": loop.tests}
    Path(order["out"]).write_text(json.dumps(result, indent=1), "utf-8")
    return 0 if loop.verdicts else code or 1


if __name__ == "__main__":
    sys.exit(main())
