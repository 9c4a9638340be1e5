"""The order of a transcript's entries: by (k, hash), the same for all who have the same entries (TRN-16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from .entry import EntryHash

MAX_LEAP_MS: Final = 30 * 86_400_000


class Named(Protocol):
    """What names an entry, as a link does."""

    @property
    def hash(self) -> EntryHash:
        """The entry that is named."""
        ...


class Placed(Protocol):
    """What of an entry gives its place, as its header has it."""

    @property
    def sent_ms(self) -> int:
        """When it was written, by its author's clock."""
        ...

    @property
    def prev(self) -> EntryHash | None:
        """The entry before in its chain."""
        ...

    @property
    def seen(self) -> Sequence[Named]:
        """The entries of others that it links."""
        ...


def keys(entries: Mapping[EntryHash, Placed], root: EntryHash | None) -> dict[EntryHash, int]:
    """Return k of each entry.

    k is `sent_ms` where that is above the k of all entries that this one names, by at most 30 days; else it
    is one more than theirs. `root` is the entry that nothing precedes: the room's `open`, or the first
    state of a notes room; an entry that names none which is here follows it.
    """
    found: dict[EntryHash, int] = {}
    base_ms = entries[root].sent_ms if root is not None and root in entries else 0
    waiting = list(entries)
    while waiting:
        at = waiting[-1]
        named = [one for one in named_by(entries[at]) if one in entries]
        # A hash names only what was written before, so this ends.
        missing = [one for one in named if one not in found]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        if at not in found:
            found[at] = (
                base_ms
                if at == root
                else key_after(entries[at], max(map(found.__getitem__, named), default=base_ms))
            )
    return found


def order(entries: Mapping[EntryHash, Placed], root: EntryHash | None) -> list[EntryHash]:
    """Return the entries in the order in which they are shown."""
    found = keys(entries, root)
    return sorted(entries, key=lambda one: (found[one], one))


def late(shown: Sequence[EntryHash], now: Sequence[EntryHash]) -> list[EntryHash]:
    """Return the entries of the order now that are new and stand above one that was shown (TRN-27)."""
    known = set(shown)
    last = max((place for place, one in enumerate(now) if one in known), default=-1)
    return [one for one in now[: last + 1] if one not in known]


def named_by(header: Placed) -> list[EntryHash]:
    """Return the entries that an entry names: those that it comes after."""
    links = [link.hash for link in header.seen]
    return links if header.prev is None else [header.prev, *links]


def key_after(header: Placed, before_ms: int) -> int:
    """Return k of an entry that comes after others, of which the largest k is `before_ms` (TRN-16)."""
    return header.sent_ms if before_ms < header.sent_ms <= before_ms + MAX_LEAP_MS else before_ms + 1
