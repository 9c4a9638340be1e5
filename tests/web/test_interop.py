"""A customer of each kind and a company in Python, over a network that loses and delays: short forms.

The long form is tests/reliability/interop.py; its result is reports/interop.json.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import browsers
import pytest
from interop_run import Outcome, Plan, in_browser, in_python, play
from lossy_proxy import Chances
from playwright.async_api import Browser

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.processes,
]
# So few texts need not end an epoch of the KEM; the audit's run has several.
PLAN: Final = Plan(16, 3, Chances(0.15, 0.20), least_epochs=0)


def holds(outcome: Outcome) -> None:
    """Nothing was found, although something was lost and something late; on a busy machine all that is late
    may wait its second and be overtaken by nothing.
    """
    assert outcome.faults == []
    network = outcome.figures["network"]
    assert network["cut"] > 0
    assert network.get("overtaken", 0) + network.get("late by time alone", 0) > 0


async def test_a_customer_in_python_and_a_company_have_one_transcript_over_a_bad_network(
    tmp_path: Path,
) -> None:
    """RLY-30, SES-11, SES-18, SES-30, TRN-16: each text once and in one order, no gap is left."""
    holds(await play(in_python, tmp_path, PLAN))


@browsers.firefox_in_audit
async def test_a_customer_in_a_browser_and_a_company_have_one_transcript_over_a_bad_network(
    browser: Browser, built: dict[str, bytes], tmp_path: Path
) -> None:
    """RLY-30, SES-11, SES-18, SES-30, TRN-16: and the screen shows the transcript."""
    holds(await play(in_browser(browser, built), tmp_path, PLAN))


@pytest.mark.audit_only
async def test_a_relay_that_forgets_what_it_has_confirmed_is_found(tmp_path: Path) -> None:
    """The control: texts are lacking, and their gap was told."""
    plan = Plan(12, 1, Chances(0.0, 0.0, remembered=14), least_epochs=0, patience_s=3.0)
    outcome = await play(in_python, tmp_path, plan)
    assert any("lacks" in fault for fault in outcome.faults)
    assert any("Gap is left" in fault for fault in outcome.faults)
