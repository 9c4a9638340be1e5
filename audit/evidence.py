"""Evidence as the claims file names it: a test, a whole step of the audit, or one row of a step's result.

`tests/a/test_b.py::test_c` is a test, `step crash` a step, `attacks: A1` the row A1 of the step attacks.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from audit import rows, steps

_TEST = re.compile(r"(?P<file>tests/[\w/]+\.py)::(?P<name>[\w:]+)")
_STEP = re.compile(r"step (?P<step>[a-z-]+)")
_ROW = re.compile(r"(?P<step>[a-z-]+): (?P<row>\S.*)")


@dataclass(frozen=True, slots=True)
class OfTest:
    """A test function, all of its cases."""

    file: str
    name: str


@dataclass(frozen=True, slots=True)
class WholeStep:
    """All that a step shows."""

    step: str


@dataclass(frozen=True, slots=True)
class Row:
    """One named row of a step's result."""

    step: str
    row: str


Evidence = OfTest | WholeStep | Row


def parse(text: str) -> Evidence:
    """Reads one entry of the claims file. Raises `ValueError` where it is none."""
    if found := _TEST.fullmatch(text):
        return OfTest(found["file"], found["name"])
    if found := _STEP.fullmatch(text):
        return WholeStep(found["step"])
    if found := _ROW.fullmatch(text):
        return Row(found["step"], found["row"])
    raise ValueError(f"{text!r} is no evidence")


def problems(root: Path, entries: Sequence[str]) -> Iterator[str]:
    """Entries that name a test, step or row that does not exist."""
    for text in entries:
        try:
            found = parse(text)
        except ValueError as error:
            yield str(error)
            continue
        if problem := _missing(root, found):
            yield f"{text}: {problem}"


def _missing(root: Path, found: Evidence) -> str:
    if isinstance(found, OfTest):
        path = root / found.file
        if not path.exists():
            return "no such file"
        return "" if found.name.replace("::", ".") in tests_in(path) else "no such test"
    if found.step not in steps.names():
        return "no such step"
    if isinstance(found, Row) and found.row not in rows.declared(root, found.step):
        return "no such row"
    return ""


@cache
def tests_in(path: Path) -> frozenset[str]:
    """Names of the test functions of a file; methods as `Class.name`."""
    names: set[str] = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            functions = [n for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
            names |= {f"{node.name}.{function.name}" for function in functions}
        elif isinstance(node, ast.Assign):
            # A state machine is a test by assignment: TestSessions = SessionMachine.TestCase.
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return frozenset(names)
