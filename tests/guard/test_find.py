"""What the guard finds in a text, where, and what it never does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from types import FrameType
from typing import Any

import guard_values as values
import pytest
from e2ee_client import guard
from e2ee_client.errors import ConfigError
from e2ee_client.guard import Confidence, Finding, Kind, Why
from e2ee_client.guard.folding import fold
from e2ee_client.rooms import Room
from hypothesis import given
from hypothesis import strategies as st

IBAN = "DE89 3704 0044 0532 0130 00"
CARD = "4111 1111 1111 1111"
FULL_WIDTH = {ord(char): chr(ord(char) + 0xFEE0) for char in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"}
SEPARATORS = (" ", "-", "\u00a0", "\u202f", "\u2011", "\u200b", "")
WORDS = st.sampled_from(
    ["Danke", "Grüße,", "am Montag", "please", "und", "ab 12 Uhr", "№", "🙂", "e\u0301", "\n", "\x00"]
)
NUMBERS = st.text("0123456789", min_size=18, max_size=18)


def _kinds(text: str, *packs: str) -> list[Kind]:
    return [one.kind for one in guard.find(text, packs=packs)]


def _groups(value: str, separator: str) -> str:
    return separator.join(value[place : place + 4] for place in range(0, len(value), 4))


def test_some_words_count_only_where_the_text_speaks_of_somebody() -> None:
    """And not of somebody far away."""
    assert _kinds("Die Infektion der Festplatte ist behoben.", "health") == []
    assert _kinds("Meine Tochter hat eine Infektion.", "health") == [Kind.HEALTH]
    assert _kinds("The mortgage calculator shows nothing.", "finance") == []
    assert _kinds("Our mortgage is due.", "finance") == [Kind.FINANCE]
    assert _kinds("My thanks. " + "so " * 40 + "the prison museum is open", "legal") == []


@pytest.mark.parametrize(
    ("text", "pack", "is_found"),
    [
        ("Our dog has arthritis.", "health", False),
        ("Our dog bit me, the wound is infected.", "health", True),
        ("Unser Server liegt im Koma.", "health", False),
        ("Mein Vater liegt im Koma.", "health", True),
        ("The prisoner in the film is a lawyer.", "legal", False),
        ("I told my lawyer about the film.", "legal", True),
        ("Mein Anwalt kommt. Der Film ist gut.", "legal", True),
        ("Was kostet der Sparbrief?", "finance", False),
        ("I work at the hospital.", "health", False),
        ("He has a rash.", "health", True),
        ("The rash decision was his.", "health", False),
        ("Ich suche das Buch über Schulden.", "finance", False),
        ('Two tickets for "My Cancer", please.', "health", False),
        ("Haben Sie Tabletten?", "health", False),
        ("Sie hat eine Infektion.", "health", True),
        ("Nehmen Sie auch Bitcoin?", "finance", False),
        ("Ihre Infektion der Festplatte.", "health", False),
        ("Does a patient pay for the dosage leaflet?", "health", False),
        ("Ich verdiene 1.900 netto.", "finance", True),
    ],
)
def test_a_sentence_about_something_else_is_no_finding(text: str, pack: str, is_found: bool) -> None:
    """A film, an animal, a thing, a price, a job, a title; and "Sie" is who is written to, not somebody."""
    assert (Kind(pack) in _kinds(text, pack)) is is_found


def test_a_finding_says_kind_and_place_and_never_the_value() -> None:
    (found,) = guard.find(f"Meine IBAN: {IBAN}.")
    assert found == Finding(Kind.IBAN, 12, 39, Why.NAMED)
    assert found.confidence is Confidence.HIGH
    assert "DE89" not in repr(found) + str(found)
    assert Room.check(f"Meine IBAN: {IBAN}.") == (found,)


@given(NUMBERS, st.sampled_from(SEPARATORS), st.lists(WORDS, max_size=4), st.lists(WORDS, max_size=4))
def test_a_number_is_found_however_it_is_spaced(
    digits: str, separator: str, before: list[str], behind: list[str]
) -> None:
    for value, kind in ((values.iban("DE", digits), Kind.IBAN), (values.card("4", digits), Kind.CARD)):
        for shown in (_groups(value, separator), value.translate(FULL_WIDTH), value.lower()):
            start = " ".join([*before, ""])
            text = start + shown + " ".join(["", *behind])
            found = [one for one in guard.find(text) if one.kind is kind]
            assert [(one.start, one.end) for one in found] == [(len(start), len(start) + len(shown))]


@given(
    st.text(),
    st.sets(st.sampled_from(guard.PACKS)),
    st.sets(st.sampled_from(sorted(guard.ALL_KINDS, key=str))),
)
def test_any_text_gives_findings_inside_it_in_order(text: str, packs: set[str], kinds: set[Kind]) -> None:
    found = guard.find(text, packs=packs, kinds=kinds)
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert list(found) == sorted(found, key=lambda one: (one.start, one.end, one.kind.value))
    assert len(set(found)) == len(found)
    assert {one.kind for one in found} <= kinds | {Kind(pack) for pack in packs}
    numbers = [one for one in found if one.kind in guard.ALL_KINDS]
    assert all(one.end <= other.start for one, other in pairwise(numbers))


@given(st.text())
def test_folding_keeps_the_place_of_each_character(text: str) -> None:
    folded = fold(text)
    assert len(folded.places) == len(folded.text)
    assert list(folded.places) == sorted(folded.places)
    assert fold(folded.text).text == folded.text


@pytest.mark.parametrize(
    "text",
    [
        "Bestellnummer 4111 1111 1111 1111",
        "Sendung: 4111111111111111",
        "order no. 4111111111111111 is late",
        "Kundennr. 12345678995",
        "Artikel A123456780",
        "SN4111111111111111",
        "3,4111111111111111",
        "DE89 3704 0044 0532 0130 01",
        "A1234567801",
    ],
)
def test_what_counts_orders_and_things_is_no_finding(text: str) -> None:
    assert _kinds(text) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Meine Kreditkarte ist 4111111111111111", Why.NAMED),
        ("4111111111111111 is my Visa", Why.NAMED),
        ("4111111111111111", Why.CHECKED),
        ("Die Bestellung zahle ich mit 4111111111111111", Why.CHECKED),
        ("Steuer-ID 12345678995", Why.NAMED),
        ("KVNR A123456780", Why.NAMED),
        ("15070649C103", Why.CHECKED),
    ],
)
def test_the_words_beside_a_number_make_it_surer(text: str, why: Why) -> None:
    (found,) = guard.find(text)
    assert found.why is why
    assert (found.confidence is Confidence.HIGH) == (why is Why.NAMED or found.kind is Kind.PENSION_INSURANCE)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Insurance number as printed on my health card: S467724581", {Kind.HEALTH_INSURANCE}),
        ("I have arthritis, on my health card stands S467724581", {Kind.HEALTH, Kind.HEALTH_INSURANCE}),
    ],
)
def test_words_that_say_what_a_number_is_say_nothing_of_a_person(text: str, kinds: set[Kind]) -> None:
    assert set(_kinds(text, "health")) == kinds


def test_what_has_no_check_digit_is_found_only_when_asked_for() -> None:
    text = "Geboren am 12.03.1975, Tel. 030 5550143, ada@example.org"
    assert _kinds(text) == []
    found = guard.find(text, kinds=guard.ALL_KINDS)
    assert [one.kind for one in found] == [Kind.BIRTH_DATE, Kind.PHONE, Kind.EMAIL]
    assert {one.confidence for one in found} == {Confidence.LOW}


def test_what_looks_like_two_things_is_told_once() -> None:
    found = guard.find("Tel. +49 (30) 555-014@a.b3", kinds=guard.ALL_KINDS)
    assert [one.kind for one in found] == [Kind.PHONE]


@pytest.mark.parametrize(
    ("text", "pack", "is_found"),
    [
        ("Ich habe Brustkrebs.", "health", True),
        ("Mein Sternzeichen ist Krebs.", "health", False),
        ("A\u0308rztlicher Befund folgt", "health", True),
        ("Aerztliche Untersuchung, Entzuendung am Knie", "health", True),
        ("Please be patient.", "health", False),
        ("Das Knie ist geschwollen.", "health", True),
        ("Das Knie der Statue.", "health", False),
        ("Ich habe Schulden.", "finance", True),
        ("Ohne mein Verschulden zerbrochen.", "finance", False),
        ("My salary is late.", "finance", True),
        ("Is it in stock?", "finance", False),
        ("Mein Anwalt schreibt Ihnen.", "legal", True),
        ("Das Gericht mit Nudeln war gut.", "legal", False),
        ("I start the free trial.", "legal", False),
        ("Schicken Sie mir bitte die Police noch einmal.", "legal", False),
        ("The police have my laptop.", "legal", True),
        ("We meet in court.", "legal", True),
    ],
)
def test_words_in_their_sense_and_in_others(text: str, pack: str, is_found: bool) -> None:
    assert (Kind(pack) in _kinds(text, pack)) is is_found
    assert _kinds(text) == []


def test_weak_words_count_only_close_together() -> None:
    assert Kind.HEALTH in _kinds("Das Knie ist geschwollen", "health")
    assert _kinds("Das Knie " + "der Statue " * 30 + "ist geschwollen", "health") == []


def test_what_the_guard_does_not_know_is_refused() -> None:
    with pytest.raises(ConfigError):
        guard.find("", packs=["sports"])
    with pytest.raises(ConfigError):
        guard.find("", languages=["fr"])
    with pytest.raises(ConfigError):
        guard.find("", kinds=[Kind.HEALTH])
    with pytest.raises(ConfigError):
        guard.find("a" * (guard.MOST_CHARS + 1))


def _steps(run: Callable[[], object]) -> int:
    """Count the lines that the guard executes."""
    steps = 0

    def on_call(_frame: FrameType, _event: str, _argument: Any) -> Any:
        nonlocal steps
        steps += 1
        return on_call

    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        run()
    finally:
        sys.settrace(before)
    return steps


@pytest.mark.parametrize(
    "unit",
    [
        "1 ",
        "1111 ",
        "4111-",
        "de89 ",
        "a 123 ",
        "a1",
        "0 (0)/",
        "a.b-c@",
        "geboren 1.1.",
        "krank ",
        "knie ",
        "my will ",
        "\u0301",
        "ﷺ",
        "x" * 50,
        "+49 ",
    ],
)
def test_twice_the_text_takes_twice_the_steps(unit: str) -> None:
    def look(times: int) -> int:
        return _steps(lambda: guard.find(unit * times, packs=guard.PACKS, kinds=guard.ALL_KINDS))

    look(1)  # the lists of words are made at the first look
    assert look(400) <= 2.2 * look(200) + 2000
