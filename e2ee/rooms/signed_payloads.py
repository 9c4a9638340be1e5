"""Payloads that carry a structure which is signed by itself (TRN-21); its own chapter says by whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from e2ee.errors import DecodeError
from e2ee.grammar import is_locale
from e2ee.wire import cbor
from e2ee.wire.fields import bstr

from .kinds import Kind
from .structure import Structure, row, several, size, text

SIGNED_MAX_B: Final = 8_192
LOCALE_B: Final = 5
NOTICE_TEXT_B: Final = 16_384


def signed(value: cbor.Value) -> bytes:
    """Read the bytes of a signed structure; its own chapter says whose signature it is."""
    return bstr(value, 1, SIGNED_MAX_B)


class _Signed(Structure):
    """A payload that is the bytes of one signed structure, and no map."""

    __slots__ = ()
    signed: bytes

    @classmethod
    def of(cls, value: cbor.Value) -> _Signed:
        """Read the bytes."""
        return cls(signed(value))  # type: ignore[call-arg]  # each subclass has this one field

    def value(self) -> cbor.Value:
        """Return the bytes."""
        return self.signed


@dataclass(frozen=True, slots=True)
class Consent(_Signed):
    """A newer receipt of the customer."""

    kind: ClassVar = Kind.CONSENT
    signed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Withdrawal(_Signed):
    """A withdrawal of the customer's consent."""

    kind: ClassVar = Kind.WITHDRAW
    signed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Channels(_Signed):
    """Other ways to reach the company."""

    kind: ClassVar = Kind.CHANNELS
    signed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identify(Structure):
    """A login token: who the customer is, by the company's own word; None where the person signs out."""

    kind: ClassVar = Kind.IDENTIFY
    signed: bytes | None = field(repr=False)

    @classmethod
    def of(cls, value: cbor.Value) -> Identify:
        """Read the bytes, or null."""
        return cls(None if value is None else signed(value))

    def value(self) -> cbor.Value:
        """Return the bytes, or null."""
        return self.signed


@dataclass(frozen=True, slots=True)
class Notice(Structure):
    """A newer signed notice, with its text, as bytes, in the one locale of the receipt."""

    kind: ClassVar = Kind.NOTICE
    signed: bytes = field(repr=False)
    locale: str
    text: bytes = field(repr=False)

    @classmethod
    def of(cls, value: cbor.Value) -> Notice:
        """Read [signed notice, [[locale, text]]]."""
        texts = several(row(text(LOCALE_B), size(1, NOTICE_TEXT_B)), 1)
        notice, ((locale, words),) = row(signed, texts)(value)
        if not is_locale(locale):
            raise DecodeError("not a locale")
        return cls(notice, locale, words)

    def value(self) -> cbor.Value:
        """Return [signed notice, [[locale, text]]]."""
        return [self.signed, [[self.locale, self.text]]]
