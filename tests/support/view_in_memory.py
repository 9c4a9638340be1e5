"""The view of a store in dictionaries: what the rules see, for tests of the rules alone."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from e2ee_relay.entry import Device, Entry, SignedList
from e2ee_relay.limits import Policy, Publishing, SendLimits
from e2ee_relay.protocol import BlobData, BlobGet, BlobPut, CreateMailbox
from e2ee_relay.rules import decide
from e2ee_relay.rules_blobs import state_of
from e2ee_relay.store.api import (
    ML_KEM_768,
    X25519,
    Blob,
    Box,
    Close,
    DeviceStock,
    Fresh,
    HeldMessage,
    Op,
    Opened,
    Page,
    Paid,
    PrekeyRow,
    Read,
    Refusal,
    Request,
    Stock,
)


@dataclass
class Asker:
    """A connection as the rules see it."""

    owned: Mapping[bytes, bytes] = field(default_factory=dict)
    nonce: bytes = field(default_factory=lambda: os.urandom(32))
    visitor: bytes = b""
    refusal: Refusal | None = None
    admissions: int = 0

    def admit(self, frame: CreateMailbox, now_ms: int) -> Refusal | None:
        self.admissions += 1
        return self.refusal

    def charge_entry(self, publishing: Publishing, now_ms: int) -> int:
        return 0

    def charge_prekeys(self, mailbox: bytes, size_b: int, now_ms: int) -> int:
        return 0

    def charge_tokens(self, held: int, fresh: int, now_ms: int) -> int:
        return 0


class Buckets(SendLimits):
    """Buckets that give what the test says."""

    def __init__(self) -> None:
        super().__init__(Policy(), Counter())
        self.wait_ms = 0
        self.grants = True
        self.charged: list[tuple[bytes, bytes, int, int]] = []

    def charge(
        self, mailbox: bytes, hashed: bytes, token_class: int, visitor: bytes, size_b: int, now_ms: int
    ) -> int:
        self.charged.append((mailbox, hashed, token_class, size_b))
        return self.wait_ms

    def grants_one_time_keys(self, record_hash: bytes, now_ms: int) -> bool:
        return self.grants

    def charge_part(self, mailbox: bytes, hashed: bytes, size_b: int, now_ms: int) -> int:
        return self.wait_ms

    def forget_gets(self, key: bytes) -> None:
        """Nothing is remembered."""

    def charge_get(self, key: bytes, share: float, now_ms: int) -> int:
        return self.wait_ms


class MemoryView:
    """Every table a dictionary."""

    def __init__(self) -> None:
        self.limits = Buckets()
        self.blocked: frozenset[bytes] = frozenset()
        self.skew_ms = 0
        self.has_room = True
        self.boxes: dict[bytes, Box] = {}
        self.tokens: dict[tuple[bytes, bytes], int] = {}
        self.seen: set[tuple[bytes, bytes]] = set()
        self.messages: dict[tuple[bytes, int], Fresh] = {}
        self.entries: dict[bytes, Entry] = {}
        self.rows: dict[bytes, list[SignedList]] = {}
        self.keys: dict[tuple[bytes, int], list[PrekeyRow]] = {}
        self.reusables: dict[tuple[bytes, int], PrekeyRow] = {}
        self.highest: dict[tuple[bytes, int], int] = {}
        self.opened = 0
        self.has_room_for_blobs = True
        self.blobs: dict[bytes, Blob] = {}

    def decide(self, peer: Asker, request: Request, now_ms: int, policy: Policy | None = None) -> Op:
        op = Op(peer, request)
        decide(self, op, policy or Policy(), now_ms)
        return op

    # --- mailboxes ---

    def box(self, address: bytes) -> Box | None:
        return self.boxes.get(address)

    def right(self, address: bytes, hashed: bytes) -> int:
        return self.tokens.get((address, hashed), 0)

    def knows(self, address: bytes, msg_id: bytes) -> bool:
        return (address, msg_id) in self.seen

    def is_published(self, address: bytes) -> bool:
        return bool(self.devices_of(address))

    def put(self, fresh: Fresh, until_hour: int) -> None:
        self.messages[fresh.box.address, fresh.seq] = fresh
        self.seen.add((fresh.box.address, fresh.msg_id))

    def take(self, box: Box, seq: int) -> int:
        fresh = self.messages.pop((box.address, seq), None)
        return 0 if fresh is None else len(fresh.body)

    def create(self, box: Box) -> None:
        box.last_seq = 1 << 32
        self.boxes[box.address] = box

    def count_tokens(self, box: Box, hashes: tuple[bytes, ...]) -> tuple[int, int]:
        held = {hashed for address, hashed in self.tokens if address == box.address}
        return len(held), len(set(hashes) - held)

    def grant(self, box: Box, hashes: tuple[bytes, ...], token_class: int) -> None:
        self.tokens.update({(box.address, one): token_class for one in hashes})

    def revoke(self, box: Box, hashes: tuple[bytes, ...]) -> None:
        for one in hashes:
            self.tokens.pop((box.address, one), None)

    def drop(self, box: Box) -> None:
        del self.boxes[box.address]
        self.tokens = {pair: kind for pair, kind in self.tokens.items() if pair[0] != box.address}
        self.messages = {pair: one for pair, one in self.messages.items() if pair[0] != box.address}
        self.seen = {pair for pair in self.seen if pair[0] != box.address}
        for account_id, record_hash in self.devices_of(box.address):
            self._drop_keys(record_hash)
            entry = self.entries[account_id]
            devices = tuple(
                Device(one.record_hash, one.record, None, None, 0) if one.record_hash == record_hash else one
                for one in entry.devices
            )
            self.entries[account_id] = replace(entry, devices=devices)

    def touch(self, box: Box, day: int) -> None:
        box.used_day = day

    def open(self, box: Box) -> Opened:
        self.opened += 1
        return Opened(box.address, box.last_seq, self.opened)

    def close(self, close: Close) -> None:
        self.opened -= 1

    def read(self, op: Op, read: Read, now_ms: int) -> None:
        found = [
            HeldMessage(seq, one.msg_id, one.body, one.received_ms, one.expires_ms)
            for (address, seq), one in sorted(self.messages.items())
            if address == read.mailbox and seq not in read.in_flight and one.expires_ms > now_ms
        ]
        op.result = Page(found[: read.most], len(found) <= read.most)

    # --- blobs; `mine` has the parts ---

    def blob(self, key: bytes) -> Blob | None:
        return self.blobs.get(key)

    def paid(self, box: Box, hashed: bytes) -> Paid:
        mine = [one for one in self.blobs.values() if one.mailbox == box.address]
        return Paid(
            sum(one.paid_b for one in mine if one.hashed == hashed),
            sum(one.paid_b for one in mine if not one.is_trusted and self.right(box.address, one.hashed)),
            sum(one.paid_b for one in mine),
        )

    def add_blob(self, blob: Blob) -> None:
        blob.mine = list[bytes]()
        self.blobs[blob.key] = blob

    def drop_blob(self, blob: Blob) -> None:
        del self.blobs[blob.key]

    def look_at(self, op: Op, blob: Blob) -> None:
        op.result = state_of(op, blob, len(blob.mine), self.skew_ms)

    def put_part(self, op: Op, blob: Blob, frame: BlobPut, whole_until_ms: int) -> None:
        if frame.index == len(blob.mine):
            blob.mine.append(frame.part)
            if len(blob.mine) == blob.parts:
                blob.is_whole, blob.expires_ms = True, whole_until_ms
        self.look_at(op, blob)

    def get_parts(self, op: Op, blob: Blob, frame: BlobGet) -> None:
        op.result = BlobData(op.request_id, tuple(blob.mine[frame.index : frame.index + frame.count]))

    # --- entries and prekeys ---

    def entry(self, account_id: bytes) -> Entry | None:
        return self.entries.get(account_id)

    def replace(self, entry: Entry, lists: Sequence[SignedList], most: int, due_day: int) -> None:
        account_id = entry.head.account_id
        before = self.entries.get(account_id)
        for device in () if before is None else before.devices:
            if entry.device(device.record_hash) is None:
                self._drop_keys(device.record_hash)
        self.entries[account_id] = entry
        self.rows[account_id] = [*self.rows.get(account_id, ()), *lists][-most:]

    def lists(self, account_id: bytes, after_seq: int, most: int) -> list[bytes]:
        rows = self.rows.get(account_id, [])
        return [row.encoded for row in rows if row.seq > after_seq][:most]

    def devices_of(self, mailbox: bytes) -> list[tuple[bytes, bytes]]:
        return [
            (account_id, device.record_hash)
            for account_id, entry in self.entries.items()
            for device in entry.devices
            if device.mailbox == mailbox
        ]

    def drop_account(self, account_id: bytes) -> None:
        entry = self.entries.pop(account_id, None)
        self.rows.pop(account_id, None)
        for device in () if entry is None else entry.devices:
            self._drop_keys(device.record_hash)

    def stock(self, record_hash: bytes) -> Stock:
        reusable = [self.reusables.get((record_hash, one)) for one in (X25519, ML_KEM_768)]
        return Stock(
            len(self.keys.get((record_hash, X25519), [])),
            len(self.keys.get((record_hash, ML_KEM_768), [])),
            self.highest.get((record_hash, X25519), 0),
            self.highest.get((record_hash, ML_KEM_768), 0),
            *[None if one is None else one.key_id for one in reusable],
        )

    def stocks_of(self, mailbox: bytes) -> list[DeviceStock]:
        return [DeviceStock(mailbox, *one, self.stock(one[1])) for one in self.devices_of(mailbox)]

    def add_prekeys(
        self, record_hash: bytes, reusable: Sequence[PrekeyRow], one_time: Sequence[PrekeyRow]
    ) -> None:
        self.reusables.update({(record_hash, row.key_type): row for row in reusable})
        for row in one_time:
            self.keys.setdefault((record_hash, row.key_type), []).append(row)
            self.highest[record_hash, row.key_type] = row.key_id

    def reusable(self, record_hash: bytes, key_type: int, wall_ms: int) -> bytes | None:
        row = self.reusables.get((record_hash, key_type))
        return row.signed_prekey if row is not None and row.not_after_ms > wall_ms else None

    def pop_one_time(self, record_hash: bytes, key_type: int, wall_ms: int) -> bytes | None:
        held = self.keys.get((record_hash, key_type), [])
        row = next((one for one in held if one.not_after_ms > wall_ms), None)
        if row is None:
            return None
        held.remove(row)
        return row.signed_prekey

    def _drop_keys(self, record_hash: bytes) -> None:
        for table in (self.keys, self.reusables, self.highest):
            for pair in [pair for pair in table if pair[0] == record_hash]:
                del table[pair]
