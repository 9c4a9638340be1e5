"""From a delivered envelope to an event: open, store, then acknowledge (HS-07 to HS-09, SES-04 to SES-11).

Whatever is refused is acknowledged as well, since it will never open, and reported; a failure of our own
store is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NoReturn

from e2ee import identity, prekeys
from e2ee import pair as pairs
from e2ee import session as sessions
from e2ee.constants import RELAY_RETENTION_MS
from e2ee.content import (
    Content,
    Receipt,
    ReceiptState,
    Reset,
    ResetReason,
    SignedList,
    Text,
    Unsupported,
)
from e2ee.errors import (
    AuthenticationError,
    IdentityMismatch,
    PqDesync,
    RemoteError,
    ReplayError,
    SkipLimitExceeded,
    UnknownPrekey,
    UnknownSession,
)
from e2ee.identity import DeviceList, FlightIdentity, ListHead
from e2ee.ids import AccountId
from e2ee.pair import Adoption, Inactive, Pair
from e2ee.prekeys import CompactBundle
from e2ee.session import Accepted, Opened, Session
from e2ee.wire import envelope as envelopes
from e2ee.wire.envelope import RawEnvelope
from e2ee_client.events import (
    ContactAdded,
    GapDetected,
    IdentityAlarm,
    MessageReceived,
    MessageRejected,
    MessageState,
    NewDevice,
    ResetCause,
    SessionReset,
    SessionStarted,
    UnsupportedContent,
)

from .outgoing import Outgoings
from .receipts import Receipts
from .records import (
    Contact,
    Mailbox,
    Message,
    OwnPrekey,
    Peer,
    behind_row,
    decode_replay,
    message_place,
    replay_row,
)
from .state import State
from .turn import Turn
from .upkeep import Upkeep

_DAY_MS: Final = 86_400_000
_MAX_RESETS: Final = 3
_RESET_APART_MS: Final = 600_000
_MAX_RESENT: Final = 20
_MAX_ONE_TIME: Final = 16


class Incomings:
    """Everything that arrives in our mailboxes."""

    def __init__(
        self,
        state: State,
        upkeep: Upkeep,
        outgoings: Outgoings,
        receipts: Receipts,
    ) -> None:
        self._state = state
        self._upkeep = upkeep
        self._outgoings = outgoings
        self._receipts = receipts

    def take(self, turn: Turn, mailbox: Mailbox, body: bytes) -> None:
        """Open one delivered body and do what it asks for; never raises for what is in it."""
        try:
            raw = envelopes.decode(body)
            known = self._open_known(turn, mailbox, raw)
            if known is not None:
                self._opened(turn, *known)
            elif raw.prefix:
                self._first_flight(turn, mailbox, raw)
            else:
                raise UnknownSession("no session knows the tag")
        except UnknownSession as error:
            self._rejected(turn, mailbox, error)
            self._unknown(turn, mailbox)
        except RemoteError as error:
            self._rejected(turn, mailbox, error)

    # --- known sessions ---

    def _open_known(self, turn: Turn, mailbox: Mailbox, raw: RawEnvelope) -> tuple[Peer, Opened, bool] | None:
        """Try the sessions that know the tag, in turn (DR-10). In a mailbox of one contact only its own: what
        a relay puts into another mailbox must not tell it whether both are one person's (LKG-07).
        """
        failure: RemoteError | None = None
        for peer_key, session_id in sorted(self._state.tags.get(raw.tag, ())):
            peer = self._state.peers[peer_key]
            if mailbox.contact not in (b"", peer.account_id):
                continue
            session = next(one for one in peer.pair.sessions() if one.id == session_id)
            if not self._state.contacts[peer.account_id].names(session.peer.record_hash):
                failure = IdentityMismatch("a device that was struck off its account's list")
                continue
            try:
                opened = sessions.open_(session, raw, turn.now_ms)
            except AuthenticationError as error:
                failure = error
                continue
            except (SkipLimitExceeded, PqDesync):
                self._renew(turn, self._state.contacts[peer.account_id], peer)
                raise
            split = self._is_split(peer, session)
            peer.pair = pairs.updated(peer.pair, opened.session)
            self._state.store_session(turn, peer, session, opened.session)
            is_active = peer.pair.active is opened.session
            if not is_active and not self._state.contacts[peer.account_id].accepted:
                peer.pair, peer.heads_told = _written_on(peer.pair, opened.session, turn.now_ms), (0, 0)
                turn.put(peer.put())
            if peer.lost:
                peer.lost = False
                turn.put(peer.put())
            return peer, opened, split
        if failure is not None:
            raise failure
        return None

    def _is_split(self, peer: Peer, session: Session) -> bool:
        """Whether the peer writes on a session that we do not write on (SES-16): on another one than our
        active one, or, where we have none, while nothing waits that begins one.
        """
        if peer.pair.active is None:
            return not self._outgoings.waits_for(peer.account_id)
        return pairs.is_settled(peer.pair) and peer.pair.active is not session

    def _opened(self, turn: Turn, peer: Peer, opened: Opened, split: bool = False) -> bool:
        """Do what a content asks for; tell whether a new session has taken the place of this one."""
        contact = self._state.contacts[peer.account_id]
        if opened.missing or opened.dropped:
            turn.notify(GapDetected(contact.account_id, opened.missing, opened.dropped))
        self._content(turn, contact, peer, opened.content)
        is_lost = (
            opened.content.payload == Reset(ResetReason.STATE_LOST) and opened.session.gen != pairs.LOST_GEN
        )
        if is_lost:
            self._answer_loss(turn, contact, peer)
        elif split:
            self._renew(turn, contact, peer)
        self._outgoings.pump(turn, contact)
        return is_lost or split

    # --- first flights ---

    def _first_flight(self, turn: Turn, mailbox: Mailbox, raw: RawEnvelope) -> None:
        replay_key = sessions.replay_key(raw)
        taken = turn.read(self._state.rows, "replay", replay_key)
        if taken is not None:
            self._refuse_again(mailbox, *decode_replay(taken))
        found = self._upkeep.responder_keys(envelopes.decode_prefix(raw.prefix))
        if found is None:
            raise UnknownPrekey("the first flight names a prekey that is gone")
        keys, one_time = found
        accepted = sessions.respond(raw, keys, self._pinned, turn.now_ms)
        if mailbox.contact not in (b"", accepted.identity.record.account_id):
            raise IdentityMismatch("a first flight of somebody else in a mailbox of one contact")
        self._check_new(accepted)
        contact = self._contact_of(turn, mailbox, accepted.identity)
        peer = self._peer_of(turn, contact, accepted.identity)
        for item in one_time:
            self._upkeep.delete(turn, item)
        ends_ms = keys.spk.prekey.not_after_ms + RELAY_RETENTION_MS
        turn.put(replay_row(replay_key, ends_ms, contact.account_id, accepted.opened.session.id))
        self._adopt(turn, contact, peer, accepted, one_time)

    def _refuse_again(self, mailbox: Mailbox, account_id: bytes, session_id: bytes) -> NoReturn:
        """Refuse a flight that was taken before (HS-09). Where a session of a contact is gone, they write on
        it and repeat the prefix until somebody answers: that is told, and in their mailbox a loss (SES-19).
        """
        is_theirs = mailbox.contact in (b"", account_id) and account_id in self._state.contacts
        peers = self._state.peers_of(account_id)
        if is_theirs and not any(one.id == session_id for peer in peers for one in peer.pair.sessions()):
            raise UnknownSession("a first flight whose session is gone")
        raise ReplayError("a first flight that was taken before")

    def _check_new(self, accepted: Accepted) -> None:
        """Refuse what the pair cannot take, before anything changes (SES-13)."""
        record, session = accepted.identity.record, accepted.opened.session
        known = self._state.peers.get(record.account_id + record.device_id)
        if known is not None:
            known.check_keys(record)
            pairs.check_gen(known.pair, session.gen)
            if any(one.id == session.id for one in known.pair.sessions()):
                raise ReplayError("a session that is known")

    def _adopt(
        self, turn: Turn, contact: Contact, peer: Peer, accepted: Accepted, one_time: list[OwnPrekey]
    ) -> None:
        session = accepted.opened.session
        adopt = pairs.adopt if contact.accepted else _adopt_newest
        adoption = adopt(peer.pair, session, turn.now_ms)
        self._state.store_session(turn, peer, None, session)
        self._state.set_pair(turn, peer, adoption.pair, adoption.gone)
        turn.notify(SessionStarted(contact.account_id, False, session.one_time.x25519, session.one_time.kem))
        if adoption.is_active:
            peer.heads_told = (0, 0)
        peer.lost = False
        turn.put(peer.put())
        is_replaced = self._opened(turn, peer, accepted.opened)
        self._receipts.wait(turn)
        if is_replaced:
            return
        if adoption.answers_loss:
            self._answer_loss(turn, contact, peer)
        elif adoption.disagrees or (peer.pair.active is None and self._is_split(peer, session)):
            self._renew(turn, contact, peer)

    def _pinned(self, account_id: AccountId) -> DeviceList | None:
        contact = self._state.contacts.get(account_id)
        return None if contact is None else contact.device_list()

    def _contact_of(self, turn: Turn, mailbox: Mailbox, found: FlightIdentity) -> Contact:
        account_id = found.record.account_id
        contact = self._state.contacts.get(account_id)
        if contact is None:
            contact = Contact(account_id, None, mailbox.relay_url, published=False)
            self._state.contacts[account_id] = contact
            turn.notify(ContactAdded(account_id))
        if contact.head is None or found.device_list.seq > contact.head.seq:
            contact.pin(found.device_list)
            self._outgoings.strike_off(turn, contact)
        turn.put(contact.put())
        return contact

    def _peer_of(self, turn: Turn, contact: Contact, found: FlightIdentity) -> Peer:
        record = found.record
        key = contact.account_id + record.device_id
        peer = self._state.peers.get(key)
        if peer is None:
            others = any(True for _ in self._state.peers_of(contact.account_id))
            peer = self._state.peers[key] = Peer(contact.account_id, record.device_id, record.encoded)
            if others:
                turn.notify(NewDevice(contact.account_id, record.device_id))
        peer.record_b = record.encoded
        return peer

    # --- lost state ---

    def _answer_loss(self, turn: Turn, contact: Contact, peer: Peer) -> None:
        """The peer lost its sessions: write on none of them again; within the limit start a new one and send
        again what it never confirmed (SES-07, SES-08).
        """
        self._outgoings.unseal(turn, contact.account_id)
        # Where both have lost it, one of the two has to begin with more than 0.
        peer.lost = False
        self._state.set_pair(turn, peer, *pairs.retire(peer.pair, turn.now_ms))
        self._receipts.again(turn, contact)
        if not self._may_reset(turn, peer):
            self._outgoings.pump(turn, contact)
            return
        resent = self._resend(turn, contact, peer)
        turn.notify(SessionReset(contact.account_id, ResetCause.THEIR_LOSS, resent))
        if resent:
            self._outgoings.pump(turn, contact)
        else:
            self._outgoings.send_control(turn, contact, Reset(ResetReason.ANSWER))

    def _renew(self, turn: Turn, contact: Contact, peer: Peer) -> None:
        """The two sides write on different sessions: start one that both take (SES-16)."""
        if self._may_reset(turn, peer):
            self._outgoings.unseal(turn, contact.account_id)
            self._state.set_pair(turn, peer, *pairs.retire(peer.pair, turn.now_ms))
            self._outgoings.send_control(turn, contact, Reset(ResetReason.REPLACED))

    def our_loss(self, turn: Turn, contact: Contact, peers: Sequence[Peer]) -> None:
        """We lost our sessions with devices of a contact: none of them is used again. One with gen 0 asks for
        a new one, within the limit (SES-07, STO-15).
        """
        self._outgoings.unseal(turn, contact.account_id)
        for peer in peers:
            peer.lost = True
            self._state.drop_sessions(turn, peer)
        told = [peer for peer in peers if self._may_reset(turn, peer)]
        if told:
            turn.notify(SessionReset(contact.account_id, ResetCause.OUR_LOSS))
            self._outgoings.send_loss(turn, contact)

    def _may_reset(self, turn: Turn, peer: Peer) -> bool:
        """Whether to start a session for a reset: not beyond the limit, nor with somebody who is not
        accepted, to whom nothing goes back (CON-04).
        """
        if not self._state.contacts[peer.account_id].accepted or not _has_resets_left(turn, peer):
            return False
        peer.resets_ms = [*_resets_within(turn, peer, _DAY_MS), turn.now_ms]
        turn.put(peer.put())
        return True

    def _resend(self, turn: Turn, contact: Contact, peer: Peer) -> int:
        record_hash = peer.record().hash
        waiting = {item.message_id for item in self._state.outbox.values()}
        again: list[Message] = []
        for place, row in self._state.rows.items("message"):
            if place[0] != 1 or place[1:33] != contact.account_id:
                continue
            message = Message.decode(place, turn.read(self._state.rows, "message", place) or row)
            fresh = message.sent_ms > turn.now_ms - _DAY_MS and message.message_id not in waiting
            if fresh and message.state is MessageState.SENT and message.record_hash == record_hash:
                again.append(message)
        for message in again[-_MAX_RESENT:]:
            self._outgoings.requeue(turn, message)
        return len(again[-_MAX_RESENT:])

    def _unknown(self, turn: Turn, mailbox: Mailbox) -> None:
        """What no session knows, in a mailbox of one contact, means that our sessions are gone (SES-19)."""
        contact = self._state.contacts.get(mailbox.contact)
        if contact is None:
            return
        peers = list(self._state.peers_of(contact.account_id))
        is_told = any(_resets_within(turn, peer, _RESET_APART_MS) for peer in peers)
        if not is_told and all(_has_resets_left(turn, peer) for peer in peers):
            self.our_loss(turn, contact, peers)

    def _rejected(self, turn: Turn, mailbox: Mailbox, error: RemoteError) -> None:
        if not isinstance(error, ReplayError):
            turn.notify(MessageRejected(mailbox.contact, error.code))

    # --- content ---

    def _content(self, turn: Turn, contact: Contact, peer: Peer, content: Content) -> None:
        self._extras(turn, contact, peer, content)
        match content.payload:
            case Text(text):
                self._text(turn, contact, content, text)
            case Receipt(state, ids):
                self._receipt(turn, contact, state, ids)
            case Reset(reason):
                if reason is ResetReason.ANSWER:
                    turn.notify(SessionReset(contact.account_id, ResetCause.OUR_LOSS))
            case SignedList(signed):
                self._list(turn, contact, signed)
            case Unsupported(kind, _):
                turn.notify(UnsupportedContent(contact.account_id, content.id, kind))
            case _:
                pass

    def _extras(self, turn: Turn, contact: Contact, peer: Peer, content: Content) -> None:
        if content.way_back is not None and not self._may_connect(content.way_back.relay_url):
            turn.notify(MessageRejected(contact.account_id, "remote.content"))
        elif content.way_back is not None and content.sent_ms >= peer.way_back_ms:
            peer.way_back, peer.way_back_ms = content.way_back, content.sent_ms
            turn.put(peer.put())
        if content.bundle is not None:
            self._bundle(turn, contact, peer, content.bundle)
        if content.heads is not None:
            self._heads(turn, contact, content.heads.own, content.heads.peer)

    def _may_connect(self, relay_url: str) -> bool:
        """Whether an address may be followed: a peer must not send us to services of our own machine
        (CON-06).
        """
        return relay_url.startswith("wss://") or self._state.own.relay_url.startswith("ws://")

    def _bundle(self, turn: Turn, contact: Contact, peer: Peer, bundle: CompactBundle) -> None:
        try:
            given = prekeys.verify_compact(peer.record(), bundle)
        except RemoteError as error:
            turn.notify(MessageRejected(contact.account_id, error.code))
            return
        peer.spk, peer.pqk = given.spk.signed, given.pqk.signed
        peer.opks = [*peer.opks, *(item.signed for item in given.opks)][-_MAX_ONE_TIME:]
        fresh = (item.signed for item in given.one_time_pqks)
        peer.one_time_pqks = [*peer.one_time_pqks, *fresh][-_MAX_ONE_TIME:]
        turn.put(peer.put())

    def _heads(self, turn: Turn, contact: Contact, theirs: ListHead, ours: ListHead | None) -> None:
        """Compare what both sides know of both lists (CON-05)."""
        pinned, own = contact.head, self._state.own.device_list
        if pinned is not None and theirs.seq == pinned.seq and theirs.hash != pinned.hash:
            self._alarm(turn, contact, "remote.list_fork")
        if ours is None:
            return
        if ours.seq > own.seq or (ours.seq == own.seq and ours.hash != own.hash):
            turn.notify(IdentityAlarm(contact.account_id, "remote.list_fork"))
        elif ours.seq < own.seq and contact.accepted:
            self._outgoings.send_lists_after(turn, contact, ours.seq)
        elif ours.seq < own.seq:
            # Nothing goes to somebody who is not accepted; it is made up for then.
            turn.put(behind_row(contact.account_id, ours.seq))

    def _alarm(self, turn: Turn, contact: Contact, code: str) -> None:
        contact.alarm = code
        turn.put(contact.put())
        turn.notify(IdentityAlarm(contact.account_id, code))

    def _text(self, turn: Turn, contact: Contact, content: Content, text: str) -> None:
        place = message_place(contact.account_id, content.id, outgoing=False)
        if turn.read(self._state.rows, "message", place) is None:
            message = Message(
                contact.account_id,
                content.id,
                False,
                text,
                content.sent_ms,
                turn.now_ms,
                MessageState.DELIVERED,
                b"",
            )
            self._state.history.append(turn, message)
            self._receipts.arrived(turn, contact.account_id, content.id)
            turn.notify(MessageReceived(contact.account_id, content.id, text, content.sent_ms, turn.now_ms))
        self._receipts.due(turn, contact.account_id, [content.id])

    def _receipt(self, turn: Turn, contact: Contact, state: ReceiptState, ids: tuple[bytes, ...]) -> None:
        reached = MessageState.READ if state is ReceiptState.READ else MessageState.DELIVERED
        for message_id in ids:
            message = self._outgoings.message(turn, contact.account_id, message_id)
            if message is not None:
                self._outgoings.set_state(turn, message, reached)

    def _list(self, turn: Turn, contact: Contact, signed: bytes) -> None:
        """Follow the contact's list link by link (CON-10, ID-07)."""
        try:
            device_list = DeviceList.verify(contact.account_id, signed)
            if contact.head is None or device_list.head == contact.head:
                return
            identity.check_link(contact.head, device_list)
        except RemoteError as error:
            if error.code == "remote.list_fork":
                self._alarm(turn, contact, error.code)
            else:
                turn.notify(MessageRejected(contact.account_id, error.code))
            return
        contact.pin(device_list)
        turn.put(contact.put())
        self._outgoings.strike_off(turn, contact)


def _adopt_newest(pair: Pair, session: Session, now_ms: int) -> Adoption:
    """Adopt a flight of somebody who is not accepted: whatever its `gen`, it is the active session, since
    nothing goes back that could end a disagreement (SES-07, CON-04).
    """
    older, gone = pairs.retire(pair, now_ms)
    adoption = pairs.adopt(pairs.FRESH, session, now_ms)
    highest = max(older.highest_gen, session.gen)
    newest = replace(adoption.pair, inactive=older.inactive, highest_gen=highest)
    return adoption._replace(pair=newest, gone=gone)


def _written_on(pair: Pair, session: Session, now_ms: int) -> Pair:
    """Let the session that somebody writes on who is not accepted be the active one; where there is none, as
    after their loss, it became inactive only now (SES-05).
    """
    others = tuple(item for item in pair.inactive if item.session.id != session.id)
    if pair.active is None:
        return replace(pair, inactive=(*others, Inactive(session, now_ms)))
    return replace(pair, active=session, inactive=(*others, Inactive(pair.active, now_ms)))


def _resets_within(turn: Turn, peer: Peer, span_ms: int) -> list[int]:
    """Resets of the last while; one of a time to come was made while the clock was wrong, and is none."""
    return [at_ms for at_ms in peer.resets_ms if turn.now_ms - span_ms < at_ms <= turn.now_ms]


def _has_resets_left(turn: Turn, peer: Peer) -> bool:
    return len(_resets_within(turn, peer, _DAY_MS)) < _MAX_RESETS
