"""Rooms and entries for programs without an event loop; see `e2ee_client.rooms.sync`."""

from __future__ import annotations

from typing import TypeAlias, TypeVar

from e2ee.rooms.consent import Terms
from e2ee.rooms.entry import RoomId
from e2ee.rooms.forms import AnswerFault, Form
from e2ee.rooms.payloads import EntryPayload
from e2ee.rooms.state import Phase
from e2ee_client.blocking import Handle, Read, iterating, same, waiting
from e2ee_client.engine.rooms.consenting import ConsentState
from e2ee_client.engine.rooms.views import RoomView
from e2ee_client.people import Person
from e2ee_client.room_events import EntryProgress

from . import company_room as company_rooms
from . import customer_room as customer_rooms
from . import entry as entries
from . import files
from . import room as rooms
from .files import FileInfo
from .questions import Answered

R = TypeVar("R", bound=rooms.Room, covariant=True)
AnyRoom: TypeAlias = "Room | CompanyRoom | CustomerRoom"


class Entry(Handle[entries.Entry]):
    """An entry as it was when it was read; see `e2ee_client.rooms.Entry`."""

    kind = Read[int]("kind")
    author = Read[Person]("author")
    is_ours = Read[bool]("is_ours")
    sent_ms = Read[int]("sent_ms")
    holds = Read[bool]("holds")
    received_ms = Read[int]("received_ms")
    written_ms = Read[int]("written_ms")
    payload = Read[EntryPayload | None]("payload")
    text = Read[str | None]("text")
    first_wording = Read[str | None]("first_wording")
    edited_ms = Read[int | None]("edited_ms")
    reply_to = Read[bytes | None]("reply_to")
    quote = Read[str | None]("quote")
    form = Read[Form | None]("form")
    answers = Read[tuple[Answered, ...] | None]("answers")
    fault = Read[AnswerFault | None]("fault")
    answered_by = Read[bytes | None]("answered_by")
    stars = Read[int | None]("stars")
    is_hidden = Read[bool]("is_hidden")
    is_sensitive = Read[bool]("is_sensitive")
    forwarded_by = Read[Person | None]("forwarded_by")
    progress = Read[EntryProgress | None]("progress")
    file = Read[FileInfo | None]("file", ask=True)
    save = waiting(entries.Entry.save, same)
    wait_for = waiting(entries.Entry.wait_for, same)

    @property
    def hash(self) -> bytes:
        """Its name in the room, 32 bytes."""
        return self.inner.hash

    @property
    def room(self) -> AnyRoom:
        """The room that it is of."""
        return _room(self.inner.room)


def _room(inner: rooms.Room) -> AnyRoom:
    match inner:
        case company_rooms.CompanyRoom():
            return CompanyRoom(inner)
        case customer_rooms.CustomerRoom():
            return CustomerRoom(inner)
        case _:
            return Room(inner)


class SentFile(Handle[files.SentFile]):
    """A file on its way into a room; see `e2ee_client.rooms.SentFile`."""

    file_id = Read[bytes]("file_id")
    wait = waiting(files.SentFile.wait, Entry)
    cancel = waiting(files.SentFile.cancel, same)

    @property
    def room(self) -> AnyRoom:
        """The room that it goes to."""
        return _room(self.inner.room)


def _entries(inner: list[entries.Entry]) -> list[Entry]:
    return [Entry(one) for one in inner]


def _entry(inner: entries.Entry | None) -> Entry | None:
    return None if inner is None else Entry(inner)


class _Room(Handle[R]):
    """What both sides can do."""

    room_id = Read[RoomId]("room_id")
    view = Read[RoomView]("view", ask=True)
    phase = Read[Phase | None]("phase", ask=True)
    unread = Read[int]("unread", ask=True)
    members = Read[tuple[Person, ...]]("members", ask=True)
    assigned = Read[Person | None]("assigned", ask=True)
    check = staticmethod(rooms.Room.check)
    send = waiting(rooms.Room.send, Entry)
    write = waiting(rooms.Room.write, Entry)
    edit = waiting(rooms.Room.edit, Entry)
    wordings = waiting(rooms.Room.wordings, _entries)
    answer_to = waiting(rooms.Room.answer_to, _entry)
    rating = waiting(rooms.Room.rating, _entry)
    erase = waiting(rooms.Room.erase, Entry)
    erasures = waiting(rooms.Room.erasures, same)
    mark_sensitive = waiting(rooms.Room.mark_sensitive, Entry)
    entry = waiting(rooms.Room.entry, Entry)
    history = waiting(rooms.Room.history, _entries)
    texts = waiting(rooms.Room.texts, _entries)
    unread_entries = waiting(rooms.Room.unread_entries, _entries)
    search = iterating(rooms.Room.search, Entry)
    mark_read = waiting(rooms.Room.mark_read, same)
    wait_for = waiting(rooms.Room.wait_for, same)
    export = waiting(rooms.Room.export, same)
    person = waiting(rooms.Room.person, same)
    send_file = waiting(rooms.Room.send_file, Entry)
    start_file = waiting(rooms.Room.start_file, SentFile)
    save_file = waiting(rooms.Room.save_file, same)


class Room(_Room[rooms.Room]):
    """A room, such as that of the notes of another one; see `e2ee_client.rooms.Room`."""


class CompanyRoom(_Room[company_rooms.CompanyRoom]):
    """A room on the company's side; see `e2ee_client.rooms.CompanyRoom`."""

    waits_since_ms = Read[int | None]("waits_since_ms", ask=True)
    waits_for = Read[str | None]("waits_for", ask=True)
    terms = Read[Terms | None]("terms", ask=True)
    is_sensitive = Read[bool]("is_sensitive", ask=True)
    is_on_hold = Read[bool]("is_on_hold", ask=True)
    proof = waiting(company_rooms.CompanyRoom.proof, same)
    has_given = waiting(company_rooms.CompanyRoom.has_given, same)
    outline = waiting(company_rooms.CompanyRoom.outline, same)
    archive = waiting(company_rooms.CompanyRoom.archive, same)
    ask = waiting(company_rooms.CompanyRoom.ask, Entry)
    offer = waiting(company_rooms.CompanyRoom.offer, Entry)
    claim = waiting(company_rooms.CompanyRoom.claim, same)
    transfer = waiting(company_rooms.CompanyRoom.transfer, same)
    wait_for_team = waiting(company_rooms.CompanyRoom.wait_for_team, same)
    add = waiting(company_rooms.CompanyRoom.add, same)
    hand_over = waiting(company_rooms.CompanyRoom.hand_over, same)
    decide_objection = waiting(company_rooms.CompanyRoom.decide_objection, same)
    identifications = waiting(company_rooms.CompanyRoom.identifications, same)
    decide_identification = waiting(company_rooms.CompanyRoom.decide_identification, same)
    leave = waiting(company_rooms.CompanyRoom.leave, same)
    close = waiting(company_rooms.CompanyRoom.close, same)
    reopen = waiting(company_rooms.CompanyRoom.reopen, same)
    set_hold = waiting(company_rooms.CompanyRoom.set_hold, same)
    set_sensitive = waiting(company_rooms.CompanyRoom.set_sensitive, same)
    set_retention = waiting(company_rooms.CompanyRoom.set_retention, same)
    allow_large_files = waiting(company_rooms.CompanyRoom.allow_large_files, same)
    requests = waiting(company_rooms.CompanyRoom.requests, same)
    decide = waiting(company_rooms.CompanyRoom.decide, same)
    note = waiting(company_rooms.CompanyRoom.note, same)
    notes = waiting(company_rooms.CompanyRoom.notes, Room)
    draft = waiting(company_rooms.CompanyRoom.draft, same)
    keep_draft = waiting(company_rooms.CompanyRoom.keep_draft, same)


class CustomerRoom(_Room[customer_rooms.CustomerRoom]):
    """A room on the customer's side; see `e2ee_client.rooms.CustomerRoom`."""

    consent = Read[ConsentState]("consent", ask=True)
    login_challenge = waiting(customer_rooms.CustomerRoom.login_challenge, same)
    identify = waiting(customer_rooms.CustomerRoom.identify, Entry)
    sign_out = waiting(customer_rooms.CustomerRoom.sign_out, Entry)
    proof = waiting(customer_rooms.CustomerRoom.proof, same)
    close = waiting(customer_rooms.CustomerRoom.close, Entry)
    reopen = waiting(customer_rooms.CustomerRoom.reopen, Entry)
    freeze = waiting(customer_rooms.CustomerRoom.freeze, Entry)
    unfreeze = waiting(customer_rooms.CustomerRoom.unfreeze, Entry)
    call_desk = waiting(customer_rooms.CustomerRoom.call_desk, Entry)
    hand_over = waiting(customer_rooms.CustomerRoom.hand_over, same)
    withdraw = waiting(customer_rooms.CustomerRoom.withdraw, same)
    erase_all = waiting(customer_rooms.CustomerRoom.erase_all, Entry)
    reach = waiting(customer_rooms.CustomerRoom.reach, Entry)
    answer = waiting(customer_rooms.CustomerRoom.answer, Entry)
    rate = waiting(customer_rooms.CustomerRoom.rate, Entry)
