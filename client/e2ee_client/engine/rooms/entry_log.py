"""The entries of one room in the store: by hash, by place in the chain of a device, and in order.

entry_segment                records and bodies                                entry_segments.py
entry_index                  content id -> segment                             entry_index.py
entry_key                    under what the bodies stand there                 entry_keys.py
entry_chain                  (device, n) -> hash, of a refused one too         entry_chains.py
entry_page                   the order                                         entry_pages.py
entry_named                  hash -> entries that name it while it may move     entry_naming.py
entry_about                  hash -> entries that say something about it        about.py

An entry that comes last in order, as almost every one does, costs the same in a long room as in a short one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from e2ee.constants import CONTENT_ID_B
from e2ee.errors import ContentError
from e2ee.ids import AccountId, ContentId, DeviceId
from e2ee.ports import Rng
from e2ee.rooms.entry import (
    Author,
    DeviceTag,
    Entry,
    EntryHash,
    Header,
    RoomId,
    device_tag,
)
from e2ee.rooms.order import key_after, named_by
from e2ee.rooms.transcript import Held
from e2ee_client.engine.ports import RowReader
from e2ee_client.engine.row_codec import from_bytes, to_bytes
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import StoreCorrupt

from .entry_chains import CHAINS, EntryChains
from .entry_index import INDEX
from .entry_keys import KEYS
from .entry_naming import MAX_NAMING, Namings
from .entry_pages import ORDER, EntryPages, Sorted
from .entry_segments import SEGMENTS, EntrySegments, Kept

TABLES: Final = (SEGMENTS, INDEX, KEYS, CHAINS, ORDER, "entry_named", "entry_about")


@dataclass(slots=True)
class StoredEntry:
    """An entry but its body. `followed` is the state that its author followed when it wrote, `forwarded_by`
    who alone vouches for it, `waiting_for` who has not confirmed it, `is_aside` an entry that contradicts;
    `gaps` counts those of our device that were over when it came (CNS-74). `body` is what was here when it
    was read; to store it changes no body.
    """

    room_id: RoomId
    account_id: AccountId
    device_id: DeviceId
    header: bytes
    commitment: bytes
    signature: bytes | None
    hash: EntryHash
    received_ms: int
    k: int = 0
    followed: EntryHash | None = None
    forwarded_by: DeviceTag | None = None
    is_aside: bool = False
    is_hidden: bool = False
    is_marked: bool = False
    waiting_for: tuple[DeviceId, ...] = ()
    is_delivered: bool = False
    edited_by: EntryHash | None = None
    read_ms: int | None = None
    gaps: int = 0
    body: bytes | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def author(self) -> Author:
        """Who wrote it."""
        return Author(self.account_id, self.device_id)

    @property
    def tag(self) -> DeviceTag:
        """The tag of its author."""
        return device_tag(self.room_id, self.device_id)

    @property
    def content_id(self) -> ContentId:
        """The id of the content that carries it (TRN-05)."""
        return ContentId(self.hash[:CONTENT_ID_B])

    def entry(self) -> Entry:
        """Return it as an entry, with the body that was here when it was read."""
        parts = self.author, Header.decode(self.header), self.commitment, self.body, self.signature
        return Entry(*parts, self.hash)

    @classmethod
    def of(cls, kept: Kept) -> StoredEntry:
        """Rebuild from what stands in a segment.

        Raises:
            StoreCorrupt: another shape.
        """
        found = from_bytes(cls, kept.record)
        found.body = kept.body
        return found


class EntryLog:
    """All entries of one room; in memory is only where its pages begin, and what was read of the index."""

    def __init__(self, rows: RowReader, room_id: RoomId, rng: Rng) -> None:
        self._rows = rows
        self._room_id = room_id
        self._order = EntryPages(rows, room_id)
        self._namings = Namings(rows, room_id)
        self._segments = EntrySegments(rows, room_id, rng)
        self._chains = EntryChains(rows, room_id)

    # --- by hash and by place ---

    def find(self, turn: Turn, entry_hash: EntryHash) -> StoredEntry | None:
        """Return an entry by its hash."""
        found = self.by_content(turn, entry_hash[:CONTENT_ID_B])
        return found if found is not None and found.hash == entry_hash else None

    def by_content(self, turn: Turn, content_id: bytes) -> StoredEntry | None:
        """Return an entry by the id of the content that carries it."""
        kept = self._segments.find(turn, content_id)
        return None if kept is None else StoredEntry.of(kept)

    def entry(self, turn: Turn, stored: StoredEntry) -> Entry:
        """Return an entry with its body, if that is here now."""
        kept = self._segments.find(turn, stored.content_id)
        stored.body = None if kept is None else kept.body
        return stored.entry()

    def several(self, turn: Turn, hashes: Sequence[EntryHash]) -> list[StoredEntry]:
        """Return those of these entries that are here, with their bodies, in this order."""
        found = self._segments.each(turn, (one[:CONTENT_ID_B] for one in hashes))
        stored = [StoredEntry.of(kept) for kept in found if kept is not None]
        wanted = frozenset(hashes)
        return [one for one in stored if one.hash in wanted]

    def each(self, turn: Turn, hashes: Iterable[EntryHash]) -> Iterator[Kept]:
        """Yield what the segments have of entries that are here.

        Raises:
            StoreCorrupt: one is not.
        """
        for kept in self._segments.each(turn, (one[:CONTENT_ID_B] for one in hashes)):
            if kept is None:
                raise StoreCorrupt("an entry of the order is missing")
            yield kept

    def held(self, turn: Turn, tag: DeviceTag, n: int) -> Held | None:
        """Return what stands under a number of a device."""
        return self._chains.held(turn, tag, n)

    def put(self, turn: Turn, stored: StoredEntry) -> None:
        """Store an entry that is here already, with another mark; its body stays as it is."""
        self._segments.put(turn, stored.content_id, to_bytes(stored))

    def check_new(self, turn: Turn, entry: Entry) -> None:
        """Refuse an entry whose content id is that of another one of the room.

        Raises:
            ContentError.
        """
        known = self.by_content(turn, entry.content_id)
        if known is not None and known.hash != entry.hash:
            raise ContentError("two entries under one content id")

    def place(self, turn: Turn, entry: Entry) -> None:
        """Keep (device, n, hash, prev) of an entry, refused ones too."""
        tag, header = device_tag(self._room_id, entry.author.device_id), entry.header
        self._chains.put(turn, tag, header.n, Held(entry.hash, header.prev, entry.signature is not None))

    def put_aside(self, turn: Turn, entry: Entry, stored: StoredEntry) -> None:
        """Keep an entry that stands in no order: evidence, or hearsay until it is covered."""
        if self._segments.find(turn, stored.content_id) is None:
            self._segments.add(turn, Kept(stored.content_id, to_bytes(stored), entry.body))
            return
        self.put(turn, stored)
        if entry.body is not None:
            self._segments.put_body(turn, stored.content_id, entry.body)

    def complete(self, turn: Turn, stored: StoredEntry, body: bytes) -> None:
        """Keep a body that came later for a commitment (TRN-17)."""
        self._segments.put_body(turn, stored.content_id, body)

    def erase(self, turn: Turn, hashes: Iterable[EntryHash]) -> None:
        """Erase the bodies of entries that are here, and the keys under which they were; header and
        commitment stay (TRN-04, STO-33).
        """
        self._segments.erase(turn, (one[:CONTENT_ID_B] for one in hashes))

    def renew_stale(self, turn: Turn) -> None:
        """After the store was set back no key stays that it had before (STO-52)."""
        self._segments.renew_stale(turn)

    def kept_from(self, turn: Turn, first: int) -> Iterator[tuple[int, list[StoredEntry]]]:
        """Yield the segments from one on, in the order of arrival, each with its entries that have a body;
        what stands in no order is among them.
        """
        for number, kept in self._segments.bodies_from(turn, first):
            yield number, [StoredEntry.of(one) for one in kept]

    # --- in order ---

    def add(
        self, turn: Turn, entry: Entry, stored: StoredEntry, root: EntryHash | None, *, is_unread: bool
    ) -> bool:
        """Put an entry into the order; return whether it stands above one that was there (TRN-27)."""
        header = entry.header
        base_ms = self._base(turn, root)
        named = named_by(header)
        found = [(one, self._k(turn, one)) for one in named]
        before = max((k for _, k in found if k is not None), default=base_ms)
        stored.k = header.sent_ms if entry.hash == root else key_after(header, before)
        known = self.find(turn, entry.hash)
        if known is not None and not known.is_aside:
            # It has a place by hearsay already, as the `open` of a joiner.
            is_unread = self._order.remove(turn, Sorted(known.k, known.hash))
        self.put_aside(turn, entry, stored)
        for one, k in found:
            self._namings.note(turn, one, entry.hash, is_here=k is not None)
        if any(k is None for _, k in found):
            self._namings.mark(turn, entry.hash)
        self._order.insert(turn, Sorted(stored.k, entry.hash), is_unread=is_unread)
        self._settle(turn, entry.hash, root)
        return self._order.items(turn, self._order.count(turn) - 1)[-1][0].hash != entry.hash

    def _base(self, turn: Turn, root: EntryHash | None) -> int:
        found = None if root is None else self._k(turn, root)
        return 0 if found is None else found

    def _k(self, turn: Turn, entry_hash: EntryHash) -> int | None:
        found = self.find(turn, entry_hash)
        return None if found is None or found.is_aside else found.k

    def _settle(self, turn: Turn, arrived: EntryHash, root: EntryHash | None) -> None:
        """Put those that name what has come where they belong now, and all that come after them."""
        naming = self._namings.of(turn, arrived) or ()
        if not naming and arrived != root:
            return
        self._drop_naming(turn, arrived)
        if arrived == root or len(naming) >= MAX_NAMING:
            self._reorder(turn, None, root)
            return
        now = self._moved(turn, naming, self._base(turn, root), {})
        if now and self._moves_more(turn, now, root):
            self._reorder(turn, min(Sorted(self._stored(turn, one).k, one) for one in now), root)
        elif now:
            self._move(turn, now)
        for one in naming:
            self._drop_naming(turn, one)

    def _drop_naming(self, turn: Turn, entry_hash: EntryHash) -> None:
        """Forget who names an entry, if all that it names is here."""
        stored = self.find(turn, entry_hash)
        named = [] if stored is None else named_by(Header.decode(stored.header))
        if all(self._k(turn, one) is not None for one in named):
            self._namings.drop(turn, entry_hash)

    def _moved(
        self, turn: Turn, hashes: Iterable[EntryHash], base_ms: int, now: Mapping[EntryHash, int]
    ) -> dict[EntryHash, int]:
        """Say k of those of these entries that have another one now."""
        found = [self.find(turn, one) for one in hashes]
        ks = {
            one.hash: self._key(turn, one, base_ms, now)
            for one in found
            if one is not None and not one.is_aside
        }
        return {one: k for one, k in ks.items() if k != self._k(turn, one)}

    def _moves_more(self, turn: Turn, now: Mapping[EntryHash, int], root: EntryHash | None) -> bool:
        """Whether entries that name those which move have another place, too; all are looked at if too many
        name one.
        """
        naming = [self._namings.of(turn, one) for one in now]
        if any(one is None or len(one) >= MAX_NAMING for one in naming):
            return True
        after = {by for one in naming for by in one or ()}
        return bool(self._moved(turn, after, self._base(turn, root), now))

    def _move(self, turn: Turn, now: Mapping[EntryHash, int]) -> None:
        """Give entries another place in the order."""
        for one, k in now.items():
            stored = self._stored(turn, one)
            is_unread = self._order.remove(turn, Sorted(stored.k, one))
            stored.k = k
            self.put(turn, stored)
            self._order.insert(turn, Sorted(k, one), is_unread=is_unread)

    def _key(self, turn: Turn, stored: StoredEntry, base_ms: int, now: Mapping[EntryHash, int]) -> int:
        """Say k of an entry anew, with those that have another one now."""
        header = Header.decode(stored.header)
        ks = [now.get(one, self._k(turn, one)) for one in named_by(header)]
        return key_after(header, max((k for k in ks if k is not None), default=base_ms))

    def _reorder(self, turn: Turn, first: Sorted | None, root: EntryHash | None) -> None:
        """Say anew where the entries from `first` on stand; before, each stood behind what it names."""
        base_ms, now = self._base(turn, root), dict[EntryHash, int]()
        for place, _ in list(self._order.walk(turn, first)):
            stored = self._stored(turn, place.hash)
            k = place.k if place.hash == root else self._key(turn, stored, base_ms, now)
            if k != place.k:
                now[place.hash] = k
        self._move(turn, now)

    # --- pages ---

    def newest(self, turn: Turn, limit: int, before: EntryHash | None = None) -> list[StoredEntry]:
        """Return the newest entries, or the newest that stand before one, in order."""
        return self._all_stored(turn, self.newest_hashes(turn, limit, before))

    def newest_hashes(self, turn: Turn, limit: int, before: EntryHash | None = None) -> list[EntryHash]:
        """Return the hashes of the newest entries, or of the newest that stand before one, in order."""
        end = None if before is None else self.find(turn, before)
        top = None if end is None else Sorted(end.k, end.hash)
        at = self._order.count(turn) - 1 if top is None else self._order.page_of(turn, top)
        found: list[EntryHash] = []
        while at >= 0 and len(found) < limit:
            places = [one for one, _ in self._order.items(turn, at) if top is None or one < top]
            found = [one.hash for one in places[max(0, len(places) - limit + len(found)) :]] + found
            at -= 1
        return found

    def all_of(self, turn: Turn) -> Iterator[StoredEntry]:
        """Yield all entries in order."""
        for place, _ in list(self._order.walk(turn, None)):
            yield self._stored(turn, place.hash)

    def unread(self, turn: Turn, limit: int) -> list[StoredEntry]:
        """Return the newest entries that were not marked as read, in order."""
        found: list[EntryHash] = []
        for at in reversed(range(self._order.count(turn))):
            if len(found) >= limit:
                break
            items = self._order.items(turn, at)
            found += [place.hash for place, is_unread in reversed(items) if is_unread]
        return self._all_stored(turn, list(reversed(found[:limit])))

    def mark_read(self, turn: Turn, hashes: Iterable[EntryHash]) -> int:
        """Mark entries as read; return how many were not."""
        count = 0
        for one in hashes:
            stored = self.find(turn, one)
            if stored is not None and self._mark(turn, stored, is_unread=False):
                stored.read_ms = turn.now_ms
                self.put(turn, stored)
                count += 1
        return count

    def mark_unread(self, turn: Turn, stored: StoredEntry) -> bool:
        """Mark an entry as not read; whether it was read, or never to be read."""
        stored.read_ms = None
        self.put(turn, stored)
        return self._mark(turn, stored, is_unread=True)

    def _mark(self, turn: Turn, stored: StoredEntry, *, is_unread: bool) -> bool:
        """Mark an entry that is in the order; whether it was marked otherwise."""
        place = Sorted(stored.k, stored.hash)
        at = self._order.page_of(turn, place)
        items = self._order.items(turn, at)
        if stored.is_aside or (place, not is_unread) not in items:
            return False
        items[items.index((place, not is_unread))] = place, is_unread
        self._order.put_page(turn, at, items)
        return True

    def _all_stored(self, turn: Turn, hashes: Sequence[EntryHash]) -> list[StoredEntry]:
        stored = self.several(turn, hashes)
        if [one.hash for one in stored] != list(hashes):
            raise StoreCorrupt("an entry of the order is missing")
        return stored

    def _stored(self, turn: Turn, entry_hash: EntryHash) -> StoredEntry:
        found = self.find(turn, entry_hash)
        if found is None:
            raise StoreCorrupt("an entry of the order is missing")
        return found


def new_stored(entry: Entry, received_ms: int, followed: EntryHash | None = None) -> StoredEntry:
    """Return the row of an entry that has come or was written."""
    header = entry.header
    author = entry.author
    return StoredEntry(
        header.room_id,
        author.account_id,
        author.device_id,
        header.encoded,
        entry.commitment,
        entry.signature,
        entry.hash,
        received_ms,
        followed=followed,
    )
