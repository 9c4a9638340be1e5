"""The client without I/O: commands and network events in, effects out.

Theory of operation. The engine keeps everything but texts in memory and changes it step by step; each step
collects
its row changes in a `Turn`, which puts one commit before whatever leaves the device. If the commit fails,
the shell
throws the engine away and loads it again from the store, which is the truth. Time and randomness come in
from outside.

    commands  --> outgoing --> (establish) --> link --> effects
    delivered --> incoming --> store, events, acknowledgement
    time      --> upkeep (prekeys, device list), links (reconnect), receipts
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, assert_never

from e2ee_relay.protocol import (
    MAX_POW_BITS,
    Displaced,
    Frame,
    FrameError,
    GoAway,
    Hello,
    LowPrekeys,
    QueueEmpty,
    Response,
    Role,
    decode_frames,
)
from e2ee_relay.protocol import (
    Message as DeliveredMessage,
)

from e2ee import fingerprint
from e2ee import session as sessions
from e2ee.card import ContactCard
from e2ee.content import MAX_RECEIPT_IDS, BundleOnly, Nothing, Receipt, ReceiptState, SignedList
from e2ee.ids import ContentId
from e2ee.secret import AccountKey, RecoveryKey
from e2ee.session import Health
from e2ee_client.errors import ConfigError
from e2ee_client.events import (
    ConnectionChanged,
    ConnectionState,
    MessageState,
)
from e2ee_client.rows import Continuity

from .effects import Channel, Effect
from .establish import Establish
from .history import MessageName
from .incoming import Incomings
from .link import Link, LinkState
from .mailboxes import Mailboxes
from .outgoing import Outgoings
from .ports import Ports, RowReader, Setup
from .receipts import Receipts
from .records import BEHIND_PREFIX, Contact, Mailbox, Message, decode_behind
from .state import State
from .turn import Turn
from .upkeep import Upkeep, account_key_of, new_account

_MAINTAIN_EVERY_MS: Final = 3_600_000
_DISPLACED_RETRY_MS: Final = 60_000
_TOO_MUCH_WORK_RETRY_MS: Final = 600_000


class ContactView(NamedTuple):
    """A contact as the application sees it; `alarm` is an error code while its identity has to be looked
    at.
    """

    account_id: bytes
    name: str | None
    relay_url: str
    accepted: bool
    verified: bool
    alarm: str


class MessageView(NamedTuple):
    """A text of either side as the application sees it."""

    message_id: bytes
    outgoing: bool
    text: str
    sent_ms: int
    received_ms: int
    state: MessageState

    def __repr__(self) -> str:
        return f"<message {'to' if self.outgoing else 'from'} a contact, {self.state.value}>"


class Engine:
    """One per open store; not to be used from several threads at a time."""

    def __init__(self, state: State) -> None:
        """Not for callers: use `create` or `load`."""
        self._state = state
        self._links: dict[Channel, Link] = {}
        self._online = False
        self._maintain_at_ms: int | None = None
        self._upkeep = Upkeep(state)
        self._mailboxes = Mailboxes(
            state, self._upkeep, self._link_of, self._mailbox_usable, self._mailbox_unwanted
        )
        self._outgoings = Outgoings(
            state, self._upkeep, self._link_of, self._start_session, self._receipts_again
        )
        self._receipts = Receipts(state, self._outgoings)
        self._establish = Establish(
            state,
            self._link_of,
            self._outgoings.channel_for,
            self._outgoings.hold,
            self._outgoings.strike_off,
            self._session_begun,
        )
        self._incomings = Incomings(state, self._upkeep, self._outgoings, self._receipts)

    # --- life ---

    @classmethod
    def create(
        cls, setup: Setup, ports: Ports, rows: RowReader, now_ms: int
    ) -> tuple[Engine, RecoveryKey, list[Effect]]:
        """Make a new account in an empty store. The recovery key is returned once and kept nowhere
        (ID-13).
        """
        made = new_account(setup, ports, now_ms)
        turn = Turn(now_ms)
        engine = cls(State(ports, rows, made.own))
        engine._upkeep.store_list(turn, made.own.device_list)
        engine._upkeep.rotate(turn)
        if setup.publish:
            engine._mailboxes.add(turn, setup.relay_url, b"")
        return engine, made.recovery_key, turn.effects()

    @classmethod
    def load(
        cls, rows: RowReader, continuity: Continuity, ports: Ports, now_ms: int
    ) -> tuple[Engine, list[Effect]]:
        """Go on from a store; unless it continues the last run, every session counts as lost (STO-15,
        SES-07).

        Raises:
            StoreCorrupt: a row does not fit.
        """
        engine = cls(State.load(rows, ports))
        turn = Turn(now_ms)
        if not continuity.keeps_sessions:
            engine._sessions_lost(turn)
        return engine, turn.effects()

    def start(self, now_ms: int) -> list[Effect]:
        """Go online: look after what has to be renewed and open the connections of our mailboxes."""
        turn = Turn(now_ms)
        self._online = True
        self._maintain(turn)
        for mailbox in list(self._state.mailboxes.values()):
            self._link_of(turn, self._mailboxes.channel(mailbox))
        self._outgoings.pump_all(turn)
        self._receipts.wait(turn)
        return turn.effects()

    def stop(self, now_ms: int) -> list[Effect]:
        """Go offline: close every connection."""
        turn = Turn(now_ms)
        self._online = False
        for link in self._links.values():
            turn.close(link.channel)
            self._lost(link.channel)
        self._links.clear()
        return turn.effects()

    # --- network ---

    def connected(self, channel: Channel, now_ms: int) -> list[Effect]:
        """A connection that was asked for stands."""
        turn = Turn(now_ms)
        link = self._links.get(channel)
        if link is None:
            turn.close(channel)
        else:
            link.connected(turn)
        return turn.effects()

    def disconnected(self, channel: Channel, now_ms: int, code: str = "") -> list[Effect]:
        """A connection could not be opened, for the reason `code`, or is gone."""
        turn = Turn(now_ms)
        link = self._links.get(channel)
        if link is not None and link.state is not LinkState.CLOSED:
            self._went_down(turn, link, code)
            if self._is_forgotten(channel):
                del self._links[channel]
            else:
                link.down(turn)
        return turn.effects()

    def received(self, channel: Channel, data: bytes, now_ms: int) -> list[Effect]:
        """A binary message arrived; bytes that are no message of the protocol end the connection (RLY-03)."""
        turn = Turn(now_ms)
        link = self._links.get(channel)
        if link is None or link.state in (LinkState.CLOSED, LinkState.OPENING):
            return []
        try:
            frames = decode_frames(data, Role.CLIENT)
        except FrameError:
            self._went_down(turn, link)
            link.drop(turn)
            return turn.effects()
        for frame in frames:
            self._frame(turn, link, frame)
        return turn.effects()

    def worked(self, channel: Channel, number: int, work: bytes, now_ms: int) -> list[Effect]:
        """Work that was asked for has been found."""
        turn = Turn(now_ms)
        link = self._links.get(channel)
        if link is not None:
            link.worked(turn, number, work)
        return turn.effects()

    def tick(self, now_ms: int) -> list[Effect]:
        """Do what time asks for; called at or after `next_wake_ms`."""
        turn = Turn(now_ms)
        if not self._online:
            return []
        for link in list(self._links.values()):
            if link.tick(turn):
                self._went_down(turn, link)
        if _due(self._maintain_at_ms, now_ms):
            self._maintain(turn)
        if _due(self._mailboxes.refill_at_ms, now_ms):
            self._mailboxes.refill(turn)
        if _due(self._receipts.at_ms, now_ms):
            self._receipts.send(turn)
        self._outgoings.tick(turn)
        return turn.effects()

    @property
    def next_wake_ms(self) -> int | None:
        """When to call `tick`; None while offline."""
        if not self._online:
            return None
        times = [
            self._maintain_at_ms,
            self._receipts.at_ms,
            self._mailboxes.refill_at_ms,
            self._outgoings.wake_ms(),
            *(link.wake_ms() for link in self._links.values()),
        ]
        return min((at_ms for at_ms in times if at_ms is not None), default=None)

    # --- commands ---

    def add_contact(self, card: ContactCard, now_ms: int) -> tuple[bytes, list[Effect]]:
        """Add a contact from its card, pinning the account id; adding it again changes nothing.

        Raises:
            ConfigError: the card is our own.
        """
        turn = Turn(now_ms)
        if card.account_id == self._state.own.account_id:
            raise ConfigError("this contact card is your own")
        if card.account_id not in self._state.contacts:
            contact = Contact(card.account_id, card.name, card.relay_url, published=True, accepted=True)
            self._state.contacts[card.account_id] = contact
            turn.put(contact.put())
            if not self._state.own.publish:
                mailbox = self._mailboxes.add(turn, card.relay_url, card.account_id)
                self._link_of(turn, self._mailboxes.channel(mailbox))
            else:
                self._mailboxes.ensure_token(turn, card.account_id)
        return card.account_id, turn.effects()

    def accept_contact(self, account_id: bytes, now_ms: int) -> list[Effect]:
        """Accept somebody who wrote first: from now on receipts go out, and it gets a token of its own
        (CON-04).
        """
        turn = Turn(now_ms)
        self._accept(turn, self._state.contact(account_id))
        return turn.effects()

    def forget_contact(self, account_id: bytes, now_ms: int) -> list[Effect]:
        """Delete a contact with its sessions, keys, texts and address here and at the relay."""
        turn = Turn(now_ms)
        contact = self._state.contact(account_id)
        self._establish.forget(account_id)
        self._outgoings.forget(turn, account_id)
        self._mailboxes.forget(turn, account_id)
        for peer in list(self._state.peers_of(account_id)):
            self._state.drop_sessions(turn, peer)
            del self._state.peers[peer.key]
            turn.delete("peer", peer.key)
        self._state.history.forget(turn, account_id)
        self._receipts.forget(turn, account_id)
        turn.delete("meta", BEHIND_PREFIX + account_id)
        del self._state.contacts[contact.account_id]
        turn.delete("contact", account_id)
        return turn.effects()

    def set_verified(self, account_id: bytes, verified: bool, now_ms: int) -> list[Effect]:
        """Note that a person has compared the safety number; that also ends an alarm."""
        turn = Turn(now_ms)
        contact = self._state.contact(account_id)
        contact.verified = verified
        if verified:
            contact.alarm = ""
        turn.put(contact.put())
        self._outgoings.pump(turn, contact)
        return turn.effects()

    def set_name(self, account_id: bytes, name: str | None, now_ms: int) -> list[Effect]:
        """Name a contact; the name stays on this device."""
        turn = Turn(now_ms)
        contact = self._state.contact(account_id)
        contact.name = name
        turn.put(contact.put())
        return turn.effects()

    def send_text(self, account_id: bytes, text: str, now_ms: int) -> tuple[bytes, list[Effect]]:
        """Send one text, as `send_texts` does."""
        (message_id,), effects = self.send_texts(account_id, [text], now_ms)
        return message_id, effects

    def send_texts(
        self, account_id: bytes, texts: Sequence[str], now_ms: int
    ) -> tuple[list[bytes], list[Effect]]:
        """Send texts, all or none; they are safe in the store when the first effect is done (STO-28). Writing
        to somebody accepts them.

        Raises:
            UnknownContact, ContactBlocked, MessageEmpty, MessageTooLarge.
        """
        turn = Turn(now_ms)
        contact = self._state.contact(account_id)
        message_ids = self._outgoings.send_texts(turn, account_id, texts)
        self._accept(turn, contact)
        return message_ids, turn.effects()

    def mark_read(self, account_id: bytes, message_ids: Iterable[bytes], now_ms: int) -> list[Effect]:
        """Mark texts as read; those that were not yet get a read receipt, if the account has them switched on
        and the contact is accepted (CON-04).
        """
        turn = Turn(now_ms)
        contact = self._state.contact(account_id)
        marked = self._state.history.mark_read(turn, account_id, message_ids)
        if self._state.own.read_receipts and contact.accepted:
            ids = tuple(ContentId(one) for one in marked)
            for start in range(0, len(ids), MAX_RECEIPT_IDS):
                part = ids[start : start + MAX_RECEIPT_IDS]
                self._outgoings.send_control(turn, contact, Receipt(ReceiptState.READ, part))
        return turn.effects()

    def renewal_request(self, now_ms: int) -> bytes:
        """Return what an account key that is kept offline has to sign (ID-12)."""
        return self._upkeep.renewal_request(now_ms)

    def install_list(self, signed: bytes, now_ms: int) -> list[Effect]:
        """Install a device list that was signed elsewhere (ID-12).

        Raises:
            ConfigError: it does not fit.
        """
        turn = Turn(now_ms)
        self._upkeep.install_list(turn, signed)
        self._list_renewed(turn)
        return turn.effects()

    def export_account_key(self) -> AccountKey:
        """Return the account key.

        Raises:
            AccountKeyAbsent: it is kept elsewhere.
        """
        return account_key_of(self._state.own)

    def remove_account_key(self, now_ms: int) -> list[Effect]:
        """Forget the account key here.

        Raises:
            AccountKeyAbsent: it is not here.
        """
        turn = Turn(now_ms)
        account_key_of(self._state.own)
        self._upkeep.remove_account_key(turn)
        return turn.effects()

    # --- queries ---

    @property
    def account_id(self) -> bytes:
        """Our account id."""
        return self._state.own.account_id

    @property
    def list_expires_ms(self) -> int:
        """When our device list ends."""
        return self._state.own.device_list.expires_ms

    @property
    def connection_state(self) -> ConnectionState:
        """Whether all of our mailboxes are connected and, for a published account, entry and prekeys are
        in place.
        """
        states = [link.state for channel, link in self._links.items() if channel.mailbox]
        if not states or not self._online or all(state is LinkState.CLOSED for state in states):
            return ConnectionState.OFFLINE
        everything = all(state is LinkState.READY for state in states)
        everything = everything and (self._mailboxes.published or not self._state.own.publish)
        return ConnectionState.ONLINE if everything else ConnectionState.CONNECTING

    @property
    def is_settled(self) -> bool:
        """Whether our relays know what they have to: every link stands, entry published, requests
        answered, receipts sent.
        """
        own = self._state.own
        known = not own.publish or own.published_seq == own.device_list.seq
        ready = all(link.state is LinkState.READY for link in self._links.values())
        asked = any(link.pending or link.working for link in self._links.values())
        return self._online and known and ready and not asked and self._receipts.at_ms is None

    def card(self) -> ContactCard:
        """Return our contact card."""
        own = self._state.own
        return ContactCard(own.account_id, own.relay_url, own.name)

    def safety_number(self, account_id: bytes) -> str:
        """Return the sixty digits to compare with a contact (ID-25)."""
        return fingerprint.safety_number(
            self._state.own.account_id, self._state.contact(account_id).account_id
        )

    def qr_payload(self, account_id: bytes) -> str:
        """Return the text of the QR code to compare with a contact (ID-26)."""
        return fingerprint.qr_payload(self._state.own.account_id, self._state.contact(account_id).account_id)

    def health(self, account_id: bytes, now_ms: int) -> Health | None:
        """Return how fresh the session is on which we write to a contact; None without one (PQ-16)."""
        peer = self._outgoings.peer_for(self._state.contact(account_id), now_ms)
        if peer is None or peer.pair.active is None:
            return None
        return sessions.health(peer.pair.active, now_ms)

    def contacts(self) -> list[ContactView]:
        """Return all contacts."""
        return [
            ContactView(one.account_id, one.name, one.relay_url, one.accepted, one.verified, one.alarm)
            for one in self._state.contacts.values()
        ]

    def history(self, account_id: bytes, before: MessageName | None, limit: int) -> list[MessageView]:
        """Return the newest texts exchanged with a contact, or those before one of them, in order.

        Raises:
            UnknownMessage: `before` is no text of this contact.
        """
        return [_view(one) for one in self._state.history.page(account_id, before, limit)]

    def unread(self, account_id: bytes) -> int:
        """Return how many texts of a contact are unread."""
        return self._state.history.unread(self._state.contact(account_id).account_id)

    def message(self, account_id: bytes, message_id: bytes, outgoing: bool | None = None) -> MessageView:
        """Return one text of one side, or of either.

        Raises:
            UnknownMessage: no text of this contact has this id.
        """
        return _view(self._state.history.message(account_id, message_id, outgoing))

    # --- inside ---

    def _frame(self, turn: Turn, link: Link, frame: Frame) -> None:
        match frame:
            case Hello():
                self._hello(turn, link, frame)
            case DeliveredMessage():
                self._delivered(turn, link, frame)
            case Displaced():
                self._went_down(turn, link)
                link.drop(turn, _DISPLACED_RETRY_MS)
            case GoAway():
                self._went_down(turn, link)
                link.drop(turn, frame.retry_after_ms)
            case LowPrekeys():
                self._mailboxes.low(turn, frame)
            case QueueEmpty():
                pass
            case _:
                if isinstance(frame, Response):
                    link.answer(turn, frame)

    def _is_forgotten(self, channel: Channel) -> bool:
        """Whether a connection was for a mailbox that is gone with its contact."""
        return bool(channel.mailbox) and channel.mailbox not in self._state.mailboxes

    def _hello(self, turn: Turn, link: Link, hello: Hello) -> None:
        if link.state is not LinkState.GREETING:
            return
        if self._is_forgotten(link.channel):
            turn.close(link.channel)
            del self._links[link.channel]
            return
        if max(hello.limits.pow_bits) > MAX_POW_BITS:
            self._went_down(turn, link)
            link.drop(turn, _TOO_MUCH_WORK_RETRY_MS)
            turn.notify(
                ConnectionChanged(ConnectionState.OFFLINE, link.channel.relay_url, "relay.too_much_work")
            )
            return
        link.greeted(hello)
        if link.channel.mailbox:
            self._mailboxes.greeted(turn, link)
            return
        link.ready()
        self._outgoings.pump_all(turn)

    def _delivered(self, turn: Turn, link: Link, frame: DeliveredMessage) -> None:
        mailbox = self._state.mailboxes.get(frame.mailbox)
        if mailbox is None or link.channel.mailbox != frame.mailbox:
            return
        if frame.seq and self._state.taken.knows(mailbox.id, frame.msg_id):
            # It has not heard, or not kept, our acknowledgement (SES-18).
            self._mailboxes.acknowledge(turn, link, mailbox, frame)
            return
        self._incomings.take(turn, mailbox, frame.body)
        if frame.seq:
            self._state.taken.add(turn, mailbox.id, frame.msg_id)
            self._mailboxes.acknowledge(turn, link, mailbox, frame)

    def _link_of(self, turn: Turn, channel: Channel) -> Link:
        """Return the link of a channel, opening the connection if we are online and it is new."""
        link = self._links.get(channel)
        if link is None:
            link = Link(channel, self._state.ports.rng)
            if self._online:
                self._links[channel] = link
                link.open(turn)
        return link

    def _went_down(self, turn: Turn, link: Link, code: str = "") -> None:
        self._lost(link.channel)
        if link.channel.mailbox:
            self._mailboxes.published = False
            turn.notify(ConnectionChanged(ConnectionState.OFFLINE, link.channel.relay_url, code))

    def _lost(self, channel: Channel) -> None:
        self._outgoings.lost(channel)
        self._establish.lost(channel)

    def _start_session(self, turn: Turn, contact: Contact) -> None:
        if self._online:
            self._establish.start(turn, contact)

    def _mailbox_usable(self, turn: Turn, mailbox: Mailbox, contacts: list[bytes]) -> None:
        """The relay knows these contacts' tokens: tell those of a published account, and send what waited."""
        for account_id in contacts:
            contact = self._state.contacts.get(account_id)
            if contact is not None and not mailbox.contact and contact.accepted:
                self._outgoings.send_address(turn, contact)
        self._outgoings.pump_all(turn)

    def _mailbox_unwanted(self, turn: Turn, mailbox: Mailbox, code: str) -> None:
        """The relay makes none for us: nobody could answer what waits to begin a session (CON-06)."""
        for contact in list(self._state.contacts.values()):
            if self._state.mailbox_for(contact.account_id) is mailbox:
                self._outgoings.fail_unanswerable(turn, contact, code)

    def _accept(self, turn: Turn, contact: Contact) -> None:
        if contact.accepted:
            return
        contact.accepted = True
        turn.put(contact.put())
        self._mailboxes.ensure_token(turn, contact.account_id)
        behind = self._state.rows.get("meta", BEHIND_PREFIX + contact.account_id)
        if behind is not None:
            self._outgoings.send_lists_after(turn, contact, decode_behind(behind))
            turn.delete("meta", BEHIND_PREFIX + contact.account_id)
        if self._state.receipts.get(contact.account_id):
            self._receipts.wait(turn)

    def _sessions_lost(self, turn: Turn) -> None:
        """The store does not continue its last run (STO-15): no session of it is used again.

        Prekeys stay: the relay goes on handing them out, and flights to them are on their way.
        """
        for contact in list(self._state.contacts.values()):
            peers = [peer for peer in self._state.peers_of(contact.account_id) if peer.pair.sessions()]
            if peers:
                self._incomings.our_loss(turn, contact, peers)

    def _maintain(self, turn: Turn) -> None:
        self._maintain_at_ms = turn.now_ms + _MAINTAIN_EVERY_MS
        self._upkeep.sweep(turn)
        rotated = self._upkeep.rotate(turn)
        if rotated and not self._state.own.publish:
            self._tell_peers(turn, BundleOnly())
        if rotated:
            self._mailboxes.refill(turn)
        if self._upkeep.renew_list(turn):
            self._list_renewed(turn)
        self._keep_alive(turn)

    def _keep_alive(self, turn: Turn) -> None:
        """Turn the ratchets of sessions that have fallen silent, where it is our turn (PQ-17).

        A message after one that has not been answered would heal nothing, so at most one is under way.
        """
        after_ms = self._state.ports.keep_alive_ms
        if after_ms is None:
            return
        for contact in list(self._state.contacts.values()):
            peer = self._outgoings.peer_for(contact, turn.now_ms)
            if not contact.accepted or contact.alarm or peer is None or peer.pair.active is None:
                continue
            session = peer.pair.active
            if sessions.is_our_turn(session) and turn.now_ms >= session.opened_ms + after_ms:
                self._outgoings.send_control(turn, contact, Nothing())

    def _list_renewed(self, turn: Turn) -> None:
        self._outgoings.replace_unanswered(turn)
        self._tell_peers(turn, SignedList(self._state.own.device_list.signed))
        self._mailboxes.refill(turn)

    def _tell_peers(self, turn: Turn, payload: BundleOnly | SignedList) -> None:
        """Send to every contact with an active session (CON-07, CON-10)."""
        for contact in list(self._state.contacts.values()):
            if not contact.accepted or self._outgoings.peer_for(contact, turn.now_ms) is None:
                continue
            match payload:
                case SignedList():
                    self._outgoings.send_list(turn, contact)
                case BundleOnly():
                    self._outgoings.send_bundle(turn, contact)
                case _:
                    assert_never(payload)

    def _session_begun(self, turn: Turn, contact: Contact) -> None:
        """What waited for a session goes on it."""
        self._outgoings.pump(turn, contact)
        self._receipts.wait(turn)

    def _receipts_again(self, turn: Turn, contact: Contact) -> None:
        self._receipts.again(turn, contact)


def _view(one: Message) -> MessageView:
    return MessageView(one.message_id, one.outgoing, one.text, one.sent_ms, one.received_ms, one.state)


def _due(at_ms: int | None, now_ms: int) -> bool:
    return at_ms is not None and now_ms >= at_ms
