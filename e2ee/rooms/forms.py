"""Payloads with which a company asks and a customer answers: form, answer and rating (TRN-21)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Final, NamedTuple

from e2ee.errors import DecodeError
from e2ee.wire import cbor
from e2ee.wire.fields import MAX_MS, MAX_U32

from .entry import EntryHash
from .kinds import Kind
from .structure import Reader, Structure, check_ascending, flag, hash_, member, number, row, several, text

MAX_QUESTIONS: Final = 12
LABEL_B: Final = 200
VALUE_B: Final = 1_000
RATING_TEXT_B: Final = 500


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
    """Questions to the customer. A quick reply is a form of one choice."""

    kind: ClassVar = Kind.FORM
    shape = (text(LABEL_B), several(_question, MAX_QUESTIONS))
    title: str = field(repr=False)
    questions: tuple[Question, ...] = field(repr=False)

    def check(self) -> None:
        """Refuse ids that do not ascend."""
        check_ascending(one.id for one in self.questions)


def _answered(value: cbor.Value) -> str | int:
    reader: Reader = text(VALUE_B) if isinstance(value, str) else number(MAX_MS)
    answer: str | int = reader(value)
    return answer


@dataclass(frozen=True, slots=True)
class Answer(Structure):
    """Answers by the id of the question: a text, or a number (of an option, of a day since 1970, any)."""

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
