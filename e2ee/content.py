"""What stands inside a body (chapter 10)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

from .constants import (
    ASK_ID_B,
    CONTENT_ID_B,
    HASH_B,
    LINE_B,
    MAILBOX_B,
    MAX_CONTENT_B,
    NUMBER_B,
    SHORT_ID_B,
    TOKEN_B,
)
from .errors import ContentError, ContentTooLarge, DecodeError, InvalidArgument
from .grammar import MAX_RELAY_B, is_relay_url
from .identity import LIST_MAX_B, MAX_SEQ, ListHead
from .ids import ContentId, ListHash
from .numbers import Number
from .prekeys import CompactBundle, decode_compact, encode_compact
from .wire import cbor
from .wire.fields import KEYS, MAX_MS, MAX_U32, Fields, array, bstr, uint

MAX_RECEIPT_IDS: Final = 64
_IGNORED_FROM: Final = 64
_OPTIONAL: Final = frozenset({5, 6, 7, 8, 9})

# A text with its number and nothing else has one layout; only the length of the text has 1 to 3 bytes.
_PLAIN: Final = f">5s{CONTENT_ID_B}s2sQ3sB"
_TINY: Final = struct.Struct(_PLAIN)
_SHORT: Final = struct.Struct(_PLAIN + "B")
_LONG: Final = struct.Struct(_PLAIN + "H")
_TEXT_HEAD: Final = b"\xa5\x01\x01\x02\x50"
_TIME_HEAD: Final = b"\x03\x1b"
_PAYLOAD_HEAD: Final = b"\x04\xa1\x01"
_NUMBER_HEAD: Final = b"\x09\x54"
_TAIL_B: Final = len(_NUMBER_HEAD) + NUMBER_B
_TEXT_AT: Final = {0x78: _SHORT.size, 0x79: _LONG.size}
_PLAIN_MAX_B: Final = 32_768
_A_NUMBER: Final = Number(1, bytes(LINE_B), 1)


class ContentType(IntEnum):
    """Types of the registry."""

    TEXT = 1
    RECEIPT = 2
    ADDRESS = 3
    SYNC = 5
    LIST = 6
    NOTHING = 7
    ENTRY = 8
    SIGNAL = 9
    FORWARD = 10
    DOSSIER = 11
    ROSTER = 12


_COUNTED: Final = frozenset(
    {ContentType.TEXT, ContentType.ENTRY, ContentType.FORWARD, ContentType.DOSSIER, ContentType.ROSTER}
)
_OF_ROOMS: Final = _COUNTED - {ContentType.TEXT} | {ContentType.SIGNAL}


class ReceiptState(IntEnum):
    """What a receipt says."""

    DELIVERED = 1
    READ = 2


class SyncKind(IntEnum):
    """What a sync is: a question, or what is told (SES-24)."""

    ASK = 1
    TELL = 2


@dataclass(frozen=True, slots=True)
class Text:
    """A text; its length is 1 character or more."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Contents that arrived or were read (CON-04)."""

    state: ReceiptState
    ids: tuple[ContentId, ...]


class Top(NamedTuple):
    """The active session of a side: its epoch, and the first 8 bytes of its id (SES-28)."""

    epoch: int
    short_id: bytes


@dataclass(frozen=True, slots=True)
class Sync:
    """What a side knows of the pair (SES-24).

    `ask_id` has 8 bytes; a tell that answers no ask has none. `given` is the newest number that the sender
    gave, `got` the highest that it received, 0 for none.
    """

    kind: SyncKind
    ask_id: bytes | None
    top: Top | None
    given: Number | None
    got: int


@dataclass(frozen=True, slots=True)
class SignedList:
    """A newer device list of the sender (CON-10)."""

    signed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AddressOnly:
    """Only a new address; it stands in the content's `address`."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """A message that only turns the ratchets (CON-11)."""


@dataclass(frozen=True, slots=True)
class OfRooms:
    """What a room, or a company's team, says; `e2ee.rooms` reads the payload (chapters 15 to 18)."""

    type: ContentType
    payload: cbor.Value = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A type that this version does not know (CON-02)."""

    type: int
    payload: cbor.Value = field(repr=False)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a room says to several devices, encoded and checked once; `head` is all that stands ahead of the
    number, for this content without one.
    """

    content: Content
    payload: OfRooms
    head: bytes = field(repr=False)


Payload: TypeAlias = (
    Text | Receipt | Sync | SignedList | AddressOnly | Nothing | OfRooms | Prepared | Unsupported
)


class Heads(NamedTuple):
    """The sender's own list head and the peer's as the sender knows it (CON-05)."""

    own: ListHead
    peer: ListHead | None


@dataclass(frozen=True, slots=True)
class WayBack:
    """Mailbox, delivery token and relay through which the sender can be reached (CON-06)."""

    mailbox: bytes
    token: bytes = field(repr=False)
    relay_url: str


class Content(NamedTuple):
    """One content: payload and what travels with it. `sent_ms` is the sender's claim (CON-09)."""

    id: ContentId
    sent_ms: int
    payload: Payload
    heads: Heads | None = None
    epoch: int | None = None
    way_back: WayBack | None = None
    bundle: CompactBundle | None = None
    number: Number | None = None


def encode(content: Content) -> bytes:
    """Return the deterministic encoding.

    Raises:
        ContentTooLarge: more than 65 536 bytes (WIRE-14).
        InvalidArgument: a value outside chapter 10.
    """
    short = _encode_plain(content) or _encode_prepared(content)
    if short is not None:
        return short
    kind, payload = _encode_payload(content.payload)
    entries: dict[int, cbor.Value] = {1: int(kind), 2: content.id, 3: content.sent_ms, 4: payload}
    if content.heads is not None:
        entries[5] = {1: _encode_head(content.heads.own), 2: _encode_head(content.heads.peer)}
    if content.epoch is not None:
        entries[6] = content.epoch
    if content.way_back is not None:
        entries[7] = {1: content.way_back.mailbox, 2: content.way_back.token, 3: content.way_back.relay_url}
    if content.bundle is not None:
        entries[8] = encode_compact(content.bundle)
    if content.number is not None:
        entries[9] = content.number.encode()
    encoded = cbor.encode(entries)
    if len(encoded) > MAX_CONTENT_B:
        raise ContentTooLarge("a content has at most 65536 bytes")
    try:
        # What every peer would refuse is not sealed: its number would be used, and the content lost.
        _decode(entries)
    except DecodeError:
        raise InvalidArgument("a content outside chapter 10") from None
    return encoded


def prepare(content: Content) -> Content:
    """Encode and check a content of type 8, 10, 11 or 12 once, for all devices to which it is sealed; only
    its number is to be added for each (ADR 0006).

    Raises:
        ContentTooLarge, InvalidArgument: as `encode`, or not a content of these types and nothing else.
    """
    if not isinstance(content.payload, OfRooms) or content.number is not None or not _is_alone(content):
        raise InvalidArgument("not a content of rooms alone")
    encoded = encode(content._replace(number=_A_NUMBER))
    return content._replace(payload=Prepared(content, content.payload, encoded[:-_TAIL_B]))


def _is_alone(content: Content) -> bool:
    """Whether nothing travels with the payload but perhaps a number."""
    beside = (content.heads, content.epoch, content.way_back, content.bundle)
    return beside == (None, None, None, None)


def _encode_prepared(content: Content) -> bytes | None:
    """Return the encoding of a prepared content with its number alone; None sends it the long way."""
    payload, number = content.payload, content.number
    if not isinstance(payload, Prepared) or number is None:
        return None
    if content._replace(payload=payload.payload, number=None) != payload.content:
        return None
    return b"".join((payload.head, _NUMBER_HEAD, number.encode()))


def decode(encoded: bytes) -> Content:
    """Read an authenticated content.

    Raises:
        ContentError: it breaks chapter 10 (CON-01, CON-03).
    """
    try:
        return _decode_plain(encoded) or _decode(cbor.decode(encoded, MAX_CONTENT_B))
    except DecodeError:
        raise ContentError("the content breaks the rules of chapter 10") from None


def _encode_plain(content: Content) -> bytes | None:
    """Return the encoding of a text with its number alone; None sends it the long way (ADR 0006)."""
    payload, number = content.payload, content.number
    if not isinstance(payload, Text) or number is None or not _is_alone(content):
        return None
    try:
        text = payload.text.encode("utf-8")
    except UnicodeEncodeError:
        return None
    head = _plain_head(content.id, content.sent_ms, len(text))
    return None if head is None else b"".join((head, text, _NUMBER_HEAD, number.encode()))


def _decode_plain(encoded: bytes) -> Content | None:
    """Return the content if it is a text with its number and nothing else, which most messages are; None
    sends it the long way.

    What stands ahead of the text is encoded again and compared, so that every byte has one accepted form. A
    property test holds this against the long way.
    """
    end = len(encoded) - _TAIL_B
    if end < _TINY.size or not encoded.startswith(_NUMBER_HEAD, end):
        return None
    _, content_id, _, sent_ms, _, first = _TINY.unpack_from(encoded)
    start = _TEXT_AT.get(first, _TINY.size)
    if encoded[:start] != _plain_head(content_id, sent_ms, end - start):
        return None
    try:
        payload = Text(encoded[start:end].decode("utf-8"))
        number = Number.decode(encoded[-NUMBER_B:])
    except (UnicodeDecodeError, DecodeError):
        return None
    return Content(ContentId(content_id), sent_ms, payload, number=number)


def _plain_head(content_id: bytes, sent_ms: int, size_b: int) -> bytes | None:
    """Return what stands ahead of a text of `size_b` bytes in {1: 1, 2: id, 3: time of 8 bytes, 4: {1: text},
    9: number}; None for a value whose encoding has another length.
    """
    if len(content_id) != CONTENT_ID_B or not MAX_U32 < sent_ms <= MAX_MS or not 0 < size_b <= _PLAIN_MAX_B:
        return None
    if size_b < 24:
        return _TINY.pack(_TEXT_HEAD, content_id, _TIME_HEAD, sent_ms, _PAYLOAD_HEAD, 0x60 | size_b)
    layout, first = (_SHORT, 0x78) if size_b < 256 else (_LONG, 0x79)
    return layout.pack(_TEXT_HEAD, content_id, _TIME_HEAD, sent_ms, _PAYLOAD_HEAD, first, size_b)


def _decode(value: cbor.Value) -> Content:
    if not isinstance(value, dict):
        raise DecodeError("not a map")
    known = {key: item for key, item in value.items() if key < _IGNORED_FROM}
    fields = Fields(known, KEYS[4], _OPTIONAL)
    heads = _decode_heads(fields.value(5)) if fields.has(5) else None
    epoch = fields.uint(6, MAX_U32) if fields.has(6) else None
    way_back = _decode_way_back(fields.value(7)) if fields.has(7) else None
    bundle = decode_compact(fields.value(8)) if fields.has(8) else None
    number = Number.decode(fields.bstr(9, NUMBER_B)) if fields.has(9) else None
    kind = fields.uint(1)
    if kind == ContentType.ADDRESS and way_back is None:
        raise DecodeError("a content of type address has an address")
    if (kind in _COUNTED) != (number is not None):
        raise DecodeError("a counted content has a number, and nothing else has")
    content_id = ContentId(fields.bstr(2, CONTENT_ID_B))
    payload = _decode_payload(kind, fields.value(4))
    return Content(content_id, fields.time_ms(3), payload, heads, epoch, way_back, bundle, number)


def _encode_payload(payload: Payload) -> tuple[int, cbor.Value]:
    match payload:
        case Text(text):
            if not text:
                raise InvalidArgument("a text has at least one character")
            return ContentType.TEXT, {1: text}
        case Receipt(state, ids):
            if not 1 <= len(ids) <= MAX_RECEIPT_IDS:
                raise InvalidArgument("a receipt names 1 to 64 contents")
            return ContentType.RECEIPT, {1: int(state), 2: list(ids)}
        case Sync():
            return ContentType.SYNC, _encode_sync(payload)
        case SignedList(signed):
            return ContentType.LIST, {1: signed}
        case Prepared(payload=prepared):
            return prepared.type, prepared.payload
        case AddressOnly():
            return ContentType.ADDRESS, None
        case Nothing():
            return ContentType.NOTHING, None
        case _:
            return payload.type, payload.payload


def _decode_payload(kind: int, value: cbor.Value) -> Payload:
    if kind in _OF_ROOMS:
        return OfRooms(ContentType(kind), value)
    match kind:
        case ContentType.TEXT:
            return Text(Fields(value, KEYS[1]).text(1, MAX_CONTENT_B))
        case ContentType.RECEIPT:
            return _decode_receipt(Fields(value, KEYS[2]))
        case ContentType.SYNC:
            return _decode_sync(Fields(value, KEYS[5]))
        case ContentType.LIST:
            return SignedList(Fields(value, KEYS[1]).bstr(1, 1, LIST_MAX_B))
        case ContentType.ADDRESS | ContentType.NOTHING:
            if value is not None:
                raise DecodeError("a payload where none belongs")
            return AddressOnly() if kind == ContentType.ADDRESS else Nothing()
        case _:
            return Unsupported(kind, value)


def _decode_receipt(fields: Fields) -> Receipt:
    ids = tuple(ContentId(bstr(item, CONTENT_ID_B)) for item in fields.array(2, 1, MAX_RECEIPT_IDS))
    return Receipt(ReceiptState(fields.uint(1, max(ReceiptState), 1)), ids)


def _encode_sync(sync: Sync) -> cbor.Value:
    given = None if sync.given is None else sync.given.encode()
    return {1: int(sync.kind), 2: sync.ask_id, 3: encode_top(sync.top), 4: given, 5: sync.got}


def _decode_sync(fields: Fields) -> Sync:
    kind = SyncKind(fields.uint(1, max(SyncKind), 1))
    ask_id = fields.bstr_or_null(2, ASK_ID_B, ASK_ID_B)
    if kind is SyncKind.ASK and ask_id is None:
        raise DecodeError("an ask has an id")
    given = fields.bstr_or_null(4, NUMBER_B, NUMBER_B)
    return Sync(
        kind,
        ask_id,
        decode_top(fields.value(3)),
        None if given is None else Number.decode(given),
        fields.uint(5, MAX_MS),
    )


def encode_top(top: Top | None) -> cbor.Value:
    """Return what `decode_top` reads."""
    return None if top is None else list(top)


def decode_top(value: cbor.Value) -> Top | None:
    """Return the newest session that a device tells of, None where it has none."""
    if value is None:
        return None
    epoch, short_id = array(value, 2, 2)
    return Top(uint(epoch, MAX_U32), bstr(short_id, SHORT_ID_B))


def _encode_head(head: ListHead | None) -> cbor.Value:
    return None if head is None else [head.seq, head.hash]


def _decode_heads(value: cbor.Value) -> Heads:
    fields = Fields(value, KEYS[2])
    peer = fields.value(2)
    return Heads(_decode_head(fields.value(1)), None if peer is None else _decode_head(peer))


def _decode_head(value: cbor.Value) -> ListHead:
    seq, hash_ = array(value, 2, 2)
    return ListHead(uint(seq, MAX_SEQ, 1), ListHash(bstr(hash_, HASH_B)))


def _decode_way_back(value: cbor.Value) -> WayBack:
    fields = Fields(value, KEYS[3])
    url = fields.text(3, MAX_RELAY_B)
    if not is_relay_url(url):
        raise DecodeError("not the URL of a relay")
    return WayBack(fields.bstr(1, MAILBOX_B), fields.bstr(2, TOKEN_B), url)
