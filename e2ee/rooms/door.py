"""The door: all that is read before anybody accepts, one static file (CNS-04, CNS-05)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from e2ee.constants import ACCOUNT_ID_B, CLOCK_TOLERANCE_MS
from e2ee.errors import DecodeError, IdentityMismatch, MandateInvalid
from e2ee.grammar import is_plain_text
from e2ee.ids import AccountId
from e2ee.primitives import kdf
from e2ee.wire import cbor
from e2ee.wire.fields import array, bstr, decode_signed

from .channels import CHANNELS_MAX_B, Channels
from .checks import by_locale
from .mandate import MANDATE_MAX_B, Mandate
from .notice import NOTICE_MAX_B, Notice

TEXT_MAX_B: Final = 16_384
DOOR_MAX_B: Final = 262_144
MAX_DOOR_TEXTS: Final = 4


@dataclass(frozen=True, slots=True)
class Door:
    """A door that was verified up to a pinned account; `texts` are to be shown, by locale."""

    mandate: Mandate
    notice: Notice
    texts: tuple[tuple[str, str], ...]
    channels: Channels

    @classmethod
    def verify(
        cls, account_id: AccountId, encoded: bytes, now_ms: int, relay_url: str | None, origin: str | None
    ) -> Door:
        """Verify a door file against a pinned account (CNS-04, CNS-05).

        `relay_url` is that of the contact card, `origin` that of the page, None where there is none.

        Raises:
            DecodeError, BadSignature, UnsupportedVersion, IdentityMismatch, MandateInvalid.
        """
        items = _items(encoded)
        signed = (bstr(items[0], 1, MANDATE_MAX_B), bstr(items[1], 1, NOTICE_MAX_B))
        shown = by_locale(array(items[2], 1, MAX_DOOR_TEXTS), lambda value: bstr(value, 1, TEXT_MAX_B))
        signed_channels = bstr(items[3], 1, CHANNELS_MAX_B)
        mandate = Mandate.verify(account_id, signed[0])
        mandate.check_time(now_ms)
        if origin is not None and origin not in mandate.origins:
            raise MandateInvalid("a page that the company has not named")
        notice = Notice.verify(account_id, signed[1])
        if notice.issued_ms > now_ms + CLOCK_TOLERANCE_MS:
            raise MandateInvalid("a notice of a time to come")
        if relay_url is not None and relay_url != notice.relay_url:
            raise IdentityMismatch("another relay than the one of the contact card")
        texts = check_texts(notice, shown)
        if notice.default_locale not in dict(texts):
            raise DecodeError("the text that everybody can be shown is missing")
        return cls(mandate, notice, texts, Channels.verify(mandate, signed_channels, now_ms))


def stated_account(encoded: bytes) -> AccountId:
    """Return the account that the mandate of a door states, for who knows none (CNS-27). Nothing is verified.

    Raises:
        DecodeError.
    """
    signed, _ = decode_signed(bstr(_items(encoded)[0], 1, MANDATE_MAX_B), MANDATE_MAX_B)
    fields = cbor.decode(signed, MANDATE_MAX_B)
    return AccountId(bstr(fields.get(2) if isinstance(fields, dict) else None, ACCOUNT_ID_B, ACCOUNT_ID_B))


def stated_mandate(account_id: AccountId, encoded: bytes) -> Mandate:
    """Return the verified mandate of a door whose other parts, or whose time, may be wrong.

    Raises:
        DecodeError, BadSignature, UnsupportedVersion, IdentityMismatch.
    """
    return Mandate.verify(account_id, bstr(_items(encoded)[0], 1, MANDATE_MAX_B))


def _items(encoded: bytes) -> Sequence[cbor.Value]:
    return array(cbor.decode(encoded, DOOR_MAX_B), 4, 4)


def encode_door(mandate: Mandate, notice: Notice, texts: Mapping[str, str], channels: Channels) -> bytes:
    """Return the door file (CNS-04)."""
    rows: list[cbor.Value] = [[name, text.encode()] for name, text in sorted(texts.items())]
    return cbor.encode([mandate.signed, notice.signed, rows, channels.signed])


def check_texts(notice: Notice, shown: Sequence[tuple[str, bytes]]) -> tuple[tuple[str, str], ...]:
    """Return texts to be shown, by locale: each is the one whose hash the notice has (CNS-05).

    Raises:
        DecodeError.
    """
    hashes = dict(notice.texts)
    for name, text in shown:
        if hashes.get(name) != kdf.sha256(text):
            raise DecodeError("not a text of this notice")
    return tuple((name, _readable(text)) for name, text in shown)


def _readable(text: bytes) -> str:
    try:
        found = text.decode("utf-8")
    except UnicodeDecodeError:
        raise DecodeError("not UTF-8") from None
    if not is_plain_text(found):
        raise DecodeError("a text that holds something hidden")
    return found
