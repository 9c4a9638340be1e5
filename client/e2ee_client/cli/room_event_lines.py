"""Events of rooms as lines for people: which are told at all, and what they say."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from e2ee.rooms.kinds import Kind
from e2ee.rooms.signals import RequestKind
from e2ee_client import Client, ClientEvent, ContactAdded, SessionStarted
from e2ee_client.errors import RoomsLocked, UnknownEntry, UnknownRoom
from e2ee_client.room_events import (
    ChainRestarted,
    ConsentChanged,
    EntryAdded,
    EntryErased,
    EntryProgress,
    EntryState,
    ErasureAnswered,
    ErasureUnanswered,
    FileDropped,
    FileExpiring,
    FileFailed,
    FileHeld,
    FileProgress,
    FreezeUndecided,
    GapClosed,
    GapShown,
    HistoryHandedOver,
    IdentifyAsked,
    RequestAnswered,
    RequestAsked,
    RoomChanged,
    RoomEvent,
    WaitingChanged,
)
from e2ee_client.rooms import Entry, Room

from .neutral import neutral
from .room_addressing import is_company, is_of_notes, name_in, room_label
from .room_lines import condition, entry_line, kind_name
from .session import local_time
from .texts import Texts

SHOWN_IN_LISTS: Final = (EntryAdded, RoomChanged, WaitingChanged)
"""What a list of rooms or a history shows anyway."""
_WAITING: Final = {None: "event.waiting_ended", "*": "event.waiting_anybody"}
"""Nobody waits, or a customer waits for whoever is free; else for a team."""
_TOLD_ENTRIES: Final = frozenset(
    {Kind.OPEN, Kind.TEXT, Kind.EDIT, Kind.FILE, Kind.ACT, Kind.FORM, Kind.ANSWER, Kind.RATING}
)


def is_told(event: RoomEvent) -> bool:
    """Whether an event of a room is for people."""
    match event:
        case EntryAdded(kind=kind):
            return kind in _TOLD_ENTRIES
        case EntryState(progress=progress):
            return progress is EntryProgress.FAILED
        case EntryErased(is_destroyed=is_destroyed):
            return not is_destroyed
        case GapShown(given_up=given_up):
            return given_up
        case ChainRestarted(needs_person=needs_person):
            return needs_person
        case RequestAnswered(code=code):
            return bool(code)
        case ConsentChanged(is_withdrawn=is_withdrawn):
            return is_withdrawn
        case GapClosed() | FileProgress() | FileHeld() | FileDropped():
            return False
        case _:
            return True


def text_of(event: RoomEvent, name: str, client: Client, texts: Texts) -> str:
    """Return what an event called `name` says; `room` stands for the beginning of the room's id."""
    label = room_label(client, event.room_id, texts)
    values: dict[str, object] = {"room": label, **_reason(event, texts), **_erasure(event, texts)}
    device_id = getattr(event, "device_id", None)
    if isinstance(device_id, bytes):
        values["name"] = name_in(client, device_id, texts)
    key = f"event.{name}" if values["code"] or name != "identify_answered" else "event.identify_granted"
    match event:
        case EntryAdded():
            values["kind"] = kind_name(event.kind)
        case RoomChanged():
            values["what"] = _condition(client, event.room_id, texts)
        case WaitingChanged(team=team):
            key = _WAITING.get(team, "event.waiting_changed")
            values["team"] = neutral(team or "")
        case FreezeUndecided(ends_ms=ends_ms):
            values["date"] = local_time(ends_ms, "%Y-%m-%d")
        case IdentifyAsked(devices=devices):
            values["request"], values["count"] = event.entry_hash.hex()[:8], len(devices)
        case HistoryHandedOver(to=to):
            values["to"], values["count"] = name_in(client, to, texts), event.count
        case FileFailed() | FileExpiring():
            key = _file(event, values, texts)
        case RequestAsked(what=what):
            values["what"] = texts.say(f"request.{RequestKind(what).name.lower()}")
            values["request"] = event.request_id.hex()[:8]
            values["why"] = (
                "" if event.reason is None else texts.say("request.why", reason=neutral(event.reason))
            )
        case _:
            pass
    return texts.say(key, **values)


def _erasure(event: RoomEvent, texts: Texts) -> dict[str, object]:
    """Return what was answered to an erasure, or how many have not answered."""
    match event:
        case ErasureAnswered(outcome=outcome):
            return {"what": texts.say(f"erasure.{outcome}")}
        case ErasureUnanswered(devices=devices):
            return {"count": len(devices)}
        case _:
            return {}


def _reason(event: RoomEvent, texts: Texts) -> dict[str, object]:
    """Return the code of an event, and why in words where there are some."""
    code = getattr(event, "code", "")
    return {"code": neutral(code), "why": neutral(texts.why(code))}


def _file(event: FileFailed | FileExpiring, values: dict[str, object], texts: Texts) -> str:
    """Fill in values of a file; return the key of the text."""
    if isinstance(event, FileFailed):
        return "event.file_failed"
    values["entry"] = event.entry_hash.hex()[:8]
    values["when"] = local_time(event.expires_ms, "%Y-%m-%d %H:%M")
    return "event.file_expired" if event.is_over else "event.file_expiring"


def _condition(client: Client, room_id: bytes, texts: Texts) -> str:
    try:
        return condition(Room(client, room_id), client, texts)
    except UnknownRoom:
        return texts.say("phase.erased")


def is_of_company(event: ClientEvent, client: Client) -> bool:
    """Whether an event is of what stands below rooms: a company's device sees its customers as rooms, and of
    notes only what they say.
    """
    if isinstance(event, RoomChanged):
        return is_of_notes(client, event.room_id)
    return isinstance(event, ContactAdded | SessionStarted) and is_company(client)


def is_text_of_room(event: ClientEvent, client: Client) -> bool:
    """Whether somebody else has written a text in a room."""
    if not isinstance(event, EntryAdded) or event.kind != Kind.TEXT:
        return False
    return event.device_id != client.devices()[0].device_id


async def entry_of(event: ClientEvent, client: Client) -> Entry | None:
    """Return the entry of an event, if it is one that is shown as such."""
    if not isinstance(event, EntryAdded) or not is_told(event):
        return None
    with suppress(UnknownEntry, UnknownRoom, RoomsLocked):
        return await Room(client, event.room_id).entry(event.entry_hash)
    return None


def line_of(entry: Entry, client: Client, texts: Texts) -> str:
    """Return an entry that has just come as a line: room, time, who, what."""
    label = room_label(client, entry.room.room_id, texts)
    return f"[{label}] {entry_line(entry, client, texts, form='%H:%M:%S')}"
