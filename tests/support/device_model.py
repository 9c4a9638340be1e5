"""A device as its engine would run it: pairs by peer, their sessions, texts, prekeys, replay cache, and
rows in a store. The engine of chapter 08 is as small as it can be here; every decision is made by
`e2ee.pair`.

What arrives is opened first and committed afterwards; a `RemoteError` leaves the device as it was. What a
device has to say stands in `outgoing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, Protocol

from parties import ScriptedRng
from prekey_shelf import Owner, PrekeyShelf, repeatable_encapsulation
from session_rows import SessionRows, decode_session, encode_session, grown, moved_on

from e2ee import pair as pairs
from e2ee import session as sessions
from e2ee import snapshot
from e2ee.constants import LINE_B, RELAY_RETENTION_MS
from e2ee.content import Content, Payload, Receipt, ReceiptState, Sync, SyncKind, Text
from e2ee.errors import (
    BudgetExceeded,
    CounterExhausted,
    RemoteError,
    ReplayError,
    SessionExpired,
    UnknownPrekey,
    UnknownSession,
)
from e2ee.handshake import ResponderKeys
from e2ee.identity import DeviceList
from e2ee.ids import AccountId, ContentId, SessionId
from e2ee.numbers import Finding, Given
from e2ee.pair import DAY_MS, MINUTE_MS, Change, Pair, Standing, Wanted
from e2ee.prekeys import VerifiedBundle
from e2ee.session import Opened, Session, Started
from e2ee.wire import envelope as envelopes
from e2ee.wire.envelope import RawEnvelope

MAX_AGAIN: Final = 64
MAX_SENDINGS: Final = 4
MAX_CONFIRMED: Final = 3
AGAIN_AGE_MS: Final = 14 * DAY_MS


class TextRow(NamedTuple):
    """A text of ours that is not confirmed."""

    content: Content
    made_ms: int
    session_id: SessionId | None = None
    sendings: int = 0
    sealed_ms: int = 0
    waits: bool = True

    def may_go_again(self, now_ms: int) -> bool:
        """Whether it is young enough, and was not sent too often (SES-37)."""
        return not self.waits and self.sendings < MAX_SENDINGS and now_ms < self.made_ms + AGAIN_AGE_MS


class PairRows(NamedTuple):
    """A stored pair: its row, and those of its sessions."""

    pair: bytes
    sessions: Mapping[SessionId, SessionRows]


class Peer(NamedTuple):
    """What is kept of a peer; `shown` counts how often each of its texts was confirmed."""

    pair: Pair
    sessions: Mapping[SessionId, Session]
    texts: Mapping[ContentId, TextRow]
    shown: Mapping[ContentId, int]


class StoredPeer(NamedTuple):
    """The same in a store."""

    rows: PairRows
    texts: Mapping[ContentId, TextRow]
    shown: Mapping[ContentId, int]


@dataclass(frozen=True, slots=True)
class StoredDevice:
    """Everything that a store holds of a device at one moment, and how far its randomness had come."""

    peers: Mapping[int, StoredPeer]
    used: frozenset[tuple[bool, int]]
    replays: Mapping[bytes, int]
    pins: Mapping[AccountId, DeviceList]
    rng_calls: int


class Delivery(NamedTuple):
    """What a device made of an envelope; `is_given` tells that the application was given its text."""

    peer: int
    session_id: SessionId
    content: Content
    is_given: bool


class Outgoing(NamedTuple):
    """A sealed content on its way; `is_proven` tells whether its session was, `is_met` whether the pair has
    met.
    """

    peer: int
    session_id: SessionId
    content: Content
    envelope: bytes
    is_proven: bool
    is_met: bool


class Directory(Protocol):
    """What a device needs from around it."""

    def bundle(self, device: DeviceModel, peer: int, *, again: bool) -> VerifiedBundle:
        """Return prekeys of a peer, as an honest directory hands them out."""
        ...

    def list_of(self, index: int) -> DeviceList:
        """Return an account's newest device list."""
        ...

    def next_id(self) -> ContentId:
        """Return a content id that nobody has used."""
        ...


@dataclass(eq=False)
class DeviceModel:
    """One running instance of a device; `life` names the stretch since it started, was rolled back or cloned.

    Where `rng` is made to repeat, so does the randomness of the KEM.
    """

    owner: Owner
    shelf: PrekeyShelf
    rng: ScriptedRng
    numbers: Mapping[AccountId, int]
    directory: Directory
    peers: dict[int, Peer] = field(default_factory=dict)
    rows: dict[int, PairRows] = field(default_factory=dict)
    used: frozenset[tuple[bool, int]] = frozenset()
    replays: dict[bytes, int] = field(default_factory=dict)
    pins: dict[AccountId, DeviceList] = field(default_factory=dict)
    line: bytes = bytes(LINE_B)
    life: int = 0
    outgoing: list[Outgoing] = field(default_factory=list)
    parted: set[int] = field(default_factory=set)

    # --- what is at hand ---

    def peer(self, number: int) -> Peer:
        """Return what is kept of a peer."""
        return self.peers.get(number) or Peer(Pair(given=Given(line=self.line)), {}, {}, {})

    def pair(self, number: int) -> Pair:
        """Return the pair with a peer."""
        return self.peer(number).pair

    # --- sending ---

    def say(self, number: int, payload: Payload, now_ms: int) -> Content:
        """Write a text; it goes out when there is a session for it."""
        peer = self.peer(number)
        pair, given = pairs.give(peer.pair)
        content = Content(
            self.directory.next_id(), now_ms, payload, way_back=self.owner.way_back, number=given
        )
        self._commit(
            number, peer._replace(pair=pair, texts={**peer.texts, content.id: TextRow(content, now_ms)})
        )
        self.pump(number, now_ms)
        return content

    def pump(self, number: int, now_ms: int) -> None:
        """Send what waits, or start the session that it needs (SES-22)."""
        peer = self.peer(number)
        waiting = [row for row in peer.texts.values() if row.waits]
        session_id = pairs.sending(peer.pair, now_ms)
        if session_id is not None:
            for row in waiting:
                self._send_text(number, session_id, row, now_ms)
        elif waiting and not peer.pair.met and peer.pair.wanted is None:
            self.want(number, now_ms)  # which comes back here

    def _send_text(self, number: int, session_id: SessionId, row: TextRow, now_ms: int) -> None:
        standing = self.pair(number).session(session_id)
        if standing is None or (row.sendings and not standing.proven):
            return
        if self._seal(number, standing.id, row.content, now_ms):
            sent = row._replace(
                session_id=standing.id, sendings=row.sendings + 1, sealed_ms=now_ms, waits=False
            )
            peer = self.peer(number)
            self._commit(number, peer._replace(texts={**peer.texts, row.content.id: sent}))

    def _seal(self, number: int, session_id: SessionId, content: Content, now_ms: int) -> bool:
        peer = self.peer(number)
        sync = content.payload if isinstance(content.payload, Sync) else None
        pairs.check_sending(peer.pair, session_id, sync, now_ms)
        session = peer.sessions[session_id]
        try:
            sealed = sessions.seal(session, content, now_ms, self.rng, repeatable_encapsulation)
        except (SessionExpired, CounterExhausted):
            self._commit(number, peer._replace(pair=pairs.ended(peer.pair, session_id)))
            return False
        self._commit(number, peer._replace(sessions={**peer.sessions, session_id: sealed.session}))
        is_proven = isinstance(sealed.session.phase, sessions.Proven)
        self.outgoing.append(Outgoing(number, session_id, content, sealed.envelope, is_proven, peer.pair.met))
        return True

    def _say_control(self, number: int, session_id: SessionId, payload: Payload, now_ms: int) -> None:
        content = Content(self.directory.next_id(), now_ms, payload, way_back=self.owner.way_back)
        self._seal(number, session_id, content, now_ms)

    def _sync(self, number: int, kind: SyncKind, ask_id: bytes | None) -> Sync:
        pair = self.pair(number)
        return Sync(kind, ask_id, pair.top, pair.given.newest, pair.received.highest)

    def pass_over(self, number: int, count: int, now_ms: int) -> None:
        """Move the sending chain on, as if `count` messages had been sealed and lost at once (DR-04)."""
        peer = self.peer(number)
        session_id = pairs.sending(peer.pair, now_ms)
        if session_id is None:
            return
        session = peer.sessions[session_id]
        moved = moved_on(snapshot.encode_session(session), count)
        session = snapshot.decode_session(moved, list(session.ratchet.skipped))
        self._commit(number, peer._replace(sessions={**peer.sessions, session_id: session}))

    # --- starting and asking ---

    def want(self, number: int, now_ms: int) -> None:
        """Want a session, and start it if that may be done now."""
        peer = self.peer(number)
        wanted = peer.pair.wanted or Wanted(now_ms)
        self._commit(number, peer._replace(pair=replace(peer.pair, wanted=wanted)))
        self.try_start(number, now_ms)

    def try_start(self, number: int, now_ms: int) -> None:
        """Start the session that is wanted (SES-26)."""
        pair = self.pair(number)
        is_free = not pair.met or pair.candidate is None
        if pair.wanted is None or not is_free or not pairs.left(pair, "starts", now_ms):
            return
        bundle = self.directory.bundle(self, number, again=pair.wanted.again)
        epoch, encapsulate = pairs.next_epoch(pair, now_ms), self.shelf.encapsulation(self.rng)
        ours = self.directory.list_of(self.owner.index)
        session = sessions.initiate(self.owner.device, ours, bundle, epoch, now_ms, self.rng, encapsulate)
        self.pins[bundle.device_list.account_id] = bundle.device_list
        active = pair.active
        beside = None if active is None else self.peer(number).sessions[active.id].ratchet_key
        standing = Standing(session.id, epoch, True, now_ms, session.ends_ms, beside=beside)
        self._take(number, pairs.started(pair, standing, now_ms), session)
        self._ask_on(number, session.id, now_ms)
        self.pump(number, now_ms)

    def _ask_on(self, number: int, session_id: SessionId, now_ms: int) -> bytes:
        ask_id = self.rng(8)
        self._say_control(number, session_id, self._sync(number, SyncKind.ASK, ask_id), now_ms)
        return ask_id

    def doubt(self, number: int, now_ms: int) -> None:
        """Something did not fit: ask on the active session, if that may be done now (SES-25)."""
        if pairs.may_ask(self.pair(number), now_ms):
            self._ask(number, pairs.SHORT_PATIENCE_MS, now_ms)

    def _ask(self, number: int, patience_ms: int, now_ms: int, *, for_gap: bool = False) -> None:
        active = self.pair(number).active
        if active is not None:
            ask_id = self._ask_on(number, active.id, now_ms)
            pair = pairs.asked(self.pair(number), ask_id, patience_ms, now_ms, for_gap=for_gap)
            pair = pairs.ask_taken(pair, ask_id, now_ms)
            self._commit(number, self.peer(number)._replace(pair=pair))

    def tick(self, now_ms: int) -> None:
        """Do what time asks for in every pair."""
        for number in list(self.peers):
            peer = self.peer(number)
            texts_wait = bool(peer.texts)
            self._take(number, pairs.tick(peer.pair, now_ms, connected=True, texts_wait=texts_wait))
            self.try_start(number, now_ms)
            candidate = self.pair(number).candidate
            if candidate is not None and pairs.repeat_due(self.pair(number), now_ms):
                self._commit(
                    number, self.peer(number)._replace(pair=pairs.repeated(self.pair(number), now_ms))
                )
                self._ask_on(number, candidate.id, now_ms)
            if pairs.gap_ask_due(self.pair(number), now_ms):
                self._ask(number, pairs.LONG_PATIENCE_MS, now_ms, for_gap=True)
            if any(not row.waits and now_ms >= row.sealed_ms + DAY_MS for row in peer.texts.values()):
                self.doubt(number, now_ms)
            self.pump(number, now_ms)

    # --- receiving ---

    def receive(self, envelope: bytes, now_ms: int) -> Delivery:
        """Open an envelope, whatever it is, store the new state, and do what its content asks for.

        Raises:
            RemoteError: it does not open; nothing has changed.
        """
        raw = envelopes.decode(envelope)
        failure: RemoteError | None = None
        for number, peer in self.peers.items():
            for session in peer.sessions.values():
                if raw.tag not in session.tags():
                    continue
                try:
                    opened = sessions.open_(session, raw, now_ms, pairs.left(peer.pair, "skips", now_ms))
                except RemoteError as error:
                    failure = error
                    continue
                return self._opened(number, opened, now_ms)
        if failure is not None:
            raise failure
        return self._accept(raw, now_ms)

    def _opened(self, number: int, opened: Opened, now_ms: int) -> Delivery:
        session, pair = opened.session, self.pair(number)
        change = pairs.opened(pair, session.id, opened.answered, now_ms)
        counted = pairs.used(change.pair, "skips", now_ms, opened.skipped) if opened.skipped else change.pair
        self._take(number, replace(change, pair=counted), session)
        if change.activated:
            self._again(number, lambda row: row.session_id != session.id, now_ms)
        return self._finish(number, opened, change, now_ms)

    def _accept(self, raw: RawEnvelope, now_ms: int) -> Delivery:
        if not raw.prefix:
            raise UnknownSession("no session knows the tag")
        replay_key = sessions.replay_key(raw)
        self._check_replay(replay_key)
        ours = self._responder_keys(raw, now_ms)
        accepted = sessions.respond(raw, ours, self.pins.get, now_ms)
        session = accepted.opened.session
        number = self.numbers[accepted.record.account_id]
        if session.id in self.peer(number).sessions:
            raise ReplayError("a session that is known")
        if not pairs.left(self.pair(number), "flights", now_ms):
            raise BudgetExceeded("more first flights in a day than a pair may have")
        self.replays[replay_key] = ours.spk.prekey.not_after_ms + RELAY_RETENTION_MS
        self.used |= {
            (held.prekey.kind.is_kem, held.prekey.id)
            for held in (ours.opk, ours.pqk)
            if held is not None and held.prekey.kind.is_one_time
        }
        self.pins[accepted.record.account_id] = accepted.device_list
        standing = Standing(session.id, session.origin.epoch, False, now_ms, now_ms + pairs.SEARCH_MS)
        self._take(number, pairs.heard(self.pair(number), standing, now_ms), session)
        return self._finish(number, accepted.opened, Change(self.pair(number)), now_ms)

    def _finish(self, number: int, opened: Opened, change: Change, now_ms: int) -> Delivery:
        session_id, content = opened.session.id, opened.content
        is_given = self._content(number, session_id, content, now_ms)
        if change.is_doubted:
            self.doubt(number, now_ms)
        self.pump(number, now_ms)
        session = self.peer(number).sessions.get(session_id)
        is_ours = session is not None and session.origin.initiator and sessions.is_our_turn(session)
        if change.activated and is_ours:
            self._say_control(number, session_id, self._sync(number, SyncKind.TELL, None), now_ms)
        return Delivery(number, session_id, content, is_given)

    def _content(self, number: int, session_id: SessionId, content: Content, now_ms: int) -> bool:
        match content.payload:
            case Text():
                return self._text(number, content, now_ms)
            case Receipt(_, ids):
                peer = self.peer(number)
                texts = {key: row for key, row in peer.texts.items() if key not in ids}
                self._commit(number, peer._replace(texts=texts))
            case Sync() as sync:
                self._synced(number, session_id, sync, now_ms)
            case _:
                pass
        return False

    def _text(self, number: int, content: Content, now_ms: int) -> bool:
        peer = self.peer(number)
        count = peer.shown.get(content.id, 0)
        if count < MAX_CONFIRMED:
            self._commit(number, peer._replace(shown={**peer.shown, content.id: count + 1}))
        if count == 0 and content.number is not None:
            self._take(number, pairs.numbered(self.pair(number), content.number))
        session_id = pairs.sending(self.pair(number), now_ms)
        if count < MAX_CONFIRMED and session_id is not None:
            self._say_control(number, session_id, Receipt(ReceiptState.DELIVERED, (content.id,)), now_ms)
        return count == 0

    def _synced(self, number: int, session_id: SessionId, sync: Sync, now_ms: int) -> None:
        self._take(number, pairs.synced(self.pair(number), session_id, sync, now_ms))
        session, pair = self.peer(number).sessions.get(session_id), self.pair(number)
        may_tell = sync.kind is SyncKind.ASK and pairs.left(pair, "tells", now_ms)
        if may_tell and session is not None and not isinstance(session.phase, Started):
            self._commit(number, self.peer(number)._replace(pair=pairs.used(pair, "tells", now_ms)))
            self._say_control(number, session_id, self._sync(number, SyncKind.TELL, sync.ask_id), now_ms)
        if pair.active is not None and pair.active.id == session_id:
            before_ms = now_ms - MINUTE_MS
            self._again(number, lambda row: _n(row) <= sync.got and row.sealed_ms <= before_ms, now_ms)
        self.try_start(number, now_ms)

    def _again(self, number: int, chosen: Callable[[TextRow], bool], now_ms: int) -> None:
        """Let unconfirmed texts wait again; they leave on a proven session alone (SES-37)."""
        peer = self.peer(number)
        again = [row for row in peer.texts.values() if chosen(row) and row.may_go_again(now_ms)][-MAX_AGAIN:]
        texts = {**peer.texts, **{row.content.id: row._replace(waits=True) for row in again}}
        self._commit(number, peer._replace(texts=texts))

    def _check_replay(self, replay_key: bytes) -> None:
        if replay_key in self.replays:
            raise ReplayError("the first flight was taken before")

    def _responder_keys(self, raw: RawEnvelope, now_ms: int) -> ResponderKeys:
        prefix = envelopes.decode_prefix(raw.prefix)
        held = self.shelf.held(self.owner.index, prefix.spk_id, prefix.opk_id, prefix.pqk_id, now_ms)
        if held is None or (False, prefix.opk_id) in self.used or (True, prefix.pqk_id) in self.used:
            raise UnknownPrekey("no such prekey is held")
        for pair in (held.spk, held.opk, held.pqk):
            if pair is not None and now_ms > pair.prekey.not_after_ms + RELAY_RETENTION_MS:
                raise UnknownPrekey("no such prekey is held any longer")
        device = self.owner.device
        return ResponderKeys(device, device.record, held.spk, held.opk, held.pqk)

    # --- store ---

    def expire(self, now_ms: int) -> None:
        """Drop what is past its keeping: sessions, skipped keys, replay entries (SES-33, DR-16, HS-09)."""
        for number in list(self.peers):
            self._take(number, pairs.tick(self.pair(number), now_ms, connected=False, texts_wait=False))
            peer = self.peer(number)
            kept = {key: sessions.expire_skipped(one, now_ms)[0] for key, one in peer.sessions.items()}
            self._commit(number, peer._replace(sessions=kept))
        self.replays = {key: end_ms for key, end_ms in self.replays.items() if now_ms <= end_ms}

    def lose_sessions(self, life: int, now_ms: int) -> None:
        """Notice that the state is not the newest: drop all sessions and start anew with everybody (SES-32).

        From here on randomness is fresh again, also where a restored machine had repeated it.
        """
        self.life, self.rng = life, ScriptedRng(f"life {life}")
        for number in list(self.peers):
            peer = self.peer(number)
            self._commit(number, peer._replace(pair=pairs.lost(peer.pair, now_ms), sessions={}))
            self.try_start(number, now_ms)

    def store(self) -> StoredDevice:
        """Return a copy of the stored device."""
        stored = {
            number: StoredPeer(self.rows[number], peer.texts, peer.shown)
            for number, peer in self.peers.items()
        }
        return StoredDevice(stored, self.used, dict(self.replays), dict(self.pins), self.rng.calls)

    def load(self, stored: StoredDevice) -> None:
        """Become what a store holds; sessions are decoded from their rows, and a new line is drawn
        (SES-29).
        """
        self.line, self.outgoing = self.rng(LINE_B), []
        self.rows = {number: one.rows for number, one in stored.peers.items()}
        self.peers = {
            number: Peer(
                snapshot.decode_pair(one.rows.pair, self.line),
                {key: decode_session(rows) for key, rows in one.rows.sessions.items()},
                one.texts,
                one.shown,
            )
            for number, one in stored.peers.items()
        }
        self.used, self.replays, self.pins = stored.used, dict(stored.replays), dict(stored.pins)

    def encoded(self) -> dict[int, PairRows]:
        """Encode all sessions as they are in memory, which has to equal the rows at any time."""
        return {
            number: PairRows(
                snapshot.encode_pair(peer.pair),
                {key: encode_session(one) for key, one in peer.sessions.items()},
            )
            for number, peer in self.peers.items()
        }

    def _take(self, number: int, change: Change, session: Session | None = None) -> None:
        """Take over a change, with a session that is new or has moved on; what is gone goes."""
        if Finding.PARTED in change.findings:
            self.parted.add(number)
        peer = self.peer(number)
        held = dict(peer.sessions) if session is None else {**peer.sessions, session.id: session}
        for session_id in change.gone:
            held.pop(session_id, None)
        kept = {key: one for key, one in held.items() if change.pair.session(key) is not None}
        self._commit(number, peer._replace(pair=change.pair, sessions=kept))

    def _commit(self, number: int, peer: Peer) -> None:
        """Store what has changed of a pair, skipped keys row by row."""
        before = self.peer(number)
        stored = self.rows[number].sessions if number in self.rows else {}
        rows: dict[SessionId, SessionRows] = {}
        for key, session in peer.sessions.items():
            old = before.sessions.get(key)
            rows[key] = stored[key] if old is session else grown(stored, old, session)
        self.peers[number] = peer
        self.rows[number] = PairRows(snapshot.encode_pair(peer.pair), rows)


def _n(row: TextRow) -> int:
    return 0 if row.content.number is None else row.content.number.n
