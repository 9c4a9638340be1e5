"""Questions that a company asks in a form, and answers in the words of people (TRN-43)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from e2ee.rooms.entry import EntryHash
from e2ee.rooms.forms import MAX_DAY, Answer, Form, Question, QuestionKind
from e2ee_client.errors import ConfigError

Value: TypeAlias = str | int | date
"""An option or a text, a number, a day."""
_UNNUMBERED: Final = 0


def choice(label: str, *options: str, required: bool = True) -> Question:
    """Return a question with 1 to 12 options."""
    return Question(_UNNUMBERED, QuestionKind.CHOICE, label, required, options)


def free_text(label: str, *, required: bool = True) -> Question:
    """Return a question that is answered by a text of at most 1000 bytes."""
    return Question(_UNNUMBERED, QuestionKind.TEXT, label, required, ())


def number(label: str, *, required: bool = True) -> Question:
    """Return a question that is answered by a number from 0 on."""
    return Question(_UNNUMBERED, QuestionKind.NUMBER, label, required, ())


def day(label: str, *, required: bool = True) -> Question:
    """Return a question that is answered by a date."""
    return Question(_UNNUMBERED, QuestionKind.DATE, label, required, ())


def form_of(title: str, questions: Sequence[Question]) -> Form:
    """Return a form with its questions numbered from 1."""
    return Form(title, tuple(one._replace(id=at) for at, one in enumerate(questions, start=1)))


def quick_replies(text: str, options: Sequence[str]) -> Form:
    """Return a form that offers replies to tap on."""
    return form_of(text, [choice(text, *options)])


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with what was answered: the words of an option, a text, a number, or a date."""

    question: Question
    value: Value


def answer_of(form: Form, form_hash: bytes, values: Sequence[Value | None]) -> Answer:
    """Return an answer of values in the order of the questions; None leaves one out.

    Raises:
        ConfigError: more or fewer values, or one that is no answer to its question.
    """
    if len(values) != len(form.questions):
        raise ConfigError("a form is answered by one value for each question, None for what is left out")
    given = [
        (one.id, _encoded(one, value))
        for one, value in zip(form.questions, values, strict=True)
        if value is not None
    ]
    return Answer(EntryHash(form_hash), tuple(given))


def _encoded(question: Question, value: Value) -> str | int:
    match question.kind, value:
        case QuestionKind.CHOICE, str() if value in question.options:
            return question.options.index(value)
        case QuestionKind.TEXT, str():
            return value
        case QuestionKind.NUMBER, int() if not isinstance(value, bool):
            return value
        case QuestionKind.DATE, date():
            return value.toordinal()
        case _:
            raise ConfigError(f"not an answer to question {question.id} of the form")


def answered(form: Form, answer: Answer) -> tuple[Answered, ...]:
    """Return the answers to a form that they fit."""
    questions = {one.id: one for one in form.questions}
    return tuple(Answered(questions[key], _decoded(questions[key], value)) for key, value in answer.values)


def _decoded(question: Question, value: str | int) -> Value:
    if isinstance(value, str) or question.kind is QuestionKind.NUMBER:
        return value
    if question.kind is QuestionKind.CHOICE:
        return question.options[value]
    return date.fromordinal(min(value, MAX_DAY))
