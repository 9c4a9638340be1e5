"""`kill -9` of a real relay under full load, again and again; the control says OK too early."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import checkout
from load_crowd import Crowd
from load_ledger import Ledger
from load_people import Pace, Reader, Sender, Shop, Stage
from relay_process import PROGRAM, RelayProcess

# Full load: no bucket is to refuse what these few clients ask.
SETTINGS: Final = (
    "contact_messages=1000000/1000000",
    "contact_b=1000000000/1000000000",
    "mailbox_messages=1000000/1000000",
    "mailbox_b=1000000000/1000000000",
    "quota_messages=100000",
    "quota_b=1000000000",
    "fetches=100000/100000",
    "fetches_per_device=100000/100000",
    "prekeys_b=1e9/1e9",
)
EARLY_OK: Final = (sys.executable, str(checkout.ROOT / "tests/support/crash_relay.py"), "--early-ok")
PACE: Final = Pace(1000, items=(1, 8), size_b=(200, 2000), short_share=0.0, in_flight=4)
# What the control confirms is on disk a little later: it has to keep up.
CALM: Final = Pace(10, items=(1, 4), short_share=0.0)


@dataclass
class Kills:
    """One run over some rounds."""

    folder: Path
    rounds: int
    options: Sequence[str] = ()
    program: Sequence[str] = PROGRAM
    pace: Pace = PACE
    seed: int = 1
    ledger: Ledger = field(default_factory=Ledger)
    open_at_kill: list[int] = field(default_factory=list)
    down_s: list[float] = field(default_factory=list)
    load_s: float = 0.0

    def __post_init__(self) -> None:
        self.relay = RelayProcess(
            self.folder / "relay", *SETTINGS, options=self.options, program=self.program
        )
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
