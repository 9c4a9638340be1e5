"""The chain of one device in a room: numbers that are here, and links of others to those that are not.

A chain is the set of numbers that are here, as intervals. An interval is *closed* when nothing below it is
missing: it begins where its device began or restarted, or where we joined (TRN-09 to TRN-13, TRN-28).

    [0..41]  [43..50]      42 is missing: a gap; linked is 41
    [0..41]  |1795..1801]  a restart: both are closed, both are linked
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from e2ee.errors import TooMany

from .entry import DeviceTag, Entry, EntryHash

GIVEN_UP_AFTER_MS: Final = 7 * 86_400_000
MAX_INTERVALS: Final = 256
MAX_CLAIMS_ABOUT: Final = 8
CLAIMED_BELOW: Final = 2**52


class Interval(NamedTuple):
    """Numbers that are all here. `said` is the newest that a link of ours has named, -1 for none."""

    first: int
    last: int
    closed: bool
    said: int
    since_ms: int


class Claim(NamedTuple):
    """A link of another device to an entry that is not here."""

    n: int
    hash: EntryHash
    by: DeviceTag
    since_ms: int


@dataclass(frozen=True, slots=True)
class Chain:
    """The numbers of one device. `floor` is the number from which on we are meant, None until it is known."""

    floor: int | None
    intervals: tuple[Interval, ...] = ()
    claims: tuple[Claim, ...] = ()

    @property
    def highest(self) -> int:
        """The highest number that is here, or claimed below 2^52; -1 for none (TRN-07)."""
        claimed = [one.n for one in self.claims if one.n < CLAIMED_BELOW]
        return max([*(one.last for one in self.intervals), *claimed], default=-1)


class Gap(NamedTuple):
    """Numbers of a device of which at least the last is missing."""

    tag: DeviceTag
    first: int
    last: int
    since_ms: int


def answered(chain: Chain, entry: Entry) -> Chain:
    """Forget what claimed an entry that has come."""
    claim = entry.header.n, entry.hash
    return replace(chain, claims=tuple(one for one in chain.claims if one[:2] != claim))


def placed(chain: Chain, entry: Entry, now_ms: int, *, opens: bool, follows: bool) -> Chain:
    """Put the number of an entry into the intervals of its chain, which `opens` for a joiner.

    `follows` says that the entry before is kept, though perhaps its interval no longer is.

    Raises:
        TooMany: too many intervals are left.
    """
    n, starts = entry.header.n, entry.header.prev is None
    floor = n if chain.floor is None and opens else chain.floor
    left = None if starts else next((one for one in chain.intervals if one.last == n - 1), None)
    right = next((one for one in chain.intervals if one.first == n + 1 and not one.closed), None)
    closed = starts or floor == n or (follows if left is None else left.closed)
    grown = Interval(
        n if left is None else left.first,
        n if right is None else right.last,
        closed,
        max(-1 if left is None else left.said, -1 if right is None else right.said),
        now_ms if left is None else left.since_ms,
    )
    others = [one for one in chain.intervals if one is not left and one is not right]
    # What is below the floor was not meant for us.
    kept = [one for one in (*others, grown) if floor is None or one.last >= floor]
    intervals = _without_oldest_said(sorted(kept))
    claims = tuple(one for one in chain.claims if floor is None or one.n >= floor)
    return Chain(floor, intervals, claims)


def _without_oldest_said(intervals: list[Interval]) -> tuple[Interval, ...]:
    """Forget intervals that are closed and linked, but the newest one.

    Raises:
        TooMany: too many are left.
    """
    if len(intervals) > MAX_INTERVALS:
        intervals = [one for one in intervals[:-1] if not one.closed or one.said < one.last] + intervals[-1:]
    if len(intervals) > MAX_INTERVALS:
        raise TooMany("the numbers of a device have too many holes")
    return tuple(intervals)


def with_claim(claims: tuple[Claim, ...], new: Claim) -> tuple[Claim, ...]:
    """Of many claims of one device about another the oldest and the newest stay: its hash covers the rest."""
    same = [one for one in claims if one.by == new.by]
    dropped = same[-1] if len(same) >= MAX_CLAIMS_ABOUT else None
    return (*(one for one in claims if one is not dropped), new)


def missing(tag: DeviceTag, chain: Chain) -> list[Gap]:
    """The gaps of a chain, ascending: each ends with a number that something names."""
    since: dict[int, int] = {}
    open_ones = [(one.first - 1, one.since_ms) for one in chain.intervals if not one.closed]
    for n, since_ms in (*open_ones, *((one.n, one.since_ms) for one in chain.claims)):
        since[n] = min(since_ms, since.get(n, since_ms))
    found: list[Gap] = []
    below = -1
    for n in sorted(since):
        found.append(Gap(tag, max(_last_below(chain, n), below) + 1, n, since[n]))
        below = n
    return found


def _last_below(chain: Chain, n: int) -> int:
    """The newest number below n that is here, or the one before those that are meant for us; below one that
    is here, but as another entry, nothing is missing.
    """
    if any(one.first <= n <= one.last for one in chain.intervals):
        return n - 1
    floor = n if chain.floor is None else min(chain.floor, n)
    return max((one.last for one in chain.intervals if one.last < n), default=floor - 1)


def given_up(chain: Chain, now_ms: int) -> Chain:
    """Close what has been open for seven days, and forget claims as old.

    A time ahead of the clock counts as now.
    """
    before_ms = now_ms - GIVEN_UP_AFTER_MS
    intervals = tuple(
        one._replace(closed=one.closed or one.since_ms <= before_ms, since_ms=min(one.since_ms, now_ms))
        for one in chain.intervals
    )
    claims = [one._replace(since_ms=min(one.since_ms, now_ms)) for one in chain.claims]
    return Chain(chain.floor, intervals, tuple(one for one in claims if one.since_ms > before_ms))
