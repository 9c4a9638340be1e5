"""Rooms on the whole of what a device does, over an unkind network; `room_runs_book.py` plays more."""

from __future__ import annotations

import pytest
from room_runs_book import check_honest, check_lie


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
