"""Joins claims and outcomes: a claim is shown only if every piece of its evidence was, in this run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from audit import evidence, rows
from audit.junit import Cases
from audit.runner import OPEN, PASS, Outcome

SHOWN, DECLARED = "shown", "declared"


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a run has brought: outcomes by step, and records of tests."""

    outcomes: Mapping[str, Outcome]
    tests: Mapping[str, Cases] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of evidence and what this run says about it."""

    name: str
    good: bool
    said: str


def piece(text: str, findings: Findings) -> Piece:
    """What a run says about one entry of the claims file."""
    found = evidence.parse(text)
    if isinstance(found, evidence.OfTest):
        return Piece(text, *_of_test(findings.tests.get(f"{found.file}::{found.name}")))
    outcome = findings.outcomes.get(found.step)
    if outcome is None:
        return Piece(text, False, "not run")
    if outcome.state == OPEN or isinstance(found, evidence.WholeStep):
        return Piece(text, outcome.state == PASS, outcome.why or outcome.state)
    good = rows.verdict(outcome.result, found.row)
    said = "no such row in the result" if good is None else "as expected" if good else "not as expected"
    return Piece(text, bool(good), said)


def _of_test(record: Cases | None) -> tuple[bool, str]:
    if record is None:
        return False, "not run"
    if record.failed:
        return False, f"{record.failed} of {record.failed + record.passed} failed"
    if record.skipped:
        return False, f"skipped: {record.skipped[0]}"
    return True, "passed" if record.passed == 1 else f"passed, {record.passed} cases"


def pieces(entries: Sequence[str], findings: Findings) -> list[Piece]:
    """What a run says about every entry of one claim."""
    return [piece(text, findings) for text in entries]


def verdict(found: Sequence[Piece]) -> str:
    """`shown`, `open`, or `declared` where a limit needs no evidence."""
    if not found:
        return DECLARED
    return SHOWN if all(one.good for one in found) else OPEN
