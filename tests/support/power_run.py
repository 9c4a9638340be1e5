"""Records a relay through several lives and takes its power away at many points of the recording."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import checkout
import power_trace
from load_crowd import Crowd
from load_ledger import Ledger
from load_people import Pace, Passenger, Reader, Sender, Shop, Stage
from power_check import Examiners, Verdict
from power_disk import KINDS, Disk
from power_facts import RecordedPeer, Witness
from power_trace import Step
from relay_process import RelayProcess

PACE: Final = Pace(4, items=(1, 3), size_b=(100, 1500), short_share=0.0)
SETTINGS: Final = ("fetches=1000/100", "fetches_per_device=1000/100", "prekeys_b=1e9/1e9")


@dataclass
class Recording:
    """A relay's calls over its lives, and what its clients had asked."""

    folder: Path
    program: Sequence[str]
    seconds: float
    lives: int = 3
    logs: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        RecordedPeer.asked = {}
        self.relay = RelayProcess(self.folder / "relay", *SETTINGS)
        stage = Stage(lambda: self.relay.url, Ledger(), random.Random(1), peer_class=RecordedPeer)
        readers = [Reader(stage, (2.0, 2.0)) for _ in range(6)]
        # Nobody reads these: what they hold has to be there at the end.
        readers += [Reader(stage, (1.0, 1000.0)) for _ in range(4)]
        senders = [Sender(stage, readers, PACE) for _ in range(3)]
        shops = [Shop(stage, time.time_ns() // 1_000_000, 0.5) for _ in range(2)]
        self.crowd = Crowd(stage, readers, senders, shops, [Passenger(stage, 3.0)])
        self.stage = stage

    async def make(self) -> None:
        """Run the lives; between bursts nobody asks, so that the journal is moved into the database."""
        await self._start()
        try:
            await self.crowd.begin()
            for number in range(self.lives):
                await self._live()
                pid = self.relay.pid
                # The last one drains, so that everything has been answered.
                is_drained = (self.lives - number) % 2
                await asyncio.to_thread(self.relay.stop if is_drained else self.relay.kill)
                await asyncio.to_thread(power_trace.wait_until_written, self.logs[-1], pid)
                if number + 1 < self.lives:
                    await self._start()
        finally:
            await self.crowd.abandon()
            await asyncio.to_thread(self.relay.stop)

    async def _live(self) -> None:
        for _ in range(2):
            self.stage.busy.set()
            await self.crowd.go_on(self.seconds / self.lives / 2)
            self.stage.busy.clear()
            await self.crowd.go_on(1.5)
        self.stage.busy.set()
        await self.crowd.go_on(0.1)

    async def _start(self) -> None:
        self.logs.append(self.folder / f"calls-{len(self.logs)}")
        self.relay.program = (*power_trace.command(self.logs[-1]), *self.program)
        await asyncio.to_thread(self.relay.start)

    def steps(self) -> list[Step]:
        """All steps of all lives."""
        return [step for log in self.logs for step in power_trace.read(log)]


@dataclass
class Outcome:
    """What the states have shown."""

    states: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    burned: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    handed_out: set[bytes] = field(default_factory=set)
    figures: dict[str, Any] = field(default_factory=dict)

    def heard(self, label: str, verdict: Verdict) -> None:
        kind = label.split(":")[0]
        self.states[kind] += 1
        self.burned[kind] += verdict.is_burned
        self.broken[kind] += bool(verdict.faults)
        self.faults += [f"{label}: {fault}" for fault in verdict.faults]


def take_power(recording: Recording, points: int, folder: Path, seed: int, jobs: int = 2) -> Outcome:
    """Walk through the recording; at each sampled point examine one state of each kind."""
    steps, outcome, chance = recording.steps(), Outcome(), random.Random(seed)
    chosen = set(_points(steps, recording.relay.data_dir, points, chance))
    disk, witness = Disk(recording.relay.data_dir), Witness(RecordedPeer.asked)
    examiners = Examiners(folder, jobs, outcome.heard)
    for place, step in enumerate(steps):
        disk.follow(step)
        witness.follow(step)
        if place in chosen:
            facts = witness.look(step.at)
            for kind in KINDS:
                examiners.begin(f"{kind}: after step {place}", disk.left(kind, chance), facts)
    examiners.finish()
    facts = witness.facts
    outcome.handed_out = facts.handed_out
    outcome.figures = {
        "writes recorded": disk.writes,
        "bytes written": disk.written_b,
        "synchronisations": disk.syncs,
        "points": len(chosen),
        "messages confirmed": len(facts.messages),
        "of these deleted": len(facts.deleted),
        "mailboxes": len(facts.mailboxes),
        "mailboxes removed": len(facts.removed),
        "one-time prekeys handed out": len(facts.handed_out),
    }
    return outcome


def _points(steps: Sequence[Step], folder: Path, most: int, chance: random.Random) -> list[int]:
    """Of each stretch between two synchronisations some moment and the last one; of all these a sample."""
    disk, begin, found = Disk(folder), 0, list[int]()
    for place, step in enumerate(steps):
        if disk.follow(step):
            found += [chance.randint(begin, max(begin, place - 1)), max(begin, place - 1)]
            begin = place
    return found if len(found) <= most else chance.sample(found, most)


async def record(folder: Path, program: Sequence[str], seconds: float, lives: int = 3) -> Recording:
    """Make a recording in a new folder."""
    await asyncio.to_thread(folder.mkdir)
    recording = Recording(folder, program, seconds, lives)
    await recording.make()
    return recording


def lossy(level: str) -> tuple[str, ...]:
    """The program of a relay that opens its database with less than FULL."""
    return sys.executable, str(checkout.ROOT / "tests/support/power_relay.py"), level


async def controls(folder: Path, seconds: float, points: int) -> dict[str, str]:
    """What was noticed of relays that do not wait for their disk."""
    noticed = {}
    for level in ("OFF", "NORMAL"):
        recording = await record(folder / f"control-{level}", lossy(level), seconds)
        outcome = take_power(recording, points, folder, seed=1)
        losses = [fault for fault in outcome.faults if "messages lost" in fault]
        noticed[f"synchronous={level}"] = f"{len(losses)} disks, first {losses[0]}" if losses else ""
    return noticed
