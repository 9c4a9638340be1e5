"""Edges of cards that other tests pass by: each of these ends a mutant."""

from __future__ import annotations

import pytest

from e2ee import card
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
    """ID-22: 2048 characters are read, one more is not."""
    text = ContactCard(ACCOUNT, RELAY).to_json()
    longest = text[:-1].ljust(2047) + "}"
    assert card.parse(longest).account_id == ACCOUNT
    with pytest.raises(DecodeError):
        card.parse(longest[:-1] + " }")


@pytest.mark.parametrize("url", ["wss://relay.example/a b", "wss://relay.example/ "])
def test_a_relay_has_no_space(url: str) -> None:
    """ID-23."""
    assert not card.is_relay_url(url)


def test_a_name_of_one_character() -> None:
    """ID-23."""
    assert card.parse(ContactCard(ACCOUNT, RELAY, "A").to_uri()).name == "A"
    assert card.parse(ContactCard(ACCOUNT, RELAY, "A" * 64).to_uri()).name == "A" * 64


def test_the_first_equals_sign_ends_the_name_of_a_part() -> None:
    """ID-21: what follows belongs to the value, as readers of URIs have it."""
    uri = ContactCard(ACCOUNT, RELAY).to_uri()
    assert card.parse(f"{uri}&n=a=b").name == "a=b"


def test_a_url_of_exactly_the_limit() -> None:
    """ID-23: 256 characters."""
    url = RELAY + "a" * (256 - len(RELAY))
    assert card.is_relay_url(url)
    assert not card.is_relay_url(url + "a")
