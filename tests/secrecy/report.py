"""Measures the windows of chapter 09 over every point of theft: `python tests/secrecy/report.py`.

Writes the table into the chapter and reports/secrecy.json; exits 1 if PQ-18 does not hold.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import healing  # noqa: E402  # a script finds its modules by itself

REPORT = ROOT / "reports" / "secrecy.json"


def main() -> int:
    """Measure, write, and tell."""
    found = []
    for pattern in healing.PATTERNS:
        for loss in healing.LOSSES:
            print(f"{pattern}, {loss:.0%} loss", file=sys.stderr, flush=True)
            found += healing.windows(pattern, loss)
    chapter = ROOT / healing.CHAPTER
    text = chapter.read_text("utf-8")
    chapter.write_text(text.replace(healing.in_chapter(text), healing.table(found)), "utf-8")
    wrong = healing.misses(found)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(
        json.dumps(
            {
                "name": "secrecy",
                "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
                "command": "python tests/secrecy/report.py",
                "result": "fail" if wrong else "pass",
                "figures": {
                    "thefts": sum(row.thefts for row in found),
                    "windows": [asdict(row) for row in found],
                },
                "limits": "passive thieves of one side's session state; both sides follow the protocol",
            },
            indent=2,
        )
        + "\n",
        "utf-8",
    )
    print(healing.table(found), end="")
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"{sum(row.thefts for row in found)} thefts, {len(wrong)} windows too long")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
