"""Requests of others: granted, refused, or shown to a person (ROOM-22, ROOM-23)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from e2ee.errors import NoRight, RemoteError, TooMany
from e2ee.ids import DeviceId
from e2ee.rooms.desk import TURN_MS, Reply, answer
from e2ee.rooms.entry import Author, RoomId
from e2ee.rooms.payloads import Refusal
from e2ee.rooms.signals import NoLongerWaiting, Request, RequestKind
from e2ee.rooms.state import DESK, Phase
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import RequestAsked

from .records import Pending
from .room_part import RoomPart
from .stewarding import Change

MAX_PENDING: Final = 64
MAX_PENDING_OF_DEVICE: Final = 8


class Deciding(RoomPart):
    """A request waits for our turn: the first steward answers at once, the next after a minute."""

    def take(self, turn: Turn, by: Author, request: Request) -> None:
        """Take a request of a device of our company, or one that comes again.

        Raises:
            NoRight: of a customer. TooMany: 8 of the device, or 64 in all, wait.
        """
        live, steward = self._live, self._room.stewarding
        if by.account_id != live.company:
            raise NoRight("only the company's devices ask for this")
        place = steward.place(turn)
        known = [one for one in live.pending if one.request.id == request.id]
        if place is None or known or request.id in live.board.answered:
            return
        kept = tuple(one for one in live.pending if not _replaces(by.device_id, request, one))
        own = sum(one.sender == by.device_id for one in kept)
        if own >= MAX_PENDING_OF_DEVICE or len(kept) >= MAX_PENDING:
            raise TooMany("too many requests wait for an answer")
        pending = Pending(by.device_id, request, turn.now_ms + TURN_MS * place)
        live.pending = (*kept, pending)
        self.tick(turn)

    def due_ms(self) -> int | None:
        """Return when the next request is ours to answer."""
        return min((one.due_ms for one in self._live.pending if not one.asked), default=None)

    def tick(self, turn: Turn) -> None:
        """Answer what is due."""
        for one in self._live.pending:
            if not one.asked and one.due_ms <= turn.now_ms:
                self._answer(turn, one)

    def forget_claims(self) -> None:
        """What was claimed while the room was not open is not granted when it is again (ROOM-67)."""
        self._live.pending = tuple(
            one for one in self._live.pending if one.request.what is not RequestKind.ADD
        )

    def _answer(self, turn: Turn, pending: Pending) -> None:
        state = self._room.states.state
        if state is None or not self._room.writing.can_write(turn):
            self._put_off(turn, pending)
            return
        ranks = self._room.states.ranks(turn.now_ms)
        taker = self._room.passing.taker(pending.sender)
        board, is_open = self._live.board, self._room.states.is_open()
        found = answer(board, pending.sender, pending.request, state, ranks, taker, is_open=is_open)
        match found.reply:
            case Reply.GRANT:
                self._grant(turn, pending)
            case Reply.REFUSE:
                self._refuse(turn, pending, found.code or NoRight.code)
            case Reply.ASK if pending.request.what in self._around.policy.grants:
                self._grant(turn, pending)
            case Reply.ASK:
                self._ask(turn, pending)
            case _:
                self._drop(pending)

    def _ask(self, turn: Turn, pending: Pending) -> None:
        live = self._live
        asked = pending._replace(asked=True)
        live.pending = tuple(asked if one is pending else one for one in live.pending)
        self._around.tell(turn, asked_for(live.room_id, pending))

    def _put_off(self, turn: Turn, pending: Pending) -> None:
        later = pending._replace(due_ms=turn.now_ms + TURN_MS)
        self._live.pending = tuple(later if one is pending else one for one in self._live.pending)

    def _drop(self, pending: Pending) -> None:
        self._live.pending = tuple(one for one in self._live.pending if one.request.id != pending.request.id)

    def _grant(self, turn: Turn, pending: Pending) -> None:
        try:
            self._carry_out(turn, pending)
        except NoRight:
            self._refuse(turn, pending, NoRight.code)
        except RemoteError:
            self._put_off(turn, pending)

    def _carry_out(self, turn: Turn, pending: Pending) -> None:
        request, stewarding = pending.request, self._room.stewarding
        passed = self._passed_on(turn, pending.sender, request)
        stewarding.change(turn, _change(pending.sender, request, passed))
        if request.what is RequestKind.TRANSFER and request.team is not None:
            stewarding.wait_for(turn, request.team, self._room.consent.language)

    def _passed_on(self, turn: Turn, sender: DeviceId, request: Request) -> int:
        """Return how many entries the sender of a transfer stays to hand over; 0: it leaves at once
        (ROOM-56).
        """
        states, taker = self._room.states, request.device_id
        state, ranks = states.state, states.ranks(turn.now_ms)
        is_passing = (
            request.what is RequestKind.TRANSFER
            and state is not None
            and state.assigned == sender
            and taker not in (None, *state.members)
            and ranks.get(sender, DESK) < DESK
            and states.condition().phase in (Phase.OPEN, Phase.CLOSED)
        )
        return self._around.policy.history if is_passing else 0

    def _refuse(self, turn: Turn, pending: Pending, code: str) -> None:
        """Refuse by an entry; who is in no room with us is told that nobody waits, if it claims, and what
        else it asks for ends there (ROOM-68).
        """
        self._live.board = self._live.board.named(pending.request.id)
        self._drop(pending)
        state = self._room.states.state
        if state is not None and pending.sender in state.members:
            self._room.writing.write_quietly(turn, Refusal(pending.request.id, code))
        elif is_claim(pending):
            self._room.stewarding.signal_to(turn, NoLongerWaiting(), [pending.sender])

    def decide(self, turn: Turn, request_id: bytes, *, grant: bool) -> None:
        """A person decides what a device has asked for.

        Raises:
            NoRight: nothing of this id waits, or we may not grant it.
        """
        pending = next((one for one in self._live.pending if one.request.id == request_id), None)
        if pending is None:
            raise NoRight("no request of this id waits")
        if grant:
            self._carry_out(turn, pending)
        else:
            self._refuse(turn, pending, NoRight.code)


def _replaces(sender: DeviceId, request: Request, pending: Pending) -> bool:
    """Whether a request is one that waits, made anew by the device that has asked for it (ROOM-22)."""
    return pending.sender == sender and replace(request, id=pending.request.id) == pending.request


def is_claim(pending: Pending) -> bool:
    """Whether a device asks for a room for itself (ROOM-23)."""
    request = pending.request
    return request.what is RequestKind.ADD and request.device_id in (None, pending.sender)


def asked_for(room_id: RoomId, pending: Pending) -> RequestAsked:
    """Return a request as a person is asked to decide it."""
    request = pending.request
    return RequestAsked(
        room_id, request.id, pending.sender, int(request.what), request.device_id, request.reason
    )


def _change(sender: DeviceId, request: Request, passed: int) -> Change:
    """Return the state that grants a request; `passed` entries are handed over by who asks."""
    about = request.device_id or sender
    match request.what:
        case RequestKind.ADD:
            return Change(add=(about,), assign=about, request=request.id)
        case RequestKind.TRANSFER if request.team is not None:
            return Change(unassign=True, remove=(sender,), request=request.id)
        case RequestKind.TRANSFER:
            remove = () if passed or about == sender else (sender,)
            return Change(add=(about,), assign=about, remove=remove, reason=passed, request=request.id)
        case RequestKind.LEAVE:
            return Change(remove=(sender,), request=request.id)
        case RequestKind.CLOSE:
            return Change(phase=Phase.CLOSED, text=request.reason, request=request.id)
        case _:
            return Change(phase=Phase.OPEN, request=request.id)
