"""Safety numbers: sixty digits or a QR code, the same on both sides (ID-24 to ID-26)."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from . import labels
from .constants import ACCOUNT_ID_B
from .errors import DecodeError, InvalidArgument
from .ids import AccountId
from .primitives import kdf

_ROUNDS: Final = 5200
_FINGERPRINT_B: Final = 32
_GROUPS: Final = 6
_GROUP_B: Final = 5
_QR_PREFIX: Final = "SEALROOM:1:"
_QR: Final = re.compile(f"{_QR_PREFIX}[0-9A-F]{{{4 * _FINGERPRINT_B}}}")


def fingerprint(account_id: AccountId) -> bytes:
    """Return the 32-byte fingerprint of an account (ID-24); takes milliseconds on purpose."""
    if len(account_id) != ACCOUNT_ID_B:
        raise InvalidArgument("an account id has 32 bytes")
    digest = labels.SAFETY
    for _ in range(_ROUNDS):
        digest = hashlib.sha512(digest + account_id).digest()
    return digest[:_FINGERPRINT_B]


def safety_number(ours: AccountId, theirs: AccountId) -> str:
    """Return 60 digits in 12 groups of five, separated by spaces (ID-25)."""
    groups = [
        int.from_bytes(print_[start : start + _GROUP_B], "big") % 100_000
        for print_ in _ordered(ours, theirs)
        for start in range(0, _GROUPS * _GROUP_B, _GROUP_B)
    ]
    return " ".join(f"{group:05d}" for group in groups)


def qr_payload(ours: AccountId, theirs: AccountId) -> str:
    """Return the text for a QR code (ID-26); upper case and digits, so that the code stays small."""
    return _QR_PREFIX + b"".join(_ordered(ours, theirs)).hex().upper()


def compare_qr(ours: AccountId, theirs: AccountId, scanned: str) -> bool:
    """Whether a scanned payload says the same as our own (ID-26).

    Raises:
        DecodeError: the text is not a safety number.
    """
    if _QR.fullmatch(scanned) is None:
        raise DecodeError("not a safety number")
    return kdf.equal(scanned.encode("ascii"), qr_payload(ours, theirs).encode("ascii"))


def _ordered(ours: AccountId, theirs: AccountId) -> list[bytes]:
    return sorted((fingerprint(ours), fingerprint(theirs)))
