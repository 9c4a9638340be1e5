"""Messages of the relay by its id: taken before (SES-18), or refused once and left at the relay (SES-41)."""

from __future__ import annotations

from typing import Final

from .records import RefusedId, TakenId
from .turn import Turn

MAX_TAKEN: Final = 1024
MAX_REFUSED: Final = 64


class SeenIds:
    """The relay's ids by mailbox, in the order in which they came; beyond a limit the oldest go."""

    def __init__(self, kind: type[TakenId], limit: int) -> None:
        self._kind = kind
        self._limit = limit
        self._of: dict[bytes, dict[bytes, None]] = {}

    @classmethod
    def taken(cls) -> SeenIds:
        """Return the ids of what was taken: a relay that lost our acknowledgement delivers it again."""
        return cls(TakenId, MAX_TAKEN)

    @classmethod
    def refused(cls) -> SeenIds:
        """Return the ids of what did not open when it first came."""
        return cls(RefusedId, MAX_REFUSED)

    def load(self, key: bytes, row: bytes) -> None:
        """Take over a row of the store if it is one of these, in the order in which they were put."""
        if key.startswith(self._kind.PREFIX):
            seen = self._kind.decode(key, row)
            self._of.setdefault(seen.mailbox_id, {})[seen.msg_id] = None

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
        turn.put(self._kind(mailbox_id, msg_id).put())
        if len(known) > self._limit:
            self.remove(turn, mailbox_id, next(iter(known)))

    def remove(self, turn: Turn, mailbox_id: bytes, msg_id: bytes) -> None:
        """Forget an id."""
        if self.knows(mailbox_id, msg_id):
            del self._of[mailbox_id][msg_id]
            turn.delete("meta", self._kind.key_of(mailbox_id, msg_id))

    def forget(self, turn: Turn, mailbox_id: bytes) -> None:
        """Forget all of a mailbox."""
        for msg_id in self._of.pop(mailbox_id, ()):
            turn.delete("meta", self._kind.key_of(mailbox_id, msg_id))
