"""add, contacts, accept, verify, forget; how a contact is named; what its name may hold."""

from __future__ import annotations

import json
import re

import pytest
from command_line import PASSPHRASE, QUICK, Two, make_account
from e2ee_client import sync
from relay_process import RelayProcess

pytestmark = [pytest.mark.processes, pytest.mark.slow]


def test_a_contact_is_added_named_and_listed(two: Two, relay: RelayProcess) -> None:
    customer = two.customer
    again = customer.ok("add", "-", "--name", "Blumenladen", text=f"{two.card}\n")
    assert "is a contact already" in again
    listed = customer.ok("contacts", "--offline").strip()
    assert re.fullmatch(r"[0-9a-f]{8}  Blumenladen  \[accepted\]  " + re.escape(relay.url), listed)
    (row,) = [json.loads(line) for line in customer.ok("contacts", "--offline", "--json").splitlines()]
    assert row["name"] == "Blumenladen"
    for wanted in ("Blumenladen", "blumenladen", row["account_id"], row["account_id"][:6].upper(), two.card):
        assert "Safety number with Blumenladen" in customer.ok("verify", "--offline", wanted)
    assert (customer.run("add", two.card, "--name", "a\u202eb").code) == "contact.name"


@pytest.mark.parametrize(
    ("wanted", "status", "code"),
    [
        ("Nobody", 5, "contact.unknown"),
        ("", 5, "contact.unknown"),
        ("0", 5, "contact.unknown"),
        ("sealroom:contact?v=1&a=x", 2, "card.invalid"),
    ],
)
def test_nobody_is_meant(two: Two, wanted: str, status: int, code: str) -> None:
    for arguments in (("verify", "--offline", wanted), ("forget", wanted, "--yes")):
        said = two.customer.run(*arguments)
        assert (said.status, said.code, said.out) == (status, code, "")


def test_two_of_the_same_name_are_told_apart_by_id(two: Two, relay: RelayProcess) -> None:
    other = make_account(two.customer.home / "other.db", relay.url, name="shop")
    two.customer.ok("add", other, "--name", "Shop")
    said = two.customer.run("send", "Shop", "to whom?")
    assert (said.status, said.code) == (5, "contact.ambiguous")
    ids = re.findall(r"Shop \(([0-9a-f]{8})\)", said.err)
    assert len(ids) == 2
    assert all(two.customer.run("verify", "--offline", one).status == 0 for one in ids)


def test_a_damaged_card_and_our_own_are_refused(two: Two) -> None:
    damaged = two.card.replace("&a=", "&a=A", 1)
    for card, code in ((damaged, "card.invalid"), ("hello", "card.invalid"), ("-", "card.invalid")):
        said = two.customer.run("add", card)
        assert (said.status, said.code) == (2, code)
    own = two.shop.run("add", two.card)
    assert (own.status, own.code) == (2, "config.invalid")
    assert "diese Kontaktkarte ist Ihre eigene" in two.shop.run("--lang", "de", "add", two.card).err


def test_both_sides_see_the_same_safety_number(acquainted: Two) -> None:
    """ID-25, ID-26."""
    shop, customer, name = acquainted.shop, acquainted.customer, acquainted.customer_id
    numbers = [
        json.loads(who.ok("verify", "--offline", what, "--json"))
        for who, what in ((shop, name), (customer, "Shop"))
    ]
    digits = numbers[0]["safety_number"]
    assert digits == numbers[1]["safety_number"]
    shown = customer.ok("verify", "--offline", "Shop", "--qr")
    groups = re.findall(r"\b\d{5}\b", shown)
    assert " ".join(groups) == digits
    assert len(groups) == 12
    assert "▀" in shown
    assert "--mark" in shown
    for same in (digits, digits.replace(" ", ""), numbers[0]["qr"]):
        assert "are the same" in customer.ok("verify", "--offline", "Shop", "--compare", same)
    wrong = digits.replace(" ", "")[::-1]
    said = customer.run("verify", "--offline", "Shop", "--compare", wrong, "--mark")
    assert (said.status, said.code) == (7, "verify.different")
    assert "verified" not in customer.ok("contacts", "--offline")
    assert customer.run("verify", "--offline", "Shop", "--compare", "12").code == "config.invalid"


def test_the_safety_number_comes_with_the_age_of_the_keys(acquainted: Two) -> None:
    """PQ-16: in words and numbers; nothing is said before there is a session."""
    assert "Keys last renewed: just now; against quantum computers: just now." in acquainted.customer.ok(
        "verify", "--offline", "Shop"
    )
    said = acquainted.customer.run("--lang", "de", "verify", "--offline", "Shop").out
    assert "Schlüssel zuletzt erneuert: gerade eben; gegen Quantencomputer: gerade eben." in said
    health = json.loads(acquainted.customer.ok("verify", "--offline", "Shop", "--json"))["health"]
    assert set(health) == {"classical", "post_quantum"}
    assert 0 <= health["classical"]["age_ms"] < 120_000
    assert health["post_quantum"]["messages"] >= 1


def test_without_a_session_there_is_no_age(two: Two) -> None:
    """PQ-16"""
    assert "renewed" not in two.customer.ok("verify", "--offline", "Shop")
    assert json.loads(two.customer.ok("verify", "--offline", "Shop", "--json"))["health"] is None


def test_a_comparison_is_noted_and_taken_back(two: Two) -> None:
    two.customer.ok("verify", "--offline", "Shop", "--mark")
    assert "verified" in two.customer.ok("contacts", "--offline")
    assert "Marked as compared" in two.customer.ok("verify", "--offline", "Shop")
    two.customer.ok("verify", "--offline", "Shop", "--unmark")
    assert "verified" not in two.customer.ok("contacts", "--offline")


def test_a_contact_is_named_anew_by_the_beginning_of_its_name(two: Two, relay: RelayProcess) -> None:
    customer = two.customer
    assert "Blumen (" in customer.ok("add", "sho", "--name", "Blumen")
    assert customer.run("add", "Blu").code == "card.invalid"
    assert customer.run("add", "Nobody", "--name", "Somebody").code == "card.invalid"
    customer.ok("add", make_account(customer.home / "other.db", relay.url, name="Blumenladen"))
    said = customer.run("forget", "Blu", "--yes")
    assert (said.status, said.code) == (5, "contact.ambiguous")
    assert customer.ok("forget", "Blumenl", "--yes") == "Forgot Blumenladen.\n"


def test_a_stranger_is_accepted(acquainted: Two) -> None:
    """CON-04."""
    shop, stranger = acquainted.shop, acquainted.customer_id
    assert "[not accepted, 1 unread]" in shop.ok("contacts", "--offline")
    assert "Accepted Ms Meier" in shop.ok("accept", stranger, "--name", "Ms Meier")
    assert "Ms Meier  [accepted, 1 unread]" in shop.ok("contacts", "--offline")


def test_forgetting_asks_first_and_takes_the_texts(acquainted: Two) -> None:
    customer = acquainted.customer
    said = customer.run("forget", "Shop")
    assert (said.status, said.code) == (2, "confirm.missing")
    with customer.terminal("forget", "Shop") as asked:
        asked.wait_for(r"\[y/N\]")
        asked.type("\n")
        assert asked.finish() == 2
    assert "Hello" in customer.ok("history", "Shop")
    assert "Forgot Shop" in customer.ok("forget", "Shop", "--yes")
    assert customer.ok("contacts", "--offline") == ""
    assert acquainted.shop.ok("forget", "--all", "--yes").startswith("Forgot")
    with sync.Client.open(acquainted.shop.store, passphrase=PASSPHRASE, online=False, runtime=QUICK) as shop:
        assert shop.contacts() == []


def test_forgetting_without_the_relay_says_so(two: Two) -> None:
    away = two.customer.home / "away.db"
    make_account(away, "ws://127.0.0.1:9")
    person = two.customer.with_(SEALROOM_STORE=str(away))
    other = make_account(two.customer.home / "gone.db", "ws://127.0.0.1:9", name="Gone")
    person.ok("add", other)
    said = person.run("forget", "Gone", "--yes", "--timeout", "1")
    assert said.status == 0
    assert "could not be told" in said.err
    assert person.ok("contacts", "--offline") == ""
