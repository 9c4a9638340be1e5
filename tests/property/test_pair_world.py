"""The rules of a pair under attack: symbolic ratchets, every decision by e2ee.pair and e2ee.numbers.

More seeds: `python tests/support/pair_world.py --runs N --seed S`.
"""

from __future__ import annotations

import pair_faults
import pytest
from pair_scenes import SCENES
from pair_world import PairWorld
from run_counts import count

RUNS, BATCHES = count(120, 320), 8

# The scene that sees each planted fault first; a scene without a fault finds nothing.
_SEEN_BY = {
    "activate-unproven": "old-flight",
    "newest-made": "loss-of-both",
    "counter": "old-store",
    "keep-candidate": "old-answer",
    "no-top": "higher-elsewhere-day",
    "no-lines": "two-openings",
    "no-count": "set-back-a",
    "clocks-as-read": "clock-put-back",
    "drop-at-unknown": "loss-of-a",
    "resend-early": "loss-of-b",
    "newest-end": "clock-of-prekeys",
    "resend-nothing": "lost-text",
}


@pytest.mark.parametrize("batch", range(BATCHES))
def test_rules_of_a_pair_hold_under_a_hostile_relay_losses_and_wrong_clocks(batch: int) -> None:
    # SES-21 to SES-28, SES-36, SES-37: one active session in the end, a text on a proven one only, nothing
    # read after healing; SES-29 to SES-31, SES-35: what is lost is known, no false alarm, no budget exceeded
    for seed in range(batch, RUNS, BATCHES):
        world = PairWorld(seed).run()
        assert not world.faults, (seed, world.faults[:3])


def test_runs_meet_what_they_are_about() -> None:
    # a run without losses, thefts or second sendings would show little
    figures = [PairWorld(seed).run().figures for seed in range(1_000, 1_060)]
    for what in (
        "thefts healed",
        "states set back",
        "clones",
        "losses",
        "texts sent again",
        "sessions started",
    ):
        assert sum(one[what] for one in figures) > 0, what


@pytest.mark.parametrize("name", SCENES)
def test_scene_ends_as_it_has_to(name: str) -> None:
    # SES-23 to SES-28, SES-30 to SES-32, SES-34, SES-35
    assert SCENES[name](None) == []


@pytest.mark.reference
@pytest.mark.parametrize("fault", pair_faults.PLANTED)
def test_planted_fault_is_seen(fault: str) -> None:
    with pair_faults.planted(fault) as faults:
        assert SCENES[_SEEN_BY[fault]](faults) != []
    assert SCENES[_SEEN_BY[fault]](None) == []
