"""Chapter 05: successor statements as text, and recovery keys as people type them."""

from __future__ import annotations

import base64

import forgery
import pytest
from parties import NOW_MS, Party, ScriptedRng

from e2ee import identity, labels, successor
from e2ee.errors import DecodeError, InvalidArgument, UnsupportedVersion
from e2ee.secret import RecoveryKey

HEAD = "sealroom:successor?v=1&s="
KEY = RecoveryKey(ScriptedRng("recovery")(32))


@pytest.fixture
def bob() -> Party:
    """Whose account begins anew."""
    return Party.make("bob")


def statement(old: Party) -> bytes:
    """A signed statement."""
    return identity.sign_successor(KEY, old.account_id, Party.make("new").account_id, NOW_MS)


def test_a_statement_is_one_line_of_text(bob: Party) -> None:
    """ID-61: and any spaces around it."""
    signed = statement(bob)
    text = successor.to_text(signed)
    assert text == HEAD + base64.urlsafe_b64encode(signed).decode().rstrip("=")
    for given in (text, f"\r\n\t {text} \n"):
        assert successor.parse(given) == signed
    assert successor.old_account(signed) == bob.account_id


def test_a_statement_has_one_spelling(bob: Party) -> None:
    """ID-61"""
    text = successor.to_text(statement(bob))
    body = text.removeprefix(HEAD)
    # One bit that no byte takes, set in the last character.
    loose = HEAD + base64.urlsafe_b64encode(b"ab").decode().rstrip("=")[:-1] + "J"
    hostile = (
        "", HEAD, HEAD + "A", loose, text + "=", text.upper(), text.replace("v=1", "v=2"), text + "&n=x",
        HEAD + body[:40] + "\n" + body[40:], HEAD + "A" * 685, "\u00a0" + text, text + "\x1b[2J", "\ud800",
    )  # fmt: skip
    for given in hostile:
        with pytest.raises(DecodeError):
            successor.parse(given)
    assert successor.parse(HEAD + "A" * 684) == bytes(513)


def test_who_a_statement_is_about_stands_in_its_form_alone(bob: Party) -> None:
    """ID-61: a structure that is none names nobody."""
    entries = forgery.entries_of(statement(bob))
    for error, changed in ((UnsupportedVersion, {1: 2}), (DecodeError, {2: b""}), (DecodeError, {5: 0})):
        with pytest.raises(error):
            successor.old_account(forgery.signed(KEY.expose(), labels.SIG_SUCCESSOR, entries | changed))
    for structure in (b"", bytes(513), statement(bob)[:-1]):
        with pytest.raises(DecodeError):
            successor.old_account(structure)


def test_a_recovery_key_is_read_as_people_type_it() -> None:
    """ID-63"""
    digits = KEY.expose().hex()
    groups = " ".join(digits[start : start + 4] for start in range(0, 64, 4))
    for typed in (digits, digits.upper(), groups, f" {groups.upper()}\r\n", groups.replace(" ", "\n")):
        assert successor.parse_recovery_key(typed) == KEY
    for typed in ("", digits[:-1], digits + "0", digits[:-1] + "g", groups.replace(" ", "-"), "\u0661" * 64):
        with pytest.raises(InvalidArgument) as refused:
            successor.parse_recovery_key(typed)
        assert digits[:8] not in str(refused.value)
