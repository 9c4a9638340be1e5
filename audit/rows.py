"""Rows of a step's result: its queries, attacks or models, by name, and whether each ended as it should."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from audit import steps

# Steps with a row for each file of a folder, called as the file; and the file with the names of queries.
_FILES = {"tla": "spec/models/tla/*.cfg"}
_QUERIES = Path("spec") / "models" / "expected.json"
_NAMES = ("id", "name", "attack", "query", "model")


def of(result: Mapping[str, Any]) -> dict[str, bool]:
    """Name and verdict of every row in a result file."""
    return dict(_rows(result))


def verdict(result: Mapping[str, Any], row: str) -> bool | None:
    """Whether a row, its twin and its controls (`row/...`) ended as expected; None where there is no row."""
    found = of(result)
    if row not in found:
        return None
    return all(good for name, good in found.items() if name == row or name.startswith(f"{row}/"))


def _rows(value: object) -> Iterator[tuple[str, bool]]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _rows(inner)
    elif isinstance(value, list):
        for entry in value:
            if isinstance(entry, Mapping) and (name := _first(entry, _NAMES)) is not None:
                yield str(name), _good(entry)


def _good(entry: Mapping[str, Any]) -> bool:
    """A row is judged by what was expected of it, or by its result; one that says neither is no evidence."""
    if "expected" in entry:
        return bool(entry["expected"] == entry.get("got"))
    return entry.get("result") == "pass"


def _first(entry: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((entry[key] for key in keys if key in entry), None)


def declared(root: Path, step_name: str) -> frozenset[str]:
    """Names of the rows that a step has: from the files that it runs over, else from its kept result."""
    if pattern := _FILES.get(step_name):
        return frozenset(path.stem for path in root.glob(pattern))
    if step_name == "prove" and (root / _QUERIES).exists():
        return frozenset(json.loads((root / _QUERIES).read_text("utf-8"))["spass"])
    (file,) = [step.result for step in steps.STEPS if step.name == step_name]
    path = root / "reports" / file
    if not file or not path.exists():
        return frozenset()
    return frozenset(of(json.loads(path.read_text("utf-8"))))
