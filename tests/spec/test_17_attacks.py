"""Chapter 17: attacks on chains that would part honest devices, stop them, or have them accuse the honest."""

from __future__ import annotations

import pytest
from room_people import NOW_MS, Person
from room_states import AGENT, DESK, ROOT, roster, team

from e2ee.errors import NotInForce
from e2ee.rooms import transcript
from e2ee.rooms.entry import Entry, EntryHash, Link, carrier
from e2ee.rooms.forward import check_answer
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import Mark, read_payload
from e2ee.rooms.room import Room, admit, keeps_place, with_states
from e2ee.rooms.roster import RosterRef
from e2ee.rooms.state import Phase, Retention, RetentionClass, State, WrittenState
from e2ee.rooms.transcript import FindingKind, Outcome, mark_due_ms, restart_number, wanted

LATER = NOW_MS + transcript.GAP_AFTER_MS


def condition(parent: EntryHash | None, epoch: int, ref: RosterRef, reason: int = 0) -> State:
    """A state without members; `reason` makes another one."""
    kept = Retention(RetentionClass.DEFAULT, 1)
    return State(1, epoch, parent, Phase.OPEN, (), None, None, ref, None, kept, reason=reason)


def stated(entry: Entry) -> WrittenState:
    """An entry of kind 2 as a state."""
    payload = read_payload(entry)
    assert isinstance(payload, State)
    return WrittenState(entry.hash, entry.author.device_id, entry.header.n, payload)


def test_a_desk_that_signs_two_states_under_one_number_parts_nobody() -> None:
    """TRN-09, ROOM-11: what a link names in the place of what is here is asked for, and counts as a state;
    else the states of each honest desk stood on one that the other would never have.
    """
    a, b, liar = Person("a"), Person("b"), Person("liar")
    who = team({roster(1): {"a": DESK, "b": DESK, "liar": DESK}})
    left = liar.make(0, None, NOW_MS, condition(None, 1, roster(1), 1))
    right = liar.make(0, None, NOW_MS, condition(None, 1, roster(1), 2))
    a.receive(carrier(left), liar, NOW_MS)
    b.receive(carrier(right), liar, NOW_MS)
    ours = a.write(NOW_MS, condition(left.hash, 2, roster(1)))
    theirs = b.write(NOW_MS, condition(right.hash, 2, roster(1)))
    rooms: list[Room] = []
    for person, own, other, sender, has in ((a, left, right, b, theirs), (b, right, left, a, ours)):
        person.receive(carrier(has), sender, LATER)
        assert wanted(person.view) == [(liar.tag, 0, 0)]
        taken = person.take(other, LATER, forwarded_by=sender)
        assert taken.outcome is Outcome.CONTRADICTED
        assert FindingKind.EQUIVOCATION in [one.kind for one in taken.findings]
        assert wanted(person.view) == []
        states = [stated(one) for one in (own, other, ours, theirs)]
        rooms.append(with_states(Room(None), states, who).room)
    assert rooms[0].head is not None
    assert rooms[0].head == rooms[1].head


def test_a_link_and_another_entry_ask_for_what_the_link_names() -> None:
    """TRN-09, TRN-13: whichever of the two comes first; and once only, until it is here."""
    for order in ((0, 1), (1, 0)):
        a, b, c = Person("a"), Person("b"), Person("customer", is_company=False)
        own, other = c.make(0, None, NOW_MS), c.make(0, None, NOW_MS + 1)
        linking = b.make(0, None, NOW_MS, seen=(Link(c.tag, 0, other.hash),))
        for at in order:
            a.receive(*((carrier(own), c), (carrier(linking), b))[at], NOW_MS)
        assert wanted(a.view) == [(c.tag, 0, 0)]
        assert a.take(other, LATER, forwarded_by=b).outcome is Outcome.CONTRADICTED
        assert wanted(a.view) == []


def joined(*, place_kept: bool) -> Room:
    """An agent hears that F's day is over before it gets F's last state, on which S has built.

    `place_kept` leaves a place for whatever is refused, as for other entries.
    """
    agent, f, s = Person("agent"), Person("f"), Person("s")
    who = team({roster(1): {"f": DESK, "s": DESK, "agent": AGENT}, roster(2): {"s": DESK, "agent": AGENT}})
    last = f.write(NOW_MS, condition(None, 1, roster(1)))
    s.receive(carrier(last), f, NOW_MS)
    after_it = s.write(NOW_MS, condition(last.hash, 2, roster(2)))
    room = Room(None)
    try:
        admit(room, f.device_id, Kind.STATE, who.ranks(roster(2)) or {})
    except NotInForce as error:
        if place_kept or keeps_place(error, Kind.STATE):
            agent.take(last.redacted(), NOW_MS)
    agent.receive(carrier(after_it), s, LATER)
    room = with_states(room, [stated(after_it)], who).room
    for tag, first, n in wanted(agent.view):
        assert (tag, first, n) == (f.tag, 0, 0)
        assert agent.take(last, LATER, forwarded_by=s).outcome is Outcome.TAKEN
        room = with_states(room, [stated(last)], who).room
    return room


def test_a_state_of_somebody_who_is_gone_is_taken_from_who_follows_it() -> None:
    """TRN-10, ROOM-16: the next states stand on it, and those who got the newer roster first want it too."""
    room = joined(place_kept=False)
    assert room.state is not None
    assert room.state.epoch == 2


def test_control_with_its_place_kept_the_agent_never_follows() -> None:
    """TRN-10: the countermeasure off: nobody asks for the state again; later ones are held for ever."""
    assert joined(place_kept=True).state is None


def test_other_entries_leave_their_place() -> None:
    """TRN-10"""
    assert keeps_place(NotInForce("x"), Kind.TEXT)
    assert not keeps_place(NotInForce("x"), Kind.STATE)


def test_a_link_takes_no_numbers_from_a_device() -> None:
    """TRN-07, attack 14: a customer names an entry of the agent under the last number there is."""
    a, c = Person("a"), Person("customer", is_company=False)
    a.write(NOW_MS)
    for n, number in ((2**53 - 1, NOW_MS), (2**52, NOW_MS), (2**52 - 1, 2**52)):
        lie = c.make(c.view.chain(c.tag).highest + 1, None, NOW_MS, seen=(Link(a.tag, n, ROOT),))
        a.receive(carrier(lie), c, NOW_MS)
        c.take(lie, NOW_MS)
        assert restart_number(a.view, NOW_MS) == number
    restarted = a.write(NOW_MS, restart=True)
    assert a.write(NOW_MS).header.prev == restarted.hash


def test_history_begins_no_chain() -> None:
    """TRN-11, TRN-18: a joiner that is handed the beginning of a chain misses nothing of its middle."""
    a, f, joiner = Person("a"), Person("f"), Person("joiner", late=True)
    old, _unsent, named = a.write(NOW_MS), a.write(NOW_MS), a.write(NOW_MS, state=ROOT)
    assert joiner.take(old, NOW_MS, f, history=True).outcome is Outcome.TAKEN
    assert joiner.take(named, NOW_MS, begins=True).outcome is Outcome.TAKEN
    assert joiner.gaps(LATER) == []
    assert wanted(joiner.view) == []


def test_links_to_what_is_not_here_suppress_no_mark() -> None:
    """TRN-12: a hostile member names what nobody wrote; the agent writes its mark all the same."""
    a, e = Person("a"), Person("e")
    a.write(NOW_MS)
    for n in (0, 2**53 - 1):
        lie = e.make(n, None, NOW_MS, Mark(), (Link(a.tag, n, EntryHash(b"?" * 32)),))
        a.receive(carrier(lie), e, NOW_MS)
        assert mark_due_ms(a.view, 5, company=True) == NOW_MS + 5


def test_an_honest_device_with_fifteen_others_is_never_too_many() -> None:
    """TRN-28: all that it may link of a full room, while the others are delayed by the relay."""
    a, b = Person("a"), Person("b")
    others = [Person(f"x{at}") for at in range(14)]
    for _ in range(20):
        for other in others:
            b.receive(carrier(other.write(NOW_MS)), other, NOW_MS)
        a.receive(carrier(b.write(NOW_MS)), b, NOW_MS)
    assert a.findings == []


@pytest.mark.parametrize("has_ground", [True, False])
def test_a_joiner_judges_by_the_states_from_before(*, has_ground: bool) -> None:
    """ROOM-25, TRN-15, TRN-19: they are forwarded unasked and are no history; the control has none of them,
    and is a member of nothing for ever.
    """
    desk = Person("desk")
    states = [desk.write(NOW_MS, condition(None, 1, roster(1)))]
    for epoch in range(2, 5):
        states.append(desk.write(NOW_MS, condition(states[-1].hash, epoch, roster(1))))
    given = states if has_ground else states[-1:]
    check_answer(given, [])
    room = with_states(Room(None), map(stated, given), team({roster(1): {"desk": DESK}})).room
    assert (None if room.head is None else room.head.hash) == (states[-1].hash if has_ground else None)
