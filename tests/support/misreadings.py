"""Counts which plausible misreadings of the chapters the vectors catch; `python tests/support/misreadings.py`

prints what catches each one, writes reports/misreadings.json, and exits 1 below 90 %.

Each misreading of tests/interop/misreadings.toml is a changed line of an implementation that was written from
the chapters alone. It is caught if the tests of that implementation, which read nothing but the vectors, fail
with it.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import json
import struct
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import checkout
import pytest
from cryptography.exceptions import InvalidTag
from independent_refusal import Refused

sys.path.append(str(checkout.ROOT))

INTEROP = checkout.ROOT / "tests" / "interop"
LIST = INTEROP / "misreadings.toml"
REPORT = checkout.ROOT / "reports" / "misreadings.json"
WANTED = 0.9
# What a wrong reading of bytes raises, beside a refusal and an assertion.
FAILURES = (ValueError, TypeError, LookupError, ArithmeticError, StopIteration, struct.error, InvalidTag)
TESTS = (
    *("test_reader", "test_company_reader", "test_room_reader", "test_export_reader", "test_sender"),
    "test_pair_rules",
)
# What is executed anew when one of them is changed: itself, and what takes names from it.
READINGS = {
    "reader": ("independent_reader", "independent_sender", "independent_stored"),
    "sender": ("independent_sender",),
    "stored": ("independent_stored",),
    "rooms": ("independent_rooms", "independent_heads"),
    "heads": ("independent_heads",),
    "pair": ("spec.vectors.pair_rules",),
    "numbers": ("spec.vectors.number_rules",),
    "company": ("independent_company", "independent_login"),
    "login": ("independent_login",),
    "export": ("independent_export",),
}


@dataclass(frozen=True)
class Misreading:
    """One change of one reading; `vectors` are checks that fail with it."""

    id: str
    says: str
    rule: str
    reading: str
    old: str
    new: str
    vectors: tuple[str, ...]

    def changed(self) -> str:
        """The source of the reading with the change, which has one place."""
        source = source_of(READINGS[self.reading][0])
        if source.count(self.old) != 1:
            raise ValueError(f"{self.id}: its text stands {source.count(self.old)} times in {self.reading}")
        return source.replace(self.old, self.new)


@dataclass(frozen=True)
class Check:
    """A test with one of its parameters."""

    name: str
    run: Callable[[], object]


def misreadings() -> list[Misreading]:
    """The list."""
    rows: list[dict[str, Any]] = tomllib.loads(LIST.read_text("utf-8"))["misreading"]
    return [Misreading(vectors=tuple(row.pop("vectors")), **row) for row in rows]


def source_of(name: str) -> str:
    """The text of a module."""
    return Path(str(importlib.import_module(name).__file__)).read_text("utf-8")


@contextmanager
def misread(one: Misreading) -> Iterator[None]:
    """The reading with the change, until the end of the block."""
    modules = [importlib.import_module(name) for name in READINGS[one.reading]]
    before = [dict(vars(module)) for module in modules]
    try:
        file = str(modules[0].__file__)
        execute(compile(one.changed(), file, "exec"), modules[0])
        for module in modules[1:]:
            execute(code_of(module.__name__), module)
        yield
    finally:
        for module, names in zip(modules, before, strict=True):
            vars(module).clear()
            vars(module).update(names)


@cache
def code_of(name: str) -> CodeType:
    """The code of a module as it is."""
    return compile(source_of(name), str(importlib.import_module(name).__file__), "exec")


def execute(code: CodeType, module: ModuleType) -> None:
    """Run the code of a module in the names of that module."""
    exec(code, vars(module))  # noqa: S102 - our own source, changed


def checks() -> list[Check]:
    """Every test of the readings, once for each of its parameters."""
    found: list[Check] = []
    for name in TESTS:
        path = INTEROP / f"{name}.py"
        spec = importlib.util.spec_from_file_location(f"misread_{name}", path)
        if spec is None or spec.loader is None:
            raise FileNotFoundError(path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for test, function in vars(module).items():
            if test.startswith("test_"):
                found += checks_of(test, function)
    return found


def checks_of(test: str, function: Callable[..., object]) -> Iterator[Check]:
    """A test with each of its parameters, named as pytest names them."""
    axes: list[list[tuple[str, str, Any]]] = []
    for mark in getattr(function, "pytestmark", ()):
        argument, values = mark.args
        ids = mark.kwargs.get("ids", str)
        names = [str(ids(value)) for value in values] if callable(ids) else list(map(str, ids))
        axes.append([(argument, name, value) for name, value in zip(names, values, strict=True)])
    for row in itertools.product(*axes):
        given = {argument: value for argument, _, value in row}
        label = "-".join(name for _, name, _ in row)
        yield Check(f"{test}[{label}]" if row else test, partial(function, **given))


def fails(check: Check) -> bool:
    """Whether a check fails; what only a broken change can raise, a name that is not there, is no failure."""
    try:
        check.run()
    except (Refused, AssertionError, pytest.fail.Exception, *FAILURES):
        return True
    return False


def catches(one: Misreading, among: list[Check], *, first_only: bool) -> list[str]:
    """The names of the checks that fail, of all or until the first one of those that are expected to."""
    found: list[str] = []
    with misread(one):
        for check in among:
            if first_only and (found or check.name not in one.vectors):
                continue
            if fails(check):
                found.append(check.name)
    return found


def report_of(one: Misreading, found: list[str]) -> dict[str, Any]:
    """What the report says of a misreading: the first five checks by name, and how many there are."""
    shown = {"id": one.id, "rule": one.rule, "misreading": one.says}
    return {**shown, "caught": bool(found), "checks": len(found), "caught_by": found[:5]}


def main() -> int:
    among, rows = checks(), list[dict[str, Any]]()
    failing = [check.name for check in among if fails(check)]
    if failing:
        raise ValueError(f"without a misreading these fail: {failing}")
    for one in misreadings():
        found = catches(one, among, first_only=False)
        rows.append(report_of(one, found))
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        sys.stdout.write(f"{one.id}: {'; '.join(found[:3]) or 'NOT CAUGHT'}{more}\n")
    caught = sum(row["caught"] for row in rows)
    report = {"misreadings": len(rows), "caught": caught, "checks": len(among), "list": rows}
    REPORT.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
    sys.stdout.write(f"{caught} of {len(rows)} misreadings are caught by the vectors\n")
    return 0 if caught >= WANTED * len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
