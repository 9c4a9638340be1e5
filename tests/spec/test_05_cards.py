"""Chapter 05: contact cards and safety numbers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import random

import pytest
from call_record import recorded
from parties import Party

from e2ee import card, fingerprint
from e2ee.card import ContactCard
from e2ee.errors import DecodeError, InvalidArgument
from e2ee.grammar import is_relay_url
from e2ee.ids import AccountId

ACCOUNT = AccountId(bytes(range(32)))
RELAY = "wss://relay.example/"
R = "wss%3A%2F%2Frelay.example%2F"


def account_text(name: str | None = None, relay: str = RELAY) -> str:
    """Account and check bytes, by the words of the chapter (ID-34)."""
    said = b"\xf6" if name is None else b"\x78" + bytes([len(name.encode())]) + name.encode()
    if name is not None and len(name.encode()) < 24:
        said = bytes([0x60 | len(name.encode())]) + name.encode()
    head = bytes([0x60 | len(relay)]) if len(relay) < 24 else b"\x78" + bytes([len(relay)])
    checked = b"\x83\x58\x20" + ACCOUNT + head + relay.encode() + said
    check = hashlib.sha256(b"SR1-card".ljust(16, b"\0") + checked).digest()[:4]
    return base64.urlsafe_b64encode(ACCOUNT + check).decode()


A = account_text()


def test_a_card_as_uri() -> None:
    """ID-21: to the byte; umlauts as percent-encoded UTF-8."""
    assert ContactCard(ACCOUNT, RELAY).to_uri() == f"sealroom:contact?v=1&a={A}&r={R}"
    named = ContactCard(ACCOUNT, RELAY, "Praxis Dr. Müller & Co")
    a = account_text(named.name)
    assert named.to_uri() == f"sealroom:contact?v=1&a={a}&r={R}&n=Praxis%20Dr.%20M%C3%BCller%20%26%20Co"
    assert len(A) == 48
    assert card.parse(named.to_uri()) == named
    assert card.parse(f"  {named.to_uri()}\n") == named


def test_a_card_as_json() -> None:
    """ID-22"""
    named = ContactCard(ACCOUNT, RELAY, "Praxis Dr. Müller")
    assert json.loads(named.to_json()) == {
        "sealroom": 1,
        "account": account_text("Praxis Dr. Müller"),
        "relay": RELAY,
        "name": "Praxis Dr. Müller",
    }
    assert "name" not in json.loads(ContactCard(ACCOUNT, RELAY).to_json())
    for one in (named, ContactCard(ACCOUNT, RELAY)):
        assert card.parse(one.to_json()) == one
    spread = json.dumps({"relay": RELAY, "account": A, "sealroom": 1}, indent=2)
    assert card.parse(spread) == ContactCard(ACCOUNT, RELAY)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "sealroom:contact",
        f"sealroom:contact?v=2&a={A}&r={R}",
        f"sealroom:contact?v=10&a={A}&r={R}",
        f"sealroom:contact?a={A}&r={R}",
        f"SEALROOM:contact?v=1&a={A}&r={R}",
        f"https://example.org/?v=1&a={A}&r={R}",
        f"sealroom:contact?v=1&r={R}&a={A}",
        f"sealroom:contact?v=1&a={A}",
        f"sealroom:contact?v=1&r={R}",
        f"sealroom:contact?v=1&a={A}&a={A}&r={R}",
        f"sealroom:contact?v=1&a={A}&r={R}&r={R}",
        f"sealroom:contact?v=1&a={A}&r={R}&n=x&n=y",
        f"sealroom:contact?v=1&a={A}&r={R}&x=1",
        f"sealroom:contact?v=1&a={A}&r={R}&",
        f"sealroom:contact?v=1&a={A}&r={R}&n",
        f"sealroom:contact?v=1&a={A}&r={R}&n=",
        f"sealroom:contact?v=1&a={A}&r={R}&n=%FF",
        f"sealroom:contact?v=1&a={A}&r={R}&n=%C0%80",
        f"sealroom:contact?v=1&a={A}&r={R}&n=a%0Ab",
        f"sealroom:contact?v=1&a={A}&r={R}&n=a%7Fb",
        f"sealroom:contact?v=1&a={A}&r={R}&n=a%E2%80%8Fb",
        f"sealroom:contact?v=1&a={A}&r={R}&n={'x' * 65}",
        f"sealroom:contact?v=1&a={A}&r={R}#fragment",
        f"sealroom:contact?v=1&a={A[:-1]}&r={R}",
        f"sealroom:contact?v=1&a={A}%3D&r={R}",
        f"sealroom:contact?v=1&a={A}AAAA&r={R}",
        f"sealroom:contact?v=1&a=&r={R}",
        f"sealroom:contact?v=1&a={A[:-1]}%C3%A4&r={R}",
        f"sealroom:contact?v=1&a={A[:10]}!{A[11:]}&r={R}",
        f"sealroom:contact?v=1&a={A}&r=",
        f"sealroom:contact?v=1&a={A}&r={R}&n={'x' * 3000}",
    ],
)
def test_a_malformed_uri_is_refused(uri: str) -> None:
    """ID-21, ID-23"""
    with pytest.raises(DecodeError):
        card.parse(uri)


def test_a_typing_error_in_the_account_is_found() -> None:
    """ID-21, ID-34: a change of any one character, and of case, breaks the checksum or the form."""
    for at, other in itertools.product(range(48), "AZaz09-_"):
        if A[at] != other:
            with pytest.raises(DecodeError):
                card.parse(f"sealroom:contact?v=1&a={A[:at]}{other}{A[at + 1 :]}&r={R}")


@pytest.mark.parametrize(
    "members",
    [
        "{",
        "{}",
        "{]",
        '{"sealroom": NaN}',
        '{"a":' * 600 + "1" + "}" * 600,
        json.dumps({"sealroom": 2, "account": A, "relay": RELAY}),
        json.dumps({"sealroom": "1", "account": A, "relay": RELAY}),
        json.dumps({"sealroom": True, "account": A, "relay": RELAY}),
        json.dumps({"sealroom": 1.0, "account": A, "relay": RELAY}),
        json.dumps({"sealroom": 1, "account": A}),
        json.dumps({"sealroom": 1, "relay": RELAY}),
        json.dumps({"account": A, "relay": RELAY}),
        json.dumps({"sealroom": 1, "account": A, "relay": RELAY, "more": 1}),
        json.dumps({"sealroom": 1, "account": A, "relay": RELAY, "name": None}),
        json.dumps({"sealroom": 1, "account": A, "relay": RELAY, "name": 5}),
        json.dumps({"sealroom": 1, "account": A, "relay": RELAY, "name": ""}),
        json.dumps({"sealroom": 1, "account": A, "relay": RELAY, "name": "x" * 65}),
        json.dumps({"sealroom": 1, "account": A, "relay": RELAY, "name": "a\tb"}),
        json.dumps({"sealroom": 1, "account": A, "relay": None}),
        json.dumps({"sealroom": 1, "account": None, "relay": RELAY}),
        json.dumps({"sealroom": 1, "account": A[:-1], "relay": RELAY}),
        f'{{"sealroom": 1, "account": "{A}", "account": "{A}", "relay": "{RELAY}"}}',
        json.dumps({"sealroom": 1, "account": A, "relay": RELAY}) + "x",
        json.dumps({"sealroom": 1, "account": A, "relay": RELAY, "name": "x" * 3000}),
        '{"sealroom": 1,' + " " * 3000 + f'"account": "{A}", "relay": "{RELAY}"}}',
    ],
)
def test_malformed_json_is_refused(members: str) -> None:
    """ID-22, ID-23"""
    with pytest.raises(DecodeError):
        card.parse(members)


@pytest.mark.parametrize(
    "url",
    [
        "wss://relay.example",
        "wss://relay.example/",
        "wss://relay.example:8443/path",
        "wss://192.0.2.1/",
        "wss://[::1]/",
        "ws://localhost/",
        "ws://localhost:9000",
        "ws://127.0.0.1:9000/",
        "ws://[::1]:9000/",
    ],
)
def test_a_relay_is_wss_or_on_this_machine(url: str) -> None:
    """ID-23"""
    assert is_relay_url(url)
    assert card.parse(ContactCard(ACCOUNT, url).to_uri()).relay_url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "relay.example",
        "//relay.example",
        "https://relay.example/",
        "http://localhost/",
        "ws://relay.example/",
        "ws://192.0.2.1/",
        "ws://127.9.9.9/",
        "wss://[2001:db8::1]/",
        "wss://Relay.example/",
        "wss://relay.example:65536/",
        "wss://relay.example/a%20b",
        "wss://relay.example/../",
        "ws://localhost.example/",
        "ws://127.0.0.1.example/",
        "wss://",
        "wss:///path",
        "wss://:8443/",
        "wss://user@relay.example/",
        "wss://user:word@relay.example/",
        "wss://relay.example:port/",
        "wss://relay.example:99999/",
        "wss://[::1/",
        "wss://relay.example/?query=1",
        "wss://relay.example/#fragment",
        "wss://relay.example/ x",
        "wss://relay.exämple/",
        "wss://relay.example/\n",
        "wss://relay.example/" + "x" * 250,
    ],
)
def test_another_url_is_no_relay(url: str) -> None:
    """ID-23"""
    assert not is_relay_url(url)
    with pytest.raises(InvalidArgument):
        ContactCard(ACCOUNT, url)
    with pytest.raises(DecodeError):
        card.parse(json.dumps({"sealroom": 1, "account": A, "relay": url}))


def test_a_card_is_made_from_sound_parts_only() -> None:
    """ID-21, ID-23: the caller's mistake is a local error."""
    assert ContactCard(ACCOUNT, RELAY, "x" * 64).name == "x" * 64
    for account, name in ((ACCOUNT[:31], None), (ACCOUNT, ""), (ACCOUNT, "x" * 65), (ACCOUNT, "a\nb")):
        with pytest.raises(InvalidArgument):
            ContactCard(AccountId(account), RELAY, name)


@pytest.mark.parametrize("name", [None, "x", "Praxis Dr. Müller", "ä" * 12, "x" * 64])
def test_the_check_bytes_cover_the_whole_card(name: str | None) -> None:
    """ID-34: made as the rule says; another relay or another name gives other ones, with or without one."""
    made = ContactCard(ACCOUNT, RELAY, name)
    assert made.account_text == account_text(name)
    others = [
        ContactCard(ACCOUNT, "wss://relay.example", name),
        ContactCard(ACCOUNT, RELAY, "y"),
        ContactCard(AccountId(ACCOUNT[::-1]), RELAY, name),
        ContactCard(ACCOUNT, RELAY, "x" if name is None else None),
    ]
    texts = {one.account_text[43:] for one in (made, *others)}
    assert len(texts) == 5
    for other in others[:2]:
        with pytest.raises(DecodeError):
            card.parse(other.to_uri().replace(other.account_text, made.account_text))
        with pytest.raises(DecodeError):
            card.parse(other.to_json().replace(other.account_text, made.account_text))


ALPHABET = "".join(map(chr, range(32, 127))) + "\n\t\u00e4\u200b\u20ac"


def damaged(text: str, chance: random.Random) -> str:
    """Change a text as copying, cutting and typing do: 1 to 3 times."""
    for _ in range(chance.randint(1, 3)):
        at, end = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        match chance.randrange(7):
            case 0:
                text = text[:at] + chance.choice(ALPHABET) + text[at + 1 :]
            case 1:
                text = text[:at] + text[at + 1 :]
            case 2:
                text = text[:at] + chance.choice(ALPHABET) + text[at:]
            case 3:
                text = text[:at] + text[at : at + 2][::-1] + text[at + 2 :]
            case 4:
                text = text[:at] + text[at : at + 1].swapcase() + text[at + 1 :]
            case 5:
                text = text[:at] + text[end:]
            case _:
                text = text[:at] + text[at:end] * 2 + text[end:]
    return text


@pytest.mark.parametrize("form", ["to_uri", "to_json"])
def test_no_damaged_card_is_taken(form: str) -> None:
    """ID-34: of 10 000 in each form none that says anything else than the card did."""
    chance = random.Random(form)
    names = (None, "Praxis Dr. Müller & Söhne", "漢字", "A B")
    relays = (RELAY, "wss://relay.example:8443/a-b", "ws://127.0.0.1:8080/")
    taken = 0
    for number in range(10_000):
        account = AccountId(chance.randbytes(32))
        made = ContactCard(account, chance.choice(relays), chance.choice(names))
        changed = damaged(getattr(made, form)(), chance)
        try:
            found = card.parse(changed)
        except DecodeError:
            continue
        assert found == made, (number, changed)
        taken += 1
    assert taken < 1_000


def print_of(account_id: bytes) -> bytes:
    """The fingerprint, by the words of the chapter."""
    digest = hashlib.sha512(b"SR1-safety".ljust(16, b"\0") + account_id).digest()
    for _ in range(5199):
        digest = hashlib.sha512(digest + account_id).digest()
    return digest[:32]


def test_a_fingerprint_takes_5200_hashes() -> None:
    """ID-24"""
    assert fingerprint.fingerprint(ACCOUNT) == print_of(ACCOUNT)
    for wrong in (b"", bytes(31), bytes(33)):
        with pytest.raises(InvalidArgument):
            fingerprint.fingerprint(AccountId(wrong))


def test_a_safety_number_is_the_same_on_both_sides() -> None:
    """ID-25: 60 digits in 12 groups, smaller fingerprint first; another account, another number."""
    ids = [Party.make(name).account_id for name in ("alice", "bob", "carol", "dave")]
    numbers = set()
    for one, other in itertools.combinations(ids, 2):
        number = fingerprint.safety_number(one, other)
        assert number == fingerprint.safety_number(other, one)
        groups = number.split(" ")
        assert [len(group) for group in groups] == [5] * 12
        prints = sorted((print_of(one), print_of(other)))
        values = [int.from_bytes(p[i * 5 : i * 5 + 5], "big") % 100_000 for p in prints for i in range(6)]
        assert [int(group) for group in groups] == values
        numbers.add(number)
    assert len(numbers) == 6


def test_a_qr_code_says_the_same_as_the_digits() -> None:
    """ID-26"""
    alice, bob, carol = (Party.make(name).account_id for name in ("alice", "bob", "carol"))
    payload = fingerprint.qr_payload(alice, bob)
    expected = b"".join(sorted((print_of(alice), print_of(bob)))).hex().upper()
    assert payload == "SEALROOM:1:" + expected
    assert payload == fingerprint.qr_payload(bob, alice)
    assert fingerprint.compare_qr(alice, bob, payload)
    assert not fingerprint.compare_qr(alice, carol, payload)
    assert fingerprint.compare_qr(alice, bob, payload[:-1] + "0") == payload.endswith("0")


@pytest.mark.parametrize(
    "scanned",
    [
        "",
        "SEALROOM:1:",
        "SEALROOM:2:" + "0" * 128,
        "SEALROOM:1:" + "0" * 127,
        "SEALROOM:1:" + "0" * 129,
        "SEALROOM:1:" + "ä" * 128,
        "SEALROOM:1:" + "a" * 128,
        "SEALROOM:1:" + "G" * 128,
        "SEALROOM:1:" + "0" * 127 + " ",
        "sealroom:1:" + "0" * 128,
        "https://example.org/" + "0" * 119,
    ],
)
def test_another_code_is_no_safety_number(scanned: str) -> None:
    """ID-26: neither equal nor different."""
    alice, bob = Party.make("alice").account_id, Party.make("bob").account_id
    with pytest.raises(DecodeError):
        fingerprint.compare_qr(alice, bob, scanned)


def test_codes_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """ID-26, PRM-10"""
    compared = recorded(monkeypatch, hmac, "compare_digest")
    alice, bob = Party.make("alice").account_id, Party.make("bob").account_id
    payload = fingerprint.qr_payload(alice, bob)
    assert fingerprint.compare_qr(alice, bob, payload)
    assert compared == [(payload.encode(), payload.encode())]
