"""Tags that sessions knew and know no more: what is delivered again under one of them is no loss (SES-18)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from e2ee.ids import Tag

from .records import GONE_TAGS_PREFIX, gone_tags_row
from .turn import Turn

MAX_GONE_TAGS: Final = 64


class GoneTags:
    """The last tags of each contact, in the order in which they went; True where the chain had ended, False
    where its session was dropped.
    """

    def __init__(self) -> None:
        self._of: dict[bytes, dict[Tag, bool]] = {}
        self._all: dict[Tag, bool] = {}

    def load(self, account_id: bytes, tags: dict[Tag, bool]) -> None:
        """Take over what the store holds of a contact."""
        self._of[account_id] = tags
        self._all.update(tags)

    def add(self, turn: Turn, account_id: bytes, tags: Iterable[Tag], *, ended: bool) -> None:
        """Remember tags of a contact, and forget its oldest beyond 64."""
        known = self._of.setdefault(account_id, {})
        for tag in tags:
            known[tag] = self._all[tag] = ended
        for tag in list(known)[:-MAX_GONE_TAGS]:
            del known[tag], self._all[tag]
        turn.put_at_end("meta", GONE_TAGS_PREFIX + account_id, partial(gone_tags_row, account_id, known))

    def forget(self, turn: Turn, account_id: bytes) -> None:
        """Forget all of a contact."""
        for tag in self._of.pop(account_id, {}):
            del self._all[tag]
        turn.delete("meta", GONE_TAGS_PREFIX + account_id)

    def has_ended(self, tag: Tag) -> bool | None:
        """Whether the chain of a tag ended (True) or was dropped (False); None if nothing is known of it."""
        return self._all.get(tag)
