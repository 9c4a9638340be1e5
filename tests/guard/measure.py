"""Measures the guard on its corpus: `python tests/guard/measure.py [--first NAME] [--show NAME]`.

Writes reports/guard.json and the tables of docs/guard.md. `--first` keeps the figures of a file of the
corpus that no rule was written with; they are written once, and nothing replaces them. `--show` prints
what is missed and what is a false alarm.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in (".", "client", "server", "tests/support")]

import guard_corpus  # noqa: E402  # a script finds its modules by itself
import guard_report  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", choices=guard_corpus.names())
    parser.add_argument("--show", choices=guard_corpus.names(), action="append", default=[])
    options = parser.parse_args()
    for name in options.show:
        _show(name)
    kept: dict[str, Any] = guard_report.kept_first()
    if options.first in kept:
        parser.error(f"the first figures of {options.first} are kept already")
    report = guard_report.report([*kept, options.first] if options.first else list(kept))
    guard_report.write(report)
    print(guard_report.tables(report))
    print(json.dumps(report["figures"]["all"]))
    return 0


def _show(name: str) -> None:
    score = guard_corpus.measure(guard_corpus.load(name))
    for word, found in (("missed", score.misses), ("false alarm", score.alarms)):
        for kind, one in found:
            print(f"{word}: {kind.value}: {one.line}")


if __name__ == "__main__":
    sys.exit(main())
