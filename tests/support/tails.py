"""How much longer the slowest hundredth waits under one condition than under another, and how sure that is.

Latencies come in blocks: a quarter of a second each, since neighbours share their fate (one stall of the disk
or of the machine touches all that was sent meanwhile) and only blocks are anything like independent. The
ratio is that of the 99th percentiles of everything pooled; its interval is that of a bootstrap which draws
blocks of both conditions anew, with replacement.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

BLOCK_S: Final = 0.25
_DRAWS: Final = 1_000
_LEAST: Final = 1_000
Blocks = Sequence[Sequence[float]]


class TooFew(ValueError):
    """A 99th percentile of so few is one of the largest values, and says nothing."""


def percentile(values: Sequence[float], hundredths: float) -> float:
    """Return the value that so many hundredths do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -int(-len(ordered) * hundredths // 100) - 1)]


def blocks(samples: Sequence[tuple[float, float]], begun: float, seconds: float) -> list[list[float]]:
    """Cut (moment, latency) of one spell into blocks by moment; what lies outside the spell is left out."""
    cut: list[list[float]] = [[] for _ in range(max(1, round(seconds / BLOCK_S)))]
    for moment, latency in samples:
        if begun <= moment < begun + seconds:
            cut[min(int((moment - begun) / BLOCK_S), len(cut) - 1)].append(latency)
    return cut


def pooled(parts: Blocks) -> list[float]:
    """Everything of all blocks."""
    return [latency for part in parts for latency in part]


def tail_ratio(quiet: Blocks, attacked: Blocks, seed: int = 1) -> tuple[float, float, float]:
    """Return the ratio of the 99th percentiles, attacked to quiet, and the ends of its 95 % interval.

    Raises:
        TooFew: fewer than a thousand latencies on a side.
    """
    if min(len(pooled(quiet)), len(pooled(attacked))) < _LEAST:
        raise TooFew(f"{len(pooled(quiet))} quiet and {len(pooled(attacked))} attacked")
    # What is drawn is sorted a thousand times: fast where the blocks already are.
    quiet, attacked = [sorted(part) for part in quiet], [sorted(part) for part in attacked]
    chance = random.Random(seed)  # the draws of a bootstrap, told by their seed
    drawn = sorted(_p99(_draw(chance, attacked)) / _p99(_draw(chance, quiet)) for _ in range(_DRAWS))
    ends = drawn[_DRAWS * 25 // 1000], drawn[_DRAWS * 975 // 1000 - 1]
    return _p99(pooled(attacked)) / _p99(pooled(quiet)), *ends


def _draw(chance: random.Random, parts: Blocks) -> list[float]:
    return pooled(chance.choices(parts, k=len(parts)))


def _p99(values: Sequence[float]) -> float:
    return percentile(values, 99)
