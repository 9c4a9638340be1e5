"""Builders of pairs in each state of the tables of chapter 08, and what state a pair or a session is in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from parties import NOW_MS

from e2ee import pair as pairs
from e2ee.constants import PREKEY_LIFE_MS
from e2ee.content import Sync, SyncKind, Top
from e2ee.ids import DhPublic, SessionId
from e2ee.pair import Candidate, Change, Pair, Standing, Wanted

EPOCH: Final = NOW_MS // pairs.MINUTE_MS
KEY: Final = DhPublic(b"\1" * 32)
LATER_KEY: Final = DhPublic(b"\2" * 32)
ASK_ID: Final = b"ask-id-8"
GONE: Final = "gone"


def session_id(number: int) -> SessionId:
    """Return an id that differs in its first 8 bytes; a smaller number makes a smaller id."""
    return SessionId(bytes((number,)) * 32)


def started(number: int, epoch: int = EPOCH, **more: Any) -> Standing:
    """Return a session of ours that nobody has answered."""
    made = Standing(session_id(number), epoch, True, NOW_MS, NOW_MS + PREKEY_LIFE_MS, beside=KEY)
    return made._replace(**more)


def heard(number: int, epoch: int = EPOCH, **more: Any) -> Standing:
    """Return a session of the peer."""
    return Standing(session_id(number), epoch, False, NOW_MS, NOW_MS + PREKEY_LIFE_MS)._replace(**more)


def proven(number: int, epoch: int = EPOCH, **more: Any) -> Standing:
    """Return a session that the peer has proven."""
    return heard(number, epoch, proven=True)._replace(**more)


def met(*sessions: Standing, **more: Any) -> Pair:
    """Return a pair that has met; without sessions it has one, which is active."""
    known = max((one.epoch for one in sessions), default=EPOCH)
    pair = Pair(sessions=sessions or (proven(1),), known=known, met=True)
    return replace(pair, **more)


def sync(kind: SyncKind = SyncKind.TELL, ask_id: bytes | None = None, **more: Any) -> Sync:
    """Return a sync that says nothing but what is given."""
    return replace(Sync(kind, ask_id, None, None, 0), **more)


def calm() -> Pair:
    """A pair in which nothing is open."""
    return met()


def asking() -> Pair:
    """A pair with an ask that the relay took now."""
    pair = pairs.asked(met(), ASK_ID, pairs.SHORT_PATIENCE_MS, NOW_MS)
    return pairs.ask_taken(pair, ASK_ID, NOW_MS)


def wanting() -> Pair:
    """A pair for which a session is to be started."""
    return met(wanted=Wanted(NOW_MS))


def with_candidate() -> Pair:
    """A pair with an active session and a candidate beside it."""
    return pairs.started(wanting(), started(2, EPOCH + 1), NOW_MS).pair


def state_of_pair(pair: Pair) -> str:
    """Name a pair's state."""
    if pair.candidate is not None:
        return "Candidate"
    if pair.wanted is not None:
        return "Wanting"
    return "Calm" if pair.ask is None else "Asking"


def state_of_session(change: Change, number: int) -> str:
    """Name a session's state after a change."""
    pair, session = change.pair, change.pair.session(session_id(number))
    if session is None:
        return GONE
    if session.proven:
        return "Active" if pair.active == session else "Other"
    if not session.ours:
        return "Heard"
    is_candidate = pair.candidate is not None and pair.candidate.id == session.id
    return "Candidate" if is_candidate else "Started"


def pair_with(state: str, *, outranks: bool) -> Pair:
    """Return a pair whose session 5 is in a state; the active session is 1 or, for `Active`, 5 itself."""
    epoch = EPOCH + 1 if outranks else EPOCH - 1
    match state:
        case "none":
            return met()
        case "Candidate":
            candidate = Candidate(session_id(5), NOW_MS, NOW_MS)
            return met(proven(1), started(5, epoch), candidate=candidate)
        case "Started":
            return met(proven(1), started(5, epoch))
        case "Heard":
            return met(proven(1), heard(5, epoch))
        case "Active":
            return met(proven(5))
        case _:
            return met(proven(1), proven(5, EPOCH - 1, since_ms=NOW_MS))


def top(number: int, epoch: int) -> Top:
    """Return what a peer says of its active session."""
    return Top(epoch, session_id(number)[:8])
