"""A sample of the crash runs: real processes killed, or refused by their disk, at chosen system calls.

All points are run by `python tests/crash/run.py`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from crash_points import Points
from crash_relay import OFFSET
from crash_trial import Trial
from traced_process import Fault, available

pytestmark = pytest.mark.processes


@pytest.fixture(autouse=True)
def _strace() -> None:
    """CI must have strace; elsewhere its absence skips."""
    if not available():
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail("strace is not installed")
        pytest.skip("strace is not installed")


@pytest.mark.parametrize(
    "fault",
    [Fault("customer", 1, "pwrite64", 150), Fault("relay", 1, "fdatasync", OFFSET + 14)],
    ids=str,
)
async def test_killed_and_started_again(tmp_path: Path, fault: Fault) -> None:
    """STO-09, STO-14, STO-16, RLY-30, RLY-32, RLY-63, DR-04: nothing is lost, repeated or sealed twice."""
    trial = Trial(tmp_path, fault)
    assert await trial.run() == []
    assert trial.was_hit
    assert len(trial.record.bodies) >= 6
    assert len(trial.record.one_time) >= 4


async def test_a_disk_that_is_full_for_a_moment(tmp_path: Path) -> None:
    """STO-09: three commits are refused with a typed error; the client goes on without them."""
    trial = Trial(tmp_path, Fault("customer", 1, "pwrite64", 120, 220, 50, "ENOSPC"))
    assert await trial.run() == []
    assert trial.was_hit
    assert trial.people["customer"].account.codes["store.full"] > 0


@pytest.mark.audit_only
async def test_a_client_that_commits_too_late_is_found(tmp_path: Path) -> None:
    """STO-09: the control. What leaves before its row is on disk is lost, or its key seals another text."""
    everything = Fault("customer", 1, "fsync,fdatasync,pwrite64")
    undisturbed = Trial(tmp_path / "undisturbed", everything, late_commit=True)
    assert await undisturbed.run() == []
    writes = Points.of_log(undisturbed.log, "customer").first_writes
    losses: list[str] = []
    # The conversation proper lies behind the making of the account.
    for first in writes[len(writes) * 3 // 5 :]:
        fault = Fault("customer", 1, "pwrite64", first)
        trial = Trial(tmp_path / str(first), fault, late_commit=True, patience_s=3)
        await trial.run()
        losses = trial.losses
        if losses:
            break
    assert losses
