"""The chain of one device in a room: numbers that are here, and links of others to those that are not.

A chain is the set of numbers that are here, as intervals. An interval is *closed* when nothing below it is
missing: it begins where its device began or restarted, or where we joined (TRN-09 to TRN-13, TRN-28).

    [0..41]  [43..50]      42 is missing: a gap; linked is 41
    [0..41]  |1795..1801]  a restart: both are closed, both are linked
"""

from __future__ import annotations

from collections.abc import Iterable
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
    is_beside = any(one.last == n - 1 for one in chain.intervals)
    closed = starts or floor == n or (follows and not is_beside)
    intervals = _joined([*chain.intervals, Interval(n, n, closed, -1, now_ms)])
    claims = tuple(one for one in chain.claims if floor is None or one.n >= floor)
    return Chain(floor, _without_oldest_said(intervals, floor), claims)


def lowered(chain: Chain, n: int, *, starts: bool) -> Chain:
    """Begin a chain at an earlier number: what its beginning was follows something, unless it `starts` anew
    (TRN-11).
    """
    intervals = [
        one._replace(closed=one.closed and (starts or one.first != chain.floor)) for one in chain.intervals
    ]
    return Chain(n, tuple(_joined(intervals)), chain.claims)


def _joined(intervals: Iterable[Interval]) -> list[Interval]:
    """Sort intervals, and join each that is open with the one that ends before it."""
    found: list[Interval] = []
    for one in sorted(intervals):
        before = found[-1] if found else None
        if before is not None and not one.closed and before.last + 1 == one.first:
            found[-1] = before._replace(last=one.last, said=max(before.said, one.said))
        else:
            found.append(one)
    return found


def _without_oldest_said(intervals: list[Interval], floor: int | None) -> tuple[Interval, ...]:
    """Forget intervals that were not meant for us, or are closed and linked, but the newest one.

    Raises:
        TooMany: too many are left.
    """
    if len(intervals) > MAX_INTERVALS:
        intervals = [
            *(one for one in intervals[:-1] if not _is_done(one, floor)),
            intervals[-1],
        ]
    if len(intervals) > MAX_INTERVALS:
        raise TooMany("the numbers of a device have too many holes")
    return tuple(intervals)


def _is_done(one: Interval, floor: int | None) -> bool:
    return (one.closed and one.said >= one.last) or (floor is not None and one.last < floor)


def with_claim(claims: tuple[Claim, ...], new: Claim) -> tuple[Claim, ...]:
    """Of many claims of one device about another the oldest and the newest stay: its hash covers the rest."""
    same = [one for one in claims if one.by == new.by]
    dropped = same[-1] if len(same) >= MAX_CLAIMS_ABOUT else None
    return (*(one for one in claims if one is not dropped), new)


def missing(tag: DeviceTag, chain: Chain) -> list[Gap]:
    """The gaps of a chain, ascending: each ends with a number that something names."""
    since: dict[int, int] = {}
    floor = -1 if chain.floor is None else chain.floor
    open_ones = [
        (one.first - 1, one.since_ms) for one in chain.intervals if not one.closed and one.first > floor
    ]
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
    below = [one.last for one in chain.intervals if one.last < n]
    if chain.floor is None:
        return max(below, default=n - 1)
    return max([*below, min(chain.floor, n) - 1])


def before_floor(chain: Chain) -> int:
    """The newest number that is not here below those that are meant for us; -1 for none."""
    n = -1 if chain.floor is None else chain.floor - 1
    for one in reversed(chain.intervals):
        if one.last == n:
            n = one.first - 1
    return n


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
