"""Rooms, entries and people as the page is shown them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from e2ee.ids import AccountId, DeviceId
from e2ee.rooms.entry import Author
from e2ee.rooms.forms import Rating
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import Access, Act, EntryPayload, Erased, Reach, RoomText
from e2ee.rooms.signed_payloads import Identify
from e2ee.rooms.state import HOLD, SENSITIVE, RetentionClass, State
from e2ee_client.engine.rooms.views import RoomView
from e2ee_client.people import Person, Role
from e2ee_client.rooms import Agent, Entry, FileInfo
from e2ee_client.rooms.agent import answers_for

from .schema import (
    EntryRow,
    FileRow,
    PersonRow,
    PhaseName,
    PreviewRow,
    ProgressName,
    RetentionName,
    RoleName,
    RoomRow,
    StateRow,
)

PREVIEW_CHARS: Final = 120
_PHASES: Final[tuple[PhaseName, ...]] = ("begun", "open", "closed", "frozen", "withdrawn", "erased")
ROLES: Final[dict[Role, RoleName]] = {
    Role.CUSTOMER: "customer",
    Role.BOT: "bot",
    Role.AGENT: "agent",
    Role.DESK: "desk",
    Role.SUPERVISOR: "supervisor",
    Role.FORMER: "former",
}
_RETENTIONS: Final[dict[RetentionClass, RetentionName]] = {
    RetentionClass.EPHEMERAL: "ephemeral",
    RetentionClass.DEFAULT: "default",
    RetentionClass.STATUTORY: "statutory",
    RetentionClass.PROOF: "proof",
}
RETENTION_CLASSES: Final = {name: kind for kind, name in _RETENTIONS.items()}
_PROGRESS: Final[dict[str, ProgressName]] = {
    "waiting": "waiting",
    "sent": "sent",
    "delivered": "delivered",
    "failed": "failed",
}
_KINDS: Final = frozenset(one.value for one in Kind)
Names = Mapping[bytes, str | None]


def person_row(person: Person) -> PersonRow:
    """Return a device as the page shows it."""
    return PersonRow(
        person.device_id.hex(),
        person.name,
        ROLES[person.role],
        person.is_bot,
        person.is_this,
        person.teams,
        person.languages,
    )


def phase_name(phase: int | None) -> PhaseName:
    """Return the name of a phase; `begun` before a room is here."""
    return _PHASES[phase or 0]


# --- rooms ---


def room_row(
    agent: Agent, view: RoomView, team: Sequence[Person], labels: tuple[str, ...], new_notes: int
) -> RoomRow:
    """Return a line of the list; `team` is who is in force."""
    us = next((one for one in team if one.is_this), None)
    our_id = None if us is None else us.device_id
    names = {one.device_id: one.name for one in team}
    return RoomRow(
        view.room_id.hex(),
        phase_name(view.phase),
        None if view.customer is None else view.customer.hex()[:8],
        our_id in view.members,
        view.assigned is not None and view.assigned == our_id,
        None if view.assigned is None else view.assigned.hex(),
        None if view.assigned is None else name_of(agent, view.assigned, names),
        view.unread,
        new_notes,
        view.waits_ms,
        view.waits_for,
        us is not None and answers_for(us, view.waits_for, team),
        view.last_ms,
        view.is_sensitive,
        view.on_hold,
        labels,
    )


def name_of(agent: Agent, device_id: bytes, names: Names) -> str | None:
    """Return the name of a colleague, also of one that left."""
    if device_id in names:
        return names[device_id]
    return colleague(agent, device_id).name


def colleague(agent: Agent, device_id: bytes) -> Person:
    """Return a device of the company."""
    client = agent.client
    author = Author(AccountId(client.account_id), DeviceId(device_id))
    return client.shell.machine.rooms.person(author, client.runtime.clock.now_ms())


def preview_row(room_id: bytes, customer: str | None, entries: list[Entry]) -> PreviewRow:
    """Return the newest text of a page; nothing of one that is sensitive."""
    spoken = [one for one in entries if one.kind in (Kind.TEXT, Kind.FILE)]
    if not spoken:
        return PreviewRow(room_id.hex(), customer, None, None, False)
    last = spoken[-1]
    hides = last.is_hidden or last.is_sensitive
    said = last.text if last.file is None else last.file.name
    text = None if hides or said is None else " ".join(said.split())[:PREVIEW_CHARS]
    return PreviewRow(room_id.hex(), customer, text, ROLES[last.author.role], hides)


# --- entries ---


def entry_row(agent: Agent, entry: Entry) -> EntryRow:
    """Return an entry with what it says beyond its text."""
    payload = entry.payload
    text = payload if isinstance(payload, RoomText) else None
    by = entry.forwarded_by
    return EntryRow(
        entry.hash.hex(),
        Kind(entry.kind).name.lower() if entry.kind in _KINDS else "unknown",
        person_row(entry.author),
        entry.written_ms,
        entry.text,
        entry.first_wording,
        None if text is None or text.reply is None else text.reply.hex(),
        entry.is_hidden,
        entry.is_sensitive,
        text is not None and bool(text.made_by_ai),
        None if by is None else by.name,
        None if entry.progress is None else _PROGRESS[entry.progress.value],
        None if entry.file is None else file_row(entry.file, _upload(agent, entry)),
        state_row(agent, payload) if isinstance(payload, State) and entry.holds else None,
        _what(payload),
        _count(payload),
        _detail(agent, payload),
    )


def file_row(file: FileInfo, upload: str | None) -> FileRow:
    """Return what an entry says of its file."""
    return FileRow(upload, file.name, file.media_type, file.size_b, file.expires_ms, file.is_here)


def _upload(agent: Agent, entry: Entry) -> str | None:
    """Return the id of a file that this device has sent, as long as its blob is not dropped."""
    if not entry.author.is_this:
        return None
    rows = agent.client.shell.machine.files.outgoing()
    return next((one.id.hex() for one in rows if one.entry == entry.hash), None)


def state_row(agent: Agent, state: State) -> StateRow:
    """Return what a state says."""
    return StateRow(
        phase_name(state.phase),
        tuple(person_row(colleague(agent, one)) for one in state.members),
        None if state.assigned is None else state.assigned.hex(),
        _RETENTIONS[state.retention.kind],
        state.retention.ttl_s,
        state.has(SENSITIVE),
        state.has(HOLD),
        state.text,
        tuple(one.hex() for one in state.answers),
    )


def _what(payload: EntryPayload | None) -> str | None:
    match payload:
        case Act() | Access():
            return payload.what.name.lower()
        case Erased():
            return payload.outcome.name.lower()
        case Identify(signed=None):
            return "signed_out"
        case _:
            return None


def _count(payload: EntryPayload | None) -> int | None:
    match payload:
        case Access():
            return payload.count
        case Rating():
            return payload.stars
        case _:
            return None


def _detail(agent: Agent, payload: EntryPayload | None) -> str | None:
    match payload:
        case Access(device_id=to) if to is not None:
            name = colleague(agent, to).name or to.hex()[:8]
            return name if payload.text is None else f"{name}: {payload.text}"
        case Access() | Rating():
            return payload.text
        case Reach():
            return payload.email
        case _:
            return None
