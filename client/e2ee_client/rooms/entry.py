"""An entry of a room as an application shows it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from e2ee.rooms.forms import Answer, AnswerFault, Form, Rating
from e2ee.rooms.payloads import EntryPayload, File, RoomText
from e2ee_client.engine.rooms.views import EntryView
from e2ee_client.people import Person
from e2ee_client.room_events import EntryProgress
from e2ee_client.runtime.file_fetching import FileFetching

from .files import FileInfo
from .questions import Answered, answered

if TYPE_CHECKING:
    from .room import Room


class AnyEntry(Protocol):
    """An entry of `e2ee_client.rooms` or of `e2ee_client.rooms.sync`: rooms go by its hash."""

    @property
    def hash(self) -> bytes:
        """Its name in the room, 32 bytes."""
        ...


class Entry:
    """An entry as it was when it was read; `room.entry(hash)` reads it again."""

    def __init__(self, room: Room, view: EntryView, fetching: FileFetching) -> None:
        """Not for callers: rooms return entries."""
        self._fetching = fetching
        self.room = room
        """The room that it is of."""
        self._view = view

    @property
    def hash(self) -> bytes:
        """Its name in the room, 32 bytes."""
        return self._view.hash

    @property
    def kind(self) -> int:
        """Its kind, by the registry of chapter 17."""
        return self._view.kind

    @property
    def author(self) -> Person:
        """Who wrote it."""
        return self._view.author

    @property
    def is_ours(self) -> bool:
        """Whether this device wrote it."""
        return self._view.author.is_this

    @property
    def sent_ms(self) -> int:
        """When its author says that it was written, Unix milliseconds."""
        return self._view.sent_ms

    @property
    def received_ms(self) -> int:
        """When it came here, by our clock."""
        return self._view.received_ms

    @property
    def written_ms(self) -> int:
        """When it was written, as a person is shown it: `sent_ms`, but not before what it follows, and not
        after `received_ms` (TRN-49).
        """
        return self._view.written_ms

    @property
    def payload(self) -> EntryPayload | None:
        """What it says; None where the body is hidden, erased or was never given to us."""
        return self._view.payload

    @property
    def holds(self) -> bool:
        """Whether a state is valid: not refused, and not still to be judged (ROOM-71); True for others."""
        return self._view.holds

    @property
    def text(self) -> str | None:
        """The text, in its newest wording; None for other kinds and what is erased."""
        payload = self._view.payload
        if not isinstance(payload, RoomText):
            return None
        return payload.text if self._view.wording is None else self._view.wording

    @property
    def first_wording(self) -> str | None:
        """The text as it was first written, where it was worded anew."""
        payload = self._view.payload
        return payload.text if isinstance(payload, RoomText) and self._view.wording is not None else None

    @property
    def edited_ms(self) -> int | None:
        """When the newest wording was written, not after it came, but never before `written_ms` (TRN-49).

        None for what was never worded anew.
        """
        return self._view.edited_ms

    @property
    def reply_to(self) -> bytes | None:
        """The hash of the entry that a text answers, which may not be here; `room.entry` reads it."""
        payload = self._view.payload
        return payload.reply if isinstance(payload, RoomText) else None

    @property
    def quote(self) -> str | None:
        """The beginning of what a text answers, as it is shown here; None if it is hidden or not here."""
        return self._view.quote

    @property
    def form(self) -> Form | None:
        """The questions that it asks, or that it answers, if they are here; None for other kinds."""
        return self._view.form

    @property
    def answers(self) -> tuple[Answered, ...] | None:
        """What it answers to a form; None for other kinds, without the form, or where it does not fit."""
        payload, form = self._view.payload, self._view.form
        if not isinstance(payload, Answer) or form is None or self._view.fault is not None:
            return None
        return answered(form, payload)

    @property
    def fault(self) -> AnswerFault | None:
        """Why an answer does not fit its form, and counts for nothing (TRN-43)."""
        return self._view.fault

    @property
    def answered_by(self) -> bytes | None:
        """The hash of the answer to this form that counts, as it was when this was read (TRN-44)."""
        return self._view.answer

    @property
    def stars(self) -> int | None:
        """1 to 5, of a rating; None for other kinds."""
        payload = self._view.payload
        return payload.stars if isinstance(payload, Rating) else None

    @property
    def is_hidden(self) -> bool:
        """Whether it was erased, or is marked as sensitive and this device is not cleared."""
        return self._view.is_hidden

    @property
    def is_sensitive(self) -> bool:
        """Whether it is marked as sensitive."""
        return self._view.is_sensitive

    @property
    def forwarded_by(self) -> Person | None:
        """Who alone vouches for it; None where its own device does (TRN-17)."""
        return self._view.forwarded_by

    @property
    def progress(self) -> EntryProgress | None:
        """How far an entry of ours had come; None for others."""
        return self._view.progress

    @property
    def file(self) -> FileInfo | None:
        """What it says of its file; None for other kinds and what is erased."""
        payload = self._view.payload
        if not isinstance(payload, File):
            return None
        is_here = self._fetching.is_here(self.hash)
        return FileInfo(payload.name, payload.media_type, payload.size_b, payload.expires_ms, is_here)

    async def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write its file to a folder, and return where; as `Room.save_file`."""
        return await self.room.save_file(self, folder)

    async def wait_for(self, progress: EntryProgress, timeout_s: float | None = None) -> None:
        """Wait until our entry has come at least so far; as `Room.wait_for`."""
        await self.room.wait_for(self, progress, timeout_s)

    def __eq__(self, other: object) -> bool:
        return self.hash == other.hash if isinstance(other, Entry) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.hash)

    def __repr__(self) -> str:
        return f"<Entry {self.hash.hex()[:8]} of kind {self.kind}>"
