"""Fills the disk of a real relay: by its own messages, and by somebody else's file.

    python tests/reliability/disk_full.py

The disk is a tmpfs of 48 MiB, which has to be mounted as root. At the reserve nothing is added, readiness
says so, owners read and delete, and what they delete is room again; without any room each change is refused
with a type and reading goes on; with room again the relay goes on; killed there, it has all that it confirmed
(RLY-131). The control keeps no reserve: its owners cannot delete. Writes `reports/disk-full.json`; exits 1 if
anything must not be.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

from disk_run import DISK_B, RESERVE_B, DiskRun, small_disk  # noqa: E402  # found on the path above
from kept_result import keep, result  # noqa: E402

LIMITS: Final = (
    "A tmpfs refuses a write when it has no room, as most file systems do; one that promises it and takes it"
    " back later (thin provisioning) is not covered. A start on a full disk is in"
    " tests/relay/test_lost_database.py."
)


async def once(folder: Path, reserve_b: int) -> DiskRun:
    """One run on a disk of its own."""
    with small_disk(folder) as disk:
        run = DiskRun(disk, folder.with_suffix(".log"), reserve_b)
        await run.run()
    return run


async def main() -> int:
    with tempfile.TemporaryDirectory(prefix="disk-") as name:
        try:
            run = await once(Path(name) / "reserve", RESERVE_B)
        except PermissionError as error:
            print(f"a tmpfs cannot be mounted here: {error}", file=sys.stderr)
            return 2
        control = await once(Path(name) / "control", 0)
    stuck = [fault for fault in control.faults if "deletion" in fault]
    good = not run.faults and bool(stuck)
    figures = {
        "disk, MiB": DISK_B >> 20,
        "reserve, MiB": RESERVE_B >> 20,
        **run.figures,
        "answers": dict(run.answers),
        "what must not be": run.faults,
        "control, no reserve": stuck[0] if stuck else "NOT NOTICED",
    }
    keep(result("disk-full", [], "pass" if good else "fail", figures, LIMITS))
    print(
        f"{run.figures.get('confirmed', 0)} confirmed, {len(run.faults)} faults, control"
        f" {'noticed' if stuck else 'NOT NOTICED'}: {'pass' if good else 'fail'}"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
