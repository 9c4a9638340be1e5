"""Ill-behaved clients at the level of bytes and frames against a real relay process, in a short run.

`python tests/support/frame_fuzz.py` is the long one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from frame_attacks import ALL
from frame_fuzz import SETTINGS, Findings, Size, attack_all, judge
from frame_machine import FrameMachine
from frame_sessions import SESSIONS
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from relay_process import RelayProcess

pytestmark = pytest.mark.processes


@pytest.fixture
def process(tmp_path: Path) -> Iterator[RelayProcess]:
    with RelayProcess(tmp_path / "relay", *SETTINGS) as running:
        yield running


async def test_everybody_else_is_served_meanwhile(process: RelayProcess) -> None:
    """RLY-03, RLY-26, RLY-37, RLY-71, RLY-73, RLY-84: each attack ends as it should, a pair talks on, memory
    is bounded, the relay logs no fault and drains.
    """
    findings = Findings()
    await attack_all(process, {**ALL, **SESSIONS}, findings, Size())
    assert judge(process, findings) == []


def test_any_sequence_of_frames(process: RelayProcess) -> None:
    """RLY-07, RLY-30, RLY-32, RLY-35, RLY-37: held is exactly what was confirmed and not acknowledged."""
    FrameMachine.relay = process
    run_state_machine_as_test(FrameMachine, settings=settings(max_examples=12, stateful_step_count=25))
    assert process.stop() == 0
