"""Whether two answers can be told apart by their time: a rank test against the variation of equal classes.

Samples are taken in rounds, one of each class in an order drawn anew, so that whatever the machine does
meets all classes alike. The difference of two classes is the standardised rank sum (Mann-Whitney, ties by
their mean rank): it asks which is slower more often, and one long pause counts as one sample. What equal
classes differ by is measured, not assumed: there are two classes of the same request, and the halves of each.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Final

# Two classes count as told apart beyond this many standard deviations. Equal ones reach it once in some
# millions of comparisons (two-sided normal tail), or more often as far as samples depend on each other,
# which is what the pair of equal classes shows.
BEYOND: Final = 5.0


def sample(
    classes: Mapping[str, Callable[[], float]], rounds: int, chance: random.Random
) -> dict[str, list[float]]:
    """Return `rounds` times of each class; a callable carries out one request and returns its time."""
    times: dict[str, list[float]] = {name: [] for name in classes}
    names = list(classes)
    for _ in range(rounds):
        chance.shuffle(names)
        for name in names:
            times[name].append(classes[name]())
    return times


def distance(first: Sequence[float], second: Sequence[float]) -> float:
    """Return how many standard deviations the rank sum is from that of equal distributions."""
    n, m = len(first), len(second)
    everything = sorted([(one, 0) for one in first] + [(one, 1) for one in second])
    rank_sum, ties, place = 0.0, 0, 0
    while place < n + m:
        end = place
        while end < n + m and everything[end][0] == everything[place][0]:
            end += 1
        mean_rank = (place + 1 + end) / 2
        rank_sum += mean_rank * sum(1 for _, which in everything[place:end] if which == 0)
        ties += (end - place) ** 3 - (end - place)
        place = end
    total = n + m
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    return 0.0 if variance <= 0 else (rank_sum - n * (total + 1) / 2) / math.sqrt(variance)


def distances(times: Mapping[str, Sequence[float]]) -> dict[tuple[str, str], float]:
    """Return the distance of each pair of classes, without its sign."""
    return {(a, b): abs(distance(times[a], times[b])) for a, b in combinations(times, 2)}


def shift(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the difference of the medians, in the unit of the samples."""
    return statistics.median(second) - statistics.median(first)
