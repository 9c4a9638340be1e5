"""The ratio of two tails, by which attacks are judged, tells what differs from what does not."""

from __future__ import annotations

import random

import pytest
from tails import BLOCK_S, TooFew, blocks, percentile, tail_ratio


def spell(chance: random.Random, mean: float, blocks: int = 24, each: int = 75) -> list[list[float]]:
    """Latencies with a long tail, in blocks of which some are slower as a whole."""
    return [
        [chance.expovariate(1 / mean) * slower for _ in range(each)]
        for slower in (chance.choice((1.0, 1.0, 1.0, 1.5)) for _ in range(blocks))
    ]


def test_equal_tails_are_not_told_apart_and_others_are() -> None:
    chance = random.Random(7)
    wrong = 0
    for seed in range(4):
        _, least, most = tail_ratio(spell(chance, 0.002), spell(chance, 0.002), seed)
        wrong += not least <= 1 <= most
        ratio, least, most = tail_ratio(spell(chance, 0.002), spell(chance, 0.014), seed)
        assert 3 < least < ratio < most
    assert wrong <= 1


def test_the_tail_of_a_few_is_none() -> None:
    chance = random.Random(7)
    with pytest.raises(TooFew):
        tail_ratio(spell(chance, 0.002, blocks=13), spell(chance, 0.002))


def test_blocks_are_cut_by_the_moment_of_sending() -> None:
    samples = [(10 + place * BLOCK_S / 2, float(place)) for place in range(-2, 10)]
    assert blocks(samples, 10, 4 * BLOCK_S) == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_the_nearest_rank() -> None:
    assert percentile(list(range(1, 101)), 99) == 99
    assert percentile([3, 1, 2], 100) == 3
    assert percentile([3, 1, 2], 50) == 2
