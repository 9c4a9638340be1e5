"""Chapter 16: attacks on the head by those who have no vote, and by whoever signs two rosters at once."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest
from room_states import AGENT, DESK, ROOT, SUPERVISOR, after, first, head_of, roster, team

from e2ee.identity import ListHead
from e2ee.ids import ListHash
from e2ee.rooms.acts import RoomAct, What
from e2ee.rooms.entry import EntryHash
from e2ee.rooms.head import Team, judge
from e2ee.rooms.room import Room, with_states
from e2ee.rooms.roster import RosterRef
from e2ee.rooms.state import (
    HOLD,
    SENSITIVE,
    Phase,
    Ranks,
    Retention,
    RetentionClass,
    Verdict,
    WrittenState,
    list_after,
)

OLD, NEW, TWIN = roster(1), roster(5), roster(5, mark=b"another")
EVERYBODY = {"F": DESK, "G": DESK, "X": SUPERVISOR, "A": AGENT}


def heads(states: list[WrittenState], who: Team) -> set[WrittenState | None]:
    """The heads of a set of states, for every order in which they may have come."""
    return {head_of(order, who) for order in itertools.permutations(states)}


def test_two_rosters_of_one_number_bring_no_suspended_supervisor_back() -> None:
    """ROOM-28, attacks 2 and 3: nobody is in both rosters, and the one who was suspended long ago still has
    no vote: two desks sign at once, or a thief of the roster key signs beside an honest desk.
    """
    who = team({OLD: EVERYBODY, NEW: {"F": DESK}, TWIN: {"G": DESK}}, suspended="X")
    one = first("F", roster=OLD)
    back = after(one, "X", 9, reason=666)
    ours, theirs = after(one, "F", 1, roster=NEW), after(one, "G", 1, roster=TWIN)
    best = min((ours, theirs), key=lambda state: state.hash)
    assert heads([one, back, ours, theirs], who) == {best}


def test_two_desks_that_suspend_each_other_leave_no_vote_to_a_third() -> None:
    """ROOM-28, attack 3: both rosters are known, so that every author is suspended."""
    who = team({OLD: EVERYBODY, NEW: {"F": DESK}, TWIN: {"G": DESK}}, suspended="FGX")
    one = first("F", roster=OLD)
    back = after(one, "X", 9, reason=666)
    ours, theirs = after(one, "F", 1, roster=NEW), after(one, "G", 1, roster=TWIN)
    assert heads([one, back, ours, theirs], who) == {min((ours, theirs), key=lambda state: state.hash)}


def test_a_rank_of_last_resort_does_not_depend_on_the_order() -> None:
    """ROOM-28: of an author whose states name rosters that give it two ranks."""
    who = team({NEW: {"G": SUPERVISOR, "F": DESK}, TWIN: {"G": DESK, "F": DESK}}, suspended="FG")
    for reason in range(6):
        one = first("F", roster=NEW)
        mine = after(one, "F", 1, reason=reason)
        higher, lower = after(one, "G", 1, reason=7), after(one, "G", 2, reason=8, roster=TWIN)
        assert len(heads([one, mine, higher, lower], who)) == 1


def test_a_verdict_does_not_depend_on_the_order() -> None:
    """ROOM-10: of a state that names one of its own epoch, which waits for its parent."""
    waiting = after(first("F", members="F", reason=1), "F", 3, parent=EntryHash(b"?" * 32))
    state = after(waiting, "G", 1, epoch=waiting.state.epoch)
    who = team({OLD: EVERYBODY})
    for order in ([waiting, state], [state, waiting]):
        verdicts = judge({one.hash: one for one in order}, ROOT, who)
        assert verdicts == {waiting.hash: Verdict.HELD, state.hash: Verdict.REFUSED}


# --- what a fork would take away ---


def forked(*, changed: dict[str, Any], before: dict[str, Any]) -> tuple[Room, WrittenState]:
    """F changes the first state, of which G then writes another one beside, in the place of F's, that wins by
    its hash alone: no key is stolen.
    """
    one = first("F", **before)
    set_by_f = after(one, "F", 1, **changed) if changed else one
    rivals = (first("G", n, reason=n) for n in range(100))
    rival = next(other for other in rivals if other.hash < one.hash)
    room = with_states(Room(ROOT), [one, set_by_f, rival], team({OLD: EVERYBODY})).room
    assert room.head == rival
    return room, set_by_f


STATUTORY_ROOM = Retention(RetentionClass.STATUTORY, 3_650 * 86_400)


def test_a_desk_that_forks_has_nothing_destroyed_that_class_3_protects() -> None:
    """ROOM-27, ROOM-08: the erasure of the customer sets no phase, and nothing is destroyed."""
    room, set_by_f = forked(changed={}, before={"retention": STATUTORY_ROOM})
    room = dataclasses.replace(room, acts=(RoomAct(EntryHash(b"e" * 32), What.ERASE),))
    found = room.condition(team({OLD: EVERYBODY}))
    assert (found.keeps, found.holds, found.phase) == (True, (set_by_f.hash,), Phase.OPEN)


def test_a_desk_that_forks_clears_no_mark() -> None:
    """ROOM-27, ROOM-08: the room stays sensitive until a supervisor's state names what marked it."""
    room, set_by_f = forked(changed={"flags": SENSITIVE}, before={})
    who = team({OLD: EVERYBODY})
    assert room.condition(who).is_sensitive
    assert room.head is not None
    by_desk = after(room.head, "G", 200, answers=(set_by_f.hash,))
    room = with_states(room, [by_desk], who).room
    assert (room.head, room.condition(who).is_sensitive) == (by_desk, True)
    room = with_states(room, [after(by_desk, "X", 0, answers=(set_by_f.hash,))], who).room
    assert not room.condition(who).is_sensitive


def test_holds_without_end_are_cleared_by_naming_one_of_each_author() -> None:
    """ROOM-27: a suspended supervisor that set them on every branch that it could write."""
    who = team({OLD: {**EVERYBODY, "S": SUPERVISOR}, NEW: {"S": SUPERVISOR, "F": DESK}}, suspended="X")
    one = first("F")
    flood = [after(one, "X", n, flags=HOLD, text="x", reason=n) for n in range(200)]
    head = after(one, "S", 1, roster=NEW)
    room = with_states(Room(ROOT), [one, *flood, head], who).room
    assert room.condition(who).holds == (flood[-1].hash,)
    named = after(head, "S", 2, answers=room.condition(who).holds)
    assert with_states(room, [named], who).room.condition(who).holds == ()


def cleared_by_x(who: Team, *, roster_of_x: RosterRef) -> tuple[Room, WrittenState]:
    """S holds the room; X dates back that it cleared the hold, and the desk F goes on from there."""
    one = first("F")
    held = after(one, "S", 1, flags=HOLD, text="court")
    back = after(held, "X", 7, flags=0, text="over", roster=roster_of_x)
    desk = after(back, "F", 8, roster=NEW)
    room = with_states(Room(ROOT), [one, held, back, desk], who).room
    assert room.head == desk
    return room, held


@pytest.mark.parametrize("is_suspended", [True, False])
def test_a_suspended_supervisor_does_not_date_back_that_it_cleared_a_hold(is_suspended: bool) -> None:
    """ROOM-27: with a desk that goes on from there; the control is a supervisor that nobody has suspended."""
    ranks = {OLD: {**EVERYBODY, "S": SUPERVISOR}, NEW: {"S": SUPERVISOR, "F": DESK}}
    who = team(ranks, suspended="X" if is_suspended else "")
    room, held = cleared_by_x(who, roster_of_x=OLD)
    found = room.condition(who)
    assert (found.keeps, found.holds) == ((True, (held.hash,)) if is_suspended else (False, ()))
    assert room.head is not None
    confirmed = with_states(room, [after(room.head, "S", 9)], who).room
    assert not confirmed.condition(who).keeps


def test_a_stolen_roster_key_does_not_have_a_suspended_supervisor_clear_a_hold() -> None:
    """ROOM-27, ROOM-28: the thief's roster names X again, and leaves S out."""
    who = team({OLD: {**EVERYBODY, "S": SUPERVISOR}, NEW: {"X": SUPERVISOR, "F": DESK}}, suspended="XS")
    room, held = cleared_by_x(who, roster_of_x=NEW)
    assert room.condition(who).holds == (held.hash,)


@pytest.mark.parametrize("is_suspended", [True, False])
def test_a_suspended_supervisor_does_not_date_back_that_it_decided_a_freeze(is_suspended: bool) -> None:
    """ROOM-14, ROOM-27"""
    ranks = {OLD: {**EVERYBODY, "S": SUPERVISOR}, NEW: {"S": SUPERVISOR, "F": DESK}}
    who = team(ranks, suspended="X" if is_suspended else "")
    freeze = RoomAct(EntryHash(b"z" * 32), What.FREEZE)
    one = first("F")
    decided = after(one, "X", 7, text="no ground", answers=(freeze.hash,))
    states = [one, decided, after(decided, "F", 8, roster=NEW)]
    room = dataclasses.replace(with_states(Room(ROOT), states, who).room, acts=(freeze,))
    assert room.condition(who).phase is (Phase.FROZEN if is_suspended else Phase.OPEN)


@pytest.mark.parametrize(
    "changed",
    [{"retention": Retention(RetentionClass.STATUTORY, 0)}, {"phase": Phase.ERASED}],
    ids=["shortened", "erased"],
)
def test_a_desk_ends_no_retention_of_class_3(changed: dict[str, Any]) -> None:
    """ROOM-08, ROOM-09"""
    one = first("F", retention=STATUTORY_ROOM)
    state = after(one, "F", 1, **changed)
    verdicts = judge({one.hash: one, state.hash: state}, ROOT, team({OLD: EVERYBODY}))
    assert verdicts[state.hash] is Verdict.REFUSED


def test_a_false_list_of_the_customer_stops_nobody() -> None:
    """ROOM-05: a desk states a list of the last number there is; the others go on after it."""
    who = team({OLD: EVERYBODY})
    one = first("F")
    false = ListHead(2**31 - 1, ListHash(b"?" * 32))
    lie = after(one, "G", 1, customer_list=false)
    known = ListHead(2, ListHash(b"2" * 32))
    assert list_after(one.state.customer_list, known) == list_after(None, known) == known
    refused = after(lie, "F", 1, customer_list=known)
    honest = after(lie, "F", 2, customer_list=list_after(false, known))
    verdicts = judge({state.hash: state for state in (one, lie, refused, honest)}, ROOT, who)
    assert (verdicts[refused.hash], verdicts[honest.hash]) == (Verdict.REFUSED, Verdict.VALID)


def test_a_flood_of_states_is_judged_once() -> None:
    """ROOM-10: what is valid or refused stays so; only what is held is looked at again."""
    ranks, asked = team({OLD: EVERYBODY}).ranks, list[RosterRef]()

    def counting(ref: RosterRef) -> Ranks | None:
        asked.append(ref)
        return ranks(ref)

    one = first("F")
    flood = [after(one, "A", n, reason=n) for n in range(500)]
    room = with_states(Room(ROOT), [one, *flood], Team(counting)).room
    asked.clear()
    assert with_states(room, [after(one, "F", 1)], Team(counting)).moved
    assert len(asked) < 10
