"""Sessions of an opened store: each is decoded when it is first looked at (SES-14).

A company has thousands of sessions and uses few of them in a run. What finds a session, its tags and when it
opened last, is read from its row at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from typing import NamedTuple

from e2ee.ids import SessionId, Tag
from e2ee.ratchet.skipped import SkippedKey
from e2ee.session import Session
from e2ee.snapshot import decode_outline, decode_session, decode_skipped

from .ports import RowReader
from .row_codec import stored_parts


class Found(NamedTuple):
    """What is known of a session before it is decoded."""

    tags: tuple[Tag, ...]
    opened_ms: int


class _Closed(NamedTuple):
    row: bytes
    skipped: tuple[SkippedKey, ...]


class Sessions(MutableMapping[SessionId, Session]):
    """All sessions by id."""

    def __init__(self) -> None:
        self._open: dict[SessionId, Session] = {}
        self._closed: dict[SessionId, _Closed] = {}

    def __repr__(self) -> str:
        return f"<{len(self)} sessions>"

    def load(self, rows: RowReader) -> dict[SessionId, Found]:
        """Take over the stored sessions with their skipped keys.

        Raises:
            StoreCorrupt: a row is of another version, or does not say what finds the session.
        """
        skipped: dict[bytes, list[SkippedKey]] = {}
        found: dict[SessionId, Found] = {}
        with stored_parts():
            for key, row in rows.items("skipped"):
                skipped.setdefault(key[:32], []).append(decode_skipped(key[32:], row))
            for key, row in rows.items("session"):
                closed = _Closed(row, tuple(skipped.get(key, ())))
                tags, opened_ms = decode_outline(row)
                self._closed[SessionId(key)] = closed
                found[SessionId(key)] = Found((*tags, *_tags(closed.skipped)), opened_ms)
        return found

    def has_skipped(self, session_id: SessionId) -> bool:
        """Whether a session has skipped keys; it is not decoded for this."""
        closed = self._closed.get(session_id)
        return bool(self._open[session_id].ratchet.skipped if closed is None else closed.skipped)

    def __getitem__(self, session_id: SessionId) -> Session:
        closed = self._closed.get(session_id)
        if closed is None:
            return self._open[session_id]
        with stored_parts():
            session = decode_session(closed.row, closed.skipped)
        self[session_id] = session
        return session

    def __setitem__(self, session_id: SessionId, session: Session) -> None:
        self._closed.pop(session_id, None)
        self._open[session_id] = session

    def __delitem__(self, session_id: SessionId) -> None:
        if self._closed.pop(session_id, None) is None:
            del self._open[session_id]

    def __contains__(self, session_id: object) -> bool:
        return session_id in self._open or session_id in self._closed

    def __iter__(self) -> Iterator[SessionId]:
        yield from self._closed
        yield from self._open

    def __len__(self) -> int:
        return len(self._open) + len(self._closed)


def _tags(skipped: Iterable[SkippedKey]) -> Iterable[Tag]:
    return dict.fromkeys(one.tag for one in skipped)
