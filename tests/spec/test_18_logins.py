"""Chapter 18: logins. Tokens, who may use them, when, and the texts that a web server reads and writes."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import e2ee_login
import pytest
from e2ee_login import issue_login_token
from vector_files import load, unhex

from e2ee.constants import RELAY_RETENTION_MS
from e2ee.errors import BadSignature, DecodeError, LoginExpired, LoginOfAnother, MandateInvalid
from e2ee.ids import AccountId, DeviceId
from e2ee.rooms import login
from e2ee.rooms.entry import Author, RoomId
from e2ee.rooms.login import Challenge, LoginLevel, LoginToken, Person, check_login
from e2ee.rooms.login_texts import IssuingKey, challenge_text, parse_challenge, parse_token
from e2ee.rooms.mandate import Mandate
from spec.vectors import company

FILE = load("login.json")
NOW_MS: int = FILE["now_ms"]
MANDATE = Mandate.verify(AccountId(company.ACCOUNT_ID), unhex(FILE["mandate"]))
AUTHOR = Author(AccountId(unhex(FILE["customer"])), DeviceId(unhex(FILE["device_id"])))
ROOM = RoomId(unhex(FILE["room"]))
KEY, CHALLENGE = FILE["issuing_key"], FILE["challenge"]
ERIKA = Person("4711", "Erika Muster", "K-2026/17", LoginLevel.SECOND_FACTOR)


def issue(**changes: Any) -> str:
    """The token of the vectors, or one that differs."""
    of_erika: dict[str, Any] = {"subject": "4711", "name": "Erika Muster", "number": "K-2026/17", "level": 2}
    given = of_erika | changes
    key, challenge = given.pop("key", KEY), given.pop("challenge", CHALLENGE)
    return issue_login_token(key, challenge, now_s=given.pop("now_s", NOW_MS / 1000), **given)


def checked(token: str, author: Author = AUTHOR, room: RoomId = ROOM, sent_ms: int = NOW_MS) -> LoginToken:
    """The token in an entry."""
    return check_login(MANDATE, parse_token(token), author, room, sent_ms, sent_ms)


def test_a_web_server_issues_the_token_of_the_vectors() -> None:
    """CNS-50, CNS-51, CNS-55: byte by byte; the room's devices read what the server has said."""
    token = issue()
    assert token == FILE["token"]["text"]
    found = checked(token)
    assert (found.signed, found.person) == (unhex(FILE["token"]["signed"]), ERIKA)
    assert found.asked == Challenge(MANDATE.account_id, *AUTHOR, ROOM, unhex(FILE["nonce"]))
    bare = issue(name=None, number=None, level=1)
    assert parse_token(bare) == unhex(FILE["bare"]["signed"])


def test_texts_read_back_as_they_were_written() -> None:
    """CNS-55."""
    assert challenge_text(parse_challenge(CHALLENGE)) == CHALLENGE
    key = IssuingKey.parse(f"\n{KEY} ")
    assert key.text() == KEY
    assert (key.company, key.mandate_seq, key.expires_ms) == (
        MANDATE.account_id,
        MANDATE.seq,
        MANDATE.expires_ms,
    )
    assert KEY[30:] not in repr(key)


def test_a_token_names_nobody_in_its_repr() -> None:
    """Secrets and names never reach a log."""
    shown = repr(checked(issue()))
    assert "Erika" not in shown
    assert "4711" not in shown


@pytest.mark.parametrize(
    ("author", "room"),
    [
        (Author(AccountId(bytes(32)), AUTHOR.device_id), ROOM),
        (Author(AUTHOR.account_id, DeviceId(bytes(16))), ROOM),
        (AUTHOR, RoomId(bytes(16))),
    ],
)
def test_a19_a_token_replayed_elsewhere_is_refused(author: Author, room: RoomId) -> None:
    """CNS-52, attack 19: another account, another device of the account, another room."""
    with pytest.raises(LoginOfAnother) as caught:
        checked(issue(), author, room)
    assert caught.value.code == "login.holder"


def test_a19_control_a_token_that_binds_nothing_is_taken_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack 19 without the countermeasure: whoever has the token is the person."""
    monkeypatch.setattr(LoginToken, "check", lambda *_: None)
    thief = Author(AccountId(bytes(32)), DeviceId(bytes(16)))
    assert checked(issue(), thief, RoomId(bytes(16))).person == ERIKA


@pytest.mark.parametrize("minutes", [-5, 0, 10])
def test_clocks_may_be_five_minutes_apart(minutes: int) -> None:
    """CNS-52."""
    assert checked(issue(), sent_ms=NOW_MS + minutes * 60_000).person == ERIKA


@pytest.mark.parametrize("sent_ms", [NOW_MS - 300_001, NOW_MS + 600_001, NOW_MS + 86_400_000, 0])
def test_a_token_outside_its_time_or_under_a_wrong_clock_is_refused(sent_ms: int) -> None:
    """CNS-52."""
    with pytest.raises(LoginExpired):
        checked(issue(), sent_ms=sent_ms)


def test_a_token_that_comes_when_no_relay_holds_it_any_more_is_refused() -> None:
    """CNS-52: by the clock of who takes it, whatever time the entry states."""
    signed = parse_token(issue())
    last_ms = checked(issue()).expires_ms + RELAY_RETENTION_MS
    assert check_login(MANDATE, signed, AUTHOR, ROOM, NOW_MS, last_ms).person == ERIKA
    with pytest.raises(LoginExpired):
        check_login(MANDATE, signed, AUTHOR, ROOM, NOW_MS, last_ms + 1)


def test_a_login_key_ends_with_its_mandate() -> None:
    """CNS-52, ACC-06: what an older key signed has expired; what a newer one signed is looked up."""
    older = IssuingKey.parse(KEY)
    for seq, error in ((MANDATE.seq - 1, LoginExpired), (MANDATE.seq + 1, MandateInvalid)):
        text = IssuingKey(older.company, seq, older.expires_ms, older.key).text()
        with pytest.raises(error):
            checked(issue(key=text))


def test_a_mandate_without_a_login_key_verifies_no_token() -> None:
    """CNS-50."""
    without = company.sign_mandate({**company.mandate(), 7: None})
    mandate = Mandate.verify(MANDATE.account_id, without)
    with pytest.raises(BadSignature):
        LoginToken.verify(mandate, parse_token(issue()))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"key": "secret"}, e2ee_login.LoginKeyInvalid),
        ({"key": CHALLENGE}, e2ee_login.LoginKeyInvalid),
        ({"challenge": ""}, e2ee_login.ChallengeInvalid),
        ({"challenge": KEY}, e2ee_login.ChallengeInvalid),
        ({"now_s": (MANDATE.expires_ms + 1) / 1000}, e2ee_login.LoginKeyEnded),
        ({"subject": ""}, e2ee_login.PersonInvalid),
        ({"subject": "a\nb"}, e2ee_login.PersonInvalid),
        ({"name": "x" * 65}, e2ee_login.PersonInvalid),
        ({"number": ""}, e2ee_login.PersonInvalid),
        ({"lifetime_s": 601}, e2ee_login.PersonInvalid),
        ({"lifetime_s": 0}, e2ee_login.PersonInvalid),
        ({"level": 4}, e2ee_login.PersonInvalid),
    ],
)
def test_a_web_server_is_told_why_nothing_is_issued(
    changes: dict[str, Any], error: type[e2ee_login.LoginRefused]
) -> None:
    """Each failure by its class; no message holds the key, the challenge or the person."""
    with pytest.raises(error) as caught:
        issue(**changes)
    assert caught.value.code.startswith("login.")
    assert not any(str(one) in str(caught.value) for one in changes.values() if len(str(one)) > 3)


def test_a_challenge_of_another_company_is_refused() -> None:
    """A web server signs for its own company alone."""
    other = challenge_text(parse_challenge(CHALLENGE)._replace(company=AccountId(bytes(32))))
    with pytest.raises(e2ee_login.ChallengeOfAnotherCompany):
        issue(challenge=other)


def test_without_a_clock_of_its_own_the_module_takes_the_machines() -> None:
    """The default is the time of now: a key whose mandate ended long ago is refused."""
    key = IssuingKey.parse(KEY)
    ended = IssuingKey(key.company, key.mandate_seq, 1, key.key).text()
    with pytest.raises(e2ee_login.LoginKeyEnded):
        issue_login_token(ended, CHALLENGE, subject="4711")


def test_a_token_is_not_signed_for_longer_than_ten_minutes() -> None:
    """CNS-51."""
    key, asked = IssuingKey.parse(KEY), parse_challenge(CHALLENGE)
    with pytest.raises(DecodeError):
        login.sign_login(key.key, key.mandate_seq, asked, ERIKA, NOW_MS, login.LOGIN_LIFE_MS + 1)


def test_a_token_that_was_taken_is_read_again_when_its_mandate_is_gone() -> None:
    """CNS-56: whom it names stays known; its form is looked at all the same."""
    found = LoginToken.read(parse_token(issue()))
    assert (found.person, found.asked.customer) == (ERIKA, AUTHOR.account_id)
    with pytest.raises(DecodeError):
        LoginToken.read(b"\x80")


def test_a_damaged_text_is_refused() -> None:
    """CNS-55."""
    for text in (CHALLENGE[:-1] + ("A" if CHALLENGE[-1] != "A" else "B"), "sealroom:login?v=1&c="):
        with pytest.raises(DecodeError):
            parse_challenge(text)
    with pytest.raises(DecodeError):
        IssuingKey.parse(IssuingKey(MANDATE.account_id, 0, 0, IssuingKey.parse(KEY).key).text())
    for text in ("AAAA=", "A", "AB", "=" * 8, "A" * 1601):
        with pytest.raises(DecodeError):
            parse_token(text)


def test_a_web_server_loads_nothing_of_the_client() -> None:
    """The module costs a web process the core alone: no event loop, socket, store or thread."""
    heavy = "'asyncio', 'ssl', 'socket', 'sqlite3', 'threading', 'websockets', 'e2ee_client', 'e2ee_relay'"
    code = f"import sys, e2ee_login; print([one for one in ({heavy}) if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
