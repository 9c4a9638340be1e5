"""Looking for words in what the entries of a room show (TRN-40)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from e2ee.rooms.entry import BODY_MAX_B, EntryHash, Header
from e2ee.rooms.kinds import Kind
from e2ee.wire import cbor
from e2ee_client.engine.turn import Turn

from .entry_log import EntryLog, StoredEntry


def holding(
    log: EntryLog, turn: Turn, hashes: Iterable[EntryHash], words: Sequence[str]
) -> list[StoredEntry]:
    """Return the entries whose text, as it is shown, has all of these words, which are folded; a text that
    was worded anew comes in the place of its newest wording.

    A body is decoded where its bytes have the words: a text begins with no continuation byte, so what
    stands before it hides nothing of it.
    """
    found = []
    for kept in log.each(turn, hashes):
        if kept.body is None or not _holds(kept.body.decode("utf-8", "ignore"), words):
            continue
        stored = StoredEntry.of(kept)
        if stored.is_hidden or stored.is_aside or stored.edited_by is not None:
            continue
        payload, is_edit = _payload(kept.body), Header.decode(stored.header).kind == Kind.EDIT
        shown = _worded(log, turn, stored, payload) if is_edit else stored
        if shown is not None and _holds(payload.get(2 if is_edit else 1), words):
            found.append(shown)
    return found


def _worded(
    log: EntryLog, turn: Turn, edit: StoredEntry, payload: Mapping[int, cbor.Value]
) -> StoredEntry | None:
    """Return the text that an edit gives its newest wording; None where another one counts."""
    named = payload.get(1)
    text = log.find(turn, EntryHash(named)) if isinstance(named, bytes) else None
    return text if text is not None and text.edited_by == edit.hash and not text.is_hidden else None


def _holds(text: cbor.Value, words: Sequence[str]) -> bool:
    folded = text.casefold() if isinstance(text, str) else ""
    return bool(folded) and all(one in folded for one in words)


def _payload(body: bytes) -> Mapping[int, cbor.Value]:
    items = cbor.decode(body, BODY_MAX_B)
    payload = items[1] if isinstance(items, list) and len(items) > 1 else None
    return payload if isinstance(payload, Mapping) else {}
