"""The rules of a pair a second time, from the text of chapter 08: sessions by id, epoch and standing.

A pair is one object that changes; an event returns what follows from it. Times are milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
TWO_YEARS_MIN: Final = 2 * 365 * 24 * 60
REPEATS_MS: Final = (10 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, DAY_MS)
SEARCH_MS: Final = 14 * DAY_MS
PROVEN_MS: Final = 7 * DAY_MS
UNPROVEN_MS: Final = 44 * DAY_MS
OTHERS: Final = 4

Top = tuple[int, bytes]


@dataclass
class Session:
    """A session of the pair; `replaced_ms` is when a proven one stopped being active."""

    id: bytes
    epoch: int
    ours: bool
    made_ms: int
    ends_ms: int
    beside: bytes | None = None
    top: Top | None = None
    proven: bool = False
    replaced_ms: int = 0

    @property
    def leaves_ms(self) -> int:
        """When one that is not active goes (SES-33)."""
        return self.replaced_ms + PROVEN_MS if self.proven else self.made_ms + UNPROVEN_MS

    @property
    def order(self) -> tuple[int, bytes]:
        """Smaller goes first (SES-22)."""
        return -self.epoch, self.id


@dataclass
class Outcome:
    """What follows from an event."""

    gone: list[bytes] = field(default_factory=list)
    proven: bool = False
    activated: bool = False
    doubted: bool = False


@dataclass
class Pair:
    """The state of a pair."""

    sessions: list[Session] = field(default_factory=list)
    known: int = 0
    met: bool = False
    wanted: tuple[int, Top | None, bool] | None = None
    candidate: tuple[bytes, int, int, int] | None = None
    ask: tuple[bytes, int, int] | None = None

    # --- what it is ---

    def find(self, session_id: bytes) -> Session | None:
        """Return a session by id."""
        return next((one for one in self.sessions if one.id == session_id), None)

    @property
    def active(self) -> Session | None:
        """The proven session that goes first (SES-22)."""
        return min((one for one in self.sessions if one.proven), key=lambda one: one.order, default=None)

    def sending(self, now_ms: int) -> bytes | None:
        """Return what texts go on (SES-22)."""
        active = self.active
        if active is not None or self.met:
            return None if active is None else active.id
        able = [one for one in self.sessions if now_ms <= one.ends_ms]
        return min(able, key=lambda one: one.order).id if able else None

    def shown(self, now_ms: int) -> dict[str, Any]:
        """Return the state for a file."""
        active, wanted = self.active, self.wanted
        return {
            "sessions": [[one.id, one.epoch, self._standing(one)] for one in self.sessions],
            "active": None if active is None else active.id,
            "sending": self.sending(now_ms),
            "known": self.known,
            "met": self.met,
            "wanted": None if wanted is None else [wanted[0], wanted[1] and list(wanted[1]), wanted[2]],
            "candidate": None if self.candidate is None else list(self.candidate),
            "ask": None if self.ask is None else list(self.ask),
        }

    def _standing(self, one: Session) -> str:
        if one.proven:
            return "active" if one is self.active else "other"
        return "started" if one.ours else "heard"

    # --- events ---

    def start(self, made: Session, now_ms: int) -> Outcome:
        """Take in a session of ours; it is the candidate (SES-26, SES-28)."""
        since_ms, top, _ = self.wanted or (now_ms, None, False)
        for one in self.sessions:
            if one.ours and not one.proven:
                one.ends_ms = 0
        made.top = top
        self.sessions.append(made)
        self.known = max(self.known, made.epoch)
        self.wanted, self.candidate = None, (made.id, min(since_ms, now_ms), now_ms, 0)
        return self._trim(now_ms)

    def hear(self, made: Session, now_ms: int) -> Outcome:
        """Take in a session of the peer (SES-23)."""
        self.sessions.append(made)
        self._see(made.epoch, now_ms, sure=False)
        return self._trim(now_ms)

    def open(self, session_id: bytes, answered: bytes | None, now_ms: int) -> Outcome:
        """A message has opened; `answered` is our key that its new chain answers (SES-27, SES-36)."""
        session, gone = self.find(session_id), list[bytes]()
        if session is None:
            return Outcome()
        proof = answered is not None and not session.proven
        if proof:
            self._prove(session, now_ms)
        if answered is not None and session is self.active:
            gone = self._live(None if proof else answered)
        outcome = self._trim(now_ms)
        outcome.gone = gone + outcome.gone
        outcome.proven, outcome.activated = proof, proof and session is self.active
        outcome.doubted = session.proven and session is not self.active
        return outcome

    def sync(self, session_id: bytes, ask_id: bytes | None, top: Top | None, now_ms: int) -> Outcome:
        """A sync came; `ask_id` is that of a tell (SES-27, SES-28)."""
        session, gone = self.find(session_id), list[bytes]()
        if session is None:
            return Outcome()
        if top is not None:
            self._see(top[0], now_ms, sure=session.proven)
            gone += self._lack(top, now_ms)
        if self.ask is not None and ask_id == self.ask[0]:
            self.ask = None
            if top is None or not self._outranked_by(top):
                self._calm()
                gone += self._drop([one for one in self._begun() if one.id != session_id])
        outcome = self._trim(now_ms)
        outcome.gone = gone + outcome.gone
        return outcome

    def send_ask(self, ask_id: bytes, patience_ms: int, now_ms: int) -> Outcome:
        """An ask goes out on the active session, and the relay takes it."""
        self.ask = self.ask or (ask_id, now_ms, patience_ms)
        return Outcome()

    def repeat(self, now_ms: int) -> Outcome:
        """The candidate's ask is repeated."""
        if self.candidate is not None:
            session_id, since_ms, _, repeats = self.candidate
            self.candidate = session_id, since_ms, now_ms, repeats + 1
        return Outcome()

    def lose(self, now_ms: int) -> Outcome:
        """A loss was noticed (SES-32)."""
        self.sessions, self.ask, self.candidate = [], None, None
        self.wanted = (now_ms, None, False) if self.met else None
        return Outcome()

    def pass_time(self, now_ms: int, *, texts_wait: bool) -> Outcome:
        """Time has passed while connected (SES-26, SES-33)."""
        if self.ask is not None and now_ms >= self.ask[1] + self.ask[2]:
            self.ask = None
            if self.candidate is None and self.wanted is None:
                self.wanted = now_ms, None, False
        if self.candidate is not None:
            self._search(self.candidate, now_ms, texts_wait=texts_wait)
        idle = self.active is None and self.candidate is None and self.wanted is None
        if self.met and idle and texts_wait:
            self.wanted = now_ms, None, False
        return self._trim(now_ms)

    # --- inside ---

    def _begun(self) -> list[Session]:
        return [one for one in self.sessions if one.ours and not one.proven]

    def _see(self, epoch: int, now_ms: int, *, sure: bool) -> None:
        if sure or epoch <= now_ms // MINUTE_MS + TWO_YEARS_MIN:
            self.known = max(self.known, epoch)

    def _prove(self, session: Session, now_ms: int) -> None:
        old = self.active
        session.proven, self.met = True, True
        self._see(session.epoch, now_ms, sure=True)
        if self.candidate is not None and self.candidate[0] == session.id:
            self.candidate = None
        if session is not self.active:
            session.replaced_ms = now_ms
            return
        if old is not None:
            old.replaced_ms = now_ms
        self.ask = None
        self._calm()

    def _live(self, answered: bytes | None) -> list[bytes]:
        leaving = [
            one
            for one in self._begun()
            if (answered is None or one.beside != answered)
            and not (one.top is not None and self._goes_before(one.top))
        ]
        if not leaving:
            return []
        self.ask = None
        gone = self._drop(leaving)
        self._calm()
        return gone

    def _calm(self) -> None:
        if self.wanted is not None and not (self.wanted[1] and self._outranked_by(self.wanted[1])):
            self.wanted = None

    def _goes_before(self, top: Top) -> bool:
        active = self.active
        return active is None or (-top[0], top[1]) < (-active.epoch, active.id[:8])

    def _outranked_by(self, top: Top) -> bool:
        return self._goes_before(top) and all(one.id[:8] != top[1] for one in self.sessions)

    def _lack(self, top: Top, now_ms: int) -> list[bytes]:
        candidate = None if self.candidate is None else self.find(self.candidate[0])
        if not self._outranked_by(top) or (candidate is not None and candidate.epoch > top[0]):
            return []
        gone = [] if candidate is None else self._drop([candidate])
        self.wanted = now_ms, top, False
        return gone

    def _drop(self, leaving: list[Session]) -> list[bytes]:
        gone = [one.id for one in leaving]
        self.sessions = [one for one in self.sessions if one.id not in gone]
        if self.candidate is not None and self.candidate[0] in gone:
            self.candidate = None
        return gone

    def _search(self, candidate: tuple[bytes, int, int, int], now_ms: int, *, texts_wait: bool) -> None:
        session, since_ms = self.find(candidate[0]), candidate[1]
        if session is None or (not self.met and now_ms > session.ends_ms):
            self.candidate = None
        elif now_ms >= session.made_ms + self._time_of(session) and (self.met or texts_wait):
            self.candidate = None
            if texts_wait or now_ms <= since_ms + SEARCH_MS:
                self.wanted = since_ms, session.top, True

    def _time_of(self, candidate: Session) -> int:
        """How long a candidate is one (SES-44)."""
        before_ms = candidate.made_ms - min(one.made_ms for one in self._begun())
        return max(DAY_MS, min(before_ms, candidate.ends_ms + 1 - candidate.made_ms))

    def _trim(self, now_ms: int) -> Outcome:
        candidate = None if self.candidate is None else self.candidate[0]
        others = [one for one in self.sessions if one is not self.active and one.id != candidate]
        aged = [one for one in others if now_ms >= one.leaves_ms]
        young = [one for one in others if one not in aged]
        most = OTHERS if candidate is None else OTHERS - 1
        return Outcome(self._drop([*aged, *young[: max(len(young) - most, 0)]]))
