"""Fifty times `kill -9` of a real relay under full load.

    python tests/reliability/kills.py [--rounds N] [--relay OPTION ...] [--name RESULT]

Senders ask as fast as they are answered, owners read and delete, companies' prekeys are fetched and uploaded;
after one to three seconds the relay is killed and started again. At the end everything that was confirmed has
to have arrived, once. The control, a relay that says OK before it commits, must be caught. Behind `--relay`
come further words for `sealroom-relay serve`, another store for example (then there is no control: it is a
matter of the SQLite store's program). Writes `reports/kills.json`; exits 1 if anything must not be.
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

from kept_result import keep, result  # noqa: E402  # found on the path above
from kill_run import Kills, control  # noqa: E402

LIMITS: Final = (
    "A killed process leaves what it wrote in the system's cache: loss of power is another run (power-loss)."
    " One machine, clients and relay share its cores, so the rate is that of the clients."
)


async def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="kill -9 of a relay under full load.")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--name", default="kills", help="name of the result")
    parser.add_argument("--relay", nargs=argparse.REMAINDER, default=[], help="further words behind `serve`")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        run = Kills(Path(name), options.rounds, options.relay, seed=options.seed)
        await run.run()
        noticed = "" if options.relay else await control(Path(name))
    good = not run.ledger.fault_count and bool(noticed or options.relay)
    figures = {**run.figures(), "control": noticed or "none with another store"}
    keep(result(options.name, arguments, "pass" if good else "fail", figures, LIMITS, script="kills"))
    noticed = noticed or ("none" if options.relay else "NOT NOTICED")
    print(
        f"{run.ledger.counts['confirmed']} confirmed in {options.rounds} rounds,"
        f" {run.ledger.fault_count} lost, double or otherwise wrong; control: {noticed}:"
        f" {'pass' if good else 'fail'}"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
