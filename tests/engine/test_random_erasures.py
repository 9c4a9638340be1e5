"""Random erasures on real engines and stores; more by `tests/support/erase_runs.py` (STO-50, STO-51, ROOM-41
to ROOM-45, CNS-45).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from erase_runs import caught, played
from erase_scan import Needle, left_on
from erase_world import CutWorld, opened_of_traffic, rows_of
from rooms_world import MINUTE_MS, opened, write


@pytest.mark.parametrize("seed", [1, 4])
def test_after_power_cuts_and_older_stores_nothing_of_what_was_erased_is_left(seed: int) -> None:
    """On no device, in no row, backup, log or free page, and nothing that was copied or sent opens."""
    assert played(seed) is None


def test_control_keys_that_stay_when_their_bodies_go_are_found() -> None:
    """STO-51: by who has copied the disk before."""
    found = caught("keys stay when bodies go", [4])
    assert found is not None
    assert "a body under a key that remains" in found


def test_the_search_sees_what_is_there_and_what_a_device_can_still_open(tmp_path: Path) -> None:
    """A text in a row, a row's box in a file, and an envelope that has not come."""
    world = CutWorld(tmp_path)
    _, desk, customer, room_id = opened(world)
    write(customer, room_id, "vorher")
    world.advance(MINUTE_MS)
    desk.stop()
    desk.alive = False
    write(customer, room_id, "Kanarienvogel im Umschlag")
    world.advance(MINUTE_MS)
    needle = Needle.of_text("Kanarienvogel im Umschlag")
    assert left_on(desk, [needle])[needle.raw] == []
    assert any(needle.raw in one for one in opened_of_traffic(world, desk))
    assert left_on(customer, [needle])[needle.raw]
    assert rows_of(customer).boxes_left() == 0
    world.close()
