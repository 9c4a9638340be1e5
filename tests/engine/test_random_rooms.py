"""Random rooms of real engines; more by the command `tests/support/random_rooms.py` (TRN-16, ROOM-11)."""

from __future__ import annotations

import itertools

import pytest
from e2ee_client.engine.rooms import entry_log
from random_rooms import Fault, run
from run_counts import count


@pytest.mark.parametrize("seed", range(count(2, 4)))
def test_after_loss_restarts_and_quiet_all_have_one_head_and_one_order(seed: int) -> None:
    """Within 20 minutes of quiet."""
    run(seed)


def test_the_run_notices_an_order_by_arrival(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: entries stand as they come."""
    count = itertools.count(10**15)
    monkeypatch.setattr(entry_log, "key_after", lambda *_: next(count))
    with pytest.raises(Fault):
        _run_all(range(4))


def _run_all(seeds: range) -> None:
    for seed in seeds:
        run(seed)
