"""One device and what it knows of one peer device: every decision is made by e2ee.pair and e2ee.numbers, the
rest is what an engine does with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import symbolic_ratchet
from pair_bodies import (
    Body,
    Bundle,
    Content,
    Faults,
    ReceiptBody,
    SessionState,
    SyncBody,
    TextBody,
    World,
    public,
)
from pair_prekeys import Prekeys, root_of_initiator
from pair_texts import TextRow, Texts
from symbolic_ratchet import Envelope, Prefix, Ratchet, Refused

from e2ee import pair as pairs
from e2ee import snapshot
from e2ee.constants import PREKEY_GRACE_MS, PREKEY_LIFE_MS, PREKEY_ROTATION_MS
from e2ee.content import Sync, SyncKind
from e2ee.errors import SessionInactive
from e2ee.ids import DhPublic, SessionId
from e2ee.numbers import Finding
from e2ee.pair import DAY_MS, MINUTE_MS, Change, Pair, Standing


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
    prekeys: Prekeys = field(default_factory=Prekeys)
    replayed: set[tuple[int, int]] = field(default_factory=set)
    texts: Texts = field(default_factory=Texts)
    parted: int = 0
    gaps: int = 0

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
            prekeys=self.prekeys.copied(),
            replayed=set(self.replayed),
            texts=self.texts.copied(),
        )

    def fresh_ask_id(self) -> bytes:
        """Return an id for an ask."""
        return self.world.fresh().to_bytes(8, "big")

    def sync(self, kind: SyncKind, ask_id: bytes | None) -> Sync:
        """Return what we know of the pair."""
        pair = self.pair
        return Sync(kind, ask_id, pair.top, pair.given.newest, pair.received.highest)

    # --- sending ---

    def say(self) -> int:
        """Write a text."""
        text_id = self.world.fresh()
        self.texts.rows[text_id] = TextRow(self.now_ms)
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
            body = Body(content, standing.epoch, self.prekeys.bundle)
        session.ratchet, envelope = session.ratchet.seal(session.prefix, body, self.world.fresh())
        self.world.post(self, envelope)

    def pump(self) -> None:
        """Send what waits, on the session that texts go on."""
        session_id = pairs.sending(self.pair, self.now_ms)
        waiting = self.texts.waiting()
        if session_id is None and waiting and not self.pair.met:
            self.start()
            session_id = pairs.sending(self.pair, self.now_ms)
        if session_id is None and self.faults.resends_early and self.pair.candidate is not None:
            session_id = self.pair.candidate.id
        if session_id is None:
            return
        for text_id, row in waiting:
            self._send_text(session_id, text_id, row)
        if self.texts.receipts:
            self._seal(session_id, ReceiptBody(tuple(self.texts.receipts)))
            self.texts.receipts = []

    def _send_text(self, session_id: SessionId, text_id: int, row: TextRow) -> None:
        standing = self.pair.session(session_id)
        is_proven = standing is not None and standing.proven
        if row.sendings and not is_proven and not self.faults.resends_early:
            return
        if row.number is None:
            self.pair, row.number = pairs.give(self.pair)
        row.state, row.session_id, row.sealed_ms = "sent", session_id, self.now_ms
        row.sendings += 1
        if not self.sessions[session_id].ratchet.is_answered:
            if row.sendings > 1:
                self.world.fault("a text sent again before an answer")
            if self.pair.met:
                self.world.fault("a text on an unproven session of a met pair")
        self._seal(session_id, TextBody(text_id, row.number))

    # --- asking ---

    def start(self) -> None:
        """Start a session, if prekeys of the peer can be had."""
        now_ms, pair = self.now_ms, self.pair
        if not pairs.left(pair, "starts", now_ms):
            return
        again = pair.wanted is not None and pair.wanted.again
        bundle = self.world.bundle_of_peer(self, again=again)
        grace_ms = PREKEY_GRACE_MS if pair.met else 0
        if bundle is None or now_ms > bundle.ends_ms + grace_ms:
            return
        ephemeral, one_time = self.world.fresh(), bundle.one_time
        root = root_of_initiator(self.identity, ephemeral, bundle)
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

    def _ask_on_candidate(self) -> None:
        if self.pair.candidate is not None:
            self._seal(
                self.pair.candidate.id,
                SyncBody(self.sync(SyncKind.ASK, self.world.fresh().to_bytes(8, "big"))),
            )

    def ask(self, patience_ms: int, *, for_gap: bool = False, with_bundle: bool = False) -> None:
        """Ask on the active session; the relay takes it at once."""
        active = self.pair.active
        if active is None:
            return
        ask_id = self.fresh_ask_id()
        self.pair = pairs.asked(self.pair, ask_id, patience_ms, self.now_ms, for_gap=for_gap)
        self.world.count("asks")
        bundle = self.prekeys.bundle if with_bundle else None
        self._seal(active.id, SyncBody(self.sync(SyncKind.ASK, ask_id), bundle))
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
        self._check()

    def _check(self) -> None:
        """Look at what holds at each moment: which session is active, and what was used of the budgets."""
        proven = [one for one in self.pair.sessions if self.sessions[one.id].ratchet.is_answered]
        if self.pair.active != min(proven, key=lambda one: one.rank, default=None):
            self.world.fault("the active session is not the best proven one")
        used = self.pair.budget.at(self.now_ms)
        limits = pairs.MAX_FLIGHTS, pairs.MAX_TELLS, pairs.MAX_ASKS + 1, pairs.MAX_STARTS
        if any(count > most for count, most in zip(used[1:5], limits, strict=True)):
            self.world.fault("more than a budget allows")

    def _authentic_state(self) -> object:
        pair = self.pair
        return pair.sessions, pair.top, pair.known, pair.met, pair.received, len(self.texts.shown)

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
        root = self.prekeys.root_of(prefix, self.identity, now_ms)
        if root is None or not pairs.left(self.pair, "flights", now_ms):
            return False
        session_id = SessionId(symbolic_ratchet.session_id(root))
        ratchet = Ratchet.of_responder(root, self.prekeys.private[prefix.prekey_id].key)
        try:
            opened = ratchet.open(envelope)
        except Refused:
            return False
        body = opened.body
        if self.pair.session(session_id) is not None or not isinstance(body, Body) or body.epoch is None:
            return False
        self.replayed.add((prefix.prekey_id, prefix.ephemeral))
        if prefix.one_time_id is not None:
            del self.prekeys.private[prefix.one_time_id]
        self.sessions[session_id] = SessionState(opened.ratchet, None)
        standing = Standing(session_id, body.epoch, False, now_ms, now_ms + PREKEY_LIFE_MS)
        self._take(pairs.heard(self.pair, standing, now_ms))
        if session_id in self.sessions:
            self._opened(session_id, body, None)
        return True

    def _opened(self, session_id: SessionId, body: object, answered: int | None) -> None:
        if not isinstance(body, Body):
            return
        if body.bundle is not None:
            self._take_prekeys(session_id, body.bundle)
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
        if change.activated and session is not None and session.ratchet.owes_third_leg:
            self._seal(session_id, SyncBody(self.sync(SyncKind.TELL, None)))

    def _proven(self, session_id: SessionId, change: Change) -> None:
        session = self.sessions[session_id]
        session.prefix = None
        if session.bundle is not None and not self.faults.newest_end:
            self.prekeys.of_peer, self.prekeys.of_peer_from = session.bundle, session_id
        if change.activated:
            self._again(lambda row: row.session_id != session_id)

    def _content(self, session_id: SessionId, content: Content) -> None:
        match content:
            case TextBody(text_id, number):
                if self.texts.show(text_id):
                    self._take(pairs.numbered(self.pair, number))
            case ReceiptBody(text_ids):
                self.texts.confirm(text_ids)
            case SyncBody(sync, bundle):
                if bundle is not None:
                    self._take_prekeys(session_id, bundle)
                self._synced(session_id, sync)

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
        if (
            sync.kind is SyncKind.ASK
            and session_id in self.sessions
            and pairs.left(self.pair, "tells", now_ms)
        ):
            self.pair = pairs.used(self.pair, "tells", now_ms)
            self._seal(session_id, SyncBody(self.sync(SyncKind.TELL, sync.ask_id)))

    def _again(self, chosen: Callable[[TextRow], bool]) -> None:
        self.world.count("texts sent again", self.texts.again(self.now_ms, chosen))

    def _take_prekeys(self, session_id: SessionId, bundle: Bundle) -> None:
        """Keep prekeys of the peer: those of the session that was proven last count (SES-34)."""
        session, standing = self.sessions.get(session_id), self.pair.session(session_id)
        if session is None or standing is None:
            return
        if session.bundle is None or bundle.ends_ms > session.bundle.ends_ms:
            session.bundle = bundle
        if self.faults.newest_end:
            self.prekeys.take_newest_end(bundle)
        elif not self.pair.met or (standing.proven and self._has_prekeys_of_no_other(session_id)):
            self.prekeys.of_peer = session.bundle

    def _has_prekeys_of_no_other(self, session_id: SessionId) -> bool:
        source = self.prekeys.of_peer_from
        return source == session_id or source not in self.sessions

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
        self.texts.set_times(now_ms)
        self.prekeys.made_ms = min(self.prekeys.made_ms, now_ms)
        texts_wait = bool(self.texts.waiting())
        self._take(pairs.tick(self.pair, now_ms, connected=True, texts_wait=texts_wait))
        if self.pair.wanted is not None and self.pair.candidate is None:
            self.start()
        if pairs.repeat_due(self.pair, now_ms):
            self.pair = pairs.repeated(self.pair, now_ms)
            self._ask_on_candidate()
        self._weekly(now_ms)
        if pairs.gap_ask_due(self.pair, now_ms):
            self.ask(pairs.LONG_PATIENCE_MS, for_gap=True)
        if self.texts.are_unconfirmed(now_ms):
            self._unconfirmed(now_ms)
        self.pump()
        self._check()

    def _weekly(self, now_ms: int) -> None:
        if now_ms < self.prekeys.made_ms + PREKEY_ROTATION_MS:
            return
        self.prekeys.make(self.now_ms, self.identity, self.world.fresh)
        if not self.is_published:
            self.ask(pairs.LONG_PATIENCE_MS, with_bundle=True)

    def _unconfirmed(self, now_ms: int) -> None:
        if now_ms >= self.pair.asked_ms + DAY_MS:
            self.doubt()

    def lose(self) -> None:
        """Notice that the state is not the newest (SES-32)."""
        self.sessions, self.texts.receipts = {}, []
        self.pair = pairs.lost(self.pair, self.now_ms)
        self.prekeys.make(self.now_ms, self.identity, self.world.fresh)
        self.tick()
