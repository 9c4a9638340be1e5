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

import conversation_windows  # noqa: E402  # a script finds its modules by itself
import healing  # noqa: E402

REPORT = ROOT / "reports" / "secrecy.json"


def _conversations(chapter: Path) -> list[conversation_windows.Row]:
    """Measure conversations with resets, and write their table."""
    told: list[conversation_windows.Row] = []
    for scene in conversation_windows.SCENES:
        print(scene, file=sys.stderr, flush=True)
        told += conversation_windows.measured(scene)
    text = chapter.read_text("utf-8")
    before, _, rest = text.partition(conversation_windows.BEGIN)
    after = rest.partition(conversation_windows.END)[2]
    whole = before + conversation_windows.BEGIN + conversation_windows.table(told)
    chapter.write_text(whole + conversation_windows.END + after, "utf-8")
    print(conversation_windows.table(told), end="")
    return told


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
    told = _conversations(chapter)
    wrong = healing.misses(found) + conversation_windows.misses(told)
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
                    "conversations": [row._asdict() for row in told],
                },
                "limits": "passive thieves of one side's state, beside a relay that hides and forges;"
                " both sides follow the protocol",
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
