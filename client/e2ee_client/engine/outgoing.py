"""From a text to a confirmed send: queue, seal, hand to the relay, read its answers.

A row of the outbox holds the content until it is sealed, and from then on the envelope, which is sent
again byte by
byte until the relay confirms it (RLY-30, RLY-32). State and envelope are one commit, before anything leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from e2ee_relay.protocol import (
    ErrorCode,
    ErrorReply,
    Response,
    Send,
    SendItem,
    SendResult,
    SendResults,
    TtlClass,
    pow_context_send,
)

from e2ee import content as contents
from e2ee import pair as pairs
from e2ee.constants import CONTENT_ID_B
from e2ee.content import (
    AddressOnly,
    BundleOnly,
    Content,
    Heads,
    Payload,
    Reset,
    ResetReason,
    SignedList,
    Text,
    WayBack,
)
from e2ee.errors import ContentTooLarge, CounterExhausted, SessionExpired
from e2ee.ids import ContentId
from e2ee.prekeys import CompactBundle
from e2ee.session import AwaitingReply, Session
from e2ee_client.errors import ContactBlocked, MessageEmpty, MessageTooLarge
from e2ee_client.events import MessageState, MessageStateChanged

from .effects import Channel
from .link import Link, LinkState
from .records import OWN_KEY, Contact, Message, Outgoing, Peer, message_place
from .state import State
from .turn import Turn
from .upkeep import Upkeep

MAX_TEXT_B: Final = 63_000
_MSG_ID_B: Final = 16
_BATCH: Final = 32
_BATCH_B: Final = 512 * 1024
_RETRY_LEAST_MS: Final = 1_000
_DENIED_RETRY_MS: Final = 30_000
_MAX_LINKS: Final = 16
_FINAL: Final = frozenset({ErrorCode.TOO_LARGE, ErrorCode.BAD_REQUEST})


class Outgoings:
    """The outbox of all contacts."""

    def __init__(
        self,
        state: State,
        upkeep: Upkeep,
        link_of: Callable[[Turn, Channel], Link],
        establish: Callable[[Turn, Contact], None],
        receipts_again: Callable[[Turn, Contact], None],
    ) -> None:
        self._state = state
        self._upkeep = upkeep
        self._link_of = link_of
        self._establish = establish
        self._receipts_again = receipts_again
        self._in_flight: dict[int, Channel] = {}
        self._held_until_ms: dict[bytes, int] = {}
        self._needs_work: set[bytes] = set()  # delivery tokens
        self._worked_for: set[int] = set()  # goes out with the work that the relay has named

    # --- queue ---

    def send_texts(self, turn: Turn, account_id: bytes, texts: Sequence[str]) -> list[bytes]:
        """Queue texts, all of them or none (STO-28); return their content ids.

        Raises:
            UnknownContact, ContactBlocked, MessageEmpty, MessageTooLarge.
        """
        contact = self._state.contact(account_id)
        if contact.alarm:
            raise ContactBlocked("the identity of this contact has to be looked at first")
        for text in texts:
            if not text:
                raise MessageEmpty("a message has at least one character")
            if len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT_B:
                raise MessageTooLarge(f"a message has at most {MAX_TEXT_B} bytes")
        ids = [self._queue_text(turn, contact, text) for text in texts]
        self.pump(turn, contact)
        return ids

    def _queue_text(self, turn: Turn, contact: Contact, text: str) -> bytes:
        content_id = self._state.ports.rng(CONTENT_ID_B)
        message = Message(
            contact.account_id, content_id, True, text, turn.now_ms, turn.now_ms, MessageState.QUEUED, b""
        )
        self._state.history.append(turn, message)
        self._append(turn, contact, Content(ContentId(content_id), turn.now_ms, Text(text)), shown=True)
        return content_id

    def send_control(
        self,
        turn: Turn,
        contact: Contact,
        payload: Payload,
        *,
        way_back: WayBack | None = None,
        bundle: CompactBundle | None = None,
    ) -> None:
        """Queue a content that the application does not see."""
        content_id = ContentId(self._state.ports.rng(CONTENT_ID_B))
        content = Content(content_id, turn.now_ms, payload, way_back=way_back, bundle=bundle)
        self._append(turn, contact, content, shown=False)
        self.pump(turn, contact)

    def send_address(self, turn: Turn, contact: Contact) -> None:
        """Tell a contact the delivery token that is its own (CON-06)."""
        self.send_control(turn, contact, AddressOnly(), way_back=self.way_back(contact))

    def send_list(self, turn: Turn, contact: Contact) -> None:
        """Tell a contact our newest device list (CON-10)."""
        self.send_control(turn, contact, SignedList(self._state.own.device_list.signed))

    def send_lists_after(self, turn: Turn, contact: Contact, seq: int) -> None:
        """Tell a contact every link from the list that it knows to our newest one (CON-05, ID-07)."""
        newest = self._state.own.device_list.seq
        rows = sorted(self._state.rows.items("list"))
        links = [signed for key, signed in rows if seq < int.from_bytes(key, "big") < newest]
        # Who is further behind has the directory; a contact must not make us send without end.
        for signed in links if len(links) <= _MAX_LINKS else ():
            self.send_control(turn, contact, SignedList(signed))
        self.send_list(turn, contact)

    def send_bundle(self, turn: Turn, contact: Contact) -> None:
        """Give a contact fresh prekeys (CON-07)."""
        self.send_control(turn, contact, BundleOnly(), bundle=self._upkeep.compact(turn, one_time=True))

    def requeue(self, turn: Turn, message: Message) -> None:
        """Queue a text of ours again under the same content id (SES-08)."""
        contact = self._state.contact(message.account_id)
        content = Content(ContentId(message.message_id), message.sent_ms, Text(message.text))
        self._append(turn, contact, content, shown=True)

    def send_loss(self, turn: Turn, contact: Contact) -> None:
        """Tell a contact that we lost our sessions, unless that waits for a session already (SES-07)."""
        lost = Reset(ResetReason.STATE_LOST)
        waiting = (item for item in self._of(contact.account_id) if not item.envelope and not item.shown)
        if any(item.decoded().payload == lost for item in waiting):
            self.pump(turn, contact)
        else:
            self.send_control(turn, contact, lost)

    def unseal(self, turn: Turn, account_id: bytes) -> None:
        """Take back envelopes of a lost session that the relay has not confirmed: their texts are sealed
        anew, and receipts are among the others (SES-20).
        """
        sealed = [item for item in self._of(account_id) if item.envelope]
        for item in sealed:
            message = self.message(turn, account_id, item.message_id)
            self._remove(turn, item)
            if item.shown and message is not None:
                self.requeue(turn, message)
        if not all(item.shown for item in sealed):
            self._receipts_again(turn, self._state.contact(account_id))

    def strike_off(self, turn: Turn, contact: Contact) -> None:
        """End what we have with devices that the contact's list does not name any more (ID-28)."""
        for peer in self._state.peers_of(contact.account_id):
            active = peer.pair.active
            if active is not None and not contact.names(active.peer.record_hash):
                self.unseal(turn, contact.account_id)
                self._state.set_pair(turn, peer, *pairs.retire(peer.pair, turn.now_ms))

    def replace_unanswered(self, turn: Turn) -> None:
        """Let sessions that carry our old device list go; the next send starts anew (SES-17)."""
        for peer in self._state.peers.values():
            active = peer.pair.active
            if active is None or not isinstance(active.phase, AwaitingReply):
                continue
            self.unseal(turn, peer.account_id)
            if active.gen == pairs.LOST_GEN:
                # Behind a session of gen 0 only one with more would be active, and nobody answers on it.
                self._state.drop_sessions(turn, peer)
            else:
                self._state.set_pair(turn, peer, *pairs.retire(peer.pair, turn.now_ms))

    def way_back(self, contact: Contact) -> WayBack:
        """Return our address for a contact: its own token if the relay knows it, else the front door's."""
        mailbox = self._state.mailbox_for(contact.account_id)
        token, known = mailbox.tokens.get(contact.account_id, (b"", False))
        if not known and mailbox.contact != contact.account_id:
            token = mailbox.tokens[b""][0]
        return WayBack(mailbox.id, token, mailbox.relay_url)

    def message(self, turn: Turn, account_id: bytes, message_id: bytes) -> Message | None:
        """Return a text of ours, as this step has left it so far."""
        place = message_place(account_id, message_id, outgoing=True)
        row = turn.read(self._state.rows, "message", place)
        return None if row is None else Message.decode(place, row)

    def set_state(self, turn: Turn, message: Message, state: MessageState, code: str = "") -> None:
        """Move a text of ours on, never back."""
        if _RANK[state] <= _RANK[message.state]:
            return
        message.state = state
        turn.put(message.put())
        turn.notify(MessageStateChanged(message.account_id, message.message_id, state, code))

    def forget(self, turn: Turn, account_id: bytes) -> None:
        """Drop everything that waits for a contact."""
        for item in self._of(account_id):
            self._remove(turn, item)

    def _append(self, turn: Turn, contact: Contact, content: Content, *, shown: bool) -> None:
        own = self._state.own
        item = Outgoing(
            own.next_outbox,
            contact.account_id,
            b"",
            content.id,
            b"",
            contents.encode(content),
            b"",
            shown,
            turn.now_ms,
        )
        own.next_outbox += 1
        turn.put_at_end("account", OWN_KEY, own.put)
        self._state.outbox[item.number] = item
        turn.put(item.put())

    def waits_for(self, account_id: bytes) -> bool:
        """Tell whether something waits for a session with a contact."""
        return any(not item.envelope for item in self._of(account_id))

    def _of(self, account_id: bytes) -> list[Outgoing]:
        return [item for item in self._state.outbox.values() if item.account_id == account_id]

    def _remove(self, turn: Turn, item: Outgoing) -> None:
        self._state.outbox.pop(item.number, None)
        self._in_flight.pop(item.number, None)
        turn.delete("outbox", item.key)

    # --- seal ---

    def pump(self, turn: Turn, contact: Contact) -> None:
        """Seal what waits for a contact, starting a session where there is none, and hand it to the relay."""
        if contact.alarm:
            return
        for item in self._of(contact.account_id):
            if item.envelope:
                continue
            peer = self.peer_for(contact, turn.now_ms)
            if peer is None:
                self._establish(turn, contact)
                break
            if not self._seal(turn, contact, peer, item):
                break
        self.flush(turn, contact)

    def pump_all(self, turn: Turn) -> None:
        """Do so for every contact for whom something waits."""
        for account_id in {item.account_id for item in self._state.outbox.values()}:
            contact = self._state.contacts.get(account_id)
            if contact is not None:
                self.pump(turn, contact)

    def peer_for(self, contact: Contact, now_ms: int) -> Peer | None:
        """Return the device of a contact whose active session can send: the one that wrote last."""
        usable = [
            peer
            for peer in self._state.peers_of(contact.account_id)
            if peer.pair.active is not None and not peer.pair.active.is_expired(now_ms)
        ]
        return max(usable, key=_last_opened, default=None)

    def _seal(self, turn: Turn, contact: Contact, peer: Peer, item: Outgoing) -> bool:
        session = peer.pair.active
        if session is None:
            return False
        try:
            self._seal_on(turn, contact, peer, session, item)
        except ContentTooLarge:
            # It does not fit into a first flight: an address goes ahead, the content follows (HS-05).
            self._send_ahead(turn, contact, peer, session)
            return self._seal(turn, contact, peer, item)
        except (CounterExhausted, SessionExpired):
            self._establish(turn, contact)
            return False
        return True

    def _send_ahead(self, turn: Turn, contact: Contact, peer: Peer, session: Session) -> None:
        content_id = ContentId(self._state.ports.rng(CONTENT_ID_B))
        content = Content(content_id, turn.now_ms, AddressOnly(), way_back=self.way_back(contact))
        self._append(turn, contact, content, shown=False)
        ahead = self._state.outbox[self._state.own.next_outbox - 1]
        self._seal_on(turn, contact, peer, session, ahead)

    def _seal_on(self, turn: Turn, contact: Contact, peer: Peer, session: Session, item: Outgoing) -> None:
        content = self._dressed(turn, contact, peer, session, item.decoded())
        pair, sealed = pairs.seal(
            peer.pair, session.id, content, turn.now_ms, self._state.ports.rng, self._state.ports.encapsulate
        )
        peer.pair = pair
        self._state.store_session(turn, peer, session, sealed.session)
        item.envelope, item.content, item.device_id = sealed.envelope, b"", peer.device_id
        item.msg_id = self._state.ports.rng(_MSG_ID_B)
        turn.put(item.put())
        if content.heads is not None:
            peer.heads_told = self._heads_now(contact)
            turn.put(peer.put())
        if item.shown:
            message = self.message(turn, contact.account_id, item.message_id)
            if message is not None:
                message.record_hash = session.peer.record_hash
                turn.put(message.put())

    def _dressed(
        self, turn: Turn, contact: Contact, peer: Peer, session: Session, content: Content
    ) -> Content:
        """Add what a session's first content and a changed list ask for (HS-05, CON-05)."""
        if peer.heads_told != self._heads_now(contact):
            content = content._replace(heads=Heads(self._state.own.device_list.head, contact.head))
        if isinstance(session.phase, AwaitingReply):
            content = content._replace(way_back=self.way_back(contact))
            if not session.phase.sent and not self._state.own.publish and content.bundle is None:
                content = content._replace(bundle=self._upkeep.compact(turn, one_time=False))
        return content

    def _heads_now(self, contact: Contact) -> tuple[int, int]:
        return self._state.own.device_list.seq, 0 if contact.head is None else contact.head.seq

    # --- relay ---

    def channel_for(self, contact: Contact, peer: Peer | None = None) -> Channel:
        """Return the sending connection for a contact; a person's contacts do not share one (chapter 11)."""
        way = None if peer is None else peer.way_back
        url = contact.relay_url if way is None else way.relay_url
        isolation = b"" if self._state.own.publish else contact.account_id
        return Channel(url, b"", isolation, self._state.is_foreign(url))

    def flush(self, turn: Turn, contact: Contact) -> None:
        """Send sealed envelopes that are not on their way yet, in order, as one batch."""
        if turn.now_ms < self._held_until_ms.get(contact.account_id, 0):
            return
        ready = [
            item
            for item in self._of(contact.account_id)
            if item.envelope and item.number not in self._in_flight
        ]
        if not ready:
            return
        peer = self._state.peers.get(contact.account_id + ready[0].device_id)
        if peer is None or peer.way_back is None or not self._can_be_answered(contact, peer):
            return
        link = self._link_of(turn, self.channel_for(contact, peer))
        if link.state is not LinkState.READY or link.hello is None:
            return
        batch = _batch([item for item in ready if item.device_id == ready[0].device_id])
        works = peer.way_back.token in self._needs_work
        batch = batch[:1] if works else batch
        self._worked_for.update(item.number for item in batch if works)
        for item in batch:
            self._in_flight[item.number] = link.channel
        bits = link.hello.limits.pow_bits_send if works else 0
        context = pow_context_send(peer.way_back.mailbox, batch[0].msg_id)
        link.work(turn, context, bits, partial(self._request, link, contact, peer.way_back, batch))
        if len(batch) < len(ready):
            self.flush(turn, contact)

    def _can_be_answered(self, contact: Contact, peer: Peer) -> bool:
        """Whether the address that a first flight states is one that the relay knows: an answer to another
        would be denied, and so lost (CON-06).
        """
        active = peer.pair.active
        if active is None or not isinstance(active.phase, AwaitingReply):
            return True
        mailbox = self._state.mailbox_for(contact.account_id)
        token = self.way_back(contact).token
        return (token, True) in mailbox.tokens.values()

    def fail_unanswerable(self, turn: Turn, contact: Contact, code: str) -> None:
        """Give up texts that would begin a session whose answers could never come."""
        for item in self._of(contact.account_id):
            peer = self._state.peers.get(contact.account_id + item.device_id)
            if item.shown and peer is not None and not self._can_be_answered(contact, peer):
                self._finish(turn, item, MessageState.FAILED, code)

    def lost(self, channel: Channel) -> None:
        """A sending connection is gone: what was on its way goes out again."""
        self._in_flight = {number: at for number, at in self._in_flight.items() if at != channel}

    def wake_ms(self) -> int | None:
        """Return when a contact that the relay asked us to hold may be tried again."""
        return min(self._held_until_ms.values(), default=None)

    def tick(self, turn: Turn) -> None:
        """Try contacts again whose waiting time is over."""
        for account_id, until_ms in list(self._held_until_ms.items()):
            if turn.now_ms >= until_ms:
                del self._held_until_ms[account_id]
                contact = self._state.contacts.get(account_id)
                if contact is not None:
                    self.pump(turn, contact)

    def hold(self, turn: Turn, account_id: bytes, least_ms: int) -> None:
        """Wait before trying a contact again."""
        self._held_until_ms[account_id] = turn.now_ms + max(least_ms, _RETRY_LEAST_MS)

    def _request(
        self, link: Link, contact: Contact, way: WayBack, batch: list[Outgoing], turn: Turn, work: bytes
    ) -> None:
        frames = tuple(
            SendItem(way.mailbox, way.token, item.msg_id, TtlClass.RETENTION, work, item.envelope)
            for item in batch
        )
        link.request(
            turn,
            lambda request_id: Send(request_id, frames),
            partial(self._answered, contact.account_id, way.token, [item.number for item in batch]),
        )

    def _answered(
        self, account_id: bytes, token: bytes, numbers: list[int], turn: Turn, frame: Response
    ) -> None:
        for number in numbers:
            self._in_flight.pop(number, None)
        contact = self._state.contacts.get(account_id)
        if contact is None:
            return
        if isinstance(frame, SendResults):
            for number, result in zip(numbers, frame.results, strict=False):
                self._one_result(turn, contact, token, number, result)
        elif isinstance(frame, ErrorReply):
            for number in numbers:
                self._one_result(turn, contact, token, number, SendResult(frame.code, frame.retry_after_ms))
        self.flush(turn, contact)

    def _one_result(
        self, turn: Turn, contact: Contact, token: bytes, number: int, result: SendResult
    ) -> None:
        had_work = number in self._worked_for
        self._worked_for.discard(number)
        item = self._state.outbox.get(number)
        if item is None:
            return
        if result.code is ErrorCode.OK:
            self._finish(turn, item, MessageState.SENT, "")
        elif result.code in _FINAL:
            self._finish(turn, item, MessageState.FAILED, f"relay.{result.code.name.lower()}")
        elif result.code is ErrorCode.POW_REQUIRED and not had_work:
            self._needs_work.add(token)
        elif result.code is ErrorCode.DENIED:
            self._was_denied(turn, contact, item)
        else:
            self.hold(turn, contact.account_id, result.retry_after_ms)

    def _was_denied(self, turn: Turn, contact: Contact, item: Outgoing) -> None:
        """The address does not hold (any more): look it up again where there is a directory entry, else
        give up.
        """
        if not contact.published:
            self._finish(turn, item, MessageState.FAILED, "relay.denied")
            return
        self.hold(turn, contact.account_id, _DENIED_RETRY_MS)
        self._establish(turn, contact)

    def _finish(self, turn: Turn, item: Outgoing, state: MessageState, code: str) -> None:
        self._remove(turn, item)
        if not item.shown:
            return
        message = self.message(turn, item.account_id, item.message_id)
        if message is not None:
            self.set_state(turn, message, state, code)


_RANK: Final = {
    MessageState.QUEUED: 0,
    MessageState.SENT: 1,
    MessageState.DELIVERED: 2,
    MessageState.READ: 3,
    MessageState.FAILED: 4,
}


def _last_opened(peer: Peer) -> tuple[int, bytes]:
    active = peer.pair.active
    return (0 if active is None else active.opened_ms), peer.device_id


def _batch(items: list[Outgoing]) -> list[Outgoing]:
    batch: list[Outgoing] = []
    size_b = 0
    for item in items[:_BATCH]:
        size_b += len(item.envelope)
        if batch and size_b > _BATCH_B:
            break
        batch.append(item)
    return batch
