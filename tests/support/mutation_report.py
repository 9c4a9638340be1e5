"""What a mutation run came to: its report, and the list of survivors with a reason for each."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import checkout

LIST: Final = checkout.ROOT / "tests" / "mutation" / "survivors.md"
REPORT: Final = checkout.ROOT / "reports" / "mutation.json"
GOAL: Final = 0.95
OPEN: Final = "(no reason yet)"
READS_SOURCES: Final = frozenset(
    {
        "tests/spec/test_hygiene.py::test_errors_are_raised_with_fixed_texts",
        "tests/spec/test_pitfalls.py::test_row_22_no_two_uses_share_a_label",
    }
)
"""Tests of the source text, which the mutants change without need of running."""

_GONE: Final = "modules that are gone since this run"
_LACKING: Final = "modules that this run did not have"
_TITLE: Final = "## "
_CODE: Final = "    "
_HEAD: Final = (
    "# Mutants that survive\n\n"
    "Each is a change of `e2ee/` that no test notices, and the reason why that is right: the change is\n"
    "equivalent (no input can tell it from the original) or harmless (it tells in nothing that the\n"
    "specification promises). `tests/mutation/run.py` fails on a survivor that is not listed here.\n"
)
_LIMITS: Final = (
    "Only changes inside functions: constants of modules, defaults of classes and decorated functions are"
    " not mutated, nor are the texts of errors (lines that begin with raise). References under @native are"
    " mutated, without the decorator; the extension in C is not. A killed mutant shows that some test notices"
    " the change, not that it notices for the right reason."
)


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that no test noticed; two mutants with one change in one function are one entry."""

    file: str
    function: str
    change: tuple[str, ...]

    @classmethod
    def of(cls, row: dict[str, Any]) -> Survivor:
        """Read the entry of a session's result."""
        return cls(row["file"], row["function"], tuple(row["change"]))

    @property
    def title(self) -> str:
        """File and function."""
        return f"{self.file}, {self.function}"

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from others; numbers of mutants change with the code, lines do not."""
        return (self.title, *self.change)


def _is_alive(row: dict[str, Any]) -> bool:
    return row["verdict"] not in ("killed", "timeout")


@dataclass(frozen=True, slots=True)
class Outcome:
    """All mutants by what became of them."""

    counts: Counter[str]
    survivors: tuple[Survivor, ...]
    by_file: dict[str, tuple[int, int]]
    unmutated: Sequence[tuple[str, str, int]]
    failing: tuple[str, ...] = field(default=())
    tests: int = 0

    @classmethod
    def of(cls, result: dict[str, Any], unmutated: Sequence[tuple[str, str, int]]) -> Outcome:
        """Sum up the result of a session."""
        rows = result["mutants"]
        alive = [row for row in rows if _is_alive(row)]
        all_of, alive_of = Counter(row["file"] for row in rows), Counter(row["file"] for row in alive)
        found = dict.fromkeys(Survivor.of(row) for row in alive)
        return cls(
            Counter(row["verdict"] for row in rows),
            tuple(found),
            {file: (count - alive_of[file], count) for file, count in sorted(all_of.items())},
            unmutated,
            tuple(sorted(set(result["left out"]) - READS_SOURCES)),
            result["tests"],
        )

    @property
    def score(self) -> float:
        """Share of mutants that a test killed."""
        return (self.counts["killed"] + self.counts["timeout"]) / max(1, self.counts.total())

    @property
    def is_good(self) -> bool:
        """Whether enough were killed, by tests that pass without a mutant."""
        return self.score >= GOAL and not self.failing

    def summary(self) -> str:
        """One line."""
        alive = self.counts.total() - self.counts["killed"] - self.counts["timeout"]
        failing = f", {len(self.failing)} tests fail without a mutant" if self.failing else ""
        killed = f"{self.score:.1%} killed by {self.tests} tests"
        return f"{self.counts.total()} mutants, {alive} survive, {killed}{failing}"


def _reasons() -> dict[tuple[str, ...], str]:
    """Read the list: a title for each function, code for each change, and after it the reason."""
    if not LIST.exists():
        return {}
    reasons: dict[tuple[str, ...], str] = {}
    title, change, text = "", list[str](), list[str]()

    def close() -> None:
        if change:
            reasons[title, *change] = " ".join(text)
        change.clear()
        text.clear()

    for line in LIST.read_text("utf-8").splitlines():
        if line.startswith(_TITLE):
            close()
            title = line.removeprefix(_TITLE)
        elif line.startswith(_CODE):
            if text:
                close()
            change.append(line.removeprefix(_CODE))
        elif line and title:
            text.append(line)
    close()
    return reasons


def without_reason(survivors: Iterable[Survivor]) -> list[Survivor]:
    """Return the survivors that the list does not explain."""
    reasons = _reasons()
    return [one for one in survivors if reasons.get(one.key, OPEN) == OPEN]


def unexplained(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Return the names of mutants that survive and that the list does not explain."""
    reasons = _reasons()
    return [row["name"] for row in rows if _is_alive(row) and reasons.get(Survivor.of(row).key, OPEN) == OPEN]


def write_survivors(survivors: Sequence[Survivor], files: Iterable[str]) -> None:
    """Bring the list up to date for these files: reasons stay, what is new has none, what is gone goes."""
    reasons, mutated = _reasons(), set(files)
    kept = {key: text for key, text in reasons.items() if key[0].partition(",")[0] not in mutated}
    kept |= {one.key: reasons.get(one.key, OPEN) for one in survivors}
    lines, title = [_HEAD], ""
    for key in sorted(kept):
        if key[0] != title:
            title = key[0]
            lines.append(f"{_TITLE}{title}\n")
        lines += [*(f"{_CODE}{line}" for line in key[1:]), "", *_wrapped(kept[key]), ""]
    LIST.write_text("\n".join(lines), "utf-8")


def _wrapped(text: str, width: int = 108) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def drift(files: Iterable[str], *, note: bool = False) -> str:
    """Say in a line which modules with functions the kept report lacks, and which are gone since; with `note`
    it says so itself from now on. A shortened run does not write it: its result would be taken for the whole.
    """
    report = json.loads(REPORT.read_text("utf-8"))
    figures = report["figures"]
    measured = set(figures["killed by file"])
    there = {one for one in files if "def " in (checkout.ROOT / one).read_text("utf-8")}
    found = {_GONE: sorted(measured - there), _LACKING: sorted(there - measured)}
    if note:
        report["figures"] = {**figures, **found}
        REPORT.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    said = [f"{name}: {', '.join(of_it)}" for name, of_it in found.items() if of_it]
    return "; ".join([f"reports/mutation.json is of {report['date']}", *(said or ["it has all modules"])])


def write_report(outcome: Outcome, missing: Sequence[Survivor]) -> Path:
    """Write reports/mutation.json."""
    functions = Counter(one.title for one in outcome.survivors)
    report = {
        "name": "mutation",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": "python tests/mutation/run.py",
        "result": "pass" if outcome.is_good and not missing else "fail",
        "figures": {
            "mutants": outcome.counts.total(),
            **dict(sorted(outcome.counts.items())),
            "score": round(outcome.score, 4),
            "goal": GOAL,
            "tests": outcome.tests,
            "tests that fail without a mutant": list(outcome.failing),
            "survivors without a reason": len(missing),
            "survivors by function": dict(sorted(functions.items())),
            "killed by file": {file: f"{one} of {all_}" for file, (one, all_) in outcome.by_file.items()},
            "decorated functions, not mutated": len(outcome.unmutated),
            "statements in them": sum(lines for _, _, lines in outcome.unmutated),
            "mutmut": version("mutmut"),
            "python": platform.python_version(),
        },
        "limits": _LIMITS,
    }
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    return REPORT
