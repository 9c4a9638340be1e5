"""The grammars of chapter 05 by the core and by the independent reader, over the same damaged texts."""

from __future__ import annotations

import json
import random
from pathlib import Path

import independent_company as company
import independent_reader as reader
import pytest
from independent_refusal import Refused
from run_counts import count

from e2ee import card, grammar
from e2ee.errors import DecodeError

VECTORS = Path(__file__).resolve().parents[2] / "spec" / "vectors"
GRAMMAR = json.loads((VECTORS / "grammar.json").read_text("utf-8"))
CARDS = json.loads((VECTORS / "card.json").read_text("utf-8"))["cases"]
URLS, NAMES, TEXTS = count(4_000, 20_000), count(1_000, 5_000), count(400, 2_000)
MARKS = 'aZ0-._~/:@?#[]%+ \\"{},1nr=&\n\t\u00e4\u200d\ufe0f\u202e'


def changed(text: str, chance: random.Random) -> str:
    """Replace, drop, insert or double a few characters."""
    for _ in range(chance.randint(1, 2)):
        at = chance.randrange(len(text) + 1)
        new, rest = chance.choice(["", chance.choice(MARKS), text[at : at + 3] * 2]), chance.choice([0, 1])
        text = text[:at] + new + text[at + rest :]
    return text


def test_both_take_the_same_relay_urls() -> None:
    """ID-23."""
    chance, urls = random.Random(1), [row["url"] for row in GRAMMAR["relay_urls"]]
    both = [changed(chance.choice(urls), chance) for _ in range(URLS)]
    taken = [url for url in both if grammar.is_relay_url(url)]
    assert taken == [url for url in both if reader.is_relay(url)]
    assert URLS / 10 < len(taken) < URLS * 0.9


def test_both_take_the_same_names() -> None:
    """ID-33."""
    chance = random.Random(2)
    names = ["".join(map(chr, row["code_points"])) for row in GRAMMAR["names"]]
    both = [changed(chance.choice(names), chance) for _ in range(NAMES)]
    taken = [name for name in both if grammar.is_name(name)]
    assert taken == [name for name in both if reader.is_name([ord(one) for one in name])]
    assert NAMES / 10 < len(taken) < NAMES * 0.9


def is_plain(text: str) -> bool:
    """Whether a text is a plain text by the reader."""
    try:
        company.words(text)
    except Refused:
        return False
    return True


def test_both_take_the_same_plain_texts() -> None:
    """ACC-20."""
    chance, given = random.Random(4), GRAMMAR["plain_texts"]
    assert [is_plain(row["text"]) for row in given] == [row["accepted"] for row in given]
    both = [changed(chance.choice(given)["text"], chance) for _ in range(NAMES)]
    taken = [text for text in both if text != "" and grammar.is_plain_text(text)]
    assert taken == [text for text in both if is_plain(text)]
    assert NAMES / 10 < len(taken) < NAMES * 0.9


def read_by_core(text: str) -> tuple[bytes, str, str | None] | None:
    """A card by the core, None if it is refused."""
    try:
        found = card.parse(text)
    except DecodeError:
        return None
    return found.account_id, found.relay_url, found.name


def read_by_reader(text: str) -> tuple[bytes, str, str | None] | None:
    """A card by the reader, None if it is refused."""
    try:
        return reader.parse_card(text)
    except Refused:
        return None


@pytest.mark.parametrize("case", CARDS, ids=lambda case: case["relay_url"])
def test_both_read_the_same_card_out_of_each_text_or_none(case: dict[str, object]) -> None:
    """ID-21, ID-22, ID-34, ID-35."""
    also = case["also"]
    assert isinstance(also, list)
    chance, taken = random.Random(3), 0
    for _ in range(TEXTS):
        text = changed(str(chance.choice([case["uri"], case["json"], *also])), chance)
        found = read_by_core(text)
        assert found == read_by_reader(text), text
        taken += found is not None
    assert TEXTS / 100 < taken < TEXTS / 2
