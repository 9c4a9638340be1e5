"""Our own entries: links, the state that we follow, recipients, restarts (TRN-05 to TRN-07, ROOM-15)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Final

from e2ee.errors import IdentityMismatch, NotMember, RemoteError, RoomErased, TooMany
from e2ee.ids import DeviceId
from e2ee.rooms import transcript
from e2ee.rooms.entry import (
    BLIND_B,
    Author,
    DeviceTag,
    Entry,
    EntryHash,
    Header,
    carrier,
    make_header,
    write_entry,
)
from e2ee.rooms.kinds import CONTENT, Kind, Side, check_writer
from e2ee.rooms.payloads import EntryPayload, encode_payload
from e2ee.rooms.room import Admission, admit
from e2ee.rooms.state import DESK, Phase, State
from e2ee.rooms.transcript import Held
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import DeviceListOver
from e2ee_client.room_events import ChainRestarted, EntryProgress, EntryState

from .entry_log import StoredEntry
from .erasing import kind_of
from .records import LiveRoom
from .room_part import RoomPart
from .states import MAX_UNANSWERED

if TYPE_CHECKING:
    from .room_engine import RoomEngine

RESTART_MS: Final = 86_400_000
AGAIN_MS: Final = 3_600_000
"""What a device has lost is not posted to it again for so long, unless something is written (ROOM-64)."""
MAX_UNSENT: Final = 256
MAX_UNDER_WAY: Final = 64
_ALWAYS: Final = frozenset({Kind.OPEN, Kind.CONSENT, Kind.WITHDRAW, Kind.ERASE, Kind.MARK})
"""What is written however much waits (ROOM-55)."""


class Writing(RoomPart):
    """Each entry is written once, stored, and posted to whoever is a recipient then."""

    def __init__(self, room: RoomEngine) -> None:
        super().__init__(room)
        self._lost: dict[tuple[EntryHash, DeviceId], int] = {}

    def write(self, turn: Turn, payload: EntryPayload) -> EntryHash:
        """Write an entry of ours, and post it; without a recipient it waits, unsealed (ROOM-15).

        Raises:
            RemoteError: the phase or our side lets it not pass, we are not in the room (ROOM-58),
                or too many wait (ROOM-55).
            InvalidArgument: outside chapter 17, or an answer that does not fit.
            UnknownEntry: what it is about is not here (TRN-45).
            DeviceReplacedError, SecondCopyError: this device writes nothing more (ACC-67, ID-48).
            DeviceListOver: no content but a file, until its list is renewed (ID-65).
        """
        live, kind = self._live, int(payload.kind)
        self._around.check_goes_on()
        if kind in CONTENT and kind != Kind.FILE:
            # A file was accepted when it began to be sealed (`Files.check`).
            self._around.check_listed(turn)
        check_writer(kind, self._around.side)
        self._room.states.check_ours(kind, turn.now_ms)
        self._check_member(turn, kind)
        self._check_waiting(turn, kind)
        self._room.about.check_ours(turn, payload)
        entry, view = self._make(turn, payload)
        self._room.erasing.check(turn, entry, payload)
        if kind != Kind.MARK and self.begin_anew(turn, by_person=True):
            self._room.opened_anew(turn)
        if live.restarts:
            by_person, device_id = not self.can_write(turn), entry.author.device_id
            live.restarts, live.restarted_ms = False, turn.now_ms
            event = ChainRestarted(live.room_id, device_id, entry.header.n, needs_person=by_person)
            self._around.tell(turn, event)
        live.view, live.named = view, entry.header.state or live.named
        if kind == Kind.OPEN:
            live.root = live.root_content = entry.hash
        elif kind == Kind.STATE:
            live.named = entry.hash
        self._room.taking.keep(turn, entry, payload)
        if isinstance(payload, State):
            self._vouch(turn, payload)
        if kind != Kind.MARK:
            self._lost.clear()
        if kind != Kind.OPEN:
            self.post_unsent(turn)
            self.post(turn, entry.hash)
        return entry.hash

    def _check_member(self, turn: Turn, kind: int) -> None:
        """Refuse content in a room that this device is not in: nobody would take it (ROOM-58)."""
        around, states = self._around, self._room.states
        ranks = states.ranks(turn.now_ms) if around.side is Side.COMPANY and kind in CONTENT else {}
        us = around.us.device_id
        if us in ranks and admit(states.room, us, kind, ranks) is not Admission.TAKEN:
            raise NotMember("no state names this device as a member of the room")

    def _vouch(self, turn: Turn, state: State) -> None:
        """Give the recipients of a state of ours what it is judged by, ahead of it, where the state before
        names another roster: who is away for days meets only a later one in the directory (ROOM-10, ROOM-51).
        """
        states = self._room.states
        before = None if state.parent is None else states.room.states.get(state.parent)
        if before is None or before.state.roster != state.roster:
            for one in states.recipients(Kind.STATE, turn.now_ms):
                self._room.forwarding.vouch(turn, [state], one)

    def can_write(self, turn: Turn) -> bool:
        """Whether an entry may be written now that no person has asked for: our chain begins anew by itself
        once in a day (TRN-07).
        """
        if self._around.is_stopped:
            return False
        return not self._live.restarts or turn.now_ms - self._live.restarted_ms >= RESTART_MS

    def _make(self, turn: Turn, payload: EntryPayload) -> tuple[Entry, transcript.View]:
        live, around, kind = self._live, self._around, int(payload.kind)

        def held(tag: DeviceTag, n: int) -> Held | None:
            return self._room.log.held(turn, tag, n)

        seen, view = transcript.links(live.view, held)
        if live.restarts:
            n, prev = transcript.restart_number(view, turn.now_ms), None
        else:
            n, prev = transcript.next_place(view, held)
        if kind == Kind.OPEN:
            seen = ()
        head = self._room.states.room.head
        is_new = head is not None and head.hash != live.named and kind not in (Kind.OPEN, Kind.STATE)
        state = head.hash if head is not None and is_new else None
        header = make_header(live.room_id, kind, n, turn.now_ms, prev=prev, seen=seen, state=state)
        key = around.key if around.side is Side.COMPANY else None
        return write_entry(around.us, header, encode_payload(payload), around.rng(BLIND_B), key), view

    # --- to whom ---

    def post(self, turn: Turn, entry_hash: EntryHash, to: list[Author] | None = None) -> None:
        """Post an entry of ours to its recipients; without one of the company it waits (ROOM-15)."""
        live, log = self._live, self._room.log
        stored = log.find(turn, entry_hash)
        if stored is None:
            return
        entry = log.entry(turn, stored)
        if entry.body is None:
            return
        found = self._room.states.recipients(entry.header.kind, turn.now_ms) if to is None else to
        is_waiting = self._around.side is Side.CUSTOMER and all(
            one.account_id != live.company for one in found
        )
        if is_waiting:
            self._wait(turn, entry_hash)
        if not is_waiting and found:
            self._around.tell(turn, EntryState(live.room_id, entry_hash, EntryProgress.SENT))
        stored.waiting_for = tuple(one.device_id for one in found)
        log.put(turn, stored)
        if found:
            self._around.post(turn, carrier(entry), found)

    def post_unsent(self, turn: Turn) -> None:
        """Post what has waited for a recipient, in order, each to whom its kind goes then (ROOM-52), but what
        all of these have lost just now (ROOM-64).
        """
        live, kept, served = self._live, list[EntryHash](), dict[int, list[Author]]()
        unsent, live.unsent = live.unsent, ()
        for one in unsent:
            stored = self._room.log.find(turn, one)
            if stored is None or self._has_failed(turn, stored):
                continue
            kind = kind_of(stored)
            to = served[kind] if kind in served else served.setdefault(kind, self._company(turn, kind))
            if all(self._has_lost(turn, one, author.device_id) for author in to):
                kept.append(one)
                continue
            self.post(turn, one, to)
            if kind in (Kind.ERASE, Kind.WITHDRAW):
                self._room.erasures.reached(turn, one, [author.device_id for author in to])
        live.unsent = (*kept, *live.unsent)

    def begin_anew(self, turn: Turn, *, by_person: bool = False) -> bool:
        """Let our `open`, and behind it our acts, wait ahead of all else where all who heard us are struck
        off, and the room is open or frozen or a person writes there (ROOM-75); whether they do.
        """
        live, states, root = self._live, self._room.states, self._live.root
        is_going_on = by_person or states.condition().phase in (Phase.OPEN, Phase.FROZEN)
        if root is None or root in live.unsent or not is_going_on or not self._is_deserted(turn, root):
            return False
        acts = self._room.log.several(turn, tuple(one.hash for one in states.room.acts))
        ours = [one.hash for one in acts if one.author == self._around.us][-MAX_UNANSWERED:]
        live.unsent = tuple(dict.fromkeys((root, *ours, *live.unsent)))
        return True

    def _is_deserted(self, turn: Turn, root: EntryHash) -> bool:
        around, states = self._around, self._room.states
        stored = self._room.log.find(turn, root)
        if around.side is Side.COMPANY or stored is None or stored.author != around.us:
            return False
        ranks, state = states.ranks(turn.now_ms), states.state
        members = () if state is None else state.members
        listed = states.room.known().intersection(around.devices(self._live.company))
        if any(one in members or ranks.get(one, DESK) >= DESK for one in listed):
            return False
        return any(rank >= DESK for rank in ranks.values())

    def _has_lost(self, turn: Turn, entry_hash: EntryHash, device_id: DeviceId) -> bool:
        lost_ms = self._lost.get((entry_hash, device_id))
        return lost_ms is not None and 0 <= turn.now_ms - lost_ms < AGAIN_MS

    def due_ms(self, turn: Turn) -> int | None:
        """Return when what was lost is posted again (ROOM-64)."""
        due = [at_ms + AGAIN_MS for (one, _), at_ms in self._lost.items() if one in self._live.unsent]
        return min((at_ms for at_ms in due if turn.now_ms < at_ms), default=None)

    def _has_failed(self, turn: Turn, stored: StoredEntry) -> bool:
        """Tell of a content that waits and does not go: it was erased, or the phase lets it not pass any more
        (ROOM-52).
        """
        code = RoomErased.code if stored.is_hidden else ""
        try:
            self._room.states.check_ours(kind_of(stored), turn.now_ms)
        except RemoteError as error:
            code = code or error.code
        if code:
            event = EntryState(self._live.room_id, stored.hash, EntryProgress.FAILED, code=code)
            self._around.tell(turn, event)
        return bool(code)

    def _check_waiting(self, turn: Turn, kind: int) -> None:
        """Refuse what would wait beside too many others (ROOM-55).

        Raises:
            TooMany.
        """
        if len(self._live.unsent) >= MAX_UNSENT and kind not in _ALWAYS and not self._company(turn, kind):
            raise TooMany("too many entries wait for somebody of the company")

    def _company(self, turn: Turn, kind: int) -> list[Author]:
        found = self._room.states.recipients(kind, turn.now_ms)
        return [one for one in found if one.account_id == self._live.company]

    def post_to_newcomers(self, turn: Turn) -> None:
        """Post what was under way when the room was given to others to those who have it now, and our orders
        to erase and marks (ROOM-35, ROOM-61).
        """
        states = self._room.states
        newcomers, states.newcomers = states.newcomers, ()
        for stored in (*self._under_way(turn), *self._orders(turn)) if newcomers else ():
            self._give(turn, stored, [one for one in newcomers if not self._was_meant(stored, one)])

    def post_to_returned(self, turn: Turn) -> None:
        """Post our orders and, while the consent counts, our newest address and sign-out to who is in force
        again, after the states up to the one in force: a hold stands above an order (ROOM-65).
        """
        states = self._room.states
        returned = states.returned(turn.now_ms)
        if not returned:
            return
        is_over = states.condition().phase in (Phase.WITHDRAWN, Phase.ERASED)
        if self._gives_states(turn, returned):
            informed = self._live.informed
            self._live.informed = tuple(one for one in informed if one[0] not in returned)
            for one in returned:
                self._room.forwarding.inform(turn, self._author(one))
                if not is_over:
                    self._room.forwarding.give_login(turn, self._author(one))
        newest = () if is_over else self._room.erasing.own_newest(turn)
        for stored in (*self._orders(turn), *newest):
            served = states.recipients(kind_of(stored), turn.now_ms)
            self._give(turn, stored, [one for one in returned if self._author(one) in served])

    def _gives_states(self, turn: Turn, returned: list[DeviceId]) -> bool:
        """Whether we have written the state in force, or something is on hold: then each device of the
        company that has the room and was not out gives them, as any other may be away.
        """
        us, states = self._around.us.device_id, self._room.states
        head = states.room.head
        if head is None or us in returned:
            return False
        has_room = us in head.state.members or self._room.stewarding.place(turn) is not None
        return us == head.author or (states.condition().keeps and has_room)

    def _give(self, turn: Turn, stored: StoredEntry, devices: Iterable[DeviceId]) -> None:
        passed_over = {self._around.us.device_id, *stored.waiting_for}
        to = [one for one in devices if one not in passed_over]
        if to:
            self._post_again(turn, stored, [self._author(one) for one in to])
            self._room.erasures.reached_too(turn, stored.hash, to)

    def _under_way(self, turn: Turn) -> list[StoredEntry]:
        """Return the contents that a customer's device gives to who is new; what is K's is history."""
        if self._around.side is Side.COMPANY:
            return []
        passes = {kind for kind in CONTENT if self._room.states.lets_pass(kind, turn.now_ms)}
        newest = self.own_newest(turn, passes) if passes else []
        return [one for one in newest if self._is_under_way(turn, one)]

    def _orders(self, turn: Turn) -> list[StoredEntry]:
        """Return our erasures and marks for who is new, if that takes them of us (ROOM-16, ROOM-61)."""
        state, us = self._room.states.state, self._around.us.device_id
        is_heard = self._around.side is Side.CUSTOMER or (state is not None and us in state.members)
        return self._room.erasing.own_orders(turn) if is_heard else []

    def _was_meant(self, stored: StoredEntry, device_id: DeviceId) -> bool:
        return self._room.states.received_then(self._author(device_id), stored.followed)

    def _author(self, device_id: DeviceId) -> Author:
        return Author(self._live.company, device_id)

    def own_newest(self, turn: Turn, kinds: Collection[int]) -> list[StoredEntry]:
        """Our newest entries of some kinds that may be read, in their order."""
        log, view, found = self._room.log, self._live.view, list[StoredEntry]()
        left = MAX_UNDER_WAY
        for interval in reversed(view.chain(view.us).intervals):
            for n in range(interval.last, max(interval.first - 1, interval.last - left), -1):
                left -= 1
                held = log.held(turn, view.us, n)
                stored = None if held is None else log.find(turn, held.hash)
                if stored is not None and not stored.is_hidden and not stored.is_marked:
                    found.append(stored)
        return [one for one in found[::-1] if Header.decode(one.header).kind in kinds]

    def _is_under_way(self, turn: Turn, stored: StoredEntry) -> bool:
        """Whether nobody of the company has confirmed an entry, or it stands after the state in force; not
        what was said before a withdrawal.
        """
        if self._room.states.is_taken_back(turn, stored):
            return False
        head = self._room.states.room.head
        state = None if head is None else self._room.log.find(turn, head.hash)
        is_after = state is not None and (stored.k, stored.hash) > (state.k, state.hash)
        return is_after or not stored.is_delivered

    def _post_again(self, turn: Turn, stored: StoredEntry, to: list[Author]) -> None:
        entry = self._room.log.entry(turn, stored)
        if entry.body is not None:
            devices = dict.fromkeys((*stored.waiting_for, *(one.device_id for one in to)))
            stored.waiting_for = tuple(devices)
            self._room.log.put(turn, stored)
            self._around.post(turn, carrier(entry), to)

    # --- how far they have come ---

    def confirmed(self, turn: Turn, stored: StoredEntry, device_id: DeviceId) -> None:
        """A device has an entry of ours on disk."""
        stored.waiting_for = tuple(one for one in stored.waiting_for if one != device_id)
        stored.is_delivered = stored.is_delivered or device_id not in self._room.states.own_devices()
        self._room.log.put(turn, stored)
        event = EntryState(stored.room_id, stored.hash, EntryProgress.DELIVERED, device_id)
        self._around.tell(turn, event)

    def failed(self, turn: Turn, stored: StoredEntry, device_id: DeviceId, code: str) -> None:
        """An entry of ours will not reach a device. Where it is for nobody, a content has failed
        (TRN-57), and what is no content waits (ROOM-64).
        """
        stored.waiting_for = tuple(one for one in stored.waiting_for if one != device_id)
        self._room.log.put(turn, stored)
        is_company, is_content = self._around.side is Side.COMPANY, kind_of(stored) in CONTENT
        waits = not (stored.is_hidden or is_content or is_company)
        is_for_nobody = self._is_for_nobody(turn, stored, device_id)
        if waits or is_company:
            self._lost[stored.hash, device_id] = turn.now_ms
        if is_for_nobody and waits:
            self._wait(turn, stored.hash)
        elif is_for_nobody and is_content:
            event = EntryState(stored.room_id, stored.hash, EntryProgress.FAILED, device_id, code)
            self._around.tell(turn, event)

    def not_sent(self, turn: Turn, stored: StoredEntry, device_id: DeviceId) -> None:
        """An entry of ours has not left for a device that was struck off; one that is then for nobody waits
        for those in force (ID-28), or has failed.
        """
        stored.waiting_for = tuple(one for one in stored.waiting_for if one != device_id)
        if not self._is_for_nobody(turn, stored, device_id):
            self._room.log.put(turn, stored)
        elif self._waits(turn, stored):
            self._room.log.put(turn, stored)
            self._wait(turn, stored.hash)
        else:
            self.failed(turn, stored, device_id, IdentityMismatch.code)

    def _is_for_nobody(self, turn: Turn, stored: StoredEntry, device_id: DeviceId) -> bool:
        """Whether no device of the other side has an entry, or may get it, after this one (TRN-57)."""
        customers = self._room.states.customers()
        if self._around.side is Side.COMPANY and device_id in customers:
            others = [one for one in customers if one != device_id]
            is_open = any(one in stored.waiting_for for one in others)
            return not is_open and all(self._has_lost(turn, stored.hash, one) for one in others)
        own = self._room.states.own_devices()
        is_open = any(one not in own for one in stored.waiting_for)
        return not (stored.is_delivered or device_id in own or is_open)

    def _waits(self, turn: Turn, stored: StoredEntry) -> bool:
        """Whether an entry may wait for a recipient: a customer's that the phase lets pass (ROOM-15)."""
        kind = Header.decode(stored.header).kind
        return self._around.side is Side.CUSTOMER and self._room.states.lets_pass(kind, turn.now_ms)

    def _wait(self, turn: Turn, entry_hash: EntryHash) -> None:
        live = self._live
        if entry_hash not in live.unsent:
            live.unsent = (*live.unsent, entry_hash)
            self._around.tell(turn, EntryState(live.room_id, entry_hash, EntryProgress.WAITING))

    def write_quietly(self, turn: Turn, payload: EntryPayload) -> bool:
        """Write an entry that follows from another one, if it may be written now (also ID-65)."""
        if not self.can_write(turn):
            return False
        try:
            self.write(turn, payload)
        except (RemoteError, DeviceListOver):
            return False
        return True


def progress_of(live: LiveRoom, stored: StoredEntry) -> EntryProgress:
    """Return how far an entry of ours has come."""
    if stored.is_delivered:
        return EntryProgress.DELIVERED
    if stored.hash in live.unsent:
        return EntryProgress.WAITING
    return EntryProgress.SENT if stored.waiting_for else EntryProgress.FAILED
