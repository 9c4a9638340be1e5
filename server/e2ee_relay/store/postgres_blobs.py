"""Blobs of one group of operations on the shared database: rows, and parts as rows of their own.

Whoever puts or drops locks the blob until the transaction ends, whoever opens one its mailbox too: so two
nodes append in turn, and a quota is judged once. Parts are deleted with their blob; pages are used again.
"""

from __future__ import annotations

from typing import Final, LiteralString

from e2ee_relay.protocol import (
    MAX_PART_B,
    BlobData,
    BlobDrop,
    BlobGet,
    BlobOpen,
    BlobPut,
    blob_hash,
    token_hash,
)
from e2ee_relay.rules_blobs import state_of

from .api import Blob, Box, Op, Paid
from .postgres_directory import DirectoryGroup
from .postgres_rows import drop_blobs

_FIND: Final = (
    "SELECT blob, writer, mailbox, token_hash, is_trusted, size_b, expires_ms, next FROM blob"
    " WHERE blob = ANY(%b::bytea[])"
)
_LOCK: Final = _FIND + " ORDER BY blob FOR UPDATE"
_PAID: Final = (
    "SELECT coalesce(sum(paid_b) FILTER (WHERE token_hash = %b), 0)::bigint,"
    " coalesce(sum(paid_b) FILTER (WHERE NOT is_trusted AND stands), 0)::bigint,"
    " coalesce(sum(paid_b), 0)::bigint"
    " FROM (SELECT token_hash, is_trusted, greatest(size_b, %b) AS paid_b,"
    "  EXISTS (SELECT FROM token WHERE token.mailbox = blob.mailbox"
    "   AND token.token_hash = blob.token_hash) AS stands"
    " FROM blob WHERE mailbox = %b) AS paid"
)
_ADD: Final = (
    "INSERT INTO blob (blob, writer, mailbox, token_hash, is_trusted, size_b, expires_ms, next)"
    " VALUES (%b, %b, %b, %b, %b, %b, %b, 0)"
)
_PUT: Final = "INSERT INTO blob_part (blob, index, part) VALUES (%b, %b, %b)"
_NEXT: Final = "UPDATE blob SET next = %b, expires_ms = %b WHERE blob = %b"
_GET: Final = "SELECT part FROM blob_part WHERE blob = %b AND index >= %b AND index < %b ORDER BY index"


class BlobGroup(DirectoryGroup):
    """A view of everything (`api.View`)."""

    has_room_for_blobs = True  # as `has_room`

    def read_ahead(self) -> None:
        """Lock what the operations name: mailboxes and what else there is, then blobs and their payers."""
        super().read_ahead()
        requests = [op.request for op in self.ops]
        opened = [one for one in requests if isinstance(one, BlobOpen)]
        changed = {blob_hash(one.blob) for one in requests if isinstance(one, BlobOpen | BlobPut | BlobDrop)}
        asked = {blob_hash(one.blob) for one in requests if isinstance(one, BlobGet)}
        self._blobs: dict[bytes, Blob | None] = dict.fromkeys(changed | asked)
        self._load_blobs(changed, _LOCK)
        self._load_blobs(asked - changed, _FIND)
        pairs = [(one.mailbox, token_hash(one.token)) for one in opened]
        pairs += [(blob.mailbox, blob.hashed) for blob in self._blobs.values() if blob is not None]
        self._read_rights(pairs)

    def _load_blobs(self, keys: set[bytes], query: LiteralString) -> None:
        for row in self.ask(query, [sorted(keys)]).fetchall() if keys else ():
            blob = Blob(*row[:-1])
            blob.mine = row[-1]
            blob.is_whole = blob.mine == blob.parts
            self._blobs[blob.key] = blob

    def blob(self, key: bytes) -> Blob | None:
        """Return a blob; all were read ahead."""
        return self._blobs.get(key)

    def paid(self, box: Box, hashed: bytes) -> Paid:
        """Sum up what a mailbox pays for; its row is locked."""
        return Paid(*self.ask(_PAID, [hashed, MAX_PART_B, box.address]).fetchall()[0])

    def add_blob(self, blob: Blob) -> None:
        blob.mine = 0
        self._blobs[blob.key] = blob
        self._write_created()
        self.ask(
            _ADD,
            [blob.key, blob.writer, blob.mailbox, blob.hashed, blob.is_trusted, blob.size_b, blob.expires_ms],
        )

    def drop_blob(self, blob: Blob) -> None:
        self._blobs[blob.key] = None
        self.limits.forget_gets(blob.key)
        drop_blobs(self.db, [blob.key])

    def look_at(self, op: Op, blob: Blob) -> None:
        op.result = state_of(op, blob, blob.mine, self.skew_ms)

    def put_part(self, op: Op, blob: Blob, frame: BlobPut, whole_until_ms: int) -> None:
        if frame.index == blob.mine:
            blob.mine += 1
            if blob.mine == blob.parts:
                blob.is_whole, blob.expires_ms = True, whole_until_ms
            self.ask(_PUT, [blob.key, frame.index, frame.part])
            self.ask(_NEXT, [blob.mine, blob.expires_ms, blob.key])
        self.look_at(op, blob)

    def get_parts(self, op: Op, blob: Blob, frame: BlobGet) -> None:
        found = self.ask(_GET, [blob.key, frame.index, frame.index + frame.count]).fetchall()
        op.result = BlobData(op.request_id, tuple([row[0] for row in found]))
