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
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

from kept_result import keep, result  # noqa: E402  # found on the path above
from load_crowd import Crowd  # noqa: E402
from load_ledger import Ledger  # noqa: E402
from load_people import Pace, Reader, Sender, Shop, Stage  # noqa: E402
from relay_process import RelayProcess  # noqa: E402

# Full load: no bucket is to refuse what these few clients ask.
SETTINGS: Final = (
    "contact_messages=1000000/1000000",
    "contact_b=1000000000/1000000000",
    "quota_messages=100000",
    "quota_b=1000000000",
    "fetches=100000/100000",
    "fetches_per_device=100000/100000",
)
EARLY_OK: Final = (sys.executable, str(ROOT / "tests/support/crash_relay.py"), "--early-ok")
PACE: Final = Pace(1000, items=(1, 8), size_b=(200, 2000), short_share=0.0, in_flight=4)
# What the control confirms is on disk a little later: it has to keep up, or it would lose what nobody killed.
CALM: Final = Pace(10, items=(1, 4), short_share=0.0)
LIMITS: Final = (
    "A killed process leaves what it wrote in the system's cache: loss of power is another run (power-loss)."
    " One machine, clients and relay share its cores, so the rate is that of the clients."
)


@dataclass
class Kills:
    """One run over some rounds."""

    folder: Path
    rounds: int
    options: Sequence[str] = ()
    program: Sequence[str] = ()
    pace: Pace = PACE
    seed: int = 1
    ledger: Ledger = field(default_factory=Ledger)
    open_at_kill: list[int] = field(default_factory=list)
    down_s: list[float] = field(default_factory=list)
    load_s: float = 0.0

    def __post_init__(self) -> None:
        program = {"program": self.program} if self.program else {}
        self.relay = RelayProcess(self.folder / "relay", *SETTINGS, options=self.options, **program)
        self.stage = Stage(lambda: self.relay.url, self.ledger, random.Random(self.seed))

    async def run(self, *, patience_s: float = 60.0) -> None:
        """Kill again and again under load, then let everything be read."""
        await asyncio.to_thread(self.relay.start)
        readers = [Reader(self.stage) for _ in range(20)]
        readers += [Reader(self.stage, (2.0, 2.0)) for _ in range(10)]
        senders = [Sender(self.stage, readers, self.pace) for _ in range(8)]
        shops = [Shop(self.stage, time.time_ns() // 1_000_000, 0.1) for _ in range(3)]
        crowd = Crowd(self.stage, readers, senders, shops)
        try:
            await crowd.begin()
            for _ in range(self.rounds):
                began = time.monotonic()
                await crowd.go_on(self.stage.random.uniform(1.0, 3.0))
                self.load_s += time.monotonic() - began
                self.open_at_kill.append(sum(one.open_count for one in senders))
                await self._kill_and_start()
            await crowd.finish(patience_s=patience_s)
        finally:
            await crowd.abandon()
            await asyncio.to_thread(self.relay.stop)

    async def _kill_and_start(self) -> None:
        began = time.monotonic()
        await asyncio.to_thread(self.relay.kill)
        await asyncio.to_thread(self.relay.start)
        self.down_s.append(time.monotonic() - began)

    def figures(self) -> dict[str, Any]:
        """What the run has shown."""
        counts = self.ledger.counts
        return {
            "rounds": len(self.open_at_kill),
            "ledger": dict(counts),
            "confirmed a second of load": round(counts["confirmed"] / max(self.load_s, 0.001)),
            "messages without an answer at a kill": {
                "least": min(self.open_at_kill, default=0),
                "most": max(self.open_at_kill, default=0),
            },
            "lost": counts["lost"],
            "double": sum("double" in fault for fault in self.ledger.faults),
            "one-time prekeys handed out twice": sum(count > 1 for count in self.ledger.one_time.values()),
            "what must not be": self.ledger.faults[:20],
            "longest start, seconds": round(max(self.down_s, default=0), 2),
            "answers": dict(self.stage.results),
        }


async def control(folder: Path) -> str:
    """Kill a relay that says OK too early; return what was noticed."""
    for attempt in range(3):
        run = Kills(folder / f"control-{attempt}", 10, program=EARLY_OK, pace=CALM, seed=attempt)
        run.folder.mkdir()
        await run.run(patience_s=20.0)
        if lost := run.ledger.counts["lost"]:
            return (
                f"{lost} of {run.ledger.counts['confirmed']} lost by a relay that says OK before it commits"
            )
    return ""


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
