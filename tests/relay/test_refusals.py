"""An unknown mailbox, an unknown and a revoked token are refused alike, and as fast (RLY-31)."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from e2ee_relay.protocol import Send, SendItem, encode_frames
from refusals import Refuser, leaving_early, requests
from timing import BEYOND, distance, distances, sample

ROUNDS = 400
TRIALS = 4


def told_apart(relay: Refuser, chance: random.Random) -> set[frozenset[str]]:
    """Return the pairs of classes that can be told apart in every one of some trials."""

    def timed(make: Callable[[], SendItem]) -> Callable[[], float]:
        return lambda: relay.time_of(encode_frames([Send(9, (make(),))]))

    classes = {name: timed(make) for name, make in requests(relay.owners).items()}
    trials = [distances(sample(classes, ROUNDS, chance)) for _ in range(TRIALS)]
    return {frozenset(pair) for pair in trials[0] if all(trial[pair] > BEYOND for trial in trials)}


def test_three_refusals_take_the_same_time() -> None:
    """RLY-31: nobody finds mailboxes by the clock, with a thousand mailboxes to look for."""
    assert told_apart(Refuser(), random.Random(31)) == set()


def test_an_early_return_is_noticed() -> None:
    """RLY-31: a control; a microsecond is enough, and equal classes stay equal beside it.

    What else runs on the machine can hide a microsecond, but not in each of some samples.
    """
    unknown = ("unknown mailbox", "unknown mailbox, again")
    known = ("unknown token", "revoked token")
    apart = {frozenset((one, other)) for one in unknown for other in known}
    with leaving_early():
        assert any(told_apart(Refuser(), random.Random(seed)) == apart for seed in range(32, 36))


@pytest.mark.parametrize(("by", "apart"), [(0.0, False), (0.3, True)])
def test_the_rank_test_itself(by: float, apart: bool) -> None:
    """Against known distributions with long tails."""
    chance = random.Random(7)
    first, second = ([chance.expovariate(1) ** 3 for _ in range(1000)] for _ in range(2))
    second = [one + by for one in second]
    assert (abs(distance(first, second)) > BEYOND) is apart
    assert distance([1.0] * 9, [1.0] * 9) == 0.0
    assert distance(first, second) == pytest.approx(-distance(second, first))
