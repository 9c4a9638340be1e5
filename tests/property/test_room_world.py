"""Rooms on the whole of what a device does, over an unkind network; `room_runs_book.py` plays more."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms.forwarding import Forwarding
from room_runs_book import check_handed_over, check_honest, check_lie


@pytest.mark.parametrize("seed", range(10))
def test_honest_devices_come_to_one_order_and_one_head_and_nobody_is_accused(seed: int) -> None:
    check_honest(seed)


@pytest.mark.parametrize("seed", range(12))
def test_a_fork_is_reported_and_what_a_relay_drops_is_fetched_or_shown_as_missing(seed: int) -> None:
    check_lie(seed)


@pytest.mark.parametrize("seed", [20_361, 20_493])
def test_a_joiner_to_whom_the_open_comes_by_hearsay_and_again_shows_it_once(seed: int) -> None:
    """TRN-16, TRN-17, ROOM-25."""
    check_honest(seed)


@pytest.mark.parametrize("seed", range(12))
def test_who_was_handed_everything_has_the_order_and_the_times_of_who_gave_it(seed: int) -> None:
    """TRN-16, TRN-49, TRN-50: with dates that are weeks off."""
    check_handed_over(seed)


def test_control_without_marks_who_takes_over_has_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """TRN-50: the countermeasure off."""
    monkeypatch.setattr(Forwarding, "_marks", lambda *_: [])
    with pytest.raises(AssertionError, match="places"):
        _check_all(range(12))


def _check_all(seeds: range) -> None:
    for seed in seeds:
        check_handed_over(seed)
