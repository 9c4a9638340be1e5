"""States and acts of a room on this device: which are valid, what holds, who gets what (chapter 16)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from e2ee.errors import ConsentWithdrawn, NoRight, RemoteError, TooMany
from e2ee.ids import DeviceId
from e2ee.rooms.acts import Condition, RoomAct, What, act_of
from e2ee.rooms.entry import Author, DeviceTag, Entry, EntryHash
from e2ee.rooms.head import Team, path_to
from e2ee.rooms.kinds import CONTENT, WRITERS, Kind, Side
from e2ee.rooms.payloads import EntryPayload, read_payload
from e2ee.rooms.room import (
    MAX_CUSTOMER_DEVICES,
    Admission,
    Room,
    RoomChange,
    admit,
    check_devices,
    company_recipients,
    judged,
    with_states,
)
from e2ee.rooms.roster import RosterRef
from e2ee.rooms.signed_payloads import Withdrawal
from e2ee.rooms.state import DESK, HOLD, MAX_MEMBERS, Phase, Ranks, State, Verdict, WrittenState
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryRefused, RoomChanged

from .entry_log import StoredEntry
from .room_part import RoomPart
from .state_pages import StatePages

if TYPE_CHECKING:
    from .room_engine import RoomEngine

MAX_HELD: Final = 16
"""States of one device that are held at a time (ROOM-29)."""
MAX_REFUSED: Final = 64
"""Invalid states of one device that are kept; they are told by their author's signature alone (ROOM-29)."""
DAY_STATES: Final = 64
"""States of one device in 24 hours (ROOM-29)."""
MAX_UNANSWERED: Final = 64
"""Acts of one device that no state has named (ROOM-29)."""
MAX_AWAY: Final = 64
"""Devices out of force that are waited for (ROOM-65)."""
DAY_MS: Final = 86_400_000
REOPEN_MS: Final = 90 * DAY_MS
_GOES_ON: Final = frozenset({0, int(Phase.OPEN), int(Phase.FROZEN)})
"""Phases in which the time of a room that is closed does not count (ROOM-41)."""


class States(RoomPart):
    """The pure `Room` with what it is judged by; it is rebuilt from the entries when the room is loaded."""

    def __init__(self, room: RoomEngine) -> None:
        super().__init__(room)
        self.room = Room(None)
        self._condition: Condition | None = None
        self._pages = StatePages(self._around.rows, self._live.room_id)
        self.newcomers: tuple[DeviceId, ...] = ()

    def load(self, turn: Turn) -> None:
        """Rebuild states and acts from their entries."""
        live, verdicts = self._live, self._pages.load(turn)
        found = self._room.log.several(turn, tuple(verdicts))
        written = {one.hash: _written(one) for one in found}
        self.room = Room(live.root, frozenset(live.opened_to), written, verdicts)
        self._take_over(turn, judged(self.room, self._team()))
        self.newcomers = ()
        self._sort_acts(turn)

    # --- what is known ---

    @property
    def state(self) -> State | None:
        """The state in force."""
        return self.room.state

    @property
    def path(self) -> list[WrittenState]:
        """The states up to the head."""
        return path_to(self.room.head, self.room.states)

    def _team(self) -> Team:
        known: dict[RosterRef, Ranks | None] = {}

        def ranks(ref: RosterRef) -> Ranks | None:
            if ref not in known:
                view = self._around.team_by(self._live.company, ref)
                known[ref] = None if view is None else view.ranks()
            return known[ref]

        return Team(ranks, self._around.suspended(self._live.company))

    def condition(self) -> Condition:
        """Return what holds now (ROOM-13)."""
        if self._room.live.root_content is None and self._live.customer is not None:
            return Condition(None)
        if self._condition is None:
            self._condition = self.room.condition(self._team())
        return self._condition

    def is_open(self) -> bool:
        """Whether the room is open by all that holds now."""
        return self.condition().phase is Phase.OPEN

    def ranks(self, now_ms: int) -> dict[DeviceId, int]:
        """Return the rank of each device in force now; nobody where that is not known."""
        try:
            return self._around.team(self._live.company, now_ms).ranks()
        except RemoteError:
            return {}

    def held(self) -> list[WrittenState]:
        """Return the states of which it is not known yet whether they are valid (ROOM-10)."""
        room = self.room
        return [one for one in room.states.values() if room.verdicts[one.hash] is Verdict.HELD]

    def orphans(self) -> list[WrittenState]:
        """Return the states that are held because one before them is not here (ROOM-10)."""
        known = {*self.room.states, self.room.root}
        return [one for one in self.held() if one.state.parent not in known]

    def without_roster(self) -> list[WrittenState]:
        """Return the states that are held because their roster is not known (ROOM-10)."""
        company = self._live.company
        return [one for one in self.held() if self._around.team_by(company, one.state.roster) is None]

    def stewards(self, now_ms: int) -> list[DeviceId]:
        """Return the stewards in force, in the order of the roster."""
        return sorted(one for one, rank in self.ranks(now_ms).items() if rank >= DESK)

    def returned(self, now_ms: int) -> list[DeviceId]:
        """Return the devices to which erasures go again, as they did before they were out of force when this
        was asked last; where it is not known who is in force, nobody is out (ROOM-65).
        """
        live, ranks = self._live, self.ranks(now_ms)
        if not ranks:
            return []
        here = sorted(company_recipients(self.room, Kind.ERASE, ranks))
        found = [one for one in live.away if one in here]
        gone = [one for one in (*live.away, *live.served) if one not in here]
        live.served, live.away = tuple(here), tuple(dict.fromkeys(gone))[-MAX_AWAY:]
        return found

    def customers(self) -> tuple[DeviceId, ...]:
        """Return the customer's devices: the first four, and none that shares a tag (ROOM-03)."""
        customer = self._live.customer
        listed = () if customer is None else self._around.devices(customer)
        company = self.state.members if self.state is not None else ()
        found: list[DeviceId] = []
        for one in listed[: 2 * MAX_CUSTOMER_DEVICES]:
            try:
                check_devices(self._live.room_id, company, [*found, one])
            except TooMany:
                continue
            found.append(one)
        return tuple(found)

    def receiving(self) -> list[DeviceId]:
        """Return the customer's devices that are given something: none that is being struck off (ACC-52)."""
        is_ours = self._live.customer == self._around.us.account_id
        leaving = self._around.leaving if is_ours else ()
        return [one for one in self.customers() if one not in leaving]

    def own_devices(self) -> tuple[DeviceId, ...]:
        """Return the customer's devices on one of them: what they confirm is not delivered yet."""
        return self.customers() if self._around.side is Side.CUSTOMER else ()

    def may_reopen(self, now_ms: int) -> bool:
        """Whether a room that is closed may be opened again (ROOM-18)."""
        return now_ms <= self._live.closed_ms + REOPEN_MS

    def is_over(self, turn: Turn) -> bool:
        """Whether the room was closed too long ago to be opened again (ROOM-18), by the place of the closing
        in the transcript: who comes back after that hears of it late.
        """
        if self.condition().phase is not Phase.CLOSED:
            return False
        since_ms = min(self._live.closed_ms, self._closed_since_ms(turn))
        return turn.now_ms > since_ms + REOPEN_MS

    def _closed_since_ms(self, turn: Turn) -> int:
        """Return the place of the first of the last states that are closed; without one, now."""
        closed = list(takewhile(lambda one: one.state.phase is Phase.CLOSED, self.path[::-1]))
        stored = self._room.log.find(turn, closed[-1].hash) if closed else None
        return turn.now_ms if stored is None else stored.k

    def check_content(self, kind: int, now_ms: int) -> None:
        """Refuse what the phase of the room does not let pass now (ROOM-19).

        Raises:
            ConsentRequired, RoomClosed, RoomFrozen, ConsentWithdrawn, RoomErased.
        """
        self.condition().check_content(kind, may_reopen=self.may_reopen(now_ms))

    def check_ours(self, kind: int, now_ms: int) -> None:
        """Refuse what this device may not write now; one of the company's writes no content where a
        withdrawal counts, also one that has come by a colleague alone and sets no phase (ROOM-19).

        Raises:
            What `check_content` raises.
        """
        self.check_content(kind, now_ms)
        is_content = kind in CONTENT or kind not in WRITERS
        if is_content and self._around.side is Side.COMPANY and self._live.consent.is_withdrawn:
            raise ConsentWithdrawn("the customer has withdrawn the consent")

    def lets_pass(self, kind: int, now_ms: int) -> bool:
        """Whether the phase of the room lets a kind pass now (ROOM-19)."""
        try:
            self.check_content(kind, now_ms)
        except RemoteError:
            return False
        return True

    def recipients(self, kind: int, now_ms: int) -> list[Author]:
        """Return to whom an entry of ours goes (ROOM-15)."""
        ranks = self.ranks(now_ms)
        if kind == Kind.OPEN:
            company = frozenset(one for one, rank in ranks.items() if rank >= DESK)
        else:
            company = company_recipients(self.room, kind, ranks)
        return self.authors(company)

    def authors(self, company: Iterable[DeviceId]) -> list[Author]:
        """Return devices of the company and all of the customer's, without us."""
        live = self._live
        found = [Author(live.company, one) for one in sorted(company)]
        if live.customer is not None:
            found += [Author(live.customer, one) for one in self.receiving()]
        return [one for one in found if one != self._around.us]

    def answers(self, now_ms: int) -> bool:
        """Whether this device of the company may answer an erasure (ROOM-16, ROOM-45)."""
        if self._around.side is Side.CUSTOMER:
            return False
        try:
            found = admit(self.room, self._around.us.device_id, int(Kind.ERASED), self.ranks(now_ms))
        except RemoteError:
            return False
        return found is not Admission.EARLY

    def cleared(self, now_ms: int) -> frozenset[DeviceId]:
        """Return the devices of the company in force that are cleared for what is sensitive (ACC-03)."""
        try:
            team = self._around.team(self._live.company, now_ms)
        except RemoteError:
            return frozenset()
        return frozenset(device_id for device_id, one in team.members.items() if one.is_cleared)

    def is_cleared(self, now_ms: int) -> bool:
        """Whether this device keeps what is marked: the customer's, and one that is cleared (ROOM-17)."""
        return self._around.side is Side.CUSTOMER or self._around.us.device_id in self.cleared(now_ms)

    def receives(self, device: Author, kind: int, now_ms: int) -> bool:
        """Whether a device is in force and a recipient now (TRN-15)."""
        if device.account_id == self._live.customer:
            return device.device_id in self.receiving()
        return device.device_id in company_recipients(self.room, kind, self.ranks(now_ms))

    def received_then(self, device: Author, followed: EntryHash | None) -> bool:
        """Whether a device was a recipient by a state that an author followed (TRN-15)."""
        written = None if followed is None else self.room.states.get(followed)
        if device.account_id == self._live.customer:
            return self._was_listed(device, None if written is None else written.state)
        path = path_to(written, self.room.states)
        if path and path[-1].state.members:
            return device.device_id in path[-1].state.members
        named = {one for before in path for one in before.state.members}
        return device.device_id in named | set(self.room.opened_to)

    def _was_listed(self, device: Author, followed: State | None) -> bool:
        """Whether the list of a state is not from before the one that named a customer's device (TRN-48)."""
        since = self._around.listed_since(device)
        listed = None if followed is None else followed.customer_list
        return since is not None and since <= (0 if listed is None else listed.seq)

    # --- what comes ---

    def check_room_for(self, turn: Turn, author: DeviceId, state: State | None = None) -> None:
        """Refuse a state of a device that has too many (ROOM-29).

        Raises:
            TooMany.
        """
        own = [
            (one.hash, self.room.verdicts.get(one.hash))
            for one in self.room.states.values()
            if one.author == author
        ]
        held = sum(verdict is Verdict.HELD for _, verdict in own)
        # What is held may wait for the next one, and that for its roster.
        is_next = state is not None and self._is_next(state)
        is_judged = is_next and state is not None and self._is_known(state)
        if held >= MAX_HELD + is_next and not is_judged:
            raise TooMany("too many states of a device are held")
        if sum(verdict is Verdict.REFUSED for _, verdict in own) >= MAX_REFUSED:
            raise TooMany("too many states of a device are invalid")
        recent = [self._room.log.find(turn, one) for one, _ in own[-DAY_STATES:]]
        since_ms = turn.now_ms - DAY_MS
        if sum(one is not None and one.received_ms > since_ms for one in recent) >= DAY_STATES:
            raise TooMany("too many states of a device in a day")

    def _is_next(self, state: State) -> bool:
        """Whether the state before is `open`, or here and valid."""
        parent = state.parent
        if parent is None:
            return False
        return parent == self.room.root or self.room.verdicts.get(EntryHash(parent)) is Verdict.VALID

    def _is_known(self, state: State) -> bool:
        """Whether the roster of a state is here."""
        return self._around.team_by(self._live.company, state.roster) is not None

    def check_act(self, turn: Turn, entry: Entry, payload: EntryPayload) -> None:
        """Refuse an act of a device of which too many are unanswered; nobody is kept from ending the consent
        (ROOM-29).

        Raises:
            TooMany.
        """
        if isinstance(payload, Withdrawal) and self._room.consent.is_ended_by(turn, entry, payload):
            return
        waiting = [self._room.log.find(turn, one) for one in self.condition().unanswered]
        own = sum(one is not None and one.device_id == entry.author.device_id for one in waiting)
        if own >= MAX_UNANSWERED:
            raise TooMany("too many acts of a device are not answered")

    def take(self, turn: Turn, entry: Entry, state: State) -> None:
        """Take in a state, ours or another's (ROOM-10)."""
        for card in state.cards:
            self._around.learn_card(turn, self._live.company, card)
        written = WrittenState(entry.hash, entry.author.device_id, entry.header.n, state)
        if entry.hash not in self.room.states:
            self._take_over(turn, with_states(self.room, [written], self._team()))
        if self.room.verdicts[entry.hash] is Verdict.HELD:
            self._around.look_up(turn, self._live.company)
        self._room.shares = True
        self._room.forwarding.note_meant()
        self._inform(turn, written)
        self._room.stewarding.state_taken(turn, written)

    def _inform(self, turn: Turn, written: WrittenState) -> None:
        """The author of the head tells a steward that has written a state beside it (ROOM-30)."""
        head, us = self.room.head, self._around.us
        is_beside = self.room.verdicts[written.hash] is Verdict.VALID and written not in self.path
        if head is not None and head.author == us.device_id != written.author and is_beside:
            self._room.forwarding.inform(turn, Author(self._live.company, written.author))

    def rejudge(self, turn: Turn) -> None:
        """Judge anew what is held, after a roster, a list or a suspension was learned of."""
        self._take_over(turn, judged(self.room, self._team()))

    def store(self, turn: Turn) -> None:
        """Store what was found of states since the last time (STO-57)."""
        self._pages.store(turn, self.room.verdicts)

    def add_act(self, turn: Turn, entry_hash: EntryHash) -> None:
        """Take in an act; those of a room are in the order of its transcript (ROOM-13)."""
        if entry_hash not in self._live.acts:
            self._live.acts = (*self._live.acts, entry_hash)
            self._sort_acts(turn)

    def is_taken_back(self, turn: Turn, stored: StoredEntry) -> bool:
        """Whether a withdrawal stands after an entry: what the customer said before it leaves no more
        (ROOM-35, TRN-15).
        """
        own = [one.hash for one in self.room.acts if one.what is What.WITHDRAW]
        last = self._room.log.find(turn, own[-1]) if own else None
        return last is not None and (stored.k, stored.hash) < (last.k, last.hash)

    def opened(self, turn: Turn) -> None:
        """The room's `open` is here, with the desks that it went to."""
        self.room = replace(self.room, root=self._live.root, opened_to=frozenset(self._live.opened_to))
        self.rejudge(turn)

    def _sort_acts(self, turn: Turn) -> None:
        found: list[tuple[int, EntryHash, RoomAct]] = []
        known = {one.hash: one for one in self.room.acts}
        for one in self._room.log.several(turn, self._live.acts):
            act = known.get(one.hash) or _act(one)
            if act is not None:
                found.append((one.k, one.hash, act))
        found.sort(key=lambda one: one[:2])
        acts = tuple(act for _, _, act in found)
        self.room = replace(self.room, acts=acts)
        self._live.acts = tuple(act.hash for act in acts)
        self._condition = None

    def _take_over(self, turn: Turn, change: RoomChange) -> None:
        before, held = self.room.head, self.held()
        self.room, self._condition = change.room, None
        for written in held:
            if change.room.verdicts.get(written.hash) is Verdict.VALID:
                self._room.taking.tell_again(turn, written.hash)
        for one in change.refused:
            author = change.room.states[one].author
            self._around.tell(turn, EntryRefused(self._live.room_id, one, author, NoRight.code))
        if change.room.head != before:
            self._note_newcomers(before)
            self._room.stewarding.head_moved(turn)

    def _note_newcomers(self, before: WrittenState | None) -> None:
        """Note who is a member by the head and was none before (ROOM-35, ROOM-61)."""
        if self.state is not None:
            known = {*self.newcomers, *(() if before is None else before.state.members)}
            new = [one for one in self.state.members if one not in known]
            self.newcomers = (*self.newcomers, *new)[-MAX_MEMBERS:]

    # --- what the application is shown ---

    def announce(self, turn: Turn) -> None:
        """Tell what holds, if it is another than before, and begin chains anew where we join (TRN-11)."""
        index, condition, state = self._room.index, self.condition(), self.state
        on_hold = state is not None and state.has(HOLD)
        shown = (
            *(int(condition.phase or 0), () if state is None else state.members),
            *(None if state is None else state.assigned, condition.is_sensitive, on_hold),
        )
        before = index.phase, index.members, index.assigned, index.is_sensitive, index.on_hold
        if shown != before:
            index.phase, index.members, index.assigned, index.is_sensitive, index.on_hold = shown
            self._around.tell(turn, RoomChanged(self._live.room_id, *shown))
            if index.phase == Phase.CLOSED and before[0] == Phase.OPEN:
                self._live.marks_at_once = True
            if index.phase == Phase.OPEN and before[0] not in (0, Phase.OPEN):
                self._room.deciding.forget_claims()
            if before[0] in _GOES_ON and index.phase not in _GOES_ON:
                # A room that comes to us closed has been so for a while (ROOM-87).
                since_ms = turn.now_ms if before[0] else self._closed_since_ms(turn)
                self._live.closed_ms = min(since_ms, turn.now_ms)
        self._join_or_leave(turn)

    def _join_or_leave(self, turn: Turn) -> None:
        is_recipient = self.receives(self._around.us, Kind.TEXT, turn.now_ms)
        live = self._live
        if is_recipient == live.is_recipient or (not is_recipient and not self.ranks(turn.now_ms)):
            return
        if self._around.side is Side.COMPANY and live.view.chains:
            self._begin_anew(turn, self.path_with_us() if is_recipient else [])
        live.is_recipient = is_recipient
        live.greets = is_recipient and live.view.late and self._around.side is Side.COMPANY

    def path_with_us(self) -> list[WrittenState]:
        """The states up to the head since which we are a member."""
        found = list(takewhile(lambda one: self._around.us.device_id in one.state.members, self.path[::-1]))
        return found[::-1]

    def _begin_anew(self, turn: Turn, since: list[WrittenState]) -> None:
        """Begin the chains of others anew: with the states that make us a recipient, and where an entry that
        names one is here already (TRN-11).
        """
        live, log, names = self._live, self._room.log, {one.hash for one in since}
        kept = list[DeviceTag]()
        for tag, chain in live.view.chains.items():
            held = None if chain.floor is None else log.held(turn, tag, chain.floor)
            stored = None if held is None else log.find(turn, held.hash)
            if stored is not None and stored.followed in names:
                kept.append(tag)
        found = [log.find(turn, one.hash) for one in since]
        entries = [log.entry(turn, one) for one in found if one is not None]
        live.view = live.view.rejoined(kept).begun(entries, turn.now_ms)


def _written(stored: StoredEntry) -> WrittenState:
    entry = stored.entry()
    payload = read_payload(entry)
    if not isinstance(payload, State):
        raise NoRight("a stored state is none")
    return WrittenState(entry.hash, entry.author.device_id, entry.header.n, payload)


def _act(stored: StoredEntry) -> RoomAct | None:
    entry = stored.entry()
    what = act_of(entry.header.kind, read_payload(entry))
    return None if what is None else RoomAct(entry.hash, what)
