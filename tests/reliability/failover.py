"""Failover of the database below two relay nodes: the primary killed under load, its standby promoted.

    python tests/reliability/failover.py [--rounds N]

The standby is synchronous, the nodes name both hosts with target_session_attrs=read-write, and nobody
restarts them. At the end everything that was confirmed has to have arrived, once, and no one-time prekey was
handed out twice. The control, an asynchronous standby that has fallen behind, must be caught losing messages;
one-time prekeys must not be handed out twice even there, since the nodes burn them (RLY-103). Writes
`reports/failover.json`; exits 1 if anything must not be. Needs PostgreSQL.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

from failover_run import Failover  # noqa: E402  # found on the path above
from kept_result import keep, result  # noqa: E402
from postgres_server import missing_programs  # noqa: E402

LIMITS: Final = (
    "Both databases on one machine, sockets instead of a network; the promotion is by this script, at once,"
    " where an installation has a manager that decides. Processes are killed, disks keep what the system has."
)


async def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Failover of the database below two relay nodes.")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    if missing := missing_programs():
        print(missing, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="failover-") as name:
        folders = [Path(name) / one for one in ("synchronous", "control")]
        for folder in folders:
            folder.mkdir()
        run = Failover(folders[0], options.rounds, seed=options.seed)
        await run.run()
        control = Failover(folders[1], 1, synchronous=False, seed=options.seed)
        await control.run(patience_s=10.0)
    lost = control.ledger.counts["lost"]
    twice = sum(count > 1 for count in control.ledger.one_time.values())
    good = not run.ledger.fault_count and lost > 0 and not twice
    figures = {
        **run.figures(),
        "control, a standby that fell behind": {
            "lost": lost or "NOT NOTICED",
            "one-time prekeys handed out": control.ledger.counts["one-time prekeys handed out"],
            "one-time prekeys handed out twice": twice,
        },
    }
    keep(result("failover", arguments, "pass" if good else "fail", figures, LIMITS))
    print(
        f"{run.ledger.counts['confirmed']} confirmed over {options.rounds} failovers,"
        f" {run.ledger.fault_count} lost, double or otherwise wrong; control: {lost} lost, {twice} keys"
        f" twice: {'pass' if good else 'fail'}"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
