"""Transcripts edited at random: our verifier and the one written from chapter 19 alone say the same."""

from __future__ import annotations

from collections.abc import Callable

from export_verdicts import FILES, ours, theirs
from hypothesis import example, given, settings
from hypothesis import strategies as st

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
