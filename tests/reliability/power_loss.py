"""Takes the power away from a recorded relay at many points, and opens what is left.

    python tests/reliability/power_loss.py [--points N] [--seconds N] [--seed N]

A relay under load is recorded by strace through three lives, one ended by SIGTERM, one by SIGKILL: each write
to its files, each synchronisation, each answer. Between any two synchronisations the power may go: the disk
then has what was synchronised and any part of what was not, in any order and torn at sectors
(tests/support/power_disk.py). Each such disk is opened by the relay's store and must have everything that had
been confirmed by then. Controls, relays that do not wait for their disk, must be caught. Writes
`reports/power-loss.json`; exits 1 if anything must not be.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

from kept_result import keep, result  # noqa: E402  # found on the path above
from power_run import controls, record, take_power  # noqa: E402
from relay_process import PROGRAM  # noqa: E402

LIMITS: Final = (
    "SQLite and the mark on one file system, as system calls show them: what was synchronised is there."
    " A disk that damages bytes next to those that it writes, or lies about synchronisation, is not covered:"
    " SQLite assumes powersafe overwrite, too. The shared-memory file is not kept: it is rebuilt. Points are"
    " sampled; each kind of remains is tried once at each."
)


async def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Loss of power of a recorded relay.")
    parser.add_argument("--points", type=int, default=600)
    parser.add_argument("--seconds", type=float, default=36.0, help="of load, over three lives")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    if shutil.which("strace") is None:
        print("strace is needed: apt install strace", file=sys.stderr)
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="power-") as name:
        recording = await record(Path(name) / "relay-run", PROGRAM, options.seconds)
        outcome = take_power(recording, options.points, Path(name), options.seed)
        noticed = await controls(Path(name), min(12.0, options.seconds), 20)
    good = not outcome.faults and all(noticed.values())
    figures = {
        **outcome.figures,
        "disks opened": dict(outcome.states),
        "disks with a broken promise": dict(outcome.broken),
        "disks whose one-time keys were burned, mark unreadable": dict(outcome.burned),
        "what must not be": outcome.faults[:20],
        "controls": noticed,
        "seconds": round(time.monotonic() - began),
    }
    keep(result("power-loss", arguments, "pass" if good else "fail", figures, LIMITS))
    seen = "noticed" if all(noticed.values()) else "NOT NOTICED"
    print(
        f"{outcome.states.total()} disks, {outcome.broken.total()} with a broken promise, controls {seen}:"
        f" {'pass' if good else 'fail'}"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
