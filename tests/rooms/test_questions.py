"""Wordings, replies, forms, quick replies and ratings as a developer writes them (TRN-40 to TRN-45)."""

from __future__ import annotations

from datetime import date

import pytest
from conversations import until
from e2ee_client.cli.room_words import read_values
from e2ee_client.errors import ConfigError, UnknownEntry
from e2ee_client.rooms import (
    AnswerFault,
    CompanyRoom,
    CustomerRoom,
    Room,
    choice,
    day,
    free_text,
    number,
)
from e2ee_client.rooms.form_files import parse_form
from practice import Practice

from e2ee.errors import RoomClosed, RoomFrozen
from e2ee.rooms.entry import EntryHash
from e2ee.rooms.forms import Answer
from e2ee.rooms.state import Phase


async def both(praxis: Practice) -> tuple[CustomerRoom, CompanyRoom]:
    """A room with a first text in it, on both sides; the company answers."""
    room = await praxis.opened(await praxis.customer())
    await room.send("Guten Tag")
    await until(lambda: any(one.unread for one in praxis.company.rooms()))
    theirs = praxis.company.room(room.room_id)
    await theirs.claim(60)
    return room, theirs


async def has(room: Room, entry_hash: bytes) -> None:
    """Wait until an entry is there."""

    def here() -> bool:
        machine, now_ms = room._shell.machine, room._shell.now_ms
        return machine.rooms.entry(room.room_id, EntryHash(entry_hash), now_ms) is not None

    await until(here)


async def test_a_text_is_worded_anew_and_each_wording_stays(praxis: Practice) -> None:
    """TRN-40."""
    room, theirs = await both(praxis)
    said = await room.send("Morgen um zehn")
    await room.edit(said, "Morgen um elf")
    last = await room.edit(said, "Übermorgen um elf")
    await has(theirs, last.hash)
    shown = await theirs.entry(said.hash)
    assert (shown.text, shown.first_wording) == ("Übermorgen um elf", "Morgen um zehn")
    assert shown.edited_ms == last.sent_ms
    worded = [one.payload for one in await theirs.wordings(shown)]
    assert [one.text for one in worded if one is not None] == ["Morgen um elf", "Übermorgen um elf"]  # type: ignore[union-attr]  # edits
    assert (await theirs.texts())[-1] == shown


async def test_a_search_finds_the_newest_wording_alone(praxis: Practice) -> None:
    """TRN-40."""
    room, theirs = await both(praxis)
    said = await room.send("Morgen um zehn")
    await room.edit(said, "Freitag um elf")
    last = await room.edit(said, "Samstag um elf")
    await has(theirs, last.hash)
    for words, found in (("zehn", []), ("freitag", []), ("SAMSTAG elf", [said]), ("elf", [said])):
        assert [one async for one in theirs.search(words)] == found
        assert [one async for one in praxis.company.search(words)] == [(theirs, one.hash) for one in found]
    await room.erase([said])
    assert [one async for one in room.search("samstag")] == []


async def test_a_reply_names_what_it_answers(praxis: Practice) -> None:
    """TRN-42."""
    room, theirs = await both(praxis)
    question = await theirs.send("Wann?")
    await has(room, question.hash)
    answer = await room.send("Um zehn", reply_to=question)
    await has(theirs, answer.hash)
    shown = await theirs.entry(answer.hash)
    assert shown.reply_to == question.hash
    assert (await theirs.entry(question.hash)).reply_to is None
    stranger = await (await praxis.opened(await praxis.customer())).send("Hallo")
    with pytest.raises(UnknownEntry):
        await room.send("Dazu", reply_to=stranger)


async def test_a_form_is_answered_in_the_words_of_people(praxis: Practice) -> None:
    """TRN-43, TRN-44."""
    room, theirs = await both(praxis)
    form = await theirs.ask(
        "Termin",
        choice("Wann?", "Montag", "Dienstag"),
        free_text("Warum?", required=False),
        number("Wie oft schon?"),
        day("Geboren?"),
    )
    await has(room, form.hash)
    shown = await room.entry(form.hash)
    assert shown.form is not None
    assert [one.label for one in shown.form.questions] == ["Wann?", "Warum?", "Wie oft schon?", "Geboren?"]
    first = await room.answer(shown, "Montag", None, 2, date(1949, 5, 23))
    second = await room.answer(shown, "Dienstag", "Arbeit", 2, date(1949, 5, 23))
    await has(theirs, second.hash)
    counts = await theirs.answer_to(form)
    assert counts == second != first
    assert counts is not None
    assert counts.answers is not None
    assert [one.value for one in counts.answers] == ["Dienstag", "Arbeit", 2, date(1949, 5, 23)]
    assert counts.fault is None
    assert first in await theirs.history()


@pytest.mark.parametrize(
    "values", [(), ("Montag", "zu viel"), ("Mittwoch",), (0,), (None,), (date(2026, 1, 1),)], ids=str
)
async def test_what_was_not_offered_is_not_answered(praxis: Practice, values: tuple[object, ...]) -> None:
    """TRN-45."""
    room, theirs = await both(praxis)
    form = await theirs.offer("Wann?", "Montag", "Dienstag")
    await has(room, form.hash)
    with pytest.raises(ConfigError):
        await room.answer(form, *values)  # type: ignore[arg-type]  # what it has to refuse
    with pytest.raises(UnknownEntry):
        await room.answer(await room.send("kein Formular"), "Montag")
    assert await theirs.answer_to(form) is None


async def test_an_answer_of_another_program_that_does_not_fit_is_shown_as_that(praxis: Practice) -> None:
    """TRN-43: the customer's own checks are off."""
    room, theirs = await both(praxis)
    form = await theirs.offer("Passt es?", "Ja", "Nein")
    await has(room, form.hash)
    engine_room = room._client.shell.machine._context.rooms._loaded[room.room_id]
    engine_room.about.check_ours = lambda turn, payload: None  # type: ignore[method-assign]  # off
    bad = await room.write(Answer(EntryHash(form.hash), ((1, 5),)))
    await has(theirs, bad.hash)
    shown = await theirs.entry(bad.hash)
    assert (shown.fault, shown.answers) == (AnswerFault.OPTION, None)
    assert await theirs.answer_to(form) is None


async def test_of_two_ratings_the_last_one_counts(praxis: Practice) -> None:
    """TRN-44."""
    room, theirs = await both(praxis)
    assert await theirs.rating() is None
    await room.rate(2)
    last = await room.rate(5, "doch gut")
    await has(theirs, last.hash)
    shown = await theirs.rating()
    assert shown == last
    assert shown is not None
    assert shown.stars == 5
    with pytest.raises(ConfigError):
        await room.rate(6)


async def test_a_room_that_the_company_has_closed_is_rated_without_opening_it(praxis: Practice) -> None:
    """ROOM-19, TRN-44: the company is told, nothing is unread, and the room stays closed."""
    room, theirs = await both(praxis)
    await theirs.mark_read(await theirs.unread_entries())
    await theirs.close("erledigt")
    await until(lambda: room.phase is Phase.CLOSED)
    given = await room.rate(5, "schnell")
    await has(theirs, given.hash)
    assert await theirs.rating() == await room.rating() == given
    assert (theirs.phase, room.phase) == (Phase.CLOSED, Phase.CLOSED)
    assert (theirs.unread, theirs.waits_for) == (0, None)
    with pytest.raises(RoomClosed):
        await room.send("noch etwas")
    await room.freeze()
    await until(lambda: theirs.phase is Phase.FROZEN and room.phase is Phase.FROZEN)
    with pytest.raises(RoomFrozen):
        await room.rate(1)
    assert [one.text for one in await theirs.texts()] == ["Guten Tag"]


async def test_a_form_has_few_questions_of_few_bytes(praxis: Practice) -> None:
    """TRN-21, TRN-22."""
    _, theirs = await both(praxis)
    for questions in ((), (free_text("x"),) * 13, (choice("leer"),), (free_text("x" * 201),)):
        with pytest.raises(ConfigError):
            await theirs.ask("Termin", *questions)


FORM_FILE = b"""
title = "Termin"
[[question]]
label = "Wann?"
kind = "choice"
options = ["Montag", "Dienstag"]
[[question]]
label = "Warum?"
kind = "text"
required = false
"""


def test_a_form_stands_in_a_file() -> None:
    """TRN-22: numbered in its order."""
    form = parse_form(FORM_FILE)
    assert [(one.id, one.label, one.required) for one in form.questions] == [
        (1, "Wann?", True),
        (2, "Warum?", False),
    ]
    assert form.questions[0].options == ("Montag", "Dienstag")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (b'"Termin"', b"7", "the title is a text"),
        (b'"choice"', b'"menu"', "the kind of question 1 is choice, text, number or date"),
        (b'"choice"', b'"text"', "1 to 12 questions"),
        (b"required = false", b'required = "no"', "question 2 has options in brackets"),
        (b"required = false", b"hidden = true", "question 2 has a label"),
        (b'["Montag", "Dienstag"]', b"[1]", "an option of question 1 is a text"),
        (b"title", b"subtitle", "a form has a title"),
        (b"[[question]]", b"[[[", "TOML"),
        (b"Termin", b"\xff", "TOML"),
        (FORM_FILE, b'title = "x"\nquestion = 3', "a table"),
        (FORM_FILE, b'title = "x"\nquestion = [3]', "question 1 has a label"),
        (FORM_FILE, b"#" * 70_000, "64 KiB"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(before: bytes, after: bytes, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        parse_form(FORM_FILE.replace(before, after))


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["Montag", "-"], ["Montag", None]),
        (["2", "Arbeit"], ["Dienstag", "Arbeit"]),
    ],
)
def test_a_form_is_answered_by_words(words: list[str], values: list[object]) -> None:
    """TRN-43: an option by its words or its number."""
    assert read_values(parse_form(FORM_FILE), words) == values


def test_words_that_answer_nothing_are_told() -> None:
    asked = FORM_FILE + b'[[question]]\nlabel = "Wie alt?"\nkind = "number"\n'
    form = parse_form(asked + b'[[question]]\nlabel = "Geboren?"\nkind = "date"\n')
    good = ["1", "-", "40", "1986-01-02"]
    assert read_values(form, good) == ["Montag", None, 40, date(1986, 1, 2)]
    for at, word in ((0, "3"), (2, "alt"), (3, "2.1.1986"), (3, "1986-02-30")):
        with pytest.raises(ConfigError, match=f"question {at + 1}"):
            read_values(form, [*good[:at], word, *good[at + 1 :]])
    with pytest.raises(ConfigError, match="one value"):
        read_values(form, good[:3])
