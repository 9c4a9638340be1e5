"""One device and what it knows of one peer device: every decision is made by e2ee.pair and e2ee.numbers, the
rest is what an engine does with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeAlias

import symbolic_ratchet
from symbolic_ratchet import Envelope, Prefix, Ratchet, Refused, agree, mix

from e2ee import pair as pairs
from e2ee import snapshot
from e2ee.constants import PREKEY_GRACE_MS, PREKEY_LIFE_MS, PREKEY_ROTATION_MS, RELAY_RETENTION_MS
from e2ee.content import Sync, SyncKind
from e2ee.errors import SessionInactive
from e2ee.ids import DhPublic, SessionId
from e2ee.numbers import Finding, Number
from e2ee.pair import DAY_MS, MINUTE_MS, Change, Pair, Standing

RESEND: Final = 8  # 64 by the rules: small, so that the limit is reached
RESEND_AGE_MS: Final = 7 * DAY_MS  # 14 days by the rules
MAX_SENDINGS: Final = 4
MAX_REPEATS: Final = 3
_HANDSHAKE: Final = 20


@dataclass(frozen=True, slots=True)
class Bundle:
    """Public prekeys of a device."""

    prekey_id: int
    prekey: int
    ends_ms: int
    identity: int
    one_time: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class TextBody:
    """A text of the sender."""

    text_id: int
    number: Number


@dataclass(frozen=True, slots=True)
class ReceiptBody:
    """Texts that have arrived."""

    text_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SyncBody:
    """A sync, with a bundle in the weekly ask of a device that publishes none."""

    sync: Sync
    bundle: Bundle | None = None


Content: TypeAlias = TextBody | ReceiptBody | SyncBody


@dataclass(frozen=True, slots=True)
class Body:
    """A content, and what stands beside it under a prefix."""

    content: Content
    epoch: int | None = None
    bundle: Bundle | None = None


@dataclass
class SessionState:
    """What an engine keeps of a session beside its standing."""

    ratchet: Ratchet
    prefix: Prefix | None
    bundle: Bundle | None = None


@dataclass
class Prekey:
    """A private prekey of ours."""

    private: int
    ends_ms: int


@dataclass
class TextRow:
    """A text of ours."""

    made_ms: int
    state: str = "waits"
    number: Number | None = None
    session_id: bytes | None = None
    sendings: int = 0
    sealed_ms: int = 0


class World(Protocol):
    """What a device needs from around it."""

    def fresh(self) -> int:
        """Return a number that was never given."""
        ...

    def now_ms(self, name: str) -> int:
        """Return what the clock of a device shows."""
        ...

    def post(self, sender: Device, envelope: Envelope) -> None:
        """Hand an envelope to the relay."""
        ...

    def bundle_of_peer(self, device: Device, *, again: bool) -> Bundle | None:
        """Return prekeys of the peer that a device can get at."""
        ...

    def fault(self, what: str) -> None:
        """Note that a rule was broken."""
        ...

    def count(self, what: str) -> None:
        """Count what has happened."""
        ...


@dataclass
class Faults:
    """Rules that a device breaks on purpose, so that a run can show that this would be seen."""

    drops_at_unknown: bool = False
    resends_early: bool = False
    newest_end: bool = False
    resends_nothing: bool = False


@dataclass
class Device:
    """A device with its pair. `is_dedicated`: its mailbox was made for this account alone."""

    world: World
    name: str
    identity: int
    is_dedicated: bool
    is_published: bool
    faults: Faults
    pair: Pair = field(default_factory=Pair)
    sessions: dict[bytes, SessionState] = field(default_factory=dict)
    prekeys: dict[int, Prekey] = field(default_factory=dict)
    replayed: set[tuple[int, int]] = field(default_factory=set)
    texts: dict[int, TextRow] = field(default_factory=dict)
    shown: dict[int, int] = field(default_factory=dict)
    receipts: list[int] = field(default_factory=list)
    parted: int = 0
    gaps: int = 0
    bundle: Bundle | None = None
    rotated_ms: int = 0
    peer_bundle: Bundle | None = None
    peer_bundle_from: bytes | None = None

    # --- what is at hand ---

    @property
    def now_ms(self) -> int:
        """What its clock shows."""
        return self.world.now_ms(self.name)

    def reopened(self) -> Device:
        """Return a copy as a store would give it: the pair by its stored form, with a new line."""
        line = (self.world.fresh() & 0xFFFFFFFF).to_bytes(4, "big")
        return replace(
            self,
            pair=snapshot.decode_pair(snapshot.encode_pair(self.pair), line),
            sessions={key: replace(one) for key, one in self.sessions.items()},
            prekeys={key: replace(one) for key, one in self.prekeys.items()},
            replayed=set(self.replayed),
            texts={key: replace(one) for key, one in self.texts.items()},
            shown=dict(self.shown),
            receipts=list(self.receipts),
        )

    def make_prekeys(self) -> None:
        """Make prekeys anew; the private ones of before are kept past their end."""
        now_ms, fresh = self.now_ms, self.world.fresh
        ends_ms, prekey_id, one_time_id = now_ms + PREKEY_LIFE_MS, fresh(), fresh()
        self.prekeys[prekey_id] = Prekey(fresh(), ends_ms)
        self.prekeys[one_time_id] = Prekey(fresh(), ends_ms)
        one_time = one_time_id, self.prekeys[one_time_id].private
        private = self.prekeys[prekey_id].private
        self.bundle = Bundle(prekey_id, private, ends_ms, self.identity, one_time)
        self.rotated_ms = now_ms
        kept = {key: one for key, one in self.prekeys.items() if now_ms <= one.ends_ms + RELAY_RETENTION_MS}
        self.prekeys = kept

    def sync(self, kind: SyncKind, ask_id: bytes | None) -> Sync:
        """Return what we know of the pair."""
        pair = self.pair
        return Sync(kind, ask_id, pair.top, pair.given.newest, pair.received.highest)

    # --- sending ---

    def say(self) -> int:
        """Write a text."""
        text_id = self.world.fresh()
        self.texts[text_id] = TextRow(self.now_ms)
        self.pump()
        return text_id

    def _seal(self, session_id: bytes, content: Content) -> None:
        session, standing = self.sessions[session_id], self.pair.session(session_id)
        if standing is None or (session.prefix is not None and self.now_ms > standing.ends_ms):
            return
        sync = content.sync if isinstance(content, SyncBody) else None
        try:
            pairs.check_sending(self.pair, SessionId(session_id), sync, self.now_ms)
        except SessionInactive:
            if not self.faults.resends_early:
                self.world.fault("a content on a session that only receives")
        body = Body(content)
        if session.prefix is not None:
            body = Body(content, standing.epoch, self.bundle)
        session.ratchet, envelope = session.ratchet.seal(session.prefix, body, self.world.fresh())
        self.world.post(self, envelope)

    def pump(self) -> None:
        """Send what waits, on the session that texts go on."""
        session_id = pairs.sending(self.pair, self.now_ms)
        waiting = sorted(
            (one for one in self.texts.items() if one[1].state == "waits"),
            key=lambda one: (one[1].number.n if one[1].number else 1 << 62, one[1].made_ms),
        )
        if session_id is None and waiting and not self.pair.met:
            self.start()
            session_id = pairs.sending(self.pair, self.now_ms)
        if session_id is None and self.faults.resends_early and self.pair.candidate is not None:
            session_id = self.pair.candidate.id
        if session_id is None:
            return
        for text_id, row in waiting:
            self._send_text(session_id, text_id, row)
        if self.receipts:
            self._seal(session_id, ReceiptBody(tuple(self.receipts)))
            self.receipts = []

    def _send_text(self, session_id: SessionId, text_id: int, row: TextRow) -> None:
        standing = self.pair.session(session_id)
        is_proven = standing is not None and standing.proven
        if row.sendings and not is_proven and not self.faults.resends_early:
            return
        if row.number is None:
            self.pair, row.number = pairs.give(self.pair)
        row.state, row.session_id, row.sealed_ms = "sent", session_id, self.now_ms
        row.sendings += 1
        if not self._is_really_proven(session_id):
            if row.sendings > 1:
                self.world.fault("a text sent again before an answer")
            if self.pair.met:
                self.world.fault("a text on an unproven session of a met pair")
        self._seal(session_id, TextBody(text_id, row.number))

    def _is_really_proven(self, session_id: bytes) -> bool:
        """Whether the peer holds this session: a chain of it has answered a fresh key of ours."""
        ratchet = self.sessions[session_id].ratchet
        return ratchet.chains > (0 if ratchet.initiator else 1)

    # --- asking ---

    def start(self) -> None:
        """Start a session, if prekeys of the peer can be had."""
        now_ms, pair = self.now_ms, self.pair
        if not pairs.may_start(pair, now_ms):
            return
        again = pair.wanted is not None and pair.wanted.again
        bundle = self.world.bundle_of_peer(self, again=again)
        grace_ms = PREKEY_GRACE_MS if pair.met else 0
        if bundle is None or now_ms > bundle.ends_ms + grace_ms:
            return
        ephemeral, one_time = self.world.fresh(), bundle.one_time
        root = mix(
            _HANDSHAKE,
            agree(ephemeral, bundle.prekey),
            agree(ephemeral, bundle.identity),
            agree(ephemeral, one_time[1]) if one_time else 0,
            agree(self.identity, bundle.prekey),
            agree(self.identity, bundle.identity),
        )
        session_id = symbolic_ratchet.session_id(root)
        prefix = Prefix(ephemeral, bundle.prekey_id, one_time[0] if one_time else None, self.identity)
        ratchet = Ratchet.of_initiator(root, bundle.prekey)
        self.sessions[session_id] = SessionState(ratchet, prefix)
        standing = Standing(
            id=SessionId(session_id),
            epoch=pairs.next_epoch(pair, now_ms),
            ours=True,
            created_ms=now_ms,
            ends_ms=min(now_ms + PREKEY_LIFE_MS, bundle.ends_ms + grace_ms),
            beside=self._unanswered_key(),
        )
        self._take(pairs.started(pair, standing, now_ms))
        self.world.count("sessions started")
        self._ask_on_candidate()

    def _unanswered_key(self) -> DhPublic | None:
        active = self.pair.active
        key = None if active is None else self.sessions[active.id].ratchet.unanswered_key
        return None if key is None else public(key)

    def _fresh_ask(self) -> bytes:
        return self.world.fresh().to_bytes(8, "big")

    def _ask_on_candidate(self) -> None:
        if self.pair.candidate is not None:
            self._seal(self.pair.candidate.id, SyncBody(self.sync(SyncKind.ASK, self._fresh_ask())))

    def ask(self, patience_ms: int, *, for_gap: bool = False, with_bundle: bool = False) -> None:
        """Ask on the active session; the relay takes it at once."""
        active = self.pair.active
        if active is None:
            return
        ask_id = self._fresh_ask()
        self.pair = pairs.asked(self.pair, ask_id, patience_ms, self.now_ms, for_gap=for_gap)
        self.world.count("asks")
        self._seal(active.id, SyncBody(self.sync(SyncKind.ASK, ask_id), self.bundle if with_bundle else None))
        self.pair = pairs.ask_taken(self.pair, ask_id, self.now_ms)

    def doubt(self) -> None:
        """Ask whether the active session lives, if that may be done now."""
        if pairs.may_ask(self.pair, self.now_ms):
            self.ask(pairs.SHORT_PATIENCE_MS)

    # --- receiving ---

    def receive(self, envelope: Envelope) -> None:
        """Take what a relay delivers."""
        before = self._authentic_state()
        if not self._receive(envelope) and self._authentic_state() != before:
            self.world.fault("what does not authenticate has changed the state")

    def _authentic_state(self) -> object:
        pair = self.pair
        return pair.sessions, pair.top, pair.known, pair.met, pair.received, len(self.shown)

    def _receive(self, envelope: Envelope) -> bool:
        reason = "unknown"
        for standing in sorted(self.pair.sessions, key=lambda one: one.rank):
            session = self.sessions[standing.id]
            if envelope.tag not in session.ratchet.tags():
                continue
            try:
                opened = session.ratchet.open(envelope)
            except Refused as refused:
                reason = str(refused)
                continue
            session.ratchet = opened.ratchet
            self._opened(standing.id, opened.body, opened.answered)
            return True
        if envelope.prefix is not None and reason == "unknown":
            return self._flight(envelope, envelope.prefix)
        if reason != "replay":
            self._not_authentic()
        return False

    def _not_authentic(self) -> None:
        if not self.is_dedicated:
            return
        if self.faults.drops_at_unknown and self.pair.met:
            self.sessions = {}
            self.pair = replace(self.pair, sessions=(), ask=None, candidate=None)
        self.doubt()

    def _flight(self, envelope: Envelope, prefix: Prefix) -> bool:
        if (prefix.prekey_id, prefix.ephemeral) in self.replayed:
            self._not_authentic()
            return False
        now_ms = self.now_ms
        root = self.root_of(prefix, now_ms)
        if root is None or not pairs.may_hear(self.pair, now_ms):
            return False
        session_id = SessionId(symbolic_ratchet.session_id(root))
        ratchet = Ratchet.of_responder(root, self.prekeys[prefix.prekey_id].private)
        try:
            opened = ratchet.open(envelope)
        except Refused:
            return False
        body = opened.body
        if self.pair.session(session_id) is not None or not isinstance(body, Body) or body.epoch is None:
            return False
        self.replayed.add((prefix.prekey_id, prefix.ephemeral))
        if prefix.one_time_id is not None:
            del self.prekeys[prefix.one_time_id]
        self.sessions[session_id] = SessionState(opened.ratchet, None)
        standing = Standing(session_id, body.epoch, False, now_ms, now_ms + PREKEY_LIFE_MS)
        self._take(pairs.heard(self.pair, standing, now_ms))
        if session_id in self.sessions:
            self._opened(session_id, body, None)
        return True

    def root_of(self, prefix: Prefix, now_ms: int) -> int | None:
        """Return the root of the handshake that a prefix asks for; None without its private keys."""
        prekey = self.prekeys.get(prefix.prekey_id)
        one_time = Prekey(0, 0) if prefix.one_time_id is None else self.prekeys.get(prefix.one_time_id)
        if prekey is None or one_time is None or now_ms > prekey.ends_ms + RELAY_RETENTION_MS:
            return None
        return mix(
            _HANDSHAKE,
            agree(prefix.ephemeral, prekey.private),
            agree(prefix.ephemeral, self.identity),
            agree(prefix.ephemeral, one_time.private) if prefix.one_time_id is not None else 0,
            agree(prefix.identity, prekey.private),
            agree(prefix.identity, self.identity),
        )

    def _opened(self, session_id: SessionId, body: object, answered: int | None) -> None:
        if not isinstance(body, Body):
            return
        if body.bundle is not None:
            self._peer_prekeys(session_id, body.bundle)
        key = None if answered is None else public(answered)
        change = pairs.opened(self.pair, session_id, key, self.now_ms)
        self._take(change)
        if change.proven and session_id in self.sessions:
            self._proven(session_id, change)
        self._content(session_id, body.content)
        if change.is_doubted:
            self.doubt()
        self.pump()
        session = self.sessions.get(session_id)
        if change.activated and session is not None and session.ratchet.initiator:
            self._third_leg(session_id, session)

    def _third_leg(self, session_id: SessionId, session: SessionState) -> None:
        """Prove a session of ours to the peer, if nothing that waited has done so."""
        if session.ratchet.unanswered_key is None:
            self._seal(session_id, SyncBody(self.sync(SyncKind.TELL, None)))

    def _proven(self, session_id: SessionId, change: Change) -> None:
        session = self.sessions[session_id]
        session.prefix = None
        if session.bundle is not None and not self.faults.newest_end:
            self.peer_bundle, self.peer_bundle_from = session.bundle, session_id
        if change.activated:
            self._again(lambda row: row.session_id != session_id)

    def _content(self, session_id: SessionId, content: Content) -> None:
        match content:
            case TextBody(text_id, number):
                self._show(text_id, number)
            case ReceiptBody(text_ids):
                for text_id in text_ids:
                    if text_id in self.texts:
                        self.texts[text_id].state = "confirmed"
            case SyncBody(sync, bundle):
                if bundle is not None:
                    self._peer_prekeys(session_id, bundle)
                self._synced(session_id, sync)

    def _show(self, text_id: int, number: Number) -> None:
        repeats = self.shown.get(text_id)
        self.shown[text_id] = 0 if repeats is None else repeats + 1
        if repeats is None:
            self._take(pairs.numbered(self.pair, number))
        if self.shown[text_id] < MAX_REPEATS:
            self.receipts.append(text_id)

    def _synced(self, session_id: SessionId, sync: Sync) -> None:
        now_ms = self.now_ms
        change = pairs.synced(self.pair, session_id, sync, now_ms)
        self._take(change)
        if change.rolled_back:
            self.world.count("own rollbacks seen")
        if self.pair.wanted is not None and self.pair.candidate is None:
            self.start()
        active = self.pair.active
        if active is not None and active.id == session_id and not self.faults.resends_nothing:
            self._again(
                lambda row: (
                    row.number is not None
                    and row.number.n <= sync.got
                    and row.sealed_ms <= now_ms - MINUTE_MS
                )
            )
        if sync.kind is SyncKind.ASK and session_id in self.sessions and pairs.may_tell(self.pair, now_ms):
            self.pair = pairs.told(self.pair, now_ms)
            self._seal(session_id, SyncBody(self.sync(SyncKind.TELL, sync.ask_id)))

    def _again(self, chosen: RowTest) -> None:
        """Queue the newest unconfirmed texts of a kind again."""
        now_ms = self.now_ms
        rows = [
            row
            for row in self.texts.values()
            if row.state == "sent"
            and now_ms < row.made_ms + RESEND_AGE_MS
            and row.sendings < MAX_SENDINGS
            and chosen(row)
        ]
        for row in rows[-RESEND:]:
            row.state = "waits"
            self.world.count("texts sent again")

    def _peer_prekeys(self, session_id: SessionId, bundle: Bundle) -> None:
        """Those of the session that was proven last count; within a session those that end later (SES-34)."""
        session = self.sessions.get(session_id)
        if session is None:
            return
        if session.bundle is None or bundle.ends_ms > session.bundle.ends_ms:
            session.bundle = bundle
        if self.faults.newest_end:
            if self.peer_bundle is None or bundle.ends_ms > self.peer_bundle.ends_ms:
                self.peer_bundle = bundle
            return
        standing = self.pair.session(session_id)
        is_proven = standing is not None and standing.proven
        has_other = self.peer_bundle_from in self.sessions and self.peer_bundle_from != session_id
        if not self.pair.met or (is_proven and not has_other):
            self.peer_bundle = session.bundle

    def _take(self, change: Change) -> None:
        self.pair = change.pair
        for session_id in change.gone:
            self.sessions.pop(session_id, None)
        self.parted += change.findings.count(Finding.PARTED)
        self.gaps += change.findings.count(Finding.GAP)

    # --- time ---

    def tick(self) -> None:
        """Do what time asks for."""
        now_ms = self.now_ms
        for row in self.texts.values():
            row.made_ms, row.sealed_ms = min(row.made_ms, now_ms), min(row.sealed_ms, now_ms)
        self.rotated_ms = min(self.rotated_ms, now_ms)
        texts_wait = any(row.state == "waits" for row in self.texts.values())
        self._take(pairs.tick(self.pair, now_ms, connected=True, texts_wait=texts_wait))
        if self.pair.wanted is not None and self.pair.candidate is None:
            self.start()
        if pairs.repeat_due(self.pair, now_ms):
            self.pair = pairs.repeated(self.pair, now_ms)
            self._ask_on_candidate()
        self._weekly(now_ms)
        if pairs.gap_ask_due(self.pair, now_ms):
            self.ask(pairs.LONG_PATIENCE_MS, for_gap=True)
        if any(row.state == "sent" and now_ms >= row.sealed_ms + DAY_MS for row in self.texts.values()):
            self._unconfirmed(now_ms)
        self.pump()

    def _weekly(self, now_ms: int) -> None:
        if now_ms < self.rotated_ms + PREKEY_ROTATION_MS:
            return
        self.make_prekeys()
        if not self.is_published:
            self.ask(pairs.LONG_PATIENCE_MS, with_bundle=True)

    def _unconfirmed(self, now_ms: int) -> None:
        if now_ms >= self.pair.asked_ms + DAY_MS:
            self.doubt()

    def lose(self) -> None:
        """Notice that the state is not the newest (SES-32)."""
        self.sessions, self.receipts = {}, []
        self.pair = pairs.lost(self.pair, self.now_ms)
        self.make_prekeys()
        self.tick()


class RowTest(Protocol):
    """Which texts are meant."""

    def __call__(self, row: TextRow, /) -> bool: ...


def public(key: int) -> DhPublic:
    """Return a symbolic ratchet key as the bytes that a pair keeps of it."""
    return DhPublic(key.to_bytes(32, "little"))
