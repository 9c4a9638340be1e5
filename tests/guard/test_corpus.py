"""The labelled corpus: what the guard finds in it, and that the published figures are of these rules."""

from __future__ import annotations

import json
import re

import guard_corpus
import guard_report
import pytest
from e2ee_client.guard import Kind
from guard_corpus import Score

EVERY = [(name, one) for name in guard_corpus.names() for one in guard_corpus.load(name)]

NO_RULE_WAS_WRITTEN_WITH: tuple[str, ...] = ("unseen-8",)


@pytest.fixture(scope="module")
def score() -> Score:
    return guard_corpus.measure(one for _, one in EVERY)


def test_what_rules_were_written_with_is_found_well_enough() -> None:
    """95 % of what is labelled, and 98 % of what is found; numbers with check digits better than that."""
    score = guard_corpus.measure(one for name, one in EVERY if name not in NO_RULE_WAS_WRITTEN_WITH)
    for kinds, recall, precision in (
        (guard_report.NUMBERS, 0.99, 0.99),
        (guard_report.PACKS, 0.95, 0.97),
        ((*guard_report.NUMBERS, *guard_report.PACKS), 0.95, 0.98),
    ):
        found, labels = score.recall(kinds)
        assert found >= recall * labels
        assert found >= precision * score.precision(kinds)[1]


def test_the_published_figures_are_those_of_these_rules(score: Score) -> None:
    """Else: python tests/guard/measure.py"""
    kept = json.loads(guard_report.REPORT.read_text("utf-8"))
    made = guard_report.report(list(kept["figures"]["first"]))
    assert kept["figures"] == made["figures"]
    page = guard_report.PAGE.read_text("utf-8")
    assert guard_report.with_tables(page, kept) == page


def test_the_vectors_of_the_browsers_guard_are_of_these_rules() -> None:
    """Else: python tests/guard/measure.py"""
    assert guard_report.VECTORS.read_text("utf-8") == guard_report.vectors()


def test_first_figures_are_kept_of_each_file_that_was_unseen() -> None:
    unseen = [name for name in guard_corpus.names() if name != guard_corpus.SEEN]
    assert list(guard_report.kept_first()) == unseen


def test_the_corpus_has_each_kind_in_both_languages_and_hard_negatives() -> None:
    for language in ("de", "en"):
        messages = [one for _, one in EVERY if one.language == language]
        assert {kind for one in messages for kind, _, _ in one.numbers} == set(Kind) - set(guard_report.PACKS)
        assert {kind for one in messages for kind in one.packs} == set(guard_report.PACKS)
        nothing = [one for one in messages if not one.numbers and not one.packs]
        assert len(nothing) > len(messages) / 5
        assert sum(bool(re.search(r"[0-9]{4}", one.text)) for one in nothing) > 25


def test_no_message_stands_twice() -> None:
    lines = [one.line for _, one in EVERY]
    assert len(set(lines)) == len(lines) > 800


def test_a_label_is_where_its_value_stands() -> None:
    one = guard_corpus.message("de\thealth,legal\tA\\n{iban:DE\\u00a01} b")
    assert one.text == "A\nDE\u00a01 b"
    assert one.numbers == {(Kind.IBAN, 2, 6)}
    assert one.packs == {Kind.HEALTH, Kind.LEGAL}


def test_a_miss_and_a_false_alarm_are_counted() -> None:
    lines = ("de\thealth\tnichts", "de\t-\t{card:DE89 3704 0044 0532 0130 00}", "de\t-\tFieber")
    score = guard_corpus.measure(map(guard_corpus.message, lines))
    assert score.missed == {Kind.HEALTH: 1, Kind.CARD: 1}
    assert score.wrong == {Kind.IBAN: 1, Kind.HEALTH: 1}
    assert guard_corpus.interval(0, 0) == (0.0, 1.0)
    low, high = guard_corpus.interval(95, 100)
    assert 0.887 < low < 0.95 < high < 0.979
