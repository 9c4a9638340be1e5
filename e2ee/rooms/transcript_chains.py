"""Entries of a transcript file and what they name: chains, witnesses, what is missing, the order (EXP-09 to
EXP-12).

An entry is kept without its bytes, so that a file of the greatest length needs some 100 MB.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from e2ee.errors import TooMany
from e2ee.ids import DeviceId

from .entry import Author, DeviceTag, Entry, EntryHash
from .order import keys
from .transcript_report import Fault, Missing, Note, Verdict

MAX_ENTRIES: Final = 131_072
MAX_ABSENT: Final = 65_536
MAX_DEVICES: Final = 1_024


@dataclass(slots=True, eq=False)
class Node:
    """An entry that is in the file, or that another one names; `line` is 0 for one that is not here.

    `witnesses` has a bit for each device of the company that names it in a signed entry.
    """

    hash: EntryHash
    tag: DeviceTag
    n: int
    line: int = 0
    device: int = 0
    is_company: bool = False
    kind: int = 0
    sent_ms: int = 0
    prev: EntryHash | None = None
    seen: tuple[Node, ...] = ()
    verdict: Verdict = Verdict.CLAIMED
    fault: Fault | None = None
    notes: set[Note] = field(default_factory=set)
    witnesses: int = 0

    @property
    def is_here(self) -> bool:
        """Whether the entry is in the file."""
        return self.line > 0


class Chains:
    """All entries of a file, in the order of their lines, and what they name."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._by_hash: dict[EntryHash, Node] = {}
        self._places: dict[DeviceTag, dict[int, Node]] = {}
        self._devices: list[Author] = []
        self._sets: dict[int, tuple[DeviceId, ...]] = {}
        self._numbers: dict[DeviceTag, int] = {}
        self._ahead: dict[tuple[DeviceTag, int, EntryHash], list[Node]] = {}
        self._ahead_count = 0

    # --- what comes ---

    def has(self, entry_hash: EntryHash) -> bool:
        """Whether an entry is here already."""
        found = self._by_hash.get(entry_hash)
        return found is not None and found.is_here

    def is_of_another(self, author: Author, tag: DeviceTag) -> bool:
        """Whether another device has the tag of this one already (EXP-17)."""
        known = self._numbers.get(tag)
        return known is not None and self._devices[known] != author

    def add(self, entry: Entry, tag: DeviceTag, line: int) -> Node:
        """Take in an entry whose bytes hold.

        Raises:
            TooMany: more entries, devices, or names of what is not here, than a file may have.
        """
        header = entry.header
        node = self._node(entry.hash, tag, header.n)
        if len(self.nodes) >= MAX_ENTRIES:
            raise TooMany("too many entries for one transcript")
        node.tag, node.n, node.line, node.device = tag, header.n, line, self._device(entry, tag)
        node.kind, node.sent_ms = header.kind, header.sent_ms
        if header.prev is not None:
            node.prev = self._named(header.prev, tag, header.n - 1, node).hash
        node.seen = tuple(self._named(one.hash, one.tag, one.n, node) for one in header.seen)
        if header.restarts:
            node.notes.add(Note.RESTARTED)
        other = self._places.setdefault(tag, {}).setdefault(header.n, node)
        if other is not node:
            other.notes.add(Note.NUMBER)
            node.notes.add(Note.NUMBER)
        self.nodes.append(node)
        return node

    def _node(self, entry_hash: EntryHash, tag: DeviceTag, n: int) -> Node:
        found = self._by_hash.get(entry_hash)
        if found is None:
            found = self._by_hash[entry_hash] = Node(entry_hash, tag, n)
        return found

    def _named(self, entry_hash: EntryHash, tag: DeviceTag, n: int, by: Node) -> Node:
        """Return what an entry names; one that is here as another number's is a contradiction."""
        found = self._node(entry_hash, tag, n)
        if not found.is_here:
            self._ahead_count += 1
            if self._ahead_count > MAX_ABSENT:
                raise TooMany("too many names of entries that are not here")
            self._ahead.setdefault((tag, n, entry_hash), []).append(by)
        elif (found.tag, found.n) != (tag, n):
            by.notes.add(Note.NUMBER)
        return found

    def _device(self, entry: Entry, tag: DeviceTag) -> int:
        known = self._numbers.get(tag)
        if known is None:
            if len(self._devices) >= MAX_DEVICES:
                raise TooMany("too many devices for one transcript")
            known = self._numbers[tag] = len(self._devices)
            self._devices.append(entry.author)
        return known

    # --- what they show ---

    def device_id(self, node: Node) -> DeviceId:
        """Return the device of an entry that is here."""
        return self._devices[node.device].device_id

    def devices(self, bits: int) -> tuple[DeviceId, ...]:
        """Return the devices that a set of bits stands for, ascending."""
        if bits not in self._sets:
            found = (one.device_id for at, one in enumerate(self._devices) if bits >> at & 1)
            self._sets[bits] = tuple(sorted(found))
        return self._sets[bits]

    def witness(self) -> None:
        """Say of each entry who has named it, or a later one of its chain (EXP-12)."""
        for node in self.nodes:
            if node.fault is None and node.verdict is Verdict.SIGNED:
                for one in node.seen:
                    one.witnesses |= 1 << node.device
        # All of one number, too: a device with two histories has been seen in either.
        for node in sorted(self.nodes, key=lambda one: one.n, reverse=True):
            self._hand_down(node)
        for node in self.nodes:
            node.witnesses &= ~(1 << node.device)
            if node.witnesses and not node.is_company:
                node.verdict = Verdict.ACKNOWLEDGED

    def _hand_down(self, node: Node) -> None:
        """Who has an entry has the one before it: the hash of the one covers the other."""
        before = None if node.prev is None else self._by_hash[node.prev]
        if before is not None and (before.tag, before.n) == (node.tag, node.n - 1):
            before.witnesses |= node.witnesses

    def missing(self, refused: frozenset[bytes]) -> list[Missing]:
        """Return what is missing, by device and number; what a line that does not hold shows the hash of is
        not. What contradicts gets its note (EXP-09).
        """
        known = {tag: sorted(chain) for tag, chain in self._places.items()}
        found: list[Missing] = []
        for (tag, n, entry_hash), by in sorted(self._ahead.items(), key=lambda one: one[0]):
            if self._is_here(tag, n, entry_hash, by):
                continue
            numbers = known.setdefault(tag, [])
            at = bisect.bisect_left(numbers, n)
            after = numbers[at - 1] if at else None
            if numbers[at : at + 1] != [n]:
                numbers.insert(at, n)
            if entry_hash not in refused:
                number = self._numbers.get(tag)
                device_id = None if number is None else self._devices[number].device_id
                named_by = self.devices(sum({1 << one.device for one in by}))
                found.append(Missing(tag, device_id, n, entry_hash, after, named_by))
        return found

    def _is_here(self, tag: DeviceTag, n: int, entry_hash: EntryHash, by: list[Node]) -> bool:
        """Whether an entry that was named has come after all, and note what contradicts."""
        node = self._by_hash[entry_hash]
        if node.is_here and (node.tag, node.n) != (tag, n):
            for one in by:
                one.notes.add(Note.NUMBER)
        other = self._places.get(tag, {}).get(n)
        if not node.is_here and other is not None:
            other.notes.add(Note.NUMBER)
        return node.is_here

    def mark_places(self, root: EntryHash | None) -> None:
        """Mark the fewest entries without which the others stand in the order of the transcript (EXP-10)."""
        found = keys({node.hash: node for node in self.nodes}, root)
        placed = [(found[node.hash], node.hash) for node in self.nodes]
        kept = set(longest_ascending(placed))
        for at, node in enumerate(self.nodes):
            if at not in kept:
                node.notes.add(Note.PLACE)


def longest_ascending(items: Sequence[tuple[int, bytes]]) -> list[int]:
    """Return the indices of the longest part of a sequence that ascends; of several the earliest ones."""
    ranks = {item: rank for rank, item in enumerate(sorted(items))}
    tails: list[int] = []
    lengths: list[int] = []
    for item in reversed(items):
        # How long the longest part is that begins here.
        length = bisect.bisect_left(tails, -ranks[item])
        tails[length : length + 1] = [-ranks[item]]
        lengths.append(length + 1)
    found: list[int] = []
    wanted, last = len(tails), -1
    for at, length in enumerate(reversed(lengths)):
        rank = ranks[items[at]]
        if length == wanted and rank > last:
            found.append(at)
            wanted, last = wanted - 1, rank
    return found
