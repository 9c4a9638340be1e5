"""Verdicts of states in pages: a page is written when something on it is another (STO-57)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms.state_pages import PAGE_STATES, STATES, StatePages
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import StoreCorrupt
from e2ee_client.rows import Put
from engine_world import Rows

from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.state import Verdict

ROOM = RoomId(bytes(16))
OTHER = RoomId(b"x" * 16)


def named(number: int) -> EntryHash:
    """The hash of a state."""
    return EntryHash(number.to_bytes(32))


def stored(rows: Rows, pages: StatePages, verdicts: dict[EntryHash, Verdict]) -> list[int]:
    """Store verdicts; return the numbers of the pages that were written."""
    turn = Turn(0)
    pages.store(turn, verdicts)
    changes = [one for effect in turn.effects() for one in getattr(effect, "changes", ())]
    rows.commit(tuple(changes))
    return [int.from_bytes(one.key[16:]) for one in changes]


@pytest.fixture
def rows() -> Rows:
    """Rows of a room of two full pages and one state, of which the second is held."""
    made = Rows()
    verdicts = {named(at): Verdict.VALID for at in range(2 * PAGE_STATES + 1)}
    verdicts[named(1)] = Verdict.HELD
    assert stored(made, StatePages(made, ROOM), verdicts) == [0, 1, 2]
    return made


def test_only_the_page_of_a_state_that_is_new_is_written(rows: Rows) -> None:
    """STO-57: none where nothing is new, and one where a state comes."""
    pages = StatePages(rows, ROOM)
    verdicts = pages.load(Turn(0))
    assert list(verdicts) == [named(at) for at in range(2 * PAGE_STATES + 1)]
    assert stored(rows, pages, verdicts) == []
    verdicts[named(1_000)] = Verdict.REFUSED
    assert stored(rows, pages, verdicts) == [2]
    assert StatePages(rows, ROOM).load(Turn(0)) == verdicts
    assert StatePages(rows, OTHER).load(Turn(0)) == {}


def test_a_state_that_is_judged_anew_keeps_its_place(rows: Rows) -> None:
    """STO-57, ROOM-10: judging puts those that were held behind the others."""
    pages = StatePages(rows, ROOM)
    verdicts = pages.load(Turn(0))
    del verdicts[named(1)]
    verdicts[named(1)] = Verdict.VALID
    assert stored(rows, pages, verdicts) == [0]
    again = StatePages(rows, ROOM).load(Turn(0))
    assert again == verdicts
    assert list(again)[:2] == [named(0), named(1)]


def test_what_a_failed_commit_has_not_stored_is_stored_by_the_room_that_is_loaded_then(rows: Rows) -> None:
    """STO-57, STO-41."""
    failed, known = Turn(0), StatePages(rows, ROOM)
    verdicts = known.load(failed) | {named(1_000): Verdict.VALID}
    known.store(failed, verdicts)
    assert known.load(failed) == verdicts
    anew = StatePages(rows, ROOM)
    assert named(1_000) not in anew.load(Turn(0))
    assert stored(rows, anew, verdicts) == [2]


@pytest.mark.parametrize("wrong", [b"x", bytes(32), bytes(32) + b"\x03", bytes(33) + b"x"])
def test_a_page_of_another_shape_is_refused(rows: Rows, wrong: bytes) -> None:
    """STO-57."""
    rows.commit((Put(STATES, ROOM + (1).to_bytes(4), wrong),))
    with pytest.raises(StoreCorrupt):
        StatePages(rows, ROOM).load(Turn(0))
