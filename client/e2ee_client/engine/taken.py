"""What was taken from a mailbox: a relay that has not kept our acknowledgement delivers it again (SES-18)."""

from __future__ import annotations

from typing import Final

from .records import taken_place, taken_row
from .turn import Turn

MAX_TAKEN: Final = 1024


class Taken:
    """The relay's message ids by mailbox, in the order in which they came; a row for each."""

    def __init__(self) -> None:
        self._of: dict[bytes, dict[bytes, None]] = {}

    def load(self, mailbox_id: bytes, msg_id: bytes) -> None:
        """Take over a row of the store; rows come in the order in which they were first put."""
        self._of.setdefault(mailbox_id, {})[msg_id] = None

    def knows(self, mailbox_id: bytes, msg_id: bytes) -> bool:
        """Tell whether this was taken already."""
        return msg_id in self._of.get(mailbox_id, ())

    def add(self, turn: Turn, mailbox_id: bytes, msg_id: bytes) -> None:
        """Remember it, with the step that takes it; beyond 1024 the oldest of the mailbox goes."""
        known = self._of.setdefault(mailbox_id, {})
        known[msg_id] = None
        turn.put(taken_row(mailbox_id, msg_id))
        if len(known) > MAX_TAKEN:
            oldest = next(iter(known))
            del known[oldest]
            turn.delete("meta", taken_place(mailbox_id, oldest))

    def forget(self, turn: Turn, mailbox_id: bytes) -> None:
        """Forget all of a mailbox."""
        for msg_id in self._of.pop(mailbox_id, ()):
            turn.delete("meta", taken_place(mailbox_id, msg_id))
