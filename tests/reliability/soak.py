"""Two hours of moderate load on a real relay that is drained or killed every few minutes.

    python tests/reliability/soak.py [--minutes N] [--relay OPTION ...]

Owners who are there and owners who come and go, mailboxes that are made and removed, short-lived messages
that expire, prekeys that are uploaded and fetched. The ledger (tests/support/load_ledger.py) keeps what was
confirmed and delivered. In the middle third the relay is left alone, so that a trend within one life can be
seen. Writes `reports/soak.json` every minute, marked incomplete until the end; exits 1 if anything must not
be.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

from kept_result import INCOMPLETE, keep, result  # noqa: E402  # found on the path above
from load_crowd import Crowd, end_tasks  # noqa: E402
from load_ledger import Ledger  # noqa: E402
from load_people import Pace, Passenger, Reader, Sender, Shop, Stage  # noqa: E402
from process_samples import Sample, growth_per_hour, look  # noqa: E402
from relay_process import RelayProcess  # noqa: E402

SETTINGS: Final = (
    # Ids are remembered for five minutes instead of an hour: what memory holds is then the same all the time.
    "remembered_s=300",
    "fetches=1000/100",
    "fetches_per_device=1000/100",
)
GROWTH_PER_HOUR: Final = 0.05
FILE_GROWTH: Final = 1.10
LIMITS: Final = (
    "One machine, clients and relay on loopback; it did other work meanwhile. A killed process leaves what it"
    " wrote in the system's cache: power loss is another run. The application of the readers forgets"
    " an id when its deletion is confirmed, so what it was given twice before is counted and not a fault."
)


@dataclass
class Soak:
    """One run; times are seconds since its beginning."""

    seconds: float
    folder: Path
    options: Sequence[str] = ()
    seed: int = 1
    senders: int = 8
    ledger: Ledger = field(default_factory=Ledger)
    samples: list[Sample] = field(default_factory=list)
    restarts: dict[str, int] = field(default_factory=lambda: {"SIGTERM": 0, "kill -9": 0})
    down_s: list[float] = field(default_factory=list)
    is_over: bool = False
    _began: float = 0.0
    _life_began: float = 0.0

    def __post_init__(self) -> None:
        self.relay = RelayProcess(self.folder / "relay", *SETTINGS, options=self.options)
        self.stage = Stage(lambda: self.relay.url, self.ledger, random.Random(self.seed))  # load

    @property
    def restart_s(self) -> tuple[float, float]:
        """Least and most seconds of a life, outside the middle third."""
        return min(150.0, self.seconds / 16), min(240.0, self.seconds / 12)

    @property
    def sample_s(self) -> float:
        """Seconds between two samples."""
        return min(60.0, self.seconds / 60)

    def now_s(self) -> float:
        return time.monotonic() - self._began

    async def run(self, record: Callable[[Soak], None]) -> None:
        """Play, and call `record` after each sample."""
        self._began = self._life_began = time.monotonic()
        await asyncio.to_thread(self.relay.start)
        try:
            await self._play(record)
        finally:
            await asyncio.to_thread(self.relay.stop)

    async def _play(self, record: Callable[[Soak], None]) -> None:
        stage = self.stage
        readers = [Reader(stage) for _ in range(32)]
        readers += [Reader(stage, (60.0, 60.0)) for _ in range(10)]
        readers += [Reader(stage, (60.0, 200.0)) for _ in range(6)]
        crowd = Crowd(
            stage,
            readers,
            [Sender(stage, readers, Pace(6.0)) for _ in range(self.senders)],
            [Shop(stage, time.time_ns() // 1_000_000, 2.0) for _ in range(3)],
            [Passenger(stage, min(20.0, self.seconds / 10)) for _ in range(4)],
        )
        sampling = asyncio.create_task(self._sample(record))
        try:
            await crowd.begin()
            await self._restart_until(self.seconds, crowd)
            await crowd.finish()
        finally:
            await crowd.abandon()
            await end_tasks([sampling])
        self.is_over = True

    async def _restart_until(self, end_s: float, crowd: Crowd) -> None:
        low, high = self.restart_s
        while (left := end_s - self.now_s()) > low:
            await crowd.go_on(self.stage.random.uniform(low, min(high, left)))
            if end_s / 3 <= self.now_s() <= end_s * 2 / 3:
                continue
            began = time.monotonic()
            if sum(self.restarts.values()) % 2:
                self.restarts["kill -9"] += 1
                await asyncio.to_thread(self.relay.kill)
            else:
                self.restarts["SIGTERM"] += 1
                status = await asyncio.to_thread(self.relay.stop)
                if status:
                    self.ledger.fault(f"a drained relay ended with status {status} (RLY-70)")
            self._life_began = time.monotonic()
            await asyncio.to_thread(self.relay.start)
            self.down_s.append(round(time.monotonic() - began, 2))
        await crowd.go_on(max(0.0, end_s - self.now_s()))

    async def _sample(self, record: Callable[[Soak], None]) -> None:
        while True:
            await asyncio.sleep(self.sample_s)
            life = sum(self.restarts.values()) + 1
            age_s = time.monotonic() - self._life_began
            self.ledger.give_up_expired()
            try:
                sample = look(self.relay.pid, self.relay.data_dir, at_s=self.now_s(), age_s=age_s, life=life)
            except (OSError, RuntimeError):
                continue  # Just between two lives.
            self.samples.append(sample)
            record(self)


def judgement(run: Soak) -> dict[str, float]:
    """What a trend test says of memory, descriptors and files."""
    third = run.seconds / 3
    middle = [one for one in run.samples if third <= one.at_s <= 2 * third]
    # The longest life, from its tenth minute on: ids are remembered for five, swept every ten.
    longest = max(
        {one.life for one in run.samples}, key=lambda life: sum(one.life == life for one in run.samples)
    )
    settled = [
        one for one in run.samples if one.life == longest and one.age_s >= min(600.0, run.seconds / 10)
    ]
    ends = [one for one in run.samples if one.at_s > 2 * third]
    low, _ = run.restart_s
    young = [one for one in run.samples if low / 3 <= one.age_s <= low]
    return {
        "memory, growth an hour within the longest life": growth_per_hour(
            [(one.at_s, one.rss_kib) for one in settled]
        ),
        "memory, growth an hour over lives of the same age": growth_per_hour(
            [(one.at_s, one.rss_kib) for one in young]
        ),
        "descriptors, growth an hour": growth_per_hour([(one.at_s, one.descriptors) for one in settled]),
        "database, largest of the last third to largest before": max(one.database_b for one in ends)
        / max(one.database_b for one in [*middle, *run.samples[: len(run.samples) // 3]]),
        "samples of the longest life": len(settled),
    }


def is_flat(trends: dict[str, float]) -> bool:
    """All trends below their bounds."""
    grown = [value for name, value in trends.items() if "growth" in name]
    return all(value <= GROWTH_PER_HOUR for value in grown) and (
        trends["database, largest of the last third to largest before"] <= FILE_GROWTH
    )


def report_of(run: Soak, arguments: Sequence[str]) -> dict[str, Any]:
    """The result as it stands."""
    verdict, trends = INCOMPLETE, dict[str, float]()
    if run.is_over:
        trends = judgement(run)
        verdict = "pass" if not run.ledger.fault_count and is_flat(trends) else "fail"
    figures = {
        "minutes": round(run.now_s() / 60, 1),
        "ledger": dict(run.ledger.counts),
        "lost, double or otherwise wrong": run.ledger.fault_count,
        "what must not be": run.ledger.faults[:20],
        "answers": dict(run.stage.results),
        "restarts": run.restarts,
        "seconds without a relay": {
            "longest": max(run.down_s, default=0),
            "in total": round(sum(run.down_s), 1),
        },
        "trends": {name: round(value, 4) for name, value in trends.items()},
        "bounds": {"growth an hour": GROWTH_PER_HOUR, "database": FILE_GROWTH},
        "samples": [one.row() for one in run.samples],
    }
    return result("soak", arguments, verdict, figures, LIMITS)


async def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Soak of a relay with restarts.")
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--relay", nargs="*", default=[], help="further words behind `sealroom-relay serve`")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        run = Soak(options.minutes * 60, Path(name), options.relay, seed=options.seed)
        await run.run(lambda now: keep(report_of(now, arguments)))
        report = report_of(run, arguments)
        keep(report)
    counts = report["figures"]["ledger"]
    print(
        f"{counts['confirmed']} confirmed, {run.ledger.fault_count} lost, double or otherwise wrong,"
        f" {sum(run.restarts.values())} restarts: {report['result']}"
    )
    return 0 if report["result"] == "pass" else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
