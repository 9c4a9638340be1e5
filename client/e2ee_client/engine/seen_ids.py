"""Messages of the relay by its id: taken before (SES-18), or refused once and left at the relay (SES-41)."""

from __future__ import annotations

from typing import Final

from .records import REFUSED_PREFIX, TAKEN_PREFIX, decode_seen, seen_place, seen_row
from .turn import Turn

MAX_TAKEN: Final = 1024
MAX_REFUSED: Final = 64


class SeenIds:
    """The relay's ids by mailbox, in the order in which they came, a row for each; the oldest go beyond a
    limit.
    """

    def __init__(self, prefix: bytes, limit: int) -> None:
        self._prefix = prefix
        self._limit = limit
        self._of: dict[bytes, dict[bytes, None]] = {}

    @classmethod
    def taken(cls) -> SeenIds:
        """Return the ids of what was taken: a relay that lost our acknowledgement delivers it again."""
        return cls(TAKEN_PREFIX, MAX_TAKEN)

    @classmethod
    def refused(cls) -> SeenIds:
        """Return the ids of what did not open when it first came."""
        return cls(REFUSED_PREFIX, MAX_REFUSED)

    def load(self, key: bytes) -> None:
        """Take over a row of the store if it is one of these; rows come in the order in which they were
        put.
        """
        if key.startswith(self._prefix):
            mailbox_id, msg_id = decode_seen(self._prefix, key)
            self._of.setdefault(mailbox_id, {})[msg_id] = None

    def knows(self, mailbox_id: bytes, msg_id: bytes) -> bool:
        """Tell whether this id was noted."""
        return msg_id in self._of.get(mailbox_id, ())

    def is_full(self, mailbox_id: bytes) -> bool:
        """Tell whether the next id makes the oldest one go."""
        return len(self._of.get(mailbox_id, ())) >= self._limit

    def add(self, turn: Turn, mailbox_id: bytes, msg_id: bytes) -> None:
        """Note an id."""
        known = self._of.setdefault(mailbox_id, {})
        known[msg_id] = None
        turn.put(seen_row(self._prefix, mailbox_id, msg_id))
        if len(known) > self._limit:
            self.remove(turn, mailbox_id, next(iter(known)))

    def remove(self, turn: Turn, mailbox_id: bytes, msg_id: bytes) -> None:
        """Forget an id."""
        if self.knows(mailbox_id, msg_id):
            del self._of[mailbox_id][msg_id]
            turn.delete("meta", seen_place(self._prefix, mailbox_id, msg_id))

    def forget(self, turn: Turn, mailbox_id: bytes) -> None:
        """Forget all of a mailbox."""
        for msg_id in self._of.pop(mailbox_id, ()):
            turn.delete("meta", seen_place(self._prefix, mailbox_id, msg_id))
