"""A soak: moderate load on a real relay that is drained or killed every few minutes, and its trends."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Final

from load_crowd import Crowd, end_tasks
from load_ledger import Ledger
from load_people import Pace, Passenger, Reader, Sender, Shop, Stage
from process_samples import Sample, growth_per_hour, look, unexplained
from relay_process import RelayProcess

SETTINGS: Final = (
    # Ids are remembered for five minutes instead of an hour: what memory holds is then the same all the time.
    "remembered_s=300",
    "fetches=1000/100",
    "fetches_per_device=1000/100",
    "prekeys_b=1e9/1e9",
)
_LEAST_SPAN_S: Final = 600.0
GROWTH_PER_HOUR: Final = 0.05
FILE_GROWTH: Final = 1.10
FILE_TREND: Final = "database for each of the most ids so far, last third to the one before"


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
    room = room_per_id(run.samples)
    # The longest life, from its tenth minute on: ids are remembered for five, swept every ten.
    longest = max(
        {one.life for one in run.samples}, key=lambda life: sum(one.life == life for one in run.samples)
    )
    settled = [
        one for one in run.samples if one.life == longest and one.age_s >= min(600.0, run.seconds / 10)
    ]
    low, _ = run.restart_s
    young = [one for one in run.samples if low / 3 <= one.age_s <= low]
    trends: dict[str, list[tuple[float, float]]] = {
        "memory beyond remembered ids, growth an hour within the longest life": _memory(
            settled, most_so_far(settled)
        ),
        "memory beyond remembered ids, growth an hour over lives of the same age": _memory(
            young, [one.remembered for one in young]
        ),
        "descriptors, growth an hour": [(one.at_s, float(one.descriptors)) for one in settled],
    }
    return {
        **{name: growth_per_hour(line) for name, line in trends.items() if _tells(line)},
        FILE_TREND: max(per_id for at_s, per_id in room if at_s > 2 * third)
        / max(per_id for at_s, per_id in room if third <= at_s <= 2 * third),
        "samples of the longest life": len(settled),
    }


def _tells(line: Sequence[tuple[float, float]]) -> bool:
    """Whether it is long enough for a trend: what a minute or two show, times thirty, is chance."""
    return len(line) > 1 and line[-1][0] - line[0][0] >= _LEAST_SPAN_S


def _memory(samples: Sequence[Sample], ids: Sequence[int]) -> list[tuple[float, float]]:
    """KiB without what so many remembered ids take."""
    return unexplained([(one.at_s, count, one.rss_kib) for one, count in zip(samples, ids, strict=True)])


def most_so_far(samples: Sequence[Sample]) -> list[int]:
    """The most ids that were remembered until then, at least 1.

    They go once an hour, all at once, and their room is used again, in the file and in the memory of one
    life: so either follows the highest tooth of that saw.
    """
    return list(accumulate((max(one.remembered, 1) for one in samples), max))


def room_per_id(samples: Sequence[Sample]) -> list[tuple[float, float]]:
    """(second, the database's bytes for each of the most ids that were remembered until then).

    Remembered ids are most of what the file holds; whatever else grows in it shows.
    """
    return [
        (one.at_s, one.database_b / count) for one, count in zip(samples, most_so_far(samples), strict=True)
    ]


def is_flat(trends: dict[str, float]) -> bool:
    """All trends below their bounds."""
    grown = [value for name, value in trends.items() if "growth" in name]
    return all(value <= GROWTH_PER_HOUR for value in grown) and (trends[FILE_TREND] <= FILE_GROWTH)
