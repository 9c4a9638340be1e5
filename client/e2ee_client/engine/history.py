"""The texts of each contact in the order in which they came or were written, and which are unread.

    timeline row = account id 32 || page 4  ->  up to 32 entries of: direction 1 || content id 16
    direction    = 0 incoming, unread | 1 outgoing | 2 incoming, read

A text's position is its ordinal within its contact; it stands on page position / 32. A text costs one page
row beside its own row, and no call reads more rows than the texts that it is about and their pages (STO-29).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from e2ee.constants import CONTENT_ID_B, HASH_B
from e2ee_client.errors import StoreCorrupt, UnknownMessage
from e2ee_client.events import MessageState
from e2ee_client.rows import Put

from .ports import RowReader
from .records import Message
from .turn import Turn

MessageName: TypeAlias = tuple[bytes, bool]
"""Content id, and whether the text is outgoing: a contact may choose an id that we have used."""
PAGE_ENTRIES: Final = 32
_PAGE_B: Final = 4
_ENTRY_B: Final = 1 + CONTENT_ID_B
_UNREAD: Final = 0
_OUTGOING: Final = 1
_READ: Final = 2


@dataclass(slots=True)
class _Count:
    """How many texts a contact has, and how many of them are unread."""

    texts: int = 0
    unread: int = 0


class History:
    """All texts, in the store; only two numbers a contact are kept in memory."""

    def __init__(self, rows: RowReader) -> None:
        self._rows = rows
        self._counts: dict[bytes, _Count] = {}

    @classmethod
    def load(cls, rows: RowReader) -> History:
        """Count the texts of a store from their pages.

        Raises:
            StoreCorrupt: a page does not fit.
        """
        history = cls(rows)
        for key, page in rows.items("timeline"):
            if len(key) != HASH_B + _PAGE_B or not 0 < len(page) <= PAGE_ENTRIES * _ENTRY_B:
                raise StoreCorrupt("a stored row has another place")
            directions = page[::_ENTRY_B]
            if len(page) % _ENTRY_B or max(directions) > _READ:
                raise StoreCorrupt("a stored row has another shape")
            count = history._counts.setdefault(key[:HASH_B], _Count())
            count.texts += len(directions)
            count.unread += directions.count(_UNREAD)
        return history

    # --- changes ---

    def append(self, turn: Turn, message: Message) -> None:
        """Store a new text behind all others of its contact; sets its position."""
        count = self._counts.setdefault(message.account_id, _Count())
        message.position = count.texts
        turn.put(message.put())
        direction = _OUTGOING if message.outgoing else _UNREAD
        page = self._page(turn, message.account_id, message.position // PAGE_ENTRIES)
        self._put_page(turn, message, page + bytes((direction,)) + message.message_id)
        count.texts += 1
        count.unread += direction == _UNREAD

    def mark_read(self, turn: Turn, account_id: bytes, message_ids: Iterable[bytes]) -> list[bytes]:
        """Mark texts of a contact as read; return the ids of those that were not."""
        marked: list[bytes] = []
        for message_id in message_ids:
            message = self.find(turn, account_id, message_id, outgoing=False)
            if message is None or message.state is MessageState.READ:
                continue
            message.state = MessageState.READ
            turn.put(message.put())
            page = bytearray(self._page(turn, account_id, message.position // PAGE_ENTRIES))
            page[message.position % PAGE_ENTRIES * _ENTRY_B] = _READ
            self._put_page(turn, message, bytes(page))
            self._counts[account_id].unread -= 1
            marked.append(message_id)
        return marked

    def forget(self, turn: Turn, account_id: bytes) -> None:
        """Delete all texts of a contact."""
        count = self._counts.pop(account_id, _Count())
        for number in range(_pages(count.texts)):
            for outgoing, message_id in _entries(self._page(turn, account_id, number)):
                turn.delete("message", Message.key_of(outgoing, account_id, message_id))
            turn.delete("timeline", _place(account_id, number))

    # --- queries ---

    def find(self, turn: Turn, account_id: bytes, message_id: bytes, *, outgoing: bool) -> Message | None:
        """Return a text as it will be after this step; None where there is none."""
        place = Message.key_of(outgoing, account_id, message_id)
        row = turn.read(self._rows, "message", place)
        return None if row is None else Message.decode(place, row)

    def message(self, account_id: bytes, message_id: bytes, outgoing: bool | None = None) -> Message:
        """Return a text of one side, or with None of either: ours first, so that a contact that repeats an id
        of ours cannot put its text in our text's place.

        Raises:
            UnknownMessage: no text with this contact has this id.
        """
        for side in (True, False) if outgoing is None else (outgoing,):
            place = Message.key_of(side, account_id, message_id)
            if (row := self._rows.get("message", place)) is not None:
                return Message.decode(place, row)
        raise UnknownMessage("no such message")

    def page(self, account_id: bytes, before: MessageName | None, limit: int) -> list[Message]:
        """Return the newest `limit` texts, or the newest that stand before the text `before`, in order.

        Raises:
            UnknownMessage: `before` is no text of this contact.
        """
        if before is not None:
            end = self.message(account_id, *before).position
        else:
            end = self._counts.get(account_id, _Count()).texts
        first = max(0, end - limit)
        entries = [
            entry
            for number in range(first // PAGE_ENTRIES, _pages(end))
            for entry in _entries(self._rows.get("timeline", _place(account_id, number)) or b"")
        ]
        skipped = first // PAGE_ENTRIES * PAGE_ENTRIES
        return [
            self._stored(Message.key_of(outgoing, account_id, message_id))
            for outgoing, message_id in entries[first - skipped : end - skipped]
        ]

    def unread(self, account_id: bytes) -> int:
        """Return how many texts of a contact are unread."""
        return self._counts.get(account_id, _Count()).unread

    # --- rows ---

    def _stored(self, place: bytes) -> Message:
        row = self._rows.get("message", place)
        if row is None:
            raise StoreCorrupt("a text of the timeline is missing")
        return Message.decode(place, row)

    def _page(self, turn: Turn, account_id: bytes, number: int) -> bytes:
        return turn.read(self._rows, "timeline", _place(account_id, number)) or b""

    def _put_page(self, turn: Turn, message: Message, page: bytes) -> None:
        place = _place(message.account_id, message.position // PAGE_ENTRIES)
        turn.put(Put("timeline", place, page))


def _place(account_id: bytes, number: int) -> bytes:
    return account_id + number.to_bytes(_PAGE_B, "big")


def _pages(texts: int) -> int:
    return -(-texts // PAGE_ENTRIES)


def _entries(page: bytes) -> list[tuple[bool, bytes]]:
    """Return whether each entry is outgoing, and its content id."""
    return [
        (page[start] == _OUTGOING, page[start + 1 : start + _ENTRY_B])
        for start in range(0, len(page), _ENTRY_B)
    ]
