"""From a text to an envelope: a text is sealed for each device in force, at once where there is a session.

A text that has no session waits unsealed. One that the relay has taken is kept until it is confirmed, and
is sent again only on a session that is proven (SES-37).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from e2ee import pair as pairs
from e2ee import session as sessions
from e2ee.constants import CONTENT_ID_B
from e2ee.content import Content, Heads, Payload, Sync, Text, WayBack
from e2ee.errors import CounterExhausted, IdentityMismatch, SessionExpired
from e2ee.ids import AccountId, ContentId
from e2ee.prekeys import CompactBundle
from e2ee.session import Session, Started
from e2ee_client.errors import (
    ContactBlocked,
    ContactSucceeded,
    MessageEmpty,
    MessageTooLarge,
    UnknownContact,
)
from e2ee_client.events import MessageState, MessageStateChanged, Unconfirmed

from .outbox import NO_DEVICE, Lane, Outgoing
from .part import Part
from .peers import Peer
from .records import Contact, Message
from .turn import Turn

MAX_TEXT_B: Final = 63_000
MAX_AGAIN: Final = 64
AGAIN_AFTER_MS: Final = 60_000
_MSG_ID_B: Final = 16


class Sending(Part):
    """What we say to contacts."""

    # --- texts ---

    def check(self, turn: Turn, contact: Contact, texts: Sequence[str]) -> None:
        """Refuse texts that cannot be sent.

        Raises:
            ContactBlocked, DeviceReplacedError, SecondCopyError, DeviceListOver, MessageEmpty,
                MessageTooLarge.
        """
        if contact.alarm == ContactSucceeded.code:
            raise ContactSucceeded("another account has followed this one")
        if contact.alarm:
            raise ContactBlocked("the identity of this contact has to be looked at first")
        self._state.check_goes_on()
        self._context.upkeep.check_listed(turn)
        for text in texts:
            if not text:
                raise MessageEmpty("a message has at least one character")
            if len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT_B:
                raise MessageTooLarge(f"a message has at most {MAX_TEXT_B} bytes")

    def send_texts(self, turn: Turn, contact: Contact, texts: Sequence[str]) -> list[bytes]:
        """Queue texts (STO-28); return their content ids."""
        self._context.directory.refresh(turn, contact)
        ids = [self._send_text(turn, contact, text) for text in texts]
        self.pump(turn, contact)
        return ids

    def _send_text(self, turn: Turn, contact: Contact, text: str) -> bytes:
        content_id = self._state.ports.rng(CONTENT_ID_B)
        now_ms = turn.now_ms
        message = Message(contact.account_id, content_id, True, text, now_ms, now_ms, MessageState.QUEUED)
        self._state.history.append(turn, message)
        for device_id in self._devices(contact):
            item = self.new_item(contact.account_id, device_id, content_id, now_ms)
            self.seal_or_wait(turn, contact, item, _content_of(message))
        return content_id

    def new_item(
        self, account_id: AccountId, device_id: bytes, content_id: bytes, now_ms: int, *, lasts: bool = False
    ) -> Outgoing:
        """Return an item for a counted content, which lives longer before a device has met (SES-37), but for
        what has no age at which it goes no more (ROOM-73).
        """
        first = not lasts and not any(one.pair.met for one in self._state.peers_of(account_id))
        return self._state.outbox.new_text(
            account_id, device_id, content_id, now_ms, lasts=lasts, first=first
        )

    def _devices(self, contact: Contact) -> list[bytes]:
        peers = self._state.peers_in_force(contact)
        return [one.device_id for one in peers] or [NO_DEVICE]

    def seal_or_wait(self, turn: Turn, contact: Contact, item: Outgoing, content: Content) -> None:
        """Seal a new counted content at once where nothing waits before it: its row is written once."""
        lane = self._state.outbox.lane(item.account_id, item.device_id)
        peer = self._state.peers.get(contact.account_id + item.device_id)
        session = None
        if peer is not None and not lane.waiting and not contact.alarm:
            session = self._context.renewal.session_for(turn, peer)
        if peer is None or session is None or not self.seal_counted(turn, peer, session, item, content):
            lane.waiting.append(item)
            turn.put(item.put())

    def pump(self, turn: Turn, contact: Contact) -> None:
        """Seal what waits for a contact, ask for sessions where there are none, and hand it to the relay."""
        if contact.alarm:
            return
        self._spread(turn, contact)
        for device_id, lane in self._state.outbox.of(contact.account_id):
            peer = self._state.peers.get(contact.account_id + device_id)
            if peer is not None:
                self._pump_lane(turn, peer, lane)
                self._context.delivery.flush(turn, peer, lane)
            elif device_id != NO_DEVICE and lane.waiting:
                self._context.directory.find_device(turn, contact, device_id)

    def pump_all(self, turn: Turn) -> None:
        """Do so for every contact to whom something is on its way."""
        for account_id in self._state.outbox.accounts():
            self.pump_account(account_id, turn)

    def pump_account(self, account_id: bytes, turn: Turn) -> None:
        """Do so for an account, if it is still a contact."""
        contact = self._state.party(account_id)
        if contact is not None:
            self.pump(turn, contact)

    def _pump_lane(self, turn: Turn, peer: Peer, lane: Lane) -> None:
        while lane.waiting:
            session = self._context.renewal.session_for(turn, peer)
            if session is None:
                self._context.renewal.need(turn, peer)
                return
            item = lane.waiting[0]
            content = self._content(turn, item)
            lane.waiting.popleft()
            if content is None:
                turn.delete("outbox", item.key)
            elif not self.seal_counted(turn, peer, session, item, content):
                lane.waiting.appendleft(item)
                self._context.renewal.need(turn, peer)
                return

    def _content(self, turn: Turn, item: Outgoing) -> Content | None:
        """Return what a counted item says: a text of the history, or what was posted."""
        posted = self._context.posting.find(turn, item.content_id)
        if posted is not None:
            return posted.content()
        message = self._state.history.find(turn, item.account_id, item.content_id, outgoing=True)
        return None if message is None else _content_of(message)

    def _spread(self, turn: Turn, contact: Contact) -> None:
        """Give texts that were written before any device was known to each device in force (SES-39)."""
        lane = self._state.outbox.lane(contact.account_id, NO_DEVICE)
        if not lane.waiting:
            return
        devices = self._devices(contact)
        if devices == [NO_DEVICE]:
            self._context.directory.find(turn, contact)
            return
        for item in self._state.outbox.drop_lane(contact.account_id, NO_DEVICE).waiting:
            turn.delete("outbox", item.key)
            for device_id in devices:
                self._wait_for(turn, item, device_id)

    # --- contents that the application does not see ---

    def send_control(
        self,
        turn: Turn,
        peer: Peer,
        session: Session,
        payload: Payload,
        *,
        bundle: CompactBundle | None = None,
        way_back: WayBack | None = None,
    ) -> ContentId:
        """Seal a content on a session and hand it to the relay; it is not sent again if it is lost."""
        content_id = ContentId(self._state.ports.rng(CONTENT_ID_B))
        content = Content(content_id, turn.now_ms, payload, way_back=way_back, bundle=bundle)
        item = Outgoing(
            self._state.outbox.new_place(),
            peer.account_id,
            peer.device_id,
            content_id,
            False,
            turn.now_ms,
            ask_id=payload.ask_id if isinstance(payload, Sync) else None,
        )
        if self._seal(turn, peer, session, item, content):
            lane = self._state.outbox.lane(peer.account_id, peer.device_id)
            self._context.delivery.flush(turn, peer, lane)
        return content_id

    def way_back(self, contact: Contact) -> WayBack:
        """Return our address for a contact: its own token if the relay knows it, else the front door's."""
        mailbox = self._state.mailbox_for(contact.account_id)
        token, _ = mailbox.token_for(contact.account_id)
        return WayBack(mailbox.id, token, mailbox.relay_url)

    # --- seal ---

    def seal_counted(
        self,
        turn: Turn,
        peer: Peer,
        session: Session,
        item: Outgoing,
        content: Content,
        *,
        is_ahead: bool = False,
    ) -> bool:
        """Seal a counted content; False if the session can send no more, so that another one is needed."""
        if item.number is None:
            pair, item.number = pairs.give(peer.pair)
            self._state.set_pair(turn, peer, pair)
        content = content._replace(number=item.number)
        return self._seal(turn, peer, session, item, content, is_ahead=is_ahead)

    def _seal(
        self,
        turn: Turn,
        peer: Peer,
        session: Session,
        item: Outgoing,
        content: Content,
        *,
        is_ahead: bool = False,
    ) -> bool:
        ports, now_ms = self._state.ports, turn.now_ms
        sync = content.payload if isinstance(content.payload, Sync) else None
        pairs.check_sending(peer.pair, session.id, sync, now_ms, is_ahead=is_ahead)
        content = self._dressed(peer, session, content)
        try:
            sealed = sessions.seal(session, content, now_ms, ports.rng, ports.encapsulate)
        except (CounterExhausted, SessionExpired):
            self._context.renewal.exhausted(turn, peer, session)
            return False
        self._state.store_session(turn, peer, session, sealed.session)
        self._note_told(turn, peer, content)
        item.envelope, item.session_id = sealed.envelope, session.id
        item.msg_id = ports.rng(_MSG_ID_B)
        item.sealed_ms, item.sendings = now_ms, item.sendings + 1
        self._state.outbox.add(item)
        turn.put(item.put())
        return True

    def _dressed(self, peer: Peer, session: Session, content: Content) -> Content:
        """Add what a session's first content and a changed list ask for (HS-05, CON-05)."""
        contact = peer.contact
        if peer.told[:2] != self._heads_now(contact):
            content = content._replace(heads=Heads(self._state.own.device_list.head, contact.head))
        if isinstance(session.phase, Started) or self._owes_token(peer):
            content = content._replace(way_back=self.way_back(contact))
        return content

    def _owes_token(self, peer: Peer) -> bool:
        """Whether a contact was not told the token that is its own on this session (CON-15)."""
        account_id = peer.contact.account_id
        own = self._state.mailbox_for(account_id).tokens.get(account_id) if self._state.own.publish else None
        return own is not None and own[1] and peer.contact.accepted and peer.told[2] != own[0]

    def _note_told(self, turn: Turn, peer: Peer, content: Content) -> None:
        if content.heads is None and content.way_back is None:
            return
        token = peer.told[2] if content.way_back is None else content.way_back.token
        told = (*self._heads_now(peer.contact), token)
        if peer.told != told:
            peer.told = told
            turn.put(peer.put())

    def _heads_now(self, contact: Contact) -> tuple[int, int]:
        return self._state.own.device_list.seq, 0 if contact.head is None else contact.head.seq

    # --- texts again (SES-37) ---

    def again_from_others(self, turn: Turn, peer: Peer, session_id: bytes) -> None:
        """Send again what went on other sessions and was not confirmed: this one has become active."""
        lane = self._state.outbox.lane(peer.account_id, peer.device_id)
        self._again(turn, lane, [one for one in lane.unconfirmed.values() if one.session_id != session_id])

    def again_if_left_behind(self, turn: Turn, peer: Peer, item: Outgoing) -> None:
        """Send again what the relay took only when another session than the one it went on was active."""
        active, lane = peer.pair.active, self._state.outbox.lane(peer.account_id, peer.device_id)
        went_on = peer.pair.session(item.session_id)
        # On a session that is not proven yet goes what begins it, beside the active one (TRN-30).
        if active is not None and went_on != active and (went_on is None or went_on.proven):
            self._again(turn, lane, [item])

    def again_unanswered(self, turn: Turn, peer: Peer) -> None:
        """Send again what went on first flights that everybody refuses (ID-39)."""
        lane = self._state.outbox.lane(peer.account_id, peer.device_id)
        self._again(turn, lane, list(lane.unconfirmed.values()))

    def again_up_to(self, turn: Turn, peer: Peer, got: int) -> None:
        """Send again what the peer has passed over: unconfirmed, a minute old, and not above `got`."""
        lane = self._state.outbox.lane(peer.account_id, peer.device_id)
        before_ms = turn.now_ms - AGAIN_AFTER_MS
        passed = [
            one
            for one in lane.unconfirmed.values()
            if one.number is not None and one.number.n <= got and one.sealed_ms <= before_ms
        ]
        self._again(turn, lane, passed)

    def again_kept(self, turn: Turn, lane: Lane, items: Iterable[Outgoing], most: int = MAX_AGAIN) -> None:
        """Send again what is kept for longer than a text: its device is there (ROOM-73)."""
        self._again(turn, lane, [one for one in items if not one.is_young(turn.now_ms)], most)

    def _again(self, turn: Turn, lane: Lane, items: list[Outgoing], most: int = MAX_AGAIN) -> None:
        """Let the newest go, texts before what is kept beyond their limits, 64 at a time."""
        may_go = [one for one in items if one.may_go_again(turn.now_ms)]
        may_go.sort(key=lambda one: (one.is_within(turn.now_ms), one.place), reverse=True)
        room = max(MAX_AGAIN - len(list(lane.waiting_again())), 0)
        for item in may_go[: min(room, most)]:
            del lane.unconfirmed[item.content_id]
            lane.waiting.appendleft(item)

    def review_unconfirmed(self, turn: Turn, peer: Peer) -> bool:
        """Report texts that will not go again; tell whether one has been unconfirmed for a day."""
        lane = self._state.outbox.lane(peer.account_id, peer.device_id)
        for item in list(lane.unconfirmed.values()):
            if item.put_back_to(turn.now_ms):
                turn.put(item.put())
            if not item.may_go_again(turn.now_ms) and turn.now_ms >= item.sealed_ms + 86_400_000:
                del lane.unconfirmed[item.content_id]
                turn.delete("outbox", item.key)
                self.gave_up(turn, item)
        young = [one for one in lane.unconfirmed.values() if one.is_young(turn.now_ms)]
        return any(turn.now_ms >= one.sealed_ms + 86_400_000 for one in young)

    def gave_up(self, turn: Turn, item: Outgoing) -> None:
        """Tell that a text may not have arrived, unless another device has it or may get it."""
        if self._context.posting.lost(turn, item, "local.unconfirmed"):
            return
        message = self._state.history.find(turn, item.account_id, item.content_id, outgoing=True)
        if message is None or message.state in (MessageState.DELIVERED, MessageState.READ):
            return
        if not self.is_elsewhere(item):
            turn.notify(Unconfirmed(item.account_id, item.content_id))

    def is_elsewhere(self, item: Outgoing) -> bool:
        """Whether another device of the contact has a text, or may still get it."""
        lanes = self._state.outbox.of(item.account_id)
        return any(one.content_id == item.content_id for _, lane in lanes for one in lane.all())

    # --- states, and what ends ---

    def set_state(
        self, turn: Turn, account_id: bytes, content_id: bytes, state: MessageState, code: str = ""
    ) -> None:
        """Move a text of ours on, never back; a receipt undoes a failure (SES-42)."""
        message = self._state.history.find(turn, account_id, content_id, outgoing=True)
        if message is not None and _RANK[state] > _RANK[message.state]:
            message.state = state
            turn.put(message.put())
            turn.notify(MessageStateChanged(account_id, content_id, state, code))

    def confirmed(self, turn: Turn, peer: Peer, state: MessageState, ids: Iterable[bytes]) -> None:
        """Take a receipt of a device: the text is in its store, or was read."""
        lane, kept = self._state.outbox.lane(peer.account_id, peer.device_id), 0
        for content_id in ids:
            item = lane.confirm(content_id)
            if item is not None:
                turn.delete("outbox", item.key)
                kept += not item.is_young(turn.now_ms)
            if not self._context.posting.confirmed(turn, peer, content_id):
                self.set_state(turn, peer.account_id, content_id, state)
        if kept:  # As many more go.
            self.again_kept(turn, lane, lane.unconfirmed.values(), kept)

    def strike_off(self, turn: Turn, contact: Contact) -> None:
        """End what we have with devices that the contact's list does not name any more (ID-28).

        A text that has not left for any device waits for those in force; one that has left may be lost.
        """
        for peer in self._state.peers_of(contact.account_id):
            if contact.names(peer.record.hash):
                continue
            words = self._context.recovering.last_words(turn, peer)
            lane = self._state.outbox.drop_lane(contact.account_id, peer.device_id, words)
            self._context.renewal.struck_off(turn, peer)
            for item in lane.all():
                turn.delete("outbox", item.key)
                self._ended(turn, item)

    def _ended(self, turn: Turn, item: Outgoing) -> None:
        """A device that is gone gets a content no more: what has left may be lost, what has not waits."""
        if item.has_left:
            if not self._context.posting.lost(turn, item, IdentityMismatch.code) and item.shown:
                self.gave_up(turn, item)
        elif not self._context.posting.not_sent(turn, item) and item.shown and not self.is_elsewhere(item):
            self._wait_for(turn, item, NO_DEVICE)

    def _wait_for(self, turn: Turn, item: Outgoing, device_id: bytes) -> None:
        """Let a text wait for a device as well."""
        outbox = self._state.outbox
        waiting = outbox.new_text(
            item.account_id, device_id, item.content_id, item.created_ms, first=item.first
        )
        outbox.add(waiting)
        turn.put(waiting.put())

    def forget(self, turn: Turn, account_id: bytes) -> None:
        """Drop everything that is on its way to a contact."""
        for _, lane in self._state.outbox.of(account_id):
            for item in lane.all():
                turn.delete("outbox", item.key)
                self._context.posting.lost(turn, item, UnknownContact.code)
        self._state.outbox.forget(account_id)


_RANK: Final = {
    MessageState.QUEUED: 0,
    MessageState.SENT: 1,
    MessageState.FAILED: 2,
    MessageState.DELIVERED: 3,
    MessageState.READ: 4,
}


def _content_of(message: Message) -> Content:
    return Content(ContentId(message.message_id), message.sent_ms, Text(message.text))
