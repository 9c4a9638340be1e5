"""Forms as files: TOML with a title and questions, for those who are no developers."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from e2ee.errors import InvalidArgument
from e2ee.rooms.forms import Form, Question, QuestionKind
from e2ee.rooms.payloads import encode_payload
from e2ee_client.errors import ConfigError

from .questions import form_of

FILE_MAX_B: Final = 65_536
_KINDS: Final = {one.name.lower(): one for one in QuestionKind}
_FORM: Final = frozenset({"title", "question"})
_QUESTION: Final = frozenset({"label", "kind", "options", "required"})


def read_form(path: Path) -> Form:
    """Read a form from a file; as `parse_form`."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_MAX_B + 1)
    except OSError as error:
        raise ConfigError(f"the form cannot be read: {error.strerror}") from None
    return parse_form(content)


def parse_form(content: bytes) -> Form:
    """Return the form of a file: `title`, and a table `[[question]]` for each with `label`, `kind` (choice,
    text, number, date), `options` of a choice, and `required`, which is true where it is not there.

    Raises:
        ConfigError: it says what is wrong, and of which question.
    """
    if len(content) > FILE_MAX_B:
        raise ConfigError("a form has at most 64 KiB")
    try:
        found = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        raise ConfigError("a form is a file of TOML in UTF-8") from None
    if not found.keys() <= _FORM:
        raise ConfigError("a form has a title, and a table [[question]] for each question")
    questions = found.get("question")
    if not isinstance(questions, list):
        raise ConfigError("a form has a table [[question]] for each question")
    asked = [_question(one, at) for at, one in enumerate(questions, start=1)]
    form = form_of(_text(found.get("title"), "the title"), asked)
    try:
        encode_payload(form)
    except InvalidArgument:
        message = "a form has 1 to 12 questions, a choice 1 to 12 options, and each text 1 to 200 bytes"
        raise ConfigError(message) from None
    return form


def _question(value: object, at: int) -> Question:
    if not isinstance(value, Mapping) or not value.keys() <= _QUESTION:
        raise ConfigError(f"question {at} has a label, a kind, options, and whether it is required")
    kind = _KINDS.get(_text(value.get("kind"), f"the kind of question {at}"))
    if kind is None:
        raise ConfigError(f"the kind of question {at} is choice, text, number or date")
    options, required = value.get("options", []), value.get("required", True)
    if not isinstance(options, list) or not isinstance(required, bool):
        raise ConfigError(f"question {at} has options in brackets, and required is true or false")
    texts = tuple(_text(one, f"an option of question {at}") for one in options)
    return Question(0, kind, _text(value.get("label"), f"the label of question {at}"), required, texts)


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{what} is a text")
    return value
