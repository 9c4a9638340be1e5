"""A state: the whole agreed condition of a room, written by a steward in place of the one before (ROOM-04).

Which changes a steward may make stands in `check_change`. Nothing here reads a clock: a state is valid or not
for every device alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import ClassVar, Final, NamedTuple, TypeAlias

from e2ee.constants import DEVICE_ID_B, VERSION
from e2ee.errors import DecodeError, NoRight, UnsupportedVersion
from e2ee.identity import ListHead
from e2ee.ids import DeviceId
from e2ee.wire import cbor
from e2ee.wire.fields import MAX_U32, MAX_U64, uint

from .agent_card import CARD_MAX_B
from .entry import EntryHash
from .kinds import Kind
from .roster import RosterRef
from .structure import Structure, check_ascending, hash_, member, number, or_null, row, several, size, text

MAX_SEQ: Final = 2**31 - 1
MAX_MEMBERS: Final = 12
MAX_CARDS: Final = 4
CARDS_MAX_B: Final = 2_560
MAX_ANSWERS: Final = 16
SHORT_TEXT_B: Final = 200
SENSITIVE: Final = 1
HOLD: Final = 2

SUPERVISOR: Final = 3
DESK: Final = 2

Ranks: TypeAlias = Mapping[DeviceId, int]
"""Who is in force by a roster, with the rank: 3 supervisor, 2 desk, 1 agent, 0 bot."""


class Phase(IntEnum):
    """Phase of a room; each restricts more than the one before."""

    OPEN = 1
    CLOSED = 2
    FROZEN = 3
    WITHDRAWN = 4
    ERASED = 5


class RetentionClass(IntEnum):
    """How long the company keeps the entries of a room."""

    EPHEMERAL = 1
    DEFAULT = 2
    STATUTORY = 3
    PROOF = 4


class Guard(Enum):
    """Protection of a room: hold and class 3 from an erasure, a mark from who is not cleared."""

    HOLD = "hold"
    STATUTORY = "statutory"
    MARK = "mark"


KEEPS: Final = frozenset({Guard.HOLD, Guard.STATUTORY})
"""What stands above an erasure."""


class Retention(NamedTuple):
    """Class, and the seconds that it stands for."""

    kind: RetentionClass
    ttl_s: int


def _version(value: cbor.Value) -> int:
    if uint(value, MAX_U64) != VERSION:
        raise UnsupportedVersion("unknown version of a state")
    return VERSION


_SEQ: Final = number(MAX_SEQ, 1)
_HEAD: Final = row(_SEQ, hash_)
_ROSTER: Final = row(_SEQ, _SEQ, hash_)
_RETENTION: Final = row(member(RetentionClass), number(MAX_U32))
_DEVICE: Final = size(DEVICE_ID_B)


@dataclass(frozen=True, slots=True)
class State(Structure):
    """The condition of a room from this state on; `parent` is `open` in epoch 1, None in a notes room."""

    kind: ClassVar = Kind.STATE
    shape = (
        *(_version, _SEQ, or_null(hash_), member(Phase), several(_DEVICE, MAX_MEMBERS, 0), or_null(_DEVICE)),
        *(or_null(lambda value: ListHead(*_HEAD(value))), lambda value: RosterRef(*_ROSTER(value))),
        *(or_null(hash_), lambda value: Retention(*_RETENTION(value)), number(SENSITIVE | HOLD)),
        *(number(MAX_U32), several(size(1, CARD_MAX_B), MAX_CARDS, 0), or_null(text(SHORT_TEXT_B))),
        *(several(hash_, MAX_ANSWERS, 0), size(8)),
    )
    absent = frozenset({16})
    version: int
    epoch: int
    parent: EntryHash | None
    phase: Phase
    members: tuple[DeviceId, ...]
    assigned: DeviceId | None
    customer_list: ListHead | None
    roster: RosterRef
    notice: bytes | None
    retention: Retention
    flags: int = 0
    reason: int = 0
    cards: tuple[bytes, ...] = field(default=(), repr=False)
    text: str | None = field(default=None, repr=False)
    answers: tuple[EntryHash, ...] = ()
    request: bytes | None = None

    def check(self) -> None:
        """Refuse what does not go together (ROOM-04)."""
        if sum(map(len, self.cards)) > CARDS_MAX_B:
            raise DecodeError("too many cards for one state")
        check_ascending(self.members)
        check_ascending(self.answers)
        if self.assigned is not None and self.assigned not in self.members:
            raise DecodeError("somebody is assigned who is no member")
        if self.parent is None and self.epoch > 1:
            raise DecodeError("a state after the first one has one before it")

    def has(self, flag: int) -> bool:
        """Whether a flag is set."""
        return bool(self.flags & flag)

    def guards(self) -> frozenset[Guard]:
        """What of it only a supervisor takes away, on whatever branch it stands (ROOM-27)."""
        found = {Guard.HOLD: self.has(HOLD), Guard.MARK: self.has(SENSITIVE)}
        found[Guard.STATUTORY] = self.retention.kind is RetentionClass.STATUTORY
        return frozenset(one for one, is_set in found.items() if is_set)


@dataclass(frozen=True, slots=True)
class WrittenState:
    """A state with its entry: hash, author and the author's number."""

    hash: EntryHash
    author: DeviceId
    n: int
    state: State


class Setter(NamedTuple):
    """A state with a guard that the one before it has not."""

    written: WrittenState
    guard: Guard


class Verdict(Enum):
    """What a state is, by what is known: it may be `HELD` until its parent or roster is here."""

    VALID = "valid"
    HELD = "held"
    REFUSED = "refused"


NEXT_PHASES: Final[dict[Phase, frozenset[Phase]]] = {
    Phase.OPEN: frozenset({Phase.CLOSED, Phase.FROZEN, Phase.WITHDRAWN, Phase.ERASED}),
    Phase.CLOSED: frozenset({Phase.OPEN, Phase.FROZEN, Phase.WITHDRAWN, Phase.ERASED}),
    Phase.FROZEN: frozenset({Phase.OPEN, Phase.CLOSED, Phase.WITHDRAWN, Phase.ERASED}),
    Phase.WITHDRAWN: frozenset({Phase.OPEN, Phase.ERASED}),
    Phase.ERASED: frozenset(),
}
"""Which phase may follow which in a state (ROOM-09)."""
FOLLOWING: Final = frozenset({Phase.FROZEN, Phase.WITHDRAWN})
"""Phases that a steward enters and leaves only in answer to acts of the customer."""


def check_change(written: WrittenState, before: State | None, ranks: Ranks) -> None:
    """Refuse a state that its author may not write after the one before it (ROOM-05 to ROOM-10).

    `before` is None for the first state of a room. `ranks` are those of the roster that the state names.

    Raises:
        NoRight.
    """
    state, rank = written.state, ranks.get(written.author, -1)
    old = first_ground(state) if before is None else before
    allowed = (
        rank >= DESK
        and state.epoch == old.epoch + 1
        and state.roster[:2] >= old.roster[:2]
        and not _is_older(state.customer_list, old.customer_list)
        and _members_follow(state, old, written.author, ranks)
        and _phase_follows(state, old)
        and _flags_follow(state, old, rank)
        and _retention_follows(state, old, rank)
    )
    if not allowed:
        raise NoRight("a state that its author may not write")


def first_ground(state: State) -> State:
    """Return what the first state of a room is compared with: open, empty, by the same roster (ROOM-06)."""
    seq = RosterRef(0, 0, b"")
    return State(
        *(VERSION, 0, None, Phase.OPEN, (), None, None, seq, state.notice),
        retention=state.retention,
    )


def list_after(before: ListHead | None, known: ListHead) -> ListHead:
    """Return the list of C that a state names, by that of the state before and the newest known (ROOM-05)."""
    return known if before is None or known.seq > before.seq else before


def _is_older(new: ListHead | None, old: ListHead | None) -> bool:
    if old is None or new is None:
        return new is not old and new is None
    return new.seq < old.seq or (new.seq == old.seq and new.hash != old.hash)


def _members_follow(state: State, old: State, author: DeviceId, ranks: Ranks) -> bool:
    """All in force; a desk adds or assigns no supervisor; nobody removes an equal but itself (ROOM-07)."""
    raised = {one for one in state.members if one not in old.members}
    if state.assigned != old.assigned and state.assigned is not None:
        raised.add(state.assigned)
    removed = [one for one in old.members if one not in state.members and one != author]
    return (
        all(one in ranks for one in state.members)
        and all(ranks[one] <= ranks[author] for one in raised)
        and all(ranks.get(one, -1) < ranks[author] for one in removed)
    )


def _phase_follows(state: State, old: State) -> bool:
    """By the table; some phases only in answer to an act; no erasure above hold and class 3 (ROOM-09)."""
    if state.phase == old.phase:
        return True
    answers = state.phase in FOLLOWING or (old.phase in FOLLOWING and state.phase == Phase.OPEN)
    if state.phase not in NEXT_PHASES[old.phase] or (answers and not state.answers):
        return False
    return state.phase != Phase.ERASED or not old.guards() & KEEPS


def _flags_follow(state: State, old: State, rank: int) -> bool:
    """A supervisor alone clears the sensitive mark, and sets or clears a hold, with a text (ROOM-08)."""
    if old.has(SENSITIVE) and not state.has(SENSITIVE) and rank < SUPERVISOR:
        return False
    return state.has(HOLD) == old.has(HOLD) or (rank >= SUPERVISOR and state.text is not None)


def _retention_follows(state: State, old: State, rank: int) -> bool:
    """A shorter time is for every steward, but in class 3; all else for a supervisor, under another notice
    (ROOM-08).
    """
    new, kept = state.retention, old.retention
    may_shorten = new.kind == kept.kind and new.kind is not RetentionClass.STATUTORY
    if new == kept or (may_shorten and new.ttl_s <= kept.ttl_s):
        return True
    return rank >= SUPERVISOR and state.notice != old.notice
