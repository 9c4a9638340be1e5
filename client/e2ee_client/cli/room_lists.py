"""Commands that show rooms: list, show, history, search."""

from __future__ import annotations

from contextlib import suppress

from e2ee.rooms.kinds import Kind
from e2ee.rooms.signals import RequestKind
from e2ee_client import Client
from e2ee_client.errors import UnknownRoom
from e2ee_client.room_events import IdentifyAsked, RequestAsked
from e2ee_client.rooms import CompanyRoom, CustomerRoom, Entry, Room

from . import logins
from .addressing import short_id
from .event_lines import event_json
from .fetching import when_fetched
from .neutral import neutral
from .room_addressing import all_rooms, company_room, find_room, is_company, name_in, person_name
from .room_lines import condition, entry_json, entry_line, is_waiting, room_json, short_entry, show_rooms
from .session import Session, Work, local_time

# What stands in a history between texts without `--all`.
_TOLD = frozenset(
    {Kind.OPEN, Kind.TEXT, Kind.FILE, Kind.STATE, Kind.ACT, Kind.CONSENT, Kind.WITHDRAW, Kind.ERASED}
    | {Kind.ACCESS, Kind.FORM, Kind.ANSWER, Kind.RATING}
)


def list_(session: Session) -> Work:
    """List the rooms, that with the newest entry first."""

    async def act(client: Client) -> None:
        show_rooms(session, client, all_rooms(client))

    return when_fetched(session, act)


def show(session: Session) -> Work:
    """Show one room: its phase, who is in it, and what holds."""

    async def act(client: Client) -> None:
        room = find_room(client, session.options.room)
        if session.options.json:
            session.terminal.json(await _about_json(client, room))
        else:
            for line in await _about(session, client, room):
                session.terminal.line(line)

    return when_fetched(session, act)


async def _about(session: Session, client: Client, room: Room) -> list[str]:
    texts, view = session.texts, room.view
    lines = [
        texts.say("about.room", id=room.room_id.hex()),
        condition(room, client, texts),
    ]
    names = ", ".join(person_name(one, client, texts) for one in room.members)
    if names:
        lines.append(texts.say("about.members", names=names))
    if view.waits_ms is not None and is_waiting(room):
        lines.append(texts.say("room.waits", time=local_time(view.waits_ms, "%H:%M")))
    lines += [texts.say("room.sensitive")] if view.is_sensitive else []
    lines += [texts.say("room.on_hold")] if view.on_hold else []
    lines.append(texts.say("about.unread", count=view.unread))
    with suppress(UnknownRoom):
        lines += await logins.person_lines(session, room)
    if is_company(client):
        asked = await _requests(client, room)
        lines += [_request_line(session, client, one) for one in asked]
        lines += [await _login_line(session, room, one) for one in await _logins(client, room)]
    else:
        consent = CustomerRoom(client, room.room_id).consent
        lines.append(texts.say(f"consent.{consent.value}"))
        lines.append(texts.say("about.withdraw", short=short_id(room.room_id)))
    return lines


async def _requests(client: Client, room: Room) -> list[RequestAsked]:
    """What a person decides; of a room that only waits, nothing is here."""
    with suppress(UnknownRoom):
        return await CompanyRoom(client, room.room_id).requests()
    return []


async def _logins(client: Client, room: Room) -> list[IdentifyAsked]:
    with suppress(UnknownRoom):
        return await CompanyRoom(client, room.room_id).identifications()
    return []


async def _login_line(session: Session, room: Room, asked: IdentifyAsked) -> str:
    found, request = await room.person(asked.entry_hash), asked.entry_hash.hex()[:8]
    name = "?" if found is None else neutral(found.name or found.subject)
    values = {"count": len(asked.devices), "room": short_id(asked.room_id), "request": request}
    return session.texts.say("about.login", name=name, **values)


def _request_line(session: Session, client: Client, asked: RequestAsked) -> str:
    texts = session.texts
    return texts.say(
        "about.request",
        name=name_in(client, asked.device_id, texts),
        what=texts.say(f"request.{RequestKind(asked.what).name.lower()}"),
        room=short_id(asked.room_id),
        request=asked.request_id.hex()[:8],
        why="" if asked.reason is None else texts.say("request.why", reason=neutral(asked.reason)),
    )


async def _about_json(client: Client, room: Room) -> dict[str, object]:
    found = room_json(room)
    with suppress(UnknownRoom):
        found["person"] = logins.person_json(await room.person())
    if is_company(client):
        found["requests"] = [event_json(one) for one in await _requests(client, room)]
        found["logins"] = [event_json(one) for one in await _logins(client, room)]
    else:
        found["consent"] = CustomerRoom(client, room.room_id).consent.value
    return found


def history(session: Session) -> Work:
    """Print what was written in a room, and note that it was read."""
    options = session.options

    async def act(client: Client) -> None:
        room = await _history_of(session, client)
        entries = [] if room is None else await room.history(limit=options.last)
        for entry in entries:
            if options.all or options.json or entry.kind in _TOLD:
                _show_entry(session, client, entry)
        if room is not None:
            await room.mark_read(entries)

    return when_fetched(session, act)


async def _history_of(session: Session, client: Client) -> Room | None:
    if not session.options.notes:
        return find_room(client, session.options.room)
    try:
        return await company_room(client, session.options.room).notes()
    except UnknownRoom:
        if not session.options.json:
            session.remark("notes.none")
        return None


def _show_entry(session: Session, client: Client, entry: Entry) -> None:
    if session.options.json:
        session.terminal.json(entry_json(entry))
    else:
        name = f"{short_entry(entry)} " if session.options.ids else ""
        session.terminal.line(name + entry_line(entry, client, session.texts))


def search(session: Session) -> Work:
    """Look for words in the texts of all rooms."""
    options = session.options

    async def act(client: Client) -> None:
        left = options.last
        for room in all_rooms(client):
            if left <= 0 or room.phase is None:
                continue
            async for entry in room.search(" ".join(options.words), left):
                left -= 1
                if not options.json:
                    line = entry_line(entry, client, session.texts)
                    session.terminal.line(f"{short_id(room.room_id)} {line}")
                else:
                    session.terminal.json(entry_json(entry))
        if left == options.last and not options.json:
            session.remark("search.none")

    return when_fetched(session, act)
