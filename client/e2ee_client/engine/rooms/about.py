"""Entries that say something about others: wordings of a text, answers to a form, ratings (TRN-40 to TRN-45).

entry_about  room | hash -> entries that name it; under 32 zero bytes the ratings of the room,
under 32 bytes of ones what a customer's own device says of its address, under 32 bytes 0xfe that somebody has
signed out there
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, Final

from e2ee.constants import HASH_B
from e2ee.errors import InvalidArgument, NoRight, RemoteError
from e2ee.rooms.about import Said, is_wording, last_that_counts, wording_that_counts
from e2ee.rooms.entry import ROOM_ID_B, Entry, EntryHash, Header, RoomId
from e2ee.rooms.forms import Answer, AnswerFault, Form, Rating, fault_of
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import Edit, EntryPayload, RoomText, read_payload
from e2ee_client.engine.ports import RowReader
from e2ee_client.engine.row_codec import Row
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import UnknownEntry
from e2ee_client.room_events import EntryErased

from .entry_log import EntryLog, StoredEntry
from .room_part import RoomPart

MAX_ABOUT: Final = 64
_ROOM: Final = EntryHash(bytes(HASH_B))
_ADDRESS: Final = EntryHash(b"\xff" * HASH_B)
SIGNED_OUT: Final = EntryHash(b"\xfe" * HASH_B)


@dataclass(slots=True)
class About(Row):
    """Entries that name one, which may not be here."""

    TABLE: ClassVar[str] = "entry_about"
    KEY: ClassVar = (("room_id", ROOM_ID_B), ("hash", HASH_B))
    room_id: RoomId
    hash: EntryHash
    by: tuple[EntryHash, ...]


class Abouts:
    """What is said about the entries of one room."""

    def __init__(self, rows: RowReader, room_id: RoomId, log: EntryLog) -> None:
        self._rows, self._room_id, self._log = rows, room_id, log

    def of(self, turn: Turn, named: EntryHash) -> list[StoredEntry]:
        """Return the entries that name one, with their bodies; at most 64."""
        key = About.key_of(self._room_id, named)
        row = turn.read(self._rows, About.TABLE, key)
        found = [] if row is None else self._log.several(turn, About.decode(key, row).by)
        return [one for one in found if not one.is_aside]

    def note(self, turn: Turn, named: EntryHash, by: EntryHash) -> None:
        """Note that an entry names another one; of more than 64 the first in order goes."""
        known = {one.hash: (one.k, one.hash) for one in self.of(turn, named)}
        if by in known:
            return
        if len(known) >= MAX_ABOUT:
            del known[min(known, key=known.__getitem__)]
        turn.put(About(self._room_id, named, (*known, by)).put())

    def answer_to(self, turn: Turn, stored: StoredEntry, form: Form) -> EntryHash | None:
        """Return the answer that counts of a form (TRN-44)."""
        answers = [(one, payload_of(one)) for one in self.of(turn, stored.hash)]
        fit = [
            said(one)
            for one, payload in answers
            if isinstance(payload, Answer) and fault_of(form, payload) is None
        ]
        return last_that_counts(fit)

    def wordings(self, turn: Turn, named: EntryHash) -> list[StoredEntry]:
        """Return what words a text anew, in the order of numbers (TRN-40)."""
        text = self._log.find(turn, named)
        found = (
            [] if text is None else [one for one in self.of(turn, named) if is_wording(said(text), said(one))]
        )
        return sorted(found, key=lambda one: said(one).n)

    def rating(self, turn: Turn) -> EntryHash | None:
        """Return the rating of the room that counts (TRN-44)."""
        return last_that_counts(said(one) for one in self.of(turn, _ROOM))

    def address(self, turn: Turn) -> StoredEntry | None:
        """Return the newest entry about the customer's address, erased or not (CNS-77)."""
        return max(self.of(turn, _ADDRESS), key=lambda one: (one.k, one.hash), default=None)


def said(stored: StoredEntry) -> Said:
    """Return what matters of an entry."""
    header = Header.decode(stored.header)
    by, is_hidden = stored.forwarded_by, stored.is_hidden or stored.body is None
    return Said(stored.hash, header.kind, stored.device_id, header.n, stored.k, by, is_hidden)


def payload_of(stored: StoredEntry) -> EntryPayload | None:
    """Return what an entry says; None for what is hidden, or was never given to us."""
    if stored.body is None or stored.is_hidden:
        return None
    try:
        return read_payload(stored.entry())
    except RemoteError:
        return None


def text_of(stored: StoredEntry) -> EntryHash:
    """Return the text that a stored entry words anew, as `text_in`."""
    return text_in(stored.entry())


def text_in(entry: Entry) -> EntryHash:
    """Return the text that an entry words anew, hidden or not; itself where it is no edit."""
    if entry.header.kind == Kind.EDIT and entry.body is not None:
        with suppress(RemoteError):
            payload = read_payload(entry)
            return payload.hash if isinstance(payload, Edit) else entry.hash
    return entry.hash


class AboutOthers(RoomPart):
    """Wordings are settled when they come, and when their text does; answers when somebody looks."""

    def taken(self, turn: Turn, entry: Entry, payload: EntryPayload | None) -> None:
        """Note what an entry that is in the order says about others."""
        match payload:
            case Edit(hash=named):
                self._room.abouts.note(turn, named, entry.hash)
                self.settle(turn, named)
            case Answer(form=named):
                self._room.abouts.note(turn, named, entry.hash)
            case Rating():
                self._room.abouts.note(turn, _ROOM, entry.hash)
            case RoomText():
                self.settle(turn, entry.hash)
            case _:
                pass

    def addressed(self, turn: Turn, entry: Entry) -> None:
        """Note an entry about the customer's address that stands by its own device (CNS-77)."""
        if entry.header.kind == Kind.REACH:
            self._room.abouts.note(turn, _ADDRESS, entry.hash)

    def completed(self, turn: Turn, entry: Entry) -> None:
        """Note what an entry says whose body came later than its commitment."""
        try:
            payload = read_payload(entry)
        except RemoteError:
            return
        self.taken(turn, entry, payload)

    def settle(self, turn: Turn, named: EntryHash) -> None:
        """Say anew which wording of a text counts, and hide or destroy its wordings with it (TRN-41)."""
        wordings = self._room.abouts.wordings(turn, named)
        text = self._room.log.find(turn, named) if wordings else None
        if text is None:
            return
        for one in wordings:
            self._share_fate(turn, text, one)
        counts = wording_that_counts(said(text), map(said, wordings))
        if counts != text.edited_by:
            text.edited_by = counts
            self._room.log.put(turn, text)

    def _share_fate(self, turn: Turn, text: StoredEntry, edit: StoredEntry) -> None:
        log, room_id = self._room.log, text.room_id
        if text.is_hidden and not edit.is_hidden:
            self._around.tell(turn, EntryErased(room_id, edit.hash, int(Kind.EDIT), is_destroyed=False))
        if text.is_hidden > edit.is_hidden or text.is_marked > edit.is_marked:
            edit.is_hidden |= text.is_hidden
            edit.is_marked |= text.is_marked
            log.put(turn, edit)
        if (text.is_hidden or text.is_marked) and text.body is None and edit.body is not None:
            self._room.erasing.destroy(turn, [edit])

    def check_ours(self, turn: Turn, payload: EntryPayload) -> None:
        """Refuse to write about what is not here, or does not fit (TRN-45).

        Raises:
            UnknownEntry. NoRight: a text that is hidden. InvalidArgument: an answer that does not fit.
        """
        match payload:
            case Edit(hash=named):
                if self._here(turn, named).is_hidden:
                    raise NoRight("a text that was erased is not worded anew")
            case RoomText(reply=bytes() as named):
                self._here(turn, named)
            case Answer(form=named):
                form = payload_of(self._here(turn, named))
                fault = fault_of(form, payload) if isinstance(form, Form) else AnswerFault.UNKNOWN
                if fault is not None:
                    raise InvalidArgument(f"not an answer to this form ({fault.value})")
            case _:
                pass

    def _here(self, turn: Turn, named: EntryHash) -> StoredEntry:
        stored = self._room.log.find(turn, named)
        if stored is None or stored.is_aside:
            raise UnknownEntry("no such entry in this room")
        return stored
