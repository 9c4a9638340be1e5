"""Rooms on the whole of what a device does, over an unkind network; `room_runs_book.py` plays more."""

from __future__ import annotations

import pytest
from room_runs_book import check_honest


@pytest.mark.parametrize("seed", range(12))
def test_honest_devices_come_to_one_order_and_one_head_and_nobody_is_accused(seed: int) -> None:
    check_honest(seed)
