"""What an entry goes through: checks in order, its place, what it does (TRN-08 to TRN-10, TRN-17)."""

from __future__ import annotations

from typing import Final

from e2ee.content import Content, ContentType
from e2ee.errors import (
    ConsentWithdrawn,
    ContentError,
    IdentityMismatch,
    ListExpired,
    ListGap,
    MandateInvalid,
    NoRight,
    NotMember,
    RemoteError,
    RoomClosed,
    RoomErased,
    RoomFrozen,
    RosterExpired,
    TooMany,
)
from e2ee.rooms import gate, transcript
from e2ee.rooms.acts import act_of
from e2ee.rooms.entry import (
    Author,
    DeviceTag,
    Entry,
    EntryHash,
    Header,
    commitment_of,
    decode_entry,
    device_tag,
    read_entry,
)
from e2ee.rooms.forward import GROUND
from e2ee.rooms.kinds import PROOFS, TO_READ, Kind, Side, check_writer
from e2ee.rooms.login import LoginToken
from e2ee.rooms.payloads import EntryPayload, Reach, Refusal, read_payload
from e2ee.rooms.room import EARLY_MS, MAX_EARLY, Admission, admit, keeps_place
from e2ee.rooms.signed_payloads import Identify, Withdrawal
from e2ee.rooms.state import State
from e2ee.rooms.transcript import Outcome
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import EntryAdded, EntryRefused

from .entry_log import StoredEntry, new_stored
from .records import Early, Hearsay
from .room_part import RoomPart

MAX_HEARSAY: Final = 256
_NOT_NOW: Final = (RosterExpired, MandateInvalid, ListExpired, ListGap, IdentityMismatch)
"""Who is in force is not known: nothing is decided, and the entry comes again."""
_LACKS_STATES: Final = (NotMember, RoomClosed, RoomFrozen, ConsentWithdrawn, RoomErased)
"""Whose entry was refused for these may not know the states in force (ROOM-30)."""


class Taking(RoomPart):
    """Entries of sessions, lines of forwards, and our own go through here."""

    def side_of(self, author: Author) -> Side:
        """Return the side of an author."""
        return Side.COMPANY if author.account_id == self._live.company else Side.CUSTOMER

    def tag_of(self, author: Author) -> DeviceTag:
        """Return the tag of a device in this room."""
        return device_tag(self._live.room_id, author.device_id)

    # --- from a session ---

    def from_session(self, turn: Turn, author: Author, content: Content) -> bool:
        """Take an entry that came in a session with its author; whether it is to be confirmed (TRN-08).

        Raises:
            RemoteError: refused, and nothing of it stays.
        """
        is_company = self.side_of(author) is Side.COMPANY
        entry = decode_entry(content, author, self._around.signer(author) if is_company else None)
        self._room.check_accounts(entry)
        self._room.log.check_new(turn, entry)
        stored = self._room.log.find(turn, entry.hash)
        known = self._room.log.held(turn, self.tag_of(author), entry.header.n)
        if known is not None and known.hash == entry.hash:
            self._count_again(turn, entry)
            if stored is not None and self._lacks_body(turn, stored):
                payload = self._readable(turn, entry)
                if not is_company:
                    self._check_phase(turn, entry, payload)
                self._complete(turn, stored, entry, is_history=False, is_line=False)
            return stored is not None
        if stored is not None and stored.forwarded_by is None:
            return True
        return self._checked(turn, entry)

    def _checked(self, turn: Turn, entry: Entry) -> bool:
        kind, admission = entry.header.kind, Admission.TAKEN
        try:
            if self.side_of(entry.author) is Side.COMPANY:
                ranks = self._around.team(self._live.company, turn.now_ms).ranks()
                admission = admit(self._room.states.room, entry.author.device_id, kind, ranks)
            payload = self._readable(turn, entry)
            if admission is Admission.OWED and not self._room.erasures.are_for(entry, payload):
                raise NotMember("an answer that a former member does not owe")
            self._check_phase(turn, entry, payload)
            self._room.identifying.check(turn, entry, payload)
        except _NOT_NOW:
            raise
        except RemoteError as error:
            if isinstance(error, TooMany) or not keeps_place(error, kind):
                raise
            self.refuse(turn, entry, error.code)
            if isinstance(error, _LACKS_STATES):
                self._room.forwarding.inform(turn, entry.author)
            return False
        if admission is Admission.EARLY:
            self._keep_early(turn, entry)
            self._room.forwarding.inform(turn, entry.author)
        else:
            self.keep(turn, entry, payload, begins=self._begins(turn, entry, payload, is_sent=True))
        return True

    def _begins(
        self, turn: Turn, entry: Entry, payload: EntryPayload | None, *, is_sent: bool = False
    ) -> bool:
        """Whether an entry shows by itself that its author meant us: it names a state in which we are a
        recipient, or is one (TRN-11). A state that is not here yet is believed of who has sent us the entry,
        if nothing else has begun its chain.
        """
        us, named, states = self._around.us, entry.header.state, self._room.states
        chain = self._live.view.chain(self.tag_of(entry.author))
        if chain.floor is not None and entry.header.n < chain.floor:
            # Before we joined for the last time we may have been a recipient as well.
            return named is not None and named in {one.hash for one in states.path_with_us()}
        if isinstance(payload, State):
            return us.device_id in payload.members
        if named is None:
            return False
        if named in states.room.states:
            return us.account_id != self._live.company or states.received_then(us, named)
        return is_sent and chain.floor is None

    def _readable(self, turn: Turn, entry: Entry) -> EntryPayload:
        """Steps 7 and 8: form of the body, who writes the kind, what it does about other entries."""
        payload, kind = read_payload(entry), entry.header.kind
        check_writer(kind, self.side_of(entry.author))
        if kind == Kind.OPEN and self._live.root not in (None, entry.hash):
            raise NoRight("a room is opened once")
        if isinstance(payload, State):
            self._room.states.check_room_for(turn, entry.author.device_id, payload)
        if act_of(kind, payload) is not None:
            self._room.states.check_act(turn, entry, payload)
        if isinstance(payload, Refusal):
            self._room.erasing.check_refusal(turn, entry)
        self._room.erasing.check(turn, entry, payload)
        self._room.consent.check(entry, payload)
        return payload

    def _check_phase(self, turn: Turn, entry: Entry, payload: EntryPayload) -> None:
        """Step 9; what a customer sends to the company is looked up in the gate's table (ROOM-19)."""
        kind = entry.header.kind
        if self.side_of(entry.author) is Side.COMPANY:
            self._room.states.check_content(kind, turn.now_ms)
        elif self._around.side is Side.COMPANY:
            is_null = isinstance(payload, Reach) and payload.email is None
            row = gate.row_of(ContentType.ENTRY, kind, is_null=is_null)
            gate.check(row, self._room.consent.column(turn.now_ms))

    def refuse(self, turn: Turn, entry: Entry, code: str) -> None:
        """Leave the place of an entry, and nothing else (TRN-10)."""
        live, log = self._live, self._room.log
        taken = transcript.take(live.view, entry, lambda tag, n: log.held(turn, tag, n), turn.now_ms)
        if taken.outcome is Outcome.TAKEN:
            live.view = taken.view
            log.place(turn, entry)
        self._room.identifying.refused(turn, entry, code)
        self._around.tell(turn, EntryRefused(live.room_id, entry.hash, entry.author.device_id, code))

    # --- held until a state names the author ---

    def _keep_early(self, turn: Turn, entry: Entry) -> None:
        live, body, signature = self._live, entry.body, entry.signature
        if body is None or signature is None or any(one.hash == entry.hash for one in live.early):
            return
        if len(live.early) >= MAX_EARLY:
            raise TooMany("too many entries of devices that no state names")
        early = Early(
            *(entry.author.device_id, entry.hash, entry.header.encoded, body, signature), turn.now_ms
        )
        live.early = (*live.early, early)

    def retry_early(self, turn: Turn) -> None:
        """Take what was held early and is admitted now; after a day it is refused (ROOM-16)."""
        live = self._live
        waiting, live.early = live.early, ()
        for one in waiting:
            if turn.now_ms - one.received_ms >= EARLY_MS:
                event = EntryRefused(live.room_id, one.hash, one.device_id, NotMember.code)
                self._around.tell(turn, event)
                continue
            author = Author(live.company, one.device_id)
            parts = author, one.header, commitment_of(one.body), one.body, one.signature
            try:
                entry = read_entry(*parts, self._around.signer(author))
                if self._room.log.find(turn, entry.hash) is None:
                    self._checked(turn, entry)
            except _NOT_NOW:
                live.early = (*live.early, one)
            except RemoteError as error:
                event = EntryRefused(live.room_id, one.hash, one.device_id, error.code)
                self._around.tell(turn, event)
        kept = {one.hash: one.received_ms for one in waiting}
        live.early = tuple(
            one._replace(received_ms=kept.get(one.hash, one.received_ms)) for one in live.early
        )

    def due_ms(self) -> int | None:
        """Return when the oldest early entry goes."""
        return min((one.received_ms + EARLY_MS for one in self._live.early), default=None)

    # --- lines ---

    def line(self, turn: Turn, entry: Entry, by: Author, *, history: bool) -> Outcome:
        """Take an entry that another device gave us: steps 4, 6 and 9 are not for lines (TRN-17), but of what
        a customer gives no content is taken where the gate lets none pass (CNS-92).

        Raises:
            RemoteError: refused, and nothing of it stays.
        """
        log = self._room.log
        self._check_bare(entry)
        stored = log.find(turn, entry.hash)
        if stored is not None and not (stored.forwarded_by is not None and by == entry.author):
            self._check_given(turn, entry, by, stored)
            self._complete(turn, stored, entry, is_history=history)
            self._count_again(turn, entry)
            return Outcome.KNOWN
        known = log.held(turn, self.tag_of(entry.author), entry.header.n)
        if known is not None and known.hash == entry.hash:
            self._count_again(turn, entry)
            return Outcome.KNOWN
        log.check_new(turn, entry)
        self._check_given(turn, entry, by, stored)
        payload: EntryPayload | None = None
        if entry.body is not None:
            try:
                payload = self._readable(turn, entry)
                self._room.identifying.check(turn, entry, payload, is_line=True)
            except TooMany:
                raise
            except RemoteError as error:
                self.refuse(turn, entry, error.code)
                return Outcome.TAKEN
        may_begin = not history or entry.header.kind == Kind.MARK
        begins = may_begin and self._begins(turn, entry, payload)
        return self.keep(turn, entry, payload, begins=begins, by=by, history=history)

    def _check_given(self, turn: Turn, entry: Entry, by: Author, stored: StoredEntry | None) -> None:
        """Look up in the gate's table what a customer gives of an entry and is not here, nor was erased here;
        a commitment alone passes (CNS-92). What is given in vain is noted for the next question (CNS-93).

        Raises:
            RemoteError: it does not pass.
        """
        is_given = self._around.side is Side.COMPANY and by.account_id == self._live.customer
        if not is_given or entry.body is None:
            return
        if stored is None or not (stored.is_hidden or self._room.log.entry(turn, stored).body is not None):
            row = gate.row_of_line(entry.header.kind, is_null=_takes_back(entry))
            column = self._room.consent.column(turn.now_ms)
            try:
                gate.check(row, column)
            except RemoteError:
                tag, n, known = self.tag_of(entry.author), entry.header.n, self._room.refused_from
                known[tag] = min(n, known.get(tag, n))
                raise

    def _check_bare(self, entry: Entry) -> None:
        """Refuse the commitment alone of what nobody erases: its order would pass for carried out (TRN-53).

        Raises:
            ContentError.
        """
        if entry.body is None and entry.header.kind in PROOFS:
            raise ContentError("the commitment alone of what is erased by nobody")

    def _count_again(self, turn: Turn, entry: Entry) -> None:
        """Count an entry that is here from before we joined again, and was asked for (TRN-11)."""
        live, log = self._live, self._room.log
        live.view = transcript.counted(live.view, entry, lambda tag, n: log.held(turn, tag, n), turn.now_ms)

    def _lacks_body(self, turn: Turn, stored: StoredEntry) -> bool:
        """Whether of an entry the commitment alone is here, and not because it was erased here (TRN-17)."""
        is_erased = stored.is_hidden or stored.is_marked
        return not is_erased and self._room.log.entry(turn, stored).body is None

    def _complete(
        self, turn: Turn, stored: StoredEntry, entry: Entry, *, is_history: bool, is_line: bool = True
    ) -> None:
        """A body that comes later for a commitment completes it, unless it was erased here (TRN-17).

        Raises:
            RemoteError: one of `_NOT_NOW`, of a login; nothing has changed.
        """
        if entry.body is not None and self._lacks_body(turn, stored):
            login = None if is_history else self._login(turn, entry, stored, is_line=is_line)
            self._room.log.complete(turn, stored, entry.body)
            self._room.about.completed(turn, entry)
            stored.body = entry.body
            self._room.erasing.apply_earlier(turn, entry, stored)
            self._room.log.put(turn, stored)
            if not is_history:
                self._unread(turn, entry, stored)
            if login is not None and not stored.is_hidden:
                self._room.identifying.taken(turn, entry, login)
            self._room.erasing.added(turn, stored)
            self._room.retaining.added_at_any_place(turn, stored)
            self._tell_added(turn, stored, entry.header.kind, entry.header.sent_ms, is_late=True)

    def _login(self, turn: Turn, entry: Entry, stored: StoredEntry, *, is_line: bool) -> EntryPayload | None:
        """Return a login that holds, or a sign-out, whose body came after its commitment (TRN-53); one that
        does not hold is refused (CNS-57), once, as its body is here then.
        """
        if entry.header.kind != Kind.IDENTIFY or stored.forwarded_by is not None:
            return None
        try:
            payload = self._readable(turn, entry)
            self._room.identifying.check(turn, entry, payload, is_line=is_line)
        except _NOT_NOW:
            raise
        except RemoteError as error:
            self._room.identifying.refused(turn, entry, error.code)
            return None
        return payload

    # --- what stays ---

    def keep(
        self,
        turn: Turn,
        entry: Entry,
        payload: EntryPayload | None,
        *,
        begins: bool = False,
        by: Author | None = None,
        history: bool = False,
    ) -> Outcome:
        """Take an entry into chains and order, and do what it says.

        Raises:
            TooMany: its chain has too many parts (TRN-28).
        """
        live, log = self._live, self._room.log
        by_tag = None if by is None or by == entry.author else self.tag_of(by)
        taken = transcript.take(
            *(live.view, entry, lambda tag, n: log.held(turn, tag, n), turn.now_ms),
            forwarded_by=by_tag,
            begins=begins,
            history=history or (by is not None and live.view.late and entry.header.kind in GROUND),
        )
        stored = new_stored(entry, turn.now_ms, self._followed(turn, entry))
        stored.gaps = self._around.gaps(turn)
        live.view = taken.view
        if taken.outcome is Outcome.TAKEN:
            entry = self._room.retaining.as_heard(turn, entry, stored)
            payload = None if entry.body is None else payload
            self._order(turn, entry, stored, is_history=history)
            self._room.erasing.note_links(turn, entry)
            if not history:
                self._room.about.addressed(turn, entry)
            self._does(turn, entry, payload, history=history)
            self._erase_or_time(turn, entry, stored)
            self._covered(turn, entry)
        elif taken.outcome is Outcome.HEARSAY and by_tag is not None:
            self._hear(turn, entry, payload, stored, by_tag, is_history=history)
        elif taken.outcome is Outcome.CONTRADICTED and log.find(turn, entry.hash) is None:
            stored.is_aside = True
            self._room.erasing.apply_earlier(turn, entry, stored)
            log.put_aside(turn, entry, stored)
            if isinstance(payload, State):
                self._room.states.take(turn, entry, payload)
            self._erase_or_time(turn, entry, stored)
        self._room.findings.report(turn, taken.findings, entry)
        return taken.outcome

    def _erase_or_time(self, turn: Turn, entry: Entry, stored: StoredEntry) -> None:
        """Of what was to be erased nothing stays; what stays has its time (ROOM-41, ROOM-44,
        ROOM-46).
        """
        stored.body = entry.body
        self._room.erasing.added(turn, stored)
        if not stored.is_hidden:
            self._room.retaining.added(turn, stored)

    def _followed(self, turn: Turn, entry: Entry) -> EntryHash | None:
        """The state that an author followed: the one it names, or that of the entry before."""
        if entry.header.kind == Kind.STATE:
            return entry.hash
        if entry.header.state is not None or entry.header.prev is None:
            return entry.header.state
        before = self._room.log.find(turn, entry.header.prev)
        return None if before is None else before.followed

    def _order(self, turn: Turn, entry: Entry, stored: StoredEntry, *, is_history: bool) -> None:
        kind = entry.header.kind
        self._begin_notes(turn, entry)
        self._room.log.place(turn, entry)
        self._room.erasing.apply_earlier(turn, entry, stored)
        known = self._room.log.find(turn, entry.hash)
        has_place = known is not None and not known.is_aside
        completes = known is not None and entry.body is not None and self._lacks_body(turn, known)
        is_late = self._add(turn, entry, stored, is_history=is_history or has_place)
        if completes and not is_history:
            self._unread(turn, entry, stored)
        is_history = is_history or (has_place and not completes)
        self._room.index.last_ms = max(self._room.index.last_ms, turn.now_ms)
        sent_ms = entry.header.sent_ms
        self._tell_added(turn, stored, kind, sent_ms, is_late=is_late, is_history=is_history)

    def _begin_notes(self, turn: Turn, entry: Entry) -> None:
        """The order of a room of notes begins with its first state; of two the earlier one, on every device
        (TRN-16).
        """
        live, header = self._live, entry.header
        if live.customer is not None or header.kind != Kind.STATE or header.prev is not None or header.seen:
            return
        known = None if live.root_content is None else self._room.log.find(turn, live.root_content)
        if known is None or (header.sent_ms, entry.hash) < (Header.decode(known.header).sent_ms, known.hash):
            live.root_content = entry.hash

    def _add(self, turn: Turn, entry: Entry, stored: StoredEntry, *, is_history: bool) -> bool:
        """Put an entry into the order; whether it is late. One that had a place by hearsay stays as unread
        or read as it was there.
        """
        is_unread = self._is_to_read(entry) and not is_history
        self._room.index.unread += is_unread
        return self._room.log.add(turn, entry, stored, self._live.root_content, is_unread=is_unread)

    def _is_to_read(self, entry: Entry) -> bool:
        return entry.author.account_id != self._around.us.account_id and entry.header.kind in TO_READ

    def _unread(self, turn: Turn, entry: Entry, stored: StoredEntry) -> None:
        """What has its body from now on is unread, whatever was read of it before (TRN-52)."""
        if self._is_to_read(entry) and not stored.is_hidden:
            self._room.index.unread += self._room.log.mark_unread(turn, stored)

    def tell_again(self, turn: Turn, state: EntryHash) -> None:
        """Tell of a state that was held and is valid by now: what it says is shown from now on (ROOM-71)."""
        stored = self._room.log.find(turn, state)
        if stored is not None and not stored.is_aside:
            sent_ms = Header.decode(stored.header).sent_ms
            self._tell_added(turn, stored, Kind.STATE, sent_ms, is_late=False, is_history=True)

    def _tell_added(
        self,
        turn: Turn,
        stored: StoredEntry,
        kind: int,
        sent_ms: int,
        *,
        is_late: bool,
        is_history: bool = False,
    ) -> None:
        event = EntryAdded(
            stored.room_id,
            stored.hash,
            kind,
            stored.account_id,
            stored.device_id,
            sent_ms,
            is_late=is_late,
            forwarded_by=stored.forwarded_by,
            is_history=is_history,
        )
        self._around.tell(turn, event)

    def _does(self, turn: Turn, entry: Entry, payload: EntryPayload | None, *, history: bool) -> None:
        """Do what an entry says: states, acts, consent, orders about other entries, hand-overs."""
        if payload is None:
            return
        if isinstance(payload, State):
            self._room.states.take(turn, entry, payload)
        self._room.about.taken(turn, entry, payload)
        if history:
            return
        if act_of(entry.header.kind, payload) is not None:
            self._room.states.add_act(turn, entry.hash)
        self._room.consent.take(turn, entry, payload)
        self._room.erasing.take(turn, entry, payload)
        self._room.retaining.taken(turn, entry, payload)
        self._room.forwarding.announced(turn, entry, payload)
        self._room.stewarding.entry_taken(turn, entry, payload)
        self._room.identifying.taken(turn, entry, payload)

    def begin_by_hearsay(self, turn: Turn, entry: Entry, payload: EntryPayload, by: Author) -> None:
        """Show the `open` that a steward forwards to a joiner: the order begins with it (ROOM-25)."""
        stored = new_stored(entry, turn.now_ms)
        stored.forwarded_by = self.tag_of(by)
        self._room.log.add(turn, entry, stored, entry.hash, is_unread=False)
        self._room.consent.take(turn, entry, payload)
        self._tell_added(turn, stored, entry.header.kind, entry.header.sent_ms, is_late=False)

    # --- hearsay ---

    def _hear(
        self,
        turn: Turn,
        entry: Entry,
        payload: EntryPayload | None,
        stored: StoredEntry,
        by: DeviceTag,
        *,
        is_history: bool,
    ) -> None:
        """Show a customer's entry as forwarded, in its place; it neither fills a gap nor acts (TRN-17)."""
        live = self._live
        stored.forwarded_by = by
        if isinstance(payload, Identify) and payload.signed is not None:
            # Its time is stated by the company's own web server (ROOM-87).
            stored.received_ms = min(stored.received_ms, LoginToken.read(payload.signed).issued_ms)
        self._room.erasing.apply_earlier(turn, entry, stored)
        is_late = self._add(turn, entry, stored, is_history=is_history)
        heard = Hearsay(self.tag_of(entry.author), entry.header.n, entry.hash, by)
        live.hearsay = (*live.hearsay, heard)[-MAX_HEARSAY:]
        self._room.about.taken(turn, entry, payload)
        if payload is not None:
            # A receipt or withdrawal stands by its own signature, whoever brings it.
            self._room.consent.take(turn, entry, payload)
            if isinstance(payload, Withdrawal):
                self._room.erasing.hear(turn, entry, payload)
            if isinstance(payload, Identify) and payload.signed is not None and not is_history:
                # A token stands by the state that grants it, which names its hash (CNS-56).
                self._room.identifying.taken(turn, entry, payload)
        self._erase_or_time(turn, entry, stored)
        kind, sent_ms = entry.header.kind, entry.header.sent_ms
        self._tell_added(turn, stored, kind, sent_ms, is_late=is_late, is_history=is_history)

    def _covered(self, turn: Turn, entry: Entry) -> None:
        """Take what was hearsay until this entry of the same device named it."""
        live, prev = self._live, entry.header.prev
        live.hearsay = tuple(one for one in live.hearsay if one.hash != entry.hash)
        heard = next((one for one in live.hearsay if one.hash == prev), None)
        stored = None if heard is None else self._room.log.find(turn, heard.hash)
        if heard is None or stored is None:
            return
        live.hearsay = tuple(one for one in live.hearsay if one is not heard)
        before = self._room.log.entry(turn, stored)
        payload: EntryPayload | None = None
        if before.body is not None:
            try:
                payload = self._readable(turn, before)
                self._room.identifying.check(turn, before, payload, is_line=True)
            except RemoteError as error:
                self.refuse(turn, before, error.code)
                return
        try:
            self.keep(turn, before, payload, begins=self._begins(turn, before, payload))
        except TooMany:
            # It stays hearsay, and is asked for as a gap.
            live.hearsay = (*live.hearsay, heard)


def _takes_back(entry: Entry) -> bool:
    """Whether an entry takes an address back, which is an act (CNS-11)."""
    if entry.header.kind != Kind.REACH:
        return False
    try:
        payload = read_payload(entry)
    except ContentError:
        return False
    return isinstance(payload, Reach) and payload.email is None
