"""Chains of device lists against a model (ID-05 to ID-11)."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parties import DAY_MS, NOW_MS, Party

from e2ee import identity
from e2ee.constants import CLOCK_TOLERANCE_MS, LIST_TTL_MS, PREKEY_LIFE_MS, RELAY_RETENTION_MS
from e2ee.errors import ListExpired, ListFork, ListGap, ListRollback, RemoteError
from e2ee.identity import DeviceList, ListHead

LENGTH = 6
FORKS_AT = 3


ALICE = Party.make("alice of the chain")


def grown(start: tuple[DeviceList, ...], salt_ms: int) -> tuple[DeviceList, ...]:
    """Continue a history to its full length; the salt makes it differ from the other one."""
    lists = list(start)
    while len(lists) < LENGTH:
        previous = lists[-1] if lists else None
        issued_ms = NOW_MS + len(lists) * DAY_MS + salt_ms
        unsigned = identity.next_list(ALICE.account_id, previous, [ALICE.device.record], None, issued_ms)
        lists.append(identity.sign_list(ALICE.account_key, unsigned))
    return tuple(lists)


TRUE = grown((), 0)
FORKED = grown(TRUE[: FORKS_AT - 1], 1)
BRANCHES = (TRUE, FORKED)
# A list by branch and seq; the two histories share those before the fork.
PLACES = st.tuples(st.integers(0, 1), st.integers(1, LENGTH))


def at(place: tuple[int, int]) -> DeviceList:
    """The list at a place."""
    return BRANCHES[place[0]][place[1] - 1]


def on_one_branch(one: DeviceList, other: DeviceList) -> bool:
    """Whether both stand in one history."""
    return any(one in branch and other in branch for branch in BRANCHES)


def expected_chain(pinned: ListHead | None, links: list[DeviceList]) -> type[RemoteError] | None:
    """ID-07 in the words of the chapter: what is wrong first, or None."""
    for previous, following in itertools.pairwise(links):
        if (wrong := expected_link(previous.head, following)) is not None:
            return wrong
    if pinned is None:
        return None
    if links[-1].seq < pinned.seq:
        return ListRollback
    if any(link.seq == pinned.seq and link.hash != pinned.hash for link in links):
        return ListFork
    newer = [link for link in links if link.seq > pinned.seq]
    return expected_link(pinned, newer[0]) if newer else None


def expected_link(head: ListHead, following: DeviceList) -> type[RemoteError] | None:
    """What is wrong with a direct successor."""
    if following.seq < head.seq:
        return ListRollback
    if following.seq == head.seq:
        return None if following.hash == head.hash else ListFork
    if following.seq > head.seq + 1:
        return ListGap
    return None if following.prev_hash == head.hash else ListFork


def outcome(pinned: ListHead | None, links: list[DeviceList], now_ms: int) -> type[RemoteError] | None:
    """What verifying a chain ends with; the newest list where it is accepted."""
    try:
        newest = identity.verify_chain(ALICE.account_id, pinned, [link.signed for link in links], now_ms)
    except RemoteError as error:
        return type(error)
    assert newest == links[-1]
    return None


@given(st.none() | PLACES, st.lists(PLACES, min_size=1, max_size=4))
def test_a_chain_is_accepted_exactly_as_the_chapter_says(
    pin: tuple[int, int] | None, places: list[tuple[int, int]]
) -> None:
    """ID-07."""
    pinned, links = None if pin is None else at(pin).head, [at(place) for place in places]
    assert outcome(pinned, links, NOW_MS + LENGTH * DAY_MS) is expected_chain(pinned, links)


@given(st.integers(1, LENGTH), st.integers(1, LENGTH), st.booleans())
def test_an_honest_stretch_of_links_is_accepted_from_every_head(pin: int, last: int, forked: bool) -> None:
    """ID-07: from the head itself or before it, up to the newest; and no head of the other history takes
    it.
    """
    lists = BRANCHES[forked]
    pin, last = min(pin, last), max(pin, last)
    now_ms = NOW_MS + LENGTH * DAY_MS
    for first in range(1, pin + 2):
        stretch = list(lists[first - 1 : last])
        if stretch:
            assert outcome(lists[pin - 1].head, stretch, now_ms) is None
    other = BRANCHES[not forked][pin - 1]
    if pin >= FORKS_AT and last > pin:
        assert outcome(other.head, list(lists[pin - 1 : last]), now_ms) is ListFork
        assert outcome(other.head, list(lists[pin:last]), now_ms) is ListFork


@given(st.none() | PLACES, PLACES)
def test_a_first_flight_may_be_ahead_or_behind_but_not_beside(
    pin: tuple[int, int] | None, place: tuple[int, int]
) -> None:
    """ID-11: the newer of the two lists is in force."""
    pinned, offered = None if pin is None else at(pin), at(place)
    record, now_ms = ALICE.device.record, TRUE[-1].issued_ms
    near = pinned is not None and 0 <= offered.seq - pinned.seq <= 1
    if pinned is not None and near and expected_link(pinned.head, offered) is ListFork:
        with pytest.raises(ListFork):
            identity.check_flight_identity(record, offered.signed, pinned, now_ms)
        return
    found = identity.check_flight_identity(record, offered.signed, pinned, now_ms)
    assert found == (offered if pinned is None or offered.seq > pinned.seq else pinned)
    if pinned is not None and near:
        assert on_one_branch(pinned, offered)


@given(st.integers(1, LENGTH), st.integers(-3 * DAY_MS, 90 * DAY_MS))
def test_a_list_lives_from_its_issue_to_its_end_and_in_a_flight_a_while_longer(seq: int, age_ms: int) -> None:
    """ID-08, ID-10: to the millisecond."""
    newest = TRUE[seq - 1]
    now_ms = newest.issued_ms + age_ms
    in_time = -CLOCK_TOLERANCE_MS <= age_ms <= LIST_TTL_MS
    assert outcome(None, [newest], now_ms) is (None if in_time else ListExpired)
    grace_ms = PREKEY_LIFE_MS + RELAY_RETENTION_MS + CLOCK_TOLERANCE_MS
    taken = -CLOCK_TOLERANCE_MS <= age_ms <= LIST_TTL_MS + grace_ms
    record = ALICE.device.record
    try:
        identity.check_flight_identity(record, newest.signed, None, now_ms)
    except ListExpired:
        assert not taken
        return
    assert taken
