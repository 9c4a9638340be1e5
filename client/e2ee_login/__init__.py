"""Login tokens for a web server: who the person on a page is, said to the room of that page (CNS-50).

    from e2ee_login import issue_login_token

    token = issue_login_token(key, challenge, subject=str(user.id), name=user.full_name)

`key` is the text that `sealroom company login-key FILE` writes, a secret of the web server; `challenge` comes
from the page, and the token goes back to it. The page hands it to its room, inside the encryption: no relay
sees it. It is good for a few minutes, for that one device and room, and once.

Nothing of the client is imported: no event loop, no socket, no store, no thread. Nothing is kept or logged.
Call it only for somebody who is logged in, from a request that a foreign page cannot make (a POST with the
framework's protection against forged requests).
"""

from __future__ import annotations

import time
from typing import ClassVar, Final, Literal

from e2ee.errors import DecodeError
from e2ee.rooms.login import LOGIN_LIFE_MS, Challenge, LoginLevel, Person, sign_login
from e2ee.rooms.login_texts import IssuingKey, parse_challenge, token_text

__all__ = [
    "ChallengeInvalid",
    "ChallengeOfAnotherCompany",
    "LoginKeyEnded",
    "LoginKeyInvalid",
    "LoginRefused",
    "PersonInvalid",
    "issue_login_token",
]

_LIFE_S: Final = 300


class LoginRefused(Exception):
    """No token was issued. Every class carries a stable `code`; no message holds what was given."""

    code: ClassVar[str] = "login"


class LoginKeyInvalid(LoginRefused):
    """Not the text of a login key, or a damaged one."""

    code: ClassVar[str] = "login.key_invalid"


class LoginKeyEnded(LoginRefused):
    """The company's mandate that names this key is over: get the file anew."""

    code: ClassVar[str] = "login.key_ended"


class ChallengeInvalid(LoginRefused):
    """Not the challenge of a room, or a damaged one: answer the page with status 400."""

    code: ClassVar[str] = "login.challenge_invalid"


class ChallengeOfAnotherCompany(LoginRefused):
    """The challenge of a room with another company than the key's: answer the page with status 400."""

    code: ClassVar[str] = "login.challenge_company"


class PersonInvalid(LoginRefused):
    """A subject, name or number that is empty, longer than 64 characters or holds hidden ones, or a life."""

    code: ClassVar[str] = "login.person_invalid"


def issue_login_token(
    key: str,
    challenge: str,
    *,
    subject: str,
    name: str | None = None,
    number: str | None = None,
    level: Literal[1, 2, 3] = 1,
    lifetime_s: int = _LIFE_S,
    now_s: float | None = None,
) -> str:
    """Return a token, about 400 characters, that tells one room who its person is.

    `subject` names the person to your own systems and does not change: a key of your user table, not an
    e-mail address. `name` and `number`, of a customer or a contract, are what clerks read. `level` is 1 for a
    password, 2 for a second factor, 3 for a checked identity document. All have 1 to 64 characters.

    `lifetime_s` is at most 600. The clocks of web server and device may be 5 minutes apart. `now_s` stands in
    for the clock in tests.

    Raises:
        ChallengeInvalid, ChallengeOfAnotherCompany: not of this company's room.
        LoginKeyInvalid, LoginKeyEnded: the key. PersonInvalid: what stands in the token.
    """
    issuing, asked = _key(key), _challenge(challenge)
    if asked.company != issuing.company:
        raise ChallengeOfAnotherCompany("the challenge of a room with another company")
    now_ms = int((time.time() if now_s is None else now_s) * 1000)
    if now_ms > issuing.expires_ms:
        raise LoginKeyEnded("the login key has ended with its mandate")
    if not 1 <= lifetime_s <= LOGIN_LIFE_MS // 1000 or level not in tuple(LoginLevel):
        raise PersonInvalid("a token lives 1 to 600 seconds and has a level of 1 to 3")
    person = Person(subject, name, number, LoginLevel(level))
    try:
        signed = sign_login(issuing.key, issuing.mandate_seq, asked, person, now_ms, lifetime_s * 1000)
    except DecodeError:
        raise PersonInvalid("subject, name and number have 1 to 64 characters, none of them hidden") from None
    return token_text(signed)


def _key(text: str) -> IssuingKey:
    try:
        return IssuingKey.parse(text)
    except DecodeError:
        raise LoginKeyInvalid("not the text of a login key") from None


def _challenge(text: str) -> Challenge:
    try:
        return parse_challenge(text)
    except DecodeError:
        raise ChallengeInvalid("not the challenge of a room") from None
