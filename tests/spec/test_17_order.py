"""Chapter 17: the order of entries, whatever the clocks say."""

from __future__ import annotations

import random

from room_people import NOW_MS, Person, exchange

from e2ee.rooms.order import MAX_LEAP_MS, keys, late, order
from e2ee.rooms.payloads import Open


def test_an_entry_comes_after_all_that_its_author_had() -> None:
    """TRN-16: an author with a clock behind is put right behind what it has read."""
    a, c = Person("a"), Person("customer", False)
    opened = c.write(NOW_MS, Open(bytes(16), b"receipt"))
    exchange([opened], [a, c], NOW_MS)
    answer = a.write(NOW_MS - 86_400_000)
    found = keys(a.headers(), opened.hash)
    assert found == {opened.hash: NOW_MS, answer.hash: NOW_MS + 1}
    assert order(a.headers(), opened.hash) == [opened.hash, answer.hash]


def test_a22_a_clock_far_ahead() -> None:
    """TRN-16, attack 22: 30 days ahead is taken, beyond it counts as directly behind; time is not stopped."""
    a, c = Person("a"), Person("customer", False)
    opened = c.write(NOW_MS, Open(bytes(16), b"receipt"))
    edge = c.write(NOW_MS + MAX_LEAP_MS)
    beyond = c.write(NOW_MS + 2 * MAX_LEAP_MS + 1)
    exchange([opened, edge, beyond], [a, c], NOW_MS)
    answer = a.write(NOW_MS + 5)
    found = keys(a.headers(), opened.hash)
    top = NOW_MS + MAX_LEAP_MS
    assert [found[one.hash] for one in (opened, edge, beyond, answer)] == [NOW_MS, top, top + 1, top + 2]


def test_a22_control_without_the_limit_one_entry_is_last_for_ever() -> None:
    """TRN-16: the countermeasure off: by `sent_ms` alone an answer stands above its question."""
    a, c = Person("a"), Person("customer", False)
    question = c.write(NOW_MS + 365 * 86_400_000)
    exchange([question], [a, c], NOW_MS)
    answer = a.write(NOW_MS)
    assert answer.header.sent_ms < question.header.sent_ms
    assert order(a.headers(), None)[-1] == answer.hash


def test_an_entry_that_names_nothing_here_follows_the_root() -> None:
    """TRN-16: for a joiner; and without a root it stands by its time, up to the limit from zero."""
    a, c = Person("a"), Person("customer", False)
    opened = c.write(NOW_MS, Open(bytes(16), b"receipt"))
    alone = a.write(NOW_MS - 5)
    headers = {**c.headers(), **a.headers()}
    assert keys(headers, opened.hash)[alone.hash] == NOW_MS + 1
    assert keys(a.headers(), opened.hash)[alone.hash] == 1
    assert keys({}, None) == {}


def test_what_sorts_above_what_was_shown_is_late() -> None:
    """TRN-27: what comes at the end is not."""
    c = Person("customer", False)
    one, two, three, four = (c.write(NOW_MS + at).hash for at in range(4))
    shown = order({key: header for key, header in c.headers().items() if key in (one, three)}, one)
    assert late(shown, order(c.headers(), one)) == [two]
    assert late([], [one, two]) == []
    assert late([one, two], [one, two, three, four]) == []


def test_equal_keys_are_ordered_by_hash() -> None:
    """TRN-16"""
    people = [Person(f"a{at}") for at in range(5)]
    entries = [one.write(NOW_MS) for one in people]
    headers = {one.hash: one.header for one in entries}
    assert order(headers, None) == sorted(headers)


def test_a_chain_of_thousands_needs_no_stack() -> None:
    """TRN-16, WIRE-03: from the newest entry down, in any order of the entries."""
    c = Person("customer", False)
    made = [c.write(NOW_MS + at) for at in range(3000)]
    shuffled = list(c.headers().items())
    random.Random(1).shuffle(shuffled)
    assert order(dict(shuffled), made[0].hash) == [one.hash for one in made]
    backwards = dict(reversed(c.headers().items()))
    assert order(backwards, made[0].hash) == [one.hash for one in made]
