"""Padding classes: a relay sees one of few sizes (WIRE-11 to WIRE-13, WIRE-15)."""

from __future__ import annotations

from typing import Final

from e2ee.constants import BODY_CLASSES_B, FIRST_BODY_B
from e2ee.errors import AuthenticationError

_MARK: Final = b"\x80"


def body_class(length_b: int, *, first: bool = False) -> int:
    """Return the padded size of a body that has `length_b` bytes with its mark: of kind 2 if it is of a first
    flight, else of kind 1 (WIRE-11, WIRE-12). A padded body is of the class of its own size.
    """
    for class_b in (FIRST_BODY_B, *BODY_CLASSES_B) if first else BODY_CLASSES_B:
        if length_b <= class_b:
            return class_b
    return padme(length_b)


def padme(length_b: int) -> int:
    """Return the PADME size of a length above 4096 (WIRE-11)."""
    exponent = length_b.bit_length() - 1
    mask: int = (1 << (exponent - exponent.bit_length())) - 1
    return (length_b + mask) & ~mask


def pad(plaintext: bytes, size_b: int) -> bytes:
    """Append 0x80 and zero bytes up to `size_b`, which is longer than the plaintext."""
    return (plaintext + _MARK).ljust(size_b, b"\0")


def unpad(padded: bytes, start: int = 0) -> bytes:
    """Return what stands between `start` and the 0x80 before the zero bytes at the end.

    Raises:
        AuthenticationError: there is no 0x80 there (WIRE-13).
    """
    mark = padded.rfind(_MARK, start)
    # Everything after the last 0x80 has to be zero, else that 0x80 is content and there is no mark.
    if mark < 0 or not padded.endswith(bytes(len(padded) - mark - 1)):
        raise AuthenticationError
    return padded[start:mark]
