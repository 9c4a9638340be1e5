"""What the devices of a simulated room show of texts, forms and ratings; and random talk of that kind."""

from __future__ import annotations

import random

from e2ee_client.engine.rooms.about import payload_of
from e2ee_client.engine.rooms.entry_log import StoredEntry
from e2ee_client.engine.turn import Turn
from room_rooms import MINUTE_MS, do
from room_world import World

from e2ee.rooms.entry import EntryHash
from e2ee.rooms.forms import Answer, Form, Question, QuestionKind, Rating
from e2ee.rooms.payloads import Edit, EntryPayload, Erase, RoomText

FORM = Form(
    "Termin",
    (
        Question(1, QuestionKind.CHOICE, "Wann?", True, ("Montag", "Dienstag")),
        Question(2, QuestionKind.TEXT, "Warum?", False, ()),
    ),
)
Shown = dict[EntryHash, object]


def write(world: World, name: str, payload: EntryPayload) -> EntryHash:
    """Write an entry; it must be allowed."""
    found = do(world, name, lambda room, turn: room.write(turn, payload))
    assert isinstance(found, bytes), found
    return EntryHash(found)


def stored(world: World, name: str, entry_hash: EntryHash) -> StoredEntry | None:
    """An entry as a device has it."""
    room = world.devices[name].room
    assert room is not None
    return room.log.find(Turn(world.now_ms), entry_hash)


def wording(world: World, name: str, entry_hash: EntryHash) -> str | None:
    """A text as a device shows it."""
    text = stored(world, name, entry_hash)
    if text is None or text.is_hidden:
        return None
    newest = None if text.edited_by is None else stored(world, name, text.edited_by)
    payload = payload_of(text if newest is None else newest)
    return payload.text if isinstance(payload, RoomText | Edit) else None


def answer_to(world: World, name: str, form_hash: EntryHash) -> EntryHash | None:
    """The answer to a form that counts at a device."""
    room, form = world.devices[name].room, stored(world, name, form_hash)
    payload = None if form is None else payload_of(form)
    assert room is not None
    assert form is not None
    return room.abouts.answer_to(Turn(world.now_ms), form, payload) if isinstance(payload, Form) else None


def rating(world: World, name: str) -> EntryHash | None:
    """The rating that counts at a device."""
    room = world.devices[name].room
    assert room is not None
    return room.abouts.rating(Turn(world.now_ms))


def shown(world: World, name: str) -> Shown:
    """All that a device shows of texts, forms and ratings."""
    found: Shown = {EntryHash(bytes(32)): rating(world, name)}
    for one in world.devices[name].order():
        here = stored(world, name, one)
        payload = None if here is None else payload_of(here)
        if isinstance(payload, RoomText):
            found[one] = (wording(world, name, one), payload.reply)
        elif isinstance(payload, Form):
            found[one] = answer_to(world, name, one)
    return found


def talk(world: World, names: tuple[str, ...], rnd: random.Random, steps: int) -> None:
    """Let people write, word anew, answer, ask, rate and erase, each by what it has."""
    for _ in range(steps):
        name = rnd.choice(names)
        payload = _payload(world, name, rnd)
        do(world, name, lambda room, turn, payload=payload: room.write(turn, payload))
        world.run(rnd.choice((1_000, 5_000, 30_000, 2 * MINUTE_MS)))


def _payload(world: World, name: str, rnd: random.Random) -> EntryPayload:
    here = [one for one in (stored(world, name, one) for one in world.devices[name].order()) if one]
    read = [(one, payload_of(one)) for one in here]
    us = world.devices[name].us
    own = [one.hash for one, payload in read if isinstance(payload, RoomText) and one.author == us]
    forms = [one.hash for one, payload in read if isinstance(payload, Form)]
    is_person = name in ("phone", "tablet")
    kind = rnd.random()
    if kind < 0.35 and own:
        return Edit(rnd.choice(own), f"anders {rnd.randrange(1000)}")
    if kind < 0.45 and own:
        return Erase((rnd.choice(own),))
    if kind < 0.6 and is_person and forms:
        return Answer(rnd.choice(forms), ((1, rnd.randrange(2)), (2, f"weil {rnd.randrange(9)}")))
    if kind < 0.65 and is_person:
        return Rating(rnd.randint(1, 5))
    if kind < 0.7 and not is_person:
        return FORM
    reply = rnd.choice(here).hash if here and rnd.random() < 0.3 else None
    return RoomText(f"Text {rnd.randrange(1000)}", reply)
