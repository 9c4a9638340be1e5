"""What shows a rule in TypeScript, and which rules are Python's alone.

A test of a package shows what its file names; a test in `tests/web` drives pages in browsers, or runs the
packages in Node; a vector shows its rules where a test of a package loads its file and knows its operation.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import checkout
import spec_rules

LISTED = Path("spec") / "python-only.md"
PACKAGES = "client/web/packages"
VECTORS = Path("spec") / "vectors"
OPERATIONS = Path(PACKAGES) / "core/tests/operations.ts"
# Vectors whose files TypeScript writes anew and does not judge: they show there what their test names.
WRITTEN_ONLY = frozenset({"export"})
_BROWSERS = "tests/web/"
_LOADED = re.compile(r'\bload\("(\w+)"\)')
_OPERATION = re.compile(r'^  "([a-z_]+\.[a-z_]+)":', re.MULTILINE)
_ROW = re.compile(r"^\| ([A-Z]{2,5}-[0-9].*?) \|", re.MULTILINE)


def shown(root: Path, cited: spec_rules.Citations) -> dict[str, list[str]]:
    """For each rule the tests of packages, then those in browsers, then the vectors that packages run."""
    found: dict[str, list[str]] = defaultdict(list)
    sources = {
        path: path.read_text("utf-8") for path in checkout.files(root, f"{PACKAGES}/*/tests/**/*.test.ts")
    }
    for path, text in sources.items():
        name = path.relative_to(root / PACKAGES).as_posix()
        for rule_id in sorted({rule for _, rule in spec_rules.cited_ids(text)}):
            found[rule_id].append(name)
    for rule_id, tests in cited.tests.items():
        found[rule_id] += sorted(
            name.removeprefix("tests/") for name in tests if name.startswith("tests/web/")
        )
    loaded = {name for text in sources.values() for name in _LOADED.findall(text)}
    for rule_id, name in _vectors(root, loaded):
        if name not in found[rule_id]:
            found[rule_id].append(name)
    return {rule_id: names for rule_id, names in found.items() if names}


def _vectors(root: Path, loaded: set[str]) -> Iterator[tuple[str, str]]:
    """Rules and names of the vectors that a test runs: of a case with an operation those that it knows."""
    path = root / OPERATIONS
    operations = set(_OPERATION.findall(path.read_text("utf-8"))) if path.exists() else set()
    files = [root / VECTORS / f"{name}.json" for name in sorted(loaded - WRITTEN_ONLY)]
    for file in [*files, *checkout.files(root, f"{VECTORS.as_posix()}/negative/*.json")]:
        vector = json.loads(file.read_text("utf-8"))
        cases = vector.get("cases", [])
        parts = cases if any("operation" in case for case in cases) else [vector]
        for part in parts:
            if "operation" not in part or part["operation"] in operations:
                name = file.relative_to(root / VECTORS.parent).as_posix()
                yield from ((rule_id, name) for rule_id in part["rules"])


def listed(root: Path) -> list[str]:
    """The rules in the tables of `spec/python-only.md`, each as often as it stands there."""
    path = root / LISTED
    rows = _ROW.findall(path.read_text("utf-8")) if path.exists() else []
    return [rule_id for row in rows for _, rule_id in spec_rules.cited_ids(row)]


def problems(root: Path) -> list[str]:
    """Rules that no test in TypeScript shows and the list does not name, and what is wrong in the list."""
    tested = shown(root, spec_rules.citations(root))
    named = listed(root)
    rules = [rule for rule in spec_rules.definitions(root) if rule.chapter != LISTED.name]
    found = [
        f"spec/{rule.chapter}:{rule.line}: {rule.rule_id} is shown by no test in TypeScript, "
        f"and {LISTED.as_posix()} does not list it"
        for rule in rules
        if rule.rule_id not in tested and rule.rule_id not in named
    ]
    for rule_id in sorted(set(named)):
        if rule_id in tested:
            found.append(f"{LISTED.as_posix()}: {rule_id} is shown in TypeScript by {tested[rule_id][0]}")
        if named.count(rule_id) > 1:
            found.append(f"{LISTED.as_posix()}: {rule_id} is listed twice")
    return found
