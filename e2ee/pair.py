"""One active session for a pair of devices, in whatever order handshakes arrive (SES-02 to SES-07)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from .constants import INACTIVE_TTL_MS, MAX_GEN_JUMP, MAX_INACTIVE_SESSIONS
from .content import Content
from .errors import ContentError, InvalidArgument, SessionInactive, UnknownSession
from .ids import SessionId
from .ports import Encapsulate, Rng
from .session import Established, Sealed, Session
from .session import seal as seal_session

LOST_GEN: Final = 0


class Inactive(NamedTuple):
    """A receive-only session, and since when it is."""

    session: Session
    since_ms: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Sessions between our device and one peer device. Without an active one the pair is fresh (SES-01)."""

    active: Session | None = None
    inactive: tuple[Inactive, ...] = ()
    highest_gen: int = 0

    @property
    def next_gen(self) -> int:
        """`gen` of the next initiation (SES-03)."""
        return self.highest_gen + 1

    def sessions(self) -> tuple[Session, ...]:
        """All sessions, the active one first."""
        rest = tuple(item.session for item in self.inactive)
        return rest if self.active is None else (self.active, *rest)


FRESH: Final = Pair()


class Adoption(NamedTuple):
    """A pair with one session more. `replaced` is the session that was active before and is not any longer;
    `gone` are sessions that left; `answers_loss` says that the peer lost its state and waits for a new
    session (SES-07); `disagrees` that the peer writes on a session that is not the one we write on (SES-16).
    """

    pair: Pair
    is_active: bool
    replaced: Session | None
    gone: tuple[Session, ...]
    answers_loss: bool
    disagrees: bool


def adopt(pair: Pair, session: Session, now_ms: int) -> Adoption:
    """Add a session of ours or of the peer's and decide which one is active (SES-04, SES-05, SES-07).

    Raises:
        InvalidArgument: the pair has a session of that id, or one with another device.
    """
    _check_belongs(pair, session)
    from_peer = not session.initiator
    answers_loss = from_peer and session.gen == LOST_GEN and pair != FRESH
    highest = max(pair.highest_gen, session.gen)
    active = pair.active
    wins = session.gen > pair.highest_gen or pair == FRESH
    if active is not None and session.gen == pair.highest_gen:
        # Only a lost device starts twice with one gen: the older one may be refused for its list (SES-17).
        again = session.gen == LOST_GEN and session.initiator and active.initiator
        wins = again or active.is_expired(now_ms) or _rank(session) < _rank(active)
    if wins:
        kept = pair.inactive if active is None else (*pair.inactive, Inactive(active, now_ms))
        grown = Pair(session, kept, highest)
    else:
        grown = Pair(active, (*pair.inactive, Inactive(session, now_ms)), highest)
    trimmed, gone = expire(grown, now_ms)
    disagrees = from_peer and not wins and not answers_loss and is_settled(pair)
    return Adoption(trimmed, wins, active if wins else None, gone, answers_loss, disagrees)


def check_gen(pair: Pair, gen: int) -> None:
    """Refuse a peer's `gen` so far ahead that ours could never follow (SES-13).

    Raises:
        ContentError: more than 65 536 above the highest known.
    """
    if gen > pair.highest_gen + MAX_GEN_JUMP:
        raise ContentError("gen jumps too far")


def is_settled(pair: Pair) -> bool:
    """Whether the active session has been answered, so that what comes on another one shows a split
    (SES-16).
    """
    return pair.active is not None and isinstance(pair.active.phase, Established)


def retire(pair: Pair, now_ms: int) -> tuple[Pair, tuple[Session, ...]]:
    """Make the active session inactive, because the peer lost its state or does not share it.

    From then on only a higher `gen` becomes active (SES-07, SES-16).
    """
    if pair.active is None:
        return pair, ()
    return expire(Pair(None, (*pair.inactive, Inactive(pair.active, now_ms)), pair.highest_gen), now_ms)


def expire(pair: Pair, now_ms: int) -> tuple[Pair, tuple[Session, ...]]:
    """Drop inactive sessions past 7 days, and the oldest beyond 4; return them too (SES-05)."""
    young = [item for item in pair.inactive if now_ms < item.since_ms + INACTIVE_TTL_MS]
    kept = tuple(young[-MAX_INACTIVE_SESSIONS:])
    ids = {item.session.id for item in kept}
    gone = tuple(item.session for item in pair.inactive if item.session.id not in ids)
    return (replace(pair, inactive=kept) if gone else pair), gone


def updated(pair: Pair, session: Session) -> Pair:
    """Return the pair with a newer state of a session that it has.

    Raises:
        UnknownSession: it has none of that id.
    """
    if pair.active is not None and pair.active.id == session.id:
        return replace(pair, active=session)
    if all(item.session.id != session.id for item in pair.inactive):
        raise UnknownSession("the pair has no such session")
    inactive = tuple(
        Inactive(session, item.since_ms) if item.session.id == session.id else item for item in pair.inactive
    )
    return replace(pair, inactive=inactive)


def seal(
    pair: Pair, session_id: SessionId, content: Content, now_ms: int, rng: Rng, encapsulate: Encapsulate
) -> tuple[Pair, Sealed]:
    """Seal on the active session (SES-02).

    Raises:
        SessionInactive: the id is not that of the active session.
        LocalError: as `session.seal`.
    """
    if pair.active is None or pair.active.id != session_id:
        raise SessionInactive("only the active session sends")
    sealed = seal_session(pair.active, content, now_ms, rng, encapsulate)
    return replace(pair, active=sealed.session), sealed


def _rank(session: Session) -> tuple[int, bytes]:
    """Smallest rank is active: highest gen, then smallest session id (SES-04)."""
    return -session.gen, session.id


def _check_belongs(pair: Pair, session: Session) -> None:
    for known in pair.sessions():
        if known.id == session.id:
            raise InvalidArgument("the pair has this session already")
        if known.peer[:2] != session.peer[:2]:
            raise InvalidArgument("a session with another device")
