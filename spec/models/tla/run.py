"""Checks every configuration beside this file with TLC: `python spec/models/tla/run.py`.

One line each: `name: expected X, got X, N distinct states`. Exits 1 if one differs, or if a tool is missing.
Writes nothing but reports/tla.json.
"""

from __future__ import annotations

import datetime
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from spec.models.tla import tlc

ROOT: Final = tlc.FOLDER.parents[2]
REPORT: Final = ROOT / "reports" / "tla.json"
LIMITS: Final = (
    "Exhaustive within small bounds that each configuration states, and only over the abstraction that each"
    " module describes: cryptography is perfect, a write is whole or not there. They say nothing of the"
    " code by themselves; tests/models/test_traces.py holds it against traces of these models."
)
_AT_ONCE: Final = 2


class Row(NamedTuple):
    """One configuration with its verdicts."""

    name: str
    expected: str
    got: str
    states: int

    def line(self) -> str:
        """Return the line that is printed."""
        return f"{self.name}: expected {self.expected}, got {self.got}, {self.states} distinct states"


def configurations() -> list[str]:
    """Return the names of all configurations but those for traces."""
    return [path.stem for path in sorted(tlc.FOLDER.glob("*.cfg")) if not path.stem.endswith("Trace")]


def check(jar: Path, folder: Path, config: str) -> Row:
    """Run one configuration; what TLC says is shown where it could not judge."""
    outcome = tlc.run(jar, folder, tlc.module_of(config), config)
    if outcome.verdict == tlc.FAILED:
        print(outcome.output, file=sys.stderr)
    return Row(config, tlc.expected_of(config), outcome.verdict, outcome.states)


def check_all(jar: Path) -> list[Row]:
    """Run all configurations and print a line for each."""
    rows: list[Row] = []
    with tlc.workshop() as folder, ThreadPoolExecutor(_AT_ONCE) as pool:
        for row in pool.map(partial(check, jar, folder), configurations()):
            rows.append(row)
            print(row.line(), flush=True)
    return rows


def report(rows: list[Row], seconds: float) -> None:
    """Write reports/tla.json."""
    wrong = [row.name for row in rows if row.expected != row.got]
    figures = {
        "configurations": len(rows),
        "holding": sum(row.got == tlc.HOLDS for row in rows),
        "refuted as expected": sum(row.got == row.expected != tlc.HOLDS for row in rows),
        "distinct states": sum(row.states for row in rows),
        "seconds": round(seconds),
        "rows": [row._asdict() for row in rows],
    }
    REPORT.parent.mkdir(exist_ok=True)
    document = {
        "name": "tla",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "command": "python spec/models/tla/run.py",
        "result": "fail" if wrong else "pass",
        "figures": figures,
        "limits": LIMITS,
    }
    REPORT.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def main() -> int:
    """Check, report, and tell whether everything came out as expected."""
    try:
        jar = tlc.find_jar()
    except tlc.ToolMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    begun = time.monotonic()
    rows = check_all(jar)
    seconds = time.monotonic() - begun
    report(rows, seconds)
    wrong = sum(row.expected != row.got for row in rows)
    print(f"TLA+: {len(rows)} configurations, {wrong} other than expected, {seconds:.0f} s")
    return 1 if wrong or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
