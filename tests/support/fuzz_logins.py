"""Fuzz targets of logins (chapter 18): tokens, and the texts between page and web server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import fuzz_seeds
import independent_company
import independent_login
from fuzz_beside import beside
from fuzz_signed import part_of, sign_as
from fuzz_target import Shape, Target, require
from vector_files import unhex

from e2ee import labels
from e2ee.errors import (
    BadSignature,
    DecodeError,
    IdentityMismatch,
    LoginExpired,
    LoginOfAnother,
    MandateInvalid,
    UnsupportedVersion,
)
from e2ee.ids import AccountId, DeviceId
from e2ee.rooms import login_texts
from e2ee.rooms.entry import Author, RoomId
from e2ee.rooms.login import LoginToken, check_login, sign_login
from e2ee.rooms.login_texts import IssuingKey
from e2ee.rooms.mandate import Mandate
from spec.vectors import company
from spec.vectors.suite import NOW_MS

_REFUSED: Final = frozenset(
    {BadSignature, DecodeError, IdentityMismatch, LoginExpired, LoginOfAnother, MandateInvalid}
)


def _given() -> dict[str, Any]:
    found: dict[str, Any] = fuzz_seeds.vectors("login")
    return found


def _signed(unsigned: bytes) -> bytes:
    return sign_as(company.login_seed(), labels.SIG_LOGIN, unsigned)


def _check(data: bytes) -> LoginToken:
    given = _given()
    mandate = Mandate.verify(AccountId(company.ACCOUNT_ID), unhex(given["mandate"]))
    author = Author(AccountId(unhex(given["customer"])), DeviceId(unhex(given["device_id"])))
    return check_login(mandate, _signed(data), author, RoomId(unhex(given["room"])), NOW_MS, NOW_MS)


def _check_again(data: bytes) -> object:
    given = _given()
    mandate = independent_company.Mandate.verified(unhex(given["mandate"]), company.ACCOUNT_ID)
    who = tuple(unhex(given[name]) for name in ("customer", "device_id", "room"))
    return independent_login.check(mandate, _signed(data), independent_login.Entry(who, NOW_MS), NOW_MS)


def _holds(data: bytes, found: LoginToken) -> None:
    key = IssuingKey.parse(_given()["issuing_key"]).key
    life_ms = found.expires_ms - found.issued_ms
    again = sign_login(key, company.mandate()[3], found.asked, found.person, found.issued_ms, life_ms)  # type: ignore[arg-type]  # a number
    require(again == _signed(data), "a token has one encoding (CNS-51)")


def _seeds() -> Iterator[bytes]:
    for name in ("token", "bare"):
        yield from part_of(unhex(_given()[name]["signed"]))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _stripped(data: bytes) -> bytes:
    return data.strip(b"\t\n\r ")


def _text_seeds(text: str) -> Iterator[bytes]:
    yield from (text.encode(), f" {text}\n".encode(), text[:-1].encode(), text.replace("v=1", "v=2").encode())


TARGETS: Final = (
    Target(
        "login_token",
        beside(_check, _check_again),
        _holds,
        _REFUSED | {UnsupportedVersion},
        _seeds,
        Shape.CBOR,
        1200,
    ),
    Target(
        "login_challenge",
        beside(
            lambda data: login_texts.parse_challenge(_text(data)),
            lambda data: independent_login.challenge(_text(data)),
        ),
        lambda data, found: require(
            login_texts.challenge_text(found).encode() == _stripped(data), "a challenge has one text (CNS-55)"
        ),
        frozenset({DecodeError}),
        lambda: _text_seeds(_given()["challenge"]),
        Shape.TEXT,
        200,
        tokens=(b"sealroom:login?v=1&c=", b"&c=", b"=", b"_-"),
    ),
    Target(
        "login_key",
        beside(
            lambda data: IssuingKey.parse(_text(data)),
            lambda data: independent_login.issuing_key(_text(data)),
        ),
        lambda data, found: require(
            found.text().encode() == _stripped(data), "a web server's key has one text (CNS-55)"
        ),
        frozenset({DecodeError}),
        lambda: _text_seeds(_given()["issuing_key"]),
        Shape.TEXT,
        160,
        tokens=(b"sealroom:login-key?v=1&k=", b"&k=", b"=", b"_-"),
    ),
    Target(
        "login_text",
        beside(
            lambda data: login_texts.parse_token(_text(data)),
            lambda data: independent_login.token(_text(data)),
        ),
        lambda data, found: require(
            login_texts.token_text(found).encode() == _stripped(data), "a token has one text (CNS-55)"
        ),
        frozenset({DecodeError}),
        lambda: iter([_given()["token"]["text"].encode(), b"AA", b"AB", b"A", b"AAAA=", b""]),
        Shape.TEXT,
        1700,
        tokens=(b"=", b"_-", b"\n"),
    ),
)
