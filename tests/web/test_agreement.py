"""Both cores do the same: conversations from one script, verdicts about fuzz corpora and changed vectors.

`web_conversations.py`, `web_pairs.py`, `web_rooms.py` and `web_verdicts.py` under tests/support run as many
as one likes.
"""

from __future__ import annotations

import json
import random

import pytest
import web_conversations
import web_packages
import web_pairs
import web_rooms
import web_verdicts
from run_counts import count

pytestmark = pytest.mark.usefixtures("web_libraries")


def test_the_typescript_core_repeats_conversations_byte_by_byte() -> None:
    """DR-18, SES-15, PQ-07: bytes, codes and states after each step, with loss, reordering, flipped bits."""
    faults, steps = web_conversations.repeated(runs=8, seed=7)
    assert faults == []
    assert steps >= 8


def test_a_step_that_comes_out_otherwise_is_seen() -> None:
    held = web_conversations.Conversation("planted").run(12)
    held["steps"][0]["expect"]["state"] = "other"
    held["steps"][1]["expect"]["code"] = "remote.replay"
    done = web_packages.run("packages/core/tests/replay.ts", given=json.dumps([held]))
    assert [fault.split(", ")[1].split()[1] for fault in json.loads(done.stdout)] == ["0", "1"]


def test_both_cores_judge_events_of_a_pair_in_one_way() -> None:
    """SES-21 to SES-33: sessions, search, signs of life, numbers, after each event of random scripts."""
    assert web_pairs.differences(runs=40, seed=7) == []


def test_both_cores_have_one_verdict_about_the_corpora_and_changed_vectors() -> None:
    """ID-29, WIRE-03, CON-03, TRN-21: the same code for each input, and none that neither expects."""
    rng = random.Random(7)
    cases = [*web_verdicts.of_corpus(), *(web_verdicts.changed(rng) for _ in range(200))]
    found, verdicts = web_verdicts.differences(cases)
    assert found == []
    assert sum(verdicts.values()) == len(cases) > 800
    assert len(verdicts) >= 8
    assert verdicts[None] >= 20


def test_both_cores_say_the_same_of_rooms_teams_and_proofs() -> None:
    """ROOM-05 to ROOM-14, ROOM-27, ROOM-28, TRN-09, TRN-13, TRN-16, ACC-04 to ACC-10, ACC-19, ACC-21, CNS-24,
    CNS-25: verdicts, heads, gaps, ranks, doubts; with rosters that states name wrongly, and times at borders.
    """
    runs = count(2_000, 20_000)
    found, kinds = web_rooms.differences(runs, seed=7)
    assert found == []
    assert sum(kinds.values()) == runs
    assert min(kinds[one] for one in ("in force value", "in force code", "proof value", "proof code")) > 50
