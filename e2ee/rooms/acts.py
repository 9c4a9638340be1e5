"""Acts that restrict a room on arrival, until something ends them (ROOM-12 to ROOM-14)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from e2ee.errors import ConsentRequired, ConsentWithdrawn, NoRight, RoomClosed, RoomErased, RoomFrozen
from e2ee.ids import DeviceId

from .entry import EntryHash
from .kinds import CONTENT, WRITERS, Kind
from .payloads import Act, ActKind, EntryPayload, Erase
from .state import KEEPS, SENSITIVE, SUPERVISOR, Guard, Phase, Ranks, Setter, WrittenState


class What(Enum):
    """What an entry does to a room beside its states."""

    CLOSE = "close"
    REOPEN = "reopen"
    FREEZE = "freeze"
    UNFREEZE = "unfreeze"
    WITHDRAW = "withdraw"
    CONSENT = "consent"
    ERASE = "erase"
    SENSITIVE = "sensitive"


class RoomAct(NamedTuple):
    """An act, by the hash of its entry."""

    hash: EntryHash
    what: What


_ACTS: Final = {
    ActKind.CLOSE: What.CLOSE,
    ActKind.REOPEN: What.REOPEN,
    ActKind.FREEZE: What.FREEZE,
    ActKind.UNFREEZE: What.UNFREEZE,
}
_KINDS: Final = {Kind.WITHDRAW: What.WITHDRAW, Kind.CONSENT: What.CONSENT, Kind.SENSITIVE: What.SENSITIVE}
RESTRICTS: Final = {
    What.CLOSE: Phase.CLOSED,
    What.FREEZE: Phase.FROZEN,
    What.WITHDRAW: Phase.WITHDRAWN,
    What.ERASE: Phase.ERASED,
}
"""The phase in which an act puts a room until it has ended."""
_COUNTERS: Final = {What.REOPEN: What.CLOSE, What.UNFREEZE: What.FREEZE, What.CONSENT: What.WITHDRAW}


def act_of(kind: int, payload: EntryPayload) -> What | None:
    """Say what an entry does to its room; most do nothing."""
    match payload:
        case Act(what):
            return _ACTS.get(what)
        case Erase(None):
            return What.ERASE
        case _:
            return _KINDS.get(Kind(kind)) if kind in _KINDS else None


@dataclass(frozen=True, slots=True)
class Condition:
    """What holds in a room now: its head, restricted by acts that nothing has ended (ROOM-13).

    `phase` is None before the first consent. `holds` are states whose hold, class 3 or mark stands without
    the head's having it, `unanswered` acts that no state has named: the next state names them; `over` are
    those of them that a counter has ended; `freezes` are those that last. `on_hold` is a hold alone, `keeps`
    a hold or class 3.
    """

    phase: Phase | None
    is_sensitive: bool = False
    keeps: bool = False
    holds: tuple[EntryHash, ...] = ()
    unanswered: tuple[EntryHash, ...] = ()
    freezes: tuple[EntryHash, ...] = ()
    on_hold: bool = False
    over: tuple[EntryHash, ...] = ()

    def check_content(self, kind: int, *, may_reopen: bool = False) -> None:
        """Refuse content where the phase lets none pass; other kinds pass in an opened room (ROOM-19).

        `may_reopen` says whether a closed room may be opened again, so that a rating passes (ROOM-18).

        Raises:
            ConsentRequired, RoomClosed, RoomFrozen, ConsentWithdrawn, RoomErased.
        """
        if self.phase is None:
            if kind != Kind.OPEN:
                raise ConsentRequired("the room has not been opened")
            return
        is_late_rating = kind == Kind.RATING and self.phase is Phase.CLOSED and may_reopen
        if (kind in CONTENT or kind not in WRITERS) and not is_late_rating:
            refusal = _REFUSALS.get(self.phase)
            if refusal is not None:
                raise refusal("the phase of the room lets no content pass")


_REFUSALS: Final = {
    Phase.CLOSED: RoomClosed,
    Phase.FROZEN: RoomFrozen,
    Phase.WITHDRAWN: ConsentWithdrawn,
    Phase.ERASED: RoomErased,
}


def condition(
    path: Sequence[WrittenState],
    ranks: Mapping[EntryHash, Ranks],
    acts: Sequence[RoomAct],
    setters: Iterable[Setter] = (),
) -> Condition:
    """Return what holds, from the states up to the head and all acts in the order of the transcript.

    `ranks` has those of each state of the path, by the roster that it names, without who is suspended by now:
    what a supervisor alone ends, a suspended one does not (ROOM-27). `setters` are the valid states
    that set a hold, class 3 or a mark. Without a state the room is open, as its `open` says.
    """
    head = path[-1].state if path else None
    naming: dict[EntryHash, list[WrittenState]] = {}
    for written in path:
        for named in written.state.answers:
            naming.setdefault(named, []).append(written)
    standing = _standing(path, ranks, setters)
    guards = frozenset(standing) | (frozenset() if head is None else head.guards())
    kept = bool(guards & KEEPS)
    lasting = _lasting(acts, naming, ranks)
    phases = [RESTRICTS[act.what] for act in lasting if act.what in RESTRICTS]
    if kept:
        phases = [phase for phase in phases if phase is not Phase.ERASED]
    return Condition(
        max([Phase.OPEN if head is None else head.phase, *phases]),
        Guard.MARK in guards or any(act.what is What.SENSITIVE for act in lasting),
        kept,
        tuple(sorted({one for hashes in standing.values() for one in hashes})),
        tuple(act.hash for act in acts if act.hash not in naming),
        tuple(act.hash for act in lasting if act.what is What.FREEZE),
        Guard.HOLD in guards,
        tuple(act.hash for act in acts if act.hash not in naming and act not in lasting),
    )


def _standing(
    path: Sequence[WrittenState], ranks: Mapping[EntryHash, Ranks], setters: Iterable[Setter]
) -> dict[Guard, list[EntryHash]]:
    """Return what was set, and what no supervisor's state up to the head, which has it not, follows or names
    (ROOM-27).
    """
    places = {one.hash: place for place, one in enumerate(path)}
    has = path[-1].state.guards() if path else frozenset[Guard]()
    named: set[tuple[EntryHash, Guard]] = set()
    last: dict[Guard, int] = {}
    for place, one in enumerate(path):
        if ranks[one.hash].get(one.author, -1) >= SUPERVISOR:
            cleared = frozenset(Guard) - one.state.guards()
            named |= {(answered, guard) for answered in one.state.answers for guard in cleared}
            last |= dict.fromkeys(cleared, place)
    found: dict[Guard, list[EntryHash]] = {}
    for (_, guard), written in _newest(setters).items():
        at = places.get(written.hash)
        is_followed = at is not None and (guard in has or last.get(guard, -1) > at)
        if not is_followed and (written.hash, guard) not in named:
            found.setdefault(guard, []).append(written.hash)
    return found


def _newest(setters: Iterable[Setter]) -> dict[tuple[DeviceId, Guard], WrittenState]:
    """Return of each author the newest state that set a guard: largest number, then smaller hash."""
    newest: dict[tuple[DeviceId, Guard], WrittenState] = {}
    for written, guard in setters:
        known = newest.setdefault((written.author, guard), written)
        if (-written.n, written.hash) < (-known.n, known.hash):
            newest[written.author, guard] = written
    return newest


def _lasting(
    acts: Sequence[RoomAct],
    naming: Mapping[EntryHash, Sequence[WrittenState]],
    ranks: Mapping[EntryHash, Ranks],
) -> list[RoomAct]:
    """Return the acts that no state has ended, by a later counter that it names, or by itself (ROOM-14)."""
    lasting: list[RoomAct] = []
    countered: set[What] = set()
    for act in reversed(acts):
        if act.what not in countered and not any(
            _ends(one, act.what, ranks) for one in naming.get(act.hash, ())
        ):
            lasting.append(act)
        if act.hash in naming and act.what in _COUNTERS:
            countered.add(_COUNTERS[act.what])
    return lasting


def _ends(written: WrittenState, what: What, ranks: Mapping[EntryHash, Ranks]) -> bool:
    """Whether a state ends an act by naming it."""
    state, supervisor = written.state, ranks[written.hash].get(written.author, -1) >= SUPERVISOR
    match what:
        case What.CLOSE:
            return True
        case What.FREEZE:
            return supervisor and state.text is not None and state.phase < Phase.FROZEN
        case What.SENSITIVE:
            return supervisor and not state.has(SENSITIVE)
        case _:
            return False


AFTER: Final[dict[tuple[Phase, What], Phase]] = {
    (Phase.OPEN, What.CLOSE): Phase.CLOSED,
    (Phase.OPEN, What.FREEZE): Phase.FROZEN,
    (Phase.OPEN, What.WITHDRAW): Phase.WITHDRAWN,
    (Phase.OPEN, What.ERASE): Phase.ERASED,
    (Phase.CLOSED, What.REOPEN): Phase.OPEN,
    (Phase.CLOSED, What.FREEZE): Phase.FROZEN,
    (Phase.CLOSED, What.WITHDRAW): Phase.WITHDRAWN,
    (Phase.CLOSED, What.ERASE): Phase.ERASED,
    (Phase.FROZEN, What.CLOSE): Phase.CLOSED,
    (Phase.FROZEN, What.UNFREEZE): Phase.OPEN,
    (Phase.FROZEN, What.WITHDRAW): Phase.WITHDRAWN,
    (Phase.FROZEN, What.ERASE): Phase.ERASED,
    (Phase.WITHDRAWN, What.CONSENT): Phase.OPEN,
    (Phase.WITHDRAWN, What.ERASE): Phase.ERASED,
    (Phase.ERASED, What.ERASE): Phase.ERASED,
}
"""The phase that a steward answers an act with (ROOM-18)."""


def answered(phase: Phase, what: What, *, kept: bool) -> Phase:
    """Return the phase of the state that answers an act of the customer (ROOM-18).

    `kept` says that hold or class stand above an erasure: the phase stays, an `erased` says until when.

    Raises:
        NoRight: the act does not go with the phase; the answer is a refusal.
    """
    if what in (What.CONSENT, What.SENSITIVE) and (phase, what) not in AFTER:
        return phase
    after = AFTER.get((phase, what))
    if after is None:
        raise NoRight("the act does not go with the phase of the room")
    return phase if after is Phase.ERASED and kept else after
