"""Who the customer of a room is: login tokens, what a steward grants or refuses, signing out (CNS-16, CNS-42,
CNS-52 to CNS-57).

challenge --> page --> token --> `identify` --> each device checks it --> a steward in turn, or a person,
grants it by a state or refuses it by an entry: so all devices, the customer's too, say the same
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from e2ee.errors import LoginExpired, LoginUsed, MandateInvalid, NoConsent, NoRight, RemoteError
from e2ee.ids import DeviceId
from e2ee.rooms.desk import TURN_MS
from e2ee.rooms.entry import ROOM_ID_B, Entry, EntryHash, Header, RoomId
from e2ee.rooms.gate import identify_waits
from e2ee.rooms.kinds import Kind, Side
from e2ee.rooms.login import CHALLENGE_B, LOGIN_LIFE_MS, Challenge, LoginToken, verify_login
from e2ee.rooms.payloads import MAX_HASHES, EntryPayload, Erase, Refusal, read_payload
from e2ee.rooms.signed_payloads import Identify
from e2ee.rooms.state import DESK, MAX_ANSWERS
from e2ee_client.engine.ports import RowReader
from e2ee_client.engine.row_codec import Row
from e2ee_client.engine.turn import Turn
from e2ee_client.people import LoggedIn
from e2ee_client.room_events import IdentifyAnswered, IdentifyAsked, SignedOut

from .about import SIGNED_OUT
from .entry_log import EntryLog, StoredEntry
from .erasing import kind_of
from .room_part import RoomPart
from .stewarding import Change

MAX_WAITING: Final = 16
"""Logins of a room that wait, and such that are to be refused; the oldest ones go."""
MAX_ASKED: Final = 4
MAX_NONCES: Final = 64


class Asked(NamedTuple):
    """A challenge of ours that a token may answer."""

    nonce: bytes
    until_ms: int


class Taken(NamedTuple):
    """A nonce, and the entry that has used it."""

    nonce: bytes
    entry: EntryHash


class Refused(NamedTuple):
    """A login that this device has refused, and that no steward has answered yet."""

    entry: EntryHash
    code: str
    since_ms: int


@dataclass(slots=True)
class Logins(Row):
    """Logins of a room: which wait, which one counts, and the devices of the account that are confirmed."""

    TABLE: ClassVar[str] = "desk"
    PREFIX: ClassVar[bytes] = b"login"
    KEY: ClassVar = (("room_id", ROOM_ID_B),)
    room_id: RoomId
    waiting: tuple[EntryHash, ...] = ()
    confirmed: tuple[DeviceId, ...] = ()
    counts: EntryHash | None = None
    nonces: tuple[Taken, ...] = ()
    refused: tuple[Refused, ...] = ()
    asked: tuple[Asked, ...] = ()


class Identifying(RoomPart):
    """Both sides check a token and follow what becomes of it; a company's device looks at the devices."""

    # --- on the customer's side ---

    def ask(self, turn: Turn) -> Challenge:
        """Return a challenge for the company's web server (CNS-53).

        Raises:
            NoRight: on the company's side.
        """
        if self._around.side is not Side.CUSTOMER:
            raise NoRight("a customer logs in")
        known, us, live = self._logins(turn), self._around.us, self._live
        made = Asked(self._around.rng(CHALLENGE_B), turn.now_ms + LOGIN_LIFE_MS)
        open_ = [one for one in known.asked if one.until_ms > turn.now_ms]
        known.asked = (*open_, made)[-MAX_ASKED:]
        turn.put(known.put())
        return Challenge(live.company, *us, live.room_id, made.nonce)

    def hand_in(self, turn: Turn, signed: bytes) -> EntryHash:
        """Write a login with a token that answers one of our challenges (CNS-53).

        Raises:
            LoginUsed: it answers none. MandateInvalid: its mandate is not known yet, and what is seen
            without it holds. What `verify_login` and `Writing.write` raise; nothing has changed.
        """
        try:
            token = self._token(signed)
        except MandateInvalid:
            self._left(turn, LoginToken.read(signed))
            raise
        known = self._logins(turn)
        known.asked = self._left(turn, token)
        turn.put(known.put())
        return self._room.writing.write(turn, Identify(signed))

    def _left(self, turn: Turn, token: LoginToken) -> tuple[Asked, ...]:
        """Return our open challenges but the one that a token answers.

        Raises:
            LoginOfAnother, LoginExpired. LoginUsed: it answers none.
        """
        us, live = self._around.us, self._live
        token.check(us, live.room_id, turn.now_ms, turn.now_ms)
        asked = [one for one in self._logins(turn).asked if one.until_ms > turn.now_ms]
        challenges = [Challenge(live.company, *us, live.room_id, one.nonce) for one in asked]
        if token.asked not in challenges:
            raise LoginUsed("the token answers no challenge of this device")
        return tuple(one for one in asked if one.nonce != token.asked.nonce)

    def sign_out(self, turn: Turn, *, has_consent: bool = True) -> EntryHash:
        """Erase the logins that are here, in every phase and without a consent that counts, too, and say that
        the person has signed out, where that passes (CNS-75); open challenges are worth nothing.

        Raises:
            RoomClosed, RoomFrozen, NoConsent: none is here. What `Writing.write` raises.
        """
        known, writing = self._logins(turn), self._room.writing
        known.asked = ()
        turn.put(known.put())
        passes = has_consent and self._room.states.lets_pass(Kind.IDENTIFY, turn.now_ms)
        is_full = passes and self._room.erasing.is_full(turn, Side.CUSTOMER)
        named = () if is_full else self._here(turn)
        if not named:
            if not has_consent:
                raise NoConsent("nobody is logged in, and no consent counts")
            return writing.write(turn, Identify(None))
        erased = writing.write(turn, Erase(named))
        if passes:
            writing.write_quietly(turn, Identify(None))
        return erased

    def _here(self, turn: Turn) -> tuple[EntryHash, ...]:
        """Return the logins that are here and not erased, the newest ones."""
        log = self._room.log
        kept = (one for _, some in log.kept_from(turn, 0) for one in some)
        logins = (one.hash for one in kept if kind_of(one) == Kind.IDENTIFY)
        return tuple(one for one in logins if person_of(turn, log, one) is not None)[-MAX_HASHES:]

    # --- what comes ---

    def check(self, turn: Turn, entry: Entry, payload: EntryPayload, *, is_line: bool = False) -> None:
        """Refuse a login that does not hold (CNS-52). Of a line the arrival is not looked at, and one under
        an older mandate stands by the state that grants it.

        Raises:
            LoginOfAnother, LoginExpired, LoginUsed, MandateInvalid. What `LoginToken.verify` raises.
        """
        if not isinstance(payload, Identify) or payload.signed is None:
            return
        sent_ms = entry.header.sent_ms
        try:
            token = self._token(payload.signed)
        except LoginExpired:
            if not is_line:
                raise
            token = LoginToken.read(payload.signed)
        token.check(entry.author, entry.header.room_id, sent_ms, sent_ms if is_line else turn.now_ms)
        nonce = token.asked.nonce
        if any(one.nonce == nonce and one.entry != entry.hash for one in self._logins(turn).nonces):
            raise LoginUsed("the challenge was answered before")

    def _token(self, signed: bytes) -> LoginToken:
        mandate = self._around.mandate(self._live.company)
        if mandate is None:
            raise MandateInvalid("the company's mandate is not known")
        return verify_login(mandate, signed)

    def taken(self, turn: Turn, entry: Entry, payload: EntryPayload) -> None:
        """Note a login that was checked, one that is refused, and that a person has signed out."""
        match payload:
            case Identify(signed=None):
                self._room.abouts.note(turn, SIGNED_OUT, entry.hash)
                self._signed_out(turn, entry, (entry.hash,))
            case Identify(signed=bytes() as signed):
                self._asked(turn, entry, signed)
            case Erase(hashes=named) if named is not None:
                self._signed_out(turn, entry, named)
            case Refusal(named=refused, code=code):
                self._answered(turn, refused, code)
            case _:
                pass

    def _asked(self, turn: Turn, entry: Entry, signed: bytes) -> None:
        known = self._logins(turn)
        if entry.hash in (known.counts, *known.waiting, *(one.entry for one in known.nonces)):
            # It was here by hearsay: what became of it stands.
            return
        used = Taken(LoginToken.read(signed).asked.nonce, entry.hash)
        known.nonces = (*(one for one in known.nonces if one != used), used)[-MAX_NONCES:]
        stored = self._room.log.find(turn, entry.hash)
        if stored is not None and self._is_over(turn, stored):
            turn.put(known.put())
            return
        known.waiting = (*known.waiting, entry.hash)[-MAX_WAITING:]
        turn.put(known.put())
        self._room.moved = True
        if self._around.side is Side.COMPANY and self._needs_person(turn, known, entry):
            self._around.tell(turn, IdentifyAsked(self._live.room_id, entry.hash, self._new(known, entry)))

    def _is_over(self, turn: Turn, stored: StoredEntry) -> bool:
        """Whether a login was to be erased, or its device has signed out behind it (CNS-56)."""
        n = Header.decode(stored.header).n
        left = [one for one in self._room.abouts.of(turn, SIGNED_OUT) if one.device_id == stored.device_id]
        return self._room.erasing.is_erased(turn, stored) or any(
            Header.decode(one.header).n > n for one in left
        )

    def _new(self, known: Logins, entry: Entry) -> tuple[DeviceId, ...]:
        return new_devices(self._room.states.customers(), known, entry)

    def _needs_person(self, turn: Turn, known: Logins, entry: Entry) -> bool:
        return needs_person(turn, self._room.log, known, entry, self._room.states.customers())

    def _signed_out(self, turn: Turn, entry: Entry, named: Iterable[EntryHash]) -> None:
        """End the logins that stand up to one of those named, or up to who says that the person has left: one
        that stands behind it counts, however late this comes (CNS-56).
        """
        places = [_place(turn, self._room.log, one) for one in named]
        last = max((one for one in places if one is not None), default=None)
        if last is None or self._room.taking.side_of(entry.author) is Side.COMPANY:
            return
        known = self._logins(turn)
        left = {one for one in (known.counts, *known.waiting) if one and self._is_behind(turn, one, last)}
        ended = {known.counts, *known.waiting} - left - {None}
        if ended:
            known.counts = known.counts if known.counts in left else None
            known.waiting = tuple(one for one in known.waiting if one in left)
            turn.put(known.put())
            self._around.tell(turn, SignedOut(self._live.room_id, entry.author.device_id))

    def _is_behind(self, turn: Turn, one: EntryHash, last: tuple[int, EntryHash]) -> bool:
        place = _place(turn, self._room.log, one)
        return place is not None and place > last

    def refused(self, turn: Turn, entry: Entry, code: str) -> None:
        """Note that this device has refused a login: a steward in turn tells the customer (CNS-57)."""
        if entry.header.kind != Kind.IDENTIFY or self._around.side is not Side.COMPANY:
            return
        known = self._logins(turn)
        self._refuse(turn, known, entry.hash, code)

    def destroyed(self, turn: Turn, entry_hash: EntryHash) -> None:
        """Note that a login was destroyed while it waits: nobody can decide it any more, and a steward in
        turn tells the customer (CNS-57).
        """
        known = self._logins(turn)
        if entry_hash in known.waiting and self._around.side is Side.COMPANY:
            self._refuse(turn, known, entry_hash, LoginExpired.code)

    def _refuse(self, turn: Turn, known: Logins, entry_hash: EntryHash, code: str) -> None:
        others = [one for one in known.refused if one.entry != entry_hash]
        known.refused = (*others, Refused(entry_hash, code, turn.now_ms))[-MAX_WAITING:]
        turn.put(known.put())

    # --- what becomes of it ---

    def look(self, turn: Turn) -> None:
        """Take what states up to the head name as granted, with the devices that the account has now."""
        known = self._logins(turn)
        if known.waiting:
            named = [one for written in self._room.states.path for one in written.state.answers]
            for one in [one for one in named if one in known.waiting]:
                self._answered(turn, one, "", is_newest=known.counts not in named[named.index(one) + 1 :])

    def _answered(self, turn: Turn, named: bytes, code: str, *, is_newest: bool = True) -> None:
        known = self._logins(turn)
        is_waiting = named in known.waiting
        if not is_waiting and all(one.entry != named for one in known.refused):
            return
        known.refused = tuple(one for one in known.refused if one.entry != named)
        known.waiting = tuple(one for one in known.waiting if one != named)
        if not code and is_waiting and is_newest:
            known.confirmed, known.counts = self._room.states.customers(), EntryHash(named)
        turn.put(known.put())
        if is_waiting:
            self._around.tell(turn, IdentifyAnswered(self._live.room_id, named, code))

    def counts(self, turn: Turn) -> EntryHash | None:
        """Return the login that counts, unless it was erased."""
        counts = self._logins(turn).counts
        return None if person_of(turn, self._room.log, counts) is None else counts

    def decide(self, turn: Turn, entry_hash: EntryHash, *, grant: bool) -> None:
        """Grant a login, as a steward, by a state that names it, or refuse it by an entry (CNS-42).

        Raises:
            NoRight: no such login waits, or we are no steward. What `Stewarding.change` raises.
        """
        if entry_hash not in self._logins(turn).waiting:
            raise NoRight("no login of this hash waits")
        if self._room.states.ranks(turn.now_ms).get(self._around.us.device_id, -1) < DESK:
            raise NoRight("a steward decides about a login")
        if grant:
            self._room.stewarding.change(turn, Change(answers=(entry_hash,)))
        else:
            self._room.writing.write(turn, Refusal(entry_hash, NoRight.code))

    # --- by a steward in turn ---

    def due_ms(self, turn: Turn) -> int | None:
        """Return when we grant or refuse what needs no person, unless another steward has (CNS-57)."""
        place, states = self._room.stewarding.place(turn), self._room.states
        if place is None or states.state is None or not self._room.writing.can_write(turn):
            return None
        known = self._logins(turn)
        since = [one.since_ms for one in known.refused]
        if states.lets_pass(Kind.IDENTIFY, turn.now_ms):
            since += [at_ms for at_ms, _ in self._to_grant(turn, known)]
        return max(min(since) + TURN_MS * place, self._live.retry_ms) if since else None

    def _to_grant(self, turn: Turn, known: Logins) -> list[tuple[int, EntryHash]]:
        """Return what needs no person; what we were given a state that is held may have granted (CNS-57)."""
        is_behind = bool(self._room.states.held())
        found = [self._room.log.find(turn, one) for one in known.waiting]
        return [
            (one.received_ms, one.hash)
            for one in found
            if one is not None
            and not (is_behind and one.forwarded_by is not None)
            and not self._needs_person(turn, known, self._room.log.entry(turn, one))
        ]

    def tick(self, turn: Turn) -> None:
        """Grant and refuse what is due and needs no person."""
        due_ms = self.due_ms(turn)
        if due_ms is None or due_ms > turn.now_ms:
            return
        known = self._logins(turn)
        granted = tuple(sorted(one for _, one in self._to_grant(turn, known)[:MAX_ANSWERS]))
        try:
            if granted and self._room.states.lets_pass(Kind.IDENTIFY, turn.now_ms):
                self._room.stewarding.change(turn, Change(answers=granted))
            for one in known.refused:
                self._room.writing.write(turn, Refusal(one.entry, one.code))
        except RemoteError:
            self._live.retry_ms = turn.now_ms + TURN_MS

    def _logins(self, turn: Turn) -> Logins:
        return logins_of(turn, self._around.rows, self._live.room_id)


def logins_of(turn: Turn, rows: RowReader, room_id: RoomId) -> Logins:
    """Return what is known of the logins of a room."""
    key = Logins.key_of(room_id)
    row = turn.read(rows, Logins.TABLE, key)
    return Logins(room_id) if row is None else Logins.decode(key, row)


def new_devices(devices: Iterable[DeviceId], known: Logins, entry: Entry) -> tuple[DeviceId, ...]:
    """Return devices of the account that neither a steward nor this login has confirmed (CNS-16)."""
    return tuple(one for one in devices if one not in (*known.confirmed, entry.author.device_id))


def needs_person(
    turn: Turn, log: EntryLog, known: Logins, entry: Entry, devices: Collection[DeviceId]
) -> bool:
    """Whether a person decides a login: another device is new, or the room was somebody else's, or nobody
    knows any more whose (CNS-16).
    """
    if identify_waits(devices, (*known.confirmed, entry.author.device_id)):
        return True
    before, now = person_of(turn, log, known.counts), person_of(turn, log, entry.hash)
    if now is None:
        return True
    return known.counts is not None and (before is None or before.subject != now.subject)


def person_of(turn: Turn, log: EntryLog, entry_hash: EntryHash | None) -> LoggedIn | None:
    """Return whom a login names; None where it is not here, or was erased."""
    stored = None if entry_hash is None else log.find(turn, entry_hash)
    if stored is None or stored.is_hidden:
        return None
    entry = log.entry(turn, stored)
    payload = None if entry.body is None else read_payload(entry)
    if not isinstance(payload, Identify) or payload.signed is None:
        return None
    token = LoginToken.read(payload.signed)
    subject, name, number, level = token.person
    return LoggedIn(subject, name, number, int(level), entry.author.device_id, entry.header.sent_ms)


def _place(turn: Turn, log: EntryLog, entry_hash: EntryHash) -> tuple[int, EntryHash] | None:
    """Return where a login, or who says that the person has left, stands in the order (TRN-16)."""
    stored = log.find(turn, entry_hash)
    is_one = stored is not None and kind_of(stored) == Kind.IDENTIFY
    return (stored.k, stored.hash) if stored is not None and is_one else None


def waiting_logins(
    turn: Turn, log: EntryLog, rows: RowReader, room_id: RoomId, devices: Sequence[DeviceId]
) -> list[IdentifyAsked]:
    """Return the logins that wait for a person, with those of the account's devices that are new."""
    known, found = logins_of(turn, rows, room_id), list[IdentifyAsked]()
    for one in known.waiting:
        stored = log.find(turn, one)
        entry = None if stored is None else log.entry(turn, stored)
        if entry is not None and needs_person(turn, log, known, entry, devices):
            found.append(IdentifyAsked(room_id, one, new_devices(devices, known, entry)))
    return found
