"""Entries and prekeys of one group of operations on the shared database, in one transaction.

Whoever replaces an entry or takes prekeys first locks the account or device (`lock_directory`), over all
nodes. Keys are deleted in the transaction that hands them out, and leave the node after its commit (RLY-63).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from e2ee_relay.entry import Entry, entry_from_rows
from e2ee_relay.protocol import Lookup, PrekeysCount, PrekeysFetch, PrekeysUpload, Publish, token_hash

from .api import ML_KEM_768, X25519, DeviceRow, ListRow, PrekeyRow, Stock, Stocks
from .postgres_mailboxes import MailboxGroup
from .postgres_rows import drop_prekeys_of, erase_account, lock_directory

_TYPES: Final = (X25519, ML_KEM_768)
_ALL: Final = 1 << 62
_HEADS: Final = (
    "SELECT DISTINCT ON (account_id) account_id, seq, signed_list FROM device_list"
    " WHERE account_id = ANY(%b::bytea[]) ORDER BY account_id, seq DESC"
)
_DEVICES: Final = (
    "SELECT account_id, record_hash, position, record, address, slot FROM device"
    " WHERE account_id = ANY(%b::bytea[]) ORDER BY account_id, position"
)
_NAMED_BY: Final = (
    "SELECT mailbox, account_id, record_hash FROM device WHERE mailbox = ANY(%b::bytea[])"
    " ORDER BY mailbox, account_id, record_hash"
)
_LISTS: Final = "SELECT signed_list FROM device_list WHERE account_id = %b AND seq > %b ORDER BY seq LIMIT %b"
_COUNTS: Final = (
    "SELECT record_hash, key_type, (SELECT count(*) FROM (SELECT FROM prekey"
    "  WHERE prekey.record_hash = asked.record_hash AND prekey.key_type = asked.key_type"
    "  LIMIT asked.most) AS few)"
    " FROM unnest(%b::bytea[], %b::smallint[], %b::bigint[]) AS asked(record_hash, key_type, most)"
)
_MARKS: Final = (
    "SELECT record_hash, key_type, highest_id FROM prekey_mark WHERE record_hash = ANY(%b::bytea[])"
)
_REUSABLE: Final = (
    "SELECT record_hash, key_type, key_id, not_after_ms, signed_prekey FROM reusable_prekey"
    " WHERE record_hash = ANY(%b::bytea[])"
)
# The oldest ones, as many as may be asked for; locked, so that a node that burns all of them waits.
_OLDEST: Final = (
    "SELECT oldest.* FROM unnest(%b::bytea[], %b::smallint[], %b::int[])"
    " AS asked(record_hash, key_type, most)"
    " CROSS JOIN LATERAL (SELECT record_hash, key_type, key_id, not_after_ms, signed_prekey FROM prekey"
    "  WHERE prekey.record_hash = asked.record_hash AND prekey.key_type = asked.key_type"
    "  AND not_after_ms > %b ORDER BY key_id LIMIT asked.most FOR UPDATE) AS oldest"
)
_TAKE: Final = (
    "DELETE FROM prekey USING unnest(%b::bytea[], %b::smallint[], %b::bigint[])"
    " AS taken(record_hash, key_type, key_id) WHERE prekey.record_hash = taken.record_hash"
    " AND prekey.key_type = taken.key_type AND prekey.key_id = taken.key_id"
)
_PUT_LISTS: Final = (
    "INSERT INTO device_list (account_id, seq, signed_list)"
    " SELECT %b, * FROM unnest(%b::bigint[], %b::bytea[])"
)
# A list that was taken before may end later (RLY-265).
_PUT_DUE: Final = (
    "INSERT INTO entry VALUES (%b, %b) ON CONFLICT (account_id) DO UPDATE"
    " SET due_day = greatest(entry.due_day, excluded.due_day)"
)
# All but the newest ones (RLY-259).
_FORGET_LISTS: Final = (
    "DELETE FROM device_list WHERE account_id = %b AND seq <= (SELECT seq FROM device_list"
    " WHERE account_id = %b ORDER BY seq DESC LIMIT 1 OFFSET %b)"
)
_PUT_DEVICES: Final = (
    "INSERT INTO device (account_id, record_hash, position, record, address, slot, mailbox)"
    " SELECT %b, * FROM unnest(%b::bytea[], %b::smallint[], %b::bytea[], %b::bytea[], %b::bytea[],"
    " %b::bytea[])"
)
_PUT_REUSABLE: Final = (
    "INSERT INTO reusable_prekey (record_hash, key_type, key_id, not_after_ms, signed_prekey)"
    " SELECT %b, * FROM unnest(%b::smallint[], %b::bigint[], %b::bigint[], %b::bytea[])"
    " ON CONFLICT (record_hash, key_type) DO UPDATE SET key_id = excluded.key_id,"
    " not_after_ms = excluded.not_after_ms, signed_prekey = excluded.signed_prekey"
)
_PUT_PREKEYS: Final = (
    "INSERT INTO prekey (record_hash, key_type, key_id, not_after_ms, signed_prekey)"
    " SELECT %b, * FROM unnest(%b::smallint[], %b::bigint[], %b::bigint[], %b::bytea[])"
)
_PUT_MARKS: Final = (
    "INSERT INTO prekey_mark (record_hash, key_type, highest_id)"
    " SELECT %b, * FROM unnest(%b::smallint[], %b::bigint[])"
    " ON CONFLICT (record_hash, key_type) DO UPDATE SET highest_id = excluded.highest_id"
)


@dataclass(slots=True)
class _Shelf:
    """A device's prekeys by type: number of one-time keys, highest id, reusable key, oldest one-time keys."""

    counts: dict[int, int] = field(default_factory=lambda: dict.fromkeys(_TYPES, 0))
    marks: dict[int, int] = field(default_factory=lambda: dict.fromkeys(_TYPES, 0))
    reusable: dict[int, PrekeyRow] = field(default_factory=dict[int, PrekeyRow])
    oldest: dict[int, deque[PrekeyRow]] = field(default_factory=lambda: {one: deque() for one in _TYPES})

    def stock(self) -> Stock:
        return Stock.of(self.counts, self.marks, {one: row.key_id for one, row in self.reusable.items()})


class DirectoryGroup(MailboxGroup):
    """A view of everything (`api.View`)."""

    def read_ahead(self) -> None:
        """Lock and read what the operations name: first entries, then what these lead to."""
        self._entries: dict[bytes, Entry | None] = {}
        self._shelves: dict[bytes, _Shelf] = {}
        self._named_by: dict[bytes, list[tuple[bytes, bytes]]] = {}
        self._taken: list[tuple[bytes, int, int]] = []
        requests = [op.request for op in self.ops]
        if self._locks:
            lock_directory(self.db, _to_lock(requests))
        about = (Publish, Lookup, PrekeysUpload, PrekeysCount, PrekeysFetch)
        accounts = {one.account_id for one in requests if isinstance(one, about)}
        self._load_entries(accounts)
        asked = {one.mailbox for one in requests if isinstance(one, Stocks)}
        self._load_named_by(asked)
        super().read_ahead()
        fetches = [one for one in requests if isinstance(one, PrekeysFetch)]
        self._look_behind(fetches)
        hashes = {one.record_hash for one in requests if isinstance(one, PrekeysUpload | PrekeysCount)}
        hashes |= {device for pairs in self._named_by.values() for _, device in pairs}
        # Of a fetch it matters whether the stock runs low: a large one is not counted to its end.
        enough = self.context.policy.low_prekeys + len(fetches)
        self._load_shelves({one.record_hash for one in fetches} - hashes, enough)
        self._load_shelves(hashes)
        self._load_oldest(fetches)

    def _look_behind(self, fetches: list[PrekeysFetch]) -> None:
        """Read the mailboxes that entries name, and the token of each fetch, whatever is unknown (RLY-65)."""
        pairs: list[tuple[bytes, bytes]] = []
        for fetch in fetches:
            entry = self._entries[fetch.account_id]
            device = None if entry is None else entry.device(fetch.record_hash)
            mailbox = None if device is None else device.mailbox
            pairs.append((mailbox or bytes(16), token_hash(fetch.token)))
        rights = self._ask_rights(pairs) if pairs else None
        named = {one for entry in self._entries.values() if entry is not None for one in entry.mailboxes()}
        self._load_boxes((named | {one for one, _ in pairs}) - self._boxes.keys())
        self._rights.update(rights.fetchall() if rights is not None else ())

    # --- entries ---

    def entry(self, account_id: bytes) -> Entry | None:
        """Return the entry of an account."""
        if account_id not in self._entries:
            self._load_entries((account_id,))
        return self._entries[account_id]

    def _load_entries(self, accounts: Iterable[bytes]) -> None:
        asked = sorted(accounts)
        if not asked:
            return
        heads, devices = self.ask(_HEADS, [asked]), self.ask(_DEVICES, [asked])
        found = {row[0]: ListRow(*row) for row in heads.fetchall()}
        by_account: dict[bytes, list[DeviceRow]] = {}
        for row in devices.fetchall():
            by_account.setdefault(row[0], []).append(DeviceRow(*row))
        for account_id in asked:
            head = found.get(account_id)
            devices_held = by_account.get(account_id, [])
            self._entries[account_id] = None if head is None else entry_from_rows(head, devices_held)

    def replace(self, entry: Entry, lists: tuple[ListRow, ...], most: int, due_day: int) -> None:
        """Append lists and keep the newest ones, replace devices; those that are gone lose their prekeys."""
        account_id = entry.head.account_id
        held = self.entry(account_id)
        kept = {device.record_hash for device in entry.devices}
        gone = {device.record_hash for device in held.devices} - kept if held is not None else set[bytes]()
        self._entries[account_id] = entry
        for mailbox in entry.mailboxes():
            self._named_by.pop(mailbox, None)  # read anew by whoever asks behind it in the group
        if lists:
            self.ask(_PUT_LISTS, [account_id, [one.seq for one in lists], [one.signed_list for one in lists]])
            self.ask(_FORGET_LISTS, [account_id, account_id, most])
        self.ask(_PUT_DUE, [account_id, due_day])
        lock_directory(self.db, gone)
        drop_prekeys_of(self.db, gone)
        for device in gone:
            self._shelves.pop(device, None)
        self.ask("DELETE FROM device WHERE account_id = %b", [account_id])
        rows = entry.rows()
        self.ask(
            _PUT_DEVICES,
            [account_id, [row.record_hash for row in rows], [row.position for row in rows],
             [row.record for row in rows], [row.address for row in rows], [row.slot for row in rows],
             [device.mailbox for device in entry.devices]],
        )  # fmt: skip

    def lists(self, account_id: bytes, after_seq: int, most: int) -> list[bytes]:
        return [row[0] for row in self.ask(_LISTS, [account_id, after_seq, most]).fetchall()]

    def devices_of(self, mailbox: bytes) -> list[tuple[bytes, bytes]]:
        if mailbox not in self._named_by:
            self._load_named_by((mailbox,))
        return self._named_by[mailbox]

    def _load_named_by(self, mailboxes: Iterable[bytes]) -> None:
        asked = sorted(mailboxes)
        self._named_by.update({one: [] for one in asked})
        for mailbox, account_id, record_hash in self.ask(_NAMED_BY, [asked]).fetchall() if asked else ():
            self._named_by[mailbox].append((account_id, record_hash))

    def drop_account(self, account_id: bytes) -> None:
        """Remove an account."""
        self._entries[account_id] = None
        erase_account(self.db, account_id)

    # --- prekeys ---

    def stock(self, record_hash: bytes) -> Stock:
        """Return what is held for a device."""
        return self._shelf(record_hash).stock()

    def _shelf(self, record_hash: bytes) -> _Shelf:
        if record_hash not in self._shelves:
            self._load_shelves((record_hash,))
        return self._shelves[record_hash]

    def _load_shelves(self, hashes: Iterable[bytes], enough: int = _ALL) -> None:
        asked = sorted(hashes)
        if not asked:
            return
        pairs = [(device, key_type, enough) for device in asked for key_type in _TYPES]
        counts = self.ask(_COUNTS, _columns(pairs))
        marks, reusable = (self.ask(query, [asked]) for query in (_MARKS, _REUSABLE))
        self._shelves.update({device: _Shelf() for device in asked})
        for device, key_type, count in counts.fetchall():
            self._shelves[device].counts[key_type] = count
        for device, key_type, highest_id in marks.fetchall():
            self._shelves[device].marks[key_type] = highest_id
        for device, key_type, *columns in reusable.fetchall():
            self._shelves[device].reusable[key_type] = PrekeyRow(key_type, *columns)

    def _load_oldest(self, fetches: list[PrekeysFetch]) -> None:
        wanted: dict[bytes, int] = {}
        for fetch in fetches:
            wanted[fetch.record_hash] = wanted.get(fetch.record_hash, 0) + 1
        if not wanted:
            return
        asked = [(device, key_type, most) for device, most in wanted.items() for key_type in _TYPES]
        wall_ms = self.context.now_ms + self.skew_ms
        rows = self.ask(_OLDEST, [*_columns(asked), wall_ms]).fetchall()
        for device, key_type, *rest in sorted(rows, key=lambda row: (row[0], row[1], row[2])):
            self._shelves[device].oldest[key_type].append(PrekeyRow(key_type, *rest))

    def add_prekeys(
        self, record_hash: bytes, reusable: tuple[PrekeyRow, ...], one_time: tuple[PrekeyRow, ...]
    ) -> None:
        shelf = self._shelf(record_hash)
        shelf.reusable.update({row.key_type: row for row in reusable})
        for row in one_time:
            shelf.counts[row.key_type] += 1
            shelf.marks[row.key_type] = row.key_id
        if reusable:
            self.ask(_PUT_REUSABLE, [record_hash, *_columns(reusable)])
        if one_time:
            self.ask(_PUT_PREKEYS, [record_hash, *_columns(one_time)])
        # Marks are written with the first upload, so that a device is known to have uploaded.
        self.ask(_PUT_MARKS, [record_hash, list(shelf.marks), list(shelf.marks.values())])

    def reusable(self, record_hash: bytes, key_type: int, wall_ms: int) -> bytes | None:
        """Return a reusable key in force."""
        row = self._shelf(record_hash).reusable.get(key_type)
        return row.signed_prekey if row is not None and row.not_after_ms > wall_ms else None

    def pop_one_time(self, record_hash: bytes, key_type: int, wall_ms: int) -> bytes | None:
        """Take the oldest one-time key in force; it is deleted with the group."""
        shelf = self._shelf(record_hash)
        while shelf.oldest[key_type]:
            row = shelf.oldest[key_type].popleft()
            if row.not_after_ms > wall_ms:
                shelf.counts[key_type] -= 1
                self._taken.append((record_hash, key_type, row.key_id))
                return row.signed_prekey
        return None

    def write(self) -> None:
        """Write what was decided.

        Raises:
            Interrupted: another node has made one of the mailboxes.
        """
        if self._taken:
            self.ask(_TAKE, _columns(self._taken))
        super().write()


def _to_lock(requests: Sequence[object]) -> set[bytes]:
    accounts = {one.account_id for one in requests if isinstance(one, Publish)}
    return accounts | {one.record_hash for one in requests if isinstance(one, PrekeysUpload | PrekeysFetch)}


def _columns(rows: Sequence[tuple[object, ...]]) -> list[object]:
    return [list(column) for column in zip(*rows, strict=True)]
