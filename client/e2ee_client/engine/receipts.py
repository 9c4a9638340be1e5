"""Receipts of what was delivered: when they go out, in batches, and when once more (CON-04, SES-20)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from e2ee.content import MAX_RECEIPT_IDS, Receipt, ReceiptState
from e2ee.ids import ContentId

from .outgoing import Outgoings
from .records import RECEIPTS_PREFIX, Contact, Message, receipts_row
from .state import State
from .turn import Turn

_LEAST_MS: Final = 300
_JITTER_MS: Final = 700
_AGAIN_MS: Final = 86_400_000
_MAX_WAITING: Final = 1024


class Receipts:
    """What contacts are still to be told of their texts."""

    def __init__(self, state: State, outgoings: Outgoings) -> None:
        self._state = state
        self._outgoings = outgoings
        self.at_ms: int | None = None
        self._recent: dict[bytes, deque[tuple[int, bytes]]] = {}
        self._searched: set[bytes] = set()

    def wait(self, turn: Turn) -> None:
        """Send what is due in batches and not at once: its moment is nobody's business (pitfall 34)."""
        if self.at_ms is None and self._state.receipts:
            jitter = int.from_bytes(self._state.ports.rng(4), "big") % _JITTER_MS
            self.at_ms = turn.now_ms + _LEAST_MS + jitter

    def due(self, turn: Turn, account_id: bytes, content_ids: Iterable[bytes]) -> None:
        """Note that these have arrived; of those that wait for their contact to be accepted, the newest."""
        due = self._state.receipts.setdefault(account_id, [])
        fresh = [one for one in content_ids if one not in due]
        due.extend(fresh)
        del due[:-_MAX_WAITING]
        if fresh:
            turn.put_at_end("meta", RECEIPTS_PREFIX + account_id, partial(receipts_row, account_id, due))
        self.wait(turn)

    def arrived(self, turn: Turn, account_id: bytes, message_id: bytes) -> None:
        """Keep in mind what may have to be confirmed again."""
        recent = self._recent.setdefault(account_id, deque(maxlen=MAX_RECEIPT_IDS))
        recent.append((turn.now_ms, message_id))

    def again(self, turn: Turn, contact: Contact) -> None:
        """Receipts may have gone with a session: the newest texts of the last day are confirmed again
        (SES-20). The store is searched for them once, however often a contact brings this about.
        """
        if contact.account_id not in self._searched:
            self._searched.add(contact.account_id)
            found = {*self._stored(turn, contact), *self._recent.get(contact.account_id, ())}
            self._recent[contact.account_id] = deque(sorted(found), MAX_RECEIPT_IDS)
        recent = [
            message_id
            for received_ms, message_id in self._recent[contact.account_id]
            if turn.now_ms - _AGAIN_MS < received_ms <= turn.now_ms
        ]
        if recent:
            self.due(turn, contact.account_id, recent)

    def forget(self, turn: Turn, account_id: bytes) -> None:
        """Forget what a contact was to be told."""
        self._recent.pop(account_id, None)
        self._searched.discard(account_id)
        self._state.receipts.pop(account_id, None)
        turn.delete("meta", RECEIPTS_PREFIX + account_id)

    def _stored(self, turn: Turn, contact: Contact) -> Iterator[tuple[int, bytes]]:
        for place, row in self._state.rows.items("message"):
            if place[0] == 0 and place[1:33] == contact.account_id:
                message = Message.decode(place, row)
                if message.received_ms <= turn.now_ms:
                    yield message.received_ms, message.message_id

    def send(self, turn: Turn) -> None:
        """Send what is due to accepted contacts with a session; the rest waits for those."""
        self.at_ms = None
        for account_id, ids in list(self._state.receipts.items()):
            contact = self._state.contacts.get(account_id)
            if contact is None or not self._may_go(turn, contact):
                continue
            for start in range(0, len(ids), MAX_RECEIPT_IDS):
                part = tuple(ContentId(one) for one in ids[start : start + MAX_RECEIPT_IDS])
                self._outgoings.send_control(turn, contact, Receipt(ReceiptState.DELIVERED, part))
            del self._state.receipts[account_id]
            turn.delete("meta", RECEIPTS_PREFIX + account_id)

    def _may_go(self, turn: Turn, contact: Contact) -> bool:
        return contact.accepted and self._outgoings.peer_for(contact, turn.now_ms) is not None
