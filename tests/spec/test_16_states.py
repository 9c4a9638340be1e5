"""Chapter 16: states, the rights of those who write them, validity."""

from __future__ import annotations

from typing import Any

import pytest
from company import Company
from room_states import (
    AGENT,
    BOT,
    DESK,
    KEPT,
    LIST,
    NOTICE,
    ROOT,
    SUPERVISOR,
    after,
    dev,
    first,
    ids,
    roster,
    team,
)

from e2ee.errors import NoRight
from e2ee.identity import ListHead
from e2ee.ids import ListHash
from e2ee.rooms.entry import EntryHash
from e2ee.rooms.head import Team, judge
from e2ee.rooms.state import (
    FOLLOWING,
    HOLD,
    NEXT_PHASES,
    SENSITIVE,
    Phase,
    Retention,
    RetentionClass,
    State,
    Verdict,
    WrittenState,
    check_change,
)

TEAM = {"F": DESK, "G": DESK, "S": SUPERVISOR, "T": SUPERVISOR, "A": AGENT, "B": BOT}
RANKS = {dev(name): rank for name, rank in TEAM.items()}
ACT = EntryHash(b"act".ljust(32, b"."))
OTHER_NOTICE = b"other notice".ljust(32, b".")


def allowed(author: str, before: State, **changed: Any) -> bool:
    """Whether somebody may write this after a state."""
    base = WrittenState(ROOT, dev("F"), 0, before)
    try:
        check_change(after(base, author, 1, **changed), before, RANKS)
    except NoRight:
        return False
    return True


def of(*members: str, **other: Any) -> State:
    """A state with these members."""
    return first("S", members=members, **other).state


def who(before: State, **changed: Any) -> str:
    """Who of the team may write a change."""
    return "".join(name for name in "FSAB" if allowed(name, before, **changed))


def test_a04_only_stewards_write_states() -> None:
    """ROOM-05, attack 4: an agent, a bot, and somebody who is not in force."""
    assert who(of("A")) == "FS"
    assert not allowed("nobody", of("A"))


def test_a04_control_without_ranks_an_agent_is_a_steward() -> None:
    """ROOM-05: the countermeasure off: with everybody a desk, the agent's state is valid."""
    state = after(first("F"), "A", 1)
    check_change(state, first("F").state, dict.fromkeys(RANKS, DESK))


def test_members_are_added_up_to_the_author() -> None:
    """ROOM-07: a desk adds agents, bots, desks, a supervisor anybody; nobody who is not in force."""
    assert who(of("A"), members=ids("AB")) == "FS"
    assert who(of("A"), members=ids("AG")) == "FS"
    assert who(of("A"), members=ids("AS")) == "S"
    assert who(of("A"), members=ids("AT")) == "S"
    assert who(of("A"), members=ids("AX")) == ""
    assert allowed("F", of("S"), members=ids("SA"))


def test_members_are_removed_from_above() -> None:
    """ROOM-07: lower ranks, itself, and whoever is not in force."""
    assert who(of("A", "F", "S"), members=ids("FS")) == "FS"
    assert who(of("A", "G"), members=ids("A")) == "S"
    assert who(of("A", "S", "F"), members=ids("AS")) == "FS"
    assert who(of("A", "T"), members=ids("A")) == ""
    assert allowed("T", of("A", "T"), members=ids("A"))
    assert who(of("A", "X"), members=ids("A")) == "FS"


def test_somebody_is_assigned_up_to_the_author() -> None:
    """ROOM-07: and stays assigned whoever writes."""
    assert who(of("A", "S"), assigned=dev("A")) == "FS"
    assert who(of("A", "S"), assigned=dev("S")) == "S"
    assert who(of("A", "S", assigned=dev("S"))) == "FS"
    assert who(of("A", "S", assigned=dev("S")), assigned=None) == "FS"


def test_what_a_state_goes_by_does_not_go_back() -> None:
    """ROOM-05: roster, list of the customer, epoch."""
    before = of("A", roster=roster(3), customer_list=ListHead(3, LIST.hash))
    assert who(before, roster=roster(4)) == "FS"
    assert who(before, roster=roster(1, mandate_seq=2)) == "FS"
    assert who(before, roster=roster(2)) == ""
    assert who(before, customer_list=ListHead(4, ListHash(bytes(32)))) == "FS"
    assert who(before, customer_list=ListHead(3, ListHash(bytes(32)))) == ""
    assert who(before, customer_list=ListHead(2, LIST.hash)) == ""
    assert who(before, customer_list=None) == ""
    assert who(of(customer_list=None), customer_list=None) == "FS"
    assert who(before, epoch=3) == ""


@pytest.mark.parametrize("old", list(Phase))
@pytest.mark.parametrize("new", list(Phase))
def test_phases_follow_the_table(old: Phase, new: Phase) -> None:
    """ROOM-09: and two of them only in answer to an act."""
    before = of("A", phase=old)
    follows = new == old or new in NEXT_PHASES[old]
    assert who(before, phase=new, answers=(ACT,)) == ("FS" if follows else "")
    needs_act = new != old and (new in FOLLOWING or (old in FOLLOWING and new == Phase.OPEN))
    assert who(before, phase=new) == ("FS" if follows and not needs_act else "")


def test_a_room_on_hold_is_not_erased() -> None:
    """ROOM-09: the hold goes first, or not at all."""
    held = of("A", flags=HOLD)
    assert who(held, phase=Phase.ERASED) == ""
    assert who(held, phase=Phase.ERASED, flags=0, text="x") == ""
    assert who(held, flags=0, text="x") == "S"


def test_holds_and_marks() -> None:
    """ROOM-08, attack 4: a desk clears neither; a hold needs a text."""
    assert who(of("A"), flags=HOLD, text="x") == "S"
    assert who(of("A"), flags=HOLD) == ""
    assert who(of("A", flags=HOLD), flags=0) == ""
    assert who(of("A", flags=HOLD)) == "FS"
    assert who(of("A"), flags=SENSITIVE) == "FS"
    assert who(of("A", flags=SENSITIVE), flags=0) == "S"
    assert who(of("A", flags=SENSITIVE), flags=SENSITIVE) == "FS"


def test_retention_is_shortened_by_all_and_else_by_a_supervisor() -> None:
    """ROOM-08: under a notice that the customer has to accept first."""
    longer, other = Retention(KEPT.kind, KEPT.ttl_s + 1), Retention(RetentionClass.EPHEMERAL, 1)
    assert who(of(), retention=Retention(KEPT.kind, KEPT.ttl_s - 1)) == "FS"
    for kept in (longer, other):
        assert who(of(), retention=kept) == ""
        assert who(of(), retention=kept, notice=OTHER_NOTICE) == "S"
    assert who(of(), notice=OTHER_NOTICE) == "FS"


def test_ranks_are_those_of_chapter_15() -> None:
    """ROOM-05, ROOM-07: by a real mandate, list and roster; a view of the team is all that validity needs."""
    company = Company.make()
    view = company.view()
    names = {name: device.record.device_id for name, device in company.devices.items()}
    agent, desk_id = names["agent"], names["desk"]
    one = State(
        *(1, 1, ROOT, Phase.OPEN, tuple(sorted((agent, desk_id))), agent, LIST, view.roster, NOTICE, KEPT)
    )
    team = Team({view.roster: view.ranks()}.get)
    for author, verdict in (("desk", Verdict.VALID), ("chief", Verdict.VALID), ("agent", Verdict.REFUSED)):
        state = WrittenState(EntryHash(bytes(32)), names[author], 0, one)
        assert judge({state.hash: state}, ROOT, team) == {state.hash: verdict}


# --- validity ---


EVER = team({roster(1): TEAM})


def verdicts(*states: WrittenState, root: EntryHash | None = ROOT) -> list[Verdict]:
    """The verdicts about these states."""
    found = judge({one.hash: one for one in states}, root, EVER)
    return [found[one.hash] for one in states]


def test_a_chain_of_valid_states() -> None:
    """ROOM-06, ROOM-10"""
    one = first("F", members="F")
    two = after(one, "S", 1, members=ids("FS"))
    assert verdicts(two, one) == [Verdict.VALID, Verdict.VALID]


def test_what_follows_an_invalid_state_is_invalid() -> None:
    """ROOM-10"""
    one = first("A")
    two = after(one, "S", 1)
    assert verdicts(one, two) == [Verdict.REFUSED, Verdict.REFUSED]


def test_what_is_not_known_holds() -> None:
    """ROOM-10: a parent, or a roster, that is not here; with all that follows."""
    one = first("F")
    two = after(one, "S", 1)
    three = after(two, "S", 2)
    assert verdicts(two, three) == [Verdict.HELD, Verdict.HELD]
    unknown = first("F", roster=roster(9))
    following = after(unknown, "S", 1)
    assert verdicts(unknown, following) == [Verdict.HELD, Verdict.HELD]


def test_a_first_state_is_of_its_room() -> None:
    """ROOM-02, ROOM-06: of another `open`, of none, of notes in a room and of a room in notes."""
    one = first("F")
    assert verdicts(first("F", parent=EntryHash(bytes(32)))) == [Verdict.REFUSED]
    assert verdicts(first("F", parent=None)) == [Verdict.REFUSED]
    assert verdicts(one, first("F", parent=one.hash)) == [Verdict.VALID, Verdict.REFUSED]
    assert verdicts(first("F", parent=None, customer_list=None)) == [Verdict.REFUSED]
    notes = first("F", parent=None, customer_list=None, notice=None)
    assert verdicts(notes, root=None) == [Verdict.VALID]
    assert verdicts(one, root=None) == [Verdict.REFUSED]
    assert verdicts(first("F", parent=None), root=None) == [Verdict.REFUSED]


def test_a_parent_of_a_higher_epoch_is_none() -> None:
    """ROOM-10: two states cannot hold each other."""
    one = first("F")
    high = after(one, "F", 1, epoch=5)
    low = after(high, "F", 2, epoch=3)
    assert verdicts(one, high, low)[1:] == [Verdict.REFUSED, Verdict.REFUSED]


def test_a_hold_in_the_first_state_is_a_supervisors() -> None:
    """ROOM-06, ROOM-08"""
    assert verdicts(first("F", flags=HOLD, text="x")) == [Verdict.REFUSED]
    assert verdicts(first("S", flags=HOLD, text="x", notice=NOTICE)) == [Verdict.VALID]
