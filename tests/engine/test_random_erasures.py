"""Random erasures on real engines and stores; more by `tests/support/erase_runs.py` (STO-50, STO-51, ROOM-41
to ROOM-45, CNS-45).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from e2ee_client.rows import Continuity
from erase_runs import caught, played
from erase_scan import Needle, left_on
from erase_world import CutWorld, begin_again, opened_of_traffic, rows_of
from rooms_world import MINUTE_MS, opened, texts, write


@pytest.mark.parametrize("seed", [1, 4])
def test_after_power_cuts_and_older_stores_nothing_of_what_was_erased_is_left(seed: int) -> None:
    """On no device, in no row, backup, log or free page, and nothing that was copied or sent opens."""
    assert played(seed) is None


@pytest.mark.audit_only
def test_control_keys_that_stay_when_their_bodies_go_are_found() -> None:
    """STO-51: by who has copied the disk before."""
    found = caught("keys stay when bodies go", [4])
    assert found is not None
    assert "a body under a key that remains" in found


@pytest.mark.audit_only
def test_control_a_room_whose_timers_do_not_run_is_found() -> None:
    """ROOM-41: what a closed room keeps after its time."""
    found = caught("timers do not run", [5])
    assert found is not None
    assert "closed: " in found


def test_a_store_that_was_set_back_opens_nothing_that_came_after_its_copy(tmp_path: Path) -> None:
    """STO-52: what was sealed since under the keys of the copy is in no row, which no erasure would reach."""
    world = CutWorld(tmp_path)
    _, _, customer, room_id = opened(world)
    write(customer, room_id, "vorher")
    world.advance(MINUTE_MS)
    copy = rows_of(customer).copied("copy")
    customer.stop()
    write(customer, room_id, "Kanarienvogel nach der Kopie")
    needle = Needle.of_text("Kanarienvogel nach der Kopie")
    assert "a body under a key that remains" in left_on(customer, [needle])[needle.raw]
    rows_of(customer).go_on_from(copy)
    begin_again(customer, Continuity.ROLLED_BACK)
    world.advance(MINUTE_MS)
    assert left_on(customer, [needle])[needle.raw] == []
    write(customer, room_id, "nachher")
    world.advance(MINUTE_MS)
    begin_again(customer, Continuity.CONTINUOUS)
    world.advance(MINUTE_MS)
    assert texts(customer, room_id) == ["vorher", "nachher"]
    world.close()


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
