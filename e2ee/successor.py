"""Successor statements as text, and recovery keys as people type them (ID-61, ID-63)."""

from __future__ import annotations

import base64
import re
from typing import Final

from .constants import ACCOUNT_ID_B
from .errors import DecodeError, InvalidArgument
from .identity import ADDRESS_MAX_B, check_version
from .ids import AccountId
from .secret import RecoveryKey
from .wire.fields import KEYS, decode_map, decode_signed

_SPACES: Final = "\t\n\r "
_HEAD: Final = "sealroom:successor?v=1&s="
_TEXT: Final = re.compile(rf"{re.escape(_HEAD)}(?P<signed>[A-Za-z0-9_-]{{1,684}})")
_KEY: Final = re.compile("[0-9A-Fa-f]{64}")


def to_text(signed: bytes) -> str:
    """Return the text of a signed statement, to be given out (ID-61)."""
    return _HEAD + base64.urlsafe_b64encode(signed).decode("ascii").rstrip("=")


def parse(text: str) -> bytes:
    """Return the signed statement of a text, not verified.

    Raises:
        DecodeError: not the one spelling of a statement (ID-61).
    """
    stripped = text.strip(_SPACES)
    found = _TEXT.fullmatch(stripped)
    if found is None or len(found["signed"]) % 4 == 1:
        raise DecodeError("not a successor statement")
    signed = base64.urlsafe_b64decode(found["signed"] + "==")
    if to_text(signed) != stripped:
        raise DecodeError("the successor statement is damaged")
    return signed


def old_account(signed: bytes) -> AccountId:
    """Return whose successor a statement names, by its own word: its list verifies it (ID-13).

    Raises:
        DecodeError, UnsupportedVersion: not such a statement.
    """
    fields = decode_map(decode_signed(signed, ADDRESS_MAX_B)[0], ADDRESS_MAX_B, KEYS[4])
    check_version(fields)
    return AccountId(fields.bstr(2, ACCOUNT_ID_B))


def parse_recovery_key(text: str) -> RecoveryKey:
    """Read a recovery key as it was shown, in groups or not (ID-63).

    Raises:
        InvalidArgument: not 64 hexadecimal digits.
    """
    digits = text.translate(dict.fromkeys(map(ord, _SPACES)))
    if _KEY.fullmatch(digits) is None:
        raise InvalidArgument("a recovery key has 64 digits, 0 to 9 and A to F")
    return RecoveryKey(bytes.fromhex(digits))
