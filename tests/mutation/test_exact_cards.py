"""Edges of cards that other tests pass by: each of these ends a mutant."""

from __future__ import annotations

import pytest

from e2ee import card, grammar
from e2ee.card import ContactCard
from e2ee.errors import DecodeError
from e2ee.ids import AccountId

ACCOUNT = AccountId(bytes(range(32)))
RELAY = "wss://relay.example/"


def test_every_reserved_character_of_a_name_is_escaped() -> None:
    """ID-21: a slash in a name, too."""
    uri = ContactCard(ACCOUNT, RELAY, "A/B & C").to_uri()
    assert uri.endswith("&n=A%2FB%20%26%20C")
    assert card.parse(uri).name == "A/B & C"


def test_a_card_of_exactly_the_limit() -> None:
    """ID-35: 2048 bytes are read, one more is not; a letter of two bytes counts twice."""
    text = ContactCard(ACCOUNT, RELAY).to_json()
    longest = text[:-1].ljust(2047) + "}"
    assert card.parse(longest).account_id == ACCOUNT
    with pytest.raises(DecodeError):
        card.parse(longest[:-1] + " }")
    named = ContactCard(ACCOUNT, RELAY, "\u00e4").to_json()
    assert card.parse(named[:-1].ljust(2046) + "}").name == "\u00e4"
    with pytest.raises(DecodeError):
        card.parse(named[:-1].ljust(2047) + "}")


@pytest.mark.no_cover  # a million calls, of what the chapter's tests execute too
def test_the_table_of_names_is_exact() -> None:
    """ID-33: first, last and neighbours of each range."""
    for first, last in grammar._FORBIDDEN:
        assert not grammar.is_name(chr(first))
        assert not grammar.is_name(chr(last))
    taken = [code for code in range(0x110000) if grammar.is_name(chr(code))]
    forbidden = sum(last - first + 1 for first, last in grammar._FORBIDDEN)
    assert len(taken) == 0x110000 - forbidden - 4  # the space and the three joiners do not stand alone


def test_a_name_of_one_character() -> None:
    """ID-23."""
    assert card.parse(ContactCard(ACCOUNT, RELAY, "A").to_uri()).name == "A"
    assert card.parse(ContactCard(ACCOUNT, RELAY, "A" * 64).to_uri()).name == "A" * 64


def test_a_url_of_exactly_the_limit() -> None:
    """ID-23: 240 bytes."""
    url = RELAY + "a" * (240 - len(RELAY))
    assert grammar.is_relay_url(url)
    assert not grammar.is_relay_url(url + "a")
