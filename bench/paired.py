"""Rows of the benchmark: blocks of our work and of its floor in turn, in one process and on the same data.

A machine is never quiet for long, so a row compares the fastest block of either kind. Blocks take a few
milliseconds: short enough that some of them are not interrupted. Rows that wait for nothing are measured in
processor time, which other processes disturb least. The garbage collector runs as always.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter, process_time
from typing import Final

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

Block = Callable[[], object]
Clock = Callable[[], float]
PROCESSOR_TIME: Final = pytest.mark.benchmark(timer=process_time)
ROUNDS: Final = 100
_WARM_UP_ROUNDS: Final = 3


class Row:
    """One row of the table: `ours` and `floor` each do `operations` operations per block."""

    def __init__(self, benchmark: BenchmarkFixture, clock: Clock | None) -> None:
        self._benchmark = benchmark
        self._clock = clock or perf_counter
        self.note(clock="processor" if clock else "wall")

    @property
    def is_smoke(self) -> bool:
        """Whether nothing is measured and one round is enough to see that it works."""
        return bool(self._benchmark.disabled)

    def size(self, measured: int, smoke: int) -> int:
        """Return a number of operations: the first when measuring, the second for a smoke test."""
        return smoke if self.is_smoke else measured

    def note(self, **facts: object) -> None:
        """Add facts that belong to the row, with their unit in the name."""
        self._benchmark.extra_info.update(facts)

    def __call__(
        self,
        ours: Block,
        floor: Block,
        operations: int,
        *,
        rounds: int = ROUNDS,
        target: float | None = None,
        unit: str = "message",
        beside: str = "floor",
    ) -> None:
        """Run both in alternating blocks and record the ratio of the fastest ones.

        `target` is the highest ratio that meets the goal, `beside` what stands in the place of a floor.
        """
        floor_s: list[float] = []

        def floor_block() -> None:
            start_s = self._clock()
            floor()
            floor_s.append(self._clock() - start_s)

        self._benchmark.pedantic(  # type: ignore[no-untyped-call]  # the plugin ships no types
            ours, setup=floor_block, rounds=rounds, iterations=1, warmup_rounds=_WARM_UP_ROUNDS
        )
        self.note(operations=operations, unit=unit, beside=beside, target=target)
        if self._benchmark.stats is not None:
            self._note_times(list(self._benchmark.stats.stats.data), floor_s[-rounds:], operations)

    def _note_times(self, ours_s: list[float], floor_s: list[float], operations: int) -> None:
        # The second ratio says how far the first is to be trusted: on a quiet machine they agree.
        pairs = [ours / floor for ours, floor in zip(ours_s, floor_s, strict=True)]
        self.note(
            ours_us=round(min(ours_s) / operations * 1e6, 3),
            floor_us=round(min(floor_s) / operations * 1e6, 3),
            floor_ratio=round(min(ours_s) / min(floor_s), 3),
            median_pair_ratio=round(median(pairs), 3),
        )
