"""Entries about others: which wording, answer and rating counts (TRN-40, TRN-43, TRN-44)."""

from __future__ import annotations

from itertools import permutations

import pytest

from e2ee.ids import DeviceId
from e2ee.rooms.about import Said, is_wording, last_that_counts, wording_that_counts
from e2ee.rooms.entry import DeviceTag, EntryHash
from e2ee.rooms.forms import Answer, AnswerFault, Form, Question, QuestionKind, fault_of
from e2ee.rooms.kinds import Kind

ANN, BOB = DeviceId(b"a" * 16), DeviceId(b"b" * 16)
BY, BY_OTHER = DeviceTag(b"1" * 8), DeviceTag(b"2" * 8)
FORM = Form(
    "Termin",
    (
        Question(1, QuestionKind.CHOICE, "Wann?", True, ("Montag", "Dienstag")),
        Question(3, QuestionKind.TEXT, "Warum?", False, ()),
        Question(4, QuestionKind.NUMBER, "Wie oft?", False, ()),
        Question(9, QuestionKind.DATE, "Geboren?", True, ()),
    ),
)
FIRST_DAY, LAST_DAY = 1, 3_652_059


def entry(name: str, n: int, kind: int = Kind.EDIT, **other: object) -> Said:
    """An entry of Ann, in the order of numbers."""
    fields: dict[str, object] = {"device_id": ANN, "k": n, "forwarded_by": None, "is_hidden": False} | other
    return Said(hash=EntryHash(name.encode() * 32), kind=kind, n=n, **fields)  # type: ignore[arg-type]  # by name


TEXT = entry("t", 1, Kind.TEXT)


def test_the_wording_with_the_highest_number_counts_whatever_came_first() -> None:
    """TRN-40."""
    edits = [entry("a", 2), entry("b", 5), entry("c", 3, k=900)]
    for order in permutations(edits):
        assert wording_that_counts(TEXT, order) == edits[1].hash
    assert wording_that_counts(TEXT, []) is None


def test_a_wording_that_is_hidden_counts_no_more() -> None:
    """TRN-40."""
    first, newest = entry("a", 2), entry("b", 5)
    assert wording_that_counts(TEXT, [first, newest._replace(is_hidden=True)]) == first.hash
    assert wording_that_counts(TEXT, [first._replace(is_hidden=True)]) is None


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        (TEXT, entry("a", 2, device_id=BOB)),
        (TEXT, entry("a", 2, kind=Kind.TEXT)),
        (TEXT._replace(kind=Kind.EDIT), entry("a", 2)),
        (TEXT._replace(kind=Kind.FORM), entry("a", 2)),
        (TEXT, entry("a", 2, forwarded_by=BY)),
        (TEXT._replace(forwarded_by=BY_OTHER), entry("a", 2, forwarded_by=BY)),
    ],
    ids=["of another", "no edit", "of an edit", "of a form", "hearsay about a text", "by another"],
)
def test_only_an_edit_of_the_same_device_words_a_text_anew(text: Said, edit: Said) -> None:
    """TRN-40: what somebody else vouches for changes no text that came from its own device."""
    assert not is_wording(text, edit)
    assert wording_that_counts(text, [edit]) is None


def test_hearsay_words_hearsay_of_the_same_device_anew_and_a_covered_edit_any() -> None:
    """TRN-40."""
    heard = TEXT._replace(forwarded_by=BY)
    assert is_wording(heard, entry("a", 2, forwarded_by=BY))
    assert is_wording(heard, entry("a", 2))


def test_of_answers_the_last_in_order_counts_and_hearsay_only_alone() -> None:
    """TRN-44."""
    early, late = entry("a", 9, Kind.ANSWER, k=10), entry("b", 2, Kind.ANSWER, k=20)
    heard = entry("c", 5, Kind.ANSWER, k=99, forwarded_by=BY)
    for order in permutations([early, late, heard]):
        assert last_that_counts(order) == late.hash
    assert last_that_counts([heard]) == heard.hash
    assert last_that_counts([early, late._replace(is_hidden=True)]) == early.hash
    assert last_that_counts([]) is None


def test_of_two_answers_with_one_place_the_higher_hash_counts() -> None:
    """TRN-44: the order of TRN-16 is by (k, hash)."""
    one, other = entry("a", 1, Kind.ANSWER, k=5), entry("b", 1, Kind.ANSWER, k=5)
    assert last_that_counts([one, other]) == last_that_counts([other, one]) == other.hash


def answer(*values: tuple[int, str | int]) -> Answer:
    """An answer to the form."""
    return Answer(EntryHash(b"f" * 32), values)


@pytest.mark.parametrize(
    "values",
    [
        ((1, 0), (9, FIRST_DAY)),
        ((1, 1), (3, "Knie"), (4, 2**53 - 1), (9, LAST_DAY)),
        ((1, 1), (4, 0), (9, 7)),
    ],
)
def test_an_answer_fits(values: tuple[tuple[int, str | int], ...]) -> None:
    """TRN-43: what is not required may be left out."""
    assert fault_of(FORM, answer(*values)) is None


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        (((1, 0), (2, 1), (9, 1)), AnswerFault.UNKNOWN),
        (((9, 1),), AnswerFault.MISSING),
        (((1, 0),), AnswerFault.MISSING),
        (((1, "Montag"), (9, 1)), AnswerFault.TYPE),
        (((1, 0), (3, 7), (9, 1)), AnswerFault.TYPE),
        (((1, 0), (4, "drei"), (9, 1)), AnswerFault.TYPE),
        (((1, 0), (9, "gestern")), AnswerFault.TYPE),
        (((1, 2), (9, 1)), AnswerFault.OPTION),
        (((1, 0), (9, 0)), AnswerFault.OPTION),
        (((1, 0), (9, LAST_DAY + 1)), AnswerFault.OPTION),
    ],
)
def test_an_answer_that_does_not_fit_is_told_apart(
    values: tuple[tuple[int, str | int], ...], fault: AnswerFault
) -> None:
    """TRN-43: unknown questions, required ones left out, another type, what was not offered."""
    assert fault_of(FORM, answer(*values)) is fault


def test_a_form_of_one_required_choice_offers_quick_replies() -> None:
    """TRN-43: any other form is filled in."""
    choice = Question(1, QuestionKind.CHOICE, "Passt es?", True, ("Ja", "Nein"))
    assert Form("Passt es?", (choice,)).is_quick
    assert not Form("Passt es?", (choice._replace(required=False),)).is_quick
    assert not Form("Passt es?", (choice, choice._replace(id=2))).is_quick
    assert not Form("Warum?", (Question(1, QuestionKind.TEXT, "Warum?", True, ()),)).is_quick
