"""Commands about what was said: word a text anew, ask, answer, rate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Final

from e2ee.rooms.forms import Form, Question, QuestionKind
from e2ee.rooms.kinds import Kind
from e2ee_client import Client
from e2ee_client.errors import ConfigError, UnknownEntry
from e2ee_client.rooms import Entry, Room
from e2ee_client.rooms.form_files import read_form
from e2ee_client.rooms.questions import Value, answer_of, quick_replies

from .failures import Refused
from .fetching import when_fetched
from .handing_over import hand_over
from .room_addressing import company_room, customer_room, find_room
from .room_lines import entry_json
from .session import Session, Work

_ANSWERED: Final = frozenset({Kind.FILE, Kind.FORM, Kind.ANSWER})
LOOKED_AT: Final = 500
_LEAST_DIGITS: Final = 4
_LEFT_OUT: Final = "-"


async def find_entry(room: Room, wanted: str, fits: Callable[[Entry], bool]) -> Entry:
    """Return the newest entry that fits and is meant by the beginning of its hash; `-` is the newest.

    Raises:
        UnknownEntry: none.
    """
    digits = "" if wanted.strip() == "-" else wanted.strip().lower()
    if digits and len(digits) < _LEAST_DIGITS:
        raise UnknownEntry("at least four digits name an entry")
    for entry in reversed(await room.history(limit=LOOKED_AT)):
        if fits(entry) and entry.hash.hex().startswith(digits):
            return entry
    raise UnknownEntry("no such entry")


async def find_answered(room: Room, wanted: str) -> Entry:
    """Return what a text answers, by the beginning of its hash; `-` is the newest of somebody else."""
    is_newest = wanted.strip() == "-"

    def fits(one: Entry) -> bool:
        return (one.text is not None or one.kind in _ANSWERED) and not (is_newest and one.is_ours)

    return await find_entry(room, wanted, fits)


def edit(session: Session) -> Work:
    """Word a text of this device anew."""
    text = session.given_or_input(session.options.text)

    async def act(client: Client) -> Entry:
        room = find_room(client, session.options.room)
        said = await find_entry(room, session.options.entry, lambda one: one.is_ours and one.text is not None)
        await room.edit(said, text)
        return await room.entry(said.hash)

    return _writing(session, act, "edit.done")


def ask(session: Session) -> Work:
    """Ask the customer: replies to tap on, or a form from a file."""
    form = _form(session)

    async def act(client: Client) -> Entry:
        return await company_room(client, session.options.room).write(form)

    return _writing(session, act, "ask.done")


def _form(session: Session) -> Form:
    options = session.options
    if options.form is not None and options.title is None and not options.option:
        return read_form(options.form)
    if options.form is not None or options.title is None or not options.option:
        detail = "TITLE --option TEXT ... | --form FILE"
        raise Refused("usage.invalid", detail=detail, program="sealroom room ask")
    return quick_replies(options.title, options.option)


def answer(session: Session) -> Work:
    """Answer a form of the company, one value for each question."""

    async def act(client: Client) -> Entry:
        room = customer_room(client, session.options.room)
        asked = await find_entry(room, session.options.entry, lambda one: one.kind == Kind.FORM)
        if asked.form is None:
            raise UnknownEntry("the form was erased")
        values = read_values(asked.form, session.options.value)
        return await room.write(answer_of(asked.form, asked.hash, values))

    return _writing(session, act, "answer.done")


def read_values(form: Form, words: Sequence[str]) -> list[Value | None]:
    """Return the answers that words mean: an option by its words or its number from 1, `-` for none.

    Raises:
        ConfigError: more or fewer of them, or one that is no answer.
    """
    if len(words) != len(form.questions):
        raise ConfigError("one value for each question, - for what is left out")
    return [_value(question, word) for question, word in zip(form.questions, words, strict=True)]


def _value(question: Question, word: str) -> Value | None:
    if word == _LEFT_OUT and word not in question.options:
        return None
    try:
        match question.kind:
            case QuestionKind.TEXT:
                return word
            case QuestionKind.NUMBER:
                return int(word)
            case QuestionKind.DATE:
                return date.fromisoformat(word)
            case QuestionKind.CHOICE:
                is_number = word not in question.options and word.isascii() and word.isdecimal()
                return question.options[int(word) - 1] if is_number and int(word) else word
    except (ValueError, IndexError):
        message = f"not an answer to question {question.id}: an option, a number, YYYY-MM-DD"
        raise ConfigError(message) from None


def rate(session: Session) -> Work:
    """Rate the conversation."""
    options = session.options

    async def act(client: Client) -> Entry:
        return await customer_room(client, options.room).rate(options.stars, options.text)

    return _writing(session, act, "rate.done")


def _writing(session: Session, act: Callable[[Client], Awaitable[Entry]], said: str) -> Work:
    """Write something in a room as it is now, and leave when the relays have it."""

    async def step(client: Client) -> None:
        entry = await act(client)
        await hand_over(session, client, entry.room)
        session.result(said, entry_json(entry), entry=entry.hash.hex()[:8])

    return when_fetched(session, step)
