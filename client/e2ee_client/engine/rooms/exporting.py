"""A room as a transcript file, in pieces: what entries are judged by, then entries (EXP-03, EXP-04)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from e2ee.constants import CLOCK_TOLERANCE_MS
from e2ee.errors import ContentError, NoRight, NotMember
from e2ee.ids import AccountId
from e2ee.rooms.entry import EntryHash, Header, RoomId
from e2ee.rooms.kinds import Kind, Side
from e2ee.rooms.payloads import Access, AccessKind, Open, read_payload
from e2ee.rooms.room import Admission, admit
from e2ee.rooms.roster import Roster
from e2ee.rooms.slots import RosterContent, open_slot
from e2ee.rooms.state import HOLD, SUPERVISOR, RetentionClass, State
from e2ee.rooms.transcript_chains import MAX_ENTRIES
from e2ee.rooms.transcript_file import Head, Part, encode_entry, encode_evidence, encode_head
from e2ee.wire import cbor
from e2ee_client.engine.turn import Turn

from .entry_log import EntryLog, StoredEntry
from .records import LiveRoom
from .room_engine import RoomEngine
from .room_part import RoomsPart

if TYPE_CHECKING:
    from .states import States

MAX_SLOTS: Final = 1_024
_BESIDE: Final = frozenset({Kind.MARK, Kind.ACCESS})


class Export(NamedTuple):
    """The beginning of a file, line by line, and the entries that follow; `has_marked` says that what is
    marked as sensitive goes with them.
    """

    head: Head
    lines: list[bytes]
    hashes: list[EntryHash]
    has_marked: bool


class Exporting(RoomsPart):
    """Nothing here changes but the log entry of a company's device, which comes first."""

    def begin(self, turn: Turn, room_id: RoomId) -> Export:
        """Log the export, where we are of the company, and return how the file begins.

        Raises:
            UnknownRoom, RoomsLocked. NoRight: a room of notes, or a sensitive one that may not leave.
            NotMember, NotInForce: we may not write here. ContentError: its `open` is not here.
        """
        has_marked = self._rooms.do(turn, room_id, lambda room: self._log(turn, room))
        live, log = self._rooms.stored(turn, room_id)
        head = _head(turn, live, log)
        hashes = log.newest_hashes(turn, MAX_ENTRIES)
        return Export(head, [encode_head(head), *self._parts(turn, head, log, hashes)], hashes, has_marked)

    def _log(self, turn: Turn, room: RoomEngine) -> bool:
        """Write the log entry; whether what is marked may leave (EXP-04)."""
        live, around = room.live, self._rooms.around
        if live.customer is None:
            raise NoRight("a room of notes is not exported")
        if around.side is Side.CUSTOMER:
            return True
        ranks, us = room.states.ranks(turn.now_ms), around.us.device_id
        if admit(room.states.room, us, Kind.ACCESS, ranks) is not Admission.TAKEN:
            raise NotMember("who is no member of a room exports nothing of it")
        state = room.states.state
        has_hold = state is not None and state.has(HOLD) and ranks[us] >= SUPERVISOR
        if room.states.condition().is_sensitive and not has_hold:
            raise NoRight("a sensitive room is exported by a supervisor, while it is on hold")
        hashes = room.log.newest_hashes(turn, MAX_ENTRIES - 1)
        ends = (hashes[0], hashes[-1]) if hashes else None
        room.writing.write(turn, Access(AccessKind.EXPORT, None, len(hashes), ends))
        return has_hold

    def entries(
        self, turn: Turn, room_id: RoomId, hashes: Sequence[EntryHash], *, has_marked: bool
    ) -> list[bytes]:
        """Return the lines of some entries; one that is gone meanwhile is left out.

        Raises:
            UnknownRoom, RoomsLocked.
        """
        _, log = self._rooms.stored(turn, room_id)
        return [_line(one, has_marked) for one in log.several(turn, hashes)]

    def outline(self, turn: Turn, room_id: RoomId) -> tuple[list[EntryHash], bool, bool, bool]:
        """Return what a room has, whether it is a statutory record, whether its files stay: on hold, or where
        it is or was a record (EXP-21); and whether our copy of it is old (EXP-27).

        Raises:
            UnknownRoom, RoomsLocked.
        """
        room = self._rooms.room(turn, room_id)
        state = room.states.state
        is_record = state is not None and _is_record(state)
        hashes = room.log.newest_hashes(turn, MAX_ENTRIES)
        return hashes, is_record, keeps_files(room.states), room.catching_up.is_old

    def shown(self, turn: Turn, room_id: RoomId, hashes: Sequence[EntryHash]) -> list[tuple[EntryHash, bool]]:
        """Return of some entries, but marks and logs, whether an export shows their body (EXP-20)."""
        _, log = self._rooms.stored(turn, room_id)
        found = log.several(turn, hashes)
        said = [one for one in found if Header.decode(one.header).kind not in _BESIDE]
        return [(one.hash, not (one.body is None or one.is_hidden or one.is_marked)) for one in said]

    # --- what they are judged by ---

    def _parts(self, turn: Turn, head: Head, log: EntryLog, hashes: Sequence[EntryHash]) -> Iterator[bytes]:
        """Yield lists, records, rosters of the room's time, and cards, in the order of a file (EXP-01)."""
        ends = [log.find(turn, one) for one in (*hashes[:1], *hashes[-1:])]
        times = [one.k for one in ends if one is not None] or [turn.now_ms]
        rosters = list(self._rosters(turn, head.company, times[0], times[-1]))
        customer_list, of_customer = self._customer(head.customer)
        parts: dict[Part, Iterable[bytes]] = {
            Part.COMPANY_LIST: [one for content, _ in rosters for one in content.lists],
            Part.CUSTOMER_LIST: customer_list,
            Part.RECORD: [*(one for content, _ in rosters for one in content.records), *of_customer],
            Part.SLOT: [cbor.encode([content.mandate, content.roster]) for content, _ in rosters],
            Part.CARD: self._cards(turn, head.company, [roster for _, roster in rosters]),
        }
        for name, items in parts.items():
            yield from (encode_evidence(name, one) for one in dict.fromkeys(items))

    def _rosters(
        self, turn: Turn, company: AccountId, first_ms: int, last_ms: int
    ) -> Iterator[tuple[RosterContent, Roster]]:
        """Yield the kept rosters that were valid while something was written, the newest 1024 of them."""
        team = self._context.team
        known = team.known(company)
        for one in () if known is None else known.rosters[-MAX_SLOTS:]:
            content = team.content(turn, company, one.ref)
            if content is None:
                continue
            _, roster = open_slot(company, cbor.encode([content.mandate, content.roster]))
            ends_ms = roster.expires_ms + CLOCK_TOLERANCE_MS
            if first_ms <= ends_ms and roster.issued_ms <= last_ms + CLOCK_TOLERANCE_MS:
                yield content, roster

    def _customer(self, customer: AccountId) -> tuple[list[bytes], list[bytes]]:
        """Return the newest device list of the customer, with the records that it names."""
        own, contact = self._state.own, self._state.contacts.get(customer)
        if customer == own.account_id:
            signed, names = own.device_list.signed, own.device_list.record_hashes
        elif contact is not None and (device_list := contact.device_list()) is not None:
            signed, names = device_list.signed, device_list.record_hashes
        else:
            return [], []
        records = self._context.team.known_records(customer)
        return [signed], [one.encoded for one in records if one.hash in names]

    def _cards(self, turn: Turn, company: AccountId, rosters: Iterable[Roster]) -> list[bytes]:
        named = {(one.device_id, one.card_hash) for roster in rosters for one in roster.named}
        cards = [
            self._context.team.card(turn, company, one) for one in sorted({device for device, _ in named})
        ]
        return [one.encoded for one in cards if one is not None and (one.device_id, one.hash) in named]


def _head(turn: Turn, live: LiveRoom, log: EntryLog) -> Head:
    """Return whose room it is, by its `open`.

    Raises:
        ContentError: that is not here.
    """
    stored = None if live.root is None else log.find(turn, live.root)
    opened = None if stored is None else read_payload(log.entry(turn, stored))
    if live.customer is None or not isinstance(opened, Open):
        raise ContentError("the open of the room is not here")
    return Head(live.company, live.customer, opened.nonce)


def _line(stored: StoredEntry, has_marked: bool) -> bytes:
    """Return the line of an entry; what is hidden, or may not leave, goes as its commitment (EXP-03)."""
    entry = stored.entry()
    is_withheld = stored.is_hidden or (stored.is_marked and not has_marked)
    return encode_entry(entry.redacted() if is_withheld else entry)


def keeps_files(states: States) -> bool:
    """Whether a hold or class 3 stands, whatever branch it is on, or the room was a record (EXP-21)."""
    return states.condition().keeps or any(_is_record(one.state) for one in states.path)


def _is_record(state: State) -> bool:
    return state.retention.kind is RetentionClass.STATUTORY
