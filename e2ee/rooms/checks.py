"""Checks that the structures of chapters 15 and 18 share; all but one raise `DecodeError`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from e2ee.constants import ACCOUNT_ID_B, CLOCK_TOLERANCE_MS, DEVICE_ID_B
from e2ee.errors import DecodeError, IdentityMismatch
from e2ee.grammar import is_locale, is_name, is_origin, is_plain_text
from e2ee.ids import AccountId, DeviceId
from e2ee.wire import cbor
from e2ee.wire.fields import Fields, array, bstr

MAX_SEQ: Final = 2**31 - 1
MAX_ORIGIN_B: Final = 200
_Ordered = TypeVar("_Ordered", bytes, DeviceId, str)
_Read = TypeVar("_Read")


def check_account(fields: Fields, account_id: AccountId) -> None:
    """Refuse a structure that names another account under key 2 than it was verified for (ACC-03).

    Raises:
        IdentityMismatch. DecodeError: not 32 bytes.
    """
    if fields.bstr(2, ACCOUNT_ID_B) != account_id:
        raise IdentityMismatch("a structure of another account")


def check_life(issued_ms: int, expires_ms: int, longest_ms: int) -> None:
    """Refuse a structure that ends before it begins, or lives longer than it may (ACC-03)."""
    if not issued_ms < expires_ms <= issued_ms + longest_ms:
        raise DecodeError("a life that is too long, or none")


def is_in_force(issued_ms: int, expires_ms: int, at_ms: int) -> bool:
    """Whether a time is within a life; the clock tolerance is allowed at both ends (ACC-04)."""
    return issued_ms - CLOCK_TOLERANCE_MS <= at_ms <= expires_ms + CLOCK_TOLERANCE_MS


def ascending(items: tuple[_Ordered, ...]) -> tuple[_Ordered, ...]:
    """Return items that ascend, none twice (ACC-03); texts are ASCII."""
    if any(left >= right for left, right in itertools.pairwise(items)):
        raise DecodeError("items are not ascending")
    return items


def device_ids(items: Sequence[cbor.Value]) -> tuple[DeviceId, ...]:
    """Return device ids that ascend, none twice."""
    return ascending(tuple(DeviceId(bstr(item, DEVICE_ID_B, DEVICE_ID_B)) for item in items))


def plain_text(value: cbor.Value, max_characters: int) -> str:
    """Return a text of 1 to so many characters that holds nothing hidden (ACC-20)."""
    if not isinstance(value, str) or not 1 <= len(value) <= max_characters or not is_plain_text(value):
        raise DecodeError("not a plain text of the right length")
    return value


def locale(value: cbor.Value) -> str:
    """Return a locale (ACC-20)."""
    if not isinstance(value, str) or not is_locale(value):
        raise DecodeError("not a locale")
    return value


def plain_name(value: cbor.Value) -> str:
    """Return a name (ID-33)."""
    if not isinstance(value, str) or not is_name(value):
        raise DecodeError("not a name")
    return value


def page_origin(value: cbor.Value) -> str:
    """Return the origin of a page."""
    if not isinstance(value, str) or len(value) > MAX_ORIGIN_B or not is_origin(value):
        raise DecodeError("not the origin of a page")
    return value


def by_locale(
    items: Sequence[cbor.Value], read: Callable[[cbor.Value], _Read]
) -> tuple[tuple[str, _Read], ...]:
    """Return rows [locale, value] that ascend by their locales, none twice."""
    rows = tuple((locale(row[0]), read(row[1])) for row in (array(item, 2, 2) for item in items))
    ascending(tuple(name for name, _ in rows))
    return rows
