"""What an application may ask of rooms; nothing here changes anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final, TypeAlias, TypedDict

from e2ee.card import ContactCard
from e2ee.errors import RemoteError
from e2ee.identity import DeviceKind
from e2ee.ids import AccountId, DeviceId
from e2ee.rooms.consent import Terms
from e2ee.rooms.entry import Author, EntryHash, Header, RoomId, device_tag
from e2ee.rooms.forms import Answer, AnswerFault, Form, fault_of
from e2ee.rooms.kinds import Kind, Side
from e2ee.rooms.payloads import Edit, File, RoomText
from e2ee.rooms.proof import Evidence
from e2ee.rooms.room import MAX_CUSTOMER_DEVICES
from e2ee.rooms.signals import Waiting
from e2ee.rooms.state import Phase, State, Verdict
from e2ee.rooms.team import Rank
from e2ee_client.engine.turn import Turn
from e2ee_client.people import LoggedIn, Person, Role
from e2ee_client.room_events import EntryProgress, IdentifyAsked, RequestAsked

from .about import Abouts, payload_of
from .consenting import ConsentState
from .deciding import asked_for
from .entry_log import EntryLog, StoredEntry
from .entry_search import holding
from .identifying import logins_of, person_of, waiting_logins
from .records import LiveRoom, RoomIndex
from .room_part import RoomsPart
from .state_pages import StatePages
from .surroundings import Policy
from .views import EntryView, ErasureAnswer, ErasureView, FoundPage, RoomView
from .writing import progress_of

QUOTE_CHARACTERS: Final = 120
MAX_LOOKED_AT: Final = 256
People: TypeAlias = Callable[[Author], Person]
Verdicts: TypeAlias = Callable[[], Mapping[EntryHash, Verdict]]
IsSeen: TypeAlias = Callable[[StoredEntry], bool]
_ROLES: Final = {
    Rank.BOT: Role.BOT,
    Rank.AGENT: Role.AGENT,
    Rank.DESK: Role.DESK,
    Rank.SUPERVISOR: Role.SUPERVISOR,
}


class RoomQueries(RoomsPart):
    """The reading half of rooms."""

    # --- rooms ---

    @property
    def is_open(self) -> bool:
        """Whether the company has not taken this device out: its rooms are kept, but closed then (ACC-15)."""
        return self._rooms.is_active()

    def is_in_force(self, now_ms: int) -> bool:
        """Whether this device of a company acts now: who is not in force is told of nothing (ACC-09)."""
        return self._rooms.is_active() and self._context.team.is_in_force(Turn(now_ms))

    def is_told_of(self, room_id: RoomId, entry_hash: EntryHash, now_ms: int) -> bool:
        """Whether a company's device was told of all that has become of an entry (CNS-74).

        Raises:
            UnknownRoom, RoomsLocked.
        """
        turn = Turn(now_ms)
        _, log = self._rooms.stored(turn, room_id)
        stored = log.find(turn, entry_hash)
        return stored is not None and self._rooms.hearing.is_told_of(stored.gaps)

    def was_opened_here(self, room_id: RoomId, now_ms: int) -> bool:
        """Whether its customer sent a room's `open` to this device: not a colleague alone (ROOM-39).

        Raises:
            UnknownRoom, RoomsLocked.
        """
        live, _ = self._rooms.stored(Turn(now_ms), room_id)
        return self._rooms.around.us.device_id in live.opened_to

    def all(self) -> list[RoomView]:
        """Return all rooms but those of notes, and rooms of others that wait for somebody; none of a
        device that its company has taken out (ACC-15).
        """
        if not self._rooms.is_active():
            return []
        found = [self._view(one) for one in self._own()]
        known = self._rooms.index
        return found + [_waiting(one, who) for one, who in self._rooms.waiting.items() if one not in known]

    def _own(self) -> list[RoomIndex]:
        return [one for one in self._rooms.index.values() if one.customer is not None]

    def view(self, room_id: bytes) -> RoomView | None:
        """Return a room, or one of others that waits; None for one that is neither, or that is locked."""
        if not self._rooms.is_active():
            return None
        found, waiting = self._rooms.index.get(RoomId(room_id)), self._rooms.waiting.get(RoomId(room_id))
        if found is not None:
            return self._view(found)
        return None if waiting is None else _waiting(RoomId(room_id), waiting)

    def _view(self, one: RoomIndex) -> RoomView:
        """Nobody waits in a room that is not open (ROOM-40); who has left it is not told of that any more."""
        is_over = one.phase > Phase.OPEN and self._follows(one)
        return _view(one, None if is_over else self._rooms.waiting.get(one.room_id))

    def _follows(self, one: RoomIndex) -> bool:
        """Whether we are told of the phases of a room: as its customer, a member or a steward."""
        us, record = self._rooms.around.us, self._state.own.device.record
        standing = self._context.team.standing(us.account_id)
        is_supervisor = standing is not None and us.device_id in standing.mandate.supervisors
        is_customer = self._rooms.around.side is Side.CUSTOMER
        return is_customer or us.device_id in one.members or record.front_desk or is_supervisor

    def company_card(self) -> ContactCard | None:
        """Return the card of the company that a customer talks to, as it was pinned; None before."""
        contact = next((one for one in self._state.contacts.values() if one.published), None)
        if contact is None:
            return None
        return ContactCard(contact.account_id, contact.relay_url, contact.name)

    def mandate_seq(self, room_id: RoomId, now_ms: int) -> int:
        """Return the number of the mandate that counts of a room's company; 0 if unknown.

        Raises:
            UnknownRoom, RoomsLocked.
        """
        live, _ = self._rooms.stored(Turn(now_ms), room_id)
        standing = self._context.team.standing(live.company)
        return 0 if standing is None else standing.mandate.seq

    def company_origins(self) -> tuple[str, ...]:
        """Return the pages of the company that a customer talks to, as its mandate names them."""
        card = self.company_card()
        standing = None if card is None else self._context.team.standing(card.account_id)
        return () if standing is None else standing.mandate.origins

    def consent(self, room_id: RoomId, now_ms: int) -> ConsentState:
        """Return what the consent of a room is.

        Raises:
            UnknownRoom. NoConsent: none was given.
        """
        turn = Turn(now_ms)
        return self._rooms.consenting.consent(turn, self._rooms.stored(turn, room_id)[0])

    def terms(self, room_id: RoomId, now_ms: int) -> Terms | None:
        """Return what the customer of a room has accepted; None while no receipt counts.

        Raises:
            UnknownRoom, RoomsLocked.
        """
        receipt = self._rooms.stored(Turn(now_ms), room_id)[0].consent.receipt
        return None if receipt is None else receipt.terms

    def withdrawal_seq(self, room_id: RoomId, now_ms: int) -> int:
        """Return the number of the newest withdrawal of a room, also below a later consent; 0 for none.

        Raises:
            UnknownRoom, RoomsLocked.
        """
        withdrawal = self._rooms.stored(Turn(now_ms), room_id)[0].consent.withdrawal
        return 0 if withdrawal is None else withdrawal.seq

    def evidence(self, room_id: RoomId, now_ms: int) -> Evidence:
        """Return what a proof of the consent of a room is made of; as `Proving.evidence`."""
        return self._rooms.proving.evidence(Turn(now_ms), room_id)

    def notes_of(self, room_id: RoomId) -> RoomId:
        """Return the id of the room of notes beside a room (ROOM-02)."""
        return self._rooms.notes_of(room_id)

    def beside(self, notes_id: RoomId) -> RoomId | None:
        """Return the room that is here and has this room of notes; None for any other id."""
        return self._rooms.index.beside(notes_id)

    def is_assigned(self, room_id: RoomId) -> bool:
        """Whether this device answers in a room."""
        one = self._rooms.index.get(room_id)
        return one is not None and one.assigned == self._rooms.around.us.device_id

    def refusal(self, request_id: bytes) -> str | None:
        """Return the code by which a request of ours was refused since the store was opened."""
        return self._rooms.refusals.get(request_id)

    def is_ready(self, now_ms: int) -> bool:
        """Whether this device of a company is in force by what the directory says, has the notice that its
        customers accept, has published who may act, and can be reached: its prekeys are at the relay.
        """
        (company, device_id), turn = self._rooms.around.us, Turn(now_ms)
        try:
            view = self._context.team.view(turn, company)
        except RemoteError:
            return False
        is_known = self._context.team.notice(turn, company, view.notice_hash) is not None
        is_published = self._context.entry.is_reached and not self._context.team.owes_slot
        return device_id in view.members and is_known and is_published

    def asked(self, room_id: RoomId, now_ms: int) -> list[RequestAsked]:
        """Return what colleagues ask for in a room and a person of ours decides (ROOM-22).

        Raises:
            UnknownRoom, RoomsLocked.
        """
        live, _ = self._rooms.stored(Turn(now_ms), room_id)
        return [asked_for(room_id, one) for one in live.pending if one.asked]

    def identifications(self, room_id: RoomId, now_ms: int) -> list[IdentifyAsked]:
        """Return the logins of a customer that wait for a steward (CNS-16).

        Raises:
            UnknownRoom, RoomsLocked.
        """
        turn, around = Turn(now_ms), self._rooms.around
        live, _ = self._rooms.stored(turn, room_id)
        devices = () if live.customer is None else around.devices(live.customer)[:MAX_CUSTOMER_DEVICES]
        return waiting_logins(turn, self._rooms.log(room_id), around.rows, room_id, devices)

    def logged_in(self, room_id: RoomId, entry_hash: EntryHash | None, now_ms: int) -> LoggedIn | None:
        """Return whom a login names, None for the one that counts (CNS-56).

        Raises:
            UnknownRoom, RoomsLocked.
        """
        turn, around = Turn(now_ms), self._rooms.around
        self._rooms.stored(turn, room_id)
        named = entry_hash or logins_of(turn, around.rows, room_id).counts
        return person_of(turn, self._rooms.log(room_id), named)

    @property
    def policy(self) -> Policy:
        """Our company's choices."""
        return self._rooms.around.policy

    # --- people ---

    def team(self, now_ms: int) -> list[Person]:
        """Return the devices of our company that are in force; nobody where that is not known, or where this
        device is locked or struck off.
        """
        if not self._rooms.is_active():
            return []
        return self._team(self._rooms.around.us.account_id, now_ms)

    def roster_ends_ms(self, now_ms: int) -> int | None:
        """Return when the roster of our company ends, where people have to be told (ACC-82)."""
        return self._context.company.roster_ends_ms(now_ms)

    def members(self, room_id: RoomId, now_ms: int) -> tuple[Person, ...]:
        """Return the devices of the company in a room."""
        one = self._rooms.index.get(room_id)
        if one is None or not self._rooms.is_active():
            return ()
        return tuple(self.person(Author(one.company, device_id), now_ms) for device_id in one.members)

    def _team(self, company: AccountId, now_ms: int) -> list[Person]:
        try:
            view = self._context.team.view(Turn(now_ms), company)
        except RemoteError:
            return []
        return [self.person(Author(company, one), now_ms) for one in view.members]

    def person(self, author: Author, now_ms: int) -> Person:
        """Return a device as it is shown: by its card and its rank in force."""
        is_this = author == self._rooms.around.us
        if self._rooms.index.has_customer(author.account_id):
            return Person(author.device_id, Role.CUSTOMER, None, is_this=is_this)
        card = self._context.team.card(Turn(now_ms), author.account_id, author.device_id)
        role, is_bot = self._role(author, now_ms)
        if card is None:
            return Person(author.device_id, role, None, is_bot=is_bot, is_this=is_this)
        return Person(author.device_id, role, card.name, card.languages, card.teams, is_bot, is_this)

    def _role(self, author: Author, now_ms: int) -> tuple[Role, bool]:
        try:
            member = self._context.team.view(Turn(now_ms), author.account_id).member(author.device_id)
        except RemoteError:
            return Role.FORMER, False
        return _ROLES[member.rank], member.kind is DeviceKind.BOT

    # --- entries ---

    def entry(self, room_id: RoomId, entry_hash: EntryHash, now_ms: int) -> EntryView | None:
        """Return an entry.

        Raises:
            UnknownRoom, RoomsLocked.
        """
        return self.entry_in(Turn(now_ms), room_id, entry_hash)

    def entry_in(self, turn: Turn, room_id: RoomId, entry_hash: EntryHash) -> EntryView | None:
        """Return an entry as it is in a step, which may have written it.

        Raises:
            UnknownRoom, RoomsLocked.
        """
        live, log = self._rooms.stored(turn, room_id)
        stored = log.find(turn, entry_hash)
        return None if stored is None else self._entry(turn, live, log, stored, self._people(turn.now_ms))

    def page(self, room_id: RoomId, before: EntryHash | None, limit: int, now_ms: int) -> list[EntryView]:
        """Return the newest entries, or the newest before one, in the order of the transcript."""
        turn = Turn(now_ms)
        live, log = self._rooms.stored(turn, room_id)
        people, verdicts = self._people(now_ms), cache(lambda: self._verdicts(turn, room_id))
        found = log.newest(turn, limit, before)
        return [self._entry(turn, live, log, one, people, verdicts) for one in found]

    def unread(self, room_id: RoomId, limit: int, now_ms: int) -> list[EntryView]:
        """Return the newest entries that were not marked as read, in the order of the transcript."""
        turn = Turn(now_ms)
        live, log = self._rooms.stored(turn, room_id)
        people, count = self._people(now_ms), min(limit, self._rooms.index[room_id].unread)
        return [self._entry(turn, live, log, one, people) for one in log.unread(turn, count)]

    def search(
        self, room_id: RoomId, words: Sequence[str], before: EntryHash | None, count: int, now_ms: int
    ) -> FoundPage:
        """Look through so many entries for texts with all of these words, which are folded."""
        turn, log = Turn(now_ms), self._rooms.log(room_id)
        hashes = log.newest_hashes(turn, count, before)
        found = holding(log, turn, reversed(hashes), words)
        after = hashes[0] if len(hashes) == count else None
        if not found:
            return FoundPage([], after)
        live, people = self._rooms.stored(turn, room_id)[0], self._people(now_ms)
        shown = [self._entry(turn, live, log, one, people) for one in found]
        return FoundPage([one for one in shown if one.payload is not None], after)

    def progress(self, room_id: RoomId, entry_hash: EntryHash, now_ms: int) -> EntryProgress | None:
        """Return how far an entry of ours has come."""
        found = self.entry(room_id, entry_hash, now_ms)
        return None if found is None else found.progress

    def _people(self, now_ms: int) -> People:
        """Return `person` for one answer: each device is looked at once."""
        return cache(lambda author: self.person(author, now_ms))

    def _verdicts(self, turn: Turn, room_id: RoomId) -> Mapping[EntryHash, Verdict]:
        return StatePages(self._state.rows, room_id).load(turn)

    def _entry(
        self,
        turn: Turn,
        live: LiveRoom,
        log: EntryLog,
        stored: StoredEntry,
        people: People,
        verdicts: Verdicts | None = None,
    ) -> EntryView:
        def is_seen(one: StoredEntry) -> bool:
            return not one.is_marked or self._rooms.shows_marked(turn, live.company)

        is_shown = is_seen(stored)
        header, payload = Header.decode(stored.header), payload_of(stored) if is_shown else None
        by = stored.forwarded_by
        wording, edited_ms = _wording(turn, log, stored)
        view = EntryView(
            stored.hash,
            header.kind,
            people(stored.author),
            header.sent_ms,
            stored.received_ms,
            _written_ms(stored, header),
            payload,
            wording if is_shown else None,
            payload is None,
            stored.is_marked,
            None if by is None else self._by_tag(live, by, turn.now_ms),
            progress_of(live, stored) if stored.author == self._rooms.around.us else None,
            edited_ms,
        )
        match payload:
            case RoomText(reply=bytes() as named):
                return view._replace(quote=_quote(turn, log, named, is_seen))
            case State():
                known = self._verdicts(turn, live.room_id) if verdicts is None else verdicts()
                return view._replace(holds=known.get(stored.hash) is Verdict.VALID)
            case Form():
                answer = Abouts(self._state.rows, live.room_id, log).answer_to(turn, stored, payload)
                return view._replace(form=payload, answer=answer)
            case Answer():
                return view._replace(**_of_form(turn, log, payload, is_seen))
            case _:
                return view

    def erasures(self, room_id: RoomId, now_ms: int) -> list[ErasureView]:
        """Return the newest orders to erase, with what the company's devices have answered (ROOM-45).

        Raises:
            UnknownRoom, RoomsLocked.
        """
        live, people = self._rooms.stored(Turn(now_ms), room_id)[0], self._people(now_ms)

        def person(device_id: DeviceId) -> Person:
            return people(Author(live.company, device_id))

        return [
            ErasureView(
                *(one.by, one.hashes, one.asked_ms),
                tuple(
                    ErasureAnswer(person(said.device_id), said.outcome.name.lower(), *said[2:])
                    for said in one.answers
                ),
                tuple(person(device_id) for device_id in one.missing),
            )
            for one in live.erasures
        ]

    def rating(self, room_id: RoomId, now_ms: int) -> EntryView | None:
        """Return the rating of a room that counts (TRN-44).

        Raises:
            UnknownRoom, RoomsLocked.
        """
        turn = Turn(now_ms)
        live, log = self._rooms.stored(turn, room_id)
        counts = Abouts(self._state.rows, room_id, log).rating(turn)
        stored = None if counts is None else log.find(turn, counts)
        return None if stored is None else self._entry(turn, live, log, stored, self._people(now_ms))

    def unattended(self, now_ms: int) -> list[RoomId]:
        """Return the open rooms whose members this steward's device has not reached for days (ROOM-80)."""
        return self._rooms.unattended.now(Turn(now_ms)) if self._rooms.is_active() else []

    def waits_since(self, room_id: RoomId, now_ms: int) -> int | None:
        """Return when the oldest text of the company came that waits: it stands behind all that the customer
        has written, and no device of the customer has confirmed it (CNS-78); None if nothing waits.

        Raises:
            UnknownRoom, RoomsLocked.
        """
        turn, since_ms = Turn(now_ms), None
        live, log = self._rooms.stored(turn, room_id)
        devices = frozenset(() if live.customer is None else self._rooms.around.devices(live.customer))
        for one in reversed(log.newest(turn, MAX_LOOKED_AT)):
            is_theirs = one.account_id != live.company
            if is_theirs and one.forwarded_by is None:
                return since_ms
            if not is_theirs and not one.is_hidden and Header.decode(one.header).kind == Kind.TEXT:
                if one.is_delivered and devices - set(one.waiting_for):
                    return since_ms
                since_ms = one.received_ms
        return since_ms

    def wordings(self, room_id: RoomId, text: EntryHash, now_ms: int) -> list[EntryView]:
        """Return the entries that have worded a text anew, in the order of their numbers.

        Raises:
            UnknownRoom, RoomsLocked.
        """
        turn = Turn(now_ms)
        live, log = self._rooms.stored(turn, room_id)
        found = Abouts(self._state.rows, room_id, log).wordings(turn, text)
        return [self._entry(turn, live, log, one, self._people(now_ms)) for one in found]

    def _by_tag(self, live: LiveRoom, tag: bytes, now_ms: int) -> Person | None:
        for one in self._rooms.around.devices(live.company):
            if device_tag(live.room_id, one) == tag:
                return self.person(Author(live.company, one), now_ms)
        return None


def written_ms(sent_ms: int, k: int, received_ms: int) -> int:
    """Return the time that a person is shown with an entry (TRN-49)."""
    return min(max(sent_ms, k), received_ms)


def _written_ms(stored: StoredEntry, header: Header) -> int:
    return written_ms(header.sent_ms, stored.k, stored.received_ms)


def _wording(turn: Turn, log: EntryLog, stored: StoredEntry) -> tuple[str | None, int | None]:
    """Return the newest wording of a text, and when it was written (TRN-49)."""
    newest = None if stored.edited_by is None else log.find(turn, stored.edited_by)
    payload = None if newest is None else payload_of(newest)
    if newest is None or not isinstance(payload, Edit):
        return None, None
    first_ms = _written_ms(stored, Header.decode(stored.header))
    return payload.text, max(_written_ms(newest, Header.decode(newest.header)), first_ms)


def _seen(turn: Turn, log: EntryLog, named: EntryHash, is_seen: IsSeen) -> StoredEntry | None:
    """Return an entry that another one names, if this device shows it (ROOM-17)."""
    stored = log.find(turn, named)
    return stored if stored is not None and is_seen(stored) else None


def _quote(turn: Turn, log: EntryLog, named: EntryHash, is_seen: IsSeen) -> str | None:
    """Return the beginning of what an entry says, as it is shown; None if it is hidden or not here."""
    stored = _seen(turn, log, named, is_seen)
    payload = None if stored is None else payload_of(stored)
    match payload:
        case RoomText() if stored is not None:
            newest, _ = _wording(turn, log, stored)
            return (payload.text if newest is None else newest)[:QUOTE_CHARACTERS]
        case Edit():
            return payload.text[:QUOTE_CHARACTERS]
        case File():
            return payload.name
        case Form():
            return payload.title
        case _:
            return None


class _OfForm(TypedDict):
    form: Form | None
    fault: AnswerFault | None


def _of_form(turn: Turn, log: EntryLog, answer: Answer, is_seen: IsSeen) -> _OfForm:
    """Return the form that an answer is about, if it is shown here, and why the answer does not fit."""
    stored = _seen(turn, log, answer.form, is_seen)
    form = None if stored is None else payload_of(stored)
    if not isinstance(form, Form):
        return {"form": None, "fault": None}
    return {"form": form, "fault": fault_of(form, answer)}


def _view(one: RoomIndex, waiting: Waiting | None) -> RoomView:
    return RoomView(
        one.room_id,
        one.customer,
        Phase(one.phase) if one.phase else None,
        one.members,
        one.assigned,
        one.is_sensitive,
        one.on_hold,
        one.last_ms,
        one.unread,
        None if waiting is None else waiting.since_ms,
        None if waiting is None else waiting.team,
    )


def _waiting(room_id: RoomId, waiting: Waiting) -> RoomView:
    since_ms, team = waiting.since_ms, waiting.team
    return RoomView(room_id, None, None, (), None, False, False, since_ms, 0, since_ms, team)
