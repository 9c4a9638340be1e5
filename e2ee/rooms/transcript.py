"""What one device knows of the chains of a room: gaps, contradictions, links (TRN-06 to TRN-13, TRN-28).

Entries themselves are kept by whoever uses this, and looked up through `Held`. What is known of the numbers
of one device is a `Chain`. Only closed intervals are linked, an open one is a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from e2ee.errors import CounterExhausted
from e2ee.wire.fields import MAX_MS

from .chain import (
    GIVEN_UP_AFTER_MS,
    MAX_CLAIMS_ABOUT,
    Chain,
    Claim,
    Gap,
    Interval,
    answered,
    given_up,
    lowered,
    missing,
    placed,
    with_claim,
)
from .entry import MAX_SEEN, DeviceTag, Entry, EntryHash, Link, device_tag
from .kinds import Kind

GAP_AFTER_MS: Final = 60_000
MAX_CLAIMS_BY: Final = MAX_CLAIMS_ABOUT * MAX_SEEN
MAX_WANTED: Final = 64
MARK_AFTER: Final = 20
MARK_DELAYS_MS: Final = (5 * 60_000, 15 * 60_000)


class Held(NamedTuple):
    """What is kept of an entry that is here; of one that was refused, this alone (TRN-10)."""

    hash: EntryHash
    prev: EntryHash | None
    signed: bool


Lookup: TypeAlias = Callable[[DeviceTag, int], Held | None]
"""The entry of a device under a number, if it is here."""


@dataclass(frozen=True, slots=True)
class View:
    """What a device knows of a room's transcript. `late` says that it joined after the room was opened.

    `unlinked` has the newest entry of each device that no later entry names, `since_ms` when the last such
    entry came, `unsaid` how many entries of others came since our own last one (TRN-12).
    """

    us: DeviceTag
    late: bool = False
    chains: Mapping[DeviceTag, Chain] = field(default_factory=dict)
    unlinked: Mapping[DeviceTag, int] = field(default_factory=dict)
    since_ms: int = 0
    unsaid: int = 0

    def chain(self, tag: DeviceTag) -> Chain:
        """Return the chain of a device."""
        return self.chains.get(tag) or Chain(None if self.late else 0)

    def rejoined(self, kept: Iterable[DeviceTag] = ()) -> View:
        """Return the view of a device that is a recipient again: the chains of others begin anew, but those
        that have begun with what it is a recipient by (TRN-11).
        """
        known = {self.us, *kept}
        return View(self.us, late=True, chains={tag: one for tag, one in self.chains.items() if tag in known})

    def begun(self, states: Iterable[Entry], now_ms: int) -> View:
        """Return the view in which the chains of those who made us a recipient begin with their states
        (TRN-11).

        Raises:
            TooMany: the numbers of a device have too many holes.
        """
        chains = dict(self.chains)
        for entry in states:
            tag = device_tag(entry.header.room_id, entry.author.device_id)
            if tag != self.us:
                chain = chains.get(tag) or Chain(None)
                if not any(one.first <= entry.header.n <= one.last for one in chain.intervals):
                    chains[tag] = placed(chain, entry, now_ms, opens=True, follows=False)
        return replace(self, late=True, chains=chains)


class FindingKind(Enum):
    """What entries show about their devices."""

    DIFFER = "differ"
    """Two hashes for one number, one of them by hearsay."""
    EQUIVOCATION = "equivocation"
    """Two that the company's device itself signed."""
    RESTARTED = "restarted"
    """A chain goes on without the entry before."""
    ROLLED_BACK = "rolled_back"
    """Somebody has an entry of ours that we do not know."""
    TOO_MANY = "too_many"
    """A device names more entries that are not here than are kept."""


class Finding(NamedTuple):
    """A finding about the entry of a device under a number, by the entry of which device it showed."""

    kind: FindingKind
    tag: DeviceTag
    n: int
    by: DeviceTag


class Outcome(Enum):
    """What became of an entry."""

    TAKEN = "taken"
    KNOWN = "known"
    CONTRADICTED = "contradicted"
    """Another entry stands under the number."""
    HEARSAY = "hearsay"
    """A customer's entry by another's word: shown as forwarded until a hash of its device covers it."""


class Taken(NamedTuple):
    """A view after an entry, and what it shows."""

    view: View
    outcome: Outcome
    findings: list[Finding]


# --- an entry comes ---


def take(
    view: View,
    entry: Entry,
    held: Lookup,
    now_ms: int,
    *,
    forwarded_by: DeviceTag | None = None,
    begins: bool = False,
    history: bool = False,
) -> Taken:
    """Take in an entry: one of ours, one that came from its device, or one that another has forwarded.

    `begins` says that its header names a state with us, so that its chain begins here for a joiner (TRN-11),
    `history` that it was handed over, which begins none. One that contradicts counts among the states if
    it is one (TRN-09).

    Raises:
        TooMany: the numbers of its device have too many holes; it can be asked for again.
    """
    tag = device_tag(entry.header.room_id, entry.author.device_id)
    n, by = entry.header.n, forwarded_by or tag
    known = held(tag, n)
    if known is not None:
        if known.hash == entry.hash:
            return Taken(view, Outcome.KNOWN, [])
        signed = known.signed and entry.signature is not None
        kind = FindingKind.EQUIVOCATION if signed else FindingKind.DIFFER
        after = replace(view, chains={**view.chains, tag: answered(view.chain(tag), entry)})
        return Taken(after, Outcome.CONTRADICTED, [Finding(kind, tag, n, by)])
    by_hearsay = forwarded_by not in (None, tag) and entry.signature is None
    if by_hearsay and not _is_covered(entry, tag, held):
        return Taken(view, Outcome.HEARSAY, _contradictions(view.chain(tag), entry, tag, held, by))
    findings = _contradictions(view.chain(tag), entry, tag, held, by)
    if entry.header.restarts:
        findings.append(Finding(FindingKind.RESTARTED, tag, n, tag))
    opens = begins or (entry.header.prev is None and not history)
    follows = held(tag, n - 1) is not None
    chain = answered(view.chain(tag), entry)
    if begins:
        chain = _begun(chain, tag, n, held)
    chain = placed(chain, entry, now_ms, opens=opens, follows=follows)
    after = replace(view, chains={**view.chains, tag: chain})
    after = _with_links(after, entry, tag, held, now_ms, findings)
    return Taken(_noted(after, entry, tag, held, now_ms), Outcome.TAKEN, findings)


def counted(view: View, entry: Entry, held: Lookup, now_ms: int) -> View:
    """Count an entry that is kept, and stands in no chain since we joined again (TRN-11).

    Raises:
        TooMany: the numbers of its device have too many holes.
    """
    tag, n = device_tag(entry.header.room_id, entry.author.device_id), entry.header.n
    chain, known = view.chain(tag), held(tag, n)
    is_counted = any(one.first <= n <= one.last for one in chain.intervals)
    if is_counted or known is None or known.hash != entry.hash:
        return view
    follows = held(tag, n - 1) is not None
    after = placed(answered(chain, entry), entry, now_ms, opens=False, follows=follows)
    return replace(view, chains={**view.chains, tag: after})


def _begun(chain: Chain, tag: DeviceTag, n: int, held: Lookup) -> Chain:
    """Let a chain begin where it begins now, if that is earlier than what was here first (TRN-11)."""
    if chain.floor is None or n >= chain.floor:
        return chain
    first = held(tag, chain.floor)
    return lowered(chain, n, starts=first is not None and first.prev is None)


def _is_covered(entry: Entry, tag: DeviceTag, held: Lookup) -> bool:
    """Whether the next entry of the same device, which is here, names this one as the one before."""
    following = held(tag, entry.header.n + 1)
    return following is not None and following.prev == entry.hash


def _contradictions(chain: Chain, entry: Entry, tag: DeviceTag, held: Lookup, by: DeviceTag) -> list[Finding]:
    """Compare an entry with what is known of its number, and of those beside it, from others (TRN-09)."""
    n, prev = entry.header.n, entry.header.prev
    findings = [
        Finding(FindingKind.DIFFER, tag, n, claim.by)
        for claim in chain.claims
        if claim.n == n and claim.hash != entry.hash
    ]
    before, following = held(tag, n - 1), held(tag, n + 1)
    if before is not None and prev is not None and before.hash != prev:
        findings.append(Finding(_parted(before, entry), tag, n - 1, by))
    if following is not None and following.prev not in (None, entry.hash):
        findings.append(Finding(_parted(following, entry), tag, n, by))
    return findings


def _parted(other: Held, entry: Entry) -> FindingKind:
    """A device that signed both an entry, and a later one that names another in its place, equivocates."""
    signed = other.signed and entry.signature is not None
    return FindingKind.EQUIVOCATION if signed else FindingKind.DIFFER


def _with_links(
    view: View, entry: Entry, by: DeviceTag, held: Lookup, now_ms: int, findings: list[Finding]
) -> View:
    """Compare the links of an entry with what is here, and keep those that name what is not (TRN-08)."""
    chains = dict(view.chains)
    for link in entry.header.seen:
        known = held(link.tag, link.n)
        if known is not None and known.hash == link.hash:
            continue
        chain = chains.get(link.tag) or view.chain(link.tag)
        told = {one.hash for one in chain.claims if one.n == link.n} | ({known.hash} if known else set())
        if told - {link.hash}:
            findings.append(Finding(FindingKind.DIFFER, link.tag, link.n, by))
        below = chain.floor is not None and link.n < chain.floor
        if below or any(one[:3] == (link.n, link.hash, by) for one in chain.claims):
            continue
        if link.tag == view.us:
            findings.append(Finding(FindingKind.ROLLED_BACK, link.tag, link.n, by))
        if _claims_too_much(chains, chain, by):
            findings.append(Finding(FindingKind.TOO_MANY, link.tag, link.n, by))
            continue
        claims = with_claim(chain.claims, Claim(link.n, link.hash, by, now_ms))
        chains[link.tag] = replace(chain, claims=claims)
    return replace(view, chains=chains)


def _claims_too_much(chains: Mapping[DeviceTag, Chain], about: Chain, by: DeviceTag) -> bool:
    """Whether no claim of a device is dropped for a further one, and all that it may have are there."""
    if sum(one.by == by for one in about.claims) >= MAX_CLAIMS_ABOUT:
        return False
    return sum(one.by == by for chain in chains.values() for one in chain.claims) >= MAX_CLAIMS_BY


def _noted(view: View, entry: Entry, tag: DeviceTag, held: Lookup, now_ms: int) -> View:
    """Note which entries somebody has linked, for marks (TRN-12); a link to what is not here covers none."""
    unlinked = dict(view.unlinked)
    for link in entry.header.seen:
        known = held(link.tag, link.n)
        if known is not None and known.hash == link.hash and unlinked.get(link.tag, -1) <= link.n:
            unlinked.pop(link.tag, None)
    is_mark = entry.header.kind == Kind.MARK
    if not is_mark:
        unlinked[tag] = max(entry.header.n, unlinked.get(tag, -1))
    elif tag == view.us:
        # All that can be said is said; what still lies above a gap makes no second mark.
        unlinked.clear()
    unsaid = 0 if tag == view.us else view.unsaid + (not is_mark)
    return replace(view, unlinked=unlinked, since_ms=view.since_ms if is_mark else now_ms, unsaid=unsaid)


def mark_due_ms(view: View, delay_ms: int, *, company: bool) -> int | None:
    """Return when we write a mark, unless an entry of ours goes first; None for never (TRN-12).

    `delay_ms` is drawn anew for each, from 5 to 15 minutes. 0 is at once.
    """
    if view.unsaid >= MARK_AFTER:
        return 0
    return view.since_ms + delay_ms if company and view.unlinked else None


# --- what is missing ---


def gaps(view: View, now_ms: int, after_ms: int = GAP_AFTER_MS) -> list[Gap]:
    """Return what has been missing for a minute, of devices of which it is known from where on (TRN-13)."""
    found = [
        gap for tag, chain in view.chains.items() if chain.floor is not None for gap in missing(tag, chain)
    ]
    return [gap for gap in found if now_ms - gap.since_ms >= after_ms]


def wanted(view: View) -> list[tuple[DeviceTag, int, int]]:
    """Return what to ask for: the numbers below each open interval, and each that somebody names (TRN-14)."""
    found = [gap[:3] for tag, chain in view.chains.items() for gap in missing(tag, chain)]
    return [(tag, max(first, last - MAX_WANTED + 1), last) for tag, first, last in sorted(found)[:MAX_WANTED]]


def give_up(view: View, now_ms: int) -> tuple[View, list[Gap]]:
    """Count as here what has been missing for seven days, and return it, to be marked (TRN-13)."""
    over = gaps(view, now_ms, GIVEN_UP_AFTER_MS)
    chains = {tag: given_up(chain, now_ms) for tag, chain in view.chains.items()}
    kept = {tag: chain for tag, chain in chains.items() if chain.intervals or chain.claims}
    return replace(view, chains=kept), over


# --- what we write ---


def links(view: View, held: Lookup) -> tuple[tuple[Link, ...], View]:
    """Return the links for our next entry, and the view in which they have been said (TRN-06)."""
    found: list[Link] = []
    chains = dict(view.chains)
    for tag in sorted(view.chains):
        intervals: list[Interval] = []
        for one in view.chains[tag].intervals:
            is_due = one.closed and one.said < one.last and one.last >= (view.chains[tag].floor or 0)
            entry = held(tag, one.last) if is_due and tag != view.us else None
            if entry is not None and len(found) < MAX_SEEN:
                found.append(Link(tag, one.last, entry.hash))
                one = one._replace(said=one.last)
            intervals.append(one)
        chains[tag] = replace(chains[tag], intervals=tuple(intervals))
    return tuple(found), replace(view, chains=chains)


def next_place(view: View, held: Lookup) -> tuple[int, EntryHash | None]:
    """Return number and predecessor of our next entry (TRN-05)."""
    last = max((one.last for one in view.chain(view.us).intervals), default=-1)
    before = held(view.us, last)
    return last + 1, None if before is None else before.hash


def restart_number(view: View, now_ms: int) -> int:
    """Return the number with which our chain goes on, without predecessor, after a loss (TRN-07).

    Raises:
        CounterExhausted: none is left.
    """
    n = max(view.chain(view.us).highest + 1, now_ms, 1)
    if n > MAX_MS:
        raise CounterExhausted("no number is left for this device")
    return n
