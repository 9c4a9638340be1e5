"""Runs every attack with its control and writes `reports/attacks.json`: for `make audit`.

One row for each entry of the catalogue: what the relay did, what the clients saw of it in the words of the
command line, with which codes it was refused, how it ended, and what it reached with the countermeasure off.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "reports" / "attacks.json"
LIMITS = (
    "Each attack is one named strategy, not a proof that there is no other. Of A17 there are the card and a "
    "published file: what a room's host serves is for `sealroom web verify` and its tests. That a relay "
    "withholds everything, or sees addresses and times, is declared and not attacked here. Clients run over "
    "a relay in memory, without sockets."
)
sys.path[:0] = [str(ROOT / part) for part in ("", "client", "server", "tests/support")]

import pytest  # noqa: E402  # the checkout's own modules come first
from attack_catalogue import CATALOGUE  # noqa: E402
from attack_evidence import BOOK, Book  # noqa: E402


class Watcher:
    """Takes the book out of a finished run, and counts how its tests ended."""

    def __init__(self) -> None:
        self.book = Book()
        self.outcomes = {"passed": 0, "failed": 0, "skipped": 0}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test once: by its call, or by whatever went wrong around it."""
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.outcome] += 1

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Keep the evidence."""
        self.book = session.config.stash.get(BOOK, self.book)


def rows(book: Book) -> Iterator[dict[str, object]]:
    """Yield one row for each entry of the catalogue; it passes with both an attack and a control."""
    for entry, attack in CATALOGUE.items():
        tries = [asdict(one) for one in book.attacks if one.attack == entry]
        controls = [asdict(one) for one in book.controls if one.attack == entry]
        yield {
            "attack": entry,
            "title": attack.title,
            "rules": list(attack.rules),
            "result": "pass" if tries and controls else "fail",
            "tries": tries,
            "controls": controls,
        }


def main() -> int:
    """Run, write, and say how it ended."""
    watcher = Watcher()
    options = ["-p", "no:cacheprovider", "--import-mode=importlib"]
    code = pytest.main([*options, str(ROOT / "tests" / "attacks")], plugins=[watcher])
    made = list(rows(watcher.book))
    open_rows = [str(row["attack"]) for row in made if row["result"] != "pass"]
    good = code == 0 and not open_rows
    document = {
        "name": "attacks",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "python tests/attacks/report.py",
        "result": "pass" if good else "fail",
        "figures": {
            "attacks": len(made),
            "tries": len(watcher.book.attacks),
            "controls": len(watcher.book.controls),
            **{f"tests {outcome}": count for outcome, count in watcher.outcomes.items()},
        },
        "limits": LIMITS,
        "attacks": made,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    ended = "each refused or shown, each control succeeds" if good else f"open: {open_rows}, code {code}"
    print(f"{len(made)} attacks, {len(watcher.book.controls)} controls: {ended}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
