"""Payloads with which a company asks and a customer answers, and what fits what (TRN-21, TRN-43)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import ClassVar, Final, NamedTuple

from e2ee.errors import DecodeError
from e2ee.wire import cbor
from e2ee.wire.fields import MAX_MS, MAX_U32, flag

from .entry import EntryHash
from .kinds import Kind
from .structure import Reader, Structure, check_ascending, hash_, member, number, row, several, text

MAX_QUESTIONS: Final = 12
LABEL_B: Final = 200
VALUE_B: Final = 1_000
RATING_TEXT_B: Final = 500
MAX_DAY: Final = 3_652_059
"""31 December 9999; day 1 is 1 January of year 1."""


class QuestionKind(IntEnum):
    """How a question of a form is answered."""

    CHOICE = 1
    TEXT = 2
    NUMBER = 3
    DATE = 4


class Question(NamedTuple):
    """One question of a form; only a choice has options."""

    id: int
    kind: QuestionKind
    label: str
    required: bool
    options: tuple[str, ...]


_QUESTION: Final = row(
    *(number(MAX_U32), member(QuestionKind), text(LABEL_B), flag),
    several(text(LABEL_B), MAX_QUESTIONS, 0),
)


def _question(value: cbor.Value) -> Question:
    found = Question(*_QUESTION(value))
    if (found.kind is QuestionKind.CHOICE) != bool(found.options):
        raise DecodeError("a choice has options, and nothing else has")
    return found


@dataclass(frozen=True, slots=True)
class Form(Structure):
    """Questions to the customer. One whose only question is a required choice offers quick replies."""

    kind: ClassVar = Kind.FORM
    shape = (text(LABEL_B), several(_question, MAX_QUESTIONS))
    title: str = field(repr=False)
    questions: tuple[Question, ...] = field(repr=False)

    def check(self) -> None:
        """Refuse ids that do not ascend."""
        check_ascending(one.id for one in self.questions)

    @property
    def is_quick(self) -> bool:
        """Whether it offers quick replies."""
        first = self.questions[0]
        return len(self.questions) == 1 and first.kind is QuestionKind.CHOICE and first.required


def _answered(value: cbor.Value) -> str | int:
    reader: Reader = text(VALUE_B) if isinstance(value, str) else number(MAX_MS)
    answer: str | int = reader(value)
    return answer


@dataclass(frozen=True, slots=True)
class Answer(Structure):
    """Answers by the id of the question: a text, or a number (of an option, of a day, any; TRN-43)."""

    kind: ClassVar = Kind.ANSWER
    shape = (hash_, several(row(number(MAX_U32), _answered), MAX_QUESTIONS))
    form: EntryHash
    values: tuple[tuple[int, str | int], ...] = field(repr=False)

    def check(self) -> None:
        """Refuse ids that do not ascend."""
        check_ascending(key for key, _ in self.values)


@dataclass(frozen=True, slots=True)
class Rating(Structure):
    """How content the customer is, 1 to 5."""

    kind: ClassVar = Kind.RATING
    shape = (number(5, 1), text(RATING_TEXT_B))
    absent = frozenset({2})
    stars: int
    text: str | None = field(default=None, repr=False)


class AnswerFault(Enum):
    """Why an answer does not fit its form."""

    UNKNOWN = "unknown"
    """An id that is of none of its questions."""
    MISSING = "missing"
    """A required question has no answer."""
    TYPE = "type"
    """A number where a text belongs, or a text where a number does."""
    OPTION = "option"
    """Not one of the options, or not a day of the calendar."""


def fault_of(form: Form, answer: Answer) -> AnswerFault | None:
    """Say why an answer does not fit a form; None if it does (TRN-43)."""
    questions, values = {one.id: one for one in form.questions}, dict(answer.values)
    if not values.keys() <= questions.keys():
        return AnswerFault.UNKNOWN
    if any(one.required and one.id not in values for one in form.questions):
        return AnswerFault.MISSING
    faults = (_fault(questions[key], value) for key, value in answer.values)
    return next((one for one in faults if one is not None), None)


def _fault(question: Question, value: str | int) -> AnswerFault | None:
    if isinstance(value, str) is not (question.kind is QuestionKind.TEXT):
        return AnswerFault.TYPE
    if isinstance(value, str) or question.kind is QuestionKind.NUMBER:
        return None
    is_choice = question.kind is QuestionKind.CHOICE
    is_offered = value < len(question.options) if is_choice else 1 <= value <= MAX_DAY
    return None if is_offered else AnswerFault.OPTION
