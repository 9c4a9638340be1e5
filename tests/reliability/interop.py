"""Customers in Python, Chromium and Firefox talk to a company in Python over a network that loses and delays.

    python tests/reliability/interop.py [--texts N] [--seed S] [--only python,chromium,firefox]

Each side writes 200 texts, in rounds of some at once. Of all envelopes, receipts too, 10 % are lost and 15 %
come late, by a proxy of frames before the relay (tests/support/lossy_proxy.py says how). In the end both
sides have each text once and in one order, browsers show it so, no gap is left, and several KEM epochs were
used. The control, a relay that confirms an envelope and forgets it, is found. Writes `reports/interop.json`;
exits 1 if anything must not be.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

import browsers  # noqa: E402  # found on the path above
import web_packages  # noqa: E402
from interop_run import Customers, Plan, in_browser, in_python, play  # noqa: E402
from kept_result import keep, result  # noqa: E402
from lossy_proxy import Chances  # noqa: E402
from playwright.async_api import async_playwright  # noqa: E402

WHO: Final = ("python", *browsers.NAMES)
LIMITS: Final = (
    "One device a side, over a proxy on this machine. What is lost takes its connection with it, since TCP"
    " loses nothing of one that stands. A late envelope is overtaken by at most two others, or waits a"
    " second. Which envelope meets what depends on the order in which they come, so a seed gives the same"
    " texts and chances, not the same run."
)


async def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="the interop matrix, with loss and lateness")
    parser.add_argument("--texts", type=int, default=200, help="of each side")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(WHO), help="customers, with commas")
    options = parser.parse_args(arguments)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="interop-") as name:
        folder = Path(name)
        for each in (*options.only.split(","), "control"):
            (folder / each).mkdir()
        for who in options.only.split(","):
            async with customers_of(who, folder) as customers:
                plan = Plan(options.texts, options.seed, least_epochs=4 if options.texts >= 200 else 1)
                rows.append(row_of(who, *(await _played(customers, folder / who, plan))))
            print(f"{who}: {rows[-1]['what must not be'] or 'good'}", flush=True)
        rows.append(await _control(folder / "control", options.seed))
        print(f"control: {rows[-1]['found'] or 'nothing found'}", flush=True)
    verdict = "pass" if all(row["result"] == "pass" for row in rows) else "fail"
    keep(result("interop", arguments, verdict, {"customers of a company in Python": rows}, LIMITS))
    return 0 if verdict == "pass" else 1


async def _played(customers: Customers, folder: Path, plan: Plan) -> tuple[dict[str, Any], list[str]]:
    outcome = await play(customers, folder, plan)
    return outcome.figures, outcome.faults


def row_of(who: str, figures: dict[str, Any], faults: list[str]) -> dict[str, Any]:
    """A row of the matrix."""
    return {"customer": who, "result": "fail" if faults else "pass", **figures, "what must not be": faults}


async def _control(folder: Path, seed: int) -> dict[str, Any]:
    """A relay that forgets what it has confirmed; it passes when that is found."""
    plan = Plan(20, seed, Chances(0.0, 0.0, remembered=25), least_epochs=0, patience_s=5.0)
    outcome = await play(in_python, folder, plan)
    is_found = any("lacks" in fault for fault in outcome.faults) and any(
        "Gap" in fault for fault in outcome.faults
    )
    return {
        "customer": "python, a relay that forgets what it has confirmed",
        "result": "pass" if is_found else "fail",
        "found": outcome.faults,
    }


@asynccontextmanager
async def customers_of(who: str, folder: Path) -> AsyncIterator[Customers]:
    """Customers of one implementation."""
    if who == "python":
        yield in_python
        return
    web_packages.install()
    built = web_packages.built(folder / "release")
    async with async_playwright() as playwright, browsers.started(playwright, who) as browser:
        yield in_browser(browser, built)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
