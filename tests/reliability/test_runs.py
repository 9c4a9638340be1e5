"""Short forms of the reliability runs: real relays under load, drained, killed, without power.

The long ones are the programs beside this file; their results are under reports/.
"""

from __future__ import annotations

import os
from pathlib import Path

import checkout
import power_trace
import pytest
from clock_run import JUMPS, WALL_CLOCK, ClockRun, library
from disk_run import DiskRun, small_disk
from kill_run import CALM, EARLY_OK, Kills
from power_facts import RecordedPeer, digest
from power_run import Outcome, lossy, record, take_power
from relay_process import PROGRAM
from soak_run import Soak
from traced_process import available

pytestmark = pytest.mark.processes


@pytest.fixture
def strace() -> None:
    """CI must have strace; elsewhere its absence skips."""
    if not available():
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail("strace is not installed")
        pytest.skip("strace is not installed")


@pytest.mark.audit_only
async def test_soak(tmp_path: Path) -> None:
    """RLY-30, RLY-32, RLY-35, RLY-37, RLY-63, RLY-70: drained and killed under load, nothing is lost."""
    run, seen = Soak(12.0, tmp_path, senders=4), list[Soak]()
    await run.run(seen.append)
    assert run.ledger.faults == []
    assert min(run.restarts.values()) >= 1
    assert run.ledger.counts["confirmed"] > 200
    assert run.ledger.counts["mailboxes deleted"] > 0
    assert len(seen) == len(run.samples) > 10


async def test_kills_under_full_load(tmp_path: Path) -> None:
    """RLY-30, RLY-32, RLY-37, RLY-63: killed with requests open, nothing confirmed is lost or comes twice."""
    run = Kills(tmp_path, 2)
    await run.run()
    assert run.ledger.faults == []
    assert max(run.open_at_kill) > 0
    assert run.ledger.counts["one-time prekeys handed out"] > 0


@pytest.mark.audit_only
async def test_kills_of_a_relay_that_says_ok_too_early_are_noticed(tmp_path: Path) -> None:
    """The control."""
    run = Kills(tmp_path, 2, program=EARLY_OK, pace=CALM)
    await run.run(patience_s=5.0)
    assert run.ledger.counts["lost"] > 0


@pytest.mark.audit_only
async def test_loss_of_power(tmp_path: Path, strace: None) -> None:
    """RLY-130, RLY-30, RLY-37, RLY-62, RLY-63: all that was confirmed is there."""
    recording = await record(tmp_path / "run", PROGRAM, 1.5, lives=2)
    outcome = take_power(recording, 12, tmp_path, seed=1)
    assert outcome.faults == []
    assert outcome.figures["messages confirmed"] > 0
    uploaded = {
        digest(key)
        for requests in RecordedPeer.asked.values()
        for _, request in requests.values()
        for key in (*getattr(request, "one_time_x25519", ()), *getattr(request, "one_time_kem", ()))
    }
    # What is called handed out is what was uploaded: else nothing could be found to be back.
    assert outcome.handed_out
    assert outcome.handed_out <= uploaded


@pytest.mark.audit_only
async def test_loss_of_power_of_a_relay_that_does_not_wait_is_noticed(tmp_path: Path, strace: None) -> None:
    """The control: SQLite synchronises at checkpoints only."""
    recording = await record(tmp_path / "run", lossy("NORMAL"), 1.0, lives=1)
    outcome: Outcome = take_power(recording, 10_000, tmp_path, seed=1)
    assert any("messages lost" in fault for fault in outcome.faults)


@pytest.fixture
def faketime() -> None:
    """CI must have libfaketime; elsewhere its absence skips."""
    if library() is None:
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail("libfaketime is not installed")
        pytest.skip("libfaketime is not installed")


@pytest.mark.audit_only
@pytest.mark.parametrize(("program", "is_lossy"), [(PROGRAM, False), (WALL_CLOCK, True)])
async def test_a_jump_of_the_clock(
    tmp_path: Path, faketime: None, program: tuple[str, ...], is_lossy: bool
) -> None:
    """RLY-132, RLY-133: ten years ahead and back; the control's time is the machine's, and it loses all."""
    run = ClockRun(tmp_path, program, watch_s=1.5, offsets=JUMPS[:1])
    await run.run()
    assert any("gone" in fault for fault in run.faults) == is_lossy
    assert is_lossy or (run.faults, run.delivered > 10, run.keys > 0) == ([], True, True)


async def test_a_full_disk(tmp_path: Path) -> None:
    """RLY-131, RLY-30, RLY-74: refused with a type, read and deleted meanwhile, good again with room."""
    try:
        with small_disk(tmp_path / "disk") as disk:
            run = DiskRun(disk, tmp_path / "log")
            await run.run()
    except PermissionError as error:
        pytest.skip(f"a tmpfs cannot be mounted: {error}")
    assert run.faults == []
    assert run.answers["UNAVAILABLE"] > 0
    assert run.answers["deleted"] > 100
    assert run.figures["lost"] == 0


def test_the_calls_that_are_recorded_are_known_to_strace() -> None:
    """A misspelt name would make strace refuse; the list names each call once."""
    words = power_trace.command(checkout.ROOT / "log")
    (traced,) = [word for word in words if word.startswith("trace=")]
    names = traced.removeprefix("trace=").split(",")
    assert len(names) == len(set(names))
    assert {"pwrite64", "fdatasync", "fsync", "sendto", "ftruncate", "unlink"} <= set(names)
