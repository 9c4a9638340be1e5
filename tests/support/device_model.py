"""A device as its engine would run it: sessions by peer, prekeys, replay cache, pins, and rows in a store.

What arrives is opened first and committed afterwards; a `RemoteError` leaves the device as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from parties import ScriptedRng
from prekey_shelf import Owner, PrekeyShelf, repeatable_encapsulation
from session_rows import PairRows, SessionRows, decode_pair, encode_pair, grown, moved_on

from e2ee import pair as pairs
from e2ee import session as sessions
from e2ee import snapshot
from e2ee.constants import RELAY_RETENTION_MS
from e2ee.content import Content, Reset, ResetReason
from e2ee.errors import RemoteError, ReplayError, SkipLimitExceeded, UnknownPrekey, UnknownSession
from e2ee.handshake import ResponderKeys
from e2ee.identity import DeviceList
from e2ee.ids import AccountId, SessionId
from e2ee.pair import FRESH, LOST_GEN, Pair
from e2ee.prekeys import VerifiedBundle
from e2ee.session import AwaitingReply, Session
from e2ee.wire import envelope as envelopes
from e2ee.wire.envelope import RawEnvelope


@dataclass(frozen=True, slots=True)
class StoredDevice:
    """Everything that a store holds of a device at one moment, and how far its randomness had come."""

    rows: Mapping[int, PairRows]
    used: frozenset[tuple[bool, int]]
    replays: Mapping[bytes, int]
    pins: Mapping[AccountId, DeviceList]
    restart: frozenset[int]
    lost_to: frozenset[int]
    rng_calls: int


class Delivery(NamedTuple):
    """What a device made of an envelope, and why it now has to start a session, if it has to (SES-07,
    SES-16).
    """

    peer: int
    session_id: SessionId
    content: Content
    start_anew: ResetReason | None


@dataclass(eq=False)
class DeviceModel:
    """One running instance of a device; `life` names the stretch since it started, was rolled back or cloned.

    Where `rng` is made to repeat, so does the randomness of the KEM.
    """

    owner: Owner
    shelf: PrekeyShelf
    rng: ScriptedRng
    peers: Mapping[AccountId, int]
    pairs: dict[int, Pair] = field(default_factory=dict)
    rows: dict[int, PairRows] = field(default_factory=dict)
    used: frozenset[tuple[bool, int]] = frozenset()
    replays: dict[bytes, int] = field(default_factory=dict)
    pins: dict[AccountId, DeviceList] = field(default_factory=dict)
    restart: frozenset[int] = frozenset()
    lost_to: frozenset[int] = frozenset()
    disturbed: bool = False
    life: int = 0

    def pair(self, peer: int) -> Pair:
        """Return the sessions with a peer."""
        return self.pairs.get(peer, FRESH)

    def needs_session(self, peer: int, now_ms: int) -> bool:
        """Whether the next send has to initiate: no active session, an expired one, or one that cannot
        receive.
        """
        active = self.pair(peer).active
        return active is None or active.is_expired(now_ms) or peer in self.restart

    def initiate(self, peer: int, our_list: DeviceList, bundle: VerifiedBundle, now_ms: int) -> None:
        """Start a session and adopt it (SES-03, SES-04); with gen 0 while lost to the peer (SES-07)."""
        gen = LOST_GEN if peer in self.lost_to else self.pair(peer).next_gen
        encapsulate = self.shelf.encapsulation(self.rng)
        started = sessions.initiate(self.owner.device, our_list, bundle, gen, now_ms, self.rng, encapsulate)
        self.pins[bundle.device_list.account_id] = bundle.device_list
        self.restart -= {peer}
        self._commit(peer, pairs.adopt(self.pair(peer), started, now_ms).pair)

    def seal(self, peer: int, content: Content, now_ms: int) -> tuple[SessionId, bytes]:
        """Seal on the active session and store the new state; return the session's id and the envelope."""
        pair = self.pair(peer)
        if pair.active is None:
            raise LookupError("no active session")
        session_id = pair.active.id
        grown, sealed = pairs.seal(pair, session_id, content, now_ms, self.rng, repeatable_encapsulation)
        self._commit(peer, grown)
        return session_id, sealed.envelope

    def pass_over(self, peer: int, count: int) -> None:
        """Move the sending chain on, as if `count` messages had been sealed and lost at once (DR-04)."""
        active = self.pair(peer).active
        if active is None:
            raise LookupError("no active session")
        moved = moved_on(snapshot.encode_session(active), count)
        session = snapshot.decode_session(moved, list(active.ratchet.skipped))
        self._commit(peer, pairs.updated(self.pair(peer), session))

    def receive(self, envelope: bytes, now_ms: int) -> Delivery:
        """Open an envelope, whatever it is, and store the new state.

        Raises:
            RemoteError: it does not open; nothing has changed.
        """
        raw = envelopes.decode(envelope)
        known = [
            (peer, session)
            for peer, pair in self.pairs.items()
            for session in pair.sessions()
            if raw.tag in session.tags()
        ]
        if not known:
            return self._accept(raw, now_ms)
        failure: RemoteError | None = None
        for peer, session in known:
            try:
                return self._open(peer, session, raw, now_ms)
            except RemoteError as error:
                failure = error
        raise failure or UnknownSession("no session knows the tag")

    def expire(self, now_ms: int) -> None:
        """Drop what is past its keeping: sessions, skipped keys, replay entries (SES-05, DR-16, HS-09)."""
        for peer, pair in list(self.pairs.items()):
            kept = pairs.expire(pair, now_ms)[0]
            for session in kept.sessions():
                kept = pairs.updated(kept, sessions.expire_skipped(session, now_ms)[0])
            self._commit(peer, kept)
        self.replays = {key: end_ms for key, end_ms in self.replays.items() if now_ms <= end_ms}

    def restart_unanswered(self) -> None:
        """Have the next send start anew where the peer has not answered yet."""
        for peer, pair in self.pairs.items():
            if pair.active is not None and isinstance(pair.active.phase, AwaitingReply):
                self.restart |= {peer}

    def lose_sessions(self, life: int) -> list[int]:
        """Drop all sessions and keep the keys (SES-07); return the peers to start anew with.

        From here on randomness is fresh again, also where a restored machine had repeated it.
        """
        known = list(self.pairs)
        self.pairs, self.rows, self.restart = {}, {}, frozenset()
        self.lost_to, self.disturbed = self.lost_to | set(known), False
        self.life, self.rng = life, ScriptedRng(f"life {life}")
        return known

    def lose_pair(self, peer: int) -> None:
        """Drop the sessions with one peer, which has become unreadable (SES-07)."""
        self.pairs.pop(peer, None)
        self.rows.pop(peer, None)
        self.restart -= {peer}
        self.lost_to |= {peer}

    def store(self) -> StoredDevice:
        """Return a copy of the stored device."""
        return StoredDevice(
            dict(self.rows),
            self.used,
            dict(self.replays),
            dict(self.pins),
            self.restart,
            self.lost_to,
            self.rng.calls,
        )

    def load(self, stored: StoredDevice) -> None:
        """Become what a store holds; sessions are decoded from their rows."""
        self.rows = dict(stored.rows)
        self.pairs = {peer: decode_pair(rows) for peer, rows in stored.rows.items()}
        self.used, self.replays, self.pins = stored.used, dict(stored.replays), dict(stored.pins)
        self.restart, self.lost_to = stored.restart, stored.lost_to

    def start_life(self, life: int) -> None:
        """Begin another life: after a rollback, what was opened before may open again."""
        self.life, self.disturbed = life, True

    def encoded(self) -> dict[int, PairRows]:
        """Encode all sessions as they are in memory, which has to equal the rows at any time."""
        return {peer: encode_pair(pair) for peer, pair in self.pairs.items()}

    def _open(self, peer: int, session: Session, raw: RawEnvelope, now_ms: int) -> Delivery:
        try:
            opened = sessions.open_(session, raw, now_ms)
        except SkipLimitExceeded:
            self.restart |= {peer}  # the chain never recovers (SES-16)
            raise
        pair = pairs.updated(self.pair(peer), opened.session)
        reason = _reason_to_start_anew(pair, opened.session, opened.content)
        self.lost_to -= {peer}
        self._commit(peer, pair if reason is None else pairs.retire(pair, now_ms)[0])
        return Delivery(peer, session.id, opened.content, reason)

    def _accept(self, raw: RawEnvelope, now_ms: int) -> Delivery:
        if not raw.prefix:
            raise UnknownSession("no session knows the tag")
        replay_key = sessions.replay_key(raw)
        self._check_replay(replay_key)
        ours = self._responder_keys(raw, now_ms)
        accepted = sessions.respond(raw, ours, self.pins.get, now_ms)
        session, identity = accepted.opened.session, accepted.identity
        peer = self.peers[identity.record.account_id]
        pairs.check_gen(self.pair(peer), session.gen)
        adoption = pairs.adopt(self.pair(peer), session, now_ms)
        self.replays[replay_key] = ours.spk.prekey.not_after_ms + RELAY_RETENTION_MS
        self.used |= {
            (held.prekey.kind.is_kem, held.prekey.id)
            for held in (ours.opk, ours.pqk)
            if held is not None and held.prekey.kind.is_one_time
        }
        self.pins[identity.record.account_id] = identity.device_list
        self.lost_to -= {peer}
        reason = ResetReason.ANSWER if adoption.answers_loss else ResetReason.REPLACED
        if not adoption.answers_loss and not adoption.disagrees:
            self._commit(peer, adoption.pair)
            return Delivery(peer, session.id, accepted.opened.content, None)
        self._commit(peer, pairs.retire(adoption.pair, now_ms)[0])
        return Delivery(peer, session.id, accepted.opened.content, reason)

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
        device, decapsulation = self.owner.device, self.shelf.decapsulation(held.pqk)
        return ResponderKeys(device, device.record, held.spk, held.opk, held.pqk, decapsulation)

    def _commit(self, peer: int, pair: Pair) -> None:
        """Store what has changed of a pair, skipped keys row by row."""
        before = {session.id: session for session in self.pair(peer).sessions()}
        stored = self.rows[peer].sessions if peer in self.rows else {}
        rows: dict[SessionId, SessionRows] = {}
        for session in pair.sessions():
            old = before.get(session.id)
            rows[session.id] = stored[session.id] if old is session else grown(stored, old, session)
        self.pairs[peer] = pair
        self.rows[peer] = PairRows(snapshot.encode_pair(pair), rows)


def _reason_to_start_anew(pair: Pair, session: Session, content: Content) -> ResetReason | None:
    """Tell whether a message shows that its sender writes on another session than we do (SES-07, SES-16)."""
    if content.payload == Reset(ResetReason.STATE_LOST) and session.gen != LOST_GEN:
        return ResetReason.ANSWER
    is_active = pair.active is not None and pair.active.id == session.id
    return ResetReason.REPLACED if not is_active and pairs.is_settled(pair) else None
