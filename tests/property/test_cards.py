"""Contact cards and safety numbers (ID-21 to ID-26)."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from e2ee import card, fingerprint, grammar
from e2ee.card import ContactCard
from e2ee.errors import DecodeError
from e2ee.ids import AccountId

ACCOUNTS = st.binary(min_size=32, max_size=32).map(AccountId)
HOSTS = st.from_regex(r"[a-z][a-z0-9-]{0,12}[a-z0-9](\.[a-z]{2,6}){1,2}", fullmatch=True)
PORTS = st.just("") | st.integers(1, 65_535).map(lambda port: f":{port}")
PATHS = st.from_regex(r"(/[a-z0-9._~-]{0,8}){0,3}", fullmatch=True).filter(
    lambda path: not {".", ".."} & set(path.split("/"))
)
URLS = st.builds("wss://{}{}{}".format, HOSTS, PORTS, PATHS) | st.builds(
    "ws://{}{}{}".format, st.sampled_from(("localhost", "127.0.0.1", "[::1]")), PORTS, PATHS
)
NAMES = st.none() | st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=64).filter(
    grammar.is_name
)
UNSEEN = {"Cc", "Cs", "Co", "Zs", "Zl", "Zp"}
JOINERS = "\u200c\u200d\ufe0f"
PREPENDED = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
"""Format characters that are drawn: Prepended_Concatenation_Mark."""
CARDS = st.builds(ContactCard, ACCOUNTS, URLS, NAMES)


def parsed_or_none(text: str) -> ContactCard | None:
    """The card, or None if it is refused in the one way that is allowed."""
    try:
        return card.parse(text)
    except DecodeError:
        return None


@given(CARDS)
def test_a_card_comes_back_from_both_of_its_forms(made: ContactCard) -> None:
    """ID-21, ID-22."""
    assert card.parse(made.to_uri()) == made
    assert card.parse(made.to_json()) == made
    assert made.to_uri().isascii()


@given(CARDS, st.integers(0, 2**16), st.characters(min_codepoint=32, max_codepoint=126))
def test_a_changed_card_is_refused_or_the_same(made: ContactCard, at: int, letter: str) -> None:
    """ID-34: wherever the change is, in both forms."""
    for text in (made.to_uri(), made.to_json()):
        place = at % len(text)
        found = parsed_or_none(text[:place] + letter + text[place + 1 :])
        assert found is None or found == made


@given(CARDS, st.sampled_from(("relay", "name", "account")), st.data())
def test_another_value_under_the_same_check_bytes_is_refused(
    made: ContactCard, member: str, data: st.DataObject
) -> None:
    """ID-34: in 4 billion tries one would pass."""
    other = data.draw(CARDS)
    members, others = json.loads(made.to_json()), json.loads(other.to_json())
    assume(member in others and others[member] != members.get(member))
    assume(member != "account" or (made.relay_url, made.name) != (other.relay_url, other.name))
    assert parsed_or_none(json.dumps({**members, member: others[member]})) is None


@given(st.text(max_size=80))
def test_a_name_holds_no_spaces_but_one_and_no_control(text: str) -> None:
    """ID-33: by the categories of Unicode, which the grammar does not use."""
    if grammar.is_name(text):
        assert text == text.strip()
        assert {unicodedata.category(one) for one in text if one != " "}.isdisjoint(UNSEEN)


def test_the_table_has_all_that_unicode_says_is_not_drawn() -> None:
    """ID-33: by the categories of Unicode that this Python knows, 14.0 (3.11) or later. 17.0, and what has
    Default_Ignorable_Code_Point, is looked up in TypeScript (`core/tests/content.test.ts`).
    """
    shown = {" ", *JOINERS, *PREPENDED}
    unseen = (one for one in map(chr, range(0x110000)) if unicodedata.category(one) in UNSEEN | {"Cf"})
    assert [one for one in unseen if one not in shown and grammar.is_name(f"a{one}b")] == []
    assert all(grammar.is_name(f"a{one}b") for one in shown)


@given(st.text(max_size=200))
def test_any_text_is_a_card_or_refused(text: str) -> None:
    """ID-21, ID-22: nothing but a DecodeError comes out."""
    for candidate in (text, "sealroom:contact?v=1&" + text, "{" + text):
        found = parsed_or_none(candidate)
        assert found is None or card.parse(found.to_uri()) == found


@given(
    CARDS, st.dictionaries(st.text(max_size=10), st.none() | st.integers() | st.text(max_size=10), max_size=3)
)
def test_json_with_other_members_is_refused(made: ContactCard, extra: dict[str, object]) -> None:
    """ID-22: members of version 1, each of its type, and no others."""
    members = json.loads(made.to_json())
    changed = {**members, **extra}
    found = parsed_or_none(json.dumps(changed))
    if changed == members:
        assert found == made
    elif extra.keys() - {"sealroom", "account", "relay", "name"}:
        assert found is None


@given(CARDS, st.characters(categories=["Cc"]), st.integers(0, 64))
def test_a_name_has_no_control_characters(made: ContactCard, control: str, at: int) -> None:
    """ID-33."""
    name = (made.name or "x")[:63]
    changed = name[:at] + control + name[at:]
    assert unicodedata.category(control) == "Cc"
    assert parsed_or_none(json.dumps({**json.loads(made.to_json()), "name": changed})) is None


@settings(max_examples=15)
@given(ACCOUNTS, ACCOUNTS)
def test_a_safety_number_is_the_same_on_both_sides(ours: AccountId, theirs: AccountId) -> None:
    """ID-25, ID-26; another account gives another number."""
    assume(ours != theirs)
    number = fingerprint.safety_number(ours, theirs)
    assert number == fingerprint.safety_number(theirs, ours)
    assert [len(group) for group in number.split(" ")] == [5] * 12
    assert number != fingerprint.safety_number(ours, ours)
    scanned = fingerprint.qr_payload(theirs, ours)
    assert fingerprint.compare_qr(ours, theirs, scanned)
    assert not fingerprint.compare_qr(ours, ours, scanned)


@settings(max_examples=15)
@given(ACCOUNTS, st.text(max_size=150), st.booleans())
def test_what_is_no_safety_number_is_said_to_be_none(account: AccountId, text: str, prefixed: bool) -> None:
    """ID-26."""
    scanned = "SEALROOM:1:" + text if prefixed else text
    assume(len(scanned) != 139 or not scanned.isascii())
    with pytest.raises(DecodeError):
        fingerprint.compare_qr(account, account, scanned)
