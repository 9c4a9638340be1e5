"""Commands about what goes and what stays: erase, sensitive, hold, erasures."""

from __future__ import annotations

from collections.abc import Mapping

from e2ee.rooms.kinds import CONTENT
from e2ee_client import Client
from e2ee_client.engine.rooms.views import ErasureView
from e2ee_client.people import Person
from e2ee_client.rooms import Room

from .failures import Refused
from .fetching import when_fetched
from .room_acts import acting
from .room_addressing import company_room, customer_room, find_room, person_name
from .room_words import find_entry
from .session import Session, Work, local_time
from .texts import Texts


def erase(session: Session) -> Work:
    """Have an entry erased, or, as its customer, the whole room."""
    options = session.options
    if options.all == (options.entry is not None):
        raise Refused("usage.invalid", detail="ENTRY | --all", program="sealroom room erase")

    async def act(client: Client) -> Room:
        if options.all:
            mine = customer_room(client, options.room)
            await mine.erase_all()
            return mine
        room = find_room(client, options.room)
        found = await find_entry(room, options.entry, lambda one: one.kind in CONTENT and not one.is_hidden)
        await room.erase([found])
        return room

    return acting(session, act, "erase.done")


def sensitive(session: Session) -> Work:
    """Mark an entry as sensitive."""

    async def act(client: Client) -> Room:
        room = find_room(client, session.options.room)
        entry = await find_entry(room, session.options.entry, lambda one: one.kind in CONTENT)
        await room.mark_sensitive([entry])
        return room

    return acting(session, act, "sensitive.done")


def hold(session: Session) -> Work:
    """Set a hold, or clear it, as a supervisor."""
    options = session.options

    async def act(client: Client) -> Room:
        room = company_room(client, options.room)
        await room.set_hold(not options.clear, options.reason)
        return room

    return acting(session, act, "hold.cleared" if options.clear else "hold.set")


def erasures(session: Session) -> Work:
    """Show what was to be erased, and who has answered."""

    async def act(client: Client) -> None:
        found = await find_room(client, session.options.room).erasures()
        if session.options.json:
            session.terminal.json({"erasures": [_json(one) for one in found]})
            return
        for one in found:
            session.terminal.line(_line(one, client, session.texts))
        if not found:
            session.say("erasures.none")

    return when_fetched(session, act)


def _json(one: ErasureView) -> dict[str, object]:
    return {
        "order": one.order.hex(),
        "entries": [entry.hex() for entry in one.entries],
        "asked_ms": one.asked_ms,
        "answers": [
            {
                "device": said.device.device_id.hex(),
                "outcome": said.outcome,
                "until_ms": said.until_ms,
                "answered_ms": said.answered_ms,
            }
            for said in one.answers
        ],
        "missing": [person.device_id.hex() for person in one.missing],
    }


def _line(one: ErasureView, client: Client, texts: Texts) -> str:
    said = {answer.device.device_id: answer.outcome for answer in one.answers}
    done = [person_name(answer.device, client, texts) for answer in one.answers if answer.outcome == "done"]
    missing = [_missing(person, said, client, texts) for person in one.missing]
    nobody = texts.say("erasures.nobody")
    count = len(one.entries)
    what = texts.say("erasures.entries", count=count) if count else texts.say("erasures.room")
    when = local_time(one.asked_ms, "%Y-%m-%d %H:%M")
    parts = {"done": ", ".join(done) or nobody, "missing": ", ".join(missing) or nobody}
    return texts.say("erasures.order", when=when, what=what, **parts)


def _missing(person: Person, said: Mapping[bytes, str], client: Client, texts: Texts) -> str:
    name = person_name(person, client, texts)
    if person.device_id not in said:
        return name
    return texts.say("erasures.kept", name=name, why=texts.say(f"erasure.{said[person.device_id]}"))
