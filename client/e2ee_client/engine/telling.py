"""What devices of contacts are told of us by itself: our list, an address, signs of life."""

from __future__ import annotations

from e2ee import session as sessions
from e2ee.content import AddressOnly, Nothing, Payload, SignedList

from .part import Part
from .records import Contact, NextList
from .turn import Turn


class Telling(Part):
    """To strangers nothing goes (SES-38)."""

    def accept(self, turn: Turn, contact: Contact) -> None:
        """Accept a contact: it gets receipts, our list and a token of its own (CON-04)."""
        if contact.accepted:
            return
        contact.accepted = True
        turn.put(contact.put())
        if self._state.own.publish:
            self._context.mailboxes.ensure_token(turn, contact.account_id)
        self._context.receipts.accepted(turn, contact)
        self._context.sending.pump(turn, contact)
        self.tell_list(turn, contact)
        self._context.renewal.permitted(turn, contact.account_id)

    def send_to_all(self, turn: Turn, contact: Contact, payload: Payload) -> None:
        """Send a content to each device of a contact with which there is a session."""
        for peer, session in self._context.renewal.with_sessions(turn, contact):
            self._context.sending.send_control(turn, peer, session, payload)

    def list_renewed(self, turn: Turn, following: NextList) -> None:
        """Take our next list into use and tell contacts; sessions that nobody has answered and that carry a
        list or record of a time to come are started anew (ID-39).
        """
        was_ahead = self._context.upkeep.is_ahead(turn)
        self._context.upkeep.take_list(turn, following)
        self.send_lists(turn)
        if was_ahead:
            self._context.renewal.redo_ahead(turn)

    def send_lists(self, turn: Turn) -> None:
        """Tell all accepted contacts our newest device list (CON-10)."""
        payload = SignedList(self._state.own.device_list.signed)
        for contact in (*self._state.contacts.values(), self._state.colleagues):
            if contact.accepted:
                self.send_to_all(turn, contact, payload)

    def tell_list(self, turn: Turn, contact: Contact) -> None:
        """Tell a contact our list if it has not been told: to strangers nothing goes (SES-38)."""
        device_list = self._state.own.device_list
        for peer, session in self._context.renewal.with_sessions(turn, contact):
            if peer.told[0] != device_list.seq:
                self._context.sending.send_control(turn, peer, session, SignedList(device_list.signed))

    def tell_address(self, turn: Turn, contact: Contact) -> None:
        """Tell a contact of a published account the delivery token that is its own (CON-06)."""
        if not self._state.own.publish or not contact.accepted:
            return
        way_back = self._context.sending.way_back(contact)
        for peer, session in self._context.renewal.with_sessions(turn, contact):
            if peer.told[2] != way_back.token:
                self._context.sending.send_control(turn, peer, session, AddressOnly(), way_back=way_back)

    def keep_alive(self, turn: Turn, contact: Contact, after_ms: int) -> None:
        """Turn the ratchets of sessions that have fallen silent, where it is our turn (PQ-17).

        A message after one that has not been answered would heal nothing, so at most one is under way.
        """
        for peer, session in self._context.renewal.with_sessions(turn, contact):
            if sessions.is_our_turn(session) and turn.now_ms >= session.opened_ms + after_ms:
                self._context.sending.send_control(turn, peer, session, Nothing())
