"""Jumps of a real relay's clock by ten years, forwards and back, while it runs and while it starts.

    python tests/reliability/clock_jumps.py

After each jump: messages that nobody has read are still held, no mailbox is gone, rates refill at the pace of
real time, deletions work, an idle relay is idle, and prekeys are handed out whenever the clock is right
(RLY-132, RLY-133). The control, a relay whose time is the machine's, must lose what it held. Writes
`reports/clock-jumps.json`; exits 1 if anything must not be. Needs libfaketime.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

from clock_run import WALL_CLOCK, ClockRun, library  # noqa: E402  # found on the path above
from kept_result import keep, result  # noqa: E402

LIMITS: Final = (
    "The machine's clock is libfaketime's, inside the relay's process; clients have the right one. It is"
    " wrong for seconds here: that an hour of it costs an hour is shown with clocks of a test"
    " (tests/relay/test_clock.py)."
)


async def main() -> int:
    if library() is None:
        print("libfaketime is needed: apt install faketime", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="clock-") as name:
        folders = [Path(name) / one for one in ("steady", "control")]
        for folder in folders:
            folder.mkdir()
        run, control = ClockRun(folders[0]), ClockRun(folders[1], WALL_CLOCK, watch_s=1.5)
        await run.run()
        await control.run()
    gone = [fault for fault in control.faults if "gone" in fault]
    good = not run.faults and bool(gone)
    figures = {
        "jumps and starts": run.jumps,
        "messages held through all of them": run.delivered,
        "bundles with one-time keys under a right clock": run.keys,
        "largest share of a processor while idle": round(run.busiest, 3),
        "what must not be": run.faults,
        "control": gone[0] if gone else "NOT NOTICED",
    }
    keep(result("clock-jumps", [], "pass" if good else "fail", figures, LIMITS))
    print(
        f"{len(run.jumps)} states of the clock, {len(run.faults)} faults, control"
        f" {'noticed' if gone else 'NOT NOTICED'}: {'pass' if good else 'fail'}"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
