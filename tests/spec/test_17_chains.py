"""Chapter 17: chains, what they show about their devices, links, marks, joiners."""

from __future__ import annotations

import dataclasses

import pytest
from room_people import NOW_MS, ROOM, Person, exchange

from e2ee.errors import CounterExhausted, TooMany
from e2ee.rooms import transcript
from e2ee.rooms.chain import GIVEN_UP_AFTER_MS, MAX_INTERVALS, before_floor
from e2ee.rooms.entry import EntryHash, Link, RoomId, carrier
from e2ee.rooms.payloads import Mark, RoomText
from e2ee.rooms.transcript import (
    GAP_AFTER_MS,
    Finding,
    FindingKind,
    Outcome,
    View,
    counted,
    give_up,
    mark_due_ms,
    restart_number,
    wanted,
)

LATER = NOW_MS + GAP_AFTER_MS
STATE, OTHER = EntryHash(b"s" * 32), EntryHash(b"t" * 32)


def people(*names: str) -> list[Person]:
    """Devices: those whose names begin with c are the customer's."""
    return [Person(name, not name.startswith("c")) for name in names]


def kinds(person: Person) -> list[FindingKind]:
    """The kinds of what a device has found."""
    return [finding.kind for finding in person.findings]


# --- chains and links ---


def test_a_chain_counts_up_and_names_the_one_before() -> None:
    """TRN-05, TRN-06: each link is said once, and only what is complete is linked."""
    a, b = people("a", "customer")
    first, second, third = b.write(NOW_MS), b.write(NOW_MS), b.write(NOW_MS)
    assert [one.header.n for one in (first, second, third)] == [0, 1, 2]
    assert [one.header.prev for one in (first, second, third)] == [None, first.hash, second.hash]
    exchange([first, third], [a, b], NOW_MS)
    assert a.write(NOW_MS).header.seen == (Link(b.tag, 0, first.hash),)
    exchange([second], [a, b], NOW_MS)
    assert a.write(NOW_MS).header.seen == (Link(b.tag, 2, third.hash),)
    assert a.write(NOW_MS).header.seen == ()


def test_links_beyond_fifteen_stand_in_the_next_entry() -> None:
    """TRN-06"""
    a, *others = people("a", *(f"c{n}" for n in range(17)))
    for one in others:
        a.receive(carrier(one.write(NOW_MS)), one, NOW_MS)
    links = a.write(NOW_MS).header.seen, a.write(NOW_MS).header.seen
    assert [len(found) for found in links] == [15, 2]
    assert {link.tag for found in links for link in found} == {one.tag for one in others}


def test_what_comes_again_changes_nothing() -> None:
    """TRN-09, TRN-01: the same bytes from the author, or forwarded."""
    a, b = people("a", "customer")
    entry = b.write(NOW_MS)
    a.receive(carrier(entry), b, NOW_MS)
    before = a.view
    assert a.take(entry, NOW_MS) == transcript.Taken(before, Outcome.KNOWN, [])


# --- gaps ---


def test_a_missing_entry_is_a_gap_after_a_minute_until_it_comes() -> None:
    """TRN-13, TRN-14, attack 11: whether the device itself shows it, or another one."""
    a, b, c = people("a", "b", "customer")
    lost, kept = c.write(NOW_MS), c.write(NOW_MS)
    a.receive(carrier(kept), c, NOW_MS)
    assert a.gaps(LATER - 1) == []
    assert [gap[:3] for gap in a.gaps(LATER)] == [(c.tag, 0, 0)]
    assert wanted(a.view) == [(c.tag, 0, 0)]
    b.receive(carrier(lost), c, NOW_MS)
    b.receive(carrier(kept), c, NOW_MS)
    last = c.write(NOW_MS)
    b.receive(carrier(last), c, NOW_MS)
    a.receive(carrier(b.write(NOW_MS)), b, NOW_MS)
    assert [gap[:3] for gap in a.gaps(LATER)] == [(c.tag, 0, 0), (c.tag, 2, 2)]
    for entry in (lost, last):
        a.receive(carrier(entry), c, NOW_MS)
    assert (a.gaps(LATER), a.findings) == ([], [])


def test_a11_control_without_links_a_dropped_last_entry_is_not_missed() -> None:
    """TRN-06: the countermeasure off: nobody names what nobody links."""
    a, b, c = people("a", "b", "customer")
    b.receive(carrier(c.write(NOW_MS)), c, NOW_MS)
    bare = b.make(0, None, NOW_MS)
    a.receive(carrier(bare), b, NOW_MS)
    assert a.gaps(LATER) == []


def test_a_gap_is_given_up_after_a_week() -> None:
    """TRN-13: links go on; what was ahead of the clock counts from now on."""
    a, b, c = people("a", "b", "customer")
    first, second, third = c.write(NOW_MS), c.write(NOW_MS), c.write(NOW_MS)
    b.receive(carrier(first), c, NOW_MS)
    b.receive(carrier(second), c, NOW_MS)
    b.receive(carrier(third), c, NOW_MS)
    a.receive(carrier(b.write(NOW_MS)), b, NOW_MS)
    a.receive(carrier(second), c, NOW_MS)
    view, over = give_up(a.view, NOW_MS - 60_000)
    assert (over, {one.since_ms for one in view.chain(c.tag).intervals}) == ([], {NOW_MS - 60_000})
    view, over = give_up(a.view, NOW_MS + GIVEN_UP_AFTER_MS)
    assert [gap[:3] for gap in over] == [(c.tag, 0, 0), (c.tag, 2, 2)]
    a.view = view
    assert a.gaps(NOW_MS + 2 * GIVEN_UP_AFTER_MS) == []
    assert Link(c.tag, 1, second.hash) in a.write(NOW_MS).header.seen


def test_a_refused_entry_leaves_its_place() -> None:
    """TRN-10: what follows it is no gap, and it is linked like any other."""
    a, c = people("a", "customer")
    refused, following = c.write(NOW_MS), c.write(NOW_MS)
    a.take(refused.redacted(), NOW_MS)
    a.receive(carrier(following), c, NOW_MS)
    assert a.gaps(LATER) == []
    assert a.write(NOW_MS).header.seen == (Link(c.tag, 1, following.hash),)


# --- two hashes for one number ---


def test_a09_a_customer_that_tells_two_things() -> None:
    """TRN-09, attack 9: both see that they differ as soon as one hears of the other; nobody can be blamed."""
    a, b, c = people("a", "b", "customer")
    a.receive(carrier(c.make(0, None, NOW_MS, RoomText("ja"))), c, NOW_MS)
    b.receive(carrier(c.make(0, None, NOW_MS, RoomText("nein"))), c, NOW_MS)
    a.receive(carrier(b.write(NOW_MS)), b, NOW_MS)
    assert a.findings == [Finding(FindingKind.DIFFER, c.tag, 0, b.tag)]


def test_each_who_names_what_was_never_there_is_told_of() -> None:
    """TRN-09, TRN-28: two devices link one hash for a number, and another entry comes under it."""
    a, b, d, c = people("a", "b", "d", "customer")
    false = Link(c.tag, 0, EntryHash(bytes(32)))
    for liar in (b, d):
        first = liar.make(0, None, NOW_MS, seen=(false,))
        for entry in (first, liar.make(1, first.hash, NOW_MS, seen=(false,))):
            a.receive(carrier(entry), liar, NOW_MS)
    assert [one.by for one in a.view.chain(c.tag).claims] == [b.tag, d.tag]
    a.receive(carrier(c.write(NOW_MS)), c, NOW_MS)
    assert a.findings == [Finding(FindingKind.DIFFER, c.tag, 0, one.tag) for one in (b, d)]


def test_a10_a_company_that_tells_two_things() -> None:
    """TRN-09, attack 10: two signed entries of one number; the first stays, both are evidence."""
    a, c = people("a", "customer")
    one, other = a.make(0, None, NOW_MS, RoomText("ja")), a.make(0, None, NOW_MS, RoomText("nein"))
    assert c.take(one, NOW_MS).outcome is Outcome.TAKEN
    assert c.take(other, NOW_MS).outcome is Outcome.CONTRADICTED
    assert c.findings == [Finding(FindingKind.EQUIVOCATION, a.tag, 0, a.tag)]
    assert c.rows[a.tag, 0].hash == one.hash


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("name", ["a", "customer"])
def test_a_prev_that_names_another_entry_shows_it(name: str, order: tuple[int, int]) -> None:
    """TRN-09: signed by the company it is equivocation, of the customer they differ; in either order."""
    (b, liar) = people("b", name)
    told, hidden = liar.make(0, None, NOW_MS, RoomText("ja")), liar.make(0, None, NOW_MS, RoomText("nein"))
    following = liar.make(1, hidden.hash, NOW_MS)
    for at in order:
        b.receive(carrier((told, following)[at]), liar, NOW_MS)
    expected = FindingKind.EQUIVOCATION if liar.is_company else FindingKind.DIFFER
    assert b.findings == [Finding(expected, liar.tag, 0, liar.tag)]


def test_a_link_that_comes_first_differs_when_the_entry_comes() -> None:
    """TRN-09: and so do two links of others."""
    a, b, d, c = people("a", "b", "d", "customer")
    b.receive(carrier(c.make(0, None, NOW_MS, RoomText("ja"))), c, NOW_MS)
    d.receive(carrier(c.make(0, None, NOW_MS, RoomText("nein"))), c, NOW_MS)
    a.receive(carrier(b.write(NOW_MS)), b, NOW_MS)
    assert a.findings == []
    a.receive(carrier(d.write(NOW_MS)), d, NOW_MS)
    a.receive(carrier(c.make(0, None, NOW_MS, RoomText("ja"))), c, NOW_MS)
    differ = [Finding(FindingKind.DIFFER, c.tag, 0, d.tag)]
    assert a.findings == differ * 2


def test_a_link_to_what_is_here_says_nothing_new() -> None:
    """TRN-09"""
    a, b, c = people("a", "b", "customer")
    entry = c.write(NOW_MS)
    for one in (a, b):
        one.receive(carrier(entry), c, NOW_MS)
    a.receive(carrier(b.write(NOW_MS)), b, NOW_MS)
    assert (a.findings, a.gaps(LATER)) == ([], [])


# --- restarts ---


def test_a14_a_restored_device_goes_on_without_a_fork() -> None:
    """TRN-07, attack 14: above all that anybody has told it of its own, or at its clock."""
    a, b, c = people("a", "b", "customer")
    exchange([a.write(NOW_MS), a.write(NOW_MS)], [a, b, c], NOW_MS)
    restored = Person("a")
    assert restart_number(restored.view, NOW_MS) == NOW_MS
    told = b.write(NOW_MS)
    exchange([told], [restored, b, c], NOW_MS)
    assert restored.findings == [Finding(FindingKind.ROLLED_BACK, a.tag, 1, b.tag)]
    assert restart_number(restored.view, 0) == 2
    entry = restored.write(NOW_MS, restart=True)
    c.receive(carrier(entry), a, NOW_MS)
    assert c.findings == [Finding(FindingKind.RESTARTED, a.tag, NOW_MS, a.tag)]
    c.receive(carrier(restored.write(NOW_MS)), a, NOW_MS)
    assert c.gaps(LATER) == []
    assert [link.n for link in c.write(NOW_MS).header.seen if link.tag == a.tag] == [1, NOW_MS + 1]
    with pytest.raises(CounterExhausted):
        restart_number(restored.view, 2**53)


def test_a14_control_a_restored_device_that_counts_on_forks() -> None:
    """TRN-07: the countermeasure off: an honest device is taken for a liar."""
    a, c = people("a", "customer")
    exchange([a.write(NOW_MS), a.write(NOW_MS)], [a, c], NOW_MS)
    c.receive(carrier(Person("a").write(NOW_MS + 1)), a, NOW_MS)
    assert kinds(c) == [FindingKind.EQUIVOCATION]


def test_a_restart_hides_no_entry_that_one_of_two_has() -> None:
    """TRN-06, TRN-07: the end of the older part is linked too, also when the parts touch."""
    a, b, c = people("a", "b", "customer")
    first = c.make(0, None, NOW_MS)
    exchange([first], [a, b, c], NOW_MS)
    hidden = c.make(1, first.hash, NOW_MS)
    a.receive(carrier(hidden), c, NOW_MS)
    again = c.make(2, None, NOW_MS)
    exchange([again], [a, b, c], NOW_MS)
    b.receive(carrier(a.write(NOW_MS)), a, NOW_MS)
    assert [gap[:3] for gap in b.gaps(LATER)] == [(c.tag, 1, 1)]


def test_a_restart_that_comes_late_closes_what_came_before_it() -> None:
    """TRN-07, TRN-13: weeks late, in any order."""
    b, c = people("b", "customer")
    again = c.make(NOW_MS, None, NOW_MS)
    following = c.make(NOW_MS + 1, again.hash, NOW_MS)
    b.receive(carrier(following), c, NOW_MS)
    assert [gap[:3] for gap in b.gaps(LATER)] == [(c.tag, 0, NOW_MS - 1 + 1)]
    assert wanted(b.view) == [(c.tag, NOW_MS - 63, NOW_MS)]
    b.receive(carrier(again), c, NOW_MS)
    assert (b.gaps(LATER), kinds(b)) == ([], [FindingKind.RESTARTED])


def test_an_interval_that_begins_behind_ours_is_not_joined() -> None:
    """TRN-07: a restart directly above what is here stays a part of its own, in either order."""
    for order in ((0, 1), (1, 0)):
        b, c = people("b", "customer")
        parts = c.make(4, None, NOW_MS), c.make(5, None, NOW_MS)
        for at in order:
            b.receive(carrier(parts[at]), c, NOW_MS)
        assert [(one.first, one.last) for one in b.view.chain(c.tag).intervals] == [(4, 4), (5, 5)]


# --- limits ---


def test_a22_links_without_end() -> None:
    """TRN-28, attack 22: 120 in all, 8 about one device, an event, and no memory beyond."""
    b, c, *others = people("b", "customer", *(f"x{n}" for n in range(17)))
    n = 0
    prev = None
    for other in others:
        for _ in range(20):
            links = (Link(other.tag, n, EntryHash(n.to_bytes(32, "big"))),)
            entry = c.make(n, prev, NOW_MS, seen=links)
            b.receive(carrier(entry), c, NOW_MS)
            n, prev = n + 1, entry.hash
    claims = [claim for chain in b.view.chains.values() for claim in chain.claims]
    assert len(claims) == 120
    assert max(len(chain.claims) for chain in b.view.chains.values()) == 8
    assert FindingKind.TOO_MANY in kinds(b)
    assert b.view.chain(others[0].tag).claims[-1].n == 19
    assert [claim.n for claim in b.view.chain(others[0].tag).claims[:7]] == list(range(7))


def test_a_chain_of_holes_is_refused_at_its_limit() -> None:
    """TRN-28: and is taken when it comes again after some were filled."""
    b, c = people("b", "customer")
    for n in range(1, 513, 2):
        b.take(c.make(n, EntryHash(bytes(32)), NOW_MS), NOW_MS)
    with pytest.raises(TooMany):
        b.take(c.make(513, EntryHash(bytes(32)), NOW_MS), NOW_MS)


def test_restarts_that_were_not_linked_are_not_forgotten() -> None:
    """TRN-06, TRN-28: until they are, there is no room for another one."""
    b, c = people("b", "customer")
    for n in range(2, 514, 2):
        b.take(c.make(n, None, NOW_MS), NOW_MS)
    with pytest.raises(TooMany):
        b.take(c.make(514, None, NOW_MS), NOW_MS)


def test_restarts_without_end_keep_what_is_not_linked() -> None:
    """TRN-07, TRN-28: what was linked is forgotten, and what follows it is no gap."""
    b, c = people("b", "customer")
    for n in range(2, 514, 2):
        b.take(c.make(n, None, NOW_MS), NOW_MS)
    while len(b.write(NOW_MS).header.seen) == 15:
        pass
    last = c.make(1000, None, NOW_MS)
    b.take(last, NOW_MS)
    assert [one.first for one in b.view.chain(c.tag).intervals] == [1000]
    b.take(c.make(3, EntryHash(bytes(32)), NOW_MS), NOW_MS)
    assert b.gaps(LATER) == []


# --- hearsay ---


def test_a17_a_forged_entry_in_a_handover_is_hearsay() -> None:
    """TRN-17, attack 17: shown as forwarded; it fills no gap; the device's own entry shows the forgery."""
    a, b, c = people("a", "b", "customer")
    forged, real = c.make(0, None, NOW_MS, RoomText("ich zahle")), c.write(NOW_MS)
    taken = b.take(forged, NOW_MS, forwarded_by=a)
    assert (taken.outcome, b.view.chains) == (Outcome.HEARSAY, {})
    following = c.write(NOW_MS)
    b.receive(carrier(following), c, NOW_MS)
    assert b.take(forged, NOW_MS, forwarded_by=a).findings == [Finding(FindingKind.DIFFER, c.tag, 0, a.tag)]
    assert b.take(real, NOW_MS, forwarded_by=a).outcome is Outcome.TAKEN
    assert b.gaps(LATER) == []


def test_a17_control_whoever_takes_forwarded_entries_for_real() -> None:
    """TRN-17: the countermeasure off: the forgery stands, and the customer looks like a liar."""
    _, b, c = people("a", "b", "customer")
    forged = c.make(0, None, NOW_MS, RoomText("ich zahle"))
    b.take(forged, NOW_MS)
    b.receive(carrier(c.write(NOW_MS)), c, NOW_MS)
    assert kinds(b) == [FindingKind.DIFFER]


def test_a_forwarded_entry_of_the_company_stands_by_its_signature() -> None:
    """TRN-17: and so does what a device forwards of its own."""
    a, b, c = people("a", "b", "customer")
    assert b.take(a.write(NOW_MS), NOW_MS, forwarded_by=c).outcome is Outcome.TAKEN
    assert b.take(c.write(NOW_MS), NOW_MS, forwarded_by=c).outcome is Outcome.TAKEN


# --- joiners ---


def test_a_joiner_begins_where_an_entry_names_a_state_with_it() -> None:
    """TRN-11: nothing before is a gap, what is missing since is one."""
    a, c = people("a", "customer")
    j = Person("j", late=True)
    old = [a.write(NOW_MS) for _ in range(3)]
    naming, dropped, last = a.write(NOW_MS, state=STATE), a.write(NOW_MS), a.write(NOW_MS)
    j.take(last, NOW_MS)
    assert j.gaps(LATER) == []
    assert wanted(j.view) == [(a.tag, 4, 4)]
    j.take(naming, NOW_MS, begins=True)
    assert [gap[:3] for gap in j.gaps(LATER)] == [(a.tag, 4, 4)]
    exchange([*old, naming, last], [a, c], NOW_MS)
    j.receive(carrier(c.write(NOW_MS)), c, NOW_MS)
    j.take(dropped, NOW_MS)
    assert (j.gaps(LATER), j.findings) == ([], [])
    assert {link.n for link in j.write(NOW_MS).header.seen} == {0, 5}


def test_what_a_joiner_is_told_of_before_is_no_gap() -> None:
    """TRN-11: links to entries below the beginning, before and after it is known."""
    a, b = people("a", "b")
    j = Person("j", late=True)
    exchange([a.write(NOW_MS), a.write(NOW_MS)], [a, b], NOW_MS)
    j.receive(carrier(b.write(NOW_MS)), b, NOW_MS)
    assert wanted(j.view) == [(a.tag, 1, 1)]
    j.take(a.write(NOW_MS, state=STATE), NOW_MS, begins=True)
    assert wanted(j.view) == []
    d = Person("d")
    exchange([*a.entries.values()][:2], [a, d], NOW_MS)
    j.receive(carrier(d.write(NOW_MS)), d, NOW_MS)
    assert (wanted(j.view), j.gaps(LATER)) == ([], [])


def test_what_comes_from_before_the_beginning_is_not_counted() -> None:
    """TRN-11"""
    a = Person("a")
    j = Person("j", late=True)
    old, naming = a.write(NOW_MS), a.write(NOW_MS, state=STATE)
    j.take(naming, NOW_MS, begins=True)
    j.take(old, NOW_MS)
    assert j.view.chain(a.tag).floor == 1
    assert [link.n for link in j.write(NOW_MS).header.seen] == [1]


def test_the_beginning_of_a_chain_may_come_after_a_later_one() -> None:
    """TRN-11: the chain begins with the lowest entry that names a state with the joiner; what is missing
    between is a gap then, and a restart between follows nothing.
    """
    a, j = Person("a"), Person("j", late=True)
    a.write(NOW_MS)
    first, lost, second = a.write(NOW_MS, state=STATE), a.write(NOW_MS), a.write(NOW_MS, state=OTHER)
    j.take(second, NOW_MS, begins=True)
    assert (before_floor(j.view.chain(a.tag)), wanted(j.view)) == (2, [])
    j.take(first, NOW_MS, begins=True)
    assert [gap[:3] for gap in j.gaps(LATER)] == [(a.tag, 2, 2)]
    j.take(lost, NOW_MS)
    chain = j.view.chain(a.tag)
    assert (chain.floor, [one[:3] for one in chain.intervals]) == (1, [(1, 3, True)])
    assert (j.gaps(LATER), before_floor(chain)) == ([], 0)


def test_what_came_below_a_later_beginning_is_counted_when_the_chain_begins_below() -> None:
    """TRN-11: it is here already, and nobody can give it again."""
    a, j = Person("a"), Person("j", late=True)
    a.write(NOW_MS)
    first, middle, second = a.write(NOW_MS, state=STATE), a.write(NOW_MS), a.write(NOW_MS, state=OTHER)
    j.take(second, NOW_MS, begins=True)
    j.take(middle, NOW_MS)
    assert before_floor(j.view.chain(a.tag)) == 1
    j.take(first, NOW_MS, begins=True)
    assert [one[:3] for one in j.view.chain(a.tag).intervals] == [(1, 3, True)]


def test_a_chain_that_began_with_a_restart_begins_below_without_a_gap() -> None:
    """TRN-11: what has no `prev` follows nothing."""
    a, j = Person("a"), Person("j", late=True)
    a.write(NOW_MS)
    first, restarted = a.write(NOW_MS, state=STATE), a.write(NOW_MS + 1, restart=True)
    j.take(restarted, NOW_MS)
    j.take(first, NOW_MS, begins=True)
    assert [one.closed for one in j.view.chain(a.tag).intervals] == [True, True]
    assert j.gaps(LATER) == []


def test_of_many_parts_those_from_before_the_beginning_go_first() -> None:
    """TRN-11, TRN-28"""
    a, j = Person("a"), Person("j", late=True)
    j.take(a.make(2_000, EntryHash(bytes(32)), NOW_MS, state=STATE), NOW_MS, begins=True)
    for n in range(1, 2 * MAX_INTERVALS, 2):
        j.take(a.make(n, EntryHash(bytes(32)), NOW_MS), NOW_MS)
    assert j.gaps(LATER) == []
    assert len(j.view.chain(a.tag).intervals) <= MAX_INTERVALS


def test_who_joins_again_keeps_what_has_begun_with_the_state_that_adds_it() -> None:
    """TRN-11: the author of that state has meant it since; an entry of another that names it came ahead."""
    a, b, j = Person("a"), Person("b"), Person("j", late=True)
    adding, naming, after = a.write(NOW_MS), b.write(NOW_MS), a.write(NOW_MS)
    j.take(naming, NOW_MS, begins=True)
    j.take(adding, NOW_MS)
    j.view = j.view.rejoined([b.tag]).begun([adding], NOW_MS).begun([adding], NOW_MS)
    assert {tag: chain.floor for tag, chain in j.view.chains.items()} == {a.tag: 0, b.tag: 0}
    j.take(a.write(NOW_MS), NOW_MS)
    assert [gap[:3] for gap in j.gaps(LATER)] == [(a.tag, after.header.n, after.header.n)]
    own = j.write(NOW_MS)
    j.view = j.view.begun([own], NOW_MS)
    assert j.view.chain(j.tag).intervals[0][:2] == (0, 0)


def test_what_is_kept_from_before_is_counted_when_it_comes_again() -> None:
    """TRN-11: who is a recipient again asks for a number whose entry it has."""
    a, j = Person("a"), Person("j")
    first, kept, last = a.write(NOW_MS), a.write(NOW_MS), a.write(NOW_MS)
    j.take(first, NOW_MS)
    j.take(kept, NOW_MS)
    j.view = counted(j.view, kept, j.held, NOW_MS).rejoined()
    j.take(last, NOW_MS)
    j.view = counted(counted(j.view, kept, j.held, NOW_MS), a.write(NOW_MS), j.held, NOW_MS)
    assert [one[:3] for one in j.view.chain(a.tag).intervals] == [(1, 1, True), (2, 2, True)]
    assert wanted(j.view) == []


def test_a_recipient_again_begins_anew() -> None:
    """TRN-11: what passed while it was none is no gap, and a fork over the break still shows."""
    a = Person("a")
    j = Person("j")
    j.take(a.write(NOW_MS), NOW_MS)
    a.write(NOW_MS)
    j.view = j.view.rejoined()
    j.take(a.write(NOW_MS, state=STATE), NOW_MS, begins=True)
    assert j.gaps(LATER) == []
    j.take(a.make(0, None, NOW_MS, RoomText("anders")), NOW_MS)
    assert kinds(j) == [FindingKind.EQUIVOCATION]


# --- marks ---


def test_when_a_mark_is_due() -> None:
    """TRN-12: for the company after the last entry that nobody linked, its own too; marks do not count."""
    a, b, c = people("a", "b", "customer")
    assert mark_due_ms(a.view, 5, company=True) is None
    entry = a.write(NOW_MS)
    exchange([entry], [a, b, c], NOW_MS + 1)
    assert mark_due_ms(a.view, 300_000, company=True) == NOW_MS + 300_000
    assert mark_due_ms(b.view, 300_000, company=True) == NOW_MS + 300_001
    assert mark_due_ms(c.view, 300_000, company=False) is None
    mark = b.mark(NOW_MS + 2)
    exchange([mark], [a, b, c], NOW_MS + 2)
    assert mark.header.seen == (Link(a.tag, 0, entry.hash),)
    assert [mark_due_ms(one.view, 5, company=True) for one in (a, b)] == [None, None]
    alone = a.write(NOW_MS + 3)
    assert mark_due_ms(a.view, 5, company=True) == NOW_MS + 8
    a.write(NOW_MS + 4, Mark())
    assert mark_due_ms(a.view, 5, company=True) is None
    assert alone.header.seen == (Link(b.tag, 0, mark.hash),)


def test_a_mark_after_twenty_entries_of_others() -> None:
    """TRN-12: of the customer too."""
    a, c = people("a", "customer")
    for at in range(20):
        assert mark_due_ms(c.view, 5, company=False) is None, at
        c.receive(carrier(a.write(NOW_MS)), a, NOW_MS)
    assert mark_due_ms(c.view, 5, company=False) == 0
    c.mark(NOW_MS)
    assert mark_due_ms(c.view, 5, company=False) is None


def test_a_gap_makes_no_mark_after_another() -> None:
    """TRN-12: what lies above a gap cannot be linked; the next mark follows the next entry."""
    a, c = people("a", "customer")
    lost, kept = c.write(NOW_MS), c.write(NOW_MS)
    a.receive(carrier(kept), c, NOW_MS)
    assert mark_due_ms(a.view, 5, company=True) == NOW_MS + 5
    assert a.mark(NOW_MS + 5).header.seen == ()
    assert mark_due_ms(a.view, 5, company=True) is None
    a.receive(carrier(lost), c, NOW_MS + 60)
    assert mark_due_ms(a.view, 5, company=True) == NOW_MS + 65
    assert a.mark(NOW_MS + 65).header.seen == (Link(c.tag, 1, kept.hash),)


def test_an_older_link_leaves_what_is_newer() -> None:
    """TRN-12: and an entry that comes late does not hide a newer one."""
    a, b, c = people("a", "b", "customer")
    first, second = c.write(NOW_MS), c.write(NOW_MS)
    b.receive(carrier(first), c, NOW_MS)
    a.receive(carrier(second), c, NOW_MS)
    a.receive(carrier(first), c, NOW_MS)
    a.receive(carrier(b.mark(NOW_MS)), b, NOW_MS)
    assert a.view.unlinked == {c.tag: 1}


def test_an_entry_of_another_room_has_another_tag() -> None:
    """TRN-03: views of two rooms share nothing."""
    c = Person("customer", False)
    entry = c.write(NOW_MS)
    moved = dataclasses.replace(entry, header=dataclasses.replace(entry.header, room_id=RoomId(b"q" * 16)))
    view = transcript.take(View(c.tag), moved, lambda _tag, _n: None, NOW_MS).view
    assert c.tag not in view.chains
    assert moved.header.room_id != ROOM
