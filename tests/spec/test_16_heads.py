"""Chapter 16: the head of a set of states, and stewards who fork."""

from __future__ import annotations

import itertools

import pytest
from room_states import (
    AGENT,
    DESK,
    ROOT,
    SUPERVISOR,
    after,
    dev,
    first,
    head_of,
    ids,
    roster,
    team,
)

from e2ee.rooms.head import Team
from e2ee.rooms.state import HOLD, WrittenState

TEAM = {"F": DESK, "G": DESK, "S": SUPERVISOR, "X": SUPERVISOR, "A": AGENT}
WITHOUT_X = {name: rank for name, rank in TEAM.items() if name != "X"}
BOTH = team({roster(1): TEAM, roster(2): WITHOUT_X})


def head(*states: WrittenState, who: Team = BOTH) -> WrittenState | None:
    """The head, the same for every order of a few states."""
    found = {head_of(order, who) for order in itertools.islice(itertools.permutations(states), 24)}
    (one,) = found
    return one


def test_no_state_no_head() -> None:
    """ROOM-11"""
    assert head_of([], BOTH) is None
    assert head_of([first("A")], BOTH) is None


def test_the_newest_of_a_chain() -> None:
    """ROOM-11: as far down as somebody votes."""
    one = first("F")
    two = after(one, "F", 1, members=ids("A"))
    three = after(two, "G", 0, members=ids("AF"))
    assert head(one, two, three) == three
    assert head(one, two) == two


def test_supervisors_go_before_desks_and_desks_before_hashes() -> None:
    """ROOM-11"""
    one = first("F")
    by_desks = after(after(one, "F", 1, members=ids("A")), "G", 0, reason=1)
    by_supervisor = after(one, "S", 0, members=ids("S"))
    assert head(one, by_desks, by_supervisor) == by_supervisor
    first_desk, second_desk = after(one, "F", 1, reason=1), after(one, "G", 1, reason=2)
    assert head(one, first_desk, second_desk) == min((first_desk, second_desk), key=lambda state: state.hash)


def test_two_desks_outvote_one() -> None:
    """ROOM-11: whichever hash is smaller."""
    who = team({roster(1): {**TEAM, "H": DESK}})
    one = first("H")
    for reason in range(8):
        alone = after(one, "F", 1, reason=reason)
        agreed = after(after(one, "G", 1, reason=9), "H", 1)
        assert head(one, alone, agreed, states_of(agreed, one), who=who) == agreed


def states_of(below: WrittenState, top: WrittenState) -> WrittenState:
    """The state between two others, as it was written."""
    between = after(top, "G", 1, reason=9)
    assert below.state.parent == between.hash
    return between


def test_a03_a_fork_has_one_vote_however_long() -> None:
    """ROOM-11, attack 3: a desk that forks without end from before a hold."""
    one = first("F")
    held = after(one, "S", 0, flags=HOLD, text="x")
    long = one
    fork = [long := after(long, "G", n, members=ids("G")) for n in range(30)]
    assert head_of([one, held, *fork], BOTH) == held


def test_a03_control_by_length_the_hold_is_lost() -> None:
    """ROOM-11: the countermeasure off: the longest branch is the hostile one."""
    one = first("F")
    held = after(one, "S", 0, flags=HOLD, text="x")
    long = one
    fork = [long := after(long, "G", n, members=ids("G")) for n in range(30)]
    assert max([one, held, *fork], key=lambda state: state.state.epoch) == long
    assert not long.state.has(HOLD)


def test_a03_a_suspended_supervisor_has_no_vote() -> None:
    """ROOM-11, attack 3: once any valid state names the roster without it, or that roster is known."""
    one = first("S", members=("F", "X"))
    back = after(one, "X", 50, members=ids("FXA"))
    out = after(one, "F", 1, members=ids("F"), roster=roster(2))
    assert head(one, back) == back
    assert head(one, back, out) == out
    assert head(one, back, who=team({roster(1): TEAM}, suspended="X")) == one


def test_where_all_are_suspended_their_states_still_stand() -> None:
    """ROOM-11: nobody else has said anything; the room does not fall back to its beginning."""
    one = first("S", members="F")
    two = after(one, "F", 1, members=())
    assert head(one, two, who=team({roster(1): TEAM}, suspended="FSX")) == two


def test_a02_a_stolen_roster_key_brings_nobody_back() -> None:
    """ROOM-11, attack 2: a roster of a huge number that names the suspended again."""
    thief = roster(2**31 - 1)
    who = team({roster(1): TEAM, roster(2): WITHOUT_X, thief: {"X": SUPERVISOR, "G": DESK}}, suspended="X")
    one = first("S", members=("F", "X"))
    back = after(one, "X", 50, members=ids("X"), roster=thief)
    assert head(one, back, who=who) == one
    believed = team({roster(1): TEAM, thief: {"X": SUPERVISOR, "G": DESK}})
    assert head(one, back, who=believed) == back


def test_a02_the_next_mandate_ends_it() -> None:
    """ROOM-11, attack 2: whatever number the thief has stated."""
    thief, healed = roster(2**31 - 1), roster(1, mandate_seq=2)
    who = team({roster(1): TEAM, thief: {"G": DESK}, healed: WITHOUT_X})
    one = first("S", members="F")
    taken = after(one, "G", 50, members=ids("G"), roster=thief)
    restored = after(one, "S", 1, members=ids("F"), roster=healed)
    assert head(one, taken, restored, who=who) == restored


def test_two_rosters_of_one_number_count_together() -> None:
    """ROOM-11: whoever is in both, with the lower rank."""
    other = roster(1, mark=b"other")
    who = team({roster(1): TEAM, other: {"S": DESK, "F": DESK}})
    one = first("F")
    by_g, by_s, by_f = after(one, "G", 1), after(one, "S", 1, roster=other), after(one, "F", 2, reason=3)
    assert head(one, by_g, by_s, by_f, who=who) == min((by_s, by_f), key=lambda state: state.hash)


def test_the_newest_state_of_a_steward_is_its_vote() -> None:
    """ROOM-11: by its number, of equal ones the smaller hash; a changed mind leaves a branch."""
    one = first("F")
    left, right = after(one, "G", 1, reason=1), after(one, "G", 2, reason=2)
    assert head(one, left, right) == right
    twice = [after(one, "G", 1, reason=n) for n in range(6)]
    assert head_of([one, *twice], BOTH) == min(twice, key=lambda state: state.hash)


@pytest.mark.parametrize("who", ["F", "S"])
def test_notes_have_a_head_too(who: str) -> None:
    """ROOM-02, ROOM-11"""
    one = first(who, parent=None, customer_list=None, notice=None)
    two = after(one, "S", 1, members=ids("A"))
    assert head_of([one, two], BOTH, None) == two
    assert head_of([one, two], BOTH, ROOT) is None
    assert dev(who) in (one.author, two.author)
