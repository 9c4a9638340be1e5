"""Signals and dossiers: what passes beside the transcript and leaves nothing in it (TRN-25, ROOM-25)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Final, TypeAlias

from e2ee.constants import DEVICE_ID_B, MAILBOX_B, TOKEN_B
from e2ee.content import WayBack
from e2ee.errors import ContentError, DecodeError, InvalidArgument
from e2ee.grammar import MAX_RELAY_B, is_relay_url
from e2ee.identity import LIST_MAX_B, RECORD_MAX_B
from e2ee.ids import DeviceId
from e2ee.prekeys import CompactBundle, decode_compact, encode_compact
from e2ee.wire import cbor
from e2ee.wire.fields import MAX_MS, Fields, array, bstr

from .entry import DEVICE_TAG_B, ROOM_ID_B, DeviceTag, EntryHash, RoomId
from .payloads import LANGUAGE_B, REQUEST_ID_B
from .state import SHORT_TEXT_B
from .structure import (
    Structure,
    hash_,
    member,
    number,
    or_null,
    plain,
    reading_content,
    row,
    several,
    size,
    text,
)

TEAM_B: Final = 256
MAX_WANTED: Final = 64
MAX_DEVICES: Final = 4
_KEYS: Final = frozenset({1, 2})
_PAYLOAD: Final = frozenset({3})


class SignalKind(IntEnum):
    """What a signal is."""

    TYPING = 1
    WANT = 2
    REQUEST = 3
    WAITING = 4
    HELD = 5


class RequestKind(IntEnum):
    """What a device asks a steward for."""

    ADD = 1
    TRANSFER = 2
    LEAVE = 3
    CLOSE = 4
    REOPEN = 5


@dataclass(frozen=True, slots=True)
class Request(Structure):
    """A request; it is repeated until a state or a refusal names its id of 8 bytes (ROOM-17)."""

    shape: ClassVar = (
        *(size(REQUEST_ID_B), member(RequestKind), or_null(size(DEVICE_ID_B))),
        *(or_null(text(TEAM_B)), or_null(text(SHORT_TEXT_B))),
    )
    id: bytes
    what: RequestKind
    device_id: DeviceId | None = None
    team: str | None = None
    reason: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Waiting(Structure):
    """A customer waits for somebody of a team, in a language, since when (ROOM-16)."""

    shape: ClassVar = (text(TEAM_B), text(LANGUAGE_B), number(MAX_MS))
    team: str
    language: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class Want:
    """Numbers of devices that are missing: (tag, first, last) each."""

    ranges: tuple[tuple[DeviceTag, int, int], ...]


@dataclass(frozen=True, slots=True)
class Typing:
    """Somebody writes; off unless the application switched it on."""


@dataclass(frozen=True, slots=True)
class NoLongerWaiting:
    """Takes a `Waiting` back."""


@dataclass(frozen=True, slots=True)
class Held:
    """Its sender has the whole file of an entry on disk (TRN-25)."""

    entry_hash: EntryHash


Signal: TypeAlias = Typing | Want | Request | Waiting | NoLongerWaiting | Held
_RANGE: Final = row(size(DEVICE_TAG_B), number(MAX_MS), number(MAX_MS))
_RANGES: Final = several(_RANGE, MAX_WANTED)


def encode_signal(room_id: RoomId, signal: Signal) -> cbor.Value:
    """Return the payload of a content of type 9, after looking whether every reader accepts it.

    Raises:
        InvalidArgument: a value outside chapter 17.
    """
    value = _encoded(room_id, signal)
    try:
        decode_signal(cbor.decode(cbor.encode(value)))
    except (ContentError, DecodeError):
        raise InvalidArgument("a signal outside chapter 17") from None
    return value


def _encoded(room_id: RoomId, signal: Signal) -> cbor.Value:
    match signal:
        case Typing():
            return {1: room_id, 2: int(SignalKind.TYPING)}
        case Want(ranges):
            return {1: room_id, 2: int(SignalKind.WANT), 3: plain(ranges)}
        case Request():
            return {1: room_id, 2: int(SignalKind.REQUEST), 3: signal.value()}
        case Waiting():
            return {1: room_id, 2: int(SignalKind.WAITING), 3: signal.value()}
        case Held(entry_hash):
            return {1: room_id, 2: int(SignalKind.HELD), 3: entry_hash}
        case _:
            return {1: room_id, 2: int(SignalKind.WAITING), 3: None}


def decode_signal(value: cbor.Value) -> tuple[RoomId, Signal]:
    """Read the payload of a content of type 9.

    Raises:
        ContentError: not a signal.
    """
    with reading_content():
        fields = Fields(value, _KEYS, _PAYLOAD)
        room_id, kind = RoomId(fields.bstr(1, ROOM_ID_B)), SignalKind(fields.uint(2, max(SignalKind), 1))
        if fields.has(3) == (kind is SignalKind.TYPING):
            raise DecodeError("a signal of typing says no more, and all others do")
        return room_id, Typing() if kind is SignalKind.TYPING else _decode_signal(kind, fields.value(3))


def _decode_signal(kind: SignalKind, value: cbor.Value) -> Signal:
    match kind:
        case SignalKind.WANT:
            ranges = _RANGES(value)
            if any(first > last for _, first, last in ranges):
                raise DecodeError("a range ends before it begins")
            return Want(ranges)
        case SignalKind.REQUEST:
            return Request.of(value)
        case SignalKind.HELD:
            return Held(hash_(value))
        case _:
            return NoLongerWaiting() if value is None else Waiting.of(value)


@dataclass(frozen=True, slots=True)
class Contact:
    """A device of the customer in a dossier: record, address, and its SPK and PQK (ROOM-25)."""

    record: bytes
    way_back: WayBack
    bundle: CompactBundle | None


@dataclass(frozen=True, slots=True)
class Dossier:
    """What a company's device needs to start sessions with a customer's devices (ROOM-25)."""

    signed_list: bytes = field(repr=False)
    contacts: tuple[Contact, ...]


def encode_dossier(dossier: Dossier) -> cbor.Value:
    """Return the payload of a content of type 11."""
    contacts: list[cbor.Value] = []
    for one in dossier.contacts:
        back: cbor.Value = {1: one.way_back.mailbox, 2: one.way_back.token, 3: one.way_back.relay_url}
        contacts.append([one.record, back, None if one.bundle is None else encode_compact(one.bundle)])
    return {1: dossier.signed_list, 2: contacts}


def decode_dossier(value: cbor.Value) -> Dossier:
    """Read the payload of a content of type 11; list, records and bundles are verified by chapter 05.

    Raises:
        ContentError: not a dossier, or one with one-time keys.
    """
    with reading_content():
        fields = Fields(value, _KEYS)
        signed_list = fields.bstr(1, 1, LIST_MAX_B)
        return Dossier(signed_list, tuple(_decode_contact(item) for item in fields.array(2, 1, MAX_DEVICES)))


def _decode_contact(value: cbor.Value) -> Contact:
    record, back, bundle = array(value, 3, 3)
    found = None if bundle is None else decode_compact(bundle)
    if found is not None and (found.opks or found.one_time_pqks):
        raise DecodeError("a dossier carries no one-time keys")
    fields = Fields(back, frozenset({1, 2, 3}))
    mailbox, token = fields.bstr(1, MAILBOX_B), fields.bstr(2, TOKEN_B)
    url = fields.text(3, MAX_RELAY_B)
    if not is_relay_url(url):
        raise DecodeError("not the URL of a relay")
    return Contact(bstr(record, 1, RECORD_MAX_B), WayBack(mailbox, token, url), found)
