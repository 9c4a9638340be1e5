"""What stewards do in turn: open a room, answer requests, let one agent claim who waits (chapter 16)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, NamedTuple

from e2ee.ids import DeviceId

from .signals import Request, RequestKind, Waiting
from .state import DESK, Ranks, State

TURN_MS: Final = 60_000
WAITS_MS: Final = 86_400_000
"""Who is not said to wait for so long waits no longer for those who have not the room (ROOM-40)."""
SILENCE_MS: Final = 30 * 86_400_000
FREEZE_MS: Final = 30 * 86_400_000
"""A freeze is decided within this time (ROOM-18, ROOM-37)."""
REPEATS_MS: Final = (60_000, 600_000, 3_600_000, 21_600_000)
MAX_ANSWERED: Final = 64
TAKEN: Final = "room.assigned"
NOBODY_WAITS: Final = "room.nobody_waits"
NO_RIGHT: Final = "room.right"


def opening_due_ms(desks: Sequence[DeviceId], us: DeviceId, opened_ms: int) -> int | None:
    """Return when we write the first state unless another desk has; None if we are no desk (ROOM-21).

    `desks` are those to which `open` was sealed and that are in force, in the order of the roster.
    """
    return opened_ms + TURN_MS * desks.index(us) if us in desks else None


def closing_due_ms(last_ms: int) -> int:
    """Return when a silent room is closed; `last_ms` is when its last entry came (ROOM-24)."""
    return last_ms + SILENCE_MS


def closers(members: Sequence[DeviceId], ranks: Ranks, stewards: Sequence[DeviceId]) -> list[DeviceId]:
    """Return who closes a silent room, in turn: those to whom what is written goes (ROOM-15, ROOM-24)."""
    in_force = [one for one in members if one in ranks]
    return sorted(in_force, key=lambda one: ranks[one] < DESK) or list(stewards)


def repeat_due_ms(asked_ms: int, times: int) -> int:
    """Return when a request that nobody has answered is repeated, after it was sent so often (ROOM-22)."""
    return asked_ms + REPEATS_MS[min(times, len(REPEATS_MS)) - 1]


class Reply(Enum):
    """What a steward does with a request."""

    GRANT = "grant"
    """Write the state that names the request."""
    REFUSE = "refuse"
    """Write a refusal that names the request."""
    ASK = "ask"
    """A person decides."""
    NOTHING = "nothing"
    """It was answered already, and the answer is on its way; or it is out of date."""


class Answer(NamedTuple):
    """A reply; a refusal has a code."""

    reply: Reply
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """Requests in one room, as a steward keeps them: who is waited for, and ids that were answered."""

    waiting: Waiting | None = None
    answered: tuple[bytes, ...] = ()

    def named(self, request_id: bytes) -> Board:
        """Note that a state or a refusal, ours or another steward's, names a request (ROOM-22)."""
        if request_id in self.answered:
            return self
        return replace(self, answered=(*self.answered, request_id)[-MAX_ANSWERED:])

    def with_state(self, state: State) -> Board:
        """Note a state in force: what it names is answered; somebody assigned ends the waiting (ROOM-23)."""
        after = self if state.request is None else self.named(state.request)
        return after if state.assigned is None else replace(after, waiting=None)


def answer(
    board: Board,
    sender: DeviceId,
    request: Request,
    state: State,
    ranks: Ranks,
    taker: DeviceId | None = None,
    *,
    is_open: bool,
) -> Answer:
    """Say what a steward does with a request, by the state in force (ROOM-22, ROOM-23).

    An agent claims a waiting customer for itself: the first claim is granted, in an open room (ROOM-67). It
    may leave a room; all else that it may ask for is decided by a person. What is not its to ask for is
    refused, and so is what a steward writes itself. To leave because another device has the room is for who
    has given it to that one, the `taker` (ROOM-59).
    """
    if request.id in board.answered:
        return Answer(Reply.NOTHING)
    if sender not in ranks:
        return Answer(Reply.REFUSE, NO_RIGHT)
    for_itself = request.device_id in (None, sender)
    is_member = sender in state.members and ranks[sender] < DESK
    is_late = not for_itself and request.device_id != taker
    match request.what:
        case RequestKind.ADD if for_itself:
            return _claim(board, sender, state, is_open=is_open)
        case RequestKind.LEAVE if is_late:
            return Answer(Reply.NOTHING)
        case RequestKind.LEAVE if is_member:
            return Answer(Reply.GRANT)
        case RequestKind.TRANSFER if state.assigned not in (None, sender):
            return Answer(Reply.REFUSE, TAKEN if is_member else NO_RIGHT)
        case RequestKind.TRANSFER | RequestKind.CLOSE | RequestKind.REOPEN if is_member:
            return Answer(Reply.ASK)
        case _:
            return Answer(Reply.REFUSE, NO_RIGHT)


def _claim(board: Board, sender: DeviceId, state: State, *, is_open: bool) -> Answer:
    if state.assigned is not None and state.assigned != sender:
        return Answer(Reply.REFUSE, TAKEN)
    if not is_open and board.waiting is None and sender not in state.members:
        return Answer(Reply.NOTHING)
    if not is_open:
        return Answer(Reply.REFUSE, NOBODY_WAITS)
    return Answer(Reply.ASK if board.waiting is None else Reply.GRANT)
