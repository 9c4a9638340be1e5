"""What a steward does by itself or for a person: states, answers to acts, silence (ROOM-18 to 24)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final

from e2ee.constants import VERSION
from e2ee.content import ContentType, OfRooms
from e2ee.errors import NoRight, RemoteError, TooMany
from e2ee.ids import DeviceId
from e2ee.rooms.acts import RoomAct, What, answered
from e2ee.rooms.desk import TURN_MS, closers, closing_due_ms, opening_due_ms, repeat_due_ms
from e2ee.rooms.entry import Author, Entry, EntryHash
from e2ee.rooms.kinds import Side
from e2ee.rooms.payloads import Act, ActKind, EntryPayload, Erased, Refusal
from e2ee.rooms.signals import NoLongerWaiting, Request, RequestKind, Signal, Waiting, encode_signal
from e2ee.rooms.state import (
    DESK,
    HOLD,
    MAX_ANSWERS,
    MAX_CARDS,
    SENSITIVE,
    Phase,
    Retention,
    State,
    WrittenState,
    check_change,
    list_after,
)
from e2ee.rooms.team import Rank, TeamView
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import DeskCalled, WaitingChanged

from .policies import as_told
from .requests import EXPIRES_MS
from .room_part import RoomPart

_THERE_MS: Final = 900_000
"""So long all that waited is here before a room counts as silent, and it is looked at so often (ROOM-24)."""
_ON_MS: Final = 21_600_000
"""A silent room is looked at so often until this device was on for 14 days (ROOM-24)."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be another in the next state; None stays as it is."""

    add: tuple[DeviceId, ...] = ()
    remove: tuple[DeviceId, ...] = ()
    assign: DeviceId | None = None
    unassign: bool = False
    phase: Phase | None = None
    sensitive: bool | None = None
    hold: bool | None = None
    retention: Retention | None = None
    text: str | None = None
    reason: int = 0
    request: bytes | None = None
    answers: tuple[EntryHash, ...] = ()


class Stewarding(RoomPart):
    """States of ours are judged before they are written: an invalid one never leaves this device."""

    # --- writing states ---

    def change(self, turn: Turn, change: Change) -> EntryHash:
        """Write the next state (ROOM-05 to ROOM-09); it answers all acts that no state has (ROOM-12).

        Raises:
            NoRight: we may not. TooMany: not so many a day (ROOM-29).
            RosterExpired and others: who is in force is not known.
        """
        team = self._around.team(self._live.company, turn.now_ms)
        self._room.states.check_room_for(turn, self._around.us.device_id)
        head = self._room.states.state
        acts = self._unanswered()
        lasting = self._lasting(acts)
        state = self._next(turn, team, head, change, acts)
        written = WrittenState(EntryHash(bytes(32)), self._around.us.device_id, 0, state)
        check_change(written, head, team.ranks())
        found = self._room.writing.write(turn, state)
        self._refuse_acts(turn, lasting, head)
        return found

    def _next(
        self, turn: Turn, team: TeamView, head: State | None, change: Change, acts: list[RoomAct]
    ) -> State:
        live = self._live
        members, assigned = self._members(team, head, change)
        phase = change.phase or self._phase(turn, head, self._lasting(acts))
        acts_named = {*(one.hash for one in acts), *self._ended(head, change)} - set(change.answers)
        named = sorted([*change.answers, *sorted(acts_named)][:MAX_ANSWERS])
        known = None if live.customer is None else self._around.list_head(live.customer)
        before = None if head is None else head.customer_list
        parent = self._room.states.room.head
        return State(
            VERSION,
            1 if head is None else head.epoch + 1,
            live.root if parent is None else parent.hash,
            phase,
            members,
            assigned,
            before if known is None else list_after(before, known),
            team.roster,
            None if live.customer is None else team.notice_hash,
            self._retention(team, head, change),
            flags=_flags(head, change, acts),
            reason=change.reason,
            cards=self._cards(members, head),
            text=change.text,
            answers=tuple(named),
            request=change.request,
        )

    def _members(
        self, team: TeamView, head: State | None, change: Change
    ) -> tuple[tuple[DeviceId, ...], DeviceId | None]:
        """Members are in force; who is assigned is one of them (ROOM-07)."""
        before = () if head is None else head.members
        if any(one not in team.members for one in (*change.add, change.assign) if one is not None):
            raise NoRight("who is not in force joins no room")
        wanted = {*before, *change.add} - set(change.remove)
        if change.assign is not None:
            wanted.add(change.assign)
        members = tuple(sorted(one for one in wanted if one in team.members))
        assigned = change.assign or (None if head is None or change.unassign else head.assigned)
        return members, assigned if assigned in members else None

    def _cards(self, members: Iterable[DeviceId], head: State | None) -> tuple[bytes, ...]:
        new = [one for one in members if head is None or one not in head.members]
        if len(new) > MAX_CARDS:
            raise TooMany("more joiners need more states")
        found = [self._around.card(self._live.company, one) for one in new]
        return tuple(one.encoded for one in found if one is not None)

    def _retention(self, team: TeamView, head: State | None, change: Change) -> Retention:
        """A room begins with our policy as far as the notice that its first state names allows (CNS-46)."""
        if change.retention is not None:
            return change.retention
        if head is not None:
            return head.retention
        notice = None
        if self._live.customer is not None:
            notice = self._around.notice(self._live.company, team.notice_hash)
        policy = self._around.policy.retention
        return policy if notice is None else as_told(policy, notice.retention)

    def _ended(self, head: State | None, change: Change) -> list[EntryHash]:
        """What a supervisor's state names to end it: guards of other branches, marks (ROOM-14, ROOM-27)."""
        condition, found = self._room.states.condition(), list[EntryHash]()
        if change.hold is False or change.sensitive is False:
            found += condition.holds
        if change.sensitive is False:
            found += [one.hash for one in self._room.states.room.acts if one.what is What.SENSITIVE]
        if change.text is not None and change.phase in (Phase.OPEN, Phase.CLOSED):
            found += [one.hash for one in self._room.states.room.acts if one.what is What.FREEZE]
        return found

    # --- acts of the customer ---

    def _unanswered(self) -> list[RoomAct]:
        waiting = self._room.states.condition().unanswered
        acts = self._room.states.room.acts
        return [one for one in acts if one.hash in waiting][:MAX_ANSWERS]

    def _lasting(self, acts: list[RoomAct]) -> list[RoomAct]:
        """Return those that nothing has ended before they were named: the others set no phase (ROOM-54)."""
        over = self._room.states.condition().over
        return [one for one in acts if one.hash not in over]

    def _phase(self, turn: Turn, head: State | None, acts: Iterable[RoomAct]) -> Phase:
        phase = Phase.OPEN if head is None else head.phase
        for act in acts:
            try:
                phase = self._after(turn, phase, act)
            except NoRight:
                continue
        return phase

    def _after(self, turn: Turn, phase: Phase, act: RoomAct) -> Phase:
        if act.what is What.REOPEN and not self._room.states.may_reopen(turn.now_ms):
            raise NoRight("the room was closed for more than 90 days")
        return answered(phase, act.what, kept=self._room.states.condition().keeps)

    def _refuse_acts(self, turn: Turn, acts: Iterable[RoomAct], head: State | None) -> None:
        """Say which acts have no phase in the table (ROOM-18)."""
        phase = Phase.OPEN if head is None else head.phase
        for act in acts:
            try:
                phase = self._after(turn, phase, act)
            except NoRight:
                self._room.writing.write_quietly(turn, Refusal(act.hash, NoRight.code))

    # --- in turn ---

    def place(self, turn: Turn) -> int | None:
        """Our place among the stewards in force; None if we are none of them (ROOM-82)."""
        us, stewards = self._around.us.device_id, self._room.states.stewards(turn.now_ms)
        is_ours = self._around.side is Side.COMPANY and us in stewards
        return stewards.index(us) if is_ours else None

    def leads(self, turn: Turn) -> bool:
        """Whether we are the first steward in turn, or the one whose state is in force (ROOM-23)."""
        place = self.place(turn)
        return place == 0 or (place is not None and self._own_head() is not None)

    def has_given(self, turn: Turn, taker: DeviceId) -> bool:
        """Whether a device is assigned since a state of ours by which it may be handed the past: an agent's,
        or, where nobody has asked for it, a desk's (ROOM-62).
        """
        states, path = self._room.states, self._room.states.path
        since = list(takewhile(lambda one: one.state.assigned == taker, reversed(path)))
        if not since or not self._is_last_branch(since[-1], path):
            return False
        given, before = since[-1].state, path[-len(since) - 1].state if len(path) > len(since) else None
        if before is not None and (before.assigned is not None or taker in before.members):
            return False
        return given.request is None or states.ranks(turn.now_ms).get(taker, DESK) < DESK

    def _is_last_branch(self, given: WrittenState, path: list[WrittenState]) -> bool:
        """Whether a state is ours, and none that we have written since is on another branch."""
        us, known = self._around.us.device_id, self._room.states.room.states.values()
        return given.author == us and all(
            one in path for one in known if one.author == us and one.n > given.n
        )

    def _own_head(self) -> WrittenState | None:
        """Return the state in force if it is ours."""
        head = self._room.states.room.head
        return head if head is not None and head.author == self._around.us.device_id else None

    def due_ms(self, turn: Turn) -> int | None:
        """Return when we have something to do unless another steward has done it."""
        place = self.place(turn)
        if place is None or self._live.customer is None or not self._room.writing.can_write(turn):
            return None
        states = self._room.states
        if states.state is None:
            due_ms = self._opening_ms(turn)
            return None if due_ms is None else max(due_ms, self._live.retry_ms)
        stored = [self._room.log.find(turn, one) for one in states.condition().unanswered]
        due = [one.received_ms + TURN_MS * place for one in stored if one is not None]
        return max(min(due), self._live.retry_ms) if due else None

    def silence_due_ms(self, turn: Turn) -> int | None:
        """Return when to look whether a silent room is ours to close, or to ask for that (ROOM-24)."""
        state, us = self._room.states.state, self._around.us.device_id
        is_ours = self._around.side is Side.COMPANY and self._live.customer is not None
        if not is_ours or state is None or state.phase is not Phase.OPEN:
            return None
        due_ms = max(closing_due_ms(self._room.index.last_ms), self._live.retry_ms)
        if due_ms > turn.now_ms:
            return due_ms
        ranks = self._room.states.ranks(turn.now_ms)
        known = self._room.states.room.known()
        order = closers(
            state.members, ranks, [one for one in self._room.states.stewards(turn.now_ms) if one in known]
        )
        if us not in order or not self._room.writing.can_write(turn):
            return None
        due_ms = max(due_ms, closing_due_ms(self._room.index.last_ms) + TURN_MS * order.index(us))
        if due_ms > turn.now_ms:
            return due_ms
        asked = [one for one in self._room.requests.of(turn, self._live.room_id) if _closes(one.request)]
        if asked:
            return max(one.begun_ms for one in asked) + EXPIRES_MS
        on_since_ms = self._around.on_since_ms(turn)
        if on_since_ms is None or on_since_ms <= self._room.index.last_ms:
            return turn.now_ms + _ON_MS
        since_ms = self._around.has_all_since_ms
        return max(due_ms, (turn.now_ms if since_ms is None else min(since_ms, turn.now_ms)) + _THERE_MS)

    def _opening_ms(self, turn: Turn) -> int | None:
        ranks = self._room.states.ranks(turn.now_ms)
        desks = [one for one in sorted(self._live.opened_to) if ranks.get(one, -1) >= DESK]
        return opening_due_ms(desks, self._around.us.device_id, self._live.opened_ms)

    def tick(self, turn: Turn) -> None:
        """Open, answer acts, or close, if it is still our turn."""
        due_ms, silence_ms = self.due_ms(turn), self.silence_due_ms(turn)
        try:
            if due_ms is not None and due_ms <= turn.now_ms:
                self.change(turn, Change())
            elif silence_ms is not None and silence_ms <= turn.now_ms:
                self._close_silent(turn)
        except RemoteError:
            # Another roster may be known later; until then the next one has its turn.
            self._live.retry_ms = turn.now_ms + TURN_MS

    def _close_silent(self, turn: Turn) -> None:
        if self.place(turn) is None:
            self._room.ask(turn, RequestKind.CLOSE)
        else:
            self.change(turn, Change(phase=Phase.CLOSED))

    # --- what comes ---

    def entry_taken(self, turn: Turn, entry: Entry, payload: EntryPayload) -> None:
        """Note refusals and calls."""
        match payload:
            case Refusal(named=named, code=code):
                self._live.board = self._live.board.named(named)
                self._room.requests.named(turn, self._live.room_id, named, code)
            case Erased():
                self._room.erasures.taken(turn, entry, payload)
            case Act(what=ActKind.CALL_DESK):
                self._around.tell(turn, DeskCalled(self._live.room_id, entry.author.device_id))
            case _:
                pass

    def state_taken(self, turn: Turn, written: WrittenState) -> None:
        """Note what a state answers (ROOM-22, ROOM-23)."""
        live = self._live
        if written.state.request is not None:
            live.board = live.board.named(written.state.request)
            self._room.requests.named(turn, live.room_id, written.state.request, "")
        self._follow_head(turn)
        live.pending = tuple(one for one in live.pending if one.request.id not in live.board.answered)

    def _follow_head(self, turn: Turn) -> None:
        live, head, waited = self._live, self._room.states.room.head, self._live.board.waiting
        if head is not None:
            live.board = live.board.with_state(head.state)
        if waited is not None and live.board.waiting is None:
            self._waiting_over(turn)

    def head_moved(self, turn: Turn) -> None:
        """Another state is in force: who lacks states is given them (ROOM-25)."""
        self._room.shares = self._room.moved = True
        self._follow_head(turn)
        self._room.passing.head_moved(turn)

    # --- who waits ---

    def wait_for(self, turn: Turn, team: str, language: str) -> None:
        """Have the customer wait for somebody of a team; the agents in force are told when the step is
        settled, in an open room (ROOM-23, ROOM-67).

        Raises:
            NoRight: we are no steward.
        """
        if self.place(turn) is None:
            raise NoRight("a steward says who waits")
        self._live.board = replace(self._live.board, waiting=Waiting(team, language, turn.now_ms))
        self._live.waited = (0, 0)

    def saying_due_ms(self) -> int | None:
        """Return when it is said, or said again, that the room waits; None where it is not open (ROOM-67)."""
        said_ms, times = self._live.waited
        if self._live.board.waiting is None or not self._room.states.is_open():
            return None
        return repeat_due_ms(said_ms, max(times, 1))

    def say_who_waits(self, turn: Turn) -> None:
        """Say who waits, again at the times of requests; take it back once where the room is not open any
        more (ROOM-67).
        """
        live, waiting, due_ms = self._live, self._live.board.waiting, self.saying_due_ms()
        if waiting is None:
            return
        said_ms, times = live.waited
        if due_ms is None and times:
            live.waited = (said_ms, 0)
            if self.place(turn) is not None:
                self._waiting_over(turn)
        elif due_ms is not None and due_ms <= turn.now_ms:
            live.waited = (turn.now_ms, times + 1)
            if self.place(turn) is not None:
                self._say(turn, waiting, is_new=not times)

    def _say(self, turn: Turn, waiting: Waiting, *, is_new: bool) -> None:
        self._signal(turn, waiting)
        if is_new:
            event = WaitingChanged(self._live.room_id, waiting.team, waiting.language, waiting.since_ms)
            self._around.tell(turn, event)

    def hand_on(self, turn: Turn, team: str, leaving: DeviceId) -> None:
        """Nobody is assigned any more, a device leaves, and the customer waits for a team (ROOM-33).

        Raises:
            NoRight. What `change` raises.
        """
        state = self._room.states.state
        leaves = (leaving,) if state is not None and leaving in state.members else ()
        self.change(turn, Change(unassign=True, remove=leaves))
        self.wait_for(turn, team, self._room.consent.language)

    def _waiting_over(self, turn: Turn) -> None:
        self._around.tell(turn, WaitingChanged(self._live.room_id, None))
        if self._around.side is Side.COMPANY:
            self._signal(turn, NoLongerWaiting())

    def _signal(self, turn: Turn, signal: Signal) -> None:
        ranks = self._room.states.ranks(turn.now_ms)
        members = () if self._room.states.state is None else self._room.states.state.members
        agents = [one for one, rank in sorted(ranks.items()) if rank == Rank.AGENT and one not in members]
        self.signal_to(turn, signal, agents)

    def signal_to(self, turn: Turn, signal: Signal, devices: Iterable[DeviceId]) -> None:
        """Send a signal of this room to devices of the company."""
        live, us = self._live, self._around.us
        to = [Author(live.company, one) for one in devices]
        payload = OfRooms(ContentType.SIGNAL, encode_signal(live.room_id, signal))
        self._around.signal(turn, payload, [one for one in to if one != us])


def _closes(request: Request) -> bool:
    return request.what is RequestKind.CLOSE


def _flags(head: State | None, change: Change, acts: Iterable[RoomAct]) -> int:
    """The flags of the next state; it has a mark that it answers: a supervisor's would end it (ROOM-14)."""
    flags = 0 if head is None else head.flags
    if any(one.what is What.SENSITIVE for one in acts):
        flags |= SENSITIVE
    for wanted, flag in ((change.sensitive, SENSITIVE), (change.hold, HOLD)):
        if wanted is not None:
            flags = flags | flag if wanted else flags & ~flag
    return flags
