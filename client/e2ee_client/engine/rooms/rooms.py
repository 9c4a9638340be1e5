"""All rooms of this device: what sessions bring goes to its room; what is of none is refused (CNS-14)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from e2ee.content import Content, ContentType, OfRooms
from e2ee.errors import (
    ConsentRequired,
    ContentError,
    ListExpired,
    ListGap,
    MandateInvalid,
    NoConsent,
    NoRight,
    NotInForce,
    RemoteError,
    RosterExpired,
    Unlogged,
)
from e2ee.identity import DeviceRecord
from e2ee.ids import AccountId, ContentId, DeviceId
from e2ee.rooms.consent import Withdrawal
from e2ee.rooms.entry import Author, Entry, EntryHash, RoomId, carrier, decode_entry
from e2ee.rooms.forward import decode_forward, decode_line
from e2ee.rooms.kinds import Kind, Side
from e2ee.rooms.payloads import EntryPayload, Open, RoomText, read_payload
from e2ee.rooms.room import notes_id
from e2ee.rooms.room import room_id as id_of_room
from e2ee.rooms.signals import NoLongerWaiting, Waiting, decode_signal
from e2ee.rooms.signed_payloads import Withdrawal as WithdrawalPayload
from e2ee.rooms.state import Phase
from e2ee_client.engine.peers import Peer
from e2ee_client.engine.posted import Posted
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import RoomsLocked, UnknownRoom
from e2ee_client.events import MessageRejected
from e2ee_client.room_events import RequestAnswered, RoomChanged, RoomEvent, WaitingChanged

from .acting import Acting
from .admission import Admission, room_of
from .ahead import MAX_UNDECIDED, Ahead, Kept
from .consent import Tombstones
from .consenting import Consenting
from .drafts import Drafts
from .dropping import Dropping
from .engine_surroundings import EngineSurroundings
from .entry_keys import KEYS, as_stale
from .exporting import Exporting
from .files import Files
from .giving import Giving
from .hearing import Hearing
from .identifying import Identifying
from .loaded import LoadedRooms
from .noting import Noting
from .on_days import back_since_ms, note_day
from .policies import check_told, rows_of
from .proving import Proving
from .queries import RoomQueries
from .records import Behind, LiveRoom
from .room_engine import RoomEngine, heard
from .room_list import NOTES_NONCE
from .stewarding import Change
from .surroundings import ANYBODY, REQUESTS, Policy
from .unattended import Unattended
from .who_waits import WhoWaits

if TYPE_CHECKING:
    from e2ee_client.engine.context import Context

T = TypeVar("T")
MAX_REFUSALS: Final = 1_024
_UNDECIDED: Final = (RosterExpired, MandateInvalid, ListExpired, ListGap)
"""It is not known who is in force: nothing is decided (ROOM-72)."""
_AT_ONCE: Final = 8
_APART_MS: Final = 50


class Rooms(LoadedRooms):
    """The list of rooms is in memory, and what sessions bring goes to each (chapters 15 to 18)."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, EngineSurroundings(context, self._tick))
        self.tombstones = Tombstones(self.around)
        self.admission = Admission(self)
        self.consenting = Consenting(context, self)
        self.acting = Acting(context, self)
        self.noting = Noting(context, self)
        self.giving = Giving(context, self)
        self.dropping = Dropping(context, self)
        self.hearing = Hearing(context, self)
        self.proving = Proving(context, self)
        self.exporting = Exporting(context, self)
        self.queries = RoomQueries(context, self)
        self.files = Files(context, self)
        self.who_waits = WhoWaits(self._state.rows)
        self.unattended = Unattended(context, self)
        self.drafts = Drafts(context, self)
        self.refusals: dict[bytes, str] = {}
        self._ahead = Ahead()
        self._undecided = Ahead(MAX_UNDECIDED)

    # --- one room ---

    def do(self, turn: Turn, room_id: RoomId, step: Callable[[RoomEngine], T]) -> T:
        """Carry out something that a person wants of a room.

        Raises:
            UnknownRoom, RoomsLocked. RemoteError: what `step` raises; nothing has changed.
        """
        with self.step(turn, room_id):
            room = self.room(turn, room_id)
            found = step(room)
            room.settle(turn)
        self._follow(turn, room)
        return found

    def _follow(self, turn: Turn, room: RoomEngine) -> None:
        """Do what follows from a step of a room beside it, and for stewards that lack it."""
        self.noting.follow(turn, room)
        self.giving.follow(turn, room)

    def is_of_company(self, account_id: AccountId) -> bool:
        """Whether a mandate of an account is known, or we sign for it."""
        return self._context.team.standing(account_id) is not None or self._context.company.signs

    def has_consent(self, customer: AccountId) -> bool:
        """Whether a receipt of an account is known, of any room (CNS-14)."""
        return any(one.customer == customer and one.is_consented for one in self.index.of(customer))

    # --- who waits ---

    def set_policy(self, turn: Turn, policy: Policy) -> None:
        """Keep the company's choices; they hold for this device from now on.

        Raises:
            RetentionNotStated: the notice in force does not tell that rooms are kept so long (CNS-46).
        """
        notice = self._context.notices.in_force(turn)
        if notice is not None and policy.retention != self.around.policy.retention:
            check_told(policy.retention, notice.retention)
        for row in rows_of(policy):
            turn.put(row.put())
        self.around.policy = policy

    @property
    def waiting(self) -> dict[RoomId, Waiting]:
        """The rooms whose customer waits, of ours and of others."""
        return self.who_waits.now

    def heard(self, turn: Turn, event: RoomEvent) -> None:
        """Note who waits, what was refused to us, and what cannot be had any more (ROOM-22, ROOM-23,
        ROOM-68).
        """
        if isinstance(event, RequestAnswered) and event.code:
            self.refusals[event.request_id] = event.code
            while len(self.refusals) > MAX_REFUSALS:
                del self.refusals[next(iter(self.refusals))]
        self.who_waits.heard(turn, event)
        if isinstance(event, RoomChanged):
            self.acting.end_requests(turn, RoomId(event.room_id))
            self.drafts.heard(turn, event)

    def _wait_for_somebody(self, turn: Turn, room: RoomEngine) -> None:
        """Who opens a room in which nobody answers, or the first in turn, tells the team that its customer
        waits; so it is where who answered is not in force any more, or has left (ROOM-23).
        """
        state, waiting = room.states.state, room.live.board.waiting
        if waiting is not None:
            self.waiting.setdefault(room.live.room_id, waiting)
        if (
            room.live.customer is None
            or state is None
            or waiting is not None
            or not room.states.is_open()
            or not room.stewarding.leads(turn)
        ):
            return
        if state.assigned is not None and not self._freed(turn, room, state.assigned):
            return
        team = self.around.policy.team
        if team is None and any(one.state.assigned is not None for one in room.states.path):
            team = ANYBODY
        if team is not None:
            room.stewarding.wait_for(turn, team, room.consent.language)
            room.settle(turn)

    def _freed(self, turn: Turn, room: RoomEngine, assigned: DeviceId) -> bool:
        """Assign nobody where who is assigned is not in force any more, so that the room can be claimed;
        whether that is done.
        """
        ranks = room.states.ranks(turn.now_ms)
        if not ranks or assigned in ranks or not room.writing.can_write(turn):
            return False
        try:
            room.stewarding.change(turn, Change(unassign=True))
        except RemoteError:
            return False
        room.settle(turn)
        return room.states.state is not None and room.states.state.assigned is None

    def notes_of(self, room_id: RoomId) -> RoomId:
        """Return the id of the room of notes beside a room."""
        return notes_id(self.around.us.account_id, room_id, NOTES_NONCE)

    def write(self, turn: Turn, room_id: RoomId, payload: EntryPayload) -> EntryHash:
        """Write an entry of ours.

        Raises:
            UnknownRoom, RoomsLocked. NoConsent: a customer's consent does not count (CNS-20).
            InvalidArgument: outside chapter 17. RemoteError: our side or the phase lets it not pass.
        """

        def step(room: RoomEngine) -> EntryHash:
            if self.around.side is Side.CUSTOMER:
                self.consenting.check_writing(turn, room, int(payload.kind))
            written = room.writing.write(turn, payload)
            if isinstance(payload, RoomText) and self.around.side is Side.COMPANY:
                self.drafts.sent(turn, room_id, payload.text)
            return written

        return self.do(turn, room_id, step)

    def identify(self, turn: Turn, room_id: RoomId, do: Callable[[Identifying], T]) -> T:
        """Do what a customer does about its login; as content it needs a consent that counts (CNS-20)."""

        def step(room: RoomEngine) -> T:
            self.consenting.check_writing(turn, room, int(Kind.IDENTIFY))
            return do(room.identifying)

        return self.do(turn, room_id, step)

    def sign_out(self, turn: Turn, room_id: RoomId) -> EntryHash:
        """Sign a customer out: an erasure needs no consent that counts (CNS-20, CNS-75)."""

        def step(room: RoomEngine) -> EntryHash:
            has_consent = True
            try:
                self.consenting.check_writing(turn, room, int(Kind.IDENTIFY))
            except NoConsent:
                has_consent = False
            return room.identifying.sign_out(turn, has_consent=has_consent)

        return self.do(turn, room_id, step)

    def add(self, room: RoomEngine) -> None:
        """Take in a room that has just begun."""
        self.index[room.live.room_id] = room.index
        self.keep(room)

    # --- what sessions ask ---

    def admit(self, turn: Turn, record: DeviceRecord, content: Content) -> None:
        """Refuse what a device of another account may not send (CNS-13 to CNS-15). Called for each content,
        of whatever type, before a contact, session, key or row exists or changes. It changes nothing itself.

        Raises:
            RemoteError: refused. A first flight then leaves nothing but the remembered message id, a known
                session advances its ratchet only (CNS-28).
        """
        self.around.turn = turn
        self.admission.check(turn, record, content)

    def take(self, turn: Turn, peer: Peer, content: Content) -> bool:
        """Carry out a content of types 8 to 12; whether it is to be confirmed by a receipt. The same content
        may come again (SES-37) and is then answered as before. A device that its company has taken out takes
        only who is in force; all else comes again (ACC-15).

        Raises:
            RemoteError: refused; reported, and not confirmed.
        """
        payload, by = content.payload, Author(peer.account_id, peer.device_id)
        self.around.turn = turn
        if not isinstance(payload, OfRooms):
            return False
        if payload.type is ContentType.ROSTER:
            self._context.team.learn_content(turn, peer, payload.payload)
            return True
        if not self.is_active():
            raise NotInForce("the company has taken this device out")
        if payload.type is ContentType.DOSSIER:
            if self.around.side is Side.CUSTOMER:
                self._context.dossiers.take_shown(turn, payload.payload)
                return True
            self._check_colleague(by)
            self._context.dossiers.take(turn, payload.payload)
            return True
        return self._of_a_room(turn, by, content, payload)

    def _of_a_room(self, turn: Turn, by: Author, content: Content, payload: OfRooms) -> bool:
        room_id = room_of(payload)
        is_ours = by.account_id == self.around.us.account_id and self.around.side is Side.COMPANY
        if is_ours and payload.type is not ContentType.ENTRY:
            self._check_colleague(by)
        room = None
        with self.step(turn, room_id):
            if room_id in self.index:
                room = self.room(turn, room_id)
                taken = self._decided(turn, room, by, content)
                self._wait_for_somebody(turn, room)
            else:
                taken = self._of_an_unknown(turn, by, content, payload, room_id)
        if room is not None:
            self._follow(turn, room)
        return taken and payload.type is not ContentType.SIGNAL

    def _check_colleague(self, by: Author) -> None:
        us = self.around.us
        if by.account_id != us.account_id or self.around.side is Side.CUSTOMER:
            raise NoRight("only a colleague sends this")
        ranks = self.around.team(us.account_id, self.around.turn.now_ms).ranks()
        if by.device_id not in ranks:
            raise NotInForce("the device is not in force")

    # --- rooms that begin ---

    def _of_an_unknown(
        self, turn: Turn, by: Author, content: Content, payload: OfRooms, room_id: RoomId
    ) -> bool:
        us = self.around.us
        if self.around.side is Side.CUSTOMER:
            return self._by_own_device(turn, by, content, room_id)
        if by.account_id != us.account_id:
            return self._by_customer(turn, by, content, room_id)
        if payload.type is ContentType.SIGNAL:
            _, signal = decode_signal(payload.payload)
            if isinstance(signal, Waiting | NoLongerWaiting):
                heard(self.around, self.requests, turn, by, room_id, signal)
            return False
        if self.noting.begins(content, payload, by):
            if self.index.beside(room_id) is not None:
                return self._first_note(turn, by, content, room_id)
        elif payload.type is ContentType.FORWARD:
            return self._joined(turn, by, content, payload, room_id)
        return self._keep_ahead(by, content, room_id)

    def _by_own_device(self, turn: Turn, by: Author, content: Content, room_id: RoomId) -> bool:
        """The `open` of another device of our account, with a company that is a contact here (ROOM-37)."""
        us = self.around.us.account_id
        is_entry = isinstance(content.payload, OfRooms) and content.payload.type is ContentType.ENTRY
        opened = read_payload(decode_entry(content, by, None)) if by.account_id == us and is_entry else None
        if not isinstance(opened, Open):
            raise ContentError("a room that is not known")
        accounts = [AccountId(one) for one in self._state.contacts]
        rooms = {one: id_of_room(one, us, opened.nonce) for one in accounts}
        company = next((one for one, room in rooms.items() if room == room_id), None)
        if company is None:
            raise ContentError("a room with a company that is not known")
        room = RoomEngine.create(self.around, self.requests, room_id, company, us)
        room.live.greets = True
        room.opened(turn, by, content)
        self.add(room)
        return True

    def _by_customer(self, turn: Turn, by: Author, content: Content, room_id: RoomId) -> bool:
        """An `open`, or a withdrawal that has overtaken it, which is kept (CNS-10)."""
        entry = decode_entry(content, by, None)
        if entry.header.kind == Kind.WITHDRAW:
            self._keep_withdrawal(turn, by, entry)
            return True
        company = self.around.us.account_id
        room = RoomEngine.create(self.around, self.requests, room_id, company, by.account_id)
        room.live.consent = self.tombstones.of(turn, by.account_id, room_id)
        room.opened(turn, by, content)
        self.tombstones.drop(turn, by.account_id, room_id)
        self.add(room)
        self._accept(turn, by.account_id)
        return True

    def _keep_withdrawal(self, turn: Turn, by: Author, entry: Entry) -> None:
        payload, public = read_payload(entry), self.around.signer(by)
        if not isinstance(payload, WithdrawalPayload) or public is None:
            raise ConsentRequired("no consent is known of this room")
        withdrawal = Withdrawal.verify(public, payload.signed, entry.header.room_id)
        self.tombstones.keep(turn, by.account_id, withdrawal)

    def _accept(self, turn: Turn, account_id: AccountId) -> None:
        contact = self._state.contacts.get(account_id)
        if contact is not None:
            self._context.telling.accept(turn, contact)

    def _joined(self, turn: Turn, by: Author, content: Content, payload: OfRooms, room_id: RoomId) -> bool:
        """A colleague gives us consent, `open` and states of a room that we join (ROOM-25); lines of another
        forward may come ahead of those, and of who the customer is (ROOM-31).
        """
        company, (_, lines) = self.around.us.account_id, decode_forward(payload.payload)
        customer = self._customer_of(lines[0])
        if customer is None:
            return self._keep_ahead(by, content, room_id)
        opened = decode_line(lines[0], room_id, company, customer, self.around.signer)
        if opened.header.kind != Kind.OPEN:
            return self._keep_ahead(by, content, room_id)
        room = RoomEngine.create(self.around, self.requests, room_id, company, customer, late=True)
        room.live.consent = self.tombstones.of(turn, customer, room_id)
        room.joined(turn, by, content, opened)
        self.tombstones.drop(turn, customer, room_id)
        self.add(room)
        self._take_kept(turn, room)
        return True

    def _customer_of(self, line: object) -> AccountId | None:
        account_id = line[0] if isinstance(line, list) and line else None
        if not isinstance(account_id, bytes) or account_id not in self._state.contacts:
            return None
        return AccountId(account_id)

    def _first_note(self, turn: Turn, by: Author, content: Content, room_id: RoomId) -> bool:
        """Take the first state of the room of notes beside a room of ours, or states that are given to who
        joins it (ROOM-02, ROOM-32).
        """
        room = RoomEngine.create(
            self.around, self.requests, room_id, self.around.us.account_id, None, late=True
        )
        taken = room.take(turn, by, content)
        self.add(room)
        self._take_kept(turn, room)
        return taken

    def _notes_begin(self, turn: Turn, notes_id: RoomId) -> None:
        """Take what came ahead of the room beside which it is: what begins its notes, then all else."""
        for one in self._ahead.of(notes_id):
            payload = one.content.payload
            if isinstance(payload, OfRooms) and self.noting.begins(one.content, payload, one.by):
                self._ahead.drop(one)
                with self._telling(turn, one.by):
                    if self._first_note(turn, one.by, one.content, notes_id):
                        self._confirm(turn, one.by, one.content.id)
                return

    def _keep_ahead(self, by: Author, content: Content, room_id: RoomId) -> bool:
        """Keep what a colleague has sent ahead of what makes the room known to us; it is confirmed when the
        room has taken it (ROOM-31).
        """
        self._check_colleague(by)
        self._ahead.keep(Kept(room_id, by, content))
        return False

    def _decided(self, turn: Turn, room: RoomEngine, by: Author, content: Content) -> bool:
        """Take a content of a room, or keep it until a company's device knows who is in force (ROOM-72)."""
        try:
            return self._taken(turn, room, by, content)
        except _UNDECIDED:
            if self.around.side is Side.COMPANY:
                self._undecided.keep(Kept(room.live.room_id, by, content))
            raise

    def _decide(self, turn: Turn) -> None:
        """Take what has waited until it is known who is in force, of some rooms at a time (ROOM-72)."""
        waiting = sorted(self._undecided.rooms())
        try:
            if waiting:
                self.around.turn = turn
                self.around.team(self.around.us.account_id, turn.now_ms)
        except _UNDECIDED:
            return
        for room_id in waiting[:_AT_ONCE]:
            kept = self._undecided.take(room_id)
            if room_id in self.index:
                self._quietly(turn, room_id, partial(self._take_all, turn, kept))
        if len(waiting) > _AT_ONCE:
            self._go_on(turn)

    def _taken(self, turn: Turn, room: RoomEngine, by: Author, content: Content) -> bool:
        """Take a content of a room; then lines that came ahead of what has let them in now, which are kept
        where a colleague gave them (TRN-51).
        """
        before = room.forwarding.let_in()
        try:
            taken = room.take(turn, by, content)
        except Unlogged:
            if by.account_id == self.around.us.account_id and self.around.side is Side.COMPANY:
                self._ahead.keep(Kept(room.live.room_id, by, content))
            raise
        if room.forwarding.let_in() != before:
            self._take_lines(turn, room)
        return taken

    def _take_lines(self, turn: Turn, room: RoomEngine) -> None:
        for one in self._ahead.take(room.live.room_id):
            with self._telling(turn, one.by):
                try:
                    if room.take(turn, one.by, one.content):
                        self._confirm(turn, one.by, one.content.id)
                except Unlogged:
                    self._ahead.keep(one)

    def _take_kept(self, turn: Turn, room: RoomEngine) -> None:
        """Take what came ahead of a room that has become known."""
        self._take_all(turn, self._ahead.take(room.live.room_id), room)
        if room.live.customer is not None:
            self._notes_begin(turn, self.notes_of(room.live.room_id))

    def _take_all(self, turn: Turn, kept: list[Kept], room: RoomEngine) -> None:
        for one in kept:
            with self._telling(turn, one.by):
                if self._taken(turn, room, one.by, one.content):
                    self._confirm(turn, one.by, one.content.id)

    @contextmanager
    def _telling(self, turn: Turn, by: Author) -> Iterator[None]:
        try:
            yield
        except RemoteError as error:
            turn.notify(MessageRejected(by.account_id, error.code))

    def _confirm(self, turn: Turn, by: Author, content_id: ContentId) -> None:
        peer = self._state.peers.get(by.account_id + by.device_id)
        if peer is not None:
            self._context.posting.confirm(turn, peer, content_id)

    def begin(
        self, turn: Turn, room_id: RoomId, company: AccountId, customer: AccountId | None
    ) -> RoomEngine:
        """Return a room that this device begins itself."""
        self.around.turn = turn
        room = RoomEngine.create(self.around, self.requests, room_id, company, customer)
        self.add(room)
        return room

    # --- how posted contents end ---

    def confirmed(self, turn: Turn, account_id: AccountId, device_id: DeviceId, content_id: bytes) -> None:
        """A posted content is in the store of a device, once for each."""
        room = self._room_of(turn, content_id)
        if room is not None:
            room.confirmed(turn, content_id, device_id)

    def failed(
        self, turn: Turn, account_id: AccountId, device_id: DeviceId, content_id: bytes, code: str
    ) -> None:
        """A posted content will not be sent to a device any more, once for each."""
        room = self._room_of(turn, content_id)
        if room is not None:
            room.failed(turn, content_id, device_id, code)
        else:
            self.giving.lost(turn, Author(account_id, device_id), content_id)

    def not_sent(self, turn: Turn, account_id: AccountId, device_id: DeviceId, content_id: bytes) -> None:
        """A posted content has not left for a device that was struck off, once for each (ID-28)."""
        room = self._room_of(turn, content_id)
        if room is not None:
            room.not_sent(turn, content_id, device_id)
        else:
            self.giving.lost(turn, Author(account_id, device_id), content_id)

    def given_in_vain(self, turn: Turn, room_id: RoomId, device_id: DeviceId) -> None:
        """A device of the company has not what of a room was forwarded to it; look at the room again."""
        room = self.as_it_was(turn, room_id)
        room.forwarding.not_given(device_id)
        turn.put_at_end(LiveRoom.TABLE, room_id, room.live.put)
        self._changed.add(room_id)
        self._go_on(turn)

    def _room_of(self, turn: Turn, content_id: bytes) -> RoomEngine | None:
        self.around.turn = turn
        posted = self._context.posting.find(turn, content_id)
        if posted is None or posted.type is not ContentType.ENTRY:
            return None
        room_id = room_of(OfRooms(posted.type, posted.payload))
        is_here = room_id in self.index and self.is_active()
        return self.as_it_was(turn, room_id) if is_here else None

    def first_of(self, turn: Turn, account_id: AccountId, device_id: DeviceId) -> Posted | None:
        """Return the `open` with which each flight to this device begins, while the device has not confirmed
        it (TRN-30); None if there is none.
        """
        if self.around.side is Side.COMPANY:
            return None
        for one in self.index.of(account_id):
            found = self._open_for(turn, one.room_id, device_id)
            if found is not None:
                return found
        return None

    def _open_for(self, turn: Turn, room_id: RoomId, device_id: DeviceId) -> Posted | None:
        room = self.as_it_was(turn, room_id)
        stored = None if room.live.root is None else room.log.find(turn, room.live.root)
        if stored is None or device_id not in stored.waiting_for:
            return None
        content = carrier(room.log.entry(turn, stored))
        payload = content.payload
        if not isinstance(payload, OfRooms):
            return None
        return Posted(content.id, content.sent_ms, payload.type, payload.payload)

    # --- what changes around rooms ---

    def devices_changed(self, turn: Turn, account_id: AccountId) -> None:
        """Look at the rooms of an account again, some at a time: a list of it was pinned, or a device of it
        was learned of or struck off. Our own account counts as well.
        """
        if account_id == self.around.us.account_id:
            self.dropping.look(turn)
        rooms = {one.room_id for one in self.index.of(account_id)}
        self._changed |= rooms
        if rooms:
            self._go_on(turn)

    def is_gated(self) -> bool:
        """Whether this is a company's device: customers reach it in rooms only (CNS-29)."""
        return self.admission.is_gated()

    def are_with(self, account_id: AccountId) -> bool:
        """Whether we have rooms with a company: its devices are written to in rooms only."""
        return self.index.has_company(account_id)

    def is_trusted(self, account_id: bytes) -> bool:
        """Whether an account may put large files at the cost of our mailbox (FIL-11)."""
        return self.files.is_trusted(account_id)

    def customers(self) -> list[tuple[AccountId, DeviceId]]:
        """Return the devices of customers with open rooms: a roster that changes goes to them (ACC-17)."""
        found = {one.customer for one in self.index.values() if one.phase == Phase.OPEN}
        accounts = sorted(one for one in found if one is not None)
        return [(account_id, one) for account_id in accounts for one in self.around.devices(account_id)]

    def lost(self, turn: Turn) -> None:
        """The store may be an older copy: our chains begin anew (TRN-07), and no key of bodies stays as it is
        (STO-52).
        """
        self.hearing.lost(turn)
        for key, row in self._state.rows.items(KEYS):
            turn.put(as_stale(key, row))
        for key, row in self._state.rows.items(LiveRoom.TABLE):
            live = LiveRoom.decode(key, row)
            live.restarts, live.behind = True, Behind()
            turn.put(live.put())

    # --- time ---

    def maintain(self, turn: Turn) -> None:
        """Do what is done once an hour: forget who waits where no steward has said so for a day (ROOM-40);
        note that our device is on (ROOM-24), and ask what it has missed (ROOM-79); drop drafts whose time is
        over (ROOM-74).
        """
        is_company = self.around.side is Side.COMPANY
        if (is_company or self._state.own.publish) and not self.dropping.is_struck_off():
            if note_day(turn, self.around.rows) and is_company:
                self._fall_behind(turn)
            back_ms = back_since_ms(turn, self.around.rows)
            if back_ms is not None:
                self._context.renewal.ask_missed(turn, back_ms)
            if is_company:
                self.unattended.look(turn)
        self.drafts.tick(turn)
        for room_id in self.who_waits.old(turn.now_ms, self.index):
            self.around.tell(turn, WaitingChanged(room_id, None))

    def _fall_behind(self, turn: Turn) -> None:
        """We were off for longer than some relays keep anything: each of our copies is old (ROOM-86)."""
        for key, row in turn.items(self._state.rows, LiveRoom.TABLE):
            loaded = self._loaded.get(RoomId(key))
            live = LiveRoom.decode(key, row) if loaded is None else loaded.live
            live.behind = Behind()
            turn.put_at_end(LiveRoom.TABLE, live.room_id, live.put)
        self._unstarted |= set(self.index)
        self._go_on(turn)

    def start(self, turn: Turn) -> None:
        """The engine goes online: what is due is done, and each room started, some at a time."""
        self.start_timers(turn)
        self.hearing.start(turn)
        self.requests.start(turn)
        self.files.start(turn)
        if self._unstarted:
            self._go_on(turn)

    def start_timers(self, turn: Turn) -> None:
        """Have done in each room what is due there (ROOM-42)."""
        self.around.turn = turn
        self.dropping.look(turn)
        for room_id, one in self.index.items():
            if one.wake_ms is not None:
                self.around.wake(turn, room_id, one.wake_ms)

    def _go_on(self, turn: Turn) -> None:
        if self._context.timers.at_ms("rooms") is None:
            self._context.timers.set("rooms", turn.now_ms + _APART_MS, self._some)

    def _some(self, turn: Turn) -> None:
        self._caught_up = []
        if not self.is_active():
            return  # closed rooms wait for the roster that opens them (ACC-15, STO-52)
        self._decide(turn)
        for _ in range(_AT_ONCE):
            waiting = self._changed or self._unstarted
            if not waiting:
                return
            # A set goes on popping where it has popped last; its first element it would look for each time.
            room_id = waiting.pop()
            waiting.add(room_id)
            if room_id in self.index:
                self._quietly(turn, room_id, lambda room: None)
            self._changed.discard(room_id)
            self._unstarted.discard(room_id)
        if self._changed or self._unstarted:
            self._go_on(turn)

    def _tick(self, room_id: RoomId, turn: Turn) -> None:
        self.around.turn = turn
        if room_id == REQUESTS:
            if self.is_active():
                self.acting.end_requests(turn)
                self.requests.tick(turn)
        else:
            self._quietly(turn, room_id, lambda room: room.tick(turn))

    def _quietly(self, turn: Turn, room_id: RoomId, step: Callable[[RoomEngine], None]) -> None:
        try:
            room = self.room(turn, room_id)
            step(room)
            self._wait_for_somebody(turn, room)
            self._follow(turn, room)
        except (RoomsLocked, UnknownRoom):
            return
