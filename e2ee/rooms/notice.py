"""Notices: what a company tells before anything is collected (CNS-01 to CNS-03)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from e2ee import labels
from e2ee.constants import HASH_B, VERSION
from e2ee.errors import DecodeError, NoticeIncomplete
from e2ee.grammar import MAX_ROOM_RELAY_B, is_email, is_relay_url, is_web_url
from e2ee.identity import account_id_of, check_version, encode_map, signed_bytes, verified
from e2ee.ids import AccountId
from e2ee.primitives import kdf
from e2ee.secret import AccountKey
from e2ee.wire import cbor
from e2ee.wire.fields import KEYS, MAX_U32, array, bstr, flag, uint

from .checks import MAX_SEQ, by_locale, check_account, locale, plain_text

NOTICE_MAX_B: Final = 8_192
MAX_TEXTS: Final = 16
MAX_LINE: Final = 240
MAX_NAMES: Final = 32
MAX_PURPOSE: Final = 32
MAX_CLASS: Final = 4
MAX_AGE: Final = 150
REACH: Final = 2
"""The purpose of a note by e-mail that something waits (CNS-11)."""


class Mode(IntEnum):
    """What a company asks for."""

    NOTICE = 1
    CONSENT = 2
    EXPLICIT = 3
    """Explicit consent by Art. 9 of the GDPR."""


class Purpose(NamedTuple):
    """A purpose by its number, on which legal basis, and whether the room cannot do without it."""

    number: int
    basis: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice whose signature has been verified; its texts are elsewhere, known by their hashes (CNS-01)."""

    signed: bytes
    account_id: AccountId
    version: int
    issued_ms: int
    mode: Mode
    controller: tuple[str, str, str]
    protection_officer: str | None
    purposes: tuple[Purpose, ...]
    operator: str
    relay_url: str
    recipients: tuple[str, ...]
    third_countries: tuple[str, ...]
    retention: tuple[tuple[int, int], ...]
    authority: str
    imprint_url: str
    privacy_url: str
    has_bot: bool
    minimum_age: int | None
    decides_alone: bool
    texts: tuple[tuple[str, bytes], ...]
    default_locale: str
    sector: str
    hash: bytes

    @classmethod
    def verify(cls, account_id: AccountId, signed: bytes) -> Notice:
        """Verify the signature of a notice of a given account, then decode it (ID-29).

        Raises:
            BadSignature: not signed by the account key.
            DecodeError, UnsupportedVersion, IdentityMismatch: as CNS-02 says.
        """
        encoded, fields = verified(account_id, labels.SIG_NOTICE, signed, NOTICE_MAX_B, KEYS[21])
        check_version(fields)
        check_account(fields, account_id)
        texts = by_locale(fields.array(19, 1, MAX_TEXTS), lambda value: bstr(value, HASH_B, HASH_B))
        return cls(
            signed,
            account_id,
            fields.uint(3, MAX_SEQ, 1),
            fields.time_ms(4),
            Mode(fields.uint(5, max(Mode), 1)),
            _controller(fields.value(6)),
            None if fields.value(7) is None else _line(fields.value(7)),
            _purposes(fields.array(8, 1, MAX_PURPOSE)),
            *_operator(fields.value(9)),
            tuple(_line(item) for item in fields.array(10, 0, MAX_NAMES)),
            tuple(_line(item) for item in fields.array(11, 0, MAX_NAMES)),
            _retention(fields.array(12, 1, MAX_CLASS)),
            _line(fields.value(13)),
            _page(fields.value(14)),
            _page(fields.value(15)),
            flag(fields.value(16)),
            None if fields.value(17) is None else fields.uint(17, MAX_AGE),
            flag(fields.value(18)),
            texts,
            _default(locale(fields.value(20)), texts),
            _line(fields.value(21)),
            kdf.hash_(labels.NOTICE, encoded),
        )

    def allows(self, purposes: int) -> bool:
        """Whether a person can consent to just these purposes, bit n - 1 for purpose n (CNS-06)."""
        offered = sum(1 << (one.number - 1) for one in self.purposes)
        required = sum(1 << (one.number - 1) for one in self.purposes if one.is_required)
        return purposes & ~offered == 0 and purposes & required == required


class Draft(NamedTuple):
    """What a company states; None is missing where a notice cannot do without it (CNS-03)."""

    mode: Mode | None = None
    controller: tuple[str, str, str] | None = None
    purposes: Sequence[Purpose] | None = None
    operator: tuple[str, str] | None = None
    retention: Sequence[tuple[int, int]] | None = None
    authority: str | None = None
    imprint_url: str | None = None
    privacy_url: str | None = None
    has_bot: bool | None = None
    decides_alone: bool | None = None
    texts: dict[str, bytes] | None = None
    default_locale: str | None = None
    sector: str | None = None
    protection_officer: str | None = None
    minimum_age: int | None = None
    recipients: Sequence[str] = ()
    third_countries: Sequence[str] = ()


_OPTIONAL: Final = frozenset({"protection_officer", "minimum_age"})


def next_notice(account_id: AccountId, version: int, draft: Draft, now_ms: int) -> bytes:
    """Return the unsigned bytes of a notice, for an account key to sign (CNS-01, CNS-03).

    Raises:
        NoticeIncomplete: a field is missing; `field` names it.
    """
    given = draft._asdict()
    for name, value in given.items():
        if value is None and name not in _OPTIONAL:
            raise NoticeIncomplete("a field of the notice is missing", field=name)
    hashes: list[cbor.Value] = [[name, kdf.sha256(text)] for name, text in sorted(given["texts"].items())]
    values: list[cbor.Value] = [
        *(VERSION, account_id, version, now_ms, int(given["mode"]), list(given["controller"])),
        *(draft.protection_officer, [list(one) for one in sorted(given["purposes"])]),
        *(list(given["operator"]), list(draft.recipients), list(draft.third_countries)),
        *([list(one) for one in sorted(given["retention"])], draft.authority, draft.imprint_url),
        *(draft.privacy_url, draft.has_bot, draft.minimum_age, draft.decides_alone, hashes),
        *(draft.default_locale, draft.sector),
    ]
    return encode_map(*values)


def sign_next_notice(key: AccountKey, unsigned: bytes) -> Notice:
    """Sign the bytes of a notice, where the account key is kept (CNS-01).

    Raises:
        DecodeError, UnsupportedVersion, IdentityMismatch: not a notice of this account.
    """
    return Notice.verify(account_id_of(key), signed_bytes(key, labels.SIG_NOTICE, unsigned))


def sign_notice(key: AccountKey, version: int, draft: Draft, now_ms: int) -> Notice:
    """Sign a notice, where the account key is kept (CNS-01, CNS-03).

    Raises:
        NoticeIncomplete: a field is missing, or is not what CNS-02 takes; `field` names a missing one.
    """
    unsigned = next_notice(account_id_of(key), version, draft, now_ms)
    try:
        return sign_next_notice(key, unsigned)
    except DecodeError:
        raise NoticeIncomplete("a field of the notice is not what it has to be", field="") from None


def _line(value: cbor.Value) -> str:
    return plain_text(value, MAX_LINE)


def _default(name: str, texts: Sequence[tuple[str, bytes]]) -> str:
    if name not in dict(texts):
        raise DecodeError("a default that has no text")
    return name


def _page(value: cbor.Value) -> str:
    text = _line(value)
    if not is_web_url(text):
        raise DecodeError("not the URL of a page")
    return text


def _controller(value: cbor.Value) -> tuple[str, str, str]:
    name, address, email = (_line(item) for item in array(value, 3, 3))
    if not is_email(email):
        raise DecodeError("not an address of e-mail")
    return name, address, email


def _operator(value: cbor.Value) -> tuple[str, str]:
    operator, url = (_line(item) for item in array(value, 2, 2))
    if len(url) > MAX_ROOM_RELAY_B or not is_relay_url(url):
        raise DecodeError("not the URL of a relay")
    return operator, url


def _purposes(items: Sequence[cbor.Value]) -> tuple[Purpose, ...]:
    rows = [array(item, 3, 3) for item in items]
    found = [Purpose(uint(row[0], MAX_PURPOSE, 1), _line(row[1]), flag(row[2])) for row in rows]
    _check_ascending([one.number for one in found])
    return tuple(found)


def _retention(items: Sequence[cbor.Value]) -> tuple[tuple[int, int], ...]:
    rows = [array(item, 2, 2) for item in items]
    found = [(uint(row[0], MAX_CLASS, 1), uint(row[1], MAX_U32)) for row in rows]
    _check_ascending([number for number, _ in found])
    return tuple(found)


def _check_ascending(numbers: Sequence[int]) -> None:
    if list(numbers) != sorted(set(numbers)):
        raise DecodeError("numbers are not ascending")
