"""One room on this device: its parts, what comes in, what is due (chapters 16 to 18)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from e2ee.constants import CONTENT_ID_B
from e2ee.content import Content, ContentType, OfRooms
from e2ee.errors import ConsentRequired, ContentError, NoRight
from e2ee.ids import AccountId, DeviceId
from e2ee.rooms import gate
from e2ee.rooms.customer import Given
from e2ee.rooms.entry import Author, DeviceTag, Entry, EntryHash, RoomId, decode_entry, device_tag
from e2ee.rooms.forward import Asked
from e2ee.rooms.kinds import Kind, Side
from e2ee.rooms.payloads import EntryPayload, Open, read_payload
from e2ee.rooms.signals import (
    Held,
    NoLongerWaiting,
    Request,
    RequestKind,
    Signal,
    Typing,
    Waiting,
    Want,
    decode_signal,
)
from e2ee.rooms.state import DESK
from e2ee.rooms.transcript import View
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import StoreCorrupt
from e2ee_client.room_events import FileHeld, WaitingChanged

from .about import AboutOthers, Abouts
from .asking import Asking
from .catching_up import CatchingUp
from .consent import RoomConsents
from .deciding import Deciding
from .entry_log import EntryLog
from .erasing import Erasing
from .erasures import Erasures
from .findings import Findings
from .forwarding import Forwarding
from .freezing import Freezing
from .identifying import Identifying
from .marks import Marks
from .passing_on import PassingOn
from .records import LiveRoom, RoomIndex
from .requests import Requests
from .retaining import Retaining
from .states import States
from .stewarding import Change, Stewarding
from .surroundings import Surroundings
from .taking import Taking
from .taking_back import TakingBack
from .writing import AGAIN_MS, Writing

TICK_APART_MS: Final = 1_000


class RoomEngine:
    """All that one device does with one room. Every call that changes something ends with `settle`."""

    def __init__(self, around: Surroundings, requests: Requests, live: LiveRoom, index: RoomIndex) -> None:
        self.around, self.requests, self.live, self.index = around, requests, live, index
        self.shares = self.moved = False
        self.sweeps_ms: int | None = None
        self.asked_by: dict[Author, Asked] = {}
        self.refused_from: dict[DeviceTag, int] = {}  # the lowest number of what a customer gave in vain
        self.log = EntryLog(around.rows, live.room_id, around.rng)
        self.abouts = Abouts(around.rows, live.room_id, self.log)
        self.about = AboutOthers(self)
        self.states = States(self)
        self.taking = Taking(self)
        self.findings = Findings(self)
        self.writing = Writing(self)
        self.asking = Asking(self)
        self.catching_up = CatchingUp(self)
        self.forwarding = Forwarding(self)
        self.stewarding = Stewarding(self)
        self.deciding = Deciding(self)
        self.consent = RoomConsents(self)
        self.erasing = Erasing(self)
        self.erasures = Erasures(self)
        self.retaining = Retaining(self)
        self.marks = Marks(self)
        self.passing = PassingOn(self)
        self.taking_back = TakingBack(self)
        self.freezing = Freezing(self)
        self.identifying = Identifying(self)

    @classmethod
    def create(
        cls,
        around: Surroundings,
        requests: Requests,
        room_id: RoomId,
        company: AccountId,
        customer: AccountId | None,
        *,
        late: bool = False,
    ) -> RoomEngine:
        """Return a room that is not stored yet; `late` for a device that joins an opened one."""
        view = View(device_tag(room_id, around.us.device_id), late)
        live = LiveRoom(room_id, company, customer, view)
        return cls(around, requests, live, RoomIndex(room_id, company, customer))

    @classmethod
    def load(cls, around: Surroundings, requests: Requests, turn: Turn, room_id: RoomId) -> RoomEngine:
        """Return a stored room.

        Raises:
            StoreCorrupt: it is not there.
        """
        rows = [turn.read(around.rows, kind.TABLE, room_id) for kind in (LiveRoom, RoomIndex)]
        if rows[0] is None or rows[1] is None:
            raise StoreCorrupt("a room is missing")
        live, index = LiveRoom.decode(room_id, rows[0]), RoomIndex.decode(room_id, rows[1])
        room = cls(around, requests, live, index)
        room.states.load(turn)
        room.shares = room.moved = False
        return room

    # --- how a room begins ---

    def open(self, turn: Turn, nonce: bytes, given: Given) -> EntryHash:
        """Open the room as its customer: the first entry, with the receipt (ROOM-01, ROOM-21)."""
        found = self.writing.write(turn, Open(nonce, self.consent.receipt(given)))
        self._opened(turn, found)
        self.writing.post(turn, found)
        self.settle(turn)
        return found

    def open_notes(self, turn: Turn) -> EntryHash:
        """Write the first state of a room of notes, as a steward (ROOM-02, ROOM-06)."""
        found = self.stewarding.change(turn, Change(add=(self.around.us.device_id,)))
        self.settle(turn)
        return found

    def opened(self, turn: Turn, author: Author, content: Content) -> None:
        """Take the `open` of a room that is not known yet: at a desk (CNS-15), or at another device of the
        customer.

        Raises:
            RemoteError: refused; nothing of it stays.
        """
        entry = decode_entry(content, author, None)
        self.check_accounts(entry)
        ranks = self.states.ranks(turn.now_ms)
        if self.around.side is Side.COMPANY and ranks.get(self.around.us.device_id, -1) < DESK:
            raise ConsentRequired("a front desk opens rooms")
        self._begin(turn, entry)
        self.settle(turn)

    def _begin(self, turn: Turn, entry: Entry) -> None:
        payload = read_payload(entry)
        if not isinstance(payload, Open):
            raise ConsentRequired("the room has not been opened")
        self.consent.check(entry, payload)
        self.live.root = self.live.root_content = entry.hash
        self.taking.keep(turn, entry, payload)
        self._opened(turn, entry.hash)

    def _opened(self, turn: Turn, entry_hash: EntryHash) -> None:
        desks = self.states.stewards(turn.now_ms)
        self.live.root = self.live.root_content = entry_hash
        self.live.opened_ms, self.live.is_recipient = turn.now_ms, not self.live.view.late
        self._opened_to(turn, desks)
        self.forwarding.note_opened()

    def opened_anew(self, turn: Turn) -> None:
        """Our `open` waits, and goes to the desks that are in force now (ROOM-21, ROOM-75)."""
        if self.live.root is not None:
            self._opened(turn, self.live.root)

    def _opened_to(self, turn: Turn, desks: Sequence[DeviceId]) -> None:
        """Note to which desks the customer has sealed `open`; who is given it by a colleague is none of them
        until the customer sends it.
        """
        self.live.opened_to = tuple(desks)
        self.states.opened(turn)

    def joined(self, turn: Turn, by: Author, content: Content, opened: Entry) -> None:
        """Take a forward of a room that is not known yet: its `open` is the first line (ROOM-25).

        Raises:
            RemoteError: refused; nothing of it stays.
        """
        payload = read_payload(opened)
        if not isinstance(payload, Open):
            raise ConsentRequired("the room has not been opened")
        self.consent.check(opened, payload)
        self.live.root = self.live.root_content = opened.hash
        self.taking.begin_by_hearsay(turn, opened, payload, by)
        self._opened(turn, opened.hash)
        self._opened_to(turn, [one for one in self.live.opened_to if one != self.around.us.device_id])
        self.forwarding.note_given(turn, by)
        self.take(turn, by, content)

    # --- what we do ---

    def write(self, turn: Turn, payload: EntryPayload) -> EntryHash:
        """Write an entry of ours; raises what `Writing.write` raises."""
        found = self.writing.write(turn, payload)
        self.settle(turn)
        return found

    def change(self, turn: Turn, change: Change) -> EntryHash:
        """Write the next state, as a steward; raises what `Stewarding.change` raises."""
        found = self.stewarding.change(turn, change)
        self.settle(turn)
        return found

    def decide(self, turn: Turn, request_id: bytes, *, grant: bool) -> None:
        """Grant or refuse what a device has asked for; raises what `Deciding.decide` raises."""
        self.deciding.decide(turn, request_id, grant=grant)
        self.settle(turn)

    def wait_for(self, turn: Turn, team: str, language: str) -> None:
        """Say that the customer waits for somebody; raises what `Stewarding.wait_for` raises."""
        self.stewarding.wait_for(turn, team, language)
        self.settle(turn)

    def ask(
        self, turn: Turn, what: RequestKind, device_id: DeviceId | None = None, *, team: str | None = None
    ) -> bytes:
        """Ask the stewards in force for something (ROOM-22); returns the request's id."""
        stewards = self.states.stewards(turn.now_ms)
        return self.requests.ask(turn, self.live.room_id, stewards, what, device_id=device_id, team=team)

    def hand_over(self, turn: Turn, to: DeviceId, hashes: list[EntryHash], reason: str | None = None) -> int:
        """Hand history over, as a steward; raises what `Forwarding.hand_over` raises."""
        count = self.forwarding.hand_over(turn, to, hashes, reason)
        self.settle(turn)
        return count

    def give(self, turn: Turn, given: Given, *, reopens: bool) -> None:
        """Give a further receipt, as the customer."""
        self.consent.give(turn, given, reopens=reopens)
        self.settle(turn)

    def withdraw(self, turn: Turn, seq: int) -> None:
        """Withdraw the consent, as the customer."""
        self.consent.withdraw(turn, seq)
        self.settle(turn)

    # --- what comes ---

    def check_accounts(self, entry: Entry) -> None:
        """Refuse an entry of another room or of neither account (TRN-08, step 5).

        Raises:
            ContentError.
        """
        is_side = entry.author.account_id in (self.live.company, self.live.customer)
        if entry.header.room_id != self.live.room_id or not is_side:
            raise ContentError("an entry of another room")

    def take(self, turn: Turn, by: Author, content: Content) -> bool:
        """Carry out a content of types 8 to 10; whether it is to be confirmed.

        Raises:
            RemoteError: refused; nothing of it stays.
        """
        payload = content.payload
        if not isinstance(payload, OfRooms) or by.account_id not in (self.live.company, self.live.customer):
            raise ContentError("a content of another room")
        is_taken = True
        match payload.type:
            case ContentType.ENTRY:
                is_taken = self.taking.from_session(turn, by, content)
                self._sent_open(turn, by, content)
            case ContentType.SIGNAL:
                self._signal(turn, by, payload)
            case ContentType.FORWARD:
                self._check_gate(turn, by, gate.row_of(ContentType.FORWARD))
                self.forwarding.take(turn, by, payload.payload)
            case _:
                raise ContentError("a content that belongs to no room")
        self.settle(turn)
        return is_taken

    def _sent_open(self, turn: Turn, by: Author, content: Content) -> None:
        """The customer sends `open` to a desk that has the room from a colleague: it is one of those that
        are named by it now (ROOM-75).
        """
        us, live = self.around.us, self.live
        is_new = us.account_id == live.company and us.device_id not in live.opened_to
        root = live.root if is_new and by.account_id == live.customer else None
        if root is not None and root[:CONTENT_ID_B] == content.id:
            self._opened_to(turn, [*live.opened_to, us.device_id])

    def _check_gate(self, turn: Turn, by: Author, row: gate.Row) -> None:
        if self.around.side is Side.COMPANY and by.account_id == self.live.customer:
            gate.check(row, self.consent.column(turn.now_ms))

    def _signal(self, turn: Turn, by: Author, payload: OfRooms) -> None:
        _, signal = decode_signal(payload.payload)
        self._check_gate(turn, by, _row_of(signal))
        match signal:
            case Want(ranges):
                self.asking.answer(turn, by, ranges)
            case Request():
                self.deciding.take(turn, by, signal)
            case Held(entry_hash):
                if self.states.receives(by, int(Kind.FILE), turn.now_ms):
                    self.around.tell(turn, FileHeld(self.live.room_id, entry_hash, by.device_id))
            case Waiting() | NoLongerWaiting():
                heard(self.around, self.requests, turn, by, self.live.room_id, signal)
            case _:
                pass

    def confirmed(self, turn: Turn, content_id: bytes, device_id: DeviceId) -> None:
        """A device has an entry of ours on disk."""
        stored = self.log.by_content(turn, content_id)
        if stored is not None:
            self.writing.confirmed(turn, stored, device_id)
            self.passing.confirmed(turn, stored, device_id)

    def failed(self, turn: Turn, content_id: bytes, device_id: DeviceId, code: str) -> None:
        """An entry of ours will not reach a device."""
        stored = self.log.by_content(turn, content_id)
        if stored is not None:
            self.writing.failed(turn, stored, device_id, code)
            self._go_again(turn, stored.hash)

    def not_sent(self, turn: Turn, content_id: bytes, device_id: DeviceId) -> None:
        """An entry of ours has not left for a device that was struck off (ID-28)."""
        stored = self.log.by_content(turn, content_id)
        if stored is not None:
            self.writing.not_sent(turn, stored, device_id)
            turn.put_at_end(LiveRoom.TABLE, self.live.room_id, self.live.put)

    def _go_again(self, turn: Turn, entry_hash: EntryHash) -> None:
        """Look within an hour at what waits again, and is not posted before (ROOM-64)."""
        if entry_hash in self.live.unsent:
            at_ms, wake_ms = turn.now_ms + AGAIN_MS, self.index.wake_ms
            self.index.wake_ms = at_ms if wake_ms is None else min(wake_ms, at_ms)
            self.around.wake(turn, self.live.room_id, self.index.wake_ms)
            turn.put_at_end(LiveRoom.TABLE, self.live.room_id, self.live.put)
            turn.put_at_end(RoomIndex.TABLE, self.live.room_id, self.index.put)

    # --- what is due ---

    def tick(self, turn: Turn) -> None:
        """Do what is due now."""
        if (due_ms := self.asking.due_ms()) is not None and due_ms <= turn.now_ms:
            self.asking.tick(turn)
        self.catching_up.tick(turn)
        self.erasing.tick(turn)
        self.erasures.tick(turn)
        self.retaining.tick(turn)
        self.stewarding.tick(turn)
        self.deciding.tick(turn)
        self.freezing.tick(turn)
        self.passing.tick(turn)
        self.identifying.tick(turn)
        self.marks.tick(turn)
        self.settle(turn)
        if self.index.wake_ms is not None and self.index.wake_ms <= turn.now_ms:
            # What could not be done now is not tried again at once.
            self.index.wake_ms = turn.now_ms + TICK_APART_MS
            self.around.wake(turn, self.live.room_id, self.index.wake_ms)

    def team_changed(self, turn: Turn) -> None:
        """A list, a roster or a suspension was learned of: judge anew, serve who is in force now."""
        if self.writing.begin_anew(turn) or self.live.root in self.live.unsent:
            self.opened_anew(turn)
        elif self.live.root is not None and not self.live.opened_to and self.around.side is Side.CUSTOMER:
            # Another device of ours has opened the room, before we knew who is in force (ROOM-85).
            self.live.opened_to = tuple(self.states.stewards(turn.now_ms))
            self.states.opened(turn)
        self.states.rejudge(turn)
        self.shares = self.moved = True
        self.settle(turn)

    def start(self, turn: Turn, *, is_continuous: bool) -> None:
        """The engine goes online; without continuity our chain begins anew (TRN-07). No key of bodies from
        before stays then (STO-52).
        """
        self.log.renew_stale(turn)
        self.live.restarts = self.live.restarts or not is_continuous
        self.asking.again(turn)
        self.catching_up.start(turn)
        self.settle(turn)

    def settle(self, turn: Turn) -> None:
        """Bring everything in line after a step, store it, and say when we are to be called again."""
        early_ms = self.taking.due_ms()
        if self.moved or (early_ms is not None and early_ms <= turn.now_ms):
            self.moved = False
            self.taking.retry_early(turn)
            self.taking_back.look(turn)
            self.identifying.look(turn)
        self.states.announce(turn)
        self.stewarding.say_who_waits(turn)
        if self.shares:
            self.shares = False
            self.forwarding.share_states(turn)
        self.catching_up.settle(turn)
        self.forwarding.note_lacking(turn)
        self.writing.post_unsent(turn)
        self.writing.post_to_newcomers(turn)
        self.writing.post_to_returned(turn)
        self.asking.plan(turn)
        wake_ms = self._wake_ms(turn)
        self.index.wake_ms = wake_ms
        self.around.wake(turn, self.live.room_id, wake_ms)
        self.states.store(turn)
        turn.put_at_end(LiveRoom.TABLE, self.live.room_id, self.live.put)
        turn.put_at_end(RoomIndex.TABLE, self.live.room_id, self.index.put)

    def _wake_ms(self, turn: Turn) -> int | None:
        due = (
            *(self.asking.due_ms(), self.taking.due_ms(), self.stewarding.due_ms(turn)),
            *(self.deciding.due_ms(), self.erasing.due_ms(turn), self.marks.due_ms(turn)),
            *(self.freezing.due_ms(turn), self.identifying.due_ms(turn)),
            *(self.erasures.due_ms(turn), self.retaining.due_ms(turn), self.passing.due_ms(turn)),
            *(self.writing.due_ms(turn), self.stewarding.saying_due_ms()),
            *(self.stewarding.silence_due_ms(turn), self.catching_up.due_ms(turn)),
        )
        return min((one for one in due if one is not None), default=None)

    # --- reading ---

    def mark_read(self, turn: Turn, hashes: list[EntryHash]) -> None:
        """Mark entries as read."""
        self.index.unread -= self.log.mark_read(turn, hashes)
        for stored in self.log.several(turn, hashes):
            self.retaining.added(turn, stored)
        turn.put_at_end(RoomIndex.TABLE, self.live.room_id, self.index.put)


def _row_of(signal: Signal) -> gate.Row:
    match signal:
        case Want() | Held():
            return gate.Row.WANT
        case Typing():
            return gate.Row.CONTENT
        case _:
            return gate.Row.TEAM


def heard(
    around: Surroundings,
    requests: Requests,
    turn: Turn,
    by: Author,
    room_id: RoomId,
    signal: Waiting | NoLongerWaiting,
) -> None:
    """Take a signal of waiting, also of a room that we do not have (ROOM-23).

    Raises:
        NoRight: not of a steward in force of our company.
    """
    company = around.us.account_id
    if by.account_id != company or around.team(company, turn.now_ms).ranks().get(by.device_id, -1) < DESK:
        raise NoRight("a steward says who waits")
    if isinstance(signal, NoLongerWaiting):
        requests.no_longer(turn, room_id)
        around.tell(turn, WaitingChanged(room_id, None))
    else:
        around.tell(turn, WaitingChanged(room_id, signal.team, signal.language, signal.since_ms))
