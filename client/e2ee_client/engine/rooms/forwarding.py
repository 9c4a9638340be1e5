"""Lines: answers to our wants, what a joiner needs, history (TRN-17 to TRN-19, ROOM-25)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from e2ee.constants import CONTENT_ID_B
from e2ee.content import Content, ContentType, OfRooms
from e2ee.errors import NoRight, RemoteError, Unlogged
from e2ee.ids import ContentId, DeviceId
from e2ee.rooms.entry import Author, Entry, EntryHash, Header, carrier
from e2ee.rooms.forward import (
    GROUND,
    Handover,
    Share,
    answer,
    check_answer,
    decode_forward,
    decode_line,
    encode_forward,
)
from e2ee.rooms.kinds import Kind, Side
from e2ee.rooms.order import named_by
from e2ee.rooms.payloads import Access, AccessKind, EntryPayload
from e2ee.rooms.room import MAX_CUSTOMER_DEVICES
from e2ee.rooms.state import DESK, MAX_MEMBERS, Phase, Ranks, State, Verdict, WrittenState
from e2ee.rooms.transcript import Outcome
from e2ee.wire import cbor
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryRefused, HistoryHandedOver

from .about import payload_of
from .entry_log import StoredEntry
from .room_part import RoomPart

if TYPE_CHECKING:
    from .room_engine import RoomEngine

MAX_HANDOVERS: Final = 8
MAX_HANDED_OVER: Final = 256
MAX_MARKS: Final = 256
INFORMED_STATES: Final = 16
GIVES_NEXT_MS: Final = 3_600_000
"""A steward that lacks the room is given it by each further device so much later (ROOM-81)."""
MAX_INFORMED: Final = MAX_MEMBERS + MAX_CUSTOMER_DEVICES
_NO_HISTORY: Final = GROUND | {Kind.MARK}
_STEPS: Final = frozenset({Kind.MARK, Kind.CONSENT})
"""A joiner has each state, but of consents the newest only."""
_LOOKED_AT: Final = 16 * MAX_HANDED_OVER


class Forwarding(RoomPart):
    """A forward is posted: it is durable, and comes in order after what was posted before."""

    def __init__(self, room: RoomEngine) -> None:
        super().__init__(room)
        self._marks_left: dict[DeviceId, int] = {}

    # --- what we give ---

    def forward(self, turn: Turn, entries: Sequence[Entry], to: Author) -> None:
        """Post lines that fit one content."""
        payload = OfRooms(ContentType.FORWARD, encode_forward(self._live.room_id, entries))
        content = Content(ContentId(self._around.rng(CONTENT_ID_B)), turn.now_ms, payload)
        self._around.post(turn, content, [to])

    def forward_all(self, turn: Turn, entries: Iterable[Entry], to: Author) -> None:
        """Post lines in as many contents as they need."""
        left = list(entries)
        while left:
            given = answer((one, Share.WHOLE) for one in left)
            self.forward(turn, given, to)
            left = left[max(1, len(given)) :]

    def share_states(self, turn: Turn) -> None:
        """Give states to devices that they were not meant for and that need them to judge others (ROOM-25).

        The author of the head gives them to its members, to the customer's devices and to stewards that have
        the room (ROOM-81), who was outvoted to those whom its own state names, and each to those to which it
        has given the room (ROOM-88).
        """
        if self._around.side is not Side.COMPANY:
            return
        states, us = self._room.states, self._around.us.device_id
        head = states.room.head
        if head is None:
            return
        ranks = states.ranks(turn.now_ms)
        company = set(self._given_by_us(ranks))
        own = [one for one in states.room.states.values() if one.author == us and self._is_valid(one)]
        newest = max(own, key=lambda one: one.n, default=None)
        if newest is not None and (head.author == us or newest not in states.path):
            company |= set(newest.state.members)
        if head.author == us:
            company |= {*head.state.members, *self._stewards_with_room(ranks)}
        for one in states.authors(company & set(ranks)):
            if one.account_id == self._live.company or head.author == us:
                self._give_states(turn, one)

    def _is_valid(self, written: WrittenState) -> bool:
        return self._room.states.room.verdicts[written.hash] is Verdict.VALID

    def _give_states(self, turn: Turn, to: Author) -> None:
        live, states = self._live, self._room.states
        key = to.account_id + to.device_id
        is_new, begin = key not in live.given, live.given.get(key, 0)
        everything = list(states.room.states.values())
        live.given[key] = len(everything)
        lacking = [
            one
            for one in everything[begin:]
            if states.room.verdicts[one.hash] is not Verdict.REFUSED and not self._was_meant(one, to)
        ]
        if not lacking:
            return
        is_company = to.account_id == live.company
        if is_company and live.customer is not None and is_new:
            self._around.introduce(turn, live.customer, to.device_id)
        self.vouch(turn, [one.state for one in lacking], to)
        self._forward_states(turn, lacking, to, is_new=is_new)

    def _forward_states(self, turn: Turn, given: Sequence[WrittenState], to: Author, *, is_new: bool) -> None:
        hashes = [one.hash for one in given]
        if is_new:
            # A new device of C may be anybody's who has the code: it is given no name (CNS-56).
            is_company = to.account_id == self._live.company
            login = self._room.identifying.counts(turn) if is_company else None
            hashes = [*self._consent_entries(), *([] if login is None else [login]), *hashes]
        self.forward_all(turn, self._entries(turn, hashes), to)

    # --- stewards that lack the room ---

    def note_lacking(self, turn: Turn) -> None:
        """Note since when each steward in force lacks the room that we are to give it to (ROOM-81)."""
        live = self._live
        since = dict(live.lacking)
        live.lacking = tuple(
            (one, min(since.get(one, turn.now_ms), turn.now_ms)) for one in self._lacking(turn)
        )

    def _lacking(self, turn: Turn) -> list[DeviceId]:
        live, states = self._live, self._room.states
        if self._around.side is not Side.COMPANY or live.customer is None or states.state is None:
            return []
        ranks, us = states.ranks(turn.now_ms), self._around.us.device_id
        has_room = us in ranks and (us in states.state.members or ranks[us] >= DESK)
        with_room = {us, *self._stewards_with_room(ranks)}
        found = [one for one in states.stewards(turn.now_ms) if one not in with_room]
        is_over = live.consent.is_withdrawn or states.condition().phase is Phase.ERASED
        return found if has_room and not is_over else []

    def _stewards_with_room(self, ranks: Ranks) -> list[DeviceId]:
        """Return the stewards in force to which the room was opened or given, without us."""
        live = self._live
        return [one for one, rank in ranks.items() if rank >= DESK and live.company + one in live.given]

    def _given_by_us(self, ranks: Ranks) -> list[DeviceId]:
        """Return the stewards in force to which we have given the room, or a state of it."""
        live = self._live
        with_room = [one for one in self._stewards_with_room(ranks) if one not in live.opened_to]
        return [one for one in with_room if live.given[live.company + one]]

    def share_withdrawal(self, turn: Turn, entry_hash: EntryHash) -> None:
        """Give a withdrawal to those to which we have given the room (ROOM-88)."""
        if self._around.side is Side.COMPANY:
            for one in self._given_by_us(self._room.states.ranks(turn.now_ms)):
                to = Author(self._live.company, one)
                self.forward_all(turn, self._entries(turn, [entry_hash]), to)

    def gives_at_ms(self, turn: Turn) -> dict[DeviceId, int]:
        """Return when we give the room to each steward that lacks it: the author of the head at once, each
        further device that has it an hour after the one before; where our copy may be old, an hour after the
        customer has answered what came behind it (ROOM-81, ROOM-84).
        """
        live, head = self._live, self._room.states.room.head
        if not live.lacking or head is None or self._room.catching_up.is_old:
            return {}
        ranks, us = self._room.states.ranks(turn.now_ms), self._around.us.device_id
        members = [one for one in head.state.members if one in ranks]
        givers = {us, *members, *self._stewards_with_room(ranks)} - {one for one, _ in live.lacking}
        order = sorted(givers, key=lambda one: (one != head.author, ranks.get(one, 0) < DESK, one))
        wait_ms = GIVES_NEXT_MS * order.index(us)
        # Of a long answer the rest comes behind it.
        heard_ms = live.caught_up_ms + GIVES_NEXT_MS if live.caught_up_ms <= turn.now_ms else 0
        return {one: max(since_ms, heard_ms) + wait_ms for one, since_ms in live.lacking}

    def give_room(self, turn: Turn, device_id: DeviceId) -> None:
        """Give a steward `open`, consent and all states, and with them what a steward that is no member gets
        (ROOM-81).
        """
        live, to = self._live, Author(self._live.company, device_id)
        states = self._room.states.room
        given = [one for one in states.states.values() if states.verdicts[one.hash] is not Verdict.REFUSED]
        live.given[to.account_id + device_id] = len(states.states)
        if live.customer is not None:
            self._around.introduce(turn, live.customer, device_id)
        rosters = dict.fromkeys(one.state.roster for one in given)
        self._around.vouch(turn, live.company, rosters, to, is_repeated=False)
        self._forward_states(turn, given, to, is_new=True)

    def not_given(self, device_id: DeviceId) -> None:
        """What was forwarded to a device of the company has not reached it: it may lack the room."""
        self._live.given.pop(self._live.company + device_id, None)

    def _was_meant(self, written: WrittenState, to: Author) -> bool:
        """Whether the author of a state has sent it to a device."""
        if to.account_id != self._live.company:
            return False
        states = self._room.states.room.states
        before = None if written.state.parent is None else states.get(written.state.parent)
        named = {*written.state.members, *(() if before is None else before.state.members), written.author}
        team = self._around.team_by(self._live.company, written.state.roster)
        ranks = {} if team is None else team.ranks()
        return to.device_id in named or ranks.get(to.device_id, -1) >= DESK

    def _consent_entries(self) -> list[EntryHash]:
        live = self._live
        opened = [] if live.root is None else [live.root]
        return [*opened, *(one for one in live.consents if one != live.root)]

    def _entries(self, turn: Turn, hashes: Iterable[EntryHash]) -> list[Entry]:
        log = self._room.log
        found = [log.find(turn, one) for one in hashes]
        return [log.entry(turn, one) for one in found if one is not None]

    def vouch(self, turn: Turn, states: Iterable[State], to: Author) -> None:
        """Post what the rosters of states are judged by, once each; a customer never does (ACC-21)."""
        if self._around.side is Side.COMPANY:
            self._around.vouch(turn, self._live.company, dict.fromkeys(one.roster for one in states), to)

    def inform(self, turn: Turn, to: Author) -> None:
        """Give the newest states up to the head, and what they are judged by, to a device that does not
        follow them, once for each head (ROOM-30).
        """
        live, states = self._live, self._room.states
        head = states.room.head
        if head is None or to not in states.authors(states.ranks(turn.now_ms)):
            return
        told = dict(live.informed)
        if told.get(to.device_id) != head.hash:
            told[to.device_id] = head.hash
            live.informed = tuple(told.items())[-MAX_INFORMED:]
            newest = states.path[-INFORMED_STATES:]
            self.vouch(turn, [one.state for one in newest], to)
            self.forward_all(turn, self._entries(turn, [one.hash for one in newest]), to)

    def give_login(self, turn: Turn, to: Author) -> None:
        """Give the login that counts to who is in force again, if logins go to it and a state up to the head
        grants this one: else it would wait there (ROOM-65).
        """
        login, states = self._room.identifying.counts(turn), self._room.states
        granted = {one for written in states.path for one in written.state.answers}
        if login is not None and login in granted and states.receives(to, Kind.IDENTIFY, turn.now_ms):
            self.forward_all(turn, self._entries(turn, [login]), to)

    def note_opened(self) -> None:
        """The customer's devices that are listed now get every state from its author."""
        live = self._live
        for desk in live.opened_to:
            live.given.setdefault(live.company + desk, 0)
        if live.customer is not None:
            for one in self._room.states.customers():
                live.given.setdefault(live.customer + one, 0)

    def note_given(self, turn: Turn, by: Author) -> None:
        """A colleague has given us the room, as stewards: it may not have come to give it to those that are
        no older than we are (ROOM-81).
        """
        around, company = self._around, self._live.company
        us_ms = around.created_ms(around.us)
        if us_ms is None or self._room.states.ranks(turn.now_ms).get(around.us.device_id, -1) < DESK:
            return
        for one in self._live.opened_to:
            created_ms = around.created_ms(Author(company, one))
            if one != by.device_id and created_ms is not None and created_ms >= us_ms:
                self.not_given(one)

    def note_meant(self) -> None:
        """All states that are here went to the customer's devices that are listed now."""
        live = self._live
        if live.customer is None:
            return
        count = len(self._room.states.room.states)
        for one in self._room.states.customers():
            key = live.customer + one
            if key in live.given:
                live.given[key] = count

    def newest(self, turn: Turn, count: int) -> list[EntryHash]:
        """Return the newest entries that can be handed over, in the order of the transcript (TRN-34)."""
        log, most = self._room.log, min(count, MAX_HANDED_OVER)
        found, before = list[EntryHash](), None
        for _ in range(_LOOKED_AT // MAX_HANDED_OVER):
            looked_at = log.newest(turn, MAX_HANDED_OVER, before)
            if not looked_at or len(found) >= most:
                break
            before = looked_at[0].hash
            found[:0] = [one.hash for one in looked_at if Header.decode(one.header).kind not in _NO_HISTORY]
        return found[-most:]

    def hand_over(
        self, turn: Turn, to: DeviceId, hashes: Sequence[EntryHash], reason: str | None = None
    ) -> int:
        """Hand history over as `give` does; returns how many entries."""
        return self.give(turn, to, hashes, reason)[1]

    def give(
        self, turn: Turn, to: DeviceId, hashes: Sequence[EntryHash], reason: str | None = None
    ) -> tuple[EntryHash, int]:
        """Hand history over to a device of the company, by a log entry that all see; returns that, and how
        many entries (TRN-18, TRN-34).

        Raises:
            NoRight: not ours to give, the device is no recipient, or there is nothing to give.
            RoomFrozen, ConsentWithdrawn, RoomErased: the phase lets none pass.
        """
        self.check_handover(turn, to)
        entries = [one for one in self._shown(turn, hashes) if one.header.kind not in _NO_HISTORY]
        if not entries:
            raise NoRight(f"of the newest {_LOOKED_AT} entries here none can be handed over")
        if len(entries) > self._most(turn, self._around.us.device_id, to):
            raise NoRight("more entries than may be handed over at a time")
        ends = entries[0].hash, entries[-1].hash
        log = self._room.writing.write(turn, Access(AccessKind.HANDOVER, to, len(entries), ends, reason))
        marks = self._marks(turn, [*self._entries(turn, [log]), *reversed(entries)])
        self.forward_all(turn, marks, Author(self._live.company, to))
        self.forward_all(turn, entries, Author(self._live.company, to))
        return log, len(entries)

    def check_handover(self, turn: Turn, to: DeviceId) -> None:
        """Refuse a hand-over that `hand_over` refuses, whatever there is to give."""
        states, us = self._room.states, self._around.us.device_id
        if not self._most(turn, us, to):
            raise NoRight("a steward, or who gives the room to a colleague, hands history over")
        if to == us or not states.receives(Author(self._live.company, to), Kind.TEXT, turn.now_ms):
            raise NoRight("history is handed over to a colleague who is in the room")
        condition = states.condition()
        if condition.phase is not Phase.CLOSED:
            condition.check_content(Kind.TEXT)

    def _most(self, turn: Turn, by: DeviceId, to: DeviceId) -> int:
        """How many entries a device may hand over to another with one log entry (TRN-18, TRN-34)."""
        if self._room.states.ranks(turn.now_ms).get(by, -1) >= DESK:
            return MAX_HANDED_OVER
        found = [one.most for one in self._room.passing.all() if (one.giver, one.taker) == (by, to)]
        return max(found, default=0)

    def _shown(self, turn: Turn, hashes: Iterable[EntryHash]) -> list[Entry]:
        """Entries as they are handed over: of what is hidden or marked the commitment."""
        log = self._room.log
        found = [log.find(turn, one) for one in hashes]
        return [self._readable(turn, one) for one in found if one is not None]

    def _readable(self, turn: Turn, stored: StoredEntry) -> Entry:
        entry = self._room.log.entry(turn, stored)
        return entry.redacted() if stored.is_hidden or stored.is_marked else entry

    def _marks(self, turn: Turn, entries: Sequence[Entry]) -> list[Entry]:
        """The marks and consents by which entries have their place, those first that they name (TRN-50)."""
        log, known = self._room.log, {one.hash for one in entries}
        found, waiting = list[Entry](), list(entries)
        for entry in waiting:
            named = [one for one in named_by(entry.header) if one not in known]
            known.update(named)
            here = [one.entry() for one in log.several(turn, named) if not one.is_aside]
            waiting += [one for one in here if one.header.kind in _NO_HISTORY]
            found += [one for one in here if one.header.kind in _STEPS]
            if len(found) >= MAX_MARKS:
                break
        return found[:MAX_MARKS]

    def give_own_device(self, turn: Turn, to: DeviceId) -> None:
        """Give all that is here to another device of our account; of what was erased the commitment (TRN-19).

        Raises:
            NoRight: not another device of a customer's account, as far as it has a place in the room.
        """
        live, log = self._live, self._room.log
        if self._around.side is not Side.CUSTOMER or live.customer is None:
            raise NoRight("a customer gives history to its own device")
        if to == self._around.us.device_id or to not in self._room.states.receiving():
            raise NoRight("history is given to another device of the account")
        self._give_open(turn, Author(live.customer, to))
        entries = [log.entry(turn, one) for one in log.all_of(turn)]
        hidden = {one.hash for one in log.all_of(turn) if one.is_hidden}
        entries = [one.redacted() if one.hash in hidden else one for one in entries]
        self.forward_all(turn, entries, Author(live.customer, to))

    def _give_open(self, turn: Turn, to: Author) -> None:
        """Post our `open` to a device that was added later, so that it has the room (ROOM-38)."""
        root = self._live.root
        stored = None if root is None else self._room.log.find(turn, root)
        if stored is not None and stored.author == self._around.us:
            entry = self._room.log.entry(turn, stored)
            if entry.body is not None:
                self._around.post(turn, carrier(entry), [to])

    # --- what we are given ---

    def announced(self, turn: Turn, entry: Entry, payload: EntryPayload) -> None:
        """Tell of a hand-over that its author may make, and remember one to us (TRN-18). A customer is told
        of each: the state by which it may be made may come later.
        """
        if isinstance(payload, Access):
            self._announced(turn, entry.author.device_id, payload, 0)

    def _announced(self, turn: Turn, by: DeviceId, payload: Access, most: int) -> None:
        to = payload.device_id
        if payload.what is not AccessKind.HANDOVER or to is None:
            return
        is_granted = payload.count <= max(most, self._most(turn, by, to))
        if is_granted:
            self._remember(by, payload)
        if is_granted or self._around.side is Side.CUSTOMER:
            self._around.tell(turn, HistoryHandedOver(self._live.room_id, by, to, payload.count))

    def _remember(self, by: DeviceId, payload: Access) -> None:
        """Remember a hand-over, if it is to us."""
        found = Handover.announced(by, payload, self._around.us.device_id)
        if found is not None:
            known = self._live.handovers
            if len(known) >= MAX_HANDOVERS:
                dropped = next((one for one in known if not one.left), known[0])
                known = tuple(one for one in known if one is not dropped)
            self._live.handovers = (*known, found)
            self._marks_left[by] = MAX_MARKS

    def let_in(self) -> tuple[EntryHash | None, frozenset[EntryHash]]:
        """By what lines that are handed over are taken: the state in force, and what was announced to us."""
        head = self._room.states.room.head
        return None if head is None else head.hash, frozenset(one.first for one in self._live.handovers)

    def take(self, turn: Turn, by: Author, value: cbor.Value) -> bool:
        """Take lines that another device gives us, each by itself (TRN-17 to TRN-19).

        Raises:
            ContentError: not a forward. Unlogged: neither wanted nor announced; nothing of it stays.
        """
        live = self._live
        _, lines = decode_forward(value)
        entries = [one for one in (self._line(turn, line, by) for line in lines) if one is not None]
        new = [one for one in entries if self._room.log.find(turn, one.hash) is None]
        is_own = self._around.side is Side.CUSTOMER and by.account_id == self._around.us.account_id
        history = self._as_handover(turn, by, entries) or self._as_overtaking(turn, by, entries)
        if not history and not is_own:
            check_answer(new, live.asked)
        self._room.catching_up.hear(by, entries)
        brought = False
        for entry in entries:
            try:
                is_shown_only = history and entry.header.kind not in GROUND
                outcome = self._room.taking.line(turn, entry, by, history=is_shown_only)
            except RemoteError as error:
                self._refused(turn, entry, error.code)
                continue
            brought = brought or outcome is not Outcome.KNOWN
        if brought:
            self._room.asking.plan(turn)
            self._room.asking.answered(turn)
        return True

    def _line(self, turn: Turn, line: cbor.Value, by: Author) -> Entry | None:
        live = self._live
        customer = live.company if live.customer is None else live.customer
        try:
            return decode_line(line, live.room_id, live.company, customer, self._around.signer)
        except RemoteError as error:
            event = EntryRefused(live.room_id, b"", by.device_id, error.code)
            self._around.tell(turn, event)
            return None

    def _refused(self, turn: Turn, entry: Entry, code: str) -> None:
        event = EntryRefused(self._live.room_id, entry.hash, entry.author.device_id, code)
        self._around.tell(turn, event)

    def _as_handover(self, turn: Turn, by: Author, entries: Sequence[Entry]) -> bool:
        """Count lines of an announced hand-over; whether these are some (TRN-18, TRN-50)."""
        live = self._live
        if all(one.header.kind in GROUND for one in entries):
            return False
        if all(one.header.kind in _NO_HISTORY for one in entries):
            return self._count_marks(turn, by.device_id, len(entries))
        for at, known in enumerate(live.handovers):
            try:
                after = known.take(by.device_id, [one.hash for one in entries])
            except Unlogged:
                continue
            # One of which all is here stays: its marks may come later.
            live.handovers = (*live.handovers[:at], after, *live.handovers[at + 1 :])
            return True
        return False

    def _count_marks(self, turn: Turn, by: DeviceId, count: int) -> bool:
        """Whether a device in force may give us marks beside a hand-over: as many as it may give with one
        since it has announced the last, or since we have begun (TRN-50).
        """
        left = self._marks_left.get(by, MAX_MARKS) - count
        is_known = any(one.by == by for one in self._live.handovers)
        if left < 0 or not is_known or by not in self._room.states.ranks(turn.now_ms):
            return False
        self._marks_left[by] = left
        return True

    def _as_overtaking(self, turn: Turn, by: Author, entries: Sequence[Entry]) -> bool:
        """Whether these are lines of a log entry that came before the state by which its author hands over
        (TRN-18), also where that author is out since (TRN-51).
        """
        known, both = self._live.handovers, (by.device_id, self._around.us.device_id)
        lasting, over = self._room.passing.all(), self._room.passing.ended()
        ended = [one for one in over if (one.giver, one.taker) == both]
        if not ended and not any((one.giver, one.taker) == both for one in lasting):
            return False
        ends = {(one.first, one.last) for one in known if one.by == by.device_id}
        for stored in self._room.log.newest(turn, MAX_HANDED_OVER):
            payload = payload_of(stored) if stored.author == by else None
            if isinstance(payload, Access) and payload.ends not in ends:
                before = (one.most for one in ended if self._came_before(turn, stored, one.since))
                self._announced(turn, by.device_id, payload, max(before, default=0))
        return self._live.handovers != known and self._as_handover(turn, by, entries)

    def _came_before(self, turn: Turn, stored: StoredEntry, state: EntryHash) -> bool:
        found = self._room.log.find(turn, state)
        return found is not None and stored.received_ms < found.received_ms
