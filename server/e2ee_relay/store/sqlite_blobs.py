"""Blobs of the embedded store: rows in memory and in the database, parts in files (`blobs`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from e2ee_relay.protocol import BlobGet, BlobPut, ErrorCode
from e2ee_relay.rules_blobs import progress

from .api import UNAVAILABLE, Blob, Op, Paid, Parts, Refusal
from .blobs import BlobsUnusable
from .sqlite_writes import Writes

if TYPE_CHECKING:
    from .sqlite_file import DatabaseFile
    from .sqlite_view import SqliteView

_PUT: Final = "INSERT OR REPLACE INTO blob VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_WHOLE: Final = "UPDATE blob SET is_whole = 1, expires_ms = ? WHERE key = ?"
_DELETE: Final = "DELETE FROM blob WHERE key = ?"
# Reads or writes parts and sets the result; what it returns is committed before the answer.
PartJob: TypeAlias = Callable[[], Writes | None]


class SqliteBlobs:
    """The part of a view that is about blobs."""

    def __init__(self, view: SqliteView, file: DatabaseFile) -> None:
        self._view = view
        self._file = file
        self._db = file.connection
        self.parts = file.blobs
        self.by_key: dict[bytes, Blob] = {}
        self._of: dict[bytes, dict[bytes, Blob]] = {}  # by mailbox and key

    # --- rows ---

    def load(self) -> None:
        """Take over what the database has."""
        self.by_key.clear()
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
        for blob in self.parts.keep_only(self.by_key):
            self.drop(blob)

    def _keep(self, blob: Blob) -> None:
        self.by_key[blob.key] = blob
        self._of.setdefault(blob.mailbox, {})[blob.key] = blob

    def forget(self, blob: Blob) -> None:
        """Know a blob no longer."""
        del self.by_key[blob.key]
        self._view.limits.forget_gets(blob.key)
        of_mailbox = self._of[blob.mailbox]
        del of_mailbox[blob.key]
        if not of_mailbox:
            del self._of[blob.mailbox]

    def of(self, mailbox: bytes) -> list[Blob]:
        """Return the blobs that a mailbox pays for."""
        return list(self._of.get(mailbox, {}).values())

    def paid(self, mailbox: bytes, hashed: bytes) -> Paid:
        """Sum up what they count."""
        blobs = self._of.get(mailbox, {}).values()
        return Paid(
            sum(one.paid_b for one in blobs if one.hashed == hashed),
            sum(one.paid_b for one in blobs if not one.is_trusted),
            sum(one.paid_b for one in blobs),
        )

    def add(self, blob: Blob, no: int) -> None:
        """Store a new blob."""
        self._keep(blob)
        row = (
            blob.key, blob.writer, no, blob.hashed, blob.is_trusted, blob.size_b, blob.expires_ms, False,
        )  # fmt: skip
        self._view.later(lambda: self._run(_PUT, row))

    def drop(self, blob: Blob) -> None:
        """Remove a blob; its file goes after the commit."""
        self.forget(blob)
        self._view.taken.gone_blobs.append(blob.key)
        self._view.later(lambda: self._run(_DELETE, (blob.key,)))

    def _run(self, statement: str, values: tuple[object, ...]) -> None:
        self._db.execute(statement, values)

    @property
    def has_room(self) -> bool:
        """Tell whether parts may be added."""
        return self._file.has_room_for_blobs()

    def expire(self, now_ms: int) -> None:
        """Drop what has expired."""
        for blob in [one for one in self.by_key.values() if one.expires_ms <= now_ms]:
            self.drop(blob)

    # --- parts: what is returned is called in the thread of the parts, in order ---

    def look_at(self, op: Op, blob: Blob) -> PartJob:
        """Tell how far it has come."""

        def job() -> None:
            op.result = progress(blob, self.parts.next_of(blob), self._view.skew_ms)

        return lambda: _guarded(op, job)

    def put(self, op: Op, blob: Blob, frame: BlobPut, whole_until_ms: int) -> PartJob:
        """Append a part, if it is the next one; with the last one there is a row to be written."""

        def job() -> Writes | None:
            next_ = self.parts.next_of(blob)
            if frame.index != next_:
                op.result = progress(blob, next_, self._view.skew_ms)
                return None
            if frame.index == 0 and not self._file.is_in_place():
                raise BlobsUnusable  # the directory would be made elsewhere (RLY-173)
            self.parts.put(blob, frame.index, frame.part)
            is_last = frame.index + 1 == blob.parts
            if is_last:
                blob.is_whole, blob.expires_ms = True, whole_until_ms
            op.result = progress(blob, frame.index + 1, self._view.skew_ms)
            return _later(lambda: self._run(_WHOLE, (whole_until_ms, blob.key))) if is_last else None

        return lambda: _guarded(op, job)

    def get(self, op: Op, blob: Blob, frame: BlobGet) -> PartJob:
        """Read parts of a whole blob."""

        def job() -> None:
            try:
                op.result = Parts(self.parts.get(blob, frame.index, frame.count))
            except FileNotFoundError:
                op.result = Refusal(ErrorCode.NOT_FOUND)

        return lambda: _guarded(op, job)


def _guarded(op: Op, job: PartJob) -> Writes | None:
    try:
        return job()
    except OSError:
        op.result = UNAVAILABLE
        return None


def _later(task: Callable[[], None]) -> Writes:
    writes = Writes()
    writes.tasks.append(task)
    writes.is_writing = True
    return writes
