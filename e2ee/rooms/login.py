"""Who a customer is, by the company's own word: login tokens (CNS-50 to CNS-53).

device of the customer -- challenge --> page --> the company's web server, where the person is logged in
                       <-- token, signed by the login key of the mandate --
device -- `identify`, inside the encryption --> every device of the company checks it
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

from e2ee import labels
from e2ee.constants import ACCOUNT_ID_B, DEVICE_ID_B, RELAY_RETENTION_MS, VERSION
from e2ee.errors import BadSignature, LoginExpired, LoginOfAnother, MandateInvalid
from e2ee.identity import check_version, encode_map, signed_bytes, verified
from e2ee.ids import AccountId, DeviceId
from e2ee.secret import LoginKey
from e2ee.wire import cbor
from e2ee.wire.fields import KEYS, Fields, decode_map, decode_signed

from .checks import MAX_SEQ, check_life, plain_name
from .entry import ROOM_ID_B, Author, RoomId
from .mandate import Mandate, check_mandate

LOGIN_MAX_B: Final = 1_200
LOGIN_LIFE_MS: Final = 600_000
"""The longest life of a token (CNS-51)."""
LOGIN_TOLERANCE_MS: Final = 300_000
"""How far the clocks of device and web server may be apart (CNS-52)."""
CHALLENGE_B: Final = 16
_KEYS: Final = KEYS[13]


class LoginLevel(IntEnum):
    """How the web server knows the person."""

    PASSWORD = 1
    SECOND_FACTOR = 2
    DOCUMENT = 3


class Challenge(NamedTuple):
    """What a device of a customer asks a token for: nobody else can use the token (CNS-53)."""

    company: AccountId
    customer: AccountId
    device_id: DeviceId
    room: RoomId
    nonce: bytes


class Person(NamedTuple):
    """Who has logged in: the web server's own name for the person, and what clerks are shown."""

    subject: str
    name: str | None = None
    number: str | None = None
    level: LoginLevel = LoginLevel.PASSWORD


@dataclass(frozen=True, slots=True)
class LoginToken:
    """A login token whose signature has been verified; `signed` is the whole structure (CNS-50, CNS-51)."""

    signed: bytes = field(repr=False)
    asked: Challenge
    issued_ms: int
    expires_ms: int
    person: Person = field(repr=False)

    @classmethod
    def verify(cls, mandate: Mandate, signed: bytes) -> LoginToken:
        """Verify the signature of a token by the login key of its mandate, then decode it (ID-29).

        Raises:
            BadSignature: not signed by that key, or the mandate names none.
            DecodeError, UnsupportedVersion, IdentityMismatch, MandateInvalid: as CNS-51 says.
        """
        if mandate.login_public is None:
            raise BadSignature("the mandate names no login key")
        _, fields = verified(mandate.login_public, labels.SIG_LOGIN, signed, LOGIN_MAX_B, _KEYS)
        check_version(fields)
        check_mandate(fields, mandate)
        return cls._of(signed, fields)

    @classmethod
    def read(cls, signed: bytes) -> LoginToken:
        """Read a token that was verified when it came; its mandate may be gone since.

        Raises:
            DecodeError, UnsupportedVersion.
        """
        fields = decode_map(decode_signed(signed, LOGIN_MAX_B)[0], LOGIN_MAX_B, _KEYS)
        check_version(fields)
        return cls._of(signed, fields)

    @classmethod
    def _of(cls, signed: bytes, fields: Fields) -> LoginToken:
        asked = Challenge(
            AccountId(fields.bstr(2, ACCOUNT_ID_B)),
            AccountId(fields.bstr(4, ACCOUNT_ID_B)),
            DeviceId(fields.bstr(5, DEVICE_ID_B)),
            RoomId(fields.bstr(6, ROOM_ID_B)),
            fields.bstr(7, CHALLENGE_B),
        )
        issued_ms, expires_ms = fields.time_ms(8), fields.time_ms(9)
        check_life(issued_ms, expires_ms, LOGIN_LIFE_MS)
        person = Person(
            plain_name(fields.value(10)),
            _name_or_none(fields.value(11)),
            _name_or_none(fields.value(12)),
            LoginLevel(fields.uint(13, max(LoginLevel), min(LoginLevel))),
        )
        return cls(signed, asked, issued_ms, expires_ms, person)

    def check(self, author: Author, room: RoomId, sent_ms: int, now_ms: int) -> None:
        """Refuse a token that was made for another device or room, is sent outside its time, or comes when no
        relay holds it any more (CNS-52).

        Raises:
            LoginOfAnother, LoginExpired.
        """
        if (self.asked.customer, self.asked.device_id, self.asked.room) != (*author, room):
            raise LoginOfAnother("a login of another account, device or room")
        earliest_ms, latest_ms = self.issued_ms - LOGIN_TOLERANCE_MS, self.expires_ms + LOGIN_TOLERANCE_MS
        if not earliest_ms <= sent_ms <= latest_ms or now_ms > self.expires_ms + RELAY_RETENTION_MS:
            raise LoginExpired("a login outside its time")


def check_login(
    mandate: Mandate, signed: bytes, author: Author, room: RoomId, sent_ms: int, now_ms: int
) -> LoginToken:
    """Verify the token of an `identify` and its place and time (CNS-52).

    Raises:
        LoginOfAnother, LoginExpired. What `verify_login` raises.
    """
    token = verify_login(mandate, signed)
    token.check(author, room, sent_ms, now_ms)
    return token


def verify_login(mandate: Mandate, signed: bytes) -> LoginToken:
    """Verify a token by the mandate that counts (CNS-52).

    Raises:
        LoginExpired: of a mandate before. MandateInvalid: of one that is not known yet.
        What `LoginToken.verify` raises.
    """
    stated = stated_mandate(signed)
    if stated < mandate.seq:
        raise LoginExpired("a login under a mandate that was replaced")
    if stated > mandate.seq:
        raise MandateInvalid("a login under a mandate that is not known")
    return LoginToken.verify(mandate, signed)


def stated_mandate(signed: bytes) -> int:
    """Return the number of the mandate that a token states, before its signature is verified (CNS-52).

    Raises:
        DecodeError.
    """
    encoded, _ = decode_signed(signed, LOGIN_MAX_B)
    return decode_map(encoded, LOGIN_MAX_B, _KEYS).uint(3, MAX_SEQ, 1)


def sign_login(
    key: LoginKey, mandate_seq: int, asked: Challenge, person: Person, now_ms: int, life_ms: int
) -> bytes:
    """Sign a login token, where the person is logged in (CNS-50).

    Raises:
        DecodeError: a life, name or number that no token has.
    """
    check_life(now_ms, now_ms + life_ms, LOGIN_LIFE_MS)
    subject, name, number, level = person
    names = plain_name(subject), _name_or_none(name), _name_or_none(number)
    places = asked.customer, asked.device_id, asked.room, asked.nonce
    values = (VERSION, asked.company, mandate_seq, *places, now_ms, now_ms + life_ms, *names, int(level))
    return signed_bytes(key, labels.SIG_LOGIN, encode_map(*values))


def _name_or_none(value: cbor.Value) -> str | None:
    return None if value is None else plain_name(value)
