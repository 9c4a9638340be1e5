"""What was taken from a mailbox, and not confirmed by the relay to be deleted: it may come again (SES-18)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from .records import TAKEN_PREFIX, taken_row
from .turn import Turn

MAX_TAKEN: Final = 256


class Taken:
    """The relay's message ids by mailbox, in the order in which they came."""

    def __init__(self) -> None:
        self._of: dict[bytes, dict[bytes, None]] = {}

    def load(self, mailbox_id: bytes, ids: Iterable[bytes]) -> None:
        """Take over what the store holds of a mailbox."""
        self._of[mailbox_id] = dict.fromkeys(ids)

    def knows(self, mailbox_id: bytes, msg_id: bytes) -> bool:
        """Tell whether this was taken already."""
        return msg_id in self._of.get(mailbox_id, ())

    def add(self, turn: Turn, mailbox_id: bytes, msg_id: bytes) -> None:
        """Remember it, with the step that takes it; beyond 256 the oldest of the mailbox goes."""
        known = self._of.setdefault(mailbox_id, {})
        known[msg_id] = None
        if len(known) > MAX_TAKEN:
            del known[next(iter(known))]
        turn.put_at_end("meta", TAKEN_PREFIX + mailbox_id, partial(taken_row, mailbox_id, known))

    def confirmed(self, mailbox_id: bytes, msg_id: bytes) -> None:
        """The relay has deleted it. The row follows with the next message: an id too many does no harm."""
        self._of.get(mailbox_id, {}).pop(msg_id, None)

    def forget(self, turn: Turn, mailbox_id: bytes) -> None:
        """Forget all of a mailbox."""
        self._of.pop(mailbox_id, None)
        turn.delete("meta", TAKEN_PREFIX + mailbox_id)
