"""Fuzz targets of forms, answers to questions (TRN-43), and the index of an archive (EXP-22)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from e2ee_client.errors import ConfigError
from e2ee_client.rooms.archive_index import Archived, Index, decode_index, encode_index
from e2ee_client.rooms.form_files import parse_form
from e2ee_client.rooms.questions import answer_of, answered
from fuzz_target import Shape, Target, require

from e2ee.errors import DecodeError
from e2ee.ids import AccountId
from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.forms import Answer, Form, Question, QuestionKind, fault_of
from e2ee.rooms.payloads import encode_payload
from e2ee.wire import cbor

_HASH: Final = EntryHash(b"f" * 32)
_FORM: Final = Form(
    "Termin",
    (
        Question(1, QuestionKind.CHOICE, "Wann?", True, ("Montag", "Dienstag")),
        Question(2, QuestionKind.TEXT, "Warum?", False, ()),
        Question(5, QuestionKind.NUMBER, "Wie oft?", False, ()),
        Question(9, QuestionKind.DATE, "Geboren?", True, ()),
    ),
)
_FILE: Final = b"""title = "Termin"
[[question]]
label = "Wann?"
kind = "choice"
options = ["Montag", "Dienstag"]
[[question]]
label = "Warum?"
kind = "text"
required = false
"""


def _file_holds(data: bytes, form: Form) -> None:
    """What was read is a form that every reader takes, with what stands in the file."""
    encode_payload(form)
    found = tomllib.loads(data.decode())
    require(form.title == found["title"], "the title of a form is that of its file")
    asked = [(one["label"], tuple(one.get("options", ()))) for one in found["question"]]
    require([(one.label, one.options) for one in form.questions] == asked, "questions are those of the file")
    require([one.id for one in form.questions] == list(range(1, len(asked) + 1)), "questions are numbered")


def _file_seeds() -> Iterator[bytes]:
    yield _FILE
    for kind in (b'"number"', b'"date"', b'"menu"'):
        yield b'title = "x"\n[[question]]\nlabel = "y"\nkind = ' + kind


class _Asked(NamedTuple):
    form: Form
    answer: Answer


def _decode(data: bytes) -> _Asked:
    value = cbor.decode(data)
    if not isinstance(value, list) or len(value) != 2:
        raise DecodeError("a form and an answer")
    return _Asked(Form.of(value[0]), Answer.of(value[1]))


def _fit_holds(_: bytes, asked: _Asked) -> None:
    """Of an answer that fits all can be shown, and said again in words gives the same answer."""
    form, answer = asked
    if fault_of(form, answer) is not None:
        return
    said = {one.question.id: one.value for one in answered(form, answer)}
    require(said.keys() == {key for key, _ in answer.values}, "each answer is shown")
    again = answer_of(form, answer.form, [said.get(one.id) for one in form.questions])
    same = {one.id for one in form.questions if len(set(one.options)) == len(one.options)}
    given = [one for one in answer.values if one[0] in same]
    require([one for one in again.values if one[0] in same] == given, "words give the answer that they show")
    required = {one.id for one in form.questions if one.required}
    require(required <= said.keys(), "what is required is answered")


def _fit_seeds() -> Iterator[bytes]:
    for values in (
        ((1, 0), (9, 1)),
        ((1, 1), (2, "Arbeit"), (5, 3), (9, 3_652_059)),
        ((1, 2), (9, 1)),
        ((1, 0),),
        ((1, "Montag"), (9, 1)),
        ((3, 0),),
    ):
        yield cbor.encode([_FORM.value(), Answer(_HASH, values).value()])
    yield cbor.encode([1, 2])


_ROOM: Final = RoomId(b"r" * 16)
_INDEX: Final = Index(
    AccountId(b"a" * 32),
    {
        _ROOM: Archived(
            f"2026-05/{_ROOM.hex()}.json",
            *(b"d" * 32, 4, 1, b"s" * 32, 1_780_000_000_000),
            kept=((f"2026-05/{_ROOM.hex()}.17.json", b"k" * 32),),
        )
    },
)


def _index_holds(_: bytes, index: Index) -> None:
    require(decode_index(encode_index(index)) == index, "an index is read as it was written")
    names = [name for one in index.rooms.values() for name in (one.file, *(name for name, _ in one.kept))]
    require(
        all(len(Path(name).parts) == 2 and ".." not in name for name in names), "names stay in the folder"
    )


def _index_seeds() -> Iterator[bytes]:
    whole = encode_index(_INDEX)
    yield whole
    yield encode_index(Index(_INDEX.company, {}))
    yield whole.replace(b"2026-05/", b"../")


TARGETS: Final = (
    Target(
        "archive_index",
        decode_index,
        _index_holds,
        frozenset({ConfigError}),
        _index_seeds,
        Shape.TEXT,
        2048,
        tokens=(b'"kept": []', b"../", b"/", b"2026-05/", b"true", b"-1", b"1e9", _ROOM.hex().encode()),
    ),
    Target(
        "form_file",
        parse_form,
        _file_holds,
        frozenset({ConfigError}),
        _file_seeds,
        Shape.TEXT,
        1024,
        tokens=(
            b"[[question]]\n",
            b"label = ",
            b'kind = "choice"\n',
            b"options = []\n",
            b"required = true\n",
        ),
    ),
    Target("form_answer", _decode, _fit_holds, frozenset({DecodeError}), _fit_seeds, Shape.CBOR, 2048),
)
