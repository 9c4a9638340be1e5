"""What an entry says, in the words of a page: what happened, and a text as its author wrote it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from e2ee.ids import DeviceId
from e2ee.rooms.entry import EntryHash
from e2ee.rooms.forms import Answer, Form, Rating
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import (
    Access,
    Act,
    Edit,
    EntryPayload,
    Erase,
    Erased,
    File,
    Reach,
    Refusal,
    RoomText,
    Sensitive,
    UnknownKind,
)
from e2ee.rooms.state import State

from .transcript_findings import isolated
from .transcript_words import Words, counted

Named: TypeAlias = Callable[[DeviceId], str]
Placed: TypeAlias = Callable[[EntryHash], int | None]
"""In which line of the file an entry stands, if it does."""


class Told(NamedTuple):
    """What stands on a page of an entry; in `what` the texts of the room are `isolated`."""

    what: str
    text: str | None = None


def told(kind: int, payload: EntryPayload | None, words: Words, name: Named, place: Placed) -> Told:
    """Return what an entry says; None stands for a body that is not in the file."""
    match payload:
        case None:
            return Told(words["redacted"].format(_kind(kind, words)))
        case RoomText():
            return Told("", payload.text)
        case Edit():
            at = place(payload.hash)
            what = words["EDIT elsewhere"] if at is None else words["EDIT"].format(at)
            return Told(what, payload.text)
        case State():
            return _state(payload, words, name)
        case Form():
            return Told(words["FORM"].format(isolated(payload.title)), _questions(payload))
        case Answer():
            return Told(words["ANSWER"], "\n".join(f"{number}: {value}" for number, value in payload.values))
        case Rating():
            return Told(words["RATING"].format(payload.stars), payload.text)
        case UnknownKind():
            return Told(words["OTHER"].format(kind))
        case Access():
            return Told(_deed(kind, payload, words), payload.text)
        case _:
            return Told(_deed(kind, payload, words))


def _kind(kind: int, words: Words) -> str:
    known = kind in frozenset(Kind)
    return words[f"kind {Kind(kind).name}"] if known else words["kind"].format(kind)


def _deed(kind: int, payload: EntryPayload, words: Words) -> str:
    match payload:
        case Erase(hashes=None):
            return words["ERASE room"]
        case Erase(hashes=tuple() as hashes) | Sensitive(hashes=hashes):
            return counted(words, Kind(kind).name, len(hashes))
        case Erased():
            return words[f"ERASED {int(payload.outcome)}"]
        case File():
            return words["FILE"].format(isolated(payload.name), payload.size_b, payload.hash.hex())
        case Act():
            return words[f"ACT {int(payload.what)}"]
        case Access():
            return counted(words, f"ACCESS {int(payload.what)}", payload.count)
        case Reach(email=None):
            return words["REACH null"]
        case Refusal():
            return words["REFUSAL"].format(isolated(payload.code))
        case _:
            return words[Kind(kind).name]


def _state(state: State, words: Words, name: Named) -> Told:
    phase = words[f"phase {state.phase.name}"]
    if state.assigned is None:
        return Told(words["STATE"].format(phase), state.text)
    return Told(words["STATE assigned"].format(phase, name(state.assigned)), state.text)


def _questions(form: Form) -> str:
    lines: list[str] = []
    for one in form.questions:
        lines += [f"{one.id}: {one.label}", *(f"  – {option}" for option in one.options)]
    return "\n".join(lines)
