"""Kills a relay, a company and a customer at every synchronised write, and fills their disks.

    python tests/crash/run.py [--quick] [--every-write] [--jobs N]

Each trial is one conversation of real processes with one fault (tests/support/crash_trial.py). The calls of
a conversation without fault say where the faults are put: a kill at each fsync and fdatasync, and at the
first write after each; ENOSPC at every write and EIO at every synchronisation, three of them in a trial.
With `--every-write` the kills come at each write. The controls, two programs that break the order of commit
and word, must be found. Writes `reports/crash.json`; exits 1 if anything must not be.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

from crash_points import Points, planned  # noqa: E402  # found on the path above
from crash_trial import Trial  # noqa: E402
from traced_process import Fault, available  # noqa: E402

LIVES = [(who, life) for life in (1, 2) for who in ("relay", "company", "customer")]
LIMITS = (
    "A killed process leaves what it wrote in the system's cache, so these runs show crashes of processes and"
    " full or failing disks, not a loss of power. Which call comes at which number varies a little."
)


@dataclass(slots=True)
class Tally:
    """What the trials have shown so far."""

    trials: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)
    envelopes: int = 0
    handed_out: int = 0
    refused: int = 0
    unsure: int = 0
    broken: list[str] = field(default_factory=list)

    def add(self, kind: str, trial: Trial) -> None:
        self.trials[kind] += 1
        self.hits[kind] += trial.was_hit
        self.envelopes += len(trial.record.bodies)
        self.handed_out += len(trial.record.one_time)
        self.refused += sum(len(one.account.refused) for one in trial.people.values())
        self.unsure += sum(len(one.account.unsure) for one in trial.people.values())
        self.broken += [f"{trial.fault}: {fault}" for fault in trial.faults]


async def baseline(folder: Path, tally: Tally) -> dict[tuple[str, int], Points]:
    """Play without faults, each program traced once in each of its two lives."""
    found = {}
    for who, life in LIVES:
        fault = Fault(who, life, "fsync,fdatasync,pwrite64")
        trial = Trial(folder / f"baseline-{who}-{life}", fault)
        await trial.run()
        tally.add("undisturbed", trial)
        found[who, life] = Points.of_log(trial.log, who)
        print(f"{who}, life {life}: {found[who, life]}", flush=True)
    return found


async def sweep(faults: Sequence[tuple[str, Fault]], folder: Path, tally: Tally, jobs: int) -> None:
    """Run the trials, `jobs` at a time."""
    waiting = iter(list(enumerate(faults, 1)))
    began = time.monotonic()

    async def work() -> None:
        for number, (kind, fault) in waiting:
            trial = Trial(folder / f"trial-{number}", fault)
            await trial.run()
            tally.add(kind, trial)
            spent = time.monotonic() - began
            if trial.faults or number % 10 == 0:
                print(
                    f"[{number}/{len(faults)}, {spent:.0f} s] {fault}: {trial.faults or 'good'}", flush=True
                )

    await asyncio.gather(*(work() for _ in range(jobs)))


async def controls(points: dict[tuple[str, int], Points], folder: Path) -> dict[str, str]:
    """Let programs that break the order be killed until it is noticed; return what was noticed of each."""
    noticed = {}
    for name, who in (("late commit", "customer"), ("early OK", "relay")):
        noticed[name] = ""
        for number, first in enumerate(_from_the_middle(points[who, 1].first_writes)):
            trial = Trial(
                folder / f"control-{who}-{number}",
                Fault(who, 1, "pwrite64", first),
                late_commit=who == "customer",
                early_ok=who == "relay",
                patience_s=10,
            )
            await trial.run()
            if trial.was_hit and trial.losses:
                noticed[name] = f"{trial.losses[0]} after {number + 1} kills"
                break
        print(f"control, {name}: {noticed[name] or 'NOT NOTICED'}", flush=True)
    return noticed


def _from_the_middle(numbers: Sequence[int]) -> Iterator[int]:
    """The conversation proper lies behind the making of accounts."""
    yield from numbers[len(numbers) // 2 :]
    yield from reversed(numbers[: len(numbers) // 2])


def write_report(tally: Tally, noticed: dict[str, str], seconds: float, arguments: Sequence[str]) -> bool:
    """Write the result beside the other reports and print its closing line."""
    good = not tally.broken and all(noticed.values())
    figures = {
        "trials": dict(tally.trials),
        "faults that took place": dict(tally.hits),
        "envelopes looked at": tally.envelopes,
        "one-time prekeys handed out": tally.handed_out,
        "texts refused for lack of room": tally.refused,
        "texts whose sender was killed": tally.unsure,
        "what must not be": tally.broken,
        "controls": noticed,
        "seconds": round(seconds),
    }
    report = {
        "name": "crash",
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "command": " ".join(["python tests/crash/run.py", *arguments]),
        "result": "pass" if good else "fail",
        "figures": figures,
        "limits": LIMITS,
    }
    path = ROOT / "reports" / "crash.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    seen = "noticed" if all(noticed.values()) else "NOT NOTICED"
    print(
        f"{tally.hits.total()} faults in {tally.trials.total()} conversations, {len(tally.broken)} broken"
        f" promises, controls {seen}: {report['result']}"
    )
    return good


async def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Crash runs of relay and clients.")
    parser.add_argument("--quick", action="store_true", help="every tenth point")
    parser.add_argument("--every-write", action="store_true", help="a kill at each write, too; hours")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    if not available():
        print("strace is needed: apt install strace", file=sys.stderr)
        return 2
    began, tally = time.monotonic(), Tally()
    with tempfile.TemporaryDirectory(prefix="crash-") as name:
        folder = Path(name)
        points = await baseline(folder, tally)
        faults = list(planned(points, every_write=options.every_write))[:: 10 if options.quick else 1]
        print(f"{len(faults)} faults to come", flush=True)
        await sweep(faults, folder, tally, options.jobs)
        noticed = await controls(points, folder)
    return 0 if write_report(tally, noticed, time.monotonic() - began, arguments) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
