"""Transcripts edited at random: our verifier and the one written from chapter 19 alone say the same."""

from __future__ import annotations

from collections.abc import Callable

import independent_export
from hypothesis import example, given, settings
from hypothesis import strategies as st
from independent_reader import Refused
from transcript_world import verify
from vector_files import load, unhex

from e2ee.errors import RemoteError
from e2ee.ids import AccountId

VECTORS = load("export.json")
ACCOUNT = AccountId(unhex(VECTORS["account_id"]))
FILES = [[line.encode() for line in case["lines"]] for case in VECTORS["transcripts"]]
Lines = list[bytes]
Edit = Callable[[Lines, int, int], Lines]


def flip(lines: Lines, at: int, by: int) -> Lines:
    line = bytearray(lines[at])
    if line:
        line[by % len(line)] ^= 1 << by % 8
    return [*lines[:at], bytes(line), *lines[at + 1 :]]


def drop(lines: Lines, at: int, by: int) -> Lines:
    return [*lines[:at], *lines[at + 1 :]]


def move(lines: Lines, at: int, by: int) -> Lines:
    left = drop(lines, at, by)
    place = by % (len(left) + 1)
    return [*left[:place], lines[at], *left[place:]]


def repeat(lines: Lines, at: int, by: int) -> Lines:
    return [*lines[:at], lines[at], *lines[at:]]


def cut(lines: Lines, at: int, by: int) -> Lines:
    return lines[: max(2, at)]


def borrow(lines: Lines, at: int, by: int) -> Lines:
    other = FILES[by % len(FILES)]
    return [*lines[:at], other[by % len(other)], *lines[at:]]


EDITS: tuple[Edit, ...] = (flip, drop, move, repeat, cut, borrow)


def ours(lines: Lines) -> object:
    try:
        report = verify(lines, ACCOUNT)
    except RemoteError as error:
        return error.code
    entries = [
        (one.line, one.hash, one.verdict.value, sorted(note.value for note in one.notes), one.witnesses)
        for one in report.entries
    ]
    refused = [[one.line, one.fault.value] for one in report.refused]
    missing = [[one.tag, one.n, one.after, one.hash] for one in report.missing]
    return entries, refused, missing, report.has_end, report.phase


def theirs(lines: Lines) -> object:
    try:
        shown = independent_export.verify(lines, ACCOUNT)
    except Refused as refused:
        return refused.code
    entries = [
        (one.line, one.hash, one.verdict, sorted(one.notes), tuple(sorted(one.witnesses)))
        for one in shown.entries
    ]
    return entries, shown.refused, shown.missing, shown.has_end, shown.phase


@settings(max_examples=60)
@example(number=18, edits=[(move, 13, 173)])
@given(
    st.integers(0, len(FILES) - 1),
    st.lists(st.tuples(st.sampled_from(EDITS), st.integers(0, 30), st.integers(0, 4_000)), max_size=4),
)
def test_both_say_the_same_of_a_file_that_was_edited(number: int, edits: list[tuple[Edit, int, int]]) -> None:
    """EXP-01 to EXP-13"""
    lines = FILES[number]
    for edit, at, by in edits:
        lines = edit(lines, at % len(lines), by) if lines else lines
    assert ours(lines) == theirs(lines)
