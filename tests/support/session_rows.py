"""Rows in which a store keeps sessions, and what changes in them from one state to the next (SES-14,
SES-15).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

from e2ee import snapshot
from e2ee.ids import SessionId
from e2ee.ratchet import chain
from e2ee.ratchet.skipped import EMPTY, SkippedKeys
from e2ee.session import Session
from e2ee.wire import cbor

# Places in a stored session (SES-14): the sending side, and in it the chain key and the next number.
_SENDING_AT: Final = 11
_CHAIN_KEY_AT: Final = 4
_NUMBER_AT: Final = 5
_MAX_ENCODED: Final = 256
_ENCODED: Final[dict[object, dict[bytes, bytes]]] = {}


class SessionRows(NamedTuple):
    """One stored session: its row, and a row for each skipped key by place, in the order of storing
    (SES-14).
    """

    session: bytes
    skipped: Mapping[bytes, bytes]


def moved_on(encoded: bytes, count: int) -> bytes:
    """Return a stored session whose sending chain is `count` numbers further on."""
    items = cast("list[Any]", cbor.decode(encoded))
    sending = items[_SENDING_AT]
    for _ in range(count):
        sending[_CHAIN_KEY_AT] = chain.step(sending[_CHAIN_KEY_AT])[0]
    sending[_NUMBER_AT] += count
    return cbor.encode(items)


def grown(stored: Mapping[SessionId, SessionRows], old: Session | None, session: Session) -> SessionRows:
    skipped = stored[session.id].skipped if old is not None else {}
    before = old.ratchet.skipped if old is not None else EMPTY
    added, gone = snapshot.skipped_changes(before, session.ratchet.skipped)
    if added or gone:
        skipped = {place: value for place, value in skipped.items() if place not in set(gone)}
        skipped.update(snapshot.encode_skipped(row) for row in added)
    return SessionRows(snapshot.encode_session(session), skipped)


def encode_skipped(keys: SkippedKeys) -> Mapping[bytes, bytes]:
    """Encode skipped keys; what was encoded before is looked up by all that they hold, not by identity."""
    held = tuple(
        (one.tag, one.header_key.expose(), number, key.expose(), stored_ms)
        for one in keys._chains
        for number, (key, stored_ms) in one.keys.items()
    )
    if held not in _ENCODED:
        if len(_ENCODED) >= _MAX_ENCODED:
            _ENCODED.clear()
        _ENCODED[held] = dict(snapshot.encode_skipped(row) for row in keys)
    return _ENCODED[held]


def encode_session(session: Session) -> SessionRows:
    """Encode a session as it is in memory."""
    return SessionRows(snapshot.encode_session(session), encode_skipped(session.ratchet.skipped))


def decode_session(rows: SessionRows) -> Session:
    """Read a session from its rows."""
    keys = [snapshot.decode_skipped(place, value) for place, value in rows.skipped.items()]
    return snapshot.decode_session(rows.session, keys)
