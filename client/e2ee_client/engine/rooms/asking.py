"""What is missing: shown, asked for and asked for again; what others ask us for (TRN-13 to TRN-15)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from e2ee.content import ContentType, OfRooms
from e2ee.ids import DeviceId
from e2ee.rooms import transcript
from e2ee.rooms.chain import GIVEN_UP_AFTER_MS, Chain, before_floor
from e2ee.rooms.desk import repeat_due_ms
from e2ee.rooms.entry import Author, DeviceTag, Entry, Header, device_tag
from e2ee.rooms.forward import GROUND, Asked, Share, answer, share
from e2ee.rooms.head import path_to
from e2ee.rooms.kinds import CONTENT, Kind, Side
from e2ee.rooms.roster import RosterRef
from e2ee.rooms.signals import MAX_WANTED, Want, encode_signal
from e2ee.rooms.state import State, WrittenState
from e2ee.rooms.transcript import GAP_AFTER_MS
from e2ee.wire.fields import MAX_MS
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryProgress, GapClosed, GapShown

from .entry_log import StoredEntry
from .records import Asking as Asks
from .records import Sought
from .room_part import RoomPart
from .writing import progress_of

MAX_ROSTERS: Final = 16
"""States of which the roster is asked for at a time (ROOM-53)."""
SOUGHT_TIMES: Final = 8
"""How often a held state is asked for at least, so that who is seldom there asks, too (ROOM-53)."""
AGAIN_AFTER_MS: Final = 10_000
"""When the rest of an answer is asked for: 8 questions a minute are answered."""
MAX_ASKED: Final = 256
MAX_LOOKED_AT: Final = 512
MAX_VOUCHED: Final = 4
"""Rosters that an answer brings: each is a content of its own (ROOM-51)."""
SOUGHT_MS: Final = 86_400_000
"""For how long a joiner asks for what may come before the beginning of a chain (TRN-11)."""
Range = tuple[DeviceTag, int, int]


class Asking(RoomPart):
    """Gaps after a minute, wants at the times of ROOM-22, answers at once."""

    # --- what we miss ---

    def plan(self, turn: Turn) -> None:
        """Ask in a minute for what has begun to be missing, and forget what has come."""
        live = self._live
        ranges = self._ranges(turn)
        if not ranges:
            live.asking = Asks()
        elif live.asking.due_ms is None or not _covers(live.asking.ranges, ranges):
            due_ms = turn.now_ms + GAP_AFTER_MS
            if live.asking.due_ms is not None:
                due_ms = min(due_ms, live.asking.due_ms)
            live.asking = Asks(ranges, live.asking.asked_ms, 0, due_ms)
        self._show(turn)

    def _ranges(self, turn: Turn) -> tuple[Range, ...]:
        held = bool(self._still(self._room.states.orphans())) or self._lacks_state()
        found = transcript.wanted(self._live.view) if self._live.is_recipient or held else []
        found = [*self._below_early(), *found, *self._below_beginnings(turn)]
        if held:
            found = [*self._steward_ranges(turn), *found]
        found = [*self._without_roster(), *found]
        return tuple(found[:MAX_WANTED])

    def _lacks_state(self) -> bool:
        """Whether an entry that is held early names a state that is not here (TRN-33)."""
        named = {Header.decode(one.header).state for one in self._live.early}
        return any(one is not None and one not in self._room.states.room.states for one in named)

    def _without_roster(self) -> Iterator[Range]:
        """The states that are held because their roster is not known: an answer brings it; of each author in
        turn (ROOM-51, ROOM-53).
        """
        turns = Counter[DeviceId]()

        def turn_of(one: WrittenState) -> int:
            turns[one.author] += 1
            return turns[one.author]

        for one in sorted(self._still(self._room.states.without_roster()), key=turn_of)[:MAX_ROSTERS]:
            yield device_tag(self._live.room_id, one.author), one.n, one.n

    def _still(self, held: Iterable[WrittenState]) -> list[WrittenState]:
        """Those of some held states that have not been given up (ROOM-53)."""
        over = {one.hash for one in self._live.sought if one.is_over}
        return [one for one in held if one.hash not in over]

    def _below_early(self) -> Iterator[Range]:
        """The numbers before an entry that is held early: the state that names its author is among them."""
        view, lowest = self._live.view, dict[DeviceTag, int]()
        for one in self._live.early:
            tag, n = device_tag(self._live.room_id, one.device_id), Header.decode(one.header).n
            lowest[tag] = min(n, lowest.get(tag, n))
        for tag, n in lowest.items():
            start = max((one.last + 1 for one in view.chain(tag).intervals if one.last < n), default=0)
            if start < n:
                yield tag, start, n - 1

    def _below_beginnings(self, turn: Turn) -> Iterator[Range]:
        """The numbers before the beginning of a joiner's chain, for a day: its author may have followed
        another state with us before (TRN-11).
        """
        live = self._live
        if not live.view.late or not live.is_recipient or self._around.side is not Side.COMPANY:
            return
        for tag, chain in live.view.chains.items():
            first = next((one for one in chain.intervals if one.first == chain.floor), None)
            is_new = first is not None and turn.now_ms - first.since_ms < SOUGHT_MS
            n = before_floor(chain)
            if tag != live.view.us and is_new and n >= 0 and self._may_begin_before(turn, tag, chain):
                yield tag, max(0, n - MAX_WANTED + 1), n

    def _may_begin_before(self, turn: Turn, tag: DeviceTag, chain: Chain) -> bool:
        """Whether a state is known with us that the author may have followed before its first entry."""
        states, us = self._room.states, self._around.us
        held = None if chain.floor is None else self._room.log.held(turn, tag, chain.floor)
        stored = None if held is None else self._room.log.find(turn, held.hash)
        if held is None or held.prev is None or stored is None:
            return False
        known = states.room.states
        return any(
            one.hash != stored.followed
            and states.received_then(us, one.hash)
            and all(before.hash != stored.followed for before in path_to(one, known))
            for one in known.values()
        )

    def _steward_ranges(self, turn: Turn) -> Iterator[Range]:
        """The numbers of stewards that are not here: among them is a state that another one needs."""
        view = self._live.view
        for one in self._room.states.stewards(turn.now_ms):
            tag, start = device_tag(self._live.room_id, one), 0
            for interval in view.chain(tag).intervals if tag != view.us else ():
                if interval.first > start:
                    yield tag, start, interval.first - 1
                start = interval.last + 1
            if tag != view.us and start <= MAX_MS:
                yield tag, start, MAX_MS

    def due_ms(self) -> int | None:
        """Return when we ask next."""
        return self._live.asking.due_ms

    def tick(self, turn: Turn) -> None:
        """Ask, and after seven days no longer (TRN-13)."""
        live = self._live
        live.view, over = transcript.give_up(live.view, turn.now_ms)
        for gap in over:
            device = self._room.findings.device_of(gap.tag)
            self._around.tell(turn, GapShown(live.room_id, device, gap.first, gap.last, given_up=True))
        self._count_held(turn)
        ranges = self._ranges(turn)
        if not ranges:
            live.asking = Asks()
            return
        times = live.asking.times + 1
        live.asking = Asks(ranges, turn.now_ms, times, repeat_due_ms(turn.now_ms, times))
        below = tuple(self._below_refused(turn))[:MAX_WANTED] if times % 2 == 0 else ()
        whom = self._whom(turn, ranges)
        self._ask(turn, below or ranges, [one for one in whom if one.account_id == live.customer])
        self._ask(turn, ranges, [one for one in whom if one.account_id != live.customer])

    def ask(self, turn: Turn, ranges: tuple[Range, ...], of: Collection[DeviceId] | None) -> None:
        """Ask the devices of the room, or some of them, for these numbers, missing or not (ROOM-86)."""
        whom = self._whom(turn, ranges)
        self._ask(turn, ranges, [one for one in whom if of is None or one.device_id in of])

    def _ask(self, turn: Turn, ranges: tuple[Range, ...], whom: list[Author]) -> None:
        live = self._live
        if not whom:
            return
        live.asked = tuple(dict.fromkeys((*ranges, *live.asked)))[:MAX_ASKED]
        payload = OfRooms(ContentType.SIGNAL, encode_signal(live.room_id, Want(ranges)))
        self._around.signal(turn, payload, whom)

    def _below_refused(self, turn: Turn) -> Iterator[Range]:
        """The numbers below those of which a customer gives what is not taken: an erasure may stand there
        (CNS-93).
        """
        for gap in transcript.gaps(self._live.view, turn.now_ms, 0):
            lowest = self._room.refused_from.get(gap.tag, 0)
            if gap.first < lowest <= gap.last:
                yield gap.tag, max(gap.first, lowest - MAX_WANTED), lowest - 1

    def _count_held(self, turn: Turn) -> None:
        """Count the questions of each held state, and ask no longer for what it lacks after enough of them
        (ROOM-53).
        """
        live, kept = self._live, list[Sought]()
        known = {one.hash: one for one in live.sought}
        for one in self._room.states.held():
            before = known.get(one.hash, Sought(one.hash, turn.now_ms, 0))
            since_ms = min(before.since_ms, turn.now_ms)
            is_over = before.times >= SOUGHT_TIMES and turn.now_ms - since_ms >= GIVEN_UP_AFTER_MS
            if is_over and not before.is_over:
                self._around.tell(turn, GapShown(live.room_id, one.author, one.n, one.n, given_up=True))
            kept.append(Sought(one.hash, since_ms, before.times + 1, is_over or before.is_over))
        live.sought = tuple(kept)

    def _whom(self, turn: Turn, ranges: Iterable[Range]) -> list[Author]:
        """The devices of the room, and those in force whose entries are missing, members or not (TRN-14)."""
        states, live = self._room.states, self._live
        authors = {self._room.findings.device_of(tag) for tag, _, _ in ranges} & set(
            states.ranks(turn.now_ms)
        )
        # Members and stewards: of who has left nothing is asked.
        found = states.recipients(Kind.ACT, turn.now_ms)
        more = [Author(live.company, one) for one in sorted(authors)]
        return [*found, *(one for one in more if one not in (*found, self._around.us))]

    def _show(self, turn: Turn) -> None:
        """Tell of gaps that are a minute old, once each, and of those that have been filled."""
        live = self._live
        found = transcript.gaps(live.view, turn.now_ms) if live.is_recipient else []
        shown = dict(live.shown_gaps)
        for gap in found:
            if shown.get(gap.tag, -1) < gap.last:
                device = self._room.findings.device_of(gap.tag)
                self._around.tell(turn, GapShown(live.room_id, device, gap.first, gap.last))
                shown[gap.tag] = gap.last
        for tag in set(shown) - {gap.tag for gap in found}:
            self._around.tell(turn, GapClosed(live.room_id, self._room.findings.device_of(tag)))
            del shown[tag]
        live.shown_gaps = tuple(shown.items())

    def answered(self, turn: Turn) -> None:
        """An answer brought something: ask for the rest soon."""
        live = self._live
        if live.asking.due_ms is not None:
            due_ms = min(live.asking.due_ms, turn.now_ms + AGAIN_AFTER_MS)
            live.asking = live.asking._replace(due_ms=due_ms)

    def again(self, turn: Turn) -> None:
        """We are back: ask for what is missing, as if for the first time."""
        if self._live.asking.due_ms is not None:
            self._live.asking = self._live.asking._replace(times=0, due_ms=turn.now_ms)

    # --- what others miss ---

    def answer(self, turn: Turn, asker: Author, ranges: Iterable[Range]) -> None:
        """Answer a want with what the asker may have, at most 8 times a minute (TRN-15).

        Raises:
            BudgetExceeded.
        """
        budget = self._room.asked_by
        budget[asker] = budget.get(asker, Asked()).again(turn.now_ms)
        asked = list(ranges)
        given = answer(list(self._shares(turn, asker, asked)))
        if given:
            self._vouch(turn, given, asker, asked)
            self._room.forwarding.forward(turn, given[::-1], asker)

    def _vouch(self, turn: Turn, given: Iterable[Entry], asker: Author, asked: Iterable[Range]) -> None:
        """Give what the states of an answer are judged by, of four known rosters at most, in the order of the
        question: what is held for its roster stands first in it (ROOM-51).
        """
        states = self._room.states
        known, hashes = states.room.states, {one.hash for one in given}
        unknown = {one.state.roster for one in states.without_roster()}
        found = dict[RosterRef, State]()
        for tag, first, last in asked:
            for one in (known[entry_hash] for entry_hash in known if entry_hash in hashes):
                is_asked = device_tag(self._live.room_id, one.author) == tag and first <= one.n <= last
                if is_asked and one.state.roster not in unknown:
                    found.setdefault(one.state.roster, one.state)
        self._room.forwarding.vouch(turn, list(found.values())[:MAX_VOUCHED], asker)

    def _shares(self, turn: Turn, asker: Author, ranges: Iterable[Range]) -> Iterator[tuple[Entry, Share]]:
        asked, log, seen = list(ranges), self._room.log, set[bytes]()
        for written in self._room.states.room.states.values():
            tag = device_tag(self._live.room_id, written.author)
            stored = log.find(turn, written.hash)
            if stored is not None and any(t == tag and a <= written.n <= b for t, a, b in asked):
                seen.add(stored.hash)
                yield log.entry(turn, stored), self._share(turn, asker, stored, Kind.STATE)
        for stored in self._numbered(turn, asked):
            entry = log.entry(turn, stored)
            if stored.hash not in seen:
                yield entry, self._share(turn, asker, stored, entry.header.kind)

    def _numbered(self, turn: Turn, asked: Iterable[Range]) -> Iterator[StoredEntry]:
        """Entries that are here of the numbers that are asked for, from the newest one down."""
        left, log = MAX_LOOKED_AT, self._room.log
        for tag, first, last in asked:
            for interval in reversed(self._live.view.chain(tag).intervals):
                n = min(last, interval.last)
                while n >= max(first, interval.first) and left > 0:
                    left -= 1
                    held = log.held(turn, tag, n)
                    stored = None if held is None else log.find(turn, held.hash)
                    if stored is not None and not stored.is_aside:
                        yield stored
                    n -= 1

    def _share(self, turn: Turn, asker: Author, stored: StoredEntry, kind: int) -> Share:
        states = self._room.states
        is_company = asker.account_id == self._live.company
        # What was posted to the asker and is not confirmed was meant for it, whatever list its state had.
        was_sent = stored.author == self._around.us and asker.device_id in stored.waiting_for
        is_own = is_company and asker == stored.author
        then = is_own or was_sent or states.received_then(asker, stored.followed)
        may_read = not stored.is_hidden and not (
            stored.is_marked and is_company and not self._is_cleared(turn, asker)
        )
        if self._around.side is Side.CUSTOMER and is_company and kind in CONTENT:
            may_read = may_read and self._leaves(turn, stored)
        now = states.receives(asker, kind, turn.now_ms)
        return share(kind, recipient_now=now, recipient_then=then or kind in GROUND, may_read=may_read)

    def _leaves(self, turn: Turn, stored: StoredEntry) -> bool:
        """Whether a content may leave the customer: not what its person was told has failed, or what stands
        before a withdrawal (TRN-15).
        """
        is_ours = stored.author == self._around.us
        has_failed = is_ours and progress_of(self._live, stored) is EntryProgress.FAILED
        return not has_failed and not self._room.states.is_taken_back(turn, stored)

    def _is_cleared(self, turn: Turn, device: Author) -> bool:
        member = self._around.team(self._live.company, turn.now_ms).members.get(device.device_id)
        return member is not None and member.is_cleared


def _covers(asked: Iterable[Range], ranges: Iterable[Range]) -> bool:
    """Whether all that is missing stands in what we ask for already."""
    known = list(asked)
    return all(any(t == tag and a <= first and last <= b for t, a, b in known) for tag, first, last in ranges)
