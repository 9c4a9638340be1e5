"""The result of the tests over each kind of wheel: reports/native-tests.json (`native_installed`)."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import checkout
import kept_result

KINDS: Final = ("compiled", "native", "pure")
REPORTS: Final = checkout.ROOT / "reports"
_LIBRARIES: Final = ("PyNaCl", "cryptography", "cbor2", "mypy", "pytest")
_LIMITS: Final = (
    "one machine and one Python; properties by few examples; tests that look into the reference in Python, or"
    " put another function under it, run over the pure wheel alone"
)


def packages(form: Mapping[str, str]) -> list[Path]:
    """The folders of what was installed."""
    return [Path(form["package"]) / name for name in ("e2ee", "e2ee_client")]


def digest(*folders: Path) -> str:
    """SHA-256, shortened, over names and contents of all that is not compiled: the same for each kind."""
    total = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix not in (".so", ".pyd", ".pyc"):
                total.update(f"{path.relative_to(folder.parent)}\0".encode())
                total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:32]


def kind(
    form: Mapping[str, str], record: Path, code: int, *, wall_s: float, processor_s: float
) -> dict[str, Any]:
    """What the tests over one kind of wheel gave, by the record of their run and its exit code."""
    # The file was written by our own run a moment ago.
    cases = list(ElementTree.parse(record).getroot().iter("testcase")) if record.exists() else []  # noqa: S314
    bad = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skips = (case.find("skipped") for case in cases)
    skipped = Counter(skip.get("message", "") for skip in skips if skip is not None)
    passed = len(cases) - bad - skipped.total()
    return {
        "name": form["kind"],
        "result": "pass" if code == 0 and passed and not bad else "fail",
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "runs": form["runs"],
        "python": sys.version.split()[0],
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
        "passed": passed,
        "failed": bad,
        "skipped": dict(sorted(skipped.items())),
        "wall_s": round(wall_s),
        "processor_s": round(processor_s),
    }


def joined(before: Mapping[str, Any], found: Mapping[str, Any], sources: str) -> dict[str, Any]:
    """Return the report with one kind in the place of its last result; what was of other sources goes."""
    figures = before.get("figures", {})
    same = figures.get("kinds", []) if figures.get("sources") == sources else []
    by_name = {one["name"]: one for one in same} | {found["name"]: found}
    results = [by_name[name]["result"] if name in by_name else kept_result.INCOMPLETE for name in KINDS]
    verdict = next((one for one in ("fail", kept_result.INCOMPLETE) if one in results), "pass")
    return {
        "name": "native-tests",
        "date": found["date"],
        "command": "make native-test",
        "result": verdict,
        "figures": {"sources": sources, "kinds": [by_name[name] for name in KINDS if name in by_name]},
        "limits": _LIMITS,
    }


def keep(found: Mapping[str, Any], sources: str, folder: Path = REPORTS) -> None:
    """Write the report anew, with what it says of other kinds of the same sources."""
    path = folder / "native-tests.json"
    before = json.loads(path.read_text("utf-8")) if path.exists() else {}
    kept_result.keep(joined(before, found, sources), folder)
