"""The records of pytest runs: how each test function ended, over all of its cases."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cases:
    """Cases of one test function that passed, failed, and were skipped with their reasons."""

    passed: int = 0
    failed: int = 0
    skipped: tuple[str, ...] = ()


def read(paths: Iterable[Path]) -> dict[str, Cases]:
    """Records of several runs together, by `file::function`, or `file::Class` for a state machine."""
    cases: dict[str, list[ElementTree.Element]] = defaultdict(list)
    for path in paths:
        # The files were written by our own runs a moment ago.
        root = ElementTree.parse(path).getroot()  # noqa: S314
        for case in root.iter("testcase"):
            for name in _names(case.get("classname", ""), case.get("name", "")):
                cases[name].append(case)
    return {name: _record(found) for name, found in cases.items()}


def _names(classname: str, name: str) -> Iterable[str]:
    parts = classname.split(".")
    module = next((n for n, part in enumerate(parts, 1) if part.startswith("test_")), len(parts))
    file = "/".join(parts[:module]) + ".py"
    function = name.partition("[")[0]
    classes = parts[module:]
    yield "::".join([file, *classes, function])
    if classes:
        yield "::".join([file, *classes])


def _record(cases: Iterable[ElementTree.Element]) -> Cases:
    passed = failed = 0
    skipped: list[str] = []
    for case in cases:
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif (skip := case.find("skipped")) is not None:
            skipped.append(skip.get("message", ""))
        else:
            passed += 1
    return Cases(passed, failed, tuple(skipped))


def skipped(records: Mapping[str, Cases]) -> dict[str, str]:
    """Tests of which at least one case was skipped, with the first reason."""
    return {name: record.skipped[0] for name, record in sorted(records.items()) if record.skipped}
