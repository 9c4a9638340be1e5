"""The one place that decides whether a session is started, asked on, told on or given up (chapter 08).

The rules are those of `e2ee.pair`; here they meet the ratchets, the relay and the clock.

    need, want --> try_start --> directory (published) or prekeys of the peer --> start: session, first ask
    opened, synced, doubt --> ask, tell, texts again
    tick --> silence, repeats, gaps
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from e2ee import pair as pairs
from e2ee import prekeys
from e2ee import session as sessions
from e2ee.constants import ASK_ID_B, CLOCK_TOLERANCE_MS, PREKEY_GRACE_MS
from e2ee.content import Sync, SyncKind
from e2ee.errors import E2eeError, RemoteError
from e2ee.ids import SessionId
from e2ee.numbers import Finding
from e2ee.pair import Change, Pair, Standing, Wanted
from e2ee.prekeys import CompactBundle, VerifiedBundle
from e2ee.session import Opened, Session
from e2ee_client.events import (
    Doubt,
    Gap,
    GapFilled,
    IdentityAlarm,
    ListStale,
    Parted,
    RolledBack,
    SessionProven,
    SessionStarted,
    Unreachable,
)

from .deadlines import Deadlines
from .part import Part
from .peers import Peer
from .records import Contact
from .turn import Turn

if TYPE_CHECKING:
    from .context import Context

_RETRY_MS: Final = 600_000
_TICK_APART_MS: Final = 1_000
_STARTS_A_TICK: Final = 5
_UNREACHABLE_MS: Final = 3 * pairs.DAY_MS
_MAX_DOUBTED: Final = 4
_ASKS_AT_ONCE: Final = 64


class Renewal(Part):
    """Sessions with all devices of all contacts."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._looks: Deadlines[bytes] = Deadlines()  # when a pair waits for something
        self._starts: Deadlines[bytes] = Deadlines()  # when the session that is wanted is tried
        self._put_off_ms: dict[bytes, int] = {}  # until then no session is started with a device
        self._stale: set[bytes] = set()
        self._out: set[bytes] = set()  # devices with which no session can be started
        self._unreachable: set[bytes] = set()  # accounts of which that was told
        for peer in self._state.peers.values():
            self._note(peer, 0)

    # --- which session sends ---

    def session_for(self, turn: Turn, peer: Peer) -> Session | None:
        """Return the session that texts to a device go on (SES-22); None while there is none."""
        if self.is_held(turn, peer.contact):
            return None
        session_id = pairs.sending(peer.pair, turn.now_ms)
        return None if session_id is None else self._state.sessions[session_id]

    def with_sessions(self, turn: Turn, contact: Contact) -> Iterator[tuple[Peer, Session]]:
        """Yield the devices of a contact to which something can be sent now, with their sessions."""
        for peer in self._state.peers_named(contact):
            session = self.session_for(turn, peer)
            if session is not None:
                yield peer, session

    def is_held(self, turn: Turn, contact: Contact) -> bool:
        """Whether nothing is sealed for a contact: a person has to look at it first (ID-66), or its list
        is too old (ID-36).
        """
        return bool(contact.alarm) or self.is_stale(turn, contact)

    def is_stale(self, turn: Turn, contact: Contact) -> bool:
        """Whether a contact's list is so far past its end that nothing is sealed for it (ID-36)."""
        device_list = contact.device_list()
        if device_list is None or turn.now_ms <= device_list.expires_ms + CLOCK_TOLERANCE_MS:
            self._stale.discard(contact.account_id)
            return False
        if contact.account_id not in self._stale:
            self._stale.add(contact.account_id)
            turn.notify(ListStale(contact.account_id))
            self._context.directory.look_up(turn, contact)
        return True

    def was_stale(self, contact: Contact) -> bool:
        """Whether the list of a contact was too old when it was looked at last."""
        return contact.account_id in self._stale

    def catch_up(self, turn: Turn, contact: Contact) -> None:
        """A newer list or a person ends the time in which nothing was sealed: our own list may have been left
        out meanwhile, and the ask of the week, with our prekeys (ID-36, ID-66, SES-25).
        """
        if self.is_held(turn, contact) or not contact.accepted:
            return
        self._context.telling.tell_list(turn, contact)  # ahead of an ask, by which it counts as told
        if not self._state.own.publish:
            bundle = self._context.upkeep.compact(turn, contact.account_id, one_time=True)
            self.ask_weekly(turn, contact, bundle)

    def exhausted(self, turn: Turn, peer: Peer, session: Session) -> None:
        """A session can send no more: another one is needed (DR-09, HS-04)."""
        pair = pairs.ended(peer.pair, session.id)
        if pair.met and pair.wanted is None:
            pair = replace(pair, wanted=Wanted(turn.now_ms))
        self.set_pair(turn, peer, pair)

    # --- starting ---

    def need(self, turn: Turn, peer: Peer) -> None:
        """A text waits for a session with a device (SES-22)."""
        if self.is_held(turn, peer.contact):
            return
        pair = peer.pair
        is_sought = pair.wanted is not None or (pair.met and pair.candidate is not None)
        if not is_sought and pairs.sending(pair, turn.now_ms) is None:
            self.want(turn, peer)
        self.try_start(turn, peer)

    def want(self, turn: Turn, peer: Peer) -> None:
        """Note that a session with a device is to be started."""
        self.set_pair(turn, peer, replace(peer.pair, wanted=peer.pair.wanted or Wanted(turn.now_ms)))

    def try_start(self, turn: Turn, peer: Peer) -> bool:
        """Start the session that is wanted, if it may be now; tell whether that was tried (SES-26)."""
        if peer.pair.wanted is None or not self._may_start(turn, peer):
            return False
        contact = peer.contact
        if not contact.published and peer.pair.met and peer.prekeys() is None:
            # Who gives none within sessions has them in the directory (ID-68).
            contact.published = True
            turn.put(contact.put())
        if contact.published:
            self._context.directory.fetch(turn, peer)
        else:
            self._start_from_given(turn, peer)
        return True

    def _start_from_given(self, turn: Turn, peer: Peer) -> None:
        bundle = self._bundle_of(turn, peer)
        if bundle is None:
            self._retry_later(turn, peer)
            self._tell_unreachable(turn, peer)
        else:
            self.start(turn, peer, bundle)

    def _may_start(self, turn: Turn, peer: Peer) -> bool:
        is_first = not peer.pair.met or peer.pair.candidate is None
        is_put_off = turn.now_ms < self._put_off_ms.get(peer.key, 0)
        is_due = self._context.links.is_online and not is_put_off
        is_free = pairs.left(peer.pair, "starts", turn.now_ms) > 0
        return self._is_open(peer) and is_first and is_due and is_free

    def _is_open(self, peer: Peer) -> bool:
        """Whether sessions are started with a device at all: no time changes that, but a person does."""
        return peer.contact.accepted and not peer.contact.alarm and not self._state.is_stopped

    def _bundle_of(self, turn: Turn, peer: Peer) -> VerifiedBundle | None:
        """Make a bundle of what the device gave us inside a session (ID-19, SES-34)."""
        device_list, given = peer.contact.device_list(), peer.prekeys()
        if device_list is None or given is None or peer.pair.wanted is None:
            return None
        try:
            verified = prekeys.verify_compact(peer.record, given.bundle)
            opk, pqk, rest = verified.take(turn.now_ms)
            use_one_time = not peer.pair.wanted.again
            grace_ms = PREKEY_GRACE_MS if peer.pair.met else 0
            bundle = prekeys.bundle_from_peer(
                peer.record,
                device_list,
                verified.spk,
                opk if use_one_time else None,
                (pqk if use_one_time else None) or verified.pqk,
                turn.now_ms,
                grace_ms=grace_ms,
            )
        except RemoteError:
            return None
        if use_one_time:
            peer.given[peer.given_in] = given._replace(bundle=rest.compact())
            turn.put(peer.put())
        return bundle

    def start(self, turn: Turn, peer: Peer, bundle: VerifiedBundle) -> None:
        """Start a session from a verified bundle; its first content is an ask (SES-24)."""
        own, ports, pair = self._state.own, self._state.ports, peer.pair
        if turn.now_ms > own.device_list.expires_ms:
            self._context.upkeep.remind(turn)
            self._context.entry.compare_daily(turn)
            self._retry_later(turn, peer)
            return
        try:
            epoch = pairs.next_epoch(pair, turn.now_ms)
            session = sessions.initiate(
                own.device,
                own.device_list,
                bundle,
                epoch,
                turn.now_ms,
                ports.rng,
                ports.encapsulate,
                grace_ms=PREKEY_GRACE_MS if pair.met else 0,
            )
        except E2eeError as error:
            turn.notify(IdentityAlarm(peer.account_id, error.code))
            self._retry_later(turn, peer)
            return
        active = self._active(peer)
        beside = None if active is None else active.ratchet_key
        standing = Standing(session.id, epoch, True, turn.now_ms, session.ends_ms, beside=beside)
        self._adopt(turn, peer, session, pairs.started(pair, standing, turn.now_ms))
        self._send_ask(turn, peer, session, self._our_bundle(turn, peer.contact))
        self._context.sending.pump(turn, peer.contact)

    def _active(self, peer: Peer) -> Session | None:
        active = peer.pair.active
        return None if active is None else self._state.sessions[active.id]

    def _our_bundle(self, turn: Turn, contact: Contact) -> CompactBundle | None:
        own = self._state.own
        return None if own.publish else self._context.upkeep.compact(turn, contact.account_id, one_time=False)

    def _tell_if_long(self, turn: Turn, peer: Peer) -> None:
        candidate = peer.pair.candidate
        if candidate is not None and peer.pair.met and turn.now_ms > candidate.since_ms + _UNREACHABLE_MS:
            self._tell_unreachable(turn, peer)

    def _tell_unreachable(self, turn: Turn, peer: Peer) -> None:
        """Tell that no session with a device can be started, when that holds of all devices (SES-43)."""
        self._out.add(peer.key)
        if peer.contact is self._state.colleagues:
            return
        met = (one for one in self._state.peers_named(peer.contact) if one.pair.met)
        if peer.account_id not in self._unreachable and all(one.key in self._out for one in met):
            self._unreachable.add(peer.account_id)
            turn.notify(Unreachable(peer.account_id))

    # --- what comes ---

    def heard(self, turn: Turn, peer: Peer, session: Session) -> None:
        """Take in a session that a device has started; it proves nothing yet (SES-23)."""
        ends_ms = turn.now_ms + pairs.SEARCH_MS
        standing = Standing(session.id, session.origin.epoch, False, turn.now_ms, ends_ms)
        self._adopt(turn, peer, session, pairs.heard(peer.pair, standing, turn.now_ms))

    def _adopt(self, turn: Turn, peer: Peer, session: Session, change: Change) -> None:
        self._state.store_session(turn, peer, None, session)
        self.set_pair(turn, peer, change.pair, change.gone)
        peer.told = (0, 0, b"")
        turn.put(peer.put())
        x25519, kem = session.origin.one_time
        turn.notify(SessionStarted(peer.account_id, session.origin.initiator, x25519, kem))

    def opened(self, turn: Turn, peer: Peer, opened: Opened) -> Change:
        """Note that a message of a session has opened; what was lost on others goes again on it (SES-37)."""
        session = opened.session
        change = pairs.opened(peer.pair, session.id, opened.answered, turn.now_ms)
        pair = change.pair
        if opened.skipped:
            pair = pairs.used(pair, "skips", turn.now_ms, opened.skipped)
        peer.heard_ms = turn.now_ms
        self._out.discard(peer.key)
        self._unreachable.discard(peer.account_id)
        self.set_pair(turn, peer, pair, change.gone)
        if change.proven:
            peer.proven(session.id)
            peer.forget_prekeys()
            turn.put(peer.put())
            turn.notify(SessionProven(peer.account_id))
        if change.activated:
            self._context.sending.again_from_others(turn, peer, session.id)
        return change

    def settle(self, turn: Turn, peer: Peer, session_id: SessionId, change: Change) -> None:
        """After the content: doubt, what waits, the message that proves our session (SES-24)."""
        if not peer.contact.accepted or peer.contact.alarm:
            return
        if change.is_doubted:
            self.doubt(turn, peer)
        self._context.sending.pump(turn, peer.contact)
        session = self._state.sessions.get(session_id)
        if session is None or not change.activated or not session.origin.initiator:
            return
        if sessions.is_our_turn(session):
            self._send_tell(turn, peer, session, None)

    def synced(self, turn: Turn, peer: Peer, session: Session, sync: Sync) -> None:
        """Take what a device tells of itself, and answer an ask on its session (SES-24)."""
        change = pairs.synced(peer.pair, session.id, sync, turn.now_ms)
        self.set_pair(turn, peer, change.pair, change.gone)
        self.tell_findings(turn, peer, change.findings)
        if change.rolled_back:
            turn.notify(RolledBack(peer.account_id))
        if not peer.contact.accepted or self.is_held(turn, peer.contact):
            return
        self.answer(turn, peer, session.id, sync)
        active = peer.pair.active
        if active is not None and active.id == session.id:
            self._context.sending.again_up_to(turn, peer, sync.got)
        self.try_start(turn, peer)

    def answer(self, turn: Turn, peer: Peer, session_id: SessionId, sync: Sync) -> None:
        """Answer an ask on its session, if that is kept (SES-24)."""
        session = self._state.sessions.get(session_id)
        if sync.kind is not SyncKind.ASK or session is None:
            return
        if isinstance(session.phase, sessions.Started) or not pairs.left(peer.pair, "tells", turn.now_ms):
            return
        self.set_pair(turn, peer, pairs.used(peer.pair, "tells", turn.now_ms))
        self._send_tell(turn, peer, session, sync.ask_id)

    def tell_findings(self, turn: Turn, peer: Peer, findings: list[Finding]) -> None:
        """Tell what the numbers of a device have shown (SES-30)."""
        for finding in findings:
            turn.notify(_FINDINGS[finding](peer.account_id))

    # --- doubt ---

    def doubt(self, turn: Turn, peer: Peer, patience_ms: int = pairs.SHORT_PATIENCE_MS) -> None:
        """Something shows that the two sides may not share a session: ask on the active one (SES-25)."""
        active = self._active(peer)
        if not peer.contact.accepted or active is None or self.is_held(turn, peer.contact):
            return
        if pairs.may_ask(peer.pair, turn.now_ms):
            turn.notify(Doubt(peer.account_id))
            self._ask(turn, peer, active, patience_ms)

    def _doubt_silence(self, turn: Turn, peer: Peer) -> None:
        """A text is unconfirmed for a day: ask, or where nothing was proven yet look for another session; the
        one that it went on may be lost on the other side (SES-22, SES-25).
        """
        if peer.pair.met or peer.pair.candidate is not None:
            self.doubt(turn, peer)
        elif not self.is_held(turn, peer.contact):
            self.want(turn, peer)

    def doubt_all(self, turn: Turn, contact: Contact) -> None:
        """Doubt the devices of a contact that were heard last: which one a tag belongs to is not known."""
        peers = sorted(self._state.peers_in_force(contact), key=lambda one: one.heard_ms)
        for peer in peers[-_MAX_DOUBTED:]:
            self.doubt(turn, peer)

    def ask_weekly(self, turn: Turn, contact: Contact, bundle: CompactBundle) -> None:
        """Give fresh prekeys to each device of a contact, with an ask (SES-25)."""
        for peer in self._state.peers_named(contact):
            active = self._active(peer)
            if active is not None and not self.is_held(turn, contact):
                self._ask(turn, peer, active, pairs.LONG_PATIENCE_MS, bundle=bundle)

    def ask_missed(self, turn: Turn, since_ms: int) -> None:
        """Ask devices that were not asked since then, 64 at a time: the answers state the numbers of what has
        not arrived here. With an account without an entry the weekly ask of that does so (ROOM-79, SES-25).
        """
        missed = (one for one in self._state.peers.values() if self._may_have_missed(turn, one, since_ms))
        for peer in list(islice(missed, _ASKS_AT_ONCE)):
            active = self._active(peer)
            if active is not None:
                self._ask(turn, peer, active, pairs.LONG_PATIENCE_MS)

    def _may_have_missed(self, turn: Turn, peer: Peer, since_ms: int) -> bool:
        contact = peer.contact
        is_meant = contact.published and contact.accepted and contact.names(peer.record.hash)
        is_asked = since_ms <= peer.pair.asked_ms <= turn.now_ms
        is_due = is_meant and not is_asked and pairs.may_ask(peer.pair, turn.now_ms)
        return is_due and not self.is_held(turn, contact)

    def ask_daily(self, turn: Turn, peer: Peer) -> None:
        """Ask a device whether it is there, a day after the last ask of it; one that was not met is asked by
        the session that is started (ROOM-80).
        """
        active, pair = self._active(peer), peer.pair
        if not pair.met:
            self.need(turn, peer)
        is_due = turn.now_ms >= min(pair.asked_ms, turn.now_ms) + pairs.DAY_MS or not pair.asked_ms
        if active is None or not is_due or self.is_held(turn, peer.contact):
            return
        if pairs.may_ask(pair, turn.now_ms):
            self._ask(turn, peer, active, pairs.LONG_PATIENCE_MS)

    def is_out(self, peer: Peer, now_ms: int) -> bool:
        """Whether for three days no session with a device could be started (SES-43) and nothing of it has
        come, by what is stored; the relay has delivered all it had.
        """
        pair, mailbox = peer.pair, self._state.mailbox_for(peer.account_id)
        began = [one.created_ms for one in pair.sessions if one.ours and not one.proven]
        began += [] if pair.wanted is None else [pair.wanted.since_ms]
        # A time ahead of the clock says nothing; a sign of life has dropped what began before it (SES-27).
        heard_ms = peer.heard_ms if peer.heard_ms <= now_ms else 0
        first_ms = min((one for one in began if one >= heard_ms), default=now_ms)
        has_all = self._context.links.has_all_of(self._context.mailboxes.channel(mailbox))
        return has_all and now_ms > first_ms + _UNREACHABLE_MS

    def ask_taken(self, turn: Turn, peer: Peer, ask_id: bytes) -> None:
        """The relay has taken an ask: from now on silence counts (SES-26)."""
        self.set_pair(turn, peer, pairs.ask_taken(peer.pair, ask_id, turn.now_ms))

    def ask_refused(self, turn: Turn, peer: Peer, ask_id: bytes) -> None:
        """The relay will not take an ask: it must not stand in the way of the next one (SES-25)."""
        self.set_pair(turn, peer, pairs.ask_refused(peer.pair, ask_id))

    def _ask(
        self,
        turn: Turn,
        peer: Peer,
        session: Session,
        patience_ms: int,
        *,
        bundle: CompactBundle | None = None,
        for_gap: bool = False,
    ) -> None:
        ask_id = self._send_ask(turn, peer, session, bundle)
        pair = pairs.asked(peer.pair, ask_id, patience_ms, turn.now_ms, for_gap=for_gap)
        self.set_pair(turn, peer, pair)

    def _send_ask(self, turn: Turn, peer: Peer, session: Session, bundle: CompactBundle | None) -> bytes:
        ask_id = self._state.ports.rng(ASK_ID_B)
        if isinstance(session.phase, sessions.Started):
            self._context.posting.ahead(turn, peer, session, bundle)
            session = self._state.sessions[session.id]
        sync = _sync(SyncKind.ASK, ask_id, peer.pair)
        self._context.sending.send_control(turn, peer, session, sync, bundle=bundle)
        return ask_id

    def _send_tell(self, turn: Turn, peer: Peer, session: Session, ask_id: bytes | None) -> None:
        sync = _sync(SyncKind.TELL, ask_id, peer.pair)
        self._context.sending.send_control(turn, peer, session, sync)

    # --- time ---

    def start_all(self, turn: Turn) -> None:
        """Try every session that is wanted, those that were heard last first."""
        for key in list(self._starts):
            self._starts.set(key, turn.now_ms, -self._state.peers[key].heard_ms)
        self.tick(turn)

    def start_with(self, turn: Turn, account_id: bytes) -> None:
        """The connection of a contact stands: try the sessions that are wanted with it."""
        for peer in self._state.peers_of(account_id):
            if peer.key in self._starts:
                self._starts.set(peer.key, turn.now_ms, -peer.heard_ms)
        self.tick(turn)

    def permitted(self, turn: Turn, account_id: bytes) -> None:
        """A person has accepted a contact, or ended its alarm: try soon what is wanted with it (SES-22)."""
        for peer in self._state.peers_of(account_id):
            start_ms = self._start_ms(peer)
            if start_ms is not None:
                self._starts.set(peer.key, max(start_ms, turn.now_ms), -peer.heard_ms)
        self._wake(turn)

    def listed(self, turn: Turn) -> None:
        """Our next list is here: try what could not be started under the one before (ID-08)."""
        if self._put_off_ms:
            self._put_off_ms.clear()
            self.start_all(turn)

    def tick(self, turn: Turn) -> None:
        """Look at the pairs that wait for something; at most five sessions a second (SES-32)."""
        starts, now_ms = _STARTS_A_TICK, turn.now_ms
        for key in self._looks.pop_all(now_ms):
            peer = self._state.peers[key]
            self._look_at(turn, peer)
            self._note(peer, now_ms)
        while starts and (first := self._starts.pop(now_ms)) is not None:
            peer = self._state.peers[first]
            starts -= self.try_start(turn, peer)
            self._note(peer, now_ms)
        self._wake(turn)

    def clock_put_back(self, now_ms: int) -> None:
        """What a clock ahead of now has put off is due now."""
        self._looks.at_the_latest(now_ms)
        self._starts.at_the_latest(now_ms)
        self._put_off_ms.clear()

    def look_at_all(self, turn: Turn) -> None:
        """Look at every pair, as once an hour: ages, texts without a receipt for a day (SES-25, SES-33)."""
        for peer in list(self._state.peers.values()):
            contact = peer.contact
            if self._is_past(turn, peer):
                self._forget_peer(turn, peer)
                continue
            self._look_at(turn, peer)
            if self._context.sending.review_unconfirmed(turn, peer) and contact.accepted:
                self._context.directory.refresh(turn, contact)
                self._doubt_silence(turn, peer)
            self._context.upkeep.expire_skipped(turn, peer)

    def _look_at(self, turn: Turn, peer: Peer) -> None:
        lane = self._state.outbox.lane(peer.account_id, peer.device_id)
        mailbox = self._state.mailbox_for(peer.account_id)
        is_silent = self._context.links.has_all_of(self._context.mailboxes.channel(mailbox))
        waits = lane.texts_wait(turn.now_ms)
        change = pairs.tick(peer.pair, turn.now_ms, connected=is_silent, texts_wait=waits)
        self.set_pair(turn, peer, change.pair, change.gone)
        if not peer.contact.accepted or self.is_held(turn, peer.contact):
            return
        candidate = peer.pair.candidate
        if candidate is not None and pairs.repeat_due(peer.pair, turn.now_ms):
            self.set_pair(turn, peer, pairs.repeated(peer.pair, turn.now_ms))
            session = self._state.sessions[candidate.id]
            if not session.is_expired(turn.now_ms):
                self._send_ask(turn, peer, session, self._our_bundle(turn, peer.contact))
        if is_silent:
            self._tell_if_long(turn, peer)
        active = self._active(peer) if pairs.gap_ask_due(peer.pair, turn.now_ms) else None
        if active is not None:
            self._ask(turn, peer, active, pairs.LONG_PATIENCE_MS, for_gap=True)

    def _note(self, peer: Peer, now_ms: int) -> None:
        """Note when a pair is due; what could not be done then is looked at again a minute later."""
        due_ms, later_ms = pairs.due_ms(peer.pair), now_ms + pairs.MINUTE_MS
        if due_ms is None:
            self._looks.drop(peer.key)
        elif due_ms > now_ms:
            self._looks.set(peer.key, due_ms)
        elif (self._looks.at_ms(peer.key) or later_ms) >= later_ms:
            self._looks.set(peer.key, later_ms)
        start_ms = self._start_ms(peer)
        if start_ms is None:
            self._starts.drop(peer.key)
        else:
            start_ms, known_ms = start_ms if start_ms > now_ms else later_ms, self._starts.at_ms(peer.key)
            if known_ms is None or start_ms < known_ms:
                self._starts.set(peer.key, start_ms, -peer.heard_ms)

    def _wake(self, turn: Turn) -> None:
        """Wake when the next pair is due, but start sessions a second apart."""
        look_ms, start_ms = self._looks.first_ms(), self._starts.first_ms()
        times = [] if look_ms is None else [look_ms]
        if start_ms is not None:
            times.append(max(start_ms, turn.now_ms + _TICK_APART_MS))
        if times:
            self._context.timers.set("sessions", min(times), self.tick)
        else:
            self._context.timers.drop("sessions")

    def _start_ms(self, peer: Peer) -> int | None:
        """Return when a session that is wanted may be started; None where no time brings that."""
        is_sought = peer.pair.met and peer.pair.candidate is not None
        if peer.pair.wanted is None or is_sought or not self._is_open(peer):
            return None
        put_off_ms = self._put_off_ms.get(peer.key, 0)
        held_ms = self._context.directory.held_ms(peer) if peer.contact.published else 0
        return max(put_off_ms, held_ms, pairs.free_ms(peer.pair, "starts"))

    def _retry_later(self, turn: Turn, peer: Peer) -> None:
        self._put_off_ms[peer.key] = turn.now_ms + _RETRY_MS
        self._starts.drop(peer.key)
        self._note(peer, turn.now_ms)

    # --- what ends ---

    def redo_ahead(self, turn: Turn) -> None:
        """List or record were dated by a clock ahead of now: sessions that carry them and that nobody has
        answered are refused by everybody, so that new ones are started (ID-39).
        """
        for peer in self._state.peers.values():
            for one in peer.pair.sessions:
                if one.ours and not one.proven:
                    pair = replace(pairs.ended(peer.pair, one.id), wanted=Wanted(turn.now_ms), candidate=None)
                    self.set_pair(turn, peer, pair)
            if peer.pair.wanted is not None and not peer.pair.met:
                self._context.sending.again_unanswered(turn, peer)

    def lost_all(self, turn: Turn) -> None:
        """The store does not continue its last run: no session of it is used again (SES-32, STO-15)."""
        for peer in self._state.peers.values():
            if peer.pair.sessions or peer.pair.met:
                gone = tuple(one.id for one in peer.pair.sessions)
                self.set_pair(turn, peer, pairs.lost(peer.pair, turn.now_ms), gone)

    def struck_off(self, turn: Turn, peer: Peer) -> None:
        """A device is not named by its account's list any more: its sessions and prekeys go (ID-28). What it
        has used of its budgets stays used.
        """
        gone, pair = tuple(one.id for one in peer.pair.sessions), peer.pair
        kept = Pair(known=pair.known, given=pair.given, received=pair.received, budget=pair.budget)
        self.set_pair(turn, peer, kept, gone)
        peer.given, peer.given_in, peer.listed_seq = {}, b"", None
        turn.put(peer.put())

    def forget(self, turn: Turn, account_id: bytes) -> None:
        """Forget all devices of a contact."""
        for peer in self._state.peers_of(account_id):
            self._forget_peer(turn, peer)

    def _forget_peer(self, turn: Turn, peer: Peer) -> None:
        self._looks.drop(peer.key)
        self._starts.drop(peer.key)
        self._put_off_ms.pop(peer.key, None)
        self._context.receipts.forget(turn, peer.key)
        for item in self._state.outbox.drop_lane(peer.account_id, peer.device_id).all():
            turn.delete(item.TABLE, item.key)  # the last word to it, which no relay has taken (ACC-66)
        self._state.remove_peer(turn, peer)

    def _is_past(self, turn: Turn, peer: Peer) -> bool:
        """Whether a device was struck off so long ago that nothing of it can arrive any more."""
        if peer.pair.sessions or peer.contact.names(peer.record.hash):
            return False
        return turn.now_ms > max(peer.pair.budget.since_ms, peer.way_back_ms) + pairs.UNPROVEN_TTL_MS

    def set_pair(self, turn: Turn, peer: Peer, pair: Pair, gone: tuple[SessionId, ...] = ()) -> None:
        """Write what a pair knows, and note when to look at it again."""
        self._state.set_pair(turn, peer, pair, gone)
        self._note(peer, turn.now_ms)
        self._wake(turn)


_FINDINGS: Final[dict[Finding, type[Gap] | type[GapFilled] | type[Parted]]] = {
    Finding.GAP: Gap,
    Finding.GAP_FILLED: GapFilled,
    Finding.PARTED: Parted,
}


def _sync(kind: SyncKind, ask_id: bytes | None, pair: Pair) -> Sync:
    return Sync(kind, ask_id, pair.top, pair.given.newest, pair.received.highest)
