"""Blobs of the embedded store: rows in memory and in the database, parts in files (`blobs`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from e2ee_relay.limits import SendLimits
from e2ee_relay.protocol import BlobData, BlobGet, BlobPut, ErrorCode
from e2ee_relay.rules_blobs import state_of

from .api import UNAVAILABLE, Blob, Box, Op, Paid, Refusal
from .blobs import BlobsUnusable
from .sqlite_directory import SqlDirectory
from .sqlite_file import DatabaseFile
from .sqlite_writes import Writes

_PUT: Final = "INSERT OR REPLACE INTO blob VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_WHOLE: Final = "UPDATE blob SET is_whole = 1, expires_ms = ? WHERE key = ?"
_DELETE: Final = "DELETE FROM blob WHERE key = ?"
# Reads or writes parts and sets the result; what it returns is committed before the answer.
PartJob: TypeAlias = Callable[[], Writes | None]


class SqlBlobs(SqlDirectory):
    """The part of a view that is about blobs (`api.BlobView`), above that of the directory."""

    limits: SendLimits

    def __init__(self, file: DatabaseFile) -> None:
        super().__init__(file.connection)
        self._file = file
        self.skew_ms = 0
        self.boxes: dict[bytes, Box] = {}
        self.taken = Writes()
        self.parts = file.blobs
        self.blobs: dict[bytes, Blob] = {}
        self._of: dict[bytes, dict[bytes, Blob]] = {}  # by mailbox and key

    # --- rows ---

    def load_blobs(self) -> None:
        """Take over what the database has."""
        self.blobs.clear()
        self._of.clear()
        found = self._db.execute(
            "SELECT key, writer, mailbox, token_hash, is_trusted, size_b, expires_ms, is_whole"
            " FROM blob JOIN mailbox ON no = mailbox_no"
        )
        for row in found:
            self._keep(Blob(*row))

    def keep_only_whole(self) -> None:
        """Drop blobs that are not what their row says, and delete files of no row (RLY-251).

        Raises:
            OSError: the directory cannot be used.
        """
        for blob in self.parts.keep_only(self.blobs):
            self.drop_blob(blob)

    def _keep(self, blob: Blob) -> None:
        self.blobs[blob.key] = blob
        self._of.setdefault(blob.mailbox, {})[blob.key] = blob

    def _forget(self, blob: Blob) -> None:
        """Know a blob no longer; its file goes after the commit."""
        del self.blobs[blob.key]
        self.limits.forget_gets(blob.key)
        self.taken.gone_blobs.append(blob.key)
        of_mailbox = self._of[blob.mailbox]
        del of_mailbox[blob.key]
        if not of_mailbox:
            del self._of[blob.mailbox]

    def forget_blobs_of(self, mailbox: bytes) -> None:
        """Know those no longer that a mailbox pays for, whose rows go with it."""
        for blob in list(self._of.get(mailbox, {}).values()):
            self._forget(blob)

    def blob(self, key: bytes) -> Blob | None:
        return self.blobs.get(key)

    def paid(self, box: Box, hashed: bytes) -> Paid:
        blobs = self._of.get(box.address, {}).values()
        return Paid(
            sum(one.paid_b for one in blobs if one.hashed == hashed),
            sum(one.paid_b for one in blobs if not one.is_trusted and one.hashed in box.mine.tokens),
            sum(one.paid_b for one in blobs),
        )

    def add_blob(self, blob: Blob) -> None:
        self._keep(blob)
        no = self.boxes[blob.mailbox].mine.no
        row = (
            blob.key, blob.writer, no, blob.hashed, blob.is_trusted, blob.size_b, blob.expires_ms, False,
        )  # fmt: skip
        self.taken.later(lambda: self._run(_PUT, row))

    def drop_blob(self, blob: Blob) -> None:
        self._forget(blob)
        self.taken.later(lambda: self._run(_DELETE, (blob.key,)))

    def _run(self, statement: str, values: tuple[object, ...]) -> None:
        self._db.execute(statement, values)

    @property
    def has_room_for_blobs(self) -> bool:
        return self._file.has_room_for_blobs()

    def expire_blobs(self, now_ms: int) -> None:
        """Drop what has expired."""
        for blob in [one for one in self.blobs.values() if one.expires_ms <= now_ms]:
            self.drop_blob(blob)

    # --- parts: jobs are called in the thread of the parts, in order ---

    def look_at(self, op: Op, blob: Blob) -> None:
        """Have the thread tell how far it has come."""

        def job() -> None:
            op.result = state_of(op, blob, self.parts.next_of(blob), self.skew_ms)

        self.taken.part_job = partial(_guarded, op, job)

    def put_part(self, op: Op, blob: Blob, frame: BlobPut, whole_until_ms: int) -> None:
        """Have it append a part, if it is the next one; with the last one there is a row to be written."""

        def job() -> Writes | None:
            next_ = self.parts.next_of(blob)
            if frame.index != next_:
                op.result = state_of(op, blob, next_, self.skew_ms)
                return None
            if frame.index == 0 and not self._file.is_in_place():
                raise BlobsUnusable  # the directory would be made elsewhere (RLY-173)
            self.parts.put(blob, frame.index, frame.part)
            is_last = frame.index + 1 == blob.parts
            if is_last:
                blob.is_whole, blob.expires_ms = True, whole_until_ms
            op.result = state_of(op, blob, frame.index + 1, self.skew_ms)
            if not is_last:
                return None
            writes = Writes()
            writes.later(lambda: self._run(_WHOLE, (whole_until_ms, blob.key)))
            return writes

        self.taken.part_job = partial(_guarded, op, job)

    def get_parts(self, op: Op, blob: Blob, frame: BlobGet) -> None:
        """Have it read parts of a whole blob."""

        def job() -> None:
            try:
                op.result = BlobData(op.request_id, self.parts.get(blob, frame.index, frame.count))
            except FileNotFoundError:
                op.result = Refusal(ErrorCode.NOT_FOUND)

        self.taken.part_job = partial(_guarded, op, job)


def _guarded(op: Op, job: PartJob) -> Writes | None:
    try:
        return job()
    except OSError:
        op.result = UNAVAILABLE
        return None
