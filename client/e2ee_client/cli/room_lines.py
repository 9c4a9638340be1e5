"""Rooms and entries as lines for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from e2ee.rooms.forms import Answer, Form, Question, Rating
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import Access, AccessKind, Act, ActKind, File
from e2ee.rooms.state import Phase, State
from e2ee_client import Client
from e2ee_client.people import Person
from e2ee_client.room_events import EntryProgress
from e2ee_client.rooms import Entry, Room

from .addressing import short_id
from .neutral import neutral
from .room_addressing import colleague, is_company, name_in, person_name
from .session import Session, local_time
from .texts import Texts

_KINDS = frozenset(one.value for one in Kind)


# --- rooms ---


def show_rooms(session: Session, client: Client, rooms: Sequence[Room]) -> None:
    """Print rooms, one a line."""
    for room in rooms:
        if session.options.json:
            session.terminal.json(room_json(room))
        else:
            session.terminal.line(room_line(room, client, session.texts))
    if not rooms and not session.options.json:
        session.remark("rooms.none_company" if is_company(client) else "rooms.none")


def room_json(room: Room) -> dict[str, object]:
    """Return a room as an object."""
    view, assigned = room.view, room.assigned
    return {
        "room_id": room.room_id.hex(),
        "phase": None if view.phase is None else view.phase.name.lower(),
        "assigned": None if assigned is None else assigned.name or assigned.device_id.hex(),
        "is_ours": assigned is not None and assigned.is_this,
        "members": [one.device_id.hex() for one in room.members],
        "unread": view.unread,
        "waits_since_ms": view.waits_ms,
        "last_ms": view.last_ms,
        "is_sensitive": view.is_sensitive,
        "on_hold": view.on_hold,
    }


def room_line(room: Room, client: Client, texts: Texts) -> str:
    """Return a room as one line: id, phase, who answers, what is unread, since when somebody waits."""
    view = room.view
    words = [] if view.phase is None and is_waiting(room) else [condition(room, client, texts)]
    if view.unread:
        words.append(texts.say("contacts.unread", count=view.unread))
    if view.waits_ms is not None and is_waiting(room):
        words.append(texts.say("room.waits", time=local_time(view.waits_ms, "%H:%M")))
    words += [texts.say("room.sensitive")] if view.is_sensitive else []
    words += [texts.say("room.on_hold")] if view.on_hold else []
    when = local_time(view.last_ms, "%Y-%m-%d %H:%M")
    return neutral(f"{short_id(room.room_id)}  {', '.join(words)}  {when}")


def is_waiting(room: Room) -> bool:
    """Whether the customer of a room waits for somebody."""
    return room.view.waits_ms is not None and room.view.assigned is None


def condition(room: Room, client: Client, texts: Texts) -> str:
    """Return what a room is, and, as long as somebody may answer, who does."""
    if room.phase is not None and room.phase is not Phase.OPEN:
        return phase_word(room, texts)
    return f"{phase_word(room, texts)}, {assigned_word(room, client, texts)}"


def phase_word(room: Room, texts: Texts) -> str:
    """Return in which phase a room is."""
    return texts.say("phase.none" if room.phase is None else f"phase.{room.phase.name.lower()}")


def assigned_word(room: Room, client: Client, texts: Texts) -> str:
    """Return who answers in a room."""
    assigned = room.assigned
    if assigned is None:
        return texts.say("room.unassigned")
    if assigned.is_this:
        return texts.say("room.ours")
    return texts.say("room.answers", name=person_name(assigned, client, texts))


# --- entries ---


def entry_json(entry: Entry) -> dict[str, object]:
    """Return an entry as an object; bytes are in hex, times in Unix milliseconds."""
    return {
        "hash": entry.hash.hex(),
        "room_id": entry.room.room_id.hex(),
        "kind": kind_name(entry.kind),
        "author": _person_json(entry.author),
        "is_ours": entry.is_ours,
        "text": entry.text,
        "file": None if entry.file is None else entry.file._asdict(),
        "first_wording": entry.first_wording,
        "edited_ms": entry.edited_ms,
        "reply_to": None if entry.reply_to is None else entry.reply_to.hex(),
        "quote": entry.quote,
        "holds": entry.holds,
        **_questions_json(entry),
        "sent_ms": entry.sent_ms,
        "received_ms": entry.received_ms,
        "is_hidden": entry.is_hidden,
        "is_sensitive": entry.is_sensitive,
        "progress": None if entry.progress is None else entry.progress.value,
        "forwarded_by": None if entry.forwarded_by is None else _person_json(entry.forwarded_by),
    }


def _questions_json(entry: Entry) -> dict[str, object]:
    """Return questions and what was answered as objects; values are texts, numbers or YYYY-MM-DD."""
    form, answers = entry.form, entry.answers
    asked = None if form is None else [_question_json(one) for one in form.questions]
    answered = {} if answers is None else {str(one.question.id): _value(one.value) for one in answers}
    return {
        "form": None if form is None else {"title": form.title, "questions": asked},
        "answers": None if answers is None else answered,
        "fault": None if entry.fault is None else entry.fault.value,
        "answered_by": None if entry.answered_by is None else entry.answered_by.hex(),
        "stars": entry.stars,
    }


def _question_json(question: Question) -> dict[str, object]:
    return {**question._asdict(), "kind": question.kind.name.lower()}


def _value(value: str | int | date) -> str | int:
    return value.isoformat() if isinstance(value, date) else value


def _person_json(person: Person) -> dict[str, object]:
    return {
        "device_id": person.device_id.hex(),
        "role": person.role.value,
        "name": person.name,
        "is_bot": person.is_bot,
    }


def kind_name(kind: int) -> str:
    """Return the name of a kind of entries; its number where it is not known."""
    return Kind(kind).name.lower() if kind in _KINDS else str(kind)


def entry_line(entry: Entry, client: Client, texts: Texts, *, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Return an entry as one harmless line."""
    when, name = local_time(entry.written_ms, form), person_name(entry.author, client, texts)
    said = entry.text
    if said is None:
        return neutral(f"{when} -- {what_happened(entry, client, texts)}")
    marks = [] if entry.reply_to is None else [_reply(entry, texts)]
    marks += [texts.say("entry.edited")] if entry.first_wording is not None else []
    if entry.forwarded_by is not None:
        marks.append(texts.say("entry.forwarded", name=person_name(entry.forwarded_by, client, texts)))
    if entry.progress in (EntryProgress.WAITING, EntryProgress.FAILED):
        marks.append(texts.say(f"progress.{entry.progress.value}"))
    behind = f"  [{', '.join(marks)}]" if marks else ""
    return f"{when} {neutral(name)}: {neutral(said)}{behind}"


def _reply(entry: Entry, texts: Texts) -> str:
    quote = entry.quote
    return (
        texts.say("entry.reply_unknown") if quote is None else texts.say("entry.reply", text=neutral(quote))
    )


def short_entry(entry: Entry) -> str:
    """Return the beginning of an entry's hash, by which a person names it."""
    return entry.hash.hex()[:8]


def what_happened(entry: Entry, client: Client, texts: Texts) -> str:
    """Return what an entry other than a text says."""
    name, payload = person_name(entry.author, client, texts), entry.payload
    match payload:
        case State():
            return _state(payload, client, texts) if entry.holds else texts.say("entry.no_state", name=name)
        case Act(what=ActKind() as what):
            return texts.say(f"act.{what.name.lower()}", name=name)
        case File():
            size = _size(payload.size_b)
            short = entry.hash.hex()[:8]
            return texts.say("entry.file", name=name, file=neutral(payload.name), size=size, entry=short)
        case Access(what=AccessKind.HANDOVER, device_id=to) if to is not None:
            other = name_in(client, to, texts)
            why = "" if payload.text is None else texts.say("request.why", reason=payload.text)
            return texts.say("entry.handed_over", name=name, to=other, count=payload.count, why=why)
        case Access(what=AccessKind() as what):
            why = "" if payload.text is None else texts.say("request.why", reason=payload.text)
            return texts.say(f"entry.{what.name.lower()}", name=name, count=payload.count, why=why)
        case Rating():
            why = "" if payload.text is None else texts.say("request.why", reason=neutral(payload.text))
            return texts.say("entry.rating", name=name, stars=payload.stars, why=why)
        case Form():
            return _asked(entry, payload, name, texts)
        case Answer():
            return _answered(entry, name, texts)
        case _:
            pass
    if payload is None and entry.kind in (Kind.TEXT, Kind.FILE):
        return texts.say("entry.hidden", name=name)
    key = f"entry.{kind_name(entry.kind)}"
    return texts.say(key, name=name) if texts.has(key) else texts.say("entry.other", name=name)


def _size(size_b: int) -> str:
    """Return the size of a file, as a person reads it."""
    if size_b < 1 << 10:
        return f"{size_b} B"
    return f"{size_b / (1 << 10):.0f} KiB" if size_b < 1 << 20 else f"{size_b / (1 << 20):.1f} MiB"


def _asked(entry: Entry, form: Form, name: str, texts: Texts) -> str:
    """Return questions with the id by which they are answered."""
    asked = [_question(one, with_label=one.label != form.title) for one in form.questions]
    said = texts.say("entry.form", name=name, title=neutral(form.title), asked="; ".join(asked))
    key = "entry.form_open" if entry.answered_by is None else "entry.form_answered"
    return f"{said} ({texts.say(key, entry=short_entry(entry))})"


def _question(question: Question, *, with_label: bool) -> str:
    label = neutral(question.label) + ("" if question.required else "?") if with_label else ""
    options = " / ".join(neutral(one) for one in question.options)
    return " ".join(part for part in (label, f"[{options}]" if options else "") if part)


def _answered(entry: Entry, name: str, texts: Texts) -> str:
    answers, form = entry.answers, entry.form
    if answers is None or form is None:
        return texts.say("entry.answer_unfit", name=name)
    said = "; ".join(f"{neutral(one.question.label)} {neutral(str(_value(one.value)))}" for one in answers)
    return texts.say("entry.answer", name=name, said=said)


def _state(state: State, client: Client, texts: Texts) -> str:
    words = [texts.say(f"phase.{state.phase.name.lower()}")]
    if state.assigned is not None and state.phase is Phase.OPEN:
        person = colleague(client, state.assigned)
        name = person_name(person, client, texts)
        words.append(texts.say("room.ours") if person.is_this else texts.say("room.answers", name=name))
    if state.text is not None:
        words.append(texts.say("entry.quoted", text=state.text))
    return texts.say("entry.state", what=", ".join(words))
