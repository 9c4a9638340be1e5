"""Consent on the side of the person: a state, an event, and what is to be done (CNS-17 to CNS-20).

Nothing here draws, connects or writes. An effect that needs any of it is `OpenRoom`, `GiveReceipt` or
`Withdraw`, and none of them comes before the person has accepted.

    Shown --- Accept --> Accepted --- Replace --> Stale --- Accept --> Accepted
      |                     |                       |
    Refuse                Leave                   Leave
      v                     v                       v
    Refused               Ended <-------------------+        Ended --- Accept --> Accepted
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

from e2ee.errors import InvalidArgument, NoConsent

from .checks import MAX_SEQ
from .consent import Terms
from .mandate import next_seq
from .notice import Notice

# --- states ---


class Given(NamedTuple):
    """A consent that was given: to what, when, and its number in the room."""

    terms: Terms
    accepted_ms: int
    seq: int


@dataclass(frozen=True, slots=True)
class Shown:
    """The notice is before the person."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class Refused:
    """The person has refused, and is not asked again unless it wishes."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class Accepted:
    """The person has accepted the notice in force."""

    notice: Notice
    given: Given


@dataclass(frozen=True, slots=True)
class Stale:
    """`notice` has replaced the accepted one, which counts until `until_ms`."""

    notice: Notice
    given: Given
    until_ms: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Withdrawn; `seq` is the last number of the room."""

    notice: Notice
    seq: int


State: TypeAlias = Shown | Refused | Accepted | Stale | Ended


# --- events ---


@dataclass(frozen=True, slots=True)
class Accept:
    """The person accepts the notice that it was shown, in a language, for purposes (bits)."""

    notice_hash: bytes
    locale: str
    purposes: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """The person refuses the notice that is shown."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The person wishes to see the notice again."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The person withdraws."""


@dataclass(frozen=True, slots=True)
class Replace:
    """A verified notice is in force; the one accepted before counts until `until_ms`, 0 for no longer."""

    notice: Notice
    until_ms: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another device of the person has given a consent in this room, or, with None, withdrawn it."""

    given: Given | None
    seq: int


Event: TypeAlias = Accept | Refuse | Ask | Leave | Replace | Elsewhere


# --- effects ---


@dataclass(frozen=True, slots=True)
class ShowNotice:
    """Show a notice and ask."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class ShowChannels:
    """Show the company's other channels."""


@dataclass(frozen=True, slots=True)
class OpenRoom:
    """Make keys and a room, sign a receipt, send `open`: from here on there is something to store."""

    given: Given


@dataclass(frozen=True, slots=True)
class GiveReceipt:
    """Sign a further receipt for the same room, and send it; `reopens` asks to open the room again."""

    given: Given
    reopens: bool


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Sign a withdrawal with this number, and send it."""

    seq: int


Effect: TypeAlias = ShowNotice | ShowChannels | OpenRoom | GiveReceipt | Withdraw
Step: TypeAlias = tuple[State, tuple[Effect, ...]]


def step(state: State, event: Event, now_ms: int) -> Step:
    """Return the state after an event, and what is to be done (CNS-17).

    Raises:
        NoConsent: the event is not one of this state. InvalidArgument: not what the notice offers.
    """
    match event:
        case Accept():
            return _accept(state, event, now_ms)
        case Refuse():
            return _refuse(state)
        case Ask() if isinstance(state, Refused):
            return Shown(state.notice), (ShowNotice(state.notice),)
        case Leave() if isinstance(state, Accepted | Stale):
            return _withdraw(state, now_ms)
        case Replace():
            return _replace(state, event)
        case Elsewhere():
            return _elsewhere(state, event)
        case _:
            raise NoConsent("not an event of this state")


def check_sending(state: State, now_ms: int) -> None:
    """Refuse to send content without a consent that counts (CNS-20).

    Raises:
        NoConsent.
    """
    if isinstance(state, Accepted) or (isinstance(state, Stale) and now_ms <= state.until_ms):
        return
    raise NoConsent("no consent that counts")


def _accept(state: State, event: Accept, now_ms: int) -> Step:
    notice = state.notice
    if event.notice_hash != notice.hash:
        raise NoConsent("another notice was shown")
    if event.locale not in dict(notice.texts) or not notice.allows(event.purposes):
        raise InvalidArgument("not a language or purposes of the notice")
    terms = Terms(notice.hash, event.locale, notice.mode, event.purposes)
    given = Given(terms, now_ms, next_seq(_last(state), now_ms))
    match state:
        case Shown():
            return Accepted(notice, given), (OpenRoom(given),)
        case Stale() | Ended():
            return Accepted(notice, given), (GiveReceipt(given, reopens=isinstance(state, Ended)),)
        case _:
            raise NoConsent("there is nothing to accept")


def _refuse(state: State) -> Step:
    match state:
        case Shown(notice):
            return Refused(notice), (ShowChannels(),)
        case _:
            raise NoConsent("there is nothing to refuse")


def _withdraw(state: Accepted | Stale, now_ms: int) -> Step:
    seq = _withdrawal_seq(state.given.seq, now_ms)
    return Ended(state.notice, seq), (Withdraw(seq), ShowChannels())


def _withdrawal_seq(last: int, now_ms: int) -> int:
    """Return the number of a withdrawal, which counts beside a receipt of the last number too (CNS-09)."""
    return last if last == MAX_SEQ else next_seq(last, now_ms)


def _replace(state: State, event: Replace) -> Step:
    """Take a notice in force; one of a lower version than the known one is never shown (CNS-19)."""
    notice = event.notice
    if notice.version < state.notice.version:
        return state, ()
    match state:
        case Shown():
            is_same = notice.hash == state.notice.hash
            return Shown(notice), () if is_same else (ShowNotice(notice),)
        case Accepted(given=given) | Stale(given=given):
            if notice.hash == given.terms.notice_hash:
                return Accepted(notice, given), ()
            is_new = notice.hash != state.notice.hash
            return Stale(notice, given, event.until_ms), (ShowNotice(notice),) if is_new else ()
        case _:
            return replace(state, notice=notice), ()


def _elsewhere(state: State, event: Elsewhere) -> Step:
    """Take what another device of the person did in the room, by its number (CNS-09, CNS-19)."""
    last, given = _last(state), event.given
    if event.seq < last or (given is not None and event.seq == last):
        return state, ()
    if given is None:
        return Ended(state.notice, event.seq), ()
    is_current = given.terms.notice_hash == state.notice.hash
    return Accepted(state.notice, given) if is_current else Stale(state.notice, given, 0), ()


def _last(state: State) -> int:
    """Return the number of the last consent or withdrawal in the room; 0 for none."""
    match state:
        case Accepted(given=given) | Stale(given=given):
            return given.seq
        case Ended(seq=seq):
            return seq
        case _:
            return 0
