"""The files that a company serves for browsers, as its account lists them (CNS-60 to CNS-63)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from e2ee import labels
from e2ee.constants import ACCOUNT_ID_B, HASH_B, MANDATE_TTL_MS, VERSION
from e2ee.errors import DecodeError, Expired, IdentityMismatch, ListFork, ListRollback
from e2ee.identity import account_id_of, check_version, encode_map, signed_bytes, verified
from e2ee.ids import AccountId
from e2ee.secret import AccountKey
from e2ee.wire import cbor
from e2ee.wire.fields import KEYS, array, bstr, decode_signed, uint

from .checks import MAX_SEQ, ascending, check_account, check_life, is_in_force, page_origin, plain_text

ASSETS_MAX_B: Final = 16_384
ASSET_MAX_B: Final = 4_194_304
"""One file (CNS-61)."""
MAX_ASSETS: Final = 128
MAX_PAGES: Final = 4
MAX_SETS: Final = 4
MAX_HEADERS: Final = 16
MAX_RELEASE: Final = 64
MAX_AGE: Final = 2
"""Of how many releases before the scripts stay, so that a page that is open finds them."""
MAX_PATH_B: Final = 120
_PATH: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+)+")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
_VALUE: Final = re.compile(r"[!-~](?:[ -~]{0,1022}[!-~])?")

Header = tuple[str, str]
HeaderSet = tuple[Header, ...]


class Place(IntEnum):
    """Which origins serve a file."""

    ROOM = 0
    PAGE = 1


class Asset(NamedTuple):
    """One file: `headers` is the number of its set, `age` that of its release (CNS-61)."""

    place: Place
    path: str
    size_b: int
    sha256: bytes
    headers: int
    age: int


class Served(NamedTuple):
    """What is served for browsers, before anybody has signed it."""

    release: str
    origin: str
    pages: Sequence[str]
    header_sets: Sequence[HeaderSet]
    files: Sequence[Asset]


@dataclass(frozen=True, slots=True)
class Assets:
    """Assets whose signature has been verified; `signed` is the whole structure (CNS-60, CNS-61)."""

    signed: bytes
    account_id: AccountId
    seq: int
    issued_ms: int
    expires_ms: int
    release: str
    origin: str
    pages: tuple[str, ...]
    header_sets: tuple[HeaderSet, ...]
    files: tuple[Asset, ...]

    @classmethod
    def verify(cls, account_id: AccountId, signed: bytes) -> Assets:
        """Verify the signature of assets of a given account, then decode them (ID-29).

        Raises:
            BadSignature: not signed by the account key.
            DecodeError, UnsupportedVersion, IdentityMismatch: as CNS-61 says.
        """
        _, fields = verified(account_id, labels.SIG_ASSETS, signed, ASSETS_MAX_B, KEYS[10])
        check_version(fields)
        check_account(fields, account_id)
        seq, issued_ms, expires_ms = fields.uint(3, MAX_SEQ, 1), fields.time_ms(4), fields.time_ms(5)
        check_life(issued_ms, expires_ms, MANDATE_TTL_MS)
        release, origin = plain_text(fields.value(6), MAX_RELEASE), page_origin(fields.value(7))
        pages = ascending(tuple(page_origin(item) for item in fields.array(8, 1, MAX_PAGES)))
        sets = tuple(_header_set(item) for item in fields.array(9, 1, MAX_SETS))
        files = tuple(_asset(item, len(sets)) for item in fields.array(10, 1, MAX_ASSETS))
        places = [(one.place, one.path) for one in files]
        if places != sorted(set(places)):
            raise DecodeError("files are not ascending")
        return cls(signed, account_id, seq, issued_ms, expires_ms, release, origin, pages, sets, files)

    @staticmethod
    def stated_account(signed: bytes) -> AccountId:
        """Return the account that assets state, for who knows none. Nothing is verified.

        Raises:
            DecodeError.
        """
        encoded, _ = decode_signed(signed, ASSETS_MAX_B)
        fields = cbor.decode(encoded, ASSETS_MAX_B)
        return AccountId(
            bstr(fields.get(2) if isinstance(fields, dict) else None, ACCOUNT_ID_B, ACCOUNT_ID_B)
        )

    def check(self, now_ms: int, origin: str | None) -> None:
        """Refuse assets outside their time, or of another origin where one is given (CNS-62).

        Raises:
            Expired, IdentityMismatch.
        """
        if not is_in_force(self.issued_ms, self.expires_ms, now_ms):
            raise Expired("assets are not valid at this time")
        if origin is not None and origin != self.origin:
            raise IdentityMismatch("assets of another origin")

    def check_follows(self, known: Assets) -> None:
        """Refuse assets that are older than known ones, or others with the same number (CNS-63).

        Raises:
            ListRollback, ListFork.
        """
        if self.seq < known.seq:
            raise ListRollback("assets of a lower number than the known ones")
        if self.seq == known.seq and self.signed != known.signed:
            raise ListFork("other assets with the number of the known ones", signed=self.signed)


def next_assets(account_id: AccountId, seq: int, served: Served, issued_ms: int, expires_ms: int) -> bytes:
    """Return the unsigned bytes of assets, for an account key to sign (CNS-60)."""
    sets: list[cbor.Value] = [[list(header) for header in sorted(one)] for one in served.header_sets]
    rows: list[cbor.Value] = [[int(one.place), *one[1:]] for one in sorted(served.files)]
    of = (served.release, served.origin, sorted(set(served.pages)), sets, rows)
    return encode_map(VERSION, account_id, seq, issued_ms, expires_ms, *of)


def sign_assets(key: AccountKey, unsigned: bytes) -> Assets:
    """Sign the bytes of assets, where the account key is kept (CNS-60).

    Raises:
        DecodeError, UnsupportedVersion, IdentityMismatch: not assets of this account.
    """
    return Assets.verify(account_id_of(key), signed_bytes(key, labels.SIG_ASSETS, unsigned))


def is_asset_path(text: str) -> bool:
    """Whether a text is the path of a file that may be listed (CNS-61)."""
    return len(text) <= MAX_PATH_B and _PATH.fullmatch(text) is not None


def _header_set(value: cbor.Value) -> HeaderSet:
    rows = tuple(_header(item) for item in array(value, 1, MAX_HEADERS))
    ascending(tuple(name for name, _ in rows))
    return rows


def _header(value: cbor.Value) -> Header:
    name, said = array(value, 2, 2)
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise DecodeError("not the name of a header")
    if not isinstance(said, str) or _VALUE.fullmatch(said) is None:
        raise DecodeError("not the value of a header")
    return name, said


def _asset(value: cbor.Value, sets: int) -> Asset:
    place, path, size_b, sha256, headers, age = array(value, 6, 6)
    if not isinstance(path, str) or not is_asset_path(path):
        raise DecodeError("not the path of a file")
    return Asset(
        Place(uint(place, max(Place))),
        path,
        uint(size_b, ASSET_MAX_B),
        bstr(sha256, HASH_B, HASH_B),
        uint(headers, sets - 1),
        uint(age, MAX_AGE),
    )
