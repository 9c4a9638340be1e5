"""Rooms and entries as an application sees them."""

from __future__ import annotations

from typing import NamedTuple

from e2ee.ids import AccountId
from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.forms import AnswerFault, Form
from e2ee.rooms.payloads import EntryPayload
from e2ee.rooms.state import Phase
from e2ee_client.people import Person
from e2ee_client.room_events import EntryProgress


class RoomView(NamedTuple):
    """A room in a list. `phase` is None before its `open` is here; since `waits_ms` the customer waits
    for somebody of the team `waits_for`, where `*` is anybody."""

    room_id: RoomId
    customer: AccountId | None
    phase: Phase | None
    members: tuple[bytes, ...]
    assigned: bytes | None
    is_sensitive: bool
    on_hold: bool
    last_ms: int
    unread: int
    waits_ms: int | None = None
    waits_for: str | None = None


class EntryView(NamedTuple):
    """An entry. `written_ms` is the time that a person is shown (TRN-49). `wording` is the newest one of a
    text that was worded anew, at `edited_ms`, and `progress` that of our own. `form` is what an answer is
    about, `fault` why it does not fit; `answer` is the one of a form that counts; `quote` is the beginning of
    what a text answers. A state that is not valid `holds` nothing (ROOM-71).
    """

    hash: EntryHash
    kind: int
    author: Person
    sent_ms: int
    received_ms: int
    written_ms: int
    payload: EntryPayload | None
    wording: str | None
    is_hidden: bool
    is_sensitive: bool
    forwarded_by: Person | None
    progress: EntryProgress | None
    edited_ms: int | None = None
    form: Form | None = None
    fault: AnswerFault | None = None
    answer: EntryHash | None = None
    quote: str | None = None
    holds: bool = True


class ErasureAnswer(NamedTuple):
    """What a device of the company has signed: `done`, or `hold` or `class`, which stand above an erasure."""

    device: Person
    outcome: str
    until_ms: int | None
    answered_ms: int


class ErasureView(NamedTuple):
    """An order to erase: its entries, () for the whole room; who has answered, who has not said done."""

    order: EntryHash
    entries: tuple[EntryHash, ...]
    asked_ms: int
    answers: tuple[ErasureAnswer, ...]
    missing: tuple[Person, ...]


class FoundPage(NamedTuple):
    """Texts that were found, the newest first, and where to go on; None at the beginning of the room."""

    found: list[EntryView]
    next: EntryHash | None
