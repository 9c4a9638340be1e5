"""Other ways to a company, shown when this one is closed, refused or out of order (ACC-18)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from e2ee import labels
from e2ee.constants import CLOCK_TOLERANCE_MS, VERSION
from e2ee.errors import DecodeError, MandateInvalid
from e2ee.grammar import is_email, is_phone, is_plain_text, is_web_url
from e2ee.identity import check_version, encode_map, signed_bytes, verified
from e2ee.secret import RosterKey
from e2ee.wire import cbor
from e2ee.wire.fields import KEYS, Fields, array, uint

from .checks import by_locale, plain_text
from .mandate import Mandate, check_mandate

CHANNELS_MAX_B: Final = 8_192
MAX_VALUE: Final = 240
MAX_CHANNELS: Final = 16
MAX_HOURS: Final = 4


class ChannelKind(IntEnum):
    """Ways to a company that are not this one."""

    PHONE = 1
    EMAIL = 2
    POST = 3
    WEB = 4


_VALUES: Final[dict[ChannelKind, Callable[[str], bool]]] = {
    ChannelKind.PHONE: is_phone,
    ChannelKind.EMAIL: is_email,
    ChannelKind.POST: is_plain_text,
    ChannelKind.WEB: is_web_url,
}


class Channel(NamedTuple):
    """One way: how, where, and what it is called."""

    kind: ChannelKind
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Channels:
    """A company's other channels and its hours by locale, verified (ACC-18)."""

    signed: bytes
    issued_ms: int
    channels: tuple[Channel, ...]
    hours: tuple[tuple[str, str], ...]

    @classmethod
    def verify(cls, mandate: Mandate, signed: bytes, now_ms: int) -> Channels:
        """Verify channels against the mandate that they belong to (ACC-18, ID-29).

        Raises:
            BadSignature, DecodeError, UnsupportedVersion, IdentityMismatch.
            MandateInvalid: of another mandate, or issued ahead of the clock tolerance.
        """
        _, fields = verified(mandate.roster_public, labels.SIG_CHANNELS, signed, CHANNELS_MAX_B, KEYS[6])
        check_version(fields)
        check_mandate(fields, mandate)
        issued_ms = fields.time_ms(4)
        channels, hours = _read(fields)
        if issued_ms > now_ms + CLOCK_TOLERANCE_MS:
            raise MandateInvalid("channels of a time to come")
        return cls(signed, issued_ms, channels, hours)


def sign_channels(
    key: RosterKey, mandate: Mandate, channels: Sequence[Channel], hours: Mapping[str, str], now_ms: int
) -> Channels:
    """Sign the other channels of a company (ACC-18)."""
    unsigned = encode_map(VERSION, mandate.account_id, mandate.seq, now_ms, *_written(channels, hours))
    return Channels.verify(mandate, signed_bytes(key, labels.SIG_CHANNELS, unsigned), now_ms)


def check_channels(channels: Sequence[Channel], hours: Mapping[str, str]) -> None:
    """Refuse what no channels can have (ACC-03, ACC-20).

    Raises:
        DecodeError.
    """
    rows, times = _written(channels, hours)
    _read(Fields({5: rows, 6: times}, frozenset({5, 6})))


def _written(channels: Sequence[Channel], hours: Mapping[str, str]) -> tuple[cbor.Value, cbor.Value]:
    rows: list[cbor.Value] = [[int(one.kind), one.value, one.label] for one in channels]
    times: list[cbor.Value] = [[locale, hours[locale]] for locale in sorted(hours)]
    return rows, times


def _read(fields: Fields) -> tuple[tuple[Channel, ...], tuple[tuple[str, str], ...]]:
    channels = tuple(_channel(item) for item in fields.array(5, 0, MAX_CHANNELS))
    return channels, by_locale(fields.array(6, 0, MAX_HOURS), lambda value: plain_text(value, MAX_VALUE))


def _channel(value: cbor.Value) -> Channel:
    row = array(value, 3, 3)
    kind = ChannelKind(uint(row[0], max(ChannelKind), 1))
    text = plain_text(row[1], MAX_VALUE)
    if not _VALUES[kind](text):
        raise DecodeError("not a channel of this kind")
    return Channel(kind, text, plain_text(row[2], MAX_VALUE))
