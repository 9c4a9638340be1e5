"""The audit report tells a step that ended as it should from one that did not."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import audit_report
import pytest
from audit_report import Step


@pytest.mark.parametrize(
    ("code", "must_fail", "good"), [(0, False, True), (3, False, False), (3, True, True), (0, True, False)]
)
def test_a_step_is_judged_by_how_it_had_to_end(
    tmp_path: Path, code: int, must_fail: bool, good: bool
) -> None:
    script = f"print('first'); print('last'); raise SystemExit({code})"
    step = Step("something", (sys.executable, "-c", script), must_fail)
    outcome = audit_report.run(step, tmp_path / "log")
    assert (outcome.code, outcome.good) == (code, good)
    assert outcome.closing == "first\nlast"
    text = "\n".join(audit_report.outcome_lines([outcome]))
    assert ("as it should" in text) == good
    assert ("WRONG" in text) != good


def test_the_head_names_date_and_commit() -> None:
    text = "\n".join(audit_report.head_lines(datetime(2026, 1, 2, 3, 4, tzinfo=UTC)))
    assert "2026-01-02 03:04 UTC" in text
    assert "Commit `" in text


def test_the_installed_versions_are_listed() -> None:
    text = "\n".join(audit_report.installed_lines())
    assert "\npytest " in text
    assert "SHA-256" in text
