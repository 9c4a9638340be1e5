"""Receipts of what was delivered: when they go out, and in batches (CON-04, SES-42)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from e2ee.content import MAX_RECEIPT_IDS, Receipt, ReceiptState
from e2ee.ids import ContentId

from .part import Part
from .peers import Peer
from .records import Contact, DueReceipts
from .turn import Turn

if TYPE_CHECKING:
    from .context import Context

_LEAST_MS: Final = 300
_JITTER_MS: Final = 700
_MAX_WAITING: Final = 1024


class Receipts(Part):
    """What devices of contacts are still to be told of their texts."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._soon = dict.fromkeys(self._state.receipts)  # without contacts not accepted, or with an alarm

    def wait(self, turn: Turn) -> None:
        """Send what is due in batches and not at once: its moment is nobody's business (pitfall 34)."""
        if self._soon and self._context.timers.at_ms("receipts") is None:
            jitter_ms = int.from_bytes(self._state.ports.rng(4), "big") % _JITTER_MS
            self._context.timers.set("receipts", turn.now_ms + _LEAST_MS + jitter_ms, self.send)

    def due(self, turn: Turn, peer: Peer, content_ids: Iterable[bytes]) -> None:
        """Note that these have arrived; of those that wait for their contact to be accepted, the newest."""
        due = self._state.receipts.setdefault(peer.key, [])
        fresh = [one for one in content_ids if one not in due]
        due.extend(fresh)
        del due[:-_MAX_WAITING]
        if fresh:
            row = DueReceipts(peer.key, due)
            turn.put_at_end(row.TABLE, row.key, row.put)
        self._soon[peer.key] = None
        self.wait(turn)

    def accepted(self, turn: Turn, contact: Contact) -> None:
        """Send what has waited for a contact to be accepted, or for its alarm to end."""
        waiting = (one.key for one in self._state.peers_of(contact.account_id))
        self._soon.update((key, None) for key in waiting if key in self._state.receipts)
        self.wait(turn)

    def send(self, turn: Turn) -> None:
        """Send what is due to accepted contacts with a session; the rest waits for those."""
        self._context.timers.drop("receipts")
        for peer_key in list(self._soon):
            peer = self._state.peers.get(peer_key)
            if peer is not None and (not peer.contact.accepted or peer.contact.alarm):
                del self._soon[peer_key]
            elif peer is None or self._send(
                turn, peer, self._state.receipts[peer_key], ReceiptState.DELIVERED
            ):
                self.forget(turn, peer_key)

    def read(self, turn: Turn, contact: Contact, message_ids: Iterable[bytes]) -> None:
        """Tell each device of an accepted contact that a person has seen these."""
        ids = list(message_ids)
        for peer in self._state.peers_in_force(contact):
            self._send(turn, peer, ids, ReceiptState.READ)

    def _send(self, turn: Turn, peer: Peer, ids: list[bytes], state: ReceiptState) -> bool:
        for start in range(0, len(ids), MAX_RECEIPT_IDS):
            session = self._context.renewal.session_for(turn, peer)
            if session is None:
                return False
            part = tuple(ContentId(one) for one in ids[start : start + MAX_RECEIPT_IDS])
            self._context.sending.send_control(turn, peer, session, Receipt(state, part))
        return True

    def forget(self, turn: Turn, peer_key: bytes) -> None:
        """Forget what a device was to be told."""
        self._soon.pop(peer_key, None)
        if self._state.receipts.pop(peer_key, None) is not None:
            turn.delete(DueReceipts.TABLE, DueReceipts.key_of(peer_key))
