"""Chapter 16: a room that is given to a colleague while who had it stays to hand it over."""

from __future__ import annotations

from typing import Any

import pytest
from room_states import after, dev, first, ids

from e2ee.rooms.passing import MAX_PASSED_ON, Passing, ended, passings
from e2ee.rooms.state import Phase, WrittenState

HAD = first("F", members="A", assigned=dev("A"))


def given(**changed: Any) -> WrittenState:
    """The state that gives A's room to B, with some changes."""
    return after(
        HAD,
        "F",
        1,
        **{"members": ids("AB"), "assigned": dev("B"), "reason": 64, "request": bytes(8), **changed},
    )


def test_a_room_is_given_away_in_passing() -> None:
    """ROOM-56: while both stay members, also where others come and go."""
    state = given()
    found = [Passing(state.hash, state.hash, bytes(8), dev("A"), dev("B"), 64)]
    assert passings([HAD, state]) == found
    assert passings([HAD, state, after(state, "F", 2, members=ids("ABC"))]) == found
    assert passings([]) == passings([HAD]) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"reason": 0},
        {"reason": MAX_PASSED_ON + 1},
        {"request": None},
        {"members": ids("B")},
        {"assigned": None},
        {"assigned": dev("A")},
    ],
)
def test_another_state_gives_nothing_away(changed: dict[str, Any]) -> None:
    """ROOM-56: without a number, a request, or who had it, or to nobody new."""
    assert passings([HAD, given(**changed)]) == []


def test_who_was_a_member_or_had_nobody_before_is_given_nothing() -> None:
    """ROOM-56"""
    for before in (first("F", members="AB", assigned=dev("A")), first("F", members="A")):
        state = after(before, "F", 1, members=ids("AB"), assigned=dev("B"), reason=64, request=bytes(8))
        assert passings([before, state]) == []


def test_it_ends_for_good_when_the_giver_is_out() -> None:
    """ROOM-56: also where it comes back."""
    state = given()
    out = after(state, "F", 2, members=ids("B"))
    assert passings([HAD, state, out]) == []
    assert passings([HAD, state, out, after(out, "F", 3, members=ids("AB"))]) == []


def test_what_the_givers_leaving_has_ended_is_known_while_the_taker_is_not_out() -> None:
    """TRN-51: not what ended as the giver had the room again, nor where nothing might be handed over."""
    state = given()
    out = after(state, "F", 2, members=ids("BC"))
    found = [Passing(state.hash, out.hash, bytes(8), dev("A"), dev("B"), 64)]
    assert ended([HAD, state]) == []
    assert ended([HAD, state, out]) == found
    assert ended([HAD, state, out, after(out, "F", 3, members=ids("AB"))]) == found
    without = after(out, "F", 3, members=ids("C"), assigned=None)
    assert ended([HAD, state, out, without]) == []
    assert ended([HAD, state, out, without, after(without, "F", 4, members=ids("BC"))]) == []
    assert ended([HAD, state, after(state, "F", 2, members=ids("C"), assigned=None)]) == []
    again = after(state, "F", 2, assigned=dev("A"))
    assert ended([HAD, state, again, after(again, "F", 3, members=ids("B"), assigned=dev("B"))]) == []
    gone = after(state, "F", 2, members=ids("AC"), assigned=dev("C"))
    back = after(gone, "F", 3, members=ids("ABC"))
    assert ended([HAD, state, gone, back, after(back, "F", 4, members=ids("BC"))]) == []


def test_nothing_is_handed_over_any_more_when_the_taker_is_out_and_the_giver_leaves_all_the_same() -> None:
    """ROOM-56, ROOM-59: also where the taker comes back."""
    state = given()
    out = after(state, "F", 2, members=ids("AC"), assigned=dev("C"))
    nothing = [Passing(state.hash, state.hash, bytes(8), dev("A"), dev("B"), 0)]
    assert passings([HAD, state, out]) == nothing
    assert passings([HAD, state, out, after(out, "F", 3, members=ids("ABC"))]) == nothing


def test_it_ends_when_the_giver_has_the_room_again() -> None:
    """ROOM-56"""
    state = given()
    assert passings([HAD, state, after(state, "F", 2, assigned=dev("A"))]) == []


def test_a_room_that_goes_on_is_given_by_each() -> None:
    """ROOM-56"""
    state = given()
    on = after(state, "F", 2, members=ids("ABC"), assigned=dev("C"), reason=9, request=bytes(8))
    assert [(one.giver, one.taker, one.most) for one in passings([HAD, state, on])] == [
        (dev("A"), dev("B"), 64),
        (dev("B"), dev("C"), 9),
    ]


def test_a_freeze_is_not_counted() -> None:
    """ROOM-59: from the state that has ended it on."""
    state = given()
    frozen = after(state, "F", 2, phase=Phase.FROZEN)
    still = after(frozen, "F", 3, phase=Phase.FROZEN)
    open_again = after(still, "F", 4, phase=Phase.OPEN)
    later = after(open_again, "F", 5)
    assert [one.since for one in passings([HAD, state, frozen, still])] == [state.hash]
    path = [HAD, state, frozen, still, open_again, later]
    assert [one.since for one in passings(path)] == [open_again.hash]
