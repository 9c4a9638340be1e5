"""Measures the windows of chapter 09 over every point of theft: `python tests/secrecy/report.py`.

Writes the tables into the chapter, and reports/secrecy.json; exits 1 if PQ-18 or PQ-19 does not hold. With
`--quick` a quarter of the conversations is played, and the chapter is compared: exits 1, too, where it has
other windows of sessions, or less than what was found.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import conversation_windows  # noqa: E402  # a script finds its modules by itself
import healing  # noqa: E402

REPORT = ROOT / "reports" / "secrecy.json"
QUICK_SEEDS = range(5)


def _windows() -> list[healing.Window]:
    """Measure sessions, pattern by pattern and loss by loss."""
    found = []
    for pattern in healing.PATTERNS:
        for loss in healing.LOSSES:
            print(f"{pattern}, {loss:.0%} loss", file=sys.stderr, flush=True)
            found += healing.windows(pattern, loss)
    return found


def _conversations(seeds: Iterable[int]) -> list[conversation_windows.Row]:
    """Measure conversations with resets."""
    told: list[conversation_windows.Row] = []
    for scene in conversation_windows.SCENES:
        print(scene, file=sys.stderr, flush=True)
        told += conversation_windows.measured(scene, seeds)
    return told


def _written(text: str, found: list[healing.Window], told: list[conversation_windows.Row]) -> str:
    """The chapter with both tables."""
    text = text.replace(healing.in_chapter(text), healing.table(found))
    return text.replace(conversation_windows.in_chapter(text), conversation_windows.table(told))


def _differing(text: str, found: list[healing.Window], told: list[conversation_windows.Row]) -> list[str]:
    """What the chapter's tables do not say, where a part was measured."""
    wrong = [] if healing.in_chapter(text) == healing.table(found) else ["the chapter has other windows"]
    return wrong + conversation_windows.beyond(told, conversation_windows.rows_of(text))


def main() -> int:
    """Measure, write or compare, and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer conversations; the chapter is compared")
    quick = parser.parse_args().quick
    found, told = _windows(), _conversations(QUICK_SEEDS if quick else conversation_windows.SEEDS)
    wrong = healing.misses(found) + conversation_windows.misses(told)
    chapter = ROOT / healing.CHAPTER
    text = chapter.read_text("utf-8")
    if quick:
        wrong += _differing(text, found, told)
    else:
        chapter.write_text(_written(text, found, told), "utf-8")
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(
        json.dumps(
            {
                "name": "secrecy",
                "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
                "command": "python tests/secrecy/report.py" + " --quick" * quick,
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
    print(healing.table(found), conversation_windows.table(told), sep="", end="")
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"{sum(row.thefts for row in found)} thefts, {len(wrong)} windows too long")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
