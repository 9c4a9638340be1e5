"""Which session of a pair of devices is active, and when a new one is started (chapter 08).

A pair is (our device, peer device). It knows its sessions by id, epoch and standing only; the ratchets are
kept by whoever uses it. Every function is pure: state and input give a new state.

    started --(answers our key)--> proven: the one with the highest epoch is active
    heard   --(answers our key)--> proven

    calm --ask sent--> asking --silence, no proven session, a top that we lack--> candidate --life--> calm
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple, TypeAlias

from .constants import (
    MAX_OTHER_SESSIONS,
    OTHER_TTL_MS,
    PREKEY_LIFE_MS,
    RELAY_RETENTION_MS,
    SHORT_ID_B,
)
from .content import Sync, SyncKind, Top
from .errors import CounterExhausted, SessionInactive
from .ids import DhPublic, SessionId
from .numbers import Finding, Given, Number, Received

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000

MAX_EPOCH: Final = 2**32 - 1
MAX_EPOCH_AHEAD: Final = 2 * 365 * 24 * 60
ASK_APART_MS: Final = 10 * MINUTE_MS
SHORT_PATIENCE_MS: Final = 10 * MINUTE_MS
LONG_PATIENCE_MS: Final = DAY_MS
REPEATS_MS: Final = (10 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, DAY_MS)
SEARCH_MS: Final = 14 * DAY_MS
GAP_ASKS_MS: Final = (0, HOUR_MS, DAY_MS)
UNPROVEN_TTL_MS: Final = PREKEY_LIFE_MS + RELAY_RETENTION_MS

MAX_FLIGHTS: Final = 8
MAX_TELLS: Final = 48
MAX_ASKS: Final = 12
MAX_STARTS: Final = 3
MAX_SKIPS: Final = 2_000
MAX_LISTS: Final = 1


class Standing(NamedTuple):
    """One session as its pair sees it.

    `ends_ms` is until when a session that we started may send while it is unproven. `since_ms` is since
    when a proven one is not active, else 0. `beside` is the ratchet key that we had on the active session
    when we started this one, `top` the peer's active session for which we did (SES-28).
    """

    id: SessionId
    epoch: int
    ours: bool
    created_ms: int
    ends_ms: int
    proven: bool = False
    since_ms: int = 0
    beside: DhPublic | None = None
    top: Top | None = None

    @property
    def rank(self) -> tuple[int, bytes]:
        """The smallest rank goes first: highest epoch, then smallest id (SES-22)."""
        return -self.epoch, self.id

    def may_send(self, now_ms: int) -> bool:
        """Whether an unproven session may carry a text (SES-22)."""
        return not self.proven and now_ms <= self.ends_ms


class Wanted(NamedTuple):
    """A session that is to be started: for which top, and since when the peer does not answer.

    `again` says that one started before found no answer, so that one-time keys are left out (SES-26).
    """

    since_ms: int
    top: Top | None = None
    again: bool = False


class Candidate(NamedTuple):
    """The session that we have started last and that nobody has proven: its asks and since when we try."""

    id: SessionId
    since_ms: int
    asked_ms: int
    repeats: int = 0


class Ask(NamedTuple):
    """An ask on the active session: when the relay took it, 0 before, and how long silence may last."""

    id: bytes
    taken_ms: int
    patience_ms: int


class Budget(NamedTuple):
    """What was used of the limits of 24 hours, counted from `since_ms` on (SES-35)."""

    since_ms: int = 0
    flights: int = 0
    tells: int = 0
    asks: int = 0
    starts: int = 0
    skips: int = 0
    lists: int = 0

    def at(self, now_ms: int) -> Budget:
        """Return what counts now; a time ahead of now counts as now."""
        if now_ms >= self.since_ms + DAY_MS:
            return Budget(now_ms)
        return self._replace(since_ms=min(self.since_ms, now_ms))


Use: TypeAlias = Literal["flights", "tells", "asks", "starts", "skips", "lists"]
LIMITS: Final = Budget(0, MAX_FLIGHTS, MAX_TELLS, MAX_ASKS, MAX_STARTS, MAX_SKIPS, MAX_LISTS)


@dataclass(frozen=True, slots=True)
class Pair:
    """What one of our devices knows of one device of a peer; `sessions` in the order of their making."""

    sessions: tuple[Standing, ...] = ()
    known: int = 0
    met: bool = False
    wanted: Wanted | None = None
    candidate: Candidate | None = None
    ask: Ask | None = None
    asked_ms: int = 0
    gap_asks: int = len(GAP_ASKS_MS)
    rolled_back_ms: int = 0
    budget: Budget = field(default_factory=Budget)
    given: Given = field(default_factory=Given)
    received: Received = field(default_factory=Received)

    def session(self, session_id: bytes) -> Standing | None:
        """Return a session by its id."""
        return next((one for one in self.sessions if one.id == session_id), None)

    @property
    def active(self) -> Standing | None:
        """The proven session with the smallest rank (SES-22)."""
        return min((one for one in self.sessions if one.proven), key=lambda one: one.rank, default=None)

    @property
    def top(self) -> Top | None:
        """What a sync says of the active session."""
        active = self.active
        return None if active is None else Top(active.epoch, active.id[:SHORT_ID_B])


@dataclass(frozen=True, slots=True)
class Change:
    """A pair after an input, and what follows from it.

    `gone` are sessions that left, with their keys. `activated`: the session of the input has become active,
    so what waits goes on it, and what was unconfirmed on others again. `is_doubted`: ask (SES-25).
    """

    pair: Pair
    gone: tuple[SessionId, ...] = ()
    proven: bool = False
    activated: bool = False
    is_doubted: bool = False
    rolled_back: bool = False
    findings: list[Finding] = field(default_factory=list)


def sending(pair: Pair, now_ms: int) -> SessionId | None:
    """Return the session for texts: the active one, before the first proof the best unproven (SES-22)."""
    best = pair.active
    if best is None and not pair.met:
        usable = (one for one in pair.sessions if one.may_send(now_ms))
        best = min(usable, key=lambda one: one.rank, default=None)
    return None if best is None else best.id


def check_sending(
    pair: Pair, session_id: SessionId, sync: Sync | None, now_ms: int, *, is_ahead: bool = False
) -> None:
    """Refuse a content on a session that only receives; a tell goes where its ask came (SES-02, SES-24).
    `is_ahead` marks what goes ahead of a candidate's ask (TRN-30).

    Raises:
        SessionInactive.
    """
    candidate = pair.candidate is not None and pair.candidate.id == session_id
    is_ask = is_ahead or (sync is not None and sync.kind is SyncKind.ASK)
    is_allowed = candidate if is_ask else sync is not None
    if not is_allowed and session_id != sending(pair, now_ms):
        raise SessionInactive("only the active session sends")


def next_epoch(pair: Pair, now_ms: int) -> int:
    """Return the epoch of the next session that we start (SES-21).

    Raises:
        CounterExhausted: none is left.
    """
    epoch = max(pair.known + 1, now_ms // MINUTE_MS)
    if epoch > MAX_EPOCH:
        raise CounterExhausted("no epoch is left for this pair")
    return epoch


def left(pair: Pair, use: Use, now_ms: int) -> int:
    """Return how much of a budget is left (SES-35)."""
    limit: int = getattr(LIMITS, use)
    count: int = getattr(pair.budget.at(now_ms), use)
    return max(limit - count, 0)


def free_ms(pair: Pair, use: Use) -> int:
    """Return when a budget has something left: 0 where it has now (SES-35)."""
    is_spent = getattr(pair.budget, use) >= getattr(LIMITS, use)
    return pair.budget.since_ms + DAY_MS if is_spent else 0


def used(pair: Pair, use: Use, now_ms: int, count: int = 1) -> Pair:
    """Count what is used of a budget (SES-35)."""
    budget = pair.budget.at(now_ms)
    return replace(pair, budget=budget._replace(**{use: getattr(budget, use) + count}))


# --- sessions come ---


def started(pair: Pair, standing: Standing, now_ms: int) -> Change:
    """Take in a session that we have started; its first ask is sent with it (SES-26)."""
    wanted = pair.wanted or Wanted(now_ms)
    older = tuple(one._replace(ends_ms=0) if one.ours and not one.proven else one for one in pair.sessions)
    grown = replace(
        used(pair, "starts", now_ms),
        sessions=(*older, standing._replace(top=wanted.top)),
        known=max(pair.known, standing.epoch),
        wanted=None,
        candidate=Candidate(standing.id, min(wanted.since_ms, now_ms), now_ms),
    )
    return _change(pair, grown, now_ms)


def ended(pair: Pair, session_id: SessionId) -> Pair:
    """Note that a session can send no more: an unproven one carries no text any longer."""
    sessions = tuple(one._replace(ends_ms=0) if one.id == session_id else one for one in pair.sessions)
    return replace(pair, sessions=sessions)


def heard(pair: Pair, standing: Standing, now_ms: int) -> Change:
    """Take in a session that the peer has started: it proves nothing yet (SES-23)."""
    grown = replace(
        used(pair, "flights", now_ms),
        sessions=(*pair.sessions, standing),
        known=_known(pair, standing.epoch, now_ms, is_proven=False),
    )
    return _change(pair, grown, now_ms)


# --- messages come ---


def opened(pair: Pair, session_id: SessionId, answered: DhPublic | None, now_ms: int) -> Change:
    """Note that a message has opened; `answered` is our ratchet key that it answers (SES-23)."""
    session = pair.session(session_id)
    if session is None:
        return Change(pair)
    before, is_proof = pair, answered is not None and not session.proven
    if is_proof:
        pair = _proven(pair, session, now_ms)
    active = pair.active
    is_active = active is not None and active.id == session_id
    if is_active and answered is not None:
        pair = _alive(pair, None if is_proof else answered)
    return replace(
        _change(before, pair, now_ms),
        proven=is_proof,
        activated=is_active and is_proof,
        is_doubted=(session.proven or is_proof) and not is_active,
    )


def synced(pair: Pair, session_id: SessionId, sync: Sync, now_ms: int) -> Change:
    """Take what a peer tells of itself (SES-24, SES-27, SES-28, SES-30, SES-31)."""
    session = pair.session(session_id)
    if session is None:
        return Change(pair)
    before = pair
    pair = _with_top(pair, session, sync.top, now_ms)
    if sync.kind is SyncKind.TELL and pair.ask is not None and sync.ask_id == pair.ask.id:
        pair = replace(pair, ask=None)
        if not _is_outranked(pair, sync.top):
            pair = _without_started(_calm(pair), keep=session_id)
    pair, rolled_back = _after_their_count(pair, sync.got, now_ms)
    received, findings = pair.received.told(sync.given)
    pair = _with_received(pair, received, findings)
    return replace(_change(before, pair, now_ms), rolled_back=rolled_back, findings=findings)


def numbered(pair: Pair, number: Number) -> Change:
    """Note the number of a text whose content id is new (SES-29, SES-30)."""
    received, findings = pair.received.take(number)
    return Change(_with_received(pair, received, findings), findings=findings)


def give(pair: Pair) -> tuple[Pair, Number]:
    """Give the next number to a text of ours (SES-29)."""
    given = pair.given.following()
    return replace(pair, given=given), Number(*given)


# --- doubt and silence ---


def may_ask(pair: Pair, now_ms: int) -> bool:
    """Whether a doubt leads to an ask now: on the active session, one at a time (SES-25, SES-35)."""
    apart = now_ms >= min(pair.asked_ms, now_ms) + ASK_APART_MS or not pair.asked_ms
    return _is_free(pair) and apart and left(pair, "asks", now_ms) > 0


def _is_free(pair: Pair) -> bool:
    """Whether an ask could go on an active session, with none, no candidate and no session wanted."""
    is_searching = pair.candidate is not None or pair.wanted is not None
    return pair.ask is None and not is_searching and pair.active is not None


def asked(pair: Pair, ask_id: bytes, patience_ms: int, now_ms: int, *, for_gap: bool = False) -> Pair:
    """Note an ask that is sent on the active session."""
    return replace(
        used(pair, "asks", now_ms),
        ask=pair.ask or Ask(ask_id, 0, patience_ms),
        asked_ms=now_ms,
        gap_asks=pair.gap_asks + for_gap,
    )


def ask_taken(pair: Pair, ask_id: bytes, now_ms: int) -> Pair:
    """Note that the relay has taken an ask: from now on its silence counts (SES-26)."""
    if pair.ask is None or pair.ask.id != ask_id or pair.ask.taken_ms:
        return pair
    return replace(pair, ask=pair.ask._replace(taken_ms=now_ms))


def ask_refused(pair: Pair, ask_id: bytes) -> Pair:
    """Note that the relay will not take an ask: the next doubt may ask again (SES-25)."""
    return replace(pair, ask=None) if pair.ask is not None and pair.ask.id == ask_id else pair


def gap_ask_due(pair: Pair, now_ms: int) -> bool:
    """Whether missing texts are to be asked for (SES-25)."""
    if not pair.received.missing or pair.gap_asks >= len(GAP_ASKS_MS):
        return False
    return now_ms >= min(pair.asked_ms, now_ms) + GAP_ASKS_MS[pair.gap_asks] and may_ask(pair, now_ms)


def tick(pair: Pair, now_ms: int, *, connected: bool, texts_wait: bool) -> Change:
    """Do what time asks for: silence, a candidate that nobody answers, ages (SES-26, SES-33)."""
    before, pair = pair, _at(pair, now_ms)
    ask, is_searching = pair.ask, pair.candidate is not None or pair.wanted is not None
    if ask is not None and connected and ask.taken_ms and now_ms >= ask.taken_ms + ask.patience_ms:
        pair = replace(pair, ask=None, wanted=pair.wanted if is_searching else Wanted(now_ms))
    if pair.candidate is not None:
        pair = _search_on(pair, pair.candidate, now_ms, texts_wait=texts_wait)
    is_idle = pair.active is None and pair.candidate is None and pair.wanted is None
    if pair.met and is_idle and texts_wait:
        pair = replace(pair, wanted=Wanted(now_ms))
    return _change(before, pair, now_ms)


def repeat_due(pair: Pair, now_ms: int) -> bool:
    """Whether the ask of the candidate is to be repeated (SES-26)."""
    candidate, session = pair.candidate, _candidate_of(pair)
    if candidate is None or session is None or not session.may_send(now_ms):
        return False
    wait_ms = REPEATS_MS[min(candidate.repeats, len(REPEATS_MS) - 1)]
    return now_ms >= min(candidate.asked_ms, now_ms) + wait_ms


def repeated(pair: Pair, now_ms: int) -> Pair:
    """Note that the ask of the candidate was repeated."""
    if pair.candidate is None:
        return pair
    candidate = pair.candidate._replace(asked_ms=now_ms, repeats=pair.candidate.repeats + 1)
    return replace(pair, candidate=candidate)


def due_ms(pair: Pair) -> int | None:
    """Return when `tick`, `repeat_due` or `gap_ask_due` may have something to do; None for a pair at rest."""
    times: list[int] = []
    if pair.ask is not None and pair.ask.taken_ms:
        times.append(pair.ask.taken_ms + pair.ask.patience_ms)
    candidate, session = pair.candidate, _candidate_of(pair)
    if candidate is not None and session is not None:
        repeat_ms = candidate.asked_ms + REPEATS_MS[min(candidate.repeats, len(REPEATS_MS) - 1)]
        end_ms = max(session.created_ms + DAY_MS if pair.met else 0, session.ends_ms + 1)
        times.append(repeat_ms if repeat_ms <= session.ends_ms else end_ms)
    if pair.received.missing and pair.gap_asks < len(GAP_ASKS_MS) and _is_free(pair):
        wait_ms = max(GAP_ASKS_MS[pair.gap_asks], ASK_APART_MS)
        times.append(max(pair.asked_ms + wait_ms, free_ms(pair, "asks")))
    return min(times, default=None)


def lost(pair: Pair, now_ms: int) -> Pair:
    """Drop every session after a loss that was noticed; `known` and `met` stay (SES-32)."""
    return replace(
        pair,
        sessions=(),
        ask=None,
        candidate=None,
        wanted=Wanted(now_ms) if pair.met else None,
        given=pair.given.skip_to(now_ms),
    )


# --- inside ---


def _change(before: Pair, pair: Pair, now_ms: int) -> Change:
    """Drop what is too old or too much (SES-33); name every session of `before` that is gone."""
    active, candidate = pair.active, _candidate_of(pair)
    kept_ids = {one.id for one in (active, candidate) if one is not None}
    # A stored time ahead of now counts as now.
    sessions = tuple(
        one._replace(created_ms=min(one.created_ms, now_ms), since_ms=min(one.since_ms, now_ms))
        for one in pair.sessions
    )
    others = [one.id for one in sessions if one.id not in kept_ids and _is_young(one, now_ms)]
    # A peer that took all our flights holds the four made last: the oldest that we keep is one of these.
    most = MAX_OTHER_SESSIONS - (candidate is not None)
    kept_ids.update(others[-most:])
    kept = tuple(one for one in sessions if one.id in kept_ids)
    gone = tuple(one.id for one in before.sessions if one.id not in kept_ids)
    return Change(pair if kept == pair.sessions else replace(pair, sessions=kept), gone)


def _with_received(pair: Pair, received: Received, findings: list[Finding]) -> Pair:
    """Keep what is known of their numbers; a gap is asked for up to three times (SES-25)."""
    gap_asks = 0 if Finding.GAP in findings else pair.gap_asks
    return replace(pair, received=received, gap_asks=gap_asks)


def _known(pair: Pair, epoch: int, now_ms: int, *, is_proven: bool) -> int:
    """Return `known`; an epoch far ahead of our clock counts only from a proven session (SES-21)."""
    is_near = epoch <= now_ms // MINUTE_MS + MAX_EPOCH_AHEAD
    return max(pair.known, epoch) if is_near or is_proven else pair.known


def _proven(pair: Pair, session: Standing, now_ms: int) -> Pair:
    """Return the pair with a session proven, and with the one that it replaces as one of the others."""
    old = pair.active
    is_best = old is None or session.rank < old.rank
    changed = {session.id: session._replace(proven=True, since_ms=0 if is_best else now_ms)}
    if old is not None and is_best:
        changed[old.id] = old._replace(since_ms=now_ms)
    is_candidate = pair.candidate is not None and pair.candidate.id == session.id
    pair = replace(
        pair,
        sessions=tuple(changed.get(one.id, one) for one in pair.sessions),
        met=True,
        known=_known(pair, session.epoch, now_ms, is_proven=True),
        candidate=None if is_candidate else pair.candidate,
        ask=None if is_best else pair.ask,
    )
    return _calm(pair) if is_best else pair


def _alive(pair: Pair, answered: DhPublic | None) -> Pair:
    """Drop what we started beside the active session, which lives (SES-27).

    `answered` is our key that was answered; None if the session has just become active, which ends all of it.
    What rule SES-28 started stays while the top for which it did outranks the active session.
    """
    ours = pair.top
    gone = {
        one.id
        for one in pair.sessions
        if one.ours
        and not one.proven
        and (answered is None or one.beside != answered)
        and not (one.top is not None and _goes_before(one.top, ours))
    }
    if not gone:
        return pair
    return _calm(replace(_without(pair, gone), ask=None))


def _calm(pair: Pair) -> Pair:
    """Forget that a session is wanted, unless the top for which it is outranks the active one (SES-27)."""
    wanted = pair.wanted
    if wanted is None or _is_outranked(pair, wanted.top):
        return pair
    return replace(pair, wanted=None)


def _without_started(pair: Pair, keep: SessionId) -> Pair:
    """Drop what we started and nobody has proven, but for the session that was just heard of."""
    return _without(pair, {one.id for one in pair.sessions if one.ours and not one.proven and one.id != keep})


def _without(pair: Pair, gone: set[SessionId]) -> Pair:
    candidate = None if pair.candidate is not None and pair.candidate.id in gone else pair.candidate
    kept = tuple(one for one in pair.sessions if one.id not in gone)
    return replace(pair, sessions=kept, candidate=candidate)


def _goes_before(top: Top, ours: Top | None) -> bool:
    """Whether a session goes before our active one, if we have one (SES-22)."""
    return ours is None or (-top.epoch, top.short_id) < (-ours.epoch, ours.short_id)


def _is_outranked(pair: Pair, top: Top | None) -> bool:
    """Whether the peer's active session is one that we lack and that goes before ours."""
    if top is None or any(one.id[:SHORT_ID_B] == top.short_id for one in pair.sessions):
        return False
    return _goes_before(top, pair.top)


def _with_top(pair: Pair, session: Standing, top: Top | None, now_ms: int) -> Pair:
    if top is None:
        return pair
    pair = replace(pair, known=_known(pair, top.epoch, now_ms, is_proven=session.proven))
    candidate = _candidate_of(pair)
    if not _is_outranked(pair, top) or (candidate is not None and candidate.epoch > top.epoch):
        return pair
    if candidate is not None:
        pair = _without(pair, {candidate.id})
    return replace(pair, wanted=Wanted(now_ms, top))


def _after_their_count(pair: Pair, got: int, now_ms: int) -> tuple[Pair, bool]:
    """Compare the highest number that the peer has received with what we gave: more means that our store was
    set back (SES-31). Our numbers go on above our clock, never above theirs, once in 24 hours.
    """
    if got <= pair.given.n or (pair.rolled_back_ms and now_ms < min(pair.rolled_back_ms, now_ms) + DAY_MS):
        return pair, False
    return replace(pair, given=pair.given.skip_to(now_ms), rolled_back_ms=now_ms), True


def _at(pair: Pair, now_ms: int) -> Pair:
    """Return the pair with every stored time that is ahead of now set to now: the clock was put back."""
    wanted, candidate, ask = pair.wanted, pair.candidate, pair.ask
    if wanted is not None:
        wanted = wanted._replace(since_ms=min(wanted.since_ms, now_ms))
    if candidate is not None:
        since_ms, asked_ms = min(candidate.since_ms, now_ms), min(candidate.asked_ms, now_ms)
        candidate = candidate._replace(since_ms=since_ms, asked_ms=asked_ms)
    if ask is not None:
        ask = ask._replace(taken_ms=min(ask.taken_ms, now_ms))
    moved = replace(
        pair,
        wanted=wanted,
        candidate=candidate,
        ask=ask,
        asked_ms=min(pair.asked_ms, now_ms),
        rolled_back_ms=min(pair.rolled_back_ms, now_ms),
        budget=pair.budget._replace(since_ms=min(pair.budget.since_ms, now_ms)),
    )
    return pair if moved == pair else moved


def _candidate_of(pair: Pair) -> Standing | None:
    return None if pair.candidate is None else pair.session(pair.candidate.id)


def _search_on(pair: Pair, candidate: Candidate, now_ms: int, *, texts_wait: bool) -> Pair:
    """After its time without an answer a candidate is replaced, for 14 days, then only while a text waits;
    else the search ends, and the next doubt may begin another. In a pair that has not met it is replaced
    only while a text waits (SES-26).
    """
    session = pair.session(candidate.id)
    if session is None or (not pair.met and now_ms > session.ends_ms):
        return replace(pair, candidate=None)
    if now_ms < _replaced_ms(pair, session, now_ms) or not (pair.met or texts_wait):
        return pair
    if now_ms > candidate.since_ms + SEARCH_MS and not texts_wait:
        return replace(pair, candidate=None)
    return replace(pair, candidate=None, wanted=Wanted(candidate.since_ms, session.top, again=True))


def _replaced_ms(pair: Pair, candidate: Standing, now_ms: int) -> int:
    """Return when a candidate is to be replaced (SES-44). The times double, since what a peer has not fetched
    waits at its relay for 30 days, and comes at once: fewer than `MAX_FLIGHTS` flights.
    """
    created_ms = min(candidate.created_ms, now_ms)
    before_ms = created_ms - min(one.created_ms for one in pair.sessions if one.ours and not one.proven)
    return created_ms + max(DAY_MS, min(before_ms, candidate.ends_ms + 1 - created_ms))


def _is_young(session: Standing, now_ms: int) -> bool:
    if session.proven:
        return now_ms < session.since_ms + OTHER_TTL_MS
    return now_ms < session.created_ms + UNPROVEN_TTL_MS
