"""From a delivered envelope to a content: find its session, open it, or start one with it (HS-07 to HS-09).

What does not authenticate changes nothing but doubt (SES-23). It is left at the relay when it first comes,
and acknowledged when it comes again (SES-41); whatever else is refused is acknowledged at once, and
reported.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from e2ee import pair as pairs
from e2ee import session as sessions
from e2ee.constants import MAX_JUMP, MAX_LIST_RECORDS, RELAY_RETENTION_MS
from e2ee.content import Content, Text
from e2ee.errors import (
    AuthenticationError,
    BudgetExceeded,
    DecodeError,
    IdentityMismatch,
    ListFork,
    NoRight,
    PqDesync,
    RemoteError,
    ReplayError,
    SkipLimitExceeded,
    UnknownPrekey,
    UnknownSession,
    UnsupportedVersion,
)
from e2ee.handshake import ResponderKeys
from e2ee.identity import DeviceList, DeviceRecord
from e2ee.ids import AccountId, SessionId
from e2ee.pair import Change
from e2ee.session import Accepted, Opened, Session
from e2ee.wire import envelope as envelopes
from e2ee.wire.envelope import RawEnvelope
from e2ee_client.events import Churn, ContactAdded, MessageRejected, NewDevice

from .forks import in_force
from .own_mailbox import Mailbox
from .part import Part
from .peers import Peer
from .records import Contact, TakenFlight, check_keys
from .turn import Turn

if TYPE_CHECKING:
    from .context import Context

STRANGER_SKIP: Final = 64
_NOT_AUTHENTIC: Final = (AuthenticationError, UnknownSession, UnknownPrekey, DecodeError, UnsupportedVersion)


class Incoming(Part):
    """Everything that arrives in our mailboxes."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._churn_ms: dict[bytes, int] = {}  # when that of an account was told

    def take(self, turn: Turn, mailbox: Mailbox, body: bytes) -> bool:
        """Open a body and do what it asks for, whatever is in it; False if it did not authenticate."""
        try:
            raw = envelopes.decode(body)
            if not self._open_known(turn, mailbox, raw):
                if not raw.prefix:
                    raise UnknownSession("no session knows the tag")
                self._first_flight(turn, mailbox, raw)
        except _NOT_AUTHENTIC as error:
            turn.notify(MessageRejected(mailbox.contact, error.code))
            self._doubt(turn, mailbox)
            return False
        except ReplayError:
            return True
        except RemoteError as error:
            turn.notify(MessageRejected(mailbox.contact, error.code))
        return True

    def _doubt(self, turn: Turn, mailbox: Mailbox) -> None:
        """In a mailbox made for one contact, what does not open may show that a session is lost (SES-25)."""
        contact = self._state.contacts.get(mailbox.contact)
        if contact is not None:
            self._context.renewal.doubt_all(turn, contact)

    # --- known sessions ---

    def _open_known(self, turn: Turn, mailbox: Mailbox, raw: RawEnvelope) -> bool:
        """Open a message of a session that knows its tag (DR-10); False if none does. In a mailbox of one
        contact only its own are asked: what a relay puts into another mailbox must not tell it whether both
        are one person's (LKG-07).
        """
        failure: RemoteError | None = None
        for peer_key, session_id in sorted(self._state.tags.get(raw.tag, ())):
            peer = self._state.peers[peer_key]
            contact = peer.contact
            if mailbox.contact not in (b"", peer.account_id):
                continue
            session = self._state.sessions[session_id]
            if not contact.names(peer.record.hash):
                failure = IdentityMismatch("a device that was struck off its account's list")
                continue
            try:
                opened = sessions.open_(session, raw, turn.now_ms, self._max_skip(turn, peer))
            except AuthenticationError as error:
                failure = error
                continue
            except (SkipLimitExceeded, PqDesync):
                self._context.renewal.doubt(turn, peer)
                raise
            self._take_known(turn, peer, session, opened)
            return True
        if failure is not None:
            raise failure
        return False

    def _max_skip(self, turn: Turn, peer: Peer) -> int:
        limit = MAX_JUMP if peer.contact.accepted else STRANGER_SKIP
        return min(limit, pairs.left(peer.pair, "skips", turn.now_ms))

    def _take_known(self, turn: Turn, peer: Peer, session: Session, opened: Opened) -> None:
        """Carry out a content, or refuse it; the session goes on either way (CNS-28).

        Raises:
            RemoteError: the gate, or what no device of ours may send (ACC-38).
        """
        try:
            self._admit(turn, peer.record, opened.content)
        except RemoteError:
            self._state.store_session(turn, peer, session, opened.session)
            change = self._context.renewal.opened(turn, peer, opened)
            self._context.renewal.settle(turn, peer, session.id, change)
            raise
        self._state.store_session(turn, peer, session, opened.session)
        self._finish(turn, peer, opened, self._context.renewal.opened(turn, peer, opened))

    def _admit(self, turn: Turn, record: DeviceRecord, content: Content) -> None:
        if record.account_id != self._state.own.account_id:
            self._context.rooms.admit(turn, record, content)
        elif isinstance(content.payload, Text):
            raise NoRight("a device of our own account writes no texts")

    def _finish(self, turn: Turn, peer: Peer, opened: Opened, change: Change) -> None:
        self._context.directory.heard(turn, peer)
        self._context.contents.take(turn, peer, opened.session, opened.content)
        self._context.renewal.settle(turn, peer, opened.session.id, change)

    # --- first flights ---

    def _first_flight(self, turn: Turn, mailbox: Mailbox, raw: RawEnvelope) -> None:
        prefix, replay_key = envelopes.decode_prefix(raw.prefix), sessions.replay_key(raw)
        if not self._context.upkeep.has_signed_prekey(prefix, mailbox.contact):
            # Before the replay cache: a copy in another mailbox of ours is as unknown as anybody's (LKG-07).
            raise UnknownPrekey("the first flight names no prekey of this mailbox")
        taken = turn.read(self._state.rows, "replay", replay_key)
        if taken is not None:
            self._refuse_again(TakenFlight.decode(replay_key, taken).session_id)
        self._check_budget(turn, mailbox)
        found = self._context.upkeep.responder_keys(prefix, mailbox.contact)
        if found is None:
            raise UnknownPrekey("the first flight names a prekey that is gone")
        keys, one_time = found
        accepted = self._respond(turn, mailbox, raw, keys)
        self._check_new(turn, accepted)
        self._admit(turn, accepted.record, accepted.opened.content)
        contact = self._contact_of(turn, mailbox, accepted)
        peer = self._peer_of(turn, contact, accepted)
        self._context.upkeep.used(turn, one_time)
        ends_ms = keys.spk.prekey.not_after_ms + RELAY_RETENTION_MS
        turn.put(TakenFlight(replay_key, ends_ms, accepted.opened.session.id).put())
        self._adopt(turn, peer, accepted)

    def _respond(self, turn: Turn, mailbox: Mailbox, raw: RawEnvelope, keys: ResponderKeys) -> Accepted:
        """Open a flight. One with another list that the account has signed for a number raises the alarm, and
        the list is kept; unless that was settled, and its device is not struck off (ID-11, ID-52).
        """
        respond, skip = partial(sessions.respond, raw, keys), self._skip_of(turn, mailbox)
        named: list[AccountId] = []

        def pinned(account_id: AccountId) -> DeviceList | None:
            named.append(account_id)
            return self._pinned(mailbox, account_id)

        try:
            return respond(pinned, turn.now_ms, skip)
        except ListFork as error:
            contact = self._state.contacts.get(named[-1])
            if contact is None:
                raise
            other = self._context.forks.beside(turn, contact, error)
            if other is None:
                self._context.forks.alarm(turn, contact, error)
                raise
            accepted = respond(lambda _: other, turn.now_ms, skip)
            in_force(contact, accepted.device_list).check_record(accepted.record)
            return accepted

    def _refuse_again(self, session_id: SessionId) -> None:
        """Refuse a flight that was taken before; where its session is gone, that is no mere copy: a peer
        repeats its prefix until somebody answers (HS-09).

        Raises:
            UnknownSession, ReplayError.
        """
        if session_id not in self._state.sessions:
            raise UnknownSession("a first flight whose session is gone")
        raise ReplayError("a first flight that was taken before")

    def _check_budget(self, turn: Turn, mailbox: Mailbox) -> None:
        """Refuse a flight before any work where all devices of the contact have used up their budget."""
        peers = self._state.peers_of(mailbox.contact) if mailbox.contact else []
        if peers and not any(pairs.left(one.pair, "flights", turn.now_ms) for one in peers):
            self._over_budget(turn, mailbox.contact)

    def _over_budget(self, turn: Turn, account_id: bytes) -> None:
        if not 0 <= turn.now_ms - self._churn_ms.get(account_id, -pairs.DAY_MS) < pairs.DAY_MS:
            self._churn_ms[account_id] = turn.now_ms
            turn.notify(Churn(account_id))
        raise BudgetExceeded("more first flights in a day than a pair may have")

    def _skip_of(self, turn: Turn, mailbox: Mailbox) -> int:
        contact = self._state.contacts.get(mailbox.contact)
        return MAX_JUMP if contact is not None and contact.accepted else STRANGER_SKIP

    def _pinned(self, mailbox: Mailbox, account_id: AccountId) -> DeviceList | None:
        """Return what is pinned of whom a flight names. In a mailbox of one contact nobody else is looked up:
        whether we know another account is nobody's business there (LKG-07).
        """
        if mailbox.contact not in (b"", account_id):
            raise IdentityMismatch("a first flight of somebody else in a mailbox of one contact")
        contact = self._state.party(account_id)
        return None if contact is None else contact.device_list()

    def _check_new(self, turn: Turn, accepted: Accepted) -> None:
        """Refuse what the pair cannot take, before anything changes (SES-35, ID-27)."""
        record, session = accepted.record, accepted.opened.session
        if record.account_id == self._state.own.account_id:
            self._context.colleagues.check_flight(turn, accepted)
        known = self._state.peers.get(record.account_id + record.device_id)
        if session.id in self._state.sessions:
            raise ReplayError("a session that is known")
        if known is not None:
            check_keys(known.record, record)
            if not pairs.left(known.pair, "flights", turn.now_ms):
                self._over_budget(turn, record.account_id)
        elif self._new_devices(turn, record.account_id) >= MAX_LIST_RECORDS:
            self._over_budget(turn, record.account_id)

    def _new_devices(self, turn: Turn, account_id: AccountId) -> int:
        """Return how many devices of an account have made first flights in the windows that run."""
        peers = self._state.peers_of(account_id)
        return sum(one.pair.budget.at(turn.now_ms).flights > 0 for one in peers)

    def _adopt(self, turn: Turn, peer: Peer, accepted: Accepted) -> None:
        opened = accepted.opened
        self._context.renewal.heard(turn, peer, opened.session)
        peer.heard_ms = turn.now_ms
        self._finish(turn, peer, opened, Change(peer.pair))

    def _contact_of(self, turn: Turn, mailbox: Mailbox, found: Accepted) -> Contact:
        account_id = found.record.account_id
        if account_id == self._state.own.account_id:
            return self._state.colleagues
        contact = self._state.contacts.get(account_id)
        if contact is None:
            contact = Contact(account_id, None, mailbox.relay_url, published=False)
            self._state.contacts[account_id] = contact
            turn.notify(ContactAdded(account_id))
        self._context.contents.pin(turn, contact, found.device_list, (found.record,))
        return contact

    def _peer_of(self, turn: Turn, contact: Contact, found: Accepted) -> Peer:
        record = found.record
        peer = self._state.peers.get(contact.account_id + record.device_id)
        if peer is None:
            if self._state.peers_of(contact.account_id):
                turn.notify(NewDevice(contact.account_id, record.device_id))
            peer = self._state.new_peer(contact, record)
            self._context.rooms.devices_changed(turn, contact.account_id)
            self._context.announcing.met(turn, peer)
        peer.record = record
        return peer
